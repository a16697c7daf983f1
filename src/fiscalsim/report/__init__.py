"""A saved run, or a comparison, for people who were not there: one self-contained HTML file, one PDF or one spreadsheet.

Knows saved runs, charts and texts. Must not know how a run is computed; a damaged run is refused, never shown.
"""

from fiscalsim.report.boards import headline
from fiscalsim.report.files import file_name, write_text
from fiscalsim.report.html import comparison_html, report_html
from fiscalsim.report.pdf import comparison_pdf, report_pdf
from fiscalsim.report.spreadsheet import comparison_xlsx, report_xlsx

__all__ = ["comparison_html", "comparison_pdf", "comparison_xlsx", "file_name", "headline", "report_html", "report_pdf", "report_xlsx", "write_text"]
