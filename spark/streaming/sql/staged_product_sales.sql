create temporary table if not exists staged_product_sales (
    minute_utc    timestamptz not null,
    product_id    text not null,
    region        text not null,
    orders        bigint not null,
    units         bigint not null,
    revenue_cents bigint not null,
    product_name  text not null,
    category      text not null,
    named_at      timestamptz not null
) on commit delete rows;
