# SPDX-License-Identifier: MIT
"""A container registry on loopback that misbehaves on request and counts what it is asked.

    python3 -m servers.fault [--tls CERTIFICATE KEY]

prints the ports of its two listeners as one JSON line, and ends when its standard input does: so it never
outlives the test that started it. The second listener is "another host", where redirects lead. It is filled
and steered by POST /_control/OPERATION with JSON (see Control); lib/fault.py is the client for that.
One event loop, no thread: it answers some thousands of requests a second, and its counts are exact.
"""
import asyncio
import json
import ssl
import sys
import time

from servers.access import Access
from servers.answers import Answers, Response, as_json
from servers.changes import LIKE, Changes, digest_of
from servers.profiles import PROFILES
from servers.rules import Rules, is_done
from servers.wire import Connection, damaged


class Counter:
    """Every request, and how many were under way at once."""

    def __init__(self):
        self.reset()
        self.active = self.connections = 0

    def reset(self):
        self.records = []
        self.peak = self.peak_connections = 0

    def begin(self, request):
        record = {"method": request.method, "path": request.path, "query": request.query, "kind": request.kind,
                  "repository": request.repository, "reference": request.reference, "by": request.by,
                  "listener": request.listener,
                  "authorization": request.headers.get("authorization", "").partition(" ")[0],
                  "agent": request.headers.get("user-agent", ""), "range": request.headers.get("range"),
                  "expect": request.headers.get("expect"),
                  "time": time.monotonic(), "end": None, "done": False}
        if request.body:  # what was sent; of a manifest it is its digest
            record["type"], record["body"] = request.headers.get("content-type"), digest_of(request.body)
        self.records.append(record)
        self.active += 1
        self.peak = max(self.peak, self.active)
        return record

    def end(self, record):
        record["end"] = time.monotonic()
        self.active -= 1

    def connected(self, listener, change):
        if listener == "control":
            return
        self.connections += change
        self.peak_connections = max(self.peak_connections, self.connections)


class Control:
    """The operations behind /_control/. Each takes the JSON it was sent and returns some."""

    def __init__(self, server):
        self.server = server

    def add(self, content):
        for name, repository in content.items():
            self.server.answers.add(name, repository)

    def untag(self, names):
        repository = self.server.answers.repositories[names["repository"]]
        for tag in names["tags"]:
            del repository.tags[tag]

    def lose(self, names):
        """Manifests and blobs go, and nothing else, as a collection of garbage has it; tags to them stay."""
        repository = self.server.answers.repositories[names["repository"]]
        for digest in names["digests"]:
            repository.blobs.pop(digest, None)
            repository.manifests.pop(digest, None)

    def show(self, name):
        """All that a repository holds; None if there is none."""
        repository = self.server.answers.repositories.get(name)
        return repository and {"tags": repository.tags, "manifests": sorted(repository.manifests),
                               "blobs": sorted(repository.blobs)}

    def drop(self, name):
        del self.server.answers.repositories[name]

    def settings(self, values):
        unknown = set(values) - set(self.server.answers.settings)
        if unknown:
            raise ValueError(f"no such settings: {sorted(unknown)}")
        if values.get("like", LIKE[0]) not in LIKE:
            raise ValueError(f"like is one of {LIKE}")
        self.server.answers.settings.update(values)

    def profile(self, name):
        self.server.profile = PROFILES[name]()
        self.settings(self.server.profile.settings)

    def access(self, settings):
        self.server.access.configure(settings)

    def revoke(self, _):
        self.server.access.tokens.clear()

    def rule(self, fields):
        return self.server.rules.add(fields)

    def forget(self, number):
        self.server.rules.remove(number)

    def release(self, _):
        """Lets everything go on that a rule holds, and says how many requests that was."""
        held, self.server.held = self.server.held, []
        for go_on in held:
            go_on()
        return len(held)

    def requests(self, wanted):
        return [r for r in self.server.counter.records if all(r[k] == v for k, v in wanted.items())]

    def state(self, _):
        counter = self.server.counter
        return {"requests": len(counter.records), "active": counter.active, "peak": counter.peak, "held": len(self.server.held),
                "connections": counter.connections, "peak_connections": counter.peak_connections}

    def reset(self, _):
        self.server.counter.reset()


class Server:
    """What a connection needs of the whole: see wire.Connection."""

    def __init__(self):
        self.answers, self.access, self.rules, self.counter = Answers(), Access(), Rules(), Counter()
        self.changes = Changes(self.answers.repositories, self.answers.settings)
        self.profile = PROFILES["none"]()
        self.held = []  # what a rule holds: functions that go on with it
        self.control = Control(self)
        self.connected = self.counter.connected
        self.other = None

    def begin(self, request):
        return {} if request.path.startswith("/_control/") else self.counter.begin(request)

    def end(self, record):
        if record.get("kind"):
            self.counter.end(record)

    def effect(self, request):
        """What befalls the request; once for each."""
        if request.path.startswith("/_control/"):
            return {}
        refused = self.access.refuse(request)
        # No rule is spent on a refusal, so that credentials and faults can be tested together.
        return {"refused": refused} if refused else {**self.profile.effect(request), **self.rules.effect(request)}

    def handle(self, request, effect):
        if request.path.startswith("/_control/"):
            return self.controlled(request)
        if "refused" in effect:
            return effect["refused"]
        if request.kind == "token":
            answer = self.access.token(request)
        elif request.method in ("GET", "HEAD"):
            answer = self.profile.answer(request, self.answers.answer(request, effect), self.answers)
        else:
            answer = self.changes.answer(request, is_done(effect))
        return damaged(answer, {**effect, "target": request.target}, self.other)

    def controlled(self, request):
        operation = getattr(self.control, request.path.removeprefix("/_control/"))
        try:
            return as_json(operation(json.loads(request.body or b"null")))
        except (ValueError, KeyError, TypeError) as error:
            return Response(400, {}, repr(error).encode())


async def main(arguments):
    server, loop = Server(), asyncio.get_running_loop()
    context = None
    if arguments[:1] == ["--tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*arguments[1:3])
    listeners = {}
    for name, tls in (("main", context), ("other", None), ("control", None)):
        listeners[name] = await loop.create_server(
            lambda name=name: Connection(name, server), "127.0.0.1", 0, ssl=tls, backlog=1024)
    ports = {name: listener.sockets[0].getsockname()[1] for name, listener in listeners.items()}
    server.other = f"http://127.0.0.1:{ports['other']}"
    print(json.dumps(ports), flush=True)
    ended = loop.run_in_executor(None, sys.stdin.read)
    await ended


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
