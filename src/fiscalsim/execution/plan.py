"""What the replay is told: the plan in neutral words, checked, and looked up once for all replications.

Must not know SimPy or what becomes of the plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim.axes import Axis
from fiscalsim.errors import InputError, Problem
from fiscalsim.execution.calendar import DAYS_PER_MONTH, ReleaseRules
from fiscalsim.execution.projects import STAGES, ProjectRules
from fiscalsim.quantities import Array, ExecutionInputs

CAUSES = ("money", "time", "staff", "demand")
KINDS = ("general", "earmarked")
PARAMETERS = ("execution.lead_time", "execution.release_delay", "execution.replications", "execution.persons_per_client")
RELEASE_ITEMS = (
    "legal_days_general", "legal_days_special", "legal_days_pass_on", "advance_share_general", "advance_share_special", "advance_month", "advance_day",
    "npc_approval_day", "late_probability", "late_mean_days", "payee_delay_mean_days", "recurrent_payee_delay_mean_days", "idle_probability",
    "idle_mean_months", "winter_first_day", "winter_last_day", "overrun_mu", "overrun_sigma", "reapproval_factor", "advance_payment_share",
    "retention_share", "school_opening_month",
    *(f"month_weight_{m}" for m in range(1, 13)),
)  # fmt: skip
QUEUE_ITEMS = (
    "stay_months_short", "stay_months_long", "share_short", "abandon_rate_per_year", "death_rate_per_year", "priority_share_1", "priority_share_2",
    "joining_share",
)  # fmt: skip
ORDER_COLUMNS = ("year", "region", "resource", "places", "capital_yuan", "opens_year")


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


def cells(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows of a table as tuples of plain Python values."""
    return zip(*(frame[c].tolist() for c in columns), strict=True)


# --- checks ---------------------------------------------------------------------------------------------------------


