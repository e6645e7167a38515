-- grain: one row, the last closed batch; none when nothing was closed
select
    batch_id,
    max(generation::text),
    sum(read_rows),
    sum(silver_rows), sum(silver_cents),
    sum(duplicate_rows), sum(duplicate_cents),
    sum(quarantined_rows), sum(quarantined_cents),
    sum(silver_cents)
from ops.ledger
where batch_id = (select max(batch_id) from ops.ledger)
group by batch_id;
