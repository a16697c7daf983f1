"""What it costs not to see ahead, in words and as bureau tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fiscalsim.foresight import LEAST, Foresight, given_before, largest_broken, largest_missed
from fiscalsim.report.boards import Board
from fiscalsim.text import money, money_unit, number, people_unit, percent, t

SAME = 1e-4  # of all client-years; plans that differ by less are the same to a reader
AREAS = 10  # rows of the table of areas


def words(found: Foresight, place: str, lang: str) -> str:
    """The cost of not seeing: persons, coverage and money; what is taken back; and what foresight gives up in advance. One sentence where nothing differs."""
    years = found.years
    said: dict[str, Any] = {"place": place, "n": found.sight, "first": int(years["year"].min()), "last": int(years["year"].max())}
    served = float((years["served_sight"] - years["served"]).sum())
    if abs(served) < SAME * years["served"].sum() and largest_broken(found) is None and not _targets(years):
        return t("foresight.same", lang, **said)
    cost = t(
        "foresight.cost",
        lang,
        **said,
        served=_people(served, lang),
        share=percent(served / years["served"].sum(), signed=True),
        points=number(100 * float((years["coverage_sight"] - years["coverage"]).mean()), 1, signed=True),
        money=money(float((years["yuan_sight"] - years["yuan"]).sum()), lang, signed=True),
        targets=number(_targets(years), signed=True),
    )
    return t("format.between_sentences", lang).join(part for part in (cost, _broken(found, lang), _early(found, lang)) if part)


def _targets(years: pd.DataFrame) -> int:
    return int((years["targets_missed_sight"] - years["targets_missed"]).sum())


def _broken(found: Foresight, lang: str) -> str:
    """A raise that the short sight grants and takes back, beside what foresight granted; empty where it takes nothing back."""
    worst = largest_broken(found)
    if worst is None:
        return ""
    given = given_before(found, worst)
    names = {key: dict(zip(table[key], table[f"name_{lang}"], strict=True)) for key, table in (("region", found.places), ("service", found.services))}
    return t(
        "foresight.broken",
        lang,
        people=_people(float(found.years["broken_sight"].sum()), lang, signed=False),
        region=names["region"][worst["region"]],
        service=names["service"][worst["service"]],
        given=given["year"],
        year=worst["year"],
        one=percent(given["served_sight"] / given["clients"]),
        then=percent(worst["served_sight"] / worst["clients"]),
        kept=percent(given["served"] / given["clients"]),
        end=percent(worst["served"] / worst["clients"]),
    )


def _early(found: Foresight, lang: str) -> str:
    """The year in which foresight serves fewest compared with the short sight, where the short sight serves fewer later; empty where there is none."""
    more = found.years["served_sight"] - found.years["served"]
    at = int(more.to_numpy().argmax())
    if more.iloc[at] < max(LEAST, SAME * found.years["served"].iloc[at]) or more.iloc[at:].min() >= 0:
        return ""
    row = found.years.iloc[at]
    points = number(100 * float(row["coverage_sight"] - row["coverage"]), 1, signed=True)
    return t("foresight.early", lang, year=int(row["year"]), n=found.sight, people=_people(float(more.iloc[at]), lang, signed=False), points=points)


def _people(persons: float, lang: str, signed: bool = True) -> str:
    unit = people_unit(persons, lang)
    return t("foresight.people", lang, value=unit.show(persons, signed), unit=unit.name)


def years_board(found: Foresight, place: str, lang: str) -> Board:
    """One row a year: whom both plans serve, coverage, those below the floor, what the short sight takes back and how much more it spends."""
    unit = money_unit(float(found.years["yuan"].max()), lang)
    records: list[Any] = found.years.to_dict("records")
    rows = [
        (
            number(row["year"]).replace(",", ""),
            number(row["served"]),
            number(row["served_sight"] - row["served"], signed=True),
            percent(row["coverage"]),
            percent(row["coverage_sight"]),
            number(row["below"]),
            number(row["below_sight"]),
            number(row["broken_sight"]),
            number(row["targets_missed"]),
            number(row["targets_missed_sight"]),
            unit.show(row["yuan_sight"] - row["yuan"], signed=True),
        )
        for row in records
    ]
    keys = ("year", "served", "difference", "coverage", "coverage_sight", "below", "below_sight", "taken_back", "targets", "targets_sight", "spent")
    heads = [t(f"foresight.{key}", lang, n=found.sight) for key in keys]
    title = t("foresight.title", lang, place=place, n=found.sight)
    return Board(title, pd.DataFrame(rows, columns=heads), unit.name, note=t("foresight.note", lang, n=found.sight), right=tuple(heads[1:]))


def areas_board(found: Foresight, lang: str) -> Board:
    """The areas and services that lose most by the short sight, in the year in which one of them loses most."""
    worst = largest_missed(found)
    year = int(worst["year"]) if worst is not None else int(found.years["year"].max())
    table = found.areas[found.areas["year"] == year]
    table = table.assign(fewer=table["served"] - table["served_sight"]).sort_values("fewer", ascending=False, kind="stable")
    table = table[table["fewer"] >= LEAST].head(AREAS)
    regions, services = (dict(zip(one[key], one[f"name_{lang}"], strict=True)) for key, one in (("region", found.places), ("service", found.services)))
    records: list[Any] = table.to_dict("records")
    rows = [
        (
            regions[row["region"]],
            services[row["service"]],
            number(row["fewer"]),
            percent(row["served"] / row["clients"]),
            percent(row["served_sight"] / row["clients"]),
        )
        for row in records
    ]
    heads = [t(f"foresight.{key}", lang, n=found.sight) for key in ("region", "service", "fewer", "coverage", "coverage_sight")]
    return Board(t("foresight.areas", lang, year=year, n=found.sight), pd.DataFrame(rows, columns=heads), right=tuple(heads[2:]))
