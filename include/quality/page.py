"""
The suites as a page: `python -m include.quality.page > docs/contracts/quality.md`. A policy test compares.
"""

import sys

from include.quality.suites import Suite, read_suite
from include.quality.tables import CHECKED, Checked

HEAD = """\
# What must hold of the data

Written by `python -m include.quality.page` from `include/expectations`; do not edit.

Every table has a suite of Great Expectations: a file named after it, reviewed like code. `publish_marts`
holds silver, gold and the marts to be against their suites before an hour is published; `check_quality` looks
at bronze, silver, rejected and gold without publishing. **fail**: the hour is not published, the run is red.
**warn**: it is shown and recorded. A suite that is missing, is about another table or expects nothing, a
table in which no row was looked at while the ledger has some, and any error on the way count as **fail**.

- `hour_…` is what the hour's rows add up to, `due_…` what the lake writer's ledger says of it. In bronze and
  rejected an hour is what arrived in it, elsewhere what was ordered in it.
- `fewest_usual_orders` and `most_usual_orders` are a quarter and four times the median of the same hour of up
  to seven earlier days; with fewer than three such days nothing is compared.
- `minutes_behind` is how far behind the clock the stream has read; `parts_cents` an amount computed from its
  parts; *the regions* and the like are the contract's lists and bounds, docs/contracts/orders.md.
- Of `customer_id` and `customer_email_hmac` no value is shown, wherever it fails.

Results are in `ops.quality_results`, and as pages behind the button *Data Docs* of both tasks.
"""


def page() -> str:
    return "\n".join([HEAD, *(_section(table, read_suite(table)) for table in CHECKED)])


def _section(table: Checked, suite: Suite) -> str:
    rows = (f"| {one.words} | {one.severity} | {one.why} |" for one in suite.expectations)
    head = (f"## {table.full_name}", "", "| expectation | severity | why |", "|---|---|---|")
    return "\n".join([*head, *rows, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
