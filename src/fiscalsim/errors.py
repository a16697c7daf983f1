"""One family of exceptions. Every message says where, what is wrong and what to do next.

Nothing here knows about files, models or screens; the command line turns each class into its exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class FiscalsimError(Exception):
    """Root of every error that a user of fiscalsim may meet; `exit_code` is what the command line returns."""

    exit_code = 5


@dataclass(frozen=True)
class Problem:
    """One mistake in an input: where it stands, the value found and what is allowed there."""

    file: str
    row: int | None
    column: str
    value: str
    allowed: str
    nearest: str = ""

    def __str__(self) -> str:
        place = self.file + (f", row {self.row}" if self.row is not None else "") + (f", {self.column}" if self.column else "")
        hint = f" (did you mean {self.nearest!r}?)" if self.nearest else ""
        return f"{place}: {self.value!r} - {self.allowed}{hint}"


class InputError(FiscalsimError):
    """Bad input or usage: all problems of the input at once."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem] | str):
        self.problems: tuple[Problem, ...] = () if isinstance(problems, str) else tuple(problems)
        text = problems if isinstance(problems, str) else "\n".join(str(p) for p in self.problems)
        super().__init__(text)


class NoSolution(FiscalsimError):
    """The solver did not reach an optimum; the reason is kept, a result is not."""

    exit_code = 3


class IntegrityError(FiscalsimError):
    """A saved run differs from what was saved, or breaks one of its identities."""

    exit_code = 4


class ModelError(FiscalsimError):
    """An identity or a range that must hold inside the model does not; names the cell."""

    exit_code = 5


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The allowed word closest to `word`, or the empty string when none is near."""
    match = get_close_matches(word, list(allowed), n=1, cutoff=0.5)
    return match[0] if match else ""
