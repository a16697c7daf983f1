"""Panjin: people of 2015 between two censuses, money of 2015 by district, stocks of 2015.

The plan runs from base 2015. No census counts 2015 and no budget of that year is published by district, so people are carried between the
censuses of 2010 and 2020 and the city's budget is split by stated rules; every rule stands in the docstring of its function and in the note of its rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from packs import liaoning
from packs.shared import (
    CHINA,
    GROSS_FLOW,
    LAST_YEAR,
    SEX,
    Groups,
    Place,
    Series,
    ages,
    census,
    census_groups,
    mean_schedule,
    merged,
    money_series,
    needs,
    non_local,
    observed,
    short_name,
    show,
    spans,
    stocked,
    table,
    units_per_client,
    write,
)

BASE_YEAR, CENSUSES = 2015, (2010, 2020)
CITY, OWN_LEVEL, ZONE, SHUANGTAIZI, XINGLONGTAI, DAWA, PANSHAN = "211100", "2111Z0", "2111Z1", "211102", "211103", "211104", "211122"
CODE_2010 = {DAWA: "211121"}  # a county until 2016
RATE_KEYS = tuple(range(0, 86, 5))

# Assumptions of this importer; each is repeated in the note of the rows it shapes.
MOVED_TOWNS = 23_728  # fall of Panshan's registered population 2010-2020, taken as the people of the towns that went to Shuangtaizi
URBAN_2015 = 1_038_200 / 1_438_500  # Liaoning yearbook 2016: urban residents over GDP / GDP per head
EXTERNAL = -1_463  # persons a year: the city's residual 2010-2020
ZONE_PERSONS = {"liaodongwan": (DAWA, 0.15), "liaohekou": (PANSHAN, 0.15)}
SPENT_KEPT = 0.76 / 0.84  # pension money moved to the province in 2021: the cities' part of all spending in Liaoning fell from 84 to 76 %
CITY_LEVEL = 57.8 / 216.3  # the city's own level, of all spending, 2025
CITY_SCHOOLS = 0.33  # of education spending, what the city's own level pays (2026: 6.6 of about 20)
FUNCTION_YEARS = (2023, 2024)  # first years with spending by function
# what the catalogue's services are of each budget function; relief, health and housing less than in the province: most elders here draw the employees'
# pension, the shares of 2023-2024 come after the epidemic, and most of what housing spent went into redevelopment and flats that stood empty
CATALOGUE_PART = liaoning.CATALOGUE_PART | {"social_security": 0.17, "health": 0.75, "housing": 0.03}
BEDS_PER_1000, NURSING_SHARE = 21, 0.20
FLATS_BUILT, FLATS_LET = 4314, 710
SPORTS_PER_HEAD = 1.65
NURSERY_PER_1000 = 0.5
NATION = {"physician": 2.22 / 3.04, "nurse": 2.37 / 3.34}  # per 1,000 residents: 2015 over 2021, 2015 over 2020
ENROLLED = {"preschool": 0.905, "compulsory_education": 0.955, "senior_secondary": 0.98}  # the plan, 2015
OCCUPIED = {"childcare_places": 0.7, "nursing_care": 0.6, "basic_elder_care": 0.55, "day_care": 0.7}
DAY_CARE_BUILT, REHAB_COVERED = 0.15, 0.85
LIVELIHOOD = (601.4, 0.669)  # the plan: 100 million yuan over 2011-2015, and its share of all spending

NOTES = {
    "non_local": "2020年普查户籍登记在外县者（外省＋本省他县）／（城镇人口＋乡村人口／3）；2015年未见，取2020年之比",
    "tfr": "间接标准化：2020年1—4岁人口（2016—2019年出生）／（妇女×全国生育率），除以全市同法之值",
    "e0": "各县区预期寿命未见公布，取全市",
    "srb": "全省2020年长表107.15",
    "external": "全市2010—2020年人口变动与普查存活推算之差年均－0.15万，按县区净流出分摊",
    "leaving": "迁移年龄模式峰值处的比率：2010—2020年净迁移（普查存活比法，2020年边界）年均，加0.4%对流（假设），除以模式均值",
    "destination": "同上，迁入量占各县区迁入量之比",
    "recalled": "回忆数，待核",
    "population": "2010、2020年两次普查同批人的平均（60岁以上取几何平均）；0—9岁由2020年10岁以内外倒推存活；盘山县2010年划出2.37万人（户籍减少数）计入双台子区",
    "open": "全省2020年85岁以上分组，用来拆分开口组",
    "urban": "2020年县区城镇化率按同一对数几率平移到全市72.2%（辽宁统计年鉴2016：城镇103.82万／常住143.85万）",
    "household": "2020年普查；模型中户规模各年不变，2015年未见公布",
    "revenue": "{rule}；全市公布数{total:.2f}亿元的拆分",
    "expenditure": "全市2015年173.28亿元×0.76/0.84（剔除2021年起上移省级的养老统筹）；"
    "县区按2020年：盘山38.80、大洼39.19，市本级26.7%按人口，其余按人均，余数为辽东湾新区计入大洼",
    "bonds": "2015年新增债券未见公布，含在转移支付中",
    "education": "全市2015年19.16亿元：市本级三分之一按学龄人口，盘山县按2018年占比16.4%，其余按3—14岁人口",
    "function": "可比支出×2023—2024年功能占比{share:.4f}×目录部分{part}（假设），县区按目录服务的模型成本拆分",
    "balance": "2018年余额（2015年未见公布，按不变）；县区按支出拆分",
    "debt_balance": "一般债务余额×3.35%；2015—2017年取2018年余额，2025年后不变；县区按支出拆分",
    "limit_before": "余额×1.01；县区按支出拆分",
    "limit": "一般与专项限额合计；县区按支出拆分",
    "other_debt": "债务余额（2025年后每年增长3%）减去目录累计新增债券；县区按支出拆分",
    "quota": "2018—2022年债务年均增加额的15%；县区按常住人口拆分",
    "school": "学龄人口×规划入学率，加空余{slack:.0%}：6%＋2010—2020年人口减少幅度（2020年边界），上限25%",
    "beds": "规划：2015年每千名老人21张；盘山、大洼按2020年收养床位占全市2021年4595张之比，其余按老年人口；护理型占{share:.0%}为假设",
    "nursery": "2015年每千人{value}，假设（2020年全省2.0）",
    "built": "未见公布，取需求的{share:.0%}",
    "rehab": "规划：85%的残疾人得到不同程度康复",
    "flats": "规划：2011—2015年建成4314套；县区按城镇户数拆分（分布未见公布）",
    "let": "规划：完成分配710套；县区按城镇户数拆分（分布未见公布）",
    "occupied": "能力×使用率{share}／需求，上限0.95；使用率为假设",
    "workers": "在住老年人按人员配备系数折算，加5%",
    "physician": "2021年全市4507名×全国每千人2015／2021年之比（2.22／3.04，回忆数）；县区按常住人口",
    "nurse": "2021年医院床位占全省之比×全省每千人3.35名（2020年）×全国2015／2020年之比（2.37／3.34，回忆数）；县区按常住人口",
    "staff_cover": "每千人数／规划目标（辽宁每千人4名、3.8名）",
    "visits": "每人次所需面积×人次，富余两成",
    "sports": "规划：2015年人均1.65平方米，各县区按人口同率",
    "sports_cover": "1.65／2.6平方米",
    "community": "每户0.15平方米，假设",
    "dated": "由{year}年标准{yuan:g}元按工资3%、物价2%倒推到{first}年",
    "census": "第七次全国人口普查",
}
PLAN_COVERAGE = (  # service, share, grade, note, words of the plan
    ("preschool", 0.905, "A", "", "学前教育三年毛入园率达到90.5%"),
    ("compulsory_education", 0.955, "A", "巩固率以在学率代表", "义务教育巩固率达到95.5%"),
    ("senior_secondary", 0.98, "A", "", "高中阶段教育毛入学率达到98%"),
    ("disability_allowances", 1, "A", "", "贫困残疾人生活补助比例和重度残疾人护理补贴比例均达到100%"),
    ("disability_rehab", 0.85, "A", "", "全市有85%的残疾人得到不同程度的康复和康复服务"),
)
QUOTE_FLATS = "建设公租房4314套,完成分配710套"

PANJIN = Place(
    pack="panjin",
    code=CITY,
    name_zh="盘锦市",
    name_en="Panjin",
    short_zh="盘锦",
    short_en="Panjin",
    level="prefecture",
    parts="county",
    tier=3,
    province="210000",
    tags={PANSHAN: "weak;rural", DAWA: "rural", XINGLONGTAI: "oilfield"},
    srb=1.0715,
    external=EXTERNAL,
    vital_source="pj-comm",
    notes=NOTES,
    same_province_outside=1.0,
)


# --- people of 2015 -------------------------------------------------------------------------------------------------


def five_year(groups: Groups) -> Groups:
    """Groups 0-4, 5-9 ... 85 and over."""
    return {sex: {start: sum(n for first, n in found.items() if 5 * (first // 5) == start) for start in RATE_KEYS} for sex, found in groups.items()}


def on_borders_of_2020(groups: dict[str, Groups]) -> dict[str, Groups]:
    """People of 2010 on today's borders: a part of Panshan of its mean age structure goes to Shuangtaizi.

    When its towns changed sides is not known; the fall of Panshan's registered population stands for their people.
    """
    share = MOVED_TOWNS / sum(sum(found.values()) for found in groups[PANSHAN].values())
    moved = {sex: {start: share * n for start, n in found.items()} for sex, found in groups[PANSHAN].items()}
    result = dict(groups)
    result[PANSHAN] = {sex: {start: n - moved[sex][start] for start, n in found.items()} for sex, found in groups[PANSHAN].items()}
    result[SHUANGTAIZI] = {sex: {start: n + moved[sex][start] for start, n in found.items()} for sex, found in groups[SHUANGTAIZI].items()}
    return result


def survival(out: Path, years: int) -> dict[str, dict[int, float]]:
    """Chance of a child of 0-4 or 5-9 to live `years` more, by sex: the national death rates, each age of the group alike."""
    rates = pd.read_csv(out / "national" / "mortality.csv")
    found: dict[str, dict[int, float]] = {}
    for sex in SEX.values():
        mx = rates[rates["sex"] == sex].set_index("age")["mx"]
        found[sex] = {start: sum(math.exp(-sum(mx[a + 1 : a + years])) for a in range(start, start + 5)) / 5 for start in (0, 5)}
    return found


def people_of_2015(before: Groups, after: Groups, oldest: dict[str, float], children: dict[str, dict[int, float]]) -> Groups:
    """Persons of 2015 by sex and five-year group, one region.

    A cohort is the mean of its sizes in the two censuses: arithmetic up to 59, geometric above, where death thins it ever faster.
    Children under ten are the cohort of 2020 over its chance to live: the census of 2010 missed young children.
    `oldest` is the province's share of 90 and over among those of 85 and over (2020), by sex.
    """
    found: Groups = {}
    for sex in SEX.values():
        old, new = before[sex], after[sex]
        groups = {start: new[start + 5] / children[sex][start] for start in (0, 5)}
        groups |= {start: (old[start - 5] + new[start + 5]) / 2 for start in range(10, 60, 5)}
        groups |= {start: math.sqrt(old[start - 5] * new[start + 5]) for start in range(60, 80, 5)}
        groups[80] = math.sqrt(old[75] * new[85] * (1 - oldest[sex]))
        groups[85] = math.sqrt((old[80] + old[85]) * new[85] * oldest[sex])
        found[sex] = {start: float(round(n)) for start, n in groups.items()}
    return found


def towns(parts: pd.DataFrame, size: dict[str, float]) -> dict[str, float]:
    """Urban share of each part in 2015: all log odds of 2020 moved alike, so that the city comes to the published share."""
    odds = {code: math.log(part["urban_pop"] / part["rural_pop"]) for code, part in parts.iterrows()}
    low, high = -5.0, 5.0
    for _ in range(60):
        move = (low + high) / 2
        share = {code: 1 / (1 + math.exp(-(value + move))) for code, value in odds.items()}
        whole = sum(share[code] * size[code] for code in size) / sum(size.values())
        low, high = (move, high) if whole < URBAN_2015 else (low, move)
    return share


def base_people(facts: Path, parts: pd.DataFrame, persons: dict[str, Groups], out: Path) -> tuple[pd.DataFrame, dict[str, Groups], dict[str, float]]:
    """Write regions, population, open ages and residence of 2015; returns the parts' rows of 2015, their people and net migration 2010-2020."""
    home = out / PANJIN.pack
    codes = [str(code) for code in parts.index]
    earlier = census_groups(facts, [*(CODE_2010.get(code, code) for code in codes), CHINA], CENSUSES[0])
    nation = five_year(earlier[CHINA]), five_year(census_groups(facts, [CHINA])[CHINA])
    before = on_borders_of_2020({code: five_year(earlier[CODE_2010.get(code, code)]) for code in codes})
    after = {code: five_year(persons[code]) for code in codes}
    oldest = {sex: sum(n for a, n in groups.items() if a >= 90) / sum(n for a, n in groups.items() if a >= 85) for sex, groups in persons["210000"].items()}
    people = {code: people_of_2015(before[code], after[code], oldest, survival(out, 5)) for code in codes}
    size = {code: sum(sum(groups.values()) for groups in people[code].values()) for code in codes}
    share = towns(parts, size)
    then = parts.copy()
    for code in codes:
        then.loc[code, "total"] = size[code]
        then.loc[code, "urban_pop"] = round(size[code] * share[code])
        then.loc[code, "rural_pop"] = size[code] - round(size[code] * share[code])
        for column in ("hukou_elsewhere_same_province", "hukou_elsewhere_other_province"):
            then[column] = then[column].astype(float)
            then.loc[code, column] = parts.loc[code, column] * size[code] / parts.loc[code, "total"]
        then.loc[code, "change_2010_2020_pct"] = 100 * (parts.loc[code, "total"] / sum(sum(g.values()) for g in before[code].values()) - 1)
    seen = ("B", "census2020")
    rows: list[tuple[object, ...]] = [(CITY, PANJIN.name_zh, PANJIN.name_en, PANJIN.short_zh, PANJIN.short_en, "", PANJIN.level, PANJIN.tier, "", *seen)]
    for code, part in parts.iterrows():
        zh, en = str(part["region_zh"]), str(part["region_en"]).removesuffix(" District").removesuffix(" County")
        rows.append((code, zh, en, short_name(zh), en, CITY, PANJIN.parts, PANJIN.tier, PANJIN.tags.get(str(code), ""), *seen))
    write(home / "regions.csv", "region,name_zh,name_en,short_zh,short_en,parent,level,tier,tags,grade,source", rows)
    marks = ("C", "census-between", NOTES["population"])
    rows = [(code, sex, *span, *marks) for code in codes for sex, groups in people[code].items() for span in spans(groups)]
    write(home / "population.csv", "region,sex,age_from,age_to,persons,grade,source,note", rows)
    rows = [(sex, *span, *seen, NOTES["open"]) for sex, groups in persons[PANJIN.province].items() for span in spans(groups, 85)]
    write(home / "open_ages.csv", "sex,age_from,age_to,persons,grade,source,note", rows)
    rows = []
    for code in codes:
        rows += [(code, h, "persons", int(then.loc[code, f"{h}_pop"]), "人", "C", "ln-yearbook", NOTES["urban"]) for h in ("urban", "rural")]
        shares = non_local(then.loc[code], PANJIN.same_province_outside)
        rows += [
            (code, h, "non_local_share", f"{s:.4f}", "比例", "C", "census2020", NOTES["non_local"]) for h, s in zip(("urban", "rural"), shares, strict=True)
        ]
    write(home / "residence.csv", "region,residence,item,value,unit,grade,source,note", rows)
    net = {code: net_migration(before[code], after[code], nation) for code in codes}
    return then, people, net


