"""An extract beside the database it was made of: for tests that compare them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from bi.contract import contract
from bi.extracts.hyper_engine import api, engine, opened, table
from bi.extracts.refresh import FILE
from bi.extracts.tables import hourly_marts

CONTRACT = contract()
AGGREGATES = hourly_marts(CONTRACT, detail=False)
DETAIL = ("fct_orders", "fct_order_lines")
END = datetime(2026, 5, 2, 1, tzinfo=UTC)  # the hours go over midnight
FIRST = END - timedelta(hours=5)
HOUR = FIRST + timedelta(hours=2)
# Of all marts.
HOURS = 5 * len(AGGREGATES)
PUBLISHED_AGAIN: LiteralString = """
insert into marts.publications (mart, hour_utc, version, as_of, source_versions, row_count, amount_cents,
    completeness, content_hash, batch_id, run_id)
select mart, hour_utc, version + 1, as_of, source_versions, row_count, amount_cents, completeness,
    content_hash, batch_id, run_id
from marts.current_publications where mart = 'order_value_hourly' and hour_utc = %s
"""


class Killed(BaseException):
    """As if the process had ended there."""


def assert_same(folder: Path, owner: psycopg.Connection, names: Sequence[str] = AGGREGATES) -> None:
    """Every row and column of these tables."""
    for name in names:
        assert in_extract(folder / FILE, name) == in_postgres(owner, name), name


def in_extract(file: Path, name: str) -> list[tuple[Any, ...]]:
    about = CONTRACT.marts[name]
    columns, key = ", ".join(about.columns), ", ".join(about.key)
    with engine(file.parent / "log") as process, opened(process, file) as connection:
        rows = connection.execute_list_query(f"select {columns} from {table(name)} order by {key}")
    return [tuple(as_python(value) for value in row) for row in rows]


def as_python(value: Any) -> Any:
    if isinstance(value, api().Timestamp):
        return value.to_datetime()
    return value.to_date() if isinstance(value, api().Date) else value


def in_postgres(owner: psycopg.Connection, name: str) -> list[tuple[Any, ...]]:
    about = CONTRACT.marts[name]
    key = ", ".join(f'{column} collate "C"' if about.columns[column].type == "text" else column
                    for column in about.key)  # fmt: skip
    return owner.execute(f"select {', '.join(about.columns)} from marts.{name} order by {key}").fetchall()  # type: ignore[arg-type]


def to_the_cent(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Divisions have more digits in one of them."""
    return [tuple(round(v, 2) if isinstance(v, Decimal) else v for v in row) for row in rows]
