"""Quix Streams, a stream framework in Python."""

from pathlib import Path

from bench.peers.peer import Guarantees, Peer, python_of, script


def _command(folder: Path) -> list[str]:
    return [python_of("quix_streams"), script("quix_streams/main.py")]


QUIX_STREAMS = Peer(
    name="quix_streams",
    title="Quix Streams",
    command=_command,
    tuning=(
        "One process, at least once; orjson decodes; a checkpoint every 0.2 s or 5,000 records; totals in"
        " its state (RocksDB, with a changelog topic in Kafka), by partition of the topic, because"
        " re-keying would send every line through Kafka once more; answers are views that add the"
        " partitions up; a sink of its own keeps the last total of each key and upserts them by COPY at"
        " each checkpoint. A record that is not JSON, or that lacks what is counted, is passed over with a"
        " line in the log; any other counts, whatever rule it breaks, and a duplicate counts again: of"
        " 30,000 records of the simulator's default faulty traffic (2 % duplicates, 1 % broken) it counted"
        " 29,889 where 29,063 are right. Offsets are committed after the answers: what is read again after"
        " kill -9 upserts totals that start from the state of the last checkpoint, so the answers are"
        " exact."
    ),
    guarantees=Guarantees(
        contract="fields that are counted",
        duplicates="counted again",
        quarantine="no, passed over",
        exactly_once="answers yes",
        lake="none",
    ),
    environment="quix_streams",
)
