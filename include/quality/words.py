"""An expectation in words, for messages and for docs/contracts/quality.md. Nothing heavy here."""

from collections.abc import Callable, Mapping
from typing import Any

Kwargs = Mapping[str, Any]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"the {value['$PARAMETER'].replace('_', ' ')}"
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    return f"({', '.join(map(str, value))})" if isinstance(value, tuple) else str(value)


def _range(kwargs: Kwargs) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if high is None:
        return f"at least {_value(low)}"
    return f"at most {_value(high)}" if low is None else f"from {_value(low)} to {_value(high)}"


# Only these kinds: what holds for a day holds for each of its hours, so that a day is judged at once.
WORDS: dict[str, Callable[[Kwargs], str]] = {
    "expect_column_values_to_not_be_null": lambda k: f"`{k['column']}` is there",
    "expect_column_values_to_be_in_set": lambda k: f"`{k['column']}` is one of: {_value(k['value_set'])}",
    "expect_column_values_to_be_between": lambda k: f"`{k['column']}` is {_range(k)}",
    "expect_column_value_lengths_to_be_between": lambda k: f"`{k['column']}` has {_range(k)} characters",
    "expect_column_values_to_match_regex": lambda k: f"`{k['column']}` is made of {_value(k['regex'])}",
    "expect_compound_columns_to_be_unique": lambda k: (
        f"no two rows have the same {', '.join(f'`{name}`' for name in k['column_list'])}"
    ),
    "expect_column_pair_values_to_be_equal": lambda k: f"`{k['column_A']}` = `{k['column_B']}`",
    "expect_column_pair_values_a_to_be_greater_than_b": lambda k: (
        f"`{k['column_A']}` ≥ `{k['column_B']}`"
        if k.get("or_equal")
        else f"`{k['column_A']}` > `{k['column_B']}`"
    ),
    "expect_column_pair_values_to_be_in_set": lambda k: (
        f"`{k['column_A']}` and `{k['column_B']}` are one of:"
        f" {_value([tuple(pair) for pair in k['value_pairs_set']])}"
    ),
}


def columns_of(kwargs: Kwargs) -> list[str]:
    """Every column that an expectation looks at."""
    named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    return [*named, *kwargs.get("column_list", ())]


def in_words(kind: str, kwargs: Kwargs) -> str:
    return WORDS[kind](kwargs)
