"""Groups of settings, with defaults. `include/settings.py` fills them; others import them from there."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

PROJECT_ROOT = Path(__file__).resolve().parent.parent


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
    """The lake's root is a folder that every part sees under the same path."""

    root: Path = PROJECT_ROOT / "lake" / "data"
    reporting_currency: str = Field("USD", pattern="^[A-Z]{3}$")
    # An order that reached Kafka more than this after it was placed is flagged `is_late`.
    late_after_minutes: int = Field(60, ge=1)
    email_hmac_key_file: Path = PROJECT_ROOT / ".run" / "secrets" / "email_hmac_key"

    @field_validator("root", mode="before")
    @classmethod
    def is_a_folder(cls, root: object) -> object:
        """`s3://bucket` as a path would be the folder `s3:/bucket`."""
        if "://" in str(root):
            raise ValueError(
                f"{root} is the address of an object store; the lake lies in a folder that every part sees"
                " under the same path (a disk, or a mounted file system)"
            )
        return root


class StreamSettings(Frozen):
    """The lake writer's pace and size: the defaults suit 2 cores."""

    trigger_seconds: float = Field(2.0, ge=0)
    max_offsets_per_trigger: int = Field(80_000, ge=1)
    driver_memory: str = "2g"
    cores: int = Field(2, ge=1)
    # Where the tasks of a batch run: empty, in the driver, on `cores` threads; or the address of a standalone
    # master, on as many cores of its workers. Those must see lake and jars under the driver's paths.
    master: str = Field("", pattern="^(spark://.+)?$")
    ui: bool = False
    jars_dir: Path = PROJECT_ROOT / ".jars" / "spark"
    heartbeat_seconds: float = Field(5.0, gt=0)
    # As long as it carries out a table request no batch is expected of the writer, for this long at most.
    request_seconds: float = Field(1_800.0, ge=60)
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


class QualitySettings(Frozen):
    """The pages about what the quality gates found."""

    # None: the folder `data_docs` of the run folder.
    data_docs: Path | None = None
    # The pages of so many runs are kept.
    kept_runs: int = Field(50, ge=1)


class MaintenanceSettings(Frozen):
    """
    When a day of a table is worth compacting, and a table VACUUM. The stream waits as long as one day of one
    table takes, or one VACUUM.
    """

    # A smaller file is small.
    small_file_bytes: int = Field(32 * 1024 * 1024, ge=1)
    # So many small files of a day that is over, or of today, are too many.
    most_small_files: int = Field(8, ge=2)
    most_small_files_today: int = Field(500, ge=2)
    # Deleting what nobody needs any more: after somebody approved ("ask"), by itself, or not at all.
    vacuum_policy: Literal["ask", "allow", "never"] = "ask"
    # A table with fewer deletable files and bytes than both is left alone, and nobody is asked.
    vacuum_least_files: int = Field(1_000, ge=1)
    vacuum_least_bytes: int = Field(1024**3, ge=1)
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
    # After a restart that brought no batch the next one waits this long, then twice that, up to the second.
    restart_backoff_seconds: int = Field(60, ge=0)
    max_restart_backoff_seconds: int = Field(300, ge=0)
    # SIGTERM ends the writer after its batch; the process manager kills it when that takes too long.
    max_stop_seconds: int = Field(90, ge=5)
    # What follows is worth a person's knowledge; nothing is restarted for it.
    # The lag is followed over so many seconds. That it grew is said from so many records on.
    lag_window_seconds: int = Field(300, ge=30)
    lag_growth_records: int = Field(5_000, ge=1)
    # What waits is more than is read within this time.
    max_behind_seconds: int = Field(600, ge=10)
    # Nothing waits, and yet the stream has not said for this long that everything is read; or it says so of a
    # time that is this far ahead.
    max_as_of_age_seconds: int = Field(120, ge=10)
    max_as_of_ahead_seconds: int = Field(60, ge=1)
    # Orders come, and the newest of them was placed this long ago; or this far ahead, of which the contract
    # allows five minutes.
    max_event_age_minutes: int = Field(120, ge=1)
    max_event_ahead_minutes: int = Field(6, ge=5)
    # Of at least so many records of the last minutes this share was quarantined.
    quarantine_window_minutes: int = Field(15, ge=1)
    quarantine_min_records: int = Field(200, ge=1)
    quarantine_warn_share: float = Field(0.1, gt=0, le=1)
    quarantine_fail_share: float = Field(0.5, gt=0, le=1)
    # Batches take longer than this on average: nobody sees an order sooner.
    max_batch_seconds: float = Field(30.0, gt=0)
    # The look-up of accepted orders, on the writer's disk.
    max_order_index_bytes: int = Field(20 * 1024**3, ge=1)
    # Airflow adds up the whole ledger each minute, less often where that takes long, never longer than this.
    max_books_seconds: int = Field(60, ge=1)
    # Samples of the stream's progress are kept so long.
    keep_samples_hours: int = Field(24, ge=1)


class AlertSettings(Frozen):
    """When somebody is told of an incident, and how. The log is always told."""

    # Gets a POST with JSON. Whoever knows it can write there: it is never printed.
    webhook_url: SecretStr | None = None
    webhook_timeout_seconds: float = Field(5.0, gt=0)
    # Tries in a row; then again after so many seconds, for a day.
    webhook_attempts: int = Field(2, ge=1)
    retry_seconds: float = Field(30.0, ge=0)
    # A warning is told when it has lasted this long; what is critical, or was restarted, at once.
    warning_patience_seconds: float = Field(60.0, ge=0)
    # An incident is over when it has not been seen for this long.
    close_after_seconds: float = Field(60.0, ge=0)


class AirflowSettings(Frozen):
    url: str = "http://127.0.0.1:8080"
    credentials_file: Path | None = None
