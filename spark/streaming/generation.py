"""
What ties a checkpoint to its lake: a file of ours inside the checkpoint folder.

A lost checkpoint takes this file with it, so a new one can never pass for the old: transactions of the
tables carry the generation, and numbers of batches go on where the last generation ended.
"""

import json
import os
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from include.errors import CheckpointMismatch
from lake.tables import TABLES, checkpoint

QUERY = "orders"
Offsets = dict[int, int]


@dataclass(frozen=True, slots=True)
class Generation:
    """One life of a checkpoint. `starting_offsets` is where it began, by partition."""

    uuid: str
    topic: str
    topic_id: str
    first_batch_id: int
    starting_offsets: dict[int, int]
    email_key: str  # fingerprint of the key that the hashes of silver were made with

    @property
    def app_id(self) -> str:
        """The `txnAppId` of every Delta write of this generation."""
        return app_id(self.uuid)

    @property
    def key(self) -> bytes:
        return uuid.UUID(self.uuid).bytes

    def batch_id(self, spark_batch_id: int) -> int:
        """The lake's number of a Spark batch: Spark counts from 0 in every checkpoint, the lake goes on."""
        return self.first_batch_id + spark_batch_id


def app_id(generation: str) -> str:
    """The `txnAppId` of the Delta writes of a generation."""
    return f"{QUERY}:{generation}"


def generation_file(root: Path) -> Path:
    return checkpoint(root, QUERY) / "saleslake.json"


def load_generation(root: Path) -> Generation | None:
    """
    The generation of the checkpoint under `root`; None when neither checkpoint nor data are there.

    Raises:
        CheckpointMismatch: there is data without a checkpoint, or the file is damaged.
    """
    path = generation_file(root)
    if not path.exists():
        _refuse_orphaned_data(root, path)
        return None
    try:
        stored = json.loads(path.read_text())
        offsets = {int(p): int(o) for p, o in stored.pop("starting_offsets").items()}
        return Generation(**stored, starting_offsets=offsets)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointMismatch(
            f"Reading {path}: {error!r}. The stream did not start and nothing was written. {HOW_TO_ADOPT}"
        ) from error


def _refuse_orphaned_data(root: Path, path: Path) -> None:
    holding = [table.full_name for table in TABLES if any(table.path(root).glob("**/*.parquet"))]
    if holding:
        raise CheckpointMismatch(
            f"Starting the stream on {root}: {', '.join(holding)} hold data, but {path} is missing. Starting"
            f" anew would count every order twice. Nothing was written. {HOW_TO_ADOPT}"
        )


HOW_TO_ADOPT = (
    "`saleslake adopt` makes a new checkpoint from what the tables and the ledger hold:"
    " docs/runbooks/supervise_streams.md, 'Checkpoint'."
)


def begin_generation(
    root: Path, *, topic: str, topic_id: str, first_batch_id: int, starting_offsets: Offsets, email_key: str
) -> Generation:
    """Lay down the file of a new generation, whole or not at all."""
    begun = Generation(str(uuid.uuid4()), topic, topic_id, first_batch_id, dict(starting_offsets), email_key)
    path = generation_file(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        json.dump(asdict(begun), file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # or a power cut may forget the rename
    finally:
        os.close(folder)
    return begun
