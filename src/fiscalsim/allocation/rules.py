"""Today's rules for sharing the general pool, as plain functions with the law's text beside them: status quo grown, per head, and the equalisation formula.

Each function takes arrays over regions [R] (of one year unless it says [Y,R]) in yuan and persons and gives grants in yuan that use the pool exactly.
They know nothing of the model; `allocation/needs.py` works out what goes in. The law: 财预〔2022〕58号 (equalisation), 财政部2023 (county guarantee).
What it leaves open is a choice of ours, named where it is made and explained in docs/equalisation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from fiscalsim.errors import InputError, ModelError, Problem
from fiscalsim.quantities import Array, RuleChoices

NECESSARY_PART, GAP_PART = 0.55, 0.45  # of the difficulty index, as the research note that quotes art. 7 has them
EXACT = 1e-12  # relative, by which sums of floats may differ


# --- shares of today and of heads -----------------------------------------------------------------------------------


def status_quo(pool: Array, before: Array) -> Array:
    """[Y,R]: every region keeps its share of the base year's grants `before` [R] in the pool [Y]."""
    return pool[:, None] * (before / before.sum())[None]


def per_head(pool: Array, residents: Array) -> Array:
    """[Y,R]: the pool [Y] by the residents of the same year [Y,R]."""
    return pool[:, None] * residents / residents.sum(axis=1, keepdims=True)


# --- the equalisation formula ---------------------------------------------------------------------------------------


def cost_coefficient(difference: Array, residents: Array, weight: float, factor: Array) -> Array:
    """Cost-difference coefficient [R], 1 on average over residents.

    标准财政支出旨在衡量地方支出需求，考虑人口规模、人口密度、海拔、温度、少数民族等成本差异计算确定 (art. 4).
    `difference` is the pack's cost difference (1 is its average), of which `weight` counts; `factor` multiplies it (the law's factors for ethnic areas
    and areas lifted out of poverty). The law's weights are not published, so both are choices.
    """
    raw = (1.0 + weight * (difference - 1.0)) * factor
    return raw * residents.sum() / (raw * residents).sum()


def standard_revenue(tax_base: Array, own: Array) -> Array:
    """Standard revenue [Y,R] of own revenue [Y,R] under the average effort.

    标准财政收入反映地方收入能力，根据工业增加值等因素及全国平均有效税率计算确定 (art. 4). The average effective rate is the pack's own
    revenue over its tax base [R] (gross product of the base year); a region without a published base (nan) counts with its own revenue. The whole pack's
    revenue of each year is shared out by it, so that collecting more than others is no loss and collecting less no gain.
    """
    known = np.isfinite(tax_base)
    rate = own[0, known].sum() / tax_base[known].sum() if known.any() else 1.0
    base = np.where(known, np.where(known, tax_base, 0.0) * rate, own[0])
    return own.sum(axis=1, keepdims=True) * (base / base.sum())[None]


def fiscal_gap(expenditure: Array, revenue: Array) -> Array:
    """对标准财政支出大于标准财政收入的……安排均衡性转移支付 (art. 3): what is missing, nothing where revenue is enough.

    `revenue` holds the fixed grants and those for named purposes too: 标准财政收入由地方标准财政收入、中央对地方返还及补助（扣除地方上解）……构成
    (rule of 2011; the one of 2022 was read in part).
    """
    return np.maximum(expenditure - revenue, 0.0)


