"""Examples on the two made-up counties that a reader can redo by hand; each file says how."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiscalsim.levers import read_yaml
from fiscalsim.pipeline import RunResult, run
from fiscalsim.scenario import load_scenario

EXAMPLE = read_yaml(Path(__file__).parent / "worked_examples" / "two-counties-2020.yaml")


@pytest.fixture(scope="module")
def result() -> RunResult:
    return run(load_scenario("two-counties-baseline"), replay=False)


@pytest.mark.parametrize("case", EXAMPLE["clients"], ids=lambda case: f"{case['region']}-{case['residence']}-{case['service']}")
def test_clients_are_what_the_hand_counts(result, case):
    demand = result.tables["demand"].query("year == 2020")
    row = demand[(demand["region"] == case["region"]) & (demand["residence"] == case["residence"]) & (demand["service"] == case["service"])]
    assert row["clients"].item() == pytest.approx(float(case["value"]), rel=1e-9)


@pytest.mark.parametrize("case", EXAMPLE["calibration"], ids=lambda case: case["function"])
def test_a_calibration_factor_is_published_over_modelled(result, case):
    table = result.tables["calibration"]
    row = table[(table["region"] == case["region"]) & (table["function"] == case["function"])]
    assert row["factor"].item() == pytest.approx(float(case["value"]), abs=1e-6)
    assert row["factor"].item() == pytest.approx(row["published_yuan"].item() / row["modelled_yuan"].item(), rel=1e-12)


@pytest.mark.parametrize("case", EXAMPLE["waterfall_A1"], ids=lambda case: case["item"])
def test_the_waterfall_of_the_base_year_is_the_countys_budget(result, case):
    table = result.tables["fiscal"].query("year == 2020 and region == 'A1'")
    assert table[table["item"] == case["item"]]["yuan"].item() == pytest.approx(float(case["value"]), rel=1e-9)
