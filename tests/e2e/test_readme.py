# SPDX-License-Identifier: MIT
"""Every command that the README shows, in its order, on the registry of the quickstart; with the output that it shows."""
import functools
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lib import images as im
from lib import mounts, servers
from lib.ports import wait_until

pytestmark = pytest.mark.thorough

TOP = Path(__file__).resolve().parent.parent.parent
README = TOP / "README.md"
SAMPLES = TOP / "examples" / "sample-images.py"
MARK = "\x01"


def blocks():
    """[(heading, [(command, lines of its output)])]: each indented block with lines that begin with "$ "."""
    heading, found, inside = "", [], False
    for line in README.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if line.startswith("    $ "):
            if not inside:
                found.append((heading, []))
            found[-1][1].append((line[6:], []))
        elif line.startswith("    ") and inside:
            found[-1][1][-1][1].append(line[4:])
        inside = line.startswith("    ") and (inside or line.startswith("    $ "))
    return found


def plain(line):
    """Without what is another on every day and every machine: digests, dates, owners; links as far as they are known."""
    line = re.sub(r"sha256:[0-9a-f]{64}|\b[0-9a-f]{64}\b|sha256:[0-9a-f]{12,}", "DIGEST", line)
    line = re.sub(r"[A-Z][a-z]{2} [ \d]\d (\d\d:\d\d| \d{4})", "DATE", line)
    line = re.sub(r"\b20\d\d-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?", "DATE", line)
    return re.sub(r"^([-rwx]{10}) +\d+ \S+ +\S+", r"\1 LINKS OWNER", line)


def agrees(shown, have):
    """... stands for any lines."""
    pattern = "".join("(?:.*\n)*" if line == "..." else re.escape(plain(line) + "\n") for line in shown)
    return re.fullmatch(pattern, "".join(plain(line) + "\n" for line in have))


def samples():
    """The program that pushes the images; their dates stay what they are, also if another day begins meanwhile."""
    spec = importlib.util.spec_from_file_location("samples", SAMPLES)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    program.ago = functools.cache(program.ago)
    return program


class Reader:
    """Somebody who types it all in."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.samples = samples()
        (folder / "mnt").mkdir()
        (folder / "examples").symlink_to(TOP / "examples")
        self.bin = folder / "bin"
        self.bin.mkdir()
        build, journal = mounts.program().parent.parent, folder / "journal"
        self.program("regfs", f"""
case "$*" in *allow_delete*) set -- "$@" -o "journal={journal}" ;; esac
exec {build}/fs/regfs "$@" -o xattr""")
        self.program("regfs-undelete", f'exec {build}/client/regfs-undelete --journal {journal} "$@"')
        self.program("regfs-gc", f'exec {build}/client/regfs-gc "$@"')
        self.program("registry", f'exec {server.program()} "$@"')
        self.push()
        _, index = server.sink.request("GET", "/v2/shop/web/manifests/1.9.0", Accept=im.OCI_INDEX)
        used = f"localhost:5000/base:3.17 docker-pullable://reg.example/shop/web@{im.digest_of(index)}"
        self.program("kubectl", f"echo '{used}'")
        self.env = mounts.environment(folder)
        self.env["PATH"] = f"{self.bin}:{self.env['PATH']}"

    def program(self, name, script):
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def push(self):
        self.samples.push_samples(self.samples.Registry(self.server.url))

    def mounted(self):
        return mounts.mounted(self.folder / "mnt") is not None

    def unmount(self):
        if self.mounted():
            subprocess.run(["fusermount3", "-u", self.folder / "mnt"], check=True)

    def prepare(self, command):
        """A mount begins with all images there, and nothing to undo."""
        if command.startswith("regfs ") and not command.startswith("regfs doctor "):
            self.unmount()
            self.push()
            shutil.rmtree(self.folder / "journal", ignore_errors=True)

    def type(self, commands):
        """One block in one shell: [(exit status, lines of its output)]."""
        shell = subprocess.Popen(["bash", "-s"], cwd=self.folder, env=self.env, text=True, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = []
        for command in commands:
            self.prepare(command)
            here = command.replace("http://localhost:5000", self.server.url).replace(
                "/etc/docker/registry/config.yml", str(self.server.folder / "config.yml"))
            shell.stdin.write(f"{here}\nprintf '\\n{MARK}%s\\n' $?\n")
            shell.stdin.flush()
            lines = []
            while not (line := shell.stdout.readline()).startswith(MARK):
                assert line, f"the shell ended in: {command}"
                lines.append(line.rstrip("\n"))
            said.append((int(line[1:]), lines[:-1] if lines[-1] == "" else lines))
        shell.stdin.close()
        shell.wait(60)
        return said


@pytest.fixture
def reader(own_server, tmp_path):
    one = Reader(own_server(servers.Distribution2), tmp_path)
    yield one
    one.unmount()
    wait_until(lambda: not mounts.processes_with("mnt"), 20, "no mount is left")
    assert not list(tmp_path.glob("sanitizer*"))


def test_the_readme(reader):
    headings = []
    for heading, commands in blocks():
        for (command, shown), (status, have) in zip(commands, reader.type([c for c, _ in commands])):
            assert status == (1 if command.startswith("diff ") else 0), f"{command}: {status}: {have}"
            assert not shown or agrees(shown, have), "\n".join([command, "README:", *shown, "now:", *have])
        headings.append(heading)
    assert {"regfs: a container registry as a file system", "Recipes", "Removing images", "What stays", "Try it first",
            "Undo", "Getting the space back"} <= set(headings)
