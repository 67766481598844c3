# SPDX-License-Identifier: MIT
"""Tokens and logins on real registries: what a login may do, how long a token lives, and who gets to see it."""
import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import images as im
from lib import servers
from lib.lighttpd import Proxy
from lib.mounts import MountFailed, environment, program
from lib.ports import wait_until
from lib.shell import days_ago, errno_of, lines, read, run
from lib.undelete import Undelete
from servers.tokens import TokenServer, User, make_key

DISTRIBUTIONS = [servers.Distribution2, servers.Distribution3]
READER = {"REGFS_USER": "reader", "REGFS_PASSWORD": "r34der"}
OWNER = {"REGFS_USER": "owner", "REGFS_PASSWORD": "0wner"}


@pytest.fixture
def tokens(tmp_path):
    folder = tmp_path / "tokens"
    folder.mkdir()
    server = TokenServer(folder)
    server.users = {
        None: User(None, {"repository:open/*": {"pull"}}),
        "reader": User("r34der", {"repository:*": {"pull"}}),
        "owner": User("0wner", {"repository:*": {"pull", "push", "delete"}, "registry:catalog": {"*"}}),
    }
    yield server
    server.stop()


@pytest.fixture(params=DISTRIBUTIONS, ids=lambda kind: kind.name)
def guarded(request, own_server, tokens):
    """A registry that wants tokens of that server, with images."""
    server = own_server(request.param, auth=tokens.settings())
    server.image = im.image(days_ago(40))
    for repository in ("team/app", "open/app"):
        server.folder_sink().push(repository, "v1", server.image)
        server.folder_sink().push(repository, "v2", im.image(days_ago(1)))
    return server


def old(mounted, repository="team/app"):
    return [os.path.basename(path) for path in lines("find", mounted.tags(repository), "-mtime", "+30")]


def asked(tokens, **wanted):
    return [r for r in tokens.requests if all(r[key] == value for key, value in wanted.items())]


def test_a_reader(guarded, tokens, mount):
    m = mount(guarded, env=READER)
    assert old(m) == ["v1"]
    assert read(m.tags("team/app") / "v1") == guarded.image.data
    assert {r["login"] for r in tokens.requests} == {("reader", "r34der")}
    assert len(asked(tokens, scopes=["repository:team/app:pull"])) == 1


def test_without_a_login(guarded, tokens, mount):
    assert old(mount(guarded.url + "/open"), "app") == ["v1"]
    m = mount(guarded.url + "/team")
    tokens.requests.clear()
    assert errno_of(os.stat, m.tags("app") / "v1") == "EACCES"
    assert {r["login"] for r in tokens.requests} == {None}
    assert "no right to pull in team/app" in m.log
    # One that lacks the right is not asked for again.
    assert len(asked(tokens, scopes=["repository:team/app:pull"])) == 1


def test_a_reader_cannot_remove(guarded, tokens, remover):
    m = remover(guarded, env=READER)
    assert old(m) == ["v1"]
    assert errno_of(os.unlink, m.tags("team/app") / "v1") == "EACCES"
    assert errno_of(os.unlink, m.tags("team/app") / "v2") == "EACCES"
    assert "no right to delete in team/app; its token allows nothing there" in m.log
    assert len([r for r in tokens.requests if "delete" in str(r["scopes"])]) == 1
    assert sorted(lines("ls", m.tags("team/app"))) == ["v1", "v2"]


def test_an_owner_removes(guarded, tokens, remover):
    m = remover(guarded, env=OWNER)
    os.unlink(m.tags("team/app") / "v1")
    assert lines("ls", m.tags("team/app")) == ["v2"]
    assert "team" in lines("ls", m.dir)


def test_no_right_to_the_catalog(guarded, tokens, mount):
    """Repositories are entered by name; the log says what is missing, and how to do without it."""
    m = mount(guarded, env=READER)
    assert errno_of(os.listdir, m.dir) == "EACCES"
    assert "registry:catalog:*" in m.log and "repos_from=" in m.log
    assert old(m) == ["v1"]
    assert len([r for r in tokens.requests if "catalog" in str(r["scopes"])]) == 1


