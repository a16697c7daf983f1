"""A made-up city of two districts and three counties for the template plan: national figures, scaled by a recipe. All of it is grade D.

The recipe:

1. **People.** The national census of 2020 is moved two years on (deaths of the national schedule, published births of 2021 and 2022), scaled to
   2.5 million, and shared out by `AREAS`. Districts have more people of 20-44 and fewer of 60 and over, counties the other way round.
2. **Moves.** Every area exchanges 0.4 % of its people a year with the others; on top counties lose and districts gain a few thousand;
   2,500 a year leave the city.
3. **Money.** All local spending of China in 2022, by function and head, times the part of it that a city and its counties pay. The catalogue's
   part of each function is the one with which the model's cost at national standards equals it. Counties pay a smaller part out of own revenue.
4. **Debt.** National ratios: interest over spending as published, debt over spending assumed.
5. **Places and staff.** National rates per head, per elder or per child; empty school places where people left.
6. **Standards, shares, schedules.** National, of 2022; sharing tier 2.

Nothing describes a real city. Whoever has one replaces file by file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from packs.shared import (
    CHINA,
    GROSS_FLOW,
    LAST_YEAR,
    SEX,
    Groups,
    Place,
    ages,
    census_groups,
    check,
    mean_schedule,
    merged,
    needs,
    people,
    show,
    table,
    units_per_client,
    write,
)

BASE_YEAR = 2022
RESIDENTS = 2_500_000


@dataclass(frozen=True)
class Area:
    """One made-up district or county, as the recipe differs it from the city's average."""

    zh: str
    en: str
    residents: float  # part of the city's
    towns: float  # part of the residents
    young: float  # times the national part of people under 15
    adult: float  # of 20-44
    old: float  # of 60 and over
    fertility: float  # against the city
    e0: float  # years, against the city
    gain: int  # net arrivals a year from the other areas
    household: float  # persons
    spending: float  # a head, against the city
    own: float  # own revenue over spending
    elsewhere: float  # residents of the towns who are registered elsewhere


AREAS = {
    "G1": Area("示例市甲区", "Jia District", 0.26, 0.98, 0.98, 1.12, 0.88, 0.92, 0.8, 4_000, 2.45, 1.06, 0.62, 0.18),
    "G2": Area("示例市乙区", "Yi District", 0.18, 0.88, 1.00, 1.05, 0.96, 0.97, 0.3, 1_500, 2.50, 0.98, 0.50, 0.12),
    "G3": Area("示例市丙县", "Bing County", 0.22, 0.50, 1.01, 0.94, 1.04, 1.02, -0.3, -1_500, 2.75, 0.94, 0.38, 0.03),
    "G4": Area("示例市丁县", "Ding County", 0.19, 0.42, 1.04, 0.90, 1.08, 1.06, -0.5, -2_000, 2.80, 0.97, 0.30, 0.03),
    "G5": Area("示例市戊县", "Wu County", 0.15, 0.34, 1.03, 0.86, 1.16, 1.08, -0.8, -2_000, 2.75, 1.06, 0.24, 0.02),
}
TAGS = {"G4": "rural", "G5": "rural;poor"}
BIRTHS = {2021: 10_620_000, 2022: 9_560_000}  # published, whole country
SRB = 1.113
EXTERNAL = -2_500  # persons a year who leave the city for other places, from the counties
CITY_PART = 0.8  # of all local spending of China, what cities and their counties spend (Liaoning 0.76, Inner Mongolia 0.81 in 2021), the rest is the provinces'
# what the catalogue is of each function: chosen so that the city costs at national standards what is spent (education: 0.85 of all localities, above CITY_PART)
CATALOGUE_PART = {"education": 1.06, "social_security": 0.22, "health": 0.565, "housing": 0.081, "culture": 0.265}
NEW_BONDS = 0.03  # of spending
DEBT_OVER_SPENDING, INTEREST_OVER_SPENDING = 1.5, 0.0215  # the second: 4,828.7 of 224,981.3 (100 million yuan), all localities 2022
LIMIT_OVER_BALANCE, DEBT_GROWTH = 1.02, 0.03
BOND_QUOTA = 0.015  # of spending a year, what the catalogue may use
PER_1000 = {"physician": 3.3, "nurse": 3.8, "nursery_place": 2.5}
BEDS_PER_1000_ELDERS, NURSING_SHARE = 29.6, 0.5
SPORTS, COMMUNITY = 2.6, 0.24  # square metres a head, a household
SLACK = {"G1": 0.04, "G2": 0.06, "G3": 0.12, "G4": 0.16, "G5": 0.20}  # empty school places
ENROLLED = {"preschool": 0.897, "compulsory_education": 0.99, "senior_secondary": 0.916}
OCCUPIED = {"childcare_places": 0.6, "nursing_care": 0.55, "basic_elder_care": 0.5, "day_care": 0.7, "disability_rehab": 0.85, "public_rental": 0.95}
BUILT = {"day_care": 0.40, "disability_rehab": 0.85, "public_rental": 0.97}
COVERED = {"medical_insurance_residents": 0.95, "public_culture": 0.9, "sports_space": 0.9, "community_space": 0.75, "veteran_training": 0.85}
MINE = ("D", "assumption")

