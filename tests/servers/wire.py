# SPDX-License-Identifier: MIT
"""HTTP/1.1 with keep-alive on an asyncio transport: requests in, answers and their faults out."""
import asyncio
import base64
import time
from email.utils import formatdate
from http.client import responses

from servers.answers import Request, Response


def parse_headers(lines):
    """By name in lower case; one that comes several times is joined, as a list is."""
    headers = {}
    for line in lines:
        key, _, value = line.partition(":")
        key = key.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return headers


def take_body(headers, rest):
    """The body of a request and what follows it; None while there is more to come."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        length = int(headers.get("content-length", 0))
        return (rest[:length], rest[length:]) if len(rest) >= length else None
    body = b""
    while True:
        line, mark, rest = rest.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16) if mark else 0
        if not mark or len(rest) < size + 2:
            return None
        if not size:
            return body, rest[2:]
        body, rest = body + rest[:size], rest[size + 2:]


class Connection(asyncio.Protocol):
    """One connection. `server.effect(request)` says what befalls it, `server.handle(request, effect)` answers it."""

    def __init__(self, listener, server):
        self.listener = listener
        self.server = server
        self.buffer = b""
        self.busy = None  # the log record of the request that is being answered
        self.timer = None

    def connection_made(self, transport):
        self.transport = transport
        self.server.connected(self.listener, +1)

    def connection_lost(self, error):
        self.finish()
        if self.timer:
            self.timer.cancel()
        self.server.connected(self.listener, -1)

    def data_received(self, data):
        self.buffer += data
        if not self.buffer[:1].isalpha():  # TLS, most likely
            self.transport.abort()
            return
        self.next_request()

    def next_request(self):
        while not self.busy and not self.transport.is_closing():
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            lines = head.decode("latin-1").split("\r\n")
            headers = parse_headers(lines[1:])
            whole = take_body(headers, rest)
            if not whole:
                return
            body, self.buffer = whole
            method, target, _ = lines[0].split(" ", 2)
            self.start(Request(method, target, headers, body, self.listener))

    def start(self, request):
        self.busy = self.server.begin(request)
        effect = self.server.effect(request)
        if effect.get("hold") == "request":
            record = self.busy
            self.server.held.append(lambda: self.go_on(request, effect, record))
        else:
            self.go_on(request, effect, self.busy)

    def go_on(self, request, effect, record):
        response = self.server.handle(request, effect)
        record["status"], record["done"] = response.status, request.done
        if effect.get("hold") == "answer":
            self.server.held.append(lambda: self.answer(request, response, effect))
        else:
            self.after(effect.get("delay", 0), lambda: self.answer(request, response, effect))

    def after(self, seconds, call):
        if seconds:
            self.timer = asyncio.get_running_loop().call_later(seconds, call)
        else:
            call()

    def finish(self):
        if self.busy:
            self.server.end(self.busy)
            self.busy = None

    def done(self):
        self.finish()
        self.next_request()

    def close(self):
        self.finish()
        self.transport.close()

    def answer(self, request, response, effect):
        if self.transport.is_closing():
            return
        if effect.get("hang") == "request":
            return  # busy for ever: until the client goes away
        if effect.get("reset"):
            self.transport.abort()
            return
        if "raw" in effect:
            self.transport.write(base64.b64decode(effect["raw"]))
            self.close()
            return
        self.transport.write(self.head(response, effect))
        if effect.get("hang") == "headers":
            return
        if request.method == "HEAD":
            self.done()
        else:
            self.send_body(response.body, effect)

    @staticmethod
    def head(response, effect):
        headers = dict(response.headers)
        if effect.get("chunked"):
            headers["Transfer-Encoding"] = "chunked"
        elif response.status not in (204, 304):
            headers["Content-Length"] = str(len(response.body) + effect.get("length", 0))
        lines = [f"HTTP/1.1 {response.status} {responses.get(response.status, 'Unknown')}"]
        lines += [f"{k}: {v}" for k, v in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send_body(self, body, effect):
        if effect.get("hang") == "body":
            self.transport.write(body[:len(body) // 2])
        elif "cut" in effect:
            self.transport.write(body[:effect["cut"]])
            self.close()
        elif "drip" in effect:
            self.drip(body, effect["drip"])
        elif effect.get("chunked"):
            self.transport.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n")
            self.done()
        else:
            self.transport.write(body)
            # A length that lies leaves the connection in a state that cannot be used again.
            (self.close if effect.get("length") else self.done)()

    def drip(self, body, seconds):
        if self.transport.is_closing():
            return
        if not body:
            self.done()
            return
        self.transport.write(body[:1])
        self.after(seconds, lambda: self.drip(body[1:], seconds))


def damaged(response, effect, other):
    """The answer with the effects that change its content; those of the wire come later."""
    headers = dict(response.headers)
    status, body = response.status, response.body
    if "redirect" in effect:
        base = other if effect["redirect"] == "other" else effect["redirect"]
        return Response(307, {"Location": base + effect["target"]})
    if "status" in effect or "body" in effect or "fill" in effect:
        status = effect.get("status", status)
        body = base64.b64decode(effect.get("body", "")) or b" " * effect.get("fill", 0)
        if "status" in effect:
            headers = {"Content-Type": "text/plain"}
    if "type" in effect:
        headers["Content-Type"] = effect["type"]
    if "digest" in effect and "Docker-Content-Digest" in headers:
        headers["Docker-Content-Digest"] = effect["digest"]
        if not effect["digest"]:
            del headers["Docker-Content-Digest"]
    if "clock" in effect:
        headers["Date"] = formatdate(time.time() + effect["clock"], usegmt=True)
    if effect.get("corrupt"):
        body = bytes([body[0] ^ 0x20]) + body[1:]
    headers.update(effect.get("headers", {}))
    return Response(status, headers, body)
