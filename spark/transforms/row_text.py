"""A row as one text: equal for equal rows, whichever engine or version of a table they come from."""

import pyspark.sql.functions as F
from pyspark.sql import Column

from lake.schemas.orders import COLUMNS
from lake.tables import Table

# The default has no microseconds, and rows that differ in them only would look the same.
AS_TEXT = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"}


def row_text(table: Table) -> Column:
    """All declared columns of a row of `table`, as JSON."""
    return F.to_json(F.struct(*(F.col(name) for name in COLUMNS[table].names)), AS_TEXT)
