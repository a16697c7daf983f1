"""Write docs/limits.md: every limit and goal switched off where it binds, what changes and in which direction.

    python tools/write_limits.py

Each row is the two made-up counties (one row: Panjin) under a few levers, solved with the rule and without it, pass by pass, without the replay.
A test runs every row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fiscalsim.allocation import FAMILIES, GOALS_WITHOUT_SWITCH, Passes
from fiscalsim.allocation.formulation import HEADS, IMPLIED_BY, Terms, building_paid
from fiscalsim.allocation.terms import terms
from fiscalsim.assumptions import load_pack
from fiscalsim.pipeline import posed
from fiscalsim.scenario import home, load_scenario

PAGE = Path(__file__).resolve().parents[1] / "docs" / "limits.md"
SCENARIO = "two-counties-baseline"
Values = dict[str, Any]
UP, DOWN = 1, -1
LEAST = 1e-3  # relative; a smaller change is none
TIGHT = ("fiscal.transfer_pool=0.8",)
FALLING = ("fiscal.transfer_pool={2025: 1, 2028: 0.7}",)
HEAD = """# Every limit, switched off

Written by `tools/write_limits.py`; a test runs every row. Each rule of the allocation is switched off alone (`limits: {NAME: false}`) where it binds, in
the two made-up counties and once in Panjin; the figure is reckoned from the plan with the rule and from the plan without it. The rules in full:
[mathematics.md](mathematics.md); which of them a scenario holds: `fiscalsim list limits --scenario NAME`.
"""


@dataclass(frozen=True)
class Trial:
    """One family: where it binds, what shows it, and the direction in which the figure moves without it."""

    family: str
    figure: str  # what is measured, with its unit
    measure: Callable[[Terms, Values], float]
    direction: int
    levers: tuple[str, ...] = TIGHT
    also_off: tuple[str, ...] = ()  # in both plans: what implies it
    scenario: str = SCENARIO


# --- figures --------------------------------------------------------------------------------------------------------


def served(t: Terms, v: Values) -> float:
    """Client-years over the horizon."""
    return float((v["x"] * t.clients).sum() * HEADS)


def overdrawn(t: Terms, v: Values) -> float:
    """Spending beyond what a region has, over all regions and years."""
    return float(np.maximum(spent(t, v) + v["reserve"] + v["carried"] - has(t, v), 0.0).sum())


def spent(t: Terms, v: Values) -> Any:
    """[Y,R] running costs, interest and capital."""
    debt = np.concatenate([np.zeros((1, v["bond"].shape[1])), np.cumsum(v["bond"], axis=0)[:-1]])
    return recurrent(t, v) + capital(t, v) + t.bond_rate * debt


def recurrent(t: Terms, v: Values) -> Any:
    """[Y,R]."""
    return (v["x"] * t.running).sum(axis=(2, 3)) + (v["stock"] * t.standing).sum(axis=2) + (v["bought"] * t.rent[:, None]).sum(axis=2)


def capital(t: Terms, v: Values) -> Any:
    """[Y,R]."""
    return building_paid(t, v["built"]).sum(axis=2) + (v["convert"] * t.gained * t.conversion_cost[:, None]).sum(axis=2)


def has(t: Terms, v: Values) -> Any:
    """[Y,R] means, grants, bonds, carried in."""
    before = np.concatenate([np.zeros((1, v["carried"].shape[1])), v["carried"][:-1]])
    return t.means + v["general"] + v["earmarked"] + v["bond"] + before + v["unpaid"]


def beyond_pool(t: Terms, v: Values) -> float:
    """Grants beyond both pools."""
    return float(np.maximum(v["general"].sum(axis=1) - t.general_pool, 0).sum() + np.maximum(v["earmarked"].sum(axis=1) - t.earmarked_pool, 0).sum())


def earmarked_elsewhere(t: Terms, v: Values) -> float:
    """Earmarked grants beyond the upper share of those served."""
    return float(np.maximum(v["earmarked"] - (t.upper_cost * v["x"]).sum(axis=(2, 3)), 0.0).sum())


def own_share_missing(t: Terms, v: Values) -> float:
    """Own duty on those served that earmarked money has taken over."""
    shared = ((t.upper_cost + t.own_cost) * v["x"]).sum(axis=(2, 3))
    return float(np.maximum(t.own_share * (t.own_cost * v["x"]).sum(axis=(2, 3)) - (shared - v["earmarked"]), 0.0).sum())


def reserve_missing(t: Terms, v: Values) -> float:
    """What lacks to the legal reserve."""
    return float(np.maximum(t.reserve_share[:, None] * (t.own_revenue + v["general"] + v["earmarked"]) - v["reserve"], 0.0).sum())


def bonds_for_running(t: Terms, v: Values) -> float:
    """Bonds beyond what is built and converted in the year."""
    return float(np.maximum(v["bond"] - capital(t, v), 0.0).sum())


def debt_beyond(t: Terms, v: Values) -> float:
    """Largest debt beyond the room of the limit."""
    return float(np.maximum(np.cumsum(v["bond"], axis=0) - t.debt_room, 0.0).max())


def recurrent_beyond(t: Terms, v: Values) -> float:
    """Recurrent spending beyond its cap."""
    return float(np.maximum(recurrent(t, v) - t.recurrent_cap, 0.0).sum())


def taken_back(t: Terms, v: Values) -> float:
    """Client-years of promised services once given and not any more."""
    return float((np.where(t.promise, np.maximum.accumulate(v["x"]) - v["x"], 0.0) * t.clients).sum() * HEADS)


def unpaid_after(t: Terms, v: Values) -> float:
    """What the last year's provision costs beyond means and grants in the years after the horizon."""
    run = (t.tail_running * v["x"][-1]).sum(axis=(2, 3)) + (t.tail_standing * v["stock"][-1]).sum(axis=2)
    pays = t.tail_means + t.tail_pool[:, None] * (v["general"][-1] + v["earmarked"][-1])
    return float(np.maximum(run - pays, 0.0).sum())


