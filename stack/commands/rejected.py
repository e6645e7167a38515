"""
List the records that are not in silver: counted by reason and by hour of arrival, with samples.

A record with several reasons counts under each of them; `duplicate` are repeats of accepted orders. Samples
are shown escaped and with e-mail addresses masked. Exit code 0 also when there are none.
"""

import argparse
import json

from include.settings import get_settings
from lake.contract import DUPLICATE, QUARANTINED, REASONS
from stack.commands.simulate import moment, natural


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
    answer = read_rejected(get_settings().lake.root, question)
    print(json.dumps(answer.as_json(), indent=2) if args.json else as_text(answer))
    return 0
