"""Every rule of the allocation moves something when it is switched off where it binds: the rows of docs/limits.md, solved again."""

from __future__ import annotations

from pathlib import Path

import pytest

from fiscalsim.scenario import FAMILY_NAMES
from tests import tools

ROOT = Path(__file__).resolve().parents[2]


tool = tools.tool("write_limits")
PAGE = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")


def test_every_family_that_a_scenario_may_switch_has_its_row():
    assert set(FAMILY_NAMES) <= {trial.family for trial in tool.TRIALS}


@pytest.mark.parametrize("trial", tool.TRIALS, ids=lambda trial: trial.family)
def test_without_a_rule_its_figure_moves_as_expected_and_the_page_says_so(trial):
    kept, free = tool.figures(trial)
    assert tool.moves(trial, kept, free), f"{trial.figure}: {kept} with the rule, {free} without it"
    assert tool.line(trial) in PAGE


def test_a_rule_that_does_not_bind_moves_nothing():
    slack = tool.Trial("debt_within_limit", "", tool.debt_beyond, tool.UP, levers=())
    assert not tool.moves(slack, *tool.figures(slack))
