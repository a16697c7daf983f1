"""Why one shortfall is not smaller: the same model with one goal, to serve this cell (or reach this target) as far as may be, nobody else getting less.

The plan's last pass gives the rows and the bounds; only numbers change, so that one question is answered from the basis of another.
What others have in the plan is a lower bound, so what a limit holds back is what this cell alone could gain without it. Knows nothing of words or pages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fiscalsim.allocation.formulation import HEADS, Terms, build
from fiscalsim.allocation.passes import KEPT, ORDER, Passes, Solution, families_of
from fiscalsim.allocation.solver import PassSolver, StandardForm, compile_model
from fiscalsim.allocation.value_of_money import _first_bounds
from fiscalsim.errors import NoSolution
from fiscalsim.quantities import Array

LAST = "5"
PRICED = 1e-7  # a dual below this is noise of the solver; a row without a price gains nothing by being eased
LEAST_DISTANCE = 1e-4  # of a target's way from base to target; less is no shortfall
FOUND = 1e-5  # of what is aimed at; a smaller gain is the room that passes leave each other
MONEY = (
    "spending_within_means",
    "transfers_within_pool",
    "earmarked_for_its_service",
    "own_share_paid",
    "reserve_kept",
    "bonds_for_capital_only",
    "debt_within_limit",
    "recurrent_growth_within_revenue",
    "promise_outlives_the_horizon",
    "transfer_change_limited",
    "purchases_within_cap",
)
BUILDING = ("capacity_carried_forward", "build_rate_limited", "served_within_capacity", "conversion_from_surplus", "bought_within_market")
STAFF = ("staff_within_supply", "posts_moved_within_limit")
# what stands before this cell in the order of the goals: not rows of a limit but what others keep
GOALS = ("floor_guaranteed", "today_kept", "binding_target_met", "expected_target_met", "worst_off_raised")
GROUPS = ("means", "building", "staff", "rest")  # the printed order in which limits are lifted
ALL_ROWS = (*MONEY, *BUILDING, *STAFF)
YUAN_STEP, PLACE_STEP, STAFF_STEP, POINT = 1.0, 100 / HEADS, 10 / HEADS, 0.01  # 100 million yuan, places, staff, of coverage or of a target's distance
CONVERTED_STEP, RESERVE_STEP = 10 / HEADS, 0.001  # premises; a tenth of a point of the budget
MOST_PAIRS = 20


@dataclass(frozen=True)
class Aim:
    """What is to be more: one cell (year, region, residences, service) or one target (year, indicator); positions, not names."""

    year: int
    region: int = -1
    residences: tuple[int, ...] = ()
    service: int = -1
    indicator: int = -1

    @property
    def target(self) -> bool:
        """Whether it is a target of the whole plan."""
        return self.indicator >= 0


class OneCell:
    """One aim on a solved model. Figures are heads for a cell, and distances from base to target for a target."""

    place: dict[Any, int]  # index of provision -> its column
    kept: tuple[Array, Array]  # bounds of the columns that the plan leaves to the aim
    near: dict[str, Array]  # family -> its rows that concern the aim

    def __init__(
        self, passes: Passes, solution: Solution, aim: Aim, terms: Terms | None = None, form: StandardForm | None = None, start: OneCell | None = None
    ):
        """`terms`, `form`: other numbers on the same rows and columns (a lever moved), asked with what the plan of `passes` gives to others, from where
        `start` ended."""
        self.passes, self.solution, self.aim = passes, solution, aim
        self.t, base = terms or passes.terms, passes.form
        plan = solution.answers[LAST].x
        cost = np.zeros(len(plan))
        self.place = start.place if start is not None else dict(zip(base.columns["x"][1], base.columns["x"][0], strict=True))
        if aim.target:
            short = dict(zip(base.columns["short"][1], base.columns["short"][0], strict=True))
            column = short[aim.year, aim.indicator]
            cost[column] = 1.0
            self.need, self.have = 0.0, -float(plan[column])
            self.mine = np.array([column])
        else:
            cells = [(aim.year, aim.region, h, aim.service) for h in aim.residences if (aim.year, aim.region, h, aim.service) in self.place]
            self.mine = np.array([self.place[cell] for cell in cells], dtype=int)
            heads = np.array([self.t.clients[cell] for cell in cells])
            cost[self.mine] = -heads
            self.need, self.have = float(heads.sum()), float(heads @ plan[self.mine])
        self.scale = 1.0 if aim.target else HEADS
        self.form = replace(form or base, objectives={"cell": cost}, offsets={"cell": 0.0})
        self.solver = PassSolver(self.form, "cell", families_of(LAST))
        self.rows, self.family = self.solver.rows, base.family[self.solver.rows]
        self.kept = start.kept if start is not None else self._bounds(plan)
        self.lo, self.hi = self.kept[0].copy(), self.kept[1].copy()
        if form is not None:
            self._move_bounds(base, form)
        self.basis: Any = None if start is None else start.basis
        self.reached = self.have * self.scale  # by the plan; once asked, with nobody else getting less
        self.near = start.near if start is not None else {name: self._near(name) for name in dict.fromkeys(self.family)}

    @property
    def gap(self) -> float:
        """What the plan leaves open."""
        return (self.need - self.have) * self.scale

    @property
    def least(self) -> float:
        """A smaller gain is none."""
        return LEAST_DISTANCE if self.aim.target else FOUND * max(self.need * self.scale, 1.0)

    def _bounds(self, plan: Array) -> tuple[Array, Array]:
        """What every pass kept, and that no other cell gets less than in the plan; the plan itself always lies within."""
        passes = self.passes
        lo, hi = _first_bounds(passes, "0" in self.solution.answers)
        for name in ("0", *ORDER):
            if name in self.solution.answers and name != LAST:
                passes.keep(name, self.solution.answers[name], lo, hi)
        x = passes.form.columns["x"][0]
        lo[x] = np.maximum(lo[x], plan[x] - KEPT)
        lo, hi = np.minimum(lo, plan), np.maximum(hi, plan)
        return np.maximum(lo, np.minimum(passes.form.col_lo, 0.0)), hi

    def _move_bounds(self, before: StandardForm, form: StandardForm) -> None:
        """Bounds that other numbers give the columns: a quota, a rule's grants."""
        for mine, old, new in ((self.lo, before.col_lo, form.col_lo), (self.hi, before.col_hi, form.col_hi)):
            mine[old != new] = new[old != new]
        if self.t.rule_general is not None:
            numbers, index = form.columns["general"]
            self.lo[numbers] = self.hi[numbers] = self.t.rule_general[tuple(np.array(index).T)]

    def _near(self, family: str) -> Array:
        """Numbers (within the pass) of the rows of a family that concern the aim: its region, the resources its service needs, its own promise."""
        aim, t = self.aim, self.t
        if aim.target:
            resources = {int(k) for _, k in self.passes.reach_k[aim.indicator]}
            resources |= {int(k) for *_, s in self.passes.reach_x[aim.indicator] for k in np.flatnonzero(t.uses[s])}
        else:
            resources = {int(k) for k in np.flatnonzero(t.uses[aim.service])}

        def concerns(index: Any) -> bool:
            if family in ("transfers_within_pool", "posts_balanced", "binding_target_met", "expected_target_met"):
                return True
            if family == "standards_never_fall":
                return aim.target or (index[1], index[3]) == (aim.region, aim.service)
            region = index[2] if family in ("transfer_change_limited", "grants_moved") else index[1]
            if not aim.target and region != aim.region:
                return False
            if family == "conversion_from_surplus":
                return t.conversions[index[2]][1] in resources
            by_resource = (*BUILDING, *STAFF)
            return family not in by_resource or index[2] in resources

        index = self.passes.form.row_index
        return np.array([i for i in np.flatnonzero(self.family == family) if concerns(index[self.rows[i]])], dtype=int)

    def own_kind(self, family: str) -> Array:
        """Rows of a family near the aim; of building, those of places where the service has places at all."""
        places = self.rows_of(family, False)
        return places if len(places) else self.rows_of(family)

    def rows_of(self, family: str, staff: bool | None = None) -> Array:
        """Rows of a family near the aim; `staff` keeps those of staff (True) or of places (False) where a family has both."""
        near = self.near.get(family, np.array([], dtype=int))
        if staff is None or family not in ("capacity_carried_forward", "build_rate_limited"):
            return near
        index = self.passes.form.row_index
        return np.array([i for i in near if bool(self.t.staff[index[self.rows[i]][2]]) == staff], dtype=int)

    # --- solving

    def most(
        self,
        moved: Mapping[int, float] | None = None,
        lifted: Collection[int] = (),
        low: Array | None = None,
        high: Array | None = None,
        free: bool = False,
        onward: bool = False,
    ) -> float:
        """The most that the aim can have: rows `moved` by an amount towards more, rows `lifted` gone, other bounds of the columns in their place.

        `free` lets the aim itself, in every year, have less than in the plan; `onward` goes on from the last answer, else from that of the first question.
        NoSolution where nothing fits.
        """
        low_is_plan = low is None and high is None
        lo, hi = self.form.lo[self.rows].copy(), self.form.hi[self.rows].copy()
        for i, by in (moved or {}).items():
            lo[i] += by if lo[i] == hi[i] else -by  # an equality has more on its right side; an inequality is given way on the side it has
            hi[i] += by
        at = np.fromiter(lifted, dtype=int, count=len(lifted))
        lo[at], hi[at] = -np.inf, np.inf
        low, high = (self.lo if low is None else low).copy(), (self.hi if high is None else high).copy()
        if free and self.aim.target:
            high[self.mine] = np.inf
        elif free:
            low[self.own_columns()] = 0.0
        self.solver.load(lo, hi, low, high)
        if lifted and not onward:
            self.solver.highs.clearSolver()  # far from the last answer: presolve is quicker than its basis
        elif self.basis is not None and not onward:
            self.solver.highs.setBasis(self.basis)
        try:
            self.answer = self.solver.solve()
        except NoSolution:
            self.solver = PassSolver(self.form, "cell", families_of(LAST))
            raise
        found = -self.answer.objective * self.scale
        if not (moved or lifted or free) and low_is_plan:
            self.reached, self.basis = found, self.solver.highs.getBasis()
        return found

    def own_columns(self) -> Array:
        """Columns of the aim's provision in every year; none for a target."""
        aim = self.aim
        return np.array([j for (_, r, h, s), j in self.place.items() if (r, s) == (aim.region, aim.service) and h in aim.residences], dtype=int)

    def priced(self) -> set[str]:
        """Families near the aim with a price in the last answer: only they can gain by being eased alone."""
        dear = np.abs(self.answer.row_dual) > PRICED
        return {name for name, near in self.near.items() if len(near) and dear[near].any()}

    def tight(self) -> list[str]:
        """Families near the aim with a row at its side, in the printed order: what can matter together where none matters alone."""
        value = self.solver.A @ self.answer.x
        at = np.minimum(np.abs(value - self.solver.lo), np.abs(self.solver.hi - value)) <= PRICED * np.maximum(1.0, np.abs(value))
        return [name for name in ALL_ROWS if at[self.near.get(name, np.array([], dtype=int))].any()]

    # --- what is eased

    def step(self, family: str, by: float) -> dict[int, float]:
        """Rows of a family and how far each is moved by one step (`by` 1: more, -1: less).

        100 million yuan, 100 places, 10 staff, 10 premises, a point; of a limit that is a share of something, a point of what the plan has of it.
        """
        index, t, v = self.passes.form.row_index, self.t, self.solution.values
        before = np.concatenate([t.capacity[None], v["stock"][:-1]])
        grants = t.pool_growth[:, None] * np.concatenate([t.general_before[None], v["general"][:-1]])
        budget = t.own_revenue + v["general"] + v["earmarked"]
        found: dict[int, float] = {}
        for i in self.own_kind(family):
            at = index[self.rows[i]]
            if family == "transfers_within_pool":
                size = YUAN_STEP if at[0] == 0 else 0.0  # the pool of general grants
            elif family == "recurrent_growth_within_revenue":
                size = float(t.recurrent_cap[at]) * ((1.0 + POINT * by) ** (at[0] + 1) - 1.0) * by
            elif family == "build_rate_limited":
                size = POINT * float(before[at])
            elif family == "transfer_change_limited":
                size = POINT * float(grants[at[1], at[2]])
            elif family == "reserve_kept":
                size = RESERVE_STEP * float(budget[at])
            elif family == "capacity_carried_forward":
                size = (STAFF_STEP if t.staff[at[2]] else PLACE_STEP) if at[0] == self.aim.year else 0.0
            elif family in MONEY:
                size = YUAN_STEP
            elif family == "conversion_from_surplus":
                size = CONVERTED_STEP
            elif family in (*BUILDING, *STAFF):
                size = STAFF_STEP if t.staff[at[2]] else PLACE_STEP
            else:
                size = POINT
            if size:
                found[int(i)] = by * size
        return found

    def eased_bounds(self, goal: str, by: float) -> tuple[Array, Array]:
        """Bounds of the columns with one point less (`by` 1) or more (-1) kept for what stands before the aim in the order of the goals."""
        low, high, t = self.lo.copy(), self.hi.copy(), self.t
        if goal in ("binding_target_met", "expected_target_met"):
            for j, (_, i) in zip(*self.passes.form.columns.get("short", ((), ())), strict=True):
                if (i in self.passes.binding) == (goal == "binding_target_met") and j not in self.mine:
                    high[j] = max(high[j] + POINT * by, 0.0)
            return low, high
        own = set(self.own_columns())
        for (_, r, h, s), j in self.place.items():
            stands = "floor_guaranteed" if 0 < low[j] <= t.floor[s] + FOUND else "today_kept" if low[j] <= t.today[r, h, s] + FOUND else "worst_off_raised"
            if stands == goal and j not in own and low[j] > 0:
                low[j] = min(max(low[j] - POINT * by, 0.0), high[j])
        return low, high

    def eased(self, family: str, by: float = 1.0) -> float:
        """The most that the aim can have with one step more (or less, -1) of a limit; nan where nothing fits."""
        free = by < 0
        try:
            if family in GOALS:
                low, high = self.eased_bounds(family, by)
                return self.most(low=low, high=high, free=free)
            return self.most(self.step(family, by), free=free)
        except NoSolution:
            return np.nan


