"""Paths and words of the indicator table: rising, flat and falling targets, full coverage, what cannot be computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiscalsim.axes import years_axis
from fiscalsim.indicators import path, status
from fiscalsim.quantities import Indicator

YEARS = years_axis(2021, 2027)
NURSERY = Indicator(
    "nursery", "", "", "childcare", "", "", "expected", 2020, 2.0, 2025, ">=", 3.0, "capacity_per", ("nursery_place",), "population", 1000.0, "", "plan", ""
)


def test_a_rising_target_is_reached_in_even_steps_and_then_held():
    assert path(NURSERY, 2.0, YEARS) == pytest.approx([2.2, 2.4, 2.6, 2.8, 3.0, 3.0, 3.0])


def test_a_target_below_the_base_holds_at_once_and_asks_for_no_fall():
    assert path(replace(NURSERY, base_value=97.1, target_value=92.0), 97.1, YEARS) == pytest.approx([92.0] * 7)


def test_full_coverage_is_the_whole_scale():
    full = replace(NURSERY, target_op="full", target_value=None, scale=100.0)
    assert path(full, 90.0, YEARS)[4] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("found", "word", "since"),
    [
        ([2.2, 2.4, 2.6, 2.8, 3.0, 3.0, 3.0], "met", 2025),
        ([2.2, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0], "met_early", 2022),
        ([2.2, 2.4, 2.5, 2.6, 2.7, 3.0, 3.0], "missed", 2026),
        ([2.0] * 7, "missed", None),
    ],
)
def test_a_status_says_met_missed_and_since_when(found, word, since):
    assert status(NURSERY, np.array(found), YEARS) == (word, since)


def test_a_target_not_above_the_base_is_maintained():
    assert status(replace(NURSERY, base_value=3.0), np.full(7, 3.0), YEARS)[0] == "maintained"


def test_what_has_no_figure_is_not_computable_and_never_a_zero():
    assert status(NURSERY, None, YEARS) == ("not_computable", None)
