# SPDX-License-Identifier: MIT
"""The builtin engine beside a registry that is pushed to, a hundred times: what was pushed is there."""
import os
import random
import shlex
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib import images as im
from lib import servers
from lib.gc import restart, unpulled
from lib.pushing import Client
from lib.redis import Redis
from lib.registry_api import Api
from lib.storage import Disk

pytestmark = pytest.mark.thorough

ROUNDS, IMAGES = 20, 10  # of each registry
RUN = ["--engine=builtin", "--grace=0", "--settle=1"]


class Cached(servers.Distribution2):
    def config(self):
        config = super().config()
        config["storage"]["cache"] = {"blobdescriptor": "inmemory"}
        return config


class InRedis(servers.Distribution2):
    """What it remembers is kept by another program: a restart changes nothing."""

    redis = None  # set by who has one

    def config(self):
        config = super().config()
        config["storage"]["cache"] = {"blobdescriptor": "redis"}
        config["redis"] = {"addr": self.redis.addr}
        return config


class Restarter:
    """Empties a registry's cache when a shell command asks for it, and lets the command end then: by a restart, but for
    redis, which the command sees to itself. Calls back right before."""

    def __init__(self, server, folder, before):
        self.server, self.before = server, before
        self.redis = isinstance(server, InRedis)
        self.asked, self.done = folder / "asked", folder / "done"
        for path in (self.asked, self.done):
            os.mkfifo(path)
        # Open at both ends, so that no open() waits for the other side.
        self.files = [os.open(path, os.O_RDWR) for path in (self.asked, self.done)]
        self.count = 0
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def command(self):
        flush = f"; redis-cli -p {self.server.redis.port} flushdb >/dev/null" if self.redis else ""
        return f"echo x >{shlex.quote(str(self.asked))}; read x <{shlex.quote(str(self.done))}" + flush

    def work(self):
        while os.read(self.files[0], 100) == b"x\n":
            self.before()
            if self.redis:
                assert self.server.redis.count()
            else:
                restart(self.server)
            self.count += 1
            os.write(self.files[1], b"x\n")

    def close(self):
        os.write(self.files[0], b"end\n")
        self.thread.join()
        for file in self.files:
            os.close(file)


class Place:
    """One registry, its images, and the runs of the engine over it, one after the other."""

    def __init__(self, number, server, gc, folder):
        self.server, self.gc, self.folder = server, gc, folder
        folder.mkdir()
        self.random = random.Random(number)
        self.shared = [im.layer(f"{number} {n}\n" * 50) for n in range(6)]
        self.images = {}  # {tag: image} of all that is there
        self.deleted = set()  # tags, while the engine is at work
        self.gone = {}  # what was deleted, and may be collected
        self.restarter = Restarter(server, folder, self.push_late) if isinstance(server, (Cached, InRedis)) else None
        self.late = None  # (tag, image) that is garbage until it is pushed between the phases
        self.taken = self.put_back = self.pushes = self.again = 0
        self.lock = threading.Lock()

    def new(self, name):
        layers = [im.layer(f"{name}\n" * 20), self.random.choice(self.shared)]
        image = im.image(layers=layers, docker=self.random.random() < 0.5)
        return im.index([image]) if image.media_type == im.OCI_MANIFEST and self.random.random() < 0.3 else image

    def prepare(self, number):
        """Deletes images; ten to push meanwhile: half of them deleted ones, which are garbage now."""
        client = Client(self.server)
        for tag in self.random.sample(sorted(self.images), min(len(self.images), IMAGES - 1)):
            self.gone[tag] = self.images.pop(tag)
            for part in reversed(list(self.gone[tag].family())):
                client.delete("app", part.digest)
        client.close()
        old = self.random.sample(sorted(self.gone), min(len(self.gone), IMAGES // 2))
        chosen = {tag: self.gone.pop(tag) for tag in old}
        for n in range(IMAGES - len(chosen)):
            chosen[f"r{number}-{n}"] = self.new(f"{number} {n}")
        if self.restarter:
            self.late = (f"late{number}", im.image(layers=[im.layer(f"late {number}\n" * 20)]))
            client.push("app", *self.late)
            client.delete("app", self.late[1].digest)
            client.close()
        return chosen

    def push_late(self):
        """Its blobs are in quarantine, and the registry remembers that it has them."""
        client = Client(self.server)
        client.push("app", *self.late)
        client.close()

    def pusher(self, chosen, run, seed):
        """Pushes its images one after the other, again and again, until the engine has ended."""
        client, chance, first = Client(self.server), random.Random(seed), True
        try:
            while first or run.poll() is None:
                for tag, image in chosen:
                    if not first and chance.random() < 0.3:  # garbage anew, and a moment later not any more
                        self.deleted.add(tag)
                        client.delete("app", image.digest)
                    client.push("app", tag, image)
                    with self.lock:
                        self.pushes += 1
                    time.sleep(chance.uniform(0, 0.05))  # a pace, not a wait
                first = False
        finally:
            with self.lock:
                self.again += client.again
            client.close()

    def round(self, number):
        chosen = self.prepare(number)
        self.deleted.clear()
        words = ["--restart-command", self.restarter.command()] if self.restarter else []
        run = self.gc.start("run", self.server, *RUN, *words, "--json")
        items = list(chosen.items())
        self.random.shuffle(items)
        with ThreadPoolExecutor(2) as pool:
            pushers = [pool.submit(self.pusher, items[n::2], run, f"{number} {n}") for n in range(2)]
            ended = self.gc.ended(run, status=None)
        for one in pushers:
            one.result()
        # A delete in flight shows: a tag is there, its manifest is not any more. Of what is not being deleted, nothing.
        odd = [p for p in ended["problems"] if p["kind"] not in ("tag-bad", "tag-dangling") or p["tag"] not in self.deleted]
        assert ended.status == bool(ended["problems"]) and odd == [], (ended.err, ended.out)
        self.taken += ended["taken"]["count"]
        self.put_back += ended["put_back"]["count"]
        if self.late:
            chosen = chosen | dict([self.late])
        self.images.update(chosen)
        self.check(chosen)

    def check(self, images):
        api = Api(self.server)
        for tag, image in images.items():
            assert api.digest("app", tag) == image.digest
            api.whole("app", tag)
        api.close()

    def rounds(self):
        try:
            for number in range(ROUNDS):
                self.round(number)
            self.check(self.images)
        finally:
            if self.restarter:
                self.restarter.close()


@pytest.fixture
def in_redis(tmp_path):
    redis = Redis(tmp_path / "redis")
    yield type("InRedis", (InRedis,), {"redis": redis})
    redis.stop()


def test_a_hundred_runs(gc, fresh, in_redis, tmp_path):
    kinds = [servers.Distribution2, servers.Distribution2, servers.Distribution3, Cached, in_redis]
    places = [Place(number, fresh(kind), gc, tmp_path / str(number)) for number, kind in enumerate(kinds)]
    with ThreadPoolExecutor(len(places)) as pool:
        for done in [pool.submit(place.rounds) for place in places]:
            done.result()
    assert sum(ROUNDS for _ in places) == 100
    for place in places:
        assert place.pushes >= ROUNDS * IMAGES
        assert place.taken > ROUNDS
        # With a cache both meet for sure; without one a registry looks, and the client uploads again.
        assert not place.restarter or (place.restarter.count == ROUNDS and place.put_back >= ROUNDS)
        place.server.stop()
        assert set(Disk(place.server.storage).tags()) == {("app", tag) for tag in place.images}
        assert unpulled(place.server, place.folder) == set()
        assert gc("check", place.server, "--verify")["problems"] == []
