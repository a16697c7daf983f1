"""Scenario files: a short patch with its reason, merged, checked against the pack's levers and parameters, resolved, and named by a digest.

Must not know what a number does to the model, nor read a pack's tables beyond the names of its services and indicators.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.levers import (
    FIRST_YEAR,
    LAST_YEAR,
    Document,
    Lever,
    check_value,
    clean_value,
    read_document,
)
from fiscalsim.parameters import LONGEST_NAME, NATIONAL, OWN, brief, movable, name_problem, parameter_problems, resolution_problem, resolutions

FAMILY_NAMES = (
    "spending_within_means",
    "transfers_within_pool",
    "earmarked_for_its_service",
    "own_share_paid",
    "reserve_kept",
    "bonds_for_capital_only",
    "debt_within_limit",
    "recurrent_growth_within_revenue",
    "standards_never_fall",
    "promise_outlives_the_horizon",
    "transfer_change_limited",
    "served_within_capacity",
    "capacity_carried_forward",
    "build_rate_limited",
    "conversion_from_surplus",
    "staff_within_supply",
    "floor_guaranteed",
    "today_kept",
    "binding_target_met",
    "expected_target_met",
    "worst_off_raised",
    "bought_within_market",
    "purchases_within_cap",
    "posts_moved_within_limit",
)
POLICIES = ("optimal", "status-quo", "per-head", "formula")


_KEYS = ("name", "why", "name_zh", "name_en", "why_zh", "why_en", "pack", "resolution", "extends", "set", "policy", "limits", "seed")
_TEXTS = ("name_zh", "name_en", "why_zh", "why_en")
_LONGEST_WHY = 4000
_LARGEST_SEED = 2**32 - 1


# --- where things are -----------------------------------------------------------------------------------------------


def home() -> Path:
    """The folder that holds assumptions/ and scenarios/.

    FISCALSIM_HOME when set; else the nearest folder upward from here that has assumptions/national; else the checkout of an editable
    install; else the data packed with the program. InputError when FISCALSIM_HOME points elsewhere.
    """
    named = os.environ.get("FISCALSIM_HOME")
    if named:
        if not _is_home(Path(named)):
            raise InputError([Problem("FISCALSIM_HOME", None, "", named, "a folder with assumptions/national")])
        return Path(named)
    here = Path.cwd()
    code = Path(__file__).resolve().parent
    for folder in (here, *here.parents, code.parents[1], code / "_data"):
        if _is_home(folder):
            return folder
    raise InputError([Problem("FISCALSIM_HOME", None, "", "", "set it to the folder that holds assumptions/ and scenarios/")])


_default_home = home


def _is_home(folder: Path) -> bool:
    return (folder / "assumptions" / NATIONAL).is_dir()


def pack_names(home: Path) -> tuple[str, ...]:
    """The packs below assumptions/, in alphabetical order; national is not one."""
    return tuple(sorted(path.parent.name for path in (home / "assumptions").glob("*/pack.yaml") if path.parent.name != NATIONAL))


def scenario_ids(home: Path) -> tuple[str, ...]:
    """The scenarios below scenarios/, in alphabetical order."""
    return tuple(sorted(path.stem for path in (home / "scenarios").glob("*.yaml")))


# --- what a pack lets a scenario move -------------------------------------------------------------------------------


# --- scenarios ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    """A checked patch on a pack: `set` holds only what differs; `limits` says for every family whether it holds."""

    id: str
    name_zh: str
    name_en: str
    pack: str
    extends: tuple[str, ...]
    why_zh: str
    why_en: str
    set: dict[str, Any]  # lever or parameter path -> number or {year: number}
    policy: str
    limits: dict[str, bool]
    seed: int
    resolution: str = OWN  # how finely the pack's regions are cut: its own, or a sub-folder with finer tables
    defaults: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)  # every path that may be set -> the pack's value

    def value(self, path: str) -> Any:
        """What holds in this scenario for a path: its own value, else the pack's. KeyError for an unknown path."""
        return self.set[path] if path in self.set else self.defaults[path]

    def resolved(self) -> dict[str, Any]:
        """Every lever and parameter, every limit, policy and seed with the value that holds; reading it as a scenario gives the same again."""
        values = self.defaults | self.set
        return {
            "name_zh": self.name_zh,
            "name_en": self.name_en,
            "why_zh": self.why_zh,
            "why_en": self.why_en,
            "pack": self.pack,
            "resolution": self.resolution,
            "extends": [],
            "set": {path: clean_value(values[path]) for path in sorted(values)},
            "policy": self.policy,
            "limits": {family: self.limits[family] for family in FAMILY_NAMES},
            "seed": self.seed,
        }

    @property
    def digest(self) -> str:
        """sha256 of what is computed with (names and reasons left out): equal digests mean equal numbers on equal pack data."""
        computed = {key: value for key, value in self.resolved().items() if key not in _TEXTS}
        return hashlib.sha256(canonical(computed).encode("utf-8")).hexdigest()

    @property
    def digest8(self) -> str:
        """The first eight digits of the digest, which name runs."""
        return self.digest[:8]