NOTES = {
    "made_up": "虚构：按配方由全国数缩放，见工具说明",
    "non_local": "虚构：城区外来人口多，乡村为城镇的三分之一",
    "people": "虚构：2020年全国普查年龄结构推到2022年，按各地倍数调整后缩放到250万",
    "vital": "虚构：按配方设定",
    "leaving": "虚构：0.4%对流加净迁出，除以迁移年龄模式均值",
    "spending": "虚构：2022年全国地方支出人均{head:.0f}元×市县部分0.8×相对水平{relative}",
    "function": "虚构：2022年全国地方{name}人均{head:.0f}元×市县部分0.8×目录部分{part}，按需要和相对水平分摊",
    "own": "虚构：自有收入占支出{share}",
    "bonds": "虚构：支出的3%",
    "interest": "虚构：支出的2.15%（2022年全国地方付息4828.7亿元／支出224981.3亿元），每年增3%",
    "debt": "虚构：支出的1.5倍；限额为余额的1.02倍，每年增3%",
    "quota": "虚构：支出的1.5%",
    "school": "虚构：学龄人口×入学率，加空余{slack:.0%}和两年后学龄的增量",
    "rate": "虚构：每千人{value}",
    "beds": "虚构：每千名老年人29.6张（全国水平，回忆数），护理型占一半",
    "built": "虚构：需求的{share:.0%}",
    "occupied": "虚构：能力×使用率{share}／需求，上限0.95",
    "cover": "虚构：参照全国2022年水平",
}
NAMES = {"education": "教育", "social_security": "社会保障和就业", "health": "卫生健康", "housing": "住房保障", "culture": "文化旅游体育与传媒"}

CITY = Place(
    pack="generic-city",
    code="G0",
    name_zh="示例市",
    name_en="Sample City",
    short_zh="示例市",
    short_en="Sample City",
    level="prefecture",
    parts="county",
    tier=2,
    srb=SRB,
    external=EXTERNAL,
    vital_source="assumption",
    notes=NOTES,
    province=CHINA,
    tags=TAGS,
    same_province_outside=1.0,
    external_grade="D",
)


# --- people ---------------------------------------------------------------------------------------------------------


def moved_on(groups: dict[int, float], mx: dict[int, float], births: dict[int, float]) -> dict[int, float]:
    """Persons by first age of the group two years after the census: groups spread evenly over their ages, deaths at the schedule's rates, births added."""
    starts = sorted(groups)
    single = [0.0] * 101
    for i, start in enumerate(starts):
        end = starts[i + 1] if i + 1 < len(starts) else 101
        for age in range(start, end):
            single[age] = groups[start] / (end - start)
    later = [0.0] * 101
    for age, persons in enumerate(single):
        later[min(age + 2, 100)] += persons * (1 - mx[age]) * (1 - mx[min(age + 1, 100)])
    later[0], later[1] = births[2022] * (1 - mx[0]), births[2021] * (1 - mx[0]) * (1 - mx[1])
    return {start: sum(later[start : (starts[i + 1] if i + 1 < len(starts) else 101)]) for i, start in enumerate(starts)}


def whole(amounts: dict[tuple[str, int], float], total: int) -> dict[tuple[str, int], float]:
    """Whole persons that add up to the total: rounded down, the largest remainders get one more."""
    scale = total / sum(amounts.values())
    found = {key: float(int(value * scale)) for key, value in amounts.items()}
    order = sorted(amounts, key=lambda key: amounts[key] * scale - found[key], reverse=True)
    for key in order[: total - int(sum(found.values()))]:
        found[key] += 1
    return found


