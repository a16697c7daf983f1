"""How fast the replay is: python benchmarks/execution.py [--persons N] [--replications N].

1. Waiting list: processor time per client event (a joining or a leaving) over that of a bare SimPy loop with as many events; bar 1.5.
2. A province of 14 regions and 15 years with the national facts of execution: seconds and memory of one `replay`; bar 3 s at 5 replications.
3. The effect of the scale: mean served and its spread at different persons per client.
4. Common random numbers: standard error of the difference between two scenarios against independent draws.
The plan is made up (sizes of Liaoning, no solver), so that the figures do not move with the allocation.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import simpy

from fiscalsim.axes import Axis, years_axis
from fiscalsim.execution import Plan, queue, replay
from fiscalsim.quantities import ExecutionInputs

FACTS = Path(__file__).resolve().parents[1] / "assumptions" / "national"


def facts(replications: int, persons: float, **levers: float) -> ExecutionInputs:
    """The national calendar, stages and queues."""
    with open(FACTS / "release.csv", encoding="utf-8") as file:
        parameters = {row["item"]: float(row["value"]) for row in csv.DictReader(file)}
    parameters |= {"execution.lead_time": 1.0, "execution.release_delay": 0.0}
    parameters |= {"execution.replications": float(replications), "execution.persons_per_client": persons} | levers
    projects = pd.read_csv(FACTS / "projects.csv")[["resource", "stage", "low", "mode", "high"]]
    return ExecutionInputs(parameters, projects, pd.read_csv(FACTS / "queues.csv")[["service", "item", "value"]])


def province(regions: int = 14, years: int = 15) -> Plan:
    """Clients, places and money of a province's size, smoothly growing; every region orders what its growth and wear need."""
    resources = pd.read_csv(FACTS / "resources.csv").set_index("resource")
    requires = pd.read_csv(FACTS / "requires.csv")
    axis, names = years_axis(2021, 2020 + years), Axis("region", tuple(f"city{i:02d}" for i in range(regions)))
    people = np.linspace(1.3e6, 4.8e6, regions)[None, :]
    t = np.arange(years)[:, None]
    need = {"nursing_care": (0.0025, 0.04), "basic_elder_care": (0.003, 0.03), "childcare_places": (0.0045, -0.02), "public_rental": (0.0066, 0.0)}
    need |= {"preschool": (0.021, -0.05), "compulsory_education": (0.07, -0.02), "day_care": (0.002, 0.05), "disability_rehab": (0.003, 0.01)}
    demand = {s: people * share * (1 + growth) ** t for s, (share, growth) in need.items()}
    served = {s: d * np.clip(0.6 + 0.03 * t, 0, 1) for s, d in demand.items()}
    used = requires[requires["service"].isin(need) & ~requires["resource"].isin(resources.index[resources["kind"] == "staff"])]
    needs = [(str(s), str(k), float(u)) for s, k, u in zip(used["service"], used["resource"], used["units_per_client"], strict=True)]
    codes = tuple(dict.fromkeys(k for _, k, _ in needs))
    stock = np.zeros((years, regions, len(codes)))
    for s, k, u in needs:
        stock[:, :, codes.index(k)] += served[s] * u * 1.02
    stock = np.maximum.accumulate(stock, axis=0)
    orders = []
    for i, k in enumerate(codes):
        lead = int(resources.loc[k, "lead_years"])
        wear, cost = float(resources.loc[k, "retire_rate"]), float(resources.loc[k, "build_cost"])
        for y in range(lead, years):
            for r, region in enumerate(names):
                places = float(stock[y, r, i] - stock[y - 1, r, i] * (1 - wear))
                orders.append((axis.labels[y - lead], region, k, places, places * cost, axis.labels[y]))
    recurrent = people * 4000 * 1.03**t
    shares = (("general", 0.35), ("earmarked", 0.1))
    transfers = [(year, region, kind, share * recurrent[y, r]) for y, year in enumerate(axis) for r, region in enumerate(names) for kind, share in shares]
    listed = {"nursing_care", "basic_elder_care", "childcare_places", "public_rental"}
    return Plan(
        years=axis,
        regions=names,
        transfers=pd.DataFrame(transfers, columns=["year", "region", "kind", "yuan"]),
        recurrent=recurrent,
        orders=pd.DataFrame(orders, columns=["year", "region", "resource", "places", "capital_yuan", "opens_year"]),
        stock=stock,
        resources=codes,
        demand=demand,
        planned_served=served,
        queue_services=tuple(n for n in needs if n[0] in listed),
        school_resources=("kindergarten_place", "school_place"),
        requires=tuple(n for n in needs if n[0] not in listed),
        place="province",
    )


def bare_loop(events: int) -> float:
    """Processor seconds of one SimPy process that waits `events` times."""
    env = simpy.Environment()

    def wait() -> simpy.events.ProcessGenerator:
        for _ in range(events):
            yield env.timeout(1.0)

    env.process(wait())
    start = time.process_time()
    env.run()
    return time.process_time() - start


def waiting_list(clients: int) -> None:
    for servers, load in ((10, 8.0), (100, 95.0), (1000, 980.0)):
        ratios, seconds = [], []
        for seed in range(5):
            start = time.process_time()
            o = queue(load, 1.0, servers, clients, np.random.default_rng(seed))
            used = time.process_time() - start
            events = clients + int((o.placed + o.clients.stay <= o.end).sum())
            ratios.append(used / bare_loop(events))
            seconds.append(used / events * 1e6)
        print(f"list with {servers} places: {median(seconds):.2f} us a client event, {median(ratios):.2f} of a bare loop (bar 1.5)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=float, default=50.0)
    parser.add_argument("--replications", type=int, default=5)
    parser.add_argument("--clients", type=int, default=200_000)
    options = parser.parse_args()
    waiting_list(options.clients)

    plan = province()
    inputs = facts(options.replications, options.persons)
    replay(plan, facts(1, 1000.0), 1, plan.years, plan.regions)  # imports and caches
    wall, cpu = time.perf_counter(), time.process_time()
    result = replay(plan, inputs, 1, plan.years, plan.regions)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"province, {options.replications} replications, {options.persons:g} persons a client: {wall:.2f} s ({cpu:.2f} s processor), {memory:.0f} MB, ", end=""
    )
    print(f"{len(result.table)} rows, {len(plan.orders)} orders")

    def served(persons: float, seed: int = 1, **levers: float) -> np.ndarray:
        t = replay(plan, facts(options.replications, persons, **levers), seed, plan.years, plan.regions).table
        care = t[(t["measure"] == "served") & (t["service"] == "nursing_care") & (t["year"] == 2030)]
        return care.groupby("replication")["value"].sum().to_numpy()

    for persons in (20.0, 50.0, 100.0, 200.0):
        values = served(persons)
        print(f"scale {persons:g}: nursing care served in 2030 {values.mean():.0f}, spread between replications {values.std(ddof=1):.0f}")
    levers = {"execution.lead_time": 1.1}
    levers |= {"execution.replications": 20.0}
    many = {"execution.replications": 20.0}
    base, same, other = served(options.persons, **many), served(options.persons, 1, **levers), served(options.persons, 2, **levers)
    common, apart = (np.std(x - base, ddof=1) / np.sqrt(len(base)) for x in (same, other))
    print(f"lead time +10 %: {np.mean(same - base):.0f} persons; standard error {common:.0f} with common random numbers, {apart:.0f} with independent draws")


if __name__ == "__main__":
    main()
