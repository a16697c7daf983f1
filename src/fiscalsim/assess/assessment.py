"""assess(): a proposal on a scenario, from its cost to its verdict, on one screen; then the figures as tidy tables.

Knows the pipeline's question, plans and proposals. Must not know files, words or pages. Nothing is said that was not reckoned: a case without a plan is
an error, never a green light.
"""

from __future__ import annotations

import json
import platform
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim import allocation
from fiscalsim.assess.cases import BASE, CASES, Bend, Settings, bent, futures, settings_of
from fiscalsim.assess.checks import five_checks
from fiscalsim.assess.cost import LEVELS, Cost, Kept, cost_of, horizon_of
from fiscalsim.assess.crowding import crowding
from fiscalsim.assess.judge import Held, areas_table, held, highest_level, payable_share, room_table, worst
from fiscalsim.assess.proposal import Proposal, at_level, fits, to_json
from fiscalsim.assumptions import Pack, load_pack
from fiscalsim.levers import path_at
from fiscalsim.pipeline import COMPUTED_WITH, Posed, posed
from fiscalsim.quantities import Allocation, Array, FiscalCapacity
from fiscalsim.scenario import Scenario
from fiscalsim.scenario import home as default_home

GRID = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # levels of the curve of payable futures
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Assessment:
    """`summary`: the inputs and the verdict as plain values (JSON); `tables`: the figures behind them, tidy.

    `cost` year, region, level (centre, province, local, building), yuan of the base case; `costs` the same of every case. `services` what the cost is made
    of. `years` sums of the whole place. `means` the base case's money. `room` and `areas` see judge. `crowding` see there. `futures` future, payable,
    short_yuan, then what was drawn. `levels` level, share. `checks` check, passed (yes, no, unknown), figure, of. `settings` the assumptions.
    """

    summary: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]


class _Place:
    """The questions of one scenario's cases and futures; each is posed once."""

    def __init__(self, pack: Pack, scenario: Scenario, proposal: Proposal):
        self.pack, self.scenario, self.proposal = pack, scenario, proposal
        self.base = posed(pack, scenario)
        self.horizon = self.base.inputs.horizon.labels
        self.latest: OrderedDict[tuple[tuple[Bend, ...], float], Posed] = OrderedDict()  # a case is asked for its room, then for its cost

    def asked(self, bends: tuple[Bend, ...], level: float = 0.0) -> Posed:
        """The quantities before the allocation, of the scenario bent, with the proposal's levers at `level`."""
        if not bends and level == 0.0:
            return self.base
        if (bends, level) not in self.latest:
            first, last = self.proposal.assessed[0], self.proposal.assessed[-1]
            scenario = bent(self.scenario, bends, self.base.inputs.years.labels, first, last) if bends else self.scenario
            self.latest[bends, level] = posed(self.pack, at_level(self.proposal, scenario, level, self.base.inputs))
            while len(self.latest) > 2:
                self.latest.popitem(last=False)
        return self.latest[bends, level]

    def cost(self, bends: tuple[Bend, ...], level: float, kept: Kept) -> Cost:
        """The proposal's cost in a case, on the coverage that is held."""
        without = self.asked(bends)
        with_it = self.asked(bends, level) if self.proposal.levers else without
        return cost_of(self.proposal, level, without, with_it, kept)


