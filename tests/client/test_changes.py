# SPDX-License-Identifier: MIT
"""What changes a registry, over real ones and over the one that misbehaves: what it is answered, and how often it is
sent. The tables are what removing relies on."""
import json

import pytest

from lib import images as im
from lib import servers
from lib.fault import FaultRegistry
from lib.ports import free_port
from lib.regtool import Regtool, content
from lib.shell import days_ago, run

NOTHING = "sha256:" + "ab" * 32
OLD = days_ago(3)


@pytest.fixture
def tool(tmp_path):
    return lambda source, *options, **env: Regtool(tmp_path, source, *options, **env)


@pytest.fixture
def put(tmp_path):
    """The words of a put of an image."""
    def words(repository, reference, image, media_type=None):
        path = tmp_path / image.digest
        path.write_bytes(image.data)
        return "put", repository, reference, media_type or image.media_type, path
    return words


@pytest.fixture
def one(fault):
    """A repository: v1 and v2 are one image, ix is an index of it and another one."""
    fault.image = im.image(OLD)
    fault.index = im.index([fault.image, im.image(OLD, platform="linux/arm64")])
    fault.push_all("a", {"v1": fault.image, "v2": fault.image, "ix": fault.index})
    return fault


def empty_index():
    """What goes over a tag, so that deleting it by digest takes that tag alone."""
    return im.index([], annotations={"serial": str(next(im._serial))})


def outcome(answer):
    return (answer["err"], *((answer["status"], answer["code"]) if answer["err"] else ()))


def tags(tool, server, repository):
    answer = tool(server)("--fresh", "tags", repository)
    return answer["names"] if not answer["err"] else answer["err"]


# ---- truth tables ----

BY_TAG = {"distribution-2": ("EPERM", 400, "DIGEST_INVALID"), "distribution-3": ("",), "zot": ("",), "crane": ("",)}
OK, GONE = ("",), ("ENOENT", 404, "MANIFEST_UNKNOWN")


def test_delete_by_tag(real, tool):
    """One name of two: the other one and the manifest stay."""
    image = im.image(OLD)
    real.push_all("changes/by-tag", {"v1": image, "v2": image})
    assert outcome(tool(real)("delete", "changes/by-tag", "v1")) == BY_TAG[real.name]
    left = ["v1", "v2"] if real.name == "distribution-2" else ["v2"]
    assert tags(tool, real, "changes/by-tag") == left
    assert content(tool(real)("manifest", "changes/by-tag", "v2")) == image.data
    assert content(tool(real)("manifest", "changes/by-tag", image.digest)) == image.data


def test_delete_by_digest(real, tool):
    image, other = im.image(OLD), im.image(OLD)
    for repository in ("changes/digest", "changes/digest/other"):
        real.push_all(repository, {"v1": image, "v2": image, "x": other})
    got = tool(real)("delete", "changes/digest", image.digest)
    assert outcome(got) == OK and got["digest"] == image.digest
    assert outcome(tool(real)("--fresh", "manifest", "changes/digest", image.digest)) == GONE
    assert outcome(tool(real)("delete", "changes/digest", image.digest)) == GONE
    # crane's has its manifests under each name of their own: the tags stay
    assert tags(tool, real, "changes/digest") == (["v1", "v2", "x"] if real.name == "crane" else ["x"])
    assert tags(tool, real, "changes/digest/other") == ["v1", "v2", "x"]
    assert content(tool(real)("manifest", "changes/digest/other", image.digest)) == image.data


def test_the_probe_does_nothing(real, tool):
    real.push_all("changes/probe", {"v1": im.image(OLD)})
    assert outcome(tool(real)("delete", "changes/probe", NOTHING)) == GONE
    assert tags(tool, real, "changes/probe") == ["v1"]


def test_delete_where_there_is_no_repository(real, tool):
    assert tool(real)("delete", "changes/none", NOTHING)["err"] == "ENOENT"


def test_put_under_a_tag_and_under_a_digest(real, tool, put):
    image = im.image(OLD)
    real.push("changes/put", "v1", image)
    for reference in ("v2", image.digest):
        got = tool(real)(*put("changes/put", reference, image))
        assert (got["err"], got["digest"]) == ("", image.digest)
        back = tool(real)("--fresh", "manifest", "changes/put", reference)
        assert content(back) == image.data and back["media_type"] == image.media_type
    assert tags(tool, real, "changes/put") == ["v1", "v2"]


