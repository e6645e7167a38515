"""Everything of Saleslake in one Metabase: connection, texts of the marts, questions and the dashboard."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bi.contract import Contract, contract
from bi.metabase.cards import cards
from bi.metabase.collection import ensure_cards, ensure_collection
from bi.metabase.connection import SalesDatabase, ensure_connection
from bi.metabase.dashboard import ensure_dashboard
from bi.metabase.keeping import Tally
from bi.metabase.secret_files import Credentials
from bi.metabase.session import signed_in
from bi.metabase.tables import describe_tables, wait_for_tables


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a run did: how many things it made, put right and found as they should be; the dashboard's URL."""

    made: int
    changed: int
    unchanged: int
    dashboard: str

    def __str__(self) -> str:
        counts = f"{self.made} made, {self.changed} put right, {self.unchanged} unchanged"
        return f"{counts}. Dashboard: {self.dashboard}"


def provision(
    url: str,
    credentials_file: Path,
    database: SalesDatabase,
    tell: Callable[[str], None],
    *,
    currency: str = "USD",
    metrics: Contract | None = None,
) -> Provisioned:
    """
    Metabase at `url` shows what the metric contract says. Twice is once: nothing is doubled, what differs is
    put right, what people added themselves stays.

    Args:
        credentials_file: JSON {"username", "password"} or {"api_key"} of an administrator, mode 0600.
        database: where Metabase's machine finds the database `sales`.
        tell: hears what is made or put right, and how far a sync is.
        currency: ISO code of every amount: the lake's reporting currency.
        metrics: another contract than the project's.

    Raises:
        SettingsError: a file is not as it should be; nothing was asked.
        MetabaseError: Metabase cannot be reached, is too old, refuses, or does not finish its sync.
    """
    known = metrics or contract()
    wanted = cards(known, currency)
    tally = Tally(tell)
    with signed_in(url, Credentials.read(credentials_file), tell) as metabase:
        number = ensure_connection(metabase, database, tally)
        describe_tables(metabase, known, wait_for_tables(metabase, number, known, tell), tally)
        collection = ensure_collection(metabase, tally)
        ids = ensure_cards(metabase, number, collection, wanted, tally)
        dashboard = ensure_dashboard(metabase, collection, wanted, ids, tally)
    return Provisioned(tally.made, tally.changed, tally.unchanged, dashboard)
