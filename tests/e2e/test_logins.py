# SPDX-License-Identifier: MIT
"""Where logins come from: files of docker and skopeo, credential helpers, netrc, options; and again later."""
import base64
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import images as im
from lib import servers
from lib.mounts import MountFailed, environment
from lib.shell import days_ago, errno_of, lines

USER, PASSWORD = "joe", "s3cr3t-word"
DISTRIBUTIONS = [servers.Distribution2, servers.Distribution3]
NOTHING = "credentials not found in native keychain"


@pytest.fixture
def one(fault):
    """A registry that wants a login, with an old image."""
    fault.push("a", "v1", im.image(days_ago(40)))
    fault.access("basic", user=USER, password=PASSWORD)
    return fault


@pytest.fixture
def helper(tmp_path):
    """helper(SCRIPT, NAME): a credential helper in a folder of its own; the environment that has it."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(script, name="fake"):
        path = folder / f"docker-credential-{name}"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        # The folder is ours alone, and so is what it asks for: the lines of `asked`.
        return {"PATH": f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin", "HELPER": str(folder)}
    return make


def docker(folder, **config):
    """The environment for this config.json."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return {"DOCKER_CONFIG": folder}


def answer(user=USER, secret=PASSWORD):
    said = json.dumps({"Username": user, "Secret": secret})
    return f"""cat >>"$HELPER/asked"; echo >>"$HELPER/asked"; echo '{said}'\n"""


def auths(host, user=USER, password=PASSWORD):
    return {"auths": {host: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}}}


def works(mounted):
    return lines("find", mounted.dir, "-path", "*/_tags/v1", "-mtime", "+30") == [str(mounted.tags("a") / "v1")]


def login(command, env, password=PASSWORD):
    subprocess.run([str(c) for c in command], env=env, input=password, text=True, check=True, capture_output=True,
                   timeout=60)


# A keychain as docker's helpers are: what is stored is given out again.
KEYCHAIN = f"""case $1 in
store) cat >"$HELPER/kept" ;;
get) cat >>"$HELPER/asked"; [ ! -s "$HELPER/kept" ] && echo '{NOTHING}' && exit 1; cat "$HELPER/kept" ;;
erase) rm -f "$HELPER/kept" ;;
list) echo '{{}}' ;;
esac
"""


@pytest.fixture(params=DISTRIBUTIONS, ids=lambda kind: kind.name)
def guarded(request, own_server):
    server = own_server(request.param, user=USER, password=PASSWORD)
    server.folder_sink().push("a", "v1", im.image(days_ago(40)))
    return server


@pytest.mark.parametrize("keychain", [False, True])
def test_docker_login(guarded, mount, tmp_path, helper, keychain):
    """The real program; without its daemon, which it does not need for that."""
    env = {**helper(KEYCHAIN), **docker(tmp_path / "docker", **({"credsStore": "fake"} if keychain else {}))}
    login(["docker", "login", "-u", USER, "--password-stdin", guarded.host],
          {**environment(tmp_path, **env), "DOCKER_HOST": "unix:///nonexistent"})
    assert (PASSWORD in (tmp_path / "bin/kept").read_text()) if keychain else not (tmp_path / "bin/kept").exists()
    assert works(mount(guarded, env=env))
    if keychain:
        assert (tmp_path / "bin/asked").read_text().endswith(guarded.host)


@pytest.mark.parametrize("given", ["environment", "option"])
def test_skopeo_login(guarded, mount, tmp_path, given):
    file = tmp_path / "auth.json"
    login(["skopeo", "login", "--authfile", file, "--tls-verify=false", "-u", USER, "--password-stdin", guarded.host],
          environment(tmp_path))
    if given == "option":
        assert works(mount(guarded, f"authfile={file}", env={"REGISTRY_AUTH_FILE": "/nonexistent"}))
    else:
        assert works(mount(guarded, env={"REGISTRY_AUTH_FILE": file}))


def test_a_helper_for_the_host(one, mount, tmp_path, helper):
    helper(f"echo '{NOTHING}'; exit 1\n", "store")
    env = helper(answer(), "own")
    config = {"credHelpers": {one.host: "own", "other.example": "store"}, "credsStore": "store"}
    m = mount(one, env={**env, **docker(tmp_path / "docker", **config)})
    assert works(m)
    assert (tmp_path / "bin/asked").read_text() == one.host + "\n"  # once, and for nothing else


