"""The double of Metabase on a port of its own, and a run of `provision` against it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.serving import serving
from bi.contract import contract
from bi.metabase.connection import SalesDatabase
from bi.metabase.provision import Provisioned, provision
from tests.metabase_double import ADMIN, KEY, PASSWORD, SESSION, TOKEN, MetabaseDouble, Refused

READER = "reader-secret"
SECRETS = (PASSWORD, KEY, TOKEN, SESSION, READER, json.dumps(PASSWORD)[1:-1])


def double(**options: Any) -> MetabaseDouble:
    """One whose PostgreSQL has the marts of the contract."""
    return MetabaseDouble({name: list(mart.columns) for name, mart in contract().marts.items()}, **options)


def private(file: Path, text: str) -> Path:
    file.touch(mode=0o600)
    file.write_text(text)
    return file


@cache
def _filled(major: int) -> MetabaseDouble:
    metabase = double(major=major)
    with TemporaryDirectory() as folder:
        Run(Path(folder)).against(metabase)
    return metabase


def filled(major: int = 56) -> MetabaseDouble:
    """One that was provisioned before, with nothing asked of it since."""
    metabase = deepcopy(_filled(major))
    metabase.asked.clear()
    return metabase


class Run:
    """Runs of `provision` with files in a folder of their own; `told` is all that was said."""

    def __init__(self, folder: Path) -> None:
        self.credentials = private(
            folder / "metabase.json", json.dumps({"username": ADMIN, "password": PASSWORD})
        )
        passfile = private(folder / "pgpass", f"127.0.0.1:5432:sales:sales_reader:{READER}\n")
        self.database = SalesDatabase("postgres.test", 5432, "sales", passfile)
        self.told: list[str] = []

    def __call__(self, url: str) -> Provisioned:
        return provision(url, self.credentials, self.database, self.told.append)

    def against(self, metabase: MetabaseDouble) -> Provisioned:
        with served(metabase) as url:
            return self(url)


@contextmanager
def served(double: MetabaseDouble) -> Iterator[str]:
    """Its URL, within the block."""

    class Handler(BaseHTTPRequestHandler):
        # One connection and one packet an answer, else each waits for a timer of TCP.
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            who = {"session": self.headers.get("X-Metabase-Session"), "key": self.headers.get("x-api-key")}
            try:
                said, status = double.answer(self.command, parts.path, parse_qs(parts.query), body, who), 200
            except Refused as refused:
                said, status = refused.said, refused.status
            text = b"" if said is None else json.dumps(said).encode()
            self.send_response(204 if said is None else status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"
