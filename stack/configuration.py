"""Writes what the parts read: settings.json, airflow.cfg, the connections and credentials files."""

import base64
import configparser
import io
import json
import secrets
from pathlib import Path
from typing import Any

from include.settings import PROJECT_ROOT, settings_file
from stack import prometheus
from stack.database import DATABASE
from stack.files import kept_secret, private_folder, write_private
from stack.layout import Ports, RunFolder
from stack.processes import LOOPBACK
from stack.prometheus_programs import STATSD_EXPORTER

AIRFLOW_USER = "admin"
# The name under which the process manager knows the lake writer.
LAKE_WRITER = "lake-writer"
STREAM_WATCHDOG = "stream-watchdog"
# Who may log in to the database `sales`.
ROLES = ("sales_loader", "sales_reader", "sales_monitor")


def database_passwords(folder: RunFolder) -> dict[str, str]:
    return {role: kept_secret(folder.secret(f"{role}_password")) for role in ROLES}


def airflow_database_password(folder: RunFolder) -> str:
    return kept_secret(folder.secret("airflow_database_password"))


def write_settings(folder: RunFolder, ports: Ports) -> None:
    """What include/settings.py reads. Groups that somebody added by hand stay."""
    file = settings_file(folder.root)
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    write_private(file, json.dumps(merged(kept, settings(folder, ports)), indent=2) + "\n")


def settings(folder: RunFolder, ports: Ports) -> dict[str, Any]:
    return {
        "run_dir": str(folder.root),
        "manifest": str(folder.manifest),
        "kafka": {"bootstrap_servers": f"{LOOPBACK}:{ports.kafka}"},
        "postgres": {
            "host": LOOPBACK,
            "port": ports.postgres,
            "database": DATABASE,
            "passfile": str(folder.secret("pgpass")),
        },
        "lake": {
            "root": str(folder.lake_root),
            "email_hmac_key_file": str(folder.secret("email_hmac_key")),
        },
        "stream": {"metrics_port": ports.lake_writer_metrics},
        "supervision": {"supervisor_socket": str(folder.supervisor_socket), "program": LAKE_WRITER},
        "airflow": {
            "url": f"http://{LOOPBACK}:{ports.airflow}",
            "credentials_file": str(folder.secret("airflow_credentials.json")),
        },
    }


def merged(kept: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`new` laid over `kept`, group by group."""
    result = dict(kept)
    for key, value in new.items():
        below = result.get(key)
        is_group = isinstance(value, dict) and isinstance(below, dict)
        result[key] = merged(below, value) if is_group and below else value
    return result


def write_secrets(folder: RunFolder, ports: Ports) -> None:
    """Every secret exists, mode 0600; what was there is kept."""
    kept_secret(folder.secret("fernet_key"), base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    kept_secret(folder.secret("jwt_secret"), secrets.token_urlsafe(64))
    kept_secret(folder.secret("email_hmac_key"), secrets.token_hex(32))
    kept_secret(folder.secret("postgres_password"))
    password = kept_secret(folder.secret("airflow_password"))
    credentials = {"username": AIRFLOW_USER, "password": password}
    write_private(folder.secret("airflow_credentials.json"), json.dumps(credentials) + "\n")
    # SimpleAuthManager generates, and logs, a password for every user who is not in this file.
    write_private(folder.secret("airflow_users.json"), json.dumps({AIRFLOW_USER: password}) + "\n")
    write_private(folder.secret("connections.json"), json.dumps(connections(folder, ports)) + "\n")


def connections(folder: RunFolder, ports: Ports) -> dict[str, Any]:
    """Airflow's connections: `sales` writes, as sales_loader; `spark` is where jobs are submitted to."""
    return {
        "spark": {"conn_type": "spark", "host": "local", "extra": {"deploy-mode": "client"}},
        "sales": {
            "conn_type": "postgres",
            "host": LOOPBACK,
            "port": ports.postgres,
            "schema": DATABASE,
            "login": "sales_loader",
            "password": database_passwords(folder)["sales_loader"],
        },
    }


def write_airflow(folder: RunFolder, ports: Ports) -> None:
    text = io.StringIO()
    writer = configparser.RawConfigParser()
    writer.read_dict(airflow_options(folder, ports))
    writer.write(text)
    write_private(airflow_configuration(folder), text.getvalue())
    private_folder(folder.home("airflow") / "logs")


def airflow_configuration(folder: RunFolder) -> Path:
    return folder.home("airflow") / "airflow.cfg"


def airflow_options(folder: RunFolder, ports: Ports) -> dict[str, dict[str, object]]:
    url = f"http://{LOOPBACK}:{ports.airflow}"
    login = f"airflow:{airflow_database_password(folder)}"
    return {
        "core": {
            "dags_folder": PROJECT_ROOT / "dags",
            "plugins_folder": PROJECT_ROOT / "plugins",
            "executor": "LocalExecutor",
            # 2 cores: more tasks at a time only make each other time out.
            "parallelism": 4,
            "load_examples": False,
            # A stack that is up supervises and publishes; nobody should have to find two switches first.
            "dags_are_paused_at_creation": False,
            "fernet_key": kept_secret(folder.secret("fernet_key")),
            "execution_api_server_url": f"{url}/execution/",
            "simple_auth_manager_users": f"{AIRFLOW_USER}:admin",
            "simple_auth_manager_passwords_file": folder.secret("airflow_users.json"),
        },
        "database": {
            "sql_alchemy_conn": f"postgresql+psycopg2://{login}@{LOOPBACK}:{ports.postgres}/airflow",
        },
        "api": {
            "host": LOOPBACK,
            "port": ports.airflow,
            "base_url": url,
            "workers": 1,
            "secret_key": kept_secret(folder.secret("api_secret_key")),
            "instance_name": "Saleslake",
        },
        "api_auth": {"jwt_secret": kept_secret(folder.secret("jwt_secret"))},
        "secrets": {
            "backend": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "backend_kwargs": json.dumps({"connections_file_path": str(folder.secret("connections.json"))}),
        },
        "logging": {"base_log_folder": folder.home("airflow") / "logs", "colored_console_log": False},
        # A DAG that is added or changed shows within seconds.
        "dag_processor": {
            "refresh_interval": 10,
            "min_file_process_interval": 30,
            "parsing_processes": 1,
            # A slow machine that is starting Spark at the same time needs longer than the default 50 s.
            "dag_file_processor_timeout": 120,
            "health_check_threshold": 90,
        },
        "metrics": airflow_metrics(folder, ports),
        "scheduler": {"scheduler_health_check_threshold": 60},
        "triggerer": {"triggerer_health_check_threshold": 60},
    }


def airflow_metrics(folder: RunFolder, ports: Ports) -> dict[str, object]:
    """By UDP to the exporter, if it is there: nothing waits for it."""
    return {
        "statsd_on": STATSD_EXPORTER in prometheus.programs(folder),
        "statsd_host": LOOPBACK,
        "statsd_port": ports.airflow_statsd,
        "statsd_influxdb_enabled": True,  # labels, not parts of names
        "legacy_names_on": False,
    }
