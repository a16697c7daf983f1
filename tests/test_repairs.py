"""Repairs and near-optimal plans of the two counties: what is said was solved, and what does not help is said too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fiscalsim.near_optimal import near_optimal
from fiscalsim.pipeline import run
from fiscalsim.repairs import WAYS, from_first_year, ranked, repairs
from fiscalsim.report.alternative_boards import alternatives_board
from fiscalsim.report.repair_boards import shortfalls_board, ways_board
from fiscalsim.scenario import load_scenario

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
    tried = found.repairs.groupby("shortfall")["way"].nunique()
    assert (tried == len(WAYS)).all() and len(tried) == len(found.shortfalls)
    assert found.repairs["helps"].any() and not found.repairs["helps"].all()
    assert (found.repairs.loc[~found.repairs["helps"].astype(bool), "place"] == 0).all()


def test_what_a_way_gains_is_what_a_run_of_the_patched_scenario_gains(found):
    best = found.repairs[found.repairs["place"] == 1].iloc[0]
    place = found.shortfalls.set_index("rank").loc[best["shortfall"]]
    served = []
    for overrides in ((), tuple(part.strip() for part in best["set"].split(";"))):
        table = run(load_scenario("two-counties-baseline", None, overrides), replay=False).tables["allocation"]
        mine = (table["year"] == YEAR) & (table["region"] == place["region"]) & (table["service"] == place["service"])
        served.append(table.loc[mine, "provided"].sum())
    assert served[1] - served[0] == pytest.approx(best["persons"], rel=1e-4)


def test_places_go_to_what_closes_more_then_to_what_costs_less():
    rows = [("a", 0.99, 5.0, True), ("b", 1.0, 9.0, True), ("c", 0.5, 1.0, True), ("d", 0.0, 0.0, False)]
    table = pd.DataFrame([{"shortfall": 1, "way": w, "closed": c, "yuan": y, "helps": h, "persons_all": 0.0} for w, c, y, h in rows])
    assert ranked(table).set_index("way")["place"].to_dict() == {"a": 1, "b": 2, "c": 3, "d": 0}


def test_a_path_changes_from_the_first_decision_year_on(found):
    scenario = load_scenario("two-counties-baseline", None, ["fiscal.transfer_pool={2020: 1, 2022: 1.2, 2030: 1}"])

    class Known:
        base_year = 2020

    assert from_first_year(scenario, Known, "fiscal.transfer_pool", lambda v: 2 * v) == {2020: 1.0, 2021: 2.2, 2022: 2.4, 2030: 2.0}


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
