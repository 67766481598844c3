# SPDX-License-Identifier: MIT
"""What may not go: protect=, protect_from=, keep=, and the mode bits that say so beforehand."""
import os
import re
import signal
import stat

import pytest

from lib import images as im
from lib import journal as journals
from lib.ports import wait_until
from lib.removing import changes, delete_older, listed
from lib.shell import days_ago, errno_of, lines, run


def old(days=60, **more):
    return im.image(days_ago(days), **more)


@pytest.fixture
def stocked(fault):
    fault.settings(accept=True)
    fault.push_all("prod/app", {"v1": old(), "v2": old(), "latest": old()})
    fault.push_all("dev/app", {"v1": old(), "v2": old()})
    return fault


def modes(m, repository):
    return {tag: stat.S_IMODE((m.tags(repository) / tag).lstat().st_mode) for tag in os.listdir(m.tags(repository))}


def writable(m, *where):
    """What `-perm -u=w` selects, as REPOSITORY:TAG."""
    found = lines("find", m.dir, "-path", "*/_tags/*", "-perm", "-u=w", "-printf", "%P\n")
    return {path.replace("/_tags/", ":") for path in found}


def refused(said):
    """What find was told not to delete, as REPOSITORY:TAG; that the other views keep theirs goes without saying."""
    found = re.findall(r"mnt/(\S+)/_tags/(\S+?)['\u2019]: Operation not permitted", said)
    return {f"{repository}:{tag}" for repository, tag in found}


def test_modes_with_nothing_protected(stocked, remover):
    m = remover(stocked)
    assert set(modes(m, "prod/app").values()) == {0o644}
    assert not stat.S_IMODE((m / "prod/app/_configs/v1").stat().st_mode) & 0o222


def test_modes_without_allow_delete(stocked, mount):
    assert set(modes(mount(stocked), "prod/app").values()) == {0o444}


def test_modes_follow_umask(stocked, remover):
    assert set(modes(remover(stocked, "umask=077"), "prod/app").values()) == {0o600}


@pytest.mark.parametrize("patterns, kept", [
    (["prod/*:*"], {"prod/app:v1", "prod/app:v2", "prod/app:latest"}),
    (["*:latest"], {"prod/app:latest"}),
    (["*:v1", "*:latest"], {"prod/app:v1", "dev/app:v1", "prod/app:latest"}),
    (["prod/app:v[12]"], {"prod/app:v1", "prod/app:v2"}),
    (["*/app:v?"], {"prod/app:v1", "prod/app:v2", "dev/app:v1", "dev/app:v2"}),
    (["app:*"], set()),
])
def test_patterns(stocked, remover, journal, patterns, kept):
    everything = {"prod/app:v1", "prod/app:v2", "prod/app:latest", "dev/app:v1", "dev/app:v2"}
    m = remover(stocked, *(f"protect={p}" for p in patterns))
    assert writable(m) == everything - kept
    status, said = delete_older(m.dir)
    assert status == (1 if kept else 0)
    assert refused(said) == kept
    assert {f"{r}:{t}" for r in ("prod/app", "dev/app") for t in listed(m, r)} == kept
    assert {f"{r}:{t}" for r, t in journals.removed_tags(journal)} == everything - kept


def test_a_refusal_sends_nothing_and_says_why(stocked, remover):
    m = remover(stocked, "protect=prod/*:*")
    assert errno_of(os.unlink, m / "prod/app/_tags/v1") == "EPERM"
    assert changes(stocked) == []
    assert "prod/app" in m.log and "protect" in m.log


# protect_from

def test_by_tag(stocked, remover, tmp_path):
    names = tmp_path / "in-use"
    names.write_text("registry.example.com:5000/prod/app:v1 # the host does not matter\nprod/app\n")
    m = remover(stocked, f"protect_from={names}")
    assert writable(m) == {"prod/app:v2", "dev/app:v1", "dev/app:v2"}
    assert errno_of(os.unlink, m / "prod/app/_tags/v1") == "EPERM"
    assert errno_of(os.unlink, m / "prod/app/_tags/latest") == "EPERM"  # prod/app is prod/app:latest
    run("rm", m / "dev/app/_tags/v1", m / "prod/app/_tags/v2")


def test_by_digest(fault, remover, tmp_path):
    one, two = old(), old()
    fault.push_all("a", {"v1": one, "v1.0": one, "v2": two})
    fault.push_all("b", {"v1": one})
    names = tmp_path / "in-use"
    names.write_text(f"docker-pullable://reg.example/a@{one.digest}\n")
    m = remover(fault, f"protect_from={names}", "shared=all")
    assert errno_of(os.unlink, m / "a/_tags/v1") == "EPERM"
    assert errno_of(os.unlink, m / "a/_tags/v1.0") == "EPERM"
    run("rm", m / "a/_tags/v2")
    assert listed(m, "a") == {"v1", "v1.0"}
    assert writable(m) == {"b:v1"}


