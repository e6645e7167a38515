"""When a part counts as healthy, what the doctor finds, and how the command line is read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stack import cli
from stack.catching_up import missing_records
from stack.checkup import (
    GIB,
    judge_disk,
    judge_jars,
    judge_memory,
    judge_packages,
    judge_ports,
    judge_prometheus,
    judge_versions,
)
from stack.commands.doctor import judge_parts
from stack.health import judge_airflow, judge_stream
from stack.jars import Jar, locked_jars
from stack.java import parse_version
from stack.layout import Ports
from stack.prometheus_programs import PROGRAMS
from stack.status import state_of
from stack.supervisor import Program

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "version"),
    [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "1.8.0_402"', 8), ("openjdk 21", None)],
)
def test_java_says_its_version(text: str, version: int | None) -> None:
    """Old Javas count from 1."""
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("running", "", 7, 2.0), None),
        (("running", "", 7, 31.0), "last heartbeat 31 s ago"),
        (("running", "", 6, 2.0), "has not reported yet"),  # the driver before this one
        (("failed", "the topic is gone", 7, 2.0), "is failed the topic is gone"),
        (("failed", "no topic", 6, 2.0), "has not reported yet; process 6 failed: no topic"),
        (None, "has not reported yet"),
    ],
)
def test_the_lake_writer_is_judged_by_its_progress(
    row: tuple[str, str, int, float] | None, reason: str | None
) -> None:
    """That the process is there says nothing."""
    assert judge_stream(row, 7) == reason


def airflow_said(heartbeat: datetime) -> dict[str, dict[str, str | None] | None]:
    return {"scheduler": {"status": "healthy", "latest_scheduler_heartbeat": heartbeat.isoformat()}}


def test_airflow_is_judged_by_what_it_says_of_itself() -> None:
    """A component it does not mention is not healthy."""
    assert judge_airflow(airflow_said(NOW), "scheduler", NOW - timedelta(seconds=5)) is None
    assert judge_airflow(airflow_said(NOW), "triggerer", NOW) == "reports nothing yet"


def test_the_heartbeat_of_an_earlier_scheduler_does_not_count() -> None:
    """After a crash Airflow calls the dead scheduler healthy for a while."""
    assert judge_airflow(airflow_said(NOW), "scheduler", NOW + timedelta(seconds=5)) == "has not reported yet"


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("RUNNING", None, "running"),
        ("RUNNING", "no answer on port 9092", "unhealthy"),
        ("STARTING", None, "running"),
        ("STARTING", "has not reported yet", "starting"),
        ("BACKOFF", "exited too quickly", "starting"),
        ("FATAL", None, "failed"),
        ("EXITED", None, "stopped"),
    ],
)
def test_status_says_how_a_part_is(state: str, reason: str | None, said: str) -> None:
    """Running means healthy too."""
    assert state_of(Program("kafka", state, 7, 0, ""), reason) == said


def test_the_doctor_names_what_is_not_watched() -> None:
    """And says how it is to be had; it is no problem."""
    findings = [judge_prometheus(missing) for missing in ([], ["statsd_exporter"], list(PROGRAMS))]
    assert not any(finding.remedy for finding in findings)
    whole, partly, none = (finding.found for finding in findings)
    assert whole.startswith("is there, with prometheus-alertmanager")
    assert "is there, without statsd_exporter" in partly
    assert "is built where there is Go" in partly
    assert "is not there, and the stack runs without it; `.venv/bin/python -m stack.prometheus fetch`" in none
    assert "only root can put them" in none


def test_the_doctor_wants_memory_for_what_is_not_running_yet() -> None:
    """Once the stack is up, it has its memory already."""
    assert judge_memory(2 * GIB, stack_is_up=False).remedy
    assert judge_memory(2 * GIB, stack_is_up=True).remedy is None


def test_the_doctor_wants_room_on_the_disk() -> None:
    """The remedy names the way out."""
    remedy = judge_disk(GIB, Path("/lake")).remedy
    assert remedy is not None
    assert "--run-dir" in remedy


def test_a_taken_port_is_no_problem() -> None:
    """`up` takes another one; the doctor says so."""
    finding = judge_ports(Ports(), lambda port: port != 5432, stack_is_up=False)
    assert finding.remedy is None
    assert "postgres 5432: `up` will choose" in finding.found


def test_the_doctor_compares_packages_with_the_lock() -> None:
    """A package of another version is named with both."""
    finding = judge_packages({"pyspark": "4.1.0"}, {"pyspark": "4.2.0"})
    assert finding.found == "pyspark 4.1.0 (locked 4.2.0)"
    assert finding.remedy


def test_the_doctor_notices_a_damaged_jar() -> None:
    """The first one is named."""
    assert judge_jars([], 3).remedy is None
    assert judge_jars(["spark/x.jar is missing"], 3).remedy


def test_delta_for_another_spark_is_a_problem() -> None:
    """The Spark version is part of the jar's name: 4.3 finds no jar for itself."""
    jars: list[Jar] = locked_jars()
    fits = {"pyspark": "4.2.0", "delta-spark": "4.4.0"}
    assert judge_versions(fits, jars).remedy is None
    assert judge_versions(fits | {"pyspark": "4.3.0"}, jars).remedy
    assert judge_versions(fits | {"pyspark": "4.2.1"}, jars).remedy  # the connector is 4.2.0
    assert judge_versions(fits | {"delta-spark": "4.4.1"}, jars).remedy


def test_a_part_that_gave_up_is_a_problem() -> None:
    """The remedy names its log."""
    part = {"name": "kafka", "state": "failed", "detail": None, "log": "kafka.log"}
    remedy = judge_parts([part]).remedy
    assert remedy is not None
    assert "kafka.log" in remedy


def test_a_partition_without_a_ledger_row_is_missing_whole() -> None:
    """The lake may also be ahead: orders go on arriving."""
    assert missing_records({0: 10, 1: 5}, {0: 12}) == 5


def test_an_unknown_command_is_wrong_usage() -> None:
    """Exit code 2, as the contract says."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["frobnicate"])
    assert ended.value.code == 2


def test_a_run_folder_may_have_the_name_of_a_command() -> None:
    """The value of --run-dir is not the subcommand."""
    assert cli._position_of_command(["--run-dir", "up", "status"]) == 2
    assert cli._position_of_command(["status", "--run-dir", "up"]) == 0
