"""What a saved run or a comparison says: its headline in words and its bureau tables, each built once for page and spreadsheet.

Knows the tables of a run, charts' sums and texts. Must not know HTML or spreadsheets, and holds no number that is not in the tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim import charts
from fiscalsim.compare import Comparison
from fiscalsim.prices import CURRENT, basis_of, price_words
from fiscalsim.store import SavedRun
from fiscalsim.text import NONE, Unit, has, money, money_unit, number, people_unit, t

WHOLE_SAME = 1e-5  # relative: goals that differ by less are the same, for each pass may give up a hair of those before it
LONGEST_LIST = 12  # rows of a list in the running text; the spreadsheet holds all


@dataclass(frozen=True)
class Board:
    """A table as a bureau prints it. Numbers stay numbers; `digits` rounds a column for show; `total` marks the first row as the total."""

    title: str
    table: pd.DataFrame
    unit: str = ""
    digits: Mapping[str, int] = field(default_factory=dict)
    total: bool = False
    note: str = ""
    right: tuple[str, ...] = ()  # columns of figures that are already words
    fills: pd.DataFrame | None = None  # style of each cell (CSS), for the grid of shortfalls


# --- what a run says ------------------------------------------------------------------------------------------------


def place(run: SavedRun, lang: str) -> str:
    """Name of the pack's place."""
    return str(run.manifest["pack"][f"name_{lang}"])


def report_year(tables: Mapping[str, pd.DataFrame], pack: Mapping[str, Any]) -> int:
    """The year a report speaks of: the plan's target year, or the last year decided when the target lies beyond it."""
    years = charts.years_of(tables)
    target = int(pack["plan_target_year"])
    return target if target in years else years[-1]


def shortfalls(tables: Mapping[str, pd.DataFrame], year: int) -> pd.DataFrame:
    """Shortfalls of `year` that the grid shows as such: those of a service too small for its first class are as good as met."""
    rows = tables["shortfalls"].query("year == @year and units > 0")
    clients = tables["demand"].query("year == @year").rename(columns={"service": "what"})[["region", "residence", "what", "clients"]]
    entitled = rows.merge(clients, on=["region", "residence", "what"], how="left")["clients"].to_numpy()
    as_good_as_met = [n > 0 and charts.class_of(units / n) == 0 for units, n in zip(rows["units"], entitled, strict=True)]  # False for indicators
    return rows[~np.array(as_good_as_met, dtype=bool)]


def headline(tables: Mapping[str, pd.DataFrame], pack: Mapping[str, Any], lang: str, year: int | None = None) -> str:
    """The result in one or two sentences: targets met, floors held, the gap, where it lies and its first limit.

    `year` is the year spoken of, the report's when left out.
    """
    year = report_year(tables, pack) if year is None else year
    counts = charts.indicator_counts(tables)
    words: dict[str, Any] = {"ty": int(pack["plan_target_year"]), "y": year, **{key: counts[key] for key in "nmkj"}}
    short = shortfalls(tables, year)
    short = short[short["region"].isin(tables["regions"]["region"])]
    if not short.empty:
        return _short_headline(tables, short, words, lang)
    gaps = charts.coverage(tables, year)
    gaps = gaps[gaps["gap"] >= charts.CLASSES[1][0]]
    if len(gaps):  # every floor holds, yet not everyone entitled is served
        words["floors"] = t("headline.floors_all", lang, n=len(tables["regions"]))
        words["regions"] = _largest(gaps, "region", "unmet_yuan", charts.region_names(tables, lang), lang)
        words["services"] = _largest(gaps, "service", "unmet_yuan", charts.service_names(tables, lang), lang)
        return t("headline.overview_floors", lang, gap=money(float(gaps["unmet_yuan"].sum()), lang), **words)
    if counts["k"] + counts["j"] > 0:
        return t("report.headline_no_gap", lang, **words)
    spare = float((charts.means_by_year(tables) - charts.needs_by_year(tables))[year])
    return t("headline.overview_ok", lang, y=year, place=pack[f"name_{lang}"], spare=money(max(spare, 0.0), lang))


