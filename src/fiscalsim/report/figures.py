"""Charts as still pictures, for print; where no browser can draw them, the reason why.

Knows kaleido and how a figure is sized. Must not know what a figure shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec

from fiscalsim.charts import Chart

WIDTH, HEIGHT = 680, 280  # pixels: a page's text width at which labels keep their size, and the height of a figure that has none
FONT = "WenQuanYi Zen Hei, Noto Sans CJK SC, Microsoft YaHei, sans-serif"
_UID = re.compile(r"(?:clip|trace|legend|defs-)([0-9a-f]{6})")


def drawn(charts: Mapping[str, Chart]) -> tuple[dict[str, str], str]:
    """The charts that have a figure as SVG, under the same names, and why there is none (empty when all were drawn).

    Needs kaleido and a Chromium of the machine; nothing is asked of the network.
    """
    wanted = {name: chart for name, chart in charts.items() if chart.figure is not None}
    if not wanted:
        return {}, ""
    if find_spec("kaleido") is None:
        return {}, "kaleido"
    import kaleido

    try:
        kaleido.start_sync_server(n=1, silence_warnings=True, mathjax=False)
        try:
            return {name: _picture(chart) for name, chart in wanted.items()}, ""
        finally:
            kaleido.stop_sync_server(silence_warnings=True)
    except Exception as error:  # whatever the browser raised: tables stand in for the figures, and the report says why
        return {}, type(error).__name__


def _picture(chart: Chart) -> str:
    """One figure; the same figure gives the same text, although plotly draws its names by lot."""
    import kaleido
    from plotly.graph_objects import Figure

    figure = Figure(chart.figure).update_layout(font_family=FONT)
    svg = kaleido.calc_fig_sync(figure, opts={"format": "svg", "width": WIDTH, "height": figure.layout.height or HEIGHT}).decode()
    for number, name in enumerate(dict.fromkeys(_UID.findall(svg))):
        svg = svg.replace(name, f"u{number}")
    return svg
