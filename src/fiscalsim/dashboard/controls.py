"""Choices and blocks that several pages share: year, area, service, and the limits of a cell as sentences.

Knows the session's view and texts. Must not know charts of a page.
"""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import headlines, show
from fiscalsim.dashboard.frame import Desk, state, view
from fiscalsim.text import money, name_of, number, percent, t


def year_of(desk: Desk) -> int:
    """The year that is looked at: the picked one, else the plan's target year, else the last one."""
    years = charts.years_of(desk.tables)
    picked = state().view.get("year")
    return picked if picked in years else desk.info.plan_target_year if desk.info.plan_target_year in years else years[-1]


def year(desk: Desk, bare: bool = False) -> int:
    """Let the year be chosen; it travels along to other pages. `bare` leaves the label to screen readers."""
    st.session_state["w:year"] = year_of(desk)
    shown: Any = "collapsed" if bare else "visible"
    years = charts.years_of(desk.tables)
    st.selectbox(t("app.year", desk.lang), years, key="w:year", on_change=_remember, args=("year", "w:year"), label_visibility=shown)
    return year_of(desk)


def region_of(desk: Desk) -> str | None:
    """The area that is looked at, None for the whole place."""
    picked = state().view.get("region")
    return picked if picked in set(desk.tables["regions"]["region"]) else None


def region(desk: Desk, whole: bool = True, first: str = "") -> str | None:
    """Let the area be chosen; `whole` offers all of them together, `first` is where none is picked yet."""
    names = charts.region_names(desk.tables, desk.lang, "name")
    options = ([""] if whole else []) + list(names)
    st.session_state["w:region"] = region_of(desk) or first or options[0]
    words = {"": name_of(desk.info, desk.lang), **names}
    st.selectbox(t("app.region", desk.lang), options, format_func=lambda code: words[code], key="w:region", on_change=_remember, args=("region", "w:region"))
    return st.session_state["w:region"] or None


def service(desk: Desk, first: str) -> str:
    """Let the service be chosen; `first` where none is picked yet."""
    names = charts.service_names(desk.tables, desk.lang)
    picked = state().view.get("service")
    st.session_state["w:service"] = picked if picked in names else first
    st.selectbox(
        t("app.service", desk.lang), list(names), format_func=lambda code: names[code], key="w:service", on_change=_remember, args=("service", "w:service")
    )
    return str(st.session_state["w:service"])


def residence(desk: Desk) -> str:
    """Let town, country or both be chosen."""
    options = ("both", "urban", "rural")
    picked = state().view.get("residence")
    st.session_state["w:residence"] = picked if picked in options else "both"
    st.selectbox(
        t("app.residence", desk.lang),
        options,
        format_func=lambda code: t(f"residence.{code}", desk.lang),
        key="w:residence",
        on_change=_remember,
        args=("residence", "w:residence"),
    )
    return str(st.session_state["w:residence"])


def _remember(key: str, widget: str) -> None:
    view(key, st.session_state[widget])


def counted(tables: headlines.Tables, units: float, what: str, goal: str, lang: str) -> str:
    """A shortfall with its unit: whole clients of a service's floor, or as many decimals as an indicator needs."""
    floor = goal == "floor"
    figure = number(units) if floor else charts.figure_text(float(units))
    unit = headlines.client_unit(tables, what, lang) if floor else headlines.indicator_unit(tables, what, lang)
    return figure + unit if lang == "zh" else f"{figure} {unit}"


def limits(desk: Desk, region: str, service: str, residence: str, year: int, most: int = 6) -> list[str]:
    """The limits of a cell, each as tag and sentence; returns their names. Says so when the floor holds or no reason is known."""
    lang, tables = desk.lang, desk.tables
    found = headlines.cell_limits(tables, region, service, residence, year)
    for family in found[:most]:
        words = headlines.reason(tables, desk.scenario, family, region, service, residence, year, lang)
        st.html(f'<div class="fs-limit"><span class="fs-tag warn">{escape(t(f"limit.{family}.tag", lang))}</span>{escape(words)}</div>')
    if found:
        return found
    cell = headlines.cell_of(tables, region, service, residence, year)
    if charts.class_of(cell["gap"]) == 0:
        show.note(t("why.none", lang))
        return []
    floors = tables["services"].set_index("service").get("floor")
    if floors is None:
        show.note(t("why.unexplained", lang))
        return []
    names = {"region": charts.region_names(tables, lang, "name")[region], "service": charts.service_names(tables, lang)[service]}
    share = float(floors[service])
    if share > 0:
        show.note(t("why.above_floor", lang, **names, floor=percent(share, 0), gap=percent(cell["gap"])))
    else:
        show.note(t("why.no_floor", lang, **names, gap=percent(cell["gap"])))
    left = float(charts.means_by_year(tables, region)[year] - charts.needs_by_year(tables, region)[year])
    show.note(t("why.money_there" if left >= 0 else "why.money_short", lang, region=names["region"], amount=money(abs(left), lang)))
    return []
