"""
What Data Docs' pages need to be read behind Airflow's login: nothing is loaded from elsewhere, nothing in
them runs, and what Great Expectations would list with a script is a page of its own.
"""

import html
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from include.quality.audit import Page

ELSEWHERE = re.compile(
    r'<link[^>]*href="https?:[^>]*>|<img[^>]*src="https?:[^>]*>|<script.*?</script>|<footer>.*?</footer>',
    re.DOTALL,
)
# Signs of a font that is not there, as words.
ICONS = (
    (re.compile(r'<i class="fas fa-check-circle[^>]*></i>'), '<span class="text-success">passed</span>'),
    (
        re.compile(r'<i class="fas fa-(?:times|exclamation)[^>]*></i>'),
        '<strong class="text-danger">failed</strong>',
    ),
    (re.compile(r"<i class[^>]*>\s*</i>"), ""),
)
# Where the pages are served, this is the style sheet that their markup was written for, beside the folder.
STYLE = "static/vendor/bootstrap.min.css"
LIST = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="{style}"></head>
<body class="container py-4"><h1 class="h3">{title}</h1><p>{lead}</p>
<table class="table table-sm"><tr>{heads}</tr>
{rows}
</table></body></html>
"""


def settle(site: Path, root: Path) -> None:
    """Make the pages below `site` ones that load and run nothing. `root` is the folder that is served."""
    for file in site.rglob("*.html"):
        text = ELSEWHERE.sub("", file.read_text(encoding="utf-8"))
        for icon, word in ICONS:
            text = icon.sub(word, text)
        style = f'<link rel="stylesheet" href="{_up(file, root)}{STYLE}">'
        file.write_text(text.replace("<head>", f"<head>{style}", 1), encoding="utf-8")
    # Megabytes in every run: fonts, and pictures of how to begin.
    for pattern in ("*.otf", "*.gif"):
        for file in (site / "static").rglob(pattern):
            file.unlink()


def _up(file: Path, root: Path) -> str:
    """From a page to what lies beside the served folder."""
    return "../" * len(file.relative_to(root).parts)


def list_of_pages(site: Path, name: str, pages: Iterable[Page]) -> str:
    """The run's first page: every table that was looked at, what failed first."""
    failed = {(p.result.suite_name, hours_name(p.hours)) for p in pages if not p.result.success}
    files = {(f.relative_to(site).parts[1], f.stem): f for f in site.glob("validations/**/*.html")}
    rows = [
        (
            f'<a href="{quote(files[key].relative_to(site).as_posix())}">{html.escape(key[0])}</a>',
            html.escape(key[1]),
            "<strong>failed</strong>" if key in failed else "passed",
            f'<a href="expectations/{quote(key[0])}.html">what is expected, and why</a>',
        )
        for key in sorted(files, key=lambda key: (key not in failed, key))
    ]
    lead = "What the quality gates looked at in this run. <a href='../index.html'>All runs</a>"
    return list_page(name, lead, ("table", "hours (UTC)", "verdict", "suite"), rows, up="../../")


def hours_name(hours: Sequence[datetime]) -> str:
    first, last = min(hours), max(hours)
    name = f"{first:%Y-%m-%dT%HZ}"
    return name if first == last else f"{name}-to-{last:%Y-%m-%dT%HZ}"


def list_page(title: str, lead: str, heads: Iterable[str], rows: Iterable[Iterable[str]], *, up: str) -> str:
    """Cells and `lead` are markup."""
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return LIST.format(
        title=html.escape(title),
        style=f"{up}{STYLE}",
        lead=lead,
        heads="".join(f"<th>{head}</th>" for head in heads),
        rows="\n".join(f"<tr>{line}</tr>" for line in lines),
    )
