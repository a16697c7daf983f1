"""The cohort-component engine: one-year steps of all areas side by side, births, deaths and migration, nobody lost.

Knows arrays and their axes: no files, no scenario, no region's particulars. The order of one year (model.md, section 1):

1 half of the net external migrants join (timing `even`; `end` adds all at the end); 2 people survive and age, the open group collects
both last ages; 3 births = sum over ages of ASFR x mean of the women at the start (with the first half) and the survivors (with the second
half under `even`), infants survive to the year's end; 4 between regions: leavers = leaving rate x mover schedule x stock, of town and
country alike, enter one pool and arrive, by destination shares, in towns; then from country to town inside each region, by rate or so
that the closing urban share is the target; 5 the rest of the external migrants join. A cell below zero is an error that names it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg.blas import dgemm

from fiscalsim.axes import RESIDENCES, SEX, Axis
from fiscalsim.demography.lifetable import shifted_survivorship
from fiscalsim.errors import ModelError
from fiscalsim.quantities import Array, Components, DemographyInputs, Population

TIMINGS = ("even", "end")
_LARGEST = float(np.finfo(float).max)
FEMALE = SEX.index("female")
# Areas are stepped in blocks whose arrays stay near the processor; thousands of areas are shared out among its cores. No effect on results.
_BLOCK_CELLS, _BLOCKS_A_THREAD = 140_000, 2
_ONES = np.ones(1024)  # no sex and age axes are longer together
_NOBODY = 1e-100  # a divisor where there is nobody to take a share of: the share becomes too large and is capped


@dataclass(frozen=True)
class VitalRates:
    """Rates ready for stepping."""

    survivorship: Array  # [Y,R,X,A] into each age; age 0: births to age 0
    tfr: Array  # [Y,R,H] children per woman
    fertility_schedule: Array  # [Y,H,A] age pattern, sums to 1 (or to anything, when tfr is 1)
    sex_share: Array  # [Y,R,X] boys and girls among births


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
    multiple: Array | None = None  # [Y] of all internal moves; 0: nobody moves inside the pack in that year


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
        np.broadcast_to(np.stack([boys, 1 - boys], axis=-1), (years, regions, 2)),
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
        inputs.internal_multiple,
    )


def advance(base_year: int, years: Axis, regions: Axis, base: Array, rates: VitalRates, moves: Moves) -> tuple[Population, Components]:
    """Step `base` [R,H,X,A] through `years` with rates and moves that are ready; Population has the base year in front.

    Where moves between country and town leave too few for the external leavers of this and later years, that region is stepped again with
    those leavers kept back; an error is left only for cells that external migration alone brings below zero.
    """
    kept: dict[int, Array] = {}
    while True:
        try:
            return _advance(base_year, years, regions, base, rates, moves, kept)
        except _BelowZero as error:
            fresh = sorted(error.places - kept.keys())
            if not fresh or moves.external is None or (moves.urban_share is None and moves.rural_to_urban_rate is None):
                raise
            kept |= {r: _kept_back(r, rates, moves) for r in fresh}


class _BelowZero(ModelError):
    """A cell below zero, named; `places` are the regions that have one in this year."""

    def __init__(self, message: str, places: set[int]):
        super().__init__(message)
        self.places = places


def _kept_back(region: int, rates: VitalRates, moves: Moves) -> Array:
    """[Y,H,X,A] who must still be there after the moves of each year, so that the external leavers of that and of all later years can leave.

    Backwards over years and ages along each cohort: leavers of later ages, divided by the share that survives and stays. The open age is
    asked of both ages that enter it, which keeps back more than needed.
    """
    assert moves.external is not None
    joining = moves.external[:, region] * (0.5 if moves.timing == "even" else 1.0)
    S = rates.survivorship[:, region]
    if moves.leaving_rate is not None and moves.schedule is not None:
        S = S * (1 - moves.leaving_rate[region] * _multiples(moves, len(S))[:, None, None] * moves.schedule)
    kept = np.zeros(joining.shape)
    later = np.zeros(joining.shape[1:])  # needed on 31 December of the year, by age
    for y in range(len(joining) - 1, -1, -1):
        kept[y] = np.maximum(later - joining[y], 0) * (1 + 1e-9)  # a hair more, so that rounding leaves nobody below zero
        entered = kept[y] / np.maximum(S[y], _NOBODY)
        later = np.concatenate([entered[..., 1:], entered[..., -1:]], axis=-1)  # at the start, by the age then
        if moves.timing == "even":
            later = np.maximum(later - joining[y], 0)
    return kept


def _advance(base_year: int, years: Axis, regions: Axis, base: Array, rates: VitalRates, moves: Moves, kept: dict[int, Array]) -> tuple[Population, Components]:
    """`advance`, with those who are `kept` [Y,H,X,A] from moving in the regions that need it."""
    R, H, X, A = base.shape
    labels = (base_year, *years.labels)
    persons = np.empty((len(labels), R, H, X, A))
    persons[0] = base
    flows = Flows(*(np.zeros((len(years), R, H)) for _ in range(4)))
    size = max(1, _BLOCK_CELLS // (H * X * A))
    blocks = [slice(first, min(first + size, R)) for first in range(0, R, size)]
    threads = min(os.cpu_count() or 1, len(blocks) // _BLOCKS_A_THREAD) or 1
    ready, sums = _ready(base.shape, rates, moves), _sums(base, len(blocks))
    scratch = [_Scratch(*(np.empty((min(size, R), *shape)) for shape in ((H, X, A), (X, A)))) for _ in range(threads)]

    def between(y: int, going: _Going, thread: int) -> list[_Below]:
        """The end of year y - 1, then the beginning of year y, while a block is still near the processor; who is below zero."""
        below: list[_Below] = []
        for number in range(thread, len(blocks), threads):
            block = blocks[number]
            if y > 0:
                _move_and_join(persons[y, block], y - 1, block, moves, going, kept, ready, scratch[thread])
                below += _below_zero(persons[y, block], y, block)
            if y < len(years):
                start = _survive_and_bear(persons[y, block], persons[y + 1, block], y, block, number, rates, moves, flows, sums, ready, scratch[thread])
                below += _below_zero(start, y + 1, block)
        return below

    # threads share no block, and pools are added in the order of blocks: any number of them gives the same bytes
    with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as crew:
        for y in range(len(labels)):
            going = _going(y - 1, moves, flows, sums, ready, kept)
            ready = _of_year(y, ready, moves)
            found = crew.map(between, [y] * threads, [going] * threads, range(threads)) if crew else [between(y, going, 0)]
            below = [cell for part in found for cell in part]
            if below:
                raise _named(below, labels, regions, H)
            _count(y, moves, flows, sums, ready, going)
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


class _Ready(NamedTuple):
    """What follows from rates and moves alone, worked out once; stays and gone again when the multiple of moves changes."""

    multiple: Array  # [Y] of internal moves
    stays: Array | None  # [R,X,A] share of a cell that does not leave for the pool in the year at hand; None: nobody does
    gone: Array | None  # [R,X,A] those who left for each one who stayed
    peak: float  # largest cell of the mover schedule
    pattern: Array  # [2,X A] the mover schedule above ones: what the two ways of going to town are multiples of
    fertile: slice  # ages with births
    births: Array  # [Y,R,H] births for each woman x schedule, summed over the start and the end of the year
    infant_deaths: Array  # [Y,R,H] of them die before the year's end
    infants: Array  # [Y,R,H,X] of them live and do not enter the pool


class _Sums(NamedTuple):
    """Sums over the cells of each area, which the halves of a year hand to each other."""

    stock: Array  # [R,H] persons at the start of the year
    alive: Array  # [R,H] survivors and newborn, before anybody moves
    heads: Array  # [R,H] the same, once those who enter the pool have left
    scheduled: Array  # [R] people of the countryside then, weighted by the mover schedule
    pools: Array  # [blocks,X,A] movers between regions
    bearing: Array  # [R,H] women x schedule, summed over the start and the end of the year


class _Scratch(NamedTuple):
    """Memory that one thread uses again and again (new arrays would cost more than the sums)."""

    cells: Array  # [B,H,X,A]
    half: Array  # [B,X,A]


class _Going(NamedTuple):
    """Who changes place inside the pack in one year."""

    heads: Array  # [R,H] persons once everybody has moved, before the rest of the external migrants join
    pool: Array  # [X,A] movers between regions
    share: Array | None  # [1,R] of the pool that arrives in each region
    factors: Array  # [R,2] of a cell of the countryside the share by_schedule x schedule + alike goes to town
    amount: Array  # [R] persons wanted from country to town; below zero: from town to country
    rare: Array | None  # [R] regions where the factors do not do: more is asked than may go, or towns must shrink


def _ready(shape: tuple[int, ...], rates: VitalRates, moves: Moves) -> _Ready:
    X, A = shape[2:]
    ages = np.flatnonzero(rates.fertility_schedule.any(axis=(0, 1)))
    births = rates.tfr * 0.5  # exposure is the mean of two stocks
    newborn = births[..., None] * rates.sex_share[:, :, None]
    infants = newborn * rates.survivorship[:, :, None, :, 0]
    deaths = (newborn - infants).sum(axis=-1)
    multiple = _multiples(moves, len(births))
    if moves.leaving_rate is not None and moves.schedule is not None:
        infants *= 1 - multiple[:, None, None, None] * moves.leaving_rate[:, None, None] * moves.schedule[:, 0]
    return _Ready(
        multiple=multiple,
        stays=None,
        gone=None,
        peak=1.0 if moves.schedule is None else float(moves.schedule.max()) or 1.0,
        pattern=np.stack([np.zeros(X * A) if moves.schedule is None else moves.schedule.reshape(-1), np.ones(X * A)]),
        fertile=slice(int(ages[0]), int(ages[-1]) + 1) if len(ages) else slice(1, 1),
        births=births,
        infant_deaths=deaths,
        infants=infants,
    )


def _multiples(moves: Moves, years: int) -> Array:
    return np.ones(years) if moves.multiple is None else moves.multiple


def _of_year(y: int, ready: _Ready, moves: Moves) -> _Ready:
    """`ready` with the leavers of year y; worked out only when the multiple of moves is another than the year before."""
    if moves.leaving_rate is None or moves.schedule is None or y == len(ready.multiple) or (y > 0 and ready.multiple[y] == ready.multiple[y - 1]):
        return ready
    if ready.multiple[y] == 0:
        return ready._replace(stays=None, gone=None)
    leaving = (ready.multiple[y] * moves.leaving_rate)[:, None, None] * moves.schedule
    stays = 1 - leaving
    return ready._replace(stays=stays, gone=np.divide(leaving, stays, out=leaving))


def _sums(base: Array, blocks: int) -> _Sums:
    R, H, X, A = base.shape
    return _Sums(_over_people(base), np.zeros((R, H)), np.zeros((R, H)), np.zeros(R), np.zeros((blocks, X, A)), np.zeros((R, H)))


def _survive_and_bear(
    start: Array, after: Array, y: int, block: slice, number: int, rates: VitalRates, moves: Moves, flows: Flows, sums: _Sums, ready: _Ready, scratch: _Scratch
) -> Array:
    """Steps 1-3 of the year for a block of regions, from `start` to `after` [B,H,X,A], then who of it leaves for the pool of step 4.

    Returns who is there once the first migrants have joined.
    """
    B, H = after.shape[:2]
    S = rates.survivorship[y, block]
    schedule, fertile = rates.fertility_schedule[y], ready.fertile
    younger = slice(fertile.start - 1, fertile.stop - 1)
    mothers = start[:, :, FEMALE, fertile]
    if moves.external is not None:
        coming = moves.external[y, block]
        _over_people(coming, out=flows.external[y, block])
        if moves.timing == "even":
            mothers = mothers + coming[:, :, FEMALE, fertile]  # a half with those at the start, a half with the survivors
            joined = np.multiply(coming, 0.5, out=scratch.cells[:B])
            joined += start
            start = joined
    mothers = mothers + start[:, :, FEMALE, younger] * S[:, None, FEMALE, fertile]
    if fertile.stop == after.shape[-1]:  # the open age also keeps those who were in it
        mothers[..., -1] += start[:, :, FEMALE, -1] * S[:, None, FEMALE, -1]
    bearing = np.vecdot(mothers, schedule[:, fertile], out=sums.bearing[block])

    dying = scratch.half[:B]  # by the age at the start; the open age dies as those who enter it
    np.subtract(1, S.reshape(-1)[1:], out=dying.reshape(-1)[:-1])
    dying[..., -1] = dying[..., -2]
    np.vecdot(start.reshape(B, H, -1), dying.reshape(B, 1, -1), out=flows.deaths[y, block])

    if ready.stays is not None:
        S = np.multiply(S, ready.stays[block], out=scratch.half[:B])
    after[...] = S[:, None]
    # everybody moves one cell up in the flat block; what spills over into age 0 is replaced by the births
    survivors = after.reshape(-1)[1:]
    survivors *= start.reshape(-1)[:-1]
    after[..., -1] += start[..., -1] * S[:, None, :, -1]
    np.multiply(bearing[..., None], ready.infants[y, block], out=after[..., 0])
    if moves.schedule is not None:
        np.vecdot(after[:, 1].reshape(B, -1), ready.pattern[0], out=sums.scheduled[block])
        if ready.gone is not None:
            _over_people(after, out=sums.heads[block])
            np.einsum("rhxa,rxa->xa", after, ready.gone[block], out=sums.pools[number])
    return start


def _going(y: int, moves: Moves, flows: Flows, sums: _Sums, ready: _Ready, kept: dict[int, Array]) -> _Going:
    """Step 4 of year y (-1: nobody) for all regions, from the sums over their cells."""
    heads, scheduled = sums.heads.copy(), sums.scheduled
    pool, share, amount = sums.pools.sum(axis=0), None, np.zeros(len(heads))
    if moves.schedule is None or y < 0 or ready.multiple[y] == 0:
        return _Going(heads, pool, None, np.zeros((len(heads), 2)), amount, None)
    if ready.stays is not None and moves.destination_share is not None:
        share = moves.destination_share[None]
        heads[:, 0] += share[0] * pool.sum()
    if moves.urban_share is not None:
        in_town, outside = (heads + flows.external[y] * (0.5 if moves.timing == "even" else 1.0)).T
        amount = moves.urban_share[y] * (in_town + outside) - in_town
    elif moves.rural_to_urban_rate is not None:
        amount = moves.rural_to_urban_rate[y] * scheduled
    to_town = np.maximum(amount, 0)
    factors = np.empty((len(heads), 2))
    np.divide(to_town * (1 - moves.reclassified_share), np.maximum(scheduled, _NOBODY), out=factors[:, 0])
    np.divide(to_town * moves.reclassified_share, np.maximum(heads[:, 1], _NOBODY), out=factors[:, 1])
    rare = (factors[:, 0] * ready.peak + factors[:, 1] > 1) | (amount < 0)
    rare[list(kept)] = True
    if rare.any():
        factors[rare], to_town[rare] = 0, 0
    heads[:, 0] += to_town
    heads[:, 1] -= to_town
    return _Going(heads, pool, share, factors, amount, rare if rare.any() else None)


def _move_and_join(after: Array, y: int, block: slice, moves: Moves, going: _Going, kept: dict[int, Array], ready: _Ready, scratch: _Scratch) -> None:
    """Steps 4 and 5 of year y for a block of regions, in place on `after` [B,H,X,A]."""
    B = len(after)
    if moves.schedule is not None and ready.multiple[y] > 0:
        town, country, moved = after[:, 0], after[:, 1], scratch.half[:B]
        flat = moved.reshape(B, -1)
        np.matmul(going.factors[block], ready.pattern, out=flat)
        moved *= country
        country -= moved
        if going.share is not None:
            dgemm(1.0, going.pool.reshape(-1, 1), going.share[:, block], beta=1.0, c=flat.T, overwrite_c=True)  # moved += share x pool
        town += moved
        if going.rare is not None:
            wanted, heads = going.amount[block], going.heads[block]
            for source, target, asked in ((1, 0, wanted > 0), (0, 1, wanted < 0)):
                rows = np.flatnonzero(asked & going.rare[block])
                free = after[rows, source]
                for n, r in enumerate(block.start + rows):
                    if r in kept:
                        free[n] = np.maximum(free[n] - kept[r][y, source], 0)
                drawn = _drawn(free, np.abs(wanted[rows]), moves.schedule, moves.reclassified_share)
                after[rows, source] -= drawn
                after[rows, target] += drawn
                heads[rows, source] -= drawn.sum(axis=(1, 2))
                heads[rows, target] += drawn.sum(axis=(1, 2))
    if moves.external is not None:
        after += np.multiply(moves.external[y, block], 0.5, out=scratch.cells[:B]) if moves.timing == "even" else moves.external[y, block]


def _count(y: int, moves: Moves, flows: Flows, sums: _Sums, ready: _Ready, going: _Going) -> None:
    """Close the books of year y - 1 and open those of year y, from the sums over cells that the blocks left."""
    even = moves.timing == "even"
    if y > 0:
        flows.internal[y - 1] = going.heads - sums.alive
        sums.stock[...] = going.heads + flows.external[y - 1] * (0.5 if even else 1.0)
    if y < len(flows.births):
        flows.births[y] = sums.bearing * ready.births[y]
        flows.deaths[y] += sums.bearing * ready.infant_deaths[y]
        sums.alive[...] = sums.stock + flows.external[y] * (0.5 if even else 0.0) + flows.births[y] - flows.deaths[y]
        if ready.gone is None:
            sums.heads[...] = sums.alive


def _over_people(cells: Array, out: Array | None = None) -> Array:
    """Sum of [R,H,X,A] over sexes and ages."""
    flat = cells.reshape(*cells.shape[:2], -1)
    return np.vecdot(flat, _ONES[: flat.shape[-1]], out=out)


def _drawn(source: Array, amount: Array, schedule: Array, reclassified: float) -> Array:
    """`amount` [N] persons out of source [N,X,A]: the share alike + by_schedule x schedule of each cell, never more than are there."""
    people, scheduled = source.sum(axis=(1, 2)), np.einsum("rxa,xa->r", source, schedule)
    alike = np.minimum(np.divide(amount * reclassified, people, out=np.zeros_like(amount), where=people > 0), 1.0)
    by_schedule = np.divide(amount * (1 - reclassified), scheduled, out=np.zeros_like(amount), where=scheduled > 0)
    share = by_schedule[:, None, None] * schedule + alike[:, None, None]
    for row in np.flatnonzero(share.max(axis=(1, 2), initial=0) > 1):
        share[row] = _capped_share(source[row], float(amount[row]), schedule, float(alike[row]))
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


class _Below(NamedTuple):
    """A cell below zero."""

    persons: float
    year: int  # position
    region: int
    residence: int
    sex: int
    age: int


def _below_zero(stock: Array, year: int, block: slice) -> list[_Below]:
    """The first cell below zero (or not a number) of each region of a block."""
    if stock.min() >= 0:
        return []
    bad = ~(stock >= 0)
    found = []
    for r in np.flatnonzero(bad.any(axis=(1, 2, 3))):
        h, x, a = (int(i) for i in np.argwhere(bad[r])[0])
        found.append(_Below(float(stock[r, h, x, a]), year, block.start + int(r), h, x, a))
    return found


def _named(below: list[_Below], years: tuple[int, ...], regions: Axis, residences: int) -> _BelowZero:
    """The error that names the first of the cells; the regions of the others go with it."""
    first = min(below, key=lambda cell: cell[1:])
    residence = f"{RESIDENCES[first.residence]}, " if residences == len(RESIDENCES) else ""
    return _BelowZero(
        f"population below zero: {first.persons:.6g} persons in region {regions.labels[first.region]}, {residence}{SEX.labels[first.sex]}, age {first.age}, "
        f"year {years[first.year]}; more people leave than are there - lower the net out-migration of that cell",
        {cell.region for cell in below},
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
        ("leaving_rate", inputs.leaving_rate, (R,), 0, 0.9),
        ("destination_share", inputs.destination_share, (R,), 0, 1),
        ("internal_multiple", inputs.internal_multiple, (Y,), 0, _LARGEST),
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
    if not wrong and inputs.internal_multiple is not None and (inputs.leaving_rate.max() * inputs.internal_multiple.max() > 0.9):
        wrong.append(f"leaving_rate x internal_multiple: {inputs.leaving_rate.max() * inputs.internal_multiple.max():.3f}, allowed 0 to 0.9")
    if not wrong:
        # a sum is finite when all its parts are; the cell is looked for only when it is not
        if not np.isfinite(np.einsum("yrhxa->", inputs.external_migration)):
            cell = tuple(int(i) for i in np.argwhere(~np.isfinite(inputs.external_migration))[0])
            wrong.append(f"external_migration: {inputs.external_migration[cell]} at {cell} [year, region, residence, sex, age], not a finite number")
        if not np.allclose(inputs.fertility_schedule.sum(axis=1), 1, rtol=0, atol=1e-6) or inputs.fertility_schedule[:, 0].any():
            wrong.append("fertility_schedule: each residence must sum to 1 over ages, with nothing at age 0")
        if inputs.leaving_rate.any() and abs(inputs.destination_share.sum() - 1) > 1e-9:
            wrong.append(f"destination_share: sums to {inputs.destination_share.sum()} where 1 is needed")
    if wrong:
        raise ModelError("demography: " + "; ".join(wrong))


def missed_urban_share(inputs: DemographyInputs, population: Population) -> pd.DataFrame:
    """year, region, target, reached, persons (who could not move to meet the target): only where the urban share asked for was not met.

    The flow between country and town is capped by who is there, and by who must stay for the external leavers of later years.
    """
    columns = ["year", "region", "target", "reached", "persons"]
    if inputs.urban_share is None:
        return pd.DataFrame(columns=columns)
    moving = np.ones((len(inputs.years), 1)) if inputs.internal_multiple is None else (inputs.internal_multiple > 0)[:, None]
    people = population.persons[1:].sum(axis=(3, 4))
    whole = people.sum(axis=2)
    reached = np.divide(people[..., 0], whole, out=np.zeros_like(whole), where=whole > 0)
    gap = np.abs(inputs.urban_share - reached) * whole * moving
    y, r = np.nonzero(gap > np.maximum(1e-9 * whole, 1e-3))
    years, regions = np.array(inputs.years.labels), np.array(inputs.regions.labels, dtype=object)
    return pd.DataFrame(dict(zip(columns, (years[y], regions[r], inputs.urban_share[y, r], reached[y, r], gap[y, r]), strict=True)))


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
