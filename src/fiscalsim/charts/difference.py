"""Two scenarios: the difference of spending by driver, and of the gap by area."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fiscalsim.charts.style import Chart, folded, signed_bars, waterfall
from fiscalsim.charts.sums import Tables, coverage, region_names
from fiscalsim.text import money, money_unit, t

FOLD_BELOW = 5e6  # yuan: a driver that rounds to 0.0 亿元 is folded into the rest, so no step is of no height


def difference_waterfall(parts: Mapping[str, float], lang: str, height: int = 260) -> Chart:
    """C20: why spending of B differs from A; `parts` is driver -> signed yuan, in the order of replacement. The axis starts at 0."""
    total = float(sum(parts.values()))
    unit = money_unit(max([abs(v) for v in parts.values()] + [abs(total)] or [0.0]), lang)
    fold = min(FOLD_BELOW, 0.5 * unit.divisor * 10.0**-unit.digits)
    large = {k: v for k, v in parts.items() if abs(v) >= fold}
    rest = total - sum(large.values())
    names = {k: t(f"driver.{k}", lang) for k in parts}
    data = pd.DataFrame(
        {
            t("col.item", lang): [*names.values(), t("driver.total", lang)],
            t("col.difference", lang): [round(v / unit.divisor, unit.digits) for v in [*parts.values(), total]],
        }
    )
    if not large:
        return Chart(None, ("finding.compare_none", {}), unit.name, data, lang)
    if abs(rest) >= fold:
        large["other"] = large.get("other", 0.0) + rest
    labels = [folded(t(f"driver.{k}", lang), lang) for k in [*large, "total"]]
    figure = waterfall(labels, [*large.values(), total], ["relative"] * len(large) + ["total"], unit, lang, height, signed=True)
    main = max(large, key=lambda k: abs(large[k]))
    values = {
        "word": t("word.more" if total >= 0 else "word.less", lang),
        "amount": money(abs(total), lang),
        "driver": t(f"driver.{main}", lang),
        "change": t("word.up" if large[main] >= 0 else "word.down", lang),
    }
    return Chart(figure, ("finding.compare", values), unit.name, data, lang)


def area_change(a: Tables, b: Tables, year: int, lang: str, height: int = 230) -> Chart:
    """C21: change of the money that closing all gaps would take, B less A, by area, sorted."""
    before = coverage(a, year, ("region",)).set_index("region")["unmet_yuan"]
    after = coverage(b, year, ("region",)).set_index("region")["unmet_yuan"]
    change = (after - before).reindex(list(b["regions"]["region"])).fillna(0.0)
    unit = money_unit(float(change.abs().max()), lang)
    values = (change / unit.divisor).sort_values(ascending=False, kind="stable").rename(index=region_names(b, lang))
    data = pd.DataFrame({t("col.region", lang): values.index, t("col.difference", lang): values.round(unit.digits).to_numpy()})
    rounded = values.round(unit.digits)
    if (rounded == 0).all():
        return Chart(None, ("finding.by_area_none", {}), unit.name, data, lang)
    figure = signed_bars(values, unit.digits, lang, height, horizontal=False)
    return Chart(figure, ("finding.by_area", {"n": str(int((rounded < 0).sum())), "m": str(int((rounded > 0).sum()))}), unit.name, data, lang)
