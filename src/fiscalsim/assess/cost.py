"""What a proposal costs, year by year, region by region and level of government by level of government.

Coverage is held: the cost of a proposal is what serving the same share of those entitled costs with it, less what it costs without it, plus those whom
it newly serves. Knows the quantities before the allocation and the coverage that is held; must not know what may be spent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fiscalsim.assess.proposal import Bears, Proposal
from fiscalsim.axes import RESIDENCES, SEXES
from fiscalsim.demand import place_capacity, recurrent_cost
from fiscalsim.fiscal_capacity import split_by_level
from fiscalsim.levers import path_at
from fiscalsim.pipeline import Posed
from fiscalsim.quantities import Array

LEVELS = ("centre", "province", "local")
SERVICE_COLUMNS = ["year", "region", "service", "clients_before", "clients", "national", "standard_before", "standard", "yuan"]
NEW = "new"  # the code of a service that the catalogue does not have


@dataclass(frozen=True)
class Kept:
    """Coverage and places that a cost is reckoned on, over the horizon."""

    provision: Array  # [Y,R,H,S] share of clients
    stock: Array  # [Y,R,K]


@dataclass(frozen=True)
class Cost:
    """Yuan over the horizon; `clients` and `unit` are what the running cost is made of."""

    centre: Array  # [Y,R]
    province: Array  # [Y,R]
    local: Array  # [Y,R] running cost borne by the region
    building: Array  # [Y,R] borne by the region
    services: pd.DataFrame  # SERVICE_COLUMNS; standards are yuan a client and year

    @property
    def running(self) -> Array:
        """[Y,R] all levels."""
        return self.centre + self.province + self.local

    @property
    def total(self) -> Array:
        """[Y,R] all levels, building included."""
        return self.running + self.building

    @property
    def of_region(self) -> Array:
        """[Y,R] what the region itself must pay."""
        return self.local + self.building

    @property
    def of_above(self) -> Array:
        """[Y] what the levels above must pay."""
        return (self.centre + self.province).sum(axis=1)

    def times(self, ratio: Array) -> Cost:
        """The same cost with every amount of a cell multiplied by `ratio` [Y,R]; the table of services is not scaled."""
        return Cost(self.centre * ratio, self.province * ratio, self.local * ratio, self.building * ratio, self.services)


def horizon_of(asked: Posed) -> slice:
    """Where the decision years lie on the axis of all years."""
    first = asked.needed.years.index(asked.inputs.horizon.labels[0])
    return slice(first, first + len(asked.inputs.horizon))


def cost_of(proposal: Proposal, level: float, without: Posed, with_it: Posed, kept: Kept) -> Cost:
    """The cost of a proposal at `level`. `with_it` is the question with the proposal's levers at that level, `kept` the coverage that is held."""
    now = horizon_of(without)
    on = np.array([year in proposal.assessed for year in without.inputs.horizon], dtype=float)[:, None, None]
    clients_0, clients_1 = (one.needed.clients[now] * kept.provision for one in (without, with_it))
    more = np.maximum(widened(proposal, level, without, kept) - kept.provision, 0.0)  # [Y,R,H,S] further share that is served
    clients_1 = clients_1 + with_it.needed.clients[now] * more
    extra, building = places_for(proposal, with_it, more, on)
    parts = []
    for one, served, stock in ((without, clients_0, kept.stock), (with_it, clients_1, kept.stock + extra)):
        heads, unit = served.sum(axis=2), one.needed.standard[now]
        cost = recurrent_cost(one.inputs.demand, unit, heads, place_capacity(one.inputs.demand, one.inputs.supply, stock))
        parts.append((split_by_level(one.inputs.demand, one.needed.national_cost[now], unit, heads, cost), cost, heads, unit))
    (levels_0, cost_0, heads_0, unit_0), (levels_1, cost_1, heads_1, unit_1) = parts
    by_level = {name: (levels_1[name] - levels_0[name]) * on for name in levels_0}
    by_level["local"] = by_level["local"] + by_level.pop("local_above")
    summed = {name: values.sum(axis=2) for name, values in by_level.items()}
    table = _services(without, (cost_1 - cost_0) * on, heads_0, heads_1, unit_0, unit_1, on)
    if proposal.service is not None:
        yuan, heads = begun(proposal, level, without)
        yuan, heads = yuan * on[..., 0], heads * on[..., 0]
        summed["local"] = summed["local"] + yuan
        new = _new(without, yuan, heads)
        table = pd.concat([table, new], ignore_index=True) if len(table) else new
    if isinstance(proposal.bears, Bears):
        whole = summed["centre"] + summed["province"] + summed["local"]
        summed = {name: whole * getattr(proposal.bears, name) for name in LEVELS}
    return Cost(summed["centre"], summed["province"], summed["local"], building, table)


