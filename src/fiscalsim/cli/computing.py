"""Commands that compute and save: run, batch, project."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fiscalsim.cli.terminal import Overrides, RunsFolder, Settings, app, make_folder, note, print_json, progress_bar, show_run
from fiscalsim.errors import InputError, NoSolution, Problem
from fiscalsim.text import t

if TYPE_CHECKING:
    from fiscalsim.batch import Outcome
    from fiscalsim.scenario import Scenario


class Timing(StrEnum):
    """When external migrants of a year move."""

    even = "even"
    end = "end"


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Scenario file, or the name of one in scenarios/.")],
    overrides: Overrides = [],  # noqa: B006  (typer reads the default, nobody changes it)
    runs: RunsFolder = Path("runs"),
    write_mps: Annotated[Path | None, typer.Option("--write-mps", metavar="DIR", help="Also write one MPS file per pass, with passes.csv.")] = None,
) -> None:
    """Compute one scenario and save it; the last line on stdout is the folder of the run."""
    from fiscalsim.scenario import load_scenario
    from fiscalsim.store import open_run

    saved = open_run(compute(load_scenario(scenario, None, overrides), runs, write_mps))
    show_run(saved)


@app.command()
def batch(
    scenarios: Annotated[list[str], typer.Argument(help="Scenario files or names.", show_default=False)] = [],  # noqa: B006
    sweep: Annotated[list[Path], typer.Option("--sweep", metavar="FILE", help="YAML: scenario, and over: {lever: [values]}; every point of the grid.")] = [],  # noqa: B006
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; one a core when left out.")] = None,
    scheduler: Annotated[str | None, typer.Option("--scheduler", metavar="ADDRESS", help="A dask scheduler instead of local processes.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Skip scenarios whose run is there already, whole and of the same inputs.")] = False,
    runs: RunsFolder = Path("runs"),
) -> None:
    """Compute many scenarios; a scenario that fails is a recorded result and the others go on."""
    from fiscalsim.batch import load_batch, run_batch, worst

    if workers is not None and scheduler is not None:
        raise InputError([Problem("batch", None, "--workers, --scheduler", scheduler, "one of the two")])
    if not scenarios and not sweep:
        raise InputError([Problem("batch", None, "", "no scenario", "scenario names or files, or --sweep FILE")])
    loaded, failed = load_batch(scenarios, sweep)
    for outcome in failed:
        _show_outcome(outcome)
    with progress_bar(t("cli.batch_progress", Settings.lang)) as advance:

        def ended(done: int, total: int, outcome: Outcome) -> None:
            advance(done / total, "")
            _show_outcome(outcome)

        outcomes = failed + run_batch(loaded, runs, workers=workers, scheduler=scheduler, resume=resume, progress=ended)
    counts = {state: sum(outcome.state == state for outcome in outcomes) for state in ("done", "skipped", "failed")}
    if Settings.json:
        print_json({"outcomes": [vars(outcome) for outcome in outcomes], **counts})
    else:
        typer.echo(t("cli.batch_sum", Settings.lang, n=len(outcomes), **counts))
    raise typer.Exit(worst(outcomes))


@app.command()
def project(
    population: Annotated[Path, typer.Option(help="CSV: year, sex, age, persons (one year, 31 December).")],
    mortality: Annotated[Path, typer.Option(help="CSV: year, sex, age, mx.")],
    fertility: Annotated[Path, typer.Option(help="CSV: year, age, asfr.")],
    until: Annotated[int, typer.Option(help="Last year of the projection.")],
    out: Annotated[Path, typer.Option(help="Folder for population.csv, components.csv and notes.txt.")],
    migration: Annotated[Path | None, typer.Option(help="CSV: year, sex, age, net_migrants.")] = None,
    srb: Annotated[Path | None, typer.Option(help="CSV: year, srb (boys per girl).")] = None,
    timing: Annotated[Timing, typer.Option("--migration-timing", help="even: half at the start of the year, half at its end.")] = Timing.even,
) -> None:
    """Project anybody's population by cohorts; the last line on stdout is the folder written."""
    from fiscalsim.demography import project_files

    folder = project_files(population, mortality, fertility, migration, srb, until, out, timing.value)
    if Settings.json:
        print_json({"path": str(folder)})
    else:
        note(t("cli.project_done", Settings.lang))
        typer.echo(str(folder))


def compute(scenario: Scenario, runs: Path, write_mps: Path | None = None) -> Path:
    """Run and save with a progress bar; the folder of the run."""
    from fiscalsim import pipeline
    from fiscalsim.store import RunStore, safe_name

    safe_name(scenario.id)  # before the time is spent
    if write_mps is not None:
        make_folder(write_mps, "--write-mps")
    make_folder(runs, "--runs")
    with progress_bar(getattr(scenario, f"name_{Settings.lang}")) as advance:
        try:
            result = pipeline.run(scenario, progress=advance, write_mps=write_mps)
        except NoSolution as error:
            RunStore(runs).record_failure(scenario.id, scenario.digest, scenario.set, error)
            raise
        advance(1.0, "save")
        return RunStore(runs).save(result)


def _show_outcome(outcome: Outcome) -> None:
    line = t("cli.batch_line", Settings.lang, state=t(f"cli.state_{outcome.state}", Settings.lang), name=f"{outcome.name} {outcome.digest8}".strip())
    if outcome.reason:
        changes = " ".join(f"{path}={value}" for path, value in outcome.settings.items())
        line = f"{line} {changes}".rstrip() + f": {outcome.reason}"
    note(line)