def city_people(facts: Path, out: Path) -> tuple[pd.DataFrame, dict[str, Groups]]:
    """Rows of the areas as the census tables have them, and persons by area, sex and first age of the group (85 is open); China's beside them."""
    china = census_groups(facts, [CHINA])[CHINA]
    schedule = pd.read_csv(out / "national" / "mortality.csv")
    boys = SRB / (1 + SRB)
    now = {}
    for sex in SEX.values():
        mx = {int(r.age): float(r.mx) for r in schedule[schedule["sex"] == sex].itertuples()}
        part = boys if sex == "male" else 1 - boys
        now[sex] = moved_on(china[sex], mx, {year: n * part for year, n in BIRTHS.items()})
    total = sum(sum(groups.values()) for groups in now.values())
    print(f"China moved on to 2022: {total / 1e4:.0f} (published 141,175) in 10,000")
    persons: dict[str, Groups] = {CHINA: china, CITY.code: {sex: {} for sex in SEX.values()}}
    rows = []
    for code, area in AREAS.items():
        raw = {}
        for sex, groups in now.items():
            for start, n in groups.items():
                times = area.young if start < 15 else area.adult if 20 <= start < 45 else area.old if start >= 60 else 1.0
                raw[sex, min(start, 85)] = raw.get((sex, min(start, 85)), 0.0) + times * n
        residents = round(area.residents * RESIDENTS)
        mine = whole(raw, residents)
        persons[code] = {sex: {start: mine[s, start] for s, start in mine if s == sex} for sex in SEX.values()}
        for sex in SEX.values():
            for start, n in persons[code][sex].items():
                persons[CITY.code][sex][start] = persons[CITY.code][sex].get(start, 0.0) + n
        towns = round(area.towns * residents)
        elsewhere = area.elsewhere * (towns + (residents - towns) / 3)
        rows.append((code, area.zh, area.en, residents, towns, residents - towns, area.household, elsewhere, 0.0))
    names = ["region_code", "region_zh", "region_en", "total", "urban_pop", "rural_pop", "avg_household_size"]
    return pd.DataFrame(rows, columns=[*names, "hukou_elsewhere_other_province", "hukou_elsewhere_same_province"]).set_index("region_code"), persons


def ours(home: Path, names: tuple[str, ...]) -> None:
    """Every row of these tables is grade D and ours: the shared writers mark what a census counted."""
    for name in names:
        rows = pd.read_csv(home / name, dtype=str, keep_default_na=False)
        rows["grade"], rows["source"], rows["note"] = "D", "assumption", NOTES["people"] if name in ("population.csv", "residence.csv") else NOTES["made_up"]
        write(home / name, ",".join(rows.columns), rows.itertuples(index=False, name=None))


def vital(areas: pd.DataFrame, persons: dict[str, Groups], schedule: dict[int, float], home: Path) -> None:
    """vital.csv by the recipe: `leaving_rate` is the rate at the peak of the movers' schedule, as the cohort model uses it."""
    size = areas["total"].astype(float)
    gain = {code: area.gain for code, area in AREAS.items()}
    lost = sum(-g for g in gain.values() if g < 0)
    arrivals = {code: GROSS_FLOW * size[code] + max(0, gain[code]) for code in AREAS}
    shares = {code: round(n / sum(arrivals.values()), 6) for code, n in arrivals.items()}
    shares["G1"] = round(1 - sum(share for code, share in shares.items() if code != "G1"), 6)
    rows: list[tuple[object, ...]] = []
    for code, area in AREAS.items():
        leaving = (GROSS_FLOW + max(0, -gain[code]) / size[code]) / mean_schedule(persons[code], schedule)
        rows += [
            (code, "tfr_relative", area.fertility, "倍", *MINE, NOTES["vital"]),
            (code, "e0_difference", area.e0, "岁", *MINE, NOTES["vital"]),
            (code, "external_net_migration", round(EXTERNAL * max(0, -gain[code]) / lost), "人/年", *MINE, NOTES["vital"]),
            (code, "leaving_rate", f"{leaving:.5f}", "比例", *MINE, NOTES["leaving"]),
            (code, "destination_share", f"{shares[code]:.6f}", "比例", *MINE, NOTES["vital"]),
            (code, "household_size", area.household, "人/户", *MINE, NOTES["vital"]),
        ]
    write(home / "vital.csv", "region,item,value,unit,grade,source,note", rows)


# --- money ----------------------------------------------------------------------------------------------------------


