# SPDX-License-Identifier: MIT
"""Images of every sort, built in memory: a document, its blobs and its children. No server, no file."""
import gzip
import hashlib
import io
import itertools
import json
import tarfile
from dataclasses import dataclass, field

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
OCI_MANIFEST = OCI + "manifest.v1+json"
OCI_INDEX = OCI + "index.v1+json"
OCI_CONFIG = OCI + "config.v1+json"
OCI_LAYER = OCI + "layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = DOCKER + "distribution.manifest.v2+json"
DOCKER_LIST = DOCKER + "distribution.manifest.list.v2+json"
DOCKER_CONFIG = DOCKER + "container.image.v1+json"
DOCKER_LAYER = DOCKER + "image.rootfs.diff.tar.gzip"
SCHEMA1 = DOCKER + "distribution.manifest.v1+json"
CREATED = "org.opencontainers.image.created"

_serial = itertools.count()


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def as_bytes(document):
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass
class Image:
    """A manifest or index, with the blobs that it names and the manifests below it."""
    media_type: str
    data: bytes
    blobs: dict = field(default_factory=dict)
    children: list = field(default_factory=list)
    platform: dict = None
    marks: dict = None  # annotations of the entry in an index

    @property
    def digest(self):
        return digest_of(self.data)

    @property
    def document(self):
        return json.loads(self.data)

    @property
    def config(self):
        """The bytes of the config."""
        return self.blobs[self.document["config"]["digest"]]

    def family(self):
        """Children first, as a registry wants them pushed."""
        for child in self.children:
            yield from child.family()
        yield self

    def descriptor(self):
        entry = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}
        if self.platform:
            entry["platform"] = self.platform
        if self.marks:
            entry["annotations"] = self.marks
        return entry


def descriptor(media_type, data):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def layer(text="hello\n", name="hello"):
    """A gzip layer with one file; the same text gives the same bytes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(text.encode())
        tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(plain.getvalue(), mtime=0), digest_of(plain.getvalue())


def platform_of(text):
    return dict(zip(("os", "architecture", "variant"), text.split("/")))


DEFAULT_LAYER = layer()
MISSING = object()


def image(created=MISSING, docker=False, platform="linux/amd64", labels=None, history=None, layers=None,
          annotations=None, subject=None, serial=None):
    """An image. created: any text, or left out for a config without. Two calls never give the same digest
    unless they share a serial."""
    layers = [DEFAULT_LAYER] if layers is None else layers
    config = {**platform_of(platform),
              "config": {"Labels": {"test.serial": str(next(_serial) if serial is None else serial),
                                    **(labels or {})}},
              "rootfs": {"type": "layers", "diff_ids": [diff for _, diff in layers]}}
    if created is not MISSING:
        config["created"] = created
    if history is not None:
        config["history"] = history
    return manifest(as_bytes(config), DOCKER_CONFIG if docker else OCI_CONFIG,
                    [(DOCKER_LAYER if docker else OCI_LAYER, data) for data, _ in layers],
                    docker=docker, annotations=annotations, subject=subject, platform=platform_of(platform))


def manifest(config, config_type, layers, docker=False, annotations=None, subject=None, artifact_type=None,
             platform=None, marks=None):
    """A manifest around config bytes and layers [(media type, bytes)], whatever they are."""
    document = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST}
    if artifact_type:
        document["artifactType"] = artifact_type
    document["config"] = descriptor(config_type, config)
    document["layers"] = [descriptor(kind, data) for kind, data in layers]
    if annotations:
        document["annotations"] = annotations
    if subject:
        document["subject"] = descriptor(subject.media_type, subject.data)
    blobs = {digest_of(config): config, **{digest_of(data): data for _, data in layers}}
    return Image(document["mediaType"], as_bytes(document), blobs, platform=platform, marks=marks)


def index(children, docker=False, annotations=None, subject=None, artifact_type=None):
    document = {"schemaVersion": 2, "mediaType": DOCKER_LIST if docker else OCI_INDEX}
    if artifact_type:
        document["artifactType"] = artifact_type
    document["manifests"] = [child.descriptor() for child in children]
    if annotations:
        document["annotations"] = annotations
    if subject:
        document["subject"] = descriptor(subject.media_type, subject.data)
    return Image(document["mediaType"], as_bytes(document), children=list(children))


def attestation(of, created=MISSING):
    """What buildx puts beside an image: platform unknown/unknown, marked as belonging to it."""
    made = image(created, platform="unknown/unknown", layers=[])
    made.marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": of.digest}
    return made


def artifact(created=None, subject=None, annotations=None, artifact_type="application/vnd.example.thing",
             content=None):
    """An OCI 1.1 artifact: the empty config, so no date but an annotation's."""
    marks = dict(annotations or {})
    if created is not None:
        marks[CREATED] = created
    content = f"artifact {next(_serial)}".encode() if content is None else content
    return manifest(b"{}", OCI_EMPTY, [("application/octet-stream", content)], annotations=marks, subject=subject,
                    artifact_type=artifact_type)


def signature(subject=None):
    """As cosign makes it: a config without a date, a JSON payload as its layer."""
    config = as_bytes({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": []},
                       "created": "0001-01-01T00:00:00Z"})
    payload = as_bytes({"critical": {"type": "cosign container image signature"}, "serial": next(_serial)})
    kind = "application/vnd.dev.cosign.simplesigning.v1+json"
    return manifest(config, OCI_CONFIG, [(kind, payload)], subject=subject)


def signature_tag(subject, suffix=".sig"):
    """cosign's tag for what belongs to an image; suffix "" is the referrers tag schema."""
    return subject.digest.replace(":", "-") + suffix


def schema1(*dates, name="old", tag="1"):
    """A Docker manifest 2.1: its dates are JSON inside strings, one a layer."""
    blob = DEFAULT_LAYER[0]
    history = [{"v1Compatibility": json.dumps({"id": "%064x" % i, "created": date})}
               for i, date in enumerate(dates)]
    document = {"schemaVersion": 1, "name": name, "tag": tag, "architecture": "amd64",
                "fsLayers": [{"blobSum": digest_of(blob)} for _ in dates], "history": history}
    return Image(SCHEMA1, as_bytes(document), {digest_of(blob): blob})