def assess(scenario: Scenario, proposal: Proposal, *, home: Path | None = None, progress: Progress | None = None) -> Assessment:
    """Whether a place can afford a proposal on top of a scenario's plan. Errors: InputError, NoSolution; there is no half result."""
    say = progress or (lambda fraction, stage: None)
    say(0.0, "read")
    pack = load_pack(scenario.pack, home or default_home(), scenario.resolution)
    settings = settings_of(pack)
    place = _Place(pack, scenario, proposal)
    most = min(settings.largest_level, fits(proposal, scenario, place.base.inputs, home))
    say(0.05, "allocation")
    asked = place.base
    plan = allocation.allocate(asked.inputs, asked.needed, asked.money, asked.forms, prices=False)
    share = plan.general / plan.general.sum(axis=1, keepdims=True)
    committing, cases, committed, rooms = allocation.Committing(), {}, {}, {}
    costs: dict[str, Cost] = {}
    for i, name in enumerate(CASES):
        say(0.25 + 0.1 * i, "assess_case")
        one = place.asked(settings.cases[name])
        money = with_grants(one.money, share, horizon_of(one))
        committed[name] = committing.plan(one.inputs, one.needed, money, one.forms)
        room = rooms[name] = allocation.room_left(one.inputs, one.needed, money, one.forms, committed[name])
        kept = held_coverage(place, plan, committed[BASE])
        costs[name] = place.cost(settings.cases[name], 1.0, kept)
        cases[name] = held(costs[name], room, assessed_of(place), settings.room_share)
    say(0.65, "assess_futures")
    drawn = futures(settings, scenario.seed)
    sampled = [_sampled(place, bends, share, committed[BASE], kept, settings) for bends in drawn]
    say(0.8, "assess_level")
    everyone = [(costs[name], cases[name]) for name in CASES] + sampled
    curve = _curve(place, kept, costs[BASE], everyone)
    level = highest_level(curve, settings.futures_share, most)
    say(0.85, "assess_crowding")
    # what the plan provides of its own accord is not paid a second time
    gives_way = crowding(asked, with_grants(asked.money, share, horizon_of(asked)), place.cost((), 1.0, Kept(plan.provision, plan.stock)))
    return _written(place, settings, kept, rooms[BASE], cases, costs, drawn, sampled, curve, level, most, gives_way)


def with_grants(money: FiscalCapacity, share: Array, now: slice) -> FiscalCapacity:
    """The money with general grants fixed: each region keeps its share [Y,R] of the pool in the scenario's plan, or what a rule of today gives it.

    The whole pool is handed out. It is not shared out anew for a proposal or in a case, so that no region's room is filled from another's.
    """
    if money.rule_general is not None:
        return money
    general = np.tile(money.base_general, (len(money.general_pool), 1))
    general[now] = share * money.general_pool[now][:, None]
    return replace(money, rule_general=general)


def held_coverage(place: _Place, plan: Allocation, committed: allocation.Committed) -> Kept:
    """The coverage a cost is reckoned on: the plan's. A service whose coverage is to be raised starts from what is committed without it, as the room does:
    what the plan would add of its own accord out of that room is no promise yet.
    """
    provision, stock = plan.provision.copy(), plan.stock.copy()
    for code in place.proposal.coverage:
        provision[..., plan.services.index(code)] = committed.provision[..., plan.services.index(code)]
        for service, resource, _ in place.base.inputs.supply.requires:
            if service == code:
                stock[..., plan.resources.index(resource)] = committed.stock[..., plan.resources.index(resource)]
    return Kept(provision, stock)


def assessed_of(place: _Place) -> slice:
    """The assessed years on the horizon's axis."""
    first = place.horizon.index(place.proposal.start)
    return slice(first, first + place.proposal.years)


def _sampled(place: _Place, bends: tuple[Bend, ...], share: Array, committed: allocation.Committed, kept: Kept, settings: Settings) -> tuple[Cost, Held]:
    """A future by accounting: the base case's commitments paid for its people, prices and money; no solver."""
    one = place.asked(bends)
    room = allocation.room_left(one.inputs, one.needed, with_grants(one.money, share, horizon_of(one)), one.forms, committed)
    cost = place.cost(bends, 1.0, kept)
    return cost, held(cost, room, assessed_of(place), settings.room_share)


def _curve(place: _Place, kept: Kept, full: Cost, everyone: list[tuple[Cost, Held]]) -> Callable[[float], float]:
    """Level -> share of the cases and futures in which it is payable.

    The cost of a level is reckoned in the base case and carried over to the others cell by cell: exact for what is linear in its level, as standards and
    coverage are.
    """
    years = assessed_of(place)

    @lru_cache(maxsize=64)
    def ratio(level: float) -> Array:
        cost = place.cost((), level, kept)
        return np.divide(cost.total, full.total, out=np.full_like(full.total, level), where=np.abs(full.total) > 0.5)

    def at(one: tuple[Cost, Held], level: float) -> Held:
        cost, case = one[0].times(ratio(level)), one[1]
        return replace(held_again(cost, years), money=case.money, growth=case.growth)

    return lru_cache(maxsize=64)(lambda level: payable_share([partial(at, one) for one in everyone], level))


