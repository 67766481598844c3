# SPDX-License-Identifier: MIT
"""What each command costs in requests: design section 1, "What a walk costs"."""
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import images as im
from lib.shell import days_ago, end, interrupt, lines, read, run, start

TAGS = 10_000
CONNECTIONS = 16


def document_requests(fault):
    return [r for r in fault.requests() if r["kind"] in ("manifest", "blob")]


def twice(requests):
    return [k for k, n in Counter((r["repository"], r["reference"]) for r in requests).items() if n > 1]


def ten_thousand():
    """Every tenth is older than 30 days, every twentieth shares the digest of the one before it, and some
    manifests that differ share a config."""
    made, before = {}, None
    for i in range(TAGS):
        if i % 20 == 19:
            image = before
        else:
            image = im.image(days_ago(100 if i % 10 == 0 else 1), serial=f"c{i - i % 40 // 39}")
            if i % 40 == 2:
                image = im.manifest(image.config, im.OCI_CONFIG, [], annotations={"n": str(i)})
        made[f"t{i:05}"] = before = image
    return made


@pytest.fixture(scope="module")
def tags():
    return ten_thousand()


@pytest.fixture
def many(fault, tags):
    fault.push_all("team/app", tags)
    return fault


def distinct_configs(tags):
    return {image.document["config"]["digest"] for image in tags.values()}


def test_ls_asks_for_no_manifest(many, mount):
    m = mount(many)
    assert len(lines("ls", m.tags("team/app"))) == TAGS
    assert document_requests(many) == []
    assert len(many.requests(kind="tags", repository="team/app")) <= TAGS // 1000 + 1


def test_find_by_name_and_type_asks_for_no_manifest(many, mount):
    m = mount(many)
    assert len(lines("find", m.tags("team/app"), "-type", "f", "-name", "t0123*")) == 10
    assert document_requests(many) == []


def test_stat_of_one_tag(many, mount):
    m = mount(many)
    assert m.tags("team/app").joinpath("t05000").stat().st_size > 0
    assert [r["reference"] for r in many.requests(kind="manifest")] == ["t05000"]
    assert len(many.requests(kind="blob")) == 1


def test_stats_here_and_there_are_not_a_walk(many, mount):
    m = mount(many)
    lines("ls", m.tags("team/app"))
    for i in (7000, 100, 4200):
        m.tags("team/app").joinpath(f"t{i:05}").stat()
        time.sleep(2.5)  # a burst of stats is a walk; these are not a burst
    many.quiet()
    assert len(document_requests(many)) <= 6


def test_find_mtime_asks_for_each_thing_once(many, tags, mount):
    many.rule(kind="manifest", delay=0.002)
    m = mount(many, f"connections={CONNECTIONS}", "ttl=600")  # longer than the walk, under any sanitizer
    found = lines("find", m.tags("team/app"), "-mtime", "+30")
    assert {os.path.basename(p) for p in found} == {
        tag for tag, image in tags.items() if b'"created":"' + days_ago(100)[:10].encode() in image.config
        or b'"created":"' + days_ago(101)[:10].encode() in image.config}
    manifests, blobs = many.requests(kind="manifest"), many.requests(kind="blob")
    assert {r["reference"] for r in manifests} == set(tags) and twice(manifests) == []
    assert {r["reference"] for r in blobs} == distinct_configs(tags) and twice(blobs) == []
    state = many.state()
    assert 2 < state["peak"] <= CONNECTIONS and state["peak_connections"] <= CONNECTIONS


def test_walk_of_the_whole_mount(fault, mount):
    """`find MOUNT -mtime +30`: _manifests and _configs below it cost nothing that the tags did not."""
    made = {f"r{i}/app": {f"t{j}": im.image(days_ago(60 if j % 2 else 1)) for j in range(30)} for i in range(10)}
    for repository, content in made.items():
        fault.push_all(repository, content)
    m = mount(fault, f"connections={CONNECTIONS}", "ttl=600")  # that of the first walk holds for the second
    found = lines("find", m.dir, "-path", "*/_tags/*", "-mtime", "+30")
    assert len(found) == 150
    everything = lines("find", m.dir, "-mtime", "+30")
    assert set(found) <= set(everything)
    assert twice(document_requests(fault)) == []
    assert len(document_requests(fault)) == 600
    assert fault.state()["peak"] <= CONNECTIONS


