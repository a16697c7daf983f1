"""The part of the allocation page that sets the rules side by side: who gains and who loses now, and all rules on request.

Asks the engine for the other rules as jobs of their own, so that what the session does meanwhile neither waits for them nor stops them.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from fiscalsim import charts
from fiscalsim.before_after import Tables, before_and_after
from fiscalsim.dashboard import frame, show
from fiscalsim.dashboard.engine import Job
from fiscalsim.dashboard.frame import Desk
from fiscalsim.report import rule_boards
from fiscalsim.report.boards import Board
from fiscalsim.scenario import POLICIES
from fiscalsim.text import listed, name_of, t

POLL = 1.0  # seconds between looks while rules are computed; each takes as long as a run


def show_rules(desk: Desk, year: int) -> None:
    """Gainers and losers by stratum under the rule that is shown; below, the four rules side by side when asked for."""
    lang, mine = desk.lang, desk.scenario.policy
    with st.expander(t("rules.of_this", lang)):
        _board(rule_boards.strata_board(before_and_after({mine: desk.tables}, year), lang), desk, "strata", "transfers")
    if not desk.stale and st.session_state.get("rules") == desk.scenario.digest:
        with st.expander(t("rules.choose", lang), expanded=True):
            if not _ready(desk, year):
                _wait(desk, year)


def show_dumbbell(desk: Desk, year: int) -> None:
    """C8: the lowest area and the mean under every rule whose result is there; a button asks for the others."""
    lang = desk.lang
    found: dict[str, Tables] = {desk.scenario.policy: desk.tables}
    if not desk.stale:
        for rule, job in _jobs(desk).items():
            answer = frame.the_engine().look(f"{frame.session_id()}/{rule}", job).answer
            if answer is not None:
                found[rule] = answer.tables
    rules = before_and_after({rule: found[rule] for rule in POLICIES if rule in found}, year).rules
    show.chart(charts.rules_dumbbell(rules, desk.scenario.policy, lang), desk.source("allocation", "transfers"), "dumbbell", t("rules.explain", lang))
    if desk.stale or st.session_state.get("rules") != desk.scenario.digest:
        st.button(t("rules.start", lang), key="rules:start", on_click=_start, args=(desk.scenario.digest,), disabled=desk.stale)


def _start(digest: str) -> None:
    st.session_state["rules"] = digest


def _jobs(desk: Desk) -> dict[str, Job]:
    """Rule -> the job that answers it; not the rule that is shown, whose answer is there."""
    given = desk.world.base(desk.state.base).policy
    others = [rule for rule in POLICIES if rule != desk.scenario.policy]
    return {rule: desk.world.job(replace(desk.state, policy="" if rule == given else rule, run="")) for rule in others}


def _ready(desk: Desk, year: int) -> bool:
    """Ask for what is missing and show what there is; True when nothing is outstanding."""
    engine, lang = frame.the_engine(), desk.lang
    found: dict[str, Tables] = {desk.scenario.policy: desk.tables}
    missing = []
    for rule, job in _jobs(desk).items():
        session = f"{frame.session_id()}/{rule}"
        engine.ask(session, job)
        look = engine.look(session, job)
        if look.answer is not None:
            found[rule] = look.answer.tables
        elif look.failure is not None:
            show.note(t("rules.failed", lang, rule=t(f"policy.{rule}", lang)))
        else:
            missing.append(t(f"policy.{rule}", lang))
    if missing:
        show.note(t("rules.waiting", lang, rules=listed(missing, lang)))
        return False
    table = before_and_after({rule: found[rule] for rule in POLICIES if rule in found}, year)
    _board(rule_boards.rules_board(table, name_of(desk.info, lang), lang), desk, "rules", "allocation", "transfers")
    _board(rule_boards.regions_board(table, lang), desk, "rules_regions", "transfers")
    _board(rule_boards.strata_board(table, lang), desk, "rules_strata", "transfers")
    return True


@st.fragment(run_every=POLL)
def _wait(desk: Desk, year: int) -> None:
    engine = frame.the_engine()
    looks = [engine.look(f"{frame.session_id()}/{rule}", job) for rule, job in _jobs(desk).items()]
    if all(look.answer is not None or look.failure is not None for look in looks):
        st.rerun()


def _board(board: Board, desk: Desk, key: str, *tables: str) -> None:
    show.board(board, desk.source(*tables), key, desk.lang)
