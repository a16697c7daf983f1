"""Two or more saved runs side by side: what was put in differently, what came out differently and why spending differs.

Knows the tables of a run and outer joins. Must not know how a run is computed or drawn. Runs whose regions, years or price base
differ are refused, for their figures would not mean the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Protocol

import numpy as np
import pandas as pd

from fiscalsim.errors import InputError

KEY = ("figure", "region", "service", "year")
NOT_COMPUTED_WITH = ("name_zh", "name_en", "why_zh", "why_en", "extends")  # words of a scenario, not numbers
CELL = ["year", "region", "residence", "service"]
# Factors of one cell's recurrent cost: clients x standard x coverage x delivery, in the order of the catalogue's arithmetic.
DRIVERS = ("people", "standard", "coverage", "delivery", "capital")


class Run(Protocol):
    """What a run must offer to be compared; `store.SavedRun` does."""

    @property
    def name(self) -> str:
        """Unique among the compared runs."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Resolved scenario, pack and digests."""

    def table(self, name: str) -> pd.DataFrame:
        """One tidy table of the run."""


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; the first one is what the others are measured against.

    `inputs`: path, one column a run, differs. `outputs`: figure, region, service, year, one column a run, `<run> - <first>` for every
    other run (units: yuan for figures ending in _yuan, else persons, clients or the indicator's unit). `drivers`: run, year, region,
    service, driver, yuan; over one run, year, region and service the drivers add up to the change of catalogue cost.
    """

    names: tuple[str, ...]
    labels: Mapping[str, Mapping[str, str]]
    inputs: pd.DataFrame
    outputs: pd.DataFrame
    drivers: pd.DataFrame
    statuses: pd.DataFrame

    def changed_inputs(self) -> pd.DataFrame:
        """Only the inputs that differ."""
        return self.inputs[self.inputs["differs"]].reset_index(drop=True)

    def to_frame(self) -> pd.DataFrame:
        """The outer join of key figures, one row a figure, region, service and year."""
        return self.outputs


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare two or more saved runs. InputError: fewer than two, the same run twice, or axes that differ (all of them named)."""
    names = tuple(run.name for run in runs)
    if len(runs) < 2:
        raise InputError(f"compare: {len(runs)} run given, two or more are needed")
    if len(set(names)) != len(names):
        raise InputError(f"compare: the same run is given twice ({', '.join(sorted({n for n in names if names.count(n) > 1}))})")
    _refuse_different_axes(runs)
    figures = {run.name: key_figures(run) for run in runs}
    return Comparison(
        names=names,
        labels={run.name: dict(run.manifest["scenario_names"]) for run in runs},
        inputs=_inputs(runs),
        outputs=_outputs(names, figures),
        drivers=pd.concat([cost_drivers(runs[0], other) for other in runs[1:]], ignore_index=True),
        statuses=_statuses(runs),
    )


# --- what may be compared -------------------------------------------------------------------------------------------


def axis_differences(runs: Sequence[Run]) -> list[tuple[str, str, str, str]]:
    """(axis, run, value of the first run, value of that run) for all that must agree and does not; empty when the runs can be compared."""
    first = _axes(runs[0])
    return [(axis, run.name, _short(first[axis]), _short(value)) for run in runs[1:] for axis, value in _axes(run).items() if value != first[axis]]


def _refuse_different_axes(runs: Sequence[Run]) -> None:
    problems = [f"{axis} differ ({runs[0].name}: {here}; {name}: {there})" for axis, name, here, there in axis_differences(runs)]
    if problems:
        raise InputError("cannot be compared: " + "; ".join(problems))


def _axes(run: Run) -> dict[str, Any]:
    """What must agree between runs, each under the name that the message uses."""
    pack = run.manifest["pack"]
    years = sorted({int(year) for year in run.table("allocation")["year"]})
    return {
        "regions": tuple(run.table("regions")["region"]),
        "years": tuple(years),
        "price bases": int(pack["base_year"]),
        "residences": tuple(sorted(set(run.table("allocation")["residence"]))),
    }


def _short(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(map(str, value)) if len(value) <= 4 else f"{value[0]} .. {value[-1]} ({len(value)})"


# --- inputs ---------------------------------------------------------------------------------------------------------


def _inputs(runs: Sequence[Run]) -> pd.DataFrame:
    columns = {run.name: input_values(run) for run in runs}
    paths = sorted({path for values in columns.values() for path in values})
    rows = [{"path": path, **{name: values.get(path, "") for name, values in columns.items()}} for path in paths]
    table = pd.DataFrame(rows, columns=["path", *columns])
    table["differs"] = [len({row[name] for name in columns}) > 1 for row in rows]
    return table


def input_values(run: Run) -> dict[str, str]:
    """Everything that decided the run as path -> text: levers and parameters, limits, policy, seed, data and versions."""
    values: dict[str, str] = {}
    for key, value in run.manifest["scenario"].items():
        if key in NOT_COMPUTED_WITH:
            continue
        nested = {f"{key}.{inner}": item for inner, item in value.items()} if isinstance(value, Mapping) else {key: value}
        values |= {path.removeprefix("set."): _text(item) for path, item in nested.items()}
    versions = {f"version of {name}": version for name, version in run.manifest["versions"].items()}
    return values | {"pack data": run.manifest["pack_digest"]} | versions


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


# --- outputs --------------------------------------------------------------------------------------------------------


def key_figures(run: Run) -> pd.DataFrame:
    """figure, region, service, year, value: the figures that a comparison shows; service is empty where it does not apply."""
    allocation, demand = run.table("allocation"), run.table("demand")
    years = set(allocation["year"])
    served = _with_demand(allocation, demand)
    by_service = served.groupby(["region", "service", "year"], as_index=False)[["clients", "provided", "recurrent_yuan", "capital_yuan"]].sum()
    by_service["coverage"] = by_service["provided"] / by_service["clients"].where(by_service["clients"] > 0)  # of nobody: missing, not 0
    parts = [_long(by_service, column, service="service") for column in ("clients", "provided", "coverage", "recurrent_yuan", "capital_yuan")]
    shortfalls = run.table("shortfalls").groupby(["region", "what", "year"], as_index=False)[["units", "yuan"]].sum()
    parts += [_long(shortfalls, "units", "shortfall", "what"), _long(shortfalls, "yuan", "shortfall_yuan", "what")]
    transfers = run.table("transfers").groupby(["region", "year"], as_index=False)[["yuan"]].sum()
    parts.append(_long(transfers, "yuan", "transfers_yuan"))
    people = run.table("population").groupby(["region", "year"], as_index=False)[["persons"]].sum()
    parts.append(_long(people.loc[people["year"].isin(years)], "persons", "population"))
    fiscal = run.table("fiscal")
    fiscal = fiscal[fiscal["year"].isin(years)]
    parts += [_long(fiscal[fiscal["item"] == item], "yuan", f"fiscal.{item}_yuan") for item in sorted(set(fiscal["item"]))]
    indicators = run.table("indicators")
    parts += [_long(indicators[indicators["indicator"] == code], "value", f"indicator.{code}") for code in sorted(set(indicators["indicator"]))]
    return pd.concat(parts, ignore_index=True)


def _with_demand(allocation: pd.DataFrame, demand: pd.DataFrame) -> pd.DataFrame:
    """The cells of the allocation with their clients and standard."""
    own = allocation[[*CELL, "provided", "recurrent_yuan", "capital_yuan"]]
    return own.merge(demand[[*CELL, "clients", "standard_yuan"]], on=CELL, how="left", validate="one_to_one")


def _long(table: pd.DataFrame, column: str, figure: str = "", service: str = "") -> pd.DataFrame:
    """One figure as tidy rows."""
    return pd.DataFrame(
        {
            "figure": figure or column,
            "region": table["region"].to_numpy(),
            "service": table[service].to_numpy() if service else "",
            "year": table["year"].to_numpy(dtype=np.int64),
            "value": table[column].to_numpy(dtype=np.float64),
        }
    )


def _outputs(names: tuple[str, ...], figures: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Outer join on figure, region, service and year; a figure that a run lacks stays empty, it is never 0."""
    table = pd.concat([figures[name].set_index(list(KEY))["value"].rename(name) for name in names], axis=1, join="outer").sort_index()
    for name in names[1:]:
        table[f"{name} - {names[0]}"] = table[name] - table[names[0]]
    return table.reset_index()


def _statuses(runs: Sequence[Run]) -> pd.DataFrame:
    """indicator, nature, one status column a run, in each indicator's last year; targets of the plan only."""
    columns = []
    for run in runs:
        table = run.table("indicators")
        table = table[table["nature"] != "stated"]
        plan = table[table["region"] == "plan"] if (table["region"] == "plan").any() else table
        last = plan.sort_values("year").groupby(["indicator", "nature"])["status"].last()
        columns.append(last.rename(run.name))
    return pd.concat(columns, axis=1, join="outer").sort_index().reset_index()


# --- why spending differs -------------------------------------------------------------------------------------------


def cost_drivers(first: Run, other: Run) -> pd.DataFrame:
    """run, year, region, service, driver, yuan: why the catalogue costs more or less in `other`; the parts add up to the change.

    Recurrent cost of a cell = clients x standard x coverage x delivery, where delivery is what was spent per yuan of standard (fixed
    costs of places that stand empty or full). The change is split over the four factors by Shapley's rule: the mean over all orders
    in which the factors may move, so no order is preferred. A factor without meaning on one side (coverage of nobody) takes the
    other side's value and explains nothing. Capital is a difference of its own.
    """
    cells = pd.concat([_cells(first).add_suffix("_0"), _cells(other).add_suffix("_1")], axis=1, join="outer").sort_index()
    factors = ("clients", "standard", "coverage", "delivery")
    before, after = ({name: cells[f"{name}_{side}"].to_numpy(dtype=np.float64) for name in factors} for side in (0, 1))
    for name in factors:  # undefined on one side: the other side's value; on both: 1, the product is 0 by clients or coverage
        before[name], after[name] = (
            np.where(np.isnan(x), np.where(np.isnan(y), 1.0, y), x) for x, y in ((before[name], after[name]), (after[name], before[name]))
        )
    absent_0, absent_1 = cells["recurrent_0"].isna().to_numpy(), cells["recurrent_1"].isna().to_numpy()
    before["clients"], after["clients"] = np.where(absent_0, 0.0, before["clients"]), np.where(absent_1, 0.0, after["clients"])
    parts = dict(zip(("people", "standard", "coverage", "delivery"), shapley([before[n] for n in factors], [after[n] for n in factors]), strict=True))
    recurrent = cells["recurrent_1"].fillna(0.0).to_numpy() - cells["recurrent_0"].fillna(0.0).to_numpy()
    parts["delivery"] = parts["delivery"] + (recurrent - sum(parts.values()))  # spending where nobody was served is no product
    parts["capital"] = cells["capital_1"].fillna(0.0).to_numpy() - cells["capital_0"].fillna(0.0).to_numpy()
    table = pd.DataFrame(parts, index=cells.index).groupby(level=["year", "region", "service"]).sum()
    tidy = table[list(DRIVERS)].melt(ignore_index=False, var_name="driver", value_name="yuan").reset_index()
    tidy.insert(0, "run", other.name)
    tidy["driver"] = pd.Categorical(tidy["driver"], DRIVERS, ordered=True)
    tidy = tidy.sort_values(["year", "region", "service", "driver"], ignore_index=True)
    tidy["driver"] = tidy["driver"].astype("str")
    return tidy


def _cells(run: Run) -> pd.DataFrame:
    """The factors of each cell's cost; NaN where a factor has no meaning."""
    table = _with_demand(run.table("allocation"), run.table("demand")).set_index(CELL)
    worth = table["provided"] * table["standard_yuan"]
    return pd.DataFrame(
        {
            "clients": table["clients"],
            "standard": table["standard_yuan"],
            "coverage": (table["provided"] / table["clients"]).where(table["clients"] > 0),
            "delivery": (table["recurrent_yuan"] / worth).where(worth > 0),
            "recurrent": table["recurrent_yuan"],
            "capital": table["capital_yuan"],
        }
    )


def shapley(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Split prod(after) - prod(before) over its factors: each one's change, averaged over all orders in which the factors move."""
    parts = [np.zeros_like(np.asarray(value, dtype=np.float64)) for value in before]
    for order in permutations(range(len(before))):
        now = list(before)
        for factor in order:
            old = math.prod(now)
            now[factor] = after[factor]
            parts[factor] = parts[factor] + (math.prod(now) - old)
    return [part / math.factorial(len(before)) for part in parts]


# --- for machines ---------------------------------------------------------------------------------------------------


def to_json(comparison: Comparison) -> str:
    """All tables of the comparison as one JSON text, a list of rows each."""
    tables = {name: getattr(comparison, name) for name in ("inputs", "outputs", "drivers", "statuses")}
    rows = {name: json.loads(table.to_json(orient="records", double_precision=15, force_ascii=False)) for name, table in tables.items()}
    return json.dumps({"runs": list(comparison.names), **rows}, ensure_ascii=False)
