"""PostgreSQL's data folder is made whole or not at all."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from include.errors import StackError
from stack import postgres
from stack.postgres import PostgresServer, initialise


def test_an_interrupted_initdb_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What initdb left when it was killed is not taken for a server: the next try makes it from the start."""
    server = PostgresServer(tmp_path / "postgres" / "data", 5432, tmp_path / "password")
    is_killed = iter([True, False])

    def initdb(command: Sequence[str | Path], **_: object) -> str:
        data = Path(command[2])
        (data / "PG_VERSION").write_text("18\n")
        if next(is_killed):
            raise StackError("killed")
        (data / "postgresql.conf").touch()
        return ""

    monkeypatch.setattr(postgres, "system_user", lambda: None)
    monkeypatch.setattr(postgres, "run", initdb)
    with pytest.raises(StackError):
        initialise(server)

    initialise(server)

    assert "listen_addresses" in (server.data / "postgresql.conf").read_text()
    assert server.data.stat().st_mode & 0o777 == 0o700
