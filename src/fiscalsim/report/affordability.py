"""The report on an assessment (财政承受能力评估报告): its outline for page and print, and its spreadsheet.

Knows saved assessments, boards and charts. Must not know how an assessment is computed; a damaged record is refused, never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pandas as pd
import xlsxwriter

from fiscalsim import charts
from fiscalsim.assess import Assessment, SavedAssessment, check_assessment
from fiscalsim.errors import IntegrityError
from fiscalsim.report import affordability_boards as boards
from fiscalsim.report.boards import Board
from fiscalsim.report.compare_boards import signatures
from fiscalsim.report.files import write_whole
from fiscalsim.report.html import page
from fiscalsim.report.outline import Outline, Section
from fiscalsim.report.spreadsheet import write_boards
from fiscalsim.text import NONE, t

Levers = Mapping[str, str]  # path -> name in the report's language


def trusted(saved: SavedAssessment) -> Assessment:
    """The assessment of a record that passes its check; IntegrityError otherwise."""
    problems = check_assessment(saved.path)
    if problems:
        raise IntegrityError("\n".join(problems))
    return saved.assessment()


def affordability_html(saved: SavedAssessment, lang: str, levers: Levers) -> str:
    """The report as one self-contained page."""
    return page(affordability_outline(saved, lang, levers), lang)


def affordability_pdf(saved: SavedAssessment, path: Path, lang: str, levers: Levers) -> Path:
    """The report on paper; InputError when this machine cannot write a PDF."""
    from fiscalsim.report.pdf import outline_pdf

    return outline_pdf(affordability_outline(saved, lang, levers), path, lang)


def affordability_outline(saved: SavedAssessment, lang: str, levers: Levers) -> Outline:
    """The report in its order: conclusion first, ten sections, five tables, record and signatures."""
    found = trusted(saved)
    told, head = found.summary, saved.head["record"]
    pack, proposal = told["pack"], told["proposal"]
    version = f"fiscalsim {told['versions'].get('fiscalsim', NONE)}"
    grades = t("report.grade_counts", lang, **told["grades"])
    plain = [
        t("report.tag_scope", lang, place=pack[f"name_{lang}"], n=len(found.tables["regions"])),
        boards.w("tag_years", lang, first=proposal["start"], last=proposal["start"] + proposal["years"] - 1),
        t("report.tag_saved", lang, digest=saved.digest8),
        head["when"][:10],
        t("format.colon", lang, head=t("report.grades", lang), body=grades),
    ]
    warn = [t("report.unreviewed", lang), t("report.tag_assumed", lang, n=told["grades"]["D"])]
    warn += [t("report.made_up", lang)] if pack["made_up"] else []
    line = t("report.footer", lang, run=saved.path.name, version=version, when=head["when"], review=t("report.unreviewed", lang))
    return Outline(
        title=boards.w("title", lang, place=pack[f"name_{lang}"], name=proposal["name"][lang]),
        digest=saved.digest8,
        tags=[[*((word, False) for word in plain), *((word, True) for word in warn)]],
        headline=boards.headline(found, lang),
        notes=[t("report.not_reviewed_note", lang)],
        sections=_sections(saved, found, lang, levers),
        page_lines=[f"{line}  {t('format.colon', lang, head=t('report.grades', lang), body=grades)}"],
        feet=[line],
        made=head["when"],
    )


def _sections(saved: SavedAssessment, found: Assessment, lang: str, levers: Levers) -> list[Section]:
    told = found.summary
    bars = charts.burden_by_year(found.tables, lang)
    wanted = boards.setting(found, "futures_share")
    finding = boards.lasting_words(found, lang)
    curve = charts.payable_levels(found.tables, lambda level: boards.level_words(found, level, lang, down=False), finding, wanted, lang)
    cost = [boards.total_line(found, lang), bars, boards.regions_board(found, lang)]
    capacity = [boards.areas_board(found, lang), boards.tightest_board(found, "both", lang)]
    tables = [boards.services_board(found, lang), boards.levels_board(found, lang), boards.balance_board(found, lang)]
    tables += [boards.stress_board(found, lang), boards.settings_board(found, lang)]
    conclusion = [boards.light_words(found, lang), boards.fails_words(found, lang), boards.lasting_words(found, lang), boards.advice(found, lang)]
    return [
        Section("affordability.conclusion", conclusion, numbered=False),
        Section("affordability.policy", boards.policy_lines(found, lang, levers)),
        Section("affordability.need", _need(found, lang)),
        Section("affordability.duty", boards.duty_lines(found, lang)),
        Section("affordability.cost", cost),
        Section("affordability.means", [boards.w("balance_note", lang), boards.tightest_board(found, "base", lang)]),
        Section("affordability.capacity", capacity),
        Section("affordability.crowding", [boards.crowding_board(found, lang)]),
        Section("affordability.level", [curve, boards.futures_board(found, lang)]),
        Section("affordability.checks", [boards.checks_board(found, lang)]),
        Section("affordability.advice", [boards.advice(found, lang), *([boards.w("late_note", lang)] if _late(saved, told["proposal"]["start"]) else [])]),
        Section("affordability.tables", tables, numbered=False),
        Section("affordability.record", [record_board(saved, found, lang), signatures(lang)], numbered=False),
    ]


def _late(saved: SavedAssessment, start: int) -> bool:
    """Whether the proposal begins inside the budget year in which it was assessed, or before."""
    return start <= int(saved.head["record"]["when"][:4])


def _need(found: Assessment, lang: str) -> list[str]:
    """The document behind the proposal, and what of the standard is national and what is local."""
    proposal, services = found.summary["proposal"], found.tables["services"]
    lines = [boards.w("source_line", lang, source=found.summary["source_title"], grade=t(f"grade.{proposal['grade']}", lang))]
    lines += [boards.w("quote_line", lang, quote=proposal["quote"])] if proposal["quote"] else []
    for code, part in services[services["standard_before"] > 0].groupby("service", sort=False):
        heads = float(part["clients"].sum())
        if heads <= 0 or (part["standard"] - part["standard_before"]).abs().max() < 0.5:
            continue
        now, then = ((part[name] * part["clients"]).sum() / heads for name in ("standard_before", "standard"))
        national = (part["national"] * part["clients"]).sum() / heads
        words = boards.w("need_line", lang, national=f"{national:,.0f}", now=f"{now:,.0f}", then=f"{then:,.0f}")
        lines.append(t("format.colon", lang, head=boards.service_names(found, lang)[str(code)], body=words))
    return lines


def record_board(saved: SavedAssessment, found: Assessment, lang: str) -> Board:
    """By what the record can be found and checked again."""
    told, head = found.summary, saved.head
    versions = "; ".join(f"{name} {value}" for name, value in told["versions"].items())
    rows = [
        (boards.w("field_digest", lang), head["digest"]),
        (boards.w("field_scenario", lang), f"{told['scenario'][lang]} {told['scenario']['digest'][:8]}"),
        (boards.w("field_data", lang), told["pack_digest"]),
        (boards.w("field_when", lang), head["record"]["when"]),
        (boards.w("field_who", lang), head["record"]["who"]),
        (boards.w("field_code", lang), versions),
        (boards.w("field_command", lang), f"fiscalsim assess {told['scenario']['id']} {told['proposal']['id']}"),
    ]
    return Board(boards.w("record_title", lang), pd.DataFrame(rows, columns=[boards.w("col_item", lang), boards.w("col_value", lang)]))


def affordability_xlsx(saved: SavedAssessment, path: Path, lang: str, levers: Levers) -> Path:
    """The assessment as a spreadsheet: conclusion, bureau tables, then the figures; same record, same bytes."""
    found = trusted(saved)
    words = [boards.headline(found, lang), boards.advice(found, lang), *boards.policy_lines(found, lang, levers), *boards.duty_lines(found, lang)]
    sheets = {t("affordability_sheet.conclusion", lang): Board(boards.w("file_report", lang), pd.DataFrame({boards.w("col_verdict", lang): words}))}
    sheets |= {t(f"affordability_sheet.{key}", lang): board for key, board in boards.all_boards(found, lang)}
    sheets[boards.w("record_title", lang)] = record_board(saved, found, lang)

    raw = {t("xlsx.raw", lang, table=name): Board("", table) for name, table in found.tables.items()}
    line = t("format.colon", lang, head=boards.w("field_digest", lang), body=f"{saved.digest8}  {t('report.unreviewed', lang)}")

    def write(temp: Path) -> None:
        options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": False}
        with xlsxwriter.Workbook(str(temp), options) as book:
            made = datetime.fromisoformat(saved.head["record"]["when"]).replace(tzinfo=None)
            book.set_properties({"title": path.stem[:200], "author": "fiscalsim", "created": made})
            write_boards(book, {**sheets, **raw}, [line], lang)

    return write_whole(path, write)


def file_name(saved: SavedAssessment, extension: str, lang: str) -> str:
    """`{place}_{proposal}_{content}_{digest8}.{ext}`."""
    told = saved.summary
    content = boards.w("file_tables" if extension == "xlsx" else "file_report", lang)
    words = [told["pack"][f"name_{lang}"], told["proposal"]["name"][lang], content]
    plain = "_".join("".join(c for c in word if c.isalnum() or c in "-（）〔〕· ") for word in words)
    return f"{plain.encode()[:200].decode(errors='ignore')}_{saved.digest8}.{extension}"
