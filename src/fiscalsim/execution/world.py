"""One replication: purses and projects of all regions in one SimPy environment, then every waiting list against the places they opened.

Knows the plan as looked up by `plan`; must not know how results are tabulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import simpy

from fiscalsim.axes import Axis
from fiscalsim.execution.calendar import (
    DAYS_PER_MONTH,
    Release,
    ReleaseRules,
    day_of,
    month_close,
    open_season,
    release_calendar,
    substream,
    triangular,
)
from fiscalsim.execution.money import ROUNDING, Purse
from fiscalsim.execution.plan import KINDS, Order, Script
from fiscalsim.execution.projects import HIRE, Progress, draw_project, run_project
from fiscalsim.execution.queues import Clients, Outcome, hyperexponential, ranks, run_line
from fiscalsim.quantities import Array


@dataclass
class World:
    """Everything that changes in one replication, by region, resource and service code."""

    env: simpy.Environment
    purses: dict[str, Purse]
    progress: list[Progress]
    releases: list[Release]
    opened: dict[tuple[str, str], float]  # (region, resource) -> places of the plan's orders opened so far
    vacant: dict[tuple[str, str], float]  # (region, staff) -> posts that nobody holds because more have left than the plan replaces
    vacancies: dict[tuple[str, str], list[float]]  # (region, staff) -> [Y] such posts at the end of each year
    # (region, service) -> (from day, clients that the open places, the staff and the funds allow, clients that they would allow with all staff)
    rooms: dict[tuple[str, str], list[tuple[float, float, float]]]
    lines: dict[tuple[str, str], tuple[Outcome, Array, float]]  # (region, service) -> clients, residents' remaining days, persons per simulated client
    log: list[tuple[str, str, str, int, str, str]]


@dataclass(frozen=True)
class Crowd:
    """Those who will want a place, drawn once for a replication: the same people whatever places there are; days, in order of joining."""

    persons: float  # that one of them stands for
    joins: Array
    stay: Array
    last_day: Array
    dies: Array
    rank: Array


def receive_on(env: simpy.Environment, purse: Purse, days: tuple[float, float], lot: tuple[str, int, float, float, bool]) -> Generator[simpy.Event, None, None]:
    """Wait for the days on which money is usable and on which projects can draw it; `lot` is source, budget year, recurrent, project, paid promptly."""
    yield env.timeout(max(days[0] - env.now, 0.0))
    received = purse.receive(*lot)
    if lot[3] > 0:
        if days[1] > env.now:
            yield env.timeout(days[1] - env.now)
        purse.unlock(received)


def remaining(progress: Progress) -> float:
    """Yuan still to pay; the overrun is known once building has begun."""
    p = progress.project
    return max(p.capital * (p.overrun if progress.building else 1.0) - progress.spent, 0.0)


def books(world: World, region: str, years: Axis, rules: ReleaseRules, seed: int, replication: int) -> Generator[simpy.Event, None, None]:
    """Close every month and every year; what unfinished projects lack after the sweep is asked for again in the next year's budget."""
    env, purse = world.env, world.purses[region]
    own = [p for p in world.progress if p.project.region == region]
    for year in years:
        for month in range(1, 13):
            yield env.timeout(month_close(year, month) - env.now)
            purse.close_month(month)
        purse.close_year()
        if purse.unlimited:
            continue
        lacking = math.fsum(remaining(p) for p in own if p.project.year <= year and not math.isfinite(p.accepted)) - purse.cash
        if lacking > ROUNDING:
            rng = substream(seed, replication, f"rebudget/{region}/{year + 1}")
            rest = release_calendar(rules, region, year + 1, "rebudgeted", lacking, rng)[1]
            env.process(receive_on(env, purse, (rest.usable, rest.on_project), ("rebudgeted", year + 1, 0.0, lacking, True)))


