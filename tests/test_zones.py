"""Zones are shares of their region: people and money add up with the rest of it, and a wrong table is refused with its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from fiscalsim.assumptions import check_pack, load_pack, zone_table, zones

HOME = Path(__file__).resolve().parents[1]
HEADER = "zone,name_zh,name_en,inside,share,grade,source,note\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for folder in ("national", "two-counties"):
        shutil.copytree(HOME / "assumptions" / folder, tmp_path / "assumptions" / folder)
    return tmp_path


def write(home: Path, *rows: str) -> None:
    (home / "assumptions" / "two-counties" / "zones.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")


def test_a_zone_takes_its_share_of_people_and_money(home: Path) -> None:
    first = load_pack("two-counties", home).regions.labels[0]
    write(home, f"port,港区,Port zone,{first},0.25,D,assumption,")
    listed = zones(load_pack("two-counties", home))
    population = pd.DataFrame({"year": [2020, 2020, 2021, 2021], "region": [first] * 4, "persons": [60.0, 40.0, 80.0, 40.0]})
    allocation = pd.DataFrame({"year": [2021, 2021], "region": [first, "other"], "recurrent_yuan": [1000.0, 9.0], "capital_yuan": [200.0, 9.0]})
    found = zone_table(listed, population, allocation)
    assert found["persons"].tolist() == [25.0, 30.0]
    assert found.loc[found["year"] == 2021, ["recurrent_yuan", "capital_yuan"]].to_numpy().tolist() == [[250.0, 50.0]]
    assert found.loc[found["year"] == 2020, "recurrent_yuan"].isna().all()  # nothing is decided for the base year


def test_a_pack_without_zones_shows_none(home: Path) -> None:
    listed = zones(load_pack("two-counties", home))
    population = pd.DataFrame({"year": [2020], "region": ["a"], "persons": [1.0]})
    allocation = pd.DataFrame({"year": [2020], "region": ["a"], "recurrent_yuan": [1.0], "capital_yuan": [1.0]})
    assert listed.empty and zone_table(listed, population, allocation).empty


def test_zones_of_a_region_hold_at_most_its_people(home: Path) -> None:
    first = load_pack("two-counties", home).regions.labels[0]
    write(home, f"port,港区,Port zone,{first},0.7,D,assumption,", f"park,园区,Park,{first},0.4,D,assumption,")
    (problem,) = check_pack("two-counties", home)
    assert (problem.row, problem.column, problem.value) == (3, "share", "1.1")


def test_a_zone_lies_in_a_region_that_is_there(home: Path) -> None:
    write(home, "port,港区,Port zone,nowhere,0.2,D,assumption,")
    (problem,) = check_pack("two-counties", home)
    assert (problem.row, problem.column, problem.value) == (2, "inside", "nowhere")
