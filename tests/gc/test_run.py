# SPDX-License-Identifier: MIT
"""`run`: what goes, what stays, and what it says."""
import contextlib
import json
import os
import shlex
import signal
import subprocess

import pytest

from lib import images as im
from lib.gc import PROBLEMS, REFUSED, unpulled
from lib.ports import wait_until
from lib.stores import BUILTIN, UNTAGGED, fill, on_disk, options, small
from lib.storage import OURS, Disk, Held, tree


@pytest.mark.parametrize("flags", [[], UNTAGGED], ids=["", "untagged"])
def test_run(gc, server, engine, flags, tmp_path):
    """What survives pulls whole from a fresh registry; what is said to be freed has left the disk; then nothing is left."""
    fill(server)
    disk = Disk(server.storage)
    held, before, count = Held(disk, bool(flags)), on_disk(server), len(disk.blobs())
    if engine == "registry" and flags and server.name == "distribution-2":  # it would take children
        ended = gc("run", server, *flags, status=REFUSED)
        assert "B3" in {r.get("bug") for r in ended["refused"]}
        assert len(disk.blobs()) == count
        return
    tags = disk.tags()
    ended = gc("run", server, *options(engine), *flags)
    assert set(disk.blobs()) == held.blobs
    assert before - on_disk(server) > 0
    assert ended["freed"] == {"count": count - len(held.blobs), "bytes": before - on_disk(server)}
    assert (ended["engine"], ended["registry"]["state"], ended["forced"]) == (engine, "stopped", False)
    assert set(disk.tags()) == set(tags)
    again = gc("run", server, *options(engine), *flags)
    assert again["freed"] == {"count": 0, "bytes": 0}
    assert unpulled(server, tmp_path, tags) == set()


def test_untagged_by_the_registry(gc, server, tmp_path):
    """Where its collector does no harm."""
    one, two = (im.image(layers=[im.layer(f"{n}\n")]) for n in (1, 2))
    server.push("app", "v1", one)
    server.push("app", "v1", two)
    server.stop()
    ended = gc("run", server, *UNTAGGED)
    assert set(Disk(server.storage).blobs()) == {two.digest, *two.blobs}
    assert ended["freed"]["count"] == 3
    assert unpulled(server, tmp_path) == set()


def test_a_dry_run_changes_nothing(gc, server, engine):
    garbage = small(server)
    server.stop()
    before = tree(server.storage)
    ended = gc("run", server, "--dry-run", *options(engine))
    assert ended["dry_run"] and tree(server.storage) == before
    assert gc.garbage(server) == garbage


def test_tables(gc, server, engine):
    """What people see, where nobody asked for JSON."""
    small(server)
    server.stop()
    assert "app" in gc.text("plan", server).out
    assert Disk(server.storage).tags()[0] == ("app", "v1")
    assert "app:v1" in gc.text("blobs", server).out
    gc.text("run", server, *options(engine))
    assert gc.garbage(server) == set()


def test_restart_command(gc, server, engine, tmp_path):
    """After the registry's collector, or between the builtin engine's phases; its failure is told."""
    small(server)
    server.stop()
    ended = gc("run", server, *options(engine), "--restart-command", f"echo again >>{shlex.quote(str(tmp_path))}/restarted")
    assert (ended["restart"], ended["freed"]["count"]) == ("done", 3)
    assert (tmp_path / "restarted").read_text() == "again\n"


def test_restart_command_that_fails(gc, server, engine):
    garbage = small(server)
    server.stop()
    before = tree(server.storage)
    ended = gc("run", server, *options(engine), "--restart-command", "exit 3", status=PROBLEMS)
    assert ended["restart"] == "failed"
    if engine == "builtin":  # it cannot be known what the registry believes: everything is back
        assert tree(server.storage) == before
        assert Disk(server.storage).quarantined() == []
        assert gc.garbage(server) == garbage


def test_a_login_file_of_podman(gc, server):
    """Its variable has the form of a registry's setting; a registry that is given it does not start."""
    small(server)
    server.stop()
    ended = gc("run", server, *options("registry"), REGISTRY_AUTH_FILE="/run/containers/0/auth.json")
    assert (ended["engine"], ended["freed"]["count"]) == ("registry", 3)


@contextlib.contextmanager
def busy(gc, server, tmp_path):
    """A run between its phases."""
    waiting, go_on = tmp_path / "waiting", tmp_path / "go on"
    os.mkfifo(go_on)
    file = os.open(go_on, os.O_RDWR)  # both ends: no open() waits for another
    one = gc.start("run", server, *BUILTIN, "--json", "--restart-command",
                   f"echo x >{shlex.quote(str(waiting))}; read x <{shlex.quote(str(go_on))}")
    try:
        wait_until(lambda: waiting.exists() or one.poll() is not None, 60, "it is between its phases")
        assert one.poll() is None, one.communicate()
        yield one
    finally:
        os.write(file, b"x\n")
        one.communicate(timeout=60)
        os.close(file)