def widened(proposal: Proposal, level: float, asked: Posed, kept: Kept) -> Array:
    """Share of clients served [Y,R,H,S] when coverage is raised `level` of the way from what is held to the proposal's; what is held elsewhere."""
    goal = kept.provision.copy()
    years = np.array(asked.inputs.horizon.labels)
    for code, share in proposal.coverage.items():
        s = asked.needed.services.index(code)
        aim = np.minimum(path_at(share, years), 1.0)[:, None, None]
        step = level * np.maximum(aim - kept.provision[..., s], 0.0)
        goal[..., s] += np.where((years >= proposal.start)[:, None, None], np.minimum(step, 1.0 - np.minimum(kept.provision[..., s], 1.0)), 0.0)
    return goal


def places_for(proposal: Proposal, asked: Posed, more: Array, on: Array) -> tuple[Array, Array]:
    """Places and staff [Y,R,K] for a further share `more` of the clients, and the yuan [Y,R] of making them.

    Each is paid in the year in which it is first needed, and again for what retires; places that stand empty are not counted on.
    """
    now, resources = horizon_of(asked), asked.inputs.supply.resources
    codes = [resource.code for resource in resources]
    extra = np.zeros((len(asked.inputs.horizon), len(asked.inputs.regions), len(resources)))
    heads = (asked.needed.clients[now] * more).sum(axis=2)
    for service, resource, units in asked.inputs.supply.requires_planned:
        extra[..., codes.index(resource)] += units * heads[..., asked.needed.services.index(service)]
    before = np.concatenate([np.zeros_like(extra[:1]), extra[:-1]])
    made = np.maximum(extra - before * (1.0 - np.array([r.retire_rate for r in resources])), 0.0)
    price = asked.inputs.demand.price_index[now][:, None, None] * np.array([r.build_cost for r in resources])
    return extra, (made * price * on).sum(axis=2)


def begun(proposal: Proposal, level: float, asked: Posed) -> tuple[Array, Array]:
    """Yuan and clients [Y,R] of a service that the catalogue does not have, at `level` of its amount a client."""
    new = proposal.service
    assert new is not None
    now, demand = horizon_of(asked), asked.inputs.demand
    ages = slice(new.age_from, new.age_to + 1)
    homes = slice(None) if new.residence == "all" else slice(RESIDENCES.index(new.residence), RESIDENCES.index(new.residence) + 1)
    sexes = slice(None) if new.sex == "all" else slice(SEXES.index(new.sex), SEXES.index(new.sex) + 1)
    heads = asked.population.persons[now][:, :, homes, sexes, ages].sum(axis=(2, 3, 4)) * new.rate
    index = new.wage_share * demand.wage_index + (1.0 - new.wage_share) * demand.price_index
    at = asked.inputs.years.index(min(max(new.prices_of, asked.inputs.years.labels[0]), asked.inputs.years.labels[-1]))
    unit = new.yuan * (index / index[at])[now][:, None] * demand.cost_difference.mean(axis=1)[None]
    return level * heads * unit, heads


def _services(asked: Posed, yuan: Array, heads_0: Array, heads_1: Array, unit_0: Array, unit_1: Array, on: Array) -> pd.DataFrame:
    """Rows of the services that the proposal moves."""
    years, regions, services = asked.inputs.horizon, asked.inputs.regions, asked.needed.services
    moved = np.argwhere((np.abs(yuan) > 0.5) & (on > 0))
    national = asked.needed.national_cost[horizon_of(asked)]
    figures = (heads_0, heads_1, national, unit_0, unit_1, yuan)
    rows = [(years.labels[y], regions.labels[r], services.labels[s], *(one[y, r, s] for one in figures)) for y, r, s in moved]
    return pd.DataFrame(rows, columns=SERVICE_COLUMNS)


def _new(asked: Posed, yuan: Array, heads: Array) -> pd.DataFrame:
    rows = [
        (year, region, NEW, 0.0, heads[y, r], 0.0, 0.0, yuan[y, r] / heads[y, r] if heads[y, r] > 0 else 0.0, yuan[y, r])
        for y, year in enumerate(asked.inputs.horizon)
        for r, region in enumerate(asked.inputs.regions)
        if yuan[y, r] > 0
    ]
    return pd.DataFrame(rows, columns=SERVICE_COLUMNS)
