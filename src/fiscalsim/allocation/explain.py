"""Why not more: for each shortfall the limits that bind it, and the value of one more 100 million yuan on either side.

Limits are screened by the duals of the pass that weighs the shortfall (one-sided at a kink, so a screen and not a price); values
of money are differences of re-solved optima, never duals.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from fiscalsim.allocation.formulation import HEADS, Terms
from fiscalsim.allocation.passes import Passes, Solution
from fiscalsim.allocation.solver import Answer, PassSolver, StandardForm
from fiscalsim.axes import RESIDENCES
from fiscalsim.errors import NoSolution
from fiscalsim.quantities import Array, Demand, StageInputs, TargetForms

NOTICED = 1e-5  # a share of clients below this is what later passes may give up, not a shortfall
PRICED = 1e-7  # a dual below this is noise of the solver
ORDER = (
    "capacity_carried_forward",
    "build_rate_limited",
    "served_within_capacity",
    "staff_within_supply",
    "conversion_from_surplus",
    "recurrent_growth_within_revenue",
    "promise_outlives_the_horizon",
    "spending_within_means",
    "transfer_change_limited",
    "transfers_within_pool",
    "debt_within_limit",
    "bonds_for_capital_only",
    "reserve_kept",
    "earmarked_for_its_service",
    "standards_never_fall",
)
MOST_PRICED = 40  # regions: beyond that (counties of a province) pricing each would solve the model hundreds of times; the pools are priced all the same
UNITS = {"1a": "share", "1b": "clients", "2": "distance", "3": "distance", "4": "coverage"}


def binding_rows(form: StandardForm, answer: Answer) -> dict[str, set]:
    """Family -> indices of the rows with a price in one pass."""
    found: dict[str, set] = defaultdict(set)
    for number in answer.rows[np.abs(answer.row_dual) > PRICED]:
        found[form.family[number]].add(form.row_index[number])
    return found


def limits_of(t: Terms, priced: dict[str, set], y: int, r: int, resources: list[int]) -> list[str]:
    """Names of the limits with a price that reach a cell (year y, region r, the resources its service needs), in the printed order."""
    found = set()
    for k in resources:
        if (y, r, k) in priced["served_within_capacity"]:
            found.add("capacity_carried_forward" if y < t.lead[k] else "served_within_capacity")
        if (y, r, k) in priced["staff_within_supply"]:
            found.add("staff_within_supply")
        if any((before, r, k) in priced["build_rate_limited"] for before in range(y + 1)):
            found.add("build_rate_limited")
        if any(t.conversions[c][1] == k for before in range(y + 1) for c in range(len(t.conversions)) if (before, r, c) in priced["conversion_from_surplus"]):
            found.add("conversion_from_surplus")
    for name in ("recurrent_growth_within_revenue", "spending_within_means", "debt_within_limit", "bonds_for_capital_only"):
        if (y, r) in priced[name]:
            found.add(name)
    if any(region == r for _, region in priced["promise_outlives_the_horizon"]):
        found.add("promise_outlives_the_horizon")
    if "spending_within_means" in found:
        if (0, y) in priced["transfers_within_pool"]:
            found.add("transfers_within_pool")
        if any((side, before, r) in priced["transfer_change_limited"] for side in (0, 1) for before in range(y + 1)):
            found.add("transfer_change_limited")
    return [name for name in ORDER if name in found]


def shortfalls(inputs: StageInputs, demand: Demand, forms: TargetForms, passes: Passes, solution: Solution) -> pd.DataFrame:
    """Table `shortfalls`: floors by area, service and year; targets for the plan as a whole; with the limits that bind."""
    t, form = passes.terms, passes.form
    rows = []
    offset = demand.years.index(inputs.horizon.labels[0])
    priced = binding_rows(form, solution.answers["1b"])
    below = np.where(t.cells, np.maximum(t.floor - solution.values["x"], 0.0), 0.0)
    missing = np.where(below > NOTICED, below, 0.0) * t.clients * HEADS
    for y, r, h, s in np.argwhere(missing >= 0.5):
        resources = [int(k) for k in np.flatnonzero(t.uses[s])]
        limits = limits_of(t, priced, int(y), int(r), resources)
        units = missing[y, r, h, s]
        rows.append(
            (
                inputs.horizon.labels[y],
                inputs.regions.labels[r],
                RESIDENCES[h],
                "floor",
                demand.services.labels[s],
                units,
                units * demand.standard[offset + y, r, s],
                ";".join(limits),
            )
        )
    for name, binding in (("2", True), ("3", False)):
        priced = binding_rows(form, solution.answers[name])
        for i, code in enumerate(forms.codes):
            if forms.binding[i] != binding:
                continue
            resources = sorted({int(k) for _, k in passes.reach_k[i]} | {int(k) for *_, s in passes.reach_x[i] for k in np.flatnonzero(t.uses[s])})
            for y in np.flatnonzero(solution.values["short"][:, i] > 1e-4):
                found = {name for r in range(len(inputs.regions)) for name in limits_of(t, priced, int(y), r, resources)}
                limits = [name for name in ORDER if name in found]
                units = solution.values["short"][y, i] * forms.distance[i]
                rows.append((inputs.horizon.labels[y], "plan", "", "binding" if binding else "expected", code, units, np.nan, ";".join(limits)))
    return pd.DataFrame(rows, columns=["year", "region", "residence", "goal", "what", "units", "yuan", "limited_by"])


def coverage_limits(inputs: StageInputs, demand: Demand, passes: Passes, solution: Solution) -> pd.DataFrame:
    """year, region, residence, service, limited_by: what holds each area and service that is not fully covered, by the prices of pass 4."""
    t, rows = passes.terms, []
    priced = binding_rows(passes.form, solution.answers["4"])
    needs = {s: [int(k) for k in np.flatnonzero(t.uses[s])] for s in range(len(demand.services))}
    for y, r, h, s in np.argwhere(t.cells & (solution.values["x"] < 1.0 - NOTICED)):
        limits = limits_of(t, priced, int(y), int(r), needs[int(s)])
        rows.append((inputs.horizon.labels[y], inputs.regions.labels[r], RESIDENCES[h], demand.services.labels[s], ";".join(limits)))
    return pd.DataFrame(rows, columns=["year", "region", "residence", "service", "limited_by"])


def _changed(solver: PassSolver, rows: Array, by: float) -> float:
    """Optimum of a warm pass with the upper side of `rows` (and the lower one of equalities) moved by `by`; the pass is put back afterwards."""
    lo, hi = solver.lo.copy(), solver.hi.copy()
    moved_lo, moved_hi = lo.copy(), hi.copy()
    moved_hi[rows] += by
    moved_lo[rows] = np.where(lo[rows] == hi[rows], lo[rows] + by, lo[rows])
    solver.load(moved_lo, moved_hi, solver.col_lo, solver.col_hi)
    try:
        return solver.solve().objective
    finally:
        solver.load(lo, hi, solver.col_lo, solver.col_hi)


def shadow_prices(inputs: StageInputs, passes: Passes, solution: Solution, regions: bool = True) -> pd.DataFrame:
    """Table `shadow_prices`: what each pass's goal gains by one 100 million yuan more, and loses by one less, at the milestone years.

    `left` is the change per 100 million less, `right` per 100 million more; positive is better. nan where the pass has no optimum on that side.
    Regions are priced one by one up to MOST_PRICED of them.
    Pass 1b counts clients (weighted as the plan names them), 2 and 3 distances from base to target, 4 coverage summed over services.
    """
    form, rows = passes.form, []
    # regions are priced in the first pass that leaves something to do; the pool in every pass
    priced_by = next((n for n in ("1b", "2", "3") if solution.answers[n].objective > PRICED), "4")
    for name, unit in UNITS.items():
        solver, answer = passes.solvers.get(name), solution.answers.get(name)
        if solver is None or answer is None or name == "1a" or (name != "1b" and not regions):
            continue  # a preview prices the floors only; what is saved prices every pass
        scale = HEADS if name == "1b" else 1.0
        base = answer.objective
        family, index = form.family[solver.rows], [form.row_index[i] for i in solver.rows]
        for y in passes.terms.milestones:
            asked = [("transfers_within_pool", "", (0, y))]
            if regions and name == priced_by and len(inputs.regions) <= MOST_PRICED:
                asked += [("spending_within_means", region, (y, r)) for r, region in enumerate(inputs.regions)]
            for limit, region, cell in asked:
                at = np.array([i for i in np.flatnonzero(family == limit) if index[i] == cell], dtype=int)
                if len(at) == 0:
                    continue
                sides = []
                for by in (-1.0, 1.0):
                    try:
                        sides.append((base - _changed(solver, at, by)) * scale + 0.0)
                    except NoSolution:
                        sides.append(np.nan)
                rows.append((name, limit, inputs.horizon.labels[y], region, sides[0], sides[1], unit))
    return pd.DataFrame(rows, columns=["pass", "limit", "year", "region", "left", "right", "unit"])