def standardised(values: Array) -> Array:
    """(x - mean) / standard deviation over regions; 0 where all are alike."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > EXACT * max(np.abs(values).max(), 1.0) else np.zeros_like(values)


def difficulty(necessary: Array, revenue: Array, gap: Array, expenditure: Array) -> Array:
    """Difficulty index [R] (art. 7): 55 % of standardised necessary spending over standard revenue, 45 % of standardised gap over standard expenditure."""
    return NECESSARY_PART * standardised(necessary / revenue) + GAP_PART * standardised(gap / expenditure)


def coefficients(gap: Array, hard: Array, pool: float, weight: float) -> Array:
    """Transfer coefficient [R] (art. 7): pool over all gaps and the difficulty index, each with its weight; never under 0.

    The two weights are not in the text that could be read: `weight` is the index's, the rest the common part's. The index is negative where a region
    is better off than the mean, so the coefficient is cut off at 0.
    """
    return np.maximum((1.0 - weight) * pool / gap.sum() + weight * hard, 0.0)


def equalisation(gap: Array, hard: Array, pool: float, weight: float, before: Array) -> Array:
    """某地区均衡性转移支付=（标准财政支出-标准财政收入）×转移支付系数 (art. 4), scaled so that the pool is used up.

    Where no region has a gap (or every coefficient is 0) the law gives nothing; the pool then goes by last year's grants, for it must be used.
    """
    if gap.sum() <= 0:
        return pool * before / before.sum()
    by_need = gap * coefficients(gap, hard, pool, weight)
    if by_need.sum() <= 0:
        by_need = gap
    return pool * by_need / by_need.sum()


def effort_reward(effort: Array, residents: Array, pool: float) -> Array:
    """省对下均等化努力程度奖励 (art. 4): the part of the pool set aside, by residents times effort above the average.

    The law's effort is how even a province makes its counties; a pack has one level, so own revenue over standard revenue stands for it (a choice;
    the part set aside is 0 unless a scenario sets it). Where nobody is above the average, by residents.
    """
    above = residents * np.maximum(effort - 1.0, 0.0)
    above = above if above.sum() > EXACT * residents.sum() else residents
    return pool * above / above.sum()


def county_guarantee(necessary: Array, available: Array, pool: float) -> tuple[Array, float]:
    """County basic guarantee: grants [R] that close what is missing to the three guarantees, and what is left of its part of the pool.

    主要根据县级“三保”（“保基本民生、保工资、保运转”）等必要支出需求……予以补助 (2023): need = livelihood + wages + operation, gap = need less what is available,
    one closing share for all. Its composite coefficient, the reward for effort and management, and stage support have no published weights: left out.
    """
    gap = np.maximum(necessary - available, 0.0)
    closed = min(1.0, pool / gap.sum()) if gap.sum() > 0 else 0.0
    return closed * gap, pool - float(closed * gap.sum())


def growth_controlled(wanted: Array, before: Array, pool: float, lowest: float, highest: float) -> Array:
    """增幅控制 (art. 4): grants [R] near `wanted`, each between (1 + lowest) and (1 + highest) times last year's, that use the pool exactly.

    What one region loses at its upper bound or gains at its lower one is borne by the regions inside the band in proportion to what they were to get,
    and, when they are at their bounds too, by the others in proportion to their room. A region that had nothing last year has no upper bound.
    Errors: ModelError where no sharing of the pool keeps every region in the band.
    """
    slack = EXACT * max(pool, 1.0)
    asked = wanted > slack
    low = np.maximum(1.0 + lowest, 0.0) * before
    high = np.where(before > 0, (1.0 + highest) * before, np.where(asked, np.inf, 0.0))
    if low.sum() > pool + slack or high.sum() < pool - slack:
        raise ModelError(
            f"growth control: between {low.sum():.0f} and {high.sum():.0f} yuan can be shared out with growth of {lowest:+.2%} to {highest:+.2%}, "
            f"the pool has {pool:.0f}"
        )
    if np.where(asked, high, low).sum() < pool:
        found = np.where(asked, high, low)
        room = np.where(asked, 0.0, high - low)
        return found + (pool - found.sum()) * room / room.sum() if room.sum() > 0 else found
    turns = np.sort(np.concatenate([low[asked] / wanted[asked], (high / np.where(asked, wanted, 1.0))[asked & np.isfinite(high)]]))
    turns = np.append(turns, pool / wanted[asked].min() if asked.any() else 0.0)  # beyond it, any region alone would take the pool

    def shared(scale: float) -> Array:
        return np.where(asked, np.clip(scale * wanted, low, high), low)

    at = next((i for i, turn in enumerate(turns) if shared(turn).sum() >= pool), len(turns) - 1)
    upper, lower = shared(turns[at]), shared(turns[at - 1]) if at > 0 else low
    rise = upper.sum() - lower.sum()
    return lower + (upper - lower) * ((pool - lower.sum()) / rise) if rise > 0 else upper


# --- all of it, year by year ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Needs:
    """What the formula looks at [Y,R], yuan; nothing in it depends on what a region itself chooses to spend."""

    functions: tuple[str, ...]
    expenditure: Array  # [Y,R,F] standard expenditure by budget function; the last one is what lies outside the catalogue
    revenue: Array  # [Y,R] standard revenue
    earmarked: Array  # [Y,R] grants for named purposes at the average standard
    necessary: Array  # [Y,R] livelihood, wages and operation
    own_revenue: Array  # [Y,R] as collected, for the reward only
    residents: Array  # [Y,R]


@dataclass(frozen=True)
class Steps:
    """The formula step by step [Y,R], yuan (`hard`, `coefficient`: pure numbers); `general` is what it gives.

    Before the growth control fixed grants, equalisation, guarantee and reward add up to the pool.
    """

    fixed: Array
    gap: Array
    hard: Array
    coefficient: Array
    equalisation: Array
    guarantee: Array
    reward: Array
    general: Array


STEPS = tuple(item.name for item in fields(Steps))


def formula(needs: Needs, pool: Array, before: Array, choices: RuleChoices) -> Steps:
    """The formula of every year [Y,R]; growth is held against the year before, from the base year's grants `before` [R] on.

    The first year of the axis is the base year: it keeps `before`. Errors: InputError where more is set aside than the formula has.
    """
    if choices.effort_share + choices.guarantee_share > 1.0:
        told = f"{choices.effort_share:g} + {choices.guarantee_share:g}"
        raise InputError([Problem("scenario", None, "allocation.rule_effort_share, allocation.rule_guarantee_share", told, "together 1 at most")])
    years, regions = needs.revenue.shape
    found = {name: np.zeros((years, regions)) for name in STEPS}
    found["general"][0] = before
    fixed = (1.0 - choices.formula_share) * status_quo(pool, before)
    whole = needs.expenditure.sum(axis=2)
    for y in range(1, years):
        last, means = found["general"][y - 1], needs.revenue[y] + needs.earmarked[y] + fixed[y]
        gap = fiscal_gap(whole[y], means)
        hard = difficulty(needs.necessary[y], needs.revenue[y], gap, whole[y])
        shared = choices.formula_share * pool[y]
        reward_part, guarantee_part = choices.effort_share * shared, choices.guarantee_share * shared
        first = equalisation(gap, hard, shared - reward_part - guarantee_part, choices.difficulty_weight, last)
        guarantee, left = county_guarantee(needs.necessary[y], means + first, guarantee_part)
        weights = first if first.sum() > EXACT * max(shared, 1.0) else equalisation(gap, hard, max(left, 1.0), choices.difficulty_weight, last)
        equalised = first + left * weights / weights.sum()
        reward = effort_reward(needs.own_revenue[y] / needs.revenue[y], needs.residents[y], reward_part)
        growth = pool[y] / last.sum()
        lowest, highest = growth * (1.0 - choices.change_limit) - 1.0, growth * (1.0 + choices.change_limit) - 1.0
        general = growth_controlled(fixed[y] + equalised + guarantee + reward, last, float(pool[y]), lowest, highest)
        coefficient = np.divide(equalised, gap, out=np.zeros_like(gap), where=gap > 0)
        for name, value in zip(STEPS, (fixed[y], gap, hard, coefficient, equalised, guarantee, reward, general), strict=True):
            found[name][y] = value
    return Steps(**found)
