"""The words of the app, reports and command line: one table per language, plus the way a bureau writes numbers.

Knows keys, languages and number formats; must not know pages, charts or models. Values handed to `t` are ready to print:
an amount carries its unit already, so a sentence never scales anything.
"""

from __future__ import annotations

import string
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fiscalsim.errors import nearest

LANGS = ("zh", "en")
PARTS = ("messages", "messages_report")  # the app's words; those of reports and the command line
MINUS = "\N{MINUS SIGN}"
NONE = "\N{EM DASH}"


@cache
def table(lang: str) -> dict[str, str]:
    """Every text of `lang` under its dotted key; read once. ValueError when the language is unknown."""
    if lang not in LANGS:
        raise ValueError(f"language {lang!r}: one of {', '.join(LANGS)}")
    flat: dict[str, str] = {}
    for part in PARTS:
        flat |= _flat(tomllib.loads(files("fiscalsim").joinpath(f"{part}.{lang}.toml").read_text(encoding="utf-8")), "")
    return flat


def _flat(tree: dict[str, Any], prefix: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def t(key: str, lang: str, /, **values: Any) -> str:
    """The text under `key` with its placeholders filled. KeyError names the nearest key, or the value that is missing."""
    texts = table(lang)
    if key not in texts:
        raise KeyError(f"no text {key!r} (nearest: {nearest(key, texts)!r})")
    try:
        return texts[key].format(**values)
    except KeyError as missing:
        raise KeyError(f"text {key!r} needs the value {missing}") from None


def has(key: str) -> bool:
    """Whether both tables hold `key` (they hold the same keys, by test)."""
    return key in table(LANGS[0])


def placeholders(key: str, lang: str) -> frozenset[str]:
    """Names of the values that the text under `key` needs."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(table(lang)[key]) if name)


def name_of(row: Any, lang: str, field: str = "name") -> str:
    """The `field` (name, short, unit, client) of a row with both languages: a Series, a dict or a frozen record."""
    label = f"{field}_{lang}"
    return str(row[label] if hasattr(row, "__getitem__") else getattr(row, label))


def number(value: float, digits: int = 0, signed: bool = False) -> str:
    """`value` with thousands commas and `digits` decimals; a true minus sign, a plus when `signed`, never a negative zero."""
    rounded = round(float(value), digits) + 0.0
    text = f"{abs(rounded):,.{digits}f}"
    if rounded < 0:
        return MINUS + text
    return "+" + text if signed and rounded > 0 else text


@dataclass(frozen=True)
class Unit:
    """A unit of a table or an axis: divide by `divisor`, print `digits` decimals, call it `name`."""

    name: str
    divisor: float
    digits: int

    def show(self, value: float, signed: bool = False) -> str:
        """The figure without its unit, for cells and axis labels."""
        return number(value / self.divisor, self.digits, signed)


def money_unit(largest: float, lang: str) -> Unit:
    """One unit for amounts up to `largest` yuan: hundred millions with one decimal, below one of them ten thousands without."""
    big = abs(largest) >= 1e8
    if lang == "zh":
        return Unit(t("unit.money_big", lang), 1e8, 1) if big else Unit(t("unit.money_small", lang), 1e4, 0)
    return Unit(t("unit.money_big", lang), 1e9, 2) if big else Unit(t("unit.money_small", lang), 1e6, 2)


def people_unit(largest: float, lang: str) -> Unit:
    """One unit for counts up to `largest`: ten thousands with one decimal, below one of them whole persons."""
    if abs(largest) < 1e4:
        return Unit(t("unit.people_small", lang), 1.0, 0)
    if lang == "zh":
        return Unit(t("unit.people_big", lang), 1e4, 1)
    return Unit(t("unit.people_big", lang), 1e3, 1)


def money(yuan: float, lang: str, signed: bool = False) -> str:
    """An amount with its unit, as running text writes it."""
    unit = money_unit(yuan, lang)
    return t("format.amount", lang, value=unit.show(yuan, signed), unit=unit.name)


def people(persons: float, lang: str) -> str:
    """A count of persons with its unit, as running text writes it."""
    unit = people_unit(persons, lang)
    return t("format.amount", lang, value=unit.show(persons), unit=unit.name)


def percent(share: float, digits: int = 1, signed: bool = False) -> str:
    """A share 0..1 as a percentage."""
    return number(share * 100, digits, signed) + "%"


def listed(names: list[str], lang: str, most: int = 3) -> str:
    """Names joined as the language joins them; after `most` of them the rest is counted."""
    if not names:
        return NONE
    head = t("format.comma", lang).join(names[:most])
    return head if len(names) <= most else t("format.and_more", lang, head=head, n=len(names))
