"""The replay of a small made-up plan: identities, same bytes, order of regions, common random numbers, causes of a gap."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fiscalsim.axes import Axis
from fiscalsim.errors import InputError
from fiscalsim.execution import CAUSES, Plan, Replay, late_projects, precision, replay, split_gap
from fiscalsim.execution.calendar import day_of
from fiscalsim.execution.plan import due_by
from fiscalsim.quantities import ExecutionInputs
from tests.test_execution_plan import made_up_inputs, made_up_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return made_up_plan()


@pytest.fixture(scope="module")
def played(plan: Plan) -> Replay:
    return replay(plan, made_up_inputs(), 11, plan.years, plan.regions)


def yearly(result: Replay, measure: str, place: str = "made-up") -> pd.DataFrame:
    t = result.table
    return t[(t["measure"] == measure) & (t["month"] == 12) & (t["region"] != place)]


def test_the_table_has_the_columns_of_the_contract(played: Replay) -> None:
    assert list(played.table.columns) == ["replication", "year", "month", "region", "service", "measure", "value"]
    assert np.isfinite(played.table["value"]).all()
    wanted = {
        "released_yuan",
        "paid_yuan",
        "carried_over_yuan",
        "returned_yuan",
        "planned_places",
        "recurrent_kept_yuan",
        "asked_again_yuan",
        "built_places",
        "opened_places",
        "months_late",
        "waiting",
        "placed",
        "gave_up",
        "died_waiting",
        "wait_median_months",
        "wait_p90_months",
        "served",
        "joined",
        *(f"{item}_class_{k}" for item in ("placed", "wait_median_months") for k in (1, 2, 3)),
    }
    assert set(played.table["measure"]) == wanted
    key = ["replication", "year", "month", "region", "service", "measure"]
    assert not played.table.duplicated(key).any()


def test_every_identity_of_the_run_holds(played: Replay) -> None:
    assert len(played.identities) == 4
    for name, worst, tolerance in played.identities:
        assert worst <= tolerance, name


def test_the_books_of_each_year_balance_in_the_table_itself(played: Replay, plan: Plan) -> None:
    parts = {
        m: yearly(played, f"{m}_yuan").pivot(index=["replication", "region"], columns="year", values="value")
        for m in ("released", "paid", "returned", "carried_over")
    }
    opening = parts["carried_over"].shift(1, axis=1).fillna(0.0)
    gap = opening + parts["released"] - parts["paid"] - parts["returned"] - parts["carried_over"]
    assert gap.abs().max().max() <= 1e-9 * parts["released"].max().max()


def test_all_money_of_the_plan_is_released(played: Replay, plan: Plan) -> None:
    capital = plan.orders["capital_yuan"].sum()
    released = yearly(played, "released_yuan").groupby("replication")["value"].sum()
    means = plan.recurrent.sum() + capital
    # what is asked for again comes on top; what is late falls into the year after the horizon
    assert (released >= means * 0.99).all() and (released <= means * 1.1).all()


def test_monthly_rows_of_the_whole_sum_to_the_regions_years(played: Replay) -> None:
    t = played.table
    for measure in ("released_yuan", "paid_yuan"):
        whole = t[(t["measure"] == measure) & (t["region"] == "made-up")].groupby(["replication", "year"])["value"].sum()
        parts = yearly(played, measure).groupby(["replication", "year"])["value"].sum()
        assert whole.to_numpy() == pytest.approx(parts.to_numpy(), rel=1e-12)


def test_people_who_join_are_placed_wait_give_up_or_die(played: Replay) -> None:
    parts = {
        m: yearly(played, m).pivot(index=["replication", "region", "service"], columns="year", values="value")
        for m in ("joined", "placed", "waiting", "gave_up", "died_waiting")
    }
    change = parts["waiting"].diff(axis=1).iloc[:, 1:]
    flows = (parts["joined"] - parts["placed"] - parts["gave_up"] - parts["died_waiting"]).iloc[:, 1:]
    assert (change - flows).abs().max().max() <= 1e-6


def test_the_same_seed_gives_the_same_bytes(played: Replay, plan: Plan) -> None:
    again = replay(plan, made_up_inputs(), 11, plan.years, plan.regions)
    for name in ("table", "summary", "log", "releases", "projects"):
        pd.testing.assert_frame_equal(getattr(played, name), getattr(again, name), check_exact=True)
    assert played.table["value"].to_numpy().tobytes() == again.table["value"].to_numpy().tobytes()


def test_another_seed_gives_other_numbers(played: Replay, plan: Plan) -> None:
    other = replay(plan, made_up_inputs(), 12, plan.years, plan.regions)
    assert not np.array_equal(yearly(played, "paid_yuan")["value"].to_numpy(), yearly(other, "paid_yuan")["value"].to_numpy())


def test_more_replications_leave_the_first_ones_as_they_were(played: Replay, plan: Plan) -> None:
    more = replay(plan, made_up_inputs(replications=3), 11, plan.years, plan.regions).table
    first = more[more["replication"] < 2].reset_index(drop=True)
    key = ["replication", "year", "month", "region", "service", "measure"]
    left, right = (t.sort_values(key).reset_index(drop=True) for t in (played.table, first))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_the_order_of_regions_and_rows_is_irrelevant(played: Replay, plan: Plan) -> None:
    order = [2, 0, 1]
    shuffled = replace(
        plan,
        regions=Axis("region", tuple(plan.regions.labels[i] for i in order)),
        recurrent=plan.recurrent[:, order],
        stock=plan.stock[:, order],
        demand={s: a[:, order] for s, a in plan.demand.items()},
        planned_served={s: a[:, order] for s, a in plan.planned_served.items()},
        orders=plan.orders.sample(frac=1, random_state=1),
        transfers=plan.transfers.sample(frac=1, random_state=2),
    )
    other = replay(shuffled, made_up_inputs(), 11, shuffled.years, shuffled.regions)
    key = ["replication", "year", "month", "region", "service", "measure"]
    left, right = (t.sort_values(key).reset_index(drop=True) for t in (played.table, other.table))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_a_region_lives_alike_alone_and_in_company(played: Replay) -> None:
    alone = made_up_plan(("south",))
    single = replay(alone, made_up_inputs(), 11, alone.years, alone.regions).table
    key = ["replication", "year", "month", "region", "service", "measure"]
    left, right = (t[t["region"] == "south"].sort_values(key).reset_index(drop=True) for t in (played.table, single))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_every_release_of_the_run_keeps_the_legal_calendar_unless_late(played: Replay) -> None:
    r = played.releases
    on_time = r[~r["late"]]
    assert (on_time["arrived"] <= on_time["limit"]).all()
    assert (r["usable"] >= [day_of(y) for y in r["year"]]).all()
    assert ((r["limit"] - r["issued"])[r["tranche"] == "advance"] == 30).all()


def test_the_log_tells_each_project_in_order_and_only_with_known_causes(played: Replay) -> None:
    log = played.log
    assert set(log["cause"]) <= {"", *CAUSES}
    known = {
        "approved",
        "stalled",
        "tendered",
        "building",
        "winter pause",
        "back to approval",
        "waiting for cash",
        "cash arrived",
        "accepted",
        "hired",
        "opened",
    }
    assert set(log["event"]) <= known
    for _, story in log.groupby(["region", "resource"]):
        assert story["day"].is_monotonic_increasing
        assert story["event"].iloc[0] == "approved"
        if "opened" in set(story["event"]):
            assert story["event"].iloc[-1] == "opened"
    assert (log.loc[(log["event"] == "opened") & (log["resource"] == "desk"), "day"].str.endswith("-09-01")).all()


def test_opened_places_never_pass_all_places_ordered(played: Replay, plan: Plan) -> None:
    ordered = plan.orders.groupby(["region", "resource"])["places"].sum()
    opened = yearly(played, "opened_places").groupby(["region", "service"])["value"].max()
    assert (opened <= ordered.reindex(opened.index) * (1 + 1e-12)).all()


def test_with_all_causes_off_the_plan_is_delivered(plan: Plan) -> None:
    ideal = replay(plan, made_up_inputs(), 11, plan.years, plan.regions, without=CAUSES).summary
    resources, services = ideal[ideal["kind"] == "resource"], ideal[ideal["kind"] == "service"]
    assert resources["opened"].to_numpy() == pytest.approx(resources["planned"].to_numpy(), abs=1e-6)
    assert services["served"].to_numpy() == pytest.approx(services["planned"].to_numpy(), rel=1e-9)
    assert (resources["months_late"].dropna() == 0).all()


def test_the_parts_of_a_gap_sum_to_it(plan: Plan, played: Replay) -> None:
    whole, parts = split_gap(plan, made_up_inputs(), 11, plan.years, plan.regions)
    pd.testing.assert_frame_equal(whole.table, played.table, check_exact=True)
    total = parts[[*CAUSES, "interaction"]].sum(axis=1)
    assert total.to_numpy() == pytest.approx(parts["gap"].to_numpy(), abs=1e-6)
    assert parts["gap"].to_numpy() == pytest.approx((parts["planned"] - parts["delivered"]).to_numpy(), abs=0)
    assert (parts.loc[parts["kind"] == "resource", "demand"] == 0).all()
    beds = parts[parts["service"] == "bed"]
    assert beds["time"].sum() > 0


def test_an_unknown_cause_is_refused_with_the_nearest_name(plan: Plan) -> None:
    with pytest.raises(InputError, match="money"):
        replay(plan, made_up_inputs(), 11, plan.years, plan.regions, without=("mony",))


def test_a_longer_lead_time_delays_every_project(plan: Plan, played: Replay) -> None:
    slow = replay(plan, made_up_inputs(execution__lead_time=1.5), 11, plan.years, plan.regions)
    key = ["replication", "region", "resource", "year"]
    works = played.projects["resource"] != "carer"
    a, b = (r.projects[works].set_index(key)["months_late"] for r in (played, slow))
    assert (b >= a - 1e-9).all() and b.sum() > a.sum()


def test_later_releases_are_carried_over_more(plan: Plan, played: Replay) -> None:
    late = replay(plan, made_up_inputs(execution__release_delay=150.0), 11, plan.years, plan.regions)
    assert yearly(late, "carried_over_yuan")["value"].sum() > yearly(played, "carried_over_yuan")["value"].sum()


def test_built_is_not_served_where_people_come_slowly() -> None:
    """The case of Panjin 2011-2015: 4,314 flats built, 710 let, because few applied: the gap is demand, not money, time or staff."""
    small = made_up_plan(("south",))
    entitled = np.full((8, 1), 710.0)
    stock = small.stock.copy()
    stock[:, :, 0] = 4314.0
    case = replace(
        small,
        demand={**small.demand, "care": entitled},
        planned_served={**small.planned_served, "care": np.full((8, 1), 4314.0)},
        stock=stock,
        orders=small.orders[small.orders["resource"] != "bed"],
        queue_services=(("care", "bed", 1.0),),
    )
    _, parts = split_gap(case, made_up_inputs(persons=5.0), 11, case.years, case.regions)
    row = parts[(parts["service"] == "care") & (parts["year"] == 2025)].iloc[0]
    assert row["delivered"] == pytest.approx(710, rel=0.15)
    assert row["demand"] == pytest.approx(4314 - row["delivered"], rel=1e-9)
    assert row[["money", "time", "staff"]].abs().max() == 0


def test_the_mean_served_hardly_moves_with_the_persons_per_client() -> None:
    """One client may stand for several persons."""
    plan = made_up_plan(("north",))
    served = {
        persons: yearly(replay(plan, made_up_inputs(replications=4, persons=persons), 11, plan.years, plan.regions), "served")
        .query("service == 'care'")["value"]
        .mean()
        for persons in (5.0, 40.0)
    }
    assert served[40.0] == pytest.approx(served[5.0], rel=0.02)


def test_common_random_numbers_shrink_the_error_of_a_difference(plan: Plan) -> None:
    reps = 8
    base = replay(plan, made_up_inputs(replications=reps), 11, plan.years, plan.regions)
    same, apart = (replay(plan, made_up_inputs(replications=reps, execution__lead_time=1.1), seed, plan.years, plan.regions) for seed in (11, 99))

    def served(result: Replay) -> np.ndarray:
        return yearly(result, "served").query("service == 'care'").groupby("replication")["value"].sum().to_numpy()

    common, independent = (np.std(served(other) - served(base), ddof=1) for other in (same, apart))
    assert common < 0.5 * independent


def test_the_costliest_delays_are_ranked_by_idle_money(played: Replay) -> None:
    projects, places = late_projects(played)
    assert len(projects) == 5 and len(places) == 3
    assert projects["idle_yuan_years"].is_monotonic_decreasing and places["idle_yuan_years"].is_monotonic_decreasing
    everything = played.projects["capital_yuan"] * played.projects["months_late"] / 12
    assert places["idle_yuan_years"].sum() == pytest.approx(everything.sum() / 2)


def test_the_interval_narrows_with_the_root_of_the_replications(plan: Plan) -> None:
    few, many = (precision(replay(plan, made_up_inputs(replications=n), 11, plan.years, plan.regions)) for n in (4, 12))
    both = few.merge(many, on=["year", "service", "measure"], suffixes=("_few", "_many"))
    both = both[(both["measure"] == "served") & (both["half_width_few"] > 0)]
    assert (both["half_width_many"] < both["half_width_few"]).mean() > 0.8


# --- the story and the edges ----------------------------------------------------------------------------------------


def certain(**changes: float) -> ExecutionInputs:
    """Nothing is drawn: every stage has one length, nothing is late or dearer."""
    sure = {"late_probability": 0.0, "idle_probability": 0.0, "overrun_mu": 0.0, "overrun_sigma": 0.0, "payee_delay_mean_days": 0.0, "legal_days_pass_on": 0.0}
    sure |= {"legal_days_general": 0.0, "legal_days_special": 0.0}
    inputs = made_up_inputs(replications=1, **{**sure, **changes})
    projects = inputs.projects.assign(low=inputs.projects["mode"], high=inputs.projects["mode"])
    return replace(inputs, projects=projects)


def one_order(opens_year: int = 2023, resource: str = "bed", capital: float = 1e7) -> Plan:
    plan = made_up_plan(("north",))
    order = pd.DataFrame([(2021, "north", resource, 100.0, capital, opens_year)], columns=plan.orders.columns)
    return replace(plan, orders=order, stock=plan.stock + 100.0)


def test_the_log_of_one_sure_project_reads_as_its_arithmetic() -> None:
    """Six months to approval, 1.5 to the contract, 12 of work in the open season, 3 of hiring; months of 30.44 days.

    Money of 2021 that is unspent at the end of 2022 is swept; asked for again, it comes with the budget on day 120 (30 April) of 2023.
    """
    plan = one_order(opens_year=2022)
    log = replay(plan, certain(npc_approval_day=120.0), 1, plan.years, plan.regions).log
    assert list(log[["day", "event", "cause"]].itertuples(index=False, name=None)) == [
        ("2021-07-02", "approved", ""),
        ("2021-08-17", "tendered", ""),
        ("2021-08-17", "building", ""),
        ("2021-10-17", "winter pause", "time"),  # the third month of work meets 10 November
        ("2022-10-26", "winter pause", "time"),  # the eleventh meets the next one
        ("2023-04-06", "waiting for cash", "money"),
        ("2023-04-30", "cash arrived", ""),
        ("2023-05-30", "accepted", ""),
        ("2023-08-29", "hired", "staff"),
        ("2023-08-29", "opened", ""),
    ]


def test_a_project_of_two_years_is_budgeted_in_two_years_and_asks_for_nothing_again() -> None:
    """Half of the money comes with each year's budget, as the plan pays it; building begins in the first year and none of it is swept."""
    plan = one_order(opens_year=2023)
    result = replay(plan, certain(npc_approval_day=120.0), 1, plan.years, plan.regions)
    assert "waiting for cash" not in set(result.log["event"])
    assert yearly(result, "asked_again_yuan")["value"].max() == 0
    assert due_by(2021, 2023, 2020) == 0 and due_by(2021, 2023, 2021) == 0.5 and due_by(2021, 2023, 2022) == due_by(2021, 2023, 2030) == 1
    assert due_by(2021, 2021, 2021) == 1


