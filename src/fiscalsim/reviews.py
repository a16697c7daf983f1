"""What reviewers said of saved runs: a remark or a sign-off, by whom, when, on which digest and on which value.

Knows saved runs, their table of sources and files beside them. Must not know how a run is computed or shown.
A run never changes after it is saved, so its reviews lie in `reviews/<digest8>-<number>.json` of the same folder of runs. A record is
written once, carries its own digest and the digest of the one before it: a changed or missing one is named, and a sign-off is then not shown.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fiscalsim.errors import FiscalsimError, InputError, IntegrityError, Problem, nearest
from fiscalsim.scenario import canonical
from fiscalsim.store import SavedRun, disk_errors, now, read_plain_file, write_new

FOLDER = "reviews"
DECISIONS = ("remark", "reviewed", "returned")  # a remark alone signs nothing
NOT_REVIEWED, DAMAGED = "none", "damaged"
HOLDS, LAPSED = "holds", "lapsed"
LONGEST_NAME, LONGEST_REMARK = 60, 2000  # characters
LARGEST_RECORD = 64 * 2**10  # bytes
_FILE = re.compile(r"([0-9a-f]{8})-(\d{4})\.json")
# A parameter may stand in several files; the later one wins, as when a scenario is resolved.
_PARAMETERS, _SCENARIO, _NATIONAL = "/parameters.yaml", "scenario", "national/"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Assumption(_Strict):
    """One value behind a run, as the run's table of sources has it."""

    file: str
    key: str
    value: str
    unit: str
    grade: str
    source: str

    @property
    def code(self) -> str:
        """The name by which a remark finds it again: a parameter's path, else file and key of a table's row."""
        return self.key if _is_parameter(self.file) else f"{self.file}: {self.key}"

    def same_as(self, other: Assumption | None) -> bool:
        """Whether a remark on this one holds for the other: value, source and grade agree."""
        return other is not None and (self.value, self.source, self.grade) == (other.value, other.source, other.grade)


class Review(_Strict):
    """One record. `on` is the value it was given on, None for the whole run."""

    schema_version: Literal[1] = 1
    number: int = Field(ge=1)
    previous: str  # sha256 of the file before it, empty for the first
    run: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    content_sha256: str
    pack: str
    when: str
    who: str
    who_known: bool  # True: the name came from the office's login; False: somebody typed it
    remark: str
    decision: Literal["remark", "reviewed", "returned"]
    on: Assumption | None
    sha256: str

    @property
    def date(self) -> str:
        """The day, as tags and reports write it."""
        return self.when[:10]


@dataclass(frozen=True)
class Carried:
    """A remark on an assumption as it stands for one run: it holds, or the value moved (`now` is None when the run has no such value)."""

    review: Review
    state: str  # HOLDS or LAPSED
    now: Assumption | None


@dataclass(frozen=True)
class RunReviews:
    """All that reviewers said of one run. `state`: none, reviewed, returned, or damaged when a record of this run cannot be trusted."""

    state: str
    signed: Review | None  # the sign-off or the return that holds, None in the states none and damaged
    on_run: tuple[Review, ...]
    on_values: tuple[Carried, ...]


