"""Reports as one self-contained HTML file that asks nothing of the network.

Knows HTML and how charts are embedded. Must not build a table or a sentence of its own: those are `boards`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from plotly.offline import get_plotlyjs

from fiscalsim import charts
from fiscalsim.compare import Comparison
from fiscalsim.prices import CURRENT, price_words
from fiscalsim.report import boards, money_boards
from fiscalsim.report.boards import Board
from fiscalsim.report.files import trusted_tables
from fiscalsim.store import SavedRun
from fiscalsim.text import NONE, number, t

_CSP = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; font-src data:"
_STYLE = """
*{box-sizing:border-box} body{font-family:FONT;color:#1F2937;margin:0;background:#fff;line-height:1.6;font-size:15px}
main{max-width:1080px;margin:0 auto;padding:24px} h1{font-size:1.6rem;margin:.2em 0} h2{font-size:1.25rem;margin:1.8em 0 .5em;border-bottom:2px solid #1B4F8F}
.tags span{display:inline-block;border:1px solid #D0D7E2;border-radius:4px;padding:1px 8px;margin:0 6px 6px 0;background:#F3F6FA;font-size:.9rem}
.tags .warn{color:#8A3A06;background:#FEF3E2;border-color:#F3B27A} .headline{font-weight:600}
.headline{font-size:1.1rem;border-left:5px solid #1B4F8F;padding:2px 0 2px 12px}
table{border-collapse:collapse;width:100%;margin:.4em 0 .2em;border-top:3px double #1F2937;border-bottom:3px double #1F2937;font-size:.93rem}
caption{caption-side:top;text-align:left;font-weight:600;padding-bottom:2px} caption i{float:right;font-style:normal;font-weight:400;color:#475467}
th{border-bottom:1px solid #1F2937;font-weight:600;text-align:left;padding:3px 8px;vertical-align:bottom}
td{padding:2px 8px;border-bottom:1px solid #E4E9F0;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap} tr.total td{font-weight:600;border-bottom:1px solid #98A2B3}
p.note{color:#475467;font-size:.86rem;margin:.1em 0 1.2em} details{margin:.2em 0 1.2em} summary{color:#1B4F8F;cursor:pointer}
figure{margin:1em 0 0} figcaption{font-weight:600} figcaption i{float:right;font-style:normal;font-weight:400;color:#475467}
td.s{white-space:nowrap} td.c{text-align:center} footer{color:#475467;font-size:.86rem;border-top:1px solid #D0D7E2;margin-top:2em;padding-top:.6em}
.wide{overflow-x:auto} @media print{details{display:none} h2{break-after:avoid} table,figure{break-inside:avoid}}
"""


def report_html(run: SavedRun, lang: str, basis: str = CURRENT) -> str:
    """The report on one run as a whole HTML document, at current or constant prices; IntegrityError when the run is not what was saved."""
    tables = trusted_tables(run, basis)
    year = boards.report_year(tables, run.manifest["pack"])
    title = t("report.title", lang, place=boards.place(run, lang), scenario=run.manifest["scenario_names"][lang])
    parts = [f"<h1>{escape(title)}</h1>", _tags(run, tables, lang), f"<p class='headline'>{escape(boards.headline(tables, run.manifest['pack'], lang))}</p>"]
    parts.append(f"<p class='note'>{escape(t('report.not_reviewed_note', lang))}</p>")
    for number_, (key, blocks) in enumerate(_sections(run, tables, year, lang), start=1):
        parts.append(_heading(number_, key, lang))
        parts += [_block_html(block, f"c{number_}-{i}", run.digest8, lang) for i, block in enumerate(blocks)]
    parts.append(_footer([run], lang))
    return _document(title, parts, lang)


def comparison_html(comparison: Comparison, runs: Sequence[SavedRun], lang: str) -> str:
    """The comparison of runs as a whole HTML document; each run is verified first."""
    tables = {run.name: trusted_tables(run) for run in runs}
    title = t("report.compare_title", lang)
    first, others = runs[0], runs[1:]
    parts = [f"<h1>{escape(title)}</h1>", *(_tags(run, tables[run.name], lang) for run in runs)]
    sections: list[tuple[str, list[Any]]] = [
        ("main_findings", [boards.compare_headline(comparison, first, other, tables, lang) for other in others]),
        ("scenarios", [boards.runs_board(runs, lang)]),
        ("inputs", [boards.inputs_board(comparison, lang)]),
        ("outputs", [boards.outputs_board(comparison, tables[first.name], boards.report_year(tables[first.name], first.manifest["pack"]), lang)]),
        ("drivers", [block for other in others for block in (_drivers_chart(comparison, other, lang), boards.drivers_board(comparison, first, other, lang))]),
        (
            "regions",
            [_area_chart(tables, first, other, lang) for other in others] + [boards.regions_board(comparison, first, other, tables, lang) for other in others],
        ),
        ("target_change", [boards.statuses_board(comparison, tables[first.name], lang)]),
    ]
    for number_, (key, blocks) in enumerate(sections, start=1):
        parts.append(_heading(number_, key, lang))
        parts += [_block_html(block, f"c{number_}-{i}", " / ".join(run.digest8 for run in runs), lang) for i, block in enumerate(blocks)]
    parts.append(_footer(runs, lang))
    return _document(title, parts, lang)


# --- the pages ------------------------------------------------------------------------------------------------------


def _sections(run: SavedRun, tables: Mapping[str, pd.DataFrame], year: int, lang: str) -> list[tuple[str, list[Any]]]:
    """Heading key -> blocks (Board, Chart or sentence), in the order of the report."""
    pack = run.manifest["pack"]
    plan_end, base = int(pack["plan_target_year"]), int(pack["base_year"])
    grid, finding = boards.grid_board(tables, pack, year, lang)
    rule = t(f"policy.{run.manifest['scenario']['policy']}", lang)
    return [
        ("shortfall", [finding, grid, boards.shortfall_board(tables, year, lang), charts.needs_and_means(tables, lang, ends=(plan_end,), height=260)]),
        ("targets", [boards.targets_board(tables, pack, lang)]),
        (
            "money",
            [
                boards.transfers_board(tables, pack, year, lang),
                charts.transfer_change(tables, year, lang, rule),
                charts.spending_bars(tables, year, lang),
                boards.services_board(tables, year, lang),
            ],
        ),
        ("people", [charts.pyramid(tables, year, base, lang), charts.need_index(tables, lang), boards.balance_board(tables, lang)]),
        ("means", [charts.means_waterfall(tables, year, lang), boards.budget_board(tables, year, lang), *_money_blocks(tables, year, lang)]),
        ("delivery", [boards.opened_board(tables, year, lang), charts.waiting_bars(boards.waits(tables, year, lang), lang)]),
        (
            "basis",
            [
                boards.record_board(run, tables, lang),
                boards.checks_board(tables, lang),
                boards.passes_board(run, lang),
                boards.versions_board(run, lang),
                boards.grades_board(tables, lang),
            ],
        ),
    ]


def _money_blocks(tables: Mapping[str, pd.DataFrame], year: int, lang: str) -> list[Any]:
    """Base year against published budgets, calibration, who pays, and the funds; nothing for a run of an older time."""
    if not set(money_boards.NEEDED) <= set(tables):
        return []
    found: list[Any] = [money_boards.reconciliation_board(tables, lang)] if len(tables["reconciliation"]) else []
    found += [money_boards.calibration_board(tables, None, lang), money_boards.levels_board(tables, year, None, lang)]
    return [*found, charts.fund_support(tables, lang), money_boards.funds_board(tables, year, lang)]


def _tags(run: SavedRun, tables: Mapping[str, pd.DataFrame], lang: str) -> str:
    pack, allocation = run.manifest["pack"], tables["allocation"]
    plain = [
        t("report.tag_scope", lang, place=pack[f"name_{lang}"], n=len(tables["regions"])),
        t("report.tag_years", lang, first=int(allocation["year"].min()), last=int(allocation["year"].max())),
        price_words(tables, int(pack["base_year"]), lang),
        t("report.tag_saved", lang, digest=run.digest8),
        run.manifest["record"]["when"][:10],
        t("format.colon", lang, head=t("report.grades", lang), body=t("report.grade_counts", lang, **boards.grade_counts(tables))),
    ]
    warnings = [t("report.unreviewed", lang)]  # of every run: reviews are not kept yet
    assumed = boards.grade_counts(tables)["D"]
    warnings += [t("report.tag_assumed", lang, n=assumed)] if assumed else []
    warnings += [t("report.made_up", lang)] if pack["made_up"] else []
    failed = sum(not row["passed"] for row in run.manifest["checks"])
    warnings += [t("report.tag_failed_checks", lang, n=failed)] if failed else []
    spans = [f"<span>{escape(word)}</span>" for word in plain] + [f"<span class='warn'>{escape(word)}</span>" for word in warnings]
    return f"<p class='tags'>{''.join(spans)}</p>"


def _heading(number_: int, key: str, lang: str) -> str:
    return f"<h2>{escape(t('report.section', lang, n=t('report.numbers', lang)[number_ - 1], name=t(f'report.{key}', lang)))}</h2>"


def _block_html(block: Any, identifier: str, digest: str, lang: str) -> str:
    if isinstance(block, str):
        return f"<p>{escape(block)}</p>"
    if isinstance(block, Board):
        return board_html(block)
    data = board_html(Board(block.title, block.data, block.unit))
    twin = f"<details><summary>{escape(t('report.data', lang))}</summary>{data}</details>"
    if block.figure is None:
        return f"<p>{escape(block.title)}</p>"
    drawn = block.figure.to_html(full_html=False, include_plotlyjs=False, config=charts.CONFIG, div_id=identifier)
    unit = f"<i>{escape(t('format.unit_note', lang, unit=block.unit))}</i>" if block.unit else ""
    label = escape(block.title, quote=True)
    return f"<figure role='img' aria-label='{label}'><figcaption>{unit}{escape(block.title)}</figcaption>{drawn}</figure>{twin}"


def board_html(board: Board) -> str:
    """A bureau table in HTML: numbers right, text left, total row, unit at the right of the title, note below."""
    note = f"<p class='note'>{escape(board.note)}</p>" if board.note else ""
    if board.table.empty:
        return f"<p><b>{escape(board.title)}</b></p>{note}"
    numeric = [is_figure(board, column) for column in board.table.columns]
    short = [max(len(str(value)) for value in board.table[column]) <= 8 for column in board.table.columns]
    cell_class = ["c" if board.fills is not None and i else "n" if numeric[i] else "s" if short[i] else "" for i in range(len(numeric))]
    head = "".join(f"<th scope='col'{_class(cls)}>{escape(str(column))}</th>" for column, cls in zip(board.table.columns, cell_class, strict=True))
    lines = []
    for i, row in enumerate(board.table.itertuples(index=False)):
        cells = []
        for j, (value, column) in enumerate(zip(row, board.table.columns, strict=True)):
            fill = "" if board.fills is None else str(board.fills.iat[i, j])
            style = f" style='{fill}'" if fill else ""
            cells.append(f"<td{_class(cell_class[j])}{style}>{escape(shown(value, board.digits.get(str(column))))}</td>")
        lines.append(f"<tr{_class('total' if board.total and i == 0 else '')}>{''.join(cells)}</tr>")
    unit = f"<i>{escape(board.unit)}</i>" if board.unit else ""
    caption = f"<caption>{unit}{escape(board.title)}</caption>"
    return f"<div class='wide'><table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>{note}"


def is_figure(board: Board, column: Any) -> bool:
    """Whether a column holds figures, which stand at the right."""
    return board.table[column].dtype.kind in "if" or str(column) in board.right


def _class(name: str) -> str:
    return f" class='{name}'" if name else ""


def shown(value: Any, digits: int | None) -> str:
    """A cell in words: no value is a dash, never 0 and never blank."""
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return NONE
    if digits is not None and isinstance(value, int | float | np.integer | np.floating):
        return number(float(value), digits)
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    return str(value)


def _drivers_chart(comparison: Comparison, other: SavedRun, lang: str) -> charts.Chart:
    parts = comparison.drivers.query("run == @other.name").groupby("driver", sort=False)["yuan"].sum()
    return charts.difference_waterfall({str(code): float(value) for code, value in parts.items()}, lang)


def _area_chart(tables: Mapping[str, Mapping[str, pd.DataFrame]], first: SavedRun, other: SavedRun, lang: str) -> charts.Chart:
    return charts.area_change(tables[first.name], tables[other.name], boards.report_year(tables[first.name], first.manifest["pack"]), lang)


def _footer(runs: Sequence[SavedRun], lang: str) -> str:
    lines = []
    for run in runs:
        version, when = f"fiscalsim {run.manifest['versions'].get('fiscalsim', NONE)}", run.manifest["record"]["when"]
        lines.append(t("report.footer", lang, run=run.name, version=version, when=when, review=t("report.unreviewed", lang)))
    return f"<footer>{'<br>'.join(escape(line) for line in lines)}</footer>"


def _document(title: str, parts: Iterable[str], lang: str) -> str:
    """One file with everything in it; the policy in its head forbids the browser to fetch anything from anywhere."""
    head = (
        f"<meta charset='utf-8'><meta http-equiv='Content-Security-Policy' content=\"{_CSP}\"><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE.replace('FONT', charts.FONT)}</style><script>{_plotly_script()}</script>"
    )
    body = "\n".join(parts)
    return f"<!DOCTYPE html>\n<html lang='{'zh-CN' if lang == 'zh' else 'en'}'><head>{head}</head><body><main>{body}</main></body></html>\n"


@cache
def _plotly_script() -> str:
    return str(get_plotlyjs())
