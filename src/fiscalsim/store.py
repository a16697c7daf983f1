"""Saved runs: a folder that exists whole or not at all, is never changed afterwards and can prove it.

Knows Parquet, JSON, digests and file names. Must not know how a result is computed or how it is shown.
A run lies in `<name>-<digest8>/`: one Parquet file a table and `manifest.json`. It is written into a hidden sibling,
flushed and renamed; there is no index file, so that two batches and an app may share one folder of runs.
"""

from __future__ import annotations

import errno
import getpass
import hashlib
import json
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fiscalsim.errors import FiscalsimError, InputError, IntegrityError, ModelError, Problem, nearest
from fiscalsim.parameters import name_problem
from fiscalsim.scenario import Scenario, canonical

if TYPE_CHECKING:
    from fiscalsim.pipeline import RunResult

SCHEMA = 1
MANIFEST = "manifest.json"
# The contract of a run: table -> columns that must be there. Further tables and columns are kept and listed as extra.
TABLES: dict[str, tuple[str, ...]] = {
    "population": ("year", "region", "residence", "sex", "age", "persons"),
    "components": ("year", "region", "residence", "births", "deaths", "external_migration", "internal_migration"),
    "demand": ("year", "region", "residence", "service", "clients", "standard_yuan", "cost_yuan"),
    "fiscal": ("year", "region", "item", "yuan"),
    "capacity": ("year", "region", "service", "capacity", "built", "converted_in", "converted_out", "retired"),
    "allocation": ("year", "region", "residence", "service", "provided", "coverage", "recurrent_yuan", "capital_yuan"),
    "transfers": ("year", "region", "kind", "service", "yuan"),
    "shortfalls": ("year", "region", "residence", "goal", "what", "units", "yuan", "limited_by"),
    "shadow_prices": ("pass", "limit", "year", "region", "left", "right", "unit"),
    "indicators": ("indicator", "region", "year", "value", "target", "nature", "status"),
    "execution": ("replication", "year", "month", "region", "service", "measure", "value"),
    "checks": ("name", "value", "tolerance", "passed"),
}
Lines = list[str]
STALE_SECONDS = 24 * 3600
LARGEST_MANIFEST = 64 * 2**20
LONGEST_NAME = 240  # bytes: a folder name holds 255, blank, digest and suffix included
_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
# Every option that decides bytes is fixed (same inputs, same bytes); page checksums make a flipped bit an error, not a number.
_PARQUET: dict[str, Any] = {
    "version": "2.6",
    "compression": "zstd",
    "compression_level": 3,
    "use_dictionary": True,
    "write_statistics": True,
    "write_page_checksum": True,
    "row_group_size": 1 << 20,
}
# Differ between two computations of the same thing, so they stand outside the content digest.
_NOT_CONTENT = ("record", "timings", "content_sha256", "manifest_sha256")


class _TableEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    file: str
    rows: int = Field(ge=0)
    columns: dict[str, str]
    extra_columns: list[str]