@dataclass(frozen=True)
class ReviewBook:
    """The reviews beside a folder of runs; any number of processes may add to it."""

    runs: Path

    def add(self, run: SavedRun, *, who: str, remark: str, decision: str = "remark", on: str = "", who_known: bool = False) -> Review:
        """Record a review of `run`, or of the assumption `on` of it (see `Assumption.code`); never changes another record.

        InputError: no name, no remark, an unknown decision or assumption. IntegrityError: the run is damaged, or nothing could be written.
        """
        said = {"who": _line(who, "--who", LONGEST_NAME), "remark": _line(remark, "--remark", LONGEST_REMARK), "decision": _decision(decision)}
        value = find_assumption(run.table("sources"), on) if on else None
        told = {key: run.manifest[key] for key in ("digest", "content_sha256")} | {"run": run.name, "pack": str(run.manifest["scenario"]["pack"])}
        with disk_errors(self.runs):
            while True:
                files = self._files(run.digest8)
                number = max((_number(path) for path in files), default=0) + 1
                previous = hashlib.sha256(read_plain_file(files[-1])).hexdigest() if files else ""
                fields = told | said | {"number": number, "previous": previous, "when": now(), "who_known": who_known, "on": value}
                record = _sealed(Review(**fields, sha256=""))
                try:
                    write_new(self.runs / FOLDER / f"{run.digest8}-{number:04}.json", _bytes(record))
                except FileExistsError:  # another reviewer was first
                    continue
                return record

    def read(self) -> tuple[tuple[Review, ...], tuple[str, ...]]:
        """Every sound record, by run and number; then what is wrong with the others, each with its file."""
        found: list[Review] = []
        problems: list[str] = []
        before: dict[str, Path] = {}
        for path in self._files():
            digest8 = path.name[:8]
            problems += self._gap(path, before.get(digest8))
            try:
                record = _read(path)
                if record.previous != (hashlib.sha256(read_plain_file(before[digest8])).hexdigest() if digest8 in before else ""):
                    problems.append(f"{FOLDER}/{path.name}: the record before it is not the one it was written after")
                found.append(record)
            except FiscalsimError as error:
                problems.append(str(error))
            before[digest8] = path
        return tuple(found), tuple(problems)

    def problems(self, digest8: str = "") -> list[str]:
        """What is wrong with the records of one run, or of all when no digest is given."""
        return [line for line in self.read()[1] if line.startswith(f"{FOLDER}/{digest8}")]

    def of(self, run: SavedRun) -> RunReviews:
        """What holds for `run`: sign-offs on its own digest, and remarks on assumptions of any run that stand or moved."""
        records, problems = self.read()
        mine = tuple(one for one in records if one.on is None and one.content_sha256 == run.manifest["content_sha256"])
        damaged = any(line.startswith(f"{FOLDER}/{run.digest8}") for line in problems)
        signed = None if damaged else next((one for one in reversed(mine) if one.decision != "remark"), None)
        state = DAMAGED if damaged else signed.decision if signed else NOT_REVIEWED
        on_values = carried(records, run.table("sources"), str(run.manifest["scenario"]["pack"])) if any(one.on for one in records) else ()
        return RunReviews(state, signed, mine, on_values)

    def _files(self, digest8: str = "") -> list[Path]:
        """Records in the order in which they were written."""
        folder = self.runs / FOLDER
        names = sorted(path.name for path in folder.iterdir() if _FILE.fullmatch(path.name)) if folder.is_dir() else []
        return [folder / name for name in names if name.startswith(digest8)]

    def _gap(self, path: Path, before: Path | None) -> list[str]:
        first = _number(before) + 1 if before else 1
        return [f"{FOLDER}/{path.name[:8]}-{number:04}.json: is missing" for number in range(first, _number(path))]


def reviews_of(run: SavedRun) -> RunReviews:
    """What reviewers said of a saved run, from the records beside it."""
    return ReviewBook(run.path.parent).of(run)


# --- assumptions ----------------------------------------------------------------------------------------------------


def assumptions_of(sources: pd.DataFrame) -> dict[str, Assumption]:
    """Every value behind a run by its code; a parameter given again by the pack or the scenario is the last one given.

    A parameter with a path stands in the table once a year (`path, year`): it is one assumption, whose value is the whole path.
    """
    rows = sources.reindex(columns=list(Assumption.model_fields)).fillna("").astype(str)
    rank = rows["file"].map(lambda file: 2 if file == _SCENARIO else 0 if file.startswith(_NATIONAL) else 1)
    groups: dict[tuple[str, str], list[Assumption]] = {}
    for row in rows.loc[rank.sort_values(kind="stable").index].to_dict("records"):
        one = Assumption(**{str(key): value for key, value in row.items()})
        groups.setdefault((one.file, one.key.split(", ")[0] if _is_parameter(one.file) else one.key), []).append(one)
    found = {}
    for (_, key), parts in groups.items():
        one = _whole_path(key, parts) if len(parts) > 1 or parts[0].key != key else parts[0]
        found[one.code] = one
    return found