def net_migration(before: Groups, after: Groups, nation: tuple[Groups, Groups]) -> float:
    """Persons of ten years, those of ten and over in 2020: the census less what the nation's survival between the censuses leaves of 2010."""
    total = 0.0
    for sex in SEX.values():
        for start in range(0, 75, 5):
            ratio = nation[1][sex][start + 10] / nation[0][sex][start]
            total += after[sex][start + 10] - ratio * before[sex][start]
        ratio = nation[1][sex][85] / sum(nation[0][sex][start] for start in (75, 80, 85))
        total += after[sex][85] - ratio * sum(before[sex][start] for start in (75, 80, 85))
    return total


def base_vital(facts: Path, then: pd.DataFrame, people: dict[str, Groups], net: dict[str, float], schedule: dict[int, float], home: Path) -> None:
    """vital.csv: as `shared.vital`, from net migration on the borders of 2020 and at its full size, for the base year lies inside the decade."""
    indirect = table(facts, "demography/fertility_indirect_2020.csv").set_index("region_code")["relative_fertility_2016_20_from_age1_4"]
    yearly = {code: value / 10 for code, value in net.items()}
    lost = sum(-v for v in yearly.values() if v < 0)
    weight = {code: max(0.0, -v) / lost for code, v in yearly.items()}
    drift = sum(yearly.values())
    internal = {code: v - drift * weight[code] for code, v in yearly.items()}
    size = {code: float(then.loc[code, "total"]) for code in people}
    arrivals = {code: GROSS_FLOW * size[code] + max(0.0, internal[code]) for code in people}
    rows: list[tuple[object, ...]] = []
    for code in people:
        leaving = (GROSS_FLOW + max(0.0, -internal[code]) / size[code]) / mean_schedule(people[code], schedule)
        rows += [
            (code, "tfr_relative", f"{float(indirect[code]) / float(indirect[CITY]):.4f}", "倍", "C", "census2020", NOTES["tfr"]),
            (code, "e0_difference", 0, "岁", "D", "assumption", NOTES["e0"]),
            (code, "srb", PANJIN.srb, "男/女", "B", "census2020", NOTES["srb"]),
            (code, "external_net_migration", round(EXTERNAL * weight[code]), "人/年", "C", "census-between", NOTES["external"]),
            (code, "leaving_rate", f"{leaving:.5f}", "比例", "C", "census-between", NOTES["leaving"]),
            (code, "destination_share", f"{arrivals[code] / sum(arrivals.values()):.9f}", "比例", "C", "census-between", NOTES["destination"]),
            (code, "household_size", then.loc[code, "avg_household_size"], "人/户", "B", "census2020", NOTES["household"]),
        ]
    write(home / "vital.csv", "region,item,value,unit,grade,source,note", rows)
    print("net migration 2010-2020 on the borders of 2020:", {code: round(value) for code, value in net.items()}, "sum", round(sum(net.values())))


