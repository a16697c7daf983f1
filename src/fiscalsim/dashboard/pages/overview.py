"""Who is short of what and why, and is the plan met: headline, four figures, the grid, needs against means, three things first."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, headlines, show, tallies
from fiscalsim.dashboard.frame import Desk, view
from fiscalsim.text import NONE, listed, money, money_unit, name_of, number, percent, t


def show_metrics(desk: Desk, year: int) -> None:
    """Floors, binding targets, the gap, and what 100 million yuan more would do."""
    lang, tables = desk.lang, desk.tables
    held, counts = headlines.floors_held(tables, year), charts.indicator_counts(tables)
    gap = charts.gap_yuan(tables, year)
    unit = money_unit(gap, lang)
    floors, binding, money_, marginal = st.columns(4, gap="small")
    short = headlines.shortfalls(tables, year)
    missing = [charts.region_names(tables, lang)[r] for r in tables["regions"]["region"] if r in set(short.loc[short["goal"] == "floor", "region"])]
    _metric(
        floors,
        t("metric.floors", lang, unit=name_of(desk.info, lang, "unit")),
        f"{held['m']} / {held['n']}",
        t("metric.floors_sub", lang, regions=listed(missing, lang)) if missing else t("metric.floors_sub_all", lang),
    )
    missed = headlines.missed_binding(tables, lang)
    if counts["b"] == 0:
        _metric(binding, t("metric.binding", lang), NONE, t("metric.binding_none", lang))
    else:
        unknown = sum(row.nature == "binding" and row.status == "not_computable" for row in charts.indicator_rows(tables))
        sub = t("metric.binding_sub", lang, n=len(missed), list=listed(missed, lang, 1)) if missed else t("metric.binding_sub_all", lang)
        if unknown:
            sub = t("metric.binding_sub_open", lang, n=len(missed) - unknown, j=unknown)
        _metric(binding, t("metric.binding", lang), f"{counts['bm']} / {counts['b']}", sub)
    means = float(charts.means_by_year(tables)[year])
    if gap > 0 and desk.baseline is not None and year in charts.years_of(desk.baseline.tables):
        change = unit.show(gap - charts.gap_yuan(desk.baseline.tables, year), signed=True)
        sub = t("metric.gap_sub_base", lang, share=percent(gap / means), change=change)
    elif gap > 0:
        sub = t("metric.gap_sub", lang, share=percent(gap / means))
    else:
        sub = t("metric.spare_sub", lang, spare=money(max(headlines.spare(tables, year), 0.0), lang))
    _metric(money_, t("metric.gap", lang, year=year, unit=unit.name), unit.show(gap), sub)
    value, sub, about = yuan_words(tables, year, lang)
    _metric(marginal, t("metric.marginal", lang), value, sub, about)


def yuan_words(tables: Any, year: int, lang: str) -> tuple[str, str, str]:
    """Value, line below it and help for 100 million yuan more: whom it serves, where it is lacked most, or what holds instead of money."""
    value = headlines.value_of_yuan(tables, year)
    if value is None:
        return NONE, t("metric.marginal_unknown", lang), ""
    if value.kind == "none":
        other = headlines.best_year_of_yuan(tables, year)
        return _held(tables, year, lang) if other is None else _served(tables, other, lang, year)
    return _served(tables, value, lang, year)


def _served(tables: Any, value: headlines.Yuan, lang: str, year: int) -> tuple[str, str, str]:
    """What more money does at its year; the place and service that lack money most, the two sides of the breakpoint as help."""
    targets = value.kind == "targets"
    prices = tables["shadow_prices"]
    solved = prices.loc[prices["limit"] == "transfers_within_pool", "left"].notna().any()  # a preview solves only what more brings
    left = percent(value.left, 1, signed=True) if targets else number(value.left, signed=True)
    less = left if pd.notna(value.left) else t("yuan.unsolved", lang) if solved else NONE
    words = {"year": value.year, "less": less, "share": percent(value.right), "points": number(value.points, 2, signed=True)}
    about = t("yuan.horizon" if value.whole else f"yuan.{value.kind}", lang, **words)
    if targets:
        return NONE, about, ""
    cell = headlines.neediest(tables, value.year, of_money=True)
    names = _cell_words(tables, cell, lang) if cell else {}
    if value.year == year:
        sub = t("tally.yuan_place", lang, **names) if cell else about
    else:
        sub = t("tally.yuan_other_year", lang, year=value.year, **names) if cell else t("tally.yuan_other_year_plain", lang, year=value.year)
    return number(value.right), sub, about


def _held(tables: Any, year: int, lang: str) -> tuple[str, str, str]:
    """More money serves nobody: the largest shortfall, what it would take, and the limit that holds it."""
    cell = headlines.neediest(tables, year, of_money=False)
    if cell is None:
        return number(0), t("metric.marginal_none", lang), ""
    region, service, sums = cell
    limits = headlines.cell_limits(tables, region, service, "both", year)
    words = _cell_words(tables, cell, lang) | {
        "n": controls.counted(tables, sums["short"], service, "floor", lang),
        "limit": charts.limit_tag(limits[0] if limits else "", lang),
    }
    about = t("tally.yuan_held_help", lang, year=year, money=money(sums["unmet_yuan"], lang), **words)
    return number(0), t("tally.yuan_held", lang, **words), about


def _cell_words(tables: Any, cell: tuple[str, str, Any], lang: str) -> dict[str, str]:
    return {"region": charts.region_names(tables, lang)[cell[0]], "service": charts.service_names(tables, lang, "short")[cell[1]]}


def _metric(column: st.delta_generator.DeltaGenerator, label: str, value: str, sub: str, about: str = "") -> None:
    column.metric(label, value, sub, delta_color="off", delta_arrow="off", border=True, help=about or None)


def show_grid(desk: Desk, year: int) -> tuple[str, str] | None:
    """The grid of shortfalls; returns the picked region and service (or domain)."""
    lang, tables = desk.lang, desk.tables
    scope = name_of(desk.info, lang)
    sort = bool(st.session_state.get("w:sort"))
    grid = charts.shortfall_grid(tables, year, lang, scope, by_gap=sort)
    head, year_, sort_ = st.columns([3.4, 0.8, 1.05], vertical_alignment="center", gap="small")
    with head:
        show.title(grid.title)
    with year_:
        controls.year(desk, bare=True)
    with sort_:
        st.toggle(t("app.sort_by_gap", lang), key="w:sort")
    full = {head: grid.columns[code] for code, head in charts.grid_heads(grid, tables).items()}
    first = 52 if lang == "zh" else 76
    width = max(44, (608 - first) // max(len(full), 1))
    config: dict[str, Any] = {head: st.column_config.TextColumn(head, help=name, alignment="center", width=width) for head, name in full.items()}
    config[t("col.region", lang)] = st.column_config.TextColumn(width=first)
    rows = len(grid.gaps)
    picked: Any = st.dataframe(
        charts.grid_style(grid, tables),
        column_config=config,
        height=33 + 26 * rows + 2 if rows <= 20 else 420,
        row_height=26,
        on_select="rerun",
        selection_mode="single-cell",
        key=f"grid:{desk.info.id}:{lang}:{sort}",
        alt=grid.title,
    )
    show.legend(year, grid.covered, lang)
    cells = picked.selection.cells if picked else []
    if not cells:
        return None
    row, column = cells[0]
    labels = list(full)
    code = list(grid.columns)[labels.index(column)] if column in labels else ""
    return (str(grid.gaps.index[row]), code) if code else None


def show_top(desk: Desk, year: int) -> None:
    """The three largest shortfalls and what stops each."""
    lang, tables = desk.lang, desk.tables
    rows = headlines.shortfalls(tables, year)
    rows = rows[rows["region"].isin(tables["regions"]["region"]) & (rows["goal"] == "floor")]
    sums = rows.groupby(["region", "what"], sort=False).agg(units=("units", "sum"), yuan=("yuan", "sum"), limited_by=("limited_by", "first"))
    top = sums.sort_values(["yuan", "units"], ascending=False, kind="stable").head(3).reset_index()
    if len(top) < 3:  # after the floors, what is farthest from serving everyone
        rest = charts.coverage(tables, year).sort_values("unmet_yuan", ascending=False, kind="stable")
        rest = rest[rest["gap"] >= charts.CLASSES[1][0]].rename(columns={"service": "what", "short": "units"})
        rest["limited_by"] = [
            ";".join(headlines.cell_limits(tables, region, what, "both", year)) for region, what in zip(rest["region"], rest["what"], strict=True)
        ]
        top = pd.concat([top, rest]).drop_duplicates(["region", "what"]).head(3)
    if top.empty:
        show.title(t("heading.top_three", lang))
        st.write(t("status.no_gap", lang))
        return
    regions, names = charts.region_names(tables, lang), charts.service_names(tables, lang)
    records: list[Any] = top.to_dict("records")
    lines = [
        (regions[row["region"]], names[row["what"]], controls.counted(tables, row["units"], row["what"], "floor", lang), _limit(row["limited_by"], lang))
        for row in records
    ]
    columns = [t(f"col.{name}", lang) for name in ("region", "service", "gap", "limit")]
    show.table(pd.DataFrame(lines, columns=columns), t("heading.top_three", lang), lang, desk.source("shortfalls", "allocation"), "top")


def _limit(limited_by: str, lang: str) -> str:
    return charts.limit_tag(limited_by, lang) if charts.limits_of(limited_by) else NONE


def show_cell(desk: Desk, region: str, service: str, year: int) -> None:
    """The picked cell: how short, why, and the way to the repairs."""
    lang, tables = desk.lang, desk.tables
    if service not in set(tables["services"]["service"]):  # a domain: the worst service in it
        inside = tables["services"].loc[tables["services"]["domain"] == service, "service"]
        cells = charts.coverage(tables, year)
        cells = cells[(cells["region"] == region) & cells["service"].isin(inside)]
        service = str(cells.sort_values("gap", ascending=False, kind="stable")["service"].iloc[0])
    view("region", region)
    view("service", service)
    cell = headlines.cell_of(tables, region, service, "both", year)
    if charts.class_of(cell["gap"]) == 0:
        show.title(headlines.why(tables, region, service, "both", year, lang))
        return
    names = {"region": charts.region_names(tables, lang)[region], "service": charts.service_names(tables, lang)[service]}
    n = controls.counted(tables, cell["short"], service, "floor", lang)
    show.title(t("tally.cell", lang, year=year, n=n, gap=percent(cell["gap"], 0), **names))
    controls.limits(desk, region, service, "both", year, most=2)
    show.way_to("why", t("tally.to_repairs", lang))


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    year = controls.year_of(desk)
    show.headline(headlines.overview(tables, desk.info, year, lang))
    show_metrics(desk, year)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        picked = show_grid(desk, year)
    with right:
        plan = (desk.info.plan_target_year, desk.info.plan_target_year + 5)
        baseline = desk.baseline.tables if desk.baseline is not None else None
        chart = charts.needs_and_means(tables, lang, baseline, plan)
        show.chart(chart, desk.source("demand", "fiscal"), "needs", t("explain.needs", lang))
        if picked:
            show_cell(desk, *picked, year)
        else:
            show_top(desk, year)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show.board(tallies.counts_board(tables, desk.info.plan_target_year, lang), desk.source("indicators"), "counts", lang)
        show.way_to("indicators", t("tally.to_targets", lang))
        show.board(tallies.means_board(tables, year, lang), desk.source("fiscal", "demand"), "means", lang)
    with right:
        show.board(tallies.areas_board(tables, desk.info, year, lang), desk.source("shortfalls", "allocation"), "areas", lang)
