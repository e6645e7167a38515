"""The only place a SparkSession is built."""

import sys
from collections.abc import Iterable

from pyspark.sql import SparkSession

from include.settings import StreamSettings
from include.spark_driver import driver_options, executor_options

SESSION = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # Keys in literals, such as the e-mail HMAC's, never reach a plan, a log or the UI.
    "spark.sql.redaction.string.regex": "(?i)[0-9a-f]{64,}|\\[(?:-?\\d+,){31,}-?\\d+\\]",
    # Micro-batches are small: adaptive planning and its extra jobs cost more than they give.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Its default, but one that Spark works out anew for every field that is read without generated code.
    "spark.sql.types.framework.enabled": "false",
    # Room for the code of every step of a batch and of Delta's own queries: compiled once, used for months.
    "spark.sql.codegen.cache.maxEntries": "2000",
    "spark.sql.parquet.compression.codec": "zstd",
    # Without this a flipped byte in a data file is read as a wrong number, without an error.
    "spark.hadoop.parquet.page.verify-checksum.enabled": "true",
    # The default of 50 tasks per table snapshot suits tables with thousands of files.
    "spark.databricks.delta.snapshotPartitions": "1",
    # Logs of half an hour, removed files of a week: VACUUM lists the folder, it does not ask the log.
    "spark.databricks.delta.vacuum.enforceDeletedFileAndLogRetentionDurationCompatibility": "false",
    # A driver that runs for months must not collect UI history.
    "spark.sql.ui.retainedExecutions": "5",
    "spark.ui.retainedJobs": "20",
    "spark.ui.retainedStages": "20",
    "spark.ui.retainedTasks": "200",
    "spark.sql.streaming.numRecentProgressUpdates": "5",
    "spark.ui.showConsoleProgress": "false",
}


def get_session(
    app_name: str, stream: StreamSettings, *, java_options: Iterable[str] = (), **overrides: str
) -> SparkSession:
    """
    The session of this process: UTC, with Delta and Kafka from the jar folder, on `stream.master`.

    Args:
        java_options: of the JVM, further ones.
        overrides: further Spark settings, dots written as two underscores.

    Raises:
        SettingsError: the jar folder is empty or missing.
    """
    builder = SparkSession.builder.appName(app_name).master(stream.master or f"local[{stream.cores}]")
    settings: dict[str, bool | float | int | str | None] = {
        **settings_of_session(stream),
        **driver_options(stream, java_options),
        **executor_options(stream),
        **{name.replace("__", "."): value for name, value in overrides.items()},
    }
    session = builder.config(map=settings).getOrCreate()
    # Workers in Python are what we are; by default they are whatever `python3` is.
    session.sparkContext.pythonExec = sys.executable
    return session


def settings_of_session(stream: StreamSettings) -> dict[str, str]:
    """What the session is told, but for what belongs to this machine."""
    return {
        **SESSION,
        "spark.sql.shuffle.partitions": str(stream.cores),
        "spark.default.parallelism": str(stream.cores),
        # VACUUM lists a folder with as many tasks: 10,000 unless told otherwise, minutes of 2 cores.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": str(stream.cores),
        "spark.ui.enabled": str(stream.ui).lower(),
    }