def test_tokens_of_two_seconds(guarded, tokens, mount):
    """A walk that takes longer than any of its tokens lives."""
    guarded.folder_sink().push_all("team/many", {f"t{n:03}": im.image(days_ago(n % 50)) for n in range(200)})
    tokens.life = 2
    began = time.monotonic()
    m = mount(guarded, "connections=1", "ttl=0", env=READER)
    want = sorted(f"t{n:03}" for n in range(200) if n % 50 > 30)
    while time.monotonic() < began + 6:
        assert sorted(old(m, "team/many")) == want
    # Each is used for a second at least, and one is asked for at a time.
    for scopes in {str(r["scopes"]) for r in tokens.requests}:
        asked = [r for r in tokens.requests if str(r["scopes"]) == scopes]
        assert len(asked) < time.monotonic() - began + 5


def test_a_wrong_password(guarded, tokens, mount):
    with pytest.raises(MountFailed) as failure:
        mount(guarded, env={**READER, "REGFS_PASSWORD": "wr0ng"})
    assert "user name and password are not accepted" in str(failure.value)
    assert "wr0ng" not in str(failure.value)
    assert len(tokens.requests) == 1


def docker_login(folder, host, **entry):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))
    return {"DOCKER_CONFIG": folder}


@pytest.mark.parametrize("rotate", [False, True])
def test_an_identity_token(guarded, tokens, mount, tmp_path, rotate):
    tokens.identities, tokens.rotate, tokens.field = {"1dentity": "owner"}, rotate, "access_token"
    m = mount(guarded, env=docker_login(tmp_path / "docker", guarded.host, identitytoken="1dentity"))
    assert "team" in lines("ls", m.dir)
    assert old(m) == ["v1"]
    assert {(r["method"], r["status"]) for r in tokens.requests} == {("POST", 200)}
    assert len({r["form"]["refresh_token"][0] for r in tokens.requests}) == (len(tokens.requests) if rotate else 1)
    assert {r["authorization"] for r in tokens.requests} == {""}
    assert "1dentity" not in m.log


def test_logins_for_name_spaces(guarded, tokens, mount, tmp_path):
    """As skopeo and podman leave them: each repository is shown its own, and what has none is for strangers."""
    tokens.users["reader"].rights = {"repository:team/*": {"pull"}}
    tokens.users["other"] = User("0ther", {"repository:more/*": {"pull"}})
    guarded.folder_sink().push("more/app", "v1", guarded.image)
    file = tmp_path / "auth.json"
    for user, password, space in (("reader", "r34der", "team"), ("other", "0ther", "more/app")):
        run("skopeo", "login", "--authfile", file, "--tls-verify=false", "-u", user, "-p", password,
            f"{guarded.host}/{space}")
    m = mount(guarded, f"authfile={file}")
    tokens.requests.clear()
    assert [old(m, f"{space}/app") for space in ("team", "more", "open")] == [["v1"]] * 3
    assert {(scope, r["login"]) for r in tokens.requests for scope in r["scopes"]} >= {
        ("repository:team/app:pull", ("reader", "r34der")), ("repository:more/app:pull", ("other", "0ther")),
        ("repository:open/app:pull", None), ("registry:catalog:*", None)}
    assert len({scope for r in tokens.requests for scope in r["scopes"]}) == len(tokens.requests)


def test_each_name_space_is_removed_from_by_its_own_login(guarded, tokens, remover, tmp_path):
    """And put back. That the first one may not says nothing of the second."""
    tokens.users["reader"].rights = {"repository:open/*": {"pull"}}
    tokens.users["owner"].rights = {"repository:team/*": {"pull", "push", "delete"}}
    file = tmp_path / "auth.json"
    for user, password, space in (("reader", "r34der", "open"), ("owner", "0wner", "team")):
        run("skopeo", "login", "--authfile", file, "--tls-verify=false", "-u", user, "-p", password,
            f"{guarded.host}/{space}")
    m = remover(guarded, f"authfile={file}", "log_level=debug")
    tokens.requests.clear()
    assert errno_of(os.unlink, m.tags("open/app") / "v1") == "EACCES"
    os.unlink(m.tags("team/app") / "v1")
    assert lines("ls", m.tags("team/app")) == ["v2"]
    done = Undelete(tmp_path)(REGISTRY_AUTH_FILE=file)
    assert done["team/app:v1"].startswith("put back"), done.out + done.err
    shown = {(scope, r["login"]) for r in tokens.requests for scope in r["scopes"]}
    assert shown >= {("repository:open/app:delete", ("reader", "r34der")), ("repository:team/app:delete", ("owner", "0wner")),
                     ("repository:team/app:pull,push", ("owner", "0wner"))}
    whose = {"open": ("reader", "r34der"), "team": ("owner", "0wner"), "catalog": None}
    assert not [(scope, login) for scope, login in shown if whose[scope.split(":")[1].split("/")[0]] != login]
    assert "r34der" not in m.log and "0wner" not in m.log


