# SPDX-License-Identifier: MIT
"""What rm is told when a registry does not remove, and that nothing has gone then: design section 4."""
import errno as errnos
import json
import os
import subprocess

import pytest

from lib import images as im
from lib import journal as journals
from lib import servers
from lib.ports import wait_until
from lib.removing import agree, changes, delete_older, listed, survives
from lib.shell import days_ago, end, errno_of, lines, run

pytestmark = pytest.mark.thorough


def old(**more):
    return im.image(days_ago(60), **more)


def refusal(status, code="UNKNOWN", **more):
    body = json.dumps({"errors": [{"code": code, "message": "the disk is on fire", "detail": None}]}).encode()
    return {"status": status, "body": body, "type": "application/json", **more}


@pytest.fixture
def filled(fault, api, remover):
    """Five old tags; the third one is in trouble, see `trouble`. The mount has walked over all."""
    fault.images = {f"v{i}": old() for i in range(5)}
    fault.push_all("team/app", fault.images)
    fault.bad = fault.images["v2"]
    fault.asking = api(fault)
    fault.before = fault.asking.state(["team/app"])
    return fault


TROUBLE = {
    "401": (refusal(401, "UNAUTHORIZED"), "EACCES"),
    "403": (refusal(403, "DENIED"), "EACCES"),
    "405": (refusal(405, "UNSUPPORTED"), "EPERM"),
    "405-text": ({"status": 405, "body": b"Method not allowed", "type": "text/plain", "headers": {"Allow": "GET, HEAD"}},
                 "EROFS"),
    "400-unsupported": (refusal(400, "UNSUPPORTED"), "EPERM"),
    "409": (refusal(409, "MANIFEST_INVALID"), "EBUSY"),
    "400-dangling-tag": (refusal(400, "GOOGLE_MANIFEST_DANGLING_TAG"), "EBUSY"),
    "429": (refusal(429, "TOOMANYREQUESTS", headers={"Retry-After": "60"}), "EAGAIN"),
    "429-and-no-word": (refusal(429, "TOOMANYREQUESTS"), "EAGAIN"),
    "503": (refusal(503, "UNAVAILABLE", headers={"Retry-After": "60"}), "EAGAIN"),
    "500": (refusal(500), "EIO"),
    "502-html": ({"status": 502, "body": b"<html>bad gateway</html>", "type": "text/html"}, "EIO"),
    "418": ({"status": 418}, "EIO"),
    "redirect": ({"redirect": "other"}, None),
    "hang": ({"hang": "request"}, "ETIMEDOUT"),
    "reset": ({"reset": True}, "EIO"),
    "not-http": ({"raw": b"SSH-2.0-OpenSSH_9.2\r\n"}, "EPROTO"),
}


def patience(effect):
    """For a mount: what hangs has to be waited for; all else is over before, with time for the answer to the last attempt."""
    return "timeout=3" if "hang" in effect or effect.get("status") == 429 else "timeout=15"


# Not about one manifest: the registry need not be asked again, or does not want to be for longer than may be waited.
REGISTRY_S_OWN = ("405", "405-text", "400-unsupported", "429", "503")


@pytest.mark.parametrize("name", TROUBLE)
def test_a_delete_that_fails(filled, remover, journal, name):
    """find reports this one and goes on with the next; it is there as it was, and the journal knows."""
    effect, errno = TROUBLE[name]
    m = remover(filled, patience(effect))
    filled.rule(method="DELETE", reference=filled.bad.digest, **effect)
    status, said = delete_older(m.tags("team/app"))
    errors = [line.rpartition(": ")[2] for line in said.splitlines()]
    assert status == 1 and "v2" in said
    assert errno is None or set(errors) == {os.strerror(getattr(errnos, errno))}
    filled.forget()
    left = filled.asking.tags("team/app")
    assert listed(m, "team/app") == set(left) and len(errors) == len(left)
    assert set(left) == {"v2"} or name in REGISTRY_S_OWN
    survives(filled.asking, "team/app", {tag: filled.images[tag] for tag in left})
    assert ("team/app", "v2") not in {(r.before["repository"], r.tag) for r in journals.finished(journal)
                                      if r.outcome in ("removed", "partly")}
    assert "team/app" in m.log and ("status" not in effect or str(effect["status"]) in m.log)
    agree(filled.asking, journal, filled.before)
    if len(left) == 1:
        assert delete_older(m.tags("team/app")) == (0, "")  # the trouble is over


