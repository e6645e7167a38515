-- The processes of a stream that Airflow has seen: many of them and no batch is a crash loop.
set role sales_owner;

create table ops.stream_processes (
    stream     text not null,
    pid        integer not null,
    started_at timestamptz not null,
    primary key (stream, started_at, pid)
);

grant select, insert on ops.stream_processes to sales_loader;
reset role;
