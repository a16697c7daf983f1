"""What a comparison says beyond its figures: versions, names of parameters, reasons, uncertainty, advice, cells, and how to repeat it.

Knows the tables of runs, comparisons and reviews. Must not know HTML or print; every sentence is filled from the tables.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from fiscalsim import charts
from fiscalsim.compare import Comparison
from fiscalsim.errors import FiscalsimError
from fiscalsim.levers import load_levers
from fiscalsim.report import boards
from fiscalsim.report.boards import LONGEST_LIST, Board
from fiscalsim.report.review_boards import is_reviewed, lapsed_count, state_words
from fiscalsim.reviews import reviews_of
from fiscalsim.scenario import canonical, home, load_scenario
from fiscalsim.store import SavedRun
from fiscalsim.text import NONE, has, listed, money, money_unit, name_of, number, percent, t

Tables = Mapping[str, pd.DataFrame]
VERSION_OF, PACK_DATA = "version of ", "pack data"
NAMED = ("standards", "targets")  # levers that exist for each service or indicator
EXACT = 1e-9  # of the change: what identities of this program must hold to
WEAKEST = "weakest"  # part of the table `evidence`: each yuan by the weakest of the grades behind it


# --- the runs and their inputs --------------------------------------------------------------------------------------


def runs_board(runs: Sequence[SavedRun], lang: str) -> Board:
    """The runs compared, with their version and review state."""
    plain = boards.runs_board(runs, lang)
    version = [run.manifest["versions"].get("fiscalsim", NONE) for run in runs]
    states = [state_words(reviews_of(run), lang) for run in runs]
    table = plain.table.assign(**{t("report.version", lang): version, t("report.review", lang): states})
    return Board(plain.title, table, note=plain.note)


def is_version(path: str) -> bool:
    """Whether an input is a version of the program, of a library or of the data, not something that a user set."""
    return path.startswith(VERSION_OF) or path == PACK_DATA


def version_lines(comparison: Comparison, lang: str) -> list[str]:
    """One sentence that names the versions which differ; none when all runs were made by the same program from the same data."""
    differing = [path for path in comparison.changed_inputs()["path"] if is_version(path)]
    if not differing:
        return []
    return [t("compare.versions_differ", lang, list=t("format.comma", lang).join(input_name(path, {}, lang) for path in differing))]


def input_name(path: str, tables: Tables, lang: str) -> str:
    """What an input is called: a lever's name, a service or indicator it is about, a version, else its path."""
    if path == PACK_DATA:
        return t("compare.pack_data", lang)
    if path.startswith(VERSION_OF):
        program = path.removeprefix(VERSION_OF)
        return t("compare.code", lang) if program == "code" else t("compare.version_of", lang, name=program)
    if path == "policy" or path == "seed":
        return t(f"compare.{path}", lang)
    if path.startswith("limits."):
        family = path.removeprefix("limits.")
        return t("compare.limit", lang, name=t(f"limit.{family}.tag", lang)) if has(f"limit.{family}.tag") else path
    lever = _lever_names(lang).get(path)
    group, _, code = path.partition(".")
    if lever is None and group in NAMED and tables:
        rows = tables["services"].set_index("service") if group == "standards" else tables["indicator_names"].set_index("indicator")
        lever = t(f"compare.{group}", lang, name=rows.loc[code, f"name_{lang}"]) if code in rows.index else None
    return lever or path


@cache
def _lever_names(lang: str) -> dict[str, str]:
    return {lever.path: name_of(lever, lang) for lever in load_levers(home()) if "*" not in lever.path}


def inputs_board(comparison: Comparison, tables: Tables, lang: str) -> Board:
    """Inputs that differ between the runs, by name and path."""
    plain = boards.inputs_board(comparison, lang)
    paths = plain.table[t("field.path", lang)]
    named = pd.DataFrame({t("field.name", lang): [input_name(path, tables, lang) for path in paths]})
    table = pd.concat([named, plain.table.reset_index(drop=True).rename(columns={t("field.path", lang): t("compare.path", lang)})], axis=1)
    return Board(plain.title, table, note=plain.note)


