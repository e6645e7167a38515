"""Real servers for tests marked `stack`: started once per session, on free ports, ended by pid."""

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from include.settings import KafkaSettings, PostgresSettings
from stack import kafka, postgres
from stack.processes import free_port
from tests.own_server import own_server, sales_of

if find_spec("tests.spark_session"):
    pytest_plugins = ["tests.spark_session"]


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    # Not pytest's own temporary folder: its parents are closed to the user PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="saleslake-tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path) -> Iterator[postgres.PostgresServer]:
    """A running PostgreSQL, empty."""
    with own_server(server_folder / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
def sales_database(postgres_server: postgres.PostgresServer) -> PostgresSettings:
    """Database `sales` with every migration applied, as `sales_loader`."""
    return sales_of(postgres_server)


@pytest.fixture(scope="module")
def own_postgres_server(
    server_folder: Path, request: pytest.FixtureRequest
) -> Iterator[postgres.PostgresServer]:
    """A server of the module's own, for tests that count every row."""
    with own_server(server_folder / request.module.__name__.rpartition(".")[2]) as server:
        yield server


@pytest.fixture(scope="module")
def own_sales_database(own_postgres_server: postgres.PostgresServer) -> PostgresSettings:
    """Database `sales` on the module's own server, as `sales_loader`."""
    return sales_of(own_postgres_server)


@pytest.fixture(scope="session")
def kafka_broker(server_folder: Path) -> Iterator[str]:
    """Bootstrap address of a real broker; it has no topics yet."""
    broker = kafka.Broker(server_folder / "kafka", free_port(), free_port())
    with kafka.running(broker, server_folder / "kafka.log"):
        yield broker.bootstrap


@pytest.fixture(scope="session")
def orders_topic(kafka_broker: str) -> KafkaSettings:
    """The orders topic, created as the stack creates it."""
    settings = KafkaSettings(bootstrap_servers=kafka_broker)
    kafka.ensure_topic(settings)
    return settings


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Airflow reads its variables when it is first imported: a home of its own, no database."""
    home = tmp_path_factory.mktemp("airflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(home))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.setenv("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
        yield home
