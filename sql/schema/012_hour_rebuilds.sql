-- Hours made anew from bronze and held against the stream; and hours of event time that were said to be complete.
set role sales_owner;

-- One row per rebuild: what it compared and what became of it.
create table ops.hour_rebuilds (
    name         text primary key, -- of its side tables, under shadow/
    since        timestamptz not null, -- the first hour
    until        timestamptz not null, -- the first hour after the last
    up_to        bigint not null, -- the last batch that was compared
    requested_by text not null,
    state        text not null check (state in ('equal', 'different', 'contradicts', 'swapped', 'declined')),
    comparison   jsonb not null, -- rows and cents by table and hour, samples of what differs
    decided_by   text, -- who approved or declined the swap
    compared_at  timestamptz not null default now(),
    finished_at  timestamptz,
    check (until > since),
    check (state in ('equal', 'different', 'contradicts') or finished_at is not null)
);
create index hour_rebuilds_by_time on ops.hour_rebuilds (compared_at);

-- One row per hour whose orders are all in: what the ledger had when that was last said.
create table ops.hour_closings (
    hour_utc      timestamptz primary key,
    last_batch_id bigint not null, -- of ops.hour_ledger at that moment
    orders        bigint not null,
    revenue_cents bigint not null,
    times         integer not null default 1, -- above 1: late orders reopened it, or nobody published it
    said_at       timestamptz not null default now()
);

grant select, insert, update on ops.hour_rebuilds, ops.hour_closings to sales_loader;
reset role;
