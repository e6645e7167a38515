"""The tables of an extract: those of the contract, and which version of which hour they hold."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from bi.contract import Contract
from bi.extracts.hyper_engine import SCHEMA, api, sql_type, table, transaction

if TYPE_CHECKING:
    from tableauhyperapi import Connection

PUBLICATIONS = "publications"
# Of PUBLICATIONS, by PostgreSQL's types.
HELD_COLUMNS = {
    "mart": "text",
    "hour_utc": "timestamptz",
    "version": "integer",
    "published_at": "timestamptz",
}
# Hours in one statement.
HOURS_AT_ONCE = 1_000


class Published(NamedTuple):
    """An hour of a mart. `published_at` tells its version from the same one of another database."""

    mart: str
    hour_utc: datetime
    version: int
    published_at: datetime


def hourly_marts(contract: Contract, *, detail: bool) -> list[str]:
    """Marts that are published hour by hour: the aggregates, and orders and lines with `detail`."""
    kinds = ("aggregate", "fact") if detail else ("aggregate",)
    return [name for kind in kinds for name, mart in contract.marts.items() if mart.kind == kind]


def dimension_tables(contract: Contract) -> list[str]:
    return [name for name, mart in contract.marts.items() if mart.kind == "dimension"]


def ensure_tables(connection: "Connection", contract: Contract, names: Iterable[str]) -> None:
    """
    The extract holds these tables and no other. A table whose columns are as the contract says keeps its
    rows; one that differs is made anew, and its hours count as never read.
    """
    wanted = {name: {column: about.type for column, about in contract.marts[name].columns.items()}
              for name in names}  # fmt: skip
    wanted[PUBLICATIONS] = HELD_COLUMNS
    hyper, catalog = api(), connection.catalog
    catalog.create_schema_if_not_exists(SCHEMA)
    there = [name.name.unescaped for name in catalog.get_table_names(SCHEMA)]
    kept = [
        name for name in there if name in wanted and _columns(connection, name) == _as_hyper(wanted[name])
    ]
    with transaction(connection):
        for name in there:
            if name not in kept:
                connection.execute_command(f"drop table {table(name)}")
        for name, columns in wanted.items():
            if name not in kept:
                made = [
                    hyper.TableDefinition.Column(column, sql_type(kind)) for column, kind in columns.items()
                ]
                catalog.create_table(hyper.TableDefinition(hyper.TableName(SCHEMA, name), made))
        for mart in {published.mart for published in held(connection)} - set(kept):
            _delete(connection, PUBLICATIONS, f"mart = {_text(mart)}")


def held(connection: "Connection") -> set[Published]:
    """What the extract holds."""
    columns = ", ".join(HELD_COLUMNS)
    rows = connection.execute_list_query(f"select {columns} from {table(PUBLICATIONS)}")  # noqa: S608
    return {
        Published(mart, hour.to_datetime(), version, at.to_datetime()) for mart, hour, version, at in rows
    }


def remove_hours(connection: "Connection", mart: str, hours: Sequence[datetime]) -> None:
    """Neither their rows nor their versions are in the extract any more."""
    for start in range(0, len(hours), HOURS_AT_ONCE):
        listed = ", ".join(map(instant, hours[start : start + HOURS_AT_ONCE]))
        _delete(connection, mart, f"hour_utc in ({listed})")
        _delete(connection, PUBLICATIONS, f"mart = {_text(mart)} and hour_utc in ({listed})")


def remove_all(connection: "Connection", name: str) -> None:
    """The table is there, and empty."""
    _delete(connection, name, "true")


def add_versions(connection: "Connection", published: Iterable[Published]) -> None:
    hyper = api()
    with hyper.Inserter(connection, hyper.TableName(SCHEMA, PUBLICATIONS)) as inserter:
        inserter.add_rows(
            (mart, _timestamp(hour), version, _timestamp(at)) for mart, hour, version, at in published
        )
        inserter.execute()


def instant(moment: datetime) -> str:
    """As Hyper's SQL writes a time with its zone."""
    return f"timestamptz '{moment.isoformat()}'"


def _columns(connection: "Connection", name: str) -> list[tuple[str, str]]:
    definition = connection.catalog.get_table_definition(api().TableName(SCHEMA, name))
    return [(column.name.unescaped, str(column.type)) for column in definition.columns]


def _as_hyper(columns: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, str(sql_type(kind))) for name, kind in columns.items()]


def _delete(connection: "Connection", name: str, condition: str) -> None:
    # Hyper binds no parameters here; names are the contract's, values are written by `instant` and `_text`.
    connection.execute_command(f"delete from {table(name)} where {condition}")  # noqa: S608


def _timestamp(moment: datetime) -> Any:
    return api().Timestamp.from_datetime(moment)


def _text(value: str) -> str:
    return str(api().escape_string_literal(value))
