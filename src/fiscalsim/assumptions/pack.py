"""One place: its catalogue, figures and sources on top of national, checked as a whole.

Knows which rows belong together (every service a need, a standard, a sharing rule ...); must not know scenarios or the model's arithmetic.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from fiscalsim.assumptions.catalogue import leave_out
from fiscalsim.assumptions.checks import codes_known, leaves_of, parts_add_up, sources_exist, uncertain_paths, whole_pack
from fiscalsim.assumptions.tables import (
    ALL,
    BY_REGION,
    SHAPES,
    Reading,
    Row,
    folder_of,
    pack_digest,
    raise_all,
    read_tables,
    unknown_codes,
)
from fiscalsim.axes import Axis
from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.levers import FIRST_YEAR, LAST_YEAR, Document, Lever, check_value, expand, load_levers, read_document
from fiscalsim.parameters import NATIONAL, OWN, Parameter, name_problem, read_parameters, resolution_problem, resolutions
from fiscalsim.quantities import Indicator, PackInfo, Resource, Service
from fiscalsim.scenario import pack_names

# columns of other tables that name the codes of a catalogue: not judged while the catalogue cannot be read at all
_CATALOGUES = {"regions.csv": ("region",), "services.csv": ("service", "services", "of"), "resources.csv": ("resource", "from", "to", "of", "per")}
_SHOWN = 3  # missing rows of one kind that are named
_SOURCE_COLUMNS = ["file", "key", "value", "unit", "grade", "source", "title", "note", "quote"]
_TEXTS = ("id", "name_zh", "name_en", "upper_zh", "upper_en", "unit_zh", "unit_en")
_YEARS = ("base_year", "horizon_end")
_PLAN = ("name_zh", "name_en", "first_year", "target_year", "document")
_RESOLUTION = ("unit_zh", "unit_en")
_OPTIONAL = ("resolutions",)
_KEYS = (*_TEXTS, "made_up", "inherits", *_YEARS, "plan", "services", *_OPTIONAL)


@dataclass(frozen=True, eq=False)
class Pack:
    """A checked pack. `tables` holds the typed rows that belong to it, by file; every code and combination in them has been checked."""

    id: str
    resolution: str  # `own`, or the sub-folder whose finer tables take the place of the pack's
    info: PackInfo
    regions: Axis
    services: tuple[Service, ...]
    care_services: tuple[str, ...]
    resources: tuple[Resource, ...]
    indicators: tuple[Indicator, ...]
    parameters: dict[str, Parameter]
    levers: tuple[Lever, ...]
    tables: dict[str, list[Row]] = field(repr=False)
    notes: tuple[str, ...]  # what a reader should hear: files read as GBK
    digest: str


def packs(home: Path) -> tuple[str, ...]:
    """The packs below assumptions/, in alphabetical order; national is not one."""
    return pack_names(home)


def load_pack(name: str, home: Path, resolution: str = OWN) -> Pack:
    """Read and check a pack on top of national, its regions cut as `resolution` says; InputError lists all mistakes of all its files."""
    pack, problems = _read(name, home, resolution)
    raise_all(problems)
    assert pack is not None
    return pack


def check_pack(name: str, home: Path) -> list[Problem]:
    """Every mistake of a pack and of what it inherits, at each of its resolutions; an empty list when there is none."""
    try:
        found = _read(name, home, OWN)[1]
        found += [problem for resolution in resolutions(name, home, []) if resolution != OWN for problem in _read(name, home, resolution)[1]]
        return list(dict.fromkeys(found))
    except InputError as error:
        return list(error.problems)


def _read(name: str, home: Path, resolution: str) -> tuple[Pack | None, list[Problem]]:
    known = packs(home)
    if name not in known:
        raise InputError([Problem("pack", None, "", name[:80], f"one of {', '.join(known)}", nearest(name, known))])
    cuts = resolutions(name, home, [])
    if resolution not in cuts:
        raise InputError([resolution_problem("resolution", None, "", resolution, name, cuts)])
    lacking = _finer_tables_lack(name, home, resolution)
    if lacking:
        return None, lacking
    reading = read_tables(name, home, resolution)
    tables, problems = reading.tables, list(reading.problems)
    parameters = read_parameters(name, home, problems)
    declared = _levers(home, problems)
    document = _pack_file(name, home, problems)
    if document is None:
        return None, problems
    _check_pack_file(name, document, problems)
    problems += _undeclared(name, home, cuts)
    if any(problem.file == document.name for problem in problems):
        return None, problems
    tables["pack.yaml"] = [document.data]
    problems += sources_exist(tables, parameters, document)
    _select(document, tables, problems)
    incomplete = _unread(reading)
    blind = {column for file, columns in _CATALOGUES.items() if file in incomplete and not tables[file] for column in columns}
    problems += [problem for problem in codes_known(tables) if problem.column not in blind]
    whole = [*whole_pack(document, folder_of(name, resolution), tables), *parts_add_up(folder_of(name, resolution), reading.whole, tables)]
    problems += _gathered(problem for problem in whole if problem.file.split("/")[-1] not in incomplete)
    services, resources, indicators = _services(tables), _resources(tables), _indicators(tables)
    levers = expand(declared, services, indicators)
    problems += uncertain_paths(tables, declared)
    for lever in declared:
        parameter = parameters.get(lever.path)
        if "*" not in lever.path and parameter is None:
            problems.append(
                Problem(f"{NATIONAL}/levers.yaml", None, "path", lever.path, "a parameter of the same path, its default", nearest(lever.path, parameters))
            )
        elif parameter is not None:
            problems += [
                Problem(parameter.file, parameter.row, lever.path, str(parameter.value), f"inside the range of its lever: {text}")
                for text in check_value(lever, parameter.value)
            ]
    if problems:
        return None, problems
    leaves = leaves_of(tables)
    return Pack(
        name,
        resolution,
        _info(document, leaves, resolution),
        Axis("region", tuple(row["region"] for row in leaves)),
        services,
        tuple(row["service"] for row in tables["services.csv"] if row["care"]),
        resources,
        indicators,
        parameters,
        levers,
        tables,
        tuple(reading.notes),
        pack_digest(name, home, resolution),
    ), []


def _finer_tables_lack(name: str, home: Path, resolution: str) -> list[Problem]:
    """Tables of the pack's own regions that a finer resolution must have too: rows by city say nothing about a county."""
    if resolution == OWN:
        return []
    place, finer = home / "assumptions" / name, folder_of(name, resolution)
    wanted = [file for file in BY_REGION if file not in ("coverage.csv", "observed.csv") and (place / file).is_file()]
    return [
        Problem(f"{finer}/{file}", None, "", file, f"this table, as {name} has it") for file in wanted if not (home / "assumptions" / finer / file).is_file()
    ]


