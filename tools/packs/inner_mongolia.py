"""Inner Mongolia: 12 leagues and cities, base 2020, money from yearbooks and debt tables, stocks from the plan and the yearbooks of 2021.

Thinner than Liaoning: three leagues (Hinggan, Xilingol, Alxa) have no row in the city yearbook, and only Alxa publishes spending by function.
How each gap is closed stands in the docstring of the function that closes it and in the note of the row.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from packs.shared import (
    CENSUS_YEAR,
    LAST_YEAR,
    Groups,
    Place,
    Series,
    ages,
    census,
    check,
    implied_tfr,
    merged,
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

BASE_YEAR = CENSUS_YEAR
HINGGAN, XILINGOL, ALXA = "152200", "152500", "152900"
FUNCTIONS = ("social_security", "health", "housing", "culture")
TAGS = {
    # border: has border banners; ethnic: minorities above a quarter of the census population; pastoral: nearly all banners are pastoral ones;
    # poor: lowest own revenue over spending; metropolitan: the cluster that the plan names (呼包鄂乌)
    "150100": "metropolitan",
    "150200": "metropolitan;border",
    "150500": "ethnic",
    "150600": "metropolitan",
    "150700": "border",
    "150800": "border",
    "150900": "metropolitan;border;poor",
    HINGGAN: "border;ethnic;poor",
    XILINGOL: "border;ethnic;pastoral",
    ALXA: "border;pastoral",
}

# Assumptions of this importer; each is repeated in the note of the rows it shapes.
EXTERNAL = 21_000  # persons a year: mean residual of the region 2021-2024 (0.1, 6.6, 3.0, -1.2 in 10,000)
TRANSFER_STEP = 0.01  # comparable transfers of all leagues, 2021 against 2020
PUBLISHED = range(2021, 2025)  # years with revenue and spending of all twelve
INTEREST_RATE = 0.03  # of general debt; Hohhot 2024: 45.6 of 1,506 (mean of two year-ends); gives the region's 179 of 2020
# what the catalogue is of each function: chosen so that all leagues together cost at national standards what was spent
CATALOGUE_PART = {"education": 1.0, "social_security": 0.205, "health": 0.62, "housing": 0.057, "culture": 0.14}
LIMIT_OVER_BALANCE = 1.01  # debt limits by league are not published
LIMIT_GROWTH = 0.03  # of debt outside the catalogue after the last year, as parameters.yaml has it for the limit
BOND_PART, LEAST_RISE = 0.15, 0.02  # of the yearly rise of all debt 2018-2022 (at least 2 % of it), what the catalogue may use
SLACK, MOST_SLACK = 0.06, 0.25  # empty school places where nobody left, and at most
SPARSE_PART = 0.5  # of what a league spends on a child above the region's mean, the part that distance and small schools explain
OCCUPIED = {"childcare_places": 0.7, "nursing_care": 0.6, "basic_elder_care": 0.55, "day_care": 0.7, "disability_rehab": 0.85, "public_rental": 0.95}
BUILT = {"day_care": 0.40, "disability_rehab": 0.85, "public_rental": 0.97}  # places, as a share of the need, where no stock is published
BEDS, NURSING_SHARE = 85_400, 0.42  # the plan, end of 2020
PER_1000 = {"physician": 3.35, "nursery_place": 1.8}  # the plan; the national figure of 2020
HEALTH_STAFF, NURSE_SHARE = 202_000, 0.43  # the plan; nurses among health staff
SPORTS = 2.16  # square metres a head, the plan
ENROLLED = {"preschool": 0.90, "compulsory_education": 0.99, "senior_secondary": 0.946}

NOTES = {
    "non_local": "（外省＋本区其他旗县×0.4）／（城镇人口＋乡村人口／3）；两个系数为假设",
    "tfr": "间接标准化：0岁人口／（妇女×全国生育率），除以全区同法之值",
    "e0": "各盟市预期寿命未见公布，取全区",
    "srb": "全区2020年长表105.6",
    "external": "全区2021—2024年人口变动减自然增长，年均＋2.1万，按2020年人口分摊",
    "leaving": "迁移年龄模式峰值处的比率：2010—2020年净迁移（普查存活比法）年均×0.8加各地0.4%对流（假设），除以模式均值",
    "destination": "同上，迁入量占全区迁入量之比",
    "recalled": "回忆数，待核",
    "rate": "出生率、死亡率（回忆数）×年平均人口",
    "rounded": "城市年鉴，取整到万人，2023年末；未用于推算，只作回测",
    "bulletin": "当地公报",
    "sparse": "2020年0—14岁人均教育支出{spent:.0f}元／全区{mean:.0f}元，差额的一半算作地广人稀成本（假设）{rich}",
    "revenue_back": "2020年未见公布：2021年数÷其余各市（不含鄂尔多斯）同期增长{growth:.3f}{floor}",
    "secondary": "年鉴、财政局和评级报告的二手汇总",
    "bonds": "一般债务余额比上年增加额{filled}",
    "filled": "；未公布一般债务的，取全部债务增加额×有数盟市一般债务所占增量",
    "expenditure": "可比口径＝2020年收入＋债券＋转移支付；{published}转移支付按2021—2024年（支出－收入－一般债务增加额）各地占比分摊",
    "education_filled": "未见公布：按10个盟市0—14岁人均教育支出对人均总支出的弹性{elasticity:.2f}推算",
    "function": "全区{name}{whole:.1f}亿元×{part:.3f}（各盟市支出占比）×目录部分{share}（假设）；"
    "按目录服务需要×人均支出的{elasticity:.2f}次方（教育支出的弹性）分摊",
    "balance": "一般债务与专项债务余额",
    "interest": "一般债务余额×3%（呼和浩特2024年付息／余额；合计与全区决算179亿元相符）",
    "limit": "限额未见分盟市公布，取余额×1.01",
    "other_debt": "债务余额（最后公布年后每年增长3%）减去目录累计新增债券",
    "quota": "2018—2022年债务年均增加额的15%",
    "school": "学龄人口×入学率，加空余{slack:.0%}：6%＋2010—2020年人口减少幅度，上限25%（流出地学位更空）{coming}",
    "coming": "；在建学位计到两年后学龄（已出生儿童）＋{growth:.1%}",
    "nursery": "规划未列2020年数，取全国每千人1.8个",
    "beds": "养老床位占比（年鉴2021年，乌兰察布和三盟为2020年旗县合计）×规划8.54万张×{share:.0%}",
    "built": "未见公布，取需求的{share:.0%}",
    "occupied": "能力×使用率{share}／需求，上限0.95；使用率为假设",
    "workers": "在住老年人按人员配备系数折算，加5%",
    "physician": "2021年各市医师占比×全区每千人3.35名；三盟未见公布，取通辽、赤峰、乌兰察布人均",
    "nurse": "卫生技术人员20.2万人×0.43（假设）×各盟市医院床位占比（三盟用2020年旗县卫生机构床位）",
    "visits": "每人次所需面积×2020年人次，富余两成",
    "sports": "规划：2020年人均2.16平方米，各盟市按人口同率",
    "community": "每户0.25平方米，规划未列2020年数",
    "staff_cover": "每千人数／一份服务所需",
}
PLAN_COVERAGE = (  # service, share, grade, words of the plan, note
    ("preschool", 0.90, "D", "", "规划未列毛入园率；全国2020年85.2%，全区较高"),
    ("compulsory_education", 0.99, "D", "", "在学比例未公布；规划的巩固率93%是一届学生从入学到毕业的留存率，若当作在学比例，保底线会在第一年多出7%的学生"),
    ("senior_secondary", 0.946, "A", "高中階段毛入學率達到94.6%", ""),
    ("medical_insurance_residents", 0.95, "A", "基本醫療保險參保率達到95%", ""),
    ("public_culture", 0.90, "D", "", "规划未列人次"),
    ("sports_space", 0.83, "C", "人均體育場地面積達到2.16平方米", "2.16／2.6平方米"),
    ("community_space", 0.75, "D", "", ""),
    ("veteran_training", 0.85, "D", "", ""),
)

INNER_MONGOLIA = Place(
    pack="inner-mongolia",
    code="150000",
    name_zh="内蒙古自治区",
    name_en="Inner Mongolia",
    short_zh="内蒙古",
    short_en="Inner Mongolia",
    level="province",
    parts="prefecture",
    tier=1,
    tags=TAGS,
    srb=1.056,
    external=EXTERNAL,
    vital_source="im-comm",
    notes=NOTES,
)


# --- people ---------------------------------------------------------------------------------------------------------


def spread_arrivals(leagues: pd.DataFrame, sparse: dict[str, tuple[float, str]], home: Path) -> None:
    """Net arrivals from outside are few and came to all kinds of leagues, so they are shared out by residents, not among those that lost people;
    adds the coefficient of sparse settlement to vital.csv."""
    rows = pd.read_csv(home / "vital.csv", dtype=str, keep_default_na=False)
    outside = rows["item"] == "external_net_migration"
    size = rows.loc[outside, "region"].map(leagues["total"].astype(float))
    rows.loc[outside, "value"] = [str(round(EXTERNAL * n / leagues["total"].astype(float).sum())) for n in size]
    more = [(code, "cost_difference", f"{value:.3f}", "倍", "D", "assumption", note) for code, (value, note) in sparse.items()]
    write(home / "vital.csv", ",".join(rows.columns), [*rows.itertuples(index=False, name=None), *more])


def more_observed(facts: Path, leagues: pd.DataFrame, home: Path) -> None:
    """Adds what the vital series lack: births and deaths of 2021 from rates, and the cities' year-end populations of the yearbooks."""
    rows = pd.read_csv(home / "observed.csv", dtype=str, keep_default_na=False)
    series = table(facts, "demography/vital_series.csv")
    of = {(str(r.indicator), int(r.year)): float(r.value) for r in series[series["region_code"] == INNER_MONGOLIA.code].itertuples()}
    mean = (of["resident_pop_yearend", 2020] + of["resident_pop_yearend", 2021]) / 2
    more: list[tuple[object, ...]] = [
        (INNER_MONGOLIA.code, item, 2021, round(of[rate, 2021] * mean * 10), "人", "C", "im-comm", NOTES["rate"])
        for item, rate in (("births", "birth_rate"), ("deaths", "death_rate"))
    ]
    macro = table(facts, "fiscal/macro_series.csv")
    macro = macro[(macro["measure"] == "resident_population") & (macro["year"] > BASE_YEAR) & macro["region_code"].isin(list(leagues.index))]
    for r in macro.sort_values(["region_code", "year"]).itertuples():
        note = NOTES["rounded"] if float(r.value).is_integer() else NOTES["bulletin"]
        more.append((r.region_code, "population", r.year, round(float(r.value) * 10_000), "人", "B", "city-yearbook-im", note))
    write(home / "observed.csv", ",".join(rows.columns), [*rows.itertuples(index=False, name=None), *more])


