"""Money and building of one replication: purses and projects of all regions in one SimPy environment, until every project is accepted.

Knows the plan as looked up by `plan`; must not know who hires, what opens or who waits for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import date

import numpy as np
import simpy

from fiscalsim.axes import Axis
from fiscalsim.execution.calendar import Release, ReleaseRules, day_of, month_close, open_season, release_calendar, substream
from fiscalsim.execution.money import ROUNDING, Purse
from fiscalsim.execution.plan import KINDS, Order, Script, due_by
from fiscalsim.execution.projects import HIRE, Progress, Project, draw_project, run_project

Event = tuple[str, str, str, int, str, str]  # day, region, resource, year of the order, event, cause
Releases = dict[tuple[str, int, str], tuple[Release, Release]]
Tell = Callable[[Progress, str, str], None]


@dataclass
class Works:
    """What becomes of the money and of the projects, by region."""

    env: simpy.Environment
    purses: dict[str, Purse]
    progress: list[Progress]
    releases: list[Release]
    log: list[Event]


def silent(progress: Progress, event: str, cause: str) -> None:
    """Tells nothing."""


def story(env: simpy.Environment, log: list[Event]) -> Tell:
    """Writes each event of a project into the log, with its day."""

    def tell(progress: Progress, event: str, cause: str) -> None:
        p = progress.project
        log.append((date.fromordinal(int(env.now)).isoformat(), p.region, p.resource, p.year, event, cause))

    return tell


def told(s: Script, replication: int) -> set[int]:
    """Positions of the orders whose story is told: the first of each region, resource and way in replication 0."""
    if replication:
        return set()
    first: dict[tuple[str, str, str], int] = {}
    for row, order in enumerate(s.orders):
        first.setdefault((order.region, order.resource, order.way), row)
    return set(first.values())


def round_months(items: dict[str, float]) -> tuple[int, ...]:
    """Months in which rounds of hiring begin, evenly over the year."""
    count, start = int(items["rounds_per_year"]), int(items["first_round_month"])
    return tuple(sorted((start - 1 + 12 * i // count) % 12 + 1 for i in range(count)))


def draw_projects(s: Script, seed: int, replication: int) -> list[Project]:
    """Every order with its lengths, the same whichever cause is switched off."""

    def opening_month(order: Order) -> int | None:
        if order.graduates:
            return int(s.staff[order.resource]["graduate_month"])
        return s.works.opening_month if order.resource in s.plan.school_resources else None

    projects = []
    for row, order in enumerate(s.orders):
        rng = substream(seed, replication, f"project/{order.name}")
        rounds = round_months(s.staff[order.resource]) if order.way == HIRE else ()
        projects.append(draw_project(row, order[:6], s.stages[order.resource], s.works, opening_month(order), rng, order.way, rounds))
    return projects


def draw_releases(s: Script, seed: int, replication: int) -> Releases:
    """Every transfer of the plan on the legal calendar, by region, year and kind; the same whichever cause is switched off."""
    plan = s.plan
    return {
        (region, year, kind): release_calendar(
            s.rules, region, year, kind, s.grants.get((year, region, kind), 0.0), substream(seed, replication, f"release/{region}/{kind}/{year}")
        )
        for j, region in enumerate(plan.regions)
        for i, year in enumerate(plan.years)
        if s.means[i, j] > 0
        for kind in KINDS
    }


def receive_on(env: simpy.Environment, purse: Purse, days: tuple[float, float], lot: tuple[str, int, float, float, bool]) -> Generator[simpy.Event, None, None]:
    """Wait for the days on which money is usable and on which projects can draw it; `lot` is source, budget year, recurrent, project, paid promptly."""
    yield env.timeout(max(days[0] - env.now, 0.0))
    received = purse.receive(*lot)
    if lot[3] > 0:
        if days[1] > env.now:
            yield env.timeout(days[1] - env.now)
        purse.unlock(received)


def remaining(progress: Progress, year: int) -> float:
    """Yuan still to pay beyond what the plan's later budgets provide; the overrun is known once building has begun."""
    p = progress.project
    later = p.capital * (1.0 - due_by(p.year, p.opens_year, year))
    return max(p.capital * (p.overrun if progress.building else 1.0) - progress.spent - later, 0.0)


def books(works: Works, region: str, years: Axis, rules: ReleaseRules, seed: int, replication: int) -> Generator[simpy.Event, None, None]:
    """Close every month and every year; what unfinished projects lack after the sweep is asked for again in the next year's budget."""
    env, purse = works.env, works.purses[region]
    own = [p for p in works.progress if p.project.region == region]
    for year in years:
        for month in range(1, 13):
            yield env.timeout(month_close(year, month) - env.now)
            purse.close_month(month)
        purse.close_year()
        if purse.unlimited:
            continue
        lacking = math.fsum(remaining(p, year) for p in own if p.project.year <= year and not math.isfinite(p.accepted)) - purse.cash
        if lacking > ROUNDING:
            purse.asked_again[year] = lacking
            rng = substream(seed, replication, f"rebudget/{region}/{year + 1}")
            rest = release_calendar(rules, region, year + 1, "rebudgeted", lacking, rng)[1]
            env.process(receive_on(env, purse, (rest.usable, rest.on_project), ("rebudgeted", year + 1, 0.0, lacking, True)))


def start_money(works: Works, s: Script, releases: Releases, seed: int, replication: int) -> None:
    """Put every release of the plan on its way; project money is each source's share in proportion to the plan's capital."""
    env, plan = works.env, s.plan
    for j, region in enumerate(plan.regions):
        purse = works.purses[region]
        for i, year in enumerate(plan.years):
            if s.means[i, j] <= 0:
                continue
            share, own = s.capital[i, j] / s.means[i, j], s.means[i, j]
            for kind in KINDS:
                yuan = s.grants.get((year, region, kind), 0.0)
                own -= yuan
                for tranche in releases[region, year, kind]:
                    works.releases.append(tranche)
                    days = (day_of(year), day_of(year)) if purse.unlimited else (tranche.usable, tranche.on_project)
                    env.process(receive_on(env, purse, days, (kind, year, tranche.yuan * (1 - share), tranche.yuan * share, False)))
            env.process(receive_on(env, purse, (day_of(year), day_of(year)), ("own", year, max(own, 0.0) * (1 - share), max(own, 0.0) * share, True)))
        env.process(books(works, region, plan.years, s.rules, seed, replication))


def build(s: Script, projects: list[Project], releases: Releases, seed: int, replication: int) -> Works:
    """Run money and building from 1 January of the first year to 31 December of the last."""
    plan, p = s.plan, s.parameters
    first, last = plan.years.labels[0], plan.years.labels[-1]
    env = simpy.Environment(initial_time=day_of(first))
    weights = np.cumsum([p[f"month_weight_{m}"] for m in range(1, 13)])
    cumulative = (*weights[:-1].tolist(), 1.0)
    purses = {r: Purse(env, cumulative, p["recurrent_payee_delay_mean_days"], "money" in s.without, first) for r in plan.regions}
    works = Works(env, purses, [Progress(project) for project in projects], [], [])
    start_money(works, s, releases, seed, replication)
    season = open_season(p["winter_first_day"], p["winter_last_day"], first, last + 1)
    tells, tell = told(s, replication), story(env, works.log)
    for row, progress in enumerate(works.progress):
        purse = purses[progress.project.region]
        env.process(run_project(env, progress, purse, season, s.works, s.without, tell if row in tells else silent))
    env.run(until=day_of(last + 1))
    return works
