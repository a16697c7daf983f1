"""The one list of levers, and the strict reader of the text files in which levers, scenarios and packs are written.

A lever is declared once in assumptions/national/levers.yaml; sliders, scenario files, `--set` and sampling read it from here.
Must not know what a lever does to the model, nor where a scenario or a pack keeps its files.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml

from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.quantities import LINEAR

Value = float | int | dict[int, float]

FIRST_YEAR, LAST_YEAR = 1990, 2100  # a date outside is a slip of the pen
LARGEST_YAML = 1_000_000  # bytes; reliability.md section 6
DEEPEST_YAML = 20
LARGEST_CSV = 50_000_000  # bytes
MOST_ROWS = 200_000
SHOWN_AS = ("number", "percent", "points")
TEMPLATES = ("standards.*", "targets.*")

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_GROUPED = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")


# --- text -----------------------------------------------------------------------------------------------------------


def decode(raw: bytes, name: str) -> tuple[str, str]:
    """Text of a file (NFC, line feeds only) and a note when it was not UTF-8; InputError for anything that is not text."""
    note = ""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError([Problem(name, None, "", "UTF-16", "save the file as UTF-8")]) from None
        try:
            text, note = raw.decode("gb18030"), f"{name}: read as GBK"
        except UnicodeDecodeError as error:
            raise InputError([Problem(name, None, "", f"byte {error.start}", "neither UTF-8 nor GBK: save the file as UTF-8")]) from None
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    for row, line in enumerate(text.split("\n"), start=1):
        for sign in "" if line.isprintable() else line:
            if sign != "\t" and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
                raise InputError([Problem(name, row, "", f"U+{ord(sign):04X}", "no control, invisible or unassigned characters")])
    return text, note


def number(text: str) -> float | None:
    """The number that `text` plainly is (12, -0.5, 1e5, 1,234.5), or None: no full-width digits, no underscores, no nan or inf."""
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value + 0.0 if math.isfinite(value) else None


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, with the line on which each key stands (path of keys -> line)."""

    name: str
    data: Any
    rows: dict[tuple[Any, ...], int] = field(repr=False)
    note: str = ""

    def row(self, *path: Any) -> int | None:
        """Line of the key at `path`, or of the nearest key above it."""
        while path and path not in self.rows:
            path = path[:-1]
        return self.rows.get(path)


def read_yaml(source: Path | str | bytes, name: str = "") -> Any:
    """Plain data of a YAML file (Path) or text (str, bytes); see `read_document` for the rules."""
    return read_document(source, name).data


def read_document(source: Path | str | bytes, name: str = "") -> Document:
    """Read YAML strictly: no tags, anchors, aliases or duplicate keys; at most 1 MB and 20 levels.

    Plain scalars are null (null, ~, nothing), true, false, or numbers written in full (12, -0.5, 1e5); everything else is text,
    so `NO`, `010`, `1_000` and `12:30:45` stay as written and are refused where a number is needed. InputError lists the place.
    """
    raw, name = _bytes_of(source, name)
    if len(raw) > LARGEST_YAML:
        raise InputError([Problem(name, None, "", f"{len(raw)} bytes", f"at most {LARGEST_YAML} bytes")])
    text, note = decode(raw, name)
    problems: list[Problem] = []
    rows: dict[tuple[Any, ...], int] = {}
    try:
        events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        data = _build(events, name, rows, problems)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        row = mark.line + 1 if mark else None
        raise InputError([Problem(name, row, "", str(getattr(error, "problem", error)), "not YAML: check indentation, colons and quotes")]) from None
    if problems:
        raise InputError(problems)
    return Document(name, data, rows, note)


def _bytes_of(source: Path | str | bytes, name: str) -> tuple[bytes, str]:
    if isinstance(source, Path):
        try:
            with source.open("rb") as stream:
                return stream.read(LARGEST_CSV + 1), name or source.name
        except OSError as error:
            raise InputError([Problem(str(name or source), None, "", str(error.strerror), "a file that can be read")]) from None
    if isinstance(source, bytes):
        return source, name or "text"
    try:
        return source.encode("utf-8"), name or "text"
    except UnicodeEncodeError:
        raise InputError([Problem(name or "text", None, "", "surrogate", "text that UTF-8 can hold")]) from None


