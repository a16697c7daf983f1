"""A made-up province that obeys the contract of a run, large enough to look at: for tests of charts and pages."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd

from fiscalsim.quantities import PackInfo

BASE, END = 2020, 2035
YEARS = range(BASE + 1, END + 1)
CITIES = (
    ("shenyang", "沈阳", 9.0, 0.0),
    ("dalian", "大连", 7.4, 0.0),
    ("anshan", "鞍山", 3.3, 0.2),
    ("fushun", "抚顺", 1.8, 0.3),
    ("benxi", "本溪", 1.3, 0.2),
    ("dandong", "丹东", 2.2, 0.3),
    ("jinzhou", "锦州", 2.7, 0.3),
    ("yingkou", "营口", 2.3, 0.15),
    ("fuxin", "阜新", 1.6, 0.38),
    ("liaoyang", "辽阳", 1.6, 0.2),
    ("panjin", "盘锦", 1.4, 0.02),
    ("tieling", "铁岭", 2.4, 0.42),
    ("chaoyang", "朝阳", 2.9, 0.4),
    ("huludao", "葫芦岛", 2.4, 0.36),
)
SERVICES = (
    # code, zh, en, short, domain, ages, rate, yuan, weight of the area's weakness
    ("preschool", "学前教育", "Preschool", "学前", "education", (3, 6), 0.9, 9000.0, 0.05),
    ("compulsory_education", "义务教育", "Compulsory education", "义教", "education", (6, 15), 1.0, 12000.0, 0.0),
    ("childcare_places", "普惠托育", "Nursery places", "托育", "childcare", (0, 3), 0.15, 8000.0, 1.0),
    ("public_health", "基本公共卫生", "Public health", "公卫", "health", (0, 101), 1.0, 90.0, 0.0),
    ("nursing_care", "护理床位", "Nursing beds", "护理", "elderly", (70, 101), 0.03, 16000.0, 0.9),
    ("day_care", "居家养老", "Day care", "居家", "elderly", (65, 101), 0.05, 4000.0, 0.5),
    ("dibao", "最低生活保障", "Minimum living allowance", "低保", "assistance", (0, 101), 0.02, 7000.0, 0.0),
    ("public_rental", "公租房", "Public rental", "公租", "housing", (20, 60), 0.02, 3000.0, 0.35),
)
INDICATORS = (
    ("nursing_share", "护理型床位占比", "Share of nursing beds", "elderly", "%", "%", "binding", 50.0, 42.0, 55.0, "capacity_share"),
    ("schooling_years", "劳动年龄人口平均受教育年限", "Years of schooling", "education", "年", "years", "binding", 11.3, 11.0, 11.9, "reported"),
    ("childcare_per_1000", "每千人口托位数", "Childcare places per 1,000", "childcare", "个", "places", "expected", 4.5, 1.5, 3.1, "capacity_per"),
    ("fertility_stated", "儿童友好城市", "Child friendly cities", "childcare", "个", "cities", "stated", np.nan, np.nan, np.nan, "stated"),
)


def desk_result(poorer: float = 1.0, births: float = 1.0) -> SimpleNamespace:
    """`poorer` above 1 deepens every shortfall, `births` scales the youngest; everything else stays."""
    codes = [c[0] for c in CITIES]
    ages = np.arange(101)
    population = []
    for year, (region, _, size, _), residence, sex in product(range(BASE, END + 1), CITIES, ("urban", "rural"), ("male", "female")):
        late = (year - BASE) / (END - BASE)
        shape = np.exp(-(((ages - 45 - 8 * late) / 26) ** 2)) * np.clip(1.15 - ages / 98, 0.002, 1)
        shape[:15] *= 1 - 0.45 * late * births
        people = size * 1e6 * (0.7 if residence == "urban" else 0.3) * (0.49 if sex == "male" else 0.51) * shape / 45 * (1 - 0.06 * late)
        population.append(pd.DataFrame({"year": year, "region": region, "residence": residence, "sex": sex, "age": ages, "persons": people}))
    people = pd.concat(population, ignore_index=True)
    rows, demand = [], []
    by_age = people.groupby(["year", "region", "residence", "age"])["persons"].sum().unstack("age")
    for code, *_, (low, high), rate, yuan, weak in [(s[0], s[5], s[6], s[7], s[8]) for s in SERVICES]:
        clients = by_age.loc[:, low : high - 1].sum(axis=1) * rate
        for (year, region, residence), n in clients.items():
            depth = next(c[3] for c in CITIES if c[0] == region) * weak * poorer * (1.1 if residence == "rural" else 0.9)
            gap = min(0.95, depth * (0.9 + 0.02 * (year - 2025)))
            cost = yuan * 1.03 ** (year - BASE)
            demand.append((year, region, residence, code, n, cost, n * cost))
            if year > BASE:
                rows.append((year, region, residence, code, n * (1 - gap), 1 - gap, n * (1 - gap) * cost, n * 50.0 * weak))
    key = ["year", "region", "residence", "service"]
    demand_table = pd.DataFrame(demand, columns=[*key, "clients", "standard_yuan", "cost_yuan"])
    allocation = pd.DataFrame(rows, columns=[*key, "provided", "coverage", "recurrent_yuan", "capital_yuan"])
    spent = allocation.groupby(["year", "region"])[["recurrent_yuan", "capital_yuan"]].sum().sum(axis=1)
    fiscal, transfers = [], []
    for year, (region, _, size, weak) in product(range(BASE, END + 1), CITIES):
        own, grants = size * 12e9 * 1.03 ** (year - BASE), size * (4 + 10 * weak) * 1e9 * 1.02 ** (year - BASE)
        paid = spent.get((year, region), spent.loc[(BASE + 1, region)] * 0.97)
        interest, reserve, claims = -0.03 * own, -0.01 * (own + grants), -0.5 * (own + grants)
        general, earmarked = grants * 0.6 * (1 + 0.2 * (weak - 0.2)), grants * 0.4
        other = -(own + general + earmarked + interest + reserve + claims - paid)
        fiscal += [
            (year, region, item, yuan)
            for item, yuan in (
                ("own_revenue", own),
                ("transfers_usual", grants),
                ("first_claims", claims),
                ("debt_interest", interest),
                ("reserve", reserve),
                ("other_spending", other),
                ("available_usual", own + grants + claims + interest + reserve + other),
            )
        ]
        if year > BASE:
            row = allocation[(allocation["year"] == year) & (allocation["region"] == region)]
            fiscal += [
                (year, region, item, yuan)
                for item, yuan in (
                    ("means", own + claims + interest + other),
                    ("general", general),
                    ("earmarked", earmarked),
                    ("bonds", 0.0),
                    ("carried_in", 0.0),
                    ("claims_unpaid", 0.0),
                    ("recurrent", -row["recurrent_yuan"].sum()),
                    ("capital", -row["capital_yuan"].sum()),
                    ("bond_interest", 0.0),
                    ("reserve_kept", reserve),
                    ("carried_out", 0.0),
                )
            ]
            fiscal += [(year, "plan", "general_pool", general), (year, "plan", "earmarked_pool", earmarked)]
            transfers += [(year, region, "general", "", general), (year, region, "earmarked", "nursing_care", earmarked)]
    short = allocation.merge(demand_table, on=key)
    short = short[short["coverage"] < 0.995]
    shortfalls = pd.DataFrame(
        {
            **{k: short[k] for k in ("year", "region", "residence")},
            "goal": "floor",
            "what": short["service"],
            "units": short["clients"] * (1 - short["coverage"]),
            "yuan": short["cost_yuan"] * (1 - short["coverage"]),
            "limited_by": np.where(short["region"] == "fuxin", "served_within_capacity;staff_within_supply", "spending_within_means"),
        }
    )
    indicators, names = [], []
    for code, zh, en, domain, unit_zh, unit_en, nature, target, start, end, measure in INDICATORS:
        path = {year: start + (end - start) * (year - BASE) / (END - BASE) for year in YEARS}
        since = next((year for year, value in path.items() if value >= target), None)
        status = "not_computable" if np.isnan(start) else "missed" if path[2025] < target else "met"
        indicators += [(code, "plan", year, value, start + (target - start) * min(1, (year - BASE) / 5), nature, status) for year, value in path.items()]
        base = None if np.isnan(start) else start
        names.append(
            (
                code,
                zh,
                en,
                unit_zh,
                unit_en,
                domain,
                nature,
                measure,
                2020,
                base,
                base,
                2025,
                ">=",
                None if base is None else target,
                status,
                since,
                "到2025年",
                "plan",
                "",
            )
        )
    births = [
        {"year": y, "region": r, "residence": h, "births": 9e3, "deaths": 2e4, "external_migration": 1e3, "internal_migration": 0.0}
        for y, r, h in product(YEARS, codes, ("urban", "rural"))
    ]
    regions = pd.DataFrame(
        [(c, z + "市", c.title(), z, c.title(), "rural" if w > 0.3 else "") for c, z, _, w in CITIES],
        columns=["region", "name_zh", "name_en", "short_zh", "short_en", "tags"],
    )
    services = pd.DataFrame(
        [(s, z, e, k, e.split()[0][:8], d, "place", "人", "people") for s, z, e, k, d, *_ in SERVICES],
        columns=["service", "name_zh", "name_en", "short_zh", "short_en", "domain", "kind", "client_zh", "client_en"],
    )
    prices = [("1b", "spending_within_means", 2030, r, 1800.0 - 90 * i, 1700.0 - 90 * i, "clients") for i, r in enumerate(codes[8:])]
    tables = {
        "population": people,
        "components": pd.DataFrame(births),
        "demand": demand_table,
        "fiscal": pd.DataFrame(fiscal, columns=["year", "region", "item", "yuan"]),
        "capacity": pd.DataFrame(
            [(y, r, "nursing_care", 4000.0, 100.0, 20.0, 0.0, 40.0) for y, r in product(YEARS, codes)],
            columns=["year", "region", "service", "capacity", "built", "converted_in", "converted_out", "retired"],
        ),
        "allocation": allocation,
        "transfers": pd.DataFrame(transfers, columns=["year", "region", "kind", "service", "yuan"]),
        "shortfalls": shortfalls.reset_index(drop=True),
        "shadow_prices": pd.DataFrame(prices, columns=["pass", "limit", "year", "region", "left", "right", "unit"]),
        "indicators": pd.DataFrame(indicators, columns=["indicator", "region", "year", "value", "target", "nature", "status"]),
        "execution": pd.DataFrame(columns=["replication", "year", "month", "region", "service", "measure", "value"]),
        "checks": pd.DataFrame([("people_balance", 0.0, 1e-9, True)], columns=["name", "value", "tolerance", "passed"]),
        "regions": regions,
        "services": services,
        "indicator_names": pd.DataFrame(
            names,
            columns=[
                "indicator",
                "name_zh",
                "name_en",
                "unit_zh",
                "unit_en",
                "domain",
                "nature",
                "measure",
                "base_year",
                "base_printed",
                "base_computed",
                "target_year",
                "target_op",
                "target_value",
                "status",
                "year_met",
                "quote",
                "source",
                "note",
            ],
        ),
        "sources": pd.DataFrame(
            [("parameters.yaml", "demography.tfr", "0.92", "births per woman", "B", "census-2020", "", "")],
            columns=["file", "key", "value", "unit", "grade", "source", "note", "quote"],
        ),
        "summary": pd.DataFrame(columns=["key", "value"]),
    }
    info = PackInfo("toyland", "辽宁省", "Liaoning", True, BASE, END, "规划", "Plan", 2021, 2025, "省", "the province", "市", "cities", regions)
    return SimpleNamespace(tables=tables, info=info, passes=[], pack_digest="ab" * 32)
