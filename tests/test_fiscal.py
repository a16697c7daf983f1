"""What there is to spend: the account of every region and year, the base year against published budgets, who pays, and the insurance funds."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.fiscal_capacity import (
    balance_gap,
    base_waterfall,
    far_from_one,
    first_deficits,
    fund_table,
    later_outturn,
    reconciliation,
    split_by_level,
)
from fiscalsim.fiscal_capacity.funds import in_work
from fiscalsim.pipeline import cost_as_today
from fiscalsim.scenario import load_scenario
from tests import tools

ROOT = Path(__file__).resolve().parents[1]
PACKS = ("liaoning", "inner-mongolia", "linxia", "panjin")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return tools.tool("write_fiscal")


@pytest.fixture(scope="module")
def staged(tool):
    kept: dict[str, object] = {}

    def of(name: str):
        if name not in kept:
            kept[name] = tool.staged(name)
        return kept[name]

    return of


@pytest.mark.parametrize("name", [*PACKS, "two-counties", "generic-city"])
def test_the_base_years_account_closes_to_the_yuan_in_every_region(name, staged):
    found = staged(name)
    table = base_waterfall(found.inputs.fiscal, found.money)
    assert set(table["region"]) == set(found.inputs.regions)
    assert (table["yuan"] >= 0).all()
    assert balance_gap(table).abs().max() < 0.5
    received = table[table["side"] == "received"].groupby("region")["yuan"].sum()
    for r, region in enumerate(found.inputs.regions):
        assert received[region] == pytest.approx(found.inputs.fiscal.expenditure[r])


@pytest.mark.parametrize("name", PACKS)
def test_base_revenue_is_the_published_one_and_the_difference_of_spending_is_stated(name, staged):
    found = staged(name)
    table = reconciliation(found.inputs, found.money)
    parts = table[table["region"].isin(found.inputs.regions.labels)]
    revenue = parts[parts["line"] == "own_revenue"]
    assert (revenue["difference_yuan"].abs() < 1e5).all()  # four decimals of 100 million yuan
    assert ((table["model_yuan"] - table["published_yuan"] - table["difference_yuan"]).abs() < 1e-3).all()
    if name in ("liaoning", "linxia"):
        assert set(parts.loc[parts["line"] == "expenditure", "region"]) == set(found.inputs.regions)


def test_later_years_are_compared_where_they_are_published(staged):
    found = staged("liaoning")
    table = later_outturn(found.inputs, found.money, cost_as_today(found.inputs, found.needed))
    spent = table[(table["line"] == "expenditure") & (table["year"] == 2023) & table["region"].isin(found.inputs.regions.labels)]
    assert len(spent) == 14
    assert spent["model_yuan"].sum() == pytest.approx(spent["published_yuan"].sum(), rel=0.01)
    whole = table[(table["region"] == "210000") & (table["line"] == "health") & (table["year"] == 2021)].iloc[0]
    assert whole["change"] == pytest.approx(whole["ratio"] / whole["base_ratio"] - 1.0)


def test_factors_far_from_one_are_flagged_the_farthest_first(staged):
    calibration = staged("two-counties").needed.calibration
    assert far_from_one(calibration).empty
    assert far_from_one(calibration.assign(factor=[1.0, 0.3, 2.0, *[1.0] * (len(calibration) - 3)]))["factor"].tolist() == [0.3, 2.0]


def test_the_page_is_current(tool):
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(), "python tools/write_fiscal.py writes it"


# --- who pays -------------------------------------------------------------------------------------------------------


def test_levels_sum_to_the_cost_and_the_region_alone_pays_what_it_adds():
    inputs = SimpleNamespace(central_share=np.array([[0.5, 0.8]]), upper_share=np.array([[0.65, 0.8]]))
    national, standard = np.array([[100.0, 100.0]]), np.array([[130.0, 80.0]])
    served, cost = np.array([[10.0, 10.0]]), np.array([[1300.0, 800.0]])
    parts = split_by_level(inputs, national, standard, served, cost)
    assert parts["centre"] == pytest.approx(np.array([[500.0, 640.0]]))
    assert parts["province"] == pytest.approx(np.array([[150.0, 0.0]]))
    assert parts["local"] == pytest.approx(np.array([[350.0, 160.0]]))
    assert parts["local_above"] == pytest.approx(np.array([[300.0, 0.0]]))  # 30 yuan a head above the national standard
    assert sum(parts.values()) == pytest.approx(cost)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1e6), st.floats(0, 2))
def test_no_level_pays_less_than_nothing(central, province, national, standard, served, follows):
    inputs = SimpleNamespace(central_share=np.array([central]), upper_share=np.array([central + (1 - central) * province]))
    cost = np.array([standard * served * follows])
    parts = split_by_level(inputs, np.array([national]), np.array([standard]), np.array([served]), cost)
    assert sum(parts.values()) == pytest.approx(cost, rel=1e-12, abs=1e-6)
    assert all((part >= -1e-6 * (1 + cost)).all() for part in parts.values())


# --- insurance funds ------------------------------------------------------------------------------------------------


def test_who_works_and_who_has_retired_follows_the_retirement_age_of_the_year():
    persons = np.zeros((2, 1, 2, 2, 101))
    persons[..., 19], persons[..., 40], persons[..., 60] = 7.0, 10.0, 4.0
    workers, retired = in_work(persons, np.array([60.0, 60.5]), np.array([50.0, 50.0]))
    assert workers[:, 0] == pytest.approx([2 * 2 * 10, 2 * 2 * 10 + 2 * 0.5 * 4])
    assert retired[:, 0] == pytest.approx([2 * 2 * 4, 2 * 0.5 * 4 + 2 * 4])


@pytest.mark.parametrize("name", [*PACKS, "two-counties", "generic-city"])
def test_every_fund_adds_up_and_the_base_year_of_the_employees_funds_is_no_loss(name, staged):
    table = staged(name).funds
    assert (table["contribution_yuan"] + table["subsidy_yuan"] - table["benefit_yuan"] - table["balance_yuan"]).abs().max() < 1.0
    whole, parts = table[table["region"] == "plan"], table[table["region"] != "plan"]
    summed = parts.groupby(["year", "fund"])[["contributors", "benefit_yuan", "new_gap_yuan"]].sum()
    assert np.allclose(whole.set_index(["year", "fund"])[summed.columns].sort_index(), summed.sort_index())
    base = whole[whole["year"] == whole["year"].min()].set_index("fund")
    assert (base.loc[["employees_pension", "employees_medical"], "balance_yuan"] >= -1.0).all()
    assert (base["new_gap_yuan"] == 0).all() and (table["local_claim_yuan"] == 0).all()
    reserve = whole[whole["fund"] == "employees_pension"].set_index("year")
    assert np.allclose(reserve["reserve_yuan"].diff().iloc[1:], reserve["balance_yuan"].iloc[1:])


def test_liaonings_pension_fund_is_short_from_the_start_and_ever_fewer_pay_for_a_pensioner(staged):
    table = staged("liaoning").funds
    found = first_deficits(table[table["year"] <= 2035]).set_index("fund").loc["employees_pension"]
    assert found["own_deficit"] == 2020 and found["deficit"] == 2021
    assert found["payers_per_drawer_first"] == pytest.approx(1.44, abs=0.05)
    assert found["payers_per_drawer_last"] < 1.0


def test_later_retirement_helps_the_pension_fund_and_nothing_else_does_in_the_base_year():
    late = staged_funds("liaoning")
    never = staged_funds("liaoning", "funds.retirement_age_men={2024: 60}", "funds.retirement_age_women={2024: 52.5}")
    columns = ["contributors", "beneficiaries", "balance_yuan"]
    before, after = (table[(table["region"] == "plan") & (table["fund"] == "employees_pension")].set_index("year")[columns] for table in (never, late))
    assert np.allclose(before.loc[:2024], after.loc[:2024])
    assert after.loc[2035, "contributors"] > before.loc[2035, "contributors"] and after.loc[2035, "balance_yuan"] > before.loc[2035, "balance_yuan"]


def staged_funds(name: str, *overrides: str):
    inputs = stage_inputs(load_pack(name, ROOT), load_scenario(f"{name}-baseline", ROOT, overrides), demography.base_population)
    population, _ = demography.simulate(inputs.demography)
    return fund_table(population, inputs.fiscal)


def test_the_three_factors_farthest_from_one_are_read_in_words(tool, staged):
    found = {(name, row.region, row.function) for name in PACKS for row in tool.farthest(staged(name)).itertuples()}
    assert found == set(tool.READINGS)