def test_by_a_digest_alone(fault, remover, tmp_path):
    """Of whatever repository; a config's digest is what docker calls an image's ID."""
    one, two, three = old(), old(), old()
    fault.push_all("a", {"v1": one, "v2": two, "v3": three})
    fault.push_all("b", {"v1": one})
    names = tmp_path / "in-use"
    names.write_text(f"{one.digest} {two.document['config']['digest']}\n")
    m = remover(fault, f"protect_from={names}")
    for path in ("a/_tags/v1", "b/_tags/v1", "a/_tags/v2"):
        assert errno_of(os.unlink, m.dir / path) == "EPERM"
    run("rm", m / "a/_tags/v3")


def test_an_index_by_its_child(fault, remover, tmp_path):
    """What runs is one platform's image; its index is in use as much."""
    children = [old(platform=f"linux/{a}") for a in ("amd64", "arm64")]
    fault.push_all("a", {"multi": im.index(children), "other": im.index([old()]), "child": children[1]})
    names = tmp_path / "in-use"
    names.write_text(f"reg.example/a@{children[0].digest}\n")
    m = remover(fault, f"protect_from={names}")
    assert errno_of(os.unlink, m / "a/_tags/multi") == "EPERM"
    assert writable(m) == {"a:other", "a:child"}
    run("rm", m / "a/_tags/other", m / "a/_tags/child")
    assert listed(m, "a") == {"multi"}


def test_an_index_by_a_child_that_runs_by_its_tag(fault, remover, tmp_path):
    """The tag that is in use names a child of the index."""
    child = old()
    fault.push_all("a", {"multi": im.index([child, old()]), "amd64": child})
    names = tmp_path / "in-use"
    names.write_text("a:amd64\n")
    m = remover(fault, f"protect_from={names}")
    assert errno_of(os.unlink, m / "a/_tags/amd64") == "EPERM"
    run("rm", m / "a/_tags/multi")  # that name is not in use, and the child keeps its own
    assert listed(m, "a") == {"amd64"}
    assert (m / "a/_tags/amd64").read_bytes() == child.data


def test_a_protected_child_stays_when_another_index_goes(fault, remover, api, tmp_path):
    child, other = old(), old()
    fault.push_all("a", {"one": im.index([child, other]), "two": old()})
    names = tmp_path / "in-use"
    names.write_text(f"a@{child.digest}")
    m = remover(fault, f"protect_from={names}")
    assert delete_older(m / "a")[0] == 1
    assert listed(m, "a") == {"one"}
    api(fault).whole("a", "one")


def test_a_manifest_by_its_digest(fault, remover, api, tmp_path):
    """rm _manifests/DIGEST of what nothing holds but what is in use."""
    loose = old()
    fault.push_all("a", [("v1", old()), (None, loose)])
    names = tmp_path / "in-use"
    names.write_text(f"reg.example/a@{loose.digest}\n")
    m = remover(fault, f"protect_from={names}")
    assert errno_of(os.unlink, m / "a/_manifests" / loose.digest) == "EPERM"
    assert api(fault).has("a", loose.digest)


def test_an_index_that_runs_without_a_tag(fault, remover, api, tmp_path):
    """Its tag has been rebuilt; what it shares with the rebuilt one stays."""
    common, mine = old(), old()
    runs, rebuilt = im.index([common, old()]), im.index([common, mine])
    fault.push_all("a", [("latest", rebuilt), (None, runs), ("v1", old())])
    names = tmp_path / "in-use"
    names.write_text(f"reg.example/a@{runs.digest}\n")
    m = remover(fault, f"protect_from={names}")
    run("rm", m / "a/_tags/latest")
    assert not api(fault).has("a", rebuilt.digest) and not api(fault).has("a", mine.digest)
    api(fault).whole("a", runs.digest)


def hup(m, condition, what):
    os.kill(m.pid, signal.SIGHUP)
    wait_until(condition, 20, what)


def test_read_again_on_sighup(stocked, remover, tmp_path):
    names = tmp_path / "in-use"
    names.write_text("prod/app:v1\n")
    m = remover(stocked, f"protect_from={names}")
    assert "prod/app:v1" not in writable(m)
    names.write_text("prod/app:v2\n")
    assert errno_of(os.unlink, m / "prod/app/_tags/v1") == "EPERM"  # not before it was told
    hup(m, lambda: "prod/app:v1" in writable(m), "the new file counts")
    assert "prod/app:v2" not in writable(m)
    assert errno_of(os.unlink, m / "prod/app/_tags/v2") == "EPERM"
    run("rm", m / "prod/app/_tags/v1")


@pytest.mark.parametrize("bad", [None, b"", b"\n# nothing\n", b"prod/app:v1\nNot A Reference:::\n", b"prod/app:\0v1\n"],
                         ids=["missing", "empty", "comments", "no-reference", "nul"])
def test_a_bad_file_changes_nothing(stocked, remover, tmp_path, bad):
    """A failed kubectl leaves nothing behind: that must not open the gate."""
    names = tmp_path / "in-use"
    names.write_text("prod/app:v1\n")
    m = remover(stocked, f"protect_from={names}")
    before = len(m.log)
    names.unlink() if bad is None else names.write_bytes(bad)
    hup(m, lambda: str(names) in m.log[before:], "it is said that the file is bad")
    assert errno_of(os.unlink, m / "prod/app/_tags/v1") == "EPERM"
    run("rm", m / "prod/app/_tags/v2")


