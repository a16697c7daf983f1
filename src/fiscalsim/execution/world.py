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
from fiscalsim.execution.calendar import DAYS_PER_MONTH, Release, ReleaseRules, day_of, month_close, open_season, release_calendar, substream
from fiscalsim.execution.money import ROUNDING, Purse
from fiscalsim.execution.plan import KINDS, Script
from fiscalsim.execution.projects import Progress, draw_project, run_project
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
    rooms: dict[tuple[str, str], list[tuple[float, float]]]  # (region, service) -> (from day, clients that the open places and the funds allow)
    lines: dict[tuple[str, str], tuple[Outcome, Array, float]]  # (region, service) -> clients, residents' remaining days, persons per simulated client
    log: list[tuple[str, str, str, int, str, str]]


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


def room(world: World, s: Script, region: str, service: str, y: int) -> float:
    """Clients that the places now open allow; funds set the limit too where the plan serves fewer than are entitled.

    A resource that serves several services (care workers) is divided as the plan divides it.
    """
    places = math.inf
    for resource, share_per_unit in s.shares[region, service]:
        places = min(places, max(s.base[region, resource][y] + world.opened.get((region, resource), 0.0), 0.0) * share_per_unit[y])
    return min(places, s.funded[region, service][y])


def set_rooms(world: World, s: Script, region: str, services: Iterable[str], y: int) -> None:
    """Write down today's room of the services."""
    for service in services:
        world.rooms.setdefault((region, service), []).append((world.env.now, room(world, s, region, service, y)))


def new_years(world: World, s: Script) -> Generator[simpy.Event, None, None]:
    """On 1 January the planned stock changes by retirement and conversion, and a new year's funds hold."""
    for y, year in enumerate(s.plan.years):
        yield world.env.timeout(day_of(year) - world.env.now)
        for region in s.plan.regions:
            set_rooms(world, s, region, s.needs, y)


def start_projects(world: World, s: Script, seed: int, replication: int) -> None:
    """Draw every project and set it going; the first of each region and resource tells its story in replication 0."""
    p, plan = s.parameters, s.plan
    season = open_season(p["winter_first_day"], p["winter_last_day"], plan.years.labels[0], plan.years.labels[-1] + 1)
    told: set[tuple[str, str]] = set()
    users: dict[str, list[str]] = {}
    for service, needs in s.needs.items():
        for resource, _ in needs:
            users.setdefault(resource, []).append(service)

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
        year = min(date.fromordinal(int(progress.opened)).year, plan.years.labels[-1])
        set_rooms(world, s, q.region, users.get(q.resource, ()), plan.years.index(year))

    for row, (region, resource, year, opens_year, places, capital, name) in enumerate(s.orders):
        rng = substream(seed, replication, f"project/{name}")
        order = (region, resource, year, opens_year, places, capital)
        progress = Progress(draw_project(row, order, s.stages[resource], s.works, resource in plan.school_resources, rng))
        world.progress.append(progress)
        tell: Callable[[Progress, str, str], None] = silent
        if replication == 0 and (region, resource) not in told:
            told.add((region, resource))
            tell = story
        world.env.process(run_project(world.env, progress, world.purses[region], season, s.works, s.without, tell, opens))


def arrivals(total: Array, edges: Array, rng: np.random.Generator) -> Array:
    """Days of joining: unit exponentials mapped through the cumulative rate `total` at `edges`, so that client i stays client i in every scenario."""
    size = int(total[-1] + 8 * math.sqrt(total[-1]) + 32)
    clock = np.cumsum(rng.standard_exponential(size))
    while clock[-1] < total[-1]:
        clock = np.concatenate([clock, clock[-1] + np.cumsum(rng.standard_exponential(size))])
    return np.interp(clock[clock < total[-1]], total, edges)


