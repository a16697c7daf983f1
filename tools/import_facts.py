"""Write the tables of `assumptions/` that follow mechanically from a folder of gathered facts.

    python tools/import_facts.py FACTS_DIR [--out assumptions]

Reads the facts' CSVs (census, vital series, yearbooks, debt tables), writes national schedules and Liaoning's regional tables, checks that
they add up, and prints what a maintainer compares by eye. Tables that people decide (services, needs, standards, parameters, indicators) are
edited by hand and not touched here; where a stock is derived from a need, the need is read from them. The method behind a derived figure
stands in the docstring of the function that applies it and in the note of the row. docs/assumptions-notes.md tells the whole story.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import yaml

BASE_YEAR, LAST_YEAR = 2020, 2040
PROVINCE, CHINA, DALIAN = "210000", "100000", "210200"
SEX = {"M": "male", "F": "female"}
TAGS = {  # metropolitan: the cities that the plan names beside Shenyang; poor: north-west Liaoning; ethnic: minorities above a quarter of the census population
    "210100": "metropolitan",
    "210300": "metropolitan",
    "210400": "metropolitan;ethnic",
    "210500": "metropolitan;ethnic",
    "210600": "border;ethnic",
    "210700": "ethnic",
    "210900": "metropolitan;poor",
    "211000": "metropolitan",
    "211200": "metropolitan;poor",
    "211300": "poor;rural",
    "211400": "ethnic",
}

# Assumptions of this importer; each is repeated in the note of the rows it shapes.
SAME_PROVINCE_OUTSIDE_CITY = 0.4  # of those registered in another county of the province, the part registered in another city
RURAL_NON_LOCAL = 1 / 3  # rural share of residents without local registration, relative to the urban share
RECENT_FLOW = 0.8  # net migration between cities today, relative to the yearly mean of 2010-2020
GROSS_FLOW = 0.004  # residents of any city who leave for another city of the province in a year, whatever the net
EXTERNAL = -39_250  # persons a year: mean residual of the province 2021-2024 (-7.9, -11.5, +8.6, -4.9 in 10,000)
TRANSFER_STEP = 0.01  # comparable transfers of all cities, 2021 against 2020: with it own revenue and transfers grow by 3 %, later by 4 to 5 %
INTEREST_RATE = 0.0335  # of general debt; Panjin 2024: 27.2 of 807.6, Chaoyang 2024: 5.36 of 160.9 (100 million yuan)
FUNCTIONS_KNOWN = (("211100", 2023), ("211300", 2023))  # the two cities that publish all functions: Panjin (rich), Chaoyang (poor)
# what the catalogue's services are of each budget function
CATALOGUE_PART = {"education": 1.0, "social_security": 0.25, "health": 0.85, "housing": 0.09, "culture": 0.60}
LIMIT_OVER_BALANCE = 1.01  # debt limit before it was published by city, relative to the balance
LIMIT_GROWTH = 0.03  # of debt outside the catalogue after the last published year, as parameters.yaml has it for the limit
SLACK, MOST_SLACK = 0.06, 0.25  # empty school places where nobody left, and at most
BOND_PART, LEAST_RISE = 0.15, 0.02  # of the yearly rise of all debt 2018-2022 (at least 2 % of it), what the catalogue may use
OCCUPIED = {"childcare_places": 0.7, "nursing_care": 0.6, "basic_elder_care": 0.55, "day_care": 0.7, "disability_rehab": 0.85, "public_rental": 0.95}
BUILT = {"day_care": 0.40, "disability_rehab": 0.85, "public_rental": 0.97}  # places, as a share of the need, where no stock is published
BEDS, NURSING_SHARE = 235_500, 0.308  # the plan's table, end of 2020
PER_1000 = {"physician": 3.8, "nurse": 3.35, "nursery_place": 2.0}  # the plan's table
ENROLLED = {"preschool": 0.886, "compulsory_education": 0.974, "senior_secondary": 0.971}  # the plan's table

NOTES = {
    "mortality": "组中值之间对数线性插值",
    "fertility": "长表出生数／同龄妇女，只用形状",
    "movers": "Rogers–Castro默认参数（国际默认，未按中国数据估计），两性相同",
    "non_local": "（外省＋本省其他县×0.4）／（城镇人口＋乡村人口／3）；两个系数为假设",
    "tfr": "间接标准化：0岁人口／（妇女×全国生育率），除以全省同法之值",
    "e0": "各市分性别预期寿命未见公布，取全省",
    "srb": "全省2020年长表107.15",
    "external": "全省2021—2024年人口变动减自然增长年均－3.9万，按2010—2020年净流出分摊",
    "leaving": "迁移年龄模式峰值处的比率：2010—2020年净迁移（普查存活比法）年均×0.8加各市0.4%对流（假设），除以模式均值",
    "destination": "同上，迁入量占全省迁入量之比",
    "recalled": "回忆数，待核",
    "revenue_2024": "汇编与决算，部分为快报",
    "bonds": "2020年一般债务余额比上年增加额",
    "expenditure": "可比口径＝2020年收入＋债券＋转移支付；公布数{published:.1f}亿元含2021年起上移的养老统筹，转移支付按2021—2024年各市差额占比分摊",
    "education": "全市教育支出",
    "function": "支出总额×{share:.4f}（按自有收入占支出之比在盘锦、朝阳2023年功能占比之间插值）×目录部分{part}（假设）",
    "balance": "一般债务与专项债务余额",
    "interest": "一般债务余额×3.35%（盘锦、朝阳2024年付息／余额）；2025年后余额不变",
    "limit_before": "限额未见公布，取余额×1.01",
    "limit": "一般与专项限额合计",
    "other_debt": "债务余额（2025年后每年增长3%）减去目录累计新增债券",
    "quota": "2018—2022年债务年均增加额的15%",
    "per_1000": "规划：2020年每千人{value}，各市按人口同率",
    "school": "学龄人口×入学率，加空余{slack:.0%}：6%＋2010—2020年人口减少幅度，上限25%（流出地学位更空）",
    "beds": "2021年各市养老床位占比×规划23.55万张×{share:.1%}",
    "built": "未见公布，取需求的{share:.0%}",
    "occupied": "能力×使用率{share}／需求，上限0.95；使用率为假设",
    "workers": "在住老年人按人员配备系数折算，加5%",
    "physician": "2021年各市医师占比×全省每千人3.8名",
    "nurse": "2021年各市医院床位占比×全省每千人3.35名",
    "visits": "每人次所需面积×2020年人次，富余两成",
    "sports": "规划：2020年人均2.11平方米，各市按人口同率",
    "community": "每户0.25平方米，规划未列2020年数",
    "staff_cover": "每千人数／规划目标",
}
PLAN_COVERAGE = (  # service, share, grade, the row of the plan's table
    ("preschool", 0.886, "A", "3 | 学前教育毛入园率(%) | 88.6"),
    ("compulsory_education", 0.974, "A", "4 | 九年义务教育巩固率(%) | 97.4"),
    ("senior_secondary", 0.971, "A", "5 | 高中阶段教育毛入学率(%) | 97.1"),
    ("medical_insurance_residents", 0.90, "A", "11 | 基本医疗保险参保率(%) | >90"),
    ("disability_allowances", 0.95, "A", "18 | 困难残疾人生活补贴和重度残疾人护理补贴目标人群覆盖率(%) | >95"),
    ("public_culture", 0.943, "C", "22 | 每万人接受公共文化设施服务次数(次) | 3490"),
    ("sports_space", 0.81, "C", "23 | 人均体育场地面积(平方米) | 2.11"),
    ("community_space", 0.80, "D", ""),
    ("veteran_training", 0.85, "D", ""),
)

Groups = dict[str, dict[int, float]]  # sex -> first age of the group -> persons


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
        for age in range(5, 101):
            below, above = max(a for a in points if a <= age), min(a for a in points if a >= age)
            part = 0.0 if below == above else (age - below) / (above - below)
            rates.append(math.exp((1 - part) * math.log(points[below]) + part * math.log(points[above])))
        rows += [(sex, age, f"{rate:.6g}", "C", "wpp2022", NOTES["mortality"] if age > 4 else "") for age, rate in enumerate(rates)]
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
    births = births[(births["census_year"] == BASE_YEAR) & (births["age_kind"] == "single")]
    shapes, rows = {}, []
    for residence, places, tfr in (("urban", ("city", "town"), 1.19), ("rural", ("village",), 1.543)):
        mine = births[births["residence"].isin(places)].groupby("mother_age")["women_with_birth_in_12_months"].sum()
        raw = {int(age): float(count) / women[int(age)] for age, count in mine.items()}
        total = sum(raw.values())
        shapes[residence] = {age: value / total for age, value in sorted(raw.items())}
        rows += [(residence, age, f"{tfr * share:.6f}", "C", "census2020", NOTES["fertility"]) for age, share in shapes[residence].items()]
    write(out / "national" / "fertility.csv", "residence,age,asfr,grade,source,note", rows)
    return shapes


def movers(out: Path) -> dict[int, float]:
    """Rogers and Castro's default schedule, the same for both sexes; returns it with its peak set to one."""
    rates = {age: 0.02 * math.exp(-0.1 * age) + 0.06 * math.exp(-0.1 * (age - 20) - math.exp(-0.4 * (age - 20))) + 0.003 for age in range(101)}
    rows = [(sex, age, f"{rate:.6f}", "D", "assumption", NOTES["movers"]) for sex in SEX.values() for age, rate in rates.items()]
    write(out / "national" / "mover_schedule.csv", "sex,age,rate,grade,source,note", rows)
    peak = max(rates.values())
    return {age: rate / peak for age, rate in rates.items()}


