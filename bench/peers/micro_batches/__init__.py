"""A micro-batch loop written by hand, with weaker guarantees and with the same as ours."""

from bench.peers.peer import Guarantees, Peer, python_of, script

TUNING = (
    "Batches of at most 20,000 records or 100 ms; librdkafka fetches ahead; msgspec decodes (of msgspec,"
    " orjson, Polars' json_decode and read_ndjson it took the least CPU, 0.4 of orjson's); Polars"
    " aggregates; one Delta commit a table and batch, zstd level 1, unpartitioned, no compaction; answers"
    " by COPY of sorted rows into a temporary table and one upsert, while the next batch is decoded;"
    " Python's cycle collector off."
)


def _command(guarantees: str) -> list[str]:
    return [python_of("micro_batches"), script("micro_batches/main.py"), "--guarantees", guarantees]


WEAK = Peer(
    name="micro_batches_weak",
    title="hand-written micro-batches, at least once",
    command=lambda folder: _command("weak"),
    tuning=TUNING
    + " No check beyond the fields' types: a broken record is passed over and counted in the log; a"
    " duplicate or a contradiction counts again. Offsets are stored with the answers: after kill -9 those"
    " are exact and a batch or two may be in silver twice. Of 30,000 records of the simulator's default"
    " faulty traffic (2 % duplicates, 1 % broken) it counted 29,834 where 29,063 are right.",
    guarantees=Guarantees(
        contract="types only",
        duplicates="counted again",
        quarantine="no, passed over",
        exactly_once="answers yes, lake at least once",
        lake="silver",
    ),
    environment="micro_batches",
)
FULL = Peer(
    name="micro_batches_full",
    title="hand-written micro-batches, equal guarantees",
    command=lambda folder: _command("full"),
    tuning=TUNING
    + " Every rule of docs/contracts/orders.md, repeated keys included: a record that msgspec would write"
    " again byte for byte is judged by msgspec's types and a few lines of Python, all others by plain"
    " Python, which takes 14 times as long (a producer that puts blanks between fields pays that for every"
    " record). All order ids are kept in a dict with 16 bytes of what each said, read from silver at start:"
    " some 150 bytes of memory an order. Each Delta commit carries its position in the topic, so a replay"
    " after kill -9 appends once. On the simulator's default faulty traffic answers, silver and every"
    " reason are those of the contract.",
    guarantees=Guarantees(
        contract="all of it",
        duplicates="dropped and kept apart; conflicts quarantined",
        quarantine="yes, with reasons",
        exactly_once="yes",
        lake="bronze, silver, rejected",
    ),
    environment="micro_batches",
)
