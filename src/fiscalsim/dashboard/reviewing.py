"""The reviewer's table of the desk: the tag of the strip, the remarks that hold for the run shown, and the form that records another.

Knows reviews and widgets. Must not compute. The name comes from the bureau's login where there is one; a typed one is marked as such.
"""

from __future__ import annotations

import streamlit as st

from fiscalsim.dashboard import show
from fiscalsim.dashboard.session import runs_folder, signed_in
from fiscalsim.dashboard.strip import Desk
from fiscalsim.errors import InputError, IntegrityError
from fiscalsim.report import review_boards
from fiscalsim.reviews import DECISIONS, LONGEST_NAME, LONGEST_REMARK, ReviewBook, assumptions_of
from fiscalsim.store import RunStore
from fiscalsim.text import t

MOST_OFFERED = 200  # values in the list to choose from; more are found by a word


def reviews_tab(desk: Desk) -> None:
    """Every remark on the run shown and on its assumptions, and the form for another; a preview must be saved first."""
    lang = desk.lang
    if not desk.saved:
        show.note(t("review.save_first", lang))
        return
    book, run = ReviewBook(runs_folder()), RunStore(runs_folder()).open(desk.saved)
    found = book.of(run)
    board = review_boards.reviews_board(found, lang)
    show.title(t("format.colon", lang, head=desk.digest8, body=review_boards.state_words(found, lang)))
    for line in book.problems(run.digest8):
        st.error(t("review.broken", lang, why=line))
    if len(board.table):
        show.bureau(board.table, board.title, lang, note_text=t("review.carried_note", lang))
    else:
        show.note(board.note)
    _form(desk, book)


def _form(desk: Desk, book: ReviewBook) -> None:
    lang, login = desk.lang, signed_in()
    show.title(t("review.write", lang))
    whole, value = t("review.whole_run", lang), t("review.one_value", lang)
    picked = st.segmented_control(t("review.col_on", lang), [whole, value], default=whole, key="w:review_on", required=True)
    on = _value(desk) if picked == value else ""
    with st.form("review", clear_on_submit=True):
        one, two = st.columns([1, 2], gap="small")
        who = one.text_input(
            t("review.col_who", lang), login, max_chars=LONGEST_NAME, disabled=bool(login), help=t("review.who_login" if login else "review.who_help", lang)
        )
        names = {word: t(f"review.decision_{word}", lang) for word in DECISIONS}
        decision = two.segmented_control(t("review.col_decision", lang), list(names), format_func=lambda word: names[word], default="remark", required=True)
        remark = st.text_area(t("review.col_remark", lang), max_chars=LONGEST_REMARK, height=90)
        asked = st.form_submit_button(t("review.submit", lang), type="primary")
    if asked and picked == value and not on:
        st.error(t("review.no_value", lang))
    elif asked:
        _record(desk, book, login or who, bool(login), remark, str(decision), on)


def _value(desk: Desk) -> str:
    """One value behind the run, found by a word."""
    lang = desk.lang
    one, two = st.columns([1, 2], gap="small")
    word = one.text_input(t("review.find", lang), key="w:review_find").strip().lower()
    known = assumptions_of(desk.tables["sources"])
    codes = [code for code, value in known.items() if word in f"{code} {value.source}".lower()]
    codes = sorted(codes, key=lambda code: ":" in code)[:MOST_OFFERED]  # parameters first
    words = {code: f"{code} = {known[code].value}" for code in codes}
    return str(two.selectbox(t("review.one_value", lang), codes, format_func=lambda code: words[code], key="w:review_value") or "")


def _record(desk: Desk, book: ReviewBook, who: str, known: bool, remark: str, decision: str, on: str) -> None:
    lang = desk.lang
    if not who.strip() or not remark.strip():
        st.error(t("review.incomplete", lang))
        return
    try:
        record = book.add(RunStore(book.runs).open(desk.saved), who=who, remark=remark, decision=decision, on=on, who_known=known)
    except (InputError, IntegrityError) as error:
        st.error(str(error))
        return
    what = record.on.code if record.on else desk.digest8
    file = f"{desk.digest8}-{record.number:04}.json"
    st.session_state["done"] = t("review.written", lang, what=what, decision=review_boards.decision_words(record, lang), file=file)
    st.rerun()