def seen_later(facts: Path, parts: pd.DataFrame, home: Path) -> None:
    """observed.csv: the census of 2020 by unit, then the year-ends published since."""
    observed(PANJIN, facts, parts, home, after=BASE_YEAR)
    found = pd.read_csv(home / "observed.csv", dtype=str, keep_default_na=False)
    total = int(parts["total"].sum())
    rows: list[tuple[object, ...]] = [(CITY, "population", CENSUSES[1], total, "人", "B", "census2020", NOTES["census"])]
    rows += [(code, "population", CENSUSES[1], int(part["total"]), "人", "B", "census2020", NOTES["census"]) for code, part in parts.iterrows()]
    rows += [tuple(row) for row in found.itertuples(index=False)]
    write(home / "observed.csv", "region,item,year,value,unit,grade,source,note", rows)


# --- money ----------------------------------------------------------------------------------------------------------


def county_series(facts: Path) -> Series:
    """Published or derived money of the city's parts, 100 million yuan; the figures of 2021 are out of line with their neighbours and left out."""
    found = table(facts, "fiscal/county_fiscal_series.csv")
    found = found[found["region_code"].isin([DAWA, PANSHAN]) & (found["unit"] == "亿元") & (found["year"] != 2021)]
    return {(str(r.region_code), str(r.measure), int(r.year)): float(r.value) for r in found.itertuples()}