def test_an_overrun_is_budgeted_again_and_paid() -> None:
    plan = one_order(capital=1e8)
    result = replay(plan, certain(overrun_mu=0.3, reapproval_factor=9.0), 1, plan.years, plan.regions)
    paid = yearly(result, "paid_yuan")["value"].sum()
    assert paid == pytest.approx(plan.recurrent.sum() + 1e8 * np.exp(0.3), rel=1e-4)
    assert result.projects["spent_yuan"].tolist() == pytest.approx([1e8 * np.exp(0.3)])
    for name, worst, tolerance in result.identities:
        assert worst <= tolerance, name


def test_a_plan_that_builds_nothing_is_only_money_and_people() -> None:
    plan = made_up_plan(("north",))
    still = replace(plan, orders=plan.orders.iloc[:0])
    result = replay(still, made_up_inputs(), 1, still.years, still.regions)
    assert result.log.empty and result.projects.empty
    assert set(result.summary["kind"]) == {"service"}


def test_a_plan_without_services_or_transfers_is_only_building() -> None:
    plan = made_up_plan(("north",))
    bare = replace(plan, demand={}, planned_served={}, queue_services=(), requires=(), transfers=plan.transfers.iloc[:0])
    result = replay(bare, made_up_inputs(), 1, bare.years, bare.regions)
    assert set(result.summary["kind"]) == {"resource"}
    assert len(result.identities) == 3


