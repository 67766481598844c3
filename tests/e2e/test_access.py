# SPDX-License-Identifier: MIT
"""Credentials: where they come from, where they go, and where they never go."""
import base64
import json
import os
from pathlib import Path

import pytest

from lib import images as im
from lib import servers
from lib.fault import FaultRegistry
from lib.mounts import MountFailed
from lib.ports import wait_until
from lib.shell import days_ago, lines, read

USER, PASSWORD = "joe", "s3cr3t-word: with space"
ENV = {"REGFS_USER": USER, "REGFS_PASSWORD": PASSWORD}


@pytest.fixture
def one(fault):
    fault.image = im.image(days_ago(40))
    fault.push("a", "v1", fault.image)
    return fault


def works(mounted):
    return len(lines("find", mounted.dir, "-path", "*/_tags/v1", "-mtime", "+30")) == 1


def auth_file(path, host, user=USER, password=PASSWORD):
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {host: {"auth": pair}, "other.example": {"auth": "eDp5"}}}))
    return path


@pytest.mark.parametrize("mode", ["basic", "bearer"])
def test_from_the_environment(one, mount, mode):
    one.access(mode, user=USER, password=PASSWORD)
    assert works(mount(one, env=ENV))


@pytest.mark.parametrize("mode", ["basic", "bearer"])
@pytest.mark.parametrize("form", ["{host}", "http://{host}", "https://{host}/v1/", "https://{host}"])
def test_from_docker_s_file(one, mount, tmp_path, mode, form):
    one.access(mode, user=USER, password=PASSWORD)
    auth_file(tmp_path / "docker" / "config.json", form.format(host=one.host))
    assert works(mount(one, env={"DOCKER_CONFIG": tmp_path / "docker"}))


def test_from_podman_s_file(one, mount, tmp_path):
    one.access("basic", user=USER, password=PASSWORD)
    assert works(mount(one, env={"REGISTRY_AUTH_FILE": auth_file(tmp_path / "auth.json", one.host)}))


def test_from_podman_s_run_time_folder(one, mount, tmp_path):
    one.access("basic", user=USER, password=PASSWORD)
    auth_file(tmp_path / "run" / "containers" / "auth.json", one.host)
    assert works(mount(one, env={"XDG_RUNTIME_DIR": tmp_path / "run"}))


def test_from_the_home_folder(one, mount, tmp_path):
    one.access("basic", user=USER, password=PASSWORD)
    home = tmp_path / "home"
    auth_file(home / ".docker" / "config.json", one.host)
    assert works(mount(one, env={"HOME": home, "DOCKER_CONFIG": ""}))


def test_the_environment_wins(one, mount, tmp_path):
    one.access("basic", user=USER, password=PASSWORD)
    auth_file(tmp_path / "docker" / "config.json", one.host, "joe", "old")
    assert works(mount(one, env={**ENV, "DOCKER_CONFIG": tmp_path / "docker"}))


def test_anonymous_bearer(one, mount):
    one.access("bearer")
    assert works(mount(one))


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_a_token_serves_many_requests(one, mount, field):
    one.push_all("a", {f"t{i}": im.image(days_ago(1)) for i in range(50)})
    one.access("bearer", user=USER, password=PASSWORD, field=field)
    m = mount(one, env=ENV)
    one.reset()
    lines("ls", "-l", m.tags("a"))
    assert len(one.requests(kind="token")) <= 2
    # A refused request is one that was sent without the token: at most the first of its scope.
    assert len([r for r in one.requests(kind="manifest") if r["status"] == 401]) <= 1


def test_tokens_that_end(one, mount):
    one.push_all("a", {f"t{i}": im.image(days_ago(1)) for i in range(50)})
    one.access("bearer", user=USER, password=PASSWORD, expires_in=2)
    m = mount(one, "ttl=1", env=ENV)
    assert works(m)
    one.call("revoke")
    assert len(lines("ls", "-l", m.tags("a"))) == 52
    assert all(read(m.tags("a") / f"t{i}") for i in range(50))


def test_a_token_server_that_grants_nothing_ends(one, mount):
    one.access("bearer", user=USER, password=PASSWORD, scopes=False)
    one.rule(kind="ping", status=200, body=b"{}", type="application/json")
    m = mount(one, env=ENV)
    one.reset()
    with pytest.raises(PermissionError):
        (m / "a/_tags/v1").stat()
    assert len(one.requests()) < 12  # it does not ask for ever


