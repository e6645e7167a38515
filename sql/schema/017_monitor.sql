-- Who watches: reads what the stream and the publishing say of themselves, and how the server does. No order, no
-- customer, nothing that could be written.
create role sales_monitor login;
grant connect on database sales to sales_monitor;
grant pg_monitor to sales_monitor;
alter role sales_monitor set default_transaction_read_only = on;
alter role sales_monitor set statement_timeout = '10s';
alter role sales_monitor set timezone = 'UTC';

set role sales_owner;
grant usage on schema ops, marts to sales_monitor;
grant select on ops.stream_progress, ops.hour_ledger, ops.incidents, ops.quality_results, ops.table_requests to sales_monitor;
grant select on marts.publications, marts.current_publications to sales_monitor;
reset role;
