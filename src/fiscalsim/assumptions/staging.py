"""Apply a scenario to a pack and lay everything out as the arrays that the stages read.

The past cannot be moved: in the base year every path keeps the pack's value, a scenario's own values act from the year after.
Must not know how a stage computes; what it needs of demography (single ages from age groups) is handed in as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pandas as pd

from fiscalsim.assumptions import measures
from fiscalsim.assumptions.checks import LOCAL, age_span, births_of
from fiscalsim.assumptions.pack import Pack, sources
from fiscalsim.assumptions.tables import ALL, EVERY, FUNCTIONS, Row
from fiscalsim.axes import AGES, RESIDENCE, RESIDENCES, SEX, SEXES, Axis, frozen, years_axis
from fiscalsim.errors import InputError, Problem
from fiscalsim.levers import path_at
from fiscalsim.quantities import (
    FUNDS,
    Array,
    DemandInputs,
    DemographyInputs,
    ExecutionInputs,
    FiscalInputs,
    FundInputs,
    Indicator,
    RuleChoices,
    Rules,
    StageInputs,
    SupplyInputs,
    Weights,
)
from fiscalsim.scenario import Scenario


class Graduate(Protocol):
    """Published age groups to single ages by residence; see demography.base_population."""

    def __call__(
        self, groups: pd.DataFrame, open_ages: pd.DataFrame, residence: pd.DataFrame, *, births: Array | None = None, standard_mx: Array | None = None
    ) -> Array: ...

    def __hash__(self) -> int: ...  # the starting population is kept by pack and function


CHILDBEARING = slice(15, 50)  # the ages over which a total fertility rate is averaged, by definition
PLAN_YEARS = 5  # a five-year plan ends in a year that five divides


def stage_inputs(pack: Pack, scenario: Scenario, graduate: Graduate) -> StageInputs:
    """Everything the stages read, after `scenario` has been applied to `pack`.

    `graduate` turns published age groups into single ages by residence. InputError when a value of the scenario does not fit the pack
    (a path beyond what the pack's people allow, a pack of another name or resolution).
    """
    if scenario.pack != pack.id:
        raise InputError([Problem(scenario.id, None, "pack", scenario.pack, f"the pack that was loaded, {pack.id}")])
    if scenario.resolution != pack.resolution:
        raise InputError([Problem(scenario.id, None, "resolution", scenario.resolution, f"the resolution that was loaded, {pack.resolution}")])
    base, values = pack.info.base_year, _Values(pack, scenario)
    end = pack.info.horizon_end + int(values.one("allocation.tail_years"))
    years = years_axis(base, end)
    people = _base_population(pack, graduate)
    return StageInputs(
        info=pack.info,
        years=years,
        horizon=years_axis(base + 1, pack.info.horizon_end),
        regions=pack.regions,
        demography=_demography(pack, values, people, years_axis(base + 1, end)),
        demand=_demand(pack, values, years),
        fiscal=_fiscal(pack, values, years),
        supply=_supply(pack, values, years),
        indicators=_indicators(pack, values),
        rules=Rules(
            recurrent_growth_margin=values.one("allocation.recurrent_growth_margin"),
            transfer_change_limit=values.one("allocation.transfer_change_limit"),
            tail_years=int(values.one("allocation.tail_years")),
            milestones=_milestones(pack),
            switched_off=tuple(family for family, holds in scenario.limits.items() if not holds),
            transfer_rule=scenario.policy,
            choices=RuleChoices(
                cost_weight=values.one("allocation.rule_cost_weight"),
                tag_factors={"ethnic": values.one("allocation.rule_ethnic_factor"), "poor": values.one("allocation.rule_poor_factor")},
                difficulty_weight=values.one("allocation.rule_difficulty_weight"),
                formula_share=values.one("allocation.rule_formula_share"),
                effort_share=values.one("allocation.rule_effort_share"),
                guarantee_share=values.one("allocation.rule_guarantee_share"),
                change_limit=values.one("allocation.transfer_change_limit"),
            ),
            domain_of={service.code: service.domain for service in pack.services},
            whole_projects=bool(values.one("allocation.whole_projects")),
        ),
        weights=_weights(pack),
        execution=_execution(pack, values),
        observed=_observed(pack),
        published=_published(pack),
        reported_inputs={
            name.removeprefix("demography."): frozen(values.path(name, years), (len(years),), name)
            for name in (
                "demography.life_expectancy",
                "demography.life_expectancy_gap",
                "demography.schooling_years",
                "demography.schooling_years_entrants",
                "demography.schooling_years_leavers",
            )
        },
        sources=sources(pack, scenario.set.items()),
        pack_digest=pack.digest,
    )


class _Values:
    """The value of a parameter or lever under a scenario; a namespace of three questions, no state of its own."""

    def __init__(self, pack: Pack, scenario: Scenario):
        self.set = scenario.set
        self.pack: dict[str, Any] = {path: parameter.value for path, parameter in pack.parameters.items()}
        self.base = pack.info.base_year

    def of(self, path: str, default: Any = None) -> Any:
        """As written: a number or {year: number}."""
        return self.set.get(path, self.pack.get(path, default))

    def one(self, path: str) -> float:
        """A parameter that is one number for all years."""
        value = self.of(path)
        if isinstance(value, Mapping):
            raise InputError([Problem("scenario", None, f"set.{path}", str(value), "one number for all years, not a path")])
        return float(value)

    def path(self, path: str, years: Axis, default: Any = None) -> Array:
        """[Y] by year; in the base year what the pack says, whatever the scenario sets."""
        found = path_at(self.of(path, default), years)
        if years.labels[0] == self.base:
            found[0] = path_at(self.pack.get(path, default), [self.base])[0]
        return found


def _frame(rows: list[Row], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({column: [row[column] for row in rows] for column in columns}, columns=list(columns))


def _by_region(pack: Pack, file: str, item: str) -> Array:
    """[R] values of one item; rows are complete, the pack has been checked."""
    found = {row["region"]: row["value"] for row in pack.tables[file] if row["item"] == item}
    return np.array([found[region] for region in pack.regions])


def _observed(pack: Pack) -> pd.DataFrame:
    """region, item, year, value and the leaves whose sum a row is compared with."""
    return _with_leaves(pack, "observed.csv", ("region", "item", "year", "value"))


def _published(pack: Pack) -> pd.DataFrame:
    """region, item, year, value (yuan), grade, source, note and leaves: lines of budgets as published, the base year's and later ones."""
    return _with_leaves(pack, "published.csv", ("region", "item", "year", "value", "grade", "source", "note"))


def _with_leaves(pack: Pack, file: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Rows of a table whose regions may be any of the pack's, with `leaves`: at a finer resolution a city's figures are those of its counties."""
    above = {row["region"]: row["parent"] for row in pack.tables["regions.csv"]}
    within: dict[str, list[str]] = {ALL: list(pack.regions)}
    for leaf in pack.regions:
        at = leaf
        while at in above and leaf not in within.setdefault(at, []):
            within[at].append(leaf)
            at = above[at]
    table = _frame(pack.tables[file], columns)
    return table.assign(leaves=[";".join(within[region]) for region in table["region"]])


# --- people ---------------------------------------------------------------------------------------------------------


def published_margins(pack: Pack) -> dict[str, Any]:
    """The arguments of demography.base_population: groups, open_ages, residence, births, standard_mx, in the order of the pack's regions."""
    order = {region: i for i, region in enumerate(pack.regions)}

    def table(file: str, columns: tuple[str, ...], keep: Callable[[Row], bool] = lambda row: True) -> pd.DataFrame:
        rows = sorted(
            (row for row in pack.tables[file] if keep(row)),
            key=lambda row: (
                order.get(row.get("region"), 0),
                SEXES.index(row["sex"]) if "sex" in row else RESIDENCES.index(row["residence"]),
                row.get("age_from", 0),
            ),
        )
        return _frame(rows, columns)

    groups = table("population.csv", ("region", "sex", "age_from", "age_to", "persons"))
    open_ages = table("open_ages.csv", ("sex", "age_from", "age_to", "persons"))
    residence = table("residence.csv", ("region", "residence", "value"), lambda row: row["item"] == "persons").rename(columns={"value": "persons"})
    born = [births_of(pack.tables, region) for region in pack.regions]
    births = np.array([[of_region[pack.info.base_year - age] for age in range(min(map(len, born)))] for of_region in born]) if any(born) else None
    standard = _age_table(pack.tables["mortality.csv"], "sex", SEX, "mx")
    return {"groups": groups, "open_ages": open_ages, "residence": residence, "births": births, "standard_mx": standard}


@lru_cache(maxsize=8)
def _base_population(pack: Pack, graduate: Graduate) -> Array:
    """[R,H,X,A]; a pack never changes after it was read, so a moved slider finds its people ready."""
    return frozen(graduate(**published_margins(pack)), (len(pack.regions), len(RESIDENCES), len(SEXES), len(AGES)), "base population")


def _age_table(rows: list[Row], first: str, labels: Axis, column: str) -> Array:
    found = np.zeros((len(labels), len(AGES)))
    for row in rows:
        found[labels.index(row[first]), row["age"]] = row[column]
    return found


def _demography(pack: Pack, values: _Values, people: Array, years: Axis) -> DemographyInputs:
    R, H, X, A, Y = len(pack.regions), len(RESIDENCES), len(SEXES), len(AGES), len(years)
    movers = _age_table(pack.tables["mover_schedule.csv"], "sex", SEX, "rate")
    if not movers.max() > 0:
        raise InputError([Problem(pack.tables["mover_schedule.csv"][0]["file"], None, "rate", "0", "at least one rate above zero")])
    movers = movers / movers.max()
    asfr = _age_table(pack.tables["fertility.csv"], "residence", RESIDENCE, "asfr")
    gap = values.path("demography.life_expectancy_gap", years)
    towards = np.array([-0.5, 0.5])  # men lie half the gap below the mean of the two, women half above
    e0 = values.path("demography.life_expectancy", years)[:, None] + _by_region(pack, "vital.csv", "e0_difference")[None]
    leaving, arriving = _by_region(pack, "vital.csv", "leaving_rate"), _by_region(pack, "vital.csv", "destination_share")
    return DemographyInputs(
        base_year=pack.info.base_year,
        years=years,
        regions=pack.regions,
        base_population=people,
        standard_mx=frozen(_age_table(pack.tables["mortality.csv"], "sex", SEX, "mx"), (X, A), "mortality"),
        life_expectancy=frozen(e0[:, :, None] + gap[:, None, None] * towards, (Y, R, X), "life expectancy"),
        fertility_schedule=frozen(asfr / asfr.sum(axis=1, keepdims=True), (H, A), "fertility schedule"),
        tfr=frozen(_tfr(pack, values, people, years), (Y, R, H), "tfr"),
        sex_ratio_at_birth=frozen(_sex_ratio(pack, values), (R,), "sex ratio at birth"),
        external_migration=frozen(_external_migration(pack, values, people, movers, years), (Y, R, H, X, A), "external migration"),
        urban_share=frozen(_urban_share(values, people, years), (Y, R), "urban share"),
        rural_to_urban_rate=None,
        mover_schedule=frozen(movers, (X, A), "mover schedule"),
        reclassified_share=values.one("demography.reclassified_share"),
        leaving_rate=frozen(leaving, (R,), "leaving rate"),
        destination_share=frozen(arriving / arriving.sum(), (R,), "destination share"),
        timing="even",
        internal_multiple=frozen(values.path("demography.internal_migration", years), (Y,), "internal migration"),
    )


def _tfr(pack: Pack, values: _Values, people: Array, years: Axis) -> Array:
    """[Y,R,H]: tfr_relative by region, rural_fertility_ratio between residences, scaled so that the mean over the base year's women
    of 15-49 is the path."""
    women = people[:, :, SEX.index("female"), CHILDBEARING].sum(axis=-1)
    ratio = values.path("demography.rural_fertility_ratio", years)
    by_residence = np.stack([np.ones_like(ratio), ratio], axis=1)  # urban, rural
    shape = _by_region(pack, "vital.csv", "tfr_relative")[None, :, None] * by_residence[:, None, :]
    mean = (shape * women[None]).sum(axis=(1, 2)) / women.sum()
    if not (mean > 0).all():
        raise InputError([Problem(pack.tables["vital.csv"][0]["file"], None, "tfr_relative", "0", "above zero where women of 15-49 live")])
    return shape * (values.path("demography.tfr", years) / mean)[:, None, None]


def _sex_ratio(pack: Pack, values: _Values) -> Array:
    """[R]: the region's own srb where the pack has one, else demography.srb; a scenario's demography.srb holds everywhere."""
    own = {row["region"]: row["value"] for row in pack.tables["vital.csv"] if row["item"] == "srb" and "demography.srb" not in values.set}
    return np.array([own.get(region, values.one("demography.srb")) for region in pack.regions])


def _external_migration(pack: Pack, values: _Values, people: Array, movers: Array, years: Axis) -> Array:
    """[Y,R,H,X,A]: the region's yearly net total x the lever's multiple, split by the base year's urban share, and inside a residence by
    movers' schedule x the people who live there; sums to the total over ages, sexes and residences."""
    residents = people.sum(axis=(2, 3))
    split = residents / residents.sum(axis=1, keepdims=True)
    exposed = people * movers
    pattern = exposed / np.where(exposed.sum(axis=(2, 3)) > 0, exposed.sum(axis=(2, 3)), 1.0)[:, :, None, None]
    total = values.path("demography.external_migration", years)[:, None] * _by_region(pack, "vital.csv", "external_net_migration")[None]
    return total[:, :, None, None, None] * (split[:, :, None, None] * pattern)[None]


def _urban_share(values: _Values, people: Array, years: Axis) -> Array:
    """[Y,R]: every region's base-year share u moves with one k a year so that the pack's base-year people follow the path:
    u + (1 - u) k where the pack's share rises above the base year's, u k where it falls below."""
    residents = people.sum(axis=(2, 3))
    urban = RESIDENCE.index("urban")
    share, whole = residents[:, urban] / residents.sum(axis=1), residents[:, urban].sum() / residents.sum()
    wanted = values.path("demography.urbanisation_rate", years)
    rising = np.clip(wanted - whole, 0.0, None) / (1.0 - whole) if whole < 1 else np.zeros_like(wanted)
    falling = np.minimum(wanted / whole, 1.0) if whole > 0 else np.ones_like(wanted)
    return (share[None] + (1.0 - share[None]) * rising[:, None]) * falling[:, None]


# --- services -------------------------------------------------------------------------------------------------------


def _index(growth: Array) -> Array:
    """Index with the first year = 1, grown by each later year's rate."""
    return np.cumprod(np.concatenate([[1.0], 1.0 + growth[1:]]))


def _demand(pack: Pack, values: _Values, years: Axis) -> DemandInputs:
    R, H, X, A, S, Y = len(pack.regions), len(RESIDENCES), len(SEXES), len(AGES), len(pack.services), len(years)
    wages, prices = _index(values.path("costs.wage_growth", years)), _index(values.path("costs.price_growth", years))
    non_local = {(row["region"], row["residence"]): row["value"] for row in pack.tables["residence.csv"] if row["item"] == "non_local_share"}
    household = _by_region(pack, "vital.csv", "household_size")
    multiples = np.stack([values.path(f"standards.{service.code}", years, default=1.0) for service in pack.services], axis=1)
    costs = {row["region"]: row["value"] for row in pack.tables["vital.csv"] if row["item"] == "cost_difference"}
    # the table's coefficient is optional: a pack without one has no published cost differences, and all regions cost the average
    difference = np.array([costs.get(region, 1.0) for region in pack.regions])
    standard = _standards(pack, years, wages, prices)
    needs = {row["service"] for row in pack.tables["requires.csv"] if row["resource"] in {r.code for r in pack.resources if r.kind == "staff"}}
    staffed = np.array([service.code in needs for service in pack.services])
    bought = measures.inclusive(pack.services, _requires(pack), set(_catalogue(pack)))
    multiples = multiples * measures.cost_multiples(pack.services, standard, bought, staffed, values, years)
    multiples = multiples * measures.benefit_multiples(pack.services, standard, values, years, _relief(pack))
    per = {driver: frozen(_rates(pack, driver), (H, S), f"need per {driver}") for driver in ("births", "deaths", "households")}
    return DemandInputs(
        services=pack.services,
        need=frozen(_needs(pack), (H, X, A, S), "need"),
        need_per_birth=per["births"],
        need_per_death=per["deaths"],
        need_per_household=per["households"],
        household_size=frozen(np.broadcast_to(household, (Y, R)), (Y, R), "household size"),
        non_local_share=frozen([[non_local[region, h] for h in RESIDENCES] for region in pack.regions], (R, H), "non-local share"),
        resident_coverage=frozen(measures.settled_coverage(values, years), (Y,), "resident coverage"),
        standard=frozen(standard, (Y, S), "standard"),
        standard_multiple=frozen(multiples, (Y, S), "standard multiple"),
        care_need=frozen(values.path("demand.care_need", years), (Y,), "care need"),
        care_services=pack.care_services,
        cost_difference=frozen(np.broadcast_to(difference[:, None], (R, S)), (R, S), "cost difference"),
        wage_index=frozen(wages, (Y,), "wage index"),
        price_index=frozen(prices, (Y,), "price index"),
        upper_share=frozen(_upper_share(pack, values), (R, S), "upper share"),
        central_share=frozen(_central_share(pack), (R, S), "central share"),
        client_multiple=frozen(measures.client_multiples(pack.services, values, years), (Y, S), "client multiple"),
        opened=frozen(measures.opened_share(pack.services, values, years), (Y, S), "opened share"),
        held_back=frozen(measures.held_back(values, years), (Y, A), "held back"),
        pension_services=tuple(service.code for service in pack.services if service.code == measures.PENSION),
        care_elsewhere=frozen(values.path("demand.care_elsewhere", years), (Y,), "care elsewhere"),
    )


def _relief(pack: Pack) -> dict[tuple[str, str], dict[int, float]]:
    """(item, residence) -> year -> value of relief.csv; empty where the pack has none."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for row in pack.tables["relief.csv"]:
        found.setdefault((row["item"], row["residence"]), {})[row["year"]] = row["value"]
    return found


def _specific_first(rows: list[Row]) -> list[Row]:
    """Rows for all before rows for one residence or sex, so that the special ones are written last."""
    return sorted(rows, key=lambda row: (row["residence"] != ALL) + (row["sex"] != ALL))


def _needs(pack: Pack) -> Array:
    """[H,X,A,S] clients per person; a row for one residence or sex replaces what rows for all say about the same age."""
    found = np.zeros((len(RESIDENCES), len(SEXES), len(AGES), len(pack.services)))
    position = {service.code: s for s, service in enumerate(pack.services) if service.driver == "population"}
    for row in _specific_first([row for row in pack.tables["needs.csv"] if row["service"] in position]):
        first, last = age_span(row)
        h = slice(None) if row["residence"] == ALL else RESIDENCE.index(row["residence"])
        x = slice(None) if row["sex"] == ALL else SEX.index(row["sex"])
        found[h, x, first : last + 1, position[row["service"]]] = row["rate"]
    return found


def _rates(pack: Pack, driver: str) -> Array:
    """[H,S] clients per birth, death or household."""
    found = np.zeros((len(RESIDENCES), len(pack.services)))
    position = {service.code: s for s, service in enumerate(pack.services) if service.driver == driver}
    for row in _specific_first([row for row in pack.tables["needs.csv"] if row["service"] in position]):
        found[slice(None) if row["residence"] == ALL else RESIDENCE.index(row["residence"]), position[row["service"]]] = row["rate"]
    return found


def _standards(pack: Pack, years: Axis, wages: Array, prices: Array) -> Array:
    """[Y,S] yuan of the year itself: the dated value in force; after the last dated one, wage_share of it moves with wages, the rest with prices."""
    found = np.empty((len(years), len(pack.services)))
    for s, service in enumerate(pack.services):
        dated = sorted((row["year"], row["yuan"]) for row in pack.tables["standards.csv"] if row["service"] == service.code)
        last = max(dated[-1][0], years.labels[0])
        for y, year in enumerate(years):
            found[y, s] = [yuan for since, yuan in dated if since <= year][-1]
            if year > last:
                at = years.index(last)
                found[y, s] *= service.wage_share * wages[y] / wages[at] + (1 - service.wage_share) * prices[y] / prices[at]
    return found


def _central_share(pack: Pack) -> Array:
    """[R,S]: the central share of the service's rule for the region's tier; nothing where the service is local."""
    shares = {(row["rule"], row["tier"]): row["central_share"] for row in pack.tables["sharing.csv"]}
    tiers = {row["region"]: str(row["tier"]) for row in pack.tables["regions.csv"]}
    central = np.zeros((len(pack.regions), len(pack.services)))
    for s, service in enumerate(pack.services):
        for r, region in enumerate(pack.regions):
            rule = service.sharing_rule
            if rule != LOCAL:
                central[r, s] = shares[rule, tiers[region]] if (rule, tiers[region]) in shares else shares[rule, ALL]
    return central


def _upper_share(pack: Pack, values: _Values) -> Array:
    """[R,S]: the central share, and of the rest what the province pays."""
    central = _central_share(pack)
    return central + (1.0 - central) * values.one("fiscal.province_share")


# --- money ----------------------------------------------------------------------------------------------------------


def _fiscal(pack: Pack, values: _Values, years: Axis) -> FiscalInputs:
    R, Y, base = len(pack.regions), len(years), pack.info.base_year
    published: dict[tuple[str, str], dict[int, float]] = {}
    for row in pack.tables["fiscal.csv"]:
        published.setdefault((row["item"], row["region"]), {})[row["year"]] = row["value"]
    growth, limits = values.path("fiscal.baseline_growth", years), values.path("fiscal.limit_growth", years)

    def in_base_year(item: str) -> Array:
        return frozen([published[item, region][base] for region in pack.regions], (R,), item)

    def grown(item: str, rates: Array) -> Array:
        """[Y,R] published years, then growth from the last of them."""
        found = np.empty((Y, R))
        for r, region in enumerate(pack.regions):
            for y, year in enumerate(years):
                found[y, r] = published[item, region][year] if year in published[item, region] else found[y - 1, r] * (1.0 + rates[y])
        return found

    transfer_growth = values.path("fiscal.transfer_growth", years)
    transfer_growth[0] = 0.0
    shift = values.path("fiscal.revenue_growth", years)
    shift[0] = 0.0
    own, spent = grown("own_revenue", growth), in_base_year("expenditure")
    wages = _index(values.path("costs.wage_growth", years))
    tags = {row["region"]: row["tags"] for row in pack.tables["regions.csv"]}
    aided = np.array([measures.AIDED in tags[region] for region in pack.regions])
    return FiscalInputs(
        base_year=base,
        own_revenue=frozen(own, (Y, R), "own revenue"),
        revenue_growth_shift=frozen(shift, (Y,), "revenue growth"),
        expenditure=in_base_year("expenditure"),
        new_bonds=in_base_year("new_bonds"),
        function_outturn=frozen(np.stack([in_base_year(function) for function in FUNCTIONS], axis=1), (R, len(FUNCTIONS)), "function outturn"),
        functions=Axis("function", FUNCTIONS),
        debt_interest=frozen(grown("debt_interest", limits), (Y, R), "debt interest"),
        debt_balance=in_base_year("debt_balance"),
        debt_limit=frozen(grown("debt_limit", limits), (Y, R), "debt limit"),
        other_debt=frozen(grown("other_debt", limits), (Y, R), "other debt"),
        bond_quota=frozen(grown("bond_quota", limits) * values.path("fiscal.bond_quota", years)[:, None], (Y, R), "bond quota"),
        bond_rate=values.one("fiscal.bond_rate"),
        transfer_growth=frozen(transfer_growth, (Y,), "transfer growth"),
        pool_multiple=frozen(values.path("fiscal.transfer_pool", years), (Y,), "transfer pool"),
        reserve_share=frozen(values.path("fiscal.reserve_share", years), (Y,), "reserve share"),
        catalogue_share=frozen(values.path("fiscal.catalogue_share", years), (Y,), "catalogue share"),
        first_claims_share=values.one("fiscal.first_claims_share"),
        claims_wage_share=values.one("fiscal.claims_wage_share"),
        wage_index=frozen(wages, (Y,), "wage index"),
        price_index=frozen(_index(values.path("costs.price_growth", years)), (Y,), "price index"),
        other_sources=frozen(measures.other_sources(own, spent, aided, values, years), (Y, R), "other sources"),
        funds=_funds(pack, values, years, wages),
        fund_local_share=frozen(values.path("funds.local_share", years), (Y,), "local share of the fund's gap"),
        fund_pooling=frozen(values.path("funds.pooling", years), (Y,), "pooling"),
        care_contribution=frozen(values.path("funds.care_contribution", years) * wages, (Y,), "care contribution"),
        citizenship_grant=frozen(values.path("fiscal.citizenship_grant", years), (Y,), "citizenship grant"),
        settlement=frozen(values.path("fiscal.settlement", years), (Y,), "settlement"),
    )


def _funds(pack: Pack, values: _Values, years: Axis, wages: Array) -> FundInputs:
    """The insurance funds; what budgets pay a head into the residents' funds moves as the catalogue's standard for it does."""
    given = {(row["fund"], row["item"]): row["value"] for row in pack.tables["funds.csv"]}
    standard = _standards(pack, years, wages, _index(values.path("costs.price_growth", years)))
    codes = [service.code for service in pack.services]
    subsidy = np.zeros((len(years), len(FUNDS)))
    for fund, service in ((FUNDS[1], measures.PENSION), (FUNDS[3], measures.INSURANCE)):
        path = standard[:, codes.index(service)] if service in codes else wages
        subsidy[:, FUNDS.index(fund)] = given[fund, "subsidy"] * path / path[0]

    def of(item: str, default: float = 0.0) -> Array:
        return frozen([given.get((fund, item), default) for fund in FUNDS], (len(FUNDS),), item)

    Y = len(years)
    return FundInputs(
        contributors=of("contributors"),
        beneficiaries=of("beneficiaries"),
        contribution=of("contribution"),
        benefit=of("benefit"),
        old_multiple=of("old_multiple", 1.0),
        subsidy=frozen(subsidy, (Y, len(FUNDS)), "subsidy"),
        reserve_months=of("reserve_months"),
        retirement_men=frozen(values.path("funds.retirement_age_men", years), (Y,), "retirement age of men"),
        retirement_women=frozen(values.path("funds.retirement_age_women", years), (Y,), "retirement age of women"),
        wage_index=frozen(wages, (Y,), "wage index"),
    )


# --- supply, targets, rules -----------------------------------------------------------------------------------------


def _requires(pack: Pack) -> tuple[tuple[str, str, float], ...]:
    return tuple((row["service"], row["resource"], row["units_per_client"]) for row in pack.tables["requires.csv"])


def _catalogue(pack: Pack) -> dict[str, tuple[float, float]]:
    """The purchase catalogue: kind of place -> share of the stock that the market can supply, price as a multiple of building."""
    return {row["resource"]: (row["market_share"], row["price_multiple"]) for row in pack.tables["purchase.csv"]}


def _supply(pack: Pack, values: _Values, years: Axis) -> SupplyInputs:
    R, H, K, S = len(pack.regions), len(RESIDENCES), len(pack.resources), len(pack.services)
    catalogue = _catalogue(pack)
    stock = {(row["region"], row["resource"]): row["value"] for row in pack.tables["capacity.csv"]}
    covered = {(row["service"], row["region"], row["residence"]): row["value"] for row in pack.tables["coverage.csv"]}
    coverage = np.empty((R, H, S))
    for s, service in enumerate(pack.services):
        for r, region in enumerate(pack.regions):
            for h, residence in enumerate(RESIDENCES):
                # the most specific row wins, the region before the residence
                keys = ((service.code, where, who) for where in (region, EVERY) for who in (residence, ALL))
                coverage[r, h, s] = next(covered[key] for key in keys if key in covered)
    return SupplyInputs(
        resources=measures.changed_resources(pack.resources, set(catalogue), values),
        capacity=frozen(np.array([[stock[region, resource.code] for resource in pack.resources] for region in pack.regions]).reshape(R, K), (R, K), "capacity"),
        requires=_requires(pack),
        conversions=tuple((row["from"], row["to"], row["places_per_place"], row["cost_per_place"]) for row in pack.tables["conversions.csv"]),
        base_coverage=frozen(coverage, (R, H, S), "base coverage"),
        requires_planned=measures.cash_instead(_requires(pack), values),
        purchases=measures.purchases(pack.resources, catalogue, values),
        handed_over=frozen(measures.handed_over(pack.resources, values, years), (len(years), K), "places handed over"),
        post_mobility=values.one("supply.post_mobility"),
    )


def _indicators(pack: Pack, values: _Values) -> tuple[Indicator, ...]:
    return tuple(
        replace(item, target_value=float(values.set[f"targets.{item.code}"])) if f"targets.{item.code}" in values.set else item for item in pack.indicators
    )


def _milestones(pack: Pack) -> tuple[int, ...]:
    """The plan's target year, the end of the next five-year plan after it, and the end of the horizon, as far as they lie inside."""
    target, last = pack.info.plan_target_year, pack.info.horizon_end
    following = (target // PLAN_YEARS + 1) * PLAN_YEARS
    return tuple(sorted({year for year in (target, following, last) if pack.info.base_year < year <= last}))


def _weights(pack: Pack) -> Weights:
    """The weights of a region, of all its tags and of the residence, multiplied, and those of a service and its domain; 1 where the plan names none first."""
    weight = {(row["kind"], row["name"]): row["weight"] for row in pack.tables["priority.csv"]}
    tags = {row["region"]: row["tags"] for row in pack.tables["regions.csv"]}
    area = np.ones((len(pack.regions), len(RESIDENCES)))
    for r, region in enumerate(pack.regions):
        area[r] *= weight.get(("region", region), 1.0)
        for tag in tags[region]:
            area[r] *= weight.get(("tag", tag), 1.0)
    for h, residence in enumerate(RESIDENCES):
        area[:, h] *= weight.get(("residence", residence), 1.0)
    service = [weight.get(("domain", s.domain), 1.0) * weight.get(("service", s.code), 1.0) for s in pack.services]
    return Weights(frozen(area, area.shape, "weights"), frozen(service, (len(service),), "service weights"))


def _execution(pack: Pack, values: _Values) -> ExecutionInputs:
    parameters = {path: values.one(path) for path in values.pack if path.startswith("execution.")}
    parameters |= {row["item"]: row["value"] for row in pack.tables["release.csv"]}
    return ExecutionInputs(
        parameters,
        _frame(pack.tables["projects.csv"], ("resource", "stage", "low", "mode", "high")),
        _frame(pack.tables["queues.csv"], ("service", "item", "value")),
        _frame(pack.tables["staff.csv"], ("resource", "item", "value")),
    )
