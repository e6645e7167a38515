"""The pages under docs/contracts say what the code says."""

import json
import re

from bi import build
from bi.contract import contract as metrics
from include.quality import page
from include.settings import PROJECT_ROOT
from lake import contract, describe
from lake.schemas.orders import PAYLOAD, PAYLOAD_LINE

CONTRACTS = PROJECT_ROOT / "docs" / "contracts"


def read(name: str) -> str:
    return (CONTRACTS / name).read_text(encoding="utf-8")


def test_the_lake_page_is_up_to_date() -> None:
    """A column changed: run `python -m lake.describe > docs/contracts/lake.md`."""
    assert read("lake.md") == describe.page()


def test_what_is_made_from_the_metric_contract_is_up_to_date() -> None:
    """bi/metrics.yml or what makes files of it changed: run `saleslake bi build`."""
    assert [str(path) for path in build.stale(metrics())] == []


def test_the_quality_page_is_up_to_date() -> None:
    """A suite changed: run `python -m include.quality.page > docs/contracts/quality.md`."""
    assert read("quality.md") == page.page()


def test_the_orders_page_names_every_reason_and_field() -> None:
    """A reason or field added to the contract is missing in docs/contracts/orders.md."""
    page = read("orders.md")
    names = [*contract.REASONS, *PAYLOAD.names, *PAYLOAD_LINE.names]

    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_example_order_adds_up() -> None:
    """The order shown in docs/contracts/orders.md follows the contract it explains."""
    example = json.loads(re.findall(r"```json\n(.*?)```", read("orders.md"), re.DOTALL)[0])
    goods = sum(n["quantity"] * n["unit_price_cents"] - n["discount_cents"] for n in example["lines"])

    assert set(example) == set(PAYLOAD.names)
    assert example["total_cents"] == goods + example["shipping_cents"] + example["tax_cents"]