@pytest.mark.parametrize("name", ["401", "403", "405", "405-text", "409", "429", "503", "500", "hang", "reset"])
def test_deletes_that_all_fail(filled, remover, journal, name):
    """Whichever request it is by which the mount finds out: nothing goes, and each entry is tried."""
    effect, errno = TROUBLE[name]
    m = remover(filled, patience(effect))
    lines("find", m.dir, "-mtime", "+30")
    filled.rule(method="DELETE|PUT", **effect)
    tags = sorted(listed(m, "team/app"))
    assert [errno_of(os.unlink, m.tags("team/app") / t) for t in tags] == [errno] * 5
    filled.forget()
    assert filled.asking.state(["team/app"]) == filled.before
    assert {r.outcome for r in journals.finished(journal)} <= {"kept"}
    assert listed(m, "team/app") == set(filled.images)


@pytest.mark.parametrize("name", TROUBLE)
def test_a_check_that_fails(filled, remover, journal, name):
    """What the tag points to now cannot be found out: nothing is sent, whatever was known before."""
    effect, _ = TROUBLE[name]
    m = remover(filled, patience(effect))
    lines("find", m.dir, "-mtime", "+30")
    filled.rule(kind="manifest", method="GET|HEAD", **effect)
    assert errno_of(os.unlink, m.tags("team/app") / "v2") not in ("", "ENOENT")
    assert changes(filled) == []
    filled.forget()
    assert filled.asking.state(["team/app"]) == filled.before
    assert journals.removed_tags(journal) == set()


def test_a_sibling_that_cannot_be_resolved(filled, remover, journal):
    """Who else holds the digest is not known: EBUSY, for all tags of this repository and for no other's."""
    filled.push("other", "v1", old())
    m = remover(filled, "timeout=15")
    rule = filled.rule(kind="manifest", repository="team/app", reference="v4", status=500)
    for tag in ("v0", "v3"):
        assert errno_of(os.unlink, m.tags("team/app") / tag) == "EBUSY"
    assert changes(filled) == []
    assert "v4" in m.log
    run("rm", m / "other/_tags/v1")
    filled.forget(rule)
    wait_until(lambda: errno_of(os.unlink, m.tags("team/app") / "v0") == "", 20, "it can be resolved again")
    assert set(filled.asking.tags("team/app")) == {"v1", "v2", "v3", "v4"}


def test_an_index_that_cannot_be_read(fault, remover, api):
    """It may list what is to be removed."""
    image = old()
    fault.push_all("team/app", {"v1": image, "multi": im.index([image, old()])})
    m = remover(fault, "timeout=15")
    fault.rule(kind="manifest", reference="multi", corrupt=True)
    assert errno_of(os.unlink, m.tags("team/app") / "v1") == "EBUSY"
    assert changes(fault) == []
    fault.forget()
    api(fault).whole("team/app", "multi")


@pytest.mark.parametrize("effect", [{"status": 500}, {"hang": "request"}, {"status": 403}])
def test_a_listing_that_fails(fault, remover, effect):
    fault.push_all("team/app", {"v1": old(), "v2": old()})
    m = remover(fault, "timeout=2", "list_timeout=2")
    fault.rule(kind="tags", **effect)
    assert errno_of(os.unlink, m.tags("team/app") / "v1") not in ("", "ENOENT")
    assert changes(fault) == []


