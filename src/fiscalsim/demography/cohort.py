"""The cohort-component engine: one-year steps of all areas side by side, births, deaths and migration, nobody lost.

Knows arrays and their axes: no files, no scenario, no region's particulars. The order of one year (model.md, section 1):

1 half of the net external migrants join (timing `even`; `end` adds all at the end); 2 people survive and age, the open group collects
both last ages; 3 births = sum over ages of ASFR x mean of the women at the start (with the first half) and the survivors (with the second
half under `even`), infants survive to the year's end; 4 between regions: leavers = leaving rate x mover schedule x stock, of town and
country alike, enter one pool and arrive, by destination shares, in towns; then from country to town inside each region, by rate or so
that the closing urban share is the target; 5 the rest of the external migrants join. A cell below zero is an error that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fiscalsim.axes import RESIDENCES, SEX, Axis
from fiscalsim.demography.lifetable import shifted_survivorship
from fiscalsim.errors import ModelError
from fiscalsim.quantities import Array, Components, DemographyInputs, Population

TIMINGS = ("even", "end")
_LARGEST = float(np.finfo(float).max)
FEMALE = SEX.index("female")
_BLOCK_CELLS = 60_000  # areas are stepped in blocks whose arrays stay in the processor's cache; no effect on results


@dataclass(frozen=True)
class VitalRates:
    """Rates ready for stepping."""

    survivorship: Array  # [Y,R,X,A] into each age; age 0: births to age 0
    tfr: Array  # [Y,R,H] children per woman
    fertility_schedule: Array  # [Y,H,A] age pattern, sums to 1 (or to anything, when tfr is 1)
    male_share: Array  # [Y,R] boys among births


@dataclass(frozen=True)
class Moves:
    """Who changes place: external [Y,R,H,X,A] (None: nobody) and internal moves (None: no internal moves at all)."""

    timing: str
    external: Array | None
    schedule: Array | None = None  # [X,A] age-sex pattern of movers, largest cell 1
    leaving_rate: Array | None = None  # [R]
    destination_share: Array | None = None  # [R]
    urban_share: Array | None = None  # [Y,R]
    rural_to_urban_rate: Array | None = None  # [Y,R]
    reclassified_share: float = 0.0


def simulate(inputs: DemographyInputs) -> tuple[Population, Components]:
    """Project `inputs` over its years: the stock of every 31 December from the base year on, and the flows between.

    ModelError names the first input or cell that is out of range.
    """
    check_inputs(inputs)
    return advance(inputs.base_year, inputs.years, inputs.regions, inputs.base_population, vital_rates(inputs), moves(inputs))


def vital_rates(inputs: DemographyInputs) -> VitalRates:
    """Survivorship by Brass' shift to the life expectancies, fertility and the sex ratio at birth, for every year and region."""
    years, regions = len(inputs.years), len(inputs.regions)
    boys = inputs.sex_ratio_at_birth / (1 + inputs.sex_ratio_at_birth)
    return VitalRates(
        shifted_survivorship(inputs.standard_mx, inputs.life_expectancy),
        inputs.tfr,
        np.broadcast_to(inputs.fertility_schedule, (years, *inputs.fertility_schedule.shape)),
        np.broadcast_to(boys, (years, regions)),
    )


def moves(inputs: DemographyInputs) -> Moves:
    """The migration part of `inputs`, as the stepping reads it."""
    return Moves(
        inputs.timing,
        inputs.external_migration if inputs.external_migration.any() else None,
        inputs.mover_schedule,
        inputs.leaving_rate if inputs.leaving_rate.any() else None,
        inputs.destination_share,
        inputs.urban_share,
        inputs.rural_to_urban_rate,
        inputs.reclassified_share,
    )


