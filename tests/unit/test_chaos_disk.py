"""The small disk under the lake: really full, or played at a fault point."""

import errno
import os

import pytest

from include.fault_points import armed_file
from stack.chaos.disk import SmallDisk


@pytest.fixture
def disk(tmp_path):
    disk = SmallDisk(tmp_path / "lake", tmp_path)
    disk.mount()
    if not disk.is_mounted:
        pytest.skip("no tmpfs can be mounted here")
    yield disk
    disk.unmount(keep=False)


def test_a_full_disk_takes_nothing_until_it_is_freed(disk, tmp_path):
    file = tmp_path / "lake" / "part.parquet"
    disk.fill("after_bronze.orders")
    with pytest.raises(OSError, match="No space left") as error:
        file.write_bytes(b"x" * 8_192)
    assert error.value.errno == errno.ENOSPC
    assert not armed_file(tmp_path).exists()

    disk.free()
    file.write_bytes(b"x" * 8_192)


def test_what_is_worth_a_look_outlives_the_disk(disk, tmp_path):
    (tmp_path / "lake" / "silver").mkdir()
    (tmp_path / "lake" / "silver" / "part").write_text("rows")
    disk.unmount(keep=True)
    assert not os.path.ismount(tmp_path / "lake")
    assert (tmp_path / "lake" / "silver" / "part").read_text() == "rows"


def test_without_a_tmpfs_a_step_is_armed(tmp_path):
    SmallDisk(tmp_path / "lake", tmp_path).fill("after_bronze.orders")
    assert armed_file(tmp_path).read_text() == "after_bronze.orders disk_full"
