"""Functional zones that no census counts, shown as a share of the region they lie in.

A zone is never a region: nothing is projected, needed or decided for it. Must not know who shows the table.
"""

from __future__ import annotations

import pandas as pd

from fiscalsim.assumptions.pack import Pack

ZONE_COLUMNS = ("year", "zone", "inside", "share", "persons", "recurrent_yuan", "capital_yuan")


def zones(pack: Pack) -> pd.DataFrame:
    """The pack's zones as written: zone, name_zh, name_en, inside (region), share (of its persons), grade, source, note; empty where it has none."""
    columns = ["zone", "name_zh", "name_en", "inside", "share", "grade", "source", "note"]
    return pd.DataFrame([{column: row[column] for column in columns} for row in pack.tables["zones.csv"]], columns=columns)


def zone_table(listed: pd.DataFrame, population: pd.DataFrame, allocation: pd.DataFrame) -> pd.DataFrame:
    """One row a year and zone: its share of the region's persons (heads) and of the region's running and building money (yuan).

    `listed` comes from `zones`, `population` and `allocation` are a run's tables. The same share holds for people and money in every year: it says what
    the zone's part would be if it were like its region, and must be labelled so. The base year has people but no decided money, which is then missing.
    """
    people = population.groupby(["year", "region"])["persons"].sum()
    money = allocation.groupby(["year", "region"])[["recurrent_yuan", "capital_yuan"]].sum()
    region = pd.concat([people, money], axis=1).reset_index().rename(columns={"region": "inside"})
    found = listed[["zone", "inside", "share"]].merge(region, on="inside", how="left")
    for column in ("persons", "recurrent_yuan", "capital_yuan"):
        found[column] = found[column] * found["share"]
    return found.sort_values(["year", "zone"], kind="stable")[list(ZONE_COLUMNS)].reset_index(drop=True)
