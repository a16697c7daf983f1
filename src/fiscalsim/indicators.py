"""The plan's indicator table by its own definitions: base value, path, target, met or missed.

Says what each indicator measures as a linear form over provision and capacity, so that the allocation can aim at it, and evaluates
the same form on any provision and capacity. Knows nothing of money or of how the plan was found.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.axes import AGES, Axis
from fiscalsim.quantities import Allocation, Array, Demand, Indicator, Population, StageInputs, TargetForms

ELDERS_FROM = 60
MODELLED = ("coverage", "clients_per", "capacity_per", "capacity_total", "capacity_share")
TOLERANCE = 1e-4  # of the target, so that rounding in the solver does not turn met into missed


def denominator(per: str, population: Population, household_size: Array) -> Array:
    """What an indicator is divided by [Y,R]: residents, households or elders."""
    persons = population.persons
    if per == "":  # a count: divided by one for the whole
        return np.full(persons.shape[:2], 1.0 / persons.shape[1])
    if per == "population":
        return persons.sum(axis=(2, 3, 4))
    if per == "elders":
        return persons[..., list(AGES).index(ELDERS_FROM) :].sum(axis=(2, 3, 4))
    if per == "households":
        return persons.sum(axis=(2, 3, 4)) / household_size
    raise KeyError(f"an indicator cannot be divided by {per!r}")


def path(indicator: Indicator, base: float, years: Axis) -> Array:
    """Required value [Y]: a straight line from base to target year, then the target; a target below the base holds at once."""
    target = indicator.scale if indicator.target_op == "full" else float(indicator.target_value or 0.0)
    if target <= base:
        return np.full(len(years), target)
    progress = (np.array(years.labels) - indicator.base_year) / max(1, indicator.target_year - indicator.base_year)
    return base + (target - base) * np.clip(progress, 0.0, 1.0)


def shares(indicator: Indicator, inputs: StageInputs, population: Population, demand: Demand) -> tuple[Array, Array]:
    """The indicator's numerator as weights over clients [Y,R,H,S] (times provision) and capacity [Y,R,K], divided by its denominator for the whole plan."""
    years, regions, _, services = demand.clients.shape
    resources = [r.code for r in inputs.supply.resources]
    over_clients, over_capacity = np.zeros(demand.clients.shape), np.zeros((years, regions, len(resources)))
    if indicator.measure in ("coverage", "clients_per"):
        mine = [demand.services.index(code) for code in indicator.of]
        total = demand.clients[..., mine].sum(axis=(1, 2, 3))
        if indicator.measure == "clients_per":
            total = denominator(indicator.per, population, inputs.demand.household_size).sum(axis=1)
        over_clients[..., mine] = indicator.scale * demand.clients[..., mine] / total[:, None, None, None]
    else:
        mine = [resources.index(code) for code in indicator.of]
        if indicator.measure == "capacity_per":
            total = denominator(indicator.per, population, inputs.demand.household_size).sum(axis=1)
        elif indicator.measure == "capacity_share":
            total = np.full(years, inputs.supply.capacity[:, [resources.index(c) for c in indicator.per.split(";")]].sum())
        else:
            total = np.ones(years)
        over_capacity[:, :, mine] = (indicator.scale / total)[:, None, None]
    return over_clients, over_capacity


def base_value(indicator: Indicator, inputs: StageInputs, population: Population, demand: Demand) -> float | None:
    """The indicator in the base year, computed from the pack; None where it is not modelled."""
    if indicator.measure not in MODELLED:
        return None
    clients, capacity = shares(indicator, inputs, population, demand)
    return float((clients[0] * np.minimum(inputs.supply.base_coverage, 1.0)).sum() + (capacity[0] * inputs.supply.capacity).sum())


def target_forms(inputs: StageInputs, population: Population, demand: Demand) -> TargetForms:
    """Linear forms and paths of the indicators that the model decides.

    The path starts at the printed base value, or at the computed one where none is printed. A share of capacity is turned into a difference
    that must not be negative, since both its parts are decided.
    """
    decided = [
        i for i in inputs.indicators if i.measure in MODELLED and i.nature in ("binding", "expected") and (i.target_value is not None or i.target_op == "full")
    ]
    clients, capacity, targets, distances = [], [], [], []
    resources = [r.code for r in inputs.supply.resources]
    for indicator in decided:
        over_clients, over_capacity = shares(indicator, inputs, population, demand)
        computed = base_value(indicator, inputs, population, demand)
        base = indicator.base_value if indicator.base_value is not None else float(computed or 0.0)
        required = path(indicator, base, demand.years)
        final = required[-1]
        if indicator.measure == "capacity_share":
            per = [resources.index(c) for c in indicator.per.split(";")]
            whole = inputs.supply.capacity[:, per].sum()
            over_capacity[:, :, per] -= (required / whole)[:, None, None]
            required = np.zeros(len(required))
        clients.append(over_clients)
        capacity.append(over_capacity)
        targets.append(required)
        distances.append(abs(final - base) if abs(final - base) > 0.01 * abs(final) else abs(final))
    stack = np.stack
    return TargetForms(
        codes=tuple(i.code for i in decided),
        clients=stack(clients, axis=1) if clients else np.zeros((len(demand.years), 0, *demand.clients.shape[1:])),
        capacity=stack(capacity, axis=1) if capacity else np.zeros((len(demand.years), 0, len(inputs.regions), len(resources))),
        target=stack(targets, axis=1) if targets else np.zeros((len(demand.years), 0)),
        distance=np.array(distances),
        binding=np.array([i.nature == "binding" for i in decided], dtype=bool),
    )


