"""Saved analyses: a folder below `<runs>/risk` that exists whole or not at all and can prove it; and the futures of one that is not finished.

Knows files and digests, as store.py does for runs. Must not know how a future is drawn or solved.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fiscalsim import store
from fiscalsim.errors import InputError, IntegrityError, nearest
from fiscalsim.scenario import Scenario
from fiscalsim.uncertainty.solving import Result, typed

if TYPE_CHECKING:
    from fiscalsim.uncertainty import Risk

SCHEMA = 1
FOLDER, RECORD = "risk", "risk.json"
KEYS = {"schema_version", "name", "digest", "scenario", "scenario_names", "pack", "pack_digest", "versions", "summary", "tables", "files", "record", "sha256"}


@dataclass(frozen=True)
class SavedRisk:
    """An analysis on disk whose record has been verified; each table is verified when it is read."""

    path: Path
    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name

    def table(self, name: str) -> pd.DataFrame:
        """The tidy table `name`; IntegrityError when its bytes are not the saved ones."""
        file = self.record["tables"][name]
        return store.verified_table(self.path / file, self.record["files"][file], "run the analysis again")

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table, verified."""
        return {name: self.table(name) for name in self.record["tables"]}


def digest_of(scenario: Scenario, pack_digest: str, versions: Mapping[str, str], seed: int, futures: int | None = None) -> str:
    """Digest of all that decides the bytes of an analysis; without `futures`, of what decides each single future."""
    inputs = {"inputs": store.inputs_digest(scenario.digest, pack_digest, store.with_code(versions)), "seed": seed, "futures": futures}
    return store.digest_of(inputs)


def save_risk(found: Risk, runs: Path) -> Path:
    """Write an analysis and return its folder; one of the same inputs that is there already is verified and returned. The unfinished futures go."""
    versions = store.with_code(found.versions)
    seed, futures = int(found.summary["seed"]), int(found.summary["futures"])
    digest = digest_of(found.scenario, found.pack_digest, found.versions, seed, futures)
    files = {f"{name}.parquet": store.table_bytes(name, table) for name, table in found.tables.items()}
    content: dict[str, Any] = {
        "schema_version": SCHEMA,
        "name": store.safe_name(found.scenario.id),
        "digest": digest,
        "scenario": found.scenario.resolved() | {"digest": found.scenario.digest},
        "scenario_names": {"zh": found.scenario.name_zh, "en": found.scenario.name_en},
        "pack": found.pack,
        "pack_digest": found.pack_digest,
        "versions": versions,
        "summary": found.summary,
        "tables": {name: f"{name}.parquet" for name in found.tables},
        "files": {file: hashlib.sha256(raw).hexdigest() for file, raw in files.items()},
    }
    content["sha256"] = store.digest_of(json.loads(json.dumps(content)))
    content["record"] = {"when": store.now()}
    target = runs / FOLDER / f"{content['name']}-{digest[:8]}"
    with store.disk_errors(target):
        if not target.exists():
            store.write_folder(target, files | {RECORD: (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()})
    saved = open_risk(target)
    if saved.record["sha256"] != content["sha256"]:
        raise IntegrityError(f"{target.name}: the same inputs, data, code and versions now give other numbers; the saved analysis stays as it is")
    problems = check_risk(target)
    if problems:
        raise IntegrityError("\n".join(problems))
    shutil.rmtree(Parts(runs, found.scenario, found.pack_digest, found.versions, seed).folder, ignore_errors=True)
    return target


def is_risk(path: Path) -> bool:
    """Whether a folder holds an analysis."""
    return (path / RECORD).is_file()


def open_risk(path: Path) -> SavedRisk:
    """The analysis in folder `path`, its record verified; InputError when it is none, IntegrityError when it is damaged."""
    if not is_risk(path):
        raise InputError(f"{path}: is not a saved analysis of risk (no {RECORD})")
    try:
        record = json.loads(store.read_plain_file(path / RECORD, store.LARGEST_MANIFEST))
        whole = isinstance(record, dict) and set(record) == KEYS and record["schema_version"] == SCHEMA
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{path.name}/{RECORD}: cannot be read ({error})") from error
    if not whole or store.digest_of({key: value for key, value in record.items() if key not in ("record", "sha256")}) != record["sha256"]:
        raise IntegrityError(f"{path.name}/{RECORD}: differs from what was saved; use a copy or run the analysis again")
    if any(file != f"{name}.parquet" or file not in record["files"] for name, file in record["tables"].items()):
        raise IntegrityError(f"{path.name}/{RECORD}: a table names a file that cannot belong to it")
    return SavedRisk(path, record)


def check_risk(path: Path) -> list[str]:
    """Every reason not to trust the analysis in folder `path`; empty when all its bytes are the saved ones."""
    try:
        saved = open_risk(path)
    except (InputError, IntegrityError) as error:
        return [str(error)]
    problems = store.foreign_files(path, {RECORD, *saved.record["files"]}, "the analysis") + store.renamed(path, saved.record["digest"][:8])
    for name in saved.record["tables"]:
        try:
            saved.table(name)
        except IntegrityError as error:
            problems.append(str(error))
    return problems


def risks(runs: Path) -> list[SavedRisk]:
    """The sound analyses of a folder of runs, the newest last; damaged ones are what `check` is for."""
    found = []
    for path in sorted((runs / FOLDER).glob("*-*")) if (runs / FOLDER).is_dir() else ():
        try:
            found.append(open_risk(path))
        except (InputError, IntegrityError):
            continue
    return sorted(found, key=lambda saved: (saved.record["record"]["when"], saved.name))


def find_risk(name: str, runs: Path) -> SavedRisk:
    """An analysis by the path of its folder, its name or its eight digits; InputError when there is none."""
    if is_risk(Path(name)):
        return open_risk(Path(name))
    names = [path.name for path in sorted((runs / FOLDER).glob("*-*"))] if (runs / FOLDER).is_dir() else []
    matches = [known for known in names if name in (known, known[-8:])]
    if not matches:
        near = nearest(name, names)
        raise InputError(f"{name!r}: no such analysis in {runs / FOLDER}" + (f" (did you mean {near!r}?)" if near else ""))
    return open_risk(runs / FOLDER / matches[0])


class Parts:
    """Futures that are solved while the analysis as a whole is not: one file each, so that an interrupted one goes on where it stood."""

    def __init__(self, runs: Path, scenario: Scenario, pack_digest: str, versions: Mapping[str, str], seed: int):
        self.folder = runs / FOLDER / f".part-{digest_of(scenario, pack_digest, versions, seed)[:16]}"

    def keep(self, number: int, result: Result) -> None:
        """Write one future, whole or not at all."""
        rows = result.rows
        content = {"state": result.state, "reason": result.reason, "rows": {column: rows[column].tolist() for column in rows.columns}}
        raw = json.dumps({"content": content, "sha256": store.digest_of(content)}).encode()
        with store.disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            temp = self.folder / f".tmp-{uuid.uuid4().hex}"
            temp.write_bytes(raw)
            os.replace(temp, self.folder / f"{number:05d}.json")

    def read(self, numbers: Iterable[int]) -> dict[int, Result]:
        """The futures among `numbers` that are there and whole; a damaged file is as good as none, its future is solved again."""
        found = {}
        for number in numbers:
            path = self.folder / f"{number:05d}.json"
            try:
                told = json.loads(path.read_bytes())
                if store.digest_of(told["content"]) == told["sha256"]:
                    content = told["content"]
                    found[number] = Result(content["state"], content["reason"], typed(pd.DataFrame(content["rows"])))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found
