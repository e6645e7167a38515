-- grain: one row: what the batches closed in the last five minutes read
select
    coalesce(sum(read_rows), 0)::bigint as read_rows,
    count(distinct batch_id) as batches,
    300 as seconds
from ops.ledger
where batch_id > (select max(batch_id) from ops.ledger) - 5000
  and closed_at > now() - interval '5 minutes'
