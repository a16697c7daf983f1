"""How much rests on which grade: shares add up, the weakest row decides, and a better source shows."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fiscalsim import demography
from fiscalsim.assumptions import evidence, load_pack, packs, stage_inputs, values_by_grade
from fiscalsim.demand import demand
from fiscalsim.scenario import home, load_scenario
from tests.tools import tool

ROOT = home()


def costs(name: str, root: Path = ROOT) -> tuple[object, pd.DataFrame]:
    pack = load_pack(name, root)
    inputs = stage_inputs(pack, load_scenario(f"{name}-baseline", root), demography.base_population)
    population, components = demography.simulate(inputs.demography)
    found = demand(population, components, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)
    return pack, found.to_frame()


@pytest.mark.parametrize("name", packs(ROOT))
def test_every_yuan_of_every_pack_has_one_grade_in_every_part(name: str) -> None:
    pack, frame = costs(name)
    years = sorted({pack.info.base_year, pack.info.plan_target_year} & set(frame["year"]))
    table = evidence(pack, frame, years)
    totals = table.groupby(["year", "part"])["share"].sum()
    assert np.allclose(totals, 1.0, rtol=1e-12)
    yuan = frame[frame["year"] == years[-1]]["cost_yuan"].sum()
    assert table[(table["year"] == years[-1]) & (table["part"] == "weakest")]["yuan"].sum() == pytest.approx(yuan, rel=1e-12)
    assert "paths" not in set(table[table["year"] == pack.info.base_year]["part"])
    order = {grade: i for i, grade in enumerate("ABCD")}
    for year in years:  # nothing rests on better rows than the weakest of its parts says
        of = {part: {row.grade: row.share for row in table[(table["year"] == year) & (table["part"] == part)].itertuples()} for part in ("standard", "weakest")}
        for grade in "ABCD":
            below = [sum(share for g, share in of[part].items() if g and order[g] >= order[grade]) for part in ("standard", "weakest")]
            assert below[1] >= below[0] - 1e-12


@pytest.mark.parametrize("name", packs(ROOT))
def test_no_value_without_a_source(name: str) -> None:
    counts = values_by_grade(load_pack(name, ROOT))
    assert counts["without_source"].sum() == 0
    assert counts[list("ABCD")].to_numpy().sum() > 500


def test_a_better_source_shows(tmp_path: Path) -> None:
    for name in ("national", "two-counties"):
        shutil.copytree(ROOT / "assumptions" / name, tmp_path / "assumptions" / name)
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    path = tmp_path / "assumptions" / "two-counties" / "population.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["region"] == "A1":
            row |= {"grade": "B", "source": "census2020"}
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
    residence = tmp_path / "assumptions" / "two-counties" / "residence.csv"
    residence.write_text(residence.read_text(encoding="utf-8").replace(",D,assumption", ",B,census2020"), encoding="utf-8")
    pack, frame = costs("two-counties", tmp_path)
    table = evidence(pack, frame, [2020])
    share = table[(table["part"] == "people") & (table["grade"] == "B")]["share"].item()
    now = frame[frame["year"] == 2020]
    assert share == pytest.approx(now[now["region"] == "A1"]["cost_yuan"].sum() / now["cost_yuan"].sum(), rel=1e-12)


def test_the_page_of_evidence_is_current() -> None:
    page = tool("write_evidence")
    assert page.PAGE.read_text(encoding="utf-8") == page.page()
