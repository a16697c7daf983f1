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
CHANCE = 0.05  # what chance may give: the best of all single limits (or of all pairs), and each of a pair beside the other
SHUFFLES = 300  # how often it is shuffled which futures fail
TRIED = 500  # best pairs that are looked at
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


def discover(X: Array, fails: Array, seed: int = 0) -> Box | None:
    """The box of one or two limits with the best balance of coverage and density; None where no limit tells failures apart.

    X [N,K] factors, fails [N] booleans. The balance is their harmonic mean; what chance gives is seen by shuffling which futures fail.
    """
    fails = np.asarray(fails, dtype=bool)
    if not LEAST <= fails.sum() <= len(fails) - LEAST:
        return None
    single = _limits(X)
    sides = np.array([limit.holds(X) for limit in single])
    pairs = [(i, j) for i, one in enumerate(single) for j, other in enumerate(single) if other.factor > one.factor]
    both = np.array([sides[i] & sides[j] for i, j in pairs]).reshape(len(pairs), len(fails))
    stream = np.random.default_rng([seed, *b"discovery"])
    shuffled = np.array([stream.permutation(fails) for _ in range(SHUFFLES)])
    best: tuple[Limit, ...] = ()
    score = 0.0
    alone = _balance(sides, fails[None])[0]
    if _beaten(alone.max(), sides, shuffled) <= CHANCE:
        best, score = (single[int(alone.argmax())],), float(alone.max())
    together = _balance(both, fails[None])[0]
    for p in np.argsort(-together, kind="stable")[:TRIED]:  # a pair may beat every single limit without holding the best of them
        if together[p] <= score:
            break
        if all(_chance(both[p], fails, fails[sides[k]].mean()) <= CHANCE for k in pairs[p]):
            if best or _beaten(together[p], both, shuffled) <= CHANCE:  # without a single one it must stand against all pairs
                best = tuple(single[k] for k in pairs[p])
            break
    if not best:
        return None
    held = np.logical_and.reduce([limit.holds(X) for limit in best])
    return Box(best, float((held & fails).sum() / fails.sum()), float((held & fails).sum() / held.sum()), float(fails.mean()), int(held.sum()))


def _limits(X: Array) -> list[Limit]:
    cuts = np.quantile(X, STEPS, axis=0)
    return [Limit(k, below, float(value)) for k in range(X.shape[1]) if np.ptp(X[:, k]) > 0 for below in (True, False) for value in cuts[:, k]]


def _balance(sides: Array, fails: Array) -> Array:
    """[S,B] harmonic mean of coverage and density: boxes in the rows of `sides` [B,N], sets of failures in those of `fails` [S,N]."""
    hits = fails.astype(float) @ sides.T.astype(float)
    return 2.0 * hits / (sides.sum(axis=1)[None] + fails.sum(axis=1)[:, None])


def _beaten(score: float, sides: Array, shuffled: Array) -> float:
    """How often the best box of shuffled failures is as good."""
    return float((_balance(sides, shuffled).max(axis=1, initial=0.0) >= score - 1e-12).mean())


def _chance(inside: Array, fails: Array, share: float) -> float:
    """How often so many failures would lie inside by chance, where `share` of the futures fail."""
    if not inside.any():
        return 1.0
    return float(binomtest(int((inside & fails).sum()), int(inside.sum()), min(float(share), 1.0), alternative="greater").pvalue)
