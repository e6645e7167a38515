"""The frame around pages that are text: runbooks, explanations, refusals."""

from html import escape
from string import Template

from include.settings import PROJECT_ROOT

PAGES = PROJECT_ROOT / "plugins" / "pages"
NO_REPORTS = (
    "<h1>Quality reports</h1>"
    "<p>There are none yet. The quality checks write a report here each time they run; the folder"
    " <code>data_docs</code> in the run folder is empty, so none has run so far.</p>"
    "<p>In Airflow, trigger the DAG that checks quality, and load this page again when its run is over.</p>"
)
LOGGED_OUT = (
    "<h1>Not logged in</h1><p>This page is behind Airflow's login. Log in to Airflow in this browser, then"
    " load the page again.</p>"
)


def page(title: str, content: str, *, up: str) -> str:
    """
    Args:
        content: HTML.
        up: the relative way from the page to where `static` lies.
    """
    frame = Template((PAGES / "text.html").read_text(encoding="utf-8"))
    return frame.substitute(title=escape(title), content=content, up=up)


def refusal(status: int, detail: str) -> str:
    """A page without styles: they are behind the login."""
    text = LOGGED_OUT if status == 401 else f"<h1>{status}</h1><p>{escape(detail)}</p>"
    return f"<!doctype html><html lang='en'><title>Saleslake</title><body>{text}</body></html>"
