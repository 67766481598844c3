# SPDX-License-Identifier: MIT
"""What registries and what stands before them do beyond the profiles: answers that break off, things that are none."""
import base64
import json
import os
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import images as im
from lib import servers
from lib.fault import FaultRegistry
from lib.mounts import MountFailed, environment
from lib.ports import accept
from lib.shell import days_ago, errno_of
from servers.tokens import TokenServer, User


@pytest.fixture
def one(fault):
    fault.image = im.image(days_ago(60))
    fault.push("a", "v", fault.image)
    return fault


@pytest.fixture
def fault_tls(certificate):
    server = FaultRegistry(tls=certificate)
    yield server
    server.stop()


HALVES = [b"HTTP/1.1 404 Not Found\r\nContent-Ty", b"HTTP/1.1 200 OK\r\nContent-Ty"]


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("kind", ["tags", "manifest", "blob"])
def test_half_a_header_is_no_answer(one, mount, kind, half):
    """Least of all one that says that something is not there."""
    m = mount(one)
    one.rule(kind=kind, raw=half, times=1)
    assert os.listdir(m.tags("a")) == ["v"]
    assert (m.tags("a") / "v").read_bytes() == one.image.data
    one.rule(kind=kind, raw=half)
    fresh = mount(one, "timeout=15")  # the last attempt as well has time for its answer
    assert errno_of(lambda: (os.listdir(fresh.tags("a")), (fresh.tags("a") / "v").stat())) == "EIO"
    assert "within the header" in fresh.log


@pytest.mark.parametrize("half", [b"HTTP/1.1 202 Accepted\r\nContent-Le", b"HTTP/1.1 404 Not Found\r\nDate: "])
def test_half_a_header_of_a_removal(one, remover, half):
    """It may be done or not: nobody is told that it is."""
    m = remover(one)
    one.rule(method="DELETE", raw=half, do=False)
    assert errno_of(os.unlink, m.tags("a") / "v") == "EIO"
    assert one.show("a")["tags"] == {"v": one.image.digest}


def test_a_web_page_is_no_answer_to_a_removal(one, remover):
    """A network's own login page has 200 for everything, and nothing is removed by it."""
    m = remover(one)
    page = one.rule(method="DELETE", status=200, type="text/html; charset=utf-8", body=b"<html>Log in</html>", do=False)
    assert errno_of(os.unlink, m.tags("a") / "v") == "EIO"
    assert "with a web page is no answer to a DELETE" in m.log
    one.forget(page)
    os.unlink(m.tags("a") / "v")
    assert one.show("a")["tags"] == {}


class Banner:
    """A server that speaks first, and no HTTP."""

    def __init__(self, text):
        self.text = text
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=accept, args=(self.socket, self.serve), daemon=True).start()

    def serve(self, client):
        with client:
            client.sendall(self.text)
            client.recv(65536)

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"220 mail.example.com ESMTP\r\n"])
def test_no_web_server(mount, text):
    server = Banner(text)
    try:
        with pytest.raises(MountFailed) as error:
            mount(server)
    finally:
        server.stop()
    assert "no web server answers there" in error.value.stderr


@pytest.mark.parametrize("realm", ["/token", "http://127.0.0.1/to ken", "http://[::1/token", "http://h:99999/t"])
def test_a_realm_that_is_no_address(one, mount, realm):
    one.access("bearer", realm=realm)
    with pytest.raises(MountFailed) as error:
        mount(one)
    assert "a realm that is neither http nor https: " in error.value.stderr


def test_many_readers_of_an_identity_token_that_changes(own_server, mount, tmp_path):
    """Each use ends it and brings the next one: so it is never used twice at once."""
    repositories = [f"team/r{i}" for i in range(20)]
    folder = tmp_path / "tokens"
    folder.mkdir()
    tokens = TokenServer(folder)
    try:
        tokens.users = {"joe": User("pw", {"repository:*": {"pull"}})}
        tokens.identities, tokens.rotate, tokens.field = {"1dentity": "joe"}, True, "access_token"
        server = own_server(servers.Distribution2, auth=tokens.settings())
        for repository in repositories:
            server.folder_sink().push(repository, "v", im.image(days_ago(1)))
        login = tmp_path / "auth.json"
        login.write_text(json.dumps({"auths": {server.host: {"identitytoken": "1dentity"}}}))
        m = mount(server, f"authfile={login}")
        with ThreadPoolExecutor(len(repositories)) as pool:
            assert list(pool.map(lambda r: os.listdir(m.tags(r)), repositories)) == [["v"]] * len(repositories)
        assert {r["status"] for r in tokens.requests} == {200}
    finally:
        tokens.stop()


@pytest.mark.parametrize("there, words", [("http://127.0.0.1:1", "http://127.0.0.1:1, where the registry redirects to: "),
                                          ("http://u:s3cret@no.such.invalid", "http://no.such.invalid:80, where ")])
