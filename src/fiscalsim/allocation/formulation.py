"""The mathematics of the allocation: one linear model, each family of constraints one short rule.

`Terms` holds every number of the model as plain arrays in the model's units (100 million yuan, 10,000 clients or places); `build`
turns them into a Pyomo model by walking through `FAMILIES`, the table of contents. Nothing here solves, reads files or explains.

Indices are positions: r region, h residence, s service, y decision year 0..T-1, k resource, c conversion, i indicator, m milestone,
n years after the horizon. Rules take `(m, *indices)` and hold wherever their index set says; they also run on plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyomo.environ as pyo

from fiscalsim.quantities import Array

YUAN = 1e8  # money inside the model is in 100 million yuan
HEADS = 1e4  # clients, places and staff are in units of 10,000


@dataclass(frozen=True)
class Terms:
    """Every coefficient of the model. Years run over the horizon unless the comment says otherwise."""

    clients: Array  # [Y,R,H,S] 10,000 clients
    running: Array  # [Y,R,H,S] recurrent cost of serving every client of the cell, the part that follows clients
    standing: Array  # [Y,R,K] recurrent cost of one unit (10,000 places) of a resource, open or empty
    uses: Array  # [S,K] units of a resource per client
    floor: Array  # [S]
    ceiling: Array  # [S]
    base_coverage: Array  # [R,H,S]
    promise: Array  # [S] bool
    upper_cost: Array  # [Y,R,H,S] what upper levels pay when every client of the cell is served at the national standard
    own_cost: Array  # [Y,R,H,S] the region's own duty then, for services that upper levels share; 0 for the rest
    own_share: Array  # [Y,R] part of that duty that its usual means can pay, 0..1
    means: Array  # [Y,R]
    own_revenue: Array  # [Y,R]
    general_pool: Array  # [Y]
    earmarked_pool: Array  # [Y]
    general_before: Array  # [R] general grants of the base year
    pool_growth: Array  # [Y] general pool of y / of y-1
    pool_fall: Array  # [Y] min(1, pool_growth)
    pool_rise: Array  # [Y] max(1, pool_growth); numbers of their own, so that a pool that turns from growth to fall keeps its rows
    change_limit: float
    reserve_share: Array  # [Y]
    recurrent_cap: Array  # [Y,R]
    bond_quota: Array  # [Y,R]
    bond_rate: float
    debt_room: Array  # [Y,R] room for catalogue debt under the limit
    capacity: Array  # [R,K] at the end of the base year
    staff: Array  # [K] bool: the resource is staff
    lead: Array  # [K] years from order to service
    retire: Array  # [K]
    build_rate: Array  # [K]
    build_least: Array  # [R,K] units that may be ordered a year even where the stock is small
    build_cost: Array  # [Y,K] yuan (100 million) per unit
    salvage: Array  # [Y,K] part of the building cost whose use lies within the horizon
    conversions: tuple[tuple[int, int], ...]  # (from, to) resource
    gained: Array  # [C] places per place given up
    conversion_cost: Array  # [Y,C] per place gained
    surplus: Array  # [C] part of the stock that may be given up in a year
    tail_running: Array  # [N,R,H,S] running cost after the horizon
    tail_standing: Array  # [N,R,K]
    tail_means: Array  # [N,R]
    tail_pool: Array  # [N] grants of year T+n / of the last year of the horizon
    need_weight: Array  # [R,H] who is named first
    target: Array  # [Y,I] what the indicator's linear form must reach, in distances from base to target; nan where no target holds
    target_clients: Array  # [Y,I,R,H,S] coefficient of provision in the indicator
    target_capacity: Array  # [Y,I,R,K] coefficient of capacity
    target_binding: Array  # [I] bool
    milestones: tuple[int, ...]
    domain_weight: Array  # [S] one over the number of services of the domain
    tie_x: Array  # [R,H,S] fixed tie-break weights, 0..1
    tie_r: Array  # [R]
    tie_s: Array  # [S]
    tie_i: Array  # [I]
    tie_y: Array  # [Y]
    rule_general: Array | None  # [Y,R] general grants fixed by a rule of today
    handed_over: Array  # [Y,R,K] places that come with new housing
    market: Array  # [K] most that may be bought in a year, share of the stock; 0 where nothing is bought
    rent: Array  # [Y,K] price of one unit (10,000 places) bought for a year
    purchase_cap: float  # most that purchases may cost, share of own revenue
    mobility: float  # part of the staff that may move to other regions in a year; 0: none moves
    service_weight: Array  # [S] what is named first
    project: Array | None = None  # [K] places of one project, 0 where any amount may be ordered; None: in any amounts everywhere

    @cached_property
    def cells(self) -> Array:
        """[Y,R,H,S] bool: where there is at least half a client."""
        return np.greater_equal(self.clients * HEADS, 0.5)

    @cached_property
    def today(self) -> Array:
        """[R,H,S] provision of the base year, at most what may be provided."""
        return np.minimum(self.base_coverage, self.ceiling)


@dataclass(frozen=True)
class Family:
    """One family of constraints: its name is the fact that it makes true."""

    name: str
    group: str  # within_means, utmost, supply
    rule: Callable[..., Any]
    over: str  # name of the index set on the model
    passes: tuple[str, ...]  # the passes in which its rows stand
    price_unit: str  # what its shadow price means
    source: str

    @property
    def sentence(self) -> str:
        """First sentence of the rule's docstring."""
        return " ".join((self.rule.__doc__ or "").split("\n\n")[0].split())


