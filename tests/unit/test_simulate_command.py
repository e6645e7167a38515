"""What `saleslake simulate` accepts, and what it refuses with exit code 2."""

import pytest

from stack.cli import main


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--span", "1h"], "--count"),
        (["--count", "5", "--duplicates", "60%", "--bad", "0.5"], "--duplicates"),
        (["--count", "5", "--start", "2999-01-01"], "--start"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and a sentence that names the options."""
    assert main(["simulate", *words]) == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["--rate", "-1"], ["--late", "1.5"], ["--span", "1 week"], ["--count", "many"], ["--seed", "-3"]],
)
def test_a_value_that_makes_no_sense_is_wrong_usage(words: list[str]) -> None:
    """Argparse refuses it with exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(["simulate", *words])

    assert ended.value.code == 2


def test_a_rehearsal_says_how_fast_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """--dry-run needs neither Kafka nor a manifest."""
    assert main(["simulate", "--dry-run", "--count", "100", "--seed", "1", "--late", "10%"]) == 0

    out = capsys.readouterr().out
    assert "100 records" in out
    assert "Nothing was sent" in out
