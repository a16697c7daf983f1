"""What a scenario may move: every parameter by its nature, the levers of a pack, the rules for names.

Reads the names of a pack's services and indicators and its parameters.yaml; must not know a scenario, nor what a number does to the model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.levers import Document, Lever, aimed_at, clean_value, expand, load_levers, number, read_csv, read_document, value_problems

NATIONAL = "national"
OWN = "own"  # the resolution of the tables in the pack's own folder
# What each parameter may be by its nature (a share, a multiple, a growth rate ...), and whether it may change from year to year.
# The narrower range of a lever is the lever's own. Every pack, through national, holds all of them.
_SHARE, _MULTIPLE, _GROWTH, _YEARS, _ANY = (0.0, 1.0), (0.0, None), (-1.0, 1.0), (0.0, None), (None, None)
PARAMETERS: dict[str, tuple[bool, tuple[float | None, float | None]]] = {
    "demography.tfr": (True, _MULTIPLE),
    "demography.life_expectancy": (True, _YEARS),
    "demography.life_expectancy_gap": (True, _ANY),
    "demography.rural_fertility_ratio": (True, _MULTIPLE),
    "demography.urbanisation_rate": (True, _SHARE),
    "demography.external_migration": (True, _ANY),
    "demography.internal_migration": (True, _MULTIPLE),
    "demography.reclassified_share": (False, _SHARE),
    "demography.srb": (False, _MULTIPLE),
    "demography.schooling_years": (True, _YEARS),
    "demography.schooling_years_entrants": (True, _YEARS),
    "demography.schooling_years_leavers": (True, _YEARS),
    "demand.resident_coverage": (True, _SHARE),
    "demand.care_need": (True, _MULTIPLE),
    "costs.wage_growth": (True, _GROWTH),
    "costs.price_growth": (True, _GROWTH),
    "fiscal.revenue_growth": (True, _GROWTH),
    "fiscal.baseline_growth": (True, _GROWTH),
    "fiscal.transfer_growth": (True, (-1.0, 3.0)),  # what a budget gets beside its own revenue may more than double after a low year
    "fiscal.transfer_pool": (True, _MULTIPLE),
    "fiscal.reserve_share": (True, _SHARE),
    "fiscal.bond_quota": (True, _MULTIPLE),
    "fiscal.bond_rate": (False, _SHARE),
    "fiscal.catalogue_share": (True, _SHARE),
    "fiscal.province_share": (False, _SHARE),
    "fiscal.first_claims_share": (False, _SHARE),
    "fiscal.claims_wage_share": (False, _SHARE),
    "fiscal.limit_growth": (True, _GROWTH),
    "funds.retirement_age_men": (True, _YEARS),
    "funds.retirement_age_women": (True, _YEARS),
    "allocation.recurrent_growth_margin": (False, _GROWTH),
    "allocation.transfer_change_limit": (False, _SHARE),
    "allocation.tail_years": (False, _YEARS),
    "allocation.whole_projects": (False, _SHARE),
    "allocation.rule_cost_weight": (False, _MULTIPLE),
    "allocation.rule_ethnic_factor": (False, (0.5, 2.0)),
    "allocation.rule_poor_factor": (False, (0.5, 2.0)),
    "allocation.rule_difficulty_weight": (False, _SHARE),
    "allocation.rule_formula_share": (False, _SHARE),
    "allocation.rule_effort_share": (False, _SHARE),
    "allocation.rule_guarantee_share": (False, _SHARE),
    "execution.lead_time": (False, _MULTIPLE),
    "execution.release_delay": (False, _ANY),
    "execution.replications": (False, _MULTIPLE),
    "execution.persons_per_client": (False, _MULTIPLE),
    "execution.feedback": (False, _YEARS),
}
# The measures that the plans name beside money and standards; neutral in national, so that only a pack or a scenario that sets one is moved by it.
MEASURES: dict[str, tuple[bool, tuple[float | None, float | None]]] = {
    "demand.take_up": (True, _MULTIPLE),
    "demand.relief_cases": (True, _MULTIPLE),
    "demand.residence_years": (True, _YEARS),
    "demand.mean_stay_years": (False, _YEARS),
    "demand.housing_opened": (True, _SHARE),
    "demand.relief_opened": (True, _SHARE),
    "demand.pension_age": (True, _YEARS),
    "demand.care_elsewhere": (True, _SHARE),
    "demand.vocational_share": (True, _SHARE),
    "costs.vocational_ratio": (False, _MULTIPLE),
    "costs.health_saving": (True, _SHARE),
    "costs.online_share": (True, _SHARE),
    "costs.online_saving": (False, _SHARE),
    "costs.offline_kept": (False, _SHARE),
    "costs.rural_income": (True, _MULTIPLE),
    "benefits.relief_growth": (False, _GROWTH),
    "benefits.disability_growth": (False, _GROWTH),
    "benefits.veterans_growth": (False, _GROWTH),
    "benefits.destitute_multiple": (False, _MULTIPLE),
    "benefits.destitute_income_share": (False, _SHARE),
    "benefits.destitute_urban_income_share": (False, _SHARE),
    "benefits.paid_contribution": (True, _MULTIPLE),
    "fees.user_share": (True, _SHARE),
    "fees.affordable_share": (False, _SHARE),
    "fees.insured_share": (True, _SHARE),
    "funds.local_share": (True, _SHARE),
    "funds.pooling": (True, _SHARE),
    "funds.care_contribution": (True, _MULTIPLE),
    "fiscal.outside_aid": (True, _SHARE),
    "fiscal.paired_support": (True, _SHARE),
    "fiscal.social_funds": (True, _SHARE),
    "fiscal.citizenship_grant": (True, _MULTIPLE),
    "fiscal.settlement": (True, _SHARE),
    "fiscal.purchase_cap": (False, _SHARE),
    "supply.purchase_limit": (False, _MULTIPLE),
    "supply.qualified_share": (False, _SHARE),
    "supply.provider_return": (False, _SHARE),
    "supply.private_share": (False, _SHARE),
    "supply.private_subsidy": (False, _SHARE),
    "supply.colocation_saving": (False, _SHARE),
    "supply.elder_places_with_housing": (True, _MULTIPLE),
    "supply.kindergarten_places_with_housing": (True, _MULTIPLE),
    "supply.building_rate": (False, _MULTIPLE),
    "supply.hiring_rate": (False, _MULTIPLE),
    "supply.retention_pay": (False, _SHARE),
    "supply.retention_response": (False, _MULTIPLE),
    "supply.post_mobility": (False, _SHARE),
    "supply.cash_rent_share": (False, _SHARE),
    "supply.forced_exit": (False, _SHARE),
}
PARAMETERS |= MEASURES
WHOLE = ("allocation.tail_years", "allocation.whole_projects", "execution.replications", "execution.feedback")
GRADES = ("A", "B", "C", "D")
_PARAMETER_KEYS = ("value", "unit", "grade", "source", "note", "quote")
LONGEST_NAME = 80
_NAME_SIGNS = frozenset(" -_.,()&+%~·—–、，。（）《》〈〉「」『』【】〔〕“”‘’～％＋")
_SHOWN_SIGNS = _NAME_SIGNS | frozenset("/:;!?'\"=<>：；！？…")
_OPENING_SIGNS = frozenset("《〈「『【〔“")


def name_problem(text: Any, shown: bool = False) -> str:
    """Why `text` may not name a scenario or a file (empty when it may); `shown` names are only shown, never part of a path.

    At most 80 characters, NFC; letters, digits and common punctuation; no control, invisible or bidirectional signs; no `..`, no separator
    of folders, no leading sign that a spreadsheet takes for a formula.
    """
    if not isinstance(text, str) or not text.strip():
        return "a name"
    if len(text) > LONGEST_NAME:
        return f"at most {LONGEST_NAME} characters"
    if unicodedata.normalize("NFC", text) != text:
        return "text in the composed form (NFC)"
    bad = next(
        (
            sign
            for sign in text
            if not (unicodedata.category(sign)[0] in "LN" or unicodedata.category(sign) in ("Mn", "Mc") or sign in (_SHOWN_SIGNS if shown else _NAME_SIGNS))
        ),
        "",
    )
    if bad:
        return f"letters, digits and common punctuation, not {bad if bad.isprintable() else f'U+{ord(bad):04X}'!r}"
    if not (unicodedata.category(text[0])[0] in "LN" or text[0] in _OPENING_SIGNS):
        return f"a name that begins with a letter or digit, not {text[0]!r}"
    if not shown and (".." in text or text[-1] in " ."):
        return "a name without '..' that does not end with a dot or blank"
    return ""


@dataclass(frozen=True)
class Parameter:
    """A number of parameters.yaml with its law: `value` is a number or {year: number}."""

    path: str
    value: Any
    unit: str
    grade: str
    source: str
    note: str
    quote: str
    file: str
    row: int


@dataclass(frozen=True)
class _Item:
    code: str
    name_zh: str
    name_en: str
    unit_zh: str
    unit_en: str
    target_value: float | None
    nature: str = ""
    measure: str = ""


def read_parameters(pack: str, home: Path, problems: list[Problem]) -> dict[str, Parameter]:
    """National parameters with the pack's own on top, by path; mistakes are added to `problems`."""
    merged: dict[str, Parameter] = {}
    for folder in (NATIONAL, pack):
        path = home / "assumptions" / folder / "parameters.yaml"
        name = f"{folder}/parameters.yaml"
        if not path.exists():
            continue
        try:
            document = read_document(path, name)
        except InputError as error:
            problems += error.problems
            continue
        if not isinstance(document.data, dict):
            problems.append(Problem(name, 1, "", type(document.data).__name__, "path: {value, unit, grade, source}"))
            continue
        for key, cells in document.data.items():
            if folder != NATIONAL and merged and key not in merged:
                problems.append(Problem(name, document.row(key), str(key), str(key), "a parameter of the national pack", nearest(str(key), merged)))
            parameter = _parameter(document, str(key), cells, problems)
            if parameter is not None:
                merged[parameter.path] = parameter
    problems += [
        Problem(f"{NATIONAL}/parameters.yaml", None, path, "", "this parameter, which every pack needs", nearest(path, merged))
        for path in PARAMETERS
        if path not in merged
    ]
    return merged


