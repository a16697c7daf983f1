"""Life tables from death rates and back: the textbook's columns, survivorship ratios, Brass' relational shift.

Knows rates and single ages only: no persons, no regions by name, no files.

Conventions (so that others can check): single ages 0..A, the last open; radix 1; a0 by Andreev and Kingkade as printed in the Human
Mortality Database's Methods Protocol, version 6; ax = 0.5 at ages 1..A-1; qx = mx / (1 + (1 - ax) mx); open age qA = 1, LA = lA / mA.
Survivorship: S0 = L0/l0 (births to age 0), Sa = La/La-1 (into age a), SA = TA/TA-1 (into the open age, from A-1 and A alike).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.interpolate import CubicHermiteSpline

from fiscalsim.axes import SEXES
from fiscalsim.errors import ModelError
from fiscalsim.quantities import Array

# Andreev-Kingkade, HMD Methods Protocol v6 (2017), section 7.1: a0 = level + slope * m0, by sex, on m0 from the bound up.
_A0 = {
    "male": ((0.0, 0.14929, -1.99545), (0.02300, 0.02832, 3.26021), (0.08307, 0.29915, 0.0)),
    "female": ((0.0, 0.14903, -2.05527), (0.01724, 0.04667, 3.88089), (0.06891, 0.31411, 0.0)),
}
# Brass' alpha is tabulated over this span (life expectancies from under 20 to over 100 years for any human pattern) and inverted.
_ALPHAS = np.linspace(-3.5, 3.0, 2601)
_ROWS_AT_ONCE = 600  # life tables worked at once, so that they stay in the processor's cache; no effect on results


def a0(m0: Array | float, sex: str) -> Array:
    """Years lived in the first year of life by those who die in it, from the infant death rate `m0` (any shape)."""
    m0 = np.asarray(m0, dtype=float)
    value = np.zeros(m0.shape)
    for bound, level, slope in _A0[sex]:
        value = np.where(m0 >= bound, level + slope * m0, value)
    return value


def _check(mx: Array, what: str) -> None:
    bad = ~((mx >= 0) & np.isfinite(mx))
    bad[..., -1] |= ~(mx[..., -1] > 0)
    bad[..., 1:-1] |= mx[..., 1:-1] > 2.0  # qx would pass 1 with ax = 0.5
    if bad.any():
        cell = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ModelError(f"{what}: death rate {mx[cell]} at age {cell[-1]} (position {cell}); it must lie in 0..2, and above 0 at the open age")


def _by_sex(m0: Array) -> Array:
    """a0 of an array whose last axis is sex (male, female)."""
    return np.stack([a0(m0[..., x], sex) for x, sex in enumerate(SEXES)], axis=-1)


def _a0_of_q0(q0: Array) -> Array:
    """a0 of an array whose last axis is sex, where the probability q0 of dying is known and not the rate: m0 = q0 / (1 - (1 - a0(m0)) q0)."""
    m0 = q0
    for _ in range(40):  # a contraction by about 2 q0^2 a round
        ax = _by_sex(m0)
        former, m0 = m0, q0 / (1 - (1 - ax) * q0)
        if (np.abs(m0 - former) <= 1e-16).all():
            break
    return _by_sex(m0)


def life_table(mx: Array, sex: str, ages: Array | None = None, ax: Array | None = None) -> pd.DataFrame:
    """The life table of one sex: age, nMx, nax, nqx, lx, ndx, nLx, Tx, ex; radix 1, last age open.

    `mx` [A] death rates per person and year. `ages` first age of each group (None: single ages 0, 1, ...; groups of several years need
    `ax`). `ax` years lived in the group by those who die in it (None: a0 by Andreev-Kingkade, 0.5 at single ages); the open group's is
    1/mx. ModelError when a rate is negative, not finite, or zero at the open age, or gives a probability above 1.
    """
    mx = np.asarray(mx, dtype=float)
    ages = np.arange(len(mx)) if ages is None else np.asarray(ages)
    width = np.diff(ages).astype(float)
    if ax is None and not (width == 1).all():
        raise ModelError(f"life table, {sex}: age groups of several years need ax")
    if not (np.isfinite(mx).all() and (mx >= 0).all() and mx[-1] > 0):
        raise ModelError(f"life table, {sex}: death rates must be finite, zero or more, and above zero at the open age")
    if ax is None:
        nax = np.full(mx.shape, 0.5)
        nax[0] = a0(mx[0], sex)
    else:
        nax = np.array(ax, dtype=float)
    nax[-1] = 1 / mx[-1]
    nqx = np.ones(mx.shape)
    nqx[:-1] = width * mx[:-1] / (1 + (width - nax[:-1]) * mx[:-1])
    if not (nqx <= 1).all():
        raise ModelError(f"life table, {sex}: age {ages[nqx > 1][0]} has a death rate of {mx[nqx > 1][0]}, which gives a probability above 1")
    lx = np.concatenate([[1.0], np.cumprod(1 - nqx[:-1])])
    ndx = lx * nqx
    nLx = np.append(width * lx[1:] + nax[:-1] * ndx[:-1], lx[-1] / mx[-1])
    Tx = np.cumsum(nLx[::-1])[::-1]
    ex = np.divide(Tx, lx, out=np.zeros_like(Tx), where=lx > 0)
    return pd.DataFrame({"age": ages, "nMx": mx, "nax": nax, "nqx": nqx, "lx": lx, "ndx": ndx, "nLx": nLx, "Tx": Tx, "ex": ex})


def _survivors(mx: Array) -> tuple[Array, Array]:
    """lx and nLx of mx [...,X,A], radix 1."""
    ax0 = _by_sex(mx[..., 0])
    qx = mx[..., :-1] / (1 + 0.5 * mx[..., :-1])
    qx[..., 0] = mx[..., 0] / (1 + (1 - ax0) * mx[..., 0])
    lx = np.ones(mx.shape)
    np.cumprod(1 - qx, axis=-1, out=lx[..., 1:])
    Lx = np.empty(mx.shape)
    Lx[..., :-1] = 0.5 * (lx[..., :-1] + lx[..., 1:])
    Lx[..., 0] = lx[..., 1] + ax0 * (1 - lx[..., 1])
    Lx[..., -1] = lx[..., -1] / mx[..., -1]
    return lx, Lx


def _ratios(Lx: Array, out: Array | None = None) -> Array:
    """S0 = L0, Sa = La/La-1, SA = TA/TA-1 of nLx [...,A], radix 1."""
    S = np.empty_like(Lx) if out is None else out
    S[..., 0] = Lx[..., 0]
    np.divide(Lx[..., 1:], Lx[..., :-1], out=S[..., 1:])
    S[..., -1] = Lx[..., -1] / (Lx[..., -1] + Lx[..., -2])
    return S


def survivorship_ratio(mx: Array) -> Array:
    """Ratios S [...,X,A] from death rates mx [...,X,A]: [...,0] births to age 0, [...,a] into age a, the last into the open age."""
    mx = np.asarray(mx, dtype=float)
    _check(mx, "survivorship")
    return _ratios(_survivors(mx)[1])


def life_expectancy(mx: Array) -> Array:
    """Life expectancy at birth [...,X] of death rates mx [...,X,A], years."""
    mx = np.asarray(mx, dtype=float)
    _check(mx, "life expectancy")
    return _survivors(mx)[1].sum(axis=-1)


class _Pattern:
    """A standard [X,A] as Brass sees it: the odds of being dead by each age, and alpha as a function of e0, by sex."""

    def __init__(self, standard_mx: Array):
        _check(standard_mx, "standard mortality")
        lx, _ = _survivors(standard_mx)
        self.odds = (1 - lx) / lx  # [X,A]; logit l = alpha + logit l_standard is odds * exp(2 alpha)
        self.open_mx = standard_mx[:, -1]
        self.open_lx = lx[:, -1]
        grid = np.broadcast_to(np.exp(2 * _ALPHAS)[:, None], (len(_ALPHAS), 2))
        e0 = self.person_years(grid).sum(axis=-1)  # [G,X], falling in alpha
        self.span = [(e0[-1, x], e0[0, x]) for x in range(2)]
        slope = np.gradient(e0, _ALPHAS, axis=0, edge_order=2)
        self.alpha = [CubicHermiteSpline(e0[::-1, x], _ALPHAS[::-1], 1 / slope[::-1, x]) for x in range(2)]

    def person_years(self, factor: Array) -> Array:
        """nLx [...,X,A], radix 1, when the odds are multiplied by factor [...,X] = exp(2 alpha).

        The open age's death rate follows the hazard that the logit model implies at that age: mA = mA_standard * f / (l + f (1 - l)).
        """
        lx = self.odds * factor[..., None]
        lx += 1.0
        np.reciprocal(lx, out=lx)
        Lx = np.empty_like(lx)
        np.add(lx[..., :-1], lx[..., 1:], out=Lx[..., :-1])
        Lx[..., :-1] *= 0.5
        q0 = 1 - lx[..., 1]
        Lx[..., 0] = lx[..., 1] + _a0_of_q0(q0) * q0
        Lx[..., -1] = lx[..., -1] * (self.open_lx + factor * (1 - self.open_lx)) / (self.open_mx * factor)
        return Lx

    def factor(self, e0: Array) -> Array:
        """exp(2 alpha) [...,X] that gives life expectancies e0 [...,X]; the tabulated inverse errs by less than 1e-8 years."""
        alpha = np.empty(e0.shape)
        for x, (low, high) in enumerate(self.span):
            wanted = e0[..., x]
            if not ((wanted >= low) & (wanted <= high)).all():
                cell = tuple(int(i) for i in np.argwhere(~((wanted >= low) & (wanted <= high)))[0])
                raise ModelError(f"life expectancy, {SEXES[x]}: {wanted[cell]} years at position {cell}; this pattern reaches {low:.1f} to {high:.1f}")
            alpha[..., x] = self.alpha[x](wanted)
        return np.exp(2 * alpha)


@lru_cache(maxsize=16)
def _pattern(shape: tuple[int, ...], content: bytes) -> _Pattern:
    return _Pattern(np.frombuffer(content).reshape(shape))


def pattern_of(standard_mx: Array) -> _Pattern:
    """The standard prepared once (the tabulated inverse is kept for the next call with the same rates)."""
    standard = np.ascontiguousarray(standard_mx, dtype=float)
    return _pattern(standard.shape, standard.tobytes())


def shifted_survivorship(standard_mx: Array, e0: Array) -> Array:
    """Survivorship ratios [...,X,A] of the standard mx [X,A] shifted to life expectancy e0 [...,X]; same as via the death rates."""
    pattern = pattern_of(standard_mx)
    factor = pattern.factor(np.asarray(e0, dtype=float))
    S = np.empty((*factor.shape, pattern.odds.shape[1]))
    rows, flat = factor.reshape(-1, len(SEXES)), S.reshape(-1, *pattern.odds.shape)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        block = slice(first, first + _ROWS_AT_ONCE)
        _ratios(pattern.person_years(rows[block]), out=flat[block])
    return S


def shift_to_life_expectancy(standard_mx: Array, e0: Array) -> Array:
    """Death rates mx [...,X,A] with the age pattern of standard_mx [X,A] and life expectancy e0 [...,X] (years), by Brass' logit.

    logit l(a) = alpha + logit l_standard(a), alpha found for each e0. ModelError names the position when no alpha reaches the wanted e0.
    """
    pattern = pattern_of(standard_mx)
    factor = pattern.factor(np.asarray(e0, dtype=float))
    lx = 1 / (1 + pattern.odds * factor[..., None])
    Lx = pattern.person_years(factor)
    mx = np.empty_like(Lx)
    mx[..., :-1] = (lx[..., :-1] - lx[..., 1:]) / Lx[..., :-1]
    mx[..., -1] = lx[..., -1] / Lx[..., -1]
    return mx
