"""Counts what happened in the replications: the tables, summary, identities and story of a replay.

Must not know how events come about; reads finished worlds only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from fiscalsim.axes import Axis
from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.execution.calendar import DAYS_PER_MONTH, day_of, month_close
from fiscalsim.execution.lists import Line
from fiscalsim.execution.plan import CAUSES, Plan, Script, check, script
from fiscalsim.execution.queues import Outcome
from fiscalsim.execution.world import World, draw, play
from fiscalsim.quantities import Array, ExecutionInputs

MONEY = ("released", "paid", "carried_over", "returned")
BUDGETED = ("recurrent_kept", "asked_again")  # what the next budget finds and what it owes
PLACES = ("planned_places", "built_places", "opened_places", "months_late")
CLASSES = 3  # of priority on a waiting list
WAITING = ("joined", "waiting", "placed", "gave_up", "died_waiting", "wait_median_months", "wait_p90_months")


@dataclass(frozen=True)
class Replay:
    """What came of the plan."""

    table: pd.DataFrame  # replication, year, month, region, service, measure, value (contracts: execution)
    summary: pd.DataFrame  # year, region, service (a resource or a service), kind, planned, opened, served, months_late: means over replications
    identities: list[tuple[str, float, float]]  # name, worst absolute error, tolerance
    log: pd.DataFrame  # day, region, resource, year (of the order), event, cause: replication 0, first project of each region and resource
    releases: pd.DataFrame  # every release of replication 0 with its legal calendar (days are ordinals)
    projects: pd.DataFrame  # one row an order and replication: places, yuan, days of each stage and pause, months late
    stages: (
        pd.DataFrame
    )  # year, region, service, resource, units_per_client, planned, built, opened (all places there are), served (clients): means over replications


@dataclass(frozen=True)
class Delivered:
    """What came of the promises in one replication; axes Y years, R regions, K resources with orders, S all services."""

    places: Array  # [PLACES,Y,R,K] of the plan's orders, cumulative; late in months, NaN where nothing was due
    served: Array  # [Y,R,S] clients, mean over the year
    room: Array  # [Y,R,S] clients that open places, staff and funds allow, mean over the year; the plan's where a service needs no places
    unstaffed: Array  # [Y,R,S] clients who had a place open but nobody to serve them, mean over the year


@dataclass(frozen=True)
class Count:
    """One replication in arrays; axes as in `Delivered`, M months, Q services with a list."""

    delivered: Delivered
    money: Array  # [MONEY,Y,R] yuan
    monthly: Array  # [released paid,Y,M] yuan of the whole
    budgeted: Array  # [BUDGETED,Y,R] yuan at the end of the year
    waiting: Array  # [WAITING,Y,R,Q] persons or months, NaN where nobody was placed
    monthly_waiting: Array  # [Y,M,Q] persons of the whole
    by_class: Array  # [placed median wait,Y,Q,CLASSES] of the whole: persons and months, NaN where nobody was placed
    vacancies: Array  # [Y,R,staff] posts left empty at the end of the year
    errors: dict[str, tuple[float, float]]  # identity -> worst error, tolerance


def replay(plan: Plan, inputs: ExecutionInputs, seed: int, horizon: Axis, regions: Axis, without: tuple[str, ...] = ()) -> Replay:
    """Replay `plan` as often as `execution.replications` says; the same seed gives the same bytes, whatever the order of regions and rows.

    `without` switches causes off: money (all cash on time, no limit), time (built when the plan says), staff (hired at once and staying), demand
    (open places are full). Raises InputError with every missing item of `inputs` and every impossible cell of `plan`.
    """
    return replay_beside(plan, inputs, seed, horizon, regions, without, ())[0]


def replay_beside(
    plan: Plan, inputs: ExecutionInputs, seed: int, horizon: Axis, regions: Axis, without: tuple[str, ...], others: Sequence[tuple[str, ...]]
) -> tuple[Replay, list[pd.DataFrame]]:
    """The replay, and the summary of the same plan with each of `others` switched off instead; a replication's variants share what no cause changes."""
    check(plan, inputs, horizon, regions)
    causes = list(dict.fromkeys(cause for variant in (without, *others) for cause in variant))
    wrong = [Problem("replay", None, "without", c, f"one of {', '.join(CAUSES)}", nearest(c, CAUSES)) for c in causes if c not in CAUSES]
    if wrong:
        raise InputError(wrong)
    s, *variants = (script(plan, inputs, frozenset(variant)) for variant in (without, *others))
    first: World | None = None
    counts, projects = [], []
    beside: list[list[Delivered]] = [[] for _ in variants]
    for replication in range(int(inputs.parameters["execution.replications"])):
        shared = draw(s, seed, replication)
        world = play(s, seed, replication, shared)
        first = first or world
        counts.append(count(world, s))
        projects.append(project_table(world, replication, horizon.labels[-1]))
        for variant, found in zip(variants, beside, strict=True):
            found.append(deliver(play(variant, seed, replication, shared), variant))
    assert first is not None  # check() refuses zero replications
    log = pd.DataFrame(first.log, columns=["day", "region", "resource", "year", "event", "cause"])
    releases = pd.DataFrame([vars(r) for r in first.works.releases])
    worst = [(name, max(c.errors[name][0] for c in counts), max(c.errors[name][1] for c in counts)) for name in counts[0].errors]
    whole = summary([c.delivered for c in counts], s)
    built = stages([c.delivered for c in counts], s)
    result = Replay(table(counts, s), whole, worst, log, releases, pd.concat(projects, ignore_index=True), built)
    return result, [summary(found, variant) for variant, found in zip(variants, beside, strict=True)]


