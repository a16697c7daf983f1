"""How a page draws: headline, charts with their data, bureau tables, downloads. The only style sheet is here.

Knows widgets of Streamlit and the look of the desk. Must not know what a figure means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from fiscalsim import charts
from fiscalsim.charts import Chart
from fiscalsim.dashboard.linked import Cell, Sentence
from fiscalsim.report.boards import Board
from fiscalsim.text import NONE, number, t

STYLE = """<style>
[data-testid="stMainBlockContainer"]{padding:4.1rem 1.4rem 1rem}
[data-testid="stVerticalBlock"]{gap:.7rem}
[data-testid="stMetric"]{padding:.4rem .9rem!important}[data-testid="stMetric"]>div{padding:0!important}
[data-testid="stSidebarUserContent"]{padding-bottom:1rem}
.fs-headline{border-left:5px solid #1B4F8F;padding:2px 0 2px 12px;font-size:1.12rem;font-weight:600;line-height:1.6}
.fs-headline b{color:#8F1D14}
.fs-headline a{color:inherit;text-decoration:underline;text-decoration-color:#8A94A6;text-decoration-thickness:1px;text-underline-offset:4px}
.fs-headline a:hover,.fs-headline a:focus-visible{color:#1B4F8F;text-decoration-color:#1B4F8F}
.fs-table{scroll-margin-top:4.5rem}.fs-table:target caption{background:#E8EFF8}
.fs-tags{line-height:1.9}
.fs-tag{display:inline-block;border:1px solid #D0D7E2;border-radius:4px;padding:0 7px;margin-right:6px;background:#F3F6FA;font-size:.82rem;white-space:nowrap}
.fs-tag.good{color:#0F5A46;background:#E6F4EF;border-color:#2E8B72}
.fs-tag.warn{color:#8A3A06;background:#FEF3E2;border-color:#E07529}
.fs-tag.bad{color:#8F1D14;background:#FDECEA;border-color:#A61B12}
.fs-title{display:flex;justify-content:space-between;align-items:baseline;gap:8px}
.fs-title b{font-size:.98rem}.fs-title span{color:#475467;font-size:.82rem;white-space:nowrap}
.fs-note{color:#475467;font-size:.82rem;line-height:1.5}
.fs-wide{overflow-x:auto}.fs-tall{max-height:420px;overflow-y:auto}.fs-tall th{position:sticky;top:0}
table.fs{border-collapse:collapse;width:100%;border-top:3px double #1F2937;border-bottom:3px double #1F2937;font-size:.88rem}
table.fs caption{caption-side:top;text-align:left;font-weight:600;font-size:.98rem;padding:0 0 3px;color:#1F2937}
table.fs caption i{float:right;font-style:normal;font-weight:400;color:#475467;font-size:.82rem}
table.fs th{border-bottom:1px solid #1F2937;background:#F3F6FA;font-weight:600;text-align:left;padding:4px 7px;vertical-align:bottom}
table.fs td{border-bottom:1px solid #E4E9F0;padding:3px 7px;vertical-align:top}
table.fs .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}table.fs th.n{white-space:normal}
table.fs .s{white-space:nowrap}
table.fs tr.total td{font-weight:600;border-bottom:1px solid #98A2B3}
.fs-legend i{display:inline-block;font-style:normal;border:1px solid #D0D7E2;border-radius:3px;padding:0 7px;margin:0 3px}
.fs-legend{font-size:.82rem;color:#475467}
.fs-bar{display:inline-block;width:72px;height:8px;background:#E4E9F0;border-radius:2px;vertical-align:middle}
.fs-bar i{display:block;height:8px;background:#1B4F8F;border-radius:2px}
.st-key-stale{opacity:.45;filter:grayscale(1)}
.fs-limit{border-bottom:1px solid #E4E9F0;padding:.35rem 0}
@media(min-width:1700px){html{font-size:16px}}
[data-testid=stMetric] label *,[data-testid=stMetricDelta] *{white-space:normal!important;overflow:visible!important;text-overflow:clip!important}
@media(max-width:1000px){[data-testid=stMain] [data-testid=stHorizontalBlock]{flex-wrap:wrap}
[data-testid=stMain] [data-testid=stPopover] button *{overflow:visible!important;text-overflow:clip!important;white-space:nowrap!important}
[data-testid=stMain] [data-testid=stHorizontalBlock]>[data-testid=stColumn]{min-width:min(100%,17rem)!important;flex:1 1 auto!important}}
</style>"""
NUMBER = re.compile(r"^[+\-\u2212]?[\d,]+(\.\d+)?%?$")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
ROWS_AS_HTML = 30
SENTENCE_ENDS = ("\u3002", ".")
SHORT_CELL = 16  # characters that stay on one line


def style() -> None:
    """The style sheet; once a run."""
    st.html(STYLE)


def headline(text: str) -> None:
    """The sentence of the page; each of its figures leads to the table that holds it."""
    pieces = text.pieces if isinstance(text, Sentence) else ((text, None),)
    body = "".join(escape(words) if cell is None else _to_table(words, cell) for words, cell in pieces)
    st.html(f'<div class="fs-headline" role="heading" aria-level="1">{body}</div>')


def _to_table(words: str, cell: Cell) -> str:
    return f'<a href="#{escape(cell.anchor)}">{escape(words)}</a>'


def tags(items: Iterable[tuple[str, str]]) -> None:
    """Small labels in a row: text and kind (empty, good, warn, bad)."""
    st.html('<div class="fs-tags">' + "".join(f'<span class="fs-tag {kind}">{escape(text)}</span>' for text, kind in items) + "</div>")


def title(text: str, unit: str = "") -> None:
    """A finding or heading above a block, its unit at the right."""
    st.html(f'<div class="fs-title"><b>{escape(text)}</b><span>{escape(unit)}</span></div>')


def note(text: str) -> None:
    """A line of small print."""
    st.html(f'<div class="fs-note">{escape(text)}</div>')


def chart(what: Chart, source: str, key: str, note_text: str = "") -> None:
    """The finding, the figure or the words that there is none, and the data behind it with their source."""
    head, button = st.columns([4, 1], vertical_alignment="center", gap="small")
    with head:
        title(what.title, what.unit if what.figure is not None else "")
    with button:
        data(what.data, source, key, what.lang, what.unit, note_text)
    if what.figure is not None:
        st.plotly_chart(what.figure, theme=None, config=charts.CONFIG, key=f"plot:{key}", alt=what.title)


def data(frame: pd.DataFrame, source: str, key: str, lang: str, unit: str = "", note_text: str = "") -> None:
    """The figures behind a chart: a button that opens the table, its source and its download."""
    with st.popover(t("app.view_data", lang), type="tertiary"):
        if len(frame):
            st.dataframe(frame, hide_index=True, key=f"data:{key}", height=min(36 * (len(frame) + 1), 320))
        else:
            st.write(t("app.nothing_to_draw", lang))
        words = [t("format.unit_note", lang, unit=unit)] if unit else []
        note(t("format.sep", lang).join([*words, t("app.source_line", lang, what=source)]))
        if note_text:
            note(note_text)
        st.download_button(t("app.download_csv", lang), csv(frame), f"{key}.csv", "text/csv", key=f"csv:{key}", on_click="ignore")


def way_to(page: str, words: str) -> None:
    """A link to another page of the same session; what is picked travels along."""
    st.page_link(st.session_state["pages"][page], label=words, icon_position="right")


def csv(frame: pd.DataFrame) -> bytes:
    """UTF-8 with BOM and CRLF as spreadsheets here expect; a text that a spreadsheet would run as a formula gets a quote before it."""
    safe = frame.map(lambda cell: "'" + cell if isinstance(cell, str) and cell.startswith(FORMULA) and not NUMBER.match(cell) else cell)
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def bureau(
    frame: pd.DataFrame,
    caption: str,
    lang: str,
    unit: str = "",
    total: str = "",
    note_text: str = "",
    html_columns: Sequence[str] = (),
    key: str = "",
    to_right: Sequence[str] = (),
) -> None:
    """A table as a bureau prints it. Cells are ready to print; `total` is first or last when that row is the total.

    `key` names it for links of the headline. More rows than a page holds scroll inside the table. Columns of figures stand at the right of their cell,
    and those in `to_right`, whose figures have words beside them.
    """
    right = set(to_right) | {
        column
        for column in frame.columns
        if len(frame) and all(_numeric(cell) for cell in frame[column]) and any(NUMBER.match(_words(cell)) for cell in frame[column])
    }
    head = "".join(f'<th scope="col"{_n(column, right)}>{escape(str(column).strip())}</th>' for column in frame.columns)
    body = []
    for at, row in enumerate(frame.itertuples(index=False)):
        is_total = (total == "first" and at == 0) or (total == "last" and at == len(frame) - 1)
        cells = "".join(
            f"<td{_n(column, right, cell)}>{cell if column in html_columns else escape(_words(cell))}</td>"
            for column, cell in zip(frame.columns, row, strict=True)
        )
        body.append(f"<tr{' class=total' if is_total else ''}>{cells}</tr>")
    unit_words = f"<i>{escape(t('format.unit_note', lang, unit=unit))}</i>" if unit else ""
    table = f'<table class="fs"><caption>{unit_words}{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    kind = "fs-wide fs-table" + (" fs-tall" if len(frame) > ROWS_AS_HTML else "")
    place = f' id="t-{escape(key)}"' if key else ""
    st.html(f'<div class="{kind}"{place}>{table}</div>' + (f'<div class="fs-note">{escape(note_text)}</div>' if note_text else ""))


def table(frame: pd.DataFrame, caption: str, lang: str, source: str, key: str, **more: Any) -> None:
    """A bureau table with its data, source and download; `more` as `bureau` takes it."""
    bureau(frame, caption, lang, key=key, **more)
    data(frame, source, key, lang, more.get("unit", ""))


def board(what: Board, source: str, key: str, lang: str) -> None:
    """A table that report and page share, with its source, data and download."""
    said = t("app.source_line", lang, what=source)
    ended = what.note.endswith(SENTENCE_ENDS)
    note_text = t("format.between_sentences" if ended else "format.sep", lang).join([what.note, said]) if what.note else said
    bureau(what.table, what.title, lang, what.unit, "first" if what.total else "", note_text, key=key, to_right=what.right)
    data(what.table, source, key, lang, what.unit)


def _short(cell: Any) -> bool:
    return len(re.sub(r"<[^>]+>", "", _words(cell))) <= SHORT_CELL


def _numeric(cell: Any) -> bool:
    return _words(cell) in ("", NONE) or bool(NUMBER.match(_words(cell)))


def _words(cell: Any) -> str:
    return NONE if cell is None or (isinstance(cell, float) and cell != cell) else str(cell)


def _n(column: Any, right: set[Any], cell: Any = "") -> str:
    return ' class="n"' if column in right else ' class="s"' if cell != "" and _short(cell) else ""


def printed(frame: pd.DataFrame, digits: dict[str, int]) -> pd.DataFrame:
    """`frame` with its numbers as a bureau writes them; a missing one is a dash."""
    shown = frame.copy()
    for column, places in digits.items():
        shown[column] = [NONE if pd.isna(value) else number(float(value), places) for value in frame[column]]
    return shown


def progress_bar(share: float) -> str:
    """A bar of a table cell with its figure; the dash when there is none."""
    if share != share:
        return NONE
    return f'<span class="fs-bar"><i style="width:{max(0.0, min(1.0, share)) * 100:.0f}%"></i></span> {share * 100:.0f}%'


def legend(year: int, covered: int, lang: str) -> None:
    """The five classes of the grid, and how many services it leaves out."""
    parts = [f'<i style="background:{fill};color:{ink}">{escape(t(f"shortfall_class.c{k}", lang))}</i>' for k, (_, fill, ink) in enumerate(charts.CLASSES)]
    rest = f" {escape(t('shortfall_class.rest', lang, n=covered))}" if covered else ""
    st.html(f'<div class="fs-legend">{escape(t("shortfall_class.legend", lang, year=year))}{"".join(parts)}{rest}</div>')
