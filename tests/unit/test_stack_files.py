"""What the stack writes for its parts: ports, settings, secrets, configuration files."""

import configparser
import json
import socket
import stat
from pathlib import Path

import pytest

from include.errors import SetupError
from include.settings import PROJECT_ROOT
from stack import configuration, kafka, supervisor
from stack.database import passfile_text
from stack.files import kept_secret, last_lines, write_private
from stack.jars import Jar, differences, fetch, format_lock, parse_lock, sha256_of
from stack.layout import MAX_SOCKET_PATH, Ports, RunFolder, choose_ports, kept_ports
from stack.parts import Part, parts
from stack.processes import free_port


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_taken_port_is_replaced_and_the_choice_is_kept(folder: RunFolder) -> None:
    """Somebody else's server is left alone; the next start uses the same ports again."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        kept = Ports(kafka=taken, kafka_controller=free_port(), postgres=free_port(), airflow=free_port())
        write_private(folder.ports_file, json.dumps({name: getattr(kept, name) for name in kept.__slots__}))

        chosen = choose_ports(folder)

        assert chosen.kafka != taken
        assert (chosen.kafka_controller, chosen.postgres) == (kept.kafka_controller, kept.postgres)
        assert kept_ports(folder) == chosen


def test_a_long_run_folder_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    """A socket's path is bounded by the system; the folder it moves to is ours alone."""
    folder = RunFolder(tmp_path / ("x" * 120))
    folder.create()
    assert len(str(folder.supervisor_socket)) <= MAX_SOCKET_PATH
    assert mode(folder.supervisor_socket.parent) == 0o700
    folder.supervisor_socket.parent.rmdir()


def test_the_lake_of_the_default_run_folder_is_in_the_project() -> None:
    """Any other run folder has a lake of its own."""
    assert RunFolder(PROJECT_ROOT / ".run").lake_root == PROJECT_ROOT / "lake" / "data"
    assert RunFolder(Path("/elsewhere")).lake_root == Path("/elsewhere/lake")


def test_secrets_are_private_and_survive_a_second_start(folder: RunFolder) -> None:
    """Mode 0600 from the start; a second start keeps them, or BI tools would be locked out."""
    configuration.write_secrets(folder, Ports())
    before = {file.name: file.read_text() for file in folder.secret("").iterdir()}
    configuration.write_secrets(folder, Ports())

    assert {file.name: file.read_text() for file in folder.secret("").iterdir()} == before
    assert {mode(file) for file in folder.secret("").iterdir()} == {0o600}
    assert mode(folder.secret("")) == 0o700


def test_settings_added_by_hand_survive(folder: RunFolder) -> None:
    """Somebody gave the driver more memory; `up` changes only what it owns."""
    kept = {"stream": {"driver_memory": "4g"}, "postgres": {"port": 1, "user": "someone"}}
    new = configuration.merged(kept, configuration.settings(folder, Ports(postgres=5433)))
    assert new["stream"]["driver_memory"] == "4g"
    assert (new["postgres"]["port"], new["postgres"]["user"]) == (5433, "someone")


def test_airflow_listens_on_loopback_and_shows_no_examples(folder: RunFolder) -> None:
    """The file is private, because it holds the database's password."""
    configuration.write_airflow(folder, Ports(airflow=8081))
    file = configuration.airflow_configuration(folder)
    written = configparser.RawConfigParser()
    written.read(file)
    assert written["api"]["host"] == "127.0.0.1"
    assert written["api"]["port"] == "8081"
    assert not written["core"].getboolean("load_examples")
    assert mode(file) == 0o600


def test_supervisord_reads_percent_signs_as_they_are(folder: RunFolder) -> None:
    """supervisord expands `%(…)s`; a path with a percent sign must not break it."""
    part = Part("one", ["/bin/echo", "100%", "two words"], folder.root, lambda _: None)
    supervisor.write_configuration(folder, [part])
    written = configparser.RawConfigParser()
    written.read(folder.supervisor_configuration)
    assert written["program:one"]["command"] == "/bin/echo 100%% 'two words'"


def test_the_lake_writer_alone_gets_the_stop_signal(folder: RunFolder) -> None:
    """A signal to its JVM would end the batch that is about to be finished."""
    supervisor.write_configuration(folder, parts(folder, Ports()))
    written = configparser.RawConfigParser()
    written.read(folder.supervisor_configuration)
    program = written["program:lake-writer"]
    assert (program["stopasgroup"], program["killasgroup"]) == ("false", "true")
    assert int(program["stopwaitsecs"]) >= 60


def test_the_broker_creates_no_topics_by_itself(tmp_path: Path) -> None:
    """A misspelt topic fails instead of swallowing orders, and nothing leaves the machine."""
    said = kafka.properties(kafka.Broker(tmp_path, 1, 2))
    assert said["auto.create.topics.enable"] == "false"
    assert said["message.max.bytes"] == "8388608"
    assert all("127.0.0.1:" in one for one in said["listeners"].split(","))


def test_the_pass_file_has_a_line_per_role() -> None:
    """libpq's format: host, port, database, role, password."""
    text = passfile_text(5432, {"sales_loader": "a", "sales_reader": "b"})
    assert text == "127.0.0.1:5432:sales:sales_loader:a\n127.0.0.1:5432:sales:sales_reader:b\n"


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """The second call reads what the first wrote."""
    assert kept_secret(tmp_path / "secret") == kept_secret(tmp_path / "secret")


def test_the_end_of_a_long_log(tmp_path: Path) -> None:
    """Whatever the log holds before them; a part that never logged has none."""
    log = tmp_path / "log"
    log.write_text("x" * 1_000_000 + "\nlast but one\nlast\n")
    assert last_lines(log, 2) == ["last but one", "last"]
    assert last_lines(tmp_path / "none") == []


JAR = Jar("spark", "org.example", "thing_2.13", "1.0", "a" * 64)


def test_the_jar_lock_reads_what_it_writes() -> None:
    """Comments are skipped; nothing is lost on the way."""
    assert parse_lock(format_lock([JAR])) == [JAR]


@pytest.mark.parametrize(
    "line", ["spark org.example:thing:1.0", "spark thing:1.0 " + "a" * 64, "spark g:a:v abc"]
)
def test_a_damaged_jar_lock_is_refused(line: str) -> None:
    """A jar without coordinates or checksum could be anything."""
    with pytest.raises(SetupError, match="make lock"):
        parse_lock(line)


def test_an_altered_jar_is_noticed(tmp_path: Path) -> None:
    """Missing and differing jars are told apart."""
    assert "is missing" in differences([JAR], tmp_path)[0]
    file = JAR.path(tmp_path)
    file.parent.mkdir()
    file.write_bytes(b"something else")
    assert "has SHA-256" in differences([JAR], tmp_path)[0]


def test_fetching_removes_jars_of_an_older_lock(tmp_path: Path) -> None:
    """Two versions of one jar on a class path is a fault that shows much later."""
    file = JAR.path(tmp_path)
    file.parent.mkdir()
    file.write_bytes(b"the jar")
    older = file.with_name("thing_2.13-0.9.jar")
    older.write_bytes(b"older")
    wanted = Jar(JAR.set_name, JAR.group, JAR.artifact, JAR.version, sha256_of(file))

    assert fetch([wanted], tmp_path) == 0
    assert file.exists()
    assert not older.exists()
