# SPDX-License-Identifier: MIT
"""The manners of registries that cannot be run here, on top of the fault registry.

Each profile names what it was learned from. It can change three things: the settings of answers.py and changes.py, the
effects of rules.py (a rule of the test's own wins), and an answer before it is sent.
"""
import json
from datetime import datetime

from servers.answers import Response, failure

PAGE = 3  # so that a handful of tags fills several pages


class Profile:
    """distribution 2.8, which the fault registry is by itself."""

    settings = {}
    login = "bearer"  # how it lets its users in
    tags = {}       # effects on a list of tags
    catalog = {}    # and on the catalog

    def effect(self, request):
        return {"tags": self.tags, "catalog": self.catalog}.get(request.kind, {})

    def answer(self, request, response, answers):
        return response


class DockerHub(Profile):
    """docker/hub-feedback#2094: the token for the catalog is granted, and refused. #2360: DELETE is 405 for all."""

    settings = {"deletes": False}
    tags = {"page": PAGE, "link": "relative"}

    def answer(self, request, response, answers):
        if request.kind != "catalog":
            return response
        return failure(401, "UNAUTHORIZED", "authentication required", [{"Type": "registry", "Name": "catalog"}])


class Ghcr(Profile):
    """"Pagination when listing image tags does not work" (github.community 194586, met by werf/werf#3654): a Link that
    leads nowhere, n=0 here. skopeo#1880: DELETE is 405. No catalog."""

    settings = {"catalog": False, "deletes": False}
    tags = {"page": PAGE, "link": "zero"}


class Gcr(Profile):
    """go-containerregistry, pkg/v1/google/list.go: "manifest" and "child" in a list of tags. Dates are the config's,
    and "0" for an index. docker-credential-gcr#73: a digest goes when no tag points to it."""

    settings = {"like": "gcr"}

    def answer(self, request, response, answers):
        if request.kind != "tags" or response.status != 200:
            return response
        repository, manifests = answers.repositories[request.repository], {}
        for digest, (media_type, data) in repository.manifests.items():
            document = json.loads(data)
            config = repository.blobs.get((document.get("config") or {}).get("digest"), b"{}")
            manifests[digest] = {
                "imageSizeBytes": str(sum(layer["size"] for layer in document.get("layers", []))), "layerId": "",
                "mediaType": media_type, "tag": sorted(t for t, d in repository.tags.items() if d == digest),
                "timeCreatedMs": self.created(json.loads(config)), "timeUploadedMs": "1550296102546"}
        body = {"child": [], "manifest": manifests, **json.loads(response.body)}
        return Response(200, response.headers, json.dumps(body).encode())

    @staticmethod
    def created(config):
        created = datetime.fromisoformat(config.get("created", "1970-01-01T00:00:00+00:00"))
        return str(int(created.timestamp() * 1000))


class ArtifactRegistry(Gcr):
    """marekaf/gcr-lifecycle-policy#6: timeCreatedMs is always "0" and imageSizeBytes as well."""

    @staticmethod
    def created(config):
        return "0"


class Ecr(Profile):
    """deitch/docker_registry2#34: an absolute Link whose `last` is a token, in a list without order, as text/plain.
    go-containerregistry#681: n above 1000 is refused. Docker.Registry.DotNet#34: the digest on HEAD, none on GET."""

    login = "basic"
    tags = {"page": PAGE, "link": "opaque", "order": "reversed"}
    catalog = {"page": PAGE, "link": "opaque"}

    def answer(self, request, response, answers):
        if request.kind in ("tags", "catalog"):
            response.headers["Content-Type"] = "text/plain; charset=utf-8"
        if request.kind == "manifest" and request.method == "GET":
            response.headers.pop("Docker-Content-Digest", None)
        return response


class Acr(Profile):
    """acr-cli#353: the gateway answers 502 for a catalog page of 100, and a page of 5 comes."""

    def answer(self, request, response, answers):
        if request.kind == "catalog" and int(request.query.get("n", 100)) > 5:
            return Response(502, {"Content-Type": "text/html"}, b"<html>502 Bad Gateway</html>")
        return response


class Harbor(Profile):
    """goharbor/harbor server/registry/manifest.go: DELETE by tag is refused, by digest takes the tags with it. n above
    its own maximum is refused, not cut."""

    settings = {"catalog_max": 100}

    def answer(self, request, response, answers):
        if request.kind == "tags" and int(request.query.get("n", 0)) > 100:
            return failure(400, "BAD_REQUEST", "invalid n")
        return response


class Quay(Profile):
    """docker_registry2#56, node-docker-registry-client#12: pages go on by a token of their own."""

    tags = {"page": PAGE, "link": "token", "order": "reversed"}
    catalog = {"page": PAGE, "link": "token"}


class GitLab(Profile):
    """docs.gitlab.com, "Container registry API": a tag is deleted alone; the version is in a header."""

    settings = {"like": "distribution-3"}
    tags = catalog = {"page": PAGE, "link": "several"}

    def answer(self, request, response, answers):
        response.headers["Gitlab-Container-Registry-Version"] = "4.15.2-gitlab"
        return response


class Nexus(Profile):
    """nexus-public#1011: a Link with /repository/NAME, which the connector's port refuses with 400.
    registry-cli#43: HEAD of a manifest is 404."""

    login = "basic"
    tags = catalog = {"page": PAGE, "link": "nexus"}

    def answer(self, request, response, answers):
        if request.kind == "manifest" and request.method == "HEAD":
            return Response(404, {"Content-Type": "text/html"})
        return Response(400, {}, b"Not a docker request") if request.kind == "other" else response


class Artifactory(Profile):
    """renovatebot/renovate#15030: a Link that has lost the virtual repository, the first part of the name."""

    tags = {"page": PAGE, "link": "artifactory"}


PROFILES = {"none": Profile, "docker-hub": DockerHub, "ghcr": Ghcr, "gcr": Gcr, "artifact-registry": ArtifactRegistry,
            "ecr": Ecr, "acr": Acr, "harbor": Harbor, "quay": Quay, "gitlab": GitLab, "nexus": Nexus,
            "artifactory": Artifactory}
