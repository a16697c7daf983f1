"""Deciding with a few years in sight, moving on a year, deciding again: what a plan becomes when nobody sees the whole horizon.

Each decision is the same model over the years in sight, from what the decisions before it left: capacity, places under way, instalments still owed,
debt, money carried over, last year's grants. As soon as the end of the horizon is in sight everything is, the years after it too, and nothing is
decided again; so a sight as long as the horizon is perfect foresight itself. A promise of an earlier year binds the next decision as today's
provision does: it is cut only where nothing else helps, and then counts as broken. Knows nothing of scenarios, words or pages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fiscalsim.allocation.explain import NOTICED
from fiscalsim.allocation.formulation import HEADS, YUAN, Terms, building_paid
from fiscalsim.allocation.terms import terms
from fiscalsim.allocation.whole import passes_for
from fiscalsim.errors import ModelError
from fiscalsim.quantities import Array, Demand, FiscalCapacity, StageInputs, TargetForms

BY_YEAR = (
    "clients",
    "running",
    "standing",
    "upper_cost",
    "own_cost",
    "own_share",
    "means",
    "own_revenue",
    "general_pool",
    "earmarked_pool",
    "pool_growth",
    "pool_fall",
    "pool_rise",
    "reserve_share",
    "recurrent_cap",
    "bond_quota",
    "debt_room",
    "build_cost",
    "conversion_cost",
    "target",
    "target_clients",
    "target_capacity",
    "tie_y",
    "rule_general",
    "handed_over",
    "rent",
)
TAIL = ("tail_running", "tail_standing", "tail_means", "tail_pool")
Values = dict[str, Array]


@dataclass(frozen=True)
class Felt:
    """What a plan gives, year by year; heads and yuan."""

    clients: Array  # [Y,R,S] entitled
    served: Array  # [Y,R,S]
    below: Array  # [Y,R,S] clients below the floor
    broken: Array  # [Y,R,S] clients of promised services who were served in an earlier year of the plan and are not now
    coverage: Array  # [Y] mean over services with clients
    spent: Array  # [Y] running, building, conversions and purchases
    unpaid: Array  # [Y] first claims that could not be paid
    short: Array  # [Y] targets missed in the year


def foreseen(t: Terms, switched_off: tuple[str, ...] = ()) -> Values:
    """The plan that sees the whole horizon, and the years after it."""
    return passes_for(t, switched_off).solve().values


def decided_by_sight(t: Terms, sight: int, switched_off: tuple[str, ...] = ()) -> Values:
    """The plan put together from decisions with `sight` years in view, each of which stands for one year. NoSolution where one of them has no plan."""
    if sight < 1:
        raise ModelError(f"a sight of {sight} years: at least 1")
    years = len(t.means)
    parts: list[Values] = []
    for at in range(max(years - sight, 0) + 1):
        values = passes_for(in_view(t, at, min(at + sight, years), joined(parts)), switched_off).solve().values
        parts.append({name: array if at + sight >= years else array[:1] for name, array in values.items() if name != "unpaid_later"})
    return joined(parts)


def joined(parts: list[Values]) -> Values:
    """Years decided so far, one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else {})}


def in_view(t: Terms, at: int, until: int, decided: Values) -> Terms:
    """The model of decision years `at` to before `until`, from what the years decided before left."""
    years = len(t.means)
    seen = {name: getattr(t, name)[at:until] for name in BY_YEAR if getattr(t, name) is not None}
    seen["salvage"] = t.salvage[years - (until - at) :]  # by years left; to a short sight the later ones of a building do not exist
    if until < years:
        seen |= {name: getattr(t, name)[:0] for name in TAIL}
    seen["milestones"] = tuple(m - at for m in t.milestones if at <= m < until)
    return replace(t, **(seen | (left(t, at, until, decided) if at else {})))


def left(t: Terms, at: int, until: int, decided: Values) -> Values:
    """What the decisions before year `at` leave to it, as terms of the model."""
    span, v = until - at, decided
    opening, owed = np.zeros((span, *t.capacity.shape)), np.zeros((span, t.means.shape[1]))
    for k, lead in enumerate(t.lead):
        for y in range(at):
            if at <= y + lead < until:
                opening[y + int(lead) - at, :, k] += v["built"][y, :, k]
    paid = building_paid(t, np.concatenate([v["built"], np.zeros((len(t.means) - at, *t.capacity.shape))]))
    owed += paid[at:until].sum(axis=2)
    for c, (_, to) in enumerate(t.conversions):
        opening[0, :, to] += t.gained[c] * v["convert"][at - 1, :, c]
    debt = v["bond"].sum(axis=0)
    means = t.means[at:until] - owed - t.bond_rate * debt
    means[0] += v["carried"][at - 1]
    return {
        "capacity": v["stock"][at - 1],
        "handed_over": t.handed_over[at:until] + opening,
        "means": means,
        "debt_room": np.maximum(t.debt_room[at:until] - debt, 0.0),
        "general_before": v["general"][at - 1],
        "base_coverage": np.where(t.promise & t.cells[at - 1], v["x"][at - 1], t.base_coverage),
    }


def felt(t: Terms, v: Values) -> Felt:
    """What a plan gives to people and costs."""
    clients = np.where(t.cells, t.clients, 0.0)
    served, total = clients * v["x"], clients.sum(axis=(1, 2))
    below = np.where(t.cells, np.maximum(t.floor - v["x"], 0.0), 0.0)
    highest = np.concatenate([v["x"][:1], np.maximum.accumulate(v["x"])[:-1]])
    lost = np.where(t.cells & t.promise, highest - v["x"], 0.0)
    share = np.divide(served.sum(axis=(1, 2)), total, out=np.full_like(total, np.nan), where=total > 0)
    spent = (v["x"] * t.running).sum(axis=(1, 2, 3)) + (v["stock"] * t.standing).sum(axis=(1, 2)) + building_paid(t, v["built"]).sum(axis=(1, 2))
    spent += (v["convert"] * t.gained * t.conversion_cost[:, None]).sum(axis=(1, 2)) + (v["bought"] * t.rent[:, None]).sum(axis=(1, 2))
    return Felt(
        clients=clients.sum(axis=2) * HEADS,
        served=served.sum(axis=2) * HEADS,
        below=(np.where(below > NOTICED, below, 0.0) * clients).sum(axis=2) * HEADS,
        broken=(np.where(lost > NOTICED, lost, 0.0) * clients).sum(axis=2) * HEADS,
        coverage=np.nanmean(share, axis=1),
        spent=spent * YUAN,
        unpaid=v["unpaid"].sum(axis=1) * YUAN,
        short=(v["short"] > 1e-4).sum(axis=1).astype(float),
    )


def foresight_of(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity, forms: TargetForms, sights: tuple[int, ...]) -> tuple[Felt, list[Felt]]:
    """The plan with perfect foresight, and the plan of each sight in years."""
    t, off = terms(inputs, demand, capacity, forms), inputs.rules.switched_off
    return felt(t, foreseen(t, off)), [felt(t, decided_by_sight(t, sight, off)) for sight in sights]
