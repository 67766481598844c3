# SPDX-License-Identifier: MIT
"""The known bugs of the registry's collector, each in a storage that a real registry has written: that it is real, that
the registry's engine refuses, and that the builtin one does it right. Fails as well when upstream has mended one."""
import shutil
from dataclasses import dataclass, field

import pytest

from lib import images as im
from lib import servers
from lib.collect import collector
from lib.gc import DONE, PROBLEMS, REFUSED, unpulled
from lib.schema1 import schema1
from lib.storage import Disk, Held, tree

UNTAGGED = ["--delete-untagged"]
V2, V3 = [servers.Distribution2], [servers.Distribution3]


@dataclass
class Scene:
    """needs: the tags of which a refusal must name one, for its sake the collector is refused; unwhole: tags that cannot
    be pulled whole, before or after; mend: puts right what was damaged, so that what was kept shows."""
    bug: str = None
    needs: set = field(default_factory=set)
    repository: str = None
    unwhole: set = field(default_factory=set)
    status: int = DONE
    mend: object = None
    fails: str = None
    blobs: bool = True  # the collector takes blobs that are needed
    named: bool = True  # and leaves no link to a manifest that it took


def image(text, **more):
    return im.image(layers=[im.layer(text + "\n"), im.DEFAULT_LAYER], **more)


def delete(server, repository, image):
    assert server.sink.request("DELETE", f"/v2/{repository}/manifests/{image.digest}")[0].status == 202


def platforms(text, docker=False):
    return im.index([image(f"{text} {p}", platform=p, docker=docker) for p in ("linux/amd64", "linux/arm64")], docker=docker)


def b1_sparse_index_in_another_repository(server):
    index = platforms("b1")
    for name in ("a", "b"):
        server.push(name, "v1", index)
    delete(server, "a", index.children[0])
    return Scene("B1", needs={("a", "v1"), ("b", "v1")}, unwhole={("a", "v1")}, status=PROBLEMS)


def b2_untagged_here_tagged_there(server):
    shared = image("b2")
    server.push("a", "v1", shared)
    server.push("a", "v1", image("b2 next"))
    server.push("b", "v1", shared)
    return Scene("B2", repository="a", blobs=False)


def b3_children(docker):
    def build(server):
        server.push("app", "v1", platforms("b3", docker))
        return Scene("B3", needs={("app", "v1")})
    return build


def b4_no_tag_ever(server):
    server.push("art", None, image("b4"))
    return Scene("B4", fails="unknown repository name=art", repository="art")


def emptied(path):
    kept = path.read_bytes()
    path.write_bytes(b"")
    return lambda: path.write_bytes(kept)


def b5_empty_link(which):
    def build(server):
        one = image("b5")
        server.push("app", "v1", one)
        disk, layer = Disk(server.storage), next(iter(one.blobs))
        path = {"revision": disk.revision("app", one.digest), "layer": disk.layer("app", layer),
                "tag": disk.tag("app", "v1")}[which]
        return Scene("B5", fails="invalid checksum digest format", repository="app", status=PROBLEMS, mend=emptied(path))
    return build


def b6_stray_data(path, message):
    def build(server):
        server.push("app", "v1", image("b6"))
        stray = Disk(server.storage).v2 / "blobs" / "sha256" / path / "data"
        stray.parent.mkdir(parents=True)
        stray.write_text("lost")
        return Scene("B6", fails="error enumerating blobs: filesystem: " + message, status=PROBLEMS)
    return build


def b7_manifest_gone(server):
    one = image("b7")
    server.push("app", "v1", one)
    server.push("app", "v2", image("b7 next"))
    path = Disk(server.storage).blob(one.digest)
    path.unlink()
    return Scene("B7", repository="app", status=PROBLEMS, mend=lambda: path.write_bytes(one.data))


def b9_no_layers(server):
    """An index without children, first of all in its repository: the registry makes no _layers."""
    server.push("app", "empty", im.index([], annotations={"number": "b9"}))
    two = server.name == "distribution-2"  # does not see such a repository at all
    return Scene(None if two else "B9", fails=None if two else "app/_layers", repository="app",
                 needs={("app", "empty")} if two else set())


def b12_referrers(server):
    one = image("b12")
    server.push("app", "v1", one)
    server.push("app", None, signature := im.signature(subject=one))
    server.push("app", None, im.artifact(subject=signature))  # what says something of the signature
    return Scene("B12", needs={("app", "v1")})


def b15_schema1(server):
    server.folder_sink().push("old", "1", schema1())
    return Scene("B15", fails="unrecognized manifest schema version 1", repository="old", unwhole={("old", "1")})


def b17_no_tag_ever(server):
    server.push("my/art", None, image("b17"))
    return Scene("B17", repository="my/art", named=False)


def b17_no_layers(server):
    """Version 2 sees no repository without _layers, such as one of an index without children."""
    server.push("my/art", None, im.index([], annotations={"number": "b17"}))
    return Scene("B17", repository="my/art", named=False)


