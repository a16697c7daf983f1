"""Cost against room: who fails when, the verdict of each area and of the whole, and the highest level that stays payable.

Arithmetic on arrays only: no scenario, no solver, no file. An area is a region of the pack, or `above` for the levels above together; each is judged
with its own room and no other's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fiscalsim.allocation import Room
from fiscalsim.assess.cases import BASE, CASES
from fiscalsim.assess.cost import Cost
from fiscalsim.quantities import Array

ABOVE = "above"
GREEN, AMBER, RED = "green", "amber", "red"
ORDER = (GREEN, AMBER, RED)
HALF_A_YUAN = 0.5
STEPS = 24  # halvings of the level


@dataclass(frozen=True)
class Held:
    """Cost and room of one case over the assessed years; the last area is the levels above."""

    cost: Array  # [Y,A] what the area must pay
    recurrent: Array  # [Y,A] running cost that falls under the area's growth limit
    money: Array  # [Y,A]
    growth: Array  # [Y,A]

    @property
    def room(self) -> Array:
        """[Y,A] what the area may spend on something new."""
        return np.maximum(np.minimum(self.money, self.growth), 0.0)

    @property
    def short(self) -> Array:
        """[Y,A] yuan by which the cost exceeds the room: of money, or of the limit on growth, whichever lacks more; 0 where it is payable."""
        lacking = np.maximum(self.cost - np.maximum(self.money, 0.0), self.recurrent - np.maximum(self.growth, 0.0))
        return np.where((lacking > HALF_A_YUAN) & ((self.cost > HALF_A_YUAN) | (self.recurrent > HALF_A_YUAN)), lacking, 0.0)

    @property
    def fails(self) -> Array:
        """[Y,A] whether the area cannot pay."""
        return self.short > 0.0


def held(cost: Cost, room: Room, years: slice, share: float) -> Held:
    """A case's cost beside its room; `years` of the horizon are assessed, `share` of the room may be used."""

    def with_above(regions: Array, above: Array) -> Array:
        return np.concatenate([regions, above[:, None]], axis=1)[years]

    zero = np.zeros(len(cost.of_above))
    return Held(
        cost=with_above(cost.of_region, cost.of_above),
        recurrent=with_above(cost.running, zero),
        money=with_above(room.money * share, room.above * share),
        growth=with_above(room.growth * share, np.full(len(zero), np.inf)),
    )


def first_failure(case: Held, years: Sequence[int]) -> tuple[Array, Array]:
    """First year in which each area fails (0: never), and what it lacks then."""
    fails = case.fails
    at = fails.argmax(axis=0)
    any_ = fails.any(axis=0)
    return np.where(any_, np.asarray(years)[at], 0), np.where(any_, case.short[at, np.arange(fails.shape[1])], 0.0)


def verdicts(cases: Mapping[str, Held]) -> list[str]:
    """Verdict of each area: red where the base case fails, amber where only a stressed one does, else green."""
    base = cases[BASE].fails
    stressed = np.stack([cases[name].fails for name in CASES if name != BASE])
    return [RED if base[:, a].any() else AMBER if stressed[:, :, a].any() else GREEN for a in range(base.shape[1])]


def worst(found: Sequence[str]) -> str:
    """The whole proposal is judged as its worst area is."""
    return max(found, key=ORDER.index)


def areas_table(cases: Mapping[str, Held], regions: Sequence[str], years: Sequence[int], above: bool) -> pd.DataFrame:
    """region, verdict, then for each case first failing year (0: never) and what is lacking then (yuan). `above` only where it pays anything."""
    table = pd.DataFrame({"region": [*regions, ABOVE], "verdict": verdicts(cases)})
    for name in CASES:
        year, yuan = first_failure(cases[name], years)
        table[f"{name}_year"], table[f"{name}_yuan"] = year.astype(np.int64), yuan
    return table if above else table.iloc[:-1].reset_index(drop=True)


def room_table(cases: Mapping[str, Held], regions: Sequence[str], years: Sequence[int], above: bool) -> pd.DataFrame:
    """case, year, region, cost_yuan, recurrent_yuan, money_yuan, growth_yuan (nan: no limit), room_yuan, short_yuan."""
    areas = [*regions, ABOVE] if above else list(regions)
    parts = []
    for name in CASES:
        one, n = cases[name], len(areas)
        parts.append(
            pd.DataFrame(
                {
                    "case": name,
                    "year": np.repeat(years, n),
                    "region": np.tile(np.array(areas, dtype=object), len(years)),
                    "cost_yuan": one.cost[:, :n].reshape(-1),
                    "recurrent_yuan": one.recurrent[:, :n].reshape(-1),
                    "money_yuan": one.money[:, :n].reshape(-1),
                    "growth_yuan": np.where(np.isfinite(one.growth[:, :n]), one.growth[:, :n], np.nan).reshape(-1),
                    "room_yuan": one.room[:, :n].reshape(-1),
                    "short_yuan": one.short[:, :n].reshape(-1),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def payable_share(futures: Sequence[Callable[[float], Held]], level: float) -> float:
    """Share of futures in which no area fails in any assessed year at this level."""
    return float(np.mean([not one(level).fails.any() for one in futures]))


def highest_level(share_at: Callable[[float], float], wanted: float, most: float) -> float:
    """The largest level up to `most` that is payable in at least the wanted share of futures, by halving; 0 where none is.

    A higher level costs more everywhere, so that what is payable falls with the level.
    """
    if share_at(most) >= wanted:
        return most
    low, high = 0.0, most
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if share_at(middle) >= wanted else (low, middle)
    return low