def form_of(passes: Passes, terms: Terms) -> StandardForm:
    """The standard form of other numbers on the rows of `passes`; NoSolution where they have other rows or columns."""
    recording = passes.recording  # none where the model is too large to be recorded
    form = recording.form(terms, passes.switched_off) if recording is not None else compile_model(build(terms, passes.switched_off))
    if form is None or form.A.shape != passes.form.A.shape or form.row_index != passes.form.row_index or (form.family != passes.form.family).any():
        raise NoSolution("these numbers give the model other rows; the shortfall cannot be asked on the same ones")
    return form


# --- what is said ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """One limit that holds the aim: what one step more brings and one step less costs (heads or distances; nan: nothing fits), and what holds next.

    `with_` names the second limit where neither helps alone.
    """

    family: str
    group: str
    gain: float
    loss: float
    next: str
    with_: str = ""


@dataclass(frozen=True)
class Explained:
    """`parts` [4] by GROUPS sum to `gap`; `limits` in the order of the parts they belong to, the largest first."""

    need: float
    have: float
    parts: dict[str, float]
    limits: tuple[Held, ...]

    @property
    def gap(self) -> float:
        """What is missing."""
        return self.need - self.have

    def times(self, unit: float) -> Explained:
        """The same in another unit: a target's distances in units of its indicator."""
        limits = tuple(replace(limit, gain=limit.gain * unit, loss=limit.loss * unit) for limit in self.limits)
        return Explained(self.need * unit, self.have * unit, {group: part * unit for group, part in self.parts.items()}, limits)


