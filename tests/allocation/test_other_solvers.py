"""The tool that asks other solvers for the optimum of every pass; what it found for the packs stands in docs/cross-check.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tools

ROOT = Path(__file__).resolve().parents[2]


tool = tools.tool("check_with_other_solvers")


def test_every_solver_on_this_machine_reaches_the_optimum_of_every_pass():
    if not tool.solvers():
        pytest.skip("no other solver is on this machine (Debian: coinor-cbc, glpk-utils)")
    for name, passes in tool.check("two-counties-baseline", 60).items():
        assert len(passes) == 6
        for status, distance, _ in passes:
            assert status == "optimal" and distance <= tool.SAME, name


def test_a_pass_that_another_solver_does_not_end_is_said_and_not_compared(tmp_path, monkeypatch):
    asked = {"X": lambda file, seconds: tool.Found("timelimit", 1e9, 1.0), "Y": lambda file, seconds: tool.Found("optimal", 1e9, 1.0)}
    monkeypatch.setattr(tool, "solvers", lambda: asked)
    result = tool.check("two-counties-baseline")
    lines = tool.row("two-counties-baseline", result).splitlines()
    assert "| X | 0 of 6 | nan |" in lines[0] and lines[0].endswith("timelimit |")
    assert "| Y | 6 of 6 |" in lines[1] and all(distance > tool.SAME for _, distance, _ in result["Y"])
