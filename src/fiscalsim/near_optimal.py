"""Other plans within a stated part of the best, so that officials can choose: transfers and coverage by area, side by side.

Knows scenarios and the pipeline's question; must not know words or pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fiscalsim import allocation
from fiscalsim.assumptions import load_pack
from fiscalsim.pipeline import posed
from fiscalsim.scenario import Scenario
from fiscalsim.scenario import home as default_home


@dataclass(frozen=True)
class NearOptimal:
    """`regions`: alternative, region, general_yuan, share (of all general grants of the year), today_share, coverage.

    `whole`: alternative, clients_served, touched (areas whose grants over the horizon move by 1 % or more from the base year's share), goal_1a .. goal_4.
    """

    year: int
    regions: pd.DataFrame
    whole: pd.DataFrame
    places: pd.DataFrame


def near_optimal(scenario: Scenario, *, home: Path | None = None, year: int | None = None) -> NearOptimal:
    """The plan and its near-optimal alternatives in one year (the plan's target year when left out). Errors: InputError, NoSolution."""
    pack = load_pack(scenario.pack, home or default_home(), scenario.resolution)
    year = pack.info.plan_target_year if year is None else year
    asked = posed(pack, scenario)
    y = asked.inputs.horizon.index(year)
    today = asked.money.base_general / asked.money.base_general.sum()
    regions, whole = [], []
    for one in allocation.alternatives_of(asked.inputs, asked.needed, asked.money, asked.forms):
        share = one.general[y] / one.general[y].sum()
        rows = zip(asked.inputs.regions, one.general[y], share, today, one.coverage[y], strict=True)
        regions += [(one.kind, *row) for row in rows]
        goals = {f"goal_{name}": value for name, value in one.goals.items() if name in ("1a", "1b", "2", "3", "4")}
        whole.append({"alternative": one.kind, "clients_served": float(one.served[y]), "touched": int(one.touched.sum()), **goals})
    columns = ["alternative", "region", "general_yuan", "share", "today_share", "coverage"]
    return NearOptimal(year, pd.DataFrame(regions, columns=columns), pd.DataFrame(whole), asked.inputs.info.region_names)
