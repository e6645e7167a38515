"""Can the query, as this code declares it, go on from the checkpoint that is there? Looks at files only."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from deltalake import DeltaTable

from include.errors import CheckpointMismatch
from include.findings import Finding
from lake.tables import BRONZE_ORDERS, checkpoint, writer_lock
from spark.streaming.checkpoint_check import numbers_in
from spark.streaming.generation import QUERY, Generation
from spark.streaming.table_check import opened

WRITER = "spark.streaming.lake_writer"


@dataclass(frozen=True, slots=True)
class DeclaredQuery:
    """What the lake writer reads and keeps. `stateful_parts` are operators that keep state in Spark."""

    topics: tuple[str, ...]
    session: Mapping[str, str]  # Spark settings
    stateful_parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the checkpoint says about the query that made it."""

    planned: int = -1
    committed: int = -1
    operators: int = 0  # with state
    sources: list[str] = field(default_factory=list)  # one line each, as Spark wrote it
    conf: dict[str, str] = field(default_factory=dict)  # Spark settings the batches go on with

    @property
    def topics(self) -> list[str]:
        return [name for source in self.sources for name in _topics(source)]


def read_recorded(root: Path) -> Recorded:
    """
    Raises:
        CheckpointMismatch: the last plan cannot be read.
    """
    folder = checkpoint(root, QUERY)
    planned, committed = (max(numbers_in(folder / name), default=-1) for name in ("offsets", "commits"))
    operators = len(list((folder / "state").glob("[0-9]*")))
    if planned < 0:
        return Recorded(planned, committed, operators)
    plan = folder / "offsets" / str(planned)
    try:
        # Line 1 is the format's version, line 2 its metadata, each further one a source's offsets.
        _, metadata, *sources = plan.read_text().splitlines()
        return Recorded(planned, committed, operators, sources, json.loads(metadata).get("conf", {}))
    except (OSError, ValueError) as error:
        raise CheckpointMismatch(
            f"Reading the last plan, {plan}: {error!r}. Nothing was compared."
        ) from error


def checkpoint_findings(
    root: Path, generation: Generation, recorded: Recorded, query: DeclaredQuery
) -> Iterator[Finding]:
    yield _source(generation, recorded, query)
    yield _state(recorded, query)
    yield from _conf(recorded, query)
    yield _unfinished(root, generation, recorded)


def other_checkpoints(root: Path) -> list[str]:
    """Checkpoints of queries of other names; those that were moved aside do not count."""
    folders = checkpoint(root, QUERY).parent.glob("*")
    return sorted(
        p.name for p in folders if p.name != QUERY and "." not in p.name and (p / "offsets").is_dir()
    )


def _topics(source: str) -> list[str]:
    offsets = json.loads(source) if source != "-" else {}
    return list(offsets) if isinstance(offsets, dict) else [f"no topic ({source})"]


def _source(generation: Generation, recorded: Recorded, query: DeclaredQuery) -> Finding:
    wanted = ", ".join(query.topics)
    if (generation.topic,) != query.topics and len(query.topics) == 1:
        return Finding(
            "source",
            "cannot",
            f"the checkpoint reads topic {generation.topic}, the settings say {wanted}",
            "set kafka.orders_topic back; another topic is another lake, with root and database of its own",
        )
    if recorded.sources and (
        len(recorded.sources) != len(query.topics) or recorded.topics != list(query.topics)
    ):
        return Finding(
            "source",
            "cannot",
            f"the checkpoint has offsets of {len(recorded.sources)} source(s), {', '.join(recorded.topics)};"
            f" the query reads {len(query.topics)}, {wanted}",
            "give the other source a query, a checkpoint and tables of its own: Spark cannot tell which"
            " offsets are whose",
        )
    return Finding("source", "ok", f"Kafka topic {wanted}")


def _state(recorded: Recorded, query: DeclaredQuery) -> Finding:
    declared = ", ".join(query.stateful_parts)
    if recorded.operators and not declared:
        return Finding(
            "stateful parts",
            "cannot",
            f"the checkpoint keeps state of {recorded.operators} operator(s), this version has no such part",
            "deploy a version that has it; or give the state up: let the old version end its batch"
            " (`saleslake down`), move the checkpoint aside, and begin one where the ledger ends:"
            " `saleslake adopt`",
        )
    if declared and not recorded.operators and recorded.committed >= 0:
        return Finding(
            "stateful parts",
            "cannot",
            f"this version has {declared}, the checkpoint keeps no state: it would begin empty in mid-stream",
            "give the new part a query and a checkpoint of its own",
        )
    return Finding("stateful parts", "ok", declared or "none, neither in the checkpoint nor in the code")


def _conf(recorded: Recorded, query: DeclaredQuery) -> Iterator[Finding]:
    """Spark goes on with the recorded values, whatever the session says: state is laid out by them."""
    changed = {k: v for k, v in recorded.conf.items() if query.session.get(k, v) != v}
    for name, value in sorted(changed.items()):
        text = f"is {value} in the checkpoint and {query.session[name]} in this version"
        if query.stateful_parts:
            way_out = f"set it back to {value}: state of {', '.join(query.stateful_parts)} is laid out so"
            yield Finding(name, "cannot", text, way_out)
        else:
            yield Finding(name, "ok", f"{text}; the checkpoint's goes on to hold, and no state depends on it")
    if not changed:
        yield Finding("Spark settings", "ok", f"{len(recorded.conf)} in the checkpoint, none has changed")


def _unfinished(root: Path, generation: Generation, recorded: Recorded) -> Finding:
    what = "unfinished batch"
    if recorded.planned <= recorded.committed:
        return Finding(what, "ok", "none")
    number = generation.batch_id(recorded.planned)
    if not _has_begun(root, generation, number):
        # As `saleslake down` often leaves it: Spark plans a batch that the stop then holds back.
        return Finding(what, "ok", f"batch {number} is planned, but nothing of it is written")
    if pid := _running_writer(root):
        text = f"the lake writer, process {pid}, is at batch {number}: ask again after `saleslake down`"
        return Finding(what, "unseen", text)
    return Finding(
        what,
        "cannot",
        f"batch {number} was begun and is not done: two versions would judge its records between them",
        "let the version that began it finish it (`saleslake up`, then `saleslake down`)",
    )


def _running_writer(root: Path) -> int | None:
    """The process that writes the lake. Asked without touching its lock, which a start must find free."""
    try:
        pid = int(writer_lock(root).read_text())
        return pid if any(WRITER in word for word in psutil.Process(pid).cmdline()) else None
    except (OSError, ValueError, psutil.Error):
        return None


def _has_begun(root: Path, generation: Generation, batch_id: int) -> bool:
    """Bronze is what a batch writes first."""
    if not DeltaTable.is_deltatable(str(BRONZE_ORDERS.path(root))):
        return False
    last = opened(BRONZE_ORDERS, root).transaction_version(generation.app_id)
    return last is not None and last >= batch_id
