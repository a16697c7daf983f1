"""Comparison: an outer join that refuses what does not mean the same, and drivers that add up."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiscalsim.compare import DRIVERS, compare, cost_drivers, shapley, to_json
from fiscalsim.errors import InputError
from fiscalsim.store import RunStore, open_run
from tests.fake_run import fake_result, with_table


@pytest.fixture
def saved(tmp_path):
    store = RunStore(tmp_path)

    def save(**changes):
        return open_run(store.save(fake_result(**changes)))

    return save


def total_cost(run) -> float:
    table = run.table("allocation")
    return table["recurrent_yuan"].sum() + table["capital_yuan"].sum()


def driver_sums(table: pd.DataFrame) -> dict[str, float]:
    return table.groupby("driver")["yuan"].sum().to_dict()


def test_only_changed_inputs_are_shown_as_different(saved):
    comparison = compare([saved(name="a", settings={"demography.tfr": 1.0}), saved(name="b", settings={"demography.tfr": 0.8})])
    assert set(comparison.changed_inputs()["path"]) == {"demography.tfr"}


def test_an_input_that_one_run_lacks_is_shown_empty(saved):
    comparison = compare([saved(name="a"), saved(name="a", settings={"fiscal.transfer_pool": 1.1})])
    row = comparison.inputs.set_index("path").loc["fiscal.transfer_pool"]
    assert list(row[list(comparison.names)]) == ["", "1.1"]


def test_output_differences_are_second_minus_first(saved):
    first, second = saved(name="a", coverage=0.5), saved(name="b", coverage=0.9)
    table = compare([first, second]).to_frame()
    rows = table[(table["figure"] == "provided") & (table["year"] == 2026)]
    assert len(rows) == 4
    np.testing.assert_allclose(rows["b-" + second.digest8 + " - " + first.name], rows[second.name] - rows[first.name], rtol=1e-12)
    care = rows[(rows["service"] == "care") & (rows["region"] == "north")].iloc[0]
    assert care[first.name] == pytest.approx(2 * 56 * 0.5)
    assert care[second.name] == pytest.approx(2 * 56 * 0.9)


def test_a_figure_that_one_run_lacks_stays_empty_and_is_never_zero(saved, tmp_path):
    first = saved(name="a")
    result = fake_result(name="b")
    fewer = with_table(result, "shortfalls", result.tables["shortfalls"].query("what != 'care'"))
    second = open_run(RunStore(tmp_path).save(fewer))
    table = compare([first, second]).to_frame()
    rows = table[(table["figure"] == "shortfall") & (table["service"] == "care")]
    assert len(rows) == 4
    assert rows[second.name].isna().all()
    assert rows[first.name].notna().all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"regions": ("north", "east")}, "regions differ"),
        ({"years": (2025, 2026)}, "years differ"),
        ({"base_year": 2024}, "price bases differ"),
    ],
)
def test_runs_whose_axes_differ_are_refused_and_the_axis_is_named(saved, change, words):
    with pytest.raises(InputError, match=words) as caught:
        compare([saved(name="a"), saved(name="b", **change)])
    assert "a-" in str(caught.value)
    assert "b-" in str(caught.value)


def test_all_differing_axes_are_named_at_once(saved):
    with pytest.raises(InputError, match="regions differ.*price bases differ"):
        compare([saved(name="a"), saved(name="b", regions=("east", "west"), base_year=2024)])


def test_one_run_or_the_same_run_twice_cannot_be_compared(saved):
    run = saved(name="a")
    with pytest.raises(InputError, match="two or more"):
        compare([run])
    with pytest.raises(InputError, match="twice"):
        compare([run, run])


def test_three_runs_are_each_measured_against_the_first(saved):
    runs = [saved(name="a"), saved(name="b", price=1100.0), saved(name="c", growth=1.5)]
    comparison = compare(runs)
    assert set(comparison.drivers["run"]) == {runs[1].name, runs[2].name}
    assert f"{runs[2].name} - {runs[0].name}" in comparison.outputs.columns


@pytest.mark.parametrize(("change", "driver"), [({"growth": 1.3}, "people"), ({"price": 1250.0}, "standard"), ({"coverage": 0.95}, "coverage")])
def test_a_change_of_one_factor_is_explained_by_that_factor_alone(saved, change, driver):
    first, second = saved(name="a"), saved(name="b", **change)
    sums = driver_sums(cost_drivers(first, second))
    assert sums[driver] == pytest.approx(total_cost(second) - total_cost(first), rel=1e-12)
    assert {name: round(value, 6) for name, value in sums.items() if name != driver} == dict.fromkeys(sorted(set(DRIVERS) - {driver}), 0.0)


def test_drivers_add_up_to_the_change_in_every_year_region_and_service(saved):
    first, second = saved(name="a"), saved(name="b", growth=1.2, price=900.0, coverage=0.93)
    parts = cost_drivers(first, second).groupby(["year", "region", "service"])["yuan"].sum()
    cost = [
        run.table("allocation").assign(yuan=lambda t: t["recurrent_yuan"] + t["capital_yuan"]).groupby(["year", "region", "service"])["yuan"].sum()
        for run in (first, second)
    ]
    change = cost[1] - cost[0]
    assert ((parts - change).abs() / change.abs().clip(lower=1.0)).max() <= 1e-9


def test_spending_where_nobody_is_served_still_adds_up(saved, tmp_path):
    first = saved(name="a")
    result = fake_result(name="b")
    closed = result.tables["allocation"].copy()
    closed.loc[closed["service"] == "care", ["provided", "coverage"]] = 0.0
    closed.loc[closed["service"] == "care", "recurrent_yuan"] = 77.0
    second = open_run(RunStore(tmp_path).save(with_table(result, "allocation", closed)))
    for pair in ((first, second), (second, first)):
        assert cost_drivers(*pair)["yuan"].sum() == pytest.approx(total_cost(pair[1]) - total_cost(pair[0]), rel=1e-9)


def test_a_service_that_only_one_run_has_is_explained_by_people(saved, tmp_path):
    first = saved(name="a")
    result = fake_result(name="b")
    for table in ("allocation", "demand"):
        result = with_table(result, table, result.tables[table].query("service != 'care'").reset_index(drop=True))
    second = open_run(RunStore(tmp_path).save(result))
    table = cost_drivers(first, second).query("service == 'care'")
    sums = driver_sums(table)
    gone = first.table("allocation").query("service == 'care'")
    assert sums["people"] == pytest.approx(-gone["recurrent_yuan"].sum())
    assert sums["capital"] == pytest.approx(-gone["capital_yuan"].sum())


amounts = st.floats(0, 1e9, allow_nan=False)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=4))
def test_shapley_parts_always_add_up(pairs):
    before, after = [np.array([pair[0]]) for pair in pairs], [np.array([pair[1]]) for pair in pairs]
    change = np.prod(np.stack(after)) - np.prod(np.stack(before))
    scale = max(float(np.prod(np.stack([np.maximum(b, a) for b, a in zip(before, after, strict=True)]))), 1.0)
    assert abs(sum(part.item() for part in shapley(before, after)) - change) <= 1e-9 * scale


def test_shapley_of_two_factors_is_the_textbook_split():
    people, price = shapley([np.array([10.0]), np.array([3.0])], [np.array([14.0]), np.array([5.0])])
    assert people.item() == pytest.approx((14 - 10) * (3 + 5) / 2)
    assert price.item() == pytest.approx((5 - 3) * (10 + 14) / 2)


def test_json_holds_every_table_and_no_nan(saved):
    text = to_json(compare([saved(name="a"), saved(name="b", price=1100.0)]))
    content = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert set(content) == {"runs", "inputs", "outputs", "drivers", "statuses"}
    assert len(content["runs"]) == 2
