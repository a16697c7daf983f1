"""The ways to mend a shortfall: each a patch of the scenario whose size can be chosen, from none to the most that is sensible.

Knows scenarios and their parameters. Must not know the model or what a way does: that is found by solving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fiscalsim.levers import clean_value, path_at
from fiscalsim.scenario import Scenario

Patch = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """What a patch may have to know: the base year, the years of the horizon, and the shortfall's indicator with the value it reaches."""

    base_year: int
    years: tuple[int, ...]
    year: int
    indicator: str = ""
    reached: float = 0.0
    base_value: float = 0.0


@dataclass(frozen=True)
class Way:
    """One way to mend a shortfall: its name (texts `way.<name>`), how large it may be, in which steps, and what it sets.

    `asked`: whether the warm model's answer says anything (lowering a target helps by freeing what others have, which the question leaves to them);
    `eases`: limits that a way touches which gives the model other rows and so cannot be asked, only tried.
    """

    name: str
    most: float
    step: float
    patch: Callable[[Scenario, Known, float], Patch]
    asked: bool = True
    eases: tuple[str, ...] = ()

    def of(self, scenario: Scenario, known: Known, size: float) -> Patch:
        """The patch of this size; empty where it changes nothing."""
        found = {path: clean_value(value) for path, value in self.patch(scenario, known, size).items()}
        return {path: value for path, value in found.items() if not _same(value, scenario.value(path), known)}

    def rounded(self, size: float) -> float:
        """The next size upward on the way's steps, within its range."""
        steps = -(-round(size / self.step, 6) // 1)
        return min(self.most, round(steps * self.step, 6))


def _same(a: Any, b: Any, known: Known) -> bool:
    """Whether two values, numbers or paths, hold alike in every year."""
    years = range(known.base_year, known.years[-1] + 1)
    return bool((abs(path_at(a, years) - path_at(b, years)) < 1e-9).all())


def from_first_year(scenario: Scenario, known: Known, path: str, change: Callable[[float], float]) -> Any:
    """The scenario's value of a path with `change` from the first decision year on; years before stay as they were."""
    now = scenario.value(path)
    first = known.base_year + 1
    years = sorted({known.base_year, first, *(y for y in (now if isinstance(now, Mapping) else {}) if y > first)})
    values = path_at(now, years)
    return {year: _round(value if year < first else change(float(value))) for year, value in zip(years, values, strict=True)}


def _round(value: float) -> float:
    return round(float(value), 4)


def _times(*paths: str) -> Callable[[Scenario, Known, float], Patch]:
    """Numbers times 1 + size."""
    return lambda scenario, known, size: {path: _round(float(scenario.value(path)) * (1.0 + size)) for path in paths}


def _plus(path: str, least: float = 0.0, most: float = 1.0) -> Callable[[Scenario, Known, float], Patch]:
    """A number moved by size, within bounds that never take it back."""

    def patch(scenario: Scenario, known: Known, size: float) -> Patch:
        now = float(scenario.value(path))
        return {path: _round(min(max(now + size, min(least, now)), max(most, now)))}

    return patch


def _path(path: str, change: Callable[[float, float], float], least: float, most: float) -> Callable[[Scenario, Known, float], Patch]:
    """A path moved from the first decision year on, within bounds that never take it back."""

    def patch(scenario: Scenario, known: Known, size: float) -> Patch:
        return {path: from_first_year(scenario, known, path, lambda v: min(max(change(v, size), min(least, v)), max(most, v)))}

    return patch


def _raise_less(scenario: Scenario, known: Known, size: float) -> Patch:
    """Standards above the national one raised by less: by the part 1 - size of what the scenario adds."""
    return {path: from_first_year(scenario, known, path, lambda v: 1.0 + (v - 1.0) * (1.0 - size)) for path in _raised(scenario)}


def _raise_later(scenario: Scenario, known: Known, size: float) -> Patch:
    """The same raises, `size` years later."""
    years = range(known.base_year, known.years[-1] + 1)
    found = {}
    for path in _raised(scenario):
        now = path_at(scenario.value(path), years)
        moved = [1.0 if i - size < 1 and not isinstance(scenario.value(path), Mapping) else float(now[max(0, i - int(size))]) for i in range(len(years))]
        found[path] = {year: _round(value) for year, value in zip(years, moved, strict=True)}
    return found


def _raised(scenario: Scenario) -> list[str]:
    def highest(value: Any) -> float:
        return max(value.values()) if isinstance(value, Mapping) else float(value)

    return [path for path, value in scenario.set.items() if path.startswith("standards.") and highest(value) > 1.0]


def _lower_target(scenario: Scenario, known: Known, size: float) -> Patch:
    """The target moved towards what is reached; size 1 is all the way."""
    if not known.indicator:
        return {}
    path = f"targets.{known.indicator}"
    now = float(scenario.value(path))
    return {path: float(f"{now + (known.reached - now) * size:.6g}")}


def _fewer_years(scenario: Scenario, known: Known, size: float) -> Patch:
    """The last standards are held against fewer years after the horizon."""
    return {"allocation.tail_years": max(0, int(scenario.value("allocation.tail_years")) - int(size))}


PLACES = ("served_within_capacity", "capacity_carried_forward", "build_rate_limited", "conversion_from_surplus", "bought_within_market")
POSTS = ("staff_within_supply", "capacity_carried_forward", "build_rate_limited", "posts_moved_within_limit")
WAYS: tuple[Way, ...] = (
    Way("more_transfers", 0.5, 0.01, _path("fiscal.transfer_pool", lambda v, size: v * (1.0 + size), 0.0, 2.0)),
    Way("larger_catalogue", 0.3, 0.01, _path("fiscal.catalogue_share", lambda v, size: v + size, 0.0, 1.0)),
    Way("lower_reserve", 0.02, 0.001, _path("fiscal.reserve_share", lambda v, size: v - size, 0.01, 1.0)),
    Way("more_bonds", 2.0, 0.1, _path("fiscal.bond_quota", lambda v, size: v * (1.0 + size), 0.0, 5.0)),
    Way("more_shared", 0.3, 0.01, _plus("fiscal.province_share")),
    Way("faster_growth", 0.08, 0.005, _plus("allocation.recurrent_growth_margin", 0.0, 0.1)),
    Way("freer_grants", 0.3, 0.01, _plus("allocation.transfer_change_limit", 0.0, 0.5)),
    Way("shorter_promise", 10.0, 1.0, _fewer_years, eases=("promise_outlives_the_horizon",)),
    Way("more_building", 2.0, 0.1, _times("supply.building_rate")),
    Way("more_hiring", 2.0, 0.1, _times("supply.hiring_rate")),
    Way("building_and_hiring", 2.0, 0.1, _times("supply.building_rate", "supply.hiring_rate")),
    Way("buying_places", 1.0, 0.1, _plus("supply.purchase_limit"), eases=PLACES),
    Way("moving_posts", 0.1, 0.01, _plus("supply.post_mobility"), eases=POSTS),
    Way("raise_less", 1.0, 0.1, _raise_less),
    Way("raise_later", 5.0, 1.0, _raise_later),
    Way("lower_target", 1.0, 0.05, _lower_target, asked=False),
)
