"""A small made-up result that obeys the contract of a run, for tests of what comes after the computation."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from fiscalsim import store
from fiscalsim.errors import NoSolution
from fiscalsim.quantities import PackInfo
from fiscalsim.store import RunStore

YEARS = (2025, 2026, 2027)
REGIONS = ("north", "south")
RESIDENCES = ("urban", "rural")
CODE = "0" * 16  # stands for the digest of the source, which may change while tests run
SERVICES = ("care", "school")


@dataclass(frozen=True)
class FakeScenario:
    """Stands for fiscalsim.scenario.Scenario: the same names, no files behind it."""

    id: str = "toy"
    name_zh: str = "玩具"
    name_en: str = "Toy"
    pack: str = "toyland"
    set: dict[str, Any] = field(default_factory=dict)
    policy: str = "optimal"
    limits: dict[str, bool] = field(default_factory=dict)
    seed: int = 7

    def resolved(self) -> dict[str, Any]:
        words = {"name_zh": self.name_zh, "name_en": self.name_en, "why_zh": "", "why_en": ""}
        return words | {"pack": self.pack, "extends": [], "set": dict(self.set), "policy": self.policy, "limits": dict(self.limits), "seed": self.seed}

    @property
    def digest(self) -> str:
        computed = {key: value for key, value in self.resolved().items() if not key.startswith(("name_", "why_"))}
        return hashlib.sha256(json.dumps(computed, sort_keys=True).encode()).hexdigest()

    @property
    def digest8(self) -> str:
        return self.digest[:8]


@dataclass(frozen=True)
class FakeResult:
    """Stands for fiscalsim.pipeline.RunResult."""

    scenario: FakeScenario
    info: PackInfo
    tables: dict[str, pd.DataFrame]
    passes: list[dict[str, Any]]
    timings: dict[str, float]
    pack_digest: str
    versions: dict[str, str]
    solver_options: dict[str, Any]


def region_table(regions: tuple[str, ...]) -> pd.DataFrame:
    rows = [{"region": r, "name_zh": f"{r}市", "name_en": r.title(), "short_zh": r, "short_en": r, "tags": ""} for r in regions]
    return pd.DataFrame(rows)


def fake_info(regions: tuple[str, ...] = REGIONS, base_year: int = 2025) -> PackInfo:
    return PackInfo(
        id="toyland",
        name_zh="玩具省",
        name_en="Toyland",
        made_up=True,
        base_year=base_year,
        horizon_end=2027,
        plan_name_zh="玩具规划",
        plan_name_en="Toy plan",
        plan_first_year=2026,
        plan_target_year=2027,
        upper_zh="省",
        upper_en="province",
        unit_zh="市",
        unit_en="city",
        region_names=region_table(regions),
    )


def fake_result(
    *,
    name: str = "toy",
    settings: dict[str, Any] | None = None,
    growth: float = 1.0,
    price: float = 1000.0,
    coverage: float = 0.8,
    regions: tuple[str, ...] = REGIONS,
    years: tuple[int, ...] = YEARS,
    base_year: int = 2025,
) -> FakeResult:
    """People grow by 10 a year, `growth` multiplies clients, `price` is the standard in yuan, `coverage` the share provided."""
    areas = list(product(regions, RESIDENCES))
    projected = years[1:]
    population = [
        {"year": y, "region": r, "residence": h, "sex": x, "age": a, "persons": 100.0 + 10.0 * (y - years[0]) + i}
        for y, (r, h), x, (i, a) in product(years, areas, ("male", "female"), enumerate((0, 40, 100)))
    ]
    components = [
        {"year": y, "region": r, "residence": h, "births": 70.0, "deaths": 20.0, "external_migration": 10.0, "internal_migration": 0.0}
        for y, (r, h) in product(projected, areas)
    ]
    cells = [(y, r, h, s) for y, (r, h), s in product(projected, areas, SERVICES)]
    clients = {cell: growth * (50.0 + cell[0] - 2025 + (5.0 if cell[3] == "care" else 0.0)) for cell in cells}
    key = ("year", "region", "residence", "service")
    demand = [dict(zip(key, cell, strict=True)) | {"clients": n, "standard_yuan": price, "cost_yuan": n * price} for cell, n in clients.items()]
    allocation = [
        dict(zip(key, cell, strict=True))
        | {"provided": n * coverage, "coverage": coverage, "recurrent_yuan": n * coverage * price * 1.05, "capital_yuan": 2000.0}
        for cell, n in clients.items()
    ]
    fiscal = [
        {"year": y, "region": r, "item": item, "yuan": value}
        for y, r, (item, value) in product(years, regions, (("own_revenue", 5e5), ("first_claims", -3e5), ("means", 2e5)))
    ]
    capacity = [
        {"year": y, "region": r, "service": s, "capacity": 80.0, "built": 2.0, "converted_in": 0.0, "converted_out": 0.0, "retired": 1.0}
        for y, r, s in product(projected, regions, SERVICES)
    ]
    transfers = [
        {"year": y, "region": r, "kind": kind, "service": service, "yuan": 1e5}
        for y, r, (kind, service) in product(projected, regions, (("general", ""), ("earmarked", "care")))
    ]
    shortfalls = [
        dict(zip(("year", "region", "residence", "what"), cell, strict=True))
        | {"goal": "floor", "units": n * (1 - coverage), "yuan": n * (1 - coverage) * price, "limited_by": "spending_within_means"}
        for cell, n in clients.items()
    ]
    indicators = [
        {"indicator": "beds", "region": "plan", "year": y, "value": 30.0 + y - 2025, "target": 33.0, "nature": "binding", "status": "missed"} for y in years
    ]
    tables = {
        "population": population,
        "components": components,
        "demand": demand,
        "fiscal": fiscal,
        "capacity": capacity,
        "allocation": allocation,
        "transfers": transfers,
        "shortfalls": shortfalls,
        "shadow_prices": [
            {"pass": 1, "limit": "spending_within_means", "year": 2026, "region": "north", "left": 9.0, "right": 8.0, "unit": "clients per 100 million yuan"}
        ],
        "indicators": indicators,
        "execution": [{"replication": 0, "year": 2026, "month": 3, "region": "north", "service": "care", "measure": "opened", "value": 2.0}],
        "checks": [{"name": "people_balance", "value": 0.0, "tolerance": 1e-9, "passed": True}],
        "sources": [
            {
                "file": "services.csv",
                "key": "care",
                "value": "1",
                "unit": "share",
                "grade": "D",
                "source": "assumption",
                "note": "=1+1",
                "quote": "",
            }
        ],
        "regions": region_table(regions).to_dict("records"),
        "services": [
            {
                "service": "care",
                "name_zh": "照护",
                "name_en": "Care",
                "short_zh": "照护",
                "short_en": "Care",
                "domain": "elderly",
                "client_unit_zh": "人",
                "client_unit_en": "persons",
            },
            {
                "service": "school",
                "name_zh": "学校",
                "name_en": "School",
                "short_zh": "学校",
                "short_en": "School",
                "domain": "education",
                "client_unit_zh": "人",
                "client_unit_en": "persons",
            },
        ],
        "summary": [{"key": "targets_met", "value": "0"}],
    }
    return FakeResult(
        scenario=FakeScenario(id=name, set=settings or {}),
        info=fake_info(regions, base_year),
        tables={name: pd.DataFrame(rows) for name, rows in tables.items()},
        passes=[{"name": "floor", "status": "optimal", "objective": 1.5, "seconds": 0.25, "rows": 10, "columns": 12, "iterations": 3}],
        timings={"allocation": 0.5},
        pack_digest="ab" * 32,
        versions={"fiscalsim": "0.1.0", "pandas": pd.__version__},
        solver_options={"random_seed": 0, "threads": 1},
    )


def with_table(result: FakeResult, name: str, table: pd.DataFrame) -> FakeResult:
    return replace(result, tables={**result.tables, name: table})


# --- tasks of a batch, importable by a spawned worker ---------------------------------------------------------------


def save_task(scenario: FakeScenario, home: Path | None, runs: Path) -> str:
    store._code_digest = lambda: CODE  # type: ignore[assignment]
    return str(RunStore(runs).save(replace(fake_result(name=scenario.id), scenario=scenario)))


def troubled_task(scenario: FakeScenario, home: Path | None, runs: Path) -> str:
    """The scenario's name says what happens: `killer...` dies, `once...` dies the first time, `unsolved...` and `broken...` raise."""
    mark = runs / f".mark-{scenario.id}"
    if scenario.id.startswith("killer") or (scenario.id.startswith("once") and not mark.exists()):
        runs.mkdir(exist_ok=True)
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if scenario.id.startswith("unsolved"):
        raise NoSolution("time limit reached, gap 24%")
    if scenario.id.startswith("broken"):
        raise ZeroDivisionError("division by zero")
    return save_task(scenario, home, runs)


def threads_task(scenario: FakeScenario, home: Path | None, runs: Path) -> str:
    return os.environ["OPENBLAS_NUM_THREADS"]


def slow_task(scenario: FakeScenario, home: Path | None, runs: Path) -> str:
    runs.mkdir(exist_ok=True)
    (runs / f"pid-{os.getpid()}").touch()
    time.sleep(60)
    return ""
