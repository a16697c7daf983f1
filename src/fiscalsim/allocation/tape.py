"""Arithmetic recorded once and repeated on new numbers: a moved slider gets its coefficients without building the model again.

A `Traced` number behaves like the float it stands for and writes every operation done to it on its `Tape`. What Pyomo's compiler then hands over is
the mark of an entry of the tape instead of a number; `replay` works out all entries anew. What a comparison answered is recorded too: where a new
number would answer otherwise the model would have other rows or columns, and the tape does not fit. Knows nothing of models, services or money.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pyomo.common.numeric_types import RegisterNumericType

from fiscalsim.quantities import Array

MARK = 2.0**50  # the mark of entry n is MARK + n, exact as a float; a result of arithmetic on marks is no mark and is refused
NUMBER = 1e10  # what is larger and finite is a mark; the model's own numbers are far smaller
ADD, SUBTRACT, MULTIPLY, DIVIDE = range(4)
OPERATIONS = (np.add, np.subtract, np.multiply, np.divide)
EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL = range(5)
COMPARISONS = (np.equal, np.less, np.less_equal, np.greater, np.greater_equal)
PLAIN = (int, float, np.floating, np.integer)


class Tape:
    """Entries in the order in which they were made: the given numbers, constants, and results of an operation on two earlier entries."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.level: list[int] = []  # 0 for numbers given; one more than the entries it is made of for a result
        self.made: list[tuple[int, int, int, int]] = []  # (operation, entry, left, right)
        self.given: dict[str, tuple[int, Array, Array]] = {}  # name -> first entry, its numbers, which of them are traced
        self.constants: dict[float, int] = {}
        self.asked: dict[tuple[int, int], dict[int, bool]] = {}  # (comparison, right entry) -> left entry -> answer
        self.steps: list[tuple[int, Array, Array, Array]] = []
        self.guards: list[tuple[int, int, Array, Array]] = []

    def trace(self, name: str, values: Array | float) -> Array:
        """`values` as an array of traced numbers; zeros and what is not finite stay as they are, and must in every replay."""
        flat = np.array(values, dtype=float).reshape(-1)
        first, live = len(self.values), np.isfinite(flat) & (flat != 0)
        self.given[name] = first, flat, live
        self.values.extend(flat.tolist())
        self.level.extend([0] * len(flat))
        traced = np.empty(len(flat), dtype=object)
        traced[:] = [Traced(self, first + i) if ok else value for i, (value, ok) in enumerate(zip(flat.tolist(), live, strict=True))]
        return traced.reshape(np.shape(values))

    def entry(self, number: Any) -> int:
        """The entry that holds a traced number or a constant."""
        if type(number) is Traced:
            return number.at
        value = float(number)
        if value not in self.constants:
            self.constants[value] = len(self.values)
            self.values.append(value)
            self.level.append(0)
        return self.constants[value]

    def result(self, operation: int, left: Any, right: Any) -> Traced:
        """The traced result of an operation."""
        a, b = self.entry(left), self.entry(right)
        x, y, at = self.values[a], self.values[b], len(self.values)
        self.made.append((operation, at, a, b))
        self.values.append(x + y if operation == ADD else x - y if operation == SUBTRACT else x * y if operation == MULTIPLY else x / y)
        self.level.append(1 + max(self.level[a], self.level[b]))
        return Traced(self, at)

    def answer(self, comparison: int, left: Any, right: Any) -> bool:
        """What a comparison says now; a replay must find the same."""
        a, b = self.entry(left), self.entry(right)
        answers = self.asked.setdefault((comparison, b), {})
        if a not in answers:
            answers[a] = bool(COMPARISONS[comparison](self.values[a], self.values[b]))
        return answers[a]

    def close(self) -> None:
        """Nothing more is recorded: order the entries so that a replay takes a few array operations."""
        made, self.made = np.array(self.made, dtype=np.int64).reshape(-1, 4), []
        self.start, self.values = np.array(self.values), []
        depth = np.array(self.level)[made[:, 1]]
        self.level = []
        order = np.lexsort((made[:, 0], depth))
        cuts = np.flatnonzero(np.diff(depth[order] * len(OPERATIONS) + made[order, 0])) + 1
        for group in np.split(order, cuts) if len(order) else ():
            at, left, right = (np.ascontiguousarray(made[group, column]) for column in (1, 2, 3))
            self.steps.append((int(made[group[0], 0]), at, left, right))
        for (comparison, entry), answers in self.asked.items():
            self.guards.append((comparison, entry, np.fromiter(answers, np.int64, len(answers)), np.fromiter(answers.values(), bool, len(answers))))
        self.asked = {}

    def replay(self, given: dict[str, Array | float]) -> Array | None:
        """Every entry worked out from other given numbers of the same shapes; None where a comparison answers otherwise."""
        values = self.start.copy()
        for name, (first, before, live) in self.given.items():
            flat = np.asarray(given[name], dtype=float).reshape(-1)
            if len(flat) != len(live) or not np.isfinite(flat[live]).all() or not np.array_equal(flat[~live], before[~live], equal_nan=True):
                return None
            values[first : first + len(flat)] = flat
        with np.errstate(all="ignore"):  # what is not finite is refused before any solve
            for operation, at, left, right in self.steps:
                values[at] = OPERATIONS[operation](values[left], values[right])
            for comparison, entry, entries, answers in self.guards:
                if (COMPARISONS[comparison](values[entries], values[entry]) != answers).any():
                    return None
        return values


