-- Record what changed in an hour that was already closed, after its marts were replaced.
-- binds: hour_utc (timestamptz), version, reason, run_id
with before as (
    select mart, row_key, measure, value from kept_measures where moment = 'before'
),

after as (
    select mart, row_key, measure, value from kept_measures where moment = 'after'
)

insert into marts.restatements (mart, hour_utc, version, row_key, measure, old_value, new_value, reason, run_id)
select
    mart,
    %(hour_utc)s,
    %(version)s,
    row_key,
    measure,
    before.value,
    after.value,
    %(reason)s,
    %(run_id)s
from before
full join after using (mart, row_key, measure)
where before.value is distinct from after.value
order by mart, row_key, measure;
