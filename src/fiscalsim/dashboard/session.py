"""What a session looks at and how it changes: state, undo, reset, one lever, the rule; and the server's one engine.

Knows Streamlit's session and address. Must not know widgets, results or pages.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from fiscalsim import scenario as scenario_module
from fiscalsim.dashboard.engine import Engine
from fiscalsim.dashboard.state import BadLink, State, World, end_value, from_query, state_of, with_end_value
from fiscalsim.errors import FiscalsimError, IntegrityError
from fiscalsim.levers import Lever, Value, clean_value
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
            opened = _opened(from_query(dict(st.query_params), world), world)
            st.session_state["read_only"] = "ro" in st.query_params
        except BadLink as link:
            lang = st.query_params.get("lang", _browser_language())
            lang = lang if lang in LANGS else "zh"
            key = "error.bad_link" if link.near else "error.bad_link_plain"
            st.session_state["notice"] = t(key, lang, key=plain(link.key), **({"nearest": link.near} if link.near else {}))
            opened = State(world.scenarios()[0], lang)
        if "lang" not in st.query_params and "s" not in st.query_params:
            opened = replace(opened, lang=_browser_language())
        st.session_state["state"] = opened
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
    except IntegrityError as error:
        st.session_state["stopped"] = damaged_words(error, wanted.lang, wanted.run)
        return replace(wanted, run="")
    except FiscalsimError:
        st.session_state["notice"] = t("error.unknown_run", wanted.lang, digest=wanted.run)
        return replace(wanted, run="")
    return of_run(run, wanted, world)


def damaged_words(error: IntegrityError, lang: str, digest8: str = "") -> str:
    """What is said of a run that is not what was saved; the error begins with its folder and file."""
    folder, _, rest = str(error).partition("/")
    return t("error.damaged", lang, digest=digest8 or folder[-8:], file=rest.split(":")[0])


def of_run(run: SavedRun, wanted: State, world: World) -> State:
    """The state that shows a saved run, ready for a change: the nearest scenario of its pack and what differs."""
    found = state_of(run.manifest["scenario"], world, wanted.lang)
    if found is None:
        st.session_state["notice"] = t("error.no_pack", wanted.lang, pack=run.manifest["scenario"]["pack"])
        return replace(wanted, run="")
    return replace(found, view=wanted.view, run=run.digest8)


def plain(text: str) -> str:
    """Words of a stranger (a link's key, a file's name) inside a message: no sign of theirs is taken for markup."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-!|~$:" else sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def read_only() -> bool:
    """Whether the session only looks at what a link showed it."""
    return bool(st.session_state.get("read_only"))


def make_own() -> None:
    """Leave the read-only view; what it shows is from now on the session's own scenario."""
    st.session_state["read_only"] = False


def change(new: State, remember: bool = True) -> None:
    """Make `new` the session's state; the one before it can be had back."""
    old = state()
    st.session_state.pop("stopped", None)
    if new == old:
        return
    if remember and not new.same_question(old):
        _keep("past", old)
        st.session_state["future"] = []
    st.session_state["state"] = new


def _keep(where: str, old: State) -> None:
    kept = st.session_state.setdefault(where, [])
    kept.append(old)
    del kept[:-KEPT_STEPS]


def view(key: str, value: Any) -> None:
    """Remember what is picked on a page, so that it travels along."""
    change(replace(state(), view={**state().view, key: value}), remember=False)


def step_back() -> None:
    """Undo: the state before the last change, with what is picked on the pages now."""
    _step("past", "future")


def step_forward() -> None:
    """Redo: the state that the last undo left."""
    _step("future", "past")


def _step(there: str, here: str) -> None:
    kept = st.session_state.get(there, [])
    if kept:
        now = state()
        _keep(here, now)
        st.session_state["state"] = replace(kept.pop(), lang=now.lang, view=now.view)


def back_to_scenario() -> None:
    """Reset: nothing differs from the scenario any more."""
    change(State(state().base, state().lang, view=state().view))


def choose_scenario() -> None:
    """Take the scenario that the sidebar's list says."""
    st.session_state.pop("my_name", None)
    change(State(st.session_state["w:base"], state().lang))


def choose_language() -> None:
    """Take the language that the sidebar says."""
    change(replace(state(), lang=st.session_state["w:lang"] or state().lang), remember=False)


def reset_one(path: str) -> None:
    """Put one lever or parameter back, the rule (`policy`), or what else a file has otherwise (seed, resolution, limits.<family>)."""
    now = state()
    kept = {key: value for key, value in now.set.items() if key != path}
    other = {key: value for key, value in now.other.items() if key != path}
    change(replace(now, set=kept, other=other, policy="" if path == "policy" else now.policy, run=""))


def set_lever(path: str, value: float) -> None:
    """Move one lever to `value` (its own unit); back at the scenario's value it is no longer a change. One with a path is moved at its last year."""
    world, now = the_world(), state()
    base = world.base(now.base)
    lever = world.levers(base.pack)[path]
    first, last = years_of(world, now)
    given = base.value(path)
    if abs(value - end_value(given, last)) < lever.step / 1000:
        reset_one(path)
    else:
        change(replace(now, set={**now.set, path: with_end_value(given, last, first, value, lever)}, run=""))


def set_value(path: str, value: Value) -> None:
    """Give one lever or parameter a number or a whole path, already checked; the scenario's own value is no change."""
    now, given = state(), the_world().base(state().base).value(path)
    if clean_value(value) == clean_value(given):
        reset_one(path)
    else:
        change(replace(now, set={**now.set, path: value}, run=""))


def set_patch(patch: Mapping[str, Any]) -> None:
    """Set several levers and parameters at once, as a repair does; one step back undoes them together."""
    now = state()
    base = the_world().base(now.base)
    kept = {key: value for key, value in {**now.set, **patch}.items() if value != base.value(key)}
    change(replace(now, set=kept, run=""))


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
    """What a value of the lever is multiplied by when it is shown."""
    return 1.0 if lever.shown_as == "number" else 100.0


def shown_digits(lever: Lever) -> int:
    """Decimals with which the lever's values are shown: those of its step."""
    step = f"{lever.step * shown_scale(lever):.6f}".rstrip("0")
    return min(3, max(len(step.split(".")[1]), 0))


def bounds(lever: Lever, value: float) -> tuple[float, float]:
    """Lowest and highest value that a control of the lever offers, as shown; a value outside (from a file) stays reachable."""
    scale = shown_scale(lever)
    return round(min(lever.lowest, value) * scale, 6), round(max(lever.highest, value) * scale, 6)


def value_words(lever: Lever, value: float) -> str:
    """A value of the lever as its slider shows it."""
    return number(value * shown_scale(lever), shown_digits(lever)) + ("%" if lever.shown_as == "percent" else "")


def reviewer_header() -> str:
    """Name under which the bureau's own login hands over who is signed in (docs/how-to/deploy-behind-a-proxy.md); `st.user` reads it."""
    return "X-Remote-User"


def signed_in() -> str:
    """Who is signed in by the bureau's own login; empty without one."""
    return str(st.user.get("name") or "") if st.user else ""
