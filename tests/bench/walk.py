#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast is `find MOUNT -mtime +30` on a fresh mount, compared with a program that only fetches the same URLs?

    walk.py --regfs build/fs/regfs --mfetch build/tests/bench/mfetch [--datasets A,B,C] [--servers distribution,nginx]

For each server and dataset mfetch and regfs take turns; each run is printed, then the medians. The walk's answer is
checked: a fast walk that misses a tag is a failure, and so is one that takes more than --limit times what mfetch takes
from the distribution registry. Server and client share the machine, so measure on one that has nothing else to do. nginx
serves the same bytes as static files: there the server costs next to nothing, and what is left is the cost of regfs itself.
"""
import argparse
import datetime
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from lib import images, mounts, servers  # noqa: E402

DATASETS = {  # repositories, tags in each, how deep the names nest
    "A": (100, 100, 1),
    "B": (1, 10_000, 1),
    "C": (1_000, 10, 3),
}
DAYS = 30
HEADER = "Accept: " + ", ".join((images.OCI_INDEX, images.OCI_MANIFEST, images.DOCKER_LIST, images.DOCKER_MANIFEST))
PLATFORMS = ("linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/s390x")
LAYERS = [images.layer("layer %d\n" % n) for n in range(5)]
HISTORY = [{"created": "2020-01-01T00:00:00Z", "created_by": "RUN /bin/sh -c step %d %s" % (n, "x" * 60)}
           for n in range(8)]  # so that a config has the size that configs have
EXTENSIONS = {images.OCI_INDEX: "oi", images.OCI_MANIFEST: "om", images.DOCKER_LIST: "dl",
              images.DOCKER_MANIFEST: "dm"}


class Dataset:
    """Tags of many repositories, with the requests that dating each of them takes."""

    def __init__(self, name):
        repositories, tags, depth = DATASETS[name]
        rng = random.Random(name)
        now = datetime.datetime.now(datetime.timezone.utc)
        self.name, self.repositories, self.old = name, {}, 0
        for number in range(repositories):
            path = "svc%04d" % number
            if depth == 3:
                path = "team%02d/group%d/%s" % (number // 50, number // 10 % 5, path)
            self.repositories[path] = self.fill(rng, now, tags, docker=number % 2 == 0 and repositories > 1)
        self.tags = sum(map(len, self.repositories.values()))

    def fill(self, rng, now, count, docker):
        made, last, days = {}, None, None
        for number in range(count):
            if last is None or rng.random() >= 0.1:  # else: one more tag of the same image
                days = rng.randrange(1, 1000)
                docker = docker if count < 1000 else rng.random() < 0.5
                last = self.image(rng, now - datetime.timedelta(days=days + 0.5), docker)
            made["v1.%d" % number] = last
            self.old += days > DAYS
        return made

    @staticmethod
    def image(rng, created, docker):
        def one(platform):
            return images.image(created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), docker, platform, layers=LAYERS,
                                history=HISTORY)
        if rng.random() >= 0.1:
            return one("linux/amd64")
        return images.index([one(p) for p in PLATFORMS[:rng.randrange(2, 5)]], docker)

    def urls(self, base):
        """What `find` needs: the lists, each tag's manifest, and each distinct child and config once."""
        yield f"{base}/v2/_catalog?n=1000"
        for repository, tags in self.repositories.items():
            top = f"{base}/v2/{repository}"
            yield f"{top}/tags/list"
            for tag in tags:
                yield f"{top}/manifests/{tag}"
            parts = {part.digest: part for image in tags.values() for part in image.family()}
            for image in {image.digest: image for image in tags.values()}.values():
                for child in image.children:
                    yield f"{top}/manifests/{child.digest}"
            for part in parts.values():
                if not part.children:
                    yield f"{top}/blobs/{part.document['config']['digest']}"


