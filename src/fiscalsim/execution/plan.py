"""What the replay is told: the plan in neutral words, checked, and looked up once for all replications.

Must not know SimPy or what becomes of the plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fiscalsim.axes import Axis
from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.execution.calendar import DAYS_PER_MONTH, ReleaseRules
from fiscalsim.execution.projects import BUILD, CONVERT, CONVERT_STAGES, HIRE, STAGES, ProjectRules
from fiscalsim.quantities import Array, ExecutionInputs

CAUSES = ("money", "time", "staff", "demand")
KINDS = ("general", "earmarked")
PARAMETERS = ("execution.lead_time", "execution.release_delay", "execution.replications", "execution.persons_per_client")
RELEASE_ITEMS = (
    "legal_days_general",
    "legal_days_special",
    "legal_days_pass_on",
    "advance_share_general",
    "advance_share_special",
    "advance_month",
    "advance_day",
    "npc_approval_day",
    "late_probability",
    "late_mean_days",
    "payee_delay_mean_days",
    "recurrent_payee_delay_mean_days",
    "idle_probability",
    "idle_mean_months",
    "winter_first_day",
    "winter_last_day",
    "overrun_mu",
    "overrun_sigma",
    "reapproval_factor",
    "advance_payment_share",
    "retention_share",
    "school_opening_month",
    *(f"month_weight_{m}" for m in range(1, 13)),
)
QUEUE_ITEMS = (
    "stay_months_short",
    "stay_months_long",
    "share_short",
    "abandon_rate_per_year",
    "death_rate_per_year",
    "priority_share_1",
    "priority_share_2",
    "joining_share",
)
STAFF_ITEMS = (
    "rounds_per_year",
    "first_round_month",
    "graduate_share",
    "graduate_month",
    "leaving_low",
    "leaving_mode",
    "leaving_high",
    "filled_share",
    "retires",
)
ORDER_COLUMNS = ("year", "region", "resource", "places", "capital_yuan", "opens_year")
ABOVE_ZERO = ("execution.persons_per_client", "execution.replications", "execution.lead_time", "recurrent_payee_delay_mean_days", "reapproval_factor")
SHARES = ("advance_share_general", "advance_share_special", "late_probability", "idle_probability", "advance_payment_share", "retention_share")
SOLVER_ZERO = 1e-6  # a solver's zero may be this far below zero


@dataclass(frozen=True)
class Plan:
    """What a plan promises, in neutral words; arrays are [Y,R] or [Y,R,K] over `years`, `regions`, `resources`."""

    years: Axis
    regions: Axis
    transfers: pd.DataFrame  # year, region, kind (general, earmarked), yuan
    recurrent: Array  # [Y,R] yuan spent on running the services
    orders: pd.DataFrame  # year, region, resource, places, capital_yuan, opens_year
    stock: Array  # [Y,R,K] planned capacity in service
    resources: tuple[str, ...]
    demand: dict[str, Array]  # service -> [Y,R] clients entitled
    planned_served: dict[str, Array]  # service -> [Y,R] clients
    queue_services: tuple[tuple[str, str, float], ...]  # service, resource, units per client; a service may need several resources
    school_resources: tuple[str, ...]  # open with the school year
    requires: tuple[tuple[str, str, float], ...] = ()  # the same for services without a waiting list
    place: str = ""  # the name of the whole in the rows that sum all regions
    conversions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(ORDER_COLUMNS)))  # as orders: places gained from other places
    served_before: dict[str, Array] = field(default_factory=dict)  # service -> [R] clients in their places on the eve; all places full when missing
    leaving: dict[str, float] = field(default_factory=dict)  # staff resource -> share of its posts that the plan fills anew every year
    retirement: dict[str, Array] = field(default_factory=dict)  # staff resource -> [Y,R] share of the staff who reach the age of retirement in the year


def cells(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows of a table as tuples of plain Python values."""
    return zip(*(frame[c].tolist() for c in columns), strict=True)


# --- checks ---------------------------------------------------------------------------------------------------------


def check(plan: Plan, inputs: ExecutionInputs, horizon: Axis, regions: Axis) -> None:
    """InputError with every missing or impossible item of the replay's inputs and every impossible cell of the plan at once."""
    problems = [*parameter_problems(inputs.parameters), *table_problems(plan, inputs), *plan_problems(plan, horizon, regions)]
    if problems:
        raise InputError(problems)


