"""The rows and columns of the allocation model built and handed over by linopy, for comparison with Pyomo's way here. Needs linopy, which nothing else does.

linopy is given every coefficient ready made, as one array a family of rows; Pyomo works each of them out from the sentences of the rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fiscalsim.allocation.solver import StandardForm


def handed_over(form: StandardForm, name: str = "4") -> Any:
    """The HiGHS object of one goal's model, through linopy."""
    import linopy
    import xarray as xr

    model = linopy.Model()
    label = np.empty(len(form.col_lo), dtype=int)
    for variable, (numbers, _) in form.columns.items():
        bounds = (xr.DataArray(side[numbers], dims=[f"{variable}_cell"]) for side in (form.col_lo, form.col_hi))
        label[numbers] = model.add_variables(*bounds, name=variable).labels.to_numpy()
    for family in dict.fromkeys(form.family):
        rows = np.flatnonzero(form.family == family)
        part = form.A[rows].tocsr()
        width = int(np.diff(part.indptr).max())
        coefficients, columns = np.full((len(rows), width), np.nan), np.full((len(rows), width), -1)
        at = np.repeat(np.arange(len(rows)), np.diff(part.indptr)), np.arange(part.nnz) - np.repeat(part.indptr[:-1], np.diff(part.indptr))
        coefficients[at], columns[at] = part.data, label[part.indices]
        dims = [f"{family}_row", "_term"]
        terms = xr.Dataset({"coeffs": (dims, coefficients), "vars": (dims, columns)}).assign_coords({dims[0]: np.arange(len(rows))})
        lo, hi = form.lo[rows], form.hi[rows]
        sign = np.where(lo == hi, "=", np.where(np.isfinite(lo), ">=", "<="))
        right = np.where(np.isfinite(lo), lo, hi)
        model.add_constraints(linopy.LinearExpression(terms, model), xr.DataArray(sign, dims=dims[:1]), xr.DataArray(right, dims=dims[:1]), name=str(family))
    cost = form.objectives[name]
    used = np.flatnonzero(cost)
    model.objective = linopy.LinearExpression(xr.Dataset({"coeffs": (["_term"], cost[used]), "vars": (["_term"], label[used])}), model)
    return linopy.io.to_highspy(model)
