# SPDX-License-Identifier: MIT
"""`run` beside a registry that may be at work: found by its socket, its process, its configuration and by asking it."""
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

import pytest

from lib.gc import PROBLEMS, REFUSED, program
from lib.shell import CI
from lib.stores import BUILTIN, options, small
from lib.storage import tree


def files(server):
    """Without folders: asking for an upload makes some."""
    return {path: what for path, what in tree(server.storage).items() if what[1]}


def test_a_registry_at_work(gc, server, engine):
    """Its collector would take what is being pushed. The builtin engine may run beside it, unless there is a cache."""
    garbage = small(server)
    before = files(server)
    if engine == "registry":
        ended = gc("run", server, status=REFUSED)
        assert ended["registry"]["state"] in ("writable", "unknown") and ended["registry"]["evidence"]
        assert "stop it" in ended["refused"][0]["reason"] and files(server) == before
        ended = gc("run", server, "--force")
        assert ended["forced"] and "force" in ended.err
    else:
        ended = gc("run", server, *BUILTIN)
        assert ended["registry"]["state"] == "writable" and "stop it" not in ended["registry"]["evidence"]
    assert ended["freed"]["count"] == len(garbage)


def test_an_upload_is_tried_and_leaves_nothing(gc, server):
    small(server)
    ended = gc("run", server, "--url", server.url, status=REFUSED)
    assert ended["registry"]["state"] == "writable"
    assert not [p for p in server.storage.rglob("_uploads/*")]


