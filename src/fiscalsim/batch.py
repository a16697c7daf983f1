"""Many scenarios through the same `run`, in spawned processes of this machine or on a dask cluster.

Knows processes, attempts and how a sweep becomes scenarios. Must not know what a run computes. Results go through the folder of
runs only, so resuming, repeated tasks and the bytes of the tables are the same for one worker, many workers or a cluster.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fiscalsim import processes
from fiscalsim.errors import FiscalsimError, InputError, Problem
from fiscalsim.levers import read_document
from fiscalsim.scenario import Scenario, load_scenario
from fiscalsim.scenario import home as default_home

LARGEST_SWEEP = 10_000
SCHEDULER_SECONDS = 15  # how long to wait for an answer of the cluster
DONE, SKIPPED, FAILED = "done", "skipped", "failed"
# What is run for one scenario: (scenario, home, runs folder) -> path of the saved run. A parameter so that tests can break it.
Task = Callable[[Scenario, Path | None, Path], str]


@dataclass(frozen=True)
class Outcome:
    """What became of one scenario: `state` is done, skipped (a whole run was there already) or failed, with its reason."""

    name: str
    digest8: str
    state: str
    path: str = ""
    reason: str = ""
    exit_code: int = 0
    attempts: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)  # what the scenario sets, which tells the points of a sweep apart


class _Sweep(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    scenario: str
    over: dict[str, list[Any]] = Field(min_length=1)


# --- what is to be run ----------------------------------------------------------------------------------------------


def load_batch(names: Iterable[str], sweeps: Iterable[Path] = (), home: Path | None = None) -> tuple[list[Scenario], list[Outcome]]:
    """Scenarios of the named files and of each sweep's grid, each digest once; what cannot be read becomes a failed outcome."""
    wanted: list[tuple[str, str, tuple[str, ...]]] = [(str(name), str(name), ()) for name in names]
    failed: list[Outcome] = []
    for file in sweeps:
        try:
            wanted += [(scenario, f"{scenario} {' '.join(overrides)}", overrides) for scenario, overrides in read_sweep(file)]
        except InputError as error:
            failed.append(Outcome(Path(file).name, "", FAILED, reason=str(error), exit_code=error.exit_code))
    scenarios: dict[tuple[str, str], Scenario] = {}
    for scenario, label, overrides in wanted:
        try:
            loaded = load_scenario(scenario, home, overrides)
            scenarios.setdefault((loaded.id, loaded.digest), loaded)
        except InputError as error:
            failed.append(Outcome(label, "", FAILED, reason=str(error), exit_code=error.exit_code))
    return list(scenarios.values()), failed


def read_sweep(file: Path) -> list[tuple[str, tuple[str, ...]]]:
    """(scenario, overrides) for every point of the grid in a YAML file: `scenario: ID`, `over: {lever: [values]}`; the last lever moves fastest."""
    try:
        sweep = _Sweep.model_validate(read_document(Path(file), Path(file).name).data)
    except ValidationError as error:
        keys = [Problem(Path(file).name, None, ".".join(map(str, e["loc"])), str(e["input"])[:60], e["msg"]) for e in error.errors()]
        raise InputError(keys) from error
    points = 1
    for path, values in sweep.over.items():
        points *= len(values)
        if not values:
            raise InputError([Problem(Path(file).name, None, f"over.{path}", "[]", "one value or more")])
    if points > LARGEST_SWEEP:
        raise InputError([Problem(Path(file).name, None, "over", f"{points} points", f"at most {LARGEST_SWEEP} points; split the sweep")])
    grid = itertools.product(*([f"{path}={_spelled(value)}" for value in values] for path, values in sweep.over.items()))
    return [(sweep.scenario, point) for point in grid]


def _spelled(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{year}: {_spelled(item)}" for year, item in value.items()) + "}"
    return value if isinstance(value, str) else json.dumps(value)


# --- running --------------------------------------------------------------------------------------------------------


def run_and_save(scenario: Scenario, home: Path | None, runs: Path) -> str:
    """Compute one scenario and save it; the path of the run."""
    from fiscalsim.pipeline import run
    from fiscalsim.store import RunStore

    return str(RunStore(runs).save(run(scenario, home=home)))


