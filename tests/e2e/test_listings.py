# SPDX-License-Identifier: MIT
"""Listings: nested names, bad names, pages of every sort, and sizes nobody expected."""
import json
import os

import pytest

from lib import images as im
from lib.servers import Crane
from lib.shell import days_ago, errno_of, lines, run

BAD_TAGS = ["..", ".", "a/b", "", "nul\0inside", "x" * 300, "x" * 129, ".hidden", "-dash", "sp ace", "new\nline",
            "ü", "a:b", "../../etc/passwd", "/abs", "%2e%2e"]
BAD_REPOSITORIES = ["..", ".", "", "/", "a//b", "/abs", "a/../b", "a/", "UPPER", "_x", "a/_tags", "nul\0inside",
                    "x" * 300, ".hidden", "-dash", "sp ace", "ü", "a__", "a..b", "ok/.git"]


def one_thousand():
    return [f"deep/{a}{b}/{a}{c}/x{i}" for a in "pq" for b in "01234" for c in "01234" for i in range(20)]


@pytest.fixture(scope="module")
def nested(running):
    """nested(SERVER): where 1,000 repositories are three deep below one name space. crane's is one of its own: its
    catalog has no second page, and which thousand are on the first one is chance as soon as there are more."""
    made = {}
    image = im.image(days_ago(40), layers=[])

    def push(server):
        if server.name not in made:
            made[server.name] = server = running.start(Crane) if isinstance(server, Crane) else server
            sink = server.folder_sink() if hasattr(server, "folder_sink") else server
            for name in one_thousand():
                sink.push(name, "v1", image)
        return made[server.name]
    yield push
    if Crane.name in made:
        made[Crane.name].stop()


def test_a_thousand_nested_repositories(real, nested, mount):
    m = mount(nested(real))
    found = lines("find", m / "deep", "-mindepth", "3", "-maxdepth", "3", "-type", "d")
    assert sorted(os.path.relpath(p, m.dir) for p in found) == sorted(one_thousand())
    assert sorted(os.listdir(m / "deep")) == sorted({n.split("/")[1] for n in one_thousand()})
    assert os.listdir(m / "deep/p0/p1/x7")[0] == "_tags"
    assert len(lines("find", m / "deep/p0", "-path", "*/_tags/*")) == 100


def test_a_name_space_as_the_source(real, nested, mount):
    m = mount(nested(real).url + "/deep/p0")
    assert sorted(os.listdir(m.dir)) == [f"p{c}" for c in range(5)]
    assert os.listdir(m / "p1/x7/_tags") == ["v1"]


def test_a_repository_as_the_source(real, nested, mount):
    m = mount(nested(real).url + "/deep/p0/p1/x7/")
    assert os.listdir(m / "_tags") == ["v1"]


def test_repositories_below_a_repository(fault, mount):
    for name in ("a", "a/b", "a/b/c", "a-b", "a.b/c"):
        fault.push(name, "1", im.image(days_ago(1)))
    m = mount(fault)
    assert sorted(os.listdir(m.dir)) == ["a", "a-b", "a.b"]
    for name in ("a", "a/b", "a/b/c", "a-b", "a.b/c"):
        assert lines("ls", m / name / "_tags") == ["1"]
    assert os.listdir(m / "a")[0] == "_tags" and "b" in os.listdir(m / "a")


def test_bad_tags_never_appear_and_hide_no_good_one(fault, mount):
    good = ["1", "latest", "_x", "A.b-c_d", "y" * 128]
    fault.push_all("a", {t: im.image(days_ago(1)) for t in good})
    fault.rule(kind="tags", names=BAD_TAGS + good + BAD_TAGS)
    m = mount(fault)
    assert sorted(os.listdir(m.tags("a"))) == sorted(good)
    assert len(lines("find", m.tags("a"), "-type", "f", "-mtime", "-3")) == len(good)
    for bad in BAD_TAGS:
        assert not [r for r in fault.requests(kind="manifest") if r["reference"] == bad]
    told = [line for line in m.log.splitlines() if "32" in line and "name" in line]
    assert len(told) == 1, m.log  # counted, and logged once


def test_bad_repositories_never_appear_and_hide_no_good_one(fault, mount):
    fault.push("good/app", "1", im.image(days_ago(1)))
    fault.push("zoo", "1", im.image(days_ago(1)))
    fault.rule(kind="catalog", names=BAD_REPOSITORIES + ["good/app", "zoo"] + BAD_REPOSITORIES)
    m = mount(fault)
    assert sorted(os.listdir(m.dir)) == ["good", "zoo"]
    assert os.listdir(m / "good") == ["app"]
    assert len(lines("find", m.dir, "-path", "*/_tags/*")) == 2


