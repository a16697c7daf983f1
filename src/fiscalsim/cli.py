"""The command line: words in, the same `run`, `compare` and reports as everywhere else, exit codes out.

Knows commands, streams and exit codes (0 done, 2 bad input or usage, 3 no solution, 4 a saved run fails its check, 5 a fault of ours).
Must not compute. Everything heavy is imported by the command that needs it, so that `fiscalsim --help` answers at once.
Figures and paths go to stdout, notes and progress to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fiscalsim.errors import FiscalsimError, InputError, NoSolution, Problem, nearest
from fiscalsim.text import LANGS, has, name_of, t

if TYPE_CHECKING:
    from fiscalsim.assumptions import Pack
    from fiscalsim.batch import Outcome
    from fiscalsim.report.boards import Board
    from fiscalsim.scenario import Scenario
    from fiscalsim.store import SavedRun

DEMO = "liaoning-baseline"
RUNS = "FISCALSIM_RUNS"
INTERRUPTED = 130
ANYWHERE = ("--json", "--debug")  # options that may stand before or after the command; so may --lang
APP_SECONDS = 60  # how long to wait for the app before giving up on opening a browser


class Lang(StrEnum):
    """Language of words on the terminal and in reports."""

    zh = "zh"
    en = "en"


class Listing(StrEnum):
    """What `list` can show."""

    packs = "packs"
    scenarios = "scenarios"
    runs = "runs"
    levers = "levers"
    services = "services"
    items = "items"
    indicators = "indicators"
    sources = "sources"
    limits = "limits"


class Format(StrEnum):
    """What `compare` writes."""

    table = "table"
    json = "json"
    xlsx = "xlsx"
    html = "html"


class Document(StrEnum):
    """What `report` writes."""

    html = "html"
    xlsx = "xlsx"


class Prices(StrEnum):
    """Prices that the money of a report is at."""

    current = "current"
    constant = "constant"


class Timing(StrEnum):
    """When external migrants of a year move."""

    even = "even"
    end = "end"


class _Settings:
    """The options that hold for every command."""

    lang = "en"
    json = False
    debug = False


app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
RunsFolder = Annotated[Path, typer.Option("--runs", envvar=RUNS, help="Folder of saved runs.")]
Overrides = Annotated[list[str], typer.Option("--set", metavar="PATH=VALUE", help="Change a lever, parameter, policy, seed or limit; may be repeated.")]
Out = Annotated[Path | None, typer.Option("--out", help="File or folder to write to; a speaking name in this folder when left out.")]
PackName = Annotated[str, typer.Option("--pack", help="Pack whose items are listed; the first one when left out.")]


@app.callback()
def _options(
    lang: Annotated[Lang | None, typer.Option("--lang", help="Language of words; without it that of the machine, Chinese or English.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout; notes go to stderr.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """How far limited money goes for public services, before it is promised.

    --lang, --json and --debug may stand before or after the command. Exit codes: 0 done, 2 bad input or usage, 3 no solution,
    4 a saved run fails its integrity check, 5 a fault of the program.
    """
    _Settings.lang = lang.value if lang else _machine_lang()
    _Settings.json, _Settings.debug = as_json, debug


def main(argv: Sequence[str] | None = None) -> None:
    """Entry of `fiscalsim`: run a command, turn each error into lines on stderr and its exit code. Always raises SystemExit."""
    os.environ.update({name: os.environ.get(name) or "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")})  # same bits as in a batch
    words = _options_first(sys.argv[1:] if argv is None else list(argv))
    try:
        app(words, prog_name="fiscalsim")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except FiscalsimError as error:
        if _Settings.debug:
            raise
        _print_error(error)
        sys.exit(error.exit_code)
    except Exception as error:
        if _Settings.debug:
            raise
        _print_error(FiscalsimError(f"{type(error).__name__}: {error} (a fault of the program; --debug shows where)"))
        sys.exit(FiscalsimError.exit_code)


def _options_first(words: list[str]) -> list[str]:
    """The words with --lang, --json and --debug moved to the front, where the parser looks for them."""
    front: list[str] = []
    rest: list[str] = []
    queue = iter(words)
    for word in queue:
        if word in ANYWHERE or word.startswith("--lang="):
            front.append(word)
        elif word == "--lang":
            front += [word, *([value] if (value := next(queue, None)) is not None else [])]
        else:
            rest.append(word)
    return front + rest


def _machine_lang() -> str:
    named = next((os.environ[name] for name in ("FISCALSIM_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return named[:2].lower() if named[:2].lower() in LANGS else "en"


# --- computing ------------------------------------------------------------------------------------------------------


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

    saved = open_run(_compute(load_scenario(scenario, None, overrides), runs, write_mps))
    _show_run(saved)


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
    with _progress(t("cli.batch_progress", _Settings.lang)) as advance:

        def ended(done: int, total: int, outcome: Outcome) -> None:
            advance(done / total, "")
            _show_outcome(outcome)

        outcomes = failed + run_batch(loaded, runs, workers=workers, scheduler=scheduler, resume=resume, progress=ended)
    counts = {state: sum(outcome.state == state for outcome in outcomes) for state in ("done", "skipped", "failed")}
    if _Settings.json:
        _print_json({"outcomes": [vars(outcome) for outcome in outcomes], **counts})
    else:
        typer.echo(t("cli.batch_sum", _Settings.lang, n=len(outcomes), **counts))
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
    if _Settings.json:
        _print_json({"path": str(folder)})
    else:
        _note(t("cli.project_done", _Settings.lang))
        typer.echo(str(folder))


def _compute(scenario: Scenario, runs: Path, write_mps: Path | None = None) -> Path:
    """Run and save with a progress bar; the folder of the run."""
    from fiscalsim import pipeline
    from fiscalsim.store import RunStore, safe_name

    safe_name(scenario.id)  # before the time is spent
    if write_mps is not None:
        _make_folder(write_mps, "--write-mps")
    _make_folder(runs, "--runs")
    with _progress(getattr(scenario, f"name_{_Settings.lang}")) as advance:
        try:
            result = pipeline.run(scenario, progress=advance, write_mps=write_mps)
        except NoSolution as error:
            RunStore(runs).record_failure(scenario.id, scenario.digest, scenario.set, error)
            raise
        advance(1.0, "save")
        return RunStore(runs).save(result)


def _make_folder(path: Path, option: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError([Problem("run", None, option, str(path)[:200], f"a folder that can be written ({error})")]) from error


# --- looking at runs ------------------------------------------------------------------------------------------------


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
    from fiscalsim.report import boards

    saved = [_find_run(name, runs) for name in runs_named]
    comparison = compare_runs(saved)
    if form is Format.json or (_Settings.json and form is Format.table):
        typer.echo(to_json(comparison))
    elif form is Format.table:
        tables = {one.name: one.tables() for one in saved}
        first = saved[0]
        for other in saved[1:]:
            typer.echo(boards.compare_headline(comparison, first, other, tables, _Settings.lang))
        _print_board(boards.inputs_board(comparison, _Settings.lang))
        year = boards.report_year(tables[first.name], first.manifest["pack"])
        _print_board(boards.outputs_board(comparison, tables[first.name], year, _Settings.lang))
        for other in saved[1:]:
            _print_board(boards.drivers_board(comparison, first, other, _Settings.lang))
    else:
        path = _target(out, reports.file_name(saved, "compare", form.value, _Settings.lang))
        if form is Format.html:
            reports.write_text(path, reports.comparison_html(comparison, saved, _Settings.lang))
        else:
            reports.comparison_xlsx(comparison, saved, path, _Settings.lang)
        _written(path)


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

    lang, loaded = _Settings.lang, load_scenario(scenario, None, overrides)
    with _progress(t("rules.progress", lang)) as advance:
        found = rules_compared(loaded, year=year, progress=advance)
    if _Settings.json:
        _print_json({"year": found.year, **{name: getattr(found, name).to_dict("records") for name in ("rules", "regions", "strata")}})
        return
    for board in (
        rule_boards.rules_board(found, getattr(loaded, f"name_{lang}"), lang),
        rule_boards.regions_board(found, lang),
        rule_boards.strata_board(found, lang),
    ):
        _print_board(board)


@app.command()
def repairs(
    scenario: Annotated[str, typer.Argument(help="Scenario file, or the name of one in scenarios/.")],
    overrides: Overrides = [],  # noqa: B006  (typer reads the default, nobody changes it)
    year: Annotated[int | None, typer.Option("--year", help="Year shown; the plan's target year when left out.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many shortfalls.")] = 10,
) -> None:
    """The largest shortfalls of a year, why not more, and what mends them: every way solved again. Nothing is saved."""
    from fiscalsim.repairs import repairs as found_repairs
    from fiscalsim.report import repair_boards
    from fiscalsim.scenario import load_scenario

    lang, loaded = _Settings.lang, load_scenario(scenario, None, overrides)
    with _progress(t("repairs.progress", lang)) as advance:
        found = found_repairs(loaded, year=year, top=top, progress=advance)
    if _Settings.json:
        _print_json({"year": found.year, **{name: json.loads(getattr(found, name).to_json(orient="records")) for name in ("shortfalls", "repairs")}})
        return
    if found.shortfalls.empty:
        typer.echo(t("repairs.none", lang))
        return
    _print_board(repair_boards.shortfalls_board(found, getattr(loaded, f"name_{lang}"), lang))
    _print_board(repair_boards.ways_board(found, lang))


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

    lang, loaded = _Settings.lang, load_scenario(scenario, None, overrides)
    with _progress(t("alternatives.progress", lang)):
        found = near_optimal(loaded, year=year)
    if _Settings.json:
        _print_json({"year": found.year, **{name: getattr(found, name).to_dict("records") for name in ("regions", "whole")}})
        return
    _print_board(alternatives_board(found, getattr(loaded, f"name_{lang}"), lang))


@app.command()
def report(
    run_named: Annotated[str, typer.Argument(metavar="RUN", help="A run by folder, name or digest.")],
    to: Annotated[Document, typer.Option("--to", help="One self-contained page, or a spreadsheet.")] = Document.html,
    prices: Annotated[Prices, typer.Option("--prices", help="Money at current prices, or at constant prices of the base year.")] = Prices.current,
    out: Out = None,
    runs: RunsFolder = Path("runs"),
) -> None:
    """Write a run down for people who were not there; the last line on stdout is the file."""
    from fiscalsim import report as reports

    saved = _find_run(run_named, runs)
    if to is Document.html:
        path = _target(out, reports.file_name([saved], "overview", "html", _Settings.lang))
        reports.write_text(path, reports.report_html(saved, _Settings.lang, prices.value))
    else:
        path = _target(out, reports.file_name([saved], "results", "xlsx", _Settings.lang))
        reports.report_xlsx(saved, path, _Settings.lang, prices.value)
    _written(path)


@app.command()
def check(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Packs, scenarios and runs, by path or by name.")],
    runs: RunsFolder = Path("runs"),
) -> None:
    """Check packs, scenarios and saved runs (every byte against its digest); all problems at once."""
    results = [(path, *_problems(path, runs)) for path in paths]
    code = max(kind_code for _, _, problems, kind_code in results) if results else 0
    if _Settings.json:
        _print_json([{"path": path, "kind": kind, "problems": problems} for path, kind, problems, _ in results])
    for path, kind, problems, _ in results:
        what = f"{path} ({kind})"
        head = t("cli.check_bad", _Settings.lang, what=what, n=len(problems)) if problems else t("cli.check_good", _Settings.lang, what=what)
        grades = [_grades_of(path)] if kind == "pack" and not problems else []
        for line in (head, *(f"  {line}" for line in (*problems, *grades))):
            typer.echo(line, err=_Settings.json)
    raise typer.Exit(code)


def _grades_of(path: str) -> str:
    """How many values of a good pack stand on which grade."""
    from fiscalsim.assumptions import load_pack, values_by_grade
    from fiscalsim.scenario import home

    place = Path(path)
    name, root = (place.resolve().name, place.resolve().parents[1]) if (place / "pack.yaml").is_file() else (path, home())
    counts = values_by_grade(load_pack(name, root))
    found = {grade.lower(): int(counts[grade].sum()) for grade in "ABCD"}
    return t("cli.check_grades", _Settings.lang, n=sum(found.values()), **found)


def _problems(path: str, runs: Path) -> tuple[str, list[str], int]:
    """(kind, problems, exit code) of a pack, scenario, run or folder of runs."""
    from fiscalsim.assumptions import check_pack, packs
    from fiscalsim.scenario import home, load_scenario, scenario_ids
    from fiscalsim.store import RunStore, check_run

    place = Path(path)
    if (place / "manifest.json").is_file():
        problems = check_run(place)
        return "run", problems, 4 if problems else 0
    if (place / "pack.yaml").is_file():
        found = check_pack(place.resolve().name, place.resolve().parents[1])
        return "pack", [str(problem) for problem in found], 2 if found else 0
    if place.is_dir() and RunStore(place).names():
        problems = [line for name in RunStore(place).names() for line in check_run(place / name)]
        return "runs", problems, 4 if problems else 0
    if path in packs(home()):
        found = check_pack(path, home())
        return "pack", [str(problem) for problem in found], 2 if found else 0
    if place.suffix in (".yaml", ".yml") or path in scenario_ids(home()):
        try:
            load_scenario(path)
        except InputError as error:
            return "scenario", str(error).splitlines(), 2
        return "scenario", [], 0
    problems = check_run(_find_run(path, runs).path)
    return "run", problems, 4 if problems else 0


def _find_run(name: str, runs: Path) -> SavedRun:
    """A run by the path of its folder, by its name or by its digest."""
    from fiscalsim.store import RunStore, open_run

    return open_run(name) if "\0" not in name and Path(name, "manifest.json").is_file() else RunStore(runs).open(name)


# --- packs in a spreadsheet -----------------------------------------------------------------------------------------

pack_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A pack as one workbook: export, edit, import; or a new one to start from.")
app.add_typer(pack_app, name="pack")


@pack_app.command("export")
def pack_export(name: Annotated[str, typer.Argument(metavar="PACK", help="The pack to write out.", show_default=False)], out: Out = None) -> None:
    """Write all tables of a pack into one workbook; the last line on stdout is the file."""
    from fiscalsim.assumptions.workbook import export_pack
    from fiscalsim.scenario import home

    path = _target(out, f"{name}.xlsx")
    export_pack(name, home(), path)
    _say_path(t("workbook.exported", _Settings.lang), path)


@pack_app.command("import")
def pack_import(file: Annotated[Path, typer.Argument(help="A workbook written by export.", show_default=False)]) -> None:
    """Check a workbook and write it back to its pack, or as a new one when its id is new; nothing is written while anything is wrong."""
    from fiscalsim.assumptions.workbook import import_pack
    from fiscalsim.scenario import home

    root = home()
    name, changed = import_pack(file, root)
    words = t("workbook.imported" if changed else "workbook.unchanged", _Settings.lang, pack=name, n=len(changed))
    for one in changed:
        _note(f"  {one}")
    _say_path(words, root / "assumptions" / name)


@pack_app.command("new")
def pack_new(
    name: Annotated[str, typer.Argument(help="Code of the new pack, for example its pinyin.", show_default=False)],
    like: Annotated[str, typer.Option(help="A pack of the same shape; its values are copied as grade D.")] = "two-counties",
) -> None:
    """Start a pack from another one; every copied value is an assumption until it is replaced."""
    from fiscalsim.assumptions.workbook import new_pack
    from fiscalsim.scenario import home

    _say_path(t("workbook.created", _Settings.lang), new_pack(name, like, home()))


# --- lists ----------------------------------------------------------------------------------------------------------


@app.command("list")
def list_(
    what: Annotated[Listing, typer.Argument(help="What to list.", show_default=False)],
    pack: PackName = "",
    runs: RunsFolder = Path("runs"),
) -> None:
    """List packs, scenarios, runs, levers, services, items of the standard and of a plan, indicators, sources or limits."""
    rows, notes = _runs_listed(runs) if what is Listing.runs else (_listed(what, pack), [])
    if _Settings.json:
        _print_json(rows)
    else:
        _print_rows(rows)
    for line in notes:
        _note(line)


def _listed(what: Listing, pack: str) -> list[dict[str, Any]]:
    from fiscalsim.assumptions import load_pack, packs
    from fiscalsim.scenario import home, load_scenario, scenario_ids

    lang, root = _Settings.lang, home()
    if what is Listing.packs:
        infos = [load_pack(name, root).info for name in packs(root)]
        return [{"id": i.id, "name": getattr(i, f"name_{lang}"), "base_year": i.base_year, "horizon_end": i.horizon_end, "made_up": i.made_up} for i in infos]
    if what is Listing.scenarios:
        loaded = [load_scenario(name, root) for name in scenario_ids(root)]
        return [{"id": s.id, "name": getattr(s, f"name_{lang}"), "pack": s.pack, "policy": s.policy, "why": getattr(s, f"why_{lang}")} for s in loaded]
    if what is Listing.limits:
        from fiscalsim.allocation import FAMILIES

        return [{"name": f.name, "sentence": _limit_words(f.name, f.sentence, lang), "unit": f.price_unit, "source": f.source} for f in FAMILIES]
    if pack and pack not in packs(root):
        raise InputError([Problem("list", None, "--pack", pack[:80], f"one of {', '.join(packs(root))}", nearest(pack, packs(root)))])
    chosen = load_pack(pack or next(iter(packs(root))), root)
    if what is Listing.levers:
        return [
            {
                "path": lever.path,
                "name": getattr(lever, f"name_{lang}"),
                "unit": getattr(lever, f"unit_{lang}"),
                "lowest": lever.lowest,
                "highest": lever.highest,
                "step": lever.step,
                "source": lever.source,
            }
            for lever in chosen.levers
        ]
    if what is Listing.services:
        return [
            {"id": s.code, "name": getattr(s, f"name_{lang}"), "domain": s.domain, "kind": s.kind, "unit": getattr(s, f"client_unit_{lang}")}
            for s in chosen.services
        ]
    if what is Listing.items:
        return _items_listed(chosen, lang)
    if what is Listing.indicators:
        return [
            {
                "id": i.code,
                "name": getattr(i, f"name_{lang}"),
                "nature": i.nature,
                "target_year": i.target_year,
                "target_value": i.target_value,
                "unit": getattr(i, f"unit_{lang}"),
            }
            for i in chosen.indicators
        ]
    return [{key: row.get(key, "") for key in ("source", "title", "issuer", "date", "reference", "how_known")} for row in chosen.tables["sources.csv"]]


def _items_listed(pack: Pack, lang: str) -> list[dict[str, Any]]:
    """The national items with the plan's items that stand for each, then the plan's own items."""
    from fiscalsim.assumptions import catalogue

    def row(item: catalogue.Item | catalogue.PlanItem, in_plan: str, **more: Any) -> dict[str, Any]:
        known = {"id": item.code, "name": name_of(item, lang), "domain": item.domain, "carried": item.carried, "services": ";".join(item.services)}
        return known | {"in_plan": in_plan} | {key: more.get(key, "") for key in ("since", "clients", "ages", "payer")}

    national = [
        row(
            item,
            in_plan,
            since=item.from_year,
            clients=name_of(item, lang, "clients"),
            ages=f"{item.age_from}+" if item.age_to is None else f"{item.age_from}\N{EN DASH}{item.age_to}",
            payer=name_of(item, lang, "payer"),
        )
        for item, in_plan in zip(catalogue.items(pack), catalogue.item_table(pack)["plan_items"], strict=True)
    ]
    return national + [row(item, "own") for item in catalogue.plan_items(pack) if item.own]


def _limit_words(family: str, sentence: str, lang: str) -> str:
    """The limit's own sentence; in Chinese the text table's, which says the same."""
    return t(f"limit.{family}.brief", lang) if lang == "zh" and has(f"limit.{family}.brief") else sentence


def _runs_listed(runs: Path) -> tuple[list[dict[str, Any]], list[str]]:
    from fiscalsim.store import RunStore

    store, lang = RunStore(runs), _Settings.lang
    rows = [
        {
            "run": one.name,
            "scenario": one.manifest["scenario_names"][lang],
            "pack": one.manifest["pack"][f"name_{lang}"],
            "when": one.manifest["record"]["when"],
            "who": one.manifest["record"]["who"],
            "checks": one.manifest["checks_passed"],
        }
        for one in store.list()
    ]
    notes = [t("cli.damaged", lang, name=name, why=why) for name, why in store.damaged().items()]
    notes += [t("cli.failed_before", lang, name=f"{one['name']} {one['digest'][:8]}", why=one["reason"]) for one in store.failures()]
    return rows, notes


# --- the app --------------------------------------------------------------------------------------------------------


@app.command("app")
def app_(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    runs: RunsFolder = Path("runs"),
) -> None:
    """Start the app in the browser; it listens on this machine only."""
    raise typer.Exit(_serve(port, runs, browser=False))


@app.command()
def demo(
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Stop after the headline.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the app.")] = 8501,
    runs: RunsFolder = Path("runs"),
) -> None:
    """The main job for a newcomer: Liaoning's baseline, its headline in words, then the app."""
    from fiscalsim.batch import whole_run
    from fiscalsim.scenario import load_scenario
    from fiscalsim.store import open_run

    scenario = load_scenario(DEMO)
    known = whole_run(scenario, None, runs)
    if known is None:
        _note(t("cli.demo_run", _Settings.lang, name=getattr(scenario, f"name_{_Settings.lang}")))
    _show_run(open_run(known or _compute(scenario, runs)))
    if not no_browser:
        raise typer.Exit(_serve(port, runs, browser=True))


