"""Linxia's pack: the tables that follow mechanically from gathered facts. docs/assumptions-notes.md tells the whole story.

The parts are the eight counties; the prefecture's own level (spending 37.4 of 320.3, 100 million yuan, 2020) stays outside, because it keeps no residents.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from packs.shared import LAST_YEAR, SEX, Groups, Place, Series, ages, census, check, money_series, needs, people, show, table, units_per_client, vital, write

BASE_YEAR = 2020
GANSU = "620000"
CITY = "622901"
PEERS = ("620500", "620800", "621000", "621100", "621200")  # 天水、平凉、庆阳、定西、陇南: Gansu's poor cities, which publish education

# Assumptions of this importer; each is repeated in the note of the rows it shapes.
EXTERNAL = -12_300  # persons a year: 0.8 of the yearly mean of 2010-2020 (-15,300); parameters.yaml scales it for 2021-2022
ONE_OFF_STEP = 0.03  # comparable transfers, 2021 against 2020
HALF = 0.5  # of a function's money, the part that follows all spending; the other follows the people it is for
# what the catalogue's services are of each budget function
CATALOGUE_PART = {"education": 1.0, "social_security": 0.35, "health": 0.75, "housing": 0.05, "culture": 0.20}
RENEWAL = 0.20  # of housing spending, the renovation of old compounds; it follows the people in towns
INTEREST_RATE = 0.0335  # of general debt, as in Liaoning: Panjin and Chaoyang 2024
LIMIT_OVER_BALANCE = 1.01  # debt limit, not published, relative to the balance
LIMIT_GROWTH = 0.03  # of debt after the last published year, as national parameters have it for the limit
BOND_PART = 0.18  # of the yearly rise of all debt 2018-2022, what the catalogue may use
SLACK = 0.06  # empty places of kindergartens and senior schools
CROWDED = 0.10  # pupils that compulsory schools could still take, large classes included
YOUNG = 0.15  # moving rate of children under seven, relative to the peak
HOSPITAL_PART = 0.5  # of doctors and nurses, those in hospitals; the others work where people live
OCCUPIED = {"childcare_places": 0.7, "nursing_care": 0.3, "basic_elder_care": 0.3, "day_care": 0.3, "disability_rehab": 0.85, "public_rental": 0.95}
BUILT = {"disability_rehab": 0.85, "public_rental": 1.05}  # places, as a share of the need, where no stock is published
BEDS, NURSING_SHARE = 10_675, 0.5  # the plan's table, end of 2020
DAY_CENTRES = {"rural": 780, "urban": 52}  # the plan's text
PLACES_A_CENTRE = 8
PER_1000 = {"physician": 1.71, "nurse": 2.45, "nursery_place": 0.45}  # the plan's table
PER_PERSON = {"culture_space": 0.0652, "sports_area": 1.71}  # the plan's table
COMMUNITY = 0.25  # m2 a household, the plan's table
TOWNSHIPS, WITH_CENTRE = 130, 14  # 123 townships and 7 subdistricts; the plan's table prints 11 % with a centre, which is 14 of them
BEDS_TARGET = 8  # hospital beds per 1,000, the plan's table
OLD_HOMES = 8805 / (53275 / 5)  # households of 2020 over the mean of a year of the plan
ENROLLED = {"preschool": 0.9542, "compulsory_education": 0.9792, "senior_secondary": 0.8124}  # the plan's text

NOTES = {
    "non_local": "（外省＋本省其他县）／（城镇人口＋乡村人口／3）；乡村比例为城镇三分之一是假设",
    "tfr": "间接标准化：0岁人口／（妇女×全国生育率），除以全州同法之值2.434",
    "e0": "各县市预期寿命未见公布，取全州",
    "srb": "甘肃2020年长表108.4",
    "external": "2010—2020年净流出年均1.53万（10岁以上，普查存活比法）×0.8，按各县净流出分摊；2021—2022年另按公布人口调低，见parameters.yaml",
    "leaving": "迁移年龄模式峰值处的比率：2010—2020年净迁移（普查存活比法）年均×0.8加各县市0.4%对流（假设），除以模式均值",
    "destination": "同上，迁入量占全州迁入量之比",
    "movers": "2010—2020年普查存活比法净迁移率按年龄（两性合计），以各队列中点年龄间直线，峰值为1；7岁以下取峰值的0.15（假设）",
    "recalled": "回忆数，待核",
    "revenue": "2020年县市数×全州收入比上年（19.18、23.1、20.9、22.1、23.5亿元，二手汇编）；各县市2021年起未见公布",
    "expenditure": (
        "可比口径：县域年鉴{published:.1f}亿元，其中转移支付按全州2021年比2020年的变化"
        "（－5.8%，脱贫攻坚收官和抗疫一次性资金退出）再除以1.03折算；州本级37.4亿元不在内"
    ),
    "bonds": "全州一般债务2018年70.71、2025年155.41亿元，年均增12.1亿元，按支出分摊到县市（假设）",
    "education": "天水、平凉、庆阳、定西、陇南五市2020年教育支出占支出{share:.4f}×八县市支出，一半按支出、一半按3—17岁人口分摊（假设）；临夏功能支出未见公布",
    "function": "甘肃2020年占比{share:.4f}×目录部分{part}（假设）×八县市支出，一半按支出、一半按{people}分摊（假设）",
    "renewal": "；另有占比的20%为城镇老旧小区改造，按城镇人口分摊（假设）",
    "balance": "全州{total}亿元（二手）按2020年支出分摊到县市（假设），州本级占12%不在内",
    "interest": "一般债务（2018、2025年公布，其间直线）×3.35%（盘锦、朝阳2024年付息／余额），按支出分摊；2025年后余额不变",
    "limit": "限额未见公布，取余额×1.01",
    "other_debt": "债务余额（2025年后每年增长3%）减去目录累计新增债券",
    "quota": "2018—2022年全州债务年均增加额的18%（含医院床位和乡镇养老设施），按支出分摊",
    "per_1000": "规划：2020年每千人{value}，各县市按人口同率",
    "kindergarten": "3—5岁人口×规划毛入园率95.42%×1.11（空余为假设）",
    "school": "县域年鉴2020年小学在校生＋12—14岁人口×97.92%，不低于学龄人口×97.92%，加一成（含大班额还能容纳的，假设）",
    "senior": "15—17岁人口×规划毛入学率81.24%×1.06（空余为假设）",
    "beds": "规划10675张：县域年鉴收养性单位床位{own:.0f}张在本县，其余8615张按60岁以上人口分，×护理型50%",
    "day_care": "规划：农村780所、城市52所日间照料中心，每所8个位（假设），按城乡人口分",
    "built": "未见公布，取需求的{share:.0%}",
    "occupied": "能力×使用率{share}／需求，上限0.95；使用率为假设",
    "idle": "能力×使用率{share}／需求，上限0.95；规划床位多为农村互助和日间照料床位，使用率取低值（假设）",
    "workers": "在住老年人按人员配备系数折算，加5%",
    "staff": "规划每千人{value}；一半按县域年鉴医疗卫生机构床位、一半按人口分（假设）",
    "hospital": "县域年鉴2020年医疗卫生机构床位数",
    "hospital_cover": "县域年鉴床位／常住人口／规划目标每千人8张，上限1.1",
    "centre": "规划：11%的乡镇（街道）有；全州123个乡镇、7个街道，计14所，按户数最大余数法分到县市（假设）",
    "centre_cover": "所数／（户数×每户所数）：一份服务为每个乡镇（街道）一所",
    "per_person": "规划：{words}，各县市按人口（户数）同率",
    "staff_cover": "每千人数／规划目标{target}",
}
PLAN_COVERAGE = (  # service, share, grade, the plan's words, what else it says
    ("preschool", 0.9542, "A", "学前三年毛入园率从2015年的74.4%提高到95.42%", ""),
    ("compulsory_education", 0.9792, "A", "九年义务教育巩固率 | 97.92% | 98% | 约束性", "巩固率以在学率代表"),
    ("senior_secondary", 0.8124, "A", "高中阶段教育毛入学率 | 81.24% | >90% | 预期性", ""),
    (
        "medical_insurance_residents",
        0.98,
        "A",
        "职工和城乡居民参加基本医疗保险人数分别达到12.28万人和226.44万人,参保率分别达到100%、98%",
        "正文98%（有人数可核），指标表2020年为>95%，专栏2目标95%：三数并存，取98%",
    ),
    ("orphan_support", 1.0, "A", "孤儿和事实无人抚养儿童保障覆盖率 | 100% | 100% | 约束性", ""),
    ("disability_allowances", 1.0, "A", "困难残疾人生活补贴和重度残疾人护理补贴目标人群覆盖率 | 100% | 100% | 约束性", ""),
    ("veteran_placement", 1.0, "A", "退役军人安置率 | 100% | 100% | 预期性", ""),
    ("rural_house_repair", 1.0, "A", "符合条件的农村低收入群体住房安全保障率 | 100% | 100% | 预期性", ""),
    (
        "employment_aid",
        1.0,
        "C",
        "城镇零就业家庭动态清零 | 已全部动态清零 | 5年内均保持动态清零 | 约束性",
        "零就业家庭清零，就业援助按全覆盖算",
    ),
    (
        "public_rental",
        1.0,
        "A",
        "城镇户籍低保、低收入家庭申请公租房的保障率 | 应保尽保 | 应保尽保 | 约束性",
        "只指城镇户籍低保、低收入家庭；“对其他家庭在合理轮候期内予以保障”未计入需求",
    ),
    ("elder_visits", 1.0, "A", "特殊困难老年人月探访率 | 100% | 100% | 约束性", ""),
    (
        "old_compound_renovation",
        round(OLD_HOMES, 4),
        "C",
        "城镇老旧小区改造(个) | 239栋 8805户 | 1329栋 53275户∗ | 预期性",
        "8805／（53275／5）：以规划五年合计的年均数为一份",
    ),
    ("public_culture", 0.788, "C", "每万人接受公共文化设施服务次数(次) | 13400 | 17000 | 预期性", "13400／17000：以规划目标为一份"),
    ("sports_space", 0.684, "C", "人均体育场地面积(平方米) | 1.71 | 2.5 | 预期性", "1.71／2.5：以规划目标为一份；正文为1.7"),
    ("community_space", 0.833, "C", "每百户居民拥有社区综合服务设施面积(平方米) | 25 | 30 | 预期性", "25／30：以规划目标为一份"),
)
TARGETS_PER_1000 = {"physicians": 3.15, "nurses": 4.5}

LINXIA = Place(
    pack="linxia",
    code="622900",
    name_zh="临夏回族自治州",
    name_en="Linxia Hui Autonomous Prefecture",
    short_zh="临夏州",
    short_en="Linxia",
    level="prefecture",
    parts="county",
    tier=1,
    srb=1.084,
    external=EXTERNAL,
    vital_source="linxia-macro",
    notes=NOTES,
    province=GANSU,
    tags=dict.fromkeys(("622921", "622922", "622923", "622924", "622925", "622926", "622927"), "ethnic;poor;rural") | {CITY: "ethnic;poor"},
    short={
        CITY: ("临夏市", "Linxia City"),
        "622921": ("临夏县", "Linxia County"),
        "622922": ("康乐", "Kangle"),
        "622923": ("永靖", "Yongjing"),
        "622924": ("广河", "Guanghe"),
        "622925": ("和政", "Hezheng"),
        "622926": ("东乡", "Dongxiang"),
        "622927": ("积石山", "Jishishan"),
    },
    same_province_outside=1.0,  # the parts are counties, so whoever moved over a county border moved in
)


def county_facts(facts: Path, parts: pd.DataFrame) -> pd.DataFrame:
    """The counties' page of the county yearbook (2020): revenue, spending, beds, pupils."""
    found = table(facts, "fiscal/county_fiscal_series.csv")
    found = found[found["region_code"].isin(list(parts.index)) & (found["year"].astype(int) == BASE_YEAR)]
    return found.pivot_table(index="region_code", columns="measure", values="value", aggfunc="first").astype(float)


