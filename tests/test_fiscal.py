"""What there is to spend: the account of every region and year, the base year against published budgets, who pays, and the insurance funds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from fiscalsim.fiscal_capacity import balance_gap, base_waterfall, far_from_one, later_outturn, reconciliation
from fiscalsim.pipeline import cost_as_today

ROOT = Path(__file__).resolve().parents[1]
PACKS = ("liaoning", "inner-mongolia", "linxia", "panjin")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_fiscal", ROOT / "tools" / "write_fiscal.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    __import__("sys").modules["write_fiscal"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def staged(tool):
    kept: dict[str, object] = {}

    def of(name: str):
        if name not in kept:
            kept[name] = tool.staged(name)
        return kept[name]

    return of


@pytest.mark.parametrize("name", [*PACKS, "two-counties", "generic-city"])
def test_the_base_years_account_closes_to_the_yuan_in_every_region(name, staged):
    found = staged(name)
    table = base_waterfall(found.inputs.fiscal, found.money)
    assert set(table["region"]) == set(found.inputs.regions)
    assert (table["yuan"] >= 0).all()
    assert balance_gap(table).abs().max() < 0.5
    received = table[table["side"] == "received"].groupby("region")["yuan"].sum()
    for r, region in enumerate(found.inputs.regions):
        assert received[region] == pytest.approx(found.inputs.fiscal.expenditure[r])


@pytest.mark.parametrize("name", PACKS)
def test_base_revenue_is_the_published_one_and_the_difference_of_spending_is_stated(name, staged):
    found = staged(name)
    table = reconciliation(found.inputs, found.money)
    parts = table[table["region"].isin(found.inputs.regions.labels)]
    revenue = parts[parts["line"] == "own_revenue"]
    assert (revenue["difference_yuan"].abs() < 1e5).all()  # four decimals of 100 million yuan
    assert ((table["model_yuan"] - table["published_yuan"] - table["difference_yuan"]).abs() < 1e-3).all()
    if name in ("liaoning", "linxia"):
        assert set(parts.loc[parts["line"] == "expenditure", "region"]) == set(found.inputs.regions)


def test_later_years_are_compared_where_they_are_published(staged):
    found = staged("liaoning")
    table = later_outturn(found.inputs, found.money, cost_as_today(found.inputs, found.needed))
    spent = table[(table["line"] == "expenditure") & (table["year"] == 2023) & table["region"].isin(found.inputs.regions.labels)]
    assert len(spent) == 14
    assert spent["model_yuan"].sum() == pytest.approx(spent["published_yuan"].sum(), rel=0.01)
    whole = table[(table["region"] == "210000") & (table["line"] == "health") & (table["year"] == 2021)].iloc[0]
    assert whole["change"] == pytest.approx(whole["ratio"] / whole["base_ratio"] - 1.0)


def test_factors_far_from_one_are_flagged_the_farthest_first(staged):
    calibration = staged("linxia").needed.calibration
    far = far_from_one(calibration)
    assert list(far["region"] + far["function"]) == ["622926housing"]
    assert far_from_one(calibration.assign(factor=[1.0, 0.3, 2.0, *[1.0] * (len(calibration) - 3)]))["factor"].tolist() == [0.3, 2.0]


def test_the_page_is_current(tool):
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(), "python tools/write_fiscal.py writes it"
