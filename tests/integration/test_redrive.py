"""Quarantined records sent again through a real broker: each enters silver once, also after a kill."""

import re
from collections import Counter
from contextlib import closing
from typing import Any

import psycopg
import pytest

from include.errors import RedriveError
from include.redrive.marks import alone, read_marks
from include.redrive.position import HEADER
from include.redrive.request import Request
from include.redrive.run import replay
from include.redrive.summary import Summary
from include.rejected import Question, read_rejected
from include.sales_db import connect
from include.settings import KafkaSettings, LakeSettings, Settings
from lake import contract
from lake.reading import delta_table
from lake.tables import SILVER_REJECTED
from spark.batch import rebuild_lake
from stack import kafka
from tests.draining import Crash, catch_up, forget, key_file, reconciled, send_orders
from tests.redriving import copies, in_silver, placed, produce, produce_large, records

pytestmark = [pytest.mark.spark, pytest.mark.stack]

BOM = b"\xef\xbb\xbf"
STRIP = Request("run-1", frozenset({"not_json"}), fix="strip_byte_order_mark", dry_run=False)


@pytest.fixture
def lake(kafka_broker, own_sales_database, own_postgres_server, tmp_path, request) -> Settings:
    """An empty lake on a topic of the test's own."""
    topic = re.sub(r"\W", "_", request.node.name)
    settings = Settings(
        manifest=tmp_path / "manifest.sqlite",
        kafka=KafkaSettings(bootstrap_servers=kafka_broker, orders_topic=topic),
        postgres=own_sales_database,
        lake=LakeSettings(root=tmp_path / "lake", email_hmac_key_file=key_file(tmp_path)),
    )
    kafka.ensure_topic(settings.kafka)
    superuser = own_postgres_server.as_superuser("sales")
    with closing(connect(superuser, application_name="test", autocommit=True)) as owner:
        forget(owner)
    return settings


def run(settings: Settings, connection: psycopg.Connection, request: Request, **kw: Any) -> Summary:
    return replay(connection, settings.kafka, settings.lake.root, request, **kw)


def states(connection: psycopg.Connection) -> Counter[str]:
    return Counter(state for (state,) in connection.execute("select state from ops.redriven").fetchall())


def test_a_dry_run_says_what_would_be_sent(lake, spark, connection):
    """Nothing is sent and nothing is marked; what it leaves out is counted by why."""
    odd = placed("O-4", hours_ahead=2, total_cents=1)
    produce(lake, BOM + placed("O-1"), BOM + placed("O-2"), b"no order at all", placed("O-3"), odd, b"")
    catch_up(lake, spark)

    summary = run(lake, connection, STRIP._replace(dry_run=True))

    assert (summary.chosen, summary.by_reason, summary.sent) == (2, {"not_json": 2}, 0)
    assert summary.left_out == {"the fix changes nothing": 1}
    assert "Dry run, nothing was sent" in summary.as_markdown()
    assert "someone@example.com" not in summary.as_markdown()
    future = Request("run-2", frozenset({"future_time"}))
    assert run(lake, connection, future).left_out == {"has other reasons, too": 1}
    assert len(records(lake)) == 6
    assert states(connection) == {}


def test_fixed_records_enter_silver_once(lake, spark, connection):
    """With key and headers, marked, once however often it is run; and the books balance."""
    send_orders(lake, 60, seed=3)
    produce(lake, *(BOM + placed(f"O-{n}") for n in range(5)))
    catch_up(lake, spark)
    assert not in_silver(lake).keys() & {"O-0", "O-4"}

    first = run(lake, connection, STRIP)
    catch_up(lake, spark)
    second = run(lake, connection, STRIP._replace(run_id="run-2"))
    catch_up(lake, spark)

    assert (first.sent, second.sent, second.left_out["re-driven before"]) == (5, 0, 5)
    assert {in_silver(lake)[f"O-{n}"] for n in range(5)} == {1}
    assert set(copies(lake).values()) == {1}
    assert states(connection) == {"sent": 5}
    sent = [record for record in records(lake) if HEADER in dict(record.headers)]
    assert {record.key for record in sent} == {f"K{n}".encode() for n in range(5)}
    assert {tuple(name for name, _ in record.headers) for record in sent} == {("shop", HEADER)}
    result = reconciled(lake)
    assert result.passed, result.as_json()


