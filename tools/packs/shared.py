"""What every census-based pack is made from: people, moves, needs and the checks that they add up.

A place is described once (`Place`); its own module decides money and stocks, which no two places publish alike. The method behind a derived
figure stands in the docstring of the function that applies it and in the note of the row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import yaml

CENSUS_YEAR, LAST_YEAR = 2020, 2040
CHINA = "100000"
SEX = {"M": "male", "F": "female"}

# Assumptions of these importers; each is repeated in the note of the rows it shapes.
SAME_PROVINCE_OUTSIDE = 0.4  # of those registered in another county of the province, the part registered outside this region
RURAL_NON_LOCAL = 1 / 3  # rural share of residents without local registration, relative to the urban share
RECENT_FLOW = 0.8  # net migration between regions today, relative to the yearly mean of 2010-2020
GROSS_FLOW = 0.004  # residents of any region who leave for another one of the pack in a year, whatever the net

Groups = dict[str, dict[int, float]]  # sex -> first age of the group -> persons
Series = dict[tuple[str, str, int], float]  # region, measure, year -> 100 million yuan


@dataclass(frozen=True)
class Place:
    """Whose facts a pack takes, and what is said of every part of it."""

    pack: str  # folder of assumptions/
    code: str  # GB/T 2260 code of the whole
    name_zh: str
    name_en: str
    short_zh: str
    short_en: str
    level: str  # of the whole: province, prefecture
    parts: str  # level of the parts: prefecture, county
    tier: int  # of the five sharing tiers of the State Council's 2018 plan
    srb: float  # boys per girl at birth
    external: float  # net migration from outside the pack, persons a year
    vital_source: str  # source id of births, deaths and year-end populations
    notes: Mapping[str, str]  # notes of the rows: non_local, tfr, e0, srb, external, leaving, destination, recalled
    province: str = ""  # whose people of 85 and over split the open group; the place itself when empty
    tiers: Mapping[str, int] = field(default_factory=dict)  # parts whose tier is another
    tags: Mapping[str, str] = field(default_factory=dict)
    short: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # short names in Chinese and English where the rule gives none, or the same twice
    same_province_outside: float = SAME_PROVINCE_OUTSIDE  # 1 where the parts are counties: the census counts moves over a county border
    external_grade: str = "C"


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


def money_series(facts: Path, codes: Iterable[str]) -> Series:
    """The preferred value of every published money figure of these regions, 100 million yuan."""
    series = table(facts, "fiscal/fiscal_series.csv")
    series = series[(series["preferred"] == 1) & series["region_code"].isin(list(codes))]
    return {(str(r.region_code), str(r.measure), int(r.year)): float(r.value) for r in series.itertuples()}


# --- people ---------------------------------------------------------------------------------------------------------


def census(facts: Path, parent: str, province: str = "") -> tuple[pd.DataFrame, dict[str, Groups]]:
    """Rows of the parts of `parent` (official order) and persons by part, sex and first age of the group; the parent's and the province's own beside them."""
    regions = table(facts, "demography/census2020_regions.csv")
    parts = regions[regions["parent_code"] == parent].sort_values("region_code").set_index("region_code")
    return parts, census_groups(facts, [*parts.index, parent, *([province] if province else [])])


def census_groups(facts: Path, codes: Iterable[str], year: int = CENSUS_YEAR) -> dict[str, Groups]:
    """Persons of a census by region, sex and first age of the group."""
    structure = table(facts, f"demography/age_structure_{year}.csv")
    persons: dict[str, Groups] = {}
    for code in codes:
        mine = structure[structure["region_code"] == code]
        for letter, sex in SEX.items():
            part = mine[mine["sex"] == letter][["age_start", "population"]]
            persons.setdefault(code, {})[sex] = {int(a): float(n) for a, n in part.itertuples(index=False)}
    return persons


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


def non_local(part: pd.Series, same_province_outside: float) -> tuple[float, float]:
    """Shares of urban and of rural residents registered outside the region.

    The census counts moves over a county border, also inside a city; a stated part of those within the province came from outside the region.
    """
    moved = float(part["hukou_elsewhere_other_province"]) + same_province_outside * float(part["hukou_elsewhere_same_province"])
    urban = moved / (float(part["urban_pop"]) + RURAL_NON_LOCAL * float(part["rural_pop"]))
    return urban, urban * RURAL_NON_LOCAL


def people(place: Place, parts: pd.DataFrame, persons: dict[str, Groups], home: Path) -> None:
    """regions, population, open_ages and residence of the pack."""
    seen = ("B", "census2020")
    rows: list[tuple[object, ...]] = [
        (place.code, place.name_zh, place.name_en, place.short_zh, place.short_en, "", place.level, place.tier, place.tags.get(place.code, ""), *seen)
    ]
    for code, part in parts.iterrows():
        zh, en = str(part["region_zh"]), str(part["region_en"])
        tier = place.tiers.get(str(code), place.tier)
        short = place.short.get(str(code), (short_name(zh), en))
        rows.append((code, zh, en, *short, place.code, place.parts, tier, place.tags.get(str(code), ""), *seen))
    write(home / "regions.csv", "region,name_zh,name_en,short_zh,short_en,parent,level,tier,tags,grade,source", rows)
    rows = [(code, sex, *span, *seen) for code in parts.index for sex, groups in persons[code].items() for span in spans(groups)]
    write(home / "population.csv", "region,sex,age_from,age_to,persons,grade,source", rows)
    rows = [(sex, *span, *seen) for sex, groups in persons[place.province or place.code].items() for span in spans(groups, 85)]
    write(home / "open_ages.csv", "sex,age_from,age_to,persons,grade,source", rows)
    rows = []
    for code, part in parts.iterrows():
        rows += [(code, residence, "persons", int(part[f"{residence}_pop"]), "人", *seen) for residence in ("urban", "rural")]
        rows += [
            (code, residence, "non_local_share", f"{share:.4f}", "比例", "C", "census2020", place.notes["non_local"])
            for residence, share in zip(("urban", "rural"), non_local(part, place.same_province_outside), strict=True)
        ]
    write(home / "residence.csv", "region,residence,item,value,unit,grade,source,note", rows)


def short_name(zh: str) -> str:
    """A region's name as charts print it: without the word for its level where two characters or more remain."""
    for ending in ("自治县", "自治旗", "市", "盟", "县", "区", "旗"):
        rest = zh.removesuffix(ending)
        if rest != zh and len(rest) >= 2:
            return rest
    return zh


