"""What the formula looks at, from a pack: averages times people, so that a region's own spending changes nothing of its own."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiscalsim import demography
from fiscalsim.allocation import equalisation_table, rules, under_rule
from fiscalsim.allocation.needs import general_by_rule, needs, tax_base
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.axes import Axis
from fiscalsim.demand import demand
from fiscalsim.fiscal_capacity import fiscal_capacity, money_with_people
from fiscalsim.pipeline import base_spending
from fiscalsim.scenario import home, load_scenario

PACK = load_pack("two-counties", home())


def staged(*overrides, spending=None, tags=None):
    """Inputs, demand and capacity of the two counties; `spending` moves yuan of every function from the first county to the second."""
    scenario = load_scenario("two-counties-baseline", home(), overrides)
    inputs = stage_inputs(PACK, scenario, demography.base_population)
    if spending is not None:
        part = spending * inputs.fiscal.function_outturn[:1]
        moved = inputs.fiscal.function_outturn + np.concatenate([-part, part])
        whole = inputs.fiscal.expenditure + np.array([-part.sum(), part.sum()])
        inputs = replace(inputs, fiscal=replace(inputs.fiscal, function_outturn=moved, expenditure=whole))
    population, components = demography.simulate(inputs.demography)
    needed = demand(population, components, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)
    followed = money_with_people(population, components, needed, inputs.fiscal)
    return inputs, needed, fiscal_capacity(inputs.fiscal, inputs.years, inputs.regions, *base_spending(inputs, needed), followed)


@pytest.fixture(scope="module")
def usual():
    return staged()


@given(st.floats(0.0, 0.08))
def test_a_regions_own_spending_does_not_change_its_need(usual, spending):
    inputs, needed, capacity = usual
    found, moved = needs(inputs, needed, capacity), needs(*staged(spending=spending))
    assert moved.expenditure[..., :-1] == pytest.approx(found.expenditure[..., :-1], rel=1e-9)
    assert moved.revenue == pytest.approx(found.revenue, rel=1e-12)
    share = [one.expenditure[..., -1] / one.expenditure[..., -1].sum(axis=1, keepdims=True) for one in (found, moved)]
    assert share[1] == pytest.approx(share[0], rel=1e-9)  # outside the catalogue: the pack's mean a head


def test_what_the_pack_spent_in_the_base_year_is_what_its_people_need_on_average(usual):
    inputs, needed, capacity = usual
    found = needs(inputs, needed, capacity)
    for f, function in enumerate(inputs.fiscal.functions):
        if function in found.functions:
            assert found.expenditure[0, :, found.functions.index(function)].sum() == pytest.approx(inputs.fiscal.function_outturn[:, f].sum(), rel=1e-9)
    assert found.expenditure[..., -1].sum(axis=1) == pytest.approx((capacity.first_claims + capacity.other_spending).sum(axis=1), rel=1e-9)
    assert found.revenue.sum(axis=1) == pytest.approx(capacity.own_revenue.sum(axis=1), rel=1e-12)


def test_without_a_published_product_a_region_counts_with_its_own_revenue(usual):
    inputs, needed, capacity = usual
    assert np.isnan(tax_base(inputs)).all()
    assert needs(inputs, needed, capacity).revenue == pytest.approx(
        capacity.own_revenue[0] / capacity.own_revenue[0].sum() * capacity.own_revenue.sum(axis=1)[:, None]
    )


def test_a_citys_product_is_split_over_its_counties_by_own_revenue_and_a_countys_own_comes_first():
    rows = [("P", 5000.0, "a;b;c"), ("AB", 900.0, "a;b"), ("c", 700.0, "c")]  # of the whole pack: says nothing of its parts

    def bases(*rows):
        published = pd.DataFrame([{"item": "gdp", "year": 2020, "region": region, "value": value, "leaves": leaves} for region, value, leaves in rows])
        regions, own = Axis("region", ("a", "b", "c")), np.array([[10.0, 20.0, 5.0]])
        return tax_base(SimpleNamespace(published=published, regions=regions, info=SimpleNamespace(base_year=2020), fiscal=SimpleNamespace(own_revenue=own)))

    assert bases(*rows) == pytest.approx([300.0, 600.0, 700.0])
    assert bases(*reversed(rows)) == pytest.approx([300.0, 600.0, 700.0])
    assert bases(*rows, ("b", 650.0, "b")) == pytest.approx([300.0, 650.0, 700.0])
    assert np.isnan(bases(*rows[:2])).tolist() == [False, False, True]


def test_factors_of_tags_raise_the_need_of_the_tagged_and_no_more_is_shared_out(usual):
    inputs, needed, capacity = usual
    raised = needs(*staged("allocation.rule_poor_factor=1.2"))
    before = needs(inputs, needed, capacity)
    assert (raised.expenditure[:, 1].sum(axis=1) > before.expenditure[:, 1].sum(axis=1)).all()
    assert (raised.expenditure[:, 0].sum(axis=1) < before.expenditure[:, 0].sum(axis=1)).all()


@pytest.mark.parametrize("policy", ["status-quo", "per-head", "formula"])
def test_under_a_rule_the_pool_is_used_and_a_loss_is_borne_by_all_spending(policy):
    inputs, needed, usual = staged(f"policy={policy}")
    money = under_rule(inputs, needed, usual)
    assert money.rule_general.sum(axis=1) == pytest.approx(usual.general_pool, rel=1e-9)
    more = money.rule_general - rules.status_quo(usual.general_pool, usual.base_general)
    freed = usual.other_spending - money.other_spending
    assert money.means - usual.means == pytest.approx(freed)
    assert (freed[1:] * more[1:] <= 0).all() and (np.abs(freed[1:]) <= np.abs(more[1:]) + 1e-6).all()
    assert (freed[0] == 0).all()
    rows = money.waterfall.pivot_table(index=["year", "region"], columns="item", values="yuan")
    parts = ["own_revenue", "transfers_usual", "first_claims", "debt_interest", "reserve", "other_spending", "other_sources"]
    assert rows[parts].sum(axis=1).to_numpy() == pytest.approx(rows["available_usual"].to_numpy(), abs=1.0)


def test_per_head_follows_the_residents_of_each_year():
    inputs, needed, capacity = staged("policy=per-head")
    grants = general_by_rule(inputs, needed, capacity)
    assert grants / needed.residents == pytest.approx((capacity.general_pool / needed.residents.sum(axis=1))[:, None] * np.ones((1, 2)))
    assert needed.residents[-1, 0] / needed.residents[-1].sum() != pytest.approx(needed.residents[0, 0] / needed.residents[0].sum(), rel=1e-4)


def test_the_optimal_sharing_is_left_alone(usual):
    assert under_rule(*usual) is usual[2]


def test_the_table_of_steps_adds_up_to_the_grants(usual):
    inputs, needed, capacity = usual
    wide = equalisation_table(inputs, needed, capacity).pivot_table(index=["year", "region"], columns="item", values="value")
    given = wide[["fixed", "equalisation", "guarantee", "reward"]].sum(axis=1).groupby("year").sum()
    assert given.to_numpy() == pytest.approx(wide["general"].groupby("year").sum().to_numpy(), rel=1e-9)
    assert given.to_numpy() == pytest.approx(capacity.general_pool[1:], rel=1e-9)
