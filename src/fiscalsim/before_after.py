"""Who gains and who loses under each rule for sharing transfers: the same scenario run through the same accounting four times.

Knows the tables of a run and `run`; must not know how a rule works or how a table is drawn. Money is yuan of the year shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fiscalsim.axes import RESIDENCES
from fiscalsim.charts import coverage, residents
from fiscalsim.pipeline import run
from fiscalsim.quantities import MET
from fiscalsim.scenario import POLICIES, Scenario

Tables = Mapping[str, pd.DataFrame]

ALL = "all"
CELL = ("region", "residence", "service")
HALF_A_YUAN = 0.5  # a head; less counts as no change


@dataclass(frozen=True)
class BeforeAfter:
    """What each rule gives in one year against today's shares of the same total.

    `rules`: rule, coverage, lowest_coverage, lowest_region, coverage_variation, floor_clients, floor_yuan, regions_with_floors, gap_yuan, claims_unpaid_yuan,
    binding_met, targets_met, gainers, losers, moved_yuan, optimal (all passes).
    `regions`: rule, region, residents, general_yuan, earmarked_yuan, total_yuan, today_yuan, change_yuan, per_head_yuan, change_per_head_yuan, share_change,
    coverage, floor_clients, gap_yuan, claims_unpaid_yuan.
    `strata`: rule, kind (all, tag, urban_share, revenue_strength), stratum, regions, gain, lose, residents, change_yuan, change_per_head_yuan, coverage.
    """

    year: int
    rules: pd.DataFrame
    regions: pd.DataFrame
    strata: pd.DataFrame
    places: pd.DataFrame  # names of the regions


def rules_compared(
    scenario: Scenario,
    *,
    home: Path | None = None,
    year: int | None = None,
    rules: Sequence[str] = POLICIES,
    progress: Callable[[float, str], None] | None = None,
) -> BeforeAfter:
    """Run `scenario` under every rule (without the replay) and set the results side by side; `year` is the plan's target year when left out.

    Errors: InputError, NoSolution as `run` raises them; there is no half result.
    """
    say = progress or (lambda fraction, stage: None)
    found: dict[str, Tables] = {}
    passes: dict[str, bool] = {}
    for i, rule in enumerate(rules):
        result = run(
            replace(scenario, policy=rule),
            home=home,
            replay=False,
            progress=lambda f, stage, at=i: say((at + f) / len(rules), stage),  # type: ignore[misc]
        )
        found[rule], passes[rule] = result.tables, all(one["status"] == "optimal" for one in result.passes)
        year = result.info.plan_target_year if year is None else year
    assert year is not None
    table = before_and_after(found, year)
    return replace(table, rules=table.rules.assign(optimal=[passes[rule] for rule in table.rules["rule"]]))


def before_and_after(runs: Mapping[str, Tables], year: int) -> BeforeAfter:
    """The comparison from the tables of runs by rule; any tables of a run will do, saved or not."""
    regions = pd.concat([by_region(tables, year).assign(rule=rule) for rule, tables in runs.items()], ignore_index=True)
    strata = pd.concat([by_stratum(tables, year).assign(rule=rule) for rule, tables in runs.items()], ignore_index=True)
    rules = pd.DataFrame([{"rule": rule, **_whole(tables, year)} for rule, tables in runs.items()])
    return BeforeAfter(year, rules, _first(regions, "rule"), _first(strata, "rule"), next(iter(runs.values()))["regions"])


def by_region(tables: Tables, year: int) -> pd.DataFrame:
    """One row a region in official order; columns as `BeforeAfter.regions` without rule.

    Today is each region's share of the transfers received in the base year, times this year's total, so changes add up to zero.
    """
    codes = list(tables["regions"]["region"])
    transfers = tables["transfers"][tables["transfers"]["year"] == year]
    general = transfers[transfers["kind"] == "general"].groupby("region")["yuan"].sum().reindex(codes).fillna(0.0)
    earmarked = transfers[transfers["kind"] != "general"].groupby("region")["yuan"].sum().reindex(codes).fillna(0.0)
    fiscal = tables["fiscal"]
    usual = fiscal[fiscal["item"] == "transfers_usual"]
    base = usual[usual["year"] == usual["year"].min()].set_index("region")["yuan"].reindex(codes)
    people = residents(tables, year).reindex(codes)
    total = general + earmarked
    table = pd.DataFrame({"region": codes, "residents": people.to_numpy(), "general_yuan": general.to_numpy(), "earmarked_yuan": earmarked.to_numpy()})
    table["total_yuan"] = total.to_numpy()
    table["today_yuan"] = (total.sum() * base / base.sum()).to_numpy()
    table["change_yuan"] = table["total_yuan"] - table["today_yuan"]
    table["per_head_yuan"] = table["total_yuan"] / table["residents"]
    table["change_per_head_yuan"] = table["change_yuan"] / table["residents"]
    table["share_change"] = table["change_yuan"] / table["today_yuan"]
    served = coverage(tables, year, CELL)
    for name, values in (
        ("coverage", _mean_coverage(served, ["region"])),
        ("floor_clients", _floors(tables, year).groupby("region")["units"].sum()),
        ("gap_yuan", served.groupby("region")["unmet_yuan"].sum()),
        ("claims_unpaid_yuan", fiscal[(fiscal["item"] == "claims_unpaid") & (fiscal["year"] == year)].groupby("region")["yuan"].sum()),
    ):
        table[name] = values.reindex(codes).fillna(0.0).to_numpy()
    return table


def by_stratum(tables: Tables, year: int, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Gainers and losers by stratum; columns as `BeforeAfter.strata` without rule. `table` is `by_region` when it is at hand already."""
    table = by_region(tables, year) if table is None else table
    rows = []
    for (kind, stratum), members in strata(tables, year).items():
        mine = table[table["region"].isin(members)]
        change, people = float(mine["change_yuan"].sum()), float(mine["residents"].sum())
        rows.append(
            {
                "kind": kind,
                "stratum": stratum,
                "regions": len(mine),
                "gain": int((mine["change_per_head_yuan"] > HALF_A_YUAN).sum()),
                "lose": int((mine["change_per_head_yuan"] < -HALF_A_YUAN).sum()),
                "residents": people,
                "change_yuan": change,
                "change_per_head_yuan": change / people,
                "coverage": float((mine["coverage"] * mine["residents"]).sum() / people),
            }
        )
    return pd.DataFrame(rows)


