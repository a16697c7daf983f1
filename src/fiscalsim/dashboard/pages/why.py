"""Why not more, and what is the cheapest repair: the cell, its limits as sentences, ways to ease them, the whole list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, headlines, show
from fiscalsim.dashboard.frame import Desk, ask_for, ask_replay, ask_save, failure_words, look_at, set_patch, view, wait_for
from fiscalsim.levers import read_yaml
from fiscalsim.repairs import WHOLE, Repairs
from fiscalsim.report import repair_boards
from fiscalsim.text import NONE, money_unit, number, t

ADOPTED = 2  # ways that one button adopts together


@dataclass(frozen=True)
class Asked:
    """The shortfall that is looked at: a cell, or a target of the plan (`indicator`)."""

    region: str
    service: str
    residence: str
    year: int
    indicator: str = ""

    @property
    def about(self) -> tuple[str, ...]:
        """As the engine's job names it."""
        return ("", "", "both", self.indicator) if self.indicator else (self.region, self.service, self.residence, "")


def _worst(desk: Desk, year: int, region: str | None) -> tuple[str, str]:
    """Area and service of the largest shortfall: what the page opens with."""
    rows = headlines.shortfalls(desk.tables, year)
    rows = rows[rows["region"].isin(desk.tables["regions"]["region"])]
    if region is not None and (rows["region"] == region).any():
        rows = rows[rows["region"] == region]
    if len(rows):
        row: Any = rows.sort_values(["yuan", "units"], ascending=False, kind="stable").iloc[0]
        return str(row["region"]), str(row["what"])
    cells = charts.coverage(desk.tables, year)
    if region is not None:
        cells = cells[cells["region"] == region]
    row = cells.sort_values(["unmet_yuan"], ascending=False, kind="stable").iloc[0]
    return str(row["region"]), str(row["service"])


# --- asked of the engine --------------------------------------------------------------------------------------------


def _answer(desk: Desk, asked: Asked, why: bool) -> Mapping[str, pd.DataFrame] | None:
    """Tables of the explanation or of the repairs; None while they are computed, after saying so. They are asked for when the page is opened."""
    lang = desk.lang
    job = replace(desk.world.job(desk.state), repairs=asked.year, about=asked.about, why=why)
    look = look_at(job)
    if look.answer is not None:
        return look.answer.tables
    if desk.stale:  # the cell itself is of the previous scenario; its own job comes first
        return None
    if look.failure is not None:
        st.error(failure_words(look.failure, lang))
        st.button(t("error.retry", lang), key=f"w:again:{why}", on_click=ask_for, args=(job,))
        return None
    ask_for(job)
    if (look := look_at(job)).answer is not None:
        return look.answer.tables
    words = "repairs.explaining" if why else "repairs.waiting"
    wait_for(lambda: look_at(job), lambda now: t(words, lang, s=int(now.seconds)))
    return None


def _unit(desk: Desk, asked: Asked) -> str:
    tables, lang = desk.tables, desk.lang
    return headlines.indicator_unit(tables, asked.indicator, lang) if asked.indicator else headlines.client_unit(tables, asked.service, lang)


# --- why ------------------------------------------------------------------------------------------------------------


def _limits(desk: Desk, asked: Asked, told: pd.DataFrame) -> None:
    """Each limit that was found by easing it: tag, reason, what a step more brings and a step less costs, what holds next, and how it is mended."""
    lang, tables, unit = desk.lang, desk.tables, _unit(desk, asked)
    records: list[Any] = told.to_dict("records")
    for row in records:
        family = row["family"]
        even = family == "worst_off_raised" and pd.isna(row["loss"])
        if even:
            words, more = t("why.even", lang, n=_count(row["gain"]), unit=unit), ""
        else:
            region = asked.region if not asked.indicator else "plan"
            words = headlines.reason(tables, desk.scenario, family, region, asked.service, asked.residence, asked.year, lang)
            more = t(f"limit.{family}.more", lang, gain=_side("gain", row["gain"], unit, lang), loss=_side("loss", row["loss"], unit, lang))
        notes = [more] if more else []
        if row["next"]:
            notes.append(t("why.next_limit", lang, next=t(f"limit.{row['next']}.tag", lang)))
        if row["together"]:
            notes.append(t("why.together", lang, other=t(f"limit.{row['together']}.tag", lang)))
        notes.append(t("why.repair_line", lang, repair=t(f"limit.{family}.repair", lang)))
        tag = f'<span class="fs-tag warn">{escape(t(f"limit.{family}.tag", lang))}</span>'
        small = escape(t("format.sep", lang).join(notes))
        st.html(f'<div class="fs-limit">{tag}{escape(words)}<div class="fs-note">{small}</div></div>')


