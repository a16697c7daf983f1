"""The cohort engine against writing its output once, and against a plain numpy loop per region.

Everything is switched on: external migrants (even), the pool between regions, an urbanisation path, reclassification. Inputs are made up.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks import Ratio
from fiscalsim import demography
from fiscalsim.axes import Axis, years_axis
from fiscalsim.quantities import Array, DemographyInputs

AGES = np.arange(101)
YEARS = 15


def inputs(regions: int, seed: int = 1) -> DemographyInputs:
    """A made-up province (or nation) of `regions` regions with human rates."""
    draw = np.random.default_rng(seed)
    mx = np.stack([2e-5 * np.exp(0.1 * AGES) + 0.004 * (AGES == 0) + 5e-4, 1.2e-5 * np.exp(0.102 * AGES) + 0.0035 * (AGES == 0) + 2e-4])
    base = draw.uniform(50, 150, (regions, 2, 2, 101)) * np.exp(-((AGES / 80) ** 6)) * draw.uniform(1, 10, (regions, 1, 1, 1))
    rise = np.linspace(0, 3, YEARS)[:, None, None] + draw.normal(0, 1, (1, regions, 1))
    schedule = np.exp(-(((AGES - np.array([[28.0], [26.0]])) / 5) ** 2)) * ((AGES >= 15) & (AGES < 50))
    movers = np.stack([np.exp(-(((AGES - 24) / 9.0) ** 2)) + 0.1] * 2)
    movers /= movers.max()
    arriving = base.sum(axis=(1, 2, 3)) * draw.uniform(0.8, 1.2, regions)
    urban = base[:, 0].sum(axis=(1, 2)) / base.sum(axis=(1, 2, 3))
    return DemographyInputs(
        base_year=2020,
        years=years_axis(2021, 2020 + YEARS),
        regions=Axis("region", tuple(f"r{i}" for i in range(regions))),
        base_population=base,
        standard_mx=mx,
        life_expectancy=np.array([75.0, 80.0]) + rise,
        fertility_schedule=schedule / schedule.sum(axis=1, keepdims=True),
        tfr=draw.uniform(0.9, 1.8, (YEARS, regions, 2)),
        sex_ratio_at_birth=draw.uniform(1.03, 1.12, regions),
        external_migration=base[None] * draw.normal(0, 0.002, (YEARS, regions, 1, 1, 1)) * movers,
        urban_share=urban + 0.008 * np.arange(1, YEARS + 1)[:, None],
        rural_to_urban_rate=None,
        mover_schedule=movers,
        reclassified_share=0.2,
        leaving_rate=draw.uniform(0, 0.01, regions),
        destination_share=arriving / arriving.sum(),
        timing="even",
    )


def plain_numpy(world: DemographyInputs, S: Array) -> Array:
    """The same sums, one region at a time in plain numpy; persons [Y+1,R,H,X,A]. Used as the yardstick, and checked to agree."""
    R = len(world.regions)
    out = np.empty((YEARS + 1, *world.base_population.shape))
    out[0] = world.base_population
    for y in range(YEARS):
        pool = np.zeros((2, 101))
        for r in range(R):
            half = world.external_migration[y, r] / 2
            start = out[y, r] + half
            after = np.zeros((2, 2, 101))
            after[:, :, 1:] = start[:, :, :-1] * S[y, r][:, 1:]
            after[:, :, -1] += start[:, :, -1] * S[y, r][:, -1]
            women = (start[:, 1] + after[:, 1] + half[:, 1]) / 2
            births = (women * world.fertility_schedule).sum(axis=1) * world.tfr[y, r]
            boys = world.sex_ratio_at_birth[r] / (1 + world.sex_ratio_at_birth[r])
            after[:, 0, 0] = births * boys * S[y, r][0, 0]
            after[:, 1, 0] = births * (1 - boys) * S[y, r][1, 0]
            deaths = start.sum(axis=(1, 2)) + births - after.sum(axis=(1, 2))
            assert deaths.min() >= 0
            leaving = after * (world.leaving_rate[r] * world.mover_schedule)
            out[y + 1, r] = after - leaving
            pool += leaving.sum(axis=0)
        for r in range(R):
            after, half = out[y + 1, r], world.external_migration[y, r] / 2
            after[0] += world.destination_share[r] * pool
            closing = (after + half).sum(axis=(1, 2))
            amount = world.urban_share[y, r] * closing.sum() - closing[0]
            source, target = (1, 0) if amount >= 0 else (0, 1)
            alike = abs(amount) * world.reclassified_share / after[source].sum()
            by_schedule = abs(amount) * (1 - world.reclassified_share) / (after[source] * world.mover_schedule).sum()
            moved = after[source] * np.minimum(alike + by_schedule * world.mover_schedule, 1)
            after[source] -= moved
            after[target] += moved
            after += half
    return out


def together(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Seconds of the fastest run of each work, run in turns so that a busy machine is busy for all of them."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: min(values) for name, values in times.items()}


def ratios() -> list[Ratio]:
    rows = []
    for regions, repeats in ((14, 40), (100, 10), (2844, 10)):
        world = inputs(regions)
        shape = (YEARS + 1, *world.base_population.shape)
        vital, moves = demography.vital_rates(world), demography.moves(world)
        ready = partial(demography.advance, world.base_year, world.years, world.regions, world.base_population, vital, moves)
        works = {"write": partial(np.full, shape, 1.0), "ready": ready, "whole": partial(demography.simulate, world)}
        if regions <= 100:
            works["plain"] = partial(plain_numpy, world, vital.survivorship)
            np.testing.assert_allclose(ready()[0].persons, works["plain"](), rtol=1e-9, atol=1e-9)
        seconds = together(works, repeats)
        tracemalloc.start()
        ready()
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        what = f"cohort engine, {regions} regions x 2 x 2 x 101 x {YEARS} years"
        ms = {name: f"{1e3 * value:.4g} ms" for name, value in seconds.items()}
        once, bar = "writing the output once", 8.0 if regions == 2844 else None
        memory = f"peak {peak:.0f} MB for {8 * np.prod(shape) / 1e6:.0f} MB of output"
        rows.append(Ratio(f"{what}, rates ready", once, seconds["ready"] / seconds["write"], bar, f"{ms['ready']} / {ms['write']}; {memory}"))
        rows.append(Ratio(f"{what}, with life tables", once, seconds["whole"] / seconds["write"], None, f"{ms['whole']} / {ms['write']}"))
        if "plain" in seconds:
            bar = 0.2 if regions == 14 else None
            rows.append(
                Ratio(f"{what}, rates ready", "a plain numpy loop per region", seconds["ready"] / seconds["plain"], bar, f"{ms['ready']} / {ms['plain']}")
            )
    return rows


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(ratios()))
