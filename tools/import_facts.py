"""Write the tables of `assumptions/` that follow mechanically from a folder of gathered facts.

    python tools/import_facts.py FACTS_DIR [--out assumptions]

Reads the facts' CSVs (census, vital series, yearbooks, debt tables), writes national schedules and Liaoning's regional tables, checks that
they add up, and prints what a maintainer compares by eye. Tables that people decide (services, standards, parameters, indicators) are
edited by hand and not touched here. Every method that turns published figures into others is stated where it is applied and in the row.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

BASE_YEAR, LAST_YEAR = 2020, 2040
PROVINCE, CHINA = "210000", "100000"
RICH = ("210100", "210200")  # the two cities that gained people
SEX = {"M": "male", "F": "female"}
TAGS = {  # 规划点名的沈阳都市圈；辽西北三市；丹东为边境市；census 2020 少数民族人口超过四分之一
    "210100": "metropolitan", "210300": "metropolitan", "210400": "metropolitan;ethnic", "210500": "metropolitan;ethnic", "210600": "border;ethnic",
    "210700": "ethnic", "210900": "metropolitan;poor", "211000": "metropolitan", "211200": "metropolitan;poor", "211300": "poor;rural", "211400": "ethnic",
}
SHORT = {"210300": "Anshan", "210100": "Shenyang"}

# Assumptions of this importer, each repeated in the note of the rows it shapes.
SAME_PROVINCE_OUTSIDE_CITY = 0.4  # of those registered in another county of the province, the part registered in another city
RURAL_NON_LOCAL = 1 / 3  # rural share of residents without local registration, relative to the urban share
RECENT_FLOW = 0.8  # net migration between cities today, relative to the yearly mean of 2010-2020
GROSS_FLOW = 0.004  # residents of any city who leave for another city of the province in a year, whatever the net
EXTERNAL = -39_250  # persons a year: mean residual of the province 2021-2024 (-7.9, -11.5, +8.6, -4.9 万)
INTEREST_RATE = 0.0335  # Panjin 2024: 27.2 of 807.6; Chaoyang 2024: 5.36 of 160.9 (亿元, general debt)
FUNCTIONS_KNOWN = (("211100", 2023), ("211300", 2023))  # the two cities that publish all functions: Panjin (rich), Chaoyang (poor)
CATALOGUE_PART = {"education": 1.0, "social_security": 0.25, "health": 0.85, "housing": 0.09, "culture": 0.60}
BOND_PART = 0.15  # of the yearly rise of all debt 2018-2022, what the catalogue may use
OCCUPIED = {"childcare_places": 0.7, "nursing_care": 0.6, "basic_elder_care": 0.55, "day_care": 0.7, "disability_rehab": 0.85, "public_rental": 0.95}


def write(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    """Write one CSV; a row that is shorter than the header is filled with empty cells."""
    names = header.split(",")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(names)
        for row in rows:
            if len(row) > len(names):
                raise ValueError(f"{path.name}: {row} has more cells than {header}")
            out.writerow([*row, *[""] * (len(names) - len(row))])


def table(facts: Path, name: str) -> pd.DataFrame:
    """A facts table with region codes as text."""
    return pd.read_csv(facts / name, dtype={"region_code": str, "parent_code": str})


# --- national schedules ---------------------------------------------------------------------------------------------


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
        ages = sorted(points)
        for age in range(5, 101):
            below = max(a for a in ages if a <= age)
            above = min(a for a in ages if a >= age)
            part = 0.0 if below == above else (age - below) / (above - below)
            rates.append(math.exp((1 - part) * math.log(points[below]) + part * math.log(points[above])))
        rows += [(sex, age, f"{rate:.6g}", "C", "wpp2022", "组中值之间对数线性插值" if age > 4 else "") for age, rate in enumerate(rates)]
    write(out / "national" / "mortality.csv", "sex,age,mx,grade,source,note", rows)


def women_by_age(groups: dict[int, float]) -> dict[int, float]:
    """Women 15..49 by single age: the density of five-year groups joined by straight lines between their middles."""
    middles = sorted(groups)
    result = {}
    for age in range(15, 50):
        position = age - 2.0
        below = max((m for m in middles if m <= position), default=middles[0])
        above = min((m for m in middles if m > position), default=middles[-1])
        part = 0.0 if above == below else (position - below) / (above - below)
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
    births = births[(births["census_year"] == BASE_YEAR) & (births["age_kind"] == "single")]
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
    rows = [(sex, age, f"{rate:.6f}", "D", "assumption", "Rogers–Castro默认参数（国际默认，未按中国数据估计），两性相同") for sex in SEX.values() for age, rate in rates.items()]
    write(out / "national" / "mover_schedule.csv", "sex,age,rate,grade,source,note", rows)
    peak = max(rates.values())
    return {age: rate / peak for age, rate in rates.items()}


# --- Liaoning -------------------------------------------------------------------------------------------------------


def census(facts: Path) -> tuple[pd.DataFrame, dict[str, dict[str, dict[int, float]]]]:
    """Rows of the province's cities (official order) and persons by city, sex and first age of the group."""
    regions = table(facts, "demography/census2020_regions.csv")
    cities = regions[regions["parent_code"] == PROVINCE].sort_values("region_code").set_index("region_code")
    structure = table(facts, "demography/age_structure_2020.csv")
    persons: dict[str, dict[str, dict[int, float]]] = {}
    for code in [*cities.index, PROVINCE]:
        mine = structure[structure["region_code"] == code]
        persons[code] = {SEX[s]: {int(a): float(n) for a, n in part[["age_start", "population"]].itertuples(index=False)} for s, part in mine.groupby("sex")}
    return cities, persons


