"""Futures around a scenario: what is drawn, that order and workers do not matter, what is concluded, and how it is filed."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim.assumptions import check_pack, load_pack
from fiscalsim.errors import InputError, IntegrityError, NoSolution
from fiscalsim.levers import path_at
from fiscalsim.pipeline import run
from fiscalsim.scenario import home, load_scenario
from fiscalsim.uncertainty import FLOORS, NO_PLAN, PLAN, REST, SOLVED, WORST_GAPS, check_risk, find_risk, open_risk, risk, risks, save_risk, solving
from fiscalsim.uncertainty.concluding import factors, shares, wilson
from fiscalsim.uncertainty.discovery import discover
from fiscalsim.uncertainty.drivers import Driver, carried, draw, drivers_of, shocks
from fiscalsim.uncertainty.solving import Result, outcome, solve, solve_all, typed

BASE = "two-counties-baseline"
YEARS = tuple(range(2020, 2034))
REVENUE = Driver("fiscal.revenue_growth", "plus", 0.01, 0.6, 2022, "", 0.0, -0.1, 0.1)
WAGES = Driver("costs.wage_growth", "plus", 0.01, 1.0, 2022, "fiscal.revenue_growth", 0.5, -0.05, 0.15)


@pytest.fixture(scope="module")
def scenario():
    return load_scenario(BASE)


def fake(scenario, home, patch):
    """A plan in arithmetic: the gap falls with revenue growth and rises with wages; a floor is missed in B1 where revenue grows slowly."""
    years = np.arange(2021, 2031)
    growth, wages = (path_at(patch.get(path, scenario.value(path)), years) for path in ("fiscal.revenue_growth", "costs.wage_growth"))
    gap = np.maximum(1e8 * (1.0 - 20 * np.cumsum(growth) + 5 * np.cumsum(wages - 0.03)), 0.0)
    slow = float(growth.mean()) < -0.008
    rows = []
    for y, year in enumerate(years):
        for region, part in (("A1", 0.25), ("B1", 0.75), (PLAN, 1.0)):
            values = (part * gap[y], part * 1e10, part * 1e10 * (1 - 0.1 * slow), float(slow and region != "A1"))
            rows += [(year, region, measure, value) for measure, value in zip(solving.MEASURES, values, strict=True)]
    return Result(SOLVED, "", typed(pd.DataFrame(rows, columns=list(solving.KINDS))))


def fake_without_seventh(scenario, home, patch):
    """As `fake`, but a future has no plan: the one of number seven of the scenario's own seed."""
    return Result(NO_PLAN, "pass 1b: Infeasible", solving.no_rows()) if patch and patch == SEVENTH else fake(scenario, home, patch)


def _seventh():
    pack, one = load_pack("two-counties", home()), load_scenario(BASE)
    years = tuple(range(2020, 2031 + int(one.value("allocation.tail_years"))))
    return draw(drivers_of(pack), one, one.seed, 20, years).patch(7)


SEVENTH = _seventh()


@pytest.fixture(scope="module")
def analysed(scenario):
    return risk(scenario, futures=60, workers=0, task=fake)


# --- what is drawn --------------------------------------------------------------------------------------------------


def test_draws_have_the_stated_mean_spread_and_correlation(scenario):
    drawn = draw((REVENUE, WAGES), scenario, 1, 4000, YEARS)
    moved = drawn.values - drawn.base
    late = YEARS.index(2033)
    assert moved[:, :, late].mean(axis=0) == pytest.approx(np.zeros(2), abs=4 * 0.035 / np.sqrt(4000))
    n = 2033 - 2022 + 1
    assert moved[:, 0, late].std() == pytest.approx(0.01 * np.sqrt((1 - 0.6 ** (2 * n)) / (1 - 0.36)), rel=0.04)  # AR(1), started at its path
    assert moved[:, 1, YEARS.index(2026)].std() == pytest.approx(0.01 * np.sqrt(5), rel=0.04)  # a random walk of five steps
    assert np.corrcoef(moved[:, 0, late - 1], moved[:, 0, late])[0, 1] == pytest.approx(0.6, abs=0.04)
    first = YEARS.index(2022)
    assert np.corrcoef(moved[:, 0, first], moved[:, 1, first])[0, 1] == pytest.approx(0.5, abs=0.04)
    assert np.corrcoef(drawn.own[:, 0, first], drawn.own[:, 1, first])[0, 1] == pytest.approx(0.0, abs=0.05)


