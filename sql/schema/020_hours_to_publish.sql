-- Hours whose orders were changed in the lake without a batch, by a swap: the ledger knows of nothing new, so that
-- nobody would publish them.
set role sales_owner;

create table ops.hours_to_publish (
    hour_utc timestamptz primary key,
    reason   text not null, -- for marts.restatements
    asked_at timestamptz not null default now()
);
grant select, insert, update, delete on ops.hours_to_publish to sales_loader;
-- A run of rebuild_hours asks which of its hours were swapped already.
create index table_requests_by_asker on ops.table_requests (requested_by, kind);

reset role;