def between(known: dict[int, float], year: int) -> float:
    """Straight line between known years; before the first and after the last the value stays."""
    years = sorted(known)
    if year <= years[0] or year >= years[-1]:
        return known[years[0] if year <= years[0] else years[-1]]
    before = max(y for y in years if y <= year)
    after = min(y for y in years if y > year)
    return known[before] + (known[after] - known[before]) * (year - before) / (after - before)


def own_revenue(value: Series, county: Series, heads: dict[str, float], year: int) -> tuple[dict[str, float], dict[str, str]]:
    """The city's published revenue of a year by unit, and the rule in words.

    Panshan's and Dawa's shares are the published ones (2018-2024 and 2020, 2024), straight lines between and constant outside. What remains is
    Shuangtaizi's, Xinglongtai's, the port zone's (added to Dawa) and the city's own level's as in 2024; the own level's is spread by residents.
    """
    total = value[CITY, "gpb_revenue", year]
    shares = {code: {2024: value[code, "gpb_revenue", 2024] / value[CITY, "gpb_revenue", 2024]} for code in (DAWA, PANSHAN)}
    for (code, measure, then), amount in county.items():
        if measure == "gpb_revenue":
            shares[code][then] = amount / value[CITY, "gpb_revenue", then]
    own = {code: total * between(shares[code], year) for code in (DAWA, PANSHAN)}
    rest = total - sum(own.values())
    keys = {code: value[code, "gpb_revenue", 2024] for code in (SHUANGTAIZI, XINGLONGTAI, ZONE, OWN_LEVEL)}
    part = {code: rest * amount / sum(keys.values()) for code, amount in keys.items()}
    own |= {code: part[code] for code in (SHUANGTAIZI, XINGLONGTAI)}
    own[DAWA] += part[ZONE]
    everyone = sum(heads.values())
    found = {code: own[code] + part[OWN_LEVEL] * heads[code] / everyone for code in heads}
    rules = {
        SHUANGTAIZI: "2024年占比（除盘山、大洼）＋市本级按常住人口",
        XINGLONGTAI: "2024年占比（除盘山、大洼）＋市本级按常住人口",
        DAWA: "2020、2024年占比之间插值＋辽东湾新区（2024年占比）＋市本级按常住人口",
        PANSHAN: "2018—2024年占比（全市减市辖区）＋市本级按常住人口",
    }
    return found, rules


