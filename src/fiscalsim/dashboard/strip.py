"""The line above every page: scope, years, prices, state of the run, review, data warnings; sharing and export.

Knows the result that is shown. Must not know pages; computes nothing itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from fiscalsim.dashboard import files, show
from fiscalsim.dashboard.engine import Answer
from fiscalsim.dashboard.session import read_only, runs_folder, view
from fiscalsim.dashboard.state import State, World, command, in_python, scenario_yaml, to_query
from fiscalsim.prices import CONSTANT, CURRENT, basis_of, price_words
from fiscalsim.quantities import PackInfo
from fiscalsim.report import review_boards
from fiscalsim.reviews import NOT_REVIEWED, reviews_of
from fiscalsim.scenario import Scenario
from fiscalsim.store import RunStore, SavedRun
from fiscalsim.text import name_of, t


@dataclass(frozen=True)
class Desk:
    """What a page gets: the result it shows, the scenario behind it and where the session stands."""

    lang: str
    state: State
    world: World
    scenario: Scenario
    answer: Answer
    baseline: Answer | None
    saved: str  # folder of the saved run, empty for a preview
    stale: bool  # the result is still the previous one

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Tables of the result that is shown."""
        return self.answer.tables

    @property
    def info(self) -> PackInfo:
        """Names and years of the place."""
        return self.answer.info

    @property
    def digest8(self) -> str:
        """Digest of the result that is shown."""
        return self.saved[-8:] if self.saved else self.answer.key[:8]

    def source(self, *tables: str) -> str:
        """Where figures come from, in words."""
        names = t("format.comma", self.lang).join(t(f"table.{name}", self.lang) for name in tables)
        return t("app.source_run" if self.saved else "app.source_preview", self.lang, digest=self.digest8, table=names)


def strip(desk: Desk) -> None:
    """Scope, years, price basis, run state, review, data warnings; sharing and export at the right."""
    lang, info, tables = desk.lang, desk.info, desk.tables
    years = sorted(tables["allocation"]["year"].unique())
    assumed = int((tables["sources"]["grade"] == "D").sum())
    failed = int((~tables["checks"]["passed"].astype(bool)).sum())
    items = [
        (t("strip.scope", lang, place=name_of(info, lang), n=len(tables["regions"]), unit=name_of(info, lang, "unit")), ""),
        (t("strip.years", lang, first=years[0], last=years[-1]), ""),
        (price_words(tables, info.base_year, lang), "" if basis_of(tables) == CURRENT else "warn"),
        (t("strip.saved", lang, digest=desk.digest8), "good") if desk.saved else (t("strip.preview", lang), "warn"),
        _review_tag(desk),
        *([(t("strip.assumed", lang, n=assumed), "warn")] if assumed else []),
        *([(t("strip.failed_checks", lang, n=failed), "bad")] if failed else []),
        *([(t("strip.made_up", lang), "bad")] if info.made_up else []),
        *([(t("app.read_only", lang), "warn")] if read_only() else []),
    ]
    left, right = st.columns([4.3, 2], vertical_alignment="center")
    with left:
        show.tags(items)
    with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        _prices(desk)
        with st.popover(t("app.share", lang), type="tertiary"):
            show.note(t("app.link_help", lang))
            st.code(link(desk), language=None, wrap_lines=True)
            show.note(t("app.command_help", lang))
            st.code(command(desk.state), language=None, wrap_lines=True)
            st.code(in_python(desk.state, desk.scenario.digest8), language=None, wrap_lines=True)
        with st.popover(t("app.export", lang), type="tertiary"):
            _export(desk)


def _review_tag(desk: Desk) -> tuple[str, str]:
    """Whether anybody reviewed the run shown; a preview is nobody's."""
    if not desk.saved:
        return t("review.none", desk.lang), "warn"
    found = reviews_of(RunStore(runs_folder()).open(desk.saved))
    return review_boards.state_words(found, desk.lang), "good" if review_boards.is_reviewed(found) else "warn" if found.state == NOT_REVIEWED else "bad"


