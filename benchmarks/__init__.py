"""Speed as ratios measured in one run (absolute times drift on shared machines): `python -m benchmarks` runs every script here.

A script offers `ratios() -> list[Ratio]`; one without it is run by itself and its words are shown below the table.
"""

from typing import NamedTuple


class Ratio(NamedTuple):
    """One line of the table: what was timed, against what, the ratio, the bar it must stay under (None: no bar), times for people."""

    what: str
    against: str
    value: float
    bar: float | None
    times: str
