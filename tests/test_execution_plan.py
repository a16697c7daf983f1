"""A small made-up plan for the tests of the replay, and what is refused before it starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fiscalsim.axes import Axis, years_axis
from fiscalsim.errors import InputError
from fiscalsim.execution import Plan
from fiscalsim.execution.plan import check
from fiscalsim.quantities import ExecutionInputs

SEASON = (0.08, 0.08, 0.09, 0.08, 0.08, 0.08, 0.07, 0.08, 0.08, 0.07, 0.08, 0.13)


def made_up_inputs(replications: int = 2, persons: float = 20.0, **changes: float) -> ExecutionInputs:
    """Round numbers near those of the national pack."""
    parameters = {
        "execution.lead_time": 1.0,
        "execution.release_delay": 0.0,
        "execution.replications": float(replications),
        "execution.persons_per_client": persons,
        "legal_days_general": 30.0,
        "legal_days_special": 90.0,
        "legal_days_pass_on": 30.0,
        "advance_share_general": 0.9,
        "advance_share_special": 0.7,
        "advance_month": 10.0,
        "advance_day": 31.0,
        "npc_approval_day": 74.0,
        "late_probability": 0.1,
        "late_mean_days": 30.0,
        "payee_delay_mean_days": 56.0,
        "recurrent_payee_delay_mean_days": 30.0,
        "idle_probability": 0.2,
        "idle_mean_months": 10.0,
        "winter_first_day": 314.0,
        "winter_last_day": 79.0,
        "overrun_mu": 0.1,
        "overrun_sigma": 0.2,
        "reapproval_factor": 1.1,
        "advance_payment_share": 0.2,
        "retention_share": 0.03,
        "school_opening_month": 9.0,
        **{f"month_weight_{m + 1}": w for m, w in enumerate(SEASON)},
    }
    parameters.update({name.replace("__", "."): value for name, value in changes.items()})
    stages = {"preparation": (4.0, 6.0, 12.0), "tender": (1.0, 1.5, 2.5), "build": (8.0, 12.0, 20.0), "hire": (2.0, 3.0, 6.0)}
    rows = [(k, s, *v) for k in ("bed", "nursery", "desk") for s, v in stages.items()] + [("carer", "hire", 5.0, 6.0, 8.0)]
    items = {
        "stay_months_short": 6.0,
        "stay_months_long": 40.0,
        "share_short": 0.3,
        "abandon_rate_per_year": 0.2,
        "death_rate_per_year": 0.1,
        "priority_share_1": 0.2,
        "priority_share_2": 0.3,
        "joining_share": 1.0,
    }
    queues = pd.DataFrame([(s, item, v) for s in ("care", "childcare") for item, v in items.items()], columns=["service", "item", "value"])
    return ExecutionInputs(parameters, pd.DataFrame(rows, columns=["resource", "stage", "low", "mode", "high"]), queues)


def made_up_plan(regions: tuple[str, ...] = ("north", "south", "coast"), years: int = 8) -> Plan:
    """Three unlike regions that order beds, nursery places, school desks and care workers every year; each region's numbers hang on its name only."""
    size = {"north": 1.0, "south": 0.4, "coast": 2.1}
    axis = years_axis(2021, 2020 + years)
    scale = np.array([size[r] for r in regions])[None, :]
    trend = np.arange(years)[:, None]
    demand = {
        "care": 6000 * scale * 1.03**trend,
        "childcare": 4000 * scale * 0.97**trend,
        "school": 30000 * scale * 1.01**trend,
        "cash": 9000 * scale + 0 * trend,
    }
    covered = {"care": 0.5 + 0.05 * trend, "childcare": np.minimum(0.6 + 0.08 * trend, 1.0), "school": 1.0, "cash": 1.0}
    served = {s: demand[s] * covered[s] for s in demand}
    resources = ("bed", "nursery", "desk", "carer")
    needs = (("care", "bed", 1.0), ("care", "carer", 0.2), ("childcare", "nursery", 1.0), ("childcare", "carer", 0.1), ("school", "desk", 1.0))
    stock = np.zeros((years, len(regions), 4))
    for service, resource, units in needs:
        stock[:, :, resources.index(resource)] += served[service] * units
    stock = np.maximum.accumulate(stock, axis=0) * 1.02
    lead = {"bed": 2, "nursery": 1, "desk": 2, "carer": 1}
    price = {"bed": 1e5, "nursery": 6e4, "desk": 6e4, "carer": 4e3}
    orders = [
        (axis.labels[y] - lead[k], region, k, stock[y, r, i] - stock[y - 1, r, i], (stock[y, r, i] - stock[y - 1, r, i]) * price[k], axis.labels[y])
        for i, k in enumerate(resources)
        for r, region in enumerate(regions)
        for y in range(1, years)
        if axis.labels[y] - lead[k] >= 2021 and stock[y, r, i] > stock[y - 1, r, i]
    ]
    recurrent = 4e8 * scale * 1.03**trend
    transfers = [
        (year, region, kind, share * recurrent[y, r])
        for y, year in enumerate(axis)
        for r, region in enumerate(regions)
        for kind, share in (("general", 0.4), ("earmarked", 0.15))
    ]
    return Plan(
        years=axis,
        regions=Axis("region", regions),
        transfers=pd.DataFrame(transfers, columns=["year", "region", "kind", "yuan"]),
        recurrent=recurrent,
        orders=pd.DataFrame(orders, columns=["year", "region", "resource", "places", "capital_yuan", "opens_year"]),
        stock=stock,
        resources=resources,
        demand=demand,
        planned_served=served,
        queue_services=needs[:4],
        school_resources=("desk",),
        requires=needs[4:],
        place="made-up",
    )


