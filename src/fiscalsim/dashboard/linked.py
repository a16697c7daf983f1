"""Sentences whose figures lead to the table that holds the same number.

Knows texts and the keys of tables. Must not know widgets or what a figure means.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fiscalsim.text import t, table


@dataclass(frozen=True)
class Cell:
    """Where a figure stands on the page: the key of its table, and row and column in the words of the table.

    `part` says which number of the cell it is where that holds more than one.
    """

    table: str
    row: str
    column: str
    part: int = 0

    @property
    def anchor(self) -> str:
        """The id of the table on its page."""
        return f"t-{self.table}"


class Sentence(str):
    """A text with the cells of its figures; wherever words are wanted it is plain text."""

    pieces: tuple[tuple[str, Cell | None], ...]

    @property
    def cells(self) -> list[tuple[str, Cell]]:
        """Each linked figure with its cell, in the order of the text."""
        return [(text, cell) for text, cell in self.pieces if cell is not None]


def sentence(key: str, lang: str, cells: Mapping[str, Cell], /, **words: Any) -> Sentence:
    """The text under `key` with its placeholders filled; those named in `cells` are linked. KeyError as `t` raises it."""
    made = Sentence(t(key, lang, **words))
    pieces: list[tuple[str, Cell | None]] = []
    for literal, name, _, _ in string.Formatter().parse(table(lang)[key]):
        if literal:
            pieces.append((literal, None))
        if name:
            value = words[name]
            pieces += value.pieces if isinstance(value, Sentence) else [(str(value), cells.get(name))]
    made.pieces = tuple(pieces)
    return made


def in_a_row(*parts: str, gap: str = "") -> Sentence:
    """Several sentences as one; plain ones keep no links."""
    made = Sentence(gap.join(parts))
    pieces: list[tuple[str, Cell | None]] = []
    for place, part in enumerate(parts):
        pieces += [(gap, None)] if place and gap else []
        pieces += part.pieces if isinstance(part, Sentence) else [(part, None)]
    made.pieces = tuple(pieces)
    return made
