"""`fiscalsim project`: the cohort engine on anybody's tidy tables, one population of two sexes.

Knows the five tables of the contract, how to check them and how to write the answer; nothing of packs, areas or scenarios.

Rules, all said again in notes.txt beside the answer: a row (year, sex, age) of mortality, fertility or migration belongs to the flows of
that year (31 December before to 31 December); a year that a table lacks takes the latest earlier year of that table, so the last year
given stays; a table that starts after the first projected year is an error; without an srb table 1.05 boys are born per girl;
ages outside the fertility table bear no children; all other tables must hold every sex and age once a year.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fiscalsim.axes import SEXES, Axis, years_axis
from fiscalsim.demography.cohort import TIMINGS, Moves, VitalRates, advance
from fiscalsim.demography.lifetable import survivorship_ratio
from fiscalsim.errors import InputError, ModelError, Problem, nearest
from fiscalsim.quantities import Array

SRB_WITHOUT_TABLE = 1.05  # boys per girl, the usual value of national projections; give a table to replace it
_FIRST_YEAR, _LAST_YEAR = 1700, 2500
_OLDEST = 150
_LARGEST_FILE = 200_000_000
_LISTED = 50


@dataclass(frozen=True)
class _Column:
    low: float
    high: float
    whole: bool
    allowed: str


_YEAR = _Column(_FIRST_YEAR, _LAST_YEAR, True, f"a year, {_FIRST_YEAR} to {_LAST_YEAR}")
_AGE = _Column(0, _OLDEST, True, f"a single age, 0 to {_OLDEST}; the last age of the table is open")
_KEYS = {"year": _YEAR, "age": _AGE}
_VALUES = {
    "population": ("persons", _Column(0, 1e11, False, "persons on 31 December, zero or more")),
    "mortality": ("mx", _Column(0, 2, False, "deaths per person and year, 0 to 2 (not per 1000)")),
    "fertility": ("asfr", _Column(0, 1, False, "births per woman and year, 0 to 1 (not per 1000)")),
    "migration": ("net_migrants", _Column(-1e11, 1e11, False, "net persons of the year, any sign")),
    "srb": ("srb", _Column(0.5, 2, False, "boys per girl, such as 1.05 (not 105)")),
}
COLUMNS = {
    "population": ("year", "sex", "age", "persons"),
    "mortality": ("year", "sex", "age", "mx"),
    "fertility": ("year", "age", "asfr"),
    "migration": ("year", "sex", "age", "net_migrants"),
    "srb": ("year", "srb"),
}
REQUIRED = ("population", "mortality", "fertility")


def project(
    population: pd.DataFrame,
    mortality: pd.DataFrame,
    fertility: pd.DataFrame,
    migration: pd.DataFrame | None,
    srb: pd.DataFrame | None,
    until: int,
    timing: str = "even",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Project one population to 31 December of `until`: (population, components) as tidy tables.

    Columns in: population (year, sex, age, persons; one year), mortality (year, sex, age, mx), fertility (year, age, asfr), migration
    (year, sex, age, net_migrants), srb (year, srb). Out: population with the same columns for every year-end, the base year first, and
    components (year, births, deaths, net_migration). InputError lists every problem; a cell below zero is one, named by year, sex, age.
    """
    given = {"population": population, "mortality": mortality, "fertility": fertility, "migration": migration, "srb": srb}
    return _project({name: table for name, table in given.items() if table is not None}, {}, until, timing)[:2]


def read_project_tables(paths: dict[str, Path | None]) -> dict[str, pd.DataFrame]:
    """Read and check the CSV files of `paths` (population, mortality, fertility, migration, srb; None = not given).

    UTF-8, or GB18030 as a fallback. InputError lists the problems of all files at once, with file, row (the line), column, value.
    """
    return _read(paths)[0]


def project_files(
    population_path: Path | str,
    mortality_path: Path | str,
    fertility_path: Path | str,
    migration_path: Path | str | None,
    srb_path: Path | str | None,
    until: int,
    out_dir: Path | str,
    timing: str = "even",
) -> Path:
    """Project CSV files and write population.csv, components.csv and notes.txt into `out_dir`, whole or not at all; returns the folder."""
    given = [population_path, mortality_path, fertility_path, migration_path, srb_path]
    paths = {name: None if path is None else Path(path) for name, path in zip(COLUMNS, given, strict=True)}
    tables, notes = _read(paths)
    names = {name: str(path) for name, path in paths.items() if path is not None}
    people, flows, more = _project(tables, names, until, timing)
    files = {
        "population.csv": people.to_csv(index=False, lineterminator="\n"),
        "components.csv": flows.to_csv(index=False, lineterminator="\n"),
        "notes.txt": "\n".join([*notes, *more]) + "\n",
    }
    return _write_whole(files, Path(out_dir), [path for path in paths.values() if path is not None])


