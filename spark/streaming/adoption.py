"""
A new checkpoint for a lake that lost its own, made from what tables, ledger and topic hold.

    python -m spark.streaming.adoption                                        # `saleslake adopt`
    python -m spark.streaming.adoption 0:120-450 --by NAME --why "..."        # `saleslake accept-loss`

A batch that bronze has and the ledger has not is finished first, from bronze, so that nothing is read twice.
The old checkpoint is moved aside, not deleted.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event

from include.errors import CheckpointMismatch, LakehouseError, NothingToHeal
from include.settings import Settings, get_settings
from lake.tables import checkpoint
from spark.streaming.checkpoint_check import verify_checkpoint
from spark.streaming.database import Database
from spark.streaming.email_key import email_key, fingerprint
from spark.streaming.generation import QUERY, Generation, Offsets, begin_generation
from spark.streaming.ledger import closed_offsets, last_closed, newest_generation, record_generation
from spark.streaming.loss import Loss, accept, narrowed, parse_loss, refuse_other_ranges
from spark.streaming.open_batch import finish_open_batch
from spark.streaming.opening import (
    open_generation,
    refuse_another_key,
    refuse_another_topic,
    refuse_gone_records,
)
from spark.streaming.process import sole_writer
from spark.streaming.table_check import verify_tables
from spark.streaming.topic import Topic, reach_topic

log = logging.getLogger("adopt")
PATIENCE_SECONDS = 60


def adopt(settings: Settings, *, losses: Iterable[Loss] = (), by: str = "", why: str = "") -> Generation:
    """
    Begin a new generation where the ledger ends. The lake writer must not run.

    Args:
        losses: ranges the topic no longer has, each exactly as the start named it; `by` and `why` are kept
            with them in ops.accepted_losses.

    Raises:
        NothingToHeal: the checkpoint is as it should be; or a range is not missing.
        TableDamaged: the tables must be healed first.
        StreamError: this is another topic, lake or key.
    """
    root, key = settings.lake.root, email_key(settings.lake.email_hmac_key_file)
    database = Database(settings.postgres, application_name="saleslake adopt")
    topic = reach_topic(settings.kafka, Event(), seconds=PATIENCE_SECONDS)
    lost = list(losses)
    if not lost:
        _refuse_sound_checkpoint(root, topic, database, fingerprint(key))
    before = _known_generation(root, topic, database, fingerprint(key))
    database.run(lambda connection: verify_tables(root, connection))
    named_from = read_up_to(before, topic, database)
    finish_open_batch(settings, before, database, key=key)
    begins_at = read_up_to(before, topic, database)
    lost = narrowed(lost, named_from, begins_at)
    if lost:
        refuse_other_ranges(lost, begins_at, topic.beginning_offsets())
        begins_at |= {loss.partition: loss.end for loss in lost}
    refuse_gone_records(topic, begins_at)
    last = database.run(last_closed)
    last_batch_id = before.first_batch_id - 1 if last is None else last.batch_id
    if lost:
        database.run(
            partial(accept, topic=topic.name, losses=lost, after_batch_id=last_batch_id, by=by, why=why)
        )
    begun = _begin(root, before, begins_at, last_batch_id + 1)
    reason = "loss accepted" if lost else "adopted"
    database.run(lambda connection: record_generation(connection, begun, reason=reason, begun_by=by))
    return begun


def read_up_to(generation: Generation, topic: Topic, database: Database) -> dict[int, int]:
    """The first offset of each partition that no closed batch has."""
    closed = database.run(lambda connection: closed_offsets(connection, topic.name))
    return {**generation.starting_offsets, **closed}


def _refuse_sound_checkpoint(root: Path, topic: Topic, database: Database, key: str) -> None:
    if not checkpoint(root, QUERY).exists():
        return
    try:
        generation = open_generation(root, topic, database, email_key=key)
        database.run(lambda connection: verify_checkpoint(root, generation, connection))
    except CheckpointMismatch as error:
        log.info("what is wrong with the checkpoint: %s", error)
        return
    raise NothingToHeal(
        f"Adopting {root}: its checkpoint is whole and belongs to tables, topic and ledger. Nothing was"
        " changed. If the stream does not start, the end of the lake writer's log says why."
    )


def _known_generation(root: Path, topic: Topic, database: Database, key: str) -> Generation:
    known = database.run(newest_generation)
    if known is None:
        raise NothingToHeal(
            f"Adopting {root}: the database knows no generation of any lake, so nothing says where the tables"
            " end. Nothing was changed. Check the postgres settings; an empty lake needs no adopting:"
            " `saleslake up`."
        )
    refuse_another_topic(root, known, topic.identity())
    refuse_another_key(root, known, key)
    return known


def _begin(root: Path, before: Generation, begins_at: Offsets, first_batch_id: int) -> Generation:
    folder = checkpoint(root, QUERY)
    if folder.exists():
        aside = folder.with_name(f"{folder.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        folder.rename(aside)
        log.info("the old checkpoint is now %s", aside)
    return begin_generation(
        root,
        topic=before.topic,
        topic_id=before.topic_id,
        first_batch_id=first_batch_id,
        starting_offsets=begins_at,
        email_key=before.email_key,
    )


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="adoption", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "losses", nargs="*", type=parse_loss, metavar="PARTITION:FIRST-END", help="a range that is gone"
    )
    parser.add_argument("--by", default="", help="who accepts the loss")
    parser.add_argument("--why", default="", help="why it is accepted")
    args = parser.parse_args(argv)
    if args.losses and not (args.by.strip() and args.why.strip()):
        parser.error("a loss is accepted by somebody (--by) for a reason (--why)")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    settings = get_settings()
    began = time.monotonic()
    try:
        with sole_writer(settings.lake.root):
            begun = adopt(settings, losses=args.losses, by=args.by, why=args.why)
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 1
    places = ", ".join(f"{p} at {offset}" for p, offset in sorted(begun.starting_offsets.items()))
    print(
        f"The stream goes on with batch {begun.first_batch_id}, partitions {places} (generation {begun.uuid},"
        f" {time.monotonic() - began:.0f} s)."
    )
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Threads of py4j or of the Kafka client must not keep this process alive.
    os._exit(status)