def need_cost(areas: pd.DataFrame, persons: dict[str, Groups], out: Path) -> dict[str, dict[str, float]]:
    """Yuan by function and area that everyone in need would cost at national standards of the base year (drivers population and households)."""
    services = merged(out, CITY.pack, "services.csv", ["service"]).set_index("service")
    dated = merged(out, CITY.pack, "standards.csv", ["service", "year"])
    dated = dated.assign(year=dated["year"].astype(int)).query("year <= @BASE_YEAR").sort_values("year")
    standard = dated.groupby("service")["yuan"].last().astype(float)
    found: dict[str, dict[str, float]] = {name: dict.fromkeys(AREAS, 0.0) for name in CATALOGUE_PART}
    for code, area in areas.iterrows():
        for service, clients in needs(CITY, out, area, persons[str(code)]).items():
            name, driver = services.loc[service, "function"], services.loc[service, "driver"]
            if name in found and driver in ("population", "households"):
                found[name][str(code)] += clients * float(standard[service])
    return found


def budget(facts: Path, areas: pd.DataFrame, persons: dict[str, Groups], out: Path) -> pd.DataFrame:
    """fiscal.csv; returns the base year by area (100 million yuan) for the printed check."""
    series = table(facts, "fiscal/fiscal_series.csv")
    series = series[(series["region_code"] == "000000") & (series["year"] == BASE_YEAR)].set_index("measure")["value"].astype(float)
    vitals = table(facts, "demography/vital_series.csv").set_index(["region_code", "indicator", "year"])["value"]
    china = float(vitals.loc[(CHINA, "resident_pop_yearend", BASE_YEAR)])  # 10,000 persons
    head = {name: series[f"exp_{name}"] / china * 1e4 for name in CATALOGUE_PART}
    spending_head = series["gpb_expenditure"] / china * 1e4
    needed = need_cost(areas, persons, out)
    size = areas["total"].astype(float)
    relative = {code: area.spending for code, area in AREAS.items()}
    mean = sum(relative[code] * size[code] for code in AREAS) / size.sum()
    rows: list[tuple[object, ...]] = []
    summary = []
    for code, area in AREAS.items():
        spent = spending_head * CITY_PART * relative[code] / mean * size[code] / 1e8
        own, bonds, interest, quota = area.own * spent, NEW_BONDS * spent, INTEREST_OVER_SPENDING * spent, BOND_QUOTA * spent
        found: list[tuple[object, ...]] = [
            ("own_revenue", BASE_YEAR, own, NOTES["own"].format(share=area.own)),
            ("expenditure", BASE_YEAR, spent, NOTES["spending"].format(head=spending_head, relative=relative[code])),
            ("new_bonds", BASE_YEAR, bonds, NOTES["bonds"]),
            ("debt_balance", BASE_YEAR, DEBT_OVER_SPENDING * spent, NOTES["debt"]),
        ]
        parts = {}
        for name, part in CATALOGUE_PART.items():
            weight = {c: needed[name][c] * relative[c] for c in AREAS}
            parts[name] = head[name] * CITY_PART * part * size.sum() / 1e8 * weight[code] / sum(weight.values())
            found.append((name, BASE_YEAR, parts[name], NOTES["function"].format(name=NAMES[name], head=head[name], part=part)))
        for year in range(BASE_YEAR, LAST_YEAR + 1):
            held = DEBT_OVER_SPENDING * spent * (1 + DEBT_GROWTH) ** (year - BASE_YEAR)
            found += [
                ("debt_interest", year, interest * (1 + DEBT_GROWTH) ** (year - BASE_YEAR), NOTES["interest"]),
                ("debt_limit", year, LIMIT_OVER_BALANCE * held, NOTES["debt"]),
                ("other_debt", year, held - quota * (year - BASE_YEAR), NOTES["debt"]),
                ("bond_quota", year, quota, NOTES["quota"]),
            ]
        rows += [(code, item, year, f"{amount:.4f}", "亿元", *MINE, note) for item, year, amount, note in found]
        summary.append((code, own, spent, bonds, spent - own - bonds, sum(parts.values()), interest, quota))
    write(out / CITY.pack / "fiscal.csv", "region,item,year,value,unit,grade,source,note", rows)
    columns = ["region", "own_revenue", "expenditure", "new_bonds", "grants", "catalogue", "interest", "bond_quota"]
    return pd.DataFrame(summary, columns=columns).set_index("region")


# --- places and staff -----------------------------------------------------------------------------------------------