def spending_shares(value: Series, county: Series, heads: dict[str, float]) -> dict[str, float]:
    """Each unit's share of all spending, from 2020.

    Panshan and Dawa as printed; the own level's part of 2025 by residents; the two old districts as much a head as Panshan and Dawa together;
    what then remains is the port zone's and goes to Dawa.
    """
    total, everyone = value[CITY, "gpb_expenditure", 2020], sum(heads.values())
    printed = {code: county[code, "gpb_expenditure", 2020] for code in (DAWA, PANSHAN)}
    a_head = sum(printed.values()) / sum(heads[code] for code in printed)
    found = printed | {code: a_head * heads[code] for code in (SHUANGTAIZI, XINGLONGTAI)}
    zone = total * (1 - CITY_LEVEL) - sum(found.values())
    if zone < 0:
        raise SystemExit(f"spending of 2020: {-zone:.1f} more than the city's districts spent")
    found[DAWA] += zone
    return {code: (found[code] + total * CITY_LEVEL * heads[code] / everyone) / total for code in heads}


def modelled_cost(out: Path, then: pd.DataFrame, people: dict[str, Groups]) -> dict[str, dict[str, float]]:
    """function -> unit -> yuan: clients x coverage x standard of 2015, the key by which the city's spending is split; before any calibration."""
    services = merged(out, PANJIN.pack, "services.csv", ["service"]).set_index("service")
    dated = merged(out, PANJIN.pack, "standards.csv", ["service", "year"])
    standard = {str(r.service): float(r.yuan) for r in dated.assign(year=dated["year"].astype(int)).sort_values("year").itertuples() if r.year <= BASE_YEAR}
    rows = merged(out, PANJIN.pack, "coverage.csv", ["service", "region", "residence"])
    coverage = {(str(r.service), str(r.region)): float(r.value) for r in rows.itertuples()}
    found: dict[str, dict[str, float]] = {}
    for code in people:
        for service, clients in needs(PANJIN, out, then.loc[code], people[code]).items():
            share = coverage.get((service, code), coverage.get((service, "*"), 0.0))
            into = found.setdefault(str(services.loc[service, "function"]), dict.fromkeys(people, 0.0))
            into[code] += clients * share * standard[service]
    return found


def functions(value: Series, spent: float, then: pd.DataFrame, people: dict[str, Groups], out: Path) -> Iterable[tuple[str, str, float, float]]:
    """(function, unit, 100 million yuan, share of all spending): the catalogue's part of the four functions that 2015 does not publish.

    No unit publishes its functions, so each unit's part follows the modelled cost: the split invents no difference between them.
    """
    cost = modelled_cost(out, then, people)
    for name in ("social_security", "health", "housing", "culture"):
        share = sum(value[CITY, f"exp_{name}", y] for y in FUNCTION_YEARS) / sum(value[CITY, "gpb_expenditure", y] for y in FUNCTION_YEARS)
        for code in people:
            yield name, code, CATALOGUE_PART[name] * share * spent * cost[name][code] / sum(cost[name].values()), share


def schools(value: Series, county: Series, people: dict[str, Groups]) -> dict[str, float]:
    """The city's education spending of 2015 by unit.

    A third is the own level's, by children of 3-17; Panshan has its share of 2018; the rest is by children of 3-14.
    """
    total = value[CITY, "exp_education", BASE_YEAR]
    panshan = total * county[PANSHAN, "exp_education", 2018] / value[CITY, "exp_education", 2018]
    pupils = {code: ages(people[code], 3, 17) for code in people}
    younger = {code: ages(people[code], 3, 14) for code in people if code != PANSHAN}
    found = {code: CITY_SCHOOLS * total * pupils[code] / sum(pupils.values()) for code in people}
    rest = total * (1 - CITY_SCHOOLS) - panshan
    return {code: found[code] + (panshan if code == PANSHAN else rest * younger[code] / sum(younger.values())) for code in people}


