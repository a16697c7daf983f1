"""A proposal: what is to be raised, widened or begun, from when, for how long, and who bears it; read from a YAML file and checked as a whole.

Knows files, levers and their ranges. Must not know what a proposal costs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fiscalsim.axes import OPEN_AGE
from fiscalsim.errors import InputError, Problem, nearest
from fiscalsim.levers import FIRST_YEAR, LAST_YEAR, Document, check_value, clean_value, path_at, read_document
from fiscalsim.parameters import PARAMETERS, levers_of, name_problem
from fiscalsim.quantities import StageInputs
from fiscalsim.scenario import Scenario
from fiscalsim.scenario import home as default_home

FOLDER = Path("scenarios") / "proposals"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Words(_Part):
    """A text in both languages."""

    zh: str = Field(min_length=1, max_length=400)
    en: str = Field(min_length=1, max_length=400)


class Bears(_Part):
    """Shares of the whole cost by level of government; they sum to one."""

    centre: float = Field(ge=0, le=1)
    province: float = Field(ge=0, le=1)
    local: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _whole(self) -> Bears:
        if abs(self.centre + self.province + self.local - 1.0) > 1e-9:
            raise ValueError(f"shares that sum to 1, not {self.centre + self.province + self.local:g}")
        return self


class NewService(_Part):
    """A service that the catalogue does not have: who is entitled and what one client costs a year, at prices of `prices_of`."""

    name: Words
    residence: Literal["all", "urban", "rural"] = "all"
    sex: Literal["all", "male", "female"] = "all"
    age_from: int = Field(ge=0, le=OPEN_AGE)
    age_to: int = Field(ge=0, le=OPEN_AGE)
    rate: float = Field(gt=0, le=1)  # clients per person of these ages
    yuan: float = Field(gt=0)  # a client and year
    prices_of: int = Field(ge=FIRST_YEAR, le=LAST_YEAR)
    wage_share: float = Field(ge=0, le=1)  # part of the cost that grows with wages, the rest with prices


class Shown(_Part):
    """The level in the words of the policy: from what it stands at to what is proposed."""

    now: float
    proposed: float
    unit: Words


class Proposal(_Part):
    """One proposal; level 1 is as proposed, level 0 is nothing. Years are budget years."""

    id: str = ""
    name: Words
    why: Words
    pack: str
    start: int = Field(ge=FIRST_YEAR, le=LAST_YEAR)
    years: int = Field(ge=1, le=30)
    levers: dict[str, float | int | dict[int, float | int]] = Field(default_factory=dict)  # values at level 1 from `start` on
    coverage: dict[str, float | int | dict[int, float | int]] = Field(default_factory=dict)  # share of those entitled who are served, at least
    service: NewService | None = None
    bears: Literal["rule"] | Bears = "rule"
    shown: Shown | None = None
    source: str = Field(min_length=1)
    grade: Literal["A", "B", "C", "D"]
    quote: str = ""

    @model_validator(mode="after")
    def _something(self) -> Proposal:
        if not self.levers and not self.coverage and self.service is None:
            raise ValueError("at least one of levers, coverage and service")
        if self.service is not None and self.bears == "rule":
            raise ValueError("bears: shares of centre, province and local, as no rule shares a service that the catalogue does not have")
        if self.grade == "A" and not self.quote:
            raise ValueError("quote: the words of the document, which grade A needs")
        return self

    @property
    def assessed(self) -> tuple[int, ...]:
        """The years that are assessed."""
        return tuple(range(self.start, self.start + self.years))

    @property
    def services(self) -> tuple[str, ...]:
        """Codes of the catalogue's services that the proposal names itself."""
        standards = [path.removeprefix("standards.") for path in self.levers if path.startswith("standards.")]
        return tuple(dict.fromkeys([*standards, *self.coverage]))

    def level_words(self, level: float, lang: str) -> tuple[float, str] | None:
        """A level in the policy's own unit, None where the proposal does not say how it is shown."""
        if self.shown is None:
            return None
        return self.shown.now + level * (self.shown.proposed - self.shown.now), getattr(self.shown.unit, lang)


def proposal_ids(home: Path | None = None) -> tuple[str, ...]:
    """The proposals below scenarios/proposals/, in alphabetical order."""
    return tuple(sorted(path.stem for path in ((home or default_home()) / FOLDER).glob("*.yaml")))


