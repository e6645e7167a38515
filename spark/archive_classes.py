"""
Make the archive of Spark's classes, where there is none for these jars and this Java.

    python -m spark.archive_classes    # a minute; when it is there: at once

A session of its own does, in a folder that is thrown away, what each start of the lake writer does; when its
JVM ends, it writes what it has loaded.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from include.class_archive import class_archive, jars, remove_others
from include.settings import StreamSettings, get_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The JVM names each of a thousand classes that it cannot archive; and optimising code is for longer lives.
OPTIONS = ("-Xlog:disable", "-XX:TieredStopAtLevel=1")
PATIENCE_SECONDS = 300


def archive_classes(archive: Path, stream: StreamSettings) -> None:
    """
    Raises:
        Exception: the JVM did not start, or wrote none; its log lies beside where the archive belongs.
    """
    # Seconds that a set-up with nothing to do must not pay.
    from spark.session import get_session

    new, log = archive.with_suffix(".new"), archive.with_suffix(".log")
    options = [*OPTIONS, f"-XX:ArchiveClassesAtExit={new}"]
    # The JVM writes where this process does, and nobody who sets up needs to read it.
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), sys.stderr.fileno())
    spark = get_session("class archive", stream, java_options=options)
    java = spark.sparkContext._gateway.proc  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory(prefix="saleslake-classes-") as folder:
        exercise(spark, Path(folder))
    spark.stop()
    java.stdin.close()  # what the gateway takes as the end
    java.wait(timeout=PATIENCE_SECONDS)
    new.rename(archive)
    log.unlink()


def exercise(spark: "SparkSession", folder: Path) -> None:
    """Load what a start needs: a stream through foreachBatch into a Delta table, and Kafka's source."""
    from delta.tables import DeltaTable

    table, checkpoint = str(folder / "table"), str(folder / "checkpoint")
    ticks = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 10).load()
    DeltaTable.createIfNotExists(spark).location(table).addColumns(ticks.schema).execute()
    query = (
        ticks.writeStream.trigger(availableNow=True)
        .option("checkpointLocation", checkpoint)
        .foreachBatch(lambda batch, _: batch.coalesce(1).write.format("delta").mode("append").save(table))
        .start()
    )
    query.awaitTermination()
    spark.read.format("delta").load(table).toArrow()
    spark.readStream.format("kafka").option("kafka.bootstrap.servers", "none:1").option(
        "subscribe", "t"
    ).load()


def main() -> int:
    try:
        stream = get_settings().stream
        archive = class_archive(jars(stream.jars_dir))
        remove_others(archive)
        if not archive.is_file():
            print(
                "setup: archiving Spark's classes, so that it starts 10 s sooner (a minute, once)", flush=True
            )
            archive_classes(archive, stream)
    except Exception as error:  # whatever it is, Spark works without
        print(f"setup: no archive of Spark's classes, it starts 10 s later: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    # The Python side of a session that has lost its JVM says so at exit.
    os._exit(main())
