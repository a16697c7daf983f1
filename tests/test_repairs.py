"""Repairs and near-optimal plans of the two counties: what is said was solved, and what does not help is said too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fiscalsim.errors import InputError
from fiscalsim.near_optimal import near_optimal
from fiscalsim.pipeline import WarmModels, run
from fiscalsim.repairs import LEAST, Picked, limits_table, parts_table, ranked, repairs, why
from fiscalsim.report.alternative_boards import alternatives_board
from fiscalsim.report.repair_boards import shortfalls_board, ways_board
from fiscalsim.scenario import load_scenario
from fiscalsim.store import RunStore
from fiscalsim.ways import WAYS, Known, from_first_year

YEAR = 2025


@pytest.fixture(scope="module")
def found():
    return repairs(load_scenario("two-counties-baseline"), year=YEAR)


def test_the_largest_shortfalls_are_those_of_a_run(found):
    tables = run(load_scenario("two-counties-baseline"), replay=False).tables
    given = tables["allocation"].query("year == @YEAR").assign(short=lambda a: a["clients"] * (1 - a["coverage"]))
    whole = given.groupby(["region", "service"])["short"].sum()
    for row in found.shortfalls.itertuples():
        assert row.persons == pytest.approx(whole[row.region, row.service], rel=1e-6)
    assert found.shortfalls["persons"].max() == pytest.approx(whole.max(), rel=1e-6)
    assert (found.shortfalls["limited_by"] != "").all()


def test_every_way_is_tried_on_every_shortfall_and_what_does_not_help_is_kept(found):
    scenario = load_scenario("two-counties-baseline")
    known = Known(2020, tuple(range(2021, 2036)), YEAR)
    tries = {way.name for way in WAYS if way.of(scenario, known, way.most) and way.asked}
    for _, rows in found.repairs.groupby("shortfall"):
        assert set(rows["way"]) == tries
    assert found.repairs["helps"].any() and not found.repairs["helps"].all()
    assert (found.repairs.loc[~found.repairs["helps"].astype(bool), "place"] == 0).all()
    assert found.repairs.loc[found.repairs["helps"].astype(bool), "solved"].all()


def test_what_a_way_gains_is_what_a_run_of_the_patched_scenario_gains(found):
    best = found.repairs[found.repairs["place"] == 1].iloc[0]
    place = found.shortfalls.set_index("rank").loc[best["shortfall"]]
    served = []
    for overrides in ((), tuple(part.strip() for part in best["set"].split(";"))):
        table = run(load_scenario("two-counties-baseline", None, overrides), replay=False).tables["allocation"]
        mine = (table["year"] == YEAR) & (table["region"] == place["region"]) & (table["service"] == place["service"])
        served.append(table.loc[mine, "provided"].sum())
    assert served[1] - served[0] == pytest.approx(best["persons"], rel=1e-4)


def test_a_way_that_is_not_solved_as_a_plan_would_not_have_helped(found):
    unsolved = found.repairs[(found.repairs["shortfall"] == 1) & ~found.repairs["solved"].astype(bool)]
    assert len(unsolved)
    place = found.shortfalls.set_index("rank").loc[1]
    scenario, served = load_scenario("two-counties-baseline"), []
    for overrides in ((), *(tuple(part.strip() for part in patch.split(";")) for patch in unsolved["set"])):
        table = run(load_scenario("two-counties-baseline", None, overrides), replay=False).tables["allocation"]
        mine = (table["year"] == YEAR) & (table["region"] == place["region"]) & (table["service"] == place["service"])
        served.append(table.loc[mine, "provided"].sum())
    assert scenario.pack == "two-counties"
    assert max(served[1:]) - served[0] < LEAST


@pytest.fixture(scope="module")
def picked():
    return repairs(load_scenario("two-counties-baseline"), year=YEAR, picked=Picked("B1", "childcare_places"))


def test_the_picked_shortfall_is_mended_whole_by_the_least_size(picked):
    best = picked.repairs[picked.repairs["place"] == 1].iloc[0]
    assert len(picked.shortfalls) == 1 and best["closed"] >= 0.995
    way = next(way for way in WAYS if way.name == best["way"])
    smaller = way.of(load_scenario("two-counties-baseline"), Known(2020, tuple(range(2021, 2036)), YEAR), 0.5 * best["size"])
    patch = tuple(f"{path}={value}" for path, value in smaller.items())
    table = run(load_scenario("two-counties-baseline", None, patch), replay=False).tables["allocation"].query("year == @YEAR")
    mine = table[(table["region"] == "B1") & (table["service"] == "childcare_places")]
    assert mine["clients"].sum() - mine["provided"].sum() > 0.05 * picked.shortfalls["persons"].iloc[0]


def test_each_repair_gives_the_same_when_it_is_applied_and_saved(picked, tmp_path):
    helping = picked.repairs[picked.repairs["helps"].astype(bool)]
    assert len(helping) >= 2
    served = []
    for patch in ("", *helping["set"]):
        overrides = tuple(part.strip() for part in patch.split(";") if part)
        store = RunStore(tmp_path)
        table = store.open(store.save(run(load_scenario("two-counties-baseline", None, overrides), replay=False)).name).tables()["allocation"]
        mine = (table["year"] == YEAR) & (table["region"] == "B1") & (table["service"] == "childcare_places")
        served.append(table.loc[mine, "provided"].sum())
    assert np.array(served[1:]) - served[0] == pytest.approx(helping["persons"].to_numpy(), rel=1e-4)


def test_a_residence_is_a_shortfall_of_its_own():
    rural = repairs(load_scenario("two-counties-baseline"), year=YEAR, picked=Picked("B1", "nursing_care", "rural"), ways=WAYS[:1])
    both = repairs(load_scenario("two-counties-baseline"), year=YEAR, picked=Picked("B1", "nursing_care"), ways=WAYS[:1])
    assert 0 < rural.shortfalls["persons"].iloc[0] < both.shortfalls["persons"].iloc[0]


def test_a_target_that_is_missed_is_mended_in_its_own_unit():
    found = repairs(load_scenario("two-counties-baseline"), year=YEAR, picked=Picked(indicator="nursing_beds"))
    short = found.shortfalls.iloc[0]
    table = run(load_scenario("two-counties-baseline"), replay=False).tables["shortfalls"].query("year == @YEAR and what == 'nursing_beds' and goal != 'floor'")
    assert short["goal"] == "target" and short["persons"] == pytest.approx(table["units"].iloc[0], rel=1e-6)
    helping = found.repairs[found.repairs["helps"].astype(bool)]
    assert helping["closed"].max() == pytest.approx(1.0, abs=1e-3)
    assert helping.iloc[-1]["way"] == "lower_target"  # to want less is the last resort, though it costs nothing


def test_two_ways_together_are_solved_where_none_closes_the_shortfall():
    found = repairs(load_scenario("two-counties-baseline"), year=YEAR, picked=Picked("B1", "nursing_care"))
    rows = found.repairs.set_index("way")
    joint = next(way for way in rows.index if "+" in way)
    assert rows.loc[joint, "closed"] > max(rows.loc[one, "closed"] for one in joint.split("+"))


def test_nothing_short_has_no_repairs_and_unknown_names_are_refused():
    scenario = load_scenario("two-counties-baseline")
    none = repairs(scenario, year=YEAR, picked=Picked("A1", "dibao"))
    assert none.shortfalls.empty and none.repairs.empty
    for wrong in (Picked("A2", "dibao"), Picked("A1", "dibaos"), Picked("A1", "dibao", "town"), Picked(indicator="nursing_bed")):
        with pytest.raises(InputError):
            repairs(scenario, year=YEAR, picked=wrong)
    with pytest.raises(InputError, match="2021 to"):
        repairs(scenario, year=1999)


def test_why_says_the_gap_in_parts_and_what_a_step_of_each_limit_brings():
    short, told = why(load_scenario("two-counties-baseline"), Picked("B1", "nursing_care"), year=YEAR)
    parts, limits = parts_table(told), limits_table(told)
    assert parts["value"].iloc[:-1].sum() == pytest.approx(parts["value"].iloc[-1], abs=1e-6)
    assert parts["value"].iloc[0] - parts["value"].iloc[-1] == pytest.approx(short["persons"].iloc[0], rel=1e-6)
    assert (limits["gain"] > 0).all() and "served_within_capacity" in set(limits["family"])
    assert set(limits["next"]) <= {"", "staff_within_supply"}


def test_warm_models_give_the_same_repairs():
    scenario, warm = load_scenario("two-counties-baseline"), WarmModels()
    run(load_scenario("two-counties-baseline", None, ["fiscal.transfer_pool=1.1"]), warm=warm, replay=False)
    asked = Picked("B1", "childcare_places")
    fresh, again = (repairs(scenario, year=YEAR, picked=asked, warm=held).repairs for held in (None, warm))
    pd.testing.assert_frame_equal(fresh[["way", "place", "size", "set"]], again[["way", "place", "size", "set"]])
    assert again["persons"].to_numpy() == pytest.approx(fresh["persons"].to_numpy(), abs=0.01)


def test_standards_are_raised_by_less_or_later():
    scenario, known = load_scenario("two-counties-baseline", None, ["standards.dibao={2021: 1, 2025: 1.2}"]), Known(2020, tuple(range(2021, 2036)), YEAR)
    ways = {way.name: way for way in WAYS}
    assert ways["raise_less"].of(scenario, known, 0.5)["standards.dibao"][2025] == 1.1
    later = ways["raise_later"].of(scenario, known, 2)["standards.dibao"]
    assert later[2025] == 1.1 and later[2027] == 1.2 and later[2021] == 1
    assert not ways["raise_less"].of(load_scenario("two-counties-baseline"), known, 0.5)


def test_places_go_to_what_closes_the_whole_by_cost_then_to_what_closes_more():
    rows = [("a", 0.9, 1.0, True), ("b", 1.0, 9.0, True), ("c", 0.999, 5.0, True), ("d", 0.0, 0.0, False), ("lower_target", 1.0, 0.0, True)]
    table = pd.DataFrame([{"shortfall": 1, "way": w, "closed": c, "yuan": y, "helps": h, "persons_all": 0.0} for w, c, y, h in rows])
    assert ranked(table).set_index("way")["place"].to_dict() == {"c": 1, "b": 2, "a": 3, "lower_target": 4, "d": 0}


def test_a_path_changes_from_the_first_decision_year_on(found):
    scenario = load_scenario("two-counties-baseline", None, ["fiscal.transfer_pool={2020: 1, 2022: 1.2, 2030: 1}"])

    known = Known(2020, (2021, 2030), 2025)
    assert from_first_year(scenario, known, "fiscal.transfer_pool", lambda v: 2 * v) == {2020: 1.0, 2021: 2.2, 2022: 2.4, 2030: 2.0}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_tables_say_it_in_words(found, lang):
    short, ways = shortfalls_board(found, "x", lang), ways_board(found, lang)
    assert len(short.table) == len(found.shortfalls) and len(ways.table) == (found.repairs["place"].between(1, 3)).sum()
    assert "supply.building_rate" in " ".join(ways.table.iloc[:, 3])


def test_alternatives_stay_within_one_percent_of_every_goal_and_do_what_they_are_for():
    plans = near_optimal(load_scenario("two-counties-baseline"))
    whole, regions = plans.whole.set_index("alternative"), plans.regions
    for goal in ("goal_1a", "goal_1b", "goal_2", "goal_3", "goal_4"):
        best = whole.loc["best", goal]
        # the plan itself is that of the last pass, which may give up a hair of what the passes before it reached
        assert (whole[goal] <= best + 0.0101 * abs(best) + 1e-4).all(), goal
    moved = (regions["share"] - regions["today_share"]).abs().groupby(regions["alternative"]).sum()
    spread = regions.groupby("alternative")["coverage"].apply(np.ptp)
    assert moved["as_today"] <= moved["best"] + 1e-9 and moved["as_today"] < moved["most_equal"]
    assert spread["most_equal"] < spread["best"]
    assert whole["touched"].idxmin() in ("fewest_touched", "as_today", "best")
    assert len(alternatives_board(plans, "x", "zh").table) == 1 + regions["region"].nunique()
