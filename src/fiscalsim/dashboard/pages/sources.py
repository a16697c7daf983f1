"""Where each number comes from, how it was computed, and how to compute it again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.dashboard import headlines, reviewing, show, tallies
from fiscalsim.dashboard.frame import Desk, runs_folder
from fiscalsim.dashboard.state import overrides
from fiscalsim.errors import IntegrityError
from fiscalsim.store import RunStore
from fiscalsim.text import NONE, has, money, t


def command(desk: Desk) -> str:
    """The command line that gives the same figures."""
    return " ".join(["fiscalsim run", desk.state.base, *(f'--set "{change}"' for change in overrides(desk.state))])


def in_python(desk: Desk) -> str:
    """The same in Python."""
    changes = ", ".join(repr(change) for change in overrides(desk.state))
    given = f"fs.load_scenario({desk.state.base!r}, overrides=[{changes}])" if changes else f"fs.load_scenario({desk.state.base!r})"
    return f"import fiscalsim as fs\nresult = fs.run({given})\nassert result.scenario.digest8 == {desk.scenario.digest8!r}"


def _values(desk: Desk) -> None:
    lang, rows = desk.lang, desk.tables["sources"]
    one, two = st.columns([1, 2], gap="small")
    grades = {"": t("app.all", lang), **{code: t(f"grade.{code}", lang) for code in "ABCD"}}
    grade = one.selectbox(t("col.grade", lang), list(grades), format_func=lambda code: grades[code], key="w:grade")
    wanted = two.text_input(t("app.search_lever", lang), key="w:find")
    if grade:
        rows = rows[rows["grade"] == grade]
    if wanted:
        text = rows.astype(str).agg(" ".join, axis=1)
        rows = rows[text.str.contains(wanted, case=False, regex=False)]
    columns = [name for name in ("file", "key", "value", "unit", "grade", "source", "title", "quote", "note") if name in rows.columns]
    heads = {"title": "source_document"}
    shown = rows[columns].rename(columns={name: t(f"col.{heads.get(name, name)}", lang) for name in columns})
    st.dataframe(shown, hide_index=True, height=400, key="data:values")
    show.data(shown, desk.source("sources"), "values", lang)


def _evidence(desk: Desk) -> None:
    lang, found = desk.lang, desk.tables.get("evidence")
    if found is None or found.empty:  # a preview answers without it
        show.note(t("app.no_preview", lang))
        return
    show.chart(charts.evidence_bars(desk.tables, int(found["year"].max()), lang), desk.source("evidence"), "evidence")
    show.note(t("explain.evidence", lang))


def _catalogue(desk: Desk) -> None:
    """The plan's own list of services: which national item each stands for, and what of the model carries it."""
    lang, rows = desk.lang, desk.tables.get("plan_items")
    if rows is None or rows.empty:
        show.note(t("app.no_preview" if rows is None else "explain.no_items", lang))
        return
    real = rows[rows["carried"] != ""]
    counts = [(t(f"carried.{word}", lang), int((real["carried"] == word).sum())) for word in ("service", "inside", "left_out", "not_modelled")]
    words = t("format.sep", lang).join(t("format.colon", lang, head=name, body=str(n)) for name, n in counts if n)
    show.title(t("finding.items", lang, n=len(real), own=int(real["own"].sum()), words=words))
    names = charts.service_names(desk.tables, lang)
    national = desk.tables["items"].set_index("code")[f"name_{lang}"]
    shown = pd.DataFrame(
        {
            t("col.domain", lang): [charts.domain_name(domain, lang) if domain else NONE for domain in rows["domain"]],
            t("col.plan_item", lang): rows[f"name_{lang}"],
            t("col.national_item", lang): [_joined((national[code] for code in _codes(cell)), lang) for cell in rows["items"]],
            t("col.carried", lang): [t(f"carried.{word}", lang) if word else NONE for word in rows["carried"]],
            t("col.service", lang): [_joined((names.get(code, code) for code in _codes(cell)), lang) for cell in rows["services"]],
            t("col.quote", lang): rows["quote"],
            t("col.note", lang): rows["note"],
        }
    )
    st.dataframe(shown, hide_index=True, height=400, key="data:items")
    show.data(shown, desk.source("plan_items"), "items", lang)


def _codes(cell: str) -> list[str]:
    return [code for code in cell.split(";") if code]


def _joined(words: Iterable[str], lang: str) -> str:
    return t("format.comma", lang).join(words) or NONE


def _documents(desk: Desk) -> None:
    lang, rows = desk.lang, desk.tables["sources"]
    keys = [name for name in ("source", "title") if name in rows.columns]
    counts = rows.groupby(keys, sort=False).size().rename("n").reset_index()
    shown = counts.rename(columns={"source": t("col.source", lang), "title": t("col.source_document", lang), "n": t("col.count", lang)})
    st.dataframe(shown, hide_index=True, height=400, key="data:documents")
    quotes = rows[rows["quote"].astype(str).str.strip().ne("") & rows["quote"].notna()]
    show.title(t("heading.quotes", lang))
    if quotes.empty:
        show.note(NONE)
        return
    table = quotes[["key", "value", "quote", "source"]].rename(columns={name: t(f"col.{name}", lang) for name in ("key", "value", "quote", "source")})
    st.dataframe(table, hide_index=True, height=300, key="data:quotes")


