"""The allocation model of Liaoning by city: build and hand-over, cold solve against the MPS file, a moved lever warm; and sliders in two packs.

Ratios are of CPU seconds of this process alone, as machines are shared. linopy is measured where it can be imported.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import highspy

from benchmarks import Ratio
from fiscalsim import allocation
from fiscalsim.allocation.passes import Passes
from fiscalsim.allocation.solver import PassSolver
from fiscalsim.assumptions import load_pack
from fiscalsim.errors import FiscalsimError
from fiscalsim.levers import load_levers
from fiscalsim.pipeline import WarmModels, run
from fiscalsim.scenario import home, load_scenario

SLIDERS = ("liaoning-baseline", "linxia-baseline")
MOVES = 20
STEPS = 5  # a move goes at most so many steps of its slider away from the baseline


class Captured(Exception):
    """The numbers of the model are in hand; the rest of the run is not needed."""


def liaoning_terms():
    """The model's numbers for the Liaoning baseline."""
    caught, original = [], allocation.terms

    def catch(*args):
        caught.append(original(*args))
        raise Captured

    allocation.terms = catch
    try:
        run(load_scenario("liaoning-baseline"), replay=False)
    except Captured:
        pass
    finally:
        allocation.terms = original
    return caught[0]


def moves(base: str) -> list[str]:
    """Overrides of one lever each: levers of people, costs and money with a plain number, a few steps from their value in the pack."""
    parameters, draw = load_pack(load_scenario(base).pack, home()).parameters, random.Random(6)
    levers = [lever for lever in load_levers(home()) if lever.path in parameters and isinstance(parameters[lever.path].value, int | float)]
    levers = [lever for lever in levers if lever.step and not lever.path.startswith("execution.")]
    found: list[str] = []
    while len(found) < MOVES:
        lever = draw.choice(levers)
        steps = draw.choice([n for n in range(-STEPS, STEPS + 1) if n])
        value = round(min(max(float(parameters[lever.path].value) + steps * lever.step, lever.lowest), lever.highest), 6)
        if value != parameters[lever.path].value:
            found.append(f"{lever.path}={value:g}")
    return found


def sliders(base: str) -> list[Ratio]:
    """What previews of single moved levers take in a warm worker, against the first answer of a cold one; each move is told as it ends."""
    warm, spent, share = WarmModels(), [], []
    started = time.process_time()
    run(load_scenario(base), warm=warm, replay=False)
    cold = time.process_time() - started
    for move in moves(base):
        started, began = time.process_time(), time.perf_counter()
        try:
            result = run(load_scenario(base, overrides=[move]), warm=warm, replay=False)
        except FiscalsimError as error:
            print(f"  {move}: {error}", file=sys.stderr)
            continue
        if not any(p["iterations"] for p in result.passes):
            print(f"  {move}: does not reach the model, not counted", file=sys.stderr)
            continue
        spent.append(time.process_time() - started)
        share.append(sum(p["seconds"] for p in result.passes) / (time.perf_counter() - began))
        print(f"  {move}: {spent[-1]:.2f} s of CPU, iterations {[p['iterations'] for p in result.passes]}", file=sys.stderr, flush=True)
    middle, ninth = statistics.median(spent), statistics.quantiles(spent, n=10)[-1]
    told = f"median {middle:.2f} s / {cold:.2f} s; nine of ten under {ninth:.2f} s; passes are {statistics.median(share):.0%}"
    return [
        Ratio(f"{base}, a moved slider, whole preview", "its first answer", middle / cold, 0.1, told),
        Ratio(f"{base}, a moved slider, whole preview", "one second", middle, 1.0, f"median of {len(spent)} moves, longest {max(spent):.2f} s"),
    ]


def elsewhere(folder: Path, names: list[str]) -> float:
    """CPU seconds that HiGHS alone takes for the MPS files of the passes, without reading them."""
    seconds = 0.0
    for name in names:
        solver = highspy.Highs()
        for option, value in allocation.OPTIONS.items():
            solver.setOptionValue(option, value)
        solver.readModel(str(folder / f"pass_{name}.mps"))
        started = time.process_time()
        solver.run()
        seconds += time.process_time() - started
    return seconds


def against_linopy(terms) -> list[Ratio]:
    """Building and handing over the same rows and columns, where linopy is installed."""
    if importlib.util.find_spec("linopy") is None:
        print("linopy is not installed: build and hand-over are not compared with it", file=sys.stderr)
        return []
    from benchmarks._linopy import handed_over

    started = time.process_time()
    form = Passes(terms).form
    solver = PassSolver(form, "4", tuple(dict.fromkeys(form.family)))
    solver.load(form.lo, form.hi, form.col_lo, form.col_hi)
    ours = time.process_time() - started
    started = time.process_time()
    handed_over(form)
    theirs = time.process_time() - started
    against = "linopy, given every coefficient ready made"
    return [Ratio(f"build and hand-over, {form.A.shape[0]} rows x {form.A.shape[1]} columns", against, ours / theirs, 1.0, f"{ours:.2f} s / {theirs:.2f} s")]


def ratios() -> list[Ratio]:
    """Build, cold solve and moved lever of Liaoning by city; moved sliders of two packs."""
    terms = liaoning_terms()
    started = time.process_time()
    passes = Passes(terms)
    built = time.process_time() - started
    started = time.process_time()
    cold = passes.solve()
    solved = time.process_time() - started
    with tempfile.TemporaryDirectory() as folder:
        Passes(terms).solve(write_mps=Path(folder))
        alone = elsewhere(Path(folder), [p["name"] for p in cold.passes])
    started = time.process_time()
    passes = Passes(terms, recorded=True)
    recorded = time.process_time() - started
    passes.solve()
    started = time.process_time()
    passes.update(dataclasses.replace(terms, general_pool=terms.general_pool * 0.99))
    updated = time.process_time() - started
    passes.solve()
    warm = time.process_time() - started
    rows = [
        Ratio("Liaoning, cold solve with all checks", "HiGHS on its MPS files", solved / alone, 1.1, f"{solved:.2f} s / {alone:.2f} s"),
        Ratio("Liaoning, new numbers in a recorded model", "its build", updated / built, None, f"{updated:.3f} s / {built:.2f} s; recording {recorded:.2f} s"),
        Ratio("Liaoning, pool 1 % smaller, all passes warm", "build and cold solve", warm / (built + solved), 0.1, f"{warm:.2f} s / {built + solved:.2f} s"),
        *against_linopy(terms),
    ]
    return [*rows, *(row for base in SLIDERS for row in sliders(base))]


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(ratios()))