def advance(base_year: int, years: Axis, regions: Axis, base: Array, rates: VitalRates, moves: Moves) -> tuple[Population, Components]:
    """Step `base` [R,H,X,A] through `years` with rates and moves that are ready; Population has the base year in front."""
    R, H, X, A = base.shape
    labels = (base_year, *years.labels)
    persons = np.empty((len(labels), R, H, X, A))
    persons[0] = base
    flows = Flows(*(np.zeros((len(years), R, H)) for _ in range(4)))
    size = max(1, _BLOCK_CELLS // (H * X * A))
    blocks = [slice(first, min(first + size, R)) for first in range(0, R, size)]
    work = _work(base, min(size, R), moves)
    for y in range(len(years)):
        work.pool[...] = 0
        for block in blocks:
            _survive_and_bear(persons[y, block], persons[y + 1, block], y, block, rates, moves, flows, work)
            if moves.timing == "even" and not work.start[: block.stop - block.start].min() >= 0:
                _name_negative_cell(work.start[: block.stop - block.start], labels[y + 1], regions.labels[block])
        for block in blocks:
            _move_and_join(persons[y + 1, block], y, block, moves, flows, work)
            if not persons[y + 1, block].min() >= 0:
                _name_negative_cell(persons[y + 1, block], labels[y + 1], regions.labels[block])
    for flow in flows:
        if not np.isfinite(flow).all():
            raise ModelError(f"population flows are not finite: {np.argwhere(~np.isfinite(flow))[0].tolist()} [year, region, residence]")
        flow.setflags(write=False)
    persons.setflags(write=False)
    return Population(Axis("year", labels), regions, persons), Components(years, regions, *flows)


class Flows(NamedTuple):
    """Components of change [Y,R,H], filled year by year."""

    births: Array
    deaths: Array
    external: Array
    internal: Array


class _Work(NamedTuple):
    """What one year's two halves share, and memory that is used again and again (new arrays would cost more than the sums)."""

    stock: Array  # [R,H] persons at the start of the year, then at its end
    heads: Array  # [R,H] persons when the pool has been filled
    scheduled: Array  # [R] people of the countryside then, weighted by the mover schedule
    pool: Array  # [X,A] movers between regions
    stays: Array | None  # [R,X,A] share of a cell that does not leave for the pool; None: nobody does
    joining: Array  # [R,H,X,A] external migrants who join at the end of the year, under `even`
    start: Array  # [B,H,X,A]
    into: Array  # [B,H,X,A]
    half: Array  # [B,X,A]


def _work(base: Array, size: int, moves: Moves) -> _Work:
    R, H, X, A = base.shape
    return _Work(
        stock=base.sum(axis=(2, 3)),
        heads=np.zeros((R, H)),
        scheduled=np.zeros(R),
        pool=np.zeros((X, A)),
        stays=None if moves.leaving_rate is None or moves.schedule is None else 1 - moves.leaving_rate[:, None, None] * moves.schedule,
        joining=np.empty(base.shape if moves.external is not None else 0),
        start=np.zeros((size, H, X, A)),
        into=np.empty((size, H, X, A)),
        half=np.empty((size, X, A)),
    )


def _survive_and_bear(start: Array, after: Array, y: int, block: slice, rates: VitalRates, moves: Moves, flows: Flows, work: _Work) -> None:
    """Steps 1-3 of the year for a block of regions, from `start` to `after` [B,H,X,A], then who of it leaves for the pool of step 4."""
    B, H = after.shape[:2]
    S = rates.survivorship[y, block]
    schedule = rates.fertility_schedule[y]
    fertile = slice(*_span(schedule))
    younger = slice(fertile.start - 1, fertile.stop - 1)
    opening = work.stock[block]
    joining = None
    if moves.external is not None:
        coming = moves.external[y, block]
        flows.external[y, block] = _over_people(coming)
        if not np.isfinite(flows.external[y, block]).all():
            cell = tuple(int(i) for i in np.argwhere(~np.isfinite(moves.external))[0])
            raise ModelError(f"external_migration: {moves.external[cell]} at {cell} [year, region, residence, sex, age], not a finite number")
        if moves.timing == "even":
            joining = np.multiply(coming, 0.5, out=work.joining[block])
            start = np.add(start, joining, out=work.start[:B])
            opening = opening + 0.5 * flows.external[y, block]

    mothers = start[:, :, FEMALE, fertile] + start[:, :, FEMALE, younger] * S[:, None, FEMALE, fertile]
    if fertile.stop == after.shape[-1]:  # the open age also keeps those who were in it
        mothers[..., -1] += start[:, :, FEMALE, -1] * S[:, None, FEMALE, -1]
    if joining is not None:
        mothers += joining[:, :, FEMALE, fertile]
    births = rates.tfr[y, block] * 0.5 * np.einsum("rha,ha->rh", mothers, schedule[:, fertile])
    boys = rates.male_share[y, block, None]
    by_sex = np.stack([births * boys, births * (1 - boys)], axis=-1)

    dying = np.subtract(1, S, out=work.half[:B])
    deaths = (start[..., -1] * dying[:, None, :, -1] + by_sex * dying[:, None, :, 0]).sum(axis=-1)
    dying[..., 0] = 0  # so that the sum may run over the flat cells
    deaths += np.einsum("rha,ra->rh", start.reshape(B, H, -1)[..., :-1], dying.reshape(B, -1)[:, 1:])
    flows.births[y, block], flows.deaths[y, block] = births, deaths

    if moves.schedule is not None and moves.leaving_rate is not None and work.stays is not None:
        both = np.einsum("rhxa->rxa", start)
        survivors = both[..., :-1] * S[..., 1:]
        survivors[..., -1] += both[..., -1] * S[..., -1]
        rate = moves.leaving_rate[block]
        work.pool[:, 1:] += np.einsum("r,rxa->xa", rate, survivors) * moves.schedule[:, 1:]
        work.pool[:, 0] += rate @ (by_sex.sum(axis=1) * S[..., 0]) * moves.schedule[:, 0]
        S = np.multiply(S, work.stays[block], out=work.half[:B])
    into = work.into[:B]
    into[...] = S[:, None]
    # everybody moves one cell up in the flat block; what spills over into age 0 is replaced by the births
    np.multiply(start.reshape(-1)[:-1], into.reshape(-1)[1:], out=after.reshape(-1)[1:])
    after[..., -1] += start[..., -1] * into[..., -1]
    after[..., 0] = by_sex * into[..., 0]
    if moves.schedule is not None:
        work.heads[block] = _over_people(after)
        work.scheduled[block] = np.einsum("rxa,xa->r", after[:, 1], moves.schedule)
        flows.internal[y, block] = work.heads[block] - (opening + births - deaths) if work.stays is not None else 0


def _move_and_join(after: Array, y: int, block: slice, moves: Moves, flows: Flows, work: _Work) -> None:
    """The rest of steps 4 and 5 for a block of regions, in place on `after` [B,H,X,A].

    Of the countryside (of the towns, when the target asks for fewer townspeople) the share alike + by_schedule x schedule changes residence.
    """
    internal = flows.internal[y, block]
    ending = flows.external[y, block] * (0.5 if moves.timing == "even" else 1.0)
    if moves.schedule is not None:
        town, country, heads, scheduled = after[:, 0], after[:, 1], work.heads[block], work.scheduled[block]
        half = work.half[: len(after)]
        if work.stays is not None and moves.destination_share is not None:
            share = moves.destination_share[block]
            town += np.multiply(share[:, None, None], work.pool, out=half)
            arriving = share * work.pool.sum()
            heads[:, 0] += arriving
            internal[:, 0] += arriving
        if moves.urban_share is not None:
            amount = moves.urban_share[y, block] * (heads + ending).sum(axis=1) - heads[:, 0] - ending[:, 0]
        elif moves.rural_to_urban_rate is not None:
            amount = moves.rural_to_urban_rate[y, block] * scheduled
        else:
            amount = np.zeros(len(heads))

        to_town = np.maximum(amount, 0)
        alike, by_schedule = _ratio(to_town * moves.reclassified_share, heads[:, 1]), _ratio(to_town * (1 - moves.reclassified_share), scheduled)
        short = (alike + by_schedule * moves.schedule.max() > 1) | ((scheduled <= 0) & (to_town > 0))
        alike[short], by_schedule[short] = 0, 0
        moved = np.multiply(by_schedule[:, None, None], moves.schedule, out=half)
        moved += alike[:, None, None]
        moved *= country
        town += moved
        country -= moved
        total = np.where(short, 0, to_town)
        internal[:, 0] += total
        internal[:, 1] -= total
        for rows, source, target in ((short, 1, 0), (amount < 0, 0, 1)):
            if rows.any():
                back = _drawn(after[rows, source], np.abs(amount[rows]), moves.schedule, moves.reclassified_share)
                after[rows, source] -= back
                after[rows, target] += back
                internal[rows, source] -= back.sum(axis=(1, 2))
                internal[rows, target] += back.sum(axis=(1, 2))
    if moves.external is not None:
        after += work.joining[block] if moves.timing == "even" else moves.external[y, block]
    work.stock[block] += flows.births[y, block] - flows.deaths[y, block] + flows.external[y, block] + internal


def _over_people(cells: Array) -> Array:
    """Sum of [R,H,X,A] over sexes and ages."""
    return np.einsum("rha->rh", cells.reshape(*cells.shape[:2], -1))


def _drawn(source: Array, amount: Array, schedule: Array, reclassified: float) -> Array:
    """`amount` [B] persons out of source [B,X,A]: the share alike + by_schedule x schedule of each cell, never more than are there."""
    alike = np.minimum(_ratio(amount * reclassified, source.sum(axis=(1, 2))), 1.0)
    by_schedule = _ratio(amount * (1 - reclassified), np.einsum("rxa,xa->r", source, schedule))
    share = by_schedule[:, None, None] * schedule + alike[:, None, None]
    for row in np.flatnonzero(share.max(axis=(1, 2)) > 1):
        share[row] = _capped_share(source[row], amount[row], schedule, alike[row])
    return share * source


def _capped_share(source: Array, amount: float, schedule: Array, alike: float) -> Array:
    """Shares min(1, alike + b x schedule) [X,A] with b such that `amount` persons move, or all scheduled persons when there are fewer."""
    share = np.full(source.shape, alike)
    room = (schedule > 0) & (source > 0) & (share < 1)
    while True:
        rest = amount - float((share * source)[~room].sum()) - float(alike * source[room].sum())
        weight = float((schedule * source)[room].sum())
        if weight <= 0:
            return share
        wanted = alike + max(rest, 0.0) / weight * schedule
        full = room & (wanted >= 1)
        if not full.any():
            return np.where(room, wanted, share)
        share = np.where(full, 1.0, share)
        room = room & ~full


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _span(schedule: Array) -> tuple[int, int]:
    """First age with births and one past the last."""
    ages = np.flatnonzero(schedule.any(axis=0))
    return (int(ages[0]), int(ages[-1]) + 1) if len(ages) else (1, 1)


def _name_negative_cell(stock: Array, year: int, regions: tuple[str, ...]) -> None:
    r, h, x, a = (int(i) for i in np.argwhere(~(stock >= 0))[0])
    residence = f"{RESIDENCES[h]}, " if stock.shape[1] == len(RESIDENCES) else ""
    raise ModelError(
        f"population below zero: {stock[r, h, x, a]:.6g} persons in region {regions[r]}, {residence}{SEX.labels[x]}, age {a}, "
        f"year {year}; more people leave than are there - lower the net out-migration of that cell"
    )


def check_inputs(inputs: DemographyInputs) -> None:
    """ModelError listing every field of `inputs` whose shape or range is wrong."""
    R, Y = len(inputs.regions), len(inputs.years)
    X, A = inputs.standard_mx.shape
    H = len(RESIDENCES)
    fields: list[tuple[str, Array | None, tuple[int, ...], float, float]] = [
        ("base_population", inputs.base_population, (R, H, X, A), 0, _LARGEST),
        ("life_expectancy", inputs.life_expectancy, (Y, R, X), 0, _LARGEST),
        ("fertility_schedule", inputs.fertility_schedule, (H, A), 0, 1),
        ("tfr", inputs.tfr, (Y, R, H), 0, _LARGEST),
        ("sex_ratio_at_birth", inputs.sex_ratio_at_birth, (R,), 0, _LARGEST),
        ("external_migration", inputs.external_migration, (Y, R, H, X, A), -np.inf, np.inf),
        ("urban_share", inputs.urban_share, (Y, R), 0, 1),
        ("rural_to_urban_rate", inputs.rural_to_urban_rate, (Y, R), 0, 1),
        ("mover_schedule", inputs.mover_schedule, (X, A), 0, 1),
        ("leaving_rate", inputs.leaving_rate, (R,), 0, 1),
        ("destination_share", inputs.destination_share, (R,), 0, 1),
        ("reclassified_share", np.asarray(inputs.reclassified_share), (), 0, 1),
    ]
    wrong: list[str] = []
    for name, value, shape, low, high in fields:
        if value is None:
            continue
        if value.shape != shape:
            wrong.append(f"{name}: shape {value.shape} where {shape} is needed")
        elif low > -np.inf and not ((value >= low) & (value <= high)).all():
            cell = tuple(int(i) for i in np.argwhere(~((value >= low) & (value <= high)))[0])
            wrong.append(f"{name}: {value[cell]} at {cell}, allowed {low} to {high}")
    if inputs.timing not in TIMINGS:
        wrong.append(f"timing: {inputs.timing!r}, allowed {' or '.join(TIMINGS)}")
    if tuple(inputs.years.labels) != tuple(range(inputs.base_year + 1, inputs.base_year + 1 + Y)):
        wrong.append(f"years: {inputs.years.labels} must follow the base year {inputs.base_year} one by one")
    if not wrong:
        if not np.allclose(inputs.fertility_schedule.sum(axis=1), 1, rtol=0, atol=1e-6) or inputs.fertility_schedule[:, 0].any():
            wrong.append("fertility_schedule: each residence must sum to 1 over ages, with nothing at age 0")
        if inputs.leaving_rate.any() and abs(inputs.destination_share.sum() - 1) > 1e-9:
            wrong.append(f"destination_share: sums to {inputs.destination_share.sum()} where 1 is needed")
    if wrong:
        raise ModelError("demography: " + "; ".join(wrong))


def identities(population: Population, components: Components) -> list[tuple[str, float]]:
    """What must hold in every run, with the worst relative error: closing = opening + flows, internal migration sums to zero, nobody below zero."""
    stock = population.persons.sum(axis=(3, 4))
    change = components.births - components.deaths + components.external_migration + components.internal_migration
    gap = np.abs(stock[1:] - stock[:-1] - change) / np.maximum(stock[1:], 1.0)
    pool = np.abs(components.internal_migration.sum(axis=(1, 2))) / np.maximum(stock[1:].sum(axis=(1, 2)), 1.0)
    lowest = float(population.persons.min(initial=0.0))
    return [
        ("population: closing = opening + births - deaths + migration, every area and year", float(gap.max(initial=0.0))),
        ("population: internal migration sums to zero, every year", float(pool.max(initial=0.0))),
        ("population: no cell below zero", max(0.0, -lowest)),
    ]
