"""The project's own Python files, parsed: what the policy tests look at."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from include.settings import PROJECT_ROOT

CODE = ("bench", "bi", "dags", "include", "lake", "plugins", "simulator", "spark", "stack")
PACKAGES = (*CODE, "tests")


@dataclass(frozen=True)
class Source:
    """One Python file. `place` is its path under the project's root."""

    path: Path

    @property
    def place(self) -> str:
        return self.path.relative_to(PROJECT_ROOT).as_posix()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), self.place)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of all that is imported, wherever: `a.b.c` for `from a.b import c`."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node)
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)

    def _absolute(self, node: ast.ImportFrom) -> str:
        package = self.path.relative_to(PROJECT_ROOT).parent.parts
        above = package[: len(package) - node.level + 1] if node.level else ()
        return ".".join([*above, *filter(None, [node.module])])

    def texts(self) -> Iterator[tuple[int, str]]:
        """Line and text of every string; the values put into an f-string stand as `…`."""
        inner = {id(part) for node in self.nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in self.nodes:
            if isinstance(node, ast.JoinedStr):
                yield node.lineno, "".join(map(_piece, node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
                yield node.lineno, node.value


def _piece(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "…"


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file under the folders, by name; all packages when none is named."""
    roots = (PROJECT_ROOT / folder for folder in folders or PACKAGES)
    paths = {path for root in roots for path in root.rglob("*.py") if _is_ours(path)}
    return tuple(map(Source, sorted(paths)))


def _is_ours(path: Path) -> bool:
    return not path.is_relative_to(PROJECT_ROOT / "lake" / "data")
