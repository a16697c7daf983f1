"""Can this promise be paid, and for how long: the form that asks for an assessment, and the record that it filed, greyed when it answers another question."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from fiscalsim import charts
from fiscalsim.assess import ABOVE, CASES, Assessment, Bears, Proposal, SavedAssessment, assessments, load_proposal, open_assessment, proposal_ids, to_json
from fiscalsim.dashboard import frame, show
from fiscalsim.dashboard.engine import Job
from fiscalsim.dashboard.frame import Desk, failure_words, runs_folder, wait_for
from fiscalsim.errors import InputError
from fiscalsim.report import affordability_boards as boards
from fiscalsim.text import name_of, percent, t

YEARS = (3, 5, 10)  # offered beside the proposal's own
BEARS = {"bears_local": Bears(centre=0.0, province=0.0, local=1.0), "bears_half": Bears(centre=0.0, province=0.5, local=0.5)}
FILLS = {"green": "good", "amber": "warn", "red": "bad"}
BOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLOW = 8  # regions from which an assessment takes minutes


def show_page(desk: Desk) -> None:
    """The page."""
    lang = desk.lang
    known = _proposals(desk)
    if not known:
        show.headline(t("page.affordability.question", lang))
        show.note(boards.w("no_proposals", lang))
        return
    head = st.container()
    wanted = _form(desk, known)
    asked: Job | None = st.session_state.get("assess")
    if asked is not None and asked.digest == desk.scenario.digest and not desk.stale and _wait(desk, asked, head):
        return
    mine, other = _filed(desk, wanted)
    if mine is not None and not desk.stale:
        _result(desk, mine, head)
        return
    shown = mine or other
    with head:
        show.headline(boards.w("idle", lang) if shown is None else t("page.affordability.question", lang))
    if shown is not None:
        st.warning(boards.w("stale", lang, digest=shown.digest8))
        with st.container(key="stale"):
            _result(desk, shown, None)


# --- the form -------------------------------------------------------------------------------------------------------


def _proposals(desk: Desk) -> dict[str, Proposal]:
    """The proposals for this place; one that cannot be read is named and left out."""
    found = {}
    for name in proposal_ids(desk.world.home):
        try:
            proposal = load_proposal(name, desk.world.home)
        except InputError as error:
            st.warning(str(error))
            continue
        if proposal.pack == desk.scenario.pack:
            found[name] = proposal
    return found


def _form(desk: Desk, known: dict[str, Proposal]) -> Proposal:
    """Proposal, first year, years and bearers, then the button; nothing is computed before it is pressed."""
    lang, years = desk.lang, charts.years_of(desk.tables)
    one, two, three, four, five = st.columns([5, 2, 2, 2.4, 2], gap="small", vertical_alignment="bottom")
    code = one.selectbox(boards.w("pick", lang), list(known), format_func=lambda name: getattr(known[name].name, lang), key="a:proposal")
    proposal = known[code]
    starts = [year for year in years if year >= min(proposal.start, years[-1])] or [years[-1]]
    start = int(two.selectbox(boards.w("pick_start", lang), starts, key=f"a:start:{code}"))
    most = years[-1] - start + 1
    lengths = sorted({n for n in (*YEARS, proposal.years) if n <= most} or {most})
    usual = proposal.years if proposal.years in lengths else lengths[-1]
    length = int(
        three.selectbox(
            boards.w("pick_years", lang), lengths, index=lengths.index(usual), format_func=lambda n: boards.w("years_of", lang, n=n), key=f"a:years:{code}"
        )
    )
    shares: dict[str, Any] = ({"bears_rule": "rule"} if proposal.service is None else {}) | BEARS
    if isinstance(proposal.bears, Bears):
        shares = {"bears_own": proposal.bears} | shares
    bears = four.selectbox(boards.w("pick_bears", lang), list(shares), format_func=lambda key: boards.w(key, lang), key=f"a:bears:{code}")
    wanted = proposal.model_copy(update={"start": start, "years": length, "bears": shares[bears]})
    long = boards.w("minutes" if len(desk.tables["regions"]) >= SLOW else "seconds", lang)
    five.button(
        boards.w("ask", lang),
        type="primary",
        help=boards.w("ask_help", lang, s=long),
        on_click=_ask,
        args=(desk, wanted),
        key="w:assess",
        disabled=desk.stale,
        width="stretch",
    )
    return wanted


def _session() -> str:
    """The engine's name for what this page asks, so that previews neither wait for it nor stop it."""
    return f"{frame.session_id()}/assess"


def _ask(desk: Desk, wanted: Proposal) -> None:
    job = replace(desk.world.job(desk.state), proposal=to_json(wanted))
    st.session_state["assess"] = job
    engine = frame.the_engine()
    engine.forget_failure(_session())
    engine.ask(_session(), job)


def _wait(desk: Desk, job: Job, head: Any) -> bool:
    """Say how the job stands; True while it runs. What it filed is opened by the page."""
    engine, lang = frame.the_engine(), desk.lang
    look = engine.look(_session(), job)
    if look.answer is not None:
        st.session_state.pop("assess")
        return False
    if look.failure is not None:
        st.session_state.pop("assess")
        st.error(failure_words(look.failure, lang))
        return False
    engine.ask(_session(), job)  # lost with a restarted server: asked anew
    with head:
        show.headline(t("page.affordability.question", lang))
    wait_for(lambda: engine.look(_session(), job), lambda found: boards.w("waiting", lang, s=int(found.seconds), percent=percent(found.fraction, 0)))
    return True


