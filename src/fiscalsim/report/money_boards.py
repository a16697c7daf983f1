"""What there is to spend as bureau tables: the account line by line, the base year against published budgets, calibration, who pays, and the funds.

Takes a run's tables at whatever prices they have; computes nothing but sums and ratios of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fiscalsim import charts
from fiscalsim.fiscal_capacity import LEVELS, first_deficits
from fiscalsim.fiscal_capacity.published import CLOSE
from fiscalsim.report.boards import Board
from fiscalsim.text import NONE, has, money_unit, number, people_unit, percent, t

Tables = Mapping[str, pd.DataFrame]
NEEDED = ("balance", "reconciliation", "calibration", "later_outturn", "cost_by_level", "funds")  # a run of an older time has none of them
SIDES = ("received", "used")


def account_board(tables: Tables, year: int, region: str | None, lang: str) -> Board:
    """Everything received and used in `year`, both sides whole; the base year is the published one made comparable."""
    rows = tables["balance"]
    rows = rows[(rows["year"] == year) & (True if region is None else rows["region"] == region)]
    sums = {side: rows[rows["side"] == side].groupby("line", sort=False)["yuan"].sum() for side in SIDES}
    unit = money_unit(max(float(sums[side].sum()) for side in SIDES), lang)
    columns = {side: [(t(f"budget_line.{line}", lang), unit.show(v)) for line, v in sums[side].items() if abs(v) >= 0.5] for side in SIDES}
    height = max(map(len, columns.values()))
    padded = {side: found + [("", "")] * (height - len(found)) for side, found in columns.items()}
    lines = [(*left, *right) for left, right in zip(padded["received"], padded["used"], strict=True)]
    lines.append((t("col.total", lang), unit.show(sums["received"].sum()), t("col.total", lang), unit.show(sums["used"].sum())))
    heads = [t("col.income", lang), t("col.amount", lang), t("col.expense", lang), t("col.amount", lang) + " "]
    gap = number(float(sums["received"].sum() - sums["used"].sum()))
    return Board(t("money.account", lang, year=year), pd.DataFrame(lines, columns=heads), unit.name, note=t("money.account_note", lang, gap=gap))


def reconciliation_board(tables: Tables, lang: str) -> Board:
    """Own revenue and spending of the base year as published and as the model takes them, region by region, the whole among them."""
    rows = tables["reconciliation"]
    unit = money_unit(float(rows["published_yuan"].max()) if len(rows) else 0.0, lang)
    names = charts.region_names(tables, lang, "name")
    lines = [
        (
            names.get(row.region, t("money.whole", lang)),
            t(f"budget_line.{row.line}", lang),
            unit.show(row.published_yuan),
            unit.show(row.model_yuan),
            unit.show(row.difference_yuan, signed=True),
            percent(row.difference_yuan / row.published_yuan, 1, signed=True) if row.published_yuan else NONE,
            row.grade,
        )
        for row in _rows(rows)
    ]
    heads = [t(f"money.{key}", lang) for key in ("region", "line", "published", "model", "difference", "share", "grade")]
    title = t("money.reconciliation", lang, year=int(rows["year"].min()) if len(rows) else "")
    return Board(title, pd.DataFrame(lines, columns=heads), unit.name, note=t("money.reconciliation_note", lang))


def calibration_board(tables: Tables, region: str | None, lang: str) -> Board:
    """Published spending over modelled cost by budget function; regions whose factor is far from one are named."""
    rows = tables["calibration"]
    names = charts.region_names(tables, lang)
    lines = []
    for function, mine in rows.groupby("function", sort=False):
        picked = mine if region is None else mine[mine["region"] == region]
        factor = picked["published_yuan"].sum() / picked["modelled_yuan"].sum()
        far = [names[row.region] for row in _rows(mine[~mine["factor"].between(*CLOSE)])]
        spread = f"{mine['factor'].min():.2f}" + t("money.to", lang) + f"{mine['factor'].max():.2f}"
        lines.append((t(f"function.{function}", lang), number(factor, 2), spread, t("format.comma", lang).join(far) or NONE))
    heads = [t(f"money.{key}", lang) for key in ("function", "factor", "spread", "far")]
    note = t("money.calibration_note", lang, low=f"{CLOSE[0]}", high=f"{CLOSE[1]}")
    return Board(t("money.calibration", lang), pd.DataFrame(lines, columns=heads), note=note, right=(heads[1],))


def later_board(tables: Tables, region: str | None, lang: str) -> Board:
    """Model over published after the base year by line: the regions together where they are published, else the whole."""
    rows = tables["later_outturn"]
    parts = rows[rows["region"].isin(set(tables["regions"]["region"]))] if region is None else rows[rows["region"] == region]
    whole = rows[~rows["region"].isin(set(tables["regions"]["region"]))]
    unit = money_unit(float(rows["published_yuan"].max()) if len(rows) else 0.0, lang)
    lines = []
    for (line, year), mine in pd.concat([parts, whole]).groupby(["line", "year"], sort=False):
        inside = mine[mine["region"].isin(set(parts["region"]))]
        shown = inside if len(inside) else mine
        change = mine[~mine["region"].isin(set(parts["region"]))]["change"].dropna()
        model, published = shown["model_yuan"].sum(), shown["published_yuan"].sum()
        words = percent(float(change.iloc[0]), 0, signed=True) if len(change) else NONE
        name = t(f"function.{line}" if has(f"function.{line}") else f"budget_line.{line}", lang)
        lines.append((name, str(year), number(len(shown)), unit.show(published), unit.show(model), number(model / published, 2), words))
    heads = [t(f"money.{key}", lang) for key in ("line", "year", "counted", "published", "model", "ratio", "change")]
    return Board(t("money.later", lang), pd.DataFrame(lines, columns=heads), unit.name, note=t("money.later_note", lang))


def levels_board(tables: Tables, year: int, region: str | None, lang: str) -> Board:
    """The running cost of `year` by budget function and by who owes it."""
    rows = tables["cost_by_level"]
    rows = rows[(rows["year"] == year) & (True if region is None else rows["region"] == region)]
    rows = rows.assign(function=rows["service"].map(tables["services"].set_index("service")["function"]))
    wide = rows.pivot_table(index="function", columns="level", values="yuan", aggfunc="sum", fill_value=0.0, sort=False).reindex(
        columns=list(LEVELS), fill_value=0.0
    )
    wide.loc["all"] = wide.sum()
    unit = money_unit(float(wide.to_numpy().max()) if len(wide) else 0.0, lang)
    lines = []
    for function, line in wide.iterrows():
        name = t("col.total", lang) if function == "all" else t(f"function.{function}", lang)
        whole = float(line.sum())
        upper = percent(float(line["centre"] + line["province"]) / whole) if whole > 0 else NONE
        lines.append((name, unit.show(whole), *(unit.show(float(v)) for v in line), upper))
    heads = [t("money.function", lang), t("col.total", lang), *(t(f"level.{level}", lang) for level in LEVELS), t("money.upper", lang)]
    return Board(t("money.levels", lang, year=year), pd.DataFrame(lines, columns=heads), unit.name, note=t("money.levels_note", lang))


def funds_board(tables: Tables, year: int, lang: str) -> Board:
    """Every fund in `year`, with the years in which it first falls short and its reserve is used up."""
    rows = tables["funds"]
    now = rows[(rows["region"] == "plan") & (rows["year"] == year)].set_index("fund")
    first = {row.fund: row for row in _rows(first_deficits(rows))}
    unit = money_unit(float(now["benefit_yuan"].max()), lang)
    heads_unit = people_unit(float(now["contributors"].max()), lang)
    lines = [
        (
            t(f"fund.{fund}", lang),
            heads_unit.show(line["contributors"]),
            heads_unit.show(line["beneficiaries"]),
            *(unit.show(line[column]) for column in ("contribution_yuan", "subsidy_yuan", "benefit_yuan", "balance_yuan", "new_gap_yuan", "local_claim_yuan")),
            _year(first[fund].deficit, lang),
            _year(first[fund].exhausted, lang),
        )
        for fund, line in now.iterrows()
    ]
    keys = ("fund", "contributors", "beneficiaries", "contribution", "subsidy", "benefit", "balance", "new_gap", "local_claim", "deficit", "exhausted")
    heads = [t(f"money.{key}", lang, unit=heads_unit.name) for key in keys]
    return Board(t("money.funds", lang, year=year), pd.DataFrame(lines, columns=heads), unit.name, note=t("money.funds_note", lang))


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples(index=False))


def _year(value: float, lang: str) -> str:
    return t("money.never", lang) if pd.isna(value) else f"{int(value)}"
