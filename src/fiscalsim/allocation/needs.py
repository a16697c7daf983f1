"""What the equalisation formula looks at, worked out from the stages: average standards times people, never a region's own spending.

Standard expenditure is what a region's people would cost if it served and paid like the pack as a whole; the pack's totals are the published ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from fiscalsim.allocation.rules import Needs, Steps, cost_coefficient, formula, per_head, standard_revenue, status_quo
from fiscalsim.errors import InputError
from fiscalsim.quantities import Array, Demand, FiscalCapacity, StageInputs, tidy

OUTSIDE = "outside"  # what lies outside the catalogue: administration, wages, other functions


def tax_base(inputs: StageInputs) -> Array:
    """Gross product of the base year [R], yuan; nan where none is published.

    A figure for several regions (a city whose counties are the regions) is split by their own revenue; the smallest group that has one counts.
    """
    rows = inputs.published[(inputs.published["item"] == "gdp") & (inputs.published["year"] == inputs.info.base_year)]
    own = inputs.fiscal.own_revenue[0]
    found, size = np.full(len(inputs.regions), np.nan), np.full(len(inputs.regions), len(inputs.regions))
    for value, leaves in zip(rows["value"], rows["leaves"], strict=True):
        group = [inputs.regions.index(leaf) for leaf in str(leaves).split(";")]
        for r in group:
            if len(group) < size[r] or len(inputs.regions) == 1:
                found[r], size[r] = float(value) * own[r] / own[group].sum(), len(group)
    return found


def area_factor(inputs: StageInputs) -> Array:
    """[R] product of the factors of the tags that a region has (ethnic, poor); 1 unless a scenario sets one."""
    tags = dict(zip(inputs.info.region_names["region"], inputs.info.region_names["tags"], strict=True))
    found = np.ones(len(inputs.regions))
    for r, region in enumerate(inputs.regions):
        for tag, factor in inputs.rules.choices.tag_factors.items():
            found[r] *= factor if tag in str(tags[region]).split(";") else 1.0
    return found


def average_coverage(inputs: StageInputs, demand: Demand) -> Array:
    """[S] share of those entitled who were served in the base year, the pack as a whole."""
    entitled = demand.clients[0].sum(axis=(0, 1))
    served = (demand.clients[0] * inputs.supply.base_coverage).sum(axis=(0, 1))
    return np.divide(served, entitled, out=np.zeros_like(served), where=entitled > 0)


def needs(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity) -> Needs:
    """Standard expenditure, standard revenue and what goes with them, [Y,R] over the years of `capacity`, yuan.

    Standard expenditure of a budget function = clients x average coverage x national standard x the pack's average price x cost coefficient; the average
    price makes the pack's total of the base year what was spent on the function. Outside the catalogue: residents x the pack's mean per head x coefficient.
    """
    difference = inputs.demand.cost_difference.mean(axis=1)
    coefficient = cost_coefficient(difference, demand.residents[0], inputs.rules.choices.cost_weight, area_factor(inputs))
    covered = demand.clients.sum(axis=2) * average_coverage(inputs, demand)  # [Y,R,S]
    national = inputs.demand.standard[:, None, :] * coefficient[None, :, None]
    price = np.ones(len(inputs.demand.services))
    groups: dict[str, list[int]] = {}
    for s, service in enumerate(inputs.demand.services):
        groups.setdefault(service.function, []).append(s)
    for f, function in enumerate(inputs.fiscal.functions):
        mine = groups.get(function, [])
        modelled = (covered[0] * national[0])[:, mine].sum()
        if modelled > 0:
            price[mine] = inputs.fiscal.function_outturn[:, f].sum() / modelled
    unit = national * price * inputs.demand.standard_multiple[:, None, :]
    cost = covered * unit
    weighted = demand.residents * coefficient[None]

    def by_head(total: Array) -> Array:
        return weighted * (total.sum(axis=1) / weighted.sum(axis=1))[:, None]

    outside = by_head(capacity.first_claims + capacity.other_spending)
    duty = (inputs.demand.upper_share[None] * np.minimum(national, unit) * covered).sum(axis=2)
    within = np.minimum(1.0, capacity.earmarked_pool / np.maximum(duty.sum(axis=1), 1.0))
    floor = np.array([service.floor for service in inputs.demand.services])
    livelihood = (demand.clients.sum(axis=2) * np.minimum(floor, average_coverage(inputs, demand)) * unit).sum(axis=2)
    return Needs(
        functions=(*groups, OUTSIDE),
        expenditure=np.stack([*(cost[..., mine].sum(axis=2) for mine in groups.values()), outside], axis=2),
        revenue=standard_revenue(tax_base(inputs), capacity.own_revenue),
        earmarked=duty * within[:, None],
        necessary=by_head(capacity.first_claims) + livelihood,
        own_revenue=capacity.own_revenue,
        residents=demand.residents,
    )


def general_by_rule(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity) -> Array:
    """General grants [Y,R] of the scenario's transfer rule, yuan."""
    rule = inputs.rules.transfer_rule
    if rule == "status-quo":
        return status_quo(capacity.general_pool, capacity.base_general)
    if rule == "per-head":
        return per_head(capacity.general_pool, demand.residents)
    if rule == "formula":
        return formula(needs(inputs, demand, capacity), capacity.general_pool, capacity.base_general, inputs.rules.choices).general
    raise InputError(f"transfer rule {rule!r} is not one of optimal, formula, per-head, status-quo")


