# SPDX-License-Identifier: MIT
"""What changes the fault registry: PUT and DELETE of manifests, uploads of blobs, as several registries have it.

Nothing changes while a request is judged: the answer comes with what is to be done, so that a rule can have the one
without the other.
"""
import hashlib
import json
import re
import uuid

from servers.answers import API, Repository, Response, as_json, failure

# setting "like": whose DELETE it is.
#   distribution-2  by digest, with every tag of it; by tag 400 DIGEST_INVALID; takes the digest of a blob, and loses it
#   distribution-3  by digest likewise; by tag the name alone
#   zot             405 DENIED by the digest of an index's child; a manifest is lost with its last tag if that is moved;
#                   unknown repository 400 NAME_UNKNOWN; with the setting collisions, which is its policy
#                   detectManifestCollision, 409 for a digest with several tags; for the rest as distribution-3
#   gcr             400 GOOGLE_MANIFEST_DANGLING_TAG until every tag is gone, ..._PARENT_IMAGE while an index lists it
LIKE = ("distribution-2", "distribution-3", "zot", "gcr")

NOT_ALLOWED = Response(405, {"Content-Type": "text/plain; charset=utf-8", "Allow": "GET, HEAD"}, b"Method not allowed\n")


def is_digest(reference):
    return bool(re.fullmatch(r"[a-z0-9+._-]+:[0-9a-f]{32,}", reference or ""))


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def children(data):
    return [entry["digest"] for entry in json.loads(data).get("manifests") or []]


def parents(repository, digest):
    return [d for d, (_, data) in repository.manifests.items() if digest in children(data)]


def held(repository, digest):
    return digest in repository.tags.values() or bool(parents(repository, digest))


def unsupported():
    return failure(405, "UNSUPPORTED", "The operation is unsupported."), None


def unknown(request):
    return failure(404, "MANIFEST_UNKNOWN", "manifest unknown", {"Reference": request.reference}), None


def made(status, location, digest=None, **headers):
    stated = {"Docker-Content-Digest": digest} if digest else {}
    return Response(status, {**API, "Location": location, **stated, **headers})


