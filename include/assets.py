"""What DAGs tell each other that they made."""

from airflow.sdk import Asset

SALES_MARTS = Asset("sales_marts", extra={"schema": "marts", "database": "sales"})