# --- counting -------------------------------------------------------------------------------------------------------


def ordered(s: Script) -> list[str]:
    """Resources that the plan orders, in the plan's order."""
    used = {o[1] for o in s.orders}
    return [k for k in s.plan.resources if k in used]


def deliver(world: World, s: Script) -> Delivered:
    """What a finished world delivered."""
    plan = s.plan
    years, regions = plan.years, plan.regions
    edges = np.array([day_of(y) for y in (*years.labels, years.labels[-1] + 1)])
    room, lacking = rooms(world, s)
    shape = (len(years), len(regions), len(plan.planned_served))
    planned = np.stack([*plan.planned_served.values()], axis=-1).astype(float) if plan.planned_served else np.zeros(shape)
    served, allowed, unstaffed = planned.copy(), planned.copy(), np.zeros(shape)
    planned_recurrent = s.means - s.capital
    paid = np.array([[world.works.purses[r].recurrent_paid.get(y, 0.0) for r in regions] for y in years])
    cash = np.minimum(np.divide(paid, planned_recurrent, out=np.ones_like(paid), where=planned_recurrent > 0), 1.0)
    listed = {q[0] for q in plan.queue_services}
    for c, service in enumerate(plan.planned_served):
        if service in room:
            allowed[:, :, c], unstaffed[:, :, c] = room[service], lacking[service]
        if service not in listed:
            served[:, :, c] = np.minimum(planned[:, :, c] * cash, allowed[:, :, c])
        elif "demand" in s.without:
            served[:, :, c] = np.minimum(planned[:, :, c], allowed[:, :, c])
        else:
            for r, region in enumerate(regions):
                line = world.lines.get((region, service))
                served[:, r, c] = served_in(line, edges) if line is not None else 0.0
    return Delivered(count_places(world, s), served, allowed, unstaffed)


def count(world: World, s: Script) -> Count:
    """Turn a finished world into arrays and check its identities."""
    plan = s.plan
    years, regions = plan.years, plan.regions
    listed = list(dict.fromkeys(q[0] for q in plan.queue_services)) if "demand" not in s.without else []
    purses = world.works.purses
    money = np.zeros((len(MONEY), len(years), len(regions)))
    for r, region in enumerate(regions):
        for m, item in enumerate(MONEY):
            money[m, :, r] = [purses[region].booked(y, item) for y in years]
    monthly = np.zeros((2, len(years), 12))
    for m, item in enumerate(MONEY[:2]):
        for i, year in enumerate(years):
            for month in range(12):
                # fsum is exact, so the order of regions cannot change a digit
                monthly[m, i, month] = math.fsum(purses[r].monthly.get((year, month + 1, item), 0.0) for r in regions)
    errors = money_errors(world, s, money) | calendar_errors(world, s)
    budgeted = np.array([[[getattr(purses[r], item).get(y, 0.0) for r in regions] for y in years] for item in BUDGETED])
    waiting = np.full((len(WAITING), len(years), len(regions), len(listed)), np.nan)
    monthly_waiting = np.zeros((len(years), 12, len(listed)))
    by_class = np.full((2, len(years), len(listed), CLASSES), np.nan)
    worst = 0.0
    closes = np.array([[month_close(y, m) for m in range(1, 13)] for y in years])
    edges = np.array([day_of(y) for y in (*years.labels, years.labels[-1] + 1)])
    for q, service in enumerate(listed):
        lines = []
        for r, region in enumerate(regions):
            line = world.lines.get((region, service))
            if line is None:
                waiting[:5, :, r, q] = 0.0
                continue
            people = count_line(line.outcome, edges)
            waiting[:5, :, r, q] = people[:5] * line.persons
            waiting[5:, :, r, q] = people[5:]
            lines.append(line)
            worst = max(worst, line_error(line, people, edges))
        monthly_waiting[:, :, q] = whole_waiting(lines, closes)
        by_class[:, :, q] = class_waits(lines, edges)
    if listed:
        errors["persons joining = placed + waiting + gave up + died (clients)"] = (worst, 0.0)
    vacancies = np.zeros((len(years), len(regions), len(s.staff)))
    for k, resource in enumerate(sorted(s.staff)):
        for r, region in enumerate(regions):
            vacancies[:, r, k] = world.vacancies.get((region, resource), 0.0)
    return Count(deliver(world, s), money, monthly, budgeted, waiting, monthly_waiting, by_class, vacancies, errors)


