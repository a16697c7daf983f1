"""Print how spending differs between the scenario pairs of docs/how-to/compare-two-runs.md, measured on the saved runs of a folder.

    python tools/write_comparisons.py RUNS

RUNS holds runs of linxia-baseline, linxia-births-fall, liaoning-baseline, liaoning-low-fertility and liaoning-revenue-squeeze.
"""

from __future__ import annotations

import sys

import pandas as pd

from fiscalsim.compare import DRIVERS, compare
from fiscalsim.report.compare_boards import drivers_sentence
from fiscalsim.store import RunStore, SavedRun

PAIRS = (("linxia-baseline", "linxia-births-fall"), ("liaoning-baseline", "liaoning-low-fertility"), ("liaoning-baseline", "liaoning-revenue-squeeze"))
CELL = ["year", "region", "service"]


def cost(run: SavedRun) -> pd.Series:
    """Spending of each cell, yuan."""
    table = run.table("allocation")
    return table.assign(yuan=table["recurrent_yuan"] + table["capital_yuan"]).groupby(CELL)["yuan"].sum()


def main() -> None:
    """The table's rows, the largest gap of a cell, and the sentences in both languages."""
    store = RunStore(sys.argv[1])
    sentences, cells, worst = [], 0, 0.0
    for names in PAIRS:
        first, other = map(store.open, names)
        found = compare([first, other])
        change = cost(other) - cost(first)
        parts = found.drivers.groupby("driver")["yuan"].sum()
        gap = abs(parts.sum() - change.sum()) / abs(change.sum())
        shown = [f"{change.sum() / 1e8:+,.1f}", *(f"{parts[code] / 1e8:+,.1f}" for code in DRIVERS), f"{gap:.0e}"]
        print(f"| {' → '.join(names)} | {' | '.join(shown)} |".replace("-0.0", "0.0").replace("+0.0", "0.0"))
        miss = (found.drivers.groupby(CELL)["yuan"].sum() - change).abs() / cost(first).abs().clip(lower=1.0)
        cells, worst = cells + len(miss), max(worst, float(miss.max()))
        sentences += [drivers_sentence(found, first, other, lang) for lang in ("zh", "en")]
    print(f"\n{cells} cells, largest gap {worst:.0e} of a cell's spending\n")
    for sentence in sentences:
        print(f"> {sentence}\n")


if __name__ == "__main__":
    main()
