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
from fiscalsim.axes import OPEN_AGE, SEXES, Axis, years_axis
from fiscalsim.quantities import DemographyInputs

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
AGES = np.arange(OPEN_AGE + 1)
GROUPS = {"0-14": (0, 15), "15-59": (15, 60), "60+": (60, 101), "total": (0, 101)}
PROVINCES = ("21", "15", "62")
FERTILE = slice(15, 50)


def census(facts: Path, year: int) -> pd.DataFrame:
    """region_code, level, sex (male, female), age_from, persons of the census of `year`, counties and above."""
    table = pd.read_csv(facts / "demography" / f"age_structure_{year}.csv", dtype={"region_code": str})
    table["sex"] = table["sex"].map({"M": "male", "F": "female"})
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


def by_tens(table: pd.DataFrame, codes: list[str]) -> np.ndarray:
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


def rogers_castro(facts: Path) -> np.ndarray:
    """[A] the default model migration schedule, largest cell 1, nobody from 85 up (counts fixed in 2010 would outlast those cohorts)."""
    table = pd.read_csv(facts / "demography" / "migration.csv")
    rows = table[(table["topic"] == "rogers_castro") & table["value"].notna()]
    p = {str(item).split(" ")[0]: float(value) for item, value in zip(rows["item"], rows["value"], strict=True)}
    x = AGES + 0.5
    m = p["a1"] * np.exp(-p["alpha1"] * x) + p["a2"] * np.exp(-p["alpha2"] * (x - p["mu2"]) - np.exp(-p["lambda2"] * (x - p["mu2"]))) + p["c"]
    return np.where(AGES < 85, m, 0) / m.max()


def srb(facts: Path, year: int) -> dict[str, float]:
    """Boys per girl by province in the long form of the census of `year`."""
    table = pd.read_csv(facts / "demography" / "births_by_parity_residence.csv", dtype={"region_code": str})
    rows = table[(table["census_year"] == year) & (table["residence"] == "all")]
    return {code[:2]: value / 100 for code, value in zip(rows["region_code"], rows["srb_f100"], strict=True)}


def missed_children(census_2000: np.ndarray, nation_2010: np.ndarray, survival: tuple[float, float]) -> np.ndarray:
    """[2] factors for ages 0-4 and 5-9: how many more of them the next census found, survival taken out."""
    return np.array([nation_2010[2] / census_2000[0] / survival[0], nation_2010[3] / census_2000[1] / survival[1]])


# --- the forecast from 2010 -----------------------------------------------------------------------------------------


def forecast_2020(facts: Path, codes: list[str], hukou: np.ndarray, migration: bool = True, mend_children: bool = True) -> np.ndarray:
    """Persons [R,X,A] in 2020 as the engine would have said from 2010; `hukou` [R] registered population of 2010."""
    table, past = census(facts, 2010), known()
    base = np.concatenate([single_ages(table, [c], older_groups(table, c[:2] + "0000")) for c in codes])
    nation = single_ages(table, ["100000"], older_groups(table, "100000"))
    mx, schedule = standard_mx(facts), asfr(facts)
    level = e0(facts, 2010)
    gain = past["e0_gain_per_year"][0] * np.arange(1, 11)
    life = np.array([[level[c[:2]] for c in codes]]) + gain[:, None, None]

    national_life = np.array([level["10"]])
    S = demography.survivorship_ratio(demography.shift_to_life_expectancy(mx, national_life))[0].mean(axis=0)
    to_ten = tuple(float(np.prod(S[a + 1 : a + 11])) for a in (2, 7))
    factors = missed_children(past["census_2000"], by_tens(table, ["100000"])[0], to_ten) if mend_children else np.ones(2)
    mended = base.copy()
    mended[:, :, 0:5] *= factors[0]
    mended[:, :, 5:10] *= factors[1]

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
    return run(2010, codes, mended, mx, life, schedule, np.broadcast_to(tfr, (10, len(codes))), boys, np.broadcast_to(net, (10, len(codes))), nation[0], facts)[0]


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
    facts: Path,
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Persons [R,X,A] after the years of `tfr` [Y,R] and `net` [Y,R] migrants, and (population, births, deaths) [R] of each year.

    One call of the engine a year, because migrants are spread anew each year: those who leave by the schedule over who is there, those
    who come by the schedule over the nation's people [X,A].
    """
    movers, R = rogers_castro(facts), len(codes)
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
    now, nation = by_tens(table, codes), by_tens(table, ["100000"])[0]
    cut = {"0-14": slice(0, 3), "15-59": slice(3, 12), "60+": slice(12, 18)}
    parts = np.stack([now[:, s].sum(axis=1) * nation[s].sum() / past[s].sum() for s in cut.values()], axis=1)
    return np.column_stack([parts, now.sum(axis=1) * nation.sum() / past.sum()])


def hamilton_perry(facts: Path, codes: list[str]) -> np.ndarray:
    """[R, groups]: cohort change ratios of the nation 2000-2010 on the county's five-year groups, its own child-woman ratios of 2010."""
    table, past = census(facts, 2010), known()["census_2000"]
    now, nation = by_tens(table, codes), by_tens(table, ["100000"])[0]
    later = np.zeros_like(now)
    later[:, 2:17] = now[:, :15] * nation[2:17] / past[:15]
    later[:, 17] = now[:, 15:].sum(axis=1) * nation[17] / past[15:].sum()
    women = table[table["sex"] == "female"]
    fives = by_tens(women, codes)
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
        [regions["comparable_2010"] == "yes", regions["comparable_2010"].fillna("no").str.startswith("check")], ["same code, county", "boundary unchecked"], "boundary changed"
    )
    regions = regions[regions["hukou_pop_2010"].notna()]
    codes = regions["region_code"].tolist()
    later = census(facts, 2020)
    truth = by_tens(later, codes)
    truth = np.column_stack([truth[:, 0:3].sum(axis=1), truth[:, 3:12].sum(axis=1), truth[:, 12:].sum(axis=1), truth.sum(axis=1)])
    hukou = regions["hukou_pop_2010"].to_numpy(dtype=float)
    forecasts = {
        "fiscalsim": broad(forecast_2020(facts, codes, hukou)),
        "fiscalsim, nobody moves": broad(forecast_2020(facts, codes, hukou, migration=False)),
        "fiscalsim, children as counted": broad(forecast_2020(facts, codes, hukou, mend_children=False)),
        "Hamilton-Perry": hamilton_perry(facts, codes),
        "constant growth": constant_growth(facts, codes),
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


def main(facts: Path) -> None:
    every, summary = backcast_2020(facts)
    out = DOCS / "validation"
    out.mkdir(parents=True, exist_ok=True)
    every.round({"forecast": 0, "error": 5}).to_csv(out / "backcast_2020.csv", index=False, lineterminator="\n")
    summary.round(5).to_csv(out / "backcast_2020_summary.csv", index=False, lineterminator="\n")
    print(summary.to_string())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
