"""The plan's targets: their counts, the table of progress and one indicator's path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.charts.style import BLUE, ORANGE, Chart, blank, year_axis
from fiscalsim.charts.sums import Tables, domain_name
from fiscalsim.quantities import LINEAR, MET
from fiscalsim.text import NONE, number, t


@dataclass(frozen=True)
class IndicatorRow:
    """One target in its target year; NaN where the plan or the model has no number."""

    code: str
    nature: str
    status: str
    value: float
    target: float
    base: float
    target_year: int
    year_met: int | None


def plan_targets(names: pd.DataFrame) -> pd.DataFrame:
    """The rows of `indicator_names` that are the plan's targets (binding or expected), without the statements of its text."""
    return names[names["nature"] != "stated"]


def indicator_rows(tables: Tables, *, whole: bool = False) -> list[IndicatorRow]:
    """Every target of the plan as a whole, in the plan's order; with `whole` the statements of its text too."""
    table = tables["indicators"]
    value = table[table["region"] == "plan"].set_index(["indicator", "year"])["value"]
    rows = []
    for name in (tables["indicator_names"] if whole else plan_targets(tables["indicator_names"])).to_dict("records"):
        code, target_year = str(name["indicator"]), int(name["target_year"])
        base = name["base_printed"] if pd.notna(name["base_printed"]) else name["base_computed"]
        year_met = int(name["year_met"]) if pd.notna(name["year_met"]) else None
        found = _float(value.get((code, target_year)))
        rows.append(IndicatorRow(code, str(name["nature"]), str(name["status"]), found, _float(name["target_value"]), _float(base), target_year, year_met))
    return rows


def _float(value: Any) -> float:
    return float(value) if pd.notna(value) else float("nan")


def indicator_counts(tables: Tables) -> dict[str, int]:
    """n targets of the plan: m met, k missed, j not computable; b binding ones with a target number, bm of them met."""
    rows = indicator_rows(tables)
    binding = [row for row in rows if row.nature == "binding" and np.isfinite(row.target)]
    met, missed = (sum(row.status in states for row in rows) for states in (MET, ("missed",)))
    return {"n": len(rows), "m": met, "k": missed, "j": len(rows) - met - missed, "b": len(binding), "bm": sum(row.status in MET for row in binding)}


def status_words(row: IndicatorRow, lang: str) -> str:
    """The status as a bureau writes it: sign, word, distance and year."""
    if row.status == "met_early":
        return t("status.met_early", lang, year=row.year_met)
    if row.status == "missed" and np.isfinite(row.value) and np.isfinite(row.target):
        when = t("status.when_never", lang) if row.year_met is None else t("status.when_year", lang, year=row.year_met)
        return t("status.missed", lang, gap=figure_text(abs(row.target - row.value)), when=when)
    return t({"missed": "status.missed_short"}.get(row.status, f"status.{row.status}"), lang)


def figure_text(value: float) -> str:
    """An indicator's value: as many decimals as its size asks for, the dash when there is none."""
    if not np.isfinite(value):
        return NONE
    return number(value, 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0)


def indicator_table(tables: Tables, lang: str, *, whole: bool = False) -> pd.DataFrame:
    """C9: one row a target of the plan (with `whole`, every statement), ready to show.

    `progress` is the share of the way from base to target (0..1, NaN when not computable).
    """
    names = tables["indicator_names"].set_index("indicator")
    lines = []
    for row in indicator_rows(tables, whole=whole):
        name = names.loc[row.code]
        way = row.target - row.base
        done = 1.0 if row.status in MET else (row.value - row.base) / way if way else float("nan")
        lines.append(
            {
                "code": row.code,
                "name": name[f"name_{lang}"],
                "domain": domain_name(str(name["domain"]), lang),
                "nature": t(f"nature.{row.nature}", lang),
                "unit": name[f"unit_{lang}"],
                "base": figure_text(row.base),
                "forecast": figure_text(row.value),
                "target": figure_text(row.target),
                "progress": float(np.clip(done, 0.0, 1.0)) if np.isfinite(done) else np.nan,
                "status": status_words(row, lang),
                "year_met": NONE if row.year_met is None else str(row.year_met),
                "note": t(f"status.{_decided_by(str(name['measure']), row.nature)}", lang),
                "state": row.status,
                "target_year": row.target_year,
                "nature_code": row.nature,
            }
        )
    return pd.DataFrame(lines)


def _decided_by(measure: str, nature: str) -> str:
    """decided: the allocation aims at it; reported: computed, not aimed at; stated: not computed."""
    if measure == "stated":
        return "stated"
    return "decided" if measure in LINEAR and nature != "stated" else "reported"


def indicator_path(tables: Tables, code: str, lang: str, height: int = 230) -> Chart:
    """One indicator year by year, with its target."""
    table = tables["indicators"]
    path = table[(table["indicator"] == code) & (table["region"] == "plan")].sort_values("year")
    name = tables["indicator_names"].set_index("indicator").loc[code]
    target_year = int(str(name["target_year"]))
    known = path[np.isfinite(path["value"].astype(float))]
    unit = str(name[f"unit_{lang}"])
    data = pd.DataFrame({t("col.year", lang): path["year"], t("col.value", lang): path["value"], t("col.target", lang): path["target"]})
    if known.empty:
        return Chart(None, ("status.not_computable", {}), unit, data, lang)
    figure = blank(height, lang)
    figure.add_scatter(x=known["year"], y=known["value"], name=t("col.forecast", lang), mode="lines+markers", line={"color": BLUE, "width": 3})
    if np.isfinite(known["target"].astype(float)).any():
        dashed = {"color": ORANGE, "dash": "dash", "width": 2}
        figure.add_scatter(x=known["year"], y=known["target"], name=t("col.target", lang), mode="lines", line=dashed)
    year_axis(figure, known["year"].to_numpy(), (target_year,))
    figure.update_layout(margin={"r": 24})
    at = known[known["year"] == target_year]
    final = (at if len(at) else known).iloc[-1]
    values = {"name": str(name[f"name_{lang}"]), "year": str(int(final["year"])), "value": figure_text(float(final["value"]))}
    if np.isfinite(float(final["target"])):
        return Chart(figure, ("finding.path", {**values, "target": figure_text(float(final["target"]))}), unit, data, lang)
    return Chart(figure, ("finding.path_untargeted", values), unit, data, lang)
