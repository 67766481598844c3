# SPDX-License-Identifier: MIT
"""zot with htpasswd and access control, and with tokens: who sees what, who may remove what, what they are told."""
import json
import os
import subprocess
import time
from types import SimpleNamespace

import pytest

from lib import images as im
from lib import journal as journals
from lib import mounts, servers
from lib.mounts import MountFailed
from lib.ports import wait_until
from lib.removing import listed
from lib.shell import CI, days_ago, errno_of, lines, read, run
from lib.sinks import HttpSink
from servers.tokens import SERVICE, TokenServer, User

USERS = {"admin": "adm1n-word", "reader": "r34der-word", "cleaner": "cl34ner-word", "careful": "c4reful-word",
         "nobody": "n0body-word"}
EVERYTHING = {"open/app:v1", "open/app:v2", "team/a:v1", "team/a:v2", "team/b:v1", "team/b:v2"}
SEEN = {"admin": EVERYTHING, "cleaner": EVERYTHING, "careful": {e for e in EVERYTHING if "/b:" not in e},
        "reader": {e for e in EVERYTHING if "/b:" not in e}, "nobody": {"open/app:v1", "open/app:v2"}}
MANY = 25  # requests: more than anything here needs, and fewer than a loop sends


class Guarded(servers.Zot):
    """What is not named is nobody's but the administrator's."""

    user, password = "admin", USERS["admin"]
    strangers = True

    def __init__(self, folder):
        super().__init__(folder, self.user, self.password)

    def htpasswd(self):
        path = self.folder / "htpasswd"
        entries = [subprocess.run(["htpasswd", "-Bbn", *pair], check=True, capture_output=True).stdout.strip()
                   for pair in USERS.items()]
        path.write_bytes(b"\n".join(entries) + b"\n")
        return str(path)

    def config(self):
        config = super().config()
        strangers = {"anonymousPolicy": ["read"]} if self.strangers else {}
        config["http"]["accessControl"] = {
            "groups": {"staff": {"users": ["cleaner"]}},
            "repositories": {
                "**": {"defaultPolicy": []},
                "open/**": {"defaultPolicy": ["read"], **strangers},
                "team/a": {"policies": [{"users": ["reader"], "actions": ["read"]},
                                        {"groups": ["staff"], "actions": ["read", "delete"]},
                                        {"users": ["careful"],
                                         "actions": ["read", "delete", "detectManifestCollision"]}]},
                "team/b": {"policies": [{"groups": ["staff"], "actions": ["read", "delete"]}]},
            },
            "adminPolicy": {"users": ["admin"], "actions": ["read", "create", "update", "delete"]},
        }
        return config


class Closed(Guarded):
    strangers = False


def installed():
    if not servers.Zot.program():
        (pytest.fail if CI else pytest.skip)("zot is not installed; tests/run.sh installs it")


@pytest.fixture(params=[Guarded, Closed], ids=["strangers", "closed"])
def zot(request, own_server):
    """Strangers may read something, or nothing: then zot asks everybody for a login, at once."""
    installed()
    server = own_server(request.param)
    server.images = {"v1": im.image(days_ago(40)), "v2": im.image(days_ago(50))}
    for repository in ("open/app", "team/a", "team/b"):
        server.push_all(repository, server.images)
    return server


def env(user, password=None):
    return {"REGFS_USER": user, "REGFS_PASSWORD": password or USERS[user]} if user else {}


def zot_as(server, user):
    """The same, for lib/registry_api.py, as somebody else."""
    return SimpleNamespace(url=server.url, user=user, password=USERS[user])


def shown(m):
    """repository:tag of all that a walk comes upon."""
    paths = [os.path.relpath(path, m.dir) for path in lines("find", m.dir, "-path", "*/_tags/*")]
    return {path.replace("/_tags/", ":") for path in paths}


def asked(m, *words):
    return [line for line in m.log.splitlines() if all(word in line for word in words)]


