"""Writes the figures of docs/execution.md: python tools/write_execution.py [SECTION ...], sections theory, packs, scale, common, rolling.

theory: waiting lists against queueing theory and the time of a client event. packs: planned against delivered, the split, seconds and memory of the
baselines. scale: what the persons per simulated client change. common: the error of a difference with common and with independent random numbers.
rolling: promise and arrival of the plan made once and of the plan revised every few years.
Each section stands between its marks in the page; the rest of the page is written by hand.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.execution import bare_loop  # noqa: E402
from tests.test_execution_queues import erlang_a, erlang_b, erlang_c  # noqa: E402

from fiscalsim import execution, pipeline  # noqa: E402
from fiscalsim.scenario import load_scenario  # noqa: E402
from fiscalsim.text import number  # noqa: E402

PAGE = ROOT / "docs" / "execution.md"
PACKS = ("liaoning", "linxia", "panjin")
YEARS = (2025, 2030)
PARTS = (*execution.CAUSES, "interaction")
CLIENTS = 200_000


def rows(head: list[str], lines: list[list[str]]) -> str:
    """A table in Markdown; the first column is text, the others are figures."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


class Captured(Exception):
    """Stops a run where the replay would begin."""

    def __init__(self, args: tuple[Any, ...]) -> None:
        super().__init__("captured")
        self.seen = args


def promised(name: str) -> tuple[Any, ...]:
    """plan, inputs, seed, horizon, regions of a scenario's replay, without running it."""

    def stop(*args: Any) -> None:
        raise Captured(args)

    real, execution.split_gap = execution.split_gap, stop
    try:
        pipeline.run(load_scenario(name))
    except Captured as found:
        return found.seen
    finally:
        execution.split_gap = real
    raise SystemExit(f"{name}: no replay")


# --- theory ---------------------------------------------------------------------------------------------------------


def theory() -> str:
    """Shares that wait, are lost or leave, against Erlang C, B and A; Little's law; the time of a client event."""
    warm = slice(5_000, CLIENTS - 1_000)
    runs = 12  # of the crowded lines, whose waits are correlated over thousands of clients

    def share(servers: int, load: float, seeds: int, **how: Any) -> float:
        found = []
        for seed in range(seeds):
            o = execution.queue(load, 1.0, servers, CLIENTS, np.random.default_rng(seed), **how)
            if how.get("patience") is None:
                found.append(((o.placed - o.clients.joins)[warm] > 0).mean())
            else:
                found.append(1 - o.was_placed[warm].mean())
        return float(np.mean(found))

    slow = (0.2, (1 - 0.35 * 0.2) / 0.65, 0.35)
    cases = [
        (f"M/M/{c}, load {a:g}: share that waits", erlang_c(c, a), share(c, a, n))
        for c, a, n in ((1, 0.8, 1), (10, 8.0, 1), (20, 18.0, 1), (100, 95.0, runs), (200, 190.0, runs))
    ]
    cases += [
        ("M/M/10/10, load 8: share lost (Erlang B)", erlang_b(10, 8.0), share(10, 8.0, 1, patience=0)),
        ("the same, hyperexponential stays", erlang_b(10, 8.0), share(10, 8.0, 1, patience=0, stay=slow)),
        ("M/M/100/100, load 95: share lost", erlang_b(100, 95.0), share(100, 95.0, 1, patience=0)),
        ("M/M/10+M, load 12, patience 2: share that leaves", erlang_a(10, 12.0, 0.5)[1], share(10, 12.0, 1, patience=2.0)),
        ("M/M/10+M, load 9, patience 1: share that leaves", erlang_a(10, 9.0, 1.0)[1], share(10, 9.0, 1, patience=1.0)),
    ]
    o = execution.queue(18.0, 1.0, 20, CLIENTS, np.random.default_rng(2))
    grid = np.linspace(o.clients.joins[5000], o.end, 40_001)[:-1]
    exits = np.sort(np.minimum(o.placed, o.end))
    length = (np.searchsorted(o.clients.joins, grid, side="right") - np.searchsorted(exits, grid, side="right")).mean()
    wait = (o.placed - o.clients.joins)[5000:]
    rate = (CLIENTS - 5000) / (o.end - o.clients.joins[5000])
    cases.append(("Little, M/M/20, load 18: length of the list = rate x wait", float(rate * wait[np.isfinite(wait)].mean()), float(length)))
    lines = [[what, f"{want:.5f}", f"{got:.5f}", f"{(got / want - 1) * 100:+.2f} %"] for what, want, got in cases]
    text = rows([f"case ({CLIENTS:,} clients)", "theory", "simulated", "difference"], lines)
    speed = []
    for servers, load in ((10, 8.0), (100, 95.0), (1000, 980.0)):
        ratios, each = [], []
        for seed in range(5):
            start = time.process_time()
            o = execution.queue(load, 1.0, servers, CLIENTS, np.random.default_rng(seed))
            used = time.process_time() - start
            events = CLIENTS + int((o.placed + o.clients.stay <= o.end).sum())
            ratios.append(used / bare_loop(events))
            each.append(used / events * 1e6)
        speed.append([f"{servers:,}", f"{np.median(each):.2f}", f"{np.median(ratios):.2f}"])
    return text + "\n\n" + rows(["places", "microseconds a client event", "against a bare SimPy loop (bar 1.5)"], speed)