def test_second_walk_asks_nothing(fault, mount):
    fault.push_all("a", {f"t{i}": im.image(days_ago(i)) for i in range(50)})
    m = mount(fault, "ttl=600")
    first = run("find", m.dir, "-printf", "%p %T@ %s\n")
    fault.reset()
    assert run("find", m.dir, "-printf", "%p %T@ %s\n") == first
    assert fault.requests() == []


def test_after_the_ttl_only_what_can_change_is_asked_again(fault, mount):
    fault.push_all("a", {f"t{i}": im.image(days_ago(i)) for i in range(50)})
    m = mount(fault, "ttl=1")
    lines("find", m.tags("a"), "-mtime", "+3")
    time.sleep(1.5)
    fault.reset()
    lines("find", m.tags("a"), "-mtime", "+3")
    assert fault.requests(kind="blob") == []
    # The walk itself may outlast so short a ttl on a slow machine: a tag at most once a second.
    assert {r["reference"] for r in fault.requests(kind="manifest")} == {f"t{i}" for i in range(50)}


def test_ctrl_c_ends_what_was_fetched_ahead(many, mount):
    many.rule(kind="manifest", delay=0.05)
    m = mount(many)
    find = start("find", m.tags("team/app"), "-mtime", "+30")
    try:
        many.wait_for(300, kind="manifest")
        interrupt(find)
        assert find.returncode == -signal.SIGINT
    finally:
        end(find)
    many.quiet(2, 120)
    assert len(many.requests(kind="manifest")) < TAGS  # else it went on to its end


def index_of(count, annotations=None):
    platforms = ["linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/s390x"][:count]
    children = [im.image(days_ago(5), platform=p) for p in platforms]
    return im.index(children + [im.attestation(c, days_ago(1)) for c in children], annotations=annotations)


@pytest.mark.parametrize("count", [1, 4])
def test_stat_of_an_index(fault, mount, count):
    fault.push("a", "multi", index_of(count))
    mount(fault).tags("a").joinpath("multi").stat()
    assert len(fault.requests(kind="manifest")) <= 1 + count and len(fault.requests(kind="blob")) <= count


def test_an_annotation_saves_the_children(fault, mount):
    fault.push("a", "multi", index_of(3, {im.CREATED: days_ago(40)}))
    assert len(lines("find", mount(fault).tags("a"), "-mtime", "+30")) >= 1
    assert len(document_requests(fault)) == 1


def test_reading_costs_nothing_after_stat(fault, mount):
    image = im.image(days_ago(3))
    fault.push("a", "1", image)
    m = mount(fault)
    m.tags("a").joinpath("1").stat()
    fault.reset()
    assert read(m / "a/_tags/1") == image.data
    assert read(m / "a/_configs/1") == image.config
    assert fault.requests() == []


def test_many_callers_share_one_request(fault, mount):
    fault.push("a", "1", im.image(days_ago(3)))
    fault.rule(kind="manifest", delay=0.5)
    m = mount(fault)
    with ThreadPoolExecutor(8) as pool:
        sizes = set(pool.map(lambda _: m.tags("a").joinpath("1").stat().st_size, range(8)))
    assert len(sizes) == 1
    assert len(document_requests(fault)) == 2


@pytest.mark.parametrize("path", [".git", "a/.git", "a/_tags/.hidden", "a/_manifests/.x", "UPPER", "_nothing",
                                  "a/_nothing", "a/_tags/bad name", "a/_manifests/sha256:12", "a/_tags/" + "x" * 129])
def test_names_that_cannot_be_cost_nothing(fault, mount, path):
    fault.push("a", "1", im.image(days_ago(3)))
    m = mount(fault)
    lines("ls", m / "a")
    fault.reset()
    assert not os.path.lexists(m / path)
    assert fault.requests() == []
