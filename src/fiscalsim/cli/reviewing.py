"""The command by which a reviewer remarks on a run, signs it off or returns it, and by which anybody reads what was said."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fiscalsim.cli.terminal import RunsFolder, Settings, app, find_run, print_board, print_json, say_path
from fiscalsim.text import t


class Decision(StrEnum):
    """What a review decides."""

    remark = "remark"
    reviewed = "reviewed"
    returned = "returned"


@app.command()
def review(
    run_named: Annotated[str, typer.Argument(metavar="RUN", help="A run by folder, name or digest.")],
    who: Annotated[str, typer.Option("--who", help="Name of the reviewer; it is marked as typed.")] = "",
    remark: Annotated[str, typer.Option("--remark", metavar="TEXT", help="What the reviewer says; without it the remarks so far are shown.")] = "",
    decision: Annotated[Decision, typer.Option("--decision", help="remark signs nothing; reviewed signs off, returned sends back.")] = Decision.remark,
    on: Annotated[str, typer.Option("--on", metavar="KEY", help="One value behind the run (a parameter, or `file: key`); the whole run when left out.")] = "",
    runs: RunsFolder = Path("runs"),
) -> None:
    """Record a reviewer's remark, sign-off or return beside a run, or show what was said of it. The run itself never changes."""
    from fiscalsim.report import review_boards
    from fiscalsim.reviews import FOLDER, ReviewBook, reviews_of

    saved, lang = find_run(run_named, runs), Settings.lang
    if not remark and not who and not on:
        found = reviews_of(saved)
        if Settings.json:
            shown = [*found.on_run, *(one.review for one in found.on_values)]
            print_json({"run": saved.name, "state": found.state, "reviews": [one.model_dump() for one in shown]})
            return
        typer.echo(t("format.colon", lang, head=saved.name, body=review_boards.state_words(found, lang)))
        print_board(review_boards.reviews_board(found, lang))
        return
    record = ReviewBook(saved.path.parent).add(saved, who=who, remark=remark, decision=decision.value, on=on)
    path = saved.path.parent / FOLDER / f"{saved.digest8}-{record.number:04}.json"
    if Settings.json:
        print_json({"path": str(path), **json.loads(record.model_dump_json())})
        return
    what = record.on.code if record.on else saved.name
    say_path(t("review.written", lang, what=what, decision=review_boards.decision_words(record, lang), file=path.name), path)
