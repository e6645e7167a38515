"""The pages of the plugin: nothing from the network, nothing unpinned, nothing that becomes markup."""

import hashlib
import re
from pathlib import Path

import pytest

from include.pages.runbooks import runbook_html, runbook_names
from include.pages.streams import LISTS
from include.settings import PROJECT_ROOT

PAGES = PROJECT_ROOT / "plugins" / "pages"
VENDOR = PAGES / "vendor"
OURS = sorted(path for path in PAGES.iterdir() if path.suffix in (".html", ".js", ".css"))
ELSEWHERE = re.compile(r"(?:src|href|url|import|from|fetch)[\s=(:]*[\"'`]?(?:https?:)?//")
# These make markup of data; styles and scripts in a page itself are forbidden by its policy.
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    r"|createContextualFragment"
)
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=[\"']")
MAX_LINES = 250


def locked() -> dict[str, str]:
    """SHA-256 by file."""
    lines = (PAGES / "vendor.lock").read_text(encoding="utf-8").splitlines()
    fields = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: sha256 for _, _, _, name, sha256 in fields}


def test_what_is_shipped_of_others_is_what_was_locked() -> None:
    """Take a new version unchanged from its package, then write version and SHA-256 into vendor.lock."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir()}
    assert found == locked()


def test_what_is_shipped_of_others_has_its_licence() -> None:
    """A licence that asks for its text to come along gets it."""
    assert any(name.endswith(".LICENSE") for name in locked())


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_page_loads_nothing_from_elsewhere(path: Path) -> None:
    """It works without the internet, and nobody else sees who looks: put the file into plugins/pages."""
    found = ELSEWHERE.findall(text_of(path))
    assert not found, f"{path}: {found}"


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_data_cannot_become_markup(path: Path) -> None:
    """Use el() and textContent of dom.js; scripts and styles stand in files of their own."""
    text = text_of(path)
    found = MARKUP.findall(text) + (INLINE.findall(text) if path.suffix == ".html" else [])
    assert not found, f"{path}: {found}"


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_file_of_the_pages_stays_readable(path: Path) -> None:
    """Whoever opens a file should be able to keep it in mind."""
    assert len(text_of(path).splitlines()) <= MAX_LINES


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.html")), ids=lambda path: path.name)
def test_what_a_page_names_is_there(path: Path) -> None:
    """Scripts, styles and pictures."""
    named = re.findall(r"(?:\$up/)?static/([\w./-]+)", text_of(path))
    missing = [name for name in named if not (PAGES / name).is_file()]
    assert named
    assert not missing


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_the_page_streams_is_shown(name: str) -> None:
    """Read by include/pages/sql/<name>.sql, shown by lists.js, or by streams.js where it is no plain list."""
    assert (PROJECT_ROOT / "include" / "pages" / "sql" / f"{name}.sql").is_file()
    scripts = text_of(PAGES / "lists.js") + text_of(PAGES / "streams.js")
    assert re.search(rf'name: "{name}"|next\.{name}\b', scripts)


@pytest.mark.parametrize("name", runbook_names())
def test_every_runbook_can_be_served(name: str) -> None:
    """With an anchor for each heading, and no Markdown left over."""
    html = runbook_html(name)
    assert html is not None
    assert html.count("<h2 id=") == html.count("<h2") > 0
    assert ".md" not in "".join(re.findall(r'href="([^"]*)"', html))
    assert "|---" not in html