def _short_headline(tables: Mapping[str, pd.DataFrame], short: pd.DataFrame, words: Mapping[str, Any], lang: str) -> str:
    """The headline when a floor or target is missed somewhere."""
    areas = len(tables["regions"])
    missing = short.loc[short["goal"] == "floor", "region"].nunique()
    size = "yuan" if short["yuan"].sum() > 0 else "units"
    limits = short.assign(first=short["limited_by"].map(charts.first_limit)).groupby("first")[size].sum()
    found = {
        "floors": t("headline.floors_some", lang, n=areas, m=areas - missing) if missing else t("headline.floors_all", lang, n=areas),
        "regions": _largest(short, "region", size, charts.region_names(tables, lang), lang),
        "services": _largest(short, "what", size, what_names(tables, lang), lang),
        "limit": charts.limit_tag(str(limits.idxmax()), lang),
    }
    if size == "units":
        return t("headline.overview_no_money", lang, **words, **found)
    return t("headline.overview", lang, gap=money(float(short["yuan"].sum()), lang), **words, **found)


def _largest(rows: pd.DataFrame, column: str, size: str, names: Mapping[str, str], lang: str) -> str:
    """Names of the two with the largest sum."""
    sums = rows.groupby(column)[size].sum().sort_values(ascending=False, kind="stable")
    return t("format.comma", lang).join(names.get(str(code), str(code)) for code in sums.index[:2])


def compare_headline(
    comparison: Comparison, first: SavedRun, other: SavedRun, tables: Mapping[str, Mapping[str, pd.DataFrame]], lang: str, year: int | None = None
) -> str:
    """What differs between two runs in `year` (None: the last year of the plan), in one sentence; the same on page, report and command line."""
    a, b = tables[first.name], tables[other.name]
    year = report_year(a, first.manifest["pack"]) if year is None else year
    parts = comparison.drivers.query("run == @other.name and year == @year").groupby("driver")["yuan"].sum()
    change = float(parts.sum())
    gap = charts.gap_yuan(b, year) - charts.gap_yuan(a, year)
    met = charts.indicator_counts(b)["m"] - charts.indicator_counts(a)["m"]
    if abs(change) < 1 and abs(gap) < 1 and met == 0:
        changed = [path.removeprefix("set.") for path in comparison.changed_inputs()["path"] if not path.startswith("version of")]
        return t("headline.compare_same", lang, list=t("format.comma", lang).join(changed) or NONE)
    words = {
        "word": t("word.more" if change >= 0 else "word.less", lang),
        "gap_word": t("word.wider" if gap >= 0 else "word.narrower", lang),
        "met_word": t("word.more" if met >= 0 else "word.less", lang),
        "driver": t(f"driver.{parts.abs().idxmax()}", lang),
    }
    labels = short_labels(comparison, lang)
    names = {"a": labels[first.name], "b": labels[other.name]}
    return t("headline.compare", lang, y=year, d=money(abs(change), lang), g=money(abs(gap), lang), k=abs(met), **names, **words)


# --- tables ---------------------------------------------------------------------------------------------------------


def targets_board(tables: Mapping[str, pd.DataFrame], pack: Mapping[str, Any], lang: str) -> Board:
    """The plan's indicators: base, forecast, target, status."""
    year = int(pack["plan_target_year"])
    title = t("report.targets_table", lang, year=year)
    if tables["indicators"].empty:
        return Board(title, pd.DataFrame(), note=t("report.no_target", lang))
    table = charts.indicator_table(tables, lang)
    columns = {
        "name": "indicator",
        "nature": "nature",
        "unit": "unit",
        "base": "base",
        "forecast": "forecast",
        "target": "target",
        "status": "status",
        "note": "note",
    }
    return Board(title, table[list(columns)].rename(columns={key: t(f"col.{word}", lang) for key, word in columns.items()}), note=t("explain.indicators", lang))