def observed(facts: Path, home: Path) -> None:
    """The one population published after the census, end of 2022; births and deaths of the prefecture are not published."""
    found = table(facts, "fiscal/macro_series.csv")
    mine = found[(found["region_code"] == LINXIA.code) & (found["measure"] == "resident_population")]
    rows = [(LINXIA.code, "population", int(r.year), round(float(str(r.value)) * 10_000), "人", "B", "linxia-macro", "") for r in mine.itertuples()]
    write(home / "observed.csv", "region,item,year,value,unit,grade,source,note", rows)


def movers(facts: Path, home: Path) -> dict[int, float]:
    """mover_schedule.csv from the prefecture's own net loss by age, 2010-2020; returns it with its peak at one.

    Who was a at the first census and a+10 at the second moved at a+5 on average; the loss over the decade by that age, joined by straight lines.
    Rogers and Castro's default peaks at 22; here it is 17, when young people leave for school and the noodle shops of other provinces. Children under
    seven keep a stated part (the census of 2010 missed too many of them), those over 60 the rate of 55 (above it the method measures mortality).
    """
    found = table(facts, "demography/net_migration_2010_2020_by_age_derived.csv")
    found = found[found["region_code"] == LINXIA.code]
    loss: dict[float, float] = {0.0: YOUNG, 7.5: YOUNG}
    for first in range(5, 55, 5):
        mine = found[found["age_2010"] == f"{first}-{first + 4}"]
        expected = float(mine["expected_2020_without_migration"].sum())
        loss[first + 7.5] = max(0.0, -float(mine["net_migration_2010_20"].sum())) / expected
    peak = max(rate for age, rate in loss.items() if age > 7.5)
    points = {age: rate / peak if age > 7.5 else rate for age, rate in loss.items()}
    points[101.0] = points[max(points)]
    schedule = {}
    for age in range(101):
        below, above = max(x for x in points if x <= age + 0.5), min(x for x in points if x >= age + 0.5)
        part = 0.0 if below == above else (age + 0.5 - below) / (above - below)
        schedule[age] = (1 - part) * points[below] + part * points[above]
    highest = max(schedule.values())
    schedule = {age: rate / highest for age, rate in schedule.items()}
    rows = [(sex, age, f"{rate:.4f}", "C", "census2020", NOTES["movers"]) for sex in SEX.values() for age, rate in schedule.items()]
    write(home / "mover_schedule.csv", "sex,age,rate,grade,source,note", rows)
    return schedule


