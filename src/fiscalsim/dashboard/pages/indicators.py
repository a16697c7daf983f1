"""Which targets of the plan are met, which are not, and when."""

from __future__ import annotations

from html import escape

import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import headlines, show
from fiscalsim.dashboard.frame import Desk, state, view
from fiscalsim.quantities import MET
from fiscalsim.text import t

COLUMNS = ("name", "nature", "unit", "base", "forecast", "target", "progress", "status", "year_met", "note")
HEADS = {"name": "indicator"}
STATES = {"met": MET, "missed": ("missed",), "not_computable": ("not_computable",)}


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    show.headline(headlines.indicators(tables, desk.info, lang))
    statements = len(tables["indicator_names"]) > len(charts.plan_targets(tables["indicator_names"]))
    first, one, two, three = st.columns(4, gap="small")
    scopes = {code: t(f"action.scope_{code}", lang) for code in (("targets", "whole") if statements else ("targets",))}
    scope = first.selectbox(t("action.scope", lang), list(scopes), format_func=lambda code: scopes[code], key="w:scope")
    table = charts.indicator_table(tables, lang, whole=scope == "whole")
    if table.empty:
        return
    natures = {"": t("app.all", lang), **{code: t(f"nature.{code}", lang) for code in dict.fromkeys(table["nature_code"])}}
    nature = one.selectbox(t("action.nature", lang), list(natures), format_func=lambda code: natures[code], key="w:nature")
    words = {"": t("app.all", lang), "met": t("status.met", lang), "missed": t("status.missed_short", lang), "not_computable": t("status.not_computable", lang)}
    status = two.selectbox(t("action.status", lang), list(words), format_func=lambda code: words[code], key="w:status")
    domains = [t("app.all", lang), *dict.fromkeys(table["domain"])]
    domain = three.selectbox(t("action.domain", lang), domains, key="w:domain")
    shown = table
    if nature:
        shown = shown[shown["nature_code"] == nature]
    if status:
        shown = shown[shown["state"].isin(STATES[status])]
    if domain != domains[0]:
        shown = shown[shown["domain"] == domain]
    names = {name: t(f"col.{HEADS.get(name, name)}", lang) for name in COLUMNS}
    frame = shown[list(COLUMNS)].copy()
    frame["progress"] = [show.progress_bar(float(share)) for share in frame["progress"]]
    frame["status"] = [f'<span class="fs-tag {_kind(code)}">{escape(words_)}</span>' for code, words_ in zip(shown["state"], frame["status"], strict=True)]
    frame = frame.rename(columns=names)
    caption = t("heading.indicators", lang, year=desk.info.plan_target_year)
    html_columns = (names["progress"], names["status"])
    if frame.empty:
        st.write(t("app.nothing_to_draw", lang))
    else:
        show.bureau(frame, caption, lang, note_text=t("explain.indicators", lang), html_columns=html_columns)
    plain = shown.drop(columns=["code", "state", "nature_code", "target_year"]).rename(columns=names | {"domain": t("col.domain", lang)})
    show.data(plain, desk.source("indicators"), "indicators", lang)
    _one(desk)


def _kind(status: str) -> str:
    return "good" if status in MET else "bad" if status == "missed" else ""


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
