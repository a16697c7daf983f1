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

import numpy as np

from fiscalsim.axes import RESIDENCES, SEX, Axis
from fiscalsim.demography.lifetable import shifted_survivorship
from fiscalsim.errors import ModelError
from fiscalsim.quantities import Array, Components, DemographyInputs, Population

TIMINGS = ("even", "end")
FEMALE = SEX.index("female")
_BLOCK_CELLS = 12_000  # areas are stepped in blocks whose arrays stay in the processor's cache; no effect on results


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
    mover_schedule: Array | None = None  # [X,A]
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
    persons = np.empty((len(years) + 1, *base.shape))
    persons[0] = base
    flows = {name: np.zeros((len(years), *base.shape[:2])) for name in ("births", "deaths", "external", "internal")}
    size = max(1, _BLOCK_CELLS // int(np.prod(base.shape[1:])))
    blocks = [slice(first, first + size) for first in range(0, base.shape[0], size)]
    labels = (base_year, *years.labels)
    for y in range(len(years)):
        pool = np.zeros(base.shape[2:])
        for block in blocks:
            _survive_and_bear(persons, y, block, rates, moves, flows, pool)
        for block in blocks:
            _move_and_join(persons, y, block, moves, flows, pool)
            if not persons[y + 1, block].min() >= 0:
                _name_negative_cell(persons[y + 1], labels[y + 1], regions)
    for array in (persons, *flows.values()):
        if array is not persons and not np.isfinite(array).all():
            raise ModelError(f"population flows are not finite: {np.argwhere(~np.isfinite(array))[0].tolist()} [year, region, residence]")
        array.setflags(write=False)
    result = Population(Axis("year", labels), regions, persons)
    return result, Components(years, regions, flows["births"], flows["deaths"], flows["external"], flows["internal"])


def _survive_and_bear(persons: Array, y: int, block: slice, rates: VitalRates, moves: Moves, flows: dict[str, Array], pool: Array) -> None:
    """Steps 1-3 for a block of regions, and the leavers of step 4 out of it into the pool."""
    S = rates.survivorship[y, block, None]
    start, after = persons[y, block], persons[y + 1, block]
    half = None
    if moves.external is not None and moves.timing == "even":
        half = 0.5 * moves.external[y, block]
        start = start + half
    np.multiply(start[..., :-1], S[..., 1:], out=after[..., 1:])
    after[..., -1] += start[..., -1] * S[..., -1]

    schedule = rates.fertility_schedule[y]
    fertile = slice(*_span(schedule))
    mothers = start[:, :, FEMALE, fertile] + after[:, :, FEMALE, fertile]
    if half is not None:
        mothers += half[:, :, FEMALE, fertile]
    births = rates.tfr[y, block] * 0.5 * np.einsum("rha,ha->rh", mothers, schedule[:, fertile])
    boys = rates.male_share[y, block]
    by_sex = births[..., None] * np.stack([boys, 1 - boys], axis=-1)[:, None]
    after[..., 0] = by_sex * S[..., 0]

    dying = 1 - S
    deaths = np.einsum("rhxa,rxa->rh", start[..., :-1], dying[:, 0, :, 1:])
    deaths += (start[..., -1] * dying[..., -1]).sum(axis=-1) + (by_sex * dying[..., 0]).sum(axis=-1)
    flows["births"][y, block], flows["deaths"][y, block] = births, deaths

    if moves.leaving_rate is not None and moves.mover_schedule is not None:
        leavers = after * (moves.leaving_rate[block, None, None, None] * moves.mover_schedule)
        pool += leavers.sum(axis=(0, 1))
        flows["internal"][y, block] = -leavers.sum(axis=(2, 3))
        after -= leavers


def _move_and_join(persons: Array, y: int, block: slice, moves: Moves, flows: dict[str, Array], pool: Array) -> None:
    """The arrivals of step 4, its moves from country to town, and step 5, for a block of regions."""
    after = persons[y + 1, block]
    if moves.leaving_rate is not None and moves.destination_share is not None:
        share = moves.destination_share[block]
        after[:, 0] += share[:, None, None] * pool
        flows["internal"][y, block, 0] += share * pool.sum()
    joining = None
    if moves.external is not None:
        joining = moves.external[y, block]
        flows["external"][y, block] = joining.sum(axis=(2, 3))
        if moves.timing == "even":
            joining = 0.5 * joining
    if moves.mover_schedule is not None and (moves.urban_share is not None or moves.rural_to_urban_rate is not None):
        if moves.urban_share is not None:
            closing = after.sum(axis=(2, 3))
            if joining is not None:
                closing += joining.sum(axis=(2, 3))
            amount = moves.urban_share[y, block] * closing.sum(axis=1) - closing[:, 0]
        else:
            assert moves.rural_to_urban_rate is not None
            amount = moves.rural_to_urban_rate[y, block] * np.einsum("rxa,xa->r", after[:, 1], moves.mover_schedule)
        moved = _from_country_to_town(after, amount, moves.mover_schedule, moves.reclassified_share)
        after[:, 0] += moved
        after[:, 1] -= moved
        total = moved.sum(axis=(1, 2))
        flows["internal"][y, block, 0] += total
        flows["internal"][y, block, 1] -= total
    if joining is not None:
        after += joining


def _from_country_to_town(after: Array, amount: Array, schedule: Array, reclassified: float) -> Array:
    """Persons [B,X,A] who change from rural to urban so that `amount` [B] do; a negative amount moves people the other way.

    The part `reclassified` takes all ages alike (villages become towns), the rest follows the mover schedule.
    """
    moved = _drawn(after[:, 1], np.maximum(amount, 0), schedule, reclassified)
    back = amount < 0
    if back.any():
        moved[back] = -_drawn(after[back, 0], -amount[back], schedule, reclassified)
    return moved


def _drawn(source: Array, amount: Array, schedule: Array, reclassified: float) -> Array:
    """`amount` [B] persons out of source [B,X,A]: share a + b x schedule of each cell, never more than are there."""
    there = source.sum(axis=(1, 2))
    alike = _ratio(amount * reclassified, there)
    by_schedule = _ratio(amount * (1 - reclassified), np.einsum("rxa,xa->r", source, schedule))
    share = by_schedule[:, None, None] * schedule + alike[:, None, None]
    over = share.max(axis=(1, 2), initial=0.0) > 1
    if over.any():
        for row in np.flatnonzero(over):
            share[row] = _capped_share(source[row], amount[row], schedule, alike[row])
    return share * source


def _capped_share(source: Array, amount: float, schedule: Array, alike: float) -> Array:
    """Shares min(1, alike + b x schedule) [X,A] with b such that `amount` persons move, or all scheduled persons when there are fewer."""
    share = np.minimum(np.full(source.shape, alike), 1.0)
    room = (schedule > 0) & (source > 0) & (share < 1)
    full = np.zeros(source.shape, dtype=bool)
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


def _name_negative_cell(stock: Array, year: int, regions: Axis) -> None:
    r, h, x, a = (int(i) for i in np.argwhere(~(stock >= 0))[0])
    residence = f"{RESIDENCES[h]}, " if stock.shape[1] == len(RESIDENCES) else ""
    raise ModelError(
        f"population below zero: {stock[r, h, x, a]:.6g} persons in region {regions.labels[r]}, {residence}{SEX.labels[x]}, age {a}, "
        f"year {year}; more people leave than are there - lower the net out-migration of that cell"
    )


def check_inputs(inputs: DemographyInputs) -> None:
    """ModelError listing every field of `inputs` whose shape or range is wrong."""
    R, Y = len(inputs.regions), len(inputs.years)
    X, A = inputs.standard_mx.shape
    H = len(RESIDENCES)
    fields: list[tuple[str, Array | None, tuple[int, ...], float, float]] = [
        ("base_population", inputs.base_population, (R, H, X, A), 0, np.inf),
        ("life_expectancy", inputs.life_expectancy, (Y, R, X), 0, np.inf),
        ("fertility_schedule", inputs.fertility_schedule, (H, A), 0, 1),
        ("tfr", inputs.tfr, (Y, R, H), 0, np.inf),
        ("sex_ratio_at_birth", inputs.sex_ratio_at_birth, (R,), 0, np.inf),
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