# --- within means ---------------------------------------------------------------------------------------------------


def spending_within_means(m, y, r):
    """Every yuan is somewhere: what a region spends, keeps in reserve and carries over equals what it has.

    recurrent + building + conversion + interest + reserve + carried = means + general + earmarked + bonds + carried in (+ claims unpaid), for all y, r.
    Price: goal per 100 million yuan more for the region. Budget Law art. 38.
    """
    spent = m.recurrent(y, r) + m.capital(y, r) + m.reserve[y, r] + m.carried[y, r] + m.t.bond_rate * m.debt_before(y, r)
    return spent == m.t.means[y, r] + m.general[y, r] + m.earmarked[y, r] + m.bond[y, r] + m.carried_in(y, r) + m.unpaid[y, r]


def transfers_within_pool(m, kind, y):
    """All general, and all earmarked, grants of a year stay within their pool.

    sum over r of grants <= pool, for both kinds and all y. Price: goal per 100 million yuan more in the pool.
    """
    grants, pool = (m.general, m.t.general_pool) if kind == 0 else (m.earmarked, m.t.earmarked_pool)
    return sum(grants[y, r] for r in m.R) <= pool[y]


def earmarked_for_its_service(m, y, r):
    """Earmarked money follows the clients really served: cut coverage and the grant falls.

    earmarked <= sum over services of upper share x national cost x provision, for all y, r. Price: goal per 100 million yuan of upper duty.
    """
    return m.earmarked[y, r] <= sum(m.t.upper_cost[y, r, h, s] * m.x[y, r, h, s] for h, s in m.duty_of(y, r))


def own_share_paid(m, y, r):
    """A region pays its own share of the services it shares with upper levels, as far as its means after first claims go.

    shared cost at national standard x provision - earmarked >= part x own duty x provision, summed over shared services, for all y, r;
    part = min(1, means with the usual general grants / own duty at full provision). Budget Law art. 16: no matching beyond that duty.
    Implied by earmarked_for_its_service, which holds the whole share: its rows stand, and bind, where that is switched off.
    Price: goal per 100 million yuan of own duty.
    """
    shared = sum((m.t.upper_cost[y, r, h, s] + m.t.own_cost[y, r, h, s]) * m.x[y, r, h, s] for h, s in m.duty_of(y, r))
    duty = sum(m.t.own_share[y, r] * m.t.own_cost[y, r, h, s] * m.x[y, r, h, s] for h, s in m.duty_of(y, r))
    return shared - m.earmarked[y, r] >= duty


def reserve_kept(m, y, r):
    """A region keeps the legal reserve of its budget for what cannot be foreseen.

    reserve >= share x (own revenue + general + earmarked), for all y, r (Budget Law art. 40: 1 to 3 %). Price: goal per 100 million yuan of reserve.
    """
    return m.reserve[y, r] >= m.t.reserve_share[y] * (m.t.own_revenue[y, r] + m.general[y, r] + m.earmarked[y, r])


def bonds_for_capital_only(m, y, r):
    """Bonds pay for building, never for running costs.

    bond <= building + conversion, for all y, r (Budget Law art. 35). Price: goal per 100 million yuan of running money.
    """
    return m.bond[y, r] <= m.capital(y, r)


def debt_within_limit(m, y, r):
    """New debt for the catalogue stays within the room that the debt limit leaves.

    sum of bonds up to y <= limit - other debt, for all y, r. Price: goal per 100 million yuan of limit.
    """
    return m.debt[y, r] <= m.t.debt_room[y, r]


