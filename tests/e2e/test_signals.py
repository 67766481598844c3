# SPDX-License-Identifier: MIT
"""A signal that a process gets in passing (it is stopped and goes on, a child of it ends) is no reason to fail.

The kernel tells of a signal, not of which, and an EINTR is nothing that find, or the pattern of a shell, expects: they
would go on without the file.
"""
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.shell import LONG, days_ago, end, interrupt, lines, start, stat_in_child


@pytest.fixture
def held(fault, mount):
    """A mount whose registry answers when it is told to."""
    fault.push_all("a", {f"t{i}": im.image(days_ago(i)) for i in range(20)})
    fault.push("b", "1", im.image(days_ago(1)))
    m = mount(fault, LONG)
    lines("ls", m / "a/_tags")
    for kind in ("manifest", "tags"):
        fault.rule(kind=kind, hold="request")
    m.fault = fault
    return m


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_until_told(pid):
    """The signal has been noticed, and FUSE told: the kernel waits for nothing but the answer, or the end."""
    wait_until(lambda: state(pid) == "D", 60, "the signal to be noticed")


def send(process, *numbers):
    for number in numbers:
        process.send_signal(number)
    wait_until_told(process.pid)


def let_go(m):
    m.fault.forget()
    m.fault.release()


@pytest.fixture
def find(held):
    """find, which waits for a date; afterwards it has found everything, and complained of nothing."""
    process = start("find", held / "a/_tags", "-mtime", "+9")
    try:
        held.fault.wait_for(1, kind="manifest")
        yield process
        out, errors = process.communicate(timeout=60)
    finally:
        end(process)
    assert (process.returncode, errors) == (0, "")
    assert sorted(out.split()) == [str(held / f"a/_tags/t{i}") for i in range(10, 20)]


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP])
def test_stopped_and_continued(held, find, number):
    """Ctrl-Z and fg, while the registry takes its time."""
    send(find, number, signal.SIGCONT)
    lines("ls", held.dir)  # what regfs was told is done with
    let_go(held)


def test_answered_while_it_is_to_stop(held, find):
    """It stops when it has its answer, and goes on from there."""
    send(find, signal.SIGSTOP)
    lines("ls", held.dir)
    let_go(held)
    wait_until(lambda: state(find.pid) == "T", 60, "find to stop")
    find.send_signal(signal.SIGCONT)


def test_a_child_that_ends_leaves_the_pattern_of_a_shell_as_it_is(held):
    script = 'trap : CHLD; sleep 1000 >/dev/null 2>&1 & echo $!; echo "$1"/*'
    shell = start("bash", "-c", script, "bash", held / "b/_tags")
    try:
        child = int(shell.stdout.readline())
        held.fault.wait_for(1, kind="tags", repository="b")
        os.kill(child, signal.SIGTERM)
        wait_until_told(shell.pid)
        lines("ls", held.dir)
        let_go(held)
        out, _ = shell.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        end(shell)
    assert out.split() == [str(held / "b/_tags/1")]


def test_a_pause_and_then_an_interrupt(held):
    """The kernel does not tell of the second signal."""
    waiting = stat_in_child(held / "a/_tags/t1")
    try:
        held.fault.wait_for(1, kind="manifest")
        send(waiting, signal.SIGSTOP, signal.SIGCONT)
        interrupt(waiting)
    finally:
        end(waiting)
    assert waiting.returncode == -signal.SIGINT


def test_a_thread_beside_one_that_is_told(held):
    """Each of a program's threads is told of a pause."""
    code = ("import os, sys, threading\n"
            "names = sys.argv[1:]\nsizes = {}\n"
            "def ask(name):\n sizes[name] = os.stat(name).st_size\n"
            "threads = [threading.Thread(target=ask, args=(n,)) for n in names]\n"
            "for t in threads: t.start()\nfor t in threads: t.join()\nprint(len(sizes))")
    many = start(sys.executable, "-c", code, *(held / f"a/_tags/t{i}" for i in range(8)))
    try:
        held.fault.wait_for(8, kind="manifest")
        for _ in range(3):
            many.send_signal(signal.SIGSTOP)
            time.sleep(0.05)
            many.send_signal(signal.SIGCONT)
        lines("ls", held.dir)
        let_go(held)
        out, errors = many.communicate(timeout=60)
    finally:
        end(many)
    assert (out, errors) == ("8\n", "")
