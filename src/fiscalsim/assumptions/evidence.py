"""How much of a result rests on documents, statistics, derivations and assumptions, weighted by the money that each figure moves.

Follows every service's cost back to the rows of the pack behind it and takes their grades. Knows tables of a pack and of a run; must not compute
anything of the model.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from fiscalsim.assumptions.pack import Pack, sources
from fiscalsim.assumptions.tables import ALL, EVERY, Row
from fiscalsim.axes import RESIDENCES
from fiscalsim.parameters import GRADES

# What a yuan of cost rests on, in the order in which it is reckoned; `weakest` is the lowest grade among them.
PARTS = ("people", "need", "standard", "outturn", "coverage", "capacity", "weakest", "paths")
PATHS = (
    "demography.tfr",
    "demography.life_expectancy",
    "demography.urbanisation_rate",
    "demography.external_migration",
    "demography.internal_migration",
    "costs.wage_growth",
    "costs.price_growth",
)


def evidence(pack: Pack, demand: pd.DataFrame, years: Iterable[int]) -> pd.DataFrame:
    """year, part, grade, yuan, share: the full cost of the catalogue in these years, split by the grade of what it rests on.

    `demand` is the run's table (year, region, residence, service, cost_yuan). A cost rests on the head count of its region (`people`), the
    rates of need, the standard last written down for the year, the outturn that calibrates it, today's coverage and capacity; each counts
    with the weakest row that enters it. `paths`: the parameters and regional rates that carry a cost beyond the base year; in the base year
    nothing rests on them. A scenario's own values are not graded: they stand in the input table of the run.
    """
    rows = []
    for year in years:
        cost = demand[demand["year"] == year].groupby(["region", "residence", "service"])["cost_yuan"].sum().reset_index()
        grades = _grades(pack, year)
        graded = cost.merge(grades, on=["region", "residence", "service"], how="left", validate="one_to_one")
        if graded["weakest"].isna().any():
            raise KeyError(f"{pack.id}: costs of {sorted(set(graded.loc[graded['weakest'].isna(), 'service']))} rest on no row")
        total = float(graded["cost_yuan"].sum())
        for part in PARTS:
            if part == "paths" and year <= pack.info.base_year:
                continue
            by_grade = graded.groupby(part)["cost_yuan"].sum()
            rows += [(year, part, grade, float(by_grade[grade]), float(by_grade[grade]) / total) for grade in (*GRADES, "") if grade in by_grade.index]
    return pd.DataFrame(rows, columns=["year", "part", "grade", "yuan", "share"])


def values_by_grade(pack: Pack) -> pd.DataFrame:
    """file, A, B, C, D, without_source: how many numbers each table of the pack holds, national's among them."""
    found = sources(pack)
    counts = found.pivot_table(index="file", columns="grade", values="key", aggfunc="count", fill_value=0).reindex(columns=list(GRADES), fill_value=0)
    counts["without_source"] = found.assign(none=found["source"].eq("")).groupby("file")["none"].sum()
    return counts.reset_index().rename_axis(columns=None)


def _weakest(grades: Iterable[str]) -> str:
    """The lowest of some grades (A is the highest); empty when there is none."""
    return max((grade for grade in grades if grade), default="")


def _by_region(rows: Iterable[Row]) -> dict[str, str]:
    """The lowest grade of each region's rows."""
    found: dict[str, str] = {}
    for row in rows:
        found[row["region"]] = _weakest((found.get(row["region"], ""), row["grade"]))
    return found


def _grades(pack: Pack, year: int) -> pd.DataFrame:
    """The grade of each part behind every (region, residence, service)."""
    tables = pack.tables
    people = _by_region([*tables["population.csv"], *tables["residence.csv"]])
    moves = _by_region(tables["vital.csv"])
    published: dict[tuple[str, str], str] = {(row["region"], row["item"]): row["grade"] for row in tables["fiscal.csv"] if row["year"] == pack.info.base_year}
    capacity = {(row["region"], row["resource"]): row["grade"] for row in tables["capacity.csv"]}
    covered: dict[tuple[str, str, str], Row] = {(row["service"], row["region"], row["residence"]): row for row in tables["coverage.csv"]}
    paths = _weakest(pack.parameters[path].grade for path in PATHS if path in pack.parameters)
    rows = []
    for service in pack.services:
        code = service.code
        dated = [row for row in tables["standards.csv"] if row["service"] == code and row["year"] <= year]
        standard = max(dated, key=lambda row: row["year"])["grade"] if dated else ""
        requires = [row["resource"] for row in tables["requires.csv"] if row["service"] == code]
        needs = [row for row in tables["needs.csv"] if row["service"] == code]
        need = {h: _weakest(row["grade"] for row in needs if row["residence"] in (ALL, h)) for h in RESIDENCES}
        for region in pack.regions:
            outturn = published.get((region, service.function), "")
            places = _weakest(capacity.get((region, resource), "") for resource in requires)
            for residence in RESIDENCES:
                keys = ((code, region, residence), (code, region, ALL), (code, EVERY, residence), (code, EVERY, ALL))
                coverage = next((covered[key]["grade"] for key in keys if key in covered), "")
                parts = (people[region], need[residence], standard, outturn, coverage, places)
                rows.append((region, residence, code, *parts, _weakest(parts), _weakest((paths, moves[region]))))
    return pd.DataFrame(rows, columns=["region", "residence", "service", *PARTS])
