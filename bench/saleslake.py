"""Saleslake as a contender: the lake writer, as `saleslake up` starts it, without the rest of the stack."""

import json
import secrets
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.contender import Launch
from bench.guarantees import Guarantees
from include.sales_db import connect
from include.settings import PROJECT_ROOT, RUN_DIR_VARIABLE, KafkaSettings, settings_file
from stack.database import DATABASE, prepare_sales
from stack.files import write_private
from stack.postgres import PostgresServer

ANSWERS = """
create schema answers;
create view answers.product_sales_minute as
select minute_utc, product_id, region, units, revenue_cents from live.product_sales_minute;
create view answers.region_sales_minute as select * from live.region_trend;
"""


GUARANTEES = Guarantees(
    contract="every rule",
    duplicates="kept apart, counted once, over all time",
    quarantine="kept with bytes and reasons",
    exactly_once="yes, balanced per batch in rows and cents",
    lake="bronze, silver, rejected, gold",
)


@dataclass(frozen=True)
class Saleslake:
    """The whole product's stream. `stream`: its settings that differ from the defaults."""

    name: str = "saleslake"
    title: str = "Saleslake"
    tuning: str = (
        "as it comes: Spark Structured Streaming on 2 cores, heap 2 GiB, at most 80,000 records a batch"
    )
    guarantees: Guarantees = GUARANTEES
    stream: dict[str, Any] = field(default_factory=dict)

    def launch(self, server: PostgresServer, kafka: KafkaSettings, folder: Path) -> Launch:
        roles = ("sales_loader", "sales_reader")
        passwords = {role: secrets.token_urlsafe(16) for role in roles}
        sales = prepare_sales(server, passwords, passfile=folder / "pgpass")
        superuser = server.as_superuser(DATABASE)
        with closing(connect(superuser, application_name="bench", autocommit=True)) as connection:
            connection.execute(ANSWERS)
        key = folder / "email_hmac_key"
        write_private(key, secrets.token_hex(32))
        settings = {
            "run_dir": str(folder),
            "kafka": kafka.model_dump(mode="json"),
            "postgres": sales.model_dump(mode="json", exclude={"password"}),
            "lake": {"root": str(folder / "lake"), "email_hmac_key_file": str(key)},
            "stream": self.stream,
        }
        write_private(settings_file(folder), json.dumps(settings))
        command = [sys.executable, "-m", "spark.streaming.lake_writer"]
        environment = {RUN_DIR_VARIABLE: str(folder), "PYTHONPATH": str(PROJECT_ROOT)}
        return Launch(command, environment, DATABASE)