def _undeclared(name: str, home: Path, cuts: tuple[str, ...]) -> list[Problem]:
    """Sub-folders with tables that pack.yaml does not name: nothing would ever read them."""
    folders = sorted(path.parent.name for path in (home / "assumptions" / name).glob("*/regions.csv"))
    return [
        Problem(f"{name}/{folder}", None, "", folder, "a folder that resolutions of pack.yaml names", nearest(folder, cuts))
        for folder in folders
        if folder not in cuts
    ]


def _levers(home: Path, problems: list[Problem]) -> tuple[Lever, ...]:
    try:
        return load_levers(home)
    except InputError as error:
        problems += error.problems
        return ()


def _gathered(problems: Iterable[Problem]) -> list[Problem]:
    """Rows that are missing for one and the same reason are told once, with the first few of them named."""
    kinds: dict[tuple[str, str, str, str], list[Problem]] = defaultdict(list)
    for problem in problems:
        alike = problem.row is None and not problem.nearest
        kinds[problem.file, problem.column, problem.allowed, "" if alike else f"{problem.row} {problem.value}"].append(problem)
    return [
        found[0]
        if len(found) == 1
        else replace(found[0], value="; ".join(one.value for one in found[:_SHOWN]) + (f"; {more} more" if (more := len(found) - _SHOWN) > 0 else ""))
        for found in kinds.values()
    ]


