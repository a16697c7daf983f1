"""Births of the years up to the base year: they shape single ages inside the census groups 0, 1-4 and 5-9 of a province's parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from packs.shared import CENSUS_YEAR, table, write

EARLIEST = 2011  # the first year with a published rate and two year-end populations
# province whose births are read, the source of those that were read as numbers (the others follow from published rates), its name, the base year
PROVINCES = {
    "liaoning": ("210000", "ln-comm", "辽宁省", CENSUS_YEAR),
    "panjin": ("210000", "ln-comm", "辽宁省", 2015),
    "inner-mongolia": ("150000", "im-comm", "内蒙古自治区", CENSUS_YEAR),
    "linxia": ("620000", "gs-comm", "甘肃省", CENSUS_YEAR),
}


def build(pack: str, facts: Path, out: Path) -> None:
    """births.csv of one pack: the province's births of each year, for all parts alike. Only their proportions inside an age group count.

    Published births where they are at hand; else the published birth rate times the mean of two year-end populations. No year is filled.
    """
    code, source, name, base = PROVINCES[pack]
    found = table(facts, "demography/vital_series.csv")
    own = found[found["region_code"] == code].drop_duplicates(["indicator", "year"]).set_index(["indicator", "year"])
    value, known = own["value"].astype(float), own["how_known"]
    rows = []
    for year in range(max(EARLIEST, base - 9), base + 1):  # age 9 on the base date is the last of the group 5-9
        if ("births", year) in value.index:
            read = known["births", year] == "read"
            note = f"{name}出生人数，作各地幼龄单岁拆分的权数" + ("" if read else "；回忆数，待核")
            rows.append(("all", year, round(value["births", year] * 1e4), "人", "B" if read else "C", source, note))
            continue
        people = float(np.mean([value["resident_pop_yearend", y] for y in (year - 1, year) if ("resident_pop_yearend", y) in value.index]))
        rate = value["birth_rate", year]
        note = f"{name}出生率{rate:g}‰×常住人口{people:.0f}万（修订数），作各地幼龄单岁拆分的权数；出生率为回忆数，待核"
        rows.append(("all", year, round(rate * people * 10), "人", "C", "nbs-vital-rates", note))
    write(out / pack / "births.csv", "region,year,value,unit,grade,source,note", rows)
