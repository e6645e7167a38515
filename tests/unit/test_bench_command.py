"""`saleslake bench` hands its options to `python -m bench`, which understands them."""

import argparse

import pytest

from bench import __main__ as bench
from stack.commands import bench as command


def handed_over(*words: str) -> list[str]:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.words(parser.parse_args(words))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--full", "--seed", "7"],
        ["--only", "floors", "latency", "--orders", "5000", "--runs", "2"],
        ["--no-run", "--results", "/tmp/mine", "--compare", "/tmp/results.json"],  # noqa: S108 - a name only
    ],
)
def test_options_reach_the_benchmark(words: list[str]) -> None:
    """None is lost, none is another one."""
    assert vars(bench.parse_args(handed_over(*words))) == vars(bench.parse_args(words))
