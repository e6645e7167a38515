-- grain: one row per layer of the ledger, all of which is read once
select layer, rows, last_batch_id
from (
    select
        coalesce(sum(read_rows), 0) as bronze,
        max(batch_id) filter (where read_rows > 0) as last_bronze,
        coalesce(sum(silver_rows), 0) as silver,
        max(batch_id) filter (where silver_rows > 0) as last_silver,
        coalesce(sum(duplicate_rows + quarantined_rows), 0) as rejected,
        max(batch_id) filter (where duplicate_rows + quarantined_rows > 0) as last_rejected
    from ops.ledger
) as sums
cross join lateral (
    values ('bronze', bronze, last_bronze), ('silver', silver, last_silver), ('rejected', rejected, last_rejected)
) as layers (layer, rows, last_batch_id);
