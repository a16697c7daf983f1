"""Writes docs/mechanisms.md from assumptions/national/mechanisms.csv: python tools/write_mechanisms.py [--trace]. A test keeps the page current.

Every honoured mechanism names a link (lever, parameter, family, service, indicator, scenario, table, result) and, where something is to be moved, a
trial: `PATH=VALUE` or `file.csv:key,key:column=value`, separated by `;`. All parts but the last stand in both runs; the last one is what is
moved. Several trials, one a link, stand apart by ` | `. `--trace` draws ten honoured mechanisms and writes what their trial changes to
docs/mechanisms_trace.csv, which the page shows.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from fiscalsim import demography, indicators
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.demand import demand
from fiscalsim.fiscal_capacity import fiscal_capacity, money_with_people
from fiscalsim.pipeline import base_spending, run
from fiscalsim.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[1]
PAGE, TABLE, TRACE = ROOT / "docs" / "mechanisms.md", ROOT / "assumptions" / "national" / "mechanisms.csv", ROOT / "docs" / "mechanisms_trace.csv"
DRAW = 20261125  # the draw of --trace
NOISE = 1e-4  # of a cell, above what the solver rounds
WHOLE = ("two-counties", "panjin")  # packs that are run whole in a trial; of the others only people, clients and money are computed
RESULTS = ("population", "demand", "fiscal", "capacity", "allocation", "transfers", "shortfalls", "limits", "indicators", "evaluation", "execution", "targets")


@dataclass(frozen=True)
class Mechanism:
    """One row of the table."""

    mechanism: str
    plans: str
    name_zh: str
    name_en: str
    status: str
    link_kind: str
    link: str
    pack: str
    trial: str
    effect_zh: str
    effect_en: str
    reason_zh: str
    reason_en: str
    quote: str
    grade: str
    source: str

    @property
    def links(self) -> tuple[str, ...]:
        return tuple(self.link.split(";")) if self.link else ()

    @property
    def trials(self) -> tuple[tuple[str, ...], ...]:
        """What is tried, one trial a link where several are written with ` | ` between them."""
        return tuple(tuple(re.split(r";(?![^{]*\})", trial)) for trial in self.trial.split(" | ")) if self.trial else ()


def mechanisms() -> list[Mechanism]:
    """All rows, in the order of the file."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [Mechanism(**row) for row in csv.DictReader(file)]


# --- what a trial changes -------------------------------------------------------------------------------------------


def edited_home(edits: tuple[str, ...], folder: Path, pack: str) -> Path:
    """A copy of assumptions/ and scenarios/ with other values in the rows that `edits` name: the pack's row, else the national one, else a new one."""
    for part in ("assumptions", "scenarios"):
        shutil.copytree(ROOT / part, folder / part)
    for edit in edits:
        file, key, settings = edit.split(":", 2)
        cells = dict(setting.split("=", 1) for setting in settings.split("&"))
        wanted = key.split(",")
        paths = [path for path in (folder / "assumptions" / place / file for place in (pack, "national")) if path.is_file()]
        for path in paths:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                header, *rows = list(csv.reader(stream))
            found = [row for row in rows if row[: len(wanted)] == wanted]
            if not found and path is paths[-1]:
                keyed = dict(zip(header, wanted, strict=False)) | {"grade": "D", "source": "assumption"}
                found = [[keyed.get(column, "") for column in header]]
                rows += found
            for row in found:
                for column, value in cells.items():
                    row[header.index(column)] = value
            if found:
                with path.open("w", encoding="utf-8", newline="") as stream:
                    csv.writer(stream, lineterminator="\n").writerows([header, *rows])
                break
    return folder


@cache
def tables(scenario: str, steps: tuple[str, ...] = (), whole: bool = True) -> dict[str, pd.DataFrame]:
    """Result tables of a scenario under `steps` (overrides and edits of tables); without `whole` only what stands before the allocation."""
    edits = tuple(step for step in steps if ".csv:" in step)
    overrides = tuple(step for step in steps if ".csv:" not in step)
    with tempfile.TemporaryDirectory() as folder:
        home = edited_home(edits, Path(folder), load_scenario(scenario, ROOT).pack) if edits else ROOT
        chosen = load_scenario(scenario, home, overrides)
        if whole:
            replayed = any(step.startswith(("execution.", "queues.csv", "release.csv", "projects.csv")) for step in steps) or not steps
            found = run(chosen, home=home, replay=replayed).tables
        else:
            found = before_allocation(chosen, home)
    return {name: table for name, table in found.items() if name in RESULTS}


