"""Writes docs/mathematics.md from the families of the allocation: python tools/write_mathematics.py. A test keeps the page current."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from fiscalsim.allocation import FAMILIES, GOALS_WITHOUT_SWITCH
from fiscalsim.allocation.formulation import ALL

PAGE = Path(__file__).resolve().parents[1] / "docs" / "mathematics.md"
HEAD = """# The mathematics of the allocation

Generated from `fiscalsim.allocation.FAMILIES` by `tools/write_mathematics.py`; do not edit. Indices: r region, h residence, s service, y year,
k resource, c conversion, i indicator, j milestone, n years after the horizon. Money is in 100 million yuan, clients and places in 10,000.

The mathematics of people (starting population, life tables, births, moves) and the size of each of its steps: [demography.md](demography.md).

Passes: 0 first claims unpaid (only where they cannot all be paid), 1a the largest share of a floor unmet, 1b clients below the floor and cut from
today, 2 binding targets, 3 expected targets, 4 the worst-off, the town-country gap and mean coverage, 5 least cost and least churn. What a pass
reached is kept as bounds, area by area, for the passes after it.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    for group, title in (("within_means", "Within means"), ("supply", "Supply"), ("utmost", "Do the utmost")):
        parts.append(f"## {title}\n")
        for family in (f for f in FAMILIES if f.group == group):
            text = inspect.getdoc(family.rule) or ""
            passes = "all passes" if family.passes == ALL else "pass " + ", ".join(family.passes)
            switch = "always on in its pass" if family.name in GOALS_WITHOUT_SWITCH else f"switched off by `limits: {{{family.name}: false}}`"
            parts.append(f"### {family.name}\n\n{text}\n\nRows in {passes}; {switch}; source `{family.source}`.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(FAMILIES)} families\n")
