"""All thirteen invariants of one stack."""

from collections.abc import Callable
from contextlib import closing

from include.reconcile.run import ends_of
from include.sales_db import connect
from include.settings import Settings
from stack.invariants.finding import NAMES, Finding, judged
from stack.invariants.layers import findings_of, read_cut
from stack.invariants.leaks import secrets_kept
from stack.invariants.payload import payload_faithful, read_bronze, read_topic
from stack.invariants.pollers import History, MartsReader
from stack.invariants.repeats import (
    as_published,
    publish_everything,
    rebuild_equals_stream,
    twice_is_once,
)
from stack.invariants.stream import alive, nothing_silent
from stack.layout import RunFolder

Tell = Callable[[str], None]


def seen(invariant: str, judge: Callable[[], Finding]) -> Finding:
    """What `judge` finds; that it could not look is a violation like any other."""
    try:
        return judge()
    except Exception as error:
        return judged(invariant, {}, [f"could not be looked at: {error!r}"])


class Checker:
    """
    Watches from `start` on, and judges at the end.

    Args:
        tell: hears what is looked at.
    """

    def __init__(self, settings: Settings, tell: Tell) -> None:
        self._settings, self._tell = settings, tell
        self._reader = MartsReader(settings.postgres)
        self._history = History(settings.postgres, settings.lake.root)

    def start(self) -> None:
        self._reader.start()
        self._history.start()

    def stop(self) -> None:
        self._reader.stop()
        self._history.stop()

    def findings(
        self,
        *,
        is_final: bool,
        caught_up_after: float | None = None,
        before_rebuild: Callable[[], None] = lambda: None,
    ) -> list[Finding]:
        """
        Judge everything, in the order of the invariants.

        Args:
            is_final: nothing is on its way. Then every hour is published, twice, and the layers must agree to
                the last order; else they are compared at the last closed batch, and nothing is published.
            before_rebuild: called when the stream is not needed any more.

        Raises:
            LakehouseError: something could not be looked at.
        """
        settings, folder = self._settings, RunFolder(self._settings.run_dir)
        found = [seen("I8", self._published_twice if is_final else self._as_published)]
        self._tell("Reading the topic, and every layer at one cut")
        topic, cut = read_topic(settings.kafka), read_cut(settings, is_final=is_final)
        found += findings_of(cut)
        ends = ends_of(cut.database)
        found.append(
            seen("I2", lambda: payload_faithful(topic.digests, read_bronze(settings.lake.root), ends))
        )
        found.append(seen("I11", lambda: alive(settings, caught_up_after)))
        found.append(seen("I12", lambda: nothing_silent(cut.lake.rejected, settings.lake.root)))
        self._tell("Searching for e-mails and passwords")
        found.append(seen("I13", lambda: secrets_kept(settings, folder, topic.emails)))
        self.stop()
        found += [self._reader.finding(), self._history.finding()]
        before_rebuild()
        self._tell("Rebuilding silver and gold from bronze")
        found.append(seen("I7", lambda: rebuild_equals_stream(folder)))
        return sorted(found, key=lambda finding: list(NAMES).index(finding.invariant))

    def _published_twice(self) -> Finding:
        self._tell("Publishing every hour, twice")
        with closing(
            connect(self._settings.postgres, application_name="saleslake invariants", autocommit=True)
        ) as connection:
            publish_everything(connection, self._settings, "invariants")
            return twice_is_once(connection, self._settings)

    def _as_published(self) -> Finding:
        with closing(
            connect(self._settings.postgres, application_name="saleslake invariants", autocommit=True)
        ) as connection:
            return as_published(connection)
