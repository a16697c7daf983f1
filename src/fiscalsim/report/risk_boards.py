"""What a saved analysis of risk says: its headline, the sentence of what is most to be feared, and its bureau tables.

Knows the record and tables of an analysis, and texts. Must not know how futures are drawn or solved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fiscalsim import charts
from fiscalsim.report.boards import Board
from fiscalsim.text import NONE, Unit, number, percent, t
from fiscalsim.uncertainty import FLOORS, PLAN, SOLVED, WORST_GAPS

Tables = Mapping[str, pd.DataFrame]
Record = Mapping[str, Any]


def headline(record: Record, tables: Tables, lang: str) -> str:
    """H9: how many futures hold every floor, where the gap of the last year lies in eight of ten, and what is most to be feared."""
    told = record["summary"]
    row: Any = tables["fan"].query("measure == 'gap_yuan' and year == @told['last']").iloc[0]
    unit = charts.gap_unit(tables, lang)
    words = {"n": told["solved"], "p": percent(told["held"], 0), "y": told["last"], "lo": unit.show(row["p10"]), "hi": unit.show(row["p90"]), "unit": unit.name}
    return t("risk.headline", lang, **words, fear=fear(record, tables, lang))


def fear(record: Record, tables: Tables, lang: str) -> str:
    """The sentence `what is most to be feared`: the limits of the box; where none was found, why."""
    told, limits = record["summary"], tables["rule"]
    if limits.empty:
        return t("risk.no_rule_floors" if told["fails_by"] == FLOORS else "risk.no_rule_gaps", lang, n=told["solved"])
    drivers = tables["drivers"].set_index("path")
    parts = [limit_words(row, drivers.loc[row["path"]], lang) for row in limits.to_dict("records")]
    return t("risk.fear", lang, rule=t("risk.and", lang).join(parts))


def limit_words(row: Mapping[Any, Any], driver: Any, lang: str) -> str:
    """One limit in words, against the scenario's own path: a share for what is drawn as a multiple, points for rates, else the lever's unit."""
    change, below = float(row["change"]), row["side"] == "below"
    if driver["how"] == "times":
        size = percent(abs(change / float(row["base"])))
    elif driver["shown_as"] in ("percent", "points"):
        size = t("format.points", lang, value=number(abs(change) * 100, 1))
    else:
        size = t("format.amount", lang, value=number(abs(change), 2), unit=driver[f"unit_{lang}"])
    way = ("low" if change < 0 else "not_high") if below else ("high" if change > 0 else "not_low")
    return t(f"risk.limit_{way}", lang, name=driver[f"name_{lang}"], size=size)


def fear_note(record: Record, lang: str) -> str:
    """What counts as failing, and how good the rule is: coverage and density beside the share without the rule."""
    told = record["summary"]
    lost = "_lost" if told["fails_by"] == WORST_GAPS and told["held"] < 0.5 else ""
    what = t(f"risk.fails_{told['fails_by']}{lost}", lang, first=told["first"], last=told["last"], k=told["failing"], n=told["solved"])
    if told["rule_coverage"] is None:
        return what
    words = {"coverage": percent(told["rule_coverage"], 0), "density": percent(told["rule_density"], 0), "base": percent(told["rule_base"], 0)}
    return t("format.between_sentences", lang).join([what, t("risk.rule_note", lang, inside=told["rule_inside"], **words)])


def likelihood_board(record: Record, tables: Tables, lang: str) -> Board:
    """By area: how likely every floor holds in every year, from when it is missed otherwise, and how likely needs exceed means."""
    names = dict(zip(tables["regions"]["region"], tables["regions"][f"name_{lang}"], strict=True)) | {PLAN: t("risk.all_areas", lang)}
    rows = tables["likelihood"]
    rows = pd.concat([rows[rows["region"] == PLAN], rows[rows["region"] != PLAN]])
    lines = [
        (
            names[row["region"]],
            percent(row["held"], 0),
            t("format.range", lang, lo=percent(row["low"], 0), hi=percent(row["high"], 0)),
            _year(row["first_missed"]),
            percent(row["deficit"], 0),
            _year(row["first_deficit"]),
        )
        for row in rows.to_dict("records")
    ]
    heads = [t("col.region", lang), *(t(f"risk.col_{name}", lang) for name in ("held", "between", "first_missed", "deficit", "first_deficit"))]
    note = t("risk.likelihood_note", lang, first=record["summary"]["first"], last=record["summary"]["last"])
    return Board(t("risk.likelihood", lang), pd.DataFrame(lines, columns=heads), total=True, note=note, right=tuple(heads[1:]))


def _year(value: float) -> str:
    return NONE if value != value else str(int(value))


def fan_board(tables: Tables, lang: str, measure: str = "gap_yuan") -> Board:
    """The quantiles of a measure by year over the futures, and the scenario itself."""
    rows = tables["fan"].query("measure == @measure").drop(columns="measure")
    columns = [column for column in rows.columns if column != "year"]
    unit = {"gap_yuan": charts.gap_unit(tables, lang), "coverage": Unit("%", 0.01, 1), "floors_held": Unit("", 1.0, 1)}[measure]
    shown = rows[columns].map(unit.show)
    table = pd.concat([rows["year"].astype(int).astype(str), shown], axis=1)
    table.columns = [t("col.year", lang), *(t(f"risk.{column}", lang) for column in columns)]
    return Board(t(f"risk.of_{measure}", lang), table, unit.name, right=tuple(table.columns[1:]))


def shares_board(tables: Tables, lang: str) -> Board:
    """The share of the gap's uncertainty that each driver decides, with its interval."""
    return Board(t("risk.shares_title", lang), charts.share_bars(tables, lang).data, note=t("risk.shares_note", lang))


def drivers_board(tables: Tables, lang: str) -> Board:
    """What was drawn, how widely, from which year, how it carries on, its grade and how often a bound of the lever was met."""
    names = dict(zip(tables["drivers"]["path"], tables["drivers"][f"name_{lang}"], strict=True))
    lines = [
        (
            row[f"name_{lang}"],
            t("risk.sd_points", lang, value=number(row["sd"] * 100, 1)) if row["how"] == "times" or row["shown_as"] != "number" else number(row["sd"], 2),
            number(row["persistence"], 2),
            str(row["from_year"]),
            t("risk.follows_one", lang, name=names[row["follows"]], r=number(row["correlation"], 1)) if row["follows"] else NONE,
            percent(row["clipped"], 1),
            row["grade"],
            row["note"] if lang == "zh" else row["path"],
        )
        for row in tables["drivers"].to_dict("records")
    ]
    heads = [t(f"risk.{name}", lang) for name in ("driver", "sd", "persistence", "from_year", "follows", "clipped", "grade", "basis")]
    return Board(t("risk.drivers", lang), pd.DataFrame(lines, columns=heads), note=t("risk.drivers_note", lang), right=(heads[1], heads[2], heads[5]))


def notes(record: Record, tables: Tables, lang: str) -> list[str]:
    """What a reader must hear: futures without a plan and why, and that every future is planned knowing it."""
    missed = tables["states"][tables["states"]["state"] != SOLVED]
    lines = [t("risk.unsolved", lang, n=len(missed), reason=str(missed["reason"].iloc[0]))] if len(missed) else []
    return [*lines, t("risk.foresight", lang)]


def boards(record: Record, tables: Tables, lang: str) -> list[Board]:
    """Every board of the analysis, in order."""
    return [likelihood_board(record, tables, lang), *(fan_board(tables, lang, m) for m in ("gap_yuan", "floors_held", "coverage")), drivers_board(tables, lang)]
