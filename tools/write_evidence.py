"""Write docs/evidence.md: how many values of each pack stand on which grade, and how much of the money rests on them.

    python tools/write_evidence.py

Needs the packs only: people and demand are computed, nothing is allocated. Run it again when values or grades of a pack change; a test compares.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fiscalsim import demography
from fiscalsim.assumptions import evidence, load_pack, packs, stage_inputs, values_by_grade
from fiscalsim.demand import demand
from fiscalsim.scenario import home, load_scenario
from fiscalsim.text import t

PAGE = Path(__file__).resolve().parent.parent / "docs" / "evidence.md"
HEAD = """# What the results rest on

Every number of a pack has a grade and a source: A stated in a plan or law (with its words), B official statistics, C derived by a documented method,
D our assumption, to be replaced by local data. Written by `python tools/write_evidence.py`; `fiscalsim check PACK` prints the counts, every run keeps
the money-weighted table as `evidence`, and the desk shows it under 依据与记录.

## How many values

National values count in every pack that uses them.

"""
MONEY = """
## How much of the money

The cost of serving everyone who is entitled, in the plan's base year, split by the grade of what it rests on, percent. Each part counts with the
weakest row that enters it: the heads of the region, the rates of need, the standard, the outturn that calibrates it, today's coverage and capacity. A
blank: no cost rests on that part. After the base year everything also rests on the paths of fertility, mortality, migration, wages and prices, whose
later points are assumption (D) in every pack.

"""
READING = """
## How to read it

- **Firm** are heads (census), most standards and the outturn of education; **weak** are the rates of need where no survey of the place is published,
  today's coverage of beds and places, and the split of budget functions between the catalogue and the rest. `docs/assumptions-notes.md` says for each
  pack what to replace first.
- A made-up place (`two-counties`, `generic-city`) is D by construction: its population, budget and stocks are a recipe. What is not D there is
  national.
- The weakest link of most yuan is D: one assumed rate in the chain is enough. That is why the table shows the parts."""


def counts() -> pd.DataFrame:
    """One row a pack: values by grade, and those without a source."""
    rows = []
    for name in packs(home()):
        table = values_by_grade(load_pack(name, home()))
        rows.append((name, *(int(table[grade].sum()) for grade in "ABCD"), int(table["without_source"].sum())))
    return pd.DataFrame(rows, columns=["pack", "A", "B", "C", "D", "without source"])


def money() -> pd.DataFrame:
    """One row a pack and part: percent of the base year's cost by grade."""
    rows = []
    for name in packs(home()):
        pack = load_pack(name, home())
        inputs = stage_inputs(pack, load_scenario(f"{name}-baseline"), demography.base_population)
        population, components = demography.simulate(inputs.demography)
        needed = demand(population, components, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)
        found = evidence(pack, needed.to_frame(), [pack.info.base_year])
        for part, mine in found.groupby("part", sort=False):
            shares = mine.set_index("grade")["share"]
            rows.append((name, t(f"evidence.{part}", "en"), *(f"{100 * shares[grade]:.0f}" if grade in shares else "" for grade in "ABCD")))
    return pd.DataFrame(rows, columns=["pack", "part", "A", "B", "C", "D"])


def lines(table: pd.DataFrame) -> str:
    """A Markdown table."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def page() -> str:
    """The whole page."""
    return HEAD + lines(counts()) + MONEY + lines(money()) + READING + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
