"""Words on the terminal and the options that hold for every command.

Figures and paths go to stdout, notes and progress to stderr. Knows no command.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fiscalsim.errors import FiscalsimError, InputError, Problem
from fiscalsim.text import LANGS, has, t

if TYPE_CHECKING:
    from fiscalsim.report.boards import Board
    from fiscalsim.store import SavedRun


class Lang(StrEnum):
    """Language of words on the terminal and in reports."""

    zh = "zh"
    en = "en"


RUNS = "FISCALSIM_RUNS"


class Settings:
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
    Settings.lang = lang.value if lang else _machine_lang()
    Settings.json, Settings.debug = as_json, debug


def _machine_lang() -> str:
    named = next((os.environ[name] for name in ("FISCALSIM_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return named[:2].lower() if named[:2].lower() in LANGS else "en"


def find_run(name: str, runs: Path) -> SavedRun:
    """A run by the path of its folder, by its name or by its digest."""
    from fiscalsim.store import RunStore, open_run

    return open_run(name) if "\0" not in name and Path(name, "manifest.json").is_file() else RunStore(runs).open(name)


def target(out: Path | None, name: str) -> Path:
    """The file to write: `out`, or `name` in it when it is a folder, or `name` here."""
    return Path(name) if out is None else out / name if out.is_dir() else out


def written(path: Path) -> None:
    say_path(t("cli.report_done", Settings.lang), path)


def say_path(words: str, path: Path) -> None:
    """What was done, and the path as the last line on stdout."""
    if Settings.json:
        print_json({"path": str(path)})
    else:
        note(words)
        typer.echo(str(path))


def note(line: str) -> None:
    typer.echo(line, err=True)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_error(error: FiscalsimError) -> None:
    """Every line of an error on stderr, without traceback; with --json also as JSON on stdout."""
    lines = str(error).splitlines() or [type(error).__name__]
    for line in lines:
        note(f"{t('cli.error', Settings.lang)}: {line}")
    if Settings.json:
        print_json({"error": type(error).__name__, "exit_code": error.exit_code, "problems": lines})


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on stderr that is moved by (fraction, stage); it leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=1.0)

        def advance(fraction: float, stage: str) -> None:
            name = t(f"stage.{stage}" if has(f"stage.{stage}") else "stage.other", Settings.lang) if stage else label
            bar.update(task, completed=fraction, description=name)

        yield advance


def print_rows(rows: list[dict[str, Any]]) -> None:
    """A table on a terminal, tab-separated lines with a header in a pipe."""
    if not rows:
        return
    heads = [t(f"field.{key}", Settings.lang) for key in rows[0]]
    cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
    if not sys.stdout.isatty():
        for line in (list(rows[0]), *cells):
            typer.echo("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in line))
        return
    _print_table("", heads, cells, ["left"] * len(heads))


def print_board(board: Board) -> None:
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


def show_run(saved: SavedRun) -> None:
    """Headline of a run and what its checks say; its path is the last line on stdout."""
    from fiscalsim.report import headline

    words = headline(saved.tables(), saved.manifest["pack"], Settings.lang)
    failed = sum(not row["passed"] for row in saved.manifest["checks"])
    name = saved.manifest["scenario_names"][Settings.lang]
    if Settings.json:
        print_json({"path": str(saved.path), "name": saved.name, "digest": saved.manifest["digest"], "headline": words, "checks_passed": not failed})
        return
    if failed:
        note(t("cli.checks_failed", Settings.lang, name=name, n=failed))
    else:
        note(t("cli.done", Settings.lang, name=name, checks=len(saved.manifest["checks"])))
    typer.echo(words)
    typer.echo(str(saved.path))


def make_folder(path: Path, option: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError([Problem("run", None, option, str(path)[:200], f"a folder that can be written ({error})")]) from error
