"""What a session looks at: scenario, moved levers, view, language; and its address as checked JSON.

Knows scenarios, packs, levers and their ranges. Must not know widgets or results. Nothing unknown is taken from a link.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from fiscalsim.dashboard.engine import Job
from fiscalsim.errors import nearest
from fiscalsim.levers import Lever, Value, check_value, clean_value, path_at
from fiscalsim.parameters import Parameter, levers_of, parameter_problems, read_parameters
from fiscalsim.prices import BASES
from fiscalsim.scenario import FAMILY_NAMES, POLICIES, Scenario, load_scenario, scenario_ids
from fiscalsim.text import LANGS

VERSION = 1
LONGEST_LINK = 2000  # characters of the JSON
KEYS = ("v", "pack", "base", "set", "policy", "other", "view", "lang")
LINK_KEYS = ("s", "run", "lang", "ro")
VIEW_KEYS = ("region", "residence", "service", "year", "indicator", "prices")
_CODE = re.compile(r"[0-9A-Za-z_\-]{1,60}")
_DIGEST = re.compile(r"[0-9a-f]{8}")


class BadLink(Exception):
    """A key or value of a link that is not known here; `near` is the nearest one that is, or empty."""

    def __init__(self, key: str, near: str = ""):
        super().__init__(key)
        self.key, self.near = key[:60], near


@dataclass(frozen=True)
class State:
    """`set` holds the levers and parameters that differ from the scenario; `view` what is picked on the pages; `run` a saved run that is shown as it is.

    `other` is what else an opened file has otherwise than its scenario: seed, resolution, limits.<family>, as `--set` names them.
    """

    base: str
    lang: str = "zh"
    set: Mapping[str, Any] = field(default_factory=dict)
    policy: str = ""
    view: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    other: Mapping[str, Any] = field(default_factory=dict)

    def same_question(self, other: State) -> bool:
        """Whether both ask for the same result, whatever is picked on the pages."""
        return (self.base, dict(self.set), self.policy, self.run, dict(self.other)) == (other.base, dict(other.set), other.policy, other.run, dict(other.other))

    @property
    def moved(self) -> bool:
        """Whether anything differs from the scenario."""
        return bool(self.set or self.policy or self.other)


@dataclass(frozen=True)
class World:
    """The scenarios and levers of one folder of data."""

    home: Path

    def scenarios(self) -> tuple[str, ...]:
        """Ids of all scenarios, baselines first, then by name."""
        return tuple(sorted(scenario_ids(self.home), key=lambda name: (not name.endswith("baseline"), name)))

    def base(self, name: str) -> Scenario:
        """The scenario as its file says."""
        return _scenario(self.home, name, ())

    def scenario(self, state: State) -> Scenario:
        """The scenario of `state`, levers applied; InputError when they contradict each other."""
        return _scenario(self.home, state.base, overrides(state))

    def levers(self, pack: str) -> dict[str, Lever]:
        """Path -> lever, in the printed order."""
        return _levers(self.home, pack)

    def parameters(self, pack: str) -> dict[str, Parameter]:
        """Path -> parameter of the pack with its unit, grade, source and words; every lever's default is among them."""
        return _parameters(self.home, pack)

    def job(self, state: State, replay: bool = False, save: tuple[str, ...] = ()) -> Job:
        """What the engine is asked for this state."""
        return Job(self.scenario(state).digest, state.base, overrides(state), replay, save)


@lru_cache(maxsize=64)
def _scenario(home: Path, name: str, changes: tuple[str, ...]) -> Scenario:
    return load_scenario(name, home, changes)


@lru_cache(maxsize=16)
def _levers(home: Path, pack: str) -> dict[str, Lever]:
    return {lever.path: lever for lever in levers_of(pack, home)}


@lru_cache(maxsize=16)
def _parameters(home: Path, pack: str) -> dict[str, Parameter]:
    return read_parameters(pack, home, [])


def overrides(state: State) -> tuple[str, ...]:
    """The state's changes as the command line takes them (`--set`)."""
    changes = [f"{path}={value_text(value)}" for path, value in sorted(state.set.items())]
    changes += [f"policy={state.policy}"] if state.policy else []
    return tuple(changes + [f"{key}={other_text(value)}" for key, value in sorted(state.other.items())])