# --- money ----------------------------------------------------------------------------------------------------------


def between(known: dict[int, float], year: int) -> float:
    """Value of a year on the straight line between the nearest known years; before the first and after the last the value stays."""
    before, after = [y for y in known if y <= year], [y for y in known if y >= year]
    if not before or not after:
        return known[min(after) if after else max(before)]
    first, last = max(before), min(after)
    return known[first] if first == last else known[first] + (known[last] - known[first]) * (year - first) / (last - first)


def debts(value: Series, codes: list[str]) -> tuple[dict[tuple[str, int], float], dict[tuple[str, int], float], set[tuple[str, int]]]:
    """All debt and general debt by league and year, and which of the general figures are filled.

    A missing balance lies on the line between its neighbours; after the last published year the leagues without a figure grow like those that have
    one. The general part of a league that never publishes it is the mean part of those that do in that year.
    """
    years = range(2018, 2026)
    balance: dict[tuple[str, int], float] = {}
    for code in codes:
        known = {year: value[code, "debt_balance", year] for year in years if (code, "debt_balance", year) in value}
        for year in years:
            if year <= max(known):
                balance[code, year] = between(known, year)
    last = [code for code in codes if (code, 2025) in balance]
    rise = sum(balance[code, 2025] for code in last) / sum(balance[code, 2024] for code in last)
    balance |= {(code, 2025): balance[code, 2024] * rise for code in codes if (code, 2025) not in balance}
    part = {
        code: {year: value[code, "debt_balance_general", year] / balance[code, year] for year in years if (code, "debt_balance_general", year) in value}
        for code in codes
    }
    seen = {year: [found[year] for found in part.values() if year in found] for year in years}
    general: dict[tuple[str, int], float] = {}
    filled = set()
    for code in codes:
        for year in years:
            typical = sum(seen[year]) / len(seen[year])
            # half a dozen leagues publish the split in a few years only: their own distance from the typical part is kept in between
            distance = {y: share - sum(seen[y]) / len(seen[y]) for y, share in part[code].items()}
            share = part[code].get(year, typical + (between(distance, year) if distance else 0.0))
            general[code, year] = share * balance[code, year]
            if year not in part[code]:
                filled.add((code, year))
    return balance, general, filled


