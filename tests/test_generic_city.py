"""The made-up city is made up through and through, and looks like China in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiscalsim import demography
from fiscalsim.assumptions import Pack, load_pack, stage_inputs
from fiscalsim.demand import demand
from fiscalsim.quantities import StageInputs
from fiscalsim.scenario import load_scenario

HOME = Path(__file__).resolve().parents[1]
FROM_THE_PLAN = ("indicators.csv", "plan_items.csv", "plan_headings.csv")  # words of the template; all other rows of the pack are the recipe's


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("generic-city", HOME)


@pytest.fixture(scope="module")
def inputs(pack: Pack) -> StageInputs:
    return stage_inputs(pack, load_scenario("generic-city-baseline", HOME), demography.base_population)


def test_every_number_of_the_city_is_our_assumption(pack: Pack) -> None:
    assert pack.info.made_up
    seen = 0
    for file, rows in pack.tables.items():
        for row in rows:
            if row.get("file") == f"generic-city/{file}" and file not in FROM_THE_PLAN and "grade" in row:
                seen += 1
                assert (row["grade"], row["source"]) == ("D", "assumption"), (file, row["line"])
    assert seen > 500
    own = [parameter for parameter in pack.parameters.values() if parameter.file.startswith("generic-city/")]
    assert own and all((parameter.grade, parameter.source) == ("D", "assumption") for parameter in own)


def test_it_has_the_nations_ages_and_money_a_head(inputs: StageInputs) -> None:
    people = inputs.demography.base_population
    assert people.sum() == pytest.approx(2_500_000)
    # China at the end of 2022: 19.8 %; people of 55-59 are spread evenly, which takes some of the boom of 1963 over the line two years early
    assert 0.19 < people[..., 60:].sum() / people.sum() < 0.21
    assert 0.16 < people[..., :15].sum() / people.sum() < 0.18  # 16.9 %
    assert inputs.fiscal.expenditure.sum() / people.sum() == pytest.approx(0.8 * 15_936, rel=0.01)  # local spending of China in 2022, the cities' part


def test_what_serving_costs_is_near_what_is_spent(inputs: StageInputs) -> None:
    factors = demand(*demography.simulate(inputs.demography), inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions).calibration
    assert factors["factor"].between(0.75, 1.25).all(), factors[~factors["factor"].between(0.75, 1.25)]
