"""Clients of the nation's counties against one matrix product of the same size, which is the least that turning people into clients can take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks import Ratio
from benchmarks.cohort import YEARS, inputs, together
from fiscalsim import demography
from fiscalsim.assumptions import load_pack
from fiscalsim.axes import years_axis
from fiscalsim.demand import clients
from fiscalsim.pipeline import posed
from fiscalsim.quantities import DemandInputs
from fiscalsim.scenario import home, load_scenario

REGIONS = 2844


def national(given: DemandInputs) -> DemandInputs:
    """A pack's demand with its first region's figures in every one of the nation's counties, for as many years as the cohort benchmark has."""

    def stretched(values: np.ndarray, years: bool, regions: int | None) -> np.ndarray:
        found = np.asarray(values)
        if regions is not None:
            found = np.repeat(found.take([0], axis=regions), REGIONS, axis=regions)
        if years:
            found = np.concatenate([found, np.repeat(found[-1:], YEARS + 1, axis=0)])[: YEARS + 1]
        return found

    return replace(
        given,
        household_size=stretched(given.household_size, True, 1),
        non_local_share=stretched(given.non_local_share, False, 0),
        **{name: stretched(getattr(given, name), True, None) for name in ("resident_coverage", "opened", "held_back", "client_multiple", "care_need")},
    )


def ratios() -> list[Ratio]:
    scenario = load_scenario("liaoning-baseline")
    given = national(posed(load_pack(scenario.pack, home()), scenario).inputs.demand)
    world = replace(inputs(REGIONS), base_year=2025, years=years_axis(2026, 2025 + YEARS))
    population, components = demography.simulate(world)
    people = population.persons.reshape((YEARS + 1) * REGIONS * 2, -1)
    need = given.need[0].reshape(people.shape[1], -1)
    seconds = together({"clients": lambda: clients(population, components, given), "product": lambda: people @ need}, 3)
    what = f"clients of {REGIONS} regions x 2 residences x {YEARS + 1} years x {need.shape[1]} services"
    times = f"{seconds['clients']:.2f} s / {seconds['product']:.2f} s"
    return [Ratio(what, "one matrix product of that size", seconds["clients"] / seconds["product"], 2.0, times)]
