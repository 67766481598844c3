# SPDX-License-Identifier: MIT
"""Loopback ports, and waiting for what listens on them."""
import socket
import time


def free_port():
    """A port that nobody listens on now. It may be taken a moment later: who uses it must be ready to try again."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


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
