"""Reads the lake's tables without Spark, every page against its checksum."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from lake.tables import Table

# Without this a flipped byte in a data file is read as a wrong number, without an error.
VERIFIED = ds.ParquetFragmentScanOptions(page_checksum_verification=True)


def delta_table(table: Table, root: Path) -> DeltaTable:
    """
    The table at its latest version.

    Raises:
        deltalake.exceptions.TableNotFoundError: there is none.
    """
    return DeltaTable(str(table.path(root)))


def record_batches(
    dataset: ds.Dataset, columns: list[str], where: ds.Expression | None = None
) -> Iterator[pa.RecordBatch]:
    """
    The rows in pieces that fit into memory, without empty pieces.

    Raises:
        OSError: a data file is missing or damaged.
    """
    batches = dataset.to_batches(columns=columns, filter=where, fragment_scan_options=VERIFIED)
    return (batch for batch in batches if batch.num_rows)