def run_batch(
    scenarios: Sequence[Scenario],
    runs: Path,
    *,
    home: Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    progress: Callable[[int, int, Outcome], None] | None = None,
    task: Task = run_and_save,
) -> list[Outcome]:
    """Run every scenario and save its run in `runs`; outcomes in the order of `scenarios`, a failure is one of them.

    `workers` processes (default: one a core), or a dask cluster at address `scheduler`. With `resume` scenarios whose run is whole
    and made of the same data and versions are skipped. A worker that dies is replaced and its scenario tried up to three times,
    then alone, so that no other scenario is blamed. `progress(finished, total, outcome)` is called as each one ends.
    """
    if workers is not None and workers < 1:
        raise InputError([Problem("batch", None, "--workers", str(workers), "a whole number of 1 or more")])
    outcomes: dict[str, Outcome] = {}

    def ended(scenario: Scenario, outcome: Outcome) -> None:
        outcomes[scenario.id + scenario.digest] = outcome
        if progress is not None:
            progress(len(outcomes), len(scenarios), outcome)

    open_ones = []
    for scenario in scenarios:
        path = whole_run(scenario, home, runs) if resume else None
        if path is not None:
            ended(scenario, _outcome(scenario, SKIPPED, path=path))
        else:
            open_ones.append(scenario)
    engine = _on_dask(open_ones, home, runs, scheduler, task) if scheduler else _on_this_machine(open_ones, home, runs, workers or os.cpu_count() or 1, task)
    for scenario, outcome in engine:
        ended(scenario, outcome)
    return [outcomes[scenario.id + scenario.digest] for scenario in scenarios]


def whole_run(scenario: Scenario, home: Path | None, runs: Path) -> str | None:
    """Path of the run that this scenario would give with today's data and versions, when it is there and whole."""
    from fiscalsim.store import RunStore

    found = RunStore(runs).find(scenario, *inputs_today(scenario, home))
    return str(found.path) if found is not None else None


def inputs_today(scenario: Scenario, home: Path | None) -> tuple[str, Mapping[str, str]]:
    """Digest of the pack's data and the versions that a run of `scenario` would be made with now."""
    from fiscalsim.assumptions import load_pack
    from fiscalsim.pipeline import COMPUTED_WITH

    versions = {name: version(name) for name in COMPUTED_WITH} | {"python": platform.python_version()}
    return load_pack(scenario.pack, home or default_home(), scenario.resolution).digest, versions


def _outcome(scenario: Scenario, state: str, **values: Any) -> Outcome:
    return Outcome(scenario.id, scenario.digest8, state, settings=dict(scenario.set), **values)


def _failure(scenario: Scenario, runs: Path, error: BaseException, attempts: int) -> Outcome:
    """Record a failed scenario beside the runs and as an outcome."""
    from fiscalsim.store import RunStore

    RunStore(runs).record_failure(scenario.id, scenario.digest, scenario.set, error, attempts)
    code = getattr(error, "exit_code", FiscalsimError.exit_code)
    return _outcome(scenario, FAILED, reason=f"{type(error).__name__}: {error}", exit_code=code, attempts=attempts)


def _finished(scenario: Scenario, runs: Path, future: Any, attempts: int) -> Outcome:
    """Outcome of a future that ended; whatever a scenario raises is that scenario's result, not the batch's end."""
    try:
        return _outcome(scenario, DONE, path=future.result(), attempts=attempts)
    except Exception as error:
        return _failure(scenario, runs, error, attempts)


def _on_this_machine(scenarios: Sequence[Scenario], home: Path | None, runs: Path, workers: int, task: Task) -> Iterator[tuple[Scenario, Outcome]]:
    for position, future, attempts in processes.ended(task, [(scenario, home, runs) for scenario in scenarios], workers):
        scenario = scenarios[position]
        yield scenario, _failure(scenario, runs, processes.lost(), attempts) if future is None else _finished(scenario, runs, future, attempts)


def _on_dask(scenarios: Sequence[Scenario], home: Path | None, runs: Path, scheduler: str, task: Task) -> Iterator[tuple[Scenario, Outcome]]:
    """The same tasks on a cluster whose workers see the same folders; a task may run twice, saving it twice is harmless."""
    try:
        from distributed import Client, as_completed  # type: ignore[import-not-found]
    except ImportError:
        raise InputError("--scheduler needs dask, which is not installed: pip install 'dask[distributed]', or use --workers") from None
    try:
        client = Client(scheduler, timeout=SCHEDULER_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise InputError([Problem("batch", None, "--scheduler", scheduler[:200], f"the address of a running dask scheduler ({error})")]) from error
    with client:
        futures = {client.submit(task, scenario, home, runs, pure=False, retries=processes.MOST_ATTEMPTS - 1): scenario for scenario in scenarios}
        for future in as_completed(list(futures)):
            scenario = futures[future]
            yield scenario, _finished(scenario, runs, future, 1)


def worst(outcomes: Iterable[Outcome]) -> int:
    """Exit code of a batch: 0 when nothing failed, else the highest code of a failed scenario."""
    return max((outcome.exit_code for outcome in outcomes if outcome.state == FAILED), default=0)
