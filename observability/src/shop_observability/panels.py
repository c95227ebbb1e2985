"""Panels and dashboards in the shop's style, on top of Grafana's own builders."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models import dashboard as dashboard_models
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardLinkType,
    DataSourceRef,
    VariableRefresh,
)

OF = 'namespace="$namespace"'
"""Matches what the dashboard's variable `namespace` chooses."""
_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_WIDTH = 24
_HEIGHT = 8
_STAT_HEIGHT = 4


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query in PromQL, and the name of its lines in Grafana's `{{label}}` style."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel: its queries over time, or as one figure now (`now=True`).

    ``unit`` is Grafana's name of one (`reqps`, `s`, `bytes`, `percentunit`, `short`).
    ``description`` says what to make of it.
    """

    title: str
    queries: tuple[Query, ...]
    description: str
    unit: str = "short"
    now: bool = False
    stacked: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels under a heading, side by side at equal width."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable of a dashboard, whose values are those of a label."""

    name: str
    label_values: str
    default: str = ""
    several: bool = False


NAMESPACE = Variable(name="namespace", label_values="label_values(up, namespace)", default="shop")
SERVICE = Variable(
    name="service",
    label_values=f"label_values(http_requests_total{{{OF}}}, job)",
    several=True,
)


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard: `uid` is its file's name and its address in Grafana."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = (NAMESPACE,)

    def build(self) -> Dashboard:
        """Return it as Grafana's model."""
        found = (
            dashboard.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags(["minishop"])
            .refresh("30s")
            .time("now-1h", "now")
            .timezone("browser")
            .editable()
            .link(
                dashboard.DashboardLink("Minishop")
                .type(DashboardLinkType.DASHBOARDS)
                .tags(["minishop"])
                .as_dropdown(True)  # noqa: FBT003 - the builder's signature
                .include_vars(True)  # noqa: FBT003 - the builder's signature
                .keep_time(True)  # noqa: FBT003 - the builder's signature
            )
            .with_variable(
                dashboard.DatasourceVariable("datasource").label("Source").type("prometheus")
            )
        )
        for variable in self.variables:
            found = found.with_variable(_variable(variable))
        number = count(1)
        for row in self.rows:
            found = found.with_row(dashboard.Row(row.title).id(next(number)))
            span = _WIDTH // len(row.panels)
            for panel in row.panels:
                found = found.with_panel(_panel(panel, span=span).id(next(number)))
        return found.build()

    def panels(self) -> Sequence[Panel]:
        """Return its panels in their order."""
        return [panel for row in self.rows for panel in row.panels]


def _variable(variable: Variable) -> dashboard.QueryVariable:
    text, value = ("All", "$__all") if variable.several else (variable.default, variable.default)
    return (
        dashboard.QueryVariable(variable.name)
        .label(variable.name.capitalize())
        .datasource(_SOURCE)
        .query(variable.label_values)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(variable.several)
        .include_all(variable.several)
        .current(dashboard_models.VariableOption(selected=True, text=text, value=value))
    )


def _panel(panel: Panel, *, span: int) -> stat.Panel | timeseries.Panel:
    made = _figure() if panel.now else _graph(stacked=panel.stacked)
    made = (
        made.title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .min(0)
        .span(span)
        .height(_STAT_HEIGHT if panel.now else _HEIGHT)
    )
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = (
            prometheus.Dataquery()
            .ref_id(letter)
            .datasource(_SOURCE)
            .expr(query.expr)
            .legend_format(query.legend)
        )
        # Of a histogram Grafana shows which traces were in it.
        target = target.exemplar("_bucket{" in query.expr and not panel.now)
        made = made.with_target(target.instant() if panel.now else target.range())
    return made


def _figure() -> stat.Panel:
    return stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def _graph(*, stacked: bool) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003 - the builder's signature
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if stacked:
        made = made.fill_opacity(20).stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    return made
