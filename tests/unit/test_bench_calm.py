"""A section of the benchmark begins when what ran before it has come to rest."""

import pytest

from bench import machine


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Cores in use at each look; the last one stays."""
    seen = [2.0, 1.3, 0.4, 1.9]
    monkeypatch.setattr(machine, "cores_in_use", lambda: seen.pop(0) if len(seen) > 1 else seen[0])
    return seen


def test_it_waits_until_the_machine_is_calm(looks: list[float]) -> None:
    assert machine.cores_in_use_once_calm() == 0.4
    assert looks == [1.9]


def test_of_a_machine_that_stays_busy_it_says_so(looks: list[float]) -> None:
    """It begins all the same; the page says that its times count for nothing."""
    del looks[:-1]
    assert machine.cores_in_use_once_calm(seconds=0) == 1.9 > machine.BUSY
