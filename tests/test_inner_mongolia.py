"""Inner Mongolia's pack against figures that were not used to make it: cities' people of 2023, Alxa's budget by function, the region's budget of 2020."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fiscalsim import demography
from fiscalsim.assumptions import Pack, load_pack, stage_inputs
from fiscalsim.assumptions.tables import FUNCTIONS
from fiscalsim.demand import demand
from fiscalsim.quantities import Components, Population, StageInputs
from fiscalsim.scenario import load_scenario

HOME = Path(__file__).resolve().parents[1]
CENSUS_2020 = 24_049_155
REGION_SPENDING_2020 = 5270.2e8  # China Statistical Yearbook 2021, table 7-6, yuan
ALXA_2020 = {"social_security": 10.1568e8, "health": 7.6621e8, "culture": 3.6448e8}  # the league's own first figures, yuan
CATALOGUE_PART = {"social_security": 0.205, "health": 0.62, "culture": 0.14}


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("inner-mongolia", HOME)


@pytest.fixture(scope="module")
def inputs(pack: Pack) -> StageInputs:
    return stage_inputs(pack, load_scenario("inner-mongolia-baseline", HOME), demography.base_population)


@pytest.fixture(scope="module")
def projected(inputs: StageInputs) -> tuple[Population, Components]:
    return demography.simulate(inputs.demography)


def test_leagues_add_up_to_the_census_and_share_one_tier(pack: Pack) -> None:
    assert sum(row["persons"] for row in pack.tables["population.csv"]) == CENSUS_2020
    assert {row["tier"] for row in pack.tables["regions.csv"]} == {1}


def test_people_meet_the_published_year_ends(pack: Pack, projected: tuple[Population, Components]) -> None:
    people = projected[0].to_frame().groupby(["year", "region"])["persons"].sum()
    published = [row for row in pack.tables["observed.csv"] if row["item"] == "population"]
    cities = [row for row in published if row["region"] != "150000"]
    assert len(cities) >= 9
    for row in cities:  # rounded to 10,000, and not used for any flow
        assert people[row["year"], row["region"]] == pytest.approx(row["value"], rel=0.035), row["region"]
    for row in published:
        if row["region"] == "150000":
            assert people[row["year"]].sum() == pytest.approx(row["value"], rel=0.003), row["year"]


def test_base_year_money_closes_and_leaves_the_region_its_own_level(inputs: StageInputs) -> None:
    money = inputs.fiscal
    grants = money.expenditure - money.own_revenue[0] - money.new_bonds
    assert (grants > 0).all()
    assert (money.function_outturn.sum(axis=1) + money.debt_interest[0] < money.expenditure).all()
    assert 0.7 < money.expenditure.sum() / REGION_SPENDING_2020 < 0.85  # the rest is the region's own and pensions pooled there since
    head = grants / inputs.demography.base_population.sum(axis=(1, 2, 3))
    ordered = [inputs.regions.labels[i] for i in np.argsort(head)]
    assert ordered[0] == "150100" and ordered[-1] == "152900"  # the capital gets least a head, the emptiest league most


def test_functions_come_near_what_alxa_published(inputs: StageInputs) -> None:
    alxa = inputs.regions.index("152900")
    for function, published in ALXA_2020.items():
        mine = inputs.fiscal.function_outturn[alxa, FUNCTIONS.index(function)]
        assert 0.45 < mine / (CATALOGUE_PART[function] * published) < 1.2, function


def test_what_serving_costs_at_national_standards_is_near_what_was_spent(inputs: StageInputs, projected: tuple[Population, Components]) -> None:
    factors = demand(*projected, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions).calibration
    assert factors["factor"].between(0.6, 1.6).all(), factors[~factors["factor"].between(0.6, 1.6)]
    sums = factors.groupby("function")[["published_yuan", "modelled_yuan"]].sum()
    assert (sums["published_yuan"] / sums["modelled_yuan"]).between(0.95, 1.1).all(), sums
