"""The marts as a page for analysts, made from the metric contract: `docs/marts.md`."""

from collections.abc import Iterator

from bi.contract import SCHEMA, Contract, Mart, Measure

HEAD = """\
# The marts

Made by `saleslake bi build` from `bi/metrics.yml`; do not edit.

Schema `marts` of the database `sales` is what Airflow publishes after the gates, hour by hour: an hour
changes in one transaction or not at all. Read it as `sales_reader` (address and pass file: `saleslake
status`), from SQL, or with the files for Tableau, Power BI and Metabase in [bi/](../bi/README.md). Times
are UTC (`timestamptz`), amounts integer cents of {currency}. Who answers for the definitions: `{owner}`.

- **Every number says how fresh it is.** The `*_hourly` tables carry `as_of` (every order that had arrived
  by then is counted), `completeness` (1 = the hour is closed, below 1 = provisional: the share of it seen
  so far), `version` and `is_restated`. Wait for `completeness = 1` before a number leaves the house.
- **Late orders change closed hours.** The hour is published again with the next `version`, and every
  changed value is a row of `marts.restatements`: old value, new value, reason, run. `is_restated` marks the
  hour's rows.
- **What was read is on record.** `marts.publications.source_versions` names the lake's last batch counted
  (`batch_id`): the mart's hour equals the hour in `silver.orders` over batches up to that one, to the cent.
  `saleslake reconcile` checks it.
- **Adding up.** The table below says over what a measure adds up. `orders` does not add up over products,
  and an average never does: divide sums.

Seconds fresh, unaudited numbers are in schema `live`: the views `top_products_last_hour`, `region_trend`,
`average_order_value` and `freshness`.
"""


def page(contract: Contract) -> str:
    parts = [
        HEAD.format(currency=contract.currency, owner=contract.owner),
        *_measures(contract),
        *_dimensions(contract),
        *(line for name, mart in contract.marts.items() for line in _mart(name, mart)),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _measures(contract: Contract) -> Iterator[str]:
    yield "## Measures\n\n| measure | is | unit | from | adds up over |\n|---|---|---|---|---|"
    for name, measure in contract.measures.items():
        cells = (f"**{measure.label}**", measure.definition, measure.unit, _source(contract, name),
                 ", ".join(measure.additive) or "nothing")  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield ""


def _source(contract: Contract, name: str) -> str:
    measure: Measure = contract.measures[name]
    if measure.ratio:
        return " / ".join(contract.measures[part].label for part in measure.ratio)
    kind = "sum" if measure.sum else "min"
    per = f" / {measure.per}" if measure.per != 1 else ""
    return f"`{kind}({measure.mart}.{measure.column}){per}`"


def _dimensions(contract: Contract) -> Iterator[str]:
    yield "## Dimensions\n\n| dimension | is | in |\n|---|---|---|"
    for dimension in contract.dimensions.values():
        where = ", ".join(f"`{mart}.{column}`" for mart, column in dimension.columns.items())
        named = f", named by `{dimension.of}`" if dimension.of else ""
        yield f"| **{dimension.label}** | {dimension.definition} | {where}{named} |"
    yield ""


def _mart(name: str, mart: Mart) -> Iterator[str]:
    yield f"## {SCHEMA}.{name}\n\n{mart.description}\n"
    yield f"- grain: one row per {mart.grain}; key: {', '.join(f'`{column}`' for column in mart.key)}"
    for column, other in mart.joins.items():
        yield f"- joins: `join {SCHEMA}.{other} using ({column})`"
    yield f"- fresh: {mart.freshness}\n"
    yield "| column | type | meaning |\n|---|---|---|"
    for column, about in mart.columns.items():
        yield f"| `{column}` | {about.type} | {about.description} |"
    yield ""
    for query in mart.queries:
        yield f"{query.says}:\n\n```sql\n{query.sql};\n```\n"
