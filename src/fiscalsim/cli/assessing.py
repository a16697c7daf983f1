"""The command that assesses whether a proposal is affordable, files the record and writes the report."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fiscalsim.cli.terminal import Out, Overrides, RunsFolder, Settings, app, note, print_board, print_json, progress_bar, target
from fiscalsim.text import t

if TYPE_CHECKING:
    from fiscalsim.assess import Assessment, SavedAssessment


class Report(StrEnum):
    """What `assess --to` writes beside the record."""

    html = "html"
    pdf = "pdf"
    xlsx = "xlsx"


@app.command()
def assess(
    scenario: Annotated[str, typer.Argument(help="Scenario file, or the name of one in scenarios/.")],
    proposal: Annotated[str, typer.Argument(help="Proposal file, or the name of one in scenarios/proposals/; or the folder of a saved assessment.")],
    overrides: Overrides = [],  # noqa: B006  (typer reads the default, nobody changes it)
    to: Annotated[Report | None, typer.Option("--to", help="Also write the report: one self-contained page, or a spreadsheet.")] = None,
    out: Out = None,
    runs: RunsFolder = Path("runs"),
) -> None:
    """Affordability of a proposal: cost by level, who can pay from when not, the level that lasts. The last line on stdout is the folder of the record."""
    from fiscalsim.assess import assess as assessed
    from fiscalsim.assess import load_proposal, open_assessment, save
    from fiscalsim.scenario import load_scenario

    lang = Settings.lang
    loaded, wanted = load_scenario(scenario, None, overrides), load_proposal(proposal)
    with progress_bar(getattr(wanted.name, lang)) as advance:
        found = assessed(loaded, wanted, progress=advance)
    saved = open_assessment(save(found, loaded, runs))
    if to is not None:
        note(str(_report(saved, loaded.pack, to, out, lang)))
    if Settings.json:
        print_json({"path": str(saved.path), "digest": saved.head["digest"], **_plain(found)})
        return
    _show(found, lang)
    note(t("affordability.saved", lang, digest=saved.digest8))
    typer.echo(str(saved.path))


def _show(found: Assessment, lang: str) -> None:
    from fiscalsim.report import affordability_boards as boards

    typer.echo(boards.headline(found, lang))
    for board in (
        boards.areas_board(found, lang),
        boards.levels_board(found, lang),
        boards.balance_board(found, lang),
        boards.crowding_board(found, lang),
        boards.futures_board(found, lang),
        boards.checks_board(found, lang),
    ):
        print_board(board)
    typer.echo(boards.advice(found, lang))


def _plain(found: Assessment) -> dict[str, Any]:
    """Inputs, verdict and figures as JSON's own kinds; a number that is not there is null."""
    tables = {name: json.loads(table.to_json(orient="records", double_precision=15, force_ascii=False)) for name, table in found.tables.items()}
    return {"summary": dict(found.summary), "tables": tables}


def _report(saved: SavedAssessment, pack: str, to: Report, out: Path | None, lang: str) -> Path:
    from fiscalsim.parameters import levers_of
    from fiscalsim.report import write_text
    from fiscalsim.report.affordability import affordability_html, affordability_pdf, affordability_xlsx, file_name
    from fiscalsim.scenario import home

    names = {lever.path: getattr(lever, f"name_{lang}") for lever in levers_of(pack, home())}
    path = target(out, file_name(saved, to.value, lang))
    if to is Report.xlsx:
        return affordability_xlsx(saved, path, lang, names)
    if to is Report.pdf:
        return affordability_pdf(saved, path, lang, names)
    return write_text(path, affordability_html(saved, lang, names))