def parameter_problems(parameters: dict[str, float]) -> Iterator[Problem]:
    """What is missing or out of range among the parameters and the items of release.csv."""
    for name in PARAMETERS + RELEASE_ITEMS:
        file, column = ("parameters.yaml", "path") if name in PARAMETERS else ("release.csv", "item")
        if name not in parameters:
            yield Problem(file, None, column, name, "needed by the replay and missing")
            continue
        value = parameters[name]
        if not math.isfinite(value):
            yield Problem(file, None, name, str(value), "must be a finite number")
        elif name in ABOVE_ZERO and value <= 0:
            yield Problem(file, None, name, str(value), "must be above zero")
        elif name in SHARES and not 0 <= value <= 1:
            yield Problem(file, None, name, str(value), "a share, 0..1")
        elif name.endswith("_month") and value not in range(1, 13):
            yield Problem(file, None, name, str(value), "a month, 1..12")
        elif name != "overrun_mu" and value < 0:
            yield Problem(file, None, name, str(value), "must not be negative")
    weights = [parameters.get(f"month_weight_{m}", math.nan) for m in range(1, 13)]
    if math.isfinite(sum(weights)) and abs(math.fsum(weights) - 1) > 1e-3:  # four printed digits each
        yield Problem("release.csv", None, "month_weight_*", f"{math.fsum(weights)}", "twelve shares that sum to 1")
    if parameters.get("advance_payment_share", 0.0) + parameters.get("retention_share", 0.0) > 1:
        yield Problem("release.csv", None, "advance_payment_share, retention_share", "", "must not exceed 1 together")


def table_problems(plan: Plan, inputs: ExecutionInputs) -> Iterator[Problem]:
    """What is missing or out of range in projects.csv and queues.csv for this plan."""
    known = set(zip(inputs.projects["resource"], inputs.projects["stage"], strict=True))
    for resource in sorted(set(plan.orders["resource"])):
        works = any((resource, stage) in known for stage in STAGES[:-1])  # staff is only hired
        for stage in STAGES if works else STAGES[-1:]:
            if (resource, stage) not in known:
                yield Problem("projects.csv", None, "resource, stage", f"{resource}, {stage}", "needed by the replay and missing")
    for resource in sorted(set(plan.conversions["resource"])):
        for stage in (*CONVERT_STAGES, STAGES[-1]):
            if (resource, stage) not in known:
                yield Problem("projects.csv", None, "resource, stage", f"{resource}, {stage}", "needed by the replay and missing")
    yield from staff_problems(plan, inputs)
    for resource, stage, low, mode, high in cells(inputs.projects, "resource", "stage", "low", "mode", "high"):
        if not 0 <= low <= mode <= high:
            yield Problem("projects.csv", None, f"{resource}, {stage}", f"{low}, {mode}, {high}", "0 <= low <= mode <= high")
    items = {(service, item): float(value) for service, item, value in cells(inputs.queues, "service", "item", "value")}
    for service in dict.fromkeys(s for s, _, _ in plan.queue_services):
        for item in QUEUE_ITEMS:
            value = items.get((service, item))
            if value is None:
                yield Problem("queues.csv", None, "service, item", f"{service}, {item}", "needed by the replay and missing")
            elif not (0 <= value < math.inf) or ("share" in item and value > 1) or ("stay" in item and value == 0):
                yield Problem("queues.csv", None, f"{service}, {item}", str(value), "a finite number, not negative; a share at most 1, a stay above 0")
        if items.get((service, "priority_share_1"), 0.0) + items.get((service, "priority_share_2"), 0.0) > 1:
            yield Problem("queues.csv", None, f"{service}, priority_share_1 and 2", "", "must not exceed 1 together")


