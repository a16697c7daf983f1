"""Panjin's pack against what was published: people of 2020, money of 2015, flats built and flats let, the zones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fiscalsim import demography
from fiscalsim.assumptions import Pack, load_pack, stage_inputs, zones
from fiscalsim.demand import clients
from fiscalsim.quantities import Components, Population, StageInputs
from fiscalsim.scenario import load_scenario

HOME = Path(__file__).resolve().parents[1]
REVENUE_2015, SPENDING_2015 = 95.0464e8, 173.2799e8  # China City Statistical Yearbook, yuan
CENSUS_2020 = {"211102": 214_290, "211103": 529_394, "211104": 422_797, "211122": 223_210}


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("panjin", HOME)


@pytest.fixture(scope="module")
def inputs(pack: Pack) -> StageInputs:
    return stage_inputs(pack, load_scenario("panjin-baseline", HOME), demography.base_population)


@pytest.fixture(scope="module")
def projected(inputs: StageInputs) -> tuple[Population, Components]:
    return demography.simulate(inputs.demography)


def test_people_carried_from_2015_meet_the_census_of_2020(projected: tuple[Population, Components]) -> None:
    people = projected[0].to_frame()
    found = people[people["year"] == 2020].groupby("region")["persons"].sum()
    for region, counted in CENSUS_2020.items():
        assert found[region] == pytest.approx(counted, rel=0.015), region
    assert found.sum() == pytest.approx(sum(CENSUS_2020.values()), rel=0.005)


def test_the_split_of_the_budget_adds_up_to_what_was_published(inputs: StageInputs) -> None:
    assert inputs.fiscal.own_revenue[0].sum() == pytest.approx(REVENUE_2015, rel=1e-5)
    assert inputs.fiscal.expenditure.sum() == pytest.approx(SPENDING_2015 * 0.76 / 0.84, rel=1e-5)  # without what moved to the province in 2021
    grants = inputs.fiscal.expenditure - inputs.fiscal.own_revenue[0] - inputs.fiscal.new_bonds
    assert (grants > 0).all()


def test_flats_built_are_not_flats_let(inputs: StageInputs, projected: tuple[Population, Components]) -> None:
    codes = [resource.code for resource in inputs.supply.resources]
    built, let = (inputs.supply.capacity[:, codes.index(code)].sum() for code in ("rental_flat", "flat_let"))
    assert built == pytest.approx(4314, abs=2) and let == pytest.approx(710, abs=2)  # each unit's share is rounded
    s = [service.code for service in inputs.demand.services].index("public_rental")
    entitled = clients(*projected, inputs.demand)[0, :, :, s]
    assert (entitled * inputs.supply.base_coverage[:, :, s]).sum() == pytest.approx(710, rel=0.02)
    assert {resource for service, resource, _ in inputs.supply.requires if service == "public_rental"} == {"rental_flat", "flat_let"}


def test_households_paid_their_rent_in_cash_need_no_flat(pack: Pack) -> None:
    moved = stage_inputs(pack, load_scenario("panjin-rent-subsidies", HOME), demography.base_population).supply
    planned = {resource: units for service, resource, units in moved.requires_planned if service == "public_rental"}
    assert planned == {"rental_flat": pytest.approx(0.4), "flat_let": pytest.approx(0.4)}
    assert {units for service, _, units in moved.requires if service == "public_rental"} == {1.0}  # the base year is as it was


def test_relief_grows_by_the_plans_seven_percent_until_2020(inputs: StageInputs) -> None:
    s = [service.code for service in inputs.demand.services].index("dibao")
    path = inputs.demand.standard[: 2020 - 2015 + 1, s]
    assert np.allclose(path[1:] / path[:-1], 1.07, atol=5e-4)


def test_the_zones_lie_in_dawa_and_panshan(pack: Pack) -> None:
    listed = zones(pack).set_index("name_zh")
    assert listed["inside"].to_dict() == {"辽东湾新区": "211104", "辽河口生态经济区": "211122"}
    assert not set(listed["zone"]) & set(pack.regions)
