"""
A small disk that can be filled: a tmpfs, where root may mount one. Elsewhere a full disk is played at a fault
point: the writer gets the error, but only there.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from include.fault_points import arm
from stack.processes import run

SIZE_MB = 512
FILLER = "filler"
SYSTEM_PROGRAMS = f"{os.defpath}:/usr/sbin:/sbin"


class SmallDisk:
    """The disk under `root`. Without a tmpfs, `fill` arms a fault point of the run folder instead."""

    def __init__(self, root: Path, run_folder: Path) -> None:
        self._root, self._run_folder = root, run_folder
        self.is_mounted = False

    def mount(self) -> None:
        """Twice is once. Where it is not allowed, nothing happens."""
        self._root.mkdir(parents=True, exist_ok=True)
        mount = shutil.which("mount")
        if self.is_mounted or mount is None or os.geteuid() != 0:
            return
        options = ["-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0755", "saleslake-chaos", str(self._root)]
        done = subprocess.run([mount, *options], capture_output=True, check=False)  # noqa: S603
        self.is_mounted = done.returncode == 0

    def unmount(self, *, keep: bool) -> None:
        """What was on the disk is gone with it, or kept in its place for a look."""
        umount = shutil.which("umount")
        aside = self._root.with_name(f"{self._root.name}.kept")
        if self.is_mounted and keep:
            shutil.copytree(self._root, aside, dirs_exist_ok=True)
        if self.is_mounted and umount is not None:
            subprocess.run([umount, "--lazy", str(self._root)], capture_output=True, check=False)  # noqa: S603
            self.is_mounted = False
        if aside.exists():
            self._root.rmdir()
            aside.rename(self._root)

    def fill(self, step: str) -> str:
        """Not a byte is free; without a tmpfs, the writer is told so at `step`. Returns how that was done."""
        if not self.is_mounted:
            arm(self._run_folder, step, "disk_full")
            return f"an error at {step} plays it: no tmpfs can be mounted here"
        fill_up(self._root)
        return f"the tmpfs under {self._root.name} is full"

    def free(self) -> None:
        (self._root / FILLER).unlink(missing_ok=True)


def fill_up(root: Path) -> None:
    """Not a byte of its file system is free."""
    with (root / FILLER).open("wb") as filler, suppress(OSError):
        # Half of the rest each time: the last bytes are not left to be found by a small file.
        while (free := os.statvfs(root).f_bavail * os.statvfs(root).f_frsize) > 0:
            os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), max(free // 2, 4096))


def make_file_system(image: Path, size_bytes: int) -> None:
    """
    A file that can be mounted as a disk: unlike a tmpfs one that keeps things back, and that exporters count.

    Raises:
        StackError: there is no mkfs.ext4.
    """
    with image.open("wb") as file:
        file.truncate(size_bytes)
    run([shutil.which("mkfs.ext4", path=SYSTEM_PROGRAMS) or "mkfs.ext4", "-q", "-m", "0", image],
        doing="Making a file system in a file")  # fmt: skip


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """
    The file system of `image` is in `folder`, which is made, within the block.

    Raises:
        StackError: only root may, and only with a loop device.
    """
    folder.mkdir()
    run(["mount", "-o", "loop", image, folder], doing="Mounting a file")
    try:
        yield folder
    finally:
        run(["umount", "--lazy", folder], doing="Unmounting a file")
