"""The plan revised every few years from what its replay built and paid, on the two made-up counties."""

from __future__ import annotations

import numpy as np
import pytest

from fiscalsim import rolling
from fiscalsim.pipeline import RunResult, run
from fiscalsim.scenario import load_scenario

EVERY = 3


def run_with(every: int) -> RunResult:
    return run(load_scenario("two-counties-baseline", overrides=[f"execution.feedback={every}"]))


@pytest.fixture(scope="module")
def rolled() -> RunResult:
    return run_with(EVERY)


@pytest.fixture(scope="module")
def once() -> RunResult:
    return run_with(0)


def test_without_feedback_there_is_one_plan(once: RunResult) -> None:
    assert "rolling" not in once.tables


def test_every_identity_holds_over_the_revisions(rolled: RunResult) -> None:
    assert rolled.tables["checks"]["passed"].all()


def test_years_before_the_first_revision_are_those_of_the_first_plan(rolled: RunResult, once: RunResult) -> None:
    for name in ("capacity", "allocation"):
        a, b = (r.tables[name] for r in (once, rolled))
        key = [c for c in ("year", "region", "residence", "service") if c in a.columns]
        first = sorted(set(a["year"]))[EVERY]
        left, right = (t[t["year"] < first].set_index(key).sort_index() for t in (a, b))
        for column in ("capacity",) if name == "capacity" else ("provided", "recurrent_yuan"):
            assert left[column].to_numpy() == pytest.approx(right[column].to_numpy(), rel=1e-9)


def test_the_first_promise_and_its_arrival_are_those_of_the_run_without_feedback(rolled: RunResult, once: RunResult) -> None:
    table = rolled.tables["rolling"].set_index(["year", "service"])
    summary = once.tables["replay_summary"]
    plain = summary[summary["kind"] == "service"].groupby(["year", "service"])[["planned", "served"]].sum()
    assert table["promised"].reindex(plain.index).to_numpy() == pytest.approx(plain["planned"].to_numpy(), rel=1e-9)
    assert table["arrived"].reindex(plain.index).to_numpy() == pytest.approx(plain["served"].to_numpy(), rel=1e-9)


def test_a_revised_plan_promises_what_is_nearer_to_what_arrives(rolled: RunResult) -> None:
    table = rolled.tables["rolling"]
    later = table[table["year"] >= table["year"].min() + EVERY]
    first, revised = (later["promised"] - later["arrived"]).clip(lower=0).sum(), (later["revised"] - later["arrived_revised"]).clip(lower=0).sum()
    assert revised < 0.8 * first


def test_a_revision_begins_with_what_stands(rolled: RunResult) -> None:
    """Capacity that the first plan counted on and that is not open leaves the books in the year of the revision, and comes when it opens."""
    capacity = rolled.tables["capacity"]
    first = sorted(set(capacity["year"]))[EVERY]
    beds = capacity[(capacity["service"] == "nursing_bed") & (capacity["year"] == first)]
    opened = rolled.tables["execution"].query("service == 'nursing_bed' and measure in ('planned_places', 'opened_places') and year == @first - 1")
    due, there = (opened[opened["measure"] == m].groupby("region")["value"].mean() for m in ("planned_places", "opened_places"))
    assert (due > there).any()  # something is late, or there is nothing to see
    moved = beds.set_index("region")["opened"]
    under_way = capacity[(capacity["service"] == "nursing_bed") & (capacity["year"] < first)].groupby("region")["built"].sum()
    for region in moved.index:
        assert moved[region] <= under_way[region] + 1e-6


def test_what_is_expected_is_put_on_the_longer_axis() -> None:
    from fiscalsim.axes import years_axis

    values = np.arange(6.0).reshape(3, 1, 2)
    result = rolling.on_axis(values, years_axis(2020, 2026), (2021, 2022, 2023))
    assert result.shape == (7, 1, 2) and (result[1:4] == values).all() and result[[0, 4, 5, 6]].sum() == 0
