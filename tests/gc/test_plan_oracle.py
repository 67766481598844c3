# SPDX-License-Identifier: MIT
"""What `plan` calls garbage, against the rules in plain Python and against the registry's own dry run, over storages
that real registries have written."""
import pytest

from lib import images as im
from lib import shelves
from lib.collect import collector
from lib.gc import DONE, REFUSED
from lib.histories import History
from lib.schema1 import schema1
from lib.storage import Disk, Held, children, parts

SEEDS = [0, 1, *(pytest.param(n, marks=pytest.mark.thorough) for n in range(2, 12))]


def stock_marks(disk, version):
    """What the stock collector keeps without --delete-untagged: what the revisions name, one step deep. It is wrong where
    an index's child has lost its link (its own digest is marked, its config and layers are not), and version 2 where a
    repository has no _layers: it does not see that one."""
    found = set()
    for name, repository in disk.repositories().items():
        if version == 2 and not (disk.repository(name) / "_layers").is_dir():
            continue
        for digest in repository.revisions:
            document = disk.document(digest)
            if document:
                found |= {digest, *children(document), *parts(document)}
    return found & set(disk.blobs())


def version(server):
    return int(server.name[-1])


def compare(gc, server):
    """Stops the server; how many blobs the stock collector would destroy."""
    server.stop()
    disk, said = Disk(server.storage), collector(server, "--dry-run")
    held, garbage = Held(disk), gc.garbage(server)
    assert said.status == 0, said.error
    assert garbage == held.garbage()
    assert said.blobs == set(disk.blobs()) - stock_marks(disk, version(server))
    assert said.blobs - garbage == held.blobs - stock_marks(disk, version(server))
    assert garbage <= said.blobs
    return len(said.blobs - garbage)


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_random_where_the_stock_collector_is_right(gc, server, seed):
    History(server, seed, plain=True)
    assert compare(gc, server) == 0
    said = collector(server, "--dry-run", "--delete-untagged")
    assert said.status == 0, said.error
    garbage = gc.garbage(server, "--delete-untagged")
    assert garbage == said.blobs == Held(Disk(server.storage), delete_untagged=True).garbage()


def destroys(said, held):
    return said.blobs & held.blobs or said.manifests & held.revisions or said.layers & held.layers


@pytest.mark.parametrize("seed", SEEDS)
def test_random(gc, server, seed):
    """Blob by blob as the stock collector has it, but for what that one destroys; with --delete-untagged, where it errs
    most, the rules alone can say. A run by the registry's engine is refused exactly if its collector would destroy
    something or fail."""
    History(server, seed)
    compare(gc, server)
    disk = Disk(server.storage)
    for flags in ([], ["--delete-untagged"]):
        held, said = Held(disk, bool(flags)), collector(server, "--dry-run", *flags)
        plan = gc("plan", server, *flags)
        assert {b["digest"] for b in plan["garbage_blobs"]} == held.garbage()
        assert links(plan) == ({(name, d) for name, r in disk.repositories().items() for d in r.revisions} - held.revisions,
                               {(name, d) for name, r in disk.repositories().items() for d in r.layers} - held.layers)
        ended = gc("run", server, "--dry-run", *flags, status=None)
        if destroys(said, held) or said.status:
            assert (ended.status, bool(ended["refused"])) == (REFUSED, True)
        elif not any(r.get("bug") in ("B2", "B17") for r in ended["refused"]):  # nothing goes that is needed, and half stays
            assert (ended.status, ended["refused"]) == (DONE, []), ended.err


def links(plan):
    return tuple({(link["repository"], link["digest"]) for link in plan["garbage_links"] if link["type"] == kind}
                 for kind in ("revision", "layer"))


def test_a_full_registry(gc, server):
    """Everything that makes removing by age hard, before and after its old tags are deleted by digest."""
    full, old = shelves.everything(native_referrers=False)
    full.fill(server)
    server.stop()
    assert gc.garbage(server) == set()
    server.start()
    for name, tags in old.items():
        for tag in tags:
            digest = full.repositories[name].tags[tag].digest
            server.sink.request("DELETE", f"/v2/{name}/manifests/{digest}")
    compare(gc, server)


def test_schema1(gc, server2):
    """Version 2 takes no more of them, but reads those that it has."""
    server2.push("app", "v1", im.image(layers=[im.layer("other\n")]))
    server2.sink.push_blob("app", im.digest_of(b"nobody's"), b"nobody's")
    old = schema1()
    server2.folder_sink().push("old", "1", old)
    assert compare(gc, server2) == 0
    assert gc.garbage(server2) == {im.digest_of(b"nobody's")}
    assert gc.garbage(server2, "--delete-untagged") == {im.digest_of(b"nobody's")}


def test_sums(gc, server):
    """By repository: alone, shared and garbage, and what an untagged manifest was."""
    shared, own = im.layer("shared\n"), im.layer("own\n")
    one = im.image(layers=[shared, own])
    two, gone = im.image(layers=[shared]), im.image(layers=[im.layer("gone\n")])
    server.push("one", "v1", one)
    server.push("two", "v1", two)
    server.push("two", "old", gone)
    server.push("two", "old", two)
    server.push("two", "dead", deleted := im.image(layers=[im.layer("deleted\n")]))
    server.sink.request("DELETE", f"/v2/two/manifests/{deleted.digest}")
    server.stop()
    plan = gc("plan", server, "--delete-untagged").json
    size = Disk(server.storage).blobs()
    weight = {image.digest: len(image.data) + sum(map(len, image.blobs.values())) for image in (one, two, gone, deleted)}
    repositories = {r["name"]: r for r in plan["repositories"]}
    assert repositories["one"]["alone"] == weight[one.digest] - len(shared[0])
    assert repositories["one"]["shared"] == repositories["two"]["shared"] == len(shared[0])
    assert repositories["two"]["alone"] == weight[two.digest] - len(shared[0])
    assert plan["garbage"] == {"count": 6, "bytes": weight[gone.digest] + weight[deleted.digest]}
    assert plan["blobs"] == {"count": len(size), "bytes": sum(size.values())}
    assert [(u["repository"], u["digest"], u["kind"], u["was"], u["garbage"]) for u in plan["untagged"]] == [
        ("two", gone.digest, "manifest", ["old"], True)]
    without = gc("plan", server).json
    assert without["garbage"] == {"count": 3, "bytes": weight[deleted.digest]}
    assert [(u["digest"], u["garbage"]) for u in without["untagged"]] == [(gone.digest, False)]
    assert gc("plan", server, "--grace", "1h")["garbage"] == {"count": 0, "bytes": 0}