def _side(key: str, value: float, unit: str, lang: str) -> str:
    if pd.isna(value):
        return t("why.no_plan", lang)
    return t("why.no_change", lang) if abs(value) < 0.005 else t(f"why.{key}", lang, n=_count(value), unit=unit)


def _count(value: float) -> str:
    return number(value, 0 if abs(value) >= 10 else 2)


def _cell(desk: Desk, asked: Asked, told: Mapping[str, pd.DataFrame] | None) -> list[str]:
    """The left side: the gap in parts, and the limits that hold it; returns their names, the largest first."""
    lang, tables, unit = desk.lang, desk.tables, _unit(desk, asked)
    if told is not None and len(told["why_parts"]):
        parts = _in_units(desk, asked, told["why_parts"])
        show.chart(charts.gap_waterfall(parts, unit, lang), desk.source("allocation"), "parts", t("why.parts_note", lang))
    elif not asked.indicator:
        cell = headlines.cell_of(tables, asked.region, asked.service, asked.residence, asked.year)
        rows = [(t(f"col.{name}", lang), number(cell[key])) for name, key in (("clients", "clients"), ("provided", "served"), ("gap", "short"))]
        if desk.baseline is not None and asked.year in charts.years_of(desk.baseline.tables):
            before = headlines.cell_of(desk.baseline.tables, asked.region, asked.service, asked.residence, asked.year)
            rows.append((t("col.against_baseline", lang), number(cell["short"] - before["short"], signed=True)))
        columns = [t("col.item", lang), t("col.value", lang)]
        show.bureau(pd.DataFrame(rows, columns=columns), t("heading.from_to", lang), lang, unit, note_text=desk.source("allocation"))
    show.title(t("heading.limits", lang))
    if told is not None and len(told["why_limits"]):
        _limits(desk, asked, told["why_limits"])
        show.note(t("why.parts_note", lang))
        return list(told["why_limits"]["family"])
    if asked.indicator:
        return []
    return controls.limits(desk, asked.region, asked.service, asked.residence, asked.year)


def _in_units(desk: Desk, asked: Asked, parts: pd.DataFrame) -> pd.DataFrame:
    """Of a target the parts from the value aimed at to the value reached; a cell's are in clients already."""
    if not asked.indicator:
        return parts
    rows = desk.tables["indicators"].query("indicator == @asked.indicator and year == @asked.year and region == 'plan'")
    aim = float(rows["target"].iloc[0]) if len(rows) else np.nan
    ends = parts["part"].isin(["entitled", "provided"])
    return parts if not np.isfinite(aim) else parts.assign(value=np.where(ends, parts["value"] + aim, parts["value"]))


# --- repairs --------------------------------------------------------------------------------------------------------


