"""The how-to of adding a county, followed word for word: each block on the page is what its sheet holds at the end."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path

import openpyxl
import pytest

from fiscalsim import pipeline
from fiscalsim.assumptions import check_pack, evidence, values_by_grade
from fiscalsim.assumptions.pack import load_pack
from fiscalsim.assumptions.workbook import export_pack, import_pack, new_pack
from fiscalsim.scenario import home, load_scenario

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "add-a-county.md"
BLOCK = re.compile(r"```(?:csv sheet|yaml file)=(\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("home")
    for name in ("national", "two-counties"):
        shutil.copytree(home() / "assumptions" / name, root / "assumptions" / name)
    (root / "scenarios").mkdir()
    new_pack("suichang", "two-counties", root)
    export_pack("suichang", root, root / "suichang.xlsx")
    book = openpyxl.load_workbook(root / "suichang.xlsx")
    for name in ("needs", "standards"):
        del book[name]
    for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if name.startswith("scenarios/"):
            (root / name).write_text(text, encoding="utf-8")
            continue
        rows = list(csv.reader(io.StringIO(text)))
        if name == "pack.yaml":  # cells of the column `value`
            cells = {row[0].value: row[1] for row in book[name].iter_rows()}
            for key, value in rows[1:]:
                cells[key].value = value
        elif name == "parameters.yaml":  # one row a path, or a path and year
            heads = [cell.value for cell in book[name][1]]
            cells = {
                (row[heads.index("path")].value, row[heads.index("year")].value or ""): row[heads.index("value")] for row in book[name].iter_rows(min_row=2)
            }
            for path, year, value in rows[1:]:
                cells[path, int(year) if year else ""].value = float(value)
        else:
            if name in book.sheetnames:
                del book[name]
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append([cell or None for cell in row])
    book.save(root / "suichang.xlsx")
    return root


def test_the_page_leads_to_a_pack_without_a_mistake(county: Path) -> None:
    name, changed = import_pack(county / "suichang.xlsx", county)
    assert name == "suichang" and "population.csv" in changed
    assert not (county / "assumptions" / "suichang" / "needs.csv").exists()
    assert check_pack("suichang", county) == []
    pack = load_pack("suichang", county)
    assert sum(row["persons"] for row in pack.tables["population.csv"]) == 194_385
    assert values_by_grade(pack)["without_source"].sum() == 0


def test_its_baseline_runs_and_its_costs_fit_the_spending(county: Path) -> None:
    import_pack(county / "suichang.xlsx", county)
    result = pipeline.run(load_scenario("suichang-baseline", county), home=county)
    assert all(one["status"] == "optimal" for one in result.passes) and result.tables["checks"]["passed"].all()
    factors = result.tables["calibration"]["factor"]
    assert factors.between(0.6, 1.6).all(), factors.tolist()
    found = evidence(load_pack("suichang", county), result.tables["demand"], [2025])
    assert found[(found["part"] == "people") & (found["grade"] == "D")]["share"].item() == pytest.approx(1.0)  # town and country are assumed, and it shows
