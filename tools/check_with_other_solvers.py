"""Solve every pass of a scenario again with other solvers and compare the optimum: python tools/check_with_other_solvers.py SCENARIO [SECONDS].

The passes are written as `--write-mps` writes them, each with what the passes before it kept. CBC and GLPK are asked where they are on this machine
(Debian: coinor-cbc, glpk-utils), SCIP where `pyscipopt` can be imported. SECONDS (600 when left out) is what one solver may take for one pass; a pass
that is not optimal by then is said so, never compared. The last line is a row for docs/cross-check.md; exit code 1 where an optimum differs.
"""

from __future__ import annotations

import csv
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fiscalsim.allocation import Passes
from fiscalsim.allocation.terms import terms
from fiscalsim.assumptions import load_pack
from fiscalsim.pipeline import posed
from fiscalsim.scenario import home, load_scenario

SAME = 1e-6  # of the objective, or in the goal's own unit where it is below one
FINE = "1e-9"  # tolerance of the solvers: what a later pass may give up is a millionth, so theirs must be finer
SECONDS = 600


class Found(NamedTuple):
    """What a solver says of one pass."""

    status: str  # optimal, or its own word
    objective: float
    seconds: float


def by_cbc(file: Path, seconds: int) -> Found:
    """COIN-OR CBC, which solves a linear model with CLP."""
    out = file.with_suffix(".cbc")
    started = time.perf_counter()
    command = ["cbc", str(file), "-primalT", FINE, "-dualT", FINE, "-sec", str(seconds), "-solve", "-solution", str(out), "-quit"]
    subprocess.run(command, check=True, capture_output=True, timeout=seconds + 60)
    taken = time.perf_counter() - started
    words = out.read_text(encoding="utf-8").splitlines()[0]  # "Optimal - objective value 12.34": eight decimals, so sums of rows are not needed
    value = re.search(r"objective value\s+(\S+)", words)
    return Found("optimal" if words.startswith("Optimal") else words[:40], float(value[1]) if value else float("nan"), taken)


def by_glpk(file: Path, seconds: int) -> Found:
    """GLPK's simplex in double precision; the command knows no tolerances, its own are 1e-7 relative."""
    out = file.with_suffix(".glp")
    started = time.perf_counter()
    said = subprocess.run(["glpsol", "--freemps", str(file), "--tmlim", str(seconds), "-w", str(out)], check=True, capture_output=True, text=True)
    taken = time.perf_counter() - started
    if not out.exists():
        return Found(said.stdout.splitlines()[-1][:40] if said.stdout else "no answer", float("nan"), taken)
    line = next(line for line in out.read_text(encoding="utf-8").splitlines() if line.startswith("s "))  # s bas ROWS COLS p d OBJECTIVE
    _, _, _, _, primal, dual, value = line.split()
    return Found("optimal" if (primal, dual) == ("f", "f") else f"primal {primal}, dual {dual}", float(value), taken)


def by_scip(file: Path, seconds: int) -> Found:
    """SCIP, which solves a linear model with SoPlex."""
    from pyscipopt import Model

    model = Model()
    model.hideOutput()
    for name in ("numerics/feastol", "numerics/dualfeastol"):
        model.setParam(name, float(FINE))
    model.setParam("limits/time", float(seconds))
    started = time.perf_counter()
    model.readProblem(str(file))
    model.optimize()
    status = model.getStatus()
    return Found(status, model.getObjVal() if model.getNSols() else float("nan"), time.perf_counter() - started)


def solvers() -> dict[str, Callable[[Path, int], Found]]:
    """Those that are on this machine."""
    programs = {"CBC": ("cbc", by_cbc), "GLPK": ("glpsol", by_glpk)}
    found: dict[str, Callable[[Path, int], Found]] = {name: ask for name, (program, ask) in programs.items() if shutil.which(program)}
    return found | ({"SCIP": by_scip} if importlib.util.find_spec("pyscipopt") else {})


def apart(one: float, other: float) -> float:
    """Distance of two objectives, relative to the first where that is above one."""
    return abs(one - other) / max(1.0, abs(one))


def written(name: str, folder: Path) -> tuple[int, list[dict[str, str]]]:
    """Rows of the model, and the passes of a scenario written to `folder`: name, file, objective, seconds."""
    scenario = load_scenario(name)
    asked = posed(load_pack(scenario.pack, home(), scenario.resolution), scenario)
    passes = Passes(terms(asked.inputs, asked.needed, asked.money, asked.forms), asked.inputs.rules.switched_off)
    solution = passes.solve(write_mps=folder)
    with open(folder / "passes.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return len(passes.form.lo), [row | {"seconds": f"{one['seconds']:.1f}"} for row, one in zip(rows, solution.passes, strict=True)]


def check(name: str, seconds: int = SECONDS, say: Callable[[str], None] = lambda line: None) -> dict[str, list[tuple[str, float, float]]]:
    """Solver -> (status, distance of the objective, seconds) of each pass, in order."""
    result: dict[str, list[tuple[str, float, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        rows, passes = written(name, Path(place))
        say(f"{name}: {rows} rows, {len(passes)} passes")
        for solver, ask in solvers().items():
            for one in passes:
                found = ask(Path(place) / one["file"], seconds)
                distance = apart(float(one["objective"]), found.objective)
                result.setdefault(solver, []).append((found.status, distance, found.seconds))
                say(f"  {solver} pass {one['pass']}: {found.status}, differs by {distance:.1e}, {found.seconds:.1f} s (here {one['seconds']} s)")
    return result


def row(name: str, result: dict[str, list[tuple[str, float, float]]]) -> str:
    """One line a solver for the page."""
    lines = []
    for solver, passes in result.items():
        solved = [one for one in passes if one[0] == "optimal"]
        worst = max((distance for _, distance, _ in solved), default=float("nan"))
        rest = ", ".join(sorted({status for status, *_ in passes if status != "optimal"})) or "none"
        lines.append(f"| {name} | {solver} | {len(solved)} of {len(passes)} | {worst:.1e} | {sum(s for *_, s in passes):.0f} | {rest} |")
    return "\n".join(lines)


def main() -> None:
    """Check one scenario and say what was found."""
    name, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    result = check(name, seconds, lambda line: print(line, flush=True))
    print(row(name, result))
    sys.exit(any(status == "optimal" and distance > SAME for passes in result.values() for status, distance, _ in passes))


if __name__ == "__main__":
    main()