def _build(events: Iterable[Any], name: str, rows: dict[tuple[Any, ...], int], problems: list[Problem]) -> Any:
    """The one document in a stream of YAML events; problems are collected, nesting is refused at once."""
    stream = iter(events)

    def node(event: Any, path: tuple[Any, ...], depth: int) -> Any:
        row = event.start_mark.line + 1
        if depth > DEEPEST_YAML:
            raise InputError([Problem(name, row, "", f"{depth} levels", f"at most {DEEPEST_YAML} levels")])
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise InputError([Problem(name, row, "", f"anchor {event.anchor}", "no anchors or aliases: write the value out")])
        if getattr(event, "tag", None) is not None:
            raise InputError([Problem(name, row, "", event.tag, "no tags: write the value plainly")])
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(inner := next(stream), yaml.SequenceEndEvent):
                rows[(*path, len(items))] = inner.start_mark.line + 1
                items.append(node(inner, (*path, len(items)), depth + 1))
            return items
        mapping: dict[Any, Any] = {}
        while not isinstance(inner := next(stream), yaml.MappingEndEvent):
            at = inner.start_mark.line + 1
            key = node(inner, path, depth + 1)
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                problems.append(Problem(name, at, ".".join(map(str, path)), str(key), "a key is a word or a year"))
                key = str(key)
            if key in mapping:
                problems.append(Problem(name, at, ".".join(map(str, (*path, key))), str(key), f"each key once; it stands already in row {rows[(*path, key)]}"))
            rows[(*path, key)] = at
            mapping[key] = node(next(stream), (*path, key), depth + 1)
        return mapping

    next(stream)  # start of the stream
    event = next(stream)
    if isinstance(event, yaml.StreamEndEvent):
        return None
    data = node(next(stream), (), 0)
    next(stream)  # end of the document
    event = next(stream)
    if not isinstance(event, yaml.StreamEndEvent):
        raise InputError([Problem(name, event.start_mark.line + 1, "", "---", "one document a file")])
    return data


def _scalar(text: str) -> Any:
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _WHOLE.fullmatch(text) and len(text) <= 15:  # beyond that a whole number is no longer exact as a float
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text) + 0.0
    return text


@dataclass(frozen=True)
class Table:
    """A CSV file as text cells; `rows` holds (row number as a spreadsheet shows it, column -> text)."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    note: str = ""


def read_csv(source: Path | str | bytes, name: str = "", problems: list[Problem] | None = None) -> Table:
    """Read CSV strictly as text: one header, no column twice, every row as long as the header, cells stripped and NFC.

    Empty lines are skipped. Mistakes go to `problems` when it is given (the rows that are whole are returned), else InputError.
    """
    raw, name = _bytes_of(source, name)
    found: list[Problem] = []
    rows: list[tuple[int, dict[str, str]]] = []
    header: tuple[str, ...] = ()
    note = ""
    try:
        if len(raw) > LARGEST_CSV:
            raise InputError([Problem(name, None, "", f"{len(raw)} bytes", f"at most {LARGEST_CSV} bytes")])
        text, note = decode(raw, name)
        for row, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not header:
                header = tuple(cells)
                found += [Problem(name, row, column, column, "each column once") for i, column in enumerate(header) if column in header[:i]]
                found += [Problem(name, row, f"column {i + 1}", "", "a column name") for i, column in enumerate(header) if not column]
            elif len(rows) >= MOST_ROWS:
                raise InputError([Problem(name, row, "", "", f"at most {MOST_ROWS} rows")])
            elif len(cells) != len(header):
                found.append(
                    Problem(
                        name,
                        row,
                        f"column {len(header) + 1}" if len(cells) > len(header) else header[len(cells)],
                        ",".join(cells)[:60],
                        f"{len(header)} cells as in the header, not {len(cells)}",
                    )
                )
            else:
                rows.append((row, dict(zip(header, cells, strict=True))))
        if not header:
            found.append(Problem(name, 1, "", "", "a header and at least one row"))
    except csv.Error as error:
        found.append(Problem(name, None, "", str(error), "not CSV: check the quotes"))
    except InputError as error:
        found += error.problems
    if found and problems is None:
        raise InputError(found)
    if problems is not None:
        problems += found
    return Table(name, header, tuple(rows), note)


# --- levers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lever:
    """One thing that may be moved; its default is the pack's parameter of the same path."""

    path: str
    group: str
    name_zh: str
    name_en: str
    unit_zh: str
    unit_en: str
    lowest: float
    highest: float
    step: float
    shown_as: str  # number, percent, points
    meaning_zh: str
    meaning_en: str
    source: str
    marks: tuple[float, ...] = ()  # cautious, ambitious, limit: what each adds to the scenario's own value; empty where a lever has none


