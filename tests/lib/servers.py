# SPDX-License-Identifier: MIT
"""Real registries on loopback: distribution 2.8 and 3, zot, and the one in crane."""
import json
import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from lib.ports import free_port, wait_until
from lib.sinks import FolderSink, HttpSink

CACHE = Path(os.environ.get("REGFS_TEST_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "regfs-tests"))


class Server:
    """A registry in a process of its own, in a folder of its own. Subclasses say how it is started."""

    name = None
    types = ("oci", "docker")
    restartable = True  # its storage outlives it

    def __init__(self, folder, user=None, password=None, tls=None, auth=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.storage = self.folder / "storage"
        self.storage.mkdir(exist_ok=True)
        self.user, self.password, self.tls = user, password, tls
        self.auth = auth  # an auth section of distribution's configuration
        self.process = self.sink = None

    def start(self):
        for attempt in range(5):  # another process may take the port between its choice and its use
            self.port = free_port()
            self.host = f"127.0.0.1:{self.port}"
            self.url = ("https://" if self.tls else "http://") + self.host
            log = open(self.folder / "server.log", "ab")
            with log:
                self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder,
                                                env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
            try:
                wait_until(self.answers, 60, f"{self.name} answers")
                break
            except ChildProcessError:
                continue
        else:
            raise AssertionError(f"{self.name} does not start:\n" + (self.folder / "server.log").read_text()[-2000:])
        cacert = self.tls and self.tls[0]
        self.sink = HttpSink(self.url, self.user, self.password, cacert)
        self.push, self.push_all = self.sink.push, self.sink.push_all
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise ChildProcessError
        context = ssl._create_unverified_context() if self.tls else None
        try:
            urllib.request.urlopen(self.url + "/v2/", timeout=5, context=context).close()
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
        return True

    def stop(self):
        if self.sink:
            self.sink.close()
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def htpasswd(self):
        """distribution and zot take bcrypt only; Apache's tool makes it."""
        path = self.folder / "htpasswd"
        line = subprocess.run(["htpasswd", "-Bbn", self.user, self.password], check=True, capture_output=True)
        path.write_bytes(line.stdout)
        return str(path)


class Distribution(Server):
    def config(self):
        config = {
            "version": 0.1, "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True}},
            "http": {"addr": self.host},
        }
        if self.tls:
            config["http"]["tls"] = {"certificate": str(self.tls[0]), "key": str(self.tls[1])}
        if self.user:
            config["auth"] = {"htpasswd": {"realm": "test", "path": self.htpasswd()}}
        if self.auth:
            config["auth"] = self.auth
        return config

    def command(self):
        path = self.folder / "config.yml"
        path.write_text(json.dumps(self.config()))  # JSON is YAML
        return [self.program(), "serve", str(path)]

    def folder_sink(self):
        return FolderSink(self.storage)


class Distribution2(Distribution):
    name = "distribution-2"

    @staticmethod
    def program():
        return found("docker-registry")


class Distribution3(Distribution):
    name = "distribution-3"

    @staticmethod
    def program():
        return in_cache("bin/registry")


class Zot(Server):
    name = "zot"

    @staticmethod
    def program():
        return os.environ.get("REGFS_TEST_ZOT") or in_cache("bin/zot") or shutil.which("zot")

    def config(self):
        http = {"address": "127.0.0.1", "port": str(self.port), "compat": ["docker2s2"]}
        if self.tls:
            http["tls"] = {"cert": str(self.tls[0]), "key": str(self.tls[1])}
        if self.user:
            http["auth"] = {"htpasswd": {"path": self.htpasswd()}}
        return {"distSpecVersion": "1.1.1", "http": http, "log": {"level": "error"},
                "storage": {"rootDirectory": str(self.storage), "gc": False, "dedupe": False}}

    def command(self):
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config()))
        return [self.program(), "serve", str(path)]


class Crane(Server):
    """go-containerregistry's registry: a third implementation, with the referrers API. Manifests in memory only."""

    name = "crane"
    restartable = False

    @staticmethod
    def program():
        return in_cache("bin/crane")

    def command(self):
        return [self.program(), "registry", "serve", "--address", self.host, "--disk", str(self.storage)]


def in_cache(name):
    path = CACHE / name
    return str(path) if os.access(path, os.X_OK) else None


def found(name):
    """A server of Debian's: installed, or unpacked into the cache by install.sh."""
    return (shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
            or in_cache(f"debian/usr/bin/{name}") or in_cache(f"debian/usr/sbin/{name}"))


def zot_refused():
    """The module proxy's own words, where it does not hand out zot; install.sh wrote them down."""
    path = CACHE / "zot.refused"
    return path.read_text().strip() if path.exists() and not Zot.program() else None


def expected():
    """The kinds of server that the tests run against: all but one that cannot be had here."""
    return [s for s in (Distribution2, Distribution3, Zot, Crane) if not (s is Zot and zot_refused())]
