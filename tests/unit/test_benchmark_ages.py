"""How old orders are when the answers have them, from made-up arrivals and looks."""

import json

import numpy as np
import pytest

from bench.ages import Look, ages, backlogs, grows
from bench.contender import BenchmarkError
from bench.latencies import figures, shortest


def test_an_order_is_seen_by_the_first_look_that_counts_it():
    """Order number k, by arrival; a count that falls for a moment takes nothing back."""
    arrived = np.array([1.0, 2.0, 3.0, 4.0])
    looks = [Look(2.5, 0), Look(3.0, 2), Look(3.5, 1), Look(6.0, 3)]

    assert ages(arrived, looks)[:3].tolist() == [2.0, 1.0, 3.0]
    assert np.isnan(ages(arrived, looks)[3])


def test_nothing_is_seen_without_a_look():
    assert np.isnan(ages(np.array([1.0, 2.0]), [])).all()


def test_the_backlog_is_what_arrived_and_is_not_in():
    arrived = np.arange(10.0)

    assert backlogs(arrived, [Look(4.5, 2), Look(9.5, 10)]).tolist() == [3.0, 0.0]


def seen_each_second(
    *, behind: float, per_second: int = 100, seconds: int = 30
) -> tuple[np.ndarray, list[Look]]:
    """Orders at an even pace; each look counts those that are older than `behind`."""
    arrived = np.arange(0, seconds, 1 / per_second)
    looks = [Look(at, int(max(0, at - behind) * per_second)) for at in np.arange(0.0, seconds + 60, 0.05)]
    return arrived, [Look(look.at, min(look.orders, len(arrived))) for look in looks]


def test_figures_are_those_of_orders_after_the_warm_up():
    arrived, looks = seen_each_second(behind=2.0)
    found = figures(arrived, looks, since=10.0, rate=100)

    assert found["orders"] == 2_000
    assert found["p50"] == pytest.approx(2.0, abs=0.1)
    assert found["max"] == pytest.approx(2.05, abs=0.1)
    assert found["sustained"]
    assert json.loads(json.dumps(found)) == found


def test_a_rate_is_not_held_when_the_backlog_grows():
    """Half of what arrives gets in: the age of the last orders is that of the end."""
    arrived = np.arange(0, 30, 0.01)
    looks = [Look(at, int(at * 50)) for at in np.arange(0.0, 40, 0.05)]
    found = figures(arrived, looks, since=10.0, rate=100)

    assert found["never_seen"] > 0
    assert not found["sustained"]
    assert grows(backlogs(arrived, [look for look in looks if 10 <= look.at <= 30]), 100)


def test_a_rate_that_the_sender_missed_is_not_held():
    arrived, looks = seen_each_second(behind=0.5)

    assert not figures(arrived, looks, since=10.0, rate=200)["sustained"]


def test_without_an_order_after_the_warm_up_there_is_no_figure():
    arrived, looks = seen_each_second(behind=0.5)

    with pytest.raises(BenchmarkError, match="there is none"):
        figures(arrived, looks, since=1_000.0, rate=100)


def test_the_shortest_interval_is_one_within_which_batches_are_done():
    """One in twenty may take longer."""

    def row(interval: float, behind: int, **more: object) -> dict[str, object]:
        plain = {"name": "saleslake", "airflow": False, "rate": 1_000, "sustained": True, "batches": 100}
        return plain | {"interval": interval, "behind": behind} | more

    assert shortest([row(2.0, 0), row(1.0, 5), row(0.5, 6)]) == 1.0
    assert shortest([row(2.0, 0), row(1.0, 0, sustained=False), row(0.5, 0, airflow=True)]) == 2.0
    assert (
        shortest([{"name": "saleslake", "airflow": False, "rate": 1_000, "interval": 2.0, "failed": "x"}])
        is None
    )