def held_again(cost: Cost, years: slice) -> Held:
    """The cost side of a case, without room."""
    zero = np.zeros_like(cost.of_above)
    empty = np.zeros((0, 0))
    areas = np.concatenate([cost.of_region, cost.of_above[:, None]], axis=1)[years]
    return Held(areas, np.concatenate([cost.running, zero[:, None]], axis=1)[years], empty, empty)


# --- the figures as tables ------------------------------------------------------------------------------------------


def _written(
    place: _Place,
    settings: Settings,
    kept: Kept,
    room: allocation.Room,
    cases: dict[str, Held],
    costs: dict[str, Cost],
    drawn: list[tuple[Bend, ...]],
    sampled: list[tuple[Cost, Held]],
    curve: Callable[[float], float],
    level: float,
    most: float,
    gives_way: pd.DataFrame,
) -> Assessment:
    proposal, inputs = place.proposal, place.base.inputs
    years, regions = proposal.assessed, inputs.regions.labels
    above = bool(costs[BASE].of_above.sum() > 0.5)
    areas = areas_table(cases, regions, years, above)
    by_year = _years_table(place, costs[BASE], settings)
    share = curve(1.0) if most >= 1.0 else float("nan")
    grid = [one for one in GRID if one <= most] if most < float("inf") else list(GRID)
    services = costs[BASE].services[costs[BASE].services["year"].isin(years)].reset_index(drop=True)
    tables = {
        "cost": _cost_table(place, costs[BASE]),
        "costs": pd.concat([_cost_table(place, costs[name]).assign(case=name) for name in CASES], ignore_index=True)[
            ["case", "year", "region", "level", "yuan"]
        ],
        "services": services,
        "years": by_year,
        "room": room_table(cases, regions, years, above),
        "means": _means_table(place, room),
        "areas": areas,
        "crowding": gives_way,  # of every year: the plan sees the proposal coming
        "futures": _futures_table(drawn, sampled),
        "levels": pd.DataFrame({"level": [*grid, level], "share": [*(curve(one) for one in grid), curve(level)]}).drop_duplicates("level").sort_values("level"),
        "checks": five_checks(place.pack, place.base, proposal, kept, settings, areas, worst(list(areas["verdict"])), level, share),
        "settings": settings.rows,
        "regions": inputs.info.region_names,
        "service_names": pd.DataFrame([{"service": s.code, "name_zh": s.name_zh, "name_en": s.name_en} for s in inputs.demand.services]),
        "indicator_names": pd.DataFrame([{"indicator": i.code, "name_zh": i.name_zh, "name_en": i.name_en, "nature": i.nature} for i in inputs.indicators]),
        "lever_values": _lever_values(place),
    }
    tables["levels"] = tables["levels"].reset_index(drop=True)
    peak: Any = by_year.iloc[int(by_year["cost_yuan"].to_numpy().argmax())]
    summary = {
        "proposal": json.loads(to_json(proposal)),
        "verdict": worst(list(areas["verdict"])),
        "counts": {name: int((areas["verdict"] == name).sum()) for name in ("green", "amber", "red")},
        "total_yuan": float(by_year["cost_yuan"].sum()),
        "peak_year": int(peak["year"]),
        "peak_yuan": float(peak["cost_yuan"]),
        "peak_share_of_new_revenue": None if pd.isna(peak["share_of_new_revenue"]) else float(peak["share_of_new_revenue"]),
        "level": float(level),
        "largest_level": float(most),
        "level_share": float(curve(level)) if level > 0 else 0.0,
        "share": None if np.isnan(share) else share,
        "futures": len(drawn) + len(CASES),
        "sampled": len(drawn),
        "above": above,
        "scenario": {"id": place.scenario.id, "zh": place.scenario.name_zh, "en": place.scenario.name_en, "digest": place.scenario.digest},
        "pack": _info(inputs.info),
        "pack_digest": inputs.pack_digest,
        "source_title": next((row["title"] for row in place.pack.tables["sources.csv"] if row["source"] == proposal.source), proposal.source),
        "seed": int(place.scenario.seed),
        "versions": {name: version(name) for name in COMPUTED_WITH} | {"python": platform.python_version()},
        "grades": inputs.sources["grade"].value_counts().reindex(["A", "B", "C", "D"], fill_value=0).to_dict(),
    }
    return Assessment(json.loads(json.dumps(summary, default=_plain)), tables)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def _info(info: Any) -> dict[str, Any]:
    names = [name for name in info.__dataclass_fields__ if name != "region_names"]
    return {name: getattr(info, name) for name in names}