def _serve(port: int, runs: Path, browser: bool) -> int:
    """Run the app until it is stopped; its exit code."""
    import socket
    import subprocess
    from importlib.util import find_spec

    from fiscalsim.scenario import home

    if find_spec("streamlit") is None:
        raise InputError(t("cli.no_app", _Settings.lang, command="pip install -c constraints.txt -e '.[app]'"))
    code = Path(__file__).resolve().parent
    script = next((place / "app.py" for place in (code.parents[1], code / "_data") if (place / "app.py").is_file()), None)
    if script is None:
        raise InputError([Problem("app", None, "", "app.py", "the app's file beside the program; install fiscalsim again")])
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise InputError([Problem("app", None, "--port", str(port), "a free port: another program listens on this one")])
    url = f"http://localhost:{port}"
    _note(t("cli.app_starts", _Settings.lang, url=url, keys="Ctrl+C"))
    settings = {RUNS: str(runs.resolve()), "FISCALSIM_HOME": str(home().resolve()), "FISCALSIM_LANG": _Settings.lang}
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    server = subprocess.Popen(command, cwd=script.parent, env={**os.environ, **settings})  # Streamlit reads its config from the folder it starts in
    try:
        if browser:
            _open_browser(url, port, server.poll)
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        server.wait()
        return 0