@pytest.fixture
def doctor(tmp_path):
    """doctor(SERVER, REPOSITORY, USER, ...): its exit status, its report, and its page."""
    def ask(server, repository, user, password=None):
        command = [mounts.program(), "doctor", f"--repository={repository}", "--push"]
        options = {"capture_output": True, "text": True, "timeout": 120,
                   "env": mounts.environment(tmp_path, **env(user, password))}
        page = subprocess.run([*command, server.url], **options)
        done = subprocess.run([*command, "--json", server.url], **options)
        assert page.returncode == done.returncode and page.stderr == done.stderr == ""
        return done.returncode, json.loads(done.stdout), page.stdout
    return ask


# ---- reading ----


@pytest.mark.parametrize("user", SEEN)
def test_each_sees_what_may_be_read(zot, mount, user):
    """Also where strangers are let in: zot then asks for no login, and shows a catalog that is short."""
    m = mount(zot, "log_level=debug", env=env(user))
    assert shown(m) == SEEN[user]
    assert set(os.listdir(m.dir)) == {name.partition("/")[0] for name in SEEN[user]}
    assert read(m.tags("open/app") / "v1") == zot.images["v1"].data
    assert len(asked(m, "/v2/: 401")) <= 1


def test_a_stranger(zot, mount):
    if not zot.strangers:
        with pytest.raises(MountFailed) as failure:
            mount(zot)
        assert "REGFS_USER" in failure.value.stderr
        return
    m = mount(zot)
    assert shown(m) == {"open/app:v1", "open/app:v2"}
    assert errno_of(os.listdir, m.tags("team/a")) == "EACCES"
    assert "team/a" in m.log and "REGFS_USER" in m.log


def test_a_repository_that_is_forbidden(zot, mount):
    m = mount(zot, "log_level=debug", env=env("reader"))
    assert errno_of(os.listdir, m.tags("team/b")) == "EACCES"
    assert errno_of(os.stat, m.tags("team/b") / "v1") == "EACCES"
    assert errno_of(read, m.tags("team/b") / "v1") == "EACCES"
    assert errno_of(read, m.tags("team/none") / "v1") == "EACCES"  # zot does not tell what is not there
    assert asked(m, "team/b", "HTTP 403", "DENIED")
    assert 0 < len(asked(m, "GET /v2/team/b")) < MANY
    assert errno_of(os.stat, m.tags("team/a") / "none") == "ENOENT"


def test_a_mount_of_a_forbidden_repository(zot, mount):
    m = mount(zot.url + "/team/b", env=env("reader"))
    assert errno_of(os.listdir, m / "_tags") == "EACCES"
    assert sorted(lines("ls", mount(zot.url + "/team/b", env=env("cleaner")) / "_tags")) == ["v1", "v2"]


# ---- removing ----


def test_without_the_right_to_delete(zot, remover, api, journal):
    m = remover(zot, "log_level=debug", env=env("reader"))
    before = api(zot).state(["open/app", "team/a", "team/b"])
    assert [errno_of(os.unlink, m.tags("team/a") / tag) for tag in ("v1", "v2")] == ["EACCES"] * 2
    assert run("rm", "-r", m / "team/a", check=False).returncode == 1
    assert api(zot).state(["open/app", "team/a", "team/b"]) == before
    assert listed(m, "team/a") == {"v1", "v2"}
    assert {r.outcome for r in journals.finished(journal)} <= {"kept"}
    assert journals.removed_tags(journal) == set()
    assert asked(m, "team/a: nothing can be removed", "HTTP 403", "the user may not delete here")
    assert 0 < len(asked(m, "DELETE /v2/")) < MANY


@pytest.mark.parametrize("zot", [Guarded], indirect=True)
def test_a_stranger_removes_nothing(zot, remover, api, journal):
    m = remover(zot)
    assert errno_of(os.unlink, m.tags("open/app") / "v1") == "EACCES"
    assert set(api(zot).tags("open/app")) == {"v1", "v2"}
    assert journals.removed_tags(journal) == set()
    assert "REGFS_USER" in m.log


