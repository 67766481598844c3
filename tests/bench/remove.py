#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What does removing cost, compared with a bare loop that sends the same DELETEs?

    remove.py --regfs build/fs/regfs [--tags 5000] [--repositories 10] [--rounds 3]

Both work on Debian's docker-registry 2.8, each on a registry of its own that is filled alike, and take turns. What counts
for regfs is what `find MOUNT -mtime +30 -delete` takes beyond the same walk without -delete, each on a fresh mount. The bare
loop knows all digests beforehand: it checks nothing, writes nothing down and sends one request a tag over one
connection. distribution reads every tag of a repository at each delete, so the size of a repository counts for both.
Server and client share the machine: measure on one that has nothing else to do. The requests are those that the
registry's own access log has; the medians come last.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lib import images, mounts, servers, shell  # noqa: E402

MOST_REQUESTS = 2.2  # a removal; more is a failure


class Registry(servers.Distribution2):
    def config(self):
        return {**super().config(), "log": {"level": "error"}}

    def requests(self):
        with open(self.folder / "server.log", "rb") as log:
            return sum(b' /v2/' in line for line in log)


class Run(NamedTuple):
    what: str
    seconds: float
    each: float  # requests a removal


def dataset(tags, repositories):
    """{repository: {tag: image}}: all old, no two of one digest."""
    made = {f"svc{number:03}": {} for number in range(repositories)}
    for number in range(tags):
        made[f"svc{number % repositories:03}"][f"v1.{number}"] = images.image(shell.days_ago(60))
    return made


def bare(registry, content):
    connection = HTTPConnection(registry.host)
    before, begun = registry.requests(), time.monotonic()
    for repository, tags in content.items():
        for image in tags.values():
            connection.request("DELETE", f"/v2/{repository}/manifests/{image.digest}")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202, answer.status
    return "bare loop", time.monotonic() - begun, registry.requests() - before


def walk(registry, folder, *action):
    """One `find` on a mount of its own: (seconds, requests)."""
    mount = mounts.Mount(registry.url, folder, ("allow_delete", f"journal={folder}/journal"))
    try:
        before, begun = registry.requests(), time.monotonic()
        done = subprocess.run(["find", mount.dir, "-mtime", "+30", *action], stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - begun
        assert done.returncode == 0, mount.log[-2000:]
        requests = registry.requests() - before
        left = shell.lines("find", mount.dir, "-path", "*/_tags/*") if action else []
        assert left == [], left[:3]
        return seconds, requests
    finally:
        mount.close()


def regfs(registry, content, folder):
    """What `-delete` adds to the same walk without it."""
    looked, deleted = walk(registry, folder / "look"), walk(registry, folder / "delete", "-delete")
    print(f"           the walk alone {looked[0]:.2f} s, with -delete {deleted[0]:.2f} s")
    return "regfs", deleted[0] - looked[0], deleted[1] - looked[1]


def measure(what, folder, options):
    content = dataset(options.tags, options.repositories)
    registry = Registry(folder / "registry")
    registry.start()
    try:
        sink = registry.folder_sink()
        for repository, tags in content.items():
            sink.push_all(repository, tags)
        name, seconds, requests = (bare(registry, content) if what == "bare"
                                   else regfs(registry, content, folder / "mount"))
    finally:
        registry.stop()
    run = Run(name, seconds, requests / options.tags)
    print(f"{run.what:10} {run.seconds:8.2f} s {options.tags / run.seconds:8.0f} removals/s {run.each:6.2f} requests each",
          flush=True)
    return run


def main():
    parser = argparse.ArgumentParser(description="What removing by a mount costs beside a bare loop of DELETEs.")
    parser.add_argument("--regfs", required=True, type=Path)
    parser.add_argument("--tags", type=int, default=5000)
    parser.add_argument("--repositories", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    mounts.adopt_daemons()
    mounts.program = lambda: options.regfs.resolve()
    print(f"{options.tags} tags in {options.repositories} repositories, {options.rounds} rounds, {os.cpu_count()} cores")
    runs = {"bare": [], "regfs": []}
    for _ in range(options.rounds):
        for what, found in runs.items():
            with tempfile.TemporaryDirectory(prefix="regfs-remove-") as folder:
                found.append(measure(what, Path(folder), options))
    seconds = {what: statistics.median(r.seconds for r in found) for what, found in runs.items()}
    print(f"regfs takes {seconds['regfs'] / seconds['bare']:.2f} times what the bare loop takes (medians)")
    each = max(run.each for run in runs["regfs"])
    if each > MOST_REQUESTS:
        print(f"{each:.2f} requests for a removal; allowed: {MOST_REQUESTS}")
    return 1 if each > MOST_REQUESTS else 0


if __name__ == "__main__":
    sys.exit(main())