@contextlib.contextmanager
def deaf(server):
    """The registry's process goes on, and does not answer."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_a_process_that_does_not_answer(gc, server):
    """The configuration that the collector is given says another address: it is found by its process."""
    small(server)
    path = server.folder / "config.yml"
    config = json.loads(path.read_text())
    other = server.folder / "other.yml"
    other.write_text(json.dumps({**config, "http": {"addr": "127.0.0.1:1"}}))
    with deaf(server):
        found = gc.ended(subprocess.Popen(gc.words("run", server.storage, "--json", "--registry", server.program(),
                                                   "--config", other), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                          text=True, env=gc.environment), REFUSED)
    assert found["registry"]["state"] != "stopped"
    assert str(server.process.pid) in found["registry"]["evidence"]


def changed(server, change):
    """The registry again, with what `change` does to its configuration."""
    class Changed(type(server)):
        def config(self):
            config = super().config()
            change(config)
            return config
    server.stop()
    server.__class__ = Changed
    return server.start()


@pytest.fixture
def bind():
    """bind(FROM, TO): a mount, until the end; of another sort by the words of mount(8)."""
    made = []

    def mount(source, target, words=("--bind",)):
        if os.geteuid() != 0:
            (pytest.fail if CI else pytest.skip)("only root can mount")
        done = subprocess.run(["mount", *words, source, target], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        made.append(target)
    yield mount
    for target in made:
        subprocess.run(["umount", target], check=True)


@pytest.mark.parametrize("below", ["docker", "docker/registry/v2", "docker/registry/v2/blobs"])
@pytest.mark.parametrize("how", ["link", "mount"])
def test_a_registry_that_reaches_the_storage_by_another_way(gc, server, bind, tmp_path, how, below):
    """Its root is another folder, and something below that is ours."""
    small(server)
    other = tmp_path / "other"
    (other / below).parent.mkdir(parents=True)
    if how == "link":
        (other / below).symlink_to(server.storage / below)
    else:
        (other / below).mkdir()
        bind(server.storage / below, other / below)

    def move(config):
        config["storage"]["filesystem"]["rootdirectory"] = str(other)
    try:
        changed(server, move)
        found = gc("run", server.storage, "--registry", server.program(), status=REFUSED)
        assert found["registry"]["state"] != "stopped"
    finally:
        server.stop()


def test_a_registry_in_a_container_s_own_layer(gc, server, bind, tmp_path):
    """It sees an overlay; the folder below that has the same inode numbers, and another device."""
    small(server)
    other, work, lower = (tmp_path / name for name in ("other", "work", "lower"))
    for folder in (other, work, lower):
        folder.mkdir()
    server.stop()
    layers = f"lowerdir={lower},upperdir={server.storage},workdir={work}"
    bind("overlay", other, ("-t", "overlay", "-o", layers))

    def move(config):
        config["storage"]["filesystem"]["rootdirectory"] = str(other)
    try:
        changed(server, move)
        found = gc("run", server.storage, "--registry", server.program(), status=REFUSED)
        assert "may serve this storage" in found["registry"]["evidence"]
    finally:
        server.stop()


def test_a_registry_by_another_name(gc, server, tmp_path):
    """It is found by its configuration, since it does not answer."""
    small(server)
    path = tmp_path / "reg-3.1"
    shutil.copy(server.program(), path)
    real, server.program = server.program, lambda: str(path)
    server.stop()
    server.start()
    with deaf(server):
        found = gc("run", server.storage, "--registry", real(), status=REFUSED)
    assert str(server.process.pid) in found["registry"]["evidence"]


# ---- silence -------------------------------------------------------------------------------------------------------

def in_container(gc, *words, status):
    """In a namespace of its own, in which nothing is seen of other processes."""
    gc.says_stopped = False
    words = ["unshare", "--pid", "--fork", "--mount-proc", *gc.words("run", *words, "--json")]
    if os.geteuid() != 0 or subprocess.run([*words[:4], "true"], capture_output=True).returncode:
        (pytest.fail if CI and os.geteuid() == 0 else pytest.skip)("no namespace can be made here")
    return gc.ended(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                     env=gc.environment), status)


def test_in_a_container_silence_means_nothing(gc, server, engine):
    garbage = small(server)
    words = [*BUILTIN, "--config", server.folder / "config.yml"] if engine == "builtin" \
        else ["--registry", server.program()]
    if engine == "registry":
        ended = in_container(gc, server.storage, *words, status=REFUSED)
        assert ended["registry"]["state"] == "unknown"
        assert "container" in ended.err and "--stopped" in ended.err
    server.stop()
    ended = in_container(gc, server.storage, *words, status=REFUSED if engine == "registry" else 0)
    if engine == "builtin":  # the careful way
        assert (ended["registry"]["state"], ended["freed"]["count"]) == ("unknown", len(garbage))
        return
    ended = in_container(gc, server.storage, *words, "--stopped", status=0)
    assert (ended["registry"]["state"], ended["freed"]["count"]) == ("stopped", len(garbage))
    assert not ended["forced"]


def test_stopped_is_not_taken_for_an_answer(gc, server):
    """What is seen of a registry counts for more: its process, and, from a container, what it answers."""
    small(server)
    before = files(server)
    ended = gc("run", server, "--stopped", status=REFUSED)
    assert ended["registry"]["state"] in ("writable", "unknown")
    ended = in_container(gc, server.storage, "--registry", server.program(), "--stopped", "--url", server.url,
                         status=REFUSED)
    assert ended["registry"]["state"] == "writable" and files(server) == before


def test_who_is_not_root_sees_too_little(gc, server):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    small(server)
    server.stop()
    nobody = ["setpriv", "--reuid", "65534", "--clear-groups"]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(server.storage, folder, dirs_exist_ok=True)
        subprocess.run(["chmod", "-R", "a+rwX", folder], check=True)
        if subprocess.run([*nobody, program(), "--version"], capture_output=True).returncode:
            pytest.skip("nobody else can run what was built here")
        gc.says_stopped = False
        words = gc.words("run", folder, "--json", "--registry", server.program())
        ended = gc.ended(subprocess.Popen([*nobody, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                          env=gc.environment), REFUSED)
    # Perhaps there are registries of others on this machine, or it is a container.
    assert ended["registry"]["state"] == "unknown"
    assert re.search("only root|run as root|in a container", ended.err)


# ---- read-only -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("known", [False, True], ids=["url", "config"])
def test_a_pull_through_cache_refuses_uploads_and_writes(gc, server, fresh, known):
    small(server)
    other = fresh(server.__class__)

    def pull_through(config):
        config["proxy"] = {"remoteurl": other.url}
    changed(server, pull_through)
    words = ["--config", server.folder / "config.yml"] if known else []
    ended = in_container(gc, server.storage, "--registry", server.program(), "--url", server.url, *words,
                         status=REFUSED)
    assert ended["registry"]["state"] == "unknown"
    assert "cache" in ended["registry"]["evidence"]


def readonly(server):
    def change(config):
        config["storage"]["maintenance"] = {"readonly": {"enabled": True}}
    return changed(server, change)


@pytest.mark.parametrize("probe", [False, True], ids=["config", "probe"])
def test_a_read_only_registry(gc, server, probe):
    garbage = small(server)
    readonly(server)
    ended = gc("run", server, *(["--url", server.url] if probe else []))
    assert ended["registry"]["state"] == "read-only"
    assert ended["freed"]["count"] == len(garbage)
    assert ended["restart"] in ("not needed", "needed")


def test_read_only_in_a_file_that_was_not_read_yet(gc, server):
    """The configuration was edited, and the registry not restarted."""
    small(server)
    path = server.folder / "config.yml"
    config = json.loads(path.read_text())
    config["storage"]["maintenance"] = {"readonly": {"enabled": True}}
    path.write_text(json.dumps(config))
    assert gc("run", server, status=REFUSED)["registry"]["state"] != "read-only"


def cached(server):
    def change(config):
        config["storage"]["cache"] = {"blobdescriptor": "inmemory"}
    return changed(server, change)


def test_a_cache_forbids_the_builtin_engine(gc, server):
    """The registry would go on to say that blobs are there which are gone, and take manifests without looking."""
    small(cached(server))
    before = files(server)
    ended = gc("run", server, *BUILTIN, status=REFUSED)
    assert "cache" in ended["refused"][0]["reason"] and files(server) == before
    server.stop()
    assert gc("run", server, *BUILTIN)["freed"]["count"] == 3


def test_a_restart_command_that_restarts_nothing(gc, server2):
    """The process remembers what is gone: everything goes back."""
    small(cached(server2))
    before = files(server2)
    ended = gc("run", server2, *BUILTIN, "--restart-command", "true", status=PROBLEMS)
    assert ended["restart"] == "failed" and str(server2.process.pid) in ended.err
    assert ended["put_back"]["count"] == 3 and files(server2) == before


def test_a_cache_that_is_turned_off_and_still_there(gc, server):
    """The configuration says that there is none, but the process was started with another one."""
    small(cached(server))
    path = server.folder / "config.yml"
    config = json.loads(path.read_text())
    del config["storage"]["cache"]
    path.write_text(json.dumps(config))
    before = files(server)
    ended = gc("run", server, *BUILTIN, status=REFUSED)
    assert "cache" in ended["refused"][0]["reason"] and files(server) == before
    ended = gc("run", server.storage, *BUILTIN, status=REFUSED)
    assert "cache" in ended["refused"][0]["reason"] and files(server) == before


def test_a_registry_whose_cache_cannot_be_seen(gc, whole_machine, server, tmp_path):
    """Its configuration is gone, or the registry is somebody else's."""
    small(server)
    (server.folder / "config.yml").rename(tmp_path / "moved.yml")
    before = files(server)
    ended = gc("run", server.storage, *BUILTIN, status=REFUSED)
    assert "cache" in ended["refused"][0]["reason"] and files(server) == before


