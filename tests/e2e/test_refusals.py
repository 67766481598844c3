# SPDX-License-Identifier: MIT
"""What cannot be mounted: one line that says what and how to mend it, an exit status (2 for a wrong command line,
else 1), and nothing mounted."""
import os
import socket
import subprocess

import pytest

from lib import images as im
from lib import mounts
from lib.fault import FaultRegistry
from lib.ports import free_port, wait_until
from lib.shell import days_ago, errno_of


@pytest.fixture
def refused(regfs, tmp_path):
    """Runs regfs, which must fail; returns its one line."""
    folder = tmp_path / "mnt"
    folder.mkdir()

    def start(*arguments, env=None, where=folder, status=1):
        command = [str(regfs), *map(str, arguments)] + ([str(where)] if where else [])
        done = subprocess.run(command, env=mounts.environment(tmp_path, **(env or {})), timeout=120,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        try:
            assert done.returncode in ((1, 2) if status is None else (status,)), (done.returncode, done.stderr)
            assert done.stderr.count("\n") == 1 and done.stderr.startswith("regfs: "), done.stderr
            assert mounts.mounted(folder) is None
            wait_until(lambda: not mounts.processes_with(folder), 10, "no process is left")
            assert not list(tmp_path.glob("sanitizer*"))
        finally:
            subprocess.run(["fusermount3", "-uqz", str(folder)], capture_output=True)
        return done.stderr
    return start


@pytest.fixture
def one(fault):
    fault.push("a", "v1", im.image(days_ago(3)))
    return fault


def test_nobody_listens(refused):
    port = free_port()
    line = refused(f"http://127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in line and "connect" in line.lower()


def test_no_such_host(refused):
    assert "registry.invalid" in refused("-o", "timeout=5", "https://registry.invalid")


def test_a_host_that_says_nothing(refused):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "127.0.0.1" in refused("-o", "timeout=2", f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize("effect", [
    {"body": b"<html>Welcome to nginx</html>", "type": "text/html"}, {"status": 404, "body": b"not found"},
    {"status": 200, "raw": b"220 smtp.example.com ESMTP\r\n"},
    {"status": 301, "headers": {"Location": "/login"}}, {"status": 500}])
def test_not_a_registry(one, refused, effect):
    one.rule(kind="ping", **effect)
    assert one.host in refused("-o", "timeout=3", one.url)


@pytest.mark.parametrize("mode", ["basic", "bearer"])
@pytest.mark.parametrize("env", [{}, {"REGFS_USER": "joe", "REGFS_PASSWORD": "wrong-word"}])
def test_wrong_credentials(one, refused, mode, env):
    one.access(mode, user="joe", password="right")
    line = refused(one.url, env=env)
    assert "REGFS_USER" in line or "login" in line or "password" in line  # how to mend it
    assert "wrong-word" not in line


def test_a_certificate_nobody_vouches_for(certificate, refused):
    server = FaultRegistry(tls=certificate)
    try:
        line = refused(server.url)
        assert "cacert" in line and "certificate" in line.lower()
    finally:
        server.stop()


@pytest.mark.parametrize("option", ["nonsense", "nonsense=1", "ttl=soon", "ttl=-1", "ttl=", "connections=0",
                                    "connections=many", "timeout=0", "platform=linux", "platform=a/b/c/d",
                                    "undated=never", "show=nothing", "umask=999", "uid=joe"])
def test_a_bad_option(one, refused, option):
    assert option.partition("=")[0] in refused("-o", option, one.url, status=None)


@pytest.mark.parametrize("option", ["cacert", "repos_from", "log"])
def test_a_file_that_is_not_there(one, refused, option):
    assert "/nonexistent" in refused("-o", f"{option}=/nonexistent/file", one.url)


@pytest.mark.parametrize("source", ["", "ftp://127.0.0.1", "http://", "https://:5000", "http://host:port",
                                    "http://127.0.0.1:99999", "http://127.0.0.1:1/UPPER/case", "http://a b",
                                    "http://127.0.0.1:1/../etc", "http://127.0.0.1:1/a?b=c"])
def test_a_bad_source(refused, source):
    refused(source)


def test_credentials_in_the_source_are_refused(one, refused):
    """They would show in the process list and in /proc/mounts."""
    assert "s3cr3t" not in refused(one.url.replace("://", "://joe:s3cr3t@"))


def test_mount_points_that_are_none(one, refused, tmp_path):
    assert "nowhere" in refused(one.url, where=tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    assert "file" in refused(one.url, where=tmp_path / "file")
    assert "mount point" in refused(one.url, where=None, status=2).lower()


def test_too_many_arguments(one, refused):
    refused(one.url, "one", "two", status=2)


def test_a_broken_auth_file(one, refused, tmp_path):
    (tmp_path / "config.json").write_text('{"auths": {')
    one.access("basic", user="joe", password="right")
    assert "config.json" in refused(one.url, env={"DOCKER_CONFIG": tmp_path})


@pytest.mark.parametrize("seconds", [5, 60])
def test_a_registry_that_is_busy_can_be_mounted(one, mount, seconds):
    """Not a refusal: at boot many machines ask at once, and a registry that says "later" is a registry."""
    one.rule(kind="ping", status=429, headers={"Retry-After": str(seconds)})
    v1 = mount(one, "timeout=3").tags("a") / "v1"
    if seconds > 30:
        assert errno_of(os.stat, v1) == "EAGAIN"
    else:
        wait_until(lambda: errno_of(os.stat, v1) == "", 60, "it is asked once it wants to be")
