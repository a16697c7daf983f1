"""How money is shared, who gains and who loses against today, and what it is spent on."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, headlines, show, tallies
from fiscalsim.dashboard.frame import Desk, ask_for, failure_words, look_at, set_policy, wait_for
from fiscalsim.dashboard.rules import show_dumbbell, show_rules
from fiscalsim.near_optimal import NearOptimal
from fiscalsim.report import alternative_boards
from fiscalsim.scenario import POLICIES
from fiscalsim.text import name_of, t

RULES = tuple(sorted(POLICIES, key=("optimal", "formula", "per-head", "status-quo").index))  # from the plan's own to none at all


def _choose() -> None:
    if st.session_state["w:policy"]:
        set_policy(st.session_state["w:policy"])


def _near(desk: Desk, year: int) -> None:
    """Other ways to share that are as good within a stated part: found by a worker when asked for."""
    lang = desk.lang
    job = replace(desk.world.job(desk.state), near=year)
    look = look_at(job)
    if look.answer is not None:
        tables = look.answer.tables
        found = NearOptimal(year, tables["near_regions"], tables["near_whole"], tables["regions"])
        board = alternative_boards.alternatives_board(found, name_of(desk.info, lang), lang)
        show.board(board, desk.source("transfers", "allocation"), "near", lang)
        return
    if st.session_state.get("near") == job.key:
        if look.failure is None:
            wait_for(lambda: look_at(job), lambda now: t("near.waiting", lang, s=int(now.seconds)))
            return
        st.error(failure_words(look.failure, lang))

    def ask() -> None:
        st.session_state["near"] = job.key
        ask_for(job)

    st.button(t("near.start", lang), key="w:near", help=t("near.start_help", lang), on_click=ask, disabled=desk.stale)


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    year = controls.year_of(desk)
    show.headline(headlines.allocation(tables, desk.info, year, lang))
    one, two, three = st.columns([3, 1, 1.4], gap="small")
    rules = {code: t(f"policy.{code}", lang) for code in RULES}
    with one:
        st.session_state["w:policy"] = desk.scenario.policy
        st.segmented_control(t("policy.label", lang), RULES, format_func=lambda code: rules[code], key="w:policy", on_change=_choose, required=True)
    with two:
        year = controls.year(desk)
    with three:
        measures = {"total": t("action.measure_total", lang), "head": t("action.measure_head", lang)}
        measure = st.segmented_control(
            t("action.measure", lang), list(measures), format_func=lambda code: measures[code], key="w:measure", default="total", required=True
        )
    left, right = st.columns([11, 9], gap="medium")
    with left:
        show.board(tallies.transfers_board(tables, desk.info, year, lang, measure == "head"), desk.source("transfers"), "transfers", lang)
        show.chart(charts.spending_bars(tables, year, lang, controls.region_of(desk)), desk.source("allocation"), "spending")
    with right:
        bars = charts.transfer_change(tables, year, lang, rules[desk.scenario.policy], per_head=measure == "head", height=90 + 24 * len(tables["regions"]))
        show.chart(bars, desk.source("transfers", "fiscal"), "change", t("explain.transfers_change", lang))
        show_dumbbell(desk, year)
    show_rules(desk, year)
    with st.expander(t("near.title", lang), expanded=st.session_state.get("near", "").startswith(desk.scenario.digest)):
        _near(desk, year)
    with st.expander(t("heading.allocation_detail", lang)):
        show.board(tallies.detail_board(tables, desk.info, year, lang, controls.region_of(desk)), desk.source("allocation"), "detail", lang)
