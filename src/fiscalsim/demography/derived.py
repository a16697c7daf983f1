"""What follows from a projected population: dependency, school entry, households, schooling, non-local residents, and its error.

Knows Population and Components, and the few figures handed in with them; it changes no person. Every table is tidy; region `all` is the pack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fiscalsim.axes import AGES, RESIDENCE, Axis
from fiscalsim.demography.graduation import WHOLE
from fiscalsim.errors import ModelError
from fiscalsim.quantities import Array, Components, Population, tidy

# Definitions of the indicators, not assumptions: working ages for schooling 16-59 (NBS), dependency 0-14 and 65+ to 15-64, elders 60+.
CHILDREN, WORKING, AGED, ELDERS = slice(0, 15), slice(15, 65), slice(65, None), slice(60, None)
SCHOOLED_FIRST, SCHOOLED_LAST = 16, 59
# School years start on 1 September: of those who turn `age` in the 12 months before, two thirds are `age` on 31 December and a third one older.
SCHOOL_ENTRY_AGES = {"kindergarten": 3, "primary": 6, "junior_secondary": 12, "senior_secondary": 15}


@dataclass(frozen=True)
class Schooling:
    """Mean years of schooling: of the working ages in the base year, of those who enter them and of those who leave them, by year."""

    base: float
    entrants: Array  # [Y] years of schooling of those who turn 16 (as they will complete it)
    leavers: Array  # [Y] years of schooling of those who turn 60


def _by_region(population: Population) -> tuple[Array, Axis]:
    """Persons [Y,R+1,X,A] over both residences; the last region is the whole pack."""
    persons = population.persons.sum(axis=2)
    return np.concatenate([persons, persons.sum(axis=1, keepdims=True)], axis=1), Axis("region", (*population.regions.labels, WHOLE))


def dependency(population: Population) -> pd.DataFrame:
    """year, region, child, aged, total (persons per person aged 15-64), share_60_plus, share_65_plus, share_80_plus, mean_age."""
    persons, regions = _by_region(population)
    ages = persons.sum(axis=2)
    people, working = ages.sum(axis=-1), ages[..., WORKING].sum(axis=-1)
    columns = {
        "child": _ratio(ages[..., CHILDREN].sum(axis=-1), working),
        "aged": _ratio(ages[..., AGED].sum(axis=-1), working),
        "total": _ratio(people - working, working),
        "share_60_plus": _ratio(ages[..., ELDERS].sum(axis=-1), people),
        "share_65_plus": _ratio(ages[..., AGED].sum(axis=-1), people),
        "share_80_plus": _ratio(ages[..., 80:].sum(axis=-1), people),
        "mean_age": _ratio(ages @ (np.array(AGES) + 0.5), people),
    }
    return _table(columns, {"year": population.years, "region": regions})


def school_entry(population: Population) -> pd.DataFrame:
    """year, region, residence, kindergarten, primary, junior_secondary, senior_secondary: children who reach the entry age by 1 September.

    Ages 3, 6, 12 and 15 (Compulsory Education Law, art. 11, for primary school); births are taken as even over the year.
    """
    ages = population.persons.sum(axis=3)
    columns = {level: (2 * ages[..., age] + ages[..., age + 1]) / 3 for level, age in SCHOOL_ENTRY_AGES.items()}
    return _table(columns, {"year": population.years, "region": population.regions, "residence": RESIDENCE})


def households(population: Population, household_size: Array) -> pd.DataFrame:
    """year, region, households: residents divided by household_size [Y,R] (persons per household, base year included)."""
    people = population.persons.sum(axis=(2, 3, 4))
    if household_size.shape != people.shape or not (household_size > 0).all():
        raise ModelError(f"household size: shape {household_size.shape} where {people.shape} is needed, every cell above zero")
    return _table({"households": people / household_size}, {"year": population.years, "region": population.regions})


def without_local_hukou(population: Population, non_local_share: Array) -> pd.DataFrame:
    """year, region, residence, persons: residents without local hukou, a share [R,H] of the residents of the area."""
    people = population.persons.sum(axis=(3, 4))
    return _table({"persons": people * non_local_share}, {"year": population.years, "region": population.regions, "residence": RESIDENCE})


def schooling_years(population: Population, schooling: Schooling) -> pd.DataFrame:
    """year, region, years: mean years of schooling of residents aged 16-59, carried by cohort.

    Each year those who turn 60 leave with the leavers' years, those who turn 16 bring the entrants' years, and deaths and migrants in
    between have the mean of those who stay: E' N' = (E N - leavers P59) (N' - P16') / (N - P59) + entrants P16'.
    """
    persons, regions = _by_region(population)
    ages = persons.sum(axis=2)
    working = ages[..., SCHOOLED_FIRST : SCHOOLED_LAST + 1].sum(axis=-1)
    entering, leaving = ages[..., SCHOOLED_FIRST], ages[..., SCHOOLED_LAST]
    years = np.empty(working.shape)
    years[0] = schooling.base
    for y in range(1, len(years)):
        staying = _ratio(years[y - 1] * working[y - 1] - schooling.leavers[y - 1] * leaving[y - 1], working[y - 1] - leaving[y - 1])
        share = _ratio(entering[y], working[y])
        years[y] = staying * (1 - share) + schooling.entrants[y - 1] * share
    return _table({"years": years}, {"year": population.years, "region": regions})


def derived(
    population: Population,
    components: Components,
    household_size: Array | None = None,
    non_local_share: Array | None = None,
    schooling: Schooling | None = None,
) -> dict[str, pd.DataFrame]:
    """Every derived table that the figures handed in allow: dependency, school_entry, drivers, households, non_local, schooling."""
    tables = {"dependency": dependency(population), "school_entry": school_entry(population)}
    axes = {"year": components.years, "region": components.regions, "residence": RESIDENCE}
    tables["drivers"] = _table({"births": components.births, "deaths": components.deaths}, axes)
    if household_size is not None:
        tables["households"] = households(population, household_size)
    if non_local_share is not None:
        tables["non_local"] = without_local_hukou(population, non_local_share)
    if schooling is not None:
        tables["schooling"] = schooling_years(population, schooling)
    return tables


def against_published(population: Population, components: Components, observed: pd.DataFrame) -> pd.DataFrame:
    """year, region, item, published, modelled, error (modelled / published - 1) for rows (region, item, year, value) within the run.

    Items population (31 December), births and deaths. Where `observed` has a column `leaves` (names separated by ;) a region is compared with the sum of
    its leaves; else `all`, or a name that is not a leaf, is compared with the whole pack.
    """
    flows = {"births": components.births, "deaths": components.deaths}
    rows = []
    columns = [observed[name].tolist() for name in ("region", "item", "year", "value")]
    leaves = observed["leaves"].tolist() if "leaves" in observed.columns else [""] * len(observed)
    for region, item, year, published, parts in zip(*columns, leaves, strict=True):
        if item == "population" and year in population.years.labels:
            values = population.persons[population.years.index(year)].sum(axis=(1, 2, 3))
        elif item in flows and year in components.years.labels:
            values = flows[item][components.years.index(year)].sum(axis=1)
        else:
            continue
        names = parts.split(";") if parts else [region] if region in population.regions.labels else population.regions.labels
        modelled = float(values[[population.regions.index(name) for name in names]].sum())
        rows.append((year, region, item, float(published), modelled, modelled / float(published) - 1))
    return pd.DataFrame(rows, columns=["year", "region", "item", "published", "modelled", "error"])


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _table(columns: dict[str, Array], axes: dict[str, Axis]) -> pd.DataFrame:
    (first, values), *others = columns.items()
    table = tidy(values, axes, first)
    for name, more in others:
        table[name] = more.reshape(-1)
    return table
