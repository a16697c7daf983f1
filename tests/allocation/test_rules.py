"""The rules of today: exact to the pool, nobody less than nothing, the order of regions does not matter, growth held or said to be impossible."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fiscalsim.allocation import rules
from fiscalsim.errors import InputError, ModelError
from fiscalsim.quantities import RuleChoices
from tests.tools import tool

ROOT = Path(__file__).resolve().parents[2]
YUAN = st.floats(1e7, 1e11)
MAY_BE_NOTHING = st.one_of(st.just(0.0), YUAN)


def choices(**more):
    return RuleChoices(
        **{
            "cost_weight": 1.0,
            "tag_factors": {},
            "difficulty_weight": 0.2,
            "formula_share": 1.0,
            "effort_share": 0.0,
            "guarantee_share": 0.0,
            "change_limit": 0.1,
        }
        | more
    )


@st.composite
def places(draw, least=2, most=6, years=3):
    """Needs of a few regions over three years, the pools and the grants of the base year."""
    regions = draw(st.integers(least, most))
    flow = st.lists(YUAN, min_size=regions, max_size=regions)
    grow = 1.03 ** np.arange(years)[:, None]
    spent = np.array(draw(flow)) * grow
    needs = rules.Needs(
        functions=("education", "outside"),
        expenditure=np.stack([spent, np.array(draw(flow)) * grow], axis=2),
        revenue=np.array(draw(flow)) * grow,
        earmarked=np.array(draw(st.lists(MAY_BE_NOTHING, min_size=regions, max_size=regions))) * grow,
        necessary=0.8 * spent,
        own_revenue=np.array(draw(flow)) * grow,
        residents=np.array(draw(st.lists(st.floats(1e4, 1e7), min_size=regions, max_size=regions))) * np.ones((years, 1)),
    )
    before = np.array(draw(st.lists(MAY_BE_NOTHING, min_size=regions, max_size=regions)))
    assume(before.sum() > 0)
    pool = before.sum() * np.concatenate([[1.0], np.cumprod(draw(st.lists(st.floats(0.7, 1.5), min_size=years - 1, max_size=years - 1)))])
    return needs, pool, before


WEIGHTS = st.fixed_dictionaries(
    {
        "difficulty_weight": st.floats(0, 1),
        "formula_share": st.floats(0, 1),
        "effort_share": st.floats(0, 0.5),
        "guarantee_share": st.floats(0, 0.5),
        "change_limit": st.floats(0, 1),
    }
)


@given(places(), WEIGHTS)
def test_the_formula_uses_the_pool_to_the_yuan_and_gives_nobody_less_than_nothing(place, weights):
    needs, pool, before = place
    general = rules.formula(needs, pool, before, choices(**weights)).general
    assert np.abs(general.sum(axis=1) - pool).max() < 1.0
    assert (general >= 0).all()


@given(places(), WEIGHTS)
def test_growth_stays_in_its_band_beside_the_pools_own(place, weights):
    needs, pool, before = place
    general, limit = rules.formula(needs, pool, before, choices(**weights)).general, weights["change_limit"]
    for y in range(1, len(pool)):
        usual = general[y - 1] * pool[y] / pool[y - 1]
        had = general[y - 1] > 0
        assert (general[y] >= usual * (1 - limit) - 1.0).all()
        assert (general[y][had] <= (usual * (1 + limit) + 1.0)[had]).all()


@given(places(), st.randoms(use_true_random=False))
def test_the_order_of_regions_does_not_matter(place, draw):
    needs, pool, before = place
    order = list(range(len(before)))
    draw.shuffle(order)
    moved = rules.Needs(
        needs.functions, *(getattr(needs, n)[:, order] for n in ("expenditure", "revenue", "earmarked", "necessary", "own_revenue", "residents"))
    )
    some = choices(effort_share=0.1, guarantee_share=0.1)
    assert rules.formula(moved, pool, before[order], some).general == pytest.approx(
        rules.formula(needs, pool, before, some).general[:, order], rel=1e-7, abs=10.0
    )


@given(places(), st.floats(1.1, 3.0))
def test_collecting_more_pays_only_through_the_reward(place, more):
    needs, pool, before = place
    harder = rules.Needs(
        needs.functions,
        needs.expenditure,
        needs.revenue,
        needs.earmarked,
        needs.necessary,
        needs.own_revenue * np.array([more, *[1.0] * (len(before) - 1)]),
        needs.residents,
    )
    without = [rules.formula(n, pool, before, choices()).general for n in (needs, harder)]
    assert (without[0] == without[1]).all()
    loose = choices(effort_share=0.2, change_limit=1.0)
    rewarded = [rules.formula(n, pool, before, loose).reward[:, 0] for n in (needs, harder)]
    if (needs.own_revenue / needs.revenue > 1.0)[1, 0]:
        assert (rewarded[1] >= rewarded[0] - 1e-3).all()


@given(
    st.lists(MAY_BE_NOTHING, min_size=2, max_size=6), st.lists(MAY_BE_NOTHING, min_size=2, max_size=6), st.floats(0.2, 3), st.floats(-1, 0.2), st.floats(0, 2)
)
def test_growth_control_holds_or_is_said_to_be_impossible(wanted, before, growth, lowest, width):
    regions = min(len(wanted), len(before))
    wanted, before = np.array(wanted[:regions]), np.array(before[:regions])
    assume(before.sum() > 0)
    pool, highest = before.sum() * growth, lowest + width
    low, high = (1 + lowest) * before, np.where(before > 0, (1 + highest) * before, np.where(wanted > 0, np.inf, 0.0))
    possible = low.sum() <= pool <= high.sum()
    if possible:
        found = rules.growth_controlled(wanted, before, pool, lowest, highest)
        assert abs(found.sum() - pool) < 1.0
        assert (found >= low - 1.0).all() and (found <= high + 1.0).all()
    elif low.sum() > pool * (1 + 1e-9) or high.sum() < pool * (1 - 1e-9):
        with pytest.raises(ModelError, match="growth control"):
            rules.growth_controlled(wanted, before, pool, lowest, highest)


def test_what_the_band_cuts_goes_to_the_others_by_what_they_were_to_get():
    # A is cut from 70 to 44; its 26 go to B and C, 10 and 20, in proportion: 18.67 and 37.33; B may have 11 only, so C takes the rest.
    found = rules.growth_controlled(np.array([70.0, 10.0, 20.0]), np.array([40.0, 10.0, 50.0]), 100.0, -0.1, 0.1)
    assert found == pytest.approx([44.0, 11.0, 45.0])


def test_status_quo_and_per_head_use_the_pool():
    assert rules.status_quo(np.array([10.0, 12.0]), np.array([1.0, 3.0])) == pytest.approx(np.array([[2.5, 7.5], [3.0, 9.0]]))
    assert rules.per_head(np.array([10.0, 12.0]), np.array([[1.0, 1.0], [1.0, 2.0]])) == pytest.approx(np.array([[5.0, 5.0], [4.0, 8.0]]))


def test_revenue_is_counted_at_the_average_effort():
    # 12 collected over a product of 120: 10 %. A collects 8 of its 60, B 4 of its 60; both count with 6. C has no published product and counts with its own 3.
    found = rules.standard_revenue(np.array([60.0, 60.0, np.nan]), np.array([[8.0, 4.0, 3.0], [9.0, 4.5, 3.0]]))
    assert found == pytest.approx(np.array([[6.0, 6.0, 3.0], [6.6, 6.6, 3.3]]))


def test_cost_differences_are_one_on_average_over_people():
    found = rules.cost_coefficient(np.array([1.0, 1.5]), np.array([300.0, 100.0]), 1.0, np.ones(2))
    assert found == pytest.approx(np.array([1.0, 1.5]) / 1.125)
    assert rules.cost_coefficient(np.array([1.0, 1.5]), np.array([300.0, 100.0]), 0.0, np.ones(2)) == pytest.approx([1.0, 1.0])


def test_the_difficulty_index_is_55_to_45():
    # necessary / revenue 1 and 3: standardised -1 and 1; gap / expenditure equal: 0
    found = rules.difficulty(np.array([10.0, 30.0]), np.array([10.0, 10.0]), np.array([5.0, 10.0]), np.array([10.0, 20.0]))
    assert found == pytest.approx([-0.55, 0.55])


def test_a_guarantee_closes_what_it_can_and_gives_back_the_rest():
    grants, left = rules.county_guarantee(np.array([10.0, 8.0]), np.array([6.0, 9.0]), 2.0)
    assert grants == pytest.approx([2.0, 0.0]) and left == pytest.approx(0.0)
    grants, left = rules.county_guarantee(np.array([10.0, 8.0]), np.array([6.0, 9.0]), 5.0)
    assert grants == pytest.approx([4.0, 0.0]) and left == pytest.approx(1.0)


def test_what_a_guarantee_leaves_over_is_shared_out_even_where_nothing_else_is_equalised():
    flat = np.ones((2, 2))
    needs = rules.Needs(("outside",), np.array([[[4.0], [6.0]]] * 2), flat, 0 * flat, 0 * flat, flat, flat)
    found = rules.formula(needs, np.array([2.0, 2.0]), np.array([1.0, 1.0]), choices(guarantee_share=1.0, change_limit=1.0, difficulty_weight=0.0))
    assert found.general[1] == pytest.approx([2.0 * 3 / 8, 2.0 * 5 / 8])  # nobody lacks anything to the three guarantees: by gaps of 3 and 5


def test_more_set_aside_than_there_is_is_refused():
    flat = np.ones((2, 2))
    needs = rules.Needs(("outside",), np.ones((2, 2, 1)), flat, 0 * flat, flat, flat, flat)
    with pytest.raises(InputError, match="together 1 at most"):
        rules.formula(needs, np.array([2.0, 2.0]), np.array([1.0, 1.0]), choices(effort_share=0.6, guarantee_share=0.6))


def test_without_any_gap_the_pool_goes_as_last_year():
    assert rules.equalisation(np.zeros(2), np.zeros(2), 8.0, 0.2, np.array([1.0, 3.0])) == pytest.approx([2.0, 6.0])


# --- the worked example of docs/equalisation.md ---------------------------------------------------------------------


def sheet():
    """tools/write_equalisation.py, which knows nothing of the program."""
    return tool("write_equalisation")


def example(given):
    """The example of the sheet through the program: its inputs in, every step out by the sheet's names."""
    each = {name: np.array(row[:3]) for name, row in given.items()}
    one = {name: row[0] for name, row in given.items() if len(row) == 1}
    coefficient = rules.cost_coefficient(each["difference"], each["residents"], 1.0, np.ones(3))
    education = each["pupils"] * one["per_pupil"] * coefficient
    outside = each["residents"] * one["per_head"] * coefficient
    own = np.stack([each["own"]] * 2)
    needs = rules.Needs(
        functions=("education", "outside"),
        expenditure=np.stack([np.stack([education, outside], axis=1)] * 2),
        revenue=rules.standard_revenue(each["product"], own),
        earmarked=np.stack([each["earmarked"]] * 2),
        necessary=np.stack([each["necessary"]] * 2),
        own_revenue=own,
        residents=np.stack([each["residents"]] * 2),
    )
    picked = choices(
        formula_share=one["formula_share"],
        guarantee_share=one["guarantee_share"],
        effort_share=one["effort_share"],
        difficulty_weight=one["weight"],
        change_limit=one["band"],
    )
    steps = rules.formula(needs, np.array([each["before"].sum(), one["pool"]]), each["before"], picked)
    found = {"coefficient": coefficient, "education": education, "outside": outside, "expenditure": education + outside, "revenue": needs.revenue[1]}
    found |= {name: getattr(steps, name)[1] for name in ("fixed", "gap", "hard", "guarantee", "reward", "general")}
    return found | {"equalised": steps.equalisation[1]}


