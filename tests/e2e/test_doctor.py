# SPDX-License-Identifier: MIT
"""regfs doctor: what it says of registries that are known, and that it leaves them as they were."""
import itertools
import json
import subprocess
from pathlib import Path

import pytest

from lib import images as im
from lib import mounts, servers
from lib.ports import free_port
from lib.shell import days_ago

_serial = itertools.count()

# What each of them does, found by hand.
MANNERS = {
    "distribution-2": {"tags": "none", "delete_tag": "no", "referrers": "no"},
    "distribution-3": {"tags": "link", "delete_tag": "yes", "referrers": "no"},
    "zot": {"tags": "link", "delete_tag": "yes", "referrers": "yes"},
    "crane": {"tags": "last", "delete_tag": "yes", "referrers": "no"},
}


@pytest.fixture
def doctor(tmp_path):
    """doctor(SOURCE, *OPTIONS): its exit status, its report, and what it complained of."""
    def ask(source, *options, env=None):
        done = subprocess.run([mounts.program(), "doctor", *options, source], capture_output=True, text=True,
                              timeout=120, env=mounts.environment(tmp_path, **(env or {})))
        reports = list(tmp_path.glob("sanitizer*"))
        assert not reports, reports[0].read_text()
        return done.returncode, done.stdout, done.stderr

    def ask_json(source, *options, **more):
        status, out, err = ask(source, "--json", *options, **more)
        return status, json.loads(out), err
    ask.json = ask_json
    return ask


@pytest.fixture
def one(fault):
    fault.push("a/b", "v1", im.image(days_ago(40)))
    fault.push("a/b", "v2", im.image(days_ago(30)))
    return fault


def means(report, part="mounting"):
    return " / ".join(report[part]["means"])


def test_real_registries(real, doctor):
    repository = f"doctor/r{next(_serial)}"
    real.push(repository, "one", im.image(days_ago(3)))
    real.push(repository, "two", im.index([im.image(days_ago(2))]))
    status, report, err = doctor.json(real.url, f"--repository={repository}", "--push")
    assert (status, err) == (0, "")
    assert report["answers"]["can"] == report["mounting"]["can"] == report["removing"]["can"] == "yes"
    assert not report["login"]["wanted"]
    for what in ("catalog", "tags", "manifest", "head", "blobs", "delete", "push"):
        assert report[what]["can"] == "yes", what
    assert report["manifest"]["digest_right"] and report["blobs"]["ranges"]
    manners = MANNERS[real.name]
    assert {"tags": report["tags"]["paging"], "delete_tag": report["delete_tag"]["can"],
            "referrers": report["referrers"]["can"]} == manners
    status, page, err = doctor(real.url, f"--repository={repository}", "--push")
    assert (status, err) == (0, "")
    assert page.startswith(real.url + "\n") and repository in page
    lines = report["mounting"]["means"] + report["removing"]["means"]
    if real.name == "crane":
        # Its catalog knows no `last` and has a new order each time: whether a second page repeats the first is chance.
        lines = [line for line in lines if "its catalog cannot be paged" not in line]
    assert [line for line in lines if line not in page] == []


def members(value):
    for name, below in value.items() if isinstance(value, dict) else ():
        yield name
        yield from members(below)


