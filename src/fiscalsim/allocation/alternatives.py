"""Other plans that are nearly as good: every pass's goal within a stated part of its best, and then something else that officials may care for.

Alternatives are linear: the first passes' goals become rows that may be worse by SLACK of their best value, and a new goal is lowered:
`as_today` the yuan of general grants that move from the base year's shares, summed over the years; `most_equal` the distance, in coverage, between
each area and the mean of its service at the milestone years; `fewest_touched` the largest yearly move of each area in shares of its own grants,
summed over areas: a linear stand-in for counting the areas whose grants move, as a count needs whole numbers. Knows nothing of words or pages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from fiscalsim.allocation.formulation import HEADS, YUAN
from fiscalsim.allocation.passes import ORDER, Passes, Solution, families_of
from fiscalsim.allocation.solver import SMALLEST, PassSolver, StandardForm
from fiscalsim.allocation.terms import terms
from fiscalsim.allocation.whole import passes_for
from fiscalsim.quantities import Array, Demand, FiscalCapacity, StageInputs, TargetForms

SLACK = 0.01  # of each pass's best value
LEAST_SLACK = 1e-6  # in the goal's own unit, where its best value is nothing
KINDS = ("best", "as_today", "most_equal", "fewest_touched")
MOVED = 0.01  # of an area's grants; a smaller move does not touch it


@dataclass(frozen=True)
class Alternative:
    """One near-optimal plan: general grants [Y,R] yuan, coverage [Y,R] (services with clients, equal weight), and what each pass's goal became."""

    kind: str
    general: Array
    coverage: Array
    served: Array  # [Y] clients served
    goals: dict[str, float]
    touched: Array  # [R] bool: areas whose grants over the horizon move by MOVED or more from the base year's share


def alternatives(passes: Passes, solution: Solution) -> list[Alternative]:
    """The plan itself and its near-optimal alternatives. NoSolution where one of them has no plan, which cannot be: the plan itself is one."""
    found = [_shaped(passes, "best", solution.answers["5"].x)]
    for kind in KINDS[1:]:
        found.append(_shaped(passes, kind, _solved(passes, solution, kind)))
    return found


def _solved(passes: Passes, solution: Solution, kind: str) -> Array:
    """The point of an alternative, over the model's columns."""
    form, names = passes.form, [name for name in ("0", *ORDER) if name in solution.answers and name != "5"]
    rows = np.flatnonzero(np.isin(form.family, sorted({family for name in names for family in families_of(name)})))
    extra, cost = _goal(passes, kind)
    columns, width = form.A.shape[1], extra.shape[1] - form.A.shape[1]
    goals = sp.csr_matrix(np.array([np.where(np.abs(form.objectives[name]) > SMALLEST, form.objectives[name], 0.0) for name in names]))
    best = np.array([solution.answers[name].objective for name in names])
    most = best + np.maximum(SLACK * np.abs(best), LEAST_SLACK) - np.array([form.offsets[name] for name in names])
    kept = sp.vstack([form.A[rows], goals]).tocsr()
    kept.resize(kept.shape[0], columns + width)
    low, high = form.col_lo.copy(), form.col_hi.copy()
    if passes.terms.rule_general is not None:
        numbers, index = form.columns["general"]
        low[numbers] = high[numbers] = passes.terms.rule_general[tuple(np.array(index).T)]
    free = np.inf if "0" in names else 0.0
    passes.bound(low, high, "unpaid", "hi", free)
    passes.bound(low, high, "unpaid_later", "hi", free)
    low, high = np.concatenate([low, np.zeros(width)]), np.concatenate([high, np.full(width, np.inf)])
    lo = np.concatenate([form.lo[rows], np.full(len(names) + extra.shape[0] + 1, -np.inf)])
    hi = np.concatenate([form.hi[rows], most, np.zeros(extra.shape[0]), [np.inf]])
    family = np.array([*form.family[rows], *(["goal_kept"] * len(names)), *(["distance_measured"] * extra.shape[0]), "distance_kept"])
    index = [*(form.row_index[i] for i in rows), *names, *range(extra.shape[0]), 0]
    # of the plans that come closest the one that serves most: the goal of pass 4 decides among them
    objectives = {kind: cost, "4": np.concatenate([form.objectives["4"], np.zeros(width)])}
    A = sp.vstack([kept, extra, sp.csr_matrix(cost)]).tocsr()
    whole = StandardForm(A, lo, hi, low, high, objectives, {kind: 0.0, "4": form.offsets["4"]}, family, index, form.columns)
    for name in (kind, "4"):
        solver = PassSolver(whole, name, tuple(sorted(set(family))))
        solver.load(lo, hi, low, high)
        answer = solver.solve()
        hi[-1] = answer.objective + LEAST_SLACK * max(1.0, abs(answer.objective))
    return answer.x[:columns]