def shortfall_board(tables: Mapping[str, pd.DataFrame], year: int, lang: str, most: int | None = LONGEST_LIST) -> Board:
    """The largest shortfalls of `year` by money, each with the limit that binds first; all of them when `most` is None."""
    rows = shortfalls(tables, year).sort_values(["yuan", "units"], ascending=False, kind="stable")
    rows = rows if most is None else rows.head(most)
    unit = money_unit(float(rows["yuan"].max()) if len(rows) else 0.0, lang)
    regions, names = charts.region_names(tables, lang, "name"), what_names(tables, lang)
    table = pd.DataFrame(
        {
            t("col.region", lang): [regions.get(code, t("app.all_regions", lang)) for code in rows["region"]],
            t("col.residence", lang): [t(f"residence.{code}", lang) if has(f"residence.{code}") else code for code in rows["residence"]],
            t("col.service", lang): [names.get(code, code) for code in rows["what"]],
            t("col.goal", lang): [t(f"goal.{code}", lang) for code in rows["goal"]],
            t("col.units", lang): [_units_words(code, units, tables, lang) for code, units in zip(rows["what"], rows["units"], strict=True)],
            t("col.money", lang): rows["yuan"].to_numpy() / unit.divisor,
            t("col.limit", lang): [charts.limit_tag(code, lang) for code in rows["limited_by"]],
        }
    )
    title, note = t("report.worst", lang, n=len(rows), year=year), "" if len(rows) else t("report.no_shortfall", lang)
    return Board(title, table, unit.name, {t("col.money", lang): unit.digits}, note=note, right=(t("col.units", lang),))


def _units_words(what: str, units: float, tables: Mapping[str, pd.DataFrame], lang: str) -> str:
    """How much is missing, with its unit: clients of a service, or the unit of an indicator."""
    indicators, services = tables["indicator_names"].set_index("indicator"), tables["services"].set_index("service")
    if what in indicators.index:
        figure, unit = charts.figure_text(units), str(indicators[f"unit_{lang}"][what])
    else:
        figure, unit = number(units), str(services[f"client_unit_{lang}"][what])
    return t("format.amount", lang, value=figure, unit=unit)


def grid_board(tables: Mapping[str, pd.DataFrame], pack: Mapping[str, Any], year: int, lang: str) -> tuple[Board, str]:
    """Shortfall in percent of the standard by area and service, with the class of each cell, and the finding."""
    grid = charts.shortfall_grid(tables, year, lang, str(pack[f"name_{lang}"]))
    regions, short = charts.region_names(tables, lang), charts.service_names(tables, lang, "short")
    columns = {code: short.get(code, name) for code, name in grid.columns.items()}
    shown = grid.gaps.map(lambda gap: "" if charts.class_of(float(gap)) == 0 else str(max(1, round(float(gap) * 100))))
    fills = grid.gaps.map(lambda gap: "background:{};color:{}".format(*charts.CLASSES[charts.class_of(float(gap))][1:]))
    table = shown.rename(index=regions, columns=columns).reset_index(names=t("col.region", lang))
    fills = fills.rename(index=regions, columns=columns).reset_index(names=t("col.region", lang))
    fills[t("col.region", lang)] = ""
    rest = t("shortfall_class.rest", lang, n=grid.covered) if grid.covered else ""
    return Board(t("report.grid", lang, year=year), table, t("unit.percent", lang), note=rest, fills=fills), grid.title


def transfers_board(tables: Mapping[str, pd.DataFrame], pack: Mapping[str, Any], year: int, lang: str) -> Board:
    """Transfers by area, total first; the note says how far the sum is from the transfers table itself."""
    table = charts.transfer_table(tables, year)
    unit = money_unit(float(table["total"].abs().max()), lang)
    amounts = ["general", "earmarked", "total", "change"]
    whole = pd.DataFrame([{column: table[column].sum() for column in amounts}], index=[t("col.total", lang)])
    whole["per_head"] = whole["total"] / float(charts.residents(tables, year).sum())
    shown = pd.concat([whole, table.rename(index=charts.region_names(tables, lang, "name"))])[["general", "earmarked", "total", "per_head", "change"]]
    shown[amounts] = shown[amounts] / unit.divisor
    gap = float(table["total"].sum() - tables["transfers"].query("year == @year")["yuan"].sum())
    names = {column: t(f"col.{column}", lang) for column in shown.columns}
    names["per_head"] += f"（{t('unit.per_head', lang)}）" if lang == "zh" else f" ({t('unit.per_head', lang)})"
    digits = {name: 0 if column == "per_head" else unit.digits for column, name in names.items()}
    title = t("report.transfers_table", lang, year=year, upper=pack[f"upper_{lang}"])
    note = _sentences(lang, t("report.sum_line", lang, gap=unit.show(gap)), t("explain.transfers_change", lang))
    return Board(title, shown.rename(columns=names).reset_index(names=t("col.region", lang)), unit.name, digits, total=True, note=note)


