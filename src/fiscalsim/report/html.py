"""Reports as one self-contained HTML file that asks nothing of the network.

Knows HTML and how charts are embedded. Must not build a table or a sentence of its own: those are `outline` and `boards`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from typing import Any

import numpy as np
from plotly.offline import get_plotlyjs

from fiscalsim import charts
from fiscalsim.charts import Chart
from fiscalsim.compare import Comparison
from fiscalsim.prices import CURRENT
from fiscalsim.report.boards import Board
from fiscalsim.report.outline import Outline, Section, comparison_outline, run_outline
from fiscalsim.store import SavedRun
from fiscalsim.text import NONE, number, t

Draw = Callable[[Chart, str], str]  # a chart and its place in the document -> the figure in HTML
DENSE = 8  # columns; a table of more is set smaller in print
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
.wide{overflow-x:auto} @media print{details{display:none} h2{break-after:avoid} tr,figure{break-inside:avoid}}
"""


def report_html(run: SavedRun, lang: str, basis: str = CURRENT) -> str:
    """The report on one run as a whole HTML document, at current or constant prices; IntegrityError when the run is not what was saved."""
    return page(run_outline(run, lang, basis), lang)


def comparison_html(comparison: Comparison, runs: Sequence[SavedRun], lang: str) -> str:
    """The comparison of runs as a whole HTML document; each run is verified first."""
    return page(comparison_outline(comparison, runs, lang), lang)


# --- the page -------------------------------------------------------------------------------------------------------


def page(outline: Outline, lang: str) -> str:
    """One file with everything in it; the policy in its head forbids the browser to fetch anything from anywhere."""
    head = (
        f"<meta charset='utf-8'><meta http-equiv='Content-Security-Policy' content=\"{_CSP}\"><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(outline.title)}</title><style>{_STYLE.replace('FONT', charts.FONT)}{page_rule(outline, lang)}</style>"
        f"<script>{_plotly_script()}</script>"
    )
    main = body(outline, lang, _interactive)
    return f"<!DOCTYPE html>\n<html lang='{'zh-CN' if lang == 'zh' else 'en'}'><head>{head}</head><body><main>{main}</main></body></html>\n"


def body(outline: Outline, lang: str, draw: Draw) -> str:
    """Title, tags, headline, sections and foot of a report; `draw` decides how charts are shown."""
    parts = [f"<h1>{escape(outline.title)}</h1>", *(_tags(row) for row in outline.tags)]
    parts += [f"<p class='headline'>{escape(outline.headline)}</p>"] if outline.headline else []
    parts += [f"<p class='note'>{escape(note)}</p>" for note in outline.notes]
    numbered = 0
    for place, section in enumerate(outline.sections, start=1):
        numbered += section.numbered
        parts.append(_heading(section, numbered, lang))
        parts += [_block(block, f"c{place}-{i}", lang, draw) for i, block in enumerate(section.blocks)]
    parts.append(f"<footer>{'<br>'.join(escape(line) for line in outline.feet)}</footer>")
    return "\n".join(parts)


def page_rule(outline: Outline, lang: str, font: str = charts.FONT) -> str:
    """What stands at the head and foot of every printed page: digest, version, date, review state, data grades, page number."""
    lines = " \\A ".join(css_text(line) for line in outline.page_lines)
    count = css_text(t("report.page_of", lang, page="\1", pages="\2")).replace("\\1 ", '" counter(page) "').replace("\\2 ", '" counter(pages) "')
    look = f"font-size:8pt;color:#475467;font-family:{font}"
    return (
        f'@page{{size:A4;margin:20mm 15mm 18mm;@top-left{{content:"{lines}";white-space:pre;width:100%;{look}}}'
        f'@bottom-left{{content:"{css_text(outline.title)}";width:78%;{look}}}@bottom-right{{content:"{count}";{look}}}}}\n'
    )


def css_text(text: str) -> str:
    """`text` for the inside of a CSS string within a style element: nothing in it can end the string or the element."""
    return "".join(c if c.isalnum() or c in " .,:;+-%｜（）：，、。·×" else f"\\{ord(c):x} " for c in text)


def _interactive(chart: Chart, place: str) -> str:
    assert chart.figure is not None
    return str(chart.figure.to_html(full_html=False, include_plotlyjs=False, config=charts.CONFIG, div_id=place))


def _tags(row: Sequence[tuple[str, bool]]) -> str:
    spans = [f"<span{_class('warn' if warn else '')}>{escape(word)}</span>" for word, warn in row]
    return f"<p class='tags'>{''.join(spans)}</p>"


def _heading(section: Section, number_: int, lang: str) -> str:
    name = t(f"report.{section.key}", lang)
    words = t("report.section", lang, n=t("report.numbers", lang).split()[number_ - 1], name=name) if section.numbered else name
    return f"<h2>{escape(words)}</h2>"


def _block(block: Any, place: str, lang: str, draw: Draw) -> str:
    if isinstance(block, str):
        return f"<p>{escape(block)}</p>"
    if isinstance(block, Board):
        return board_html(block)
    if block.figure is None:
        return f"<p>{escape(block.title)}</p>"
    data = board_html(Board(block.title, block.data, block.unit))
    twin = f"<details><summary>{escape(t('report.data', lang))}</summary>{data}</details>"
    drawn = draw(block, place)
    if not drawn:  # a figure that cannot be drawn here is its table
        return data
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
    dense = _class("dense" if len(board.table.columns) > DENSE else "")
    return f"<div class='wide'><table{dense}>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>{note}"


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


@cache
def _plotly_script() -> str:
    return str(get_plotlyjs())
