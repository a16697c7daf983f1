"""What many futures say together: fans, how likely floors hold, what decides the gap, and when the plan fails.

Tables in, tables out; knows discovery. Must not know scenarios, processes or words. Futures without a plan are counted, never left out of sight.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata
from scipy.stats import t as t_distribution

from fiscalsim.quantities import Array
from fiscalsim.uncertainty.discovery import Box, discover
from fiscalsim.uncertainty.drivers import Draws
from fiscalsim.uncertainty.solving import PLAN, SOLVED

QUANTILES = {"p5": 0.05, "p10": 0.10, "p20": 0.20, "median": 0.50, "p80": 0.80, "p90": 0.90, "p95": 0.95}
CONFIDENCE = 0.90  # of intervals for shares and probabilities
FLOORS, WORST_GAPS = "floors", "worst_gaps"
RARE = 0.1  # failures rarer than this, or commoner than the rest, tell nothing: then the worst fifth of the gaps counts as failing
WORST = 0.8
REST = "rest"  # the part of the variance that no single driver explains in a straight line


def by_future(outcomes: pd.DataFrame) -> pd.DataFrame:
    """future, year, measure, value of the whole place: gap_yuan, coverage, floors_held (areas without a missed floor); future 0 is the scenario itself."""
    plan = outcomes[outcomes["region"] == PLAN].pivot(index=["future", "year"], columns="measure", values="value")
    regions = outcomes[(outcomes["region"] != PLAN) & (outcomes["measure"] == "floors_missed")]
    held = regions.assign(held=regions["value"] == 0).groupby(["future", "year"])["held"].sum()
    wide = pd.DataFrame(
        {"gap_yuan": plan["unmet_yuan"], "coverage": 1.0 - plan["unmet_yuan"] / plan["needs_yuan"], "floors_held": held.astype(float)},
    )
    return wide.reset_index().melt(["future", "year"], var_name="measure", value_name="value")


def fan(whole: pd.DataFrame) -> pd.DataFrame:
    """year, measure, p5 ... p95, scenario (the scenario itself) over the futures that were solved."""
    drawn = whole[whole["future"] > 0].groupby(["measure", "year"])["value"]
    table = pd.DataFrame({name: drawn.quantile(share) for name, share in QUANTILES.items()})
    table["scenario"] = whole[whole["future"] == 0].set_index(["measure", "year"])["value"]
    return table.reset_index()[["year", "measure", *QUANTILES, "scenario"]].sort_values(["measure", "year"], ignore_index=True)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Interval of a share seen `hits` times in `n` (Wilson 1927), at `CONFIDENCE`."""
    if n == 0:
        return 0.0, 1.0
    z, share = float(norm.ppf(0.5 + CONFIDENCE / 2)), hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def likelihood(outcomes: pd.DataFrame, first: int) -> pd.DataFrame:
    """region (`plan`: all at once), futures, held, low, high, first_missed, deficit, first_deficit, from the year `first` on.

    held: share of the solved futures in which no floor is missed in any year, with its interval; first_missed: the middle first year of a missed floor
    among the others. deficit: share of futures with a year in which needs exceed means; first_deficit: the middle first year of that. Missing: never.
    """
    rows = outcomes[(outcomes["future"] > 0) & (outcomes["year"] >= first)]
    wide = rows.pivot(index=["region", "future", "year"], columns="measure", values="value").reset_index()
    table = []
    for region in dict.fromkeys(outcomes["region"]):
        mine = wide[wide["region"] == region]
        n = mine["future"].nunique()
        missed = mine[mine["floors_missed"] > 0].groupby("future")["year"].min()
        deficit = mine[mine["needs_yuan"] > mine["means_yuan"]].groupby("future")["year"].min()
        middle = [float(np.floor(np.median(years))) if len(years) else np.nan for years in (missed, deficit)]
        low, high = wilson(n - len(missed), n)
        table.append((region, n, 1.0 - len(missed) / n, low, high, middle[0], len(deficit) / n, middle[1]))
    return pd.DataFrame(table, columns=["region", "futures", "held", "low", "high", "first_missed", "deficit", "first_deficit"])


def factors(drawn: Draws, last: int, own: bool) -> Array:
    """[F,D] what each future drew, averaged over the uncertain years up to `last`: its own deviations (independent), or how far the lever left its path."""
    source = drawn.own if own else drawn.values - drawn.base
    return np.stack([source[:, d, years].mean(axis=1) if years.any() else np.zeros(len(source)) for d, years in enumerate(uncertain(drawn, last))], axis=1)


