"""Every mechanism of the plans: its link exists and acts on results; the page says what the table says."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from fiscalsim.allocation import FAMILIES
from fiscalsim.levers import read_yaml
from fiscalsim.parameters import MEASURES, PARAMETERS, levers_of
from fiscalsim.scenario import load_scenario
from tests import tools

ROOT = Path(__file__).resolve().parents[1]


tool = tools.tool("write_mechanisms")
ROWS = tool.mechanisms()
HONOURED = [row for row in ROWS if row.status == "honoured"]
MOVED = [row for row in HONOURED if row.link_kind in ("lever", "parameter", "family", "table", "scenario")]
# a link that several mechanisms share is followed once
TRIALS = list(dict.fromkeys((row.pack, row.link if row.link_kind == "scenario" else trial) for row in MOVED for trial in row.trial.split(" | ")))


def of(pack: str, what: str):
    return next(row for row in MOVED if row.pack == pack and what in (row.link, *row.trial.split(" | ")))


def test_all_166_are_there_and_at_least_110_are_honoured():
    assert [row.mechanism for row in ROWS] == [f"M{number:03}" for number in range(1, 167)]
    assert len(HONOURED) >= 110
    for row in ROWS:
        assert row.quote and row.grade == "A" and row.source == f"plan-{row.plans.split(';')[0]}", row.mechanism
        whole = (row.link_kind, row.link, row.pack, row.effect_zh, row.effect_en) if row.status == "honoured" else (row.reason_zh, row.reason_en)
        assert all(whole), row.mechanism


def test_the_page_is_what_the_table_says():
    assert (ROOT / "docs" / "mechanisms.md").read_text(encoding="utf-8") == tool.page()


@pytest.mark.parametrize("row", HONOURED, ids=lambda row: row.mechanism)
def test_a_link_names_something_and_its_trial_moves_just_that(row):
    paths = {lever.path for lever in levers_of(row.pack, ROOT)}
    known = {
        "lever": paths,
        "parameter": set(PARAMETERS) - paths,
        "family": {family.name for family in FAMILIES},
        "scenario": {path.stem for path in (ROOT / "scenarios").glob("*.yaml")},
        "table": {path.name for path in (ROOT / "assumptions").glob("*/*.csv")},
    }
    if row.link_kind in known:
        assert set(row.links) <= known[row.link_kind]
    if row.link_kind in ("lever", "parameter", "family", "table"):
        assert len(row.trials) == len(row.links)
        for link, trial in zip(row.links, row.trials, strict=True):
            start = {"family": f"limits.{link}=false", "table": f"{link}:"}.get(row.link_kind, f"{link}=")
            assert trial[-1].startswith(start), "the last part is what the link moves"


@pytest.mark.parametrize(("pack", "what"), TRIALS)
def test_what_is_moved_changes_a_result_table(pack, what):
    """The stages before the allocation are asked first; where they show nothing, the whole run."""
    row = of(pack, what)
    trial = 0 if row.link_kind == "scenario" else row.trial.split(" | ").index(what)
    found = {} if row.link_kind == "family" else tool.changed(*tool.pair(row, trial, whole=False))
    if not found and pack in tool.WHOLE:
        found = tool.changed(*tool.pair(row, trial, whole=True))
    assert found


@pytest.mark.parametrize("row", [row for row in HONOURED if row.link_kind == "result"], ids=lambda row: row.mechanism)
def test_a_reported_result_is_there_and_answers(row):
    before, after = tool.pair(row, whole=True)
    for link in row.links:
        name, _, measure = link.partition(":")
        old, new = (found[name][found[name]["measure"] == measure] if measure else found[name] for found in (before, after))
        assert len(old) + len(new) > 0
        with pytest.raises(AssertionError):
            pd.testing.assert_frame_equal(old.reset_index(drop=True), new.reset_index(drop=True), rtol=1e-6)


@pytest.mark.parametrize("row", [row for row in HONOURED if row.link_kind == "service"], ids=lambda row: row.mechanism)
def test_a_service_has_clients_and_cost(row):
    table = tool.tables(f"{row.pack}-baseline", (), False)["demand"]
    for service in row.links:
        mine = table[table["service"] == service]
        assert mine["clients"].sum() > 0 and mine["cost_yuan"].sum() > 0, service


@pytest.mark.parametrize("row", [row for row in HONOURED if row.link_kind == "indicator"], ids=lambda row: row.mechanism)
def test_an_indicator_is_aimed_at(row):
    targets = tool.tables(f"{row.pack}-baseline", (), False)["targets"]
    assert targets[list(row.links)].notna().all().all()


def test_measures_stand_neutral_in_national_and_each_is_moved_somewhere():
    """That neutral means nothing moves is tests/test_measures.py."""
    national = read_yaml(ROOT / "assumptions" / "national" / "parameters.yaml")
    tried = {step.split("=", 1)[0] for row in MOVED for trial in row.trials for step in trial}
    tried |= {path for row in MOVED if row.link_kind == "scenario" for path in load_scenario(row.link, ROOT).set}
    constants = {  # numbers inside a measure: they act only where the measure is set, see tests/test_measures.py
        "demand.mean_stay_years",
        "costs.vocational_ratio",
        "costs.online_saving",
        "costs.offline_kept",
        "costs.rural_income",
        "supply.retention_response",
    }
    assert set(MEASURES) - constants <= tried
    for path in set(MEASURES) - constants - {"demand.pension_age", "demand.vocational_share"}:
        assert national[path]["value"] in (0, 1) or path in ("fees.affordable_share", "fiscal.purchase_cap", "supply.provider_return", "supply.private_subsidy")


def test_the_traced_ten_are_measured_again():
    """Those drawn on the two counties give the printed figures."""
    with tool.TRACE.open(encoding="utf-8", newline="") as file:
        printed = {row["mechanism"]: row for row in csv.DictReader(file)}
    rows = tool.drawn()
    assert list(printed) == [row.mechanism for row in rows]
    for row in rows:
        if row.pack != "two-counties":
            continue
        again, then = tool.trace_row(row), printed[row.mechanism]
        assert (again["moved"], again["figure"]) == (then["moved"], then["figure"])
        for side in ("without", "with"):
            assert [float(value) for value in again[side].split("; ")] == pytest.approx([float(value) for value in then[side].split("; ")], rel=1e-3)
