"""The measures that the plans name beside money and standards: outreach, fees, savings, benefit rules, private providers, aid from outside.

Each is a parameter that is neutral in national; here it becomes a multiple, a share or a sum on what the stages read. In the base year
nothing moves: published spending holds whatever was in force then. Knows the parameters' meaning, not how a stage computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from fiscalsim.axes import AGES, Axis, frozen
from fiscalsim.levers import path_at
from fiscalsim.quantities import Array, Purchases, Resource, Service

AIDED = "poor"  # the tag of the regions that aid from outside and paired support go to
# which services a measure is about
RELIEF, DIBAO, DESTITUTE = "temporary_relief", "dibao", "destitute_support"
DISABILITY, VETERANS, PENSION = "disability_allowances", "veteran_benefits", "pension_residents"
SENIOR, VOCATIONAL_AID, INSURANCE, RENTAL = "senior_secondary", "secondary_aid", "medical_insurance_residents", "public_rental"
CARE_LEVELS = ("able", "semi", "full")  # of the destitute who look after themselves, need some help, need full care
SHARED_BUILDINGS = ("nursery_place", "day_care_place", "rehab_place", "culture_space", "community_area")
HANDED_OVER = {"day_care_place": "supply.elder_places_with_housing", "kindergarten_place": "supply.kindergarten_places_with_housing"}


class Values(Protocol):
    """What is asked of a scenario over a pack: one number, or a path by year whose base year is the pack's."""

    def one(self, path: str) -> float: ...
    def path(self, path: str, years: Axis, default: Any = None) -> Array: ...


def _since_base(path: Array) -> Array:
    """A path as a multiple of its base year."""
    return path / path[0] if path[0] > 0 else np.ones_like(path)


# --- who comes ------------------------------------------------------------------------------------------------------


def client_multiples(services: Sequence[Service], values: Values, years: Axis) -> Array:
    """[Y,S] clients as a multiple of need: outreach for benefits, relief cases of a bad year, pupils of vocational schools for their aid."""
    found = np.ones((len(years), len(services)))
    take_up, cases = _since_base(values.path("demand.take_up", years)), _since_base(values.path("demand.relief_cases", years))
    vocational = _since_base(values.path("demand.vocational_share", years))
    for s, service in enumerate(services):
        if service.kind == "benefit":
            found[:, s] *= take_up
        if service.code == RELIEF:
            found[:, s] *= cases
        if service.code == VOCATIONAL_AID:
            found[:, s] *= vocational
    return found


def opened_share(services: Sequence[Service], values: Values, years: Axis) -> Array:
    """[Y,S] share of residents without local hukou to whom a service by hukou has been opened: housing, and all others."""
    housing, others = values.path("demand.housing_opened", years), values.path("demand.relief_opened", years)
    return np.stack([housing if service.domain == "housing" else others for service in services], axis=1)


def settled_coverage(values: Values, years: Axis) -> Array:
    """[Y] demand.resident_coverage among those who have stayed demand.residence_years; stays are exponential with the stated mean."""
    mean = values.one("demand.mean_stay_years")
    stayed = np.exp(-values.path("demand.residence_years", years) / mean) if mean > 0 else np.ones(len(years))
    return values.path("demand.resident_coverage", years) * stayed


def held_back(values: Values, years: Axis) -> Array:
    """[Y,A] share of an age that no longer draws the residents' pension, as the age from which it is paid rises above the base year's."""
    age = values.path("demand.pension_age", years)
    ages = np.array(AGES, dtype=float)
    return np.clip(age[:, None] - np.maximum(ages, age[0])[None], 0.0, 1.0) * (ages >= np.floor(age[0]))[None]


# --- what one client costs ------------------------------------------------------------------------------------------


def inclusive(services: Sequence[Service], requires: Sequence[tuple[str, str, float]], catalogue: set[str]) -> Array:
    """[S] bool: services whose places stand in the purchase catalogue; the market may supply them and users may pay a part."""
    mine = {service for service, resource, _ in requires if resource in catalogue}
    return np.array([service.code in mine for service in services])


