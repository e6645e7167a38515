-- grain: one row per rebuild of hours from bronze, the newest first
select
    since,
    until,
    state,
    decided_by,
    compared_at,
    (comparison ->> 'orders')::bigint as orders,
    jsonb_array_length(comparison -> 'differences') as differences
from ops.hour_rebuilds
order by compared_at desc
limit 10
