"""The demo, small, with its own ports and folders; then the driver dies in mid-batch, then everything."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from kafka import KafkaProducer

from include.airflow_api import AirflowApi
from include.settings import PROJECT_ROOT, AirflowSettings, settings_file
from lake.tables import checkpoint
from stack.files import write_private
from stack.layout import RunFolder
from stack.leftovers import leftovers
from stack.processes import wait_until
from tests.orders import order

pytestmark = pytest.mark.stack
ORDERS = 2_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Stack:
    """The command line, on a run folder of the test's own."""

    def __init__(self, root: Path) -> None:
        self.folder = RunFolder(root)

    def call(self, *words: str, seconds: float = 300) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "stack.cli", "--run-dir", str(self.folder.root), *words]
        return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=seconds)

    def succeed(self, *words: str, seconds: float = 300) -> str:
        done = self.call(*words, seconds=seconds)
        assert done.returncode == 0, (
            f"saleslake {' '.join(words)}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done.stdout

    def status(self) -> dict[str, Any]:
        return json.loads(self.succeed("status", "--json"))

    def rejected(self, since: str) -> dict[str, Any]:
        return json.loads(
            self.succeed("rejected", "--json", "--reason", "not_json", "--from", since, "--samples", "999")
        )

    def pid_of(self, part: str) -> int:
        return int(next(one["pid"] for one in self.status()["parts"] if one["name"] == part))


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    root = Path(tempfile.mkdtemp(prefix="saleslake-demo-"))
    stack = Stack(root)
    # A few small files are too many, so that a small lake has something to compact.
    few = {"most_small_files": 2, "most_small_files_today": 2}
    write_private(settings_file(root), json.dumps({"maintenance": few}))
    yield stack
    stack.call("down")
    shutil.rmtree(root, ignore_errors=True)


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


def test_a_quarantined_order_is_sent_again_from_airflow(stack: Stack) -> None:
    """A byte-order mark keeps it out of silver; a run of replay_rejected takes it off and brings it in."""
    said = stack.status()
    now = datetime.now(UTC).isoformat()
    produce(said["kafka"], BYTE_ORDER_MARK + json.dumps(order(order_id="O-again", ordered_at=now)).encode())
    wait_until(lambda: stack.rejected(now)["records"] > 0, seconds=90, what="it in silver.rejected")
    request = {"dry_run": False, "reasons": ["not_json"], "fix": "strip_byte_order_mark", "from": now}
    where = AirflowSettings(url=said["airflow"]["url"], credentials_file=said["airflow"]["credentials_file"])
    with AirflowApi(where) as airflow:
        run_id = airflow.trigger("replay_rejected", request)
        assert airflow.wait("replay_rejected", run_id, timeout_seconds=180) == "success"
        done = airflow.return_value("replay_rejected", run_id, "send_again")

    # The simulator may have sent another one of that kind.
    assert done["sent"] == done["chosen"] > 0
    silver = {"sent": done["sent"], "in silver": done["sent"]}
    wait_until(lambda: stack.rejected(now)["redriven"] == silver, seconds=90, what="the copies in silver")
    assert "PASS" in stack.succeed("reconcile", "--wait", "180")


def test_tables_are_compacted_from_airflow_while_orders_stream(stack: Stack) -> None:
    """A run of maintain_lake leaves fewer files and the same rows; the stream goes on."""
    said = stack.status()["airflow"]
    with AirflowApi(AirflowSettings(url=said["url"], credentials_file=said["credentials_file"])) as airflow:
        run_id = airflow.trigger("maintain_lake", {})
        assert airflow.wait("maintain_lake", run_id, timeout_seconds=300) == "success"
        done = airflow.return_value("maintain_lake", run_id, "compact")

    assert {step["table"] for step in done["steps"]} >= {"bronze.orders", "gold.order_value_minute"}
    for outcome in done["outcomes"]:
        result = outcome["result"]
        assert result["files_after"] < result["files_before"], outcome
        assert ":" in result["content"], outcome
    assert "PASS" in stack.succeed("reconcile", "--wait", "180")


def produce(kafka: dict[str, Any], value: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=kafka["bootstrap"])) as producer:
        producer.send(kafka["topic"], value).get(timeout=60)


def test_no_cent_is_lost_when_the_driver_dies_in_mid_batch(stack: Stack) -> None:
    """`kill -9` while orders arrive: the process manager starts another driver, and the books balance."""
    victim = stack.pid_of("lake-writer")
    stack.succeed("simulate", "--count", "500", "--duplicates", "5%", "--bad", "2%")
    wait_until(lambda: has_batch_in_hand(stack), seconds=60, what="a batch in the making", interval=0.05)
    os.kill(victim, signal.SIGKILL)
    assert has_batch_in_hand(stack), "the batch was over before the driver died: nothing was tested"

    assert "PASS" in stack.succeed("reconcile", "--wait", "180")
    assert stack.pid_of("lake-writer") != victim


def has_batch_in_hand(stack: Stack) -> bool:
    """Spark has planned a batch that it has not committed yet."""
    folder = checkpoint(stack.folder.lake_root, "orders")
    planned, committed = (newest(folder / name) for name in ("offsets", "commits"))
    return planned > committed


def newest(folder: Path) -> int:
    return max((int(file.name) for file in folder.iterdir() if file.name.isdigit()), default=-1)


def test_up_after_a_crash_of_everything(stack: Stack) -> None:
    """Every process killed at once: `up` works, and nothing is missing."""
    for process in sorted(leftovers(stack.folder), key=is_the_manager, reverse=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    stack.succeed("up", seconds=400)
    assert "PASS" in stack.succeed("reconcile", "--wait", "180")


def is_the_manager(process: psutil.Process) -> bool:
    """It dies first, or it would start the others again."""
    with suppress(psutil.Error):
        return "supervisord" in " ".join(process.cmdline())
    return False


def test_down_leaves_no_process(stack: Stack) -> None:
    """Also not of those that others had started."""
    stack.succeed("down")
    assert leftovers(stack.folder) == []
