"""*Lake*: what the tables hold, how they lie on the disk, and that the books balance."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from stack.dashboards.board import Section, board
from stack.dashboards.panels import DISK_FREE, Panel, limits, lines, promql, runbook, tile

UID = "saleslake-lake"
# Steps that are called like a table are its write.
WRITES = 'saleslake_batch_step_duration_seconds_count{step=~".+[.].+"}'


def made() -> dashboard.Dashboard:
    return board(
        UID,
        "Lake",
        "Bronze, silver and gold: files, bytes, upkeep, and the ledger over everything that was ever read.",
        [Section("The books", books()), Section("Tables", tables()), Section("Upkeep", upkeep())],
        period="now-6h",
        refresh="1m",
    )


def books() -> Iterator[Panel]:
    yield tile(
        "Read, ever",
        promql("sum(saleslake_ledger_read_rows_total)"),
        width=6,
        decimals=0,
        what="Records of Kafka that closed batches have, by the ledger.",
    )
    for disposition, said in (
        ("silver", "In silver, ever"),
        ("duplicate", "Duplicates, ever"),
        ("quarantined", "Quarantined, ever"),
    ):
        yield tile(
            said,
            promql(f'sum(saleslake_ledger_rows_total{{disposition="{disposition}"}})'),
            width=6,
            decimals=0,
            what="Records, by the ledger. Read = silver + duplicates + quarantined.",
        )
    yield lines(
        "Read less silver, duplicates and quarantined",
        {"records": "sum(saleslake_ledger_read_rows_total) - sum(saleslake_ledger_rows_total)"},
        what="Zero at every moment.",
        thresholds=limits(None, 1),
        links=[runbook("supervise_streams.md#records-or-cents-have-no-place")],
    )
    yield lines(
        "Money in, by where it ended",
        {"{{disposition}}": "sum by (disposition) (increase(saleslake_ledger_cents_total[1h])) / 100"},
        what="Of an hour, in the reporting currency. A duplicate's money is counted once, in silver.",
    )


def of_table(unit: str) -> str:
    return f"max by (table) (saleslake_table_{unit})"


def tables() -> Iterator[Panel]:
    yield lines(
        "Files",
        {"{{table}}": of_table("files")},
        what="Of each table's newest version. It falls when the table is compacted.",
        links=[runbook("maintain_lake.md")],
    )
    yield lines(
        "Bytes",
        {"{{table}}": of_table("bytes")},
        unit="bytes",
        stacked=True,
        what="Of each table's newest version; older versions stay a week beside it.",
    )
    yield lines(
        "Bytes a file",
        {"{{table}}": f"{of_table('bytes')} / ({of_table('files')} > 0)"},
        what="Small files make readers slow.",
        unit="bytes",
    )
    yield lines(
        "Commits an hour",
        {"{{step}}": f"sum by (step) (increase({WRITES}[1h]))"},
        what="Writes of the stream, by table. An empty part of a batch costs none.",
    )


def upkeep() -> Iterator[Panel]:
    yield lines(
        "Requests to the lake writer",
        {"{{state}}": "max by (state) (saleslake_table_requests)"},
        what="Compaction, vacuum and swaps that Airflow asked for, by their state.",
        links=[runbook("maintain_lake.md#a-step-is-waiting-or-running-after--s")],
    )
    yield lines(
        "Disk used",
        {
            "{{mountpoint}}": f"1 - {DISK_FREE}",
        },
        what="Of each file system.",
        unit="percentunit",
        thresholds=limits(None, 0.9),
        links=[runbook("maintain_lake.md#the-disk-is-nearly-full")],
    )
