"""C4: from what people are entitled to to what is provided, the limits lifted one after another."""

from __future__ import annotations

import pandas as pd

from fiscalsim.charts.style import Chart, folded, waterfall
from fiscalsim.text import Unit, t

LEAST = 0.005  # of the gap; a smaller step would be a line and break the chart


def gap_waterfall(parts: pd.DataFrame, unit: str, lang: str, height: int = 230) -> Chart:
    """`parts` has part (entitled, means, building, staff, rest, provided) and value, as repairs gives it; steps of nothing are left out, the sum is exact."""
    whole, last = parts.iloc[0], parts.iloc[-1]
    gap = float(whole["value"] - last["value"])
    steps = parts.iloc[1:-1]
    shown = steps[steps["value"].abs() >= LEAST * abs(gap)]
    labels = {part: t(f"why.part_{part}", lang) for part in parts["part"]}
    data = parts.assign(part=parts["part"].map(labels))
    data = data.rename(columns={"part": t("col.item", lang), "value": t("col.value", lang)}).round(2)
    if shown.empty:
        return Chart(None, ("status.no_gap", {}), unit, data, lang)
    rows = pd.concat([parts.iloc[:1], shown])
    names = [folded(labels[part], lang) for part in [*rows["part"], last["part"]]]
    measures = ["absolute", *["relative"] * len(shown), "total"]
    large = abs(float(whole["value"])) >= 10 or gap >= 10
    figure = waterfall(names, [*rows["value"], float(last["value"])], measures, Unit(unit, 1.0, 0 if large else 2), lang, height)
    return Chart(figure, ("finding.gap_parts", {"n": str(len(shown))}), unit, data, lang)