def general_rise(
    balance: dict[tuple[str, int], float], general: dict[tuple[str, int], float], filled: set[tuple[str, int]], codes: list[str], year: int
) -> dict[str, float]:
    """Rise of general debt in a year by league, not below zero: the bonds that paid for budget spending.

    A league that does not publish both year-ends has its rise of all debt times the part that was general where both are published.
    """
    sure = [code for code in codes if not {(code, year), (code, year - 1)} & filled]
    rises = {code: max(0.0, balance[code, year] - balance[code, year - 1]) for code in codes}
    exact = {code: max(0.0, general[code, year] - general[code, year - 1]) for code in sure}
    part = sum(exact.values()) / sum(rises[code] for code in sure)
    return {code: exact.get(code, part * rises[code]) for code in codes}


def fill_revenue(facts: Path, value: Series, codes: list[str]) -> dict[str, str]:
    """Own revenue of 2020 of the leagues that publish it from 2021 on, put into `value`; returns the note of each.

    2021 taken back by the growth of the others (Ordos left out: coal), but not below what the league's banners took in 2020 (county yearbook).
    """
    others = [code for code in codes if (code, "gpb_revenue", BASE_YEAR) in value and code not in ("150600", ALXA)]
    growth = sum(value[code, "gpb_revenue", 2021] for code in others) / sum(value[code, "gpb_revenue", BASE_YEAR] for code in others)
    banners = table(facts, "fiscal/county_fiscal_series.csv")
    banners = banners[(banners["year"] == BASE_YEAR) & (banners["measure"] == "gpb_revenue") & banners["region_code"].str.isdigit()]
    notes = {}
    for code in codes:
        if (code, "gpb_revenue", BASE_YEAR) in value:
            continue
        least = float(banners[banners["region_code"].str.startswith(code[:4])]["value"].sum())
        back = value[code, "gpb_revenue", 2021] / growth
        value[code, "gpb_revenue", BASE_YEAR] = max(back, least)
        notes[code] = NOTES["revenue_back"].format(growth=growth, floor=f"；低于旗县合计，取旗县合计{least:.2f}亿元" if back < least else "")
    return notes


