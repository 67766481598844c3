# SPDX-License-Identifier: MIT
"""A server or a repository that hangs delays nobody but who asks for it, and frees those on demand.

"At once" is 100 ms on a quiet machine; these tests allow a second, the benchmark prints the figure.
"""
import os
import signal
import subprocess
import sys
import time

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.shell import days_ago, end, errno_of, interrupt, lines, read, run, start, stat_in_child

SOON = 1.0  # ten times what the issue allows, for a machine with other work


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
    m = mount(two)
    lines("ls", m / "hung/_tags")
    read(m / "hung/_tags/t1")
    hang(two)
    waiting = stat_in_child(m / "hung/_tags/t2")
    two.wait_for(1, kind="manifest", reference="t2")
    m.waiting = waiting
    yield m
    end(waiting)


def test_the_others_go_on(hung):
    before = time.monotonic()
    assert len(lines("ls", "-l", hung / "well/_tags")) == 21
    assert len(lines("find", hung / "well/_tags", "-mtime", "+10")) == 9
    assert time.monotonic() - before < 10  # far below the time-out of 30 s
    assert hung.waiting.poll() is None


def test_its_listing_and_what_is_known_go_on(hung):
    before = time.monotonic()
    assert len(lines("ls", hung / "hung/_tags")) == 20
    assert (hung / "hung/_tags/t1").stat().st_size > 0
    assert read(hung / "hung/_tags/t1")
    assert time.monotonic() - before < 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupt_frees_the_caller(hung, number):
    assert interrupt(hung.waiting, number) < SOON
    assert hung.waiting.returncode == (-number if number != signal.SIGINT else hung.waiting.returncode) != 0


def test_interrupted_call_sees_eintr(hung):
    code = ("import os, signal, sys\nsignal.signal(signal.SIGUSR1, lambda *_: None)\nprint('ready', flush=True)\n"
            "try:\n os.stat(sys.argv[1])\nexcept OSError as e:\n print(e.errno)")
    child = start(sys.executable, "-c", code, hung / "hung/_tags/t3")
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(1)  # it is in stat by now; a signal before it would be lost
        child.send_signal(signal.SIGUSR1)
        out, _ = child.communicate(timeout=20)
    finally:
        end(child)
    assert int(out) == 4


def test_df_goes_on(hung):
    before = time.monotonic()
    assert "regfs" in run("df", "-T", hung.dir, seconds=20)
    os.statvfs(hung.dir)
    assert time.monotonic() - before < 10


def test_a_hung_listing_delays_no_other(two, mount):
    m = mount(two)
    lines("ls", m.dir)
    hang(two)
    waiting = start("ls", m / "hung/_tags")
    try:
        two.wait_for(1, kind="tags", repository="hung")
        assert len(lines("ls", m / "well/_tags", seconds=20)) == 20
        assert sorted(lines("ls", m.dir, seconds=20)) == ["hung", "well"]
        assert interrupt(waiting) < SOON
    finally:
        end(waiting)


def test_a_hung_catalog(fault, mount):
    fault.push("a", "1", im.image(days_ago(1)))
    fault.rule(kind="catalog", hang="request")
    m = mount(fault)
    waiting = start("ls", m.dir)
    try:
        fault.wait_for(1, kind="catalog")
        assert lines("ls", m / "a/_tags", seconds=20) == ["1"]  # entered by name
        assert interrupt(waiting) < SOON
    finally:
        end(waiting)


def test_unmount_while_fetching_ahead(two, mount):
    """Nobody is inside any more, but requests are under way: nothing to wait for."""
    m = mount(two)
    lines("ls", m / "hung/_tags")
    hang(two, "manifest")
    waiting = start("find", m / "hung/_tags", "-mtime", "+1")
    try:
        two.wait_for(1, kind="manifest")
        assert interrupt(waiting) < SOON
    finally:
        end(waiting)
    before = time.monotonic()
    run("fusermount3", "-u", m.dir, seconds=20)
    assert m.reap() == 0
    assert time.monotonic() - before < 10


def test_sigterm_with_somebody_inside(hung):
    before = time.monotonic()
    os.kill(hung.pid, signal.SIGTERM)
    assert hung.reap() == 0
    hung.waiting.communicate(timeout=20)
    assert hung.waiting.returncode != 0
    assert time.monotonic() - before < 15


def test_lazy_unmount_with_somebody_inside(hung):
    run("fusermount3", "-uz", hung.dir, seconds=20)
    assert interrupt(hung.waiting, signal.SIGKILL) < SOON
    assert hung.reap() == 0


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
    assert 1.5 < time.monotonic() - before < 25


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
    m = mount(two, "connections=4")
    lines("ls", m / "hung/_tags")
    rule = two.rule(kind="manifest", repository="hung", hang="request")
    waiting = [stat_in_child(m / f"hung/_tags/t{i}") for i in range(20)]
    try:
        two.wait_for(3, kind="manifest")  # one place is left for other repositories
        assert [interrupt(w, signal.SIGKILL) < SOON for w in waiting] == [True] * 20
    finally:
        for w in waiting:
            end(w)
    two.forget(rule)
    assert len(lines("ls", "-l", m / "hung/_tags", seconds=60)) == 21
    assert len(lines("ls", "-l", m / "well/_tags", seconds=60)) == 21


def test_a_dead_server_stops_nobody_from_leaving(two, mount):
    m = mount(two)
    lines("ls", "-l", m / "well/_tags")
    two.process.send_signal(signal.SIGSTOP)  # connections stand, nothing answers: the worst sort of dead
    try:
        assert "regfs" in run("df", "-T", m.dir, seconds=20)
        assert read(m / "well/_tags/t1")
        subprocess.run(["fusermount3", "-u", m.dir], check=True, timeout=20)
        assert m.reap() == 0
    finally:
        two.process.send_signal(signal.SIGCONT)