def test_what_was_sent_again_is_marked(lake, spark, connection):
    """`saleslake rejected` says where the copy lies and whether it came to silver."""
    produce(lake, BOM + placed("O-1"), BOM + b"no order", BOM + placed("O-2"))
    catch_up(lake, spark)
    run(lake, connection, STRIP._replace(limit=2))
    catch_up(lake, spark)

    answer = read_rejected(
        lake.lake.root, Question(samples=9), read_marks(connection, lake.kafka.orders_topic)
    )

    assert answer.redriven == {"sent": 2, "in silver": 1, "rejected again": 1}
    assert sum(sample.redriven is not None for sample in answer.samples) == 2


def test_a_relaxed_rule_lets_records_in(lake, spark, connection, monkeypatch):
    """A rebuild by the relaxed rule does not let the original in beside its copy."""
    produce(lake, placed("O-1", hours_ahead=2))
    catch_up(lake, spark)
    future = Request("run-1", frozenset({"future_time"}), dry_run=False)
    monkeypatch.setattr(contract, "MAX_FUTURE_MINUTES", 300)

    summary = run(lake, connection, future)
    catch_up(lake, spark)

    assert (summary.sent, summary.left_out) == (1, {})
    assert in_silver(lake) == {"O-1": 1}
    assert rebuild_lake.run(lake, replacing=False), "a rebuild does not equal the stream"


@pytest.mark.parametrize(("step", "settled"), [("marked", "not_sent"), ("sent", "sent")])
def test_a_killed_run_sends_nothing_twice(lake, spark, connection, step, settled):
    """Killed before the send: the next run sends. Killed before it is written down: the next run finds it."""
    produce(lake, *(BOM + placed(f"O-{step}-{n}") for n in range(3)))
    catch_up(lake, spark)
    with pytest.raises(Crash):
        run(lake, connection, STRIP, reach=dying_at(step))
    assert states(connection) == {"sending": 3}

    summary = run(lake, connection, STRIP._replace(run_id="run-2"))
    catch_up(lake, spark)

    assert Counter(outcome.state for outcome in summary.settled) == {settled: 3}
    assert summary.sent == (3 if settled == "not_sent" else 0)
    assert list(copies(lake).values()) == [1, 1, 1]
    assert {in_silver(lake)[f"O-{step}-{n}"] for n in range(3)} == {1}
    assert states(connection) == {"sent": 3}


def dying_at(step: str):
    def reach(reached: str) -> None:
        if reached == step:
            raise Crash

    return reach


def test_a_copy_that_comes_back_is_not_sent_for_ever(lake, spark, connection):
    """Only `again` takes it up, and then once more."""
    produce(lake, BOM + BOM + placed("O-1"))
    catch_up(lake, spark)
    run(lake, connection, STRIP)
    catch_up(lake, spark)

    assert run(lake, connection, STRIP._replace(run_id="run-2")).left_out == {
        "re-driven before": 1,
        "itself a re-drive": 1,
    }
    assert run(lake, connection, STRIP._replace(run_id="run-3", again=True)).sent == 1
    catch_up(lake, spark)
    assert in_silver(lake) == {"O-1": 1}


def test_runs_do_not_overlap(lake, spark, connection):
    """The second one says that another is at it, and sends nothing."""
    produce(lake, BOM + placed("O-1"))
    catch_up(lake, spark)
    with (
        closing(connect(lake.postgres, application_name="other", autocommit=True)) as other,
        alone(other),
        pytest.raises(RedriveError, match="another run is at it"),
    ):
        run(lake, connection, STRIP)
    assert len(records(lake)) == 1


def test_a_record_as_large_as_the_topic_takes_is_refused_by_name(lake, spark, connection):
    """The copy is a header larger: the broker's no is kept, and the others are sent."""
    produce_large(lake)
    produce(lake, BOM + placed("O-1"))
    catch_up(lake, spark)
    everything = Request("run-1", frozenset({"too_large", "not_json"}), dry_run=False)

    summary = run(lake, connection, everything)

    assert (summary.sent, summary.refused) == (1, 1)
    assert "The broker refused 1" in summary.as_markdown()
    assert states(connection) == {"sent": 1, "refused": 1}
    assert delta_table(SILVER_REJECTED, lake.lake.root).to_pyarrow_table().num_rows == 2