def child_without_link(server):
    """Deleted by digest, while its index stays: the collectors keep the child's manifest and take its layers."""
    index = platforms("child")
    server.push("app", "v1", index)
    delete(server, "app", index.children[0])
    return Scene(needs={("app", "v1")}, unwhole={("app", "v1")}, status=PROBLEMS)


CASES = [
    ("B1", V3, UNTAGGED, b1_sparse_index_in_another_repository),
    ("B2", V3, UNTAGGED, b2_untagged_here_tagged_there),
    ("B3-oci", V2, UNTAGGED, b3_children(docker=False)),
    ("B3-docker", V2, UNTAGGED, b3_children(docker=True)),
    ("B4", V2, UNTAGGED, b4_no_tag_ever),
    ("B5-revision", V2 + V3, [], b5_empty_link("revision")),
    ("B5-layer", V3, [], b5_empty_link("layer")),
    ("B5-tag", V2 + V3, UNTAGGED, b5_empty_link("tag")),
    ("B6-high", V2 + V3, [], b6_stray_data("lost", "invalid checksum digest length")),
    ("B6-deep", V2 + V3, [], b6_stray_data("ab/lost", "unsupported digest algorithm")),
    ("B7", V2 + V3, [], b7_manifest_gone),
    ("B7-untagged", V2 + V3, UNTAGGED, b7_manifest_gone),
    ("B9", V2 + V3, [], b9_no_layers),
    ("B12", V2 + V3, UNTAGGED, b12_referrers),
    ("B15", V3, [], b15_schema1),
    ("B17", V3, UNTAGGED, b17_no_tag_ever),
    ("B17-layers", V2, UNTAGGED, b17_no_layers),
    ("child", V2 + V3, [], child_without_link),
]


@pytest.mark.parametrize("build, kind, flags", [
    pytest.param(build, kind, flags, id=f"{name}-{kind.name}") for name, kinds, flags, build in CASES for kind in kinds])
def test_bug(gc, fresh, tmp_path, build, kind, flags):
    server = fresh(kind)
    server.push("zz/clean", "v1", image("clean"))
    server.push("zz/clean", "v2", gone := image("gone"))
    delete(server, "zz/clean", gone)
    scene = build(server)
    server.stop()
    disk = Disk(server.storage)
    held = Held(disk, bool(flags))
    assert {gone.digest, *gone.blobs} - {im.digest_of(im.DEFAULT_LAYER[0])} <= held.garbage()

    garbage = len(held.garbage())
    is_real(scene, server, held, flags, tmp_path / "stock")
    refuses(gc, scene, server, flags)
    ended = gc("run", server, "--engine=builtin", "--grace=0", "--settle=0", *flags, status=scene.status)
    assert set(disk.blobs()) == held.blobs, ended.out
    assert {(name, d) for name, r in disk.repositories().items() for d in r.revisions} == held.revisions
    assert disk.quarantined() == []
    assert ended["freed"]["count"] == garbage
    if scene.mend:
        scene.mend()
    assert unpulled(server, tmp_path) == scene.unwhole


def is_real(scene, server, held, flags, folder):
    """The stock collector on a copy: it fails, or what is needed is gone."""
    shutil.copytree(server.storage, folder)
    said, left = collector(server, *flags, storage=folder), Disk(folder)
    if scene.fails:
        assert said.status == 1 and scene.fails in said.error
        assert set(left.blobs()) == set(held.disk.blobs())
    elif not scene.named:  # B17: a link stays, without its manifest
        assert said.status == 0, said.error
        assert set(left.repositories()[scene.repository].revisions) - set(left.blobs())
    elif scene.blobs:
        assert said.status == 0, said.error
        assert held.blobs - set(left.blobs())
    else:  # B2: a manifest stays, without its layers
        repository = left.repositories()[scene.repository]
        needed = {part for digest in repository.revisions for part in im_parts(left, digest)}
        assert said.status == 0 and needed - set(repository.layers), said.error


def im_parts(disk, digest):
    document = disk.document(digest)
    return [entry["digest"] for entry in (document["config"], *document["layers"])]


def refuses(gc, scene, server, flags):
    before = tree(server.storage)
    for dry in ([], ["--dry-run"]):
        ended = gc("run", server, *flags, *dry, status=REFUSED)
        refused = ended["refused"]
        assert scene.bug in [r.get("bug") for r in refused], ended.out
        if scene.needs:
            assert {(r.get("repository"), r.get("tag")) for r in refused} & scene.needs, ended.out
        if scene.repository:
            assert scene.repository in [r.get("repository") for r in refused], ended.out
        assert all(r["reason"] for r in refused)
        assert not scene.bug or scene.bug in ended.err
    assert tree(server.storage) == before


@pytest.mark.parametrize("flags", [[], UNTAGGED], ids=["", "untagged"])
def test_b8_an_empty_registry(gc, server, engine, flags, tmp_path):
    """The collector fails; there is just nothing to do."""
    server.stop()
    said = collector(server, *flags)
    assert said.status == 1 and "Path not found: /docker/registry/v2/repositories" in said.error
    ended = gc("run", server, f"--engine={engine}", *flags)
    assert (ended["freed"], ended["refused"]) == ({"count": 0, "bytes": 0}, [])
