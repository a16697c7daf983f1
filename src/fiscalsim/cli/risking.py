"""The command that asks what if it comes otherwise: futures of a scenario, solved, summed up and filed."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fiscalsim.cli.terminal import Out, Overrides, RunsFolder, Settings, app, make_folder, note, print_board, print_json, progress_bar, target
from fiscalsim.text import t


class RiskReport(StrEnum):
    """What `risk --to` writes beside the record."""

    html = "html"
    xlsx = "xlsx"


@app.command()
def risk(
    scenario: Annotated[str, typer.Argument(help="Scenario file, or the name of one in scenarios/.")],
    overrides: Overrides = [],  # noqa: B006  (typer reads the default, nobody changes it)
    futures: Annotated[int, typer.Option("--futures", help="How many futures are drawn and solved; from 20.")] = 60,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; one a core when left out.")] = None,
    to: Annotated[RiskReport | None, typer.Option("--to", help="Also write the report: one self-contained page, or a spreadsheet.")] = None,
    out: Out = None,
    runs: RunsFolder = Path("runs"),
) -> None:
    """What if it comes otherwise: fans, how likely floors hold, what decides the gap, when the plan fails. The last line is the folder of the record.

    The same inputs give the same figures on any number of workers. An interrupted analysis goes on where it stood.
    """
    from fiscalsim.report import risk_boards
    from fiscalsim.report.risk import risk_html, risk_xlsx
    from fiscalsim.scenario import load_scenario
    from fiscalsim.uncertainty import open_risk, save_risk
    from fiscalsim.uncertainty import risk as analysed

    lang, loaded = Settings.lang, load_scenario(scenario, None, overrides)
    make_folder(runs, "--runs")
    with progress_bar(t("risk.progress", lang, n=futures)) as advance:
        found = analysed(loaded, futures=futures, workers=workers or os.cpu_count() or 1, runs=runs, progress=advance)
        saved = open_risk(save_risk(found, runs))
    tables = saved.tables()
    if to is not None:
        path = target(out, f"{saved.name}.{lang}.{to.value}")
        (risk_html if to is RiskReport.html else risk_xlsx)(saved, path, lang)
        note(str(path))
    if Settings.json:
        plain = {name: json.loads(tables[name].to_json(orient="records", double_precision=15)) for name in ("fan", "likelihood", "shares", "rule", "states")}
        print_json({"path": str(saved.path), "digest": saved.record["digest"], "summary": saved.record["summary"], **plain})
        return
    typer.echo(risk_boards.headline(saved.record, tables, lang))
    typer.echo(risk_boards.fear_note(saved.record, lang))
    for line in risk_boards.notes(saved.record, tables, lang):
        note(line)
    for board in (
        risk_boards.likelihood_board(saved.record, tables, lang),
        risk_boards.fan_board(tables, lang),
        risk_boards.shares_board(tables, lang),
        risk_boards.drivers_board(tables, lang),
    ):
        print_board(board)
    typer.echo(str(saved.path))
