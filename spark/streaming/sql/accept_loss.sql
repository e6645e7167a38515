-- binds: topic, partition, start_offset, end_offset, after_batch_id, accepted_by, why
-- rerun: changes nothing
insert into ops.accepted_losses
    (topic, partition, start_offset, end_offset, after_batch_id, accepted_by, why)
values
    (%(topic)s, %(partition)s, %(start_offset)s, %(end_offset)s, %(after_batch_id)s, %(accepted_by)s, %(why)s)
on conflict (topic, partition, start_offset) do nothing;
