-- grain: one row per topic and partition: where it ends, and its sums over all batches and over the last one
-- Ranges in ops.accepted_losses are no holes.
with numbered as (
    select
        *,
        max(batch_id) over () as last_batch_id,
        lag(end_offset) over (partition by topic, partition order by batch_id) as read_up_to
    from ops.ledger
),

lines as (
    select
        *,
        abs(start_offset - read_up_to - coalesce((
            select sum(lost.end_offset - lost.start_offset)
            from ops.accepted_losses as lost
            where lost.topic = numbered.topic and lost.partition = numbered.partition
              and lost.start_offset >= read_up_to and lost.end_offset <= numbered.start_offset
        ), 0)) as skipped
    from numbered
)

select
    topic,
    partition,
    greatest(max(end_offset), (
        select max(lost.end_offset) from ops.accepted_losses as lost
        where lost.topic = lines.topic and lost.partition = lines.partition
    )),
    last_batch_id,
    (select max(closed_at) from lines where batch_id = last_batch_id),
    count(*) filter (where skipped > 0),
    coalesce(sum(skipped), 0) + sum(abs(read_rows - silver_rows - duplicate_rows - quarantined_rows)),
    sum(read_rows), sum(read_cents),
    sum(silver_rows), sum(silver_cents),
    sum(duplicate_rows), sum(duplicate_cents),
    sum(quarantined_rows), sum(quarantined_cents),
    coalesce(sum(read_rows) filter (where batch_id = last_batch_id), 0),
    coalesce(sum(read_cents) filter (where batch_id = last_batch_id), 0),
    coalesce(sum(silver_rows) filter (where batch_id = last_batch_id), 0),
    coalesce(sum(silver_cents) filter (where batch_id = last_batch_id), 0),
    coalesce(sum(duplicate_rows) filter (where batch_id = last_batch_id), 0),
    coalesce(sum(duplicate_cents) filter (where batch_id = last_batch_id), 0),
    coalesce(sum(quarantined_rows) filter (where batch_id = last_batch_id), 0),
    coalesce(sum(quarantined_cents) filter (where batch_id = last_batch_id), 0)
from lines
group by topic, partition, last_batch_id;