def recurrent_growth_within_revenue(m, y, r):
    """Recurrent service spending grows no faster than revenue, rolled over three years, plus the stated margin.

    recurrent <= base spending x revenue index x (1 + margin)^years, for all y, r. Price: goal per 100 million yuan of the cap.
    """
    return m.recurrent(y, r) <= m.t.recurrent_cap[y, r]


def standards_never_fall(m, y, r, h, s):
    """What was once raised is not cut.

    provision of y >= provision of y-1, for services that are promises. Price: goal per point of coverage.
    """
    return m.x[y, r, h, s] >= m.x[y - 1, r, h, s]


def promise_outlives_the_horizon(m, n, r):
    """What is provided in the last year stays payable under the demography and the means of the years that follow.

    running and standing cost of year T+n at the last year's provision, purchases included <= means of T+n + grants grown with the pool, for n = 1..tail.
    Price: goal per 100 million yuan then.
    """
    last = m.Y.last()
    run = sum(m.t.tail_running[n, r, h, s] * m.x[last, r, h, s] for h, s in m.cells_of(last, r))
    stand = sum(m.t.tail_standing[n, r, k] * m.stock[last, r, k] for k in m.K if m.t.tail_standing[n, r, k] > 0)
    grants = m.t.tail_pool[n] * (m.general[last, r] + m.earmarked[last, r])
    return run + stand + m.purchases(last, r) <= m.t.tail_means[n, r] + grants + m.unpaid_later[n, r]


def transfer_change_limited(m, side, y, r):
    """A region's general grants move no further from the year before than the limit allows, beside the pool's own change.

    (1-a) min(1, g) previous <= general <= (1+a) max(1, g) previous, g the pool's growth, for all y, r. Price: goal per 100 million yuan of movement.
    """
    before = m.general[y - 1, r] if y > 0 else m.t.general_before[r]
    if side == 0:
        return m.general[y, r] >= (1 - m.t.change_limit) * m.t.pool_fall[y] * before
    return m.general[y, r] <= (1 + m.t.change_limit) * m.t.pool_rise[y] * before


# --- supply ---------------------------------------------------------------------------------------------------------


def served_within_capacity(m, y, r, k):
    """Nobody is served in a place that is not there.

    sum over services of units x clients x provision <= places in service + places bought, for all y, r and kinds of place. Price: goal per 10,000 places.
    """
    return m.used(y, r, k) <= m.stock[y, r, k] + m.bought_places(y, r, k)


def staff_within_supply(m, y, r, k):
    """Nobody is served by staff who are not there.

    sum over services of units x clients x provision <= staff in post, for all y, r and kinds of staff. Price: goal per 10,000 staff.
    """
    return m.used(y, r, k) <= m.stock[y, r, k]


def capacity_carried_forward(m, y, r, k):
    """Capacity is last year's less what retires, closes or is converted, plus what was ordered a lead time ago.

    stock = (1 - retire) x stock before + opened + handed over + gained - given up - closed + posts moved, for all y, r, k.
    Price: goal per 10,000 places handed over.
    """
    before = m.stock[y - 1, r, k] if y > 0 else m.t.capacity[r, k]
    gained = sum(m.t.gained[c] * m.convert[y - 1, r, c] for c in m.into(k)) if y > 0 else 0
    given = sum(m.convert[y, r, c] for c in m.out_of(k)) + m.closed[y, r, k]
    return m.stock[y, r, k] == (1 - m.t.retire[k]) * before + m.opened(y, r, k) + m.t.handed_over[y, r, k] + gained - given + m.posts_gained(y, r, k)


def build_rate_limited(m, y, r, k):
    """No more may be ordered in a year than a stated share of the stock, or the small number that any place may start.

    built <= rate x stock before + least, for all y, r, k (staff: graduates hired). Price: goal per 10,000 places of the limit.
    """
    before = m.stock[y - 1, r, k] if y > 0 else m.t.capacity[r, k]
    return m.built[y, r, k] <= m.t.build_rate[k] * before + m.t.build_least[r, k]


def conversion_from_surplus(m, y, r, c):
    """Only places that falling cohorts leave empty are converted, a stated share of the stock a year.

    given up <= share x stock before, for all y, r, c; the stock given up no longer serves. Price: goal per 10,000 places of the limit.
    """
    source = m.t.conversions[c][0]
    before = m.stock[y - 1, r, source] if y > 0 else m.t.capacity[r, source]
    return m.convert[y, r, c] <= m.t.surplus[c] * before