def test_every_member_is_documented(one, doctor):
    one.access("bearer", user="joe", password="s3cr3t")
    one.rule(kind="ping", headers={"RateLimit-Limit": "9", "X-JFrog-Version": "7"})
    _, report, _ = doctor.json(one.url, "--push", env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    manual = (Path(__file__).parents[2] / "fs" / "regfs.1").read_text().replace(",", " ").split()
    assert [name for name in members(report) if name not in manual] == []


def everything(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", [servers.Distribution2, servers.Distribution3], ids=lambda k: k.name)
def test_leaves_all_as_it_was(own_server, doctor, kind):
    server = own_server(kind)
    server.push("a", "v1", im.image(days_ago(3)))
    before = everything(server.storage)
    assert doctor(server.url)[0] == 0
    assert everything(server.storage) == before


def test_asks_little(one, doctor):
    one.reset()
    assert doctor(one.url)[0] == 0
    assert len(one.requests()) < 25
    one.reset()
    assert doctor(one.url, "--read-only")[0] == 0
    assert one.changes() == [] and one.requests()


def test_finds_a_repository(one, doctor):
    """The first with a tag, below the prefix if there is one."""
    one.empty_repository("a/a")
    one.push("z", "v9", im.image(days_ago(1)))
    for source, repository in ((one.url, "a/b"), (one.url + "/z", "z"), (one.url + "/a", "a/b")):
        assert doctor.json(source)[1]["repository"] == repository
    status, report, _ = doctor.json(one.url, "--repository=a/none")
    assert status == 1 and report["mounting"]["can"] == "no" and "a/none" in means(report)


class Undeletable(servers.Distribution2):
    def config(self):
        config = super().config()
        config["storage"]["delete"]["enabled"] = False
        return config


class ReadOnly(servers.Distribution2):
    read_only = False

    def config(self):
        config = super().config()
        if self.read_only:
            config["storage"]["maintenance"] = {"readonly": {"enabled": True}}
        return config


def test_deletes_are_off(own_server, doctor):
    server = own_server(Undeletable)
    server.push("a", "v1", im.image(days_ago(3)))
    status, report, _ = doctor.json(server.url)
    assert status == 0 and report["delete"]["can"] == report["removing"]["can"] == "no"
    assert "REGISTRY_STORAGE_DELETE_ENABLED" in means(report, "removing")


def test_read_only(own_server, doctor):
    server = own_server(ReadOnly)
    server.push("a", "v1", im.image(days_ago(3)))
    server.stop()
    server.read_only = True
    server.start()
    status, report, _ = doctor.json(server.url, "--push")
    assert status == 0 and report["push"]["can"] == report["delete"]["can"] == report["removing"]["can"] == "no"
    assert "read-only" in means(report, "removing")


def test_login(own_server, doctor):
    server = own_server(servers.Distribution2, user="joe", password="s3cr3t")
    server.push("a", "v1", im.image(days_ago(3)))
    good, bad = ({"REGFS_USER": "joe", "REGFS_PASSWORD": word} for word in ("s3cr3t", "wr0ng-word"))
    status, report, _ = doctor.json(server.url, env=good)
    assert status == 0 and report["login"]["schemes"] == ["basic"] and report["login"]["accepted"]
    for env in (bad, {}):
        status, out, err = doctor(server.url, "--json", env=env)
        report = json.loads(out)
        assert status == 1 and not report["login"]["accepted"] and report["answers"]["status"] == 401
        assert "wr0ng-word" not in out + err
        assert means(report).count("log in with") == 1


def test_no_login_where_that_is_not_lacking(one, doctor):
    one.rule(kind="ping", status=400, type="text/html", body=b"No required SSL certificate was sent")
    status, report, _ = doctor.json(one.url)
    assert status == 1 and "-o cert=FILE" in means(report) and "log in" not in means(report)


def test_token_server(one, doctor):
    one.access("bearer", user="joe", password="s3cr3t")
    status, report, _ = doctor.json(one.url, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert status == 0 and report["login"]["schemes"] == ["bearer"] and report["login"]["realm"].startswith("http")


def test_nobody_there(doctor):
    status, report, _ = doctor.json(f"http://127.0.0.1:{free_port()}")
    assert status == 1 and report["mounting"]["can"] == "no"
    assert "login" not in report and "connect" in means(report)


@pytest.mark.parametrize("answer, word", [(401, "HTTP 401"), (403, "HTTP 403"), (404, "no catalog"), (405, "no catalog")])
def test_no_catalog(one, doctor, answer, word):
    one.rule(kind="catalog", status=answer)
    status, report, _ = doctor.json(one.url, "--repository=a/b")
    assert status == 0 and report["catalog"]["can"] == "no" and report["mounting"]["can"] == "yes"
    assert "repos_from" in means(report) and word in means(report)
    status, report, _ = doctor.json(one.url)
    assert report["mounting"]["can"] == "unknown" and "--repository" in means(report)


@pytest.mark.parametrize("rule, paging", [
    ({"link": "none"}, "last"), ({"ignore_n": True}, "none"), ({"link": "none", "ignore_last": True}, "broken")])
def test_paging(one, doctor, rule, paging):
    one.push("a/c", "v1", im.image(days_ago(4)))
    one.rule(kind="catalog", **rule)
    one.rule(kind="tags", **rule)
    _, report, _ = doctor.json(one.url, "--repository=a/b")
    assert (report["catalog"]["paging"], report["tags"]["paging"]) == (paging, paging)


def test_what_lies(one, doctor):
    one.rule(kind="manifest", method="GET", digest="sha256:" + "0" * 64)
    one.rule(kind="manifest", method="HEAD", digest="")
    one.rule(kind="blob", ignore_range=True)
    _, report, _ = doctor.json(one.url)
    assert report["manifest"] == {"can": "yes", "index": False, "digest": True, "digest_right": False}
    assert not report["head"]["digest"] and not report["blobs"]["ranges"]
    assert "EBADMSG" in means(report)


def test_blobs_from_elsewhere(one, doctor):
    one.access("basic", user="joe", password="s3cr3t")
    one.rule(kind="blob", listener="main", redirect="other")
    status, report, _ = doctor.json(one.url, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert status == 0 and report["blobs"]["origin"] == f"http://{one.other}"
    assert one.other in means(report)
    assert {r["authorization"] for r in one.requests(listener="other")} == {""}


def test_no_user_of_a_redirect_is_told(one, doctor):
    """A signed address may name one, with its password."""
    one.rule(kind="blob", listener="main", status=307, headers={"Location": f"http://key:hidden@{one.other}/x?sig=hidden"})
    for ask in doctor, doctor.json:
        _, report, err = ask(one.url, "-d") if ask is doctor else ask(one.url)
        assert f"http://{one.other}" in str(report) and "hidden" not in str(report) + err


@pytest.mark.parametrize("kind, body", [("catalog", b"<html>"), ("tags", b"{}"), ("tags", b"[" * 100000),
                                        ("manifest", b"<html>"), ("manifest", b"[{" * 5000)],
                         ids=["catalog", "tags", "deep", "manifest", "deep-manifest"])
def test_what_is_no_answer(one, doctor, kind, body):
    one.rule(kind=kind, status=200, body=body)
    _, report, _ = doctor.json(one.url)
    assert report[kind]["can"] != "yes" and report[kind]["message"]
    assert report[kind]["message"] in means(report)


@pytest.mark.parametrize("seconds, member, word", [(-3600, "behind_milliseconds", "behind"),
                                                   (3600, "ahead_milliseconds", "ahead")])
def test_clock(one, doctor, seconds, member, word):
    one.rule(kind="ping", clock=seconds)
    _, report, _ = doctor.json(one.url)
    assert abs(report[member] - 3600000) < 120000 and word in means(report)


def test_clock_of_a_slow_registry(one, doctor):
    """Its date is that of the question, which came long before the answer."""
    one.rule(kind="ping", after=1, delay=5, clock=0)
    _, report, _ = doctor.json(one.url)
    assert report.get("ahead_milliseconds", 0) == report.get("behind_milliseconds", 0) == 0 and "clock" not in means(report)


def test_limits(one, doctor):
    one.rule(kind="ping", headers={"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"})
    _, report, _ = doctor.json(one.url)
    assert report["limit"] == {"limit": "100;w=21600", "remaining": "76;w=21600"} and "76;w=21600 left" in means(report)


def test_terminal(one, doctor):
    """What a registry says of itself is made fit to be shown."""
    one.rule(kind="ping", headers={"Server": "evil\x1b[31m"})
    _, page, _ = doctor(one.url)
    assert "evil" in page and "\x1b" not in page


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--repository=Upper", "http://127.0.0.1:1"],
                                       ["http://127.0.0.1:1", "/mnt"]])
def test_usage(tmp_path, arguments):
    done = subprocess.run([mounts.program(), "doctor", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.count("\n") == 1


def test_only_of_the_doctor(tmp_path):
    done = subprocess.run([mounts.program(), "--json", "http://127.0.0.1:1", tmp_path], capture_output=True, text=True)
    assert done.returncode == 2 and "regfs doctor" in done.stderr
