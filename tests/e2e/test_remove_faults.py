# SPDX-License-Identifier: MIT
"""A removal is cut off at each of its requests, and regfs is killed at each: nothing else is harmed, nothing is gone
that the journal does not hold, and regfs-undelete brings it back.

Each case is run once for each request that the removal has, so none is left out; many at a time, since most of it is
waiting.
"""
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from lib import images as im
from lib import journal as journals
from lib import mounts
from lib.fault import FaultRegistry
from lib.registry_api import Api
from lib.removing import agree, from_regfs, survives, undelete
from lib.shell import days_ago, end, lines, run

pytestmark = pytest.mark.thorough

REPOSITORY = "team/app"
AT_A_TIME = 8


def old(**more):
    return im.image(days_ago(60), **more)


def plain():
    return {"v1": old()}


def untagged():
    """A name of two, a name of three: on distribution 2 by a placeholder."""
    image = old()
    return {"v1": image, "v1.0": image, "latest": image}


def child():
    """Its index holds it as well."""
    image = old()
    return {"v1": image, "multi": im.index([image, old()])}


def cascade():
    """An index with two children, one of which is another index's too, with signatures and an artifact."""
    common, own = old(), old()
    index = im.index([own, common, im.attestation(own)])
    sbom = im.artifact(subject=own)
    return {"v1": index, "other": im.index([common, old()]), im.signature_tag(index): im.signature(),
            im.signature_tag(own): im.signature(), im.signature_tag(own, ""): im.index([sbom]),
            im.signature_tag(common): im.signature()}


def all_names():
    image = old()
    return {"v1": image, "v1.0": image, "other": old()}


CASES = {  # what there is, settings of the registry, options of the mount
    "plain": (plain, {}, ()),
    "plain-zot": (plain, {"like": "zot", "referrers": True}, ()),
    "untag-by-placeholder": (untagged, {}, ()),
    "untag": (untagged, {"like": "distribution-3"}, ()),
    "untag-zot": (untagged, {"like": "zot", "referrers": True}, ()),
    "child-by-placeholder": (child, {}, ()),
    "child": (child, {"like": "distribution-3"}, ()),
    "cascade": (cascade, {}, ()),
    "cascade-zot": (cascade, {"like": "zot", "referrers": True}, ()),
    "cascade-gcr": (cascade, {"like": "gcr"}, ()),
    "all-names": (all_names, {}, ("shared=all",)),
}


class Scene:
    """A registry of its own, a mount that has walked over it, and `rm v1` to come."""

    def __init__(self, folder, make, settings, options, patience):
        """patience: the mount's timeout. Many of these run at a time: as long as can be, unless a test waits for it."""
        self.folder, self.journal = folder, folder / "journal"
        folder.mkdir()
        self.fault = FaultRegistry()
        try:
            self.fault.settings(**settings)
            self.tags = make()
            self.bystander = old()
            self.fault.push_all(REPOSITORY, {**self.tags, "bystander": self.bystander})
            self.fault.push_all("elsewhere", self.tags)
            self.before = {name: self.fault.show(name) for name in (REPOSITORY, "elsewhere")}
            self.m = mounts.Mount(self.fault.url, folder, (
                "allow_delete", f"journal={self.journal}", f"timeout={patience}", *options))
        except BaseException:
            self.fault.stop()
            raise
        self.path = self.m.tags(REPOSITORY) / "v1"
        lines("find", self.m.dir, "-mtime", "+30")
        self.fault.quiet(0.2)
        self.fault.reset()

    def steps(self):
        return from_regfs(self.fault.requests())

    def may_go(self):
        """Tags that a removal of v1 takes along: those of its digest, if that is asked for, and what hangs from it."""
        return {tag for r in journals.read(self.journal) for tag in r.tags}

    def check(self):
        """Whatever became of v1: nothing that the journal does not hold is gone, and nobody else is harmed."""
        self.fault.forget()
        assert self.fault.show("elsewhere") == self.before["elsewhere"]
        now, written = self.fault.show(REPOSITORY), journals.manifests(self.journal)
        missing = set(self.before[REPOSITORY]["manifests"]) - set(now["manifests"])
        assert missing <= set(written), "a manifest is gone that the journal does not hold"
        api = Api(self.fault)
        agree(api, self.journal, {REPOSITORY: self.before[REPOSITORY]["tags"]})
        others = {t: i for t, i in {**self.tags, "bystander": self.bystander}.items() if t not in self.may_go() | {"v1"}}
        survives(api, REPOSITORY, others)
        api.close()

    def check_outcome(self):
        """The journal's last word of each name, where there is one, is true: what was tried in vain may be tried again."""
        now = self.fault.show(REPOSITORY)
        for removal in {r.tag: r for r in journals.read(self.journal)}.values():
            there = now["tags"].get(removal.tag) == removal.before["digest"]
            if removal.outcome in ("removed", "partly"):
                assert removal.tag not in now["tags"]
            elif removal.outcome == "kept":
                assert there, f"the journal says kept, but {removal.tag} is {now['tags'].get(removal.tag)}"
            elif not there:
                assert removal.outcome in (None, "unknown")

    def restore(self):
        status, said = undelete(self.journal) if journals.read(self.journal) else (0, "")
        assert status == 0, said
        now = self.fault.show(REPOSITORY)
        assert now["tags"] == self.before[REPOSITORY]["tags"], said
        assert set(self.before[REPOSITORY]["manifests"]) <= set(now["manifests"])

    def close(self, killed=False):
        try:
            self.fault.forget()
            self.fault.release()
            if killed:
                subprocess.run(["fusermount3", "-uqz", str(self.m.dir)], capture_output=True)
                self.m.status = 0  # it was killed on purpose
            self.m.close()
        finally:
            self.fault.stop()


