-- Schema `ops`: what the lake writer did, batch by batch. Not for BI tools.
create schema ops authorization sales_owner;
set role sales_owner;

-- One row per batch and Kafka partition. The checks make an unbalanced row impossible, whoever writes it.
create table ops.ledger (
    batch_id         bigint not null,
    topic            text not null,
    partition        integer not null,
    start_offset     bigint not null, -- first offset of the batch
    end_offset       bigint not null, -- first offset after the batch
    read_rows        bigint not null,
    read_cents       numeric(38) not null, -- what the records claim as total_cents, as far as it is a 64-bit integer
    silver_rows      bigint not null,
    silver_cents     numeric(38) not null,
    duplicate_rows   bigint not null,
    duplicate_cents  numeric(38) not null,
    quarantined_rows bigint not null,
    quarantined_cents numeric(38) not null,
    generation       uuid not null, -- which checkpoint wrote it
    closed_at        timestamptz not null default now(),
    primary key (batch_id, topic, partition),
    check (end_offset > start_offset),
    check (read_rows = silver_rows + duplicate_rows + quarantined_rows),
    check (read_cents = silver_cents + duplicate_cents + quarantined_cents)
);
create unique index ledger_by_offset on ops.ledger (topic, partition, end_offset);

-- One row per hour of event time: what silver holds for it once `last_batch_id` is closed.
-- Kept in the transaction of the ledger row, so that both always speak of the same batches.
create table ops.hour_ledger (
    hour_utc      timestamptz primary key,
    orders        bigint not null,
    revenue_cents bigint not null,
    last_batch_id bigint not null
);

-- One row per stream: how far it is, and when that was last heard.
create table ops.stream_progress (
    stream       text primary key,
    generation   uuid not null,
    state        text not null check (state in ('starting', 'running', 'stopping', 'stopped', 'failed')),
    detail       text not null default '',
    batch_id     bigint, -- last closed batch
    last_batch_at timestamptz,
    batch_rows   bigint,
    batch_seconds double precision,
    as_of        timestamptz, -- everything Kafka had by then is in the lake
    lag_records  bigint,
    heartbeat_at timestamptz not null,
    started_at   timestamptz not null,
    pid          integer not null
);

grant usage on schema ops to sales_loader;
grant select, insert, update on all tables in schema ops to sales_loader;
reset role;
