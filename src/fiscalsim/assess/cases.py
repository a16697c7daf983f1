"""The cases a proposal is judged in, and the sampled futures: patches of the scenario, all their sizes from assumptions/national/affordability.csv.

Knows paths of levers and the table of assumptions. Must not know what a case does to the money.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.assumptions import Pack
from fiscalsim.errors import ModelError
from fiscalsim.levers import clean_value, path_at
from fiscalsim.scenario import Scenario

BASE, BOTH = "base", "both"
STRESSES = ("revenue_down", "ageing")
CASES = (BASE, *STRESSES, BOTH)


@dataclass(frozen=True)
class Bend:
    """How one path is moved from a year on: `how` (add, times) by `value`; `phased` reaches it at the end of the assessed years, in equal steps."""

    path: str
    how: str
    value: float
    phased: bool


@dataclass(frozen=True)
class Settings:
    """Thresholds, cases and spreads of an assessment; `rows` is the table they come from, with grade and source."""

    room_share: float
    futures_share: float
    futures: int
    largest_level: float
    standard_multiple: float
    years: int
    new_revenue: float
    cases: dict[str, tuple[Bend, ...]]
    spreads: tuple[Bend, ...]
    rows: pd.DataFrame


def settings_of(pack: Pack) -> Settings:
    """The pack's settings; ModelError where national lacks one, as nothing is assumed in code."""
    rows = pack.tables.get("affordability.csv", [])
    single = {row["name"]: float(row["value"]) for row in rows if row["kind"] in ("threshold", "reference")}
    lacking = [name for name in ("room_share", "futures_share", "futures", "largest_level", "standard_multiple", "years", "new_revenue") if name not in single]
    cases = {name: tuple(_bend(row) for row in rows if row["kind"] == "case" and row["name"] == name) for name in STRESSES}
    lacking += [name for name, bends in cases.items() if not bends]
    if lacking:
        raise ModelError(f"national/affordability.csv lacks {', '.join(lacking)}")
    columns = ["kind", "name", "path", "how", "value", "phased", "grade", "source", "note"]
    return Settings(
        room_share=single["room_share"],
        futures_share=single["futures_share"],
        futures=int(single["futures"]),
        largest_level=single["largest_level"],
        standard_multiple=single["standard_multiple"],
        years=int(single["years"]),
        new_revenue=single["new_revenue"],
        cases={BASE: (), **cases, BOTH: tuple(bend for name in STRESSES for bend in cases[name])},
        spreads=tuple(_bend(row) for row in rows if row["kind"] == "future"),
        rows=pd.DataFrame([{name: row[name] for name in columns} for row in rows], columns=columns),
    )


def _bend(row: dict[str, Any]) -> Bend:
    return Bend(row["path"], row["how"], float(row["value"]), bool(row["phased"]))


def bent(scenario: Scenario, bends: tuple[Bend, ...], years: tuple[int, ...], first: int, last: int) -> Scenario:
    """The scenario with every path moved from `first` on; what lies before stays. Shares stay between 0 and 1 only where the path itself does."""
    patch: dict[str, Any] = {}
    for bend in bends:
        values = path_at(patch.get(bend.path, scenario.value(bend.path)), years)
        part = np.array([0.0 if y < first else min((y - first + 1) / (last - first + 1), 1.0) if bend.phased else 1.0 for y in years])
        moved = values + part * bend.value if bend.how == "add" else values * (1.0 + part * (bend.value - 1.0))
        patch[bend.path] = clean_value({y: round(float(value), 10) for y, value in zip(years, moved, strict=True)})
    return replace(scenario, set={**scenario.set, **patch})


def futures(settings: Settings, seed: int) -> list[tuple[Bend, ...]]:
    """Sampled futures: every path's bend drawn from a normal distribution with the table's standard deviation, independent of the others.

    Drawn in mirrored pairs, so that their mean is the base case; the same seed gives the same futures whatever is proposed.
    """
    draws = np.random.default_rng(seed).standard_normal(((settings.futures + 1) // 2, len(settings.spreads)))
    both = np.stack([draws, -draws], axis=1).reshape(-1, len(settings.spreads))[: settings.futures]
    found = []
    for row in both:
        found.append(
            tuple(
                replace(one, value=z * one.value if one.how == "add" else max(1.0 + z * one.value, 0.1)) for one, z in zip(settings.spreads, row, strict=True)
            )
        )
    return found
