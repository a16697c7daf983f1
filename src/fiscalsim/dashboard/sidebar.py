"""The left side of every page: scenario, actions, what differs, levers, files, language.

Knows widgets and the session. Must not know results.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from fiscalsim.dashboard import files, panel, session, show
from fiscalsim.dashboard.jobs import ask_save
from fiscalsim.dashboard.session import (
    bounds,
    choose_language,
    choose_scenario,
    reset_one,
    set_lever,
    shown_digits,
    shown_scale,
    state,
    the_world,
    value_words,
    years_of,
)
from fiscalsim.dashboard.state import State, end_value
from fiscalsim.levers import Lever
from fiscalsim.scenario import Scenario
from fiscalsim.text import LANGS, name_of, number, t

OPEN_GROUPS = {"people": ("demography.tfr", "demography.life_expectancy"), "fiscal": ("fiscal.revenue_growth", "fiscal.transfer_pool")}
PICKED_GROUPS = ("standards", "targets")  # too many levers for a list: one is picked, then moved


def sidebar(lang: str, can_save: bool) -> None:
    """Scenario, actions, levers, language; the same on every page."""
    world, now = the_world(), state()
    base = world.base(now.base)
    levers = world.levers(base.pack)
    with st.sidebar:
        st.session_state["w:base"] = now.base
        names = {name: name_of(world.base(name), lang) for name in world.scenarios()}
        fixed = session.read_only()
        st.selectbox(t("app.scenario", lang), list(names), format_func=lambda name: names[name], key="w:base", on_change=choose_scenario, disabled=fixed)
        if fixed:
            files.make_own(lang)
        else:
            _actions(now, can_save, lang)
        _differences(now, base, levers, fixed, lang)
        groups: dict[str, list[Lever]] = {}
        for lever in levers.values():
            groups.setdefault(lever.group, []).append(lever)
        for group, first in OPEN_GROUPS.items():
            _open_group(group, groups.pop(group, []), first, base, now, lang)
        for group, mine in groups.items():
            _closed_group(group, mine, base, now, lang)
        st.button(t("app.all_levers", lang), key="w:all", on_click=panel.toggle, width="stretch", type="tertiary", help=t("panel.help", lang))
        if not fixed:
            files.open_file(lang)
        st.session_state["w:lang"] = lang
        st.segmented_control(
            t("app.language", lang),
            LANGS,
            format_func=lambda one: t(f"language.{one}", lang),
            key="w:lang",
            on_change=choose_language,
            label_visibility="collapsed",
            required=True,
        )
        if session.signed_in():
            show.note(t("app.signed_in", lang, name=session.signed_in()))


def _actions(now: State, can_save: bool, lang: str) -> None:
    """Save, undo, redo, reset: in one row above the levers, so that they stay in sight."""
    save, undo, redo, reset = st.columns(4, gap="xxsmall")
    moved = now.moved or bool(now.run)
    save.button(t("app.save", lang), type="primary", key="w:save", help=t("app.save_help", lang), on_click=ask_save, disabled=not can_save, width="stretch")
    for column, name, act, able in (
        (undo, "undo", session.step_back, bool(st.session_state.get("past"))),
        (redo, "redo", session.step_forward, bool(st.session_state.get("future"))),
        (reset, "reset", session.back_to_scenario, moved),
    ):
        column.button(t(f"app.{name}", lang), key=f"w:{name}", help=t(f"app.{name}_help", lang), on_click=act, disabled=not able, width="stretch")


def _differences(now: State, base: Scenario, levers: Mapping[str, Lever], fixed: bool, lang: str) -> None:
    """What differs from the scenario, each with one click to put it back."""
    lines = panel.differences(now, base, levers, lang)
    if not lines:
        return
    with st.expander(t("app.differences", lang, n=len(lines))):
        for path, words in lines.items():
            st.button(words, key=f"diff:{path}", type="tertiary", help=t("app.changed_help", lang), on_click=reset_one, args=(path,), disabled=fixed)


def _open_group(group: str, mine: list[Lever], first: tuple[str, ...], base: Scenario, now: State, lang: str) -> None:
    with st.expander(t(f"group.{group}", lang), expanded=True):
        for lever in (one for one in mine if one.path in first):
            _slider(lever, base, now, lang)
    rest = [one for one in mine if one.path not in first]
    if rest:
        changed = any(one.path in now.set for one in rest)
        with st.expander(t("app.group_more", lang, group=t(f"group.{group}", lang), n=len(rest)), expanded=changed):
            for lever in rest:
                _slider(lever, base, now, lang)


def _closed_group(group: str, mine: list[Lever], base: Scenario, now: State, lang: str) -> None:
    changed = [one for one in mine if one.path in now.set]
    with st.expander(t("app.lever_count", lang, group=t(f"group.{group}", lang), n=len(mine)), expanded=bool(changed)):
        if group not in PICKED_GROUPS:
            for lever in mine:
                _slider(lever, base, now, lang)
            return
        paths = {one.path: one for one in mine}
        picked = st.selectbox(t(f"group.{group}", lang), list(paths), format_func=lambda path: name_of(paths[path], lang), key=f"w:{group}")
        for lever in dict.fromkeys([*changed, *([paths[picked]] if picked else [])]):
            _slider(lever, base, now, lang)


def _moved(path: str, base: str) -> None:
    """A slider was moved. One of another scenario, whose page was still being drawn when the scenario changed, moves nothing."""
    world, now = the_world(), state()
    if base != now.base:
        return
    lever = world.levers(world.base(now.base).pack)[path]
    set_lever(path, float(st.session_state[f"l:{path}"]) / shown_scale(lever))


def _slider(lever: Lever, base: Scenario, now: State, lang: str) -> None:
    _, last = years_of(the_world(), now)
    scale, digits = shown_scale(lever), shown_digits(lever)
    given = base.value(lever.path)
    value = end_value(now.set.get(lever.path, given), last)
    low, high = bounds(lever, value)
    st.session_state[f"l:{lever.path}"] = round(value * scale, 6)
    unit = name_of(lever, lang, "unit")
    dated = isinstance(given, Mapping)
    label = t("app.lever_label_year" if dated else "app.lever_label", lang, name=name_of(lever, lang), unit=unit, **({"year": last} if dated else {}))
    about = t("app.lever_help", lang, meaning=name_of(lever, lang, "meaning"), lo=number(low, digits), hi=number(high, digits), unit=unit, source=lever.source)
    sign = "+" if lever.shown_as == "points" else ""
    st.slider(
        label,
        low,
        high,
        step=round(lever.step * scale, 6),
        format=f"%{sign}.{digits}f",
        key=f"l:{lever.path}",
        help=about,
        on_change=_moved,
        args=(lever.path, now.base),
        disabled=session.read_only(),
    )
    if lever.path in now.set and not session.read_only():
        words = {"base": value_words(lever, end_value(given, last)), "now": value_words(lever, value)}
        about = t("app.changed_help", lang)
        st.button(t("app.changed", lang, **words), key=f"undo:{lever.path}", type="tertiary", help=about, on_click=reset_one, args=(lever.path,))
