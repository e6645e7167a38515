"""The rows of some hours of a table of the lake, with the hour each belongs to."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from include.publish.snapshot import HOUR
from include.quality.tables import SILVER_ORDERS, Checked
from lake.reading import record_batches

HOUR_TYPE = pa.timestamp("us", "UTC")


def rows_of_hours(dataset: ds.Dataset, table: Checked, hours: Iterable[datetime], batch_id: int) -> pa.Table:
    """Silver's or gold's rows that belong to the hours by their event time, up to a batch."""
    wanted = sorted(hours)
    instant = "ordered_at" if table == SILVER_ORDERS else "minute_utc"
    is_wanted = (
        ds.field("date_utc").isin(_days(wanted))
        & (ds.field(instant) >= wanted[0])
        & (ds.field(instant) < wanted[-1] + HOUR)
        & (ds.field("batch_id") <= batch_id)
    )
    rows = _read(dataset, table, is_wanted)
    rows = rows.append_column("hour_utc", pc.floor_temporal(rows[instant], unit="hour").cast(HOUR_TYPE))
    return rows.filter(pc.is_in(rows["hour_utc"], pa.array(wanted, HOUR_TYPE)))


def rows_of_batches(dataset: ds.Dataset, table: Checked, hour_of: Mapping[int, datetime]) -> pa.Table:
    """The rows that arrived with the given batches."""
    least, greatest = min(hour_of, default=0), max(hour_of, default=-1)
    rows = _read(dataset, table, (ds.field("batch_id") >= least) & (ds.field("batch_id") <= greatest))
    hours = [hour_of.get(batch) for batch in rows["batch_id"].to_pylist()]
    rows = rows.append_column("hour_utc", pa.array(hours, HOUR_TYPE))
    return rows.filter(pc.is_valid(rows["hour_utc"]))


def _days(hours: list[datetime]) -> list[date]:
    return sorted({hour.date() for hour in hours})


def _read(dataset: ds.Dataset, table: Checked, where: ds.Expression) -> pa.Table:
    columns = list(table.columns)
    schema = pa.schema([dataset.schema.field(name) for name in columns])
    return pa.Table.from_batches(_as(schema, record_batches(dataset, columns, where)), schema)


def _as(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Fields of one schema: whether a field may be null is no matter here."""
    return (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in batches)
