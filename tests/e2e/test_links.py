# SPDX-License-Identifier: MIT
"""Tags of one repository that share a digest are hard links of one file."""
import os
import signal

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.shell import days_ago, lines


@pytest.fixture
def shared(fault, mount):
    one, two, three = (im.image(days_ago(i)) for i in (1, 2, 3))
    fault.push_all("a", {"latest": one, "1": one, "1.0": one, "2": two, "2.0": two, "3": three})
    fault.push_all("b", {"latest": one})
    m = mount(fault)
    lines("find", m.dir, "-mtime", "+1000")  # a walk
    return m


def names(paths):
    return sorted(os.path.basename(p) for p in paths)


def test_inode_and_nlink(shared):
    stats = {t: shared.tags("a").joinpath(t).stat() for t in ("latest", "1", "1.0", "2", "2.0", "3")}
    assert {t: s.st_nlink for t, s in stats.items()} == {"latest": 3, "1": 3, "1.0": 3, "2": 2, "2.0": 2, "3": 1}
    assert stats["latest"].st_ino == stats["1"].st_ino == stats["1.0"].st_ino
    assert stats["2"].st_ino == stats["2.0"].st_ino
    assert len({s.st_ino for s in stats.values()}) == 3


def test_find_samefile(shared):
    tags = shared.tags("a")
    assert names(lines("find", tags, "-samefile", tags / "latest")) == ["1", "1.0", "latest"]


def test_find_links(shared):
    assert names(lines("find", shared.tags("a"), "-type", "f", "-links", "+1")) == ["1", "1.0", "2", "2.0", "latest"]
    assert names(lines("find", shared.tags("a"), "-type", "f", "-links", "1")) == ["3"]


def test_the_same_digest_elsewhere_is_another_file(shared):
    other = shared.tags("b").joinpath("latest").stat()
    assert other.st_nlink == 1
    assert other.st_ino != shared.tags("a").joinpath("latest").stat().st_ino


def test_a_tag_that_moves_is_another_file(fault, mount):
    one, two = im.image(days_ago(1)), im.image(days_ago(2))
    fault.push_all("a", {"1": one, "latest": one})
    m = mount(fault, "ttl=1")
    tags = m.tags("a")
    lines("ls", "-l", tags)
    assert os.path.samefile(tags / "1", tags / "latest")
    fault.push("a", "latest", two)
    os.kill(m.pid, signal.SIGHUP)
    wait_until(lambda: (tags / "latest").read_bytes() == two.data, 20, "the tag's new content is seen")
    assert not os.path.samefile(tags / "1", tags / "latest")
