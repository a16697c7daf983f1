"""Writes docs/catalogue.md from the packs: python tools/write_catalogue.py. A test keeps the page current."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import yaml

from fiscalsim.assumptions import Pack, catalogue
from fiscalsim.assumptions.tables import DOMAINS, Row, raise_all, read_tables
from fiscalsim.parameters import NATIONAL
from fiscalsim.text import t

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "catalogue.md"
BASES = {"hukou": "hukou", "resident": "residents", "served": "where served"}
CHANGES = {"added": "new in 2023", "raised": "raised in 2023", "widened": "widened in 2023"}
CARRIED = {"service": "a service of its own", "inside": "inside a service that holds more", "left_out": "left out by the pack", "not_modelled": "not modelled"}
HEAD = """# The catalogue of basic public services

Generated from `assumptions/*/items.csv`, `plan_headings.csv` and `plan_items.csv` by `tools/write_catalogue.py`; do not edit.
`fiscalsim list items --pack X` shows the same.

The national basic public service standard (国家基本公共服务标准) has {first} items in its edition of 2021 and {second} in that of 2023. Its full text could
not be read: names were read in reports of the release, in laws, in the list of basic public health services and in plans; some are recalled, and the
last table says which. {quoted} rows quote the words of a law or notice; {whole} of them have grade A, because the words also hold who is entitled and from
which age. The others have grade C. Item numbers are ours, in the order of the list. Ages are those of the entitlement, 0+ where none is named; "count"
says by which people the entitled are counted; "who pays" names the rule of `sharing.csv` where a fixed ratio exists.
"""


class Listed:
    """The catalogue's tables of a pack, read without its other tables, so that the page does not wait for them."""

    def __init__(self, name: str, tables: dict[str, list[Row]]) -> None:
        self.id, self.tables = name, tables


def _listed(name: str) -> Pack:
    reading = read_tables(name, ROOT)
    tables = reading.tables
    raise_all(problem for problem in reading.problems if problem.file.endswith(("items.csv", "plan_headings.csv")))
    raise_all(catalogue.catalogue_problems(tables))
    document = ROOT / "assumptions" / name / "pack.yaml"
    chosen = yaml.safe_load(document.read_text(encoding="utf-8"))["services"] if document.is_file() else "all"
    every = {row["service"] for row in tables["services.csv"]}
    dropped = set() if chosen == "all" else every - set(chosen)
    return cast(Pack, Listed(name, tables | {file: catalogue.leave_out(tables[file], dropped) for file in ("items.csv", "plan_items.csv")}))


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def _table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    heads = list(heads)
    return "\n".join([_line(heads), "|" + "---|" * len(heads), *map(_line, rows)])


def _ages(item: catalogue.Item) -> str:
    return f"{item.age_from}+" if item.age_to is None else f"{item.age_from}-{item.age_to}"


def _who(item: catalogue.Item) -> str:
    limits = [word for word in (item.sex, item.residence) if word != "all"]
    return f"{item.clients_zh} {item.clients_en}" + (f" ({', '.join(limits)})" if limits else "")


def _carried(carried: str | None, services: tuple[str, ...]) -> str:
    if carried is None:
        return ""
    return f"{CARRIED[carried]}: {', '.join(services)}" if services else CARRIED[carried]


