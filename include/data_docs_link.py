"""From a task in the Airflow UI to the pages about what its quality gates found."""

import hashlib
import re
from typing import Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from include.settings import get_settings

# Where the Airflow plugin serves the folder of the pages.
SERVED_AT = "/saleslake/data-docs"
LONGEST_NAME = 150


def pages_name(dag_id: str, run_id: str) -> str:
    """The folder of a run: its names without what a path or an address would have to quote."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{dag_id}-{run_id}").strip("-")
    if len(name) <= LONGEST_NAME:
        return name
    # A name that somebody gave a run may be longer than that of a file.
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(run_id.encode()).hexdigest()[:12]}"


class DataDocsLink(BaseOperatorLink):
    """The button `Data Docs`. Its address is an XCom of the run: the API server needs no code of ours."""

    @property
    def name(self) -> str:
        return "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Nothing when the run made no pages: a run that was skipped or refused."""
        name = pages_name(ti_key.dag_id, ti_key.run_id)
        if not (get_settings().data_docs / name).is_dir():
            return ""
        # Airflow may be served below a path.
        below = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
        return f"{below}{SERVED_AT}/{name}/index.html"


def link_data_docs(task: Any) -> None:
    """Give a task that was called in its DAG the button."""
    task.operator.operator_extra_links = (DataDocsLink(),)