def test_two_runs(gc, server, engine, tmp_path):
    """The second one is refused, also with --force; looking is allowed."""
    garbage = small(server)
    server.stop()
    with busy(gc, server, tmp_path) as one:
        for force in ([], ["--force"]):
            ended = gc("run", server, *options(engine), *force, status=REFUSED)
            assert str(one.pid) in ended.err
            assert ended["status"] == "refused" and str(one.pid) in ended["refused"][0]["reason"]
        ended = gc("restore", server, status=REFUSED)
        assert ended["status"] == "refused" and str(one.pid) in ended["refused"][0]["reason"]
        gc("plan", server, status=None)
    assert set(Disk(server.storage).blobs()) & garbage == set()


def test_ctrl_c_between_the_phases(gc, server, tmp_path):
    """Everything is back, and nothing waits for the restart command."""
    garbage = small(server)
    server.stop()
    before = tree(server.storage)
    with busy(gc, server, tmp_path) as one:
        assert set(Disk(server.storage).blobs()) & garbage == set()
        one.send_signal(signal.SIGINT)
        told = json.loads(one.stdout.read())
        wait_until(lambda: one.poll() is not None, 60, "it ends")
        assert one.returncode == 128 + signal.SIGINT
    assert told["status"] == "interrupted" and told["put_back"] == told["taken"] and told["taken"]["count"] == len(garbage)
    assert tree(server.storage) == before
    assert gc.garbage(server) == garbage


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("hangs", ["always", "but for --version"])
def test_interrupted_at_the_collector(gc, server2, tmp_path, hangs, number):
    """It hangs, be it only asked for its version, and does not listen: both end."""
    small(server2)
    server2.stop()
    before, said = tree(server2.storage), tmp_path / "pid"
    program = server2.folder / "registry"
    program.write_text(f"""#!/bin/sh
[ "{hangs} $1" != "but for --version --version" ] || exec {shlex.quote(server2.program())} "$@"
trap '' INT TERM
echo $$ >{shlex.quote(str(said))}.new; mv {shlex.quote(str(said))}.new {shlex.quote(str(said))}
while :; do sleep 1; done
""")
    program.chmod(0o755)
    one = gc.start("run", server2, "--registry", program)
    try:
        wait_until(lambda: said.exists() or one.poll() is not None, 60, "the collector runs")
        one.send_signal(number)
        wait_until(lambda: one.poll() is not None, 60, "it ends")
    finally:
        one.kill()
        out = one.communicate()
    assert one.returncode == 128 + number, out
    assert not os.path.exists(f"/proc/{int(said.read_text())}")
    assert tree(server2.storage) == before


def test_a_collector_that_is_killed(gc, server):
    """With half of its work done: that is told, what it did is measured, and the next run does the rest."""
    garbage = small(server)
    server.stop()
    disk = Disk(server.storage)
    first = disk.blob(sorted(garbage)[0]).parent
    program = server.folder / "registry"
    program.write_text(f"""#!/bin/sh
case "$*" in *--version*|*dry-run*) exec {shlex.quote(server.program())} "$@";; esac
rm -r {shlex.quote(str(first))}
kill -9 $$
""")
    program.chmod(0o755)
    ended = gc("run", server, "--registry", program, status=PROBLEMS)
    assert "the collector failed: it was killed" in ended.err and "killed" in str(ended["collector"])
    assert (ended["freed"]["count"], ended["problems"]) == (1, [])
    assert gc("run", server)["freed"]["count"] == len(garbage) - 1
    assert gc.garbage(server) == set()


def test_grace(gc, server):
    """The builtin engine's own is a day: what is younger stays, whatever nobody needs."""
    garbage = small(server)
    server.stop()
    disk = Disk(server.storage)
    assert gc("run", server, "--engine=builtin", "--settle=0")["freed"]["count"] == 0
    for words in (["--dry-run"], []):
        ended = gc("run", server, "--engine=builtin", "--settle=0", "--grace=1h", *words)
        assert ended["would_free" if words else "freed"]["count"] == 0 and ended["young"]["count"] == len(garbage)
    disk.age(7200)
    assert gc("run", server, "--engine=builtin", "--settle=0")["freed"]["count"] == 0
    ended = gc("run", server, "--engine=builtin", "--settle=0", "--grace=1h")
    assert ended["freed"]["count"] == len(garbage) and "young" not in ended.json