# --- packs ----------------------------------------------------------------------------------------------------------


def one_pack(pack: str) -> None:
    """Run a baseline whole in this process and print what the page shows of it."""
    start, cpu = time.perf_counter(), time.process_time()
    result = pipeline.run(load_scenario(f"{pack}-baseline"))
    seconds = {"whole": time.perf_counter() - start, "processor": time.process_time() - cpu, "replay": result.timings["replay"]}
    t = result.tables
    names = t["services"].set_index("service")["name_en"].to_dict() | t["resources"].set_index("resource")["name_en"].to_dict()
    regions = t["regions"].set_index("region")["name_en"].to_dict()
    split = t["replay_split"].groupby(["year", "kind", "service"], sort=False)[["planned", "delivered", "gap", *PARTS]].sum().reset_index()
    split = split[split["year"].isin(YEARS) & (split["planned"] >= 1)]
    split.insert(0, "name", split["service"].map(names))
    stages = t["replay_stages"]
    rental = stages[stages["service"] == "public_rental"].groupby(["year", "resource"])[["built", "opened", "served"]].sum().reset_index()
    worst = t["late_projects"].assign(name=t["late_projects"]["resource"].map(names), place=t["late_projects"]["region"].map(regions))
    places = t["late_regions"].assign(place=t["late_regions"]["region"].map(regions))
    sure = t["replay_precision"]
    sure = sure[(sure["year"] == YEARS[0]) & (sure["measure"] == "served") & (sure["mean"] >= 1)]
    widest = sure.assign(share=sure["half_width"] / sure["mean"]).sort_values("share").iloc[-1]
    found = {
        "seconds": seconds,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "replications": int(t["execution"]["replication"].nunique()),
        "split": split.to_dict("records"),
        "rental": rental.to_dict("records"),
        "projects": worst[["place", "name", "year", "months_late", "idle_yuan_years"]].to_dict("records"),
        "places": places[["place", "idle_yuan_years"]].to_dict("records"),
        "precision": {"share": float(widest["share"]), "name": names[widest["service"]], "needed": float(sure["replications_needed"].max())},
        "identities": int(t["checks"]["name"].str.startswith("replay").sum()),
        "releases": 0,
    }
    print(json.dumps(found))


