"""The one Spark session of a test run."""

import logging
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from include.settings import StreamSettings
from spark.session import get_session

SESSION = pytest.StashKey[SparkSession]()


@pytest.fixture(scope="session")
def spark(pytestconfig: pytest.Config) -> Iterator[SparkSession]:
    session = get_session("tests", StreamSettings(driver_memory="1g"))
    pytestconfig.stash[SESSION] = session
    yield session
    session.stop()
    # It says goodbye at exit, when pytest has closed what it would say it to.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)


@pytest.fixture(scope="module", autouse=True)
def forget_tables(pytestconfig: pytest.Config) -> Iterator[None]:
    """
    Delta keeps what it knows of a table for an hour. A test run opens hundreds of tables: together they
    filled the heap, and the JVM ended in the middle of a later module.
    """
    yield
    session = pytestconfig.stash.get(SESSION, None)
    if session is not None:
        session._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        session.catalog.clearCache()
