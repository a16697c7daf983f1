"""Backcast of the demographic engine: what it would have said in 2010 of 2020, and in 2020 of 2021-2024, beside naive forecasts.

Usage: python tools/backcast.py FACTS_DIR   (a folder with demography/*.csv; see docs/validation.md for what each file is)
Writes docs/validation/backcast_2020.csv (every county), backcast_2020_summary.csv, backcast_2024.csv, backcast.svg, and the tables of
docs/validation.md between the lines `<!-- backcast:NAME -->` and `<!-- /backcast:NAME -->`.

The rule: a forecast from 2010 may use the 2010 census, rates published for 2010, and tools/known_in_2010.csv (the 2000 census of the
nation, the floating population of 2000 and 2010, the plan of March 2011). Nothing dated later enters, except the 2020 census to compare with.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from fiscalsim import demography
from fiscalsim.axes import OPEN_AGE, Axis, years_axis
from fiscalsim.quantities import DemographyInputs

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
AGES = np.arange(OPEN_AGE + 1)
GROUPS = {"0-14": (0, 15), "15-59": (15, 60), "60+": (60, 101), "total": (0, 101)}
PROVINCES = ("21", "15", "62")
OURS = "fiscalsim"
METHODS = (OURS, "Hamilton-Perry", "constant growth")
RENAMED = {"210122": "210115", "210282": "210214", "211121": "211104"}  # counties that became districts after 2010: their rows of 2010 -> today's code
LAST_MOVER = 60  # nobody moves from this age on: migrants are workers and their children, and men retire at 60 (State Council, 1978)
WHY = {  # words of the facts' column, as the page says them
    "yes": "same code and form: comparable",
    "check: district (boundaries may differ)": "city district: its border may have been redrawn; not checked",
    "check: prefecture has zones counted apart in 2020": "its prefecture counted zones apart in 2020: people may be missing from it; not checked",
}
YEARLY = {"resident_pop_yearend": ("population", 0), "births": ("births", 1), "deaths": ("deaths", 2)}  # published later -> item, place among a year's results
CITY_SETS = ("same code, county", "boundary unchecked", "boundary changed")


def census(facts: Path, year: int) -> pd.DataFrame:
    """region_code, level, sex (male, female), age_from, persons of the census of `year`, counties and above."""
    table = pd.read_csv(facts / "demography" / f"age_structure_{year}.csv", dtype={"region_code": str})
    table["sex"] = table["sex"].map({"M": "male", "F": "female"})
    table["region_code"] = table["region_code"].replace(RENAMED)
    return table.rename(columns={"age_start": "age_from", "population": "persons"})[["region_code", "region_zh", "level", "sex", "age_from", "persons"]]


def single_ages(table: pd.DataFrame, codes: list[str], older: pd.DataFrame) -> np.ndarray:
    """Persons [R,X,A] of regions `codes`, graduated by the engine; `older` (sex, age_from, persons) splits the open group."""
    groups = table[table["region_code"].isin(codes)].rename(columns={"region_code": "region"}).sort_values(["region", "sex", "age_from"])
    groups = with_ends(groups, ["region", "sex"])
    total = groups.groupby("region")["persons"].sum()
    residence = pd.DataFrame([(code, "urban", total[code]) for code in codes], columns=["region", "residence", "persons"])
    groups["order"] = groups["region"].map({code: i for i, code in enumerate(codes)})
    return demography.base_population(groups.sort_values("order", kind="stable"), with_ends(older, ["sex"]), residence)[:, 0]


def with_ends(groups: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Add age_to: one year before the next group of the same keys, empty for the last."""
    groups = groups.sort_values([*keys, "age_from"]).copy()
    groups["age_to"] = groups.groupby(keys)["age_from"].shift(-1) - 1
    return groups


def older_groups(table: pd.DataFrame, province: str) -> pd.DataFrame:
    rows = table[(table["region_code"] == province) & (table["age_from"] >= 85)]
    return rows[["sex", "age_from", "persons"]]


def broad(persons: np.ndarray) -> np.ndarray:
    """[R, groups] sums of [R,X,A] over sex and the broad age groups."""
    both = persons.sum(axis=1)
    return np.stack([both[:, a:b].sum(axis=1) for a, b in GROUPS.values()], axis=1)


