"""What the stack is doing and where it can be reached, in the form outsiders rely on."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from include.ledger import read_books
from include.sales_db import connect
from include.settings import Settings, get_settings
from stack import prometheus
from stack.layout import Ports, RunFolder, kept_ports
from stack.lifecycle import reasons_against
from stack.parts import Part, parts
from stack.processes import LOOPBACK
from stack.prometheus_programs import SERVER
from stack.supervisor import Program, Supervisor

# Nobody asks how a part is that nobody started.
LEFT = ("STOPPED", "EXITED")
STATES = {"STARTING": "starting", "BACKOFF": "starting", "STOPPING": "stopping", "FATAL": "failed"}


def collect() -> dict[str, Any]:
    """The document of `saleslake status --json`; its names are part of the contract."""
    settings = get_settings()
    folder = RunFolder(settings.run_dir)
    return {
        "lake_root": str(settings.lake.root),
        "manifest": str(settings.manifest),
        "kafka": {"bootstrap": settings.kafka.bootstrap_servers, "topic": settings.kafka.orders_topic},
        "postgres": _postgres(settings),
        "airflow": {
            "url": settings.airflow.url,
            "credentials_file": _text(settings.airflow.credentials_file),
        },
        "metrics": {"lake_writer": _metrics_url(settings), "prometheus": _prometheus_url(folder)},
        "parts": _parts(folder),
        "ledger": _ledger(settings),
    }


def _postgres(settings: Settings) -> dict[str, Any]:
    where = settings.postgres
    return {
        "host": where.host,
        "port": where.port,
        "database": where.database,
        "passfile": _text(where.passfile),
    }


def _metrics_url(settings: Settings) -> str | None:
    port = settings.stream.metrics_port
    return None if port is None else f"http://{LOOPBACK}:{port}/metrics"


def _prometheus_url(folder: RunFolder) -> str | None:
    """None where the machine has no Prometheus."""
    if SERVER not in prometheus.programs(folder):
        return None
    return f"http://{LOOPBACK}:{(kept_ports(folder) or Ports()).prometheus}"


def _ledger(settings: Settings) -> dict[str, Any] | None:
    """The last balance; None while the database does not answer."""
    try:
        with connect(settings.postgres, application_name="saleslake status") as connection:
            return read_books(connection).as_json()
    except psycopg.Error:
        return None


def balance(ledger: dict[str, Any] | None) -> str:
    """The last batch and all of them, as one would tell it."""
    if ledger is None:
        return "unknown: the database does not answer"
    last, totals = ledger["last_batch"], ledger["totals"]
    if last["closed_at"] is None:
        return "no batch was closed yet"
    verdict = (
        "balances"
        if ledger["balances"]
        else (
            f"DOES NOT BALANCE: {ledger['records_unaccounted']:,} records unaccounted for,"
            f" {ledger['holes']:,} holes. See docs/runbooks/supervise_streams.md, 'The ledger has a hole'"
        )
    )
    closed_at = last["closed_at"][:19].replace("T", " ")
    return "\n".join(
        (
            verdict,
            f"  batch {last['batch_id']}, closed {closed_at} UTC: {_sums(last)}",
            f"  all time: {_sums(totals)}",
        )
    )


def _sums(sums: dict[str, Any]) -> str:
    return (
        f"{sums['read_rows']:,} read = {sums['silver_rows']:,} silver + {sums['duplicate_rows']:,} duplicate"
        f" + {sums['quarantined_rows']:,} quarantined; {sums['silver_cents']:,} cents in silver"
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _parts(folder: RunFolder) -> list[dict[str, Any]]:
    declared = parts(folder, kept_ports(folder) or Ports())
    programs = Supervisor(folder).programs()
    wanted = [part for part in declared if part.name in programs and programs[part.name].state not in LEFT]
    reasons = reasons_against(wanted, programs)
    return [_row(folder, part, programs.get(part.name), reasons.get(part.name)) for part in declared]


def _row(folder: RunFolder, part: Part, program: Program | None, reason: str | None) -> dict[str, Any]:
    alive = program is not None and program.pid > 0
    since = datetime.fromtimestamp(program.started_at, UTC).isoformat() if program and alive else None
    return {
        "name": part.name,
        "state": state_of(program, reason),
        "pid": program.pid if program and alive else None,
        "since": since,
        "log": str(folder.log(part.name)),
        "detail": reason,
    }


def state_of(program: Program | None, reason: str | None) -> str:
    """running | unhealthy | starting | stopping | stopped | failed."""
    if program is None:
        return "stopped"
    if program.is_alive and reason is None:
        return "running"
    if program.state == "RUNNING":
        return "unhealthy"
    return STATES.get(program.state, "stopped")


def addresses(status: dict[str, Any]) -> str:
    """Where people go: the Airflow UI, the database for BI tools, the broker."""
    database, airflow = status["postgres"], status["airflow"]
    dsn = (
        f"postgresql://sales_reader@{database['host']}:{database['port']}/{database['database']}"
        f"?passfile={database['passfile']}"
    )
    watched = status["metrics"]["prometheus"] or "none: `saleslake doctor` says how to get it"
    return "\n".join(
        (
            f"Airflow     {airflow['url']}   (user and password: {airflow['credentials_file']})",
            f"PostgreSQL  {dsn}",
            f"Kafka       {status['kafka']['bootstrap']}, topic {status['kafka']['topic']}",
            f"Lake        {status['lake_root']}",
            f"Prometheus  {watched}",
        )
    )
