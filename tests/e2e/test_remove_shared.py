# SPDX-License-Identifier: MIT
"""Tags that share a digest, with each other or with an index: shared=untag, refuse and all, on every server."""
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import images as im
from lib import journal as journals
from lib import servers
from lib.ports import wait_until
from lib.removing import listed, survives
from lib.shell import days_ago, errno_of, lines, run

NAMES = ("1", "1.2", "1.2.3")


@pytest.fixture
def shared(erasable, place, api, remover):
    """A digest with three names and one beside it; a mount by options that a test chooses."""
    class Shared:
        server, repository, api = erasable, place, None
        one, other = im.image(days_ago(60)), im.image(days_ago(50))

        def mount(self, *options):
            self.m = remover(erasable, *options)
            return self.m.tags(place)

        def unharmed(self, *names):
            survives(self.api, place, {**dict.fromkeys(names, self.one), "other": self.other})
            assert set(self.api.tags(place)) == {*names, "other"}
            assert listed(self.m, place) == {*names, "other"}
    made = Shared()
    made.api = api(erasable)
    erasable.push_all(place, {**dict.fromkeys(NAMES, made.one), "other": made.other})
    return made


@pytest.mark.parametrize("options", [(), ("shared=untag",)])
def test_one_name_goes(shared, journal, options):
    tags = shared.mount(*options)
    run("rm", tags / "1.2")
    shared.unharmed("1", "1.2.3")
    assert not (tags / "1.2").exists()
    removal, = journals.finished(journal)
    assert (removal.before["action"], removal.tag, removal.tags) == ("untag", "1.2", {"1.2"})
    assert removal.outcome == "removed" and removal.manifests[shared.one.digest] == shared.one.data


def test_one_after_the_other(shared):
    """As with hard links: the last name takes the file along."""
    tags = shared.mount()
    for number, name in enumerate(NAMES, 1):
        run("rm", tags / name)
        shared.unharmed(*NAMES[number:])
        assert shared.api.has(shared.repository, shared.one.digest) == (number < 3)


def test_no_placeholder_is_left(shared, journal):
    """distribution 2 cannot delete a tag: something is put over it, and goes as well."""
    tags = shared.mount()
    run("rm", tags / "1")
    removal, = journals.finished(journal)
    placeholder = removal.before.get("placeholder")
    assert placeholder or shared.server.name != servers.Distribution2.name
    assert not placeholder or not shared.api.has(shared.repository, placeholder)


def test_two_names_in_a_row_have_placeholders_of_their_own(shared, journal):
    tags = shared.mount()
    run("rm", tags / "1", tags / "1.2")
    shared.unharmed("1.2.3")
    placeholders = [r.before.get("placeholder") for r in journals.read(journal)]
    assert len(placeholders) == 2 and (placeholders[0] is None or placeholders[0] != placeholders[1])


def test_all_names_at_once_by_many(shared, journal):
    """Whatever the order in which eight processes come, the last one takes the manifest along."""
    tags = shared.mount()
    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(lambda name: run("rm", tags / name, check=False).returncode, NAMES))
    assert ends == [0, 0, 0]
    shared.unharmed()
    assert not shared.api.has(shared.repository, shared.one.digest)
    assert {r.outcome for r in journals.finished(journal)} == {"removed"}


def test_refuse(shared, journal):
    tags = shared.mount("shared=refuse")
    for name in NAMES:
        assert errno_of(os.unlink, tags / name) == "EBUSY"
    shared.unharmed(*NAMES)
    assert not journals.removed_tags(journal)
    run("rm", tags / "other")
    assert set(shared.api.tags(shared.repository)) == set(NAMES)
    assert f"{shared.repository}:1.2" in shared.m.log


def test_all(shared, journal):
    tags = shared.mount("shared=all")
    lines("ls", "-l", tags)
    run("rm", tags / "1.2")
    shared.unharmed()
    assert not shared.api.has(shared.repository, shared.one.digest)
    assert lines("ls", tags) == ["other"]
    removal, = journals.finished(journal)
    assert (removal.before["action"], removal.tag, removal.tags) == ("delete", "1.2", set(NAMES))


