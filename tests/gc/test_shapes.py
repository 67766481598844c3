# SPDX-License-Identifier: MIT
"""Documents that are out of the common, and in registries all the same."""
import pytest

from lib import images as im
from lib.collect import collector
from lib.gc import DONE, REFUSED, unpulled
from lib.registry_api import Api
from lib.servers import Distribution3
from lib.stores import BUILTIN, UNTAGGED
from lib.storage import Disk, Held

NOBODY = im.digest_of(b"nobody's")


def document(media_type, **members):
    return im.as_bytes({"schemaVersion": 2, **({"mediaType": media_type} if media_type else {}), **members})


def put(server, name, tag, media_type, data, *blobs):
    for blob in (*blobs, b"nobody's"):
        server.sink.push_blob(name, im.digest_of(blob), blob)
    answer, said = server.sink.request("PUT", f"/v2/{name}/manifests/{tag}", data, **{"Content-Type": media_type})
    assert answer.status == 201, said


def collected(gc, server, garbage, *flags):
    """By the builtin engine, which finds this garbage and nothing else, and nothing to complain of; links stay, too."""
    disk = Disk(server.storage)
    links = {name: set(r.layers) for name, r in disk.repositories().items()}
    assert gc.garbage(server, *flags) == garbage
    assert gc("check", server, "--verify")["problems"] == []
    gc("run", server, *BUILTIN, *flags)
    assert set(disk.blobs()) == Held(disk, bool(flags)).blobs
    assert {name: set(r.layers) for name, r in disk.repositories().items()} == {
        name: layers - garbage for name, layers in links.items()}


@pytest.mark.parametrize("flags", [[], UNTAGGED], ids=["", "untagged"])
def test_without_media_types(gc, server, flags, tmp_path):
    """OCI documents need not say what they are."""
    layer, diff = im.layer("plain\n")
    config = im.as_bytes({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff]}})
    manifest = document(None, config=im.descriptor(im.OCI_CONFIG, config), layers=[im.descriptor(im.OCI_LAYER, layer)])
    put(server, "app", im.digest_of(manifest), im.OCI_MANIFEST, manifest, config, layer)
    index = document(None, manifests=[im.descriptor(im.OCI_MANIFEST, manifest)])
    put(server, "app", "v1", im.OCI_INDEX, index)
    server.stop()
    assert collector(server, "--dry-run").blobs == {NOBODY}
    collected(gc, server, {NOBODY}, *flags)
    assert unpulled(server, tmp_path) == set()


@pytest.mark.parametrize("flags", [[], UNTAGGED], ids=["", "untagged"])
@pytest.mark.parametrize("upgraded", [False, True], ids=["", "upgraded"])
def test_a_build_cache(gc, server2, upgraded, flags):
    """buildx's: an index that lists layers and a config of its own. Version 2 takes it, version 3 may have it."""
    layers = [im.layer(f"cache {n}\n")[0] for n in range(3)]
    config = im.as_bytes({"layers": [], "records": []})
    index = document(im.OCI_INDEX, manifests=[
        *(im.descriptor(im.OCI_LAYER, layer) for layer in layers),
        im.descriptor("application/vnd.buildkit.cacheconfig.v0", config)])
    put(server2, "app", "buildcache", im.OCI_INDEX, index, *layers, config)
    server2.push("app", "v1", im.image())
    server2.stop()
    if upgraded:
        server2.__class__ = Distribution3
    assert collector(server2, "--dry-run").blobs == {NOBODY}
    assert gc("run", server2, "--dry-run")["refused"] == []
    collected(gc, server2, {NOBODY}, *flags)
    server2.start()
    api = Api(server2)
    assert [d for d in map(im.digest_of, (*layers, config)) if api.blob("app", d) is None] == []
    api.close()


