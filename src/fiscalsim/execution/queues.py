"""Waiting lists: people join, wait by priority, are placed, give up or die; numpy draws, a heap keeps the days on which places fall free.

The same line serves the replay and the tests against queueing theory. Knows clients and servers only; must not know money, regions or plans.
A line meets nothing but the steps of its places, which are known when it runs: joinings come from a sorted list and leavings from a heap, so no
event loop is needed (tests/plain_line.py is the same line in SimPy, an event each, and gives the same course). Someone who leaves the list takes
no event either: the last day is drawn on joining, and a freed place passes over those who have gone.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Clients:
    """One row a client, in order of joining; days."""

    joins: Array
    stay: Array  # days in the place once placed
    last_day: Array  # leaves the list on this day when not placed before
    dies: Array  # bool: leaves the list by death
    rank: Array  # class, 0 goes first, then 1, then 2


@dataclass(frozen=True)
class Outcome:
    """What became of each client by the end of the run; days, infinite where it did not happen."""

    clients: Clients
    placed: Array
    end: float
    busy: int  # places taken at the end

    @property
    def was_placed(self) -> Array:
        """[client] bool."""
        return np.isfinite(self.placed)

    @property
    def left_list(self) -> Array:
        """[client] day of leaving the list without a place, infinite for those who were placed or still wait."""
        gone = ~self.was_placed & (self.clients.last_day <= self.end)
        return np.where(gone, self.clients.last_day, np.inf)

    @property
    def wait(self) -> Array:
        """[placed client] days between joining and placement."""
        return self.placed[self.was_placed] - self.clients.joins[self.was_placed]


def run_line(clients: Clients, steps: list[tuple[float, int]], residents: Array, end: float) -> Outcome:
    """Run a waiting list to `end`. `steps` are (day, places) from the first day on; `residents` are the days that those already placed still stay.

    Clients who joined before the first day wait from the start. When places are taken away nobody is put out: the next to leave is not replaced.
    On one and the same day places change first, then people leave, then people join.
    """
    start = steps[0][0]
    joins, stay, last_day, rank = clients.joins.tolist(), clients.stay.tolist(), clients.last_day.tolist(), clients.rank.tolist()
    total = len(joins)
    placed = [math.inf] * total
    first, second, third = lists = (deque[int](), deque[int](), deque[int]())
    leaves = (start + residents).tolist()
    leaves.append(math.inf)
    heapify(leaves)  # one day a taken place: when it will be free
    busy = len(residents)
    at = int(np.searchsorted(clients.joins, start, side="right"))  # the next to join
    for i in range(at):
        lists[rank[i]].append(i)
    joins.append(math.inf)
    for (day, places), until in zip(steps, [day for day, _ in steps[1:]] + [end], strict=True):
        while busy < places and (first or second or third):  # new places go to the head of the list
            i = (first or second or third).popleft()
            if last_day[i] > day:
                placed[i] = day
                heappush(leaves, day + stay[i])
                busy += 1
        joining = joins[at]
        while True:
            now = leaves[0]
            if now <= joining:
                if now >= until:
                    break
                if busy <= places:
                    while first or second or third:
                        i = (first or second or third).popleft()
                        if last_day[i] > now:
                            placed[i] = now
                            heapreplace(leaves, now + stay[i])
                            break
                    else:
                        heappop(leaves)
                        busy -= 1
                else:
                    heappop(leaves)
                    busy -= 1
            elif joining >= until:
                break
            else:
                if busy < places:
                    placed[at] = joining
                    heappush(leaves, joining + stay[at])
                    busy += 1
                else:
                    lists[rank[at]].append(at)
                at += 1
                joining = joins[at]
    return Outcome(clients, np.array(placed), end, busy)


def hyperexponential(rng: np.random.Generator, count: int, short: float, long: float, share_short: float) -> Array:
    """`count` stays: with `share_short` exponential of mean `short`, else of mean `long`; two numbers a client, so the prefix is stable."""
    u = rng.random((count, 2))
    return -np.log1p(-u[:, 1]) * np.where(u[:, 0] < share_short, short, long)


def ranks(u: Array, first: float, second: float) -> Array:
    """Class 0, 1 or 2 of each client from a uniform number and the shares of the first two classes."""
    return (u >= first).astype(int) + (u >= first + second)


def stratified(rng: np.random.Generator, count: int) -> Array:
    """Unit exponentials, one from each of `count` equally likely strata in random order: the load of the sample is the load that was asked for."""
    return -np.log1p(-(rng.permutation(count) + rng.random(count)) / count)


def queue(
    arrival_rate: float,
    mean_service: float,
    servers: int,
    clients: int,
    rng: np.random.Generator,
    *,
    patience: float = np.inf,
    stay: tuple[float, float, float] | None = None,
    shares: tuple[float, float] = (0.0, 0.0),
) -> Outcome:
    """A line that starts empty and keeps its rates: Poisson arrivals per day, stays exponential with `mean_service` days or `stay` (short, long, share).

    `shares` of the clients go first and second. `patience` is the mean of an exponential time after which one who waits leaves; 0 gives a loss
    system (Erlang B), infinite gives M/M/c.
    """
    joins = np.cumsum(stratified(rng, clients) / arrival_rate)
    stays = stratified(rng, clients) * mean_service
    if stay:  # the branch of a client is stratified too
        short, long, share = stay
        stays = stratified(rng, clients) * np.where((rng.permutation(clients) + 0.5) / clients < share, short, long)
    if patience == 0:
        last = joins.copy()
    elif np.isinf(patience):
        last = np.full(clients, np.inf)
    else:
        last = joins + stratified(rng, clients) * patience
    rank = ranks(rng.random(clients), *shares)
    return run_line(Clients(joins, stays, last, np.zeros(clients, dtype=bool), rank), [(0.0, servers)], np.zeros(0), float(joins[-1]) + 1e-9)