def largest_move(t: Terms, v: Values) -> float:
    """Largest yearly move of a region's general grants beside the pool's, as a share."""
    before = np.concatenate([t.general_before[None], v["general"][:-1]]) * t.pool_growth[:, None]
    return float((np.abs(v["general"] - before) / before).max())


def churn(t: Terms, v: Values) -> float:
    """General grants moved from the shares of the year before."""
    return float(np.abs(v["general"] - np.concatenate([t.general_before[None], v["general"][:-1]]) * t.pool_growth[:, None]).sum())


def used(t: Terms, v: Values) -> Any:
    """[Y,R,K] places and staff that those served take."""
    return np.einsum("yrhs,sk->yrk", np.where(t.cells, t.clients, 0.0) * v["x"], t.uses)


def beyond_places(t: Terms, v: Values) -> float:
    """Client-years in places that are not there."""
    return float(np.maximum(used(t, v) - v["stock"] - v["bought"], 0.0)[..., ~t.staff].sum() * HEADS)


def beyond_staff(t: Terms, v: Values) -> float:
    """Staff years that are not there."""
    return float(np.maximum(used(t, v) - v["stock"], 0.0)[..., t.staff].sum() * HEADS)


def before(t: Terms, v: Values) -> Any:
    """[Y,R,K] stock at the end of the year before."""
    return np.concatenate([t.capacity[None], v["stock"][:-1]])


def from_nowhere(t: Terms, v: Values) -> float:
    """Places and staff in service that were neither there, nor opened, handed over or converted."""
    due = (1 - t.retire) * before(t, v) + t.handed_over + v["posts_in"] - v["posts_out"] - v["closed"]
    for k, lead in enumerate(t.lead):
        due[int(lead) :, :, k] += v["built"][: len(due) - int(lead), :, k]
    for c, (source, to) in enumerate(t.conversions):
        due[:, :, source] -= v["convert"][:, :, c]
        due[1:, :, to] += t.gained[c] * v["convert"][:-1, :, c]
    return float(np.maximum(v["stock"] - due, 0.0).sum() * HEADS)


def built_beyond(t: Terms, v: Values) -> float:
    """Orders beyond the yearly share of the stock."""
    return float(np.maximum(v["built"] - t.build_rate * before(t, v) - t.build_least, 0.0).sum() * HEADS)


def converted_beyond(t: Terms, v: Values) -> float:
    """Places converted beyond the surplus share."""
    source = [c for c, _ in t.conversions]
    return float(np.maximum(v["convert"] - t.surplus * before(t, v)[..., source], 0.0).sum() * HEADS)