class Changes:
    def __init__(self, repositories, settings):
        self.repositories = repositories
        self.settings = settings
        self.uploads = {}  # number -> bytes so far

    def answer(self, request, do):
        """do: whether what is asked for is really done. request.done says whether it was."""
        response, act = self.judge(request)
        if act and do:
            act()
            request.done = True
        return response

    def judge(self, request):
        if self.settings["read_only"]:
            return NOT_ALLOWED, None
        handler = getattr(self, f"{request.method.lower()}_{request.kind}", None)
        return handler(request) if handler else unsupported()

    def repository(self, name):
        return self.repositories.setdefault(name, Repository())

    # Manifests

    def put_manifest(self, request):
        algorithm = request.reference.partition(":")[0] if is_digest(request.reference) else "sha256"
        digest = digest_of(request.body, algorithm)
        if is_digest(request.reference) and request.reference != digest:
            return failure(400, "DIGEST_INVALID", "provided digest did not match uploaded content"), None
        media_type = request.headers.get("content-type", "").partition(";")[0]
        try:
            document = json.loads(request.body)
        except ValueError:
            document = None
        if not media_type or not isinstance(document, dict) or document.get("mediaType", media_type) != media_type:
            return failure(400, "MANIFEST_INVALID", "manifest invalid"), None
        missing = self.missing(request.repository, document) if self.settings["validate"] else []
        if missing:
            errors = [{"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry", "detail": d}
                      for d in missing]
            return as_json({"errors": errors}, 400), None

        def act():
            repository = self.repository(request.repository)
            repository.manifests[digest] = (media_type, request.body)
            if not is_digest(request.reference):
                before = repository.tags.get(request.reference)
                repository.tags[request.reference] = digest
                if self.settings["like"] == "zot" and not held(repository, before):
                    repository.manifests.pop(before, None)
        return made(201, f"/v2/{request.repository}/manifests/{digest}", digest), act

    def missing(self, name, document):
        repository = self.repositories.get(name) or Repository()
        blobs = [document[k]["digest"] for k in ("config",) if document.get(k)]
        blobs += [layer["digest"] for layer in document.get("layers") or []]
        below = [entry["digest"] for entry in document.get("manifests") or []]
        return [d for d in blobs if d not in repository.blobs] + [d for d in below if d not in repository.manifests]

    def delete_manifest(self, request):
        like = self.settings["like"]
        if not self.settings["deletes"]:
            return unsupported()
        if not is_digest(request.reference) and like == "distribution-2":
            return failure(400, "DIGEST_INVALID", "provided digest did not match uploaded content"), None
        repository = self.repositories.get(request.repository)
        if repository is None:
            name = {"name": request.repository}
            return (failure(400, "NAME_UNKNOWN", "repository name not known to registry", name), None) \
                if like == "zot" else unknown(request)
        if is_digest(request.reference):
            return self.delete_by_digest(request, repository, like)
        if request.reference not in repository.tags:
            return unknown(request)
        return Response(202, dict(API)), lambda: repository.tags.pop(request.reference)

    def delete_by_digest(self, request, repository, like):
        digest = request.reference
        if digest in repository.blobs and digest not in repository.manifests and like == "distribution-2":
            return Response(202, dict(API)), lambda: repository.blobs.pop(digest)
        if digest not in repository.manifests:
            return unknown(request)
        refusal = self.refusal(repository, digest, like) if like in ("zot", "gcr") else None
        if refusal:
            return refusal, None
        return Response(202, dict(API)), lambda: self.remove(repository, digest)

    def refusal(self, repository, digest, like):
        """Why what is there may not go by digest."""
        tags = sorted(t for t, d in repository.tags.items() if d == digest)
        listed = parents(repository, digest)
        if like == "zot" and self.settings["collisions"] and len(tags) > 1:
            return failure(409, "MANIFEST_INVALID", "manifest invalid", {"reference": digest})
        if like == "zot" and listed:
            return failure(405, "DENIED", "requested access to the resource is denied")
        if like == "gcr" and tags:
            return failure(400, "GOOGLE_MANIFEST_DANGLING_TAG", f"Manifest is still referenced by tag: {tags[0]}")
        if like == "gcr" and listed:
            return failure(400, "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE",
                           f"Manifest is still referenced by one or more parent manifests: {listed[0]}")
        return None

    @staticmethod
    def remove(repository, digest):
        del repository.manifests[digest]
        for tag in [t for t, d in repository.tags.items() if d == digest]:
            del repository.tags[tag]

    # Blobs

    def delete_blob(self, request):
        if not self.settings["deletes"]:
            return unsupported()
        repository = self.repositories.get(request.repository) or Repository()
        if request.reference not in repository.blobs:
            return failure(404, "BLOB_UNKNOWN", "blob unknown to registry", request.reference), None
        return Response(202, dict(API)), lambda: repository.blobs.pop(request.reference)

    def post_upload(self, request):
        """Begins an upload; with ?digest= it is the whole one, with ?mount=&from= none is needed."""
        name, query = request.repository, request.query
        if "digest" in query:
            return self.whole(name, query["digest"], request.body)
        source = self.repositories.get(query.get("from")) or Repository()
        if query.get("mount") in source.blobs:
            return self.whole(name, query["mount"], source.blobs[query["mount"]])
        number = str(uuid.uuid4())
        headers = {"Docker-Upload-Uuid": number, "Range": "0-0"}
        return (made(202, f"/v2/{name}/blobs/uploads/{number}", **headers),
                lambda: self.uploads.__setitem__(number, b""))

    def patch_upload(self, request):
        number = request.reference
        if number not in self.uploads:
            return self.no_upload()
        size = len(self.uploads[number]) + len(request.body)
        headers = {"Docker-Upload-Uuid": number, "Range": f"0-{size - 1}"}

        def act():
            self.uploads[number] += request.body
        return made(202, request.path, **headers), act

    def put_upload(self, request):
        if request.reference not in self.uploads:
            return self.no_upload()
        response, store = self.whole(request.repository, request.query.get("digest", ""),
                                     self.uploads[request.reference] + request.body)

        def act():
            store()
            del self.uploads[request.reference]
        return response, store and act

    def delete_upload(self, request):
        if request.reference not in self.uploads:
            return self.no_upload()
        return Response(204, dict(API)), lambda: self.uploads.pop(request.reference)

    @staticmethod
    def no_upload():
        return failure(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"), None

    def whole(self, name, digest, data):
        if not is_digest(digest) or digest_of(data, digest.partition(":")[0]) != digest:
            return failure(400, "DIGEST_INVALID", "provided digest did not match uploaded content"), None
        return (made(201, f"/v2/{name}/blobs/{digest}", digest),
                lambda: self.repository(name).blobs.__setitem__(digest, data))
