# SPDX-License-Identifier: MIT
"""What stands between: a proxy of the sort that HTTPS_PROXY names, and a relay that can go away and come back."""
import base64
import socket
import threading
from urllib.parse import urlsplit

from lib.ports import accept, reserve


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Forward:
    """CONNECT for https, whole URLs for http. It writes down what it is asked."""

    def __init__(self, user=None, password=None, refuse=None):
        """refuse: a status line for all that is asked. Names that end in .test are this machine."""
        self.authorization = user and "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.refuse = refuse
        self.lock = threading.Lock()
        self.lines, self.heads = [], []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.host = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.url = f"http://{f'{user}:{password}@' if user else ''}{self.host}"
        threading.Thread(target=accept, args=(self.socket, self.start), daemon=True).start()

    def stop(self):
        self.socket.close()

    def start(self, client):
        threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            try:
                self.answer(client)
            except (OSError, ValueError):
                pass

    def answer(self, client):
        data = b""
        while b"\r\n\r\n" not in data:
            more = client.recv(65536)
            if not more:
                return
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        with self.lock:
            self.lines.append(lines[0])
            self.heads.append(headers)
        status = self.refuse
        if self.authorization and headers.get("proxy-authorization") != self.authorization:
            status = "407 Proxy Authentication Required"
        if status:
            client.sendall(f"HTTP/1.1 {status}\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n"
                           "Connection: close\r\n\r\n".encode())
            return
        method, target, _ = lines[0].split(" ")
        parts = urlsplit("//" + target if method == "CONNECT" else target)
        name = "127.0.0.1" if parts.hostname.endswith(".test") else parts.hostname
        with socket.create_connection((name, parts.port or 80), 10) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:  # one request a connection: enough for a test
                path = parts.path + (f"?{parts.query}" if parts.query else "")
                kept = [line for line in lines[1:] if not line.lower().startswith(("proxy-", "connection:"))]
                rest = "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode() + rest
            server.sendall(rest)
            back = threading.Thread(target=copy, args=(server, client), daemon=True)
            back.start()
            copy(client, server)
            back.join(10)


class Relay:
    """Another address for a server, which can be closed, or go silent as a host does that is switched off."""

    def __init__(self, server):
        self.target = server.host.rpartition(":")[2]
        self.reserved = reserve()  # nobody else listens there while it is closed
        self.port = self.reserved.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = "http://" + self.host
        self.socket, self.waiting = None, []
        self.open()

    def listen(self, backlog):
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=backlog)

    def open(self):
        self.close()
        self.listen(128)
        self.connections = []
        threading.Thread(target=accept, args=(self.socket, self.start), daemon=True).start()

    def start(self, client):
        server = socket.create_connection(("127.0.0.1", int(self.target)))
        self.connections += [client, server]
        for pair in ((client, server), (server, client)):
            threading.Thread(target=copy, args=pair, daemon=True).start()

    def close(self):
        """Nobody listens there, and what was connected is cut."""
        if self.socket:
            try:
                self.socket.shutdown(socket.SHUT_RDWR)  # or accept() goes on
            except OSError:
                pass
            self.socket.close()
            self.socket = None
            for one in self.connections + self.waiting:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                one.close()
        self.connections, self.waiting = [], []

    def stop(self):
        self.close()
        self.reserved.close()

    def silence(self):
        """Nothing answers there, not even by a refusal: whoever asks waits."""
        self.close()
        self.listen(0)
        for _ in range(4):  # more than are let in
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            self.waiting.append(one)