# --- reading and checking -------------------------------------------------------------------------------------------


def _read(paths: dict[str, Path | None]) -> tuple[dict[str, pd.DataFrame], list[str]]:
    problems: list[Problem] = []
    notes: list[str] = []
    tables: dict[str, pd.DataFrame] = {}
    for name in paths:
        if name not in COLUMNS:
            problems.append(Problem(name, None, "", name, "one of " + ", ".join(COLUMNS), nearest(name, COLUMNS)))
    for name in COLUMNS:
        path = paths.get(name)
        if path is None:
            if name in REQUIRED:
                problems.append(Problem(name, None, "", "not given", "a CSV file"))
            continue
        raw, found, note = _read_csv(Path(path))
        problems += found
        notes += note
        if raw is not None:
            tables[name], found = _checked(raw, name, str(path))
            problems += found
    if problems:
        raise InputError(_shortened(problems))
    return tables, notes


def _read_csv(path: Path) -> tuple[pd.DataFrame | None, list[Problem], list[str]]:
    """The file's cells as text, indexed by the line that they stand on."""
    file = str(path)
    try:
        size = path.stat().st_size
        if not path.is_file() or size > _LARGEST_FILE:
            return None, [Problem(file, None, "", f"{size} bytes", f"a CSV file of at most {_LARGEST_FILE} bytes")], []
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        return None, [Problem(file, None, "", str(getattr(error, "strerror", None) or error), "a CSV file that can be read")], []
    notes: list[str] = []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
            notes.append(f"{path.name}: not UTF-8, read as GB18030 (GBK)")
        except UnicodeDecodeError:
            return None, [Problem(file, None, "", "bytes", "text in UTF-8 (or GB18030)")], []
    try:
        raw = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skip_blank_lines=False, index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        return None, [Problem(file, None, "", str(error).strip(), "a CSV table with one header line and equally many cells on each line")], []
    raw.index = pd.RangeIndex(2, len(raw) + 2)
    raw.columns = pd.Index([str(column).strip() for column in raw.columns])
    return raw[~(raw.isna() | (raw == "")).all(axis=1)], [], notes


def _checked(table: pd.DataFrame, name: str, file: str) -> tuple[pd.DataFrame, list[Problem]]:
    """The table with its contract columns as numbers and sexes as text, and every problem in it. Rows are those of the index."""
    problems: list[Problem] = []
    wanted = COLUMNS[name]
    for column in wanted:
        if column not in table.columns:
            others = [str(other) for other in table.columns if other not in wanted]
            problems.append(Problem(file, None, column, "missing column", "columns " + ", ".join(wanted), nearest(column, others)))
        elif isinstance(table[column], pd.DataFrame):
            problems.append(Problem(file, None, column, "given twice", "each column once"))
    if problems:
        return pd.DataFrame(columns=list(wanted)), problems
    if table.empty:
        return pd.DataFrame(columns=list(wanted)), [Problem(file, None, "", "no rows", "at least one row")]
    result: dict[str, pd.Series] = {}
    for column in wanted:
        if column == "sex":
            sexes = table[column].astype(str).str.strip()
            for row in table.index[~sexes.isin(SEXES)]:
                problems.append(Problem(file, int(row), column, str(table[column][row]), "male or female", nearest(str(table[column][row]).lower(), SEXES)))
            result[column] = sexes
            continue
        rule = _KEYS.get(column, _VALUES[name][1])
        # Python's own float rule: no locale, no thousands separators; bools and empty cells are not numbers
        numbers = pd.to_numeric(table[column].where(~table[column].isin(["", None]), np.nan), errors="coerce").astype(float)
        good = numbers.between(rule.low, rule.high) & np.isfinite(numbers)
        if rule.whole:
            good &= numbers == numbers.round()
        for row in table.index[~good]:
            problems.append(Problem(file, int(row), column, str(table[column][row]), rule.allowed))
        result[column] = numbers.where(good, rule.low).astype(int) if rule.whole else numbers
    clean = pd.DataFrame(result, index=table.index)
    if problems:
        return clean, problems
    keys = [column for column in wanted if column != wanted[-1]]
    for row in clean.index[clean.duplicated(keys)]:
        problems.append(Problem(file, int(row), ", ".join(keys), " ".join(str(v) for v in clean.loc[row, keys]), "each key once; this row repeats one"))
    return clean, problems


