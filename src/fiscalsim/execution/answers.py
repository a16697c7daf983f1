"""Why less arrives than was planned, whose delay costs most, and how sure a replay is: questions asked of finished replays.

Must not know how a replication runs; only replays plans and reads their tables.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from fiscalsim.axes import Axis
from fiscalsim.execution.plan import CAUSES, Plan
from fiscalsim.execution.results import Replay, replay_beside
from fiscalsim.quantities import ExecutionInputs


def split_gap(plan: Plan, inputs: ExecutionInputs, seed: int, horizon: Axis, regions: Axis) -> tuple[Replay, pd.DataFrame]:
    """The replay, and planned minus delivered by year, region and code, split by switching one cause off at a time.

    A cause's part is what is delivered more without it (the same random numbers, so the difference is the cause); `interaction` is what the causes
    do only together, and the five parts sum to the gap. Delivered is open places for a resource and clients served for a service. Negative parts are
    gains (opened before the plan's date). Columns: year, region, kind, service, planned, delivered, gap, the causes, interaction.
    """
    key = ["year", "region", "kind", "service"]
    base, others = replay_beside(plan, inputs, seed, horizon, regions, (), [(cause,) for cause in CAUSES])

    def delivered(summary: pd.DataFrame) -> pd.Series:
        return summary.assign(delivered=summary["opened"].where(summary["kind"] == "resource", summary["served"])).set_index(key)["delivered"]

    frame = base.summary.set_index(key)[["planned"]].copy()
    frame["delivered"] = delivered(base.summary)
    frame["gap"] = frame["planned"] - frame["delivered"]
    for cause, other in zip(CAUSES, others, strict=True):
        frame[cause] = delivered(other) - frame["delivered"]
    frame["interaction"] = frame["gap"] - frame[list(CAUSES)].sum(axis=1)
    return base, frame.reset_index()


def late_projects(result: Replay, top: int = 5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The `top` projects and the `top` regions whose delay costs most, means over the replications.

    Cost is money that stands idle: capital times years late (yuan-years); place-years that people did not have stand beside it, which cannot be
    summed over unlike resources. Columns: region, resource, year, opens_year, places, capital_yuan, months_late, idle_yuan_years, lost_place_years.
    """
    key = ["region", "resource", "year", "opens_year", "places", "capital_yuan"]
    frame = pd.DataFrame(result.projects.groupby(key)[["months_late"]].mean()).reset_index()
    frame["idle_yuan_years"] = frame["capital_yuan"] * frame["months_late"] / 12
    frame["lost_place_years"] = frame["places"] * frame["months_late"] / 12
    worst = frame.sort_values(["idle_yuan_years", "region", "resource", "year"], ascending=[False, True, True, True])
    projects = worst.head(top).reset_index(drop=True)
    places = pd.DataFrame(frame.groupby("region")[["capital_yuan", "idle_yuan_years"]].sum()).reset_index()
    places.insert(1, "projects", frame.groupby("region").size().to_numpy())
    places = places.sort_values(["idle_yuan_years", "region"], ascending=[False, True]).head(top).reset_index(drop=True)
    return projects, places


def precision(result: Replay, level: float = 0.95, within: float = 0.01) -> pd.DataFrame:
    """How sure the totals of all regions are: year, service, measure, mean, half_width of the `level` interval (Student), replications_needed.

    `replications_needed` is the least number at which the half width would be `within` of the mean, at the spread seen; NaN for one replication.
    """
    t = result.table
    yearly = t[(t["month"] == 12) & ~t["measure"].str.startswith("wait_") & (t["measure"] != "months_late")]
    summed = set(result.summary["region"])  # the rows of the whole are left out
    totals = yearly[yearly["region"].isin(summed)].groupby(["year", "service", "measure", "replication"])["value"].sum()
    stats = totals.groupby(level=["year", "service", "measure"]).agg(["mean", "std", "count"])
    n = stats["count"].to_numpy(float)
    student = stdtrit(np.maximum(n - 1, 1), 0.5 + level / 2)
    frame = stats[["mean"]].copy()
    frame["half_width"] = student * stats["std"] / np.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = stdtrit(np.inf, 0.5 + level / 2) * stats["std"] / (within * stats["mean"].abs())
    frame["replications_needed"] = [float(max(math.ceil(x * x), 2)) if math.isfinite(x) else math.nan for x in ratio]
    return frame.reset_index()
