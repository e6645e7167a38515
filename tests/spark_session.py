"""The one Spark session of a test run."""

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
