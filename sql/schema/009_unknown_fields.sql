-- Fields of orders that the contract does not know: how many orders had some, and which fields they were.
set role sales_owner;

alter table ops.ledger
    -- of silver_rows: orders with such fields, counted in the files of silver.orders (column `rescued`)
    add column rescued_rows bigint not null default 0,
    add check (rescued_rows between 0 and silver_rows);

-- One row per name; a field of a line is named `lines.<name>`. Names are cut at 200 characters; past 1,000 names all
-- others share the row '…', so that a producer that invents them does not fill the database.
create table live.unknown_fields (
    field         text primary key,
    orders        bigint not null, -- accepted orders that had it
    last_batch_id bigint not null,
    first_seen_at timestamptz not null default now(), -- when its first batch was closed
    last_seen_at  timestamptz not null default now()
);
grant select, insert, update on live.unknown_fields to sales_loader;
grant select on live.unknown_fields to sales_reader;
reset role;
