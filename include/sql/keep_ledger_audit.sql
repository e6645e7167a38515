-- binds: stream, seconds (how long it took), balances, read_rows, records_unaccounted, cents_unaccounted, holes
-- rerun: the later audit counts
insert into ops.ledger_audit as audit
    (stream, began_at, seconds, balances, read_rows, records_unaccounted, cents_unaccounted, holes)
values (
    %(stream)s, clock_timestamp() - make_interval(secs => %(seconds)s), %(seconds)s, %(balances)s, %(read_rows)s,
    %(records_unaccounted)s, %(cents_unaccounted)s, %(holes)s
)
on conflict (stream) do update set
    began_at = excluded.began_at,
    seconds = excluded.seconds,
    balances = excluded.balances,
    read_rows = excluded.read_rows,
    records_unaccounted = excluded.records_unaccounted,
    cents_unaccounted = excluded.cents_unaccounted,
    holes = excluded.holes
returning began_at, balances, read_rows, records_unaccounted, cents_unaccounted, holes;
