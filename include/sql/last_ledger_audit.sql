-- grain: one row, or none: it is time for another audit
-- binds: stream, share
select began_at, balances, read_rows, records_unaccounted, cents_unaccounted, holes
from ops.ledger_audit
where stream = %(stream)s and began_at > now() - make_interval(secs => greatest(50, %(share)s * seconds));
