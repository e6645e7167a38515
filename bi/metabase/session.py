"""From an address to a Metabase that may be changed: its version, its first set-up, who asks."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bi.metabase.api import Metabase
from bi.metabase.errors import MetabaseError
from bi.metabase.secret_files import Credentials

# The oldest whose API was read for this: collections with a trash, and questions with `type`.
OLDEST_MAJOR = 50
SITE_NAME = "Saleslake"
SESSION_HEADER, KEY_HEADER = "X-Metabase-Session", "x-api-key"


@contextmanager
def signed_in(url: str, credentials: Credentials, tell: Callable[[str], None]) -> Iterator[Metabase]:
    """
    A Metabase, asked as an administrator; a fresh one gets the user of the credentials as its first.

    Raises:
        MetabaseError: it cannot be reached, is too old, or does not accept who asks.
    """
    with Metabase(url) as metabase:
        metabase.keep_secret(credentials.password.get_secret_value(), credentials.api_key.get_secret_value())
        properties = metabase.get("/api/session/properties")
        tell(f"Metabase {checked_version(url, properties)} at {metabase.url}.")
        if not properties.get("has-user-setup"):
            _set_up(metabase, credentials, properties.get("setup-token"))
            tell(f"It was fresh: {credentials.username} is its first administrator now.")
        elif credentials.username:
            _log_in(metabase, credentials)
        else:
            metabase.authenticate(KEY_HEADER, credentials.api_key.get_secret_value())
        try:
            _check_administrator(metabase, credentials)
            yield metabase
        finally:
            _log_out(metabase, credentials)


def checked_version(url: str, properties: Any) -> str:
    """
    The version's tag, such as v0.56.3 (v1.56.3 for the enterprise edition).

    Raises:
        MetabaseError: there is none, or it is too old.
    """
    version = properties.get("version") if isinstance(properties, dict) else None
    tag = str(version.get("tag")) if isinstance(version, dict) else "none"
    major = re.match(r"v?\d+\.(\d+)", tag)
    if major is None or int(major[1]) < OLDEST_MAJOR:
        raise MetabaseError(
            f"Looking at Metabase at {url}: its version is {tag}; {OLDEST_MAJOR} (v0.{OLDEST_MAJOR}) or newer"
            " is needed. Nothing was changed. Upgrade Metabase, or look whether the URL is Metabase's own."
        )
    return tag


def _set_up(metabase: Metabase, credentials: Credentials, token: Any) -> None:
    if not token or "@" not in credentials.username:
        found = (
            f"{credentials.file} names no e-mail address as username" if token else "it gives no setup-token"
        )
        raise MetabaseError(
            f"Setting up the fresh Metabase at {metabase.url}: {found}. Nothing was changed. Put an e-mail"
            f" address and a password for the first administrator into {credentials.file}, or set Metabase up"
            " in the browser."
        )
    password = credentials.password.get_secret_value()
    body = {
        "token": token,
        "user": {"email": credentials.username, "password": password},
        "prefs": {"site_name": SITE_NAME, "allow_tracking": False},
    }
    metabase.keep_secret(str(token))
    metabase.authenticate(SESSION_HEADER, str(metabase.post("/api/setup", body)["id"]))


def _log_in(metabase: Metabase, credentials: Credentials) -> None:
    body = {"username": credentials.username, "password": credentials.password.get_secret_value()}
    try:
        session = metabase.post("/api/session", body)
    except MetabaseError as error:
        if error.status not in (400, 401):
            raise
        raise MetabaseError(
            f"Logging in as {credentials.username}, as {credentials.file} says: {error}",
            error.status,
        ) from None
    metabase.authenticate(SESSION_HEADER, str(session["id"]))


def _check_administrator(metabase: Metabase, credentials: Credentials) -> None:
    if metabase.get("/api/user/current").get("is_superuser") is not True:
        who = credentials.username or f"the API key of {credentials.file}"
        raise MetabaseError(
            f"Looking at Metabase at {metabase.url}: {who} is no administrator; a connection and texts of"
            " tables need one. Nothing was changed. Give the credentials of an administrator, or put the key"
            " into that group.",
            403,
        )


def _log_out(metabase: Metabase, credentials: Credentials) -> None:
    if credentials.username:
        # A session that stays ends by itself; what was done is done.
        with suppress(MetabaseError):
            metabase.delete("/api/session")