def load_proposal(path_or_id: Path | str, home: Path | None = None) -> Proposal:
    """Read and check a proposal; text that does not end in .yaml is the id of one in scenarios/proposals/. InputError lists every mistake."""
    root = home or default_home()
    path = Path(path_or_id) if isinstance(path_or_id, Path) or path_or_id.endswith((".yaml", ".yml")) else root / FOLDER / f"{path_or_id}.yaml"
    wrong = name_problem(path.stem)
    if wrong or not path.is_file():
        known = proposal_ids(root)
        raise InputError([Problem("proposal", None, "", str(path_or_id)[:80], wrong or f"one of {', '.join(known) or 'none'}", nearest(path.stem, known))])
    return checked(read_document(path, path.name), path.stem)


def from_json(text: str) -> Proposal:
    """A proposal as `to_json` wrote it."""
    return Proposal.model_validate(json.loads(text), strict=False)


def to_json(proposal: Proposal) -> str:
    """A proposal as one line of JSON."""
    return proposal.model_dump_json()


def checked(document: Document, name: str) -> Proposal:
    """A document as a proposal; InputError with file, row, column, value and what is allowed for every mistake."""
    if not isinstance(document.data, dict):
        raise InputError([Problem(document.name, 1, "", str(document.data)[:80], f"the keys {', '.join(Proposal.model_fields)}")])
    try:
        return Proposal.model_validate({**document.data, "id": name})
    except ValidationError as error:
        raise InputError([_problem(document, one) for one in error.errors()]) from None


def _problem(document: Document, one: Mapping[str, Any]) -> Problem:
    place = tuple(step for step in one["loc"] if step not in ("Bears", "literal['rule']", "float", "int", "dict[int,union[float,int]]"))
    column = ".".join(str(step) for step in place)
    if one["type"] == "extra_forbidden":
        parts: dict[str, type[BaseModel]] = {"shown": Shown, "bears": Bears, "service": NewService}
        keys = tuple((Proposal if len(place) == 1 else parts.get(str(place[0]), Words)).model_fields)
        return Problem(document.name, document.row(*place), column, str(place[-1]), f"one of {', '.join(keys)}", nearest(str(place[-1]), keys))
    value = "" if one["type"] in ("missing", "value_error") else str(one["input"])[:80]
    return Problem(document.name, document.row(*place), column, value, str(one["msg"]).removeprefix("Value error, "))


# --- a proposal on a scenario ---------------------------------------------------------------------------------------


def fits(proposal: Proposal, scenario: Scenario, inputs: StageInputs, home: Path | None = None) -> float:
    """Check a proposal against the place that it is for; the largest level that the ranges of its levers allow. InputError lists every mistake."""
    name, found = f"proposal {proposal.id}", list[Problem]()
    if proposal.pack != scenario.pack:
        found.append(Problem(name, None, "pack", proposal.pack, f"the pack of the scenario, {scenario.pack}"))
    horizon = inputs.horizon.labels
    if not horizon[0] <= proposal.start <= proposal.assessed[-1] <= horizon[-1]:
        found.append(
            Problem(name, None, "start, years", f"{proposal.start}, {proposal.years}", f"years within the plan's horizon, {horizon[0]} to {horizon[-1]}")
        )
    codes = [service.code for service in inputs.demand.services]
    found += [Problem(name, None, f"coverage.{code}", code, "a service of the pack", nearest(code, codes)) for code in proposal.coverage if code not in codes]
    levers = {lever.path: lever for lever in levers_of(scenario.pack, home or default_home())}
    most = float("inf")
    for path, value in proposal.levers.items():
        if path not in levers:
            found.append(Problem(name, None, f"levers.{path}", path, "a lever of the pack", nearest(path, levers)))
            continue
        if not PARAMETERS.get(path, (True,))[0] or path.startswith("targets."):
            found.append(Problem(name, None, f"levers.{path}", path, "a lever that may change from year to year; a target is raised by `coverage`"))
            continue
        found += [Problem(name, None, f"levers.{path}", str(value), text) for text in check_value(levers[path], clean_value(value))]
        now, then = path_at(scenario.value(path), proposal.assessed), path_at(value, proposal.assessed)
        for a, b in zip(now, then, strict=True):
            bound = levers[path].highest if b > a else levers[path].lowest
            most = min(most, (bound - a) / (b - a)) if b != a else most
    if found:
        raise InputError(found)
    return most


def at_level(proposal: Proposal, scenario: Scenario, level: float, inputs: StageInputs) -> Scenario:
    """The scenario with the proposal's levers at `level` of the way from what holds to what is proposed, from its first year on."""
    if not proposal.levers or level == 0.0:
        return scenario
    years = inputs.years.labels
    patch = {}
    for path, value in proposal.levers.items():
        now, then = path_at(scenario.value(path), years), path_at(value, years)
        patch[path] = {y: float(a + (level * (b - a) if y >= proposal.start else 0.0)) for y, a, b in zip(years, now, then, strict=True)}
    return replace(scenario, set={**scenario.set, **patch})
