"""The value of one more 100 million yuan: what each pass, and then the people served, gain by it and lose without it.

Every figure is a difference of two optima: the passes are solved again, warm, with the pool or a region's means moved, and what each then reaches
is kept for the next, as in the plan itself. Duals only say where a new solve can be spared: a pass whose own prices prove that nothing can be
gained keeps its answer, and so does one whose point still fits when money is taken away. Knows nothing of words or pages.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.allocation.formulation import HEADS, Terms
from fiscalsim.allocation.passes import ORDER, Passes, Solution
from fiscalsim.allocation.solver import FEASIBILITY, Answer
from fiscalsim.errors import NoSolution
from fiscalsim.quantities import Array, StageInputs

PRICED = 1e-7  # a dual below this is noise of the solver; a gain is never larger than the dual times the money
SAME = 1e-6  # goals that differ by less, relative, are the same: as much as each pass may give up of those before it
POOL, MEANS = "transfers_within_pool", "spending_within_means"
UNITS = {"1a": "share", "1b": "clients", "2": "distance", "3": "distance", "4": "coverage"}
MOST_PRICED = 40  # regions: beyond that (counties of a province) pricing each would solve the model hundreds of times; the pools are priced all the same
COLUMNS = ["pass", "limit", "year", "region", "left", "right", "unit"]


def solved_again(passes: Passes, solution: Solution, at: Array, by: float) -> dict[str, Answer]:
    """Answers of the passes up to 4 with the rows `at` of the standard form moved by `by` (100 million yuan; both sides of an equality).

    A pass that reaches the same as before keeps what it kept, area by area, so that two equally good plans are not taken for a gain or a loss; only
    where the later passes have no room then, everything is solved anew. NoSolution where the money taken away leaves a pass without a plan. The
    standard form is put back as it was; the solvers stay where they are.
    """
    names = [name for name in ("0", *ORDER) if name in solution.answers and name != "5"]
    form = passes.form
    kept_lo, kept_hi = form.lo.copy(), form.hi.copy()
    equal = form.lo[at] == form.hi[at]
    form.lo[at] = np.where(equal, form.lo[at] + by, form.lo[at])
    form.hi[at] += by
    try:
        spared = {name for name in names if _spared(passes, solution.answers[name], at, by)}
        if len(spared) == len(names):
            return {name: solution.answers[name] for name in names}
        try:
            return _in_order(passes, solution, names, spared, anew=False)
        except NoSolution:
            return _in_order(passes, solution, names, set(), anew=True)
    finally:
        form.lo[:], form.hi[:] = kept_lo, kept_hi


def _in_order(passes: Passes, solution: Solution, names: list[str], spared: set[str], anew: bool) -> dict[str, Answer]:
    """The passes one after another on the moved form; until one reaches something else each keeps what it kept before, unless `anew`."""
    lo, hi = _first_bounds(passes, "0" in names)
    face = passes.face()
    found: dict[str, Answer] = {}
    changed = anew
    for name in names:
        answer = solution.answers[name]
        if changed or name not in spared:
            again = passes.one(name, lo, hi, face)
            if again.on_face != answer.on_face or (not anew and again.room > answer.room):
                raise NoSolution(f"pass {name} has no plan within what was kept")
            changed = changed or abs(again.objective - answer.objective) > SAME * max(1.0, abs(answer.objective))
            answer = again if changed else answer
        passes.keep(name, answer, lo, hi)
        passes.narrow(name, answer, face)
        found[name] = answer
    return found


def _first_bounds(passes: Passes, open_claims: bool) -> tuple[Array, Array]:
    lo, hi = passes.form.col_lo.copy(), passes.form.col_hi.copy()
    if passes.terms.rule_general is not None:
        numbers, index = passes.form.columns["general"]
        lo[numbers] = hi[numbers] = passes.terms.rule_general[tuple(np.array(index).T)]
    free = np.inf if open_claims else 0.0
    passes.bound(lo, hi, "unpaid", "hi", free)
    passes.bound(lo, hi, "unpaid_later", "hi", free)
    return lo, hi


def derivatives(passes: Passes, solution: Solution, name: str, at: int, step: float = 1e-3) -> tuple[float, float, float]:
    """Left derivative, dual and right derivative of a pass's goal in the side of one row of the standard form, what earlier passes kept held fast.

    In a minimum that is convex in its right side, left <= dual <= right; at a breakpoint left < right. nan where there is no plan on that side
    within what was kept.
    """
    form, answer, face = passes.form, solution.answers[name], passes.face()
    lo, hi = _first_bounds(passes, "0" in solution.answers)
    for before in ("0", *ORDER[: ORDER.index(name)]):
        if before in solution.answers:
            passes.keep(before, solution.answers[before], lo, hi)
            passes.narrow(before, solution.answers[before], face)
    kept = form.lo[at], form.hi[at]
    found = []
    for by in (-step, step):
        form.lo[at], form.hi[at] = kept[0] + by, kept[1] + by
        try:
            again = passes.one(name, lo, hi, face)
            found.append((again.objective - answer.objective) / by if again.room <= answer.room and again.on_face == answer.on_face else np.nan)
        except NoSolution:
            found.append(np.nan)
        finally:
            form.lo[at], form.hi[at] = kept
    return found[0], float(answer.row_dual[np.searchsorted(answer.rows, at)]), found[1]


def _spared(passes: Passes, answer: Answer, at: Array, by: float) -> bool:
    """Whether an answer is proved to hold as it is when the rows `at` are moved: its prices say that more gains nothing; or its point still fits with less."""
    if by > 0:
        return bool((np.abs(answer.row_dual[np.isin(answer.rows, at)]) <= PRICED).all())
    form = passes.form
    activity = form.A[at] @ answer.x
    return bool(((activity <= form.hi[at] + FEASIBILITY) & (activity >= form.lo[at] - FEASIBILITY)).all())


def served(passes: Passes, answer: Answer, y: int) -> dict[str, float]:
    """What the point of a pass gives to people: clients served in year y and client-years over the horizon, coverage in points.

    `points` is the coverage of the whole place by clients, `worst_points` that of the area that has least, each as the mean over services with clients.
    """
    t = passes.terms
    x = provision(passes, answer)
    people = (t.clients * x).sum(axis=(1, 2, 3)) * HEADS
    clients = np.where(t.cells[y], t.clients[y], 0.0)
    total = clients.sum(axis=(0, 1))
    held = total > 0
    mean = (clients * x[y]).sum(axis=(0, 1))[held] / total[held]
    worst = np.where(t.cells[y], x[y], np.inf).min(axis=(0, 1))[held]
    return {"clients": float(people[y]), "client_years": float(people.sum()), "points": 100 * float(mean.mean()), "worst_points": 100 * float(worst.mean())}


def provision(passes: Passes, answer: Answer) -> Array:
    """Coverage [Y,R,H,S] at the point of a pass; 0 where there is no client."""
    x = np.zeros(passes.terms.clients.shape)
    numbers, index = passes.form.columns["x"]
    x[tuple(np.array(index).T)] = answer.x[numbers]
    return x


def rows_of(passes: Passes, family: str, cell: tuple[int, int]) -> Array:
    """Numbers of the rows of a family at an index."""
    form = passes.form
    return np.array([i for i in np.flatnonzero(form.family == family) if form.row_index[i] == cell], dtype=int)


def shadow_prices(inputs: StageInputs, passes: Passes, solution: Solution, regions: bool = True, most_priced: int = MOST_PRICED) -> pd.DataFrame:
    """Table `shadow_prices`: what each pass gains by 100 million yuan more, and loses by 100 million less: the pool in every year, regions at the milestones.
    Without `regions` (a preview) only what more money brings to the pool at the milestones.

    `left` is the change per 100 million less, `right` per 100 million more; positive is better, nan where there is no plan on that side, and on the
    left of a region to which more brings nothing. At a breakpoint the two differ. Limits: the pool of general grants (region empty), and with
    `regions` the means of each region, up to `most_priced` of them. Units: pass 1b client-years below the floor (weighted as the plan names them),
    2 and 3 distances from base to target, 4 its own goal (coverage) and what it means: clients of that year, client_years, points of coverage,
    worst_points (see `served`).
    """
    t: Terms = passes.terms
    rows = []
    for y in range(len(inputs.horizon)) if regions else t.milestones:
        asked = [(POOL, "", (0, y))]
        if y in t.milestones and regions and len(inputs.regions) <= most_priced:
            asked += [(MEANS, region, (y, r)) for r, region in enumerate(inputs.regions)]
        for limit, region, cell in asked:
            at = rows_of(passes, limit, cell)
            if len(at) == 0:  # the scenario has the family switched off
                continue
            more = _gain(passes, solution, at, 1.0, y)
            less = _gain(passes, solution, at, -1.0, y) if regions and (limit == POOL or any(more.values())) else {}
            for key in _keys(solution):
                rows.append((key[0], limit, inputs.horizon.labels[y], region, less.get(key, np.nan), more.get(key, np.nan), key[1]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _keys(solution: Solution) -> list[tuple[str, str]]:
    goals = [(name, unit) for name, unit in UNITS.items() if name in solution.answers and name != "1a"]
    return [*goals, *(("4", unit) for unit in ("clients", "client_years", "points", "worst_points"))]


def _gain(passes: Passes, solution: Solution, at: Array, by: float, y: int) -> dict[tuple[str, str], float]:
    """(pass, unit) -> how much better it gets; empty where there is no plan."""
    try:
        answers = solved_again(passes, solution, at, by)
    except NoSolution:
        return {}
    gained = {}
    for name, unit in _keys(solution):
        if unit == UNITS[name]:
            gained[name, unit] = (solution.answers[name].objective - answers[name].objective) * (HEADS if name == "1b" else 1.0) + 0.0
    before, after = served(passes, solution.answers["4"], y), served(passes, answers["4"], y)
    return gained | {("4", unit): after[unit] - before[unit] for unit in before}
