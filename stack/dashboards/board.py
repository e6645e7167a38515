"""What every dashboard has: a stable uid, links to the others and to Airflow, and where the runbooks are."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from stack.dashboards.panels import Panel

TAG = "saleslake"
# Where the embedded stack has them; `var-airflow` and `var-runbooks` in a link set them, and they stay set.
AIRFLOW = "http://127.0.0.1:8080"
VARIABLES = {
    "airflow": ("Airflow", AIRFLOW),
    "runbooks": ("Runbooks", f"{AIRFLOW}/saleslake/runbooks"),
}


@dataclass(frozen=True)
class Section:
    title: str
    panels: Iterable[Panel]


def board(
    uid: str,
    title: str,
    what: str,
    sections: Iterable[Section],
    *,
    period: str = "now-1h",
    refresh: str = "10s",
) -> dashboard.Dashboard:
    """
    One dashboard. Its place among the files is its uid.

    Args:
        sections: rows of panels, each open.
        period: from then to now.
    """
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(what)
        .tags([TAG])
        .timezone("utc")
        .time(period, "now")
        .refresh(refresh)
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .variables([
            dashboard.TextBoxVariable(name).label(label).default_value(url).hide(model.VariableHide.HIDE_VARIABLE)
            for name, (label, url) in VARIABLES.items()
        ])
        .link(dashboard.DashboardLink("Dashboards").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
              .as_dropdown(False).keep_time(True).include_vars(True))
        .link(dashboard.DashboardLink("Airflow").type(model.DashboardLinkType.LINK).url("${airflow}")
              .target_blank(True))
    )  # fmt: skip
    numbers = count(1)  # links to a panel hold its id
    for section in sections:
        made = made.with_row(dashboard.Row(section.title).id(next(numbers)))
        for panel in section.panels:
            made = made.with_panel(panel.id(next(numbers)))
    return made
