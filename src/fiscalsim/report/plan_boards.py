"""How the plan is being carried out at its middle, and the money of three rolling years: the two boards a bureau reports by.

Takes a run's tables; computes nothing but sums, and comparisons of a forecast with the path to its target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim import charts
from fiscalsim.charts.money import INCOME, SPENDING, fiscal_items
from fiscalsim.indicators import NOT_HIGHER, TOLERANCE
from fiscalsim.quantities import MET
from fiscalsim.report.boards import Board
from fiscalsim.text import money_unit, t

Tables = Mapping[str, pd.DataFrame]
ROLLING_YEARS = 3  # 国发〔2015〕3号: the first binds, the next two guide
PACE = ("early", "on_pace", "behind", "unknown")


def progress_blocks(tables: Tables, pack: Mapping[str, Any], lang: str) -> list[str | Board]:
    """The finding and the table of progress in the middle year of the plan; nothing where the plan has no target or the year was not decided."""
    year = middle_year(pack)
    if tables["indicators"].empty or year not in charts.years_of(tables):
        return []
    pace = progress(tables, year)
    counts = {word: int((pace["pace"] == word).sum()) for word in PACE}
    return [t("plan.progress_line", lang, year=year, n=len(pace), **counts), _progress_board(tables, pace, year, lang)]


def middle_year(pack: Mapping[str, Any]) -> int:
    """The year of the mid-term review: the middle one of the plan's years."""
    first, target = int(pack["plan_first_year"]), int(pack["plan_target_year"])
    return first + (target - first) // 2


def progress(tables: Tables, year: int) -> pd.DataFrame:
    """indicator, due, value, pace: the forecast of `year` against the straight path to the target, one row a target of the plan.

    early: the target itself is met by then; on_pace: the path of that year is; behind: it is not; unknown: a number is missing.
    """
    names = tables["indicator_names"].set_index("indicator")
    table = tables["indicators"]
    at = table[(table["region"] == "plan") & (table["year"] == year)].set_index("indicator")
    rows = []
    for row in charts.indicator_rows(tables):
        due = float(at["target"].get(row.code, np.nan))
        value = float(at["value"].get(row.code, np.nan))
        rows.append({"indicator": row.code, "due": due, "value": value, "pace": _pace(row, value, due, year, str(names.loc[row.code, "target_op"]))})
    return pd.DataFrame(rows, columns=["indicator", "due", "value", "pace"])


def _pace(row: Any, value: float, due: float, year: int, op: str) -> str:
    if row.status in MET and row.year_met is not None and row.status != "maintained" and row.year_met <= year < row.target_year:
        return "early"
    if not (np.isfinite(value) and np.isfinite(due)):
        return "unknown"
    ahead = (due - value if op in NOT_HIGHER else value - due) >= -TOLERANCE * max(abs(due), 1.0)
    return "on_pace" if ahead else "behind"


def _progress_board(tables: Tables, pace: pd.DataFrame, year: int, lang: str) -> Board:
    shown = charts.indicator_table(tables, lang).set_index("code")
    names = shown.loc[pace["indicator"]]
    table = pd.DataFrame(
        {
            t("col.indicator", lang): names["name"].to_numpy(),
            t("col.nature", lang): names["nature"].to_numpy(),
            t("col.unit", lang): names["unit"].to_numpy(),
            t("plan.col_due", lang, year=year): [charts.figure_text(value) for value in pace["due"]],
            t("plan.col_forecast", lang, year=year): [charts.figure_text(value) for value in pace["value"]],
            t("col.target", lang): names["target"].to_numpy(),
            t("plan.col_pace", lang): [t(f"plan.{word}", lang) for word in pace["pace"]],
        }
    )
    columns = tuple(str(column) for column in table.columns[3:6])
    return Board(t("plan.progress_table", lang, year=year), table, note=t("plan.progress_note", lang, year=year), right=columns)


def medium_term_blocks(tables: Tables, lang: str) -> list[Board]:
    """Income and spending of the first three years decided, line by line, in sum equal; nothing for a run of fewer years."""
    years = charts.years_of(tables)[:ROLLING_YEARS]
    if len(years) < ROLLING_YEARS:
        return []
    items = fiscal_items(tables, None).loc[list(years)]
    income = _used(items, INCOME)
    spending = -_used(items, SPENDING)
    totals = {"income": income.sum(axis=1), "spending": spending.sum(axis=1)}
    unit = money_unit(float(totals["income"].max()), lang)
    lines = [(t("plan.income_total", lang), totals["income"]), *((t(f"fiscal_item.{code}", lang), income[code]) for code in income.columns)]
    lines += [(t("plan.spending_total", lang), totals["spending"]), *((t(f"fiscal_item.{code}", lang), spending[code]) for code in spending.columns)]
    heads = [t("plan.binding_year" if i == 0 else "plan.guiding_year", lang, year=year) for i, year in enumerate(years)]
    table = pd.DataFrame([[name, *(values / unit.divisor)] for name, values in lines], columns=[t("col.item", lang), *heads])
    gap = float((totals["income"] - totals["spending"]).abs().max())
    note = t("plan.medium_note", lang, gap=unit.show(gap))
    return [Board(t("heading.medium_term", lang), table, unit.name, dict.fromkeys(heads, unit.digits), total=True, note=note)]


def _used(items: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """The lines that hold money in any of the years."""
    found = items[list(codes)].astype(float)
    return found.loc[:, (found.abs() >= 0.5).any()]
