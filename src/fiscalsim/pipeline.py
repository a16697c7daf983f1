"""run(): the stages in order, on one screen; then their results as tidy tables and checks.

The one function that the app, the command line and batches call. Knows nothing of files, screens or how a run is saved.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fiscalsim import allocation, demography, execution, indicators, rolling
from fiscalsim.assumptions import Pack, evidence, item_table, load_pack, plan_item_table, published_margins, stage_inputs, zone_table, zones
from fiscalsim.axes import RESIDENCE, SEX
from fiscalsim.demand import demand, place_capacity, recurrent_cost
from fiscalsim.errors import ModelError
from fiscalsim.evaluation import evaluation
from fiscalsim.fiscal_capacity import balance, balance_gap, cost_by_level, fiscal_capacity, fund_table, later_outturn, money_with_people, reconciliation
from fiscalsim.prices import deflator_table
from fiscalsim.quantities import MET, Allocation, Array, Components, Demand, FiscalCapacity, PackInfo, Population, StageInputs, TargetForms, tidy
from fiscalsim.scenario import Scenario
from fiscalsim.scenario import home as default_home

IDENTITY = 1e-9
FIRST_WORKING_AGE = 22  # of staff with a degree
Progress = Callable[[float, str], None]
COMPUTED_WITH = ("fiscalsim", "numpy", "scipy", "pandas", "pyarrow", "pyomo", "highspy", "simpy")


@dataclass(frozen=True)
class RunResult:
    """Everything one scenario gave: tidy tables (contracts.md), how each pass went, and what it was computed with."""

    scenario: Scenario
    info: PackInfo
    tables: dict[str, pd.DataFrame]
    passes: list[dict[str, Any]]
    timings: dict[str, float]
    pack_digest: str
    versions: dict[str, str]
    solver_options: dict[str, Any]


class Stages(NamedTuple):
    """What every stage gave, in order; tables and checks are made from it."""

    inputs: StageInputs
    population: Population
    components: Components
    needed: Demand
    money: FiscalCapacity
    plan: Allocation
    delivery: tuple[execution.Replay, pd.DataFrame] | None  # the replay, and the split of its gaps


class Posed(NamedTuple):
    """What the allocation is asked: the quantities of every stage before it; `usual` is the money without a rule of today."""

    inputs: StageInputs
    population: Population
    components: Components
    needed: Demand
    usual: FiscalCapacity
    money: FiscalCapacity
    forms: TargetForms


def posed(pack: Pack, scenario: Scenario, mark: Callable[[str], None] = lambda stage: None, say: Progress = lambda fraction, stage: None) -> Posed:
    """The stages before the allocation, for one scenario of a pack that is read; what a run allocates, and what a repair asks again."""
    inputs = stage_inputs(pack, scenario, demography.base_population)
    mark("read")
    say(0.05, "people")
    population, components = demography.simulate(inputs.demography)
    inputs = replace(inputs, reported_inputs={**inputs.reported_inputs, **reported_facts(inputs, population)})
    mark("people")
    say(0.1, "demand")
    needed = demand(population, components, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)
    spent, duty = base_spending(inputs, needed)
    followed = money_with_people(population, components, needed, inputs.fiscal)
    usual = fiscal_capacity(inputs.fiscal, inputs.years, inputs.regions, spent, duty, followed)
    money = allocation.under_rule(inputs, needed, usual)
    forms = indicators.target_forms(inputs, population, noticed(needed))
    return Posed(inputs, population, components, needed, usual, money, forms)


class WarmModels:
    """What a worker keeps between two previews of the same pack at the same resolution; never used for what is saved."""

    def __init__(self) -> None:
        self.passes: dict[str, Any] = {}
        self.packs: dict[tuple[str, str], Any] = {}

    def forget_bases(self) -> None:
        """Keep the recorded model and forget what was solved: the next answer is that of a fresh solve, bit for bit, without building the model."""
        for passes in self.passes.values():
            passes.solvers.clear()


def run(
    scenario: Scenario,
    *,
    home: Path | None = None,
    progress: Progress | None = None,
    warm: WarmModels | None = None,
    replay: bool = True,
    write_mps: Path | None = None,
) -> RunResult:
    """One scenario through all stages. Errors: InputError, ModelError, NoSolution; there is no half result.

    `warm` answers a moved lever from the last basis (a preview); `replay=False` leaves the execution stage out.
    """
    say = progress or (lambda fraction, stage: None)
    clock = Clock()
    say(0.0, "read")
    home = home or default_home()
    place = (scenario.pack, scenario.resolution)
    pack = warm.packs.get(place) if warm else None
    pack = pack or load_pack(scenario.pack, home, scenario.resolution)
    if warm:
        warm.packs[place] = pack
    asked = posed(pack, scenario, clock.mark, say)
    inputs, population, components, needed, usual, money, forms = asked
    clock.mark("demand and money")
    plan = allocation.allocate(
        inputs,
        needed,
        money,
        forms,
        warm=warm.passes if warm else None,
        prices=replay,
        write_mps=write_mps,
        progress=lambda f, stage: say(0.15 + 0.6 * f, stage),
    )
    clock.mark("allocation")
    say(0.8, "replay")
    rolled = roll(inputs, population, needed, money, forms, plan, scenario.seed) if replay and inputs.execution.parameters.get("execution.feedback") else None
    if rolled is not None:
        plan, money = rolled.plan, rolled.money
    promised = execution_plan(inputs, population, needed, plan, rolled.behind if rolled else None) if replay else None
    delivery = execution.split_gap(promised, inputs.execution, scenario.seed, inputs.horizon, inputs.regions) if promised is not None else None
    clock.mark("replay")
    say(0.95, "tables")
    found = Stages(inputs, population, components, needed, money, plan, delivery)
    tables = result_tables(found)
    if rolled is not None:
        tables["rolling"] = rolled.compared
    tables["equalisation"] = until(allocation.equalisation_table(inputs, needed, usual), plan.years.labels[-1])
    tables["starting_population"] = starting_population(pack)
    tables["sources"] = pd.concat([tables["sources"], sources_of_steps(tables["starting_population"], pack)], ignore_index=True)
    if replay:  # a preview answers without them
        tables |= tables_of_pack(pack, tables)
    tables["checks"] = checks(found)
    clock.mark("tables")
    failed = tables["checks"].loc[~tables["checks"]["passed"], "name"].tolist()
    if failed:
        raise ModelError(f"identities that must hold do not: {', '.join(failed)}; nothing is shown or saved")
    say(1.0, "done")
    versions = {name: version(name) for name in COMPUTED_WITH} | {"python": platform.python_version()}
    options = allocation.solver_options(max(one["columns"] for one in plan.passes))
    return RunResult(scenario, inputs.info, tables, plan.passes, clock.seconds, inputs.pack_digest, versions, options)


def tables_of_pack(pack: Pack, tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What a reader of the run asks of its pack: what the cost rests on, the national items, the plan's own list, and zones as shares of their regions."""
    listed = zones(pack)
    years = {pack.info.base_year, pack.info.plan_target_year} & set(tables["demand"]["year"])
    found = {
        "evidence": evidence(pack, tables["demand"], sorted(years)),
        "items": item_table(pack),
        "plan_items": plan_item_table(pack),
    }
    if len(listed):
        names = listed[["zone", "name_zh", "name_en", "grade", "note"]]
        found["zones"] = zone_table(listed, tables["population"], tables["allocation"]).merge(names, on="zone", how="left")
    return found