def test_put_of_what_has_lost_a_part(real, tool, put):
    real.push("changes/parts", "v1", im.image(OLD))
    got = tool(real)(*put("changes/parts", "v2", im.image(OLD, layers=[im.layer("lost")])))
    if real.name.startswith("distribution"):
        assert outcome(got) == ("ENOENT", 400, "MANIFEST_BLOB_UNKNOWN") and "sha256:" in got["msg"]
        assert tags(tool, real, "changes/parts") == ["v1"]
    elif real.name == "zot":
        assert got["err"] != ""


def test_put_back_after_a_delete(real, tool, put):
    """Manifests first, then names: as long as the blobs are there, everything is as it was."""
    children = [im.image(OLD), im.image(OLD, platform="linux/arm64")]
    index = im.index(children)
    real.push_all("changes/back", {"ix": index})
    for image in (index, *children):
        assert tool(real)("delete", "changes/back", image.digest)["err"] == ""
    for image in children:
        assert tool(real)(*put("changes/back", image.digest, image))["err"] == ""
    assert tool(real)(*put("changes/back", "ix", index))["err"] == ""
    for image in (index, *children):
        assert content(tool(real)("--fresh", "manifest", "changes/back", image.digest)) == image.data


def test_untag_with_an_empty_index(registry2, tool, put):
    """What distribution 2 needs for one name of two."""
    image, dummy = im.image(OLD), empty_index()
    registry2.push_all("changes/untag", {"v1": image, "v2": image})
    assert tool(registry2)(*put("changes/untag", "v1", dummy))["err"] == ""
    assert tool(registry2)("delete", "changes/untag", dummy.digest)["err"] == ""
    assert tags(tool, registry2, "changes/untag") == ["v2"]
    assert content(tool(registry2)("manifest", "changes/untag", "v2")) == image.data


def test_the_digest_of_a_config(running, tool):
    """Why a digest must have come with a manifest: distribution 2 takes this one, and the image is broken."""
    for name, want in (("distribution-2", OK), ("distribution-3", GONE)):
        server, image = running(name), im.image(OLD)
        server.push("changes/config", "v1", image)
        config = image.document["config"]["digest"]
        assert outcome(tool(server)("delete", "changes/config", config)) == want
        link = server.storage / "docker/registry/v2/repositories/changes/config/_layers" / config.replace(":", "/")
        assert (link / "link").exists() == (want == GONE)


def test_blob_head(real, tool):
    image = im.image(OLD)
    digest = image.document["config"]["digest"]
    real.push("changes/blob", "v1", image)
    real.push("changes/blob/other", "v1", im.image(OLD))
    got = tool(real)("blobhead", "changes/blob", digest)
    assert (got["err"], got["size"]) == ("", len(image.config)) and "bytes" not in got
    assert tool(real)("blobhead", "changes/blob", NOTHING)["err"] == "ENOENT"
    if real.name.startswith("distribution"):  # a blob belongs to a repository
        assert tool(real)("blobhead", "changes/blob/other", digest)["err"] == "ENOENT"


def prepared(kind, change):
    """A kind of server whose settings are changed, and that holds a:v1 from the start."""
    class Kind(kind):
        image = im.image(OLD)

        def config(self):
            config = super().config()
            config["storage"].update(change)
            return config

        def start(self):
            self.folder_sink().push("a", "v1", self.image)
            return super().start()
    return Kind


@pytest.mark.parametrize("kind", [servers.Distribution2, servers.Distribution3])
def test_deletes_are_off(own_server, tool, put, kind):
    server = own_server(prepared(kind, {"delete": {"enabled": False}}))
    for reference in (server.image.digest, NOTHING, "v1"):
        assert outcome(tool(server)("delete", "a", reference)) == ("EPERM", 405, "UNSUPPORTED"), reference
    assert tool(server)(*put("a", "v2", server.image))["err"] == ""
    assert tags(tool, server, "a") == ["v1", "v2"]


@pytest.mark.parametrize("kind", [servers.Distribution2, servers.Distribution3])
def test_read_only(own_server, tool, put, kind):
    server = own_server(prepared(kind, {"maintenance": {"readonly": {"enabled": True}}}))
    for reference in (server.image.digest, NOTHING, "v1"):
        assert outcome(tool(server)("delete", "a", reference)) == ("EROFS", 405, ""), reference
    assert outcome(tool(server)(*put("a", "v2", server.image))) == ("EROFS", 405, "")
    assert tags(tool, server, "a") == ["v1"]
    assert content(tool(server)("manifest", "a", "v1")) == server.image.data