class _Manifest(BaseModel):
    """What a manifest must look like before any of it is used; a run may come from outside."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    schema_version: Literal[1]
    name: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    digest8: str = Field(pattern=r"^[0-9a-f]{8}$")
    inputs_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    scenario: dict[str, Any]
    scenario_names: dict[str, str]
    pack: dict[str, Any]
    pack_digest: str
    versions: dict[str, str]
    seed: int
    solver_options: dict[str, Any]
    passes: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    checks_passed: bool
    tables: dict[str, _TableEntry]
    extra_tables: list[str]
    files: dict[str, str]
    timings: dict[str, Any]
    record: dict[str, Any]
    content_sha256: str
    manifest_sha256: str


@dataclass(frozen=True)
class SavedRun:
    """A run on disk whose manifest has been verified; each table is verified when it is read."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the folder: scenario name and digest8."""
        return self.path.name

    @property
    def digest8(self) -> str:
        """The first eight digits by which links and files name the run."""
        return str(self.manifest["digest8"])

    @property
    def table_names(self) -> tuple[str, ...]:
        """Tables of the run: those of the contract first, then the extra ones."""
        return tuple(self.manifest["tables"])

    def table(self, name: str) -> pd.DataFrame:
        """The tidy table `name`; IntegrityError when its bytes are not the saved ones, InputError when the run has no such table."""
        if name not in self.manifest["tables"]:
            raise InputError(f"{self.name}: no table {name!r}; it has {', '.join(self.table_names)}{_hint(name, self.table_names)}")
        entry = self.manifest["tables"][name]
        return verified_table(self.path / entry["file"], self.manifest["files"][entry["file"]], "run the scenario again")

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the run, verified."""
        return {name: self.table(name) for name in self.table_names}


@dataclass(frozen=True)
class RunStore:
    """A folder of runs. Any number of processes may save into it and read from it at the same time."""

    path: Path

    def __init__(self, path: str | os.PathLike[str]):
        object.__setattr__(self, "path", Path(path))

    def save(self, result: RunResult) -> Path:
        """Write `result` as a new run and return its folder; when the same run is there already, verify that one and return it.

        A run of the same scenario from other data or other versions keeps its place: the new one is then named by the digest of
        all its inputs instead of the scenario's. InputError: unsafe name. ModelError: a table breaks the contract.
        IntegrityError: the run could not be written whole, or the one that is there is damaged.
        """
        name = safe_name(result.scenario.id)
        versions = with_code(result.versions)
        inputs = inputs_digest(result.scenario.digest, result.pack_digest, versions)
        tables = {key: _arrow(key, table) for key, table in _checked_tables(result.tables).items()}
        files = {f"{key}.parquet": _parquet(table) for key, table in tables.items()}
        with disk_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self.sweep()
            for digest in (result.scenario.digest, inputs):
                target = self.path / f"{name}-{digest[:8]}"
                if not target.exists():
                    manifest = _manifest(result, name, digest, inputs, versions, tables, files)
                    return self._write(manifest, files, target, result.scenario.digest)
                saved = open_run(target)
                if saved.manifest["inputs_digest"] == inputs:
                    return self._verified(saved, files)
        raise IntegrityError(f"{target.name}: a different run holds this digest; save into another folder of runs")

    def _write(self, manifest: dict[str, Any], files: Mapping[str, bytes], target: Path, scenario_digest: str) -> Path:
        whole = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
        try:
            write_folder(target, {**files, MANIFEST: whole.encode()})
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process saved the same run in the meantime
                return self._verified(open_run(target), files)
            raise
        self._failure(scenario_digest).unlink(missing_ok=True)
        return target

    def _verified(self, saved: SavedRun, files: Mapping[str, bytes]) -> Path:
        """The folder of a run that is there already: undamaged, and the same numbers as were just computed."""
        problems = self.check(saved.name)
        others = [file for file, content in files.items() if saved.manifest["files"].get(file) != hashlib.sha256(content).hexdigest()]
        if others and not problems:
            problems = [f"{saved.name}: the same inputs, data, code and versions now give other numbers in {', '.join(others)}; the saved run stays as it is"]
        if problems:
            raise IntegrityError("\n".join(problems))
        return saved.path

    def find(self, scenario: Scenario, pack_digest: str, versions: Mapping[str, str]) -> SavedRun | None:
        """The whole run of exactly these inputs, made by the present code, when it is here, else None."""
        inputs = inputs_digest(scenario.digest, pack_digest, with_code(versions))
        for digest in (scenario.digest, inputs):
            folder = self.path / f"{safe_name(scenario.id)}-{digest[:8]}"
            try:
                saved = open_run(folder)
            except (InputError, IntegrityError):
                continue
            if saved.manifest["inputs_digest"] == inputs and not self.check(saved.name):
                return saved
        return None

    def open(self, name: str) -> SavedRun:
        """The run with this folder name, digest8 or scenario name; InputError when there is none or more than one, IntegrityError when damaged."""
        names = self.names()
        matches = [known for known in names if name in (known, known[-8:])] or [known for known in names if name == known[:-9]]
        if not matches:
            raise InputError(f"{name!r}: no such run in {self.path}{_hint(name, names)}; `fiscalsim list runs` shows what is there")
        if len(matches) > 1 and len({open_run(self.path / match).manifest["inputs_digest"] for match in matches}) > 1:
            raise InputError(f"{name!r}: several runs go by this name ({', '.join(matches)}); give the digest")
        return open_run(self.path / matches[0])  # the same inputs under several names: the same figures

    def names(self) -> tuple[str, ...]:
        """Folder names of all runs, sorted; whole or damaged, never one that is being written."""
        if not self.path.is_dir():
            return ()
        return tuple(sorted(entry.name for entry in os.scandir(self.path) if _looks_like_run(entry)))

    def list(self) -> list[SavedRun]:
        """Every run whose manifest is sound, by name; see `damaged` for the others."""
        return [run for run in map(self._try_open, self.names()) if isinstance(run, SavedRun)]

    def damaged(self) -> dict[str, str]:
        """Folder name -> reason, for runs whose manifest cannot be trusted."""
        return {name: run for name, run in zip(self.names(), map(self._try_open, self.names()), strict=True) if isinstance(run, str)}

    def _try_open(self, name: str) -> SavedRun | str:
        try:
            return open_run(self.path / name)
        except FiscalsimError as error:
            return str(error)

    def check(self, name: str) -> Lines:
        """Every reason not to trust the run `name`; empty when all its bytes are the saved ones and its identities hold."""
        return check_run(self.path / self.open(name).path.name)

    def sweep(self, now: float | None = None) -> Lines:
        """Remove what interrupted saves left behind more than a day ago; returns the names removed."""
        oldest = (time.time() if now is None else now) - STALE_SECONDS
        stale = [entry.path for entry in os.scandir(self.path) if entry.name.startswith(".tmp-") and entry.stat(follow_symlinks=False).st_mtime < oldest]
        for path in stale:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                Path(path).unlink(missing_ok=True)
        return [Path(path).name for path in stale]

    def record_failure(self, name: str, digest: str, settings: Mapping[str, Any], error: BaseException, attempts: int = 1) -> Path:
        """Keep why a scenario gave no run (`<digest>.failed.json`); forgotten as soon as the run is saved."""
        path = self._failure(digest)
        content = {
            "name": name,
            "digest": digest,
            "set": _plain(settings),
            "kind": type(error).__name__,
            "exit_code": getattr(error, "exit_code", FiscalsimError.exit_code),
            "reason": str(error),
            "attempts": attempts,
            "when": now(),
        }
        with disk_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            temp = self.path / f".tmp-{uuid.uuid4().hex}"
            _write_bytes(temp, json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True).encode())
            os.replace(temp, path)
            _sync_folder(self.path)
        return path

    def failures(self) -> tuple[dict[str, Any], ...]:
        """What `record_failure` kept, by name."""
        found = sorted(self.path.glob("*.failed.json")) if self.path.is_dir() else []
        return tuple(json.loads(read_plain_file(path)) for path in found)

    def _failure(self, digest: str) -> Path:
        return self.path / f"{digest}.failed.json"


# --- names and digests ----------------------------------------------------------------------------------------------


def safe_name(name: str) -> str:
    """`name` when it can be a folder name everywhere; InputError says what is wrong with it."""
    wrong = name_problem(name)
    if not wrong and len(name.encode()) > LONGEST_NAME:
        wrong = f"at most {LONGEST_NAME} bytes"
    if not wrong and name.split(".")[0].casefold() in _RESERVED:
        wrong = "another name: this one is reserved on some machines"
    if wrong:
        raise InputError([Problem("run", None, "name", name[:40], wrong)])
    return name


def inputs_digest(scenario_digest: str, pack_digest: str, versions: Mapping[str, str]) -> str:
    """Digest of all that decides the bytes of a run: resolved scenario, data and versions."""
    return _sha({"scenario": scenario_digest, "pack": pack_digest, "versions": dict(versions)})


def with_code(versions: Mapping[str, str]) -> dict[str, str]:
    """`versions` and the digest of fiscalsim's own source: code that was changed but not renumbered makes other runs."""
    return {**versions, "code": _code_digest()}