def test_a_redirect_to_what_cannot_be_reached(one, mount, there, words):
    """Else its user looks for what is wrong with the registry."""
    m = mount(one)
    one.rule(kind="blob", redirect=there)
    assert errno_of((m.tags("a") / "v").stat) in ("ECONNREFUSED", "EHOSTUNREACH")
    assert words in m.log and "s3cret" not in m.log


def test_a_login_for_a_part_of_the_registry(one, mount, tmp_path):
    """podman login HOST/a: it is shown for that, and for nothing else."""
    one.push("b", "v", im.image(days_ago(1)))
    one.access("basic", user="joe", password="s3cret")
    login = tmp_path / "auth.json"
    login.write_text(json.dumps({"auths": {f"{one.host}/a": {"auth": "am9lOnMzY3JldA=="}}}))
    m = mount(one, f"authfile={login}")
    before = len(one.requests())
    assert errno_of(os.listdir, m.tags("b")) == errno_of(os.listdir, m.dir) == "EACCES"
    assert not [r for r in one.requests()[before:] if r["authorization"]]
    assert f"{login} has them for {one.host}/a alone" in m.log
    assert os.listdir(m.tags("a"))
    assert os.listdir(mount(one.url + "/a", f"authfile={login}").dir)


def test_no_login_is_taken(one, mount, tmp_path):
    """Nor is the one for two parts of it, which is shown once; what is said is what lacks for the whole."""
    one.access("basic", user="joe", password="s3cret")
    login = tmp_path / "auth.json"
    login.write_text(json.dumps({"auths": {f"{one.host}/{r}": {"auth": "am9lOndyb25n"} for r in ("a", "b")}}))
    with pytest.raises(MountFailed) as error:
        mount(one, f"authfile={login}")
    assert f"{login} has them for {one.host}/a alone" in error.value.stderr
    assert len([r for r in one.requests() if r["authorization"]]) == 1


def test_a_registry_that_repeats_what_its_token_server_was_shown(one, mount):
    """Often they are one program, and its messages say too much."""
    one.access("bearer", user="joe", password="Pl4nted-Secret")
    m = mount(one, "log_level=debug", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "Pl4nted-Secret"})
    shown = base64.b64encode(b"joe:Pl4nted-Secret").decode()
    one.rule(kind="tags", status=418, body=f"no list for Pl4nted-Secret, Basic {shown}".encode())
    assert errno_of(os.listdir, m.tags("a")) == "EIO"
    assert "no list for ***, Basic ***" in m.log
    assert "Pl4nted" not in m.log and shown not in m.log


@pytest.fixture
def doctor(regfs, tmp_path):
    """doctor(SERVER): (exit status, the page)."""
    def ask(server):
        done = subprocess.run([regfs, "doctor", server.url], env=environment(tmp_path), capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout
    return ask


def test_the_doctor_of_a_list_that_is_long(one, doctor):
    """A registry that ignores n sends what a mount can read: so can the doctor."""
    one.rule(kind="tags", names=["v"] + [f"{i:0128}" for i in range(40000)], ignore_n=True)
    status, page = doctor(one)
    assert status == 0 and "not paged: all names at once" in page


@pytest.mark.parametrize("effect", [{"status": 503}, {"status": 429}, {"reset": True}])
def test_the_doctor_of_a_catalog_that_fails_now(one, doctor, effect):
    """That passes: there is nothing to configure."""
    one.rule(kind="catalog", **effect)
    _, page = doctor(one)
    assert "could not be read just now" in page and "repos_from" not in page


@pytest.mark.parametrize("body", [b"", b"hello", b'{"status":"ok"}'])
def test_the_doctor_of_what_answers_everything(one, doctor, body):
    one.rule(body=body, headers={}, status=200)
    status, page = doctor(one)
    assert status == 1 and "may be no registry" in page
    one.forget()
    status, page = doctor(one)
    assert status == 0 and "may be no registry" not in page


# ---- proxies ----


def refused(mount, source, **env):
    with pytest.raises(MountFailed) as error:
        mount(source, "timeout=5", env=env)
    return error.value.stderr


def test_a_proxy_that_is_not_there(mount):
    """It is not the registry that has to be started."""
    assert "(is the proxy running there?)" in refused(mount, "https://registry.test", HTTPS_PROXY="http://127.0.0.1:1")


def test_the_port_of_a_proxy_that_names_none(mount):
    said = refused(mount, "https://registry.test", HTTPS_PROXY="http://127.0.0.1")
    assert "1080" not in said  # libcurl's own; something may listen on the other one


def test_a_proxy_that_nobody_vouches_for(mount, fault_tls):
    said = refused(mount, "https://registry.test", HTTPS_PROXY=fault_tls.url)
    assert "of the proxy" in said and "cacert" not in said


@pytest.mark.parametrize("password", ["p@hunter2/x", "hunter2?@", "hunter2/", "#hunter2"])
def test_a_password_for_a_proxy_that_is_not_encoded(mount, password):
    """It is no name to be looked up, or told."""
    said = refused(mount, "https://registry.test", HTTPS_PROXY=f"http://joe:{password}@127.0.0.1:1")
    assert "HTTPS_PROXY" in said and "%40" in said and "hunter2" not in said