def test_the_worked_example_by_sheet_and_by_program_is_equal_to_the_yuan():
    tool = sheet()
    book = openpyxl.load_workbook(ROOT / "docs" / "equalisation.xlsx")
    written = {cell.coordinate: cell.value for row in book.active.iter_rows(min_row=2, min_col=3) for cell in row if cell.value is not None}
    values = tool.by_name(tool.evaluate(written))
    assert sum(isinstance(content, str) for content in written.values()) > 100  # live formulas, not pasted numbers
    found = example(values)
    for name, steps in found.items():
        assert steps == pytest.approx(np.array(values[name][:3]), abs=0.5 if abs(steps).max() > 100 else 1e-9), name
    assert sum(values["general"][:3]) == pytest.approx(values["pool"][0], abs=0.5)


def test_the_values_kept_in_the_sheet_are_those_of_its_formulas():
    tool = sheet()
    kept = openpyxl.load_workbook(ROOT / "docs" / "equalisation.xlsx", data_only=True).active
    for cell, value in tool.evaluate(tool.cells()).items():
        assert kept[cell].value == pytest.approx(value, rel=1e-12, abs=1e-6), cell


def test_the_worked_example_in_words_has_the_same_figures():
    values = sheet().by_name(sheet().evaluate(sheet().cells()))
    text = (ROOT / "docs" / "equalisation.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \|(?:[^|]*\|){1}((?:[^|\n]*\|){3,4})$", text, flags=re.MULTILINE))
    assert {"coefficient", "expenditure", "revenue", "fixed", "gap", "hard", "first", "guarantee", "reward", "wanted", "general"} <= set(told)
    for name, line in told.items():
        for printed, value in zip((cell.strip().replace(",", "").replace("\N{MINUS SIGN}", "-") for cell in line.split("|")), values[name], strict=False):
            if printed:
                digits = len(printed.partition(".")[2])
                assert float(printed) == pytest.approx(value, abs=0.51 * 10.0**-digits), (name, printed)