def supply(areas: pd.DataFrame, persons: dict[str, Groups], out: Path) -> None:
    """capacity.csv and coverage.csv from national rates."""
    units = units_per_client(out, CITY.pack)
    capacity: list[tuple[object, ...]] = []
    coverage: list[tuple[object, ...]] = []
    for code, area in areas.iterrows():
        need = needs(CITY, out, area, persons[str(code)])
        residents, households = float(area["total"]), float(area["total"]) / float(area["avg_household_size"])
        slack = SLACK[str(code)]
        beds = BEDS_PER_1000_ELDERS / 1000 * sum(n for groups in persons[str(code)].values() for start, n in groups.items() if start >= 60)
        # pupils of two years on are born already, so the schools they need are under way
        coming = {
            service: max(0.0, ages(persons[str(code)], first - 2, last - 2) / ages(persons[str(code)], first, last) - 1)
            for service, first, last in (("compulsory_education", 6, 14), ("senior_secondary", 15, 17))
        }
        school = NOTES["school"].format(slack=slack)
        places = {
            "preschool": ("kindergarten_place", ENROLLED["preschool"] * need["preschool"] * (1.05 + slack), school),
            "compulsory_education": ("school_place", need["compulsory_education"] * (1 + slack + coming["compulsory_education"]), school),
            "senior_secondary": (
                "senior_place",
                ENROLLED["senior_secondary"] * need["senior_secondary"] * (1.03 + slack / 2 + coming["senior_secondary"]),
                school,
            ),
            "childcare_places": ("nursery_place", PER_1000["nursery_place"] * residents / 1000, NOTES["rate"].format(value=PER_1000["nursery_place"])),
            "nursing_care": ("nursing_bed", NURSING_SHARE * beds, NOTES["beds"]),
            "basic_elder_care": ("ordinary_bed", (1 - NURSING_SHARE) * beds, NOTES["beds"]),
        }
        for service, resource in (("day_care", "day_care_place"), ("disability_rehab", "rehab_place"), ("public_rental", "rental_flat")):
            places[service] = (resource, BUILT[service] * need[service], NOTES["built"].format(share=BUILT[service]))
        workers = 0.0
        for service, (resource, count, note) in places.items():
            capacity.append((code, resource, round(count), "个", *MINE, note))
            if service in OCCUPIED:
                share = round(min(0.95, OCCUPIED[service] * count / need[service]), 3)
                coverage.append((service, code, "all", share, *MINE, NOTES["occupied"].format(share=OCCUPIED[service])))
                workers += 1.05 * units.get((service, "care_worker"), 0.0) * share * need[service]
        # the districts' hospitals serve the counties too
        central = 1.15 if str(code) in ("G1", "G2") else 0.88
        staff = {resource: central * PER_1000[resource] * residents / 1000 for resource in ("physician", "nurse")}
        capacity += [
            (code, "care_worker", round(workers), "人", *MINE, NOTES["made_up"]),
            *((code, resource, round(count), "人", *MINE, NOTES["rate"].format(value=PER_1000[resource])) for resource, count in staff.items()),
            (
                code,
                "culture_space",
                round(1.2 * units["public_culture", "culture_space"] * COVERED["public_culture"] * need["public_culture"]),
                "平方米",
                *MINE,
                NOTES["made_up"],
            ),
            (code, "sports_area", round(SPORTS * residents), "平方米", *MINE, NOTES["made_up"]),
            (code, "community_area", round(COMMUNITY * households), "平方米", *MINE, NOTES["made_up"]),
        ]
        for service, resource in (("physicians", "physician"), ("nurses", "nurse")):
            share = staff[resource] / residents / units[service, resource]
            coverage.append((service, code, "all", f"{min(1.1, share):.3f}", *MINE, NOTES["made_up"]))
    coverage += [(service, "*", "all", share, *MINE, NOTES["cover"]) for service, share in (ENROLLED | COVERED).items()]
    write(out / CITY.pack / "capacity.csv", "region,resource,value,unit,grade,source,note", capacity)
    write(out / CITY.pack / "coverage.csv", "service,region,residence,value,grade,source,note", coverage)


def build(facts: Path, out: Path, schedule: dict[int, float], _shapes: dict[str, dict[int, float]]) -> None:
    """Write the sample city's tables, check them and print the totals that a maintainer looks at."""
    home = out / CITY.pack
    areas, persons = city_people(facts, out)
    people(CITY, areas, persons, home)
    ours(home, ("regions.csv", "population.csv", "open_ages.csv", "residence.csv"))
    vital(areas, persons, schedule, home)
    money = budget(facts, areas, persons, out)
    supply(areas, persons, out)
    check(CITY, areas, persons, money)
    show(CITY, money, out)