def test_every_missing_item_is_named_in_one_error() -> None:
    plan, inputs = made_up_plan(), made_up_inputs()
    short = replace(
        inputs,
        parameters={k: v for k, v in inputs.parameters.items() if k not in ("npc_approval_day", "execution.lead_time")},
        projects=inputs.projects[~((inputs.projects["resource"] == "bed") & (inputs.projects["stage"] == "tender"))],
        queues=inputs.queues[inputs.queues["item"] != "share_short"],
    )
    with pytest.raises(InputError) as caught:
        check(plan, short, plan.years, plan.regions)
    text = str(caught.value)
    for name in ("npc_approval_day", "execution.lead_time", "bed, tender", "care, share_short", "childcare, share_short"):
        assert name in text
    assert len(caught.value.problems) == 5


def test_a_cell_that_is_no_number_is_refused_with_its_place() -> None:
    plan = made_up_plan()
    stock = plan.stock.copy()
    stock[2, 1, 0] = np.nan
    with pytest.raises(InputError, match=r"stock \(2, 1, 0\)"):
        check(replace(plan, stock=stock), made_up_inputs(), plan.years, plan.regions)


def test_month_weights_must_sum_to_one() -> None:
    plan = made_up_plan()
    with pytest.raises(InputError, match="month_weight"):
        check(plan, made_up_inputs(month_weight_12=0.5), plan.years, plan.regions)


def test_orders_of_an_unknown_region_or_resource_are_refused() -> None:
    plan = made_up_plan()
    orders = pd.concat([plan.orders, pd.DataFrame([(2021, "moon", "tent", 1.0, 1.0, 2022)], columns=plan.orders.columns)], ignore_index=True)
    with pytest.raises(InputError) as caught:
        check(replace(plan, orders=orders), made_up_inputs(), plan.years, plan.regions)
    assert "moon" in str(caught.value) and "tent" in str(caught.value)


def test_shares_months_and_rates_have_ranges() -> None:
    plan, inputs = (
        made_up_plan(),
        made_up_inputs(late_probability=1.2, school_opening_month=13.0, execution__persons_per_client=0.0, payee_delay_mean_days=-1.0),
    )
    queues = inputs.queues.copy()
    queues.loc[queues["item"] == "priority_share_1", "value"] = 0.8
    with pytest.raises(InputError) as caught:
        check(plan, replace(inputs, queues=queues), plan.years, plan.regions)
    named = {p.column for p in caught.value.problems}
    assert {"late_probability", "school_opening_month", "execution.persons_per_client", "payee_delay_mean_days", "care, priority_share_1 and 2"} <= named


def test_the_axes_of_the_plan_must_be_those_of_the_run() -> None:
    plan = made_up_plan()
    with pytest.raises(InputError, match="years, regions"):
        check(plan, made_up_inputs(), years_axis(2021, 2030), plan.regions)
