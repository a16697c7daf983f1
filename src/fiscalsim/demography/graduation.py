"""The starting population: published age groups, open ages and residence margins -> single ages by area.

Knows the three published tables and how to split them without losing a person; nothing of rates or of the future.

Steps, in order: 1 the groups of a region and sex, the open one split by the province's own older groups; 2 single ages by a monotone
cubic through the cumulated population (cubic spline slopes, Hyman's filter), so that every group keeps its sum and no age is negative;
where births by year are given, the ages that they cover follow births x survival to the age inside their group; 3 residence by raking (iterative
proportional fitting) to the published totals, age and sex kept.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.interpolate import CubicHermiteSpline, CubicSpline

from fiscalsim.axes import OPEN_AGE, SEXES
from fiscalsim.demography.lifetable import survivorship_ratio
from fiscalsim.errors import InputError, Problem
from fiscalsim.quantities import Array

_Groups = dict[tuple[int, ...], list[tuple[int, int, Array]]]  # first ages -> (region, sex, persons by group)
_RAKING_ROUNDS = 500
_RAKING_TOLERANCE = 1e-12
WHOLE = "all"


def graduate(bounds: Array, sums: Array, open_age: int = OPEN_AGE) -> Array:
    """Single ages [...,A] from group sums [...,G]; `bounds` [G] first age of each group, the last group is open at `open_age`.

    Monotone and pycnophylactic: each group's ages add up to the group, none is below zero.
    """
    bounds = np.asarray(bounds, dtype=float)
    sums = np.asarray(sums, dtype=float)
    cumulated = np.concatenate([np.zeros((*sums.shape[:-1], 1)), np.cumsum(sums[..., :-1], axis=-1)], axis=-1)
    slope = CubicSpline(bounds, cumulated, axis=-1)(bounds, 1)
    steepness = np.diff(cumulated, axis=-1) / np.diff(bounds)
    before = np.concatenate([steepness[..., :1], steepness], axis=-1)
    after = np.concatenate([steepness, steepness[..., -1:]], axis=-1)
    slope = np.clip(slope, 0, 3 * np.minimum(before, after))  # Hyman (1983): keeps the cubic monotone
    curve = CubicHermiteSpline(bounds, cumulated, slope, axis=-1)(np.arange(open_age + 1))
    single = np.concatenate([np.diff(curve, axis=-1), sums[..., -1:]], axis=-1)
    np.maximum(single, 0, out=single)
    return keep_sums(single, bounds.astype(int), sums)


def keep_sums(single: Array, bounds: Array, sums: Array) -> Array:
    """Scale single ages [...,A] inside each group so that the groups' sums [...,G] hold; an empty pattern is spread evenly."""
    result = np.array(single, dtype=float)
    ends = [*(int(b) for b in bounds[1:]), single.shape[-1]]
    for group, (first, end) in enumerate(zip((int(b) for b in bounds), ends, strict=True)):
        ages = result[..., first:end]
        total = ages.sum(axis=-1, keepdims=True)
        wanted = sums[..., group : group + 1]
        ages[...] = np.where(total > 0, ages * np.divide(wanted, total, out=np.zeros_like(total), where=total > 0), wanted / (end - first))
    return result


def rake(age_sex: Array, residence: Array, seed: Array) -> Array:
    """Persons [R,H,X,A] with margins age_sex [R,X,A] and residence [R,H] (as shares of the region), as close to `seed` as can be.

    `seed` broadcasts to [R,H,X,A]; ones = flat: town and country alike in age. The age-sex margin holds exactly, residence to 1e-12.
    """
    total = age_sex.sum(axis=(1, 2))
    share = residence / residence.sum(axis=1, keepdims=True)
    wanted = share * total[:, None]  # [R,H]
    cells = np.broadcast_to(np.asarray(seed, dtype=float), (*wanted.shape, *age_sex.shape[1:])) * wanted[:, :, None, None]
    scale = np.maximum(total, 1.0)[:, None]
    for _ in range(_RAKING_ROUNDS):
        over_residence = cells.sum(axis=1)
        cells = cells * np.divide(age_sex, over_residence, out=np.zeros_like(age_sex), where=over_residence > 0)[:, None]
        by_residence = cells.sum(axis=(2, 3))
        if (np.abs(by_residence - wanted) <= _RAKING_TOLERANCE * scale).all():
            break
        cells = cells * np.divide(wanted, by_residence, out=np.zeros_like(wanted), where=by_residence > 0)[:, :, None, None]
    else:
        over_residence = cells.sum(axis=1)
        cells = cells * np.divide(age_sex, over_residence, out=np.zeros_like(age_sex), where=over_residence > 0)[:, None]
    lost = np.abs(cells.sum(axis=1) - age_sex)
    if not (lost <= 1e-9 * np.maximum(age_sex, 1.0)).all():
        region, sex, age = (int(i) for i in np.argwhere(~(lost <= 1e-9 * np.maximum(age_sex, 1.0)))[0])
        raise InputError(f"residence seed: region {region}, {SEXES[sex]}, age {age} has persons but no residence that may hold them")
    return cells


