-- grain: one row per partition
-- binds: topic
select partition, max(end_offset)
from (
    select partition, end_offset from ops.ledger where topic = %(topic)s
    union all
    select partition, end_offset from ops.accepted_losses where topic = %(topic)s
) as ranges
group by partition;
