# SPDX-License-Identifier: MIT
"""Storages whose links do not tell what is needed, and registries that need not have what their manifests name."""
import os
import shutil
import time

import pytest

from lib import images as im
from lib.gc import DONE, PROBLEMS, REFUSED, USAGE
from lib.registry_api import Api
from lib.storage import Disk, target, tree
from lib.stores import BUILTIN, options, small

BOTH = im.index([im.image(platform=p, layers=[im.layer(p)]) for p in ("linux/amd64", "linux/arm64")])
FIRST, SECOND = BOTH.children


def lock(disk):
    path = disk.v2.parent / "lockfiles" / "database-in-use"
    path.parent.mkdir()
    path.write_text("")


def no_repositories(disk):
    shutil.rmtree(disk.v2 / "repositories")


def nothing_mounted(disk):
    no_repositories(disk)
    (disk.v2 / "repositories").mkdir()


@pytest.mark.parametrize("make, words", [(lock, "database-in-use"), (no_repositories, "not mounted"),
                                         (nothing_mounted, "not mounted")])
def test_blind(gc, server, engine, make, words):
    small(server)
    server.stop()
    make(Disk(server.storage))
    before = tree(server.storage)
    assert words in gc.text("check", server, status=PROBLEMS).out
    assert ("blind", None, None) in gc("check", server, status=PROBLEMS).kinds()
    plan = gc("plan", server, status=PROBLEMS)
    assert plan["garbage_blobs"] == [] and words in plan["blind"]
    ended = gc("run", server, *options(engine), status=REFUSED)
    assert words in ended.err and "nothing can be called garbage: " in ended["refused"][0]["reason"]
    assert tree(server.storage) == before


def test_a_database_is_not_overridden(gc, server, engine):
    small(server)
    server.stop()
    lock(Disk(server.storage))
    before = tree(server.storage)
    assert "database-in-use" in gc.text("run", server, *options(engine), "--force", status=REFUSED).err
    assert tree(server.storage) == before


def test_a_database_by_the_configuration(gc, server):
    small(server)
    server.stop()
    assert gc("plan", server, status=PROBLEMS, REGISTRY_DATABASE_ENABLED="true")["garbage_blobs"] == []
    assert gc.garbage(server, REGISTRY_DATABASE_ENABLED="false")


def test_all_repositories_were_removed(gc, server):
    """Which --force says."""
    small(server)
    server.stop()
    disk = Disk(server.storage)
    nothing_mounted(disk)
    gc("run", server, *BUILTIN, "--force", status=None)
    assert not disk.blobs()
    assert gc("check", server)["problems"] == []


def cache_of(server):
    """The kind of server that pulls through from this one."""
    def config(self):
        return {**super(kind, self).config(), "proxy": {"remoteurl": server.url}}
    kind = type("Cache", (type(server),), {"config": config, "name": f"{server.name} as a cache"})
    return kind


def test_a_cache(gc, server, fresh):
    """It has what was asked of it, and what is missing is fetched."""
    server.push("app", "both", BOTH)
    cache = fresh(cache_of(server))
    api, disk = Api(cache), Disk(cache.storage)
    assert api.digest("app", "both") == BOTH.digest and api.has("app", FIRST.digest)
    config = FIRST.document["config"]["digest"]
    assert api.blob("app", config)
    state = cache.storage / "scheduler-state.json"
    wait_for(lambda: len(disk.blobs()) == 3 and target(disk.layer("app", config)) and state.exists())
    api.close()
    cache.stop()
    for where in (cache, cache.storage):
        ended = gc("check", where)
        assert ended["problems"] == []
        assert {n["digest"] for n in ended["notes"] if n["kind"] == "not-cached"} == {
            SECOND.digest, *(layer["digest"] for layer in FIRST.document["layers"])}
        assert gc("plan", where)["cache"] is True
    assert "cache" in gc.text("plan", cache).out
    # Not known for one, it is a registry that has lost something.
    state.unlink()
    assert {kind for kind, *_ in gc("check", cache.storage, status=PROBLEMS).kinds()} == {"child-missing", "layer-missing"}
    assert gc("check", cache)["problems"] == []


def wait_for(done):
    """A cache writes behind the answer's back."""
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("platforms", ["none", "list", "all"])
def test_sparse_indexes(gc, fresh, server3, platforms):
    """A registry 3 that takes an index without all of its children."""
    def config(self):
        indexes = {"platforms": platforms, "platformlist": [{"os": "linux", "architecture": "amd64"}]}
        return {**super(kind, self).config(), "validation": {"manifests": {"indexes": indexes}}}
    kind = type("Sparse", (type(server3),), {"config": config})
    server = fresh(kind)
    server.push("app", "v1", FIRST)
    api = Api(server)
    status, *_ = api.request("PUT", "/v2/app/manifests/both", BOTH.data, **{"Content-Type": BOTH.media_type})
    assert status == (400 if platforms == "all" else 201)
    api.close()
    server.stop()
    ended = gc("check", server)
    assert ended["problems"] == []
    if platforms == "all":
        return
    assert [(n["kind"], n["digest"]) for n in ended["notes"]] == [("not-cached", SECOND.digest)]
    # Nobody says so without the configuration; and a layer is no child.
    assert gc("check", server.storage, status=PROBLEMS).kinds() == {("child-missing", "app", "both")}
    Disk(server.storage).blob(FIRST.document["layers"][0]["digest"]).unlink()
    assert {kind for kind, *_ in gc("check", server, status=PROBLEMS).kinds()} == {"layer-missing"}


def test_dated_in_the_future(gc, server):
    """It is garbage that never becomes old enough; the plan says so, and touching it helps."""
    garbage = small(server)
    server.stop()
    disk = Disk(server.storage)
    disk.age(3 * 86400)
    assert gc("plan", server, "--grace=1h")["future"]["count"] == 0
    for digest in garbage:
        ahead = time.time() + 30 * 86400
        os.utime(disk.blob(digest), (ahead, ahead))
    for words in ([], ["--grace=1h"]):
        assert gc("plan", server, *words)["future"]["count"] == len(garbage)
        assert "-newermt" in gc.text("plan", server, *words).out
    gc("run", server, "--engine=builtin", "--settle=0", "--grace=1h", status=DONE)
    assert garbage <= set(disk.blobs())
    disk.age(31 * 86400)
    gc("run", server, "--engine=builtin", "--settle=0", "--grace=1h", status=DONE)
    assert not garbage & set(disk.blobs())


@pytest.mark.parametrize("below", ["docker", "docker/registry"])
def test_a_folder_too_far_down(gc, server, below):
    small(server)
    server.stop()
    ended = gc.text("check", server.storage / below, status=USAGE)
    assert str(server.storage) in ended.err and "rootdirectory" in ended.err
