# SPDX-License-Identifier: MIT
"""The ports that tests choose for their servers: nobody else's, from the choice on."""
import socket

import pytest

from lib.forward import Relay
from lib.ports import free_port


def given_to_others():
    """The ports that the system hands out to whoever leaves the choice to it: some thousands, each many times."""
    found = set()
    for _ in range(60_000):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", 0))
            found.add(s.getsockname()[1])
    return found


def refused(port):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10)


def test_a_port_is_nobody_else_s():
    """Not before its server comes, and not while that is away."""
    port = free_port()
    for _ in range(2):
        refused(port)
        assert port not in given_to_others()
        with socket.create_server(("127.0.0.1", port)):
            socket.create_connection(("127.0.0.1", port), 10).close()


def test_a_relay_that_is_closed(fault):
    relay = Relay(fault)
    try:
        relay.close()
        refused(relay.port)
        assert relay.port not in given_to_others()
        relay.open()
        socket.create_connection(("127.0.0.1", relay.port), 10).close()
    finally:
        relay.stop()
