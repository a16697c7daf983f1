"""Scenarios that come from outside and go out: an opened file, a link made one's own, a name, the words for what is wrong in a file.

Knows scenario files and the session. Must not know results. A file's name is shown, never used as a path.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import streamlit as st

from fiscalsim.dashboard import session, show
from fiscalsim.dashboard.session import change, plain, the_world
from fiscalsim.dashboard.state import State, World, state_of
from fiscalsim.errors import InputError, Problem
from fiscalsim.levers import LARGEST_YAML, read_document
from fiscalsim.parameters import name_problem
from fiscalsim.scenario import Scenario, load_scenario
from fiscalsim.text import name_of, number, t

SHOWN_NAME = 40  # characters of a file's name or of a wrong value that are shown
MEGABYTE = 1_000_000


def open_file(lang: str) -> None:
    """A scenario file of the user, opened as the session's own scenario."""
    with st.popover(t("files.open", lang), type="tertiary", width="stretch"):
        show.note(t("files.help", lang))
        _uploader_words(lang)
        turn = st.session_state.setdefault("upload_turn", 0)  # a new widget after each file, so that the same file can be opened again
        given = st.file_uploader(
            t("files.label", lang), type=["yaml", "yml"], key=f"w:file:{turn}", max_upload_size=LARGEST_YAML // MEGABYTE, label_visibility="collapsed"
        )
    if given is not None:
        st.session_state["upload_turn"] = turn + 1
        take_file(given.name, given.getvalue(), lang)
        st.rerun()


def take_file(name: str, raw: bytes, lang: str) -> None:
    """Make what a file says the session's state; otherwise keep the state and leave the problems to be shown."""
    st.session_state.pop("file_problems", None)
    try:
        scenario, note = read_scenario(raw)
    except InputError as error:
        st.session_state["file_problems"] = (name, error.problems)
        return
    world = the_world()
    found = state_of(scenario.resolved(), world, lang)
    if found is None:
        st.session_state["notice"] = t("error.no_pack", lang, pack=scenario.pack)
        return
    change(found)
    own = name_of(scenario, lang)
    st.session_state["my_name"] = own if own != scenario.id else ""
    told = t("files.opened", lang, file=plain(_brief(name)), base=name_of(world.base(found.base), lang))
    st.session_state["done"] = told + (t("format.stop", lang) + t("error.upload_gbk", lang) if note else "")


def read_scenario(raw: bytes) -> tuple[Scenario, str]:
    """The scenario in the bytes of a file, and a note when they were not UTF-8; InputError lists every mistake.

    What it extends is looked for among this server's scenarios only: the file lies alone in a folder of its own.
    """
    note = read_document(raw, "").note
    with TemporaryDirectory() as folder:
        path = Path(folder) / "opened-file.yaml"
        path.write_bytes(raw)
        return load_scenario(path, the_world().home), note


def problems(lang: str) -> None:
    """What was wrong with the file that was opened last, once."""
    told = st.session_state.pop("file_problems", None)
    if told is not None:
        name, found = told
        st.error(upload_words(name, found, lang))
        problem_table(found, lang)


def upload_words(name: str, found: Sequence[Problem], lang: str) -> str:
    """The first problem of a file in a sentence, and how many there are."""
    first = found[0]
    words = {"row": first.row or 1, "column": _column(first, lang), "value": _brief(first.value), "allowed": allowed_words(first, lang)}
    return plain(t("error.upload", lang, file=_brief(name), n=len(found), **words))


def problem_table(found: Sequence[Problem], lang: str) -> None:
    """Every problem of an input: row, key, value, what is allowed there."""
    rows = [(problem.row or "", _column(problem, lang), _brief(problem.value), allowed_words(problem, lang)) for problem in found]
    columns = [t(f"files.{name}", lang) for name in ("row", "key", "value", "allowed")]
    show.bureau(pd.DataFrame(rows, columns=columns), t("files.problems", lang), lang)


def allowed_words(problem: Problem, lang: str) -> str:
    """What a file may hold where the problem stands; in English the reader's own words."""
    if lang == "en":
        return problem.allowed + (f" ({t('files.near', lang, nearest=problem.nearest)})" if problem.nearest else "")
    if problem.nearest:
        return t("files.near", lang, nearest=problem.nearest)
    path = problem.column.removeprefix("set.")
    levers = next((found for found in map(the_world().levers, _packs(the_world())) if path in found), {})
    if path in levers and problem.column != path:
        lever = levers[path]
        scale = session.shown_scale(lever)
        ends = {"lo": number(lever.lowest * scale, session.shown_digits(lever)), "hi": number(lever.highest * scale, session.shown_digits(lever))}
        return t("files.range", lang, unit=name_of(lever, lang, "unit"), **ends)
    if problem.column.startswith("set."):
        return t("files.number", lang)
    return t("files.key_value" if problem.column else "files.text", lang)


def _uploader_words(lang: str) -> None:
    """Streamlit's own words on the uploader are English only: ours stand in their place."""
    limit = t("files.limit", lang, size=number(LARGEST_YAML / MEGABYTE))
    rules = (
        "[data-testid=stFileUploaderDropzoneInstructions]{display:none}",
        "[data-testid=stFileUploaderDropzone] button p{display:none}",
        f"[data-testid=stFileUploaderDropzone] button [data-testid=stMarkdownContainer]::after{{content:'{t('files.choose', lang)}'}}",
    )
    st.html(f"<style>{''.join(rules)}</style>")
    show.note(limit)


def _packs(world: World) -> list[str]:
    return list(dict.fromkeys(world.base(name).pack for name in world.scenarios()))


def _column(problem: Problem, lang: str) -> str:
    return _brief(problem.column) or t("files.whole", lang)


def _brief(text: str) -> str:
    """Text of a stranger as it may be shown: its end after any folder, one line, no more than a few words."""
    plain = "".join(sign if sign.isprintable() else " " for sign in str(text).replace("\\", "/").rsplit("/", 1)[-1])
    return plain if len(plain) <= SHOWN_NAME else plain[: SHOWN_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"


def make_own(lang: str) -> None:
    """In the read-only view of a link: take it over under a name of one's own."""
    with st.popover(t("files.make_own", lang), type="primary", width="stretch"):
        name_box(lang)
        st.button(t("files.take_over", lang), key="w:own", on_click=session.make_own, type="primary", width="stretch")


def name_box(lang: str) -> None:
    """The name under which the session saves; one that may not be is told and left out."""
    st.session_state["w:name"] = st.session_state.get("my_name", "")
    st.text_input(t("app.saved_name", lang), key="w:name", on_change=_named, placeholder=t("files.name_hint", lang), max_chars=80)


def _named() -> None:
    wanted = st.session_state["w:name"].strip()
    lang = session.state().lang
    if wanted and name_problem(wanted, shown=True):
        st.session_state["notice"] = t("error.bad_name", lang)
        return
    st.session_state["my_name"] = wanted


def file_name(name: str) -> str:
    """`name` without what a file system minds, at most 120 bytes long."""
    return "".join(sign for sign in name if sign.isalnum() or sign in "-_（）〔〕· ").encode()[:120].decode(errors="ignore").strip()


def own_name(now: State, scenario: Scenario) -> str:
    """The name that the user gave, else the scenario's."""
    return st.session_state.get("my_name") or name_of(scenario, now.lang)
