"""What DAGs tell each other that they made."""

from airflow.sdk import Asset, AssetAlias

SALES_MARTS = Asset("sales_marts", extra={"schema": "marts", "database": "sales"})
# The outlet of the task that fills them. An alias, because it says nothing unless an asset is added to it: a
# dry run, and a run that found everything published, must not wake who waits for new numbers.
SALES_MARTS_CHANGED = AssetAlias("sales_marts_changed")
# Its partitions are hours of event time, named like 2026-11-23T08:00Z: an event says that the hour is
# complete, another one for the same hour that late orders came after all.
CLOSED_HOURS = Asset(
    "closed_hours", extra={"tables": "silver.orders, gold", "grain": "hour of event time, UTC"}
)
