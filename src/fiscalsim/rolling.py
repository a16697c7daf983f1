"""The plan drawn up anew every few years from what was really built and paid: the replay's capacity and carry-over are the next plan's start.

Plans and replays are asked for through functions; knows neither a solver nor SimPy, and nothing of scenarios or tables of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import pandas as pd

from fiscalsim.axes import Axis
from fiscalsim.quantities import Allocation, Array, Demand, FiscalCapacity, StageInputs

FRAMES = ("shortfalls", "limits", "shadow_prices")
AXES = ("years", "regions", "services", "resources")


@dataclass(frozen=True)
class Played:
    """What a replay tells the next plan: means over its replications."""

    table: pd.DataFrame  # the replay's yearly rows
    projects: pd.DataFrame  # one row an order and replication
    summary: pd.DataFrame


@dataclass(frozen=True)
class Rolled:
    """The plan put together from its revisions."""

    plan: Allocation
    money: FiscalCapacity  # with what each revision found in the books
    behind: Array  # [Y,R,K] places counted on by earlier plans and not yet open when the year is replayed
    compared: pd.DataFrame  # year, service, promised, arrived (the first plan), revised, arrived_revised


Plans = Callable[[StageInputs, FiscalCapacity], Allocation]
Replays = Callable[[Allocation, Array], Played]


def roll(inputs: StageInputs, needed: Demand, money: FiscalCapacity, first: Allocation, every: int, plans: Plans, replays: Replays) -> Rolled:
    """Replay, see what stands and what is left in the books after `every` years, plan the rest of the horizon from there, and so on.

    `plans` allocates from the start that its inputs describe; `replays` plays a plan, with the places that are behind. What is under way opens in
    the next plan's eyes when the replay says; what unfinished projects lack, and what is still to be paid for them, is a claim on its first budget.
    """
    plan, behind = first, np.zeros_like(first.stock)
    years = first.years.labels
    before = played = replays(plan, behind)
    for at in range(every, len(years), every):
        late, under_way, vacant = arrears(plan, played.projects, played.table, at)
        standing = np.maximum(plan.stock[at - 1] - late[at - 1] - vacant, 0.0)
        kept, owed = books(inputs, plan, played.table, at)
        debt = plan.bond[:at].sum(axis=0)
        y0 = money.years.index(years[at])
        means = money.means.copy()
        means[y0] += kept - owed[at] + plan.carried[at - 1]
        for i in range(at + 1, len(years)):
            means[y0 + i - at] -= owed[i]
        as_planned = replace(money, means=means.copy())  # what the books of the run show: without what the plan itself carried and pays on its bonds
        as_planned.means[y0] -= plan.carried[at - 1]
        means[y0:] -= money.bond_rate * debt
        start = replace(
            inputs,
            horizon=Axis("year", years[at:]),
            rules=replace(inputs.rules, milestones=tuple(y for y in inputs.rules.milestones if y >= years[at])),
            supply=replace(
                inputs.supply,
                capacity=standing,
                base_coverage=arrived_coverage(plan, played.summary, at),
                under_way=on_axis(under_way, needed.years, years),
            ),
        )
        room = money.debt_room - debt
        rest = plans(start, replace(money, means=means, base_general=plan.general[at - 1], debt_room=room))
        plan = joined(plan, rest, at, standing, money.bond_rate * debt)
        money = as_planned
        behind = behind.copy()
        behind[at:] = late[at:] + vacant
        played = replays(plan, behind)
    return Rolled(plan, money, behind, compared(before.summary, played.summary))


def arrears(plan: Allocation, projects: pd.DataFrame, table: pd.DataFrame, at: int) -> tuple[Array, Array, Array]:
    """Of the orders before decision year `at`: places due and not open by the end of each year [Y,R,K]; places that open in each later year [Y,R,K];
    and posts [R,K] that stand empty when the year begins."""
    years, shape = plan.years.labels, plan.stock.shape
    late, opening, vacant = np.zeros(shape), np.zeros(shape), np.zeros(shape[1:])
    replications = projects["replication"].nunique()
    for row in projects[projects["year"] < years[at]].itertuples(index=False):
        r, k = plan.regions.index(row.region), plan.resources.index(row.resource)
        share = row.places / replications
        due = max(row.opens_year - years[0], 0)
        opens = date.fromordinal(int(row.opened_day)).year - years[0] if row.opened_day == row.opened_day else len(years)
        late[due:opens, r, k] += share
        late[opens:due, r, k] -= share  # open before the plan counted on it
        if opens >= at:
            opening[opens : opens + 1, r, k] += share
    rows = table[(table["measure"] == "vacant_posts") & (table["year"] == years[at - 1])]
    for (region, resource), posts in (rows.groupby(["region", "service"])["value"].sum() / replications).items():
        vacant[plan.regions.index(region), plan.resources.index(resource)] = posts
    return late, opening, vacant


def books(inputs: StageInputs, plan: Allocation, table: pd.DataFrame, at: int) -> tuple[Array, Array]:
    """Recurrent money carried over into decision year `at` [R], and what is owed to projects ordered before it [Y,R]: what they lack, asked for
    again in that year's budget, and the instalments that the plan itself had put off."""
    years = plan.years.labels
    rows = table[(table["year"] == years[at - 1]) & table["measure"].isin(("recurrent_kept_yuan", "asked_again_yuan"))]
    means = rows.groupby(["measure", "region"])["value"].sum() / table["replication"].nunique()
    kept, lacking = (np.array([means.get((measure, r), 0.0) for r in plan.regions]) for measure in ("recurrent_kept_yuan", "asked_again_yuan"))
    owed = np.zeros(plan.bond.shape)
    owed[at] += lacking
    price = inputs.demand.price_index
    for k, resource in enumerate(inputs.supply.resources):
        parts = max(resource.lead_years, 1)
        for y in range(at):
            cost = plan.built[y, :, k] * resource.build_cost * price[inputs.years.index(years[y])] / parts
            for later in range(at, min(y + parts, len(years))):
                owed[later] += cost
    return kept, owed


