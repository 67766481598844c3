#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast is `regfs-gc plan --delete-untagged`, beside the registry's own collector, which says the same by a dry run?

    gc.py --regfs-gc build/client/regfs-gc [--repositories 100] [--collectors distribution-2,distribution-3]

All read the same storage (bigstore.py: 101,048 blobs, 20,000 revisions and 20,000 tags in 100 repositories), warm: it
was read right before. regfs-gc does so before and after each collector, and the medians count. Then come storages
half and twice as large, and one as large that is a single repository, for regfs-gc alone. What each calls garbage is
compared with what was written as such; 2.8 takes the images of every index for garbage as well, which is a known bug of
it, and must do just that.

It is a failure if anything else differs, if 2.8 is not --factor times slower, if regfs-gc needs --memory MiB or more,
or if its CPU time more than doubles (but for --noise) each time that the storage doubles, or grows with a repository's
size. As root, --cold measures all once more after the kernel dropped its caches; that means nothing on a tmpfs. The
storages need 6 GiB in --folder. Measure on a machine that has nothing else to do.
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from bench.bigstore import Store  # noqa: E402
from lib import servers  # noqa: E402

OPTIONS = ("--delete-untagged",)
ELIGIBLE = re.compile(r"^blob eligible for deletion: sha256:([0-9a-f]{64})$", re.M)
# A process counts what its parent needed up to exec() as its own: so a small one starts it.
SPAWN = """
import os, resource, sys, time
begun = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024,
      os.waitstatus_to_exitcode(status), file=sys.stderr)
"""


class Run(NamedTuple):
    seconds: float
    cpu: float
    memory: float  # MiB


def run(command, output):
    """Its standard output goes to a file."""
    with open(output, "w") as out:
        done = subprocess.run([sys.executable, "-IS", "-c", SPAWN, *map(str, command)], stdout=out, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True, check=True)
    *said, numbers = done.stderr.splitlines()
    *numbers, status = numbers.split()
    if status != "0":
        sys.exit(f"{command}: exit status {status}: {said[-3:]}")
    return Run(*map(float, numbers))


class Ours:
    name = "regfs-gc"

    def __init__(self, program, work):
        self.program, self.work = program, work

    def plan(self, store, *options):
        return run([self.program, "plan", "--quiet", "--root", store.root, *options], self.work / "ours.out")

    def measured(self, store):
        return self.plan(store, *OPTIONS)

    def check(self, store):
        for options, expected in ((OPTIONS, store.garbage | store.untagged), ((), store.garbage)):
            self.plan(store, "--json", *options)
            found = {blob["digest"][7:] for blob in json.loads((self.work / "ours.out").read_text())["garbage_blobs"]}
            same(self.name, found, expected)


class Collector:
    def __init__(self, kind, work):
        self.kind, self.name, self.work = kind, kind.name, work

    def measured(self, store):
        config = self.work / "config.yml"
        config.write_text(json.dumps({
            "version": 0.1, "log": {"level": "error"}, "http": {"addr": "127.0.0.1:0"},
            "storage": {"filesystem": {"rootdirectory": str(store.root)}}}))
        found = run([self.kind.program(), "garbage-collect", "--dry-run", *OPTIONS, config], self.work / "collector.out")
        expected = store.garbage | store.untagged
        if self.kind is servers.Distribution2:
            expected = expected | store.children
        same(self.name, set(ELIGIBLE.findall((self.work / "collector.out").read_text())), expected)
        return found


def same(name, found, expected):
    if found != expected:
        sys.exit(f"{name}: {len(found)} blobs are garbage instead of {len(expected)}: {len(found - expected)} are not, "
                 f"{len(expected - found)} are missing")


def drop_caches():
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def medians(runs):
    return Run(*map(statistics.median, zip(*runs)))


def say(store, name, how, found):
    print(f"{store.repositories:>6} {store.blobs:>8} {store.revisions:>9} {store.tags:>7} {store.links:>8}  {name:<15}{how:<5}"
          f"{found.seconds:>9.2f}{found.cpu:>9.2f}{found.memory:>8.0f}", flush=True)
    return found


