"""Staff, conversions and where the lists begin: rounds, batches, leaving, rooms that stand idle, places built and not served."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.errors import InputError
from fiscalsim.execution import CAUSES, Plan, replay, split_gap
from fiscalsim.execution.calendar import DAYS_PER_MONTH, day_of
from fiscalsim.execution.plan import check
from fiscalsim.execution.projects import next_round
from fiscalsim.execution.works import round_months
from fiscalsim.quantities import ExecutionInputs
from fiscalsim.scenario import home, load_scenario
from tests.test_execution_plan import made_up_inputs, made_up_plan

ITEMS = {
    "rounds_per_year": 2.0,
    "first_round_month": 3.0,
    "graduate_share": 0.4,
    "graduate_month": 8.0,
    "leaving_low": 0.2,
    "leaving_mode": 0.3,
    "leaving_high": 0.45,
    "filled_share": 0.9,
    "retires": 0.0,
}


def inputs_with(staff: dict[str, float] | None = None, **changes: float) -> ExecutionInputs:
    items = pd.DataFrame([("carer", item, value) for item, value in {**ITEMS, **(staff or {})}.items()], columns=["resource", "item", "value"])
    inputs = made_up_inputs(**changes)
    stages = {"convert_idle": (0.0, 6.0, 36.0), "convert_preparation": (1.0, 2.0, 4.0), "convert_tender": (1.0, 1.5, 2.5), "convert_build": (3.0, 6.0, 12.0)}
    rows = pd.DataFrame([("nursery", stage, *three) for stage, three in stages.items()], columns=inputs.projects.columns)
    return replace(inputs, staff=items, projects=pd.concat([inputs.projects, rows], ignore_index=True))


def staffed(regions: tuple[str, ...] = ("north", "south")) -> Plan:
    return replace(made_up_plan(regions), leaving={"carer": 0.2})


def yearly(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    return table[(table["measure"] == measure) & (table["month"] == 12) & (table["region"] != "made-up")]


def test_rounds_are_spread_over_the_year_and_the_next_one_is_waited_for() -> None:
    assert round_months(ITEMS) == (3, 9)
    assert round_months({"rounds_per_year": 4, "first_round_month": 1}) == (1, 4, 7, 10)
    assert next_round(day_of(2022, 3), (3, 9)) == day_of(2022, 3)
    assert next_round(day_of(2022, 3) + 1, (3, 9)) == day_of(2022, 9)
    assert next_round(day_of(2022, 10), (3, 9)) == day_of(2023, 3)
    assert next_round(5.0, ()) == 5.0


def test_graduates_come_in_one_batch_and_the_others_after_their_round() -> None:
    plan = staffed()
    projects = replay(plan, inputs_with(), 11, plan.years, plan.regions).projects
    hired = projects[(projects["resource"] == "carer") & projects["opened_day"].notna()]
    assert set(hired["way"]) == {"hire"}
    ordered = plan.orders[plan.orders["resource"] == "carer"]["places"].sum() * 2
    assert projects[projects["resource"] == "carer"]["places"].sum() == pytest.approx(ordered)
    days = [date.fromordinal(int(day)) for day in hired["opened_day"]]
    batch = [(day.month, day.day) == (8, 1) for day in days]
    share = hired["places"].to_numpy()[batch].sum() / hired["places"].sum()
    assert share == pytest.approx(0.4, abs=0.05)
    assert (hired["hire"] >= 5 * DAYS_PER_MONTH - 1e-6).all()


def test_every_day_of_a_hire_belongs_to_its_round_or_its_batch() -> None:
    plan = staffed()
    p = replay(plan, inputs_with(), 11, plan.years, plan.regions).projects
    hired = p[(p["way"] == "hire") & p["opened_day"].notna()]
    parts = hired["cash"] + hired["hire"] + hired["term"]
    assert (hired["opened_day"] - [day_of(y) for y in hired["year"]]).to_numpy() == pytest.approx(parts.to_numpy(), abs=1e-4)


def test_posts_stand_empty_where_more_leave_than_the_plan_replaces_and_not_where_fewer_do() -> None:
    plan = staffed()
    empty = {}
    for rate in (0.1, 0.2, 0.4):
        staff = {"leaving_low": rate, "leaving_mode": rate, "leaving_high": rate}
        table = replay(plan, inputs_with(staff), 11, plan.years, plan.regions).table
        empty[rate] = yearly(table, "vacant_posts")["value"].sum()
    assert empty[0.1] == empty[0.2] == 0
    assert empty[0.4] > 0


def test_empty_posts_are_those_who_left_beyond_the_plan_until_the_round_fills_them() -> None:
    """Ten months of leaving at 0.2 a year beyond the plan before anybody new can come: no order, one round in November, 5 to 8 months of hiring."""
    plan = replace(staffed(("north",)), orders=made_up_plan(("north",)).orders.iloc[:0])
    staff = {"leaving_low": 0.4, "leaving_mode": 0.4, "leaving_high": 0.4, "rounds_per_year": 1.0, "first_round_month": 11.0}
    table = yearly(replay(plan, inputs_with(staff, replications=1), 11, plan.years, plan.regions).table, "vacant_posts")
    posts = float(plan.stock[0, 0, plan.resources.index("carer")])
    spring, rest = 304 / 365.2425, 60.5 / 365.2425
    after = posts * 0.2 * spring
    assert table["value"].iloc[0] == pytest.approx(after + (posts - after) * 0.2 * rest, rel=1e-6)


def test_those_who_reach_the_age_leave_as_well() -> None:
    plan = staffed()
    aged = replace(plan, retirement={"carer": np.full((8, 2), 0.05)})
    staff = {"leaving_low": 0.2, "leaving_mode": 0.2, "leaving_high": 0.2, "retires": 1.0}
    young, old = (yearly(replay(p, inputs_with(staff), 11, p.years, p.regions).table, "vacant_posts")["value"].sum() for p in (plan, aged))
    assert young == 0 and old > 0


def test_places_open_without_staff_are_counted_as_such_and_belong_to_the_cause() -> None:
    plan = staffed()
    result, parts = split_gap(plan, inputs_with({"leaving_low": 0.4, "leaving_mode": 0.42, "leaving_high": 0.45}), 11, plan.years, plan.regions)
    lacking = yearly(result.table, "without_staff")
    assert lacking["value"].sum() > 0 and set(lacking["service"]) <= {"care", "childcare"}
    assert parts.loc[parts["service"] == "care", "staff"].sum() > 0
    total = parts[[*CAUSES, "interaction"]].sum(axis=1)
    assert total.to_numpy() == pytest.approx(parts["gap"].to_numpy(), abs=1e-6)


def test_missing_and_impossible_items_of_staff_are_named() -> None:
    plan = staffed()
    inputs = inputs_with({"filled_share": 1.5, "leaving_low": 0.5})
    short = replace(inputs, staff=inputs.staff[inputs.staff["item"] != "rounds_per_year"])
    with pytest.raises(InputError) as caught:
        check(plan, short, plan.years, plan.regions)
    text = str(caught.value)
    for name in ("carer, rounds_per_year", "carer, filled_share", "carer, leaving"):
        assert name in text


# --- conversions ----------------------------------------------------------------------------------------------------


def with_conversion() -> Plan:
    plan = staffed(("north",))
    rows = pd.DataFrame([(2021, "north", "nursery", 80.0, 1.6e6, 2022)], columns=plan.orders.columns)
    return replace(plan, conversions=rows, stock=plan.stock + np.array([0.0, 80.0, 0.0, 0.0]))


def test_rooms_to_convert_stand_idle_then_need_no_land() -> None:
    plan = with_conversion()
    p = replay(plan, inputs_with(replications=20), 11, plan.years, plan.regions).projects
    converted = p[p["way"] == "convert"]
    assert len(converted) == 20 and (converted["stalled"] == 0).all()
    assert converted["idle"].mean() / DAYS_PER_MONTH == pytest.approx(14, rel=0.25)  # the mean of the triangle 0, 6, 36
    done = converted[converted["opened_day"].notna()]
    days = ("idle", "preparation", "tender", "build", "winter", "review", "cash", "hire", "term")
    assert (done["opened_day"] - day_of(2021)).to_numpy() == pytest.approx(done[list(days)].sum(axis=1).to_numpy(), abs=1e-3)
    assert (done["opened_day"] > day_of(2021) + 5 * DAYS_PER_MONTH).all()


def test_a_conversion_leaves_the_other_projects_as_they_were() -> None:
    with_one, without = with_conversion(), staffed(("north",))
    inputs = inputs_with()
    left, right = (replay(p, inputs, 11, p.years, p.regions).projects for p in (with_one, without))
    key = ["replication", "region", "resource", "year", "way", "places"]
    both = left[left["way"] != "convert"].merge(right, on=key, suffixes=("_with", "_without"))
    assert len(both) == len(right)
    assert (both["build_with"] == both["build_without"]).all() and (both["overrun_with"] == both["overrun_without"]).all()


# --- built, opened, served ------------------------------------------------------------------------------------------


def test_use_starts_with_those_served_on_the_eve_and_fills_by_those_who_join() -> None:
    plan = made_up_plan(("north",))
    still = replace(plan, orders=plan.orders.iloc[:0], served_before={"care": np.array([600.0])})
    table = yearly(replay(still, made_up_inputs(replications=4), 11, still.years, still.regions).table, "served")
    served = table[table["service"] == "care"].groupby("year")["value"].mean().to_numpy()
    room = still.stock[:, 0, 0]
    assert 600 < served[0] < 0.8 * room[0]  # not full at once
    assert served[1] > served[0] and served[-1] == pytest.approx(min(room[-1], plan.demand["care"][-1, 0]), rel=0.1)


def test_panjins_flats_are_built_and_not_let() -> None:
    """4,314 flats built and 710 let by 2015 (the plan's own words): with nothing ordered after that, 4,314 stay built and 710 households live in them."""
    pack = load_pack("panjin", home())
    inputs = stage_inputs(pack, load_scenario("panjin-baseline"), demography.base_population)
    resources = tuple(r.code for r in inputs.supply.resources)
    needs = tuple((s, k, u) for s, k, u in inputs.supply.requires_planned if s == "public_rental" and u > 0)
    assert {k for _, k, _ in needs} == {"rental_flat", "flat_let"}
    years, regions = inputs.horizon, inputs.regions
    capacity = inputs.supply.capacity
    let = capacity[:, resources.index("flat_let")]
    assert capacity[:, resources.index("rental_flat")].sum() == 4314 and let.sum() == 710
    many = np.tile(let * 9, (len(years), 1))  # a tenth of those entitled live in one
    still = Plan(
        years=years,
        regions=regions,
        transfers=pd.DataFrame(columns=["year", "region", "kind", "yuan"]),
        recurrent=np.ones((len(years), len(regions))),
        orders=pd.DataFrame(columns=["year", "region", "resource", "places", "capital_yuan", "opens_year"]),
        stock=np.tile(capacity, (len(years), 1, 1)),
        resources=resources,
        demand={"public_rental": many},
        planned_served={"public_rental": many},
        queue_services=needs,
        school_resources=(),
        place="panjin",
        served_before={"public_rental": let},
    )
    played = replay(still, inputs.execution, 1, years, regions)
    flats = played.stages[played.stages["resource"] == "rental_flat"].groupby("year")[["built", "opened", "served"]].sum()
    assert flats["built"].to_numpy() == pytest.approx(np.full(len(years), 4314.0))
    assert flats["served"].to_numpy() == pytest.approx(np.full(len(years), 710.0), rel=0.02)
    waiting = yearly(played.table.assign(region=played.table["region"].replace("panjin", "made-up")), "waiting")
    assert waiting.groupby("year")["value"].sum().min() > 0  # people wait before flats that stand empty


def test_the_first_class_waits_least() -> None:
    plan = made_up_plan(("north",))
    table = replay(plan, made_up_inputs(replications=4), 11, plan.years, plan.regions).table
    waits = [table[(table["measure"] == f"wait_median_months_class_{k}") & (table["service"] == "care")]["value"].mean() for k in (1, 2, 3)]
    assert waits[0] < waits[1] < waits[2]
    classes = table[table["measure"].str.startswith("placed_class")].groupby(["replication", "year", "service"])["value"].sum()
    whole = yearly(table, "placed").groupby(["replication", "year", "service"])["value"].sum()
    assert classes.reindex(whole.index).fillna(0).to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-9)
