"""Ranges of records that are gone, as the refused start named them."""

import pytest

from include.errors import NothingToHeal
from spark.streaming.loss import Loss, narrowed, refuse_other_ranges

LEDGER_ENDS, TOPIC_BEGINS = {0: 120}, {0: 450}
NAMED = Loss(0, 120, 450)


def test_what_the_open_batch_had_read_is_not_lost():
    """The start cannot know of it: it names what lies after the ledger's end."""
    assert narrowed([NAMED], LEDGER_ENDS, {0: 200}) == [Loss(0, 200, 450)]


def test_an_open_batch_that_had_read_it_all_leaves_nothing_to_accept():
    assert narrowed([NAMED], LEDGER_ENDS, {0: 450}) == []


def test_a_range_that_no_start_named_is_refused():
    (kept,) = narrowed([Loss(0, 130, 450)], LEDGER_ENDS, {0: 200})
    assert kept == Loss(0, 130, 450)
    with pytest.raises(NothingToHeal, match=r"0:200-450 is missing.* No loss was accepted"):
        refuse_other_ranges([kept], {0: 200}, TOPIC_BEGINS)
