# SPDX-License-Identifier: MIT
"""regfs-undelete, and journals for it, written as a mount writes them (client/journaltool.c)."""
import subprocess
from pathlib import Path

from lib import mounts


def built(*parts):
    return mounts.program().parent.parent.joinpath(*parts)


def tool(*words):
    done = subprocess.run([built("tests", "client", "journaltool"), *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Removals:
    """The journal of a test. What it is told of is written down; that it really goes is the test's to see to."""

    def __init__(self, folder, source):
        self.folder = Path(folder)
        self.dir = self.folder / "journal"
        self.source = getattr(source, "url", source)
        self.entries = 0

    def item(self, role, image, tags=()):
        path = self.folder / image.digest.replace(":", "-")
        path.write_bytes(image.data)
        return ",".join([role, str(path), image.media_type, *tags])

    def add(self, repository, image, *tags, along=(), action="delete", outcome="removed", placeholder=None, source=None):
        """An entry in a run of its own. along: (role, image, tags...) of what hung from it. The run's folder."""
        before = set(self.dir.glob("*"))
        words = [action, repository, tags[0] if tags else "-", placeholder.digest if placeholder else "-", outcome or "-",
                 self.item("image", image, tags), *(self.item(role, other, names) for role, other, *names in along)]
        tool(self.dir, source or self.source, *words)
        run, = set(self.dir.glob("*")) - before
        return run


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err
        self.lines = out.splitlines()

    def __getitem__(self, name):
        """What is said of a tag, or of a manifest, by its name."""
        said, = (line.removeprefix(name + ": ") for line in self.lines if line.startswith(name + ": "))
        return said

    @property
    def summary(self):
        return self.lines[-1]


class Undelete:
    """Runs regfs-undelete over a test's journal."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.dir = self.folder / "journal"

    def command(self, *words):
        return [str(built("client", "regfs-undelete")), "--journal", str(self.dir), *map(str, words)]

    def start(self, *words, **env):
        return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=mounts.environment(self.folder, **env))

    def finish(self, process):
        try:
            out, err = process.communicate(timeout=120)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        reports = list(self.folder.glob("sanitizer*"))
        assert not reports, reports[0].read_text()
        return Result(process.returncode, out, err)

    def __call__(self, *words, **env):
        return self.finish(self.start(*words, **env))
