# SPDX-License-Identifier: MIT
"""Storages with garbage in them, by real pushes and deletes; and what regfs-gc is told to take it away at once."""
from lib import images as im
from lib import shelves
from lib.storage import Disk

BUILTIN = ["--engine=builtin", "--grace=0", "--settle=0"]
UNTAGGED = ["--delete-untagged"]


def options(engine):
    return BUILTIN if engine == "builtin" else []


def fill(server):
    """Everything; then what its old tags alone led to is deleted by digest."""
    full, old = shelves.everything(native_referrers=False)
    full.fill(server)
    left = full.without(old)
    for name, repository in full.repositories.items():
        kept = left.repositories[name].manifests()
        for digest in repository.manifests():
            if digest not in kept:
                server.sink.request("DELETE", f"/v2/{name}/manifests/{digest}")
    server.stop()
    assert set(left.tags()) <= set(Disk(server.storage).tags())


def small(server):
    """One tag that stays, and one deleted image. The digests that are garbage."""
    kept, gone = im.image(layers=[im.layer("kept\n")]), im.image(layers=[im.layer("gone\n")])
    server.push("app", "v1", kept)
    server.push("app", "v2", gone)
    server.sink.request("DELETE", f"/v2/app/manifests/{gone.digest}")
    return {gone.digest, *gone.blobs}


def on_disk(server):
    return sum(Disk(server.storage).blobs().values())
