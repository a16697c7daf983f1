"""Why not more, and what is the cheapest repair: the cell, its limits as sentences, ways to ease them, the whole list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, headlines, show
from fiscalsim.dashboard.frame import Desk, ask_for, ask_replay, failure_words, look_at, set_lever, value_words, wait_for
from fiscalsim.dashboard.state import end_value
from fiscalsim.repairs import Repairs
from fiscalsim.report import repair_boards
from fiscalsim.text import NONE, money_unit, name_of, number, t


def _worst(desk: Desk, year: int, region: str | None) -> tuple[str, str]:
    """Area and service of the largest shortfall: what the page opens with."""
    rows = headlines.shortfalls(desk.tables, year)
    rows = rows[rows["region"].isin(desk.tables["regions"]["region"])]
    if region is not None and (rows["region"] == region).any():
        rows = rows[rows["region"] == region]
    if len(rows):
        row: Any = rows.sort_values(["yuan", "units"], ascending=False, kind="stable").iloc[0]
        return str(row["region"]), str(row["what"])
    cells = charts.coverage(desk.tables, year)
    if region is not None:
        cells = cells[cells["region"] == region]
    row = cells.sort_values(["unmet_yuan"], ascending=False, kind="stable").iloc[0]
    return str(row["region"]), str(row["service"])


def _repairs(desk: Desk, limits: list[str], year: int) -> None:
    """The way that belongs to each limit, and a button that tries it: the lever moves, everything is solved again."""
    lang, levers = desk.lang, desk.world.levers(desk.scenario.pack)
    lines, tries = [], {}
    last = charts.years_of(desk.tables)[-1]
    for place, family in enumerate(limits, start=1):
        path, steps = headlines.REPAIRS.get(family, ("", 0))
        change = NONE
        if path in levers:
            lever = levers[path]
            now = end_value(desk.scenario.value(path), last)
            new = min(max(now + steps * lever.step, lever.lowest), lever.highest)
            if abs(new - now) > 1e-12:
                change = f"{name_of(lever, lang)} {value_words(lever, now)}→{value_words(lever, new)}"
                tries[place] = (path, new)
        lines.append((str(place), t(f"limit.{family}.tag", lang), t(f"limit.{family}.repair_brief", lang), change))
    columns = [t("col.order", lang), t("col.limit", lang), t("col.repair", lang), t("col.parameter", lang)]
    show.bureau(pd.DataFrame(lines, columns=columns), t("heading.ways", lang), lang, note_text=t("why.repairs_unrun", lang))
    if tries:
        with st.container(horizontal=True, gap="small"):
            for place, (path, new) in tries.items():
                label = t("app.try_repair", lang, n=place)
                st.button(label, key=f"try:{place}", type="primary" if place == min(tries) else "secondary", on_click=set_lever, args=(path, new))


def _solved_repairs(desk: Desk, year: int) -> None:
    """The button that looks for repairs in a worker, and what it found: the largest shortfalls, and the ways that mend them, each solved again."""
    lang = desk.lang
    job = replace(desk.world.job(desk.state), repairs=year)
    look = look_at(job)
    if look.answer is not None:
        tables = look.answer.tables
        found = Repairs(year, tables["repair_shortfalls"], tables["repairs"], tables["regions"], tables["services"])
        if found.shortfalls.empty:
            st.write(t("repairs.none", lang))
            return
        for board in (repair_boards.shortfalls_board(found, "", lang), repair_boards.ways_board(found, lang, paths=False)):
            show.bureau(board.table, board.title, lang, board.unit, note_text=board.note)
        return
    if look.failure is not None and st.session_state.get("repairs") == job.key:
        st.error(failure_words(look.failure, lang))
    elif st.session_state.get("repairs") == job.key:
        wait_for(lambda: look_at(job), lambda now: t("repairs.waiting", lang, s=int(now.seconds)))
        return

    def ask() -> None:
        st.session_state["repairs"] = job.key
        ask_for(job)

    st.button(t("repairs.find", lang), key="w:repairs", help=t("repairs.find_help", lang), on_click=ask)


def _list(desk: Desk, year: int) -> None:
    lang, tables = desk.lang, desk.tables
    rows = headlines.shortfalls(tables, year).sort_values(["yuan", "units"], ascending=False, kind="stable")
    regions, names = charts.region_names(tables, lang, "name"), charts.service_names(tables, lang)
    targets = headlines.indicator_names(tables, lang)
    unit = money_unit(float(rows["yuan"].max()) if rows["yuan"].notna().any() else 0.0, lang)
    records: list[Any] = rows.to_dict("records")
    table = pd.DataFrame(
        [
            (
                regions.get(row["region"], t("why.plan_level", lang)),
                t(f"residence.{row['residence']}", lang) if row["residence"] else NONE,
                (names if row["goal"] == "floor" else targets)[row["what"]],
                t(f"goal.{row['goal']}", lang),
                controls.counted(tables, row["units"], row["what"], row["goal"], lang),
                unit.show(row["yuan"]) if pd.notna(row["yuan"]) else NONE,
                t("format.comma", lang).join(charts.limit_tag(family, lang) for family in charts.limits_of(row["limited_by"])[:3]) or NONE,
            )
            for row in records
        ],
        columns=[t(f"col.{name}", lang) for name in ("region", "residence", "service", "goal", "units", "money", "limits")],
    )
    with st.expander(f"{t('heading.all_shortfalls', lang)} ({len(table)})"):
        if table.empty:
            st.write(t("status.no_gap", lang))
        elif len(table) <= show.ROWS_AS_HTML:
            show.bureau(table, t("heading.all_shortfalls", lang), lang, unit.name)
        else:
            st.dataframe(table, hide_index=True, height=380, key="data:all")
            show.note(t("format.unit_note", lang, unit=unit.name))
        show.data(table, desk.source("shortfalls"), "shortfalls", lang, unit.name)


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    year = controls.year_of(desk)
    worst_region, worst_service = _worst(desk, year, controls.region_of(desk))
    one, two, three, four = st.columns(4, gap="small")
    with one:
        region = controls.region(desk, whole=False, first=worst_region)
    with two:
        residence = controls.residence(desk)
    with three:
        service = controls.service(desk, worst_service)
    with four:
        year = controls.year(desk)
    assert region is not None
    show.headline(headlines.why(tables, region, service, residence, year, lang))
    left, right = st.columns([5, 6], gap="medium")
    cell = headlines.cell_of(tables, region, service, residence, year)
    unit = headlines.client_unit(tables, service, lang)
    with left:
        rows = [
            (t("col.clients", lang), number(cell["clients"])),
            (t("col.provided", lang), number(cell["served"])),
            (t("col.gap", lang), number(cell["short"])),
        ]
        if desk.baseline is not None and year in charts.years_of(desk.baseline.tables):
            before = headlines.cell_of(desk.baseline.tables, region, service, residence, year)
            rows.append((t("col.against_baseline", lang), number(cell["short"] - before["short"], signed=True)))
        caption = t("heading.from_to", lang)
        show.bureau(pd.DataFrame(rows, columns=[t("col.item", lang), t("col.value", lang)]), caption, lang, unit, note_text=desk.source("allocation"))
        show.title(t("heading.limits", lang))
        found = controls.limits(desk, region, service, residence, year)
    with right:
        if found:
            _repairs(desk, found, year)
        path = charts.cell_path(tables, region, service, residence, lang, unit)
        show.chart(path, desk.source("allocation"), "path")
        places = headlines.marginal_places(tables, year, lang)
        if places.empty and len(tables["execution"]):
            show.title(t("heading.marginal", lang))
            show.note(t("finding.marginal_none", lang))
        elif places.empty:
            show.title(t("heading.marginal", lang))
            show.note(t("metric.marginal_unknown", lang))
            st.button(t("action.prices", lang), help=t("action.prices_help", lang), on_click=ask_replay, key="w:prices")
        else:
            bars = charts.marginal_bars(places[places["more"] >= 1], lang)
            show.chart(bars, desk.source("shadow_prices"), "marginal", t("explain.marginal", lang))
    _solved_repairs(desk, year)
    _list(desk, year)
