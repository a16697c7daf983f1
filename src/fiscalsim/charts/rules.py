"""What each rule for sharing transfers gives the area that has least, and all areas on average."""

from __future__ import annotations

import pandas as pd

from fiscalsim.charts.style import BLUE, CONTEXT, ORANGE, Chart, blank
from fiscalsim.text import number, t

TODAY = "status-quo"
SAME = 0.0005  # of coverage: less is 0.0 points on the page


def rules_dumbbell(rules: pd.DataFrame, shown: str, lang: str, height: int = 70) -> Chart:
    """C8: `rules` has rule, coverage and lowest_coverage (0..1); a diamond at the lowest area, a dot at the mean, a line between.

    The finding compares the rule that is shown with today's shares, or with the first other one where those are what is shown.
    """
    names = {rule: t(f"policy.{rule}", lang) for rule in rules["rule"]}
    lowest, mean = (100 * rules.set_index("rule")[column] for column in ("lowest_coverage", "coverage"))
    data = pd.DataFrame(
        {
            t("policy.label", lang): list(names.values()),
            t("tally.lowest", lang): lowest.round(1).to_numpy(),
            t("tally.mean", lang): mean.round(1).to_numpy(),
        }
    )
    if len(rules) < 2 or shown not in names:
        return Chart(None, ("finding.rules_none", {}), "%", data, lang)
    figure = blank(height + 36 * len(rules), lang)
    labels = list(names.values())
    for rule, label in names.items():
        figure.add_scatter(
            x=[lowest[rule], mean[rule]], y=[label] * 2, mode="lines", line={"color": CONTEXT, "width": 5}, opacity=0.5, showlegend=False, hoverinfo="skip"
        )
    for values, key, colour, symbol, side in (
        (lowest, "tally.lowest", ORANGE, "diamond", "middle left"),
        (mean, "tally.mean", BLUE, "circle", "middle right"),
    ):
        figure.add_scatter(
            x=values,
            y=labels,
            mode="markers+text",
            name=t(key, lang),
            text=[number(v, 1) for v in values],
            textposition=side,
            marker={"color": colour, "size": 11, "symbol": symbol},
            hoverinfo="y+text+name",
        )
    span = max(float(mean.max() - lowest.min()), 1.0)
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    figure.update_xaxes(range=[lowest.min() - 0.3 * span, mean.max() + 0.3 * span], showticklabels=False, zeroline=False)
    other = TODAY if shown != TODAY and TODAY in names else next(rule for rule in names if rule != shown)
    gain = float(lowest[shown] - lowest[other])
    words = {"rule": names[shown], "other": names[other]}
    if abs(gain) < 100 * SAME:
        return Chart(figure, ("tally.rules_same", words), "%", data, lang)
    key = "tally.rules_up" if gain > 0 else "tally.rules_down"
    return Chart(figure, (key, {**words, "d": number(abs(gain), 1)}), "%", data, lang)
