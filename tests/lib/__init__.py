# SPDX-License-Identifier: MIT
"""What tests are made of. What whoever runs them has set is not for them, nor for what they start: a proxy would be asked
for servers on loopback, registries take each REGISTRY_* for their own (podman has one too), programs would speak another
language, and regfs would trust, or write to, what is the user's."""
import os

for _name in list(os.environ):
    if _name.lower().endswith("_proxy") or _name.startswith("REGISTRY_") or _name in (
            "LANGUAGE", "SSL_CERT_DIR", "SSL_CERT_FILE", "XDG_STATE_HOME"):
        del os.environ[_name]
