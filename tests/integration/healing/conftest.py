"""A healthy lake of three batches with its database; every test gets a copy of both, to be damaged."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from include.sales_db import connect
from include.settings import KafkaSettings, LakeSettings, PostgresSettings, Settings
from stack import kafka, postgres
from tests.draining import catch_up, forget, key_file, send_orders
from tests.own_server import own_server, sales_of

BATCHES, RECORDS = 3, 120
KEPT = ("ops.ledger", "ops.hour_ledger", "live.product_sales_minute", "live.order_value_minute",
        "live.products")  # fmt: skip
GENERATION = "generation, topic, topic_id, first_batch_id, starting_offsets, email_key, reason, begun_by"


@pytest.fixture(scope="package")
def server(server_folder: Path) -> Iterator[postgres.PostgresServer]:
    with own_server(server_folder / "healing") as server:
        yield server


@pytest.fixture(scope="package")
def database(server: postgres.PostgresServer) -> PostgresSettings:
    return sales_of(server)


@pytest.fixture(scope="package")
def owner(database: PostgresSettings, server: postgres.PostgresServer) -> Iterator[psycopg.Connection]:
    with closing(
        connect(server.as_superuser("sales"), application_name="test", autocommit=True)
    ) as connection:
        yield connection


@pytest.fixture(scope="package")
def healthy(kafka_broker, database, owner, tmp_path_factory, spark) -> Settings:
    folder = tmp_path_factory.mktemp("healthy")
    settings = Settings(
        manifest=folder / "manifest.sqlite",
        kafka=KafkaSettings(bootstrap_servers=kafka_broker, orders_topic="healing.v1"),
        postgres=database,
        lake=LakeSettings(root=folder / "lake", email_hmac_key_file=key_file(folder)),
    )
    kafka.ensure_topic(settings.kafka)
    for seed in range(BATCHES):
        send_orders(settings, RECORDS, seed=seed)
        catch_up(settings, spark)
    for name in KEPT:
        owner.execute(f"create table {kept(name)} as select * from {name}")
    owner.execute(f"create table {kept('ops.generations')} as select {GENERATION} from ops.generations")
    return settings


def kept(name: str) -> str:
    return f"public.kept_{name.replace('.', '_')}"


@pytest.fixture
def lake(healthy: Settings, owner: psycopg.Connection, tmp_path: Path) -> Settings:
    shutil.copytree(healthy.lake.root, tmp_path / "lake")
    forget(owner)
    for name in KEPT:
        owner.execute(f"insert into {name} select * from {kept(name)}")
    owner.execute(f"insert into ops.generations ({GENERATION}) select * from {kept('ops.generations')}")
    lake = healthy.lake.model_copy(update={"root": tmp_path / "lake"})
    return healthy.model_copy(update={"lake": lake})
