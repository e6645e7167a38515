"""What was rejected lately and why, from silver.rejected: it is in the lake, so it is read seldom."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from include.errors import LakehouseError
from include.pages.reading import utc_text

WINDOW = timedelta(hours=1)
READ_EVERY = timedelta(seconds=30)


class Rejections:
    """What arrived within an hour and is not in silver, by reason; read at most twice a minute."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read_at: datetime | None = None
        self._answer: dict[str, Any] = {}

    def lately(self, root: Path) -> dict[str, Any]:
        """
        Raises:
            LakehouseError: the table is there and cannot be read.
        """
        now = datetime.now(UTC)
        with self._lock:
            if self._read_at is None or now - self._read_at >= READ_EVERY:
                self._answer = rejected_since(root, now - WINDOW)
                self._read_at = now
            return {**self._answer, "read_at": utc_text(self._read_at)}


def rejected_since(root: Path, since: datetime) -> dict[str, Any]:
    """Records by reason, the most frequent first; a record counts under each of its reasons."""
    # Brings Arrow and the Delta reader: not before somebody looks.
    from deltalake.exceptions import DeltaError, TableNotFoundError

    from include.rejected import arrived, rejected_batches
    from lake.contract import DUPLICATE

    records, by_reason = 0, Counter[str]()
    try:
        for batch in rejected_batches(root, ["reasons"], *arrived(since, None)):
            for reasons in batch.column("reasons").to_pylist():
                records += 1
                by_reason.update(reasons or [DUPLICATE])
    except TableNotFoundError:
        pass  # Nothing was ever rejected.
    except DeltaError as error:
        raise LakehouseError(
            f"Reading silver.rejected under {root}: {error}. The stream is not touched by this."
            " `saleslake rejected` reads the same; if it fails too, see docs/runbooks/supervise_streams.md,"
            " 'A table is damaged'."
        ) from error
    return {
        "since": utc_text(since),
        "records": records,
        "by_reason": [{"reason": reason, "records": count} for reason, count in by_reason.most_common()],
    }
