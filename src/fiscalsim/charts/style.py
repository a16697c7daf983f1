"""The one look of every chart: colours, template, the frozen `Chart`, and the strokes that several charts share.

Knows plotly and words; must not know a table of a run.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fiscalsim.text import Unit, number, t

BLUE, ORANGE, TEAL, WINE, TAN, PLUM = SERIES = ("#1B4F8F", "#E07529", "#19A3B3", "#621C0E", "#A97860", "#3C203C")
CONTEXT, CONTEXT_DARK, LIGHT_BAR, GRID, AXIS, MUTED, INK = "#8A94A6", "#667085", "#A9C4E4", "#E4E9F0", "#98A2B3", "#475467", "#1F2937"
# Depth of shortfall: lower bound, fill, text. Lightness falls from class to class, so it also prints in grey.
CLASSES = ((0.0, "#F5F7FA", INK), (0.005, "#FCE8D2", INK), (0.10, "#F3B27A", INK), (0.25, "#B9510E", "#FFFFFF"), (0.40, "#6E130D", "#FFFFFF"))
FONT = "'Microsoft YaHei', 'PingFang SC', 'Noto Sans CJK SC', 'Source Han Sans CN', 'WenQuanYi Zen Hei', sans-serif"
CONFIG = {"displaylogo": False, "showSendToCloud": False, "displayModeBar": False}
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "colorway": SERIES,
        "margin": {"l": 8, "r": 14, "t": 28, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "hoverlabel": {"font": {"family": FONT}},
        "xaxis": {"automargin": True, "gridcolor": GRID, "linecolor": AXIS, "zerolinecolor": AXIS, "fixedrange": True},
        "yaxis": {"automargin": True, "gridcolor": GRID, "linecolor": AXIS, "zerolinecolor": AXIS, "fixedrange": True},
        "bargap": 0.3,
    }
)


@dataclass(frozen=True)
class Chart:
    """A figure with what it says. `figure` is None when there is nothing to draw: then the finding says so."""

    figure: go.Figure | None
    finding: tuple[str, dict[str, str]]
    unit: str
    data: pd.DataFrame
    lang: str

    @property
    def title(self) -> str:
        """The finding as a sentence."""
        return t(self.finding[0], self.lang, **self.finding[1])

    def titled(self, width: int = 500) -> go.Figure | None:
        """The figure with its finding as title, wrapped, for a report where nothing stands above it."""
        if self.figure is None:
            return None
        wrap = max(12, 24 * width // 500) * (1 if self.lang == "zh" else 2)
        figure = go.Figure(self.figure)
        lines = textwrap.wrap(self.title, wrap)
        top = (figure.layout.margin.t or 28) + 22 * len(lines)
        figure.update_layout(title={"text": "<br>".join(lines), "x": 0, "xanchor": "left", "font": {"size": 15}}, margin={"t": top})
        return figure


def blank(height: int, lang: str) -> go.Figure:
    """An empty figure in the common template."""
    figure = go.Figure()
    figure.update_layout(template=TEMPLATE, height=height, separators=".,")
    return figure


def hover(unit: Unit, axis: str = "y") -> str:
    """What stands at the pointer: the number in its unit, and the line's name."""
    return f"%{{{axis}:,.{unit.digits}f}} {unit.name}<extra>%{{fullData.name}}</extra>"


def year_axis(figure: go.Figure, years: np.ndarray, ends: tuple[int, ...]) -> None:
    """First, last and end-of-plan years as ticks, or every one where few; never a half year."""
    first, last = int(years[0]), int(years[-1])
    ticks = {first, last, *(y for y in ends if first < y < last)}
    if last - first <= 6:
        ticks = set(range(first, last + 1))
    elif not ends:
        ticks |= {y for y in range(first, last) if y % 5 == 0 and y - first >= 2 and last - y >= 2}
    figure.update_xaxes(tickvals=sorted(ticks), ticktext=[str(y) for y in sorted(ticks)], range=[first, last], showgrid=False)
    figure.update_xaxes(ticks="outside", ticklen=6, tickcolor="rgba(0,0,0,0)")  # keeps the first year clear of the lowest value


def signed_bars(values: pd.Series, digits: int, lang: str, height: int, horizontal: bool) -> go.Figure:
    """Bars sorted as given: gains blue, losses orange and hatched, the value written beside each."""
    figure = blank(height, lang)
    text = [number(v, digits, signed=True) for v in values]
    gain = values >= 0
    marker = {
        "color": [BLUE if up else ORANGE for up in gain],
        "line": {"color": [BLUE if up else ORANGE for up in gain], "width": 1},
        "pattern": {"shape": ["" if up else "/" for up in gain], "fillmode": "replace", "size": 7, "solidity": 0.35},
    }
    largest = float(values.abs().max()) or 1.0
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    span = [low - 0.25 * largest if low < 0 else 0.0, high + 0.25 * largest if high > 0 else 0.05 * largest]
    shared = {"marker": marker, "text": text, "textposition": "outside", "cliponaxis": False}
    if horizontal:
        figure.add_bar(y=values.index, x=values, orientation="h", hoverinfo="y+text", **shared)
        figure.update_yaxes(autorange="reversed", showgrid=False)
        figure.update_xaxes(range=span, showticklabels=False, zeroline=True, zerolinecolor=AXIS)
    else:
        figure.add_bar(x=values.index, y=values, hoverinfo="x+text", **shared)
        figure.update_xaxes(showgrid=False, side="top" if high <= 0.2 * largest else "bottom")
        figure.update_yaxes(range=span, showticklabels=False, zeroline=True, zerolinecolor=AXIS)
    figure.update_layout(showlegend=False, margin={"t": 8})
    return figure


def waterfall(labels: list[str], values: list[float], measures: list[str], unit: Unit, lang: str, height: int, signed: bool = False) -> go.Figure:
    """Steps from the first to the last value, each with its number; the axis never starts above zero."""
    figure = blank(height, lang)
    shown = [v / unit.divisor for v in values]
    text = [number(v, unit.digits, signed=signed or (m == "relative")) for v, m in zip(shown, measures, strict=True)]
    figure.add_waterfall(
        x=labels,
        y=shown,
        measure=measures,
        text=text,
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": "#7FA8D6" if not signed else BLUE}},
        decreasing={"marker": {"color": ORANGE}},
        totals={"marker": {"color": BLUE if not signed else CONTEXT_DARK}},
        connector={"line": {"color": AXIS, "width": 1}},
        hoverinfo="x+text",
    )
    running, levels = 0.0, [0.0]
    for value, measure in zip(shown, measures, strict=True):
        running = value if measure in ("absolute", "total") else running + value
        levels.append(running)
    low, high = min(levels), max(levels)
    pad = 0.16 * ((high - low) or 1.0)
    figure.update_yaxes(
        range=[low - pad if low < 0 else 0.0, high + pad if high > 0 else pad], tickformat=",.0f" if max(abs(low), abs(high)) >= 10 else ",.1f", nticks=6
    )
    figure.update_xaxes(tickangle=0)
    figure.update_layout(showlegend=False, margin={"t": 8}, bargap=0.2)
    return figure


def folded(label: str, lang: str) -> str:
    """A column label on two lines where it is long."""
    if "\uff08" in label:
        return label.replace("\uff08", "<br>\uff08")
    width = 5 if lang == "zh" else 12
    return "<br>".join(textwrap.wrap(label, width)) if len(label) > width else label
