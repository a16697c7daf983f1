"""Every frozen type that crosses a stage border; read this first.

Arrays are read-only float64; their axes stand in each field's comment, in this order:
Y years, R regions, H residences (urban, rural), X sexes (male, female), A single ages 0..100 (100 is open),
S services, K resources (places or staff), N indicators. Money is yuan at current prices, people are persons,
rates are per person and year. Stocks are at 31 December; a flow of year y happens between 31 December y-1 and y.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fiscalsim.axes import AGE, RESIDENCE, SEX, Axis

Array = np.ndarray


# --- people ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DemographyInputs:
    """What the cohort model needs, for areas (region, residence) side by side."""

    base_year: int
    years: Axis  # the projected years, base_year+1 ..
    regions: Axis
    base_population: Array  # [R,H,X,A] persons on 31 December of the base year
    standard_mx: Array  # [X,A] death rates that give the age pattern of mortality
    life_expectancy: Array  # [Y,R,X] e0 in years; Brass' relational logit shifts the pattern to it
    fertility_schedule: Array  # [H,A] age pattern of births, sums to 1 over ages
    tfr: Array  # [Y,R,H] children per woman
    sex_ratio_at_birth: Array  # [R] boys per girl
    external_migration: Array  # [Y,R,H,X,A] net persons of the year from outside the pack
    urban_share: Array | None  # [Y,R] target share living in towns; the rural-to-urban flow is solved for it
    rural_to_urban_rate: Array | None  # [Y,R] used when urban_share is None
    mover_schedule: Array  # [X,A] age-sex pattern of movers, largest cell 1
    reclassified_share: float  # part of the rural-to-urban change that turns villages into towns, all ages alike
    leaving_rate: Array  # [R] share of the movers' schedule that leaves for other regions of the pack in a year
    destination_share: Array  # [R] where the pool of movers goes, sums to 1
    timing: str  # "even" (half of external migrants at the start, half at the end) or "end"
    internal_multiple: Array | None = None  # [Y] multiple of leaving_rate (None: 1); where it is 0 nobody moves to town either


@dataclass(frozen=True)
class Population:
    """Persons alive on 31 December, by single year of age; the last age is open. Year axis starts at the base year."""

    years: Axis
    regions: Axis
    persons: Array  # [Y,R,H,X,A]

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: year, region, residence, sex, age, persons."""
        return tidy(self.persons, {"year": self.years, "region": self.regions, "residence": RESIDENCE, "sex": SEX, "age": AGE}, "persons")