def base_grants(value: Series, codes: list[str], rises: dict[int, dict[str, float]]) -> dict[str, float]:
    """Comparable transfers of the base year by league.

    Spending of 2020 still held pension money that moved up to the region in 2021 (the leagues' part of all spending falls from about 84 to 81 %).
    So all leagues together received what the identity (spending - own revenue - rise of general debt) gives for 2021, over 1 + TRANSFER_STEP,
    and each league its part of the transfers of 2021-2024. Bonds of late 2023 that paid old debts are in the rise of general debt, so they are not transfers.
    """
    received = {code: [value[code, "gpb_expenditure", y] - value[code, "gpb_revenue", y] - rises[y][code] for y in PUBLISHED] for code in codes}
    path = [sum(found[i] for found in received.values()) for i in range(len(PUBLISHED))]
    path.insert(0, path[0] / (1 + TRANSFER_STEP))
    print("general bonds:", {year: round(sum(found.values())) for year, found in rises.items()})
    print("transfers 2020..2024:", ", ".join(f"{amount:.0f}" for amount in path))
    print("fiscal.transfer_growth 2021..2024:", ", ".join(f"{later / earlier - 1:.3f}" for earlier, later in zip(path, path[1:], strict=False)))
    return {code: path[0] * sum(found) / sum(path[1:]) for code, found in received.items()}


