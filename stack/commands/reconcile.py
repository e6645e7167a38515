"""
Compare the truth manifest with bronze, silver, rejected, gold, live and marts, per region and hour, to the
cent.

All layers are compared at one cut: the last batch the ledger has closed. The marts are compared hour by hour
at the batch they were published at. Exit code 0 on PASS, 1 on FAIL.
"""

import argparse
import json

from include.settings import get_settings


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="print the result as JSON")
    add("--wait", type=float, default=0.0, metavar="SECONDS",
        help="first wait until all that is acknowledged by now is in the lake")  # fmt: skip
    add("--require-marts", action="store_true", help="an hour overdue for publication is a failure")


def run(args: argparse.Namespace) -> int:
    # Imported here: Arrow and Delta take a moment that `--help` need not wait for.
    from include.reconcile.report import as_text
    from include.reconcile.run import reconcile

    result = reconcile(get_settings(), wait_seconds=args.wait, require_marts=args.require_marts)
    print(json.dumps(result.as_json(), indent=2) if args.json else as_text(result))
    return 0 if result.passed else 1
