"""Columns as lists."""

import pyarrow as pa
import pytest

from spark.streaming.columns import values_of


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([["a", None, ""], ["é"]]),
        pa.chunked_array([pa.array([b"\x00", None, b""], pa.binary())]),
        pa.chunked_array([pa.array([2**53 + 1, -(2**63)], pa.int64())]),
        pa.chunked_array([pa.array([7], pa.int32())]),
        pa.chunked_array([], pa.string()),
    ],
    ids=lambda column: str(column.type),
)
def test_they_are_what_to_pylist_gives(column: pa.ChunkedArray) -> None:
    """In type, too: what counts orders may not become a float."""
    values = values_of(column)
    assert values == column.to_pylist()
    assert [type(one) for one in values] == [type(one) for one in column.to_pylist()]
