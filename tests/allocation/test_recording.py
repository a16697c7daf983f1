"""A recorded model filled with other numbers against a fresh build: every coefficient, side, bound and cost."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim.allocation import solver
from fiscalsim.allocation.formulation import build
from fiscalsim.allocation.passes import Passes
from fiscalsim.allocation.recording import Recording
from fiscalsim.allocation.solver import compile_model
from fiscalsim.allocation.tape import MARK, Tape, numbers
from tests.allocation.worlds import world

SEEDS = st.integers(0, 10_000)


def assert_equal(one, other):
    assert one.row_index == other.row_index and (one.family == other.family).all()
    assert {name: index for name, (_, index) in one.columns.items()} == {name: index for name, (_, index) in other.columns.items()}
    np.testing.assert_allclose(one.A.toarray(), other.A.toarray(), rtol=1e-12, atol=1e-15)
    for name in ("lo", "hi", "col_lo", "col_hi"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12, atol=1e-15)
    for name, cost in other.objectives.items():
        np.testing.assert_allclose(one.objectives[name], cost, rtol=1e-12, atol=1e-15)
    assert one.offsets == other.offsets


def opened(terms):
    return dataclasses.replace(terms, market=np.array([0.2, 0.2, 0.0]), mobility=0.05)


@settings(max_examples=30, deadline=None)
@given(SEEDS, SEEDS, st.floats(0.5, 1.5), st.booleans())
def test_other_numbers_in_a_recorded_model_give_the_arrays_of_a_fresh_build(seed, other, pool, wide):
    change = opened if wide else dataclasses.replace
    recording = Recording(change(world(seed)))
    moved = change(world(other, pool=pool))
    moved = dataclasses.replace(moved, change_limit=0.2, bond_rate=0.04, purchase_cap=0.05, **({"mobility": 0.02} if wide else {}))
    form = recording.form(moved)
    if form is None:
        # a comparison went the other way (a pool that falls instead of growing, a base coverage below a ceiling): built anew, never guessed
        recording = Recording(moved)
        form = recording.form(moved)
    assert_equal(form, compile_model(build(moved)))


@pytest.mark.parametrize("field", ["running", "means", "clients", "retire", "tail_pool", "upper_cost", "general_before", "bond_quota", "target", "tie_x"])
def test_each_term_is_recorded_and_not_frozen(field):
    t = world(5)
    moved = dataclasses.replace(t, **{field: np.asarray(getattr(t, field)) * 1.01})
    recording = Recording(t)
    found = recording.form(moved)
    assert found is not None
    assert_equal(found, compile_model(build(moved)))
    before = compile_model(build(t))
    assert any((a != b).any() for a, b in ((found.A.data, before.A.data), (found.lo, before.lo), (found.hi, before.hi), (found.col_hi, before.col_hi))) or any(
        (found.objectives[name] != cost).any() for name, cost in before.objectives.items()
    )


def test_other_rows_or_columns_do_not_fit():
    t = world(1)
    recording = Recording(t)
    nobody = t.clients.copy()
    nobody[0, 0, 0, 0] = 0.0
    few = t.clients.copy()
    few[0, 0, 0, 0] = 1e-5  # a tenth of a client
    for change in (
        {"clients": nobody},
        {"clients": few},
        {"lead": t.lead + 1},
        {"milestones": (1,)},
        {"target": np.full_like(t.target, np.nan)},
        {"mobility": 0.1},
        {"rule_general": np.ones_like(t.means)},
        {"promise": ~t.promise},
    ):
        assert recording.form(dataclasses.replace(t, **change)) is None
    assert recording.form(t, ("today_kept",)) is None
    assert recording.form(t) is not None


def test_a_recorded_worker_builds_anew_where_its_record_does_not_fit():
    passes = Passes(world(2), recorded=True)
    passes.solve()
    for change in ({"mobility": 0.1}, {"mobility": 0.0}, {"change_limit": 0.3}):
        moved = dataclasses.replace(world(2), **change)
        passes.update(moved)
        fresh = Passes(moved)
        assert_equal(passes.form, fresh.form)
        assert passes.solve().passes[-1]["objective"] == pytest.approx(fresh.solve().passes[-1]["objective"], rel=1e-6)


def test_arithmetic_on_a_bare_mark_is_refused():
    tape = Tape()
    traced = tape.trace("a", np.array([2.0, 3.0]))
    product = traced[0] * traced[1] - 1
    tape.close()
    values = tape.replay({"a": np.array([5.0, 7.0])})
    assert numbers(np.array([float(product), -1.0, np.inf]), values).tolist() == [34.0, -1.0, np.inf]
    with pytest.raises(ValueError, match="no mark"):
        numbers(np.array([0.5 * float(product)]), values)
    with pytest.raises(ValueError, match="no mark"):
        numbers(np.array([MARK + len(values)]), values)


def test_an_old_basis_that_leads_nowhere_is_given_up_for_a_solve_from_nothing(monkeypatch):
    monkeypatch.setattr(solver, "LEAST_TRIED", 0)
    passes = Passes(world(4), recorded=True)
    passes.solve()
    for found in passes.solvers.values():
        found.usual = 0  # so that no iteration at all is tried
    moved = world(11, pool=0.8)
    passes.update(moved)
    again, fresh = passes.solve(), Passes(moved).solve()
    assert again.passes[-1]["iterations"] == fresh.passes[-1]["iterations"] > 0
    assert np.abs(again.values["x"] - fresh.values["x"]).max() < 1e-9