def before_allocation(scenario, home: Path) -> dict[str, pd.DataFrame]:
    """People, clients with their cost, the waterfall, and the paths of the indicators that the allocation aims at."""
    inputs = stage_inputs(load_pack(scenario.pack, home), scenario, demography.base_population)
    population, components = demography.simulate(inputs.demography)
    needed = demand(population, components, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)
    followed = money_with_people(population, components, needed, inputs.fiscal)
    money = fiscal_capacity(inputs.fiscal, inputs.years, inputs.regions, *base_spending(inputs, needed), followed)
    forms = indicators.target_forms(inputs, population, needed)
    targets = pd.DataFrame(forms.target, columns=list(forms.codes)).assign(year=inputs.years.labels)
    return {"population": population.to_frame(), "demand": needed.to_frame(), "fiscal": money.to_frame(), "targets": targets}


def changed(before: dict[str, pd.DataFrame], after: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Table.column -> sum of the changes of cells that move by more than rounding; a table with other rows counts by the rows."""
    found: dict[str, float] = {}
    for name in before.keys() & after.keys():
        old, new = before[name], after[name]
        if name == "execution" and old.empty != new.empty:
            continue  # one of the two was not replayed
        if name == "evaluation" and len(old) != len(new):
            old, new = (table[table["measure"] != "delivered_share"] for table in (old, new))
        if len(old) != len(new):
            found[f"{name}.rows"] = float(abs(len(new) - len(old)))
            continue
        for column in old.select_dtypes("number").columns.difference(["year", "month", "replication"]):
            left, right = old[column].to_numpy(float), new[column].to_numpy(float)
            gap = np.abs(right - left)
            moved = gap > NOISE * np.maximum(1.0, np.abs(left))
            if moved.any():
                found[f"{name}.{column}"] = float(gap[moved].sum())
    return found


def pair(row: Mechanism, trial: int = 0, whole: bool | None = None) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Result tables without and with what the row's link moves; for a scenario its baseline and itself."""
    whole = row.pack in WHOLE if whole is None else whole
    if row.link_kind == "scenario":
        return tables(f"{row.pack}-baseline", (), whole), tables(row.link, (), whole)
    steps = row.trials[trial]
    return tables(f"{row.pack}-baseline", steps[:-1], whole), tables(f"{row.pack}-baseline", steps, whole)


# --- the page -------------------------------------------------------------------------------------------------------

HEAD = """# What the plans' mechanisms became

Generated from `assumptions/national/mechanisms.csv` by `tools/write_mechanisms.py`; do not edit. The five plans name {count} mechanisms. *Honoured*: a link
acts on results, and `tests/test_mechanisms.py` follows it: what is moved changes a result table, a family that is switched off changes the plan,
a service has clients and cost, an indicator is computed, a changed row of a table changes the result. *Planned*: not done, with the reason.
*Outside*: not for a simulator. Where a mechanism is honoured in part, its effect says so.

{counts}

The measures behind the parameters stand in [the pack format](how-to/pack-format.md), the families in [the mathematics](mathematics.md).
"""


def page() -> str:
    """The whole page as Markdown."""
    rows = mechanisms()
    status, kinds = Counter(row.status for row in rows), Counter(row.link_kind for row in rows if row.status == "honoured")
    counts = "| status | mechanisms |\n|---|---|\n" + "\n".join(f"| {name} | {status[name]} |" for name in ("honoured", "planned", "outside"))
    counts += "\n\n| honoured by | mechanisms |\n|---|---|\n" + "\n".join(f"| {name} | {number} |" for name, number in kinds.most_common())
    parts = [HEAD.format(count=len(rows), counts=counts), *traced()]
    for name, title in (("honoured", "Honoured"), ("planned", "Planned"), ("outside", "Outside a simulator")):
        parts.append(f"## {title}\n")
        parts += [entry(row) for row in rows if row.status == name]
    return "\n".join(parts)


def entry(row: Mechanism) -> str:
    """One mechanism: words of the plan, link, effect."""
    text = f"**{row.mechanism} {row.name_en}** ({row.name_zh}). {row.plans.replace(';', ', ')}. “{row.quote}”  \n"
    if row.status != "honoured":
        return text + f"{row.reason_en} {row.reason_zh}\n"
    link = ", ".join(f"`{link}`" for link in row.links)
    tried = ", moved: " + " and ".join(f"`{trial}`" for trial in row.trial.split(" | ")) if row.trial else ""
    return text + f"{row.link_kind.capitalize()} {link} (pack {row.pack}{tried}). {row.effect_en} {row.effect_zh}\n"


def traced() -> Iterator[str]:
    """The table of --trace, where it has been written."""
    if not TRACE.is_file():
        return
    with TRACE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    yield f"## {len(rows)} mechanisms traced\n"
    yield f"Drawn at random (seed {DRAW}), measured by `tools/write_mechanisms.py --trace`: the two figures that move most."
    yield "What is moved stands last; what stands before it holds in both runs.\n"
    yield "| | words of the plan | moved | figure | without | with |\n|---|---|---|---|---|---|"
    for row in rows:
        yield f"| {row['mechanism']} | {row['quote']} | `{row['pack']}: {row['moved']}` | {row['figure']} | {row['without']} | {row['with']} |"
    yield ""


# --- the trace ------------------------------------------------------------------------------------------------------


def figures(found: dict[str, pd.DataFrame]) -> dict[str, float]:
    """A few totals over the years of a run, by what they are called."""
    values: dict[str, float] = {}

    def add(name: str, table: str, column: str, scale: float = 1.0, query: str = "") -> None:
        if table in found and column in found[table] and len(found[table]):
            rows = found[table].query(query) if query else found[table]
            values[name] = float(rows[column].sum()) * scale

    add("clients entitled, 10,000", "demand", "clients", 1e-4)
    add("cost of serving everyone, 100 million yuan", "demand", "cost_yuan", 1e-8)
    add("clients served, 10,000", "allocation", "provided", 1e-4)
    add("catalogue, running cost, 100 million yuan", "allocation", "recurrent_yuan", 1e-8)
    add("catalogue, building, 100 million yuan", "allocation", "capital_yuan", 1e-8)
    add("places and staff ordered", "capacity", "built")
    add("places bought, place-years", "capacity", "bought")
    add("posts and places moved or converted", "capacity", "converted_out")
    add("means before transfers, 100 million yuan", "fiscal", "yuan", 1e-8, "item == 'means'")
    add("other sources, 100 million yuan", "fiscal", "yuan", 1e-8, "item == 'other_sources'")
    add("carried out of a year, 100 million yuan", "fiscal", "yuan", -1e-8, "item == 'carried_out'")
    add("earmarked grants, 100 million yuan", "transfers", "yuan", 1e-8, "kind == 'earmarked'")
    add("rows of shortfalls", "shortfalls", "units", 0.0)
    if "shortfalls" in found:
        values["rows of shortfalls"] = float(len(found["shortfalls"]))
        add("clients below a floor, client-years", "shortfalls", "units", 1.0, "goal == 'floor'")
    if "evaluation" in found:
        whole = found["evaluation"].query("region == 'plan'").groupby("measure")["value"].mean()
        values |= {f"{name}, mean of the years": float(value) for name, value in whole.items()}
    if "execution" in found and len(found["execution"]):
        yearly = found["execution"].query("month == 12")
        for name in ("served", "months_late", "wait_median_months", "paid_yuan", "waiting"):
            rows = yearly[yearly["measure"] == name]
            if len(rows):
                values[f"replay: {name}, mean"] = float(rows["value"].mean())
    return values


def trace_row(row: Mechanism) -> dict[str, str]:
    """The two figures that the link moves most, without and with."""
    before, after = (figures(part) for part in pair(row, whole=True))
    moves = {
        name: abs(after[name] - before[name]) / max(abs(before[name]), abs(after[name]), 1e-9)
        for name in before.keys() & after.keys()
        if np.isfinite(before[name]) and np.isfinite(after[name]) and abs(after[name] - before[name]) > 1e-6 * max(1.0, abs(before[name]))
    }
    plain = [name for name in moves if not name.endswith("mean of the years") and not name.startswith("carried")]  # totals say more than ratios
    ranked = [sorted(names, key=lambda name: (-moves[name], name)) for names in (plain, [name for name in moves if name not in plain])]
    shown = (ranked[0][:1] + ranked[1][:1]) or ranked[0][:2]
    return {
        "mechanism": row.mechanism,
        "quote": row.quote,
        "pack": row.pack,
        "moved": row.link if row.link_kind == "scenario" else row.trial.split(" | ")[0],
        "figure": "; ".join(shown),
        "without": "; ".join(f"{before[name]:.6g}" for name in shown),
        "with": "; ".join(f"{after[name]:.6g}" for name in shown),
    }


def drawn() -> list[Mechanism]:
    """Ten honoured mechanisms by a fixed draw, in the order of their numbers; services and indicators have nothing to move and are not drawn."""
    rows = [row for row in mechanisms() if row.status == "honoured" and row.link_kind not in ("service", "indicator")]
    return sorted(random.Random(DRAW).sample(rows, 10), key=lambda row: row.mechanism)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    arguments.add_argument("--trace", action="store_true", help="measure ten mechanisms first")
    if arguments.parse_args().trace:
        rows = [trace_row(row) for row in drawn()]
        with TRACE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(mechanisms())} mechanisms\n")


if __name__ == "__main__":
    main()