def test_retry_after_is_obeyed(filled, remover):
    m = remover(filled, "timeout=20")
    filled.rule(method="DELETE", reference=filled.bad.digest, times=2, **refusal(429, headers={"Retry-After": "1"}))
    run("rm", m.tags("team/app") / "v2")
    tries = [r["time"] for r in filled.requests(method="DELETE", reference=filled.bad.digest)]
    assert len(tries) == 3 and min(b - a for a, b in zip(tries, tries[1:])) >= 0.9
    assert "v2" not in filled.asking.tags("team/app")


@pytest.mark.parametrize("effect", [{"do": True, "reset": True}, {"do": True, "status": 500}, {"do": True, "hang": "request"}],
                         ids=["reset", "500", "hang"])
def test_done_although_it_was_not_said(filled, remover, journal, effect):
    """The registry removed it and its answer got lost: it is gone, and that is what the journal and rm say."""
    m = remover(filled, "timeout=3")
    filled.rule(method="DELETE", reference=filled.bad.digest, times=1, **effect)
    done = run("rm", m.tags("team/app") / "v2", check=False)
    filled.forget()
    removal, = journals.finished(journal)
    assert "v2" not in filled.asking.tags("team/app")
    assert removal.outcome in (("removed",) if done.returncode == 0 else ("unknown",))
    assert "v2" not in listed(m, "team/app") or removal.outcome == "unknown"


def test_a_lie(filled, remover, journal):
    """Answered 202, and nothing was done. Nobody looks after each removal: but what is listed anew is true."""
    m = remover(filled, "ttl=1")
    filled.rule(method="DELETE", reference=filled.bad.digest, do=False)
    run("rm", m.tags("team/app") / "v2", check=False)
    assert filled.asking.tags("team/app") == filled.before["team/app"]
    agree(filled.asking, journal, filled.before)


def test_a_registry_that_is_gone(own_server, remover, api, journal):
    server = own_server(servers.Distribution2)
    server.push_all("team/app", {"v1": old(), "v2": old()})
    m = remover(server, "timeout=15")
    lines("find", m.dir, "-mtime", "+30")
    server.stop()
    for tag in ("v1", "v2"):
        assert errno_of(os.unlink, m.tags("team/app") / tag) == "ECONNREFUSED"
    assert journals.removed_tags(journal) == set()
    assert m.alive()


# Real registries that do not remove

def without_deletes(kind):
    class Without(kind):
        def config(self):
            config = super().config()
            del config["storage"]["delete"]
            return config
    return Without


def read_only(kind):
    class ReadOnly(kind):
        def config(self):
            config = super().config()
            config["storage"]["maintenance"] = {"readonly": {"enabled": True}}
            return config
    return ReadOnly


DISTRIBUTIONS = pytest.mark.parametrize("kind", [servers.Distribution2, servers.Distribution3], ids=lambda k: k.name)


@pytest.fixture
def refusing(own_server, remover, api):
    """refusing(KIND): a registry that was filled behind its back, with tags of every sort, and a mount."""
    class Refusing:
        shared, child = old(), old()
        tags = {"single": old(), "one": shared, "two": shared, "multi": im.index([child, old()]), "child": child}

        def __init__(self, kind):
            self.server = own_server(kind)
            self.server.folder_sink().push_all("team/app", self.tags)
            self.asking = api(self.server)
            self.m = remover(self.server)

        def unlink_all(self):
            return {errno_of(os.unlink, self.m.tags("team/app") / tag) for tag in self.tags}

        def unchanged(self):
            survives(self.asking, "team/app", self.tags)
            assert set(self.asking.tags("team/app")) == set(self.tags) == listed(self.m, "team/app")
    return Refusing


@DISTRIBUTIONS
def test_deletes_are_not_enabled(refusing, journal, kind):
    """Nothing may be put over a shared tag, if it cannot be removed then."""
    case = refusing(without_deletes(kind))
    assert case.unlink_all() == {"EPERM"}
    case.unchanged()
    assert {r.outcome for r in journals.finished(journal)} <= {"kept"}
    hints = [line for line in case.m.log.splitlines() if "delete" in line and "enabled" in line]
    assert len(hints) == 1, case.m.log


