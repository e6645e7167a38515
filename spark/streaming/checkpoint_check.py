"""Is the checkpoint whole, and does it plan what the ledger has closed?"""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg

from include.errors import CheckpointMismatch
from lake.tables import checkpoint
from spark.streaming.generation import HOW_TO_ADOPT, QUERY, Generation, Offsets
from spark.streaming.ledger import ends_of_batches
from spark.streaming.plan import planned


def verify_checkpoint(root: Path, generation: Generation, connection: psycopg.Connection) -> None:
    """
    Every file that Spark would go on from can be read, none is missing between others, and what is planned
    is what the ledger closed.

    Raises:
        CheckpointMismatch: which file, and what is wrong with it.
    """
    folder = checkpoint(root, QUERY)
    plans, commits = (numbers_in(folder / name) for name in ("offsets", "commits"))
    if not plans and not commits:  # the stream has not planned a batch yet
        return
    _readable(folder / "metadata", lambda text: json.loads(text)["id"])
    for number in commits:
        _readable(folder / "commits" / str(number), _check_commit)
    _refuse_holes(folder / "offsets", plans)
    _refuse_holes(folder / "commits", commits)
    if (commits and not plans) or plans[-1] - (commits[-1] if commits else -1) not in (0, 1):
        raise _mismatch(folder, f"its last plan is {plans[-1:]}, its last commit {commits[-1:]}")
    ends = {number: planned(root, generation.topic, number)[1] for number in plans}
    closed = ends_of_batches(connection, generation.topic, since=generation.batch_id(plans[0]))
    for number in plans:
        _compare(folder, number, ends[number], ends.get(number - 1), closed.get(generation.batch_id(number)))


def numbers_in(folder: Path) -> list[int]:
    """The batches that have a file in this folder of a checkpoint, ascending."""
    return sorted(int(file.name) for file in folder.glob("[0-9]*") if file.name.isdigit())


def _readable(file: Path, check: Callable[[str], object]) -> None:
    try:
        check(file.read_text())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _mismatch(file, f"it cannot be read: {error!r}") from error


def _check_commit(text: str) -> None:
    version, metadata = text.splitlines()
    json.loads(metadata)
    if not version.startswith("v"):
        raise ValueError(f"its first line is {version[:20]!r}")


def _refuse_holes(folder: Path, numbers: list[int]) -> None:
    missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers)) if numbers else []
    if missing:
        raise _mismatch(folder, f"files {missing[:5]} are missing between the others")


def _compare(folder: Path, number: int, end: Offsets, before: Offsets | None, closed: Offsets | None) -> None:
    """The plan of a closed batch ends where the ledger says, and plans what it read and no more."""
    if closed is None:  # not closed yet, or an empty batch
        return
    moved = {p: e for p, e in end.items() if before is None or e != before.get(p, 0)}
    wrong = {p: moved.get(p, end.get(p)) for p in closed if end.get(p) != closed[p]}
    if before is not None:
        wrong |= {p: e for p, e in moved.items() if p not in closed}
    if wrong:
        raise _mismatch(
            folder / "offsets" / str(number),
            f"it plans offsets up to {end}, the ledger closed that batch at {closed}",
        )


def _mismatch(place: Path, finding: str) -> CheckpointMismatch:
    return CheckpointMismatch(
        f"Checking the checkpoint before the start, {place}: {finding}. The stream did not start and nothing"
        f" was written; orders wait in Kafka. {HOW_TO_ADOPT}"
    )
