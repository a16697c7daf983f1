"""Will money and projects arrive on time, and how long do people wait: the replay of the plan, when it was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, show
from fiscalsim.dashboard.frame import Desk, ask_replay
from fiscalsim.text import NONE, name_of, number, percent, t


def steps_of(desk: Desk, resource: str, region: str | None) -> pd.DataFrame:
    """year, planned, median, low, high: places open at the end of each year, over the replications."""
    rows = desk.tables["execution"]
    rows = rows[(rows["service"] == resource) & rows["measure"].isin(("planned_places", "opened_places"))]
    known = set(desk.tables["regions"]["region"])
    rows = rows[rows["region"] == region] if region is not None else rows[rows["region"].isin(known)]
    sums = rows.groupby(["measure", "replication", "year"])["value"].sum()
    if sums.empty:
        return pd.DataFrame({"year": [], "planned": [], "median": [], "low": [], "high": []})
    planned = sums["planned_places"].groupby("year").mean()
    opened = sums["opened_places"].groupby("year")
    quantiles = {"median": opened.median(), "low": opened.quantile(0.1), "high": opened.quantile(0.9)}
    return pd.DataFrame({"planned": planned, **quantiles}).reset_index()


def waits_of(desk: Desk, year: int, region: str | None) -> pd.DataFrame:
    """label, median, p90 in months by service at the end of `year`, the mean over replications (and areas, weighted by who joined)."""
    rows = desk.tables["execution"].query("year == @year")
    rows = rows[rows["measure"].isin(("wait_median_months", "wait_p90_months", "placed"))]
    known = set(desk.tables["regions"]["region"])
    rows = rows[rows["region"] == region] if region is not None else rows[rows["region"].isin(known)]
    wide = rows.pivot_table(index=["service", "region", "replication"], columns="measure", values="value", aggfunc="mean").reset_index()
    if not {"wait_median_months", "wait_p90_months", "placed"} <= set(wide.columns):
        return pd.DataFrame({"label": [], "median": [], "p90": []})
    wide = wide.dropna(subset=["wait_median_months", "wait_p90_months"])
    names = charts.service_names(desk.tables, desk.lang)
    lines = []
    for service, cells in wide.groupby("service", sort=False):
        weight = cells["placed"].fillna(0.0).to_numpy(float)
        weight = weight if weight.sum() > 0 else np.ones(len(cells))
        middle, late = (float(np.average(cells[column], weights=weight)) for column in ("wait_median_months", "wait_p90_months"))
        lines.append((names.get(str(service), str(service)), middle, late))
    return pd.DataFrame(lines, columns=["label", "median", "p90"])


def _late(desk: Desk, year: int, region: str | None) -> None:
    """Kinds of places that are not open as planned, and what their projects waited for."""
    lang, tables = desk.lang, desk.tables
    resources = tables["resources"].set_index("resource")
    log = tables.get("replay_log")
    lines = []
    for code in resources.index:
        steps = steps_of(desk, str(code), region)
        at: Any = steps[steps["year"] == year]
        if at.empty or float(at["planned"].iloc[0]) < 1:
            continue
        planned, opened = float(at["planned"].iloc[0]), float(at["median"].iloc[0])
        causes = pd.Series(dtype=str)
        if log is not None and len(log):
            mine = log[(log["resource"] == code) & (log["cause"] != "")]
            causes = (mine if region is None else mine[mine["region"] == region])["cause"]
        cause = t(f"cause.{causes.value_counts().index[0]}", lang) if len(causes) and opened < planned - 0.5 else NONE
        row: Any = resources.loc[code]
        lines.append((row[f"name_{lang}"], row[f"unit_{lang}"], number(planned), number(opened), percent(opened / planned, 0), cause))
    columns = [t(f"col.{name}", lang) for name in ("item", "unit", "planned", "opened", "share", "cause")]
    frame = pd.DataFrame(lines, columns=columns)
    caption = t("heading.late", lang, year=year)
    if frame.empty:
        st.write(t("finding.delivery_none", lang))
        return
    show.bureau(frame, caption, lang, note_text=t("app.source_line", lang, what=desk.source("execution")))
    show.data(frame, desk.source("execution"), "late", lang)


def show_page(desk: Desk) -> None:
    """The page."""
    lang, tables = desk.lang, desk.tables
    if tables["execution"].empty:
        show.headline(t("headline.delivery_unrun", lang))
        st.button(t("action.replay", lang), type="primary", help=t("action.replay_help", lang), on_click=ask_replay, key="w:replay")
        return
    resources = tables["resources"]
    built = tables["execution"].query("measure == 'planned_places' and value >= 1")["service"].unique()
    names = {code: name for code, name in zip(resources["resource"], resources[f"name_{lang}"], strict=True) if code in set(built)}
    units = dict(zip(resources["resource"], resources[f"unit_{lang}"], strict=True))
    year, region = controls.year_of(desk), controls.region_of(desk)
    if not names:
        show.headline(t("headline.delivery_none", lang))
    head = st.container()
    one, two, three = st.columns(3, gap="small")
    with one:
        region = controls.region(desk)
    with two:
        year = controls.year(desk)
    if names:
        with three:
            resource = str(st.selectbox(t("action.built", lang), list(names), format_func=lambda code: names[code], key="w:resource"))
        steps = steps_of(desk, resource, region)
        at = steps[steps["year"] == year]
        with head:
            show.headline(_sentence(desk, at, names[resource], units[resource], year, region))
    left, right = st.columns([11, 9], gap="medium")
    with left:
        if names:
            show.chart(charts.planned_and_opened(steps, lang, units[resource]), desk.source("execution"), "opened", t("explain.delivery", lang))
        _late(desk, year, region)
    with right:
        waits = waits_of(desk, year, region)
        show.chart(charts.waiting_bars(waits, lang), desk.source("execution"), "waiting", t("explain.waiting", lang))


def _sentence(desk: Desk, at: pd.DataFrame, name: str, unit: str, year: int, region: str | None) -> str:
    lang = desk.lang
    if at.empty or not float(at["planned"].iloc[0]) > 0:
        return t("headline.delivery_none", lang)
    planned, opened = float(at["planned"].iloc[0]), float(at["median"].iloc[0])
    where = name_of(desk.info, lang) if region is None else charts.region_names(desk.tables, lang, "name")[region]

    def words(value: float) -> str:
        return number(value) + (unit if lang == "zh" else f" {unit}")

    share = percent(opened / planned, 0)
    return t("headline.delivery_place", lang, region=where, name=name, planned=words(planned), y=year, opened=words(opened), share=share)