def services_board(tables: Mapping[str, pd.DataFrame], year: int, lang: str) -> Board:
    """Clients, coverage and spending of `year` by service, total first (clients of different services are not added)."""
    cells = charts.coverage(tables, year, ("service",)).set_index("service")
    spent = tables["allocation"].query("year == @year").groupby("service")[["recurrent_yuan", "capital_yuan"]].sum()
    names = charts.service_names(tables, lang)
    table = cells[["clients", "served"]].join(spent).reindex([code for code in names if code in cells.index])
    unit = money_unit(float(table["recurrent_yuan"].max()), lang)
    frame = pd.DataFrame(
        {
            t("col.service", lang): [t("col.total", lang), *(names[code] for code in table.index)],
            t("col.clients", lang): [np.nan, *table["clients"]],
            t("col.provided", lang): [np.nan, *table["served"]],
            f"{t('col.coverage', lang)} %": [np.nan, *(100 * table["served"] / table["clients"].where(table["clients"] > 0))],
            t("col.recurrent", lang): [table["recurrent_yuan"].sum() / unit.divisor, *(table["recurrent_yuan"] / unit.divisor)],
            t("col.capital", lang): [table["capital_yuan"].sum() / unit.divisor, *(table["capital_yuan"] / unit.divisor)],
        }
    )
    digits = dict(zip(frame.columns[1:], (0, 0, 1, unit.digits, unit.digits), strict=True))
    return Board(t("report.services_table", lang, year=year), frame, unit.name, digits, total=True)


def budget_board(tables: Mapping[str, pd.DataFrame], year: int, lang: str) -> Board:
    """Income and spending of `year` side by side."""
    table, unit, gap = charts.budget_table(tables, year, lang)
    amounts = tuple(str(column) for column in table.columns[1::2])
    return Board(t("report.budget_table", lang, year=year), table, unit.name, note=t("report.balance_line", lang, gap=unit.show(gap)), right=amounts)


def balance_board(tables: Mapping[str, pd.DataFrame], lang: str) -> Board:
    """The population balance of every year."""
    table = charts.balance_table(tables, lang)
    unit = people_unit(float(table.iloc[:, 1].max()), lang)
    table = pd.concat([table.iloc[:, 0].astype(str), table.iloc[:, 1:] / unit.divisor], axis=1)
    return Board(t("report.balance_table", lang), table, unit.name, dict.fromkeys(table.columns[1:], max(unit.digits, 2)), note=t("explain.balance", lang))


def opened(tables: Mapping[str, pd.DataFrame], region: str | None = None) -> pd.DataFrame:
    """resource, year, planned, median, low, high: places open at the end of each year over the replications (low, high: one and nine in ten)."""
    known = [region] if region is not None else list(tables["regions"]["region"])
    rows = tables["execution"]
    rows = rows[rows["measure"].isin(("planned_places", "opened_places")) & rows["region"].isin(known)]
    sums = rows.groupby(["measure", "service", "year", "replication"])["value"].sum()
    if sums.empty:
        return pd.DataFrame(columns=["resource", "year", "planned", "median", "low", "high"])
    by_year = sums["opened_places"].groupby(["service", "year"])
    spread = {"median": by_year.median(), "low": by_year.quantile(0.1), "high": by_year.quantile(0.9)}
    table = pd.DataFrame({"planned": sums["planned_places"].groupby(["service", "year"]).mean(), **spread})
    return table.reset_index().rename(columns={"service": "resource"})


