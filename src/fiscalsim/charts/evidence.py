"""What a figure rests on, by grade."""

from __future__ import annotations

import pandas as pd

from fiscalsim.charts.style import BLUE, INK, LIGHT_BAR, Chart, blank
from fiscalsim.charts.sums import Tables
from fiscalsim.text import percent, t

GRADE_FILLS = {"A": BLUE, "B": LIGHT_BAR, "C": "#D8DEE8", "D": "#F3B27A"}  # firm ground is blue, our own assumption the colour of a gap


def evidence_bars(tables: Tables, year: int, lang: str, height: int = 300) -> Chart:
    """What a yuan of the catalogue's cost in `year` rests on: one bar a part, split by grade."""
    found = tables["evidence"].query("year == @year and part != 'weakest' and grade != ''")
    shares = found.pivot_table(index="part", columns="grade", values="share", sort=False, aggfunc="sum", fill_value=0.0).reindex(
        columns=list("ABCD"), fill_value=0.0
    )
    parts = list(shares.index)
    if not parts:
        return Chart(None, ("finding.no_evidence", {"year": str(year)}), "", pd.DataFrame(), lang)
    names = {part: t(f"evidence.{part}", lang) for part in parts}
    figure = blank(height, lang)
    for grade, fill in GRADE_FILLS.items():
        values = (100 * shares[grade]).tolist()
        figure.add_bar(
            y=list(names.values()),
            x=values,
            orientation="h",
            name=t(f"grade.{grade}", lang),
            marker={"color": fill, "line": {"color": "#FFFFFF", "width": 1}},
            text=[f"{value:.0f}" if value >= 6 else "" for value in values],
            textfont={"color": "#FFFFFF" if grade == "A" else INK},
            textposition="inside",
            insidetextanchor="middle",
            hovertemplate="%{y} %{x:.1f}%<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"}, yaxis={"autorange": "reversed"}, xaxis={"range": [0, 100], "ticksuffix": "%"})
    assumed = {str(part): float(value) for part, value in shares["D"].items() if part != "paths"}
    worst = max(assumed, key=lambda part: assumed[part])
    words = {"year": str(year), "part": names[worst], "assumed": percent(assumed[worst], 0)}
    firm = (shares["A"] + shares["B"]).to_dict()
    words["firm"] = percent(float(firm.get("standard", 0.0)), 0)
    heads = {"part": "part", "grade": "grade", "yuan": "amount", "share": "share"}
    data = found.assign(part=found["part"].map(names))[list(heads)].rename(columns={name: t(f"col.{head}", lang) for name, head in heads.items()})
    return Chart(figure, ("finding.evidence", words), "%", data, lang)
