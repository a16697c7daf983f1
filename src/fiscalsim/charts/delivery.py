"""The plan carried out: what was planned and what opened, and how long people wait."""

from __future__ import annotations

import pandas as pd

from fiscalsim.charts.style import BLUE, CONTEXT_DARK, LIGHT_BAR, ORANGE, Chart, blank, year_axis
from fiscalsim.text import number, t


def planned_and_opened(steps: pd.DataFrame, lang: str, unit: str, height: int = 250) -> Chart:
    """C16: `steps` has year, planned, median, low, high (units open at the year's end, cumulative)."""
    columns = {"year": "col.year", "planned": "col.planned", "median": "col.opened"}
    data = steps[list(columns)].rename(columns={c: t(k, lang) for c, k in columns.items()}) if len(steps) else steps
    if steps.empty or not steps["planned"].max() > 0:
        return Chart(None, ("finding.delivery_none", {}), unit, data, lang)
    figure = blank(height, lang)
    band = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=steps["year"], y=steps["high"], **band)
    figure.add_scatter(x=steps["year"], y=steps["low"], fill="tonexty", fillcolor="rgba(27,79,143,0.15)", **band)
    planned = {"color": CONTEXT_DARK, "width": 2, "dash": "dash", "shape": "hv"}
    figure.add_scatter(x=steps["year"], y=steps["planned"], name=t("col.planned", lang), mode="lines", line=planned)
    figure.add_scatter(x=steps["year"], y=steps["median"], name=t("col.opened", lang), mode="lines", line={"color": BLUE, "width": 3, "shape": "hv"})
    year_axis(figure, steps["year"].to_numpy(), ())
    figure.update_yaxes(tickformat=",.0f", rangemode="tozero")
    figure.update_layout(margin={"r": 24})
    last = steps.iloc[-1]
    values = {"planned": number(last["planned"]), "opened": number(last["median"]), "year": str(int(last["year"]))}
    return Chart(figure, ("finding.delivery", values), unit, data, lang)


def waiting_bars(waits: pd.DataFrame, lang: str, height: int = 230) -> Chart:
    """C17: `waits` has label, median, p90 in months; a dot at the median, a bar to the ninetieth percentile."""
    unit = t("unit.months", lang)
    columns = {"label": "col.service", "median": "col.median", "p90": "col.p90"}
    shown = waits.sort_values("p90", ascending=False, kind="stable") if len(waits) else waits
    data = shown.rename(columns={c: t(k, lang) for c, k in columns.items()})
    if shown.empty:
        return Chart(None, ("finding.waiting_none", {}), unit, data, lang)
    figure = blank(max(height, 60 + 28 * len(shown)), lang)
    for row in shown.itertuples():
        figure.add_scatter(x=[row.median, row.p90], y=[row.label] * 2, mode="lines", line={"color": LIGHT_BAR, "width": 6}, showlegend=False, hoverinfo="skip")
    marks = (("median", BLUE, "circle", "col.median"), ("p90", ORANGE, "diamond", "col.p90"))
    for column, colour, symbol, name in marks:
        text = [number(v, 1) for v in shown[column]]
        side = "middle right" if column == "p90" else "middle left"
        figure.add_scatter(
            x=shown[column],
            y=shown["label"],
            mode="markers+text",
            text=text,
            textposition=side,
            name=t(name, lang),
            marker={"color": colour, "size": 10, "symbol": symbol},
            hoverinfo="text+name",
        )
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    largest = float(shown["p90"].max()) or 1.0
    figure.update_xaxes(range=[-0.12 * largest, largest * 1.15], tickformat=".0f", showticklabels=False, zeroline=False)
    first = shown.iloc[0]
    return Chart(figure, ("finding.waiting", {"service": str(first["label"]), "p90": number(first["p90"], 1)}), unit, data.round(1), lang)