@pytest.mark.parametrize("user", ["cleaner", "admin"])
def test_with_the_right_to_delete(zot, remover, api, journal, user):
    """Which is that of no push. What others hold in their repositories stays."""
    zot.push("team/a", "same", zot.images["v2"])
    m = remover(zot, env=env(user))
    run("rm", m.tags("team/a") / "v1", m.tags("team/a") / "v2")
    assert api(zot).tags("team/a") == {"same": zot.images["v2"].digest}
    assert not api(zot).has("team/a", zot.images["v1"].digest)
    api(zot).whole("team/a", "same")
    api(zot).whole("team/b", "v1")
    assert listed(m, "team/a") == {"same"}
    assert [(r.tag, r.outcome) for r in journals.finished(journal)] == [("v1", "removed"), ("v2", "removed")]
    if user == "cleaner":
        assert errno_of(os.unlink, m.tags("open/app") / "v1") == "EACCES"
    assert run("rm", "-r", m / "team/b") == ""
    assert api(zot).tags("team/b") == {}


@pytest.mark.parametrize("option, left", [("shared=all", {"v2"}), ("shared=refuse", {"v1", "v2", "same"}),
                                          ("ttl=1", {"same", "v2"})])
def test_a_policy_that_minds_several_tags(zot, remover, api, option, left):
    """zot deletes no digest then that has more than one (409): the names go first, and it last."""
    zot.push("team/a", "same", zot.images["v1"])
    assert api(zot_as(zot, "careful")).delete("team/a", zot.images["v1"].digest) == 409
    m = remover(zot, option, env=env("careful"))
    assert errno_of(os.unlink, m.tags("team/a") / "v1") == ("EBUSY" if option == "shared=refuse" else "")
    assert set(api(zot).tags("team/a")) == listed(m, "team/a") == left
    assert api(zot).has("team/a", zot.images["v1"].digest) == ("same" in left)


# ---- what the doctor says ----


RIGHTS = {("admin", "team/a"): ("yes", "yes"), ("cleaner", "team/a"): ("yes", "no"), ("reader", "team/a"): ("no", "no"),
          ("cleaner", "open/app"): ("no", "no")}


@pytest.mark.parametrize("user, repository", RIGHTS, ids="-".join)
def test_the_doctor_on_rights(zot, doctor, user, repository):
    deletes, pushes = RIGHTS[user, repository]
    status, report, page = doctor(zot, repository, user)
    assert status == 0 and report["mounting"]["can"] == "yes"
    assert (report["delete"]["can"], report["removing"]["can"], report["push"]["can"]) == (deletes, deletes, pushes)
    words = f"the user may not delete in {repository}"
    assert (words in page) == (words in " ".join(report["removing"]["means"])) == (deletes == "no")


def test_the_doctor_on_a_forbidden_repository(zot, doctor):
    status, report, page = doctor(zot, "team/b", "reader")
    assert status == 1 and report["mounting"]["can"] == "no"
    assert "the tags of team/b cannot be listed: HTTP 403 DENIED" in page


def test_the_doctor_on_logins(zot, doctor):
    status, report, page = doctor(zot, "open/app", None)
    assert (status == 0) == zot.strangers and report["login"]["schemes"] == ["basic"]
    assert report["login"]["wanted"] == (not zot.strangers)
    if zot.strangers:
        assert report["mounting"]["can"] == "yes" and report["delete"]["can"] == "no"
        assert "with one (Basic) there may be more to see" in page
    status, report, page = doctor(zot, "open/app", "reader", "wr0ng-word")
    assert status == 1 and not report["login"]["accepted"]
    assert "not accepted" in page and "wr0ng-word" not in page + str(report)


# ---- passwords ----


def test_a_wrong_password(zot, mount):
    """Not taken for a stranger, even where those are let in: what one then sees is not what one asked for."""
    with pytest.raises(MountFailed) as failure:
        mount(zot, env=env("reader", "wr0ng-word"))
    assert "this user name and password are not accepted" in failure.value.stderr
    assert "wr0ng-word" not in failure.value.stderr


