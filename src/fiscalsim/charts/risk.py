"""The range of the funding gap over the futures, and what decides it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fiscalsim.charts.style import BLUE, CONTEXT_DARK, INK, LIGHT_BAR, Chart, blank, hover, year_axis
from fiscalsim.text import Unit, money_unit, number, percent, t

Tables = Mapping[str, pd.DataFrame]
HEIGHT = 250
BANDS = (("p5", "p95", "rgba(27,79,143,0.14)"), ("p20", "p80", "rgba(27,79,143,0.30)"))
REST = "rest"  # of the table `shares`: what no driver alone explains


def gap_unit(tables: Tables, lang: str) -> Unit:
    """The one unit of the gap in sentence, chart and table: that of what nine in ten futures of the last year do not exceed."""
    rows = tables["fan"].query("measure == 'gap_yuan'")
    return money_unit(float(rows.sort_values("year")["p90"].iloc[-1]), lang)


def gap_fan(tables: Tables, lang: str, height: int = HEIGHT) -> Chart:
    """C18: the funding gap by year: the bands of nine in ten and six in ten futures, their middle, and the scenario itself."""
    rows = tables["fan"].query("measure == 'gap_yuan'").set_index("year").drop(columns="measure")
    if float(rows.abs().to_numpy().max()) < 0.5:
        return Chart(None, ("risk.fan_none", {}), "", pd.DataFrame(), lang)
    unit = gap_unit(tables, lang)
    shown = rows / unit.divisor
    figure = blank(height, lang)
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    for low, high, fill in BANDS:
        figure.add_scatter(x=shown.index, y=shown[low], showlegend=False, **edge)
        figure.add_scatter(x=shown.index, y=shown[high], fill="tonexty", fillcolor=fill, name=t(f"risk.band_{low}", lang), **edge)
    lines = (("median", {"color": BLUE, "width": 3}), ("scenario", {"color": CONTEXT_DARK, "width": 2, "dash": "dot"}))
    for column, line in lines:
        figure.add_scatter(x=shown.index, y=shown[column], name=t(f"risk.{column}", lang), mode="lines", line=line, hovertemplate=hover(unit))
    year_axis(figure, shown.index.to_numpy(), ())
    figure.update_yaxes(rangemode="tozero", tickformat=f",.{unit.digits if float(shown.to_numpy().max()) < 10 else 0}f", nticks=6)
    figure.update_layout(margin={"r": 24})
    first, last = int(rows.index[0]), int(rows.index[-1])
    width = rows["p95"] - rows["p5"]
    middle = rows.index[len(rows) // 2]
    key = (
        "risk.fan_widens"
        if float(width[last]) > 1.1 * float(width[middle])
        else "risk.fan_narrows"
        if float(width[last]) < 0.9 * float(width[middle])
        else "risk.fan_stays"
    )
    words = {"year": str(last), "lo": unit.show(float(rows["p5"][last])), "hi": unit.show(float(rows["p95"][last])), "unit": unit.name}
    data = shown.round(max(unit.digits, 1)).rename(columns={column: t(f"risk.{column}", lang) for column in shown.columns})
    data.index = pd.Index([int(year) for year in shown.index], name=t("col.year", lang))
    return Chart(figure, (key, words), unit.name, data.reset_index(), lang) if first < last else Chart(None, ("risk.fan_none", {}), "", pd.DataFrame(), lang)


def share_bars(tables: Tables, lang: str, height: int = HEIGHT) -> Chart:
    """C19: the share of the gap's uncertainty that each driver decides, largest first; what none decides alone stands last, light."""
    names = dict(zip(tables["drivers"]["path"], tables["drivers"][f"name_{lang}"], strict=True)) | {REST: t("risk.rest", lang)}
    rows = tables["shares"]
    figure = blank(height, lang)
    fills = [LIGHT_BAR if path == REST else BLUE for path in rows["path"]]
    values = rows["share"] * 100
    labels = [names[path] for path in rows["path"]]
    text = [percent(share, 0) for share in rows["share"]]
    figure.add_bar(y=labels, x=values, orientation="h", marker={"color": fills}, text=text, textposition="outside", cliponaxis=False, hoverinfo="y+text")
    figure.update_yaxes(autorange="reversed", showgrid=False, color=INK)
    figure.update_xaxes(range=[0, max(10.0, 1.25 * float(values.max()))], showticklabels=False, showgrid=False)
    figure.update_layout(showlegend=False, margin={"t": 8})
    told = rows[rows["path"] != REST]
    two = told.head(2)
    words = {"a": names[two["path"].iloc[0]], "b": names[two["path"].iloc[-1]], "p": percent(float(two["share"].sum()), 0)}
    finding = ("risk.shares", words) if float(two["share"].sum()) > 0 else ("risk.shares_none", {})
    between = [
        "" if low != low else t("format.range", lang, lo=percent(low, 0), hi=percent(high, 0)) for low, high in rows[["low", "high"]].itertuples(index=False)
    ]
    data = pd.DataFrame({t("risk.driver", lang): labels, t("risk.share", lang): [number(v, 0) + "%" for v in values], t("risk.between", lang): between})
    return Chart(figure, finding, "%", data, lang)
