"""Large models take another way through the solver: the same optimum, proved by its own prices."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiscalsim.allocation import solver
from fiscalsim.allocation.passes import Passes, families_of
from fiscalsim.allocation.solver import BY_SIMPLEX, GAP, LARGE, OPTIONS, PassSolver, solver_options
from fiscalsim.errors import NoSolution
from tests.allocation.worlds import world


@pytest.fixture
def all_large(monkeypatch):
    monkeypatch.setattr(solver, "LARGE", 10)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), pool=st.floats(0.3, 1.2))
def test_interior_point_reaches_the_optimum_of_simplex_in_every_pass(monkeypatch, seed, pool):
    terms = world(seed, pool=pool)
    small = Passes(terms).solve()
    with monkeypatch.context() as patch:
        patch.setattr(solver, "LARGE", 10)
        large = Passes(terms).solve()
    assert [one["name"] for one in large.passes] == [one["name"] for one in small.passes]
    for one, other in zip(small.passes, large.passes, strict=True):
        assert other["status"] == "optimal" and other["objective"] == pytest.approx(one["objective"], rel=1e-4, abs=1e-4)


def test_the_way_is_chosen_by_size_and_pass_never_by_the_clock():
    assert solver_options(LARGE) == OPTIONS and solver_options(LARGE + 1)["solver"] == "ipm"
    assert all(solver_options(LARGE + 1, name)["solver"] == "simplex" for name in BY_SIMPLEX)
    assert solver_options(LARGE + 1, "1a")["primal_feasibility_tolerance"] == OPTIONS["primal_feasibility_tolerance"]


def last_pass(terms):
    """The last pass as `solve` leaves it, with its answer."""
    passes = Passes(terms)
    answers = passes.solve().answers
    return passes.solvers["5"], answers["5"]


def test_right_prices_prove_the_answer_and_wrong_ones_do_not(all_large):
    found, answer = last_pass(world(3))
    size = max(1.0, abs(answer.objective))
    assert -1e-9 <= found.gap(answer.x, answer.row_dual) <= GAP * size
    assert not found.gap(answer.x, answer.row_dual * 1.01) <= GAP * size
    assert not found.gap(answer.x, np.zeros_like(answer.row_dual)) <= GAP * size


def test_an_answer_that_its_prices_do_not_prove_is_no_result(all_large, monkeypatch):
    monkeypatch.setattr(PassSolver, "gap", lambda self, x, prices: 1.0)
    with pytest.raises(NoSolution, match="its prices prove the answer only to"):
        Passes(world(3)).solve()


def test_a_solved_large_pass_goes_on_from_its_basis(all_large):
    found, answer = last_pass(world(3))
    again = found.solve()
    assert again.iterations == 0 and again.objective == pytest.approx(answer.objective, rel=1e-9)
    fresh = PassSolver(found.form, "5", families_of("5"))
    assert fresh.highs.getOptionValue("solver")[1] == "ipm"