def test_nothing_moves_before_its_first_year_and_a_multiple_moves_in_proportion(scenario):
    pool = Driver("fiscal.transfer_pool", "times", 0.02, 1.0, 2025, "", 0.0, 0.5, 2.0)
    drawn = draw((pool,), replace(scenario, set={"fiscal.transfer_pool": 1.5}), 3, 2000, YEARS)
    assert (drawn.values[:, 0, : YEARS.index(2025)] == 1.5).all()
    assert (drawn.values[:, 0, YEARS.index(2025) :] != 1.5).all()
    assert drawn.values[:, 0, YEARS.index(2025)].std() == pytest.approx(0.03, rel=0.06)


def test_what_is_drawn_beyond_a_lever_lies_on_its_bound_and_is_counted(scenario):
    drawn = draw((replace(REVENUE, sd=0.2),), scenario, 1, 200, YEARS)
    assert drawn.values.min() == -0.1 and drawn.values.max() == 0.1
    assert drawn.clipped.sum() == (np.abs(drawn.values) == 0.1).sum() > 0


@given(seed=st.integers(0, 2**32 - 1), future=st.integers(1, 500), first=st.integers(2000, 2040), n=st.integers(1, 30))
@settings(max_examples=50, deadline=None)
def test_a_shock_belongs_to_seed_lever_future_and_year_alone(seed, future, first, n):
    some, more = tuple(range(first, first + n)), tuple(range(first - 5, first + n + 7))
    assert (shocks("a.b", seed, future, some) == shocks("a.b", seed, future, more)[5 : 5 + n]).all()
    assert (shocks("a.b", seed, future, some) != shocks("a.c", seed, future, some)).any()
    assert (shocks("a.b", seed, future, some) != shocks("a.b", seed, future + 1, some)).any()


def test_more_futures_leave_the_first_ones_as_they_were(scenario):
    few, many = (draw((REVENUE, WAGES), scenario, 5, n, YEARS) for n in (20, 90))
    assert (many.values[:20] == few.values).all()
    assert few.patch(0) == {} and list(few.patch(3)) == ["fiscal.revenue_growth", "costs.wage_growth"]


@given(persistence=st.floats(0, 1), values=st.lists(st.floats(-1, 1), min_size=2, max_size=20))
@settings(max_examples=50, deadline=None)
def test_a_deviation_is_a_share_of_the_one_before_and_the_shock(persistence, values):
    found = carried(np.array(values), persistence)
    for (before, now), shock in zip(pairwise(found), values[1:], strict=True):
        assert now == pytest.approx(persistence * before + shock)


def test_common_shocks_make_two_scenarios_differ_by_policy_and_not_by_noise(scenario):
    other = replace(scenario, set={**scenario.set, "costs.wage_growth": 0.035})

    def gaps(one, seed):
        found = risk(one, futures=60, workers=0, seed=seed, task=fake).tables["outcomes"]
        return found.query("region == @PLAN and measure == 'unmet_yuan' and year == 2026 and future > 0")["value"].to_numpy()

    common, apart = gaps(other, 1) - gaps(scenario, 1), gaps(other, 2) - gaps(scenario, 1)
    assert common.std() < 0.05 * apart.std()


# --- solving --------------------------------------------------------------------------------------------------------


def test_a_future_is_solved_as_a_run_of_the_scenario_with_its_levers_moved_whatever_was_solved_before(scenario):
    pack = load_pack("two-counties", home())
    drawn = draw(drivers_of(pack), scenario, 4, 3, tuple(range(2020, 2034)))
    for number in (2, 0, 3, 2):
        alone = outcome(run(replace(scenario, set={**scenario.set, **drawn.patch(number)}), replay=False).tables)
        pd.testing.assert_frame_equal(solve(scenario, None, drawn.patch(number)).rows, alone, check_exact=True)


