"""A real HTTP server that stands where a chat program would."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from bench.serving import serving


class Webhook(HTTPServer):
    """Keeps what it was sent; answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.received: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/a-secret-path"

    @property
    def events(self) -> list[tuple[str, str, str]]:
        return [(one["event"], one["kind"], one["severity"]) for one in self.received]


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status < 300:
            self.server.received.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: pytest's output is for failures."""


@contextmanager
def webhook() -> Iterator[Webhook]:
    with serving(Webhook()) as server:
        yield server
