"""Grafana's dashboards as they lie there: every panel, and its queries as Grafana would send them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.settings import PROJECT_ROOT

GRAFANA = PROJECT_ROOT / "astro" / "grafana"
# What Grafana puts there for a data source that is scraped every five seconds, as it is provisioned.
RATE_INTERVAL = "20s"
STEP_SECONDS = 15


@dataclass(frozen=True)
class PanelQuery:
    """One query of one panel."""

    board: str
    panel: dict[str, Any]
    target: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.board}: {self.panel['title']} {self.target['refId']}"


def boards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))]


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(kind: str) -> Iterator[PanelQuery]:
    """Those of one kind of data source."""
    for board in boards():
        for panel in panels(board):
            for target in panel["targets"]:
                if target["datasource"]["type"] == kind:
                    yield PanelQuery(board["title"], panel, target)


def promql(query: PanelQuery) -> str:
    expr: str = query.target["expr"].replace("$__rate_interval", RATE_INTERVAL)
    assert "$" not in expr, f"{query.name}: a variable that nobody fills: {expr}"
    return expr


def sql(query: PanelQuery, begin: datetime, end: datetime) -> str:
    """With the macros of Grafana's PostgreSQL data source filled in, as its documentation explains them."""
    text: str = query.target["rawSql"]
    first, last = (f"'{moment.isoformat()}'::timestamptz" for moment in (begin, end))
    text = re.sub(
        r"\$__timeGroupAlias\((\w+), \$__interval\)",
        r'to_timestamp(floor(extract(epoch from \1) / 60) * 60) as "time"',
        text,
    )
    text = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 between {first} and {last}", text)
    text = text.replace("$__timeFrom()", first).replace("$__timeTo()", last)
    assert "$" not in text, f"{query.name}: a macro that is not known here: {text}"
    return text