def people(cities: pd.DataFrame, persons: dict[str, dict[str, dict[int, float]]], out: Path) -> None:
    """regions, population, open_ages and residence of the pack."""
    home = out / "liaoning"
    rows: list[tuple[object, ...]] = [(PROVINCE, "辽宁省", "Liaoning", "辽宁", "Liaoning", "", "province", 3, "", "B", "census2020")]
    for code, city in cities.iterrows():
        zh = str(city["region_zh"])
        rows.append((code, zh, city["region_en"], zh.removesuffix("市"), city["region_en"], PROVINCE, "prefecture", 4 if code == "210200" else 3, TAGS.get(str(code), ""), "B", "census2020"))
    write(home / "regions.csv", "region,name_zh,name_en,short_zh,short_en,parent,level,tier,tags,grade,source", rows)
    rows = []
    for code in cities.index:
        for sex, groups in persons[code].items():
            starts = sorted(groups)
            rows += [(code, sex, start, starts[i + 1] - 1 if i + 1 < len(starts) else "", int(groups[start]), "B", "census2020") for i, start in enumerate(starts)]
    write(home / "population.csv", "region,sex,age_from,age_to,persons,grade,source", rows)
    old = {sex: sorted(a for a in groups if a >= 85) for sex, groups in persons[PROVINCE].items()}
    rows = [(sex, a, starts[i + 1] - 1 if i + 1 < len(starts) else "", int(persons[PROVINCE][sex][a]), "B", "census2020")
            for sex, starts in old.items() for i, a in enumerate(starts)]
    write(home / "open_ages.csv", "sex,age_from,age_to,persons,grade,source", rows)
    rows = []
    for code, city in cities.iterrows():
        urban, rural = float(city["urban_pop"]), float(city["rural_pop"])
        non_local = float(city["hukou_elsewhere_other_province"]) + SAME_PROVINCE_OUTSIDE_CITY * float(city["hukou_elsewhere_same_province"])
        share = non_local / (urban + RURAL_NON_LOCAL * rural)
        note = "（外省＋本省其他县×0.4）／（城镇人口＋乡村人口／3）；两个系数为假设"
        rows += [(code, "urban", "persons", int(urban), "人", "B", "census2020"), (code, "rural", "persons", int(rural), "人", "B", "census2020"),
                 (code, "urban", "non_local_share", f"{share:.4f}", "比例", "C", "census2020", note),
                 (code, "rural", "non_local_share", f"{share * RURAL_NON_LOCAL:.4f}", "比例", "C", "census2020", note)]
    write(home / "residence.csv", "region,residence,item,value,unit,grade,source,note", rows)


