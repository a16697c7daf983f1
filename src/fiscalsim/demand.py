"""Who needs each service, place by place and year by year, and what serving them costs.

One matrix product turns people into clients; standards, regional cost and wages turn clients into yuan; the base year's
published spending calibrates the yuan. Knows nothing of who pays or of what is decided.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.axes import RESIDENCE, Axis
from fiscalsim.errors import ModelError
from fiscalsim.quantities import Array, Components, Demand, DemandInputs, Population, SupplyInputs


def clients(population: Population, components: Components, inputs: DemandInputs) -> Array:
    """Clients entitled [Y,R,H,S], for every year of the population axis.

    Births and deaths of the base year are not projected: the children under one at its end, and the deaths of the first
    projected year, stand for them.
    """
    persons = population.persons
    years, regions = persons.shape[:2]
    people = persons.reshape(years, regions, 2, -1)
    need = inputs.need.reshape(2, people.shape[-1], -1)
    found = np.stack([people[:, :, h].reshape(years * regions, -1) @ need[h] for h in range(2)], axis=1)
    found = found.reshape(years, regions, 2, -1)
    births = np.concatenate([persons[:1, :, :, :, 0].sum(axis=3), components.births])
    deaths = np.concatenate([components.deaths[:1], components.deaths])
    households = people.sum(axis=3) / inputs.household_size[:, :, None]
    for count, rate in ((births, inputs.need_per_birth), (deaths, inputs.need_per_death), (households, inputs.need_per_household)):
        found += count[..., None] * rate[None, None]
    codes = [service.code for service in inputs.services]
    for code in inputs.pension_services:
        s = codes.index(code)
        found[..., s] -= np.einsum("yrhxa,ya,hxa->yrh", persons, inputs.held_back[:years], inputs.need[..., s])
    found *= entitled_share(inputs, years) * inputs.client_multiple[:years, None, None]
    for code in inputs.care_services:
        s = codes.index(code)
        found[..., s] *= inputs.care_need[:, None, None]
    return found


def entitled_share(inputs: DemandInputs, years: int) -> Array:
    """Share of the people in need who are entitled where they live [Y,R,H,S].

    A `hukou` service counts those with local hukou, and the part of the others to whom it has been opened; a `resident` service adds the covered
    part of the others; a `served` one counts all.
    """
    local = 1.0 - inputs.non_local_share
    covered = local[None] + inputs.non_local_share[None] * inputs.resident_coverage[:years, None, None]
    share = np.ones((years, *local.shape, len(inputs.services)))
    for s, service in enumerate(inputs.services):
        if service.basis == "hukou":
            share[..., s] = local[None] + inputs.non_local_share[None] * inputs.opened[:years, s, None, None]
        elif service.basis == "resident":
            share[..., s] = covered
    return share


def place_capacity(inputs: DemandInputs, supply: SupplyInputs, capacity: Array) -> Array:
    """Clients that the places of each service could serve [...,R,S] out of `capacity` [...,R,K]; zero where none are needed."""
    served = np.zeros((*capacity.shape[:-1], len(inputs.services)))
    kinds = {resource.code: (k, resource.kind) for k, resource in enumerate(supply.resources)}
    for s, service in enumerate(inputs.services):
        for code, resource, units in supply.requires:
            if code == service.code and kinds[resource][1] == "place":
                served[..., s] = capacity[..., kinds[resource][0]] / units
                break
    return served


def recurrent_cost(inputs: DemandInputs, unit_cost: Array, clients_served: Array, places: Array) -> Array:
    """Yuan a year [...,R,S]: the part that follows clients, and the part that follows places, which an empty school still costs."""
    fixed = np.array([service.fixed_share for service in inputs.services])
    has_places = places > 0
    following = np.where(has_places, fixed, 0.0)
    return unit_cost * ((1.0 - following) * clients_served + following * places)


def demand(population: Population, components: Components, inputs: DemandInputs, supply: SupplyInputs, outturn: Array, functions: Axis) -> Demand:
    """Clients and unit costs, calibrated so that the base year costs what was spent on each budget function.

    `outturn` [R,F] is the published spending of the base year in yuan. A function without any service keeps its money outside the catalogue.
    """
    found = clients(population, components, inputs)
    at_home, found = found, care_elsewhere(found, inputs, supply)
    services = Axis("service", tuple(service.code for service in inputs.services))
    national = inputs.standard[:, None, :] * inputs.cost_difference[None]
    served = (found[0] * supply.base_coverage).sum(axis=1)
    places = place_capacity(inputs, supply, supply.capacity)
    base_cost = recurrent_cost(inputs, national[0], served, places)
    factors, rows = np.ones(base_cost.shape), []
    for f, function in enumerate(functions):
        mine = [s for s, service in enumerate(inputs.services) if service.function == function]
        if not mine:
            continue
        modelled = base_cost[:, mine].sum(axis=1)
        for r, region in enumerate(population.regions):
            if modelled[r] <= 0 or outturn[r, f] <= 0:
                raise ModelError(f"calibration of {function} in {region}: modelled {modelled[r]:.0f} yuan against {outturn[r, f]:.0f} published")
            factors[r, mine] = outturn[r, f] / modelled[r]
            rows.append((region, function, modelled[r], outturn[r, f], outturn[r, f] / modelled[r]))
    table = pd.DataFrame(rows, columns=["region", "function", "modelled_yuan", "published_yuan", "factor"])
    standard = national * factors[None] * inputs.standard_multiple[:, None, :]
    # one price a service for the whole pack, so that what some regions earn others pay
    people = at_home.sum(axis=2)
    price = np.divide((people * standard).sum(axis=1), people.sum(axis=1), out=standard.mean(axis=1), where=people.sum(axis=1) > 0)
    towns = population.persons[:, :, RESIDENCE.index("urban")].sum(axis=(2, 3)) / inputs.household_size
    return Demand(
        years=population.years,
        regions=population.regions,
        services=services,
        clients=found,
        standard=standard,
        national_cost=national,
        calibration=table,
        treated_elsewhere=((found - at_home).sum(axis=2) * price[:, None]).sum(axis=2),
        new_households=np.maximum(np.diff(towns, axis=0, prepend=towns[:1]), 0.0),
        residents=population.persons.sum(axis=(2, 3, 4)),
    )


def care_elsewhere(clients: Array, inputs: DemandInputs, supply: SupplyInputs) -> Array:
    """Clients [Y,R,H,S] after a share of those of staffed services went to other regions, which draw them by the staff they have today.

    The sum over regions stays. With one region nobody can go elsewhere.
    """
    regions = clients.shape[1]
    if regions == 1 or not (inputs.care_elsewhere > 0).any():
        return clients
    moved = clients.copy()
    away = 1.0 - np.eye(regions)
    codes = [resource.code for resource in supply.resources]
    for s, service in enumerate(inputs.services):
        staff = [codes.index(resource) for code, resource, _ in supply.requires if code == service.code]
        if service.kind != "staffed" or not staff:
            continue
        leaving = inputs.care_elsewhere[: len(clients), None, None] * clients[..., s]
        pull = away * supply.capacity[:, staff[0]][None]  # from, to
        whole = pull.sum(axis=1, keepdims=True)
        pull = np.divide(pull, whole, out=away / (regions - 1), where=whole > 0)
        moved[..., s] += np.einsum("yrh,rt->yth", leaving, pull) - leaving
    return moved
