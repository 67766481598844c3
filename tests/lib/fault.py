# SPDX-License-Identifier: MIT
"""Starts and steers the registry that misbehaves (servers/fault.py)."""
import base64
import collections
import json
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

from lib.ports import reserve

TESTS = Path(__file__).resolve().parent.parent


def text(data):
    return base64.b64encode(data).decode()


class FaultRegistry:
    """A sink for images (see lib/images.py), a source for mounts, and a witness."""

    name = "fault"
    user = password = None

    def __init__(self, tls=None):
        command = [sys.executable, "-m", "servers.fault"] + (["--tls", *map(str, tls)] if tls else [])
        self.reserved = None
        self.process = subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = json.loads(self.process.stdout.readline())
        self.host = f"127.0.0.1:{self.ports['main']}"
        self.other = f"127.0.0.1:{self.ports['other']}"
        self.url = ("https://" if tls else "http://") + self.host

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        if self.reserved:
            self.reserved.close()

    def kill(self):
        """It is gone, and until the end of the test nobody else comes to listen there."""
        self.process.kill()
        self.process.wait()
        self.reserved = reserve(self.ports["main"])

    def call(self, operation, argument=None):
        connection = HTTPConnection("127.0.0.1", self.ports["control"], timeout=60)
        connection.request("POST", "/_control/" + operation, json.dumps(argument))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise ValueError(body.decode())
        return json.loads(body)

    # What it holds

    def push_all(self, repository, images):
        """images: {tag: image}; a tag of None pushes by digest alone."""
        content = {"tags": {}, "manifests": {}, "blobs": {}}
        for tag, image in images.items() if isinstance(images, dict) else images:
            if tag is not None:
                content["tags"][tag] = image.digest
            for part in image.family():
                content["manifests"][part.digest] = (part.media_type, text(part.data))
                content["blobs"].update({digest: text(data) for digest, data in part.blobs.items()})
        self.call("add", {repository: content})

    def push(self, repository, tag, image):
        self.push_all(repository, [(tag, image)])

    def empty_repository(self, repository):
        self.push_all(repository, {})

    def untag(self, repository, *tags):
        self.call("untag", {"repository": repository, "tags": tags})

    def lose(self, repository, *digests):
        """Manifests and blobs go behind everybody's back, as by a collection of garbage."""
        self.call("lose", {"repository": repository, "digests": digests})

    def show(self, repository):
        """{"tags": {tag: digest}, "manifests": [...], "blobs": [...]}, or None."""
        return self.call("show", repository)

    # How it behaves

    def settings(self, **values):
        self.call("settings", values)

    def profile(self, name):
        """Whose manners it has: see servers/profiles.py."""
        self.call("profile", name)

    def access(self, mode, **settings):
        self.call("access", {"mode": mode, **settings})

    def rule(self, **fields):
        """See servers/rules.py. Bytes may be given for body and raw. Returns the rule's number."""
        for key in ("body", "raw"):
            if key in fields:
                fields[key] = text(fields[key])
        return self.call("rule", fields)

    def forget(self, number=None):
        self.call("forget", number)

    def release(self):
        """Lets go on what a rule holds (hold=...)."""
        return self.call("release")

    # What it saw

    def reset(self):
        self.call("reset")

    def state(self):
        return self.call("state")

    def requests(self, **wanted):
        """The requests so far, in order; by what they hold: kind=..., repository=..., method=..."""
        return self.call("requests", wanted)

    def counts(self, by="kind"):
        """How many requests of each kind, or method."""
        return collections.Counter(r[by] for r in self.requests())

    def changes(self):
        """All that was asked for beyond reading, in order: (method, repository, reference, whether it was done)."""
        return [(r["method"], r["repository"], r["reference"], r["done"]) for r in self.requests()
                if r["method"] not in ("GET", "HEAD")]

    def wait_for(self, number, seconds=20, **wanted):
        """Waits until that many requests of a sort have come: no test needs to guess with a sleep."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.requests(**wanted)
            if len(found) >= number:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{len(found)} of {number} requests {wanted} after {seconds} s")

    def quiet(self, silence=0.5, seconds=20):
        """Waits until no request has come for a while, and nothing is under way."""
        end = time.monotonic() + seconds
        before, since = None, time.monotonic()
        while time.monotonic() < end:
            state = self.state()
            if state["requests"] != before or state["active"]:
                before, since = state["requests"], time.monotonic()
            elif time.monotonic() - since > silence:
                return
            time.sleep(0.05)
        raise AssertionError("the registry is still being asked")
