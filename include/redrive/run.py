"""A re-drive from beginning to end: settle what an earlier run left open, choose, mark, send, write down."""

from itertools import chain
from pathlib import Path

import psycopg

from include.errors import RedriveError
from include.fault_points import Reach, pass_by
from include.redrive import marks
from include.redrive.marks import Outcome, alone
from include.redrive.request import Request
from include.redrive.selection import Chosen, Selection
from include.redrive.summary import Summary
from include.redrive.topic import OrdersTopic, orders_topic
from include.settings import KafkaSettings


def replay(
    connection: psycopg.Connection,
    kafka: KafkaSettings,
    root: Path,
    request: Request,
    reach: Reach = pass_by,
) -> Summary:
    """
    Send the chosen records again; a dry run only says which. Running it twice sends each record once, also
    when the first run was killed: `reach` is told of "settled", "marked" and "sent", where a test may end it.

    Raises:
        RedriveError: another run is at it, a server does not answer, or the broker left records without an
            answer. What was sent is marked; run again.
    """
    if request.dry_run:
        return _look(connection, kafka, root, request)
    with alone(connection), orders_topic(kafka) as topic:
        settled = _settle(connection, kafka.orders_topic, topic)
        reach("settled")
        summary = Summary(request, settled=settled)
        selection = _select(connection, kafka, root, request)
        ends = topic.ends()
        for chunk in selection:
            _send(connection, topic, summary, chunk, ends, reach)
        summary.left_out = selection.left_out
        return summary


def _look(connection: psycopg.Connection, kafka: KafkaSettings, root: Path, request: Request) -> Summary:
    summary, selection = Summary(request), _select(connection, kafka, root, request)
    for record in chain.from_iterable(selection):
        summary.choose(record)
    summary.left_out = selection.left_out
    return summary


def _select(connection: psycopg.Connection, kafka: KafkaSettings, root: Path, request: Request) -> Selection:
    known = marks.read_known(connection, kafka.orders_topic, request)
    return Selection(root, kafka.orders_topic, request, known)


def _settle(connection: psycopg.Connection, name: str, topic: OrdersTopic) -> list[Outcome]:
    """What a run that was killed has sent, by the headers in the topic: that, and nothing else, is sent."""
    unfinished = marks.read_unfinished(connection, name)
    if not unfinished:
        return []
    partitions = set(chain.from_iterable(unfinished.values()))
    starts = {number: min(ends.get(number, 0) for ends in unfinished.values()) for number in partitions}
    copies = topic.copies_since(starts)
    outcomes = [
        Outcome(position, "sent", copy)
        if (copy := copies.get(str(position)))
        else Outcome(position, "not_sent")
        for position in unfinished
    ]
    marks.finish(connection, outcomes)
    return outcomes


def _send(
    connection: psycopg.Connection,
    topic: OrdersTopic,
    summary: Summary,
    chunk: list[Chosen],
    ends: dict[int, int],
    reach: Reach,
) -> None:
    records = ((record.rejected.position, record.rejected.reasons) for record in chunk)
    marked = marks.mark(connection, summary.request, records, ends)
    reach("marked")
    ours = [record for record in chunk if record.rejected.position in marked]
    for record in ours:
        summary.choose(record)
    outcomes = topic.send(ours)
    reach("sent")
    marks.finish(connection, outcomes)
    summary.outcomes += outcomes
    if len(outcomes) < len(ours):
        raise RedriveError(
            f"Sending {len(ours)} records again: the broker gave no answer for {len(ours) - len(outcomes)}."
            f" {summary.sent} copies are known to be there; the next run looks for the others in the topic"
            " before it sends. Run again."
        )
