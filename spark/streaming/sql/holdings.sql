-- grain: one row per layer of the ledger
select 'bronze', coalesce(sum(read_rows), 0), max(batch_id) filter (where read_rows > 0)
from ops.ledger
union all
select 'silver', coalesce(sum(silver_rows), 0), max(batch_id) filter (where silver_rows > 0)
from ops.ledger
union all
select 'rejected', coalesce(sum(duplicate_rows + quarantined_rows), 0),
    max(batch_id) filter (where duplicate_rows + quarantined_rows > 0)
from ops.ledger;