class Named(Protocol):
    """What `expand` needs of a service."""

    @property
    def code(self) -> str: ...
    @property
    def name_zh(self) -> str: ...
    @property
    def name_en(self) -> str: ...


class Target(Named, Protocol):
    """What `expand` needs of an indicator."""

    @property
    def unit_zh(self) -> str: ...
    @property
    def unit_en(self) -> str: ...
    @property
    def target_value(self) -> float | None: ...
    @property
    def nature(self) -> str: ...
    @property
    def measure(self) -> str: ...


_TEXTS = ("path", "group", "name_zh", "name_en", "unit_zh", "unit_en", "shown_as", "meaning_zh", "meaning_en", "source")
_NUMBERS = ("lowest", "highest", "step")
_MARKS = 3  # cautious, ambitious, limit


def load_levers(home: Path) -> tuple[Lever, ...]:
    """The levers declared in assumptions/national/levers.yaml, templates not yet expanded; InputError lists every mistake."""
    document = read_document(home / "assumptions" / "national" / "levers.yaml", "national/levers.yaml")
    name, problems, levers = document.name, list[Problem](), list[Lever]()
    if not isinstance(document.data, list):
        raise InputError([Problem(name, 1, "", type(document.data).__name__, "a list of levers")])
    for i, item in enumerate(document.data):
        if not isinstance(item, dict):
            problems.append(Problem(name, document.row(i), "", str(item), f"the keys {', '.join(_TEXTS + _NUMBERS)}"))
            continue
        bad = [
            Problem(name, document.row(i, key), str(key), str(key), "a key of a lever", nearest(str(key), _TEXTS + _NUMBERS))
            for key in item
            if key not in (*_TEXTS, *_NUMBERS, "marks")
        ]
        bad += [Problem(name, document.row(i, key), key, _shown(item.get(key)), "text") for key in _TEXTS if not isinstance(item.get(key), str)]
        bad += [Problem(name, document.row(i, key), key, _shown(item.get(key)), "a number") for key in _NUMBERS if not _is_number(item.get(key))]
        if not bad and item["shown_as"] not in SHOWN_AS:
            bad.append(Problem(name, document.row(i, "shown_as"), "shown_as", item["shown_as"], " or ".join(SHOWN_AS), nearest(item["shown_as"], SHOWN_AS)))
        if not bad and not (item["lowest"] < item["highest"] and item["step"] > 0):
            bad.append(Problem(name, document.row(i, "lowest"), "lowest", str(item["lowest"]), "lowest below highest, and step above 0"))
        marks = item.get("marks", [])
        if not (isinstance(marks, list) and len(marks) in (0, _MARKS) and all(map(_is_number, marks))):
            bad.append(Problem(name, document.row(i, "marks"), "marks", _shown(marks), "three numbers: what cautious, ambitious and limit add"))
        if not bad and any(lever.path == item["path"] for lever in levers):
            bad.append(Problem(name, document.row(i, "path"), "path", item["path"], "each lever once"))
        if not bad and "*" in item["path"] and item["path"] not in TEMPLATES:
            bad.append(Problem(name, document.row(i, "path"), "path", item["path"], f"a template is one of {', '.join(TEMPLATES)}"))
        problems += bad
        if not bad:
            cells: dict[str, Any] = {key: float(item[key]) if key in _NUMBERS else item[key] for key in item if key != "marks"}
            levers.append(Lever(**cells, marks=tuple(float(mark) for mark in marks)))
    if problems:
        raise InputError(problems)
    return tuple(levers)


def aimed_at(item: Target) -> bool:
    """Whether the allocation aims at an indicator with a target: a binding or expected one of a measure that it can move."""
    return item.nature in ("binding", "expected") and item.measure in LINEAR


