"""The few kinds of panels that our dashboards have: tiles, lines, tables and bars."""

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import barchart, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as model

Panel = stat.Panel | timeseries.Panel | table.Panel | barchart.Panel
Link = tuple[str, str]  # what it says, and where it leads
PROMETHEUS = model.DataSourceRef("prometheus", "saleslake-prometheus")
SALES = model.DataSourceRef("grafana-postgresql-datasource", "saleslake-sales")
WHOLE_WIDTH = 24
_REAL = '{fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660"}'
DISK_FREE = f"node_filesystem_avail_bytes{_REAL} / node_filesystem_size_bytes{_REAL}"
GREEN, AMBER, RED, BLUE = "green", "orange", "red", "blue"


class SqlQuery(Dataquery):
    """A query of Grafana's PostgreSQL data source. `shape`: `table` or `time_series`."""

    def __init__(self, sql: str, shape: str) -> None:
        self.sql, self.shape = sql, shape

    def to_json(self) -> dict[str, object]:
        return {"refId": "A", "datasource": SALES, "editorMode": "code", "format": self.shape,
                "rawQuery": True, "rawSql": self.sql}  # fmt: skip


class Sql(Builder[Dataquery]):
    def __init__(self, sql: str, shape: str = "table") -> None:
        self._query = SqlQuery(sql, shape)

    def build(self) -> Dataquery:
        return self._query


def promql(expr: str, legend: str = "", ref: str = "A", *, instant: bool = False) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expr).ref_id(ref).datasource(PROMETHEUS)
    query = query.legend_format(legend or "__auto")
    return query.instant() if instant else query.range()


def limits(amber: float | None, red: float | None) -> dashboard.ThresholdsConfig:
    """Green below `amber`, red from `red`; with neither all is blue: it can be no trouble."""
    steps = [model.Threshold(value=None, color=BLUE if amber is None and red is None else GREEN)]
    steps += [
        model.Threshold(value=at, color=color) for at, color in ((amber, AMBER), (red, RED)) if at is not None
    ]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def least(red_below: float) -> dashboard.ThresholdsConfig:
    """Red below, green from there."""
    steps = [model.Threshold(value=None, color=RED), model.Threshold(value=red_below, color=GREEN)]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def leads_to(link: Link) -> dashboard.DashboardLink:
    title, url = link
    return dashboard.DashboardLink(title).type(model.DashboardLinkType.LINK).url(url).target_blank(True)


def runbook(page: str) -> Link:
    """A page of docs/runbooks, with a heading or without."""
    return f"Runbook: {page.partition('#')[2].replace('-', ' ') or page}", f"${{runbooks}}/{page}"


def words(said: Mapping[str, tuple[str, str]]) -> list[model.ValueMapping]:
    """What stands for a value: word and colour."""
    results = {
        value: model.ValueMappingResult(text=word, color=color, index=place)
        for place, (value, (word, color)) in enumerate(said.items())
    }
    return [model.ValueMap(options=results)]


UP_OR_DOWN = words({"1": ("up", GREEN), "0": ("down", RED)})


def tile(
    title: str,
    query: Builder[Any],
    *,
    what: str,
    unit: str = "short",
    thresholds: dashboard.ThresholdsConfig | None = None,
    mappings: Sequence[model.ValueMapping] = (),
    links: Sequence[Link] = (),
    width: int = 4,
    decimals: int | None = None,
) -> Panel:
    """One number in a coloured field; grey and `?` where nobody knows it."""
    panel = (
        stat.Panel()
        .title(title)
        .description(what)
        .with_target(query)
        .datasource(SALES if isinstance(query, Sql) else PROMETHEUS)
        .unit(unit)
        .no_value("?")
        .thresholds(thresholds or limits(None, None))
        .mappings(list(mappings))
        .color_mode(kinds.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(kinds.BigValueGraphMode.NONE if mappings else kinds.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .links([leads_to(link) for link in links])
        .height(4)
        .span(width)
    )
    return panel if decimals is None else panel.decimals(decimals)


def lines(
    title: str,
    queries: Mapping[str, str] | Sql,
    *,
    what: str,
    unit: str = "short",
    stacked: bool = False,
    thresholds: dashboard.ThresholdsConfig | None = None,
    links: Sequence[Link] = (),
    width: int = 12,
) -> Panel:
    """Over time. `queries`: PromQL by legend, which may have `{{label}}`; or one query of PostgreSQL."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(what)
        .unit(unit)
        .axis_soft_min(0)
        .fill_opacity(15)
        .show_points(kinds.VisibilityMode.NEVER)
        .legend(common.VizLegendOptions().display_mode(kinds.LegendDisplayMode.LIST)
                .placement(kinds.LegendPlacement.BOTTOM).show_legend(True))
        .tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI)
                 .sort(kinds.SortOrder.DESCENDING))
        .links([leads_to(link) for link in links])
        .height(8)
        .span(width)
    )  # fmt: skip
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A"))
    if thresholds:
        style = common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(thresholds).thresholds_style(style)
    if isinstance(queries, Sql):
        return panel.datasource(SALES).with_target(queries)
    for place, (legend, expr) in enumerate(queries.items()):
        panel = panel.with_target(promql(expr, legend, chr(ord("A") + place)))
    return panel.datasource(PROMETHEUS)


def rows(
    title: str,
    query: Builder[Any],
    *,
    what: str,
    hidden: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    linked: Mapping[str, Link] | None = None,
    empty: str = "none",
    width: int = WHOLE_WIDTH,
    height: int = 8,
) -> Panel:
    """A table. `units` and `linked` by column; `empty`: what stands there when there is no row."""
    panel = (
        table.Panel()
        .title(title)
        .description(what)
        .with_target(query)
        .datasource(SALES if isinstance(query, Sql) else PROMETHEUS)
        .no_value(empty)
        .height(height)
        .span(width)
    )
    if not isinstance(query, Sql):
        taken_out = dict.fromkeys(("Time", "__name__", "Value", *hidden), True)
        panel = panel.with_transformation(
            model.DataTransformerConfig(id_val="organize", options={"excludeByName": taken_out})
        )
    for column, unit in (units or {}).items():
        panel = panel.override_by_name(column, [model.DynamicConfigValue("unit", unit)])
    for column, (says, url) in (linked or {}).items():
        link = {"title": says, "url": url, "targetBlank": True}
        panel = panel.override_by_name(column, [model.DynamicConfigValue("links", [link])])
    return panel


def bars(title: str, sql: str, *, what: str, x: str, unit: str, width: int = 12) -> Panel:
    """A bar for each row, by the column `x`."""
    return (
        barchart.Panel()
        .title(title)
        .description(what)
        .datasource(SALES)
        .with_target(Sql(sql))
        .x_field(x)
        .orientation(kinds.VizOrientation.HORIZONTAL)
        .show_value(kinds.VisibilityMode.AUTO)
        .legend(common.VizLegendOptions().show_legend(False))
        .unit(unit)
        .height(10)
        .span(width)
    )