def _national(pack: Pack) -> list[str]:
    items = catalogue.items(pack)
    counts = catalogue.edition_counts(pack)
    how = Counter((item.domain, item.carried) for item in items)
    total = Counter(item.carried for item in items)
    words = [word for word in CARRIED if total[word]]
    rows = [
        [t(f"domain.{row['domain']}", "zh") + " " + t(f"domain.{row['domain']}", "en") if row["domain"] in DOMAINS else "**all**", row["2021"], row["2023"]]
        + [how[row["domain"], word] if row["domain"] in DOMAINS else total[word] for word in words]
        for _, row in counts.iterrows()
    ]
    parts = [_table(["domain", "2021", "2023", *(CARRIED[word] for word in words)], rows), "## The national items"]
    for domain in DOMAINS:
        mine = [item for item in items if item.domain == domain]
        parts.append(f"### {t(f'domain.{domain}', 'zh')} {t(f'domain.{domain}', 'en')}")
        parts.append(
            _table(
                ["item", "name", "who", "ages", "count", "standard", "function", "who pays", "in the model", "grade"],
                [
                    [
                        item.code,
                        f"{item.name_zh} {item.name_en}" + (f" ({CHANGES[item.change_2023]})" if item.change_2023 else ""),
                        _who(item),
                        _ages(item),
                        BASES[item.basis],
                        f"{item.standard_zh} {item.standard_en}",
                        item.function.replace("_", " "),
                        item.payer_en + (f" (`{item.sharing_rule}`)" if item.sharing_rule else ""),
                        _carried(item.carried, item.services),
                        item.grade,
                    ]
                    for item in mine
                ],
            )
        )
    services = {row["service"]: row for row in pack.tables["services.csv"]}
    otherwise = [(item, services[code]) for item in items if item.carried == "service" for code in item.services if services[code]["basis"] != item.basis]
    parts.append("### Counted by other people than the standard says")
    parts.append(
        _table(
            ["item", "name", "the standard", "the model", "service"],
            [[item.code, item.name_zh, BASES[item.basis], BASES[row["basis"]], f"{row['service']}: {row['note']}"] for item, row in otherwise],
        )
    )
    parts.append("### How each item is carried, what was read, and the words")
    parts.append(_table(["item", "name", "note", "words", "source"], [[item.code, item.name_zh, item.note, item.quote, f"`{item.source}`"] for item in items]))
    return parts


def _plan(pack: Pack) -> list[str]:
    parts = [f"## The plan of `{pack.id}`"]
    headings = catalogue.heading_counts(pack)
    if headings["stated"].notna().any():
        parts.append("Counts that the plan states, and items in its list:")
        parts.append(
            _table(
                ["heading", "stated", "listed", "words"],
                [[f"{row.name_zh} {row.name_en}", "" if row.stated is None else row.stated, row.listed, row.quote] for row in headings.itertuples()]
                + [["**all**", headings["stated"].sum(), headings["listed"].sum(), ""]],
            )
        )
    table = catalogue.coverage_of_plan(pack)
    parts.append("Items of the plan by national domain, mapped to national items or the plan's own, and how the model carries them:")
    parts.append(
        _table(
            ["domain", "named", "national", "own", *(CARRIED[word] for word in catalogue.CARRIED), "references"],
            [["**all**" if row["domain"] == "all" else t(f"domain.{row['domain']}", "en"), *list(row)[1:]] for _, row in table.iterrows()],
        )
    )
    if missing := catalogue.not_in_plan(pack):
        parts.append("National items (2023) that its list does not name: " + ", ".join(f"{item.code} {item.name_zh}" for item in missing) + ".")
    parts.append(
        _table(
            ["item", "heading", "name", "national items", "in the model", "note"],
            [
                [
                    item.code,
                    item.heading,
                    f"{item.name_zh} {item.name_en}",
                    ", ".join(item.items) or ("own" if item.own else "reference to a list"),
                    _carried(item.carried, item.services),
                    item.note,
                ]
                for item in catalogue.plan_items(pack)
            ],
        )
    )
    return parts


def page() -> str:
    """The whole page as Markdown. InputError when a table of the catalogue has a mistake."""
    planned = [_listed(path.parent.name) for path in sorted((ROOT / "assumptions").glob("*/plan_items.csv"))]
    whole = _listed(NATIONAL)
    items, counts = catalogue.items(whole), catalogue.edition_counts(whole).set_index("domain").loc["all"]
    quoted, graded = sum(bool(item.quote) for item in items), sum(item.grade == "A" for item in items)
    parts = [HEAD.format(first=counts["2021"], second=counts["2023"], quoted=quoted, whole=graded), *_national(whole)]
    for pack in planned:
        parts += _plan(pack)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {PAGE.read_text(encoding='utf-8').count(chr(10))} lines\n")
