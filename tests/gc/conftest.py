# SPDX-License-Identifier: MIT
"""Fixtures: regfs-gc, and registries of both versions whose storage it works on."""
import pytest

from lib import servers
from lib.gc import Gc, program
from lib.registry_api import Api
from lib.shell import CI

KINDS = [servers.Distribution2, servers.Distribution3]
ENGINES = ["registry", "builtin"]


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
