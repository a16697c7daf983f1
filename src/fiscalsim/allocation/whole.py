"""Building in whole projects, as an option: numbers of projects are decided pass by pass, then fixed, and everything is solved again with them.

Where there are too many numbers to search, the orders of the plan in any amounts are rounded, with and without what was rounded off carried on, and the
better of the two plans is taken. Prices of a plan with whole numbers do not exist; those of the plan given its projects do. So whatever is asked after
`WholeProjects.solve` (the value of one more yuan, why not more) is answered by the linear passes with the projects fixed as bounds. The plan in any
amounts is solved first: it is the bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import highspy
import numpy as np
import scipy.sparse as sp

from fiscalsim.allocation.formulation import Terms
from fiscalsim.allocation.passes import ORDER, Passes, Solution, families_of
from fiscalsim.allocation.solver import MAY_BE_INFEASIBLE, OutOfTime, PassSolver
from fiscalsim.allocation.value_of_money import SAME, _first_bounds
from fiscalsim.errors import NoSolution
from fiscalsim.quantities import Array

# What the search for whole numbers may do; ended by nodes and never by the clock, so that the same model always has the same projects. The gap that is
# left is recorded with the pass; a search that ends by the clock is no result.
SEARCH: dict[str, bool | int | float | str] = {
    "solver": "choose",
    "mip_rel_gap": 1e-4,
    "mip_max_nodes": 100,
    "mip_feasibility_tolerance": 1e-9,  # as rows and columns: with 1e-7 presolve called pass 4 of the two counties infeasible
    "time_limit": 1800.0,
}
MOST_SEARCHED = 1_000  # numbers of projects (area, year, kind of place); beyond that the search takes hours and orders are rounded. By size, never by the clock
ENDS = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kSolutionLimit)  # to the gap, or by the number of nodes
ROUNDING = 1e-6  # of a project: a solver's whole number is as near as this to one
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Decided:
    """Numbers of projects per built column that comes in projects, and by how much other whole numbers could be better at most (unit of the goal)."""

    numbers: Array
    gap: float | None  # None where the search proves no bound
    nodes: int
    seconds: float


class WholeProjects(Passes):
    """Passes over terms with `project`: what is built of places is a whole multiple of it, in every area and year; staff and conversions are not."""

    @property
    def sizes(self) -> Array:
        """[K] places of one project in 10,000, 0 where any amount may be ordered."""
        if self.terms.project is None:
            raise NoSolution("no project sizes are given; nothing was solved")
        return self.terms.project

    @property
    def projects(self) -> tuple[Array, Array]:
        """Columns of `built` that come in whole projects, and the size of one of each."""
        columns, index = self.form.columns["built"]
        size = np.array([self.sizes[k] for _, _, k in index])
        return columns[size > 0], size[size > 0]

    def fix(self, numbers: Array | None) -> None:
        """Hold the projects at these numbers by the bounds of the model, so that all that asks the passes later asks with them; None: any amount."""
        columns, size = self.projects
        lo, hi = self.form.col_lo.copy(), self.form.col_hi.copy()
        lo[columns], hi[columns] = (0.0, np.inf) if numbers is None else (numbers * size, numbers * size)
        self.form = replace(self.form, col_lo=lo, col_hi=hi)

    def solve(self, progress: Progress | None = None, write_mps: Path | None = None, order: tuple[str, ...] = ORDER) -> Solution:
        """The plan in any amounts, whole numbers, and every pass again with them. NoSolution where no whole numbers have a plan; never a plan in parts."""
        say = progress or (lambda fraction, stage: None)
        self.fix(None)
        bound = super().solve(lambda f, stage: say(f / 3, stage), order=order)
        searched = len(self.projects[0]) <= MOST_SEARCHED
        decided = self.decide(list(bound.answers), say) if searched else {}
        numbers = self.best([*[one.numbers for one in decided.values()][-1:]], order)
        if numbers is None:
            numbers = self.best([self.rounded(bound, carried) for carried in (True, False)], order)
        if numbers is None:
            raise NoSolution("no plan in whole projects was found; the orders rounded to whole projects have none either")
        self.solvers.clear()  # from nothing: what was tried on the way leaves no trace in the plan
        self.fix(numbers)
        found = super().solve(lambda f, stage: say((2 + f) / 3, stage), write_mps, order)
        return replace(found, passes=[self.beside(one, bound, decided) for one in found.passes])

    def best(self, ways: list[Array], order: tuple[str, ...]) -> Array | None:
        """Of some numbers of projects those whose plan is best, goal before goal; None where none of them has a plan."""
        best: tuple[Array, Solution] | None = None
        for numbers in ways:
            self.solvers.clear()
            self.fix(numbers)
            try:
                found = super().solve(order=order)
            except OutOfTime:
                raise
            except NoSolution:
                continue
            if best is None or better(found, best[1]):
                best = numbers, found
        return None if best is None else best[0]

    @staticmethod
    def beside(one: dict, bound: Solution, decided: dict[str, Decided]) -> dict:
        """The record of a pass with the plan in any amounts beside it: its goal, what whole projects add to it (less is better), what the search left."""
        name = one["name"]
        any_amount = bound.answers[name].objective if name in bound.answers else 0.0  # pass 0 runs only where claims cannot all be paid
        left = decided.get(name)
        return one | {
            "seconds": one["seconds"] + (0.0 if left is None else left.seconds),
            "any_amount": any_amount,
            "by_whole_projects": one["objective"] - any_amount,
            "search_gap": None if left is None else left.gap,
            "search_nodes": None if left is None else left.nodes,
        }

    def decide(self, names: list[str], say: Progress) -> dict[str, Decided]:
        """Pass after pass the best whole numbers within what the passes before reached; what a pass reached with its numbers is kept, area by area."""
        lo, hi = _first_bounds(self, "0" in names)
        columns, size = self.projects
        found: dict[str, Decided] = {}
        left, numbers = list(names), None
        while left:
            name = left.pop(0)
            say(1 / 3, f"pass_{name}")
            try:
                found[name] = self.searched(name, lo, hi, numbers)
                numbers = found[name].numbers
                low, high = lo.copy(), hi.copy()
                low[columns] = high[columns] = numbers * size
                self.keep(name, self.one(name, low, high), lo, hi)
            except OutOfTime:
                raise
            except NoSolution:
                if name == "1a" and "0" not in found:
                    self.open(lo, hi)
                    left = ["0", "1a", *left]
                    continue
                return found  # the numbers of the passes before stand; the solve with them says whether there is a plan
        return found

    def searched(self, name: str, lo: Array, hi: Array, start: Array | None) -> Decided:
        """The best whole numbers for one pass within the bounds, from those of the pass before. NoSolution where none are found."""
        began = time.perf_counter()
        columns, size = self.projects
        scale = np.ones(len(lo))
        scale[columns] = size
        wide = sp.diags(scale)
        form = replace(self.form, A=(self.form.A @ wide).tocsr(), objectives={name: self.form.objectives[name] * scale})
        solver = PassSolver(form, name, families_of(name))
        for option, value in SEARCH.items():
            solver.highs.setOptionValue(option, value)
            if solver.highs.getOptionValue(option)[1] != value:
                raise NoSolution(f"the solver refused option {option}={value!r}")
        solver.load(form.lo[solver.rows], form.hi[solver.rows], lo / scale, hi / scale)
        at = columns.astype(np.int32)
        solver.highs.changeColsIntegrality(len(at), at, np.full(len(at), int(highspy.HighsVarType.kInteger), dtype=np.uint8))
        if start is not None:
            solver.highs.setSolution(len(at), at, start)
        for presolve in ("choose", "off"):  # every pass has the point of the one before it: infeasible is presolve's rounding, so once more without
            solver.highs.setOptionValue("presolve", presolve)
            solver.highs.run()
            status = solver.highs.getModelStatus()
            if status in ENDS or name in MAY_BE_INFEASIBLE:
                break
            solver.highs.clearSolver()
        info, x = solver.highs.getInfo(), np.array(solver.highs.getSolution().col_value)
        if status not in ENDS or info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            error = OutOfTime if status == highspy.HighsModelStatus.kTimeLimit else NoSolution
            raise error(f"pass {name} in whole projects: {solver.highs.modelStatusToString(status)}; not shown as a result")
        numbers = np.round(x[columns]) + 0.0
        if np.abs(x[columns] - numbers).max(initial=0.0) > ROUNDING:
            raise NoSolution(f"pass {name} in whole projects: the solver's numbers are not whole")
        gap = max(float(info.objective_function_value - info.mip_dual_bound), 0.0)
        return Decided(numbers, gap if np.isfinite(gap) else None, int(info.mip_node_count), time.perf_counter() - began)

    def rounded(self, bound: Solution, carried: bool) -> Array:
        """The orders of the plan in any amounts, rounded down, within what may be ordered a year when less stands.

        `carried`: what is rounded off is ordered in later years, as soon as it fills a project and the yearly limit holds it.
        """
        t, v, sizes = self.terms, bound.values, self.sizes
        whole, stood = np.zeros_like(v["built"]), np.concatenate([t.capacity[None], v["stock"]])
        fewer = np.zeros_like(stood)  # than in the plan in any amounts, at the end of each year
        owed = np.zeros_like(t.capacity)
        for y in range(len(whole)):
            wanted = v["built"][y] + (owed if carried else 0.0)
            most = np.minimum(wanted, t.build_rate * np.maximum(stood[y] - fewer[y], 0.0) + t.build_least)
            projects = np.floor(np.divide(most, sizes, out=np.zeros_like(most), where=sizes > 0) + ROUNDING)
            whole[y] = np.where(sizes > 0, projects * sizes, v["built"][y])
            owed = owed + v["built"][y] - whole[y]
            fewer[y + 1] = (1 - t.retire) * fewer[y]
            for k, lead in enumerate(t.lead):
                if y >= lead:
                    fewer[y + 1, :, k] += v["built"][y - int(lead), :, k] - whole[y - int(lead), :, k]
        _, size = self.projects
        _, index = self.form.columns["built"]
        return np.round(np.array([whole[cell] for cell in index if sizes[cell[2]] > 0]) / size)


def better(one: Solution, other: Solution) -> bool:
    """Whether a plan is better than another in the first goal in which they differ; pass 0 runs only where first claims cannot all be paid."""
    for name in ("0", *ORDER):
        a, b = (solution.answers[name].objective if name in solution.answers else 0.0 for solution in (one, other))
        if abs(a - b) > SAME * max(1.0, abs(b)):
            return a < b
    return False


def passes_for(terms: Terms, switched_off: tuple[str, ...] = (), recorded: bool = False, held: Passes | None = None) -> Passes:
    """The passes of these terms, in whole projects where they give sizes; `held` from an answer before takes the new numbers where it is of that kind."""
    kind = Passes if terms.project is None else WholeProjects
    if type(held) is not kind:
        return kind(terms, switched_off, recorded=recorded)
    held.update(terms, switched_off)
    return held
