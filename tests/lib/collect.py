# SPDX-License-Identifier: MIT
"""Registries' own garbage collectors: what they say, and what is on disk before and after them."""
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from lib import servers

DIGEST = r"sha\d+:[0-9a-f]+"
BLOB = re.compile(rf"blob eligible for deletion: ({DIGEST})")
MANIFEST_2 = re.compile(rf"manifest eligible for deletion: ({DIGEST})")
MANIFEST_3 = re.compile(rf"manifest eligible for deletion: \{{(\S+) ({DIGEST}) \[.*\]\}}")
LAYER = re.compile(rf"(\S+): layer link eligible for deletion: ({DIGEST})")
NAME = re.compile(r"[a-z0-9._/-]+")


@dataclass
class Said:
    """What a collector said that it removes, or would. manifests, layers: (repository, digest)."""
    status: int
    error: str
    blobs: set = field(default_factory=set)
    manifests: set = field(default_factory=set)
    layers: set = field(default_factory=set)


def stored(server):
    """The digests of all that the registry keeps, read from its folder."""
    if isinstance(server, servers.Zot):
        found = server.storage.glob("**/blobs/sha256/*")
    else:
        found = (p.parent for p in server.storage.glob("docker/registry/v2/blobs/sha256/*/*/data"))
    return {"sha256:" + path.name for path in found}


def understood(done):
    said, repository = Said(done.returncode, done.stderr), None
    for line in done.stdout.splitlines():
        if match := BLOB.fullmatch(line):
            said.blobs.add(match[1])
        elif match := MANIFEST_3.fullmatch(line):
            said.manifests.add((match[1], match[2]))
        elif match := MANIFEST_2.fullmatch(line):
            said.manifests.add((repository, match[1]))
        elif match := LAYER.fullmatch(line):
            said.layers.add((match[1], match[2]))
        elif NAME.fullmatch(line):
            repository = line
    return said


def collector(server, *flags, storage=None):
    """Runs distribution's `garbage-collect` over a registry's storage, or over a copy of it."""
    config = server.folder / "config.yml"
    if storage:
        config = Path(f"{storage}.yml")
        config.write_text(json.dumps({"version": 0.1, "log": {"level": "warn"},
                                      "storage": {"filesystem": {"rootdirectory": str(storage)}}}))
    done = subprocess.run([server.program(), "garbage-collect", *flags, config], cwd=server.folder, capture_output=True,
                          text=True, timeout=300, env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
    return understood(done)


def collect(server):
    """Runs it, without --delete-untagged, over a registry that is stopped."""
    assert server.process is None
    said = collector(server)
    assert said.status == 0, said.error[-2000:]
