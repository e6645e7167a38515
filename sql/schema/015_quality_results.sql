-- What the quality gates found: one row per run, hour and table. A history: rows are only added.
set role sales_owner;

create table ops.quality_results (
    result_id  bigint generated always as identity primary key,
    run_id     text not null,
    hour_utc   timestamptz not null,
    table_name text not null, -- with its layer, like silver.orders
    suite      text not null, -- the file under include/expectations, without its ending
    success    boolean not null,
    severity   text check (severity in ('fail', 'warn')), -- of the worst that was found; null: nothing was
    evaluated  integer not null check (evaluated >= 0),
    failed     integer not null check (failed between 0 and evaluated),
    details    jsonb not null, -- what was not as expected, with counts and samples
    checked_at timestamptz not null default now(),
    check (success = (severity is distinct from 'fail'))
);
create index quality_results_by_hour on ops.quality_results (hour_utc, table_name, checked_at);

grant select, insert on ops.quality_results to sales_loader;
reset role;
