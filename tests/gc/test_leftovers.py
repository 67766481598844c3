# SPDX-License-Identifier: MIT
"""The quarantine and `restore`; uploads and repositories that nobody needs."""
import json
import shutil
import signal
import time

import pytest

from lib import images as im
from lib.gc import PROBLEMS, REFUSED, USAGE, unpulled
from lib.registry_api import Api
from lib.stores import BUILTIN, UNTAGGED, fill, small
from lib.storage import Disk, Held, tree


@pytest.mark.parametrize("emptied", [False, True], ids=["", "and an empty repository"])
def test_quarantine_and_restore(gc, server, emptied):
    """Every file is back, with its bytes and dates, links as well."""
    fill(server)
    disk, aside = Disk(server.storage), server.folder / "aside"
    if emptied:  # a repository of which nothing would be left
        server.start()
        server.push("bygone", "v1", im.image())
        for digest in disk.repositories()["bygone"].revisions:
            server.sink.request("DELETE", f"/v2/bygone/manifests/{digest}")
        server.stop()
    before, held = tree(server.storage), Held(disk, delete_untagged=True)
    ended = gc("run", server, *BUILTIN, *UNTAGGED, "--quarantine", aside)
    assert set(disk.blobs()) == held.blobs
    assert ended["deleted"]["count"] == 0 and ended["taken"]["count"] == len(disk.quarantined(aside / "blobs"))
    assert gc("plan", server, "--quarantine", aside)["aside"]["count"] == ended["taken"]["count"]
    restored = gc("restore", server, "--quarantine", aside)
    assert restored["put_back"]["count"] == ended["taken"]["count"]
    after = tree(server.storage)
    files = {path for path, (_, rest) in before.items() if rest}
    assert {path: after.get(path) for path in files} == {path: before[path] for path in files}
    assert not [path for path, (_, rest) in after.items() if rest and path not in before]
    assert disk.quarantined(aside) == []


@pytest.mark.parametrize("command", ["run", "restore", "check", "plan"])
def test_a_quarantine_that_is_somebody_s(gc, server2, command):
    """Nothing of it is touched, not even what is empty."""
    small(server2)
    server2.stop()
    own = server2.folder / "git"
    (own / ".git" / "refs" / "tags").mkdir(parents=True)
    (own / "blobs" / "sha256" / "00").mkdir(parents=True)
    before, stored = tree(own), tree(server2.storage)
    engine = BUILTIN if command == "run" else []
    ended = gc.text(command, server2, *engine, "--quarantine", own, status=USAGE)
    assert "name a folder that is empty" in ended.err
    assert (tree(own), tree(server2.storage)) == (before, stored)


def test_a_quarantine_for_two_storages(gc, server2, tmp_path):
    """What the second knows nothing of is the first one's."""
    garbage = small(server2)
    server2.stop()
    aside, second = server2.folder / "aside", tmp_path / "second"
    shutil.copytree(server2.storage, second)
    gc("run", server2, *BUILTIN, "--quarantine", aside)
    kept = tree(aside)
    for command, words in (("run", BUILTIN), ("restore", []), ("check", []), ("plan", [])):
        ended = gc.text(command, second, *words, "--quarantine", aside, status=USAGE)
        assert f"{aside} holds what was taken from {server2.storage}, not from" in ended.err
    assert tree(aside) == kept
    gc("restore", server2, "--quarantine", aside)
    assert garbage <= set(Disk(server2.storage).blobs())


def test_a_quarantine_is_told_by_its_name(gc, server2):
    small(server2)
    server2.stop()
    aside = server2.folder / "aside"
    gc("run", server2, *BUILTIN, "--quarantine", aside)
    stray = aside / "blobs" / "sha256" / "zz" / "note"
    stray.parent.mkdir()
    stray.write_text("mine")
    assert [n["path"] for n in gc("check", server2, "--quarantine", aside)["notes"]] == [str(stray)]


def test_restore_of_what_was_pushed_again(gc, server, tmp_path):
    """The new copy stays, the old one goes."""
    image = im.image(layers=[im.layer("again\n")])
    server.push("app", "v1", im.image())
    server.push("app", "v2", image)
    server.sink.request("DELETE", f"/v2/app/manifests/{image.digest}")
    server.stop()
    aside = server.folder / "aside"
    gc("run", server, *BUILTIN, "--quarantine", aside)
    server.start()
    server.push("app", "v2", image)
    server.stop()
    assert gc("check", server, "--quarantine", aside)["problems"] == []
    gc("restore", server, "--quarantine", aside)
    assert Disk(server.storage).quarantined(aside) == []
    assert unpulled(server, tmp_path) == set()


