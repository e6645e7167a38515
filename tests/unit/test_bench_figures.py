"""What the measurements make of their figures."""

import pytest

from bench.capacity import inputs_of, predicted, sizes_of
from bench.measuring import in_cell, spread
from bench.soak import Size, slope
from lake.tables import TABLES


def found(orders: int, rate: int) -> dict:
    """As `bench.disk` has them, of a lake in which everything grows as the model says."""
    batches, minutes = orders // (2 * rate), 1 + -(-orders // (60 * rate))
    table = {"bytes": 90 * orders, "files": 3 * batches, "rows": orders, "log": 700 * batches, "beside": 0}
    state = {
        "kafka": 160 * orders,
        "tables": {one.full_name: table for one in TABLES},
        "order index": 50 * orders,
        "postgres": {"live": 100_000 * minutes, "ops": 900 * batches, "marts": 600 * orders},
        "published_orders": orders,
    }
    return {"orders": orders, "rate": rate, "before": state, "after": state}


def test_the_model_says_what_a_lake_like_it_holds():
    """Another size and another rate."""
    large = found(60_000, 500)
    assert predicted(inputs_of(found(30_000, 1_000)), 60_000, 500) == pytest.approx(sizes_of(large))


def test_memory_that_stays_has_no_slope():
    assert slope([100.0] * 10, Size()) == 0


def test_a_slope_is_percent_of_the_mean_per_hour():
    """A look a minute, 1 more each: 60 an hour on some 1,000. What fills up first does not count."""
    assert slope([0.0, 0.0, 0.0, *(float(1_000 + n) for n in range(7))], Size()) == pytest.approx(6, rel=0.01)


def test_a_few_minutes_have_no_slope():
    assert slope([1.0, 2.0, 3.0, 4.0, 5.0], Size()) is None


def test_a_spread_says_how_often():
    assert spread([3, 1, 2]) == {"min": 1, "median": 2, "max": 3, "runs": 3}


def test_a_cell_says_from_where_to_where():
    assert in_cell(spread([3, 1, 2]), ".0f") == "2 (1 – 3)"
    assert in_cell(spread([1]), ".0f") == "1"
