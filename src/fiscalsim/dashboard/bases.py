"""The part of the people page that prices whom to count: registered people only, as the scenario says, or all residents alike.

Asks the engine for the two ends as jobs of their own, so that what the session does meanwhile neither waits for them nor stops them.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from fiscalsim.dashboard import frame, show, tallies
from fiscalsim.dashboard.engine import Job, Look
from fiscalsim.dashboard.frame import Desk
from fiscalsim.dashboard.state import end_value
from fiscalsim.text import listed, percent, t

LEVER = "demand.resident_coverage"
ENDS = {"hukou": 0.0, "resident": 1.0}  # nobody without local registration is served alike; everybody is
POLL = 1.0  # seconds between looks


def show_bases(desk: Desk, year: int, region: str | None) -> None:
    """What needs and gaps are under each basis; only where the pack has the lever."""
    lang = desk.lang
    if LEVER not in desk.world.levers(desk.scenario.pack):
        return
    if desk.stale or st.session_state.get("bases") != desk.scenario.digest:
        show.title(t("tally.bases", lang, year=year))
        words, about = t("tally.bases_start", lang), t("tally.bases_help", lang)
        st.button(words, key="w:bases", help=about, on_click=_start, args=(desk.scenario.digest,), disabled=desk.stale)
    elif not _ready(desk, year, region):
        _wait(desk)


def _start(digest: str) -> None:
    st.session_state["bases"] = digest


def _jobs(desk: Desk) -> dict[str, Job]:
    return {basis: desk.world.job(replace(desk.state, set={**desk.state.set, LEVER: value}, run="")) for basis, value in ENDS.items()}


def _looks(desk: Desk, ask: bool) -> dict[str, Look]:
    engine, found = frame.the_engine(), {}
    for basis, job in _jobs(desk).items():
        session = f"{frame.session_id()}/{basis}"
        if ask:
            engine.ask(session, job)
        found[basis] = engine.look(session, job)
    return found


def _ready(desk: Desk, year: int, region: str | None) -> bool:
    """Ask for what is missing and show what there is; True when nothing is outstanding."""
    lang, looks = desk.lang, _looks(desk, ask=True)
    waiting = [t(f"tally.basis_{basis}", lang) for basis, look in looks.items() if look.answer is None and look.failure is None]
    if waiting:
        show.note(t("tally.bases_waiting", lang, names=listed(waiting, lang)))
        return False
    for basis in (basis for basis, look in looks.items() if look.failure is not None):
        show.note(t("tally.bases_failed", lang, name=t(f"tally.basis_{basis}", lang)))
    found = {basis: look.answer.tables for basis, look in looks.items() if look.answer is not None}
    share = end_value(desk.scenario.value(LEVER), year)
    named = {t("tally.basis_set", lang, share=percent(share, 0)): desk.tables}
    first = {t("tally.basis_hukou", lang): found["hukou"]} if "hukou" in found else {}
    last = {t("tally.basis_resident", lang): found["resident"]} if "resident" in found else {}
    board = tallies.bases_board({**first, **named, **last}, next(iter(named)), year, lang, region)
    show.board(board, desk.source("demand", "allocation"), "bases", lang)
    return True


@st.fragment(run_every=POLL)
def _wait(desk: Desk) -> None:
    if all(look.answer is not None or look.failure is not None for look in _looks(desk, ask=False).values()):
        st.rerun()
