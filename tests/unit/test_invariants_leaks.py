"""I13: clean places keep the secrets; an e-mail or a password in any of them is a violation."""

from pathlib import Path

import pytest

from lake.tables import SILVER_ORDERS
from stack.invariants.leaks import Search, pieces, search_tables, searched_files, secrets_of
from stack.layout import RunFolder
from tests.reconciling import noted_lake

EMAIL = b"jane.1@example.com"
SECRET = "a" * 20


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "log").mkdir()
    (tmp_path / "secrets" / "sales_loader_password").write_text(f"{SECRET}\n")
    return RunFolder(tmp_path)


def search_files(folder: RunFolder) -> Search:
    search = Search(frozenset([EMAIL]), secrets_of(folder))
    for file in searched_files(folder, folder.root / "lake"):
        search.through(file.name, pieces(file))
    return search


def test_clean_files_keep_the_secrets(folder):
    (folder.root / "log" / "kafka.log").write_text("an order of john.9@example.com, whom nobody sent")
    search = search_files(folder)
    assert (search.problems.count, search.places) == (0, 1)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("log/lake-writer.log", f"refused: {EMAIL.decode()}"),
        ("log/lake-writer.log", f"connecting with {SECRET}"),
        ("lake/_checkpoints/orders/offsets/0", EMAIL.decode()),
        ("lake/bronze/orders/_delta_log/0.json", f'{{"maxValues":{{"value":"{EMAIL.decode()}"}}}}'),
        ("airflow/logs/task.log", SECRET),
    ],
)
def test_a_leak_into_a_file_is_a_violation(folder, file, text):
    path = folder.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"before\n{text}\nafter")
    assert search_files(folder).problems.count == 1


def test_a_leak_between_two_pieces_is_found(folder, monkeypatch):
    """A file is read in pieces; a secret that lies across the edge of two is not missed."""
    monkeypatch.setattr("stack.invariants.leaks.CHUNK", 64)
    (folder.root / "log" / "a.log").write_text("x" * 55 + SECRET)
    assert search_files(folder).problems.count == 1


def test_a_secret_is_named_and_not_shown(folder):
    (folder.root / "log" / "a.log").write_text(SECRET)
    assert search_files(folder).problems.shown == ["a.log: the secret sales_loader_password"]


def test_raw_data_files_are_left_out(folder):
    """Bronze keeps the bytes by design; its data files are not searched, its log is."""
    path = folder.root / "lake" / "bronze" / "orders" / "part-0.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(EMAIL)
    assert search_files(folder).places == 0


def test_an_email_in_silver_is_a_violation(tmp_path):
    """The tables are searched as rows: in their files everything is compressed."""
    lake = noted_lake(tmp_path)
    lake.write(tmp_path / "lake")
    clean = Search(frozenset([EMAIL]), {})
    search_tables(clean, tmp_path / "lake")
    assert (clean.problems.count, clean.places) == (0, 3)

    lake.rows[SILVER_ORDERS][3]["channel"] = EMAIL.decode()
    lake.write(tmp_path / "lake")
    leaking = Search(frozenset([EMAIL]), {})
    search_tables(leaking, tmp_path / "lake")
    assert leaking.problems.shown == ["silver.orders: 1 e-mail addresses of customers"]
