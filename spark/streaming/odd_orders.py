"""
Judges, in this process, records that are not plainly good orders: to have Spark judge a handful of them costs
as much as thousands of good ones.
"""

import pyarrow as pa

from lake import contract
from lake.schemas.orders import ORDER
from spark.streaming.json_object import Uncertain
from spark.streaming.judged_rows import VARIANT, as_variants, judged_schema
from spark.streaming.odd_order import Judgement, judge
from spark.streaming.plain_orders import OrderTerms

PLACE = {reason: place for place, reason in enumerate(contract.REASONS)}


def odd_orders(records: pa.Table, terms: OrderTerms) -> tuple[pa.Table, pa.Array]:
    """
    Take the records that can be judged here.

    Args:
        records: columns of KAFKA_RECORD.

    Returns:
        Those records with the columns of `judged_schema`, of rejected ones only what silver.rejected keeps;
        and of every record whether it is among them.
    """
    arrivals = records["kafka_timestamp"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_pylist()
    judgements = [
        _judged(value, arrived, terms)
        for value, arrived in zip(records["value"].to_pylist(), arrivals, strict=True)
    ]
    is_taken = pa.array([judgement is not None for judgement in judgements], pa.bool_())
    taken = [judgement for judgement in judgements if judgement is not None]
    return _with_judgements(records.filter(is_taken), taken), is_taken


def _judged(value: bytes | None, arrived: int, terms: OrderTerms) -> Judgement | None:
    try:
        return judge(value, arrived, terms)
    except Uncertain:
        return None


def _with_judgements(records: pa.Table, judgements: list[Judgement]) -> pa.Table:
    variants = [
        [] if one.rescued is None else [{"metadata": one.rescued.metadata, "value": one.rescued.value}]
        for one in judgements
    ]
    schema = judged_schema()
    columns = {
        **{name: [one.order.get(name) for one in judgements] for name in ORDER.names},
        "reasons": [sorted(one.reasons, key=PLACE.__getitem__) for one in judgements],
        "is_late": [one.is_late for one in judgements],
        "order_hash": [one.order_hash for one in judgements],
        "unknown_fields": [one.unknown_fields for one in judgements],
    }
    for name, values in columns.items():
        records = records.append_column(name, pa.array(values, schema.field(name).type))
    records = records.append_column("rescued", as_variants(pa.array(variants, pa.list_(VARIANT))))
    return records.select(schema.names).cast(schema)