def reported_facts(inputs: StageInputs, population: Population) -> dict[str, Array]:
    """What indicators of measure `reported` name, [Y] each: schooling, deaths of children per birth, residents served where they live, new labour."""
    return {
        "schooling_years": schooling(inputs, population),
        **child_deaths(inputs),
        "resident_coverage": inputs.demand.resident_coverage,
        "new_urban_labour": indicators.new_urban_labour(population),
    }


def child_deaths(inputs: StageInputs) -> dict[str, Array]:
    """Deaths before the first and the fifth birthday per birth [Y], in the pack's own life tables; boys and girls by the sex ratio at birth."""
    gap = inputs.reported_inputs["life_expectancy_gap"]
    e0 = inputs.reported_inputs["life_expectancy"][:, None] + gap[:, None] * np.array([-0.5, 0.5])
    mx = demography.shift_to_life_expectancy(inputs.demography.standard_mx, e0)
    alive = np.array([[demography.life_table(by_age, sex)["lx"] for by_age, sex in zip(by_sex, SEX, strict=True)] for by_sex in mx])
    births = inputs.demography.base_population[..., 0].sum(axis=(1, 2))
    boys = float(np.average(inputs.demography.sex_ratio_at_birth, weights=births))
    lost = 1.0 - np.average(alive, axis=1, weights=[boys, 1.0])
    return {"infant_mortality": lost[:, 1], "under5_mortality": lost[:, 5]}