def line_error(line: Line, people: Array, edges: Array) -> float:
    """Clients by which the accounts of a list fail: joined = placed + gave up + died + longer list; entered = left + inside."""
    o, residents = line.outcome, line.residents
    before = float((o.clients.joins < edges[0]).sum())
    opening = np.concatenate([[before], people[1][:-1]])
    list_error = float(np.abs(opening + people[0] - people[2] - people[3] - people[4] - people[1]).max())
    gone_home = int((np.concatenate([o.placed + o.clients.stay, edges[0] + residents]) <= edges[-1]).sum())
    return max(list_error, abs(o.busy - (len(residents) + float(people[2].sum()) - gone_home)))


def money_errors(world: World, s: Script, money: Array) -> dict[str, tuple[float, float]]:
    """Each yuan of a release is paid, carried over or returned: by source and budget year, and by region and book year."""
    source_error, scale = 0.0, 1.0
    for region in s.plan.regions:
        purse = world.works.purses[region]
        left: dict[tuple[str, int], float] = {}
        for lot in purse.lots:
            key = (lot.source, lot.year)
            left[key] = left.get(key, 0.0) + lot.recurrent - lot.recurrent_paid + lot.project
        account = purse.account
        for source, year in {(k[0], k[1]) for k in account}:
            parts = [account.get((source, year, item), 0.0) for item in ("released", "paid", "returned")]
            source_error = max(source_error, abs(math.fsum([parts[0], -parts[1], -parts[2], -left.get((source, year), 0.0)])))
            scale = max(scale, parts[0])
    opening = np.concatenate([np.zeros((1, money.shape[2])), money[2][:-1]])
    year_error = float(np.abs(opening + money[0] - money[1] - money[3] - money[2]).max())
    tolerance = 1e-9 * scale
    return {
        "each yuan released is paid, carried over or returned, by source and budget year (yuan)": (source_error, tolerance),
        "carried in + released = paid + returned + carried over, by region and year (yuan)": (year_error, 1e-9 * max(scale, float(money.max(initial=0.0)))),
    }


def calendar_errors(world: World, s: Script) -> dict[str, tuple[float, float]]:
    """Every release that is not late reaches the region within its legal days (and the lever's delay), none is usable before its budget year."""
    over = 0.0
    for release in world.works.releases:
        over = max(over, day_of(release.year) - release.usable)
        if not release.late:
            over = max(over, release.arrived - release.limit - s.rules.delay)
    return {"releases keep the legal calendar (days over)": (over, 1e-6)}


def rooms(world: World, s: Script) -> tuple[dict[str, Array], dict[str, Array]]:
    """[Y,R] clients that open places, staff and funds allow, mean over each year; and the clients kept out by want of staff alone.

    Neither is ever more than the plan serves.
    """
    edges = [day_of(y) for y in (*s.plan.years.labels, s.plan.years.labels[-1] + 1)]
    years = len(s.plan.years)
    staffed, lacking = ({service: np.zeros((years, len(s.plan.regions))) for service in s.needs} for _ in range(2))
    for (region, service), steps in world.rooms.items():
        r = s.plan.regions.index(region)
        planned = s.plan.planned_served[service][:, r].tolist()
        at = 0
        for y in range(years):
            total = missing = 0.0
            while at < len(steps) and steps[at][0] < edges[y + 1]:
                day, allowed, places = steps[at]
                end = min(steps[at + 1][0] if at + 1 < len(steps) else edges[-1], edges[y + 1])
                served = min(allowed, planned[y])
                total += served * (end - day)
                missing += (min(places, planned[y]) - served) * (end - day)
                at += 1
            staffed[service][y, r] = total / (edges[y + 1] - edges[y])
            lacking[service][y, r] = missing / (edges[y + 1] - edges[y])
    return staffed, lacking


