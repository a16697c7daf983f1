"""What if it comes otherwise: futures drawn around a scenario, each solved, and what they say together (docs/uncertainty.md).

`risk` is the one function of command line and app. Must not know words, charts or pages.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from fiscalsim.assumptions import load_pack
from fiscalsim.errors import InputError, NoSolution, Problem
from fiscalsim.pipeline import COMPUTED_WITH
from fiscalsim.scenario import Scenario
from fiscalsim.scenario import home as default_home
from fiscalsim.uncertainty.concluding import FLOORS, REST, WORST_GAPS, by_future, factors, failing, fan, likelihood, rule, shares, solved, states
from fiscalsim.uncertainty.drivers import Draws, draw, drawn_table, driver_table, drivers_of
from fiscalsim.uncertainty.records import Parts, SavedRisk, check_risk, find_risk, is_risk, open_risk, risks, save_risk
from fiscalsim.uncertainty.solving import FAILED, NO_PLAN, PLAN, SOLVED, Result, solve, solve_all

FEWEST = 20  # futures below which quantiles and shares say nothing
MOST = 5000

__all__ = [
    "FAILED",
    "FEWEST",
    "FLOORS",
    "MOST",
    "NO_PLAN",
    "PLAN",
    "REST",
    "SOLVED",
    "WORST_GAPS",
    "Risk",
    "SavedRisk",
    "check_risk",
    "find_risk",
    "is_risk",
    "open_risk",
    "risk",
    "risks",
    "save_risk",
]


@dataclass(frozen=True)
class Risk:
    """`summary`: what was asked and found, as plain values; `tables`: drivers, draws, states, outcomes, fan, likelihood, shares, rule, regions.

    See drivers and concluding for the columns. `outcomes`: future, year, region, measure, value; future 0 is the scenario itself.
    """

    scenario: Scenario
    summary: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    pack: dict[str, Any]
    pack_digest: str
    versions: dict[str, str]


def risk(
    scenario: Scenario,
    *,
    futures: int,
    home: Path | None = None,
    workers: int = 1,
    seed: int | None = None,
    runs: Path | None = None,
    progress: Callable[[float, str], None] | None = None,
    task: Callable[..., Result] = solve,
) -> Risk:
    """`futures` futures of a scenario, solved and summed up. The seed is the scenario's when left out.

    `runs`: futures that an interrupted analysis solved are taken from there, and those solved now are kept there until `save_risk`. `workers` 0 solves
    in this process. Errors: InputError; NoSolution where the scenario itself, or every future, has no plan.
    """
    if not FEWEST <= futures <= MOST:
        raise InputError([Problem("risk", None, "--futures", str(futures), f"a whole number from {FEWEST} to {MOST}")])
    if workers < 0:
        raise InputError([Problem("risk", None, "--workers", str(workers), "a whole number of 1 or more")])
    say = progress or (lambda fraction, stage: None)
    say(0.0, "read")
    pack = load_pack(scenario.pack, home or default_home(), scenario.resolution)
    drivers = drivers_of(pack)
    seed = scenario.seed if seed is None else seed
    last = pack.info.horizon_end
    drawn = draw(drivers, scenario, seed, futures, tuple(range(pack.info.base_year, last + 1 + int(scenario.value("allocation.tail_years")))))
    versions = {name: version(name) for name in COMPUTED_WITH} | {"python": platform.python_version()}
    parts = Parts(runs, scenario, pack.digest, versions, seed) if runs is not None else None
    found: dict[int, Result] = parts.read(range(futures + 1)) if parts else {}
    waiting = {number: drawn.patch(number) for number in range(futures + 1) if number not in found}

    def kept(number: int, result: Result) -> None:
        if parts:
            parts.keep(number, result)
        done[0] += 1
        say(done[0] / (futures + 1), "future")

    done = [len(found)]
    found |= solve_all(scenario, home, waiting, workers, kept, task)
    if found[0].state != SOLVED:
        raise NoSolution(found[0].reason)
    table = states({number: (result.state, result.reason) for number, result in found.items()})
    if not solved(table):
        raise NoSolution(found[1].reason)
    first = min(driver.from_year for driver in drivers)
    outcomes = pd.concat([found[number].rows.assign(future=number) for number in sorted(found)], ignore_index=True)
    outcomes = outcomes[["future", "year", "region", "measure", "value"]]
    summary, concluded = conclude(outcomes, table, drawn, max(first, pack.info.base_year + 1), last, seed)
    tables = {
        "drivers": driver_table(pack, drivers, drawn),
        "draws": drawn_table(drawn),
        "states": table,
        "outcomes": outcomes,
        **concluded,
        "regions": pack.info.region_names,
    }
    told = {name: getattr(pack.info, name) for name in type(pack.info).__dataclass_fields__ if name != "region_names"}
    return Risk(scenario, {"futures": futures, "seed": seed} | summary, tables, told, pack.digest, versions)


def conclude(outcomes: pd.DataFrame, table: pd.DataFrame, drawn: Draws, first: int, last: int, seed: int = 0) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """The summary (plain values) and the tables fan, likelihood, shares, rule. `first`: the first uncertain year; `last`: the last one of the horizon."""
    whole = by_future(outcomes)
    numbers = solved(table)
    rows = [number - 1 for number in numbers]
    gap = whole[(whole["measure"] == "gap_yuan") & (whole["year"] == last)].set_index("future")["value"].reindex(numbers)
    fails_by, fails = failing(outcomes, whole, first, last)
    box, limits = rule(drawn, rows, fails.reindex(numbers).to_numpy(bool), last, seed)
    likely = likelihood(outcomes, first)
    summary = {
        "solved": len(numbers),
        "unsolved": int((table["state"] != SOLVED).sum()),
        "first": first,
        "last": last,
        "held": float(likely.loc[likely["region"] == PLAN, "held"].iloc[0]),
        "fails_by": fails_by,
        "failing": int(fails.sum()),
        "rule_coverage": box.coverage if box else None,
        "rule_density": box.density if box else None,
        "rule_base": box.base if box else None,
        "rule_inside": box.inside if box else None,
    }
    decided = shares(factors(drawn, last, own=True)[rows], gap.to_numpy(float), drawn.paths)
    return summary, {"fan": fan(whole), "likelihood": likely, "shares": decided, "rule": limits}
