# SPDX-License-Identifier: MIT
"""Fixtures for mounts that remove."""
import itertools

import pytest

from lib import servers
from lib.filled import fill
from lib.forward import Forward
from lib.nginx import Proxy
from lib.registry_api import Api
from lib.removing import Walker
from lib.tls import Authority

collect_ignore = [] if servers.Zot in servers.expected() else ["test_zot.py"]  # the summary says why


@pytest.fixture
def filled(fault):
    return fill(fault)


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


@pytest.fixture
def behind(tmp_path):
    """behind(registry, ...) puts an nginx in front of it."""
    started = []

    def start(upstream, **options):
        started.append(Proxy(tmp_path / f"nginx{len(started)}", upstream, **options))
        return started[-1]
    yield start
    for proxy in started:
        proxy.stop()


@pytest.fixture
def forward():
    """forward(...): a proxy of the sort that HTTPS_PROXY names."""
    started = []

    def start(**options):
        started.append(Forward(**options))
        return started[-1]
    yield start
    for proxy in started:
        proxy.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="session")
def signed(authority):
    """The certificate and key of a server on loopback."""
    return authority.sign("server")
