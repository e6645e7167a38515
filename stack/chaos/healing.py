"""Ends every fault and waits until all that was sent is in the lake."""

from time import monotonic

from stack.catching_up import wait_for_lake
from stack.chaos.actions import Actor
from stack.chaos.stand import Stand
from stack.chaos.traffic import Traffic

# Longer than the target: that it was missed is told with everything else, not instead of it.
PATIENCE_SECONDS = 300


def heal(stand: Stand, actor: Actor, traffic: Traffic) -> float:
    """
    No fault is left, every part is healthy, no order is on its way.

    Returns:
        Seconds from the end of the last fault until everything was in the lake.

    Raises:
        StackError: a part did not come up, or the lake has not caught up for long.
    """
    actor.finish()
    for disk in stand.disks.values():
        disk.free()
    began = monotonic()
    stand.up()
    traffic.end()
    settings = stand.settings
    wait_for_lake(settings.kafka, settings.postgres, lambda missing: None, patience_seconds=PATIENCE_SECONDS)
    return monotonic() - began
