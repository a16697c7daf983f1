"""The plan's indicators by their own definitions: base value, path, target, met or missed.

Says what each indicator measures as a linear form over provision and capacity, so that the allocation can aim at it, and evaluates
the same form on any provision and capacity. Binding and expected indicators of such a measure are aimed at (`modelled`), other
computable ones are only `reported`, the rest is `stated`. Knows nothing of money or of how the plan was found.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fiscalsim.axes import AGES, RESIDENCES, Axis
from fiscalsim.quantities import LINEAR, Allocation, Array, Demand, Indicator, Population, StageInputs, TargetForms

ELDERS_FROM = 60
ADULTS_FROM = 16  # who may be insured for a pension (Social Insurance Law, art. 20); pupils and students are not taken out
INSURED_FROM = 20  # who is, when pupils and students are left out: the age from which the insurance funds count contributors
WORKING_TO = 59
FULL = 100.0  # percent, what a rate of compliance ends at
NOT_HIGHER = ("<=", "<")
TOLERANCE = 1e-4  # of the target, so that rounding in the solver does not turn met into missed


def target_of(indicator: Indicator) -> float | None:
    """The number to reach in the target year: the whole scale for `full`, the lower end of a range; None where the plan has none."""
    if indicator.target_op == "full":
        return indicator.scale
    return None if indicator.target_op == "none" else indicator.target_value


def base_of(indicator: Indicator) -> float | None:
    """The printed base value: the whole scale where the plan prints full coverage in words, the bound where it prints an inequality."""
    return indicator.scale if indicator.base_op == "full" else indicator.base_value


def role(indicator: Indicator) -> str:
    """modelled: the allocation aims at it; reported: computed, not aimed at; stated: kept with the reason why it is not computed."""
    if indicator.measure == "stated":
        return "stated"
    aimed = indicator.measure in LINEAR and indicator.nature in ("binding", "expected") and target_of(indicator) is not None
    return "modelled" if aimed else "reported"


def denominator(per: str, population: Population, household_size: Array) -> Array:
    """What an indicator is divided by [Y,R]: residents, households, elders or adults."""
    persons = population.persons
    if per == "":  # a count: divided by one for the whole
        return np.full(persons.shape[:2], 1.0 / persons.shape[1])
    if per == "population":
        return persons.sum(axis=(2, 3, 4))
    if per in ("elders", "adults"):
        return persons[..., list(AGES).index(ELDERS_FROM if per == "elders" else ADULTS_FROM) :].sum(axis=(2, 3, 4))
    if per == "households":
        return persons.sum(axis=(2, 3, 4)) / household_size
    raise KeyError(f"an indicator cannot be divided by {per!r}")


def path(indicator: Indicator, base: float, years: Axis) -> Array:
    """Required value [Y]: a straight line from base to target year, then the target.

    A target that asks for no improvement (not above the base, or for an upper limit not below it) holds at once. A target that sums
    over a period grows by equal yearly parts from nothing.
    """
    target = target_of(indicator)
    if target is None:
        return np.full(len(years), np.nan)
    if indicator.target_from is not None:
        parts = indicator.target_year - indicator.target_from + 1
        return target * np.clip((np.array(years.labels) - indicator.target_from + 1) / parts, 0.0, 1.0)
    if (target >= base) if indicator.target_op in NOT_HIGHER else (target <= base):
        return np.full(len(years), target)
    progress = (np.array(years.labels) - indicator.base_year) / max(1, indicator.target_year - indicator.base_year)
    return base + (target - base) * np.clip(progress, 0.0, 1.0)


def yearly_path(indicator: Indicator, base: float, years: Axis) -> Array:
    """What the indicator of a single year must be [Y]: the path, or the equal yearly part of a target that sums over a period."""
    target = target_of(indicator)
    if target is not None and indicator.target_from is not None:
        return np.full(len(years), target / (indicator.target_year - indicator.target_from + 1))
    return path(indicator, base, years)


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
    """The indicator in the base year, computed from the pack; None where it is not computed, or the printed base is of other years."""
    if indicator.base_year != population.years.labels[0] or indicator.base_from is not None:
        return None
    if indicator.measure in LINEAR:
        clients, capacity = shares(indicator, inputs, population, demand)
        return float((clients[0] * np.minimum(inputs.supply.base_coverage, 1.0)).sum() + (capacity[0] * inputs.supply.capacity).sum())
    if indicator.measure == "count_per":
        people = denominator(indicator.per, population, inputs.demand.household_size)[0].sum()
        return indicator.scale * _counted(indicator, inputs) / people
    if indicator.measure == "compliance":
        households = denominator("households", population, inputs.demand.household_size)[0]
        return _compliance(indicator, _places(indicator, inputs, inputs.supply.capacity), households)
    found = _path_of_facts(indicator, inputs, population, demand)
    return None if found is None or np.isnan(found[0]) else float(found[0])


def _counted(indicator: Indicator, inputs: StageInputs) -> float:
    """Sum of the printed base values of the indicators in `of`."""
    printed = {i.code: i.base_value for i in inputs.indicators}
    return sum(float(printed[code] or 0.0) for code in indicator.of)


def _places(indicator: Indicator, inputs: StageInputs, stock: Array) -> Array:
    """Capacity [...,R] of the resources in `of`, out of `stock` [...,R,K]."""
    resources = [r.code for r in inputs.supply.resources]
    return stock[..., [resources.index(code) for code in indicator.of]].sum(axis=-1)


def _compliance(indicator: Indicator, places: Array, households: Array) -> float:
    """Percent of households [R] with their norm of `places` [R], one per `scale` / 100 households; no region makes up for another. nan without households."""
    whole = households.sum()
    return float(np.minimum(indicator.scale * places, FULL * households).sum() / whole) if whole > 0 else float("nan")


def new_urban_labour(population: Population) -> Array:
    """Persons of 16-59 in towns beyond the year before [Y]: who grew up into that age or came, less who grew out of it, left or died.

    Like the official count of new urban jobs it is net of those who leave work by age. The base year has no year before it: who turned 16 and who
    turned 60 in it are taken from its own ages, net arrivals from the first projected year.
    """
    towns = population.persons[:, :, RESIDENCES.index("urban")].sum(axis=(1, 2))  # [Y,A]
    change = np.diff(towns[:, ADULTS_FROM : WORKING_TO + 1].sum(axis=1))
    arrivals = change[0] - (towns[0, ADULTS_FROM - 1] - towns[0, WORKING_TO])
    return np.concatenate([[towns[0, ADULTS_FROM] - towns[0, WORKING_TO + 1] + arrivals], change])


def _insured_share(indicator: Indicator, inputs: StageInputs, population: Population) -> Array:
    """The insured that the plan counts over residents of 16 and over [Y], each generation as it is insured today and those who grow up like them."""
    grown, adults = (population.persons[..., list(AGES).index(age) :].sum(axis=(1, 2, 3, 4)) for age in (INSURED_FROM, ADULTS_FROM))
    return indicator.scale * _counted(indicator, inputs) * grown / grown[0] / adults


def _path_of_facts(indicator: Indicator, inputs: StageInputs, population: Population, demand: Demand) -> Array | None:
    """What no decision changes [Y]: a standard in yuan, its mean yearly growth since the base year (nan in that year), insured persons, or a fact."""
    if indicator.measure == "insured_share":
        return _insured_share(indicator, inputs, population)
    if indicator.measure == "reported":
        found = inputs.reported_inputs.get(indicator.of[0])
        return None if found is None else indicator.scale * found
    if indicator.measure in ("standard", "standard_growth"):
        service = demand.services.index(indicator.of[0])
        yuan = inputs.demand.standard[:, service] * inputs.demand.standard_multiple[:, service]
        if indicator.measure == "standard":
            return indicator.scale * yuan
        return indicator.scale * np.concatenate([[np.nan], (yuan[1:] / yuan[0]) ** (1.0 / np.arange(1, len(yuan))) - 1.0])
    return None


def target_forms(inputs: StageInputs, population: Population, demand: Demand) -> TargetForms:
    """Linear forms and paths of the indicators that the model decides.

    The path starts at the printed base value, or at the computed one where none is printed. A share of capacity is turned into a difference
    that must not be negative, since both its parts are decided. An upper limit is turned round: minus the form reaches minus the path.
    """
    decided = [i for i in inputs.indicators if role(i) == "modelled"]
    clients, capacity, targets, distances = [], [], [], []
    resources = [r.code for r in inputs.supply.resources]
    for indicator in decided:
        over_clients, over_capacity = shares(indicator, inputs, population, demand)
        printed = base_of(indicator)
        base = printed if printed is not None else float(base_value(indicator, inputs, population, demand) or 0.0)
        required = yearly_path(indicator, base, demand.years)
        final = required[-1]
        if indicator.measure == "capacity_share":
            per = [resources.index(c) for c in indicator.per.split(";")]
            whole = inputs.supply.capacity[:, per].sum()
            over_capacity[:, :, per] -= (required / whole)[:, None, None]
            required = np.zeros(len(required))
        sign = -1.0 if indicator.target_op in NOT_HIGHER else 1.0
        clients.append(sign * over_clients)
        capacity.append(sign * over_capacity)
        targets.append(sign * required)
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
    """The indicator for the plan as a whole over the horizon [Y], summed from target_from where its target sums; None where not computed."""
    first = demand.years.index(allocation.years.labels[0])
    now = slice(first, first + len(allocation.years))
    if indicator.measure == "compliance":
        opened = _places(indicator, inputs, allocation.opened + allocation.converted_in).cumsum(axis=0)
        return np.array([_compliance(indicator, *pair) for pair in zip(opened, demand.new_households.cumsum(axis=0)[now], strict=True)])
    if indicator.measure not in LINEAR:
        found = _path_of_facts(indicator, inputs, population, demand)
        return None if found is None else _summed(indicator, found[now], allocation.years)
    clients, capacity = shares(indicator, inputs, population, demand)
    stock = allocation.stock
    if indicator.measure == "capacity_share":
        resources = [r.code for r in inputs.supply.resources]
        whole = inputs.supply.capacity[:, [resources.index(c) for c in indicator.per.split(";")]].sum()
        now_whole = stock[:, :, [resources.index(c) for c in indicator.per.split(";")]].sum(axis=(1, 2))
        return (capacity[now] * stock).sum(axis=(1, 2)) * whole / now_whole
    value = (clients[now] * np.minimum(allocation.provision, 1.0)).sum(axis=(1, 2, 3)) + (capacity[now] * stock).sum(axis=(1, 2))
    return _summed(indicator, value, allocation.years)


def _summed(indicator: Indicator, yearly: Array, years: Axis) -> Array:
    """The running total from the first year that the target sums over, or the yearly values [Y] as they are."""
    if indicator.target_from is None:
        return yearly
    return np.cumsum(np.where(np.array(years.labels) >= indicator.target_from, yearly, 0.0))


def status(indicator: Indicator, found: Array | None, years: Axis) -> tuple[str, int | None]:
    """met, met_early, maintained, missed or not_computable, and the first year from which the target holds.

    More than (>) is read as not less than, less than (<) as not more than, both to rounding; a range is met from its lower end on.
    """
    target, base = target_of(indicator), base_of(indicator)
    if found is None or target is None or indicator.target_year not in years.labels:
        return "not_computable", None
    slack = TOLERANCE * max(1.0, abs(target))
    upper = indicator.target_op in NOT_HIGHER
    holds = found <= target + slack if upper else found >= target - slack
    at_target = years.index(indicator.target_year)
    since = next((years.labels[i] for i in range(len(years)) if holds[i]), None)
    if not holds[at_target]:
        later = next((years.labels[i] for i in range(at_target, len(years)) if holds[i]), None)
        return "missed", later
    if base is not None and indicator.target_from is None and (target >= base if upper else target <= base):
        return "maintained", since
    return ("met_early" if since is not None and since < indicator.target_year else "met"), since


def indicator_table(inputs: StageInputs, population: Population, demand: Demand, allocation: Allocation) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `indicators` (indicator, region, year, value, target, nature, status) and `indicator_names` (definition, base check, year met).

    A statement of the plan's text that is not computed stands in `indicator_names` only.
    """
    rows, names = [], []
    for indicator in inputs.indicators:
        found = values(indicator, inputs, population, demand, allocation)
        word, since = status(indicator, found, allocation.years)
        computed, printed, target = base_value(indicator, inputs, population, demand), base_of(indicator), target_of(indicator)
        base = printed if printed is not None else computed
        required = None if base is None or target is None else path(indicator, base, allocation.years)
        kept = [] if role(indicator) == "stated" and indicator.nature == "stated" else enumerate(allocation.years)
        for y, year in kept:
            value = np.nan if found is None else found[y]
            rows.append((indicator.code, "plan", year, value, np.nan if required is None else required[y], indicator.nature, word))
        names.append(
            {
                "indicator": indicator.code,
                "name_zh": indicator.name_zh,
                "name_en": indicator.name_en,
                "unit_zh": indicator.unit_zh,
                "unit_en": indicator.unit_en,
                "domain": indicator.domain,
                "nature": indicator.nature,
                "measure": indicator.measure,
                "base_year": indicator.base_year,
                "base_printed": printed,
                "base_computed": computed,
                "target_year": indicator.target_year,
                "target_op": indicator.target_op,
                "target_value": target,
                "status": word,
                "year_met": since,
                "quote": indicator.quote,
                "source": indicator.source,
                "note": indicator.note,
                "role": role(indicator),
                "in_table": indicator.in_table,
                "of": ";".join(indicator.of),
                "per": indicator.per,
                "scale": indicator.scale,
                "base_op": indicator.base_op,
                "base_from": indicator.base_from,
                "target_high": indicator.target_high,
                "target_from": indicator.target_from,
                "against": ";".join(indicator.against),
                "choice": indicator.choice,
            }
        )
    columns = ["indicator", "region", "year", "value", "target", "nature", "status"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(names)