def elasticity(value: Series, leagues: pd.DataFrame) -> tuple[float, float]:
    """Slope and constant of log(education spending a child under 15) on log(all spending a head), 2020, over the leagues that publish both."""
    points = []
    for code, league in leagues.iterrows():
        if (code, "exp_education", BASE_YEAR) in value and (code, "gpb_expenditure", BASE_YEAR) in value:
            child = value[str(code), "exp_education", BASE_YEAR] * 1e8 / float(league["age_0_14"])
            head = value[str(code), "gpb_expenditure", BASE_YEAR] * 1e8 / float(league["total"])
            points.append((math.log(head), math.log(child)))
    x, y = (sum(p[i] for p in points) / len(points) for i in (0, 1))
    slope = sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
    return slope, y - slope * x


def need_cost(leagues: pd.DataFrame, persons: dict[str, Groups], out: Path) -> dict[str, dict[str, float]]:
    """Yuan by function and league that everyone in need would cost at the standards of the base year (drivers population and households)."""
    services = merged(out, INNER_MONGOLIA.pack, "services.csv", ["service"]).set_index("service")
    dated = merged(out, INNER_MONGOLIA.pack, "standards.csv", ["service", "year"])
    dated = dated[dated["year"].astype(int) <= BASE_YEAR].assign(year=lambda rows: rows["year"].astype(int)).sort_values("year")
    standard = dated.groupby("service")["yuan"].last().astype(float)
    found: dict[str, dict[str, float]] = {name: {} for name in FUNCTIONS}
    for code, league in leagues.iterrows():
        need = needs(INNER_MONGOLIA, out, league, persons[str(code)])
        for service, clients in need.items():
            name, driver = services.loc[service, "function"], services.loc[service, "driver"]
            if name in found and driver in ("population", "households"):
                found[name][str(code)] = found[name].get(str(code), 0.0) + clients * float(standard[service])
    return found


