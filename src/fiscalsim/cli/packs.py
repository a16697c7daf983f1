"""`fiscalsim pack`: a pack as a workbook, and a new one to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiscalsim.cli.terminal import Out, Settings, app, note, say_path, target
from fiscalsim.text import t

pack_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="A pack as one workbook: export, edit, import; or a new one to start from.")
app.add_typer(pack_app, name="pack")


@pack_app.command("export")
def pack_export(name: Annotated[str, typer.Argument(metavar="PACK", help="The pack to write out.", show_default=False)], out: Out = None) -> None:
    """Write all tables of a pack into one workbook; the last line on stdout is the file."""
    from fiscalsim.assumptions.workbook import export_pack
    from fiscalsim.scenario import home

    path = target(out, f"{name}.xlsx")
    export_pack(name, home(), path)
    say_path(t("workbook.exported", Settings.lang), path)


@pack_app.command("import")
def pack_import(file: Annotated[Path, typer.Argument(help="A workbook written by export.", show_default=False)]) -> None:
    """Check a workbook and write it back to its pack, or as a new one when its id is new; nothing is written while anything is wrong."""
    from fiscalsim.assumptions.workbook import import_pack
    from fiscalsim.scenario import home

    root = home()
    name, changed = import_pack(file, root)
    words = t("workbook.imported" if changed else "workbook.unchanged", Settings.lang, pack=name, n=len(changed))
    for one in changed:
        note(f"  {one}")
    say_path(words, root / "assumptions" / name)


@pack_app.command("new")
def pack_new(
    name: Annotated[str, typer.Argument(help="Code of the new pack, for example its pinyin.", show_default=False)],
    like: Annotated[str, typer.Option(help="A pack of the same shape; its values are copied as grade D.")] = "two-counties",
) -> None:
    """Start a pack from another one; every copied value is an assumption until it is replaced."""
    from fiscalsim.assumptions.workbook import new_pack
    from fiscalsim.scenario import home

    say_path(t("workbook.created", Settings.lang), new_pack(name, like, home()))
