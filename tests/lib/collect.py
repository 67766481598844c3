# SPDX-License-Identifier: MIT
"""Registries' own garbage collectors, and what is on disk before and after them."""
import subprocess

from lib import servers


def stored(server):
    """The digests of all that the registry keeps, read from its folder."""
    if isinstance(server, servers.Zot):
        found = server.storage.glob("**/blobs/sha256/*")
    else:
        found = (p.parent for p in server.storage.glob("docker/registry/v2/blobs/sha256/*/*/data"))
    return {"sha256:" + path.name for path in found}


def collect(server):
    """Runs distribution's `garbage-collect`, without --delete-untagged, over a registry that is stopped."""
    assert server.process is None
    done = subprocess.run([server.program(), "garbage-collect", server.folder / "config.yml"], cwd=server.folder,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
