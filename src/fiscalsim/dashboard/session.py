"""What a session looks at and how it changes: state, undo, reset, one lever, the rule; and the server's one engine.

Knows Streamlit's session and address. Must not know widgets, results or pages.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from fiscalsim import scenario as scenario_module
from fiscalsim.dashboard.engine import Engine
from fiscalsim.dashboard.state import BadLink, State, World, end_value, from_query, moved_levers, with_end_value
from fiscalsim.errors import FiscalsimError, IntegrityError
from fiscalsim.levers import Lever
from fiscalsim.store import RunStore, SavedRun
from fiscalsim.text import LANGS, number, t

KEPT_STEPS = 50

# --- the server's one engine ----------------------------------------------------------------------------------------


@st.cache_resource
def the_engine() -> Engine:
    """The engine of this server; every session shares it, none sees another's jobs."""
    home = scenario_module.home()
    return Engine(home, runs_folder(), workers=int(os.environ.get("FISCALSIM_WORKERS", "2")))


def runs_folder() -> Path:
    """Where runs are saved: FISCALSIM_RUNS, else `runs` below the folder in which the app was started."""
    return Path(os.environ.get("FISCALSIM_RUNS") or "runs").absolute()


def the_world() -> World:
    """The scenarios and packs of this server."""
    return World(scenario_module.home())


def session_id() -> str:
    """A name for this session that no other has."""
    if "id" not in st.session_state:
        st.session_state["id"] = uuid.uuid4().hex
    return str(st.session_state["id"])


# --- session state --------------------------------------------------------------------------------------------------


def state() -> State:
    """What this session looks at; from the address when the session begins."""
    if "state" not in st.session_state:
        world = the_world()
        try:
            st.session_state["state"] = _opened(from_query(dict(st.query_params), world), world)
        except BadLink as link:
            lang = st.query_params.get("lang", _browser_language())
            lang = lang if lang in LANGS else "zh"
            key = "error.bad_link" if link.near else "error.bad_link_plain"
            st.session_state["notice"] = t(key, lang, key=link.key, **({"nearest": link.near} if link.near else {}))
            st.session_state["state"] = State(world.scenarios()[0], lang)
        if "lang" not in st.query_params and "s" not in st.query_params:
            st.session_state["state"] = replace(st.session_state["state"], lang=_browser_language())
    current: State = st.session_state["state"]
    return current


def _browser_language() -> str:
    locale = st.context.locale or "zh"
    return "zh" if locale.lower().startswith("zh") else "en"


def _opened(wanted: State, world: World) -> State:
    """A state that names a saved run, with the scenario and levers of that run; the baseline and a notice when there is none."""
    if not wanted.run:
        return wanted
    try:
        run = RunStore(runs_folder()).open(wanted.run)
    except FiscalsimError as error:
        key = "error.damaged" if isinstance(error, IntegrityError) else "error.unknown_run"
        st.session_state["notice"] = t(key, wanted.lang, digest=wanted.run, **({"file": "manifest.json"} if key == "error.damaged" else {}))
        return replace(wanted, run="")
    return of_run(run, wanted, world)


def of_run(run: SavedRun, wanted: State, world: World) -> State:
    """The state that shows a saved run, ready for a change: its pack's first scenario and the levers that differ."""
    told = run.manifest["scenario"]
    base = next((name for name in world.scenarios() if world.base(name).pack == told["pack"]), "")
    if not base:
        st.session_state["notice"] = t("error.no_pack", wanted.lang, pack=told["pack"])
        return replace(wanted, run="")
    policy = told["policy"] if told["policy"] != world.base(base).policy else ""
    return State(base, wanted.lang, moved_levers(told["set"], world.base(base), world.levers(told["pack"])), policy, wanted.view, run.digest8)


def change(new: State, remember: bool = True) -> None:
    """Make `new` the session's state; the one before it can be had back."""
    old = state()
    if new == old:
        return
    if remember and not new.same_question(old):
        past = st.session_state.setdefault("past", [])
        past.append(old)
        del past[:-KEPT_STEPS]
    st.session_state["state"] = new


def view(key: str, value: Any) -> None:
    """Remember what is picked on a page, so that it travels along."""
    change(replace(state(), view={**state().view, key: value}), remember=False)


def step_back() -> None:
    past = st.session_state.get("past", [])
    if past:
        st.session_state["state"] = replace(past.pop(), lang=state().lang, view=state().view)


def back_to_scenario() -> None:
    change(State(state().base, state().lang, view=state().view))


def choose_scenario() -> None:
    change(State(st.session_state["w:base"], state().lang))


def choose_language() -> None:
    change(replace(state(), lang=st.session_state["w:lang"] or state().lang), remember=False)


def reset_one(path: str) -> None:
    change(replace(state(), set={key: value for key, value in state().set.items() if key != path}, run=""))


def set_lever(path: str, value: float) -> None:
    """Move one lever to `value` (its own unit); back at the scenario's value it is no longer a change."""
    world, now = the_world(), state()
    base = world.base(now.base)
    lever = world.levers(base.pack)[path]
    first, last = years_of(world, now)
    given = base.value(path)
    others = {key: old for key, old in now.set.items() if key != path}
    if abs(value - end_value(given, last)) < lever.step / 1000:
        change(replace(now, set=others, run=""))
    else:
        change(replace(now, set={**others, path: with_end_value(given, last, first, value, lever)}, run=""))


def set_policy(policy: str) -> None:
    """Choose the rule by which transfers are shared."""
    now = state()
    change(replace(now, policy="" if policy == the_world().base(now.base).policy else policy, run=""))


def years_of(world: World, now: State) -> tuple[int, int]:
    """Base year and last year of the pack, as its latest result told; levers with a path are moved at the last one."""
    known = st.session_state.get("years", {}).get(world.base(now.base).pack)
    if known:
        return int(known[0]), int(known[1])
    return _pack_years(world.home, world.base(now.base).pack)


@st.cache_data(max_entries=32)
def _pack_years(home: Path, pack: str) -> tuple[int, int]:
    from fiscalsim.levers import read_yaml

    told = read_yaml(home / "assumptions" / pack / "pack.yaml")
    return int(told["base_year"]), int(told["horizon_end"])


def shown_scale(lever: Lever) -> float:
    return 1.0 if lever.shown_as == "number" else 100.0


def shown_digits(lever: Lever) -> int:
    step = f"{lever.step * shown_scale(lever):.6f}".rstrip("0")
    return min(3, max(len(step.split(".")[1]), 0))


def value_words(lever: Lever, value: float) -> str:
    """A value of the lever as its slider shows it."""
    return number(value * shown_scale(lever), shown_digits(lever)) + ("%" if lever.shown_as == "percent" else "")