def drivers_sentence(comparison: Comparison, first: SavedRun, other: SavedRun, lang: str) -> str:
    """What a reviewer would write of the split: the change of spending over all years, its parts, and how exactly they add up."""
    parts = comparison.drivers.query("run == @other.name").groupby("driver", sort=False)["yuan"].sum()
    spent = [float(run.table("allocation")[["recurrent_yuan", "capital_yuan"]].to_numpy().sum()) for run in (first, other)]
    change = spent[1] - spent[0]
    unit = money_unit(float(parts.abs().max()), lang)
    shown = parts[parts.abs() >= 0.5 * unit.divisor * 10.0**-unit.digits].sort_values(key=abs, ascending=False)
    words = [
        t("compare.part", lang, name=t(f"driver.{code}", lang), value=t("format.amount", lang, value=unit.show(v, signed=True), unit=unit.name))
        for code, v in shown.items()
    ]
    labels = boards.short_labels(comparison, lang)
    names = {"a": labels[first.name], "b": labels[other.name]}
    if not words:
        return t("compare.spending_same", lang, **names)
    more = t("word.more" if change >= 0 else "word.less", lang)
    gap = abs(float(parts.sum()) - change) / max(abs(change), 1.0)
    exact = t("compare.adds_up" if gap <= EXACT else "compare.adds_up_not", lang, gap=f"{gap:.0e}")
    return t("compare.split", lang, **names, word=more, d=money(abs(change), lang), parts=t("format.comma", lang).join(words), exact=exact)


# --- why there are shortfalls ---------------------------------------------------------------------------------------


def reasons_boards(first: SavedRun, other: SavedRun, tables: Mapping[str, Tables], year: int, lang: str) -> list[Board]:
    """Shortfalls of `year` by the limit that binds first, and the cells whose shortfall moved most, in both runs."""
    cells = _shortfall_cells(first, other, tables, year)
    names = {side: run.manifest["scenario_names"][lang] for side, run in (("a", first), ("b", other))}
    return [_by_limit(cells, names, year, lang), _most_moved(cells, names, tables[other.name], year, lang)]


def _shortfall_cells(first: SavedRun, other: SavedRun, tables: Mapping[str, Tables], year: int) -> pd.DataFrame:
    """region, residence, what, goal -> units, yuan and first limit in each run; a cell without shortfall has no limit."""
    key = ["region", "residence", "what", "goal"]
    sides = []
    for side, run in (("a", first), ("b", other)):
        rows = boards.shortfalls(tables[run.name], year)
        rows = rows.assign(limit=rows["limited_by"].map(charts.first_limit))
        sides.append(rows.set_index(key)[["units", "yuan", "limit"]].add_suffix(f"_{side}"))
    cells = pd.concat(sides, axis=1, join="outer")
    figures = [column for column in cells.columns if not column.startswith("limit")]
    return cells.fillna(dict.fromkeys(figures, 0.0) | {"limit_a": "", "limit_b": ""})


def _by_limit(cells: pd.DataFrame, names: Mapping[str, str], year: int, lang: str) -> Board:
    counts = {side: cells[cells[f"limit_{side}"] != ""].groupby(f"limit_{side}")[f"yuan_{side}"].agg(["size", "sum"]) for side in "ab"}
    both = pd.concat(counts, axis=1).fillna(0.0)
    whole = pd.DataFrame([both.sum()], index=[""])
    table = pd.concat([whole, both.sort_values(("b", "sum"), ascending=False, kind="stable")])
    unit = money_unit(float(table[[("a", "sum"), ("b", "sum")]].iloc[0].max()), lang)
    frame = pd.DataFrame(
        {
            t("col.limit", lang): [t("col.total", lang), *(charts.limit_tag(str(code), lang) for code in table.index[1:])],
            t("compare.items_of", lang, name=names["a"]): table[("a", "size")].to_numpy(),
            t("compare.items_of", lang, name=names["b"]) + " ": table[("b", "size")].to_numpy(),
            t("compare.money_of", lang, name=names["a"]): table[("a", "sum")].to_numpy() / unit.divisor,
            t("compare.money_of", lang, name=names["b"]) + " ": table[("b", "sum")].to_numpy() / unit.divisor,
            t("col.difference", lang): (table[("b", "sum")] - table[("a", "sum")]).to_numpy() / unit.divisor,
        }
    )
    digits = dict(zip(frame.columns[1:], (0, 0, *[unit.digits] * 3), strict=True))
    note = "" if len(both) else t("report.no_shortfall", lang)
    return Board(t("compare.limits_table", lang, year=year), frame, unit.name, digits, total=True, note=note)