def test_what_is_needed_and_aside_is_told(gc, server, tmp_path):
    """A manifest that comes back by hand, while its layers are in quarantine: check says so, a run mends it."""
    image = im.image(layers=[im.layer("aside\n")])
    server.push("app", "v1", im.image())
    server.push("app", "v2", image)
    server.sink.request("DELETE", f"/v2/app/manifests/{image.digest}")
    server.stop()
    aside = server.folder / "aside"
    gc("run", server, *BUILTIN, "--quarantine", aside)
    sink, disk = server.folder_sink(), Disk(server.storage)
    sink.push("app", "v2", im.Image(image.media_type, image.data))
    told = gc("check", server, "--quarantine", aside, status=PROBLEMS)
    assert "aside" in {kind for kind, _, _ in told.kinds()}
    assert any(f"is in the quarantine {aside}: " in p["text"] for p in told["problems"])
    ended = gc("run", server, *BUILTIN, "--quarantine", aside)
    assert ended["put_back"]["count"] >= 2 and gc("check", server, "--quarantine", aside)["problems"] == []
    assert set(image.blobs) <= set(disk.blobs())
    assert unpulled(server, tmp_path) == set()


def upload(server, days):
    """Begun so many days ago: by its date inside, and by those of its files. Its id."""
    answer, _ = server.sink.request("POST", "/v2/app/blobs/uploads/", **{"Content-Length": "0"})
    assert answer.status == 202
    name = answer.headers["Docker-Upload-UUID"]
    server.sink.request("PATCH", answer.headers["Location"].partition(server.host)[2], b"half of it",
                        **{"Content-Type": "application/octet-stream"})
    folder = Disk(server.storage).repository("app") / "_uploads" / name
    (folder / "startedat").write_text(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400)))
    Disk(server.storage).age(days * 86400, folder)
    return name


def test_what_an_interrupted_run_has_left(gc, server):
    """The registry's collector does not see a link that is about to go back, and would remove what it leads to."""
    small(server)
    server.stop()
    killed = gc.text("run", server, *BUILTIN, "--restart-command", "kill -9 $PPID", status=None)
    assert killed.status == -signal.SIGKILL
    before = tree(server.storage)
    ended = gc("run", server, status=REFUSED)
    assert "restore" in ended["refused"][0]["reason"] and tree(server.storage) == before
    gc("restore", server)
    assert gc("run", server)["freed"]["count"] == 3


def test_uploads(gc, server):
    """Those older than a week go, as the registry itself would have it."""
    small(server)
    dead, alive, young = upload(server, 8), upload(server, 6), upload(server, 0)
    server.stop()
    plan = gc("plan", server)
    assert {u["id"]: u["dead"] for u in plan["uploads"]} == {dead: True, alive: False, young: False}
    ended = gc("run", server, *BUILTIN)
    assert ended["uploads"]["count"] == 1 and ended["uploads"]["bytes"] >= len("half of it")
    assert Disk(server.storage).repositories()["app"].uploads() == {alive, young}


def catalog(server):
    server.start()
    api = Api(server)
    found = json.loads(api.request("GET", "/v2/_catalog?n=100")[2])["repositories"]
    api.close()
    server.stop()
    return sorted(found)


@pytest.mark.parametrize("keep", [False, True], ids=["", "keep-empty"])
def test_empty_repositories(gc, server, keep):
    """They leave the catalog, with the name spaces that nothing else is in."""
    for name in ("app", "team/old/tool", "team", "team/new"):
        server.push(name, "v1", im.image())
    for name in ("team/old/tool", "team"):
        for digest in Disk(server.storage).repositories()[name].revisions:
            server.sink.request("DELETE", f"/v2/{name}/manifests/{digest}")
    server.stop()
    assert gc("plan", server)["empty_repositories"] == ["team", "team/old/tool"]
    ended = gc("run", server, *BUILTIN, *(["--keep-empty"] if keep else []))
    disk = Disk(server.storage)
    if keep:
        assert disk.names() == ["app", "team", "team/new", "team/old/tool"]
        return
    assert catalog(server) == disk.names() == ["app", "team/new"]
    assert not (disk.v2 / "repositories" / "team" / "old").exists()
    assert ended["removed_repositories"] == 2
    server.start()
    server.push("team/old/tool", "v1", im.image())  # and back again