def strata(tables: Tables, year: int) -> dict[tuple[str, str], list[str]]:
    """(kind, stratum) -> regions: all, every tag, and thirds by urban share and by own revenue a head of `year` (two regions: halves)."""
    regions, people = tables["regions"], residents(tables, year)
    found: dict[tuple[str, str], list[str]] = {(ALL, ALL): list(regions["region"])}
    tags = {region: str(cell).split(";") for region, cell in zip(regions["region"], regions["tags"], strict=True)}
    for tag in sorted({tag for mine in tags.values() for tag in mine if tag and tag != "nan"}):
        found["tag", tag] = [region for region, mine in tags.items() if tag in mine]
    persons = tables["population"][tables["population"]["year"] == year]
    urban = persons[persons["residence"] == RESIDENCES[0]].groupby("region")["persons"].sum()
    fiscal = tables["fiscal"]
    own = fiscal[(fiscal["item"] == "own_revenue") & (fiscal["year"] == year)].groupby("region")["yuan"].sum()
    for kind, measure in (("urban_share", urban / people), ("revenue_strength", own / people)):
        order = list(measure.reindex(regions["region"]).sort_values(kind="stable").index)
        if len(order) < 2:
            continue
        names = ("lower", "upper") if len(order) < 3 else ("lower", "middle", "upper")
        for name, part in zip(names, np.array_split(np.array(order, dtype=object), len(names)), strict=True):
            found[kind, name] = list(part)
    return found


# --- of the whole place ---------------------------------------------------------------------------------------------


def _whole(tables: Tables, year: int) -> dict[str, object]:
    table, served = by_region(tables, year), coverage(tables, year, CELL)
    floors, evaluation = _floors(tables, year), tables["evaluation"]
    variation = evaluation[(evaluation["region"] == "plan") & (evaluation["measure"] == "coverage_variation") & (evaluation["year"] == year)]["value"]
    names = tables["indicator_names"]
    ends = names[(names["nature"] != "stated") & names["target_value"].notna()]
    met = ends["status"].isin(MET)
    worst = table.iloc[int(table["coverage"].to_numpy().argmin())]
    return {
        "coverage": float(_mean_coverage(served, []).iloc[0]),
        "lowest_coverage": float(worst["coverage"]),
        "lowest_region": worst["region"],
        "coverage_variation": float(variation.iloc[0]),
        "floor_clients": float(floors["units"].sum()),
        "floor_yuan": float(floors["yuan"].sum()),
        "regions_with_floors": len(table) - floors["region"].nunique(),
        "gap_yuan": float(served["unmet_yuan"].sum()),
        "claims_unpaid_yuan": float(table["claims_unpaid_yuan"].sum()),
        "binding_met": int((met & (ends["nature"] == "binding")).sum()),
        "targets_met": int(met.sum()),
        "gainers": int((table["change_per_head_yuan"] > HALF_A_YUAN).sum()),
        "losers": int((table["change_per_head_yuan"] < -HALF_A_YUAN).sum()),
        "moved_yuan": float(table["change_yuan"].clip(lower=0.0).sum()),
    }


def _floors(tables: Tables, year: int) -> pd.DataFrame:
    rows = tables["shortfalls"]
    return rows[(rows["goal"] == "floor") & (rows["year"] == year)]


def _mean_coverage(cells: pd.DataFrame, by: list[str]) -> pd.Series:
    """Coverage by clients for each service, then the mean over services that have clients; by `by`, or of the whole."""
    sums = cells.groupby([*by, "service"])[["clients", "served"]].sum()
    share = (sums["served"] / sums["clients"]).where(sums["clients"] >= HALF_A_YUAN)
    return share.groupby(level=by).mean() if by else pd.Series([share.mean()])


def _first(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return table[[column, *(name for name in table.columns if name != column)]]
