"""*Stream*: how the lake writer moves, and what holds it up."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from stack.dashboards.board import Section, board
from stack.dashboards.panels import Panel, limits, lines, promql, runbook, tile

UID = "saleslake-stream"
WINDOW = "[$__rate_interval]"
SLOW = "[1m]"  # what is scraped every 15 seconds
CLOSED = "saleslake_batch_duration_seconds_count"


def per_second(counter: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) (rate({counter}{WINDOW}))"


def made() -> dashboard.Dashboard:
    return board(
        UID,
        "Stream",
        "The lake writer: what it reads, how long batches and their steps take, what waits, what is refused.",
        [
            Section("Now", now()),
            Section("Flow", flow()),
            Section("Batches", batches()),
            Section("What is not in silver", refused()),
            Section("Kafka and the machine", around()),
        ],
        period="now-30m",
    )


def now() -> Iterator[Panel]:
    yield tile(
        "Records read",
        promql("saleslake:read_rows:rate5m"),
        unit="reqps",
        width=6,
        decimals=1,
        what="A second, mean of five minutes.",
    )
    yield tile(
        "Batch takes",
        promql("saleslake:batch_duration_seconds:mean5m"),
        unit="s",
        width=6,
        thresholds=limits(10, 30),
        decimals=2,
        what="Mean of five minutes, from its plan to its ledger row.",
        links=[runbook("supervise_streams.md#batches-take-long")],
    )
    yield tile(
        "Last batch closed",
        promql("time() - max(saleslake_last_batch_timestamp_seconds)"),
        unit="s",
        width=6,
        decimals=0,
        what="How long ago. It rises while nobody sends orders.",
    )
    yield tile(
        "Last heartbeat",
        promql("time() - max(saleslake_heartbeat_timestamp_seconds)"),
        unit="s",
        width=6,
        thresholds=limits(30, 60),
        decimals=0,
        what="How long ago the writer last beat, busy or idle.",
        links=[runbook("supervise_streams.md#it-was-stuck")],
    )


def flow() -> Iterator[Panel]:
    yield lines(
        "Records by where they end",
        {"{{disposition}}": f"sum by (disposition) (rate(saleslake_ledger_rows_total{WINDOW}))"},
        what="A second. Their sum is what was read: nothing is dropped.",
        unit="reqps",
        stacked=True,
    )
    yield lines(
        "From Kafka to live.*",
        {
            "half": "saleslake:arrival_to_live_seconds:p50_5m",
            "95 in 100": "saleslake:arrival_to_live_seconds:p95_5m",
        },
        what="From a record's arrival in Kafka to its being counted in live.*, of five minutes.",
        unit="s",
        thresholds=limits(None, 60),
    )
    yield lines(
        "Records that wait, by partition",
        {"partition {{partition}}": "max by (partition) (saleslake_partition_lag_records)"},
        what="In Kafka, and in no closed batch.",
        stacked=True,
        links=[runbook("supervise_streams.md#orders-come-faster-than-they-are-read")],
    )
    yield lines(
        "Live tables are behind by",
        {"behind": "saleslake:watermark_age_seconds"},
        what="Age of the moment up to which everything that Kafka had is in the lake.",
        unit="s",
        thresholds=limits(None, 120),
    )


def batches() -> Iterator[Panel]:
    of_step = "saleslake_batch_step_duration_seconds"
    mean = f"{per_second(of_step + '_sum', 'step')} / ({per_second(of_step + '_count', 'step')} > 0)"
    buckets = f"sum by (le) (rate(saleslake_batch_duration_seconds_bucket{WINDOW}))"
    yield lines(
        "A batch takes",
        {"half": f"histogram_quantile(0.5, {buckets})", "95 in 100": f"histogram_quantile(0.95, {buckets})"},
        what="From its plan to its ledger row.",
        unit="s",
        thresholds=limits(None, 30),
    )
    yield lines(
        "Each step takes",
        {"{{step}}": mean},
        what="Mean. Independent writes run side by side: the steps together are longer than the batch.",
        unit="s",
    )
    yield lines(
        "Batches a minute",
        {"batches": f"60 * {per_second(CLOSED)}"},
        what="How many were closed.",
        width=12,
    )
    yield lines(
        "Records of a batch",
        {"records": f"{per_second('saleslake_ledger_read_rows_total')} / ({per_second(CLOSED)} > 0)"},
        what="Mean: it rises when the writer catches up.",
        width=12,
    )


def refused() -> Iterator[Panel]:
    yield lines(
        "Quarantined, by reason",
        {"{{reason}}": per_second("saleslake_rejected_reasons_total", "reason")},
        what="Records a second; one may have several reasons. docs/contracts/orders.md explains each.",
        unit="reqps",
        stacked=True,
        links=[runbook("supervise_streams.md#much-is-quarantined")],
    )
    yield lines(
        "Late orders",
        {"late": per_second("saleslake_late_rows_total")},
        what="Of silver, a second: they reached us more than an hour after they were placed.",
        unit="reqps",
    )


def around() -> Iterator[Panel]:
    yield lines(
        "Kafka: records in, by topic",
        {"{{topic}}": f"sum by (topic) (rate(kafka_topic_messagesin_total{SLOW}))"},
        what="A second, as the broker counts them.",
        unit="reqps",
    )
    yield lines(
        "Kafka: how long a request takes, 99 in 100",
        {"{{request}}": 'max by (request) (kafka_request_milliseconds{quantile="0.99"})'},
        what="FetchConsumer waits for records when there are none.",
        unit="ms",
    )
    yield lines(
        "Processor",
        {"busy": f'1 - avg(rate(node_cpu_seconds_total{{mode="idle"}}{SLOW}))'},
        what="Of all cores of the machine.",
        unit="percentunit",
        thresholds=limits(None, 0.9),
    )
    yield lines(
        "Memory",
        {"free for use": "node_memory_MemAvailable_bytes", "all": "node_memory_MemTotal_bytes"},
        what="Of the machine.",
        unit="bytes",
    )
