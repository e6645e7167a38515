"""Makes the edits that a page shows as diffs, in another copy of the project."""

import re
import shutil
from pathlib import Path

from include.settings import PROJECT_ROOT

BLOCK = re.compile(r"^```diff\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_COPIED = (".git", ".venv", ".run", ".jars", ".tools", ".bench", "__pycache__", ".*_cache")


def copy_of_project(folder: Path) -> Path:
    """The code as it is here, without what it has made: data, logs, caches."""
    data = PROJECT_ROOT / "lake" / "data"
    patterns = shutil.ignore_patterns(*NOT_COPIED)

    def ignored(place: str, names: list[str]) -> set[str]:
        return patterns(place, names) | {name for name in names if Path(place, name) == data}

    shutil.copytree(PROJECT_ROOT, folder, ignore=ignored)
    (folder / ".jars").symlink_to((PROJECT_ROOT / ".jars").resolve())
    return folder


def make_documented_edits(page: Path, project: Path) -> list[str]:
    """
    Apply every diff of the page to `project`; returns the files. What a diff takes away must be there once.

    A new migration's `NNN` becomes the next number.
    """
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [_apply(block, project) for block in blocks]


def _apply(diff: str, project: Path) -> str:
    head, *hunks = re.split(r"^@@.*\n", diff, flags=re.MULTILINE)
    name = head.splitlines()[1].removeprefix("+++ b/").replace("NNN", _next_migration(project))
    file = project / name
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    for hunk in hunks:
        old, new = _side(hunk, "-"), _side(hunk, "+")
        assert text.count(old) == 1 or not text, f"{name} has this {text.count(old)} times:\n{old}"
        text = text.replace(old, new) if old else text + new
    file.write_text(text, encoding="utf-8")
    return name


def _side(hunk: str, sign: str) -> str:
    """The lines before (`-`) or after (`+`) the edit."""
    kept = [line[1:] for line in hunk.splitlines() if line[:1] in (" ", sign) or not line]
    return "\n".join(kept) + "\n" if kept else ""


def _next_migration(project: Path) -> str:
    names = (file.name for file in (project / "sql" / "schema").glob("[0-9]*.sql"))
    return f"{max(int(name[:3]) for name in names) + 1:03}"
