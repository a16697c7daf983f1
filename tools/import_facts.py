"""Write the tables of `assumptions/` that follow mechanically from a folder of gathered facts.

    python tools/import_facts.py FACTS_DIR [--out assumptions] [--only PACK]...

Reads the facts' CSVs (census, vital series, yearbooks, debt tables), writes national schedules and each place's regional tables, checks that
they add up, and prints what a maintainer compares by eye. Tables that people decide (services, needs, standards, parameters) are
edited by hand and not touched here; where a stock is derived from a need, the need is read from them. docs/assumptions-notes.md tells the whole story.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from packs import births, counties, generic_city, indicators, inner_mongolia, liaoning, linxia, national, panjin, published

# One entry a place: build(facts, out, movers' schedule by age with its peak at one, births by age and residence summing to one).
PLACES: dict[str, Callable[[Path, Path, dict[int, float], dict[str, dict[int, float]]], None]] = {
    "liaoning": liaoning.build,
    "inner-mongolia": inner_mongolia.build,
    "panjin": panjin.build,
    "linxia": linxia.build,
    "generic-city": generic_city.build,
}
# Packs of real places, whose budgets are published, with their base years.
PUBLISHED = {"liaoning": liaoning.BASE_YEAR, "inner-mongolia": inner_mongolia.BASE_YEAR, "linxia": linxia.BASE_YEAR, "panjin": panjin.BASE_YEAR}
# Packs that also have a county folder, cut from the tables that were just written.
BY_COUNTY = {"liaoning": liaoning.LIAONING, "inner-mongolia": inner_mongolia.INNER_MONGOLIA}


def main() -> None:
    """Read the facts folder and write national and the chosen places."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path, help="folder with demography/, fiscal/ ... as CSV")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "assumptions", help="the assumptions folder")
    parser.add_argument("--only", action="append", choices=sorted(PLACES), help="a place; all when left out")
    chosen = parser.parse_args()
    national.mortality(chosen.facts, chosen.out)
    shapes = national.fertility(chosen.facts, chosen.out)
    schedule = national.movers(chosen.out)
    for name in chosen.only or PLACES:
        print(f"--- {name}")
        PLACES[name](chosen.facts, chosen.out, schedule, shapes)
        if name in births.PROVINCES:  # a made-up place has no published births
            births.build(name, chosen.facts, chosen.out)
        if name in PUBLISHED:
            published.build(chosen.out / name, PUBLISHED[name], chosen.facts)
        if name in BY_COUNTY:
            counties.build(BY_COUNTY[name], chosen.facts, chosen.out, schedule)
    if not chosen.only:
        indicators.build(chosen.facts, chosen.out)


if __name__ == "__main__":
    main()