def staff_problems(plan: Plan, inputs: ExecutionInputs) -> Iterator[Problem]:
    """What is missing or out of range in staff.csv for the staff of this plan."""
    found = {(resource, item): float(value) for resource, item, value in cells(inputs.staff, "resource", "item", "value")}
    for resource in sorted(plan.leaving):
        for item in STAFF_ITEMS:
            value = found.get((resource, item))
            if value is None:
                yield Problem("staff.csv", None, "resource, item", f"{resource}, {item}", "needed by the replay and missing")
            elif item in ("rounds_per_year", "first_round_month") and value not in range(1, 13):
                yield Problem("staff.csv", None, f"{resource}, {item}", str(value), "a whole number, 1..12")
            elif item == "graduate_month" and value not in range(13):
                yield Problem("staff.csv", None, f"{resource}, {item}", str(value), "a month, 1..12, or 0 for no batch of graduates")
            elif not 0 <= value < math.inf or ((item.endswith("_share") or item == "retires") and value > 1):
                yield Problem("staff.csv", None, f"{resource}, {item}", str(value), "a finite number, not negative; a share at most 1")
        low, mode, high = (found.get((resource, f"leaving_{name}"), 0.0) for name in ("low", "mode", "high"))
        if not low <= mode <= high <= 1:
            yield Problem("staff.csv", None, f"{resource}, leaving", f"{low}, {mode}, {high}", "low <= mode <= high <= 1")


def plan_problems(plan: Plan, horizon: Axis, regions: Axis) -> Iterator[Problem]:
    """Names and cells of the plan that the replay cannot take."""
    if plan.years.labels != horizon.labels or plan.regions.labels != regions.labels:
        yield Problem("plan", None, "years, regions", f"{plan.years.labels}, {plan.regions.labels}", "the horizon and regions of the run")
    columns = (
        (plan.orders, "orders", "region", plan.regions.labels),
        (plan.orders, "orders", "year", plan.years.labels),
        (plan.orders, "orders", "resource", plan.resources),
        (plan.conversions, "conversions", "region", plan.regions.labels),
        (plan.conversions, "conversions", "year", plan.years.labels),
        (plan.conversions, "conversions", "resource", plan.resources),
        (plan.transfers, "transfers", "region", plan.regions.labels),
        (plan.transfers, "transfers", "year", plan.years.labels),
        (plan.transfers, "transfers", "kind", KINDS),
    )
    for frame, name, column, allowed in columns:
        for label in sorted(set(frame[column]) - set(allowed)):
            yield Problem("plan", None, f"{name}.{column}", str(label), f"one of {', '.join(map(str, allowed))}", nearest(str(label), map(str, allowed)))
    for service, resource, units in plan.queue_services + plan.requires:
        if resource not in plan.resources:
            yield Problem("plan", None, "queue_services, requires", resource, f"one of {', '.join(plan.resources)}", nearest(resource, plan.resources))
        if not units > 0:
            yield Problem("plan", None, f"{service}, {resource}", str(units), "units per client above zero")
    for service in sorted({s for s, _, _ in plan.queue_services + plan.requires} - set(plan.planned_served)):
        yield Problem("plan", None, "planned_served", service, "needed: its capacity is given")
    for service in sorted({s for s, _, _ in plan.queue_services} - set(plan.demand)):
        yield Problem("plan", None, "demand", service, "needed: it has a waiting list")
    for name, frame in (("orders", plan.orders), ("conversions", plan.conversions)):
        if (frame["opens_year"] < frame["year"]).any():
            yield Problem("plan", None, f"{name}.opens_year", "", "not before the year of the order")
    for code in sorted((set(plan.leaving) | set(plan.retirement)) - set(plan.resources)):
        yield Problem("plan", None, "leaving, retirement", code, f"one of {', '.join(plan.resources)}", nearest(code, plan.resources))
    shape = (len(plan.years), len(plan.regions))
    arrays = {
        "recurrent": plan.recurrent,
        **{f"demand {s}": a for s, a in plan.demand.items()},
        **{f"planned_served {s}": a for s, a in plan.planned_served.items()},
    }
    arrays |= {f"retirement {k}": a for k, a in plan.retirement.items()}
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(arrays, shape) | {"stock": (*shape, len(plan.resources))}
    arrays["stock"] = plan.stock
    for service, before in plan.served_before.items():
        arrays[f"served_before {service}"], shapes[f"served_before {service}"] = before, shape[1:]
    arrays["leaving"] = np.array(list(plan.leaving.values()), dtype=float)
    arrays["transfers.yuan"] = plan.transfers["yuan"].to_numpy(float)
    for name, frame in (("orders", plan.orders), ("conversions", plan.conversions)):
        for column in ("places", "capital_yuan"):
            arrays[f"{name}.{column}"] = frame[column].to_numpy(float)
    for name, array in arrays.items():
        if name in shapes and array.shape != shapes[name]:
            yield Problem("plan", None, name, str(array.shape), f"shape {shapes[name]} (years, regions, resources)")
        wrong = ~np.isfinite(array) | (array < -SOLVER_ZERO)
        if wrong.any():
            cell = tuple(int(i) for i in np.argwhere(wrong)[0])
            yield Problem("plan", None, f"{name} {cell}", str(array[cell]), "finite and not negative")