def waits(tables: Mapping[str, pd.DataFrame], year: int, lang: str) -> pd.DataFrame:
    """label, median, p90: months waited by service at the end of `year`, the mean over areas and replications weighted by who got a place."""
    rows = tables["execution"].query("year == @year")
    rows = rows[rows["measure"].isin(("wait_median_months", "wait_p90_months", "placed")) & rows["region"].isin(tables["regions"]["region"])]
    wide = rows.pivot_table(index=["service", "region", "replication"], columns="measure", values="value", aggfunc="mean")
    wide = wide.reindex(columns=["wait_median_months", "wait_p90_months", "placed"]).dropna()
    wide = wide[wide["placed"] > 0]
    sums = wide.mul(wide["placed"], axis=0).assign(placed=wide["placed"]).groupby("service").sum()
    names = charts.service_names(tables, lang)
    months = sums[["wait_median_months", "wait_p90_months"]].div(sums["placed"], axis=0).set_axis(["median", "p90"], axis=1)
    return months.rename(index=names).reset_index(names="label")


def opened_board(tables: Mapping[str, pd.DataFrame], year: int, lang: str) -> Board:
    """Places planned and places open at the end of `year` in the replay, by kind."""
    rows = opened(tables).query("year == @year and planned >= 1").set_index("resource")
    names = tables["resources"].set_index("resource").loc[rows.index.astype("str")]
    table = pd.DataFrame(
        {
            t("col.item", lang): names[f"name_{lang}"].to_numpy(),
            t("col.unit", lang): names[f"unit_{lang}"].to_numpy(),
            t("col.planned", lang): rows["planned"].to_numpy(),
            t("col.opened", lang): rows["median"].to_numpy(),
            t("report.nine_in_ten", lang): rows["low"].to_numpy(),
            t("report.one_in_ten", lang): rows["high"].to_numpy(),
        }
    )
    note = t("report.replayed", lang, n=tables["execution"]["replication"].nunique()) if len(rows) else t("finding.delivery_none", lang)
    return Board(t("report.opened_table", lang, year=year), table, digits=dict.fromkeys(table.columns[2:], 0), note=note)


def checks_board(tables: Mapping[str, pd.DataFrame], lang: str) -> Board:
    """The run's own checks."""
    rows = tables["checks"]
    table = pd.DataFrame(
        {
            t("col.name", lang): [check_name(name, lang) for name in rows["name"]],
            t("col.value", lang): [f"{value:.3g}" for value in rows["value"]],
            t("col.tolerance", lang): [f"{value:.3g}" for value in rows["tolerance"]],
            t("col.passed", lang): [t("status.passed" if good else "status.failed", lang) for good in rows["passed"]],
        }
    )
    return Board(t("report.checks_table", lang), table, right=(t("col.value", lang), t("col.tolerance", lang)))


def check_name(name: str, lang: str) -> str:
    """The check's name in words of `lang`; a check that the text table does not know keeps its own."""
    key = "check." + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return t(key, lang) if has(key) else name


def parameters_board(run: SavedRun, lang: str) -> Board:
    """Every lever, parameter, limit and rule of the resolved scenario."""
    rows = []
    for key, value in run.manifest["scenario"].items():
        nested = {f"{key}.{inner}": item for inner, item in value.items()} if isinstance(value, Mapping) else {key: value}
        rows += [
            (path.removeprefix("set."), item if isinstance(item, str | int | float) else json.dumps(item, ensure_ascii=False)) for path, item in nested.items()
        ]
    table = pd.DataFrame(rows, columns=[t("field.path", lang), t("col.value", lang)]).astype(object)
    return Board(t("report.parameters_table", lang), table)