def _tiles(table: pd.DataFrame, name: str, who: str, first_age: int) -> tuple[list[int], Array, list[Problem]]:
    """First ages and persons of one region's and sex's groups, which must follow each other without gap and end open."""
    rows = table.sort_values("age_from", kind="stable")
    starts, ends = rows["age_from"].tolist(), rows["age_to"].tolist()
    problems: list[Problem] = []
    if not starts or int(starts[0]) != first_age:
        problems.append(Problem(name, None, "age_from", f"{who}: first group {starts[:1]}", f"groups must start at {first_age}"))
    for start, end, following in zip(starts, ends, [*starts[1:], None], strict=True):
        closed = pd.notna(end)
        if following is None and closed:
            problems.append(Problem(name, None, "age_to", f"{who}: last group {start}-{end}", "the last group is open (age_to empty)"))
        if following is not None and (not closed or int(end) + 1 != int(following)):
            problems.append(Problem(name, None, "age_to", f"{who}: {start}-{end} then {following}", "groups follow each other without gap or overlap"))
    persons = rows["persons"].to_numpy(dtype=float)
    for start, value in zip(starts, persons, strict=True):
        if not (np.isfinite(value) and value >= 0):
            problems.append(Problem(name, None, "persons", f"{who}, from age {start}: {value}", "a count of persons, zero or more"))
    return [int(s) for s in starts], persons, problems


def base_population(
    groups: pd.DataFrame,
    open_ages: pd.DataFrame,
    residence: pd.DataFrame,
    seed: Array | None = None,
    births: Array | None = None,
    standard_mx: Array | None = None,
) -> Array:
    """Persons [R,H,X,A] on the base date, from published margins; sums of the groups are kept to the last person.

    `groups` (region, sex, age_from, age_to, persons), the last group of each region and sex open; `open_ages` (sex, age_from, age_to,
    persons) the province's groups that split it, up to an open group at 100; `residence` (region, residence, persons), read as shares of
    the region. `seed` [H,X,A] or [R,H,X,A] is the pattern for raking (None: flat, town and country alike in age). `births` [A'] or [R,A'] of
    base year - a (only their proportions count); with the survival of `standard_mx` [X,A] to each age (None: all survive) they shape the
    ages of the groups that lie below A' (None: the monotone curve alone). Regions in order of first appearance in `groups`, residences in
    that of `residence`. InputError lists every gap, negative count and missing region or sex.
    """
    problems: list[Problem] = []
    regions = list(dict.fromkeys(groups["region"]))
    pending = _split_open(groups, open_ages, regions, problems)
    residences = list(dict.fromkeys(residence["residence"]))
    margin = residence.pivot_table(index="region", columns="residence", values="persons", aggfunc="sum", sort=False)
    for region in regions:
        for name in residences:
            value = margin[name].get(region, np.nan)
            if not (np.isfinite(value) and value >= 0):
                problems.append(Problem("residence", None, "persons", f"{region}, {name}: {value}", "a count of persons, zero or more, for every region"))
        if region in margin.index and not margin.loc[region].sum() > 0:
            problems.append(Problem("residence", None, "persons", f"{region}: nobody", "at least one residence with persons"))
    if problems:
        raise InputError(problems)
    ages = _single_ages(pending, len(regions), births, standard_mx)
    shares = margin.loc[regions, residences].to_numpy(dtype=float)
    return rake(ages, shares, np.ones(1) if seed is None else seed)


def base_population_steps(
    groups: pd.DataFrame, open_ages: pd.DataFrame, residence: pd.DataFrame, births: Array | None = None, standard_mx: Array | None = None
) -> pd.DataFrame:
    """region, step, persons, share: how many people each step of `base_population` places by method, not by count; share of the region's people.

    open_ages: those in the published open group, whose ages within it are the province's. single_ages: people in another single age than equal
    parts of each group would give. births: people in another single age than the curve alone gives. residence: people of an age in another
    residence than the region's own split (0 with the flat seed: town and country are taken to be alike in age). Region `all` is the sum.
    """
    problems: list[Problem] = []
    regions = list(dict.fromkeys(groups["region"]))
    pending = _split_open(groups, open_ages, regions, problems)
    if problems:
        raise InputError(problems)
    even = np.zeros((len(regions), len(SEXES), OPEN_AGE + 1))
    for bounds, cells in pending.items():
        for r, x, persons in cells:
            even[r, x] = np.repeat(persons / np.diff([*bounds, OPEN_AGE + 1]), np.diff([*bounds, OPEN_AGE + 1]))
    curve, shaped = _single_ages(pending, len(regions), None, None), _single_ages(pending, len(regions), births, standard_mx)
    placed = base_population(groups, open_ages, residence, births=births, standard_mx=standard_mx)
    alike = shaped[:, None] * (placed.sum(axis=(2, 3)) / placed.sum(axis=(1, 2, 3))[:, None])[:, :, None, None]
    last = groups[groups["age_to"].isna()].groupby("region")["persons"].sum().reindex(regions).to_numpy()
    moved = {
        "open_ages": np.where([max(g["age_from"]) < OPEN_AGE for _, g in groups.groupby("region", sort=False)], last, 0.0),
        "single_ages": np.abs(curve - even).sum(axis=(1, 2)) / 2,
        "births": np.abs(shaped - curve).sum(axis=(1, 2)) / 2,
        "residence": np.abs(placed - alike).sum(axis=(1, 2, 3)) / 2,
    }
    people = shaped.sum(axis=(1, 2))
    rows = []
    for r, region in enumerate([*regions, WHOLE]):
        total = people.sum() if region == WHOLE else people[r]
        for step, persons in moved.items():
            value = float(persons.sum() if region == WHOLE else persons[r])
            rows.append((region, step, value, value / total if total > 0 else 0.0))
    return pd.DataFrame(rows, columns=["region", "step", "persons", "share"])