def cost_multiples(services: Sequence[Service], standard: Array, bought: Array, staffed: Array, values: Values, years: Axis) -> Array:
    """[Y,S] what the budget pays per client as a multiple of the national standard [Y,S]: savings, fees and pay; 1 in the base year.

    `bought` [S] marks the inclusive services, `staffed` [S] those that need staff.
    """
    found = np.ones(standard.shape)
    online = np.minimum(values.path("costs.online_share", years), 1.0 - values.one("costs.offline_kept")) * values.one("costs.online_saving")
    health = values.path("costs.health_saving", years)
    fee, income = values.path("fees.user_share", years), values.path("costs.rural_income", years)
    affordable = values.one("fees.affordable_share") * np.concatenate([income[:1], income[:-1]])  # of the income of the year before
    vocational, ratio = values.path("demand.vocational_share", years), values.one("costs.vocational_ratio")
    pay = values.one("supply.retention_pay")
    for s, service in enumerate(services):
        if service.kind == "network":
            found[:, s] *= 1.0 - online
        if service.function == "health" and service.kind in ("fund", "staffed"):
            found[:, s] *= 1.0 - health
        if service.code == SENIOR:
            found[:, s] *= _since_base(1.0 - vocational + vocational * ratio)
        if service.code == INSURANCE:
            risen = np.maximum(standard[:, s] - standard[0, s], 0.0)
            found[:, s] *= 1.0 - values.path("fees.insured_share", years) * risen / standard[:, s]
        if staffed[s]:
            found[:, s] *= 1.0 + pay * service.wage_share
        if bought[s]:
            found[:, s] *= 1.0 - np.minimum(fee, affordable / standard[:, s])
    found[0] = 1.0
    return found


Relief = Mapping[tuple[str, str], Mapping[int, float]]  # (item, residence) of relief.csv -> year -> value


def benefit_multiples(services: Sequence[Service], standard: Array, values: Values, years: Axis, relief: Relief | None = None) -> Array:
    """[Y,S] benefits as a multiple of their standard [Y,S] under the plans' rules; what a rule adds is paid locally; 1 in the base year.

    A stated yearly growth at the least; support of the destitute not below what `destitute_least` says; contributions that the budget pays for those on
    dibao and the destitute. Without `relief` the cost of one on dibao stands in for the dibao line, and all destitute live in the country.
    """
    found = np.ones(standard.shape)
    place = {service.code: s for s, service in enumerate(services)}
    passed = np.arange(len(years))
    for code, path in ((DIBAO, "benefits.relief_growth"), (DISABILITY, "benefits.disability_growth"), (VETERANS, "benefits.veterans_growth")):
        if code in place and (growth := values.one(path)) != 0:
            s = place[code]
            found[:, s] = np.maximum(1.0, standard[0, s] * (1.0 + growth) ** passed / standard[:, s])
    if DESTITUTE in place:
        s = place[DESTITUTE]
        dibao = standard[:, place[DIBAO]] * found[:, place[DIBAO]] if DIBAO in place else np.zeros(len(years))
        found[:, s] = np.maximum(found[:, s], destitute_least(dibao, standard[:, s], values, years, relief or {}) / standard[:, s])
    for code in (DIBAO, DESTITUTE):
        if code in place:
            found[:, place[code]] += values.path("benefits.paid_contribution", years) / standard[:, place[code]]
    found[0] = 1.0
    return found


def destitute_least(dibao: Array, support: Array, values: Values, years: Axis, relief: Relief) -> Array:
    """[Y] yuan a year that a destitute person gets at the least, mean over town and country.

    Living: benefits.destitute_multiple times the dibao line, and not below a share of the income of the year before (benefits.destitute_urban_income_share in
    towns, benefits.destitute_income_share in the country), whichever is more. Care: the three levels (able, semi, full) by the shares of those who need them.
    The dibao line moves as `dibao` [Y] (the cost of one on dibao) does, care as the support itself [Y] does. Nothing where no rule is set.
    """
    multiple = values.one("benefits.destitute_multiple")
    shares = {"urban": values.one("benefits.destitute_urban_income_share"), "rural": values.one("benefits.destitute_income_share")}
    if multiple == 0 and not any(shares.values()):
        return np.zeros(len(years))
    if not relief:
        income = values.path("costs.rural_income", years)
        return np.maximum(multiple * dibao, shares["rural"] * np.concatenate([income[:1], income[:-1]]))
    moved = _since_base(dibao)
    living = np.zeros(len(years))
    for residence, share in shares.items():
        income = path_at(relief["income", residence], list(years))
        before = np.concatenate([income[:1], income[:-1]])
        line = _first(relief["dibao_line", residence]) * moved
        living += _first(relief["destitute_part", residence]) * destitute_living(line, multiple, before, share)
    care = sum(_first(relief[f"care_{level}", "all"]) * _first(relief[f"care_{level}_part", "all"]) for level in CARE_LEVELS)
    return living + care * _since_base(support)