def bought_within_market(m, y, r, k):
    """What is bought from the market instead of built is at most what the market can supply.

    bought <= share x stock before, for all y, r and kinds of place in the purchase catalogue. Price: goal per 10,000 places of the market.
    """
    before = m.stock[y - 1, r, k] if y > 0 else m.t.capacity[r, k]
    return m.bought[y, r, k] <= m.t.market[k] * before


def purchases_within_cap(m, y, r):
    """Payments for places bought or provided under contract stay below a stated share of the region's own revenue.

    sum over k of price x bought <= cap x own revenue, for all y, r. Price: goal per 100 million yuan of the cap.
    """
    return m.purchases(y, r) <= m.t.purchase_cap * m.t.own_revenue[y, r]


def posts_moved_within_limit(m, y, r, k):
    """Posts move between regions by no more than a stated share of a region's staff in a year.

    posts given <= mobility x staff before, for all y, r and kinds of staff. Price: goal per 10,000 staff of the limit.
    """
    before = m.stock[y - 1, r, k] if y > 0 else m.t.capacity[r, k]
    return m.posts_out[y, r, k] <= m.t.mobility * before


# --- the utmost -----------------------------------------------------------------------------------------------------


def floor_guaranteed(m, y, r, h, s):
    """Everyone entitled is served at least at the floor of the national standard; what is missing is measured.

    provision + below >= floor, for all y, r, h, s with a floor. Price: goal per point of coverage.
    """
    return m.x[y, r, h, s] + m.below[y, r, h, s] >= m.t.floor[s]


def today_kept(m, y, r, h, s):
    """What is provided today is not cut to pay for something new; what cannot be kept is measured.

    provision + cut >= provision of the base year, for all y, r, h, s where that lies above the floor or is a promise. Price: goal per point of coverage.
    """
    return m.x[y, r, h, s] + m.cut[y, r, h, s] >= m.t.today[r, h, s]


def worst_floor_share(m, y, r, h, s):
    """No one area is sacrificed: the largest share of a floor left unmet, by service and year, is what pass 1a lowers.

    worst unmet >= below / floor, for all y, r, h, s. Price: goal per share of floor.
    """
    return m.worst_below[y, s] >= m.below[y, r, h, s] / m.t.floor[s]


def binding_target_met(m, y, i):
    """Each binding indicator keeps to its path from base to target year; what is missing is measured.

    linear form of the indicator + short >= path, for all binding i and y with a target. Price: goal per unit of the indicator.
    """
    return m.indicator(y, i) + m.short[y, i] >= m.t.target[y, i]


def expected_target_met(m, y, i):
    """Each expected indicator keeps to its path from base to target year; what is missing is measured.

    linear form of the indicator + short >= path, for all expected i and y with a target. Price: goal per unit of the indicator.
    """
    return m.indicator(y, i) + m.short[y, i] >= m.t.target[y, i]


def worst_off_raised(m, j, r, h, s):
    """The worst-off area's coverage is raised, service by service, at the milestone years.

    worst <= provision, for all milestones, areas and services. Price: goal per point of coverage.
    """
    return m.worst[j, s] <= m.x[m.t.milestones[j], r, h, s]


def town_country_gap(m, j, s):
    """The gap between town and country is closed, service by service, at the milestone years.

    gap >= mean provision in towns - in the country. Price: goal per point of gap.
    """
    return m.gap[j, s] >= m.mean(j, 0, s) - m.mean(j, 1, s)


def grants_moved(m, side, y, r):
    """How far general grants move from last year's share of the pool is measured, so that churn is least.

    moved >= |general - g x previous|, for all y, r. Price: churn per 100 million yuan.
    """
    before = m.t.pool_growth[y] * (m.general[y - 1, r] if y > 0 else m.t.general_before[r])
    return m.moved[y, r] >= (m.general[y, r] - before if side == 0 else before - m.general[y, r])