# --- Liaoning: people -----------------------------------------------------------------------------------------------


def census(facts: Path) -> tuple[pd.DataFrame, dict[str, Groups]]:
    """Rows of the province's cities (official order) and persons by city, sex and first age of the group; the province's own beside them."""
    regions = table(facts, "demography/census2020_regions.csv")
    cities = regions[regions["parent_code"] == PROVINCE].sort_values("region_code").set_index("region_code")
    structure = table(facts, "demography/age_structure_2020.csv")
    persons: dict[str, Groups] = {}
    for code in [*cities.index, PROVINCE]:
        mine = structure[structure["region_code"] == code]
        for letter, sex in SEX.items():
            part = mine[mine["sex"] == letter][["age_start", "population"]]
            persons.setdefault(code, {})[sex] = {int(a): float(n) for a, n in part.itertuples(index=False)}
    return cities, persons


def ages(groups: Groups, first: int, last: int, sexes: Iterable[str] = tuple(SEX.values())) -> float:
    """Persons aged first..last, each group spread evenly."""
    total = 0.0
    for sex in sexes:
        starts = sorted(groups[sex])
        for i, start in enumerate(starts):
            end = starts[i + 1] if i + 1 < len(starts) else 101
            total += groups[sex][start] * max(0, min(end, last + 1) - max(start, first)) / (end - start)
    return total


