"""Progress for people: a line that moves on a terminal, one line per change in a log."""

from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table


class PartsProgress:
    """One row per part: what it waits for, or that it is there. Use it as the `report` of the lifecycle."""

    def __init__(self, console: Console, *, done: str = "healthy") -> None:
        self._console, self._done = console, done
        self._rows: dict[str, str | None] = {}
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4)

    def __enter__(self) -> "PartsProgress":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __call__(self, part: str, waiting_for: str | None) -> None:
        changed = part not in self._rows or self._rows[part] != waiting_for
        self._rows[part] = waiting_for
        if changed and not self._console.is_terminal and waiting_for is None:
            self._console.print(f"  {part}: {self._done}", highlight=False)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for part, waiting_for in self._rows.items():
            mark = "[green]✔[/]" if waiting_for is None else "[yellow]…[/]"
            table.add_row(f"  {mark}", part, f"[dim]{waiting_for or self._done}[/]")
        return table