def non_local(city: pd.Series) -> float:
    """Share of urban residents registered outside the city; see `people`."""
    moved = float(city["hukou_elsewhere_other_province"]) + SAME_PROVINCE_OUTSIDE_CITY * float(city["hukou_elsewhere_same_province"])
    return moved / (float(city["urban_pop"]) + RURAL_NON_LOCAL * float(city["rural_pop"]))


def mean_schedule(groups: dict[str, dict[int, float]], schedule: dict[int, float]) -> float:
    """Mean of the movers' schedule (peak one) over the people of a city: who moves of a hundred at the peak's rate."""
    moved = sum(schedule[age] * ages(groups, age, age) for age in schedule)
    return moved / ages(groups, 0, 100)


def vital(facts: Path, cities: pd.DataFrame, persons: dict[str, dict[str, dict[int, float]]], schedule: dict[int, float], out: Path) -> dict[str, float]:
    """Relative fertility, migration and household size of each city; returns relative fertility.

    `leaving_rate` is the rate at the peak of the movers' schedule, as the cohort model uses it: the share of residents over the schedule's mean.
    """
    indirect = table(facts, "demography/fertility_indirect_2020.csv").set_index("region_code")["tfr_indirect_2020"]
    relative = {code: float(indirect[code]) / float(indirect[PROVINCE]) for code in cities.index}
    net = table(facts, "demography/net_migration_2010_2020_by_age_derived.csv").groupby("region_code")["net_migration_2010_20"].sum()
    yearly = {code: RECENT_FLOW * float(net[code]) / 10 for code in cities.index}
    lost = sum(-v for v in yearly.values() if v < 0)
    weight = {code: max(0.0, -v) / lost for code, v in yearly.items()}
    drift = sum(yearly.values())
    internal = {code: v - drift * weight[code] for code, v in yearly.items()}
    size = {code: float(cities.loc[code, "total"]) for code in cities.index}
    arrivals = {code: GROSS_FLOW * size[code] + max(0.0, internal[code]) for code in cities.index}
    total = sum(arrivals.values())
    rows: list[tuple[object, ...]] = []
    for code in cities.index:
        leaving = (GROSS_FLOW + max(0.0, -internal[code]) / size[code]) / mean_schedule(persons[code], schedule)
        rows += [
            (code, "tfr_relative", f"{relative[code]:.4f}", "倍", "C", "census2020", "间接标准化：0岁人口／（妇女×全国生育率），除以全省同法之值"),
            (code, "e0_difference", 0, "岁", "D", "assumption", "各市分性别预期寿命未见公布，取全省"),
            (code, "srb", 1.0715, "男/女", "B", "census2020", "全省2020年长表107.15"),
            (code, "external_net_migration", round(EXTERNAL * weight[code]), "人/年", "C", "ln-comm", "全省2021—2024年人口变动减自然增长年均－3.9万，按2010—2020年净流出分摊"),
            (code, "leaving_rate", f"{leaving:.5f}", "比例", "C", "census2020", "迁移年龄模式峰值处的比率：2010—2020年净迁移（普查存活比法）年均×0.8加各市0.4%对流（假设），除以模式均值"),
            (code, "destination_share", f"{arrivals[code] / total:.6f}", "比例", "C", "census2020", "同上，迁入量占全省迁入量之比"),
            (code, "household_size", cities.loc[code, "avg_household_size"], "人/户", "B", "census2020", ""),
        ]
    write(out / "liaoning" / "vital.csv", "region,item,value,unit,grade,source,note", rows)
    return relative


def observed(facts: Path, cities: pd.DataFrame, out: Path) -> None:
    """Year-end population, births and deaths published after the base year (province and cities), persons."""
    found = table(facts, "demography/vital_series.csv")
    names = {"resident_pop_yearend": "population", "births": "births", "deaths": "deaths"}
    wanted = found[(found["region_code"].isin([PROVINCE, *cities.index])) & (found["year"] > BASE_YEAR) & found["indicator"].isin(list(names))]
    rows = [(r.region_code, names[r.indicator], r.year, round(r.value * 10_000), "人", "B" if r.how_known == "read" else "C", "ln-comm",
             "" if r.how_known == "read" else "回忆数，待核") for r in wanted.sort_values(["region_code", "indicator", "year"]).itertuples()]
    write(out / "liaoning" / "observed.csv", "region,item,year,value,unit,grade,source,note", rows)


