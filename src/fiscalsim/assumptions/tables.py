"""The tables of a pack: which columns each has, what may stand in them, and how a pack lies on top of national.

Reads text into typed rows and collects every mistake with its place. Must not know what the model does with a row.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fiscalsim.axes import OPEN_AGE, RESIDENCES, SEXES
from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.levers import FIRST_YEAR, LAST_YEAR, number, read_csv
from fiscalsim.parameters import GRADES, NATIONAL, OWN
from fiscalsim.quantities import FUNDS

Row = dict[str, Any]  # typed cells by column, and `file` and `line` for messages

FUNCTIONS = ("education", "social_security", "health", "housing", "culture")
FISCAL_ONCE = ("expenditure", "new_bonds", "debt_balance", *FUNCTIONS)  # needed for the base year only
RELIEF_BY_RESIDENCE = ("dibao_line", "destitute_part", "income")  # yuan a year, share of the destitute, yuan a head and year
RELIEF_CARE = ("care_able", "care_semi", "care_full", "care_able_part", "care_semi_part", "care_full_part")
RELIEF_ITEMS = (*RELIEF_BY_RESIDENCE, *RELIEF_CARE)
FUND_ITEMS = ("contributors", "beneficiaries", "contribution", "benefit", "old_multiple", "subsidy", "reserve_months")
# lines of a budget as bureaus publish them: what the base year is reconciled with and later years are held against
PUBLISHED = (
    *("own_revenue", "tax_revenue", "nontax_revenue", "transfers_received", "tax_refund", "general_transfers", "special_transfers", "bonds_onlent"),
    *("carried_in", "funds_in", "stabilisation_used", "total_resources", "expenditure", "remitted_up", "debt_repaid", "carried_out", "funds_out"),
    *("stabilisation_added", "interest_paid", "sanbao", "sanbao_livelihood", "sanbao_wages", "sanbao_operation", *FUNCTIONS),
    "gdp",  # of the base year: the tax base of standard revenue
)
FISCAL_PATHS = ("own_revenue", "debt_interest", "debt_limit", "other_debt", "bond_quota")  # from the base year on, then grown
VITAL_ITEMS = ("tfr_relative", "e0_difference", "external_net_migration", "leaving_rate", "destination_share", "household_size")
VITAL_OPTIONAL = ("srb", "cost_difference")
MEASURES = (
    "coverage",
    "clients_per",
    "capacity_per",
    "capacity_total",
    "capacity_share",
    "standard",
    "standard_growth",
    "count_per",
    "insured_share",
    "compliance",
    "reported",
    "stated",
)
REPORTED = ("life_expectancy", "schooling_years", "infant_mortality", "under5_mortality", "resident_coverage", "new_urban_labour")
DOMAINS = ("childcare", "education", "employment", "health", "elderly", "housing", "assistance", "veterans", "culture-sport")
PER = ("population", "households", "elders", "adults")
NO_TARGET = ("full", "none")  # target_op words that need no number
ALL = "all"
EVERY = "*"
ASSUMPTION = "assumption"  # what grade D cites; needs no document
_SCALES = {"亿": 1e8, "万": 1e4, "千": 1e3, "百万": 1e6}
_CODE = re.compile(r"[A-Za-z0-9_.\-]+")
_YES = {"yes": True, "no": False}


@dataclass(frozen=True)
class Column:
    """What may stand in a column."""

    kind: str  # text, code, words, number, whole, yes, codes
    lowest: float | None = None
    highest: float | None = None
    words: tuple[str, ...] = ()
    needed: bool = True

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        if self.kind == "words":
            return f"one of {', '.join(self.words)}"
        if self.kind in ("text", "code", "codes", "yes"):
            return {"text": "text", "code": "a code of letters, digits, _ . -", "codes": "codes separated by ;", "yes": "yes or no"}[self.kind]
        if (self.lowest, self.highest) == (0, 1):
            return "a share from 0 to 1, not percent"
        if (self.lowest, self.highest) == (FIRST_YEAR, LAST_YEAR):
            return f"a year from {FIRST_YEAR} to {LAST_YEAR}"
        what = "a whole number" if self.kind == "whole" else "a plain number such as 1234.5 or 1,234.5"
        low = "" if self.lowest is None else f", at least {self.lowest:.15g}"
        return what + low + ("" if self.highest is None else f", at most {self.highest:.15g}")

    def read(self, text: str) -> tuple[Any, bool]:
        """The value of a cell, and whether the cell is right."""
        if not text:
            return (() if self.kind == "codes" else "" if self.kind == "text" else None), not self.needed
        if self.kind == "text":
            return text, True
        if self.kind == "code":
            return text, bool(_CODE.fullmatch(text)) or text == EVERY
        if self.kind == "codes":
            codes = tuple(part.strip() for part in text.split(";") if part.strip())
            return codes, all(_CODE.fullmatch(code) for code in codes)
        if self.kind == "yes":
            return _YES.get(text), text in _YES
        if self.kind == "words":
            return text, text in self.words
        value = local_number(text)
        if value is None or (self.lowest is not None and value < self.lowest) or (self.highest is not None and value > self.highest):
            return None, False
        if self.kind == "whole":
            return int(value), value.is_integer()
        return value, True


TEXT, MAY_BE_TEXT = Column("text"), Column("text", needed=False)
CODE, CODES = Column("code"), Column("codes", needed=False)
MAY_BE_CODE = Column("code", needed=False)
NUMBER, MAY_BE_NUMBER = Column("number"), Column("number", needed=False)
COUNT, SHARE = Column("number", 0), Column("number", 0, 1)
YES = Column("yes")
YEAR = Column("whole", FIRST_YEAR, LAST_YEAR)
AGE, MAY_BE_AGE = Column("whole", 0, OPEN_AGE), Column("whole", 0, OPEN_AGE, needed=False)
SEX, RESIDENCE = Column("words", words=SEXES), Column("words", words=RESIDENCES)
ANY_SEX, ANY_RESIDENCE = Column("words", words=(ALL, *SEXES)), Column("words", words=(ALL, *RESIDENCES))


def _words(*words: str) -> Column:
    return Column("words", words=words)


@dataclass(frozen=True)
class Shape:
    """One table: its key, its columns (grade, source, note and quote are added) and whether every pack needs it."""

    key: tuple[str, ...]
    columns: dict[str, Column]
    needed: bool = True
    graded: bool = True
    may_lack: tuple[str, ...] = ()  # columns that a file may do without


_NAMES = {"name_zh": TEXT, "name_en": TEXT}
SHAPES: dict[str, Shape] = {
    "sources.csv": Shape(
        ("source",),
        {"source": CODE, "title": TEXT, "issuer": MAY_BE_TEXT, "date": MAY_BE_TEXT, "reference": MAY_BE_TEXT, "how_known": _words("read", "recalled", "ours")},
        graded=False,
    ),
    "regions.csv": Shape(
        ("region",),
        {"region": CODE, **_NAMES, "short_zh": TEXT, "short_en": TEXT, "parent": MAY_BE_TEXT, "level": TEXT, "tier": Column("whole", 1, 5), "tags": CODES},
    ),
    "population.csv": Shape(("region", "sex", "age_from"), {"region": CODE, "sex": SEX, "age_from": AGE, "age_to": MAY_BE_AGE, "persons": COUNT}),
    "open_ages.csv": Shape(("sex", "age_from"), {"sex": SEX, "age_from": AGE, "age_to": MAY_BE_AGE, "persons": COUNT}, needed=False),
    "residence.csv": Shape(
        ("region", "residence", "item"), {"region": CODE, "residence": RESIDENCE, "item": _words("persons", "non_local_share"), "value": COUNT, "unit": TEXT}
    ),
    "vital.csv": Shape(("region", "item"), {"region": CODE, "item": _words(*VITAL_ITEMS, *VITAL_OPTIONAL), "value": NUMBER, "unit": TEXT}),
    "mortality.csv": Shape(("sex", "age"), {"sex": SEX, "age": AGE, "mx": COUNT}),
    "fertility.csv": Shape(("residence", "age"), {"residence": RESIDENCE, "age": AGE, "asfr": COUNT}),
    "mover_schedule.csv": Shape(("sex", "age"), {"sex": SEX, "age": AGE, "rate": COUNT}),
    "services.csv": Shape(
        ("service",),
        {
            "service": CODE,
            **_NAMES,
            "short_zh": TEXT,
            "short_en": TEXT,
            "domain": CODE,
            "kind": _words("benefit", "place", "staffed", "network", "fund"),
            "basis": _words("hukou", "resident", "served"),
            "driver": _words("population", "births", "deaths", "households"),
            "client_zh": TEXT,
            "client_en": TEXT,
            "function": _words(*FUNCTIONS, "none"),
            "sharing_rule": CODE,
            "promise": YES,
            "floor": COUNT,
            "ceiling": COUNT,
            "wage_share": SHARE,
            "fixed_share": SHARE,
            "care": YES,
        },
    ),
    "needs.csv": Shape(
        ("service", "residence", "sex", "age_from"),
        {"service": CODE, "residence": ANY_RESIDENCE, "sex": ANY_SEX, "age_from": MAY_BE_AGE, "age_to": MAY_BE_AGE, "rate": COUNT},
    ),
    "standards.csv": Shape(("service", "year"), {"service": CODE, "year": YEAR, "yuan": COUNT}),
    "sharing.csv": Shape(("rule", "tier"), {"rule": CODE, "tier": _words(ALL, "1", "2", "3", "4", "5"), "central_share": SHARE}),
    "resources.csv": Shape(
        ("resource",),
        {
            "resource": CODE,
            **_NAMES,
            "kind": _words("place", "staff"),
            "unit_zh": TEXT,
            "unit_en": TEXT,
            "lead_years": Column("whole", 0),
            "retire_rate": SHARE,
            "build_rate": COUNT,
            "build_floor": COUNT,
            "build_cost": COUNT,
            "life_years": COUNT,
            "surplus_share": SHARE,
            "project_size": Column("number", 0, needed=False),
        },
        needed=False,
        may_lack=("project_size",),
    ),
    "requires.csv": Shape(("service", "resource"), {"service": CODE, "resource": CODE, "units_per_client": COUNT}, needed=False),
    "conversions.csv": Shape(("from", "to"), {"from": CODE, "to": CODE, "places_per_place": COUNT, "cost_per_place": COUNT}, needed=False),
    "capacity.csv": Shape(("region", "resource"), {"region": CODE, "resource": CODE, "value": COUNT, "unit": TEXT}, needed=False),
    "coverage.csv": Shape(("service", "region", "residence"), {"service": CODE, "region": CODE, "residence": ANY_RESIDENCE, "value": COUNT}),
    "fiscal.csv": Shape(("region", "item", "year"), {"region": CODE, "item": _words(*FISCAL_ONCE, *FISCAL_PATHS), "year": YEAR, "value": COUNT, "unit": TEXT}),
    "indicators.csv": Shape(
        ("indicator",),
        {
            "indicator": CODE,
            **_NAMES,
            "domain": CODE,
            "unit_zh": TEXT,
            "unit_en": TEXT,
            "nature": _words("binding", "expected", "stated"),
            "in_table": Column("yes", needed=False),
            "base_from": Column("whole", FIRST_YEAR, LAST_YEAR, needed=False),
            "base_year": YEAR,
            "base_op": Column("words", words=("=", ">", ">=", "<=", "<", "full"), needed=False),
            "base_value": MAY_BE_NUMBER,
            "target_from": Column("whole", FIRST_YEAR, LAST_YEAR, needed=False),
            "target_year": YEAR,
            "target_op": _words(">=", ">", "=", "<=", "<", "range", "full", "none"),
            "target_value": MAY_BE_NUMBER,
            "target_high": MAY_BE_NUMBER,
            "measure": _words(*MEASURES),
            "of": CODES,
            "per": CODES,
            "scale": Column("number", 0, needed=False),
        },
        may_lack=("in_table", "base_from", "base_op", "target_from", "target_high"),
    ),
    "conflicts.csv": Shape(
        ("conflict", "indicator"),
        {"conflict": CODE, "name_zh": TEXT, "indicator": CODE, "chosen": YES, "why": TEXT},
        needed=False,
        graded=False,
    ),
    "priority.csv": Shape(("kind", "name"), {"kind": _words("tag", "region", "residence", "domain", "service"), "name": CODE, "weight": COUNT}, needed=False),
    "purchase.csv": Shape(("resource",), {"resource": CODE, "market_share": COUNT, "price_multiple": COUNT}, needed=False),
    "observed.csv": Shape(
        ("region", "item", "year"), {"region": CODE, "item": _words("population", "births", "deaths"), "year": YEAR, "value": COUNT, "unit": TEXT}, needed=False
    ),
    "published.csv": Shape(("region", "item", "year"), {"region": CODE, "item": _words(*PUBLISHED), "year": YEAR, "value": COUNT, "unit": TEXT}, needed=False),
    "relief.csv": Shape(
        ("item", "residence", "year"), {"item": _words(*RELIEF_ITEMS), "residence": ANY_RESIDENCE, "year": YEAR, "value": COUNT, "unit": TEXT}, needed=False
    ),
    "funds.csv": Shape(("fund", "item"), {"fund": _words(*FUNDS), "item": _words(*FUND_ITEMS), "value": COUNT, "unit": TEXT}),
    "starting_steps.csv": Shape(("step",), {"step": CODE, **_NAMES, "method_zh": TEXT, "method_en": TEXT}, needed=False),
    "births.csv": Shape(("region", "year"), {"region": CODE, "year": YEAR, "value": COUNT, "unit": TEXT}, needed=False),
    "items.csv": Shape(
        ("item",),
        {
            "item": CODE,
            "domain": _words(*DOMAINS),
            "group_zh": TEXT,
            "group_en": TEXT,
            **_NAMES,
            "clients_zh": TEXT,
            "clients_en": TEXT,
            "age_from": AGE,
            "age_to": MAY_BE_AGE,
            "sex": ANY_SEX,
            "residence": ANY_RESIDENCE,
            "basis": _words("hukou", "resident", "served"),
            "standard_zh": TEXT,
            "standard_en": TEXT,
            "function": _words(*FUNCTIONS, "none"),
            "kind": _words("benefit", "place", "staffed", "network", "fund"),
            "sharing_rule": MAY_BE_CODE,
            "payer_zh": TEXT,
            "payer_en": TEXT,
            "from_year": _words("2021", "2023"),  # the editions of the standard
            "change_2023": Column("words", words=("added", "raised", "widened"), needed=False),
            "services": CODES,
            "carried": _words("service", "inside", "not_modelled"),
        },
        needed=False,
    ),
    "plan_headings.csv": Shape(("heading",), {"heading": CODE, **_NAMES, "stated_items": Column("whole", 0, needed=False)}, needed=False),
    "plan_items.csv": Shape(
        ("plan_item",),
        {
            "plan_item": CODE,
            "heading": CODE,
            "domain": _words(*DOMAINS, "none"),
            **_NAMES,
            "named": _words("listed", "text", "reference"),
            "items": CODES,
            "services": CODES,
            "own": YES,
        },
        needed=False,
    ),
    "zones.csv": Shape(("zone",), {"zone": CODE, **_NAMES, "inside": CODE, "share": SHARE}, needed=False),
    "mechanisms.csv": Shape(
        ("mechanism",),
        {
            "mechanism": CODE,
            "plans": CODES,
            **_NAMES,
            "status": _words("honoured", "planned", "outside"),
            "link_kind": Column("words", words=("lever", "parameter", "family", "service", "indicator", "scenario", "table", "result"), needed=False),
            "link": MAY_BE_TEXT,
            "pack": MAY_BE_CODE,
            "trial": MAY_BE_TEXT,
            "effect_zh": MAY_BE_TEXT,
            "effect_en": MAY_BE_TEXT,
            "reason_zh": MAY_BE_TEXT,
            "reason_en": MAY_BE_TEXT,
        },
        needed=False,
    ),
    "release.csv": Shape(("item",), {"item": CODE, "value": NUMBER, "unit": MAY_BE_TEXT}, needed=False, may_lack=("unit",)),
    "projects.csv": Shape(
        ("resource", "stage"),
        {"resource": CODE, "stage": CODE, "low": COUNT, "mode": COUNT, "high": COUNT, "unit": MAY_BE_TEXT},
        needed=False,
        may_lack=("unit",),
    ),
    "queues.csv": Shape(("service", "item"), {"service": CODE, "item": CODE, "value": NUMBER, "unit": MAY_BE_TEXT}, needed=False, may_lack=("unit",)),
    "affordability.csv": Shape(
        ("kind", "name", "path"),
        {
            "kind": _words("case", "future", "threshold", "reference"),
            "name": CODE,
            "path": MAY_BE_TEXT,
            "how": _words("add", "times", "is"),
            "value": NUMBER,
            "phased": YES,
        },
        needed=False,
    ),
    "uncertainty.csv": Shape(
        ("path",),
        {
            "path": CODE,
            "how": _words("plus", "times"),
            "sd": COUNT,
            "persistence": SHARE,
            "from_year": YEAR,
            "follows": MAY_BE_CODE,
            "correlation": Column("number", -1, 1, needed=False),
        },
        needed=False,
    ),
    "staff.csv": Shape(("resource", "item"), {"resource": CODE, "item": CODE, "value": NUMBER, "unit": MAY_BE_TEXT}, needed=False, may_lack=("unit",)),
}
# what a sub-folder of a pack may hold: the tables by region, cut finer than the pack's own
BY_REGION = ("regions.csv", "population.csv", "residence.csv", "vital.csv", "capacity.csv", "coverage.csv", "fiscal.csv", "observed.csv")
YAML_FILES = ("pack.yaml", "parameters.yaml", "levers.yaml")
SHARE_ITEMS = ("leaving_rate", "destination_share", "non_local_share")
MARKS = {"grade": _words(*GRADES), "source": CODE, "note": MAY_BE_TEXT, "quote": MAY_BE_TEXT}


def local_number(text: str) -> float | None:
    """The number of a cell as a bureau writes it: 1234.5, 1,234.5, full-width digits, and 万 or 亿 after the figure (1.2万); None for anything else."""
    text = unicodedata.normalize("NFKC", text).strip()
    factor = next((_SCALES[sign] for sign in ("万", "亿") if text.endswith(sign)), 1.0)
    value = number(text if factor == 1.0 else text[:-1].rstrip())
    return None if value is None else value * factor


def scale_of(unit: str) -> float | None:
    """What a value in this unit is multiplied by (亿元 -> 1e8, 万人 -> 1e4, places -> 1); None for percent, which is not accepted."""
    if unit.strip().startswith(("%", "‰")) or unit.strip().lower().startswith(("percent", "per cent", "per mille")):
        return None
    prefix = next((prefix for prefix in sorted(_SCALES, key=len, reverse=True) if unit.startswith(prefix)), "")
    return _SCALES.get(prefix, 1.0)


def read_table(path: Path, name: str, shape: Shape, problems: list[Problem], notes: list[str]) -> list[Row]:
    """Typed rows of one file; every mistake goes to `problems`, an encoding other than UTF-8 to `notes`."""
    table = read_csv(path, name, problems)
    if table.note:
        notes.append(table.note)
    columns = shape.columns | (MARKS if shape.graded else {"note": MAY_BE_TEXT})
    missing = [column for column in columns if column not in table.columns and column not in ("note", "quote", *shape.may_lack)]
    unknown = [column for column in dict.fromkeys(table.columns) if column and column not in columns]
    problems += [Problem(name, 1, column, "", "a column with this name", nearest(column, unknown)) for column in missing] if table.columns else []
    problems += [Problem(name, 1, column, column, f"one of the columns {', '.join(columns)}", nearest(column, [*missing, *columns])) for column in unknown]
    if missing:
        return []
    rows, seen = list[Row](), dict[tuple[Any, ...], int]()
    for line, cells in table.rows:
        row: Row = {"file": name, "line": line}
        whole = True
        for column, kind in columns.items():
            text = cells.get(column, "")
            row[column], right = kind.read(text)
            if not right:
                whole = False
                near = nearest(text, kind.words) if kind.words and text else ""
                problems.append(Problem(name, line, column, text, kind.allowed, near))
        whole = whole and _scaled(row, cells, problems)
        if shape.graded and row["grade"] == "A" and not row["quote"]:
            problems.append(Problem(name, line, "quote", "", "the words of the document, which grade A needs"))
        if not whole:
            continue
        key = tuple(row[column] for column in shape.key)
        if key in seen:
            problems.append(Problem(name, line, ", ".join(shape.key), ", ".join(map(str, key)), f"each key once; it stands already in row {seen[key]}"))
            continue
        seen[key] = line
        rows.append(row)
    return rows


def _scaled(row: Row, cells: Mapping[str, str], problems: list[Problem]) -> bool:
    """Bring `value` from its unit to yuan, persons, places or shares (`as_written` keeps it); False when the unit is not accepted."""
    row["as_written"] = row.get("value")
    if "unit" not in row or row.get("value") is None:
        return True
    factor = scale_of(row["unit"])
    if factor is None:
        problems.append(Problem(row["file"], row["line"], "unit", row["unit"], "a share from 0 to 1, not percent"))
        return False
    if factor != 1.0 and cells["value"].rstrip().endswith(("万", "亿")):
        problems.append(
            Problem(row["file"], row["line"], "value", cells["value"], f"万 or 亿 either after the figure or in the unit ({row['unit']}), not both")
        )
        return False
    if row["file"].endswith(("/fiscal.csv", "/published.csv")) and not row["unit"].endswith(("元", "yuan")):
        problems.append(Problem(row["file"], row["line"], "unit", row["unit"], "元, 万元, 亿元 or yuan"))
        return False
    row["value"] *= factor
    if row.get("item") in SHARE_ITEMS and not 0 <= row["value"] <= 1:
        problems.append(Problem(row["file"], row["line"], "value", cells["value"], "a share from 0 to 1, not percent"))
        return False
    return True


@dataclass(frozen=True)
class Reading:
    """All rows of a pack on top of national, by file, with what was found while reading."""

    tables: dict[str, list[Row]]
    problems: list[Problem] = field(repr=False)
    notes: list[str]
    whole: dict[str, list[Row]] = field(default_factory=dict)  # the pack's own rows of the tables whose place finer ones take


def folder_of(pack: str, resolution: str = OWN) -> str:
    """The folder below assumptions/ that holds the tables of a pack at a resolution."""
    return pack if resolution == OWN else f"{pack}/{resolution}"


def read_tables(pack: str, home: Path, resolution: str = OWN) -> Reading:
    """Every table of national and the pack, merged by key (the pack's row wins); files with an unknown name are problems.

    At a finer `resolution` a table of the sub-folder takes the place of the pack's own of that name; the others stay.
    """
    problems, notes = list[Problem](), list[str]()
    tables: dict[str, list[Row]] = {}
    whole: dict[str, list[Row]] = {}
    finer = folder_of(pack, resolution)
    for folder in dict.fromkeys((NATIONAL, pack, finer)):
        known = [*BY_REGION] if folder not in (NATIONAL, pack) else [*SHAPES, *YAML_FILES]
        what = "a table by region" if folder not in (NATIONAL, pack) else "a file of the pack format"
        for path in _files(home, folder):
            if path.name not in known:
                problems.append(Problem(f"{folder}/{path.name}", None, "", path.name, what, nearest(path.name, known)))
    for file, shape in SHAPES.items():
        merged: dict[tuple[Any, ...], Row] = {}
        found = False
        if finer != pack and (home / "assumptions" / finer / file).is_file():
            own = home / "assumptions" / pack / file
            whole[file] = read_table(own, f"{pack}/{file}", shape, problems, notes) if own.is_file() else []
            layers = (NATIONAL, finer)
        else:
            layers = (NATIONAL, pack)
        for folder in layers:
            path = home / "assumptions" / folder / file
            if path.is_file():
                found = True
                for row in read_table(path, f"{folder}/{file}", shape, problems, notes):
                    merged[tuple(row[column] for column in shape.key)] = row
        if shape.needed and not found:
            problems.append(Problem(f"{pack}/{file}", None, "", file, "this table, in national or in the pack"))
        tables[file] = list(merged.values())
    return Reading(tables, problems, notes, whole)


def _files(home: Path, folder: str) -> list[Path]:
    """CSV and YAML files of one folder below assumptions/, by name; none where there is no such folder."""
    place = home / "assumptions" / folder
    found = place.iterdir() if place.is_dir() else ()
    return sorted((path for path in found if path.suffix.lower() in (".csv", ".yaml", ".yml")), key=lambda path: path.name)


def pack_digest(pack: str, home: Path, resolution: str = OWN) -> str:
    """sha256 over the bytes of the CSV and YAML files of national, the pack and its folder for `resolution`, line endings and byte-order marks normalised."""
    digest = hashlib.sha256()
    for folder in dict.fromkeys((NATIONAL, pack, folder_of(pack, resolution))):
        for path in _files(home, folder):
            raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            digest.update(f"{folder}/{path.name}\0{len(raw)}\0".encode())
            digest.update(raw)
    return digest.hexdigest()


def missing(rows: Iterable[Row], columns: tuple[str, ...], wanted: Iterable[tuple[Any, ...]], file: str, allowed: str) -> list[Problem]:
    """A problem for every wanted combination of `columns` without a row."""
    have = {tuple(row[column] for column in columns) for row in rows}
    return [Problem(file, None, ", ".join(columns), ", ".join(map(str, key)), allowed) for key in wanted if key not in have]


def unknown_codes(rows: Iterable[Row], column: str, known: Iterable[str], what: str) -> list[Problem]:
    """A problem for every row whose code (or one of whose codes) in `column` is not known."""
    known = list(known)
    allowed = set(known)
    problems = []
    for row in rows:
        codes = row[column] if isinstance(row[column], tuple) else (row[column],)
        problems += [Problem(row["file"], row["line"], column, str(code), what, nearest(str(code), known)) for code in codes if code not in allowed]
    return problems


def raise_all(problems: Iterable[Problem]) -> None:
    """InputError with every problem once, in the order found; nothing when there is none."""
    found = list(dict.fromkeys(problems))
    if found:
        raise InputError(found)
