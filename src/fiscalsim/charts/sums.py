"""What several charts read from the tables of a run: names in official order, limits, coverage, means and needs.

Tables in, numbers out; draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.charts.style import CLASSES
from fiscalsim.text import has, t

Tables = Mapping[str, pd.DataFrame]


def region_names(tables: Tables, lang: str, field: str = "short") -> dict[str, str]:
    """Region code -> name, in official order."""
    table = tables["regions"]
    return dict(zip(table["region"], table[f"{field}_{lang}"], strict=True))


def service_names(tables: Tables, lang: str, field: str = "name") -> dict[str, str]:
    """Service code -> name, in the order of the catalogue."""
    table = tables["services"]
    return dict(zip(table["service"], table[f"{field}_{lang}"], strict=True))


def domain_name(domain: str, lang: str) -> str:
    """Name of a domain of the plan; a domain that the table does not know keeps its own word (packs may write it in Chinese)."""
    return t(f"domain.{domain}", lang) if has(f"domain.{domain}") else domain


def limit_tag(family: str, lang: str) -> str:
    """Short name of a limit as a bureau says it; several joined by `;` give the first."""
    return t(f"limit.{first_limit(family)}.tag", lang)


def first_limit(limited_by: Any) -> str:
    """The family that stands first in a `limited_by` cell, or `unknown`."""
    families = limits_of(limited_by)
    return families[0] if families else "unknown"


def limits_of(limited_by: Any) -> list[str]:
    """The families in a `limited_by` cell, in its order."""
    if not isinstance(limited_by, str):
        return []
    names = (part.split(":")[0].split("@")[0].strip() for part in limited_by.replace("|", ";").replace(",", ";").split(";"))
    return [name for name in names if name]


def coverage(tables: Tables, year: int, by: tuple[str, ...] = ("region", "service")) -> pd.DataFrame:
    """Clients, those served at the standard (each once) and the share still short, per group of `by`, in `year`.

    Columns clients, served, short (persons), gap (0..1), unmet_yuan (what serving them for the year would cost).
    """
    key = ["region", "residence", "service"]
    given = tables["allocation"].query("year == @year")[[*key, "coverage"]]
    need = tables["demand"].query("year == @year")[[*key, "clients", "cost_yuan"]]
    cells = need.merge(given, on=key, how="inner")
    share = cells["coverage"].clip(upper=1.0)
    cells["served"] = cells["clients"] * share
    cells["unmet_yuan"] = cells["cost_yuan"] * (1.0 - share)
    sums = cells.groupby(list(by), sort=False, observed=True)[["clients", "served", "unmet_yuan"]].sum().reset_index()
    sums["short"] = (sums["clients"] - sums["served"]).clip(lower=0.0)
    sums["gap"] = np.where(sums["clients"] > 0, sums["short"] / sums["clients"].where(sums["clients"] > 0, 1.0), 0.0)
    return sums


FIRST_ITEMS = ("first_claims", "debt_interest", "other_spending", "reserve_kept")  # signed: they come before the catalogue
POOLS = ("general_pool", "earmarked_pool")


def gap_yuan(tables: Tables, year: int) -> float:
    """What serving everyone entitled at the standards would cost more in `year`, yuan."""
    cells = coverage(tables, year)
    return float(cells.loc[cells["gap"] >= CLASSES[1][0], "unmet_yuan"].sum())


def fiscal_items(tables: Tables, region: str | None) -> Any:
    """Yuan by year (rows) and item (columns) of a region, or of the whole place with the pools of transfers."""
    fiscal = tables["fiscal"]
    if region is not None:
        fiscal = fiscal[fiscal["region"] == region]
    return fiscal.pivot_table(index="year", columns="item", values="yuan", aggfunc="sum", observed=True).reindex(years_of(tables))


def years_of(tables: Tables) -> list[int]:
    """The years that the plan decides."""
    return sorted(int(year) for year in tables["allocation"]["year"].unique())


def means_by_year(tables: Tables, region: str | None = None) -> pd.Series:
    """Yuan left for the catalogue, by year: own money after first claims and the reserve, plus transfers (the whole place: their pools)."""
    items = fiscal_items(tables, region)
    return items["own_revenue"] + items[list(FIRST_ITEMS)].sum(axis=1) + transfers_of(items, region)


def transfers_of(items: pd.DataFrame, region: str | None) -> pd.Series:
    """Transfers by year: those received by a region, or the pools of the whole place."""
    return items[list(POOLS if region is None else ("general", "earmarked"))].sum(axis=1)


def needs_by_year(tables: Tables, region: str | None = None) -> pd.Series:
    """Yuan that serving everyone entitled at the standards costs, by year of the plan."""
    demand = tables["demand"]
    if region is not None:
        demand = demand[demand["region"] == region]
    return demand[demand["year"].isin(years_of(tables))].groupby("year")["cost_yuan"].sum()


def residents(tables: Tables, year: int) -> pd.Series:
    """Residents at the end of `year` by region."""
    return tables["population"].query("year == @year").groupby("region", sort=False)["persons"].sum()
