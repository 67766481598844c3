# SPDX-License-Identifier: MIT
"""A registry's own API, plainly: what a test asks to see what is really there, behind the mount's back."""
import hashlib
import json

from lib import images as im
from lib.sinks import HttpSink

ACCEPT = ", ".join((im.OCI_INDEX, im.OCI_MANIFEST, im.DOCKER_LIST, im.DOCKER_MANIFEST))
NOWHERE = "sha256:" + "ab" * 32  # the digest of nothing


class Missing(AssertionError):
    """Something that ought to be there is not, or is not what its digest says."""


class Api:
    """Its requests say no user agent: so a witness can tell them from the mount's."""

    def __init__(self, server):
        self.sink = HttpSink(server.url, server.user, server.password, getattr(server, "tls", None) and server.tls[0])

    def request(self, method, path, body=None, **headers):
        answer, data = self.sink.request(method, path, body, **headers)
        return answer.status, answer.headers, data

    def manifest(self, repository, reference):
        """(media type, bytes), or None: the registry says that there is no such thing."""
        status, headers, data = self.request("GET", f"/v2/{repository}/manifests/{reference}", Accept=ACCEPT)
        if status == 404:
            return None
        assert status == 200, (repository, reference, status, data)
        return headers["Content-Type"].partition(";")[0], data

    def digest(self, repository, tag):
        """What a tag points to, or None."""
        found = self.manifest(repository, tag)
        return found and im.digest_of(found[1])

    def has(self, repository, digest):
        return self.manifest(repository, digest) is not None

    def tags(self, repository):
        """{tag: digest} of what is listed and there."""
        status, _, data = self.request("GET", f"/v2/{repository}/tags/list?n=1000")
        assert status in (200, 404), (repository, status, data)
        names = json.loads(data).get("tags") or [] if status == 200 else []
        assert len(names) < 1000, "one page is enough for a test"
        return {tag: digest for tag in names if (digest := self.digest(repository, tag))}

    def state(self, repositories):
        return {repository: self.tags(repository) for repository in repositories}

    def put(self, repository, reference, image):
        status, _, data = self.request("PUT", f"/v2/{repository}/manifests/{reference}", image.data,
                                       **{"Content-Type": image.media_type})
        assert status == 201, (repository, reference, status, data)

    def delete(self, repository, reference):
        status, _, _ = self.request("DELETE", f"/v2/{repository}/manifests/{reference}")
        return status

    def blob(self, repository, digest):
        status, _, data = self.request("GET", f"/v2/{repository}/blobs/{digest}")
        return data if status == 200 else None

    def whole(self, repository, reference, seen=None):
        """Reads everything below a manifest, to the last byte; the digests of its manifests. Missing says what is not."""
        seen = set() if seen is None else seen
        found = self.manifest(repository, reference)
        if found is None:
            raise Missing(f"{repository}: no manifest {reference}")
        digest = im.digest_of(found[1])
        if reference.startswith("sha256:") and digest != reference:
            raise Missing(f"{repository}: {reference} has another digest, {digest}")
        seen.add(digest)
        document = json.loads(found[1])
        for child in document.get("manifests", []):
            if child["digest"] not in seen:
                self.whole(repository, child["digest"], seen)
        for blob in ([document["config"]] if "config" in document else []) + document.get("layers", []):
            data = self.blob(repository, blob["digest"])
            if data is None or "sha256:" + hashlib.sha256(data).hexdigest() != blob["digest"]:
                raise Missing(f"{repository}: {digest} lacks the blob {blob['digest']}")
        return seen

    def close(self):
        self.sink.close()
