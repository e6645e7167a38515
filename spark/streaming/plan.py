"""What Spark wrote down before it began a batch: a replay finds the same."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from include.errors import CheckpointMismatch
from lake.tables import checkpoint
from spark.streaming.generation import HOW_TO_ADOPT, QUERY, Generation, Offsets


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """One batch of the lake. Offsets by partition."""

    batch_id: int
    planned_at: datetime
    start: Offsets  # first offset of the batch
    end: Offsets  # first offset after it

    @property
    def is_empty(self) -> bool:
        return self.start == self.end


def read_plan(root: Path, generation: Generation, spark_batch_id: int) -> BatchPlan:
    """
    The plan of a batch, from the checkpoint.

    Raises:
        CheckpointMismatch: the plan is not there or cannot be read.
    """
    planned_at, end = planned(root, generation.topic, spark_batch_id)
    previous = generation.starting_offsets
    if spark_batch_id > 0:
        _, previous = planned(root, generation.topic, spark_batch_id - 1)
    # A partition that was added to the topic starts at its beginning.
    start = {partition: previous.get(partition, 0) for partition in end}
    return BatchPlan(generation.batch_id(spark_batch_id), planned_at, start, end)


def planned(root: Path, topic: str, spark_batch_id: int) -> tuple[datetime, Offsets]:
    """
    When a batch was planned, and the first offset after it by partition.

    Raises:
        CheckpointMismatch: as `read_plan`.
    """
    path = checkpoint(root, QUERY) / "offsets" / str(spark_batch_id)
    try:
        # Line 1 is the format's version, line 2 its metadata, line 3 the offsets of our only source.
        _, metadata, offsets = path.read_text().splitlines()
        planned_at = datetime.fromtimestamp(json.loads(metadata)["batchTimestampMs"] / 1_000, UTC)
        return planned_at, {int(p): int(o) for p, o in json.loads(offsets)[topic].items()}
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise CheckpointMismatch(
            f"Reading the plan of batch {spark_batch_id}, {path}: {error!r}. The batch was not begun."
            f" {HOW_TO_ADOPT}"
        ) from error