def bought_beyond(t: Terms, v: Values) -> float:
    """Places bought beyond the market's share."""
    return float(np.maximum(v["bought"] - t.market * before(t, v), 0.0).sum() * HEADS)


def purchases(t: Terms, v: Values) -> float:
    """Largest share of own revenue paid for places bought."""
    return float(((v["bought"] * t.rent[:, None]).sum(axis=2) / t.own_revenue).max())


def posts_beyond(t: Terms, v: Values) -> float:
    """Posts given to other regions beyond the share of the staff."""
    return float(np.maximum(v["posts_out"] - t.mobility * before(t, v), 0.0).sum() * HEADS)


def below_floor(t: Terms, v: Values) -> float:
    """Client-years below the floor."""
    return float((np.maximum(t.floor - v["x"], 0.0) * np.where(t.cells, t.clients, 0.0)).sum() * HEADS)


def cut_from_today(t: Terms, v: Values) -> float:
    """Client-years cut from the base year's provision."""
    return float((np.maximum(t.today - v["x"], 0.0) * np.where(t.cells, t.clients, 0.0)).sum() * HEADS)


def missed(t: Terms, v: Values, binding: bool) -> float:
    """Distance missed to the targets, summed over years, in distances from base to target."""
    reached = (t.target_clients * (np.where(t.cells, 1.0, 0.0) * v["x"])[:, None]).sum(axis=(2, 3, 4)) + (t.target_capacity * v["stock"][:, None]).sum(
        axis=(2, 3)
    )
    gap = np.where(np.isfinite(t.target) & (t.target_binding == binding), t.target - reached, 0.0)
    return float(np.maximum(gap, 0.0).sum())


def worst(t: Terms, v: Values) -> float:
    """Coverage of the area that has least, mean over services and milestone years, in points."""
    years = list(t.milestones)
    return float(100 * np.where(t.cells, v["x"], np.inf)[years].min(axis=(1, 2)).mean())


def gap(t: Terms, v: Values) -> float:
    """Mean provision in towns above that in the country at the milestone years, summed over services, in points."""
    years = list(t.milestones)
    clients = np.where(t.cells, t.clients, 0.0)[years]
    mean = (clients * v["x"][years]).sum(axis=1) / clients.sum(axis=1)
    return float(100 * np.maximum(mean[:, 0] - mean[:, 1], 0.0).sum())


MONEY = "100 million yuan"
TRIALS: tuple[Trial, ...] = (
    Trial("spending_within_means", f"spending beyond what a region has, {MONEY}", overdrawn, UP),
    Trial("transfers_within_pool", f"grants beyond the pools, {MONEY}", beyond_pool, UP),
    Trial("earmarked_for_its_service", f"earmarked grants beyond the upper share of those served, {MONEY}", earmarked_elsewhere, UP),
    Trial("own_share_paid", f"own duty that earmarked money takes over, {MONEY}", own_share_missing, UP, also_off=("earmarked_for_its_service",)),
    Trial("reserve_kept", f"missing to the legal reserve, {MONEY}", reserve_missing, UP),
    Trial("bonds_for_capital_only", f"bonds beyond building, {MONEY}", bonds_for_running, UP),
    Trial("debt_within_limit", f"largest debt beyond the limit, {MONEY}", debt_beyond, UP, levers=(*TIGHT, "fiscal.bond_quota=3")),
    Trial(
        "recurrent_growth_within_revenue",
        f"recurrent spending beyond the cap, {MONEY}",
        recurrent_beyond,
        UP,
        levers=("standards.compulsory_education=1.3", "fiscal.catalogue_share=1", "allocation.recurrent_growth_margin=0"),
    ),
    Trial("standards_never_fall", "client-years of promised services taken back", taken_back, UP, levers=FALLING),
    Trial("promise_outlives_the_horizon", f"unpaid in the years after the horizon, {MONEY}", unpaid_after, UP, levers=FALLING),
    Trial("transfer_change_limited", "largest yearly move of a region's grants beside the pool's, share", largest_move, UP),
    Trial("served_within_capacity", "client-years in places that are not there", beyond_places, UP),
    Trial("staff_within_supply", "staff years that are not there", beyond_staff, UP),
    Trial("capacity_carried_forward", "places and staff from nowhere", from_nowhere, UP),
    Trial("build_rate_limited", "places and staff ordered beyond the yearly rate", built_beyond, UP, levers=()),
    Trial("conversion_from_surplus", "places converted beyond the surplus", converted_beyond, UP, levers=(), scenario="panjin-baseline"),
    Trial("bought_within_market", "place-years bought beyond the market", bought_beyond, UP, levers=("supply.purchase_limit=1",)),
    Trial(
        "purchases_within_cap", "largest share of own revenue paid for places", purchases, UP, levers=("supply.purchase_limit=1", "fiscal.purchase_cap=0.001")
    ),
    Trial("posts_moved_within_limit", "posts given beyond the yearly share", posts_beyond, UP, levers=("supply.post_mobility=0.01",)),
    Trial("floor_guaranteed", "client-years below the floor", below_floor, UP),
    Trial("today_kept", "client-years cut from the base year's provision", cut_from_today, UP, levers=("fiscal.transfer_pool=0.95",)),
    Trial(
        "binding_target_met", "binding targets missed, distances from base to target", lambda t, v: missed(t, v, True), UP, levers=("fiscal.transfer_pool=0.9",)
    ),
    Trial("expected_target_met", "expected targets missed, distances from base to target", lambda t, v: missed(t, v, False), UP, levers=()),
    Trial("worst_off_raised", "coverage of the worst-off area at the milestones, points", worst, DOWN, levers=()),
    Trial("town_country_gap", "coverage in towns above the country's at the milestones, points", gap, UP, levers=()),
    Trial("grants_moved", f"general grants moved from last year's shares, {MONEY}", churn, UP, levers=()),
)


