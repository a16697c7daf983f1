"""What a region must pay before anything new: the cheapest plan that still keeps floors, today's provision and binding targets.

The passes for floors and binding targets are solved as in a run, then least cost at once: expected targets and raising the worst-off are left out, so
that what this plan does not spend is what could be given to something new. Knows nothing of proposals, words or pages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fiscalsim.allocation.formulation import HEADS, YUAN, building_paid
from fiscalsim.allocation.passes import Passes
from fiscalsim.allocation.terms import Terms, terms
from fiscalsim.allocation.whole import passes_for
from fiscalsim.quantities import Array, Demand, FiscalCapacity, StageInputs, TargetForms

COMMITTED = ("1a", "1b", "2", "5")
# grants are fixed here, by the plan or by a rule of today: they are checked where they were shared out
FIXED_ELSEWHERE = ("transfer_change_limited", "transfers_within_pool")


@dataclass(frozen=True)
class Committed:
    """The committed plan over the horizon: shares, places and yuan."""

    provision: Array  # [Y,R,H,S] share of clients
    stock: Array  # [Y,R,K] places and staff
    building: Array  # [Y,R] yuan: building, conversion and training
    bond: Array  # [Y,R] yuan, of which
    interest: Array  # [Y,R]
    bought: Array  # [Y,R] yuan paid for places from the market
    unpaid: Array  # [Y,R] yuan of first claims that could not be paid


@dataclass(frozen=True)
class Room:
    """What a committed plan leaves of a year's money, yuan; negative where commitments already exceed it."""

    money: Array  # [Y,R] what comes in less what is committed, reserve and interest
    growth: Array  # [Y,R] what the limit on the growth of recurrent spending leaves
    above: Array  # [Y] what is left of the pool of earmarked grants
    received: Array  # [Y,R] means, general and earmarked grants and bonds
    recurrent: Array  # [Y,R] committed running costs
    reserve: Array  # [Y,R]

    @property
    def room(self) -> Array:
        """[Y,R] what may be spent on something new: the smaller of the two, never below nothing."""
        return np.maximum(np.minimum(self.money, self.growth), 0.0)


class Committing:
    """Solves one committed plan after another on the same passes."""

    def __init__(self) -> None:
        self.passes: Passes | None = None

    def plan(self, inputs: StageInputs, demand: Demand, capacity: FiscalCapacity, forms: TargetForms) -> Committed:
        """The committed plan for these quantities, general grants as `capacity.rule_general` fixes them. NoSolution where a pass is not optimal."""
        numbers, off = terms(inputs, demand, capacity, forms), (*inputs.rules.switched_off, *FIXED_ELSEWHERE)
        held, self.passes = self.passes, None
        passes = passes_for(numbers, off, held=held)
        v = passes.solve(order=COMMITTED).values
        self.passes = passes
        bought = (v["bought"] * numbers.rent[:, None]).sum(axis=2)
        paid = building_paid(numbers, v["built"]).sum(axis=2) + (v["convert"] * numbers.gained * numbers.conversion_cost[:, None]).sum(axis=2)
        before = np.concatenate([np.zeros((1, v["debt"].shape[1])), v["debt"][:-1]])
        return Committed(
            provision=v["x"],
            stock=v["stock"] * HEADS,
            building=paid * YUAN,
            bond=v["bond"] * YUAN,
            interest=numbers.bond_rate * before * YUAN,
            bought=bought * YUAN,
            unpaid=v["unpaid"] * YUAN,
        )


def room_left(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity, forms: TargetForms, committed: Committed) -> Room:
    """What the money of these quantities leaves when the provision and places of a committed plan are paid at the prices and for the clients of today's
    question; of a plan that was solved for other quantities it is that plan paid again, which needs no solver.

    Grants are those of `capacity.rule_general`. Where the duties of the levels above exceed their pool, each region gets the same part of its duty.
    """
    t: Terms = terms(inputs, demand, capacity, forms)
    recurrent = (committed.provision * t.running).sum(axis=(2, 3)) + (committed.stock / HEADS * t.standing).sum(axis=2) + committed.bought / YUAN
    duty = (committed.provision * t.upper_cost).sum(axis=(2, 3))
    whole = duty.sum(axis=1)
    part = np.minimum(1.0, np.divide(t.earmarked_pool, whole, out=np.ones_like(whole), where=whole > 0))
    earmarked = duty * part[:, None]
    general = np.zeros_like(duty) if t.rule_general is None else t.rule_general
    reserve = t.reserve_share[:, None] * (t.own_revenue + general + earmarked)
    received = t.means + general + earmarked + committed.bond / YUAN
    money = received - recurrent - reserve - (committed.building + committed.interest + committed.unpaid) / YUAN
    return Room(
        money=money * YUAN,
        growth=(t.recurrent_cap - recurrent) * YUAN,
        above=np.maximum(t.earmarked_pool - whole, 0.0) * YUAN,
        received=received * YUAN,
        recurrent=recurrent * YUAN,
        reserve=reserve * YUAN,
    )
