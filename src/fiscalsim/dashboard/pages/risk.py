"""If the future differs, what breaks first: an analysis of the scenario, greyed when it belongs to another one, or the form that asks for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import frame, show
from fiscalsim.dashboard.engine import Job
from fiscalsim.dashboard.frame import Desk, failure_words, runs_folder, wait_for
from fiscalsim.report import risk_boards
from fiscalsim.text import percent, t
from fiscalsim.uncertainty import SavedRisk, open_risk, risks

COUNTS = (20, 40, 60, 100, 200)
USUAL = 60


def show_page(desk: Desk) -> None:
    """The page: what is filed for this scenario, or the progress of what was asked for, or what another scenario had."""
    asked: Job | None = st.session_state.get("risk")
    if asked is not None and asked.digest == desk.scenario.digest and not desk.stale and _wait(desk, asked):
        return
    mine, other = _filed(desk)
    if mine is not None and not desk.stale:
        _result(desk, mine)
        return
    if mine is None and other is None:
        show.headline(t("risk.empty", desk.lang))
        _form(desk)
        return
    shown = mine or other
    assert shown is not None
    st.warning(t("risk.stale", desk.lang, digest=str(shown.record["scenario"]["digest"])[:8]))
    _form(desk)
    with st.container(key="stale"):
        _result(desk, shown, form=False)


def _filed(desk: Desk) -> tuple[SavedRisk | None, SavedRisk | None]:
    """The newest analysis of this very scenario with most futures, and the newest of another scenario of the same place."""
    place = [one for one in risks(runs_folder()) if one.record["pack"]["id"] == desk.info.id and one.record["pack"]["resolution"] == desk.info.resolution]
    mine = [one for one in place if one.record["scenario"]["digest"] == desk.scenario.digest]
    others = [one for one in place if one.record["scenario"]["digest"] != desk.scenario.digest]
    return mine[-1] if mine else None, others[-1] if others else None


def _session() -> str:
    """The engine's name for what this page asks, so that previews neither wait for it nor stop it."""
    return f"{frame.session_id()}/risk"


def _form(desk: Desk) -> None:
    with st.form("w:risk", border=False), st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.selectbox(t("risk.count", desk.lang), COUNTS, index=COUNTS.index(USUAL), key="r:count", width=150)
        help_words = t("risk.start_help", desk.lang)
        st.form_submit_button(t("risk.start", desk.lang), type="primary", help=help_words, on_click=_ask, args=(desk,), key="w:ask_risk", disabled=desk.stale)


def _ask(desk: Desk) -> None:
    job = replace(desk.world.job(desk.state), risk=int(st.session_state["r:count"]))
    st.session_state["risk"] = job
    engine = frame.the_engine()
    engine.forget_failure(_session())
    engine.ask(_session(), job)


def _wait(desk: Desk, job: Job) -> bool:
    """Say how the job stands; True while it runs. What it filed is opened by the page."""
    engine, lang = frame.the_engine(), desk.lang
    look = engine.look(_session(), job)
    if look.answer is not None:
        st.session_state.pop("risk")
        st.success(t("risk.saved", lang, digest=str(look.answer.record["risk"])[-8:]))
        return False
    if look.failure is not None:
        st.session_state.pop("risk")
        st.error(failure_words(look.failure, lang))
        return False
    engine.ask(_session(), job)  # lost with a restarted server: asked anew, what was solved is kept
    show.headline(t("page.risk.question", lang))
    wait_for(lambda: engine.look(_session(), job), lambda found: t("risk.waiting", lang, p=percent(found.fraction, 0), s=int(found.seconds)))
    return True


def _result(desk: Desk, saved: SavedRisk, form: bool = True) -> None:
    lang, record, tables = desk.lang, saved.record, _tables(saved.path)
    source = t("risk.source", lang, digest=saved.name[-8:])
    show.headline(risk_boards.headline(record, tables, lang))
    show.note(risk_boards.fear_note(record, lang))
    if form:
        _form(desk)
    left, right = st.columns(2, gap="medium")
    with left:
        show.chart(charts.gap_fan(tables, lang), source, "risk_fan", t("risk.fan_note", lang))
        show.chart(charts.share_bars(tables, lang), source, "risk_shares", t("risk.shares_note", lang))
    with right:
        show.board(risk_boards.likelihood_board(record, tables, lang), source, "risk_likelihood", lang)
    for line in risk_boards.notes(record, tables, lang):
        show.note(line)
    with st.expander(t("risk.drivers", lang)):
        show.board(risk_boards.drivers_board(tables, lang), source, "risk_drivers", lang)
    with st.expander(t("risk.ranges", lang)):
        for measure in ("gap_yuan", "floors_held", "coverage"):
            show.board(risk_boards.fan_board(tables, lang, measure), source, f"risk_{measure}", lang)
    if form:
        _downloads(saved, lang)


def _downloads(saved: SavedRisk, lang: str) -> None:
    """The report and the tables of the analysis, made when first wanted."""
    page, book = _files(saved.path, lang)
    with st.container(horizontal=True, gap="small"):
        st.download_button(t("risk.download_html", lang), page, f"{saved.name}.html", "text/html", on_click="ignore", key="dl:risk_html")
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        st.download_button(t("risk.download_xlsx", lang), book, f"{saved.name}.xlsx", kind, on_click="ignore", key="dl:risk_xlsx")


@st.cache_data(max_entries=8)
def _tables(path: Path) -> dict[str, pd.DataFrame]:
    return open_risk(path).tables()


@st.cache_data(max_entries=8)
def _files(path: Path, lang: str) -> tuple[bytes, bytes]:
    from fiscalsim.report.risk import risk_html, risk_xlsx

    saved = open_risk(path)
    with TemporaryDirectory() as folder:
        return risk_html(saved, Path(folder) / "risk.html", lang).read_bytes(), risk_xlsx(saved, Path(folder) / "risk.xlsx", lang).read_bytes()
