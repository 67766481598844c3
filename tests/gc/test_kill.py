# SPDX-License-Identifier: MIT
"""The builtin engine killed by SIGKILL at random moments, and run again."""
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from lib import images as im
from lib.gc import unpulled
from lib.storage import OURS, Disk, Held, hard_copy

pytestmark = pytest.mark.thorough

KILLS = 50
REPOSITORIES = ["app", "app/web", "team/x"]
RUN = ["--engine=builtin", "--grace=0", "--settle=0", "--delete-untagged"]


@pytest.fixture
def memory():
    """A folder in memory, where there is such a place: a disk takes most of the time for making and removing files."""
    folder = tempfile.mkdtemp(prefix="regfs-gc-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    yield Path(folder)
    shutil.rmtree(folder)


@pytest.fixture
def full(server2, memory):
    """About a thousand blobs, a good half of them garbage: untagged, deleted, nobody's; and some shared by what stays."""
    server2.stop()
    sink, disk = server2.folder_sink(), Disk(server2.storage)
    shared = [im.layer(f"shared {n}\n" * 40) for n in range(20)]
    for number in range(300):
        name = REPOSITORIES[number % 3]
        own = [im.layer(f"own {number}\n" * 30), shared[number % 20]]
        image = im.index([im.image(layers=own)]) if number % 10 == 0 else im.image(layers=own)
        sink.push(name, f"t{number}" if number % 5 < 2 else None, image)
        if number % 5 == 4:  # as the registry deletes by digest
            disk.revision(name, image.digest).unlink()
    for number in range(50):
        sink.hold(im.digest_of(b"%d" % number), b"%d" % number)
    server2.storage = Path(shutil.copytree(server2.storage, memory / "store"))
    return server2


def runs(gc, store):
    """How long one takes, from its start to its end: the shortest of three."""
    def one(number):
        copy = hard_copy(store, store.parent / f"timed{number}")
        took = whole(gc, copy)
        shutil.rmtree(copy)
        return took
    return min(map(one, range(3)))


def whole(gc, copy):
    """How long it took. The machine may have more to do by now than it had before, or less."""
    before = time.monotonic()
    gc("run", copy, *RUN)
    return time.monotonic() - before


def kill(gc, copy, delay):
    """Was it still at work?"""
    process = gc.start("run", copy, *RUN, "--json")
    try:
        process.wait(delay)
    except Exception:
        process.kill()
    process.communicate()
    return process.returncode == -9


def missing(held, copy):
    disk = Disk(copy)
    repositories = disk.repositories()
    revisions = {(name, d) for name, r in repositories.items() for d in r.revisions}
    layers = {(name, d) for name, r in repositories.items() for d in r.layers}
    return held.blobs - set(disk.blobs()), held.revisions - revisions, held.layers - layers


def test_killed(gc, full, tmp_path):
    store, chance = full.storage, random.Random(4)
    held = Held(Disk(store), delete_untagged=True)
    assert 900 < len(Disk(store).blobs()) < 1300 and len(held.garbage()) > 400
    nothing, longest = (set(), set(), set()), runs(gc, store)
    hits = halfway = attempts = 0
    while hits < KILLS or halfway < KILLS // 10:
        attempts += 1
        assert attempts < 4 * KILLS, f"{hits} of {attempts} hit a process at work, {halfway} while it took or deleted"
        copy = hard_copy(store, store.parent / "copy")
        if kill(gc, copy, chance.uniform(0, longest)):
            hits += 1
            halfway += bool(Disk(copy).quarantined())
            assert missing(held, copy) == nothing  # nothing that is needed was ever taken
            longest = whole(gc, copy)
            left = Disk(copy)
            assert missing(held, copy) == nothing
            assert set(left.blobs()) == held.blobs
            assert left.quarantined() == []
            plan = gc("plan", copy, "--delete-untagged")
            assert (plan["garbage_blobs"], plan["garbage_links"], plan["aside"]["count"]) == ([], [], 0)
            if hits % 10 == 0:
                kept, full.storage = full.storage, copy
                tags = chance.sample(left.tags(), 5)
                assert unpulled(full, tmp_path, tags) == set()
                full.storage = kept
        shutil.rmtree(copy)


def test_killed_and_then_pushed(gc, full):
    """What the dead run left in quarantine is asked for again before the next run."""
    store, disk = full.storage, Disk(full.storage)
    garbage = Held(disk, delete_untagged=True).garbage()
    chance, longest = random.Random(5), runs(gc, store)
    for _ in range(100):
        copy = Disk(hard_copy(store, store.parent / "copy"))
        longest *= 1.1 if kill(gc, copy.root, chance.uniform(longest / 4, longest)) else 0.9  # it is slower, or faster, now
        aside = [path for path in copy.quarantined() if path.startswith("blobs/")]
        if len(aside) > 10:
            break
        shutil.rmtree(copy.root)
    assert len(aside) > 10
    wanted = ["sha256:" + path.rpartition("/")[2] for path in chance.sample(aside, 10)]
    assert set(wanted) <= garbage
    # A registry with a stale cache takes a manifest that names them.
    document = {"schemaVersion": 2, "mediaType": im.OCI_MANIFEST, "config": im.descriptor(im.OCI_CONFIG, b"{}"),
                "layers": [{"mediaType": im.OCI_LAYER, "digest": digest, "size": disk.blob(digest).stat().st_size}
                           for digest in wanted]}
    sink = full.folder_sink()
    sink.root = copy.v2
    sink.push("late", "v1", im.Image(im.OCI_MANIFEST, im.as_bytes(document), {im.digest_of(b"{}"): b"{}"}))
    for digest in wanted:
        sink.link(copy.repository("late") / "_layers", digest)
    ended = gc("run", copy.root, *RUN)
    assert ended["put_back"]["count"] >= len(wanted)
    assert set(wanted) <= set(copy.blobs()) == Held(copy, delete_untagged=True).blobs
    assert copy.quarantined() == [] and (copy.root / OURS).is_dir()