@pytest.mark.slow
def test_order_and_number_of_workers_do_not_matter(scenario):
    drawn = draw(drivers_of(load_pack("two-counties", home())), scenario, 4, 4, tuple(range(2020, 2034)))
    forward = {number: drawn.patch(number) for number in range(5)}
    backward = dict(reversed(forward.items()))
    here, one, two = (solve_all(scenario, None, which, n, lambda *_: None) for which, n in ((forward, 0), (backward, 1), (forward, 2)))
    for number in forward:
        for found in (one, two):
            pd.testing.assert_frame_equal(found[number].rows, here[number].rows, check_exact=True)


def test_one_and_two_workers_file_the_same_bytes(scenario, tmp_path):
    folders = [save_risk(risk(scenario, futures=20, workers=n, task=fake), tmp_path / str(n)) for n in (1, 2)]
    assert folders[0].name == folders[1].name
    for file in sorted(path.name for path in folders[0].glob("*.parquet")):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes()
    assert open_risk(folders[0]).record["sha256"] == open_risk(folders[1]).record["sha256"]


def test_a_future_without_a_plan_is_recorded_with_its_reason_and_stands_in_no_share(scenario):
    found = risk(scenario, futures=20, workers=0, task=fake_without_seventh)
    row = found.tables["states"].set_index("future").loc[7]
    assert (row["state"], row["reason"]) == (NO_PLAN, "pass 1b: Infeasible")
    assert (found.summary["futures"], found.summary["solved"], found.summary["unsolved"]) == (20, 19, 1)
    assert set(found.tables["outcomes"]["future"]) == set(range(21)) - {7}
    assert (found.tables["likelihood"]["futures"] == 19).all()


def test_a_solver_without_an_answer_and_any_other_fault_are_results_of_their_future(scenario, monkeypatch):
    def without(*_, **__):
        raise NoSolution("pass 1a: Infeasible")

    monkeypatch.setattr(solving, "run", without)
    assert solve(scenario, None, {}).state == NO_PLAN
    monkeypatch.setattr(solving, "run", lambda *_, **__: {}["missing"])
    broken = solve(scenario, None, {})
    assert broken.state == solving.FAILED and "KeyError" in broken.reason


def test_a_scenario_without_a_plan_is_an_error(scenario):
    with pytest.raises(NoSolution, match="Infeasible"):
        risk(scenario, futures=20, workers=0, task=lambda *_: Result(NO_PLAN, "pass 1a: Infeasible", solving.no_rows()))


@pytest.mark.parametrize("futures", [0, 19, 5001])
def test_too_few_or_too_many_futures_are_refused(scenario, futures):
    with pytest.raises(InputError, match="from 20 to 5000"):
        risk(scenario, futures=futures, workers=0, task=fake)


# --- what is concluded ----------------------------------------------------------------------------------------------


def test_the_fan_holds_the_quantiles_of_the_futures_and_the_scenario_itself(analysed):
    rows = analysed.tables["outcomes"].query("region == @PLAN and measure == 'unmet_yuan' and year == 2028").set_index("future")["value"]
    fan = analysed.tables["fan"].query("measure == 'gap_yuan' and year == 2028").iloc[0]
    assert fan["scenario"] == rows[0]
    for name, share in (("p5", 0.05), ("p20", 0.2), ("median", 0.5), ("p80", 0.8), ("p95", 0.95)):
        assert fan[name] == pytest.approx(rows[rows.index > 0].quantile(share))


def test_the_likelihood_counts_futures_and_says_how_sure_it_is(analysed):
    table = analysed.tables["likelihood"].set_index("region")
    missed = analysed.tables["outcomes"].query("region == 'B1' and measure == 'floors_missed' and future > 0").groupby("future")["value"].max() > 0
    assert table.loc["A1", "held"] == 1.0 and np.isnan(table.loc["A1", "first_missed"])
    assert table.loc["B1", "held"] == table.loc[PLAN, "held"] == pytest.approx(1 - missed.mean())
    assert (table["low"] <= table["held"]).all() and (table["held"] <= table["high"]).all()
    assert table.loc["B1", "deficit"] == pytest.approx(missed.mean())


def test_the_interval_of_a_share_is_wilsons():
    assert wilson(10, 20) == pytest.approx((0.3274, 0.6726), abs=1e-4)
    assert wilson(0, 20)[0] == 0.0 and 0.1 < wilson(0, 20)[1] < 0.15


