"""
The Airflow plugin: pages Sales and Streams in the navigation, served by `include/pages/app.py`.

Every process of Airflow loads this file, and only the API server answers requests: so it imports nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin

Message = MutableMapping[str, Any]


async def pages(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """The app, made when somebody asks for its first page; beside the loop, which others wait for."""
    app = await asyncio.to_thread(_app)
    await app(scope, receive, send)


@cache
def _app() -> Any:
    from include.pages.app import make_app

    return make_app()


def _in_navigation(name: str, page: str) -> dict[str, Any]:
    """A page beside Airflow's own. Addresses have no leading slash: Airflow may be served under a path."""
    return {
        "name": name,
        "href": f"saleslake/{page}",
        "destination": "nav",
        "url_route": page,
        "nav_top_level": True,
        "icon": f"saleslake/static/icon-{page}.svg",
        "icon_dark_mode": f"saleslake/static/icon-{page}-dark.svg",
    }


APPS = [{"app": pages, "url_prefix": "/saleslake", "name": "Saleslake pages"}]
VIEWS = [_in_navigation("Sales", "sales"), _in_navigation("Streams", "streams")]


class SaleslakePages(AirflowPlugin):
    name = "saleslake_pages"
    fastapi_apps = APPS
    external_views = VIEWS
