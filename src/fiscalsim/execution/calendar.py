"""Dates, legal release limits, seasons and the random substream of one named entity.

Days are floats: the proleptic ordinal of the date, so that noon is .5. Nothing here knows about plans, regions or SimPy.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

DAYS_PER_MONTH = 365.2425 / 12  # mean Gregorian month


def substream(seed: int, replication: int, entity: str) -> np.random.Generator:
    """The entity's own random numbers: the same in every scenario, whatever else is simulated and in whichever order."""
    key = int.from_bytes(hashlib.sha256(entity.encode()).digest()[:16], "big")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, replication, key])))


def triangular(u: float, low: float, mode: float, high: float) -> float:
    """Inverse of the triangular distribution at `u` in [0,1); `low` where there is no spread."""
    if high <= low:
        return low
    cut = (mode - low) / (high - low)
    if u < cut:
        return min(low + math.sqrt(u * (high - low) * (mode - low)), high)
    return max(high - math.sqrt((1 - u) * (high - low) * (high - mode)), low)


@cache
def day_of(year: int, month: int = 1) -> float:
    """First day of the month, as an ordinal; month 13 is January of the next year."""
    return float(date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1).toordinal())


def month_close(year: int, month: int) -> float:
    """Noon of the month's last day, when the books close: before anything that starts with the next month."""
    return day_of(year, month + 1) - 0.5


def next_month_start(day: float, month: int) -> float:
    """The first `month`-the-1st on or after `day` (schools open on 1 September)."""
    year = date.fromordinal(math.ceil(day)).year
    candidate = day_of(year, month)
    return candidate if candidate >= day else day_of(year + 1, month)


# --- releases -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReleaseRules:
    """The legal calendar of transfers and how often it is overrun; days unless said otherwise.

    Budget Law (2018) art. 52: central general transfers within 30 days of the NPC's approval, special ones within 90; a province passes
    them on within 30. Advance notice by 31 October (财预〔2015〕230号 art. 19), usable from 1 January.
    """

    legal_days: dict[str, float]  # by kind
    pass_on: float
    advance_share: dict[str, float]  # by kind; Budget Law Regulation art. 48
    advance_month: int
    advance_day: int
    npc_day: float  # day of the year, 1 is 1 January
    late_probability: float
    late_mean: float
    payee_mean: float  # from the region's treasury to a project's account
    delay: float  # lever execution.release_delay, added to every release


@dataclass(frozen=True)
class Release:
    """One tranche of one transfer on its way: all days are ordinals."""

    region: str
    year: int
    kind: str
    tranche: str  # advance, rest
    yuan: float
    issued: float
    arrived: float
    usable: float  # not before 1 January of the budget year
    limit: float  # last legal day at the region
    late: bool
    on_project: float  # day on which project money of this release can be drawn


def release_calendar(rules: ReleaseRules, region: str, year: int, kind: str, yuan: float, rng: np.random.Generator) -> tuple[Release, Release]:
    """The advance and the rest of one transfer; the same count of random numbers is used whatever happens."""
    u = rng.random(5).tolist()
    wait = rng.standard_exponential(4).tolist()
    late = [u[t] < rules.late_probability for t in (0, 1)]
    extra = [rules.delay + (wait[t] * rules.late_mean if late[t] else 0.0) for t in (0, 1)]
    to_project = [wait[2] * rules.payee_mean, wait[3] * rules.payee_mean]
    first = day_of(year)
    early = yuan * rules.advance_share[kind]
    notice = day_of(year - 1, rules.advance_month) + rules.advance_day - 1.0
    arrived = notice + u[2] * rules.pass_on + extra[0]
    usable = max(arrived, first)
    advance = Release(region, year, kind, "advance", early, notice, arrived, usable, notice + rules.pass_on, late[0], usable + to_project[0])
    approval, legal = first + rules.npc_day - 1.0, rules.legal_days[kind]
    issued = approval + u[3] * legal
    arrived = issued + u[4] * rules.pass_on + extra[1]
    rest = Release(region, year, kind, "rest", yuan - early, issued, arrived, arrived, approval + legal + rules.pass_on, late[1], arrived + to_project[1])
    return advance, rest


# --- seasons --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Season:
    """Open stretches of outdoor work; `worked` is the open time before each stretch."""

    starts: tuple[float, ...]
    ends: tuple[float, ...]
    worked: tuple[float, ...]


def open_season(winter_first: float, winter_last: float, first_year: int, last_year: int) -> Season:
    """Open stretches from `first_year` to `last_year`; winter is given in days of the year, both included, 0 and 0 when there is none."""
    if winter_first == 0 and winter_last == 0:
        return Season((day_of(first_year),), (day_of(last_year + 1),), (0.0,))
    stops = []
    for year in range(first_year - 1, last_year + 1):
        end_year = year if winter_last >= winter_first else year + 1
        stops.append((day_of(year) + winter_first - 1, day_of(end_year) + winter_last))
    edge, final = day_of(first_year), day_of(last_year + 1)
    starts, ends = [], []
    for low, high in stops:
        if min(low, final) > edge:
            starts.append(edge)
            ends.append(min(low, final))
        edge = max(edge, high)
    if edge < final:
        starts.append(edge)
        ends.append(final)
    worked = [0.0]
    for low, high in zip(starts, ends, strict=True):
        worked.append(worked[-1] + high - low)
    return Season(tuple(starts), tuple(ends), tuple(worked[:-1]))


def finish(season: Season, start: float, work: float) -> float:
    """Day on which `work` open days are done when begun at `start`; infinite when the known seasons do not suffice."""
    i = max(bisect_right(season.starts, start) - 1, 0)
    done = season.worked[i] + max(min(start, season.ends[i]) - season.starts[i], 0.0)
    target = done + work
    if work == 0:
        return start
    j = bisect_right(season.worked, target) - 1
    if season.worked[j] == target and j > i:  # the last day of a stretch, not the first of the next
        j -= 1
    end = season.starts[j] + target - season.worked[j]
    return end if end <= season.ends[j] else math.inf