@dataclass(frozen=True)
class Components:
    """Flows of each projected year by area, persons; closing = opening + births - deaths + migration."""

    years: Axis
    regions: Axis
    births: Array  # [Y,R,H]
    deaths: Array  # [Y,R,H]
    external_migration: Array  # [Y,R,H]
    internal_migration: Array  # [Y,R,H] sums to zero over all areas

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: year, region, residence, births, deaths, external_migration, internal_migration."""
        axes = {"year": self.years, "region": self.regions, "residence": RESIDENCE}
        table = tidy(self.births, axes, "births")
        for name in ("deaths", "external_migration", "internal_migration"):
            table[name] = getattr(self, name).reshape(-1)
        return table


# --- services -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """One line of the catalogue: who is entitled to what, of which kind, paid from which budget function."""

    code: str
    name_zh: str
    name_en: str
    short_zh: str
    short_en: str
    domain: str
    kind: str  # benefit, place, staffed, network, fund
    basis: str  # hukou, resident, served
    driver: str  # population, births, deaths, households
    client_unit_zh: str
    client_unit_en: str
    function: str  # education, social_security, health, housing, culture, or none
    sharing_rule: str
    promise: bool  # once raised it is not cut
    floor: float  # share of entitled clients at the national standard that must be served
    ceiling: float  # largest share that may be provided
    wage_share: float  # part of the unit cost that grows with wages, the rest with prices
    fixed_share: float  # part of the unit cost that follows capacity, not clients
    source: str


@dataclass(frozen=True)
class DemandInputs:
    """Who needs each service and what one client costs, before the population is known."""

    services: tuple[Service, ...]
    need: Array  # [H,X,A,S] clients per person (driver population)
    need_per_birth: Array  # [H,S]
    need_per_death: Array  # [H,S]
    need_per_household: Array  # [H,S]
    household_size: Array  # [Y,R] persons per household, base year included
    non_local_share: Array  # [R,H] residents without local hukou, as a share of residents
    resident_coverage: Array  # [Y] share of them served alike, for services on a resident basis
    standard: Array  # [Y,S] national standard, yuan of year y per client: dated values, after the last one moved with wages and prices by wage_share
    standard_multiple: Array  # [Y,S] lever standards.<service>
    care_need: Array  # [Y] multiple of need for services marked by care_services
    care_services: tuple[str, ...]
    cost_difference: Array  # [R,S] regional cost coefficient, 1 is the pack's average
    wage_index: Array  # [Y] base year = 1
    price_index: Array  # [Y] base year = 1
    upper_share: Array  # [R,S] part of the cost at national standard paid from above the region
    central_share: Array  # [R,S] the centre's part of that
    client_multiple: Array  # [Y,S] measures on who comes: outreach, relief cases, vocational schools; 1 in the base year
    opened: Array  # [Y,S] share of residents without local hukou to whom a service by hukou is open
    held_back: Array  # [Y,A] share of an age that no longer draws the residents' pension
    pension_services: tuple[str, ...]  # the services that `held_back` is about
    care_elsewhere: Array  # [Y] share of the clients of staffed services who go to another region


@dataclass(frozen=True)
class Demand:
    """Clients and their cost by area; the year axis includes the base year and the tail after the horizon."""

    years: Axis
    regions: Axis
    services: Axis
    clients: Array  # [Y,R,H,S] persons (or births, households) entitled
    standard: Array  # [Y,R,S] yuan per client and year as applied (multiple, cost difference and calibration included)
    national_cost: Array  # [Y,R,S] the part of `standard` that is at the national standard (what upper levels share)
    calibration: pd.DataFrame  # region, function, modelled_yuan, published_yuan, factor
    treated_elsewhere: Array  # [Y,R] yuan that the care of clients from other regions costs, less that of its own elsewhere; sums to zero
    new_households: Array  # [Y,R] households in towns beyond the year before
    residents: Array  # [Y,R] persons

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: year, region, residence, service, clients, standard_yuan, cost_yuan."""
        axes = {"year": self.years, "region": self.regions, "residence": RESIDENCE, "service": self.services}
        table = tidy(self.clients, axes, "clients")
        unit = np.broadcast_to(self.standard[:, :, None, :], self.clients.shape)
        table["standard_yuan"] = unit.reshape(-1)
        table["cost_yuan"] = (self.clients * unit).reshape(-1)
        return table


# --- money ----------------------------------------------------------------------------------------------------------


FUNDS = ("employees_pension", "residents_pension", "employees_medical", "residents_medical")


@dataclass(frozen=True)
class FundInputs:
    """Insurance funds, in the order of FUNDS; money is yuan a head of the base year unless it has years."""

    contributors: Array  # [F] share of those of 20 to the retirement age who pay in (residents' medical: of everyone)
    beneficiaries: Array  # [F] share of those past the retirement age who draw (residents' pension: of those of 60 and over)
    contribution: Array  # [F] yuan a contributor
    benefit: Array  # [F] yuan a beneficiary (medical funds: one who is not old)
    old_multiple: Array  # [F] what an old beneficiary of a medical fund costs, as a multiple
    subsidy: Array  # [Y,F] yuan a head that budgets pay into the residents' funds; 0 for the others
    reserve_months: Array  # [F] months of benefits held at the end of the base year
    retirement_men: Array  # [Y] years of age
    retirement_women: Array  # [Y] years of age, mean over kinds of work
    wage_index: Array  # [Y] base year = 1


