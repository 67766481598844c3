# SPDX-License-Identifier: MIT
"""`check`: each thing that can be wrong with a storage, told with its repository and tag; nothing is followed out of it."""
import os
import shutil
import subprocess

import pytest

from lib import images as im
from lib.gc import DONE, PROBLEMS, USAGE
from lib.registry_api import Api
from lib.storage import Disk, tree

ONE = im.image(layers=[im.layer("one\n"), im.layer("two\n")])
BOTH = im.index([im.image(platform=p, layers=[im.layer(p)]) for p in ("linux/amd64", "linux/arm64")])
FIRST_LAYER = ONE.document["layers"][0]["digest"]
CONFIG = ONE.document["config"]["digest"]
CHILD = BOTH.children[1].digest


@pytest.fixture
def store(server):
    """app:one and app:both, and a repository beside that stays whole."""
    server.push("app", "one", ONE)
    server.push("app", "both", BOTH)
    server.push("app/sub", "v1", im.image(layers=[im.layer("sub\n")]))
    server.stop()
    return server


def truncated(disk):
    os.truncate(disk.blob(FIRST_LAYER), 10)


def emptied(disk):
    os.truncate(disk.blob(FIRST_LAYER), 0)


def flipped(disk):
    path = disk.blob(FIRST_LAYER)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def layer_gone(disk):
    disk.blob(FIRST_LAYER).unlink()


def config_gone(disk):
    shutil.rmtree(disk.blob(CONFIG).parent)


def layer_unlinked(disk):
    disk.layer("app", FIRST_LAYER).unlink()


def child_gone(disk):
    disk.blob(CHILD).unlink()
    disk.revision("app", CHILD).unlink()


def child_unlinked(disk):
    disk.revision("app", CHILD).unlink()


def tag_empty(disk):
    disk.tag("app", "one").write_bytes(b"")


def tag_without_link(disk):
    disk.tag("app", "one").unlink()


def tag_dangling(disk):
    disk.revision("app", ONE.digest).unlink()


def manifest_gone(disk):
    disk.blob(ONE.digest).unlink()


def manifest_garbled(disk):
    path = disk.blob(ONE.digest)
    path.write_bytes(b"x" * path.stat().st_size)


def manifest_of_nothing(disk):
    """Bytes that have their digest and are no manifest."""
    data = b"no manifest"
    for path in (disk.blob(im.digest_of(data)), disk.revision("app", im.digest_of(data))):
        path.parent.mkdir(parents=True)
        path.write_bytes(data if path.name == "data" else im.digest_of(data).encode())


def link_empty(disk):
    disk.revision("app", ONE.digest).write_bytes(b"")


def layer_is_symlink(disk):
    path = disk.blob(FIRST_LAYER)
    path.rename(disk.root / "elsewhere")
    path.symlink_to(disk.root / "elsewhere")


def stray_data(disk):
    stray = disk.v2 / "blobs" / "sha256" / "ab" / "lost" / "data"
    stray.parent.mkdir(parents=True)
    stray.write_text("lost")


APP_ONE, APP_BOTH = ("app", "one"), ("app", "both")
DAMAGE = [
    (truncated, "size", APP_ONE),
    (emptied, "size", APP_ONE),
    (layer_gone, "layer-missing", APP_ONE),
    (config_gone, "config-missing", APP_ONE),
    (layer_unlinked, "unlinked", APP_ONE),
    (child_gone, "child-missing", APP_BOTH),
    (child_unlinked, "child-missing", APP_BOTH),
    (tag_empty, "tag-bad", APP_ONE),
    (tag_without_link, "tag-bad", APP_ONE),
    (tag_dangling, "tag-dangling", APP_ONE),
    (manifest_gone, "manifest-missing", ("app", None)),
    (manifest_garbled, "digest", ("app", None)),
    (manifest_of_nothing, "manifest-unreadable", ("app", None)),
    (link_empty, "link-bad", ("app", None)),
    (layer_is_symlink, "symlink", (None, None)),
    (stray_data, "stray-data", (None, None)),
]


@pytest.mark.parametrize("damage, kind, where", DAMAGE, ids=[damage.__name__ for damage, _, _ in DAMAGE])
def test_damage(gc, store, damage, kind, where):
    disk = Disk(store.storage)
    damage(disk)
    before = tree(store.storage)
    ended = gc("check", store, status=PROBLEMS)
    found = ended.kinds()
    if where[1]:
        assert (kind, *where) in found
    else:  # a tag may be named or not
        assert (kind, where[0]) in {(k, repository) for k, repository, _ in found}
    assert {repository for _, repository, _ in found} <= {"app", None}
    texts = [p["text"] for p in ended["problems"] if p["kind"] == kind]
    assert all(texts)
    said = gc.text("check", store, status=PROBLEMS).out
    assert any(text in said for text in texts)
    assert where[0] is None or f"{where[0]}\n" in said
    assert tree(store.storage) == before


def test_clean(gc, store):
    before = tree(store.storage)
    for words in ([], ["--verify"]):
        ended = gc("check", store, *words)
        assert (ended["problems"], ended["repositories"], ended["tags"], ended["manifests"]) == ([], 2, 3, 5)
        assert ended["blobs"] == len(Disk(store.storage).blobs())
    assert ended["verified"] == sum(Disk(store.storage).blobs().values())
    assert gc("check", store.storage)["problems"] == []
    assert tree(store.storage) == before


