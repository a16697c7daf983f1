"""The rules side by side: the same accounting as a run of each, changes that add up to nothing, strata that hold every region."""

from __future__ import annotations

import json

import pytest

from fiscalsim.before_after import ALL, before_and_after, by_region, by_stratum, rules_compared, strata
from fiscalsim.pipeline import run
from fiscalsim.report import rule_boards
from fiscalsim.scenario import POLICIES, load_scenario

YEAR = 2025


@pytest.fixture(scope="module")
def found():
    return rules_compared(load_scenario("two-counties-baseline"))


def test_every_rule_has_its_rows_and_every_pass_is_optimal(found):
    assert found.year == YEAR and list(found.rules["rule"]) == list(POLICIES)
    assert found.rules["optimal"].all()
    assert len(found.regions) == len(POLICIES) * len(found.places)


@pytest.mark.parametrize("rule", POLICIES)
def test_a_rules_row_is_what_a_run_under_it_says(found, rule):
    alone = run(load_scenario("two-counties-baseline", overrides=[f"policy={rule}"]), replay=False)
    row = found.rules.set_index("rule").loc[rule]
    words = dict(alone.tables["summary"].itertuples(index=False))
    assert row["floor_yuan"] == pytest.approx(float(words["floor_gap_yuan"]), abs=1.0)
    assert row["regions_with_floors"] == int(words["regions_with_floors"])
    evaluated = alone.tables["evaluation"].query("region == 'plan' and year == @YEAR").set_index("measure")["value"]
    assert row["coverage"] == pytest.approx(evaluated["coverage"], rel=1e-6)


def test_changes_against_today_add_up_to_nothing(found):
    for _, part in found.regions.groupby("rule"):
        assert part["change_yuan"].sum() == pytest.approx(0.0, abs=1.0)
        assert part["total_yuan"].sum() == pytest.approx(part["today_yuan"].sum(), rel=1e-9)
        assert (part["general_yuan"] + part["earmarked_yuan"]).to_numpy() == pytest.approx(part["total_yuan"].to_numpy())
    whole = found.strata[found.strata["kind"] == ALL]
    assert whole["change_yuan"].abs().max() < 1.0


def test_each_kind_of_thirds_holds_every_region_once():
    tables = run(load_scenario("two-counties-baseline"), replay=False).tables
    groups = strata(tables, YEAR)
    for kind in ("urban_share", "revenue_strength"):
        members = [region for (one, _), regions in groups.items() if one == kind for region in regions]
        assert sorted(members) == sorted(tables["regions"]["region"])
    assert groups["tag", "poor"] == ["B1"]
    table, cut = by_region(tables, YEAR), by_stratum(tables, YEAR).set_index(["kind", "stratum"])
    assert cut.loc[("tag", "poor"), "change_yuan"] == pytest.approx(table.set_index("region").loc["B1", "change_yuan"])
    assert (cut["gain"] + cut["lose"] <= cut["regions"]).all()


def test_one_run_alone_can_be_shown_too():
    tables = run(load_scenario("two-counties-baseline"), replay=False).tables
    alone = before_and_after({"optimal": tables}, YEAR)
    assert list(alone.rules["rule"]) == ["optimal"] and "optimal" not in alone.rules


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_boards_say_the_figures_in_words(found, lang):
    boards = (rule_boards.rules_board(found, "X", lang), rule_boards.regions_board(found, lang), rule_boards.strata_board(found, lang))
    assert [len(board.table) for board in boards] == [14, 2, 7]
    assert all(board.table.map(str).ne("").all().all() for board in boards)
    assert boards[0].note == ""


def test_a_pass_that_is_not_optimal_is_said(found):
    from dataclasses import replace

    worse = replace(found, rules=found.rules.assign(optimal=[True, True, True, False]))
    assert rule_boards.rules_board(worse, "X", "en").note


def test_the_command_shows_tables_or_json(capsys):
    from fiscalsim.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["rules", "two-counties-baseline", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert ended.value.code in (0, None) and told["year"] == YEAR
    assert {row["rule"] for row in told["rules"]} == set(POLICIES)
    with pytest.raises(SystemExit):
        main(["--lang", "en", "rules", "two-counties-baseline", "--year", "2024"])
    assert "Lowest coverage" in capsys.readouterr().out
