-- Who watches: reads what the stream and the publishing say of themselves, and how the server does. No order, no
-- customer (quality_results.details has samples: not granted), nothing that could be written.
do $$
begin
    -- A role belongs to the server, not to the database: after a restore of an older one it may be there.
    if not exists (select from pg_roles where rolname = 'sales_monitor') then
        create role sales_monitor login;
    end if;
end
$$;
grant connect on database sales to sales_monitor;
grant pg_monitor to sales_monitor;
alter role sales_monitor set default_transaction_read_only = on;
alter role sales_monitor set statement_timeout = '10s';
alter role sales_monitor set timezone = 'UTC';

set role sales_owner;
grant usage on schema ops, marts to sales_monitor;
grant select on ops.hour_ledger to sales_monitor;
grant select (batch_id, closed_at) on ops.ledger to sales_monitor;
grant select (incident_id, severity, closed_at) on ops.incidents to sales_monitor;
grant select (hour_utc, table_name, severity, checked_at) on ops.quality_results to sales_monitor;
grant select on marts.publications, marts.current_publications to sales_monitor;
reset role;