def test_shares_are_those_of_a_known_sum_and_add_to_one_with_the_rest():
    X = np.random.default_rng(1).standard_normal((2000, 4))
    y = 2 * X[:, 0] + X[:, 1] + 0.5 * np.random.default_rng(2).standard_normal(2000)
    table = shares(X, y, ("a", "b", "c", "d")).set_index("path")
    for path, share in {"a": 4 / 5.25, "b": 1 / 5.25, "c": 0.0, "d": 0.0, REST: 0.25 / 5.25}.items():
        assert table.loc[path, "share"] == pytest.approx(share, abs=0.03)
    assert table["share"].sum() == pytest.approx(1.0)
    pd.testing.assert_frame_equal(shares(X, np.exp(y), ("a", "b", "c", "d")), table.reset_index())  # ranks: however crooked


def test_the_interval_of_a_share_holds_the_truth_about_as_often_as_it_says():
    inside = 0
    for seed in range(200):
        X = np.random.default_rng([seed, 1]).standard_normal((60, 3))
        y = X[:, 0] + X[:, 1]
        row = shares(X, y + np.random.default_rng([seed, 2]).standard_normal(60), ("a", "b", "c")).set_index("path").loc["a"]
        inside += row["low"] <= 1 / 3 <= row["high"]
    assert inside >= 170


def test_a_gap_that_never_moves_is_decided_by_nothing():
    table = shares(np.random.default_rng(1).standard_normal((30, 2)), np.ones(30), ("a", "b"))
    assert list(table["share"]) == [0.0, 0.0, 1.0]


def test_the_plan_fails_when_revenue_grows_slowly(analysed):
    assert analysed.summary["fails_by"] == FLOORS
    rule = analysed.tables["rule"]
    assert list(rule["path"]) == ["fiscal.revenue_growth"] and list(rule["side"]) == ["below"] and rule["change"].iloc[0] < 0
    assert analysed.summary["rule_density"] > 0.8 and analysed.summary["rule_coverage"] > 0.8


def test_where_floors_always_hold_the_worst_gaps_count_as_failing(scenario):
    def always(one, where, patch):
        found = fake(one, where, patch)
        return replace(found, rows=found.rows.assign(value=found.rows["value"].where(found.rows["measure"] != "floors_missed", 0.0)))

    found = risk(scenario, futures=40, workers=0, task=always)
    assert found.summary["fails_by"] == WORST_GAPS and found.summary["failing"] == 8 and found.summary["held"] == 1.0


def test_factors_average_the_uncertain_years_only(scenario):
    drawn = draw((REVENUE,), scenario, 1, 20, YEARS)
    whole = drawn.values[:, 0, YEARS.index(2022) : YEARS.index(2026) + 1] - drawn.base[0, YEARS.index(2022) : YEARS.index(2026) + 1]
    assert factors(drawn, 2026, own=False)[:, 0] == pytest.approx(whole.mean(axis=1))


def test_discovery_finds_a_planted_box():
    X = np.random.default_rng(3).uniform(size=(120, 6))
    box = discover(X, (X[:, 1] < 0.4) & (X[:, 4] > 0.5))
    assert [(limit.factor, limit.below) for limit in box.limits] == [(1, True), (4, False)]
    assert [limit.value for limit in box.limits] == pytest.approx([0.4, 0.5], abs=0.1)
    assert box.coverage > 0.8 and box.density > 0.8


def test_discovery_takes_one_limit_where_one_is_enough():
    X = np.random.default_rng(4).uniform(size=(100, 5))
    box = discover(X, X[:, 2] > 0.7)
    assert [(limit.factor, limit.below) for limit in box.limits] == [(2, False)]


def test_discovery_finds_nothing_in_noise():
    found = 0
    for seed in range(30):
        stream = np.random.default_rng(seed)
        found += discover(stream.uniform(size=(60, 5)), stream.uniform(size=60) < 0.3) is not None
    assert found <= 6  # one in twenty for a single limit, as many for a pair


@pytest.mark.parametrize("failures", [0, 2, 60, 58])
def test_discovery_says_nothing_where_nearly_all_or_none_fail(failures):
    assert discover(np.random.default_rng(1).uniform(size=(60, 3)), np.arange(60) < failures) is None


