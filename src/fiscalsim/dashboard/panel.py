"""All levers and parameters in one place: found by name, given as a number, a path of years or a mark, with source and grade.

Knows the session, levers and parameters. Must not know results beyond the titles of documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim.dashboard import session, show
from fiscalsim.dashboard.session import bounds, reset_one, set_value, shown_digits, shown_scale, state, the_world, value_words, years_of
from fiscalsim.dashboard.state import State, along, end_value, with_end_value
from fiscalsim.dashboard.strip import Desk
from fiscalsim.levers import Lever, check_value
from fiscalsim.parameters import PARAMETERS, parameter_problems
from fiscalsim.scenario import Scenario
from fiscalsim.text import NONE, has, name_of, number, t

MARKS = ("conservative", "baseline", "ambitious", "limit")
DIGITS = 4  # decimals of a parameter that has no lever and so no step


def toggle() -> None:
    """Open the panel above the page, or close it."""
    st.session_state["panel"] = not st.session_state.get("panel")


def name_in(path: str, levers: Mapping[str, Lever], lang: str) -> str:
    """The name of a lever or parameter; its path where the texts have none."""
    if path in levers:
        return name_of(levers[path], lang)
    return t(f"parameter.{path}", lang) if has(f"parameter.{path}") else path


def shown(path: str, value: Any, levers: Mapping[str, Lever], lang: str) -> str:
    """A value as the panel and the list of differences print it; a path by its first and last year."""
    if isinstance(value, Mapping):
        ends = [(year, shown(path, value[year], levers, lang)) for year in sorted({min(value), max(value)})]
        return t(
            "format.range",
            lang,
            lo=t("panel.year_value", lang, year=ends[0][0], value=ends[0][1]),
            hi=t("panel.year_value", lang, year=ends[-1][0], value=ends[-1][1]),
        )
    if path in levers:
        return value_words(levers[path], float(value))
    text = number(float(value), DIGITS)
    return text.rstrip("0").rstrip(".") if "." in text else text


def differences(now: State, base: Scenario, levers: Mapping[str, Lever], lang: str) -> dict[str, str]:
    """What differs from the scenario: path -> words, from which value to which."""
    lines = {
        path: t(
            "app.difference", lang, name=name_in(path, levers, lang), base=shown(path, base.value(path), levers, lang), now=shown(path, value, levers, lang)
        )
        for path, value in now.set.items()
    }
    if now.policy:
        rules = {"base": t(f"policy.{base.policy}", lang), "now": t(f"policy.{now.policy}", lang)}
        lines["policy"] = t("app.difference", lang, name=t("policy.label", lang), **rules)
    for key, value in now.other.items():
        if key.startswith("limits."):
            family = key.removeprefix("limits.")
            lines[key] = t("app.limit_held" if value else "app.limit_lifted", lang, limit=t(f"limit.{family}.tag", lang))
        else:
            lines[key] = t("app.difference", lang, name=t(f"parameter.{key}", lang), base=str(getattr(base, key)), now=str(value))
    return lines


def panel(desk: Desk) -> None:
    """The panel above the page, when it is open."""
    if not st.session_state.get("panel"):
        return
    lang, world, now = desk.lang, the_world(), state()
    base = world.base(now.base)
    levers = world.levers(base.pack)
    with st.container(border=True):
        find, close = st.columns([5, 1], vertical_alignment="bottom")
        paths = sorted(base.defaults, key=lambda path: (path not in levers, list(levers).index(path) if path in levers else 0))
        names = {path: name_in(path, levers, lang) for path in paths}
        words = t("panel.find", lang, n=len(paths))
        path = find.selectbox(words, paths, format_func=lambda one: names[one], key="w:any", placeholder=t("app.choose", lang))
        close.button(t("app.close", lang), key="w:close", on_click=toggle, width="stretch")
        if path is None:
            return
        value = now.set.get(path, base.value(path))
        left, right = st.columns(2, gap="medium")
        with left:
            _editor(path, value, base, levers, lang)
        with right:
            _about(path, value, base, levers, desk)


def _editor(path: str, value: Any, base: Scenario, levers: Mapping[str, Lever], lang: str) -> None:
    fixed = session.read_only()
    may_vary = not parameter_problems(path, {2000: value if not isinstance(value, Mapping) else next(iter(value.values()))})
    by_year = may_vary and st.toggle(t("panel.by_year", lang), isinstance(value, Mapping), key=f"w:by_year:{path}", disabled=fixed)
    if by_year:
        _years(path, value, levers, fixed, lang)
    else:
        _number(path, value, levers, fixed, lang)
    if path in levers and levers[path].marks:
        _marks(levers[path], base, fixed, lang)


def _number(path: str, value: Any, levers: Mapping[str, Lever], fixed: bool, lang: str) -> None:
    lever = levers.get(path)
    last = years_of(the_world(), state())[1]
    plain = end_value(value, last)
    scale, unit = (shown_scale(lever), name_of(lever, lang, "unit")) if lever else (1.0, _unit(path, lang))
    low, high = bounds(lever, plain) if lever else PARAMETERS.get(path, (True, (None, None)))[1]
    st.session_state[f"n:{path}"] = round(plain * scale, 6)
    label = t("panel.number_year", lang, unit=unit, year=last) if isinstance(value, Mapping) else t("app.new_number", lang, unit=unit)
    st.number_input(
        label,
        low,
        high,
        step=round(lever.step * scale, 6) if lever else 10.0**-DIGITS,
        format=f"%.{shown_digits(lever) if lever else DIGITS}f",
        key=f"n:{path}",
        on_change=_typed,
        args=(path, state().base),
        disabled=fixed,
    )


def _typed(path: str, asked: str) -> None:
    """A number was typed, for the scenario that was shown then."""
    world, now = the_world(), state()
    if asked != now.base:
        return
    base = world.base(now.base)
    lever = world.levers(base.pack).get(path)
    value = float(st.session_state[f"n:{path}"]) / (shown_scale(lever) if lever else 1.0)
    if lever is not None:
        session.set_lever(path, value)
    else:
        given, (first, last) = base.value(path), years_of(world, now)
        take(path, {first: end_value(given, first), last: value} if isinstance(given, Mapping) else value, now.lang)


def _years(path: str, value: Any, levers: Mapping[str, Lever], fixed: bool, lang: str) -> None:
    """The path as a table that can be written in; straight lines hold between its years."""
    lever = levers.get(path)
    scale, unit = (shown_scale(lever), name_of(lever, lang, "unit")) if lever else (1.0, _unit(path, lang))
    first, last = years_of(the_world(), state())
    knots = along(value, (first, last))
    year, amount = t("col.year", lang), t("panel.value", lang, unit=unit)
    rows = pd.DataFrame({year: list(knots), amount: [round(one * scale, 8) for one in knots.values()]})
    with st.form(f"f:{path}", border=False):
        edited = st.data_editor(rows, num_rows="dynamic", hide_index=True, key=f"d:{path}:{sorted(knots.items())}", disabled=fixed, height=36 * 6)
        if st.form_submit_button(t("panel.take", lang), disabled=fixed):
            told = edited.dropna()
            take(path, {int(row[0]): float(row[1]) / scale for row in told.itertuples(index=False)}, lang)
            st.rerun()
    show.note(t("panel.straight", lang))


def take(path: str, value: Any, lang: str) -> bool:
    """Give a lever or parameter a value that was typed; one that may not be is told and left out."""
    world, now = the_world(), state()
    base = world.base(now.base)
    levers = world.levers(base.pack)
    lever = levers.get(path)
    if (lever and check_value(lever, value)) or parameter_problems(path, value):
        old = shown(path, now.set.get(path, base.value(path)), levers, lang)
        low, high = _limits(path, lever, lang)
        unit = name_of(lever, lang, "unit") if lever else _unit(path, lang)
        worst = (
            value
            if not isinstance(value, Mapping)
            else next((one for one in value.values() if lever and check_value(lever, one)), next(iter(value.values()), 0.0))
        )
        told = {"name": name_in(path, levers, lang), "lo": low, "hi": high, "unit": unit, "value": shown(path, worst, levers, lang), "old": old}
        st.session_state["notice"] = t("error.out_of_range", lang, **told)
        return False
    set_value(path, value)
    return True


def _limits(path: str, lever: Lever | None, lang: str) -> tuple[str, str]:
    """Lowest and highest value in words; a dash where there is none."""
    if lever is not None:
        return number(lever.lowest * shown_scale(lever), shown_digits(lever)), number(lever.highest * shown_scale(lever), shown_digits(lever))
    low, high = PARAMETERS.get(path, (True, (None, None)))[1]
    return tuple(NONE if end is None else shown(path, end, {}, lang) for end in (low, high))  # type: ignore[return-value]


def _unit(path: str, lang: str) -> str:
    unit = the_world().parameters(the_world().base(state().base).pack)[path].unit
    return unit if lang == "zh" else t(f"parameter_unit.{unit}", lang) if has(f"parameter_unit.{unit}") else unit


def mark_value(lever: Lever, mark: str, base: Scenario, last: int) -> float:
    """What a mark means for the scenario: its own value, moved by the lever's step for that mark and kept within the lever's range."""
    given = end_value(base.value(lever.path), last)
    shift = 0.0 if mark == "baseline" else lever.marks[[one for one in MARKS if one != "baseline"].index(mark)]
    return given if not shift else min(max(given + shift, lever.lowest), lever.highest)


def _marks(lever: Lever, base: Scenario, fixed: bool, lang: str) -> None:
    """Four marks to choose from, as other calculators have them; ours are assumptions and say so."""
    last = years_of(the_world(), state())[1]
    for column, mark in zip(st.columns(len(MARKS), gap="xsmall"), MARKS, strict=True):
        words = t("panel.mark", lang, mark=t(f"mark.{mark}", lang), value=value_words(lever, mark_value(lever, mark, base, last)))
        column.button(words, key=f"m:{mark}:{lever.path}", on_click=_marked, args=(lever.path, mark), disabled=fixed, width="stretch")
    show.note(t("panel.marks_note", lang, grade=t("grade.D", lang)))


def _marked(path: str, mark: str) -> None:
    world, now = the_world(), state()
    base = world.base(now.base)
    lever = world.levers(base.pack)[path]
    first, last = years_of(world, now)
    if mark == "baseline":
        reset_one(path)
    else:
        set_value(path, with_end_value(base.value(path), last, first, mark_value(lever, mark, base, last), lever))


def _about(path: str, value: Any, base: Scenario, levers: Mapping[str, Lever], desk: Desk) -> None:
    """What it means, its range, and where the scenario's value comes from."""
    lang, lever, told = desk.lang, levers.get(path), desk.world.parameters(base.pack).get(path)
    unit = name_of(lever, lang, "unit") if lever else _unit(path, lang)
    low, high = _limits(path, lever, lang)
    lines = [name_of(lever, lang, "meaning")] if lever else []
    lines.append(t("panel.range", lang, lo=low, hi=high, unit=unit))
    lines.append(t("panel.values", lang, base=shown(path, base.value(path), levers, lang), now=shown(path, value, levers, lang)))
    if told is not None:
        rows = desk.tables["sources"]
        found = rows[rows["key"] == path].head(1).to_dict("records") if desk.info.id == base.pack else []
        document = str((found[0].get("title") if found else "") or told.source)
        lines.append(t("panel.source", lang, grade=t(f"grade.{told.grade}", lang), document=document))
        lines += [told.note] if told.note and lang == "zh" else []
        lines += [t("panel.quote", lang, quote=told.quote)] if told.quote else []
    for line in lines:
        show.note(line)
    if path in state().set and not session.read_only():
        st.button(t("panel.back", lang), key=f"back:{path}", on_click=reset_one, args=(path,))
