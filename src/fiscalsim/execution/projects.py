"""One ordered capacity on its way: preparation, tender, building with instalments and winters to acceptance; then hiring, term and opening.

Knows a purse to draw from and a season to work in; must not know regions' plans, waiting lists or how results are tabulated. The story of a
project is its generator, read from top to bottom.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import simpy

from fiscalsim.execution.calendar import DAYS_PER_MONTH, Season, day_of, finish, next_month_start, triangular
from fiscalsim.execution.money import Purse

STAGES = ("preparation", "tender", "build", "hire")
CONVERT_STAGES = ("convert_idle", "convert_preparation", "convert_tender", "convert_build")
BUILD, CONVERT, HIRE = "build", "convert", "hire"


@dataclass(frozen=True)
class Project:
    """What was drawn for one order before the clock starts; days of work, not calendar days."""

    row: int  # position among the sorted orders
    region: str
    resource: str
    year: int
    opens_year: int
    places: float
    capital: float  # yuan as planned
    preparation: float
    tender: float
    build: float
    hire: float
    review: float  # another approval when the cost passes the estimate: the shortest preparation
    works: bool  # something is built; staff is only hired
    stalled: float  # days lost between approval and tender: land, utilities, idle money
    overrun: float  # final cost over planned cost
    opening_month: int | None  # schools open with the term, graduates start with their batch
    way: str  # build, convert (rooms that stood idle, without a land stage) or hire
    idle: float  # days that rooms to convert stand idle first
    rounds: tuple[int, ...]  # months in which rounds of hiring begin; empty: at once


@dataclass(frozen=True)
class ProjectRules:
    """What holds for every project: the lever, how often one stalls, overruns and the terms of payment."""

    lead_time: float  # lever execution.lead_time, times every stage
    idle_probability: float
    idle_mean: float  # days
    overrun: tuple[float, float]  # lognormal mu, sigma of final cost over planned cost
    reapproval_factor: float  # a cost above this multiple of the estimate goes back to approval
    advance_payment: float  # share of the contract paid on signing
    retention: float  # share kept back until acceptance
    opening_month: int  # of schools


@dataclass(slots=True)
class Progress:
    """What happened to it; days. `opened` is infinite while it has not."""

    project: Project
    accepted: float = math.inf
    opened: float = math.inf
    winter: float = 0.0
    cash: float = 0.0
    hiring: float = 0.0
    term: float = 0.0  # days between ready and the first day of term
    spent: float = 0.0
    building: bool = False
    reviewed: bool = False


def draw_project(
    row: int,
    order: tuple[str, str, int, int, float, float],
    stages: dict[str, tuple[float, float, float]],
    rules: ProjectRules,
    opening_month: int | None,
    rng: np.random.Generator,
    way: str = BUILD,
    rounds: tuple[int, ...] = (),
) -> Project:
    """Stage lengths (triangular, times the lever), stall and overrun factor of one order; always the same count of random numbers.

    `order` is (region, resource, year, opens_year, places, capital); `stages` gives low, mode, high in months; staff has a hiring stage only.
    A conversion takes the stages named convert_*, stands idle first and never waits for land.
    """
    u = rng.random(len(STAGES) + 2).tolist()
    wait, z = float(rng.standard_exponential()), float(rng.standard_normal())
    converts = way == CONVERT
    names = (*CONVERT_STAGES[1:], STAGES[-1]) if converts else STAGES

    def days(i: int, name: str) -> float:
        return triangular(u[i], *stages[name]) * rules.lead_time * DAYS_PER_MONTH if name in stages else 0.0

    preparation, tender, build, hire = (days(i, name) for i, name in enumerate(names))
    works = names[2] in stages
    review = stages[names[0]][0] * rules.lead_time * DAYS_PER_MONTH if works else 0.0
    stalled = wait * rules.idle_mean if works and not converts and u[-2] < rules.idle_probability else 0.0
    overrun = math.exp(rules.overrun[0] + rules.overrun[1] * z) if works else 1.0
    idle = days(-1, CONVERT_STAGES[0]) if converts else 0.0
    return Project(row, *order, preparation, tender, build, hire, review, works, stalled, overrun, opening_month, way, idle, rounds)


def next_round(day: float, months: tuple[int, ...]) -> float:
    """The first day, on or after `day`, of a month in which a round of hiring begins; `day` itself when rounds are not held."""
    return min((next_month_start(day, month) for month in months), default=day)


def settle(progress: Progress, paid: simpy.Event, yuan: float) -> Generator[simpy.Event, None, None]:
    """Wait for the money for what was kept back until acceptance; opening does not wait for it."""
    yield paid
    progress.spent += yuan


def run_project(
    env: simpy.Environment,
    progress: Progress,
    purse: Purse,
    season: Season,
    rules: ProjectRules,
    without: frozenset[str],
    tell: Callable[[Progress, str, str], None],
) -> Generator[simpy.Event, None, None]:
    """From 1 January of the order's year to acceptance; `tell` hears each event with its cause. Staff is accepted when its training is paid."""
    p = progress.project
    on_time = "time" in without and p.works  # the plan's own calendar: even work, accepted on the day it is due
    start, due = day_of(p.year), day_of(p.opens_year)
    work, review = (due - start, 0.0) if on_time else (p.build, p.review)
    yield env.timeout(start - env.now if on_time else start + p.idle - env.now)
    if p.idle > 0 and not on_time:
        tell(progress, "stood idle", "time")
    if not on_time:
        yield env.timeout(p.preparation)
    tell(progress, "approved", "")
    if p.works and not on_time:
        if p.stalled > 0:
            tell(progress, "stalled", "time")
        yield env.timeout(p.stalled + p.tender)
        if p.tender > 0:
            tell(progress, "tendered", "")
    progress.building = True
    cost, months = p.capital * p.overrun, max(1, math.ceil(work / DAYS_PER_MONTH))
    if p.works:
        tell(progress, "building", "")
    monthly = cost * (1.0 - rules.advance_payment - rules.retention) / months
    for month in range(months):
        due_now = monthly + (cost * rules.advance_payment if month == 0 else 0.0)
        if p.overrun > rules.reapproval_factor and not (progress.reviewed or purse.unlimited) and progress.spent + due_now > p.capital:
            progress.reviewed = True  # the estimate is used up: back to approval before more is paid
            tell(progress, "back to approval", "money")
            yield env.timeout(review)
        paid = purse.draw(due_now)
        if paid is not None:
            tell(progress, "waiting for cash", "money")
            asked = env.now
            yield paid
            progress.cash += env.now - asked
            tell(progress, "cash arrived", "")
        progress.spent += due_now
        step = work / months
        end = env.now + step if on_time else finish(season, env.now, step)
        pause = end - env.now - step
        if pause > 0.5:  # half a day: rounding is no winter
            tell(progress, "winter pause", "time")
        progress.winter += max(pause, 0.0)
        if end == math.inf:
            return
        yield env.timeout(end - env.now)
    kept_back = purse.draw(cost * rules.retention)
    if kept_back is None:
        progress.spent += cost * rules.retention
    else:
        env.process(settle(progress, kept_back, cost * rules.retention))
    progress.accepted = env.now
    if p.works:
        tell(progress, "accepted", "")


def open_project(
    env: simpy.Environment,
    progress: Progress,
    without: frozenset[str],
    tell: Callable[[Progress, str, str], None],
    opens: Callable[[Progress], None],
) -> Generator[simpy.Event, None, None]:
    """From acceptance to opening: hiring, the first day of term; `opens` hears the day on which places come into service."""
    p, due = progress.project, day_of(progress.project.opens_year)
    yield env.timeout(progress.accepted - env.now)
    if "staff" in without:
        if not p.works:
            yield env.timeout(max(due - env.now, 0.0))
    elif p.hire > 0:
        progress.hiring = next_round(env.now, p.rounds) - env.now + p.hire
        yield env.timeout(progress.hiring)
        tell(progress, "hired", "staff")
    if p.opening_month is not None and ("time" if p.works else "staff") not in without:
        term = next_month_start(env.now, p.opening_month)
        progress.term = term - env.now
        if progress.term > 0:
            yield env.timeout(progress.term)
    progress.opened = round(env.now, 6)  # a sum of steps may end a hair before midnight
    tell(progress, "opened", "")
    opens(progress)