def budget(facts: Path, then: pd.DataFrame, people: dict[str, Groups], out: Path) -> pd.DataFrame:
    """fiscal.csv; returns the base year by unit (100 million yuan) for the printed check."""
    codes = list(people)
    value, county = money_series(facts, [CITY, OWN_LEVEL, ZONE, *codes]), county_series(facts)
    heads = {code: float(then.loc[code, "total"]) for code in codes}
    weight = spending_shares(value, county, heads)
    spent = SPENT_KEPT * value[CITY, "gpb_expenditure", BASE_YEAR]
    rows: list[tuple[object, ...]] = []
    for year in range(BASE_YEAR, 2027):
        own, rules = own_revenue(value, county, heads, year)
        for code in codes:
            note = NOTES["revenue"].format(rule=rules[code], total=value[CITY, "gpb_revenue", year]) + ("，2026年为年初预算" if year == 2026 else "")
            rows.append((code, "own_revenue", year, own[code], "C", "panjin2025" if year > 2022 else "city-yearbook", note))
    base, _ = own_revenue(value, county, heads, BASE_YEAR)
    taught = schools(value, county, people)
    parts: dict[str, float] = dict(taught)
    for code in codes:
        rows.append((code, "expenditure", BASE_YEAR, weight[code] * spent, "C", "city-yearbook", NOTES["expenditure"]))
        rows.append((code, "new_bonds", BASE_YEAR, 0, "D", "assumption", NOTES["bonds"]))
        rows.append((code, "education", BASE_YEAR, taught[code], "C", "city-yearbook", NOTES["education"]))
    for name, code, amount, share in functions(value, spent, then, people, out):
        note = NOTES["function"].format(share=share, part=CATALOGUE_PART[name])
        rows.append((code, name, BASE_YEAR, amount, "C", "panjin2025", note))
        parts[code] += amount
    rows += debt(value, weight, {code: heads[code] / sum(heads.values()) for code in codes})
    rows = [(code, item, year, f"{amount:.4f}", "亿元", *marks) for code, item, year, amount, *marks in rows]
    write(out / PANJIN.pack / "fiscal.csv", "region,item,year,value,unit,grade,source,note", rows)
    kept = {y: (SPENT_KEPT if y < 2021 else 1.0) * value[CITY, "gpb_expenditure", y] - value[CITY, "gpb_revenue", y] for y in range(BASE_YEAR, 2026)}
    print("spending less own revenue, comparable:", {y: round(v, 1) for y, v in kept.items()})
    print("fiscal.transfer_growth:", {y: round(kept[y] / kept[y - 1] - 1, 3) for y in list(kept)[1:]})
    five = LIVELIHOOD[0] / LIVELIHOOD[1]
    print(f"plan: {LIVELIHOOD[0]} over {LIVELIHOOD[1]:.1%} of spending 2011-2015 = {five:.1f}, a year {five / 5:.1f}")
    print(f"published spending of 2015: {value[CITY, 'gpb_expenditure', BASE_YEAR]:.1f}")
    interest = liaoning.INTEREST_RATE * value[CITY, "debt_balance_general", 2018]
    summary = [(c, base[c], weight[c] * spent, 0.0, weight[c] * spent - base[c], parts[c], interest * weight[c], heads[c]) for c in codes]
    return pd.DataFrame(summary, columns=["region", "own_revenue", "expenditure", "new_bonds", "grants", "catalogue", "interest", "residents"]).set_index(
        "region"
    )


def debt(value: Series, weight: dict[str, float], heads: dict[str, float]) -> list[tuple[object, ...]]:
    """Rows of the debt items: the city's published balances, limits and the interest on them, split by spending; the yearly quota by residents."""
    balance = {y: value[CITY, "debt_balance", max(y, 2018)] for y in range(BASE_YEAR, 2026)}
    general = {y: value[CITY, "debt_balance_general", max(y, 2018)] for y in range(BASE_YEAR, 2026)}
    limit = {y: value[CITY, "debt_limit_general", y] + value[CITY, "debt_limit_special", y] for y in (2024, 2025)}
    quota = liaoning.BOND_PART * (value[CITY, "debt_balance", 2022] - value[CITY, "debt_balance", 2018]) / 4
    rows: list[tuple[object, ...]] = []
    for code in weight:
        rows.append((code, "debt_balance", BASE_YEAR, balance[BASE_YEAR] * weight[code], "D", "debt-tables", NOTES["balance"]))
        for year in range(BASE_YEAR, LAST_YEAR + 1):
            known = min(year, 2025)
            early = "D" if year < 2018 else "C"
            rows.append((code, "debt_interest", year, liaoning.INTEREST_RATE * general[known] * weight[code], early, "debt-tables", NOTES["debt_balance"]))
            if year in limit:
                rows.append((code, "debt_limit", year, limit[year] * weight[code], "C", "debt-tables", NOTES["limit"]))
            elif year < min(limit):
                rows.append((code, "debt_limit", year, liaoning.LIMIT_OVER_BALANCE * balance[year] * weight[code], early, "debt-tables", NOTES["limit_before"]))
            held = balance[known] * (1 + liaoning.LIMIT_GROWTH) ** (year - known) * weight[code]
            rows.append((code, "other_debt", year, held - quota * heads[code] * (year - BASE_YEAR), "D", "assumption", NOTES["other_debt"]))
            rows.append((code, "bond_quota", year, quota * heads[code], "D", "assumption", NOTES["quota"]))
    return rows


