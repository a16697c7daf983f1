"""The purse of one region: lots of money by source and budget year, paid, carried over or returned, to the last yuan.

Knows days and lots; must not know what a project builds or who is served. Recurrent money is paid by the month weights of the budget year as
far as it has reached the payees; project money is drawn by instalments, oldest lot first.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import simpy

ROUNDING = 1e-6  # yuan; an instalment this much above the cash at hand is rounding, not want of money


@dataclass(slots=True)
class Lot:
    """Money of one source and budget year that has reached the region."""

    source: str
    year: int  # budget year
    vintage: int  # book year in which it became usable; age 0 until the end of that year
    usable: float
    prompt: bool  # own money, paid when due; a transfer reaches its payees with an exponential delay
    recurrent: float
    recurrent_paid: float
    project: float  # left
    ready: bool  # project money has reached the project account


@dataclass(slots=True)
class Purse:
    """Mutable state of one region's money in one replication."""

    env: simpy.Environment
    month_weights: tuple[float, ...]  # cumulative, 12 values, the last is 1
    payee_delay: float  # mean days from the treasury to those paid by recurrent money
    unlimited: bool  # cause `money` switched off
    year: int  # the open book year
    lots: list[Lot] = field(default_factory=list)
    waiting: deque = field(default_factory=deque)  # (event, yuan) of projects, first come first served
    cash: float = 0.0  # project money at hand
    recurrent_paid: dict = field(default_factory=dict)  # budget year -> yuan paid in that very year
    recurrent_kept: dict = field(default_factory=dict)  # book year -> recurrent yuan carried over at its end
    asked_again: dict = field(default_factory=dict)  # book year -> yuan that unfinished projects lack at its end and ask for again
    account: dict = field(default_factory=dict)  # (source, budget year, item) -> yuan
    monthly: dict = field(default_factory=dict)  # (book year, month, item) -> yuan
    month: int = 1

    def enter(self, item: str, source: str, budget_year: int, yuan: float) -> None:
        """Write one movement into the month and the account of its source."""
        account = (source, budget_year, item)
        self.account[account] = self.account.get(account, 0.0) + yuan
        month = (self.year, self.month, item)
        self.monthly[month] = self.monthly.get(month, 0.0) + yuan

    def booked(self, year: int, item: str) -> float:
        """Yuan of one item in a book year."""
        return math.fsum(self.monthly.get((year, month, item), 0.0) for month in range(1, 13))

    def receive(self, source: str, budget_year: int, recurrent: float, project: float, prompt: bool) -> Lot:
        """A release becomes usable today; its project money only with `unlock`."""
        lot = Lot(source, budget_year, self.year, self.env.now, prompt, recurrent, 0.0, project, False)
        self.lots.append(lot)
        self.enter("released", source, budget_year, recurrent + project)
        return lot

    def unlock(self, lot: Lot) -> None:
        """Project money of a lot can be drawn; projects that wait for cash are served in their order."""
        lot.ready = True
        self.cash += lot.project
        while self.waiting and self.waiting[0][1] <= self.cash + ROUNDING:
            event, yuan = self.waiting.popleft()
            self.take(yuan)
            event.succeed()

    def draw(self, yuan: float) -> simpy.Event | None:
        """Pay an instalment; None when it was paid at once, else the event that comes with the money."""
        if yuan <= 0:
            return None
        if self.unlimited and yuan > self.cash:
            self.unlock(self.receive("rebudgeted", self.year, 0.0, yuan - self.cash, True))
        if not self.waiting and yuan <= self.cash + ROUNDING:
            self.take(yuan)
            return None
        event = simpy.Event(self.env)
        self.waiting.append((event, yuan))
        return event

    def take(self, yuan: float) -> None:
        """Draw from the oldest lots first."""
        for lot in self.lots:
            part = min(lot.project, yuan) if lot.ready else 0.0
            if part > 0:
                lot.project -= part
                yuan -= part
                self.cash -= part
                self.enter("paid", lot.source, lot.year, part)
            if yuan <= 0:
                return

    def close_month(self, month: int) -> None:
        """Pay recurrent money that is due by the weights and has reached its payees."""
        share = self.month_weights[month - 1]
        now = self.env.now
        for lot in self.lots:
            left = lot.recurrent - lot.recurrent_paid
            if left <= 0:
                continue
            due = lot.recurrent * share if lot.year == self.year else lot.recurrent
            reached = lot.recurrent if lot.prompt or self.unlimited else lot.recurrent * (1.0 - math.exp((lot.usable - now) / self.payee_delay))
            pay = min(due, reached) - lot.recurrent_paid
            if pay > 0:
                pay = min(pay, left)
                lot.recurrent_paid += pay
                self.enter("paid", lot.source, lot.year, pay)
                if lot.year == self.year:
                    self.recurrent_paid[self.year] = self.recurrent_paid.get(self.year, 0.0) + pay
        self.month = month % 12 + 1

    def close_year(self) -> None:
        """Sweep what became usable before this year (age 1) and carry the rest over (age 0)."""
        self.month = 12  # the books of December
        kept = []
        for lot in self.lots:
            left = lot.recurrent - lot.recurrent_paid + lot.project
            if lot.vintage < self.year:
                self.enter("returned", lot.source, lot.year, left)
            elif left > 0:
                kept.append(lot)
                self.enter("carried_over", lot.source, lot.year, left)
        self.lots = kept
        self.cash = math.fsum(lot.project for lot in kept if lot.ready)
        self.recurrent_kept[self.year] = math.fsum(lot.recurrent - lot.recurrent_paid for lot in kept)
        self.year += 1
        self.month = 1
