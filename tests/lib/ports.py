# SPDX-License-Identifier: MIT
"""Loopback ports, and waiting for what listens on them."""
import collections
import socket
import time

# Bound, and listening to nobody: the system gives such a port to nobody who leaves the choice to it, be it to listen or
# to connect; and a server that asks for it by its number gets it, since servers set SO_REUSEADDR as well. So a port is
# still free when its server is ready for it, or comes back. The last ones only: a process may have so many open files.
_reserved = collections.deque(maxlen=200)


def reserve(port=0, host="127.0.0.1"):
    """A socket that keeps the port for whoever asks for it by its number. Until it is closed."""
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    return s


def free_port(host="127.0.0.1"):
    """A port that nobody listens on; nor does anybody before the test's own server."""
    s = reserve(host=host)
    _reserved.append(s)
    return s.getsockname()[1]


def listens(port, host="127.0.0.1"):
    """Does somebody take connections there?"""
    try:
        socket.create_connection((host, port), 5).close()
        return True
    except OSError:
        return False


def accept(server, serve):
    """Gives each connection to serve(), one after the other, until the socket is closed."""
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        serve(client)


def wait_until(condition, seconds, what):
    """Polls; returns the condition's first true value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
