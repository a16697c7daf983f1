"""The left side of every page: scenario, actions, levers, language.

Knows widgets and the session. Must not know results beyond the source of a value.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from fiscalsim.dashboard import show
from fiscalsim.dashboard.engine import Answer
from fiscalsim.dashboard.jobs import ask_save
from fiscalsim.dashboard.session import (
    back_to_scenario,
    choose_language,
    choose_scenario,
    reset_one,
    set_lever,
    shown_digits,
    shown_scale,
    state,
    step_back,
    the_world,
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
        st.selectbox(t("app.scenario", lang), list(names), format_func=lambda name: names[name], key="w:base", on_change=choose_scenario)
        save, undo, reset = st.columns(3, gap="small")
        save.button(t("app.save", lang), type="primary", help=t("app.save_help", lang), on_click=ask_save, disabled=not can_save, width="stretch")
        undo.button(t("app.undo", lang), help=t("app.undo_help", lang), on_click=step_back, disabled=not st.session_state.get("past"), width="stretch")
        moved = bool(now.set or now.policy or now.run)
        reset.button(t("app.reset", lang), help=t("app.reset_help", lang), on_click=back_to_scenario, disabled=not moved, width="stretch")
        groups: dict[str, list[Lever]] = {}
        for lever in levers.values():
            groups.setdefault(lever.group, []).append(lever)
        for group, first in OPEN_GROUPS.items():
            mine = groups.pop(group, [])
            with st.expander(t(f"group.{group}", lang), expanded=True):
                for lever in (one for one in mine if one.path in first):
                    _slider(lever, base, now, lang)
            rest = [one for one in mine if one.path not in first]
            changed = any(one.path in now.set for one in rest)
            if rest:
                with st.expander(t("app.group_more", lang, group=t(f"group.{group}", lang), n=len(rest)), expanded=changed):
                    for lever in rest:
                        _slider(lever, base, now, lang)
        for group, mine in groups.items():
            changed_ones = [one for one in mine if one.path in now.set]
            with st.expander(t("app.lever_count", lang, group=t(f"group.{group}", lang), n=len(mine)), expanded=bool(changed_ones)):
                if group in PICKED_GROUPS:
                    paths = {one.path: one for one in mine}
                    picked = st.selectbox(t(f"group.{group}", lang), list(paths), format_func=lambda path: name_of(levers[path], lang), key=f"w:{group}")
                    for lever in dict.fromkeys([*changed_ones, *([paths[picked]] if picked else [])]):
                        _slider(lever, base, now, lang)
                else:
                    for lever in mine:
                        _slider(lever, base, now, lang)
        _all_levers(levers, base, now, lang)
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


def _moved(path: str) -> None:
    world, now = the_world(), state()
    lever = world.levers(world.base(now.base).pack)[path]
    set_lever(path, float(st.session_state[f"l:{path}"]) / shown_scale(lever))


def _typed(path: str) -> None:
    world = the_world()
    lever = world.levers(world.base(state().base).pack)[path]
    set_lever(path, float(st.session_state[f"n:{path}"]) / shown_scale(lever))


def _all_levers(levers: Mapping[str, Lever], base: Scenario, now: State, lang: str) -> None:
    """Any lever by name, typed as a number, with the grade and document of its value."""
    with st.expander(t("app.all_levers", lang)):
        names = {path: name_of(lever, lang) for path, lever in levers.items()}
        path = st.selectbox(t("app.search_lever", lang), list(names), format_func=lambda one: names[one], key="w:any")
        if path is None:
            return
        lever, (_, last) = levers[path], years_of(the_world(), now)
        scale, digits, unit = shown_scale(lever), shown_digits(lever), name_of(lever, lang, "unit")
        value = end_value(now.set.get(path, base.value(path)), last)
        low, high = min(lever.lowest, value) * scale, max(lever.highest, value) * scale
        st.session_state[f"n:{path}"] = round(value * scale, 6)
        st.number_input(
            t("app.new_number", lang, unit=unit),
            round(low, 6),
            round(high, 6),
            step=round(lever.step * scale, 6),
            format=f"%.{digits}f",
            key=f"n:{path}",
            on_change=_typed,
            args=(path,),
        )
        shown: Answer | None = st.session_state.get("shown")
        rows = shown.tables["sources"] if shown is not None and shown.info.id == base.pack else pd.DataFrame({"key": []})
        for row in rows[rows["key"] == path].head(1).to_dict("records"):
            document = str(row.get("title") or row["source"])
            words = t("app.lever_source", lang, value=number(value * scale, digits), unit=unit, grade=t(f"grade.{row['grade']}", lang), document=document)
            show.note(words)


def _slider(lever: Lever, base: Scenario, now: State, lang: str) -> None:
    _, last = years_of(the_world(), now)
    scale, digits = shown_scale(lever), shown_digits(lever)
    given = base.value(lever.path)
    value = end_value(now.set.get(lever.path, given), last)
    low, high = min(lever.lowest, value) * scale, max(lever.highest, value) * scale
    st.session_state[f"l:{lever.path}"] = round(value * scale, 6)
    unit = name_of(lever, lang, "unit")
    dated = isinstance(given, Mapping)
    label = t("app.lever_label_year" if dated else "app.lever_label", lang, name=name_of(lever, lang), unit=unit, **({"year": last} if dated else {}))
    about = t("app.lever_help", lang, meaning=name_of(lever, lang, "meaning"), lo=number(low, digits), hi=number(high, digits), unit=unit, source=lever.source)
    sign = "+" if lever.shown_as == "points" else ""
    st.slider(
        label,
        round(low, 6),
        round(high, 6),
        step=round(lever.step * scale, 6),
        format=f"%{sign}.{digits}f",
        key=f"l:{lever.path}",
        help=about,
        on_change=_moved,
        args=(lever.path,),
    )
    if lever.path in now.set:
        words = {"base": number(end_value(given, last) * scale, digits), "now": number(value * scale, digits)}
        about = t("app.changed_help", lang)
        st.button(t("app.changed", lang, **words), key=f"undo:{lever.path}", type="tertiary", help=about, on_click=reset_one, args=(lever.path,))
