"""Years, regions, residences, sexes, ages, services: label <-> position, and nothing else.

Axis order is always [year, region, residence, sex, age] or [year, region, residence, service].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RESIDENCES = ("urban", "rural")
SEXES = ("male", "female")
OPEN_AGE = 100
AGES = tuple(range(OPEN_AGE + 1))


@dataclass(frozen=True)
class Axis:
    """An ordered set of unique labels along one dimension of an array."""

    name: str
    labels: tuple[Any, ...]
    _position: dict[Any, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "_position", {label: i for i, label in enumerate(self.labels)})
        if len(self._position) != len(self.labels):
            raise ValueError(f"axis {self.name}: labels are not unique")

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.labels)

    def index(self, label: Any) -> int:
        """Position of `label`; KeyError names the axis when it is not there."""
        try:
            return self._position[label]
        except KeyError:
            raise KeyError(f"{label!r} is not on axis {self.name}") from None


RESIDENCE = Axis("residence", RESIDENCES)
SEX = Axis("sex", SEXES)
AGE = Axis("age", AGES)


def years_axis(first: int, last: int) -> Axis:
    """Every year from `first` to `last`, both included."""
    return Axis("year", tuple(range(first, last + 1)))


def frozen(values: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """A read-only float64 copy of `values`; ValueError when the shape differs or a cell is not finite."""
    array = np.array(values, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{what}: shape {array.shape} where {shape} is needed")
    if not np.isfinite(array).all():
        cell = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{what}: cell {cell} is {array[cell]}, not a finite number")
    array.setflags(write=False)
    return array
