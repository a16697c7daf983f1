"""How much of each pack's starting population is derived, not counted: the tables of docs/demography.md, section 1.

    python tools/starting_population.py [--fill docs/demography.md]

`steps`: share of the people that each step places, whole pack and the largest of its regions. `young`: single ages 0-9 of Liaoning before and
after births are taken as weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, packs, published_margins

HOME = Path(__file__).resolve().parents[1]
STEPS = ("open_ages", "single_ages", "births", "residence")


def steps_table() -> str:
    """Markdown: one row a pack; per cent of its people, in brackets the region with the most."""
    lines = ["| pack | " + " | ".join(f"{step}, %" for step in STEPS) + " |", "|---|" + "---:|" * len(STEPS)]
    for name in packs(HOME):
        found = demography.base_population_steps(**published_margins(load_pack(name, HOME)))
        whole = found[found["region"] == demography.WHOLE].set_index("step")["share"]
        most = found[found["region"] != demography.WHOLE].groupby("step")["share"].max()
        lines.append(f"| {name} | " + " | ".join(f"{100 * whole[step]:.2f} ({100 * most[step]:.2f})" for step in STEPS) + " |")
    return "\n".join(lines)


def young_table(name: str) -> str:
    """Markdown: persons of ages 0-9 by the curve alone and with births, in 10,000, and the births themselves."""
    margins = published_margins(load_pack(name, HOME))
    births = margins["births"][0]
    with_births = demography.base_population(**margins).sum(axis=(0, 1, 2))
    alone = demography.base_population(**{**margins, "births": None}).sum(axis=(0, 1, 2))
    lines = [f"| {name}, age | births of the year, 10k | curve alone, 10k | births x survival, 10k | change, % |", "|---:|---:|---:|---:|---:|"]
    for age in range(min(len(births), 10)):
        change = 100 * (with_births[age] / alone[age] - 1)
        lines.append(f"| {age} | {births[age] / 1e4:.1f} | {alone[age] / 1e4:.2f} | {with_births[age] / 1e4:.2f} | {change + 0.0:+.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fill", type=Path, metavar="PAGE", help="put the tables between <!-- NAME --> and <!-- /NAME --> of a page")
    chosen = parser.parse_args()
    tables = {"steps": steps_table(), "young": young_table("liaoning")}
    if chosen.fill is None:
        print("\n\n".join(tables.values()))
        return
    text = chosen.fill.read_text(encoding="utf-8")
    for name, table in tables.items():
        before, rest = text.split(f"<!-- {name} -->")
        text = f"{before}<!-- {name} -->\n{table}\n<!-- /{name} -->{rest.split(f'<!-- /{name} -->')[1]}"
    chosen.fill.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
