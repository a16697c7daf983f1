"""Why not more: for each shortfall the limits that bind it.

Limits are screened by the duals of the pass that weighs the shortfall (one-sided at a kink, so a screen and not a price). What more
money is worth stands in value_of_money.py.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from fiscalsim.allocation.formulation import HEADS, Terms
from fiscalsim.allocation.passes import Passes, Solution
from fiscalsim.allocation.solver import Answer, StandardForm
from fiscalsim.axes import RESIDENCES
from fiscalsim.quantities import Demand, StageInputs, TargetForms

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
    "own_share_paid",
    "standards_never_fall",
)


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
