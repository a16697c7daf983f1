"""Packs: read strictly, checked as a whole, laid out as stage inputs under a scenario."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiscalsim.assumptions import Pack, check_pack, load_pack, packs, stage_inputs
from fiscalsim.assumptions.tables import SHAPES, scale_of
from fiscalsim.axes import AGES, RESIDENCES, SEXES
from fiscalsim.errors import InputError
from fiscalsim.levers import read_yaml
from fiscalsim.parameters import MEASURES, PARAMETERS
from fiscalsim.quantities import FUNDS, StageInputs
from fiscalsim.scenario import FAMILY_NAMES, Scenario, load_scenario

REPOSITORY = Path(__file__).resolve().parents[1]
D = "D,assumption"
Files = dict[str, str]


def uniform(groups: pd.DataFrame, open_ages: pd.DataFrame, residence: pd.DataFrame, **_: object) -> np.ndarray:
    """Persons [R,H,X,A]: each group spread evenly over its ages (the open one up to 100), residences alike in age."""
    regions = list(dict.fromkeys(groups["region"]))
    people = np.zeros((len(regions), len(RESIDENCES), len(SEXES), len(AGES)))
    totals = residence.groupby("region")["persons"].sum()
    for row in groups.itertuples():
        last = 100 if pd.isna(row.age_to) else int(row.age_to)
        of_region = residence[residence["region"] == row.region].set_index("residence")["persons"]
        for h, name in enumerate(RESIDENCES):
            share = of_region[name] / totals[row.region]
            people[regions.index(row.region), h, SEXES.index(row.sex), row.age_from : last + 1] += row.persons * share / (last + 1 - row.age_from)
    return people


def table(header: str, *rows: str) -> str:
    return "\n".join([f"{header},grade,source", *(f"{row},{D}" for row in rows)]) + "\n"


def ages(header: str, value: object, *firsts: str) -> str:
    return table(header, *(f"{first},{age},{value}" for first in firsts for age in AGES))


def tiny_files() -> Files:
    """Two regions (N of 3,000 people, two thirds urban; S of 1,000, one fifth urban), base 2020, horizon 2022, tail of one year."""
    # the measures of the plans stand at what national holds, where they are neutral
    national = read_yaml(REPOSITORY / "assumptions" / "national" / "parameters.yaml")
    values = {path: cells["value"] for path, cells in national.items() if path in MEASURES or path.startswith("allocation.rule_")}
    values |= {
        "demography.tfr": "{2020: 1.5, 2022: 1.3}",
        "demography.life_expectancy": "{2021: 78, 2023: 79}",
        "demography.life_expectancy_gap": 5,
        "demography.rural_fertility_ratio": 1.5,
        "demography.urbanisation_rate": "{2021: 0.55, 2022: 0.65, 2023: 0.44}",
        "demography.external_migration": 1,
        "demography.internal_migration": 1,
        "demography.reclassified_share": 0.2,
        "demography.srb": 1.1,
        "demography.schooling_years": 11,
        "demography.schooling_years_entrants": 14,
        "demography.schooling_years_leavers": 9,
        "demand.resident_coverage": 0.5,
        "costs.wage_growth": 0.1,
        "costs.price_growth": 0.02,
        "fiscal.revenue_growth": 0,
        "fiscal.baseline_growth": 0.05,
        "fiscal.transfer_growth": 0.03,
        "fiscal.reserve_share": 0.01,
        "fiscal.bond_rate": 0.03,
        "fiscal.catalogue_share": 0.4,
        "fiscal.province_share": 0.5,
        "fiscal.first_claims_share": 0.3,
        "fiscal.claims_wage_share": 0.7,
        "fiscal.limit_growth": 0.02,
        "allocation.recurrent_growth_margin": 0.01,
        "allocation.transfer_change_limit": 0.1,
        "allocation.tail_years": 1,
        "allocation.whole_projects": 0,
        "execution.release_delay": 0,
        "execution.replications": 5,
    }
    words = "".join(f"  {key}: text\n" for key in ("group", "name_zh", "name_en", "unit_zh", "unit_en", "meaning_zh", "meaning_en", "source"))
    fiscal = {
        "own_revenue": 3,
        "expenditure": 9,
        "new_bonds": 1,
        "education": 2,
        "social_security": 1,
        "health": 1,
        "housing": 1,
        "culture": 1,
        "debt_interest": 1,
        "debt_balance": 5,
        "debt_limit": 6,
        "other_debt": 4,
        "bond_quota": 1,
    }
    vital = {"tfr_relative": 1, "e0_difference": 0, "external_net_migration": 30, "leaving_rate": 0.01, "destination_share": 0.5, "household_size": 2.5}
    return {
        "national/parameters.yaml": "".join(f"{path}: {{value: {values.get(path, 1)}, unit: x, grade: D, source: assumption}}\n" for path in PARAMETERS),
        "national/levers.yaml": "".join(
            f"- path: '{path}'\n{words}  lowest: {low}\n  highest: {high}\n  step: 0.01\n  shown_as: number\n"
            for path, low, high in (("demography.tfr", 0.5, 2.5), ("standards.*", 0.8, 1.5), ("targets.*", 0.5, 2))
        ),
        "national/mortality.csv": ages("sex,age,mx", 0.01, *SEXES),
        "national/fertility.csv": table("residence,age,asfr", "urban,25,0.1", "urban,30,0.3", "rural,25,0.2"),
        "national/mover_schedule.csv": ages("sex,age,rate", 0.5, *SEXES),
        "national/services.csv": table(
            "service,name_zh,name_en,short_zh,short_en,domain,kind,basis,driver,client_zh,client_en,function,sharing_rule,promise,floor,ceiling,wage_share,"
            "fixed_share,care",
            "school,学校,School,学校,School,education,place,resident,population,人,pupils,education,tiered,yes,1,1,0.75,0.4,no",
            "care,护理,Care,护理,Care,elderly,place,served,population,人,persons,social_security,local,no,0.5,1,0.5,0.3,yes",
            "birth,生育,Birth grant,生育,Birth,childcare,benefit,hukou,births,人,births,health,flat,yes,1,1.1,0,0,no",
            "extra,其他,Extra,其他,Extra,other,benefit,hukou,population,人,persons,none,local,no,0,1,0,0,no",
        ),
        "national/needs.csv": table(
            "service,residence,sex,age_from,age_to,rate",
            "school,all,all,6,14,0.9",
            "school,rural,all,13,15,0.8",
            "school,rural,female,15,15,0.7",
            "care,all,all,80,,0.2",
            "birth,all,all,,,1",
            "birth,rural,all,,,1.2",
            "extra,all,all,,,1",
        ),
        "national/standards.csv": table(
            "service,year,yuan", "school,2019,1000", "school,2021,1100", "care,2018,500", "birth,2020,300", "birth,2030,400", "extra,2020,1"
        ),
        "national/sharing.csv": table("rule,tier,central_share", "tiered,1,0.8", "tiered,3,0.5", "flat,all,0.6"),
        "national/funds.csv": table(
            "fund,item,value,unit",
            *(f"{fund},{item},0.5,x" for fund in FUNDS for item in ("contributors", "beneficiaries", "contribution", "benefit", "subsidy", "reserve_months")),
        ),
        "national/resources.csv": table(
            "resource,name_zh,name_en,kind,unit_zh,unit_en,lead_years,retire_rate,build_rate,build_floor,build_cost,life_years,surplus_share",
            "seat,学位,Seats,place,个,places,2,0.01,0.05,2,60000,50,0.1",
            "bed,床位,Beds,place,张,beds,1,0.02,0.2,5,100000,40,0",
            "pool,泳池,Pools,place,个,places,1,0,0,0,1,1,0",
        ),
        "national/requires.csv": table("service,resource,units_per_client", "school,seat,1", "care,bed,1.1"),
        "national/conversions.csv": table("from,to,places_per_place,cost_per_place", "seat,bed,0.5,20000", "pool,bed,1,1"),
        "national/coverage.csv": table(
            "service,region,residence,value", "school,*,all,0.9", "school,*,rural,0.8", "care,*,all,0.3", "birth,*,all,1", "extra,*,all,1"
        ),
        "national/priority.csv": table("kind,name,weight", "tag,poor,1.5", "tag,border,1.2", "residence,rural,1.1"),
        "national/release.csv": table("item,value,unit", "legal_days_general,30,days"),
        "national/projects.csv": table("resource,stage,low,mode,high", "seat,build,6,12,24", "pool,build,1,2,3"),
        "national/queues.csv": table("service,item,value,unit", "care,stay_months,24,months", "extra,stay_months,1,months"),
        "national/sources.csv": "source,title,issuer,date,reference,how_known\nplan,规划,省政府,2021,文号,read\n",
        "tiny/pack.yaml": "id: tiny\nname_zh: 小省\nname_en: Tiny\nmade_up: true\ninherits: national\nbase_year: 2020\nhorizon_end: 2022\n"
        "upper_zh: 省\nupper_en: province\nunit_zh: 市\nunit_en: cities\n"
        "plan: {name_zh: 规划, name_en: Plan, first_year: 2021, target_year: 2021, document: plan}\n"
        "services: [school, care, birth]\n",
        "tiny/regions.csv": table(
            "region,name_zh,name_en,short_zh,short_en,parent,level,tier,tags",
            "P,省,Province,省,P,,province,3,",
            "N,北,North,北,N,P,city,3,",
            "S,南,South,南,S,P,city,1,poor;border",
        ),
        "tiny/population.csv": table(
            "region,sex,age_from,age_to,persons",
            *(
                f"{region},{sex},{group},{persons}"
                for region, size in (("N", 3), ("S", 1))
                for sex in SEXES
                for group, persons in (("0,14", 100 * size), ("15,49", 300 * size), ("50,", 100 * size))
            ),
        ),
        "tiny/open_ages.csv": table("sex,age_from,age_to,persons", *(f"{sex},{group}" for sex in SEXES for group in ("50,99,9", "100,,1"))),
        "tiny/residence.csv": table(
            "region,residence,item,value,unit",
            "N,urban,persons,0.2,万人",
            "N,rural,persons,1000,人",
            "S,urban,persons,200,人",
            "S,rural,persons,800,人",
            "N,urban,non_local_share,0.3,share",
            "N,rural,non_local_share,0.1,share",
            "S,urban,non_local_share,0.2,share",
            "S,rural,non_local_share,0,share",
        ),
        "tiny/vital.csv": table(
            "region,item,value,unit",
            *(f"{region},{item},{value},x" for region in "NS" for item, value in vital.items() if item != "tfr_relative"),
            "N,tfr_relative,1,x",
            "S,tfr_relative,1.2,x",
            "S,srb,1.05,x",
            "S,cost_difference,1.1,x",
        ),
        "tiny/capacity.csv": table("region,resource,value,unit", "N,seat,400,个", "N,bed,20,张", "S,seat,150,个", "S,bed,5,张", "N,pool,1,个"),
        "tiny/coverage.csv": table("service,region,residence,value", "school,S,all,0.7"),
        "tiny/fiscal.csv": table(
            "region,item,year,value,unit",
            *(f"{region},{item},2020,{value},亿元" for region in "NS" for item, value in fiscal.items()),
            "N,own_revenue,2021,40000,万元",
        ),
        "tiny/indicators.csv": "indicator,name_zh,name_en,domain,unit_zh,unit_en,nature,"
        "base_year,base_value,target_year,target_op,target_value,measure,of,per,scale,quote,"
        "grade,source,note\nbeds,床位,Beds,elderly,张,per 1000,binding,2020,,2021,>=,40,capacity_per,bed,elders,1000,每千名老人40张,A,plan,原文\n"
        "enrolment,入学率,Enrolment,education,%,%,expected,2020,90,2021,full,,coverage,school,,100,,D,assumption,\n",
        "tiny/observed.csv": table("region,item,year,value,unit", "N,population,2021,0.3,万人", "all,births,2021,40,人"),
    }


def write(home: Path, files: Files) -> Path:
    for name, text in files.items():
        path = home / "assumptions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    (home / "scenarios").mkdir(exist_ok=True)
    (home / "scenarios" / "base.yaml").write_text("pack: tiny\n", encoding="utf-8")
    return home


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return write(tmp_path, tiny_files())


def staged(home: Path, *overrides: str) -> StageInputs:
    return stage_inputs(load_pack("tiny", home), load_scenario("base", home, overrides), uniform)


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_pack_lies_on_top_of_national_and_keeps_only_its_own_catalogue(place):
    pack = load_pack("tiny", place)
    assert pack.regions.labels == ("N", "S")  # the province is their parent, not a region of the model
    assert [service.code for service in pack.services] == ["school", "care", "birth"] and pack.care_services == ("care",)
    assert [resource.code for resource in pack.resources] == ["seat", "bed"]
    assert [(row["from"], row["to"]) for row in pack.tables["conversions.csv"]] == [("seat", "bed")]
    assert {row["resource"] for row in pack.tables["projects.csv"]} == {"seat"} and {row["service"] for row in pack.tables["queues.csv"]} == {"care"}
    assert (pack.info.name_zh, pack.info.made_up, pack.info.plan_target_year) == ("小省", True, 2021)
    assert list(pack.info.region_names["region"]) == ["N", "S"] and list(pack.info.region_names["tags"]) == ["", "poor;border"]
    assert packs(place) == ("tiny",) and check_pack("tiny", place) == []


def test_a_row_of_the_pack_replaces_the_national_row_with_the_same_key(place):
    write(place, {"tiny/standards.csv": table("service,year,yuan", "school,2021,1200")})
    assert staged(place).demand.standard[1, 0] == 1200 and staged(place).demand.standard[0, 0] == 1000


def test_units_are_brought_to_persons_and_yuan(place):
    inputs = staged(place)
    assert inputs.fiscal.own_revenue[0, 0] == 3e8 and inputs.fiscal.own_revenue[1, 0] == 4e8
    assert inputs.demography.base_population[0].sum(axis=(1, 2)) == pytest.approx([2000, 1000])  # urban 0.2 万人, rural 1000 人
    assert list(inputs.observed["value"]) == [3000, 40]


@pytest.mark.parametrize(
    ("unit", "scale"),
    [
        ("亿元", 1e8),
        ("万元", 1e4),
        ("元", 1),
        ("百万元", 1e6),
        ("万人", 1e4),
        ("千人", 1e3),
        ("places", 1),
        ("share", 1),
        ("%", None),
        ("percent", None),
        ("‰", None),
        ("per year", 1),
    ],
)
def test_a_unit_is_a_scale_and_percent_is_not_accepted(unit, scale):
    assert scale_of(unit) == scale


# name -> (file, text replaced, text put there, row, column, value, what is said); the row is as a spreadsheet shows it
BAD_CELLS: dict[str, tuple[str, str, str, int | None, str, str, str]] = {
    "unknown region": ("tiny/capacity.csv", "N,seat", "NN,seat", 2, "region", "NN", "a region of regions.csv that has no parts (did you mean 'N'?)"),
    "a parent where a leaf belongs": ("tiny/capacity.csv", "N,seat", "P,seat", 2, "region", "P", "a region of regions.csv that has no parts"),
    "year 20205": ("tiny/fiscal.csv", "N,own_revenue,2021", "N,own_revenue,20205", 28, "year", "20205", "a year from 1990 to 2100"),
    "share 1.2": ("national/services.csv", "yes,1,1,0.75,0.4,no", "yes,1,1,0.75,1.2,no", 2, "fixed_share", "1.2", "a share from 0 to 1, not percent"),
    "share in percent sign": ("national/services.csv", "1,1,0.75,0.4,no", "1,1,75%,0.4,no", 2, "wage_share", "75%", "a share from 0 to 1, not percent"),
    "text in a number": (
        "tiny/population.csv",
        "N,male,0,14,300",
        "N,male,0,14,many",
        2,
        "persons",
        "many",
        "a plain number such as 1234.5 or 1,234.5, at least 0",
    ),
    "amount with its unit": ("tiny/fiscal.csv", "N,own_revenue,2020,3", "N,own_revenue,2020,3.2亿", 2, "value", "3.2亿", "not both"),
    "a figure with a word": ("tiny/population.csv", "N,male,0,14,300", "N,male,0,14,约３００", 2, "persons", "约３００", "a plain number"),
    "underscores": ("tiny/population.csv", "N,male,0,14,300", "N,male,0,14,3_00", 2, "persons", "3_00", "a plain number"),
    "commas in the wrong place": ("tiny/population.csv", "N,male,0,14,300", 'N,male,0,14,"3,00"', 2, "persons", "3,00", "a plain number"),
    "nan": ("tiny/population.csv", "N,male,0,14,300", "N,male,0,14,nan", 2, "persons", "nan", "a plain number"),
    "a number too large": ("tiny/population.csv", "N,male,0,14,300", "N,male,0,14,1e999", 2, "persons", "1e999", "a plain number"),
    "negative count": ("tiny/population.csv", "N,male,0,14,300", "N,male,0,14,-300", 2, "persons", "-300", "at least 0"),
    "empty number": ("tiny/population.csv", "N,male,0,14,300", "N,male,0,14,", 2, "persons", "", "a plain number"),
    "age 101": ("tiny/population.csv", "N,male,50,,300", "N,male,101,,300", 4, "age_from", "101", "at most 100"),
    "half an age": ("tiny/population.csv", "N,male,0,14,300", "N,male,0,14.5,300", 2, "age_to", "14.5", "a whole number"),
    "unknown sex": ("tiny/population.csv", "N,male,0", "N,males,0", 2, "sex", "males", "one of male, female (did you mean 'male'?)"),
    "missing sex": ("tiny/population.csv", "S,female", "DROP", None, "region, sex", "S, female", "age groups for every region and sex"),
    "gap in ages": ("tiny/population.csv", "N,male,15,49", "N,male,16,49", 3, "age_from", "16", "a group from age 15: ages follow without gap or overlap"),
    "overlap in ages": ("tiny/population.csv", "N,male,15,49", "N,male,15,55", 4, "age_from", "50", "a group from age 56"),
    "no open group": ("tiny/population.csv", "N,male,50,,300", "N,male,50,99,300", 4, "age_to", "99", "the last group is open"),
    "ages backwards": ("tiny/population.csv", "N,male,50,,300", "N,male,50,40,300", 4, "age_to", "40", "not below age_from 50"),
    "open group nobody splits": ("tiny/open_ages.csv", "male,50,99,9", "DROP", None, "sex, age_from", "50", "split"),
    "wrong sum of residences": ("tiny/residence.csv", "N,rural,persons,1000", "N,rural,persons,1100", None, "value", "3100", "sum to its population 3000"),
    "missing residence": (
        "tiny/residence.csv",
        "S,rural,non_local_share",
        "DROP",
        None,
        "region, residence, item",
        "S, rural, non_local_share",
        "a row for every",
    ),
    "share item in percent": (
        "tiny/residence.csv",
        "N,urban,non_local_share,0.3",
        "N,urban,non_local_share,30",
        6,
        "value",
        "30",
        "a share from 0 to 1, not percent",
    ),
    "percent unit": ("tiny/residence.csv", "N,urban,non_local_share,0.3,share", "N,urban,non_local_share,0.3,%", 6, "unit", "%", "not percent"),
    "shares that do not sum": ("tiny/vital.csv", "N,destination_share,0.5", "N,destination_share,0.6", 10, "value", "1.1", "sums to 1"),
    "missing vital item": ("tiny/vital.csv", "S,leaving_rate", "DROP", None, "region, item", "S, leaving_rate", "a row for every region and item"),
    "unknown vital item": ("tiny/vital.csv", "S,leaving_rate", "S,leave_rate", 9, "item", "leave_rate", "did you mean 'leaving_rate'?"),
    "household of nobody": ("tiny/vital.csv", "N,household_size,2.5", "N,household_size,0", 6, "value", "0", "household_size above zero"),
    "missing age of mortality": ("national/mortality.csv", "male,50,", "DROP", None, "sex, age", "male, 50", "a rate for every sex and age"),
    "death rate zero": ("national/mortality.csv", "male,50,0.01", "male,50,0", 52, "mx", "0", "above zero"),
    "no fertility in the country": ("national/fertility.csv", "rural,25,0.2", "DROP", None, "residence", "rural", "rates above zero"),
    "duplicate row": ("tiny/capacity.csv", "N,bed,20", "N,seat,20", 3, "region, resource", "N, seat", "each key once; it stands already in row 2"),
    "money without a money unit": ("tiny/fiscal.csv", "N,own_revenue,2020,3,亿元", "N,own_revenue,2020,3,人", 2, "unit", "人", "元, 万元, 亿元 or yuan"),
    "missing budget item": ("tiny/fiscal.csv", "S,debt_limit", "DROP", None, "region, item, year", "S, debt_limit, 2020", "a value of the base year 2020"),
    "gap between published years": (
        "tiny/fiscal.csv",
        "N,own_revenue,2021",
        "N,own_revenue,2023",
        None,
        "region, item, year",
        "N, own_revenue, 2021",
        "no year missing",
    ),
    "unknown service": ("national/needs.csv", "care,all", "caer,all", 5, "service", "caer", "a service of the catalogue (did you mean 'care'?)"),
    "need above one": ("national/needs.csv", "care,all,all,80,,0.2", "care,all,all,80,,20", 5, "rate", "20", "not percent: clients per person"),
    "age needed twice": ("national/needs.csv", "school,rural,all,13,15", "school,all,all,13,15", 3, "age_from", "13", "no age twice; row 2"),
    "ages of births": ("national/needs.csv", "birth,all,all,,", "birth,all,all,0,1", 6, "age_from", "0", "for the driver of birth is births"),
    "standard too late": ("national/standards.csv", "care,2018", "care,2021", None, "service, year", "care, 2021", "in force in the base year 2020"),
    "no sharing rule": ("national/services.csv", "education,tiered", "education,teired", 2, "sharing_rule", "teired", "did you mean 'tiered'?"),
    "tier without a share": ("national/sharing.csv", "tiered,1", "tiered,2", 2, "sharing_rule", "tiered", "a rule of sharing.csv for tier 1"),
    "tier 6": ("tiny/regions.csv", "N,P,city,3", "N,P,city,6", 3, "tier", "6", "at most 5"),
    "its own parent": ("tiny/regions.csv", "北,N,P", "北,N,N", 3, "parent", "N", "another region, or nothing"),
    "coverage of nobody": ("national/coverage.csv", "care,*", "DROP", None, "service, region, residence", "care, N, urban", "a row, or one for *"),
    "coverage in percent": ("national/coverage.csv", "care,*,all,0.3", "care,*,all,30", 4, "value", "30", "not percent"),
    "floor above ceiling": ("national/services.csv", "no,0.5,1,0.5,0.3", "no,1.5,1,0.5,0.3", 3, "floor", "1.5", "not above the ceiling 1"),
    "place without a resource": ("national/requires.csv", "care,bed", "DROP", None, "service", "care", "a resource for a service of kind place"),
    "unknown resource": ("national/requires.csv", "care,bed", "care,bedd", 3, "resource", "bedd", "did you mean 'bed'?"),
    "missing capacity": ("tiny/capacity.csv", "S,bed", "DROP", None, "region, resource", "S, bed", "a row for every region and resource"),
    "unknown code in an indicator": ("tiny/indicators.csv", "coverage,school", "coverage,schol", 3, "of", "schol", "did you mean 'school'?"),
    "service not in the pack": ("tiny/indicators.csv", "coverage,school", "coverage,extra", 3, "of", "extra", "a service of the pack's catalogue"),
    "unknown denominator": ("tiny/indicators.csv", "bed,elders", "bed,eldest", 2, "per", "eldest", "did you mean 'elders'?"),
    "target missing": ("tiny/indicators.csv", ">=,40", ">=,", 2, "target_value", "", "a number, for target_op >="),
    "unknown comparison": ("tiny/indicators.csv", ">=,40", "=>,40", 2, "target_op", "=>", "one of >=, >, =, <=, <, range, full, none (did you mean '>'?)"),
    "unknown source": ("tiny/indicators.csv", "A,plan", "A,plann", 2, "source", "plann", "a source of sources.csv (did you mean 'plan'?)"),
    "grade A without its quote": ("tiny/indicators.csv", "每千名老人40张", "", 2, "quote", "", "the words of the document, which grade A needs"),
    "grade E": ("tiny/indicators.csv", ",D,assumption,", ",E,assumption,", 3, "grade", "E", "one of A, B, C, D"),
    "promise maybe": ("national/services.csv", "tiered,yes", "tiered,maybe", 2, "promise", "maybe", "yes or no"),
    "extra cell": ("tiny/capacity.csv", "N,seat,400,个", "N,seat,400,个,个", 2, "column 7", "", "6 cells as in the header, not 7"),
    "cell missing": ("tiny/capacity.csv", "N,seat,400,个", "N,seat,400", 2, "source", "", "6 cells as in the header, not 5"),
    "duplicate header": ("tiny/capacity.csv", "region,resource,value", "region,region,value", 1, "region", "region", "each column once"),
    "unknown column": ("tiny/capacity.csv", "region,resource,value", "region,resorce,value", 1, "resorce", "resorce", "did you mean 'resource'?"),
    "control character": ("tiny/capacity.csv", "N,seat,400", "N,seat,4\x0700", 2, "", "U+0007", "no control"),
    "hidden direction sign": ("tiny/regions.csv", "North", "No\u202erth", 3, "", "U+202E", "no control, invisible"),
    "unknown key of the pack": ("tiny/pack.yaml", "made_up: true", "madeup: true", 4, "madeup", "madeup", "did you mean 'made_up'?"),
    "id unlike its folder": ("tiny/pack.yaml", "id: tiny", "id: teeny", 1, "id", "teeny", "the name of its folder, tiny"),
    "horizon before base": ("tiny/pack.yaml", "horizon_end: 2022", "horizon_end: 2020", 7, "horizon_end", "2020", "a year after the base year 2020"),
    "base year 20205": ("tiny/pack.yaml", "base_year: 2020", "base_year: 20205", 6, "base_year", "20205", "a year from 1990 to 2100"),
    "plan without a document": ("tiny/pack.yaml", ", document: plan", "", 12, "plan.document", "", "text"),
    "unknown service of the pack": ("tiny/pack.yaml", "[school, care", "[school, scool, care", 13, "services", "scool", "did you mean 'school'?"),
    "duplicate key of the pack": ("tiny/pack.yaml", "unit_zh: 市", "unit_zh: 市\nunit_zh: 县", 11, "unit_zh", "unit_zh", "each key once"),
    "default outside its lever": (
        "national/levers.yaml",
        "lowest: 0.5\n  highest: 2.5",
        "lowest: 0.5\n  highest: 1.2",
        1,
        "demography.tfr",
        "1.5",
        "inside the range of its lever",
    ),
    "lever without a parameter": (
        "national/levers.yaml",
        "path: 'demography.tfr'",
        "path: 'demography.tfrr'",
        None,
        "path",
        "demography.tfrr",
        "did you mean 'demography.tfr'?",
    ),
    "weight of an unknown residence": ("national/priority.csv", "residence,rural", "residence,village", 4, "name", "village", "urban or rural"),
}


BLAMED = {"tier without a share": "national/services.csv", "default outside its lever": "national/parameters.yaml"}


def spoiled(files: Files, file: str, old: str, new: str) -> Files:
    """The files with the first `old` replaced, or every line that starts with it dropped."""
    assert old in files[file]
    text = "".join(line for line in files[file].splitlines(True) if not line.startswith(old)) if new == "DROP" else files[file].replace(old, new, 1)
    return files | {file: text}


@pytest.mark.parametrize("case", BAD_CELLS)
def test_a_spoiled_table_is_refused_with_file_row_column_value_and_what_is_allowed(tmp_path, case):
    file, old, new, row, column, value, allowed = BAD_CELLS[case]
    found = check_pack("tiny", write(tmp_path, spoiled(tiny_files(), file, old, new)))
    said = [str(problem) for problem in found]
    # what is missing altogether is missing from the pack, wherever the rest of the table stands
    blamed = BLAMED.get(case, f"tiny/{file.split('/')[1]}" if row is None and case != "lever without a parameter" else file)
    assert any(
        (problem.file, problem.row, problem.column) == (blamed, row, column) and value in problem.value and allowed in str(problem) for problem in found
    ), said
    with pytest.raises(InputError) as refused:
        load_pack("tiny", tmp_path)
    assert refused.value.problems == tuple(found)


def test_all_mistakes_of_all_files_are_said_at_once(tmp_path):
    files = tiny_files()
    for case in ("year 20205", "text in a number", "unknown column", "grade E", "share 1.2", "missing vital item"):
        file, old, new, *_ = BAD_CELLS[case]
        files = spoiled(files, file, old, new)
    said = "\n".join(map(str, check_pack("tiny", write(tmp_path, files))))
    for part in ("20205", "'many'", "resorce", "'E'", "'1.2'", "S, leaving_rate"):
        assert part in said, part


def test_what_a_refused_row_leaves_open_is_not_reported_again(tmp_path):
    found = check_pack("tiny", write(tmp_path, spoiled(tiny_files(), "tiny/population.csv", "N,male,0,14,300", "N,male,0,14,many")))
    assert [problem.column for problem in found if problem.file.endswith("population.csv")] == ["persons"]


def test_a_missing_table_and_a_misspelt_file_are_named(tmp_path):
    files = tiny_files()
    files["tiny/vitals.csv"] = files.pop("tiny/vital.csv")
    said = "\n".join(map(str, check_pack("tiny", write(tmp_path, files))))
    assert (
        "tiny/vital.csv: 'vital.csv' - this table" in said and "tiny/vitals.csv: 'vitals.csv' - a file of the pack format (did you mean 'vital.csv'?)" in said
    )


def test_a_gbk_table_is_read_and_the_reader_is_told(place):
    path = place / "assumptions/tiny/regions.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gbk"))
    pack = load_pack("tiny", place)
    assert pack.notes == ("tiny/regions.csv: read as GBK",) and list(pack.info.region_names["name_zh"]) == ["北", "南"]


def test_grouped_numbers_and_spaces_are_read(tmp_path):
    files = spoiled(tiny_files(), "tiny/fiscal.csv", "N,own_revenue,2021,40000,万元", 'N, own_revenue ,2021,"40,000",万元')
    assert staged(write(tmp_path, files)).fiscal.own_revenue[1, 0] == 4e8


def test_an_unknown_pack_or_a_path_is_refused_with_the_nearest(place):
    with pytest.raises(InputError, match="did you mean 'tiny'"):
        load_pack("tinny", place)
    for name in ("../tiny", "national", ""):
        with pytest.raises(InputError, match="one of tiny"):
            load_pack(name, place)


def test_the_digest_follows_content_and_not_line_ends(place):
    before = load_pack("tiny", place).digest
    path = place / "assumptions/tiny/vital.csv"
    text = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    assert load_pack("tiny", place).digest == before
    path.write_bytes(text.replace(b"0.01", b"0.02"))
    assert load_pack("tiny", place).digest != before


def test_every_number_of_every_table_has_its_row_in_the_sources(place):
    found = staged(place, "demography.tfr={2021: 1.4, 2022: 1.2}").sources
    assert list(found.columns) == ["file", "key", "value", "unit", "grade", "source", "title", "note", "quote"]
    beds = found[(found["file"] == "tiny/indicators.csv") & (found["key"] == "beds: target_value")].iloc[0]
    assert (beds["value"], beds["grade"], beds["title"], beds["quote"], beds["note"]) == (40, "A", "规划", "每千名老人40张", "原文")
    revenue = found[found["key"] == "N, own_revenue, 2021"].iloc[0]
    assert (revenue["value"], revenue["unit"]) == (40000, "万元")
    assert list(found[found["key"].str.startswith("demography.tfr")]["value"]) == [1.5, 1.3, 1.4, 1.2]
    assert len(found[found["file"] == "national/mortality.csv"]) == len(SEXES) * len(AGES)


# --- stage inputs ---------------------------------------------------------------------------------------------------


def test_years_run_from_the_base_to_the_end_of_the_tail(place):
    inputs = staged(place)
    assert inputs.years.labels == (2020, 2021, 2022, 2023) and inputs.horizon.labels == (2021, 2022)
    assert inputs.demography.years.labels == (2021, 2022, 2023)
    assert staged(place, "allocation.tail_years=4").years.labels[-1] == 2026


def test_every_array_is_finite_and_read_only(place):
    def arrays(value):
        if isinstance(value, np.ndarray):
            yield value
        elif is_dataclass(value) and not isinstance(value, type):
            for field in fields(value):
                yield from arrays(getattr(value, field.name))
        elif isinstance(value, dict):
            for inner in value.values():
                yield from arrays(inner)

    found = list(arrays(staged(place)))
    assert len(found) > 40
    assert all(np.isfinite(array).all() and not array.flags.writeable for array in found)


def test_the_mean_of_fertility_over_women_is_the_path_and_the_country_bears_more_by_the_ratio(place):
    inputs = staged(place).demography
    women = inputs.base_population[:, :, 1, 15:50].sum(axis=-1)
    assert (inputs.tfr * women).sum(axis=(1, 2)) / women.sum() == pytest.approx([1.4, 1.3, 1.3])
    assert inputs.tfr[:, :, 1] / inputs.tfr[:, :, 0] == pytest.approx(np.full((3, 2), 1.5))
    assert inputs.tfr[:, 1] / inputs.tfr[:, 0] == pytest.approx(np.full((3, 2), 1.2))


def test_life_expectancy_lies_half_the_gap_around_the_path(place):
    e0 = staged(place).demography.life_expectancy
    assert e0[:, 0, 0] == pytest.approx([75.5, 76.0, 76.5]) and e0[:, 0, 1] == pytest.approx([80.5, 81.0, 81.5])


def test_urban_shares_move_together_so_that_the_pack_follows_the_path(place):
    inputs = staged(place).demography
    residents = inputs.base_population.sum(axis=(2, 3))
    assert (inputs.urban_share * residents.sum(axis=1)).sum(axis=1) / residents.sum() == pytest.approx([0.55, 0.65, 0.44])
    # base shares 2/3 and 1/5, pack 0.55: up to 0.65 closes (0.65-0.55)/0.45 of what is rural, down to 0.44 keeps 0.8 of what is urban
    assert inputs.urban_share[1] == pytest.approx([2 / 3 + 1 / 3 / 4.5, 0.2 + 0.8 / 4.5])
    assert inputs.urban_share[2] == pytest.approx([2 / 3 * 0.8, 0.2 * 0.8])


def test_external_migrants_sum_to_the_published_total_times_the_lever(place):
    inputs = staged(place, "demography.external_migration={2021: 1, 2022: -2}").demography
    moved = inputs.external_migration
    assert moved.sum(axis=(2, 3, 4)) == pytest.approx(np.array([[30, 30], [-60, -60], [-60, -60]]))
    assert moved[0].sum(axis=(2, 3)) == pytest.approx(np.array([[20, 10], [6, 24]]))
    assert moved[0, 0, 0] / moved[0, 0, 0].sum() == pytest.approx(inputs.base_population[0, 0] / inputs.base_population[0, 0].sum())  # a flat schedule


def test_schedules_are_normalised(place):
    inputs = staged(place).demography
    assert inputs.fertility_schedule.sum(axis=1) == pytest.approx([1, 1]) and inputs.fertility_schedule[0, 30] == pytest.approx(0.75)
    assert inputs.mover_schedule.max() == 1 and inputs.destination_share.sum() == pytest.approx(1)


def test_a_region_without_its_own_sex_ratio_has_the_packs_and_a_scenario_sets_all(place):
    assert list(staged(place).demography.sex_ratio_at_birth) == [1.1, 1.05]
    assert list(staged(place, "demography.srb=1.07").demography.sex_ratio_at_birth) == [1.07, 1.07]


def test_needs_of_one_residence_or_sex_replace_those_of_all(place):
    need = staged(place).demand.need
    assert need[0, 0, 6:15, 0] == pytest.approx(np.full(9, 0.9)) and need[0, 0, 15, 0] == 0
    assert list(need[1, 0, 12:17, 0]) == [0.9, 0.8, 0.8, 0.8, 0] and need[1, 1, 15, 0] == 0.7
    assert need[..., 79, 1].max() == 0 and need[..., 80:, 1].min() == 0.2
    assert need[..., 2].max() == 0 and staged(place).demand.need_per_birth[:, 2] == pytest.approx([1, 1.2])


def test_a_standard_stands_as_dated_and_then_moves_with_wages_and_prices(place):
    found = staged(place).demand.standard
    school = 1100 * np.array([1, 0.75 * 1.1 + 0.25 * 1.02, 0.75 * 1.1**2 + 0.25 * 1.02**2])
    assert found[:, 0] == pytest.approx([1000, *school])
    assert found[:, 1] == pytest.approx([500 * (0.5 * 1.1**y + 0.5 * 1.02**y) for y in range(4)])  # dated before the base year: moves from the base year
    assert found[:, 2] == pytest.approx([300] * 4)  # another date is still to come


def test_upper_levels_pay_the_central_share_of_the_tier_and_the_provinces_part_of_the_rest(place):
    share = staged(place).demand.upper_share
    assert share == pytest.approx(np.array([[0.75, 0.5, 0.8], [0.9, 0.5, 0.8]]))
    assert staged(place, "fiscal.province_share=0").demand.upper_share[:, 1] == pytest.approx([0, 0])


def test_published_years_stand_and_later_ones_grow_from_the_last(place):
    fiscal = staged(place).fiscal
    assert fiscal.own_revenue[:, 0] == pytest.approx([3e8, 4e8, 4.2e8, 4.41e8]) and fiscal.own_revenue[1, 1] == pytest.approx(3.15e8)
    assert fiscal.debt_limit[2, 0] == pytest.approx(6e8 * 1.02**2) and fiscal.bond_quota[1, 0] == pytest.approx(1.02e8)
    assert list(fiscal.transfer_growth) == [0, 0.03, 0.03, 0.03] and list(fiscal.functions) == ["education", "social_security", "health", "housing", "culture"]
    assert fiscal.function_outturn[0] == pytest.approx([2e8, 1e8, 1e8, 1e8, 1e8])


@pytest.mark.parametrize(
    ("path", "of"),
    [
        ("fiscal.transfer_pool", lambda i: i.fiscal.pool_multiple),
        ("fiscal.catalogue_share", lambda i: i.fiscal.catalogue_share),
        ("demand.resident_coverage", lambda i: i.demand.resident_coverage),
        ("demand.care_need", lambda i: i.demand.care_need),
        ("standards.care", lambda i: i.demand.standard_multiple[:, 1]),
        ("fiscal.reserve_share", lambda i: i.fiscal.reserve_share),
    ],
)
def test_a_lever_leaves_the_base_year_as_it_was(place, path, of):
    before, after = of(staged(place)), of(staged(place, f"{path}=0.9"))
    assert after[0] == before[0] and (after[1:] == 0.9).all() and before[0] != 0.9


def test_a_path_is_read_between_its_years(place):
    assert staged(place, "fiscal.transfer_pool={2021: 1.0, 2023: 1.2}").fiscal.pool_multiple == pytest.approx([1, 1, 1.1, 1.2])


def test_the_most_specific_coverage_wins_and_the_region_before_the_residence(place):
    coverage = staged(place).supply.base_coverage
    assert coverage[0, :, 0] == pytest.approx([0.9, 0.8]) and coverage[1, :, 0] == pytest.approx([0.7, 0.7])


def test_supply_holds_what_the_catalogue_needs(place):
    supply = staged(place).supply
    assert supply.capacity == pytest.approx(np.array([[400, 20], [150, 5]]))
    assert supply.requires == (("school", "seat", 1), ("care", "bed", 1.1)) and supply.conversions == (("seat", "bed", 0.5, 20000),)


def test_a_target_lever_replaces_the_plans_value_and_missing_values_stay_missing(place):
    beds, enrolment = staged(place, "targets.beds=44").indicators
    assert (beds.target_value, beds.base_value, beds.scale, beds.per, beds.of) == (44, None, 1000, "elders", ("bed",))
    assert (enrolment.target_value, enrolment.target_op, enrolment.base_value) == (None, "full", 90)
    assert staged(place).indicators[0].target_value == 40


def test_rules_take_limits_policy_and_milestones_inside_the_horizon(place):
    rules = staged(place, "limits.reserve_kept=false", "policy=formula").rules
    assert rules.switched_off == ("reserve_kept",) and rules.transfer_rule == "formula" and rules.milestones == (2021, 2022)
    assert rules.domain_of == {"school": "education", "care": "elderly", "birth": "childcare"} and rules.tail_years == 1


def test_weights_of_tags_and_residence_multiply(place):
    assert staged(place).weights.area == pytest.approx(np.array([[1, 1.1], [1.8, 1.98]]))


def test_cost_differences_are_the_regions_own_or_the_average(place):
    assert staged(place).demand.cost_difference == pytest.approx(np.array([[1, 1, 1], [1.1, 1.1, 1.1]]))


def test_execution_has_its_parameters_by_name(place):
    execution = staged(place, "execution.lead_time=1.5").execution
    assert execution.parameters["execution.lead_time"] == 1.5 and execution.parameters["legal_days_general"] == 30
    assert list(execution.projects.iloc[0]) == ["seat", "build", 6, 12, 24] and list(execution.queues.iloc[0]) == ["care", "stay_months", 24]


def test_reported_indicators_have_their_paths(place):
    reported = staged(place).reported_inputs
    assert reported["life_expectancy"] == pytest.approx([78, 78, 78.5, 79]) and set(reported) == {
        "life_expectancy",
        "life_expectancy_gap",
        "schooling_years",
        "schooling_years_entrants",
        "schooling_years_leavers",
    }


def test_a_scenario_of_another_pack_is_refused(place):
    other = Scenario("x", "x", "x", "other", (), "", "", {}, "optimal", dict.fromkeys(FAMILY_NAMES, True), 0)
    with pytest.raises(InputError, match="the pack that was loaded, tiny"):
        stage_inputs(load_pack("tiny", place), other, uniform)


def test_same_pack_and_scenario_give_the_same_bytes(place):
    one, two = staged(place), staged(place)
    assert one.demography.tfr.tobytes() == two.demography.tfr.tobytes() and one.pack_digest == two.pack_digest
    pd.testing.assert_frame_equal(one.sources, two.sources)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_table_is_refused_or_gives_inputs_and_nothing_else(place, data):
    files = tiny_files()
    file = data.draw(st.sampled_from(sorted(files)))
    at, cut = data.draw(st.integers(0, len(files[file]))), data.draw(st.integers(0, 8))
    put = data.draw(st.text(max_size=3) | st.sampled_from(["-", ",", "\n", "9", "0", "1e9", '"', ":", "[", "nan", "*", "all"]))
    try:
        write(place, {file: (files[file][:at] + put + files[file][at + cut :]).encode("utf-8", "surrogatepass")})
        if not check_pack("tiny", place):
            inputs = staged(place)
            assert np.isfinite(inputs.demography.tfr).all()
    except InputError as error:
        assert error.problems and all(problem.file for problem in error.problems)
    finally:
        write(place, {file: files[file]})


# --- the published packs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", packs(REPOSITORY))
def test_a_published_pack_has_no_mistake(name):
    assert [str(problem) for problem in check_pack(name, REPOSITORY)] == []
    pack: Pack = load_pack(name, REPOSITORY)
    inputs = stage_inputs(pack, Scenario("x", "x", "x", name, (), "", "", {}, "optimal", dict.fromkeys(FAMILY_NAMES, True), 0), uniform)
    assert len(inputs.sources) > 500 and set(inputs.sources["grade"]) <= set("ABCD")


def test_every_table_of_the_format_is_described_in_the_how_to():
    page = (REPOSITORY / "docs/how-to/pack-format.md").read_text(encoding="utf-8")
    for file, shape in SHAPES.items():
        assert f"`{file}`" in page, file
        assert all(column in page for column in shape.key), file


# --- births ---------------------------------------------------------------------------------------------------------


def test_births_go_to_the_graduation_by_age_and_the_own_rows_of_a_region_come_first(place):
    header = "region,year,value,unit"
    rows = [f"all,{year},{100 + year - 2010},人" for year in range(2016, 2021)] + [f"S,{year},{0.01 * (year - 2010)},万人" for year in range(2015, 2021)]
    write(place, {"tiny/births.csv": table(header, *rows)})
    taken = {}

    def seen(groups, open_ages, residence, *, births=None, standard_mx=None):
        taken.update(births=births, standard_mx=standard_mx)
        return uniform(groups, open_ages, residence)

    stage_inputs(load_pack("tiny", place), load_scenario("base", place), seen)
    assert taken["births"] == pytest.approx(np.array([[110, 109, 108, 107, 106], [1000, 900, 800, 700, 600]]))
    assert taken["standard_mx"].shape == (2, 101)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["all,2021,100,人"], "observed.csv"),
        (["all,2018,100,人", "all,2020,100,人"], "2019"),
        (["S,2020,100,人"], "N, 2020"),
        (["nowhere,2020,100,人", "all,2020,100,人"], "nowhere"),
        (["all,2020,0,人"], "above zero"),
    ],
)
def test_births_with_gaps_late_years_or_strange_regions_are_refused(place, rows, told):
    write(place, {"tiny/births.csv": table("region,year,value,unit", *rows)})
    assert any(told in str(problem) for problem in check_pack("tiny", place))