# --- standards before 2020 ------------------------------------------------------------------------------------------

WAGES, PRICES = 0.03, 0.02  # yearly growth 2016-2020 as parameters.yaml has it, on which a standard of 2020 is taken back
LOCAL_2020 = ("preschool", "compulsory_education", "senior_secondary")  # what Liaoning's pack knows of the province's own costs
DIBAO_2018, DIBAO_GROWTH, TOPPED_UP = 650 * 12, 0.07, 0.6  # a year; the plan's growth; what the benefit is of the line
AS_DIBAO = {  # service -> yuan of 2018 a client and year, and the words behind it
    "dibao": (TOPPED_UP * DIBAO_2018, "2018年城乡统一650元/月，人均补差约为标准的六成（假设）；其余各年按规划年均增长7%推算"),
    "destitute_support": (850 * 12, "2018年供养标准850元/月（低保的1.3倍）；其余各年按规划年均增长7%推算"),
    "orphan_support": ((1950 + 1300) / 2 * 12, "2018年集中1950、分散1300元/月（低保的3、2倍）折中；其余各年随低保增长7%"),
}
QUOTE_DIBAO = "最低生活保障标准年均增长不低于7%"


def standards(out: Path) -> None:
    """standards.csv: what one client costs in 2015-2019 where the national table begins later.

    Relief follows the plan's own rule, 7 % a year through the one published level (2018). Everything else is the first national (or provincial)
    value carried back with wages and prices, so that no step appears where the published values begin.
    """
    services = merged(out, PANJIN.pack, "services.csv", ["service"]).set_index("service")
    national = pd.read_csv(out / "national" / "standards.csv", dtype={"service": str})
    local = pd.read_csv(out / "liaoning" / "standards.csv", dtype={"service": str})
    rows: list[tuple[object, ...]] = []
    for code, service in services.iterrows():
        if code in AS_DIBAO:
            yuan, note = AS_DIBAO[str(code)]
            rows += [(code, y, round(yuan * (1 + DIBAO_GROWTH) ** (y - 2018)), QUOTE_DIBAO, "C", "pj-local", note) for y in range(BASE_YEAR, 2021)]
            continue
        source = local if code in LOCAL_2020 else national
        known = source[source["service"] == code].sort_values("year")
        if known.empty:
            continue
        first, yuan = int(known["year"].iloc[0]), float(known["yuan"].iloc[0])
        wage = float(service["wage_share"])
        for year in range(BASE_YEAR, first):
            back = wage * (1 + WAGES) ** (first - year) + (1 - wage) * (1 + PRICES) ** (first - year)
            rows.append((code, year, round(yuan / back), "", "D", "assumption", NOTES["dated"].format(year=first, yuan=yuan, first=year)))
        if code in LOCAL_2020:
            rows.append((code, first, yuan, "", "C", "edu-cost", "辽宁生均经费，与辽宁省资料同"))
    write(out / PANJIN.pack / "standards.csv", "service,year,yuan,quote,grade,source,note", rows)


# --- places and staff -----------------------------------------------------------------------------------------------


