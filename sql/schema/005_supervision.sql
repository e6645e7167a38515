-- What Airflow did about the stream: the breaker counts these rows.
set role sales_owner;

create table ops.stream_restarts (
    restart_id  bigint generated always as identity primary key,
    stream      text not null,
    reason      text not null,
    run_id      text not null,
    old_pid     integer,
    new_pid     integer,
    started_at  timestamptz not null default now(),
    finished_at timestamptz -- null: the restart was begun and its end is not known
);
create index stream_restarts_by_time on ops.stream_restarts (stream, started_at);

grant select, insert, update on ops.stream_restarts to sales_loader;
reset role;