@contextmanager
def scene(folder, name, killed=False, effect=()):
    made = Scene(folder, *CASES[name], 3 if "hang" in effect and not killed else 15)
    try:
        yield made
    finally:
        made.close(killed)


def at_each_request(folder, name, once, killed=False, effect=()):
    """once(scene, k) for each request that the removal has; effect: what befalls it."""
    with scene(folder / "whole", name) as s:
        run("rm", s.path)
        count = len(s.steps())
    assert 3 <= count <= 40, count

    def attempt(k):
        with scene(folder / str(k), name, killed, effect) as s:
            once(s, k)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        tried = {k: pool.submit(attempt, k) for k in range(1, count + 1)}
    failed = {k: t.exception() for k, t in tried.items() if t.exception()}
    for k, error in failed.items():
        raise AssertionError(f"request {k} of {count}; failed in all: {sorted(failed)}") from error


ONCE = {
    "before": {"times": 1, "reset": True},
    "after": {"times": 1, "do": True, "reset": True},
}
SLOW = {  # these take their time, so not every case has them
    "500-after": {"times": 1, "do": True, "status": 500},
    "all-before": {"reset": True},
    "all-after": {"do": True, "reset": True},
    "all-500": {"status": 500},
    "all-403": {"status": 403},
    "hang-after": {"times": 1, "do": True, "hang": "request"},
}
CUTS = {**ONCE, **SLOW}
PAIRS = [(name, cut) for name in CASES for cut in ONCE] + [
    pytest.param(name, cut, marks=pytest.mark.huge) for name in ("plain", "untag-by-placeholder", "untag", "cascade")
    for cut in SLOW]


@pytest.mark.parametrize("name, cut", PAIRS)
def test_a_cut_at_each_request(tmp_path, name, cut):
    def once(s, k):
        s.fault.rule(after=k - 1, **CUTS[cut])
        done = run("rm", s.path, check=False)
        assert len(s.steps()) >= k
        s.fault.forget()
        journals.finished(s.journal)
        s.check()
        s.check_outcome()
        if done.returncode == 0:
            assert "v1" not in s.fault.show(REPOSITORY)["tags"], "rm says that it went"
        s.restore()
    at_each_request(tmp_path, name, once, effect=CUTS[cut])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", CASES)
def test_a_kill_at_each_request(tmp_path, name, moment):
    def once(s, k):
        s.fault.rule(nth=k, hang="request", do=moment == "after")
        removing = subprocess.Popen(["rm", s.path], stderr=subprocess.DEVNULL)
        try:
            assert wait_for_step(s, k, removing)
            os.kill(s.m.pid, signal.SIGKILL)
            s.m.reap()
            removing.wait(20)
        finally:
            end(removing)
        s.check()
        s.check_outcome()
        s.restore()
    at_each_request(tmp_path, name, once, killed=True)


def wait_for_step(s, k, removing):
    """Until request k has come, or the removal is over without it."""
    while removing.poll() is None and len(s.steps()) < k:
        try:
            removing.wait(0.02)
        except subprocess.TimeoutExpired:
            pass
    return len(s.steps()) >= k


# The put-back of an untag by a placeholder

def placeholder_steps(s):
    """The requests by which a name went: a PUT over it, a DELETE of what was put."""
    return [(r["method"], r["by"]) for r in s.steps() if r["method"] in ("PUT", "DELETE")]


def test_the_steps_of_an_untag(tmp_path):
    with scene(tmp_path / "s", "untag-by-placeholder") as s:
        run("rm", s.path)
        steps = placeholder_steps(s)
        put = steps.index(("PUT", "tag"))
        assert ("DELETE", "digest") in steps[:put], "deletes are tried out before anything is put over the tag"
        assert steps[put + 1:] == [("DELETE", "digest")]
        assert s.fault.show(REPOSITORY)["manifests"] == s.before[REPOSITORY]["manifests"]