def canonical(data: Any) -> str:
    """JSON with sorted keys, no blanks, NFC text, no nan; 60 and 60.0 are written alike."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {unicodedata.normalize("NFC", str(key)): clean(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [clean(inner) for inner in value]
        if isinstance(value, str):
            return unicodedata.normalize("NFC", value)
        return clean_value(value)

    return json.dumps(clean(data), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def load_scenario(path_or_id: Path | str, home: Path | None = None, overrides: Iterable[str] = ()) -> Scenario:
    """Read, merge and check a scenario.

    A Path, or text that ends in .yaml, is a file; other text is the id of a file in scenarios/. `extends` are merged in order, later wins.
    `overrides` are `PATH=VALUE` (a number or {2025: 1.1, 2030: 1.2}), also `policy=...`, `seed=...`, `resolution=...`, `limits.<family>=false`.
    InputError lists every mistake of the files and of the overrides.
    """
    root = home if home is not None else _default_home()
    path = _file_of(path_or_id, root)
    problems: list[Problem] = []
    layers = _layers(path, root, problems, ())
    layers.append(_overrides(overrides, problems))
    return _merged(path.stem, layers, root, problems)


def _file_of(path_or_id: Path | str, root: Path) -> Path:
    path = Path(path_or_id) if isinstance(path_or_id, Path) or path_or_id.endswith((".yaml", ".yml")) else None
    wrong = name_problem(path.stem if path is not None else path_or_id)
    if wrong:
        raise InputError([Problem("scenario", None, "", str(path_or_id)[:LONGEST_NAME], wrong)])
    if path is None:
        path = root / "scenarios" / f"{path_or_id}.yaml"
    if not path.is_file():
        known = scenario_ids(root)
        raise InputError([Problem("scenario", None, "", str(path_or_id), f"one of {', '.join(known) or 'none'}", nearest(path.stem, known))])
    return path


def _layers(path: Path, root: Path, problems: list[Problem], above: tuple[str, ...]) -> list[Document]:
    """The file and all that it extends, the first to be applied first."""
    try:
        document = read_document(path, path.name)
    except InputError as error:
        problems += error.problems
        return []
    if document.data is None:
        document = Document(document.name, {}, {})
    if not isinstance(document.data, dict):
        problems.append(Problem(path.name, 1, "", str(document.data)[:LONGEST_NAME], f"the keys {', '.join(_KEYS)}"))
        return []
    document = _flat_words(document, problems)
    extends = document.data.get("extends")
    parents = extends if isinstance(extends, list) else [] if extends is None else [extends]
    layers: list[Document] = []
    for parent in parents:
        row = document.row("extends")
        wrong = name_problem(parent)
        found = [folder / f"{parent}.yaml" for folder in (path.parent, root / "scenarios") if not wrong and (folder / f"{parent}.yaml").is_file()]
        if wrong or not found:
            known = scenario_ids(root)
            problems.append(Problem(path.name, row, "extends", str(parent)[:LONGEST_NAME], wrong or f"one of {', '.join(known)}", nearest(str(parent), known)))
        elif parent in (*above, path.stem):
            problems.append(Problem(path.name, row, "extends", parent, f"no circle: {' -> '.join((*above, path.stem, parent))}"))
        elif not any(layer.name == found[0].name for layer in layers):
            layers += _layers(found[0], root, problems, (*above, path.stem))
    return [*layers, document]


def _flat_words(document: Document, problems: list[Problem]) -> Document:
    """`name` and `why` may be text, or {zh, en}: written out as name_zh, name_en, why_zh, why_en."""
    data, rows = dict(document.data), dict(document.rows)
    for key in ("name", "why"):
        words, row = data.pop(key, None), document.row(key)
        if isinstance(words, str):
            words = {"zh": words, "en": words}
        elif words is not None and not isinstance(words, dict):
            problems.append(Problem(document.name, row, key, brief(words), "text, or {zh: text, en: text}"))
            continue
        for language, text in (words or {}).items():
            flat = f"{key}_{language}"
            if language not in ("zh", "en") or flat in data:
                problems.append(Problem(document.name, document.row(key, language), f"{key}.{language}", brief(language), "zh and en, each once"))
            else:
                data[flat], rows[(flat,)] = text, document.row(key, language) or 1
    return Document(document.name, data, rows, document.note)


def _overrides(overrides: Iterable[str], problems: list[Problem]) -> Document:
    data: dict[str, Any] = {"set": {}, "limits": {}}
    for text in overrides:
        path, sign, value = text.partition("=")
        path = path.strip()
        if not sign or not path or not value.strip():
            problems.append(Problem("--set", None, "", text, "PATH=VALUE"))
            continue
        try:
            parsed = read_document(value.strip(), "--set").data
        except InputError as error:
            problems += [Problem("--set", None, path, value, problem.allowed) for problem in error.problems]
            continue
        if path in ("policy", "seed", "pack", "resolution"):
            data[path] = parsed
        elif path.startswith("limits."):
            data["limits"][path.removeprefix("limits.")] = parsed
        else:
            data["set"][path] = parsed
    return Document("--set", data, {})


def _merged(id: str, layers: Sequence[Document], root: Path, problems: list[Problem]) -> Scenario:
    whole: dict[str, Any] = {"policy": "optimal", "seed": 0, "resolution": OWN}
    resolved_by = Document(id, {}, {})
    values: dict[str, tuple[Any, Document]] = {}
    limits = dict.fromkeys(FAMILY_NAMES, True)
    packs = pack_names(root)
    for layer in layers:
        _check_keys(layer, packs, problems)
        # names and reasons are a file's own: a patch that gives none is not its parent
        own = {key: layer.data.get(key) for key in ("pack", "policy", "seed", "resolution") if layer.data.get(key) is not None}
        whole |= own
        resolved_by = layer if "resolution" in own else resolved_by
        if layer.name != "--set":
            whole |= {key: layer.data.get(key) or "" for key in _TEXTS}
            whole["extends"] = layer.data.get("extends") or []
        patch = layer.data.get("set")
        values |= {str(path): (clean_value(value), layer) for path, value in patch.items()} if isinstance(patch, dict) else {}
        switches = layer.data.get("limits")
        limits |= {family: held for family, held in switches.items() if family in limits and isinstance(held, bool)} if isinstance(switches, dict) else {}
    levers: dict[str, Lever] = {}
    defaults: dict[str, Any] = {}
    last = layers[-2].name if len(layers) > 1 else id
    if "pack" not in whole:
        # with other problems it may stand in a file that could not be read
        problems += [] if problems else [Problem(last, None, "pack", "", f"one of {', '.join(packs)}")]
    elif whole["pack"] in packs:
        found, defaults, more = movable(whole["pack"], root)
        levers = {lever.path: lever for lever in found}
        problems += more
        known = resolutions(whole["pack"], root, problems)
        if whole["resolution"] not in known:
            row = resolved_by.row("resolution")
            problems.append(resolution_problem(resolved_by.name, row, "resolution", whole["resolution"], whole["pack"], known))
        for path, (value, layer) in values.items():
            problems += _value_problems(path, value, layer, levers, defaults)
    if problems:
        raise InputError(dict.fromkeys(problems))
    extends = whole["extends"] if isinstance(whole["extends"], list) else [whole["extends"]]
    return Scenario(
        id=id,
        name_zh=whole["name_zh"] or id,
        name_en=whole["name_en"] or id,
        pack=whole["pack"],
        extends=tuple(extends),
        why_zh=whole["why_zh"],
        why_en=whole["why_en"],
        set={path: value for path, (value, _) in values.items()},
        policy=whole["policy"],
        limits=limits,
        seed=whole["seed"],
        resolution=whole["resolution"],
        defaults=defaults,
    )


def _value_problems(path: str, value: Any, layer: Document, levers: dict[str, Lever], defaults: dict[str, Any]) -> list[Problem]:
    row = layer.row("set", path)
    if path not in levers and path not in defaults:
        return [Problem(layer.name, row, f"set.{path}", path, "a lever or parameter of the pack", nearest(path, [*levers, *defaults]))]
    texts = (check_value(levers[path], value) if path in levers else []) or parameter_problems(path, value)
    return [Problem(layer.name, row, f"set.{path}", brief(value), text) for text in texts]


def _check_keys(layer: Document, packs: Sequence[str], problems: list[Problem]) -> None:
    """Every key of one file, by kind; the values of `set` are checked when the pack is known."""
    name, data = layer.name, layer.data

    def wrong(key: str, allowed: str, *path: Any, near: str = "", value: Any = None) -> None:
        problems.append(Problem(name, layer.row(*(path or (key,))), key, brief(data.get(key) if value is None else value), allowed, near))

    for key in data:
        if key not in _KEYS:
            wrong(str(key), f"one of {', '.join(_KEYS)}", key, near=nearest(str(key), _KEYS), value=key)
    for key in ("name_zh", "name_en"):
        if data.get(key) is not None and (why_not := name_problem(data[key], shown=True)):
            wrong(key, why_not)
    for key in ("why_zh", "why_en"):
        if data.get(key) is not None and not (isinstance(data[key], str) and len(data[key]) <= _LONGEST_WHY):
            wrong(key, f"text of at most {_LONGEST_WHY} characters")
    if data.get("pack") is not None and data["pack"] not in packs:
        wrong("pack", f"one of {', '.join(packs)}", near=nearest(str(data["pack"]), packs))
    if data.get("policy") is not None and data["policy"] not in POLICIES:
        wrong("policy", f"one of {', '.join(POLICIES)}", near=nearest(str(data["policy"]), POLICIES))
    seed = data.get("seed")
    if seed is not None and not (isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= _LARGEST_SEED):
        wrong("seed", f"a whole number from 0 to {_LARGEST_SEED}")
    if data.get("set") is not None and not isinstance(data["set"], dict):
        wrong("set", "path: value")
    limits = data.get("limits")
    if limits is not None and not isinstance(limits, dict):
        wrong("limits", "family: true or false")
    for family, held in limits.items() if isinstance(limits, dict) else ():
        if family not in FAMILY_NAMES:
            wrong(f"limits.{family}", "a family of constraints", "limits", family, near=nearest(str(family), FAMILY_NAMES), value=family)
        elif not isinstance(held, bool):
            wrong(f"limits.{family}", "true or false", "limits", family, value=held)


def to_yaml(scenario: Scenario) -> str:
    """A scenario file that stands alone (nothing is extended) and reads back to the same digest."""

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    def shown(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{year}: {json.dumps(clean_value(inner))}" for year, inner in sorted(value.items())) + "}"
        return json.dumps(clean_value(value), allow_nan=False)

    lines = [f"{key}: {quoted(getattr(scenario, key))}" for key in _TEXTS]
    lines.append(f"pack: {scenario.pack}")
    lines += [f"resolution: {scenario.resolution}"] if scenario.resolution != OWN else []
    lines += ["set:" if scenario.set else "set: {}"]
    lines += [f"  {path}: {shown(value)}" for path, value in sorted(scenario.set.items())]
    lines.append(f"policy: {scenario.policy}")
    lifted = [family for family in FAMILY_NAMES if not scenario.limits[family]]
    lines += ["limits:", *(f"  {family}: false" for family in lifted)] if lifted else []
    lines.append(f"seed: {scenario.seed}")
    return "\n".join(lines) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file, for editors; the ranges of levers belong to a pack and are checked by `load_scenario`."""
    text = {"type": "string", "maxLength": _LONGEST_WHY}
    name = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}

    def in_both(kind: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object", "properties": {"zh": kind, "en": kind}, "additionalProperties": False}

    year = f"^({'|'.join(str(y) for y in range(FIRST_YEAR, LAST_YEAR + 1))})$"
    by_year = {"type": "object", "minProperties": 1, "patternProperties": {year: {"type": "number"}}, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fiscalsim scenario",
        "description": "A short patch on a pack, with its reason. Later files in `extends` win; this file wins over all of them.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": {"description": "Name shown: text, or {zh, en}", "oneOf": [name, in_both(name)]},
            "why": {"description": "The reason: text, or {zh, en}", "oneOf": [text, in_both(text)]},
            **{key: (name if key.startswith("name") else text) | {"description": "As in `name` and `why`, one key a language"} for key in _TEXTS},
            "pack": {"type": "string", "description": "A folder of assumptions/; may come from a scenario that is extended"},
            "resolution": {"type": "string", "description": "How finely the pack's regions are cut: own, or a sub-folder that its pack.yaml names (county)"},
            "extends": {"description": "One or more scenario ids, applied in order", "oneOf": [name, {"type": "array", "items": name}]},
            "set": {
                "type": "object",
                "description": "Lever or parameter path: a number, or {year: number} with straight lines between the years",
                "patternProperties": {"^[a-z_]+(\\.[A-Za-z0-9_-]+)+$": {"oneOf": [{"type": "number"}, by_year]}},
                "additionalProperties": False,
            },
            "policy": {"enum": list(POLICIES), "description": "How transfers are shared out; optimal when absent"},
            "limits": {
                "type": "object",
                "description": "Families of constraints; false switches one off, by name",
                "properties": {family: {"type": "boolean"} for family in FAMILY_NAMES},
                "additionalProperties": False,
            },
            "seed": {"type": "integer", "minimum": 0, "maximum": _LARGEST_SEED, "description": "Root of every random number; 0 when absent"},
        },
    }