def _parameter(document: Document, path: str, cells: Any, problems: list[Problem]) -> Parameter | None:
    name, row = document.name, document.row(path) or 1
    if not re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", path):
        problems.append(Problem(name, row, path, path, "a dotted path in lower case"))
        return None
    if not isinstance(cells, dict):
        problems.append(Problem(name, row, path, str(cells), f"the keys {', '.join(_PARAMETER_KEYS)}"))
        return None
    found = [
        Problem(name, document.row(path, key), f"{path}.{key}", str(key), "a key of a parameter", nearest(str(key), _PARAMETER_KEYS))
        for key in cells
        if key not in _PARAMETER_KEYS
    ]
    value = clean_value(cells.get("value"))
    found += [Problem(name, document.row(path, "value"), f"{path}.value", brief(cells.get("value")), text) for text in parameter_problems(path, value)]
    found += [
        Problem(name, document.row(path, key), f"{path}.{key}", brief(cells.get(key)), "text")
        for key in ("unit", "grade", "source")
        if not isinstance(cells.get(key), str)
    ]
    found += [
        Problem(name, document.row(path, key), f"{path}.{key}", brief(cells[key]), "text")
        for key in ("note", "quote")
        if cells.get(key) is not None and not isinstance(cells[key], str)
    ]
    if isinstance(cells.get("grade"), str) and cells["grade"] not in GRADES:
        found.append(Problem(name, document.row(path, "grade"), f"{path}.grade", cells["grade"], "A, B, C or D"))
    if cells.get("grade") == "A" and not cells.get("quote"):
        found.append(Problem(name, row, f"{path}.quote", "", "the words of the document, which grade A needs"))
    problems += found
    if found:
        return None
    return Parameter(path, value, cells["unit"], cells["grade"], cells["source"], cells.get("note") or "", cells.get("quote") or "", name, row)


