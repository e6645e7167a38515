"""
Another version of the code, at work: continues a lake that an older one began, as its deploy would.

    python -m tests.continued_lake < task.json     # in the copy of the project that has the new version

First what `saleslake check-upgrade` asks, then the migrations, the writer's batches, a publish.
"""

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from include.publish.request import Request
from include.publish.run import publish
from include.sales_db import connect
from include.settings import PostgresSettings, Settings, StreamSettings
from spark.session import get_session
from spark.streaming.upgrade_check import findings
from stack.migrations import compare, migrate
from stack.upgrade import of_migrations
from tests.batch_lake import Lake


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Do the task; returns what was found before, and what was published."""
    settings = Settings(lake=task["lake"], postgres=task["loader"])
    found = findings(settings)
    superuser = PostgresSettings(**task["superuser"])
    with closing(connect(superuser, application_name="test", autocommit=True)) as owner:
        found += of_migrations(compare(owner))
        migrate(owner)
    with closing(connect(settings.postgres, application_name="test", autocommit=True)) as connection:
        spark = get_session("continued lake", StreamSettings(driver_memory="1g"))
        lake = Lake(spark, settings.lake.root, connection)
        for batch in task["batches"]:
            lake.write(batch["number"], batch["records"], batch["first_offset"])
        summary = publish(connection, lake.root, settings.publish, Request("continued", changed="closed"))
    return {
        "states": {finding.what: finding.state for finding in found},
        "published": [result.outcome for result in summary.results],
    }


if __name__ == "__main__":
    result = work(json.load(sys.stdin))
    print(json.dumps({**result, "code": str(Path(__file__).resolve().parent.parent)}), flush=True)
    # Threads of py4j must not keep this process alive.
    os._exit(0)
