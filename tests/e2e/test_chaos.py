"""A short walk over a stack of its own: everything heals, and every invariant holds."""

import json
import subprocess
import sys
from typing import Any

import pytest

from include.settings import PROJECT_ROOT
from stack.invariants.finding import NAMES

pytestmark = pytest.mark.stack

# Hours are rebuilt and swapped while the broker dies, and the writer after a compaction of which nobody was
# told. Then poison.
SEED, ACTIONS = 309_558, 4
MOST_SECONDS = 1_800


def chaos(*words: str) -> tuple[dict[str, Any], str]:
    """What the walk reports, and its progress."""
    done = subprocess.run(
        [sys.executable, "-m", "stack.cli", "chaos", "--json", *words],
        cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=MOST_SECONDS, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr[-4000:]
    return json.loads(done.stdout), done.stderr


def test_a_short_walk_passes() -> None:
    found, progress = chaos("--seed", str(SEED), "--actions", str(ACTIONS))

    violated = {one["name"]: one["examples"] for one in found["findings"] if not one["holds"]}
    assert (found["surprises"], violated) == ([], {}), progress[-4000:]
    assert [one["invariant"] for one in found["findings"]] == list(NAMES)
    assert found["passed"]
    assert len(found["actions"]) == ACTIONS
    assert found["kills_survived"] == 2
