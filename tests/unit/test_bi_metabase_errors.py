"""What goes wrong with a Metabase is said in words, with what is true now, and without any secret."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from bi.metabase import tables
from bi.metabase.api import Metabase
from bi.metabase.errors import MetabaseError
from bi.metabase.secret_files import Credentials, password_of
from include.errors import LakehouseError, SettingsError
from stack.processes import free_port
from tests.metabase_double import ADMIN, KEY, PASSWORD, MetabaseDouble
from tests.metabase_server import SECRETS, Run, double, private


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "POLL_SECONDS", 0.001)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def failure(run: Run, metabase: MetabaseDouble, kind: type[LakehouseError] = MetabaseError) -> str:
    with pytest.raises(kind) as caught:
        run.against(metabase)
    said = "\n".join([str(caught.value), *run.told])
    assert not [secret for secret in SECRETS if secret in said]
    return str(caught.value)


def test_nothing_listens(run: Run) -> None:
    """The address, that nothing was changed, and where to look."""
    with pytest.raises(
        MetabaseError, match=r"no answer: ConnectError.* Nothing was changed .* Metabase runs"
    ):
        run(f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("tag", ["v0.49.9", "v1.48.12", "vUNKNOWN", "none"])
def test_an_old_metabase_is_refused(run: Run, tag: str) -> None:
    """So is one whose version cannot be told; nothing is asked of it."""
    metabase = double()
    metabase.tag = tag
    assert f"its version is {tag}; 50 (v0.50) or newer is needed" in failure(run, metabase)
    assert metabase.asked == []


def test_the_enterprise_edition_will_do(run: Run) -> None:
    """Its versions begin with 1."""
    metabase = double()
    metabase.tag = "v1.50.0"
    assert run.against(metabase).made


def test_a_wrong_password(run: Run) -> None:
    """Who was asked for, from which file; this Metabase repeats the password, we do not."""
    metabase = double()
    metabase.users = {ADMIN: "another"}
    said = failure(run, metabase)
    assert f"Logging in as {ADMIN}, as {run.credentials} says" in said
    assert "answer 401: password: did not match, received: ***" in said


def test_a_wrong_key(run: Run) -> None:
    """Metabase does not know it."""
    private(run.credentials, '{"api_key": "mb_another"}')
    said = failure(run, double())
    assert "answer 401" in said
    assert "mb_another" not in said


def test_who_is_no_administrator_changes_nothing(run: Run) -> None:
    """It is found out before anything is made."""
    metabase = double()
    metabase.is_administrator = False
    assert f"{ADMIN} is no administrator" in failure(run, metabase)
    assert metabase.asked == [("logged out", None)]


@pytest.mark.parametrize("who", [{"api_key": KEY}, {"username": "admin", "password": PASSWORD}])
def test_a_fresh_metabase_needs_a_user_with_an_address(run: Run, who: dict[str, str]) -> None:
    """Metabase's users are e-mail addresses; a key cannot exist yet."""
    private(run.credentials, json.dumps(who))
    metabase = double(is_set_up=False)
    assert "names no e-mail address as username. Nothing was changed" in failure(run, metabase)
    assert metabase.asked == []


def test_metabase_cannot_reach_the_database(run: Run) -> None:
    """Host and port as Metabase sees them, and the options that set them; no password."""
    metabase = double()
    metabase.reachable["host"] = "elsewhere"
    said = failure(run, metabase)
    assert "Connecting Metabase to sales_reader@postgres.test:5432/sales" in said
    assert "Cannot connect with ***" in said
    assert "--database-host" in said


