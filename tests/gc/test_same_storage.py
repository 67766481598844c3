# SPDX-License-Identifier: MIT
"""The registry's collector must read the storage that regfs-gc looks at: one in a container has other volumes, one with
another configuration another folder. Where it does not, nothing is let loose, anywhere."""
import json
import shlex
import shutil
import subprocess

import pytest

from lib import images as im
from lib.collect import collector
from lib.gc import PROBLEMS, REFUSED
from lib.stores import small
from lib.storage import Disk, tree


def image(text):
    return im.image(layers=[im.layer(text + "\n")])


def of_another_registry(server, folder):
    server.push("other", "v1", image("other"))
    server.stop()
    shutil.move(server.storage, folder)
    server.storage.mkdir()
    server.start()
    server.sink.pushed.clear()
    small(server)


def older(server, folder):
    """Whatever it keeps is here as well: a backup."""
    small(server)
    shutil.copytree(server.storage, folder)
    server.push("app", "v3", image("since then"))


def newer(server, folder):
    """It speaks of all that is here, and of more: this one is the backup."""
    older(server, folder)
    server.stop()
    for one, two in ((server.storage, f"{folder}.new"), (folder, server.storage), (f"{folder}.new", folder)):
        shutil.move(one, two)


def older_and_all_of_it_garbage(server, folder):
    """It marks nothing, and takes nothing that is held."""
    small(server)
    shutil.copytree(server.storage, folder)
    for path in (Disk(folder).v2 / "repositories").glob("*/_manifests/revisions/*/*/link"):
        path.unlink()
    held = {link.parent.name for link in Disk(server.storage).v2.glob("repositories/*/_*/**/link")}
    for path in Disk(folder).v2.glob("blobs/*/*/*"):
        if path.name in held:
            shutil.rmtree(path)


def by_configuration(server, other):
    path = server.folder / "other.yml"
    path.write_text(json.dumps({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(other)}}}))
    return ["--registry-config", path]


def by_volume(server, other):
    """As docker exec does it: the same configuration, another file system around it."""
    if subprocess.run(["unshare", "-m", "mount", "--bind", other, server.storage], capture_output=True).returncode:
        pytest.skip("no right to a mount namespace")
    script = server.folder / "exec"
    script.write_text(f"""#!/bin/sh
exec unshare -m sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' \\
    {shlex.quote(str(other))} {shlex.quote(str(server.storage))} {shlex.quote(server.program())} "$@"
""")
    script.chmod(0o755)
    return ["--registry", script]


@pytest.mark.parametrize("lead", [by_configuration, by_volume])
@pytest.mark.parametrize("make", [of_another_registry, older, newer, older_and_all_of_it_garbage])
def test_another_storage(gc, server, tmp_path, make, lead):
    other = tmp_path / "other"
    make(server, other)
    server.stop()
    words = lead(server, other)
    before = tree(server.storage), tree(other)
    assert Disk(other).blobs()
    for force in ([], ["--force"]):
        ended = gc("run", server, *words, *force, status=REFUSED)
        assert ["another storage" in r["reason"] for r in ended["refused"]] == [True], ended.out
        assert str(server.storage) in ended.err
        assert (tree(server.storage), tree(other)) == before


@pytest.mark.parametrize("lead", [by_configuration, by_volume])
@pytest.mark.parametrize("folders", ["", "docker/registry/v2/repositories", "docker/registry/v2/blobs"])
def test_a_storage_without_anything(gc, server, tmp_path, folders, lead):
    """There its collector fails, as it does in a registry that is new: this one is not."""
    small(server)
    other = tmp_path / "other"
    (other / folders).mkdir(parents=True)
    server.stop()
    before = tree(server.storage)
    ended = gc("run", server, *lead(server, other), status=REFUSED)
    assert ["another storage" in r["reason"] for r in ended["refused"]] == [True], ended.out
    assert not any(r.get("bug") for r in ended["refused"])
    assert tree(server.storage) == before


def test_a_configuration_that_the_program_does_not_see(gc, server):
    """As in a container, which has no folder of ours: what to say is said."""
    small(server)
    server.stop()
    ours = server.folder / "tmp"
    ours.mkdir()
    script = server.folder / "exec"
    script.write_text(f"""#!/bin/sh
exec unshare -m sh -c 'mount -t tmpfs tmpfs "$0" && exec "$@"' {shlex.quote(str(ours))} {shlex.quote(server.program())} "$@"
""")
    script.chmod(0o755)
    ended = gc("run", server.storage, "--registry", script, status=REFUSED, TMPDIR=str(ours))
    assert list(ours.iterdir()) == []
    assert "--registry-config" in ended["refused"][0]["reason"]


def test_a_copy_that_is_the_same(gc, server, tmp_path):
    """To the last blob: it cannot be told beforehand, and is said afterwards."""
    garbage = small(server)
    server.stop()
    other = tmp_path / "other"
    shutil.copytree(server.storage, other)
    before = tree(server.storage)
    ended = gc("run", server, *by_configuration(server, other), status=PROBLEMS)
    assert f"{len(garbage)} of them are still in {server.storage}" in ended.err
    assert ended["freed"] == {"count": 0, "bytes": 0}
    assert tree(server.storage) == before


def test_the_same_storage_by_another_path(gc, server, tmp_path):
    """Named otherwise, in a namespace of its own: that is no reason to refuse."""
    garbage = small(server)
    server.stop()
    link = tmp_path / "link"
    link.symlink_to(server.storage)
    assert gc("run", server, *by_configuration(server, link))["freed"]["count"] == len(garbage)
    assert collector(server, "--dry-run").blobs == set()
    assert gc("run", server, *by_volume(server, server.storage))["freed"]["count"] == 0
