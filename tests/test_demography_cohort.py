"""The cohort engine: against plain loops, its identities, its properties, and the errors that name a cell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim import demography
from fiscalsim.axes import AGE, RESIDENCE, SEX, Axis, years_axis
from fiscalsim.errors import ModelError
from fiscalsim.quantities import DemographyInputs, assert_close
from tests.plain_cohort import one_year, ratios, shifted

AGES = np.arange(101)
STANDARD = np.stack([3e-5 * np.exp(0.1 * AGES) + 0.006 * (AGES == 0) + 5e-4, 2e-5 * np.exp(0.1 * AGES) + 0.005 * (AGES == 0) + 2e-4])


def some_inputs(seed=0, regions=3, years=4, timing="even", **changes):
    """Random but human rates for `regions` regions, reproducible from `seed`."""
    draw = np.random.default_rng(seed)
    base = draw.uniform(50, 200, (regions, 2, 2, 101)) * np.exp(-((AGES / 75) ** 6))
    schedule = np.exp(-(((AGES - np.array([[29.0], [26.0]])) / 5) ** 2)) * ((AGES >= 15) & (AGES < 50))
    movers = np.exp(-(((AGES - 23) / 10.0) ** 2)) * draw.uniform(0.3, 1, (2, 101))
    arriving = draw.uniform(1, 2, regions)
    urban = base[:, 0].sum(axis=(1, 2)) / base.sum(axis=(1, 2, 3))
    inputs = DemographyInputs(
        base_year=2020,
        years=years_axis(2021, 2020 + years),
        regions=Axis("region", tuple(f"r{i}" for i in range(regions))),
        base_population=base,
        standard_mx=STANDARD,
        life_expectancy=np.array([70.0, 76.0]) + draw.uniform(0, 8, (years, regions, 2)),
        fertility_schedule=schedule / schedule.sum(axis=1, keepdims=True),
        tfr=draw.uniform(0.8, 3, (years, regions, 2)),
        sex_ratio_at_birth=draw.uniform(1.03, 1.15, regions),
        external_migration=draw.uniform(-2, 2, (years, regions, 2, 2, 101)) * (AGES < 70),
        urban_share=np.clip(urban + 0.02 * np.arange(1, years + 1)[:, None], 0, 1),
        rural_to_urban_rate=None,
        mover_schedule=movers / movers.max(),
        reclassified_share=0.3,
        leaving_rate=draw.uniform(0, 0.03, regions),
        destination_share=arriving / arriving.sum(),
        timing=timing,
    )
    return replace(inputs, **changes)


def by_loops(inputs):
    """Stocks [Y,R,H,X,A] and flows [Y,R,H] of the plain implementation."""
    P = inputs.base_population.tolist()
    stocks, flows = [P], []
    for y in range(len(inputs.years)):
        multiple = 1.0 if inputs.internal_multiple is None else inputs.internal_multiple[y]
        S = [
            [ratios(shifted(inputs.standard_mx[x].tolist(), SEX.labels[x], inputs.life_expectancy[y, r, x])) for x in range(2)]
            for r in range(len(inputs.regions))
        ]
        P, births, deaths, internal = one_year(
            P,
            S,
            inputs.tfr[y].tolist(),
            inputs.fertility_schedule.tolist(),
            inputs.sex_ratio_at_birth.tolist(),
            inputs.external_migration[y].tolist(),
            inputs.timing,
            inputs.mover_schedule.tolist(),
            (multiple * inputs.leaving_rate).tolist(),
            inputs.destination_share.tolist(),
            None if inputs.urban_share is None or multiple == 0 else inputs.urban_share[y].tolist(),
            [0.0] * len(inputs.regions) if multiple == 0 else None if inputs.rural_to_urban_rate is None else inputs.rural_to_urban_rate[y].tolist(),
            inputs.reclassified_share,
        )
        stocks.append(P)
        flows.append((births, deaths, internal))
    return np.array(stocks), [np.array([flow[k] for flow in flows]) for k in range(3)]


def assert_same_as_loops(inputs):
    population, components = demography.simulate(inputs)
    stocks, (births, deaths, internal) = by_loops(inputs)
    axes = {"year": population.years, "region": population.regions, "residence": RESIDENCE, "sex": SEX, "age": AGE}
    assert_close(population.persons, stocks, axes, "persons")
    area = {"year": components.years, "region": components.regions, "residence": RESIDENCE}
    assert_close(components.births, births, area, "births")
    assert_close(components.deaths, deaths, area, "deaths")
    assert_close(components.internal_migration, internal, area, "internal migration")
    assert_close(components.external_migration, inputs.external_migration.sum(axis=(3, 4)), area, "external migration")


@pytest.mark.parametrize("timing", ["even", "end"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_engine_agrees_with_plain_loops_on_random_rates(seed, timing):
    assert_same_as_loops(some_inputs(seed, timing=timing))


@pytest.mark.parametrize("timing", ["even", "end"])
def test_the_engine_agrees_with_plain_loops_when_a_rate_moves_people_to_town(timing):
    inputs = some_inputs(4, timing=timing, urban_share=None, rural_to_urban_rate=np.random.default_rng(4).uniform(0, 0.2, (4, 3)))
    assert_same_as_loops(inputs)


def test_the_engine_agrees_with_plain_loops_when_towns_must_shrink_and_when_the_countryside_runs_out():
    inputs = some_inputs(5, urban_share=np.tile([0.2, 0.9, 1.0], (4, 1)))
    assert_same_as_loops(replace(inputs, external_migration=np.abs(inputs.external_migration)))


@pytest.mark.parametrize("timing", ["even", "end"])
def test_the_engine_agrees_with_plain_loops_when_internal_moves_change_from_year_to_year(timing):
    assert_same_as_loops(some_inputs(15, timing=timing, internal_multiple=np.array([1.0, 0.0, 0.0, 1.7])))
    assert_same_as_loops(some_inputs(16, timing=timing, internal_multiple=np.array([0.0, 0.4, 0.4, 0.0])))


def test_a_multiple_of_zero_moves_nobody_inside_the_pack():
    population, components = demography.simulate(some_inputs(17, internal_multiple=np.zeros(4)))
    assert (components.internal_migration == 0).all()
    assert demography.missed_urban_share(some_inputs(17, internal_multiple=np.zeros(4)), population).empty


def test_results_do_not_depend_on_how_regions_are_blocked(monkeypatch):
    inputs = some_inputs(6, regions=7)
    whole, _ = demography.simulate(inputs)
    monkeypatch.setattr("fiscalsim.demography.cohort._BLOCK_CELLS", 2 * 404)
    blocked, _ = demography.simulate(inputs)
    axes = {"year": whole.years, "region": whole.regions, "residence": RESIDENCE, "sex": SEX, "age": AGE}
    assert_close(whole.persons, blocked.persons, axes, "persons", 1e-12)


def test_any_number_of_threads_gives_the_same_bytes(monkeypatch):
    inputs = some_inputs(6, regions=9)
    monkeypatch.setattr("fiscalsim.demography.cohort._BLOCK_CELLS", 404)
    answers = []
    for cores in (1, 2, 4):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        population, components = demography.simulate(inputs)
        answers.append((population.persons.tobytes(), components.deaths.tobytes(), components.internal_migration.tobytes()))
    assert answers[0] == answers[1] == answers[2]


@given(seed=st.integers(0, 10**6), timing=st.sampled_from(["even", "end"]))
@settings(max_examples=25, deadline=None)
def test_identities_hold_and_nobody_is_below_zero_for_any_rates(seed, timing):
    population, components = demography.simulate(some_inputs(seed, timing=timing))
    for name, worst in demography.identities(population, components):
        assert worst <= 1e-9, name
    assert population.persons.min() >= 0


@given(seed=st.integers(0, 10**6), timing=st.sampled_from(["even", "end"]))
@settings(max_examples=15, deadline=None)
def test_the_projection_is_linear_in_the_starting_population_and_the_migrants(seed, timing):
    rate = np.full((4, 3), 0.03)
    one = some_inputs(seed, timing=timing, urban_share=None, rural_to_urban_rate=rate, reclassified_share=0.0)
    draw = np.random.default_rng(seed)
    other = replace(
        one,
        base_population=draw.uniform(0, 50, one.base_population.shape),
        external_migration=draw.uniform(0, 2, one.external_migration.shape),
    )
    both = replace(
        one,
        base_population=2 * one.base_population + 3 * other.base_population,
        external_migration=2 * one.external_migration + 3 * other.external_migration,
    )
    left = demography.simulate(both)[0].persons
    right = 2 * demography.simulate(one)[0].persons + 3 * demography.simulate(other)[0].persons
    np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-9)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_doubling_everybody_doubles_every_later_year_under_an_urbanisation_path(seed):
    one = some_inputs(seed)
    two = replace(one, base_population=2 * one.base_population, external_migration=2 * one.external_migration)
    np.testing.assert_allclose(demography.simulate(two)[0].persons, 2 * demography.simulate(one)[0].persons, rtol=1e-10, atol=1e-9)


def only(inputs, rows):
    """The same inputs for some of the regions, in the order of `rows`."""
    return replace(
        inputs,
        regions=Axis("region", tuple(inputs.regions.labels[r] for r in rows)),
        base_population=inputs.base_population[rows],
        life_expectancy=inputs.life_expectancy[:, rows],
        tfr=inputs.tfr[:, rows],
        sex_ratio_at_birth=inputs.sex_ratio_at_birth[rows],
        external_migration=inputs.external_migration[:, rows],
        urban_share=None if inputs.urban_share is None else inputs.urban_share[:, rows],
        leaving_rate=inputs.leaving_rate[rows],
        destination_share=inputs.destination_share[rows],
    )


@given(seed=st.integers(0, 10**6), order=st.permutations(range(4)))
@settings(max_examples=15, deadline=None)
def test_the_order_of_regions_does_not_matter(seed, order):
    inputs = some_inputs(seed, regions=4)
    straight = demography.simulate(inputs)[0].persons[:, order]
    shuffled = demography.simulate(only(inputs, list(order)))[0].persons
    np.testing.assert_allclose(shuffled, straight, rtol=1e-11, atol=1e-9)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_regions_that_exchange_nobody_are_the_same_alone_and_together(seed):
    inputs = some_inputs(seed, leaving_rate=np.zeros(3))
    together = demography.simulate(inputs)[0].persons
    for r in range(3):
        alone = replace(only(inputs, [r]), destination_share=np.ones(1))
        np.testing.assert_allclose(demography.simulate(alone)[0].persons[:, 0], together[:, r], rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_two_regions_with_the_same_rates_add_up_to_one(seed):
    inputs = some_inputs(seed, regions=2, urban_share=None, rural_to_urban_rate=np.full((4, 2), 0.04), leaving_rate=np.zeros(2), reclassified_share=0.0)
    alike = replace(
        inputs,
        life_expectancy=np.repeat(inputs.life_expectancy[:, :1], 2, axis=1),
        tfr=np.repeat(inputs.tfr[:, :1], 2, axis=1),
        sex_ratio_at_birth=np.repeat(inputs.sex_ratio_at_birth[:1], 2),
    )
    merged = replace(
        only(alike, [0]),
        base_population=alike.base_population.sum(axis=0, keepdims=True),
        external_migration=alike.external_migration.sum(axis=1, keepdims=True),
        rural_to_urban_rate=np.full((4, 1), 0.04),
        destination_share=np.ones(1),
    )
    parts = demography.simulate(alike)[0].persons.sum(axis=1)
    np.testing.assert_allclose(parts, demography.simulate(merged)[0].persons[:, 0], rtol=1e-11, atol=1e-9)


def test_survivors_grow_exactly_one_year_older():
    base = np.zeros((1, 2, 2, 101))
    base[0, 0, 1, 40] = 1000.0
    still = some_inputs(0, regions=1, base_population=base, tfr=np.zeros((4, 1, 2)), external_migration=np.zeros((4, 1, 2, 2, 101)))
    still = replace(still, urban_share=None, leaving_rate=np.zeros(1))
    persons = demography.simulate(still)[0].persons
    for year in range(1, 5):
        assert np.flatnonzero(persons[year].sum(axis=(0, 1, 2))).tolist() == [40 + year]
        assert 0 < persons[year].sum() < 1000


def test_the_closing_urban_share_is_the_target_in_every_year_and_region():
    inputs = some_inputs(7)
    persons = demography.simulate(inputs)[0].persons[1:]
    np.testing.assert_allclose(persons[:, :, 0].sum(axis=(2, 3)) / persons.sum(axis=(2, 3, 4)), inputs.urban_share, rtol=1e-12)


def test_a_target_beyond_all_who_may_move_takes_them_all_and_no_more():
    schedule = np.zeros((2, 101))
    schedule[:, 18:30] = 1.0
    inputs = some_inputs(8, urban_share=np.ones((4, 3)), mover_schedule=schedule, reclassified_share=0.0, external_migration=np.zeros((4, 3, 2, 2, 101)))
    persons = demography.simulate(replace(inputs, leaving_rate=np.zeros(3)))[0].persons
    assert (persons[1][:, 1, :, 18:30] == 0).all()
    assert (persons[1][:, 1, :, 40] > 0).all()


def test_reclassification_takes_every_age_alike():
    quiet = some_inputs(9, leaving_rate=np.zeros(3), external_migration=np.zeros((4, 3, 2, 2, 101)), reclassified_share=1.0)
    stay = replace(quiet, urban_share=None)
    moved = demography.simulate(quiet)[0].persons[1, :, 1] / demography.simulate(stay)[0].persons[1, :, 1]
    for region in moved:
        np.testing.assert_allclose(region, region[0, 0], rtol=1e-12)


def test_tfr_is_recovered_from_the_births_and_the_women_of_the_output():
    inputs = some_inputs(10, external_migration=np.zeros((4, 3, 2, 2, 101)), leaving_rate=np.zeros(3), urban_share=None)
    population, components = demography.simulate(inputs)
    women = population.persons[:, :, :, 1]
    # nobody moves, so the women at the year's end are the survivors: births / (mean women x schedule) is the TFR
    exposure = ((women[:-1] + women[1:]) / 2 * inputs.fertility_schedule).sum(axis=-1)
    np.testing.assert_allclose(components.births / exposure, inputs.tfr, rtol=1e-12)


def test_e0_is_recovered_from_a_population_that_only_dies():
    ages, years = 101, 160
    inputs = some_inputs(11, regions=1, years=years, urban_share=None, leaving_rate=np.zeros(1), external_migration=np.zeros((years, 1, 2, 2, ages)))
    schedule = np.zeros((2, ages))
    schedule[:, 20] = 1.0
    base = np.zeros((1, 2, 2, ages))
    base[0, :, 1, 19] = 1000.0  # women who bear children in the first year only
    tfr = np.zeros((years, 1, 2))
    tfr[0] = 1.0
    e0 = np.broadcast_to(np.array([73.25, 79.5]), (years, 1, 2))
    inputs = replace(inputs, base_population=base, fertility_schedule=schedule, tfr=tfr, life_expectancy=e0)
    population, components = demography.simulate(inputs)
    mothers, _ = demography.simulate(replace(inputs, tfr=np.zeros((years, 1, 2))))
    srb = inputs.sex_ratio_at_birth[0]
    born = components.births[0].sum() * np.array([srb, 1]) / (1 + srb)
    assert (components.births[1:] == 0).all()
    # only one cohort is born, so the stocks of all year-ends less the mothers are its person-years
    lived = (population.persons - mothers.persons).sum(axis=(0, 1, 2, 4))
    np.testing.assert_allclose(lived / born, [73.25, 79.5], atol=1e-7)


def test_zero_migration_and_no_births_leave_only_deaths():
    inputs = some_inputs(12, tfr=np.zeros((4, 3, 2)), external_migration=np.zeros((4, 3, 2, 2, 101)))
    population, components = demography.simulate(inputs)
    total = population.persons.sum(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(total[1:] - total[:-1], -components.deaths.sum(axis=(1, 2)), rtol=1e-10)
    assert (components.births == 0).all()


def test_a_cell_below_zero_is_named_by_region_residence_sex_age_and_year():
    inputs = some_inputs(13)
    leaving = np.zeros(inputs.external_migration.shape)
    leaving[1, 2, 1, 0, 33] = -1e6
    with pytest.raises(ModelError, match=r"region r2, rural, male, age 33, year 2022"):
        demography.simulate(replace(inputs, external_migration=leaving))


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, -1.0, 1e400])
@pytest.mark.parametrize("field", ["base_population", "tfr", "life_expectancy", "external_migration", "mover_schedule", "leaving_rate", "sex_ratio_at_birth"])
def test_poisoned_inputs_are_refused_by_name(field, poison):
    inputs = some_inputs(14)
    array = np.array(getattr(inputs, field))
    array.flat[5 % array.size] = poison if field != "external_migration" or poison != -1.0 else -1e9
    with pytest.raises(ModelError):
        demography.simulate(replace(inputs, **{field: array}))


def test_a_wrong_shape_timing_or_share_is_refused_with_its_name():
    inputs = some_inputs(15)
    with pytest.raises(ModelError, match=r"tfr: shape.*timing: 'middle'"):
        demography.simulate(replace(inputs, tfr=np.ones((1, 3, 2)), timing="middle"))
    with pytest.raises(ModelError, match="destination_share: sums to"):
        demography.simulate(replace(inputs, destination_share=np.full(3, 0.4)))


def a_town_that_grows_while_the_countryside_emigrates(target=0.95, years=12, leaving=-1.2):
    """Two regions; in the first, people of 25-34 leave the countryside for abroad each year while the town is to reach `target`."""
    inputs = some_inputs(21, regions=2, years=years, leaving_rate=np.full(2, 0.01))
    external = np.zeros(inputs.external_migration.shape)
    external[:, 0, 1, :, 25:35] = leaving
    share = inputs.base_population[:, 0].sum(axis=(1, 2)) / inputs.base_population.sum(axis=(1, 2, 3))
    path = share + (target - share) * np.linspace(1 / years, 1, years)[:, None]
    return replace(inputs, external_migration=external, urban_share=path)


@pytest.mark.parametrize("timing", ["even", "end"])
def test_who_must_stay_for_later_leavers_does_not_go_to_town(timing):
    inputs = replace(a_town_that_grows_while_the_countryside_emigrates(leaving=-4.0), timing=timing)
    population, components = demography.simulate(inputs)
    assert population.persons.min() >= 0
    assert components.external_migration[:, 0].sum() == pytest.approx(inputs.external_migration.sum())  # all external leavers left
    for name, worst in demography.identities(population, components):
        assert worst <= 1e-9, name
    # somebody else went in their place: the target is met all the same
    assert demography.missed_urban_share(inputs, population).empty


def test_the_cap_changes_no_region_that_needs_none():
    """With nobody passing between regions, the region beside the capped one is the same as when it stands alone."""
    inputs = replace(a_town_that_grows_while_the_countryside_emigrates(leaving=-4.0), leaving_rate=np.zeros(2))
    both, _ = demography.simulate(inputs)
    alone, _ = demography.simulate(only(inputs, [1]))
    np.testing.assert_allclose(both.persons[:, 1], alone.persons[:, 0], rtol=1e-12)


def test_what_is_missed_of_an_urban_share_is_told_in_persons():
    schedule = np.zeros((2, 101))
    schedule[:, 18:30] = 1.0
    quiet = some_inputs(8, urban_share=np.ones((4, 3)), mover_schedule=schedule, reclassified_share=0.0, external_migration=np.zeros((4, 3, 2, 2, 101)))
    population, _ = demography.simulate(quiet)
    missed = demography.missed_urban_share(quiet, population)
    assert len(missed) == 12
    np.testing.assert_allclose(missed["persons"], population.persons[1:, :, 1].sum(axis=(2, 3)).reshape(-1))
    assert (missed["reached"] < missed["target"]).all()


@pytest.mark.parametrize("residence", [0, 1])
def test_a_cell_that_external_migration_alone_empties_is_still_an_error(residence):
    inputs = a_town_that_grows_while_the_countryside_emigrates()
    external = inputs.external_migration.copy()
    external[2, 0, residence, 1, 40] = -1e5
    with pytest.raises(ModelError, match=rf"region r0, {RESIDENCE.labels[residence]}, female, age 40, year 2023"):
        demography.simulate(replace(inputs, external_migration=external))