@pytest.mark.parametrize("script", [f"echo '{NOTHING}'; exit 1\n", "echo 'the keychain is locked'; exit 1\n",
                                    "echo no JSON\n", None])
def test_a_helper_without_an_answer(one, mount, tmp_path, helper, script):
    """The file itself is looked at; a failure is told."""
    env = helper(script or "", "fake" if script else "another")
    m = mount(one, env={**env, **docker(tmp_path / "docker", **auths(one.host), credsStore="fake")})
    assert works(m)
    assert ("docker-credential-fake" in m.log) == (not script or NOTHING not in script)


def test_a_helper_that_fails_keeps_nobody_from_public_images(fault, mount, tmp_path, helper):
    fault.push("a", "v1", im.image(days_ago(40)))
    assert works(mount(fault, env={**helper("exit 1\n"), **docker(tmp_path / "docker", credsStore="fake")}))


def test_a_helper_that_fails_is_the_reason(one, mount, tmp_path, helper):
    env = helper("echo 'the keychain is locked'; exit 1\n")
    with pytest.raises(MountFailed) as failure:
        mount(one, env={**env, **docker(tmp_path / "docker", credsStore="fake")})
    assert "docker-credential-fake fails (exit status 1): the keychain is locked" in failure.value.stderr


def test_by_options(one, mount, tmp_path):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    m = mount(one, f"user={USER}", f"password_file={tmp_path / 'password'}",
              env={"REGFS_USER": "somebody", "REGFS_PASSWORD": "else"})
    assert works(m)


def test_by_netrc(one, mount, tmp_path):
    file = tmp_path / "netrc"
    file.write_text(f"machine other.example login x password y\nmachine 127.0.0.1\n  login {USER}\n"
                    f"  password \"{PASSWORD}\"\n")
    file.chmod(0o600)
    assert works(mount(one, f"netrc={file}"))
    home = tmp_path / "home"
    home.mkdir()
    file.rename(home / ".netrc")
    assert works(mount(one, "netrc", env={"HOME": home}))
    with pytest.raises(MountFailed):
        mount(one, env={"HOME": home})  # nobody asked for it


def test_a_password_is_no_option(one, mount):
    with pytest.raises(MountFailed) as failure:
        mount(one, f"user={USER}", f"password={PASSWORD}")
    assert failure.value.status == 2
    assert "password_file=FILE" in failure.value.stderr and PASSWORD not in failure.value.stderr


@pytest.mark.parametrize("mode", ["basic", "bearer"])
def test_a_login_that_is_renewed(one, mount, tmp_path, mode):
    """A mount stands for longer than ECR's logins, and Kubernetes writes the new one into the secret's file."""
    one.access(mode, user=USER, password="old")
    file = tmp_path / "auth.json"
    file.write_text(json.dumps(auths(one.host, password="old")))
    m = mount(one, f"authfile={file}", "ttl=0")
    assert works(m)
    one.access(mode, user=USER, password=PASSWORD)  # and the tokens of before are worth nothing
    new = tmp_path / "new"
    new.write_text(json.dumps(auths(one.host)))
    new.replace(file)
    assert works(m)


@pytest.mark.parametrize("mode", ["basic", "bearer"])
def test_a_login_for_a_name_space_that_is_renewed(one, mount, tmp_path, mode):
    """The next one is its own again, and nobody else's."""
    def write(**passwords):
        new = tmp_path / "new"
        new.write_text(json.dumps({"auths": {f"{one.host}/{space}": auths("h", password=password)["auths"]["h"]
                                             for space, password in passwords.items()}}))
        new.replace(file)

    one.push("b", "v1", im.image(days_ago(40)))
    one.access(mode, user=USER, password="old")
    file = tmp_path / "auth.json"
    write(a="old", b="old")
    m = mount(one, f"authfile={file}", "ttl=0")
    assert os.listdir(m.tags("a")) == os.listdir(m.tags("b")) == ["v1"]
    one.access(mode, user=USER, password=PASSWORD)
    write(a=PASSWORD, b="old")
    assert os.listdir(m.tags("a")) == ["v1"]
    assert errno_of(os.listdir, m.tags("b")) == "EACCES"
    assert "refuses our login for a; looking for a new one" in m.log
    assert PASSWORD not in m.log


def test_logins_for_name_spaces_that_are_piped(one, mount, tmp_path):
    """As <(vault read ...) hands them over: what is read is gone."""
    file = tmp_path / "pipe"
    os.mkfifo(file)
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(file.write_text, json.dumps(auths(one.host + "/a")))
        m = mount(one, f"authfile={file}")
        written.result()
    assert os.listdir(m.tags("a")) == ["v1"]


