"""The lexicographic passes: each lowers its goal, then what it reached is kept area by area as bounds for the passes after it.

0 first claims (only where they cannot all be paid), 1a the largest floor share unmet, 1b clients below the floor, 2 binding targets,
3 expected targets, 4 the worst-off and the gaps, 5 least cost and least churn, which makes the plan unique. A pass is solved on the face of the
plans that are as good for the passes before it, as their prices show it.
"""

from __future__ import annotations

import csv
import gc
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from fiscalsim.allocation.formulation import FAMILIES, Terms, build, building_paid
from fiscalsim.allocation.recording import Recording
from fiscalsim.allocation.solver import FEASIBILITY, LARGE, MAY_BE_INFEASIBLE, Answer, OutOfTime, PassSolver, StandardForm, compile_model
from fiscalsim.errors import NoSolution
from fiscalsim.quantities import Array

ROOM = (0.0, 1e-5, 1e-4)  # by how much a pass may loosen what was kept where the solver cannot move within it: the first that answers
KEPT = 1e-6  # what a later pass may give up of floors and targets, in shares
FACE_PRICED = 1e-6  # a reduced cost or price beyond this is one: what has it cannot move without a loss for the pass
ORDER = ("1a", "1b", "2", "3", "4", "5")
MOST_RECORDED = 50_000  # cells of area, service and year; beyond that (counties of a province) the record would take gigabytes, and solving minutes anyway
MEASURED_BY = {"below": "floor_guaranteed", "cut": "today_kept"}  # what is missing -> the rule that measures it


@dataclass(frozen=True)
class Solution:
    """The plan of the last pass as arrays, and how each pass went. Money 100 million yuan, clients and places 10,000."""

    values: dict[str, Array]
    passes: list[dict]
    answers: dict[str, Answer]


def families_of(name: str) -> tuple[str, ...]:
    """Names of the families whose rows stand in a pass."""
    return (*(f.name for f in FAMILIES if name in f.passes), "debt_carried", "posts_balanced")


def check_finite(terms: Terms) -> None:
    """NoSolution that names the cell where a number of the model is not finite (a target may be nan: none holds then)."""
    for item in fields(terms):
        values = getattr(terms, item.name)
        if isinstance(values, np.ndarray) and item.name != "target" and not np.isfinite(values).all():
            cell = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
            raise NoSolution(f"{item.name}{list(cell)} of the allocation model is {values[cell]}; nothing was solved")


class Face:
    """The plans that are as good for the passes so far: of a goal's optimal plans all have a priced column at its bound and a priced row at its side.

    What was kept area by area implies it but for KEPT; with it said, slivers of KEPT in which a later pass would move without meaning are gone, and
    most columns of the last passes with them. Prices of any optimal answer name the same plans, so a warm answer and a fresh one do too.
    """

    def __init__(self, form: StandardForm):
        self.value = np.full(len(form.col_lo), np.nan)  # per column, nan: free
        self.side = np.zeros(len(form.lo), dtype=np.int8)  # per row, 1 at its lower side, -1 at its upper, 0 free

    def narrow(self, form: StandardForm, answer: Answer) -> None:
        """Take in the prices of one more pass."""
        rows, price = answer.rows, answer.row_dual
        reduced = form.objectives[answer.name] - form.A[rows].T @ price
        fixed = np.isnan(self.value) & (np.abs(reduced) > FACE_PRICED)
        self.value[fixed] = answer.x[fixed]
        free = (self.side[rows] == 0) & (form.lo[rows] != form.hi[rows]) & (np.abs(price) > FACE_PRICED)
        self.side[rows[free]] = np.sign(price[free])

    def pin(self, numbers: Array, values: Array) -> None:
        """Columns that a row of this pass alone holds at a value."""
        free = np.isnan(self.value[numbers])
        self.value[numbers[free]] = values[free]

    def within(self, form: StandardForm, rows: Array, lo: Array, hi: Array) -> tuple[Array, Array, Array, Array]:
        """Sides of `rows` and bounds of the columns on the face."""
        low, high, side = form.lo[rows], form.hi[rows], self.side[rows]
        low, high = np.where(side < 0, high, low), np.where(side > 0, low, high)
        fixed = ~np.isnan(self.value)
        return low, high, np.where(fixed, self.value, lo), np.where(fixed, self.value, hi)


