"""Every suite passes what is good, and each of its expectations fails for what it is there for."""

import pytest

from include.quality.gate import judge
from include.quality.suites import FOLDER, Expectation, Suite, read_suite
from include.quality.tables import CHECKED, Checked
from tests.quality_batches import HOUR, broken, good

EXPECTATIONS = [(table, expectation) for table in CHECKED for expectation in read_suite(table).expectations]


@pytest.mark.parametrize("table", CHECKED, ids=lambda table: table.suite)
def test_a_good_batch_passes(table: Checked) -> None:
    """Nothing fails, nothing warns, and every expectation was evaluated."""
    (verdict,) = judge(good(table)).verdicts

    assert verdict.as_text().endswith("as it should be")
    assert len(verdict.outcomes) == len(read_suite(table).expectations)


@pytest.mark.parametrize(
    ("table", "expectation"), EXPECTATIONS, ids=[f"{table.suite}-{one.words}" for table, one in EXPECTATIONS]
)
def test_one_wrong_value_fails_its_expectation(
    monkeypatch: pytest.MonkeyPatch, table: Checked, expectation: Expectation
) -> None:
    """Alone, so that no other expectation fails in its place; its severity is the verdict's."""
    # Each costs as much as the suites of all tables together, were it not alone.
    monkeypatch.setattr("include.quality.gate.read_suite", lambda _: Suite(table.suite, (expectation,)))

    (verdict,) = judge(broken(good(table), expectation.words)).verdicts

    assert verdict.hour == HOUR
    assert [one.words for one in verdict.failures + verdict.warnings] == [expectation.words]
    assert not any(one.error for one in verdict.outcomes)
    assert verdict.severity == expectation.severity
    assert verdict.fault == ""


def test_every_file_is_the_suite_of_a_table() -> None:
    """A suite that no table has is never looked at, and looks as if it were."""
    assert {path.stem for path in FOLDER.iterdir()} == {table.suite for table in CHECKED}


@pytest.mark.parametrize("table", CHECKED, ids=lambda table: table.suite)
def test_every_suite_says_how_much_there_must_be(table: Checked) -> None:
    """A table in which half of the rows are missing has good rows only."""
    words = {one.words for one in read_suite(table).expectations if one.severity == "fail"}
    assert words & {"`hour_rows` = `due_rows`", "`hour_cents` = `due_cents`"}
