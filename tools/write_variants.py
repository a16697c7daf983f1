"""Write the UN's standard projection variants of a place as scenarios on its baseline, and compare their people.

    python tools/write_variants.py PACK [PACK...]     writes scenarios/PACK-variant-*.yaml
    python tools/write_variants.py --table PACK       prints the people of the target years by variant (demographic stage alone)
    python tools/write_variants.py --fill docs/demography.md PACK   puts that table between its marks

The variants depart in the first year after the last published births (the past is not moved). Low, medium and high: TFR -0.25, 0, +0.25 for five
years, 0.40 for the next five, 0.50 after; constant fertility and constant mortality keep the last published year's level; zero migration stops
moves from outside, between regions and to town; momentum: replacement fertility at once, constant mortality, zero migration
(United Nations, World Population Prospects, definitions of variants).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.axes import SEX
from fiscalsim.levers import path_at
from fiscalsim.quantities import StageInputs
from fiscalsim.scenario import load_scenario

HOME = Path(__file__).resolve().parents[1]
STEPS = ((5, 0.25), (5, 0.40), (10**3, 0.50))  # years, children per woman: World Population Prospects
LOWEST = 0.3  # the least that the TFR lever takes; a low variant stops there and says so
NAMES = {
    "low": ("低生育方案", "Low fertility"),
    "medium": ("中方案", "Medium"),
    "high": ("高生育方案", "High fertility"),
    "constant-fertility": ("生育率不变", "Constant fertility"),
    "constant-mortality": ("死亡率不变", "Constant mortality"),
    "zero-migration": ("零迁移", "Zero migration"),
    "momentum": ("人口惯性", "Momentum"),
}
NOBODY_MOVES = {"demography.external_migration": 0.0, "demography.internal_migration": 0.0}


def departure(pack: str) -> int:
    """The first year without published births for the pack (its base year plus one where none are published)."""
    loaded = load_pack(pack, HOME)
    years = [row["year"] for row in loaded.tables["observed.csv"] if row["item"] == "births"]
    return max([*years, loaded.info.base_year]) + 1


def replacement(inputs: StageInputs, year: int) -> float:
    """Births per woman with which each generation of women is followed by as many: 1 / (share of girls x survival to the ages of mothers).

    Mean over the base year's women of 15-49, as demography.tfr is; mortality of `year`.
    """
    d = inputs.demography
    y = d.years.index(year)
    girls = 1 / (1 + d.sex_ratio_at_birth)
    L = np.cumprod(demography.survivorship_ratio(demography.shift_to_life_expectancy(d.standard_mx, d.life_expectancy[y])), axis=-1)
    alive = np.einsum("ra,ha->rh", L[:, SEX.index("female")], d.fertility_schedule)
    women = d.base_population[:, :, SEX.index("female"), 15:50].sum(axis=-1)
    return float((women / (girls[:, None] * alive)).sum() / women.sum())


def variants(pack: str) -> dict[str, tuple[dict[str, object], str, str]]:
    """{variant: (what it sets, why in Chinese, why in English)} of the pack's baseline."""
    scenario = load_scenario(f"{pack}-baseline", HOME)
    inputs = stage_inputs(load_pack(pack, HOME), scenario, demography.base_population)
    first = departure(pack)
    last, end = first - 1, inputs.years.labels[-1]
    years = list(range(last, end + 1))
    tfr = dict(zip(years, path_at(scenario.value("demography.tfr"), years), strict=True))
    e0 = float(path_at(scenario.value("demography.life_expectancy"), [last])[0])
    before = dict(zip(range(inputs.info.base_year, first), path_at(scenario.value("demography.tfr"), range(inputs.info.base_year, first)), strict=True))
    level = {
        year: float(value)
        for year, value in zip(
            range(inputs.info.base_year, first), path_at(scenario.value("demography.life_expectancy"), range(inputs.info.base_year, first)), strict=True
        )
    }
    since = f"{first}年起"

    def moved(sign: int) -> dict[int, float]:
        found, at = {year: round(float(value), 3) for year, value in before.items()}, first
        for length, step in STEPS:
            for year in range(at, min(at + length, end + 1)):
                found[year] = round(max(float(tfr[year]) + sign * step, LOWEST), 3)
            at += length
        return found

    def from_now(value: float, earlier: dict[int, float]) -> dict[int, float]:
        return {year: round(float(v), 3) for year, v in earlier.items()} | {first: value}

    still = {path: {last: float(path_at(scenario.value(path), [last])[0]), first: 0.0} for path in NOBODY_MOVES}
    replaced = round(replacement(inputs, first), 3)
    constant_e0 = from_now(round(e0, 2), level)
    floor = f"（最低{LOWEST}）" if any(float(tfr[y]) - 0.5 < LOWEST for y in years if y >= first + 10) else ""
    return {
        "low": (
            {"demography.tfr": moved(-1)},
            f"{since}总和生育率比基准低0.25，五年后低0.40，十年后低0.50{floor}",
            f"TFR lower by 0.25 from {first}, by 0.40 after five years, by 0.50 after ten",
        ),
        "medium": ({}, "与基准方案相同，供比较", "The baseline, for comparison"),
        "high": (
            {"demography.tfr": moved(1)},
            f"{since}总和生育率比基准高0.25，五年后高0.40，十年后高0.50",
            f"TFR higher by 0.25 from {first}, by 0.40 after five years, by 0.50 after ten",
        ),
        "constant-fertility": (
            {"demography.tfr": from_now(round(float(tfr[last]), 3), before)},
            f"{since}总和生育率保持{last}年水平",
            f"TFR stays at its level of {last}",
        ),
        "constant-mortality": (
            {"demography.life_expectancy": constant_e0},
            f"{since}预期寿命保持{last}年水平",
            f"Life expectancy stays at its level of {last}",
        ),
        "zero-migration": (dict(still), f"{since}省外、地区之间、城乡之间都不迁移", f"From {first} nobody moves: from outside, between regions or to town"),
        "momentum": (
            {"demography.tfr": from_now(replaced, before), "demography.life_expectancy": constant_e0, **still},
            f"{since}总和生育率即为更替水平{replaced}，预期寿命不变，不迁移：只剩年龄结构的惯性",
            f"From {first} replacement fertility ({replaced}), constant mortality and no migration: only the age structure is left to act",
        ),
    }


