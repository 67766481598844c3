# SPDX-License-Identifier: MIT
"""Content by sha512. What is pushed so is kept by sha256, with a link by sha512 that names it: the stock collectors take
such layers for garbage. What lies in blobs/sha512 came there by another tool."""
import pytest

from lib import images as im
from lib.collect import collector
from lib.gc import REFUSED
from lib.registry_api import Api
from lib.storage import Disk, Held, tree

LAYER = im.layer("by sha512\n")[0]
DIGEST = im.digest_of(LAYER, "sha512")
CONFIG = im.as_bytes({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
MANIFEST = im.as_bytes({"schemaVersion": 2, "mediaType": im.OCI_MANIFEST, "config": im.descriptor(im.OCI_CONFIG, CONFIG),
                        "layers": [{"mediaType": im.OCI_LAYER, "digest": DIGEST, "size": len(LAYER)}]})
IMAGE = im.Image(im.OCI_MANIFEST, MANIFEST, {im.digest_of(CONFIG): CONFIG, DIGEST: LAYER})


def served(server, *digests):
    """Which of these blobs a fresh registry serves, with their own bytes."""
    server.start()
    api = Api(server)
    assert api.manifest("app", "v1")[1] == MANIFEST
    found = [d for d in digests if (data := api.blob("app", d)) is not None and im.digest_of(data, d[:6]) == d]
    api.close()
    server.stop()
    return found


@pytest.fixture
def pushed(server):
    server.push("app", "v1", IMAGE)
    server.sink.push_blob("app", im.digest_of(b"nobody's"), b"nobody's")
    server.stop()
    return server


def test_pushed_by_sha512(gc, pushed):
    disk = Disk(pushed.storage)
    assert set(disk.blobs()) == {im.digest_of(data) for data in (LAYER, CONFIG, MANIFEST, b"nobody's")}
    assert im.digest_of(LAYER) in collector(pushed, "--dry-run").blobs  # so upstream has not mended it
    assert gc("check", pushed)["problems"] == []
    assert gc("check", pushed, "--verify")["problems"] == []
    assert gc.garbage(pushed) == gc.garbage(pushed, "--delete-untagged") == {im.digest_of(b"nobody's")}

    before = tree(pushed.storage)
    ended = gc("run", pushed, status=REFUSED)
    assert {im.digest_of(LAYER), DIGEST} & {r.get("digest") for r in ended["refused"]}
    assert ("app", "v1") in {(r.get("repository"), r.get("tag")) for r in ended["refused"]}
    assert tree(pushed.storage) == before

    gc("run", pushed, "--engine=builtin", "--grace=0", "--settle=0", "--delete-untagged")
    assert set(disk.blobs()) == {im.digest_of(data) for data in (LAYER, CONFIG, MANIFEST)}
    assert served(pushed, DIGEST, im.digest_of(CONFIG)) == [DIGEST, im.digest_of(CONFIG)]


def test_a_layer_by_sha512_that_nobody_needs_any_more(gc, pushed):
    """Its links and its content go, the link by sha512 as well."""
    pushed.start()
    pushed.sink.request("DELETE", f"/v2/app/manifests/{IMAGE.digest}")
    pushed.push("app", "v1", im.image())
    pushed.stop()
    disk = Disk(pushed.storage)
    gc("run", pushed, "--engine=builtin", "--grace=0", "--settle=0")
    assert set(disk.blobs()) == Held(disk).blobs and len(disk.blobs()) == 3
    assert len(disk.repositories()["app"].layers) == 2


def test_kept_by_sha512(gc, server, engine):
    """A manifest, its layer and garbage, all in blobs/sha512."""
    server.push("app", "v1", im.image())
    server.stop()
    disk, sink = Disk(server.storage), server.folder_sink()
    by_sha512 = im.digest_of(MANIFEST, "sha512")
    sink.push("app", None, im.Image(im.OCI_MANIFEST, b"{}", IMAGE.blobs))
    garbage = im.digest_of(b"nobody's", "sha512")
    for digest, data in ((by_sha512, MANIFEST), (garbage, b"nobody's")):
        sink.hold(digest, data)
    disk.revision("app", im.digest_of(b"{}")).unlink()
    disk.blob(im.digest_of(b"{}")).unlink()
    sink.link(disk.repository("app") / "_manifests" / "revisions", by_sha512)
    sink.link(disk.repository("app") / "_manifests" / "tags" / "v1" / "index", by_sha512)
    disk.tag("app", "v1").write_text(by_sha512)
    held = Held(disk)
    assert {by_sha512, DIGEST} <= held.blobs and held.garbage() == {garbage}
    assert gc.garbage(server) == collector(server, "--dry-run").blobs == {garbage}
    assert gc("check", server, "--verify")["problems"] == []
    more = ["--grace=0", "--settle=0"] if engine == "builtin" else []
    assert gc("run", server, f"--engine={engine}", *more)["freed"] == {"count": 1, "bytes": len(b"nobody's")}
    assert set(disk.blobs()) == held.blobs
    assert served(server, DIGEST, im.digest_of(CONFIG)) == [DIGEST, im.digest_of(CONFIG)]
