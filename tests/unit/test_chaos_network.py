"""A connection that is cut breaks off at both ends; its server goes on."""

import socket
from contextlib import closing

import pytest

from stack.chaos.network import cut


def test_both_ends_notice_and_the_server_goes_on():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()

        count = cut(port)

        if count is None:  # nobody but root may cut
            client.sendall(b"still there")
            return
        assert count == 1
        for end in (client, accepted):
            with pytest.raises(OSError, match=r"reset|abort|timed out|Broken"):
                end.recv(1)
        with closing(socket.create_connection(("127.0.0.1", port))):
            server.accept()[0].close()