def start_money(world: World, s: Script, seed: int, replication: int) -> None:
    """Put every release of the plan on its way; project money is each source's share in proportion to the plan's capital."""
    env, plan = world.env, s.plan
    for j, region in enumerate(plan.regions):
        purse = world.purses[region]
        for i, year in enumerate(plan.years):
            if s.means[i, j] <= 0:
                continue
            share, own = s.capital[i, j] / s.means[i, j], s.means[i, j]
            for kind in KINDS:
                yuan = s.grants.get((year, region, kind), 0.0)
                own -= yuan
                for tranche in release_calendar(s.rules, region, year, kind, yuan, substream(seed, replication, f"release/{region}/{kind}/{year}")):
                    world.releases.append(tranche)
                    days = (day_of(year), day_of(year)) if purse.unlimited else (tranche.usable, tranche.on_project)
                    env.process(receive_on(env, purse, days, (kind, year, tranche.yuan * (1 - share), tranche.yuan * share, False)))
            env.process(receive_on(env, purse, (day_of(year), day_of(year)), ("own", year, max(own, 0.0) * (1 - share), max(own, 0.0) * share, True)))
        env.process(books(world, region, plan.years, s.rules, seed, replication))


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


def round_months(items: dict[str, float]) -> tuple[int, ...]:
    """Months in which rounds of hiring begin, evenly over the year."""
    count, first = int(items["rounds_per_year"]), int(items["first_round_month"])
    return tuple(sorted((first - 1 + 12 * i // count) % 12 + 1 for i in range(count)))


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


def start_projects(world: World, s: Script, seed: int, replication: int) -> None:
    """Draw every project and set it going; the first of each region and resource tells its story in replication 0."""
    p, plan = s.parameters, s.plan
    season = open_season(p["winter_first_day"], p["winter_last_day"], plan.years.labels[0], plan.years.labels[-1] + 1)
    told: set[tuple[str, str, str]] = set()
    users = users_of(s)

    def silent(progress: Progress, event: str, cause: str) -> None:
        pass

    def story(progress: Progress, event: str, cause: str) -> None:
        q = progress.project
        day = date.fromordinal(int(world.env.now)).isoformat()
        world.log.append((day, q.region, q.resource, q.year, event, cause))

    def opens(progress: Progress) -> None:
        q = progress.project
        key = (q.region, q.resource)
        world.opened[key] = world.opened.get(key, 0.0) + q.places
        y = plan.years.index(min(date.fromordinal(int(progress.opened)).year, plan.years.labels[-1]))
        set_rooms(world, s, q.region, users.get(q.resource, ()), y)
        if progress is first.get((q.region, q.resource, q.way)) and q.resource not in s.staff:
            for service in users.get(q.resource, ()):
                staffed, places = room(world, s, q.region, service, y)
                if staffed < places - 0.5:
                    story(progress, "places without staff", "staff")
                    break

    def opening_month(order: Order) -> int | None:
        if order.graduates:
            return int(s.staff[order.resource]["graduate_month"])
        return s.works.opening_month if order.resource in plan.school_resources else None

    first: dict[tuple[str, str, str], Progress] = {}
    for row, order in enumerate(s.orders):
        region, resource = order.region, order.resource
        rng = substream(seed, replication, f"project/{order.name}")
        rounds = round_months(s.staff[resource]) if order.way == HIRE else ()
        progress = Progress(draw_project(row, order[:6], s.stages[resource], s.works, opening_month(order), rng, order.way, rounds))
        world.progress.append(progress)
        tell: Callable[[Progress, str, str], None] = silent
        if replication == 0 and (region, resource, order.way) not in told:
            told.add((region, resource, order.way))
            first[region, resource, order.way] = progress
            tell = story
        world.env.process(run_project(world.env, progress, world.purses[region], season, s.works, s.without, tell, opens))


def arrivals(total: Array, edges: Array, rng: np.random.Generator) -> Array:
    """Days of joining: unit exponentials mapped through the cumulative rate `total` at `edges`, so that client i stays client i in every scenario."""
    size = int(total[-1] + 8 * math.sqrt(total[-1]) + 32)
    clock = np.cumsum(rng.standard_exponential(size))
    while clock[-1] < total[-1]:
        clock = np.concatenate([clock, clock[-1] + np.cumsum(rng.standard_exponential(size))])
    return np.interp(clock[clock < total[-1]], total, edges)


@dataclass
class Shared:
    """What the worlds of one replication have in common, whichever cause is switched off: who comes, and lines that have run."""

    crowds: dict[tuple[str, str], Crowd]
    lines: dict[tuple[str, str], tuple[list[tuple[float, int]], tuple[Outcome, Array, float]]]
    worlds: dict[frozenset[str], World]


def draw_crowd(s: Script, region: str, service: str, seed: int, replication: int) -> Crowd:
    """Who will join the list of one service in one region: rate = entitled / mean stay + growth of the entitled, then days, class and patience."""
    plan, item = s.plan, s.queues[service]
    edges = np.array([day_of(y) for y in (*plan.years.labels, plan.years.labels[-1] + 1)])
    entitled = plan.demand[service][:, plan.regions.index(region)]
    peak = float(entitled.max())
    persons = peak / math.ceil(peak / s.parameters["execution.persons_per_client"])
    short, long, share, stay = stays_of(item)
    growth = np.diff(entitled, prepend=entitled[0]) / np.diff(edges)
    rate = np.maximum(entitled / stay + growth, 0.0) * item["joining_share"] / persons
    rng = {name: substream(seed, replication, f"queue/{region}/{service}/{name}") for name in ("join", "stay", "list", "class")}
    joins = arrivals(np.concatenate([[0.0], np.cumsum(rate * np.diff(edges))]), edges, rng["join"])
    with np.errstate(divide="ignore"):
        exits = rng["list"].standard_exponential((len(joins), 2)) / hazards(item)
    rank = ranks(rng["class"].random(len(joins)), item["priority_share_1"], item["priority_share_2"])
    stays = hyperexponential(rng["stay"], len(joins), short, long, share)
    return Crowd(persons, joins, stays, joins + exits.min(axis=1), exits[:, 1] < exits[:, 0], rank)


def stays_of(item: dict[str, float]) -> tuple[float, float, float, float]:
    """Mean days of a short and of a long stay, the share of short ones, the mean of all."""
    short, long, share = item["stay_months_short"] * DAYS_PER_MONTH, item["stay_months_long"] * DAYS_PER_MONTH, item["share_short"]
    return short, long, share, share * short + (1 - share) * long


def hazards(item: dict[str, float]) -> Array:
    """Rates per day of giving up and of dying while waiting."""
    return np.array([item["abandon_rate_per_year"], item["death_rate_per_year"]]) / (12 * DAYS_PER_MONTH)


def run_lines(world: World, s: Script, seed: int, replication: int, shared: Shared) -> None:
    """People join as others leave and as the number entitled grows; the line begins near the state it would have come to by itself.

    Lines meet only through the rooms that projects and staff gave them, which are known by now, so each runs by itself; one that has the same
    rooms as in an earlier world of the same replication ends the same and is not run again.

    At the start: those served on the eve are in their places (all places full where that is not known), nobody waits while places are free, and
    else the list is the fluid queue (arrivals - departures) / (giving up + dying), with the waits that go with it.
    """
    plan = s.plan
    start, end = day_of(plan.years.labels[0]), day_of(plan.years.labels[-1] + 1)
    for service in dict.fromkeys(q[0] for q in plan.queue_services):
        item = s.queues[service]
        short, long, share, stay = stays_of(item)
        for j, region in enumerate(plan.regions):
            key = (region, service)
            if plan.demand[service][:, j].max() <= 0:
                continue
            if key not in shared.crowds:
                shared.crowds[key] = draw_crowd(s, region, service, seed, replication)
            crowd = shared.crowds[key]
            persons = crowd.persons
            steps = [(day, math.floor(clients / persons + 0.5)) for day, clients, _ in world.rooms[key]]
            if key in shared.lines and shared.lines[key][0] == steps:
                world.lines[key] = shared.lines[key][1]
                continue
            servers = steps[0][1]
            people = plan.demand[service][0, j] * item["joining_share"] / persons
            before = plan.served_before[service][j] / persons if service in plan.served_before else people
            inside = min(servers, round(min(people, before)))
            rng = substream(seed, replication, f"queue/{region}/{service}/start")
            leaving = hazards(item)
            ages, ahead = fluid_start(people, stay, servers, leaving.sum(), (item["priority_share_1"], item["priority_share_2"]))
            if inside < servers:  # nobody waits before an empty place
                ages, ahead = ages[:0], ahead[:0]
            with np.errstate(divide="ignore"):
                exits = rng.standard_exponential((len(ages), 2)) / leaving
            clients = Clients(
                np.concatenate([start - ages, crowd.joins]),
                np.concatenate([hyperexponential(rng, len(ages), short, long, share), crowd.stay]),
                np.concatenate([start + exits.min(axis=1), crowd.last_day]),
                np.concatenate([exits[:, 1] < exits[:, 0], crowd.dies]),
                np.concatenate([ahead, crowd.rank]),
            )
            # a stay met in progress is a long one more often: weighted by length
            residents = hyperexponential(rng, inside, long, short, (1 - share) * long / stay)
            world.lines[key] = (run_line(clients, steps, residents, end), residents, persons)
            shared.lines[key] = (steps, world.lines[key])


def fluid_start(people: float, stay: float, servers: int, leaving: float, shares: tuple[float, float]) -> tuple[Array, Array]:
    """Days that those on the list at the start have waited (longest first) and their class: the fluid limit of a line with more need than places.

    `people` are the clients entitled, `stay` mean days, `leaving` the rate of giving up and dying per day. Of those who join at rate people/stay,
    servers/stay are placed, the first class first; the rest wait until they leave the list.
    """
    rate, placed = people / stay, servers / stay
    most = max(people - servers, 0.0)
    waiting = int(min((rate - placed) / leaving, most) + 0.5) if leaving > 0 and rate > placed else int(most + 0.5)
    if rate <= placed or waiting == 0:
        return np.zeros(0), np.zeros(0, dtype=int)
    u = (np.arange(waiting)[::-1] + 0.5) / waiting
    ages = -np.log1p(-u * (1 - placed / rate)) / leaving if leaving > 0 else u * (waiting / rate)
    # shares of the list by class: what of each class's joining cannot be placed after those ahead of it
    ahead = np.cumsum([shares[0] * rate, shares[1] * rate, (1 - shares[0] - shares[1]) * rate])
    kept = np.cumsum(np.diff(np.maximum(ahead - placed, 0.0), prepend=0.0)) / (rate - placed)
    spread = np.mod((np.arange(waiting) + 0.5) * (math.sqrt(5) - 1) / 2, 1.0)  # golden-ratio steps mix the classes evenly along the list
    return ages, np.searchsorted(kept[:-1], spread, side="right")


def play(s: Script, seed: int, replication: int, shared: Shared) -> World:
    """One replication from 1 January of the first year to 31 December of the last; `shared` holds what its other worlds have already found."""
    plan, p = s.plan, s.parameters
    supply_side = s.without - {"demand"}  # whether people fill the places changes nothing in money, building and staff
    world = shared.worlds.get(supply_side)
    if world is None:
        env = simpy.Environment(initial_time=day_of(plan.years.labels[0]))
        weights = np.cumsum([p[f"month_weight_{m}"] for m in range(1, 13)])
        cumulative = (*weights[:-1].tolist(), 1.0)
        money_off = "money" in s.without
        purses = {r: Purse(env, cumulative, p["recurrent_payee_delay_mean_days"], money_off, plan.years.labels[0]) for r in plan.regions}
        world = shared.worlds[supply_side] = World(env, purses, [], [], {}, {}, {}, {}, {}, [])
        start_money(world, s, seed, replication)
        start_projects(world, s, seed, replication)
        env.process(new_years(world, s))
        if "staff" not in s.without:
            start_staffing(world, s, seed, replication)
        env.run(until=day_of(plan.years.labels[-1] + 1))
    if "demand" not in s.without and not world.lines:
        run_lines(world, s, seed, replication, shared)
    return world