def spans(groups: dict[int, float], first: int = 0) -> list[tuple[int, int | str, int]]:
    """(age_from, age_to, persons) from `first` up; the last group is open."""
    starts = [start for start in sorted(groups) if start >= first]
    return [(start, starts[i + 1] - 1 if i + 1 < len(starts) else "", int(groups[start])) for i, start in enumerate(starts)]


def non_local(city: pd.Series) -> tuple[float, float]:
    """Shares of urban and of rural residents registered outside the city.

    The census counts moves over a county border, also inside a city; a stated part of those within the province came from another city.
    """
    moved = float(city["hukou_elsewhere_other_province"]) + SAME_PROVINCE_OUTSIDE_CITY * float(city["hukou_elsewhere_same_province"])
    urban = moved / (float(city["urban_pop"]) + RURAL_NON_LOCAL * float(city["rural_pop"]))
    return urban, urban * RURAL_NON_LOCAL


def people(cities: pd.DataFrame, persons: dict[str, Groups], home: Path) -> None:
    """regions, population, open_ages and residence of the pack."""
    seen = ("B", "census2020")
    rows: list[tuple[object, ...]] = [(PROVINCE, "辽宁省", "Liaoning", "辽宁", "Liaoning", "", "province", 3, "", *seen)]
    for code, city in cities.iterrows():
        zh, en = str(city["region_zh"]), str(city["region_en"])
        tier = 4 if code == DALIAN else 3
        rows.append((code, zh, en, zh.removesuffix("市"), en, PROVINCE, "prefecture", tier, TAGS.get(str(code), ""), *seen))
    write(home / "regions.csv", "region,name_zh,name_en,short_zh,short_en,parent,level,tier,tags,grade,source", rows)
    rows = [(code, sex, *span, *seen) for code in cities.index for sex, groups in persons[code].items() for span in spans(groups)]
    write(home / "population.csv", "region,sex,age_from,age_to,persons,grade,source", rows)
    rows = [(sex, *span, *seen) for sex, groups in persons[PROVINCE].items() for span in spans(groups, 85)]
    write(home / "open_ages.csv", "sex,age_from,age_to,persons,grade,source", rows)
    rows = []
    for code, city in cities.iterrows():
        rows += [(code, residence, "persons", int(city[f"{residence}_pop"]), "人", *seen) for residence in ("urban", "rural")]
        rows += [
            (code, residence, "non_local_share", f"{share:.4f}", "比例", "C", "census2020", NOTES["non_local"])
            for residence, share in zip(("urban", "rural"), non_local(city), strict=True)
        ]
    write(home / "residence.csv", "region,residence,item,value,unit,grade,source,note", rows)


