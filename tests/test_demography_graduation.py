"""The starting population: single ages and residences keep every published sum."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim import demography
from fiscalsim.errors import InputError

BOUNDS = [0, 1, *range(5, 90, 5)]


def tables(seed=0, regions=("a", "b")):
    """Census-like groups to 85+, the province's older groups, residence totals."""
    draw = np.random.default_rng(seed)
    rows = []
    for region in regions:
        for sex in ("male", "female"):
            for first, following in zip(BOUNDS, [*BOUNDS[1:], None], strict=True):
                last = np.nan if following is None else following - 1
                rows.append((region, sex, first, last, float(draw.integers(0, 5000))))
    groups = pd.DataFrame(rows, columns=["region", "sex", "age_from", "age_to", "persons"])
    older = [(sex, a, b, p) for sex in ("female", "male") for a, b, p in ((85, 89, 700.0), (90, 94, 200.0), (95, 99, 40.0), (100, np.nan, 5.0))]
    open_ages = pd.DataFrame(older, columns=["sex", "age_from", "age_to", "persons"])
    total = groups.groupby("region", sort=False)["persons"].sum()
    residence = pd.DataFrame(
        [(r, h, total[r] * share) for r in regions for h, share in (("urban", 0.625), ("rural", 0.375))], columns=["region", "residence", "persons"]
    )
    return groups, open_ages, residence


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_every_published_group_and_residence_total_is_kept(seed):
    groups, open_ages, residence = tables(seed)
    persons = demography.base_population(groups, open_ages, residence)
    assert persons.shape == (2, 2, 2, 101)
    assert persons.min() >= 0
    for row in groups.itertuples():
        last = 100 if np.isnan(row.age_to) else int(row.age_to)
        ours = persons["ab".index(row.region), :, ("male", "female").index(row.sex), int(row.age_from) : last + 1].sum()
        assert ours == pytest.approx(row.persons, rel=1e-12, abs=1e-9)
    for row in residence.itertuples():
        ours = persons["ab".index(row.region), ("urban", "rural").index(row.residence)].sum()
        assert ours == pytest.approx(row.persons, rel=1e-10)


def test_the_open_group_is_split_like_the_provinces_own():
    persons = demography.base_population(*tables(1)).sum(axis=1)
    older = persons[:, :, 85:]
    for first, last, share in ((0, 5, 700), (5, 10, 200), (10, 15, 40), (15, 16, 5)):
        np.testing.assert_allclose(older[:, :, first:last].sum(axis=2), older.sum(axis=2) * share / 945, rtol=1e-12)


def test_equal_groups_give_equal_ages_and_a_straight_line_stays_straight():
    bounds = np.arange(0, 101, 5)
    flat = demography.graduate(bounds, np.append(np.full(20, 500.0), 7.0))
    np.testing.assert_allclose(flat[:-1], 100, rtol=1e-12)
    falling = 1000.0 - 9 * np.arange(100)
    sums = np.append(falling.reshape(20, 5).sum(axis=1), 30.0)
    single = demography.graduate(bounds, sums)
    np.testing.assert_allclose(single[:-1], falling, rtol=1e-9)


def test_an_empty_group_stays_empty_and_its_neighbours_stay_positive():
    sums = np.append(np.full(20, 500.0), 10.0)
    sums[7] = 0.0
    single = demography.graduate(np.arange(0, 101, 5), sums)
    assert (single[35:40] == 0).all()
    assert single[30:35].sum() == pytest.approx(500)
    assert single.min() >= 0


def test_graduation_is_closer_to_true_single_ages_than_equal_fifths():
    # a made-up population with waves like those of China's births
    ages = np.arange(101)
    true = 1e5 * np.exp(-((ages / 80) ** 6)) * (1 + 0.35 * np.sin(ages / 5.5))
    sums = np.append(true[:100].reshape(20, 5).sum(axis=1), true[100:].sum())
    ours = demography.graduate(np.arange(0, 101, 5), sums)
    even = np.append(np.repeat(sums[:-1] / 5, 5), sums[-1])
    assert np.abs(ours - true).sum() < 0.35 * np.abs(even - true).sum()


def test_birth_cohorts_shape_the_young_ages_where_they_are_given():
    groups, open_ages, residence = tables(2)
    births = np.array([100.0, 110, 120, 180, 175, 166, 165, 164, 160, 163])
    persons = demography.base_population(groups, open_ages, residence, births=births).sum(axis=(0, 1, 2))
    both = demography.base_population(groups, open_ages, residence).sum(axis=(0, 1, 2))
    np.testing.assert_allclose(persons[1:5] / persons[1:5].sum(), births[1:5] / births[1:5].sum(), rtol=1e-12)
    assert persons[1:5].sum() == pytest.approx(both[1:5].sum(), rel=1e-12)
    np.testing.assert_allclose(persons[10:], both[10:], rtol=1e-12)


