"""The comparison of rules as bureau tables: the rules side by side, each area's change a head, and gainers and losers by stratum."""

from __future__ import annotations

import pandas as pd

from fiscalsim.before_after import BeforeAfter
from fiscalsim.report.boards import Board
from fiscalsim.text import has, money_unit, number, t


def rules_board(found: BeforeAfter, place: str, lang: str) -> Board:
    """One row a figure, one column a rule."""
    names = _names(found, lang)
    unit = money_unit(float(found.rules[["gap_yuan", "moved_yuan"]].to_numpy().max()), lang)
    figures = (
        ("coverage", "coverage", lambda v: number(100.0 * v, 1)),
        ("lowest", "lowest_region", lambda v: names[str(v)]),
        ("lowest_coverage", "lowest_coverage", lambda v: number(100.0 * v, 1)),
        ("variation", "coverage_variation", lambda v: number(v, 3)),
        ("regions_with_floors", "regions_with_floors", number),
        ("floor_clients", "floor_clients", number),
        ("floor_yuan", "floor_yuan", unit.show),
        ("gap", "gap_yuan", unit.show),
        ("unpaid", "claims_unpaid_yuan", unit.show),
        ("binding", "binding_met", number),
        ("targets", "targets_met", number),
        ("gainers", "gainers", number),
        ("losers", "losers", number),
        ("moved", "moved_yuan", unit.show),
    )
    rules = found.rules.set_index("rule")
    heads = [t(f"policy.{rule}", lang) for rule in rules.index]
    rows = [(t(f"rules.{key}", lang), *(show(rules.loc[rule, column]) for rule in rules.index)) for key, column, show in figures]
    note = "" if "optimal" not in rules or bool(rules["optimal"].all()) else t("rules.not_optimal", lang)
    table = pd.DataFrame(rows, columns=[t("rules.rule", lang), *heads])
    return Board(t("rules.title", lang, place=place, year=found.year), table, unit.name, note=note, right=tuple(heads))


def regions_board(found: BeforeAfter, lang: str) -> Board:
    """One row an area, one column a rule: change of transfers against today, yuan a head."""
    names = _names(found, lang)
    wide = found.regions.pivot(index="region", columns="rule", values="change_per_head_yuan").reindex(list(names))[list(found.rules["rule"])]
    heads = [t(f"policy.{rule}", lang) for rule in wide.columns]
    rows = [(names[str(code)], *(number(value, signed=True) for value in row)) for code, row in zip(wide.index, wide.to_numpy(), strict=True)]
    table = pd.DataFrame(rows, columns=[t("col.region", lang), *heads])
    return Board(t("rules.regions_title", lang, year=found.year), table, t("rules.regions_unit", lang), right=tuple(heads))


def strata_board(found: BeforeAfter, lang: str) -> Board:
    """One row a stratum, one column a rule: change a head against today, and how many areas gain and lose."""
    rules = list(found.rules["rule"])
    heads = [t(f"policy.{rule}", lang) for rule in rules]
    rows = []
    for (kind, stratum), part in found.strata.groupby(["kind", "stratum"], sort=False):
        mine = part.set_index("rule").loc[rules]
        cells = [
            f"{number(change, signed=True)} ({gain}, {lose})"
            for change, gain, lose in zip(mine["change_per_head_yuan"], mine["gain"], mine["lose"], strict=True)
        ]
        rows.append((t(f"rules.strata_kind.{kind}", lang), stratum_name(str(kind), str(stratum), lang), number(int(mine["regions"].iloc[0])), *cells))
    columns = [t("rules.kind", lang), t("rules.stratum", lang), t("rules.regions", lang), *heads]
    table = pd.DataFrame(rows, columns=columns)
    title = t("rules.strata_title", lang, year=found.year)
    return Board(title, table, t("rules.regions_unit", lang), note=t("rules.strata_note", lang), right=(columns[2], *heads))


def stratum_name(kind: str, stratum: str, lang: str) -> str:
    """The group's name in words; a tag without one keeps its code."""
    key = f"rules.tag_name.{stratum}" if kind == "tag" else f"rules.stratum_name.{stratum}"
    return t(key, lang) if has(key) else stratum


def _names(found: BeforeAfter, lang: str) -> dict[str, str]:
    return dict(zip(found.places["region"], found.places[f"short_{lang}"], strict=True))
