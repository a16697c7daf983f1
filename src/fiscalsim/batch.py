"""Many scenarios through the same `run`, in spawned processes of this machine or on a dask cluster.

Knows processes, attempts and how a sweep becomes scenarios. Must not know what a run computes. Results go through the folder of
runs only, so resuming, repeated tasks and the bytes of the tables are the same for one worker, many workers or a cluster.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import multiprocessing
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fiscalsim.errors import FiscalsimError, InputError, Problem
from fiscalsim.levers import read_document
from fiscalsim.scenario import Scenario, load_scenario
from fiscalsim.scenario import home as default_home

MOST_ATTEMPTS = 3
LARGEST_SWEEP = 10_000
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
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


class WorkerLost(FiscalsimError):
    """The process that computed a scenario ended without an answer, more often than is tried."""


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
    """Outcome of a future that ended; a lost worker is the caller's business."""
    try:
        return _outcome(scenario, DONE, path=future.result(), attempts=attempts)
    except BrokenProcessPool:
        raise
    except Exception as error:  # whatever a scenario raises is that scenario's result, not the batch's end
        return _failure(scenario, runs, error, attempts)


def _on_this_machine(scenarios: Sequence[Scenario], home: Path | None, runs: Path, workers: int, task: Task) -> Iterator[tuple[Scenario, Outcome]]:
    """Never more tasks in the pool than workers: when it breaks, only those in it can be to blame, and they are then tried alone."""
    waiting: list[Scenario] = list(reversed(scenarios))
    suspects: list[Scenario] = []
    while waiting:
        running: dict[Future[str], Scenario] = {}
        with _pool(min(workers, len(waiting))) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < workers:
                        running[pool.submit(task, waiting[-1], home, runs)] = waiting[-1]
                        waiting.pop()
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in sorted(ended, key=lambda f: isinstance(f.exception(), BrokenProcessPool)):  # answers first, then losses
                        outcome = _finished(running[future], runs, future, 1)
                        yield running.pop(future), outcome
            except BrokenProcessPool:
                suspects += running.values()
    for scenario in suspects:
        yield scenario, _alone(scenario, home, runs, task)


def _alone(scenario: Scenario, home: Path | None, runs: Path, task: Task) -> Outcome:
    for attempt in range(2, MOST_ATTEMPTS + 1):
        with _pool(1) as pool:
            try:
                return _finished(scenario, runs, pool.submit(task, scenario, home, runs), attempt)
            except BrokenProcessPool:
                continue
    return _failure(scenario, runs, WorkerLost(f"the process that computed it ended {MOST_ATTEMPTS} times without an answer"), MOST_ATTEMPTS)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Spawned workers with one BLAS thread each: the same bits everywhere, and no more threads than workers."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # read by a worker when it imports numpy, before any initializer runs
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_in_worker, initargs=(os.getpid(),)) as pool:
            yield pool
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _in_worker(parent: int) -> None:
    """End at once on Ctrl-C or when the parent dies: a run is saved whole or not at all, so nothing is lost."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)


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
        futures = {client.submit(task, scenario, home, runs, pure=False, retries=MOST_ATTEMPTS - 1): scenario for scenario in scenarios}
        for future in as_completed(list(futures)):
            scenario = futures[future]
            yield scenario, _finished(scenario, runs, future, 1)


def worst(outcomes: Iterable[Outcome]) -> int:
    """Exit code of a batch: 0 when nothing failed, else the highest code of a failed scenario."""
    return max((outcome.exit_code for outcome in outcomes if outcome.state == FAILED), default=0)