def arrived_coverage(plan: Allocation, summary: pd.DataFrame, at: int) -> Array:
    """Coverage [R,H,S] of the year before decision year `at` as it arrived: planned provision times served over planned."""
    year = plan.years.labels[at - 1]
    rows = summary[(summary["kind"] == "service") & (summary["year"] == year) & (summary["planned"] > 0)]
    coverage = plan.provision[at - 1].copy()
    for row in rows.itertuples(index=False):
        coverage[plan.regions.index(row.region), :, plan.services.index(row.service)] *= min(row.served / row.planned, 1.0)
    return coverage


def on_axis(values: Array, years: Axis, horizon: tuple[int, ...]) -> Array:
    """Values of the horizon's years on the longer axis of years; nothing elsewhere."""
    result = np.zeros((len(years), *values.shape[1:]))
    first = years.index(horizon[0])
    result[first : first + len(horizon)] = values
    return result


def joined(plan: Allocation, rest: Allocation, at: int, standing: Array, interest: Array) -> Allocation:
    """The plan's first `at` years and the revision after them. Where less stood than was counted on, the first year opens so much less."""
    parts = {}
    for one in fields(Allocation):
        old, new = getattr(plan, one.name), getattr(rest, one.name)
        if one.name in AXES:
            continue
        if one.name in FRAMES:
            parts[one.name] = pd.concat([old[old["year"] < rest.years.labels[0]], new], ignore_index=True)
        elif isinstance(old, np.ndarray):
            parts[one.name] = np.concatenate([old[:at], new])
    parts["opened"][at] += standing - plan.stock[at - 1]
    parts["interest"][at:] += interest
    return replace(plan, **parts, passes=[*plan.passes, *rest.passes])


def compared(first: pd.DataFrame, revised: pd.DataFrame) -> pd.DataFrame:
    """Promise and arrival of the first plan and of the revised one: year, service, promised, arrived, revised, arrived_revised (clients, all regions)."""
    parts = []
    for summary, names in ((first, ("promised", "arrived")), (revised, ("revised", "arrived_revised"))):
        sums = summary[summary["kind"] == "service"].groupby(["year", "service"])[["planned", "served"]].sum()
        parts.append(sums.set_axis(list(names), axis=1))
    return pd.concat(parts, axis=1).reset_index()
