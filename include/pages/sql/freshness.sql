-- grain: one row; as_of is null before the first batch
select now() as checked_at, (select as_of from live.freshness), (select last_batch_at from live.freshness)