def test_names_that_are_not_text(fault, mount):
    fault.push("a", "1", im.image(days_ago(1)))
    fault.rule(kind="tags", body=b'{"name":"a","tags":["1","bad\xff\xfe",7,null,{"x":1},["2"],true]}')
    assert os.listdir(mount(fault).tags("a")) == ["1"]


@pytest.mark.parametrize("body", [b'{"name":"a","tags":null}', b'{"name":"a","tags":[]}'])
def test_no_tags(fault, mount, body):
    fault.empty_repository("a")
    fault.rule(kind="tags", body=body)
    assert os.listdir(mount(fault).tags("a")) == []


def test_duplicates_and_disorder(fault, mount):
    fault.push_all("a", {t: im.image(days_ago(1)) for t in "abc"})
    fault.rule(kind="tags", names=["c", "a", "b", "a", "c", "c"])
    assert lines("ls", "-U", mount(fault).tags("a")) == ["a", "b", "c"]


@pytest.mark.parametrize("link", ["relative", "absolute", "foreign", "wrong-path"])
@pytest.mark.parametrize("page", [1, 3, 10])
def test_every_page_is_followed(fault, mount, link, page):
    tags = [f"t{i}" for i in range(10)]
    fault.push_all("a", {t: im.image(days_ago(1)) for t in tags})
    for i in range(10):
        fault.push(f"r{i}", "1", im.image(days_ago(1)))
    fault.rule(kind="tags", link=link, page=page)
    fault.rule(kind="catalog", link=link, page=page)
    m = mount(fault)
    assert lines("ls", m.tags("a")) == tags
    assert lines("ls", m.dir) == ["a"] + [f"r{i}" for i in range(10)]


def test_links_on_lines_of_their_own(fault, mount):
    """The second header is the one that leads on, by a token: no name could stand in for it."""
    tags = [f"t{i}" for i in range(10)]
    fault.push_all("a", {t: im.image(days_ago(1)) for t in tags})
    fault.rule(kind="tags", link="lines", page=3, order="reversed")
    assert lines("ls", mount(fault).tags("a")) == tags


@pytest.mark.parametrize("link", ["loop", "garbage"])
def test_a_link_that_leads_nowhere_never_makes_a_short_list(fault, mount, link):
    tags = [f"t{i}" for i in range(10)]
    fault.push_all("a", {t: im.image(days_ago(1)) for t in tags})
    fault.rule(kind="tags", link=link, page=3)
    m = mount(fault, "timeout=5")
    done = run("ls", m.tags("a"), check=False, seconds=60)
    assert done.returncode != 0 or done.stdout.split() == tags
    assert len(fault.requests(kind="tags")) < 50


@pytest.mark.parametrize("kind, path", [("tags", "a/_tags"), ("catalog", "")])
@pytest.mark.parametrize("broken", [{"status": 500}, {"cut": 5}, {"hang": "request"}, {"body": b"<html>sorry</html>"},
                                    {"body": b'{"tags":["t0","t'}, {"body": b'{"tags":"t0","repositories":1}'}])
def test_a_page_that_fails_is_not_the_end_of_the_list(fault, mount, kind, path, broken):
    fault.push_all("a", {f"t{i}": im.image(days_ago(1)) for i in range(10)})
    for i in range(10):
        fault.push(f"r{i}", "1", im.image(days_ago(1)))
    fault.rule(kind=kind, page=4)
    rule = fault.rule(kind=kind, after=1, **broken)
    m = mount(fault, "timeout=3", "list_timeout=3")
    assert run("ls", m / path, check=False, seconds=60).returncode != 0
    fault.forget(rule)
    assert len(lines("ls", m / path)) >= 10


def test_an_empty_page_with_a_link(fault, mount):
    """Some registries filter after they have paged."""
    fault.push_all("a", {t: im.image(days_ago(1)) for t in ("x", "y")})
    fault.rule(kind="tags", times=1, names=[], headers={"Link": '</v2/a/tags/list?last=w&n=1000>; rel="next"'})
    assert lines("ls", mount(fault).tags("a")) == ["x", "y"]


