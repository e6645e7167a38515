"""Airflow's login for the pages: FastAPI apps of plugins are not behind it by themselves."""

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_view
from fastapi import Request

_may_see_the_site = requires_access_view(AccessView.WEBSITE)


def logged_in(request: Request, user: GetUserDep) -> None:
    """
    Whoever asks may use Airflow's UI, by its cookie or by a bearer token.

    Raises:
        HTTPException: 401 without a valid login, 403 where the user may not see the site.
    """
    _may_see_the_site(request, user)
