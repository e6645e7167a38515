"""I7 and I8: what is done again, from bronze or by another publish, comes out the same."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from include.publish.content import Content, content
from include.publish.marts import MARTS
from include.publish.request import Request
from include.publish.run import publish
from include.settings import PROJECT_ROOT, Settings
from stack.invariants.finding import Finding, judged
from stack.layout import RunFolder
from stack.supervisor import environment

SQL = Path(__file__).with_name("sql")
EQUAL = re.compile(r"^([a-z]+\.\w+): equal(?:, ([\d,]+) rows)?$", re.MULTILINE)
# Spark puts whole plans into a line.
MAX_WORDS = 400
Contents = dict[tuple[str, datetime], Content]  # by mart and hour


def rebuild_equals_stream(folder: RunFolder) -> Finding:
    """Silver and gold made anew from bronze by a Spark job of its own, in the shadow, and compared."""
    command = [sys.executable, "-m", "spark.batch.rebuild_lake", "--check"]
    done = subprocess.run(  # noqa: S603
        command, env=environment(folder), cwd=PROJECT_ROOT, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return judge_rebuild(done.stdout, done.returncode)


def judge_rebuild(said: str, code: int) -> Finding:
    """From what the job said, a line per table, and its exit code."""
    equal = EQUAL.findall(said)
    rows = sum(int(count.replace(",", "")) for _, count in equal if count)
    counts = {"tables that are equal": len(equal), "rows": rows}
    return judged("I7", counts, _other_lines(said) if code else [])


def _other_lines(said: str) -> Iterable[str]:
    """The lines that name a difference; of a job that died, its last words."""
    differing = re.findall(r"^[a-z]+\.\w+: (?!equal).+$", said, re.MULTILINE)
    last = said.strip().splitlines()[-1:]
    return differing or [f"the rebuild did not end well: {line[:MAX_WORDS]}" for line in last]


def publish_everything(connection: psycopg.Connection, settings: Settings, run_id: str) -> None:
    """
    Every hour that changed is published, also the one that is still open.

    Raises:
        PublishError: an hour was not.
    """
    request = Request(run_id, changed="all")
    publish(connection, settings.lake.root, settings.publish, request).raise_for_failures()


def twice_is_once(connection: psycopg.Connection, settings: Settings) -> Finding:
    """Publish every hour once more, by name: contents are what they were, and no version says nothing new."""
    before = contents(connection)
    request = Request("invariant I8", hours=sorted({hour for _, hour in before}))
    publish(connection, settings.lake.root, settings.publish, request).raise_for_failures()
    problems = [*differences(before, contents(connection)), *unlisted(connection), *idle_versions(connection)]
    return judged("I8", {"hours of marts": len(before)}, problems)


def as_published(connection: psycopg.Connection) -> Finding:
    """Where orders stream, a second publish would find more: the marts hold what was published, at least."""
    problems = [*unlisted(connection), *idle_versions(connection)]
    return judged("I8", {"hours of marts": len(contents(connection))}, problems)


def contents(connection: psycopg.Connection) -> Contents:
    """What every mart holds for every published hour."""
    hours = connection.execute("select distinct hour_utc from marts.publications order by 1").fetchall()
    return {
        (mart.name, hour.astimezone(UTC)): content(connection, mart, hour)
        for (hour,) in hours
        for mart in MARTS
    }


def differences(before: Mapping[tuple[str, datetime], Content], after: Contents) -> Iterator[str]:
    for key in sorted({**before, **after}):
        if before.get(key) != after.get(key):
            mart, hour = key
            yield f"marts.{mart} of {hour:%Y-%m-%d %H:00}: {after.get(key)} instead of {before.get(key)}"


def unlisted(connection: psycopg.Connection) -> Iterator[str]:
    """Hours whose content is not the one that marts.current_publications lists."""
    rows = connection.execute(
        "select mart, hour_utc, row_count, amount_cents, content_hash from marts.current_publications"
    ).fetchall()
    listed = {(mart, hour.astimezone(UTC)): Content(*held) for mart, hour, *held in rows}
    found = {key: _comparable(held, listed.get(key)) for key, held in contents(connection).items()}
    return differences(listed, found)


def _comparable(found: Content, listed: Content | None) -> Content:
    """Hours that an older version published are listed with another hash: of these the sums must agree."""
    is_old = listed is not None and ":" not in listed.content_hash
    return found._replace(content_hash=listed.content_hash) if listed and is_old else found


def idle_versions(connection: psycopg.Connection) -> Iterator[str]:
    """Versions of an hour in which nothing differs from the version before: an hour was published in vain."""
    for hour, version in connection.execute((SQL / "idle_versions.sql").read_bytes()).fetchall():
        yield f"version {version} of {hour:%Y-%m-%d %H:00} differs from the one before in nothing"
