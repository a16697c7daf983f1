"""Each future solved as an ordinary run of the scenario with its levers moved, and what is kept of it.

Knows the pipeline and processes. Must not know distributions, nor what is concluded. A worker keeps the recorded model of the place and fills in each
future's numbers: the same arrays, bit for bit, as a model built anew (tests/allocation/test_recording.py). No basis is kept, as a warm answer may be
another of several optimal plans and would depend on what the worker solved before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim import charts, processes
from fiscalsim.errors import FiscalsimError, ModelError, NoSolution
from fiscalsim.pipeline import WarmModels, run
from fiscalsim.quantities import Array
from fiscalsim.scenario import Scenario

SOLVED, NO_PLAN, FAILED = "solved", "no_plan", "failed"
MEASURES = ("unmet_yuan", "needs_yuan", "means_yuan", "floors_missed")  # by year and region; `plan` is the whole place, with the pools of transfers
PLAN = "plan"
KINDS = {"year": "int64", "region": "str", "measure": "str", "value": "float64"}
Kept = Callable[[int, "Result"], None]


@dataclass(frozen=True)
class Result:
    """What became of one future: `state` solved, no_plan (no pass found an optimum) or failed, with the reason; `rows` year, region, measure, value."""

    state: str
    reason: str
    rows: pd.DataFrame


_models: dict[tuple[str, str], WarmModels] = {}  # of a worker process: the place whose model it holds


def solve(scenario: Scenario, home: Path | None, patch: Mapping[str, Any]) -> Result:
    """One future. A place without a plan is a result; so is whatever else a future raises, as the others go on."""
    place = (scenario.pack, scenario.resolution)
    if place not in _models:
        _models.clear()
        _models[place] = WarmModels()
    models = _models[place]
    try:
        models.forget_bases()
        found = run(replace(scenario, set={**scenario.set, **patch}), home=home, warm=models, replay=False)
        return Result(SOLVED, "", outcome(found.tables))
    except NoSolution as error:
        _models.clear()
        return Result(NO_PLAN, str(error), no_rows())
    except Exception as error:
        _models.clear()  # whatever state it left behind must not answer the next one
        return Result(FAILED, f"{type(error).__name__}: {error}", no_rows())


def solve_all(
    scenario: Scenario,
    home: Path | None,
    patches: Mapping[int, Mapping[str, Any]],
    workers: int,
    kept: Kept,
    task: Callable[..., Result] = solve,
) -> dict[int, Result]:
    """Every future by number; `kept` hears of each as it ends. `workers` 0 solves in this process, which may not start others (a worker of the app)."""
    found: dict[int, Result] = {}

    def ended(number: int, result: Result) -> None:
        found[number] = result
        kept(number, result)

    if workers == 0:
        for number, patch in patches.items():
            ended(number, task(scenario, home, patch))
        return found
    numbers = list(patches)
    for position, future, _ in processes.ended(task, [(scenario, home, dict(patches[number])) for number in numbers], workers):
        error = processes.lost() if future is None else future.exception()
        if isinstance(error, FiscalsimError):
            ended(numbers[position], Result(FAILED, f"{type(error).__name__}: {error}", no_rows()))
        elif error is not None:
            raise error
        elif future is not None:
            ended(numbers[position], future.result())
    return found


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a result with the columns' own kinds, also where there is none."""
    return rows.astype(KINDS)


def no_rows() -> pd.DataFrame:
    """The rows of a future without a plan."""
    return typed(pd.DataFrame(columns=list(KINDS)))


def outcome(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """year, region, measure, value of one run.

    unmet_yuan: what serving everyone entitled would cost more; floors_missed: floors (area and service) that miss more than the grid's first class of
    shortfall; needs_yuan and means_yuan as in the chart of needs and means. All as the app's other pages reckon them.
    """
    regions = list(tables["regions"]["region"])
    missed = _floors_missed(tables)
    parts: list[tuple[int, str, str, float]] = []
    needs = {region: charts.needs_by_year(tables, region) for region in regions} | {PLAN: charts.needs_by_year(tables)}
    means = {region: charts.means_by_year(tables, region) for region in regions} | {PLAN: charts.means_by_year(tables)}
    for year in charts.years_of(tables):
        cells = charts.coverage(tables, year)
        unmet = cells[cells["gap"] >= charts.CLASSES[1][0]].groupby("region")["unmet_yuan"].sum()
        for region in regions:
            values = (unmet.get(region, 0.0), needs[region].get(year, 0.0), means[region][year], missed.get((year, region), 0))
            parts += [(year, region, measure, float(value)) for measure, value in zip(MEASURES, values, strict=True)]
        of_plan = (unmet.sum(), needs[PLAN][year], means[PLAN][year], sum(missed.get((year, region), 0) for region in regions))
        parts += [(year, PLAN, measure, float(value)) for measure, value in zip(MEASURES, of_plan, strict=True)]
    found = typed(pd.DataFrame(parts, columns=list(KINDS)))
    if not np.isfinite(found["value"]).all():
        raise ModelError("a figure that a future is judged by is not finite; nothing is concluded from it")
    return found


def _floors_missed(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[int, str], int]:
    """(year, region) -> how many floors are missed there by more than is as good as met."""
    key = ["year", "region", "residence", "service"]
    short = tables["shortfalls"].query("goal == 'floor' and units > 0").rename(columns={"what": "service"})
    cells = short.merge(tables["demand"][[*key, "clients"]], on=key, how="left")
    units, clients = cells["units"].to_numpy(float), cells["clients"].fillna(0.0).to_numpy(float)
    share: Array = np.divide(units, clients, out=np.ones_like(units), where=clients > 0)
    counts = cells[share >= charts.CLASSES[1][0]].groupby(["year", "region"]).size()
    return {(int(row[0]), str(row[1])): int(row[2]) for row in counts.reset_index().itertuples(index=False)}
