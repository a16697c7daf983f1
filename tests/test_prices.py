"""Constant prices: one deflator, one place, every dated sum of money and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fiscalsim.errors import InputError
from fiscalsim.prices import CONSTANT, CURRENT, AtPrices, at_prices, basis_of, deflator_table, price_words

TABLES = {
    "deflator": deflator_table((2020, 2021), np.array([1.0, 1.25])),
    "fiscal": pd.DataFrame({"year": [2020, 2021], "region": "A", "item": "own_revenue", "yuan": [100.0, 125.0]}),
    "demand": pd.DataFrame({"year": [2020, 2021], "clients": [8.0, 10.0], "standard_yuan": [10.0, 12.5], "cost_yuan": [80.0, 125.0]}),
    "evaluation": pd.DataFrame({"year": 2021, "measure": ["coverage", "spending_per_head_yuan", "coverage_per_1000_yuan"], "value": [0.5, 2500.0, 0.2]}),
    "calibration": pd.DataFrame({"region": ["A"], "modelled_yuan": [5.0]}),
    "summary": pd.DataFrame({"key": ["target_year", "floor_gap_yuan", "indicators"], "value": ["2021", "25.0", "4"]}),
}


def test_every_dated_sum_is_divided_by_its_years_index_and_heads_are_not():
    found = at_prices(TABLES, CONSTANT)
    assert found["fiscal"]["yuan"].tolist() == [100.0, 100.0]
    assert found["demand"].to_dict("list") == {"year": [2020, 2021], "clients": [8.0, 10.0], "standard_yuan": [10.0, 10.0], "cost_yuan": [80.0, 100.0]}
    assert found["evaluation"]["value"].tolist() == pytest.approx([0.5, 2000.0, 0.25])
    assert found["calibration"] is TABLES["calibration"]
    assert dict(zip(found["summary"]["key"], found["summary"]["value"], strict=True)) == {"target_year": "2021", "floor_gap_yuan": "20.0", "indicators": "4"}
    assert TABLES["fiscal"]["yuan"].tolist() == [100.0, 125.0]


def test_current_prices_are_the_default_and_change_nothing():
    assert at_prices(TABLES, CURRENT) == TABLES
    assert basis_of(TABLES) == CURRENT and basis_of(at_prices(TABLES, CONSTANT)) == CONSTANT and basis_of({}) == CURRENT
    for lang in ("zh", "en"):
        assert "2020" in price_words(at_prices(TABLES, CONSTANT), 2020, lang) and "25.0" in price_words(at_prices(TABLES, CONSTANT), 2020, lang)
        assert "2020" not in price_words(TABLES, 2020, lang)


def test_a_run_without_a_deflator_and_a_year_without_an_index_are_refused():
    with pytest.raises(InputError, match="run the scenario again"):
        at_prices({"fiscal": TABLES["fiscal"]}, CONSTANT)
    with pytest.raises(InputError, match="2030"):
        at_prices(TABLES | {"fiscal": TABLES["fiscal"].assign(year=2030)}, CONSTANT)


def test_a_run_seen_at_constant_prices_gives_the_same_tables_one_by_one_or_all():
    class Saved:
        name, manifest = "run", {"pack": {}}
        table = staticmethod(TABLES.__getitem__)
        tables = staticmethod(lambda: TABLES)

    run = AtPrices(Saved(), CONSTANT)
    assert run.name == "run" and run.table("fiscal").equals(run.tables()["fiscal"])
    assert AtPrices(Saved(), CURRENT).table("fiscal") is TABLES["fiscal"]
