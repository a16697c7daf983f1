"""Near-optimal alternatives as a bureau table: general grants and coverage by area, one pair of columns an alternative."""

from __future__ import annotations

import pandas as pd

from fiscalsim.near_optimal import NearOptimal
from fiscalsim.report.boards import Board
from fiscalsim.text import money_unit, number, percent, t


def alternatives_board(found: NearOptimal, place: str, lang: str) -> Board:
    """One row an area; the total in front says whom all areas together serve and how many areas' grants move."""
    names = dict(zip(found.places["region"], found.places[f"name_{lang}"], strict=True))
    kinds = list(found.whole["alternative"])
    unit = money_unit(float(found.regions["general_yuan"].max()), lang)
    heads = [t("alternatives.region", lang)]
    cells: dict[str, list[str]] = {region: [names[region]] for region in names}
    total = [t("alternatives.whole", lang)]
    for kind in kinds:
        heads += [t(f"alternatives.{kind}", lang), t("alternatives.coverage", lang, kind=t(f"alternatives.{kind}", lang))]
        mine = found.regions[found.regions["alternative"] == kind].set_index("region")
        for region in names:
            cells[region] += [unit.show(float(mine.loc[region, "general_yuan"])), percent(float(mine.loc[region, "coverage"]))]
        row = found.whole.set_index("alternative").loc[kind]
        touched = t("alternatives.touched", lang, n=number(row["touched"]))
        total += [unit.show(float(mine["general_yuan"].sum())), touched]
    table = pd.DataFrame([total, *cells.values()], columns=heads)
    return Board(
        t("alternatives.title", lang, place=place, year=found.year), table, unit.name, total=True, note=t("alternatives.note", lang), right=tuple(heads[1:])
    )
