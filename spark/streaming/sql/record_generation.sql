-- binds: uuid, topic, topic_id, first_batch_id, starting_offsets, email_key, reason, begun_by
-- rerun: changes nothing
insert into ops.generations
    (generation, topic, topic_id, first_batch_id, starting_offsets, email_key, reason, begun_by)
values
    (%(uuid)s, %(topic)s, %(topic_id)s, %(first_batch_id)s, %(starting_offsets)s, %(email_key)s, %(reason)s,
     %(begun_by)s)
on conflict (generation) do nothing;