TIE = 1e-3  # a fixed weight by name, so that of equal plans always the same one comes out
CUT = 0.1  # a client cut from today's service against one below the floor, in pass 1b
MEAN = 0.1  # a point of mean coverage in a year against a point of the worst-off at a milestone, in pass 4
ALL = ("0", "1a", "1b", "2", "3", "4", "5")
FAMILIES: tuple[Family, ...] = (
    Family("spending_within_means", "within_means", spending_within_means, "YR", ALL, "per_100m_yuan", "budget-law"),
    Family("transfers_within_pool", "within_means", transfers_within_pool, "GY", ALL, "per_100m_yuan", "budget-law"),
    Family("earmarked_for_its_service", "within_means", earmarked_for_its_service, "YR", ALL, "per_100m_yuan", "gbf-2018-6"),
    Family("own_share_paid", "within_means", own_share_paid, "YR", ALL, "per_100m_yuan", "budget-law"),
    Family("reserve_kept", "within_means", reserve_kept, "YR", ALL, "per_100m_yuan", "budget-law"),
    Family("bonds_for_capital_only", "within_means", bonds_for_capital_only, "YR", ALL, "per_100m_yuan", "budget-law"),
    Family("debt_within_limit", "within_means", debt_within_limit, "YR", ALL, "per_100m_yuan", "budget-law"),
    Family("recurrent_growth_within_revenue", "within_means", recurrent_growth_within_revenue, "YR", ALL, "per_100m_yuan", "plan"),
    Family("standards_never_fall", "within_means", standards_never_fall, "PROMISES", ALL, "per_point", "plan"),
    Family("promise_outlives_the_horizon", "within_means", promise_outlives_the_horizon, "NR", ALL, "per_100m_yuan", "plan"),
    Family("transfer_change_limited", "within_means", transfer_change_limited, "SYR", ALL, "per_100m_yuan", "cy-2022-58"),
    Family("served_within_capacity", "supply", served_within_capacity, "PLACES", ALL, "per_10k_places", "plan"),
    Family("staff_within_supply", "supply", staff_within_supply, "STAFF", ALL, "per_10k_staff", "plan"),
    Family("capacity_carried_forward", "supply", capacity_carried_forward, "YRK", ALL, "per_10k_places", "plan"),
    Family("build_rate_limited", "supply", build_rate_limited, "YRK", ALL, "per_10k_places", "plan"),
    Family("conversion_from_surplus", "supply", conversion_from_surplus, "YRC", ALL, "per_10k_places", "plan"),
    Family("bought_within_market", "supply", bought_within_market, "BOUGHT", ALL, "per_10k_places", "plan"),
    Family("purchases_within_cap", "within_means", purchases_within_cap, "BUYERS", ALL, "per_100m_yuan", "ppp10"),
    Family("posts_moved_within_limit", "supply", posts_moved_within_limit, "POSTS", ALL, "per_10k_staff", "plan"),
    Family("floor_guaranteed", "utmost", floor_guaranteed, "FLOORS", ("1a", "1b"), "per_point", "national-standard"),
    Family("today_kept", "utmost", today_kept, "KEPT_TODAY", ("1b",), "per_point", "plan"),
    Family("worst_floor_share", "utmost", worst_floor_share, "FLOORS", ("1a",), "per_share", "national-standard"),
    Family("binding_target_met", "utmost", binding_target_met, "BINDING", ("2", "3", "4", "5"), "per_unit", "plan"),
    Family("expected_target_met", "utmost", expected_target_met, "EXPECTED", ("3", "4", "5"), "per_unit", "plan"),
    Family("worst_off_raised", "utmost", worst_off_raised, "WORST", ("4",), "per_point", "plan"),
    Family("town_country_gap", "utmost", town_country_gap, "GAPS", ("4",), "per_point", "plan"),
    Family("grants_moved", "utmost", grants_moved, "SYR", ("5",), "per_100m_yuan", "cy-2022-58"),
)
IMPLIED_BY = {"own_share_paid": "earmarked_for_its_service"}  # rows that say nothing new beside another family's are left out: twins only slow the solver
GOALS_WITHOUT_SWITCH = ("worst_floor_share", "town_country_gap", "grants_moved")


def building_paid(t: Terms, built: Array) -> Array:
    """What building and training cost each year [Y,R,K], 100 million yuan: as `Model.capital` has it, for orders that are known.

    An order is paid evenly over its lead time, each instalment at the price of the year in which it is paid.
    """
    paid = np.zeros_like(built)
    for k, lead in enumerate(t.lead):
        instalments = max(1, int(lead))
        for j in range(instalments):
            paid[j:, :, k] += built[: len(built) - j, :, k] * t.build_cost[j:, None, k] / instalments
    return paid


