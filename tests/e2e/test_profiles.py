# SPDX-License-Identifier: MIT
"""The registries that people have and that cannot be run here: servers/profiles.py says what each was learned from."""
import json
import os
import signal
import time

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.removing import delete_older, listed
from lib.shell import days_ago, errno_of, lines, run
from servers.profiles import PAGE, PROFILES

NAMES = [name for name in PROFILES if name != "none"]
TAGS = [f"v{i}" for i in range(3 * PAGE)]  # the last page is full
NO_CATALOG = ("docker-hub", "ghcr")
REFUSES = ("docker-hub", "ghcr")
REPOSITORY = "team/virtual/app"


@pytest.fixture
def filled(fault):
    """filled(PROFILE): a registry with a repository of nine tags, v0 to v8, each ten days older, and more beside it."""
    def start(name):
        fault.images = {tag: im.image(days_ago(10 * i + 1)) for i, tag in enumerate(TAGS)}
        fault.push_all(REPOSITORY, fault.images)
        for other in ("a", "b/c", "team/other", "zoo"):
            fault.push(other, "1", im.image(days_ago(1)))
        fault.push_all("virtual/app", {f"stranger{i}": im.image(days_ago(1)) for i in range(3 * PAGE)})
        fault.profile(name)
        return fault
    return start


@pytest.mark.parametrize("name", NAMES)
def test_every_tag_and_its_date(filled, mount, name):
    server = filled(name)
    m = mount(server)
    assert listed(m, REPOSITORY) == set(TAGS)
    found = lines("find", m.tags(REPOSITORY), "-type", "f", "-mtime", "+30")
    assert sorted(map(os.path.basename, found)) == TAGS[3:]
    assert len([r for r in server.requests(kind="tags") if r["repository"] == REPOSITORY]) < 8


@pytest.mark.parametrize("name", NAMES)
def test_with_its_login(filled, mount, name):
    server = filled(name)
    server.access(PROFILES[name].login, user="joe", password="s3cr3t")
    m = mount(server, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "s3cr3t"})
    assert listed(m, REPOSITORY) == set(TAGS)
    assert (m.tags(REPOSITORY) / "v4").read_bytes() == server.images["v4"].data
    assert len(lines("find", m.tags(REPOSITORY), "-type", "f", "-mtime", "+30")) == len(TAGS) - 3
    refused = [r for r in server.requests() if r["kind"] != "token" and not r["authorization"]]
    assert len(refused) <= 4  # it is not tried without, once that is known


def test_a_limit_told_as_text(filled, mount):
    """docker/hub-feedback#1907: no JSON, and bare line feeds."""
    server = filled("docker-hub")
    said = b"You have reached your pull rate limit.\nYou may increase the limit by upgrading.\n"
    server.rule(kind="manifest", status=429, type="text/plain", body=said, headers={"Retry-After": "600"})
    m = mount(server, "timeout=3")
    assert errno_of((m.tags(REPOSITORY) / "v1").stat) == "EAGAIN"
    assert "HTTP 429 You have reached your pull rate limit." in m.log


@pytest.mark.parametrize("name", NAMES)
def test_contents(filled, mount, name):
    server = filled(name)
    m = mount(server)
    for tag in TAGS:
        assert (m.tags(REPOSITORY) / tag).read_bytes() == server.images[tag].data
        assert (m.tags(REPOSITORY) / tag).stat().st_size == len(server.images[tag].data)


@pytest.mark.parametrize("name", NAMES)
def test_a_manifest_that_has_no_tag(filled, mount, name):
    """Entered by its digest; whether it is there is asked by HEAD where that can be trusted."""
    server, image = filled(name), im.image(days_ago(1))
    server.push(REPOSITORY, None, image)
    folder = mount(server) / REPOSITORY / "_manifests"
    assert (folder / image.digest).read_bytes() == image.data
    assert errno_of((folder / im.image().digest).stat) == "ENOENT"


@pytest.mark.parametrize("name", [n for n in NAMES if n not in NO_CATALOG])
def test_every_repository(filled, mount, name):
    m = mount(filled(name))
    assert sorted(os.listdir(m.dir)) == ["a", "b", "team", "virtual", "zoo"]
    assert os.listdir(m / "b") == ["c"]
    assert sorted(os.listdir(m / "team")) == ["other", "virtual"]


@pytest.mark.parametrize("name", NO_CATALOG)
def test_no_catalog_is_no_empty_registry(filled, mount, name):
    m = mount(filled(name))
    assert errno_of(os.listdir, m.dir) in ("EACCES", "EOPNOTSUPP")
    assert listed(m, REPOSITORY) == set(TAGS)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in REFUSES])
def test_what_is_old_is_removed(filled, remover, api, name):
    server = filled(name)
    m = remover(server)
    status, said = delete_older(m.tags(REPOSITORY))
    assert (status, said) == (0, "")
    assert set(server.show(REPOSITORY)["tags"]) == set(TAGS[:4]) - {"v3"} == listed(m, REPOSITORY)


@pytest.mark.parametrize("name", REFUSES)
def test_where_nothing_is_removed(filled, remover, name):
    server = filled(name)
    m = remover(server)
    assert errno_of(os.unlink, m.tags(REPOSITORY) / "v8") == "EPERM"
    assert set(server.show(REPOSITORY)["tags"]) == set(TAGS)
    assert not any(done for *_, done in server.changes())


# Google's lists