def _shortened(problems: list[Problem]) -> list[Problem]:
    """At most the first fifty of a file, and how many more there are."""
    result: list[Problem] = []
    for file in dict.fromkeys(p.file for p in problems):
        own = [p for p in problems if p.file == file]
        result += own[:_LISTED]
        if len(own) > _LISTED:
            result.append(Problem(file, None, "", f"{len(own) - _LISTED} more problems", "mend these first"))
    return result


# --- projecting -----------------------------------------------------------------------------------------------------


def _project(tables: dict[str, pd.DataFrame], files: dict[str, str], until: int, timing: str) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    problems: list[Problem] = []
    if timing not in TIMINGS:
        problems.append(Problem("", None, "migration timing", str(timing), " or ".join(TIMINGS), nearest(str(timing), TIMINGS)))
    clean = {}
    for name, table in tables.items():
        # rows are numbered as in a file with a header line unless the reader has numbered them already
        rows = table if name in files else table.set_axis(pd.RangeIndex(2, len(table) + 2))
        clean[name], found = _checked(rows, name, files.get(name, name))
        problems += found
    if problems:
        raise InputError(_shortened(problems))

    file = {name: files.get(name, name) for name in COLUMNS}
    years = sorted(set(clean["population"]["year"]))
    base_year, open_age = years[0], int(clean["population"]["age"].max())
    if len(years) > 1:
        problems.append(Problem(file["population"], None, "year", f"{years[0]}..{years[-1]}", "one year only, the stock on its 31 December"))
    if open_age < 1:
        problems.append(Problem(file["population"], None, "age", str(open_age), "single ages 0, 1, ... with an open last age"))
    if isinstance(until, bool) or int(until) != until or not base_year < until <= _LAST_YEAR:
        problems.append(Problem("", None, "until", str(until), f"a year after the base year {base_year}, {_LAST_YEAR} at most"))
    if problems:
        raise InputError(problems)

    horizon = years_axis(base_year + 1, int(until))
    notes = [f"timing of migration: {timing}"]
    base = _cube(clean["population"], file["population"], open_age, problems)[0]
    rates: dict[str, Array] = {}
    for name in ("mortality", "migration", "fertility", "srb"):
        if name not in clean:
            continue
        table = clean[name]
        held, note = _held_years(table, horizon, name, file[name], problems)
        notes += note
        cube = _cube(table, file[name], open_age, problems)
        if held is not None and cube is not None:
            rates[name] = cube[held]
    if "mortality" in rates and not (rates["mortality"][..., -1] > 0).all():
        allowed = f"above 0 at the open age {open_age}: everybody there dies some day"
        problems.append(Problem(file["mortality"], None, "mx", "0", allowed))
    if problems:
        raise InputError(_shortened(problems))

    Y = len(horizon)
    srb = rates["srb"] if "srb" in rates else np.full(Y, SRB_WITHOUT_TABLE)
    if "srb" not in rates:
        notes.append(f"no srb table: {SRB_WITHOUT_TABLE} boys per girl in every year")
    vital = VitalRates(
        survivorship_ratio(rates["mortality"])[:, None],
        np.ones((Y, 1, 1)),
        rates["fertility"][:, None],
        np.stack([srb / (1 + srb), 1 / (1 + srb)], axis=-1)[:, None],
    )
    moves = Moves(timing, rates["migration"][:, None, None] if "migration" in rates else None)
    if moves.external is None:
        notes.append("no migration table: nobody moves in or out")
    try:
        stock, flows = advance(base_year, horizon, Axis("region", ("all",)), base[None, None], vital, moves)
    except ModelError as error:
        raise InputError([Problem(file["migration"], None, "net_migrants", str(error), "no more people may leave than are there")]) from error
    ages = np.arange(open_age + 1)
    shape = stock.persons[:, 0, 0].shape
    people = pd.DataFrame(
        {
            "year": np.repeat(stock.years.labels, shape[1] * shape[2]),
            "sex": np.tile(np.repeat(SEXES, shape[2]), shape[0]),
            "age": np.tile(ages, shape[0] * shape[1]),
            "persons": stock.persons.reshape(-1),
        }
    )
    total = {"births": flows.births, "deaths": flows.deaths, "net_migration": flows.external_migration}
    components = pd.DataFrame({"year": horizon.labels, **{name: values.sum(axis=(1, 2)) for name, values in total.items()}})
    return people, components, notes


