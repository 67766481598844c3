# SPDX-License-Identifier: MIT
"""Disks on which not everything works: full ones, overlays, and clocks that were wrong."""
import json
import os
import shlex
import subprocess
import time

import pytest

from lib.gc import DONE, PROBLEMS, REFUSED
from lib.mounts import PRIVATE
from lib.shell import CI
from lib.storage import Disk
from lib.stores import BUILTIN, small
from test_leftovers import upload


def mounted(gc, folder, script, **words):
    """Runs a shell script in a mount namespace; $NAME of each of the words is a command line of regfs-gc, whose output
    is $folder/NAME. {NAME: (status, its output, its errors)}."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        (pytest.fail if CI and os.geteuid() == 0 else pytest.skip)("no mount namespace can be made here")
    functions = "".join(f"{name}() {{ r=0; {shlex.join(line)} >{folder}/{name} 2>{folder}/{name}.err || r=$?; "
                        f"echo $r >{folder}/{name}.status; }}\n" for name, line in words.items())
    subprocess.run([*PRIVATE, "sh", "-ec", functions + script], check=True, timeout=120, env=gc.environment)
    return {name: (int((folder / f"{name}.status").read_text()), (folder / name).read_text(),
                   (folder / f"{name}.err").read_text()) for name in words}


FULL = """
cp -a {storage} {folder}/copy
mount -t tmpfs -o nr_inodes=600 full {storage}
cp -a {folder}/copy/. {storage}
{prepare}
i=0
while (: >{storage}/$i) 2>/dev/null; do i=$((i + 1)); done
"""


def full(gc, server, prepare, then, **words):
    """No room for a file or a folder."""
    script = FULL.format(storage=server.storage, folder=server.folder, prepare=prepare) + then
    return mounted(gc, server.folder, script, **words)


def test_a_full_disk(gc, server2):
    """The builtin engine needs folders, and says how to go on; the registry's collector needs nothing."""
    garbage = small(server2)
    server2.stop()
    ended = full(gc, server2, "", "first; second",
                 first=gc.words("run", server2, *BUILTIN, "--json"), second=gc.words("run", server2, "--json"))
    status, _, errors = ended["first"]
    assert status == PROBLEMS and "no space is left" in errors and "--engine=registry" in errors
    status, out, errors = ended["second"]
    assert status == DONE, errors
    assert json.loads(out)["freed"]["count"] == len(garbage)


def test_a_disk_that_is_full_but_for_dead_uploads(gc, server2):
    """They go without a rename, and everything else stays until there is room."""
    garbage = small(server2)
    upload(server2, 8)
    server2.stop()
    run = gc.words("run", server2, *BUILTIN, "--json")
    ended = full(gc, server2, f"mkdir -p {server2.storage}/.regfs-gc/quarantine",
                 f"first; [ -z \"$(ls {server2.storage}/docker/registry/v2/repositories/app/_uploads)\" ]; "
                 f"second; rm {server2.storage}/[0-9]*; third", first=run, second=run, third=run)
    assert ended["first"][0] == PROBLEMS and "1 dead uploads are gone: run again" in ended["first"][2]
    assert ended["second"][0] == PROBLEMS and "no space is left" in ended["second"][2]
    status, out, errors = ended["third"]
    assert status == DONE, errors
    assert json.loads(out)["deleted"]["count"] == len(garbage)


def test_a_lock_on_a_full_disk(gc, server2):
    """It keeps a second run away, although no file can be made for it."""
    small(server2)
    server2.stop()
    run = gc.words("run", server2, "--json")
    ended = full(gc, server2, "", f"exec 9<{server2.storage}; flock -n 9; first; exec 9<&-; second", first=run, second=run)
    assert ended["first"][0] == REFUSED and "another regfs-gc" in json.loads(ended["first"][1])["refused"][0]["reason"]
    assert ended["second"][0] == DONE, ended["second"]


def test_an_overlay(gc, server2):
    """Whose lower layer has folders that cannot be renamed."""
    garbage = small(server2)
    upload(server2, 8)
    server2.stop()
    lower = server2.storage
    script = f"""
mkdir {server2.folder}/upper {server2.folder}/work {server2.folder}/lower
mount --bind {lower} {server2.folder}/lower
mount -t tmpfs layers {server2.folder}/work
mkdir {server2.folder}/work/upper {server2.folder}/work/work
mount -t overlay -o lowerdir={server2.folder}/lower,upperdir={server2.folder}/work/upper,workdir={server2.folder}/work/work \\
    overlay {lower}
run
ls {lower}/docker/registry/v2/repositories/app/_uploads >{server2.folder}/uploads
"""
    status, out, errors = mounted(gc, server2.folder, script, run=gc.words("run", server2, *BUILTIN, "--json"))["run"]
    assert status == DONE, errors
    ended = json.loads(out)
    assert (ended["uploads"]["count"], ended["deleted"]["count"], ended["failed"]) == (1, len(garbage), 0)
    assert (server2.folder / "uploads").read_text() == ""


@pytest.mark.parametrize("words", [[], ["--dry-run"]], ids=["", "dry-run"])
def test_garbage_from_the_future(gc, server2, words):
    """It is never older than a grace: it stays, and that is told."""
    garbage = small(server2)
    server2.stop()
    disk = Disk(server2.storage)
    for digest in garbage:
        ahead = time.time() + 400 * 86400
        os.utime(disk.blob(digest), (ahead, ahead))
    ended = gc("run", server2, "--engine=builtin", "--settle=0", "--grace=1h", *words)
    assert ended["future"]["count"] == len(garbage) and ended["taken"]["count"] == 0 and "young" not in ended.json
    assert garbage <= set(disk.blobs())
    assert "touch" in gc.text("run", server2, "--engine=builtin", "--settle=0", "--grace=1h", *words).out
    disk.age(500 * 86400)
    assert "future" not in gc("run", server2, "--engine=builtin", "--settle=0", "--grace=1h", *words).json
