"""The pages' app served for tests: real database, real HTTP, and Airflow's login replaced at its one seam."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from include.settings import Settings, get_settings
from stack.processes import LOOPBACK, free_port, wait_until

# As Airflow 3.3 frames a page of a plugin.
SANDBOX = "allow-scripts allow-same-origin allow-forms allow-downloads"
FRAME = """<!doctype html><html class="{theme}"><body><h1>Airflow</h1>
<iframe sandbox="{sandbox}" src="/saleslake/{page}" width="1200" height="700"></iframe></body></html>"""
RUN = {"dag_id": "publish_marts", "dag_run_id": "scheduled__1", "state": "success", "run_after": None}


@dataclass
class Pages:
    """`settings` may be replaced while it serves: what it reads next is that."""

    url: str
    settings: Settings

    def __getitem__(self, path: str) -> str:
        return f"{self.url}/saleslake/{path}"


@contextmanager
def serving(settings: Settings, *, is_logged_in: bool = True) -> Iterator[Pages]:
    # Bring Airflow, which reads its variables when it is first imported: not before `airflow_home`.
    from include.pages.app import make_app
    from include.pages.login import logged_in

    port = free_port()
    pages = Pages(f"http://{LOOPBACK}:{port}", settings)
    app = make_app()
    if is_logged_in:
        app.dependency_overrides[logged_in] = lambda: None
    app.dependency_overrides[get_settings] = lambda: pages.settings
    airflow = airflow_double()
    airflow.mount("/saleslake", app)
    server = uvicorn.Server(uvicorn.Config(airflow, LOOPBACK, port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, seconds=30, what="the pages' server", interval=0.05)
        yield pages
    finally:
        server.should_exit = True
        thread.join()


def airflow_double() -> FastAPI:
    """What the pages ask of Airflow itself; the end-to-end test has the real one."""
    airflow = FastAPI()

    @airflow.get("/api/v2/dags")
    def dags() -> dict[str, object]:
        return {"dags": [{"dag_id": RUN["dag_id"], "is_paused": False}]}

    @airflow.get("/api/v2/dags/{dag_id}/dagRuns")
    def runs(dag_id: str) -> dict[str, object]:
        return {"dag_runs": [{**RUN, "start_date": "2026-01-01T00:00:00Z"}]}

    @airflow.get("/framed/{theme}/{page}")
    def framed(theme: str, page: str) -> HTMLResponse:
        return HTMLResponse(FRAME.format(theme=theme, page=page, sandbox=SANDBOX))

    @airflow.get("/dags/{dag_id}")
    def dag(dag_id: str) -> HTMLResponse:
        return HTMLResponse(f"<h1>The DAG {dag_id}</h1>")

    @airflow.get("/favicon.ico")
    def favicon() -> HTMLResponse:
        return HTMLResponse("")

    return airflow