def _open_browser(url: str, port: int, ended: Callable[[], int | None]) -> None:
    """Open the page once the server listens."""
    import socket
    import time
    import webbrowser

    for _ in range(APP_SECONDS * 5):
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                webbrowser.open(url)
                return
        if ended() is not None:
            return
        time.sleep(0.2)


# --- words on the terminal ------------------------------------------------------------------------------------------


def _show_run(saved: SavedRun) -> None:
    """Headline of a run and what its checks say; its path is the last line on stdout."""
    from fiscalsim.report import headline

    words = headline(saved.tables(), saved.manifest["pack"], _Settings.lang)
    failed = sum(not row["passed"] for row in saved.manifest["checks"])
    name = saved.manifest["scenario_names"][_Settings.lang]
    if _Settings.json:
        _print_json({"path": str(saved.path), "name": saved.name, "digest": saved.manifest["digest"], "headline": words, "checks_passed": not failed})
        return
    if failed:
        _note(t("cli.checks_failed", _Settings.lang, name=name, n=failed))
    else:
        _note(t("cli.done", _Settings.lang, name=name, checks=len(saved.manifest["checks"])))
    typer.echo(words)
    typer.echo(str(saved.path))


def _show_outcome(outcome: Outcome) -> None:
    line = t("cli.batch_line", _Settings.lang, state=t(f"cli.state_{outcome.state}", _Settings.lang), name=f"{outcome.name} {outcome.digest8}".strip())
    if outcome.reason:
        changes = " ".join(f"{path}={value}" for path, value in outcome.settings.items())
        line = f"{line} {changes}".rstrip() + f": {outcome.reason}"
    _note(line)


