"""When does the plan fail, in one or two limits: the box of futures that holds many of the failures and little else.

Scenario discovery after Bryant and Lempert (2010), whose PRIM peels a box step by step. With some dozens of futures and two limits at most, all boxes
can be tried, so nothing is greedy. A limit stays only when chance would hardly give it. Knows numbers; must not know levers or words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from fiscalsim.quantities import Array

STEPS = np.arange(0.1, 0.95, 0.1)  # limits tried: the tenths of each factor's own values
CHANCE = 0.05  # what chance may give: over all single limits (or all pairs) tried together, and for each of a pair beside the other
LEAST = 3  # failures below which nothing can be learnt


@dataclass(frozen=True)
class Limit:
    """One side of the box: the factor's value is below (or above) `value`."""

    factor: int
    below: bool
    value: float

    def holds(self, X: Array) -> Array:
        """Which futures lie on this side."""
        column = X[:, self.factor]
        return column <= self.value if self.below else column >= self.value


@dataclass(frozen=True)
class Box:
    """`coverage`: share of all failures that lie inside; `density`: share of the futures inside that fail; `base`: share of all futures that fail."""

    limits: tuple[Limit, ...]
    coverage: float
    density: float
    base: float
    inside: int


def discover(X: Array, fails: Array) -> Box | None:
    """The box of one or two limits with the best balance of coverage and density; None where no limit tells failures apart.

    X [N,K] factors, fails [N] booleans. The balance is their harmonic mean.
    """
    fails = np.asarray(fails, dtype=bool)
    if not LEAST <= fails.sum() <= len(fails) - LEAST:
        return None
    single = _limits(X)
    sides = np.array([limit.holds(X) for limit in single])
    scores = _balance(sides, fails)
    first = int(scores.argmax())
    best: tuple[Limit, ...] = ()
    score = 0.0
    if _chance(sides[first], fails, fails.mean()) <= CHANCE / len(single):
        best, score = (single[first],), scores[first]
    # a pair may beat every single limit without holding the best of them; without a single one it must stand against all pairs
    needed = CHANCE if best else CHANCE / _pairs(single)
    for i, limit in enumerate(single):
        both = sides & sides[i]
        balance = np.where([other.factor > limit.factor for other in single], _balance(both, fails), 0.0)
        j = int(balance.argmax())
        if balance[j] <= score or _chance(both[j], fails, fails.mean()) > needed:
            continue
        if all(_chance(both[j], fails, fails[sides[k]].mean()) <= CHANCE for k in (i, j)):
            best, score = (limit, single[j]), balance[j]
    if not best:
        return None
    held = np.logical_and.reduce([limit.holds(X) for limit in best])
    return Box(best, float((held & fails).sum() / fails.sum()), float((held & fails).sum() / held.sum()), float(fails.mean()), int(held.sum()))


def _limits(X: Array) -> list[Limit]:
    cuts = np.quantile(X, STEPS, axis=0)
    return [Limit(k, below, float(value)) for k in range(X.shape[1]) if np.ptp(X[:, k]) > 0 for below in (True, False) for value in cuts[:, k]]


def _balance(sides: Array, fails: Array) -> Array:
    """Harmonic mean of coverage and density, per row of `sides`."""
    return 2.0 * (sides & fails).sum(axis=1) / (sides.sum(axis=1) + fails.sum())


def _pairs(single: list[Limit]) -> int:
    """How many pairs of limits on different factors are tried."""
    return sum(other.factor > limit.factor for limit in single for other in single)


def _chance(inside: Array, fails: Array, share: float) -> float:
    """How often so many failures would lie inside by chance, where `share` of the futures fail."""
    if not inside.any():
        return 1.0
    return float(binomtest(int((inside & fails).sum()), int(inside.sum()), min(float(share), 1.0), alternative="greater").pvalue)