def _split_open(groups: pd.DataFrame, open_ages: pd.DataFrame, regions: list[str], problems: list[Problem]) -> _Groups:
    """{first ages of the groups: [(region, sex, persons by group)]}, the open group split by the province's own up to an open age of 100."""
    elders: dict[str, tuple[list[int], Array]] = {}
    by_sex = dict(iter(open_ages.groupby("sex", sort=False)))
    for sex in SEXES:
        if sex in by_sex:
            first = int(by_sex[sex]["age_from"].min())
            starts, persons, found = _tiles(by_sex[sex], "open_ages", sex, first)
            problems += found
            elders[sex] = (starts, persons)
    by_region = dict(iter(groups.groupby(["region", "sex"], sort=False)))
    pending: _Groups = {}
    for r, region in enumerate(regions):
        for x, sex in enumerate(SEXES):
            if (region, sex) not in by_region:
                problems.append(Problem("groups", None, "sex", f"{region}: {sex} is missing", "both male and female for every region"))
                continue
            starts, persons, found = _tiles(by_region[(region, sex)], "groups", f"{region}, {sex}", 0)
            problems += found
            if found:
                continue
            if starts[-1] < OPEN_AGE:
                if sex not in elders or starts[-1] not in elders[sex][0] or elders[sex][0][-1] != OPEN_AGE:
                    allowed = f"groups of {sex} from {starts[-1]} up to an open group at {OPEN_AGE}"
                    problems.append(Problem("open_ages", None, "age_from", f"{region}, {sex}: open at {starts[-1]}", allowed))
                    continue
                at = elders[sex][0].index(starts[-1])
                older = elders[sex][1][at:]
                if older.sum() <= 0 < persons[-1]:
                    problems.append(Problem("open_ages", None, "persons", f"{sex}: no persons from {starts[-1]} up", "a positive count to split by"))
                    continue
                split = persons[-1] * older / older.sum() if older.sum() > 0 else np.zeros_like(older)
                starts, persons = starts[:-1] + elders[sex][0][at:], np.concatenate([persons[:-1], split])
            pending.setdefault(tuple(starts), []).append((r, x, persons))
    return pending


def _single_ages(pending: _Groups, regions: int, births: Array | None, standard_mx: Array | None) -> Array:
    """Persons [R,X,A] from the groups: the monotone curve, and births times survival where they cover a group."""
    ages = np.zeros((regions, len(SEXES), OPEN_AGE + 1))
    for bounds, cells in pending.items():
        sums = np.array([persons for _, _, persons in cells])
        single = graduate(np.array(bounds), sums)
        if births is not None:
            cohorts = _cohorts(np.asarray(births, dtype=float), standard_mx, regions)
            single = _follow_cohorts(single, np.array(bounds), sums, cohorts[[r for r, _, _ in cells], [x for _, x, _ in cells]])
        for (r, x, _), row in zip(cells, single, strict=True):
            ages[r, x] = row
    return ages


def _cohorts(births: Array, standard_mx: Array | None, regions: int) -> Array:
    """[R,X,A'] births by age today times the share that lives to it."""
    born = np.broadcast_to(births, (regions, births.shape[-1]))[:, None]
    if standard_mx is None:
        return np.broadcast_to(born, (regions, len(SEXES), births.shape[-1]))
    return born * np.cumprod(survivorship_ratio(standard_mx), axis=-1)[:, : births.shape[-1]]


def _follow_cohorts(single: Array, bounds: Array, sums: Array, sizes: Array) -> Array:
    """Ages whose whole group is covered by `sizes` [N,A'] take their share of the group from it."""
    covered = int(max([b for b in bounds if b <= sizes.shape[-1]], default=0))
    shaped = single.copy()
    shaped[:, :covered] = sizes[:, :covered]
    return keep_sums(shaped, bounds, sums)
