"""Every pack that is found in assumptions/, with its baseline: people are conserved by year and region, and parts add up to their wholes."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, packs, stage_inputs
from fiscalsim.parameters import OWN, resolutions
from fiscalsim.pipeline import people_tables
from fiscalsim.scenario import load_scenario

HOME = Path(__file__).resolve().parents[1]


def baseline_of(name, resolution):
    """The pack's scenario <name>-baseline at a resolution; every pack has one."""
    return load_scenario(f"{name}-baseline", HOME, [f"resolution={resolution}"])


@lru_cache(maxsize=4)
def projected(name):
    """(pack, inputs, population, components) of the demographic stage alone; `name` is pack or pack:resolution."""
    place, _, resolution = name.partition(":")
    scenario = baseline_of(place, resolution or OWN)
    pack = load_pack(place, HOME, scenario.resolution)
    inputs = stage_inputs(pack, scenario, demography.base_population)
    return (pack, inputs, *demography.simulate(inputs.demography))


def every_resolution():
    """pack, and pack:resolution for each finer cut that the pack declares."""
    found = []
    for name in packs(HOME):
        finer = [cut for cut in resolutions(name, HOME, []) if cut != OWN]
        found += [name, *(f"{name}:{cut}" for cut in finer)]
    return found


every_pack = pytest.mark.parametrize("name", every_resolution())


@every_pack
def test_people_are_conserved_in_every_year_and_region(name):
    _, _, population, components = projected(name)
    found = demography.identities(population, components)
    assert len(found) == 3
    for what, worst in found:
        assert worst <= 1e-9, f"{name}: {what}: {worst}"
    # once more from the stocks alone: what nobody bore, buried or moved cannot have come or gone
    stock = population.persons.sum(axis=(2, 3, 4))
    change = (components.births - components.deaths + components.external_migration + components.internal_migration).sum(axis=2)
    np.testing.assert_allclose(np.diff(stock, axis=0), change, rtol=0, atol=1e-9 * stock.max())


@every_pack
def test_moves_inside_the_pack_sum_to_zero_and_nobody_is_below_zero(name):
    _, inputs, population, components = projected(name)
    people = population.persons.sum(axis=(1, 2, 3, 4))
    assert (np.abs(components.internal_migration.sum(axis=(1, 2))) <= 1e-9 * people[1:]).all()
    assert population.persons.min() >= 0
    assert np.isfinite(population.persons).all()
    np.testing.assert_allclose(
        components.external_migration, inputs.demography.external_migration.sum(axis=(3, 4)), rtol=1e-9, atol=1e-9 * population.persons.sum() / len(people)
    )


@every_pack
def test_the_starting_population_keeps_every_published_group_and_residence(name):
    pack, _, population, _ = projected(name)
    start = population.persons[0]
    for row in pack.tables["population.csv"]:
        last = row["age_to"]
        ages = slice(row["age_from"], None if last is None else last + 1)
        sex = ("male", "female").index(row["sex"])
        got = start[population.regions.index(row["region"]), :, sex, ages].sum()
        assert got == pytest.approx(row["persons"], rel=1e-9, abs=1e-6), f"{name}: {row['region']}, {row['sex']}, {row['age_from']}"
    margins = {(row["region"], row["residence"]): row["value"] for row in pack.tables["residence.csv"] if row["item"] == "persons"}
    for r, region in enumerate(population.regions):
        urban, rural = margins[region, "urban"], margins[region, "rural"]
        people = start[r].sum(axis=(1, 2))
        assert people[0] / people.sum() == pytest.approx(urban / (urban + rural), rel=1e-9)


@every_pack
def test_parts_add_up_to_their_parents_in_every_year(name):
    """Leaves of one parent (counties of a city, cities of a province) add up to it, table by table: nothing is computed for a parent apart."""
    pack, _, population, components = projected(name)
    parents = {row["region"]: row["parent"] for row in pack.tables["regions.csv"]}
    whole = population.persons.sum(axis=1)
    groups = {}
    for r, region in enumerate(population.regions):
        groups.setdefault(parents[region], []).append(r)
    assert sum(len(part) for part in groups.values()) == len(population.regions)
    np.testing.assert_allclose(sum(population.persons[:, part].sum(axis=1) for part in groups.values()), whole, rtol=1e-12)
    tables = demography.derived(population, components)
    total = tables["drivers"].groupby("year")[["births", "deaths"]].sum()
    np.testing.assert_allclose(total["births"], components.births.sum(axis=(1, 2)), rtol=1e-9)
    np.testing.assert_allclose(total["deaths"], components.deaths.sum(axis=(1, 2)), rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in every_resolution() if ":" in name])
def test_counties_start_as_the_people_of_their_city_to_the_last_one(name):
    pack, _, finer, _ = projected(name)
    _, _, whole, _ = projected(name.partition(":")[0])
    parents = {row["region"]: row["parent"] for row in pack.tables["regions.csv"]}
    for r, city in enumerate(whole.regions):
        members = [i for i, region in enumerate(finer.regions) if city in (region, parents[region])]
        assert members
        np.testing.assert_allclose(finer.persons[0, members].sum(axis=(0, 1, 3)), whole.persons[0, r].sum(axis=(0, 2)), rtol=0, atol=1e-6)  # by sex


@every_pack
def test_the_urban_share_asked_for_is_reached_or_what_is_missed_is_told(name):
    _, inputs, population, _ = projected(name)
    people = population.persons[1:].sum(axis=(3, 4))
    short = np.abs(people[..., 0] / people.sum(axis=2) - inputs.demography.urban_share) > 1e-6
    told = demography.missed_urban_share(inputs.demography, population)
    assert {(int(y), r) for y, r in zip(told["year"], told["region"], strict=True)} >= {
        (inputs.demography.years.labels[y], inputs.regions.labels[r]) for y, r in np.argwhere(short)
    }


@every_pack
def test_what_follows_from_the_people_is_told_for_every_region_and_year(name):
    """The tables of a run: dependency, school entry, households, residents without local hukou, schooling, births and deaths."""
    pack, inputs, population, components = projected(name)
    tables = people_tables(inputs, population, components)
    assert set(tables) == {"dependency", "school_entry", "drivers", "households", "non_local", "schooling"}
    years, regions = list(population.years.labels), set(population.regions.labels)
    people = population.persons.sum(axis=(2, 3, 4))
    for table, places in (("dependency", regions | {"all"}), ("schooling", regions | {"all"}), ("households", regions), ("non_local", regions)):
        assert set(tables[table]["region"]) == places
        assert sorted(set(tables[table]["year"])) == years
        assert np.isfinite(tables[table].select_dtypes("number")).all(axis=None)
    size = {row["region"]: row["value"] for row in pack.tables["vital.csv"] if row["item"] == "household_size"}
    found = tables["households"].set_index(["year", "region"])["households"]
    for r, region in enumerate(population.regions):
        assert found[years[-1], region] * size[region] == pytest.approx(people[-1, r])
    share = {(row["region"], row["residence"]): row["value"] for row in pack.tables["residence.csv"] if row["item"] == "non_local_share"}
    away = tables["non_local"].set_index(["year", "region", "residence"])["persons"]
    first = population.regions.labels[0]
    assert away[years[0], first, "urban"] == pytest.approx(population.persons[0, 0, 0].sum() * share[first, "urban"])
    six = tables["school_entry"].groupby("year")["primary"].sum()
    ages = population.persons.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(six, (2 * ages[:, 6] + ages[:, 7]) / 3)
    assert tables["schooling"].query("year == @years[0]")["years"].nunique() == 1
