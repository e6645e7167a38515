"""Every file that is made from the metric contract, by its place in the project."""

from collections.abc import Iterator
from pathlib import Path

from bi import comments, marts_page
from bi.contract import Contract
from bi.power_bi import project
from bi.tableau import workbook
from include.settings import PROJECT_ROOT


def files(contract: Contract) -> dict[Path, str]:
    """Texts by path, relative to the project's root."""
    tools = {**workbook.files(contract), **project.files(contract)}
    return {
        Path("docs/marts.md"): marts_page.page(contract),
        Path("sql/schema/comments.sql"): comments.statements(contract),
        **{Path("bi") / path: text for path, text in tools.items()},
    }


def stale(contract: Contract, root: Path = PROJECT_ROOT) -> Iterator[Path]:
    """Those that differ from what is there, or are not there."""
    for path, text in files(contract).items():
        there = root / path
        if not there.is_file() or there.read_bytes() != text.encode():
            yield path


def build(contract: Contract, root: Path = PROJECT_ROOT) -> list[Path]:
    """Write those that differ; returns them. Twice changes nothing."""
    made = files(contract)
    changed = list(stale(contract, root))
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(made[path].encode())
    return changed
