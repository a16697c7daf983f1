"""The record of an assessment that can be filed: a folder with inputs, figures, verdict and digest, whole or not at all, and able to prove itself.

It lies in `assessments/<proposal>-<digest8>/` below the folder of runs: `assessment.json` and one Parquet file a table. The digest is that of all inputs:
proposal, resolved scenario, data, versions and code. Must not know how an assessment is computed or shown.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fiscalsim.assess.assessment import Assessment
from fiscalsim.assess.cases import BASE, CASES
from fiscalsim.assess.judge import AMBER, GREEN, HALF_A_YUAN, RED, worst
from fiscalsim.errors import InputError, IntegrityError
from fiscalsim.scenario import Scenario
from fiscalsim.store import (
    LARGEST_MANIFEST,
    digest_of,
    disk_errors,
    foreign_files,
    read_plain_file,
    renamed,
    safe_name,
    stamp,
    table_bytes,
    verified_table,
    with_code,
    write_folder,
)

ASSESSMENTS = "assessments"
RECORD = "assessment.json"
_MONEY = 1e-6  # relative


class _Head(BaseModel):
    """What assessment.json must look like before any of it is used; a record may come from outside."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    schema_version: Literal[1]
    kind: Literal["affordability"]
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    scenario: dict[str, Any]
    summary: dict[str, Any]
    files: dict[str, str]
    record: dict[str, str]
    content_sha256: str
    head_sha256: str


