"""The county resolution of a pack: every table by region cut from cities to counties, so that each cell adds up to the city's again.

People come from the census of each county. Everything that is published for the city only is split over its counties by a stated measure and by
largest remainder, so that nothing is lost in rounding. The pack's own tables are read, so they must be written before.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from packs.shared import (
    CENSUS_YEAR,
    GROSS_FLOW,
    RECENT_FLOW,
    Groups,
    Place,
    census_groups,
    mean_schedule,
    merged,
    needs,
    non_local,
    short_name,
    spans,
    table,
    units_per_client,
    write,
)

LEVELS = ("county", "functional_zone")
ETHNIC = 25.0  # per cent of the census population that are minorities: the rule by which cities are marked too
MOST_NON_LOCAL = 0.95
MOST_REST = 1.6  # times the city's mean a head that districts without figures keep of the rest; what is above is the city's own level
MOST_OWN = 0.80  # of a county's spending that its own revenue pays; Dalian, the richest city of Liaoning, has 0.75. What is above is sent up
MOST_FLOW = 0.015  # of a county's people, net a year: 2010-2020 also holds boundary changes and clearances that do not go on for ever
SHRUNK = 100.0  # births that count as much as the city's rate: fertility of a small county is drawn towards its city
SLACK, MOST_SLACK = 0.06, 0.25  # empty school places, as in the city's table
LEAST_REST = 0.5  # of the city's mean per head that counties without a published stock keep at least
MOST_STAFFED, MOST_OCCUPIED = 1.1, 0.95
FUNCTIONS = ("education", "social_security", "health", "housing", "culture")
SCHOOLS = {"kindergarten_place": 1.0, "school_place": 1.0, "senior_place": 0.5}  # how much of the slack the city's table gave each
BEDS = {"nursing_bed": "residential_care_beds", "ordinary_bed": "residential_care_beds", "physician": "health_beds", "nurse": "health_beds"}
BORDER = {  # counties on the land border, where the pack marks cities so
    "liaoning": ("210602", "210603", "210604", "210624", "210681"),
    "inner-mongolia": (
        *("150223", "150703", "150725", "150726", "150727", "150781", "150784", "150824", "150825", "150929"),
        *("152202", "152221", "152501", "152522", "152523", "152524", "152525", "152921", "152922", "152923"),
    ),
}
ENGLISH = {  # where the census table spells a name otherwise than the place does
    "210224": "Changhai County",
    "211005": "Gongchangling District",
    "211321": "Chaoyang County",
    "211324": "Harqin Left Wing Mongol Autonomous County",
    "210113": "Shenbei New District",
    "210212": "Lüshunkou District",
    "150121": "Tumed Left Banner",
    "150122": "Togtoh County",
    "150123": "Horinger County",
    "150172": "Hohhot Economic and Technological Development Zone",
    "150221": "Tumed Right Banner",
    "150223": "Darhan Muminggan United Banner",
    "150271": "Baotou Rare Earth High-tech Zone",
    "150421": "Ar Horqin Banner",
    "150422": "Bairin Left Banner",
    "150423": "Bairin Right Banner",
    "150425": "Hexigten Banner",
    "150426": "Ongniud Banner",
    "150428": "Harqin Banner",
    "150502": "Horqin District",
    "150521": "Horqin Left Middle Banner",
    "150522": "Horqin Left Rear Banner",
    "150524": "Hure Banner",
    "150526": "Jarud Banner",
    "150571": "Tongliao Economic and Technological Development Zone",
    "150581": "Holingol City",
    "150603": "Kangbashi District",
    "150621": "Dalad Banner",
    "150622": "Jungar Banner",
    "150623": "Otog Front Banner",
    "150624": "Otog Banner",
    "150625": "Hanggin Banner",
    "150626": "Uxin Banner",
    "150627": "Ejin Horo Banner",
    "150702": "Hailar District",
    "150703": "Jalainur District",
    "150721": "Arun Banner",
    "150722": "Morin Dawa Daur Autonomous Banner",
    "150723": "Oroqen Autonomous Banner",
    "150724": "Evenk Autonomous Banner",
    "150725": "Old Barag Banner",
    "150726": "New Barag Left Banner",
    "150727": "New Barag Right Banner",
    "150783": "Zalantun City",
    "150784": "Ergun City",
    "150823": "Urad Front Banner",
    "150824": "Urad Middle Banner",
    "150825": "Urad Rear Banner",
    "150826": "Hanggin Rear Banner",
    "150926": "Chahar Right Front Banner",
    "150927": "Chahar Right Middle Banner",
    "150928": "Chahar Right Rear Banner",
    "152201": "Ulanhot City",
    "152202": "Arxan City",
    "152221": "Horqin Right Front Banner",
    "152222": "Horqin Right Middle Banner",
    "152223": "Jalaid Banner",
    "152501": "Erenhot City",
    "152502": "Xilinhot City",
    "152522": "Abag Banner",
    "152523": "Sonid Left Banner",
    "152524": "Sonid Right Banner",
    "152525": "East Ujimqin Banner",
    "152526": "West Ujimqin Banner",
    "152527": "Taibus Banner",
    "152528": "Xianghuang Banner",
    "152571": "Ulgai Management Area",
    "152921": "Alxa Left Banner",
    "152922": "Alxa Right Banner",
    "152971": "Alxa Economic Development Zone",
}
NOTES = {
    "zone": "功能区，普查单列，不计入所在旗县",
    "non_local": "（外省＋本省其他县×{factor}）／（城镇人口＋乡村人口／3），与市同法；两个系数为假设",
    "tfr": "间接标准化，按{births:.0f}个期望出生数向本市收缩（100个出生为半），再调到各县合计等于本市",
    "as_city": "取本市数",
    "external": "本市数分到各县：净流出按2010—2020年净流出，净流入按人口",
    "leaving": "迁移年龄模式峰值处的比率：2010—2020年净迁移年均×0.8（区划变动的县取本市余数按人口分；每年至多人口的1.5%，超出部分摊到全市），"
    "加各县0.4%对流（假设），除以模式均值",
    "destination": "同上，迁入量占全部迁入量之比；含市内各县之间的迁移",
    "known": "县域统计年鉴2020年数{published:.2f}亿元",
    "sent_up": "县域统计年鉴2020年数{published:.2f}亿元，超过支出{most:.0%}的部分视为上解，归同市没有数的区县（假设）",
    "spent": "本县收入＋（县域统计年鉴2020年支出{published:.2f}亿元－收入）×本市收支差的可比口径／公布数{factor:.4f}",
    "rest": "本市减去有数各县（含市本级），按人口分到没有数的{count}个区县；超过全市人均{most}倍的部分按人口分到全部县（分法为假设）",
    "city_level": "；加市本级按人口分摊{shared:.2f}亿元（假设）",
    "rest_one": "本市减去其余各县（含市本级）",
    "growth": "2020年数按本市增速",
    "function": "本市数按各县支出占比与按标准算的需求占比的几何平均分",
    "gap": "本市数按各县2020年支出与收入之差分",
    "spending": "本市数按各县2020年支出占比{share:.4f}分",
    "need": "本市数按各县需求人数分",
    "school": "本市数按各县学龄人口×（1＋空余{slack:.0%}）分；空余：6%＋本县2010—2020年人口减少幅度，上限25%",
    "beds": "县域统计年鉴2020年床位占本市之比；没有数的县分余数，按人口，人均不低于全市的{least:.0%}",
    "workers": "本市数按各县在住老年人的配备数分",
    "coverage": "本市数×本县人均能力／本市人均能力，上限{limit:.2f}",
}


def split(total: int, weights: Sequence[float]) -> list[int]:
    """`total` units over `weights` by largest remainder: whole numbers that add up to it."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    found = [int(share // 1) for share in exact]
    order = sorted(range(len(weights)), key=lambda i: (found[i] - exact[i], i))
    for i in order[: total - sum(found)]:
        found[i] += 1
    return found


