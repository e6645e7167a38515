"""How the pages look: on a laptop and a phone, light and dark, and in the frame Airflow gives them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import LAPTOP, PHONE, WITHIN_MS, Opening, shows
from tests.pages import Pages

pytestmark = pytest.mark.stack


def background(page: Page) -> str:
    return str(page.frames[-1].evaluate("getComputedStyle(document.body).backgroundColor"))


def darkness(page: Page) -> bool:
    return sum(map(int, re.findall(r"\d+", background(page))[:3])) < 3 * 128


@pytest.mark.parametrize("name", ["sales", "streams", "runbooks/supervise_streams"])
@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_is_wider_than_the_screen(
    pages: Pages, busy_shop: None, opened: Opening, name: str, viewport: dict[str, int]
) -> None:
    """No page scrolls sideways."""
    page = opened(pages[name], viewport=viewport)
    expect(page.locator(".prose, #tiles, .facts").first).not_to_be_empty(timeout=WITHIN_MS)

    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_the_page_is_dark_where_the_machine_is(pages: Pages, busy_shop: None, opened: Opening) -> None:
    """And light where it is light."""
    assert darkness(opened(pages["sales"], dark=True))
    assert not darkness(opened(pages["sales"], dark=False))


def test_inside_airflow_its_theme_counts(pages: Pages, busy_shop: None, opened: Opening) -> None:
    """Also when it is changed while the page is open."""
    page = opened(f"{pages.url}/framed/dark/sales")
    frame = page.frame_locator("iframe")
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark", timeout=WITHIN_MS)
    was_dark = darkness(page)

    page.evaluate("document.documentElement.className = 'light'")

    expect(frame.locator("html")).to_have_attribute("data-theme", "light", timeout=WITHIN_MS)
    assert (was_dark, darkness(page)) == (True, False)


def test_a_link_to_a_dag_leaves_the_frame(pages: Pages, busy_shop: None, opened: Opening) -> None:
    """Airflow's frame forbids windows and steering; the link opens the DAG in Airflow, not in the frame."""
    page = opened(f"{pages.url}/framed/light/streams")

    page.frame_locator("iframe").get_by_role("link", name="publish_marts").click()

    page.wait_for_url("**/dags/publish_marts")
    shows(page, "h1", "The DAG publish_marts")
