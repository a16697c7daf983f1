"""Growth paths and the rolling index, on numbers a reader can follow."""

from __future__ import annotations

import numpy as np
import pytest

from fiscalsim.fiscal_capacity import rolling_index, shifted_growth


def test_a_shift_of_growth_adds_points_to_every_year():
    path = np.array([[100.0], [104.0], [108.16]])
    shifted = shifted_growth(path, np.array([0.0, -0.01, -0.01]))
    assert shifted[:, 0] == pytest.approx([100.0, 103.0, 106.09])


def test_no_shift_is_the_path_itself():
    path = np.array([[100.0, 50.0], [90.0, 60.0]])
    np.testing.assert_allclose(shifted_growth(path, np.zeros(2)), path)


def test_the_growth_limit_rolls_over_three_years():
    revenue = np.array([[100.0], [110.0], [110.0], [110.0], [143.0]])
    index = rolling_index(revenue)[:, 0]
    assert index[:4] == pytest.approx([1.0, 1.10, 1.10 * 1.05, 1.10 * 1.05 * (1 + 0.1 / 3)])
    assert index[4] / index[3] == pytest.approx(1 + 0.3 / 3)


def test_the_growth_limit_never_orders_a_cut():
    index = rolling_index(np.array([[100.0], [70.0], [60.0], [90.0]]))[:, 0]
    assert (np.diff(index) >= 0).all()