def supply(facts: Path, then: pd.DataFrame, people: dict[str, Groups], out: Path) -> None:
    """capacity.csv and coverage.csv of 2015: the plan's figures where it has them, else stocks of later years carried back or a stated share of the need."""
    stock = table(facts, "fiscal/service_stock_2021.csv")
    stock = stock[stock["region_code"].str.startswith("21")].pivot_table(index="region_code", columns="measure", values="value", aggfunc="first").astype(float)
    later = table(facts, "fiscal/county_fiscal_series.csv")
    homes = later[(later["measure"] == "residential_care_beds") & later["region_code"].isin([DAWA, PANSHAN])].set_index("region_code")["value"]
    province = table(facts, "demography/census2020_regions.csv").set_index("region_code").loc["210000"]
    units = units_per_client(out, PANJIN.pack)
    heads = {code: float(then.loc[code, "total"]) for code in people}
    elders = {code: ages(people[code], 60, 100) for code in people}
    towns_households = {code: float(then.loc[code, "urban_pop"]) / float(then.loc[code, "avg_household_size"]) for code in people}
    beds = {code: BEDS_PER_1000 / 1000 * sum(elders.values()) * float(homes[code]) / stock.loc[CITY, "nursing_home_beds"] for code in (DAWA, PANSHAN)}
    rest = BEDS_PER_1000 / 1000 * sum(elders.values()) - sum(beds.values())
    others = elders[SHUANGTAIZI] + elders[XINGLONGTAI]
    beds |= {code: rest * elders[code] / others for code in (SHUANGTAIZI, XINGLONGTAI)}
    staff = {
        "physician": NATION["physician"] * stock.loc[CITY, "doctors"],
        "nurse": NATION["nurse"] * 3.35 * float(province["total"]) / 1000 * stock.loc[CITY, "hospital_beds"] / stock["hospital_beds"].sum(),
    }
    capacity: list[tuple[object, ...]] = []
    coverage: list[tuple[object, ...]] = []
    for code in people:
        need = needs(PANJIN, out, then.loc[code], people[code])
        slack = min(liaoning.MOST_SLACK, liaoning.SLACK + max(0.0, -float(then.loc[code, "change_2010_2020_pct"]) / 100))
        school = ("C", "plan-panjin", NOTES["school"].format(slack=slack))
        part = towns_households[code] / sum(towns_households.values())
        places: dict[str, tuple[str, float, tuple[str, ...]]] = {
            "preschool": ("kindergarten_place", ENROLLED["preschool"] * need["preschool"] * (1.05 + slack), school),
            "compulsory_education": ("school_place", need["compulsory_education"] * (1 + slack), school),
            "senior_secondary": ("senior_place", ENROLLED["senior_secondary"] * need["senior_secondary"] * (1.03 + slack / 2), school),
            "childcare_places": ("nursery_place", NURSERY_PER_1000 * heads[code] / 1000, ("D", "assumption", NOTES["nursery"].format(value=NURSERY_PER_1000))),
            "nursing_care": ("nursing_bed", NURSING_SHARE * beds[code], ("C", "plan-panjin", NOTES["beds"].format(share=NURSING_SHARE))),
            "basic_elder_care": ("ordinary_bed", (1 - NURSING_SHARE) * beds[code], ("C", "plan-panjin", NOTES["beds"].format(share=1 - NURSING_SHARE))),
            "day_care": ("day_care_place", DAY_CARE_BUILT * need["day_care"], ("D", "assumption", NOTES["built"].format(share=DAY_CARE_BUILT))),
            "disability_rehab": ("rehab_place", REHAB_COVERED * need["disability_rehab"] * 1.05, ("C", "plan-panjin", NOTES["rehab"])),
        }
        rows, served, workers = stocked(str(code), places, need, units, OCCUPIED, NOTES["occupied"])
        capacity += rows
        coverage += served
        capacity += [
            (code, "rental_flat", round(FLATS_BUILT * part), "套", "C", "plan-panjin", NOTES["flats"], QUOTE_FLATS),
            (code, "flat_let", round(FLATS_LET * part), "套", "C", "plan-panjin", NOTES["let"], QUOTE_FLATS),
            (code, "care_worker", round(workers), "人", "C", "staff", NOTES["workers"]),
            *((code, name, round(count * heads[code] / sum(heads.values())), "人", "C", "city-stock", NOTES[name]) for name, count in staff.items()),
            (
                code,
                "culture_space",
                round(1.2 * units["public_culture", "culture_space"] * 0.9 * need["public_culture"]),
                "平方米",
                "D",
                "assumption",
                NOTES["visits"],
            ),
            (code, "sports_area", round(SPORTS_PER_HEAD * heads[code]), "平方米", "C", "plan-panjin", NOTES["sports"], "人均体育场地面积1.65平方米"),
            (code, "community_area", round(0.15 * need["community_space"]), "平方米", "D", "assumption", NOTES["community"]),
        ]
        coverage.append(
            ("public_rental", code, "all", f"{min(1.0, FLATS_LET * part / need['public_rental']):.4f}", "C", "plan-panjin", NOTES["let"], QUOTE_FLATS)
        )
        for service, resource in (("physicians", "physician"), ("nurses", "nurse")):
            share = staff[resource] / sum(heads.values()) / units[service, resource]
            coverage.append((service, code, "all", f"{min(1.1, share):.3f}", "C", "city-stock", NOTES["staff_cover"]))
    coverage += [(service, "*", "all", share, grade, "plan-panjin", note, quote) for service, share, grade, note, quote in PLAN_COVERAGE]
    coverage += [
        ("sports_space", "*", "all", round(SPORTS_PER_HEAD / 2.6, 3), "C", "plan-panjin", NOTES["sports_cover"], "人均体育场地面积1.65平方米"),
        ("community_space", "*", "all", 0.5, "D", "assumption", NOTES["community"]),
    ]
    write(out / PANJIN.pack / "capacity.csv", "region,resource,value,unit,grade,source,note,quote", capacity)
    write(out / PANJIN.pack / "coverage.csv", "service,region,residence,value,grade,source,note,quote", coverage)


def build(facts: Path, out: Path, schedule: dict[int, float], shapes: dict[str, dict[int, float]]) -> None:
    """Write Panjin's tables and print the totals that a maintainer looks at."""
    home = out / PANJIN.pack
    parts, persons = census(facts, CITY, PANJIN.province)
    parts = parts[parts.index.notna()]  # the functional zones have a row, but no code and no census
    then, people, net = base_people(facts, parts, persons, out)
    base_vital(facts, then, people, net, schedule, home)
    seen_later(facts, parts, home)
    standards(out)
    supply(facts, then, people, out)
    money = budget(facts, then, people, out)
    print(then[["total", "urban_pop", "rural_pop", "change_2010_2020_pct"]].round(1).to_string(), int(then["total"].sum()))
    show(PANJIN, money, out)
