-- A version of an hour is new when some mart of it has another content, or the hour is more complete.
with versions as (
    select
        hour_utc,
        version,
        content_hash = lag(content_hash) over of_mart and completeness = lag(completeness) over of_mart as is_same
    from marts.publications
    window of_mart as (partition by mart, hour_utc order by version)
)

select hour_utc, version
from versions
group by hour_utc, version
having bool_and(is_same)
order by hour_utc, version
