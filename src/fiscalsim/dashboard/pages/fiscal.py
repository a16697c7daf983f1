"""How much can be spent, and what comes first."""

from __future__ import annotations

import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, headlines, show, tallies
from fiscalsim.dashboard.frame import Desk
from fiscalsim.report import money_boards
from fiscalsim.report.boards import Board
from fiscalsim.text import t


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    year, region = controls.year_of(desk), controls.region_of(desk)
    show.headline(headlines.fiscal(tables, desk.info, year, region, lang))
    one, two, _ = st.columns([1.4, 1, 2], gap="small")
    with one:
        region = controls.region(desk)
    with two:
        year = controls.year(desk)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        waterfall = charts.means_waterfall(tables, year, lang, region)
        show.chart(waterfall, desk.source("fiscal", "transfers"), "waterfall", t("explain.waterfall", lang))
        show.board(tallies.medium_term_board(tables, year, lang, region), desk.source("fiscal", "demand"), "medium", lang)
    with right:
        table, unit, gap = charts.budget_table(tables, year, lang, region)
        note = t("format.between_sentences", lang).join([t("explain.sum_zero", lang, gap=unit.show(gap)), t("explain.budget", lang)])
        source = desk.source("fiscal", "allocation")
        show.table(table, t("heading.budget", lang, year=year), lang, source, "budget", unit=unit.name, total="last", note_text=note)
        ends = (desk.info.plan_target_year, desk.info.plan_target_year + 5)
        baseline = desk.baseline.tables if desk.baseline is not None and region is None else None
        if region is None:
            show.chart(charts.needs_and_means(tables, lang, baseline, ends), desk.source("demand", "fiscal"), "needs-fiscal", t("explain.needs", lang))
    if set(money_boards.NEEDED) <= set(tables):
        _accounts(desk, year, region)


def _accounts(desk: Desk, year: int, region: str | None) -> None:
    """The account, what was published, who pays, and the funds: closed until they are asked for."""
    lang, tables, base = desk.lang, desk.tables, desk.info.base_year
    with st.expander(t("money.open_account", lang)):
        left, right = st.columns(2, gap="medium")
        with left:
            _board(money_boards.account_board(tables, year, region, lang), desk, "account", "balance")
            _board(money_boards.account_board(tables, base, region, lang), desk, "account-base", "balance")
            _board(money_boards.calibration_board(tables, region, lang), desk, "calibration", "calibration")
        with right:
            for board, table in (
                (money_boards.reconciliation_board(tables, lang), "reconciliation"),
                (money_boards.later_board(tables, region, lang), "later_outturn"),
            ):
                if len(board.table):
                    _board(board, desk, table, table)
    with st.expander(t("money.open_levels", lang)):
        _board(money_boards.levels_board(tables, year, region, lang), desk, "levels", "cost_by_level")
    with st.expander(t("money.open_funds", lang)):
        left, right = st.columns([2, 3], gap="medium")
        with left:
            show.chart(charts.fund_support(tables, lang), desk.source("funds"), "fund-support")
        with right:
            _board(money_boards.funds_board(tables, year, lang), desk, "funds", "funds")


def _board(board: Board, desk: Desk, key: str, *tables: str) -> None:
    show.board(board, desk.source(*tables), key, desk.lang)
