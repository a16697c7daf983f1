"""Write docs/why-not-more.md: the largest shortfalls of every pack with their reasons and the repairs that were solved again, what 100 million yuan
more is worth, duals against finite differences, and a raise that the ratchet refuses.

    python tools/write_why_not_more.py            # every pack; Panjin takes 40 s of processor time a year asked, Liaoning and Inner Mongolia many minutes
    python tools/write_why_not_more.py --prices   # print the table of duals and differences only
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.allocation import Passes
from fiscalsim.allocation.terms import terms
from fiscalsim.allocation.value_of_money import POOL, derivatives, shadow_prices
from fiscalsim.assumptions import load_pack
from fiscalsim.before_after import rules_compared
from fiscalsim.pipeline import Posed, posed
from fiscalsim.repairs import Repairs, repairs
from fiscalsim.report.boards import Board
from fiscalsim.report.html import shown
from fiscalsim.report.repair_boards import shortfalls_board, ways_board
from fiscalsim.report.rule_boards import rules_board
from fiscalsim.scenario import home, load_scenario
from fiscalsim.text import number, percent, t

PAGE = Path(__file__).parents[1] / "docs" / "why-not-more.md"
ASKED = (
    ("liaoning-baseline", 2025),
    ("linxia-baseline", 2025),
    ("panjin-baseline", 2020),
    ("panjin-baseline", 2025),
    ("inner-mongolia-baseline", 2025),
    ("generic-city-baseline", None),
)
TIGHT = ("two-counties-baseline", ("fiscal.transfer_pool=0.8",))
CLIFF = "linxia-aid-cliff"
RATCHET = ("standards_never_fall", "promise_outlives_the_horizon")
FAMILIES = ("spending_within_means", "transfers_within_pool", "served_within_capacity", "build_rate_limited", "capacity_carried_forward")
ROWS = 20
HEAD = """# Why not more

Written by `tools/write_why_not_more.py`; the same tables come from `fiscalsim repairs SCENARIO`, other plans as good from `fiscalsim alternatives
SCENARIO`. Every repair changes parameters of the scenario and is solved again, pass by pass, without the replay; what did not help is named below
each table. Persons are clients of the year (one person may be a client of several services). Money is the year's own yuan.
"""
FORMULA = """
## Today's formula beside the optimum

Each pack under the equalisation formula and under the optimal sharing, everything else alike (`fiscalsim rules SCENARIO` shows the other two rules
and every area too).
"""
VALUE = """
## What 100 million yuan more is worth

Each row is the pool of general grants of one year with 100 million yuan more and less, every pass solved again; the first goal that changes is
shown. Years in which neither side changes any goal are left out: there money is not what binds. `no plan`: with so much less, what was kept cannot be.
The last column is the change of everybody served over the horizon; it may fall where a goal that stands before them gains.
"""
DUALS = """
## Duals against differences

Passes 1b and 4 of the two counties with a fifth less in transfers, {rows} rows each of five families, the right side moved by 0.001 (100 million yuan, 10,000
places). A dual must lie between the left and the right derivative; where they differ (a breakpoint, or no plan on one side) it is no price.
"""


@dataclass(frozen=True)
class Solved:
    """One scenario's question and its plan."""

    asked: Posed
    passes: Passes
    solution: Any


