"""The only door to Pyomo's compiler and to HiGHS: one compile, one HiGHS object a pass, every answer checked.

HiGHS drops a row with a huge coefficient, lets a NaN bind nothing and still says optimal; so every number is checked finite and
scaled before, the counts are compared after, and every row and bound is rechecked in numpy. Knows nothing of services or money.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from fiscalsim.errors import NoSolution
from fiscalsim.quantities import Array

SMALLEST, LARGEST = 1e-9, 1e7  # HiGHS treats 1e-9 and below as zero; beyond 1e7 its answers lose digits
FEASIBILITY = 1e-6
MAY_BE_INFEASIBLE = ("0", "1a", "cell")  # every later pass has the point of the one before it; one cell may be asked what cannot be
# Seconds a pass may take, a hundred times what one needs on an idle machine: the clock must not decide which of several ways a pass is solved. What is not
# optimal by then is no result.
TIME_LIMIT = 300.0
OPTIONS: dict[str, bool | int | float | str] = {
    "random_seed": 0,
    "threads": 1,
    "output_flag": False,
    "time_limit": TIME_LIMIT,
    "solver": "simplex",
    "primal_feasibility_tolerance": 1e-9,  # finer than what a pass may give up of the passes before it
    "simplex_dual_edge_weight_strategy": 1,  # Devex: 9.8 s for all passes of Liaoning by city, 16.4 s with steepest edge; warm answers gain more
}
# Above LARGE columns the later passes are first solved by interior point with crossover: for the hundred counties of Liaoning simplex needs
# more than ten minutes in pass 3, interior point two. The choice is by size, never by the clock, so that the same model always takes the same
# way. At 1e-9 crossover ends "imprecise"; what the looser tolerances let through is bounded by the numpy check of the duality gap.
LARGE = 100_000
BY_SIMPLEX = ("0", "1a", "1b", "2")  # quicker by simplex at any size; the first two may have no solution, which simplex says plainly
LARGE_OPTIONS: dict[str, bool | int | float | str] = {
    "solver": "ipm",
    "time_limit": 7200.0,
    "primal_feasibility_tolerance": 1e-7,
    "dual_feasibility_tolerance": 1e-6,
}
LEAST_TRIED = 300  # iterations that an old basis is given at least
TRIED = 1 / 8  # of the iterations of a solve from nothing that an old basis is given first; halved where it was given up, doubled where it led to the answer
MOST_TRIED = 1 / 2
GAP = 1e-6  # largest difference between an answer's objective and what its own prices prove, relative to the objective


class OutOfTime(NoSolution):
    """A pass that ended by the clock; no other way is tried, for a busy machine must not give another plan."""


def solver_options(columns: int, name: str = "") -> dict[str, bool | int | float | str]:
    """The options of HiGHS for a pass of a model of that many columns."""
    if columns <= LARGE:
        return dict(OPTIONS)
    return OPTIONS | ({"time_limit": LARGE_OPTIONS["time_limit"]} if name in BY_SIMPLEX else LARGE_OPTIONS)


@dataclass
class StandardForm:
    """Rows lo <= A x <= hi and bounds of one model, with one objective a pass and the family of every row."""

    A: sp.csr_matrix
    lo: Array
    hi: Array
    col_lo: Array
    col_hi: Array
    objectives: dict[str, Array]
    offsets: dict[str, float]
    family: Array  # name per row
    row_index: list[Any]
    columns: dict[str, tuple[Array, list[Any]]]  # variable name -> column numbers, index tuples


def compile_model(model: Any) -> StandardForm:
    """Pyomo's standard form of `model`, as arrays; fixed variables are gone, objectives are named goal_<pass>."""
    form = LinearStandardFormCompiler().write(model, mixed_form=True)
    A = form.A.tocsr()
    rhs = np.asarray(form.rhs, dtype=float)
    lo, hi = np.full(len(rhs), -np.inf), np.full(len(rhs), np.inf)
    family, row_index = [], []
    for i, row in enumerate(form.rows):
        kind = row.bound_type
        if kind >= 0:
            hi[i] = rhs[i]
        if kind <= 0:
            lo[i] = rhs[i]
        family.append(row.constraint.parent_component().local_name)
        row_index.append(row.constraint.index())
    col_lo = np.array([v.lb if v.lb is not None else -np.inf for v in form.columns], dtype=float)
    col_hi = np.array([v.ub if v.ub is not None else np.inf for v in form.columns], dtype=float)
    names = [objective.local_name.removeprefix("goal_") for objective in form.objectives]
    costs = form.c.toarray()
    offsets = np.asarray(form.c_offset, dtype=float)
    columns: dict[str, tuple[list[int], list[Any]]] = {}
    for j, v in enumerate(form.columns):
        numbers, index = columns.setdefault(v.parent_component().local_name, ([], []))
        numbers.append(j)
        index.append(v.index())
    return StandardForm(
        A,
        lo,
        hi,
        col_lo,
        col_hi,
        {n: costs[i] for i, n in enumerate(names)},
        dict(zip(names, offsets, strict=True)),
        np.array(family),
        row_index,
        {name: (np.array(numbers), index) for name, (numbers, index) in columns.items()},
    )


