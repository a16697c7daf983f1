"""Deciding with a few years in sight: what holds in the plan put together, and what perfect foresight is worth."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fiscalsim.allocation.formulation import building_paid
from fiscalsim.allocation.sight import decided_by_sight, felt, foreseen, in_view
from fiscalsim.errors import ModelError
from tests.allocation.worlds import world


def downturn(seed, years=5):
    """A world whose own money falls to a third in its last two years."""
    t = world(seed, years=years)
    means = t.means.copy()
    means[-2:] *= 0.3
    return dataclasses.replace(t, means=means, tail_means=t.tail_means * 0.3)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sight", [4, 5, 9])
def test_a_sight_as_long_as_the_horizon_is_perfect_foresight(seed, sight):
    t = world(seed)
    plan, seen = foreseen(t), decided_by_sight(t, sight)
    for name, values in seen.items():
        np.testing.assert_array_equal(values, plan[name], err_msg=name)


@pytest.mark.parametrize("sight", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_every_yuan_and_place_is_carried_from_decision_to_decision(seed, sight):
    t = downturn(seed)
    v = decided_by_sight(t, sight)
    paid = building_paid(t, v["built"]).sum(axis=2) + (v["convert"] * t.gained * t.conversion_cost[:, None, :]).sum(axis=2)
    running = (v["x"] * t.running).sum(axis=(2, 3)) + (v["stock"] * t.standing).sum(axis=2)
    before = np.concatenate([np.zeros((1, running.shape[1])), v["carried"][:-1]])
    debt = np.concatenate([np.zeros((1, running.shape[1])), np.cumsum(v["bond"], axis=0)[:-1]])
    have = t.means + v["general"] + v["earmarked"] + v["bond"] + before + v["unpaid"]
    assert np.abs(have - running - paid - v["reserve"] - v["carried"] - t.bond_rate * debt).max() < 1e-7
    assert (np.cumsum(v["bond"], axis=0) <= t.debt_room + 1e-6).all()
    stock = np.concatenate([t.capacity[None], v["stock"]])
    for k, lead in enumerate(t.lead):
        for y in range(len(v["stock"])):
            expected = (1 - t.retire[k]) * stock[y, :, k] - v["closed"][y, :, k] + (v["built"][y - lead, :, k] if y >= lead else 0.0)
            for c, (source, to) in enumerate(t.conversions):
                expected -= v["convert"][y, :, c] * (source == k)
                expected += t.gained[c] * v["convert"][y - 1, :, c] * (to == k) if y else 0.0
            np.testing.assert_allclose(v["stock"][y, :, k], expected, atol=1e-7)
    grants = np.concatenate([t.general_before[None], v["general"]])
    assert (v["general"] <= (1 + t.change_limit) * np.maximum(1.0, t.pool_growth)[:, None] * grants[:-1] + 1e-6).all()


def test_who_does_not_see_the_downturn_breaks_promises_that_who_sees_it_never_made():
    told, broken = [], []
    for seed in range(6):
        t = downturn(seed)
        told.append(felt(t, foreseen(t)).broken.sum())
        broken.append(felt(t, decided_by_sight(t, 1)).broken.sum())
    assert max(told) < 1.0  # persons: with foresight the ratchet is a limit
    assert max(broken) > 100.0


def test_a_year_out_of_sight_is_not_in_the_model():
    t = world(0)
    seen = in_view(t, 0, 2, {})
    assert len(seen.means) == len(seen.target) == len(seen.salvage) == 2 and len(seen.tail_means) == 0 and seen.milestones == ()
    assert len(in_view(t, 0, 4, {}).tail_means) == 2
    np.testing.assert_array_equal(seen.salvage, t.salvage[2:])


def test_nobody_decides_without_seeing_the_year():
    with pytest.raises(ModelError, match="at least 1"):
        decided_by_sight(world(0), 0)
