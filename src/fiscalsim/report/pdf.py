"""Reports on paper: the same outline as the page, laid out on A4 with its run, review state and page number on every sheet.

Knows weasyprint, print and fonts. Must not build a table or a sentence of its own: those are `outline` and `boards`.
"""

from __future__ import annotations

import base64
import logging
import shutil
import subprocess
from collections.abc import Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path

from fiscalsim.charts import Chart
from fiscalsim.compare import Comparison
from fiscalsim.errors import InputError
from fiscalsim.prices import CURRENT
from fiscalsim.report import figures
from fiscalsim.report.files import write_whole
from fiscalsim.report.html import body, page_rule
from fiscalsim.report.outline import Outline, comparison_outline, run_outline
from fiscalsim.store import SavedRun
from fiscalsim.text import t

SECONDS = 240  # how long a report may take before the desk gives up
INSTALL = "pip install -c constraints.txt -e '.[pdf]'"
LIBRARIES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
FONTS = "fontconfig fonts-wqy-zenhei"
_STYLE = f"""
*{{box-sizing:border-box}} html{{font-size:9.5pt}} body{{font-family:{figures.FONT};color:#1F2937;margin:0;line-height:1.5}}
h1{{font-size:16pt;line-height:1.3;margin:0 0 6pt}} h2{{font-size:12.5pt;margin:14pt 0 5pt;border-bottom:1.2pt solid #1B4F8F;break-after:avoid}}
.tags{{margin:0 0 5pt}} .tags span{{display:inline-block;border:.6pt solid #D0D7E2;padding:0 4pt;margin:0 3pt 3pt 0;font-size:8pt;background:#F3F6FA}}
.tags .warn{{color:#8A3A06;background:#FEF3E2;border-color:#F3B27A}}
.headline{{font-size:11pt;font-weight:600;border-left:3pt solid #1B4F8F;padding-left:7pt;margin:6pt 0}}
p{{margin:3pt 0}} p.note{{color:#475467;font-size:8pt;margin:1pt 0 7pt}}
table{{border-collapse:collapse;width:100%;margin:6pt 0 2pt;border-top:2pt double #1F2937;border-bottom:2pt double #1F2937;font-size:8.2pt;line-height:1.35}}
table.dense{{font-size:7pt}} table.dense td,table.dense th{{padding:1pt 2pt}}
caption{{caption-side:top;text-align:left;font-weight:600;font-size:9.5pt;padding-bottom:2pt}}
caption i,figcaption i{{float:right;font-style:normal;font-weight:400;color:#475467;font-size:8pt}}
thead{{display:table-header-group}} tr{{break-inside:avoid}}
th{{border-bottom:.6pt solid #1F2937;font-weight:600;text-align:left;padding:2pt 4pt;vertical-align:bottom;overflow-wrap:break-word}}
td{{padding:1.4pt 4pt;border-bottom:.4pt solid #E4E9F0;vertical-align:top;overflow-wrap:break-word}}
td.n,th.n{{text-align:right}} td.n,td.s{{white-space:nowrap}} table.dense td.s{{white-space:normal}}
td.c{{text-align:center}} tr.total td{{font-weight:600;border-bottom:.6pt solid #98A2B3}}
figure{{margin:7pt 0;break-inside:avoid}} figcaption{{font-weight:600;font-size:9.5pt;margin-bottom:2pt}} figure img{{width:100%}}
details{{display:none}} footer{{color:#475467;font-size:8pt;border-top:.6pt solid #D0D7E2;margin-top:12pt;padding-top:4pt}}
"""


def report_pdf(run: SavedRun, path: Path, lang: str, basis: str = CURRENT) -> Path:
    """The report on one run as a PDF; InputError when this machine cannot write one, IntegrityError when the run is not what was saved."""
    _refuse_without_library(lang)
    return _write(run_outline(run, lang, basis), path, lang)


def comparison_pdf(comparison: Comparison, runs: Sequence[SavedRun], path: Path, lang: str) -> Path:
    """The comparison of runs as a PDF; each run is verified first."""
    _refuse_without_library(lang)
    return _write(comparison_outline(comparison, runs, lang), path, lang)


def outline_pdf(outline: Outline, path: Path, lang: str) -> Path:
    """Any report as a PDF; InputError when this machine cannot write one."""
    _refuse_without_library(lang)
    return _write(outline, path, lang)


def missing() -> str:
    """What this machine lacks to write a PDF with Chinese text: `library`, `system` (pango) or `font`; empty when nothing."""
    if find_spec("weasyprint") is None:
        return "library"
    try:
        import weasyprint  # noqa: F401  (loads pango)
    except OSError:
        return "system"
    return "" if _chinese_font() else "font"


def _refuse_without_library(lang: str) -> None:
    lacking = missing()
    if lacking:
        what = {"library": INSTALL, "system": LIBRARIES, "font": FONTS}[lacking]
        raise InputError(t(f"pdf.no_{lacking}", lang, what=what))


def _chinese_font() -> bool:
    tool = shutil.which("fc-list")
    return tool is not None and bool(subprocess.run([tool, ":lang=zh-cn", "family"], capture_output=True, timeout=60, check=False).stdout.strip())


def _write(outline: Outline, path: Path, lang: str) -> Path:
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it warns of every style of a picture that print has no use for
    page = HTML(string=document(outline, lang), url_fetcher=URLFetcher(allowed_protocols={"data"}))  # nothing from the network or the disk
    identifier = outline.digest.encode()  # and the run's own time: the same run gives the same file
    return write_whole(path, lambda temp: page.write_pdf(str(temp), pdf_identifier=identifier))


def document(outline: Outline, lang: str) -> str:
    """The report as HTML for paper, pictures inside."""
    charts = {f"c{i}-{j}": block for i, section in enumerate(outline.sections, start=1) for j, block in enumerate(section.blocks) if isinstance(block, Chart)}
    found, why = figures.drawn(charts)

    def draw(chart: Chart, place: str) -> str:
        if place not in found:
            return ""
        picture = base64.b64encode(found[place].encode()).decode()
        return f"<img src='data:image/svg+xml;base64,{picture}' alt='{escape(chart.title, quote=True)}'>"

    main = body(outline, lang, draw)
    if why:
        main = main.replace("<h2>", f"<p class='note'>{escape(t('pdf.no_figures', lang, why=why))}</p><h2>", 1)
    head = (
        f"<meta charset='utf-8'><title>{escape(outline.title)}</title><meta name='author' content='fiscalsim'>"
        f"<meta name='dcterms.created' content='{escape(outline.made)}'><style>{_STYLE}{page_rule(outline, lang, figures.FONT)}</style>"
    )
    return f"<!DOCTYPE html><html lang='{'zh-CN' if lang == 'zh' else 'en'}'><head>{head}</head><body>{main}</body></html>"