def _words(desk: Desk) -> None:
    """Every target and statement of the plan in its own words."""
    lang, rows = desk.lang, desk.tables["indicator_names"]
    shown = pd.DataFrame(
        {
            t("col.indicator", lang): rows[f"name_{lang}"],
            t("col.nature", lang): [t(f"nature.{nature}", lang) for nature in rows["nature"]],
            t("col.target", lang): [NONE if pd.isna(value) else charts.figure_text(float(value)) for value in rows["target_value"]],
            t("col.unit", lang): rows[f"unit_{lang}"],
            t("col.quote", lang): rows["quote"],
            t("col.source", lang): [headlines.document(desk.tables, str(source)) for source in rows["source"]],
        }
    )
    st.dataframe(shown, hide_index=True, height=400, key="data:words")
    show.data(shown, desk.source("indicators"), "words", lang)


MOST_RUNS = 60  # manifests read for the list; the rest is counted


def _batches(desk: Desk) -> None:
    """Saved runs of this pack with their main figures, by name; a batch leaves its runs here too. A damaged one is named, not shown."""
    lang, store = desk.lang, RunStore(runs_folder())
    names = store.names()
    lines = [line for name in names[:MOST_RUNS] if (line := _run_line(store, name, desk.info.id, lang)) is not None]
    if not lines:
        show.note(t("tally.batches_none", lang))
        return
    heads = [t("col.digest", lang), t("col.scenario", lang), t("tally.col_floors", lang), t("col.targets_met", lang), t("col.money", lang)]
    note = t("tally.batches_more", lang, n=len(names) - MOST_RUNS) if len(names) > MOST_RUNS else ""
    show.table(pd.DataFrame(lines, columns=heads), t("tally.batches", lang), lang, desk.source("summary"), "batches", note_text=note)


def _run_line(store: RunStore, name: str, pack: str, lang: str) -> tuple[str, ...] | None:
    try:
        run = store.open(name)
        if run.manifest["scenario"]["pack"] != pack:
            return None
        rows = run.table("summary")
    except IntegrityError:
        return (name[-8:], t("tally.damaged", lang), NONE, NONE, NONE)
    told: dict[str, Any] = dict(zip(rows["key"], rows["value"], strict=True))
    held, met = f"{int(told['regions_with_floors'])}/{int(told['regions'])}", f"{int(told['indicators_met'])}/{int(told['indicators'])}"
    return (run.digest8, str(run.manifest["scenario"][f"name_{lang}"]), held, met, money(float(told["floor_gap_yuan"]), lang))


def _record(desk: Desk) -> None:
    lang, record = desk.lang, desk.answer.record
    passes: list[Any] = [one for one in record["passes"] if isinstance(one, dict)]
    names = {"1a": "floors", "1b": "floors", "2": "binding", "3": "expected", "4": "worst_off", "5": "least_cost"}
    lines = []
    for one in passes:
        code = str(one.get("name", one.get("pass", "")))
        words = t(f"pass.{names.get(code, 'other')}", lang)
        objective = one.get("objective")
        status = str(one.get("status", ""))
        said = t(f"solved.{status}", lang) if has(f"solved.{status}") else status
        lines.append((code, words, said, NONE if objective is None else f"{float(objective):.6g}"))
    columns = [t(f"col.{name}", lang) for name in ("order", "pass", "status", "value")]
    show.bureau(pd.DataFrame(lines, columns=columns), t("heading.passes", lang), lang)
    versions = pd.DataFrame(list(record["versions"].items()), columns=[t("col.name", lang), t("col.value", lang)])
    digests = pd.DataFrame(
        [(t("col.scenario", lang), desk.scenario.digest), (t("col.pack", lang), str(record["pack_digest"])), (t("heading.run", lang), record["run"] or NONE)],
        columns=[t("col.name", lang), t("col.digest", lang)],
    )
    show.bureau(digests, t("heading.run", lang), lang)
    show.bureau(versions, t("heading.versions", lang), lang)


def _checks(desk: Desk) -> None:
    lang, rows = desk.lang, desk.tables["checks"]
    records: list[Any] = rows.to_dict("records")
    lines = [(row["name"], f"{row['value']:.3g}", f"{row['tolerance']:.3g}", t("status.passed" if row["passed"] else "status.failed", lang)) for row in records]
    columns = [t(f"col.{name}", lang) for name in ("name", "value", "tolerance", "passed")]
    show.table(pd.DataFrame(lines, columns=columns), t("heading.checks", lang), lang, desk.source("checks"), "checks")


def show_page(desk: Desk) -> None:
    """The page."""
    lang = desk.lang
    show.headline(headlines.sources(desk.tables, lang))
    first = ("heading.values", "tally.all_quotes", "heading.run", "tally.batches", "heading.checks", "heading.reviews", "heading.reproduce")
    more = ("heading.evidence", "heading.items", "heading.documents")
    values, words, run, batches, checks, reviews, again, evidence, items, documents = st.tabs([t(key, lang) for key in (*first, *more)])
    with values:
        _values(desk)
        show.board(tallies.grades_board(desk.tables, lang), desk.source("sources"), "grades", lang)
    with words:
        _words(desk)
    with batches:
        _batches(desk)
    with evidence:
        _evidence(desk)
    with items:
        _catalogue(desk)
    with documents:
        _documents(desk)
    with run:
        _record(desk)
    with checks:
        _checks(desk)
    with reviews:
        reviewing.reviews_tab(desk)
    with again:
        show.note(t("explain.reproduce", lang))
        st.code(command(desk), language=None, wrap_lines=True)
        st.code(in_python(desk), language=None, wrap_lines=True)