def _unread(reading: Reading) -> set[str]:
    """Files in which a row or the header was refused: what they seem to lack is not reported a second time."""
    return {problem.file.split("/")[-1] for problem in reading.problems}


# --- pack.yaml ------------------------------------------------------------------------------------------------------


def _pack_file(name: str, home: Path, problems: list[Problem]) -> Document | None:
    try:
        document = read_document(home / "assumptions" / name / "pack.yaml", f"{name}/pack.yaml")
    except InputError as error:
        problems += error.problems
        return None
    if not isinstance(document.data, dict):
        problems.append(Problem(document.name, 1, "", str(document.data)[:80], f"the keys {', '.join(_KEYS)}"))
        return None
    return document


def _check_pack_file(name: str, document: Document, problems: list[Problem]) -> None:
    data = document.data

    def wrong(allowed: str, *path: str, value: Any = None, near: str = "") -> None:
        shown = value if value is not None else ""
        problems.append(Problem(document.name, document.row(*path), ".".join(path), str(shown)[:80], allowed, near))

    for key in data:
        if key not in _KEYS:
            wrong(f"one of {', '.join(_KEYS)}", str(key), value=key, near=nearest(str(key), _KEYS))
    for key in _TEXTS:
        if not isinstance(data.get(key), str):
            wrong("text", key, value=data.get(key))
    for key in ("name_zh", "name_en"):
        if isinstance(data.get(key), str) and (why_not := name_problem(data[key], shown=True)):
            wrong(why_not, key, value=data[key])
    if data.get("id") != name:
        wrong(f"the name of its folder, {name}", "id", value=data.get("id"))
    if not isinstance(data.get("made_up"), bool):
        wrong("true or false", "made_up", value=data.get("made_up"))
    if data.get("inherits") != NATIONAL:
        wrong(NATIONAL, "inherits", value=data.get("inherits"))
    for key in _YEARS:
        if not _is_year(data.get(key)):
            wrong(f"a year from {FIRST_YEAR} to {LAST_YEAR}", key, value=data.get(key))
    plan = data.get("plan")
    if not isinstance(plan, dict):
        wrong(f"the keys {', '.join(_PLAN)}", "plan", value=plan)
    else:
        for key in plan:
            if key not in _PLAN:
                wrong(f"one of {', '.join(_PLAN)}", "plan", str(key), value=key, near=nearest(str(key), _PLAN))
        for key in _PLAN:
            right = _is_year(plan.get(key)) if key.endswith("_year") else isinstance(plan.get(key), str)
            if not right:
                wrong(f"a year from {FIRST_YEAR} to {LAST_YEAR}" if key.endswith("_year") else "text", "plan", key, value=plan.get(key))
    if all(_is_year(data.get(key)) for key in _YEARS) and not data["base_year"] < data["horizon_end"]:
        wrong(f"a year after the base year {data['base_year']}", "horizon_end", value=data["horizon_end"])
    _check_resolutions(data.get("resolutions"), wrong)
    services = data.get("services")
    if services != ALL and not (isinstance(services, list) and services and all(isinstance(code, str) for code in services)):
        wrong("a list of services, or all", "services", value=services)
    elif isinstance(services, list) and len(set(services)) < len(services):
        twice = next(code for i, code in enumerate(services) if code in services[:i])
        wrong("each service once", "services", value=twice)


