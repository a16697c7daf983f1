"""What it costs not to see ahead: the plan that sees the whole horizon beside one that decides with a few years in sight, year after year.

Knows scenarios and the pipeline's question; must not know words or pages. Plans are set side by side as the allocation has them, without the replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.allocation.sight import Felt, foresight_of
from fiscalsim.assumptions import load_pack
from fiscalsim.errors import InputError, ModelError, Problem
from fiscalsim.pipeline import Posed, posed
from fiscalsim.scenario import Scenario
from fiscalsim.scenario import home as default_home

SIGHT = 3  # years, when none is named: a medium-term fiscal plan looks three years ahead
LEAST = 0.5  # persons


@dataclass(frozen=True)
class Foresight:
    """`years`: year, and for the plan with foresight and the one with `sight` years (suffix `_sight`): served, below (the floor), broken (clients of
    promised services served in an earlier year and not now), coverage, yuan, unpaid_yuan, targets_missed.

    `areas`: year, region, service, clients, served, served_sight, below, below_sight, broken_sight. Heads and yuan of the year.
    """

    sight: int
    base_year: int
    years: pd.DataFrame
    areas: pd.DataFrame
    places: pd.DataFrame  # names of the regions
    services: pd.DataFrame


def foresight(scenario: Scenario, *, sight: int = SIGHT, home: Path | None = None) -> Foresight:
    """Both plans of a scenario, side by side. Errors: InputError (also of a sight below one year), NoSolution."""
    if sight < 1:
        raise InputError([Problem("foresight", None, "sight", str(sight), "at least 1 year")])
    pack = load_pack(scenario.pack, home or default_home(), scenario.resolution)
    asked = posed(pack, scenario)
    whole, short = foresight_of(asked.inputs, asked.needed, asked.money, asked.forms, (sight,))
    return side_by_side(asked, whole, short[0], sight)


def side_by_side(asked: Posed, whole: Felt, short: Felt, sight: int) -> Foresight:
    """Two plans of one question as tables."""
    columns: dict[str, object] = {"year": list(asked.inputs.horizon.labels)}
    for suffix, plan in (("", whole), ("_sight", short)):
        columns |= {f"{name}{suffix}": getattr(plan, name).sum(axis=(1, 2)) for name in ("served", "below", "broken")}
        columns |= {f"coverage{suffix}": plan.coverage, f"yuan{suffix}": plan.spent, f"unpaid_yuan{suffix}": plan.unpaid}
        columns |= {f"targets_missed{suffix}": plan.short.astype(int)}
    years, regions, services = asked.inputs.horizon.labels, asked.inputs.regions.labels, asked.needed.services.labels
    y, r, s = (axis.reshape(-1) for axis in np.indices(whole.clients.shape))
    areas = pd.DataFrame({"year": np.array(years)[y], "region": np.array(regions)[r], "service": np.array(services)[s]})
    for name in ("clients", "served", "below"):
        areas[name] = getattr(whole, name).reshape(-1)
    for name in ("served", "below", "broken"):
        areas[f"{name}_sight"] = getattr(short, name).reshape(-1)
    names = pd.DataFrame([{"service": one.code, "name_zh": one.name_zh, "name_en": one.name_en} for one in asked.inputs.demand.services])
    areas = areas[areas["clients"] >= LEAST].reset_index(drop=True)
    return Foresight(sight, asked.inputs.info.base_year, pd.DataFrame(columns), areas, asked.inputs.info.region_names, names)


def largest_broken(found: Foresight) -> dict[Any, Any] | None:
    """The row of `areas` in which the short sight takes back most of what it had given; None where it takes nothing back."""
    return _largest(found.areas, found.areas["broken_sight"])


def largest_missed(found: Foresight) -> dict[Any, Any] | None:
    """The row of `areas` in which the short sight serves fewest compared with foresight; None where it nowhere serves fewer."""
    return _largest(found.areas, found.areas["served"] - found.areas["served_sight"])


def given_before(found: Foresight, row: dict[Any, Any]) -> dict[Any, Any]:
    """Of a row's area and service, the earlier year in which the short sight served the largest part."""
    areas = found.areas
    same = areas[(areas["region"] == row["region"]) & (areas["service"] == row["service"]) & (areas["year"] < row["year"])]
    best = _largest(same, same["served_sight"] / same["clients"], least=0.0)
    if best is None:
        raise ModelError(f"nothing was given before {row['year']}, so nothing can be taken back")
    return best


def _largest(table: pd.DataFrame, size: pd.Series, least: float = LEAST) -> dict[Any, Any] | None:
    if table.empty or not size.max() >= least:
        return None
    rows: list[dict[Any, Any]] = table[size == size.max()].to_dict("records")
    return rows[0]
