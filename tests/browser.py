"""A headless Chromium for tests that look at pages. As root on Debian it is installed where it is missing."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

from stack.bootstrap import BootstrapError, apt_install

LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
# A page asks every five seconds; the machine may be busy.
WITHIN_MS = 30_000
# The fixture `opened`: an address, then viewport and dark by name.
Opening = Callable[..., Page]
PACKAGE = "chromium"
# Nothing but the pages: no updates, no reports, no second network stack; root has no sandbox.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_binary() -> str:
    """
    Raises:
        AssertionError: there is none and it could not be installed: the test fails, it is not skipped.
    """
    found = shutil.which(PACKAGE)
    if found is None:
        try:
            apt_install(PACKAGE, why="a browser for the tests of the pages")
        except BootstrapError as error:
            raise AssertionError(f"Looking for {PACKAGE}: {error} No page was looked at.") from error
        found = shutil.which(PACKAGE)
    assert found, f"{PACKAGE} was installed and is not on the PATH: no page was looked at"
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_binary(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def shows(page: Page, selector: str, text: str | re.Pattern[str]) -> None:
    expect(page.locator(selector)).to_contain_text(text, timeout=WITHIN_MS)
