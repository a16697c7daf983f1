"""Which targets of the plan are met, which are not, and when."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import headlines, show, tallies
from fiscalsim.dashboard.frame import Desk, state, view
from fiscalsim.quantities import MET
from fiscalsim.text import t

COLUMNS = ("name", "nature", "unit", "base", "forecast", "target", "progress", "status", "year_met", "note")
HEADS = {"name": "indicator"}
STATES = {"met": MET, "missed": ("missed",), "not_computable": ("not_computable",)}
FILLS = {"good": "background-color: #E6F4EF; color: #0F5A46", "bad": "background-color: #FDECEA; color: #8F1D14", "": "color: #475467"}
WIDTHS = {"indicator": 215, "unit": 75, "status": 215}
TALLEST, ROW = 420, 29  # pixels of the table and of a row; more rows scroll inside


def filtered(table: pd.DataFrame, lang: str) -> pd.DataFrame:
    """Let nature, state and domain be chosen; the rows that remain, in the plan's order."""
    one, two, three = st.columns(3, gap="small")
    natures = {"": t("app.all", lang), **{code: t(f"nature.{code}", lang) for code in dict.fromkeys(table["nature_code"])}}
    nature = one.selectbox(t("action.nature", lang), list(natures), format_func=lambda code: natures[code], key="w:nature")
    words = {"": t("app.all", lang), "met": t("status.met", lang), "missed": t("status.missed_short", lang), "not_computable": t("status.not_computable", lang)}
    status = two.selectbox(t("action.status", lang), list(words), format_func=lambda code: words[code], key="w:status")
    domains = [t("app.all", lang), *dict.fromkeys(table["domain"])]
    domain = three.selectbox(t("action.domain", lang), domains, key="w:domain")
    if nature:
        table = table[table["nature_code"] == nature]
    if status:
        table = table[table["state"].isin(STATES[status])]
    return table if domain == domains[0] else table[table["domain"] == domain]


def styled(shown: pd.DataFrame, lang: str) -> Any:
    """The table with the status of each row in its colour; sign and word stand beside it."""
    names = {name: t(f"col.{HEADS.get(name, name)}", lang) for name in COLUMNS}
    frame = shown[list(COLUMNS)].assign(progress=100 * shown["progress"]).rename(columns=names).reset_index(drop=True)
    fills = [FILLS["good" if code in MET else "bad" if code == "missed" else ""] for code in shown["state"]]
    return frame.style.apply(lambda _: fills, subset=[names["status"]])


def _grid(desk: Desk, shown: pd.DataFrame) -> None:
    """C9: one row a target; a picked row opens its path, definition and quote below."""
    lang = desk.lang
    codes = list(shown["code"])
    key = f"indicators:{desk.info.id}:{lang}:{len(codes)}"
    bar = st.column_config.ProgressColumn(min_value=0.0, max_value=100.0, format="%.0f%%", width="small")
    wide = {t(f"col.{name}", lang): st.column_config.TextColumn(width=pixels) for name, pixels in WIDTHS.items()} | {t("col.progress", lang): bar}
    show.title(t("heading.indicators", lang, year=desk.info.plan_target_year))
    st.dataframe(
        styled(shown, lang),
        hide_index=True,
        column_config=wide,
        height=min(36 + ROW * len(codes), TALLEST),
        row_height=ROW,
        on_select=partial(_row_picked, key, codes),
        selection_mode="single-row",
        key=key,
        alt=t("heading.indicators", lang, year=desk.info.plan_target_year),
    )
    show.note(t("format.between_sentences", lang).join([t("explain.indicators", lang), t("tally.pick_row", lang)]))
    plain = shown.drop(columns=["code", "state", "nature_code", "target_year"])
    plain = plain.rename(columns={name: t(f"col.{HEADS.get(name, name)}", lang) for name in (*COLUMNS, "domain")})
    show.data(plain, desk.source("indicators"), "indicators", lang)


def _row_picked(key: str, codes: Sequence[str]) -> None:
    rows = st.session_state[key].selection.rows
    if rows and rows[0] < len(codes):
        view("indicator", codes[rows[0]])


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    show.headline(headlines.indicators(tables, desk.info, lang))
    statements = len(tables["indicator_names"]) > len(charts.plan_targets(tables["indicator_names"]))
    scopes = {code: t(f"action.scope_{code}", lang) for code in (("targets", "whole") if statements else ("targets",))}
    first, rest = st.columns([1, 3], gap="small")
    scope = first.selectbox(t("action.scope", lang), list(scopes), format_func=lambda code: scopes[code], key="w:scope")
    table = charts.indicator_table(tables, lang, whole=scope == "whole")
    if table.empty:
        return
    with rest:
        shown = filtered(table, lang)
    if shown.empty:
        st.write(t("app.nothing_to_draw", lang))
    else:
        _grid(desk, shown)
    _one(desk)
    show.board(tallies.counts_board(tables, desk.info.plan_target_year, lang), desk.source("indicators"), "counts", lang)


def _pick() -> None:
    view("indicator", st.session_state["w:indicator"])


def _one(desk: Desk) -> None:
    lang, tables = desk.lang, desk.tables
    listed = tables["indicator_names"]
    listed = listed[(listed["nature"] != "stated") | (listed["measure"] != "stated")]  # statements that are only kept have no path to draw
    names = dict(zip(listed["indicator"], listed[f"name_{lang}"], strict=True))
    if not names:
        return
    missed = [row.code for row in charts.indicator_rows(tables) if row.status == "missed"]
    picked = state().view.get("indicator")
    st.session_state["w:indicator"] = picked if picked in names else (missed or list(names))[0]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.selectbox(t("action.indicator", lang), list(names), format_func=lambda code: names[code], key="w:indicator", on_change=_pick)
        code = st.session_state["w:indicator"]
        show.chart(charts.indicator_path(tables, code, lang), desk.source("indicators"), "path")
    with right:
        show.title(t("heading.definition", lang))
        row = tables["indicator_names"].set_index("indicator").loc[code]
        for words in (
            row["quote"],
            headlines.definition(tables, row, lang),
            headlines.base_check(row, lang),
            row["note"],
            *headlines.contradictions(tables, row, lang),
        ):
            if isinstance(words, str) and words.strip():
                st.text(words)
        show.note(t("app.source_line", lang, what=headlines.document(tables, str(row["source"]))))