def _target(out: Path | None, name: str) -> Path:
    """The file to write: `out`, or `name` in it when it is a folder, or `name` here."""
    return Path(name) if out is None else out / name if out.is_dir() else out


def _written(path: Path) -> None:
    _say_path(t("cli.report_done", _Settings.lang), path)


def _say_path(words: str, path: Path) -> None:
    """What was done, and the path as the last line on stdout."""
    if _Settings.json:
        _print_json({"path": str(path)})
    else:
        _note(words)
        typer.echo(str(path))


def _note(line: str) -> None:
    typer.echo(line, err=True)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _print_error(error: FiscalsimError) -> None:
    """Every line of an error on stderr, without traceback; with --json also as JSON on stdout."""
    lines = str(error).splitlines() or [type(error).__name__]
    for line in lines:
        _note(f"{t('cli.error', _Settings.lang)}: {line}")
    if _Settings.json:
        _print_json({"error": type(error).__name__, "exit_code": error.exit_code, "problems": lines})


@contextmanager
def _progress(label: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr that is moved by (fraction, stage); it leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=1.0)

        def advance(fraction: float, stage: str) -> None:
            name = t(f"stage.{stage}" if has(f"stage.{stage}") else "stage.other", _Settings.lang) if stage else label
            bar.update(task, completed=fraction, description=name)

        yield advance


