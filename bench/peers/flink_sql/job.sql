create temporary table orders (
    ordered_at string,
    region string,
    total_cents bigint,
    `lines` array<row<product_id string, quantity bigint, unit_price_cents bigint, discount_cents bigint>>
) with (
    'connector' = 'kafka',
    'topic' = '{topic}',
    'properties.bootstrap.servers' = '{bootstrap}',
    'properties.group.id' = 'flink-sql',
    'properties.max.poll.records' = '5000',
    'scan.startup.mode' = 'earliest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true'
);

create temporary table product_sales_minute (
    minute_utc timestamp(3), product_id string, region string, units bigint, revenue_cents bigint,
    primary key (minute_utc, product_id, region) not enforced
) with ({sink}, 'table-name' = 'answers.product_sales_minute');

create temporary table region_sales_minute (
    minute_utc timestamp(3), region string, orders bigint, revenue_cents bigint,
    primary key (minute_utc, region) not enforced
) with ({sink}, 'table-name' = 'answers.region_sales_minute');

create temporary view sales as
select
    timestampadd(
        minute,
        case
            when `right`(ordered_at, 1) = 'Z' then 0
            else (case when substring(ordered_at from char_length(ordered_at) - 5 for 1) = '-' then 1 else -1 end)
                * (cast(substring(ordered_at from char_length(ordered_at) - 4 for 2) as int) * 60
                   + cast(`right`(ordered_at, 2) as int))
        end,
        to_timestamp(substring(ordered_at from 1 for 16), 'yyyy-MM-dd''T''HH:mm')
    ) as minute_utc,
    region,
    total_cents,
    `lines`
from orders
where ordered_at is not null and region is not null;

insert into product_sales_minute
select minute_utc, product_id, region, sum(quantity), sum(quantity * unit_price_cents - discount_cents)
from sales cross join unnest(`lines`) as line (product_id, quantity, unit_price_cents, discount_cents)
where minute_utc is not null and product_id is not null
group by minute_utc, product_id, region;

insert into region_sales_minute
select minute_utc, region, count(*), sum(total_cents)
from sales
where minute_utc is not null
group by minute_utc, region;
