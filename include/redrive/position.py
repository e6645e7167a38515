"""Where a record lies in Kafka, and how a copy of it says so."""

from typing import NamedTuple

HEADER = "saleslake-redrive"


class Position(NamedTuple):
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"
