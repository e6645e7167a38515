"""
The power is cut right after a batch was closed: what the ledger has is on the disk.

The lake lies on a disk of its own, an image behind a loop device. What is in the image at a moment is what
the disk would have after a cut: all that the kernel still holds back is missing. Needs root.
"""

import os
import shutil
from pathlib import Path

import pytest

from include.errors import StackError, TableDamaged
from include.settings import PostgresSettings
from lake.tables import TABLES
from spark.streaming import batch
from spark.streaming.database import Database
from spark.streaming.ledger import record_generation
from spark.streaming.opening import verify_last_batch
from spark.streaming.table_check import verify_tables
from stack.chaos.disk import make_file_system, mounted
from tests.batch_lake import Lake
from tests.orders import order

pytestmark = [
    pytest.mark.spark,
    pytest.mark.stack,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk"),
]
IMAGE_BYTES = 128 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The image of a small disk with a file system."""
    image = tmp_path / "disk.img"
    make_file_system(image, IMAGE_BYTES)
    try:
        with mounted(image, tmp_path / "probe"):
            return image
    except StackError as error:
        pytest.skip(str(error))


def known(lake: Lake) -> Lake:
    """The database knows whose batches the tables have."""
    record_generation(lake.connection, lake.generation, reason="first start")
    return lake


def cut_after(number: int, lake: Lake, disk: Path) -> Path:
    """The disk as it is when the batch has just been closed."""
    image = disk.with_name(f"after-{number}.img")

    def reach(step: str) -> None:
        if step == "after_close":
            shutil.copyfile(disk, image)

    records = [order(order_id=f"O-{number}-{n}") for n in range(5)]
    lake.write(number, records, 5 * number, reach)
    return image


def test_what_the_ledger_has_is_there_after_a_cut(
    spark, connection, new_lake, disk: Path, tmp_path: Path, own_sales_database: PostgresSettings
) -> None:
    database = Database(own_sales_database, application_name="test")
    with mounted(disk, tmp_path / "disk") as folder:
        lake = known(new_lake(f"{folder.name}/lake"))
        for number in range(2):
            image = cut_after(number, lake, disk)
            with mounted(image, tmp_path / f"after-{number}") as left:
                verify_tables(left / "lake", connection)
                verify_last_batch(left / "lake", database)


def test_the_kernel_would_have_held_it_back(
    spark, connection, new_lake, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would prove nothing."""
    with mounted(disk, tmp_path / "disk") as folder:
        lake = known(new_lake(f"{folder.name}/lake"))
        os.sync()
        monkeypatch.setattr(batch, "sync", lambda root: None)
        image = cut_after(0, lake, disk)
        with mounted(image, tmp_path / "after") as left:
            assert all(table.path(left / "lake").is_dir() for table in TABLES)
            with pytest.raises(TableDamaged):
                verify_tables(left / "lake", connection)
