# SPDX-License-Identifier: MIT
"""What removing costs in requests: a check and a delete for a tag of its own, however large the repository is."""
from collections import Counter

import pytest

from lib import images as im
from lib import servers
from lib.removing import from_regfs
from lib.shell import days_ago, lines, run

pytestmark = [pytest.mark.thorough, pytest.mark.alone]

EACH = 2.2  # requests for a removal of a tag whose digest nobody shares


def fill(server, repository, count, every=1):
    """Every so manyth tag is old."""
    server.push_all(repository, {f"t{i:05}": im.image(days_ago(1 if i % every else 60)) for i in range(count)})


def cost(fault, m, count):
    """Requests of each removal after a walk."""
    lines("find", m.dir, "-mtime", "+30")
    fault.reset()
    run("find", m.dir, "-mtime", "+30", "-delete")
    asked = from_regfs(fault.requests())
    assert len([r for r in asked if r["method"] == "DELETE" and r["done"]]) == count
    return len(asked) / count, Counter((r["method"], r["kind"]) for r in asked)


@pytest.mark.parametrize("like", ["distribution-2", "distribution-3"])
def test_removals_after_a_walk(fault, remover, like):
    fault.settings(like=like)
    fill(fault, "team/app", 500)
    each, kinds = cost(fault, remover(fault), 500)
    assert each <= EACH, kinds
    assert kinds["PUT", "manifest"] == 0 and kinds["DELETE", "manifest"] <= 501


def test_it_does_not_grow_with_the_repository(fault, remover):
    """Ten removals among a thousand tags cost what they cost among a hundred, but for what is looked up once."""
    found = {}
    for size in (100, 1000):
        fill(fault, f"r{size}", size, every=size // 10)
        m = remover(f"{fault.url}/r{size}")
        lines("find", m.dir, "-mtime", "+30")
        fault.reset()
        run("find", m.dir, "-mtime", "+30", "-delete")
        found[size] = len(from_regfs(fault.requests()))
    assert found[1000] <= found[100] + 2


@pytest.mark.parametrize("count", [200, 1000])
def test_each_costs_the_same(fault, remover, count):
    fill(fault, "team/app", count)
    each, kinds = cost(fault, remover(fault), count)
    assert each <= (EACH if count >= 200 else 3), kinds


def test_rm_r_costs_no_dates(fault, remover):
    """Of a fresh mount: each tag's digest is needed, since two might be the same; no config is."""
    fill(fault, "team/app", 200)
    m = remover(fault)
    run("rm", "-r", m / "team/app")
    asked = from_regfs(fault.requests())
    assert [r for r in asked if r["kind"] == "blob"] == []
    assert len(asked) <= 200 * 3.2


def test_many_small_repositories(fault, remover):
    """Each is tried out and listed once; and where all its tags can be asked for at once, they are, as it begins."""
    for i in range(50):
        fill(fault, f"r{i}", 10)
    each, kinds = cost(fault, remover(fault), 500)
    assert each <= EACH + 1.2, kinds
    assert kinds["GET", "tags"] <= 100 and kinds["DELETE", "manifest"] <= 550


def test_eight_at_a_time_cost_the_same(fault, remover):
    fill(fault, "team/app", 400)
    m = remover(fault)
    lines("find", m.dir, "-mtime", "+30")
    fault.reset()
    run("sh", "-c", 'find "$1" -path "*/_tags/*" -print0 | xargs -0 -n 10 -P 8 rm', "sh", m.dir)
    asked = from_regfs(fault.requests())
    assert len(asked) / 400 <= EACH


def test_protection_costs_nothing(fault, remover, tmp_path):
    names = tmp_path / "in-use"
    names.write_text("".join(f"team/app:t{i:05}\n" for i in range(0, 500, 2)))
    fill(fault, "team/app", 500)
    m = remover(fault, f"protect_from={names}", "protect=prod/*:*")
    lines("find", m.dir, "-mtime", "+30")
    fault.reset()
    run("find", m.dir, "-mtime", "+30", "-delete", check=False)
    asked = from_regfs(fault.requests())
    assert len([r for r in asked if r["method"] == "DELETE" and r["done"]]) == 250
    assert len(asked) / 250 <= EACH


class Logged(servers.Distribution2):
    def config(self):
        return {**super().config(), "log": {"level": "error"}}  # its access log counts the requests

    def requests(self, *methods):
        with open(self.folder / "server.log", "rb") as log:
            return sum(any(b'"%s /v2/' % m.encode() in line for m in methods) for line in log)


def test_on_the_real_one(own_server, remover):
    """As distribution 2.8 itself counts."""
    server = own_server(Logged)
    server.folder_sink().push_all("team/app", {f"t{i:03}": im.image(days_ago(60)) for i in range(300)})
    m = remover(server)
    lines("find", m.dir, "-mtime", "+30")
    methods = ("GET", "HEAD", "PUT", "DELETE", "POST")
    before, deleted = server.requests(*methods), server.requests("DELETE")
    run("find", m.dir, "-mtime", "+30", "-delete")
    assert 300 <= server.requests("DELETE") - deleted <= 302
    assert (server.requests(*methods) - before) / 300 <= EACH
