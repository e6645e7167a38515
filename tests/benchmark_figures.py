"""Figures of a benchmark as its sections leave them, without measuring anything."""

from copy import deepcopy
from typing import Any

PROMISES = {
    "contract": "every rule",
    "duplicates": "counted once",
    "quarantine": "kept",
    "exactly_once": "yes",
    "lake": "all",
}
WEAK_PROMISES = PROMISES | {"contract": "types only", "exactly_once": "no, at least once"}


def spread(median: float, runs: int = 3) -> dict[str, float]:
    return {"min": median * 0.9, "median": median, "max": median * 1.1, "runs": runs}


def contender(title: str, rate: float, **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "tuning": "as fast as it goes",
        "guarantees": PROMISES,
        "orders_per_core_second": spread(rate),
        "orders_per_second": spread(rate * 1.6),
        "whole_orders_per_core_second": spread(rate * 0.8),
        "whole_seconds": spread(100),
        "database_share": spread(0.1),
        "peak_memory_bytes": spread(1.5e9),
        **more,
    }


def failed(title: str) -> dict[str, Any]:
    why = "Draining 100 orders: 7 were in PostgreSQL after 180 s.\nIts log ends with | a bar"
    return {"title": title, "tuning": "none", "guarantees": PROMISES, "failed": why}


def latency(name: str, title: str, p95: float, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "title": title, "airflow": False, "rate": 1_000, "orders": 60_000,
        "arrived_per_second": 1_000, "p50": p95 / 2, "p95": p95, "p99": p95 * 1.3, "max": p95 * 2,
        "never_seen": 0, "batches": 30, "backlog_most": 3_000, "sustained": True, "sender_cores": 0.3,
        "cores": 0.8, **more,
    }  # fmt: skip


THROUGHPUT = {
    "orders": 200_000,
    "json_bytes": 150_000_000,
    "contenders": {
        "saleslake": contender("Saleslake", 6_000),
        "saleslake-weak": contender("Saleslake's engine, at least once", 9_000, guarantees=WEAK_PROMISES),
        "tutorial": contender("the pipeline of tutorials", 400, guarantees=WEAK_PROMISES),
        "full": contender("by hand, equal guarantees", 5_000),
        "stream": contender("a stream framework", 2_500, guarantees=WEAK_PROMISES),
        "broken": failed("a peer that stops"),
    },
}
FLOORS = {
    "size": {"records": 20_000, "batches": 10, "warm_up": 16},
    "orders_per_core_second": {
        "librdkafka: read": spread(300_000),
        "Spark: read": spread(22_000),
        "Spark: JSON parsed": spread(15_000),
        "Spark: every rule checked, in Arrow": spread(8_500),
        "the lake writer, all of it": spread(6_000),
        "Delta: bronze.orders": spread(240_000),
        "PostgreSQL: COPY of the rows of live": spread(880_000),
    },
    "writer_of_parsed": 0.4,
    "librdkafka": "measured",
}
LATENCY = {
    "seconds": 60,
    "warm_up": 60,
    "rows": [
        latency("saleslake", "Saleslake", 3.2, interval=2.0, behind=0),
        latency("full", "by hand, equal guarantees", 0.4, equal=True),
        latency("stream", "a stream framework", 40.0, sustained=False),
        latency("saleslake", "Saleslake, the whole stack", 4.1, airflow=True, interval=2.0),
        {
            "name": "broken",
            "title": "a peer that stops",
            "airflow": False,
            "rate": 1_000,
            "failed": "it ended",
        },
    ],
    "shortest": 1.0,
}


def done(found: dict[str, Any]) -> dict[str, Any]:
    facts = {"mode": "quick", "seed": 1, "commit": "0123456789", "at": "2026-11-26T12:00:00+00:00"}
    return {**facts, "load_before": 0.1, "seconds": 125, "found": found}


def results() -> dict[str, Any]:
    """Of a run in which one contender and one section failed."""
    sections = {"throughput": done(THROUGHPUT), "floors": done(FLOORS), "latency": done(LATENCY)}
    sections["disk"] = {key: value for key, value in done({}).items() if key != "found"}
    sections["disk"]["failed"] = "it ended with 1. The end of what it said:\nno space left"
    machine = {
        "processor": "a processor",
        "cores": 2,
        "memory_gib": 24,
        "system": "Linux 6",
    }
    peers = {"a stream framework": {"name": "stream", "installed": False, "versions": ["stream==1.0"]}}
    return deepcopy(
        {"machine": machine, "versions": {"Python": "3.11.7"}, "peers": peers, "sections": sections}
    )
