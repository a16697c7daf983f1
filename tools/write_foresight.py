"""Write docs/foresight.md: what it costs not to see ahead, for scenarios whose money falls and for one whose does not.

python tools/write_foresight.py    # about three minutes; a test keeps the two counties' part current
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from fiscalsim.foresight import foresight
from fiscalsim.report import foresight_boards
from fiscalsim.scenario import load_scenario
from fiscalsim.text import LANGS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "foresight.md"
FAST = ("two-counties-baseline", ("fiscal.transfer_pool={2025: 1, 2028: 0.7}",), 2)
SHOWN = (
    FAST,
    ("panjin-oilfield-downturn", (), 3),
    ("panjin-oilfield-downturn", (), 1),
    ("panjin-baseline", (), 3),
    ("linxia-aid-cliff", (), 3),
)
HEAD = """# What it costs not to see ahead

Written by `tools/write_foresight.py`; the same tables come from `fiscalsim foresight SCENARIO --sight YEARS`.

A run decides the whole horizon at once. That is **perfect foresight**: a downturn of 2026 is known in 2016, so it is felt from the start. Standards
are raised only as far as the worst year and the years after the horizon can pay (`standards_never_fall`, `promise_outlives_the_horizon`), money is
carried over to it, and building for a late target begins in time. Read such a plan as what could have been promised, not as what a budget of 2016
would have done.

Beside it stands the same model with a few years in sight: a year is decided with so many years in the model, its first year stands, the next decision
starts from the places, projects under way, instalments owed, debt and carried money that are left. The years after the horizon are seen when its last
year is. What was promised counts as today's provision then: it is cut only where nothing else helps, and a client served before and not now is
counted as taken back. Unlike `execution.feedback` ([the replay](execution.md)) everything decided arrives on time: the difference is sight alone. A
sight as long as the horizon is the plan of a run, bit for bit (by test). With one year in sight, the largest service taken back is a raise that the
one-year view grants and the ratchet refuses.

The rule for what comes first is the same in both plans, year by year; so a short sight may serve more people over the whole horizon and yet miss more
targets and break promises.
"""


def _markdown() -> ModuleType:
    """`markdown` of the tool that writes the page of reasons."""
    spec = importlib.util.spec_from_file_location("write_why_not_more", Path(__file__).with_name("write_why_not_more.py"))
    if spec is None or spec.loader is None:
        raise ImportError("write_why_not_more.py stands beside this tool")
    module = importlib.util.module_from_spec(spec)
    sys.modules["write_why_not_more"] = module
    spec.loader.exec_module(module)
    return module


def section(name: str, overrides: tuple[str, ...], sight: int) -> str:
    """One scenario in words of both languages, with its table by year and its table of areas."""
    scenario = load_scenario(name, None, overrides)
    found = foresight(scenario, sight=sight)
    command = " ".join([f"fiscalsim foresight {name}", *(f'--set "{one}"' for one in overrides), f"--sight {sight}"])
    parts = [f"## {scenario.name_zh} {scenario.name_en}, {sight}-year view\n\n`{command}`\n"]
    parts += [foresight_boards.words(found, getattr(scenario, f"name_{lang}"), lang) + "\n" for lang in LANGS]
    tool = _markdown()
    parts.append(tool.markdown(foresight_boards.years_board(found, scenario.name_en, "en")))
    areas = foresight_boards.areas_board(found, "en")
    return "\n".join(parts + ([tool.markdown(areas)] if len(areas.table) else []))


if __name__ == "__main__":
    PAGE.write_text("\n".join([HEAD, *(section(*one) for one in SHOWN)]).rstrip() + "\n", encoding="utf-8")
