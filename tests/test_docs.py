"""Generated pages say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fiscalsim.allocation import FAMILIES

ROOT = Path(__file__).resolve().parents[1]


def test_the_mathematics_page_is_what_the_families_say():
    spec = importlib.util.spec_from_file_location("write_mathematics", ROOT / "tools" / "write_mathematics.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    written = (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8")
    assert written == tool.page()
    assert [line[4:] for line in written.splitlines() if line.startswith("### ")] == [
        f.name for g in ("within_means", "supply", "utmost") for f in FAMILIES if f.group == g
    ]


def test_the_catalogue_page_is_what_the_packs_say():
    spec = importlib.util.spec_from_file_location("write_catalogue", ROOT / "tools" / "write_catalogue.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    written = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert written == tool.page(), "run tools/write_catalogue.py"
    assert all(f"| N{number:02} |" in written for number in range(1, 82))