# ---- the registry that misbehaves behaves, unless it is told otherwise ----

def story(tool, put, server, repository):
    """What happens to a repository, and what it is answered."""
    image, arm = im.image(OLD, serial="story"), im.image(OLD, serial="story", platform="linux/arm64")
    index, lone, dummy = im.index([image, arm]), im.image(OLD, serial="lone"), im.index([], annotations={"a": "b"})
    lost = im.image(OLD, serial="lost", layers=[im.layer("nobody pushed this")])
    server.push_all(repository, {"v1": image, "v2": image, "ix": index, "lone": lone})
    calls = [("delete", repository, NOTHING), ("delete", repository, "none"), ("delete", repository, "v1"),
             ("delete", repository, image.digest), put(repository, "lone", dummy), ("delete", repository, dummy.digest),
             ("manifest", repository, lone.digest), ("delete", repository, index.digest),
             ("manifest", repository, arm.digest), ("delete", repository, arm.digest),
             ("delete", repository, image.digest), put(repository, image.digest, image), put(repository, "back", image),
             ("manifest", repository, "back"), ("delete", repository, "back"), ("delete", repository, lone.digest)]
    if server.name != "zot":  # which looks for no parts of a manifest, but has no file for it then
        calls.insert(0, put(repository, "x", lost))
    for words in calls:
        yield (*words[:1], words[2]), *outcome(tool(server)(*words))
    yield tags(tool, server, repository)


@pytest.mark.parametrize("name", [s.name for s in servers.expected() if s.name != "crane"])
def test_it_answers_as_the_real_one(running, fault, tool, put, name):
    fault.settings(like=name)
    fault.name = name
    assert list(story(tool, put, fault, "changes/story")) == list(story(tool, put, running(name), "changes/story"))


def test_it_takes_what_skopeo_pushes(one, tmp_path):
    run("skopeo", "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false",
        f"docker://{one.host}/a:ix", f"docker://{one.host}/pushed/there:ix")
    assert one.show("pushed/there")["tags"] == {"ix": one.index.digest}
    run("skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{one.host}/pushed/there:ix",
        f"dir:{tmp_path / 'out'}")
    assert json.loads((tmp_path / "out" / "manifest.json").read_bytes()) == one.index.document


def test_zot_where_its_policy_minds_several_tags(one, tool):
    one.settings(like="zot", collisions=True)
    assert outcome(tool(one)("delete", "a", one.image.digest)) == ("EBUSY", 409, "MANIFEST_INVALID")
    assert tool(one)("delete", "a", "v2")["err"] == ""
    assert outcome(tool(one)("delete", "a", one.image.digest)) == ("EPERM", 405, "DENIED")  # the index lists it
    assert tool(one)("delete", "a", one.index.digest)["err"] == ""
    assert tool(one)("delete", "a", one.image.digest)["err"] == ""
    assert one.show("a")["tags"] == {}


@pytest.mark.parametrize("order, want", [
    (("v1", "digest"), ["", "EBUSY"]),
    (("v1", "v2", "digest"), ["", "", "EBUSY"]),           # the index lists it
    (("v1", "v2", "ix", "index", "digest"), ["", "", "", "", ""]),
])
def test_gcr_wants_an_order(one, tool, order, want):
    one.settings(like="gcr")
    names = {"digest": one.image.digest, "index": one.index.digest}
    assert [tool(one)("delete", "a", names.get(word, word))["err"] for word in order] == want


# ---- how often it is sent, and what remains unknown ----

CHANGES = ["put", "tag", "digest"]


@pytest.fixture
def change(one, tool, put):
    """change(WHAT): makes it with a client that has read before, so that its connection is in use."""
    one.settings(like="distribution-3")

    def make(what, *options):
        words = {"put": put("a", "new", one.image), "tag": ("delete", "a", "v1"),
                 "digest": ("delete", "a", one.image.digest)}[what]
        return tool(one, *options).all("manifest", "a", "ix", ",", *words)[1]
    return make


