"""
How long do the pages in Airflow take to open, and to refresh?

    python -m bench.pages --run-dir .run --times 10

Against a running stack, in a headless Chromium, logged in as the stack's user: each page opened anew, until
its first numbers stand there; then how long each later answer took. Prints JSON, in milliseconds.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from include.settings import get_settings, use_run_dir

# Page, and what of it is filled last.
PAGES = {"sales": "#top-products tbody tr", "streams": "#dags tbody tr"}
WATCHED_SECONDS = 20
FETCHES = """
() => performance.getEntriesByType("resource").filter(one => one.initiatorType === "fetch")
    .map(one => one.duration)
"""


def log_in(page: Page, url: str, credentials: Path) -> None:
    user = json.loads(credentials.read_text(encoding="utf-8"))
    page.goto(url)
    page.fill("input[name=username]", user["username"])
    page.fill("input[name=password]", user["password"])
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Sales", exact=True).first.wait_for()


def opened(page: Page, address: str, last: str) -> float:
    began = monotonic()
    page.goto(address)
    expect(page.locator(last).first).to_be_visible(timeout=60_000)
    return 1000 * (monotonic() - began)


def refreshed(page: Page) -> list[float]:
    """What the page's own questions took, but for the first ones."""
    before = len(page.evaluate(FETCHES))
    page.wait_for_timeout(1000 * WATCHED_SECONDS)
    return list(page.evaluate(FETCHES)[before:])


def measure(page: Page, url: str, times: int) -> dict[str, Any]:
    found = {}
    for name, last in PAGES.items():
        loads = [opened(page, f"{url}/saleslake/{name}", last) for _ in range(times)]
        found[name] = {"load": spread(loads), "refresh": spread(refreshed(page))}
    return found


def spread(values: list[float]) -> dict[str, int]:
    return {"median": round(median(values)), "max": round(max(values)), "times": len(values)}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="bench.pages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run-dir", type=Path, default=Path(".run"), metavar="DIR", help="the stack's (.run)"
    )
    parser.add_argument("--times", type=int, default=10, help="how often each page is opened (10)")
    args = parser.parse_args(argv)
    use_run_dir(args.run_dir.resolve())
    airflow = get_settings().airflow
    if airflow.credentials_file is None or not airflow.credentials_file.is_file():
        parser.error(f"{args.run_dir} has no credentials for Airflow: `saleslake up` makes them")
    binary = shutil.which("chromium")
    if binary is None:
        parser.error("there is no chromium on the PATH: install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(60_000)
        log_in(page, airflow.url, airflow.credentials_file)
        print(json.dumps(measure(page, airflow.url, args.times), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