class Traced(float):
    """A number whose arithmetic is recorded; as a bare float it is the mark of its entry."""

    __slots__ = ("at", "tape")
    at: int
    tape: Tape

    def __new__(cls, tape: Tape, at: int) -> Traced:
        self = super().__new__(cls, MARK + at)
        self.tape, self.at = tape, at
        return self

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, PLAIN):
            return NotImplemented
        return self if type(other) is not Traced and other == 0 else self.tape.result(ADD, self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.tape.result(SUBTRACT, self, other) if isinstance(other, PLAIN) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return self.tape.result(SUBTRACT, other, self) if isinstance(other, PLAIN) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, PLAIN):
            return NotImplemented
        return self if type(other) is not Traced and other == 1 else self.tape.result(MULTIPLY, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self.tape.result(DIVIDE, self, other) if isinstance(other, PLAIN) else NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        return self.tape.result(DIVIDE, other, self) if isinstance(other, PLAIN) else NotImplemented

    def __neg__(self) -> Traced:
        return self.tape.result(MULTIPLY, self, -1.0)

    def __eq__(self, other: Any) -> Any:
        return self.tape.answer(EQUAL, self, other) if isinstance(other, PLAIN) else NotImplemented

    def __ne__(self, other: Any) -> Any:
        return not self.tape.answer(EQUAL, self, other) if isinstance(other, PLAIN) else NotImplemented

    def __lt__(self, other: Any) -> Any:
        return self.tape.answer(LESS, self, other) if isinstance(other, PLAIN) else NotImplemented

    def __le__(self, other: Any) -> Any:
        return self.tape.answer(LESS_EQUAL, self, other) if isinstance(other, PLAIN) else NotImplemented

    def __gt__(self, other: Any) -> Any:
        return self.tape.answer(GREATER, self, other) if isinstance(other, PLAIN) else NotImplemented

    def __ge__(self, other: Any) -> Any:
        return self.tape.answer(GREATER_EQUAL, self, other) if isinstance(other, PLAIN) else NotImplemented

    def __bool__(self) -> bool:
        return not self.tape.answer(EQUAL, self, 0.0)

    __hash__ = float.__hash__


def numbers(marked: Array, values: Array) -> Array:
    """`marked` with every mark replaced by the value of its entry; plain numbers stay. ValueError where something is neither."""
    found = np.array(marked, dtype=float)
    at = np.flatnonzero(np.isfinite(found) & (np.abs(found) > NUMBER))
    entries = found[at] - MARK
    if not ((entries >= 0) & (entries < len(values)) & (entries == np.floor(entries))).all():
        raise ValueError("a number of the recorded model is no mark: its arithmetic was not recorded")
    found[at] = values[entries.astype(np.int64)]
    return found


RegisterNumericType(Traced)
