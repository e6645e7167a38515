"""The truth manifest: complete before anything is sent, and safe to share."""

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from include.errors import SimulatorError
from simulator.manifest import Ack, Manifest
from simulator.orders import OrderFactory
from simulator.run import Nowhere, Totals, simulate
from simulator.schedule import Plan
from simulator.traffic import Shares, Traffic


def some_traffic(seed: int = 1) -> Traffic:
    return Traffic(OrderFactory(seed), seed, Shares())


def times(first: int, count: int) -> np.ndarray:
    return np.full(count, 1_795_400_000_000, dtype=np.int64)


def rows(path: Path, query: str) -> list[tuple]:
    with sqlite3.connect(path) as file:
        return file.execute(query).fetchall()


def test_an_event_is_unknown_until_it_is_acknowledged(tmp_path: Path) -> None:
    """Written before it is sent, as unknown; the answer brings position and outcome."""
    path = tmp_path / "manifest.sqlite"
    manifest = Manifest(path, "run1")
    manifest.start("orders.v1", 1, {})
    manifest.expect(some_traffic().next(times(0, 2)))
    assert rows(path, "select ack from events") == [("unknown",), ("unknown",)]

    manifest.acknowledge([Ack(1, "ok", 3, 17)])

    assert rows(path, 'select seq, ack, partition, "offset" from events order by seq') == [
        (0, "unknown", None, None),
        (1, "ok", 3, 17),
    ]


def test_two_simulators_write_one_manifest(tmp_path: Path) -> None:
    """Nothing is lost or refused when two runs open the file and write at the same time."""
    path = tmp_path / "manifest.sqlite"
    together = threading.Barrier(2)

    def run(name: str, seed: int) -> None:
        traffic = some_traffic(seed)
        together.wait()
        manifest = Manifest(path, name)
        manifest.start("orders.v1", seed, {})
        for _ in range(20):
            manifest.expect(traffic.next(times(0, 50)))
        manifest.finish()

    threads = [threading.Thread(target=run, args=(f"run{i}", i)) for i in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert rows(path, "select run_id, count(*) from events group by 1") == [("run1", 1_000), ("run2", 1_000)]


def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path) -> None:
    """The error names the file and says that nothing was sent."""
    path = tmp_path / "manifest.sqlite"
    path.write_text("not a database, but long enough to be taken for one" * 100)

    with pytest.raises(SimulatorError, match="Nothing was sent"):
        Manifest(path, "run1")


def test_a_stop_ends_the_run_between_events() -> None:
    """Once asked to stop, nothing more is made."""
    stop = threading.Event()

    def stop_soon(totals: Totals) -> None:
        if totals.made >= 100:
            stop.set()

    totals = simulate(Plan(rate=1_000_000, count=None), times, some_traffic(), Nowhere(), stop, stop_soon)

    assert totals.made >= 100
    assert totals.seconds < 5
