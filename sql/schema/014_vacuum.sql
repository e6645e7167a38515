-- A further kind of request: files that no version within the retention needs are deleted.
set role sales_owner;

alter table ops.table_requests drop constraint table_requests_kind_check;
alter table ops.table_requests add constraint table_requests_kind_check
    check (kind in ('optimize', 'replace_hours', 'vacuum'));
reset role;
