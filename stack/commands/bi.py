"""
Make and feed what BI tools read, from the metric contract of `bi/metrics.yml`.

  saleslake bi build       files for Tableau and Power BI, PostgreSQL's comments, docs/marts.md
  saleslake bi extract     a Tableau extract (.hyper) of the marts; again: only hours that changed are read
  saleslake bi metabase    database, questions and a dashboard in a running Metabase; again: mends

Each can be run again at any time. Exit code 1 when it failed, or `build --check` finds a file out of date.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from include.settings import get_settings

Report = Callable[[str, int, int], None]


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="build | extract | metabase")
    build = actions.add_parser("build", help="make the files of the metric contract")
    build.add_argument("--check", action="store_true", help="only say which files are not up to date")
    extract = actions.add_parser("extract", help="refresh the Tableau extract")
    extract.add_argument(
        "--folder", type=Path, metavar="DIR", help="where saleslake.hyper is (default: bi/ of the run folder)"
    )
    extract.add_argument("--detail", action="store_true", help="orders and their lines, too: a row for each")
    metabase = actions.add_parser("metabase", help="provision a running Metabase")
    metabase.add_argument("--url", required=True, help="of Metabase, e.g. http://127.0.0.1:3000")
    metabase.add_argument(
        "--credentials", type=Path, required=True, metavar="FILE",
        help='JSON {"username", "password"} or {"api_key"} of an administrator, mode 0600',
    )  # fmt: skip
    where = "of PostgreSQL, as Metabase's machine sees it (default: the stack's)"
    metabase.add_argument("--database-host", metavar="HOST", help=where)
    metabase.add_argument("--database-port", type=int, metavar="PORT", help=where)


def run(args: argparse.Namespace) -> int:
    return {"build": _build, "extract": _extract, "metabase": _metabase}[args.action](args)


def _build(args: argparse.Namespace) -> int:
    from bi.build import build, files, stale
    from bi.contract import contract

    known = contract()
    if args.check:
        late = list(stale(known))
        for file in late:
            print(f"{file} is not what bi/metrics.yml says: run `saleslake bi build`")
        if not late:
            print(f"all {len(files(known))} files are up to date")
        return 1 if late else 0
    changed = build(known)
    for path in changed:
        print(path)
    print(f"{len(changed)} of {len(files(known))} files were written anew")
    return 0


def _extract(args: argparse.Namespace) -> int:
    from bi.extracts.refresh import refresh

    settings = get_settings()
    folder = args.folder or settings.run_dir / "bi"
    with _bars() as report:
        done = refresh(settings.postgres, folder, detail=args.detail, report=report)
    print(
        f"{done.file}: {done.rows_read:,} rows of {done.hours_read:,} hours were read, {done.hours_kept:,}"
        f" hours were up to date, {done.hours_removed:,} are gone. Hours count for each mart."
    )
    return 0


@contextmanager
def _bars() -> Iterator[Report]:
    """A bar for each table on a terminal; a line for each in a log."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def report(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = progress.add_task(part, total=total)
            progress.update(tasks[part], completed=done, total=total)
            if done >= total and not console.is_terminal:
                print(f"  {part}: {total:,} rows", file=sys.stderr, flush=True)

        yield report


def _metabase(args: argparse.Namespace) -> int:
    from bi.metabase.connection import SalesDatabase
    from bi.metabase.provision import provision
    from include.errors import SetupError

    settings = get_settings()
    postgres = settings.postgres
    if postgres.passfile is None:
        raise SetupError(
            "Provisioning Metabase: the settings name no pass file, so the password of sales_reader is not"
            " known. Nothing was asked of Metabase. Start the stack with `saleslake up`, or set"
            " SALESLAKE_POSTGRES__PASSFILE to a file in libpq's format."
        )
    database = SalesDatabase(
        args.database_host or postgres.host,
        args.database_port or postgres.port,
        postgres.database,
        postgres.passfile,
    )
    done = provision(
        args.url, args.credentials, database, lambda line: print(f"  {line}", file=sys.stderr, flush=True),
        currency=settings.lake.reporting_currency,
    )  # fmt: skip
    print(done)
    return 0