def other_text(value: Any) -> str:
    """A seed, a resolution or a switched limit as `--set` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def command(state: State) -> str:
    """The command line that gives the same figures; a scenario that differs in nothing needs no option."""
    return " ".join(["fiscalsim run", state.base, *(f'--set "{change}"' for change in overrides(state))])


def in_python(state: State, digest8: str) -> str:
    """The same in Python."""
    changes = ", ".join(repr(change) for change in overrides(state))
    given = f"fs.load_scenario({state.base!r}, overrides=[{changes}])" if changes else f"fs.load_scenario({state.base!r})"
    return f"import fiscalsim as fs\nresult = fs.run({given})\nassert result.scenario.digest8 == {digest8!r}"


def value_text(value: Any) -> str:
    """A number or {year: number} as a scenario file writes it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{year}: {_plain(inner)}" for year, inner in sorted(value.items())) + "}"
    return _plain(value)


def _plain(value: float) -> str:
    return repr(clean_value(float(value)))


def scenario_yaml(state: State, scenario: Scenario, name: str) -> str:
    """The state as a scenario file: a patch on its scenario that gives the same digest."""
    lines = [f"extends: [{state.base}]", f"name_zh: {json.dumps(name, ensure_ascii=False)}", f"name_en: {json.dumps(name, ensure_ascii=False)}"]
    lines += [f"policy: {state.policy}"] if state.policy else []
    lines += ["set:"] if state.set else []
    lines += [f"  {path}: {value_text(value)}" for path, value in sorted(state.set.items())]
    limits = {key.removeprefix("limits."): value for key, value in sorted(state.other.items()) if key.startswith("limits.")}
    lines += ["limits:"] if limits else []
    lines += [f"  {family}: {other_text(held)}" for family, held in limits.items()]
    lines += [f"{key}: {other_text(state.other[key])}" for key in ("resolution", "seed") if key in state.other]
    return f"# digest {scenario.digest8}\n" + "\n".join(lines) + "\n"


# --- values of levers -----------------------------------------------------------------------------------------------


def end_value(value: Any, year: int) -> float:
    """The value that a slider shows: the one of `year`, where a path is given."""
    return float(path_at(value, [year])[0])


def with_end_value(base: Any, year: int, first: int, new: float, lever: Lever) -> Any:
    """`base` moved so that `year` has `new`: a number is replaced; a path drifts away from the base linearly after `first`."""
    if not isinstance(base, Mapping):
        return _rounded(new)
    knots = sorted({first, year, *(int(y) for y in base)})
    shift = new - end_value(base, year)
    moved = {y: end_value(base, y) + shift * min(max((y - first) / (year - first), 0.0), 1.0) for y in knots}
    return {y: _rounded(min(max(v, min(lever.lowest, end_value(base, y))), max(lever.highest, end_value(base, y)))) for y, v in moved.items()}


def along(value: Value, years: tuple[int, int]) -> dict[int, float]:
    """A value as a path that can be edited: the years it names, or the first and last of `years`."""
    knots = sorted(int(year) for year in value) if isinstance(value, Mapping) else list(years)
    return {year: end_value(value, year) for year in knots}


def _rounded(value: float) -> float:
    return float(f"{value:.10g}")


# --- the address ----------------------------------------------------------------------------------------------------


def to_query(state: State, world: World) -> dict[str, str]:
    """Query parameters that open this state again; only the language when nothing else was touched."""
    if state.run:
        return {"run": state.run, "lang": state.lang}
    first = world.scenarios()[0]
    if state.base == first and not state.moved and not state.view:
        return {"lang": state.lang}
    whole: dict[str, Any] = {"v": VERSION, "pack": world.base(state.base).pack, "base": state.base, "lang": state.lang}
    for key, value in (("set", dict(state.set)), ("policy", state.policy), ("other", dict(state.other)), ("view", dict(state.view))):
        if value:
            whole[key] = value
    return {"s": json.dumps(whole, ensure_ascii=False, separators=(",", ":"))}


def from_query(query: Mapping[str, str], world: World) -> State:
    """The state of an address; BadLink names the first thing in it that is not known."""
    start = State(world.scenarios()[0])
    unknown = [key for key in query if key not in LINK_KEYS]
    if unknown:
        raise BadLink(unknown[0], nearest(unknown[0], LINK_KEYS))
    if query.get("ro", "1") != "1":
        raise BadLink(f"ro={query['ro']}", "1")
    lang = query.get("lang", start.lang)
    if lang not in LANGS:
        raise BadLink(str(lang), nearest(str(lang), LANGS))
    start = replace(start, lang=lang)
    if "run" in query:
        if not _DIGEST.fullmatch(query["run"]):
            raise BadLink(query["run"])
        return replace(start, run=query["run"])
    return decode(query["s"], world) if "s" in query else start