def test_no_catalog(fault, mount, tmp_path):
    for name in ("org/app", "org/tool", "other"):
        fault.push(name, "1", im.image(days_ago(1)))
    fault.settings(catalog=False)
    listed = tmp_path / "repos"
    listed.write_text("# what we use\norg/app\n\n  org/tool  \n")
    m = mount(fault, f"repos_from={listed}")
    assert os.listdir(m.dir) == ["org"]
    assert sorted(os.listdir(m / "org")) == ["app", "tool"]
    assert lines("ls", m / "other/_tags") == ["1"]  # any can be entered by name


@pytest.mark.parametrize("status", [401, 403])
def test_rights_that_begin_further_down(fault, mount, status):
    """The catalog lists what everybody may see; a name space on the way to another repository is none of ours."""
    fault.push("shown", "1", im.image(days_ago(1)))
    fault.push("team/app", "v1", im.image(days_ago(2)))
    fault.rule(kind="catalog", names=["shown"])
    fault.rule(kind="tags", repository="team", status=status)
    m = mount(fault)
    assert lines("ls", m / "team/app/_tags") == ["v1"]
    assert errno_of(os.listdir, m / "team/_tags") == "EACCES"
    assert lines("ls", m.dir) == ["shown"]


def test_a_catalog_that_says_nothing(fault, mount):
    """Quay shows an empty one to who may not see it: what it does not name may be there. One that names something says
    what is not."""
    fault.push("team/app", "v1", im.image(days_ago(2)))
    empty = fault.rule(kind="catalog", names=[])
    m = mount(fault, "ttl=0")
    assert os.listdir(m.dir) == []
    assert lines("ls", m / "team/app/_tags") == ["v1"]
    assert errno_of(os.listdir, m / "team/none/_tags") == "ENOENT"
    fault.forget(empty)
    fault.rule(kind="catalog", names=["other"])
    assert os.listdir(m.dir) == ["other"]
    assert errno_of(os.stat, m / "none") == errno_of(os.stat, m / "none/app/_tags/v1") == "ENOENT"


def test_no_catalog_but_a_repository_as_the_source(fault, mount):
    fault.push("org/app", "1", im.image(days_ago(1)))
    fault.settings(catalog=False)
    assert lines("ls", mount(fault.url + "/org/app") / "_tags") == ["1"]


def test_a_repository_of_the_catalog_that_is_gone(fault, mount):
    """Registries keep emptied repositories in their catalog: 404 NAME_UNKNOWN, or null."""
    fault.push("a", "1", im.image(days_ago(1)))
    fault.rule(kind="catalog", names=["a", "gone"])
    m = mount(fault)
    lines("ls", m.dir)
    assert run("find", m.dir, "-type", "f", "-path", "*/_tags/*").count("\n") == 1
    assert errno_of(os.listdir, m / "gone/_tags") in ("", "ENOENT")


@pytest.mark.huge
def test_a_hundred_thousand_tags(fault, mount):
    image = im.image(days_ago(50))
    fault.push_all("big", {f"t{i:06}": image for i in range(100_000)})
    m = mount(fault)
    found = lines("ls", m.tags("big"))
    assert len(found) == 100_000 and found[0] == "t000000" and found[-1] == "t099999"
    assert fault.requests(kind="manifest") == []


@pytest.mark.huge
def test_a_hundred_thousand_tags_in_one_page(fault, mount):
    fault.push("big", "t000000", im.image(days_ago(50)))
    names = [f"t{i:06}" for i in range(100_000)]
    fault.rule(kind="tags", body=json.dumps({"name": "big", "tags": names}).encode())
    assert len(lines("ls", mount(fault).tags("big"))) == 100_000


def test_a_page_too_large(fault, mount):
    fault.push("big", "1", im.image(days_ago(50)))
    fault.rule(kind="tags", fill=(64 << 20) + 1)
    assert errno_of(os.listdir, mount(fault).tags("big")) == "EFBIG"


def test_one_listing_for_all_who_read_it(fault, mount):
    """An open directory is a snapshot: what comes and goes meanwhile neither hides nor repeats a name."""
    fault.push_all("a", {f"t{i:04}": im.image(days_ago(1), serial="same") for i in range(3000)})
    m = mount(fault, "ttl=1")
    with os.scandir(m.tags("a")) as entries:
        seen = [next(entries).name]
        fault.untag("a", *[f"t{i:04}" for i in range(0, 3000, 2)])
        os.kill(m.pid, 1)
        lines("ls", m.tags("a"))
        seen += [e.name for e in entries]
    assert len(seen) == len(set(seen)) and {f"t{i:04}" for i in range(1, 3000, 2)} <= set(seen)
