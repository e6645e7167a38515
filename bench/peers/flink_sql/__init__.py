"""Flink SQL: two continuous aggregations over one reading of the topic."""

from pathlib import Path

from bench.peers.peer import JARS_ROOT, Guarantees, Peer, python_of, script
from stack.java import java_binary


def _command(folder: Path) -> list[str]:
    arguments = ["--java", java_binary(), "--jars", str(JARS_ROOT / "flink")]
    return [python_of("flink_sql"), script("flink_sql/main.py"), *arguments]


FLINK_SQL = Peer(
    name="flink_sql",
    title="Flink SQL",
    command=_command,
    tuning=(
        "Flink 2.2.1 in one JVM with 2 GB of heap, parallelism 2; one reading of the topic for both"
        " aggregations; mini-batches of 100 ms or 20,000 records, aggregated in two phases; objects reused;"
        " state in the heap; a checkpoint every 10 s; upserts of 5,000 rows or 100 ms, rewritten into one"
        " statement. Its JDBC connector is 4.0.0, made for Flink 2.0. The JSON format passes over a record"
        " that is not JSON and makes a field of another type null; any other record counts, whatever rule"
        " it breaks, and a duplicate counts again: of 30,000 records of the simulator's default faulty"
        " traffic (2 % duplicates, 1 % broken) it counted 29,942 where 29,063 are right. Started again"
        " after kill -9 it goes on from the last checkpoint: totals are computed once more and upserted, so"
        " the answers may go back for a while and then are exact."
    ),
    guarantees=Guarantees(
        contract="what its JSON format can read",
        duplicates="counted again",
        quarantine="no, nulls or passed over",
        exactly_once="answers yes, from the last checkpoint",
        lake="none",
    ),
    environment="flink_sql",
    jars="flink",
)
