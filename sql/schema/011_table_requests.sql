-- What others decided about the lake's tables and the lake writer carries out, between two batches: nobody else may
-- write there. A request that was begun and not finished is begun again by the next writer.
set role sales_owner;

create table ops.table_requests (
    request_id   bigint generated always as identity primary key,
    kind         text not null check (kind in ('optimize', 'replace_hours')),
    arguments    jsonb not null,
    requested_by text not null,
    requested_at timestamptz not null default now(),
    state        text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed')),
    attempts     integer not null default 0, -- how often a writer has begun it
    begun_at     timestamptz,
    finished_at  timestamptz,
    result       jsonb, -- what was done
    detail       text not null default '', -- why it failed
    check ((state in ('done', 'failed')) = (finished_at is not null)),
    check ((state = 'done') = (result is not null)),
    check ((state = 'failed') = (detail <> ''))
);
create index table_requests_open on ops.table_requests (request_id) where state in ('waiting', 'running');

grant select, insert, update on ops.table_requests to sales_loader;
reset role;
