"""The items of the national basic public service standard, and how a plan's own items map onto them.

Knows which service of the model carries which item and whether that is the whole of it. Must not know how much of a service anybody gets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from fiscalsim.assumptions.tables import DOMAINS, Row, unknown_codes
from fiscalsim.errors import Problem

if TYPE_CHECKING:
    from fiscalsim.assumptions.pack import Pack

EDITIONS = (2021, 2023)
CARRIED = ("service", "inside", "left_out", "not_modelled")  # the first that holds for one of its items holds for an item of a plan
NO_DOMAIN = "none"  # of a reference to a list that a plan does not print


@dataclass(frozen=True)
class Item:
    """One item of the national standard.

    Entitled are the `clients`: ages `age_from`..`age_to` (None: open), `sex` and `residence` (all, or one), counted by `basis` (hukou, resident,
    or served: enrolled or insured there). `carried`: service (a service of the model is built for it), inside (part of a service that holds more),
    left_out (the pack leaves its service out), not_modelled (`note` says why). `sharing_rule` is None where no fixed ratio exists.
    """

    code: str
    domain: str
    group_zh: str
    group_en: str
    name_zh: str
    name_en: str
    clients_zh: str
    clients_en: str
    age_from: int
    age_to: int | None
    sex: str
    residence: str
    basis: str
    standard_zh: str
    standard_en: str
    function: str
    kind: str
    sharing_rule: str | None
    payer_zh: str
    payer_en: str
    from_year: int
    change_2023: str | None
    services: tuple[str, ...]
    carried: str
    grade: str
    source: str
    quote: str
    note: str


@dataclass(frozen=True)
class PlanItem:
    """One item that a plan names: in its list (`listed`), in running text (`text`), or as a `reference` to a list that it does not print.

    `items` are the national items it stands for; `own` is one that no national item matches. `services` carry it, its items' services included.
    """

    code: str
    heading: str
    domain: str
    name_zh: str
    name_en: str
    named: str
    items: tuple[str, ...]
    own: bool
    services: tuple[str, ...]
    carried: str | None  # None for a reference
    grade: str
    source: str
    quote: str
    note: str


@lru_cache(maxsize=8)
def items(pack: Pack) -> tuple[Item, ...]:
    """The national items in the standard's order."""
    same = [field.name for field in fields(Item) if field.name not in ("code", "from_year")]
    return tuple(Item(code=row["item"], from_year=int(row["from_year"]), **{name: row[name] for name in same}) for row in pack.tables["items.csv"])


@lru_cache(maxsize=8)
def plan_items(pack: Pack) -> tuple[PlanItem, ...]:
    """The items that the pack's plan names, in the plan's order; empty when the pack has none."""
    national = {item.code: item for item in items(pack)}
    taken = {code for item in national.values() for code in item.services}  # a service built for a national item holds more than a plan's own
    same = [field.name for field in fields(PlanItem) if field.name not in ("code", "services", "carried")]
    found = []
    for row in pack.tables["plan_items.csv"]:
        stands_for = [national[code] for code in row["items"]]
        services = dict.fromkeys([*(code for item in stands_for for code in item.services), *row["services"]])
        how = {item.carried for item in stands_for} | {"inside" if code in taken else "service" for code in row["services"]} or {"not_modelled"}
        carried = None if row["named"] == "reference" else next(word for word in CARRIED if word in how)
        found.append(PlanItem(code=row["plan_item"], services=tuple(services), carried=carried, **{name: row[name] for name in same}))
    return tuple(found)


# --- counts ---------------------------------------------------------------------------------------------------------


def edition_counts(pack: Pack) -> pd.DataFrame:
    """Items in force by domain: domain, and one column an edition of the standard; the last row, domain `all`, is the sum."""
    rows = [{"domain": domain} | {str(year): _in_force(items(pack), domain, year) for year in EDITIONS} for domain in DOMAINS]
    return _with_sum(pd.DataFrame(rows))


def _in_force(of: Iterable[Item], domain: str, year: int) -> int:
    return sum(item.domain == domain and item.from_year <= year for item in of)


def coverage_of_plan(pack: Pack) -> pd.DataFrame:
    """How the plan's items stand to the national ones and to the model, by domain and in sum (domain `all`); no rows when the pack has no items.

    named = national + own = service + inside + left_out + not_modelled; references are counted apart.
    """
    rows = []
    for domain in (*DOMAINS, NO_DOMAIN):
        mine = [item for item in plan_items(pack) if item.domain == domain]
        real = [item for item in mine if item.carried is not None]
        how = Counter(item.carried for item in real)
        if mine:
            rows.append(
                {"domain": domain, "named": len(real), "national": sum(not item.own for item in real), "own": sum(item.own for item in real)}
                | {word: how[word] for word in CARRIED}
                | {"references": len(mine) - len(real)}
            )
    columns = ["domain", "named", "national", "own", *CARRIED, "references"]
    return _with_sum(pd.DataFrame(rows, columns=columns)) if rows else pd.DataFrame(columns=columns)


def heading_counts(pack: Pack) -> pd.DataFrame:
    """The plan's own headings: heading, name_zh, name_en, stated (the count that the plan prints, or none), listed (counted in its list), quote."""
    listed = Counter(item.heading for item in plan_items(pack) if item.named == "listed")
    rows = [
        {
            "heading": row["heading"],
            "name_zh": row["name_zh"],
            "name_en": row["name_en"],
            "stated": row["stated_items"],
            "listed": listed[row["heading"]],
            "quote": row["quote"],
        }
        for row in pack.tables["plan_headings.csv"]
    ]
    table = pd.DataFrame(rows, columns=["heading", "name_zh", "name_en", "stated", "listed", "quote"])
    return table.astype({"stated": "Int64"})


