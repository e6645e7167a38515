"""The demo, small, with its own ports and folders; what it leaves running."""

import math
from contextlib import suppress

import psutil
import pytest

from stack.leftovers import leftovers
from stack.processes import wait_until
from stack.prometheus_programs import STATSD_EXPORTER, binary
from tests.demo_stack import Stack
from tests.prometheus_tools import asked

pytestmark = pytest.mark.stack
ORDERS = 2_000


def test_the_demo_passes(stack: Stack) -> None:
    """Orders with every fault among them reach the marts, and every cent is accounted for."""
    said = stack.succeed("demo", "--orders", str(ORDERS), seconds=900)
    assert "PASS" in said


def test_every_part_is_running_after_the_demo(stack: Stack) -> None:
    """The stack stays up, and orders go on arriving."""

    def troubled() -> dict[str, str]:
        parts = {part["name"]: part["state"] for part in stack.status()["parts"]}
        return {name: state for name, state in parts.items() if state != "running"}

    # A part that takes long to answer once is no trouble.
    wait_until(lambda: not troubled(), seconds=60, what="every part to be running", interval=2)


def test_prometheus_watches_the_parts(stack: Stack) -> None:
    """Every part that has figures is scraped, every rule is evaluated, and nothing critical fires."""
    address = stack.status()["metrics"]["prometheus"]

    def targets() -> dict[str, str]:
        active = asked(address, "targets")["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in active}

    wait_until(lambda: set(targets().values()) == {"up"}, seconds=120, what="every target to be scraped")
    airflow = {"airflow"} if binary(STATSD_EXPORTER) else set()
    assert set(targets()) == {"lake-writer", "kafka", "postgres", "host", "prometheus"} | airflow
    rules = [rule for group in asked(address, "rules")["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}

    def critical() -> list[str]:
        firing = [alert for alert in asked(address, "alerts")["alerts"] if alert["state"] == "firing"]
        return [alert["labels"]["alertname"] for alert in firing if alert["labels"]["severity"] == "critical"]

    # What was over before one looked fires until the next scrape.
    wait_until(lambda: not critical(), seconds=180, what="no critical alert to fire", interval=2)


def test_the_books_of_prometheus_balance(stack: Stack) -> None:
    """What it was told is what the ledger holds: nothing is unaccounted for."""
    address = stack.status()["metrics"]["prometheus"]

    def told(query: str) -> float:
        found = asked(address, "query", query=query)["result"]
        return float(found[0]["value"][1]) if found else math.nan

    assert told("saleslake_records_unaccounted") == told("saleslake_cents_unaccounted") == 0
    # In one question, so that both sums are of one scrape.
    assert told("sum(saleslake_ledger_rows_total) - sum(saleslake_ledger_read_rows_total)") == 0
    assert told("saleslake_ledger_read_rows_total") >= ORDERS
    assert told("saleslake_arrival_to_live_seconds_count") > 0
    # Tables are counted once in a minute, for the first time while they are empty.
    wait_until(
        lambda: told('saleslake_table_files{table="silver.orders"}') > 0,
        seconds=120,
        what="files of silver.orders to be counted",
    )


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
    listening = {(process.pid, ip) for process in leftovers(stack.folder) for ip in listens_on(process)}
    assert listening
    assert {ip for _, ip in listening} <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}, listening


def listens_on(process: psutil.Process) -> list[str]:
    """Its addresses; none of one that has ended meanwhile, as Airflow's tasks do."""
    with suppress(psutil.NoSuchProcess):
        connections = process.net_connections()
        return [one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN]
    return []
