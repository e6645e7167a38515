-- Schema `live`: written by the stream in every batch, seconds fresh, not audited.
create schema live authorization sales_owner;
set role sales_owner;

create table live.product_sales_minute (
    minute_utc    timestamptz not null,
    product_id    text not null,
    region        text not null,
    orders        bigint not null, -- orders with this product
    units         bigint not null,
    revenue_cents bigint not null, -- quantity x unit price - discount
    primary key (minute_utc, product_id, region)
);

create table live.order_value_minute (
    minute_utc    timestamptz not null,
    region        text not null,
    channel       text not null,
    orders        bigint not null,
    revenue_cents bigint not null, -- total_cents, shipping and tax included
    primary key (minute_utc, region, channel)
);

-- The name a product had on its latest order.
create table live.products (
    product_id   text primary key,
    product_name text not null,
    category     text not null,
    named_at     timestamptz not null
);

create view live.top_products_last_hour as
with sales_of_the_last_hour as (
    select product_id, sum(units)::bigint as units, sum(revenue_cents)::bigint as revenue_cents
    from live.product_sales_minute
    where minute_utc >= date_trunc('minute', now() - interval '1 hour')
      and minute_utc <= now()
    group by product_id
)
select
    row_number() over (order by s.units desc, s.revenue_cents desc, s.product_id) as rank,
    s.product_id,
    p.product_name,
    p.category,
    s.units,
    s.revenue_cents
from sales_of_the_last_hour as s
join live.products as p using (product_id);

create view live.region_trend as
select minute_utc, region, sum(orders)::bigint as orders, sum(revenue_cents)::bigint as revenue_cents
from live.order_value_minute
group by minute_utc, region;

create view live.average_order_value as
with periods (period, since) as (
    values ('last_5_minutes', now() - interval '5 minutes'),
           ('last_hour', now() - interval '1 hour'),
           ('last_day', now() - interval '1 day')
)
select
    period,
    region,
    sum(orders)::bigint as orders,
    round(sum(revenue_cents) / sum(orders))::bigint as average_order_value_cents,
    sum(revenue_cents)::bigint as revenue_cents
from periods
join live.order_value_minute on minute_utc >= date_trunc('minute', since) and minute_utc <= now()
group by period, region;

create view live.freshness as
select
    as_of,
    last_batch_at,
    extract(epoch from now() - as_of)::double precision as lag_seconds
from ops.stream_progress
where stream = 'orders';

grant usage on schema live to sales_loader, sales_reader;
grant select, insert, update on live.product_sales_minute, live.order_value_minute, live.products to sales_loader;
grant select on all tables in schema live to sales_reader, sales_loader;
reset role;