def decode(text: str, world: World) -> State:
    """The state of `?s=`; BadLink names the first key or value that is not known or out of range."""
    if len(text) > LONGEST_LINK:
        raise BadLink(text[:20])
    try:
        whole = json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    except (ValueError, RecursionError):
        raise BadLink(text[:20]) from None
    if not isinstance(whole, dict):
        raise BadLink(text[:20])
    for key in whole:
        if key not in KEYS:
            raise BadLink(key, nearest(key, KEYS))
    if whole.get("v") != VERSION or isinstance(whole.get("v"), bool):
        raise BadLink(f"v={whole.get('v')}", str(VERSION))
    base = _one_of(whole.get("base"), world.scenarios())
    pack = world.base(base).pack
    _one_of(whole.get("pack", pack), (pack,))
    lang = _one_of(whole.get("lang", "zh"), LANGS)
    policy = _one_of(whole["policy"], POLICIES) if whole.get("policy") else ""
    moved = _checked_set(whole.get("set", {}), world.levers(pack), world.base(base).defaults)
    return State(base, lang, moved, policy, _checked_view(whole.get("view", {})), other=_checked_other(whole.get("other", {})))


def _one_of(value: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise BadLink(str(value), nearest(str(value), allowed))
    return value


def _checked_set(values: Any, levers: Mapping[str, Lever], defaults: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise BadLink("set")
    checked: dict[str, Any] = {}
    for path, value in values.items():
        if path not in levers and path not in defaults:
            raise BadLink(path, nearest(path, [*levers, *defaults]))
        if isinstance(value, dict):
            if not all(re.fullmatch(r"\d{4}", year) for year in value):
                raise BadLink(path)
            value = {int(year): inner for year, inner in value.items()}
        if (path in levers and check_value(levers[path], value)) or parameter_problems(path, value):
            raise BadLink(f"{path}={value}")
        checked[path] = value
    return checked


def _checked_other(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise BadLink("other")
    allowed = ("seed", "resolution", *(f"limits.{family}" for family in FAMILY_NAMES))
    for key, value in values.items():
        if key not in allowed:
            raise BadLink(key, nearest(key, allowed))
        whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
        good = whole if key == "seed" else isinstance(value, str) and _CODE.fullmatch(value) if key == "resolution" else isinstance(value, bool)
        if not good:
            raise BadLink(f"{key}={value}")
    return values


def _checked_view(view: Any) -> dict[str, Any]:
    if not isinstance(view, dict):
        raise BadLink("view")
    for key, value in view.items():
        if key not in VIEW_KEYS:
            raise BadLink(str(key), nearest(str(key), VIEW_KEYS))
        good = isinstance(value, int) and not isinstance(value, bool) if key == "year" else isinstance(value, str) and _CODE.fullmatch(value)
        if not good:
            raise BadLink(f"{key}={value}")
        if key == "prices":
            _one_of(value, BASES)
    return view


def state_of(resolved: Mapping[str, Any], world: World, lang: str) -> State | None:
    """The state that asks for a scenario with all its values (a saved run's, an opened file's): the nearest scenario here, and what differs.

    None when no scenario of its pack is here. Asked again it has the same digest, as long as the pack is the same.
    """
    found = [_difference(resolved, world.base(name), name, lang) for name in world.scenarios() if world.base(name).pack == resolved["pack"]]
    return min(found, key=lambda state: len(state.set) + len(state.other) + bool(state.policy), default=None)


def _difference(resolved: Mapping[str, Any], base: Scenario, name: str, lang: str) -> State:
    moved: dict[str, Any] = {}
    for path in base.defaults:
        value = resolved["set"].get(path)
        if isinstance(value, Mapping):
            value = {int(year): float(inner) for year, inner in value.items()}
        if value is not None and not _same(value, base.value(path)):
            moved[path] = value
    other = {f"limits.{family}": held for family, held in resolved["limits"].items() if family in base.limits and held != base.limits[family]}
    other |= {key: resolved[key] for key in ("seed", "resolution") if key in resolved and resolved[key] != getattr(base, key)}
    return State(name, lang, moved, "" if resolved["policy"] == base.policy else resolved["policy"], other=other)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return {int(k): float(v) for k, v in a.items()} == {int(k): float(v) for k, v in b.items()}
    if isinstance(a, Mapping) or isinstance(b, Mapping):
        return False
    return math.isclose(float(a), float(b), rel_tol=1e-12, abs_tol=0.0)
