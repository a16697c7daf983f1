"""Tables that follow from a population: each checked with arithmetic that a reader can do."""

import numpy as np
import pandas as pd
import pytest

from fiscalsim import demography
from fiscalsim.axes import Axis, years_axis
from fiscalsim.errors import ModelError
from fiscalsim.quantities import Components, Population


def small_world():
    """Two regions, three year-ends; every cell 1 person except that region b is twice as large."""
    persons = np.ones((3, 2, 2, 2, 101))
    persons[:, 1] *= 2
    years, regions = years_axis(2020, 2022), Axis("region", ("a", "b"))
    flows = Components(years_axis(2021, 2022), regions, *(np.full((2, 2, 2), value) for value in (5.0, 4.0, 0.0, 0.0)))
    return Population(years, regions, persons), flows


def test_dependency_counts_children_and_elders_per_person_of_working_age():
    population, components = small_world()
    table = demography.derived(population, components)["dependency"].set_index(["year", "region"])
    row = table.loc[(2020, "all")]
    assert row["child"] == pytest.approx(15 / 50)
    assert row["aged"] == pytest.approx(36 / 50)
    assert row["total"] == pytest.approx(51 / 50)
    assert row["share_60_plus"] == pytest.approx(41 / 101)
    assert row["mean_age"] == pytest.approx(50.5)
    assert set(table.index.get_level_values("region")) == {"a", "b", "all"}


def test_school_entrants_are_two_thirds_of_one_age_and_a_third_of_the_next():
    population, components = small_world()
    persons = np.array(population.persons)
    persons[:, :, :, :, 6], persons[:, :, :, :, 7] = 30.0, 60.0
    table = demography.derived(Population(population.years, population.regions, persons), components)["school_entry"]
    # two sexes: (2 x 60 + 120) / 3
    np.testing.assert_allclose(table["primary"], 80.0)


def test_households_are_residents_over_household_size():
    population, components = small_world()
    size = np.full((3, 2), 2.0)
    table = demography.derived(population, components, household_size=size)["households"].set_index(["year", "region"])
    assert table.loc[(2021, "a"), "households"] == pytest.approx(404 / 2)
    with pytest.raises(ModelError, match="household size"):
        demography.derived(population, components, household_size=np.zeros((3, 2)))


def test_residents_without_local_hukou_are_a_share_of_each_area():
    population, components = small_world()
    share = np.array([[0.5, 0.1], [0.25, 0.0]])
    table = demography.derived(population, components, non_local_share=share)["non_local"].set_index(["year", "region", "residence"])
    assert table.loc[(2022, "b", "urban"), "persons"] == pytest.approx(404 * 0.25)
    assert table.loc[(2022, "a", "rural"), "persons"] == pytest.approx(202 * 0.1)


def test_schooling_rises_as_less_schooled_cohorts_leave():
    population, components = small_world()
    schooling = demography.Schooling(10.0, np.array([14.0, 14.0]), np.array([8.0, 8.0]))
    table = demography.derived(population, components, schooling=schooling)["schooling"].set_index(["year", "region"])["years"]
    # 44 equal ages: one of 44 leaves with 8 years, the 43 others have (44 x 10 - 8) / 43, one enters with 14
    after_one = ((44 * 10 - 8) / 43 * 43 + 14) / 44
    assert table.loc[(2021, "a")] == pytest.approx(after_one)
    assert table.loc[(2022, "all")] == pytest.approx(((44 * after_one - 8) + 14) / 44)


def test_births_and_deaths_are_drivers_by_area():
    population, components = small_world()
    table = demography.derived(population, components)["drivers"]
    assert list(table) == ["year", "region", "residence", "births", "deaths"]
    assert (table["births"] == 5).all() and (table["deaths"] == 4).all()


def test_published_figures_are_set_beside_the_models():
    population, components = small_world()
    rows = [("a", "population", 2021, 400.0), ("210000", "births", 2022, 25.0), ("b", "deaths", 2021, 8.0), ("a", "population", 2035, 1.0)]
    table = demography.against_published(population, components, pd.DataFrame(rows, columns=["region", "item", "year", "value"]))
    assert table["modelled"].tolist() == pytest.approx([404, 20, 8])
    assert table["error"].tolist() == pytest.approx([0.01, -0.2, 0])
