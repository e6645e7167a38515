-- Roles of the database `sales`. Run once, by a superuser, before every other file. Passwords are set by the stack.
-- sales_owner owns the schemas and cannot log in; sales_loader writes; sales_reader is what BI tools use.
create role sales_owner nologin;
create role sales_loader login;
create role sales_reader login;

revoke all on schema public from public;
-- "current_database()" cannot stand in a GRANT, and the name is part of the contract.
revoke all on database sales from public;
grant connect on database sales to sales_loader, sales_reader;
grant create, connect, temporary on database sales to sales_owner;
grant temporary on database sales to sales_loader;

alter role sales_reader set default_transaction_read_only = on;
alter role sales_reader set statement_timeout = '5min';
alter role sales_reader set timezone = 'UTC';
alter role sales_loader set timezone = 'UTC';
