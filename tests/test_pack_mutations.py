"""Twenty ways to spoil a good pack, each tried on real Liaoning: every one is a clear error that names file, row, column, value and what is allowed."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fiscalsim.assumptions import check_pack
from fiscalsim.scenario import home

ROOT = home()
PACK = "liaoning"
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """National and the pack's own tables (finer regions have tests of their own)."""
    root = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "assumptions" / "national", root / "assumptions" / "national")
    shutil.copytree(ROOT / "assumptions" / PACK, root / "assumptions" / PACK, ignore=lambda folder, names: [n for n in names if (Path(folder) / n).is_dir()])
    path = root / "assumptions" / PACK / "pack.yaml"
    path.write_text(path.read_text(encoding="utf-8").split("resolutions:")[0], encoding="utf-8")
    assert check_pack(PACK, root) == []
    return root


def changed(file: str, change: Callable[[Rows], object]) -> Callable[[Path], None]:
    """Read the rows of a table, change them, write them back."""

    def spoil(folder: Path) -> None:
        path = folder / file
        with path.open(encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(source))
        change(rows)
        with path.open("w", encoding="utf-8", newline="") as target:
            out = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
            out.writeheader()
            out.writerows(rows)

    return spoil


def put(row: int, **cells: str) -> Callable[[Rows], object]:
    """Cells of one row, counted as an editor shows it (the header is row 1)."""
    return lambda rows: rows[row - 2].update(cells)


def raw(file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / file
        path.write_bytes(change(path.read_bytes()))

    return spoil


def half_gbk(raw_bytes: bytes) -> bytes:
    """One line in GBK inside a UTF-8 file, as copied between two office machines."""
    lines = raw_bytes.split(b"\n")
    lines[2] = lines[2].decode("utf-8").encode("gbk")
    return b"\n".join(lines)


MUTATIONS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "towns and villages do not add up to the ages": (changed("residence.csv", put(2, value="9000000")), ["liaoning/residence.csv", "210100"]),
    "unknown region": (changed("capacity.csv", put(2, region="219900")), ["liaoning/capacity.csv, row 2, region: '219900'", "a region of regions.csv"]),
    "year 20205": (changed("fiscal.csv", put(2, year="20205")), ["liaoning/fiscal.csv, row 2, year: '20205' - a year from"]),
    "share 1.2": (
        changed("vital.csv", lambda rows: next(r for r in rows if r["item"] == "leaving_rate").update(value="1.2")),
        ["vital.csv, row", "'1.2' - a share from 0 to 1"],
    ),
    "text in a number": (changed("population.csv", put(7, persons="约8万人")), ["liaoning/population.csv, row 7, persons: '约8万人'", "a plain number"]),
    "missing sex": (
        changed("population.csv", lambda rows: rows.__setitem__(slice(None), [r for r in rows if r["sex"] == "male"])),
        ["region, sex: '210100, female; 210200, female; 210300, female; 11 more'"],
    ),
    "duplicate row": (changed("vital.csv", lambda rows: rows.append(dict(rows[0]))), ["each key once; it stands already in row 2"]),
    "a line of GBK in UTF-8": (raw("regions.csv", half_gbk), ["liaoning/regions.csv"]),
    "percent for a share": (changed("coverage.csv", put(2, value="88.6%")), ["liaoning/coverage.csv, row 2, value: '88.6%'"]),
    "unit of money that is none": (changed("fiscal.csv", put(2, unit="亿")), ["liaoning/fiscal.csv, row 2, unit: '亿' - 元, 万元, 亿元 or yuan"]),
    "negative head count": (changed("population.csv", put(3, persons="-5")), ["liaoning/population.csv, row 3, persons: '-5'", "at least 0"]),
    "gap in the ages": (changed("population.csv", lambda rows: rows.pop(4)), ["liaoning/population.csv", "age_from"]),
    "mistyped service": (changed("coverage.csv", put(2, service="preschol")), ["coverage.csv, row 2, service: 'preschol'"]),
    "mistyped column": (
        raw("capacity.csv", lambda text: text.replace(b"region,resource,value", b"region,resource,valeu", 1)),
        ["row 1, value", "did you mean 'valeu'"],
    ),
    "grade E": (changed("capacity.csv", put(2, grade="E")), ["liaoning/capacity.csv, row 2, grade: 'E' - one of"]),
    "source that is not listed": (
        changed("capacity.csv", put(2, source="ln-yearbok")),
        ["liaoning/capacity.csv, row 2, source: 'ln-yearbok' - a source of sources.csv"],
    ),
    "grade A without the words": (changed("indicators.csv", put(2, quote="")), ["liaoning/indicators.csv, row 2, quote: '' - the words of the document"]),
    "one cell too many": (
        raw("vital.csv", lambda text: text.replace(b"\n", b",x\n", 2).replace(b",x\n", b"\n", 1)),
        ["liaoning/vital.csv, row 2", "cells as in the header"],
    ),
    "a year left out": (
        changed("fiscal.csv", lambda rows: rows.remove(next(r for r in rows if r["item"] == "own_revenue" and r["year"] == "2022"))),
        ["fiscal.csv", "2022"],
    ),
    "destinations that do not sum to one": (
        changed("vital.csv", lambda rows: next(r for r in rows if r["item"] == "destination_share").update(value="0.9")),
        ["liaoning/vital.csv", "destination_share"],
    ),
    "parameter outside its lever": (
        raw("parameters.yaml", lambda text: text.replace(b"2035: 0.85}", b"2035: 85}", 1)),
        ["liaoning/parameters.yaml", "demography.tfr"],
    ),
    "mistyped parameter": (
        raw("parameters.yaml", lambda text: text.replace(b"demography.srb:", b"demography.sbr:", 1)),
        ["demography.sbr", "did you mean 'demography.srb'"],
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_spoilt_pack_is_one_clear_error(name: str, good: Path, tmp_path: Path) -> None:
    spoil, words = MUTATIONS[name]
    shutil.copytree(good / "assumptions", tmp_path / "assumptions")
    spoil(tmp_path / "assumptions" / PACK)
    problems = check_pack(PACK, tmp_path)
    lines = [str(problem) for problem in problems]
    print(f"{name}: {lines[0] if lines else 'NOTHING FOUND'}")
    assert lines, name
    assert any(all(word in line for word in words) for line in lines), lines[:3]
    assert len(lines) <= 4, lines  # one mistake is not told a dozen times
