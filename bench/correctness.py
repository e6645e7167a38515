"""
By how much are the answers wrong when orders come twice, late, broken, contradicting themselves?

Every contender reads the same log of the simulator's default traffic. Nobody is waited for longer than its
answers change. What it leaves there is compared with the truth: of an order's records that keep the contract
the first one counts, all else does not.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.contender import BenchmarkError, Contender, Running, running
from bench.measuring import Found
from bench.order_log import REGION_KEY, Answers, OrderLog
from bench.tables import markdown
from bench.throughput import LEAST_RATE, START_SECONDS

QUIET_SECONDS, LOOK_SECONDS = 20.0, 0.5
# Who still works that much, in cores, may only be slow.
IDLE_CORES = 0.6
COLUMNS = ("orders", "revenue_cents")


def measure(
    contenders: Sequence[Contender], log: OrderLog, folder: Path, *, tell: Callable[[str], None]
) -> Found:
    found: dict[str, dict[str, Any]] = {}
    for contender in contenders:
        place = folder / f"{contender.name}-correctness"
        try:
            with running(contender, log.kafka, place) as run:
                stopped = settle(run, within_seconds=START_SECONDS + log.records / LEAST_RATE)
                row = difference(run.answered(), log.truth) | ({"stopped": stopped} if stopped else {})
        except Exception as error:  # whatever a contender leaves there, the others are looked at
            row = {"failed": str(error)}
        finally:
            shutil.rmtree(place, ignore_errors=True)
        found[contender.name] = {"title": contender.title, **row}
        tell(f"{contender.title}: {_in_words(row)}")
    return {
        "records": log.records,
        "orders": log.truth.orders,
        "cents": log.truth.revenue_cents,
        "contenders": found,
    }


def settle(run: Running, *, within_seconds: float) -> str | None:
    """Return when its answers have not changed for a while; if it has ended, what it said."""
    changed, count, used = 0.0, 0, 0.0
    while True:
        try:
            sample = run.look()
        except BenchmarkError as error:
            return str(error)
        if sample.orders != count:
            changed, count, used = sample.seconds, sample.orders, sample.core_seconds
        quiet = sample.seconds - changed
        is_idle = sample.core_seconds - used < IDLE_CORES * quiet
        if (count and quiet > QUIET_SECONDS and is_idle) or sample.seconds > within_seconds:
            return None
        if quiet > QUIET_SECONDS:  # it works: look at it anew
            changed, used = sample.seconds, sample.core_seconds
        sleep(LOOK_SECONDS)


def difference(answers: Answers, truth: Answers) -> dict[str, int]:
    """Sums, theirs less the truth; and what is wrong minute by minute, which makes up for nothing."""
    both = pa.concat_tables([_signed(answers.regions, 1), _signed(truth.regions, -1)])
    apart = both.group_by(REGION_KEY).aggregate([(name, "sum") for name in COLUMNS])
    wrong = {name: pc.sum(pc.abs(apart[f"{name}_sum"])).as_py() or 0 for name in COLUMNS}
    return {
        "orders_more": answers.orders - truth.orders,
        "cents_more": answers.revenue_cents - truth.revenue_cents,
        "orders_wrong": wrong["orders"],
        "cents_wrong": wrong["revenue_cents"],
    }


def _signed(regions: pa.Table, sign: int) -> pa.Table:
    signs = pa.array(np.full(regions.num_rows, sign), pa.int64())
    values = [pc.multiply(regions[name].cast(pa.int64()), signs) for name in COLUMNS]
    keys = [regions["minute_utc"].cast(pa.timestamp("us", "UTC")), regions["region"].cast(pa.string())]
    return pa.table(dict(zip([*REGION_KEY, *COLUMNS], [*keys, *values], strict=True)))


def _in_words(row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"nothing to compare: {row['failed'].splitlines()[0]}"
    words = f"{row['orders_wrong']:,} orders and {row['cents_wrong']:,} cents are wrong"
    return words + ("; it stopped before the end" if "stopped" in row else "")


def told(found: Found) -> str:
    rows = []
    for one in found["contenders"].values():
        if "failed" in one:
            rows.append([one["title"], _in_words(one), "", "", "", ""])
            continue
        end = "stopped before the end" if "stopped" in one else "went on"
        rows.append(
            [
                one["title"],
                end,
                *(f"{one[name]:+,}" for name in ("orders_more", "cents_more")),
                *(f"{one[name]:,}" for name in ("orders_wrong", "cents_wrong")),
            ]
        )
    head = ["", "", "orders, more than the truth", "cents, more than the truth",
            "orders wrong, minute by minute", "cents wrong, minute by minute"]  # fmt: skip
    return (
        f"{found['records']:,} records, of which {found['orders']:,} orders of {found['cents']:,} cents"
        f" count.\n\n{markdown(head, rows)}"
    )