def _most_moved(cells: pd.DataFrame, names: Mapping[str, str], tables: Tables, year: int, lang: str) -> Board:
    moved = cells.assign(change=cells["yuan_b"] - cells["yuan_a"], persons=cells["units_b"] - cells["units_a"])
    moved = moved[(moved["change"].abs() >= 0.5) | (moved["persons"].abs() >= 0.5) | (moved["limit_a"] != moved["limit_b"])]
    order = moved[["change", "persons"]].abs().sort_values(["change", "persons"], ascending=False, kind="stable").index
    rows = moved.loc[order].head(LONGEST_LIST).reset_index()
    unit = money_unit(float(rows["change"].abs().max()) if len(rows) else 0.0, lang)
    regions = charts.region_names(tables, lang, "name")
    what = boards.what_names(tables, lang)

    def limit(code: str) -> str:
        return charts.limit_tag(code, lang) if code else NONE

    frame = pd.DataFrame(
        {
            t("col.region", lang): [regions.get(code, t("app.all_regions", lang)) for code in rows["region"]],
            t("col.residence", lang): [t(f"residence.{code}", lang) if has(f"residence.{code}") else code for code in rows["residence"]],
            t("col.service", lang): [what.get(code, code) for code in rows["what"]],
            t("compare.change_persons", lang): [number(value, 0, signed=True) for value in rows["persons"]],
            t("compare.change_money", lang): [unit.show(value, signed=True) for value in rows["change"]],
            t("compare.limit_of", lang, name=names["a"]): [limit(code) for code in rows["limit_a"]],
            t("compare.limit_of", lang, name=names["b"]) + " ": [limit(code) for code in rows["limit_b"]],
        }
    )
    note = "" if len(rows) else t("compare.no_cell_moved", lang)
    title = t("compare.moved_table", lang, n=len(rows), year=year)
    return Board(title, frame, unit.name, note=note, right=(str(frame.columns[3]), str(frame.columns[4])))


# --- how far to trust the difference --------------------------------------------------------------------------------


def uncertainty_blocks(comparison: Comparison, runs: Sequence[SavedRun], tables: Mapping[str, Tables], year: int, lang: str) -> list[str | Board]:
    """What the money of each run rests on by grade, and the range of places opened over the replications of the replay."""
    found: list[str | Board] = [t("compare.uncertainty_scope", lang)]
    shares = {run.name: _grade_shares(tables[run.name], year) for run in runs}
    if all(len(one) for one in shares.values()):
        labels = boards.short_labels(comparison, lang)
        lines = [(t(f"grade.{grade}", lang), *(100 * float(shares[run.name].get(grade, 0.0)) for run in runs)) for grade in "ABCD"]
        table = pd.DataFrame(lines, columns=[t("col.grade", lang), *(labels[run.name] for run in runs)])
        title = t("compare.grades_table", lang, year=year)
        found.append(Board(title, table, t("unit.percent", lang), dict.fromkeys(table.columns[1:], 1), note=t("compare.grades_note", lang)))
    found.append(_opened_board(runs, tables, year, lang))
    return found


def _grade_shares(tables: Tables, year: int) -> dict[str, float]:
    rows = tables["evidence"] if "evidence" in tables else pd.DataFrame({"part": [], "year": []})
    rows = rows[(rows["part"] == WEAKEST) & (rows["year"] == year)]
    return {str(row["grade"]): float(row["share"]) for row in rows.to_dict("records")}