@dataclass(frozen=True)
class FiscalInputs:
    """Base-year outturn and growth, yuan."""

    base_year: int
    own_revenue: Array  # [Y,R] baseline path, base year included, before the lever
    revenue_growth_shift: Array  # [Y] lever fiscal.revenue_growth, added to yearly growth
    expenditure: Array  # [R] general public budget expenditure of the base year
    new_bonds: Array  # [R] general bonds that entered the base-year budget
    function_outturn: Array  # [R,F] base-year spending by budget function
    functions: Axis
    debt_interest: Array  # [Y,R]
    debt_balance: Array  # [R] base year
    debt_limit: Array  # [Y,R]
    other_debt: Array  # [Y,R] debt of the region outside the catalogue
    bond_quota: Array  # [Y,R] new bonds open to the catalogue
    bond_rate: float  # interest on new bonds
    transfer_growth: Array  # [Y] growth of the pool, base year 0
    pool_multiple: Array  # [Y] lever fiscal.transfer_pool
    reserve_share: Array  # [Y]
    catalogue_share: Array  # [Y] share of what remains after first claims that goes to the catalogue
    first_claims_share: float  # wages, operations and livelihood outside the catalogue, as a share of base-year expenditure
    claims_wage_share: float
    wage_index: Array  # [Y]
    price_index: Array  # [Y]
    other_sources: Array  # [Y,R] aid from outside, paired support and social funds; nothing in the base year
    funds: FundInputs
    fund_local_share: Array  # [Y] part of the fund's new gap that the region's budget bears
    fund_pooling: Array  # [Y] 0 each region for itself, 1 the pack as one pool
    care_contribution: Array  # [Y] yuan per person of 20-59 for care insurance
    citizenship_grant: Array  # [Y] yuan per person who moves to town
    settlement: Array  # [Y] part of the cost of care elsewhere that home pays


@dataclass(frozen=True)
class FiscalCapacity:
    """What there is to spend. Year axis includes the base year and the tail; all arrays in yuan."""

    years: Axis
    regions: Axis
    own_revenue: Array  # [Y,R]
    first_claims: Array  # [Y,R] wages, operations and livelihood outside the catalogue
    other_spending: Array  # [Y,R] what remains after first claims and does not go to the catalogue
    debt_interest: Array  # [Y,R]
    means: Array  # [Y,R] own money left for the catalogue; negative where transfers must pay first claims
    base_grants: Array  # [R] transfers received in the base year
    base_general: Array  # [R] the part that is not earmarked
    general_pool: Array  # [Y]
    earmarked_pool: Array  # [Y]
    reserve_share: Array  # [Y]
    base_recurrent: Array  # [R] catalogue spending of the base year (calibrated)
    revenue_index: Array  # [Y,R] own revenue and transfers, rolled over three years, base year = 1; caps recurrent growth
    bond_quota: Array  # [Y,R]
    bond_rate: float
    debt_room: Array  # [Y,R] limit minus debt outside the catalogue
    waterfall: pd.DataFrame  # year, region, item, yuan
    rule_general: Array | None = None  # [Y,R] general grants that a rule of today fixes; None: the allocation shares them out

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: year, region, item, yuan."""
        return self.waterfall


# --- supply and targets ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resource:
    """Places or staff that a service needs; staff is a resource whose building is training and hiring."""

    code: str
    name_zh: str
    name_en: str
    kind: str  # place, staff
    unit_zh: str
    unit_en: str
    lead_years: int  # ordered in y, in service from y + lead_years
    retire_rate: float  # loss per year
    build_rate: float  # most that may be ordered in a year, share of the stock (places) or graduates hired (staff)
    build_floor: float  # persons or places per 1,000 clients that may be ordered even where the stock is small
    build_cost: float  # yuan per place or person trained, base-year prices
    life_years: float  # for the value kept after the horizon
    surplus_share: float  # part of the stock that may be converted in a year
    source: str
    project_size: float | None = None  # places of the smallest usual project, for allocation.whole_projects; None or 0: not known


@dataclass(frozen=True)
class Purchases:
    """What may be bought from the market instead of built; nothing unless supply.purchase_limit is set."""

    market_share: Array  # [K] most that may be bought in a year, as a share of the stock
    price: Array  # [K] yuan a year per unit bought, base-year prices
    cap: float  # most that may be paid in a year, as a share of own revenue


@dataclass(frozen=True)
class SupplyInputs:
    """Capacity today and how it may change."""

    resources: tuple[Resource, ...]
    capacity: Array  # [R,K] in service at the end of the base year
    requires: tuple[tuple[str, str, float], ...]  # (service, resource, units per client)
    conversions: tuple[tuple[str, str, float, float], ...]  # (from, to, places gained per place, yuan per place gained)
    base_coverage: Array  # [R,H,S] provision in the base year, share of clients at the national standard
    requires_planned: tuple[tuple[str, str, float], ...]  # `requires` after the base year, where cash takes the place of a flat
    purchases: Purchases
    handed_over: Array  # [Y,K] places that come with every new household in towns
    post_mobility: float  # part of the staff that may move between regions in a year
    under_way: Array | None = None  # [Y,R,K] places ordered before the horizon that are expected to open in the year; None: none


LINEAR = ("coverage", "clients_per", "capacity_per", "capacity_total", "capacity_share")  # measures that the allocation can aim at


MET = ("met", "met_early", "maintained")  # states of an indicator in which its target holds


@dataclass(frozen=True)
class Indicator:
    """One row of a plan's indicator table, with its definition."""

    code: str
    name_zh: str
    name_en: str
    domain: str
    unit_zh: str
    unit_en: str
    nature: str  # binding, expected, stated
    base_year: int
    base_value: float | None
    target_year: int
    target_op: str  # >=, >, =, <=, <, range (target_value to target_high), full (everyone entitled), none
    target_value: float | None
    measure: str  # coverage, clients_per, capacity_per, capacity_total, capacity_share, standard, standard_growth, count_per,
    # insured_share, compliance, reported, stated
    of: tuple[str, ...]  # services, resources or (count_per, insured_share) indicators whose sum is measured
    per: str  # what it is divided by: population, households, elders, adults, a resource list, or empty
    scale: float
    quote: str
    source: str
    note: str
    in_table: bool = True  # whether the plan's own main table has it
    base_op: str = "="  # how the base value is printed: =, or an inequality, or full (everyone entitled, in words)
    base_from: int | None = None  # first year of the period that the printed base value sums over; None: base_year alone
    target_high: float | None = None  # upper end of a range
    target_from: int | None = None  # first year of the period that the target sums over; None: the target year alone
    against: tuple[str, ...] = ()  # indicators that say something else of the same matter (conflicts.csv)
    choice: str = ""  # which of them is chosen, and why