def check_finite_and_scaled(A: sp.spmatrix, vectors: dict[str, Array]) -> None:
    """NoSolution, before any solve, where a coefficient is NaN, infinite or too large or small to bind."""
    data = np.abs(A.tocsr().data)
    data = data[data != 0]
    if not (np.isfinite(data).all() and (len(data) == 0 or (data.max() <= LARGEST and data.min() > SMALLEST))):
        raise NoSolution("a coefficient of the model is not finite or out of scale (1e-9 .. 1e7); nothing was solved")
    for name, values in vectors.items():
        finite = np.isfinite(values) if name == "cost" else ~np.isnan(values)
        if not finite.all() or (np.abs(values[np.isfinite(values)]) > 1e12).any():
            raise NoSolution(f"the model's {name} holds a value that is not finite; nothing was solved")


@dataclass(frozen=True)
class Answer:
    """One solved pass: the point, the duals of its rows, and how it was reached."""

    name: str
    x: Array
    objective: float
    row_dual: Array  # per row of the pass
    rows: Array  # numbers of the rows of the pass in the standard form
    seconds: float
    iterations: int
    status: str
    room: float = 0.0  # by how much the bounds kept from earlier passes were loosened for this answer
    on_face: bool = False  # whether it was found among the plans that the prices of the passes before it leave; else within what was kept of them