# keep

def test_keep(fault, remover):
    fault.push_all("a", {f"v{i}": old(60 + i) for i in range(6)})
    fault.push_all("b", {"v1": old(99)})
    m = remover(fault, "keep=2")
    assert writable(m) == {f"a:v{i}" for i in range(2, 6)}
    status, said = delete_older(m.dir)
    assert status == 1 and refused(said) == {"a:v0", "a:v1", "b:v1"}
    assert listed(m, "a") == {"v0", "v1"} and listed(m, "b") == {"v1"}


def test_find_by_mode_keeps_them_without_an_error(fault, remover):
    fault.push_all("a", {f"v{i}": old(60 + i) for i in range(6)})
    m = remover(fault, "keep=2")
    run("find", m.dir, "-path", "*/_tags/*", "-mtime", "+30", "-perm", "-u=w", "-delete")
    assert listed(m, "a") == {"v0", "v1"}


def test_keep_goes_down_to_it_and_no_further(fault, remover):
    """The newest stay the newest, in whatever order the others go."""
    fault.push_all("a", {f"v{i}": old(60 + i) for i in range(8)})
    m = remover(fault, "keep=3")
    for i in (7, 3, 5, 4, 6):
        run("rm", m / f"a/_tags/v{i}")
    for i in range(3):
        assert errno_of(os.unlink, m / f"a/_tags/v{i}") == "EPERM"
    assert listed(m, "a") == {"v0", "v1", "v2"}


def test_undated_images_are_the_newest(fault, remover):
    fault.push_all("a", {"undated": im.image(), "epoch": im.image("1970-01-01T00:00:00Z"), "new": old(1), "old": old(2)})
    m = remover(fault, "keep=2", "undated=epoch")
    assert writable(m) == {"a:new", "a:old"}


def test_signatures_do_not_count(fault, remover):
    images = [old(60 + i) for i in range(4)]
    fault.push_all("a", {f"v{i}": image for i, image in enumerate(images)})
    fault.push_all("a", {im.signature_tag(i, s): im.signature() for i in images[:2] for s in (".sig", ".att", ".sbom")})
    m = remover(fault, "keep=2")
    found = writable(m)
    assert {f for f in found if ":v" in f} == {"a:v2", "a:v3"}
    assert delete_older(m / "a")[0] == 1
    assert {"v0", "v1"} <= listed(m, "a") and not {"v2", "v3"} & listed(m, "a")


def test_a_new_push_pushes_the_oldest_out(fault, remover):
    fault.push_all("a", {"v1": old(3), "v2": old(2)})
    m = remover(fault, "keep=2", "ttl=1")
    assert errno_of(os.unlink, m / "a/_tags/v1") == "EPERM"
    fault.push("a", "v3", old(1))
    wait_until(lambda: "v3" in listed(m, "a"), 20, "the new one is seen")
    wait_until(lambda: writable(m) == {"a:v1"}, 20, "the oldest may go")
    run("rm", m / "a/_tags/v1")
    assert listed(m, "a") == {"v2", "v3"}


def test_keep_where_a_date_is_not_to_be_had(fault, remover):
    """Who is the newest cannot be said: so nobody is known not to be, and nothing goes."""
    fault.push_all("a", {f"v{i}": old(60 + i) for i in range(4)})
    broken = old(9)
    fault.push("a", "broken", broken)
    fault.rule(kind="blob", reference=broken.document["config"]["digest"], status=500)
    m = remover(fault, "keep=1", "timeout=15")
    assert errno_of(os.unlink, m / "a/_tags/v3") not in ("",)
    assert changes(fault) == []


# With shared digests

def test_all_with_a_protected_sibling(fault, remover, api):
    """shared=all would take the protected name along: so it does not."""
    one = old()
    fault.push_all("a", {"v1": one, "prod": one, "v2": old()})
    m = remover(fault, "shared=all", "protect=a:prod")
    assert errno_of(os.unlink, m / "a/_tags/v1") in ("EPERM", "EBUSY")
    assert changes(fault) == []
    assert set(api(fault).tags("a")) == {"v1", "prod", "v2"}


def test_untag_with_a_protected_sibling(erasable, place, remover, api):
    one = old()
    erasable.push_all(place, {"v1": one, "prod": one})
    m = remover(erasable, f"protect={place}:prod")
    run("rm", m.tags(place) / "v1")
    assert api(erasable).tags(place) == {"prod": one.digest}
    api(erasable).whole(place, "prod")


def test_a_protected_signature_does_not_go_along(fault, remover, api):
    image = old()
    signature = im.signature_tag(image)
    fault.push_all("a", {"v1": image, signature: im.signature(), "v2": old()})
    m = remover(fault, f"protect=a:{signature}")
    errno_of(os.unlink, m / "a/_tags/v1")
    assert signature in api(fault).tags("a")
