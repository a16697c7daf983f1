"""Generated pages say what the code says."""

from __future__ import annotations

from pathlib import Path

from fiscalsim.allocation import FAMILIES
from tests.tools import tool

ROOT = Path(__file__).resolve().parents[1]


def test_the_mathematics_page_is_what_the_families_say():
    page = tool("write_mathematics").page()
    written = (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8")
    assert written == page
    assert [line[4:] for line in written.splitlines() if line.startswith("### ")] == [
        f.name for g in ("within_means", "supply", "utmost") for f in FAMILIES if f.group == g
    ]


def test_the_catalogue_page_is_what_the_packs_say():
    page = tool("write_catalogue").page()
    written = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert written == page, "run tools/write_catalogue.py"
    assert all(f"| N{number:02} |" in written for number in range(1, 82))