def test_a_refused_request_does_not_repeat_its_values(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metabase's `specific-errors` hold what it received."""
    metabase = double()
    monkeypatch.setattr("bi.metabase.connection.NAME", "")
    said = failure(run, metabase)
    assert "answer 400: name: is wrong" in said
    assert "received" not in said


def test_a_sync_that_does_not_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is still unknown, how long it was waited, where to look. The next run goes on."""
    monkeypatch.setattr(tables, "SYNC_SECONDS", 0.02)
    metabase = double()
    metabase.looks_until_synced = 10**9
    said = failure(run, metabase)
    assert "does not know marts.order_value_hourly, marts.region_sales_hourly" in said
    assert "and 5 more" in said
    assert "Tasks in Metabase" in said

    metabase.looks_until_synced = 1
    assert run.against(metabase).unchanged == 1


def test_a_column_that_the_sync_does_not_bring(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables alone are not enough: the stack's migrations may be older than the contract."""
    monkeypatch.setattr(tables, "SYNC_SECONDS", 0.02)
    metabase = double()
    metabase.looks_until_synced = 1
    metabase.marts["dim_date"].remove("year")
    assert "it does not know marts.dim_date.year." in failure(run, metabase)


Answer = Callable[[httpx.Request], httpx.Response]


def refusal(answer: Answer) -> str:
    with (
        Metabase("http://metabase.test", httpx.MockTransport(answer)) as metabase,
        pytest.raises(MetabaseError) as caught,
    ):
        metabase.get("/api/session/properties")
    return str(caught.value)


def test_another_server_answers() -> None:
    """A page, or a redirect to another address, says where to look."""
    assert "no JSON, so no Metabase gave it" in refusal(lambda _: httpx.Response(200, text="<html>"))
    moved = refusal(lambda _: httpx.Response(301, headers={"location": "https://metabase.test/"}))
    assert "answer 301: go to https://metabase.test/" in moved
    assert "Metabase is starting" in refusal(lambda _: httpx.Response(503, text="wait"))
    assert "answer 599: no words" in refusal(lambda _: httpx.Response(599))


@pytest.mark.parametrize("url", ["", "metabase.test", "ftp://metabase.test", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    """Said before anything is asked."""
    with pytest.raises(SettingsError, match="the URL is none"):
        Metabase(url)


def test_an_address_with_a_password_is_refused_unprinted() -> None:
    """It would stand in every message."""
    with pytest.raises(SettingsError, match="belong into the credentials file") as caught:
        Metabase("http://admin:s3cret@metabase.test")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "secret", "[]", "{}", '{"username": "a"}', '{"api_key": ""}', '{"api_key": 5}',
     '{"api_key": "secr\\u00e9t"}', '{"api_key": "secret\\n"}',
     '{"username": "a", "password": "secret", "api_key": "secret"}'],
)  # fmt: skip
def test_credentials_that_are_none(tmp_path: Path, text: str) -> None:
    """What the file should hold is said, what it holds is not."""
    with pytest.raises(SettingsError, match="is not what is expected") as caught:
        Credentials.read(private(tmp_path / "file", text))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_credentials_that_others_may_read(tmp_path: Path, mode: int) -> None:
    """Are not used; the same holds for the pass file."""
    file = private(tmp_path / "file", "*:*:*:*:secret")
    file.chmod(mode)
    for read in (lambda: Credentials.read(file), lambda: password_of(file, "sales_reader", "sales")):
        with pytest.raises(SettingsError, match=f"has mode {mode:04o}.*chmod 600"):
            read()


def test_credentials_that_are_not_there(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(SettingsError, match="missing: No such file"):
        Credentials.read(tmp_path / "missing")


def test_the_password_of_the_reader_is_taken(tmp_path: Path) -> None:
    """libpq's format: escaped colons, comments, anything for `*`; two that disagree are none."""
    others = "# a comment:5432:sales:sales_reader:no\nh:1:sales:sales_loader:no\n"
    lines = f"{others}h:1:sales:sales_reader:a\\:b\\\\c\n"
    file = private(tmp_path / "pgpass", lines)
    assert password_of(file, "sales_reader", "sales").get_secret_value() == "a:b\\c"
    private(file, f"{lines}other:1:sales:sales_reader:second\n")
    with pytest.raises(SettingsError, match="has 2 passwords for sales_reader"):
        password_of(file, "sales_reader", "sales")
    with pytest.raises(SettingsError, match="has no passwords for nobody"):
        password_of(file, "nobody", "sales")
