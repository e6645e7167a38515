"""
Print the sales answers from the live view: top products of the last hour, the trend by region, average
order values.

They are read from PostgreSQL as sales_reader, the role of BI tools. Answers that are empty or stale say so;
exit code 1 when PostgreSQL does not answer.
"""

import argparse
import json
import sys

from include.settings import get_settings


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the answers as JSON")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="how many products (10)")


def run(args: argparse.Namespace) -> int:
    from psycopg import Error

    from include.insights import as_text, read_insights

    settings = get_settings()
    try:
        insights = read_insights(settings.postgres, limit=args.limit)
    except Error as error:
        where = f"{settings.postgres.host}:{settings.postgres.port}/{settings.postgres.database}"
        print(
            f"saleslake insights: reading the live view of {where}: {str(error).strip()}."
            " Start the stack with `saleslake up`, or see `saleslake status`.",
            file=sys.stderr,
        )
        return 1
    currency = settings.lake.reporting_currency
    print(json.dumps(insights.as_json(), indent=2) if args.json else as_text(insights, currency=currency))
    return 0
