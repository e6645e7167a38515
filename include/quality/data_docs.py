"""The pages of a run: Great Expectations' Data Docs, a folder per run and an index over the runs."""

import html
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import great_expectations as gx
from great_expectations.core import RunIdentifier
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from include.quality.audit import Page
from include.quality.docs_pages import hours_name, list_of_pages, list_page, settle
from include.quality.suites import read_suite
from include.quality.tables import CHECKED

# A page takes a tenth of a second: the most telling ones are made.
MAX_PAGES = 40


def build(root: Path, name: str, pages: Sequence[Page], *, kept_runs: int) -> Path:
    """
    Make the pages of a run in the folder `name`; returns it. Readers see the whole of it or nothing. Twice is
    once: the run's earlier pages make room.
    """
    root.mkdir(parents=True, exist_ok=True)
    target = root / name
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=root))
    try:
        _site(making, name, pages)
        making.chmod(0o755)
        _swap(making, target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    _prune(root, kept_runs)
    _write_index(root)
    return target


def _swap(made: Path, target: Path) -> None:
    """A folder that is there cannot be replaced in one step: it steps aside first."""
    if target.exists():
        aside = Path(tempfile.mkdtemp(prefix=".old-", dir=target.parent))
        target.rename(aside / target.name)
        made.rename(target)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        made.rename(target)


def _site(folder: Path, name: str, pages: Sequence[Page]) -> None:
    context = gx.get_context(mode="ephemeral")
    site: Any = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.add_data_docs_site("run", site)
    run = RunIdentifier(run_name=name, run_time=datetime.now(UTC))
    # What failed first, then what is newest.
    telling = sorted(pages, key=lambda page: (bool(page.result.success), -max(page.hours).timestamp()))
    for page in telling[:MAX_PAGES]:
        key = ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(page.result.suite_name),
            run_id=run,
            batch_identifier=hours_name(page.hours),
        )
        context.validation_results_store.set(key, page.result)
    for table in CHECKED:
        if table.suite in {page.result.suite_name for page in telling}:
            expected = [one.as_json() for one in read_suite(table).expectations]
            context.suites.add(gx.ExpectationSuite(name=table.suite, expectations=expected))
    context.build_data_docs()
    settle(folder, folder.parent)
    (folder / "index.html").write_text(list_of_pages(folder, name, telling[:MAX_PAGES]), encoding="utf-8")


def _prune(root: Path, kept_runs: int) -> None:
    for folder in _runs(root)[kept_runs:]:
        shutil.rmtree(folder, ignore_errors=True)


def _runs(root: Path) -> list[Path]:
    """The runs' folders, newest first."""
    folders = [one for one in root.iterdir() if one.is_dir() and not one.name.startswith(".")]
    return sorted(folders, key=lambda one: (one.stat().st_mtime, one.name), reverse=True)


def _write_index(root: Path) -> None:
    rows = [
        (
            f'<a href="{quote(run.name)}/index.html">{html.escape(run.name)}</a>',
            f"{datetime.fromtimestamp(run.stat().st_mtime, UTC):%Y-%m-%d %H:%M:%S}",
        )
        for run in _runs(root)
    ]
    page = list_page(
        "Data Docs",
        "What the quality gates looked at, newest run first.",
        ("run", "when (UTC)"),
        rows,
        up="../",
    )
    with tempfile.NamedTemporaryFile("w", dir=root, delete=False, encoding="utf-8") as file:
        file.write(page)
    Path(file.name).chmod(0o644)
    Path(file.name).rename(root / "index.html")
