create temporary table if not exists staged_order_value (
    minute_utc    timestamptz not null,
    region        text not null,
    channel       text not null,
    orders        bigint not null,
    revenue_cents bigint not null
) on commit delete rows;
