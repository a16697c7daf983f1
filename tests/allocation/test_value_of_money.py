"""What one more 100 million yuan is worth: against plans solved from nothing, against the duals, and on both sides of a breakpoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiscalsim.allocation import Passes
from fiscalsim.allocation.terms import terms
from fiscalsim.allocation.value_of_money import POOL, derivatives, rows_of, shadow_prices, solved_again
from fiscalsim.assumptions import load_pack
from fiscalsim.pipeline import posed
from fiscalsim.scenario import home, load_scenario
from tests.allocation.worlds import world

FAMILIES = ("spending_within_means", "transfers_within_pool", "served_within_capacity", "build_rate_limited", "capacity_carried_forward")
PRICED_AT_LEAST = {"1b": 5, "4": 0}  # rows a family: in pass 4 money is not what binds here
ROWS = 20


@pytest.fixture(scope="module")
def tight():
    """Two counties with three quarters of their transfers: money binds."""
    scenario = load_scenario("two-counties-baseline", None, ["fiscal.transfer_pool=0.8"])
    asked = posed(load_pack(scenario.pack, home()), scenario)
    passes = Passes(terms(asked.inputs, asked.needed, asked.money, asked.forms))
    return asked, passes, passes.solve()


def first_change(before, after):
    """The first pass whose goal differs, and by how much; passes before it agree."""
    for name in ("1a", "1b", "2", "3", "4"):
        if abs(before[name].objective - after[name].objective) > 1e-5 * max(1.0, abs(before[name].objective)):
            return name, before[name].objective - after[name].objective
    return "", 0.0


@pytest.mark.parametrize("by", [0.05, -0.05])
@pytest.mark.parametrize("seed", range(4))
def test_the_warm_difference_is_that_of_a_plan_solved_from_nothing(seed, by):
    t = world(seed, pool=0.9)
    passes = Passes(t)
    solution = passes.solve()
    for y in range(2):
        pool = t.general_pool.copy()
        pool[y] += by
        fresh = Passes(replace(t, general_pool=pool)).solve()
        again = solved_again(passes, solution, rows_of(passes, POOL, (0, y)), by)
        name, gain = first_change(solution.answers, fresh.answers)
        found, value = first_change(solution.answers, again)
        assert found == name and value == pytest.approx(gain, rel=1e-4, abs=1e-5)


def test_the_figure_shown_is_that_of_a_pool_larger_by_100_million(tight):
    asked, passes, solution = tight
    table = shadow_prices(asked.inputs, passes, solution, regions=True)
    rows = table[(table["limit"] == POOL) & (table["pass"] == "1b")].set_index("year")
    gained = 0
    for y, year in enumerate(asked.inputs.horizon.labels[:4]):
        t = passes.terms
        pool = t.general_pool.copy()
        pool[y] += 1.0
        fresh = Passes(replace(t, general_pool=pool)).solve()
        if first_change(solution.answers, fresh.answers)[0] == "1b":
            expected = (solution.answers["1b"].objective - fresh.answers["1b"].objective) * 1e4
            assert rows.loc[year, "right"] == pytest.approx(expected, rel=1e-3)
            gained += 1
    assert gained >= 1


def test_without_money_as_the_limit_nothing_is_gained_and_it_is_proved_without_a_solve(monkeypatch):
    scenario = load_scenario("two-counties-baseline")
    asked = posed(load_pack(scenario.pack, home()), scenario)
    passes = Passes(terms(asked.inputs, asked.needed, asked.money, asked.forms))
    solution = passes.solve()
    monkeypatch.setattr(Passes, "one", lambda *_: pytest.fail("solved again where the prices prove that nothing is gained"))
    table = shadow_prices(asked.inputs, passes, solution, regions=False)
    assert len(table) and (table["right"] == 0.0).all() and table["left"].isna().all()


def test_the_form_is_put_back(tight):
    _, passes, solution = tight
    lo, hi = passes.form.lo.copy(), passes.form.hi.copy()
    solved_again(passes, solution, rows_of(passes, POOL, (0, 1)), 1.0)
    assert (passes.form.lo == lo).all() and (passes.form.hi == hi).all()


@pytest.mark.parametrize("name", sorted(PRICED_AT_LEAST))
@pytest.mark.parametrize("family", FAMILIES)
def test_a_dual_lies_between_the_left_and_the_right_derivative(tight, family, name):
    _, passes, solution = tight
    answer = solution.answers[name]
    rows = np.random.default_rng(7).permutation(np.intersect1d(np.flatnonzero(passes.form.family == family), answer.rows))
    price = np.abs(answer.row_dual[np.searchsorted(answer.rows, rows)])
    chosen = [*rows[price > 1e-6][: ROWS // 2], *rows[price <= 1e-6]]  # half of them priced, where so many are
    chosen = [*chosen, *rows[price > 1e-6][ROWS // 2 :]][:ROWS]
    assert len(chosen) == ROWS and (np.isin(rows[price > 1e-6], chosen)).sum() >= PRICED_AT_LEAST[name]
    for at in chosen:
        left, dual, right = derivatives(passes, solution, name, int(at))
        slack = 2e-3 * max(1.0, abs(dual))  # what a pass may give up, over the step
        assert np.isnan(left) or left <= dual + slack, (family, passes.form.row_index[at])
        assert np.isnan(right) or dual <= right + slack, (family, passes.form.row_index[at])


def test_at_a_breakpoint_the_two_sides_differ_and_the_dual_is_no_price(tight):
    _, passes, solution = tight
    rows = np.intersect1d(np.flatnonzero(np.isin(passes.form.family, FAMILIES[2:4])), solution.answers["1b"].rows)[:40]
    found = [derivatives(passes, solution, "1b", int(at)) for at in rows]
    assert any(not right - left <= 4e-3 * max(1.0, abs(dual)) for left, dual, right in found)  # also where one side has no plan