def run_lines(world: World, s: Script, seed: int, replication: int) -> None:
    """People join as others leave and as the number entitled grows; the line begins near the state it would have come to by itself.

    Each line has a SimPy environment of its own: lines meet only through the rooms that projects opened, which are known by now, and a short
    event list is several times faster than one for the whole province.

    Rate = entitled / mean stay + growth of the entitled. At the start: places filled as far as people are entitled, and the fluid queue
    (arrivals - departures) / (giving up + dying), with the waits that go with it; never more than those entitled and not placed.
    """
    plan = s.plan
    edges = np.array([day_of(y) for y in (*plan.years.labels, plan.years.labels[-1] + 1)])
    for service in dict.fromkeys(q[0] for q in plan.queue_services):
        item = s.queues[service]
        short, long, share = item["stay_months_short"] * DAYS_PER_MONTH, item["stay_months_long"] * DAYS_PER_MONTH, item["share_short"]
        stay = share * short + (1 - share) * long
        abandon, death = (item[name] / (12 * DAYS_PER_MONTH) for name in ("abandon_rate_per_year", "death_rate_per_year"))
        first_shares = (item["priority_share_1"], item["priority_share_2"])
        for j, region in enumerate(plan.regions):
            entitled = plan.demand[service][:, j]
            peak = float(entitled.max())
            if peak <= 0:
                continue
            persons = peak / math.ceil(peak / s.parameters["execution.persons_per_client"])
            rng = {name: substream(seed, replication, f"queue/{region}/{service}/{name}") for name in ("join", "stay", "list", "class", "start")}
            growth = np.diff(entitled, prepend=entitled[0]) / np.diff(edges)
            rate = np.maximum(entitled / stay + growth, 0.0) * item["joining_share"] / persons
            joins = arrivals(np.concatenate([[0.0], np.cumsum(rate * np.diff(edges))]), edges, rng["join"])
            steps = [(day, math.floor(clients / persons + 0.5)) for day, clients in world.rooms[region, service]]
            servers = steps[0][1]
            people = entitled[0] * item["joining_share"] / persons
            inside = min(servers, round(people))
            ages, ahead = fluid_start(people, stay, servers, abandon + death, first_shares)
            waiting = len(ages)
            hazard = np.array([abandon, death])
            with np.errstate(divide="ignore"):
                first_exits = rng["start"].standard_exponential((waiting, 2)) / hazard
                exits = rng["list"].standard_exponential((len(joins), 2)) / hazard
            rank = np.concatenate([ahead, ranks(rng["class"].random(len(joins)), *first_shares)])
            stays = np.concatenate([hyperexponential(rng["start"], waiting, short, long, share), hyperexponential(rng["stay"], len(joins), short, long, share)])
            last = np.concatenate([edges[0] + first_exits.min(axis=1), joins + exits.min(axis=1)])
            dies = np.concatenate([first_exits[:, 1] < first_exits[:, 0], exits[:, 1] < exits[:, 0]])
            clients = Clients(np.concatenate([edges[0] - ages, joins]), stays, last, dies, rank)
            # a stay met in progress is a long one more often: weighted by length
            long_share = (1 - share) * long / stay
            residents = hyperexponential(rng["start"], inside, long, short, long_share)
            world.lines[region, service] = (run_line(clients, steps, residents, edges[-1]), residents, persons)


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


def play(s: Script, seed: int, replication: int) -> World:
    """One replication from 1 January of the first year to 31 December of the last."""
    plan, p = s.plan, s.parameters
    env = simpy.Environment(initial_time=day_of(plan.years.labels[0]))
    weights = np.cumsum([p[f"month_weight_{m}"] for m in range(1, 13)])
    cumulative = (*weights[:-1].tolist(), 1.0)
    money_off = "money" in s.without
    purses = {r: Purse(env, cumulative, p["recurrent_payee_delay_mean_days"], money_off, plan.years.labels[0]) for r in plan.regions}
    world = World(env, purses, [], [], {}, {}, {}, [])
    start_money(world, s, seed, replication)
    start_projects(world, s, seed, replication)
    env.process(new_years(world, s))
    env.run(until=day_of(plan.years.labels[-1] + 1))
    if "demand" not in s.without:
        run_lines(world, s, seed, replication)
    return world