def parameter_problems(path: str, value: Any) -> list[str]:
    """What is wrong with a value for this parameter by its nature, whatever the range of its lever."""
    by_year, (lowest, highest) = PARAMETERS.get(path, (True, _ANY))
    if isinstance(value, dict) and (not by_year or path.startswith(("targets.", "execution."))):
        return ["one number for all years, not a path"]
    texts = value_problems(value, lowest, highest)
    if not texts and path in WHOLE and not isinstance(clean_value(value), int):
        texts.append("a whole number")
    return texts


def levers_of(pack: str, home: Path) -> tuple[Lever, ...]:
    """The levers that move in this pack: the declared ones, one per service and one per indicator with a target number."""
    levers, _, problems = movable(pack, home)
    if problems:
        raise InputError(problems)
    return levers


def movable(pack: str, home: Path) -> tuple[tuple[Lever, ...], dict[str, Any], list[Problem]]:
    """Levers of the pack and the default of every path that a scenario may set."""
    problems: list[Problem] = []
    defaults = {path: parameter.value for path, parameter in read_parameters(pack, home, problems).items()}
    services, indicators = _items(pack, home, "services.csv", problems), _items(pack, home, "indicators.csv", problems)
    chosen = selected_services(pack, home, problems)
    services = [item for item in services if chosen is None or item.code in chosen]
    try:
        declared = load_levers(home)
    except InputError as error:
        problems += error.problems
        declared = ()
    levers = expand(declared, services, indicators)
    problems += [
        Problem("national/levers.yaml", None, "path", lever.path, "a parameter of the same path, its default", nearest(lever.path, defaults))
        for lever in declared
        if "*" not in lever.path and lever.path not in defaults
    ]
    defaults |= {lever.path: 1 for lever in levers if lever.path.startswith("standards.")}
    defaults |= {f"targets.{item.code}": clean_value(item.target_value) for item in indicators if item.target_value is not None and aimed_at(item)}
    return levers, defaults, problems


