# SPDX-License-Identifier: MIT
"""What the fault registry knows and what it answers when it behaves: plain values, no sockets."""
import base64
import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from servers.listing import listing

API = {"Docker-Distribution-Api-Version": "registry/2.0"}
ROUTES = [
    ("ping", re.compile(r"/v2/?")),
    ("catalog", re.compile(r"/v2/_catalog")),
    ("tags", re.compile(r"/v2/(?P<repository>.+)/tags/list")),
    ("manifest", re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<reference>[^/]+)")),
    ("upload", re.compile(r"/v2/(?P<repository>.+)/blobs/uploads(?:/(?P<reference>[^/]*))?")),
    ("blob", re.compile(r"/v2/(?P<repository>.+)/blobs/(?P<reference>[^/]+)")),
    ("referrers", re.compile(r"/v2/(?P<repository>.+)/referrers/(?P<reference>[^/]+)")),
    ("token", re.compile(r"/token")),
]


@dataclass
class Request:
    method: str
    target: str
    headers: dict
    body: bytes = b""
    listener: str = "main"
    kind: str = "other"
    repository: str = None
    reference: str = None
    by: str = None       # of a manifest: "tag" or "digest"
    done: bool = False   # it changed something
    query: dict = field(default_factory=dict)

    def __post_init__(self):
        parts = urlsplit(self.target)
        self.path = unquote(parts.path)
        self.query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        self.queries = parse_qs(parts.query)
        for kind, pattern in ROUTES:
            match = pattern.fullmatch(self.path)
            if match:
                self.kind = kind
                self.repository = match.groupdict().get("repository")
                self.reference = match.groupdict().get("reference")
                break
        if self.kind == "manifest":
            self.by = "digest" if ":" in self.reference else "tag"


@dataclass
class Response:
    status: int = 200
    headers: dict = field(default_factory=dict)
    body: bytes = b""


def as_json(value, status=200, headers=()):
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Response(status, {**API, **kind, **dict(headers)}, json.dumps(value).encode())


def failure(status, code, message, detail=None, headers=()):
    return as_json({"errors": [{"code": code, "message": message, "detail": detail}]}, status, headers)


class Repository:
    def __init__(self):
        self.tags = {}        # name -> digest
        self.manifests = {}   # digest -> (media type, bytes)
        self.blobs = {}       # digest -> bytes

    def add(self, content):
        for digest, (media_type, data) in content.get("manifests", {}).items():
            self.manifests[digest] = (media_type, base64.b64decode(data))
        for digest, data in content.get("blobs", {}).items():
            self.blobs[digest] = base64.b64decode(data)
        self.tags.update(content.get("tags", {}))


class Answers:
    """Answers requests from memory, as distribution 2.8 would unless a setting says otherwise."""

    def __init__(self):
        self.repositories = {}
        self.settings = {
            "catalog": True,          # False: 404, as on registries without one
            "catalog_page": 100, "catalog_max": 1000,
            "tags_page": None,        # None: everything, unless the client sends n
            "referrers": False,
            "accept": True,           # a manifest only for those who say that they take its type
            # What changes.py does:
            "like": "distribution-2",  # whose DELETE it is: changes.LIKE
            "collisions": False,      # True: like zot where its policy says so
            "deletes": True,          # False: 405 UNSUPPORTED, as where they are not enabled
            "read_only": False,       # True: 405 in plain text for all that changes something
            "validate": True,         # a PUT of a manifest whose parts are missing is refused
        }

    def add(self, name, content):
        self.repositories.setdefault(name, Repository()).add(content)

    def answer(self, request, effect):
        """A GET or HEAD."""
        if request.kind in ("other", "token"):
            return Response(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        return getattr(self, request.kind)(request, effect)

    def ping(self, request, effect):
        return as_json({})

    def catalog(self, request, effect):
        if not self.settings["catalog"]:
            return Response(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        limit = int(request.query.get("n", self.settings["catalog_page"]))
        if limit > self.settings["catalog_max"]:
            return failure(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
        # Component by component, as on a file system, not byte by byte.
        names = sorted(self.repositories, key=lambda name: name.split("/"))
        return self.page(request, effect, "repositories", names, limit, {})

    def tags(self, request, effect):
        repository = self.repositories.get(request.repository)
        if repository is None:
            return self.no_name(request)
        limit = request.query.get("n", self.settings["tags_page"])
        names = sorted(repository.tags)
        if not names and self.settings["like"] == "distribution-2":
            effect = {**effect, "null": True}
        return self.page(request, effect, "tags", names, limit and int(limit), {"name": request.repository})

    def page(self, request, effect, key, names, limit, body):
        try:
            names, link = listing(request, effect, names, limit)
        except ValueError:
            return failure(400, "PAGINATION_NUMBER_INVALID", "no such page")
        return as_json({**body, key: names}, headers={"Link": link} if link else {})

    def no_name(self, request):
        return failure(404, "NAME_UNKNOWN", "repository name not known to registry",
                       {"name": request.repository})

    def manifest(self, request, effect):
        repository = self.repositories.get(request.repository)
        if repository is None:
            return self.no_name(request)
        digest = repository.tags.get(request.reference, request.reference)
        if digest not in repository.manifests:
            return failure(404, "MANIFEST_UNKNOWN", "manifest unknown", {"Tag": request.reference})
        media_type, data = repository.manifests[digest]
        # Registries serve manifests 2.1 to everybody: it is what clients that send no Accept want.
        asked = media_type in request.headers.get("accept", "") or "distribution.manifest.v1" in media_type
        if self.settings["accept"] and not asked:
            return failure(404, "MANIFEST_UNKNOWN", f"{media_type} found, but the accept header does not take it")
        headers = {**API, "Content-Type": media_type, "Docker-Content-Digest": digest, "Etag": f'"{digest}"'}
        if request.headers.get("if-none-match", "").strip('"') == digest:
            return Response(304, {**API, "Etag": f'"{digest}"'})
        return Response(200, headers, data)

    def upload(self, request, effect):
        return Response(204, dict(API))

    def blob(self, request, effect):
        repository = self.repositories.get(request.repository)
        data = repository and repository.blobs.get(request.reference)
        if data is None:
            return failure(404, "BLOB_UNKNOWN", "blob unknown to registry", request.reference)
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": request.reference,
                   "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not wanted or effect.get("ignore_range"):
            return Response(200, headers, data)
        first, last = int(wanted[1]), int(wanted[2] or len(data) - 1)
        if first >= len(data):
            return Response(416, {**headers, "Content-Range": f"bytes */{len(data)}"})
        part = data[first:last + 1]
        headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(data)}"
        return Response(206, headers, part)

    def referrers(self, request, effect):
        if not self.settings["referrers"]:
            return Response(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        repository = self.repositories.get(request.repository) or Repository()
        found = []
        for digest, (media_type, data) in sorted(repository.manifests.items()):
            document = json.loads(data)
            if (document.get("subject") or {}).get("digest") == request.reference:
                found.append({"mediaType": media_type, "digest": digest, "size": len(data),
                              "artifactType": document.get("artifactType") or document.get("config", {}).get("mediaType")})
        kind = "application/vnd.oci.image.index.v1+json"
        return as_json({"schemaVersion": 2, "mediaType": kind, "manifests": found}, headers={"Content-Type": kind})
