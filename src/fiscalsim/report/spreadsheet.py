"""Reports as a spreadsheet: notes first, bureau tables, then the data; text never becomes a formula or a link.

Knows the spreadsheet format. Must not build a table or a sentence of its own: those are `boards`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xlsxwriter

from fiscalsim.compare import Comparison
from fiscalsim.prices import CURRENT
from fiscalsim.report import boards, compare_boards, plan_boards, review_boards
from fiscalsim.report.boards import Board
from fiscalsim.report.files import trusted_tables, write_whole
from fiscalsim.reviews import reviews_of
from fiscalsim.store import SavedRun
from fiscalsim.text import NONE, t

LONGEST_HEAD = 255  # characters in the header of a printed sheet
LARGEST_SHEET = 200_000  # rows; longer tables stay in the run's folder, which the notes sheet says


def report_xlsx(run: SavedRun, path: Path, lang: str, basis: str = CURRENT) -> Path:
    """The results of one run as a spreadsheet, at current or constant prices: notes, bureau tables, parameters, sources, checks and the data.

    Same run, same bytes.
    """
    tables = trusted_tables(run, basis)
    year = boards.report_year(tables, run.manifest["pack"])
    sheets = {
        "summary": Board(t("xlsx.summary", lang), pd.DataFrame({t("xlsx.content", lang): [boards.headline(tables, run.manifest["pack"], lang)]})),
        "reviews": review_boards.reviews_board(reviews_of(run), lang),
        "progress": next((block for block in plan_boards.progress_blocks(tables, run.manifest["pack"], lang) if isinstance(block, Board)), None),
        "medium_term": next(iter(plan_boards.medium_term_blocks(tables, lang)), None),
        "targets": boards.targets_board(tables, run.manifest["pack"], lang),
        "worst": boards.shortfall_board(tables, year, lang, None),
        "transfers": boards.transfers_board(tables, run.manifest["pack"], year, lang),
        "services": boards.services_board(tables, year, lang),
        "budget": boards.budget_board(tables, year, lang),
        "opened": boards.opened_board(tables, year, lang),
        "balance": boards.balance_board(tables, lang),
        "parameters": boards.parameters_board(run, lang),
        "sources": Board(t("xlsx.sources", lang), tables["sources"]),
        "checks": boards.checks_board(tables, lang),
    }
    return _workbook(path, [run], {t(f"xlsx.{key}", lang): board for key, board in sheets.items() if board is not None}, tables, lang)


def comparison_xlsx(comparison: Comparison, runs: Sequence[SavedRun], path: Path, lang: str) -> Path:
    """The comparison of runs as a spreadsheet: inputs, results, drivers and statuses side by side."""
    sheets = {
        t("xlsx.inputs", lang): Board(t("xlsx.inputs", lang), comparison.inputs),
        t("xlsx.outputs", lang): Board(t("xlsx.outputs", lang), comparison.outputs),
        t("xlsx.drivers", lang): Board(t("xlsx.drivers", lang), comparison.drivers),
        t("xlsx.statuses", lang): Board(t("xlsx.statuses", lang), comparison.statuses),
    }
    tables = {run.name: trusted_tables(run) for run in runs}
    year = boards.report_year(tables[runs[0].name], runs[0].manifest["pack"])
    sheets[t("xlsx.cells", lang)] = compare_boards.cells_board(comparison, runs, tables, year, lang)
    sheets[t("xlsx.commands", lang)] = compare_boards.reproduce_board(runs, lang)
    return _workbook(path, list(runs), sheets, {}, lang)


# --- the spreadsheet ------------------------------------------------------------------------------------------------


def _workbook(path: Path, runs: Sequence[SavedRun], sheets: Mapping[str, Board], raw: Mapping[str, pd.DataFrame], lang: str) -> Path:
    """Notes first, then bureau tables, then the data; text never becomes a formula or a link; same content, same bytes."""

    def write(temp: Path) -> None:
        options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": False}
        with xlsxwriter.Workbook(str(temp), options) as book:
            made = datetime.fromisoformat(runs[0].manifest["record"]["when"]).replace(tzinfo=None)
            book.set_properties({"title": path.stem[:200], "author": "fiscalsim", "created": made})
            formats = _formats(book)
            _notes_sheet(book, formats, runs, sheets, raw, lang)
            lines = [review_boards.page_line(run, {"sources": run.table("sources")}, reviews_of(run), lang) for run in runs]
            for name, board in sheets.items():
                _board_sheet(book, formats, name, board, lang)
            for name, table in raw.items():
                if len(table) <= LARGEST_SHEET:
                    _board_sheet(book, formats, t("xlsx.raw", lang, table=name), Board("", table), lang)
            for sheet in book.worksheets():
                _printed(sheet, lines, lang)

    return write_whole(path, write)


def _formats(book: Any) -> dict[str, Any]:
    return {
        "title": book.add_format({"bold": True, "font_size": 13}),
        "head": book.add_format({"bold": True, "bottom": 1, "top": 6, "text_wrap": True, "valign": "vcenter"}),
        "note": book.add_format({"font_color": "#475467"}),
        "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
    }


def write_boards(book: Any, sheets: Mapping[str, Board], lines: Sequence[str], lang: str) -> None:
    """One sheet a board; `lines` stand at the head of every printed page."""
    formats = _formats(book)
    for name, board in sheets.items():
        _board_sheet(book, formats, name, board, lang)
    for sheet in book.worksheets():
        _printed(sheet, lines, lang)


def _printed(sheet: Any, lines: Sequence[str], lang: str) -> None:
    """How a sheet prints: one page wide, heads repeated, and on every page the run, its review state and the page number."""
    head = "\n".join(lines).replace("&", "&&")
    while len(head.encode("utf-16-le")) // 2 > LONGEST_HEAD - 3:  # a header of a sheet holds no more
        head = head[:-1]
    sheet.set_header(f"&L{head}")
    sheet.set_footer("&R" + t("report.page_of", lang, page="&P", pages="&N"))
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)


def _notes_sheet(
    book: Any, formats: Mapping[str, Any], runs: Sequence[SavedRun], sheets: Mapping[str, Board], raw: Mapping[str, pd.DataFrame], lang: str
) -> None:
    sheet = book.add_worksheet(t("xlsx.notes", lang))
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90, formats["wrap"])
    lines: list[tuple[str, str]] = []
    for run in runs:
        found = reviews_of(run)
        known = {"sources": run.table("sources"), **({"deflator": raw["deflator"]} if "deflator" in raw else {})}
        board = boards.record_board(run, known, review_boards.state_words(found, lang), lang)
        lines += [(t("field.scenario", lang), run.manifest["scenario_names"][lang]), (t("field.pack", lang), boards.place(run, lang))]
        lines += [(t("report.made_up", lang), t("report.made_up", lang))] if run.manifest["pack"]["made_up"] else []
        lines += [(str(key), str(value)) for key, value in board.table.itertuples(index=False)]
        lines.append(("", review_boards.state_note(found, lang)))
    lines += [(t("xlsx.content", lang), t("xlsx.unit_line", lang))]
    lines += [(t("xlsx.sheet", lang), f"{name}: {board.title}" if board.title != name else name) for name, board in sheets.items()]
    too_long = [(name, len(table)) for name, table in raw.items() if len(table) > LARGEST_SHEET]
    lines += [("", t("xlsx.too_long", lang, table=name, n=rows, file=f"{name}.parquet")) for name, rows in too_long]
    for row, (key, value) in enumerate(lines):
        sheet.write_string(row, 0, key)
        sheet.write_string(row, 1, value)


def _board_sheet(book: Any, formats: Mapping[str, Any], name: str, board: Board, lang: str) -> None:
    """Title and unit (bureau tables only), frozen heads, numbers as numbers, note below."""
    sheet = book.add_worksheet(name[:31])
    top = 0
    if board.title:
        sheet.write_string(0, 0, board.title, formats["title"])
        sheet.write_string(1, 0, t("xlsx.unit", lang, unit=board.unit) if board.unit else "", formats["note"])
        top = 2
    sheet.freeze_panes(top + 1, 1 if board.title else 0)
    sheet.repeat_rows(top)
    for j, column in enumerate(board.table.columns):
        digits = board.digits.get(str(column))
        look = {} if digits is None else {"num_format": "#,##0" + ("." + "0" * digits if digits else "")}
        plain, bold = book.add_format(look), book.add_format({**look, "bold": True})
        values = board.table[column].tolist()
        sheet.set_column(j, j, _width(str(column), values))
        sheet.write_string(top, j, str(column), formats["head"])
        for i, value in enumerate(values):
            _write_cell(sheet, top + 1 + i, j, value, bold if board.total and i == 0 else plain)
    if board.note:
        sheet.write_string(top + 2 + len(board.table), 0, board.note, formats["note"])


def _write_cell(sheet: Any, row: int, column: int, value: Any, look: Any) -> None:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        sheet.write_string(row, column, NONE, look)
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value, look)
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value, look)
    else:
        sheet.write_string(row, column, str(value)[:32_767], look)


def _width(head: str, values: Sequence[Any]) -> float:
    """Column width in characters, Chinese ones counted twice."""
    longest = max((sum(2 if ord(c) > 0x2E80 else 1 for c in str(value)) for value in [head, *values[:200]]), default=8)
    return float(min(max(longest + 2, 8), 60))
