"""The demo, small, with its own ports and folders; what it leaves running."""

import psutil
import pytest

from stack.leftovers import leftovers
from tests.demo_stack import Stack

pytestmark = pytest.mark.stack
ORDERS = 2_000


def test_the_demo_passes(stack: Stack) -> None:
    """Orders with every fault among them reach the marts, and every cent is accounted for."""
    said = stack.succeed("demo", "--orders", str(ORDERS), seconds=900)
    assert "PASS" in said


def test_every_part_is_running_after_the_demo(stack: Stack) -> None:
    """The stack stays up, and orders go on arriving."""
    states = {part["name"]: part["state"] for part in stack.status()["parts"]}
    assert set(states.values()) == {"running"}, states


def test_secrets_and_sockets_are_private(stack: Stack) -> None:
    """Nobody else on the machine can read a password or command the process manager."""
    secrets = list((stack.folder.root / "secrets").iterdir())
    open_to_others = [
        path for path in [*secrets, stack.folder.supervisor_socket] if path.stat().st_mode & 0o077
    ]
    assert secrets
    assert not open_to_others


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    """No part can be reached from another machine."""
    listening = [
        (process.pid, connection.laddr.ip)
        for process in leftovers(stack.folder)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {ip for _, ip in listening} <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}, listening
