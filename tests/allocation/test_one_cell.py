"""Why one cell has no more, in small random worlds: parts that sum to the gap, limits that gain when eased, others who keep what they have."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim.allocation.formulation import FAMILIES, GOALS_WITHOUT_SWITCH
from fiscalsim.allocation.one_cell import ALL_ROWS, BUILDING, GOALS, GROUPS, MONEY, STAFF, Aim, OneCell, explained, form_of
from fiscalsim.allocation.passes import Passes
from fiscalsim.errors import NoSolution
from tests.allocation.worlds import world

SEEDS = st.integers(0, 10_000)
YEAR = 3


def shortest(terms):
    """The solved passes of a world and its largest shortfall in the last year."""
    passes = Passes(terms)
    solution = passes.solve()
    short = np.where(terms.cells[YEAR], (1 - np.minimum(solution.values["x"][YEAR], 1)) * terms.clients[YEAR], 0.0).sum(axis=1)
    r, s = (int(i) for i in np.unravel_index(int(short.argmax()), short.shape))
    return passes, solution, Aim(YEAR, r, (0, 1), s)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0.6, 1.0))
def test_the_parts_sum_to_the_gap_and_none_is_below_nothing(seed, pool):
    told = explained(*shortest(world(seed, pool=pool)))
    assert set(told.parts) == set(GROUPS)
    assert sum(told.parts.values()) == pytest.approx(told.need - told.have, rel=1e-12, abs=1e-9)
    assert min(told.parts.values()) >= -1e-3 * max(told.need, 1.0)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(0.6, 1.0))
def test_without_any_limit_everyone_entitled_is_served(seed, pool):
    passes, solution, aim = shortest(world(seed, pool=pool))
    one = OneCell(passes, solution, aim)
    rows = [int(i) for family in (*ALL_ROWS, "standards_never_fall") for i in one.rows_of(family)]
    assert one.most(lifted=rows) == pytest.approx(one.need * one.scale, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(0.6, 1.0))
def test_a_limit_is_named_exactly_where_a_step_of_it_alone_brings_more(seed, pool):
    passes, solution, aim = shortest(world(seed, pool=pool))
    told, one = explained(passes, solution, aim), OneCell(passes, solution, aim)
    base = one.most()
    named = {limit.family for limit in told.limits if not limit.with_}
    for family in ALL_ROWS:
        gain = one.eased(family) - base if len(one.rows_of(family)) else 0.0
        if family in named:
            assert gain > one.least, family
        elif not named & set(STAFF):  # building and hiring of staff are told as staff
            assert not gain > 10 * one.least, family


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_nobody_else_gets_less_when_one_cell_gets_all_it_can(seed):
    passes, solution, aim = shortest(world(seed, pool=0.8))
    one = OneCell(passes, solution, aim)
    one.most()
    numbers, index = passes.form.columns["x"]
    for j, cell in zip(numbers, index, strict=True):
        if (cell[1], cell[3]) != (aim.region, aim.service):
            assert one.answer.x[j] >= solution.values["x"][cell] - 1e-5


def test_the_plan_is_the_least_that_the_question_can_answer():
    passes, solution, aim = shortest(world(3, pool=0.8))
    one = OneCell(passes, solution, aim)
    assert one.most() >= one.have * one.scale - 1e-6


def test_more_of_a_limit_is_asked_on_the_same_rows_and_other_rows_are_refused():
    terms = world(1)
    passes = Passes(terms, recorded=True)
    passes.solve()
    assert form_of(passes, dataclasses.replace(terms, general_pool=1.1 * terms.general_pool)).A.shape == passes.form.A.shape
    with pytest.raises(NoSolution, match="other rows"):
        form_of(passes, dataclasses.replace(terms, mobility=0.1))


def test_other_numbers_move_the_bounds_of_columns_too():
    terms = dataclasses.replace(world(5, pool=0.7), bond_quota=np.zeros((4, 2)))
    passes, solution, aim = shortest(terms)
    richer = dataclasses.replace(terms, bond_quota=np.full((4, 2), 5.0), debt_room=np.full((4, 2), 50.0))
    there = OneCell(passes, solution, aim, richer, form_of(passes, richer))
    assert there.hi[passes.form.columns["bond"][0]].min() == 5.0


def test_a_target_is_explained_in_distances():
    terms = world(2, pool=0.8)
    passes = Passes(terms)
    solution = passes.solve()
    y, i = (int(n) for n in np.unravel_index(int(solution.values["short"].argmax()), solution.values["short"].shape))
    assert solution.values["short"][y, i] > 1e-3
    told = explained(passes, solution, Aim(y, indicator=i))
    assert sum(told.parts.values()) == pytest.approx(solution.values["short"][y, i], rel=1e-9)
    half = told.times(0.5)
    assert half.gap == pytest.approx(told.gap / 2) and half.parts["means"] == pytest.approx(told.parts["means"] / 2)


def test_every_family_belongs_to_a_group_or_is_a_goal():
    told = {*MONEY, *BUILDING, *STAFF, *GOALS, "standards_never_fall", *GOALS_WITHOUT_SWITCH}
    assert {family.name for family in FAMILIES} == told


# --- a forced case of each family -----------------------------------------------------------------------------------

WIDE = {"bond_quota": np.full((4, 2), 9.0), "debt_room": np.full((4, 2), 90.0)}
PLENTY = {"build_rate": np.full(3, 9.0), "build_least": np.full((2, 3), 9.0)}


def changed(seed=3, pool=1.0, **values):
    """A world with other numbers; a single number fills the array of that name."""
    terms = world(seed, pool=pool)
    full = {k: np.full_like(getattr(terms, k), v) if np.isscalar(v) and isinstance(getattr(terms, k), np.ndarray) else v for k, v in values.items()}
    return dataclasses.replace(terms, **full)


def named_somewhere(terms, off=()):
    """Every family named for any cell or target of a world."""
    passes = Passes(terms, off)
    solution = passes.solve()
    found = set()
    years, regions, _, services = terms.clients.shape
    for y in range(years):
        for r in range(regions):
            for s in range(services):
                for h in (0, 1):
                    if terms.cells[y, r, h, s] and solution.values["x"][y, r, h, s] < 1 - 1e-3:
                        found |= {limit.family for limit in explained(passes, solution, Aim(y, r, (h,), s)).limits}
    return found
