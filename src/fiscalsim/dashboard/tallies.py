"""The tables behind the headlines: each holds, cell by cell, the figures that a page's first sentence says.

Knows the tables of a run, charts' sums and texts. Must not know widgets. Cells are ready to print; a total is the sum of the rows below it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fiscalsim import charts
from fiscalsim.charts import Tables
from fiscalsim.quantities import MET, PackInfo
from fiscalsim.report.boards import Board, shortfalls
from fiscalsim.text import NONE, Unit, listed, money, money_unit, name_of, number, people, people_unit, percent, t

NATURES = ("binding", "expected")


# --- targets --------------------------------------------------------------------------------------------------------


def counts_board(tables: Tables, year: int, lang: str) -> Board:
    """Targets of the plan by nature: how many, met, missed, not computable; and the names of those missed."""
    rows = charts.indicator_rows(tables)
    names = dict(zip(tables["indicator_names"]["indicator"], tables["indicator_names"][f"name_{lang}"], strict=True))
    lines = []
    for nature in ("", *NATURES):
        mine = [row for row in rows if nature in ("", row.nature)]
        met, missed = (sum(row.status in states for row in mine) for states in (MET, ("missed",)))
        stated = sum(bool(np.isfinite(row.target)) for row in mine)
        label = t(f"nature.{nature}", lang) if nature else t("col.total", lang)
        which = [names[row.code] for row in mine if row.status == "missed"] if nature else []
        lines.append((label, *map(number, (len(mine), stated, met, missed, len(mine) - met - missed)), listed(which, lang, 4)))
    heads = [t("col.nature", lang), *(t(f"tally.col_{name}", lang) for name in ("targets", "with_number", "met", "missed", "not_computable", "missed_names"))]
    return Board(t("tally.counts", lang, year=year), pd.DataFrame(lines, columns=heads), total=True)


# --- shortfalls and means -------------------------------------------------------------------------------------------


def areas_board(tables: Tables, info: PackInfo, year: int, lang: str) -> Board:
    """Area by area: whether its floors hold, what closing its shortfalls and serving everyone would cost."""
    short = shortfalls(tables, year)
    missing = set(short.loc[short["goal"] == "floor", "region"])
    regions = charts.region_names(tables, lang, "name")
    cells = charts.coverage(tables, year)
    rest = cells[cells["gap"] >= charts.CLASSES[1][0]].groupby("region")["unmet_yuan"].sum().reindex(list(regions)).fillna(0.0)
    gap = short.groupby("region")["yuan"].sum().reindex(list(regions)).fillna(0.0)
    unit = money_unit(max(float(rest.sum()), float(gap.sum())), lang)
    held = {code: t("tally.not_held" if code in missing else "tally.held", lang) for code in regions}
    lines = [(t("col.total", lang), f"{len(regions) - len(missing & set(regions))}/{len(regions)}", unit.show(gap.sum()), unit.show(rest.sum()))]
    lines += [(regions[code], held[code], unit.show(gap[code]), unit.show(rest[code])) for code in regions]
    heads = [t("col.region", lang), t("tally.col_floors", lang), t("col.money", lang), t("col.serve_all", lang)]
    return Board(t("tally.areas", lang, year=year), pd.DataFrame(lines, columns=heads), unit.name, total=True, note=t("app.rounding", lang))


def means_board(tables: Tables, year: int, lang: str) -> Board:
    """Means and needs of the whole place in `year`, and what is left over."""
    means, needs = float(charts.means_by_year(tables)[year]), float(charts.needs_by_year(tables)[year])
    unit = money_unit(max(means, needs), lang)
    values = (("col.means", means), ("col.need", needs), ("tally.col_left_over", means - needs))
    lines = [(t(key, lang), unit.show(value)) for key, value in values]
    heads = [t("col.item", lang), t("col.amount", lang)]
    return Board(t("tally.means", lang, year=year), pd.DataFrame(lines, columns=heads), unit.name)


# --- transfers ------------------------------------------------------------------------------------------------------


def transfers_board(tables: Tables, info: PackInfo, year: int, lang: str, per_head: bool = False) -> Board:
    """C6: transfers by area, the total first and equal to what is given; `per_head` prints every amount a resident, in yuan."""
    table = charts.transfer_table(tables, year)
    heads = charts.residents(tables, year).reindex(table.index)
    amounts = ["general", "earmarked", "total", "change"]
    whole = table[amounts].sum()
    unit = Unit(t("unit.per_head", lang), 1.0, 0) if per_head else money_unit(float(table["total"].max()), lang)
    names = charts.region_names(tables, lang, "name")
    share = table["change"] / (table["total"] - table["change"])
    lines = [_transfer_line(t("col.total", lang), whole, float(heads.sum()), changes(table, unit.divisor, unit.digits, lang), unit, per_head)]
    lines += [_transfer_line(names[code], table.loc[code], float(heads[code]), percent(share[code], 1, signed=True), unit, per_head) for code in table.index]
    columns = [t(f"col.{name}", lang) for name in ("region", "general", "earmarked", "total")]
    columns += [] if per_head else [f"{t('col.per_head', lang)} ({t('unit.yuan', lang)})"]
    columns += [t("col.change", lang), t("tally.col_change_share", lang)]
    given = float(tables["transfers"].query("year == @year")["yuan"].sum())
    note = t("explain.same_total", lang, gap=unit.show((float(whole["total"]) - given) / (heads.sum() if per_head else 1.0)))
    caption = t("heading.transfers", lang, year=year, upper=name_of(info, lang, "upper"))
    return Board(caption, pd.DataFrame(lines, columns=columns), unit.name, total=True, note=note, right=(columns[-1],))


def _transfer_line(name: str, row: pd.Series, heads: float, share: str, unit: Unit, per_head: bool) -> tuple[str, ...]:
    general, earmarked, total, change = (float(row[column]) / (heads if per_head else 1.0) for column in ("general", "earmarked", "total", "change"))
    middle = [] if per_head else [number(float(row["total"]) / heads)]
    return (name, unit.show(general), unit.show(earmarked), unit.show(total), *middle, unit.show(change, signed=True), share)


def changes(table: pd.DataFrame, divisor: float, digits: int, lang: str) -> str:
    """How many areas gain and how many lose, as rounded on the page."""
    rounded = (table["change"] / divisor).round(digits)
    return t("tally.gain_lose", lang, n=int((rounded > 0).sum()), m=int((rounded < 0).sum()))


def detail_board(tables: Tables, info: PackInfo, year: int, lang: str, region: str | None) -> Board:
    """What each service gives town and country, and what it costs; the total of the money first."""
    rows = tables["allocation"].query("year == @year")
    rows = rows if region is None else rows[rows["region"] == region]
    sums = rows.groupby(["service", "residence"], sort=False, observed=True)[["provided", "recurrent_yuan", "capital_yuan"]].sum().reset_index()
    names = charts.service_names(tables, lang)
    whole = sums[["recurrent_yuan", "capital_yuan"]].sum()
    unit = money_unit(float(whole.sum()), lang)
    lines = [(t("col.total", lang), NONE, NONE, unit.show(whole["recurrent_yuan"]), unit.show(whole["capital_yuan"]), unit.show(whole.sum()))]
    for row in sums.to_dict("records"):
        running, building = float(row["recurrent_yuan"]), float(row["capital_yuan"])
        cells = (number(float(row["provided"])), unit.show(running), unit.show(building), unit.show(running + building))
        lines.append((names[str(row["service"])], t(f"residence.{row['residence']}", lang), *cells))
    heads = [t(f"col.{name}", lang) for name in ("service", "residence", "provided", "recurrent", "capital", "total")]
    place = name_of(info, lang) if region is None else charts.region_names(tables, lang, "name")[region]
    caption = t("format.colon", lang, head=t("heading.allocation_detail", lang), body=f"{place} {year}")
    return Board(caption, pd.DataFrame(lines, columns=heads), unit.name, total=True, note=t("app.rounding", lang))


# --- people ---------------------------------------------------------------------------------------------------------


def balance_board(tables: Tables, info: PackInfo, lang: str, region: str | None) -> Board:
    """The population balance year by year from the base year on, and the share of the old."""
    table = charts.balance_table(tables, lang, region)
    rows = tables["population"] if region is None else tables["population"].query("region == @region")
    base = float(rows.loc[rows["year"] == info.base_year, "persons"].sum())
    unit = people_unit(max(base, float(table.iloc[:, 1].max())), lang)
    lines = [(str(info.base_year), unit.show(base), *[NONE] * (len(table.columns) - 2))]
    lines += [(str(int(row[0])), *(unit.show(float(value)) for value in row[1:])) for row in table.itertuples(index=False)]
    frame = pd.DataFrame(lines, columns=list(table.columns))
    frame[t("tally.col_aged", lang)] = [percent(charts.age_shares(tables, int(year), region)[1]) for year in frame.iloc[:, 0]]
    note = t("format.between_sentences", lang).join([t("explain.balance", lang), t("app.rounding", lang)])
    return Board(t("heading.balance", lang), frame, unit.name, note=note)


def needs_board(tables: Tables, year: int, lang: str, region: str | None) -> Board:
    """People entitled by service in the first year and in `year`, and the change in percent."""
    clients = clients_by_service(tables, region)
    first, names = int(clients.index.min()), charts.service_names(tables, lang)
    lines = []
    for code in (code for code in names if code in clients.columns):
        start, now = float(clients[code].loc[first]), float(clients[code].loc[year])
        lines.append((names[code], number(start), number(now), percent(now / start - 1, 1, signed=True) if start > 0 else NONE))
    heads = [t("col.service", lang), str(first), str(year), t("tally.col_change_percent", lang)]
    if year == first:
        heads[2] = f"{year} "
    return Board(t("tally.needs", lang, first=first, year=year), pd.DataFrame(lines, columns=heads), t("tally.clients", lang))


def clients_by_service(tables: Tables, region: str | None) -> pd.DataFrame:
    """People entitled by year (rows) and service (columns)."""
    demand = tables["demand"] if region is None else tables["demand"].query("region == @region")
    return demand.pivot_table(index="year", columns="service", values="clients", aggfunc="sum", observed=True)


def bases_board(bases: Mapping[str, Tables], now: str, year: int, lang: str, region: str | None) -> Board:
    """What the standards cost in `year` under each basis (words -> tables of its run), against the one called `now`; the first and last are the ends."""
    needs = {name: float(charts.needs_by_year(tables, region)[year]) for name, tables in bases.items()}
    gaps = {name: _unmet(tables, year, region) for name, tables in bases.items()}
    unit = money_unit(max(needs.values()), lang)
    lines = [(name, unit.show(needs[name]), unit.show(needs[name] - needs[now], signed=True), unit.show(gaps[name])) for name in bases]
    heads = [t("tally.col_basis", lang), t("col.need", lang), t("tally.col_against_set", lang), t("col.serve_all", lang)]
    others = bases[now]["non_local"]
    others = others[(others["year"] == year) & (True if region is None else others["region"] == region)]
    heads_count, ends = float(others["persons"].sum()), list(needs.values())
    note = ""
    if len(ends) > 1 and heads_count >= 1:
        more = ends[-1] - ends[0]
        note = t("tally.bases_note", lang, people=people(heads_count, lang), money=money(more, lang), each=number(more / heads_count))
    return Board(t("tally.bases", lang, year=year), pd.DataFrame(lines, columns=heads), unit.name, note=note)


def _unmet(tables: Tables, year: int, region: str | None) -> float:
    cells = charts.coverage(tables, year)
    cells = cells if region is None else cells[cells["region"] == region]
    return float(cells.loc[cells["gap"] >= charts.CLASSES[1][0], "unmet_yuan"].sum())


# --- money ----------------------------------------------------------------------------------------------------------


def medium_term_board(tables: Tables, year: int, lang: str, region: str | None) -> Board:
    """Three rolling years: the first binds, the next two guide; of each 100 yuan of the first, what goes where."""
    years = [y for y in charts.years_of(tables) if y >= year][:3]
    parts = {y: charts.means_parts(tables, y, region) for y in years}
    needs = charts.needs_by_year(tables, region)
    income = float(parts[year]["own_revenue"] + parts[year]["transfers_received"])
    lines = [(t(f"fiscal_item.{item}", lang), [float(parts[y][item]) for y in years]) for item in parts[year].index]
    lines.append((t("fiscal_item.means", lang), [float(parts[y].sum()) for y in years]))
    lines.append((t("col.need", lang), [float(needs[y]) for y in years]))
    lines.append((t("tally.col_left_over", lang), [float(parts[y].sum() - needs[y]) for y in years]))
    unit = money_unit(max(abs(v) for _, values in lines for v in values), lang)
    shown = [(name, *(unit.show(v) for v in values), number(100 * values[0] / income, 1) if income > 0 else NONE) for name, values in lines]
    heads = [t("col.item", lang), *(t("tally.col_binds" if y == year else "tally.col_guides", lang, year=y) for y in years), t("tally.col_of_hundred", lang)]
    return Board(t("heading.medium_term", lang), pd.DataFrame(shown, columns=heads), unit.name, note=t("tally.medium_note", lang))


# --- sources --------------------------------------------------------------------------------------------------------


def grades_board(tables: Tables, lang: str) -> Board:
    """How many values of each grade the result rests on, and how many checks it passed."""
    grades = tables["sources"]["grade"].value_counts()
    whole = int(sum(grades.get(grade, 0) for grade in "ABCD"))
    lines = [(t("col.total", lang), number(whole), percent(1.0) if whole else NONE)]
    for grade in "ABCD":
        count = int(grades.get(grade, 0))
        lines.append((t(f"grade.{grade}", lang), number(count), percent(count / whole) if whole else NONE))
    checks = tables["checks"]
    passed = int(checks["passed"].sum())
    lines.append((t("tally.col_checks", lang), number(len(checks)), NONE))
    lines.append((t("tally.col_checks_passed", lang), number(passed), percent(passed / len(checks)) if len(checks) else NONE))
    heads = [t("col.item", lang), t("tally.col_number", lang), t("col.share", lang)]
    return Board(t("tally.grades", lang), pd.DataFrame(lines, columns=heads), total=True)
