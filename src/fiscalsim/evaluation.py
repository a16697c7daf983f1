"""What a yearly evaluation of a plan reports beside its indicators: how much goes to livelihood, what it reaches, how evenly, and what was carried out.

Every figure is computed from a run's own arrays; nothing here feeds back into the plan.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.quantities import Allocation, Array, Demand, FiscalCapacity, Population, StageInputs

EVEN = 0.95  # an area counts as even with the plan from this share of the plan's mean coverage on


def variation(values: Array, weights: Array) -> Array:
    """Coefficient of variation over the last axis, weighted; 0 where all are alike or nothing is there."""
    whole = weights.sum(axis=-1, keepdims=True)
    share = np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0)
    mean = (share * values).sum(axis=-1)
    spread = np.sqrt((share * (values - mean[..., None]) ** 2).sum(axis=-1))
    return np.divide(spread, mean, out=np.zeros_like(mean), where=mean > 0)


def mean_coverage(clients: Array, provision: Array, axes: tuple[int, ...]) -> Array:
    """Coverage (at most one) by clients, over `axes` of [Y,R,H,S], then the mean over services that have clients."""
    served, entitled = (clients * np.minimum(provision, 1.0)).sum(axis=axes), clients.sum(axis=axes)
    share = np.divide(served, entitled, out=np.full_like(served, np.nan), where=entitled > 0)
    return np.nanmean(share, axis=-1)


def evaluation(
    inputs: StageInputs, population: Population, needed: Demand, money: FiscalCapacity, plan: Allocation, replayed: pd.DataFrame | None
) -> pd.DataFrame:
    """Table `evaluation`: year, region (`plan` for the whole), measure, value. Shares and ratios are pure numbers, `_yuan` are yuan.

    livelihood_share: catalogue spending in all spending. spending_per_head_yuan; its variation and largest over smallest between regions.
    means_per_head_variation: of what regions have after transfers. coverage: mean over services. coverage_variation between regions;
    country_to_town: coverage there over coverage in towns. even_share: areas and services within 5 % of the plan's mean coverage or above it.
    coverage_per_1000_yuan a head. idle_places and unmet_clients: shares. delivered_share: served in the replay over served in the plan.
    """
    first = money.years.index(plan.years.labels[0])
    now = slice(first, first + len(plan.years))
    people = population.persons[now].sum(axis=(2, 3, 4))
    catalogue = plan.recurrent.sum(axis=(2, 3)) + plan.capital.sum(axis=2)
    outside = (money.first_claims + money.debt_interest + money.other_spending)[now] - plan.unpaid + plan.interest
    per_head = catalogue / people
    grants = plan.general + plan.earmarked.sum(axis=2)
    clients = needed.clients[now]
    by_region = mean_coverage(clients, plan.provision, (2,))
    whole = mean_coverage(clients, plan.provision, (1, 2))
    by_residence = mean_coverage(clients, plan.provision, (1,))
    plan_mean = np.divide(plan.served.sum(axis=(1, 2)), clients.sum(axis=(1, 2)), out=np.zeros(plan.served.shape[::3]), where=clients.sum(axis=(1, 2)) > 0)
    there = clients >= 0.5
    even = there & (plan.provision >= EVEN * np.minimum(plan_mean, 1.0)[:, None, None])
    places = [k for k, resource in enumerate(inputs.supply.resources) if resource.kind == "place"]
    used = np.zeros(plan.stock.shape)
    codes = [resource.code for resource in inputs.supply.resources]
    for service, resource, units in inputs.supply.requires_planned:
        used[..., codes.index(resource)] += units * plan.served[..., plan.services.index(service)].sum(axis=2)
    room = (plan.stock + plan.bought)[..., places]
    full = np.divide(used[..., places].sum(axis=1), room.sum(axis=1), out=np.ones(room.shape[::2]), where=room.sum(axis=1) > 0)
    unmet = (clients * np.maximum(1.0 - plan.provision, 0.0)).sum(axis=(1, 2))
    regions = {
        "livelihood_share": catalogue / (catalogue + outside),
        "spending_per_head_yuan": per_head,
        "coverage": by_region,
        "coverage_per_1000_yuan": by_region / per_head * 1000.0,
    }
    total = catalogue.sum(axis=1) / people.sum(axis=1)
    plans = {
        "livelihood_share": catalogue.sum(axis=1) / (catalogue + outside).sum(axis=1),
        "spending_per_head_yuan": total,
        "spending_per_head_variation": variation(per_head, people),
        "spending_per_head_ratio": per_head.max(axis=1) / per_head.min(axis=1),
        "means_per_head_variation": variation((money.own_revenue[now] + grants) / people, people),
        "coverage": whole,
        "coverage_variation": variation(by_region, people),
        "country_to_town": by_residence[:, 1] / by_residence[:, 0],
        "even_share": even.sum(axis=(1, 2, 3)) / there.sum(axis=(1, 2, 3)),
        "coverage_per_1000_yuan": whole / total * 1000.0,
        "idle_places": 1.0 - full.mean(axis=1) if places else np.zeros(len(plan.years)),
        "unmet_clients": unmet.sum(axis=1) / clients.sum(axis=(1, 2, 3)),
    }
    if replayed is not None:
        services = replayed[replayed["kind"] == "service"].groupby("year")[["planned", "served"]].sum().reindex(list(plan.years))
        plans["delivered_share"] = (services["served"] / services["planned"]).to_numpy(float)
    parts = [
        pd.DataFrame(
            {
                "year": np.repeat(plan.years.labels, len(plan.regions)),
                "region": np.tile(np.array(plan.regions.labels, dtype=object), len(plan.years)),
                "measure": name,
                "value": values.reshape(-1),
            }
        )
        for name, values in regions.items()
    ]
    parts += [pd.DataFrame({"year": plan.years.labels, "region": "plan", "measure": name, "value": values}) for name, values in plans.items()]
    return pd.concat(parts, ignore_index=True)