# --- money ----------------------------------------------------------------------------------------------------------


def function_shares(facts: Path) -> dict[str, float]:
    """Shares of spending by function, 2020: education of five poor cities of the province, the others of the province as a whole."""
    value = money_series(facts, [GANSU, *PEERS])

    def share(codes: Iterable[str], name: str) -> float:
        known = list(codes)
        return sum(value[c, f"exp_{name}", BASE_YEAR] for c in known) / sum(value[c, "gpb_expenditure", BASE_YEAR] for c in known)

    return {"education": share(PEERS, "education")} | {name: share([GANSU], name) for name in ("social_security", "health", "housing", "culture")}


def function_money(facts: Path, county: pd.DataFrame, parts: pd.DataFrame, persons: dict[str, Groups]) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Spending by function and county (100 million yuan) and its note.

    No county publishes functions. All of them together spend their peers' share; of it one half is split by spending, one half by the people it is for:
    东乡's spending of 2020 (19,000 yuan a head) is full of poverty-relief building, so spending alone would give its pupils twice the money of others'.
    """
    spent = county["gpb_expenditure"]
    children = pd.Series({code: ages(persons[str(code)], 3, 17) for code in parts.index})
    residents, towns = parts["total"].astype(float), parts["urban_pop"].astype(float)
    money, notes = {}, {}
    for name, share in function_shares(facts).items():
        whole = CATALOGUE_PART[name] * share * spent.sum()
        follows = children if name == "education" else residents
        split = HALF * spent / spent.sum() + (1 - HALF) * follows / follows.sum()
        renewal = RENEWAL * share * spent.sum() * towns / towns.sum() if name == "housing" else 0.0 * towns
        money[name] = {str(code): whole * part + renewal[code] for code, part in split.items()}
        form = NOTES["education"] if name == "education" else NOTES["function"] + (NOTES["renewal"] if name == "housing" else "")
        notes[name] = form.format(share=share, part=CATALOGUE_PART[name], people="常住人口")
    return money, notes


def debt(value: Series, part: float) -> tuple[float, list[tuple[object, ...]]]:
    """Yearly bonds open to the catalogue, and the rows of the debt items of a county that has `part` of the prefecture's debt (100 million yuan)."""
    balance = {year: value[LINXIA.code, "debt_balance", year] for year in range(2018, 2026)}
    first, last = (value[LINXIA.code, "debt_balance_general", year] for year in (2018, 2025))
    quota = BOND_PART * (balance[2022] - balance[2018]) / 4 * part
    rows: list[tuple[object, ...]] = [
        ("debt_balance", BASE_YEAR, balance[BASE_YEAR] * part, "C", "debt-atlas", NOTES["balance"].format(total=balance[BASE_YEAR])),
        ("new_bonds", BASE_YEAR, (last - first) / 7 * part, "C", "debt-atlas", NOTES["bonds"]),
    ]
    for year in range(BASE_YEAR, LAST_YEAR + 1):
        known = min(year, 2025)
        general = first + (last - first) * (known - 2018) / 7
        rows.append(("debt_interest", year, INTEREST_RATE * general * part, "C", "debt-atlas", NOTES["interest"]))
        if year in balance:
            rows.append(("debt_limit", year, LIMIT_OVER_BALANCE * balance[year] * part, "C", "debt-atlas", NOTES["limit"]))
        held = balance[known] * part * (1 + LIMIT_GROWTH) ** (year - known)
        rows.append(("other_debt", year, held - quota * (year - BASE_YEAR), "D", "assumption", NOTES["other_debt"]))
        rows.append(("bond_quota", year, quota, "D", "assumption", NOTES["quota"]))
    return quota, rows