class Model(pyo.ConcreteModel):
    """A Pyomo model with the few sums that several rules speak of."""

    t: Terms

    def recurrent(self, y, r):
        """Running cost of the clients served, standing cost of the places open, and what is paid for places bought."""
        running = sum(self.t.running[y, r, h, s] * self.x[y, r, h, s] for h, s in self.cells_of(y, r) if self.t.running[y, r, h, s] > 0)
        return running + sum(self.t.standing[y, r, k] * self.stock[y, r, k] for k in self.K if self.t.standing[y, r, k] > 0) + self.purchases(y, r)

    def purchases(self, y, r):
        """What is paid for the places bought from the market."""
        return sum(self.t.rent[y, k] * self.bought[y, r, k] for k in self.K if (y, r, k) in self.bought)

    def bought_places(self, y, r, k):
        return sum(self.bought[cell] for cell in ((y, r, k),) if cell in self.bought)  # nothing where none may be bought

    def posts_gained(self, y, r, k):
        """Posts that came from other regions less those that went there."""
        return self.posts_in[y, r, k] - self.posts_out[y, r, k] if (y, r, k) in self.posts_in else 0.0

    def capital(self, y, r):
        """Building and training paid evenly over the lead time, and conversions paid when ordered."""
        built = 0
        for k in self.K:
            years = max(1, int(self.t.lead[k]))
            built += sum(self.t.build_cost[y, k] / years * self.built[y - j, r, k] for j in range(years) if y - j >= 0 and self.t.build_cost[y, k] > 0)
        return built + sum(self.t.conversion_cost[y, c] * self.t.gained[c] * self.convert[y, r, c] for c in self.C)

    def carried_in(self, y, r):
        return self.carried[y - 1, r] if y > 0 else 0.0

    def debt_before(self, y, r):
        return self.debt[y - 1, r] if y > 0 else 0.0

    def opened(self, y, r, k):
        ordered = y - int(self.t.lead[k])
        return self.built[ordered, r, k] if ordered >= 0 else 0.0

    def used(self, y, r, k):
        return sum(self.t.uses[s, k] * self.t.clients[y, r, h, s] * self.x[y, r, h, s] for h, s in self.cells_of(y, r) if self.t.uses[s, k] > 0)

    def indicator(self, y, i):
        clients = sum(self.t.target_clients[y, i, r, h, s] * self.x[y, r, h, s] for r, h, s in self.reach_x[i] if self.t.cells[y, r, h, s])
        return clients + sum(self.t.target_capacity[y, i, r, k] * self.stock[y, r, k] for r, k in self.reach_k[i])

    def mean(self, j, h, s):
        y = self.t.milestones[j]
        weights = [(r, self.t.clients[y, r, h, s]) for r in self.R if self.t.cells[y, r, h, s]]
        total = sum(w for _, w in weights)
        return sum(w / total * self.x[y, r, h, s] for r, w in weights)

    def cells_of(self, y, r):
        return self.by_place[y, r]

    def duty_of(self, y, r):
        return [(h, s) for h, s in self.by_place[y, r] if self.t.upper_cost[y, r, h, s] > 0]

    def into(self, k):
        return [c for c, (_, to) in enumerate(self.t.conversions) if to == k]

    def out_of(self, k):
        return [c for c, (source, _) in enumerate(self.t.conversions) if source == k]