@pytest.mark.parametrize("rotate", [False, True])
def test_identity_tokens_of_name_spaces(guarded, tokens, mount, tmp_path, rotate):
    """Where each use brings the next one, it is the next one of that name space."""
    tokens.users["reader"].rights = {"repository:open/*": {"pull"}}
    tokens.users["owner"].rights = {"repository:team/*": {"pull"}}
    tokens.identities, tokens.rotate, tokens.field = {"1dentity": "owner", "2dentity": "reader"}, rotate, "access_token"
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {f"{guarded.host}/team": {"identitytoken": "1dentity"},
                                          f"{guarded.host}/open": {"identitytoken": "2dentity"}}}))
    m = mount(guarded, f"authfile={file}", "log_level=debug")
    for _ in range(2):
        assert old(m) == old(m, "open/app") == ["v1"]
    assert {r["status"] for r in tokens.requests} == {200}
    assert {(r["scopes"][0].split(":")[1].split("/")[0], r["method"]) for r in tokens.requests if r["scopes"]} == {
        ("team", "POST"), ("open", "POST"), ("catalog", "GET")}
    assert "dentity" not in m.log


def test_a_token_server_that_knows_no_get(guarded, tokens, mount):
    tokens.get = False
    m = mount(guarded, env=READER)
    assert old(m) == ["v1"]
    assert len(asked(tokens, method="GET")) == 1  # what it does not know is not asked again
    assert asked(tokens, method="POST")[0]["form"]["grant_type"] == ["password"]


def test_a_registry_token(guarded, tokens, mount, tmp_path):
    """One that somebody else has got: it is sent as it is, and no token server is asked."""
    ready = tokens.token("owner", ["registry:catalog:*", "repository:team/app:pull"])
    m = mount(guarded, env=docker_login(tmp_path / "docker", guarded.host, registrytoken=ready))
    assert "team" in lines("ls", m.dir)
    assert old(m) == ["v1"]
    assert tokens.requests == []


def test_a_key_that_the_registry_does_not_know(guarded, tokens, mount):
    tokens.cert, tokens.key = make_key(tokens.folder, "wrong")
    with pytest.raises(MountFailed) as failure:
        mount(guarded, env=READER)
    assert "does not accept a new token of its token server's" in str(failure.value)
    assert len(tokens.requests) == 2


def test_a_token_server_whose_clock_is_fast(guarded, tokens, mount):
    tokens.skew = 3600
    with pytest.raises(MountFailed) as failure:
        mount(guarded, env=READER)
    assert "does not accept a new token" in str(failure.value)
    assert len(tokens.requests) == 2


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_a_password_on_a_real_registry(own_server, mount, kind):
    server = own_server(kind, user="joe", password="s3cr3t")
    server.push("team/app", "v1", im.image(days_ago(40)))
    assert old(mount(server, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})) == ["v1"]
    with pytest.raises(MountFailed) as failure:
        mount(server, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "wr0ng"})
    assert "not accepted" in str(failure.value)


# ---- over the registry that misbehaves, which sees every request ----


@pytest.fixture
def many(fault):
    fault.push_all("a", {f"t{n:03}": im.image(days_ago(40)) for n in range(100)})
    return fault


