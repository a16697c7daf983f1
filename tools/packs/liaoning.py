"""Liaoning's pack: the tables that follow mechanically from gathered facts. docs/assumptions-notes.md tells the whole story."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from packs.shared import (
    LAST_YEAR,
    Groups,
    Place,
    Series,
    census,
    check,
    implied_tfr,
    money_series,
    needs,
    observed,
    people,
    show,
    stocked,
    table,
    units_per_client,
    vital,
    write,
)

BASE_YEAR = 2020
DALIAN = "210200"
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

LIAONING = Place(
    pack="liaoning",
    code="210000",
    name_zh="辽宁省",
    name_en="Liaoning",
    short_zh="辽宁",
    short_en="Liaoning",
    level="province",
    parts="prefecture",
    tier=3,
    tiers={DALIAN: 4},
    tags=TAGS,
    srb=1.0715,
    external=EXTERNAL,
    vital_source="ln-comm",
    notes=NOTES,
)


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
    codes = list(cities.index)
    value = money_series(facts, codes)
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


def supply(facts: Path, cities: pd.DataFrame, persons: dict[str, Groups], out: Path) -> None:
    """capacity.csv and coverage.csv: what there is at the end of the base year and whom it serves.

    Stocks published for 2021 give each city's part of the plan's provincial figure of 2020; where nothing is published, a stated share of the need.
    """
    stock = table(facts, "fiscal/service_stock_2021.csv")
    stock = stock[stock["region_code"].isin(list(cities.index))].pivot_table(index="region_code", columns="measure", values="value", aggfunc="first")
    part = stock.astype(float) / stock.astype(float).sum()
    thousands = cities["total"].astype(float).sum() / 1000
    units = units_per_client(out, LIAONING.pack)
    capacity: list[tuple[object, ...]] = []
    coverage: list[tuple[object, ...]] = []
    for code, city in cities.iterrows():
        need = needs(LIAONING, out, city, persons[str(code)])
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
        rows, served, workers = stocked(str(code), places, need, units, OCCUPIED, NOTES["occupied"])
        capacity += rows
        coverage += served
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


def build(facts: Path, out: Path, schedule: dict[int, float], shapes: dict[str, dict[int, float]]) -> None:
    """Write Liaoning's tables, check them and print the totals that a maintainer looks at."""
    home = out / LIAONING.pack
    cities, persons = census(facts, LIAONING.code)
    people(LIAONING, cities, persons, home)
    relative = vital(LIAONING, facts, cities, persons, schedule, home)
    observed(LIAONING, facts, cities, home)
    money = budget(facts, cities, home)
    supply(facts, cities, persons, out)
    check(LIAONING, cities, persons, money)
    show(LIAONING, money, out)
    print("TFR that gives the published births:", implied_tfr(LIAONING, facts, cities, persons, relative, shapes))
