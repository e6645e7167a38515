"""Recovery times from the ledger: undisturbed ones only, and never the last batch of a dying driver."""

from datetime import UTC, datetime, timedelta

from stack.chaos.recovery import Disruption, Spread, recoveries, spreads

BEGIN = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def disruption(begun: float, *, over: float | None = None, driver: int | None = None) -> Disruption:
    return Disruption("kill java", at(begun), at(begun if over is None else over), driver)


def seconds_of(disruptions, batches, starts=()) -> list[float | None]:
    found = recoveries(disruptions, [at(b) for b in batches], [(pid, at(s)) for pid, s in starts])
    return [recovery.seconds for recovery in found]


def test_the_next_batch_of_another_driver_counts():
    """Python may close a batch whose Java was just killed: that is no recovery."""
    assert seconds_of([disruption(10, driver=1)], [9, 10.5, 52], [(1, 0), (2, 12)]) == [42]


def test_a_victim_that_had_just_started_is_not_its_own_successor():
    assert seconds_of([disruption(10, driver=1)], [10.5, 52], [(1, 9.5), (2, 12)]) == [42]


def test_a_driver_that_goes_on_counts_from_the_begin_of_the_stop():
    assert seconds_of([disruption(10, over=20)], [9, 11, 24]) == [14]


def test_a_recovery_that_was_disturbed_does_not_count():
    """The second fault came before the first was healed: only the second one has a time."""
    faults = [disruption(10, driver=1), disruption(30, driver=2)]
    assert seconds_of(faults, [70], [(1, 0), (2, 12), (3, 31)]) == [None, 40]


def test_a_stream_that_never_came_back_has_no_time():
    assert seconds_of([disruption(10, driver=1)], [9], [(1, 0)]) == [None]


def test_starts_in_whole_seconds_are_not_missed():
    """The process manager says 10 for a process that began at 10.8, after the kill at 10.4."""
    assert seconds_of([disruption(10.4, driver=1)], [45], [(1, 0), (2, 10)]) == [34.6]


def test_the_spread_of_what_is_known():
    found = recoveries(
        [disruption(0), disruption(100), disruption(200)], [at(10), at(130)], [],
    )  # fmt: skip
    assert spreads(found) == {"kill java": Spread(2, 20.0, 29.0, 30.0)}