def _opened_board(runs: Sequence[SavedRun], tables: Mapping[str, Tables], year: int, lang: str) -> Board:
    lines = []
    for run in runs:
        rows = boards.opened(tables[run.name]).query("year == @year and planned >= 1")
        names = tables[run.name]["resources"].set_index("resource")[f"name_{lang}"]
        name = run.manifest["scenario_names"][lang]
        lines += [(names[row["resource"]], name, row["planned"], row["low"], row["median"], row["high"]) for row in rows.to_dict("records")]
    keys = ["col.item", "field.scenario", "col.planned", "report.nine_in_ten", "col.opened", "report.one_in_ten"]
    table = pd.DataFrame(lines, columns=[t(key, lang) for key in keys])
    order = list(dict.fromkeys(table.iloc[:, 0]))
    table = table.sort_values(str(table.columns[0]), key=lambda column: column.map(order.index), kind="stable", ignore_index=True) if len(table) else table
    note = "" if len(table) else t("finding.delivery_none", lang)
    return Board(t("compare.opened_table", lang, year=year), table, digits=dict.fromkeys(table.columns[2:], 0), note=note)


# --- what follows from it -------------------------------------------------------------------------------------------


def suggestions(comparison: Comparison, runs: Sequence[SavedRun], tables: Mapping[str, Tables], year: int, lang: str) -> list[str]:
    """Sentences that the tables support: which run does better, where it got worse and why, what to verify, who must still review."""
    first = runs[0]
    found = []
    for other in runs[1:]:
        found += [_better(first, other, tables, year, lang), *_worse_place(first, other, tables, year, lang)]
    found += _assumed(comparison, first, tables, lang)
    for run in runs:
        reviews = reviews_of(run)
        name = run.manifest["scenario_names"][lang]
        if not is_reviewed(reviews):
            found.append(t("compare.to_review", lang, name=name, state=state_words(reviews, lang)))
        if lapsed_count(reviews):
            found.append(t("compare.lapsed", lang, name=name, n=lapsed_count(reviews)))
    return [t("compare.numbered", lang, n=i, text=sentence) for i, sentence in enumerate(found, start=1)]


def _better(first: SavedRun, other: SavedRun, tables: Mapping[str, Tables], year: int, lang: str) -> str:
    """Which run does at least as well in gap, targets met and the lowest area, or that each has its price."""
    a, b = tables[first.name], tables[other.name]
    gap = {"a": charts.gap_yuan(a, year), "b": charts.gap_yuan(b, year)}
    met = {"a": charts.indicator_counts(a)["m"], "b": charts.indicator_counts(b)["m"]}
    low = {"a": lowest_coverage(a, year), "b": lowest_coverage(b, year)}
    signs = [np.sign(round((gap["a"] - gap["b"]) / 1e4)), np.sign(met["b"] - met["a"]), np.sign(round(low["b"] - low["a"], 3))]
    key = "even" if not any(signs) else "better" if min(signs) >= 0 else "worse" if max(signs) <= 0 else "mixed"
    words = {"gap_a": money(gap["a"], lang), "gap_b": money(gap["b"], lang), "met_a": met["a"], "met_b": met["b"]}
    lows = {"low_a": percent(low["a"]), "low_b": percent(low["b"])}
    names = {"a": first.manifest["scenario_names"][lang], "b": other.manifest["scenario_names"][lang]}
    return t(f"compare.{key}", lang, y=year, **names, **words, **lows)


def lowest_coverage(tables: Tables, year: int) -> float:
    """Mean coverage over services in the area where it is lowest, 0..1."""
    return float(1.0 - charts.coverage(tables, year).groupby("region")["gap"].mean().max())


def _worse_place(first: SavedRun, other: SavedRun, tables: Mapping[str, Tables], year: int, lang: str) -> list[str]:
    a, b = tables[first.name], tables[other.name]
    change = charts.coverage(b, year, ("region",)).set_index("region")["unmet_yuan"] - charts.coverage(a, year, ("region",)).set_index("region")["unmet_yuan"]
    if change.empty or float(change.max()) < 1e4:
        return []
    region = str(change.idxmax())
    rows = b["limits"].query("year == @year and region == @region") if "limits" in b else pd.DataFrame({"limited_by": []})
    limits = rows["limited_by"].map(charts.first_limit).value_counts()
    limit = charts.limit_tag(str(limits.index[0]), lang) if len(limits) else NONE
    words = {"region": charts.region_names(b, lang, "name")[region], "d": money(float(change.max()), lang), "limit": limit}
    return [t("compare.worse_place", lang, b=other.manifest["scenario_names"][lang], command=f"fiscalsim repairs {other.manifest['name']}", **words)]


