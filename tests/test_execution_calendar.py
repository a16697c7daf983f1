"""Dates, seasons, releases and single projects: arithmetic that a reviewer can do."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim.execution.calendar import DAYS_PER_MONTH, day_of, finish, next_month_start, open_season, release_calendar, substream, triangular
from fiscalsim.execution.money import Purse
from fiscalsim.execution.plan import project_rules, release_rules
from fiscalsim.execution.projects import Progress, draw_project, open_project, run_project
from tests.test_execution_plan import made_up_inputs

EVEN = tuple((m + 1) / 12 for m in range(12))


def test_schools_open_on_the_next_first_of_september() -> None:
    assert next_month_start(day_of(2024, 9), 9) == day_of(2024, 9)
    assert next_month_start(day_of(2024, 9) + 0.1, 9) == day_of(2025, 9)
    assert next_month_start(day_of(2024, 2) + 0.5, 9) == day_of(2024, 9)


def test_a_random_completion_waits_half_a_year_for_the_term() -> None:
    waits = [next_month_start(day_of(2024) + d, 9) - (day_of(2024) + d) for d in np.arange(0.25, 365, 0.5)]
    assert np.mean(waits) / DAYS_PER_MONTH == pytest.approx(6.0, abs=0.05)


def test_work_begun_in_autumn_pauses_from_10_november_to_20_march() -> None:
    season = open_season(314, 79, 2021, 2026)
    start = date(2022, 11, 1).toordinal()
    # nine days are left before the stop; the tenth is 21 March
    assert finish(season, start, 9) == date(2022, 11, 10).toordinal()
    assert finish(season, start, 10) == date(2023, 3, 21).toordinal() + 1


def test_without_winter_work_takes_as_many_days_as_it_is_long() -> None:
    assert finish(open_season(0, 0, 2021, 2026), 738000.25, 400.5) == 738400.75


@given(st.floats(0, 1500), st.just(0.0) | st.floats(0.001, 900))
@settings(max_examples=200, deadline=None)
def test_work_never_ends_in_winter_and_open_days_add_up(offset: float, work: float) -> None:
    season = open_season(314, 79, 2021, 2035)
    start = day_of(2021) + offset
    end = finish(season, start, work)
    opened = sum(max(min(high, end) - max(low, start), 0.0) for low, high in zip(season.starts, season.ends, strict=True))
    assert opened == pytest.approx(work, abs=1e-6)
    if work > 0:
        assert any(low < end <= high + 1e-9 for low, high in zip(season.starts, season.ends, strict=True))


def test_in_the_long_run_time_on_site_is_work_over_the_open_share() -> None:
    season = open_season(314, 79, 2021, 2045)
    share = season.worked[-1] / (season.starts[-1] - season.starts[0])
    assert (finish(season, day_of(2021, 4), 4000) - day_of(2021, 4)) * share == pytest.approx(4000, rel=0.02)


def test_work_beyond_the_known_seasons_is_never_done() -> None:
    assert finish(open_season(314, 79, 2021, 2022), day_of(2022), 4000) == math.inf


@given(st.floats(0, 0.999999), st.tuples(st.floats(0, 50), st.floats(0, 50), st.floats(0, 50)))
def test_triangular_draws_stay_between_low_and_high(u: float, three: tuple[float, float, float]) -> None:
    low, mode, high = sorted(three)
    assert low <= triangular(u, low, mode, high) <= high


def test_triangular_draws_have_the_mean_of_the_triangle() -> None:
    u = (np.arange(20000) + 0.5) / 20000
    assert np.mean([triangular(x, 12, 17, 24) for x in u]) == pytest.approx((12 + 17 + 24) / 3, rel=1e-4)


def test_an_entity_has_its_own_numbers_whatever_else_is_drawn() -> None:
    first = substream(7, 0, "project/a").random(3)
    substream(7, 0, "project/b").random(1000)
    assert (substream(7, 0, "project/a").random(3) == first).all()
    others = [substream(8, 0, "project/a"), substream(7, 1, "project/a"), substream(7, 0, "project/c")]
    assert not any((o.random(3) == first).any() for o in others)


# --- releases -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.sampled_from(["general", "earmarked"]), st.integers(2021, 2035))
@settings(max_examples=300, deadline=None)
def test_releases_that_are_not_late_keep_the_legal_days(seed: int, kind: str, year: int) -> None:
    rules = release_rules(made_up_inputs().parameters)
    advance, rest = release_calendar(rules, "r", year, kind, 100.0, substream(seed, 0, "x"))
    legal = 30 if kind == "general" else 90
    approval = date(year, 1, 1).toordinal() + 73
    assert advance.issued == date(year - 1, 10, 31).toordinal()
    assert advance.limit == date(year - 1, 11, 30).toordinal()
    assert approval <= rest.issued <= approval + legal
    assert rest.limit == approval + legal + 30
    for release in (advance, rest):
        assert release.issued <= release.arrived
        assert release.late or release.arrived <= release.limit
        assert release.usable >= day_of(year)
        assert release.on_project >= release.usable
    assert advance.yuan + rest.yuan == pytest.approx(100.0, abs=1e-12)
    assert advance.yuan == pytest.approx(90.0 if kind == "general" else 70.0)


def test_the_lever_moves_every_arrival_by_its_days() -> None:
    inputs, later = made_up_inputs(), made_up_inputs(execution__release_delay=20.0)
    for kind in ("general", "earmarked"):
        a = release_calendar(release_rules(inputs.parameters), "r", 2025, kind, 1.0, substream(1, 0, "x"))
        b = release_calendar(release_rules(later.parameters), "r", 2025, kind, 1.0, substream(1, 0, "x"))
        assert [y.arrived - x.arrived for x, y in zip(a, b, strict=True)] == pytest.approx([20.0, 20.0])


def test_a_tenth_of_the_releases_gets_a_late_draw() -> None:
    rules = release_rules(made_up_inputs().parameters)
    late = [r.late for i in range(4000) for r in release_calendar(rules, "r", 2025, "general", 1.0, substream(i, 0, "x"))]
    assert np.mean(late) == pytest.approx(0.1, abs=0.01)


# --- one purse ------------------------------------------------------------------------------------------------------


def purse_on(env: simpy.Environment, delay: float = 30.0) -> Purse:
    return Purse(env, EVEN, delay, False, 2021)


def test_own_money_is_paid_by_the_month_weights() -> None:
    purse = purse_on(simpy.Environment(day_of(2021)))
    purse.receive("own", 2021, 1200.0, 0.0, True)
    paid = []
    for month in range(1, 13):
        purse.close_month(month)
        paid.append(purse.booked(2021, "paid"))
    assert paid == pytest.approx([100.0 * m for m in range(1, 13)])


def test_money_that_came_in_december_is_carried_over_then_paid() -> None:
    env = simpy.Environment(day_of(2021, 12))
    purse = purse_on(env)
    purse.receive("general", 2021, 1000.0, 0.0, False)
    env.run(until=day_of(2022) - 0.5)
    purse.close_month(12)
    purse.close_year()
    reached = 1000 * (1 - math.exp(-30.5 / 30))
    assert purse.booked(2021, "paid") == pytest.approx(reached)
    assert purse.booked(2021, "carried_over") == pytest.approx(1000 - reached)
    env.run(until=day_of(2022, 2) - 0.5)
    purse.close_month(1)
    assert purse.booked(2022, "paid") == pytest.approx(1000 * (math.exp(-30.5 / 30) - math.exp(-61.5 / 30)))


def test_project_money_unspent_for_two_years_is_returned() -> None:
    env = simpy.Environment(day_of(2021, 6))
    purse = purse_on(env)
    purse.unlock(purse.receive("earmarked", 2021, 0.0, 500.0, False))
    assert purse.draw(200.0) is None
    purse.close_year()
    assert purse.booked(2021, "carried_over") == 300.0 and purse.cash == 300.0
    purse.close_year()
    assert purse.booked(2022, "returned") == 300.0 and purse.cash == 0.0 and purse.lots == []


def test_projects_that_wait_for_cash_are_paid_in_their_order() -> None:
    env = simpy.Environment(day_of(2021))
    purse = purse_on(env)
    first, second = purse.draw(80.0), purse.draw(10.0)
    assert first is not None and second is not None
    purse.unlock(purse.receive("general", 2021, 0.0, 50.0, False))
    assert not first.triggered and not second.triggered  # the small one does not overtake
    purse.unlock(purse.receive("general", 2021, 0.0, 45.0, False))
    assert first.triggered and second.triggered
    assert purse.cash == pytest.approx(5.0)


# --- one project ----------------------------------------------------------------------------------------------------


def play_one(seed: int, winter: bool, cash: float, school: bool = False, without: frozenset[str] = frozenset(), **changes: float) -> Progress:
    inputs = made_up_inputs(**changes)
    stages = {s: (low, mode, high) for k, s, low, mode, high in inputs.projects.itertuples(index=False) if k == "bed"}
    rules = project_rules(inputs.parameters)
    env = simpy.Environment(day_of(2021))
    purse = purse_on(env)
    purse.unlock(purse.receive("own", 2021, 0.0, cash, True))
    project = draw_project(0, ("r", "bed", 2021, 2023, 100.0, 1e7), stages, rules, rules.opening_month if school else None, substream(seed, 0, "p"))
    progress = Progress(project)
    season = open_season(314, 79, 2021, 2040) if winter else open_season(0, 0, 2021, 2040)
    env.process(run_project(env, progress, purse, season, rules, without, lambda *_: None))
    env.run(until=day_of(2040))
    if math.isfinite(progress.accepted):
        later = simpy.Environment(day_of(2021))
        later.process(open_project(later, progress, without, lambda *_: None, lambda *_: None))
        later.run(until=day_of(2040))
    return progress


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_stages_sum_to_the_length_of_a_project_without_winter_and_limits(seed: int) -> None:
    done = play_one(seed, winter=False, cash=1e9, reapproval_factor=1e9)
    p = done.project
    assert done.opened - day_of(2021) == pytest.approx(p.preparation + p.stalled + p.tender + p.build + p.hire, abs=1e-5)
    assert done.cash == 0 and done.winter == pytest.approx(0, abs=1e-6)


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_every_day_of_a_project_belongs_to_a_stage_or_a_pause(seed: int) -> None:
    done = play_one(seed, winter=True, cash=1e9, school=True)
    p = done.project
    review = p.review if done.reviewed else 0.0
    parts = p.preparation + p.stalled + p.tender + p.build + done.winter + review + done.cash + p.hire + done.term
    assert done.opened - day_of(2021) == pytest.approx(parts, abs=1e-5)
    opened = date.fromordinal(round(done.opened))
    assert (opened.month, opened.day) == (9, 1)


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_a_project_costs_its_overrun_and_not_a_yuan_more(seed: int) -> None:
    done = play_one(seed, winter=True, cash=1e9)
    assert done.spent == pytest.approx(1e7 * done.project.overrun)


def test_a_cost_above_the_factor_goes_back_to_approval_once() -> None:
    lengths = {factor: play_one(3, winter=False, cash=1e9, overrun_mu=0.5, overrun_sigma=0.0, reapproval_factor=factor) for factor in (1.1, 2.0)}
    assert lengths[1.1].reviewed and not lengths[2.0].reviewed
    assert lengths[1.1].opened - lengths[2.0].opened == pytest.approx(4 * DAYS_PER_MONTH, abs=1e-5)


def test_the_lead_time_lever_stretches_every_stage() -> None:
    one, two = (play_one(5, winter=False, cash=1e9, reapproval_factor=1e9, idle_probability=0.0, execution__lead_time=x) for x in (1.0, 2.0))
    assert two.opened - day_of(2021) == pytest.approx(2 * (one.opened - day_of(2021)), abs=1e-5)


def test_with_time_and_staff_off_a_project_opens_on_the_plans_day() -> None:
    assert play_one(5, winter=True, cash=1e9, without=frozenset({"time", "staff"})).opened == day_of(2023)


def test_a_project_without_cash_stands_still() -> None:
    done = play_one(5, winter=False, cash=5e6)
    assert done.opened == math.inf and done.spent <= 5e6


def test_overruns_have_the_mean_and_tail_of_the_notes() -> None:
    rules = project_rules(made_up_inputs(overrun_mu=0.098, overrun_sigma=0.177).parameters)
    stages = dict.fromkeys(("preparation", "tender", "build", "hire"), (1.0, 1.0, 1.0))
    order = ("r", "k", 2021, 2023, 1.0, 1.0)
    draws = np.array([draw_project(0, order, stages, rules, None, substream(i, 0, "p")).overrun for i in range(6000)])
    assert draws.mean() == pytest.approx(1.12, abs=0.01)
    assert (draws > 1.1).mean() == pytest.approx(0.51, abs=0.02)