def mean_schedule(groups: Groups, schedule: dict[int, float]) -> float:
    """Mean of the movers' schedule (peak one) over the people of a city: who moves of a hundred at the peak's rate."""
    return sum(rate * ages(groups, age, age) for age, rate in schedule.items()) / ages(groups, 0, 100)


def vital(facts: Path, cities: pd.DataFrame, persons: dict[str, Groups], schedule: dict[int, float], home: Path) -> dict[str, float]:
    """Relative fertility, migration and household size of each city; returns relative fertility.

    Net migration 2010-2020 (census survival ratios) is split into an external part, borne by the cities that lost people, and moves between
    cities. `leaving_rate` is the rate at the peak of the movers' schedule, as the cohort model uses it: the share of residents over the schedule's mean.
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
            (code, "tfr_relative", f"{relative[code]:.4f}", "倍", "C", "census2020", NOTES["tfr"]),
            (code, "e0_difference", 0, "岁", "D", "assumption", NOTES["e0"]),
            (code, "srb", 1.0715, "男/女", "B", "census2020", NOTES["srb"]),
            (code, "external_net_migration", round(EXTERNAL * weight[code]), "人/年", "C", "ln-comm", NOTES["external"]),
            (code, "leaving_rate", f"{leaving:.5f}", "比例", "C", "census2020", NOTES["leaving"]),
            (code, "destination_share", f"{arrivals[code] / total:.6f}", "比例", "C", "census2020", NOTES["destination"]),
            (code, "household_size", cities.loc[code, "avg_household_size"], "人/户", "B", "census2020", ""),
        ]
    write(home / "vital.csv", "region,item,value,unit,grade,source,note", rows)
    return relative


def observed(facts: Path, cities: pd.DataFrame, home: Path) -> None:
    """Year-end population, births and deaths published after the base year (province and cities), persons."""
    found = table(facts, "demography/vital_series.csv")
    names = {"resident_pop_yearend": "population", "births": "births", "deaths": "deaths"}
    wanted = found[(found["region_code"].isin([PROVINCE, *cities.index])) & (found["year"] > BASE_YEAR) & found["indicator"].isin(list(names))]
    rows = []
    for r in wanted.sort_values(["region_code", "indicator", "year"]).itertuples():
        marks = ("B", "ln-comm", "") if r.how_known == "read" else ("C", "ln-comm", NOTES["recalled"])
        rows.append((r.region_code, names[str(r.indicator)], r.year, round(float(r.value) * 10_000), "人", *marks))
    write(home / "observed.csv", "region,item,year,value,unit,grade,source,note", rows)


# --- Liaoning: money ------------------------------------------------------------------------------------------------

Series = dict[tuple[str, str, int], float]  # region, measure, year -> 100 million yuan


def function_shares(value: Series, own: float) -> dict[str, float]:
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


def base_grants(value: Series, codes: Sequence[str], bonds: dict[str, float]) -> dict[str, float]:
    """Comparable transfers of the base year by city.

    Spending of 2020 still held pension money that moved to the province in 2021 (the cities' part of all spending falls from 84 to 76 %), and the
    tax refunds of 2022 were paid back as transfers. So all cities together received what the identity gives for 2021, over 1 + TRANSFER_STEP, and
    each city's part of it is its part of the transfers of 2021-2024.
    """
    received = {code: [value[code, "gpb_expenditure", y] - value[code, "gpb_revenue", y] - bonds[code] for y in range(2021, 2025)] for code in codes}
    path = [sum(found[i] for found in received.values()) for i in range(4)]
    path.insert(0, path[0] / (1 + TRANSFER_STEP))
    print("fiscal.transfer_growth 2021..2024:", ", ".join(f"{later / earlier - 1:.3f}" for earlier, later in zip(path, path[1:], strict=False)))
    return {code: path[0] * sum(found) / sum(path[1:]) for code, found in received.items()}


def debt(value: Series, code: str) -> tuple[float, list[tuple[object, ...]]]:
    """Yearly bonds open to the catalogue, and the rows of the debt items of one city."""
    balance = {year: value[code, "debt_balance", year] for year in range(2018, 2026)}
    limit = {year: value[code, "debt_limit_general", year] + value[code, "debt_limit_special", year] for year in (2024, 2025)}
    quota = BOND_PART * max((balance[2022] - balance[2018]) / 4, LEAST_RISE * balance[BASE_YEAR])
    rows: list[tuple[object, ...]] = [("debt_balance", BASE_YEAR, balance[BASE_YEAR], "B", "debt-tables", NOTES["balance"])]
    for year in range(BASE_YEAR, LAST_YEAR + 1):
        known = min(year, 2025)
        rows.append(("debt_interest", year, INTEREST_RATE * value[code, "debt_balance_general", known], "C", "debt-tables", NOTES["interest"]))
        if year in limit:
            rows.append(("debt_limit", year, limit[year], "B", "debt-tables", NOTES["limit"]))
        elif year < min(limit):
            rows.append(("debt_limit", year, LIMIT_OVER_BALANCE * balance[year], "C", "debt-tables", NOTES["limit_before"]))
        held = balance[known] * (1 + LIMIT_GROWTH) ** (year - known)
        rows.append(("other_debt", year, held - quota * (year - BASE_YEAR), "D", "assumption", NOTES["other_debt"]))
        rows.append(("bond_quota", year, quota, "D", "assumption", NOTES["quota"]))
    return quota, rows


def budget(facts: Path, cities: pd.DataFrame, home: Path) -> pd.DataFrame:
    """fiscal.csv; returns the base year by city (100 million yuan) for the printed check."""
    series = table(facts, "fiscal/fiscal_series.csv")
    series = series[(series["preferred"] == 1) & series["region_code"].isin(list(cities.index))]
    value: Series = {(str(r.region_code), str(r.measure), int(r.year)): float(r.value) for r in series.itertuples()}
    codes = list(cities.index)
    bonds = {code: max(0.0, value[code, "debt_balance_general", BASE_YEAR] - value[code, "debt_balance_general", BASE_YEAR - 1]) for code in codes}
    grants = base_grants(value, codes, bonds)
    rows: list[tuple[object, ...]] = []
    summary = []
    for code in codes:
        own = value[code, "gpb_revenue", BASE_YEAR]
        spent = own + bonds[code] + grants[code]
        found: list[tuple[object, ...]] = []
        for year in range(BASE_YEAR, 2025):
            marks = ("city-2024", NOTES["revenue_2024"]) if year == 2024 else ("city-yearbook", "")
            found.append(("own_revenue", year, value[code, "gpb_revenue", year], "B", *marks))
        note = NOTES["expenditure"].format(published=value[code, "gpb_expenditure", BASE_YEAR])
        found.append(("expenditure", BASE_YEAR, spent, "C", "city-yearbook", note))
        found.append(("new_bonds", BASE_YEAR, bonds[code], "C", "debt-tables", NOTES["bonds"]))
        parts = {"education": value[code, "exp_education", BASE_YEAR]}
        found.append(("education", BASE_YEAR, parts["education"], "B", "city-yearbook", NOTES["education"]))
        for name, share in function_shares(value, own / spent).items():
            parts[name] = CATALOGUE_PART[name] * share * spent
            found.append((name, BASE_YEAR, parts[name], "C", "chaoyang2025", NOTES["function"].format(share=share, part=CATALOGUE_PART[name])))
        quota, owed = debt(value, code)
        rows += [(code, item, year, f"{amount:.4f}", "亿元", *marks) for item, year, amount, *marks in [*found, *owed]]
        interest = INTEREST_RATE * value[code, "debt_balance_general", BASE_YEAR]
        summary.append((code, own, spent, bonds[code], grants[code], sum(parts.values()), interest, quota))
    write(home / "fiscal.csv", "region,item,year,value,unit,grade,source,note", rows)
    columns = ["region", "own_revenue", "expenditure", "new_bonds", "grants", "catalogue", "interest", "bond_quota"]
    return pd.DataFrame(summary, columns=columns).set_index("region")


# --- Liaoning: places and staff -------------------------------------------------------------------------------------


def merged(out: Path, name: str, key: Sequence[str]) -> pd.DataFrame:
    """A hand-made table of national with the pack's rows on top."""
    parts = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in (out / "national" / name, out / "liaoning" / name) if path.is_file()]
    return pd.concat(parts).drop_duplicates(list(key), keep="last")


