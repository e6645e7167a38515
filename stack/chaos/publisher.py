"""
Publishes every hour that changed, as a process of its own, without Airflow: one that the walk can kill.

    python -m stack.chaos.publisher RUN_ID
"""

import logging
import sys
from contextlib import closing

import psycopg

from include.errors import PublishError
from include.publish.request import Request
from include.publish.run import publish
from include.sales_db import connect
from include.settings import get_settings

BEGUN = "publishing"


def main(run_id: str) -> int:
    settings = get_settings()
    try:
        with closing(
            connect(settings.postgres, application_name="chaos publisher", autocommit=True)
        ) as connection:
            print(BEGUN, flush=True)
            summary = publish(
                connection, settings.lake.root, settings.publish, Request(run_id, changed="all")
            )
            print(summary.headline(), flush=True)
            summary.raise_for_failures()
    except (PublishError, psycopg.Error) as error:
        print(str(error).strip(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main(sys.argv[1]))