@dataclass(frozen=True)
class TargetForms:
    """The indicators that the model decides, as linear forms over provision and capacity. Year axis as in Demand."""

    codes: tuple[str, ...]
    clients: Array  # [Y,I,R,H,S] per client provided for everyone entitled: multiply by provision (a share)
    capacity: Array  # [Y,I,R,K] per unit of capacity
    target: Array  # [Y,I] value to reach, nan where none holds
    distance: Array  # [I] what counts as one unit short
    binding: Array  # [I] bool


@dataclass(frozen=True)
class Allocation:
    """The plan: what is provided, built and paid. Years are the horizon; money is yuan, clients and places are heads."""

    years: Axis
    regions: Axis
    services: Axis
    resources: Axis
    provision: Array  # [Y,R,H,S] share of clients at the national standard
    served: Array  # [Y,R,H,S] clients provided for
    recurrent: Array  # [Y,R,H,S] yuan
    capital: Array  # [Y,R,S] yuan
    stock: Array  # [Y,R,K]
    built: Array  # [Y,R,K] ordered in the year
    opened: Array  # [Y,R,K]
    converted_in: Array  # [Y,R,K] staff: posts that came from other regions
    converted_out: Array  # [Y,R,K] staff: posts that went to other regions
    bought: Array  # [Y,R,K] places bought from the market for the year, beside the stock
    retired: Array  # [Y,R,K]
    closed: Array  # [Y,R,K]
    general: Array  # [Y,R] yuan
    earmarked: Array  # [Y,R,S] yuan
    bond: Array  # [Y,R]
    carried: Array  # [Y,R]
    reserve: Array  # [Y,R]
    interest: Array  # [Y,R] on bonds for the catalogue
    unpaid: Array  # [Y,R] first claims that could not be paid
    short: Array  # [Y,I] distances short of a target
    shortfalls: pd.DataFrame  # contracts.md
    limits: pd.DataFrame  # year, region, residence, service, limited_by: what holds each area that is not fully covered
    shadow_prices: pd.DataFrame  # contracts.md
    passes: list[dict]  # name, status, objective, seconds, iterations, rows, columns


@dataclass(frozen=True)
class RuleChoices:
    """What the law leaves open in the rules of today (docs/equalisation.md); nothing of it touches the optimal sharing."""

    cost_weight: float  # part of the pack's cost differences that counts
    tag_factors: dict[str, float]  # tag of a region -> factor of its standard expenditure
    difficulty_weight: float  # of the difficulty index in the transfer coefficient, the rest is the common part
    formula_share: float  # part of the pool that the formula shares out; the rest are fixed amounts, which keep the base year's shares
    effort_share: float  # part of the formula's money set aside for effort
    guarantee_share: float  # part of the formula's money set aside for the county guarantee
    change_limit: float  # band of growth beside the pool's own