def test_a_token_is_looked_at_when_its_request_leaves(many, mount):
    """The queue is longer than the tokens live: nothing goes out with one that has ended meanwhile."""
    many.access("bearer", user="joe", password="s3cr3t", expires_in=4)  # shown for two, with two for a slow machine
    many.rule(kind="manifest", delay=0.1)
    m = mount(many, "connections=1", "timeout=60", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    m.tags("a").joinpath("t000").stat()
    many.reset()
    with ThreadPoolExecutor(100) as pool:
        assert len(list(pool.map(os.stat, [m.tags("a") / f"t{n:03}" for n in range(100)]))) == 100
    assert [r for r in many.requests() if r["status"] == 401] == []
    assert len(many.requests(kind="token")) > 2


def test_tokens_of_many_repositories(fault, mount):
    """One for each, whatever is asked for in it."""
    image = im.image(days_ago(40))
    for n in range(50):
        fault.push_all(f"r{n}", {f"t{k}": image for k in range(10)})
    fault.access("bearer", user="joe", password="s3cr3t")
    m = mount(fault, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert len(lines("find", m.dir, "-path", "*/_tags/*", "-mtime", "+30")) == 500
    assert len(fault.requests(kind="token")) <= 53


def test_a_token_as_long_as_one_may_be(many, mount):
    many.access("bearer", user="joe", password="s3cr3t")
    many.rule(kind="token", status=200, body=json.dumps({"token": "x" * 65520}).encode())
    with pytest.raises(MountFailed) as failure:
        mount(many, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert "does not accept a new token" in failure.value.stderr  # it was sent


def test_two_challenges_in_two_headers(many, mount):
    """The one that can be answered is the second."""
    many.access("basic", user="joe", password="s3cr3t", also="Negotiate")
    m = mount(many, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert len(old(m, "a")) == 100


def test_digest(many, remover):
    many.access("digest", user="joe", password="s3cr3t")
    m = remover(many, "digest_auth", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert len(old(m, "a")) == 100
    assert read(m.tags("a") / "t000")
    os.unlink(m.tags("a") / "t000")
    assert len(lines("ls", m.tags("a"))) == 99
    assert {r["authorization"] for r in many.requests()} == {"", "Digest"}
    assert "t000" not in many.show("a")["tags"]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_of_a_real_server(own_server, remover, tmp_path, algorithm):
    if not servers.found("lighttpd"):
        pytest.skip("lighttpd is not installed; tests/run.sh installs it")
    server = own_server(servers.Distribution3 if servers.Distribution3.program() else servers.Distribution2)
    image = im.image(days_ago(40))
    server.push_all("team/app", {"v1": image, "v2": im.image(days_ago(1)), "v3": im.image(days_ago(50))})
    proxy = Proxy(tmp_path / "lighttpd", server, "joe", "s3cr3t", algorithm)
    try:
        m = remover(proxy, "digest_auth", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
        assert sorted(old(m)) == ["v1", "v3"]
        assert read(m.tags("team/app") / "v1") == image.data
        os.unlink(m.tags("team/app") / "v3")
        assert sorted(lines("ls", m.tags("team/app"))) == ["v1", "v2"]
        m.close()
    finally:
        proxy.stop()
    deletes = [(status, scheme) for method, _, status, scheme in proxy.log() if method == "DELETE"]
    assert ("202", "Digest") in deletes
    assert {scheme for _, _, _, scheme in proxy.log()} == {"-", "Digest"}


def test_digest_with_a_wrong_password(many, mount):
    many.access("digest", user="joe", password="s3cr3t")
    with pytest.raises(MountFailed) as failure:
        mount(many, "digest_auth", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "wr0ng"})
    assert "not accepted" in str(failure.value)
    assert len(many.requests()) < 8


def test_digest_that_nobody_allowed(many, mount):
    many.access("digest", user="joe", password="s3cr3t")
    with pytest.raises(MountFailed) as failure:
        mount(many, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert "-o digest_auth" in str(failure.value)
    assert {r["authorization"] for r in many.requests()} == {""}


def test_a_digest_stays_with_its_host(many, mount):
    many.access("digest", user="joe", password="s3cr3t")
    many.rule(kind="blob", listener="main", redirect="other")
    m = mount(many, "digest_auth", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert len(old(m, "a")) == 100
    assert {r["authorization"] for r in many.requests(listener="other")} == {""}


@pytest.mark.parametrize("mode", ["basic", "bearer", "digest"])
def test_logins_for_name_spaces_stay_with_their_host(many, mount, tmp_path, mode):
    """Even where there is one for the other host. One that is wrong keeps nobody from the next name space."""
    def entry(password):
        return {"username": "joe", "password": password}

    many.access(mode, user="joe", password="s3cr3t")
    many.push("b", "v1", im.image(days_ago(40)))
    many.rule(kind="blob", listener="main", redirect="other")
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {
        f"{many.host}/b": entry("wr0ng-one"), f"{many.host}/a": entry("s3cr3t"),
        many.other: entry("s3cr3t"), f"{many.other}/a": entry("s3cr3t")}}))
    m = mount(many, "digest_auth", "ttl=0", f"authfile={file}", "log_level=debug")
    with ThreadPoolExecutor(8) as pool:
        for n, got in enumerate(pool.map(lambda n: errno_of(os.listdir, m.tags("b")) if n % 2 else len(old(m, "a")), range(16))):
            assert got == ("EACCES" if n % 2 else 100)
    assert {r["authorization"] for r in many.requests(listener="other")} == {""}
    assert not [r for r in many.requests(kind="catalog") if r["authorization"] and mode != "bearer"]
    assert "s3cr3t" not in m.log and "wr0ng" not in m.log


@pytest.mark.parametrize("mode", ["basic", "bearer", "digest"])
def test_the_target_of_a_redirect_gets_nothing_for_asking(many, mount, mode):
    """Whatever login the storage behind a redirect asks for."""
    many.access(mode, user="joe", password="s3cr3t")
    many.rule(kind="blob", listener="main", redirect="other")
    many.rule(kind="blob", listener="other", status=401,
              headers={"Www-Authenticate": f'Bearer realm="http://{many.other}/token", Basic realm="x", '
                                           'Digest realm="x", nonce="n", qop="auth"'})
    m = mount(many, "digest_auth", "timeout=3", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert errno_of(os.stat, m.tags("a") / "t000") == "EACCES"
    elsewhere = many.requests(listener="other")
    assert elsewhere and {r["authorization"] for r in elsewhere} == {""}
    assert {r["kind"] for r in elsewhere} == {"blob"}


def test_what_was_never_sent_took_no_time(many, tmp_path):
    """The token server refuses what the catalog needs: the doctor tells no time since who knows when."""
    many.access("bearer", user="joe", password="s3cr3t")
    many.rule(kind="token", nth=2, status=403)
    env = environment(tmp_path, REGFS_USER="joe", REGFS_PASSWORD="s3cr3t")
    done = subprocess.run([program(), "doctor", "--json", many.url], env=env, capture_output=True, text=True, timeout=60)
    catalog = json.loads(done.stdout)["catalog"]
    assert catalog["can"] != "yes" and catalog["milliseconds"] == 0
    assert not many.requests(kind="catalog")


def test_a_token_of_the_registry_is_not_told(fault, tmp_path):
    """Harbor sends one with each page, by which it is known: its name will do."""
    fault.rule(headers={"X-Harbor-Csrf-Token": "t0kenOfHarbor"})
    for how in ([], ["--json"]):
        done = subprocess.run([program(), "doctor", *how, fault.url], env=environment(tmp_path), capture_output=True, text=True, timeout=60)
        assert "X-Harbor-Csrf-Token" in done.stdout and "t0kenOfHarbor" not in done.stdout + done.stderr


# ---- redirects ----


@pytest.fixture
def passwords(tmp_path):
    users = tmp_path / "users"
    users.write_text("joe:" + run("openssl", "passwd", "-apr1", "secret"))
    return f"auth_basic x; auth_basic_user_file {users};"


def test_a_redirect_within_the_registry(fault, behind, mount, passwords):
    """What is behind it is still the registry: it may ask for a login, and is shown it."""
    fault.push("a", "v1", im.image(days_ago(60)))
    registry = behind(fault, location="= /nowhere", server="location /v2/ { return 307 /real$request_uri; } location /real/ { "
                      f"{passwords} rewrite ^/real/(.*) /$1 break; proxy_pass http://registry; }}")
    m = mount(registry, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "secret"})
    assert old(m, "a") == ["v1"]


def test_a_redirect_there_and_back(fault, behind, mount, passwords):
    """Another host says where it ends: that is not asked with our login, even if it is the registry's own."""
    fault.push("a", "v1", im.image(days_ago(60)))
    back = behind(fault)
    registry = behind(fault, location="^~ /back/", server=f"{passwords} location /v2/ {{ proxy_pass http://registry; }} "
                      f"location ~ /blobs/ {{ return 307 {back.url}$request_uri; }}")
    (back.folder / "nginx.conf").write_text((back.folder / "nginx.conf").read_text().replace(
        "location / { proxy_pass", f"location / {{ return 307 {registry.url}/back$request_uri; }} location /never {{ proxy_pass"))
    back.stop()
    back.process = subprocess.Popen(back.process.args)
    wait_until(back.listens, 20, "nginx is back")
    m = mount(registry, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "secret"})
    assert errno_of(os.stat, m.tags("a") / "v1") == "EACCES"
    seen = {r["authorization"] for r in registry.requests() if r["uri"].startswith("/back/")}
    assert seen == {""}
