"""The pipeline that tutorials of Structured Streaming teach."""

from pathlib import Path

from bench.peers.peer import JARS_ROOT, Guarantees, Peer, script
from stack.bootstrap import PYTHON
from stack.jars import JARS_ROOT as OUR_JARS
from stack.java import java_home


def _command(folder: Path) -> list[str]:
    jars = [str(OUR_JARS / "spark"), str(JARS_ROOT / "tutorial")]
    return [str(PYTHON), script("tutorial/main.py"), "--java-home", str(java_home()), "--jars", *jars]


TUTORIAL = Peer(
    name="tutorial",
    title="Spark as tutorials teach it",
    command=_command,
    tuning=(
        "A query for each table, each reading Kafka and parsing JSON itself; 200 shuffle partitions, all"
        " records there are in one batch, the next batch as soon as the last is done, state in memory,"
        " JDBC's batches of 1,000 rows: all defaults. Not default: 6 GB of heap, no web page, UTC. The"
        " watermark waits 3 days: partitions of one log are read unevenly and its orders lie 24 hours"
        " apart, late ones up to 48 hours more, and a shorter wait drops orders silently. from_json turns"
        " what it cannot read into nulls; a record without order_id or ordered_at is passed over, any other"
        " counts, whatever rule it breaks; a duplicate is dropped from silver and counted again in the"
        " answers. By design (a kill was not tried) a batch repeated after kill -9 appends the same totals"
        " once more under its own number, which the views do not add up. Of 30,000 records of the"
        " simulator's default faulty traffic (2 % duplicates, 1 % broken), read as one batch, it counted"
        " 29,942 where 29,063 are right; and the first order dated 9999 (or by an epoch number) moves the"
        " watermark there: from the next batch on every order is dropped silently."
    ),
    guarantees=Guarantees(
        contract="what from_json can read",
        duplicates="dropped from silver, counted again in answers",
        quarantine="no, nulls or passed over",
        exactly_once="lake yes, answers by overwriting",
        lake="bronze, silver",
    ),
    jars="tutorial",
)
