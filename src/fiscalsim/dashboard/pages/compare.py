"""How two saved scenarios differ, and why."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.compare import Comparison, compare
from fiscalsim.dashboard import controls, show
from fiscalsim.dashboard.frame import Desk, runs_folder, value_words
from fiscalsim.errors import InputError, IntegrityError
from fiscalsim.prices import AtPrices, basis_of
from fiscalsim.report.boards import compare_headline
from fiscalsim.store import RunStore, SavedRun
from fiscalsim.text import NONE, Unit, money_unit, people_unit, t


@lru_cache(maxsize=4)
def _compared(folder: Path, a: str, b: str, basis: str) -> tuple[Comparison, dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    store = RunStore(folder)
    first, other = AtPrices(store.open(a), basis), AtPrices(store.open(b), basis)
    return compare([first, other]), first.tables(), other.tables()


def _inputs(desk: Desk, found: Comparison, a: SavedRun, b: SavedRun) -> list[str]:
    """The levers that differ, named; returns their names."""
    lang, levers = desk.lang, desk.world.levers(a.manifest["scenario"]["pack"])
    rows: list[Any] = found.changed_inputs().to_dict("records")

    def name(path: str) -> str:
        plain = path.removeprefix("set.")
        return str(getattr(levers[plain], f"name_{lang}")) if plain in levers else t("policy.label", lang) if path == "policy" else path

    def value(row: Any, run: SavedRun) -> str:
        words = str(row[run.name])
        lever = levers.get(str(row["path"]).removeprefix("set."))
        if lever is not None and words:
            told = json.loads(words)
            if isinstance(told, dict):
                return t("format.comma", lang).join(f"{year}: {value_words(lever, float(inner))}" for year, inner in told.items())
            return value_words(lever, float(told))
        return t(f"policy.{words}", lang) if row["path"] == "policy" else words or NONE

    lines = [(name(row["path"]), value(row, a), value(row, b)) for row in rows]
    caption = t("heading.different", lang, n=len(lines))
    frame = pd.DataFrame(lines, columns=[t("col.parameter", lang), t("col.a", lang), t("col.b", lang)])
    note = t("explain.seed", lang, seed=a.manifest["seed"]) if a.manifest["seed"] == b.manifest["seed"] else ""
    if lines:
        show.bureau(frame, caption, lang, note_text=note)
    else:
        show.title(caption)
    return [line[0] for line in lines]


def _results(desk: Desk, a: dict[str, pd.DataFrame], b: dict[str, pd.DataFrame], year: int) -> None:
    lang = desk.lang
    money = money_unit(max(float(charts.needs_by_year(x)[year]) for x in (a, b)), lang)
    small = money_unit(max(charts.gap_yuan(x, year) for x in (a, b)), lang)
    heads = people_unit(max(float(charts.residents(x, year).sum()) for x in (a, b)), lang)

    def spent(x: dict[str, pd.DataFrame]) -> float:
        rows = x["allocation"][x["allocation"]["year"] == year]
        return float(rows[["recurrent_yuan", "capital_yuan"]].to_numpy().sum())

    def lowest(x: dict[str, pd.DataFrame]) -> float:
        return float(100 * (1 - charts.coverage(x, year).groupby("region")["gap"].mean().max()))

    items, share = Unit(t("unit.items", lang), 1.0, 0), Unit(t("unit.percent", lang), 1.0, 1)
    figures: list[tuple[str, Unit, Any]] = [
        ("population", heads, lambda x: float(charts.residents(x, year).sum())),
        ("spending", money, spent),
        ("means", money, lambda x: float(charts.means_by_year(x)[year])),
        ("serve_all", small, lambda x: charts.gap_yuan(x, year)),
        ("targets_met", items, lambda x: float(charts.indicator_counts(x)["m"])),
        ("lowest", share, lowest),
    ]
    lines = []
    for name, unit, figure in figures:
        first, other = figure(a), figure(b)
        lines.append((f"{t(f'col.{name}', lang)} ({unit.name})", unit.show(first), unit.show(other), unit.show(other - first, signed=True)))
    columns = [t(f"col.{name}", lang) for name in ("item", "a", "b", "difference")]
    frame = pd.DataFrame(lines, columns=columns)
    show.bureau(frame, t("heading.results", lang, year=year), lang, note_text=t("app.rounding", lang))
    show.data(frame, t("heading.saved_runs", lang), "results", lang)


def show_page(desk: Desk) -> None:
    """The page."""
    lang, store = desk.lang, RunStore(runs_folder())
    runs = {run.name: run for run in store.list()}
    for name, words in store.damaged().items():
        show.note(t("error.damaged", lang, digest=name[-8:], file=words.splitlines()[0][:80]))
    if len(runs) < 2:
        show.headline(t("headline.compare_pick", lang))
        return
    labels = {name: f"{run.manifest['scenario_names'][lang]}·{run.digest8}" for name, run in runs.items()}
    bases = {desk.world.base(name).digest8 for name in desk.world.scenarios()}  # a scenario as its file says stands before its changes
    order = sorted(runs, key=lambda name: (runs[name].manifest["scenario"]["pack"] != desk.scenario.pack, runs[name].digest8 not in bases, name))
    head = st.container()
    one, two, three = st.columns([2, 2, 1], gap="small")
    a = one.selectbox(t("action.scenario_a", lang), order, format_func=lambda name: labels[name], key="w:a")
    b = two.selectbox(t("action.scenario_b", lang), order, index=1, format_func=lambda name: labels[name], key="w:b")
    if a == b:
        with head:
            show.headline(t("finding.compare_none", lang))
        return
    try:
        found, left_tables, right_tables = _compared(store.path, a, b, basis_of(desk.tables))
    except InputError as error:
        st.error(str(error))
        return
    except IntegrityError as error:
        st.error(str(error))
        return
    years = charts.years_of(left_tables)
    with three:
        first = controls.year_of(desk) if controls.year_of(desk) in years else years[-1]
        year = int(st.selectbox(t("app.year", lang), years, index=years.index(first), key="w:compare-year"))
    with head:
        show.headline(compare_headline(found, runs[a], runs[b], {a: left_tables, b: right_tables}, lang, year))
    left, right = st.columns([9, 11], gap="medium")
    with left:
        _inputs(desk, found, runs[a], runs[b])
        _results(desk, left_tables, right_tables, year)
    source = t("format.comma", lang).join(labels[name] for name in (a, b))
    with right:
        parts = found.drivers.query("year == @year").groupby("driver", sort=False)["yuan"].sum()
        bars = charts.difference_waterfall({str(k): float(v) for k, v in parts.items()}, lang)
        show.chart(bars, source, "drivers", t("explain.drivers", lang))
        show.chart(charts.area_change(left_tables, right_tables, year, lang), source, "area")
