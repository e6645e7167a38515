"""
List the records that are not in silver: counted by reason and by hour of arrival, with samples.

A record with several reasons counts under each of them; `duplicate` are repeats of accepted orders. Samples
are shown escaped and with e-mail addresses masked. What the DAG replay_rejected sent again is marked, if the
database answers. Exit code 0 also when there are none.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from include.settings import Settings, get_settings
from lake.contract import DUPLICATE, QUARANTINED, REASONS
from stack.commands.simulate import moment, natural

if TYPE_CHECKING:
    from include.redrive.marks import Mark
    from include.redrive.position import Position


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--reason", action="append", default=[], choices=[*REASONS, DUPLICATE], metavar="CODE",
        help="only this reason; may be given again (docs/contracts/orders.md lists them)")  # fmt: skip
    add("--disposition", choices=[DUPLICATE, QUARANTINED], help="only duplicates, or only quarantined ones")
    add("--from", dest="since", type=moment, metavar="TIME", help="arrived at or after (ISO 8601, UTC)")
    add("--to", dest="until", type=moment, metavar="TIME", help="arrived before")
    add("--samples", type=natural, default=0, metavar="N", help="also show so many records (0)")
    add("--show-emails", action="store_true", help="do not mask e-mail addresses in samples")
    add("--json", action="store_true", help="print the answer as JSON")


def run(args: argparse.Namespace) -> int:
    # Imported here: Arrow and Delta take a moment that `--help` need not wait for.
    from include.rejected import Question, as_text, read_rejected

    question = Question(
        reasons=frozenset(args.reason),
        disposition=args.disposition,
        since=args.since,
        until=args.until,
        samples=args.samples,
        shows_emails=args.show_emails,
    )
    settings = get_settings()
    answer = read_rejected(settings.lake.root, question, read_marks(settings))
    print(json.dumps(answer.as_json(), indent=2) if args.json else as_text(answer))
    return 0


def read_marks(settings: Settings) -> "Mapping[Position, Mark]":
    """What was sent again. Without the database nothing is known of it; the rest can be said all the same."""
    import psycopg

    from include.redrive import marks
    from include.sales_db import connect

    try:
        with closing(connect(settings.postgres, application_name="saleslake-rejected")) as connection:
            return marks.read_marks(connection, settings.kafka.orders_topic)
    except psycopg.Error as error:
        print(f"What was sent again is not shown: {error}", file=sys.stderr)
        return {}
