"""
All that differs between laptop, CI and production, read once.

Values come from, first wins: arguments, environment (`SALESLAKE_KAFKA__BOOTSTRAP_SERVERS`), the run folder's
`settings.json`, defaults. The run folder is `.run` at the project's root, or `SALESLAKE_RUN_DIR`.
This is the only module that reads the environment.
"""

import os
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from include.errors import SettingsError
from include.fault_points import STEPS

PROJECT_ROOT = Path(__file__).resolve().parent.parent
ENV_PREFIX = "SALESLAKE_"
RUN_DIR_VARIABLE = f"{ENV_PREFIX}RUN_DIR"


class Frozen(BaseModel):
    """A group of settings. A misspelt key fails by its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Frozen):
    bootstrap_servers: str = "127.0.0.1:9092"
    orders_topic: str = "orders.v1"
    partitions: int = Field(4, ge=1)


class PostgresSettings(Frozen):
    """
    Where the database `sales` is. The password stands in libpq's pass file, or is given by the environment.
    """

    host: str = "127.0.0.1"
    port: int = 5432
    database: str = "sales"
    user: str = "sales_loader"
    passfile: Path | None = None
    password: SecretStr | None = None


class LakeSettings(Frozen):
    root: Path = PROJECT_ROOT / "lake" / "data"
    reporting_currency: str = Field("USD", pattern="^[A-Z]{3}$")
    # An order that reached Kafka more than this after it was placed is flagged `is_late`.
    late_after_minutes: int = Field(60, ge=1)
    email_hmac_key_file: Path = PROJECT_ROOT / ".run" / "secrets" / "email_hmac_key"


class StreamSettings(Frozen):
    """The lake writer's pace and size: the defaults suit 2 cores."""

    trigger_seconds: float = Field(2.0, ge=0)
    max_offsets_per_trigger: int = Field(20_000, ge=1)
    driver_memory: str = "2g"
    cores: int = Field(2, ge=1)
    ui: bool = False
    jars_dir: Path = PROJECT_ROOT / ".jars" / "spark"
    heartbeat_seconds: float = Field(5.0, gt=0)
    # A Java half that answers nothing for this long hangs: the driver ends, and both halves start anew. No
    # collection of a heap of this size takes a third of it.
    java_silence_seconds: float = Field(30.0, ge=5)
    # Where the writer serves its metrics, on loopback; None serves none.
    metrics_port: int | None = Field(None, ge=1, le=65_535)
    # Profile `test` only: the writer ends itself with SIGKILL there. Names: include/fault_points.py.
    fault_point: str = ""


class PublishSettings(Frozen):
    # An hour is closed this long after its end, when the stream has read past that moment.
    grace_minutes: int = Field(10, ge=0)
    # A publish that waits longer for a lock, or works longer on one statement, gives up and is tried again.
    lock_timeout_seconds: int = Field(10, ge=1)
    statement_timeout_seconds: int = Field(300, ge=1)


class MaintenanceSettings(Frozen):
    """When a day of a table is worth compacting. The stream waits as long as one day of one table takes."""

    # A smaller file is small.
    small_file_bytes: int = Field(32 * 1024 * 1024, ge=1)
    # So many small files of a day that is over, or of today, are too many.
    most_small_files: int = Field(8, ge=2)
    most_small_files_today: int = Field(500, ge=2)
    # How long a run waits for the lake writer to carry one step out.
    step_timeout_seconds: int = Field(900, ge=1)


