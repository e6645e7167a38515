"""A small client of Metabase's REST API: it asks, and says in words what went wrong."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from bi.metabase.errors import MetabaseError
from include.errors import SettingsError

Query = Mapping[str, str | Sequence[str]]

TIMEOUT_SECONDS = 60
SHOWN = 300
UNCHANGED, UNKNOWN = "Nothing was changed by it.", "It is not known whether it was done."
SAFE = "What was made before stays; the next run goes on from there."
HINTS: dict[int, str] = {
    httpx.codes.UNAUTHORIZED: "Metabase does not accept who asks. Look at the credentials file.",
    httpx.codes.FORBIDDEN: "The user or key is not allowed to. Give those of an administrator.",
    httpx.codes.NOT_FOUND: "Look whether the URL is Metabase's own, and whether somebody deletes meanwhile.",
    httpx.codes.SERVICE_UNAVAILABLE: "Metabase is starting, or is overloaded. Wait and run it again.",
}


class Metabase:
    """Talks to one Metabase. Use it in a `with` block. No secret that it knows gets into a message."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = checked_url(url)
        # No proxy from the environment: it would read passwords that plain HTTP carries.
        self._client = httpx.Client(
            base_url=self.url, timeout=TIMEOUT_SECONDS, transport=transport, trust_env=False
        )
        self._secrets: list[str] = []

    def __enter__(self) -> "Metabase":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def keep_secret(self, *secrets: str) -> None:
        """These texts are blotted out wherever Metabase repeats them."""
        for secret in filter(None, secrets):
            self._secrets += [secret, json.dumps(secret)[1:-1]]

    def authenticate(self, header: str, secret: str) -> None:
        """Every request carries this header from now on."""
        self.keep_secret(secret)
        self._client.headers[header] = secret

    def get(self, path: str, query: Query | None = None) -> Any:
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._ask("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask("PUT", path, body=body)

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Query | None = None,
    ) -> Any:
        doing = f"Asking Metabase at {self.url}: {method} {path}"
        try:
            answer = self._client.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            state = UNCHANGED if method == "GET" else UNKNOWN
            raise MetabaseError(
                f"{doing}: no answer: {self._blotted(repr(error))}. {state} {SAFE} Look whether Metabase runs"
                " there and can be reached from here."
            ) from None
        if not answer.is_success:
            raise self._refused(doing, answer)
        try:
            return answer.json() if answer.content else None
        except ValueError:
            raise MetabaseError(
                f"{doing}: the answer {answer.status_code} is no JSON, so no Metabase gave it. {SAFE} Look at"
                " the URL: it is the one the browser shows, up to the first page's path."
            ) from None

    def _refused(self, doing: str, answer: httpx.Response) -> MetabaseError:
        hint = HINTS.get(answer.status_code, "Look at Metabase's log.")
        said = self._blotted(_said(answer))[:SHOWN].rstrip(".")
        state = UNKNOWN if answer.is_server_error else UNCHANGED
        if answer.is_redirect:
            said = f"go to {self._blotted(answer.headers.get('location', '?'))}"
            hint = "Give the URL that answers by itself, such as the one with https."
        return MetabaseError(
            f"{doing}: answer {answer.status_code}: {said}. {state} {SAFE} {hint}",
            answer.status_code,
        )

    def _blotted(self, text: str) -> str:
        # Longest first: a secret may be part of another one.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def checked_url(url: str) -> str:
    """
    The URL without a slash at its end.

    Raises:
        SettingsError: it is none of http or https, or carries a password.
    """
    try:
        parsed = httpx.URL(url)
        is_usable = parsed.scheme in ("http", "https") and bool(parsed.host)
    except httpx.InvalidURL:
        is_usable = False
    if not is_usable:
        raise SettingsError(
            "Looking for Metabase: the URL is none. Nothing was asked. Give it as in http://127.0.0.1:3000."
        ) from None
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise SettingsError(
            f"Looking for Metabase at {parsed.host}: the URL holds a user, a query or a fragment. Nothing was"
            " asked. Give the bare address; users and passwords belong into the credentials file."
        )
    return url.rstrip("/")


def _said(answer: httpx.Response) -> str:
    """What Metabase says, without `specific-errors`: they repeat the values it was given."""
    try:
        said = answer.json()
    except ValueError:
        return answer.text.strip() or "no words"
    if not isinstance(said, dict):
        return str(said)
    told = [said.get("message"), said.get("error"), *_flat(said.get("errors"))]
    return "; ".join(dict.fromkeys(str(part) for part in told if part)) or "no words"


def _flat(errors: Any) -> list[str]:
    if isinstance(errors, dict):
        return [f"{name}: {part}" for name, inner in errors.items() for part in _flat(inner)]
    return [str(errors)] if errors else []