def _whole_path(key: str, parts: list[Assumption]) -> Assumption:
    """The years of a parameter as one value; grades and sources are all that its years rest on."""
    value = ", ".join(f"{part.key.removeprefix(key + ', ')}: {part.value}" for part in parts)
    told = {name: ", ".join(dict.fromkeys(getattr(part, name) for part in parts)) for name in ("unit", "grade", "source")}
    return Assumption(file=parts[0].file, key=key, value=value, **told)


def find_assumption(sources: pd.DataFrame, name: str) -> Assumption:
    """The value named by its code, or by its key alone where only one file has it; InputError names the nearest."""
    known = assumptions_of(sources)
    if name in known:
        return known[name]
    same_key = [code for code, one in known.items() if one.key == name]
    if len(same_key) == 1:
        return known[same_key[0]]
    allowed = f"one of {'; '.join(same_key[:5])}" if same_key else "a parameter's path, or `file: key` of a row of the table of sources"
    raise InputError([Problem("review", None, "--on", name[:120], allowed, "" if same_key else nearest(name, known))])


def carried(records: tuple[Review, ...], sources: pd.DataFrame, pack: str) -> tuple[Carried, ...]:
    """Remarks on assumptions as they stand for a run with these sources: of the same pack, or on a national value that stands unchanged."""
    known = assumptions_of(sources)
    found = []
    for one in records:
        if one.on is None:
            continue
        present = known.get(one.on.code)
        holds = one.on.same_as(present)
        if one.pack == pack or (holds and present is not None and present.file == one.on.file and one.on.file.startswith(_NATIONAL)):
            found.append(Carried(one, HOLDS if holds else LAPSED, present))
    return tuple(found)


def _is_parameter(file: str) -> bool:
    return file == _SCENARIO or file.endswith(_PARAMETERS)


# --- one record -----------------------------------------------------------------------------------------------------


def _number(path: Path) -> int:
    return int(path.name[9:13])


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical({key: value for key, value in content.items() if key != "sha256"}).encode()).hexdigest()


def _sealed(record: Review) -> Review:
    return record.model_copy(update={"sha256": _digest(record.model_dump())})


def _bytes(record: Review) -> bytes:
    return (json.dumps(record.model_dump(), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _read(path: Path) -> Review:
    """A record that is what was written, else IntegrityError."""
    try:
        record = Review.model_validate(json.loads(read_plain_file(path, LARGEST_RECORD)))
    except (ValueError, ValidationError, RecursionError) as error:
        raise IntegrityError(f"{FOLDER}/{path.name}: cannot be read ({str(error).splitlines()[0]})") from error
    if _digest(record.model_dump()) != record.sha256:
        raise IntegrityError(f"{FOLDER}/{path.name}: differs from what was written")
    if path.name != f"{record.digest[:8]}-{record.number:04}.json":
        raise IntegrityError(f"{FOLDER}/{path.name}: belongs to {record.digest[:8]}-{record.number:04}")
    return record


def _line(text: str, option: str, longest: int) -> str:
    """`text` without blanks around it; one that is empty, too long or holds control characters is refused."""
    plain = " ".join(text.split())
    odd = any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") for c in plain)
    if not plain or len(plain) > longest or odd:
        raise InputError([Problem("review", None, option, plain[:40], f"1 to {longest} characters, none of them invisible")])
    return plain


def _decision(word: str) -> Any:
    if word not in DECISIONS:
        raise InputError([Problem("review", None, "--decision", word[:40], f"one of {', '.join(DECISIONS)}", nearest(word, DECISIONS))])
    return word