def test_grace_of_an_untagged_manifest(gc, server, tmp_path):
    """It is young by its link, its layers with it, however old they are."""
    one, two = (im.image(layers=[im.layer(f"{n}\n")]) for n in (1, 2))
    server.push("app", "v1", one)
    server.push("app", "v1", two)
    server.stop()
    disk = Disk(server.storage)
    disk.age(7200)
    os.utime(disk.revision("app", one.digest))
    run = ["run", server, "--engine=builtin", "--settle=0", "--grace=1h", *UNTAGGED]
    assert gc(*run)["freed"]["count"] == 0
    disk.age(7200)
    assert gc(*run)["freed"]["count"] == 3
    assert unpulled(server, tmp_path) == set()


def test_an_unsure_repository_keeps_everything(gc, server):
    """What cannot be read is not known, and what is not known is no garbage."""
    garbage = small(server)
    server.push("broken", "v1", im.image(layers=[im.layer("broken\n")]))
    server.push("broken", "v2", gone := im.image(layers=[im.layer("gone from broken\n")]))
    server.sink.request("DELETE", f"/v2/broken/manifests/{gone.digest}")
    server.push("broken", "v3", lost := im.image(layers=[im.layer("lost\n")]))
    server.stop()
    disk = Disk(server.storage)
    disk.blob(lost.digest).unlink()
    plan = gc("plan", server, status=PROBLEMS)
    assert {b["digest"] for b in plan["garbage_blobs"]} == garbage | {gone.digest}
    assert [r["name"] for r in plan["repositories"] if "unsure" in r] == ["broken"]
    before = tree(disk.repository("broken"))
    gc("run", server, *BUILTIN, *UNTAGGED, status=PROBLEMS)
    assert tree(disk.repository("broken")) == before
    assert set(lost.blobs) | set(gone.blobs) <= set(disk.blobs())


def test_a_storage_on_a_read_only_file_system(gc, server2):
    """Looking needs no right to write."""
    garbage = small(server2)
    server2.stop()
    for path in [server2.storage, *server2.storage.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert gc.garbage(server2) == garbage
        assert gc("check", server2)["problems"] == []
        assert not (server2.storage / OURS).exists()
    finally:
        for path in [server2.storage, *server2.storage.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o700)


def test_output_that_cannot_be_written(gc, server2):
    small(server2)
    server2.stop()
    with open("/dev/full", "w") as full:
        done = subprocess.run(gc.words("blobs", server2, "--json"), stdout=full, stderr=subprocess.PIPE, text=True,
                              env=gc.environment)
    assert done.returncode == 1 and done.stderr.startswith("regfs-gc: ")


def test_force_is_the_users_word(gc, server2):
    """The comparison refuses, and is overridden: the collector does what it does, and check says what that was."""
    server2.push("app", "v1", im.index([im.image(platform=p) for p in ("linux/amd64", "linux/arm64")]))
    server2.stop()
    gc("run", server2, *UNTAGGED, status=REFUSED)
    ended = gc("run", server2, *UNTAGGED, "--force", status=PROBLEMS)
    assert ended["forced"] and {r.get("bug") for r in ended["refused"]} == {"B3"}
    assert ("child-missing", "app", "v1") in ended.kinds()


def test_blobs(gc, server):
    """Every one, with what it is by its content and who holds it."""
    image = im.image(layers=[im.layer("layer\n")])
    both = im.index([image])
    for tag in ("v1", "v2"):
        server.push("app", tag, both)
    server.push("other", None, image)
    server.sink.push_blob("app", im.digest_of(b"nobody's"), b"nobody's")
    server.stop()
    blobs = {b["digest"]: b for b in gc("blobs", server)["blobs"]}
    config, layer = image.document["config"]["digest"], image.document["layers"][0]["digest"]
    assert {d: b["kind"] for d, b in blobs.items()} == {
        both.digest: "index", image.digest: "manifest", config: "config", layer: "gzip", im.digest_of(b"nobody's"): "other"}
    assert {d: b["state"] for d, b in blobs.items()} == {
        **dict.fromkeys((both.digest, image.digest, config, layer), "held"), im.digest_of(b"nobody's"): "garbage"}
    holders = {h["repository"]: h for h in blobs[layer]["holders"]}
    assert (holders["app"]["tags"], set(holders["app"]["manifests"])) == (["v1", "v2"], {image.digest, both.digest})
    assert (holders["other"]["tags"], holders["other"]["manifests"]) == ([], [image.digest])
    assert blobs[im.digest_of(b"nobody's")]["holders"] == []
    Disk(server.storage).blob(layer).unlink()
    blobs = {b["digest"]: b for b in gc("blobs", server)["blobs"]}
    assert blobs[layer]["state"] == "missing"
