"""Who waits for a place: people drawn once a replication, the state at the start, and every waiting list against the rooms it was given.

Knows the plan as looked up by `plan` and the rooms of a finished year; must not know how the rooms came about.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fiscalsim.execution.calendar import DAYS_PER_MONTH, day_of, substream
from fiscalsim.execution.plan import Script
from fiscalsim.execution.queues import Clients, Outcome, hyperexponential, ranks, run_line
from fiscalsim.quantities import Array

LEAST_CLIENTS = 500  # a short list is simulated in smaller lumps than persons_per_client: below this its waits come out too long
Key = tuple[str, str]  # region, service
Rooms = dict[Key, list[tuple[float, float, float]]]  # from day, clients that places, staff and funds allow, the same with all staff


@dataclass(frozen=True)
class Line:
    """One waiting list that has run."""

    steps: list[tuple[float, int]]  # day, places
    outcome: Outcome
    residents: Array  # days that those who were in a place at the start still stayed
    persons: float  # that one simulated client stands for


@dataclass(frozen=True)
class Crowd:
    """Those who will want a place, drawn once for a replication: the same people whatever places there are; days, in order of joining."""

    persons: float  # that one of them stands for
    joins: Array
    stay: Array
    last_day: Array
    dies: Array
    rank: Array


def arrivals(total: Array, edges: Array, rng: np.random.Generator) -> Array:
    """Days of joining: unit exponentials mapped through the cumulative rate `total` at `edges`, so that client i stays client i in every scenario."""
    size = int(total[-1] + 8 * math.sqrt(total[-1]) + 32)
    clock = np.cumsum(rng.standard_exponential(size))
    while clock[-1] < total[-1]:
        clock = np.concatenate([clock, clock[-1] + np.cumsum(rng.standard_exponential(size))])
    return np.interp(clock[clock < total[-1]], total, edges)


def draw_crowd(s: Script, region: str, service: str, seed: int, replication: int) -> Crowd:
    """Who will join the list of one service in one region: rate = entitled / mean stay + growth of the entitled, then days, class and patience."""
    plan, item = s.plan, s.queues[service]
    edges = np.array([day_of(y) for y in (*plan.years.labels, plan.years.labels[-1] + 1)])
    entitled = plan.demand[service][:, plan.regions.index(region)]
    peak = float(entitled.max())
    persons = peak / max(math.ceil(peak / s.parameters["execution.persons_per_client"]), min(math.ceil(peak), LEAST_CLIENTS))
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


def run_lines(rooms: Rooms, s: Script, seed: int, replication: int, crowds: dict[Key, Crowd], known: dict[Key, Line]) -> dict[Key, Line]:
    """People join as others leave and as the number entitled grows; the line begins near the state it would have come to by itself.

    Lines meet only through the rooms that projects and staff gave them, which are known by now, so each runs by itself; one that has the same
    rooms as in an earlier world of the same replication (`known`) ends the same and is not run again. `crowds` keeps who comes.

    At the start: those served on the eve are in their places (all places full where that is not known), nobody waits while places are free, and
    else the list is the fluid queue (arrivals - departures) / (giving up + dying), with the waits that go with it.
    """
    plan = s.plan
    start, end = day_of(plan.years.labels[0]), day_of(plan.years.labels[-1] + 1)
    lines: dict[Key, Line] = {}
    for service in dict.fromkeys(q[0] for q in plan.queue_services):
        item = s.queues[service]
        short, long, share, stay = stays_of(item)
        for j, region in enumerate(plan.regions):
            key = (region, service)
            if plan.demand[service][:, j].max() <= 0:
                continue
            crowd = crowds.get(key) or crowds.setdefault(key, draw_crowd(s, region, service, seed, replication))
            steps = [(day, math.floor(clients / crowd.persons + 0.5)) for day, clients, _ in rooms[key]]
            steps = [step for i, step in enumerate(steps) if i == 0 or step[1] != steps[i - 1][1]]
            if key in known and known[key].steps == steps:
                lines[key] = known[key]
                continue
            servers = steps[0][1]
            people = plan.demand[service][0, j] * item["joining_share"] / crowd.persons
            before = plan.served_before[service][j] / crowd.persons if service in plan.served_before else people
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
            lines[key] = known[key] = Line(steps, run_line(clients, steps, residents, end), residents, crowd.persons)
    return lines


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