def test_basic_is_not_asked_twice(one, mount):
    one.access("basic", user=USER, password=PASSWORD)
    m = mount(one, env=ENV)
    one.push_all("a", {f"t{i}": im.image(days_ago(1)) for i in range(50)})
    one.reset()
    lines("ls", "-l", m.tags("a"))
    assert not [r for r in one.requests() if r["status"] == 401]


def redirected(one, mount, mode, target="other"):
    one.access(mode, user=USER, password=PASSWORD)
    one.rule(kind="blob", listener="main", redirect=target)
    assert works(mount(one, env=ENV))
    return one.requests(kind="blob")


@pytest.mark.parametrize("mode", ["basic", "bearer"])
def test_authorization_stays_with_its_host(one, mount, mode):
    """Another port is another host, as far as secrets go."""
    asked = redirected(one, mount, mode)
    sent = {r["listener"]: r["authorization"] for r in asked if r["status"] == 200 or r["listener"] == "main"}
    assert sent["main"] == mode.capitalize()
    assert [r["authorization"] for r in asked if r["listener"] == "other"] == [""]


def test_a_challenge_of_another_host_is_not_answered(one, mount):
    """The storage behind a redirect asks for a password: it gets none."""
    one.access("basic", user=USER, password=PASSWORD)
    one.rule(kind="blob", listener="main", redirect="other")
    one.rule(kind="blob", listener="other", status=401, headers={"Www-Authenticate": 'Basic realm="give"'})
    m = mount(one, "timeout=15", env=ENV)
    with pytest.raises(PermissionError):
        m.tags("a").joinpath("v1").stat()
    assert {r["authorization"] for r in one.requests(listener="other")} == {""}


def test_a_redirect_in_a_circle_ends(one, mount):
    one.rule(kind="blob", redirect=one.url)
    m = mount(one, "timeout=15")
    with pytest.raises(OSError):
        m.tags("a").joinpath("v1").stat()
    assert len(one.requests(kind="blob")) < 60


def test_a_link_to_another_host_gets_nothing(one, mount):
    """Pagination goes on at the mount's own host, whatever the Link says."""
    one.push_all("a", {f"t{i}": im.image(days_ago(1)) for i in range(10)})
    one.access("basic", user=USER, password=PASSWORD)
    one.rule(kind="tags", page=3, headers={"Link": f'<http://{one.other}/v2/a/tags/list?last=t1&n=3>; rel="next"'},
             times=1)
    m = mount(one, env=ENV)
    assert len(lines("ls", m.tags("a"))) == 11
    assert one.requests(listener="other") == []


def test_a_realm_elsewhere_over_tls_must_be_https(certificate, mount, fault):
    """A registry on https that names a token server on http would have the password sent in the clear."""
    server = FaultRegistry(tls=certificate)
    try:
        server.push("a", "v1", im.image(days_ago(40)))
        server.access("bearer", user=USER, password=PASSWORD, realm=fault.url + "/token")
        with pytest.raises(MountFailed):
            mount(server, f"cacert={certificate[0]}", env=ENV)
        assert fault.requests() == []
    finally:
        server.stop()


def test_no_secret_is_shown_anywhere(one, mount):
    one.access("bearer", user=USER, password=PASSWORD)
    m = mount(one, "log_level=debug", env=ENV)
    assert works(m)
    one.call("revoke")
    os.kill(m.pid, 1)
    wait_until(lambda: lines("ls", m.tags("a")), 20, "listed again")
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    shown = m.log + m.stderr + Path("/proc/mounts").read_text() + Path(f"/proc/{m.pid}/cmdline").read_text()
    assert "manifests" in m.log  # it does tell of requests
    for secret in (PASSWORD, "s3cr3t-word", pair, "Bearer "):
        assert secret not in shown


@pytest.mark.parametrize("option", ["cacert={}", "insecure"])
def test_tls(certificate, mount, option):
    server = FaultRegistry(tls=certificate)
    try:
        server.push("a", "v1", im.image(days_ago(40)))
        m = mount(server, option.format(certificate[0]))
        assert works(m)
        m.close()
    finally:
        server.stop()


@pytest.mark.parametrize("kind", [servers.Distribution2, servers.Distribution3, servers.Zot])
def test_a_real_server_with_passwords_and_tls(own_server, certificate, mount, kind):
    if kind not in servers.expected():
        kind = servers.Distribution2  # zot cannot be had here, the summary says why
    server = own_server(kind, user="joe", password="s3cr3t", tls=certificate)
    image = im.image(days_ago(40))
    server.push("team/app", "v1", image)
    m = mount(server, f"cacert={certificate[0]}", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert works(m)
    assert read(m / "team/app/_tags/v1") == image.data
    m.close()
