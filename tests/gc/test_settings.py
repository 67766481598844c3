# SPDX-License-Identifier: MIT
"""The registry's configuration and its variables, as regfs-gc reads them: held against the registry itself."""
import os
import subprocess

import pytest

from lib import images as im
from lib.gc import DONE, REFUSED
from lib.ports import free_port, wait_until
from lib.servers import Distribution
from lib.sinks import HttpSink

ROOT = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"
READONLY = "REGISTRY_STORAGE_MAINTENANCE_READONLY"

PLAIN = """
version: 0.1
storage:
  filesystem:
    rootdirectory: {a}
http: {{addr: "{addr}"}}
"""
MORE = """
version: 0.1
log: {{level: &low warn, formatter: text}}
storage:
  cache: {{blobdescriptor: inmemory}}
  delete: {{enabled: yes}}
  filesystem: &disk {{"rootdirectory": '{a}', maxthreads: 100}}
  maintenance: {{uploadpurging: {{enabled: false}}, readonly: {{enabled: {readonly}}}}}
http:
  addr: {addr}
  secret: "a\\tb"
  headers: {{X-Content-Type-Options: [nosniff]}}
"""

# A configuration, variables, where the files go to, and whether pushes are taken.
CASES = {
    "plain": (PLAIN, {}, "a", True),
    "flow, anchors, quotes": (MORE.replace("{readonly}", "off"), {}, "a", True),
    "read-only": (MORE.replace("{readonly}", "true"), {}, "a", False),
    "read-only, as YAML 1.1 says yes": (MORE.replace("{readonly}", "on"), {}, "a", False),
    "another folder": (PLAIN, {ROOT: "{b}"}, "b", True),
    "the driver as a whole": (PLAIN, {"REGISTRY_STORAGE_FILESYSTEM": "{{rootdirectory: {b}}}"}, "b", True),
    "the later variable wins": (PLAIN, {"REGISTRY_STORAGE_FILESYSTEM": "{{rootdirectory: {a}}}", ROOT: "{b}"}, "b", True),
    "read-only by the environment": (PLAIN, {READONLY: "{{enabled: true}}"}, "a", False),
    "read-only by the section above": (PLAIN, {"REGISTRY_STORAGE_MAINTENANCE": "{{readonly: {{enabled: true}}}}"}, "a", False),
    "what belongs to others": (PLAIN, {"REGISTRY_PORT": "tcp://10.0.0.1:5000", "REGISTRY_LOG_LEVEL": "warn"}, "a", True),
}


class Configured(Distribution):
    """A registry that is started with a configuration and variables of the test's own."""

    def __init__(self, kind, folder, text, environment):
        super().__init__(folder)
        self.program, self.name, self.text, self.more = kind.program, kind.name, text, environment

    def start(self):
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = "http://" + self.host
        places = {"a": self.folder / "a", "b": self.folder / "b", "addr": self.host}
        self.environment = {name: value.format(**places) for name, value in self.more.items()}
        (self.folder / "config.yml").write_text(self.text.format(**places))
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen([self.program(), "serve", str(self.folder / "config.yml")], stdout=log, stderr=log,
                                            cwd=self.folder, env={**os.environ, "OTEL_TRACES_EXPORTER": "none",
                                                                  **self.environment})
        wait_until(self.answers, 60, f"{self.name} answers")
        self.sink = HttpSink(self.url, None, None, None)
        return self


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request, server, tmp_path):
    text, environment, place, writable = request.param
    started = Configured(type(server), tmp_path / "configured", text, environment).start()
    yield started, started.folder / place, writable
    started.stop()


def pushed(server):
    try:
        server.sink.push("app", "v1", im.image("2020-01-01T00:00:00Z"))
    except AssertionError as refused:
        assert "405" in str(refused), refused
        return False
    return True


def test_as_the_registry_reads_it(gc, case):
    server, folder, writable = case
    assert pushed(server) is writable, "this test is wrong about the registry"
    assert (folder / "docker").exists() is writable
    folder.mkdir(exist_ok=True)
    plan = gc("plan", server, **server.environment)
    assert plan["root"] == str(folder)
    assert plan["blobs"]["count"] == (3 if writable else 0)
    ended = gc("run", server, "--dry-run", status=REFUSED if writable else DONE, **server.environment)
    assert ended["registry"]["state"] == ("writable" if writable else "read-only"), ended["registry"]