def budget(facts: Path, cities: pd.DataFrame, out: Path) -> pd.DataFrame:
    """fiscal.csv; returns per-city totals of the base year for the printed check.

    Spending of 2020 still held pension money that moved to the province in 2021 (cities' part of all spending falls from 84 to 76 %), so the
    smaller of the 2020 and 2021 totals is the comparable base. Functions other than education are published for Panjin and Chaoyang only.
    """
    series = table(facts, "fiscal/fiscal_series.csv")
    series = series[(series["preferred"] == 1) & series["region_code"].isin(list(cities.index))]
    value = {(r.region_code, r.measure, int(r.year)): float(r.value) for r in series.itertuples()}
    rows: list[tuple[object, ...]] = []
    summary = []
    for code in cities.index:
        def add(item: str, year: int, amount: float, grade: str, source: str, note: str = "", code: str = code) -> None:
            rows.append((code, item, year, round(amount, 4), "亿元", grade, source, note))

        for year in range(2020, 2025):
            add("own_revenue", year, value[code, "gpb_revenue", year], "B", "city-yearbook" if year < 2024 else "city-2024", "" if year < 2024 else "汇编与决算，部分为快报")
        spent = min(value[code, "gpb_expenditure", 2020], value[code, "gpb_expenditure", 2021])
        add("expenditure", BASE_YEAR, spent, "C", "city-yearbook", "取2020、2021年较小者：2021年起养老保险统筹上移，2020年不可比")
        bonds = value[code, "debt_balance_general", 2020] - value[code, "debt_balance_general", 2019]
        add("new_bonds", BASE_YEAR, max(0.0, bonds), "C", "debt-tables", "2020年一般债务余额比上年增加额")
        shares = function_shares(value, value[code, "gpb_revenue", 2020] / spent)
        parts = {"education": value[code, "exp_education", 2020]} | {name: share * spent for name, share in shares.items()}
        for name, amount in parts.items():
            note = "全市教育支出" if name == "education" else (
                f"支出总额×{shares[name]:.4f}（按自有收入占支出之比在盘锦、朝阳2023年功能占比之间插值）×目录部分{CATALOGUE_PART[name]}（假设）")
            add(name, BASE_YEAR, CATALOGUE_PART[name] * amount, "B" if name == "education" else "C", "city-yearbook" if name == "education" else "chaoyang2025", note)
        balance = {year: value[code, "debt_balance", year] for year in range(2018, 2026)}
        general = {year: value[code, "debt_balance_general", year] for year in range(2020, 2026)}
        growth = max((balance[2022] - balance[2018]) / 4, 0.02 * balance[2020])
        quota = BOND_PART * growth
        limit = {year: value[code, "debt_limit_general", year] + value[code, "debt_limit_special", year] for year in (2024, 2025)}
        add("debt_balance", BASE_YEAR, balance[2020], "B", "debt-tables", "一般债务与专项债务余额")
        for year in range(2020, LAST_YEAR + 1):
            known = min(year, 2025)
            add("debt_interest", year, INTEREST_RATE * general[known], "C", "debt-tables", "一般债务余额×3.35%（盘锦、朝阳2024年付息／余额）" + ("；2025年后不变" if year > 2025 else ""))
            if year < 2024:
                add("debt_limit", year, 1.01 * balance[year], "C", "debt-tables", "限额未见公布，取余额×1.01")
            elif year <= 2025:
                add("debt_limit", year, limit[year], "B", "debt-tables", "一般与专项限额合计")
            grown = 1.01 * balance[year] if year < 2024 else limit[known] * (1.0 if year <= 2025 else 1.03 ** (year - 2025))
            held = balance[year] if year <= 2025 else balance[2025] / limit[2025] * grown
            add("other_debt", year, held - quota * (year - BASE_YEAR) if year > BASE_YEAR else held, "D", "assumption", "债务余额（2025年后与限额同比增长）减去目录累计新增债券")
            add("bond_quota", year, quota, "D", "assumption", "2018—2022年债务年均增加额的15%")
        catalogue = sum(CATALOGUE_PART[name] * amount for name, amount in parts.items())
        summary.append((code, value[code, "gpb_revenue", 2020], spent, max(0.0, bonds), catalogue, INTEREST_RATE * general[2020], quota))
    write(out / "liaoning" / "fiscal.csv", "region,item,year,value,unit,grade,source,note", rows)
    return pd.DataFrame(summary, columns=["region", "own_revenue", "expenditure", "new_bonds", "catalogue", "interest", "bond_quota"]).set_index("region")


