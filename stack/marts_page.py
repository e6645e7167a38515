"""
The marts as a page: `python -m stack.marts_page > docs/contracts/marts.md`. A policy test compares them.
"""

import re
import sys
from collections.abc import Iterator

from include.settings import PROJECT_ROOT

MIGRATIONS = PROJECT_ROOT / "sql" / "schema"
RELATION = re.compile(r"^create (?:table|view) (marts\.\w+)(.*?);$", re.MULTILINE | re.DOTALL)
COLUMN = re.compile(r"^    (\w+) +([a-z]+(?:\(\d+, \d+\))?)", re.MULTILINE)
ADDED = re.compile(r"^alter table (marts\.\w+)\s+add column (\w+) +([a-z]+(?:\(\d+, \d+\))?)", re.MULTILINE)
COMMENT = re.compile(
    r"^comment on (?:table|view|column) (marts\.[\w.]+) is\s+'((?:[^']|'')*)';", re.MULTILINE
)
NO_COLUMNS = frozenset({"check", "primary", "unique", "foreign"})

HEAD = """\
# The marts

Written by `python -m stack.marts_page` from `sql/schema`; do not edit.

Schema `marts` of the database `sales` is what Airflow publishes after the gates, hour by hour: an hour
changes in one transaction or not at all. Read it as `sales_reader`. Times are UTC (`timestamptz`), amounts
integer cents of the reporting currency.

- **Every number says how fresh it is.** The `*_hourly` tables carry `as_of` (every order that had arrived by
  then is counted), `completeness` (1 = the hour is closed, below 1 = provisional), `version` and
  `is_restated`.
- **What was read is on record.** `marts.publications.source_versions` names the lake's last batch counted
  (`batch_id`): the mart's hour equals the hour in `silver.orders` over batches up to that one, to the cent.
  `saleslake reconcile` checks it.
- **Late orders change closed hours.** The hour is published again with the next `version`, and every changed
  value is a row of `marts.restatements`.
- **Adding up.** `revenue_cents` adds up over everything. `orders` does not add up over products, and an
  average never does: divide sums.

Seconds fresh, unaudited numbers are in schema `live`: the views `top_products_last_hour`, `region_trend`,
`average_order_value` and `freshness`.
"""


def page() -> str:
    schema = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MIGRATIONS.glob("*.sql")))
    comments = {name: text.replace("''", "'") for name, text in COMMENT.findall(schema)}
    sections = (
        _section(name, [*_columns(body), *_added(schema, name)], comments)
        for name, body in RELATION.findall(schema)
    )
    return "\n".join([HEAD, *sections])


def _added(schema: str, relation: str) -> Iterator[tuple[str, str]]:
    """Columns of later migrations."""
    return ((name, kind) for of, name, kind in ADDED.findall(schema) if of == relation)


def _columns(body: str) -> Iterator[tuple[str, str]]:
    for name, kind in COLUMN.findall(body):
        if name not in NO_COLUMNS:
            yield name, kind


def _section(relation: str, columns: list[tuple[str, str]], comments: dict[str, str]) -> str:
    lines = [f"## {relation}", "", comments.get(relation, ""), ""]
    described = [(name, kind) for name, kind in columns if f"{relation}.{name}" in comments]
    if described:
        rows = (f"| `{name}` | {kind} | {comments[f'{relation}.{name}']} |" for name, kind in described)
        lines += ["| column | type | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page())
