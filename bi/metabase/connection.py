"""Metabase's connection to the database `sales`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bi.metabase.api import Metabase
from bi.metabase.errors import MetabaseError
from bi.metabase.keeping import Tally, described, holds, merged, ours
from bi.metabase.secret_files import password_of

NAME = "Saleslake"
ENGINE = "postgres"
DESCRIPTION = described("Sales marts and the live view of Saleslake, read only.")
SCHEMAS = ("marts", "live")


@dataclass(frozen=True, slots=True)
class SalesDatabase:
    """Where Metabase finds the database `sales`: host and port as its machine sees them."""

    host: str
    port: int
    name: str
    passfile: Path
    user: str = "sales_reader"

    def details(self) -> dict[str, Any]:
        """Metabase's connection details, without the password."""
        return {
            "host": self.host,
            "port": self.port,
            "dbname": self.name,
            "user": self.user,
            "schema-filters-type": "inclusion",
            "schema-filters-patterns": ",".join(SCHEMAS),
            # Else Metabase makes a column of every key it meets in a jsonb column.
            "advanced-options": True,
            "json-unfolding": False,
        }


def ensure_connection(metabase: Metabase, database: SalesDatabase, tally: Tally) -> int:
    """
    Metabase has the connection 'Saleslake' as `database` says. Returns its id. Twice changes nothing.

    Raises:
        MetabaseError: Metabase cannot reach PostgreSQL there, among others.
    """
    password = password_of(database.passfile, database.user, database.name).get_secret_value()
    metabase.keep_secret(password)
    details = {**database.details(), "password": password}
    rows = metabase.get("/api/database")
    found = ours((row for row in rows["data"] if row.get("engine") == ENGINE), NAME)
    try:
        if found is None:
            return _make(metabase, details, tally)
        _put_right(metabase, int(found["id"]), database, details, tally)
    except MetabaseError as error:
        if error.status != 400:
            raise
        raise MetabaseError(
            f"Connecting Metabase to {database.user}@{database.host}:{database.port}/{database.name}: {error}"
            " Metabase itself opens the connection: host and port must be right on its machine"
            " (--database-host, --database-port).",
            error.status,
        ) from None
    return int(found["id"])


def _make(metabase: Metabase, details: dict[str, Any], tally: Tally) -> int:
    body = {
        "name": NAME,
        "engine": ENGINE,
        "details": details,
        "is_full_sync": True,
        "auto_run_queries": True,
    }
    number = int(metabase.post("/api/database", body)["id"])
    # A new one takes no description.
    metabase.put(f"/api/database/{number}", {"description": DESCRIPTION})
    tally.is_made(f"the connection {NAME}")
    return number


def _put_right(
    metabase: Metabase, number: int, database: SalesDatabase, details: dict[str, Any], tally: Tally
) -> None:
    path = f"/api/database/{number}"
    found = metabase.get(path)
    wanted = {"name": NAME, "description": DESCRIPTION, "details": database.details()}
    differing = [key for key, value in wanted.items() if not holds(found.get(key), value)]
    # The password cannot be read back, so it is sent each time. Metabase does nothing when it is the same,
    # and tries the connection when it is another one.
    metabase.put(path, {**wanted, "details": merged(found.get("details"), details)})
    tally.is_as_wanted(f"the connection {NAME}", differing)
