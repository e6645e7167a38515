-- grain: one row per field; past 1,000 of them all others share one, named '…'
-- binds: field, orders, batch_id
-- rerun: adds again; the ledger's guard keeps a batch from being added twice
insert into live.unknown_fields as held (field, orders, last_batch_id)
select
    case
        when exists (select from live.unknown_fields where field = %(field)s)
            or (select count(*) from live.unknown_fields) < 1000 then %(field)s
        else '…'
    end,
    %(orders)s,
    %(batch_id)s
on conflict (field) do update set
    orders = held.orders + excluded.orders,
    last_batch_id = excluded.last_batch_id,
    last_seen_at = excluded.last_seen_at;