@pytest.mark.parametrize("effect", [{"status": 405}, {"status": 403}, {"status": 500}, {"reset": True}, {"hang": "request"}],
                         ids=["405", "403", "500", "reset", "hang"])
def test_the_original_is_put_back(tmp_path, effect):
    """Deletes worked when they were tried out, and do not any more when the placeholder is to go."""
    with scene(tmp_path / "s", "untag-by-placeholder", effect=effect) as s:
        image = s.tags["v1"]
        placeholder_goes = {"method": "DELETE", "reference": "(?!sha256:" + "(ab)+$).*"}
        hold = s.fault.rule(method="PUT", by="tag", hold="answer", times=1)
        removing = subprocess.Popen(["rm", s.path], stderr=subprocess.PIPE, text=True)
        try:
            s.fault.wait_for(1, method="PUT", by="tag")
            s.fault.rule(**placeholder_goes, **effect)
            s.fault.forget(hold)
            s.fault.release()
            _, said = removing.communicate(timeout=60)
        finally:
            end(removing)
        assert removing.returncode == 1, said
        s.fault.forget()
        assert s.fault.show(REPOSITORY)["tags"] == s.before[REPOSITORY]["tags"]
        removal, = journals.finished(s.journal)
        assert removal.outcome == "kept"
        s.check()
        assert s.path.read_bytes() == image.data


def test_a_put_that_lies(tmp_path):
    """Answered 201, and the tag is what it was: the digest must not be deleted for that."""
    with scene(tmp_path / "s", "untag-by-placeholder") as s:
        s.fault.rule(method="PUT", by="tag", do=False)
        run("rm", s.path, check=False)
        s.check()
        now = s.fault.show(REPOSITORY)["tags"]
        assert {t: now[t] for t in ("v1.0", "latest")} == dict.fromkeys(("v1.0", "latest"), s.tags["v1"].digest)


def test_somebody_pushes_over_the_placeholder(tmp_path):
    """Between the two steps a new image comes: it stays, and no original is put over it."""
    with scene(tmp_path / "s", "untag-by-placeholder") as s:
        new = im.image(days_ago(1))
        hold = s.fault.rule(method="PUT", by="tag", hold="answer", times=1)
        removing = subprocess.Popen(["rm", s.path], stderr=subprocess.PIPE, text=True)
        try:
            s.fault.wait_for(1, method="PUT", by="tag")
            s.fault.push(REPOSITORY, "v1", new)
            s.fault.forget(hold)
            s.fault.release()
            removing.communicate(timeout=60)
        finally:
            end(removing)
        assert s.fault.show(REPOSITORY)["tags"]["v1"] == new.digest


def test_somebody_pushes_before_the_original_is_put_back(tmp_path):
    with scene(tmp_path / "s", "untag-by-placeholder") as s:
        new = im.image(days_ago(1))
        probes = 2  # whether deletes work, and whether by tag; what comes then is the placeholder's
        s.fault.rule(method="DELETE", after=probes, times=1, hold="request", status=403)
        removing = subprocess.Popen(["rm", s.path], stderr=subprocess.PIPE, text=True)
        try:
            s.fault.wait_for(probes + 1, method="DELETE")
            s.fault.push(REPOSITORY, "v1", new)
            s.fault.release()
            removing.communicate(timeout=60)
        finally:
            end(removing)
        assert s.fault.show(REPOSITORY)["tags"]["v1"] == new.digest


# The cascade

def test_what_could_not_go_along_is_named(tmp_path):
    """The image goes; a child that the registry will not remove stays, and the journal and the log say so."""
    with scene(tmp_path / "s", "cascade") as s:
        own = s.tags["v1"].children[0]
        s.fault.rule(method="DELETE", reference=own.digest, status=500)
        run("rm", s.path, check=False)
        removal, = journals.finished(s.journal)
        s.check()
        assert "v1" not in s.fault.show(REPOSITORY)["tags"]
        assert removal.outcome == "partly" and own.digest in removal.after["left"]
        assert own.digest in s.m.log


def test_parents_go_first(tmp_path):
    with scene(tmp_path / "s", "cascade") as s:
        index = s.tags["v1"]
        run("rm", s.path)
        order = [r["reference"] for r in s.steps() if r["method"] == "DELETE" and r["done"]]
        assert order.index(index.digest) < min(order.index(c.digest) for c in index.children if c.digest in order)
        for subject in (index, index.children[0]):
            signature = s.tags[im.signature_tag(subject)]
            assert order.index(subject.digest) < order.index(signature.digest)