def schooling(inputs: StageInputs, population: Population) -> Array:
    """Mean years of schooling of the pack's working ages [Y], carried by cohort from the base year's published mean."""
    table = demography.schooling_years(population, carried_schooling(inputs))
    return table.loc[~table["region"].isin(inputs.regions.labels), "years"].to_numpy()


def carried_schooling(inputs: StageInputs) -> demography.Schooling:
    """The pack's schooling of today's working ages, of those who enter them and of those who leave them."""
    given = inputs.reported_inputs
    return demography.Schooling(float(given["schooling_years"][0]), given["schooling_years_entrants"][1:], given["schooling_years_leavers"][1:])


class Clock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def mark(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = now - self.last
        self.last = now


def base_cost(inputs: StageInputs, needed: Demand) -> Array:
    """Calibrated cost of each service in the base year [R,S], before any lever on its standard; yuan."""
    served = (needed.clients[0] * inputs.supply.base_coverage).sum(axis=1)
    places = place_capacity(inputs.demand, inputs.supply, inputs.supply.capacity)
    return recurrent_cost(inputs.demand, needed.standard[0] / inputs.demand.standard_multiple[0], served, places)


def cost_as_today(inputs: StageInputs, needed: Demand) -> Array:
    """Calibrated cost [Y,R,S] if coverage and places stayed as in the base year; yuan."""
    served = (needed.clients * inputs.supply.base_coverage[None]).sum(axis=2)
    places = place_capacity(inputs.demand, inputs.supply, inputs.supply.capacity)
    return recurrent_cost(inputs.demand, needed.standard, served, places[None])


def noticed(needed: Demand) -> Demand:
    """The demand that indicators measure: the areas that the allocation sees, those with half a client or more.

    A county's countryside may hold a third of a demobilised officer; nobody is counted as missed there. Services that reach half a client nowhere stay.
    """
    seen = np.where(needed.clients >= 0.5, needed.clients, 0.0)
    nowhere = seen.sum(axis=(1, 2), keepdims=True) == 0
    return replace(needed, clients=np.where(nowhere, needed.clients, seen))


def base_spending(inputs: StageInputs, needed: Demand) -> tuple[Array, Array]:
    """Catalogue spending of the base year [R], calibrated, and the part that upper levels owe for those served [R]; yuan."""
    served = (needed.clients[0] * inputs.supply.base_coverage).sum(axis=1)
    calibrated = needed.standard[0] / inputs.demand.standard_multiple[0]
    duty = (inputs.demand.upper_share * np.minimum(needed.national_cost[0], calibrated) * served).sum(axis=1)
    return base_cost(inputs, needed).sum(axis=1), duty


def roll(inputs: StageInputs, population: Population, needed: Demand, money: FiscalCapacity, forms: TargetForms, plan: Allocation, seed: int) -> rolling.Rolled:
    """The plan revised every `execution.feedback` years from what its own replay built and paid."""

    def plans(start: StageInputs, means: FiscalCapacity) -> Allocation:
        return allocation.allocate(start, needed, means, forms, prices=False)

    def replays(plan: Allocation, behind: Array) -> rolling.Played:
        played = execution.replay(execution_plan(inputs, population, needed, plan, behind), inputs.execution, seed, inputs.horizon, inputs.regions)
        return rolling.Played(played.table, played.projects, played.summary)

    return rolling.roll(inputs, needed, money, plan, int(inputs.execution.parameters["execution.feedback"]), plans, replays)


def execution_plan(inputs: StageInputs, population: Population, needed: Demand, plan: Allocation, behind: Array | None = None) -> execution.Plan:
    """The allocation in the neutral words of the replay; `behind` [Y,R,K] are places that an earlier plan counted on and that open late."""
    first = needed.years.index(plan.years.labels[0])
    now = slice(first, first + len(plan.years))
    queued = sorted(set(inputs.execution.queues["service"]) & set(plan.services.labels))
    placed = sorted({service for service, _, _ in inputs.supply.requires})
    axes = {"year": plan.years, "region": plan.regions, "resource": plan.resources}
    prices = inputs.demand.price_index[now][:, None, None]
    cost = np.array([r.build_cost for r in inputs.supply.resources])
    lead = np.array([r.lead_years for r in inputs.supply.resources])
    staff = {r.code: r.retire_rate for r in inputs.supply.resources if r.kind == "staff"}
    # places gained by conversion: ordered the year before; posts that move between regions are no conversion
    places = np.array([r.kind == "place" for r in inputs.supply.resources])
    gained = np.concatenate([np.where(places, plan.converted_in, 0.0)[1:], np.zeros_like(plan.converted_in[:1])])
    into = np.array([np.mean([c for _, to, _, c in inputs.supply.conversions if to == k] or [0.0]) for k in plan.resources])
    general = tidy(plan.general, {"year": plan.years, "region": plan.regions}, "yuan").assign(kind="general")
    earmarked = tidy(plan.earmarked.sum(axis=2), {"year": plan.years, "region": plan.regions}, "yuan").assign(kind="earmarked")
    return execution.Plan(
        years=plan.years,
        regions=plan.regions,
        transfers=pd.concat([general, earmarked], ignore_index=True)[["year", "region", "kind", "yuan"]],
        recurrent=plan.recurrent.sum(axis=(2, 3)),
        orders=_orders(plan.built, cost * prices, lead, axes),
        conversions=_orders(gained, into * prices, np.ones_like(lead), axes),
        stock=plan.stock + plan.bought + (0.0 if behind is None else behind),
        resources=plan.resources.labels,
        demand={s: needed.clients[now, :, :, needed.services.index(s)].sum(axis=2) for s in placed},
        planned_served={s: plan.served[..., plan.services.index(s)].sum(axis=2) for s in placed},
        queue_services=tuple((s, k, u) for s, k, u in inputs.supply.requires_planned if s in queued and u > 0),
        school_resources=tuple(r.code for r in inputs.supply.resources if any(k == r.code and s in _schools(inputs) for s, k, _ in inputs.supply.requires)),
        requires=tuple((s, k, u) for s, k, u in inputs.supply.requires_planned if s not in queued and u > 0),
        place=inputs.info.id,
        served_before={s: (needed.clients[0] * inputs.supply.base_coverage)[..., needed.services.index(s)].sum(axis=1) for s in queued},
        leaving=staff,
        retirement=retirement(inputs, population),
    )


def _orders(places: Array, cost: Array, lead: Array, axes: dict[str, Any]) -> pd.DataFrame:
    """What is ordered, [Y,R,K] places of at least one, at `cost` yuan a place, and when the plan counts on it."""
    orders = tidy(places, axes, "places")
    orders["capital_yuan"] = (places * cost).reshape(-1)
    orders["opens_year"] = orders["year"] + np.broadcast_to(lead, places.shape).reshape(-1)
    return orders[orders["places"] >= 1.0].reset_index(drop=True)


def retirement(inputs: StageInputs, population: Population) -> dict[str, Array]:
    """Share of those of working age (22 to the age of retirement) who reach that age in the year, [Y,R] over the horizon, by staff resource.

    Staff is taken to be as old as the people around it. The age is that of men (a path) less the years that the staff retires before them; in a
    year in which it rises fewer reach it.
    """
    by_age = population.persons.sum(axis=(2, 3))
    men = inputs.fiscal.funds.retirement_men
    found = {}
    for resource, earlier in inputs.execution.staff.query("item == 'retires_before_men'")[["resource", "value"]].itertuples(index=False):
        shares = []
        for year in inputs.horizon:
            y = inputs.years.index(year)
            age, rise = men[y] - float(earlier), men[y] - men[y - 1]
            whole, part = int(age), age - int(age)
            before = by_age[population.years.index(year) - 1]  # at the end of the year before
            reach = (1 - part) * before[:, whole - 1] + part * before[:, whole]
            shares.append(reach * max(1 - rise, 0.0) / before[:, FIRST_WORKING_AGE:whole].sum(axis=1))
        found[str(resource)] = np.array(shares)
    return found


def _schools(inputs: StageInputs) -> set[str]:
    return {s.code for s in inputs.demand.services if s.domain == "education" and s.kind == "place"}


# --- tables ---------------------------------------------------------------------------------------------------------


def result_tables(found: Stages) -> dict[str, pd.DataFrame]:
    """Every table of a run but `checks`; columns as in contracts.md."""
    inputs, population, components, needed, money, plan, delivery = found
    played = delivery[0] if delivery is not None else None
    info, last = inputs.info, plan.years.labels[-1]
    table, names = indicators.indicator_table(inputs, population, noticed(needed), plan)
    tables = {
        "population": until(population.to_frame(), last),
        "components": until(components.to_frame(), last),
        "demand": until(needed.to_frame(), last),
        "fiscal": until(fiscal_table(money, plan), last),
        "capacity": capacity_table(plan),
        "allocation": allocation_table(needed, plan),
        "transfers": transfers_table(plan),
        "shortfalls": plan.shortfalls,
        "limits": plan.limits,
        "shadow_prices": plan.shadow_prices,
        "indicators": table,
        "execution": played.table if played is not None else pd.DataFrame(columns=["replication", "year", "month", "region", "service", "measure", "value"]),
        "indicator_names": names,
        "regions": info.region_names,
        "services": pd.DataFrame([{n: getattr(s, n) for n in s.__dataclass_fields__} for s in inputs.demand.services]).rename(columns={"code": "service"}),
        "resources": pd.DataFrame([{n: getattr(r, n) for n in r.__dataclass_fields__} for r in inputs.supply.resources]).rename(columns={"code": "resource"}),
        "calibration": needed.calibration,
        "balance": balance(inputs.fiscal, money, plan),
        "deflator": deflator_table(money.years.labels, inputs.fiscal.price_index),
        "cost_by_level": cost_by_level(inputs.demand, needed, plan),
        "funds": until(fund_table(population, inputs.fiscal), last),
        "reconciliation": reconciliation(inputs, money),
        "later_outturn": until(later_outturn(inputs, money, cost_as_today(inputs, needed)), last),
        "backcast": demography.against_published(population, components, inputs.observed),
        "sources": inputs.sources,
        "urban_share_missed": until(demography.missed_urban_share(inputs.demography, population), last),
        **{name: until(table, last) for name, table in people_tables(inputs, population, components).items()},
    }
    if delivery is not None:
        tables |= delivery_tables(*delivery)
    tables["evaluation"] = evaluation(inputs, population, needed, money, plan, played.summary if played is not None else None)
    tables["summary"] = summary(inputs, needed, money, plan, names)
    return tables


def delivery_tables(played: execution.Replay, split: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What a replay says beside the table `execution`: its means, its story, why less arrives, whose delay costs most, how sure it is."""
    projects, regions = execution.late_projects(played)
    return {
        "replay_summary": played.summary,
        "replay_log": played.log,
        "replay_split": split,
        "replay_stages": played.stages,
        "late_projects": projects,
        "late_regions": regions,
        "replay_precision": execution.precision(played),
    }


def people_tables(inputs: StageInputs, population: Population, components: Components) -> dict[str, pd.DataFrame]:
    """What follows from the population alone (docs/demography.md, section 4): dependency, school_entry, drivers, households, non_local, schooling."""
    years = len(population.years)
    size = inputs.demand.household_size[:years]
    return demography.derived(population, components, size, inputs.demand.non_local_share, carried_schooling(inputs))


def starting_population(pack: Pack) -> pd.DataFrame:
    """region, step, persons, share, name_zh, name_en, method_zh, method_en, grade, source: what is derived, not counted, in the starting population."""
    steps = demography.base_population_steps(**published_margins(pack))
    columns = ["step", "name_zh", "name_en", "method_zh", "method_en", "grade", "source"]
    words = pd.DataFrame([{name: row[name] for name in columns} for row in pack.tables["starting_steps.csv"]], columns=columns)
    return steps.merge(words, on="step", how="left", validate="many_to_one")


def sources_of_steps(steps: pd.DataFrame, pack: Pack) -> pd.DataFrame:
    """The steps of the starting population as rows of the table of sources: their size in the whole pack is a derived value like any other."""
    titles = {row["source"]: row["title"] for row in pack.tables["sources.csv"]}
    whole = steps[(steps["region"] == demography.WHOLE) & steps["method_zh"].notna()]
    return pd.DataFrame(
        {
            "file": "national/starting_steps.csv",
            "key": whole["step"],
            "value": whole["share"],
            "unit": "share",
            "grade": whole["grade"],
            "source": whole["source"],
            "title": whole["source"].map(titles),
            "note": whole["name_zh"] + " | " + whole["method_zh"],
            "quote": "",
        }
    )


def until(table: pd.DataFrame, last: int) -> pd.DataFrame:
    """Rows up to the last year of the horizon; the tail after it serves the promises only."""
    return table[table["year"] <= last].reset_index(drop=True)


def capacity_table(plan: Allocation) -> pd.DataFrame:
    """year, region, service (code of the place or staff), capacity, built (ordered), opened, converted_in, converted_out, bought, retired, closed."""
    axes = {"year": plan.years, "region": plan.regions, "service": plan.resources}
    table = tidy(plan.stock, axes, "capacity")
    for name in ("built", "opened", "converted_in", "converted_out", "bought", "retired", "closed"):
        table[name] = getattr(plan, name).reshape(-1)
    return table


def allocation_table(needed: Demand, plan: Allocation) -> pd.DataFrame:
    """year, region, residence, service, clients, provided, coverage, recurrent_yuan, capital_yuan; areas without a client are left out."""
    axes = {"year": plan.years, "region": plan.regions, "residence": RESIDENCE, "service": plan.services}
    first = needed.years.index(plan.years.labels[0])
    entitled = needed.clients[first : first + len(plan.years)]
    table = tidy(entitled, axes, "clients")
    table["provided"] = plan.served.reshape(-1)
    table["coverage"] = plan.provision.reshape(-1)
    table["recurrent_yuan"] = plan.recurrent.reshape(-1)
    total = entitled.sum(axis=2, keepdims=True)
    split = np.divide(entitled, total, out=np.full_like(entitled, 0.5), where=total > 0)
    table["capital_yuan"] = (plan.capital[:, :, None, :] * split).reshape(-1)
    return table[(table["clients"] >= 0.5) | (table["recurrent_yuan"] > 0) | (table["capital_yuan"] > 0)].reset_index(drop=True)


def transfers_table(plan: Allocation) -> pd.DataFrame:
    """year, region, kind, service (empty for general), yuan."""
    general = tidy(plan.general, {"year": plan.years, "region": plan.regions}, "yuan").assign(kind="general", service="")
    earmarked = tidy(plan.earmarked, {"year": plan.years, "region": plan.regions, "service": plan.services}, "yuan").assign(kind="earmarked")
    table = pd.concat([general, earmarked[earmarked["yuan"] > 0]], ignore_index=True)
    return table[["year", "region", "kind", "service", "yuan"]]


def fiscal_table(money: FiscalCapacity, plan: Allocation) -> pd.DataFrame:
    """year, region, item, yuan: the waterfall before the allocation, and what the plan then does with the money."""
    axes = {"year": plan.years, "region": plan.regions}
    first = money.years.index(plan.years.labels[0])
    now = slice(first, first + len(plan.years))
    items = {
        "means": money.means[now],
        "general": plan.general,
        "earmarked": plan.earmarked.sum(axis=2),
        "bonds": plan.bond,
        "carried_in": np.concatenate([np.zeros((1, len(plan.regions))), plan.carried[:-1]]),
        "claims_unpaid": plan.unpaid,
        "recurrent": -plan.recurrent.sum(axis=(2, 3)),
        "capital": -plan.capital.sum(axis=2),
        "bond_interest": -plan.interest,
        "reserve_kept": -plan.reserve,
        "carried_out": -plan.carried,
    }
    parts = [money.to_frame(), *(tidy(values, axes, "yuan").assign(item=item)[["year", "region", "item", "yuan"]] for item, values in items.items())]
    pools = [
        pd.DataFrame({"year": plan.years.labels, "region": "plan", "item": item, "yuan": pool[now]})
        for item, pool in (("general_pool", money.general_pool), ("earmarked_pool", money.earmarked_pool))
    ]
    return pd.concat([*parts, *pools], ignore_index=True)


def summary(inputs: StageInputs, needed: Demand, money: FiscalCapacity, plan: Allocation, names: pd.DataFrame) -> pd.DataFrame:
    """key, value: the few figures of the headline, as text with full precision."""
    target_year = inputs.info.plan_target_year
    floors = plan.shortfalls[(plan.shortfalls["goal"] == "floor") & (plan.shortfalls["year"] == target_year)]
    names = names[names["nature"] != "stated"]  # the plan's targets, without the statements of its text
    ends = names[names["target_value"].notna()]
    binding = ends[ends["nature"] == "binding"]
    found = {
        "target_year": target_year,
        "indicators": len(names),
        "indicators_met": int(names["status"].isin(MET).sum()),
        "indicators_missed": int((names["status"] == "missed").sum()),
        "indicators_not_computable": int((names["status"] == "not_computable").sum()),
        "binding": len(binding),
        "binding_met": int(binding["status"].isin(MET).sum()),
        "regions": len(inputs.regions),
        "regions_with_floors": len(inputs.regions) - floors["region"].nunique(),
        "floor_gap_yuan": float(floors["yuan"].sum()),
        "floor_gap_clients": float(floors["units"].sum()),
    }
    return pd.DataFrame({"key": list(found), "value": [repr(v) for v in found.values()]})


# --- checks ---------------------------------------------------------------------------------------------------------


def checks(found: Stages) -> pd.DataFrame:
    """name, value (largest relative error), tolerance, passed: the identities of people, money, capacity and delivery."""
    inputs, population, components, needed, money, plan, delivery = found
    rows = [(name, worst, IDENTITY) for name, worst in demography.identities(population, components)]
    carried_in = np.concatenate([np.zeros((1, len(plan.regions))), plan.carried[:-1]])
    first = money.years.index(plan.years.labels[0])
    now = slice(first, first + len(plan.years))
    received = money.means[now] + plan.general + plan.earmarked.sum(axis=2) + plan.bond + carried_in + plan.unpaid
    used = plan.recurrent.sum(axis=(2, 3)) + plan.capital.sum(axis=2) + plan.interest + plan.reserve + plan.carried
    size = np.maximum(np.abs(money.own_revenue[now]), 1.0)
    rows.append(("money received equals money used and carried over", float((np.abs(received - used) / size).max()), IDENTITY))
    account = balance_gap(balance(inputs.fiscal, money, plan)).abs().max()
    rows.append(("every region's account closes in the base year and every year (yuan)", float(account), 0.5))
    for name, given, pool in (
        ("general", plan.general.sum(axis=1), money.general_pool[now]),
        ("earmarked", plan.earmarked.sum(axis=(1, 2)), money.earmarked_pool[now]),
    ):
        rows.append((f"{name} grants within their pool", float(np.maximum((given - pool) / np.maximum(pool, 1.0), 0.0).max()), IDENTITY))
    before = np.concatenate([inputs.supply.capacity[None], plan.stock[:-1]])
    change = plan.opened + plan.converted_in - plan.converted_out - plan.retired - plan.closed
    rows.append(("capacity carried forward", float((np.abs(plan.stock - before - change) / np.maximum(before, 1.0)).max()), 1e-6))
    calibrated = [service.function in set(needed.calibration["function"]) for service in inputs.demand.services]
    published = needed.calibration.groupby("region")["published_yuan"].sum().reindex(plan.regions.labels).to_numpy()
    spent = base_cost(inputs, needed)[:, calibrated].sum(axis=1)
    rows.append(("base year catalogue equals what was spent", float(np.abs(spent / published - 1.0).max()), IDENTITY))
    total = (needed.clients * needed.standard[:, :, None, :]).sum()
    rows.append(("demand is finite", 0.0 if np.isfinite(total) else np.inf, IDENTITY))
    # a rule that the scenario switches off is not an identity of that run
    eased = {
        "money received equals money used and carried over": "spending_within_means",
        "every region's account closes in the base year and every year (yuan)": "spending_within_means",
        "general grants within their pool": "transfers_within_pool",
        "earmarked grants within their pool": "transfers_within_pool",
        "capacity carried forward": "capacity_carried_forward",
    }
    rows = [row for row in rows if eased.get(row[0]) not in inputs.rules.switched_off]
    if delivery is not None:
        played, split = delivery
        rows += [(f"replay: {name}", worst, tolerance) for name, worst, tolerance in played.identities]
        parts = split[[*execution.CAUSES, "interaction"]].sum(axis=1) - split["gap"]
        rows.append(("replay: the causes and their interaction sum to the gap", float((parts.abs() / np.maximum(split["planned"], 1.0)).max()), IDENTITY))
    table = pd.DataFrame(rows, columns=["name", "value", "tolerance"])
    table["passed"] = table["value"].to_numpy() <= table["tolerance"].to_numpy()
    return table