def selected_services(pack: str, home: Path, problems: list[Problem]) -> tuple[str, ...] | None:
    """The codes that the pack's catalogue selects; None when it takes all."""
    try:
        document = read_document(home / "assumptions" / pack / "pack.yaml", f"{pack}/pack.yaml")
    except InputError as error:
        problems += error.problems
        return None
    chosen = document.data.get("services") if isinstance(document.data, dict) else None
    return tuple(str(code) for code in chosen) if isinstance(chosen, list) else None


def resolutions(pack: str, home: Path, problems: list[Problem]) -> tuple[str, ...]:
    """How finely the pack's regions may be cut: `own`, then each sub-folder that its pack.yaml names."""
    try:
        document = read_document(home / "assumptions" / pack / "pack.yaml", f"{pack}/pack.yaml")
    except InputError as error:
        problems += error.problems
        return (OWN,)
    finer = document.data.get("resolutions") if isinstance(document.data, dict) else None
    return (OWN, *(str(name) for name in finer)) if isinstance(finer, dict) else (OWN,)


def resolution_problem(file: str, row: int | None, column: str, value: Any, pack: str, known: Sequence[str]) -> Problem:
    """The one error of a resolution that a pack does not have: it names what the pack has."""
    return Problem(file, row, column, brief(value), f"a resolution of pack {pack}: {', '.join(known)}", nearest(str(value), known))


def _items(pack: str, home: Path, file: str, problems: list[Problem]) -> list[_Item]:
    """Codes, names and units of a table, national first; the full check of the table is `check_pack`'s."""
    merged: dict[str, _Item] = {}
    key = file.removesuffix("s.csv")
    for folder in (NATIONAL, pack):
        path = home / "assumptions" / folder / file
        if not path.exists():
            continue
        for _, cells in read_csv(path, f"{folder}/{file}", problems).rows:
            code = cells.get(key, "")
            merged[code] = _Item(
                code,
                cells.get("name_zh", code),
                cells.get("name_en", code),
                cells.get("unit_zh", ""),
                cells.get("unit_en", ""),
                number(cells.get("target_value", "")),
                cells.get("nature", ""),
                cells.get("measure", ""),
            )
    return list(merged.values())


def brief(value: Any) -> str:
    return "" if value is None else str(value)[:LONGEST_NAME]