def not_in_plan(pack: Pack) -> tuple[Item, ...]:
    """National items that no item of the plan stands for; empty for a plan that prints no list, for it leaves nothing out."""
    if not any(item.named == "listed" for item in plan_items(pack)):
        return ()
    named = {code for item in plan_items(pack) for code in item.items}
    return tuple(item for item in items(pack) if item.code not in named)


def _with_sum(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, pd.DataFrame([{"domain": "all"} | table.drop(columns="domain").sum().to_dict()])], ignore_index=True)


# --- tables for pages -----------------------------------------------------------------------------------------------


def item_table(pack: Pack) -> pd.DataFrame:
    """One row a national item with all its fields, and `plan_items`: the codes of the plan's items that stand for it, separated by `;`."""
    standing: dict[str, list[str]] = defaultdict(list)
    for mine in plan_items(pack):
        for code in mine.items:
            standing[code].append(mine.code)
    rows = [_cells(item) | {"plan_items": ";".join(standing[item.code])} for item in items(pack)]
    return pd.DataFrame(rows, columns=[*(field.name for field in fields(Item)), "plan_items"]).astype({"age_to": "Int64"})


def plan_item_table(pack: Pack) -> pd.DataFrame:
    """One row an item of the plan with all its fields; codes are separated by `;`."""
    return pd.DataFrame([_cells(item) for item in plan_items(pack)], columns=[field.name for field in fields(PlanItem)])


def _cells(item: Item | PlanItem) -> dict[str, Any]:
    values = {field.name: getattr(item, field.name) for field in fields(item)}
    return {name: ";".join(value) if isinstance(value, tuple) else "" if value is None and name != "age_to" else value for name, value in values.items()}


# --- checks across rows, for the pack -------------------------------------------------------------------------------


def leave_out(rows: list[Row], dropped: set[str]) -> list[Row]:
    """The rows without services that the pack leaves out; a national item whose services all go is `left_out`."""
    kept = []
    for row in rows:
        services = tuple(code for code in row["services"] if code not in dropped)
        gone = {"carried": "left_out"} if "carried" in row and row["services"] and not services and row["carried"] != "not_modelled" else {}
        kept.append(row | {"services": services} | gone)
    return kept


def catalogue_problems(tables: dict[str, list[Row]]) -> Iterator[Problem]:
    """Unknown codes of the catalogue's tables, and what does not fit together in them."""
    services = [row["service"] for row in tables["services.csv"]]
    national, own, headings = tables["items.csv"], tables["plan_items.csv"], tables["plan_headings.csv"]
    yield from unknown_codes(national, "services", services, "services of the catalogue")
    yield from unknown_codes(own, "services", services, "services of the catalogue")
    yield from unknown_codes(
        (row for row in national if row["sharing_rule"]), "sharing_rule", {row["rule"] for row in tables["sharing.csv"]}, "a rule of sharing.csv"
    )
    yield from unknown_codes(own, "items", [row["item"] for row in national], "items of items.csv")
    yield from unknown_codes(own, "heading", [row["heading"] for row in headings], "a heading of plan_headings.csv")
    yield from _national_problems(national)
    yield from _plan_problems(own, headings)


def _national_problems(national: list[Row]) -> Iterator[Problem]:
    built_for: dict[str, Row] = {}
    for row in national:
        if row["age_to"] is not None and row["age_to"] < row["age_from"]:
            yield Problem(row["file"], row["line"], "age_to", str(row["age_to"]), f"not below age_from {row['age_from']}")
        if (row["change_2023"] == "added") != (int(row["from_year"]) == EDITIONS[1]):
            yield Problem(row["file"], row["line"], "from_year", str(row["from_year"]), f"{EDITIONS[1]} for an item added by that edition, and only then")
        if row["carried"] in ("service", "inside") and not row["services"]:
            yield Problem(row["file"], row["line"], "services", "", f"the service that carries it, for carried {row['carried']}")
        if row["carried"] == "not_modelled" and row["services"]:
            yield Problem(row["file"], row["line"], "services", ";".join(row["services"]), "no service, for carried not_modelled")
        if row["carried"] == "not_modelled" and not row["note"]:
            yield Problem(row["file"], row["line"], "note", "", "the reason why it is not modelled")
        for code in row["services"] if row["carried"] == "service" else ():
            if code in built_for:
                yield Problem(row["file"], row["line"], "carried", "service", f"inside: {code} is built for {built_for[code]['item']} already")
            built_for.setdefault(code, row)


def _plan_problems(own: list[Row], headings: list[Row]) -> Iterator[Problem]:
    for row in own:
        reference = row["named"] == "reference"
        if reference and (row["items"] or row["services"] or row["own"]):
            yield Problem(row["file"], row["line"], "items", ";".join(row["items"]), "no items, no services and own no, for a reference to a list")
        if not reference and row["own"] == bool(row["items"]):
            yield Problem(row["file"], row["line"], "own", "yes" if row["own"] else "no", "yes where no national item matches, and only then")
    listed = Counter(row["heading"] for row in own if row["named"] == "listed")
    for row in headings:
        if row["stated_items"] is not None and row["stated_items"] != listed[row["heading"]]:
            yield Problem(row["file"], row["line"], "stated_items", str(row["stated_items"]), f"as many items as the list has: {listed[row['heading']]}")
