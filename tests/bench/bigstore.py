#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the storage of a registry that has been at work for years, of any size, as distribution 2.8 leaves it.

    bigstore.py FOLDER [--repositories 100] [--groups 10]

Every repository has so many groups of 20 revisions and 20 tags. A group is 17 tagged manifests (one of them an index
of two images that have no tag of their own), three of which have a second tag that has moved often; one image whose
tag was moved away; and one that was deleted over HTTP: its revision is gone, its blobs and the links to them stay.
An image has three layers of its own, and three that all repositories share. So with 100 repositories of 10 groups there
are 20,000 revisions, 20,000 tags, 101,048 blobs, 5 % indexes, and 10 % garbage. The same arguments write the same bytes.
"""
import argparse
import gzip
import hashlib
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lib import images  # noqa: E402

PLATFORMS = ("linux/amd64", "linux/arm64/v8")
SHARED = [gzip.compress(b"shared layer %d\n" % n, 1, mtime=0) for n in range(48)]
HISTORY = [{"created": "2020-01-01T00:00:00Z", "created_by": "RUN /bin/sh -c step %d %s" % (n, "x" * 60)}
           for n in range(8)]  # so that a config has the size that configs have
MOVES = 10  # what a tag that moves has pointed to


class Store:
    """What was written, and what of it is garbage. Digests are without "sha256:"."""

    def __init__(self, folder, repositories=100, groups=10):
        self.root = Path(folder)
        self.v2 = str(self.root / "docker" / "registry" / "v2")
        self.blobs, self.bytes = 0, 0
        self.repositories, self.revisions, self.tags, self.links = repositories, 0, 0, 0
        self.garbage = set()  # whatever the options are
        self.untagged = set()  # more of it, with --delete-untagged
        self.children = set()  # and what 2.8 takes for it: the blobs of an index's images
        self.serial = 0
        for number in range(256):
            os.makedirs(f"{self.v2}/blobs/sha256/{number:02x}")
        self.shared = [self.blob(images.OCI_LAYER, data) for data in SHARED]
        for number in range(repositories):
            self.repository(f"team{number // 10:02}/app{number:04}", groups)

    def blob(self, kind, data):
        """Keeps it; the descriptor."""
        found = hashlib.sha256(data).hexdigest()
        folder = f"{self.v2}/blobs/sha256/{found[:2]}/{found}"
        os.mkdir(folder)
        write(folder + "/data", data)
        self.blobs += 1
        self.bytes += len(data)
        return {"mediaType": kind, "digest": "sha256:" + found, "size": len(data)}

    def link(self, folder, descriptor):
        folder = f"{folder}/{descriptor['digest'][7:]}"
        os.mkdir(folder)
        write(folder + "/link", descriptor["digest"].encode())
        self.links += 1

    def repository(self, name, groups):
        top = f"{self.v2}/repositories/{name}"
        for folder in ("_layers/sha256", "_manifests/revisions/sha256", "_manifests/tags", "_uploads"):
            os.makedirs(f"{top}/{folder}")
        for layer in self.shared:
            self.link(top + "/_layers/sha256", layer)
        for number in range(groups):
            self.group(top, number)

    def group(self, top, number):
        tagged = [self.image(top)[0] for _ in range(16)]
        index = self.index(top)
        self.untagged |= self.image(top)[1]
        self.garbage |= self.image(top, linked=False)[1]
        for at, manifest in enumerate([*tagged, index]):
            self.tag(top, f"v{number}.{at}", [manifest])
        for at in range(3):
            self.tag(top, f"latest-{number}-{at}", tagged[at:at + MOVES])

    def image(self, top, platform="linux/amd64", linked=True):
        """(its descriptor, the digests of what nothing else has)"""
        self.serial += 1
        layers = [self.blob(images.OCI_LAYER, gzip.compress(b"layer %d of %d\n" % (n, self.serial), 1, mtime=0))
                  for n in range(3)]
        config = self.blob(images.OCI_CONFIG, images.as_bytes({
            **images.platform_of(platform), "created": "2020-01-01T00:00:00Z",
            "config": {"Labels": {"serial": str(self.serial)}}, "history": HISTORY,
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}}))
        for descriptor in (config, *layers):
            self.link(top + "/_layers/sha256", descriptor)
        at = self.serial % 16 * 3  # so that the tagged images of any group share all of them
        made = self.manifest(top, images.OCI_MANIFEST, linked, config=config, layers=self.shared[at:at + 3] + layers)
        return made, {one["digest"][7:] for one in (made, config, *layers)}

    def index(self, top):
        entries = []
        for platform in PLATFORMS:
            made, own = self.image(top, platform)
            entries.append({**made, "platform": images.platform_of(platform)})
            self.children |= own - {made["digest"][7:]}  # a list marks its children's manifests, as blobs
        return self.manifest(top, images.OCI_INDEX, manifests=entries)

    def manifest(self, top, kind, linked=True, **members):
        made = self.blob(kind, images.as_bytes({"schemaVersion": 2, "mediaType": kind, **members}))
        if linked:
            self.link(top + "/_manifests/revisions/sha256", made)
            self.revisions += 1
        return made

    def tag(self, top, name, pushed):
        """Points to the first that was pushed: what it was before that stays in its index."""
        folder = f"{top}/_manifests/tags/{name}"
        os.makedirs(folder + "/index/sha256")
        os.mkdir(folder + "/current")
        write(folder + "/current/link", pushed[0]["digest"].encode())
        self.links += 1
        for manifest in pushed:
            self.link(folder + "/index/sha256", manifest)
        self.tags += 1

    def __str__(self):
        return (f"{self.repositories:,} repositories, {self.tags:,} tags, {self.revisions:,} revisions, "
                f"{self.links:,} link files, {self.blobs:,} blobs ({self.bytes / 2**20:.0f} MiB), "
                f"of which {len(self.garbage | self.untagged):,} are garbage")


def write(path, data):
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(made, data)
    os.close(made)


def main():
    parser = argparse.ArgumentParser(description="Writes a large storage as distribution 2.8 leaves it after years.")
    parser.add_argument("folder", help="does not exist, or is empty")
    parser.add_argument("--repositories", type=int, default=100)
    parser.add_argument("--groups", type=int, default=10, help="of 20 revisions and 20 tags, in each repository (10)")
    options = parser.parse_args()
    begun = time.monotonic()
    store = Store(options.folder, options.repositories, options.groups)
    print(f"{store}; written in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
