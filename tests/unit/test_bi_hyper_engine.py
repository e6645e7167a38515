"""The Hyper engine where it is missing, and the types it has."""

import sys

import pytest

from bi.contract import contract
from bi.extracts.hyper_engine import engine, sql_type
from bi.extracts.reading import batches
from bi.extracts.tables import Published, dimension_tables, hourly_marts
from include.errors import LakehouseError, SetupError
from tests.hyper_extracts import HOUR


def test_a_machine_without_the_engine_is_told_so(monkeypatch, tmp_path):
    """What cannot be imported, what is true now, what to do."""
    monkeypatch.setitem(sys.modules, "tableauhyperapi", None)

    without = r"tableauhyperapi cannot be imported.*Nothing was made.*live"
    with pytest.raises(SetupError, match=without), engine(tmp_path / "log"):
        pass


def test_an_engine_that_does_not_start_is_told_so(monkeypatch, tmp_path):
    """With what it said."""
    hyper = pytest.importorskip("tableauhyperapi")

    def fails(*_: object, **__: object) -> None:
        raise hyper.HyperException(hyper.hyperexception.ContextId(1), "no memory")

    monkeypatch.setattr(hyper, "HyperProcess", fails)
    with pytest.raises(SetupError, match=r"Hyper engine: .*no memory"), engine(tmp_path / "log"):
        pass


def test_every_column_of_an_extract_has_a_type():
    """And one that Hyper would hold otherwise is refused."""
    pytest.importorskip("tableauhyperapi")
    known = contract()
    for name in (*hourly_marts(known, detail=True), *dimension_tables(known)):
        assert [str(sql_type(column.type)) for column in known.marts[name].columns.values()]
    assert str(sql_type("numeric(4, 3)")) == "NUMERIC(4, 3)"
    assert str(sql_type("timestamptz")) == "TIMESTAMP_TZ"
    with pytest.raises(LakehouseError, match="no type of Hyper for PostgreSQL's inet"):
        sql_type("inet")


@pytest.mark.parametrize(
    ("rows", "together"),
    [([3, 3, 3], [[3, 3], [3]]), ([9, 1, 1], [[9], [1, 1]]), ([0, 0, 6, 1], [[0, 0, 6], [1]]), ([], [])],
)
def test_hours_are_read_some_at_a_time(monkeypatch, rows, together):
    """As many as have the rows; a larger one alone, and in their order."""
    monkeypatch.setattr("bi.extracts.reading.BATCH_ROWS", 6)
    hours = {Published("m", HOUR, version, HOUR): count for version, count in enumerate(rows)}

    found = list(batches(hours))

    assert [[hours[hour] for hour in batch] for batch in found] == together
    assert [hour for batch in found for hour in batch] == list(hours)
