"""One replication: what is accepted gets its people and opens, staff leaves and is hired, and every waiting list runs against the rooms that gives.

Knows the plan as looked up by `plan`, money and building from `works`; must not know how results are tabulated.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import date

import simpy

from fiscalsim.execution.calendar import DAYS_PER_MONTH, day_of, month_close, substream, triangular
from fiscalsim.execution.lists import Crowd, Key, Line, Rooms, run_lines
from fiscalsim.execution.plan import Script
from fiscalsim.execution.projects import Progress, Project, open_project
from fiscalsim.execution.works import Event, Releases, Works, build, draw_projects, draw_releases, round_months, silent, story, told


@dataclass
class World:
    """Everything that changes in one replication, by region, resource and service code."""

    env: simpy.Environment
    works: Works
    progress: list[Progress]
    log: list[Event]
    opened: dict[tuple[str, str], float] = field(default_factory=dict)  # (region, resource) -> places of the plan's orders opened so far
    vacant: dict[tuple[str, str], float] = field(default_factory=dict)  # (region, staff) -> posts empty because more left than the plan replaces
    vacancies: dict[tuple[str, str], list[float]] = field(default_factory=dict)  # (region, staff) -> [Y] such posts at the end of each year
    rooms: Rooms = field(default_factory=dict)
    lines: dict[Key, Line] = field(default_factory=dict)


@dataclass
class Shared:
    """What the worlds of one replication have in common, whichever cause is switched off: what was drawn, and what a cause leaves as it was."""

    projects: list[Project]
    releases: Releases
    works: dict[frozenset[str], Works] = field(default_factory=dict)
    worlds: dict[frozenset[str], World] = field(default_factory=dict)
    crowds: dict[Key, Crowd] = field(default_factory=dict)
    lines: dict[Key, Line] = field(default_factory=dict)


def draw(s: Script, seed: int, replication: int) -> Shared:
    """The random numbers of one replication that no cause changes."""
    return Shared(draw_projects(s, seed, replication), draw_releases(s, seed, replication))


def in_service(world: World, s: Script, region: str, resource: str, y: int) -> float:
    """Places open, or posts with somebody in them, today."""
    key = (region, resource)
    return max(s.base[key][y] + world.opened.get(key, 0.0) - world.vacant.get(key, 0.0), 0.0)


def room(world: World, s: Script, region: str, service: str, y: int) -> tuple[float, float]:
    """Clients that what is now open and staffed allows, and what is open alone; funds set the limit too where the plan serves fewer than are entitled.

    A resource that serves several services (care workers) is divided as the plan divides it.
    """
    funded = s.funded[region, service][y]
    staffed = places = funded
    for resource, share_per_unit in s.shares[region, service]:
        allowed = in_service(world, s, region, resource, y) * share_per_unit[y]
        staffed = min(staffed, allowed)
        if resource not in s.staff:
            places = min(places, allowed)
    return staffed, places


def set_rooms(world: World, s: Script, region: str, services: Iterable[str], y: int) -> None:
    """Write down today's room of the services."""
    for service in services:
        world.rooms.setdefault((region, service), []).append((world.env.now, *room(world, s, region, service, y)))


def new_years(world: World, s: Script) -> Generator[simpy.Event, None, None]:
    """On 1 January the planned stock changes by retirement and conversion, and a new year's funds hold."""
    for y, year in enumerate(s.plan.years):
        yield world.env.timeout(day_of(year) - world.env.now)
        for region in s.plan.regions:
            set_rooms(world, s, region, s.needs, y)


def users_of(s: Script) -> dict[str, list[str]]:
    """resource -> the services that need it."""
    users: dict[str, list[str]] = {}
    for service, needs in s.needs.items():
        for resource, _ in needs:
            users.setdefault(resource, []).append(service)
    return users