def group_of(family: str) -> str:
    """The group under which a limit is lifted."""
    return "means" if family in MONEY else "building" if family in BUILDING else "staff" if family in STAFF else "rest"


def explained(passes: Passes, solution: Solution, aim: Aim) -> Explained:
    """The gap of one aim shared out among the limits, and the limits that hold it, every figure the difference of two solves.

    Limits are lifted one group after another (means, building, staff); what is then still missing is held by the rest: what others keep, promises, and
    the evenness that the plan seeks. A limit is named only where a step of it alone, or with one other, brings more.
    """
    one = OneCell(passes, solution, aim)
    base = one.most()
    priced, tight = one.priced(), one.tight()
    parts = _parts(one, base)
    gap, least = one.gap, one.least
    held = [_held(one, family, base, least) for family in (*ALL_ROWS, "standards_never_fall") if family in priced]
    held += [_held(one, goal, base, least) for goal in GOALS]
    found = [limit for limit in held if limit is not None]
    if base - one.have * one.scale > least:  # nobody would lose, yet the plan gives no more: it keeps areas, and town and country, even
        even = Held("worst_off_raised", "rest", base - one.have * one.scale, np.nan, "")
        found = [limit for limit in found if limit.family != even.family] + [even]
    if not found and gap > least:
        found = _pairs(one, tight, base, least)
    if any(limit.family == "staff_within_supply" for limit in found):  # of staff alone, hiring and staff in post are one limit
        found = [limit for limit in found if limit.group != "staff" or limit.family in STAFF]
    found.sort(key=lambda limit: -parts[limit.group])
    return Explained(one.need * one.scale, one.have * one.scale, parts, tuple(found))