def by_fives(table: pd.DataFrame, codes: list[str]) -> np.ndarray:
    """[R, 18] both sexes, ages 0-4, 5-9 .. 85+."""
    five = (table["age_from"] // 5 * 5).clip(upper=85).rename("five")
    wide = table.groupby(["region_code", five])["persons"].sum().unstack()
    return wide.loc[codes].to_numpy(dtype=float)


# --- rates known in 2010 --------------------------------------------------------------------------------------------


def known() -> dict[str, np.ndarray]:
    table = pd.read_csv(HERE / "known_in_2010.csv")
    return {str(item): rows["value"].to_numpy(dtype=float) for item, rows in table.groupby("item", sort=False)}


def standard_mx(facts: Path) -> np.ndarray:
    """[X,A] the nation's death rates of the 2010 census, single ages."""
    table = pd.read_csv(facts / "demography" / "mortality_china.csv")
    rows = table[(table["measure"] == "mx") & (table["age_kind"] == "single")]
    ages = rows["age"].astype(str).str.rstrip("+").astype(int)
    mx = np.zeros((2, OPEN_AGE + 1))
    for x, sex in enumerate("MF"):
        mx[x, ages[rows["sex"] == sex]] = rows.loc[rows["sex"] == sex, "value"]
    return mx


def e0(facts: Path, year: int) -> dict[str, tuple[float, float]]:
    """Life expectancy of men and women by province, as published for `year`."""
    table = pd.read_csv(facts / "demography" / "mortality_china.csv", dtype={"region_code": str, "period": str})
    rows = table[(table["measure"] == "e0") & (table["period"] == str(year))].set_index(["region_code", "sex"])["value"]
    return {code[:2]: (float(rows[(code, "M")]), float(rows[(code, "F")])) for code in ("100000", *(p + "0000" for p in PROVINCES))}


def asfr(facts: Path) -> np.ndarray:
    """[A] age pattern of births of the 2010 census, sums to 1."""
    table = pd.read_csv(facts / "demography" / "asfr_china.csv", dtype={"year": str, "age": str})
    rows = table[(table["year"] == "2010") & (table["measure"] == "asfr") & (table["age_kind"] == "single")]
    schedule = np.zeros(OPEN_AGE + 1)
    schedule[rows["age"].astype(int)] = rows["asfr_per1000"]
    return schedule / schedule.sum()


def rogers_castro(facts: Path, below: int = LAST_MOVER) -> np.ndarray:
    """[A] the default model migration schedule, largest cell 1, nobody from age `below` up."""
    table = pd.read_csv(facts / "demography" / "migration.csv")
    rows = table[(table["topic"] == "rogers_castro") & table["value"].notna()]
    p = {str(item).split(" ")[0]: float(value) for item, value in zip(rows["item"], rows["value"], strict=True)}
    x = AGES + 0.5
    m = p["a1"] * np.exp(-p["alpha1"] * x) + p["a2"] * np.exp(-p["alpha2"] * (x - p["mu2"]) - np.exp(-p["lambda2"] * (x - p["mu2"]))) + p["c"]
    return np.where(below > AGES, m, 0) / m.max()


def srb(facts: Path, year: int) -> dict[str, float]:
    """Boys per girl by province in the long form of the census of `year`."""
    table = pd.read_csv(facts / "demography" / "births_by_parity_residence.csv", dtype={"region_code": str})
    rows = table[(table["census_year"] == year) & (table["residence"] == "all")]
    return {code[:2]: value / 100 for code, value in zip(rows["region_code"], rows["srb_f100"], strict=True)}


def county_life(facts: Path, codes: list[str], base: np.ndarray, mx: np.ndarray, province: np.ndarray, belief: float) -> np.ndarray:
    """[R,X] life expectancy: the province's table with death rates times (county / province standardised death ratio) ** belief."""
    table = pd.read_csv(facts / "demography" / "vital_series.csv", dtype={"region_code": str})
    rows = table[(table["indicator"] == "death_rate_census") & (table["year"] == 2010)]
    rates = rows.assign(region_code=rows["region_code"].replace(RENAMED)).set_index("region_code")["value"] / 1000
    deaths = rates.reindex(codes).to_numpy() * base.sum(axis=(1, 2))
    expected = (base * mx).sum(axis=(1, 2))
    ratio = deaths / expected
    for prefix in PROVINCES:
        own = np.array([c.startswith(prefix) for c in codes])
        ratio[own] /= deaths[own].sum() / expected[own].sum()
    return demography.life_expectancy(demography.shift_to_life_expectancy(mx, province) * (ratio**belief)[:, None, None])


def found_again(census_2000: np.ndarray, nation_2010: np.ndarray, single: np.ndarray, S: np.ndarray) -> np.ndarray:
    """[A] by age in 2010: what the next census is expected to find of a cohort over what survival alone would leave.

    Learnt from the nation's 2000 and 2010 censuses by five-year groups (both sexes): people of 2010 / (people of 2000 ten years younger x
    survival by S [X,A]). Above 1 where a census misses people whom the next one finds (children), below 1 where it is the other way.
    Survival of a group is weighted by the single ages `single` [X,A] of 2010; from 75 up one factor.
    """
    factor = np.ones(OPEN_AGE + 1)
    for group in range(16):
        ages = range(group * 5, group * 5 + 5) if group < 15 else range(75, OPEN_AGE + 1)
        survivors = 0.0
        for a in ages:
            for x in range(2):
                into = np.minimum(np.arange(a + 1, a + 11), OPEN_AGE)
                survivors += single[x, a] * np.prod(S[x, into])
        left = survivors / single[:, list(ages)].sum()
        before = census_2000[group] if group < 15 else census_2000[15:].sum()
        factor[list(ages)] = nation_2010[group + 2] / (before * left)
    return factor


# --- the forecast from 2010 -----------------------------------------------------------------------------------------


def forecast_2020(
    facts: Path, codes: list[str], hukou: np.ndarray, migration: bool = True, mended_ages: int = 10, county_mortality: float = 1.0, last_mover: int = LAST_MOVER
) -> np.ndarray:
    """Persons [R,X,A] in 2020 as the engine would have said from 2010; `hukou` [R] registered population of 2010.

    `mended_ages`: ages below it are corrected by `found_again` (10: children only; 0: the census as counted). `county_mortality`: how
    much (0 none, 1 all) of the difference between the county's and its province's standardised death rate of 2010 is believed. `last_mover`:
    the age from which nobody moves.
    """
    table, past = census(facts, 2010), known()
    base = np.concatenate([single_ages(table, [c], older_groups(table, c[:2] + "0000")) for c in codes])
    nation = single_ages(table, ["100000"], older_groups(table, "100000"))
    mx, schedule = standard_mx(facts), asfr(facts)
    level = e0(facts, 2010)
    gain = past["e0_gain_per_year"][0] * np.arange(1, 11)
    here = np.array([level[c[:2]] for c in codes])
    if county_mortality:
        here = county_life(facts, codes, base, mx, here, county_mortality)
    life = here[None] + gain[:, None, None]

    decade = 0.5 * (past["national_e0_2000"] + np.array(level["10"]))
    S = demography.survivorship_ratio(demography.shift_to_life_expectancy(mx, decade[None]))[0]
    factor = found_again(past["census_2000"], by_fives(table, ["100000"])[0], nation[0], S)
    mended = base * np.where(mended_ages > AGES, factor, 1.0)
    S = S.mean(axis=0)

    # births a year of 2005.11-2010.10 from the children under five; their mothers were two and a half years younger
    born = mended[:, :, 0:5].sum(axis=(1, 2)) / (5 * S[0] * float(np.prod(S[1:3])))
    at_birth = 0.5 * (np.roll(schedule, 2) + np.roll(schedule, 3))
    tfr = born / (mended[:, 1] @ at_birth)

    net = np.zeros(len(codes))
    if migration:
        before, after = past["floating_population"]
        net = (base.sum(axis=(1, 2)) - hukou) * (after - before) / after / 10  # persons a year
    ratio = srb(facts, 2010)
    boys = np.array([ratio[c[:2]] for c in codes])
    return run(
        2010,
        codes,
        mended,
        mx,
        life,
        schedule,
        np.broadcast_to(tfr, (10, len(codes))),
        boys,
        np.broadcast_to(net, (10, len(codes))),
        nation[0],
        rogers_castro(facts, last_mover),
    )[0]


def run(
    base_year: int,
    codes: list[str],
    base: np.ndarray,
    mx: np.ndarray,
    life: np.ndarray,
    schedule: np.ndarray,
    tfr: np.ndarray,
    boys_per_girl: np.ndarray,
    net: np.ndarray,
    nation: np.ndarray,
    movers: np.ndarray,
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Persons [R,X,A] after the years of `tfr` [Y,R] and `net` [Y,R] migrants, and (population, births, deaths) [R] of each year.

    One call of the engine a year, because migrants are spread anew each year: those who leave by the schedule over who is there, those
    who come by the schedule over the nation's people [X,A].
    """
    R = len(codes)
    people, years = base, []
    for y in range(len(tfr)):
        leaving, coming = people * movers, nation * movers
        pattern = np.where(net[y, :, None, None] < 0, leaving / leaving.sum(axis=(1, 2), keepdims=True), coming / coming.sum())
        external = np.zeros((1, R, 2, 2, OPEN_AGE + 1))
        external[0, :, 0] = net[y, :, None, None] * pattern
        inputs = DemographyInputs(
            base_year=base_year + y,
            years=years_axis(base_year + y + 1, base_year + y + 1),
            regions=Axis("region", tuple(codes)),
            base_population=np.stack([people, np.zeros_like(people)], axis=1),
            standard_mx=mx,
            life_expectancy=life[y : y + 1],
            fertility_schedule=np.stack([schedule, schedule]),
            tfr=np.repeat(tfr[y : y + 1, :, None], 2, axis=2),
            sex_ratio_at_birth=boys_per_girl,
            external_migration=external,
            urban_share=None,
            rural_to_urban_rate=None,
            mover_schedule=np.ones((2, OPEN_AGE + 1)),
            reclassified_share=0.0,
            leaving_rate=np.zeros(R),
            destination_share=np.full(R, 1 / R),
            timing="even",
        )
        population, flows = demography.simulate(inputs)
        people = population.persons[-1].sum(axis=1)
        years.append((people.sum(axis=(1, 2)), flows.births[0].sum(axis=1), flows.deaths[0].sum(axis=1)))
    return people, years


# --- naive forecasts ------------------------------------------------------------------------------------------------


def constant_growth(facts: Path, codes: list[str]) -> np.ndarray:
    """[R, groups]: each broad age group of a county grows as the nation's did from 2000 to 2010."""
    table, past = census(facts, 2010), known()["census_2000"]
    now, nation = by_fives(table, codes), by_fives(table, ["100000"])[0]
    cut = {"0-14": slice(0, 3), "15-59": slice(3, 12), "60+": slice(12, 18)}
    parts = np.stack([now[:, s].sum(axis=1) * nation[s].sum() / past[s].sum() for s in cut.values()], axis=1)
    return np.column_stack([parts, now.sum(axis=1) * nation.sum() / past.sum()])


def hamilton_perry(facts: Path, codes: list[str]) -> np.ndarray:
    """[R, groups]: cohort change ratios of the nation 2000-2010 on the county's five-year groups, its own child-woman ratios of 2010."""
    table, past = census(facts, 2010), known()["census_2000"]
    now, nation = by_fives(table, codes), by_fives(table, ["100000"])[0]
    later = np.zeros_like(now)
    later[:, 2:17] = now[:, :15] * nation[2:17] / past[:15]
    later[:, 17] = now[:, 15:].sum(axis=1) * nation[17] / past[15:].sum()
    women = table[table["sex"] == "female"]
    fives = by_fives(women, codes)
    mothers = fives[:, 3:10].sum(axis=1)  # 15-49
    mothers_later = np.zeros(len(codes))
    share = fives / np.where(now > 0, now, 1)
    for group in range(3, 10):
        mothers_later += later[:, group] * share[:, group - 2]
    for group, first in ((0, 3), (1, 4)):
        own = fives[:, first : first + 7].sum(axis=1) if group else mothers
        ahead = sum(later[:, g] * share[:, g - 2] for g in range(first, first + 7)) if group else mothers_later
        later[:, group] = now[:, group] / own * ahead
    return np.column_stack([later[:, 0:3].sum(axis=1), later[:, 3:12].sum(axis=1), later[:, 12:].sum(axis=1), later.sum(axis=1)])


# --- comparison -----------------------------------------------------------------------------------------------------


def backcast_2020(facts: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(every county and group, summary) of the forecasts from 2010 for 2020."""
    regions = pd.read_csv(facts / "demography" / "census2020_regions.csv", dtype={"region_code": str, "parent_code": str})
    table = census(facts, 2010)
    counted = set(table.loc[table["level"] == "county", "region_code"])
    regions = regions[(regions["level"] == "county") & regions["region_code"].isin(counted)].copy()
    regions["comparable"] = np.select(
        [regions["comparable_2010"] == "yes", regions["comparable_2010"].fillna("no").str.startswith("check")],
        ["same code, county", "boundary unchecked"],
        "boundary changed",
    )
    regions = regions[regions["hukou_pop_2010"].notna()]
    codes = regions["region_code"].tolist()
    later = census(facts, 2020)
    truth = by_fives(later, codes)
    truth = np.column_stack([truth[:, 0:3].sum(axis=1), truth[:, 3:12].sum(axis=1), truth[:, 12:].sum(axis=1), truth.sum(axis=1)])
    hukou = regions["hukou_pop_2010"].to_numpy(dtype=float)
    forecasts = {
        OURS: broad(forecast_2020(facts, codes, hukou)),
        "Hamilton-Perry": hamilton_perry(facts, codes),
        "constant growth": constant_growth(facts, codes),
        "ours, death rates of the province only": broad(forecast_2020(facts, codes, hukou, county_mortality=0.0)),
        "ours, the old move too": broad(forecast_2020(facts, codes, hukou, last_mover=85)),
        "ours, nobody moves": broad(forecast_2020(facts, codes, hukou, migration=False)),
        "ours, census as counted": broad(forecast_2020(facts, codes, hukou, mended_ages=0)),
        "ours, every age mended": broad(forecast_2020(facts, codes, hukou, mended_ages=OPEN_AGE + 1)),
    }
    rows = []
    for r, region in enumerate(regions.itertuples()):
        for g, group in enumerate(GROUPS):
            for method, values in forecasts.items():
                rows.append((region.region_code, region.region_zh, region.comparable, group, method, values[r, g], truth[r, g], values[r, g] / truth[r, g] - 1))
    every = pd.DataFrame(rows, columns=["region_code", "region_zh", "comparable", "age_group", "method", "forecast", "census_2020", "error"])
    return every, summarise(every)


def summarise(every: pd.DataFrame) -> pd.DataFrame:
    """Median and 90th percentile of the absolute error, mean error, and the error of the sum, by set of counties, age group and method."""
    rows = []
    sets = {"comparable": every["comparable"] == "same code, county", "all with a 2010 row": every["comparable"] != ""}
    for name, chosen in sets.items():
        for (group, method), part in every[chosen].groupby(["age_group", "method"], sort=False):
            size = part["error"].abs()
            total = part["forecast"].sum() / part["census_2020"].sum() - 1
            rows.append((name, len(part), group, method, size.median(), size.quantile(0.9), part["error"].median(), total))
    return pd.DataFrame(rows, columns=["counties", "n", "age_group", "method", "median_abs", "p90_abs", "median_error", "error_of_sum"])


def backcast_2024(facts: Path) -> pd.DataFrame:
    """Prefectures of the three provinces run from the 2020 census to 2024, beside published year-ends, births and deaths.

    Rates known at the end of 2020: death rates of the 2010 census shifted to the provinces' life expectancy of 2020 plus the 14th plan's
    year in five, fertility from the children under one of the census, net migration of 2010-2020 (derived) spread evenly over later years.
    """
    folder = facts / "demography"
    table = census(facts, 2020)
    codes = sorted(set(table.loc[(table["level"] == "prefecture"), "region_code"]))
    published = pd.read_csv(folder / "vital_series.csv", dtype={"region_code": str})
    published = published[published["indicator"].isin(list(YEARLY)) & published["year"].between(2021, 2024)]
    counties = sorted({c for c in published["region_code"] if c[:2] in ("21", "15") and not c.endswith("00")})
    codes = [*(c for c in codes if c[:2] in ("21", "15")), *counties, "620000"]  # Gansu whole: of its prefectures only Linxia's ages are held
    base = np.concatenate([single_ages(table, [c], older_groups(table, c[:2] + "0000")) for c in codes])
    nation = single_ages(table, ["100000"], older_groups(table, "100000"))[0]
    mx, level, ratio = standard_mx(facts), e0(facts, 2020), srb(facts, 2020)
    fives = pd.read_csv(folder / "asfr_china.csv", dtype={"year": str, "age": str})
    fives = fives[(fives["year"] == "2020") & (fives["measure"] == "asfr") & (fives["residence"] == "all") & (fives["age_kind"] == "5-year")]
    schedule = np.zeros(OPEN_AGE + 1)
    for age, rate in zip(fives["age"], fives["asfr_per1000"], strict=True):
        schedule[int(age[:2]) : int(age[:2]) + 5] = rate
    schedule /= schedule.sum()
    life = np.array([[level[c[:2]] for c in codes]]) + known()["e0_gain_per_year"][0] * np.arange(1, 5)[:, None, None]
    S0 = demography.survivorship_ratio(demography.shift_to_life_expectancy(mx, life[0]))[:, :, 0].mean(axis=1)
    at_birth = 0.5 * (schedule + np.roll(schedule, 1))
    tfr = base[:, :, 0].sum(axis=1) / S0 / (base[:, 1] @ at_birth)
    moved = pd.read_csv(folder / "net_migration_2010_2020_by_age_derived.csv", dtype={"region_code": str})
    total = moved.groupby("region_code")["net_migration_2010_20"].sum()
    net = total.reindex(codes)
    for c in codes:
        if c not in total.index and (city := c[:4] + "00") in total.index:  # a county whose border changed: its city's rate
            net[c] = total[city] * base[codes.index(c)].sum() / base[codes.index(city)].sum()
    known_codes = net.notna().to_numpy()
    codes = [c for c, k in zip(codes, known_codes, strict=True) if k]
    base, tfr, life, net = base[known_codes], tfr[known_codes], life[:, known_codes], net[known_codes].to_numpy() / 10
    boys = np.array([ratio[c[:2]] for c in codes])
    _, years = run(2020, codes, base, mx, life, schedule, np.tile(tfr, (4, 1)), boys, np.tile(net, (4, 1)), nation, rogers_castro(facts))
    rows = []
    for code, name, year, indicator, value in published[["region_code", "region_zh", "year", "indicator", "value"]].itertuples(index=False):
        own = np.array([c == code or (code.endswith("0000") and c.startswith(code[:2]) and c not in counties) for c in codes])
        if not own.any():
            continue
        item, k = YEARLY[indicator]
        ours, start = years[year - 2021][k][own].sum(), base[own].sum()
        rows.append((code, name, year, item, value * 1e4, ours, ours / (value * 1e4) - 1, start / (value * 1e4) - 1 if k == 0 else np.nan))
    return pd.DataFrame(rows, columns=["region_code", "region_zh", "year", "item", "published", "forecast", "error", "error_if_nothing_changed"])


def graduation_table(facts: Path) -> str:
    """Markdown: share of the nation's people of 2010 in a wrong single age when only five-year groups are known; the engine's way and equal fifths."""
    table = pd.read_csv(facts / "demography" / "mortality_china.csv")
    rows = table[(table["measure"] == "mx") & (table["age_kind"] == "single")]
    people = rows["note"].str.extract(r"mean population (\d+)")[0].astype(float)
    lines = ["| sex | ages | graduated, % | equal fifths, % |", "|---|---|---:|---:|"]
    bounds = np.array([0, 1, *range(5, OPEN_AGE + 1, 5)])
    for sex, name in (("M", "male"), ("F", "female")):
        true = people[rows["sex"] == sex].to_numpy()
        sums = np.add.reduceat(true, bounds)
        ours = demography.graduate(bounds, sums)
        even = np.repeat(sums / np.diff([*bounds, OPEN_AGE + 1]), np.diff([*bounds, OPEN_AGE + 1]))
        for label, ages in (("all", slice(None)), ("0-29", slice(0, 30))):
            wrong = [np.abs(guess - true)[ages].sum() / 2 / true[ages].sum() for guess in (ours, even)]
            lines.append(f"| {name} | {label} | {percent(wrong[0])} | {percent(wrong[1])} |")
    return "\n".join(lines)


# --- tables and chart for docs/validation.md ------------------------------------------------------------------------


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def summary_table(summary: pd.DataFrame, counties: str, methods: list[str]) -> str:
    """Markdown: one row an age group and method."""
    lines = ["| ages | method | median absolute error, % | 90th percentile, % | median error, % | error of the sum, % |", "|---|---|---:|---:|---:|---:|"]
    chosen = summary[(summary["counties"] == counties) & summary["method"].isin(methods)]
    for row in chosen.itertuples():
        name = f"**{row.method}**" if row.method == OURS else row.method
        lines.append(
            f"| {row.age_group} | {name} | {percent(row.median_abs)} | {percent(row.p90_abs)} | {percent(row.median_error)} | {percent(row.error_of_sum)} |"
        )
    return "\n".join(lines)


def wins_table(every: pd.DataFrame) -> str:
    """Markdown: in how many counties ours is the closest of the three, by age group and set."""
    lines = ["| counties | ages | n | ours closest | Hamilton-Perry | constant growth |", "|---|---|---:|---:|---:|---:|"]
    for name, chosen in (("comparable", every["comparable"] == CITY_SETS[0]), ("all with a 2010 row", every["comparable"] != "")):
        part = every[chosen & every["method"].isin(METHODS)]
        for group in GROUPS:
            wide = part[part["age_group"] == group].pivot(index="region_code", columns="method", values="error").abs()
            best = wide[list(METHODS)].idxmin(axis=1).value_counts()
            lines.append(f"| {name} | {group} | {len(wide)} | " + " | ".join(str(int(best.get(m, 0))) for m in METHODS) + " |")
    return "\n".join(lines)


def later_table(later: pd.DataFrame) -> str:
    """Markdown: provinces by item and year; cities summed up."""
    lines = ["| region | item | year | published, 10k | ours, 10k | error, % | had nothing changed, % |", "|---|---|---|---:|---:|---:|---:|"]
    for row in later[later["region_code"].str.endswith("0000")].sort_values(["region_code", "item", "year"]).itertuples():
        still = "" if np.isnan(row.error_if_nothing_changed) else percent(row.error_if_nothing_changed)
        lines.append(f"| {row.region_zh} | {row.item} | {row.year} | {row.published / 1e4:.1f} | {row.forecast / 1e4:.1f} | {percent(row.error)} | {still} |")
    for row in later[~later["region_code"].str.endswith("00")].sort_values(["region_code", "item", "year"]).itertuples():
        still = percent(row.error_if_nothing_changed)
        lines.append(f"| {row.region_zh} | {row.item} | {row.year} | {row.published / 1e4:.1f} | {row.forecast / 1e4:.1f} | {percent(row.error)} | {still} |")
    cities = later[~later["region_code"].str.endswith("0000") & later["region_code"].str.endswith("00") & (later["item"] == "population")]
    for year, part in cities.groupby("year"):
        size, still = part["error"].abs(), part["error_if_nothing_changed"].abs()
        lines.append(
            f"| {len(part)} cities | population, median (90th percentile) of absolute error | {year} | | | "
            f"{percent(size.median())} ({percent(size.quantile(0.9))}) | {percent(still.median())} ({percent(still.quantile(0.9))}) |"
        )
    return "\n".join(lines)


def units_table(facts: Path) -> str:
    """Markdown: every county unit of the facts by how far its border can be trusted, by name, with the reason; all of them add up."""
    regions = pd.read_csv(facts / "demography" / "census2020_regions.csv", dtype={"region_code": str, "parent_code": str})
    names = regions.set_index("region_code")["region_zh"]
    part = regions[regions["level"] == "county"]
    counted = set(census(facts, 2010)["region_code"])
    lines = ["| border since 2010 | units | judged | which |", "|---|---:|---|---|"]
    for reason, group in part.groupby(part["comparable_2010"].map(lambda text: WHY.get(str(text), str(text))), sort=False):
        by_city = group.groupby("parent_code", sort=False)["region_zh"].apply(lambda zh: "、".join(zh))
        judged = group["region_code"].isin(counted) & group["hukou_pop_2010"].notna()
        told = "yes" if judged.all() else "no" if not judged.any() else f"{int(judged.sum())} of them"
        lines.append(f"| {reason} | {len(group)} | {told} | " + "；".join(f"{names.get(city, city)}：{zh}" for city, zh in by_city.items()) + " |")
    lines.append(f"| all | {len(part)} | {int((part['region_code'].isin(counted) & part['hukou_pop_2010'].notna()).sum())} | |")
    return "\n".join(lines)


def chart(every: pd.DataFrame) -> str:
    """SVG: for each age group, the cumulative share of comparable counties whose absolute error is below x, three methods."""
    width, height, left, top, plot, gap = 980, 330, 50, 46, 200, 32
    colours = {OURS: "#0b6e4f", "Hamilton-Perry": "#c77c11", "constant growth": "#8a8a8a"}
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">']
    out.append(f'<rect width="{width}" height="{height}" fill="white"/>')
    out.append('<text x="50" y="18" font-size="14">Backcast 2010 to 2020: share of comparable counties within a given error</text>')
    part = every[every["comparable"] == CITY_SETS[0]]
    for g, group in enumerate(GROUPS):
        x0 = left + g * (plot + gap)
        out.append(f'<text x="{x0}" y="{top - 8}">ages {group}</text>' if group != "total" else f'<text x="{x0}" y="{top - 8}">all ages</text>')
        out.append(f'<rect x="{x0}" y="{top}" width="{plot}" height="{plot}" fill="none" stroke="#444"/>')
        for k in range(6):
            x = x0 + plot * k / 5
            out.append(
                f'<line x1="{x}" x2="{x}" y1="{top}" y2="{top + plot}" stroke="#ddd"/><text x="{x}" y="{top + plot + 16}" text-anchor="middle">{10 * k}%</text>'
            )
        if g == 0:
            for k in (0, 50, 100):
                out.append(f'<text x="{x0 - 6}" y="{top + plot * (1 - k / 100) + 4}" text-anchor="end">{k}%</text>')
        for method in METHODS:
            size = np.sort(part[(part["age_group"] == group) & (part["method"] == method)]["error"].abs().to_numpy())
            points = " ".join(f"{x0 + plot * min(e, 0.5) / 0.5:.1f},{top + plot * (1 - (i + 1) / len(size)):.1f}" for i, e in enumerate(size) if e <= 0.5)
            out.append(f'<polyline points="{points}" fill="none" stroke="{colours[method]}" stroke-width="2"/>')
    for m, method in enumerate(METHODS):
        x = left + m * 170
        out.append(f'<line x1="{x}" x2="{x + 24}" y1="{height - 30}" y2="{height - 30}" stroke="{colours[method]}" stroke-width="3"/>')
        out.append(f'<text x="{x + 30}" y="{height - 26}">{method}</text>')
    out.append(f'<text x="{left + 560}" y="{height - 26}">absolute error of the county, from 0 to 50 %</text></svg>')
    return "\n".join(out) + "\n"


def fill(page: Path, tables: dict[str, str]) -> None:
    """Replace the text between `<!-- backcast:NAME -->` and `<!-- /backcast:NAME -->` of `page`."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        start, end = f"<!-- backcast:{name} -->", f"<!-- /backcast:{name} -->"
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{table}\n{end}{after}"
    page.write_text(text, encoding="utf-8", newline="\n")


def main(facts: Path) -> None:
    every, summary = backcast_2020(facts)
    later = backcast_2024(facts)
    out = DOCS / "validation"
    out.mkdir(parents=True, exist_ok=True)
    main_methods = every[every["method"].isin(METHODS)]
    main_methods.round({"forecast": 0, "error": 4}).to_csv(out / "backcast_2020.csv", index=False, lineterminator="\n")
    summary.round(5).to_csv(out / "backcast_2020_summary.csv", index=False, lineterminator="\n")
    later.round({"forecast": 0, "error": 4, "error_if_nothing_changed": 4}).to_csv(out / "backcast_2024.csv", index=False, lineterminator="\n")
    (out / "backcast.svg").write_text(chart(every), encoding="utf-8", newline="\n")
    variants = [m for m in summary["method"].unique() if m not in METHODS]
    tables = {
        "comparable": summary_table(summary, "comparable", list(METHODS)),
        "all": summary_table(summary, "all with a 2010 row", list(METHODS)),
        "variants": summary_table(summary, "comparable", [OURS, *variants]),
        "wins": wins_table(every),
        "later": later_table(later),
        "graduation": graduation_table(facts),
        "units": units_table(facts),
    }
    fill(DOCS / "validation.md", tables)
    print("\n\n".join(f"{name}\n{table}" for name, table in tables.items()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
