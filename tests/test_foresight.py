"""What it costs not to see ahead, on the two made-up counties: in tables, in words and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fiscalsim import cli
from fiscalsim.errors import InputError
from fiscalsim.foresight import foresight, given_before, largest_broken, largest_missed
from fiscalsim.pipeline import run
from fiscalsim.report import foresight_boards
from fiscalsim.scenario import load_scenario
from tests.tools import tool

ROOT = Path(__file__).resolve().parents[1]
DOWNTURN = ["fiscal.transfer_pool={2025: 1, 2028: 0.7}"]  # transfers fall by three tenths from 2025 to 2028


@pytest.fixture(scope="module")
def short():
    return foresight(load_scenario("two-counties-baseline", None, DOWNTURN), sight=2)


def test_a_sight_as_long_as_the_horizon_gives_the_plan_of_a_run():
    found = foresight(load_scenario("two-counties-baseline", None, DOWNTURN), sight=10)
    plan = run(load_scenario("two-counties-baseline", None, DOWNTURN), replay=False).tables["allocation"].groupby("year")["provided"].sum()
    for column in ("served", "served_sight"):
        assert found.years[column].to_numpy() == pytest.approx(plan.to_numpy(), rel=1e-9)
    for name in ("below", "broken", "coverage", "yuan", "targets_missed"):
        np.testing.assert_array_equal(found.years[name], found.years[f"{name}_sight"])
    assert largest_broken(found) is None and largest_missed(found) is None
    assert foresight_boards.areas_board(found, "en").table.empty
    assert "gives the same plan" in foresight_boards.words(found, "X", "en")


def test_foresight_feels_the_downturn_from_the_start_and_the_short_sight_takes_promises_back(short):
    years = short.years.set_index("year")
    assert years.loc[2021, "served"] < years.loc[2021, "served_sight"]
    assert years.loc[2029, "served"] > years.loc[2029, "served_sight"]
    assert years["broken"].sum() == 0 and years["broken_sight"].sum() > 1000


def test_the_sentence_names_the_raise_that_the_ratchet_refuses(short):
    worst = largest_broken(short)
    given = given_before(short, worst)
    assert given["year"] < worst["year"]
    assert given["served_sight"] / given["clients"] > worst["served_sight"] / worst["clients"]  # raised, then taken back
    assert given["served"] / given["clients"] < given["served_sight"] / given["clients"]  # what the plan that sees the end refused
    english, chinese = (foresight_boards.words(short, "X", lang) for lang in ("en", "zh"))
    for figure in (f"{100 * given['served_sight'] / given['clients']:.1f}%", f"{100 * worst['served_sight'] / worst['clients']:.1f}%", str(given["year"])):
        assert figure in english and figure in chinese


def test_the_tables_hold_what_the_sentence_sums(short):
    by_area = short.areas.groupby("year")[["served", "served_sight", "below_sight", "broken_sight"]].sum()
    for column in by_area:
        assert by_area[column].to_numpy() == pytest.approx(short.years[column].to_numpy(), rel=1e-6, abs=1.0)
    board = foresight_boards.years_board(short, "X", "zh")
    assert len(board.table) == len(short.years) and len(set(board.table.columns)) == len(board.table.columns)


def test_the_command_says_it(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["foresight", "two-counties-baseline", "--sight", "12", "--json"])
    assert ended.value.code in (0, None)
    said = json.loads(capsys.readouterr().out)
    assert said["sight"] == 12 and len(said["years"]) == 10 and {"served", "served_sight", "broken_sight"} <= set(said["years"][0])


def test_no_sight_is_bad_input():
    with pytest.raises(InputError, match="at least 1 year"):
        foresight(load_scenario("two-counties-baseline"), sight=0)


def test_the_page_says_of_the_two_counties_what_is_found_today():
    page = (ROOT / "docs" / "foresight.md").read_text(encoding="utf-8")
    assert tool("write_foresight").section(*tool("write_foresight").FAST) in page
    assert all(name in page for name, *_ in tool("write_foresight").SHOWN)