def shown(value: object) -> str:
    return "{" + ", ".join(f"{k}: {v:g}" for k, v in value.items()) + "}" if isinstance(value, dict) else f"{value:g}"


def write(pack: str) -> None:
    """scenarios/PACK-variant-NAME.yaml for each variant."""
    place = load_pack(pack, HOME).info
    for name, (values, why_zh, why_en) in variants(pack).items():
        zh, en = NAMES[name]
        lines = [f'name_zh: "{place.name_zh}{zh}"', f'name_en: "{place.name_en}: {en.lower()}"', f"pack: {pack}", f"extends: {pack}-baseline"]
        lines += [f'why_zh: "{why_zh}。"', f'why_en: "{why_en}."']
        lines += ["set:", *(f"  {path}: {shown(value)}" for path, value in values.items())] if values else []
        (HOME / "scenarios" / f"{pack}-variant-{name}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def table(pack: str) -> str:
    """Markdown: people, births, aged share and urban share by variant."""
    loaded = load_pack(pack, HOME)
    end = loaded.info.horizon_end
    lines = [
        f"| {loaded.info.name_en}: variant | people {end}, 10k | against medium, % | births {end}, 10k | 0-14, % | 60+, % | in towns, % |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    found = {}
    for name in NAMES:
        inputs = stage_inputs(loaded, load_scenario(f"{pack}-variant-{name}", HOME), demography.base_population)
        population, flows = demography.simulate(inputs.demography)
        worst = max(error for _, error in demography.identities(population, flows))
        if worst > 1e-9:
            raise SystemExit(f"{pack}, {name}: identities broken by {worst}")
        people = population.persons[population.years.index(end)]
        found[name] = (people, flows.births[flows.years.index(end)].sum())
    medium = found["medium"][0].sum()
    for name, (people, born) in found.items():
        ages, total = people.sum(axis=(0, 1, 2)), people.sum()
        cells = [
            total / 1e4,
            100 * (total / medium - 1),
            born / 1e4,
            100 * ages[:15].sum() / total,
            100 * ages[60:].sum() / total,
            100 * people[:, 0].sum() / total,
        ]
        lines.append(f"| {name} | {cells[0]:.1f} | {cells[1]:+.1f} | {cells[2]:.1f} | " + " | ".join(f"{cell:.1f}" for cell in cells[3:]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packs", nargs="+", metavar="PACK")
    parser.add_argument("--table", action="store_true", help="print the table and write nothing")
    parser.add_argument("--fill", type=Path, metavar="PAGE", help="put the table between <!-- variants:PACK --> and <!-- /variants:PACK --> of a page")
    chosen = parser.parse_args()
    for pack in chosen.packs:
        if chosen.fill:
            text = chosen.fill.read_text(encoding="utf-8")
            start, end = f"<!-- variants:{pack} -->", f"<!-- /variants:{pack} -->"
            before, rest = text.split(start)
            chosen.fill.write_text(f"{before}{start}\n{table(pack)}\n{end}{rest.split(end)[1]}", encoding="utf-8", newline="\n")
        elif chosen.table:
            print(table(pack))
        else:
            write(pack)


if __name__ == "__main__":
    main()
