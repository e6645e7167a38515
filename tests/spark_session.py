"""The one Spark session of a test run."""

import logging
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from include.settings import StreamSettings
from spark.session import get_session


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    session = get_session("tests", StreamSettings(driver_memory="1g"))
    yield session
    session.stop()
    # It says goodbye at exit, when pytest has closed what it would say it to.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
