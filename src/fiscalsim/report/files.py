"""Where a report comes from and where it goes: verified tables in, a whole file with a speaking name out."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from fiscalsim.errors import IntegrityError
from fiscalsim.prices import CURRENT, at_prices
from fiscalsim.report.boards import place
from fiscalsim.store import SavedRun, check_run
from fiscalsim.text import t


def file_name(runs: Sequence[SavedRun], content: str, extension: str, lang: str) -> str:
    """`{place}_{scenario}_{content}_{digest8}.{ext}`, at most 200 bytes before the digest, with nothing that a file system minds."""
    words = [place(runs[0], lang), *(run.manifest["scenario_names"][lang] for run in runs), t(f"report.file_{content}", lang)]
    plain = "_".join("".join(c for c in word if c.isalnum() or c in "-（）〔〕· ") for word in words)
    cut = plain.encode()[:200].decode(errors="ignore")
    return f"{cut}_{'-'.join(run.digest8 for run in runs)[:40]}.{extension}"


def trusted_tables(run: SavedRun, basis: str = CURRENT) -> dict[str, pd.DataFrame]:
    """Every table of a run that passes its check, its money at current or constant prices: nobody is shown figures of a damaged run."""
    problems = [line for line in check_run(run.path) if "did not pass" not in line]
    if problems:
        raise IntegrityError("\n".join(problems))
    return at_prices(run.tables(), basis)


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f".tmp-{uuid.uuid4().hex}{path.suffix}")
    try:
        write(temp)
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a report as UTF-8, whole or not at all."""
    return write_whole(path, lambda temp: temp.write_text(text, encoding="utf-8"))
