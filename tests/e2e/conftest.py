# SPDX-License-Identifier: MIT
"""Fixtures for mounts that remove."""
import itertools

import pytest

from lib import servers
from lib.registry_api import Api
from lib.removing import Walker


@pytest.fixture
def journal(tmp_path):
    """The folder of this test's own journal."""
    return tmp_path / "journal"


@pytest.fixture
def remover(mount, journal):
    """mount() that may remove: remover(SOURCE, *OPTIONS)."""
    def start(source, *options, **more):
        return mount(source, "allow_delete", f"journal={journal}", *options, **more)
    return start


@pytest.fixture
def api():
    """api(SERVER): what its API says, asked past the mount."""
    made = []

    def ask(server):
        made.append(Api(server))
        return made[-1]
    yield ask
    for one in made:
        one.close()


@pytest.fixture
def walker():
    """walker(*PATHS): a process that has looked at them."""
    made = []

    def start(*paths):
        made.append(Walker(*paths))
        return made[-1]
    yield start
    for one in made:
        one.close()


REMOVING = [kind.name for kind in servers.expected() if kind is not servers.Crane]  # that one cannot remove
_serial = itertools.count()


@pytest.fixture(params=REMOVING)
def erasable(request, running):
    """Each real registry that removes. They are shared: a test has a repository of its own, see `place`."""
    return running(request.param)


@pytest.fixture
def place():
    """The name of a repository that no other test uses."""
    return f"removing/r{next(_serial)}"
