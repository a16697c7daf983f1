"""What reviewers said, in words: the state for tags and page feet, the sentence of a report's head, and the remarks as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fiscalsim.report.boards import Board, grade_counts
from fiscalsim.reviews import DAMAGED, HOLDS, LAPSED, NOT_REVIEWED, Assumption, Carried, Review, RunReviews
from fiscalsim.store import SavedRun
from fiscalsim.text import NONE, has, t

Tables = Mapping[str, pd.DataFrame]


def state_words(found: RunReviews, lang: str) -> str:
    """The review state of a run as tags, lists and page feet write it."""
    if found.signed is None:
        return t(f"review.{found.state}", lang)
    known = "" if found.signed.who_known else "_typed"
    return t(f"review.{found.state}{known}", lang, who=found.signed.who, date=found.signed.date)


def is_reviewed(found: RunReviews) -> bool:
    """Whether the run is signed off and nothing is wrong with its records."""
    return found.state == "reviewed"


def state_note(found: RunReviews, lang: str) -> str:
    """The sentence below a report's headline: what the review state means for the reader."""
    if found.signed is None:
        return t("review.note_damaged" if found.state == DAMAGED else f"review.note_{NOT_REVIEWED}", lang)
    one = found.signed
    return t(f"review.note_{found.state}", lang, who=_who(one, lang), date=one.date, remark=one.remark.rstrip(t("format.stop", lang).strip()))


def reviews_board(found: RunReviews, lang: str) -> Board:
    """Every remark on the run and on its assumptions, each as it stands for this run; empty when there is none."""
    lines = [(t("review.whole_run", lang), NONE, one, t("review.holds", lang)) for one in found.on_run]
    lines += [(_value_name(one.review.on), one.review.on.value, one.review, carried_words(one, lang)) for one in found.on_values if one.review.on]
    columns = [t(f"review.col_{key}", lang) for key in ("on", "value", "decision", "remark", "who", "date", "state")]
    rows = [(on, value, decision_words(one, lang), one.remark, _who(one, lang), one.date, state) for on, value, one, state in lines]
    note = "" if rows else t("review.nothing", lang)
    return Board(t("review.table", lang), pd.DataFrame(rows, columns=columns), note=note)


def decision_words(one: Review, lang: str) -> str:
    """Remark, reviewed or returned."""
    return t(f"review.decision_{one.decision}", lang)


def carried_words(one: Carried, lang: str) -> str:
    """Whether a remark on an assumption still holds; where the value moved, both values."""
    if one.state == HOLDS or one.review.on is None:
        return t("review.holds", lang)
    if one.now is None:
        return t("review.lapsed_gone", lang, was=_value(one.review.on, lang))
    return t("review.lapsed", lang, was=_value(one.review.on, lang), now=_value(one.now, lang))


def lapsed_count(found: RunReviews) -> int:
    """Remarks on assumptions that moved since."""
    return sum(one.state == LAPSED for one in found.on_values)


def page_line(run: SavedRun, tables: Tables, found: RunReviews, lang: str) -> str:
    """What every page of a report carries: digest, version, date, review state, data grades."""
    version = f"fiscalsim {run.manifest['versions'].get('fiscalsim', NONE)}"
    grades = t("report.grade_counts", lang, **grade_counts(tables))
    parts: list[Any] = [run.digest8, version, run.manifest["record"]["when"][:10], state_words(found, lang), grades]
    return t("review.page_gap", lang).join(parts)


def _who(one: Review, lang: str) -> str:
    return one.who if one.who_known else t("review.who_typed", lang, who=one.who)


def _value(one: Assumption, lang: str) -> str:
    """A value with its grade and source, since a remark lapses when any of them moves."""
    grade = t("review.grade", lang, grade=one.grade) if one.grade else ""
    source = t(f"review.source_{one.source}", lang) if has(f"review.source_{one.source}") else one.source
    words = [word for word in (grade, source) if word]
    return t("review.value_of", lang, value=one.value, more=t("format.comma", lang).join(words)) if words else one.value


def _value_name(one: Assumption | None) -> str:
    return one.code if one is not None else NONE
