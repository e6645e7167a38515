"""*Is all well?*: the first that a person opens. What is red leads to its runbook."""

from collections.abc import Iterator
from functools import partial

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from stack.dashboards.board import Section, board
from stack.dashboards.panels import (
    DISK_FREE,
    UP_OR_DOWN,
    Link,
    Panel,
    least,
    limits,
    lines,
    promql,
    rows,
    runbook,
    tile,
)

UID = "saleslake-all-is-well"
STREAM: Link = ("Stream", "/d/saleslake-stream")
LAKE: Link = ("Lake", "/d/saleslake-lake")
MARTS: Link = ("Airflow and marts", "/d/saleslake-airflow-and-marts")


def made() -> dashboard.Dashboard:
    return board(
        UID,
        "Is all well?",
        "One look: is every order accounted for, is it fresh, is it published, and does every part answer?",
        [
            Section("Accounted for and fresh", accounts()),
            Section("Published", published()),
            Section("The parts", parts()),
            Section("What is wrong now", wrong()),
        ],
    )


def accounts() -> Iterator[Panel]:
    lost = runbook("supervise_streams.md#records-or-cents-have-no-place")
    yield tile(
        "Records without a place",
        promql("max(abs(saleslake_records_unaccounted))"),
        thresholds=limits(None, 1),
        what="Records that were read and are neither in silver nor rejected, or were read twice. Always 0.",
        links=[lost, LAKE],
    )
    yield tile(
        "Cents without a place",
        promql("max(abs(saleslake_cents_unaccounted))"),
        thresholds=limits(None, 1),
        what="Cents that were read less those of silver, duplicates and quarantined records. Always 0.",
        links=[lost, LAKE],
    )
    yield tile(
        "Live tables are behind by",
        promql("saleslake:watermark_age_seconds"),
        unit="s",
        thresholds=limits(60, 120),
        decimals=0,
        what="Age of the newest moment up to which everything that Kafka had is in the lake and in live.*.",
        links=[runbook("supervise_streams.md#nothing-waits-but-freshness-stands-still"), STREAM],
    )
    yield tile(
        "Kafka to live, 95 in 100",
        promql("saleslake:arrival_to_live_seconds:p95_5m"),
        unit="s",
        thresholds=limits(10, 60),
        decimals=1,
        what="From a record's arrival in Kafka to its being counted in live.*, of the last five minutes.",
        links=[STREAM],
    )
    yield tile(
        "Records that wait",
        promql("max(saleslake_lag_records)"),
        thresholds=limits(5_000, 50_000),
        what="Records in Kafka that no closed batch has.",
        links=[runbook("supervise_streams.md#orders-come-faster-than-they-are-read"), STREAM],
    )
    yield tile(
        "Quarantined, last 15 minutes",
        promql('saleslake:quarantined_share:ratio15m or 0 * max(up{job="lake-writer"} == 1)'),
        unit="percentunit",
        thresholds=limits(0.1, 0.5),
        decimals=1,
        what="Share of the records that break the contract. They are kept, with their reasons.",
        links=[runbook("supervise_streams.md#much-is-quarantined"), STREAM],
    )


def published() -> Iterator[Panel]:
    yield tile(
        "Hours overdue",
        promql("max(saleslake_publish_overdue_hours)"),
        thresholds=limits(1, 3),
        what="Hours that are over and have held orders for 90 minutes that no mart has.",
        links=[runbook("publish_marts.md"), MARTS],
    )
    yield tile(
        "Hours a gate holds back",
        promql("sum(saleslake_quality_failed_hours) or 0 * max(pg_up == 1)"),
        thresholds=limits(None, 1),
        what="Hours of two days whose latest look at a table failed an expectation: they are not published.",
        links=[runbook("publish_marts.md#a-quality-gate-failed"), MARTS],
    )
    yield tile(
        "Marts are as of",
        promql("time() - min(saleslake_mart_as_of_timestamp_seconds)"),
        unit="s",
        thresholds=limits(5_400, 9_000),
        what="Age of the stalest mart: every order that had arrived by then is counted. Marts are hourly.",
        links=[MARTS],
    )
    yield tile(
        "Incidents open",
        promql("sum(saleslake_incident_open)"),
        thresholds=limits(1, 2),
        what="Of the stream and of the DAGs, warning and critical; ops.incidents names them.",
        links=[runbook("supervise_streams.md#an-incident-is-open"), MARTS],
    )
    yield tile(
        "Task failures, last hour",
        promql('sum(increase(airflow_ti_failures[1h])) or 0 * max(up{job="airflow"} == 1)'),
        thresholds=limits(1, 5),
        decimals=0,
        what="Attempts of Airflow tasks that failed. Retries count; an open incident is what needs a person.",
        links=[MARTS, ("Airflow", "${airflow}")],
    )
    yield tile(
        "Table requests waiting",
        promql('max(saleslake_table_requests{state="waiting"})'),
        thresholds=limits(20, 100),
        what="Compaction, vacuum and rebuilds that the lake writer has not begun.",
        links=[runbook("maintain_lake.md#a-step-is-waiting-or-running-after--s"), LAKE],
    )


def parts() -> Iterator[Panel]:
    health = partial(tile, thresholds=least(1), mappings=UP_OR_DOWN)
    yield health(
        "Lake writer",
        promql('max(up{job="lake-writer"})'),
        what="Whether the lake writer answers. Without it orders wait in Kafka, and none is lost.",
        links=[runbook("supervise_streams.md#restarts-did-not-help"), STREAM],
    )
    yield health(
        "Kafka",
        promql('max(up{job="kafka"})'),
        what="Whether the broker answers.",
        links=[runbook("supervise_streams.md#kafka-does-not-answer"), STREAM],
    )
    yield health(
        "PostgreSQL",
        promql("max(pg_up)"),
        what="Whether the database answers its exporter.",
        links=[runbook("supervise_streams.md#the-database-does-not-answer"), MARTS],
    )
    yield health(
        "Airflow scheduler",
        promql("clamp_max(sum(rate(airflow_scheduler_heartbeat[2m])) > bool 0, 1)"),
        what="Whether the scheduler has beaten in the last two minutes. The stream goes on without it.",
        links=[
            runbook("supervise_streams.md#airflows-scheduler-does-not-beat"),
            MARTS,
            ("Airflow", "${airflow}"),
        ],
    )
    yield tile(
        "Disk free",
        promql(f"min({DISK_FREE})"),
        unit="percentunit",
        thresholds=least(0.1),
        what="Of the fullest file system.",
        links=[runbook("maintain_lake.md#the-disk-is-nearly-full")],
    )
    yield tile(
        "Scraped",
        promql("sum(up) / count(up)"),
        unit="percentunit",
        thresholds=least(1),
        what="Share of the targets that answer Prometheus. What is not scraped raises no alarm.",
        links=[runbook("supervise_streams.md#an-exporter-does-not-answer")],
    )


def wrong() -> Iterator[Panel]:
    yield rows(
        "Alerts that fire",
        promql('ALERTS{alertstate="firing"}', instant=True).format(PromQueryFormat.TABLE),
        what="Each with the page of the runbook that ends it.",
        hidden=["alertstate", "instance", "job"],
        linked={"runbook": ("Open the runbook", "${runbooks}/${__value.raw}")},
        empty="No alert fires.",
        width=12,
    )
    yield lines(
        "Orders read and where they went",
        {"{{disposition}}": "saleslake:ledger_rows:rate5m", "read": "saleslake:read_rows:rate5m"},
        what="Records a second, mean of five minutes: read = silver + duplicate + quarantined.",
        unit="short",
        links=[STREAM],
    )
