"""What a user waits for beside the solver: the command's first words, a run among many, two workers, and the memory of a province by county."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import Ratio
from fiscalsim.batch import run_and_save, run_batch
from fiscalsim.scenario import load_scenario

BATCH = 16  # runs of the smallest pack; 64 with FISCALSIM_BENCHMARK_ALL
EVERYTHING = "FISCALSIM_BENCHMARK_ALL"  # set: also what takes many minutes


def seconds_of(command: list[str]) -> float:
    """Least wall-clock seconds of three starts of a command."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


def first_words() -> Ratio:
    """`fiscalsim --help` against importing the two libraries that every run needs."""
    help_text = seconds_of([sys.executable, "-c", "from fiscalsim.cli import main; main()", "--help"])
    libraries = seconds_of([sys.executable, "-c", "import numpy, pandas"])
    return Ratio("fiscalsim --help", "import numpy, pandas", help_text / libraries, 0.5, f"{help_text:.2f} s / {libraries:.2f} s")


def batches() -> list[Ratio]:
    """Runs of a batch in one process against runs by hand, and two workers against one; throughput 1.8 times as high is a time of 0.556."""
    count = 64 if EVERYTHING in os.environ else BATCH
    scenarios = [load_scenario("two-counties-baseline", overrides=[f"fiscal.transfer_pool={1 + n / 1000:g}"]) for n in range(1, count + 1)]
    with tempfile.TemporaryDirectory() as folder:
        run_and_save(load_scenario("two-counties-baseline"), None, Path(folder) / "first")  # imports and caches are not what is compared
        started = time.perf_counter()
        for scenario in scenarios:
            run_and_save(scenario, None, Path(folder) / "hand")
        by_hand = time.perf_counter() - started
        taken = {}
        for workers in (1, 2):
            started = time.perf_counter()
            outcomes = run_batch(scenarios, Path(folder) / f"batch{workers}", workers=workers)
            taken[workers] = time.perf_counter() - started
            assert all(outcome.path for outcome in outcomes), "a run of the batch failed"
    return [
        Ratio(f"batch of {count} runs, one worker", "the same runs by hand", taken[1] / by_hand, 1.05, f"{taken[1]:.1f} s / {by_hand:.1f} s"),
        Ratio(f"batch of {count} runs, two workers", "one worker", taken[2] / taken[1], 1 / 1.8, f"{taken[2]:.1f} s / {taken[1]:.1f} s"),
    ]


def by_county() -> Ratio:
    """Peak memory of a whole run of Liaoning by county, in a process of its own."""
    started = time.perf_counter()
    code = "from fiscalsim.pipeline import run; from fiscalsim.scenario import load_scenario; run(load_scenario('liaoning-by-county'))"
    subprocess.run([sys.executable, "-c", code], check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9  # the largest child so far, which is this one
    return Ratio("Liaoning by county, whole run: peak memory", "1 GB", peak, 4.0, f"{peak:.2f} GB, {time.perf_counter() - started:.0f} s")


def ratios() -> list[Ratio]:
    rows = [first_words(), *batches()]
    if EVERYTHING in os.environ:
        return [*rows, by_county()]
    print(f"the county level takes many minutes: set {EVERYTHING}=1 to measure it", file=sys.stderr)
    return rows