def _cost_table(place: _Place, cost: Cost) -> pd.DataFrame:
    """year, region, level (centre, province, local, building), yuan, over the assessed years."""
    years, regions = place.proposal.assessed, place.base.inputs.regions.labels
    parts = []
    for name in (*LEVELS, "building"):
        values = getattr(cost, name)[assessed_of(place)]
        rows = {
            "year": np.repeat(years, len(regions)),
            "region": np.tile(np.array(regions, dtype=object), len(years)),
            "level": name,
            "yuan": values.reshape(-1),
        }
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def _means_table(place: _Place, room: allocation.Room) -> pd.DataFrame:
    """year, region, received, committed, reserve, other (building and interest), left, growth (room under the growth limit), yuan: the base case."""
    years, regions, at = place.proposal.assessed, place.base.inputs.regions.labels, assessed_of(place)
    other = room.received - room.recurrent - room.reserve - room.money
    table = pd.DataFrame({"year": np.repeat(years, len(regions)), "region": np.tile(np.array(regions, dtype=object), len(years))})
    parts = {"received": room.received, "committed": room.recurrent, "reserve": room.reserve, "other": other, "left": room.money, "growth": room.growth}
    return table.assign(**{f"{name}_yuan": values[at].reshape(-1) for name, values in parts.items()})


def _years_table(place: _Place, cost: Cost, settings: Settings) -> pd.DataFrame:
    """year, centre_yuan, province_yuan, local_yuan, building_yuan, cost_yuan, revenue_yuan, new_revenue_yuan, shares of both, reference_yuan.

    Revenue is the regions' own general public budget revenue; a year in which it does not grow has no share of new revenue and no reference line.
    """
    at, first = assessed_of(place), horizon_of(place.base).start
    own = place.base.money.own_revenue.sum(axis=1)
    rows = []
    for i, year in enumerate(place.proposal.assessed):
        y = at.start + i
        parts = {f"{name}_yuan": float(getattr(cost, name)[y].sum()) for name in (*LEVELS, "building")}
        whole, revenue, new = sum(parts.values()), float(own[first + y]), float(own[first + y] - own[first + y - 1])
        rows.append(
            {
                "year": year,
                **parts,
                "cost_yuan": whole,
                "revenue_yuan": revenue,
                "new_revenue_yuan": new,
                "share_of_revenue": whole / revenue,
                "share_of_new_revenue": whole / new if new > 0 else np.nan,
                "reference_yuan": settings.new_revenue * new if new > 0 else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _futures_table(drawn: list[tuple[Bend, ...]], sampled: list[tuple[Cost, Held]]) -> pd.DataFrame:
    """future, payable, short_yuan (largest lack of an area in a year), then one column a path that was drawn."""
    rows = []
    for i, (bends, (_, case)) in enumerate(zip(drawn, sampled, strict=True), start=1):
        rows.append({"future": i, "payable": not bool(case.fails.any()), "short_yuan": float(case.short.max()), **{bend.path: bend.value for bend in bends}})
    return pd.DataFrame(rows)


def _lever_values(place: _Place) -> pd.DataFrame:
    """path, year, without, with_it: what the proposal sets, beside what holds."""
    rows = [
        (path, year, float(now), float(then))
        for path, value in place.proposal.levers.items()
        for year, now, then in zip(
            place.proposal.assessed,
            path_at(place.scenario.value(path), place.proposal.assessed),
            path_at(value, place.proposal.assessed),
            strict=True,
        )
    ]
    return pd.DataFrame(rows, columns=["path", "year", "without", "with_it"])