class Distribution(servers.Distribution2):
    name = "distribution"

    def config(self):
        return {**super().config(), "log": {"level": "error"}}  # its access log counts the requests

    def fill(self, dataset):
        sink = self.folder_sink()
        for repository, tags in dataset.repositories.items():
            sink.push_all(repository, tags)

    def requests(self):
        with open(self.folder / "server.log", "rb") as log:
            return sum(b'"GET /v2/' in line or b'"HEAD /v2/' in line for line in log)


class Nginx(servers.Server):
    """The same answers from static files. A manifest's media type is its file's extension, its digest its name."""

    name = "nginx"
    CONFIG = """
{user} daemon off; pid nginx.pid; error_log error.log; worker_processes 2; worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  access_log off; etag off; sendfile on; tcp_nopush on; keepalive_requests 10000000; root storage;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  map_hash_max_size 262144; map_hash_bucket_size 256;
  map $uri $of_tag {{ include tags.map; }}
  map $uri $digest {{ ~/([0-9a-f]+)\\.[a-z]+$ sha256:$1; }}
  types {{ {types} application/json json; }}
  default_type application/octet-stream;
  server {{
    listen {host};
    location = /v2/ {{ try_files /ping.json =404; }}
    location = /v2/_catalog {{ try_files /catalog.json =404; }}
    location = /status {{ stub_status; }}
    location ~ ^/v2/(?<repository>.+)/tags/list$ {{ try_files /lists/$repository.json =404; }}
    location ~ ^/v2/.+/manifests/sha256:(?<hex>[0-9a-f]+)$ {{
      add_header Docker-Content-Digest sha256:$hex;
      try_files {by_digest} =404;
    }}
    location ~ ^/v2/.+/manifests/ {{ add_header Docker-Content-Digest $digest; try_files $of_tag =404; }}
    location ~ ^/v2/.+/blobs/sha256:(?<hex>[0-9a-f]+)$ {{ try_files /blobs/$hex =404; }}
  }}
}}
"""

    @staticmethod
    def program():
        return servers.found("nginx")

    def command(self):
        (self.folder / "nginx.conf").write_text(self.CONFIG.format(
            host=self.host, user="user root;" if os.getuid() == 0 else "", types=" ".join(f"{kind} {ext};" for kind, ext in EXTENSIONS.items()),
            by_digest=" ".join(f"/manifests/$hex.{ext}" for ext in EXTENSIONS.values())))
        return [self.program(), "-p", str(self.folder), "-e", "error.log", "-c", "nginx.conf"]

    def fill(self, dataset):
        written = set()

        def write(path, data):
            if path not in written:
                written.add(path)
                target = self.storage / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)

        tags_map = []
        write("ping.json", b"{}")
        write("catalog.json", images.as_bytes({"repositories": sorted(dataset.repositories)}))
        for repository, tags in dataset.repositories.items():
            write(f"lists/{repository}.json", images.as_bytes({"name": repository, "tags": list(tags)}))
            for tag, image in tags.items():
                tags_map.append(f"/v2/{repository}/manifests/{tag} /{self.manifest_path(image)};\n")
                for part in image.family():
                    write(self.manifest_path(part), part.data)
                    for digest, data in part.blobs.items():
                        write("blobs/" + digest.partition(":")[2], data)
        (self.folder / "tags.map").write_text("".join(tags_map))

    @staticmethod
    def manifest_path(image):
        return f"manifests/{image.digest.partition(':')[2]}.{EXTENSIONS[image.media_type]}"

    def requests(self):
        """As nginx counts them, less those of asking."""
        answer, body = self.sink.request("GET", "/status")
        self.asked = getattr(self, "asked", 0) + 1
        return int(body.split()[9]) - self.asked


def run_mfetch(options, urls):
    """Seconds, CPU seconds, requests."""
    done = subprocess.run([options.mfetch, str(options.connections), HEADER], input="\n".join(urls) + "\n",
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"mfetch: {done.stderr.strip()}")
    seconds, requests, cpu = done.stdout.split()
    return float(seconds), float(cpu), int(requests)