def function_shares(value: dict[tuple[str, str, int], float], own: float) -> dict[str, float]:
    """Shares of spending by function for a city whose own revenue pays the share `own` of its spending.

    On the straight line between Panjin's and Chaoyang's published shares, not beyond them: poorer cities spend more of it on relief and health.
    """
    (rich, poor) = ((value[code, "gpb_revenue", year] / value[code, "gpb_expenditure", year], code, year) for code, year in FUNCTIONS_KNOWN)
    part = min(1.0, max(0.0, (own - poor[0]) / (rich[0] - poor[0])))
    shares = {}
    for name in ("social_security", "health", "housing", "culture"):
        high, low = (value[code, f"exp_{name}", year] / value[code, "gpb_expenditure", year] for _, code, year in (rich, poor))
        shares[name] = part * high + (1 - part) * low
    return shares


def ages(groups: dict[str, dict[int, float]], first: int, last: int) -> float:
    """Persons aged first..last, both sexes, each five-year group spread evenly."""
    total = 0.0
    for by_age in groups.values():
        starts = sorted(by_age)
        for i, start in enumerate(starts):
            end = starts[i + 1] if i + 1 < len(starts) else 101
            inside = max(0, min(end, last + 1) - max(start, first))
            total += by_age[start] * inside / (end - start)
    return total