def mean_schedule(groups: Groups, schedule: dict[int, float]) -> float:
    """Mean of the movers' schedule (peak one) over the people of a region: who moves of a hundred at the peak's rate."""
    return sum(rate * ages(groups, age, age) for age, rate in schedule.items()) / ages(groups, 0, 100)


def vital(place: Place, facts: Path, parts: pd.DataFrame, persons: dict[str, Groups], schedule: dict[int, float], home: Path) -> dict[str, float]:
    """Relative fertility, migration and household size of each part; returns relative fertility.

    Net migration 2010-2020 (census survival ratios) is split into an external part, borne by the parts that lost people, and moves between
    parts. `leaving_rate` is the rate at the peak of the movers' schedule, as the cohort model uses it: the share of residents over the schedule's mean.
    """
    indirect = table(facts, "demography/fertility_indirect_2020.csv").set_index("region_code")["tfr_indirect_2020"]
    relative = {code: float(indirect[code]) / float(indirect[place.code]) for code in parts.index}
    net = table(facts, "demography/net_migration_2010_2020_by_age_derived.csv").groupby("region_code")["net_migration_2010_20"].sum()
    yearly = {code: RECENT_FLOW * float(net[code]) / 10 for code in parts.index}
    lost = sum(-v for v in yearly.values() if v < 0)
    weight = {code: max(0.0, -v) / lost for code, v in yearly.items()}
    drift = sum(yearly.values())
    internal = {code: v - drift * weight[code] for code, v in yearly.items()}
    size = {code: float(parts.loc[code, "total"]) for code in parts.index}
    arrivals = {code: GROSS_FLOW * size[code] + max(0.0, internal[code]) for code in parts.index}
    total = sum(arrivals.values())
    part = {code: round(v / total, 6) for code, v in arrivals.items()}
    part[max(part, key=part.__getitem__)] += 1 - sum(part.values())  # what rounding lost, so that the shares sum to one
    rows: list[tuple[object, ...]] = []
    notes = place.notes
    for code in parts.index:
        leaving = (GROSS_FLOW + max(0.0, -internal[code]) / size[code]) / mean_schedule(persons[code], schedule)
        rows += [
            (code, "tfr_relative", f"{relative[code]:.4f}", "倍", "C", "census2020", notes["tfr"]),
            (code, "e0_difference", 0, "岁", "D", "assumption", notes["e0"]),
            (code, "srb", place.srb, "男/女", "B", "census2020", notes["srb"]),
            (code, "external_net_migration", round(place.external * weight[code]), "人/年", place.external_grade, place.vital_source, notes["external"]),
            (code, "leaving_rate", f"{leaving:.5f}", "比例", "C", "census2020", notes["leaving"]),
            (code, "destination_share", f"{part[code]:.6f}", "比例", "C", "census2020", notes["destination"]),
            (code, "household_size", parts.loc[code, "avg_household_size"], "人/户", "B", "census2020", ""),
        ]
    write(home / "vital.csv", "region,item,value,unit,grade,source,note", rows)
    return relative


