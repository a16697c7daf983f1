"""Every quantitative indicator of every plan into `assumptions/<plan>/{indicators,conflicts}.csv`.

    python tools/packs/indicators.py FACTS_DIR [--out assumptions]

The plan's words, numbers and quotes come from FACTS_DIR/seeds/indicators.csv, unchanged. What the model makes of each row stands in the
hand-kept tables beside this file: `indicators.csv` (one row a statement: code, measure, of, per, scale, and where our reading differs from
the letter nature, base_op, target_op, target_from), `indicator_reasons.csv` (why a row is only stated), `indicator_units.csv` and
`indicator_conflicts.csv` (statements that contradict each other, the one chosen and why). A statement without a row, or a row
without its statement, is an error: no indicator gets lost.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ASSUMPTIONS = HERE.parent.parent / "assumptions"
PLANS = ("liaoning", "linxia", "panjin", "inner-mongolia", "generic-city")
HEADER = (
    "indicator,name_zh,name_en,domain,unit_zh,unit_en,nature,in_table,base_from,base_year,base_op,base_value,target_from,target_year,target_op,target_value,"
    "target_high,measure,of,per,scale,quote,grade,source,note"
)
NO_UNIT = ("文字", "words")  # rows that are words only


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV as dictionaries of text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def years(plan: str) -> tuple[int, int]:
    """Base year of the pack and target year of its plan."""
    pack = yaml.safe_load((ASSUMPTIONS / plan / "pack.yaml").read_text(encoding="utf-8"))
    return int(pack["base_year"]), int(pack["plan"]["target_year"])


def period(text: str, otherwise: int) -> tuple[str, int]:
    """First year of a period (empty for one year) and its last year: '2016-2020' -> ('2016', 2020)."""
    if not text:
        return "", otherwise
    first, _, last = text.partition("-")
    return (first, int(last)) if last else ("", int(first))


def indicator(stated: dict[str, str], ours: dict[str, str], base: int, target: int, reasons: dict[str, str], units: dict[str, str]) -> dict[str, str]:
    """One row of the pack from what the plan states and what the model makes of it."""
    base_from, base_year = period(stated["baseline_year"], base)
    printed = re.search(r"baseline is an inequality: (>=|>|<=|<)", stated["note"])
    op = ours["target_op"] or {"": "none", "qualitative": "none"}.get(stated["target_op"], stated["target_op"])
    note = "；".join(text for text in (reasons[ours["reason"]] if ours["reason"] else "", ours["note"]) if text)
    return {
        "indicator": ours["code"],
        "name_zh": stated["indicator_zh"],
        "name_en": ours["name_en"] or stated["indicator_en"],
        "domain": stated["domain"],
        "unit_zh": stated["unit"] or NO_UNIT[0] if ours["measure"] == "stated" else stated["unit"] or "%",
        "unit_en": units[stated["unit"]] if stated["unit"] else NO_UNIT[1] if ours["measure"] == "stated" else "%",
        "nature": ours["nature"] or stated["nature"],
        "in_table": "yes" if stated["in_table"] == "true" else "no",
        "base_from": base_from,
        "base_year": str(base_year),
        "base_op": ours["base_op"] or (printed[1] if printed else "=" if stated["baseline_value"] else ""),
        "base_value": stated["baseline_value"],
        "target_from": ours["target_from"],
        "target_year": stated["target_year"] or str(target),
        "target_op": op,
        "target_value": "" if op in ("none", "full") else stated["target_value"],
        "target_high": stated["target_value_high"],
        "measure": ours["measure"],
        "of": ours["of"],
        "per": ours["per"],
        "scale": ours["scale"],
        "quote": stated["quote"],
        "grade": "A",
        "source": f"plan-{stated['plan']}",
        "note": note,
    }


def build(facts: Path, out: Path) -> None:
    """Write both tables of every plan; ValueError when statements and rows do not match one to one."""
    stated = {(row["plan"], row["indicator_zh"]): row for row in rows(facts / "seeds" / "indicators.csv")}
    mapping = rows(HERE / "indicators.csv")
    reasons = {row["reason"]: row["zh"] for row in rows(HERE / "indicator_reasons.csv")}
    units = {row["zh"]: row["en"] for row in rows(HERE / "indicator_units.csv")}
    keys = [(row["plan"], row["indicator_zh"]) for row in mapping]
    lost, unknown = set(stated) - set(keys), set(keys) - set(stated)
    if lost or unknown or len(set(keys)) < len(keys):
        raise ValueError(f"statements without a row: {sorted(lost)}; rows without a statement: {sorted(unknown)}; doubled: {len(keys) - len(set(keys))}")
    for plan in PLANS:
        base, target = years(plan)
        found = [indicator(stated[key], ours, base, target, reasons, units) for key, ours in zip(keys, mapping, strict=True) if ours["plan"] == plan]
        save(out / plan / "indicators.csv", HEADER.split(","), found)
        conflicts = [
            {k: row[k] for k in ("conflict", "name_zh", "indicator", "chosen", "why")} for row in rows(HERE / "indicator_conflicts.csv") if row["plan"] == plan
        ]
        if conflicts:
            save(out / plan / "conflicts.csv", list(conflicts[0]), conflicts)
        print(f"{plan}: {len(found)} indicators, {len(conflicts)} statements in conflict")


def save(path: Path, header: list[str], found: list[dict[str, str]]) -> None:
    """Write one CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def main() -> None:
    """Read the facts folder and write the tables of all plans."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path, help="folder with seeds/indicators.csv")
    parser.add_argument("--out", type=Path, default=ASSUMPTIONS, help="the assumptions folder")
    chosen = parser.parse_args()
    build(chosen.facts, chosen.out)


if __name__ == "__main__":
    main()