def staffing(world: World, s: Script, region: str, resource: str, services: list[str], seed: int, replication: int) -> Generator[simpy.Event, None, None]:
    """People leave, by their own will and by age; posts left empty beyond what the plan replaces are advertised in the next round.

    The share of the year that leaves of its own will is drawn once a year; where `retires` is 1 those who reach the age of retirement leave as well.
    Of the posts advertised `filled_share` find somebody, when the round's months of hiring are over; where fewer leave than the plan replaces,
    fewer are hired, so there are never more people than posts.
    """
    env, plan, items, key = world.env, s.plan, s.staff[resource], (region, resource)
    years, rounds = plan.years, round_months(items)
    retirement = plan.retirement.get(resource)
    advertised = 0.0
    last = day_of(years.labels[0])

    def leave(y: int, rate: float) -> None:
        nonlocal last
        more = in_service(world, s, region, resource, y) * (rate - plan.leaving[resource]) * (env.now - last) / (12 * DAYS_PER_MONTH)
        world.vacant[key] = max(world.vacant.get(key, 0.0) + more, 0.0)
        last = env.now

    def start_work(posts: float, after: float) -> Generator[simpy.Event, None, None]:
        nonlocal advertised
        yield env.timeout(after)
        advertised -= posts
        world.vacant[key] = max(world.vacant.get(key, 0.0) - posts * items["filled_share"], 0.0)
        set_rooms(world, s, region, services, years.index(min(date.fromordinal(int(env.now)).year, years.labels[-1])))

    for y, year in enumerate(years):
        draws = substream(seed, replication, f"staff/{region}/{resource}/{year}").random(1 + len(rounds)).tolist()
        rate = triangular(draws[0], items["leaving_low"], items["leaving_mode"], items["leaving_high"])
        if retirement is not None and items["retires"]:
            rate += float(retirement[y, plan.regions.index(region)]) * items["retires"]
        for month, u in zip(rounds, draws[1:], strict=True):
            yield env.timeout(day_of(year, month) - env.now)
            leave(y, rate)
            set_rooms(world, s, region, services, y)
            empty = world.vacant[key] - advertised
            if empty > 0:
                advertised += empty
                hire = triangular(u, *s.stages[resource]["hire"]) * s.works.lead_time * DAYS_PER_MONTH
                env.process(start_work(empty, hire))
        yield env.timeout(month_close(year, 12) - env.now)
        leave(y, rate)
        world.vacancies.setdefault(key, []).append(world.vacant[key])
        set_rooms(world, s, region, services, y)


def start_staffing(world: World, s: Script, seed: int, replication: int) -> None:
    """Every region's staff begins to leave and to be replaced."""
    users = users_of(s)
    for resource in sorted(s.staff):
        for region in s.plan.regions:
            world.env.process(staffing(world, s, region, resource, users.get(resource, []), seed, replication))


def start_openings(world: World, s: Script, replication: int) -> None:
    """Every accepted project gets its people and opens; rooms whose staff is lacking on the day say so in the story."""
    users, tells, tell = users_of(s), told(s, replication), story(world.env, world.log)

    def opens(progress: Progress) -> None:
        p = progress.project
        key = (p.region, p.resource)
        world.opened[key] = world.opened.get(key, 0.0) + p.places
        y = s.plan.years.index(min(date.fromordinal(int(progress.opened)).year, s.plan.years.labels[-1]))
        set_rooms(world, s, p.region, users.get(p.resource, ()), y)
        if p.row in tells and p.resource not in s.staff:
            both = (room(world, s, p.region, service, y) for service in users.get(p.resource, ()))
            if any(staffed < places - 0.5 for staffed, places in both):
                tell(progress, "places without staff", "staff")

    for row, progress in enumerate(world.progress):
        if math.isfinite(progress.accepted):
            world.env.process(open_project(world.env, progress, s.without, tell if row in tells else silent, opens))


def play(s: Script, seed: int, replication: int, shared: Shared) -> World:
    """One replication from 1 January of the first year to 31 December of the last; `shared` holds what its other worlds have already found.

    Staff comes after acceptance, so money and building are the same with and without it; whether people fill the places changes neither.
    """
    first, last = s.plan.years.labels[0], s.plan.years.labels[-1]
    building, opening = s.without - {"demand", "staff"}, s.without - {"demand"}
    if building not in shared.works:
        shared.works[building] = build(s, shared.projects, shared.releases, seed, replication)
    works = shared.works[building]
    if opening not in shared.worlds:
        env = simpy.Environment(initial_time=day_of(first))
        world = shared.worlds[opening] = World(env, works, [copy(progress) for progress in works.progress], list(works.log))
        env.process(new_years(world, s))
        start_openings(world, s, replication)
        if "staff" not in s.without:
            start_staffing(world, s, seed, replication)
        env.run(until=day_of(last + 1))
        world.log.sort(key=lambda event: event[0])  # one story from building and opening
    world = shared.worlds[opening]
    if "demand" not in s.without and not world.lines:
        world.lines = run_lines(world.rooms, s, seed, replication, shared.crowds, shared.lines)
    return world