def _goal(passes: Passes, kind: str) -> tuple[sp.csr_matrix, Array]:
    """Rows |expression| - new column <= 0, and the cost, over the model's columns and the new ones behind them."""
    t, form = passes.terms, passes.form
    columns = form.A.shape[1]
    parts: list[dict[int, float]] = []  # expressions whose absolute value is measured
    owner: list[int] = []  # new column of each expression
    if kind == "most_equal":
        place = dict(zip(form.columns["x"][1], form.columns["x"][0], strict=True))
        for y in t.milestones:
            for s in range(t.clients.shape[3]):
                cells = [tuple(int(i) for i in c) for c in np.argwhere(t.cells[y, :, :, s])]
                total = sum(float(t.clients[y, r, h, s]) for r, h in cells)
                for r, h in cells:
                    expression = {int(place[y, i, j, s]): -float(t.clients[y, i, j, s]) / total for i, j in cells}
                    expression[int(place[y, r, h, s])] += 1.0
                    parts.append(expression)
        owner, cost = list(range(len(parts))), np.ones(len(parts))
    else:
        place = dict(zip(form.columns["general"][1], form.columns["general"][0], strict=True))
        share = t.general_before / t.general_before.sum()
        for (y, r), j in place.items():
            # each area's move from its share of what is handed out in the year
            expression = {int(place[y, i]): -float(share[r]) for i in range(len(share))}
            expression[int(j)] += 1.0
            parts.append(expression)
            owner.append(int(r) if kind == "fewest_touched" else len(owner))
        # fewest_touched: one column an area, as large as its largest move in a year and weighed by the size of its grants
        cost = 1.0 / np.maximum(t.general_before, 1e-6) if kind == "fewest_touched" else np.ones(len(parts))
    width = len(cost)
    row, col, value = [], [], []
    for i, (expression, new) in enumerate(zip(parts, owner, strict=True)):
        for side, sign in ((2 * i, 1.0), (2 * i + 1, -1.0)):
            for j, v in expression.items():
                row.append(side)
                col.append(j)
                value.append(sign * v)
            row.append(side)
            col.append(columns + new)
            value.append(-1.0)
    extra = sp.csr_matrix((value, (row, col)), shape=(2 * len(parts), columns + width))
    extra.data[np.abs(extra.data) <= SMALLEST] = 0.0
    extra.eliminate_zeros()
    return extra, np.concatenate([np.zeros(columns), cost])


def _shaped(passes: Passes, kind: str, x: Array) -> Alternative:
    t, form = passes.terms, passes.form
    general = np.zeros(t.means.shape)
    numbers, index = form.columns["general"]
    general[tuple(np.array(index).T)] = x[numbers]
    provided = np.zeros(t.clients.shape)
    numbers, index = form.columns["x"]
    provided[tuple(np.array(index).T)] = x[numbers]
    clients = np.where(t.cells, t.clients, 0.0)
    by_service, total = (clients * provided).sum(axis=2), clients.sum(axis=2)
    share = np.divide(by_service, total, out=np.full_like(total, np.nan), where=total > 0)
    before = t.general_before / t.general_before.sum()
    whole = general.sum(axis=0)
    return Alternative(
        kind=kind,
        general=general * YUAN,
        coverage=np.nanmean(share, axis=2),
        served=by_service.sum(axis=(1, 2)) * HEADS,
        goals={name: float(cost @ x + form.offsets[name]) for name, cost in form.objectives.items()},
        touched=np.abs(whole - whole.sum() * before) >= MOVED * np.maximum(whole.sum() * before, 1e-9),
    )


def alternatives_of(inputs: StageInputs, demand: Demand, capacity: FiscalCapacity, forms: TargetForms) -> list[Alternative]:
    """Solve the plan for these quantities, then its alternatives."""
    passes = passes_for(terms(inputs, demand, capacity, forms), inputs.rules.switched_off)
    return alternatives(passes, passes.solve())
