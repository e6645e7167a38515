"""What the ledger says is in the lake must be there after a power cut, too."""

import ctypes
import os
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)


def sync(root: Path) -> None:
    """
    Everything that was written to the file system of `root` is on its disk. PostgreSQL makes its commits
    durable, Spark and delta-rs do not: without this a batch could be closed whose files are gone.

    Raises:
        OSError: the disk says that it is not; the kernel tells of a failed write here, and only once.
    """
    if not hasattr(_LIBC, "syncfs"):  # no Linux
        os.sync()
        return
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _LIBC.syncfs(folder):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(root))
    finally:
        os.close(folder)