def packs() -> str:
    """Planned against delivered in every baseline."""
    text, costs = [], []
    for pack in PACKS:
        done = subprocess.run([sys.executable, __file__, "--pack", pack], capture_output=True, text=True, check=True, cwd=ROOT)
        found = json.loads(done.stdout.splitlines()[-1])
        s = found["seconds"]
        costs.append([pack, f"{found['replications']}", f"{s['whole']:.1f}", f"{s['processor']:.1f}", f"{s['replay']:.1f}", f"{found['memory']:.0f}"])
        text.append(f"### {pack}\n")
        for year in YEARS:
            lines = []
            for kind in ("resource", "service"):
                mine = [r for r in found["split"] if r["year"] == year and r["kind"] == kind and abs(r["gap"]) >= max(0.5, 0.001 * r["planned"])]
                for r in sorted(mine, key=lambda r: -r["gap"] / r["planned"]):
                    what = "places ordered" if kind == "resource" else "clients"
                    lines.append([f"{r['name']} ({what})", *(number(r[c]) for c in ("planned", "delivered", "gap", *PARTS))])
            text.append(rows([str(year), "planned", "delivered", "gap", *PARTS], lines) + "\n")
            text.append(sentence(found, year) + "\n")
        text.append(costliest(found) + "\n")
        p = found["precision"]
        text.append(
            f"{found['replications']} replications: the widest 95 % interval of persons served in {YEARS[0]} is ±{p['share'] * 100:.1f} % ({p['name']}); "
            f"{number(p['needed'])} replications would bring every service within ±1 %.\n"
        )
        if pack == "panjin":
            text.append(panjin(found["rental"]) + "\n")
    head = ["pack", "replications", "whole run, s", "processor, s", "replay and split, s", "peak memory, MB"]
    return rows(head, costs) + "\n\n" + "\n".join(text).rstrip()


def sentence(found: dict[str, Any], year: int) -> str:
    """What the page says of the service that lacks the largest share."""
    services = [r for r in found["split"] if r["year"] == year and r["kind"] == "service" and r["gap"] >= 0.5]
    if not services:
        return f"In {year} every service is delivered as planned."
    r = max(services, key=lambda r: r["gap"] / r["planned"])
    parts = ", ".join(f"{name} {number(r[name])}" for name in PARTS)
    return (
        f"In {year} {r['name'].lower()} lacks the largest share: {number(r['gap'])} of {number(r['planned'])} ({r['gap'] / r['planned'] * 100:.0f} %): {parts}."
    )


def costliest(found: dict[str, Any]) -> str:
    """The five projects and the five places whose delay costs most."""
    projects = "; ".join(
        f"{p['place']}, {p['name'].lower()} of {p['year']} ({p['months_late']:.0f} months, {p['idle_yuan_years'] / 1e8:.1f})" for p in found["projects"]
    )
    places = ", ".join(f"{p['place']} {p['idle_yuan_years'] / 1e8:.1f}" for p in found["places"])
    return f"Delay costs most (idle money, 100 million yuan x years): {projects}. By place: {places}."


def panjin(rental: list[dict[str, Any]]) -> str:
    """Built is not served: public rental flats."""
    frame = pd.DataFrame(rental).pivot_table(index="year", columns="resource", values=["built", "opened", "served"])
    lines = [
        [str(year), *(number(frame.loc[year, cell]) for cell in (("built", "rental_flat"), ("opened", "flat_let"), ("served", "flat_let")))]
        for year in frame.index
        if year in (frame.index[0], *YEARS, frame.index[-1])
    ]
    return rows(["Panjin, end of", "flats built", "flats released for letting", "households served (mean of the year)"], lines)


# --- scale and common random numbers ------------------------------------------------------------------------------------