def supply(facts: Path, cities: pd.DataFrame, persons: dict[str, dict[str, dict[int, float]]], out: Path) -> None:
    """capacity.csv and coverage.csv: what there is at the end of the base year and whom it serves."""
    stock = table(facts, "fiscal/service_stock_2021.csv")
    stock = stock[stock["region_code"].isin(list(cities.index))].pivot_table(index="region_code", columns="measure", values="value", aggfunc="first").astype(float)
    beds = 235_500 * stock["nursing_home_beds"] / stock["nursing_home_beds"].sum()
    size = cities["total"].astype(float)
    doctors = 3.8e-3 * size.sum() * stock["doctors"] / stock["doctors"].sum()
    nurses = 3.35e-3 * size.sum() * stock["hospital_beds"] / stock["hospital_beds"].sum()
    capacity: list[tuple[object, ...]] = []
    coverage: list[tuple[object, ...]] = []
    for code, city in cities.iterrows():
        mine = persons[str(code)]
        change = float(city["change_2010_2020_pct"]) / 100
        slack = min(0.25, 0.05 + max(0.0, -change))
        local = 1 - non_local(city) * (1 + (RURAL_NON_LOCAL - 1) * float(city["rural_pop"]) / float(city["total"]))
        covered = local + 0.8 * (1 - local)
        adl = {(60, 69): 0.0055, (70, 79): 0.0108, (80, 100): 0.02395}
        need = {
            "childcare_places": 0.35 * ages(mine, 0, 2) * covered, "preschool": ages(mine, 3, 5) * covered, "compulsory_education": ages(mine, 6, 14) * covered,
            "senior_secondary": ages(mine, 15, 17) * covered, "nursing_care": sum(rate * ages(mine, *band) for band, rate in adl.items()) * covered,
            "basic_elder_care": (0.004 * ages(mine, 60, 69) + 0.010 * ages(mine, 70, 79) + 0.030 * ages(mine, 80, 100)) * covered,
            "day_care": (0.008 * ages(mine, 65, 79) + 0.025 * ages(mine, 80, 100)) * covered,
            "disability_rehab": (0.003 * ages(mine, 0, 14) + 0.002 * ages(mine, 15, 59) + 0.006 * ages(mine, 60, 100)) * local,
            "public_rental": 0.025 * float(city["urban_pop"]) / float(city["avg_household_size"]) * (1 - non_local(city)),
        }
        place = {"childcare_places": ("nursery_place", 0.002 * float(city["total"]), "C", "plan-liaoning", "规划：2020年每千人2个托位，各市按人口同率"),
                 "preschool": ("kindergarten_place", 0.886 * need["preschool"] * (1.05 + slack), "C", "derived", ""),
                 "compulsory_education": ("school_place", need["compulsory_education"] * (1 + slack), "C", "derived", ""),
                 "senior_secondary": ("senior_place", 0.971 * need["senior_secondary"] * (1.03 + slack / 2), "C", "derived", ""),
                 "nursing_care": ("nursing_bed", 0.308 * beds[code], "C", "city-stock", "2021年各市养老床位占比×规划23.55万张×护理型30.8%"),
                 "basic_elder_care": ("ordinary_bed", 0.692 * beds[code], "C", "city-stock", "同上×69.2%"),
                 "day_care": ("day_care_place", 0.4 * need["day_care"], "D", "assumption", "需求的四成"),
                 "disability_rehab": ("rehab_place", 0.85 * need["disability_rehab"], "D", "assumption", "需求的八成五"),
                 "public_rental": ("rental_flat", 0.97 * need["public_rental"], "D", "assumption", "应保障户的97%")}
        share = {"preschool": 0.886, "compulsory_education": 0.974, "senior_secondary": 0.971}
        for service, (resource, units, grade, source, note) in place.items():
            if source == "derived":
                note = f"学龄人口×入学率，加空余{slack:.0%}：5%＋2010—2020年人口减少幅度，上限25%（流出地学位更空）"
                source = "census2020"
            capacity.append((code, resource, round(units), "个", grade, source, note))
            if service not in share:
                coverage.append((service, code, "all", f"{min(0.95, OCCUPIED[service] * units / need[service]):.3f}", "C", "derived", f"能力×使用率{OCCUPIED[service]}／需求，上限0.95；使用率为假设"))
        people_here = float(city["total"])
        households = people_here / float(city["avg_household_size"])
        inside = dict((row[0], float(row[3])) for row in coverage if row[1] == code)
        workers = 1.05 * (0.2 * inside["nursing_care"] * need["nursing_care"] + inside["basic_elder_care"] * need["basic_elder_care"] / 15)
        capacity += [
            (code, "care_worker", round(workers), "人", "C", "staff", "在住老年人按5:1和15:1配备，加5%"),
            (code, "physician", round(doctors[code]), "人", "C", "city-stock", "2021年各市医师占比×全省每千人3.8名"),
            (code, "nurse", round(nurses[code]), "人", "C", "city-stock", "2021年各市医院床位占比×全省每千人3.35名"),
            (code, "culture_space", round(0.15 * 0.349 * people_here * 1.2), "平方米", "D", "assumption", "每人次0.15平方米，富余两成"),
            (code, "sports_area", round(2.11 * people_here), "平方米", "C", "plan-liaoning", "规划：2020年人均2.11平方米，各市按人口同率"),
            (code, "community_area", round(0.25 * households), "平方米", "D", "assumption", "每户0.25平方米，规划未列2020年数"),
        ]
        coverage += [("physicians", code, "all", f"{min(1.1, doctors[code] / people_here / 0.004):.3f}", "C", "city-stock", "每千人医师／4"),
                     ("nurses", code, "all", f"{min(1.1, nurses[code] / people_here / 0.0038):.3f}", "C", "city-stock", "每千人护士／3.8")]
    fixed = {"preschool": (0.886, "A", "3 | 学前教育毛入园率(%) | 88.6"), "compulsory_education": (0.974, "A", "4 | 九年义务教育巩固率(%) | 97.4"),
             "senior_secondary": (0.971, "A", "5 | 高中阶段教育毛入学率(%) | 97.1"), "medical_insurance_residents": (0.90, "A", "11 | 基本医疗保险参保率(%) | >90"),
             "disability_allowances": (0.95, "A", "18 | 困难残疾人生活补贴和重度残疾人护理补贴目标人群覆盖率(%) | >95"), "public_culture": (0.943, "C", "22 | 每万人接受公共文化设施服务次数(次) | 3490"),
             "sports_space": (0.81, "C", "23 | 人均体育场地面积(平方米) | 2.11"), "community_space": (0.80, "D", ""), "veteran_training": (0.85, "D", "")}
    coverage += [(s, "*", "all", v, g, "assumption" if g == "D" else "plan-liaoning", "", quote) for s, (v, g, quote) in fixed.items()]
    write(out / "liaoning" / "capacity.csv", "region,resource,value,unit,grade,source,note", capacity)
    write(out / "liaoning" / "coverage.csv", "service,region,residence,value,grade,source,note,quote", coverage)