def compare(store, ours, collectors, options):
    """The same storage by all, then it goes: ({name: its run, warm}, ours)."""
    ours.check(store)
    mine, theirs = [ours.measured(store) for _ in range(options.runs)], {}
    for collector in collectors:
        theirs[collector.name] = say(store, collector.name, "warm", collector.measured(store))
        mine += [ours.measured(store) for _ in range(options.runs)]
    middle = say(store, ours.name, "warm", medians(mine))
    if options.cold:
        for one in (ours, *collectors):
            drop_caches()
            say(store, one.name, "cold", one.measured(store))
    shutil.rmtree(store.root)
    return theirs, middle


def made(work, repositories, groups):
    begun = time.monotonic()
    store = Store(work / "storage", repositories, groups)
    print(f"{store}; written in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return store


def measure(work, options):
    """What is not as it must be, in words."""
    ours = Ours(options.regfs_gc, work)
    collectors = [Collector(kind, work) for kind in (servers.Distribution2, servers.Distribution3)
                  if kind.name in options.collectors.split(",")]
    absent = [one.name for one in collectors if not one.kind.program()]
    if absent:
        sys.exit(f"not installed: {', '.join(absent)}; tests/run.sh installs them")
    print(f"{'repos':>6} {'blobs':>8} {'revisions':>9} {'tags':>7} {'links':>8}  {'':20}{'seconds':>9}{'CPU':>9}{'MiB':>8}")
    count, groups = options.repositories, options.groups
    theirs, middle = compare(made(work, count, groups), ours, collectors, options)
    for name, found in theirs.items():
        factor = found.seconds / middle.seconds
        print(f"{name} takes {factor:.1f} times what regfs-gc takes, and {found.cpu / middle.cpu:.1f} times its CPU")
        if factor < options.factor and name == servers.Distribution2.name:
            yield f"{name} takes less than {options.factor:.0f} times what regfs-gc takes"
    half, double, single = (compare(made(work, *size), ours, (), options)[1]
                            for size in ((count // 2, groups), (count * 2, groups), (1, count * groups)))
    for what, growth in (("time", lambda a, b: b.seconds / a.seconds), ("CPU", lambda a, b: b.cpu / a.cpu)):
        doubled, single_growth = (growth(half, middle), growth(middle, double)), growth(middle, single)
        print(f"{what}: {doubled[0]:.2f} times for a storage twice as large, {doubled[1]:.2f} for twice that; "
              f"{single_growth:.2f} for one repository")
    # By CPU, which others disturb least; and over both doublings, since one disturbed storage changes both factors.
    if growth(half, double) > (2 * options.noise) ** 2 or single_growth > options.noise:
        yield "the time grows faster than the storage"
    if middle.memory >= options.memory:
        yield f"regfs-gc needs {middle.memory:.0f} MiB"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regfs-gc", required=True, type=os.path.abspath)
    parser.add_argument("--repositories", type=int, default=100)
    parser.add_argument("--groups", type=int, default=10, help="of 20 revisions in each repository (10)")
    parser.add_argument("--collectors", default="distribution-2,distribution-3")
    parser.add_argument("--runs", type=int, default=3, help="of regfs-gc, before each collector and after the last (3)")
    parser.add_argument("--folder", help="where the storages are made; the usual place for temporary files")
    parser.add_argument("--cold", action="store_true", help="also with cold caches (root)")
    parser.add_argument("--factor", type=float, default=20, help="how many times slower 2.8 must be (20)")
    parser.add_argument("--memory", type=float, default=200, help="MiB that regfs-gc must stay below (200)")
    parser.add_argument("--noise", type=float, default=1.15, help="what may come on top where the time doubles (1.15)")
    options = parser.parse_args()
    if options.repositories < 2 or options.repositories % 2:
        parser.error("--repositories must be even: a storage half as large is made as well")
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # and so remove the storages
    with tempfile.TemporaryDirectory(prefix="regfs-gc-bench-", dir=options.folder) as work:
        wrong = list(measure(Path(work), options))
    for text in wrong:
        print("failed: " + text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