# --- looked up once ----------------------------------------------------------------------------------------------------


def release_rules(parameters: dict[str, float]) -> ReleaseRules:
    """The legal calendar from release.csv and the lever; money asked for again goes as a general transfer without advance notice."""
    p = parameters
    return ReleaseRules(
        legal_days={"general": p["legal_days_general"], "earmarked": p["legal_days_special"], "rebudgeted": p["legal_days_general"]},
        pass_on=p["legal_days_pass_on"],
        advance_share={"general": p["advance_share_general"], "earmarked": p["advance_share_special"], "rebudgeted": 0.0},
        advance_month=int(p["advance_month"]),
        advance_day=int(p["advance_day"]),
        npc_day=p["npc_approval_day"],
        late_probability=p["late_probability"],
        late_mean=p["late_mean_days"],
        payee_mean=p["payee_delay_mean_days"],
        delay=p["execution.release_delay"],
    )


def project_rules(parameters: dict[str, float]) -> ProjectRules:
    """What holds for every project."""
    p = parameters
    return ProjectRules(
        lead_time=p["execution.lead_time"],
        idle_probability=p["idle_probability"],
        idle_mean=p["idle_mean_months"] * DAYS_PER_MONTH,
        overrun=(p["overrun_mu"], p["overrun_sigma"]),
        reapproval_factor=p["reapproval_factor"],
        advance_payment=p["advance_payment_share"],
        retention=p["retention_share"],
        opening_month=int(p["school_opening_month"]),
    )


class Order(NamedTuple):
    """One thing that the plan orders; `name` is its entity, the same in every scenario that orders it."""

    region: str
    resource: str
    year: int
    opens_year: int
    places: float
    capital: float  # yuan
    way: str  # build, convert, hire
    graduates: bool  # staff who come with the yearly batch
    name: str


@dataclass(frozen=True)
class Script:
    """The plan as the replications read it: looked up once, not once a replication."""

    plan: Plan
    parameters: dict[str, float]
    rules: ReleaseRules
    works: ProjectRules
    orders: list[Order]
    stages: dict[str, dict[str, tuple[float, float, float]]]
    queues: dict[str, dict[str, float]]
    staff: dict[str, dict[str, float]]  # staff resource -> items of staff.csv
    needs: dict[str, tuple[tuple[str, float], ...]]  # service -> (resource, units per client)
    base: dict[tuple[str, str], list[float]]  # (region, resource) -> [Y] planned stock without this plan's orders
    shares: dict[tuple[str, str], list[tuple[str, list[float]]]]  # (region, service) -> resource, [Y] clients per place of it
    funded: dict[tuple[str, str], list[float]]  # (region, service) -> [Y] clients paid for; infinite where everyone entitled is
    capital: Array  # [Y,R] of the orders
    grants: dict[tuple[int, str, str], float]  # (year, region, kind) -> yuan
    means: Array  # [Y,R] all money of the plan
    without: frozenset[str]