# --- filing ---------------------------------------------------------------------------------------------------------


def test_an_analysis_is_filed_whole_found_again_and_proves_its_bytes(analysed, tmp_path):
    folder = save_risk(analysed, tmp_path)
    assert check_risk(folder) == [] and save_risk(analysed, tmp_path) == folder
    assert [one.name for one in risks(tmp_path)] == [folder.name] and find_risk(folder.name[-8:], tmp_path).path == folder
    for name, table in analysed.tables.items():
        pd.testing.assert_frame_equal(open_risk(folder).table(name), table, check_dtype=False)
    file = folder / "fan.parquet"
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(bytes(raw))
    assert any("fan.parquet" in line for line in check_risk(folder))
    with pytest.raises(IntegrityError):
        open_risk(folder).table("fan")


def test_a_changed_record_is_refused(analysed, tmp_path):
    folder = save_risk(analysed, tmp_path)
    told = json.loads((folder / "risk.json").read_text())
    told["summary"]["held"] = 1.0
    (folder / "risk.json").write_text(json.dumps(told))
    with pytest.raises(IntegrityError, match="differs"):
        open_risk(folder)
    assert risks(tmp_path) == []


def test_an_interrupted_analysis_goes_on_where_it_stood(scenario, tmp_path):
    asked = []

    def until_tenth(one, where, patch):
        if len(asked) == 10:
            raise KeyboardInterrupt
        asked.append(1)
        return fake(one, where, patch)

    with pytest.raises(KeyboardInterrupt):
        risk(scenario, futures=20, workers=0, runs=tmp_path, task=until_tenth)
    parts = sorted((tmp_path / "risk").glob(".part-*/*.json"))
    assert len(parts) == 10 and risks(tmp_path) == []
    parts[3].write_text(parts[3].read_text().replace("solved", "SOLVED"))  # damaged: as good as none
    asked.clear()

    def counted(one, where, patch):
        asked.append(1)
        return fake(one, where, patch)

    found = risk(scenario, futures=20, workers=0, runs=tmp_path, task=counted)
    assert len(asked) == 12
    folder = save_risk(found, tmp_path)
    whole = save_risk(risk(scenario, futures=20, workers=0, task=fake), tmp_path / "other")
    assert open_risk(folder).record["sha256"] == open_risk(whole).record["sha256"]
    assert list((tmp_path / "risk").glob(".part-*")) == []


# --- assumptions ----------------------------------------------------------------------------------------------------


def test_every_pack_has_drivers_with_grade_and_source_and_its_own_win():
    national = {driver.path: driver for driver in drivers_of(load_pack("linxia", home()))}
    own = {driver.path: driver for driver in drivers_of(load_pack("two-counties", home()))}
    assert own["demography.tfr"].sd != national["demography.tfr"].sd and set(own) == set(national)
    assert all(row["grade"] and row["source"] for row in load_pack("linxia", home()).tables["uncertainty.csv"])


@pytest.mark.parametrize(
    "row, column",
    [
        ("execution.lead_time,plus,0.1,1,2025,,,D,assumption,", "path"),
        ("demography.tfrr,plus,0.1,1,2025,,,D,assumption,", "path"),
        ("demography.urbanisation_rate,plus,0.1,2,2025,,,D,assumption,", "persistence"),
        ("demography.urbanisation_rate,plus,0.1,1,2025,costs.wage_growth,0.5,D,assumption,", "follows"),
        ("demography.urbanisation_rate,plus,0.1,1,2025,demography.tfr,,D,assumption,", "correlation"),
        ("demography.urbanisation_rate,around,0.1,1,2025,,,D,assumption,", "how"),
    ],
)
def test_a_wrong_row_is_told_with_its_column(tmp_path, row, column):
    import shutil

    shutil.copytree(home() / "assumptions", tmp_path / "assumptions")
    table = tmp_path / "assumptions" / "two-counties" / "uncertainty.csv"
    table.write_text(table.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    problems = check_pack("two-counties", tmp_path)
    assert [(problem.file, problem.column) for problem in problems] == [("two-counties/uncertainty.csv", column)]
    assert problems[0].row == 10