def usage_of(pid):
    """CPU seconds and peak memory in MiB of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text().split()
    return ((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
            int(status[status.index("VmHWM:") + 1]) / 1024)


def run_find(options, server, dataset, folder):
    """Seconds, CPU seconds, MiB, requests."""
    before = server.requests()
    command = [options.regfs, server.url, str(folder / "mnt"), "-o",
               f"connections={options.connections},log={folder / 'log'},log_level=warn"]
    mount = mounts.Mount(server.url, folder, command=command)
    try:
        begin = time.monotonic()
        found = subprocess.run(["find", str(mount.dir), "-mtime", f"+{DAYS}"], capture_output=True, text=True)
        seconds = time.monotonic() - begin
        cpu, memory = usage_of(mount.pid)
    finally:
        mount.close()
    old = sum("/_tags/" in path for path in found.stdout.splitlines())
    if found.returncode != 0 or old != dataset.old:
        sys.exit(f"find: exit status {found.returncode}, {old} tags instead of {dataset.old}: {found.stderr[:500]}")
    return seconds, cpu, memory, server.requests() - before


class Row(NamedTuple):
    server: str
    dataset: str
    tags: int
    bare: float
    seconds: float
    ratio: float
    bare_cpu: float
    cpu: float
    memory: float
    bare_requests: float
    requests: float

    HEAD = ("server", "data", "tags", "mfetch s", "find s", "ratio", "mfetch CPU", "regfs CPU", "regfs MiB",
            "mfetch req", "regfs req")
    FORM = ("<13", "<5", ">6", ">10.2f", ">8.2f", ">7.2f", ">12.2f", ">11.2f", ">11.0f", ">12.0f", ">11.0f")


def measure(options, server, dataset, work):
    """One row: the medians of runs that take turns."""
    urls = list(dataset.urls(server.url))
    plain, walk = [], []
    for n in range(options.runs):
        plain.append(run_mfetch(options, urls))
        walk.append(run_find(options, server, dataset, work / f"{server.name}-{dataset.name}-mount{n}"))
        print(f"{server.name} {dataset.name}: mfetch {plain[-1][0]:.2f} s, find {walk[-1][0]:.2f} s", file=sys.stderr)
    bare, bare_cpu, bare_requests = map(statistics.median, zip(*plain))
    seconds, cpu, memory, requests = map(statistics.median, zip(*walk))
    return Row(server.name, dataset.name, dataset.tags, bare, seconds, seconds / bare, bare_cpu, cpu, memory,
               bare_requests, requests)


def table(rows):
    print("".join(format(text, form.split(".")[0]) for text, form in zip(Row.HEAD, Row.FORM)))
    for row in rows:
        print("".join(map(format, row, Row.FORM)), flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regfs", required=True, type=os.path.abspath)
    parser.add_argument("--mfetch", required=True, type=os.path.abspath)
    parser.add_argument("--datasets", default="A,B,C", help="A: 100 x 100 tags, B: 1 x 10,000, C: 1,000 x 10, nested")
    parser.add_argument("--servers", default="distribution,nginx")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--limit", type=float, default=1.25, help="highest ratio against distribution (1.25)")
    return parser.parse_args()


def main():
    options = arguments()
    rows = []
    mounts.adopt_daemons()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # and so unmount and stop the servers
    with tempfile.TemporaryDirectory(prefix="regfs-bench-") as work:
        for name in options.datasets.split(","):
            dataset = Dataset(name)
            for kind in (Distribution, Nginx):
                if kind.name not in options.servers.split(","):
                    continue
                if not kind.program():
                    print(f"{kind.name} is not installed: not measured", file=sys.stderr)
                    continue
                server = kind(Path(work, f"{kind.name}-{name}"))
                try:
                    server.fill(dataset)
                    rows.append(measure(options, server.start(), dataset, Path(work)))
                finally:
                    server.stop()
                    shutil.rmtree(server.folder)
    table(rows)
    slow = [row for row in rows if row.server == Distribution.name and row.ratio > options.limit]
    for row in slow:
        print(f"dataset {row.dataset}: the walk takes {row.ratio:.2f} times what mfetch takes; allowed: {options.limit}")
    return 1 if slow or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
