# SPDX-License-Identifier: MIT
"""distribution's storage on disk: where things are, what is there, and what of it must not go.

The oracle at the end is the rules over plain dictionaries; it knows nothing of how regfs-gc works.
"""
import hashlib
import json
import os
import re
import shutil
import stat
from pathlib import Path

OURS = ".regfs-gc"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def tree(root):
    """{path: what is there}, of everything but what regfs-gc keeps for itself. Times of folders do not count."""
    found = {}
    for folder, folders, files in os.walk(root):
        if Path(folder) == Path(root) and OURS in folders:
            folders.remove(OURS)
        for name in folders + files:
            path = Path(folder, name)
            status = path.lstat()
            kind, rest = stat.S_IFMT(status.st_mode), None
            if stat.S_ISLNK(kind):
                rest = os.readlink(path)
            elif stat.S_ISREG(kind):
                rest = (status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
            found[str(path.relative_to(root))] = (kind, rest)
    return found


def hard_copy(source, target):
    """A copy in no time: hard links to files that nobody writes to, only makes, renames and removes."""
    shutil.copytree(source, target, copy_function=os.link, symlinks=True)
    return Path(target)


def split(digest):
    return digest.split(":", 1)


class Repository:
    """As it is on disk. revisions, layers: {digest of the path: digest in the file, None if it has none};
    tags: {tag: digest or None}."""

    def __init__(self, path):
        self.path = path
        self.revisions = links(path / "_manifests" / "revisions")
        self.layers = links(path / "_layers")
        folder = path / "_manifests" / "tags"
        self.tags = {p.name: target(p / "current" / "link") for p in sorted(folder.iterdir())} if folder.is_dir() else {}

    def uploads(self):
        folder = self.path / "_uploads"
        return {p.name for p in folder.iterdir()} if folder.is_dir() else set()


def target(link):
    text = link.read_text(errors="replace") if link.is_file() else ""
    return text if DIGEST.fullmatch(text) else None


def links(folder):
    return {f"{path.parent.parent.name}:{path.parent.name}": target(path) for path in folder.glob("*/*/link")}


class Disk:
    def __init__(self, root):
        self.root = Path(root)
        self.v2 = self.root / "docker" / "registry" / "v2"

    # Where things are.

    def blob(self, digest):
        algorithm, name = split(digest)
        return self.v2 / "blobs" / algorithm / name[:2] / name / "data"

    def repository(self, name):
        return self.v2 / "repositories" / name

    def revision(self, repository, digest):
        return self.repository(repository).joinpath("_manifests", "revisions", *split(digest), "link")

    def layer(self, repository, digest):
        return self.repository(repository).joinpath("_layers", *split(digest), "link")

    def tag(self, repository, tag):
        return self.repository(repository) / "_manifests" / "tags" / tag / "current" / "link"

    def entry(self, repository, tag, digest):
        folder = self.repository(repository) / "_manifests" / "tags" / tag / "index"
        return folder.joinpath(*split(digest), "link")

    # What is there.

    def blobs(self):
        """{digest: bytes on disk}."""
        found = {f"{p.parts[-4]}:{p.parts[-2]}": p.lstat().st_size for p in self.v2.glob("blobs/*/*/*/data")}
        return {digest: size for digest, size in found.items() if DIGEST.fullmatch(digest)}

    def names(self):
        """Every folder that is a repository, the catalog's and others."""
        found = set()
        for folder, folders, _ in os.walk(self.v2 / "repositories"):
            if {"_manifests", "_layers", "_uploads"} & set(folders):
                found.add(str(Path(folder).relative_to(self.v2 / "repositories")))
            folders[:] = [name for name in folders if not name.startswith("_")]
        return sorted(found)

    def repositories(self):
        return {name: Repository(self.repository(name)) for name in self.names()}

    def tags(self):
        return [(name, tag) for name, repository in self.repositories().items() for tag in repository.tags]

    def document(self, digest):
        """A manifest as a dictionary; None: it is not there, or no manifest."""
        try:
            document = json.loads(self.blob(digest).read_bytes())
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) and "schemaVersion" in document else None

    def quarantined(self, folder=None):
        """What lies there, but for the mark that says whose it is."""
        folder = Path(folder or self.root / OURS / "quarantine")
        found = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())
        return [path for path in found if path != "regfs-gc-quarantine"]

    def age(self, seconds, folder=None):
        """The folder and everything in it becomes so much older."""
        folder = Path(folder or self.v2)
        for path in (*folder.rglob("*"), folder):
            status = path.lstat()
            times = (status.st_atime - seconds, status.st_mtime - seconds)
            os.utime(path, times, follow_symlinks=False)


def children(document):
    return [entry["digest"] for entry in document.get("manifests") or []]


def parts(document):
    """The blobs that a manifest names: config, layers, and schema 1's."""
    named = ([document["config"]] if "config" in document else []) + (document.get("layers") or [])
    return [entry["digest"] for entry in named] + [entry["blobSum"] for entry in document.get("fsLayers") or []]


class Held:
    """What must stay: blobs as digests; revisions and layers as (repository, digest) of their links; unsure: names of
    repositories in which something is not known, so that they hold all that they link."""

    def __init__(self, disk, delete_untagged=False):
        self.disk = disk
        self.blobs, self.revisions, self.layers, self.unsure = set(), set(), set(), set()
        for name, repository in disk.repositories().items():
            if any(disk.document(d) is None for d in repository.revisions) or None in repository.tags.values():
                self.unsure.add(name)
            roots = {d for d in repository.tags.values() if d}
            if not delete_untagged or name in self.unsure:
                roots |= set(repository.revisions)
            manifests = self.below(repository, roots)
            named = {d for m in manifests for d in parts(disk.document(m) or {})}
            if name in self.unsure:
                named |= set(repository.layers)
            self.blobs |= manifests | named
            # What was pushed by sha512 is kept by sha256, and the link by sha512 names that one.
            self.blobs |= {repository.layers.get(d) or d for d in named}
            self.revisions |= {(name, d) for d in manifests & set(repository.revisions)}
            # Manifests as well: version 2.1 linked them there, and version 2 looks there.
            self.layers |= {(name, d) for d in (manifests | named) & set(repository.layers)}
        self.blobs &= set(disk.blobs())

    def below(self, repository, roots):
        """The manifests that are held: an index's children, linked or not, and what names a held one as its subject."""
        referrers = {}
        for digest in repository.revisions:
            subject = (self.disk.document(digest) or {}).get("subject")
            if subject:
                referrers.setdefault(subject["digest"], []).append(digest)
        found, todo = set(), list(roots)
        while todo:
            digest = todo.pop()
            if digest not in found:
                found.add(digest)
                todo += children(self.disk.document(digest) or {}) + referrers.get(digest, [])
        return found

    def garbage(self):
        return set(self.disk.blobs()) - self.blobs


def missing(disk, repository, digest, seen=None):
    """What a manifest needs and a registry would not serve in this repository: digests, [] if it is whole."""
    seen = set() if seen is None else seen
    if digest in seen:
        return []
    seen.add(digest)
    document = disk.document(digest)
    if document is None or not disk.revision(repository, digest).exists():
        return [digest]
    found = []
    for part in parts(document):
        kept = target(disk.layer(repository, part))
        if not kept or not disk.blob(kept).exists():
            found.append(part)
    for child in children(document):
        found += missing(disk, repository, child, seen)
    return found
