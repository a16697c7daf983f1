"""Life tables: a textbook's table to its printed digits, the conventions, Brass' shift and its limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim import demography
from fiscalsim.demography.lifetable import a0, shifted_survivorship
from fiscalsim.errors import ModelError
from tests.plain_cohort import ratios, shifted, survivors

AGES = np.arange(101)
STANDARD = np.stack([3e-5 * np.exp(0.1 * AGES) + 0.006 * (AGES == 0) + 5e-4, 2e-5 * np.exp(0.1 * AGES) + 0.005 * (AGES == 0) + 2e-4])

# Preston, Heuveline and Guillot, Demography (Blackwell 2001), Box 3.1: Austria, males, 1992 (United Nations 1994).
# age, mid-year population, deaths, nax | printed: nmx, nqx, lx, ndx, nLx, Tx, ex
AUSTRIA_1992 = """
0 47925 419 0.068 | 0.008743 0.008672 100000 867 99192 7288901 72.889
1 189127 70 1.626 | 0.000370 0.001479 99133 147 396183 7189709 72.526
5 234793 36 2.500 | 0.000153 0.000766 98986 76 494741 6793526 68.631
10 238790 46 3.143 | 0.000193 0.000963 98910 95 494375 6298785 63.682
15 254996 249 2.724 | 0.000976 0.004872 98815 481 492980 5804410 58.740
20 326831 420 2.520 | 0.001285 0.006405 98334 630 490106 5311431 54.014
25 355086 403 2.481 | 0.001135 0.005659 97704 553 487127 4821324 49.346
30 324222 441 2.601 | 0.001360 0.006779 97151 659 484175 4334198 44.613
35 269963 508 2.701 | 0.001882 0.009368 96492 904 480384 3850023 39.900
40 261971 769 2.663 | 0.002935 0.014577 95588 1393 474686 3369639 35.252
45 238011 1154 2.698 | 0.004849 0.023975 94195 2258 465777 2894953 30.734
50 261612 1866 2.676 | 0.007133 0.035082 91937 3225 452188 2429176 26.422
55 181385 2043 2.645 | 0.011263 0.054861 88711 4867 432096 1976988 22.286
60 187962 3496 2.624 | 0.018600 0.089062 83845 7467 401480 1544893 18.426
65 153832 4366 2.619 | 0.028382 0.132925 76377 10152 357713 1143412 14.971
70 105169 4337 2.593 | 0.041238 0.187573 66225 12422 301224 785699 11.864
75 73694 5279 2.518 | 0.071634 0.304102 53803 16362 228404 484475 9.005
80 57512 6460 2.423 | 0.112324 0.435548 37441 16307 145182 256070 6.839
85 32248 6146 0 | 0.190585 1.000000 21134 21134 110889 110889 5.247
"""


def test_the_textbook_table_of_austria_is_reproduced_to_its_printed_digits():
    rows = [line.split("|") for line in AUSTRIA_1992.strip().splitlines()]
    age, people, deaths, ax = np.array([[float(v) for v in given.split()] for given, _ in rows]).T
    printed = np.array([[float(v) for v in shown.split()] for _, shown in rows])
    table = demography.life_table(deaths / people, "male", age, ax)
    ours = table[["nMx", "nqx", "lx", "ndx", "nLx", "Tx", "ex"]].to_numpy() * np.array([1, 1, 1e5, 1e5, 1e5, 1e5, 1])
    for column, (name, digits) in enumerate([("nMx", 6), ("nqx", 6), ("lx", 0), ("ndx", 0), ("nLx", 0), ("Tx", 0), ("ex", 3)]):
        np.testing.assert_array_equal(np.round(ours[:, column], digits), printed[:, column], err_msg=name)


def test_columns_of_a_single_age_table_are_the_textbooks():
    table = demography.life_table(STANDARD[0], "male")
    assert list(table) == ["age", "nMx", "nax", "nqx", "lx", "ndx", "nLx", "Tx", "ex"]
    l, L = survivors(STANDARD[0].tolist(), "male")
    np.testing.assert_allclose(table["lx"], l, rtol=1e-12)
    np.testing.assert_allclose(table["nLx"], L, rtol=1e-12)
    assert table["ndx"].sum() == pytest.approx(1, abs=1e-12)
    assert table["nqx"].iloc[-1] == 1
    assert table["nax"].iloc[-1] == pytest.approx(1 / STANDARD[0, -1])


@pytest.mark.parametrize(
    ("sex", "m0", "value"),
    # HMD Methods Protocol v6, table 1: worked by hand at one rate in each of the three pieces
    [
        ("male", 0.010, 0.14929 - 0.0199545),
        ("male", 0.050, 0.02832 + 0.1630105),
        ("male", 0.100, 0.29915),
        ("female", 0.010, 0.14903 - 0.0205527),
        ("female", 0.050, 0.04667 + 0.1940445),
        ("female", 0.100, 0.31411),
    ],
)
def test_a0_follows_andreev_and_kingkade_by_sex_and_level(sex, m0, value):
    assert float(a0(m0, sex)) == pytest.approx(value, abs=1e-12)


def test_survivorship_ratios_are_those_of_the_table():
    for x, sex in enumerate(("male", "female")):
        table = demography.life_table(STANDARD[x], sex)
        S = demography.survivorship_ratio(STANDARD)[x]
        L, T = table["nLx"].to_numpy(), table["Tx"].to_numpy()
        assert S[0] == pytest.approx(L[0], rel=1e-12)
        np.testing.assert_allclose(S[1:-1], L[1:-1] / L[:-2], rtol=1e-12)
        assert S[-1] == pytest.approx(T[-1] / T[-2], rel=1e-12)


@given(male=st.floats(35, 95), female=st.floats(35, 95))
@settings(max_examples=60, deadline=None)
def test_the_shifted_table_has_the_wanted_life_expectancy(male, female):
    wanted = np.array([[male, female]])
    mx = demography.shift_to_life_expectancy(STANDARD, wanted)
    # a0 has a step of 1e-4 years where two pieces meet, so e0 has one of 1e-4 x q0, and q0 reaches 0.1 in this range: values inside it are not reachable
    np.testing.assert_allclose(demography.life_expectancy(mx), wanted, atol=1e-5)
    for x, sex in enumerate(("male", "female")):
        assert demography.life_table(mx[0, x], sex)["ex"].iloc[0] == pytest.approx(wanted[0, x], abs=1e-5)


def test_life_expectancies_of_today_are_met_within_a_hundred_millionth_of_a_year():
    wanted = np.stack(np.meshgrid(np.linspace(68, 88, 41), np.linspace(68, 88, 41)), axis=-1)
    reached = demography.life_expectancy(demography.shift_to_life_expectancy(STANDARD, wanted))
    np.testing.assert_allclose(reached, wanted, atol=1e-8)


def test_ratios_ready_for_the_engine_are_those_of_the_shifted_rates():
    wanted = np.array([[71.3, 80.9], [76.0, 83.2]])
    direct = shifted_survivorship(STANDARD, wanted)
    np.testing.assert_allclose(direct, demography.survivorship_ratio(demography.shift_to_life_expectancy(STANDARD, wanted)), rtol=1e-12)
    for row in range(2):
        for x, sex in enumerate(("male", "female")):
            np.testing.assert_allclose(direct[row, x], ratios(shifted(STANDARD[x].tolist(), sex, wanted[row, x])), rtol=2e-10)


def test_the_standards_own_life_expectancy_gives_the_standard_back():
    own = demography.life_expectancy(STANDARD)
    np.testing.assert_allclose(demography.shift_to_life_expectancy(STANDARD, own), STANDARD, rtol=1e-8)


def test_brass_shifts_the_logit_of_survival_by_the_same_amount_at_every_age():
    def logit(mx, sex):
        l = demography.life_table(mx, sex)["lx"].to_numpy()[1:]
        return 0.5 * np.log((1 - l) / l)

    mx = demography.shift_to_life_expectancy(STANDARD, np.array([78.0, 84.0]))
    for x, sex in enumerate(("male", "female")):
        alpha = logit(mx[x], sex) - logit(STANDARD[x], sex)
        np.testing.assert_allclose(alpha, alpha[0], atol=1e-9)


def test_a_higher_life_expectancy_lowers_every_death_rate():
    low, high = demography.shift_to_life_expectancy(STANDARD, np.array([[72.0, 78.0], [80.0, 86.0]]))
    assert (high < low).all()


def test_an_unreachable_life_expectancy_is_refused_with_its_reach():
    with pytest.raises(ModelError, match=r"male: 300.*reaches"):
        demography.shift_to_life_expectancy(STANDARD, np.array([300.0, 80.0]))
    with pytest.raises(ModelError, match="female: nan"):
        demography.shift_to_life_expectancy(STANDARD, np.array([70.0, np.nan]))


@pytest.mark.parametrize(("age", "rate"), [(0, -0.1), (100, 0.0), (40, np.nan), (40, 2.5)])
def test_impossible_death_rates_are_refused_by_age(age, rate):
    mx = STANDARD.copy()
    mx[0, age] = rate
    with pytest.raises(ModelError, match=f"age {age}"):
        demography.survivorship_ratio(mx)
    with pytest.raises(ModelError, match="life table, male"):
        demography.life_table(mx[0], "male")


def test_groups_of_several_years_need_ax():
    with pytest.raises(ModelError, match="need ax"):
        demography.life_table(np.array([0.01, 0.001, 0.2]), "male", np.array([0, 1, 5]))
