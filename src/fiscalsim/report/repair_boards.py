"""The largest shortfalls with their reasons, and the ways that mend them, as bureau tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fiscalsim.repairs import WHOLE, Repairs
from fiscalsim.report.boards import Board
from fiscalsim.text import NONE, listed, money_unit, number, percent, t

LONGEST_REASON = 3  # limits named in a cell
NAMED = 3  # ways without use that are named
IN_POINTS = ("larger_catalogue", "lower_reserve", "more_shared", "faster_growth", "freer_grants", "moving_posts")
IN_YEARS = ("shorter_promise", "raise_later")


def reasons(limited_by: str, lang: str, most: int = LONGEST_REASON) -> str:
    """The limits of a shortfall in words, the first ones."""
    return t("format.comma", lang).join(t(f"limit.{family}.tag", lang) for family in limited_by.split(";")[:most] if family) or NONE


def way_words(way: str, sizes: dict[str, float], lang: str) -> str:
    """A way with its size in words; two that were applied together are joined by +."""
    if "+" in way:
        first, second = way.split("+")
        return t("way.together", lang, first=way_words(first, sizes, lang), second=way_words(second, sizes, lang))
    size = sizes[way]
    shown = number(100 * size, 0 if round(100 * size, 6).is_integer() else 1) if way in IN_POINTS else number(size) if way in IN_YEARS else percent(size, 0)
    return t(f"way.{way}", lang, size=shown)


def sizes_of(table: pd.DataFrame) -> dict[str, float]:
    """The size of every way of a table of repairs."""
    return dict(zip(table["way"], table["size"], strict=True))


def shortfalls_board(found: Repairs, place: str, lang: str) -> Board:
    """One row a shortfall: where, what, how many persons, what serving them would cost, and why not more."""
    regions, services = _names(found.places, "region", lang), _names(found.services, "service", lang)
    unit = money_unit(float(found.shortfalls["yuan"].max()) if found.shortfalls["yuan"].notna().any() else 0.0, lang)
    records: list[Any] = found.shortfalls.to_dict("records")
    rows = [
        (
            number(row["rank"]),
            regions.get(row["region"], t("why.plan_level", lang)),
            services[row["service"]],
            t(f"repairs.{row['goal']}", lang),
            number(row["persons"]),
            percent(row["persons"] / row["clients"]),
            unit.show(row["yuan"]) if pd.notna(row["yuan"]) else NONE,
            reasons(row["limited_by"], lang),
        )
        for row in records
    ]
    heads = [t(f"repairs.{key}", lang) for key in ("rank", "region", "service", "below", "persons", "part", "money", "why")]
    return Board(t("repairs.shortfalls", lang, place=place, year=found.year), pd.DataFrame(rows, columns=heads), unit.name, right=(heads[0], *heads[4:7]))


def ways_board(found: Repairs, lang: str, rank: int | None = None, most: int = 3) -> Board:
    """The best ways of every shortfall (or of the one with this rank), each solved again, with what it costs and who loses, and the patch as a scenario
    writes it."""
    regions, services = _names(found.places, "region", lang), _names(found.services, "service", lang)
    table = found.repairs if rank is None else found.repairs[found.repairs["shortfall"] == rank]
    best = table[table["helps"].astype(bool) & (table["place"] <= most)]
    unit, sizes = money_unit(float(best["yuan"].abs().max()) if len(best) else 0.0, lang), sizes_of(table)
    records: list[Any] = best.to_dict("records")
    rows = [
        (
            number(row["shortfall"]),
            number(row["place"]),
            way_words(row["way"], sizes, lang),
            row["set"],
            number(row["persons"]),
            percent(row["closed"], 0),
            unit.show(row["yuan"], signed=True),
            number(row["persons_all"], signed=True),
            loser_words(row, regions, services, lang) or NONE,
            t("repairs.in_year", lang, y=row["works_from"]),
        )
        for row in records
    ]
    heads = [t(f"repairs.{key}", lang) for key in ("rank", "place", "way", "set", "gained", "closed", "cost", "all", "losers", "works")]
    board = Board(t("repairs.ways", lang, year=found.year), pd.DataFrame(rows, columns=heads), unit.name, right=(*heads[:2], *heads[4:8]))
    return Board(board.title, board.table, board.unit, note=t("repairs.note", lang, vain=_vain(table, lang)), right=board.right)


def one_board(found: Repairs, client: str, first_year: int, lang: str, most: int = 6) -> Board:
    """The repairs of the one shortfall of `found`, cheapest first, for readers who do not write scenarios; `client` is the unit in which it is counted."""
    regions, services = _names(found.places, "region", lang), _names(found.services, "service", lang)
    table, year = found.repairs, found.year
    shown = table[table["helps"].astype(bool) | (table["works_from"].astype(float) > year)].head(most)
    unit, sizes = money_unit(float(shown["yuan"].abs().max()) if len(shown) else 0.0, lang), sizes_of(table)
    records: list[Any] = shown.to_dict("records")
    rows = [
        (
            str(place),
            way_words(row["way"], sizes, lang),
            number(row["persons"], _digits(row["persons"])),
            unit.show(row["yuan"], signed=True),
            number(row["each"]) if pd.notna(row["each"]) else NONE,
            loser_words(row, regions, services, lang) or t("repairs.nobody", lang),
            state_words(row, year, lang),
        )
        for place, row in enumerate(records, start=1)
    ]
    heads = [t(f"repairs.{key}", lang) for key in ("order", "way", "gained_unit", "money_more", "each", "loss", "state")]
    helps = table.groupby("way", sort=False)["helps"].any()
    words = {"y": year, "first": first_year, "n": int((~helps).sum()), "unit": client, "vain": listed(_vain_ways(table, lang), lang, NAMED) or NONE}
    return Board(t("repairs.one", lang), pd.DataFrame(rows, columns=heads), unit.name, note=t("repairs.one_note", lang, **words), right=tuple(heads[2:5]))


def state_words(row: Any, year: int, lang: str) -> str:
    """Verified, in part, or from which later year."""
    if not row["helps"]:
        return t("repairs.later", lang, y=int(row["works_from"]))
    return t("repairs.verified", lang) if row["closed"] >= WHOLE else t("repairs.partial", lang, p=percent(row["closed"], 0))


def loser_words(row: Any, regions: dict[str, str], services: dict[str, str], lang: str) -> str:
    """How many persons lose and where most of them are; empty where nobody does."""
    if not row["loser_region"]:
        return ""
    return t("repairs.loser", lang, n=number(row["losers"]), region=regions[row["loser_region"]], service=services[row["loser_service"]])


def _digits(value: float) -> int:
    return 0 if abs(value) >= 10 else 2


def _vain(table: pd.DataFrame, lang: str) -> str:
    return t("format.comma", lang).join(_vain_ways(table, lang)) or NONE


def _vain_ways(table: pd.DataFrame, lang: str) -> list[str]:
    """Ways that help none of the shortfalls shown, each at the most that was tried."""
    helps = table.groupby("way", sort=False)["helps"].any() if len(table) else pd.Series(dtype=bool)
    return [way_words(str(way), sizes_of(table), lang) for way, help_ in helps.items() if not help_]


def _names(table: pd.DataFrame, key: str, lang: str) -> dict[str, str]:
    return dict(zip(table[key], table[f"name_{lang}"], strict=True))
