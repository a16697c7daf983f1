"""Building in whole projects: multiples, the bound of any amounts, prices of the plan given its projects, rounding down, and nothing of it where it is off."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim import pipeline
from fiscalsim.allocation import terms, whole
from fiscalsim.allocation.passes import Passes
from fiscalsim.allocation.value_of_money import POOL, rows_of, solved_again
from fiscalsim.allocation.whole import WholeProjects, better, passes_for
from fiscalsim.assumptions import load_pack
from fiscalsim.errors import InputError, NoSolution
from fiscalsim.pipeline import run
from fiscalsim.report import report_html
from fiscalsim.scenario import home, load_scenario
from fiscalsim.store import RunStore, open_run
from tests.allocation.worlds import world

SIZES = np.array([0.05, 0.08, 0.0])  # 500 and 800 places; the third is staff
ON = "allocation.whole_projects=1"


def in_projects(seed, **changes):
    return dataclasses.replace(world(seed, **changes), project=SIZES)


def projects_of(built):
    return built[..., :2] / SIZES[:2]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.8, 1.0))
def test_places_are_ordered_in_whole_projects_and_goals_are_never_better_than_in_any_amounts(seed, pool):
    solution = passes_for(in_projects(seed, pool=pool)).solve()
    ordered = projects_of(solution.values["built"])
    assert np.abs(ordered - np.round(ordered)).max() < 1e-9
    bound = {name: answer.objective for name, answer in passes_for(world(seed, pool=pool)).solve().answers.items()}
    for one in solution.passes:
        any_amount = bound.get(one["name"], 0.0)
        assert one["any_amount"] == any_amount and one["by_whole_projects"] == one["objective"] - any_amount
        size = max(1.0, abs(any_amount))
        assert one["by_whole_projects"] >= -1e-5 * size
        if one["by_whole_projects"] > 1e-5 * size:
            break  # passes after the first that is worse start from another place


def test_staff_is_hired_in_any_number():
    hired = passes_for(in_projects(3)).solve().values["built"][..., 2]
    assert hired.max() > 0


def test_the_same_terms_give_the_same_projects_and_plan_bit_for_bit():
    passes = passes_for(in_projects(5))
    first, again, fresh = passes.solve(), passes.solve(), passes_for(in_projects(5)).solve()
    for name, values in first.values.items():
        assert (values == fresh.values[name]).all() and (values == again.values[name]).all(), name


@pytest.mark.parametrize("seed", [1, 4])
def test_the_search_finds_what_trying_every_number_of_projects_finds(seed):
    t = dataclasses.replace(world(seed, regions=1, years=3), project=np.array([0.25, 0.0, 0.0]))
    passes = passes_for(t)
    found = passes.solve()
    tried = {}
    for numbers in np.ndindex(4, 4, 4):
        passes.solvers.clear()
        passes.fix(np.array(numbers, dtype=float))
        try:
            tried[numbers] = Passes.solve(passes)
        except NoSolution:
            continue
    assert len({round(s.answers["2"].objective, 3) for s in tried.values()}) > 1, "the numbers matter"
    best = min(tried.values(), key=lambda s: tuple(round(one["objective"], 5) for one in s.passes))
    for one, other in zip(found.passes, best.passes, strict=True):
        assert one["objective"] == pytest.approx(other["objective"], abs=2e-4 * max(1.0, abs(other["objective"]))), one["name"]


@pytest.mark.parametrize("year", [0, 3])
@pytest.mark.parametrize("by", [0.05, -0.05])
def test_the_value_of_money_is_that_of_the_plan_with_its_projects_fixed(year, by):
    t = in_projects(3, pool=0.85)
    passes = passes_for(t)
    solution = passes.solve()
    answers = solved_again(passes, solution, rows_of(passes, POOL, (0, year)), by)
    pool = t.general_pool.copy()
    pool[year] += by
    columns, size = passes.projects
    apart = WholeProjects(dataclasses.replace(t, general_pool=pool))
    apart.fix(np.round(solution.answers["5"].x[columns] / size))
    moved = Passes.solve(apart)
    gained = {name: answers[name].objective - solution.answers[name].objective for name in answers}
    first = next((name for name in answers if abs(gained[name]) > 1e-5), None)
    assert first is not None, "the money matters somewhere"
    for name in list(answers)[: list(answers).index(first) + 1]:
        assert answers[name].objective == pytest.approx(moved.answers[name].objective, abs=5e-6)


def test_where_the_search_finds_nothing_orders_are_rounded_and_the_better_way_is_taken(monkeypatch):
    def nothing(self, name, lo, hi, start):
        raise NoSolution("nothing found")

    monkeypatch.setattr(WholeProjects, "searched", nothing)
    passes = passes_for(in_projects(6))
    solution = passes.solve()
    ordered = projects_of(solution.values["built"])
    assert ordered.max() >= 1 and np.abs(ordered - np.round(ordered)).max() < 1e-9
    assert {one["search_gap"] for one in solution.passes} == {None}
    bound = passes_for(world(6)).solve()
    for carried in (True, False):
        passes.solvers.clear()
        passes.fix(passes.rounded(bound, carried))
        assert not better(Passes.solve(passes), solution)


def test_what_is_rounded_off_is_ordered_later_within_the_yearly_limit_and_never_more_than_in_any_amounts():
    t = in_projects(6)
    passes, bound = passes_for(t), passes_for(world(6)).solve()
    down, carried = (passes.rounded(bound, way) for way in (False, True))
    assert carried.sum() > down.sum()
    _, index = passes.form.columns["built"]
    built = np.zeros_like(bound.values["built"])
    for cell, n in zip([cell for cell in index if SIZES[cell[2]] > 0], carried, strict=True):
        built[cell] = n * SIZES[cell[2]]
    assert (np.cumsum(built, axis=0)[..., :2] <= np.cumsum(bound.values["built"], axis=0)[..., :2] + 1e-6).all()


def test_a_model_too_large_for_the_search_is_rounded_by_its_size(monkeypatch):
    monkeypatch.setattr(whole, "MOST_SEARCHED", 3)
    monkeypatch.setattr(WholeProjects, "searched", lambda *given: pytest.fail("searched"))
    assert projects_of(passes_for(in_projects(6)).solve().values["built"]).max() >= 1


def test_where_no_whole_numbers_have_a_plan_there_is_no_result(monkeypatch):
    monkeypatch.setattr(WholeProjects, "rounded", lambda self, bound, carried: np.full(len(self.projects[0]), 1e3))
    monkeypatch.setattr(WholeProjects, "decide", lambda self, names, say: {})
    with pytest.raises(NoSolution, match="whole projects"):
        passes_for(in_projects(6)).solve()


def test_held_passes_of_the_other_kind_are_not_used():
    plain, other = passes_for(world(7)), passes_for(in_projects(7))
    assert type(plain) is Passes and type(other) is WholeProjects
    assert passes_for(in_projects(7), held=other) is other and passes_for(world(7), held=plain) is plain
    assert type(passes_for(world(7), held=other)) is Passes and type(passes_for(in_projects(7), held=plain)) is WholeProjects


def test_two_computations_of_a_run_in_whole_projects_are_saved_alike_and_the_report_says_the_bound(tmp_path):
    scenario = load_scenario("two-counties-baseline", overrides=[ON])
    first, again = (open_run(RunStore(tmp_path / name).save(run(scenario))) for name in "ab")
    assert first.manifest["content_sha256"] == again.manifest["content_sha256"]
    bound = next(one["any_amount"] for one in first.manifest["passes"] if one["by_whole_projects"] > 1e-5)
    assert f"{bound:.6g}" in report_html(first, "en") and "in whole projects" in report_html(first, "en")


@pytest.fixture(scope="module")
def in_two_counties():
    return run(load_scenario("two-counties-baseline", overrides=[ON]), replay=False)


def test_a_run_in_whole_projects_orders_multiples_of_the_sizes_in_resources(in_two_counties):
    sizes = {r.code: r.project_size for r in load_pack("two-counties", home()).resources if r.kind == "place"}
    capacity = in_two_counties.tables["capacity"]
    places = capacity[capacity["service"].isin(sizes)]
    ordered = places["built"] / places["service"].map(sizes)
    assert (ordered > 0.5).any() and np.abs(ordered - ordered.round()).max() < 1e-6
    first = next(one for one in in_two_counties.passes if abs(one["by_whole_projects"]) > 1e-6)
    assert first["by_whole_projects"] > 0 and all(one["search_gap"] <= 1e-4 * max(1.0, abs(one["objective"])) for one in in_two_counties.passes)


def test_a_preview_answers_with_the_same_plan_and_leaves_the_plan_in_any_amounts_as_it_was(in_two_counties):
    warm = pipeline.WarmModels()
    off = load_scenario("two-counties-baseline")
    before = run(off, replay=False, warm=warm)
    on = run(load_scenario("two-counties-baseline", overrides=[ON]), replay=False, warm=warm)
    after = run(off, replay=False, warm=warm)
    assert (on.tables["capacity"]["built"] == in_two_counties.tables["capacity"]["built"]).all()
    assert after.tables["allocation"].equals(before.tables["allocation"]) and "any_amount" not in after.passes[0]


def test_a_place_without_a_size_is_named():
    asked = pipeline.posed(load_pack("two-counties", home()), load_scenario("two-counties-baseline", overrides=[ON]))
    lacking = tuple(dataclasses.replace(r, project_size=None) if r.code == "nursing_bed" else r for r in asked.inputs.supply.resources)
    inputs = dataclasses.replace(asked.inputs, supply=dataclasses.replace(asked.inputs.supply, resources=lacking))
    with pytest.raises(InputError, match=r"resources\.csv.*nursing_bed"):
        terms(inputs, asked.needed, asked.money, asked.forms)


def test_a_part_of_the_option_is_refused():
    with pytest.raises(InputError, match="a whole number"):
        load_scenario("two-counties-baseline", overrides=["allocation.whole_projects=0.5"])