def scale() -> str:
    """Waits and cost at 5, 20, 50 and 100 persons a client."""
    lines = []
    for pack in ("linxia", "liaoning"):
        plan, inputs, seed, horizon, regions = promised(f"{pack}-baseline")
        for persons in (5.0, 20.0, 50.0, 100.0):
            at = replace(inputs, parameters={**inputs.parameters, "execution.persons_per_client": persons})
            start = time.process_time()
            table = execution.replay(plan, at, seed, horizon, regions).table
            used = time.process_time() - start
            table = table[(table["year"] == YEARS[0]) & table["region"].isin(regions.labels)]
            cells = []
            for service in ("nursing_care", "childcare_places", "public_rental"):
                wide = table[table["service"] == service].pivot_table(index=["replication", "region"], columns="measure", values="value")
                weights = wide["placed"].fillna(0.0)
                median, p90 = (np.average(wide[m].fillna(0.0), weights=weights) for m in ("wait_median_months", "wait_p90_months"))
                cells.append(f"{number(wide['served'].groupby('replication').sum().mean())}; {median:.1f}; {p90:.1f}")
            lines.append([f"{pack}, {persons:g}", *cells, f"{used:.1f}"])
    return rows(["pack, persons a client", "nursing care: served; median; p90", "childcare", "public rental", "processor s"], lines)


def common() -> str:
    """Standard error of the difference between two scenarios, common against independent random numbers."""
    plan, inputs, seed, horizon, regions = promised("linxia-baseline")
    lines = []

    def served(seed: int, **levers: float) -> pd.DataFrame:
        at = replace(inputs, parameters={**inputs.parameters, **{k.replace("__", "."): v for k, v in levers.items()}, "execution.replications": 10.0})
        t = execution.replay(plan, at, seed, horizon, regions).table
        t = t[(t["measure"] == "served") & (t["year"] == YEARS[0])]
        return t.groupby(["replication", "service"])["value"].sum().unstack()

    base = served(seed)
    for what, lever in (("lead time x 1.1", {"execution__lead_time": 1.1}), ("money 150 days later", {"execution__release_delay": 150.0})):
        same, apart = served(seed, **lever) - base, served(seed + 1, **lever) - base
        for service in ("nursing_care", "childcare_places", "senior_secondary"):
            one, two = (float(d[service].std(ddof=1) / math.sqrt(len(d))) for d in (same, apart))
            lines.append([f"{what}: {service}", f"{same[service].mean():.1f}", f"{one:.2f}", f"{two:.2f}", f"{two / one:.1f}" if one > 0 else "—"])
    return rows(["linxia, clients served in 2025, 10 replications", "difference", "s.e., common numbers", "s.e., independent", "ratio"], lines)


def rolling() -> str:
    """Promise and arrival of the plan made once and of the plan revised every few years."""
    lines = []
    for pack, every in (("two-counties", 3), ("linxia", 5)):
        result = pipeline.run(load_scenario(f"{pack}-baseline", overrides=[f"execution.feedback={every}"]))
        table, names = result.tables["rolling"], result.tables["services"].set_index("service")["name_en"]
        rows_of = table[(table["year"] == YEARS[1]) & (table["promised"] >= 1)]
        moved = rows_of[(rows_of["promised"] - rows_of["arrived"] >= 0.01 * rows_of["promised"])]
        for row in moved.itertuples(index=False):
            figures = (row.promised, row.arrived, row.revised, row.arrived_revised)
            lines.append([f"{pack}, every {every} years: {names[row.service]}", *(number(v) for v in figures)])
        for name, promise, arrival in (("once", "promised", "arrived"), ("revised", "revised", "arrived_revised")):
            kept = (rows_of[arrival] / rows_of[promise]).clip(upper=1.0).mean()
            lines.append([f"{pack}: mean share of the promise that arrives, plan {name}", "", f"{kept * 100:.1f} %", "", ""])
    return rows([f"{YEARS[1]}, clients", "promised", "arrived", "promised after revision", "arrived"], lines)


SECTIONS = {"theory": theory, "packs": packs, "scale": scale, "common": common, "rolling": rolling}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], default=[])
    parser.add_argument("--pack", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pack:
        one_pack(options.pack)
        return
    for name in options.sections or SECTIONS:
        figures = SECTIONS[name]()
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(f"<!-- {name} -->", 1)
        after = rest.split(f"<!-- /{name} -->", 1)[1]
        PAGE.write_text(f"{before}<!-- {name} -->\n{figures}\n<!-- /{name} -->{after}", encoding="utf-8")
        print(f"{name}: written")


if __name__ == "__main__":
    main()
