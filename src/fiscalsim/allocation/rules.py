"""Today's rules for sharing the general pool, as plain functions: status quo grown, per head, and the equalisation formula.

Each returns general grants [Y,R] in yuan that use the pool exactly; the allocation then runs through the same accounting with them fixed.
"""

from __future__ import annotations

import numpy as np

from fiscalsim.errors import InputError
from fiscalsim.quantities import Array, Demand, FiscalCapacity, StageInputs


def status_quo(capacity: FiscalCapacity) -> Array:
    """Every region keeps its base-year share of the pool."""
    return capacity.general_pool[:, None] * (capacity.base_general / capacity.base_general.sum())[None]


def per_head(capacity: FiscalCapacity, residents: Array) -> Array:
    """The pool by residents [Y,R]."""
    return capacity.general_pool[:, None] * residents / residents.sum(axis=1, keepdims=True)


def equalisation(capacity: FiscalCapacity, standard_expenditure: Array) -> Array:
    """The pool by fiscal gap: standard expenditure less standard revenue where positive, times one coefficient (MOF budget department 2022 no. 58, art. 3).

    The coefficient is what uses the pool up exactly. Standard revenue is own revenue under the average effort, here the region's own path.
    """
    claims = capacity.first_claims + capacity.debt_interest + capacity.other_spending
    gap = np.maximum(standard_expenditure + claims - capacity.own_revenue, 0.0)
    return capacity.general_pool[:, None] * gap / gap.sum(axis=1, keepdims=True)


def general_by_rule(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity) -> Array:
    """General grants [Y,R] of the scenario's transfer rule."""
    rule = inputs.rules.transfer_rule
    if rule == "status-quo":
        return status_quo(capacity)
    if rule == "per-head":
        residents = inputs.demography.base_population.sum(axis=(1, 2, 3))
        return per_head(capacity, np.broadcast_to(residents, capacity.own_revenue.shape))
    if rule == "formula":
        cost = (demand.clients * demand.standard[:, :, None, :]).sum(axis=(2, 3))
        return equalisation(capacity, cost)
    raise InputError(f"transfer rule {rule!r} is not one of optimal, formula, per-head, status-quo")
