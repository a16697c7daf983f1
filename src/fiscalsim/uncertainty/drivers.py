"""What may come otherwise: how each lever may leave its path, and the futures drawn from it.

Knows uncertainty.csv, levers and random numbers. Must not know what a future does to a plan.
A future is a set of lever paths. Its shocks come from a stream of their own, named by seed, future and lever: the same in every scenario (common
random numbers), and the same however many futures are drawn, in which order and by whom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.assumptions import Pack
from fiscalsim.errors import InputError, Problem
from fiscalsim.levers import FIRST_YEAR, LAST_YEAR, path_at
from fiscalsim.quantities import Array
from fiscalsim.scenario import Scenario

DIGITS = 6  # of a drawn value; finer is noise


@dataclass(frozen=True)
class Driver:
    """How one lever leaves its path: deviation[y] = persistence * deviation[y-1] + sd * shock[y], from `from_year` on; zero before.

    `how`: plus (value + deviation) or times (value * (1 + deviation)). Persistence 1 is a random walk. A driver that follows another has shocks that
    correlate with the other's by `correlation`. `lowest` and `highest` are the lever's; what is drawn beyond them is put on them, and counted.
    """

    path: str
    how: str
    sd: float
    persistence: float
    from_year: int
    follows: str
    correlation: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Draws:
    """`values` [F,D,Y] of the levers, those on a bound `clipped` [F,D,Y]; `base` [D,Y] of the scenario itself.

    `own` [F,D,Y]: deviations by each driver's own shocks alone, which are independent of all others.
    """

    paths: tuple[str, ...]
    years: tuple[int, ...]
    values: Array
    base: Array
    own: Array
    clipped: Array

    def patch(self, future: int) -> dict[str, Any]:
        """The lever paths of a future (1, 2, ...); future 0 is the scenario itself."""
        if future == 0:
            return {}
        return {
            path: {year: round(float(value), DIGITS) for year, value in zip(self.years, self.values[future - 1, d], strict=True)}
            for d, path in enumerate(self.paths)
        }


def drivers_of(pack: Pack) -> tuple[Driver, ...]:
    """The drivers of a pack, national's with its own on top. InputError where there is none."""
    levers = {lever.path: lever for lever in pack.levers}
    rows = pack.tables["uncertainty.csv"]
    if not rows:
        raise InputError([Problem(f"{pack.id}/uncertainty.csv", None, "path", "", "at least one lever that is uncertain, in national or in the pack")])
    return tuple(
        Driver(
            row["path"],
            row["how"],
            row["sd"],
            row["persistence"],
            row["from_year"],
            row["follows"] or "",
            row["correlation"] or 0.0,
            levers[row["path"]].lowest,
            levers[row["path"]].highest,
        )
        for row in rows
    )


def shocks(path: str, seed: int, future: int, years: tuple[int, ...]) -> Array:
    """Standard normal shocks of one lever in one future, by calendar year: another horizon sees the same shock in the same year."""
    stream = np.random.default_rng([seed, future, *path.encode()])
    return stream.standard_normal(LAST_YEAR - FIRST_YEAR + 1)[np.array(years) - FIRST_YEAR]


def carried(innovations: Array, persistence: float) -> Array:
    """Deviations that carry a share of the year before: a random walk at 1."""
    found = np.empty_like(innovations)
    last = 0.0
    for y, innovation in enumerate(innovations):
        last = found[y] = persistence * last + innovation
    return found


def draw(drivers: tuple[Driver, ...], scenario: Scenario, seed: int, futures: int, years: tuple[int, ...]) -> Draws:
    """`futures` futures around the scenario's own paths, over `years`."""
    shape = (futures, len(drivers), len(years))
    values, own, clipped = np.empty(shape), np.empty(shape), np.empty(shape)
    base = np.array([path_at(scenario.value(driver.path), years) for driver in drivers])
    for f in range(futures):
        for d, driver in enumerate(drivers):
            mine = np.where(np.array(years) >= driver.from_year, shocks(driver.path, seed, f + 1, years), 0.0)
            rest = driver.sd * np.sqrt(1.0 - driver.correlation**2)
            own[f, d] = carried(rest * mine, driver.persistence)
            shared = shocks(driver.follows, seed, f + 1, years) if driver.follows else np.zeros(len(years))
            shared = np.where(np.array(years) >= driver.from_year, driver.sd * driver.correlation * shared, 0.0)
            deviation = own[f, d] + carried(shared, driver.persistence)
            moved = base[d] + deviation if driver.how == "plus" else base[d] * (1.0 + deviation)
            values[f, d] = np.clip(moved, driver.lowest, driver.highest)
            clipped[f, d] = values[f, d] != moved
    return Draws(tuple(driver.path for driver in drivers), years, values, base, own, clipped)


def driver_table(pack: Pack, drivers: tuple[Driver, ...], drawn: Draws) -> pd.DataFrame:
    """One row a driver as it was used: its distribution, grade, source and names, and the share of draws that met a bound of the lever."""
    levers, rows = {lever.path: lever for lever in pack.levers}, {row["path"]: row for row in pack.tables["uncertainty.csv"]}
    names = ("name_zh", "name_en", "unit_zh", "unit_en", "shown_as")
    return pd.DataFrame(
        [
            {name: getattr(driver, name) for name in Driver.__dataclass_fields__}
            | {name: getattr(levers[driver.path], name) for name in names}
            | {name: rows[driver.path][name] or "" for name in ("grade", "source", "note")}
            | {"clipped": float(drawn.clipped[:, d].mean())}
            for d, driver in enumerate(drivers)
        ]
    )


def drawn_table(drawn: Draws) -> pd.DataFrame:
    """future, path, year, value: what each future set."""
    f, d, y = (axis.reshape(-1) for axis in np.indices(drawn.values.shape))
    return pd.DataFrame({"future": f + 1, "path": np.array(drawn.paths)[d], "year": np.array(drawn.years)[y], "value": drawn.values.reshape(-1).round(DIGITS)})
