"""Money at constant prices of the base year: the one place where a table's yuan are divided by the deflator.

Every run carries its deflator (table `deflator`: the path of prices, costs.price_growth). Charts, boards and pages get tables, so that they show whatever
prices those have. Knows which columns are money; must not know how anything is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.errors import InputError, Problem
from fiscalsim.quantities import Array
from fiscalsim.text import t

CURRENT, CONSTANT = "current", "constant"
BASES = (CURRENT, CONSTANT)
MONEY = ("yuan", "_yuan", "_yuan_years")  # what the name of a money column or measure ends with
PER_YUAN = ("coverage_per_1000_yuan",)  # measures whose money is what is divided by
Tables = Mapping[str, pd.DataFrame]


def deflator_table(years: tuple[int, ...], index: Array) -> pd.DataFrame:
    """year, index (base year = 1), basis (`current`)."""
    return pd.DataFrame({"year": years, "index": index, "basis": CURRENT})


def at_prices(tables: Tables, basis: str) -> dict[str, pd.DataFrame]:
    """`tables` as they are, or with every dated sum of money at prices of the base year.

    A sum without a year (calibration: the base year's; the idle money of late projects over all years) and a plan's printed amounts (indicators) stay as
    they are. InputError when the run is of a time before runs carried their deflator.
    """
    if basis == CURRENT:
        return dict(tables)
    if "deflator" not in tables:
        raise InputError([Problem("deflator", None, "", "", "a run that carries its deflator; run the scenario again")])
    index = tables["deflator"].set_index("year")["index"]
    found = {name: _deflated(table, index) for name, table in tables.items()}
    found["deflator"] = tables["deflator"].assign(basis=CONSTANT)
    if "summary" in found:
        found["summary"] = _summary(found["summary"], index)
    return found


def basis_of(tables: Tables) -> str:
    """The prices that tables are at."""
    return str(tables["deflator"]["basis"].iloc[0]) if "deflator" in tables and len(tables["deflator"]) else CURRENT


def price_words(tables: Tables, base_year: int, lang: str) -> str:
    """The prices of the tables in words, with the deflator's name and its mean yearly rate where it is used."""
    if basis_of(tables) == CURRENT:
        return t("prices.current", lang)
    index = tables["deflator"].set_index("year")["index"]
    years = int(index.index.max()) - base_year
    rate = (float(index.iloc[-1]) ** (1 / years) - 1.0) * 100 if years > 0 else 0.0
    return t("prices.constant", lang, year=base_year, rate=f"{rate:.1f}")


class AtPrices:
    """A saved run whose tables are at other prices: what `compare` and reports need of it (name, manifest, table, tables)."""

    def __init__(self, run: Any, basis: str):
        self._run, self._basis = run, basis

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self._run.name)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The run's manifest."""
        found: Mapping[str, Any] = self._run.manifest
        return found

    def table(self, name: str) -> pd.DataFrame:
        """One table at these prices."""
        if self._basis == CURRENT:
            found: pd.DataFrame = self._run.table(name)
            return found
        return at_prices({name: self._run.table(name), "deflator": self._run.table("deflator")}, self._basis)[name]

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables at these prices."""
        return at_prices(self._run.tables(), self._basis)


def _deflated(table: pd.DataFrame, index: pd.Series) -> pd.DataFrame:
    if "year" not in table.columns or table.empty:
        return table
    money = [column for column in table.columns if column.endswith(MONEY) and pd.api.types.is_numeric_dtype(table[column])]
    measured = "measure" in table.columns and "value" in table.columns
    if not money and not measured:
        return table
    by = table["year"].map(index).to_numpy(float)
    if np.isnan(by).any():
        raise InputError(
            [Problem("deflator", None, "year", str(table.loc[np.isnan(by), "year"].iloc[0]), f"a year from {index.index.min()} to {index.index.max()}")]
        )
    found = table.copy()
    for column in money:
        found[column] = table[column] / by
    if measured:
        sums = table["measure"].str.endswith(MONEY).to_numpy(bool)
        per = table["measure"].isin(PER_YUAN).to_numpy(bool)
        value = table["value"].to_numpy(float)
        found["value"] = np.where(per, value * by, np.where(sums, value / by, value))
    return found


def _summary(table: pd.DataFrame, index: pd.Series) -> pd.DataFrame:
    """The headline's one sum is of the plan's target year."""
    values = dict(zip(table["key"], table["value"], strict=True))
    year = int(values["target_year"])
    texts = [repr(float(value) / float(index[year])) if key.endswith("_yuan") else value for key, value in values.items()]
    return pd.DataFrame({"key": table["key"], "value": texts})
