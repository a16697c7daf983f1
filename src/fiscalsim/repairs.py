"""What would mend the largest shortfalls: each way is a patch of the scenario, applied and solved again, with who gains, who loses and what it costs.

Knows scenarios, the pipeline's question and the outcome of plans; must not know words or pages. Nothing is said that was not solved: a way that
does not help is kept as such. Persons are clients of the year shown, yuan of the year itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.allocation import Asker, Outcome
from fiscalsim.assumptions import load_pack
from fiscalsim.errors import NoSolution
from fiscalsim.levers import clean_value, path_at
from fiscalsim.pipeline import Posed, posed
from fiscalsim.scenario import Scenario
from fiscalsim.scenario import home as default_home

LEAST = 1.0  # persons; fewer is no help
NOTICED = 0.01  # a smaller part of the shortfall is no help either
HARD = 0.5  # persons lost in an area before it counts as losing


@dataclass(frozen=True)
class Way:
    """One way to mend a shortfall: its name (texts `way.<name>`) and what it sets, from the scenario's values and a size."""

    name: str
    size: Callable[[Sizes], float]  # 0: not to be tried
    patch: Callable[[Scenario, Sizes, float], dict[str, Any]]


@dataclass(frozen=True)
class Sizes:
    """What is known of the shortfalls before anything is tried."""

    base_year: int
    years: tuple[int, ...]  # of the horizon
    year: int
    money: float  # what the shortfalls of the year would cost, as a share of the pool of general grants
    means: float  # the same as a share of the means for the catalogue
    places: float  # missing places over those ordered up to the year, in the area that misses most
    staff: float


@dataclass(frozen=True)
class Repairs:
    """`shortfalls`: rank, year, region, service, goal (floor, standard), persons, yuan, clients, limited_by.

    `repairs`: shortfall (rank), place (1 is best; 0 does not help), way, set, persons (more served in the cell), closed (share of the shortfall),
    yuan (more spent up to the year), yuan_year (in the year), persons_all (more served in the whole plan), losers (persons who lose), loser_region,
    loser_service, helps, solved.
    """

    year: int
    shortfalls: pd.DataFrame
    repairs: pd.DataFrame
    places: pd.DataFrame  # names of the regions
    services: pd.DataFrame


def largest(outcome: Outcome, asked: Posed, year: int, top: int) -> pd.DataFrame:
    """The largest shortfalls of a year: floors before the full standard, in turn by yuan and by persons; columns as `Repairs.shortfalls`."""
    y = asked.inputs.horizon.index(year)
    rows = []
    for r, s in np.argwhere(outcome.clients[y] - outcome.served[y] >= HARD):
        floor = outcome.below[y, r, s] >= HARD
        persons = outcome.below[y, r, s] if floor else outcome.clients[y, r, s] - outcome.served[y, r, s]
        code, service = asked.inputs.regions.labels[r], asked.needed.services.labels[s]
        held = outcome.limited_by.query("year == @year and region == @code and service == @service")["limited_by"]
        limit = str(held.iloc[0]) if len(held) else ""
        rows.append(
            (
                year,
                code,
                service,
                "floor" if floor else "standard",
                persons,
                persons * outcome.standard[y, r, s],
                outcome.clients[y, r, s],
                limit,
                int(r),
                int(s),
            )
        )
    table = pd.DataFrame(rows, columns=["year", "region", "service", "goal", "persons", "yuan", "clients", "limited_by", "r", "s"])
    order: list[Any] = []
    for goal in ("floor", "standard"):
        mine = table[table["goal"] == goal]
        turns = [list(mine.sort_values([by, "region", "service"], ascending=[False, True, True]).index) for by in ("yuan", "persons")]
        for pair in zip(*turns, strict=True):
            order += [i for i in dict.fromkeys(pair) if i not in order]
    table = table.loc[order[:top]].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def sizes(outcome: Outcome, asked: Posed, found: pd.DataFrame, year: int) -> Sizes:
    """First guesses of how large a repair must be, from what is missing."""
    inputs = asked.inputs
    y, at = inputs.horizon.index(year), inputs.years.index(year)
    staff = np.array([r.kind == "staff" for r in inputs.supply.resources])
    ordered = outcome.built[: y + 1].sum(axis=0)
    ratio = np.divide(outcome.missing[y], ordered, out=np.zeros_like(ordered), where=ordered >= 1.0)[found["r"].unique()]
    money = float(found["yuan"].sum())
    return Sizes(
        base_year=inputs.info.base_year,
        years=inputs.horizon.labels,
        year=year,
        money=money / float(asked.money.general_pool[at]),
        means=money / float(asked.money.means[at].sum()),
        places=float(ratio[:, ~staff].max(initial=0.0)),
        staff=float(ratio[:, staff].max(initial=0.0)),
    )


