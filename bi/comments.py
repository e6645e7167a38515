"""What PostgreSQL itself says of the marts, made from the metric contract: `sql/schema/comments.sql`."""

from collections.abc import Iterator

from bi.contract import SCHEMA, Contract

HEAD = """\
-- Made by `saleslake bi build` from bi/metrics.yml; do not edit. Applied after the numbered files,
-- whenever it changed.
set role sales_owner;
"""


def statements(contract: Contract) -> str:
    return HEAD + "\n".join(_comments(contract)) + "\nreset role;\n"


def _comments(contract: Contract) -> Iterator[str]:
    for name, mart in contract.marts.items():
        kind = "view" if mart.kind == "view" else "table"
        yield f"\ncomment on {kind} {SCHEMA}.{name} is {_text(mart.description)};"
        for column, about in mart.columns.items():
            yield f"comment on column {SCHEMA}.{name}.{column} is\n    {_text(about.description)};"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