def under_rule(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity) -> FiscalCapacity:
    """The capacity with the scenario's rule applied; as it is where the allocation shares the pool out.

    General grants have no stated use (art. 3), so what a region gets more or less than its share of today it spends like the rest of its money: spending
    outside the catalogue moves in the base year's proportion, never below nothing, and only the rest reaches the catalogue. The base year keeps its figures.
    """
    if inputs.rules.transfer_rule == "optimal":
        return capacity
    general = general_by_rule(inputs, demand, capacity)
    lines = ["own_revenue", "transfers_usual", "first_claims", "debt_interest", "reserve"]
    rows = capacity.waterfall[capacity.waterfall["item"].isin(lines)]
    remaining = rows.groupby(["year", "region"], sort=False)["yuan"].sum().to_numpy().reshape(general.shape)
    part = np.divide(capacity.other_spending, remaining, out=np.zeros_like(remaining), where=remaining > 0)
    more = part * (general - status_quo(capacity.general_pool, capacity.base_general))
    more[0] = 0.0
    other = np.maximum(capacity.other_spending + more, 0.0)
    freed = capacity.other_spending - other
    waterfall = capacity.waterfall.copy()
    for item in ("other_spending", "available_usual"):
        mine = waterfall["item"] == item
        waterfall.loc[mine, "yuan"] = waterfall.loc[mine, "yuan"].to_numpy() + freed.reshape(-1)
    return replace(capacity, means=capacity.means + freed, other_spending=other, waterfall=waterfall, rule_general=general)


def equalisation_table(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity) -> pd.DataFrame:
    """year, region, item, value: the formula step by step from the year after the base year on, whatever rule the scenario has.

    Items in yuan: standard_expenditure.<function>, standard_revenue, earmarked_standard, necessary, fixed, gap, equalisation, guarantee, reward, general;
    pure numbers: difficulty, coefficient.
    """
    looked_at = needs(inputs, demand, capacity)
    steps: Steps = formula(looked_at, capacity.general_pool, capacity.base_general, inputs.rules.choices)
    items = {f"standard_expenditure.{name}": looked_at.expenditure[..., f] for f, name in enumerate(looked_at.functions)}
    items |= {"standard_revenue": looked_at.revenue, "earmarked_standard": looked_at.earmarked, "necessary": looked_at.necessary}
    items |= {"fixed": steps.fixed, "gap": steps.gap, "difficulty": steps.hard, "coefficient": steps.coefficient, "equalisation": steps.equalisation}
    items |= {"guarantee": steps.guarantee, "reward": steps.reward, "general": steps.general}
    axes = {"year": demand.years, "region": demand.regions}
    table = pd.concat([tidy(values, axes, "value").assign(item=item) for item, values in items.items()], ignore_index=True)
    return table.loc[table["year"] > inputs.info.base_year, ["year", "region", "item", "value"]].reset_index(drop=True)