def _check_resolutions(cuts: Any, wrong: Callable[..., None]) -> None:
    """`resolutions` names each sub-folder with finer tables, what a region of it is called, and its last decided year where that is earlier."""
    if cuts is not None and not (isinstance(cuts, dict) and cuts):
        wrong(f"name of a sub-folder: {{{', '.join(_RESOLUTION)}}}", "resolutions", value=cuts)
    for name, words in cuts.items() if isinstance(cuts, dict) else ():
        if not (isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9-]*", name)) or name == OWN:
            wrong(f"small letters, digits and -, not {OWN}", "resolutions", str(name), value=name)
        texts = {key: text for key, text in words.items() if key != "horizon_end"} if isinstance(words, dict) else {}
        if set(texts) != set(_RESOLUTION) or not all(isinstance(text, str) and text for text in texts.values()):
            wrong(f"the keys {', '.join(_RESOLUTION)}, each text", "resolutions", str(name), value=words)
        elif not _is_year(words.get("horizon_end", FIRST_YEAR)):
            wrong(f"a year from {FIRST_YEAR} to {LAST_YEAR}", "resolutions", str(name), "horizon_end", value=words["horizon_end"])


def _is_year(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and FIRST_YEAR <= value <= LAST_YEAR


def _info(document: Document, leaves: list[Row], resolution: str) -> PackInfo:
    data, plan = document.data, document.data["plan"]
    unit = data if resolution == OWN else data["resolutions"][resolution]
    names = pd.DataFrame(
        [{key: row[key] for key in ("region", "name_zh", "name_en", "short_zh", "short_en")} | {"tags": ";".join(row["tags"])} for row in leaves]
    )
    return PackInfo(
        id=data["id"],
        name_zh=data["name_zh"],
        name_en=data["name_en"],
        made_up=data["made_up"],
        base_year=data["base_year"],
        horizon_end=unit.get("horizon_end", data["horizon_end"]),
        plan_name_zh=plan["name_zh"],
        plan_name_en=plan["name_en"],
        plan_first_year=plan["first_year"],
        plan_target_year=plan["target_year"],
        upper_zh=data["upper_zh"],
        upper_en=data["upper_en"],
        unit_zh=unit["unit_zh"],
        unit_en=unit["unit_en"],
        region_names=names,
        resolution=resolution,
    )


# --- which rows belong to the pack ----------------------------------------------------------------------------------


def _select(document: Document, tables: dict[str, list[Row]], problems: list[Problem]) -> None:
    """Keep the services that the pack names and the resources that they or the plan's indicators need; drop the rows of the others.

    A row whose code is in no catalogue is kept, so that it is reported.
    """
    every_service = [row["service"] for row in tables["services.csv"]]
    every_resource = {row["resource"] for row in tables["resources.csv"]}
    chosen = every_service if document.data["services"] == ALL else document.data["services"]
    problems += [
        Problem(document.name, document.row("services", i), "services", code, "a service of services.csv", nearest(code, every_service))
        for i, code in enumerate(chosen)
        if code not in every_service
    ]
    problems += unknown_codes((row for row in tables["priority.csv"] if row["kind"] == "service"), "name", every_service, "a service of services.csv")
    domains = {row["domain"] for row in tables["services.csv"]}
    problems += unknown_codes((row for row in tables["priority.csv"] if row["kind"] == "domain"), "name", domains, "a domain of services.csv")
    dropped = set(every_service) - set(chosen)
    for file in ("services.csv", "needs.csv", "standards.csv", "coverage.csv", "requires.csv", "queues.csv"):
        tables[file] = [row for row in tables[file] if row["service"] not in dropped]
    for file in ("items.csv", "plan_items.csv"):
        tables[file] = leave_out(tables[file], dropped)
    needed = {row["resource"] for row in tables["requires.csv"]}
    needed |= {code for row in tables["indicators.csv"] for code in (*row["of"], *row["per"]) if row["measure"].startswith(("capacity", "compliance"))}
    unused = every_resource - needed
    for file in ("resources.csv", "capacity.csv", "projects.csv", "purchase.csv", "staff.csv"):
        tables[file] = [row for row in tables[file] if row["resource"] not in unused]
    tables["conversions.csv"] = [row for row in tables["conversions.csv"] if not {row["from"], row["to"]} & unused]


# --- typed things ---------------------------------------------------------------------------------------------------


def _services(tables: dict[str, list[Row]]) -> tuple[Service, ...]:
    same = (
        "name_zh",
        "name_en",
        "short_zh",
        "short_en",
        "domain",
        "kind",
        "basis",
        "driver",
        "function",
        "sharing_rule",
        "promise",
        "floor",
        "ceiling",
        "wage_share",
        "fixed_share",
        "source",
    )
    return tuple(
        Service(code=row["service"], client_unit_zh=row["client_zh"], client_unit_en=row["client_en"], **{key: row[key] for key in same})
        for row in tables["services.csv"]
    )


def _resources(tables: dict[str, list[Row]]) -> tuple[Resource, ...]:
    same = [column for column in SHAPES["resources.csv"].columns if column != "resource"]
    return tuple(Resource(code=row["resource"], source=row["source"], **{key: row[key] for key in same}) for row in tables["resources.csv"])


def _indicators(tables: dict[str, list[Row]]) -> tuple[Indicator, ...]:
    same = (
        "name_zh",
        "name_en",
        "domain",
        "unit_zh",
        "unit_en",
        "nature",
        "base_year",
        "base_value",
        "target_year",
        "target_op",
        "target_value",
        "measure",
        "of",
        "quote",
        "source",
        "note",
        "base_from",
        "target_from",
        "target_high",
    )
    conflicts = tables["conflicts.csv"]
    matters: dict[str, set[str]] = defaultdict(set)
    for row in conflicts:
        matters[row["indicator"]].add(row["conflict"])
    return tuple(
        Indicator(
            code=row["indicator"],
            per=";".join(row["per"]),
            scale=1.0 if row["scale"] is None else row["scale"],
            in_table=row["in_table"] is not False,
            base_op=row["base_op"] or "=",
            against=tuple(other for other in matters if other != row["indicator"] and matters[other] & matters.get(row["indicator"], set())),
            choice=" ".join(other["why"] for other in conflicts if other["indicator"] == row["indicator"]),
            **{key: row[key] for key in same},
        )
        for row in tables["indicators.csv"]
    )


@lru_cache(maxsize=8)
def _own_sources(pack: Pack) -> pd.DataFrame:
    titles = {row["source"]: row["title"] for row in pack.tables["sources.csv"]}
    rows: list[tuple[Any, ...]] = []
    for file, shape in SHAPES.items():
        if not shape.graded:
            continue
        numbers = [name for name, column in shape.columns.items() if column.kind in ("number", "whole") and name not in (*shape.key, "age_to")]
        for row in pack.tables[file]:
            key = ", ".join("" if row[name] is None else str(row[name]) for name in shape.key)
            marks = (row["grade"], row["source"], titles.get(row["source"], ""), row["note"], row["quote"])
            written = row | {"value": row.get("as_written")}
            rows += [
                (row["file"], key if len(numbers) == 1 else f"{key}: {name}", float(written[name]), str(row.get("unit", "")), *marks)
                for name in numbers
                if row[name] is not None
            ]
    for p in pack.parameters.values():
        marks = (p.grade, p.source, titles.get(p.source, ""), p.note, p.quote)
        rows += [(p.file, _dotted(p.path, year), float(value), p.unit, *marks) for year, value in _points(p.value)]
    return pd.DataFrame(rows, columns=_SOURCE_COLUMNS)


def sources(pack: Pack, changed: Iterable[tuple[str, Any]] = ()) -> pd.DataFrame:
    """One row a number of the pack, as written there: file, key, value, unit, grade, source, title, note, quote.

    `changed` (path, value) adds what a scenario sets, with `scenario` as file and source and no grade.
    """
    own = _own_sources(pack)
    rows = [("scenario", _dotted(path, year), float(inner), "", "", "scenario", "", "", "") for path, value in changed for year, inner in _points(value)]
    return pd.concat([own, pd.DataFrame(rows, columns=_SOURCE_COLUMNS)], ignore_index=True) if rows else own.copy(deep=False)


def _dotted(path: str, year: int | None) -> str:
    return path if year is None else f"{path}, {year}"


def _points(value: Any) -> list[tuple[int | None, float]]:
    return list(value.items()) if isinstance(value, dict) else [(None, value)]