def needs(out: Path, city: pd.Series, groups: Groups) -> dict[str, float]:
    """Clients of a city by service for drivers population and households, as the model will count them (age groups spread evenly, towns like villages)."""
    services = merged(out, "services.csv", ["service"]).set_index("service")
    resident_coverage = float(yaml.safe_load((out / "national" / "parameters.yaml").read_text(encoding="utf-8"))["demand.resident_coverage"]["value"])
    found: dict[str, float] = {}
    for row in merged(out, "needs.csv", ["service", "residence", "sex", "age_from"]).itertuples():
        service = services.loc[str(row.service)]
        for residence, outside in zip(("urban", "rural"), non_local(city), strict=True):
            if row.residence not in ("all", residence):
                continue
            share = float(city[f"{residence}_pop"]) / float(city["total"])
            if service["driver"] == "population":
                sexes = tuple(SEX.values()) if row.sex == "all" else (str(row.sex),)
                units = ages(groups, int(row.age_from), int(row.age_to or 100), sexes)
            else:
                units = float(city["total"]) / float(city["avg_household_size"])
            entitled = {"hukou": 1 - outside, "resident": 1 - outside * (1 - resident_coverage), "served": 1.0}[str(service["basis"])]
            found[str(row.service)] = found.get(str(row.service), 0.0) + share * units * float(row.rate) * entitled
    return found