@dataclass(frozen=True)
class SavedAssessment:
    """A record on disk whose head has been verified; each table is verified when it is read."""

    path: Path
    head: Mapping[str, Any]

    @property
    def digest8(self) -> str:
        """The first eight digits by which the folder is named."""
        return str(self.head["digest"])[:8]

    @property
    def summary(self) -> Mapping[str, Any]:
        """Inputs and verdict."""
        found: Mapping[str, Any] = self.head["summary"]
        return found

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table, verified; IntegrityError when its bytes are not the saved ones."""
        files = self.head["files"].items()
        return {file.removesuffix(".parquet"): verified_table(self.path / file, digest, "assess again") for file, digest in files}

    def assessment(self) -> Assessment:
        """The record as it was computed."""
        return Assessment(self.summary, self.tables())


def inputs_of(found: Assessment) -> str:
    """Digest of all that decides the figures."""
    told = found.summary
    return digest_of(
        {
            "proposal": told["proposal"],
            "scenario": told["scenario"]["digest"],
            "pack": told["pack_digest"],
            "versions": with_code(told["versions"]),
        }
    )


def save(found: Assessment, scenario: Scenario, runs: Path) -> Path:
    """Write the record and return its folder; when the same assessment is there already, verify that one and return it.

    IntegrityError: it could not be written whole, the one that is there is damaged, or the same inputs now give other figures.
    """
    digest = inputs_of(found)
    name = f"{safe_name(found.summary['proposal']['id'] or 'proposal')}-{digest[:8]}"
    files = {f"{key}.parquet": table_bytes(key, table) for key, table in found.tables.items()}
    head: dict[str, Any] = {
        "schema_version": 1,
        "kind": "affordability",
        "digest": digest,
        "scenario": json.loads(json.dumps(scenario.resolved(), default=str)),
        "summary": {**found.summary, "versions": with_code(found.summary["versions"])},
        "files": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
        "record": stamp(),
    }
    head["content_sha256"] = digest_of({key: value for key, value in head.items() if key != "record"})
    head["head_sha256"] = digest_of(head)
    content = (json.dumps(head, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
    target = runs / ASSESSMENTS / name
    with disk_errors(target.parent):
        try:
            write_folder(target, {**files, RECORD: content})
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return _verified(target, head["content_sha256"])
    return target


def _verified(folder: Path, content: str) -> Path:
    problems = check_assessment(folder)
    if not problems and open_assessment(folder).head["content_sha256"] != content:
        problems = [f"{folder.name}: the same inputs now give other figures; the saved record stays as it is"]
    if problems:
        raise IntegrityError("\n".join(problems))
    return folder


def open_assessment(path: str | os.PathLike[str]) -> SavedAssessment:
    """The record in folder `path`, its head verified; InputError when it is none, IntegrityError when it is damaged."""
    folder = Path(path)
    if not (folder / RECORD).is_file():
        raise InputError(f"{folder}: is not a saved assessment (no {RECORD})")
    try:
        head = json.loads(read_plain_file(folder / RECORD, LARGEST_MANIFEST))
        _Head.model_validate(head)
    except (ValueError, ValidationError, RecursionError) as error:
        raise IntegrityError(f"{folder.name}/{RECORD}: cannot be read ({str(error).splitlines()[0]})") from error
    if digest_of({key: value for key, value in head.items() if key != "head_sha256"}) != head["head_sha256"]:
        raise IntegrityError(f"{folder.name}/{RECORD}: differs from what was saved; use a copy or assess again")
    return SavedAssessment(folder, head)


def check_assessment(path: str | os.PathLike[str]) -> list[str]:
    """Every reason not to trust the record in folder `path`: damaged or foreign files, sums that do not hold, a verdict that its figures do not give."""
    try:
        saved = open_assessment(path)
        tables = saved.tables()
    except (InputError, IntegrityError) as error:
        return [str(error)]
    name = saved.path.name
    problems = foreign_files(saved.path, {RECORD, *saved.head["files"]}, "the record")
    if digest_of({key: value for key, value in saved.head.items() if key not in ("record", "content_sha256", "head_sha256")}) != saved.head["content_sha256"]:
        problems.append(f"{name}/{RECORD}: content digest does not fit")
    problems += renamed(saved.path, saved.digest8)
    return problems + [f"{name}: {line}" for line in broken(saved.summary, tables)]


def broken(summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What does not follow from the figures: levels and regions that do not sum to the whole, verdicts that cost and room do not give."""
    found = []
    cost, years, room, areas = tables["cost"], tables["years"].set_index("year"), tables["room"], tables["areas"]
    for what, summed in (
        ("the levels", cost.groupby("year")["yuan"].sum()),
        ("its parts", years[["centre_yuan", "province_yuan", "local_yuan", "building_yuan"]].sum(axis=1)),
    ):
        gap: pd.Series = (summed.reindex(years.index) - years["cost_yuan"]).abs() / np.maximum(years["cost_yuan"].abs(), 1.0)
        found += [f"cost of {year}: {what} do not sum to the whole (relative gap {value:.3g})" for year, value in gap[~(gap <= _MONEY)].items()]
    total = float(years["cost_yuan"].sum())
    if abs(total - summary["total_yuan"]) > _MONEY * max(abs(total), 1.0):
        found.append(f"cost of all years: {summary['total_yuan']} in the summary, {total} in the table")
    given = {region: _verdict(room[room["region"] == region]) for region in areas["region"]}
    found += [
        f"verdict of {region}: {told} in the record, {given[region]} by its cost and room"
        for region, told in zip(areas["region"], areas["verdict"], strict=True)
        if told != given[region]
    ]
    if summary["verdict"] != worst(list(given.values())):
        found.append(f"verdict of the whole: {summary['verdict']} in the record, {worst(list(given.values()))} by its areas")
    return found


def _verdict(rows: pd.DataFrame) -> str:
    """The verdict of one area, worked out anew from its cost and room."""
    money, growth = rows["money_yuan"].clip(lower=0.0), rows["growth_yuan"].clip(lower=0.0).fillna(np.inf)
    lacking = np.maximum(rows["cost_yuan"] - money, rows["recurrent_yuan"] - growth)
    asked = (rows["cost_yuan"] > HALF_A_YUAN) | (rows["recurrent_yuan"] > HALF_A_YUAN)
    fails = (lacking > HALF_A_YUAN) & asked
    by_case = {case: bool(fails[rows["case"] == case].any()) for case in CASES}
    return RED if by_case[BASE] else AMBER if any(by_case.values()) else GREEN


def assessments(runs: Path) -> list[SavedAssessment]:
    """Every record below a folder of runs whose head is sound, the oldest first."""
    found = []
    for folder in (runs / ASSESSMENTS).glob("*") if (runs / ASSESSMENTS).is_dir() else ():
        try:
            found.append(open_assessment(folder))
        except (InputError, IntegrityError):
            continue  # a folder that is being written, or a damaged one: `check` names it
    return sorted(found, key=lambda one: (one.head["record"]["when"], one.path.name))
