# SPDX-License-Identifier: MIT
"""What one repository, one moment or one failure says is not told of another."""
import os
import signal
import time

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.shell import LONG, days_ago, end, errno_of, interrupt, lines, nanoseconds, run, start, stat_in_child

OLD, YOUNG = "2015-01-01T00:00:00Z", "2024-01-01T00:00:00Z"


def mtime(m, repository, tag):
    return m.tags(repository).joinpath(tag).stat().st_mtime_ns


def test_a_sparse_copy_dates_no_complete_image(fault, mount):
    """Who can push an index without its newest child must not make the same index look old elsewhere."""
    young = im.image(YOUNG)
    index = im.index([im.image(OLD, platform="linux/arm64"), young])
    fault.push("good", "x", index)
    fault.push("evil", "x", index)
    fault.rule(kind="manifest", repository="evil", reference=young.digest, status=404)
    m = mount(fault)
    assert mtime(m, "evil", "x") == nanoseconds(OLD)
    assert mtime(m, "good", "x") == nanoseconds(YOUNG)


@pytest.mark.parametrize("broken", [{"status": 403}, {"hang": "request"}])
def test_a_failure_is_of_its_repository(fault, mount, broken):
    shared = im.image(YOUNG)
    fault.push("bad", "x", shared)
    fault.push("good", "x", shared)
    fault.rule(kind="blob", repository="bad", **broken)
    m = mount(fault, LONG)
    waiting = stat_in_child(m.tags("bad") / "x")
    try:
        fault.wait_for(1, kind="blob", repository="bad")
        assert mtime(m, "good", "x") == nanoseconds(YOUNG)
        if "hang" in broken:
            interrupt(waiting)
    finally:
        end(waiting)


def test_many_names_of_one_file_cost_no_memory(fault, mount):
    """Each name that is found changes the number of links of all others."""
    one = im.image(days_ago(1))
    fault.push_all("a", {f"t{i}": one for i in range(4000)})
    m = mount(fault, "ttl=600")  # what has been found counts until the last one is
    before = resident(m.pid)
    assert len(lines("find", m.tags("a"), "-mtime", "-3", "-type", "f")) == 4000
    assert resident(m.pid) - before < 250  # a sanitizer's own memory included
    assert set(lines("find", m.tags("a"), "-type", "f", "-printf", "%n\n")) == {"4000"}


def resident(pid):
    """MiB at most so far."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def test_a_tag_that_goes_leaves_the_others(fault, mount):
    one = im.image(days_ago(1))
    fault.push_all("a", {"1": one, "2": one})
    m = mount(fault, "ttl=1")
    lines("ls", "-l", m.tags("a"))
    assert m.tags("a").joinpath("1").stat().st_nlink == 2
    fault.untag("a", "2")
    wait_until(lambda: lines("ls", m.tags("a")) == ["1"], 20, "the tag is gone")
    wait_until(lambda: m.tags("a").joinpath("1").stat().st_nlink == 1, 20, "the other one is alone")
    assert lines("find", m.tags("a"), "-type", "f", "-links", "+1") == []


def test_a_catalog_that_is_refused_once_is_a_failure(fault, mount):
    fault.push("a", "1", im.image(days_ago(1)))
    m = mount(fault, "ttl=1")
    assert lines("ls", m.dir) == ["a"]
    rule = fault.rule(kind="catalog", status=403)
    wait_until(lambda: errno_of(os.listdir, m.dir) == "EACCES", 20, "the refusal is told")
    fault.forget(rule)
    wait_until(lambda: errno_of(os.listdir, m.dir) == "", 20, "it is over")
    assert errno_of(os.stat, m / "no-such-repository") == "ENOENT"


def test_a_holder_that_cannot_be_asked_may_be_the_newest(fault, mount):
    child = im.image(OLD)
    fault.push_all("a", {"old": child, "new": im.index([child, im.image(YOUNG, platform="linux/arm64")])})
    rule = fault.rule(kind="manifest", repository="a", reference="new", status=403)
    m = mount(fault, "ttl=1")
    path = m / "a" / "_manifests" / child.digest
    assert errno_of(os.stat, path) == "EACCES"
    fault.forget(rule)
    wait_until(lambda: errno_of(os.stat, path) == "", 20, "all holders are known")
    assert path.stat().st_mtime_ns == nanoseconds(YOUNG)


def test_sighup_forgets_manifests_as_well(fault, mount):
    one, two = im.image(days_ago(1)), im.image(days_ago(2))
    fault.push("a", "latest", one)
    m = mount(fault, "ttl=3600")
    assert lines("ls", m / "a/_manifests") == [one.digest]
    fault.push("a", "latest", two)
    os.kill(m.pid, signal.SIGHUP)
    wait_until(lambda: lines("ls", m / "a/_manifests") == [two.digest], 20, "the new manifest is listed")


def test_sighup_while_a_name_hangs_blocks_nobody(fault, mount):
    """The kernel locks a directory to forget a name in it, and a lookup that hangs has that lock."""
    fault.push("well", "1", im.image(days_ago(1)))
    fault.rule(kind="tags", repository="hung", hang="request")
    m = mount(fault, LONG)
    lines("ls", m.dir)
    waiting = stat_in_child(m / "hung")
    try:
        fault.wait_for(1, kind="tags", repository="hung")
        os.kill(m.pid, signal.SIGHUP)
        assert lines("ls", m.dir, seconds=60) == ["well"]
        assert lines("ls", m / "well/_tags", seconds=60) == ["1"]
        interrupt(waiting)
    finally:
        end(waiting)


def test_what_failed_ahead_is_not_told_for_ever(fault, mount):
    fault.push_all("a", {f"t{i:02}": im.image(days_ago(i)) for i in range(40)})
    m = mount(fault)
    lines("ls", m.tags("a"))
    rule = fault.rule(kind="manifest", status=403)
    for tag in ("t00", "t01", "t02", "t03"):
        assert errno_of(os.stat, m.tags("a") / tag) == "EACCES"
    fault.quiet()
    fault.forget(rule)
    time.sleep(3)  # longer than a walker may be behind
    assert [errno_of(os.stat, m.tags("a") / f"t{i:02}") for i in range(10, 40)] == [""] * 30


def test_a_prefix_that_is_not_there_is_no_empty_directory(fault, mount):
    fault.push("a/b", "1", im.image(days_ago(1)))
    m = mount(fault.url + "/no/such")
    assert errno_of(os.listdir, m.dir) == "ENOENT"


def test_a_signal_ends_what_has_not_been_mounted(fault, mount, regfs, tmp_path):
    """Until the registry has answered there is nothing to unmount."""
    fault.rule(kind="ping", hang="request")
    process = start(regfs, "-f", fault.url, tmp_path, "-o", LONG)
    try:
        fault.wait_for(1, kind="ping")
        interrupt(process, signal.SIGTERM)
        assert str(tmp_path) not in run("cat", "/proc/mounts")
    finally:
        end(process)