def solved(name: str, overrides: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> Solved:
    """The plan of a scenario, with the families `off` switched off."""
    scenario = load_scenario(name, None, overrides)
    asked = posed(load_pack(scenario.pack, home(), scenario.resolution), scenario)
    passes = Passes(terms(asked.inputs, asked.needed, asked.money, asked.forms), off)
    return Solved(asked, passes, passes.solve())


def markdown(board: Board) -> str:
    """A bureau table as Markdown."""
    title = f"**{board.title}**" + (f" ({board.unit})" if board.unit else "")
    heads = [str(head) for head in board.table.columns]
    rows = [[shown(value, board.digits.get(head)) for head, value in zip(heads, row, strict=True)] for row in board.table.itertuples(index=False)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join("---:" if head in board.right else "---" for head in heads) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([title, "", *lines, "", board.note]).rstrip() + "\n"


def of_pack(name: str, found: Repairs) -> str:
    """The shortfalls and repairs of one scenario in both languages."""
    scenario = load_scenario(name)
    parts = [f"\n## {scenario.name_zh} {scenario.name_en}, {found.year}\n"]
    for lang in ("zh", "en"):
        place = getattr(scenario, f"name_{lang}")
        parts += [markdown(shortfalls_board(found, place, lang)), markdown(ways_board(found, lang))]
    return "\n".join(parts)


def formula_beside_optimum(name: str) -> str:
    """The two rules of one scenario side by side."""
    scenario = load_scenario(name)
    return markdown(rules_board(rules_compared(scenario, rules=("formula", "optimal")), scenario.name_en, "en"))


def value_table(name: str, one: Solved) -> list[str]:
    """Lines of the table of what more and less money do, one a year in which a goal changes."""
    table = shadow_prices(one.asked.inputs, one.passes, one.solution, most_priced=0)
    table = table[table["limit"] == POOL]
    lines = []
    for year, rows in table.groupby("year"):
        moved = [row for row in rows.to_dict("records") if abs(row["right"]) > 1e-6 or not abs(row["left"]) <= 1e-6]
        if not moved:
            continue
        row = moved[0]
        left = "no plan" if np.isnan(row["left"]) else f"{row['left']:,.4g}"
        people = rows[(rows["pass"] == "4") & (rows["unit"] == "client_years")].iloc[0]
        more = f"{people['right']:,.0f}"
        lines.append(f"| {name} | {year} | {row['pass']} | {row['unit']} | {left} | {row['right']:,.4g} | {more} |")
    return lines or [f"| {name} | all | | money does not bind | 0 | 0 | 0 |"]


def price_table(one: Solved) -> pd.DataFrame:
    """pass, family, row, left, dual, right for ROWS rows of each of five families in passes 1b and 4, drawn once."""
    draw, rows = np.random.default_rng(7), []
    for name in ("1b", "4"):
        for family in FAMILIES:
            mine = np.intersect1d(np.flatnonzero(one.passes.form.family == family), one.solution.answers[name].rows)
            for at in draw.permutation(mine)[:ROWS]:
                rows.append((name, family, str(one.passes.form.row_index[at]), *derivatives(one.passes, one.solution, name, int(at))))
    return pd.DataFrame(rows, columns=["pass", "family", "row", "left", "dual", "right"])


def price_summary(table: pd.DataFrame) -> list[str]:
    """Lines: per family how many rows, priced ones, breakpoints, and the largest distance of a dual outside its bounds; then the breakpoints."""
    lines = ["| pass | family | rows | priced | breakpoints | dual outside by at most |", "|---|---|---:|---:|---:|---:|"]
    slack = 2e-3 * np.maximum(1.0, table["dual"].abs())
    outside = np.maximum(np.maximum(table["left"] - table["dual"], table["dual"] - table["right"]).fillna(0.0), 0.0)
    at_break = ~((table["right"] - table["left"]) <= 2 * slack)
    for (name, family), rows in table.groupby(["pass", "family"], sort=False):
        i = rows.index
        lines.append(f"| {name} | {family} | {len(rows)} | {(rows['dual'].abs() > 1e-6).sum()} | {at_break[i].sum()} | {outside[i].max():.1e} |")
    lines += ["", "| pass | breakpoint: family | row | left | dual | right |", "|---|---|---|---:|---:|---:|"]
    table = table.rename(columns={"pass": "name"})
    for row in pd.concat([table[at_break & (table["name"] == name)].head(8) for name in ("1b", "4")]).itertuples(index=False):
        lines.append(f"| {row.name} | {row.family} | {row.row} | {_or_none(row.left)} | {row.dual:.4g} | {_or_none(row.right)} |")
    return lines


def _or_none(value: float) -> str:
    return "no plan" if np.isnan(value) else f"{value:.4g}"


def ratchet(name: str) -> str:
    """A raise that the view without the two promises grants and they refuse, in words of both languages; empty where there is none."""
    kept, free = solved(name), solved(name, off=RATCHET)
    asked, numbers = kept.asked, kept.passes.terms
    with_, without = kept.solution.values["x"], free.solution.values["x"]
    promised = numbers.promise[None, None, None] & numbers.cells
    later_cut = np.zeros_like(with_)
    for y in range(len(with_) - 1):  # a raise that is taken back later
        later_cut[y] = np.maximum(without[y] - without[y + 1 :].min(axis=0), 0.0)
    refused = np.where(promised, np.minimum(without - with_, later_cut), 0.0) * numbers.clients * 1e4
    y, r, h, s = (int(i) for i in np.unravel_index(int(refused.argmax()), refused.shape))
    if refused[y, r, h, s] < 1.0:
        return "No raise is granted without the two rules and refused by them here.\n"
    year = asked.inputs.horizon.labels[y]
    low = y + 1 + int(without[y + 1 :, r, h, s].argmin())
    place = asked.inputs.info.region_names.set_index("region").loc[asked.inputs.regions.labels[r]]
    service = asked.inputs.demand.services[s]
    words = {
        "one": percent(without[y, r, h, s]),
        "then": percent(without[low, r, h, s]),
        "kept": percent(with_[y, r, h, s]),
        "end": percent(with_[low, r, h, s]),
        "n": number(refused[y, r, h, s]),
    }
    later = asked.inputs.horizon.labels[low]
    zh = (
        f"{place['name_zh']}（{t('residence.' + ('urban', 'rural')[h], 'zh')}）{service.name_zh}：只看当年，{year}年可以提到{words['one']}，"
        f"但{later}年只能保障{words['then']}；按“提了不降”和“管得长远”，{year}年只提到{words['kept']}，{later}年为{words['end']}，当年少提{words['n']}人。"
    )
    en = (
        f"{service.name_en} in {place['name_en']} ({t('residence.' + ('urban', 'rural')[h], 'en')}): looking at the year alone, {year} could be raised to "
        f"{words['one']}, but only {words['then']} can be served in {later}; with the promise that lasts, {year} is raised to {words['kept']} "
        f"and {later} stands at {words['end']}: {words['n']} people fewer are promised in {year}."
    )
    return f"{zh}\n\n{en}\n"


def page(found: dict[tuple[str, int | None], Repairs], names: tuple[str, ...]) -> str:
    """The whole page."""
    parts = [HEAD, *(of_pack(name, one) for (name, _), one in found.items()), FORMULA]
    parts += [*(formula_beside_optimum(name) for name in names), VALUE]
    parts += ["| scenario | year | pass | unit | less | more | client-years by more |", "|---|---:|---|---|---:|---:|---:|"]
    tight = solved(*TIGHT)
    parts += [line for name in names for line in value_table(name, solved(name))]
    parts += value_table("two-counties, a fifth less in transfers", tight)
    parts += [DUALS.format(rows=ROWS), *price_summary(price_table(tight))]
    parts += [f"\n## A raise that the ratchet refuses\n\n`{CLIFF}`, with and without `{RATCHET[0]}` and `{RATCHET[1]}`.\n", ratchet(CLIFF)]
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Compute and write."""
    if "--prices" in sys.argv:
        table = price_table(solved(*TIGHT))
        print(table.to_string(index=False))
        print("\n".join(price_summary(table)))
        return
    found = {(name, year): repairs(load_scenario(name), year=year) for name, year in ASKED}
    PAGE.write_text(page(found, tuple(dict.fromkeys(name for name, _ in ASKED))), encoding="utf-8")


if __name__ == "__main__":
    main()