def done(one, what):
    """Whether it has happened."""
    held = one.show("a")
    return {"put": "new" in held["tags"], "tag": "v1" not in held["tags"],
            "digest": one.image.digest not in held["manifests"]}[what]


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("do", [True, False])
@pytest.mark.parametrize("effect", [{"reset": True}, {"status": 500}, {"status": 504}, {"raw": b"HTTP/1.1"},
                                    {"body": b"x" * 100, "cut": 10}])
def test_an_attempt_that_is_in_doubt(one, change, what, do, effect):
    """What may have happened is not done twice, but for a DELETE by digest, which ends well whether it had or not."""
    one.rule(kind="manifest", method="PUT|DELETE", times=1, do=do, **effect)
    got = change(what)
    sent = [d for *_, d in one.changes()]
    if what == "digest":
        assert got["err"] == "" and sent == [do, not do] and done(one, what)
    else:
        assert got["err"] == "EIO" and sent == [do] and done(one, what) == do


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("do", [True, False])
def test_no_answer_in_time(one, change, what, do):
    one.rule(kind="manifest", method="PUT|DELETE", do=do, hang="request")
    assert change(what, "-t", "6")["err"] == "ETIMEDOUT"  # long enough for what is answered, and to be sent at all
    assert [d for *_, d in one.changes()] == [do] and done(one, what) == do


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("status", [429, 503])
def test_asked_to_wait(one, change, what, status):
    one.rule(kind="manifest", method="PUT|DELETE", times=2, status=status, headers={"Retry-After": "1"})
    assert change(what)["err"] == "" and done(one, what)
    assert [d for *_, d in one.changes()] == [False, False, True]


@pytest.mark.parametrize("what", CHANGES)
def test_asked_to_wait_and_gone_meanwhile(one, change, what):
    """That it is gone then is somebody else's doing, and said to be so."""
    one.rule(method="DELETE", nth=1, status=429)
    one.rule(method="DELETE", nth=2, status=404)
    assert change(what)["err"] == ("" if what == "put" else "ENOENT")


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("status, err", [(400, "EIO"), (403, "EACCES"), (404, "ENOENT"), (405, "EROFS"), (409, "EBUSY"),
                                         (412, "EPERM"), (501, "EIO")])
def test_a_refusal_is_final(one, change, what, status, err):
    one.rule(kind="manifest", method="PUT|DELETE", status=status)
    got = change(what)
    assert (got["err"], got["status"]) == (err, status)
    assert len(one.changes()) == 1 and not done(one, what)


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(one, change, what, status):
    where = f"http://{one.other}/v2/a/manifests/v1"
    one.rule(kind="manifest", method="PUT|DELETE", status=status, headers={"Location": where})
    got = change(what)
    assert got["err"] == "EIO" and "redirect" in got["msg"]
    assert one.requests(listener="other") == [] and len(one.changes()) == 1 and not done(one, what)


@pytest.mark.parametrize("what", CHANGES)
def test_a_yes_that_is_a_lie(one, change, tool, what):
    """Nobody can see it in the answer: so what matters is read back, past everything."""
    one.rule(kind="manifest", method="PUT|DELETE", do=False)
    assert change(what)["err"] == "" and not done(one, what)
    there = tool(one)("--fresh", "head", "a", {"put": "new", "tag": "v1", "digest": one.image.digest}[what])
    assert there["err"] == ("ENOENT" if what == "put" else "")


def test_nobody_there(tool, put):
    nowhere = f"http://127.0.0.1:{free_port()}"
    for words in (put("a", "v1", im.image(OLD)), ("delete", "a", NOTHING), ("delete", "a", "v1")):
        assert tool(nowhere, "-t", "5")(*words)["err"] == "ECONNREFUSED"


def test_a_connection_that_was_closed_while_nobody_used_it(one, tool):
    """No doubt there: nothing was sent on it."""
    one.settings(like="distribution-3")
    one.rule(kind="tags", body=b'{"tags":["v1"]}', headers={"Connection": "close"})
    answers = tool(one).all("tags", "a", ",", "delete", "a", "v1")
    assert [a["err"] for a in answers] == ["", ""] and len(one.changes()) == 1


# ---- what is sent ----

def test_what_a_put_sends(one, tool, put):
    large = im.index([], annotations={"x": "y" * (3 << 20)})
    for image in (one.index, large):
        assert tool(one)(*put("a", "v9", image))["err"] == ""
        sent = one.requests(method="PUT")[-1]
        assert (sent["type"], sent["body"], sent["expect"]) == (image.media_type, image.digest, None)
        assert content(tool(one)("manifest", "a", "v9")) == image.data


