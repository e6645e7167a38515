"""How the one task of replay_rejected ends."""

from typing import Any

import pytest


def test_a_refused_request_is_not_tried_again(airflow_home: Any) -> None:
    """It says the same thing the next time, and reaches for no server."""
    from airflow.sdk.exceptions import AirflowFailException

    from include.redrive.task import replay_for_run

    with pytest.raises(AirflowFailException, match="names no reasons"):
        replay_for_run("run-1", {"dry_run": False})