def destitute_living(dibao_line: Array, multiple: float, income_before: Array, income_share: float) -> Array:
    """Basic living of the destitute, yuan a year: the larger of a multiple of the dibao line and a share of the income of the year before."""
    return np.maximum(multiple * dibao_line, income_share * income_before)


def _first(path: Mapping[int, float]) -> float:
    return float(path[min(path)])


# --- places and staff -----------------------------------------------------------------------------------------------


def changed_resources(resources: Sequence[Resource], catalogue: set[str], values: Values) -> tuple[Resource, ...]:
    """Resources under shared buildings, private builders, land, posts, pay and forced exit."""
    private = values.one("supply.private_share") * (1.0 - values.one("supply.private_subsidy"))
    leaving = max(0.0, 1.0 - values.one("supply.retention_response") * values.one("supply.retention_pay"))
    found = []
    for resource in resources:
        cost = resource.build_cost * (1.0 - values.one("supply.colocation_saving") if resource.code in SHARED_BUILDINGS else 1.0)
        if resource.kind == "staff":
            rate, retire = resource.build_rate * values.one("supply.hiring_rate"), resource.retire_rate * leaving
        else:
            rate, retire = resource.build_rate * values.one("supply.building_rate"), resource.retire_rate
        if resource.code in catalogue:
            cost *= 1.0 - private
            retire = min(1.0, retire + values.one("supply.forced_exit"))
        found.append(replace(resource, build_cost=cost, build_rate=rate, retire_rate=retire))
    return tuple(found)


def purchases(resources: Sequence[Resource], catalogue: dict[str, tuple[float, float]], values: Values) -> Purchases:
    """What may be bought from the market, and at what yearly price a place: what building costs, spread over its life at the provider's return.

    `catalogue` holds for each kind of place the share of the stock that the market can supply, and its price as a multiple of that.
    """
    limit = values.one("supply.purchase_limit") * values.one("supply.qualified_share")
    back = values.one("supply.provider_return")
    share, price = np.zeros(len(resources)), np.zeros(len(resources))
    for k, resource in enumerate(resources):
        if resource.code in catalogue and resource.life_years > 0:
            most, multiple = catalogue[resource.code]
            yearly = back / (1.0 - (1.0 + back) ** -resource.life_years) if back > 0 else 1.0 / resource.life_years
            share[k], price[k] = limit * most, resource.build_cost * yearly * multiple
    return Purchases(frozen(share, share.shape, "market share"), frozen(price, price.shape, "price"), values.one("fiscal.purchase_cap"))


def handed_over(resources: Sequence[Resource], values: Values, years: Axis) -> Array:
    """[Y,K] places handed over with every new household in towns."""
    zero = np.zeros(len(years))
    return np.stack([values.path(HANDED_OVER[r.code], years) / 100.0 if r.code in HANDED_OVER else zero for r in resources], axis=1)


def cash_instead(requires: Sequence[tuple[str, str, float]], values: Values) -> tuple[tuple[str, str, float], ...]:
    """Units of a place per client, where a part of those helped with their rent are paid cash and need no flat, built or allotted."""
    kept = 1.0 - values.one("supply.cash_rent_share")
    return tuple((service, resource, units * kept if service == RENTAL else units) for service, resource, units in requires)


# --- money ----------------------------------------------------------------------------------------------------------


def other_sources(own_revenue: Array, expenditure: Array, aided: Array, values: Values, years: Axis) -> Array:
    """[Y,R] yuan beside own revenue and transfers: aid from outside, paired support (sums to zero) and social funds; nothing in the base year.

    `aided` [R] marks the regions that the aid and the support go to, by their base-year spending `expenditure` [R].
    """
    found = values.path("fiscal.outside_aid", years)[:, None] * (aided * expenditure)[None]
    found = found + values.path("fiscal.social_funds", years)[:, None] * own_revenue
    if aided.any() and not aided.all():
        given = values.path("fiscal.paired_support", years)[:, None] * own_revenue * ~aided[None]
        received = aided * expenditure / (aided * expenditure).sum()
        found = found - given + given.sum(axis=1, keepdims=True) * received[None]
    found[0] = 0.0
    return found
