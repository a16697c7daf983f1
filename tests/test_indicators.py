"""Paths and words of the indicator table: rising, flat and falling targets, full coverage, what cannot be computed."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.axes import years_axis
from fiscalsim.dashboard import headlines
from fiscalsim.demand import demand
from fiscalsim.indicators import ELDERS_FROM, base_of, base_value, path, role, status, target_forms, target_of, values, yearly_path
from fiscalsim.pipeline import reported_facts, run
from fiscalsim.quantities import Indicator
from fiscalsim.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from write_indicators import checked, page  # noqa: E402

YEARS = years_axis(2021, 2027)
NURSERY = Indicator(
    "nursery", "", "", "childcare", "", "", "expected", 2020, 2.0, 2025, ">=", 3.0, "capacity_per", ("nursery_place",), "population", 1000.0, "", "plan", ""
)


def test_a_rising_target_is_reached_in_even_steps_and_then_held():
    assert path(NURSERY, 2.0, YEARS) == pytest.approx([2.2, 2.4, 2.6, 2.8, 3.0, 3.0, 3.0])


def test_a_target_below_the_base_holds_at_once_and_asks_for_no_fall():
    assert path(replace(NURSERY, base_value=97.1, target_value=92.0), 97.1, YEARS) == pytest.approx([92.0] * 7)


def test_full_coverage_is_the_whole_scale():
    full = replace(NURSERY, target_op="full", target_value=None, scale=100.0)
    assert path(full, 90.0, YEARS)[4] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("found", "word", "since"),
    [
        ([2.2, 2.4, 2.6, 2.8, 3.0, 3.0, 3.0], "met", 2025),
        ([2.2, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0], "met_early", 2022),
        ([2.2, 2.4, 2.5, 2.6, 2.7, 3.0, 3.0], "missed", 2026),
        ([2.0] * 7, "missed", None),
    ],
)
def test_a_status_says_met_missed_and_since_when(found, word, since):
    assert status(NURSERY, np.array(found), YEARS) == (word, since)


def test_a_target_not_above_the_base_is_maintained():
    assert status(replace(NURSERY, base_value=3.0), np.full(7, 3.0), YEARS)[0] == "maintained"


def test_what_has_no_figure_is_not_computable_and_never_a_zero():
    assert status(NURSERY, None, YEARS) == ("not_computable", None)


# --- what plans print beside plain numbers --------------------------------------------------------------------------


def test_full_coverage_printed_for_both_years_holds_from_the_first_year():
    kept = replace(NURSERY, base_op="full", base_value=None, target_op="full", target_value=None, scale=100.0)
    assert (base_of(kept), target_of(kept)) == (100.0, 100.0)
    assert path(kept, 100.0, YEARS) == pytest.approx([100.0] * 7)
    assert status(kept, np.array([99.0, *[100.0] * 6]), YEARS) == ("maintained", 2022)


def test_a_range_is_aimed_at_and_met_from_its_lower_end():
    beds = replace(NURSERY, base_value=21.0, target_op="range", target_value=35.0, target_high=40.0)
    assert path(beds, 21.0, YEARS)[4:] == pytest.approx([35.0] * 3)
    assert status(beds, np.array([22, 25, 28, 32, 35, 36, 41.0]), YEARS) == ("met", 2025)


def test_an_upper_limit_falls_from_the_base_and_is_missed_above_it():
    rate = replace(NURSERY, base_value=10.0, target_op="<=", target_value=5.0)
    assert path(rate, 10.0, YEARS) == pytest.approx([9, 8, 7, 6, 5, 5, 5])
    assert path(rate, 4.0, YEARS) == pytest.approx([5.0] * 7)  # already below: the limit holds at once
    assert status(rate, np.array([9, 8, 7, 6, 5.5, 4.9, 4.8]), YEARS) == ("missed", 2026)
    assert status(replace(rate, base_value=4.0), np.full(7, 4.0), YEARS)[0] == "maintained"


def test_a_target_that_sums_over_the_plan_is_asked_for_in_equal_yearly_parts():
    jobs = replace(NURSERY, base_value=2.1, target_value=7.0, target_from=2021, measure="clients_per")
    assert path(jobs, 2.1, YEARS) == pytest.approx([1.4, 2.8, 4.2, 5.6, 7.0, 7.0, 7.0])
    assert yearly_path(jobs, 2.1, YEARS) == pytest.approx([1.4] * 7)
    assert status(jobs, np.cumsum(np.full(7, 1.4)), YEARS) == ("met", 2025)


def test_without_a_target_there_is_no_path_and_no_verdict():
    none = replace(NURSERY, target_op="none", target_value=None)
    assert np.isnan(path(none, 2.0, YEARS)).all()
    assert status(none, np.full(7, 3.0), YEARS) == ("not_computable", None)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, "modelled"),
        ({"nature": "stated"}, "reported"),
        ({"target_op": "none", "target_value": None}, "reported"),
        ({"measure": "standard"}, "reported"),
        ({"measure": "stated"}, "stated"),
    ],
)
def test_only_a_binding_or_expected_target_that_can_be_moved_is_aimed_at(change, wanted):
    assert role(replace(NURSERY, **change)) == wanted


# --- measures, on the made-up counties ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counties():
    """Staged inputs, people and needs of two-counties, with rows of every measure that no decision moves."""
    pack = load_pack("two-counties", ROOT)
    inputs = stage_inputs(pack, load_scenario("two-counties-baseline", ROOT), demography.base_population)
    population, components = demography.simulate(inputs.demography)
    facts = reported_facts(inputs, population)
    inputs = replace(inputs, reported_inputs={**inputs.reported_inputs, **facts})
    needed = demand(population, components, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)
    return inputs, population, needed


def test_a_standard_is_the_yuan_in_force_and_its_growth_the_mean_since_the_base_year(counties):
    inputs, population, needed = counties
    month = replace(NURSERY, measure="standard", of=("dibao",), per="", scale=1 / 12)
    dibao = inputs.demand.standard[:, needed.services.index("dibao")]
    assert base_value(month, inputs, population, needed) == pytest.approx(dibao[0] / 12)
    plan = SimpleNamespace(years=inputs.horizon)
    growth = values(replace(month, measure="standard_growth", scale=100.0), inputs, population, needed, plan)
    assert growth[4] == pytest.approx(100 * ((dibao[5] / dibao[0]) ** 0.2 - 1))
    assert base_value(replace(month, measure="standard_growth"), inputs, population, needed) is None


def test_printed_counts_are_divided_by_the_packs_people_in_the_base_year_only(counties):
    inputs, population, needed = counties
    counted = replace(NURSERY, code="insured", base_value=20.0, measure="stated", unit_zh="万人")
    rate = replace(NURSERY, code="rate", measure="count_per", of=("insured",), per="adults", scale=1e6)
    inputs = replace(inputs, indicators=(counted, rate))
    adults = population.persons[0, ..., 16:].sum()
    assert base_value(rate, inputs, population, needed) == pytest.approx(100 * 200_000 / adults)
    assert values(rate, inputs, population, needed, SimpleNamespace(years=inputs.horizon)) is None
    assert base_value(replace(rate, base_year=2019), inputs, population, needed) is None
    assert base_value(replace(rate, base_from=2016), inputs, population, needed) is None


def test_the_insured_of_today_are_carried_forward_by_generation(counties):
    inputs, population, needed = counties
    counted = replace(NURSERY, code="insured", base_value=20.0, measure="stated", unit_zh="万人")
    rate = replace(NURSERY, code="rate", measure="insured_share", of=("insured",), per="", scale=1e6)
    inputs = replace(inputs, indicators=(counted, rate))
    found = values(rate, inputs, population, needed, SimpleNamespace(years=inputs.horizon))
    people = population.persons.sum(axis=(1, 2, 3))
    assert base_value(rate, inputs, population, needed) == pytest.approx(100 * 200_000 / people[0, 16:].sum())
    insured = 200_000 * people[5, 20:].sum() / people[0, 20:].sum()
    assert found[4] == pytest.approx(100 * insured / people[5, 16:].sum())
    assert role(rate) == "reported"


def test_new_urban_labour_adds_up_to_the_growth_of_the_towns_working_ages(counties):
    inputs, population, needed = counties
    labour = replace(NURSERY, measure="reported", of=("new_urban_labour",), per="", scale=1e-4, base_value=0.1, target_value=1.0, target_from=2021)
    towns = population.persons[:, :, 0].sum(axis=(1, 2))
    found = values(labour, inputs, population, needed, SimpleNamespace(years=inputs.horizon))
    assert found[4] == pytest.approx((towns[5, 16:60].sum() - towns[0, 16:60].sum()) / 1e4)
    flow = inputs.reported_inputs["new_urban_labour"]
    assert flow[1] - flow[0] == pytest.approx((towns[0, 15] - towns[0, 59]) - (towns[0, 16] - towns[0, 60]))  # the same arrivals, other cohorts
    assert base_value(labour, inputs, population, needed) == pytest.approx(flow[0] / 1e4)


def test_new_compounds_comply_as_far_as_places_were_opened_where_their_households_are(counties):
    inputs, population, needed = counties
    norm = replace(NURSERY, code="norm", nature="binding", measure="compliance", of=("nursery_place",), per="", scale=100 / 0.03, base_value=None)
    k = [r.code for r in inputs.supply.resources].index("nursery_place")
    grown = needed.new_households[1 : len(inputs.horizon) + 1]
    assert (grown.sum(axis=0) > 0).all()

    def opened(share):
        places = np.zeros((*grown.shape, len(inputs.supply.resources)))
        places[..., k] = 0.03 * grown * share
        plan = SimpleNamespace(years=inputs.horizon, opened=places, converted_in=np.zeros_like(places))
        return values(norm, inputs, population, needed, plan)[-1]

    assert opened(1.0) == pytest.approx(100.0)
    assert opened(0.4) == pytest.approx(40.0)
    households = grown.sum(axis=0)
    assert opened(np.array([3.0, 0.0])) == pytest.approx(100 * households[0] / households.sum())  # what one county has too much helps no other
    everyone = population.persons[0].sum(axis=(1, 2, 3)) / inputs.demand.household_size[0]
    today = np.minimum(inputs.supply.capacity[:, k], 0.03 * everyone).sum() / (0.03 * everyone.sum())
    assert base_value(norm, inputs, population, needed) == pytest.approx(100 * today)
    assert role(norm) == "reported"


def test_deaths_of_children_follow_the_life_tables_and_fall_as_life_gets_longer(counties):
    inputs, population, _ = counties
    found = reported_facts(inputs, population)
    assert ((found["infant_mortality"] > 0) & (found["infant_mortality"] < found["under5_mortality"]) & (found["under5_mortality"] < 0.05)).all()
    longer = {**inputs.reported_inputs, "life_expectancy": inputs.reported_inputs["life_expectancy"] + 2}
    assert (reported_facts(replace(inputs, reported_inputs=longer), population)["infant_mortality"] < found["infant_mortality"]).all()


def test_an_upper_limit_is_aimed_at_from_above(counties):
    inputs, population, needed = counties
    floor = replace(NURSERY, base_value=None, of=("nursery_place",), target_value=4.0)
    limit = replace(floor, code="limit", target_op="<=")
    forms = target_forms(replace(inputs, indicators=(floor, limit)), population, needed)
    assert forms.capacity[:, 1] == pytest.approx(-forms.capacity[:, 0])
    assert forms.target[-1] == pytest.approx([4.0, -4.0])


def test_a_summed_target_is_aimed_at_by_its_yearly_part(counties):
    inputs, population, needed = counties
    summed = replace(NURSERY, measure="clients_per", of=("dibao",), per="", scale=1.0, target_value=5000.0, target_from=2021)
    assert target_forms(replace(inputs, indicators=(summed,)), population, needed).target[:, 0] == pytest.approx(1000.0)


def test_the_desk_tells_definition_base_check_and_contradictions():
    tables = run(load_scenario("two-counties-baseline", ROOT), home=ROOT, replay=False).tables
    names = tables["indicator_names"].set_index("indicator", drop=False)
    row = names.loc["nursery_places"]
    assert headlines.definition(tables, row, "zh") == "口径：托位除以常住人口"
    assert headlines.definition(tables, row, "en") == "Definition: Nursery places divided by residents"
    assert headlines.base_check(row, "zh") == f"基年核对：规划所列2.70，由2020年数据算得{row['base_computed']:.2f}"
    assert headlines.base_check(pd.Series({**row, "base_printed": None}), "zh") == ""
    other = pd.Series({**row, "against": "nursing_beds", "choice": "表为准"})
    assert headlines.contradictions(tables, other, "zh") == ["规划对同一事项另有说法：护理型床位", "表为准"]
    assert headlines.contradictions(tables, row, "zh") == []


# --- the plans' own statements --------------------------------------------------------------------------------------

STATEMENTS = {"liaoning": 102, "linxia": 202, "panjin": 145, "inner-mongolia": 56, "generic-city": 11}
TABLE_ROWS = {"liaoning": 24, "linxia": 31, "panjin": 0, "inner-mongolia": 0, "generic-city": 0}


def rows_of(path: str) -> list[dict[str, str]]:
    with (ROOT / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def mapping():
    return rows_of("tools/packs/indicators.csv")


@pytest.mark.parametrize("plan", STATEMENTS)
def test_no_statement_of_a_plan_is_lost(plan, mapping):
    mine = [row for row in mapping if row["plan"] == plan]
    written = rows_of(f"assumptions/{plan}/indicators.csv")
    assert len(mine) == len(written) == STATEMENTS[plan]
    assert [(row["code"], row["indicator_zh"], row["measure"]) for row in mine] == [(row["indicator"], row["name_zh"], row["measure"]) for row in written]
    assert len({row["code"] for row in mine}) == len(mine)
    assert sum(row["in_table"] == "yes" for row in written) == TABLE_ROWS[plan]
    assert all(row["quote"] and row["grade"] == "A" and row["source"] == f"plan-{plan}" for row in written)


def test_each_statement_is_computed_or_says_why_not(mapping):
    reasons = {row["reason"] for row in rows_of("tools/packs/indicator_reasons.csv")}
    for row in mapping:
        stated = row["measure"] == "stated"
        assert (row["reason"] in reasons) == stated, row
        assert bool(row["of"]) != stated, row
    assert reasons == {row["reason"] for row in mapping if row["reason"]}


@pytest.mark.parametrize("plan", ["liaoning", "linxia"])
def test_every_row_of_a_plans_own_table_is_computed_and_has_a_base_value(plan):
    _, rows = checked(plan)
    table = [row for row in rows if row.indicator.in_table]
    assert len(table) == TABLE_ROWS[plan]
    assert [row.indicator.code for row in table if row.role == "stated" or row.computed is None] == []


@pytest.mark.parametrize("row", [row for row in rows_of("tools/packs/indicators.csv") if row["holds"]], ids=lambda row: f"{row['plan']}-{row['code']}")
def test_a_constant_of_a_rule_is_the_models_own(row):
    """The table or lever that `holds` names exists, and has the plan's value where it says one."""
    kind, *rest = row["holds"].split()
    if kind == "lever":
        assert rest[0] in yaml.safe_load((ROOT / "assumptions/national/parameters.yaml").read_text(encoding="utf-8"))
    elif kind == "elders":
        assert int(rest[0]) == ELDERS_FROM
    else:
        service, (column, wanted) = rest[0], rest[1].split("=")
        needs = [*rows_of(f"assumptions/{row['plan']}/needs.csv"), *rows_of("assumptions/national/needs.csv")]
        ages = [int(need[column]) for need in needs if need["service"] == service and need[column]]
        assert (min(ages) if column == "age_from" else max(ages)) == int(wanted)


@pytest.mark.parametrize("plan", ["liaoning", "linxia", "panjin", "inner-mongolia"])
def test_contradictions_stand_side_by_side_with_at_most_one_chosen(plan):
    known = {row["indicator"] for row in rows_of(f"assumptions/{plan}/indicators.csv")}
    chosen = Counter[str]()
    for row in rows_of(f"assumptions/{plan}/conflicts.csv"):
        assert row["indicator"] in known and row["why"]
        chosen[row["conflict"]] += row["chosen"] == "yes"
    assert max(chosen.values()) == 1


def test_only_what_the_allocation_aims_at_has_a_lever():
    pack = load_pack("linxia", ROOT)
    found = {lever.path.removeprefix("targets.") for lever in pack.levers if lever.path.startswith("targets.")}
    assert found == {i.code for i in pack.indicators if role(i) == "modelled" and i.target_op != "full"}
    assert "life_expectancy" not in found and "medical_insurance_text" not in found


def test_the_page_of_indicators_is_current():
    assert page() == (ROOT / "docs/indicators.md").read_text(encoding="utf-8"), "python tools/write_indicators.py writes it"
