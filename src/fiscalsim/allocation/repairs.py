"""What a solved plan gives and costs, in heads and yuan, so that two plans can be set side by side; and how large a repair must be.

A repair is never taken from a price: sizes here are first guesses from what is missing and what could be built, and the plan is then solved again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fiscalsim.allocation.explain import NOTICED, coverage_limits, shortfalls
from fiscalsim.allocation.formulation import HEADS, YUAN, building_paid
from fiscalsim.allocation.passes import Passes, Solution
from fiscalsim.allocation.terms import terms
from fiscalsim.allocation.whole import passes_for
from fiscalsim.quantities import Array, Demand, FiscalCapacity, StageInputs, TargetForms

HELD = "passes"  # under which a worker's holder keeps the passes


@dataclass(frozen=True)
class Outcome:
    """One plan: heads and yuan by year of the horizon, region and service (town and country together)."""

    clients: Array  # [Y,R,S]
    served: Array  # [Y,R,S]
    below: Array  # [Y,R,S] clients below the floor
    standard: Array  # [Y,R,S] yuan of serving one client a year
    spent: Array  # [Y] running, building, conversions and purchases
    short: Array  # [Y,I] what targets miss, in their own units
    built: Array  # [Y,R,K] places ordered and staff hired
    missing: Array  # [Y,R,K] places and staff that serving every client would still take
    clients_in: Array  # [Y,R,H,S] the same, town and country apart
    served_in: Array  # [Y,R,H,S]
    below_in: Array  # [Y,R,H,S]
    limited_by: pd.DataFrame  # year, region, service, limited_by: of floors first, else of full coverage


@dataclass
class Solved:
    """A solved plan with the passes that can be asked about it, until the next question."""

    passes: Passes
    solution: Solution
    outcome: Outcome


class Asker:
    """Solves one question after another on the same warm passes; `warm` is the holder of a worker, as `allocate` has it."""

    def __init__(self, warm: dict[str, Passes] | None = None) -> None:
        self.warm: dict[str, Passes] = {} if warm is None else warm

    def ask(self, inputs: StageInputs, demand: Demand, capacity: FiscalCapacity, forms: TargetForms) -> Outcome:
        """The outcome of the plan for these quantities. NoSolution where a pass is not optimal; the next question then starts from nothing."""
        return self.solved(inputs, demand, capacity, forms).outcome

    def solved(self, inputs: StageInputs, demand: Demand, capacity: FiscalCapacity, forms: TargetForms) -> Solved:
        """The same, with the passes themselves."""
        numbers, off = terms(inputs, demand, capacity, forms), inputs.rules.switched_off
        passes = passes_for(numbers, off, recorded=True, held=self.warm.pop(HELD, None))
        solution = passes.solve()
        self.warm[HELD] = passes
        return Solved(passes, solution, outcome(inputs, demand, forms, passes, solution))


def outcome(inputs: StageInputs, demand: Demand, forms: TargetForms, passes: Passes, solution: Solution) -> Outcome:
    """A solved plan as an Outcome."""
    t, v = passes.terms, solution.values
    first = demand.years.index(inputs.horizon.labels[0])
    now = slice(first, first + len(inputs.horizon))
    spent = (v["x"] * t.running).sum(axis=(1, 2, 3)) + (v["stock"] * t.standing).sum(axis=(1, 2)) + building_paid(t, v["built"]).sum(axis=(1, 2))
    spent += (v["convert"] * t.gained * t.conversion_cost[:, None]).sum(axis=(1, 2)) + (v["bought"] * t.rent[:, None]).sum(axis=(1, 2))
    left = np.where(t.cells, (1.0 - np.minimum(v["x"], 1.0)) * t.clients, 0.0)
    below = np.where(t.cells, np.maximum(t.floor - v["x"], 0.0), 0.0)
    below = np.where(below > NOTICED, below, 0.0)  # less is what later passes may give up, not a shortfall
    held = coverage_limits(inputs, demand, passes, solution)
    floors = shortfalls(inputs, demand, forms, passes, solution).query("goal == 'floor'").rename(columns={"what": "service"})
    both = pd.concat([floors[["year", "region", "service", "limited_by"]], held[["year", "region", "service", "limited_by"]]], ignore_index=True)
    clients = np.where(t.cells, t.clients, 0.0)
    return Outcome(
        clients=clients.sum(axis=2) * HEADS,
        served=(clients * v["x"]).sum(axis=2) * HEADS,
        below=(below * t.clients).sum(axis=2) * HEADS,
        standard=demand.standard[now],
        spent=spent * YUAN,
        short=v["short"] * forms.distance,
        built=v["built"] * HEADS,
        missing=np.einsum("yrhs,sk->yrk", left, t.uses) * HEADS,
        clients_in=clients * HEADS,
        served_in=clients * v["x"] * HEADS,
        below_in=below * t.clients * HEADS,
        limited_by=both[both["limited_by"] != ""].drop_duplicates(["year", "region", "service"]),
    )