def split_text(value: str, weights: Sequence[float]) -> list[str]:
    """A written number over `weights` with the digits that it has."""
    digits = len(value.partition(".")[2])
    units = round(float(value) * 10**digits)
    sign = -1 if units < 0 else 1
    return [f"{sign * part / 10**digits:.{digits}f}" for part in split(abs(units), weights)]


def own_rows(home: Path, name: str) -> list[dict[str, str]]:
    """The rows of one of the pack's own tables, as text."""
    with (home / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class Counties:
    """The counties of a pack in official order: census rows, people by age, and which city each lies in."""

    def __init__(self, place: Place, facts: Path, out: Path):
        self.place, self.facts, self.out, self.home = place, facts, out, out / place.pack
        regions = own_rows(self.home, "regions.csv")
        parents = {row["parent"] for row in regions}
        self.regions = regions
        self.cities = [row["region"] for row in regions if row["region"] not in parents]
        census = table(facts, "demography/census2020_regions.csv")
        census = census[census["parent_code"].isin(self.cities) & census["level"].isin(LEVELS)].sort_values("region_code")
        self.rows = census.set_index("region_code")
        self.of = {city: [str(code) for code in self.rows.index if self.rows.loc[code, "parent_code"] == city] for city in self.cities}
        self.groups: dict[str, Groups] = census_groups(facts, [*self.rows.index, *self.cities])
        self.need = {code: needs(place, out, self.rows.loc[code], self.groups[code]) for code in self.codes}

    @property
    def codes(self) -> list[str]:
        """All counties, city by city."""
        return [code for city in self.cities for code in self.of[city]]

    def column(self, codes: Sequence[str], name: str) -> list[float]:
        """A column of the census for some counties."""
        return [float(self.rows.loc[code, name]) for code in codes]

    def cost(self, code: str, year: int) -> dict[str, float]:
        """What everybody entitled in a county would cost at the standard of `year`, by budget function; services per birth or death are left out."""
        services = merged(self.out, self.place.pack, "services.csv", ["service"]).set_index("service")["function"]
        dated = merged(self.out, self.place.pack, "standards.csv", ["service", "year"])
        dated = dated[dated["year"].astype(int) <= year].sort_values("year").drop_duplicates("service", keep="last").set_index("service")["yuan"]
        found: dict[str, float] = {}
        for service, clients in self.need[code].items():
            if service in dated.index:
                found[services[service]] = found.get(services[service], 0.0) + clients * float(dated[service])
        return found

    def slack(self, code: str, city: str) -> float:
        """Empty school places where people left, by the county's own loss where its borders stayed."""
        mine = self.rows.loc[code]
        comparable = not str(mine["comparable_2010"]).startswith("no")
        now, then = (
            (mine["total"], mine["total_2010"])
            if comparable
            else (self.rows.loc[self.of[city], "total"].sum(), self.rows.loc[self.of[city], "total_2010"].sum())
        )
        return min(MOST_SLACK, SLACK + max(0.0, 1 - float(now) / float(then))) if float(then) > 0 else SLACK


# --- people ---------------------------------------------------------------------------------------------------------


def names(found: Counties) -> None:
    """regions.csv: the pack's own rows with each city's counties after it; names that stand twice carry their city's."""
    rows: list[tuple[object, ...]] = []
    taken = pd.Series([str(found.rows.loc[code, "region_zh"]) for code in found.codes]).value_counts()
    shorts = {row["short_zh"] for row in found.regions}
    for city in found.regions:
        rows.append(
            tuple(
                city.get(name, "")
                for name in ("region", "name_zh", "name_en", "short_zh", "short_en", "parent", "level", "tier", "tags", "grade", "source", "note")
            )
        )
        for code in found.of.get(city["region"], ()):
            county = found.rows.loc[code]
            zh, en = str(county["region_zh"]), ENGLISH.get(code, str(county["region_en"]))
            short = short_name(zh) if short_name(zh) not in shorts else zh
            if taken[zh] > 1:
                zh, en, short = city["name_zh"] + zh, f"{en}, {city['short_en']}", city["short_zh"] + short
            note = NOTES["zone"] if county["level"] == "functional_zone" else ""
            rows.append((code, zh, en, short, en, city["region"], county["level"], city["tier"], tags(found, city, code), "B", "census2020", note))
    write(found.home / "county" / "regions.csv", "region,name_zh,name_en,short_zh,short_en,parent,level,tier,tags,grade,source,note", rows)


def tags(found: Counties, city: Mapping[str, str], code: str) -> str:
    """The city's marks; ethnic, border and rural are decided for the county itself."""
    county, marks = found.rows.loc[code], [tag for tag in city["tags"].split(";") if tag]
    kept = [tag for tag in marks if tag not in ("ethnic", "border", "rural")]
    if "border" in marks and code in BORDER.get(found.place.pack, ()):
        kept.append("border")
    if float(county["ethnic_minority_pct"]) > ETHNIC:
        kept.append("ethnic")
    if "rural" in marks and county["rural_pop"] > county["urban_pop"]:
        kept.append("rural")
    return ";".join(kept)


def people(found: Counties) -> None:
    """population.csv and residence.csv from the census of each county."""
    seen, place = ("B", "census2020"), found.place
    rows = [(code, sex, *span, *seen) for code in found.codes for sex, groups in found.groups[code].items() for span in spans(groups)]
    write(found.home / "county" / "population.csv", "region,sex,age_from,age_to,persons,grade,source", rows)
    rows = []
    note = NOTES["non_local"].format(factor=place.same_province_outside)
    for code in found.codes:
        county = found.rows.loc[code]
        rows += [(code, residence, "persons", int(county[f"{residence}_pop"]), "人", *seen) for residence in ("urban", "rural")]
        shares = (min(MOST_NON_LOCAL, share) for share in non_local(county, place.same_province_outside))
        rows += [
            (code, residence, "non_local_share", f"{share:.4f}", "比例", "C", "census2020", note)
            for residence, share in zip(("urban", "rural"), shares, strict=True)
        ]
    write(found.home / "county" / "residence.csv", "region,residence,item,value,unit,grade,source,note", rows)


def relative_fertility(found: Counties, own: Mapping[tuple[str, str], dict[str, str]]) -> dict[str, tuple[float, float]]:
    """Relative fertility of each county and its expected births: its own drawn towards the city's, then set so that the city's births stay."""
    indirect = table(found.facts, "demography/fertility_indirect_2020.csv").set_index("region_code")
    expected = indirect["expected_births_at_national_asfr"]
    relative: dict[str, tuple[float, float]] = {}
    for city, codes in found.of.items():
        level = float(own[city, "tfr_relative"]["value"])
        ratio = {
            code: float(indirect.loc[code, "tfr_indirect_2020"]) / float(indirect.loc[city, "tfr_indirect_2020"]) if code in indirect.index else 1.0
            for code in codes
        }
        births = {code: float(expected[code]) if code in indirect.index else 0.0 for code in codes}
        drawn = {code: (births[code] * ratio[code] + SHRUNK) / (births[code] + SHRUNK) for code in codes}
        women = {code: sum(n for age, n in found.groups[code]["female"].items() if 15 <= age < 50) for code in codes}
        mean = sum(women[code] * drawn[code] for code in codes) / sum(women.values())
        relative |= {code: (level * drawn[code] / mean, births[code]) for code in codes}
    return relative


def flows(found: Counties, own: Mapping[tuple[str, str], dict[str, str]], schedule: dict[int, float]) -> dict[str, dict[str, float]]:
    """Yearly moves of each county: external net, leaving for and arriving from other counties of the pack (persons).

    Net migration 2010-2020 of a county whose borders changed is what its city's leaves beside the others, by population. A city's net flow with other
    cities is the one of its own tables; flows between its counties are added to it.
    """
    net = table(found.facts, "demography/net_migration_2010_2020_by_age_derived.csv").groupby("region_code")["net_migration_2010_20"].sum()
    size = dict(zip(found.codes, found.column(found.codes, "total"), strict=True))
    arrivals = {city: float(own[city, "destination_share"]["value"]) for city in found.cities}
    city_size = {city: sum(size[code] for code in codes) for city, codes in found.of.items()}
    away = {city: float(own[city, "leaving_rate"]["value"]) * mean_schedule(found.groups[city], schedule) * city_size[city] for city in found.cities}
    moved = sum(away.values())
    moves: dict[str, dict[str, float]] = {}
    for city, codes in found.of.items():
        yearly = {code: RECENT_FLOW * float(net[code]) / 10 for code in codes if code in net.index}
        others = [code for code in codes if code not in yearly]
        rest = RECENT_FLOW * float(net[city]) / 10 - sum(yearly.values())
        shared = sum(size[code] for code in others)
        yearly |= {code: rest * size[code] / shared for code in others}
        capped = {code: max(-MOST_FLOW * size[code], min(MOST_FLOW * size[code], flow)) for code, flow in yearly.items()}
        beyond = sum(yearly.values()) - sum(capped.values())
        yearly = {code: capped[code] + beyond * size[code] / city_size[city] for code in codes}
        lost = {code: max(0.0, -yearly[code]) for code in codes}
        leaving = float(own[city, "external_net_migration"]["value"]) < 0 and sum(lost.values()) > 0
        weights = [lost[code] if leaving else size[code] for code in codes]
        external = dict(zip(codes, split_text(str(round(float(own[city, "external_net_migration"]["value"]))), weights), strict=True))
        # what the city's own tables say it gains from or loses to other cities
        wanted = arrivals[city] * moved - away[city]
        drift = sum(yearly.values()) - wanted
        for code, weight in zip(codes, weights, strict=True):
            internal = yearly[code] - drift * weight / sum(weights)
            moves[code] = {
                "external": float(external[code]),
                "leaving": GROSS_FLOW * size[code] + max(0.0, -internal),
                "arriving": GROSS_FLOW * size[code] + max(0.0, internal),
            }
    return moves


def vital(found: Counties, schedule: dict[int, float]) -> None:
    """vital.csv: fertility and moves of each county; length of life, sex ratio and cost difference are the city's."""
    own = {(row["region"], row["item"]): row for row in own_rows(found.home, "vital.csv")}
    relative, moves = relative_fertility(found, own), flows(found, own, schedule)
    codes = found.codes
    share = dict(zip(codes, split(1_000_000, [moves[code]["arriving"] for code in codes]), strict=True))
    rows: list[tuple[object, ...]] = []
    for city, members in found.of.items():
        external = own[city, "external_net_migration"]
        for code in members:
            level, births = relative[code]
            leaving = moves[code]["leaving"] / float(found.rows.loc[code, "total"]) / mean_schedule(found.groups[code], schedule)
            rows += [
                (code, "tfr_relative", f"{level:.4f}", "倍", "C", "census2020", NOTES["tfr"].format(births=births)),
                (code, "external_net_migration", f"{moves[code]['external']:.0f}", "人/年", "D", "assumption", NOTES["external"]),
                (code, "leaving_rate", f"{leaving:.5f}", "比例", "C", "census2020", NOTES["leaving"]),
                (code, "destination_share", f"{share[code] / 1e6:.6f}", "比例", "C", "census2020", NOTES["destination"]),
                (code, "household_size", found.rows.loc[code, "avg_household_size"], "人/户", "B", "census2020", ""),
            ]
            for item in ("e0_difference", "srb", "cost_difference"):
                if (city, item) in own:
                    as_city = own[city, item]
                    rows.append(
                        (
                            code,
                            item,
                            as_city["value"],
                            as_city["unit"],
                            as_city["grade"] if as_city["grade"] == "D" else "C",
                            as_city["source"],
                            NOTES["as_city"],
                        )
                    )
        if external["unit"] != "人/年":
            raise SystemExit(f"vital.csv: external_net_migration of {city} is in {external['unit']}")
    write(found.home / "county" / "vital.csv", "region,item,value,unit,grade,source,note", rows)


# --- money ----------------------------------------------------------------------------------------------------------

Marks = tuple[str, str, str]  # grade, source, note


def published(facts: Path, year: int) -> dict[tuple[str, str], float]:
    """Figures of the county yearbook by county and measure."""
    series = table(facts, "fiscal/county_fiscal_series.csv")
    series = series[(series["year"] == year) & series["source_title"].str.contains("县域统计年鉴")]
    return {(str(r.region_code), str(r.measure)): float(r.value) for r in series.itertuples()}


def by_county(found: Counties, city: str, whole: float, given: Mapping[str, tuple[float, Marks]]) -> tuple[dict[str, float], dict[str, Marks]]:
    """A city's total over its counties: those with a figure keep it, the others share the rest by population.

    The rest also holds the city's own level. What it holds beyond MOST_REST times the city's mean a head is shared by all counties by population.
    """
    codes = found.of[city]
    parts, marks = {code: value for code, (value, _) in given.items()}, {code: mark for code, (_, mark) in given.items()}
    others = [code for code in codes if code not in parts]
    rest = whole - sum(parts.values())
    if others:
        if rest <= 0:
            raise SystemExit(f"{city}: counties with figures have {sum(parts.values()):.2f} of {whole:.2f}, nothing is left for {', '.join(others)}")
        size = found.column(others, "total")
        everybody = dict(zip(codes, found.column(codes, "total"), strict=True))
        most = MOST_REST * whole * sum(size) / sum(everybody.values()) if given else rest
        beyond, rest = max(0.0, rest - most), min(rest, most)
        parts |= {code: rest * n / sum(size) for code, n in zip(others, size, strict=True)}
        one = ("C", "county-yearbook", NOTES["rest_one"])
        marks |= {
            code: one if len(others) == 1 and not beyond else ("D", "assumption", NOTES["rest"].format(count=len(others), most=MOST_REST)) for code in others
        }
        if beyond:
            shared = {code: beyond * n / sum(everybody.values()) for code, n in everybody.items()}
            parts = {code: value + shared[code] for code, value in parts.items()}
            marks |= {code: ("D", "assumption", marks[code][2] + NOTES["city_level"].format(shared=shared[code])) for code in given}
    return parts, marks


def budget(found: Counties, year: int) -> pd.DataFrame:
    """fiscal.csv; returns own revenue, spending and bonds of the base year by county (100 million yuan)."""
    own: dict[str, list[dict[str, str]]] = {city: [] for city in found.cities}
    for row in own_rows(found.home, "fiscal.csv"):
        own[row["region"]].append(row)
    known = published(found.facts, year)
    series = table(found.facts, "fiscal/fiscal_series.csv")
    series = series[(series["preferred"] == 1) & (series["year"] == year) & (series["measure"] == "gpb_expenditure")].set_index("region_code")["value"]
    costs = {code: found.cost(code, year) for code in found.codes}
    rows: dict[str, list[tuple[object, ...]]] = {code: [] for code in found.codes}
    base: dict[str, dict[str, float]] = {code: {} for code in found.codes}
    for city, codes in found.of.items():
        value = {(row["item"], int(row["year"])): float(row["value"]) for row in own[city]}
        own_whole, spent_whole = value["own_revenue", year], value["expenditure", year]
        have = [code for code in codes if (code, "gpb_revenue") in known and (code, "gpb_expenditure") in known]
        # what the city's comparable table left out of spending (pensions that moved to the province) is taken from the gap between spending and revenue
        factor = (spent_whole - own_whole) / (float(series[city]) - own_whole) if city in series.index else 1.0
        income = {code: known[code, "gpb_revenue"] for code in have}
        outgo = {code: known[code, "gpb_expenditure"] for code in have}
        spent = {code: income[code] + (outgo[code] - income[code]) * factor for code in have}
        kept = {code: min(income[code], MOST_OWN * spent[code]) for code in have}
        told = {code: ("B", "county-yearbook", NOTES["known"].format(published=income[code])) for code in have}
        told |= {code: ("D", "assumption", NOTES["sent_up"].format(published=income[code], most=MOST_OWN)) for code in have if kept[code] < income[code]}
        revenue, revenue_marks = by_county(found, city, own_whole, {code: (kept[code], told[code]) for code in have})
        told = {code: ("C", "county-yearbook", NOTES["spent"].format(published=outgo[code], factor=factor)) for code in have}
        spending, spending_marks = by_county(found, city, spent_whole, {code: (spent[code], told[code]) for code in have})
        gap = {code: max(0.0, spending[code] - revenue[code]) for code in codes}
        for row in own[city]:
            item, when = row["item"], int(row["year"])
            weights = {"own_revenue": revenue, "new_bonds": gap}.get(item, spending)
            if item in FUNCTIONS:
                cost = {code: costs[code].get(item, 0.0) for code in codes}
                weights = {code: (spending[code] * cost[code]) ** 0.5 for code in codes}
            texts = split_text(row["value"], [weights[code] for code in codes])
            for code, text in zip(codes, texts, strict=True):
                share = spending[code] / sum(spending.values())
                if item == "own_revenue":
                    marks = (
                        revenue_marks[code]
                        if when == year
                        else (
                            "C" if revenue_marks[code][0] == "B" else "D",
                            "county-yearbook" if revenue_marks[code][0] == "B" else "assumption",
                            NOTES["growth"],
                        )
                    )
                elif item == "expenditure":
                    marks = spending_marks[code]
                elif item in FUNCTIONS:
                    marks = ("D", "assumption", NOTES["function"])
                elif item == "new_bonds":
                    marks = ("D", "assumption", NOTES["gap"])
                else:
                    marks = ("D", "assumption", NOTES["spending"].format(share=share))
                rows[code].append((code, item, when, text, row["unit"], *marks))
                if when == year:
                    base[code][item] = float(text)
    write(found.home / "county" / "fiscal.csv", "region,item,year,value,unit,grade,source,note", [row for code in found.codes for row in rows[code]])
    return pd.DataFrame.from_dict(base, orient="index")


# --- places and staff -----------------------------------------------------------------------------------------------


def stock_weights(found: Counties, codes: Sequence[str], published_stock: Mapping[tuple[str, str], float], measure: str, whole: float) -> list[float]:
    """Share of the city's stock by county: published stock over the city's; the others get the rest by population, at least LEAST_REST of the mean."""
    size = dict(zip(codes, found.column(codes, "total"), strict=True))
    have = {code: published_stock[code, measure] for code in codes if (code, measure) in published_stock}
    others = [code for code in codes if code not in have]
    people_without = sum(size[code] for code in others)
    least = LEAST_REST * whole * people_without / sum(size.values())
    rest = max(least, whole - sum(have.values())) if others else 0.0
    return [have[code] if code in have else rest * size[code] / people_without for code in codes]


def supply(found: Counties, year: int) -> None:
    """capacity.csv and coverage.csv: the city's stock over its counties, and whom it serves there."""
    known = published(found.facts, year)
    stock = table(found.facts, "fiscal/service_stock_2021.csv").pivot_table(index="region_code", columns="measure", values="value", aggfunc="first")
    city_stock = {"residential_care_beds": "nursing_home_beds", "health_beds": "hospital_beds"}
    units = units_per_client(found.out, found.place.pack)
    served_by: dict[str, str] = {}
    for service, resource in units:
        served_by.setdefault(resource, service)
    places = {service: resource for (service, resource) in units if resource != "care_worker"}
    own = own_rows(found.home, "coverage.csv")
    covered = {(row["service"], row["region"], row["residence"]): row for row in own}
    held = {(row["region"], row["resource"]): row for row in own_rows(found.home, "capacity.csv")}
    resources = list(dict.fromkeys(resource for _, resource in held))
    capacity: dict[str, list[tuple[object, ...]]] = {code: [] for code in found.codes}
    coverage: list[tuple[object, ...]] = []
    for city, codes in found.of.items():
        have: dict[tuple[str, str], float] = {}
        for resource in sorted(resources, key=lambda name: name == "care_worker"):
            row = held[city, resource]
            service = served_by.get(resource, "")
            need = [found.need[code].get(service, 0.0) for code in codes]
            weights = need if sum(need) > 0 else found.column(codes, "total")
            marks: list[Marks] = [("D", "assumption", NOTES["need"])] * len(codes)
            if resource in SCHOOLS:
                slack = [found.slack(code, city) for code in codes]
                weights = [n * (1 + SCHOOLS[resource] * s) for n, s in zip(need, slack, strict=True)]
                marks = [("C", "census2020", NOTES["school"].format(slack=s)) for s in slack]
            elif resource in BEDS and city in stock.index:
                measure = BEDS[resource]
                weights = stock_weights(found, codes, known, measure, float(stock.loc[city, city_stock[measure]]))
                marks = [("C", "county-yearbook", NOTES["beds"].format(least=LEAST_REST))] * len(codes)
            elif resource == "care_worker":
                weights = [
                    sum(units[s, r] * share_of(covered, places, have, found, city, codes, code, s) * found.need[code][s] for s, r in units if r == resource)
                    for code in codes
                ]
                marks = [("C", "staff", NOTES["workers"])] * len(codes)
            texts = split_text(row["value"], weights)
            for code, text, mark in zip(codes, texts, marks, strict=True):
                have[code, resource] = float(text)
                capacity[code].append((code, resource, text, row["unit"], *mark))
        for row in own:
            if row["region"] != city:
                continue
            for code in codes:
                share = share_of(covered, places, have, found, city, codes, code, row["service"], row["residence"])
                limit = MOST_STAFFED if row["service"] in ("physicians", "nurses") else MOST_OCCUPIED
                note = NOTES["coverage"].format(limit=limit) if row["service"] in places else NOTES["as_city"]
                coverage.append((row["service"], code, row["residence"], f"{share:.4f}", "D" if row["grade"] == "D" else "C", row["source"], note))
    coverage += [
        tuple(row.get(name, "") for name in ("service", "region", "residence", "value", "grade", "source", "note", "quote"))
        for row in own
        if row["region"] not in found.of
    ]
    write(found.home / "county" / "capacity.csv", "region,resource,value,unit,grade,source,note", [row for code in found.codes for row in capacity[code]])
    write(found.home / "county" / "coverage.csv", "service,region,residence,value,grade,source,note,quote", coverage)


def share_of(
    covered: Mapping[tuple[str, str, str], dict[str, str]],
    places: Mapping[str, str],
    have: Mapping[tuple[str, str], float],
    found: Counties,
    city: str,
    codes: Sequence[str],
    code: str,
    service: str,
    residence: str = "all",
) -> float:
    """Share served in a county: the city's, times what the county has per client over what the city has."""
    whole = float(covered[service, city, residence]["value"])
    if service not in places:
        return whole
    resource = places[service]
    need = {c: found.need[c][service] for c in codes}
    mean = sum(have[c, resource] for c in codes) / sum(need.values())
    limit = max(whole, MOST_STAFFED if service in ("physicians", "nurses") else MOST_OCCUPIED)
    return min(limit, whole * have[code, resource] / need[code] / mean) if mean > 0 and need[code] > 0 else whole


# --- all ------------------------------------------------------------------------------------------------------------


def build(place: Place, facts: Path, out: Path, schedule: dict[int, float], year: int = CENSUS_YEAR) -> None:
    """Write the county folder of a pack and print what a maintainer looks at: the counties with the least and the most money a head."""
    found = Counties(place, facts, out)
    names(found)
    people(found)
    vital(found, schedule)
    money = budget(found, year)
    supply(found, year)
    size = pd.Series(dict(zip(found.codes, found.column(found.codes, "total"), strict=True)))
    money["grants"] = money["expenditure"] - money["own_revenue"] - money["new_bonds"]
    heads = (money[["own_revenue", "expenditure", "grants"]].div(size, axis=0) * 1e8).round(0)
    heads.insert(0, "name", [str(found.rows.loc[code, "region_zh"]) for code in heads.index])
    print(f"{place.pack}: {len(found.codes)} counties; yuan a head")
    print(heads.sort_values("expenditure").iloc[[0, 1, 2, -3, -2, -1]].to_string())
    short = money.index[money["grants"] <= 0].tolist()
    if short:
        raise SystemExit(f"grants of {', '.join(short)} are not above zero")
