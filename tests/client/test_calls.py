# SPDX-License-Identifier: MIT
"""Each call of the client library, over real registries and over the one that misbehaves."""
import pytest

from lib import images as im
from lib import servers
from lib.fault import FaultRegistry
from lib.regtool import Regtool, content
from lib.shell import days_ago

NOTHING = "sha256:" + "0" * 64


@pytest.fixture
def tool(tmp_path):
    return lambda source, *options, **env: Regtool(tmp_path, source, *options, **env)


@pytest.fixture
def one(fault):
    fault.image = im.image(days_ago(3))
    fault.push_all("team/app", {f"t{i}": fault.image for i in range(10)})
    return fault


@pytest.fixture(scope="module")
def filled(running):
    """Two repositories on each real registry."""
    made = {"image": im.image(days_ago(3)), "docker": im.image(days_ago(3), docker=True)}
    made["index"] = im.index([made["image"], im.image(days_ago(3), platform="linux/arm64")])
    done = set()

    def fill(server):
        if server.name not in done:
            server.push_all("client/app", made)
            server.push_all("client/app/nested", {"image": made["image"]})
            done.add(server.name)
        return made
    return fill


def test_ping(real, tool):
    assert tool(real)("ping")["err"] == ""


def test_lists(real, filled, tool):
    made = filled(real)
    names = tool(real)("catalog")["names"]
    assert {"client/app", "client/app/nested"} <= set(names)
    assert names == sorted(names, key=lambda name: name.split("/"))
    assert tool(real)("tags", "client/app")["names"] == sorted(made)
    assert tool(real)("tags", "client/none")["err"] == "ENOENT"


def test_manifests(real, filled, tool):
    for tag, image in filled(real).items():
        for reference in (tag, image.digest):
            got = tool(real)("manifest", "client/app", reference)
            assert content(got) == image.data and got["digest"] == image.digest
            assert got["media_type"] == image.media_type and got["size"] == len(image.data)
    head = tool(real)("head", "client/app", "index")
    assert head["digest"] == filled(real)["index"].digest and "bytes" not in head
    assert tool(real)("manifest", "client/app", "none")["err"] == "ENOENT"
    assert tool(real)("manifest", "client/app", NOTHING)["err"] == "ENOENT"


def test_a_tag_that_has_not_changed(real, filled, tool):
    image = filled(real)["image"]
    got = tool(real)("manifest", "client/app", "image", image.digest)
    assert got["err"] == "" and got["digest"] == image.digest
    assert got["not_modified"] or content(got) == image.data
    other = tool(real)("manifest", "client/app", "image", NOTHING)
    assert not other["not_modified"] and content(other) == image.data


def test_blobs_and_ranges(real, filled, tool):
    image = filled(real)["image"]
    digest = image.document["config"]["digest"]
    data = image.config
    got = tool(real)("blob", "client/app", digest)
    assert content(got) == data and got["digest"] == digest
    for offset, length in ((0, 10), (5, 7), (len(data) - 3, 100), (0, 10**6), (len(data), 5)):
        got = tool(real)("range", "client/app", digest, len(data), offset, length)
        assert got["err"] == "" and content(got) == data[offset:offset + length]
    assert tool(real)("blob", "client/app", NOTHING)["err"] == "ENOENT"


def test_referrers_where_there_are_some(fault, tool):
    image = im.image(days_ago(1))
    signature = im.artifact(subject=image)
    fault.push_all("a", [("v1", image), (None, signature)])
    assert tool(fault)("referrers", "a", image.digest)["err"] == "ENOENT"
    fault.settings(referrers=True)
    assert tool(fault)("referrers", "a", image.digest)["names"] == [signature.digest]


def test_referrers_of_a_real_registry(real, tool):
    """zot has the API, the others say 404: never anything else."""
    image = im.image(days_ago(1))
    signature = im.artifact(subject=image)
    real.push_all("client/signed", [("v1", image), (None, signature)])
    got = tool(real)("referrers", "client/signed", image.digest)
    if real.name == servers.Zot.name:
        assert got["names"] == [signature.digest]
    else:
        assert got["err"] == "ENOENT"


