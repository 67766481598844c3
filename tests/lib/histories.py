# SPDX-License-Identifier: MIT
"""Random lives of a registry, by seed: pushes, moved tags, deletes by digest, re-pushes, all over HTTP."""
import random

from lib import images as im
from lib.registry_api import Api

REPOSITORIES = ["app", "app/web", "team/x"]
TAGS = [f"t{n}" for n in range(5)]


class History:
    """plain: no index and nothing with a subject, and every repository has had a tag."""

    def __init__(self, server, seed, steps=40, plain=False):
        self.server, self.plain = server, plain
        self.random = random.Random(f"{server.name} {seed}")
        self.layers = [im.layer(f"{seed} {n}\n" * (n + 1)) for n in range(8)]
        self.images = {name: [] for name in REPOSITORIES}  # what was ever pushed there
        self.api = Api(server)
        self.serial = f"{seed}-{steps}"
        for number in range(steps):
            self.step(number)
        self.api.close()

    def image(self, number, **more):
        return im.image(layers=self.random.sample(self.layers, self.random.randint(1, 3)), serial=f"{self.serial}-{number}",
                        docker=self.random.random() < 0.4, **more)

    def step(self, number):
        name = self.random.choice(REPOSITORIES)
        moves = [(self.new, 6), (self.again, 3), (self.elsewhere, 2), (self.delete, 6), (self.orphan, 1), (self.untag, 1)]
        if not self.plain:
            moves += [(self.index, 4), (self.refer, 3)]
        moves = self.random.choices([move for move, _ in moves], [weight for _, weight in moves])
        if not self.images[name]:
            moves = [self.new]
        moves[0](name, number)

    def push(self, name, image, tagged=0.8):
        tag = self.random.choice(TAGS) if self.random.random() < tagged or not self.images[name] else None
        self.server.push(name, tag, image)
        self.images[name] += [part for part in image.family() if part not in self.images[name]]

    def new(self, name, number):
        self.push(name, self.image(number))

    def again(self, name, number):
        """What was there before, deleted meanwhile or not; under a tag that may have moved."""
        self.push(name, self.random.choice(self.images[name]))

    def elsewhere(self, name, number):
        self.push(self.random.choice(REPOSITORIES), self.random.choice(self.images[name]))

    def index(self, name, number):
        docker = self.random.random() < 0.4
        known = [i for i in self.images[name] if (i.media_type in (im.DOCKER_MANIFEST, im.DOCKER_LIST)) == docker]
        if not docker:  # an index in an index
            known += [i for i in self.images[name] if i.media_type == im.OCI_INDEX]
        children = [im.image(layers=self.random.sample(self.layers, 2), docker=docker, serial=f"{self.serial}-{number}-0")]
        children += [i for i in self.random.sample(known, min(len(known), 2)) if i not in children]
        self.push(name, im.index(children, docker=docker, annotations={"number": f"{self.serial}-{number}"}))

    def refer(self, name, number):
        content = f"{self.serial}-{number}".encode()
        self.push(name, im.artifact(subject=self.random.choice(self.images[name]), content=content), tagged=0.2)

    def delete(self, name, number):
        image = self.random.choice(self.images[name])
        self.api.delete(name, image.digest)
        self.forget(name, image)

    def untag(self, name, number):
        """Version 3 only; version 2 says that a tag is no digest."""
        self.api.delete(name, self.random.choice(TAGS))

    def orphan(self, name, number):
        data = f"nobody's {self.serial} {number}".encode()
        self.server.sink.push_blob(name, im.digest_of(data), data)

    def forget(self, name, image):
        """It is to be pushed really, the next time."""
        self.server.sink.pushed.discard((name, image.digest))
