"""Linxia's pack adds up to what the census, the county yearbook and the plan print for the prefecture."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from fiscalsim import demography, indicators
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.demand import demand
from fiscalsim.quantities import Demand, Population, StageInputs
from fiscalsim.scenario import load_scenario

HOME = Path(__file__).resolve().parents[1]


@cache
def linxia() -> tuple[StageInputs, Population, Demand]:
    """The baseline up to demand."""
    inputs = stage_inputs(load_pack("linxia", HOME), load_scenario("linxia-baseline", HOME), demography.base_population)
    population, components = demography.simulate(inputs.demography)
    return inputs, population, demand(population, components, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)


def test_people_add_up_to_the_census_and_meet_the_population_published_since() -> None:
    inputs, population, _ = linxia()
    people = population.persons.sum(axis=(2, 3, 4))
    assert people[0].sum() == pytest.approx(2_109_750)
    assert population.persons[0, :, 0].sum() == pytest.approx(775_371)
    assert population.persons[0, :, 1].sum() == pytest.approx(1_334_379)
    published = inputs.observed.set_index(["region", "item", "year"])["value"]["622900", "population", 2022]
    assert people[population.years.index(2022)].sum() == pytest.approx(published, rel=0.002)


def test_stocks_and_clients_are_what_the_plan_prints() -> None:
    inputs, population, needed = linxia()
    stock = dict(zip([r.code for r in inputs.supply.resources], inputs.supply.capacity.sum(axis=0), strict=True))
    assert stock["nursing_bed"] + stock["ordinary_bed"] == pytest.approx(10_675, abs=8)  # one bed of rounding a county
    assert stock["sports_area"] == pytest.approx(3_618_000, rel=0.01)  # the text prints 361.8万, the table 1.71 a person
    clients = dict(zip(needed.services, needed.clients[0].sum(axis=(0, 1)), strict=True))
    assert clients["disability_allowances"] == pytest.approx(83_500 + 97_000, rel=0.005)
    assert clients["job_training"] == pytest.approx(116_700, rel=0.005)
    assert clients["compulsory_education"] == pytest.approx(342_997, rel=0.03)  # ages 6-14 of the census, spread evenly; some lack local registration


@pytest.mark.parametrize(
    "code",
    ["physicians", "nurses", "nursery_places", "compulsory_retention", "senior_enrolment", "sports_area", "community_area", "culture_visits", "culture_space"],
)
def test_base_value_of_the_pack_is_the_plans(code: str) -> None:
    inputs, population, needed = linxia()
    indicator = next(i for i in inputs.indicators if i.code == code)
    assert indicators.base_value(indicator, inputs, population, needed) == pytest.approx(indicator.base_value, rel=0.002)


@pytest.mark.parametrize(
    ("code", "apart"),
    [
        ("old_compounds_households", 0.001),
        ("elder_visits", 1e-9),
        ("hospital_beds_per_1000", 0.04),  # the county yearbook's beds, not the plan's
        ("township_elderly_facilities", 0.03),  # a whole number of townships
        ("old_compounds_buildings", 0.09),  # households a building differ between the plan's base and target
    ],
)
def test_rows_of_the_plans_table_that_the_pack_adds_to_the_catalogue(code: str, apart: float) -> None:
    inputs, population, needed = linxia()
    indicator = next(i for i in inputs.indicators if i.code == code)
    assert indicators.role(indicator) == "modelled"
    assert indicators.base_value(indicator, inputs, population, needed) == pytest.approx(indicator.base_value, rel=apart)


def test_what_towns_gain_of_working_age_is_of_the_size_of_the_jobs_that_the_plan_promises() -> None:
    """The plan's 7 for five years is a yearly 1.4, read as a sum; read as a year's figure it would be four times what towns grow by."""
    _, population, _ = linxia()
    flow = indicators.new_urban_labour(population)
    assert flow[1:6].sum() == pytest.approx(7e4, rel=0.15)


def test_budget_of_the_counties_is_the_yearbooks_less_the_one_off_money_of_2020() -> None:
    inputs, _, _ = linxia()
    money = inputs.fiscal
    assert money.own_revenue[0].sum() == pytest.approx(17.3744e8, rel=1e-4)
    assert 261e8 < money.expenditure.sum() < 282.94e8  # the yearbook's sum holds the one-off money
    own_part = money.own_revenue[0] / money.expenditure
    assert inputs.regions.labels[int(own_part.argmin())] == "622926" and 0.02 < own_part.min() < 0.03  # 东乡
    assert 0.06 < money.own_revenue[0].sum() / money.expenditure.sum() < 0.07


def test_costs_need_little_calibration() -> None:
    _, _, needed = linxia()
    table = needed.calibration
    assert table["factor"].between(0.6, 1.6).all()
    assert np.isfinite(table["factor"]).all()
