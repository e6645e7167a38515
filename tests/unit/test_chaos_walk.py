"""The walk: decided by the seed alone, full of variety, and sensible."""

from itertools import islice

import pytest

from include.fault_points import STEPS
from stack.chaos.actions import Actor
from stack.chaos.run import Outcome, Request
from stack.chaos.walk import KINDS, MOST_WITHOUT_BATCH, Action, walk
from stack.invariants.finding import judged

SEEDS = range(40)


def actions(seed: int, count: int = 60, *, with_airflow: bool = False) -> list[Action]:
    return list(islice(walk(seed, with_airflow=with_airflow), count))


def test_a_seed_is_a_walk():
    """The same again; a longer walk begins like a shorter one; another seed is another walk."""
    assert actions(7) == actions(7)
    assert actions(7, 20) == actions(7, 60)[:20]
    assert actions(7) != actions(8)


@pytest.mark.parametrize("with_airflow", [False, True])
def test_every_kind_can_be_carried_out(with_airflow):
    """One lap of the deck has them all, and the actor knows each."""
    wanted = {kind.name for kind in KINDS if with_airflow or not kind.needs_airflow}
    lap = sum(kind.weight for kind in KINDS)
    assert {action.kind for action in actions(1, 2 * lap, with_airflow=with_airflow)} == wanted
    assert [name for name in wanted if not callable(getattr(Actor, name, None))] == []


def test_every_step_of_a_batch_is_met():
    met = {a.details["step"] for seed in SEEDS for a in actions(seed) if a.kind == "die_at"}
    assert met == set(STEPS)


def test_a_burst_is_repeated_only_after_it_was_sent():
    """And with the same seed and count, or it would not be the same."""
    for seed in SEEDS:
        sent = None
        for action in actions(seed):
            if action.kind == "produce_again":
                assert action.details == sent
            sent = action.details if action.kind == "produce" else sent


def test_the_driver_may_close_a_batch_now_and_then():
    """Not more than so many faults of it follow each other without peace."""
    faults = {kind.name for kind in KINDS if kind.is_driver_fault}
    for seed in SEEDS:
        in_a_row = 0
        for action in actions(seed):
            in_a_row = (0 if action.in_peace else in_a_row) + (action.kind in faults)
            assert in_a_row <= MOST_WITHOUT_BATCH


def test_a_second_writer_and_an_armed_step_wait_for_peace():
    """A second writer is one only while the first runs; an armed step needs a batch or a request."""
    for seed in SEEDS:
        assert all(
            a.in_peace for a in actions(seed) if a.kind in ("second_writer", "die_at", "die_at_optimize")
        )


def test_how_to_do_it_again():
    request = Request(5, minutes=3, with_airflow=True)
    assert request.reproduction(14) == "saleslake chaos --seed 5 --actions 14 --with-airflow"


def test_a_walk_passes_only_when_everything_holds():
    outcome = Outcome(Request(5, 3, False))
    assert not outcome.passed  # nothing was looked at

    outcome.findings = [judged("I1", {"offsets": 4}, [])]
    assert outcome.passed

    outcome.surprises = ["a second lake writer was not refused"]
    assert not outcome.passed

    outcome.surprises, outcome.findings = [], [judged("I1", {"offsets": 4}, ["gone"])]
    assert not outcome.passed