def supply(facts: Path, cities: pd.DataFrame, persons: dict[str, Groups], out: Path) -> None:
    """capacity.csv and coverage.csv: what there is at the end of the base year and whom it serves.

    Stocks published for 2021 give each city's part of the plan's provincial figure of 2020; where nothing is published, a stated share of the need.
    """
    stock = table(facts, "fiscal/service_stock_2021.csv")
    stock = stock[stock["region_code"].isin(list(cities.index))].pivot_table(index="region_code", columns="measure", values="value", aggfunc="first")
    part = stock.astype(float) / stock.astype(float).sum()
    thousands = cities["total"].astype(float).sum() / 1000
    units = {(str(r.service), str(r.resource)): float(r.units_per_client) for r in merged(out, "requires.csv", ["service", "resource"]).itertuples()}
    capacity: list[tuple[object, ...]] = []
    coverage: list[tuple[object, ...]] = []
    for code, city in cities.iterrows():
        need = needs(out, city, persons[str(code)])
        residents = float(city["total"])
        slack = min(MOST_SLACK, SLACK + max(0.0, -float(city["change_2010_2020_pct"]) / 100))
        school = ("C", "census2020", NOTES["school"].format(slack=slack))
        beds = BEDS * part.loc[code, "nursing_home_beds"]
        places: dict[str, tuple[str, float, tuple[str, str, str]]] = {
            "preschool": ("kindergarten_place", ENROLLED["preschool"] * need["preschool"] * (1.05 + slack), school),
            "compulsory_education": ("school_place", need["compulsory_education"] * (1 + slack), school),
            "senior_secondary": ("senior_place", ENROLLED["senior_secondary"] * need["senior_secondary"] * (1.03 + slack / 2), school),
            "childcare_places": ("nursery_place", PER_1000["nursery_place"] * residents / 1000, ("C", "plan-liaoning", NOTES["per_1000"].format(value=2))),
            "nursing_care": ("nursing_bed", NURSING_SHARE * beds, ("C", "city-stock", NOTES["beds"].format(share=NURSING_SHARE))),
            "basic_elder_care": ("ordinary_bed", (1 - NURSING_SHARE) * beds, ("C", "city-stock", NOTES["beds"].format(share=1 - NURSING_SHARE))),
        }
        for service, resource in (("day_care", "day_care_place"), ("disability_rehab", "rehab_place"), ("public_rental", "rental_flat")):
            places[service] = (resource, BUILT[service] * need[service], ("D", "assumption", NOTES["built"].format(share=BUILT[service])))
        workers = 0.0
        for service, (resource, count, marks) in places.items():
            capacity.append((code, resource, round(count), "个", *marks))
            if service in OCCUPIED:
                share = round(min(0.95, OCCUPIED[service] * count / need[service]), 3)
                coverage.append((service, code, "all", share, "C", "derived", NOTES["occupied"].format(share=OCCUPIED[service])))
                workers += 1.05 * units.get((service, "care_worker"), 0.0) * share * need[service]
        shown_by = {"physician": "doctors", "nurse": "hospital_beds"}
        staff = {resource: PER_1000[resource] * thousands * part.loc[code, column] for resource, column in shown_by.items()}
        visits = next(share for service, share, _, _ in PLAN_COVERAGE if service == "public_culture") * need["public_culture"]
        capacity += [
            (code, "care_worker", round(workers), "人", "C", "staff", NOTES["workers"]),
            *((code, resource, round(count), "人", "C", "city-stock", NOTES[resource]) for resource, count in staff.items()),
            (code, "culture_space", round(1.2 * units["public_culture", "culture_space"] * visits), "平方米", "D", "assumption", NOTES["visits"]),
            (code, "sports_area", round(2.11 * residents), "平方米", "C", "plan-liaoning", NOTES["sports"]),
            (code, "community_area", round(0.25 * residents / float(city["avg_household_size"])), "平方米", "D", "assumption", NOTES["community"]),
        ]
        for service, resource in (("physicians", "physician"), ("nurses", "nurse")):
            share = staff[resource] / residents / units[service, resource]
            coverage.append((service, code, "all", f"{min(1.1, share):.3f}", "C", "city-stock", NOTES["staff_cover"]))
    for service, share, grade, quote in PLAN_COVERAGE:
        coverage.append((service, "*", "all", share, grade, "assumption" if grade == "D" else "plan-liaoning", "", quote))
    write(out / "liaoning" / "capacity.csv", "region,resource,value,unit,grade,source,note", capacity)
    write(out / "liaoning" / "coverage.csv", "service,region,residence,value,grade,source,note,quote", coverage)