@cache
def _code_digest() -> str:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(here.rglob("*.py")):
        digest.update(f"{path.relative_to(here).as_posix()}\0".encode() + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:16]


def _hint(word: str, allowed: Any) -> str:
    near = nearest(word, allowed)
    return f" (did you mean {near!r}?)" if near else ""


# --- reading --------------------------------------------------------------------------------------------------------


def open_run(path: str | os.PathLike[str]) -> SavedRun:
    """The run in folder `path`, its manifest verified; InputError when it is no run, IntegrityError when it is damaged."""
    folder = Path(path)
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder}: is not a saved run (no {MANIFEST})")
    content = read_plain_file(folder / MANIFEST, LARGEST_MANIFEST)
    try:
        manifest = json.loads(content)
        _Manifest.model_validate(manifest)
    except (ValueError, ValidationError, RecursionError) as error:
        raise IntegrityError(f"{folder.name}/{MANIFEST}: cannot be read ({str(error).splitlines()[0]})") from error
    if _sha(_without(manifest, "manifest_sha256")) != manifest["manifest_sha256"]:
        raise IntegrityError(f"{folder.name}/{MANIFEST}: differs from what was saved; use a copy or run the scenario again")
    for name, entry in manifest["tables"].items():
        if not _TABLE_NAME.fullmatch(name) or entry["file"] != f"{name}.parquet" or entry["file"] not in manifest["files"]:
            raise IntegrityError(f"{folder.name}/{MANIFEST}: table {name[:60]!r} names a file that cannot belong to it")
    return SavedRun(folder, manifest)


