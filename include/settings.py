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

from pydantic import ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from include.errors import SettingsError
from include.fault_points import STEPS
from include.setting_groups import (
    PROJECT_ROOT,
    AirflowSettings,
    AlertSettings,
    KafkaSettings,
    LakeSettings,
    MaintenanceSettings,
    PostgresSettings,
    PublishSettings,
    QualitySettings,
    StreamSettings,
    SupervisionSettings,
)

ENV_PREFIX = "SALESLAKE_"
RUN_DIR_VARIABLE = f"{ENV_PREFIX}RUN_DIR"


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
    quality: QualitySettings = QualitySettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    alerts: AlertSettings = AlertSettings()
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

    @property
    def data_docs(self) -> Path:
        """Where the pages of the quality gates are."""
        return self.quality.data_docs or self.run_dir / "data_docs"

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


def without_analytics() -> None:
    """Great Expectations, imported after this, reports nothing to anybody."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"


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