# --- what was filed -------------------------------------------------------------------------------------------------


def _filed(desk: Desk, wanted: Proposal) -> tuple[SavedAssessment | None, SavedAssessment | None]:
    """The newest record of exactly this question, and the newest of another one of the same place."""
    place = [
        one for one in assessments(runs_folder()) if one.summary["pack"]["id"] == desk.info.id and one.summary["pack"]["resolution"] == desk.info.resolution
    ]
    asked = wanted.model_dump(mode="json")
    mine = [one for one in place if one.summary["scenario"]["digest"] == desk.scenario.digest and one.summary["proposal"] == asked]
    others = [one for one in place if one not in mine]
    return mine[-1] if mine else None, others[-1] if others else None


@st.cache_resource(max_entries=8)
def _assessment(path: Path) -> Assessment:
    return open_assessment(path).assessment()


def _result(desk: Desk, saved: SavedAssessment, head: Any | None) -> None:
    """Headline, burden by year and what gives way at the left; the areas' verdicts, checks and the report at the right."""
    lang, found = desk.lang, _assessment(saved.path)
    source = boards.w("source_record", lang, digest=saved.digest8)
    with head if head is not None else st.container():
        show.headline(boards.headline(found, lang))
    left, right = st.columns([11, 9], gap="medium")
    with left:
        names = boards.area_names(found, lang)
        regions = [""] + [code for code in found.tables["areas"]["region"] if code != ABOVE]
        region: Any = st.selectbox(
            boards.w("area", lang), regions, format_func=lambda code: names[code] if code else name_of(desk.info, lang), key=f"a:region:{saved.digest8}"
        )
        show.chart(charts.burden_by_year(found.tables, lang, region, names.get(region, "")), source, "burden", boards.w("levels_note", lang))
        show.board(boards.crowding_board(found, lang), source, "crowding", lang)
    with right:
        _areas(found, source, lang)
        if head is not None:
            _report(desk, saved, lang)
    with st.expander(boards.w("levels_curve_title", lang)):
        curve = charts.payable_levels(
            found.tables,
            lambda level: boards.level_words(found, level, lang, down=False),
            boards.lasting_words(found, lang),
            boards.setting(found, "futures_share"),
            lang,
        )
        show.chart(curve, source, "levels", boards.w("levels_curve_note", lang, n=found.summary["futures"], m=found.summary["sampled"]))
    show.board(boards.checks_board(found, lang), source, "checks", lang)
    with st.expander(boards.w("levels_title", lang)):
        show.board(boards.levels_board(found, lang), source, "years", lang)
        show.board(boards.balance_board(found, lang), source, "balance", lang)
        show.board(boards.stress_board(found, lang), source, "stress", lang)
        show.board(boards.settings_board(found, lang), source, "settings", lang)


def _areas(found: Assessment, source: str, lang: str) -> None:
    """C15: each area's first failing year by case, and its light; colour always with sign and word."""
    board = boards.areas_board(found, lang)
    table = board.table.copy()
    for row, light in enumerate(found.tables["areas"]["verdict"]):
        table.iloc[row, -1] = f'<span class="fs-tag {FILLS[light]}">{escape(str(table.iloc[row, -1]))}</span>'
        for column, case in enumerate(CASES, start=1):
            if found.tables["areas"][f"{case}_year"].iloc[row]:
                kind = "bad" if case == "base" else "warn"
                table.iloc[row, column] = f'<span class="fs-tag {kind}">{escape(str(table.iloc[row, column]))}</span>'
    show.bureau(table, board.title, lang, note_text=board.note, html_columns=list(table.columns[1:]), key="areas")
    show.data(board.table, source, "areas", lang)


def _report(desk: Desk, saved: SavedAssessment, lang: str) -> None:
    """The report of the record, made when it is asked for."""
    if st.button(boards.w("make_report", lang), type="primary", key="w:assess_report"):
        st.session_state["assess_files"] = (
            saved.digest8,
            lang,
            _files(saved, {code: name_of(one, lang) for code, one in desk.world.levers(desk.scenario.pack).items()}, lang),
        )
    digest, language, files = st.session_state.get("assess_files", ("", "", {}))
    if (digest, language) == (saved.digest8, lang):
        with st.container(horizontal=True, gap="small"):
            for key, (file, content, kind) in files.items():
                st.download_button(boards.w(f"download_{key}", lang), content, file, kind, on_click="ignore", key=f"dl:assess_{key}")


def _files(saved: SavedAssessment, levers: dict[str, str], lang: str) -> dict[str, tuple[str, bytes, str]]:
    """Key of the download -> name, content and kind; on paper only where this machine can write it."""
    from fiscalsim.report import pdf
    from fiscalsim.report.affordability import affordability_html, affordability_pdf, affordability_xlsx, file_name

    found = {"html": (file_name(saved, "html", lang), affordability_html(saved, lang, levers).encode(), "text/html")}
    with TemporaryDirectory() as folder:
        if not pdf.missing():
            paper = affordability_pdf(saved, Path(folder) / "report.pdf", lang, levers).read_bytes()
            found["pdf"] = (file_name(saved, "pdf", lang), paper, "application/pdf")
        book = affordability_xlsx(saved, Path(folder) / "tables.xlsx", lang, levers).read_bytes()
    return found | {"xlsx": (file_name(saved, "xlsx", lang), book, BOOK)}