def observed(place: Place, facts: Path, parts: pd.DataFrame, home: Path, after: int = CENSUS_YEAR) -> None:
    """Year-end population, births and deaths published after the base year (the whole and its parts), persons."""
    found = table(facts, "demography/vital_series.csv")
    names = {"resident_pop_yearend": "population", "births": "births", "deaths": "deaths"}
    wanted = found[(found["region_code"].isin([place.code, *parts.index])) & (found["year"] > after) & found["indicator"].isin(list(names))]
    rows = []
    for r in wanted.sort_values(["region_code", "indicator", "year"]).itertuples():
        marks = ("B", place.vital_source, "") if r.how_known == "read" else ("C", place.vital_source, place.notes["recalled"])
        rows.append((r.region_code, names[str(r.indicator)], r.year, round(float(r.value) * 10_000), "人", *marks))
    write(home / "observed.csv", "region,item,year,value,unit,grade,source,note", rows)


# --- needs ----------------------------------------------------------------------------------------------------------


def merged(out: Path, pack: str, name: str, key: Sequence[str]) -> pd.DataFrame:
    """A hand-made table of national with the pack's rows on top."""
    parts = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in (out / "national" / name, out / pack / name) if path.is_file()]
    return pd.concat(parts).drop_duplicates(list(key), keep="last")


def needs(place: Place, out: Path, part: pd.Series, groups: Groups) -> dict[str, float]:
    """Clients of a region by service for drivers population and households, as the model will count them (age groups spread evenly, towns like villages)."""
    services = merged(out, place.pack, "services.csv", ["service"]).set_index("service")
    parameters = yaml.safe_load((out / "national" / "parameters.yaml").read_text(encoding="utf-8"))
    resident_coverage = float(parameters["demand.resident_coverage"]["value"])
    found: dict[str, float] = {}
    for row in merged(out, place.pack, "needs.csv", ["service", "residence", "sex", "age_from"]).itertuples():
        service = services.loc[str(row.service)]
        for residence, outside in zip(("urban", "rural"), non_local(part, place.same_province_outside), strict=True):
            if row.residence not in ("all", residence):
                continue
            share = float(part[f"{residence}_pop"]) / float(part["total"])
            if service["driver"] == "population":
                sexes = tuple(SEX.values()) if row.sex == "all" else (str(row.sex),)
                units = ages(groups, int(row.age_from), int(row.age_to or 100), sexes)
            else:
                units = float(part["total"]) / float(part["avg_household_size"])
            entitled = {"hukou": 1 - outside, "resident": 1 - outside * (1 - resident_coverage), "served": 1.0}[str(service["basis"])]
            found[str(row.service)] = found.get(str(row.service), 0.0) + share * units * float(row.rate) * entitled
    return found


def units_per_client(out: Path, pack: str) -> dict[tuple[str, str], float]:
    """What one client of a service needs of a resource."""
    return {(str(r.service), str(r.resource)): float(r.units_per_client) for r in merged(out, pack, "requires.csv", ["service", "resource"]).itertuples()}


Rows = list[tuple[object, ...]]
Places = Mapping[str, tuple[str, float, tuple[object, ...]]]  # service -> resource, number, marks (grade, source, note)


