-- mart:  marts.product_sales_hourly
-- grain: one row per hour_utc, product_id and region
-- binds: hour_utc (timestamptz, start of the hour), as_of, completeness, version, is_restated
-- rerun: replaces that hour and nothing else; runs on a temp table of this form, whose rows are then audited and published
delete from marts.product_sales_hourly
where hour_utc = %(hour_utc)s;

-- An order lies in one minute only, so that orders add up over minutes and batches.
insert into marts.product_sales_hourly (
    hour_utc, product_id, region, orders, units, revenue_cents, as_of, completeness, version, is_restated
)
select
    %(hour_utc)s,
    product_id,
    region,
    sum(orders),
    sum(units),
    sum(revenue_cents),
    %(as_of)s,
    %(completeness)s,
    %(version)s,
    %(is_restated)s
from staged_product_minutes
where minute_utc >= %(hour_utc)s
  and minute_utc < %(hour_utc)s + interval '1 hour'
group by product_id, region;
