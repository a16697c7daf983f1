"""How two to four saved scenarios differ, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.compare import Comparison, axis_differences, compare
from fiscalsim.dashboard import controls, show
from fiscalsim.dashboard.frame import Desk, runs_folder, value_words
from fiscalsim.errors import InputError, IntegrityError
from fiscalsim.prices import AtPrices, basis_of
from fiscalsim.report import compare_boards, review_boards
from fiscalsim.report.boards import compare_headline
from fiscalsim.reviews import reviews_of
from fiscalsim.store import RunStore, SavedRun
from fiscalsim.text import NONE, Unit, money_unit, people_unit, t

Tables = Mapping[str, pd.DataFrame]
LETTERS = ("a", "b", "c", "d")  # at most four runs stand side by side


@lru_cache(maxsize=4)
def _compared(folder: Path, names: tuple[str, ...], basis: str) -> tuple[Comparison, dict[str, dict[str, pd.DataFrame]]]:
    store = RunStore(folder)
    priced = [AtPrices(store.open(name), basis) for name in names]
    return compare(priced), {run.name: run.tables() for run in priced}


def _inputs(desk: Desk, found: Comparison, runs: Sequence[SavedRun], tables: Tables, only_different: bool) -> None:
    """The parameters by name: those that differ, or all of them."""
    lang, levers = desk.lang, desk.world.levers(runs[0].manifest["scenario"]["pack"])
    changed = found.changed_inputs()
    rows: list[Any] = (changed if only_different else found.inputs).to_dict("records")

    def value(row: Any, run: SavedRun) -> str:
        words, lever = str(row[run.name]), levers.get(str(row["path"]))
        if lever is not None and words:
            told = json.loads(words)
            if isinstance(told, dict):
                return t("format.comma", lang).join(f"{year}: {value_words(lever, float(inner))}" for year, inner in told.items())
            return value_words(lever, float(told))
        return t(f"policy.{words}", lang) if row["path"] == "policy" else words or NONE

    lines = [(compare_boards.input_name(row["path"], tables, lang), *(value(row, run) for run in runs)) for row in rows]
    frame = pd.DataFrame(lines, columns=[t("col.parameter", lang), *(t(f"col.{letter}", lang) for letter in LETTERS[: len(runs)])])
    seeds = {run.manifest["seed"] for run in runs}
    note = t("explain.seed", lang, seed=runs[0].manifest["seed"]) if len(seeds) == 1 else ""
    caption = t("heading.different" if len(runs) == 2 else "heading.different_all", lang, n=len(changed))
    if len(lines) > show.ROWS_AS_HTML:
        show.title(caption)
        st.dataframe(frame, hide_index=True, height=420, key="data:inputs")
    elif lines:
        show.bureau(frame, caption, lang, note_text=note)
    else:
        show.title(caption)
    for line in compare_boards.version_lines(found, lang):
        show.note(line)


def _results(desk: Desk, tables: Sequence[Tables], year: int, only_different: bool) -> None:
    lang = desk.lang
    money = money_unit(max(float(charts.needs_by_year(x)[year]) for x in tables), lang)
    small = money_unit(max(charts.gap_yuan(x, year) for x in tables), lang)
    heads = people_unit(max(float(charts.residents(x, year).sum()) for x in tables), lang)

    def spent(x: Tables) -> float:
        rows = x["allocation"][x["allocation"]["year"] == year]
        return float(rows[["recurrent_yuan", "capital_yuan"]].to_numpy().sum())

    items, share = Unit(t("unit.items", lang), 1.0, 0), Unit(t("unit.percent", lang), 1.0, 1)
    figures: list[tuple[str, Unit, Any]] = [
        ("population", heads, lambda x: float(charts.residents(x, year).sum())),
        ("spending", money, spent),
        ("means", money, lambda x: float(charts.means_by_year(x)[year])),
        ("serve_all", small, lambda x: charts.gap_yuan(x, year)),
        ("targets_met", items, lambda x: float(charts.indicator_counts(x)["m"])),
        ("lowest", share, lambda x: 100 * compare_boards.lowest_coverage(x, year)),
    ]
    lines = []
    for name, unit, figure in figures:
        values = [figure(x) for x in tables]
        shown = [unit.show(value) for value in values]
        if only_different and len(set(shown)) == 1:
            continue
        change = [unit.show(values[1] - values[0], signed=True)] if len(values) == 2 else []
        lines.append((f"{t(f'col.{name}', lang)} ({unit.name})", *shown, *change))
    letters = LETTERS[: len(tables)]
    columns = [t(f"col.{name}", lang) for name in ("item", *letters, *(["difference"] if len(tables) == 2 else []))]
    frame = pd.DataFrame(lines, columns=columns)
    if lines:
        show.bureau(frame, t("heading.results", lang, year=year), lang, note_text=t("app.rounding", lang))
        show.data(frame, t("heading.saved_runs", lang), "results", lang)
    else:
        show.title(t("heading.results", lang, year=year))
        show.note(t("compare.no_result_differs", lang))


def _reviews(runs: Sequence[SavedRun], lang: str) -> None:
    """Which of the runs were reviewed."""
    tags = []
    for letter, run in zip(LETTERS, runs, strict=False):
        found = reviews_of(run)
        words = t("compare.review_of", lang, letter=t(f"col.{letter}", lang), digest=run.digest8, state=review_boards.state_words(found, lang))
        tags.append((words, "good" if review_boards.is_reviewed(found) else "warn"))
    show.tags(tags)


def _refusal(runs: Sequence[SavedRun], lang: str) -> None:
    """Every axis on which the runs differ, so that they cannot be compared."""
    first = runs[0]
    for axis, name, here, there in axis_differences(runs):
        values = {"a": f"{first.digest8}: {here}", "b": f"{name[-8:]}: {there}"}
        st.error(t("error.cannot_compare", lang, axis=t(f"compare.axis_{axis.replace(' ', '_')}", lang), **values))


def _choose(desk: Desk, runs: Mapping[str, SavedRun]) -> list[str]:
    """The runs to compare, the first being what the others are measured against."""
    lang = desk.lang
    labels = {name: f"{run.manifest['scenario_names'][lang]}·{run.digest8}" for name, run in runs.items()}
    bases = {desk.world.base(name).digest8 for name in desk.world.scenarios()}  # a scenario as its file says stands before its changes
    order = sorted(runs, key=lambda name: (runs[name].manifest["scenario"]["pack"] != desk.scenario.pack, runs[name].digest8 not in bases, name))
    one, two, more = st.columns([2, 2, 2], gap="small")
    a = one.selectbox(t("action.scenario_a", lang), order, format_func=lambda name: labels[name], key="w:a")
    b = two.selectbox(t("action.scenario_b", lang), order, index=1, format_func=lambda name: labels[name], key="w:b")
    rest = [name for name in order if name not in (a, b)]
    also = more.multiselect(
        t("compare.also", lang), rest, format_func=lambda name: labels[name], max_selections=2, placeholder=t("compare.also_none", lang), key="w:also"
    )
    return [a, b, *(name for name in also if name not in (a, b))]


def show_page(desk: Desk) -> None:
    """The page."""
    lang, store = desk.lang, RunStore(runs_folder())
    runs = {run.name: run for run in store.list()}
    for name, words in store.damaged().items():
        show.note(t("error.damaged", lang, digest=name[-8:], file=words.splitlines()[0][:80]))
    if len(runs) < 2:
        show.headline(t("headline.compare_pick", lang))
        return
    head = st.container()
    names = _choose(desk, runs)
    if names[0] == names[1]:
        with head:
            show.headline(t("finding.compare_none", lang))
        return
    chosen = [runs[name] for name in names]
    try:
        found, by_run = _compared(store.path, tuple(names), basis_of(desk.tables))
    except InputError:
        with head:
            show.headline(t("compare.refused", lang))
        _refusal(chosen, lang)
        return
    except IntegrityError as error:
        st.error(str(error))
        return
    _draw(desk, head, found, chosen, [by_run[name] for name in names])


def _draw(desk: Desk, head: Any, found: Comparison, chosen: Sequence[SavedRun], tables: Sequence[Tables]) -> None:
    lang = desk.lang
    one, two, three = st.columns([1, 1, 3], gap="small", vertical_alignment="bottom")
    years = charts.years_of(tables[0])
    first = controls.year_of(desk) if controls.year_of(desk) in years else years[-1]
    year = int(one.selectbox(t("app.year", lang), years, index=years.index(first), key="w:compare-year"))
    only_different = two.toggle(t("action.only_different", lang), value=True, key="w:only_different")
    with three:
        _reviews(chosen, lang)
    by_name = {run.name: mine for run, mine in zip(chosen, tables, strict=True)}
    with head:
        for other in chosen[1:]:
            show.headline(compare_headline(found, chosen[0], other, by_name, lang, year))
    left, right = st.columns([9, 11], gap="medium")
    with left:
        _inputs(desk, found, chosen, tables[0], only_different)
        _results(desk, tables, year, only_different)
    with right:
        other = chosen[1]
        if len(chosen) > 2:
            letters = {run.name: t("compare.against_first", lang, letter=t(f"col.{LETTERS[i]}", lang)) for i, run in enumerate(chosen) if i}
            picked = st.segmented_control(
                t("compare.pair", lang), list(letters), format_func=lambda name: letters[name], default=other.name, key="w:pair", required=True
            )
            other = next(run for run in chosen if run.name == picked)
        source = t("format.comma", lang).join(run.digest8 for run in (chosen[0], other))
        parts = found.drivers[(found.drivers["year"] == year) & (found.drivers["run"] == other.name)].groupby("driver", sort=False)["yuan"].sum()
        bars = charts.difference_waterfall({str(k): float(v) for k, v in parts.items()}, lang)
        show.chart(bars, source, "drivers", t("explain.drivers", lang))
        show.chart(charts.area_change(tables[0], by_name[other.name], year, lang), source, "area")
