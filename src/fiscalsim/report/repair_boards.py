"""The largest shortfalls with their reasons, and the ways that mend them, as bureau tables."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from fiscalsim.repairs import Repairs
from fiscalsim.report.boards import Board
from fiscalsim.text import NONE, money_unit, number, percent, t

LONGEST_REASON = 3  # limits named in a cell


def reasons(limited_by: str, lang: str, most: int = LONGEST_REASON) -> str:
    """The limits of a shortfall in words, the first ones."""
    return t("format.comma", lang).join(t(f"limit.{family}.tag", lang) for family in limited_by.split(";")[:most] if family) or NONE


def shortfalls_board(found: Repairs, place: str, lang: str) -> Board:
    """One row a shortfall: where, what, how many persons, what serving them would cost, and why not more."""
    regions, services = _names(found.places, "region", lang), _names(found.services, "service", lang)
    unit = money_unit(float(found.shortfalls["yuan"].max()) if len(found.shortfalls) else 0.0, lang)
    records: list[Any] = found.shortfalls.to_dict("records")
    rows = [
        (
            number(row["rank"]),
            regions[row["region"]],
            services[row["service"]],
            t(f"repairs.{row['goal']}", lang),
            number(row["persons"]),
            percent(row["persons"] / row["clients"]),
            unit.show(row["yuan"]),
            reasons(row["limited_by"], lang),
        )
        for row in records
    ]
    heads = [t(f"repairs.{key}", lang) for key in ("rank", "region", "service", "below", "persons", "part", "money", "why")]
    return Board(t("repairs.shortfalls", lang, place=place, year=found.year), pd.DataFrame(rows, columns=heads), unit.name, right=(heads[0], *heads[4:7]))


def ways_board(found: Repairs, lang: str, rank: int | None = None, most: int = 3, paths: bool = True) -> Board:
    """The best ways of every shortfall (or of the one with this rank), each solved again, with what it costs and who loses.

    `paths` prints the patch as a scenario writes it; without it only its size, for readers who do not write scenarios.
    """
    regions, services = _names(found.places, "region", lang), _names(found.services, "service", lang)
    table = found.repairs if rank is None else found.repairs[found.repairs["shortfall"] == rank]
    best = table[table["helps"].astype(bool) & (table["place"] <= most)]
    unit = money_unit(float(best["yuan"].abs().max()) if len(best) else 0.0, lang)
    records: list[Any] = best.to_dict("records")
    rows = [
        (
            number(row["shortfall"]),
            number(row["place"]),
            t(f"way.{row['way']}", lang),
            row["set"] if paths else _size(row["set"]),
            number(row["persons"]),
            percent(row["closed"], 0),
            unit.show(row["yuan"], signed=True),
            number(row["persons_all"], signed=True),
            _loser(row, regions, services, lang),
        )
        for row in records
    ]
    heads = [t(f"repairs.{key}", lang) for key in ("rank", "place", "way", "set", "gained", "closed", "cost", "all", "losers")]
    board = Board(t("repairs.ways", lang, year=found.year), pd.DataFrame(rows, columns=heads), unit.name, right=(*heads[:2], *heads[4:8]))
    return Board(board.title, board.table, board.unit, note=t("repairs.note", lang, vain=_vain(table, lang)), right=board.right)


def _size(patch: str) -> str:
    """The values of a patch without the paths they are set to."""
    return re.sub(r"[A-Za-z_.]+[=:]\s*", "", patch)


def _loser(row: Any, regions: dict[str, str], services: dict[str, str], lang: str) -> str:
    if not row["loser_region"]:
        return NONE
    return t("repairs.loser", lang, n=number(row["losers"]), region=regions[row["loser_region"]], service=services[row["loser_service"]])


def _vain(table: pd.DataFrame, lang: str) -> str:
    """Ways that help none of the shortfalls shown."""
    helps = table.groupby("way", sort=False)["helps"].any() if len(table) else pd.Series(dtype=bool)
    names = [t(f"way.{way}", lang) for way, help_ in helps.items() if not help_]
    return t("format.comma", lang).join(names) or NONE


def _names(table: pd.DataFrame, key: str, lang: str) -> dict[str, str]:
    return dict(zip(table[key], table[f"name_{lang}"], strict=True))
