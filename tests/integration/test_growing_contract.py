"""docs/contracts/growing.md, done: the contract grows by a field while both versions of it come."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from include.errors import UpgradeRefused
from include.publish.request import Request
from include.publish.run import publish
from include.settings import PROJECT_ROOT, PostgresSettings, PublishSettings, child_environment
from lake.tables import SILVER_ORDERS, SILVER_REJECTED
from spark.streaming.table_shape import refuse_misfits
from tests.batch_lake import EMAIL_KEY, Lake
from tests.documented_edits import copy_of_project, make_documented_edits
from tests.integration.test_changing_orders import HEARTBEAT
from tests.orders import ARRIVED_AT, order

pytestmark = [pytest.mark.spark, pytest.mark.stack]

PAGE = PROJECT_ROOT / "docs" / "contracts" / "growing.md"
PLACED = "2026-11-22T10:30:00Z"  # an hour that is closed
LATER = "2026-11-22T09:30:00Z"  # another one


def placed(order_id: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    return order(**{"order_id": order_id, "schema_version": version, "ordered_at": PLACED, **changes})


OLD = [placed("O-1"), placed("O-2", coupon_code="EARLY"), placed("O-3")]
MIXED = [
    placed("O-1", event_id="E-2"),  # 3: the repeat of an old order
    placed("O-2", coupon_code="EARLY", event_id="E-2"),  # 4: also with a field that it did not have then
    placed("O-3", version=2),  # 5: and of one by a producer that is new
    placed("O-4", ordered_at=LATER),  # 6
    placed("O-5", version=2, coupon_code="SAVE10", ordered_at=LATER),  # 7
    placed("O-6", version=2, ordered_at=LATER),  # 8
    placed("O-7", coupon_code=17, ordered_at=LATER),  # 9: version 1 knows no such field, so it is not wrong
    placed("O-5", version=2, ordered_at=LATER),  # 10: says something else
    placed("O-8", version=2, coupon_code="x" * 65),  # 11
    placed("O-9", version=2, coupon_code=17),  # 12
    placed("O-10", version=3),  # 13
    placed("O-11", version=2, coupon_code="A", gift=True, ordered_at=LATER),  # 14
]
COUPONS = {"O-5": "SAVE10", "O-11": "A"}
ACCEPTED = ("O-1", "O-2", "O-3", "O-4", "O-5", "O-6", "O-7", "O-11")
REJECTED = {3: "", 4: "", 5: "", 10: "order_conflict", 11: "out_of_range", 12: "wrong_type",
            13: "schema_version_unknown"}  # fmt: skip


@pytest.fixture(scope="module")
def new_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the edits of the page."""
    project = copy_of_project(tmp_path_factory.mktemp("new") / "project")
    assert len(make_documented_edits(PAGE, project)) == 8
    return project


@pytest.fixture
def old_lake(new_lake: Callable[[str], Lake]) -> Lake:
    """A lake of this version: a batch, and its hour published."""
    lake = new_lake("lake")
    lake.write(0, OLD, 0)
    lake.connection.execute(HEARTBEAT, [lake.generation.uuid, ARRIVED_AT])
    publish(lake.connection, lake.root, PublishSettings(), Request("old", changed="closed"))
    return lake


def continued(lake: Lake, project: Path, database: PostgresSettings, superuser: PostgresSettings) -> dict:
    """What the version in `project` makes of the lake and of the mixed records."""
    key = lake.root.with_name("key")
    key.write_text(EMAIL_KEY.hex())
    batch = {"number": 1, "records": MIXED, "first_offset": len(OLD)}
    task = {
        "lake": {"root": str(lake.root), "email_hmac_key_file": str(key)},
        "loader": database.model_dump(mode="json"),
        "superuser": {**superuser.model_dump(mode="json"), "password": superuser.password.get_secret_value()},
        "batches": [batch],
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.continued_lake"],
        input=json.dumps(task),
        env=child_environment(PYTHONPATH=str(project)),
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["code"] == str(project)
    return result


def files(root: Path) -> dict[str, int]:
    """Every data file of silver with the time of its last change."""
    return {path.name: path.stat().st_mtime_ns for path in SILVER_ORDERS.path(root).glob("*/*.parquet")}


def rows(root: Path, table: Any, *columns: str) -> list[tuple[Any, ...]]:
    held = DeltaTable(str(table.path(root))).to_pyarrow_dataset().to_table(columns=list(columns))
    return [tuple(row.values()) for row in held.to_pylist()]


def test_the_contract_grows_while_both_versions_come(
    old_lake: Lake,
    new_version: Path,
    own_sales_database: PostgresSettings,
    own_postgres_server: Any,
) -> None:
    """One lake, two versions of code and of producers: nothing rebuilt, lost, twice, or wrongly refused."""
    connection, root = old_lake.connection, old_lake.root
    before = files(root)
    old_mart = connection.execute("select xmin::text, order_id from marts.fct_orders order by 2").fetchall()

    superuser = own_postgres_server.as_superuser("sales")
    result = continued(old_lake, new_version, own_sales_database, superuser)

    grows = {what for what, state in result["states"].items() if state == "grows"}
    assert {"cannot", "unseen"}.isdisjoint(result["states"].values())
    assert grows == {"silver.orders.coupon_code", next(w for w in grows if w.endswith("_coupon_code.sql"))}

    silver = {row[0]: row[1] for row in rows(root, SILVER_ORDERS, "order_id", "coupon_code")}
    assert silver == {order_id: COUPONS.get(order_id) for order_id in ACCEPTED}
    rescued = {row.order_id: row.rescued and row.rescued.toPython() for row in
               old_lake.rows(SILVER_ORDERS).select("order_id", "rescued").collect()}  # fmt: skip
    assert {order_id: value for order_id, value in rescued.items() if value is not None} == {
        "O-2": {"coupon_code": "EARLY"}, "O-7": {"coupon_code": 17}, "O-11": {"gift": True}
    }  # fmt: skip
    reasons = {row[0]: ",".join(row[1]) for row in rows(root, SILVER_REJECTED, "offset", "reasons")}
    assert reasons == REJECTED
    assert connection.execute(
        "select read_rows, silver_rows, duplicate_rows, quarantined_rows, rescued_rows from ops.ledger"
        " order by batch_id"
    ).fetchall() == [(3, 3, 0, 0, 1), (12, 5, 3, 4, 2)]

    assert {name: files(root).get(name) for name in before} == before
    assert result["published"] == ["published"]
    mart = connection.execute("select order_id, coupon_code from marts.fct_orders").fetchall()
    assert dict(mart) == silver
    assert (
        connection.execute(
            "select xmin::text, order_id from marts.fct_orders where hour_utc = %s order by 2",
            [PLACED[:13] + ":00Z"],
        ).fetchall()
        == old_mart
    )
    with pytest.raises(UpgradeRefused, match=r"silver\.orders\.coupon_code: is no longer declared"):
        refuse_misfits(root)