def budget(facts: Path, county: pd.DataFrame, parts: pd.DataFrame, persons: dict[str, Groups], home: Path) -> pd.DataFrame:
    """fiscal.csv; returns the base year by county (100 million yuan) for the printed check.

    2020 closed the poverty campaign and brought epidemic grants: in 2021 the prefecture received 5.8 % less. Taken as they are, they would be felt as a
    cut of the catalogue, which never had that money. So the comparable transfers of 2020 are those of 2021 over 1 + ONE_OFF_STEP, alike in every county.
    """
    value = money_series(facts, [LINXIA.code])
    whole = {year: value[LINXIA.code, "gpb_revenue", year] for year in range(BASE_YEAR, 2025)}
    spending = value[LINXIA.code, "gpb_expenditure", BASE_YEAR]
    functions, notes = function_money(facts, county, parts, persons)
    bonds = sum(float(str(r[2])) for r in debt(value, 1.0)[1] if r[0] == "new_bonds")
    received = [value[LINXIA.code, "gpb_expenditure", y] - whole[y] - bonds for y in range(BASE_YEAR, 2025)]
    print("transfers of the prefecture, change 2021..2024:", ", ".join(f"{b / a - 1:.3f}" for a, b in zip(received, received[1:], strict=False)))
    comparable = received[1] / received[0] / (1 + ONE_OFF_STEP)
    rows: list[tuple[object, ...]] = []
    summary = []
    for code in parts.index:
        own, published = float(county.loc[code, "gpb_revenue"]), float(county.loc[code, "gpb_expenditure"])
        quota, owed = debt(value, published / spending)
        once = {str(item): float(str(amount)) for item, year, amount, *_ in owed if year == BASE_YEAR}
        grants = comparable * (published - own - once["new_bonds"])
        spent = own + once["new_bonds"] + grants
        found: list[tuple[object, ...]] = [("own_revenue", BASE_YEAR, own, "B", "county-yearbook", "")]
        found += [("own_revenue", year, own * whole[year] / whole[BASE_YEAR], "C", "linxia-macro", NOTES["revenue"]) for year in range(BASE_YEAR + 1, 2025)]
        found.append(("expenditure", BASE_YEAR, spent, "C", "county-yearbook", NOTES["expenditure"].format(published=published)))
        for name, money in functions.items():
            found.append((name, BASE_YEAR, money[str(code)], "C", "gs-peers" if name == "education" else "gs-yearbook", notes[name]))
        rows += [(code, item, year, f"{amount:.4f}", "亿元", *marks) for item, year, amount, *marks in [*found, *owed]]
        catalogue = sum(money[str(code)] for money in functions.values())
        summary.append((code, own, spent, once["new_bonds"], grants, catalogue, once["debt_interest"], quota))
    write(home / "fiscal.csv", "region,item,year,value,unit,grade,source,note", rows)
    columns = ["region", "own_revenue", "expenditure", "new_bonds", "grants", "catalogue", "interest", "bond_quota"]
    return pd.DataFrame(summary, columns=columns).set_index("region")


