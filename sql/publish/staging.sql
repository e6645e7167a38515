-- The session's copy of one day of the lake, as the publisher read it. Columns are declared here, never inferred.
-- "not null" everywhere: a null in the lake stops the publish instead of vanishing in a sum.
create temp table if not exists staged_orders (
    order_id        text not null,
    ordered_at      timestamptz not null,
    customer_id     text not null,
    region          text not null,
    country         text not null,
    channel         text not null,
    payment_method  text not null,
    currency        text not null,
    shipping_cents  bigint not null,
    tax_cents       bigint not null,
    total_cents     bigint not null,
    is_late         boolean not null,
    kafka_topic     text not null,
    kafka_partition integer not null,
    kafka_offset    bigint not null,
    batch_id        bigint not null
);

create temp table if not exists staged_lines (
    order_id         text not null,
    ordered_at       timestamptz not null,
    region           text not null,
    line_no          integer not null,
    product_id       text not null,
    product_name     text not null,
    category         text not null,
    quantity         integer not null,
    unit_price_cents bigint not null,
    discount_cents   bigint not null
);

create temp table if not exists staged_product_minutes (
    minute_utc    timestamptz not null,
    product_id    text not null,
    region        text not null,
    orders        bigint not null,
    units         bigint not null,
    revenue_cents bigint not null
);

create temp table if not exists staged_order_value_minutes (
    minute_utc    timestamptz not null,
    region        text not null,
    channel       text not null,
    orders        bigint not null,
    revenue_cents bigint not null
);

create temp table if not exists kept_measures (
    moment  text not null,
    mart    text not null,
    row_key jsonb not null,
    measure text not null,
    value   bigint not null
);

truncate staged_orders, staged_lines, staged_product_minutes, staged_order_value_minutes, kept_measures;