@cache
def numbers(name: str, levers: tuple[str, ...]) -> Terms:
    """The model's terms of a scenario under levers."""
    scenario = load_scenario(name, None, levers)
    asked = posed(load_pack(scenario.pack, home()), scenario)
    return terms(asked.inputs, asked.needed, asked.money, asked.forms)


@cache
def plan(name: str, levers: tuple[str, ...], off: tuple[str, ...]) -> Values:
    """The plan without the families in `off`."""
    return Passes(numbers(name, levers), off).solve().values


def figures(trial: Trial) -> tuple[float, float]:
    """The trial's figure with the rule and without it."""
    t = numbers(trial.scenario, trial.levers)
    return tuple(trial.measure(t, plan(trial.scenario, trial.levers, off)) for off in (trial.also_off, (*trial.also_off, trial.family)))  # type: ignore[return-value]


def moves(trial: Trial, kept: float, free: float) -> bool:
    """Whether the figure moves in the expected direction, by more than rounding."""
    return trial.direction * (free - kept) > LEAST * max(1.0, abs(kept))


def shown(value: float) -> str:
    """Three digits; rounding of the solver is nothing."""
    return f"{float(f'{value:.3g}'):,.10g}" if abs(value) > 1e-6 else "0"


def line(trial: Trial) -> str:
    """The row of a trial."""
    kept, free = figures(trial)
    family = next(one for one in FAMILIES if one.name == trial.family)
    changed = [f"`{one}`" for one in (*trial.levers, *(f"limits.{name}=false" for name in trial.also_off))]
    where = "; ".join([*([] if changed and trial.scenario == SCENARIO else [f"`{trial.scenario}`"]), *changed])
    word = "rises" if trial.direction == UP else "falls"
    return f"| `{trial.family}` | {family.sentence} | {where} | {trial.figure} | {word} | {shown(kept)} | {shown(free)} |"


def page() -> str:
    """The whole page."""
    lines = ["| rule | what it says | where | figure | without it | with | without |", "|---|---|---|---|---|---:|---:|", *map(line, TRIALS)]
    without = ", ".join(f"`{name}`" for name in GOALS_WITHOUT_SWITCH)
    implied = "; ".join(f"`{name}` follows from `{by}`: its row has that one off in both plans" for name, by in IMPLIED_BY.items())
    notes = [
        f"{implied}. {without} have no switch in a scenario:",
        "they measure what passes 1a, 4 and 5 lower. The last two rows leave the measure out of the model all the same; without `worst_floor_share` pass 1a",
        "has nothing to lower and what it keeps would be wrong, so it has no row.",
    ]
    return "\n".join([HEAD, *lines, "", *notes]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
