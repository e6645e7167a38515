"""The pages of docs/runbooks as HTML: what red boxes and error messages point at."""

import re
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from include.settings import PROJECT_ROOT

RUNBOOKS = PROJECT_ROOT / "docs" / "runbooks"
PAGE_NAME = re.compile(r"[a-z0-9_]+")
RUNBOOK_LINK = re.compile(r"([a-z0-9_]+)\.md(#[\w-]+)?|#[\w-]+")


def runbook_names() -> list[str]:
    return sorted(path.stem for path in RUNBOOKS.glob("*.md"))


def title_of(name: str) -> str:
    """The first heading of a page."""
    with (RUNBOOKS / f"{name}.md").open(encoding="utf-8") as page:
        return page.readline().lstrip("# ").strip()


def runbook_html(name: str) -> str | None:
    """The page as HTML, its headings with the anchors GitHub gives them. None: there is no such page."""
    if not PAGE_NAME.fullmatch(name) or name not in runbook_names():
        return None
    # HTML in a page is shown, not obeyed.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse((RUNBOOKS / f"{name}.md").read_text(encoding="utf-8"))
    _give_anchors(tokens)
    _lead_links(tokens)
    return str(parser.renderer.render(tokens, parser.options, {}))


def index_html() -> str:
    """A list of every page."""
    lines = (f'<li><a href="runbooks/{name}">{escape(title_of(name))}</a></li>' for name in runbook_names())
    return f"<h1>Runbooks</h1><ul>{''.join(lines)}</ul>"


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _give_anchors(tokens: Sequence[Token]) -> None:
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(content.content))


def _lead_links(tokens: Sequence[Token]) -> None:
    """Links between runbooks lead to the served pages; what lies elsewhere is only named."""
    for token in tokens:
        for child in token.children or ():
            target = str(child.attrGet("href") or "")
            if child.type != "link_open" or "://" in target:
                continue
            if RUNBOOK_LINK.fullmatch(target):
                child.attrSet("href", target.replace(".md", ""))
            else:
                child.attrs = {"title": target}
