"""The whole chain on the two made-up counties: same bytes twice, identities, direction of change, warm against fresh."""

from __future__ import annotations

import pandas as pd
import pytest

from fiscalsim.pipeline import RunResult, WarmModels, run
from fiscalsim.scenario import FAMILY_NAMES, load_scenario


def two_counties(*overrides: str, **options) -> RunResult:
    return run(load_scenario("two-counties-baseline", overrides=overrides), **options)


@pytest.fixture(scope="module")
def baseline() -> RunResult:
    return two_counties()


def goals(result: RunResult) -> dict[str, float]:
    return {p["name"]: p["objective"] for p in result.passes}


def test_a_run_twice_gives_equal_tables(baseline):
    again = two_counties()
    assert list(again.tables) == list(baseline.tables)
    for name, table in baseline.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name], check_exact=True)


def test_every_check_passes_and_every_pass_is_optimal(baseline):
    assert baseline.tables["checks"]["passed"].all()
    assert {p["status"] for p in baseline.passes} == {"optimal"}


def test_counties_add_up_to_the_transfers_and_the_pool(baseline):
    given = baseline.tables["transfers"].groupby(["year", "kind"])["yuan"].sum()
    fiscal = baseline.tables["fiscal"]
    for kind in ("general", "earmarked"):
        pool = fiscal[fiscal["item"] == f"{kind}_pool"].set_index("year")["yuan"]
        assert (given.xs(kind, level="kind") <= pool * (1 + 1e-9)).all()


@pytest.mark.parametrize("squeeze", ["fiscal.revenue_growth=-0.01", "fiscal.transfer_pool=0.9"])
def test_a_squeeze_never_lowers_the_first_shortfall(baseline, squeeze):
    squeezed = goals(two_counties(squeeze, replay=False))
    assert squeezed["1a"] >= goals(baseline)["1a"] - 1e-6


def test_a_warm_answer_equals_the_fresh_one():
    warm = WarmModels()
    two_counties(warm=warm, replay=False)
    moved = two_counties("fiscal.transfer_pool=1.05", warm=warm, replay=False)
    fresh = two_counties("fiscal.transfer_pool=1.05", replay=False)
    assert goals(moved)["5"] == pytest.approx(goals(fresh)["5"], rel=1e-6)


@pytest.mark.parametrize("policy", ["status-quo", "per-head", "formula"])
def test_rules_of_today_run_through_the_same_accounting(policy):
    ruled = two_counties(f"policy={policy}", replay=False)
    assert ruled.tables["checks"]["passed"].all()
    given = ruled.tables["transfers"].query("kind == 'general'").groupby("year")["yuan"].sum()
    pool = ruled.tables["fiscal"].query("item == 'general_pool'").set_index("year")["yuan"]
    assert given.to_numpy() == pytest.approx(pool.to_numpy(), rel=1e-9)


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_a_limit_can_be_switched_off_by_name_and_easing_a_limit_never_adds_to_the_first_goal(baseline, family):
    eased = two_counties(f"limits.{family}=false", replay=False)
    assert goals(eased)["1a"] <= goals(baseline)["1a"] + 1e-6


def test_what_is_not_fully_covered_names_a_limit_or_says_none(baseline):
    limits = baseline.tables["limits"]
    assert set(limits.columns) == {"year", "region", "residence", "service", "limited_by"}
    assert (limits["limited_by"] != "").mean() > 0.5
