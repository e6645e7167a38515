"""Can the query, as this code declares it, go on from the checkpoint that is there? Files only."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from include.errors import CheckpointMismatch
from include.findings import Finding
from lake.reading import delta_table
from lake.tables import BRONZE_ORDERS, checkpoint
from spark.streaming.generation import QUERY, Generation, load_generation

TOPIC_IS_ITS_LAKE = (
    "Set kafka.orders_topic back. Another topic is another lake: its own lake.root and database."
)


@dataclass(frozen=True, slots=True)
class DeclaredQuery:
    """What the lake writer reads and keeps. `stateful_parts` are operators that keep state in Spark."""

    topics: tuple[str, ...]
    session: Mapping[str, str]  # Spark settings
    name: str = QUERY
    stateful_parts: tuple[str, ...] = ()


def checkpoint_findings(root: Path, query: DeclaredQuery) -> Iterator[Finding]:
    """Everything that is wrong with going on, and what was compared and is right."""
    folder = checkpoint(root, query.name)
    others = [p.name for p in folder.parent.glob("*") if (p / "offsets").is_dir() and "." not in p.name]
    if not folder.exists() and others:
        yield Finding(
            "query",
            "cannot",
            f"the query is named {query.name}, the lake's checkpoint {', '.join(others)}",
            "Name it as before: another name begins anew and would count every order twice.",
        )
        return
    try:
        generation = load_generation(root) if query.name == QUERY else None
    except CheckpointMismatch as error:
        yield Finding("query", "cannot", str(error), "Heal the lake with the old code first.")
        return
    plans, commits = (_numbers(folder / name) for name in ("offsets", "commits"))
    yield Finding("query", "ok", _said(plans, commits))
    if plans:
        yield from _of_last_plan(folder / "offsets" / str(plans[-1]), query)
    if generation is not None and (generation.topic,) != query.topics:
        yield Finding(
            "sources",
            "cannot",
            f"the lake was written from topic {generation.topic}, the settings say {', '.join(query.topics)}",
            TOPIC_IS_ITS_LAKE,
        )
    yield _of_state(folder, query)
    yield _of_open_batch(root, generation, plans, commits)


def _numbers(folder: Path) -> list[int]:
    return sorted(int(file.name) for file in folder.glob("[0-9]*") if file.name.isdigit())


def _said(plans: list[int], commits: list[int]) -> str:
    if not plans:
        return "it has planned no batch yet"
    return f"its last plan is batch {plans[-1]}, its last commit {commits[-1] if commits else 'none'}"


def _of_last_plan(plan: Path, query: DeclaredQuery) -> Iterator[Finding]:
    try:
        _, metadata, *sources = plan.read_text().splitlines()
        topics = [name for source in sources for name in _topics(source)]
        recorded: dict[str, str] = json.loads(metadata).get("conf", {})
    except (ValueError, TypeError) as error:
        yield Finding(
            "sources", "cannot", f"the plan {plan} cannot be read: {error!r}", "Heal it: `saleslake adopt`."
        )
        return
    yield _of_sources(topics, len(sources), query)
    yield from _of_conf(recorded, query)


def _topics(source: str) -> list[str]:
    offsets = json.loads(source) if source != "-" else {}
    return list(offsets) if isinstance(offsets, dict) else [f"no topic ({source})"]


def _of_sources(topics: list[str], count: int, query: DeclaredQuery) -> Finding:
    if count != len(query.topics):
        return Finding(
            "sources",
            "cannot",
            f"the checkpoint has offsets of {count} source(s), the query reads {len(query.topics)}",
            "Spark cannot tell which offsets are whose. Read the new source with a query, a checkpoint and"
            " tables of its own.",
        )
    if topics != list(query.topics):
        return Finding(
            "sources",
            "cannot",
            f"the checkpoint has offsets of {', '.join(topics)}, the query reads {', '.join(query.topics)}",
            TOPIC_IS_ITS_LAKE,
        )
    return Finding("sources", "ok", f"one source, topic {topics[0]}")


def _of_conf(recorded: Mapping[str, str], query: DeclaredQuery) -> Iterator[Finding]:
    """Spark goes on with the recorded values, whatever the session says: state was laid out by them."""
    changed = {k: v for k, v in recorded.items() if query.session.get(k, v) != v}
    for name, value in sorted(changed.items()):
        found = f"{name} is {value} in the checkpoint and {query.session[name]} in the settings"
        if query.stateful_parts:
            way_out = f"Set it back to {value}: state of {', '.join(query.stateful_parts)} is laid out so."
            yield Finding("Spark settings", "cannot", found, way_out)
        else:
            yield Finding("Spark settings", "ok", f"{found}; the checkpoint's goes on to hold, and no state")
    if not changed:
        yield Finding("Spark settings", "ok", f"{len(recorded)} recorded in the checkpoint, none is changed")


def _of_state(folder: Path, query: DeclaredQuery) -> Finding:
    kept = sorted(p.name for p in (folder / "state").glob("[0-9]*"))
    if kept and not query.stateful_parts:
        return Finding(
            "stateful parts",
            "cannot",
            f"the checkpoint keeps state of {len(kept)} operator(s), the query declares none",
            "Deploy code that has them; or give their state up: let the old code end its batch (`saleslake"
            " down`), move the checkpoint aside, and begin one where the ledger ends: `saleslake adopt`.",
        )
    if query.stateful_parts and not kept and _numbers(folder / "commits"):
        return Finding(
            "stateful parts",
            "cannot",
            f"the query declares {', '.join(query.stateful_parts)}, the checkpoint keeps no state",
            "Spark would begin it empty in mid-stream. Give it a query and a checkpoint of its own.",
        )
    return Finding("stateful parts", "ok", "none" if not kept else f"{len(kept)}, as declared")


def _of_open_batch(
    root: Path, generation: Generation | None, plans: list[int], commits: list[int]
) -> Finding:
    subject, last_commit = "open batch", commits[-1] if commits else -1
    if not plans or plans[-1] <= last_commit:
        return Finding(subject, "ok", "none: every planned batch is committed")
    if generation is not None and not _has_begun(root, generation, plans[-1]):
        return Finding(subject, "ok", f"batch {plans[-1]} is planned, and nothing of it is written")
    return Finding(
        subject,
        "cannot",
        f"batch {plans[-1]} was begun and not committed: the new code would end what the old one began",
        "Let the old code end it: `saleslake up`, then `saleslake down`, which ends between two batches.",
    )


def _has_begun(root: Path, generation: Generation, spark_batch_id: int) -> bool:
    """Bronze is what a batch writes first."""
    if not DeltaTable.is_deltatable(str(BRONZE_ORDERS.path(root))):
        return False
    last = delta_table(BRONZE_ORDERS, root).transaction_version(generation.app_id)
    return last is not None and last >= generation.batch_id(spark_batch_id)