class PassSolver:
    """One HiGHS object for one pass; keeps its basis, so that a change of bounds is answered warm."""

    def __init__(self, form: StandardForm, name: str, families: tuple[str, ...]):
        self.name = name
        self.highs = highspy.Highs()
        self.options = solver_options(len(form.col_lo), name)
        for option, value in self.options.items():
            self.highs.setOptionValue(option, value)
            if self.highs.getOptionValue(option)[1] != value:
                raise NoSolution(f"the solver refused option {option}={value!r}")
        self.rows = np.flatnonzero(np.isin(form.family, families))
        self.basis: Any = None
        self.usual = 0  # simplex iterations of the last solve from nothing
        self.patience = TRIED  # share of them that an old basis is given
        self.trial = False  # the next solve starts from the basis that other numbers had
        self.lo = self.hi = self.col_lo = self.col_hi = np.array([])
        self.take(form)

    def take(self, form: StandardForm) -> None:
        """Point at the numbers of `form`; they reach HiGHS at the next load."""
        self.form, self.A, self.cost = form, form.A[self.rows], form.objectives[self.name]
        self.loaded = False

    def moved(self, form: StandardForm) -> PassSolver:
        """The same pass over new numbers in the same rows and columns, starting from the basis it had."""
        self.basis = self.highs.getBasis() if self.loaded else None
        self.trial = self.basis is not None
        self.take(form)
        return self

    def load(self, lo: Array, hi: Array, col_lo: Array, col_hi: Array) -> None:
        """Hand the pass to HiGHS, or only its changed bounds when it is there already."""
        check_finite_and_scaled(self.A, {"cost": self.cost, "row bound": np.concatenate([lo, hi]), "column bound": np.concatenate([col_lo, col_hi])})
        if self.loaded:
            n = len(col_lo)
            self.highs.changeColsBounds(n, np.arange(n, dtype=np.int32), col_lo, col_hi)
            for i in np.flatnonzero((lo != self.lo) | (hi != self.hi)):
                self.highs.changeRowBounds(int(i), lo[i], hi[i])
        else:
            lp = highspy.HighsLp()
            lp.num_col_, lp.num_row_ = self.A.shape[1], self.A.shape[0]
            lp.col_cost_, lp.col_lower_, lp.col_upper_ = self.cost, col_lo, col_hi
            lp.row_lower_, lp.row_upper_ = lo, hi
            lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
            lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = self.A.indptr, self.A.indices, self.A.data
            lp.offset_ = self.form.offsets[self.name]
            status = self.highs.passModel(lp)
            if status == highspy.HighsStatus.kError or self.highs.getNumRow() != self.A.shape[0] or self.highs.getNumCol() != self.A.shape[1]:
                raise NoSolution(f"pass {self.name}: the solver did not take every row and column")
            if self.basis is not None:
                self.highs.setBasis(self.basis)
            self.loaded = True
        self.lo, self.hi, self.col_lo, self.col_hi = lo.copy(), hi.copy(), col_lo.copy(), col_hi.copy()

    def solve(self) -> Answer:
        """Optimal answer of the loaded pass; NoSolution with the solver's own word otherwise."""
        started = time.perf_counter()
        limit = float(self.options["time_limit"])
        # interior point starts from nothing; with a basis at hand (moved bounds, a preview) simplex goes on from it
        warm = self.highs.getBasis().valid
        self.highs.setOptionValue("solver", OPTIONS["solver"] if warm else self.options["solver"])
        self.highs.setOptionValue("time_limit", limit + self.highs.getRunTime())
        if self.trial:
            self.highs.setOptionValue("simplex_iteration_limit", max(LEAST_TRIED, int(self.usual * self.patience)))
        self.highs.run()
        status, x, broken = self.point()
        if self.trial:
            self.trial = False
            self.highs.setOptionValue("simplex_iteration_limit", highspy.kHighsIInf)
            given_up = status != highspy.HighsModelStatus.kOptimal or bool(broken)
            self.patience = self.patience / 2 if given_up else min(MOST_TRIED, 2 * self.patience)
            if given_up:
                # an iteration from an old basis costs two to three of a presolved solve from nothing: beyond a share of their number it is given up
                warm = False
                self.highs.clearSolver()
                self.highs.setOptionValue("solver", self.options["solver"])
                self.highs.setOptionValue("time_limit", limit + self.highs.getRunTime())
                self.highs.run()
                status, x, broken = self.point()
        if status == highspy.HighsModelStatus.kTimeLimit:
            raise OutOfTime(f"pass {self.name}: {self.highs.modelStatusToString(status)}; not shown as a result")
        others = [way for way in (("ipm", "choose"), ("simplex", "off")) if warm or way[0] != self.options["solver"]]
        for method, presolve in others if self.name not in MAY_BE_INFEASIBLE else ():
            if status == highspy.HighsModelStatus.kOptimal and not broken:
                break
            # feasible by construction, so this is numerical trouble: once more from nothing, another way; what is still not optimal is no result
            self.highs.clearSolver()
            self.highs.setOptionValue("solver", method)
            self.highs.setOptionValue("presolve", presolve)
            self.highs.setOptionValue("time_limit", limit + self.highs.getRunTime())
            self.highs.run()
            status, x, broken = self.point()
        self.highs.setOptionValue("presolve", "choose")
        if status != highspy.HighsModelStatus.kOptimal:
            raise NoSolution(f"pass {self.name}: {self.highs.modelStatusToString(status)}; not shown as a result")
        if broken:
            raise NoSolution(f"pass {self.name}: row {broken} does not hold in the solver's answer")
        info, solution = self.highs.getInfo(), self.highs.getSolution()
        self.usual = self.usual if warm else int(info.simplex_iteration_count)
        objective = float(self.cost @ x + self.form.offsets[self.name])
        if not abs(objective - info.objective_function_value) <= 1e-5 * max(1.0, abs(objective)):
            raise NoSolution(f"pass {self.name}: the solver reports {info.objective_function_value}, its own point gives {objective}")
        prices = np.array(solution.row_dual)
        if len(x) > LARGE and not self.gap(x, prices) <= GAP * max(1.0, abs(objective)):
            raise NoSolution(f"pass {self.name}: its prices prove the answer only to {self.gap(x, prices):.1e}; not shown as a result")
        return Answer(
            self.name,
            x,
            objective,
            prices,
            self.rows,
            time.perf_counter() - started,
            int(info.simplex_iteration_count) + int(info.ipm_iteration_count) + int(info.crossover_iteration_count),
            "optimal",
        )

    def point(self) -> tuple[Any, Array, str]:
        """Status, the point within its bounds, and the name of a row that does not hold there (empty: all hold).

        Every row is rechecked in numpy, to a tolerance relative to the size of its own terms.
        """
        status = self.highs.getModelStatus()
        x = np.array(self.highs.getSolution().col_value)
        if status != highspy.HighsModelStatus.kOptimal:
            return status, x, ""
        x = np.clip(x, self.col_lo, self.col_hi) + 0.0
        value = self.A @ x
        size = np.maximum(1.0, np.abs(self.A).dot(np.abs(x)))
        good = (value >= self.lo - FEASIBILITY * size) & (value <= self.hi + FEASIBILITY * size)
        if good.all():
            return status, x, ""
        bad = self.rows[np.flatnonzero(~good)[0]]
        return status, x, f"{self.form.family[bad]}{self.form.row_index[bad]}"

    def gap(self, x: Array, prices: Array) -> float:
        """How far below the answer's objective the optimum could lie at most, by the answer's own row prices: their dual bound, recomputed in numpy.

        Lagrange: min c x >= min over the bounds of (c - A'y) x + y (A x); each term is lowest at the bound that its sign points to. Where that bound is
        infinite the term is taken at the answer itself, and the price must be zero within the solver's tolerance.
        """
        reduced, activity = self.cost - self.A.T @ prices, self.A @ x
        lost = 0.0
        for price, value, low, high in ((reduced, x, self.col_lo, self.col_hi), (prices, activity, self.lo, self.hi)):
            best = np.where(price > 0, low, high)
            free = ~np.isfinite(best)
            if (np.abs(price[free]) > FEASIBILITY).any():
                return np.inf
            lost += float((price[~free] * (value[~free] - best[~free])).sum())
        return lost

    def write_mps(self, folder: Path) -> Path:
        """The loaded pass as an MPS file that any other solver reads."""
        path = folder / f"pass_{self.name}.mps"
        self.highs.writeModel(str(path))
        return path
