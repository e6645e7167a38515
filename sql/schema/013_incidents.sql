-- What supervision remembers: samples of the stream's progress, and what a person should know or do.
set role sales_owner;

-- One row per heartbeat that was seen, for a day: how the lag grows or falls.
create table ops.stream_samples (
    stream        text not null,
    heartbeat_at  timestamptz not null,
    lag_records   bigint,
    as_of         timestamptz,
    batch_id      bigint, -- the last closed batch at that time
    batch_rows    bigint,
    batch_seconds double precision,
    primary key (stream, heartbeat_at)
);

-- One row from the moment something is wrong until it is over, however often it is looked at meanwhile.
create table ops.incidents (
    incident_id  bigint generated always as identity primary key,
    stream       text not null, -- what it is about: a stream, or a DAG
    kind         text not null,
    severity     text not null check (severity in ('warning', 'critical')), -- the worst it has been
    opened_at    timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    closed_at    timestamptz, -- null: it lasts
    summary      text not null, -- as it was last seen
    details      jsonb not null default '{}',
    runbook      text not null,
    notified_at  timestamptz, -- when somebody was last told
    notified_how text, -- 'log', or 'log, webhook'
    notified_as  text check (notified_as in ('warning', 'critical', 'closed')), -- what was last told
    notify_after timestamptz, -- not sooner is there something to tell; null: nothing
    attempts     integer not null default 0, -- to tell what is to be told now
    check (last_seen_at >= opened_at),
    check ((notified_at is null) = (notified_as is null)),
    check ((notified_at is null) = (notified_how is null))
);
create unique index incidents_open on ops.incidents (stream, kind) where closed_at is null;
create index incidents_to_tell on ops.incidents (notify_after) where notify_after is not null;

-- When the whole ledger was last added up, and what came of it.
create table ops.ledger_audit (
    stream              text primary key,
    began_at            timestamptz not null,
    seconds             double precision not null,
    balances            boolean, -- null, like all below: it took longer than it may
    read_rows           bigint,
    records_unaccounted bigint,
    cents_unaccounted   numeric(38),
    holes               bigint
);

-- Rates and shares over the last minutes, of a ledger of years.
create index ledger_by_time on ops.ledger (closed_at);

grant select, insert, delete on ops.stream_samples to sales_loader;
grant select, insert, update on ops.incidents, ops.ledger_audit to sales_loader;
reset role;
