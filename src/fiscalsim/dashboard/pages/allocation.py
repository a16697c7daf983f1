"""How money is shared, who gains and who loses against today, and what it is spent on."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, headlines, show
from fiscalsim.dashboard.frame import Desk, set_policy
from fiscalsim.dashboard.rules import show_rules
from fiscalsim.scenario import POLICIES
from fiscalsim.text import money_unit, name_of, number, t


def _choose() -> None:
    if st.session_state["w:policy"]:
        set_policy(st.session_state["w:policy"])


def _table(desk: Desk, year: int) -> None:
    lang, tables = desk.lang, desk.tables
    table = charts.transfer_table(tables, year)
    unit = money_unit(float(table["total"].max()), lang)
    names = charts.region_names(tables, lang, "name")
    heads = charts.residents(tables, year).reindex(table.index)
    amounts = ["general", "earmarked", "total", "change"]
    whole = table[amounts].sum()
    rows = [(t("col.total", lang), *whole, whole["total"] / heads.sum())]
    rows += [(names[code], *(float(table.loc[code, column]) for column in amounts), float(table.loc[code, "per_head"])) for code in table.index]
    shown = [(row[0], unit.show(row[1]), unit.show(row[2]), unit.show(row[3]), number(row[5]), unit.show(row[4], signed=True)) for row in rows]
    columns = [t(f"col.{name}", lang) for name in ("region", "general", "earmarked", "total")]
    columns += [f"{t('col.per_head', lang)} ({t('unit.yuan', lang)})", t("col.change", lang)]
    given = float(tables["transfers"].query("year == @year")["yuan"].sum())
    words = t("explain.same_total", lang, gap=unit.show(float(whole["total"]) - given))
    caption = t("heading.transfers", lang, year=year, upper=name_of(desk.info, lang, "upper"))
    note = t("format.sep", lang).join([words, t("app.source_line", lang, what=desk.source("transfers"))])
    frame = pd.DataFrame(shown, columns=columns)
    show.bureau(frame, caption, lang, unit.name, total="first", note_text=note)
    show.data(frame, desk.source("transfers"), "transfers", lang, unit.name)


def _detail(desk: Desk, year: int) -> None:
    lang, tables = desk.lang, desk.tables
    rows = tables["allocation"].query("year == @year")
    region = controls.region_of(desk)
    if region is not None:
        rows = rows[rows["region"] == region]
    sums = rows.groupby(["service", "residence"], sort=False)[["provided", "recurrent_yuan", "capital_yuan"]].sum().reset_index()
    names = charts.service_names(tables, lang)
    unit = money_unit(float(sums["recurrent_yuan"].max()), lang)
    table = pd.DataFrame(
        {
            t("col.service", lang): [names[code] for code in sums["service"]],
            t("col.residence", lang): [t(f"residence.{code}", lang) for code in sums["residence"]],
            t("col.provided", lang): [number(v) for v in sums["provided"]],
            t("col.recurrent", lang): [unit.show(v) for v in sums["recurrent_yuan"]],
            t("col.capital", lang): [unit.show(v) for v in sums["capital_yuan"]],
        }
    )
    with st.expander(t("heading.allocation_detail", lang)):
        st.dataframe(table, hide_index=True, height=380, key="data:detail")
        show.data(table, desk.source("allocation"), "detail", lang, unit.name)


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    year = controls.year_of(desk)
    show.headline(headlines.allocation(tables, desk.info, year, lang))
    one, two, three = st.columns([3, 1, 1.4], gap="small")
    rules = {code: t(f"policy.{code}", lang) for code in POLICIES}
    with one:
        st.session_state["w:policy"] = desk.scenario.policy
        st.segmented_control(t("policy.label", lang), POLICIES, format_func=lambda code: rules[code], key="w:policy", on_change=_choose, required=True)
    with two:
        year = controls.year(desk)
    with three:
        measures = {"total": t("action.measure_total", lang), "head": t("action.measure_head", lang)}
        measure = st.segmented_control(
            t("action.measure", lang), list(measures), format_func=lambda code: measures[code], key="w:measure", default="total", required=True
        )
    left, right = st.columns([11, 9], gap="medium")
    with left:
        _table(desk, year)
    with right:
        bars = charts.transfer_change(tables, year, lang, rules[desk.scenario.policy], per_head=measure == "head")
        show.chart(bars, desk.source("transfers", "fiscal"), "change", t("explain.transfers_change", lang))
        show.chart(charts.spending_bars(tables, year, lang, controls.region_of(desk)), desk.source("allocation"), "spending")
    show_rules(desk, year)
    _detail(desk, year)
