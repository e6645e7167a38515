"""The pages over HTTP: the login, the files, and what is said when something is away."""

from pathlib import Path

import httpx
import pytest

from include.settings import Settings
from tests.pages import Pages, serving

pytestmark = pytest.mark.stack

PATHS = ("sales", "streams", "runbooks", "runbooks/publish_marts", "api/sales", "api/streams", "api/rejected",
         "static/style.css", "static/vendor/uPlot.iife.min.js", "data-docs/", "data-docs/x.html")  # fmt: skip


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False, timeout=30)


def test_nobody_sees_anything_without_a_login(airflow_home: Path, settings: Settings) -> None:
    """Airflow's own check of cookie and token stands before every path, also before one that is not there."""
    with serving(settings, is_logged_in=False) as pages:
        answers = {path: get(pages[path]).status_code for path in PATHS}
        page = get(pages["sales"], accept="text/html")

    assert answers == dict.fromkeys(PATHS, 401)
    assert page.status_code == 401
    assert "Log in to Airflow" in page.text


def test_whoever_is_logged_in_gets_every_page(pages: Pages) -> None:
    """Nothing in a page comes from elsewhere or runs from the page itself."""
    answers = {path: get(pages[path]) for path in PATHS if path != "data-docs/x.html"}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    policies = {answer.headers["content-security-policy"] for answer in answers.values()}
    assert len(policies) == 1
    assert "default-src 'none'; script-src 'self';" in policies.pop()


@pytest.mark.parametrize(
    "path",
    ["static/../../../pyproject.toml", "static/%2e%2e/saleslake_pages.py", "static/..%2f..%2fREADME.md",
     "data-docs/../settings.json", "data-docs/%2e%2e/secret", "data-docs/..%2fsecret", "data-docs/link",
     "runbooks/..%2f..%2fREADME", "runbooks/nothing"],
)  # fmt: skip
def test_no_path_leads_out_of_the_folders(pages: Pages, path: str) -> None:
    """Neither dots, however written, nor a link that lies in the folder."""
    folder = pages.settings.run_dir / "data_docs"
    folder.mkdir()
    (folder / "index.html").write_text("reports")
    secret = pages.settings.run_dir / "secret"
    secret.write_text("secret")
    (folder / "link").symlink_to(secret)
    target = httpx.URL(pages.url).copy_with(raw_path=f"/saleslake/{path}".encode())

    answer = httpx.get(target, trust_env=False, timeout=30)

    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_reports_are_served_and_may_run_nothing(pages: Pages) -> None:
    """Their links work; scripts in them, or in the values they show, do not."""
    folder = pages.settings.run_dir / "data_docs"
    (folder / "suites").mkdir(parents=True)
    (folder / "index.html").write_text("<a href='suites/orders.html'>orders</a>")
    (folder / "suites" / "orders.html").write_text("<p>silver.orders</p>")

    index, suite = get(pages["data-docs/"]), get(pages["data-docs/suites/orders.html"])

    assert "suites/orders.html" in index.text
    assert suite.text == "<p>silver.orders</p>"
    assert "script-src" not in suite.headers["content-security-policy"]
    assert suite.headers["content-security-policy"].startswith("default-src 'none'")


def test_an_empty_folder_of_reports_explains_itself(pages: Pages) -> None:
    """With the folder missing, and with nothing in it."""
    missing = get(pages["data-docs/"]).text
    (pages.settings.run_dir / "data_docs").mkdir()

    assert "There are none yet" in missing
    assert get(pages["data-docs/"]).text == missing


@pytest.mark.parametrize("path", ["api/sales", "api/streams"])
def test_a_database_that_is_away_is_said_in_words(pages: Pages, path: str) -> None:
    """What was read, what was found, what is still true, what to do."""
    away = pages.settings.postgres.model_copy(update={"port": 1})
    pages.settings = pages.settings.model_copy(update={"postgres": away})

    answer = get(pages[path])

    assert answer.status_code == 503
    assert "`saleslake status` shows which part is down" in answer.json()["detail"]


def test_a_window_that_is_not_offered_is_refused(pages: Pages) -> None:
    """A request for years of minutes would cost everybody."""
    answer = get(pages["api/sales?hours=9000"])

    assert answer.status_code == 422
    assert "1, 3, 6, 24" in answer.json()["detail"]


def test_nothing_rejected_is_not_a_failure(pages: Pages) -> None:
    """Before the first rejected record there is no table."""
    answer = get(pages["api/rejected"]).json()

    assert (answer["records"], answer["by_reason"]) == (0, [])
