"""From the stages' quantities to the numbers of the model, in its own units; no mathematics of the allocation is here."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from fiscalsim.allocation.formulation import HEADS, YUAN, Terms
from fiscalsim.allocation.rules import status_quo
from fiscalsim.axes import RESIDENCES
from fiscalsim.errors import InputError, ModelError, Problem
from fiscalsim.quantities import Array, Demand, FiscalCapacity, StageInputs, TargetForms


def tie(*labels: object) -> float:
    """A fixed number in 0..1 for a name, the same whatever else the model holds."""
    digest = hashlib.blake2b("|".join(str(label) for label in labels).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def standing_services(inputs: StageInputs) -> dict[int, tuple[int, float]]:
    """Service -> (its kind of place, units per client): the service whose cost partly follows those places."""
    code = {service.code: s for s, service in enumerate(inputs.demand.services)}
    kind = {resource.code: k for k, resource in enumerate(inputs.supply.resources)}
    found: dict[int, tuple[int, float]] = {}
    for service, resource, units in inputs.supply.requires:
        k = kind[resource]
        if inputs.supply.resources[k].kind == "place" and code[service] not in found:
            if any(k == other for other, _ in found.values()):
                raise ModelError(f"resource {resource} is the place of two services; the cost of an empty place would be counted twice")
            found[code[service]] = (k, units)
    return found


def usual_means(capacity: FiscalCapacity) -> Array:
    """[Y,R] yuan: what a region has for the catalogue when general grants go by a rule of today, or by the base year's shares where none is set.

    General grants are a region's own to spend, and where own revenue is small they pay its first claims (means are then negative).
    """
    usual = status_quo(capacity.general_pool, capacity.base_general) if capacity.rule_general is None else capacity.rule_general
    return capacity.means + usual


def terms(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity, forms: TargetForms) -> Terms:
    """Every coefficient of the allocation model over the horizon, from the stages before it."""
    first, last = demand.years.index(inputs.horizon.labels[0]), demand.years.index(inputs.horizon.labels[-1])
    span = Span(first, last, slice(first, last + 1), slice(last + 1, last + 1 + inputs.rules.tail_years))
    parts = (
        _clients_and_costs(inputs, demand, capacity, span),
        _money(inputs, capacity, span),
        _places_and_staff(inputs, demand, span),
        _building(inputs, span),
        _targets(inputs, forms, span),
        _weights(inputs, forms),
    )
    return Terms(**{name: value for part in parts for name, value in part.items()})


class Span(NamedTuple):
    """Positions on the axis of demand and capacity: the horizon's first and last year, the horizon, the years after it."""

    first: int
    last: int
    now: slice
    later: slice


def _clients_and_costs(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity, span: Span) -> dict[str, Any]:
    """Who is entitled, what serving them costs, and who shares in it."""
    services, resources, regions = inputs.demand.services, inputs.supply.resources, inputs.regions
    fixed = np.zeros((len(regions), len(services)))
    per_place = np.zeros((len(demand.years), len(regions), len(resources)))
    for s, (k, units) in standing_services(inputs).items():
        fixed[:, s] = np.where(inputs.supply.capacity[:, k] > 0, services[s].fixed_share, 0.0)
        per_place[:, :, k] = fixed[:, s] * demand.standard[:, :, s] / units * HEADS / YUAN
    running = demand.clients * ((1.0 - fixed) * demand.standard)[:, :, None, :] / YUAN
    # a level above never pays more than serving the client really costs here
    upper = demand.clients * (inputs.demand.upper_share * np.minimum(demand.national_cost, demand.standard))[:, :, None, :] / YUAN
    national = demand.clients * np.minimum(demand.national_cost, demand.standard)[:, :, None, :] / YUAN
    own_duty = np.where(upper > 0, np.maximum(national - upper, 0.0), 0.0)
    due = own_duty.sum(axis=(2, 3))
    own_share = np.clip(np.divide(usual_means(capacity) / YUAN, due, out=np.ones_like(due), where=due > 0), 0.0, 1.0)
    return {
        "clients": demand.clients[span.now] / HEADS,
        "running": running[span.now],
        "standing": per_place[span.now],
        "tail_running": running[span.later],
        "tail_standing": per_place[span.later],
        "upper_cost": upper[span.now],
        "own_cost": own_duty[span.now],
        "own_share": own_share[span.now],
        "floor": np.array([s.floor for s in services]),
        "ceiling": np.minimum([s.ceiling for s in services], 1.0),  # levels above the standard come with the lever standards.<service>
        "base_coverage": inputs.supply.base_coverage,
        "promise": np.array([s.promise for s in services]),
    }