def uncertain(drawn: Draws, last: int) -> Array:
    """[D,Y] the years up to `last` in which a driver may leave its path."""
    return (drawn.own != 0).any(axis=0) & (np.array(drawn.years) <= last)


def shares(X: Array, y: Array, names: tuple[str, ...]) -> pd.DataFrame:
    """path, share, low, high: the share of the variance of y's ranks that each factor decides, with its interval; `rest` is what is left.

    Squared standardised rank regression coefficients of independent factors (Saltelli and Sobol 1995): first-order shares wherever y moves one way with each
    factor, however crooked; less the square of the standard error, which chance alone would give. `rest` holds what is left: bends, joint effects, chance.
    """
    n, moved = len(y), np.ptp(X, axis=0) > 0
    k = int(moved.sum())
    found, low, high = np.zeros(len(names)), np.zeros(len(names)), np.ones(len(names))
    if np.ptp(y) > 0 and n > k + 1:
        Z, v = _standard(rankdata(X[:, moved], axis=0)), _standard(rankdata(y))
        b, *_ = np.linalg.lstsq(Z, v, rcond=None)
        error = np.sqrt(((v - Z @ b) ** 2).sum() / (n - k - 1) * np.diag(np.linalg.pinv(Z.T @ Z)))
        wide = t_distribution.ppf(0.5 + CONFIDENCE / 2, n - k - 1) * error
        found[moved] = np.maximum(b**2 - error**2, 0.0)
        low[moved], high[moved] = np.maximum(np.abs(b) - wide, 0.0) ** 2, np.minimum((np.abs(b) + wide) ** 2, 1.0)
        high[~moved] = 0.0
    table = pd.DataFrame({"path": names, "share": found, "low": low, "high": high}).sort_values("share", ascending=False, kind="stable", ignore_index=True)
    rest = pd.DataFrame({"path": [REST], "share": [max(0.0, 1.0 - found.sum())], "low": [np.nan], "high": [np.nan]})
    return pd.concat([table, rest], ignore_index=True)


def _standard(values: Array) -> Array:
    return (values - values.mean(axis=0)) / values.std(axis=0)


def failing(outcomes: pd.DataFrame, whole: pd.DataFrame, first: int, last: int) -> tuple[str, pd.Series]:
    """What counts as failing, and which future (index) fails: a floor missed anywhere from `first` on, else a gap of `last` in the worst fifth.

    Where nearly every future or hardly any misses a floor that tells nothing about what to fear, so the gap decides.
    """
    rows = outcomes[(outcomes["future"] > 0) & (outcomes["region"] == PLAN) & (outcomes["measure"] == "floors_missed") & (outcomes["year"] >= first)]
    missed = rows.groupby("future")["value"].max() > 0
    if RARE <= missed.mean() <= 1 - RARE:
        return FLOORS, missed
    gap = whole[(whole["future"] > 0) & (whole["measure"] == "gap_yuan") & (whole["year"] == last)].set_index("future")["value"]
    return WORST_GAPS, gap >= gap.quantile(WORST) if np.ptp(gap.to_numpy()) > 0 else gap > gap.max()


def rule(drawn: Draws, rows: list[int], fails: Array, last: int, seed: int) -> tuple[Box | None, pd.DataFrame]:
    """The box, and its limits as a table: path, side (below, above), change (of the lever from its path), base (its path), means over the uncertain years."""
    box = discover(factors(drawn, last, own=False)[rows], fails, seed)
    years = uncertain(drawn, last)
    limits = [
        (drawn.paths[one.factor], "below" if one.below else "above", one.value, float(drawn.base[one.factor][years[one.factor]].mean()))
        for one in (box.limits if box else ())
    ]
    table = pd.DataFrame(limits, columns=["path", "side", "change", "base"])
    return box, table.astype({"path": "str", "side": "str", "change": float, "base": float})


def states(found: dict[int, tuple[str, str]]) -> pd.DataFrame:
    """future, state, reason: what became of each."""
    return pd.DataFrame([(number, *found[number]) for number in sorted(found)], columns=["future", "state", "reason"])


def solved(table: pd.DataFrame) -> list[int]:
    """Numbers of the futures with a plan, without the scenario itself."""
    return [int(n) for n in table.loc[(table["state"] == SOLVED) & (table["future"] > 0), "future"]]
