"""What a report holds, in order: title, tags, sentences, sections of boards and charts. Built once for the page and for print.

Knows boards, charts and reviews. Must not know HTML, print or spreadsheets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fiscalsim import charts
from fiscalsim.compare import Comparison
from fiscalsim.prices import CURRENT, price_words
from fiscalsim.report import boards, compare_boards, money_boards, plan_boards, review_boards
from fiscalsim.report.files import trusted_tables
from fiscalsim.reviews import reviews_of
from fiscalsim.store import SavedRun
from fiscalsim.text import NONE, t

Tables = Mapping[str, pd.DataFrame]
Block = Any  # Board, Chart or sentence


@dataclass(frozen=True)
class Section:
    """One heading and what stands below it, in order."""

    key: str  # of the heading, `report.<key>`
    blocks: Sequence[Block]
    numbered: bool = True


@dataclass(frozen=True)
class Outline:
    """A whole report. `tags`: one row a run of (words, is a warning); `page_lines`: what every page carries, one line a run."""

    title: str
    digest: str
    tags: Sequence[Sequence[tuple[str, bool]]]
    headline: str
    notes: Sequence[str]
    sections: Sequence[Section]
    page_lines: Sequence[str]
    feet: Sequence[str]
    made: str  # when the (first) run was made: the report's date, so that the same run gives the same file


def run_outline(run: SavedRun, lang: str, basis: str = CURRENT) -> Outline:
    """The report on one run at current or constant prices; IntegrityError when the run is not what was saved."""
    tables, found = trusted_tables(run, basis), reviews_of(run)
    pack = run.manifest["pack"]
    return Outline(
        title=t("report.title", lang, place=boards.place(run, lang), scenario=run.manifest["scenario_names"][lang]),
        digest=run.digest8,
        tags=[_tags(run, tables, lang)],
        headline=boards.headline(tables, pack, lang),
        notes=[review_boards.state_note(found, lang)],
        sections=_run_sections(run, tables, boards.report_year(tables, pack), lang),
        page_lines=[review_boards.page_line(run, tables, found, lang)],
        feet=[_foot(run, lang)],
        made=run.manifest["record"]["when"],
    )


def comparison_outline(comparison: Comparison, runs: Sequence[SavedRun], lang: str) -> Outline:
    """The report on the comparison of runs; each run is verified first."""
    tables = {run.name: trusted_tables(run) for run in runs}
    found = {run.name: reviews_of(run) for run in runs}
    scenario = [run.manifest["scenario_names"][lang] for run in runs]
    return Outline(
        title=t("report.compare_title_of", lang, names=t("compare.against", lang).join(scenario)),
        digest="-".join(run.digest8 for run in runs),
        tags=[_tags(run, tables[run.name], lang) for run in runs],
        headline="",
        notes=[t("format.colon", lang, head=run.digest8, body=review_boards.state_note(found[run.name], lang)) for run in runs],
        sections=_comparison_sections(comparison, runs, tables, lang),
        page_lines=[review_boards.page_line(run, tables[run.name], found[run.name], lang) for run in runs],
        feet=[_foot(run, lang) for run in runs],
        made=runs[0].manifest["record"]["when"],
    )


# --- one run --------------------------------------------------------------------------------------------------------


def _run_sections(run: SavedRun, tables: Tables, year: int, lang: str) -> list[Section]:
    pack = run.manifest["pack"]
    reviews = reviews_of(run)
    plan_end, base = int(pack["plan_target_year"]), int(pack["base_year"])
    grid, finding = boards.grid_board(tables, pack, year, lang)
    rule = t(f"policy.{run.manifest['scenario']['policy']}", lang)
    money = [
        boards.transfers_board(tables, pack, year, lang),
        charts.transfer_change(tables, year, lang, rule),
        charts.spending_bars(tables, year, lang),
        boards.services_board(tables, year, lang),
    ]
    means = [
        charts.means_waterfall(tables, year, lang),
        boards.budget_board(tables, year, lang),
        *plan_boards.medium_term_blocks(tables, lang),
        *_money_blocks(tables, year, lang),
    ]
    basis = [
        boards.record_board(run, tables, review_boards.state_words(reviews, lang), lang),
        review_boards.reviews_board(reviews, lang),
        t("review.carried_note", lang),
        boards.checks_board(tables, lang),
        boards.passes_board(run, lang),
        boards.versions_board(run, lang),
        boards.grades_board(tables, lang),
    ]
    return [
        Section("shortfall", [finding, grid, boards.shortfall_board(tables, year, lang), charts.needs_and_means(tables, lang, ends=(plan_end,), height=260)]),
        Section("targets", [*plan_boards.progress_blocks(tables, pack, lang), boards.targets_board(tables, pack, lang)]),
        Section("money", money),
        Section("people", [charts.pyramid(tables, year, base, lang), charts.need_index(tables, lang), boards.balance_board(tables, lang)]),
        Section("means", means),
        Section("delivery", [boards.opened_board(tables, year, lang), charts.waiting_bars(boards.waits(tables, year, lang), lang)]),
        Section("basis", basis),
    ]


def _money_blocks(tables: Tables, year: int, lang: str) -> list[Block]:
    """Base year against published budgets, calibration, who pays, and the funds; nothing for a run of an older time."""
    if not set(money_boards.NEEDED) <= set(tables):
        return []
    found: list[Block] = [money_boards.reconciliation_board(tables, lang)] if len(tables["reconciliation"]) else []
    found += [money_boards.calibration_board(tables, None, lang), money_boards.levels_board(tables, year, None, lang)]
    return [*found, charts.fund_support(tables, lang), money_boards.funds_board(tables, year, lang)]


# --- a comparison ---------------------------------------------------------------------------------------------------


def _comparison_sections(comparison: Comparison, runs: Sequence[SavedRun], tables: Mapping[str, Tables], lang: str) -> list[Section]:
    first, others = runs[0], runs[1:]
    year = boards.report_year(tables[first.name], first.manifest["pack"])
    drivers: list[Block] = []
    areas: list[Block] = []
    for other in others:
        parts = comparison.drivers.query("run == @other.name")
        sums = parts.groupby("driver", sort=False)["yuan"].sum()
        drivers.append(compare_boards.drivers_sentence(comparison, first, other, lang))
        drivers.append(charts.difference_waterfall({str(code): float(value) for code, value in sums.items()}, lang))
        drivers.append(boards.drivers_board(comparison, first, other, lang))
        areas.append(charts.area_change(tables[first.name], tables[other.name], year, lang))
        areas.append(boards.regions_board(comparison, first, other, tables, lang))
    reasons: list[Block] = []
    for other in others:
        reasons += compare_boards.reasons_boards(first, other, tables, year, lang)
    return [
        Section("main_findings", [boards.compare_headline(comparison, first, other, tables, lang) for other in others], numbered=False),
        Section("scenarios", [compare_boards.runs_board(runs, lang), *compare_boards.version_lines(comparison, lang)]),
        Section("inputs", [compare_boards.inputs_board(comparison, tables[first.name], lang)]),
        Section("outputs", [boards.outputs_board(comparison, tables[first.name], year, lang)]),
        Section("drivers", drivers),
        Section("regions", areas),
        Section("target_change", [boards.statuses_board(comparison, tables[first.name], lang)]),
        Section("reason_change", reasons),
        Section("uncertainty", compare_boards.uncertainty_blocks(comparison, runs, tables, year, lang)),
        Section("suggestions", compare_boards.suggestions(comparison, runs, tables, year, lang)),
        Section("appendix_cells", [compare_boards.cells_board(comparison, runs, tables, year, lang)], numbered=False),
        Section("appendix_runs", [compare_boards.reproduce_board(runs, lang), compare_boards.signatures(lang)], numbered=False),
    ]


# --- words around the sections --------------------------------------------------------------------------------------


def _tags(run: SavedRun, tables: Tables, lang: str) -> list[tuple[str, bool]]:
    """Scope, years, prices, state, date, grades; then what the reader must know first, as warnings."""
    pack, allocation, found = run.manifest["pack"], tables["allocation"], reviews_of(run)
    plain = [
        t("report.tag_scope", lang, place=pack[f"name_{lang}"], n=len(tables["regions"])),
        t("report.tag_years", lang, first=int(allocation["year"].min()), last=int(allocation["year"].max())),
        price_words(tables, int(pack["base_year"]), lang),
        t("report.tag_saved", lang, digest=run.digest8),
        run.manifest["record"]["when"][:10],
        t("format.colon", lang, head=t("report.grades", lang), body=t("report.grade_counts", lang, **boards.grade_counts(tables))),
    ]
    state = (review_boards.state_words(found, lang), not review_boards.is_reviewed(found))
    lapsed, assumed = review_boards.lapsed_count(found), boards.grade_counts(tables)["D"]
    failed = sum(not row["passed"] for row in run.manifest["checks"])
    warnings = [t("review.tag_lapsed", lang, n=lapsed)] if lapsed else []
    warnings += [t("report.tag_assumed", lang, n=assumed)] if assumed else []
    warnings += [t("report.made_up", lang)] if pack["made_up"] else []
    warnings += [t("report.tag_failed_checks", lang, n=failed)] if failed else []
    return [*((word, False) for word in plain), state, *((word, True) for word in warnings)]


def _foot(run: SavedRun, lang: str) -> str:
    version, when = f"fiscalsim {run.manifest['versions'].get('fiscalsim', NONE)}", run.manifest["record"]["when"]
    return t("report.footer", lang, run=run.name, version=version, when=when, review=review_boards.state_words(reviews_of(run), lang))