def values(indicator: Indicator, inputs: StageInputs, population: Population, demand: Demand, allocation: Allocation) -> Array | None:
    """The indicator for the plan as a whole over the horizon [Y]; None where it cannot be computed."""
    first = demand.years.index(allocation.years.labels[0])
    now = slice(first, first + len(allocation.years))
    if indicator.measure == "reported":
        found = inputs.reported_inputs.get(indicator.of[0]) if indicator.of else None
        return None if found is None else found[now]
    if indicator.measure not in MODELLED:
        return None
    clients, capacity = shares(indicator, inputs, population, demand)
    value = (clients[now] * np.minimum(allocation.provision, 1.0)).sum(axis=(1, 2, 3))
    stock = allocation.stock
    if indicator.measure == "capacity_share":
        resources = [r.code for r in inputs.supply.resources]
        whole = inputs.supply.capacity[:, [resources.index(c) for c in indicator.per.split(";")]].sum()
        now_whole = stock[:, :, [resources.index(c) for c in indicator.per.split(";")]].sum(axis=(1, 2))
        return (capacity[now] * stock).sum(axis=(1, 2)) * whole / now_whole
    return value + (capacity[now] * stock).sum(axis=(1, 2))


def status(indicator: Indicator, found: Array | None, years: Axis) -> tuple[str, int | None]:
    """met, met_early, maintained, missed or not_computable, and the first year from which the target holds."""
    target = indicator.scale if indicator.target_op == "full" else indicator.target_value
    if found is None or target is None or indicator.target_year not in years.labels:
        return "not_computable", None
    slack = TOLERANCE * max(1.0, abs(target))
    holds = found <= target + slack if indicator.target_op == "<=" else found >= target - slack
    at_target = years.index(indicator.target_year)
    since = next((years.labels[i] for i in range(len(years)) if holds[i]), None)
    if not holds[at_target]:
        later = next((years.labels[i] for i in range(at_target, len(years)) if holds[i]), None)
        return "missed", later
    if indicator.base_value is not None and indicator.target_op != "<=" and target <= indicator.base_value:
        return "maintained", since
    return ("met_early" if since is not None and since < indicator.target_year else "met"), since


def indicator_table(inputs: StageInputs, population: Population, demand: Demand, allocation: Allocation) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `indicators` (indicator, region, year, value, target, nature, status) and `indicator_names` (definition, base check, year met)."""
    rows, names = [], []
    for indicator in inputs.indicators:
        found = values(indicator, inputs, population, demand, allocation)
        word, since = status(indicator, found, allocation.years)
        computed = base_value(indicator, inputs, population, demand)
        base = indicator.base_value if indicator.base_value is not None else computed
        required = None if base is None or (indicator.target_value is None and indicator.target_op != "full") else path(indicator, base, allocation.years)
        for y, year in enumerate(allocation.years):
            value = np.nan if found is None else found[y]
            rows.append((indicator.code, "plan", year, value, np.nan if required is None else required[y], indicator.nature, word))
        target = indicator.scale if indicator.target_op == "full" else indicator.target_value
        names.append(
            (
                indicator.code,
                indicator.name_zh,
                indicator.name_en,
                indicator.unit_zh,
                indicator.unit_en,
                indicator.domain,
                indicator.nature,
                indicator.measure,
                indicator.base_year,
                indicator.base_value,
                computed,
                indicator.target_year,
                indicator.target_op,
                target,
                word,
                since,
                indicator.quote,
                indicator.source,
                indicator.note,
            )
        )
    columns = ["indicator", "region", "year", "value", "target", "nature", "status"]
    definition = [
        "indicator",
        "name_zh",
        "name_en",
        "unit_zh",
        "unit_en",
        "domain",
        "nature",
        "measure",
        "base_year",
        "base_printed",
        "base_computed",
        "target_year",
        "target_op",
        "target_value",
        "status",
        "year_met",
        "quote",
        "source",
        "note",
    ]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(names, columns=definition)
