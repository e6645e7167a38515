"""Fault points: only the test profile has them, a misspelt one is refused, an armed one fires once."""

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from include.errors import SettingsError
from include.fault_points import STEPS, arm, armed_file, fault_points, pass_by
from include.settings import PROJECT_ROOT, Settings, StreamSettings, get_settings, use_run_dir

REACH = """
from pathlib import Path
from include.fault_points import STEPS, fault_points
reach = fault_points(fixed={fixed!r}, run_folder=Path({folder!r}))
for step in STEPS:
    reach(step)
    print(step, flush=True)
"""


@pytest.fixture
def settings_of(tmp_path, monkeypatch):
    """The settings that a run folder with this settings.json gives."""
    # Undoes what use_run_dir does to the environment.
    monkeypatch.setenv("SALESLAKE_RUN_DIR", str(tmp_path))

    def settings(**kept) -> Settings:
        (tmp_path / "settings.json").write_text(json.dumps(kept))
        use_run_dir(tmp_path)
        return get_settings()

    yield settings
    get_settings.cache_clear()


def steps_passed(folder: Path, *, fixed: str = "") -> tuple[list[str], int]:
    """The steps a process passes, and how it ended."""
    done = subprocess.run(
        [sys.executable, "-c", REACH.format(fixed=fixed, folder=str(folder))],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.split(), done.returncode


def test_a_fault_point_needs_the_test_profile(settings_of):
    """A setting that kills the writer must not be left over in production."""
    with pytest.raises(SettingsError, match=r"(?s)stream\.fault_point is 'after_live'.*profile 'test'"):
        settings_of(stream={"fault_point": "after_live"})


def test_the_test_profile_takes_a_fault_point(settings_of):
    settings = settings_of(profile="test", stream={"fault_point": "after_live"})
    assert settings.stream.fault_point == "after_live"


def test_a_misspelt_fault_point_is_refused(settings_of):
    """It would never fire, and the test that set it would test nothing."""
    with pytest.raises(SettingsError, match=r"'after_silver', which is none of after_bronze\.orders"):
        settings_of(profile="test", stream={"fault_point": "after_silver"})


def test_the_normal_profile_looks_at_no_file(tmp_path):
    """An armed file that was left behind does nothing, and no batch pays for looking."""
    from spark.streaming.lake_writer import reach_of

    assert reach_of(Settings(run_dir=tmp_path)) is pass_by
    assert reach_of(Settings(run_dir=tmp_path, profile="test")) is not pass_by


@pytest.mark.parametrize("step", STEPS)
def test_an_armed_step_kills_once(tmp_path, step):
    """The process ends with SIGKILL at that step and no other; the next one passes it."""
    arm(tmp_path, step)

    passed, code = steps_passed(tmp_path)
    assert (passed, code) == (list(STEPS[: STEPS.index(step)]), -signal.SIGKILL)
    assert not armed_file(tmp_path).exists()

    assert steps_passed(tmp_path) == (list(STEPS), 0)


def test_a_fixed_step_kills_every_time(tmp_path):
    for _ in range(2):
        assert steps_passed(tmp_path, fixed="after_live")[1] == -signal.SIGKILL


def test_a_full_disk_can_be_armed(tmp_path):
    arm(tmp_path, "after_silver.orders", "disk_full")
    reach = fault_points(fixed="", run_folder=tmp_path)

    with pytest.raises(OSError, match="No space left on device") as error:
        reach("after_silver.orders")
    assert error.value.errno == errno.ENOSPC
    reach("after_silver.orders")


def test_a_fault_point_is_given_by_name():
    """`Settings` itself refuses it too: also what is built in code."""
    with pytest.raises(ValueError, match="only profile 'test'"):
        Settings(stream=StreamSettings(fault_point="after_close"))
