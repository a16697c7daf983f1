"""One model built and compiled on traced numbers, so that the same model over other numbers is a few array operations.

The arrays are equal to those of a fresh build bit for bit, and where rows or columns would differ there are none: the caller builds anew.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from fiscalsim.allocation.formulation import Terms, build
from fiscalsim.allocation.solver import StandardForm, compile_model
from fiscalsim.allocation.tape import Tape, numbers
from fiscalsim.quantities import Array

UNTRACED = ("lead", "rule_general")  # whole years decide about rows; a rule's grants are bounds set outside the model


class Recording:
    """A compiled model with the tape of how each of its numbers came from the terms."""

    def __init__(self, terms: Terms, switched_off: tuple[str, ...] = ()):
        self.terms, self.switched_off, self.tape = terms, switched_off, Tape()
        traced: dict[str, Any] = {}
        for item in fields(terms):
            values = getattr(terms, item.name)
            if item.name in UNTRACED or not (isinstance(values, float) or (isinstance(values, np.ndarray) and values.dtype.kind == "f")):
                continue
            array = self.tape.trace(item.name, values)
            traced[item.name] = array if isinstance(values, np.ndarray) else array.item()
        self.traced = tuple(traced)
        model = build(replace(terms, **traced), switched_off)
        self.binding = frozenset(i for _, i in getattr(model, "binding_target_met", {}))
        self.reach_x, self.reach_k = model.reach_x, model.reach_k
        self.marked = compile_model(model)
        self.tape.close()

    def form(self, terms: Terms, switched_off: tuple[str, ...] = ()) -> StandardForm | None:
        """The standard form of `terms`; None where it has other rows or columns than what was recorded."""
        if switched_off != self.switched_off or not all(self.unchanged(item.name, terms) for item in fields(terms) if item.name not in self.traced):
            return None
        values = self.tape.replay({name: getattr(terms, name) for name in self.traced})
        if values is None:
            return None
        marked = self.marked
        A = type(marked.A)((numbers(marked.A.data, values), marked.A.indices, marked.A.indptr), shape=marked.A.shape)
        vectors: dict[str, Any] = {name: numbers(getattr(marked, name), values) for name in ("lo", "hi", "col_lo", "col_hi")}
        objectives = {name: numbers(cost, values) for name, cost in marked.objectives.items()}
        offsets = {name: float(numbers(np.array([offset]), values)[0]) for name, offset in marked.offsets.items()}
        return replace(marked, A=A, objectives=objectives, offsets=offsets, **vectors)

    def unchanged(self, name: str, terms: Terms) -> bool:
        """Whether what decides about rows is as it was; of a rule's grants only that there are some."""
        before, now = getattr(self.terms, name), getattr(terms, name)
        if name == "rule_general":
            return (before is None) == (now is None)
        same: Array | bool = np.array_equal(before, now) if isinstance(before, np.ndarray) else before == now
        return bool(same)