def test_orders_that_open_after_the_horizon_are_never_late() -> None:
    plan = one_order(opens_year=2040)
    result = replay(plan, certain(), 1, plan.years, plan.regions)
    assert result.projects["months_late"].tolist() == [0.0]
    assert yearly(result, "planned_places").empty


def test_nobody_entitled_means_nobody_served() -> None:
    plan = made_up_plan(("north",))
    empty = replace(plan, demand={**plan.demand, "care": 0 * plan.demand["care"]}, planned_served={**plan.planned_served, "care": 0 * plan.demand["care"]})
    result = replay(empty, made_up_inputs(), 1, empty.years, empty.regions)
    assert (yearly(result, "served").query("service == 'care'")["value"] == 0).all()


def test_another_process_with_another_hash_seed_gives_the_same_bytes(played: Replay) -> None:
    code = (
        "import hashlib; from fiscalsim.execution import replay; from tests.test_execution_plan import made_up_inputs, made_up_plan; p = made_up_plan();"
        "t = replay(p, made_up_inputs(), 11, p.years, p.regions).table; print(hashlib.sha256(t.to_csv(index=False).encode()).hexdigest())"
    )
    here = hashlib.sha256(played.table.to_csv(index=False).encode()).hexdigest()
    root = Path(__file__).resolve().parents[1]
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == here
