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
CHANCE = 0.05  # what chance may give: over all single limits tried together, and for a second one beside the first
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
    inside = sides[first]
    if _chance(int((inside & fails).sum()), int(inside.sum()), fails.mean()) > CHANCE / len(single):
        return None
    best, score = (single[first],), scores[first]
    for i in np.argsort(-scores, kind="stable"):  # a pair may beat every single limit without holding the best of them
        both = sides & sides[i]
        balance = _balance(both, fails)
        j = int(balance.argmax())
        if balance[j] <= score or single[j].factor == single[i].factor:
            continue
        hits, n = int((both[j] & fails).sum()), int(both[j].sum())
        halves = [(sides[k] & fails).sum() / sides[k].sum() for k in (i, j)]
        if all(_chance(hits, n, share) <= CHANCE for share in halves):
            best, score = tuple(sorted((single[i], single[j]), key=lambda limit: limit.factor)), balance[j]
    held = np.logical_and.reduce([limit.holds(X) for limit in best])
    return Box(best, float((held & fails).sum() / fails.sum()), float((held & fails).sum() / held.sum()), float(fails.mean()), int(held.sum()))


def _limits(X: Array) -> list[Limit]:
    cuts = np.quantile(X, STEPS, axis=0)
    return [Limit(k, below, float(value)) for k in range(X.shape[1]) if np.ptp(X[:, k]) > 0 for below in (True, False) for value in cuts[:, k]]


def _balance(sides: Array, fails: Array) -> Array:
    """Harmonic mean of coverage and density, per row of `sides`."""
    return 2.0 * (sides & fails).sum(axis=1) / (sides.sum(axis=1) + fails.sum())


def _chance(hits: int, n: int, share: float) -> float:
    """How often so many failures would fall among n futures by chance."""
    return float(binomtest(hits, n, min(share, 1.0), alternative="greater").pvalue)