# --- the ways -------------------------------------------------------------------------------------------------------


def from_first_year(scenario: Scenario, known: Sizes, path: str, change: Callable[[float], float]) -> Any:
    """The scenario's value of a path with `change` from the first decision year on; years before stay as they were."""
    now = scenario.value(path)
    first = known.base_year + 1
    years = sorted({known.base_year, first, *(y for y in (now if isinstance(now, Mapping) else {}) if y > first)})
    values = path_at(now, years)
    return {year: _round(value if year < first else change(float(value))) for year, value in zip(years, values, strict=True)}


def _round(value: float) -> float:
    return round(float(value), 4)


def _times(path: str, paths: tuple[str, ...] = ()) -> Callable[[Scenario, Sizes, float], dict[str, Any]]:
    def patch(scenario: Scenario, known: Sizes, size: float) -> dict[str, Any]:
        return {p: _round(float(scenario.value(p)) * size) for p in (path, *paths)}

    return patch


def _plus(path: str, least: float = 0.0, most: float = 1.0) -> Callable[[Scenario, Sizes, float], dict[str, Any]]:
    def patch(scenario: Scenario, known: Sizes, size: float) -> dict[str, Any]:
        return {path: _round(min(max(float(scenario.value(path)) + size, least), most))}

    return patch


def _path_times(path: str, most: float) -> Callable[[Scenario, Sizes, float], dict[str, Any]]:
    def patch(scenario: Scenario, known: Sizes, size: float) -> dict[str, Any]:
        return {path: from_first_year(scenario, known, path, lambda v: min(v * size, most))}

    return patch


def _all(*patches: Callable[[Scenario, Sizes, float], dict[str, Any]]) -> Callable[[Scenario, Sizes, float], dict[str, Any]]:
    def patch(scenario: Scenario, known: Sizes, size: float) -> dict[str, Any]:
        return {path: value for one in patches for path, value in one(scenario, known, size).items()}

    return patch


def _factor(ratio: float) -> float:
    """1 + what is missing over what is built, in tenths, between 1.2 and 3."""
    return round(min(max(1.0 + ratio, 1.2), 3.0), 1)


def _share(ratio: float) -> float:
    """1 + the share of money missing, in hundredths, between 1.01 and 1.5."""
    return round(min(max(1.0 + ratio, 1.01), 1.5) + 0.005, 2)


POOL = _path_times("fiscal.transfer_pool", 2.0)
BUILD, HIRE = _times("supply.building_rate"), _times("supply.hiring_rate")
WAYS: tuple[Way, ...] = (
    Way("more_transfers", lambda k: _share(k.money), POOL),
    Way("larger_catalogue", lambda k: _share(k.means), _path_times("fiscal.catalogue_share", 1.0)),
    Way("more_bonds", lambda k: 1.5, _path_times("fiscal.bond_quota", 3.0)),
    Way("faster_growth", lambda k: 0.02, _plus("allocation.recurrent_growth_margin")),
    Way("freer_grants", lambda k: 0.1, _plus("allocation.transfer_change_limit")),
    Way("a_little_building", lambda k: 1.3, BUILD),
    Way("more_building", lambda k: _factor(k.places), BUILD),
    Way("more_hiring", lambda k: _factor(k.staff), HIRE),
    Way("buying_places", lambda k: 1.0, _plus("supply.purchase_limit", 0.0, 1.0)),
    Way("building_and_hiring", lambda k: _factor(max(k.places, k.staff)), _all(BUILD, HIRE)),
)


# --- trying them ----------------------------------------------------------------------------------------------------