def script(plan: Plan, inputs: ExecutionInputs, without: frozenset[str]) -> Script:
    """Sort and index what the plan hands over, so that the order of its rows and regions cannot matter."""
    years, regions = plan.years, plan.regions
    staff: dict[str, dict[str, float]] = {}
    for resource, item, value in cells(inputs.staff, "resource", "item", "value"):
        if resource in plan.leaving:
            staff.setdefault(resource, {})[item] = float(value)
    rows = [*sorted_orders(plan.orders, "", staff), *sorted_orders(plan.conversions, CONVERT, staff)]
    base = {(r, k): plan.stock[:, i, j].tolist() for i, r in enumerate(regions) for j, k in enumerate(plan.resources)}
    capital = np.zeros((len(years), len(regions)))
    for o in rows:
        for y in range(len(years)):
            capital[y, regions.index(o.region)] += o.capital * (
                due_by(o.year, o.opens_year, years.labels[y]) - due_by(o.year, o.opens_year, years.labels[y] - 1)
            )
        stock = base[o.region, o.resource]
        for y, label in enumerate(years):
            if o.opens_year <= label:
                stock[y] -= o.places
    grants: dict[tuple[int, str, str], float] = {}
    transfers = plan.transfers.sort_values(["year", "region", "kind", "yuan"], kind="stable")
    for year, region, kind, yuan in cells(transfers, "year", "region", "kind", "yuan"):
        grants[year, region, kind] = grants.get((year, region, kind), 0.0) + yuan
    received = np.zeros_like(capital)
    for (year, region, _), yuan in grants.items():
        received[years.index(year), regions.index(region)] += yuan
    stages: dict[str, dict[str, tuple[float, float, float]]] = {}
    for resource, stage, low, mode, high in cells(inputs.projects, "resource", "stage", "low", "mode", "high"):
        stages.setdefault(resource, {})[stage] = (float(low), float(mode), float(high))
    queues: dict[str, dict[str, float]] = {}
    for service, item, value in cells(inputs.queues, "service", "item", "value"):
        queues.setdefault(service, {})[item] = float(value)
    needs: dict[str, tuple[tuple[str, float], ...]] = {}
    for service, resource, units in plan.queue_services + plan.requires:
        needs[service] = (*needs.get(service, ()), (resource, units))
    means = np.maximum(received, plan.recurrent + capital)
    shares, funded = shared_room(plan, needs)
    rules, works = release_rules(inputs.parameters), project_rules(inputs.parameters)
    return Script(plan, inputs.parameters, rules, works, rows, stages, queues, staff, needs, base, shares, funded, capital, grants, means, without)


def due_by(year: int, opens_year: int, now: int) -> float:
    """Share of a project's planned cost that budgets have provided by the end of `now`: evenly over the years from the order to the opening."""
    parts = max(opens_year - year, 1)
    return min(max(now - year + 1, 0), parts) / parts


def sorted_orders(orders: pd.DataFrame, way: str, staff: dict[str, dict[str, float]]) -> Iterator[Order]:
    """Orders by region, resource and year; staff in two parts, those who come from the market and the year's graduates."""
    seen: dict[tuple[str, str, int], int] = {}
    frame = orders.sort_values(["region", "resource", "year", "opens_year", "places", "capital_yuan"], kind="stable")
    for region, resource, year, opens_year, places, yuan in cells(frame, "region", "resource", "year", "opens_year", "places", "capital_yuan"):
        key = (region, resource, year)
        seen[key] = seen.get(key, 0) + 1
        name = f"{region}/{resource}/{year}/{seen[key]}"
        if way == CONVERT:
            yield Order(region, resource, year, opens_year, places, yuan, CONVERT, False, f"{name}/converted")
        elif resource not in staff:
            yield Order(region, resource, year, opens_year, places, yuan, BUILD, False, name)
        else:
            graduates = staff[resource]["graduate_share"] if staff[resource]["graduate_month"] > 0 else 0.0
            for share, batch in ((1.0 - graduates, False), (graduates, True)):
                if share > 0:
                    yield Order(region, resource, year, opens_year, places * share, yuan * share, HIRE, batch, f"{name}/graduates" if batch else name)


def shared_room(
    plan: Plan, needs: dict[str, tuple[tuple[str, float], ...]]
) -> tuple[dict[tuple[str, str], list[tuple[str, list[float]]]], dict[tuple[str, str], list[float]]]:
    """Clients per place of each resource (divided between its services as the plan uses it) and clients paid for, by region and service."""
    used: dict[str, Array] = {}
    users: dict[str, int] = {}
    for service in sorted(needs):
        for resource, units in needs[service]:
            used[resource] = used.get(resource, np.zeros_like(plan.recurrent)) + plan.planned_served[service] * units
            users[resource] = users.get(resource, 0) + 1
    listed = {q[0] for q in plan.queue_services}
    shares: dict[tuple[str, str], list[tuple[str, list[float]]]] = {}
    funded: dict[tuple[str, str], list[float]] = {}
    for service in needs:
        served = plan.planned_served[service]
        limit = np.where(served >= plan.demand[service] * (1 - 1e-9), np.inf, served) if service in listed else served
        for j, region in enumerate(plan.regions):
            funded[region, service] = limit[:, j].tolist()
            shares[region, service] = []
            for resource, units in needs[service]:
                total, mine = used[resource][:, j], served[:, j] * units
                share = np.divide(mine, total, out=np.full(len(total), 1.0 / users[resource]), where=total > 0)
                shares[region, service].append((resource, (share / units).tolist()))
    return shares, funded