def _print_rows(rows: list[dict[str, Any]]) -> None:
    """A table on a terminal, tab-separated lines with a header in a pipe."""
    if not rows:
        return
    heads = [t(f"field.{key}", _Settings.lang) for key in rows[0]]
    cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
    if not sys.stdout.isatty():
        for line in (list(rows[0]), *cells):
            typer.echo("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in line))
        return
    _print_table("", heads, cells, ["left"] * len(heads))


def _print_board(board: Board) -> None:
    """A bureau table of a report, on the terminal."""
    from fiscalsim.report.html import is_figure, shown

    title = f"{board.title} ({board.unit})" if board.unit else board.title
    cells = [
        [shown(value, board.digits.get(str(head))) for head, value in zip(board.table.columns, row, strict=True)] for row in board.table.itertuples(index=False)
    ]
    _print_table(title, [str(head) for head in board.table.columns], cells, ["right" if is_figure(board, head) else "left" for head in board.table.columns])
    if board.note:
        typer.echo(board.note)


def _print_table(title: str, heads: list[str], cells: list[list[str]], sides: list[Any]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False) if sys.stdout.isatty() else Console(markup=False, width=200)
    if title:
        typer.echo(title)
    table = Table(box=SIMPLE)
    for head, side in zip(heads, sides, strict=True):
        table.add_column(head, justify=side, overflow="fold")
    for line in cells:
        table.add_row(*line)
    console.print(table)


if __name__ == "__main__":
    main()