def served_in(line: Line, edges: Array) -> Array:
    """Persons in their places, mean over each year: the integral of the number inside up to each edge."""
    o = line.outcome
    placed = o.placed[o.was_placed]
    start = np.concatenate([placed, np.full(len(line.residents), edges[0])])
    stop = np.concatenate([placed + o.clients.stay[o.was_placed], edges[0] + line.residents])
    inside = np.array([(np.minimum(stop, e) - np.minimum(start, e)).sum() for e in edges])
    return np.diff(inside) / np.diff(edges) * line.persons


def count_line(o: Outcome, edges: Array) -> Array:
    """[joined, waiting at the end, placed, gave up, died, median wait, p90 wait (months)] x years, in clients."""
    clients = o.clients
    joined = np.histogram(clients.joins[clients.joins >= edges[0]], edges)[0]
    left = o.left_list
    placed_day = o.placed[o.was_placed]
    placed = np.histogram(placed_day, edges)[0]
    gave_up = np.histogram(left[np.isfinite(left) & ~clients.dies], edges)[0]
    died = np.histogram(left[np.isfinite(left) & clients.dies], edges)[0]
    exits = np.sort(np.minimum(o.placed, left))
    waiting = np.searchsorted(clients.joins, edges[1:], side="left") - np.searchsorted(exits, edges[1:], side="left")
    year = np.searchsorted(edges, placed_day, side="right") - 1
    wait = o.wait / DAYS_PER_MONTH
    order = np.argsort(year, kind="stable")
    groups = np.split(wait[order], np.searchsorted(year[order], np.arange(1, len(edges) - 1)))
    median = [float(np.median(g)) if len(g) else np.nan for g in groups]
    high = [float(np.quantile(g, 0.9)) if len(g) else np.nan for g in groups]
    return np.array([joined, waiting, placed, gave_up, died, median, high], dtype=float)


def whole_waiting(lines: list[Line], closes: Array) -> Array:
    """[Y,M] persons waiting at each month's end over all regions; an exact sum, so the order of regions is irrelevant."""
    parts = []
    for line in lines:
        o = line.outcome
        exits = np.sort(np.minimum(o.placed, o.left_list))
        parts.append((np.searchsorted(o.clients.joins, closes, side="right") - np.searchsorted(exits, closes, side="right")) * line.persons)
    if not parts:
        return np.zeros(closes.shape)
    return np.array([math.fsum(column) for column in np.stack(parts).reshape(len(parts), -1).T.tolist()]).reshape(closes.shape)


def class_waits(lines: list[Line], edges: Array) -> Array:
    """[placed median wait,Y,CLASSES] over all regions: persons placed in the year and their median months, a client weighted by its persons."""
    result = np.full((2, len(edges) - 1, CLASSES), np.nan)
    if not lines:
        return result
    outcomes = [line.outcome for line in lines]
    day, wait = (np.concatenate([part(o) for o in outcomes]) for part in (lambda o: o.placed[o.was_placed], lambda o: o.wait / DAYS_PER_MONTH))
    rank = np.concatenate([o.clients.rank[o.was_placed] for o in outcomes])
    persons = np.concatenate([np.full(int(line.outcome.was_placed.sum()), line.persons) for line in lines])
    order = np.argsort(wait, kind="stable")
    year = np.searchsorted(edges, day, side="right") - 1
    for y in range(len(edges) - 1):
        for k in range(CLASSES):
            mine = order[(year[order] == y) & (rank[order] == k)]
            total = math.fsum(persons[mine].tolist())
            if total > 0:
                middle = int(np.searchsorted(np.cumsum(persons[mine]), total / 2))
                result[:, y, k] = total, wait[mine[min(middle, len(mine) - 1)]]
    return result


