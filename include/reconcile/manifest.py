"""The simulator's truth manifest as columns."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.errors import LakehouseError

CHUNK = 50_000
SEQ_BITS = 40

EVENTS = """
select run_number, seq, order_id, hour_utc, region, channel, total_cents, reasons, content_hash, ack,
       partition, "offset"
from events
join (select run_id, row_number() over (order by run_id) - 1 as run_number from runs where topic = ?)
    using (run_id)
order by run_number, seq
"""
SCHEMA = pa.schema(
    [
        ("run_number", pa.int64()),
        ("seq", pa.int64()),
        ("order_id", pa.string()),
        ("hour_utc", pa.int64()),
        ("region", pa.string()),
        ("channel", pa.string()),
        ("total_cents", pa.int64()),
        ("reasons", pa.string()),
        ("content_hash", pa.int64()),
        ("ack", pa.string()),
        ("partition", pa.int64()),
        ("offset", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the simulators sent. `events` has SCHEMA and, ascending, `key`: run and sequence number in one."""

    runs: pa.Array  # run ids; an event's run_number is its place here
    events: pa.Table


def event_keys(run_number: np.ndarray, seq: np.ndarray) -> np.ndarray:
    return (run_number.astype(np.int64) << SEQ_BITS) + seq.astype(np.int64)


def read_manifest(path: Path, topic: str) -> Truth:
    """
    Read the events sent to `topic`. A manifest that does not exist yet is one without events.

    Raises:
        LakehouseError: the file is there but cannot be read.
    """
    if not path.exists():
        return _truth([], SCHEMA.empty_table())
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as file:
            runs = [
                r[0]
                for r in file.execute("select run_id from runs where topic = ? order by run_id", (topic,))
            ]
            return _truth(runs, pa.Table.from_batches(_batches(file, topic), SCHEMA))
    except sqlite3.Error as error:
        raise LakehouseError(
            f"Reading the truth manifest {path}: {error}. Nothing was compared."
            " Is it a file that `saleslake simulate` wrote?"
        ) from error


def acknowledged_ends(path: Path, topic: str) -> dict[int, int]:
    """For each partition the first offset after the last acknowledged event."""
    if not path.exists():
        return {}
    query = (
        'select partition, max("offset") + 1 from events join runs using (run_id)'
        " where topic = ? and ack = 'ok' group by partition"
    )
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as file:
        return dict(file.execute(query, (topic,)).fetchall())


def _batches(file: sqlite3.Connection, topic: str) -> Iterator[pa.RecordBatch]:
    cursor = file.execute(EVENTS, (topic,))
    while rows := cursor.fetchmany(CHUNK):
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _truth(runs: list[str], events: pa.Table) -> Truth:
    events = events.combine_chunks()
    key = event_keys(events["run_number"].to_numpy(), events["seq"].to_numpy())
    return Truth(pa.array(runs, pa.string()), events.append_column("key", pa.array(key, pa.int64())))


def keys_in_bronze(truth: Truth, bronze: pa.Table) -> np.ndarray:
    """For each bronze record the row of its event in `truth.events`, or -1 for a foreign record."""
    run_number = pc.fill_null(pc.index_in(bronze["run_id"], value_set=truth.runs), -1).to_numpy()
    seq = pc.fill_null(bronze["seq"], 0).to_numpy()
    keys = truth.events["key"].to_numpy()
    if len(keys) == 0:
        return np.full(bronze.num_rows, -1)
    wanted = event_keys(run_number, seq)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where((keys[place] == wanted) & (run_number >= 0), place, -1)