def budget(facts: Path, leagues: pd.DataFrame, persons: dict[str, Groups], out: Path) -> tuple[pd.DataFrame, dict[str, float]]:
    """fiscal.csv; returns the base year by league (100 million yuan) for the printed check, and education spending by league.

    A function that no league publishes is the region's own sum of 2020, cut to the leagues' part of all spending, and shared out by what the
    services need x (spending a head) ** the elasticity that education shows: richer and emptier leagues spend more on a client, but less than in
    proportion. Alxa, the only league that publishes functions, is printed beside the method's figure.
    """
    home = out / INNER_MONGOLIA.pack
    codes = [str(code) for code in leagues.index]
    value = money_series(facts, [*codes, INNER_MONGOLIA.code])
    series = table(facts, "fiscal/fiscal_series.csv")
    series = series[(series["preferred"] == 1) & series["region_code"].isin(codes)]
    titles = {(str(r.region_code), str(r.measure), int(r.year)): str(r.source_title) for r in series.itertuples()}
    balance, general, filled = debts(value, codes)
    revenue_note = fill_revenue(facts, value, codes)
    rises = {year: general_rise(balance, general, filled, codes, year) for year in (BASE_YEAR, *PUBLISHED)}
    bonds = rises[BASE_YEAR]
    grants = base_grants(value, codes, rises)
    spent = {code: value[code, "gpb_revenue", BASE_YEAR] + bonds[code] + grants[code] for code in codes}
    slope, constant = elasticity(value, leagues)
    print(f"elasticity of education spending a child to all spending a head: {slope:.3f}")
    residents = leagues["total"].astype(float)
    needed = need_cost(leagues, persons, out)
    weight = {name: {code: needed[name][code] * (spent[code] / residents[code]) ** slope for code in codes} for name in FUNCTIONS}
    part = sum(spent.values()) / value[INNER_MONGOLIA.code, "gpb_expenditure", BASE_YEAR]
    names = {"social_security": "社会保障和就业", "health": "卫生健康", "housing": "住房保障", "culture": "文化旅游体育与传媒"}
    rows: list[tuple[object, ...]] = []
    summary, schooling = [], {}
    for code in codes:
        found: list[tuple[object, ...]] = []
        for year in range(BASE_YEAR, 2026):
            if (code, "gpb_revenue", year) not in value:
                continue
            marks = marks_of(titles.get((code, "gpb_revenue", year), ""))
            if year == BASE_YEAR and code in revenue_note:
                marks = ("C", "atlas", revenue_note[code])
            found.append(("own_revenue", year, value[code, "gpb_revenue", year], *marks))
        published = value.get((code, "gpb_expenditure", BASE_YEAR))
        note = "2020年支出未见公布，" if published is None else f"公布数{published:.1f}亿元含2021年起上移的养老统筹，"
        source = marks_of(titles.get((code, "gpb_expenditure", 2021), ""))[1]
        found.append(("expenditure", BASE_YEAR, spent[code], "C", source, NOTES["expenditure"].format(published=note)))
        gap = NOTES["filled"] if {(code, BASE_YEAR), (code, BASE_YEAR - 1)} & filled else ""
        found.append(("new_bonds", BASE_YEAR, bonds[code], "C", "im-debt", NOTES["bonds"].format(filled=gap)))
        if (code, "exp_education", BASE_YEAR) in value:
            schooling[code] = value[code, "exp_education", BASE_YEAR]
            marks = marks_of(titles[code, "exp_education", BASE_YEAR])
        else:
            child = math.exp(constant + slope * math.log(spent[code] * 1e8 / residents[code]))
            schooling[code] = child * float(leagues.loc[code, "age_0_14"]) / 1e8
            marks = ("C", "derived", NOTES["education_filled"].format(elasticity=slope))
        parts = {"education": schooling[code]}
        found.append(("education", BASE_YEAR, schooling[code], *marks))
        for name in FUNCTIONS:
            whole = value[INNER_MONGOLIA.code, f"exp_{name}", BASE_YEAR]
            parts[name] = CATALOGUE_PART[name] * whole * part * weight[name][code] / sum(weight[name].values())
            note = NOTES["function"].format(name=names[name], whole=whole, part=part, elasticity=slope, share=CATALOGUE_PART[name])
            found.append((name, BASE_YEAR, parts[name], "C", "im-functions", note))
        quota = BOND_PART * max((balance[code, 2022] - balance[code, 2018]) / 4, LEAST_RISE * balance[code, BASE_YEAR])
        found += owed(code, balance, general, quota, "官方" in titles.get((code, "debt_balance", BASE_YEAR), ""))
        rows += [(code, item, year, f"{amount:.4f}", "亿元", *marks) for item, year, amount, *marks in found]
        interest = INTEREST_RATE * general[code, BASE_YEAR]
        summary.append((code, value[code, "gpb_revenue", BASE_YEAR], spent[code], bonds[code], grants[code], sum(parts.values()), interest, quota))
    write(home / "fiscal.csv", "region,item,year,value,unit,grade,source,note", rows)
    columns = ["region", "own_revenue", "expenditure", "new_bonds", "grants", "catalogue", "interest", "bond_quota"]
    alxa = {name: CATALOGUE_PART[name] * value[ALXA, f"exp_{name}", BASE_YEAR] for name in ("social_security", "health", "culture")}
    mine = {str(item): float(str(amount)) for code, item, year, amount, *_ in rows if code == ALXA and item in alxa}
    print("Alxa by this method and published (x catalogue part):", {name: (round(mine[name], 2), round(alxa[name], 2)) for name in alxa})
    return pd.DataFrame(summary, columns=columns).set_index("region"), schooling


def marks_of(title: str) -> tuple[str, str, str]:
    """Grade, source id and note of a money figure by the title it was read from."""
    if "城市统计年鉴" in title:
        return "B", "city-yearbook-im", ""
    if "阿拉善" in title:
        return "B", "alxa2020", "盟级快报"
    if "赤峰市2025" in title:
        return "B", "chifeng2025", "快报"
    if "中宏网" in title:
        return "B", "im-press", ""
    return "C", "atlas", NOTES["secondary"]


def owed(code: str, balance: dict[tuple[str, int], float], general: dict[tuple[str, int], float], quota: float, official: bool) -> list[tuple[object, ...]]:
    """Rows of the debt items of one league, from the base year to LAST_YEAR."""
    note = NOTES["balance"] + ("" if official else "；" + NOTES["secondary"])
    rows: list[tuple[object, ...]] = [("debt_balance", BASE_YEAR, balance[code, BASE_YEAR], "B" if official else "C", "im-debt", note)]
    for year in range(BASE_YEAR, LAST_YEAR + 1):
        known = min(year, 2025)
        held = balance[code, known] * (1 + LIMIT_GROWTH) ** (year - known)
        rows.append(("debt_interest", year, INTEREST_RATE * general[code, known], "C", "im-debt", NOTES["interest"]))
        if year <= 2025:
            rows.append(("debt_limit", year, LIMIT_OVER_BALANCE * balance[code, year], "C", "im-debt", NOTES["limit"]))
        rows.append(("other_debt", year, held - quota * (year - BASE_YEAR), "D", "assumption", NOTES["other_debt"]))
        rows.append(("bond_quota", year, quota, "D", "assumption", NOTES["quota"]))
    return rows