def test_one_page(one, tool):
    first = tool(one)("tags", "team/app", 3)
    assert (first["names"], first["next"]) == (["t0", "t1", "t2"], "t2")
    assert tool(one)("tags", "team/app", 3, "t7")["names"] == ["t8", "t9"]
    assert "next" not in tool(one)("tags", "team/app", 3, "t7")
    assert len(one.requests(kind="tags")) == 3
    assert tool(one)("catalog", 5)["names"] == ["team/app"]


def test_the_four_types_are_accepted_in_one_header(one, tool):
    docker = im.index([im.image(days_ago(1), docker=True)], docker=True)
    one.push("team/app", "docker", docker)
    assert tool(one)("manifest", "team/app", "docker")["media_type"] == im.DOCKER_LIST
    assert len(one.requests(kind="manifest")) == 1


def test_bad_names_cost_nothing(one, tool):
    for words in (("tags", "../etc"), ("tags", "UPPER"), ("manifest", "team/app", "a/b"), ("tags", "a//b"),
                  ("manifest", "team/app", ".."), ("manifest", "team/app", "x" * 129), ("head", "a?b", "v1")):
        assert tool(one)(*words)["err"] == "EINVAL", words
    assert one.requests() == []


def test_what_is_named_by_a_digest_is_asked_once(one, tool):
    image = one.image
    config = image.document["config"]["digest"]
    answers = tool(one).all("manifest", "team/app", image.digest, ",", "manifest", "team/app", image.digest, ",",
                            "blob", "team/app", config, ",", "blob", "team/app", config)
    assert [a["err"] for a in answers] == [""] * 4
    assert len(one.requests()) == 2


def test_a_registry_that_ignores_ranges(one, tool):
    one.rule(kind="blob", ignore_range=True)
    config = one.image.config
    digest = one.image.document["config"]["digest"]
    assert content(tool(one)("range", "team/app", digest, len(config), 10, 20)) == config[10:30]


@pytest.mark.parametrize("effect", [{"status": 206, "headers": {"Content-Range": "bytes 0-19/9999"}},
                                    {"cut": 5}, {"status": 416}])
def test_a_range_that_is_another(one, tool, effect):
    one.rule(kind="blob", body=b"x" * 20, **effect)
    config = one.image.config
    digest = one.image.document["config"]["digest"]
    assert tool(one, "-t", "3")("range", "team/app", digest, len(config), 10, 20)["err"] != ""


def test_blob_larger_than_allowed(one, tool):
    digest = one.image.document["config"]["digest"]
    assert tool(one)("blob", "team/app", digest, 10)["err"] == "EFBIG"


def test_errors_say_what_the_registry_said(one, tool):
    got = tool(one)("manifest", "team/app", "none")
    assert (got["err"], got["status"], got["code"]) == ("ENOENT", 404, "MANIFEST_UNKNOWN")
    assert "manifest unknown" in got["msg"]


@pytest.mark.parametrize("user, password", [("joe", "right"), ("jo:e", "x"), ("joe", "päss wörd")])
@pytest.mark.parametrize("mode", ["basic", "bearer"])
def test_credentials_as_options(one, tool, mode, user, password):
    if ":" in user:
        assert tool(one, "-u", user, "-p", password)("ping")["err"] == "EINVAL"  # Basic cannot say it
        return
    one.access(mode, user=user, password=password)
    assert tool(one, "-u", user, "-p", password)("tags", "team/app")["err"] == ""
    got = tool(one, "-u", user, "-p", "wrong-word")("tags", "team/app")
    assert got["err"] == "EACCES" and "wrong-word" not in got["msg"]


def test_tls(certificate, tool):
    server = FaultRegistry(tls=certificate)
    try:
        assert tool(server)("ping")["err"] == "EPROTO"
        assert tool(server, "-k")("ping")["err"] == ""
        assert tool(server, "-A", str(certificate[0]))("ping")["err"] == ""
        assert tool(server.host, "-A", str(certificate[0]))("ping")["err"] == ""  # https is tried before http
        assert tool(server.url.replace("127.0.0.1", "localhost"), "-A", str(certificate[0]))("ping")["err"] == ""
    finally:
        server.stop()