def _money(inputs: StageInputs, capacity: FiscalCapacity, span: Span) -> dict[str, Any]:
    """Means, pools and what limits their use."""
    now, later = span.now, span.later
    grants = capacity.general_pool + capacity.earmarked_pool
    margin = (1.0 + inputs.rules.recurrent_growth_margin) ** (np.arange(len(capacity.years)))
    reserve = capacity.reserve_share[:, None] * (capacity.own_revenue + capacity.base_grants * (grants / grants[0])[:, None])
    growth = (capacity.general_pool[1:] / capacity.general_pool[:-1])[span.first - 1 : span.last]
    return {
        "means": capacity.means[now] / YUAN,
        "own_revenue": capacity.own_revenue[now] / YUAN,
        "general_pool": capacity.general_pool[now] / YUAN,
        "earmarked_pool": capacity.earmarked_pool[now] / YUAN,
        "general_before": capacity.base_general / YUAN,
        "pool_growth": growth,
        "pool_fall": np.minimum(1.0, growth),
        "pool_rise": np.maximum(1.0, growth),
        "change_limit": inputs.rules.transfer_change_limit,
        "reserve_share": capacity.reserve_share[now],
        "recurrent_cap": (capacity.base_recurrent[None] * capacity.revenue_index * margin[:, None])[now] / YUAN,
        "bond_quota": capacity.bond_quota[now] / YUAN,
        "bond_rate": capacity.bond_rate,
        "debt_room": np.maximum(capacity.debt_room[now], 0.0) / YUAN,
        "tail_means": (capacity.means - reserve)[later] / YUAN,
        "tail_pool": grants[later] / grants[span.last],
        "rule_general": None if capacity.rule_general is None else capacity.rule_general[now] / YUAN,
        "purchase_cap": inputs.supply.purchases.cap,
    }


def _places_and_staff(inputs: StageInputs, demand: Demand, span: Span) -> dict[str, Any]:
    """What there is, what a client takes of it, and how it may change."""
    services, resources, supply = inputs.demand.services, inputs.supply.resources, inputs.supply
    uses = np.zeros((len(services), len(resources)))
    for service, resource, units in supply.requires_planned:
        uses[[s.code for s in services].index(service), [r.code for r in resources].index(resource)] = units
    demand_by_place = np.einsum("rhs,sk->rk", demand.clients[0], uses)
    opening = demand.new_households[:, :, None] * supply.handed_over[:, None, :] + (0.0 if supply.under_way is None else supply.under_way)
    return {
        "uses": uses,
        "capacity": supply.capacity / HEADS,
        "staff": np.array([r.kind == "staff" for r in resources]),
        "lead": np.array([r.lead_years for r in resources]),
        "retire": np.array([r.retire_rate for r in resources]),
        "build_rate": np.array([r.build_rate for r in resources]),
        "build_least": demand_by_place / HEADS * np.array([r.build_floor for r in resources]) / 1000.0,
        "handed_over": opening[span.now] / HEADS,
        "market": supply.purchases.market_share,
        "mobility": supply.post_mobility,
        "project": project_sizes(inputs) if inputs.rules.whole_projects else None,
    }


def project_sizes(inputs: StageInputs) -> Array:
    """[K] places of one project in 10,000, 0 for staff. InputError that names every kind of place without a size."""
    places = [r for r in inputs.supply.resources if r.kind == "place"]
    lacking = [r.code for r in places if not r.project_size]
    if lacking:
        raise InputError([Problem("resources.csv", None, "project_size", code, "a size above 0, for allocation.whole_projects") for code in lacking])
    return np.array([float(r.project_size or 0.0) if r.kind == "place" else 0.0 for r in inputs.supply.resources]) / HEADS


def _building(inputs: StageInputs, span: Span) -> dict[str, Any]:
    """What building, converting and buying cost, and what of it lasts beyond the horizon."""
    resources, supply, price = inputs.supply.resources, inputs.supply, inputs.demand.price_index
    build_cost = price[:, None] * np.array([r.build_cost for r in resources]) * HEADS / YUAN
    years = np.arange(len(inputs.horizon))
    life, lead = np.array([r.life_years for r in resources]), np.array([r.lead_years for r in resources])
    in_horizon = np.clip(len(years) - years[:, None] - lead[None], 0, None)
    place = {r.code: k for k, r in enumerate(resources)}
    conversion = np.array([c for *_, c in supply.conversions]).reshape(1, -1)
    return {
        "build_cost": build_cost[span.now],
        "salvage": np.minimum(in_horizon / life[None], 1.0) * 0.9 + 0.1,
        "conversions": tuple((place[a], place[b]) for a, b, _, _ in supply.conversions),
        "gained": np.array([g for _, _, g, _ in supply.conversions]),
        "conversion_cost": (price[:, None] * conversion * HEADS / YUAN)[span.now],
        "surplus": np.array([resources[place[a]].surplus_share for a, *_ in supply.conversions]),
        "rent": price[span.now, None] * supply.purchases.price[None] * HEADS / YUAN,
    }


def _targets(inputs: StageInputs, forms: TargetForms, span: Span) -> dict[str, Any]:
    """Indicators as linear forms in distances from base to target, and the years in which the worst-off count."""
    now, distance = span.now, forms.distance
    return {
        "target": forms.target[now] / distance,
        "target_clients": forms.clients[now] / distance[:, None, None, None],
        "target_capacity": forms.capacity[now] * HEADS / distance[:, None, None],
        "target_binding": forms.binding,
        "milestones": tuple(inputs.horizon.index(y) for y in inputs.rules.milestones),
    }


def _weights(inputs: StageInputs, forms: TargetForms) -> dict[str, Any]:
    """Who and what comes first, and the fixed numbers by name that choose among equal plans."""
    services, regions = inputs.demand.services, inputs.regions
    domains = [service.domain for service in services]
    return {
        "need_weight": inputs.weights.area,
        "service_weight": inputs.weights.service,
        "domain_weight": np.array([1.0 / domains.count(d) for d in domains]),
        "tie_x": np.array([[[tie(r, h, s.code) for s in services] for h in RESIDENCES] for r in regions]),
        "tie_r": np.array([tie(r) for r in regions]),
        "tie_s": np.array([tie(s.code) for s in services]),
        "tie_i": np.array([tie(code) for code in forms.codes]),
        "tie_y": np.array([tie(y) for y in inputs.horizon]),
    }