def repairs(
    scenario: Scenario,
    *,
    home: Path | None = None,
    year: int | None = None,
    top: int = 10,
    ways: tuple[Way, ...] = WAYS,
    progress: Callable[[float, str], None] | None = None,
) -> Repairs:
    """The largest shortfalls of a year and what each way does to them; `year` is the plan's target year when left out.

    Each way is solved once and read for every shortfall. Errors: InputError, NoSolution of the scenario itself; a way without a plan is recorded.
    """
    say = progress or (lambda fraction, stage: None)
    pack = load_pack(scenario.pack, home or default_home(), scenario.resolution)
    year = pack.info.plan_target_year if year is None else year
    asker = Asker()
    say(0.0, "read")
    asked = posed(pack, scenario)
    now = _ask(asker, asked)
    found = largest(now, asked, year, top)
    known = sizes(now, asked, found, year)
    rows: list[dict[str, Any]] = []
    for i, way in enumerate(ways if len(found) else ()):
        say((1 + i) / (1 + len(ways)), "repair")
        patch = {path: clean_value(value) for path, value in way.patch(scenario, known, way.size(known)).items()}
        if patch == {path: scenario.value(path) for path in patch}:
            continue
        words = "; ".join(f"{path}={value}".replace("'", "") for path, value in patch.items())
        try:
            then = _ask(asker, posed(pack, replace(scenario, set={**scenario.set, **patch})))
        except NoSolution:
            rows += [{"shortfall": rank, "way": way.name, "set": words, "helps": False, "solved": False} for rank in found["rank"]]
            continue
        rows += [{"way": way.name, "set": words, "solved": True, **effect(now, then, row, asked, year)} for row in found.to_dict("records")]
    table = ranked(pd.DataFrame(rows, columns=COLUMNS))
    return Repairs(year, found.drop(columns=["r", "s"]), table, asked.inputs.info.region_names, _services(asked))


COLUMNS = [
    "shortfall",
    "place",
    "way",
    "set",
    "persons",
    "closed",
    "yuan",
    "yuan_year",
    "persons_all",
    "losers",
    "loser_region",
    "loser_service",
    "helps",
    "solved",
]


def _ask(asker: Asker, asked: Posed) -> Outcome:
    return asker.ask(asked.inputs, asked.needed, asked.money, asked.forms)


def _services(asked: Posed) -> pd.DataFrame:
    return pd.DataFrame([{"service": s.code, "name_zh": s.name_zh, "name_en": s.name_en} for s in asked.inputs.demand.services])


def effect(now: Outcome, then: Outcome, row: Mapping[Any, Any], asked: Posed, year: int) -> dict[str, Any]:
    """What a way does to one shortfall and to everybody else in the year."""
    y, r, s = asked.inputs.horizon.index(year), row["r"], row["s"]
    change = then.served[y] - now.served[y]
    gained = float(now.below[y, r, s] - then.below[y, r, s]) if row["goal"] == "floor" else float(change[r, s])
    lost = np.minimum(change, 0.0)
    worst = np.unravel_index(int(lost.argmin()), lost.shape)
    losing = lost[worst] <= -HARD
    more = then.spent - now.spent
    return {
        "shortfall": row["rank"],
        "persons": gained,
        "closed": gained / row["persons"],
        "yuan": float(more[: y + 1].sum()),
        "yuan_year": float(more[y]),
        "persons_all": float(change.sum()),
        "losers": float(-lost[lost <= -HARD].sum()),
        "loser_region": asked.inputs.regions.labels[worst[0]] if losing else "",
        "loser_service": asked.needed.services.labels[worst[1]] if losing else "",
        "helps": gained >= LEAST and gained >= NOTICED * row["persons"],
    }


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Places of the ways that help: what closes more (in tenths of the shortfall) first, then the cheaper, then what serves more people elsewhere."""
    table = table.assign(_tenth=-(table["closed"].fillna(0.0).astype(float).clip(upper=1.0) * 10).round())
    table = table.sort_values(["shortfall", "helps", "_tenth", "yuan", "persons_all"], ascending=[True, False, True, True, False], kind="stable")
    place = table.groupby("shortfall").cumcount() + 1
    return table.assign(place=np.where(table["helps"].astype(bool), place, 0)).drop(columns="_tenth").reset_index(drop=True)