def stocked(
    code: str, places: Places, need: Mapping[str, float], units: Mapping[tuple[str, str], float], occupied: Mapping[str, float], note: str
) -> tuple[Rows, Rows, float]:
    """A region's rows of capacity and coverage from its places, and the care workers (5 % spare) that those served there need.

    Where it is known how full places are, whom they serve is number x occupancy / need, at most 0.95; `note` says so with `{share}`.
    """
    capacity: Rows = []
    coverage: Rows = []
    workers = 0.0
    for service, (resource, count, marks) in places.items():
        capacity.append((code, resource, round(count), "个", *marks))
        if service in occupied:
            share = round(min(0.95, occupied[service] * count / need[service]), 3)
            coverage.append((service, code, "all", share, "C", "derived", note.format(share=occupied[service])))
            workers += 1.05 * units.get((service, "care_worker"), 0.0) * share * need[service]
    return capacity, coverage, workers


# --- checks ---------------------------------------------------------------------------------------------------------


def check(place: Place, parts: pd.DataFrame, persons: dict[str, Groups], money: pd.DataFrame) -> None:
    """Stop where the parts do not add up to the whole, ages leave a gap, or a budget leaves no room for the catalogue.

    `money` has a row a part with grants, catalogue, interest and expenditure.
    """
    problems = []
    for sex, whole in persons[place.code].items():
        for start in [s for s in whole if s < 85] + [85]:
            published = sum(n for s, n in whole.items() if s >= 85) if start == 85 else whole[start]
            found = sum(persons[code][sex][start] for code in parts.index)
            if found != published:
                problems.append(f"{sex} from {start}: parts {found:.0f}, whole {published:.0f}")
    expected = [0, 1, *range(5, 86, 5)]
    problems += [f"{code} {sex}: ages {sorted(groups)}" for code in parts.index for sex, groups in persons[code].items() if sorted(groups) != expected]
    for code, part in parts.iterrows():
        total = sum(sum(groups.values()) for groups in persons[str(code)].values())
        if total != part["total"] or part["urban_pop"] + part["rural_pop"] != part["total"]:
            problems.append(f"{code}: ages {total:.0f}, total {part['total']:.0f}, towns and villages {part['urban_pop'] + part['rural_pop']:.0f}")
    for code, row in money.iterrows():
        if row["grants"] <= 0 or row["catalogue"] + row["interest"] >= row["expenditure"]:
            figures = ", ".join(f"{name} {row[name]:.1f}" for name in ("grants", "catalogue", "interest", "expenditure"))
            problems.append(f"{code}: {figures} do not fit together")
    if problems:
        raise SystemExit("\n".join(problems))


def implied_tfr(
    place: Place, facts: Path, parts: pd.DataFrame, persons: dict[str, Groups], relative: dict[str, float], shapes: dict[str, dict[int, float]]
) -> str:
    """TFR that gives the births published since the base year: a guide for parameters.yaml. The census' women grow older; no deaths, no moves."""
    found = table(facts, "demography/vital_series.csv")
    births = found[(found["region_code"] == place.code) & (found["indicator"] == "births") & (found["year"] > CENSUS_YEAR)].set_index("year")["value"]
    urban = float(parts["urban_pop"].sum() / parts["total"].sum())
    shape = {age: urban * share + (1 - urban) * shapes["rural"][age] for age, share in shapes["urban"].items()}
    texts = []
    for year, count in births.items():
        exposed = 0.0
        for code in parts.index:
            women = persons[code]["female"]
            for age, share in shape.items():
                then = age - (int(str(year)) - CENSUS_YEAR) + 0.5
                exposed += relative[code] * share * women[5 * int(then // 5)] / 5
        texts.append(f"{year}: {count * 10_000 / exposed:.3f}")
    return ", ".join(texts)


def show(place: Place, money: pd.DataFrame, out: Path) -> None:
    """Print the base year by part and the catalogue share that keeps it."""
    money = money.assign(catalogue_share=money["catalogue"] / money["expenditure"])
    print(money.round(3).to_string())
    total = money.drop(columns="catalogue_share").sum()
    print(total.round(1).to_string())
    parameters = yaml.safe_load((out / "national" / "parameters.yaml").read_text(encoding="utf-8"))
    own = out / place.pack / "parameters.yaml"
    parameters |= (yaml.safe_load(own.read_text(encoding="utf-8")) or {}) if own.is_file() else {}
    claims, reserve = (parameters[path]["value"] for path in ("fiscal.first_claims_share", "fiscal.reserve_share"))
    room = (1 - reserve) * (total["own_revenue"] + total["grants"]) - claims * total["expenditure"] - total["interest"]
    print(f"fiscal.catalogue_share that keeps the base year: {total['catalogue'] / room:.4f}")
