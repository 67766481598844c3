# SPDX-License-Identifier: MIT
"""regfs-gc, run as people run it."""
import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lib import mounts
from lib.ports import wait_until
from lib.pull import broken
from lib.storage import Disk

DONE, PROBLEMS, USAGE, REFUSED = range(4)
WORDS = ("done", "problems", "usage", "refused")
PRINTABLE = re.compile(r"regfs-gc: [\x20-\x7e\x80-\U0010ffff]*")


def sees_all():
    """Here a registry that is not seen is stopped; in a container, or not as root, regfs-gc must be told so."""
    return os.geteuid() == 0 and os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"


def program():
    return mounts.program().parent.parent / "client" / "regfs-gc"


@dataclass
class Ended:
    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    def __getitem__(self, name):
        return self.json[name]

    def kinds(self):
        """{(kind, repository, tag)} of the problems."""
        return {(p["kind"], p.get("repository"), p.get("tag")) for p in self["problems"]}


class Gc:
    """gc("plan", server, ...): over a registry's configuration, or over a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.says_stopped = not sees_all()
        self.environment = {k: v for k, v in mounts.environment(folder).items() if not k.startswith("REGISTRY_")}

    def words(self, command, where, *words):
        place = ("--root", where) if isinstance(where, (str, Path)) else ("--config", where.folder / "config.yml")
        if command == "run" and not isinstance(where, (str, Path)) and not {"--registry", "--engine=builtin"} & set(words):
            place += ("--registry", shlex.quote(where.program()))
        if command == "run" and self.says_stopped and not getattr(where, "process", None):
            place += ("--stopped",)
        return [str(word) for word in (program(), command, *place, *words)]

    def start(self, command, where, *words, **environment):
        return subprocess.Popen(self.words(command, where, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env={**self.environment, **environment}, cwd=self.folder)

    def text(self, command, where, *words, status=DONE, seconds=120, **environment):
        return self.ended(self.start(command, where, *words, **environment), status, seconds)

    def __call__(self, command, where, *words, status=DONE, **more):
        """With --json; status: what is expected, None: whatever it is."""
        ended = self.text(command, where, "--json", *words, status=status, **more)
        if ended.status in (DONE, PROBLEMS, REFUSED):
            assert (ended["command"], ended["status"]) == (command, WORDS[ended.status])
        return ended

    def ended(self, process, status=DONE, seconds=120):
        out, err = process.communicate(timeout=seconds)
        found = Ended(process.returncode, out, err)
        self.sane(found)
        assert status is None or found.status == status, (found.status, err[-3000:], out[-3000:])
        return found

    def sane(self, found):
        reports = [p.read_text() for p in self.folder.glob("sanitizer*")]
        assert not reports and not mounts.REPORT.search(found.err), (reports, found.err)
        for line in found.err.splitlines():
            assert PRINTABLE.fullmatch(line), found.err

    def garbage(self, where, *words, **more):
        """The digests that `plan` calls garbage."""
        return {blob["digest"] for blob in self("plan", where, *words, **more)["garbage_blobs"]}


def restart(server):
    """Another process of the same registry on the same port: what it had in memory is gone."""
    log = open(server.folder / "server.log", "ab")
    with log:
        if server.process:
            server.process.terminate()
            server.process.wait(20)
        server.process = subprocess.Popen(server.command(), stdout=log, stderr=log, cwd=server.folder,
                                          env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
    wait_until(server.answers, 60, f"{server.name} answers again")


def unpulled(server, folder, tags=None):
    """{(repository, tag)} that skopeo cannot pull whole from a freshly started registry, which is stopped again."""
    tags = Disk(server.storage).tags() if tags is None else tags
    server.start()
    try:
        return set(broken(server, tags, folder / "pulled"))
    finally:
        server.stop()