def test_all_by_find(shared):
    """Names that went along with another are what find wanted: no error."""
    tags = shared.mount("shared=all")
    done = run("find", tags, "-mtime", "+55", "-delete", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shared.unharmed()


def test_all_by_rm_of_each(shared):
    tags = shared.mount("shared=all")
    run("rm", *(tags / name for name in NAMES))  # the second went with the first, and rm is not told off for it
    shared.unharmed()
    assert not shared.api.has(shared.repository, shared.one.digest)


# A child of an index that has a tag as well

@pytest.fixture
def child(erasable, place, api, remover):
    class Child:
        amd64, arm64 = (im.image(days_ago(60), platform=f"linux/{a}") for a in ("amd64", "arm64"))
        index = im.index([amd64, arm64])

        def mount(self, *options):
            self.m = remover(erasable, *options)
            return self.m.tags(place)

        def check(self, *tags):
            assert set(self.api.tags(place)) == set(tags)
            survives(self.api, place, {tag: self.everything[tag] for tag in tags})
    made = Child()
    made.api = api(erasable)
    made.everything = {"amd64": made.amd64, "multi": made.index, "again": made.amd64}
    erasable.push_all(place, {t: made.everything[t] for t in ("multi", "amd64")})
    return made


def test_the_tag_of_a_child_goes_alone(child, journal):
    tags = child.mount()
    run("rm", tags / "amd64")
    child.check("multi")
    removal, = journals.finished(journal)
    assert removal.before["action"] == "untag"


def test_its_index_goes_and_the_tagged_child_stays(child, place):
    tags = child.mount()
    run("rm", tags / "multi")
    child.check("amd64")
    assert not child.api.has(place, child.arm64.digest)


@pytest.mark.parametrize("order", [("amd64", "multi"), ("multi", "amd64")])
def test_both_go(child, place, order):
    tags = child.mount()
    for name in order:
        run("rm", tags / name)
    child.check()
    for image in (child.amd64, child.arm64, child.index):
        assert not child.api.has(place, image.digest)


def test_a_child_is_refused(child):
    tags = child.mount("shared=refuse")
    assert errno_of(os.unlink, tags / "amd64") == "EBUSY"
    child.check("amd64", "multi")
    run("rm", tags / "multi")  # nobody else holds the index
    child.check("amd64")


def test_all_names_of_a_child_never_harm_its_index(child, erasable, place):
    """shared=all is about names: an index is no name, and would be broken for good."""
    erasable.push(place, "again", child.amd64)
    tags = child.mount("shared=all")
    errno_of(os.unlink, tags / "amd64")
    assert child.api.digest(place, "multi") == child.index.digest
    child.api.whole(place, "multi")


# What others do meanwhile

def test_a_name_that_came_after_the_look(shared, walker):
    """Somebody gives the digest another name between the look and the removal: that name must not go with it."""
    tags = shared.mount()
    shared.api.delete(shared.repository, shared.other.digest)
    lonely = im.image(days_ago(70))
    shared.server.push(shared.repository, "other", lonely)
    looked = walker(tags / "other")
    lines("ls", "-l", tags)
    shared.server.push(shared.repository, "prod", lonely)
    assert looked.remove() == [""]
    assert shared.api.digest(shared.repository, "prod") == lonely.digest
    shared.api.whole(shared.repository, "prod")
    assert shared.api.digest(shared.repository, "other") is None


def test_an_index_that_came_after_the_look(shared, walker):
    tags = shared.mount()
    looked = walker(tags / "other")
    lines("ls", "-l", tags)
    late = im.index([shared.other])
    shared.server.push(shared.repository, "multi", late)
    assert looked.remove() == [""]
    survives(shared.api, shared.repository, {"multi": late})
    assert shared.api.digest(shared.repository, "other") is None


def test_a_name_that_came_while_others_went(shared, walker):
    """Many are removed in a row, and the list of tags is not asked for before each: but a while later it is."""
    one, two = (im.image(days_ago(days)) for days in (80, 70))
    shared.server.push_all(shared.repository, {"first": one, "second": two})
    tags = shared.mount()
    looked = walker(tags / "first"), walker(tags / "second")
    assert looked[0].remove() == [""]
    shared.server.push(shared.repository, "prod", two)
    time.sleep(2.5)  # the list counts for two seconds
    assert looked[1].remove() == [""]
    assert shared.api.digest(shared.repository, "prod") == two.digest
    shared.api.whole(shared.repository, "prod")
    assert shared.api.digest(shared.repository, "second") is None


def test_a_name_that_was_seen_to_move_here(shared):
    """Somebody rolls prod back to the image that is about to be removed, and the mount has been told."""
    shared.server.push(shared.repository, "prod", im.image(days_ago(1)))
    tags = shared.mount()
    lines("ls", "-l", tags)
    shared.server.push(shared.repository, "prod", shared.other)
    os.kill(shared.m.pid, signal.SIGHUP)
    wait_until(lambda: run("stat", "-c", "%h", tags / "prod") == "2\n", 20, "the mount sees it")
    run("rm", tags / "other")
    assert shared.api.digest(shared.repository, "prod") == shared.other.digest
    shared.api.whole(shared.repository, "prod")


def test_a_name_that_moves_here_unseen(shared):
    """The same, and nobody has told the mount: what the few others point to is asked anew before a digest goes."""
    shared.server.push(shared.repository, "prod", im.image(days_ago(1)))
    tags = shared.mount("ttl=600")
    lines("ls", "-l", tags)
    shared.server.push(shared.repository, "prod", shared.other)
    run("rm", tags / "other")
    assert shared.api.digest(shared.repository, "prod") == shared.other.digest
    shared.api.whole(shared.repository, "prod")
    assert shared.api.digest(shared.repository, "other") is None
