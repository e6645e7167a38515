"""The DAG folder as Airflow reads it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = PROJECT_ROOT / "dags"


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Airflow reads its variables when it is first imported: a home of its own, no database."""
    home = tmp_path_factory.mktemp("airflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(home))
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
        patch.setenv("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
        yield home


@pytest.fixture(scope="session")
def dag_bag(airflow_home: Path) -> "DagBag":
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=DAGS)
