# SPDX-License-Identifier: MIT
"""`find MOUNT -mtime +30 -delete` over a registry with everything in it that makes that hard, on every server:
what is left, what pulls, and what the stock garbage collector frees afterwards, against lib/model.py."""

import pytest

from lib import journal as journals
from lib import servers, shelves
from lib.collect import collect, stored
from lib.pull import broken
from lib.removing import delete_older, listed, undelete
from lib.shell import CI, lines

pytestmark = pytest.mark.thorough

KINDS = [kind for kind in servers.expected() if kind is not servers.Crane]  # that one cannot remove


class Case:
    """A server that is full, before anything is removed from it."""

    def __init__(self, server, api):
        self.server, self.api = server, api
        self.full, self.old = shelves.everything(native_referrers=isinstance(server, servers.Zot))
        self.full.fill(server)
        self.left = self.full.without(self.old)
        assert api.state(self.full.repositories) == self.full.state()

    def gone(self):
        """{repository: digests of the manifests that only old tags held}."""
        return {name: set(repository.manifests()) - set(self.left.repositories[name].manifests())
                for name, repository in self.full.repositories.items()}

    def check(self, api):
        assert api.state(self.full.repositories) == self.left.state()
        for name, repository in self.left.repositories.items():
            assert [d for d in repository.manifests() if not api.has(name, d)] == []
            for tag in repository.tags:
                api.whole(name, tag)
        for name, digests in self.gone().items():
            assert [d for d in digests if api.has(name, d)] == []


@pytest.fixture(params=KINDS, ids=[kind.name for kind in KINDS])
def case(request, own_server, api):
    if not request.param.program():
        (pytest.fail if CI else pytest.skip)(f"{request.param.name} is not installed; tests/run.sh installs it")
    server = own_server(request.param)
    return Case(server, api(server))


def test_find_delete(case, remover, journal, api, tmp_path):
    m = remover(case.server)
    assert delete_older(m.dir) == (0, "")
    case.check(case.api)
    for name, repository in case.left.repositories.items():
        assert listed(m, name) == set(repository.tags)

    removed = {(name, tag) for name, tags in case.old.items() for tag in tags}
    assert journals.removed_tags(journal) == removed
    assert {r.outcome for r in journals.finished(journal)} == {"removed"}
    assert set().union(*case.gone().values()) <= set(journals.manifests(journal))

    assert delete_older(m.dir) == (0, "")  # nothing is left to do
    assert len(journals.removed_tags(journal)) == len(removed)
    m.close()
    if not isinstance(case.server, servers.Zot):  # zot has no such command
        collect_and_start(case)
        case.check(api(case.server))
    assert broken(case.server, case.left.tags(), tmp_path / "pulled") == {}


def collect_and_start(case):
    case.server.stop()
    collect(case.server)
    assert stored(case.server) == case.left.blobs()
    case.server.start()


def test_what_a_fresh_mount_shows(case, remover, mount):
    """The registry itself has it so, not just this mount."""
    assert delete_older(remover(case.server).dir) == (0, "")
    m = mount(case.server)
    assert set(lines("find", m.dir, "-path", "*/_tags/*", "-printf", "%P\n")) == {
        f"{name}/_tags/{tag}" for name, tag in case.left.tags()}


def test_undelete_brings_it_all_back(case, remover, journal, tmp_path):
    m = remover(case.server)
    assert delete_older(m.dir) == (0, "")
    status, said = undelete(journal)
    assert status == 0, said
    assert case.api.state(case.full.repositories) == case.full.state()
    for name, repository in case.full.repositories.items():
        assert [d for d in repository.manifests() if not case.api.has(name, d)] == []
    assert broken(case.server, case.full.tags(), tmp_path / "pulled") == {}


def test_in_pieces(case, remover):
    """Not one walk but one a repository, the deepest names last."""
    m = remover(case.server)
    for name in case.full.repositories:
        assert delete_older(m.tags(name)) == (0, "")
    case.check(case.api)


def test_from_a_list(case, remover):
    """`find -print | xargs rm`, eight at a time: many removals in one repository at once."""
    m = remover(case.server)
    lines("sh", "-c", """find "$1" -path '*/_tags/*' -mtime +30 -print0 | xargs -0 -n 3 -P 8 rm -f --""", "sh", m.dir)
    case.check(case.api)