def _parts(one: OneCell, base: float) -> dict[str, float]:
    """The gap by group of limits, lifted one after another; what no group explains is the rest's."""
    parts, before, lifted = {}, base, list[int]()
    for group, families in zip(GROUPS, (MONEY, BUILDING, STAFF), strict=False):
        for family in families:
            lifted += [int(i) for i in one.rows_of(family, False if group == "building" else None)]
        if group == "staff":
            lifted += [int(i) for family in BUILDING for i in one.rows_of(family, True)]
        after = one.most(lifted=lifted)
        parts[group], before = max(after - before, 0.0), max(after, before)
    parts["rest"] = one.gap - sum(parts.values())
    return parts


def _held(one: OneCell, family: str, base: float, least: float) -> Held | None:
    """The limit with both sides and what holds after it; None where a step more brings nothing."""
    more = one.eased(family)
    if not more - base > least:
        return None
    less = one.eased(family, -1.0)
    loss = base - less if less <= base + least else np.nan  # more than before: bought by having less in other years, no measure of this one
    return Held(family, _group(one, family), more - base, loss, _next(one, family, least))


def _group(one: OneCell, family: str) -> str:
    """Building of places and hiring of staff share two families; a limit of staff alone belongs to staff."""
    only_staff = family in BUILDING and len(one.rows_of(family, False)) == 0 and len(one.rows_of(family, True)) > 0
    return "staff" if only_staff else group_of(family)


def _next(one: OneCell, family: str, least: float) -> str:
    """What holds once the limit is lifted whole: the first that then brings more by a step; empty where nothing does or all is closed."""
    rows = [int(i) for i in one.own_kind(family)] if family not in GOALS else []
    if not rows:
        return ""
    try:
        top = one.most(lifted=rows)
        if one.need * one.scale - top <= least:
            return ""
        for other in [name for name in (*ALL_ROWS, "standards_never_fall") if name in one.priced() and name != family]:
            if one.most(one.step(other, 1.0), lifted=rows, onward=True) - top > least:
                return other
    except NoSolution:
        pass
    return ""


def _pairs(one: OneCell, tight: list[str], base: float, least: float) -> list[Held]:
    """Limits that help only together: the first pair, in the printed order, whose steps together bring more."""
    pairs = [(a, b) for i, a in enumerate(tight) for b in tight[i + 1 :]][:MOST_PAIRS]
    for a, b in pairs:
        try:
            gain = one.most({**one.step(a, 1.0), **one.step(b, 1.0)}) - base
        except NoSolution:
            continue
        if gain > least:
            return [Held(a, _group(one, a), gain, np.nan, "", b), Held(b, _group(one, b), gain, np.nan, "", a)]
    return []
