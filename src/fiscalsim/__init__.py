"""fiscalsim: how far limited money goes for public services, before it is promised.

The public door: `load_scenario`, `run`, `RunStore`, `compare`. Everything heavy is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
_DOORS = {"load_scenario": "scenario", "Scenario": "scenario", "run": "pipeline", "RunResult": "pipeline", "RunStore": "store", "compare": "compare"}
__all__ = ["RunResult", "RunStore", "Scenario", "__version__", "compare", "load_scenario", "run"]


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        return getattr(import_module(f"fiscalsim.{_DOORS[name]}"), name)
    raise AttributeError(f"module 'fiscalsim' has no attribute {name!r}")
