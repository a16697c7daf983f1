"""The allocation model of Liaoning by city: build and hand-over, cold solve against the MPS file, a moved lever warm."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path

import highspy

from fiscalsim import allocation
from fiscalsim.allocation.passes import Passes
from fiscalsim.pipeline import run
from fiscalsim.scenario import load_scenario


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


def main() -> None:
    """Prints ratios, with the seconds of this run beside them."""
    terms = liaoning_terms()
    started = time.perf_counter()
    passes = Passes(terms)
    built = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        cold = passes.solve(write_mps=Path(folder))
        solved = sum(p["seconds"] for p in cold.passes)
        elsewhere = 0.0
        for p in cold.passes:
            solver = highspy.Highs()
            for option, value in allocation.OPTIONS.items():
                solver.setOptionValue(option, value)
            solver.readModel(str(Path(folder) / f"pass_{p['name']}.mps"))
            started = time.perf_counter()
            solver.run()
            elsewhere += time.perf_counter() - started
    moved = dataclasses.replace(terms, general_pool=terms.general_pool * 0.99)
    started = time.perf_counter()
    passes.update(moved)
    updated = time.perf_counter() - started
    warm = sum(p["seconds"] for p in passes.solve().passes)
    print(f"build and hand-over, {passes.form.A.shape[0]} rows x {passes.form.A.shape[1]} columns: {built:.2f} s")
    print(f"cold solve here / HiGHS on its MPS files: {solved / elsewhere:.2f} (bar 1.1; {solved:.2f} s, {elsewhere:.2f} s)")
    print(f"a moved lever, warm / cold build and solve: {(updated + warm) / (built + solved):.2f} (bar 0.1; numbers {updated:.2f} s, passes {warm:.2f} s)")


if __name__ == "__main__":
    main()
