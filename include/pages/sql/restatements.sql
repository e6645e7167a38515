-- grain: one row per published version of an hour that changed closed numbers, the newest first
select
    hour_utc, version, run_id, max(restated_at) as restated_at, count(*) as changes,
    string_agg(distinct mart, ', ' order by mart) as marts, min(reason) as reason
from marts.restatements
group by hour_utc, version, run_id
order by max(restated_at) desc
limit 10
