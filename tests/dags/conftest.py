"""The DAG folder as Airflow reads it."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = PROJECT_ROOT / "dags"


@pytest.fixture(scope="session")
def dag_bag(airflow_home: Path) -> "DagBag":
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=DAGS)