def sparse_cost(leagues: pd.DataFrame, schooling: dict[str, float]) -> dict[str, tuple[float, str]]:
    """Coefficient of sparse settlement by league and its note: 1 + half of what the league spends on a child above the region's mean.

    The plan names the reason (地广人稀) and the equalisation formula has such factors, but no weight is published. Ordos spends more because it is
    rich, so it stays at 1.
    """
    children = leagues["age_0_14"].astype(float)
    mean = sum(schooling.values()) * 1e8 / children.sum()
    found = {}
    for code in schooling:
        spent = schooling[code] * 1e8 / children[code]
        rich = code == "150600"
        note = NOTES["sparse"].format(spent=spent, mean=mean, rich="；鄂尔多斯因财力高，取1" if rich else "")
        found[code] = (1.0 if rich else 1 + SPARSE_PART * (spent / mean - 1), note)
    return found


# --- places and staff -----------------------------------------------------------------------------------------------


def stocks(facts: Path, leagues: pd.DataFrame) -> pd.DataFrame:
    """Beds in homes, doctors and hospital beds by league: yearbook 2021; where it has none, sums of the banners (2020) or the rate of like leagues."""
    found = table(facts, "fiscal/service_stock_2021.csv")
    found = found[found["region_code"].isin(list(leagues.index))].pivot_table(index="region_code", columns="measure", values="value", aggfunc="first")
    found = found[["nursing_home_beds", "doctors", "hospital_beds"]].astype(float).reindex(leagues.index)
    banners = table(facts, "fiscal/county_fiscal_series.csv")
    banners = banners[(banners["year"] == BASE_YEAR) & banners["region_code"].str.isdigit()]
    residents = leagues["total"].astype(float)
    like = ["150400", "150500", "150900"]
    rate = found.loc[like, "doctors"].sum() / residents[like].sum()
    for code in found.index:
        mine = banners[banners["region_code"].str.startswith(str(code)[:4])]
        for column, measure in (("nursing_home_beds", "residential_care_beds"), ("hospital_beds", "health_beds")):
            if math.isnan(found.loc[code, column]):
                found.loc[code, column] = float(mine[mine["measure"] == measure]["value"].sum())
        if math.isnan(found.loc[code, "doctors"]):
            found.loc[code, "doctors"] = rate * residents[code]
    return found


