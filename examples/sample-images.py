#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pushes a handful of small images to a registry, to have something to look at.

    sample-images.py http://127.0.0.1:5000

Their dates are counted back from today: from yesterday to three years ago. There are images for one platform and for
several, in Docker's format and in OCI's, tags that share an image, nested names, an image without a date, and a
signature. Nothing is downloaded; a registry that asks for a password is not supported.
"""
import datetime
import gzip
import hashlib
import io
import json
import random
import sys
import tarfile
import urllib.parse
import urllib.request

DOCKER = {
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
    "index": "application/vnd.docker.distribution.manifest.list.v2+json",
    "config": "application/vnd.docker.container.image.v1+json",
    "layer": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
OCI = {
    "manifest": "application/vnd.oci.image.manifest.v1+json",
    "index": "application/vnd.oci.image.index.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
    "layer": "application/vnd.oci.image.layer.v1.tar+gzip",
}
AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64", "variant": "v8"}
UNDATED = "1970-01-01T00:00:00Z"  # what reproducible builds write


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def to_json(value):
    return json.dumps(value, indent=2).encode()


def ago(days):
    """A time of day that differs from image to image, `days` days before today."""
    rng = random.Random(days)
    midnight = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=days)
    clock = "%02d:%02d:%02d" % (rng.randrange(6, 19), rng.randrange(60), rng.randrange(60))
    return "%sT%s.%09dZ" % (midnight, clock, rng.randrange(10**9))


class Registry:
    def __init__(self, base):
        self.base = base.rstrip("/")

    def send(self, method, url, data=None, content_type=None):
        headers = {"Content-Type": content_type} if content_type else {}
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers

    def blob(self, repository, data, media_type):
        location = self.send("POST", "%s/v2/%s/blobs/uploads/" % (self.base, repository), b"")["Location"]
        location = urllib.parse.urljoin(self.base, location)
        query = urllib.parse.urlencode({"digest": sha256(data)})
        self.send("PUT", location + ("&" if "?" in location else "?") + query, data, "application/octet-stream")
        return {"mediaType": media_type, "size": len(data), "digest": sha256(data)}

    def manifest(self, repository, reference, document):
        data = to_json(document)
        url = "%s/v2/%s/manifests/%s" % (self.base, repository, reference or sha256(data))
        self.send("PUT", url, data, document["mediaType"])
        return {"mediaType": document["mediaType"], "size": len(data), "digest": sha256(data)}


def layer(path, size):
    """A gzipped tar archive with one file of `size` bytes that do not compress. Returns (archive, diff id)."""
    content = random.Random(path).randbytes(size)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(path)
        entry.size = size
        tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0), sha256(archive.getvalue())


def push_image(registry, repository, tag, created, types=OCI, platform=AMD64, layers=(), labels=None):
    """One image for one platform; without a tag it can be reached by its digest alone."""
    archives = [layer("%s-%s" % (name, platform["architecture"]), size) for name, size in layers]
    config = dict(platform, created=created, config={"Cmd": ["/bin/" + repository.rsplit("/")[-1]],
                                                     "Labels": labels or {}})
    config["rootfs"] = {"type": "layers", "diff_ids": [diff_id for _, diff_id in archives]}
    document = {
        "schemaVersion": 2,
        "mediaType": types["manifest"],
        "config": registry.blob(repository, to_json(config), types["config"]),
        "layers": [registry.blob(repository, archive, types["layer"]) for archive, _ in archives],
    }
    return registry.manifest(repository, tag, document)


def push_index(registry, repository, tag, created, types=OCI, platforms=(AMD64, ARM64), **image):
    """One image for several platforms."""
    children = []
    for platform in platforms:
        child = push_image(registry, repository, None, created, types, platform, **image)
        children.append(dict(child, platform=platform))
    return registry.manifest(repository, tag,
                             {"schemaVersion": 2, "mediaType": types["index"], "manifests": children})


def push_signature(registry, repository, subject):
    """What signing tools leave behind: an image-like thing, named after the digest of what it signs."""
    payload = to_json({"critical": {"image": {"docker-manifest-digest": subject["digest"]}}})
    document = {
        "schemaVersion": 2,
        "mediaType": OCI["manifest"],
        "artifactType": "application/vnd.example.signature",
        "config": registry.blob(repository, b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [registry.blob(repository, payload, "application/vnd.example.signature")],
        "subject": subject,
    }
    registry.manifest(repository, subject["digest"].replace(":", "-") + ".sig", document)


def push_samples(registry):
    base = [("base", 300_000)]
    for tags, days in ((["3.17"], 1095), (["3.18"], 730), (["3.19", "latest"], 380)):
        for tag in tags:  # the same bytes under each tag
            push_image(registry, "base", tag, ago(days), DOCKER, layers=base,
                       labels={"org.opencontainers.image.title": "base"})

    signed = None
    versions = (("1.0.0", 400), ("1.1.0", 200), ("1.2.0", 90), ("1.9.0", 45), ("1.10.0", 20), ("1.11.0", 1))
    for version, days in versions:
        image = {"layers": base + [("web-" + version, 50_000 + 100 * days)],
                 "labels": {"org.opencontainers.image.version": version,
                            "org.opencontainers.image.vendor": "Example Shop"}}
        signed = push_index(registry, "shop/web", version, ago(days), **image)
    push_index(registry, "shop/web", "latest", ago(days), **image)
    push_signature(registry, "shop/web", signed)

    for tag, days in (("0.1", 36), ("0.2", 3)):
        push_index(registry, "shop/web/admin", tag, ago(days), DOCKER, layers=base + [("admin-" + tag, 20_000)])
    for tag, days in (("nightly-1", 2), ("nightly-2", 1), ("2023.1", 900)):
        push_image(registry, "team/tools/backup", tag, ago(days), layers=[("backup-" + tag, 10_000)])
    push_image(registry, "team/tools/reproducible", "1.0", UNDATED, layers=[("reproducible", 5_000)])


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].startswith("http"):
        sys.exit("usage: sample-images.py http://HOST:PORT")
    push_samples(Registry(sys.argv[1]))
