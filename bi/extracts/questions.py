"""The contract's measures and questions, asked of an extract by the Hyper engine's SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bi.contract import Contract
from bi.extracts.hyper_engine import SCHEMA, api, engine, opened
from bi.extracts.tables import instant
from bi.queries import query, question_sql
from include.errors import LakehouseError

if TYPE_CHECKING:
    from tableauhyperapi import Connection


def measure_in_extract(
    file: Path, contract: Contract, measure: str, first: datetime, end: datetime
) -> Decimal | int | None:
    """
    A measure over the hours from `first` up to, not including, `end`; None when there are no rows.

    Raises:
        LakehouseError: the file is no extract, or lacks what the measure stands on.
    """
    asked = query(contract, [measure], hours=(instant(first), instant(end)), schema=f'"{SCHEMA}"')
    (row,) = _answer(file, asked)
    value: Decimal | int | None = row[0]
    return value


def question_in_extract(
    file: Path, contract: Contract, question: str, first: datetime, end: datetime
) -> list[tuple[Any, ...]]:
    """
    The rows of a question, columns as `bi.queries.question_sql` names them; times with their zone.

    Raises:
        LakehouseError: the file is no extract, or lacks what the question stands on.
    """
    hours = (instant(first), instant(end))
    return _answer(file, question_sql(contract, question, hours, schema=f'"{SCHEMA}"'))


def _answer(file: Path, asked: str) -> list[tuple[Any, ...]]:
    timestamp = api().Timestamp
    with _extract(file) as connection:
        rows = connection.execute_list_query(asked)
    return [
        tuple(value.to_datetime() if isinstance(value, timestamp) else value for value in row) for row in rows
    ]


@contextmanager
def _extract(file: Path) -> Iterator["Connection"]:
    try:
        with engine(file.parent / "log") as process, opened(process, file) as connection:
            yield connection
    except api().HyperException as error:
        raise LakehouseError(
            f"Asking the extract {file}: {error}. Nothing was changed. Make it anew with"
            " `saleslake bi extract`."
        ) from error