# --- places and staff -----------------------------------------------------------------------------------------------


def elder_places(county: pd.DataFrame, parts: pd.DataFrame, code: str) -> tuple[float, float]:
    """Elderly beds and day-care places of a county out of the prefecture's published totals."""
    elders, homes = parts["age_60p"].astype(float), county["residential_care_beds"]
    beds = float(homes[code] + (BEDS - homes.sum()) * elders[code] / elders.sum())
    centres = sum(count * float(parts.loc[code, f"{where}_pop"]) / float(parts[f"{where}_pop"].sum()) for where, count in DAY_CENTRES.items())
    return beds, PLACES_A_CENTRE * centres


def centres_by_county(parts: pd.DataFrame) -> dict[str, int]:
    """The townships with a multi-function centre by county: in proportion to households, whole numbers by largest remainder."""
    households = parts["total"].astype(float) / parts["avg_household_size"].astype(float)
    wanted = {str(code): WITH_CENTRE * share for code, share in (households / households.sum()).items()}
    found = {code: int(count) for code, count in wanted.items()}
    left = WITH_CENTRE - sum(found.values())
    for code in sorted(wanted, key=lambda code: found[code] - wanted[code])[:left]:
        found[code] += 1
    return found


def supply(county: pd.DataFrame, parts: pd.DataFrame, persons: dict[str, Groups], out: Path) -> None:
    """capacity.csv and coverage.csv: what there is at the end of the base year and whom it serves.

    The plan prints the prefecture's stocks; the county yearbook (pupils, hospital and elderly beds) and the census say where they are.
    """
    total = float(parts["total"].sum())
    units = units_per_client(out, LINXIA.pack)
    plan = ("C", "plan-linxia")
    capacity: list[tuple[object, ...]] = []
    coverage: list[tuple[object, ...]] = []
    with_centre = centres_by_county(parts)
    for code, part in parts.iterrows():
        groups = persons[str(code)]
        need = needs(LINXIA, out, part, groups)
        residents = float(part["total"])
        counted = float(county.loc[code, "pupils_primary"]) + ENROLLED["compulsory_education"] * ages(groups, 12, 14)
        pupils = max(counted, ENROLLED["compulsory_education"] * need["compulsory_education"])
        beds, day_places = elder_places(county, parts, str(code))
        own_beds = NOTES["beds"].format(own=county.loc[code, "residential_care_beds"])
        places: dict[str, tuple[str, float, tuple[str, str, str]]] = {
            "preschool": ("kindergarten_place", ENROLLED["preschool"] * need["preschool"] * (1.05 + SLACK), ("C", "census2020", NOTES["kindergarten"])),
            "compulsory_education": ("school_place", pupils * (1 + CROWDED), ("C", "county-yearbook", NOTES["school"])),
            "senior_secondary": ("senior_place", ENROLLED["senior_secondary"] * need["senior_secondary"] * (1 + SLACK), ("C", "census2020", NOTES["senior"])),
            "childcare_places": ("nursery_place", PER_1000["nursery_place"] * residents / 1000, (*plan, NOTES["per_1000"].format(value=0.45))),
            "nursing_care": ("nursing_bed", NURSING_SHARE * beds, (*plan, own_beds)),
            "basic_elder_care": ("ordinary_bed", (1 - NURSING_SHARE) * beds, (*plan, own_beds)),
            "day_care": ("day_care_place", day_places, (*plan, NOTES["day_care"])),
        }
        for service, resource in (("disability_rehab", "rehab_place"), ("public_rental", "rental_flat")):
            places[service] = (resource, BUILT[service] * need[service], ("D", "assumption", NOTES["built"].format(share=BUILT[service])))
        workers = 0.0
        for service, (resource, count, marks) in places.items():
            capacity.append((code, resource, round(count), "个", *marks))
            if service in OCCUPIED and service != "public_rental":  # whose coverage the plan states
                used = OCCUPIED[service]
                share = round(min(0.95, used * count / need[service]), 3)
                coverage.append((service, code, "all", share, "C", "derived", NOTES["idle" if used < 0.5 else "occupied"].format(share=used)))
                workers += 1.05 * units.get((service, "care_worker"), 0.0) * share * need[service]
        hospital = float(county.loc[code, "health_beds"] / county["health_beds"].sum())
        here = HOSPITAL_PART * hospital + (1 - HOSPITAL_PART) * residents / total
        staff = {resource: PER_1000[resource] * total / 1000 * here for resource in ("physician", "nurse")}
        households = residents / float(part["avg_household_size"])
        capacity += [
            (code, "care_worker", round(workers), "人", "C", "staff", NOTES["workers"]),
            *((code, resource, round(count), "人", *plan, NOTES["staff"].format(value=PER_1000[resource])) for resource, count in staff.items()),
            (code, "culture_space", round(PER_PERSON["culture_space"] * residents), "平方米", *plan, NOTES["per_person"].format(words="每万人652平方米")),
            (code, "sports_area", round(PER_PERSON["sports_area"] * residents), "平方米", *plan, NOTES["per_person"].format(words="人均1.71平方米")),
            (code, "community_area", round(COMMUNITY * households), "平方米", *plan, NOTES["per_person"].format(words="每百户25平方米")),
        ]
        for service, resource in (("physicians", "physician"), ("nurses", "nurse")):
            share = min(1.1, staff[resource] / residents / units[service, resource])
            coverage.append((service, code, "all", f"{share:.3f}", *plan, NOTES["staff_cover"].format(target=TARGETS_PER_1000[service])))
        beds, centres = float(county.loc[code, "health_beds"]), with_centre[str(code)]
        own = min(1.1, beds / residents * 1000 / BEDS_TARGET)
        capacity.append((code, "hospital_bed", round(beds), "张", "B", "county-yearbook", NOTES["hospital"]))
        capacity.append((code, "township_elder_centre", centres, "所", "C", "linxia-macro", NOTES["centre"]))
        coverage.append(("hospital_beds", code, "all", f"{own:.3f}", "C", "county-yearbook", NOTES["hospital_cover"]))
        share = centres / households / units["township_elder_service", "township_elder_centre"]
        coverage.append(("township_elder_service", code, "all", f"{share:.3f}", "C", "linxia-macro", NOTES["centre_cover"]))
    coverage.append(("inclusive_preschool", "*", "all", 0.8474, "C", "edu-2020", "规划未印基年数；取2020年全国普惠性幼儿园在园幼儿占比，临夏未见公布"))
    for service, share, grade, quote, note in PLAN_COVERAGE:
        coverage.append((service, "*", "all", share, grade, "plan-linxia", note, quote))
    write(out / "linxia" / "capacity.csv", "region,resource,value,unit,grade,source,note", capacity)
    write(out / "linxia" / "coverage.csv", "service,region,residence,value,grade,source,note,quote", coverage)


def build(facts: Path, out: Path, schedule: dict[int, float], shapes: dict[str, dict[int, float]]) -> None:
    """Write Linxia's tables, check them and print the totals that a maintainer looks at. The national movers' schedule and fertility shapes are not needed."""
    home = out / LINXIA.pack
    parts, persons = census(facts, LINXIA.code, GANSU)
    county = county_facts(facts, parts)
    people(LINXIA, parts, persons, home)
    vital(LINXIA, facts, parts, persons, movers(facts, home), home)
    observed(facts, home)
    money = budget(facts, county, parts, persons, home)
    supply(county, parts, persons, out)
    check(LINXIA, parts, persons, money)
    show(LINXIA, money, out)
    women = sum(ages(persons[str(code)], 15, 49, [SEX["F"]]) for code in parts.index)
    print(f"women of 15-49: {women:.0f}, indirect TFR 2020: 2.434")
