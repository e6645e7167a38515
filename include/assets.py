"""What DAGs tell each other that they made."""

from airflow.sdk import Asset, AssetAlias

SALES_MARTS = Asset("sales_marts", extra={"schema": "marts", "database": "sales"})
# The outlet of the task that fills them. An alias, because it says nothing unless an asset is added to it: a
# dry run, and a run that found everything published, must not wake who waits for new numbers.
SALES_MARTS_CHANGED = AssetAlias("sales_marts_changed")