def test_a_flat_seed_makes_town_and_country_alike_in_age():
    persons = demography.base_population(*tables(3))
    np.testing.assert_allclose(persons[:, 0] * 0.375, persons[:, 1] * 0.625, rtol=1e-12)


def test_a_seed_with_an_older_countryside_keeps_both_margins_and_its_odds():
    groups, open_ages, residence = tables(4)
    seed = np.ones((2, 2, 101))
    seed[1] *= 1 + np.arange(101) / 50
    flat, tilted = demography.base_population(groups, open_ages, residence), demography.base_population(groups, open_ages, residence, seed)
    np.testing.assert_allclose(tilted.sum(axis=1), flat.sum(axis=1), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(tilted.sum(axis=(2, 3)), flat.sum(axis=(2, 3)), rtol=1e-9)
    odds = tilted[:, 1] / tilted[:, 0] / (seed[1] / seed[0])  # raking keeps the seed's odds up to one factor a region
    odds = np.where(flat[:, 0] > 0, odds, np.nan)
    for region in odds:
        np.testing.assert_allclose(region[np.isfinite(region)], region[0, 50], rtol=1e-6)


def test_regions_and_residences_keep_the_order_of_their_first_appearance():
    groups, open_ages, residence = tables(5, regions=("z", "m", "a"))
    turned = residence.iloc[::-1].reset_index(drop=True)
    straight, flipped = demography.base_population(groups, open_ages, residence), demography.base_population(groups, open_ages, turned)
    np.testing.assert_allclose(flipped[:, ::-1], straight)
    expected = [groups.loc[groups["region"] == r, "persons"].sum() for r in ("z", "m", "a")]
    np.testing.assert_allclose(straight.sum(axis=(1, 2, 3)), expected)


def test_gaps_overlaps_negative_counts_and_missing_margins_are_all_named_at_once():
    groups, open_ages, residence = tables(6)
    groups.loc[3, "age_to"] = 13.0
    groups.loc[20, "persons"] = -5.0
    groups = groups.drop(index=groups.index[(groups["region"] == "b") & (groups["sex"] == "female")])
    residence = residence[~((residence["region"] == "b") & (residence["residence"] == "rural"))]
    with pytest.raises(InputError) as caught:
        demography.base_population(groups, open_ages, residence)
    text = str(caught.value)
    for word in ("a, male: 10-13.0 then 15", "from age 1: -5.0" if "from age 1: -5.0" in text else "-5.0", "b: female is missing", "b, rural: nan"):
        assert word in text
    assert len(caught.value.problems) >= 4


def test_an_open_group_without_the_provinces_split_is_refused():
    groups, open_ages, residence = tables(7)
    with pytest.raises(InputError, match="groups of female from 85"):
        demography.base_population(groups, open_ages[open_ages["sex"] == "male"], residence)


def test_births_act_through_survival_and_only_in_groups_that_they_cover_whole():
    groups, open_ages, residence = tables(4)
    births = np.array([90.0, 100, 110, 120, 180, 175, 166, 165])  # ages 0-7: groups 0 and 1-4, not 5-9
    mx = np.stack([np.full(101, 0.02), np.full(101, 0.01)])
    mx[:, 0] = 0.05
    persons = demography.base_population(groups, open_ages, residence, births=births, standard_mx=mx).sum(axis=1)
    plain = demography.base_population(groups, open_ages, residence).sum(axis=1)
    np.testing.assert_allclose(persons[:, :, 5:], plain[:, :, 5:], rtol=1e-12)
    alive = np.exp(-np.array([[0.02], [0.01]]) * np.arange(4)) * births[1:5]  # constant hazard from age 1 on
    np.testing.assert_allclose(persons[0, :, 1:5] / persons[0, :, 1:2], alive / alive[:, :1], rtol=1e-5)


def test_each_region_follows_its_own_births():
    groups, open_ages, residence = tables(5)
    births = np.array([[100.0, 90, 80, 70, 60], [60.0, 70, 80, 90, 100]])
    persons = demography.base_population(groups, open_ages, residence, births=births).sum(axis=(1, 2))
    for region, born in zip(persons, births, strict=True):
        np.testing.assert_allclose(region[1:5] / region[1:5].sum(), born[1:5] / born[1:5].sum(), rtol=1e-12)