def count_places(world: World, s: Script) -> Array:
    """[PLACES,Y,R,K]: cumulative places due, built (accepted) and open at the year's end, and months late (place-weighted) of those due in the year."""
    plan = s.plan
    codes = ordered(s)
    position = {k: i for i, k in enumerate(codes)}
    first, last = plan.years.labels[0], plan.years.labels[-1]
    result = np.zeros((len(PLACES), len(plan.years), len(plan.regions), len(codes)))
    weight = np.zeros(result.shape[1:])
    for progress in world.progress:
        p = progress.project
        r, k = plan.regions.index(p.region), position[p.resource]
        if p.opens_year <= last:
            y = max(p.opens_year - first, 0)
            result[0, y:, r, k] += p.places
            weight[y, r, k] += p.places
            result[3, y, r, k] += p.places * months_late(progress.opened, p.opens_year, last)
        for item, day in ((1, progress.accepted), (2, progress.opened)):
            if day < day_of(last + 1):
                result[item, date.fromordinal(int(day)).year - first :, r, k] += p.places
    result[3] = np.divide(result[3], weight, out=np.full_like(weight, np.nan), where=weight > 0)
    return result


def months_late(opened: float, opens_year: int, last_year: int) -> float:
    """Months after the end of the year in which the plan counts on the places; counted to the end of the horizon while they are not open."""
    return max(min(opened, day_of(last_year + 1)) - day_of(opens_year + 1), 0.0) / DAYS_PER_MONTH


def project_table(world: World, replication: int, last: int) -> pd.DataFrame:
    """One row an order: days of each stage and pause; `opened_day` is NaN while a project has not opened."""
    rows = []
    for q in world.progress:
        p = q.project
        rows.append(
            (
                replication,
                p.region,
                p.resource,
                p.year,
                p.opens_year,
                p.places,
                p.capital,
                p.way,
                p.overrun,
                p.idle,
                p.preparation,
                p.stalled,
                p.tender,
                p.build,
                q.winter,
                p.review if q.reviewed else 0.0,
                q.cash,
                q.hiring,
                q.term,
                q.opened if math.isfinite(q.opened) else np.nan,
                q.spent,
                months_late(q.opened, p.opens_year, last),
            )
        )
    columns = [
        "replication",
        "region",
        "resource",
        "year",
        "opens_year",
        "places",
        "capital_yuan",
        "way",
        "overrun",
        "idle",
        "preparation",
        "stalled",
        "tender",
        "build",
        "winter",
        "review",
        "cash",
        "hire",
        "term",
        "opened_day",
        "spent_yuan",
        "months_late",
    ]
    return pd.DataFrame(rows, columns=columns)


# --- tables ---------------------------------------------------------------------------------------------------------


def block(values: Array, labels: dict[str, list], measure: str, month: int | None = None) -> pd.DataFrame:
    """Tidy rows of one measure; cells that are NaN (nothing happened there) have no row."""
    grids = np.meshgrid(*(np.arange(len(v)) for v in labels.values()), indexing="ij")
    keep = ~np.isnan(values)
    columns = {name: np.asarray(v, dtype=object)[grid[keep]] for (name, v), grid in zip(labels.items(), grids, strict=True)}
    frame = pd.DataFrame(columns)
    frame["measure"] = measure
    frame["value"] = values[keep]
    if month is not None:
        frame["month"] = month
    return frame