def test_what_cannot_be_is_not_sent(one, tool, put):
    for words in (put("a", one.index.digest, one.image), put("A", "v1", one.image), put("a", "..", one.image),
                  put("a", "v1", one.image, media_type="a/b\r\nX: y"), ("delete", "a", "a/b"), ("delete", "a//b", "v1"),
                  ("delete", "a", "sha256:1")):
        assert tool(one)(*words)["err"] == "EINVAL", words
    assert one.requests() == []


def test_a_digest_that_the_registry_made_up(one, tool, put):
    one.rule(method="PUT", digest=NOTHING)
    assert tool(one)(*put("a", "v9", one.image))["err"] == "EBADMSG"


@pytest.mark.parametrize("mode", ["basic", "bearer"])
def test_credentials(one, tool, put, mode):
    """Each thing asks for its own right; a body is sent again after a challenge."""
    one.access(mode, user="joe", password="right")
    options = ("-u", "joe", "-p", "right")
    for words in (put("a", "v9", one.image), ("delete", "a", one.image.digest)):
        one.reset()
        assert tool(one, *options)(*words)["err"] == ""
        first, second = (r for r in one.requests() if r["kind"] == "manifest")
        assert first["authorization"] == "" and second["authorization"] == mode.title()
        assert first.get("body") == second.get("body") == (one.image.digest if words[0] == "put" else None)
    assert one.show("a")["tags"] == {"ix": one.index.digest}


def test_the_scopes_that_are_asked_for(one, tool, put):
    one.access("bearer", user="joe", password="right")
    answers = tool(one, "-u", "joe", "-p", "right").all(
        "head", "a", "v1", ",", *put("a", "v9", one.image), ",", "delete", "a", one.index.digest, ",",
        "blobhead", "a", one.image.document["config"]["digest"], ",", "delete", "a", one.image.digest)
    assert [a["err"] for a in answers] == [""] * 5
    assert [r["query"]["scope"] for r in one.requests(kind="token")] == [
        "repository:a:pull", "repository:a:pull,push", "repository:a:delete"]


def test_who_may_only_read(one, tool, put):
    one.access("bearer", user="joe", password="right", actions=["pull"])
    for words in (put("a", "v9", one.image), ("delete", "a", one.image.digest), ("delete", "a", "v1")):
        got = tool(one, "-u", "joe", "-p", "right")(*words)
        assert (got["err"], got["status"]) == ("EACCES", 401)
    assert not any(d for *_, d in one.changes())
    assert tool(one, "-u", "joe", "-p", "right")("manifest", "a", "v1")["err"] == ""


def test_over_tls(certificate, tool, put):
    server = FaultRegistry(tls=certificate)
    try:
        image = im.image(OLD)
        server.push("a", "v1", image)
        answers = tool(server, "-A", str(certificate[0])).all(
            *put("a", "v2", image), ",", "delete", "a", image.digest, ",", "--fresh", "manifest", "a", image.digest)
        assert [a["err"] for a in answers] == ["", "", "ENOENT"]
    finally:
        server.stop()


# ---- fresh ----

def test_what_was_removed_is_not_answered_from_memory(one, tool):
    digest = one.image.digest
    answers = tool(one).all("manifest", "a", digest, ",", "manifest", "a", digest, ",", "delete", "a", digest, ",",
                            "manifest", "a", digest)
    assert [a["err"] for a in answers] == ["", "", "", "ENOENT"]
    assert one.counts("method") == {"GET": 2, "DELETE": 1}


def test_fresh_sees_what_others_do(one, tool):
    """Without it the digest is in memory; with it the registry is asked, and a part that is lost is seen."""
    digest, config = one.image.digest, one.image.document["config"]["digest"]
    process = tool(one)
    words = ("manifest", "a", digest, ",", "blob", "a", config, ",", "manifest", "a", digest, ",", "blob", "a", config,
             ",", "--fresh", "manifest", "a", digest, ",", "--fresh", "blob", "a", config)
    one.rule(kind="manifest", nth=2, status=404)
    one.rule(kind="blob", nth=2, status=404)
    assert [a["err"] for a in process.all(*words)] == ["", "", "", "", "ENOENT", "ENOENT"]
    assert len(one.requests()) == 4
