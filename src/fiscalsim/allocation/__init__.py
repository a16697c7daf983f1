"""The allocation: do the utmost, within means. The only home of Pyomo and HiGHS.

`allocate` takes what the stages before found and gives back the plan; `Passes` is what a worker keeps warm between two answers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fiscalsim.allocation.alternatives import alternatives_of
from fiscalsim.allocation.committed import Committed, Committing, Room, room_left
from fiscalsim.allocation.explain import coverage_limits, shortfalls
from fiscalsim.allocation.formulation import FAMILIES, GOALS_WITHOUT_SWITCH, HEADS, YUAN, building_paid
from fiscalsim.allocation.needs import equalisation_table, under_rule
from fiscalsim.allocation.one_cell import GROUPS, Aim, Explained, Held, OneCell, explained, form_of
from fiscalsim.allocation.passes import Passes, Solution
from fiscalsim.allocation.repairs import Asker, Outcome, Solved
from fiscalsim.allocation.solver import OPTIONS, solver_options
from fiscalsim.allocation.terms import standing_services, terms
from fiscalsim.allocation.value_of_money import shadow_prices
from fiscalsim.allocation.whole import passes_for
from fiscalsim.axes import Axis
from fiscalsim.quantities import Allocation, Demand, FiscalCapacity, StageInputs, TargetForms


def allocate(
    inputs: StageInputs,
    demand: Demand,
    capacity: FiscalCapacity,
    forms: TargetForms,
    *,
    warm: dict[str, Passes] | None = None,
    prices: bool = True,
    progress: Callable[[float, str], None] | None = None,
    write_mps: Path | None = None,
) -> Allocation:
    """The plan for the horizon, solved in lexicographic passes.

    `warm` is a mutable holder a worker keeps: passes found in it start from their last basis, and are put back into it. What is saved is
    always solved without it. Errors: NoSolution where a pass is not optimal.
    """
    numbers = terms(inputs, demand, capacity, forms)
    key = "passes"
    passes = passes_for(numbers, inputs.rules.switched_off, recorded=warm is not None, held=(warm or {}).get(key))
    if warm is not None:
        warm[key] = passes
    solution = passes.solve(progress, write_mps)
    return shaped(inputs, demand, forms, passes, solution, prices)


def shaped(inputs: StageInputs, demand: Demand, forms: TargetForms, passes: Passes, solution: Solution, prices: bool) -> Allocation:
    """The solver's arrays as the plan: heads and yuan, costs by area and service, conversions by resource."""
    t, v = passes.terms, solution.values
    years, regions, _, services = t.clients.shape
    served = v["x"] * t.clients
    recurrent = v["x"] * t.running
    capital = np.zeros((years, regions, services))
    resources = len(t.staff)
    owner = {k: s for s, (k, _) in standing_services(inputs).items()}
    for k in range(resources):
        owner.setdefault(k, int(np.flatnonzero(t.uses[:, k])[0]) if t.uses[:, k].any() else 0)
    clients_share = np.where(t.cells, t.clients, 0.0)
    total = clients_share.sum(axis=2, keepdims=True)
    split = np.divide(clients_share, total, out=np.full_like(clients_share, 0.5), where=total > 0)
    for s, (k, _) in standing_services(inputs).items():
        recurrent[..., s] += (t.standing[:, :, k] * v["stock"][:, :, k])[:, :, None] * split[..., s]
    for k in (k for k in range(resources) if t.market[k] > 0):
        recurrent[..., owner[k]] += (t.rent[:, None, k] * v["bought"][:, :, k])[:, :, None] * split[..., owner[k]]
    opened, gained, given = t.handed_over.copy(), v["posts_in"].copy(), v["posts_out"].copy()
    paid = building_paid(t, v["built"])
    for k in range(resources):
        lead = int(t.lead[k])
        opened[lead:, :, k] += v["built"][: years - lead, :, k]
        capital[:, :, owner[k]] += paid[:, :, k]
    for c, (source, to) in enumerate(t.conversions):
        given[:, :, source] += v["convert"][:, :, c]
        gained[1:, :, to] += t.gained[c] * v["convert"][:-1, :, c]
        capital[:, :, owner[to]] += t.conversion_cost[:, None, c] * t.gained[c] * v["convert"][:, :, c]
    before = np.concatenate([t.capacity[None], v["stock"][:-1]])
    duty = t.upper_cost * v["x"]
    by_service = duty.sum(axis=2)
    whole = by_service.sum(axis=2, keepdims=True)
    earmarked = np.divide(by_service, whole, out=np.zeros_like(by_service), where=whole > 0) * v["earmarked"][..., None]
    debt_before = np.concatenate([np.zeros((1, regions)), v["debt"][:-1]])
    return Allocation(
        years=inputs.horizon,
        regions=inputs.regions,
        services=demand.services,
        resources=Axis("resource", tuple(r.code for r in inputs.supply.resources)),
        provision=v["x"],
        served=served * HEADS,
        recurrent=recurrent * YUAN,
        capital=capital * YUAN,
        stock=v["stock"] * HEADS,
        built=v["built"] * HEADS,
        opened=opened * HEADS,
        converted_in=gained * HEADS,
        converted_out=given * HEADS,
        bought=v["bought"] * HEADS,
        retired=before * t.retire * HEADS,
        closed=v["closed"] * HEADS,
        general=v["general"] * YUAN,
        earmarked=earmarked * YUAN,
        bond=v["bond"] * YUAN,
        carried=v["carried"] * YUAN,
        reserve=v["reserve"] * YUAN,
        interest=t.bond_rate * debt_before * YUAN,
        unpaid=v["unpaid"] * YUAN,
        short=v["short"],
        shortfalls=shortfalls(inputs, demand, forms, passes, solution),
        limits=coverage_limits(inputs, demand, passes, solution),
        shadow_prices=shadow_prices(inputs, passes, solution, regions=prices),
        passes=solution.passes,
    )


__all__ = [
    "FAMILIES",
    "GOALS_WITHOUT_SWITCH",
    "GROUPS",
    "OPTIONS",
    "Aim",
    "Asker",
    "Committed",
    "Committing",
    "Explained",
    "Held",
    "OneCell",
    "Outcome",
    "Passes",
    "Room",
    "Solved",
    "allocate",
    "alternatives_of",
    "equalisation_table",
    "explained",
    "form_of",
    "room_left",
    "solver_options",
    "terms",
    "under_rule",
]
