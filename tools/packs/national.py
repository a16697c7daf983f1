"""National schedules: mortality, fertility and movers by single age, from gathered facts."""

from __future__ import annotations

import math
from pathlib import Path

from packs.shared import CENSUS_YEAR, CHINA, SEX, table, write


def mortality(facts: Path, out: Path) -> None:
    """Single ages from WPP 2022's abridged death rates: straight lines in log space between the middles of the groups.

    Ages 1 to 4 fall steeply inside one group, so they are 1.7, 1.1, 0.7 and 0.5 times the group's rate (mean one).
    """
    found = table(facts, "demography/mortality_china.csv")
    found = found[(found["measure"] == "mx") & (found["period"] == "2020-2025") & (found["region_code"] == CHINA)]
    rows = []
    for letter, sex in SEX.items():
        mx = {int(str(age).rstrip("+")): float(value) for age, value in found[found["sex"] == letter][["age", "value"]].itertuples(index=False)}
        points = {4: 0.5 * mx[1]} | {start + 2: value for start, value in mx.items() if 5 <= start < 100} | {100: mx[100]}
        rates = [mx[0]] + [factor * mx[1] for factor in (1.7, 1.1, 0.7, 0.5)]
        for age in range(5, 101):
            below, above = max(a for a in points if a <= age), min(a for a in points if a >= age)
            part = 0.0 if below == above else (age - below) / (above - below)
            rates.append(math.exp((1 - part) * math.log(points[below]) + part * math.log(points[above])))
        rows += [(sex, age, f"{rate:.6g}", "C", "wpp2022", "组中值之间对数线性插值" if age > 4 else "") for age, rate in enumerate(rates)]
    write(out / "national" / "mortality.csv", "sex,age,mx,grade,source,note", rows)


def women_by_age(groups: dict[int, float]) -> dict[int, float]:
    """Women 15..49 by single age: the density of five-year groups joined by straight lines between their middles."""
    starts = sorted(groups)
    result = {}
    for age in range(15, 50):
        below = max((s for s in starts if s <= age - 2), default=starts[0])
        above = min((s for s in starts if s > age - 2), default=starts[-1])
        part = 0.0 if above == below else (age - 2 - below) / (above - below)
        result[age] = ((1 - part) * groups[below] + part * groups[above]) / 5
    return result


def fertility(facts: Path, out: Path) -> dict[str, dict[int, float]]:
    """Age pattern of births in towns and villages: births of the 2020 long form by mother's age over women of that age.

    Women by age and residence are not published, so both patterns are divided by all women of the age; scaled to the published TFR.
    """
    structure = table(facts, "demography/age_structure_2020.csv")
    china = structure[(structure["region_code"] == CHINA) & (structure["sex"] == "F")]
    women = women_by_age({int(start): float(n) for start, n in china[["age_start", "population"]].itertuples(index=False) if 10 <= start <= 50})
    births = table(facts, "demography/births_by_mother_age.csv")
    births = births[(births["census_year"] == CENSUS_YEAR) & (births["age_kind"] == "single")]
    shapes, rows = {}, []
    for residence, places, tfr in (("urban", ("city", "town"), 1.19), ("rural", ("village",), 1.543)):
        mine = births[births["residence"].isin(places)].groupby("mother_age")["women_with_birth_in_12_months"].sum()
        raw = {int(age): float(count) / women[int(age)] for age, count in mine.items()}
        total = sum(raw.values())
        shapes[residence] = {age: value / total for age, value in sorted(raw.items())}
        rows += [(residence, age, f"{tfr * share:.6f}", "C", "census2020", "长表出生数／同龄妇女，只用形状") for age, share in shapes[residence].items()]
    write(out / "national" / "fertility.csv", "residence,age,asfr,grade,source,note", rows)
    return shapes


def movers(out: Path) -> dict[int, float]:
    """Rogers and Castro's default schedule, the same for both sexes; returns it with its peak set to one."""
    rates = {age: 0.02 * math.exp(-0.1 * age) + 0.06 * math.exp(-0.1 * (age - 20) - math.exp(-0.4 * (age - 20))) + 0.003 for age in range(101)}
    rows = [
        (sex, age, f"{rate:.6f}", "D", "assumption", "Rogers–Castro默认参数（国际默认，未按中国数据估计），两性相同")
        for sex in SEX.values()
        for age, rate in rates.items()
    ]
    write(out / "national" / "mover_schedule.csv", "sex,age,rate,grade,source,note", rows)
    peak = max(rates.values())
    return {age: rate / peak for age, rate in rates.items()}
