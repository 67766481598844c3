# SPDX-License-Identifier: MIT
"""The image of examples/gc-container, built without pulling anything, and containers that run it."""
import contextlib
import fcntl
import io
import json
import os
import re
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from lib.ports import free_port, wait_until
from lib.servers import CACHE
from lib.sinks import HttpSink

TOP = Path(__file__).resolve().parent.parent.parent
EXAMPLE = TOP / "examples" / "gc-container"
ENTRYPOINT = "/usr/local/lib/gc-container/entrypoint.sh"
FUSE = ("--device", "/dev/fuse", "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
REPORT = re.compile(r"gc: (?P<end>ok|not ok:.*?): removed (?P<removed>\d+) tags, (?P<protected>\d+) are protected; "
                    r"freed (?P<freed>\S+) in (?P<blobs>\d+|\?) blobs; problems: (?P<problems>\d+|\?); \d+ s")


def docker(*words, check=True, seconds=300, **more):
    done = subprocess.run(["docker", *map(str, words)], capture_output=True, timeout=seconds, **more)
    if check:
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
    return done


def why_not():
    """What is missing here to build and run containers; "" if nothing is."""
    try:
        done = docker("version", check=False)
    except FileNotFoundError:
        return "there is no docker"
    if done.returncode:
        return "no docker answers: " + done.stderr.decode().strip()
    return "" if (CACHE / "container-base.tar").exists() else "tests/install.sh has not made container-base.tar"


def base():
    """The image that both stages begin with: it stays, and is imported again when install.sh has made another."""
    name = "regfs-test-base:" + (CACHE / "container-base.key").read_text().strip()
    if docker("image", "inspect", name, check=False).returncode:
        docker("import", CACHE / "container-base.tar", name)
    return name


def archive(files, mode=0o755):
    """A tar of {name: bytes}."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(data), mode, int(time.time())
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def build(name, registry):
    """The images that it leaves, first the one to run. registry: the program; an image with nothing else stands for the
    official one, which also has it in /bin/registry."""
    donor, stage = name + "-registry", name + "-build"
    docker("import", "-", donor, input=archive({"bin/registry": Path(registry).read_bytes()}))
    try:
        # The first stage has a name as well, so that it can be removed.
        for tag, target in ((stage, ["--target", "build"]), (name, [])):
            docker("build", "--pull=false", "--force-rm", "--network=none", "--tag", tag, *target,
                   "--build-arg", "BASE=" + base(), "--build-arg", "REGISTRY=" + donor,
                   "--file", EXAMPLE / "Containerfile", TOP, seconds=1200)
    finally:
        docker("rmi", "--force", donor, check=False)
    return [name, stage]


@contextlib.contextmanager
def image(folder, registry):
    """The image, built once for all of a run's workers, which share this folder, and removed by the last of them."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    note = Path(folder, f"container-{run}.json")

    def count(change):
        with open(note, "a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            users, names = json.loads(file.read() or "[0, []]")
            users += change
            if not names:
                names = build(f"regfs-test-gc-{run}", registry)
            if not users:
                for name in names:
                    docker("rmi", "--force", name, check=False)
                names = []
            file.truncate(0)
            file.write(json.dumps([users, names]))
            return names
    names = count(+1)
    try:
        yield names[0]
    finally:
        count(-1)


class Container:
    """One container on the host's network. Its volumes are its own, and go with it."""

    def __init__(self, image, name, arguments=("serve",), privileges=FUSE, volumes_from=None, files=None, **env):
        self.name = name
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = "http://" + self.host
        env = {"REGISTRY_HTTP_ADDR": self.host, "URL": self.url, "COLLECT_AT": "", **env}
        self.user, self.password = env.get("REGFS_USER"), env.get("REGFS_PASSWORD")
        variables = [word for pair in env.items() for word in ("--env", "=".join(pair))]
        volumes = ["--volumes-from", volumes_from] if volumes_from else []
        docker("create", "--name", name, "--network", "host", *privileges, *volumes, *variables, image, *arguments)
        for folder, content in (files or {}).items():
            self.put(folder, content)

    def put(self, folder, files):
        """Files, {name: bytes}, that everybody may run."""
        docker("cp", "-", f"{self.name}:{folder}", input=archive(files))

    def start(self):
        docker("start", self.name)
        wait_until(self.answers, 60, "the registry in the container answers")
        return self

    def state(self):
        return docker("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", self.name).stdout.decode().split()

    def answers(self):
        assert self.state()[0] == "running", self.log()
        try:
            urllib.request.urlopen(self.url + "/v2/", timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
        return True

    def push_all(self, repository, images):
        sink = HttpSink(self.url, self.user, self.password)
        try:
            sink.push_all(repository, images)
        finally:
            sink.close()

    def request(self, method, path, body=None, **headers):
        sink = HttpSink(self.url, self.user, self.password)
        try:
            answer, data = sink.request(method, path, body, **headers)
            return answer.status, data
        finally:
            sink.close()

    def execute(self, *command, check=True):
        done = docker("exec", self.name, *command, check=check)
        return done.stdout.decode() if check else done

    def healthy(self):
        return self.execute(ENTRYPOINT, "health", check=False).returncode == 0

    def stored(self):
        """{digest: bytes} of all blobs in the storage."""
        found = self.execute("find", "/var/lib/registry", "-path", "*/blobs/*/data", "-printf", "%s %h\n")
        pairs = (line.split(" ") for line in found.splitlines())
        return {"sha256:" + path.rpartition("/")[2]: int(size) for size, path in pairs}

    def left_behind(self):
        """Mounts, temporary folders and dead processes that a round should not leave."""
        return self.execute("sh", "-c", "grep fuse.regfs /proc/mounts; ls /tmp; grep -l '^State:.Z' /proc/[0-9]*/status; :")

    def log(self):
        done = docker("logs", self.name, check=False)
        return (done.stdout + done.stderr).decode(errors="replace")[-6000:]

    def reports(self):
        return [match for match in map(REPORT.match, docker("logs", self.name).stdout.decode().splitlines()) if match]

    def next_report(self, seen, seconds=120):
        """The report that comes after the first `seen`."""
        def come():
            assert self.state()[0] == "running", self.log()
            return len(self.reports()) > seen
        try:
            wait_until(come, seconds, "a report")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None
        return self.reports()[seen]

    def collect(self):
        """One round, now; its report."""
        seen = len(self.reports())
        docker("kill", "--signal", "USR1", self.name)
        return self.next_report(seen)

    def remove(self):
        docker("rm", "--force", "--volumes", self.name, check=False)
