"""The pages as a browser shows them: headless Chromium, a real server and a real database."""

import re
from datetime import UTC, datetime

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser import WITHIN_MS, Opening, shows
from tests.pages import Pages
from tests.sold import close_batch, report, sell, this_minute

pytestmark = pytest.mark.stack


def test_the_three_answers_are_there(pages: Pages, busy_shop: None, opened: Opening) -> None:
    """Best sellers, regions and order values, with their moment and how complete they are."""
    page = opened(pages["sales"])

    shows(page, "#freshness", re.compile(r"live As of [\d:]{8} UTC"))
    shows(page, "#tiles", "$1,510.00")
    shows(page, "#order-values tbody tr:first-child", "$50.33")
    shows(page, "#trend-regions tbody tr:first-child", "APAC10$1,000.00")
    shows(page, "#top-products tbody tr:first-child", "1Product P-1Garden40")
    shows(page, "#top-note", re.compile(r"99\.\d % of the last 60 minutes is seen"))
    expect(page.locator("#trend-chart canvas")).to_be_visible()


def test_new_orders_appear_without_a_reload(
    pages: Pages, owner: psycopg.Connection, busy_shop: None, opened: Opening
) -> None:
    """The page asks again by itself."""
    page = opened(pages["sales"])
    shows(page, "#tiles", "Orders, last hour30")

    sell(owner, this_minute(), "LATAM", orders=5)
    report(owner)

    shows(page, "#tiles", "Orders, last hour35")
    shows(page, "#trend-regions", "LATAM5")


def test_a_hidden_page_asks_nothing(pages: Pages, busy_shop: None, opened: Opening) -> None:
    """And asks at once when it is seen again."""
    page = opened(pages["sales"])
    shows(page, "#refreshing", "refreshes every 5 s")
    page.clock.install()
    with page.expect_request("**/api/sales*"):
        pass  # what the page had set its alarm for before the clock was ours
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hide = """hidden => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""

    page.evaluate(hide, True)
    shows(page, "#refreshing", "paused while hidden")
    asked.clear()
    page.clock.run_for(60_000)
    while_hidden = list(asked)
    with page.expect_request("**/api/sales*"):
        page.evaluate(hide, False)

    assert while_hidden == []


def test_the_window_can_be_chosen_by_keyboard(pages: Pages, busy_shop: None, opened: Opening) -> None:
    """The choice is a group of radio buttons; its answer is asked for at once."""
    page = opened(pages["sales"])
    shows(page, "#trend-note", "per minute")

    page.locator("input[name=window]:checked").focus()
    with page.expect_response("**/api/sales?hours=3"):
        page.keyboard.press("ArrowRight")


def test_no_orders_yet_is_said(pages: Pages, opened: Opening) -> None:
    """With what to do; no table is empty without a word."""
    page = opened(pages["sales"])

    shows(page, "#empty", "No orders yet")
    shows(page, "#empty", "saleslake simulate")
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("#answers")).to_be_hidden()


def test_the_first_order_ends_the_empty_page(
    pages: Pages, owner: psycopg.Connection, opened: Opening
) -> None:
    """Nobody has to reload."""
    page = opened(pages["sales"])
    expect(page.locator("#empty")).to_be_visible(timeout=WITHIN_MS)

    sell(owner, this_minute())
    report(owner)

    shows(page, "#tiles", "Orders, last hour1")
    expect(page.locator("#empty")).to_be_hidden()


@pytest.mark.parametrize("name", ["sales", "streams"])
def test_a_database_that_goes_away_leaves_what_was_shown(
    pages: Pages, busy_shop: None, opened: Opening, complaints: list[str], name: str
) -> None:
    """What failed, how old the page is, what to do; all is well again by itself."""
    page = opened(pages[name])
    shows(page, "#refreshing", "Refreshed")
    there = pages.settings
    away = there.postgres.model_copy(update={"port": 1})

    pages.settings = there.model_copy(update={"postgres": away})
    shows(page, "#trouble", re.compile(r"Could not refresh. What is shown is of [\d:]{8} UTC, \d+ s old"))
    shows(page, "#trouble", "saleslake status")
    expect(page.locator("main")).to_contain_text("$")
    pages.settings = there
    expect(page.locator("#trouble")).to_be_hidden(timeout=WITHIN_MS)

    assert all("503" in complaint for complaint in complaints)
    complaints.clear()


def test_a_stream_is_judged_in_words_first(pages: Pages, busy_shop: None, opened: Opening) -> None:
    """All is well, the books balance, the DAGs are linked."""
    page = opened(pages["streams"])

    shows(page, ".verdict", "All is well")
    shows(page, ".facts", "Waiting in Kafka0")
    shows(page, "#ledger", "Every record has its place")
    shows(page, "#rejected", "No record of the last hour was rejected")
    shows(page, "#dags", "publish_martssuccess")
    shows(page, "#publications", "closed")
    shows(page, "#lists", "Nobody has asked the lake writer")


def test_trouble_leads_to_its_runbook(pages: Pages, owner: psycopg.Connection, opened: Opening) -> None:
    """The link goes to the section that says what to do."""
    close_batch(owner, 0, datetime.now(UTC))
    close_batch(owner, 2, datetime.now(UTC))
    report(owner)
    page = opened(pages["streams"])
    shows(page, ".verdict", "Records were skipped or read twice")

    page.locator(".verdict a").click()

    expect(page.locator("h2:target")).to_have_text("The ledger has a hole", timeout=WITHIN_MS)


def test_what_came_with_an_order_is_text(
    pages: Pages, owner: psycopg.Connection, busy_shop: None, opened: Opening
) -> None:
    """A product's name is shown as it came, and is never markup."""
    name = "<img src=x onerror=\"document.title='taken over'\">"
    owner.execute("update live.products set product_name = %s", [name])
    page = opened(pages["sales"])

    shows(page, "#top-products", name)

    assert page.title() == "Sales · Saleslake"
    assert page.locator("#top-products img").count() == 0