def check(plan: Plan, inputs: ExecutionInputs, horizon: Axis, regions: Axis) -> None:
    """InputError with every missing or impossible item of the replay's inputs at once."""
    problems: list[Problem] = []

    def missing(file: str, column: str, what: str) -> None:
        problems.append(Problem(file, None, column, what, "needed by the replay and missing"))

    for name in PARAMETERS:
        if name not in inputs.parameters:
            missing("parameters.yaml", "path", name)
    for name in RELEASE_ITEMS:
        if name not in inputs.parameters:
            missing("release.csv", "item", name)
    for name, value in inputs.parameters.items():
        if not math.isfinite(value):
            problems.append(Problem("release.csv or parameters.yaml", None, name, str(value), "must be a finite number"))
    weights = [inputs.parameters.get(f"month_weight_{m}", 0.0) for m in range(1, 13)]
    if all(f"month_weight_{m}" in inputs.parameters for m in range(1, 13)) and (abs(math.fsum(weights) - 1) > 1e-6 or min(weights) < 0):
        problems.append(Problem("release.csv", None, "month_weight_*", f"{math.fsum(weights)}", "twelve shares, none negative, that sum to 1"))
    for name, lowest in (("execution.persons_per_client", 0.0), ("execution.replications", 0.0), ("recurrent_payee_delay_mean_days", 0.0)):
        if name in inputs.parameters and not inputs.parameters[name] > lowest:
            problems.append(Problem("parameters.yaml" if "." in name else "release.csv", None, name, str(inputs.parameters[name]), "must be above zero"))
    known = set(zip(inputs.projects["resource"], inputs.projects["stage"], strict=True))
    for resource in sorted(set(plan.orders["resource"])):
        if resource not in plan.resources:
            problems.append(Problem("plan", None, "orders.resource", resource, f"one of {', '.join(plan.resources)}"))
        works = any((resource, stage) in known for stage in STAGES[:-1])  # staff is only hired
        for stage in STAGES if works else STAGES[-1:]:
            if (resource, stage) not in known:
                missing("projects.csv", "resource, stage", f"{resource}, {stage}")
    for resource, stage, low, mode, high in cells(inputs.projects, "resource", "stage", "low", "mode", "high"):
        if not 0 <= low <= mode <= high:
            problems.append(Problem("projects.csv", None, f"{resource}, {stage}", f"{low}, {mode}, {high}", "0 <= low <= mode <= high"))
    items = set(zip(inputs.queues["service"], inputs.queues["item"], strict=True))
    for service, resource, units in plan.queue_services + plan.requires:
        if resource not in plan.resources:
            problems.append(Problem("plan", None, "queue_services, requires", resource, f"one of {', '.join(plan.resources)}"))
        if not units > 0:
            problems.append(Problem("plan", None, f"{service}, {resource}", str(units), "units per client above zero"))
        if service not in plan.planned_served:
            problems.append(Problem("plan", None, "planned_served", service, "needed: its capacity is given"))
    for service in dict.fromkeys(s for s, _, _ in plan.queue_services):
        if service not in plan.demand:
            problems.append(Problem("plan", None, "demand", service, "needed: it has a waiting list"))
        for item in QUEUE_ITEMS:
            if (service, item) not in items:
                missing("queues.csv", "service, item", f"{service}, {item}")
    if plan.years.labels != horizon.labels or plan.regions.labels != regions.labels:
        found = f"{plan.years.labels}, {plan.regions.labels}"
        problems.append(Problem("plan", None, "years, regions", found, "the horizon and regions of the run"))
    for kind in sorted(set(plan.transfers["kind"]) - set(KINDS)):
        problems.append(Problem("plan", None, "transfers.kind", kind, "general or earmarked"))
    for name, frame in (("transfers", plan.transfers), ("orders", plan.orders)):
        for column, axis in (("region", plan.regions), ("year", plan.years)):
            for label in sorted(set(frame[column]) - set(axis.labels)):
                problems.append(Problem("plan", None, f"{name}.{column}", str(label), f"on the axis of {column}s"))
    shape = (len(plan.years), len(plan.regions))
    arrays = {"recurrent": plan.recurrent, "stock": plan.stock, **{f"demand {s}": a for s, a in plan.demand.items()}}
    arrays |= {f"planned_served {s}": a for s, a in plan.planned_served.items()}
    arrays |= {"transfers.yuan": plan.transfers["yuan"].to_numpy(float), "orders.places": plan.orders["places"].to_numpy(float)}
    arrays |= {"orders.capital_yuan": plan.orders["capital_yuan"].to_numpy(float)}
    for name, array in arrays.items():
        if array.ndim > 1 and array.shape[:2] != shape:
            problems.append(Problem("plan", None, name, str(array.shape), f"shape {shape} (years, regions)"))
        if not np.isfinite(array).all() or (array < 0).any():
            cell = tuple(int(i) for i in np.argwhere(~np.isfinite(array) | (array < 0))[0])
            problems.append(Problem("plan", None, f"{name} {cell}", str(array[cell]), "finite and not negative"))
    if problems:
        raise InputError(problems)


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


@dataclass(frozen=True)
class Script:
    """The plan as the replications read it: looked up once, not once a replication."""

    plan: Plan
    parameters: dict[str, float]
    rules: ReleaseRules
    works: ProjectRules
    orders: list[tuple[str, str, int, int, float, float, str]]  # region, resource, year, opens_year, places, capital, entity name
    stages: dict[str, dict[str, tuple[float, float, float]]]
    queues: dict[str, dict[str, float]]
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
    orders = plan.orders.sort_values(["region", "resource", "year", "opens_year", "places", "capital_yuan"], kind="stable")
    rows: list[tuple[str, str, int, int, float, float, str]] = []
    seen: dict[tuple[str, str, int], int] = {}
    for region, resource, year, opens_year, places, yuan in cells(orders, "region", "resource", "year", "opens_year", "places", "capital_yuan"):
        key = (region, resource, year)
        seen[key] = seen.get(key, 0) + 1
        rows.append((region, resource, year, opens_year, places, yuan, f"{region}/{resource}/{year}/{seen[key]}"))
    base = {(r, k): plan.stock[:, i, j].tolist() for i, r in enumerate(regions) for j, k in enumerate(plan.resources)}
    capital = np.zeros((len(years), len(regions)))
    for region, resource, year, opens_year, places, yuan, _ in rows:
        capital[years.index(year), regions.index(region)] += yuan
        stock = base[region, resource]
        for y, label in enumerate(years):
            if opens_year <= label:
                stock[y] -= places
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
    return Script(plan, inputs.parameters, rules, works, rows, stages, queues, needs, base, shares, funded, capital, grants, means, without)


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
