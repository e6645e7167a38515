"""A topic that lost records before they were read: the start names them, and somebody accepts the loss."""

from contextlib import closing

import pytest
from kafka import KafkaAdminClient, TopicPartition

from include.errors import NothingToHeal, RecordsGone
from include.ledger import read_books
from include.sales_db import connect
from include.settings import Settings
from include.stream_facts import LEDGER_GAPS, LEDGER_LINES
from spark.streaming.adoption import adopt
from spark.streaming.loss import Loss
from stack import kafka
from tests.draining import catch_up, forget, reconciled, refused, send_orders

pytestmark = [pytest.mark.spark, pytest.mark.stack]


@pytest.fixture
def lake(healthy, owner, spark, tmp_path) -> Settings:
    """A lake of one batch on a topic of its own: what it loses, the other tests' topic keeps."""
    forget(owner)
    settings = healthy.model_copy(
        update={
            "kafka": healthy.kafka.model_copy(update={"orders_topic": "healing-lost.v1"}),
            "lake": healthy.lake.model_copy(update={"root": tmp_path / "lake"}),
            "manifest": tmp_path / "manifest.sqlite",
        }
    )
    kafka.ensure_topic(settings.kafka)
    send_orders(settings, 120, seed=5)
    catch_up(settings, spark)
    return settings


def test_records_that_the_topic_lost_are_accepted_by_name(lake, spark, owner):
    """Refused with the range; a range that is not exactly it is refused too; then the stream goes on."""
    send_orders(lake, 400, seed=6)
    partition, start, end = drop_some(lake)
    refused(lake, spark, RecordsGone, f"{partition}:{start}-{end}", "`saleslake accept-loss")
    with pytest.raises(NothingToHeal, match="is missing"):
        adopt(lake, losses=[Loss(partition, start, end + 1)], by="test", why="retention passed")

    adopt(lake, losses=[Loss(partition, start, end)], by="test", why="retention passed")

    catch_up(lake, spark)
    result = reconciled(lake)
    assert result.passed, result.as_json()
    assert any("in ops.accepted_losses" in check.note for check in result.checks)
    assert owner.execute("select accepted_by, why from ops.accepted_losses").fetchall() == [
        ("test", "retention passed")
    ]
    assert read_books(owner).balances
    assert owner.execute(LEDGER_GAPS, [LEDGER_LINES]).fetchone() == (0,)


def drop_some(settings: Settings) -> tuple[int, int, int]:
    """Remove ten records that were not read yet from one partition, as its retention would."""
    with closing(connect(settings.postgres, application_name="test")) as connection:
        row = connection.execute("select partition, max(end_offset) from ops.ledger group by 1 order by 1")
        partition, start = row.fetchall()[0]
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    try:
        admin.delete_records({TopicPartition(settings.kafka.orders_topic, partition): start + 10})
    finally:
        admin.close()
    return partition, start, start + 10