# --- checks ---------------------------------------------------------------------------------------------------------


def check(cities: pd.DataFrame, persons: dict[str, Groups], money: pd.DataFrame) -> None:
    """Stop where the cities do not add up to the province, ages leave a gap, or a budget leaves no room for the catalogue."""
    problems = []
    for sex, province in persons[PROVINCE].items():
        for start in [s for s in province if s < 85] + [85]:
            published = sum(n for s, n in province.items() if s >= 85) if start == 85 else province[start]
            found = sum(persons[code][sex][start] for code in cities.index)
            if found != published:
                problems.append(f"{sex} from {start}: cities {found:.0f}, province {published:.0f}")
    expected = [0, 1, *range(5, 86, 5)]
    problems += [f"{code} {sex}: ages {sorted(groups)}" for code in cities.index for sex, groups in persons[code].items() if sorted(groups) != expected]
    for code, city in cities.iterrows():
        total = sum(sum(groups.values()) for groups in persons[str(code)].values())
        if total != city["total"] or city["urban_pop"] + city["rural_pop"] != city["total"]:
            problems.append(f"{code}: ages {total:.0f}, total {city['total']:.0f}, towns and villages {city['urban_pop'] + city['rural_pop']:.0f}")
    for code, row in money.iterrows():
        if row["grants"] <= 0 or row["catalogue"] + row["interest"] >= row["expenditure"]:
            parts = ", ".join(f"{name} {row[name]:.1f}" for name in ("grants", "catalogue", "interest", "expenditure"))
            problems.append(f"{code}: {parts} do not fit together")
    if problems:
        raise SystemExit("\n".join(problems))


