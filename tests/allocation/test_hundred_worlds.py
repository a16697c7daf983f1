"""Six facts in a hundred random small worlds: means, the order of goals, the ratchet, the pool, more money, the order of regions."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from fiscalsim.allocation.formulation import building_paid
from fiscalsim.allocation.passes import KEPT, ORDER, Passes, Solution
from tests.allocation.worlds import world

WORLDS = range(100)
SAME = 1e-6


def drawn(seed, pool=1.0, order=None):
    """One of the hundred: two regions (every tenth: three), three years, a pool of half to a little more than today's."""
    regions, share = 3 if seed % 10 == 0 else 2, float(np.random.default_rng([7, seed]).uniform(0.5, 1.1))
    return world(seed, regions=regions, years=3, pool=share * pool, order=order and tuple(order(regions)))


@cache
def model(seed) -> Passes:
    return Passes(drawn(seed))


@cache
def plan(seed) -> Solution:
    return model(seed).solve()


def goals(solution):
    return {one["name"]: one["objective"] for one in solution.passes}


def first_apart(one, other, slack=1e-5):
    """The first pass whose goals differ, with both values; None where all agree. The last pass has its own goal, costs."""
    a, b = goals(one), goals(other)
    return next(((name, a[name], b[name]) for name in ORDER[:-1] if abs(a[name] - b[name]) > slack * max(1.0, abs(a[name]))), None)


@pytest.mark.parametrize("seed", WORLDS)
def test_means_are_never_exceeded(seed):
    t, v = drawn(seed), plan(seed).values
    spent = (v["x"] * t.running).sum(axis=(2, 3)) + (v["stock"] * t.standing).sum(axis=2) + building_paid(t, v["built"]).sum(axis=2)
    spent += (v["convert"] * t.gained * t.conversion_cost[:, None, :]).sum(axis=2)
    carried, debt = (np.concatenate([np.zeros((1, spent.shape[1])), v[name][:-1]]) for name in ("carried", "debt"))
    has = t.means + v["general"] + v["earmarked"] + v["bond"] + carried + v["unpaid"]
    assert (spent + v["reserve"] + t.bond_rate * debt <= has - v["carried"] + 1e-7).all()
    assert np.abs(spent + v["reserve"] + v["carried"] + t.bond_rate * debt - has).max() < 1e-7  # and every yuan is somewhere


@pytest.mark.parametrize("seed", WORLDS)
def test_grants_and_what_is_left_over_are_the_pool(seed):
    t, v = drawn(seed), plan(seed).values
    general, earmarked = t.general_pool - v["general"].sum(axis=1), t.earmarked_pool - v["earmarked"].sum(axis=1)
    assert (general >= -SAME).all() and (earmarked >= -SAME).all()


@pytest.mark.parametrize("seed", WORLDS[::5])
def test_a_rule_of_today_uses_the_pool_up(seed):
    t = drawn(seed)
    ruled = dataclasses.replace(t, rule_general=t.general_pool[:, None] * t.general_before / t.general_before.sum())
    np.testing.assert_allclose(Passes(ruled).solve().values["general"].sum(axis=1), t.general_pool, atol=SAME)


@pytest.mark.parametrize("seed", WORLDS)
def test_promises_never_fall(seed):
    x = plan(seed).values["x"][..., drawn(seed).promise]
    assert (x[1:] >= x[:-1] - SAME).all()


@pytest.mark.parametrize("seed", WORLDS)
def test_floors_come_before_targets_and_targets_before_equality(seed):
    t, whole = drawn(seed), plan(seed)
    for last in ("1b", "3"):  # a world that asks for nothing after `last` reaches no more of what it asked for
        asked = ORDER[: ORDER.index(last) + 1]
        fewer = model(seed).solve(order=(*asked, "5"))
        for name in asked:
            assert goals(whole)[name] == pytest.approx(goals(fewer)[name], rel=1e-6, abs=1e-6), (last, name)
    columns, v = model(seed).form.columns, whole.values
    for (y, r, h, s), below in zip(columns["below"][1], whole.answers["1b"].x[columns["below"][0]], strict=True):
        assert max(t.floor[s] - v["x"][y, r, h, s], 0.0) <= below + 12 * KEPT  # area by area, what 1b could not mend is all that is left below
    for name, i in (("2", 0), ("3", 1)):
        for (y, j), short in zip(columns["short"][1], whole.answers[name].x[columns["short"][0]], strict=True):
            assert j != i or v["short"][y, i] <= short + 12 * KEPT


@pytest.mark.parametrize("seed", WORLDS)
def test_more_money_in_the_pool_never_hurts(seed):
    rich = Passes(drawn(seed, pool=1.05)).solve()
    apart = first_apart(plan(seed), rich)
    assert apart is None or apart[2] < apart[1]  # the first goal that changes gets better


@pytest.mark.parametrize("seed", WORLDS)
def test_the_order_of_regions_changes_nothing(seed):
    one, t = plan(seed), drawn(seed)
    turned = Passes(drawn(seed, order=lambda n: [*range(1, n), 0])).solve()
    assert first_apart(one, turned, slack=1e-6) is None
    back = [*range(1, len(t.general_before)), 0]
    assert np.abs(one.values["x"][:, back] - turned.values["x"]).max() < 1e-4
    assert goals(one)["5"] == pytest.approx(goals(turned)["5"], rel=1e-6)
