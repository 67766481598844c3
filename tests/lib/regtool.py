# SPDX-License-Identifier: MIT
"""The client library by its command line tool (client/regtool.c): words in, dictionaries out."""
import json
import os
import subprocess

from lib import mounts


class Regtool:
    def __init__(self, folder, source, *options, **env):
        self.folder = folder
        self.source = getattr(source, "url", source)
        self.options = options
        self.env = mounts.environment(folder, **env)
        self.log = ""

    def start(self, *words):
        program = mounts.program().parent.parent / "tests" / "client" / "regtool"
        command = [program, *self.options, *([self.source] if self.source else []), *map(str, words)]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                errors="replace")

    def all(self, *words, seconds=120):
        """Every answer of one client; commands are joined by ","."""
        process = self.start(*words)
        try:
            out, self.log = process.communicate(timeout=seconds)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        reports = list(self.folder.glob("sanitizer*"))
        assert not reports, reports[0].read_text()
        assert process.returncode == 0, (process.returncode, self.log)
        return [json.loads(line) for line in out.splitlines()]

    def __call__(self, *words, **more):
        """The one answer to one command."""
        answer, = self.all(*words, **more)
        return answer


def content(answer):
    """The bytes of an answer; regtool prints each as one character."""
    return answer["bytes"].encode("latin-1")


def describe(folder, kind, data, *words):
    """Parses a document without any registry."""
    path = folder / f"document-{os.urandom(4).hex()}"
    path.write_bytes(data)
    return Regtool(folder, None)(kind, path, *words)