class Passes:
    """The passes of one model; kept in a worker, a second `solve` with other bounds is warm."""

    def __init__(self, terms: Terms, switched_off: tuple[str, ...] = (), recorded: bool = False):
        """`recorded`: keep how each number came about, so that `update` need not build the model again."""
        check_finite(terms)
        self.terms, self.switched_off = terms, switched_off
        self.recorded = recorded and int(terms.cells.sum()) <= MOST_RECORDED
        self.recording: Recording | None = None
        self.form = self.compiled()
        self.solvers: dict[str, PassSolver] = {}

    def update(self, terms: Terms, switched_off: tuple[str, ...] = ()) -> None:
        """Take new numbers; the passes that are warm keep their basis where rows and columns are the same."""
        check_finite(terms)
        self.terms, self.switched_off = terms, switched_off
        form = self.compiled()
        same = (
            (form.row_index is self.form.row_index or form.row_index == self.form.row_index)
            and (form.family == self.form.family).all()
            and len(form.col_lo) == len(self.form.col_lo)
        )
        self.form = form
        self.solvers = {name: solver.moved(form) for name, solver in self.solvers.items()} if same else {}

    def compiled(self) -> StandardForm:
        """The model as arrays. Of Pyomo's own objects, a gigabyte for a hundred counties, only what is asked later stays.

        That is which indicators are binding, and which cells and resources each of them reaches.
        """
        if self.recorded:
            form = self.recording.form(self.terms, self.switched_off) if self.recording is not None else None
            if form is None:
                self.recording = None  # two of them would not be kept
                self.recording = Recording(self.terms, self.switched_off)
                gc.collect()
                form = self.recording.form(self.terms, self.switched_off)
            if self.recording is not None and form is not None:
                self.binding, self.reach_x, self.reach_k = self.recording.binding, self.recording.reach_x, self.recording.reach_k
                return form
        model = build(self.terms, self.switched_off)
        self.binding = frozenset(i for _, i in getattr(model, "binding_target_met", {}))
        self.reach_x, self.reach_k = model.reach_x, model.reach_k
        form = compile_model(model)
        del model
        gc.collect()  # Pyomo's objects refer to each other and would else stay beside the solver's
        return form

    def solver(self, name: str) -> PassSolver:
        """The HiGHS object of a pass, made when it is first needed."""
        if name not in self.solvers:
            self.solvers[name] = PassSolver(self.form, name, families_of(name))
        return self.solvers[name]

    def solve(self, progress: Callable[[float, str], None] | None = None, write_mps: Path | None = None, order: tuple[str, ...] = ORDER) -> Solution:
        """Every pass of `order`; NoSolution with the pass's name where one is not optimal."""
        lo, hi = self.form.col_lo.copy(), self.form.col_hi.copy()
        if self.terms.rule_general is not None:
            numbers, index = self.form.columns["general"]
            lo[numbers] = hi[numbers] = self.terms.rule_general[tuple(np.array(index).T)]
        self.bound(lo, hi, "unpaid", "hi", 0.0)
        self.bound(lo, hi, "unpaid_later", "hi", 0.0)
        answers: dict[str, Answer] = {}
        face = self.face()
        left = list(order)
        while left:
            name = left.pop(0)
            if progress:
                progress(ORDER.index(name) / len(ORDER) if name in ORDER else 0.0, f"pass_{name}")
            try:
                answers[name] = self.one(name, lo, hi, face)
            except NoSolution as error:
                if name != "1a" or "0" in answers or isinstance(error, OutOfTime):
                    raise
                self.open(lo, hi)
                left = ["0", "1a", *left]
                continue
            if write_mps is not None:
                self.solvers[name].write_mps(write_mps)
            self.keep(name, answers[name], lo, hi)
            self.narrow(name, answers[name], face)
        if write_mps is not None:
            with open(write_mps / "passes.csv", "w", newline="", encoding="utf-8") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow(("pass", "file", "objective"))
                table.writerows((a.name, f"pass_{a.name}.mps", repr(a.objective)) for a in answers.values())
        summary = [
            {
                "name": a.name,
                "status": a.status,
                "objective": a.objective,
                "seconds": a.seconds,
                "iterations": a.iterations,
                "rows": len(a.rows),
                "columns": len(a.x),
                "room": a.room,
                "on_face": a.on_face,
            }
            for a in answers.values()
        ]
        return Solution(self.arrays(answers["5"].x), summary, answers)

    def face(self) -> Face | None:
        """The face of all plans, for `narrow`; none for large models, whose answers by interior point are priced too loosely for it."""
        return Face(self.form) if len(self.form.col_lo) <= LARGE else None

    def narrow(self, name: str, answer: Answer, face: Face | None) -> None:
        """The face of the passes up to `name`; of 0 and 1a only what `keep` takes, whose bounds may be infinite, and the last has none after it."""
        if face is None or name not in ("1b", "2", "3"):
            return
        face.narrow(self.form, answer)
        place = dict(zip(self.form.columns["x"][1], self.form.columns["x"][0], strict=True))
        for variable, rule in MEASURED_BY.items() if name == "1b" else ():
            missing = dict(zip(self.form.columns[variable][1], self.form.columns[variable][0], strict=True)) if variable in self.form.columns else {}
            priced = answer.rows[(self.form.family[answer.rows] == rule) & (np.abs(answer.row_dual) > FACE_PRICED)]
            cells = [self.form.row_index[row] for row in priced]
            asked = np.array([self.terms.floor[cell[3]] if variable == "below" else self.terms.today[cell[1:]] for cell in cells])
            # a row of pass 1b alone: what it asks is met but for what is missing, in later passes too
            numbers = np.array([place[cell] for cell in cells], dtype=int)
            face.pin(numbers, np.maximum(asked - answer.x[[missing[cell] for cell in cells]], 0.0) if cells else asked)

    def one(self, name: str, lo: Array, hi: Array, face: Face | None = None) -> Answer:
        """Solve one pass within the bounds kept so far, first on the face of the passes before it; where that has no answer, with all that was kept."""
        solver = self.solver(name)
        if face is not None and name not in MAY_BE_INFEASIBLE:
            try:
                solver.load(*face.within(self.form, solver.rows, lo, hi))
                return replace(solver.solve(), on_face=True)
            except OutOfTime:
                raise
            except NoSolution:
                self.solvers.pop(name)
                solver = self.solver(name)
        for room in ROOM if name not in MAY_BE_INFEASIBLE else ROOM[:1]:
            low, high = lo.copy(), hi.copy()
            for variable, side, by in (("x", low, -room), ("short", high, room), ("unpaid", high, room), ("unpaid_later", high, room)):
                numbers, _ = self.form.columns.get(variable, (np.array([], dtype=int), []))
                side[numbers] += by * (np.isfinite(side[numbers]) & (side[numbers] > 0))
            try:
                solver.load(self.form.lo[solver.rows], self.form.hi[solver.rows], np.maximum(low, np.minimum(lo, 0.0)), high)
                return replace(solver.solve(), room=room)
            except OutOfTime:
                raise
            except NoSolution as error:
                last = error
                self.solvers.pop(name)  # the next attempt starts from nothing
                solver = self.solver(name)
        raise last

    def open(self, lo: Array, hi: Array) -> None:
        """Let first claims go unpaid: pass 0 will lower what is."""
        self.bound(lo, hi, "unpaid", "hi", np.inf)
        self.bound(lo, hi, "unpaid_later", "hi", np.inf)

    def bound(self, lo: Array, hi: Array, variable: str, side: str, value: Array | float) -> None:
        """Set one bound of every column of a variable."""
        numbers, _ = self.form.columns.get(variable, (np.array([], dtype=int), []))
        (lo if side == "lo" else hi)[numbers] = value

    def keep(self, name: str, answer: Answer, lo: Array, hi: Array) -> None:
        """What the pass reached becomes bounds, area by area."""
        x, columns = answer.x, self.form.columns
        if name == "0":
            for variable in ("unpaid", "unpaid_later"):
                numbers, _ = columns.get(variable, ([], []))  # no year after the horizon is looked at: nothing is owed there
                hi[numbers] = x[numbers] + KEPT
        elif name == "1a" and "worst_below" in columns:
            numbers, index = columns["worst_below"]
            worst = {cell: x[j] for j, cell in zip(numbers, index, strict=True)}
            numbers, index = columns["below"]
            for j, (y, _r, _h, s) in zip(numbers, index, strict=True):
                hi[j] = min(hi[j], self.terms.floor[s] * worst.get((y, s), 1.0) + KEPT)
        elif name == "1b":
            place = dict(zip(columns["x"][1], columns["x"][0], strict=True))
            # a rule that is switched off measures nothing, so nothing of it is kept
            below, cut = (columns.get(name, ((), ())) if rule not in self.switched_off else ((), ()) for name, rule in MEASURED_BY.items())
            for j, cell in zip(*below, strict=True):
                lo[place[cell]] = max(lo[place[cell]], self.terms.floor[cell[3]] - x[j] - KEPT)
            for j, cell in zip(*cut, strict=True):
                lo[place[cell]] = max(lo[place[cell]], self.terms.today[cell[1:]] - x[j] - KEPT)
            numbers = columns["x"][0]
            lo[numbers] = np.where(lo[numbers] < 10 * KEPT, 0.0, lo[numbers])  # bounds of a hair confuse the solver and keep nothing
        elif name in ("2", "3") and "short" in columns:
            numbers, index = columns["short"]
            for j, (_y, i) in zip(numbers, index, strict=True):
                if (i in self.binding) == (name == "2"):
                    hi[j] = x[j] + KEPT
        elif name == "4":
            numbers = columns["x"][0]
            lo[numbers] = np.maximum(lo[numbers], np.minimum(x[numbers] - KEPT, hi[numbers]))

    def arrays(self, x: Array) -> dict[str, Array]:
        """Columns back into arrays by variable; what the model does not have is zero, fixed grants are their rule's."""
        t = self.terms
        years, regions, _, services = t.clients.shape
        resources, conversions, indicators = len(t.staff), len(t.conversions), t.target.shape[1]
        shapes = {
            "x": (years, regions, 2, services),
            "below": (years, regions, 2, services),
            "stock": (years, regions, resources),
            "built": (years, regions, resources),
            "closed": (years, regions, resources),
            "convert": (years, regions, conversions),
            "bought": (years, regions, resources),
            "posts_in": (years, regions, resources),
            "posts_out": (years, regions, resources),
            "general": (years, regions),
            "earmarked": (years, regions),
            "bond": (years, regions),
            "debt": (years, regions),
            "carried": (years, regions),
            "reserve": (years, regions),
            "unpaid": (years, regions),
            "unpaid_later": (len(t.tail_means), regions),
            "short": (years, indicators),
        }
        found = {}
        for name, shape in shapes.items():
            array = np.zeros(shape)
            if name in self.form.columns:
                numbers, index = self.form.columns[name]
                array[tuple(np.array(index).T)] = x[numbers]
            found[name] = array
        self.balance(found)
        return found

    def balance(self, v: dict[str, Array]) -> None:
        """Let no rounding of the solver stay between the rows: capacity is carried forward anew, and what money is left over or short goes into the reserve.

        NoSolution where that would move more than rounding, a millionth of the stock or of a region's own revenue.
        """
        t, solved = self.terms, {name: v[name].copy() for name in ("stock", "reserve")}
        if "capacity_carried_forward" not in self.switched_off:
            before = t.capacity
            for y in range(len(v["stock"])):
                stock = (1 - t.retire) * before - v["closed"][y] + t.handed_over[y] + v["posts_in"][y] - v["posts_out"][y]
                for k, lead in enumerate(t.lead):
                    if y >= lead:
                        stock[:, k] += v["built"][y - int(lead), :, k]
                for c, (source, to) in enumerate(t.conversions):
                    stock[:, source] -= v["convert"][y, :, c]
                    if y > 0:
                        stock[:, to] += t.gained[c] * v["convert"][y - 1, :, c]
                before = v["stock"][y] = stock
        spent = (v["x"] * t.running).sum(axis=(2, 3)) + (v["stock"] * t.standing).sum(axis=2) + building_paid(t, v["built"]).sum(axis=2)
        spent += (v["convert"] * t.gained * t.conversion_cost[:, None]).sum(axis=2) + (v["bought"] * t.rent[:, None]).sum(axis=2)
        carried, debt = (np.concatenate([np.zeros((1, spent.shape[1])), v[name][:-1]]) for name in ("carried", "debt"))
        have = t.means + v["general"] + v["earmarked"] + v["bond"] + carried + v["unpaid"]
        if "spending_within_means" not in self.switched_off:
            v["reserve"] = have - spent - v["carried"] - t.bond_rate * debt
        for name, size in (("stock", solved["stock"]), ("reserve", t.own_revenue)):
            if not (np.abs(v[name] - solved[name]) <= FEASIBILITY * np.maximum(1.0, np.abs(size))).all():
                raise NoSolution(f"the {name} of the plan differs from the solver's by more than rounding; not shown as a result")
