# SPDX-License-Identifier: MIT
"""A server or a repository that hangs delays nobody but who asks for it, and frees those on demand.

No time is measured: what hangs does so for longer than a command may take here, so who comes to an end did not wait.
"""
import os
import signal
import subprocess
import sys
import time

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.shell import LONG, days_ago, end, errno_of, interrupt, lines, read, run, start, stat_in_child


@pytest.fixture
def two(fault):
    for repository in ("hung", "well"):
        fault.push_all(repository, {f"t{i}": im.image(days_ago(i)) for i in range(20)})
    return fault


def hang(fault, *kinds):
    for kind in kinds or ("manifest", "blob", "tags"):
        fault.rule(kind=kind, repository="hung", hang="request")


@pytest.fixture
def hung(two, mount):
    """A mount on which somebody waits for a repository that hangs."""
    m = mount(two, LONG)
    lines("ls", m / "hung/_tags")
    read(m / "hung/_tags/t1")
    hang(two)
    waiting = stat_in_child(m / "hung/_tags/t2")
    two.wait_for(1, kind="manifest", reference="t2")
    m.waiting = waiting
    yield m
    end(waiting)


def test_the_others_go_on(hung):
    assert len(lines("ls", "-l", hung / "well/_tags", seconds=60)) == 21
    assert len(lines("find", hung / "well/_tags", "-mtime", "+10", seconds=60)) == 9
    assert hung.waiting.poll() is None


def test_its_listing_and_what_is_known_go_on(hung):
    assert len(lines("ls", hung / "hung/_tags", seconds=60)) == 20
    assert int(run("stat", "-c", "%s", hung / "hung/_tags/t1", seconds=60)) > 0
    assert run("cat", hung / "hung/_tags/t1", seconds=60)
    assert hung.waiting.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupt_frees_the_caller(hung, number):
    interrupt(hung.waiting, number)
    assert hung.waiting.returncode == (-number if number != signal.SIGINT else hung.waiting.returncode) != 0


def test_interrupted_call_sees_eintr(two, hung):
    code = ("import os, signal, sys\nsignal.signal(signal.SIGUSR1, lambda *_: None)\nprint('ready', flush=True)\n"
            "try:\n os.stat(sys.argv[1])\nexcept OSError as e:\n print(e.errno)")
    child = start(sys.executable, "-c", code, hung / "hung/_tags/t3")
    try:
        assert child.stdout.readline() == "ready\n"
        two.wait_for(1, kind="manifest", reference="t3")  # so it is in stat; a signal before it would be lost
        child.send_signal(signal.SIGUSR1)
        out, _ = child.communicate(timeout=60)
    finally:
        end(child)
    assert int(out) == 4


def test_df_goes_on(hung):
    assert "regfs" in run("df", "-T", hung.dir, seconds=60)
    assert run("stat", "-f", hung.dir, seconds=60)


def test_a_hung_listing_delays_no_other(two, mount):
    m = mount(two, LONG)
    lines("ls", m.dir)
    hang(two)
    waiting = start("ls", m / "hung/_tags")
    try:
        two.wait_for(1, kind="tags", repository="hung")
        assert len(lines("ls", m / "well/_tags", seconds=60)) == 20
        assert sorted(lines("ls", m.dir, seconds=60)) == ["hung", "well"]
        interrupt(waiting)
    finally:
        end(waiting)


def test_a_hung_catalog(fault, mount):
    fault.push("a", "1", im.image(days_ago(1)))
    fault.rule(kind="catalog", hang="request")
    m = mount(fault, LONG)
    waiting = start("ls", m.dir)
    try:
        fault.wait_for(1, kind="catalog")
        assert lines("ls", m / "a/_tags", seconds=60) == ["1"]  # entered by name
        interrupt(waiting)
    finally:
        end(waiting)


def test_unmount_while_fetching_ahead(two, mount):
    """Nobody is inside any more, but requests are under way: nothing to wait for."""
    m = mount(two, LONG)
    lines("ls", m / "hung/_tags")
    hang(two, "manifest")
    waiting = start("find", m / "hung/_tags", "-mtime", "+1")
    try:
        two.wait_for(1, kind="manifest")
        interrupt(waiting)
    finally:
        end(waiting)
    run("fusermount3", "-u", m.dir, seconds=60)
    assert m.reap(60) == 0


def test_sigterm_with_somebody_inside(hung):
    os.kill(hung.pid, signal.SIGTERM)
    assert hung.reap(60) == 0
    hung.waiting.communicate(timeout=60)
    assert hung.waiting.returncode != 0


def test_lazy_unmount_with_somebody_inside(hung):
    run("fusermount3", "-uz", hung.dir, seconds=60)
    interrupt(hung.waiting, signal.SIGKILL)
    assert hung.reap(60) == 0


@pytest.mark.parametrize("kind", ["tags", "manifest", "blob"])
@pytest.mark.parametrize("where", ["request", "headers", "body"])
def test_the_deadline(two, mount, kind, where):
    m = mount(two, "timeout=2", "list_timeout=2")
    two.rule(kind=kind, repository="hung", hang=where)
    before = time.monotonic()
    if kind == "tags":
        assert errno_of(os.listdir, m / "hung/_tags") == "ETIMEDOUT"
    else:
        assert errno_of(os.stat, m / "hung/_tags/t1") == "ETIMEDOUT"
    assert time.monotonic() - before > 1.5  # nor before


def test_a_slow_body_has_a_deadline_too(two, mount):
    m = mount(two, "timeout=2")
    two.rule(kind="manifest", repository="hung", drip=0.5)
    assert errno_of(os.stat, m / "hung/_tags/t1") == "ETIMEDOUT"


def test_it_comes_back(two, mount):
    """What timed out is asked again: a failure is not remembered as the truth."""
    m = mount(two, "timeout=2")
    rule = two.rule(kind="manifest", repository="hung", hang="request")
    assert errno_of(os.stat, m / "hung/_tags/t1") == "ETIMEDOUT"
    two.forget(rule)
    assert wait_until(lambda: errno_of(os.stat, m / "hung/_tags/t1") == "", 20, "the tag can be read again")


def test_many_waiters_and_then_none(two, mount):
    """More callers than connections wait, all are killed, and the mount is as good as new."""
    m = mount(two, "connections=4", LONG)
    lines("ls", m / "hung/_tags")
    rule = two.rule(kind="manifest", repository="hung", hang="request")
    waiting = [stat_in_child(m / f"hung/_tags/t{i}") for i in range(20)]
    try:
        two.wait_for(3, kind="manifest")  # one place is left for other repositories
        for w in waiting:
            interrupt(w, signal.SIGKILL)
    finally:
        for w in waiting:
            end(w)
    two.forget(rule)
    assert len(lines("ls", "-l", m / "hung/_tags", seconds=60)) == 21
    assert len(lines("ls", "-l", m / "well/_tags", seconds=60)) == 21


def test_a_dead_server_stops_nobody_from_leaving(two, mount):
    m = mount(two, LONG)
    lines("ls", "-l", m / "well/_tags")
    two.process.send_signal(signal.SIGSTOP)  # connections stand, nothing answers: the worst sort of dead
    try:
        assert "regfs" in run("df", "-T", m.dir, seconds=60)
        assert run("cat", m / "well/_tags/t1", seconds=60)
        subprocess.run(["fusermount3", "-u", m.dir], check=True, timeout=60)
        assert m.reap(60) == 0
    finally:
        two.process.send_signal(signal.SIGCONT)
