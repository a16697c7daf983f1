"""Will money and projects arrive on time, and how long do people wait: the replay of the plan, when it was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import controls, headlines, show
from fiscalsim.dashboard.frame import Desk, ask_replay, set_lever
from fiscalsim.dashboard.linked import Cell, Sentence, in_a_row, sentence
from fiscalsim.dashboard.state import end_value
from fiscalsim.text import NONE, money, name_of, number, percent, t

CAUSES = ("money", "time", "staff", "demand")
PARTS = (*CAUSES, "interaction")
FEW_USED = 0.8  # a service that fills a smaller share of its open places is said aloud
MOST_SAID = 3
STEADY = 0.05  # of those who join in a year


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


def split_of(desk: Desk, year: int, region: str | None, kind: str) -> pd.DataFrame:
    """service, planned, delivered, gap and its five parts in one year and area, or in all of them."""
    rows = desk.tables["replay_split"]
    rows = rows[(rows["year"] == year) & (rows["kind"] == kind)]
    rows = rows if region is None else rows[rows["region"] == region]
    return rows.groupby("service", sort=False)[["planned", "delivered", "gap", *PARTS]].sum().reset_index()


def main_cause(row: Any) -> tuple[str, float] | None:
    """The cause with the largest part of a gap, and its share of all parts that are gaps; None where nothing is missing."""
    parts = {cause: max(float(row[cause]), 0.0) for cause in CAUSES}
    total = sum(parts.values())
    if float(row["gap"]) < 0.5 or total <= 0:
        return None
    cause = max(parts, key=lambda name: parts[name])
    return cause, parts[cause] / total


def _late(desk: Desk, year: int, region: str | None) -> None:
    """Kinds of places that are not open as planned, how late they are, and what their projects waited for."""
    lang, tables = desk.lang, desk.tables
    resources = tables["resources"].set_index("resource")
    split = split_of(desk, year, region, "resource").set_index("service")
    late = months_late_of(desk, year, region)
    lines = []
    for code in (code for code in resources.index if code in split.index):
        part: Any = split.loc[code]
        planned, opened = float(part["planned"]), float(part["delivered"])
        if planned < 1:
            continue
        found = main_cause(part)
        cause, share = (t(f"cause.{found[0]}", lang), percent(found[1], 0)) if found else (NONE, NONE)
        row: Any = resources.loc[code]
        months = number(late[code], 1) if code in late.index else NONE
        lines.append((row[f"name_{lang}"], row[f"unit_{lang}"], number(planned), number(opened), percent(opened / planned, 0), months, cause, share))
    names = [t(f"col.{name}", lang) for name in ("item", "unit", "planned", "opened", "share")]
    frame = pd.DataFrame(lines, columns=[*names, t("delivery.col.months_late", lang), t("col.cause", lang), t("tally.cause_share", lang)])
    if frame.empty:
        st.write(t("finding.delivery_none", lang))
        return
    source = desk.source("replay_split")
    show.table(frame, t("heading.late", lang, year=year), lang, source, "late", note_text=t("app.source_line", lang, what=source))


def months_late_of(desk: Desk, year: int, region: str | None) -> pd.Series:
    """Months late of the places due up to `year`, by resource, weighted by the places that the orders of each year add."""
    rows = desk.tables["replay_summary"]
    rows = rows[(rows["kind"] == "resource") & (rows["year"] <= year)]
    rows = rows if region is None else rows[rows["region"] == region]
    rows = rows.sort_values(["service", "region", "year"])
    due = rows.groupby(["service", "region"])["planned"].diff().fillna(rows["planned"])
    rows = rows.assign(due=due, weighted=due * rows["months_late"].fillna(0.0))
    sums = rows[rows["months_late"].notna()].groupby("service")[["due", "weighted"]].sum()
    return (sums["weighted"] / sums["due"]).where(sums["due"] > 0).dropna()


def _split(desk: Desk, year: int, region: str | None) -> None:
    """The gap of each service by cause; a sentence on the service that lacks the largest share."""
    lang = desk.lang
    names, where = charts.service_names(desk.tables, lang), _where(desk, region)
    rows = split_of(desk, year, region, "service")
    rows = rows[rows["planned"] >= 1]
    rows = rows[(rows["gap"].abs() >= 0.5) & (rows["gap"].abs() >= 0.001 * rows["planned"])].assign(share=lambda f: f["gap"] / f["planned"])
    rows = rows.sort_values("share", ascending=False)
    show.title(t("delivery.split", lang, year=year, region=where))
    if rows.empty:
        st.write(t("delivery.split_none", lang, year=year))
        return
    worst: Any = rows.iloc[0]
    if worst["gap"] > 0:
        unit = headlines.client_unit(desk.tables, str(worst["service"]), lang)
        parts = {name: number(float(worst[name])) for name in PARTS}
        gap = number(float(worst["gap"])) + (unit if lang == "zh" else f" {unit}")
        st.write(t("delivery.split_sentence", lang, name=names[worst["service"]], gap=gap, share=percent(float(worst["share"]), 0), **parts))
    frame = pd.DataFrame(
        {
            t("col.service", lang): [names[code] for code in rows["service"]],
            t("col.unit", lang): [headlines.client_unit(desk.tables, str(code), lang) for code in rows["service"]],
            t("col.planned", lang): [number(v) for v in rows["planned"]],
            t("delivery.col.delivered", lang): [number(v) for v in rows["delivered"]],
            t("delivery.col.gap", lang): [number(v) for v in rows["gap"]],
            **{t(f"delivery.col.{name}", lang): [number(v) for v in rows[name]] for name in PARTS},
        }
    )
    show.bureau(frame, "", lang, note_text=t("delivery.split_note", lang))
    show.data(frame, desk.source("replay_split"), "split", lang)


def _stages(desk: Desk, year: int, region: str | None) -> None:
    """Built, opened and served side by side; a sentence on the service that leaves most of its open places empty."""
    lang, resources = desk.lang, desk.tables["resources"].set_index("resource")
    names = charts.service_names(desk.tables, lang)
    rows = desk.tables["replay_stages"]
    rows = rows[rows["year"] == year]
    rows = rows if region is None else rows[rows["region"] == region]
    rows = rows.groupby(["service", "resource", "units_per_client"], sort=False)[["planned", "built", "opened", "served"]].sum().reset_index()
    rows = rows[rows["opened"] >= 1]
    if rows.empty:
        return
    rows = rows.assign(used=rows["served"] * rows["units_per_client"] / rows["opened"])
    empty = rows[rows["used"] < FEW_USED].sort_values("used")
    units = [str(resources.loc[code, f"unit_{lang}"]) for code in rows["resource"]]
    show.title(t("delivery.stages", lang, year=year))
    for _, one in empty.head(MOST_SAID).iterrows():
        unit = str(resources.loc[one["resource"], f"unit_{lang}"])
        client = headlines.client_unit(desk.tables, str(one["service"]), lang)
        gap = "" if lang == "zh" else " "
        words = {name: f"{number(float(one[name]))}{gap}{unit if name != 'served' else client}" for name in ("built", "opened", "served")}
        st.write(t("delivery.stages_sentence", lang, name=names[one["service"]], **words))
    frame = pd.DataFrame(
        {
            t("col.service", lang): [names[code] for code in rows["service"]],
            t("delivery.col.facility", lang): [resources.loc[code, f"name_{lang}"] for code in rows["resource"]],
            t("col.unit", lang): units,
            **{t(f"col.{name}", lang): [number(v) for v in rows[name]] for name in ("planned",)},
            t("delivery.col.built", lang): [number(v) for v in rows["built"]],
            t("delivery.col.open", lang): [number(v) for v in rows["opened"]],
            t("delivery.col.served", lang): [number(v) for v in rows["served"]],
        }
    )
    lacking = without_staff(desk, year, region)
    if len(lacking) and float(lacking.iloc[0]) >= 1:
        code = str(lacking.index[0])
        unit = headlines.client_unit(desk.tables, code, lang)
        st.write(t("delivery.staff", lang, name=names[code], n=number(float(lacking.iloc[0])) + (unit if lang == "zh" else f" {unit}")))
    show.bureau(frame, "", lang, note_text=t("delivery.stages_note", lang))
    show.data(frame, desk.source("replay_stages"), "stages", lang)


def without_staff(desk: Desk, year: int, region: str | None) -> pd.Series:
    """Clients who have a place open but nobody to serve them, by service that needs places, mean over the replications; most first."""
    rows = desk.tables["execution"]
    known = {region} if region is not None else set(desk.tables["regions"]["region"])
    placed = set(desk.tables["replay_stages"]["service"])
    rows = rows[(rows["measure"] == "without_staff") & (rows["year"] == year) & rows["region"].isin(known) & rows["service"].isin(placed)]
    count = max(desk.tables["execution"]["replication"].nunique(), 1)
    return (rows.groupby("service")["value"].sum() / count).sort_values(ascending=False)


def queues_of(desk: Desk, year: int, region: str | None) -> pd.DataFrame:
    """service, waiting, slope (persons in a year), joined: means over the replications, areas summed; slope is NaN in the first year."""
    rows = desk.tables["execution"]
    known = {region} if region is not None else set(desk.tables["regions"]["region"])
    rows = rows[rows["region"].isin(known) & rows["measure"].isin(("waiting", "joined")) & (rows["month"] == 12) & rows["year"].isin((year - 1, year))]
    sums = rows.groupby(["service", "measure", "year", "replication"])["value"].sum().groupby(level=[0, 1, 2]).mean().unstack(["measure", "year"])
    if sums.empty or ("waiting", year) not in sums.columns:
        return pd.DataFrame({"service": [], "waiting": [], "slope": [], "joined": []})
    before = sums[("waiting", year - 1)] if ("waiting", year - 1) in sums.columns else float("nan")
    now = sums[("waiting", year)]
    return pd.DataFrame({"service": sums.index, "waiting": now.to_numpy(), "slope": (now - before).to_numpy(), "joined": sums[("joined", year)].to_numpy()})


def trend(slope: float, joined: float) -> str:
    """steady, growing or shrinking: a list that moves by more than `STEADY` of those who join in the year has no steady wait."""
    if not abs(slope) > STEADY * max(joined, 1.0):
        return "steady"
    return "growing" if slope > 0 else "shrinking"


def steady_only(waits: pd.DataFrame, desk: Desk, year: int, region: str | None) -> pd.DataFrame:
    """The waits of lists in a steady state; all of them where none is."""
    names = charts.service_names(desk.tables, desk.lang)
    moving = {names[s] for s, _, slope, joined in queues_of(desk, year, region).itertuples(index=False) if trend(slope, joined) != "steady"}
    kept = waits[~waits["label"].isin(moving)].reset_index(drop=True)
    return kept if len(kept) else waits


def _queues(desk: Desk, year: int, region: str | None, waits: pd.DataFrame) -> None:
    """Length of each list, its change in a year, and the waits where they are steady."""
    lang, names = desk.lang, charts.service_names(desk.tables, desk.lang)
    rows = queues_of(desk, year, region)
    if rows.empty:
        return
    by_label = waits.set_index("label")
    lines = []
    for service, waiting, slope, joined in rows.itertuples(index=False):
        label, state = names[service], trend(slope, joined)
        known = state == "steady" and label in by_label.index
        found: Any = by_label.loc[label] if known else None
        both = [number(float(found[column]), 1) if known else NONE for column in ("median", "p90")]
        change = number(slope, signed=True) if slope == slope else NONE
        lines.append((label, number(waiting), change, t(f"delivery.{state}", lang), *both))
    columns = [t("col.service", lang), *(t(f"delivery.col.{name}", lang) for name in ("waiting", "slope", "state"))]
    frame = pd.DataFrame(lines, columns=[*columns, t("col.median", lang), t("col.p90", lang)])
    show.bureau(frame, t("delivery.queue", lang, year=year), lang, note_text=t("delivery.queue_note", lang))
    show.data(frame, desk.source("execution"), "queue", lang)


def _classes(desk: Desk, year: int) -> None:
    """Who of each class was placed in the year and how long the middle one had waited, in the whole place."""
    lang, names = desk.lang, charts.service_names(desk.tables, desk.lang)
    rows = desk.tables["execution"]
    rows = rows[(rows["year"] == year) & rows["measure"].str.contains("_class_")]
    if rows.empty:
        return
    means = rows.groupby(["service", "measure"], sort=False)["value"].mean()
    lines = []
    for service in dict.fromkeys(rows["service"]):
        for k in (1, 2, 3):
            if (service, f"placed_class_{k}") in means.index:
                placed, months = means[service, f"placed_class_{k}"], means[service, f"wait_median_months_class_{k}"]
                lines.append((names[service], t(f"delivery.class_{k}", lang), number(placed), number(months, 1)))
    columns = [t("col.service", lang), *(t(f"delivery.col.{name}", lang) for name in ("class", "placed")), t("col.median", lang)]
    frame = pd.DataFrame(lines, columns=columns)
    place = name_of(desk.info, lang)
    note = t("delivery.classes_note", lang)
    show.table(frame, t("delivery.classes", lang, year=year, place=place), lang, desk.source("execution"), "classes", note_text=note)


def _costliest(desk: Desk) -> None:
    """The five projects and the five areas whose delay costs most."""
    lang, tables = desk.lang, desk.tables
    projects, regions = tables["late_projects"], tables["late_regions"]
    projects, regions = projects[projects["months_late"] > 0], regions[regions["idle_yuan_years"] > 0]
    if projects.empty:
        return
    resources = tables["resources"].set_index("resource")[f"name_{lang}"]
    places = charts.region_names(tables, lang, "name")
    first: Any = projects.iloc[0]
    named = {"region": places[first["region"]], "year": int(first["year"]), "name": resources[first["resource"]]}
    st.write(t("delivery.late_sentence", lang, **named, months=number(float(first["months_late"]), 0), money=money(float(first["idle_yuan_years"]), lang)))
    left, right = st.columns([13, 8], gap="medium")

    def of(name: str) -> str:
        return t(f"delivery.col.{name}", lang)

    with left:
        frame = pd.DataFrame(
            {
                t("col.region", lang): [places[code] for code in projects["region"]],
                t("col.item", lang): [resources[code] for code in projects["resource"]],
                of("ordered"): [str(int(v)) for v in projects["year"]],
                of("due"): [str(int(v)) for v in projects["opens_year"]],
                of("capital"): [number(v / 1e4) for v in projects["capital_yuan"]],
                of("months_late"): [number(v, 1) for v in projects["months_late"]],
                of("idle"): [number(v / 1e4) for v in projects["idle_yuan_years"]],
            }
        )
        source = desk.source("late_projects")
        show.table(frame, t("delivery.late_projects", lang), lang, source, "late_projects", note_text=t("delivery.late_note", lang))
    with right:
        frame = pd.DataFrame(
            {
                t("col.region", lang): [places[code] for code in regions["region"]],
                of("projects"): [number(v) for v in regions["projects"]],
                of("idle"): [number(v / 1e4) for v in regions["idle_yuan_years"]],
            }
        )
        show.table(frame, t("delivery.late_regions", lang), lang, desk.source("late_regions"), "late_regions")


def _rolling(desk: Desk, year: int) -> None:
    """Where the plan is revised every few years: what the first and the revised plan promise, and what arrives of each."""
    lang, names = desk.lang, charts.service_names(desk.tables, desk.lang)
    if "rolling" not in desk.tables:
        return
    rows = desk.tables["rolling"]
    rows = rows[(rows["year"] == year) & (rows["promised"] >= 1)]
    columns = {name: [number(v) for v in rows[name]] for name in ("promised", "arrived", "revised", "arrived_revised")}
    frame = pd.DataFrame(
        {t("col.service", lang): [names[code] for code in rows["service"]], **{t(f"delivery.col.{name}", lang): cells for name, cells in columns.items()}}
    )
    caption = t("delivery.rolling", lang, year=year, place=name_of(desk.info, lang))
    show.table(frame, caption, lang, desk.source("rolling"), "rolling", note_text=t("delivery.rolling_note", lang))


def _precision(desk: Desk, year: int) -> None:
    """How sure the persons served are, and how many replications would do."""
    lang, names = desk.lang, charts.service_names(desk.tables, desk.lang)
    rows = desk.tables["replay_precision"]
    rows = rows[(rows["year"] == year) & (rows["measure"] == "served") & (rows["mean"] >= 1) & rows["half_width"].notna()]
    words = []
    if len(rows):
        rows = rows.assign(share=rows["half_width"] / rows["mean"]).sort_values("share", ascending=False)
        widest: Any = rows.iloc[0]
        count = desk.tables["execution"]["replication"].nunique()
        needed = number(float(rows["replications_needed"].max()))
        half = percent(float(widest["share"]), 1)
        words.append(t("delivery.precision", lang, n=count, year=year, half=half, name=names[widest["service"]], needed=needed))
    sources = desk.tables["sources"]
    persons = sources.loc[sources["key"] == "execution.persons_per_client", "value"]
    if len(persons):
        words.append(t("delivery.scale", lang, n=number(float(persons.iloc[0]))))
    show.note("".join(words) if lang == "zh" else " ".join(words))


def _where(desk: Desk, region: str | None) -> str:
    return name_of(desk.info, desk.lang) if region is None else charts.region_names(desk.tables, desk.lang, "name")[region]


FORM = ("execution.lead_time", "execution.release_delay")


def _form(desk: Desk) -> None:
    """How often, how long building takes and how late money comes; the button moves the two levers and replays."""
    lang, levers = desk.lang, desk.world.levers(desk.scenario.pack)
    last = charts.years_of(desk.tables)[-1]
    sources = desk.tables["sources"]
    times = sources.loc[sources["key"] == "execution.replications", "value"]
    with st.form("w:delivery", border=False), st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if len(times):
            st.text_input(t("tally.replications", lang), number(float(times.iloc[0])), disabled=True, key="w:times")
        for path in (path for path in FORM if path in levers):
            lever = levers[path]
            label = t("app.lever_label", lang, name=name_of(lever, lang), unit=name_of(lever, lang, "unit"))
            value = end_value(desk.scenario.value(path), last)
            st.session_state[f"d:{path}"] = value
            low, high = min(float(lever.lowest), value), max(float(lever.highest), value)
            st.number_input(label, low, high, step=float(lever.step), format="%.1f" if lever.step < 1 else "%.0f", key=f"d:{path}")
        st.form_submit_button(t("action.replay", lang), type="primary", help=t("action.replay_help", lang), on_click=_replay, key="w:replay")


def _replay() -> None:
    for path in (path for path in FORM if f"d:{path}" in st.session_state):
        set_lever(path, float(st.session_state[f"d:{path}"]))
    ask_replay()


def show_page(desk: Desk) -> None:
    """The page: the replay of this scenario, or greyed the one before it, or the form that asks for it."""
    lang = desk.lang
    before: Desk | None = st.session_state.get("replayed")
    if not desk.tables["execution"].empty:
        st.session_state["replayed"] = desk
        _result(desk, form=True)
    elif before is not None and (before.info.id, before.info.resolution) == (desk.info.id, desk.info.resolution):
        st.warning(t("tally.stale", lang, digest=before.digest8))
        _form(desk)
        with st.container(key="stale"):
            _result(replace(before, lang=lang), form=False)
    else:
        show.headline(t("headline.delivery_unrun", lang))
        _form(desk)


def _result(desk: Desk, form: bool) -> None:
    lang, tables = desk.lang, desk.tables
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
        with head:
            show.headline(_sentence(desk, resource, names[resource], units[resource], year, region))
    if form:
        _form(desk)
    left, right = st.columns([13, 8], gap="medium")
    with left:
        if names:
            show.chart(charts.planned_and_opened(steps, lang, units[resource]), desk.source("execution"), "opened", t("explain.delivery", lang))
        _late(desk, year, region)
    with right:
        waits = steady_only(waits_of(desk, year, region), desk, year, region)
        show.chart(charts.waiting_bars(waits, lang), desk.source("execution"), "waiting", t("explain.waiting", lang))
    _split(desk, year, region)
    left, right = st.columns([13, 8], gap="medium")
    with left:
        _queues(desk, year, region, waits)
    with right:
        _classes(desk, year)
    _stages(desk, year, region)
    _rolling(desk, year)
    _costliest(desk)
    _precision(desk, year)


def _sentence(desk: Desk, resource: str, name: str, unit: str, year: int, region: str | None) -> Sentence:
    """H8, from the row of the table of late places."""
    lang = desk.lang
    split = split_of(desk, year, region, "resource").set_index("service")
    row: Any = split.loc[resource] if resource in split.index else None
    if row is None or not float(row["planned"]) >= 1:
        return sentence("headline.delivery_none", lang, {})
    planned, opened = float(row["planned"]), float(row["delivered"])

    def words(value: float) -> str:
        return number(value) + (unit if lang == "zh" else f" {unit}")

    columns = {"planned": "col.planned", "opened": "col.opened", "share": "col.share", "months": "delivery.col.months_late", "p": "tally.cause_share"}
    cells = {key: Cell("late", name, t(column, lang)) for key, column in columns.items()}
    share = percent(opened / planned, 0)
    first = {"region": _where(desk, region), "name": name, "planned": words(planned), "y": year, "opened": words(opened), "share": share}
    said = sentence("headline.delivery_place", lang, cells, **first)
    found, late = main_cause(row), months_late_of(desk, year, region)
    if found is None or resource not in late.index:
        return said
    why = sentence("delivery.short", lang, cells, months=number(late[resource], 1), cause=t(f"cause.{found[0]}", lang), p=percent(found[1], 0))
    return in_a_row(said, why, gap=t("format.between_sentences", lang))
