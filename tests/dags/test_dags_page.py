"""docs/dags.md says what the DAG files say."""

from pathlib import Path
from typing import Any

from include.settings import PROJECT_ROOT


def test_the_page_is_up_to_date(dag_bag: Any) -> None:
    """A DAG changed: run `python -m stack.dags_page > docs/dags.md`."""
    from stack.dags_page import page

    assert (PROJECT_ROOT / "docs" / "dags.md").read_text(encoding="utf-8") == page(dag_bag.dags)


def test_a_dag_that_waits_for_assets_says_for_which(airflow_home: Path) -> None:
    """And one that nothing starts runs on demand."""
    from airflow.sdk import DAG, Asset

    from stack.dags_page import page

    pair = Asset("sales_marts") & Asset("regions")
    with DAG("waiting", schedule=pair, doc_md="\n### Wait\n\nfor both.") as waiting:
        pass
    with DAG("idle", schedule=None, doc_md="### Idle") as idle:
        pass
    lines = page({"waiting": waiting, "idle": idle}).splitlines()

    assert lines[-2].startswith("| `idle` | Idle | on demand | – | – |")
    assert "| `waiting` | Wait | Triggered by assets | – | `sales_marts`, `regions` |" in lines[-1]
