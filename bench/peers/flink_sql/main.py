"""
Flink SQL from Kafka to PostgreSQL, in one JVM that this script starts and ends.

    BENCH_…=… python main.py --java FILE --jars FOLDER

What is computed stands in job.sql. Flink's own SQL client is in no package registry as a jar: Py4J, as
PyFlink itself uses it, hands the statements over, and nothing else passes through Python.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

TABLES = """
create schema if not exists answers;
create table if not exists answers.product_sales_minute (
    minute_utc timestamptz, product_id text, region text, units bigint, revenue_cents bigint,
    primary key (minute_utc, product_id, region)
);
create table if not exists answers.region_sales_minute (
    minute_utc timestamptz, region text, orders bigint, revenue_cents bigint, primary key (minute_utc, region)
);
"""
JAVA_OPTIONS = [
    "-Xmx2g",
    "-XX:+UseParallelGC",
    "-Duser.timezone=UTC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    # What Flink's own scripts open for Kryo and its closure cleaner.
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in (
            "java.lang",
            "java.util",
            "java.time",
            "java.util.concurrent",
            "java.net",
            "java.io",
            "java.nio",
        )
    ),
]


def settings(folder: Path) -> dict[str, str]:
    return {
        "execution.target": "local",
        "execution.runtime-mode": "STREAMING",
        "parallelism.default": os.environ["BENCH_CORES"],
        "pipeline.object-reuse": "true",
        "table.local-time-zone": "UTC",
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": "100 ms",
        "table.exec.mini-batch.size": "20000",
        "table.optimizer.agg-phase-strategy": "TWO_PHASE",
        # The sinks' keys are the aggregations' own: nothing arrives out of order.
        "table.exec.sink.upsert-materialize": "NONE",
        "state.backend.type": "hashmap",
        "execution.checkpointing.interval": "10 s",
        "execution.checkpointing.dir": (folder / "checkpoints").as_uri(),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "taskmanager.memory.network.min": "64 mb",
        "taskmanager.memory.network.max": "64 mb",
        # Nothing listens beyond this machine.
        "rest.bind-address": "127.0.0.1",
        "rest.address": "127.0.0.1",
        "jobmanager.bind-host": "127.0.0.1",
        "taskmanager.bind-host": "127.0.0.1",
        "taskmanager.host": "127.0.0.1",
        **latest_checkpoint(folder),
    }


def latest_checkpoint(folder: Path) -> dict[str, str]:
    """Where a job that was killed goes on."""
    complete = [file.parent for file in folder.glob("checkpoints/*/chk-*/_metadata")]
    if not complete:
        return {}
    latest = max(complete, key=lambda checkpoint: checkpoint.stat().st_mtime)
    return {"execution.state-recovery.path": latest.as_uri()}


def sink_options() -> str:
    parts = conninfo_to_dict(os.environ["BENCH_POSTGRES"])
    options = {
        "connector": "jdbc",
        # Rewritten, the rows of a flush are one statement.
        "url": f"jdbc:postgresql://{parts['host']}:{parts['port']}/{parts['dbname']}?reWriteBatchedInserts=true",
        "username": parts["user"],
        "password": parts["password"],
        "sink.buffer-flush.max-rows": "5000",
        "sink.buffer-flush.interval": "100 ms",
    }
    return ", ".join(f"'{name}' = '{value}'" for name, value in options.items())


def statements() -> list[str]:
    text = (Path(__file__).parent / "job.sql").read_text(encoding="utf-8")
    values = {
        "topic": os.environ["BENCH_TOPIC"],
        "bootstrap": os.environ["BENCH_BOOTSTRAP"],
        "sink": sink_options(),
    }
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return [statement for part in text.split(";") if (statement := part.strip())]


def start_jvm(java: str, jars: str) -> JavaGateway:
    port, token = launch_gateway(
        classpath=f"{jars}/*",
        javaopts=JAVA_OPTIONS,
        java_path=java,
        die_on_exit=True,
        enable_auth=True,
        return_proc=False,
        redirect_stdout=sys.stdout,
        redirect_stderr=sys.stderr,
    )
    return JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token, auto_convert=True))


def submit(jvm: Any, folder: Path) -> Any:
    """The running job."""
    configuration = jvm.org.apache.flink.configuration.Configuration.fromMap(settings(folder))
    environment = jvm.org.apache.flink.table.api.EnvironmentSettings.newInstance()
    tables = jvm.org.apache.flink.table.api.TableEnvironment.create(
        environment.inStreamingMode().withConfiguration(configuration).build()
    )
    inserts = tables.createStatementSet()
    for statement in statements():
        if statement.startswith("insert"):
            inserts.addInsertSql(statement)
        else:
            tables.executeSql(statement)
    return inserts.execute().getJobClient().get()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--java", required=True)
    parser.add_argument("--jars", required=True)
    args = parser.parse_args()
    with psycopg.connect(os.environ["BENCH_POSTGRES"]) as connection:
        connection.execute(TABLES)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    gateway = start_jvm(args.java, args.jars)
    job = submit(gateway.jvm, Path(os.environ["BENCH_FOLDER"]))
    while not stopped and not (status := job.getJobStatus().get()).isGloballyTerminalState():
        time.sleep(0.5)
    if stopped:
        job.cancel().get()
    gateway.shutdown()
    return 0 if stopped else f"The job ended by itself: {status}."  # type: ignore[return-value]


if __name__ == "__main__":
    sys.exit(main())