def _sets(m: Model) -> None:
    """Index sets: the only place that says where a rule holds."""
    t = m.t
    years, regions, _, services = t.clients.shape
    m.by_place = {(y, r): [(int(h), int(s)) for h, s in np.argwhere(t.cells[y, r])] for y in range(years) for r in range(regions)}
    m.Y, m.R, m.K, m.C = (pyo.RangeSet(0, n - 1) for n in (years, regions, len(t.staff), len(t.conversions)))
    m.N = pyo.RangeSet(0, len(t.tail_means) - 1)
    cells = [tuple(int(i) for i in cell) for cell in np.argwhere(t.cells)]
    m.CELLS = pyo.Set(dimen=4, initialize=cells)
    m.S = pyo.RangeSet(0, services - 1)
    m.YR, m.YRK, m.YRC, m.NR = m.Y * m.R, m.Y * m.R * m.K, m.Y * m.R * m.C, m.N * m.R
    m.GY, m.SYR = pyo.RangeSet(0, 1) * m.Y, pyo.RangeSet(0, 1) * m.Y * m.R
    m.FLOORS = pyo.Set(dimen=4, initialize=[c for c in cells if t.floor[c[3]] > 0])
    m.PROMISES = pyo.Set(dimen=4, initialize=[c for c in cells if t.promise[c[3]] and c[0] > 0 and t.cells[c[0] - 1, c[1], c[2], c[3]]])
    m.KEPT_TODAY = pyo.Set(dimen=4, initialize=[c for c in cells if t.today[c[1:]] > t.floor[c[3]]])
    used = np.atleast_1d(t.uses.any(axis=0))
    m.PLACES = pyo.Set(dimen=3, initialize=[(y, r, k) for y in m.Y for r in m.R for k in m.K if used[k] and not t.staff[k]])
    m.STAFF = pyo.Set(dimen=3, initialize=[(y, r, k) for y in m.Y for r in m.R for k in m.K if used[k] and t.staff[k]])
    m.BOUGHT = pyo.Set(dimen=3, initialize=[(y, r, k) for y, r, k in m.PLACES if t.market[k] > 0 and t.capacity[r, k] > 0])
    m.BUYERS = pyo.Set(dimen=2, initialize=sorted({(y, r) for y, r, _ in m.BOUGHT}))
    m.POSTS = pyo.Set(dimen=3, initialize=[cell for cell in m.STAFF if t.mobility > 0])
    held = [(y, i) for y in m.Y for i in range(t.target.shape[1]) if np.isfinite(t.target[y, i])]
    m.BINDING = pyo.Set(dimen=2, initialize=[(y, i) for y, i in held if t.target_binding[i]])
    m.EXPECTED = pyo.Set(dimen=2, initialize=[(y, i) for y, i in held if not t.target_binding[i]])
    m.reach_x = [[tuple(int(j) for j in c) for c in np.argwhere(t.target_clients[:, i].any(axis=0))] for i in range(t.target.shape[1])]
    m.reach_k = [[tuple(int(j) for j in c) for c in np.argwhere(t.target_capacity[:, i].any(axis=0))] for i in range(t.target.shape[1])]
    miles = [(j, y, s) for j, y in enumerate(t.milestones) for s in m.S if t.cells[y, :, :, s].any()]
    m.MILES = pyo.Set(dimen=2, initialize=[(j, s) for j, _, s in miles])
    m.WORST = pyo.Set(dimen=4, initialize=[(j, r, h, s) for j, y, s in miles for r in m.R for h in (0, 1) if t.cells[y, r, h, s]])
    m.GAPS = pyo.Set(dimen=2, initialize=[(j, s) for j, y, s in miles if t.cells[y, :, 0, s].any() and t.cells[y, :, 1, s].any()])


def _decisions(m: Model) -> None:
    """What is decided, each with its bounds."""
    t = m.t
    m.x = pyo.Var(m.CELLS, bounds=lambda m, y, r, h, s: (0, float(t.ceiling[s])))
    m.below = pyo.Var(m.FLOORS, bounds=lambda m, y, r, h, s: (0, float(t.floor[s])))
    m.worst_below = pyo.Var(m.Y, m.S, bounds=(0, 1))
    m.cut = pyo.Var(m.KEPT_TODAY, bounds=lambda m, y, r, h, s: (0, float(t.today[r, h, s])))
    m.stock = pyo.Var(m.YRK, bounds=(0, None))
    m.built = pyo.Var(m.YRK, bounds=(0, None))
    m.closed = pyo.Var(m.YRK, bounds=(0, None))
    m.convert = pyo.Var(m.YRC, bounds=(0, None))
    m.general = pyo.Var(m.YR, bounds=(0, None))
    m.earmarked = pyo.Var(m.YR, bounds=(0, None))
    m.bond = pyo.Var(m.YR, bounds=lambda m, y, r: (0, float(t.bond_quota[y, r])))
    m.debt = pyo.Var(m.YR, bounds=(0, None))
    m.carried = pyo.Var(m.YR, bounds=(0, None))
    m.reserve = pyo.Var(m.YR, bounds=(0, None))
    m.unpaid = pyo.Var(m.YR, bounds=(0, None))
    m.unpaid_later = pyo.Var(m.NR, bounds=(0, None))
    m.short = pyo.Var(m.BINDING | m.EXPECTED, bounds=(0, None))
    m.worst = pyo.Var(m.MILES, bounds=(0, 1))
    m.gap = pyo.Var(m.MILES, bounds=(0, None))
    m.moved = pyo.Var(m.YR, bounds=(0, None))
    m.bought = pyo.Var(m.BOUGHT, bounds=(0, None))
    m.posts_in = pyo.Var(m.POSTS, bounds=(0, None))
    m.posts_out = pyo.Var(m.POSTS, bounds=(0, None))
    moved = pyo.Set(dimen=2, initialize=sorted({(y, k) for y, _, k in m.POSTS}))
    m.MOVED = moved
    m.posts_balanced = pyo.Constraint(moved, rule=lambda m, y, k: sum(m.posts_gained(y, r, k) for r in m.R) == 0)
    m.debt_carried = pyo.Constraint(m.YR, rule=lambda m, y, r: m.debt[y, r] == m.debt_before(y, r) + m.bond[y, r])


