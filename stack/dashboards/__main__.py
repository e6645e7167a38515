"""
Write Grafana's dashboards: `python -m stack.dashboards`. A policy test compares them with what is there.
"""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from include.settings import PROJECT_ROOT
from stack.dashboards import airflow_and_marts, all_is_well, lake, sales, stream

FOLDER = PROJECT_ROOT / "astro" / "grafana" / "dashboards"
BOARDS = (all_is_well, stream, lake, airflow_and_marts, sales)


def files() -> dict[Path, str]:
    """Text by path. The same code gives the same bytes."""
    made = [board.made().build() for board in BOARDS]
    return {
        FOLDER / f"{one.uid}.json": json.dumps(one, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for one in made
    }


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(PROJECT_ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