def supply(facts: Path, leagues: pd.DataFrame, persons: dict[str, Groups], out: Path) -> None:
    """capacity.csv and coverage.csv: what there is at the end of the base year and whom it serves.

    Stocks by league give each league's part of the plan's figure of 2020; where nothing is published, a stated share of the need.
    """
    stock = stocks(facts, leagues)
    part = stock / stock.sum()
    thousands = leagues["total"].astype(float).sum() / 1000
    units = units_per_client(out, INNER_MONGOLIA.pack)
    visiting = next(share for service, share, *_ in PLAN_COVERAGE if service == "public_culture")
    capacity: list[tuple[object, ...]] = []
    coverage: list[tuple[object, ...]] = []
    for code, league in leagues.iterrows():
        need = needs(INNER_MONGOLIA, out, league, persons[str(code)])
        residents = float(league["total"])
        slack = min(MOST_SLACK, SLACK + max(0.0, -float(league["change_2010_2020_pct"]) / 100))
        groups = persons[str(code)]
        # pupils of two years on are born already, so the schools they need are under way
        coming = {
            service: max(0.0, ages(groups, first - 2, last - 2) / ages(groups, first, last) - 1)
            for service, first, last in (("compulsory_education", 6, 14), ("senior_secondary", 15, 17))
        }
        school = {
            service: ("C", "census2020", NOTES["school"].format(slack=slack, coming=NOTES["coming"].format(growth=growth) if growth > 0 else ""))
            for service, growth in [("preschool", 0.0), *coming.items()]
        }
        beds = BEDS * part.loc[code, "nursing_home_beds"]
        places: dict[str, tuple[str, float, tuple[str, str, str]]] = {
            "preschool": ("kindergarten_place", ENROLLED["preschool"] * need["preschool"] * (1.05 + slack), school["preschool"]),
            "compulsory_education": (
                "school_place",
                need["compulsory_education"] * (1 + slack) * (1 + coming["compulsory_education"]),
                school["compulsory_education"],
            ),
            "senior_secondary": (
                "senior_place",
                ENROLLED["senior_secondary"] * need["senior_secondary"] * (1.03 + slack / 2) * (1 + coming["senior_secondary"]),
                school["senior_secondary"],
            ),
            "childcare_places": ("nursery_place", PER_1000["nursery_place"] * residents / 1000, ("D", "assumption", NOTES["nursery"])),
            "nursing_care": ("nursing_bed", NURSING_SHARE * beds, ("C", "plan-inner-mongolia", NOTES["beds"].format(share=NURSING_SHARE))),
            "basic_elder_care": ("ordinary_bed", (1 - NURSING_SHARE) * beds, ("C", "plan-inner-mongolia", NOTES["beds"].format(share=1 - NURSING_SHARE))),
        }
        for service, resource in (("day_care", "day_care_place"), ("disability_rehab", "rehab_place"), ("public_rental", "rental_flat")):
            places[service] = (resource, BUILT[service] * need[service], ("D", "assumption", NOTES["built"].format(share=BUILT[service])))
        rows, served, workers = stocked(str(code), places, need, units, OCCUPIED, NOTES["occupied"])
        capacity += rows
        coverage += served
        staff = {
            "physician": PER_1000["physician"] * thousands * part.loc[code, "doctors"],
            "nurse": NURSE_SHARE * HEALTH_STAFF * part.loc[code, "hospital_beds"],
        }
        capacity += [
            (code, "care_worker", round(workers), "人", "C", "staff", NOTES["workers"]),
            *((code, resource, round(count), "人", "C", "plan-inner-mongolia", NOTES[resource]) for resource, count in staff.items()),
            (
                code,
                "culture_space",
                round(1.2 * units["public_culture", "culture_space"] * visiting * need["public_culture"]),
                "平方米",
                "D",
                "assumption",
                NOTES["visits"],
            ),
            (code, "sports_area", round(SPORTS * residents), "平方米", "C", "plan-inner-mongolia", NOTES["sports"]),
            (code, "community_area", round(0.25 * residents / float(league["avg_household_size"])), "平方米", "D", "assumption", NOTES["community"]),
        ]
        for service, resource in (("physicians", "physician"), ("nurses", "nurse")):
            share = staff[resource] / residents / units[service, resource]
            coverage.append((service, code, "all", f"{min(1.1, share):.3f}", "C", "derived", NOTES["staff_cover"]))
    for service, share, grade, quote, note in PLAN_COVERAGE:
        coverage.append((service, "*", "all", share, grade, "assumption" if grade == "D" else "plan-inner-mongolia", note, quote))
    write(out / INNER_MONGOLIA.pack / "capacity.csv", "region,resource,value,unit,grade,source,note", capacity)
    write(out / INNER_MONGOLIA.pack / "coverage.csv", "service,region,residence,value,grade,source,note,quote", coverage)


def build(facts: Path, out: Path, schedule: dict[int, float], shapes: dict[str, dict[int, float]]) -> None:
    """Write Inner Mongolia's tables, check them and print the totals that a maintainer looks at."""
    place = INNER_MONGOLIA
    home = out / place.pack
    leagues, persons = census(facts, place.code)
    people(place, leagues, persons, home)
    relative = vital(place, facts, leagues, persons, schedule, home)
    observed(place, facts, leagues, home)
    more_observed(facts, leagues, home)
    money, schooling = budget(facts, leagues, persons, out)
    spread_arrivals(leagues, sparse_cost(leagues, schooling), home)
    supply(facts, leagues, persons, out)
    check(place, leagues, persons, money)
    show(place, money, out)
    print("TFR that gives the published births:", implied_tfr(place, facts, leagues, persons, relative, shapes))