def _goals(m: Model) -> None:
    """One objective a pass, all minimised; pass 0 runs only where first claims cannot all be paid."""
    t = m.t
    weight = (1 + TIE * t.tie_x) * t.service_weight
    m.goal_0 = pyo.Objective(expr=sum(m.unpaid[yr] for yr in m.YR) + sum(m.unpaid_later[nr] for nr in m.NR))
    m.goal_1a = pyo.Objective(expr=sum((1 + TIE * t.tie_s[s] * t.tie_y[y]) * m.worst_below[y, s] for y in m.Y for s in m.S))
    below = sum(t.need_weight[r, h] * weight[r, h, s] * t.clients[y, r, h, s] * m.below[y, r, h, s] for y, r, h, s in m.FLOORS)
    cut = sum(t.need_weight[r, h] * weight[r, h, s] * t.clients[y, r, h, s] * m.cut[y, r, h, s] for y, r, h, s in m.KEPT_TODAY)
    m.goal_1b = pyo.Objective(expr=below + CUT * cut)
    m.goal_2 = pyo.Objective(expr=sum((1 + TIE * t.tie_i[i] * t.tie_y[y]) * m.short[y, i] for y, i in m.BINDING) if len(m.BINDING) else 0 * m.general[0, 0])
    m.goal_3 = pyo.Objective(expr=sum((1 + TIE * t.tie_i[i] * t.tie_y[y]) * m.short[y, i] for y, i in m.EXPECTED) if len(m.EXPECTED) else 0 * m.general[0, 0])
    weight_s = t.domain_weight * t.service_weight * (1 + TIE * t.tie_s)
    lowest = sum(weight_s[s] * (m.gap[j, s] - m.worst[j, s]) for j, s in m.MILES)
    whole = t.clients.sum(axis=(1, 2))
    mean = sum(weight_s[s] * (1 + TIE * t.tie_x[r, h, s]) * t.clients[y, r, h, s] / whole[y, s] * m.x[y, r, h, s] for y, r, h, s in m.CELLS)
    m.goal_4 = pyo.Objective(expr=lowest - MEAN * mean)
    cost = sum((1 + 0.01 * t.tie_x[r, h, s]) * t.running[y, r, h, s] * m.x[y, r, h, s] for y, r, h, s in m.CELLS)
    cost += sum((t.standing[y, r, k] * (1 + 0.01 * t.tie_r[r]) + 1e-4 * (1 + y + t.tie_r[r])) * m.stock[y, r, k] for y, r, k in m.YRK)
    cost += sum((t.build_cost[y, k] * t.salvage[y, k] * (1 + 0.01 * t.tie_r[r] + 0.001 * y) + 1e-4) * m.built[y, r, k] for y, r, k in m.YRK)
    cost += sum((t.conversion_cost[y, c] * t.gained[c] * (1 + 0.01 * t.tie_r[r] + 0.001 * y) + 1e-4) * m.convert[y, r, c] for y, r, c in m.YRC)
    cost += sum((0.01 + 0.001 * t.tie_r[r]) * m.moved[y, r] + (1e-3 + 1e-4 * t.tie_r[r]) * m.carried[y, r] for y, r in m.YR)
    cost += sum(1e-3 * (1 + 0.1 * t.tie_r[r] + 0.01 * y) * m.bond[y, r] + 1e-2 * m.reserve[y, r] - 2e-3 * m.earmarked[y, r] for y, r in m.YR)
    cost += sum(1e-4 * (1 + t.tie_r[r]) * m.closed[y, r, k] for y, r, k in m.YRK)
    cost += sum((t.rent[y, k] * (1 + 0.01 * t.tie_r[r]) + 1e-4) * m.bought[y, r, k] for y, r, k in m.BOUGHT)
    cost += sum(1e-4 * (1 + t.tie_r[r]) * (m.posts_in[y, r, k] + m.posts_out[y, r, k]) for y, r, k in m.POSTS)
    m.goal_5 = pyo.Objective(expr=cost)


def build(terms: Terms, switched_off: tuple[str, ...] = ()) -> Model:
    """The Pyomo model of `terms`, without the families in `switched_off`."""
    m = Model()
    m.t = terms
    _sets(m)
    _decisions(m)
    left_out = {*switched_off, *(name for name, by in IMPLIED_BY.items() if by not in switched_off)}
    if terms.rule_general is not None:
        left_out.add("transfer_change_limited")  # a rule of today says itself how grants move
    for family in FAMILIES:
        if family.name not in left_out:
            m.add_component(family.name, pyo.Constraint(getattr(m, family.over), rule=family.rule))
    _goals(m)
    return m