@DISTRIBUTIONS
def test_read_only(refusing, journal, kind):
    case = refusing(read_only(kind))
    assert case.unlink_all() == {"EROFS"}
    case.unchanged()
    assert {r.outcome for r in journals.finished(journal)} <= {"kept"}


@DISTRIBUTIONS
def test_rm_r_where_nothing_goes(refusing, kind):
    case = refusing(without_deletes(kind))
    done = run("rm", "-rf", case.m / "team", check=False)
    assert done.returncode == 1 and "Operation not permitted" in done.stderr
    case.unchanged()


def test_who_may_read_only(fault, remover, api):
    """A token that pulls, and is not given more."""
    fault.push_all("team/app", {"v1": old(), "v2": old()})
    fault.access("bearer", user="reader", password="secret", actions=["pull"])
    m = remover(fault, env={"REGFS_USER": "reader", "REGFS_PASSWORD": "secret"})
    assert len(lines("ls", m.tags("team/app"))) == 2
    assert errno_of(os.unlink, m.tags("team/app") / "v1") == "EACCES"
    fault.access("none")
    assert set(api(fault).tags("team/app")) == {"v1", "v2"}


def test_who_may_remove(fault, remover, api):
    """The token for reading is not the one for removing; each is asked for."""
    fault.push_all("team/app", {"v1": old(), "v2": old()})
    fault.access("bearer", user="ci", password="secret")
    m = remover(fault, env={"REGFS_USER": "ci", "REGFS_PASSWORD": "secret"})
    run("rm", m.tags("team/app") / "v1")
    fault.access("none")
    assert set(api(fault).tags("team/app")) == {"v2"}


@DISTRIBUTIONS
def test_with_a_password(own_server, remover, kind, api):
    server = own_server(kind, user="ci", password="secret")
    shared = old()
    server.push_all("team/app", {"v1": old(), "s1": shared, "s2": shared})
    m = remover(server, env={"REGFS_USER": "ci", "REGFS_PASSWORD": "secret"})
    run("rm", m.tags("team/app") / "v1", m.tags("team/app") / "s1")
    assert api(server).tags("team/app") == {"s2": shared.digest}


# Other registries' rules

@pytest.mark.parametrize("like", ["distribution-2", "distribution-3", "zot", "gcr"])
def test_a_registry_s_own_order(fault, remover, api, like):
    """Some want the tags gone first, some the parents; one never tells that children went along."""
    fault.settings(like=like, referrers=like == "zot")
    children = [old(), old()]
    shared = old()
    fault.push_all("team/app", {"multi": im.index(children), "v1": old(), "s1": shared, "s2": shared, "keep": old()})
    m = remover(fault)
    run("rm", m.tags("team/app") / "v1")
    run("rm", m.tags("team/app") / "multi")
    run("rm", m.tags("team/app") / "s1", m.tags("team/app") / "s2")
    shown = fault.show("team/app")
    assert set(shown["tags"]) == {"keep"} and len(shown["manifests"]) == 1


def test_one_that_refuses_keeps_no_other_from_its_turn(filled, remover):
    """Eight at a time, one of which hangs: the others need not wait for it for ever."""
    m = remover(filled, "timeout=5")
    lines("find", m.dir, "-mtime", "+30")
    filled.rule(method="DELETE", reference=filled.bad.digest, hang="request")
    removing = [subprocess.Popen(["rm", m.tags("team/app") / t], stderr=subprocess.PIPE) for t in filled.images]
    try:
        ends = [p.wait(60) for p in removing]
    finally:
        for process in removing:
            end(process)
    assert ends == [1 if t == "v2" else 0 for t in filled.images]
    filled.forget()
    assert set(filled.asking.tags("team/app")) == {"v2"}