def table(counts: list[Count], s: Script) -> pd.DataFrame:
    """The contract's `execution` table: yearly rows at month 12, monthly rows for the whole only."""
    plan = s.plan
    reps, years, regions = list(range(len(counts))), list(plan.years), list(plan.regions)
    yearly = {"replication": reps, "year": years, "region": regions}
    whole = {"replication": reps, "year": years, "month": list(range(1, 13))}
    frames = []
    for m, item in enumerate(MONEY):
        frames.append(block(np.stack([c.money[m] for c in counts]), yearly, f"{item}_yuan", 12).assign(service=""))
    for m, item in enumerate(BUDGETED):
        frames.append(block(np.stack([c.budgeted[m] for c in counts]), yearly, f"{item}_yuan", 12).assign(service=""))
    for m, item in enumerate(MONEY[:2]):
        frames.append(block(np.stack([c.monthly[m] for c in counts]), whole, f"{item}_yuan").assign(service="", region=plan.place))
    for m, item in enumerate(PLACES):
        values = np.stack([c.delivered.places[m] for c in counts])
        if m < 3:  # rows only where the plan ordered something
            ever = np.stack([c.delivered.places[0] for c in counts])[:, -1:] > 0
            values = np.where(ever, values, np.nan)
        if item == "built_places":  # staff is not built
            values = np.where([code in s.staff for code in ordered(s)], np.nan, values)
        frames.append(block(values, {**yearly, "service": ordered(s)}, item, 12))
    listed = list(dict.fromkeys(q[0] for q in plan.queue_services))
    if listed and "demand" not in s.without:
        for m, item in enumerate(WAITING):
            frames.append(block(np.stack([c.waiting[m] for c in counts]), {**yearly, "service": listed}, item, 12))
        frames.append(block(np.stack([c.monthly_waiting for c in counts]), {**whole, "service": listed}, "waiting").assign(region=plan.place))
        for k in range(CLASSES):
            for m, item in enumerate(("placed", "wait_median_months")):
                values = np.stack([c.by_class[m, :, :, k] for c in counts])
                of_class = {"replication": reps, "year": years, "service": listed}
                frames.append(block(values, of_class, f"{item}_class_{k + 1}", 12).assign(region=plan.place))
    frames.append(block(np.stack([c.delivered.served for c in counts]), {**yearly, "service": list(plan.planned_served)}, "served", 12))
    if s.staff:
        lacking = np.stack([c.delivered.unstaffed for c in counts])
        frames.append(block(np.where(lacking > 0, lacking, np.nan), {**yearly, "service": list(plan.planned_served)}, "without_staff", 12))
        frames.append(block(np.stack([c.vacancies for c in counts]), {**yearly, "service": sorted(s.staff)}, "vacant_posts", 12))
    columns = ["replication", "year", "month", "region", "service", "measure", "value"]
    result = pd.concat([f[columns] for f in frames], ignore_index=True)
    for name in ("replication", "year", "month"):
        result[name] = result[name].astype("int64")
    for name in ("region", "service", "measure"):
        result[name] = result[name].astype("str")
    return result


def summary(found: list[Delivered], s: Script) -> pd.DataFrame:
    """Means over the replications: resources (planned and opened places, months late) and services (planned, room opened, served)."""
    plan = s.plan
    yearly = {"year": list(plan.years), "region": list(plan.regions)}
    frames = []
    places = np.mean([d.places for d in found], axis=0)  # lateness is NaN in all replications or in none
    codes = ordered(s)
    if codes:
        frame = block(places[0], {**yearly, "service": codes}, "").drop(columns="measure").rename(columns={"value": "planned"})
        frames.append(frame.assign(kind="resource", opened=places[2].reshape(-1), served=np.nan, months_late=places[3].reshape(-1)))
    if plan.planned_served:
        planned = np.stack(list(plan.planned_served.values()), axis=-1)
        frame = block(planned, {**yearly, "service": list(plan.planned_served)}, "").drop(columns="measure").rename(columns={"value": "planned"})
        room, served = (np.mean([getattr(d, name) for d in found], axis=0).reshape(-1) for name in ("room", "served"))
        frames.append(frame.assign(kind="service", opened=room, served=served, months_late=np.nan))
    columns = ["year", "region", "service", "kind", "planned", "opened", "served", "months_late"]
    result = pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
    return result.astype({"region": "str", "service": "str", "kind": "str"})


def stages(found: list[Delivered], s: Script) -> pd.DataFrame:
    """What is planned, built, open and served of each service, by the places that it needs; staff is left out. Means over the replications.

    Places are all there are at the end of the year, those of before the plan included; a place that serves several services stands with each.
    """
    plan, codes = s.plan, ordered(s)
    yearly = {"year": list(plan.years), "region": list(plan.regions)}
    places = np.mean([d.places for d in found], axis=0)
    served = np.mean([d.served for d in found], axis=0)
    frames = []
    for c, service in enumerate(plan.planned_served):
        for resource, units in ((k, units) for k, units in s.needs.get(service, ()) if k not in s.staff):
            base = np.array([s.base[region, resource] for region in plan.regions]).T
            there = places[:3, :, :, codes.index(resource)] if resource in codes else np.zeros((3, *base.shape))
            frame = block(base + there[0], yearly, "").drop(columns="measure").rename(columns={"value": "planned"})
            frame = frame.assign(built=(base + there[1]).reshape(-1), opened=(base + there[2]).reshape(-1), served=served[:, :, c].reshape(-1))
            frames.append(frame.assign(service=service, resource=resource, units_per_client=units))
    columns = ["year", "region", "service", "resource", "units_per_client", "planned", "built", "opened", "served"]
    result = pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
    return result.astype({"region": "str", "service": "str", "resource": "str"})