def test_dates_that_came_with_the_list(filled, mount):
    """No config is asked for: one request less for each tag."""
    server = filled("gcr")
    m = mount(server)
    assert listed(m, REPOSITORY) == set(TAGS)
    for tag in TAGS:
        created = json.loads(server.images[tag].config)["created"]
        shown = (m.tags(REPOSITORY) / tag).stat().st_mtime_ns // 1_000_000
        assert str(shown) == run("date", "-u", "-d", created, "+%s%3N").strip()
    assert server.requests(kind="blob") == []
    assert len(server.requests(kind="manifest")) == len(TAGS)


def test_a_date_that_is_none_is_looked_for(filled, mount):
    """timeCreatedMs "0": the config knows better, and so do the platforms of an index."""
    server = filled("artifact-registry")
    child = im.image(days_ago(50))
    server.push(REPOSITORY, "index", im.index([child]))
    server.push(REPOSITORY, "undated", im.image())
    m = mount(server)
    found = lines("find", m.tags(REPOSITORY), "-type", "f", "-mtime", "+30")
    assert sorted(map(os.path.basename, found)) == ["index", *TAGS[3:]]


@pytest.mark.parametrize("stated", ["-1", "x", "", "99999999999999999999", "4102444800000", None, 7, "1e12"])
def test_a_date_that_makes_no_sense(fault, mount, stated):
    image = im.image(days_ago(50))
    fault.push("a", "v", image)
    body = {"name": "a", "tags": ["v"], "child": ["x"],
            "manifest": {image.digest: {"tag": ["v"], "timeCreatedMs": stated}, "sha256:no": 3}}
    fault.rule(kind="tags", body=json.dumps(body).encode())
    assert len(lines("find", mount(fault).tags("a"), "-type", "f", "-mtime", "+40", "-mtime", "-60")) == 1


def test_a_signature_keeps_its_subject_s_date(filled, mount):
    server = filled("gcr")
    server.push(REPOSITORY, "signed", im.image(days_ago(2), subject=server.images["v8"]))
    m = mount(server)
    assert (m.tags(REPOSITORY) / "signed").stat().st_mtime_ns == (m.tags(REPOSITORY) / "v8").stat().st_mtime_ns


# Catalogs


def test_a_gateway_that_gives_up(filled, mount):
    """Smaller pages come; the next list begins with what is one larger, not with all again."""
    server = filled("acr")
    m = mount(server)
    assert sorted(os.listdir(m.dir)) == ["a", "b", "team", "virtual", "zoo"]
    assert [r["query"]["n"] for r in server.requests(kind="catalog")] == ["1000", "100", "20", "5", "5"]
    server.reset()
    os.kill(m.pid, signal.SIGHUP)
    wait_until(lambda: os.listdir(m.dir) and server.requests(kind="catalog"), 20, "it is listed anew")
    assert server.requests(kind="catalog")[0]["query"]["n"] == "20"


def test_a_slow_catalog_is_shown_while_it_comes(fault, mount):
    fault.push("a", "1", im.image(days_ago(1)))
    slow = fault.rule(kind="catalog", delay=2.5)
    m = mount(fault, "ttl=1")
    assert os.listdir(m.dir) == ["a"]
    fault.forget(slow)
    fault.push("b", "1", im.image(days_ago(1)))
    fault.rule(kind="catalog", hold="request")
    time.sleep(1.1)  # the ttl
    assert run("ls", m.dir, seconds=20).split() == ["a"]  # without waiting: the request is held
    fault.wait_for(2, kind="catalog")
    assert listed(m, "b") == {"1"}  # which can be entered all the same
    fault.forget()
    fault.release()
    wait_until(lambda: sorted(os.listdir(m.dir)) == ["a", "b"], 20, "the new list is shown")


def test_a_slow_catalog_that_fails_is_told(fault, mount):
    """What stood in for it does so only as long as it may still come."""
    fault.push("a", "1", im.image(days_ago(1)))
    slow = fault.rule(kind="catalog", delay=2.5)
    m = mount(fault, "ttl=1")
    assert os.listdir(m.dir) == ["a"]
    fault.forget(slow)
    fault.rule(kind="catalog", status=418, delay=2.5)
    time.sleep(1.1)  # the ttl
    assert os.listdir(m.dir) == ["a"]
    fault.wait_for(2, kind="catalog")
    fault.quiet()
    time.sleep(2.1)  # until nobody is told any more of a failure that nobody waited for
    assert errno_of(os.listdir, m.dir) == "EIO"


def test_repositories_from_a_file_are_read_again(fault, mount, tmp_path):
    for name in ("org/app", "org/tool", "other"):
        fault.push(name, "1", im.image(days_ago(1)))
    fault.settings(catalog=False)
    names = tmp_path / "repos"
    names.write_text("org/app\n")
    m = mount(fault, f"repos_from={names}", "ttl=1")
    assert os.listdir(m / "org") == ["app"]
    names.write_text("org/tool\nother\n")
    os.kill(m.pid, signal.SIGHUP)
    wait_until(lambda: sorted(os.listdir(m.dir)) == ["org", "other"], 20, "the new names are listed")
    assert os.listdir(m / "org") == ["tool"]
    names.write_text("NOT A NAME\n")
    os.kill(m.pid, signal.SIGHUP)
    wait_until(lambda: "is not the name of a repository" in m.log, 20, "it is refused")
    assert sorted(os.listdir(m.dir)) == ["org", "other"]
