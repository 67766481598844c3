# SPDX-License-Identifier: MIT
"""rm of a tag: what is sent, what is written down before, and a tag that moved since it was looked at."""
import calendar
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from lib import images as im
from lib import journal as journals
from lib.ports import wait_until
from lib.removing import changes, delete_older, from_regfs, listed, survives
from lib.shell import days_ago, end, errno_of, lines, run


def old():
    return im.image(days_ago(60))


@pytest.fixture
def one(fault):
    fault.images = {"v1": old(), "v2": old()}
    fault.push_all("team/app", fault.images)
    return fault


def hold(fault):
    """The request that removes v1 is not looked at before fault.release()."""
    fault.rule(method="DELETE", reference=fault.images["v1"].digest, hold="request", times=1)


def test_rm_on_every_registry(erasable, place, remover, api, journal):
    image, other = old(), old()
    erasable.push_all(place, {"v1": image, "v2": other})
    m = remover(erasable)
    run("rm", m.tags(place) / "v1")
    asking = api(erasable)
    assert asking.tags(place) == {"v2": other.digest}
    assert not asking.has(place, image.digest)
    asking.whole(place, "v2")
    assert listed(m, place) == {"v2"}


def test_what_is_written_down(one, remover, journal):
    m = remover(one)
    before = time.time()
    run("rm", m.tags("team/app") / "v1")
    removal, = journals.finished(journal)
    entry = removal.before
    assert entry["registry"].rstrip("/") == one.url and entry["repository"] == "team/app" and entry["tag"] == "v1"
    assert (entry["action"], entry["digest"]) == ("delete", one.images["v1"].digest)
    manifest, = entry["manifests"]
    image = one.images["v1"]
    assert manifest["mediaType"] == image.media_type and manifest["size"] == len(image.data)
    assert removal.manifests == {image.digest: image.data} and removal.outcome == "removed"
    assert entry["uid"] == os.getuid() and entry["command"] == "rm" and entry["pid"] > 1
    stamp = calendar.timegm(time.strptime(entry["time"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert before - 2 <= stamp <= time.time() + 2


def test_it_is_on_disk_before_it_is_sent(one, remover, journal):
    m = remover(one)
    hold(one)
    removing = subprocess.Popen(["rm", m.tags("team/app") / "v1"])
    try:
        one.wait_for(1, method="DELETE", reference=one.images["v1"].digest)
        removal, = journals.read(journal)
        assert removal.outcome is None and removal.manifests == {one.images["v1"].digest: one.images["v1"].data}
        assert removing.poll() is None  # rm answers when it is done, not before
        one.release()
        assert removing.wait(20) == 0
    finally:
        removing.kill()
        removing.wait()


def test_the_journal_is_nobody_else_s(one, remover, journal):
    m = remover(one)
    run("rm", m.tags("team/app") / "v1")
    for path in [journal, *journal.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_run_has_one_folder_and_two_mounts_have_two(one, remover, journal):
    first, second = remover(one), remover(one)
    run("rm", first.tags("team/app") / "v1")
    run("rm", second.tags("team/app") / "v2")
    assert len(journals.finished(journal)) == 2 and len(list(journal.glob("*/removals.jsonl"))) == 2


@pytest.mark.skipif(os.getuid() != 0, reason="a small disk is mounted for it")
def test_a_full_disk_removes_nothing(one, remover, journal, tmp_path):
    """Nothing is removed that is not written down."""
    journal.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", journal], check=True)
    try:
        m = remover(one)
        fill(journal)
        assert errno_of(os.unlink, m.tags("team/app") / "v1") not in ("", "ENOENT")
        assert changes(one) == []
        (journal / "fill").unlink()
        run("rm", m.tags("team/app") / "v1")
        removal, = [r for r in journals.finished(journal) if r.outcome == "removed"]
        assert removal.tag == "v1"
        m.close()
    finally:
        subprocess.run(["umount", "-l", journal], check=True)


def fill(folder):
    with open(folder / "fill", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


def test_no_request_beyond_check_and_delete(one, remover):
    """A tag of its own, after a walk: asked once more, deleted once."""
    m = remover(one)
    lines("find", m.dir, "-mtime", "+30")
    one.reset()
    run("rm", m.tags("team/app") / "v1")
    asked = from_regfs(one.requests())
    assert changes(one) == [("DELETE", "team/app", one.images["v1"].digest)]
    # The first of many: it is tried out whether deletes work, the tags are listed anew, and what both point to is asked.
    assert len(asked) <= 6, [(r["method"], r["reference"]) for r in asked]
    assert [r["method"] for r in asked if r["reference"] == "v1"][-1] == "GET"


# A tag that moves

@pytest.fixture
def moving(one, remover):
    one.new = im.image(days_ago(1))
    one.mounted = remover(one, "ttl=600")
    one.tag = one.mounted.tags("team/app") / "v1"
    lines("ls", "-l", one.tag.parent)
    return one


def stays(moving, api):
    assert changes(moving) == []
    survives(api(moving), "team/app", {"v1": moving.new, "v2": moving.images["v2"]})


def test_a_push_between_look_and_rm(moving, walker, api, journal):
    looked = walker(moving.tag)
    moving.push("team/app", "v1", moving.new)
    assert looked.remove() == ["ESTALE"]
    stays(moving, api)
    assert journals.removed_tags(journal) == set()


def test_who_tries_again_blindly_is_told_again(moving, walker, api):
    """Nobody has looked since: what it would remove is still not what it saw."""
    looked = walker(moving.tag)
    moving.push("team/app", "v1", moving.new)
    assert looked.remove() == ["ESTALE"]
    assert looked.remove() == ["ESTALE"]
    stays(moving, api)


def test_somebody_else_s_look_does_not_count(moving, walker, api):
    looked = walker(moving.tag)
    moving.push("team/app", "v1", moving.new)
    os.kill(moving.mounted.pid, signal.SIGHUP)
    see(moving)
    assert looked.remove() == ["ESTALE"]
    stays(moving, api)


def see(moving):
    """Another process looks until it has seen the new image."""
    script = "import os, sys, time\nwhile os.stat(sys.argv[1]).st_mtime < float(sys.argv[2]): time.sleep(0.05)"
    subprocess.run([sys.executable, "-c", script, moving.tag, str(time.time() - 3 * 86400)], check=True, timeout=30)


def test_who_has_seen_the_new_one_may_remove_it(moving, api):
    moving.push("team/app", "v1", moving.new)
    os.kill(moving.mounted.pid, signal.SIGHUP)
    see(moving)
    run("rm", moving.tag)
    assert set(api(moving).tags("team/app")) == {"v2"}


def test_a_program_that_starts_later_means_the_new_one(moving, walker, api):
    """The first is told that it is stale; a person then looks, and removes what is there now."""
    looked = walker(moving.tag)
    moving.push("team/app", "v1", moving.new)
    assert looked.remove() == ["ESTALE"]
    see(moving)
    run("rm", moving.tag)
    assert set(api(moving).tags("team/app")) == {"v2"}


def test_find_delete_with_a_push_in_the_middle(fault, remover, api):
    """find has looked at all, and is held up at the first removal; a tag that it has yet to remove moves."""
    images = {f"v{i}": old() for i in range(20)}
    fault.push_all("team/app", images)
    m = remover(fault, "ttl=600")
    rule = fault.rule(method="DELETE", reference=images["v0"].digest, hold="request")
    walk = subprocess.Popen(["find", m.tags("team/app"), "-mtime", "+30", "-delete"], stderr=subprocess.PIPE, text=True)
    try:
        fault.wait_for(1, method="DELETE", reference=images["v0"].digest)
        moved, new = next(reversed(fault.show("team/app")["tags"])), im.image(days_ago(1))
        fault.push("team/app", moved, new)
        fault.forget(rule)
        fault.release()
        _, said = walk.communicate(timeout=60)
    finally:
        end(walk)
    # find looks at each before it removes it: either its look or the removal finds out.
    assert set(api(fault).tags("team/app")) == {moved}
    assert api(fault).digest("team/app", moved) == new.digest
    assert walk.returncode in (0, 1) and said.count("Stale file handle") <= 1


def test_what_is_listed_by_a_script(moving, api):
    """find prints, somebody pushes, rm removes: rm is a new program, and knows only the name. What the mount has shown
    counts."""
    paths = lines("find", moving.tag.parent, "-mtime", "+30")
    assert str(moving.tag) in paths
    moving.push("team/app", "v1", moving.new)
    done = run("rm", moving.tag, check=False)
    assert done.returncode == 1 and "Stale file handle" in done.stderr
    stays(moving, api)


def test_a_tag_that_comes_again(erasable, place, remover, api):
    image = old()
    erasable.push(place, "v1", image)
    m = remover(erasable, "ttl=1")
    run("rm", m.tags(place) / "v1")
    new = im.image(days_ago(1))
    erasable.push(place, "v1", new)
    assert api(erasable).digest(place, "v1") == new.digest
    wait_until(lambda: listed(m, place) == {"v1"}, 20, "the tag is there again")
    assert (m.tags(place) / "v1").read_bytes() == new.data


def test_a_push_while_its_delete_is_under_way(one, remover, api):
    """After the check, before the request has got there: the new image is not what goes."""
    new = im.image(days_ago(1))
    m = remover(one)
    hold(one)
    removing = subprocess.Popen(["rm", m.tags("team/app") / "v1"], stderr=subprocess.PIPE)
    try:
        one.wait_for(1, method="DELETE", reference=one.images["v1"].digest)
        one.push("team/app", "v1", new)
        one.release()
        removing.communicate(timeout=30)
    finally:
        end(removing)
    survives(api(one), "team/app", {"v1": new, "v2": one.images["v2"]})


def test_it_went_meanwhile(moving, walker, api, journal):
    looked = walker(moving.tag)
    moving.untag("team/app", "v1")
    assert looked.remove() == ["ENOENT"]
    assert changes(moving) == [] and journals.read(journal) == []
    assert listed(moving.mounted, "team/app") == {"v2"}


def test_a_hung_listing_of_another_repository_does_not_matter(one, remover):
    one.push("other", "v1", old())
    m = remover(one)
    one.rule(repository="other", hang="request")
    run("rm", m.tags("team/app") / "v1")
    assert listed(m, "team/app") == {"v2"}


def test_interrupted_rm(one, remover, api, journal):
    """Ctrl-C frees the caller; what was under way comes to its end, and the journal says which."""
    m = remover(one)
    hold(one)
    removing = subprocess.Popen(["rm", m.tags("team/app") / "v1"])
    try:
        one.wait_for(1, method="DELETE", reference=one.images["v1"].digest)
        removing.send_signal(signal.SIGINT)
        removing.wait(20)
        one.release()
    finally:
        removing.kill()
        removing.wait()
    removal, = journals.finished(journal)
    assert (removal.outcome == "removed") == ("v1" not in api(one).tags("team/app"))
    assert "v1" not in listed(m, "team/app") or removal.outcome == "kept"


def test_unmounting_waits_for_what_is_under_way(one, remover, api, journal):
    m = remover(one)
    one.rule(method="DELETE", reference=one.images["v1"].digest, delay=1.5)
    removing = subprocess.Popen(["rm", m.tags("team/app") / "v1"], stderr=subprocess.DEVNULL)
    try:
        one.wait_for(1, method="DELETE", reference=one.images["v1"].digest)
        os.kill(m.pid, signal.SIGTERM)
        assert m.reap() == 0
    finally:
        end(removing)
    removal, = journals.read(journal)
    assert removal.outcome == "removed" and set(api(one).tags("team/app")) == {"v2"}


def test_deep_and_odd_names(fault, remover, api):
    fault.push_all("a-b/c_d/e.f/g__h", {"_x": old(), "A" * 128: old(), "1.0_b-c": old(), "_tags": old()})
    m = remover(fault)
    assert delete_older(m.dir) == (0, "")
    assert api(fault).tags("a-b/c_d/e.f/g__h") == {}


def test_a_prefix(fault, remover, api, journal):
    """The mount shows a part of the registry; the journal knows the whole name."""
    fault.push_all("team/app/web", {"v1": old(), "v2": old()})
    m = remover(fault.url + "/team/app")
    run("rm", m / "web/_tags/v1")
    assert set(api(fault).tags("team/app/web")) == {"v2"}
    removal, = journals.finished(journal)
    text = json.dumps(removal.before)
    assert "team/app" in text and removal.before["repository"].endswith("web")
