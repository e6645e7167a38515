"""The web app of the pages. All of it is behind Airflow's login, its scripts and styles too."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import psycopg
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.staticfiles import StaticFiles

from include.errors import LakehouseError
from include.pages import frame
from include.pages.login import logged_in
from include.pages.rejections import Rejections
from include.pages.runbooks import index_html, runbook_html, title_of
from include.pages.sales import WINDOWS, read_sales
from include.pages.streams import BookKeeper, read_streams
from include.settings import Settings, get_settings

SettingsDep = Annotated[Settings, Depends(get_settings)]
# Nothing is loaded from elsewhere, no script stands in a page, and only Airflow may frame it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# Reports made by another tool, with values of orders in them: they may look as they like and run nothing.
OWN_PAGE = {"Content-Security-Policy": POLICY}
DATA_DOCS_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def make_app() -> FastAPI:
    # No generated API pages: they would not be behind the login.
    app = FastAPI(
        title="Saleslake pages",
        dependencies=[Depends(logged_in)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.middleware("http")(_with_headers)
    app.exception_handler(StarletteHTTPException)(_refused)
    app.exception_handler(psycopg.Error)(_database_away)
    app.exception_handler(LakehouseError)(_trouble)
    _add_pages(app)
    _add_answers(app)
    _add_data_docs(app)
    return app


def _add_pages(app: FastAPI) -> None:
    ours = StaticFiles(directory=frame.PAGES)

    @app.get("/sales")
    def sales() -> HTMLResponse:
        return HTMLResponse((frame.PAGES / "sales.html").read_bytes())

    @app.get("/streams")
    def streams() -> HTMLResponse:
        return HTMLResponse((frame.PAGES / "streams.html").read_bytes())

    @app.get("/static/{path:path}")
    async def static(path: str, request: Request) -> Response:
        return await ours.get_response(path, request.scope)

    @app.get("/runbooks")
    def runbooks() -> HTMLResponse:
        return HTMLResponse(frame.page("Runbooks", index_html(), up="."))

    @app.get("/runbooks/{name}")
    def runbook(name: str) -> HTMLResponse:
        name = name.removesuffix(".md")  # as alerts link to it, which know the files
        content = runbook_html(name)
        if content is None:
            raise HTTPException(404, "There is no such runbook. The list of all is at runbooks.")
        return HTMLResponse(frame.page(title_of(name), content, up=".."))


def _add_answers(app: FastAPI) -> None:
    keeper, rejections = BookKeeper(), Rejections()

    @app.get("/api/sales")
    def sales(settings: SettingsDep, hours: Annotated[int, Query()] = 1) -> dict[str, Any]:
        if hours not in WINDOWS:
            raise HTTPException(422, f"hours is {hours}; it may be {', '.join(map(str, WINDOWS))}")
        return read_sales(settings, hours)

    @app.get("/api/streams")
    def streams(settings: SettingsDep) -> dict[str, Any]:
        return read_streams(settings, keeper)

    @app.get("/api/rejected")
    def rejected(settings: SettingsDep) -> dict[str, Any]:
        return rejections.lately(settings.lake.root)


def _add_data_docs(app: FastAPI) -> None:
    @app.get("/data-docs")
    def data_docs() -> RedirectResponse:
        return RedirectResponse("data-docs/")

    @app.get("/data-docs/{path:path}")
    async def report(path: str, request: Request, settings: SettingsDep) -> Response:
        folder = settings.data_docs
        if not (folder / "index.html").is_file() and path in ("", "index.html"):
            return HTMLResponse(frame.page("Quality reports", frame.NO_REPORTS, up=".."), headers=OWN_PAGE)
        # Starlette refuses whatever lies outside of the folder, links that lead out of it too.
        return await StaticFiles(directory=folder, html=True).get_response(path or ".", request.scope)


async def _with_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await answer(request)
    is_report = "/data-docs/" in request.url.path
    response.headers.setdefault("Content-Security-Policy", DATA_DOCS_POLICY if is_report else POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    # A file is asked for again each time and sent only when it changed; an answer is never kept.
    response.headers["Cache-Control"] = "no-store" if "/api/" in request.url.path else "no-cache"
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """Not logged in, not there: a page for whoever looks, JSON for scripts."""
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - registered for it
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
    text = frame.refusal(error.status_code, str(error.detail))
    return HTMLResponse(text, error.status_code, error.headers)


async def _database_away(request: Request, error: Exception) -> Response:
    found = (str(error).splitlines() or [type(error).__name__])[0]
    return JSONResponse(
        {
            "detail": f"Reading the database `sales`: {found}. Orders are not lost: they wait in Kafka."
            " `saleslake status` shows which part is down; `saleslake up` starts what is missing."
        },
        503,
    )


async def _trouble(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 503)
