"""
How long until things work? Of stacks of their own, with Airflow and without.

    python -m bench.start --runs 3 --orders 20000

Up: from the command until every part is healthy, in an empty run folder and again over its data. Driver: from
its start until its first batch is closed, orders waiting, over an empty lake and over one that it knows.
Publish: a run of `publish_marts` with one hour, from the request until it is over, and of that the run
itself, without its wait for the scheduler. Leaves nothing behind.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from bench.measuring import Found, in_cell, parser_of, say, spread
from bench.own_stack import own_stack, saleslake, silent
from bench.recovery import first_batch_after
from include.airflow_api import AirflowApi
from include.publish.request import PARTITION_KEY_FORMAT
from include.settings import get_settings
from stack.catching_up import wait_for_lake
from stack.configuration import LAKE_WRITER
from stack.layout import RunFolder
from stack.lifecycle import Wanted, down, up
from stack.supervisor import Supervisor

HOUR = timedelta(hours=1)
MOST_SECONDS = 600
# Of a run: as its columns are told, and as Airflow names their ends.
WHOLE, RUN = "publish task, asked for until over", "publish task, the run itself"
WITH_AIRFLOW, WITHOUT_AIRFLOW = "with Airflow", "without Airflow"
KINDS = {WITH_AIRFLOW: Wanted(), WITHOUT_AIRFLOW: Wanted(without_airflow=True)}

Seconds = defaultdict[str, list[float]]


@dataclass(frozen=True)
class Size:
    runs: int = 3
    orders: int = 20_000  # of the published hour
    kinds: tuple[str, ...] = (WITH_AIRFLOW, WITHOUT_AIRFLOW)


def measure(size: Size) -> Found:
    seconds: Seconds = defaultdict(list)
    for number in range(size.runs):
        for kind in size.kinds:
            _one_stack(seconds, kind, KINDS[kind], size, number)
    return {"orders": size.orders, "seconds": {name: spread(found, 1) for name, found in seconds.items()}}


def _one_stack(seconds: Seconds, kind: str, wanted: Wanted, size: Size, number: int) -> None:
    began = monotonic()
    with own_stack(f"start-{number}", wanted) as folder:
        seconds[f"up {kind}, empty run folder"].append(monotonic() - began)
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
        span = ("--start", hour.isoformat(), "--span", "1h")
        if wanted.without_airflow:
            seconds["driver to its first commit, new lake"].append(_first_commit(folder, size.orders, *span))
            seconds["driver to its next commit"].append(_first_commit(folder, 2_000))
        else:
            saleslake(folder, "simulate", "--count", str(size.orders), *span)
            settings = get_settings()
            wait_for_lake(settings.kafka, settings.postgres, lambda _: None)
            for name, found in _published(hour).items():
                seconds[name].append(found)
        down(folder, silent)
        began = monotonic()
        up(folder, wanted, silent)
        seconds[f"up {kind}, over its data"].append(monotonic() - began)


def _first_commit(folder: RunFolder, orders: int, *options: str) -> float:
    """Seconds from the start of a driver, orders waiting, until its first batch is closed."""
    supervisor = Supervisor(folder)
    supervisor.stop(LAKE_WRITER)
    saleslake(folder, "simulate", "--count", str(orders), *options)
    started = datetime.now(UTC)
    supervisor.start(LAKE_WRITER)
    return (first_batch_after(started, get_settings().postgres) - started).total_seconds()


def _published(hour: datetime) -> dict[str, float]:
    """
    Raises:
        RuntimeError: the run failed.
    """
    dag = "publish_marts"
    with AirflowApi(get_settings().airflow) as airflow:
        airflow.unpause(dag)
        began = monotonic()
        run_id = airflow.trigger(dag, {"hours": [f"{hour:{PARTITION_KEY_FORMAT}}"]})
        state = airflow.wait(dag, run_id, timeout_seconds=MOST_SECONDS)
        whole = monotonic() - began
        run = next(one for one in airflow.runs(dag) if one["dag_run_id"] == run_id)
    if state != "success":
        raise RuntimeError(f"Publishing {hour:%Y-%m-%d %H:%M}Z by run {run_id} of {dag}: it is {state}")
    return {WHOLE: whole, RUN: _lasted(run)}


def _lasted(run: dict[str, Any]) -> float:
    begin, end = (datetime.fromisoformat(run[name]) for name in ("start_date", "end_date"))
    return (end - begin).total_seconds()


def told(found: Found) -> Iterator[str]:
    yield f"| (an hour of {found['orders']:,} orders) | seconds |\n|---|---|"
    for name, figure in found["seconds"].items():
        yield f"| {name} | {in_cell(figure, '.1f')} |"


def main(argv: list[str] | None = None) -> int:
    parser = parser_of("bench.start", __doc__)
    parser.add_argument("--runs", type=int, default=3, help="stacks of each kind (3)")
    parser.add_argument("--orders", type=int, default=20_000, help="of the hour that is published (20,000)")
    parser.add_argument("--without-airflow", action="store_true", help="only stacks without it; no publish")
    args = parser.parse_args(argv)
    kinds = (WITHOUT_AIRFLOW,) if args.without_airflow else tuple(KINDS)
    found = measure(Size(args.runs, args.orders, kinds))
    return say(found, told(found), args.json)


if __name__ == "__main__":
    sys.exit(main())
