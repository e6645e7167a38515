-- grain: one row, the lake's generation; none before the first start
select generation::text, topic, topic_id, first_batch_id, starting_offsets, email_key
from ops.generations
order by number desc
limit 1;