def _repairs(desk: Desk, asked: Asked, tables: Mapping[str, pd.DataFrame], limits: list[str]) -> None:
    """The ways that were solved again, cheapest first, and the buttons that set them as a preview."""
    lang = desk.lang
    found = Repairs(asked.year, tables["repair_shortfalls"], tables["repairs"], tables["regions"], tables["services"])
    board = repair_boards.one_board(found, _unit(desk, asked), desk.info.base_year + 1, lang)
    if board.table.empty:
        show.title(board.title)
        st.write(t("repairs.no_way", lang, limit=t(f"limit.{limits[0]}.tag", lang) if limits else t("why.part_rest", lang)))
        return
    show.bureau(board.table, board.title, lang, board.unit, note_text=board.note)
    helping: list[Any] = found.repairs[found.repairs["helps"].astype(bool)].to_dict("records")
    if not helping:
        return
    first = _patch(helping[0]["set"])
    with st.container(horizontal=True, gap="small"):
        second = next((i for i in range(1, len(helping)) if not set(first) & set(_patch(helping[i]["set"]))), 0)
        if second and helping[0]["closed"] < WHOLE:
            both = {**first, **_patch(helping[second]["set"])}
            label = t("why.adopt_two", lang, a=1, b=second + 1)
            st.button(label, key="try:both", help=t("why.solved_again", lang), on_click=_adopt, args=(both,))
        st.button(t("why.adopt_one", lang, a=1), key="try:1", type="primary", help=t("why.solved_again", lang), on_click=_adopt, args=(first,))
        st.button(t("why.to_compare", lang), key="try:compare", help=t("why.to_compare_help", lang), on_click=_adopt_and_save, args=(first,))


def _patch(words: str) -> dict[str, Any]:
    """The levers and parameters of a repair, from the patch as `--set` takes it."""
    return {path: read_yaml(f"value: {value}")["value"] for path, value in (part.split("=", 1) for part in words.split("; "))}


def _adopt(patch: dict[str, Any]) -> None:
    set_patch(patch)


def _adopt_and_save(patch: dict[str, Any]) -> None:
    set_patch(patch)
    ask_save()


def _cheapest(desk: Desk, tables: Mapping[str, pd.DataFrame] | None) -> str:
    """The best way in words, for the headline; empty while it is not known or none helps."""
    if tables is None:
        return ""
    helping = tables["repairs"][tables["repairs"]["helps"].astype(bool)]
    return repair_boards.way_words(str(helping["way"].iloc[0]), repair_boards.sizes_of(tables["repairs"]), desk.lang) if len(helping) else ""


def _marginal(desk: Desk, year: int) -> None:
    """C5: where one more 100 million yuan does most; asked for by a button where it was not priced."""
    lang, tables = desk.lang, desk.tables
    places = headlines.marginal_places(tables, year, lang)
    if not places.empty:
        bars = charts.marginal_bars(places[places["more"] >= 1], lang)
        show.chart(bars, desk.source("shadow_prices"), "marginal", t("explain.marginal", lang))
        return
    show.title(t("heading.marginal", lang))
    if len(tables["execution"]):
        show.note(t("finding.marginal_none", lang))
        return
    show.note(t("metric.marginal_unknown", lang))
    st.button(t("action.prices", lang), help=t("action.prices_help", lang), on_click=ask_replay, key="w:prices")


def _list(desk: Desk, year: int) -> None:
    lang, tables = desk.lang, desk.tables
    rows = headlines.shortfalls(tables, year).sort_values(["yuan", "units"], ascending=False, kind="stable")
    regions, names = charts.region_names(tables, lang, "name"), charts.service_names(tables, lang)
    targets = headlines.indicator_names(tables, lang)
    unit = money_unit(float(rows["yuan"].max()) if rows["yuan"].notna().any() else 0.0, lang)
    records: list[Any] = rows.to_dict("records")
    table = pd.DataFrame(
        [
            (
                regions.get(row["region"], t("why.plan_level", lang)),
                t(f"residence.{row['residence']}", lang) if row["residence"] else NONE,
                (names if row["goal"] == "floor" else targets)[row["what"]],
                t(f"goal.{row['goal']}", lang),
                controls.counted(tables, row["units"], row["what"], row["goal"], lang),
                unit.show(row["yuan"]) if pd.notna(row["yuan"]) else NONE,
                t("format.comma", lang).join(charts.limit_tag(family, lang) for family in charts.limits_of(row["limited_by"])[:3]) or NONE,
            )
            for row in records
        ],
        columns=[t(f"col.{name}", lang) for name in ("region", "residence", "service", "goal", "units", "money", "limits")],
    )
    with st.expander(f"{t('heading.all_shortfalls', lang)} ({len(table)})"):
        if table.empty:
            st.write(t("status.no_gap", lang))
        elif len(table) <= show.ROWS_AS_HTML:
            show.bureau(table, t("heading.all_shortfalls", lang), lang, unit.name)
        else:
            st.dataframe(table, hide_index=True, height=380, key="data:all")
            show.note(t("format.unit_note", lang, unit=unit.name))
        show.data(table, desk.source("shortfalls"), "shortfalls", lang, unit.name)