def accepts(server, user, password):
    sink = HttpSink(server.url, user, password)
    try:
        return sink.request("GET", "/v2/")[0].status == 200
    finally:
        sink.close()


def test_a_password_that_changes(zot, mount, tmp_path):
    """zot reads its file again by itself; the mount reads its own when the old one is refused."""
    file = tmp_path / "password"
    file.write_text(USERS["reader"])
    m = mount(zot, "ttl=0", "user=reader", f"password_file={file}")
    assert listed(m, "team/a") == {"v1", "v2"}
    line = subprocess.run(["htpasswd", "-Bbn", "reader", "n3w-word"], check=True, capture_output=True).stdout
    htpasswd = zot.folder / "htpasswd"
    kept = [one for one in htpasswd.read_bytes().splitlines() if not one.startswith(b"reader:")]
    htpasswd.write_bytes(b"\n".join([*kept, line.strip()]) + b"\n")
    wait_until(lambda: accepts(zot, "reader", "n3w-word"), 20, "zot has read its file again")
    assert not accepts(zot, "reader", USERS["reader"])
    assert errno_of(os.listdir, m.tags("team/a")) == "EACCES"
    assert "this user name and password are not accepted" in m.log
    file.write_text("n3w-word")
    wait_until(lambda: listed_or_refused(m) == {"v1", "v2"}, 30, "the new password is used")


def listed_or_refused(m):
    try:
        return listed(m, "team/a")
    except PermissionError:
        return None


# ---- tokens ----


class Bearer(servers.Zot):
    """Lets everybody in until it is told of a token server."""

    bearer = None

    def config(self):
        config = super().config()
        if self.bearer:
            config["http"]["auth"] = {"bearer": self.bearer}
        return config


@pytest.fixture
def tokens(tmp_path):
    folder = tmp_path / "tokens"
    folder.mkdir()
    server = TokenServer(folder)
    server.users = {"reader": User("r34der-word", {"repository:?*": {"pull"}}),
                    "admin": User("adm1n-word", {"repository:*": {"pull", "push"}})}
    yield server
    server.stop()


@pytest.fixture
def bearer(own_server, tokens):
    installed()
    server = own_server(Bearer)
    server.push_all("team/app", {"v1": im.image(days_ago(40)), "v2": im.image(days_ago(50))})
    server.stop()
    server.bearer = {"realm": tokens.realm, "service": SERVICE, "cert": str(tokens.cert)}
    return server.start()


def test_a_reader_with_tokens(bearer, tokens, remover):
    """The catalog is a repository without a name to it, in which nobody has a right."""
    m = remover(bearer, env=env("reader"))
    assert errno_of(os.listdir, m.dir) == "EACCES" and "repos_from=" in m.log
    assert listed(m, "team/app") == {"v1", "v2"}
    assert errno_of(os.unlink, m.tags("team/app") / "v1") == "EACCES"
    assert listed(m, "team/app") == {"v1", "v2"}
    assert len(tokens.requests) < MANY


def test_push_is_the_right_to_remove(bearer, tokens, remover):
    """zot knows no other in a token."""
    m = remover(bearer, env=env("admin"))
    assert shown(m) == {"team/app:v1", "team/app:v2"}
    os.unlink(m.tags("team/app") / "v1")
    assert listed(m, "team/app") == {"v2"}
    assert len(tokens.requests) < MANY


def test_a_token_that_ends_early(bearer, tokens, mount):
    """zot's clock is ahead. What it says of such a token is nothing but 401."""
    tokens.skew = 3 - tokens.life
    m = mount(bearer, "ttl=0", env=env("reader"))
    assert listed(m, "team/app") == {"v1", "v2"}
    held = tokens.requests[-1]
    assert held["scopes"] == ["repository:team/app:pull"]
    time.sleep(4)
    assert listed(m, "team/app") == {"v1", "v2"}
    assert [r["scopes"] for r in tokens.requests].count(held["scopes"]) == 2
