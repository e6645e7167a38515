"""What `astro dev parse` runs: every file in dags/ can be imported by Airflow."""

from pathlib import Path

import pytest
from airflow.models.dagbag import DagBag

PROJECT = Path(__file__).resolve().parent.parent
DAGS = PROJECT / "dags"


def exceptions() -> set[str]:
    lines = (Path(__file__).parent / "dag_integrity_exceptions.txt").read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def dag_files() -> list[str]:
    files = (str(path.relative_to(DAGS)) for path in DAGS.rglob("*.py"))
    return sorted(set(files) - exceptions())


@pytest.mark.parametrize("name", dag_files())
def test_file_imports(name: str) -> None:
    """Airflow reads the file without an error."""
    found = DagBag(dag_folder=str(DAGS / name), include_examples=False).import_errors
    assert not found, f"dags/{name}: {found}"
