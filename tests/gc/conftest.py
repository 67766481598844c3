# SPDX-License-Identifier: MIT
"""Fixtures: regfs-gc, and registries of both versions whose storage it works on."""
import fcntl

import pytest

from lib import servers
from lib.gc import Gc, program
from lib.registry_api import Api
from lib.shell import CI

KINDS = [servers.Distribution2, servers.Distribution3]
ENGINES = ["registry", "builtin"]


@pytest.fixture(autouse=True)
def machine(request, tmp_path_factory):
    """Who looks for registries among the processes sees those of tests that run beside this one."""
    folder = tmp_path_factory.getbasetemp().parent
    with open(folder / "regfs-gc.turn", "a") as turn, open(folder / "regfs-gc.machine", "a") as lock:
        fcntl.flock(turn, fcntl.LOCK_EX)  # so that who wants it alone need not wait for ever
        fcntl.flock(lock, fcntl.LOCK_EX if "whole_machine" in request.fixturenames else fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield


@pytest.fixture
def whole_machine():
    """For a registry that may be anybody's, by what can be seen of it: beside it no other test could run regfs-gc."""


@pytest.fixture
def gc(tmp_path):
    assert program().exists(), f"{program()} is not built; REGFS_BUILD_DIR names another build folder"
    return Gc(tmp_path)


@pytest.fixture
def fresh(own_server):
    """fresh(KIND): a registry without content, for this test alone."""
    def start(kind):
        if not kind.program():
            (pytest.fail if CI else pytest.skip)(f"{kind.name} is not installed; tests/run.sh installs it")
        return own_server(kind)
    return start


@pytest.fixture(params=KINDS, ids=[kind.name for kind in KINDS])
def server(request, fresh):
    """A registry of each version in turn."""
    return fresh(request.param)


@pytest.fixture
def server2(fresh):
    return fresh(servers.Distribution2)


@pytest.fixture
def server3(fresh):
    return fresh(servers.Distribution3)


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.fixture
def api():
    """api(SERVER): its API, plainly."""
    made = []

    def ask(server):
        made.append(Api(server))
        return made[-1]
    yield ask
    for one in made:
        one.close()