def expand(levers: Sequence[Lever], services: Iterable[Named], indicators: Iterable[Target]) -> tuple[Lever, ...]:
    """Turn the templates into one lever per service and per binding or expected indicator with a target number that the allocation aims at.

    `standards.*` keeps its range (a multiple). The range and step of `targets.*` are multiples of the plan's own target, so the lever's
    are in the indicator's unit. `{name}` and `{unit}` in a template's texts are filled in; without `{name}` the name is put behind.
    """
    services, indicators = tuple(services), tuple(indicators)
    whole: list[Lever] = []
    for lever in levers:
        if lever.path == "standards.*":
            whole += [replace(_filled(lever, item.name_zh, item.name_en, "", ""), path=f"standards.{item.code}") for item in services]
        elif lever.path == "targets.*":
            for item in indicators:
                if not aimed_at(item) or item.target_value is None or item.target_value <= 0:
                    continue
                target = replace(lever, unit_zh="{unit}", unit_en="{unit}")
                whole.append(
                    replace(
                        _filled(target, item.name_zh, item.name_en, item.unit_zh, item.unit_en),
                        path=f"targets.{item.code}",
                        shown_as="number",
                        lowest=lever.lowest * item.target_value,
                        highest=lever.highest * item.target_value,
                        step=_one_digit(lever.step * item.target_value),
                    )
                )
        else:
            whole.append(lever)
    return tuple(whole)


def _filled(lever: Lever, name_zh: str, name_en: str, unit_zh: str, unit_en: str) -> Lever:
    def fill(text: str, name: str, unit: str) -> str:
        return text.replace("{name}", name).replace("{unit}", unit)

    label_zh = lever.name_zh if "{name}" in lever.name_zh else lever.name_zh + " {name}"
    label_en = lever.name_en if "{name}" in lever.name_en else lever.name_en + " {name}"
    return replace(
        lever,
        name_zh=fill(label_zh, name_zh, unit_zh),
        name_en=fill(label_en, name_en, unit_en),
        unit_zh=fill(lever.unit_zh, name_zh, unit_zh),
        unit_en=fill(lever.unit_en, name_en, unit_en),
        meaning_zh=fill(lever.meaning_zh, name_zh, unit_zh),
        meaning_en=fill(lever.meaning_en, name_en, unit_en),
    )


def _one_digit(value: float) -> float:
    """A step that reads well: 0.385 -> 0.4."""
    return float(f"{value:.0e}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def value_problems(value: Any, lowest: float | None = None, highest: float | None = None, unit: str = "") -> list[str]:
    """What is wrong with a number or {year: number}: kind, years 1990..2100, range; an empty list when nothing is."""
    if isinstance(value, Mapping):
        if not value:
            return ["a number, or at least one year: number"]
        texts = [
            f"{year!r}: a year between {FIRST_YEAR} and {LAST_YEAR}"
            for year in value
            if not (isinstance(year, int) and not isinstance(year, bool) and FIRST_YEAR <= year <= LAST_YEAR)
        ]
        for year, inner in value.items():
            texts += [f"{year}: {text}" for text in (["a number"] if isinstance(inner, Mapping) else value_problems(inner, lowest, highest, unit))]
        return texts
    if not _is_number(value):
        return ["a number written in full (1.2), or {year: number}"]
    if lowest is not None and value < lowest or highest is not None and value > highest:
        return [f"{value:.15g} is outside {_bound(lowest)} .. {_bound(highest)} {unit}".rstrip()]
    return []


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:.15g}"


def check_value(lever: Lever, value: Any) -> list[str]:
    """What is wrong with `value` (a number or {year: number}) for this lever; an empty list when nothing is."""
    return value_problems(value, lever.lowest, lever.highest, lever.unit_en)


def path_at(value: Value | Mapping[int, float], years: Iterable[int]) -> np.ndarray:
    """The value in each of `years`: straight lines between the years given, constant before the first and after the last."""
    wanted = np.asarray(list(years), dtype=np.float64)
    if not isinstance(value, Mapping):
        return np.full(wanted.shape, float(value))
    known = sorted(value)
    return np.interp(wanted, np.asarray(known, dtype=np.float64), np.asarray([value[year] for year in known], dtype=np.float64))


def clean_value(value: Any) -> Any:
    """A value as it is kept: whole numbers as int (60 and 60.0 are one value), years as int and in order, -0 as 0."""
    if isinstance(value, Mapping):
        keyed = {int(year) if isinstance(year, str) and re.fullmatch(r"[0-9]{4}", year) else year: clean_value(inner) for year, inner in value.items()}
        return dict(sorted(keyed.items())) if all(isinstance(year, int) for year in keyed) else keyed
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value