def _assumed(comparison: Comparison, first: SavedRun, tables: Mapping[str, Tables], lang: str) -> list[str]:
    """Inputs that differ and whose value in the pack is an assumption of ours."""
    sources = tables[first.name]["sources"]
    assumed = set(sources.loc[(sources["grade"] == "D") & (sources["file"] != "scenario"), "key"])
    paths = [path for path in comparison.changed_inputs()["path"] if path in assumed]
    names = [input_name(path, tables[first.name], lang) for path in paths]
    return [t("compare.assumed", lang, n=len(paths), list=listed(names, lang))] if paths else []


# --- appendices -----------------------------------------------------------------------------------------------------


def cells_board(comparison: Comparison, runs: Sequence[SavedRun], tables: Mapping[str, Tables], year: int, lang: str) -> Board:
    """Coverage and spending of `year` by area and service, every run beside the first."""
    labels = boards.short_labels(comparison, lang)
    parts: dict[str, pd.Series] = {}
    for run in runs:
        mine = tables[run.name]
        cells = charts.coverage(mine, year).set_index(["region", "service"])
        spent = mine["allocation"].query("year == @year").groupby(["region", "service"])[["recurrent_yuan", "capital_yuan"]].sum().sum(axis=1)
        parts[f"coverage {run.name}"] = 100 * (cells["served"] / cells["clients"]).where(cells["clients"] >= 0.5)
        parts[f"yuan {run.name}"] = spent
    table = pd.concat(parts, axis=1)
    first = tables[runs[0].name]
    regions, services = charts.region_names(first, lang, "name"), charts.service_names(first, lang)
    order = [(r, s) for r in regions for s in services if (r, s) in table.index]
    table = table.loc[order]
    unit = money_unit(max(float(table[f"yuan {run.name}"].max()) for run in runs), lang)
    frame = pd.DataFrame({t("col.region", lang): [regions[r] for r, _ in order], t("col.service", lang): [services[s] for _, s in order]})
    digits = {}
    for run in runs:
        head = t("compare.coverage_of", lang, name=labels[run.name])
        frame[head], digits[head] = table[f"coverage {run.name}"].to_numpy(), 1
    for run in runs:
        head = t("compare.spending_of", lang, name=labels[run.name])
        frame[head], digits[head] = table[f"yuan {run.name}"].to_numpy() / unit.divisor, unit.digits
    return Board(t("compare.cells_table", lang, year=year), frame, unit.name, digits)


def reproduce_board(runs: Sequence[SavedRun], lang: str) -> Board:
    """Folder, digest and command of each run."""
    rows = [(run.manifest["scenario_names"][lang], run.name, run.manifest["digest"], command_of(run)) for run in runs]
    heads = [t("field.scenario", lang), t("report.run", lang), t("report.digest", lang), t("compare.command", lang)]
    return Board(t("compare.reproduce_table", lang), pd.DataFrame(rows, columns=heads), note=t("compare.reproduce_note", lang))


def command_of(run: SavedRun) -> str:
    """The command line that gives the run again from the scenarios here; a dash when its scenario is not among them."""
    name, told = str(run.manifest["name"]), run.manifest["scenario"]
    try:
        known = json.loads(canonical(load_scenario(name).resolved()))  # years are text in a manifest, too
    except FiscalsimError:
        return NONE
    changes = [f"{path}={_value_text(value)}" for path, value in told["set"].items() if known["set"].get(path) != value]
    changes += [f"{key}={told[key]}" for key in ("policy", "seed", "resolution") if told.get(key, known[key]) != known[key]]
    changes += [f"limits.{family}={str(on).lower()}" for family, on in told["limits"].items() if known["limits"].get(family) != on]
    return " ".join(["fiscalsim run", shlex.quote(name), *(f"--set {shlex.quote(change)}" for change in changes)])


def _value_text(value: Any) -> str:
    return "{" + ", ".join(f"{year}: {one}" for year, one in value.items()) + "}" if isinstance(value, Mapping) else str(value)


def signatures(lang: str) -> Board:
    """The lines where a bureau signs."""
    heads = [t(f"compare.{key}", lang) for key in ("drawn_up", "reviewed_by", "approved")]
    blank = t("compare.name_and_date", lang)
    return Board(t("compare.signatures", lang), pd.DataFrame([[blank] * 3], columns=heads))
