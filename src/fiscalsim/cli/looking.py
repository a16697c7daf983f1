"""Commands that look at scenarios and saved runs: compare, rules, repairs, alternatives, report, check."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from fiscalsim.cli.terminal import Out, Overrides, RunsFolder, Settings, app, find_run, print_board, print_json, progress_bar, target, written
from fiscalsim.errors import InputError, Problem
from fiscalsim.text import t

if TYPE_CHECKING:
    from fiscalsim.scenario import Scenario


class Format(StrEnum):
    """What `compare` writes."""

    table = "table"
    json = "json"
    xlsx = "xlsx"
    html = "html"
    pdf = "pdf"


class Document(StrEnum):
    """What `report` writes."""

    html = "html"
    xlsx = "xlsx"
    pdf = "pdf"


class Prices(StrEnum):
    """Prices that the money of a report is at."""

    current = "current"
    constant = "constant"


@app.command()
def compare(
    runs_named: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Runs by folder, name or digest; the first is the reference.")],
    form: Annotated[Format, typer.Option("--format", help="table on the terminal, or a file.")] = Format.table,
    out: Out = None,
    runs: RunsFolder = Path("runs"),
) -> None:
    """Compare saved runs: different inputs, different results, and why spending differs."""
    from fiscalsim import report as reports
    from fiscalsim.compare import compare as compare_runs
    from fiscalsim.compare import to_json
    from fiscalsim.report import boards, compare_boards, review_boards
    from fiscalsim.reviews import reviews_of

    saved = [find_run(name, runs) for name in runs_named]
    comparison = compare_runs(saved)
    if form is Format.json or (Settings.json and form is Format.table):
        states = {one.name: reviews_of(one).state for one in saved}
        typer.echo(json.dumps({**json.loads(to_json(comparison)), "reviews": states}, ensure_ascii=False))
    elif form is Format.table:
        tables = {one.name: one.tables() for one in saved}
        first = saved[0]
        for other in saved[1:]:
            typer.echo(boards.compare_headline(comparison, first, other, tables, Settings.lang))
        for one in saved:
            typer.echo(t("format.colon", Settings.lang, head=one.name, body=review_boards.state_words(reviews_of(one), Settings.lang)))
        for line in compare_boards.version_lines(comparison, Settings.lang):
            typer.echo(line)
        print_board(boards.inputs_board(comparison, Settings.lang))
        year = boards.report_year(tables[first.name], first.manifest["pack"])
        print_board(boards.outputs_board(comparison, tables[first.name], year, Settings.lang))
        for other in saved[1:]:
            typer.echo(compare_boards.drivers_sentence(comparison, first, other, Settings.lang))
            print_board(boards.drivers_board(comparison, first, other, Settings.lang))
    else:
        path = target(out, reports.file_name(saved, "compare", form.value, Settings.lang))
        if form is Format.html:
            reports.write_text(path, reports.comparison_html(comparison, saved, Settings.lang))
        elif form is Format.pdf:
            reports.comparison_pdf(comparison, saved, path, Settings.lang)
        else:
            reports.comparison_xlsx(comparison, saved, path, Settings.lang)
        written(path)


@app.command()
def rules(
    scenario: Annotated[str, typer.Argument(help="Scenario file, or the name of one in scenarios/.")],
    overrides: Overrides = [],  # noqa: B006  (typer reads the default, nobody changes it)
    year: Annotated[int | None, typer.Option("--year", help="Year shown; the plan's target year when left out.")] = None,
) -> None:
    """One scenario under each rule for sharing transfers: what each reaches, who gains and who loses. Nothing is saved."""
    from fiscalsim.before_after import rules_compared
    from fiscalsim.report import rule_boards
    from fiscalsim.scenario import load_scenario

    lang, loaded = Settings.lang, load_scenario(scenario, None, overrides)
    with progress_bar(t("rules.progress", lang)) as advance:
        found = rules_compared(loaded, year=year, progress=advance)
    if Settings.json:
        print_json({"year": found.year, **{name: getattr(found, name).to_dict("records") for name in ("rules", "regions", "strata")}})
        return
    for board in (
        rule_boards.rules_board(found, getattr(loaded, f"name_{lang}"), lang),
        rule_boards.regions_board(found, lang),
        rule_boards.strata_board(found, lang),
    ):
        print_board(board)


def _scenario_of(named: str, overrides: list[str], runs: Path) -> Scenario:
    """The scenario of that name or file, else the one that a saved run of that name was computed from, on the same data."""
    from fiscalsim.assumptions import load_pack
    from fiscalsim.scenario import home, load_scenario

    try:
        return load_scenario(named, None, overrides)
    except InputError as unknown:
        try:
            saved = find_run(named, runs)
        except InputError:
            raise unknown from None
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{saved.name}.yaml"
        path.write_text(json.dumps(saved.manifest["scenario"], ensure_ascii=False), encoding="utf-8")
        scenario = load_scenario(path, None, overrides)
    digest = load_pack(scenario.pack, home(), scenario.resolution).digest
    if digest != saved.manifest["pack_digest"]:
        raise InputError(
            [Problem(saved.name, None, "pack_digest", saved.manifest["pack_digest"][:8], f"the data of today, {digest[:8]}: run the scenario again")]
        )
    return scenario


@app.command()
def repairs(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO|RUN", help="Scenario file, the name of one in scenarios/, or a saved run.")],
    overrides: Overrides = [],  # noqa: B006  (typer reads the default, nobody changes it)
    year: Annotated[int | None, typer.Option("--year", help="Year shown; the plan's target year when left out.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many shortfalls.")] = 10,
    region: Annotated[str, typer.Option("--region", help="Only the shortfall of this area, with --service.")] = "",
    service: Annotated[str, typer.Option("--service", help="Only the shortfall of this service, with --region.")] = "",
    residence: Annotated[str, typer.Option("--residence", help="urban, rural or both.")] = "both",
    indicator: Annotated[str, typer.Option("--indicator", help="Only this target of the plan.")] = "",
    runs: RunsFolder = Path("runs"),
) -> None:
    """The largest shortfalls of a year or one of them, why not more, and what mends them: every way solved again. Nothing is saved."""
    from fiscalsim.repairs import Picked
    from fiscalsim.repairs import repairs as found_repairs
    from fiscalsim.report import repair_boards

    lang, loaded = Settings.lang, _scenario_of(scenario, overrides, runs)
    picked = Picked(region, service, residence, indicator) if region or service or indicator else None
    with progress_bar(t("repairs.progress", lang)) as advance:
        found = found_repairs(loaded, year=year, top=top, picked=picked, progress=advance)
    if Settings.json:
        print_json({"year": found.year, **{name: json.loads(getattr(found, name).to_json(orient="records")) for name in ("shortfalls", "repairs")}})
        return
    if found.shortfalls.empty:
        typer.echo(t("repairs.none", lang))
        return
    print_board(repair_boards.shortfalls_board(found, getattr(loaded, f"name_{lang}"), lang))
    print_board(repair_boards.ways_board(found, lang))


@app.command()
def foresight(
    scenario: Annotated[str, typer.Argument(help="Scenario file, or the name of one in scenarios/.")],
    overrides: Overrides = [],  # noqa: B006  (typer reads the default, nobody changes it)
    sight: Annotated[int, typer.Option("--sight", min=1, help="Years in sight when a year is decided.")] = 3,
) -> None:
    """What it costs not to see ahead: the plan beside one decided with a few years in sight, again every year. Nothing is saved."""
    from fiscalsim.foresight import foresight as seen
    from fiscalsim.report import foresight_boards
    from fiscalsim.scenario import load_scenario

    lang, loaded = Settings.lang, load_scenario(scenario, None, overrides)
    with progress_bar(t("foresight.progress", lang)):
        found = seen(loaded, sight=sight)
    if Settings.json:
        print_json({"sight": found.sight, **{name: json.loads(getattr(found, name).to_json(orient="records")) for name in ("years", "areas")}})
        return
    place = getattr(loaded, f"name_{lang}")
    typer.echo(foresight_boards.words(found, place, lang))
    print_board(foresight_boards.years_board(found, place, lang))
    if len((areas := foresight_boards.areas_board(found, lang)).table):
        print_board(areas)


@app.command()
def alternatives(
    scenario: Annotated[str, typer.Argument(help="Scenario file, or the name of one in scenarios/.")],
    overrides: Overrides = [],  # noqa: B006  (typer reads the default, nobody changes it)
    year: Annotated[int | None, typer.Option("--year", help="Year shown; the plan's target year when left out.")] = None,
) -> None:
    """Other plans within 1 % of the best: closest to today, most equal, fewest areas touched. Nothing is saved."""
    from fiscalsim.near_optimal import near_optimal
    from fiscalsim.report.alternative_boards import alternatives_board
    from fiscalsim.scenario import load_scenario

    lang, loaded = Settings.lang, load_scenario(scenario, None, overrides)
    with progress_bar(t("alternatives.progress", lang)):
        found = near_optimal(loaded, year=year)
    if Settings.json:
        print_json({"year": found.year, **{name: getattr(found, name).to_dict("records") for name in ("regions", "whole")}})
        return
    print_board(alternatives_board(found, getattr(loaded, f"name_{lang}"), lang))


@app.command()
def report(
    run_named: Annotated[str, typer.Argument(metavar="RUN", help="A run by folder, name or digest.")],
    to: Annotated[Document, typer.Option("--to", help="One self-contained page, a PDF or a spreadsheet.")] = Document.html,
    prices: Annotated[Prices, typer.Option("--prices", help="Money at current prices, or at constant prices of the base year.")] = Prices.current,
    out: Out = None,
    runs: RunsFolder = Path("runs"),
) -> None:
    """Write a run down for people who were not there; the last line on stdout is the file."""
    from fiscalsim import report as reports

    saved = find_run(run_named, runs)
    if to is Document.html:
        path = target(out, reports.file_name([saved], "overview", "html", Settings.lang))
        reports.write_text(path, reports.report_html(saved, Settings.lang, prices.value))
    elif to is Document.pdf:
        path = target(out, reports.file_name([saved], "overview", "pdf", Settings.lang))
        reports.report_pdf(saved, path, Settings.lang, prices.value)
    else:
        path = target(out, reports.file_name([saved], "results", "xlsx", Settings.lang))
        reports.report_xlsx(saved, path, Settings.lang, prices.value)
    written(path)


@app.command()
def check(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Packs, scenarios and runs, by path or by name.")],
    runs: RunsFolder = Path("runs"),
) -> None:
    """Check packs, scenarios and saved runs (every byte against its digest); all problems at once."""
    results = [(path, *_problems(path, runs)) for path in paths]
    code = max(kind_code for _, _, problems, kind_code in results) if results else 0
    if Settings.json:
        print_json([{"path": path, "kind": kind, "problems": problems} for path, kind, problems, _ in results])
    for path, kind, problems, _ in results:
        what = f"{path} ({kind})"
        head = t("cli.check_bad", Settings.lang, what=what, n=len(problems)) if problems else t("cli.check_good", Settings.lang, what=what)
        grades = [_grades_of(path)] if kind == "pack" and not problems else []
        for line in (head, *(f"  {line}" for line in (*problems, *grades))):
            typer.echo(line, err=Settings.json)
    raise typer.Exit(code)


def _grades_of(path: str) -> str:
    """How many values of a good pack stand on which grade."""
    from fiscalsim.assumptions import load_pack, values_by_grade
    from fiscalsim.scenario import home

    place = Path(path)
    name, root = (place.resolve().name, place.resolve().parents[1]) if (place / "pack.yaml").is_file() else (path, home())
    counts = values_by_grade(load_pack(name, root))
    found = {grade.lower(): int(counts[grade].sum()) for grade in "ABCD"}
    return t("cli.check_grades", Settings.lang, n=sum(found.values()), **found)


def _run_problems(folder: Path) -> list[str]:
    """What is wrong with a run's own files, and with the reviews that name it."""
    from fiscalsim.reviews import ReviewBook
    from fiscalsim.store import check_run

    return check_run(folder) + ReviewBook(folder.resolve().parent).problems(folder.resolve().name[-8:])


