"""Asking the engine and waiting for it: previews, saves, saved runs, and what is said when there is no result.

Knows the engine, the store and the session. Must not know pages or levers' widgets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from fiscalsim.dashboard import session
from fiscalsim.dashboard.engine import Answer, Engine, Failure, Job, Look
from fiscalsim.dashboard.session import damaged_words, runs_folder, session_id, state, the_world, value_words, years_of
from fiscalsim.dashboard.state import State, World, end_value
from fiscalsim.errors import IntegrityError
from fiscalsim.quantities import PackInfo
from fiscalsim.store import RunStore
from fiscalsim.text import LANGS, listed, name_of, t

PATIENCE = 0.6  # seconds a page waits before it shows the previous result; tried in a browser, desk.md section 5
POLL = 0.4
LONGEST_SAVED_NAME = 70
PASSES = {"1a": "floors", "1b": "floors", "2": "binding", "3": "expected", "4": "worst_off", "5": "least_cost"}
STOPS = {"limit": "limit reached", "infeasible": "infeasible", "unbounded": "unbounded"}  # the solver's words for a pass without optimum


def ask_save() -> None:
    now, world = state(), the_world()
    st.session_state["saving"] = world.job(now, save=tuple(_name_to_save(now, world, lang) for lang in LANGS))


def _name_to_save(now: State, world: World, lang: str) -> str:
    """The scenario's name, and behind it what was changed."""
    own = st.session_state.get("my_name")
    if own:
        return str(own)
    base = world.base(now.base)
    levers, (_, last) = world.levers(base.pack), years_of(world, now)
    gap = t("format.between_sentences", lang)
    changes = [f"{name_of(levers[path], lang)}{gap}{value_words(levers[path], end_value(value, last))}" for path, value in now.set.items() if path in levers]
    changes += [t(f"policy.{now.policy}", lang)] if now.policy else []
    name = name_of(base, lang)
    if not changes:
        return name
    return t("app.name_with_changes", lang, name=name, changes=listed(changes, lang, 2))[:LONGEST_SAVED_NAME]


def ask_replay() -> None:
    """Compute the state once more with the month-by-month replay."""
    now, world = state(), the_world()
    st.session_state["replay"] = world.scenario(now).digest
    session.the_engine().ask(session_id(), world.job(now, replay=True))


def finish_save(engine: Engine, lang: str) -> bool:
    """Look after a save that was asked for; True while it still runs."""
    job: Job | None = st.session_state.get("saving")
    if job is None:
        return False
    engine.ask(session_id(), job)
    look = engine.wait(session_id(), job, PATIENCE)
    if look.answer is None and look.failure is None:
        return True
    del st.session_state["saving"]
    if look.failure is not None:
        st.session_state["notice"] = failure_words(look.failure, lang)
    elif look.answer is not None:
        before: Answer | None = st.session_state.get("shown")
        st.session_state["done"] = t("app.saved", lang, digest=str(look.answer.record["run"])[-8:])
        if before is not None and before.key.split("|")[0] == job.digest and not same_figures(before, look.answer):
            st.session_state["notice"] = t("app.preview_differs", lang)
        st.session_state["shown"] = look.answer
    return False


def same_figures(preview: Answer, saved: Answer) -> bool:
    """Whether preview and saved result agree in what is provided and what is transferred, to a millionth."""
    for table, column in (("allocation", "provided"), ("transfers", "yuan")):
        key = [c for c in ("year", "region", "residence", "service", "kind") if c in preview.tables[table].columns]
        a = preview.tables[table].groupby(key)[column].sum()
        b = saved.tables[table].groupby(key)[column].sum()
        both = pd.concat([a, b], axis=1, keys=["a", "b"]).fillna(0.0)
        if ((both["a"] - both["b"]).abs() > 1e-6 * both["a"].abs().max()).any():
            return False
    return True


def failure_words(failure: Failure, lang: str) -> str:
    """What a user is told when a job has no result: where, why, what next; never a traceback."""
    if failure.kind == "input":
        return t("error.bad_input", lang, n=max(len(failure.problems), len(failure.text.splitlines())))
    if failure.kind == "no_solution":
        return no_plan_words(failure.text, lang)
    if failure.kind == "disk":
        return t("error.disk_full", lang)
    if failure.kind == "integrity":
        return damaged_words(IntegrityError(failure.text), lang)
    return t("error.interrupted", lang, id=failure.id)


def no_plan_words(text: str, lang: str) -> str:
    """Why there is no plan, from the solver's own words: which pass, what it met, what can be done."""
    found = re.match(r"pass (\w+): (.*)", text)
    where = t(f"pass.{PASSES.get(found[1], 'other') if found else 'other'}", lang)
    said = (found[2] if found else text).lower()
    why = next((key for key, word in STOPS.items() if word in said), "numbers")
    return t(f"stop.{why}", lang, where=where)


def saved_folder(digest8: str) -> str:
    """Folder of the saved run with this digest, empty when there is none."""
    return next((name for name in RunStore(runs_folder()).names() if name.endswith("-" + digest8)), "")


@st.cache_resource(max_entries=6)
def _run_answer(folder: Path) -> Answer:
    """A saved run as an answer; its tables are verified when they are read."""
    run = RunStore(folder.parent).open(folder.name)
    tables = run.tables()
    told = {key: value for key, value in run.manifest["pack"].items() if key in PackInfo.__dataclass_fields__}
    record = {key: run.manifest[key] for key in ("passes", "timings", "versions", "solver_options", "pack_digest")}
    return Answer(f"{run.manifest['digest']}|saved", PackInfo(**told, region_names=tables["regions"]), tables, {**record, "run": run.name})


def look_for(engine: Engine, now: State, world: World) -> tuple[Look, str]:
    """The result of the session's state and the folder in which it is saved; asks for it and waits a little."""
    scenario = world.scenario(now)
    folder = saved_folder(now.run or scenario.digest8)
    if now.run and folder:
        return Look(answer=_run_answer(runs_folder() / folder)), folder
    job = world.job(now)
    asked = st.session_state.get("replay") == scenario.digest
    for better in (world.job(now, replay=True), job):
        found = engine.look(session_id(), better)
        if found.answer is not None and not (asked and better == job and not folder):
            return found, folder
    if folder:
        return Look(answer=_run_answer(runs_folder() / folder)), folder
    if st.session_state.get("replay") == scenario.digest:
        job = world.job(now, replay=True)
    engine.ask(session_id(), job)
    return engine.wait(session_id(), job, PATIENCE), ""


def look_at(job: Job) -> Look:
    """How a page's own job stands."""
    return session.the_engine().look(session_id(), job)


def ask_for(job: Job) -> None:
    """Ask for a page's own job, again where it failed before."""
    session.the_engine().forget_failure(session_id())
    session.the_engine().ask(session_id(), job)


@st.fragment(run_every=POLL)
def wait_for(look: Callable[[], Look], words: Callable[[Look], str]) -> None:
    """Say how a job stands, again and again, and draw the page anew when it has ended."""
    found = look()
    if found.answer is not None or found.failure is not None:
        st.rerun()
    st.info(words(found))
    if found.fraction > 0:
        st.progress(min(max(found.fraction, 0.0), 1.0))
