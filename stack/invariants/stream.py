"""I11 and I12: the stream is alive, and drops nothing without saying so."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from include.sales_db import connect
from include.settings import Settings
from lake.contract import QUARANTINED, REASONS
from lake.tables import checkpoint
from stack.invariants.finding import Finding, judged

QUERY = "orders"
# Every fault over, a backlog of ten minutes may take five; what a walk leaves behind is less.
ALIVE_WITHIN_SECONDS = 300
PROGRESS = """
select state, coalesce(lag_records, -1), extract(epoch from now() - heartbeat_at)::float
from ops.stream_progress where stream = 'orders'
"""


def alive(settings: Settings, caught_up_after: float | None) -> Finding:
    """
    Args:
        caught_up_after: seconds from the end of the last fault until everything was in the lake; None when
            that is not known.
    """
    with closing(connect(settings.postgres, application_name="saleslake invariants")) as connection:
        row = connection.execute(PROGRESS).fetchone()
    problems = [*_late(caught_up_after), *_not_running(row, settings)]
    finding = judged("I11", {"stream": int(row is not None)}, problems)
    if caught_up_after is None:
        return finding
    return replace(finding, looked_at=f"all in the lake {caught_up_after:.0f} s after the last fault")


def _late(seconds: float | None) -> Iterable[str]:
    if seconds is not None and seconds > ALIVE_WITHIN_SECONDS:
        yield f"caught up {seconds:.0f} s after the last fault was over (allowed: {ALIVE_WITHIN_SECONDS})"


def _not_running(row: tuple[str, int, float] | None, settings: Settings) -> Iterable[str]:
    if row is None:
        return
    state, lag, age = row
    if state != "running":
        yield f"the stream says {state}"
    if not 0 <= lag <= settings.stream.max_offsets_per_trigger:
        known = f"{lag:,}" if lag >= 0 else "an unknown number of"
        yield f"{known} records wait, more than one batch takes"
    if age > settings.supervision.max_heartbeat_age_seconds:
        yield f"its last heartbeat is {age:.0f} s old"


def nothing_silent(rejected: pa.Table, lake_root: Path) -> Finding:
    """
    Args:
        rejected: columns of `LakeCut.rejected`.
    """
    plans = sorted((checkpoint(lake_root, QUERY) / "offsets").glob("[0-9]*"))
    problems = [*_strange_reasons(rejected), *_watermarks(plans), *_state(lake_root)]
    return judged("I12", {"rejected": rejected.num_rows, "plans of batches": len(plans)}, problems)


def _strange_reasons(rejected: pa.Table) -> Iterator[str]:
    """Every quarantined record has reasons, and each is of the contract's closed list."""
    quarantined = rejected.filter(pc.equal(rejected["disposition"], QUARANTINED))
    for counted in pc.value_counts(quarantined["reasons"]).to_pylist():
        strange = set(counted["values"].split(",")) - set(REASONS)
        if strange:
            named = ", ".join(sorted(strange)) or "none"
            yield f"{counted['counts']:,} quarantined records with reasons not of the contract: {named!r}"


def _watermarks(plans: list[Path]) -> Iterator[str]:
    """
    Spark drops late rows, and counts them in numRowsDroppedByWatermark, only behind a watermark. A plan tells
    the watermark of its batch: at 0 there is none, and nothing can be dropped.
    """
    for plan in plans:
        watermark = json.loads(plan.read_text().splitlines()[1])["batchWatermarkMs"]
        if watermark:
            yield f"batch {plan.name} has a watermark, {watermark}: late orders can be dropped"


def _state(lake_root: Path) -> Iterator[str]:
    if (checkpoint(lake_root, QUERY) / "state").exists():
        yield "the stream keeps state, which only a watermark bounds: late orders can be dropped"
