# SPDX-License-Identifier: MIT
"""Mounts that may remove, and the ways in which programs remove from them."""
import json
import os
import subprocess
import sys

from lib import journal, mounts
from lib.shell import end, run

# What find does to a tag, with all the time in the world between its steps: looks, waits, removes.
WALKER = """
import errno, json, os, sys
paths = sys.argv[1:]
for path in paths:
    os.lstat(path)
print("looked", flush=True)
for line in sys.stdin:
    found = {}
    for path in paths:
        try:
            os.unlink(path)
            found[path] = ""
        except OSError as error:
            found[path] = errno.errorcode[error.errno]
    print(json.dumps(found), flush=True)
"""


class Walker:
    """A process that has looked at paths and removes them when it is told to."""

    def __init__(self, *paths):
        self.paths = [str(p) for p in paths]
        self.process = subprocess.Popen([sys.executable, "-c", WALKER, *self.paths], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "looked\n"

    def begin(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self):
        """The name of each path's errno, "" for one that went, in the order in which they were given."""
        found = json.loads(self.process.stdout.readline())
        return [found[path] for path in self.paths]

    def remove(self):
        self.begin()
        return self.end()

    def close(self):
        end(self.process)


def undelete(folder, *words):
    """regfs-undelete over a test's journal: (exit status, all that it said)."""
    program = mounts.program().parent.parent / "client" / "regfs-undelete"
    done = subprocess.run([program, "--journal", folder, *map(str, words)], capture_output=True, text=True,
                          env=mounts.environment(folder), timeout=120)
    return done.returncode, done.stdout + done.stderr


def delete_older(path, days=30):
    """`find PATH -mtime +DAYS -delete`: (exit status, what it said)."""
    done = run("find", path, "-mtime", f"+{days}", "-delete", check=False)
    return done.returncode, done.stderr


def agree(api, folder, before):
    """Nothing is gone that the journal does not hold. before: {repository: {tag: digest}} as it was."""
    written, kept = journal.removed_tags(folder), journal.manifests(folder)
    for repository, tags in before.items():
        now = api.tags(repository)
        for tag, digest in tags.items():
            if now.get(tag) != digest:
                assert (repository, tag) in written, f"{repository}:{tag} went, and no journal says so"
                assert digest in kept, f"{repository}:{tag} went, and no journal holds {digest}"


def survives(api, repository, tags):
    """These tags are there as they were, and whole."""
    for tag, image in tags.items():
        assert api.digest(repository, tag) == image.digest, f"{repository}:{tag}"
        api.whole(repository, tag)


def from_regfs(requests, *methods):
    """Those that a mount made, not the test itself; of these methods if any are named."""
    return [r for r in requests if r["agent"].startswith("regfs") and (not methods or r["method"] in methods)]


def changes(fault):
    """What a mount sent to change something. Asking to delete what is not there is how it tries out what it may."""
    found = []
    for r in from_regfs(fault.requests(), "PUT", "DELETE", "POST", "PATCH"):
        shown = fault.show(r["repository"]) or {"tags": {}, "manifests": []}
        if r["method"] != "DELETE" or r["done"] or r["reference"] in {*shown["tags"], *shown["manifests"]}:
            found.append((r["method"], r["repository"], r["reference"]))
    return found


def listed(m, repository):
    """What ls shows of a repository's tags; nothing if it is gone."""
    try:
        return set(os.listdir(m.tags(repository)))
    except FileNotFoundError:
        return set()
