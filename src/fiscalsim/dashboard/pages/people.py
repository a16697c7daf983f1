"""Who is to be served, how many, and how that changes."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, headlines, show, tallies
from fiscalsim.dashboard.bases import show_bases
from fiscalsim.dashboard.frame import Desk
from fiscalsim.text import NONE, number, people_unit, percent, t


def _backcast(desk: Desk) -> None:
    lang, rows = desk.lang, desk.tables.get("backcast")
    if rows is None or rows.empty:
        show.title(t("heading.backcast", lang))
        show.note(t("finding.backcast_none", lang))
        return
    names = charts.region_names(desk.tables, lang, "name")
    shown = pd.DataFrame(
        {
            t("col.year", lang): rows["year"].astype(str),
            t("col.region", lang): [names.get(code, t("why.plan_level", lang)) for code in rows["region"]],
            t("col.item", lang): [t(f"col.{item}", lang) for item in rows["item"]],
            t("col.published", lang): [number(v) for v in rows["published"]],
            t("col.modelled", lang): [number(v) for v in rows["modelled"]],
            t("col.error", lang): [NONE if pd.isna(v) else percent(float(v), 1, signed=True) for v in rows["error"]],
        }
    )
    with st.expander(t("heading.backcast", lang)):
        if len(shown) <= show.ROWS_AS_HTML:
            show.bureau(shown, t("heading.backcast", lang), lang, t("unit.people_small", lang))
        else:
            st.dataframe(shown, hide_index=True, height=380, key="data:backcast-all")
        show.data(shown, desk.source("population"), "backcast", lang)


def _zones(desk: Desk, year: int, region: str | None) -> None:
    """Functional zones that no census counts, as a share of the region they lie in."""
    lang, rows = desk.lang, desk.tables.get("zones")
    if rows is None:
        return
    mine = rows[(rows["year"] == year) & ((rows["inside"] == region) | (region is None))]
    if mine.empty:
        return
    names = charts.region_names(desk.tables, lang, "name")
    people = people_unit(float(mine["persons"].max()), lang)
    shown = pd.DataFrame(
        {
            t("col.zone", lang): mine[f"name_{lang}"],
            t("col.inside", lang): [names[code] for code in mine["inside"]],
            t("col.share", lang): [percent(float(share), 0) for share in mine["share"]],
            t("col.population", lang): [people.show(float(value)) for value in mine["persons"]],
            t("col.grade", lang): [t(f"grade.{grade}", lang) for grade in mine["grade"]],
        }
    )
    note = t("explain.zones", lang)
    show.table(shown, t("heading.zones", lang, year=year), lang, desk.source("zones"), "zones", unit=people.name, note_text=note)


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables, base = desk.lang, desk.tables, desk.info.base_year
    year, region = controls.year_of(desk), controls.region_of(desk)
    show.headline(headlines.people_(tables, desk.info, year, region, lang))
    one, two, _ = st.columns([1.4, 1, 2], gap="small")
    with one:
        region = controls.region(desk)
    with two:
        year = controls.year(desk)
    left, right = st.columns([5, 6], gap="medium")
    with left:
        show.chart(charts.pyramid(tables, year, base, lang, region), desk.source("population"), "pyramid", t("explain.pyramid", lang))
        show.board(tallies.needs_board(tables, year, lang, region), desk.source("demand"), "needs", lang)
    with right:
        show.chart(charts.need_index(tables, lang, region), desk.source("demand"), "index", t("explain.index", lang))
        show.board(tallies.balance_board(tables, desk.info, lang, region), desk.source("population", "components"), "balance", lang)
        _zones(desk, year, region)
    show_bases(desk, year, region)
    _backcast(desk)
