"""How a rebuild ends as a command: what it prints, and its exit code."""

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from pyspark.errors import PySparkException

from include.errors import LakehouseError


def carry_out(work: Callable[[], bool], *, replacing: bool, doing: str, what_is_true: str) -> int:
    """
    Do `work`, which says whether all is well, and print the verdict; returns the exit code.

    Args:
        replacing: the verdict is about what was swapped in, not about what is equal.
        doing, what_is_true: what a failure of Spark is told with.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    began = time.monotonic()
    try:
        good = work()
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 1
    except PySparkException as error:
        cause = str(error).strip().splitlines()[0]
        print(
            f"{doing}: {cause}. {what_is_true} If bronze cannot be read:"
            " docs/runbooks/supervise_streams.md, 'A table is damaged'.",
            file=sys.stderr,
        )
        return 1
    verdict = "swapped in" if replacing else ("equal" if good else "DIFFERENT")
    print(f"Rebuilt from bronze: {verdict} ({time.monotonic() - began:.0f} s).")
    return 0 if good else 1


def leave(status: int) -> NoReturn:
    """End the process: threads of py4j must not keep it alive."""
    sys.stdout.flush()
    os._exit(status)