class SupervisionSettings(Frozen):
    """When the stream counts as stuck, and how to reach its process manager."""

    supervisor_socket: Path | None = None
    program: str = "lake-writer"
    # Older than the first, a batch is called slow; older than the second, the stream is restarted. They are
    # apart, because a restart throws away what a batch that is merely slow has done.
    max_batch_age_seconds: int = Field(60, ge=5)
    restart_batch_age_seconds: int = Field(240, ge=5)
    # With the watchdog's pace and the second look a frozen writer is replaced 45 s after its last beat.
    max_heartbeat_age_seconds: int = Field(30, ge=5)
    # A silent writer is killed only if it stays silent this long under watch: two of its heartbeats. After an
    # outage of the database the last beat is old although the next one is about to come.
    second_look_seconds: float = Field(10.0, ge=0)
    # The watchdog looks this often.
    watch_seconds: float = Field(5.0, gt=0)
    # A start may take the first, as long as it beats; until its first beat it may take the second.
    max_start_seconds: int = Field(120, ge=5)
    max_silent_start_seconds: int = Field(45, ge=5)
    # The breakers. Restarts after which no batch was closed have a cause no restart heals; so many within an
    # hour have one too, even if each of them brought a batch.
    max_restarts_without_batch: int = Field(4, ge=1)
    max_restarts_per_hour: int = Field(20, ge=1)
    # A crash loop: as many starts within a quarter of an hour, whoever made them, and not one batch.
    max_starts_without_batch: int = Field(4, ge=2)
    # SIGTERM ends the writer after its batch; the process manager kills it when that takes too long.
    max_stop_seconds: int = Field(90, ge=5)


class AirflowSettings(Frozen):
    url: str = "http://127.0.0.1:8080"
    credentials_file: Path | None = None


class Settings(BaseSettings):
    """The one settings object. Only `main()` functions and task bodies call `get_settings()`."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    # `test` lets tests make the lake writer fail at named points; everything else is the same.
    profile: Literal["normal", "test"] = "normal"
    run_dir: Path = PROJECT_ROOT / ".run"
    manifest: Path = PROJECT_ROOT / ".run" / "manifest.sqlite"
    kafka: KafkaSettings = KafkaSettings()
    postgres: PostgresSettings = PostgresSettings()
    lake: LakeSettings = LakeSettings()
    stream: StreamSettings = StreamSettings()
    publish: PublishSettings = PublishSettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    airflow: AirflowSettings = AirflowSettings()

    @model_validator(mode="after")
    def _fault_points_are_for_tests(self) -> Self:
        point = self.stream.fault_point
        if point and self.profile != "test":
            raise ValueError(
                f"stream.fault_point is {point!r}, but profile is {self.profile!r}: only profile 'test' may"
                " let the lake writer fail. Remove the fault point, or set profile to 'test'"
            )
        if point and point not in STEPS:
            raise ValueError(f"stream.fault_point is {point!r}, which is none of {', '.join(STEPS)}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        stored = JsonConfigSettingsSource(settings_cls, json_file=settings_file(run_dir()))
        return init_settings, env_settings, stored


def run_dir() -> Path:
    """The run folder: everything a running stack keeps, its secrets and its logs."""
    return Path(os.environ.get(RUN_DIR_VARIABLE, PROJECT_ROOT / ".run")).resolve()


def use_run_dir(folder: Path) -> None:
    """For this process and what it starts, the run folder is `folder` (`--run-dir` of the command line)."""
    os.environ[RUN_DIR_VARIABLE] = str(folder.resolve())
    get_settings.cache_clear()


def settings_file(run_folder: Path) -> Path:
    return run_folder / "settings.json"


def child_environment(**overrides: str) -> dict[str, str]:
    """This process's environment with `overrides`: what a part of the stack is started with."""
    # Airflow reads its own variables before its file: those of the caller's shell are about another Airflow.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    return {**inherited, **overrides}


def machine_variable(name: str) -> str | None:
    """A variable that belongs to the machine, not to us (`JAVA_HOME`, `PATH`)."""
    return os.environ.get(name)


@cache
def get_settings() -> Settings:
    """
    Read the settings, once per process.

    Raises:
        SettingsError: a value is missing, misspelt or of the wrong type.
    """
    try:
        return Settings()
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}".removeprefix(": ") for e in error.errors()
        )
        raise SettingsError(
            f"Reading the settings ({settings_file(run_dir())} and {ENV_PREFIX}* variables): {found}."
            " Nothing was started. Correct the named values."
        ) from error
