# SPDX-License-Identifier: MIT
"""`run` beside a registry that may be at work: found by its socket, its process, its configuration and by asking it."""
import contextlib
import json
import signal
import subprocess

import pytest

from lib.gc import REFUSED
from lib.stores import BUILTIN, small
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
        assert ended["refused"][0]["reason"] and files(server) == before
        ended = gc("run", server, "--force")
        assert ended["forced"] and "force" in ended.err
    else:
        ended = gc("run", server, *BUILTIN)
        assert ended["registry"]["state"] == "writable"
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


def readonly(server):
    class ReadOnly(type(server)):
        def config(self):
            config = super().config()
            config["storage"]["maintenance"] = {"readonly": {"enabled": True}}
            return config
    server.stop()
    server.__class__ = ReadOnly
    return server.start()


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
    class Cached(type(server)):
        def config(self):
            config = super().config()
            config["storage"]["cache"] = {"blobdescriptor": "inmemory"}
            return config
    server.stop()
    server.__class__ = Cached
    return server.start()


def test_a_cache_forbids_the_builtin_engine(gc, server):
    """The registry would go on to say that blobs are there which are gone, and take manifests without looking."""
    small(cached(server))
    before = files(server)
    ended = gc("run", server, *BUILTIN, status=REFUSED)
    assert "cache" in ended["refused"][0]["reason"] and files(server) == before
    server.stop()
    assert gc("run", server, *BUILTIN)["freed"]["count"] == 3