def check_run(path: str | os.PathLike[str]) -> list[str]:
    """Every reason not to trust the run in folder `path`: damaged or foreign files, checks not passed, identities that do not hold."""
    try:
        saved = open_run(path)
    except (InputError, IntegrityError) as error:
        return [str(error)]
    problems = foreign_files(saved.path, {MANIFEST, *saved.manifest["files"]}, "the run")
    if _sha(_content(saved.manifest)) != saved.manifest["content_sha256"]:
        problems.append(f"{saved.name}/{MANIFEST}: content digest does not fit")
    problems += renamed(saved.path, saved.digest8)
    tables: dict[str, pd.DataFrame] = {}
    for name in saved.table_names:
        try:
            tables[name] = saved.table(name)
        except FiscalsimError as error:
            problems.append(str(error))
    if not problems:
        problems += [f"{saved.name}: {line}" for line in _broken_identities(tables, saved.manifest)]
    return problems


def verified_table(path: Path, digest: str, otherwise: str) -> pd.DataFrame:
    """The tidy table in a saved file; IntegrityError, which says what to do `otherwise` than use a copy, when its bytes are not those of `digest`."""
    name = f"{path.parent.name}/{path.name}"
    content = read_plain_file(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise IntegrityError(f"{name}: differs from what was saved; use a copy or {otherwise}")
    return frame_of(content, name)


def foreign_files(folder: Path, known: set[str], whole: str) -> list[str]:
    """What lies in a saved folder and does not belong to the `whole` that was saved."""
    return [f"{folder.name}/{entry.name}: does not belong to {whole}" for entry in os.scandir(folder) if entry.name not in known]


def renamed(folder: Path, digest8: str) -> list[str]:
    """Whether a saved folder no longer ends with the digest that names it."""
    return [] if folder.name.endswith(f"-{digest8}") else [f"{folder.name}: the folder was renamed; its digest is {digest8}"]


def _broken_identities(tables: Mapping[str, pd.DataFrame], manifest: Mapping[str, Any]) -> Iterator[str]:
    """Checks of the run that did not pass, then the balance of people recomputed from the tables themselves."""
    for row in tables["checks"].to_dict("records"):
        if not row["passed"]:
            yield f"check {row['name']} did not pass: {row['value']} (tolerance {row['tolerance']})"
    for name, entry in manifest["tables"].items():
        if len(tables[name]) != entry["rows"]:
            yield f"{name}: {len(tables[name])} rows where {entry['rows']} were saved"
    stock = tables["population"].groupby(["year", "region", "residence"])["persons"].sum()
    flows = tables["components"].set_index(["year", "region", "residence"])
    change = flows["births"] - flows["deaths"] + flows["external_migration"] + flows["internal_migration"]
    opening = stock.rename(lambda year: year + 1, level="year").reindex(change.index)
    gap: pd.Series = (stock.reindex(change.index) - opening - change).abs() / np.maximum(stock.reindex(change.index).abs(), 1.0)
    for place, value in gap[~(gap <= 1e-9)].head(5).items():
        yield f"population {place}: closing is not opening + births - deaths + migration (relative gap {value:.3g})"


def read_plain_file(path: Path, largest: int | None = None) -> bytes:
    """The bytes of an ordinary file; a link or a device is refused, so that a run from outside cannot point elsewhere."""
    try:
        if path.is_symlink() or not path.is_file():
            raise IntegrityError(f"{path.parent.name}/{path.name}: is missing or not an ordinary file; use a copy or run the scenario again")
        if largest is not None and path.stat().st_size > largest:
            raise IntegrityError(f"{path.parent.name}/{path.name}: {path.stat().st_size} bytes, at most {largest} are read")
        return path.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{path.parent.name}/{path.name}: cannot be read ({error.strerror})") from error


def _looks_like_run(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and re.search(r"-[0-9a-f]{8}$", entry.name) is not None


# --- writing --------------------------------------------------------------------------------------------------------


def _checked_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    problems = [f"table {name} is missing" for name in TABLES if name not in tables]
    for name, table in tables.items():
        problems += [f"table {name}: column {column} is missing" for column in TABLES.get(name, ()) if column not in table.columns]
    problems += [f"table {name!r}: not a table name" for name in tables if not _TABLE_NAME.fullmatch(name)]
    if problems:
        raise ModelError("the run is not saved: " + "; ".join(problems))
    return {name: tables[name] for name in (*TABLES, *sorted(set(tables) - set(TABLES)))}


def _arrow(name: str, table: pd.DataFrame) -> pa.Table:
    """`table` as Arrow without pandas' own remarks; minus zero becomes zero, so that equal tables have equal bytes."""
    plain = table.reset_index(drop=True)
    for column in plain.columns:
        if plain[column].dtype.kind == "f":
            plain[column] = plain[column] + 0.0
    try:
        return pa.Table.from_pandas(plain, preserve_index=False, nthreads=1).replace_schema_metadata(None)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ModelError(f"the run is not saved: table {name} holds values that are not of one kind ({error})") from error


def _parquet(table: pa.Table) -> bytes:
    """The bytes of a table's file; in memory, so that a full disk is met in one place."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **_PARQUET)
    return bytes(sink.getvalue().to_pybytes())


def table_bytes(name: str, table: pd.DataFrame) -> bytes:
    """The bytes of a tidy table's Parquet file; equal tables give equal bytes."""
    return _parquet(_arrow(name, table))


def frame_of(content: bytes, name: str) -> pd.DataFrame:
    """The table in the bytes of a Parquet file; IntegrityError where a page does not fit its checksum."""
    try:
        return pq.read_table(pa.BufferReader(content), page_checksum_verification=True, use_threads=False).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise IntegrityError(f"{name}: cannot be read ({error})") from error


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that is not there yet, whole or not at all: a hidden sibling, flushed and renamed. OSError where there is one of this name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temp = target.with_name(f".tmp-{target.name[-8:]}-{uuid.uuid4().hex}")
    temp.mkdir()
    try:
        for file, content in files.items():
            _write_bytes(temp / file, content)
        _sync_folder(temp)
        os.rename(temp, target)
    except BaseException:
        shutil.rmtree(temp, ignore_errors=True)
        raise
    _sync_folder(target.parent)


def digest_of(value: Any) -> str:
    """sha256 of a plain value in canonical JSON."""
    return _sha(value)


def _write_bytes(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole or not at all; FileExistsError when there is one of this name, which stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f".tmp-{uuid.uuid4().hex}")
    _write_bytes(temp, content)
    try:
        try:
            os.link(temp, path)  # unlike a rename, it never replaces what another process wrote in the meantime
        except FileExistsError:
            raise
        except OSError:  # a drive without hard links
            _write_bytes(path, content)
    finally:
        temp.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def stamp() -> dict[str, str]:
    """When, by whom and on what a record is made; outside every digest of content."""
    return {"when": now(), "who": _who(), "python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """An error of the disk as one clear line; nothing half-written stays visible."""
    try:
        yield
    except OSError as error:
        raise IntegrityError(f"{path}: nothing was saved ({error.strerror or error}); make room or choose another folder with --runs") from error


def _manifest(
    result: RunResult, name: str, digest: str, inputs: str, versions: Mapping[str, str], tables: Mapping[str, pa.Table], files: Mapping[str, bytes]
) -> dict[str, Any]:
    checks = [{key: _plain(value) for key, value in row.items()} for row in result.tables["checks"].to_dict("records")]
    manifest: dict[str, Any] = {
        "schema_version": SCHEMA,
        "name": name,
        "digest": digest,
        "digest8": digest[:8],
        "inputs_digest": inputs,
        "scenario": _plain(result.scenario.resolved()),
        "scenario_names": {"zh": result.scenario.name_zh, "en": result.scenario.name_en},
        "pack": {field.name: _plain(getattr(result.info, field.name)) for field in fields(result.info) if field.name != "region_names"},
        "pack_digest": result.pack_digest,
        "versions": {key: str(value) for key, value in versions.items()},
        "seed": int(result.scenario.seed),
        "solver_options": _plain(result.solver_options),
        "passes": [_plain(dict(one)) for one in result.passes],
        "checks": checks,
        "checks_passed": all(bool(row["passed"]) for row in checks),
        "tables": {
            key: {
                "file": f"{key}.parquet",
                "rows": table.num_rows,
                "columns": {field.name: str(field.type) for field in table.schema},
                "extra_columns": [column for column in table.column_names if column not in TABLES.get(key, ())],
            }
            for key, table in tables.items()
        },
        "extra_tables": [key for key in tables if key not in TABLES],
        "files": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
        "timings": _plain(result.timings),
        "record": {"when": now(), "who": _who(), "python": platform.python_version(), "machine": platform.machine(), "system": platform.system()},
    }
    manifest["content_sha256"] = _sha(_content(manifest))
    manifest["manifest_sha256"] = _sha(manifest)
    return manifest


def _content(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a manifest that two computations of the same inputs share."""
    content = _without(manifest, *_NOT_CONTENT)
    content["passes"] = [{key: value for key, value in one.items() if key != "seconds"} for one in manifest["passes"]]
    return content


def _without(manifest: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in keys}


def _sha(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """`value` in JSON's own kinds; a number that is not finite becomes null, as JSON has no word for it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def now() -> str:
    """The present second, UTC, as records write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