def test_a_flipped_byte_shows_with_verify_only(gc, store):
    flipped(Disk(store.storage))
    assert gc("check", store)["problems"] == []
    assert gc("check", store, "--verify", status=PROBLEMS).kinds() == {("digest", "app", "one")}
    assert gc("check", store, "--verify", status=PROBLEMS)["problems"][0]["digest"] == FIRST_LAYER


def test_manifest_there_layers_404(gc, store):
    """As a registry has it after a collector took the links of what it kept."""
    disk = Disk(store.storage)
    layer_unlinked(disk)
    assert disk.blob(FIRST_LAYER).exists()
    store.start()
    api = Api(store)
    assert api.has("app", ONE.digest) and api.blob("app", FIRST_LAYER) is None
    api.close()
    store.stop()
    assert gc("check", store, status=PROBLEMS).kinds() == {("unlinked", "app", "one")}


def test_notes_are_no_problems(gc, store):
    disk = Disk(store.storage)
    link = disk.layer("app", im.digest_of(b"gone"))
    link.parent.mkdir(parents=True)
    link.write_text(im.digest_of(b"gone"))
    (disk.repository("app") / "README").write_text("no registry made this")
    (disk.repository("app") / "_uploads" / "stray").mkdir(parents=True)
    ended = gc("check", store)
    assert ended["problems"] == []
    assert {note["kind"] for note in ended["notes"]} >= {"orphan-link", "stray", "upload"}


def test_a_folder_that_cannot_be_read(gc, store):
    disk = Disk(store.storage)
    closed = disk.blob(FIRST_LAYER).parent.parent
    open_to_all(gc.folder, store)
    closed.chmod(0)
    words = gc.words("check", store.storage, "--json")
    if os.geteuid() == 0:
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", *words]
    try:
        ended = gc.ended(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                          env=gc.environment), status=PROBLEMS)
    finally:
        closed.chmod(0o755)
    assert "access" in {p["kind"] for p in ended["problems"]}


def open_to_all(*places):
    """pytest's folders are the user's alone."""
    for place in places:
        folder = getattr(place, "storage", place)
        while folder != folder.parent and folder.stat().st_uid == os.geteuid() and str(folder) not in ("/tmp", "/"):
            folder.chmod(folder.stat().st_mode | 0o755)
            folder = folder.parent


@pytest.fixture
def lures(tmp_path, store):
    """A storage with links in every place, to a folder outside that looks like the storage itself."""
    outside = tmp_path / "outside"
    shutil.copytree(store.storage, outside / "storage")
    elsewhere, disk = Disk(outside / "storage"), Disk(store.storage)
    for number in range(3):  # garbage, if anybody took it for his own
        data = b"lure %d" % number
        path = elsewhere.blob(im.digest_of(data))
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    repositories = disk.v2 / "repositories"
    (repositories / "linked").symlink_to(elsewhere.repository("app"))
    (repositories / "sub").mkdir()
    (repositories / "sub" / "_layers").symlink_to(elsewhere.repository("app") / "_layers")
    (disk.v2 / "blobs" / "sha512").symlink_to(elsewhere.v2 / "blobs" / "sha256")
    lure = im.digest_of(b"lure 0")
    (disk.v2 / "blobs" / "sha256" / lure[7:9]).mkdir(exist_ok=True)
    disk.blob(lure).parent.symlink_to(elsewhere.blob(lure).parent)
    lure = im.digest_of(b"lure 1")
    disk.blob(lure).parent.mkdir(parents=True)
    disk.blob(lure).symlink_to(elsewhere.blob(lure))
    uploads = disk.repository("app") / "_uploads"
    uploads.mkdir(exist_ok=True)
    (uploads / "11111111-1111-4111-8111-111111111111").symlink_to(outside / "storage")
    upload = uploads / "22222222-2222-4222-8222-222222222222"
    upload.mkdir()
    (upload / "startedat").write_text("2001-01-01T00:00:00Z")
    (upload / "hashstates").symlink_to(outside)
    disk.age(30 * 86400)
    elsewhere.age(30 * 86400)
    return outside


def test_no_link_is_followed(gc, store, lures, tmp_path):
    """Not by looking, and not by a run that takes away all that it may."""
    outside, held = tree(lures), set(Disk(store.storage).blobs())
    for words in (["check"], ["check", "--verify"]):
        ended = gc(words[0], store, *words[1:], status=PROBLEMS)
        assert {"symlink"} <= {p["kind"] for p in ended["problems"]}
    for command in ("plan", "blobs"):
        gc(command, store, status=None)
    gc("run", store, "--engine=builtin", "--grace=0", "--settle=0", "--delete-untagged", status=None)
    assert tree(lures) == outside
    needed = {d for image in (ONE, BOTH) for part in image.family() for d in (part.digest, *part.blobs)}
    assert needed <= held & set(Disk(store.storage).blobs())


@pytest.mark.parametrize("where", ["missing", "file", "other"])
def test_no_storage(gc, tmp_path, where):
    """A mistyped folder is no empty storage."""
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "something").write_text("")
    for command in ("check", "plan", "blobs"):
        ended = gc.text(command, tmp_path / where, status=USAGE)
        assert str(tmp_path / where) in ended.err


def test_an_empty_storage(gc, tmp_path):
    (tmp_path / "empty").mkdir()
    for command in ("check", "plan", "blobs"):
        gc(command, tmp_path / "empty", status=DONE)


def test_names_are_printable(gc, store):
    """A folder that would clear the screen of whoever reads of it."""
    (Disk(store.storage).v2 / "repositories" / "app" / "\033[2Jbad\nname").mkdir()
    said = gc.text("check", store, status=None)
    assert "\033" not in said.out + said.err
