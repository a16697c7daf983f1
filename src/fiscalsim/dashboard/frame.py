"""One run of the app: the page that was asked for, its result, and what stands around it. Pages take all they need from here.

Knows Streamlit's navigation and the rooms of the frame (session, sidebar, jobs, strip). Must not know what a page shows; computes nothing itself.
"""

from __future__ import annotations

import sys
import traceback
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from fiscalsim.dashboard import files, panel, session, show
from fiscalsim.dashboard.engine import Answer, Engine, Failure, Look
from fiscalsim.dashboard.jobs import ask_for, ask_replay, ask_save, failure_words, finish_save, look_at, look_for, same_figures, wait_for
from fiscalsim.dashboard.session import (
    reviewer_header,
    runs_folder,
    session_id,
    set_lever,
    set_patch,
    set_policy,
    signed_in,
    state,
    the_world,
    value_words,
    view,
)
from fiscalsim.dashboard.sidebar import sidebar
from fiscalsim.dashboard.state import State, World, to_query
from fiscalsim.dashboard.strip import Desk, strip
from fiscalsim.errors import InputError, IntegrityError
from fiscalsim.prices import CURRENT, at_prices
from fiscalsim.scenario import Scenario
from fiscalsim.text import name_of, t

__all__ = [  # what pages may use
    "PAGES",
    "Desk",
    "ask_for",
    "ask_replay",
    "ask_save",
    "failure_words",
    "look_at",
    "main",
    "reviewer_header",
    "runs_folder",
    "same_figures",
    "session_id",
    "set_lever",
    "set_patch",
    "set_policy",
    "signed_in",
    "state",
    "the_engine",
    "value_words",
    "view",
    "wait_for",
]
PAGES = ("overview", "why", "allocation", "indicators", "people", "fiscal", "affordability", "delivery", "risk", "compare", "sources")
LOGO = Path(__file__).parent / "static" / "logo.svg"


def the_engine() -> Engine:
    """The engine of this server."""
    return session.the_engine()


def main(first: str = "overview") -> None:
    """Draw the app; `first` is the page of the plain address."""
    now = state()
    lang = now.lang
    st.set_page_config(page_title=t("app.title", lang), page_icon=str(LOGO), layout="wide", initial_sidebar_state=284)
    show.style()
    st.logo(str(LOGO.with_name(f"logo.{lang}.svg")), size="large", icon_image=str(LOGO))
    pages = [
        st.Page(lambda name=name: _page(name), title=t(f"page.{name}.name", lang), url_path=name, default=name == first)  # type: ignore[misc]
        for name in PAGES
    ]
    st.session_state["pages"] = dict(zip(PAGES, pages, strict=True))  # a page leads to another one without leaving the session
    chosen = st.navigation(pages, position="top")
    chosen.run()
    _write_address()


def _write_address() -> None:
    query = to_query(state(), the_world()) | ({"ro": "1"} if session.read_only() else {})
    if dict(st.query_params) != query:
        st.query_params.from_dict(query)


def _page(name: str) -> None:
    now, world = state(), the_world()
    lang = now.lang
    notices = st.container()  # always there, so that a notice never shifts the page below it
    try:
        with notices:
            desk = _desk(now, world, lang)
        if desk is not None:
            strip(desk)
            panel.panel(desk)
            from importlib import import_module

            import_module(f"fiscalsim.dashboard.pages.{name}").show_page(desk)
    except InputError as error:
        st.error(failure_words(Failure("", "input", str(error), "", error.problems), lang))
        files.problem_table(error.problems, lang)
    except IntegrityError as error:
        st.error(session.damaged_words(error, lang))
    except Exception:
        number_ = uuid.uuid4().hex[:8]
        print(f"[{number_}] {traceback.format_exc()}", file=sys.stderr, flush=True)
        st.error(t("error.page", lang, id=number_))


def _desk(now: State, world: World, lang: str) -> Desk | None:
    """The result to show; None while there is none at all, after saying why."""
    engine = session.the_engine()
    saving = finish_save(engine, lang)
    stopped = st.session_state.get("stopped")
    if stopped:  # a damaged run is not shown, nor anything in its place
        sidebar(lang, can_save=False)
        st.error(stopped)
        st.button(t("error.open_baseline", lang), key="w:baseline", on_click=lambda: st.session_state.pop("stopped", None))
        return None
    look, folder = look_for(engine, now, world)
    sidebar(lang, can_save=not folder and not saving and look.failure is None)
    files.problems(lang)
    for key, say in (("notice", st.warning), ("done", st.success)):
        words = st.session_state.pop(key, "")
        if words:
            say(words)
    if saving:
        wait_for(lambda: engine.look(session_id(), st.session_state["saving"]) if "saving" in st.session_state else Look(), lambda _: t("app.saving", lang))
    shown: Answer | None = st.session_state.get("shown")
    if look.failure is not None:
        st.error(failure_words(look.failure, lang))
        if look.failure.problems:
            files.problem_table(look.failure.problems, lang)
        if st.button(t("error.retry", lang), key="w:retry"):
            engine.forget_failure(session_id())
            st.rerun()
        return None
    if look.answer is not None:
        shown = st.session_state["shown"] = look.answer
        st.session_state.setdefault("years", {})[look.answer.info.id] = (look.answer.info.base_year, look.answer.info.horizon_end)
        if not now.moved:
            st.session_state["baseline"] = look.answer
    elif not saving:
        job = world.job(now, replay=st.session_state.get("replay") == world.scenario(now).digest)
        wait_for(lambda: engine.look(session_id(), job), lambda found: _wait_words(found, world.scenario(now), shown, lang))
    asked = world.scenario(now)
    if shown is None or (look.answer is None and (shown.info.id, shown.info.resolution) != (asked.pack, asked.resolution)):
        return None
    baseline: Answer | None = st.session_state.get("baseline")
    if baseline is not None and ((baseline.info.id, baseline.info.resolution) != (shown.info.id, shown.info.resolution) or baseline is shown):
        baseline = None
    basis = str(now.view.get("prices", CURRENT))
    return Desk(lang, now, world, world.scenario(now), _priced(shown, basis), _priced(baseline, basis), folder, look.answer is None)


def _priced(answer: Answer | None, basis: str) -> Any:
    """The answer with its money at the prices that are looked at."""
    return answer if answer is None or basis == CURRENT else replace(answer, tables=at_prices(answer.tables, basis))


def _wait_words(look: Look, scenario: Scenario, shown: Answer | None, lang: str) -> str:
    if look.repeated:
        return t("app.repeated", lang, s=int(look.seconds))
    if look.ahead:
        return t("app.queued", lang, n=look.ahead)
    if shown is None or (shown.info.id, shown.info.resolution) != (scenario.pack, scenario.resolution):
        return t("app.first_run", lang, name=name_of(scenario, lang), s=int(look.seconds))
    return t("app.waiting", lang, s=int(look.seconds))
