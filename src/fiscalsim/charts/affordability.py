"""What a proposal costs by level of government beside its line, and how many futures can pay at which level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.charts.style import BLUE, CONTEXT, MUTED, ORANGE, TAN, TEAL, WINE, Chart, blank, hover
from fiscalsim.text import money_unit, percent, t

LEVEL_FILLS = (("centre", BLUE), ("province", TEAL), ("local", ORANGE), ("building", TAN))
HEIGHT = 250


def burden_by_year(tables: Mapping[str, pd.DataFrame], lang: str, region: str = "", name: str = "", height: int = HEIGHT) -> Chart:
    """C14: stacked columns by level of government. The whole place stands beside the reference line; one region beside its own room."""
    years = tables["years"]
    if float(years["cost_yuan"].max()) < 0.5:
        return Chart(None, ("affordability.chart_none", {}), "", pd.DataFrame(), lang)
    cost = tables["cost"] if not region else tables["cost"][tables["cost"]["region"] == region]
    wide = cost.pivot_table(index="year", columns="level", values="yuan", aggfunc="sum").reindex(columns=[level for level, _ in LEVEL_FILLS]).fillna(0.0)
    if region:
        room = tables["room"].query("case == 'base' and region == @region").set_index("year")
        line, over = room["room_yuan"].reindex(wide.index), room["short_yuan"].reindex(wide.index) > 0
        finding, label = _area_finding(over, name), t("affordability.col_room", lang)
    else:
        line = years.set_index("year")["reference_yuan"].reindex(wide.index)
        over = wide.sum(axis=1) > line
        finding, label = _whole_finding(over, tables), t("affordability.col_reference", lang)
    unit = money_unit(float(max(wide.sum(axis=1).max(), line.max(skipna=True) if line.notna().any() else 0.0)), lang)
    figure = blank(height, lang)
    shown = [str(year) for year in wide.index]
    for level, fill in LEVEL_FILLS:
        if float(wide[level].abs().max()) >= 0.5:
            heights = wide[level] / unit.divisor
            figure.add_bar(x=shown, y=heights, name=t(f"affordability.col_{level}", lang), marker={"color": fill}, hovertemplate=hover(unit))
    if line.notna().any():
        stroke = {"color": WINE, "width": 3, "dash": "dash"}
        figure.add_scatter(x=shown, y=line / unit.divisor, name=label, mode="lines+markers", line=stroke, marker={"size": 5}, hovertemplate=hover(unit))
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(rangemode="tozero", tickformat=f",.{unit.digits}f", nticks=6)
    data = wide.rename(columns=lambda level: t(f"affordability.col_{level}", lang)).div(unit.divisor).round(unit.digits)
    data[t("affordability.col_total", lang)] = (wide.sum(axis=1) / unit.divisor).round(unit.digits)
    data[label] = (line / unit.divisor).round(unit.digits)
    data = data.reset_index().rename(columns={"year": t("affordability.col_year", lang)})
    return Chart(figure, finding, unit.name, data, lang)


def _whole_finding(over: pd.Series, tables: Mapping[str, pd.DataFrame]) -> tuple[str, dict[str, str]]:
    rows = tables["settings"]
    share = percent(float(rows.loc[rows["name"] == "new_revenue", "value"].iloc[0]), 0)
    years = [int(year) for year in over.index[over]]
    return ("affordability.chart_over", {"year": str(years[0]), "share": share}) if years else ("affordability.chart_under", {"share": share})


def _area_finding(over: pd.Series, name: str) -> tuple[str, dict[str, str]]:
    years = [int(year) for year in over.index[over]]
    return ("affordability.chart_exceeds", {"region": name, "year": str(years[0])}) if years else ("affordability.chart_within", {"region": name})


def payable_levels(tables: Mapping[str, pd.DataFrame], words: Any, finding: str, wanted: float, lang: str, height: int = HEIGHT) -> Chart:
    """Share of futures in which each level is payable, and the share that is asked; `words` turns a level into the policy's own unit."""
    rows = tables["levels"]
    figure = blank(height, lang)
    x, y = rows["level"].to_numpy(), rows["share"].to_numpy() * 100
    figure.add_scatter(
        x=x, y=y, name=t("affordability.col_payable", lang), mode="lines+markers", line={"color": BLUE, "width": 3}, hovertemplate="%{y:.0f}%<extra></extra>"
    )
    stroke = {"color": CONTEXT, "width": 2, "dash": "dot"}
    figure.add_scatter(x=[x.min(), x.max()], y=[wanted * 100] * 2, name=percent(wanted, 0), mode="lines", line=stroke, hoverinfo="skip")
    ticks = [level for level in np.unique(np.round(x, 6)) if level in (0.5, 1.0, 1.5, 2.0, 3.0)]
    figure.update_xaxes(tickvals=ticks, ticktext=[words(level) for level in ticks], showgrid=False, color=MUTED)
    figure.update_yaxes(range=[0, 105], ticksuffix="%")
    data = pd.DataFrame(
        {t("affordability.col_level", lang): [words(level) for level in x], t("affordability.col_payable", lang): [percent(v / 100) for v in y]}
    )
    return Chart(figure, ("format.dot", {"a": t("affordability.levels_curve_title", lang), "b": finding}), "%", data, lang)