def grade_counts(tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Values behind the run by grade A, B, C, D."""
    counts = tables["sources"]["grade"].value_counts()
    return {grade: int(counts.get(grade, 0)) for grade in "ABCD"}


def grades_board(tables: Mapping[str, pd.DataFrame], lang: str) -> Board:
    """Values behind the run by file and grade, total first; the spreadsheet lists each with its source."""
    counts = pd.crosstab(tables["sources"]["file"], tables["sources"]["grade"]).reindex(columns=list("ABCD"), fill_value=0)
    table = pd.concat([counts.sum().to_frame(t("col.total", lang)).T, counts])
    table = table.rename(columns={grade: t(f"grade.{grade}", lang) for grade in "ABCD"}).reset_index(names=t("col.file", lang))
    return Board(t("report.grade_table", lang), table, t("unit.items", lang), dict.fromkeys(table.columns[1:], 0), total=True)


def passes_board(run: SavedRun, lang: str) -> Board:
    """The solver's passes: status and objective of each."""
    rows = [
        {
            t("col.pass", lang): t(f"stage.pass_{one['name']}", lang) if has(f"stage.pass_{one['name']}") else one["name"],
            t("field.status", lang): t("report.optimal", lang) if one["status"] == "optimal" else one["status"],
            t("field.objective", lang): f"{one['objective']:.10g}",
        }
        for one in run.manifest["passes"]
    ]
    return Board(
        t("report.passes_table", lang), pd.DataFrame(rows), right=(t("field.objective", lang),), note=whole_projects_words(run.manifest["passes"], lang)
    )


def whole_projects_words(passes: Sequence[Mapping[str, Any]], lang: str) -> str:
    """By how much the plan in any amounts could be better at most; empty where a run is not in whole projects.

    Goals come one before the other: only the first that differs is bounded by the plan in any amounts.
    """
    if not any("any_amount" in one for one in passes):
        return ""
    first = next((one for one in passes if one["by_whole_projects"] > WHOLE_SAME * max(1.0, abs(one["any_amount"]))), None)
    if first is None:
        return t("report.whole_projects_same", lang)
    name, gap = f"stage.pass_{first['name']}", first["search_gap"]
    told = {"step": t(name, lang) if has(name) else first["name"], "by": f"{first['by_whole_projects']:.3g}", "value": f"{first['any_amount']:.6g}"}
    words = t("report.whole_projects_bound", lang, **told)
    return words if gap is None else words + t("report.whole_projects_left", lang, gap=f"{gap:.2g}")


def versions_board(run: SavedRun, lang: str) -> Board:
    """What the run was computed with."""
    return Board(
        t("report.versions_table", lang), pd.DataFrame(list(run.manifest["versions"].items()), columns=[t("field.program", lang), t("field.version", lang)])
    )


def inputs_board(comparison: Comparison, lang: str) -> Board:
    """Inputs that differ between the runs."""
    table = comparison.changed_inputs().drop(columns="differs")
    for run in comparison.names:
        table[run] = table[run].map(_value_words)
    names = {"path": t("field.path", lang), **short_labels(comparison, lang)}
    note = "" if len(table) else t("report.same_inputs", lang)
    return Board(t("report.inputs_table", lang, n=len(table)), table.rename(columns=names), note=note)


def _value_words(text: str) -> str:
    """A path of values {year: number} without JSON's quotes and braces; anything else as it is."""
    return ", ".join(f"{year}: {value}" for year, value in json.loads(text).items()) if text.startswith("{") else text


def outputs_board(comparison: Comparison, tables: Mapping[str, pd.DataFrame], year: int, lang: str) -> Board:
    """Sums over areas and services in `year` of what may be added (money, residents), and the plan's indicators; one unit a row."""
    rows = comparison.outputs.query("year == @year")
    columns = list(rows.columns[4:])
    targets = "indicator." + charts.plan_targets(tables["indicator_names"])["indicator"].astype(str)
    plan = rows["figure"].isin(set(targets)) & (rows["region"] == "plan")
    money_of_areas = rows["figure"].str.endswith("_yuan") & (rows["region"] != "plan")
    sums = rows[plan | money_of_areas | (rows["figure"] == "population")].groupby("figure", sort=False)[columns].sum(min_count=1)
    lines = []
    for code, values in sums.iterrows():
        name = figure_name(str(code), tables, lang)
        if not name:
            continue
        largest = float(values.abs().max())
        unit = money_unit(largest, lang) if str(code).endswith("_yuan") else people_unit(largest, lang) if code == "population" else Unit("", 1.0, 2)
        shown = [NONE if pd.isna(value) else unit.show(float(value), signed=column not in comparison.names) for column, value in values.items()]
        lines.append([name, unit.name or _indicator_unit(str(code), tables, lang), *shown])
    labels = short_labels(comparison, lang)
    heads = [t("field.figure", lang), t("col.unit", lang), *(labels.get(column) or _difference_label(column, comparison, lang) for column in columns)]
    return Board(t("report.outputs_table", lang, year=year), pd.DataFrame(lines, columns=heads), right=tuple(heads[2:]))


def drivers_board(comparison: Comparison, first: SavedRun, other: SavedRun, lang: str) -> Board:
    """Why spending differs, over all years; the note says how exactly the parts add up."""
    parts = comparison.drivers.query("run == @other.name").groupby("driver", sort=False)["yuan"].sum()
    unit = money_unit(float(parts.abs().max()), lang)
    whole = sum(float(run.table("allocation")[["recurrent_yuan", "capital_yuan"]].to_numpy().sum()) * sign for run, sign in ((other, 1), (first, -1)))
    frame = pd.DataFrame(
        {
            t("field.driver", lang): [t("driver.total", lang), *(t(f"driver.{code}", lang) for code in parts.index)],
            t("col.difference", lang): [parts.sum() / unit.divisor, *(parts / unit.divisor)],
        }
    )
    note = _sentences(lang, t("report.driver_line", lang, gap=unit.show(float(parts.sum()) - whole)), t("explain.drivers", lang))
    title = t("report.drivers_table", lang, a=first.manifest["scenario_names"][lang], b=other.manifest["scenario_names"][lang])
    return Board(title, frame, unit.name, {frame.columns[1]: unit.digits}, total=True, note=note)


def regions_board(comparison: Comparison, first: SavedRun, other: SavedRun, tables: Mapping[str, Mapping[str, pd.DataFrame]], lang: str) -> Board:
    """Difference of spending by area over all years, total first, by driver."""
    parts = comparison.drivers.query("run == @other.name").pivot_table(index="region", columns="driver", values="yuan", aggfunc="sum", sort=False)
    names = charts.region_names(tables[first.name], lang, "name")
    parts = parts.reindex([code for code in names if code in parts.index])
    parts["total"] = parts.sum(axis=1)
    unit = money_unit(float(parts["total"].abs().max()), lang)
    frame = pd.concat([parts.sum().to_frame(t("col.total", lang)).T, parts.rename(index=names)]) / unit.divisor
    frame = frame.rename(columns={code: t(f"driver.{code}", lang) for code in frame.columns}).reset_index(names=t("col.region", lang))
    title = t("report.regions_table", lang, a=first.manifest["scenario_names"][lang], b=other.manifest["scenario_names"][lang])
    return Board(title, frame, unit.name, dict.fromkeys(frame.columns[1:], unit.digits), total=True)


def statuses_board(comparison: Comparison, tables: Mapping[str, pd.DataFrame], lang: str) -> Board:
    """Status of each indicator in each run."""
    names = tables["indicator_names"].set_index("indicator")[f"name_{lang}"].to_dict()
    table = comparison.statuses.copy()
    table["indicator"] = [names.get(code, code) for code in table["indicator"]]
    table["nature"] = [t(f"nature.{code}", lang) for code in table["nature"]]
    for run in comparison.names:
        table[run] = [NONE if not isinstance(code, str) else t("status.missed_short" if code == "missed" else _status_key(code), lang) for code in table[run]]
    columns = {"indicator": t("col.indicator", lang), "nature": t("col.nature", lang), **short_labels(comparison, lang)}
    return Board(t("report.status_table", lang), table.rename(columns=columns))


def figure_name(code: str, tables: Mapping[str, pd.DataFrame], lang: str) -> str:
    """Name of a figure of a comparison; empty for an item of the budget that no table of a bureau shows."""
    if code.startswith("fiscal."):
        item = code.removeprefix("fiscal.").removesuffix("_yuan")
        return t("figure.fiscal", lang, item=t(f"fiscal_item.{item}", lang)) if has(f"fiscal_item.{item}") else ""
    if code.startswith("indicator."):
        names = tables["indicator_names"].set_index("indicator")[f"name_{lang}"]
        return t("figure.indicator", lang, name=names[code.removeprefix("indicator.")])
    return t(f"figure.{code}", lang)


def _indicator_unit(code: str, tables: Mapping[str, pd.DataFrame], lang: str) -> str:
    return str(tables["indicator_names"].set_index("indicator")[f"unit_{lang}"][code.removeprefix("indicator.")])


def _sentences(lang: str, *parts: str) -> str:
    """Sentences one after the other, each with one full stop."""
    stop = t("format.stop", lang)
    return (" " if lang == "en" else "").join(part.rstrip(stop.strip()) + stop.strip() for part in parts)


def _status_key(code: str) -> str:
    return "status.met" if code == "met_early" else f"status.{code}"


def what_names(tables: Mapping[str, pd.DataFrame], lang: str) -> dict[str, str]:
    """Services and indicators by code: a shortfall may be of either."""
    indicators = tables["indicator_names"]
    return dict(zip(indicators["indicator"], indicators[f"name_{lang}"], strict=True)) | charts.service_names(tables, lang)


def short_labels(comparison: Comparison, lang: str) -> dict[str, str]:
    """Column of a run -> name of its scenario, with the digest where two scenarios are called alike."""
    names = [comparison.labels[run][lang] for run in comparison.names]
    return {run: name if names.count(name) == 1 else f"{name} {run[-8:]}" for run, name in zip(comparison.names, names, strict=True)}


def _difference_label(column: str, comparison: Comparison, lang: str) -> str:
    labels = short_labels(comparison, lang)
    other = column.removesuffix(f" - {comparison.names[0]}")
    return f"{labels[other]} − {labels[comparison.names[0]]}"


def runs_board(runs: Sequence[SavedRun], lang: str) -> Board:
    rows = [
        {
            t("field.scenario", lang): run.manifest["scenario_names"][lang],
            t("field.pack", lang): place(run, lang),
            t("report.policy", lang): t(f"policy.{run.manifest['scenario']['policy']}", lang),
            t("report.digest", lang): run.digest8,
            t("report.when", lang): run.manifest["record"]["when"],
            t("report.checks", lang): checks_words(run, lang),
        }
        for run in runs
    ]
    year = int(runs[0].manifest["pack"]["base_year"])
    return Board(t("report.scenarios", lang), pd.DataFrame(rows), note=t("report.current_prices", lang, year=year))


def record_board(run: SavedRun, tables: Mapping[str, pd.DataFrame], review: str, lang: str) -> Board:
    """Who made the run of what, for whoever wants to repeat it; `review` is its review state in words."""
    manifest = run.manifest
    rows = [
        ("run", run.name),
        ("digest", manifest["digest"]),
        ("data_digest", manifest["pack_digest"]),
        ("plan", manifest["pack"][f"plan_name_{lang}"]),
        ("policy", t(f"policy.{manifest['scenario']['policy']}", lang)),
        ("price", _price_line(tables, int(manifest["pack"]["base_year"]), lang)),
        ("grades", t("report.grade_counts", lang, **grade_counts(tables))),
        ("checks", checks_words(run, lang)),
        ("solved", t("report.solved_all", lang, n=len(manifest["passes"]))),
        ("when", manifest["record"]["when"]),
        ("review", review),
    ]
    table = pd.DataFrame([(t(f"report.{key}", lang), value) for key, value in rows], columns=[t("col.item", lang), t("xlsx.content", lang)])
    return Board(t("report.run", lang), table)


def _price_line(tables: Mapping[str, pd.DataFrame], base_year: int, lang: str) -> str:
    return t("report.current_prices", lang, year=base_year) if basis_of(tables) == CURRENT else price_words(tables, base_year, lang)


def checks_words(run: SavedRun, lang: str) -> str:
    bad = [row for row in run.manifest["checks"] if not row["passed"]]
    n = len(run.manifest["checks"])
    return t("report.checks_some", lang, n=n, bad=len(bad)) if bad else t("report.checks_all", lang, n=n)