@pytest.mark.parametrize("flags", [[], UNTAGGED], ids=["", "untagged"])
def test_a_child_that_is_linked_as_a_blob(gc, server2, flags, tmp_path):
    """As version 2.1 did it. Version 2 serves such a manifest; its collector takes what the manifest needs."""
    child = im.image(layers=[im.layer("as a blob\n")])
    index = im.index([child])
    put(server2, "app", "v1", im.OCI_INDEX, index.data, *child.blobs.values(), child.data)
    server2.stop()
    disk = Disk(server2.storage)
    assert set(disk.repositories()["app"].revisions) == {index.digest}
    assert unpulled(server2, tmp_path) == set()
    assert collector(server2, "--dry-run").blobs == {NOBODY, *child.blobs}
    assert gc.garbage(server2, *flags) == {NOBODY}
    refused = gc("run", server2, *flags, status=REFUSED)["refused"]
    assert ("app", "v1") in {(r.get("repository"), r.get("tag")) for r in refused}
    gc("run", server2, *BUILTIN, *flags, status=None)
    assert set(disk.blobs()) == {index.digest, child.digest, *child.blobs}
    assert set(disk.repositories()["app"].layers) == {child.digest, *child.blobs}
    assert unpulled(server2, tmp_path) == set()


def test_layers_that_are_elsewhere(gc, server, engine):
    """Docker's foreign layers have addresses of their own: they need not be here, and are held where they are."""
    config = im.as_bytes({"architecture": "amd64", "os": "windows", "rootfs": {"type": "layers", "diff_ids": []}})
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    here, elsewhere = im.layer("here\n")[0], im.layer("elsewhere\n")[0]
    layers = [{**im.descriptor(foreign, data), "urls": ["https://example.com/layer"]} for data in (here, elsewhere)]
    data = document(im.DOCKER_MANIFEST, config=im.descriptor(im.DOCKER_CONFIG, config), layers=layers)
    server.push("app", "v0", im.image())
    server.sink.push_blob("app", NOBODY, b"nobody's")
    server.stop()
    blobs = {im.digest_of(blob): blob for blob in (config, here)}
    server.folder_sink().push("app", "v1", im.Image(im.DOCKER_MANIFEST, data, blobs))
    assert collector(server, "--dry-run").blobs == gc.garbage(server) == {NOBODY}
    assert gc("check", server)["problems"] == []
    gc("run", server, *(BUILTIN if engine == "builtin" else []), status=DONE)
    assert im.digest_of(here) in Disk(server.storage).blobs()


def test_referrers_of_referrers(gc, server):
    """What refers to an image is held with it, and what refers to that; and goes with it, if nothing else holds it."""
    kept, gone = im.image(layers=[im.layer("kept\n")]), im.image(layers=[im.layer("gone\n")])
    server.push("app", "v1", kept)
    server.push("app", "v2", gone)
    chains = {}
    for image in (kept, gone):
        signature = im.artifact(subject=image)
        bundle = im.index([signature], subject=image)
        chains[image.digest] = [signature, bundle, im.artifact(subject=bundle)]
        for artifact in chains[image.digest]:
            server.push("app", None, artifact)
    server.sink.request("DELETE", f"/v2/app/manifests/{gone.digest}")
    server.stop()
    disk = Disk(server.storage)
    gc("run", server, *BUILTIN, *UNTAGGED)
    assert set(disk.repositories()["app"].revisions) == {kept.digest, *(a.digest for a in chains[kept.digest])}
    assert set(disk.blobs()) == Held(disk, delete_untagged=True).blobs
    assert gc("check", server, "--verify")["problems"] == []


def test_a_subject_that_was_deleted(gc, server):
    """Without --delete-untagged what referred to it stays, with it goes: nothing leads there any more."""
    image = im.image()
    server.push("app", "v1", im.image(layers=[im.layer("other\n")]))
    server.push("app", None, artifact := im.artifact(subject=image))
    server.push("app", "tagged", im.artifact(subject=image))
    server.stop()
    assert gc.garbage(server) == set()
    layer = artifact.document["layers"][0]["digest"]
    assert gc.garbage(server, *UNTAGGED) == {artifact.digest, layer}
