-- mart:  marts.region_sales_hourly
-- grain: one row per hour_utc and region
-- binds: hour_utc (timestamptz, start of the hour), as_of, completeness, version, is_restated
-- rerun: replaces that hour and nothing else; runs on a temp table of this form, whose rows are then audited and published
delete from marts.region_sales_hourly
where hour_utc = %(hour_utc)s;

insert into marts.region_sales_hourly (
    hour_utc, region, orders, revenue_cents, as_of, completeness, version, is_restated
)
select
    %(hour_utc)s,
    region,
    sum(orders),
    sum(revenue_cents),
    %(as_of)s,
    %(completeness)s,
    %(version)s,
    %(is_restated)s
from staged_order_value_minutes
where minute_utc >= %(hour_utc)s
  and minute_utc < %(hour_utc)s + interval '1 hour'
group by region;