def _problems(path: str, runs: Path) -> tuple[str, list[str], int]:
    """(kind, problems, exit code) of a pack, scenario, proposal, run, assessment, analysis of risk or folder of runs."""
    from fiscalsim.assess import check_assessment, load_proposal
    from fiscalsim.assumptions import check_pack, packs
    from fiscalsim.reviews import ReviewBook
    from fiscalsim.scenario import home, load_scenario, scenario_ids
    from fiscalsim.store import RunStore, check_run
    from fiscalsim.uncertainty import check_risk, is_risk

    place = Path(path)
    if (place / "manifest.json").is_file():
        problems = _run_problems(place)
        return "run", problems, 4 if problems else 0
    if (place / "assessment.json").is_file():
        problems = check_assessment(place)
        return "assessment", problems, 4 if problems else 0
    if is_risk(place):
        problems = check_risk(place)
        return "risk", problems, 4 if problems else 0
    if (place / "pack.yaml").is_file():
        found = check_pack(place.resolve().name, place.resolve().parents[1])
        return "pack", [str(problem) for problem in found], 2 if found else 0
    if place.is_dir() and RunStore(place).names():
        problems = [line for name in RunStore(place).names() for line in check_run(place / name)] + ReviewBook(place).problems()
        return "runs", problems, 4 if problems else 0
    if path in packs(home()):
        found = check_pack(path, home())
        return "pack", [str(problem) for problem in found], 2 if found else 0
    if place.suffix in (".yaml", ".yml") and place.parent.name == "proposals":
        try:
            load_proposal(place)
        except InputError as error:
            return "proposal", str(error).splitlines(), 2
        return "proposal", [], 0
    if place.suffix in (".yaml", ".yml") or path in scenario_ids(home()):
        try:
            load_scenario(path)
        except InputError as error:
            return "scenario", str(error).splitlines(), 2
        return "scenario", [], 0
    problems = _run_problems(find_run(path, runs).path)
    return "run", problems, 4 if problems else 0
