"""The published marts against silver, each hour at the batch it was published at."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from include.reconcile.checks import Check, Problems, hour_text, order_sums, sums_check
from include.reconcile.database import DatabaseCut
from include.reconcile.lake import ORDER_KEYS, ORDER_MEASURES, PRODUCT_KEYS, PRODUCT_MEASURES, LakeCut
from include.reconcile.sums import summed, total, up_to

KEYS = {
    "fct_orders": ORDER_KEYS,
    "fct_order_lines": PRODUCT_KEYS,
    "product_sales_hourly": PRODUCT_KEYS,
    "region_sales_hourly": ["hour_utc", "region"],
    "order_value_hourly": ORDER_KEYS,
}


def mart_checks(lake: LakeCut, database: DatabaseCut, *, require: bool) -> Iterator[Check]:
    """
    Compare every mart.

    Args:
        require: an hour that was never published, though the latest publication had orders of it, is a
            failure, not only a remark.
    """
    if database.publications is None:
        yield Check("marts", 0, note="schema marts is not there", failures=int(require), compared=False)
        return
    by_batch = {
        "order": order_sums(lake.silver, "batch_id"),
        "product": lake.goods,
    }
    for mart, keys in KEYS.items():
        is_product = "product_id" in keys
        silver = by_batch["product" if is_product else "order"]
        measures = PRODUCT_MEASURES if is_product else ORDER_MEASURES
        published = _published(database.publications, mart)
        expected = summed(_counted(silver, published), keys, measures)
        check = sums_check(f"marts.{mart}", expected, database.marts[mart], keys, measures)
        yield _with_coverage(check, silver, published, database, require=require)


def _published(publications: pa.Table, mart: str) -> pa.Table:
    """Hours of a mart, each with the last batch counted."""
    rows = publications.filter(pc.equal(publications["mart"], mart))
    return rows.select(["hour_utc", "batch_id"]).rename_columns(["hour_utc", "last_batch_id"])


def _counted(silver: pa.Table, published: pa.Table) -> pa.Table:
    """The sums that had been there when their hour was published."""
    joined = silver.join(published, "hour_utc", join_type="inner")
    return joined.filter(pc.less_equal(joined["batch_id"], joined["last_batch_id"]))


def _unpublished(silver: pa.Table, published: pa.Table) -> tuple[list[int], list[int]]:
    """Hours that were never published, and those of them that the latest publication had orders of."""
    is_missing = pc.invert(pc.is_in(silver["hour_utc"], value_set=published["hour_utc"]))
    missing = silver.filter(is_missing)
    # Orders go on arriving: an hour that began after the latest publication is not overdue.
    latest = pc.max(published["last_batch_id"]).as_py()
    overdue = missing if latest is None else up_to(missing, latest)
    return _hours(missing), _hours(overdue)


def _hours(rows: pa.Table) -> list[int]:
    return sorted(pc.unique(rows["hour_utc"]).to_pylist())


def _with_coverage(
    check: Check, silver: pa.Table, published: pa.Table, database: DatabaseCut, *, require: bool
) -> Check:
    """Add which hours are not published, and what has come in since."""
    problems = Problems(list(check.problems), check.failures)
    missing, overdue = _unpublished(silver, published)
    if require:
        problems.add(f"{hour_text(hour)} is not published" for hour in overdue)
    if check.layer == "marts.fct_orders":
        problems.add(f"order {order_id} is there more than once" for order_id in database.repeated_orders)
    notes = []
    if missing:
        hours = pc.count_distinct(silver["hour_utc"]).as_py()
        notes.append(f"{len(missing):,} of {hours:,} hours not published")
    if "product_id" not in silver.column_names:
        joined = silver.join(published, "hour_utc", join_type="inner")
        since = total(joined.filter(pc.greater(joined["batch_id"], joined["last_batch_id"])), "orders")
        notes += [f"{since:,} orders newer than their hour's publication"] if since else []
    return Check(
        check.layer, check.rows, check.orders, check.cents, note=", ".join(notes),
        compared=published.num_rows > 0, **problems.as_fields(),
    )  # fmt: skip
