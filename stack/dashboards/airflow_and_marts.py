"""*Airflow and marts*: whether hours are published, what gates say, and how Airflow and PostgreSQL do."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from stack.dashboards.board import Section, board
from stack.dashboards.panels import Link, Panel, limits, lines, promql, runbook, tile

UID = "saleslake-airflow-and-marts"
AIRFLOW: Link = ("Airflow", "${airflow}")
RUNS: Link = ("Runs in Airflow", "${airflow}/dag_runs")


def made() -> dashboard.Dashboard:
    return board(
        UID,
        "Airflow and marts",
        "What Airflow publishes and checks, how its tasks fare, and the database that holds the marts.",
        [
            Section("Marts", marts()),
            Section("Gates and incidents", gates()),
            Section("Airflow", [*airflow_now(), *airflow_runs()]),
            Section("PostgreSQL", postgres()),
        ],
        period="now-6h",
        refresh="1m",
    )


def marts() -> Iterator[Panel]:
    yield lines(
        "Marts are as of",
        {"{{mart}}": "time() - max by (mart) (saleslake_mart_as_of_timestamp_seconds)"},
        what="Age: every order that had arrived by then is counted.",
        unit="s",
        thresholds=limits(None, 9_000),
        links=[runbook("publish_marts.md"), RUNS],
    )
    yield lines(
        "Hours overdue",
        {"hours": "max(saleslake_publish_overdue_hours)"},
        what="Hours that are over and have held orders for 90 minutes that no mart has.",
        thresholds=limits(None, 1),
        links=[runbook("publish_marts.md"), RUNS],
    )
    yield lines(
        "Rows",
        {"{{mart}}": "max by (mart) (saleslake_mart_rows)"},
        what="That are published.",
        width=8,
    )
    yield lines(
        "Money",
        {"{{mart}}": "max by (mart) (saleslake_mart_cents) / 100"},
        what="That is published, in the reporting currency. Product sales are without shipping and tax.",
        width=8,
    )
    yield lines(
        "Versions of the hour that changed most",
        {"{{mart}}": "max by (mart) (saleslake_mart_most_versions)"},
        what="How often it was published: provisional, closed, restated.",
        width=8,
    )
    yield lines(
        "Publishing takes",
        {"seconds": "max(saleslake_mart_publish_seconds)"},
        what="The last publish, from when it began to read until its last hour was written.",
        unit="s",
        links=[runbook("publish_marts.md"), RUNS],
    )


def gates() -> Iterator[Panel]:
    yield lines(
        "Hours whose latest look failed",
        {"{{checked_table}}": "max by (checked_table) (saleslake_quality_failed_hours)"},
        what="Of two days. They are not published.",
        width=8,
        thresholds=limits(None, 1),
        links=[runbook("publish_marts.md#a-quality-gate-failed")],
    )
    yield lines(
        "Hours whose latest look warned",
        {"{{checked_table}}": "max by (checked_table) (saleslake_quality_warned_hours)"},
        what="Of two days. They are published.",
        width=8,
        links=[runbook("check_quality.md")],
    )
    yield lines(
        "Incidents open",
        {"{{severity}}": "max by (severity) (saleslake_incident_open)"},
        what="Of the stream and the DAGs; ops.incidents names them.",
        width=8,
        links=[runbook("supervise_streams.md#an-incident-is-open")],
    )


def airflow_now() -> Iterator[Panel]:
    yield tile(
        "Scheduler beats",
        promql("sum(rate(airflow_scheduler_heartbeat[2m])) * 60"),
        what="A minute.",
        decimals=0,
        width=6,
        links=[AIRFLOW],
    )
    yield tile(
        "DAG files that cannot be read",
        promql("max(airflow_dag_processing_import_errors)"),
        what="Their DAGs do not run.",
        thresholds=limits(None, 1),
        width=6,
        links=[AIRFLOW],
    )
    yield tile(
        "Tasks running",
        promql("sum(airflow_executor_running_tasks)"),
        what="Of the executor's.",
        width=6,
        links=[AIRFLOW],
    )
    yield tile(
        "Tasks waiting",
        promql("sum(airflow_executor_queued_tasks)"),
        what="For a slot of the executor.",
        thresholds=limits(5, 20),
        width=6,
        links=[AIRFLOW],
    )


def airflow_runs() -> Iterator[Panel]:
    yield lines(
        "Tasks that ended, by state",
        {"{{state}}": "sum by (state) (increase(airflow_ti_finish[5m]))"},
        what="Attempts within five minutes; a retry is one more.",
        links=[RUNS],
    )
    yield lines(
        "A run takes, by DAG",
        {
            "{{dag_id}}": "sum by (dag_id) (rate(airflow_dagrun_duration_success_sum[10m]))"
            " / (sum by (dag_id) (rate(airflow_dagrun_duration_success_count[10m])) > 0)"
        },
        what="Mean of those that succeeded in the last ten minutes.",
        unit="s",
        links=[RUNS],
    )
    yield lines(
        "Runs start late by",
        {
            "{{dag_id}}": "sum by (dag_id) (rate(airflow_dagrun_schedule_delay_sum[10m]))"
            " / (sum by (dag_id) (rate(airflow_dagrun_schedule_delay_count[10m])) > 0)"
        },
        what="Mean, after the time they were due.",
        unit="s",
    )
    yield lines(
        "Reading all DAG files takes",
        {"seconds": "max(airflow_dag_processing_total_parse_time)"},
        what="One round of the DAG processor.",
        unit="s",
    )


def postgres() -> Iterator[Panel]:
    yield lines(
        "Connections",
        {"{{datname}}, {{state}}": 'sum by (datname, state) (pg_stat_activity_count{datname!=""}) > 0'},
        what="By database and state.",
        width=8,
    )
    yield lines(
        "Transactions",
        {
            "{{datname}}": "sum by (datname) (rate(pg_stat_database_xact_commit"
            '{datname=~"sales|airflow"}[5m]))'
        },
        what="Committed, a second; the exporter is asked once a minute.",
        width=8,
    )
    yield lines(
        "Size",
        {"{{datname}}": 'max by (datname) (pg_database_size_bytes{datname=~"sales|airflow"})'},
        what="On the disk, with indexes.",
        unit="bytes",
        width=8,
    )
