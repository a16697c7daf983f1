"""The waiting list once more, plainly written in SimPy with an event for every joining, leaving and change of places: the oracle of `run_line`."""

from __future__ import annotations

import math
from collections.abc import Generator

import numpy as np
import simpy

from fiscalsim.execution.queues import Clients


class PlainLine:
    """First come first served within three classes; who has left the list is passed over, nobody is put out of a place."""

    def __init__(self, clients: Clients, steps: list[tuple[float, int]], residents: np.ndarray, end: float) -> None:
        self.env = simpy.Environment(initial_time=steps[0][0])
        self.clients, self.places, self.busy = clients, steps[0][1], len(residents)
        self.waiting: list[tuple[int, int]] = []  # (class, client), sorted when a place falls free
        self.placed = np.full(len(clients.joins), math.inf)
        for days in residents:
            self.env.process(self.stay(float(days)))
        self.env.process(self.change(steps))
        for client, day in enumerate(clients.joins):
            if day <= self.env.now:  # all of them are on the list when the first places are given
                self.waiting.append((int(clients.rank[client]), client))
            else:
                self.env.process(self.join(client, float(day)))
        self.env.run(until=end)

    def stay(self, days: float) -> Generator[simpy.Event, None, None]:
        yield self.env.timeout(days)
        self.busy -= 1
        self.fill()

    def fill(self) -> None:
        while self.waiting and self.busy < self.places:
            self.waiting.sort()
            client = self.waiting.pop(0)[1]
            if self.clients.last_day[client] > self.env.now:
                self.placed[client] = self.env.now
                self.busy += 1
                self.env.process(self.stay(float(self.clients.stay[client])))

    def change(self, steps: list[tuple[float, int]]) -> Generator[simpy.Event, None, None]:
        for day, places in steps:
            yield self.env.timeout(day - self.env.now)
            self.places = places
            self.fill()

    def join(self, client: int, day: float) -> Generator[simpy.Event, None, None]:
        yield self.env.timeout(day - self.env.now)
        self.waiting.append((int(self.clients.rank[client]), client))
        self.fill()
