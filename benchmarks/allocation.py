"""The allocation model of Liaoning by city: build and hand-over, cold solve against the MPS file, a moved lever warm; and sliders in two packs.

`python benchmarks/allocation.py` prints ratios with the CPU seconds of this run beside them: those of this process alone, as machines are shared.
"""

from __future__ import annotations

import dataclasses
import random
import statistics
import tempfile
import time
from pathlib import Path

import highspy

from fiscalsim import allocation
from fiscalsim.allocation.passes import Passes
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


def sliders(base: str) -> None:
    """Prints what previews of single moved levers take in a warm worker, against the first answer of a cold one."""
    warm, spent, wall, share = WarmModels(), [], [], []
    started = time.process_time()
    run(load_scenario(base), warm=warm, replay=False)
    cold = time.process_time() - started
    for move in moves(base):
        started, began = time.process_time(), time.perf_counter()
        try:
            result = run(load_scenario(base, overrides=[move]), warm=warm, replay=False)
        except FiscalsimError as error:
            print(f"  {move}: {error}")
            continue
        if not any(p["iterations"] for p in result.passes):
            print(f"  {move}: does not reach the model, not counted; {time.process_time() - started:.2f} s of CPU")
            continue
        spent.append(time.process_time() - started)
        wall.append(time.perf_counter() - began)
        share.append(sum(p["seconds"] for p in result.passes) / wall[-1])
        print(f"  {move}: {spent[-1]:.2f} s of CPU, {wall[-1]:.2f} s, iterations {[p['iterations'] for p in result.passes]}", flush=True)
    ninth = statistics.quantiles(spent, n=10)[-1]
    print(f"{base}: first answer {cold:.2f} s of CPU; a moved slider median {statistics.median(spent):.2f} s, nine of ten under {ninth:.2f} s")
    ratio = statistics.median(spent) / cold
    print(f"  warm / cold {ratio:.2f} (bar 0.1); wall median {statistics.median(wall):.2f} s, of which passes {statistics.median(share):.0%}")


def main() -> None:
    """Prints ratios, with the seconds of this run beside them."""
    terms = liaoning_terms()
    started = time.process_time()
    passes = Passes(terms)
    built = time.process_time() - started
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        cold = passes.solve()
        solved = time.process_time() - started
        Passes(terms).solve(write_mps=Path(folder))
        elsewhere = read = 0.0
        for p in cold.passes:
            solver = highspy.Highs()
            for option, value in allocation.OPTIONS.items():
                solver.setOptionValue(option, value)
            started = time.process_time()
            solver.readModel(str(Path(folder) / f"pass_{p['name']}.mps"))
            read += time.process_time() - started
            started = time.process_time()
            solver.run()
            elsewhere += time.process_time() - started
    print(f"build and hand-over, {passes.form.A.shape[0]} rows x {passes.form.A.shape[1]} columns: {built:.2f} s; HiGHS reading its MPS files: {read:.2f} s")
    print(
        f"cold solve here with all checks / HiGHS on its MPS files: {solved / elsewhere:.2f} (bar 1.1; {solved:.2f} s, {elsewhere:.2f} s)",
        flush=True,
    )
    started = time.process_time()
    passes = Passes(terms, recorded=True)
    recorded = time.process_time() - started
    passes.solve()
    started = time.process_time()
    passes.update(dataclasses.replace(terms, general_pool=terms.general_pool * 0.99))
    updated = time.process_time() - started
    passes.solve()
    warm = time.process_time() - started
    print(f"recorded build {recorded:.2f} s, new numbers in it {1000 * updated:.0f} ms: / build {updated / built:.3f}")
    print(f"a moved lever, warm / cold build and solve: {warm / (built + solved):.2f} (bar 0.1; {warm:.2f} s)", flush=True)
    for base in SLIDERS:
        sliders(base)


if __name__ == "__main__":
    main()
