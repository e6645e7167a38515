-- One statement is one snapshot: what the marts hold, by hour, against what marts.publications lists for it.
-- Returns how many totals were compared, and a text for each that is not the listed one.
with held (mart, hour_utc, row_count, amount_cents) as (
    select 'fct_orders', hour_utc, count(*), sum(total_cents) from marts.fct_orders group by hour_utc
    union all
    select 'fct_order_lines', hour_utc, count(*), sum(revenue_cents) from marts.fct_order_lines group by hour_utc
    union all
    select 'product_sales_hourly', hour_utc, count(*), sum(revenue_cents) from marts.product_sales_hourly group by hour_utc
    union all
    select 'region_sales_hourly', hour_utc, count(*), sum(revenue_cents) from marts.region_sales_hourly group by hour_utc
    union all
    select 'order_value_hourly', hour_utc, count(*), sum(revenue_cents) from marts.order_value_hourly group by hour_utc
),

compared as (
    select
        mart,
        hour_utc,
        coalesce(held.row_count, 0) as held_rows,
        coalesce(held.amount_cents, 0) as held_cents,
        listed.row_count as listed_rows,
        listed.amount_cents as listed_cents
    from held
    full join marts.current_publications as listed using (mart, hour_utc)
)

select
    count(*),
    coalesce(
        array_agg(
            format(
                'marts.%s of %s: %s rows and %s cents, listed are %s and %s',
                mart, hour_utc, held_rows, held_cents, listed_rows, listed_cents
            )
        ) filter (where (held_rows, held_cents) is distinct from (listed_rows, listed_cents)),
        '{}'
    )
from compared
