"""
How long does a rebuild of many hours take while orders stream, and what does the stream feel of it?

    python -m bench.rebuild --hours 24 --orders 240000 --rate 200

On a stack of its own with Airflow: orders spread over the hours are sent first. Then, while others arrive
at `--rate`, the latency from Kafka to `live.*` is watched for `--calm` seconds, and again while the DAG
rebuild_hours makes the hours anew from bronze and compares them. Prints JSON; exit code 1 when the rebuild
differs from the stream or a cent is missing.
"""

import argparse
import json
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

from bench.latency import LatencyWatch
from bench.own_stack import own_stack, saleslake, silent
from include.airflow_api import AirflowApi
from include.publish.request import PARTITION_KEY_FORMAT
from include.sales_db import connect
from include.settings import get_settings
from stack.catching_up import wait_for_lake
from stack.layout import RunFolder
from stack.lifecycle import Wanted, up
from stack.supervisor import Supervisor

HOUR = timedelta(hours=1)
MOST_SECONDS = 3600


def send_history(folder: RunFolder, first: datetime, hours: int, orders: int) -> None:
    settings = get_settings()
    start, span = first.isoformat(), f"{hours}h"
    saleslake(folder, "simulate", "--count", str(orders), "--start", start, "--span", span)
    wait_for_lake(settings.kafka, settings.postgres, lambda _: None)


def rebuild(airflow: AirflowApi, first: datetime, hours: int) -> dict[str, Any]:
    """What rebuild_hours found, and the seconds it took."""
    since, until = (f"{hour:{PARTITION_KEY_FORMAT}}" for hour in (first, first + hours * HOUR))
    began = monotonic()
    run_id = airflow.trigger("rebuild_hours", {"since": since, "until": until, "dry_run": True})
    state = airflow.wait("rebuild_hours", run_id, timeout_seconds=MOST_SECONDS)
    seconds = monotonic() - began
    found = airflow.return_value("rebuild_hours", run_id, "compare") if state == "success" else {}
    return {"state": state, "found": found.get("state"), "seconds": round(seconds, 1)}


def measure(folder: RunFolder, args: argparse.Namespace) -> dict[str, Any]:
    settings = get_settings()
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - args.hours * HOUR
    send_history(folder, first, args.hours, args.orders)
    up(folder, Wanted(simulator_rate=args.rate), silent)
    sleep(args.settle)
    with LatencyWatch(settings.postgres) as calm:
        sleep(args.calm)
    with AirflowApi(settings.airflow) as airflow, LatencyWatch(settings.postgres) as during:
        done = rebuild(airflow, first, args.hours)
    Supervisor(folder).stop("simulator")
    with closing(connect(settings.postgres, application_name="bench", autocommit=True)) as connection:
        row = connection.execute(
            "select count(distinct batch_id), sum(silver_rows) from ops.ledger"
        ).fetchone()
    return {
        "hours": args.hours,
        "rate": args.rate,
        "batches_and_orders": row,
        "rebuild": done,
        "latency_seconds": {"calm": rounded(calm), "during": rounded(during)},
        "reconciles": saleslake(folder, "reconcile", "--wait", "300"),
    }


def rounded(watch: LatencyWatch) -> dict[str, float]:
    return {name: round(value, 1) for name, value in watch.percentiles().items()}


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.rebuild", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=int, default=24, help="to rebuild (24)")
    parser.add_argument("--orders", type=int, default=240_000, help="spread over those hours (240000)")
    parser.add_argument("--rate", type=float, default=200, help="orders per second meanwhile (200)")
    parser.add_argument("--settle", type=float, default=45, help="seconds before the first look (45)")
    parser.add_argument("--calm", type=float, default=60, help="seconds of the first look (60)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    with own_stack("rebuild", Wanted()) as folder:
        found = measure(folder, args)
    print(json.dumps(found, indent=2, default=int))
    return 0 if found["rebuild"]["found"] == "equal" and found["reconciles"] else 1


if __name__ == "__main__":
    sys.exit(main())