def implied_tfr(facts: Path, cities: pd.DataFrame, persons: dict[str, Groups], relative: dict[str, float], shapes: dict[str, dict[int, float]]) -> str:
    """TFR that gives the births published since the base year: a guide for parameters.yaml. The census' women grow older; no deaths, no moves."""
    found = table(facts, "demography/vital_series.csv")
    births = found[(found["region_code"] == PROVINCE) & (found["indicator"] == "births") & (found["year"] > BASE_YEAR)].set_index("year")["value"]
    urban = float(cities["urban_pop"].sum() / cities["total"].sum())
    shape = {age: urban * share + (1 - urban) * shapes["rural"][age] for age, share in shapes["urban"].items()}
    texts = []
    for year, count in births.items():
        exposed = 0.0
        for code in cities.index:
            women = persons[code]["female"]
            for age, share in shape.items():
                then = age - (int(str(year)) - BASE_YEAR) + 0.5
                exposed += relative[code] * share * women[5 * int(then // 5)] / 5
        texts.append(f"{year}: {count * 10_000 / exposed:.3f}")
    return ", ".join(texts)


def show(money: pd.DataFrame, out: Path) -> None:
    """Print the base year by city and the catalogue share that keeps it."""
    money = money.assign(catalogue_share=money["catalogue"] / money["expenditure"])
    print(money.round(3).to_string())
    total = money.drop(columns="catalogue_share").sum()
    print(total.round(1).to_string())
    national = yaml.safe_load((out / "national" / "parameters.yaml").read_text(encoding="utf-8"))
    claims, reserve = (national[path]["value"] for path in ("fiscal.first_claims_share", "fiscal.reserve_share"))
    room = (1 - reserve) * (total["own_revenue"] + total["grants"]) - claims * total["expenditure"] - total["interest"]
    print(f"fiscal.catalogue_share that keeps the base year: {total['catalogue'] / room:.4f}")


def main() -> None:
    """Read the facts folder, write the tables, check them and print the totals that a maintainer looks at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path, help="folder with demography/, fiscal/ ... as CSV")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "assumptions", help="the assumptions folder")
    chosen = parser.parse_args()
    facts, out = chosen.facts, chosen.out
    home = out / "liaoning"
    mortality(facts, out)
    shapes = fertility(facts, out)
    schedule = movers(out)
    cities, persons = census(facts)
    people(cities, persons, home)
    relative = vital(facts, cities, persons, schedule, home)
    observed(facts, cities, home)
    money = budget(facts, cities, home)
    supply(facts, cities, persons, out)
    check(cities, persons, money)
    show(money, out)
    print("TFR that gives the published births:", implied_tfr(facts, cities, persons, relative, shapes))


if __name__ == "__main__":
    main()