def test_a_cache_in_redis_outlives_a_restart(gc, server):
    """So the command must empty that as well; without one nothing is taken away."""
    def with_redis(config):
        config["storage"]["cache"] = {"blobdescriptor": "redis"}
        config["redis"] = {"addr": "127.0.0.1:1", "addrs": ["127.0.0.1:1"]}

    small(server)
    changed(server, with_redis)
    before = files(server)
    ended = gc("run", server, *BUILTIN, "--restart-command", "true", status=REFUSED)
    assert "redis" in ended["refused"][0]["reason"] and files(server) == before
    assert gc("run", server, *BUILTIN, "--restart-command", "true redis-cli")["freed"]["count"] == 3


def test_a_collector_at_work(gc, server, engine):
    """Somebody's own, or one that an earlier run has left behind in a container."""
    small(server)
    server.stop()
    before = files(server)
    words = ["registry", "-c", "read x", "garbage-collect", str(server.folder / "config.yml")]
    with subprocess.Popen(words, executable="/bin/sh", stdin=subprocess.PIPE) as collector:
        ended = gc("run", server, *options(engine), status=REFUSED)
        collector.stdin.close()
    assert str(collector.pid) in ended.err and "garbage-collect" in ended.err
    assert files(server) == before
    gc("run", server, *options(engine))


def test_a_registry_that_is_started_meanwhile(gc, server, tmp_path):
    """By whoever watches over it, during the collector's dry run."""
    small(server)
    server.stop()
    before, started = files(server), tmp_path / "pid"
    wrapper = tmp_path / "collector"
    serve, program = shlex.join(map(str, server.command())), shlex.quote(str(server.program()))
    wrapper.write_text(f"""#!/bin/sh
case "$*" in *--dry-run*)
	{serve} >/dev/null 2>&1 &
	echo $! >{started}
	until tr '\\0' ' ' </proc/$!/cmdline | grep -q ' serve '; do sleep 0.01; done ;; # it is the registry by now
esac
exec {program} "$@"
""")
    wrapper.chmod(0o755)
    try:
        ended = gc("run", server, "--registry", wrapper, status=REFUSED)
    finally:
        os.kill(int(started.read_text()), signal.SIGTERM)
    assert "must be stopped" in ended.err and files(server) == before
