"""The demo's stack as a data engineer uses it: from a real Airflow, while orders stream."""

import json
import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from playwright.sync_api import expect

from bench.pages import log_in
from lake.tables import BRONZE_ORDERS
from stack.processes import wait_until
from tests.browser import chromium
from tests.demo_stack import Answers, Stack
from tests.orders import order

pytestmark = pytest.mark.stack
PAGE_WITHIN_MS = 120_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def test_a_quarantined_order_is_sent_again_from_airflow(stack: Stack) -> None:
    """A byte-order mark keeps it out of silver; a run of replay_rejected takes it off and brings it in."""
    said = stack.status()
    now = datetime.now(UTC).isoformat()
    produce(said["kafka"], BYTE_ORDER_MARK + json.dumps(order(order_id="O-again", ordered_at=now)).encode())
    wait_until(lambda: stack.rejected(now)["records"] > 0, seconds=90, what="it in silver.rejected")
    request = {"dry_run": False, "reasons": ["not_json"], "fix": "strip_byte_order_mark", "from": now}
    with stack.airflow() as airflow:
        run_id = airflow.trigger("replay_rejected", request)
        assert airflow.wait("replay_rejected", run_id, timeout_seconds=400) == "success"
        done = airflow.return_value("replay_rejected", run_id, "send_again")

    # The simulator may have sent another one of that kind.
    assert done["sent"] == done["chosen"] > 0
    silver = {"sent": done["sent"], "in silver": done["sent"]}
    wait_until(lambda: stack.rejected(now)["redriven"] == silver, seconds=90, what="the copies in silver")
    assert "PASS" in stack.succeed("reconcile", "--wait", "180")


def test_tables_are_compacted_from_airflow_while_orders_stream(stack: Stack) -> None:
    """
    A run of maintain_lake leaves fewer files and the same rows; the stream goes on. A file that nobody needs
    is deleted after somebody agreed to it.
    """
    draft = BRONZE_ORDERS.path(stack.folder.lake_root) / "part-of-a-writer-that-died.parquet"
    draft.write_bytes(b"x")
    os.utime(draft, (0, 0))
    with stack.airflow() as airflow:
        run_id = airflow.trigger("maintain_lake", {})
        asked = Answers(airflow, "maintain_lake", run_id).give(seconds=1200)
        assert "| bronze.orders | all | vacuum |" in asked[0]["body"]
        done = airflow.return_value("maintain_lake", run_id, "compact")
        end = airflow.return_value("maintain_lake", run_id, "summarize")

    assert not draft.exists()
    assert end["deleted"]["bronze.orders"]["files_deleted"] == 1, end

    assert {step["table"] for step in done["steps"]} >= {"bronze.orders", "gold.order_value_minute"}
    for outcome in done["outcomes"]:
        result = outcome["result"]
        assert result["files_after"] < result["files_before"], outcome
        assert ":" in result["content"], outcome
    assert "PASS" in stack.succeed("reconcile", "--wait", "180")


def test_the_pages_stand_in_airflow_behind_its_login(stack: Stack) -> None:
    """Airflow's login page, navigation and frame: 401 before, live sales and a stream that is well after."""
    said = stack.status()["airflow"]
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PAGE_WITHIN_MS)
        anonymous = page.goto(f"{said['url']}/saleslake/sales")
        assert anonymous is not None
        assert anonymous.status == 401
        log_in(page, said["url"], Path(said["credentials_file"]))

        page.get_by_role("link", name="Sales", exact=True).first.click()
        framed = page.frame_locator("iframe")
        expect(framed.locator("#freshness")).to_contain_text("live As of", timeout=PAGE_WITHIN_MS)
        expect(framed.locator("#top-products tbody tr")).to_have_count(10)
        page.get_by_role("link", name="Streams", exact=True).first.click()
        expect(framed.locator(".verdict")).to_contain_text("All is well", timeout=PAGE_WITHIN_MS)
        expect(framed.locator("#ledger")).to_contain_text("Every record has its place")
        framed.get_by_role("link", name="publish_marts", exact=True).click()
        page.wait_for_url("**/dags/publish_marts*")


def produce(kafka: dict[str, Any], value: bytes) -> None:
    with closing(KafkaProducer(bootstrap_servers=kafka["bootstrap"])) as producer:
        producer.send(kafka["topic"], value).get(timeout=60)
