"""The model's money held against published budgets: the base year reconciled, later years as a check.

Published lines decide nothing here: what the model takes from them it takes through `fiscal.csv`. Must not know the allocation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.quantities import Array, FiscalCapacity, StageInputs

CLOSE = (0.6, 1.6)  # a calibration factor outside says that the model's cost and the published spending are not the same thing
RECONCILED = ("own_revenue", "expenditure")
_PUBLISHED_COLUMNS = ["year", "region", "line", "published_yuan", "model_yuan", "difference_yuan", "grade", "source"]
_LATER_COLUMNS = ["year", "region", "line", "published_yuan", "model_yuan", "ratio", "base_ratio", "change", "grade", "source"]


def reconciliation(inputs: StageInputs, money: FiscalCapacity) -> pd.DataFrame:
    """year, region, line, published_yuan, model_yuan, difference_yuan (model less published), grade, source: own revenue and spending of the base year.

    A whole is compared with the sum of its parts: the difference is then its own level and parts that are not in the pack.
    """
    base = inputs.info.base_year
    model = {"own_revenue": money.own_revenue[0], "expenditure": inputs.fiscal.expenditure}
    rows = []
    for line in RECONCILED:
        for row in _of(inputs.published, line, base):
            found = _summed(inputs, model[line], row.leaves)
            rows.append((base, row.region, line, row.value, found, found - row.value, row.grade, row.source))
    return pd.DataFrame(rows, columns=_PUBLISHED_COLUMNS)


def later_outturn(inputs: StageInputs, money: FiscalCapacity, cost: Array) -> pd.DataFrame:
    """year, region, line, published_yuan, model_yuan, ratio (model over published), base_ratio, change (ratio over base_ratio, less one), grade, source.

    Own revenue and all spending (own revenue, usual transfers and the base year's bonds), and each budget function by `cost` [Y,R,S], what the catalogue
    would cost at the base year's coverage. The catalogue is only a part of most functions: then `change` is what counts, where the base year was published too.
    Published years whose own revenue is an input repeat it.
    """
    last = money.years.labels[-1]
    usual = _usual(money)
    spending = _by_function(inputs, cost)
    model = {"own_revenue": money.own_revenue, "expenditure": usual + inputs.fiscal.new_bonds[None], **spending}
    base = inputs.info.base_year
    rows = []
    for line, path in model.items():
        start = {row.region: _summed(inputs, path[0], row.leaves) / row.value for row in _of(inputs.published, line, base) if row.value > 0}
        later = inputs.published[(inputs.published["item"] == line) & inputs.published["year"].between(base + 1, last)]
        for row in _rows(later):
            found = _summed(inputs, path[money.years.index(row.year)], row.leaves)
            ratio = found / row.value if row.value > 0 else np.nan
            was = start.get(row.region, np.nan)
            rows.append((row.year, row.region, line, row.value, found, ratio, was, ratio / was - 1.0, row.grade, row.source))
    return pd.DataFrame(rows, columns=_LATER_COLUMNS)


def far_from_one(calibration: pd.DataFrame) -> pd.DataFrame:
    """The rows of table `calibration` whose factor lies outside `CLOSE`, the farthest (by ratio) first."""
    far = calibration[~calibration["factor"].between(*CLOSE)]
    return far.iloc[np.argsort(-np.abs(np.log(far["factor"].to_numpy(float))), kind="stable")].reset_index(drop=True)


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples(index=False))


def _of(published: pd.DataFrame, line: str, year: int) -> list[Any]:
    return _rows(published[(published["item"] == line) & (published["year"] == year)])


def _summed(inputs: StageInputs, by_region: Array, leaves: str) -> float:
    return float(by_region[[inputs.regions.index(leaf) for leaf in leaves.split(";")]].sum())


def _usual(money: FiscalCapacity) -> Array:
    items = money.waterfall[money.waterfall["item"].isin(["own_revenue", "transfers_usual"])]
    return items.groupby(["year", "region"], sort=False)["yuan"].sum().to_numpy().reshape(len(money.years), len(money.regions))


def _by_function(inputs: StageInputs, cost: Array) -> dict[str, Array]:
    """Budget function -> [Y,R] yuan of its services."""
    found = {}
    for function in inputs.fiscal.functions:
        mine = [s for s, service in enumerate(inputs.demand.services) if service.function == function]
        if mine:
            found[function] = cost[..., mine].sum(axis=2)
    return found
