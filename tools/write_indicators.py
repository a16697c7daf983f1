"""Writes docs/indicators.md from the packs' indicators: python tools/write_indicators.py. A test keeps the page current.

Base values are computed from staging, demography and demand of each plan's baseline; nothing is allocated.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from fiscalsim import demography, indicators
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.assumptions.pack import Pack
from fiscalsim.assumptions.tables import Row
from fiscalsim.demand import demand
from fiscalsim.pipeline import reported_facts
from fiscalsim.quantities import Indicator
from fiscalsim.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "indicators.md"
MAPPING = ROOT / "tools" / "packs"
PLANS = ("liaoning", "linxia", "panjin", "inner-mongolia", "generic-city")
TOLD = 0.001  # differences of a base value from this share of the printed one on are explained
LARGEST = 10
HEAD = """# Indicators

Generated from the packs by `tools/write_indicators.py`; do not edit. What each measure computes, and how inequalities, ranges, sums and
full coverage are read, is in [the pack format](how-to/pack-format.md). The plans' words and numbers are carried by machine from what they
print into `assumptions/<plan>/indicators.csv`; what the model makes of each statement stands in `tools/packs/indicators.csv`.

Every quantitative statement of the five plans is one of three: *modelled* (the allocation aims at its target), *reported* (computed, not
aimed at) or *stated* (kept, with the reason why it is not computed). A base value is computed from the pack alone: people, needs, coverage,
capacity and standards of the base year.
"""


@dataclass(frozen=True)
class Checked:
    """One indicator with its base value computed from the pack."""

    plan: str
    indicator: Indicator
    computed: float | None

    @property
    def role(self) -> str:
        """modelled, reported or stated."""
        return indicators.role(self.indicator)

    @property
    def difference(self) -> float | None:
        """Computed over printed base value, less one; 0 where a printed inequality holds; None where one of the two is missing."""
        printed = indicators.base_of(self.indicator)
        if printed is None or self.computed is None or self.indicator.base_from is not None:
            return None
        op = self.indicator.base_op
        if (op in (">", ">=") and self.computed >= printed * (1 - 1e-9)) or (op in ("<", "<=") and self.computed <= printed * (1 + 1e-9)):
            return 0.0
        return self.computed / printed - 1.0 if printed else None


def checked(plan: str) -> tuple[Pack, list[Checked]]:
    """Every indicator of a plan with its base value; no allocation is solved."""
    pack = load_pack(plan, ROOT)
    inputs = stage_inputs(pack, load_scenario(f"{plan}-baseline", ROOT), demography.base_population)
    population, components = demography.simulate(inputs.demography)
    inputs = replace(inputs, reported_inputs={**inputs.reported_inputs, **reported_facts(inputs, population)})
    needed = demand(population, components, inputs.demand, inputs.supply, inputs.fiscal.function_outturn, inputs.fiscal.functions)
    return pack, [Checked(plan, i, indicators.base_value(i, inputs, population, needed)) for i in inputs.indicators]


def hand_kept(name: str) -> list[dict[str, str]]:
    """Rows of a table beside the mapping."""
    with (MAPPING / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def figure(value: float | None) -> str:
    """A number with as many digits as it needs, or nothing."""
    return "" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:,.0f}"


def base_text(indicator: Indicator) -> str:
    """The printed base value with its sign."""
    if indicator.base_op == "full":
        return "full, in words"
    return "" if indicator.base_value is None else ("" if indicator.base_op == "=" else indicator.base_op + " ") + figure(indicator.base_value)


def target_text(indicator: Indicator) -> str:
    """The target with its sign and the year, or nothing."""
    if indicator.target_op == "none":
        return ""
    summed = f"{indicator.target_from}-" if indicator.target_from is not None else ""
    when = f" ({summed}{indicator.target_year})"
    if indicator.target_op == "full":
        return "full" + when
    high = f"-{figure(indicator.target_high)}" if indicator.target_op == "range" else ""
    sign = "" if indicator.target_op in ("=", "range") else indicator.target_op + " "
    return sign + figure(indicator.target_value) + high + when


def definition(indicator: Indicator, names: dict[str, str]) -> str:
    """Numerator and denominator in words."""
    of, per = ", ".join(names.get(code, f"`{code}`") for code in indicator.of), indicator.per
    below = ", ".join(names.get(code, code) for code in per.split(";")) if per else ""
    times = "" if indicator.scale == 1 or indicator.measure == "compliance" else f", x {indicator.scale:.6g}"
    words = {
        "coverage": f"served / entitled: {of}",
        "clients_per": f"served: {of}" + (f" / {per}" if per else ""),
        "capacity_per": f"{of} / {below}",
        "capacity_total": of,
        "capacity_share": f"{of} / ({below})",
        "standard": f"yuan a client and year: {of}",
        "standard_growth": f"mean yearly growth of the standard since the base year: {of}",
        "count_per": f"printed {of} / {per}, base year only",
        "insured_share": f"printed {of} / adults, later by generation",
        "compliance": f"households new in towns since the base year (then: all) with their norm: one of {of} per {indicator.scale / indicators.FULL:.1f}",
        "reported": of,
    }
    return words[indicator.measure] + times


def counts(found: dict[str, list[Checked]]) -> str:
    """In the plan, in its table, modelled, reported, stated."""
    lines = ["| plan | statements | in its table | modelled | reported | stated | table rows modelled or reported |", "|---|---|---|---|---|---|---|"]
    whole = Counter[str]()
    for plan, rows in found.items():
        kinds = Counter(row.role for row in rows)
        table = [row for row in rows if row.indicator.in_table]
        computed = f"{sum(row.role != 'stated' for row in table)} of {len(table)}" if table else "-"
        lines.append(f"| {plan} | {len(rows)} | {len(table)} | {kinds['modelled']} | {kinds['reported']} | {kinds['stated']} | {computed} |")
        whole += kinds
    lines.append(f"| all | {whole.total()} | | {whole['modelled']} | {whole['reported']} | {whole['stated']} | |")
    return "\n".join(lines)


def largest(found: dict[str, list[Checked]]) -> str:
    """The largest differences between printed and computed base values, each with its reason."""
    why = {(row["plan"], row["indicator"]): row["why"] for row in hand_kept("indicator_differences.csv")}
    apart = [(abs(row.difference), row) for rows in found.values() for row in rows if row.difference is not None]
    agreeing = sum(size < TOLD for size, _ in apart)
    unexplained = [(row.plan, row.indicator.code, round(size, 4)) for size, row in apart if size >= TOLD and (row.plan, row.indicator.code) not in why]
    if unexplained:
        raise SystemExit(f"indicator_differences.csv: no words for {unexplained}")
    lines = [
        f"Of {len(apart)} base values that are printed and computed, {agreeing} agree to {TOLD:.1%}. The {LARGEST} largest differences:\n",
        "| plan | indicator | printed | computed | difference | why |",
        "|---|---|---|---|---|---|",
    ]
    for _, row in sorted(apart, key=lambda pair: -pair[0])[:LARGEST]:
        i = row.indicator
        told = why[row.plan, i.code] if (row.difference and abs(row.difference) >= TOLD) else "rounding"
        lines.append(f"| {row.plan} | {i.name_zh} ({i.unit_zh}) | {base_text(i)} | {figure(row.computed)} | {row.difference:+.1%} | {told} |")
    return "\n".join(lines)


def special(found: dict[str, list[Checked]]) -> str:
    """Which rows are printed in one of the forms that the pack format explains."""
    every = [row for rows in found.values() for row in rows]

    def falling(i: Indicator) -> bool:
        base, target = indicators.base_of(i), indicators.target_of(i)
        return base is not None and target is not None and target < base and i.target_from is None and i.target_op not in indicators.NOT_HIGHER

    def flat(i: Indicator) -> bool:
        base = indicators.base_of(i)
        return base is not None and base == indicators.target_of(i)

    forms = {
        "target below the base: kept, no fall asked for": falling,
        "target equal to the base: kept": flat,
        "base printed as an inequality": lambda i: i.base_op in (">", ">=", "<", "<="),
        "full coverage in words, computed": lambda i: "full" in (i.base_op, i.target_op) and i.measure != "stated",
        "range": lambda i: i.target_op == "range",
        "upper limit": lambda i: i.target_op in indicators.NOT_HIGHER,
        "target that sums over the plan": lambda i: i.target_from is not None,
        "above 100 %": lambda i: i.unit_zh == "%" and max(i.base_value or 0, i.target_value or 0) > 100,
    }
    lines = ["| form | rows | which |", "|---|---|---|"]
    for form, has in forms.items():
        which = [f"{row.plan} `{row.indicator.code}`" for row in every if has(row.indicator)]
        lines.append(f"| {form} | {len(which)} | {', '.join(which)} |")
    return "\n".join(lines)


def constants(found: dict[str, list[Checked]]) -> str:
    """Constants of rules (ages, multiples) and what of the model holds them; a test follows each."""
    known = {(row.plan, row.indicator.code): row.indicator for rows in found.values() for row in rows}
    lines = ["| plan | constant | stated | held by |", "|---|---|---|---|"]
    for row in hand_kept("indicators.csv"):
        if row["holds"] and (row["plan"], row["code"]) in known:
            i = known[row["plan"], row["code"]]
            lines.append(f"| {row['plan']} | {i.name_zh} ({i.unit_zh}) | {target_text(i) or base_text(i)} | `{row['holds']}` |")
    return "\n".join(lines)


def plan_part(plan: str, pack: Pack, rows: list[Checked]) -> str:
    """All computed rows of one plan, the rows of its table that are not, why the others are not, and its contradictions."""
    names = {s.code: s.name_en for s in pack.services} | {r.code: r.name_en.lower() for r in pack.resources}
    lines = [
        f"## {plan}\n",
        "| indicator | name | role | definition | printed base | computed base | target |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        i = row.indicator
        if row.role != "stated":
            name = f"{i.name_zh}, {i.unit_zh}" + ("" if i.in_table else " (text)")
            lines.append(f"| `{i.code}` | {name} | {row.role} | {definition(i, names)} | {base_text(i)} | {figure(row.computed)} | {target_text(i)} |")
    kept = [row for row in rows if row.role == "stated" and row.indicator.in_table]
    if kept:
        lines.append("\nRows of the table that are only stated:\n")
        lines += [f"- {row.indicator.name_zh}: {row.indicator.note}" for row in kept]
    mapping = [row for row in hand_kept("indicators.csv") if row["plan"] == plan and row["measure"] == "stated"]
    words = {row["reason"]: row["en"] for row in hand_kept("indicator_reasons.csv")}
    reasons = Counter(row["reason"] for row in mapping)
    lines += ["\n| why only stated | rows |", "|---|---|", *(f"| {words[reason]} | {n} |" for reason, n in reasons.most_common())]
    lines.append(conflicts_part(pack.tables["conflicts.csv"], {row.indicator.code: row.indicator for row in rows}))
    return "\n".join(lines)


def conflicts_part(conflicts: list[Row], known: dict[str, Indicator]) -> str:
    """Statements that contradict each other, side by side."""
    if not conflicts:
        return ""
    lines = ["\nContradictions, side by side:\n", "| matter | statement | base | target | chosen | why |", "|---|---|---|---|---|---|"]
    for row in conflicts:
        i = known[row["indicator"]]
        lines.append(f"| {row['name_zh']} | {i.name_zh} | {base_text(i)} | {target_text(i)} | {'yes' if row['chosen'] else 'no'} | {row['why']} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page as Markdown."""
    packs = {plan: checked(plan) for plan in PLANS if (ROOT / "scenarios" / f"{plan}-baseline.yaml").is_file()}
    found = {plan: rows for plan, (_, rows) in packs.items()}
    parts = [HEAD, counts(found), "\n## Base year: printed against computed\n", largest(found)]
    parts += ["\n## Forms of printing\n", special(found), "\n## Constants of rules\n", constants(found), ""]
    parts += [plan_part(plan, pack, rows) + "\n" for plan, (pack, rows) in packs.items()]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