def test_a_helper_is_asked_for_another_login(one, mount, tmp_path, helper):
    one.access("basic", user=USER, password="old")
    env = helper("""echo >>"$HELPER/asked"; cat "$HELPER/kept"\n""")
    kept = tmp_path / "bin/kept"
    kept.write_text(json.dumps({"Username": USER, "Secret": "old"}))
    m = mount(one, "ttl=0", env={**env, **docker(tmp_path / "docker", credsStore="fake")})
    assert works(m)
    kept.write_text(json.dumps({"Username": USER, "Secret": PASSWORD}))
    one.access("basic", user=USER, password=PASSWORD)
    assert works(m)
    assert (tmp_path / "bin/asked").read_text() == "\n\n"


def test_a_login_that_ends_for_good(one, mount, tmp_path, helper):
    """Refused over and over: neither the helper nor the registry is asked each time."""
    env = helper(answer())
    m = mount(one, "ttl=0", env={**env, **docker(tmp_path / "docker", credsStore="fake")})
    assert works(m)
    one.access("basic", user=USER, password="another")
    one.reset()
    for _ in range(20):
        assert errno_of(os.listdir, m.tags("a")) == "EACCES"
    assert len((tmp_path / "bin/asked").read_text().splitlines()) == 2
    assert PASSWORD not in m.log


def test_what_a_process_keeps_to_itself(one, regfs, tmp_path):
    """No core file, and no other process of the same user may read the memory of one that holds a password."""
    def nobody():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    one.rule(kind="ping", hang="request")  # it waits, with all that it knows
    fd = os.open(regfs, os.O_PATH)  # pytest's folders are closed to others, and the program may be in one
    command = ["regfs", "doctor", one.url]
    env = {**environment(tmp_path), "REGFS_USER": USER, "REGFS_PASSWORD": PASSWORD, "LSAN_OPTIONS": "detect_leaks=0"}
    process = subprocess.Popen(command, executable=f"/proc/self/fd/{fd}", pass_fds=[fd], env=env, cwd="/",
                               preexec_fn=nobody, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        one.wait_for(1, kind="ping")
        limits = [line for line in open(f"/proc/{process.pid}/limits") if line.startswith("Max core file size")]
        assert limits[0].split()[4:6] == ["0", "0"]
        if b"__asan_init" not in regfs.read_bytes() and b"__tsan_init" not in regfs.read_bytes():
            assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0  # the kernel's own: nobody's to read
    finally:
        process.kill()
        process.communicate()
        os.close(fd)
        one.release()


def given(way, folder, host, helper):
    """The options and the environment that have the login in one of its places."""
    file = folder / "secret"
    if way == "password_file":
        file.write_text(PASSWORD + "\n")
        return [f"user={USER}", f"password_file={file}"], {}
    if way == "authfile":
        file.write_text(json.dumps(auths(host)))
        return [f"authfile={file}"], {}
    if way == "netrc":
        file.write_text(f"default login {USER} password {PASSWORD}\n")
        return [f"netrc={file}"], {}
    if way == "environment":
        return [], {"DOCKER_AUTH_CONFIG": json.dumps(auths(host))}
    return [], {**helper(f"echo noise {PASSWORD} >&2\n" + answer()), **docker(folder / "docker", credsStore="fake")}


@pytest.mark.parametrize("way", ["password_file", "authfile", "netrc", "environment", "helper"])
def test_no_secret_is_shown_anywhere(one, remover, journal, tmp_path, helper, way):
    one.access("bearer", user=USER, password=PASSWORD)
    options, env = given(way, tmp_path, one.host, helper)
    m = remover(one, "log_level=debug", "ttl=0", *options, env=env)
    assert works(m)
    (m.tags("a") / "v1").unlink()
    one.push("a", "v2", im.image(days_ago(1)))
    one.access("bearer", user=USER, password="another")  # and the refusal, told
    assert errno_of(os.listdir, m.tags("a")) == "EACCES"
    kept = [path for path in journal.rglob("*") if path.is_file()]
    assert kept and "DELETE" in m.log
    shown = [m.log, m.stderr, *(path.read_text() for path in kept)]
    shown += [open(path).read() for path in ("/proc/mounts", f"/proc/{m.pid}/cmdline", f"/proc/{m.pid}/comm")]
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, pair, "Bearer "):
        assert [text for text in shown if secret in text] == []