@dataclass(frozen=True)
class Rules:
    """Numbers and switches of the allocation rules (levers of the group allocation)."""

    recurrent_growth_margin: float
    transfer_change_limit: float
    tail_years: int
    milestones: tuple[int, ...]
    switched_off: tuple[str, ...]
    transfer_rule: str  # optimal, status-quo, per-head, formula
    choices: RuleChoices
    domain_of: dict[str, str]
    whole_projects: bool = False  # places are ordered in whole projects


@dataclass(frozen=True)
class Weights:
    """Who and what is named first by the plan: a weight per area (tags, region, residence) and per service (domain, service), 1 is neutral."""

    area: Array  # [R,H]
    service: Array  # [S]


@dataclass(frozen=True)
class ExecutionInputs:
    """What the replay needs beside the plan: the legal calendar, the stages of projects and the queues."""

    parameters: dict[str, float]  # every execution.* parameter and release.csv item, by name (days, months, shares, persons)
    projects: pd.DataFrame  # resource, stage, low, mode, high (months)
    queues: pd.DataFrame  # service, item, value (stay_months, abandon_rate, priority shares ...)
    staff: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["resource", "item", "value"]))  # rounds, batches, leaving


@dataclass(frozen=True)
class PackInfo:
    """Names of a place, for tables and pages; nothing that is computed with."""

    id: str
    name_zh: str
    name_en: str
    made_up: bool
    base_year: int
    horizon_end: int
    plan_name_zh: str
    plan_name_en: str
    plan_first_year: int
    plan_target_year: int
    upper_zh: str
    upper_en: str
    unit_zh: str
    unit_en: str
    region_names: pd.DataFrame  # region, name_zh, name_en, short_zh, short_en, tags
    resolution: str = "own"  # how finely the regions are cut: the pack's own, or a sub-folder of it


@dataclass(frozen=True)
class StageInputs:
    """Everything the stages read, after the scenario has been applied; data flows one way from here."""

    info: PackInfo
    years: Axis  # base year .. horizon end + tail; Demand and FiscalCapacity have this axis
    horizon: Axis  # the decision years, base_year+1 .. horizon end
    regions: Axis
    demography: DemographyInputs
    demand: DemandInputs
    fiscal: FiscalInputs
    supply: SupplyInputs
    indicators: tuple[Indicator, ...]
    rules: Rules
    weights: Weights
    execution: ExecutionInputs
    observed: pd.DataFrame  # region, item, year, value (persons), leaves (names separated by ;): published after the base year
    published: pd.DataFrame  # region, item, year, value (yuan), grade, source, note, leaves: lines of budgets as published
    reported_inputs: dict[str, Array]  # what reported indicators need: life_expectancy [Y], schooling parameters ...
    sources: pd.DataFrame  # one row a value: file, key, value, unit, grade, source, title, note, quote
    pack_digest: str


# --- helpers for tables ---------------------------------------------------------------------------------------------


def tidy(values: Array, axes: dict[str, Axis], name: str) -> pd.DataFrame:
    """One row a cell: the labels of `axes` in array order, then the value under `name`."""
    lengths = [len(axis) for axis in axes.values()]
    if values.shape != tuple(lengths):
        raise ValueError(f"{name}: shape {values.shape} where {tuple(lengths)} is needed")
    columns: dict[str, Array] = {}
    for position, (label, axis) in enumerate(axes.items()):
        inner = int(np.prod(lengths[position + 1 :], dtype=int))
        outer = int(np.prod(lengths[:position], dtype=int))
        column = np.asarray(axis.labels, dtype=object if isinstance(axis.labels[0], str) else None)
        columns[label] = np.tile(np.repeat(column, inner), outer)
    columns[name] = np.asarray(values).reshape(-1)
    return pd.DataFrame(columns)


def assert_close(left: Array, right: Array, axes: dict[str, Axis], what: str, tolerance: float = 1e-9) -> None:
    """Raise AssertionError that names the cell with the largest relative difference above `tolerance`."""
    scale = np.maximum(np.maximum(np.abs(left), np.abs(right)), 1.0)
    gap = np.abs(left - right) / scale
    if not (gap <= tolerance).all():
        cell = np.unravel_index(int(np.nanargmax(gap)), gap.shape)
        labels = {name: axis.labels[i] for (name, axis), i in zip(axes.items(), cell, strict=True)}
        raise AssertionError(f"{what}: {left[cell]} against {right[cell]} at {labels}")