def _target(desk: Desk, year: int) -> str:
    """Let one of the plan's missed targets be looked at instead of a cell; empty for the cell."""
    lang, tables = desk.lang, desk.tables
    rows = headlines.shortfalls(tables, year)
    missed = list(dict.fromkeys(rows.loc[rows["goal"].isin(["binding", "expected"]), "what"]))
    if not missed:
        return ""
    names = {"": t("why.no_target", lang), **{code: headlines.indicator_names(tables, lang)[code] for code in missed}}
    picked = desk.state.view.get("indicator", "")
    st.session_state["w:target"] = picked if picked in names else ""
    st.selectbox(t("why.target", lang), list(names), format_func=lambda code: names[code], key="w:target", on_change=_remember_target)
    return str(st.session_state["w:target"])


def _remember_target() -> None:
    view("indicator", st.session_state["w:target"])


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    year = controls.year_of(desk)
    worst_region, worst_service = _worst(desk, year, controls.region_of(desk))
    one, two, three, four, five = st.columns([3, 2, 3, 2, 4], gap="small")
    with one:
        region = controls.region(desk, whole=False, first=worst_region)
    with two:
        residence = controls.residence(desk)
    with three:
        service = controls.service(desk, worst_service)
    with four:
        year = controls.year(desk)
    with five:
        indicator = _target(desk, year)
    assert region is not None
    asked = Asked(region, service, residence, year, indicator)
    top = st.empty()
    with top:  # what the run itself says, until the limits and the repairs are found
        show.headline(_headline(desk, asked, None, ""))
    left, right = st.columns([5, 6], gap="medium")
    short = bool(indicator) or charts.class_of(headlines.cell_of(tables, region, service, residence, year)["gap"]) > 0
    told = mended = None
    with left:
        if short:
            told = _answer(desk, asked, why=True)
        limits = _cell(desk, asked, told)
    with right:
        if told is not None:
            mended = _answer(desk, asked, why=False)
        if mended is not None and len(mended["repair_shortfalls"]):
            _repairs(desk, asked, mended, limits)
        if not indicator:
            path = charts.cell_path(tables, region, service, residence, lang, _unit(desk, asked))
            show.chart(path, desk.source("allocation"), "path")
        _marginal(desk, year)
    with top:
        show.headline(_headline(desk, asked, limits if told is not None else None, _cheapest(desk, mended)))
    _list(desk, year)


def _headline(desk: Desk, asked: Asked, limits: list[str] | None, repair: str) -> str:
    """H2 for a cell, or how far a target is missed; with the limits that were found and the cheapest repair as soon as they are known."""
    lang, tables = desk.lang, desk.tables
    if not asked.indicator:
        return headlines.why(tables, asked.region, asked.service, asked.residence, asked.year, lang, limits, repair)
    rows = headlines.shortfalls(tables, asked.year).query("what == @asked.indicator and goal != 'floor'")
    name, unit = headlines.indicator_names(tables, lang)[asked.indicator], _unit(desk, asked)
    words = t("why.target_gap", lang, y=asked.year, indicator=name, short=charts.figure_text(float(rows["units"].sum())), unit=unit)
    return t("format.between_sentences", lang).join([words, t("headline.why_repair", lang, repair=repair)] if repair else [words])
