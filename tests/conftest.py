# SPDX-License-Identifier: MIT
"""Fixtures: registries, mounts, and the rule that nothing is skipped in CI."""
import signal
import subprocess

import pytest

from lib import mounts, servers
from lib.fault import FaultRegistry
from lib.shell import CI

NAMES = [server.name for server in servers.expected()]


def pytest_configure(config):
    mounts.adopt_daemons()
    # A shell that runs the tests in the background has them ignore Ctrl-C; programs that are tested must not.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


def pytest_terminal_summary(terminalreporter):
    refused = servers.zot_refused()
    if refused:
        terminalreporter.write_line(f"zot: not to be had here: {refused}")


@pytest.fixture
def fault():
    server = FaultRegistry()
    yield server
    server.stop()


class Running:
    """The real registries, each started when it is first asked for and stopped at the end of the session."""

    def __init__(self, factory):
        self.factory = factory
        self.started = {}

    def __call__(self, name):
        if name not in self.started:
            kind = next(s for s in servers.expected() if s.name == name)
            if not kind.program():
                (pytest.fail if CI else pytest.skip)(f"{name} is not installed; tests/run.sh installs it")
            self.started[name] = self.start(kind)
        return self.started[name]

    def start(self, kind, **options):
        server = kind(self.factory.mktemp(kind.name), **options)
        try:
            return server.start()
        except BaseException:
            server.stop()
            raise


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    servers_of_session = Running(tmp_path_factory)
    yield servers_of_session
    for server in servers_of_session.started.values():
        server.stop()


@pytest.fixture(params=NAMES)
def real(request, running):
    """Each real registry in turn. They are shared: a test uses repository names of its own."""
    return running(request.param)


@pytest.fixture
def registry2(running):
    """Debian's docker-registry 2.8, which is always there."""
    return running("distribution-2")


@pytest.fixture
def own_server(running):
    """Starts a registry for one test alone: own_server(servers.Distribution2, user=..., tls=...)."""
    started = []

    def start(kind, **options):
        started.append(running.start(kind, **options))
        return started[-1]
    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate for loopback: (certificate, key)."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="session")
def regfs():
    program = mounts.program()
    assert program.exists(), f"{program} is not built; REGFS_BUILD_DIR names another build folder"
    return program


@pytest.fixture
def mount(regfs, tmp_path):
    """mount(SOURCE, *OPTIONS, env={}) mounts; the end of the test unmounts and checks (lib/mounts.py)."""
    made = []

    def start(source, *options, **more):
        source = getattr(source, "url", source)
        made.append(mounts.Mount(source, tmp_path / f"mount{len(made)}", options, **more))
        return made[-1]
    yield start
    problems = []
    for one in reversed(made):
        try:
            one.close()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)
