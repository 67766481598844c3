# SPDX-License-Identifier: MIT
"""What must be left of a registry after tags were removed: the oracle that mounts are held against.

It knows nothing of how a mount works: it is the rules of removing over plain dictionaries.
"""
import re

SUBJECT_TAG = re.compile(r"sha256-([0-9a-f]{64})(\.(sig|att|sbom))?")


def family(image):
    return {part.digest: part for part in image.family()}


def subject_of(image):
    return image.document.get("subject", {}).get("digest")


class Repository:
    """tags: {tag: image}; loose: images that are pushed by digest alone; gone: digests that were here once."""

    def __init__(self, tags, loose=(), gone=()):
        self.tags, self.loose, self.gone = dict(tags), list(loose), set(gone)

    def pushes(self):
        return [*((None, image) for image in self.loose), *self.tags.items()]

    def manifests(self):
        found = {}
        for _, image in self.pushes():
            found.update(family(image))
        return found

    def signed_by(self, tag):
        """The digest that a tag like sha256-<hex>.sig names, if that image was ever here."""
        match = SUBJECT_TAG.fullmatch(tag)
        digest = match and "sha256:" + match[1]
        return digest if digest in self.manifests() or digest in self.gone else None

    def hanging(self, digest):
        """What refers to a manifest: by its subject, or by its own tag's name."""
        for image in self.manifests().values():
            if subject_of(image) == digest:
                yield image
        for tag, image in self.tags.items():
            if self.signed_by(tag) == digest:
                yield image

    def concerned(self, removed):
        """Everything that hangs from the removed tags, whoever else holds it."""
        found, todo = {}, [self.tags[tag] for tag in removed]
        while todo:
            for digest, part in family(todo.pop()).items():
                if digest not in found:
                    found[digest] = part
                    todo.extend(self.hanging(digest))
        return found

    def held(self, removed, concerned):
        """The digests that something keeps: a tag that stays and is no signature of what goes, or a manifest that is
        none of what the removed tags lead to, and then what refers to those. What was asked for by a name is kept by
        any other name."""
        alive, asked = {}, {self.tags[tag].digest for tag in removed}
        for tag, image in self.tags.items():
            idle = self.signed_by(tag) in {*concerned, *self.gone} and image.digest not in asked
            if tag not in removed and not idle:
                alive.update(family(image))
        for digest, image in self.manifests().items():
            if digest not in concerned:
                alive.update(family(image))
        before = None
        while before != len(alive):
            before = len(alive)
            for digest in list(alive):
                for image in self.hanging(digest):
                    if not any(t in removed and self.tags[t] is image for t in self.tags):
                        alive.update(family(image))
        return alive

    def without(self, removed):
        """The repository as it must be once these tags are removed and nothing else was asked for."""
        removed = set(removed)
        concerned = self.concerned(removed)
        alive = self.held(removed, concerned)
        gone = set(concerned) - set(alive)
        tags = {tag: image for tag, image in self.tags.items() if tag not in removed and image.digest not in gone}
        loose = [image for digest, image in self.manifests().items() if digest not in gone]
        return Repository(tags, loose, self.gone | gone)

    def blobs(self):
        """Every digest that is stored for what is here."""
        found = set(self.manifests())
        for image in self.manifests().values():
            found.update(image.blobs)
        return found


class Registry:
    def __init__(self, repositories):
        self.repositories = repositories

    def fill(self, sink):
        for name, repository in self.repositories.items():
            sink.push_all(name, repository.pushes())

    def without(self, removed):
        """removed: {repository: tags}."""
        return Registry({name: repository.without(removed.get(name, ()))
                         for name, repository in self.repositories.items()})

    def state(self):
        """{repository: {tag: digest}}, to compare with registry_api.Api.state()."""
        return {name: {tag: image.digest for tag, image in repository.tags.items()}
                for name, repository in self.repositories.items()}

    def blobs(self):
        return set().union(*(repository.blobs() for repository in self.repositories.values()))

    def tags(self):
        return [(name, tag) for name, repository in self.repositories.items() for tag in repository.tags]