def _prices(desk: Desk) -> None:
    """The switch between current and constant prices; every page follows it."""
    st.session_state["w:price_basis"] = basis_of(desk.tables) == CONSTANT
    words = t("prices.switch", desk.lang, year=desk.info.base_year)
    st.toggle(words, key="w:price_basis", help=t("prices.help", desk.lang, year=desk.info.base_year), on_change=_priced_otherwise)


def _priced_otherwise() -> None:
    view("prices", CONSTANT if st.session_state["w:price_basis"] else CURRENT)


def link(desk: Desk) -> str:
    """The address that opens the same figures for someone else, to look at."""
    from urllib.parse import urlencode

    query = {"run": desk.digest8, "lang": desk.lang} if desk.saved else to_query(desk.state, desk.world)
    query |= {"ro": "1"}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(query)}"


def _export(desk: Desk) -> None:
    lang = desk.lang
    if not read_only():
        files.name_box(lang)
    name = files.own_name(desk.state, desk.scenario)
    text = scenario_yaml(desk.state, desk.scenario, name)
    st.download_button(
        t("app.download_yaml", lang), text, f"{files.file_name(name)}-{desk.scenario.digest8}.yaml", "application/yaml", on_click="ignore", key="dl:yaml"
    )
    if not desk.saved:
        show.note(t("app.save_first", lang))
        return
    if st.button(t("app.prepare", lang), key="dl:prepare"):
        st.session_state["files"] = (desk.saved, lang, basis_of(desk.tables), _files(desk))
    folder, language, basis, made = st.session_state.get("files", ("", "", "", {}))
    if (folder, language, basis) == (desk.saved, lang, basis_of(desk.tables)):
        for key, (file, content, kind) in made.items():
            st.download_button(t(f"app.{key}", lang), content, file, kind, on_click="ignore", key=f"dl:{key}")
        if st.session_state.get("pdf_missing"):
            show.note(t("app.pdf_missing", lang, why=st.session_state["pdf_missing"]))


def _files(desk: Desk) -> dict[str, tuple[str, bytes, str]]:
    """The report as page and on paper, and the spreadsheet of a saved run, in memory; why there is no PDF is said instead of it."""
    from tempfile import TemporaryDirectory

    from fiscalsim.report import file_name, report_html, report_xlsx

    run, basis = RunStore(runs_folder()).open(desk.saved), basis_of(desk.tables)
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    with st.spinner(t("app.making_files", desk.lang)), TemporaryDirectory() as folder:
        book = report_xlsx(run, Path(folder) / "run.xlsx", desk.lang, basis).read_bytes()
        made = {
            "download_report": (file_name([run], "overview", "html", desk.lang), report_html(run, desk.lang, basis).encode(), "text/html"),
            "download_xlsx": (file_name([run], "results", "xlsx", desk.lang), book, sheet),
        }
        paper, why = _paper(run, Path(folder) / "run.pdf", desk.lang, basis)
    st.session_state["pdf_missing"] = why
    return made | ({"download_pdf": (file_name([run], "overview", "pdf", desk.lang), paper, "application/pdf")} if paper else {})


def _paper(run: SavedRun, path: Path, lang: str, basis: str) -> tuple[bytes, str]:
    """The report as PDF, made in a process of its own (it starts a browser for the figures); else the last line that says why not."""
    from fiscalsim.report.pdf import SECONDS

    command = [sys.executable, "-m", "fiscalsim.cli", "--lang", lang, "report", str(run.path), "--to", "pdf", "--prices", basis, "--out", str(path)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return b"", t("pdf.too_slow", lang, n=SECONDS)
    if ended.returncode == 0:
        return path.read_bytes(), ""
    return b"", (ended.stderr.strip().splitlines() or [str(ended.returncode)])[-1]
