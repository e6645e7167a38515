"""
What the JVMs of a Spark driver, and of its executors if it has any, are started with: for a session
(`spark/session.py`) and for `spark-submit`, which must know it before there is one.
"""

from collections.abc import Iterable

from include.class_archive import jars, jvm_options
from include.settings import PROJECT_ROOT, StreamSettings

LOG_SETTINGS = PROJECT_ROOT / "spark" / "log4j2.properties"
# A batch makes much garbage and keeps nothing: the collector with the least work beside it is the cheapest.
JVM_OPTIONS = (
    "-XX:+UseParallelGC",
    "-XX:+ExitOnOutOfMemoryError",
    f"-Dlog4j2.configurationFile={LOG_SETTINGS}",
)


def driver_options(stream: StreamSettings, java_options: Iterable[str] = ()) -> dict[str, str]:
    """
    Spark settings, by name.

    Raises:
        SettingsError: the jar folder is empty or missing.
    """
    ours = jars(stream.jars_dir)
    return {
        # Not spark.jars: that copies them at each start, and only the class path can come from an archive.
        "spark.driver.extraClassPath": ":".join(map(str, ours)),
        "spark.driver.extraJavaOptions": " ".join([*JVM_OPTIONS, *jvm_options(ours), *java_options]),
        "spark.driver.memory": stream.driver_memory,
    }


def executor_options(stream: StreamSettings) -> dict[str, str]:
    """What the workers of `stream.master` start executors with; nothing where the driver does all itself."""
    if not stream.master:
        return {}
    return {
        "spark.cores.max": str(stream.cores),
        "spark.executor.extraClassPath": ":".join(map(str, jars(stream.jars_dir))),
        "spark.executor.extraJavaOptions": " ".join(JVM_OPTIONS),
        # What runs in Python there may be ours.
        "spark.executorEnv.PYTHONPATH": str(PROJECT_ROOT),
    }