def _cube(table: pd.DataFrame, file: str, open_age: int, problems: list[Problem]) -> Array:
    """Values [years given, ...] with sex and age axes where the table has them; missing and surplus cells become problems."""
    value = str(table.columns[-1])
    years = sorted(set(table["year"]))
    shape: list[int] = [len(years)]
    place: list[Array] = [np.searchsorted(years, table["year"])]
    if "sex" in table.columns:
        shape.append(len(SEXES))
        place.append(table["sex"].map({sex: x for x, sex in enumerate(SEXES)}).to_numpy())
    if "age" in table.columns:
        above = table.index[table["age"] > open_age]
        for row in above:
            problems.append(Problem(file, int(row), "age", str(table["age"][row]), f"ages of the population table, 0 to {open_age} (open)"))
        if len(above):
            return np.zeros((len(years), *shape[1:], open_age + 1))
        shape.append(open_age + 1)
        place.append(table["age"].to_numpy())
    cube = np.full(shape, np.nan)
    cube[tuple(place)] = table[value].to_numpy()
    if value == "asfr":
        return _fertile(cube, years, file, problems)
    for cell in np.argwhere(np.isnan(cube)):
        words = [str(years[cell[0]])]
        words += [SEXES[cell[1]]] if "sex" in table.columns else []
        words += [f"age {cell[-1]}"] if "age" in table.columns else []
        problems.append(Problem(file, None, value, "no row for " + ", ".join(words), f"every sex and age from 0 to {open_age} for each year given"))
    return cube


def _fertile(cube: Array, years: list[int], file: str, problems: list[Problem]) -> Array:
    """ASFR [years, A] with zeros outside the ages of the table; a gap inside, or births at age 0, is a problem."""
    for y, year in enumerate(years):
        ages = np.flatnonzero(~np.isnan(cube[y]))
        for age in sorted(set(range(int(ages[0]), int(ages[-1]) + 1)) - set(ages.tolist())):
            problems.append(Problem(file, None, "asfr", f"no row for {year}, age {age}", "every age between the first and the last of the year"))
        if cube[y, 0] > 0:
            problems.append(Problem(file, None, "asfr", f"{cube[y, 0]} in {year}, age 0", "no births at age 0"))
    return np.nan_to_num(cube, nan=0.0)


def _held_years(table: pd.DataFrame, horizon: Axis, name: str, file: str, problems: list[Problem]) -> tuple[Array | None, list[str]]:
    """For each projected year the position of the year of the table that it uses: its own, or the latest earlier one (noted)."""
    years = np.array(sorted(set(table["year"])))
    position = np.searchsorted(years, horizon.labels, side="right") - 1
    if position[0] < 0:
        problems.append(Problem(file, None, "year", f"starts in {years[0]}", f"rows for {horizon.labels[0]} or an earlier year"))
        return None, []
    used = years[position]
    held = [(year, int(source)) for year, source in zip(horizon.labels, used, strict=True) if year != source]
    notes = []
    for source in dict.fromkeys(source for _, source in held):
        own = [year for year, s in held if s == source]
        notes.append(f"{name}: {own[0]}..{own[-1]} use the rows of {source} (the table has none of their own)")
    return position, notes


# --- writing --------------------------------------------------------------------------------------------------------


def _write_whole(files: dict[str, str], out: Path, inputs: list[Path]) -> Path:
    """Write all files beside their place, then move them in; an input file is never overwritten."""
    try:
        for name in files:
            for path in inputs:
                if (out / name).exists() and path.exists() and (out / name).samefile(path):
                    raise InputError([Problem(str(out / name), None, "out", "is an input file", "another folder")])
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name[:40]}-", dir=out.parent))
    except (OSError, ValueError) as error:
        raise InputError([Problem(str(out), None, "out", str(getattr(error, "strerror", None) or error), "a folder that can be written")]) from error
    try:
        for name, text in files.items():
            with open(staging / name, "w", encoding="utf-8", newline="") as handle:
                handle.write(text)
                handle.flush()
                os.fsync(handle.fileno())
        if out.is_dir():
            for name in files:
                os.replace(staging / name, out / name)
        else:
            staging.chmod(0o777 & ~_umask())
            os.rename(staging, out)
    except OSError as error:
        raise InputError([Problem(str(out), None, "out", error.strerror or str(error), "a folder that can be written")]) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return out


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