# --- checks ---------------------------------------------------------------------------------------------------------


def check(cities: pd.DataFrame, persons: dict[str, dict[str, dict[int, float]]], money: pd.DataFrame) -> None:
    """Stop where the cities do not add up to the province, ages leave a gap, or a budget leaves no room for the catalogue."""
    problems = []
    for sex, province in persons[PROVINCE].items():
        for start, count in province.items():
            if start < 85:
                found = sum(persons[code][sex][start] for code in cities.index)
                if found != count:
                    problems.append(f"{sex} {start}: cities {found:.0f}, province {count:.0f}")
        old = sum(count for start, count in province.items() if start >= 85)
        found = sum(persons[code][sex][85] for code in cities.index)
        if found != old:
            problems.append(f"{sex} 85+: cities {found:.0f}, province {old:.0f}")
    expected = [0, 1, *range(5, 86, 5)]
    problems += [f"{code} {sex}: ages {sorted(groups)}" for code in cities.index for sex, groups in persons[code].items() if sorted(groups) != expected]
    for code, city in cities.iterrows():
        total = sum(sum(groups.values()) for groups in persons[str(code)].values())
        if total != city["total"] or city["urban_pop"] + city["rural_pop"] != city["total"]:
            problems.append(f"{code}: ages {total:.0f}, total {city['total']:.0f}, towns and villages {city['urban_pop'] + city['rural_pop']:.0f}")
    for code, row in money.iterrows():
        grants = row["expenditure"] - row["own_revenue"] - row["new_bonds"]
        if grants <= 0 or row["catalogue"] + row["interest"] >= row["expenditure"]:
            problems.append(f"{code}: transfers {grants:.1f}, catalogue {row['catalogue']:.1f}, interest {row['interest']:.1f}, expenditure {row['expenditure']:.1f}")
    if problems:
        raise SystemExit("\n".join(problems))


def implied_tfr(facts: Path, cities: pd.DataFrame, persons: dict[str, dict[str, dict[int, float]]], relative: dict[str, float], shapes: dict[str, dict[int, float]]) -> str:
    """TFR that gives the published births of 2021.. with the women of the census grown older (no deaths, no moves): a guide for parameters.yaml."""
    found = table(facts, "demography/vital_series.csv")
    births = found[(found["region_code"] == PROVINCE) & (found["indicator"] == "births") & (found["year"] > BASE_YEAR)].set_index("year")["value"]
    shape = {age: 0.76 * shapes["urban"][age] + 0.24 * shapes["rural"][age] for age in shapes["urban"]}
    texts = []
    for year, count in births.items():
        exposed = 0.0
        for code in cities.index:
            women = persons[code]["female"]
            for age, share in shape.items():
                then = age - (int(year) - BASE_YEAR) + 0.5
                start = 5 * int(then // 5) if then >= 5 else (1 if then >= 1 else 0)
                exposed += relative[code] * share * women[start] / 5
        texts.append(f"{year}: {count * 10_000 / exposed:.3f}")
    return ", ".join(texts)


def main() -> None:
    """Read the facts folder, write the tables, check them and print the totals that a maintainer looks at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path, help="folder with demography/, fiscal/ ... as CSV")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "assumptions", help="the assumptions folder")
    chosen = parser.parse_args()
    facts, out = chosen.facts, chosen.out
    mortality(facts, out)
    shapes = fertility(facts, out)
    schedule = movers(out)
    cities, persons = census(facts)
    people(cities, persons, out)
    relative = vital(facts, cities, persons, schedule, out)
    observed(facts, cities, out)
    money = budget(facts, cities, out)
    supply(facts, cities, persons, out)
    check(cities, persons, money)
    money["grants"] = money["expenditure"] - money["own_revenue"] - money["new_bonds"]
    money["catalogue_of_expenditure"] = money["catalogue"] / money["expenditure"]
    print(money.round(3).to_string())
    print(money.sum().round(1).to_string())
    print("TFR that gives the published births:", implied_tfr(facts, cities, persons, relative, shapes))


if __name__ == "__main__":
    main()
