"""The report on an analysis of risk: one self-contained page, or a spreadsheet.

Knows saved analyses, boards and charts. Must not know how futures are drawn; a damaged record is refused, never shown.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from fiscalsim import charts
from fiscalsim.errors import IntegrityError
from fiscalsim.report import risk_boards
from fiscalsim.report.boards import Board
from fiscalsim.report.files import write_text, write_whole
from fiscalsim.report.html import page
from fiscalsim.report.outline import Outline, Section
from fiscalsim.report.spreadsheet import write_boards
from fiscalsim.text import t
from fiscalsim.uncertainty import SavedRisk, check_risk

SHEETS = ("likelihood", "gap", "floors", "coverage", "drivers")


def _trusted(saved: SavedRisk) -> dict[str, pd.DataFrame]:
    problems = check_risk(saved.path)
    if problems:
        raise IntegrityError("\n".join(problems))
    return saved.tables()


def risk_html(saved: SavedRisk, path: Path, lang: str) -> Path:
    """The report as one self-contained page."""
    return write_text(path, page(risk_outline(saved, lang), lang))


def risk_outline(saved: SavedRisk, lang: str) -> Outline:
    """The report in its order: what is most to be feared, the fan, how likely floors hold, what decides, what was drawn."""
    tables, record = _trusted(saved), saved.record
    told, when = record["summary"], str(record["record"]["when"])
    place, scenario = record["pack"][f"name_{lang}"], record["scenario_names"][lang]
    tags = [(place, False), (t("risk.tag_futures", lang, n=told["futures"], seed=told["seed"]), False), (t("report.unreviewed", lang), True)]
    tags += [(t("report.made_up", lang), True)] if record["pack"]["made_up"] else []
    foot = t("report.footer", lang, run=saved.name, version=f"fiscalsim {record['versions']['fiscalsim']}", when=when, review=t("report.unreviewed", lang))
    likely, gap, floors, coverage, drivers = risk_boards.boards(record, tables, lang)
    return Outline(
        title=t("risk.report_title", lang, place=place, scenario=scenario),
        digest=str(record["digest"])[:8],
        tags=[tags],
        headline=risk_boards.headline(record, tables, lang),
        notes=[risk_boards.fear_note(record, lang), *risk_boards.notes(record, tables, lang)],
        sections=[
            Section("risk.fan", [charts.gap_fan(tables, lang), gap]),
            Section("risk.likelihood", [likely, floors, coverage]),
            Section("risk.shares", [charts.share_bars(tables, lang), risk_boards.shares_board(tables, lang)]),
            Section("risk.drivers", [drivers]),
        ],
        page_lines=[foot],
        feet=[foot],
        made=when,
    )


def risk_xlsx(saved: SavedRisk, path: Path, lang: str) -> Path:
    """The analysis as a spreadsheet: conclusion, bureau tables, then the figures; same record, same bytes."""
    tables, record = _trusted(saved), saved.record
    words = [risk_boards.headline(record, tables, lang), risk_boards.fear_note(record, lang), *risk_boards.notes(record, tables, lang)]
    title = t("risk.report_title", lang, place=record["pack"][f"name_{lang}"], scenario=record["scenario_names"][lang])
    sheets = {t("risk.sheet_conclusion", lang): Board(title, pd.DataFrame({t("risk.sheet_conclusion", lang): words}))}
    sheets |= {t(f"risk.sheet_{key}", lang): board for key, board in zip(SHEETS, risk_boards.boards(record, tables, lang), strict=True)}
    sheets[t("risk.sheet_shares", lang)] = risk_boards.shares_board(tables, lang)
    raw = {t("xlsx.raw", lang, table=name): Board("", table) for name, table in tables.items()}

    def write(temp: Path) -> None:
        options: dict[str, Any] = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": False}
        with xlsxwriter.Workbook(str(temp), options) as book:
            made = datetime.fromisoformat(record["record"]["when"]).replace(tzinfo=None)
            book.set_properties({"title": path.stem[:200], "author": "fiscalsim", "created": made})
            write_boards(book, {**sheets, **raw}, [f"{saved.name}  {t('report.unreviewed', lang)}"], lang)

    return write_whole(path, write)
