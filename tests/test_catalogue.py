"""The national standard's items, and how the plans' own items map onto them and onto the model's services."""

import csv
from pathlib import Path

import pytest

from fiscalsim.assumptions import catalogue, check_pack, load_pack, packs
from fiscalsim.assumptions.tables import DOMAINS
from tests.test_assumptions import tiny_files, write

REPOSITORY = Path(__file__).resolve().parents[1]
PLANS = {"liaoning": 80, "panjin": 81, "linxia": 37, "inner-mongolia": 48, "generic-city": 6}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture(scope="module")
def liaoning():
    return load_pack("liaoning", REPOSITORY)


# --- the national items ---------------------------------------------------------------------------------------------


def test_the_standard_has_80_items_in_2021_and_81_in_2023(liaoning):
    counts = catalogue.edition_counts(liaoning).set_index("domain")
    assert list(counts.index) == [*DOMAINS, "all"]
    assert list(counts["2021"]) == [9, 9, 12, 16, 4, 3, 14, 4, 9, 80]
    assert list(counts["2023"]) == [10, 9, 12, 16, 4, 3, 14, 4, 9, 81]


def test_the_edition_of_2023_added_one_item_raised_three_and_widened_two(liaoning):
    changed = {word: {item.code for item in catalogue.items(liaoning) if item.change_2023 == word} for word in ("added", "raised", "widened")}
    assert changed == {"added": {"N02"}, "raised": {"N12", "N15", "N47"}, "widened": {"N54", "N72"}}


def test_every_service_of_the_national_standard_carries_an_item(liaoning):
    carried = {code for item in catalogue.items(liaoning) for code in item.services}
    # in no item of the standard: what plans add (nurseries, homes, senior schools, staff, community rooms)
    beyond = {"childcare_places", "senior_secondary", "physicians", "nurses", "nursing_care", "basic_elder_care", "day_care", "community_space"}
    assert {service.code for service in liaoning.services} - carried == beyond


def test_the_function_of_an_item_is_that_of_the_service_built_for_it(liaoning):
    services = {service.code: service for service in liaoning.services}
    built = [(item, services[code]) for item in catalogue.items(liaoning) if item.carried == "service" for code in item.services]
    assert len(built) == 21
    assert [(item.code, item.function, service.function) for item, service in built if item.function != service.function] == []
    assert [item.code for item, service in built if item.domain != service.domain] == []


def test_nobody_is_counted_outside_the_ages_and_places_that_a_service_s_items_name(liaoning):
    entitled: dict[str, list[catalogue.Item]] = {}
    for item in catalogue.items(liaoning):
        for code in item.services:
            entitled.setdefault(code, []).append(item)
    by_people = {service.code for service in liaoning.services if service.driver == "population"}
    counted = [row for row in rows(REPOSITORY / "assumptions" / "national" / "needs.csv") if row["service"] in entitled]
    assert len(counted) > 30
    for row in counted:
        items = entitled[row["service"]]
        assert any(item.residence in ("all", row["residence"]) for item in items), row
        if row["service"] in by_people:
            assert min(item.age_from for item in items) <= int(row["age_from"]), row
            last = max(100 if item.age_to is None else item.age_to for item in items)
            assert int(row["age_to"] or 100) <= last, row


def test_an_item_whose_service_the_pack_leaves_out_says_so():
    pack = load_pack("two-counties", REPOSITORY)
    carried = {item.code: (item.carried, item.services) for item in catalogue.items(pack)}
    assert carried["N55"] == ("service", ("dibao",))
    assert carried["N51"] == ("left_out", ())
    assert carried["N30"] == ("not_modelled", ())
    assert catalogue.plan_items(pack) == () and len(catalogue.coverage_of_plan(pack)) == 0 and catalogue.not_in_plan(pack) == ()


# --- the plans ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pack", "count"), PLANS.items())
def test_every_named_item_of_a_plan_is_kept_and_mapped_or_its_own(pack, count):
    national = {row["item"] for row in rows(REPOSITORY / "assumptions" / "national" / "items.csv")}
    named = rows(REPOSITORY / "assumptions" / pack / "plan_items.csv")
    assert len(named) == count
    for row in named:
        items = set(filter(None, row["items"].split(";")))
        assert items <= national
        assert row["quote"] and row["grade"] == "A" and row["source"] == f"plan-{pack}"
        assert (row["own"] == "yes") == (not items and row["named"] != "reference")


def test_panjin_s_eight_headings_and_their_counts_come_out_of_the_catalogue():
    counts = catalogue.heading_counts(load_pack("panjin", REPOSITORY))
    assert list(counts["listed"]) == [7, 10, 7, 21, 13, 2, 11, 10]
    assert list(counts["stated"]) == list(counts["listed"])
    assert counts["listed"].sum() == 81


@pytest.mark.parametrize("pack", [name for name in PLANS if name in packs(REPOSITORY)])
def test_counts_of_a_plan_add_up(pack):
    loaded = load_pack(pack, REPOSITORY)
    table = catalogue.coverage_of_plan(loaded).set_index("domain")
    real = [item for item in catalogue.plan_items(loaded) if item.named != "reference"]
    assert table.loc["all", "named"] == len(real) == PLANS[pack] - table.loc["all", "references"]
    assert (table["named"] == table["national"] + table["own"]).all()
    assert (table["named"] == table[list(catalogue.CARRIED)].sum(axis=1)).all()
    assert (table.drop("all").sum() == table.loc["all"]).all()
    assert len(catalogue.plan_item_table(loaded)) == PLANS[pack]


def test_liaoning_names_all_but_two_items_of_2023_and_one_of_its_own(liaoning):
    assert [item.code for item in catalogue.not_in_plan(liaoning)] == ["N02", "N53"]
    assert [item.name_zh for item in catalogue.plan_items(liaoning) if item.own] == ["保障性租赁住房建设"]
    standing = catalogue.item_table(liaoning).set_index("code")["plan_items"]
    assert (standing == "").sum() == 2


def test_an_item_of_a_plan_is_carried_by_what_carries_its_national_items(liaoning):
    by_name = {item.name_zh: item for item in catalogue.plan_items(liaoning)}
    assert (by_name["最低生活保障"].carried, by_name["最低生活保障"].services) == ("service", ("dibao",))
    assert (by_name["建立居民健康档案"].carried, by_name["建立居民健康档案"].services) == ("inside", ("public_health",))
    assert by_name["法律援助"].carried == "not_modelled"


# --- refusals -------------------------------------------------------------------------------------------------------

ITEM = (
    "item,domain,group_zh,group_en,name_zh,name_en,clients_zh,clients_en,age_from,age_to,sex,residence,basis,standard_zh,standard_en,"
    "function,kind,sharing_rule,payer_zh,payer_en,from_year,change_2023,services,carried,grade,source,note\n"
    "N1,education,组,Group,上学,School,学生,Pupils,6,14,all,all,served,免费,Free,education,place,,地方,Place,2021,,school,service,D,assumption,\n"
    "N2,health,组,Group,档案,Record,居民,Residents,0,,all,all,resident,一份,One,health,network,,地方,Place,2023,added,,not_modelled,D,assumption,没有标准\n"
)
HEADING = "heading,name_zh,name_en,stated_items,grade,source\nfirst,第一,First,2,D,assumption\n"
PLAN = (
    "plan_item,heading,domain,name_zh,name_en,named,items,services,own,grade,source\n"
    "P1,first,education,上学,School,listed,N1,,no,D,assumption\n"
    "P2,first,health,体检,Check,listed,,,yes,D,assumption\n"
    "P3,first,none,清单,List,reference,,,no,D,assumption\n"
)


def with_catalogue(items: str = ITEM, headings: str = HEADING, plan: str = PLAN) -> dict[str, str]:
    return tiny_files() | {"national/items.csv": items, "tiny/plan_headings.csv": headings, "tiny/plan_items.csv": plan}


def test_a_small_catalogue_is_read(tmp_path):
    pack = load_pack("tiny", write(tmp_path, with_catalogue()))
    assert [item.carried for item in catalogue.plan_items(pack)] == ["service", "not_modelled", None]
    assert catalogue.coverage_of_plan(pack).set_index("domain").loc["all"].to_dict() == {
        "named": 2,
        "national": 1,
        "own": 1,
        "service": 1,
        "inside": 0,
        "left_out": 0,
        "not_modelled": 1,
        "references": 1,
    }


BAD = {
    "unknown service of an item": ("national/items.csv", "school,service", "scool,service", "services", "did you mean 'school'?"),
    "unknown sharing rule": ("national/items.csv", "place,,地方", "place,ninth,地方", "sharing_rule", "a rule of sharing.csv"),
    "age to below age from": ("national/items.csv", ",6,14,", ",16,14,", "age_to", "not below age_from 16"),
    "carried by nothing": ("national/items.csv", "school,service", ",inside", "services", "the service that carries it"),
    "not modelled, yet carried": ("national/items.csv", "school,service", "school,not_modelled", "services", "no service, for carried not_modelled"),
    "not modelled without a reason": ("national/items.csv", "assumption,没有标准", "assumption,", "note", "the reason why it is not modelled"),
    "one service for two items": ("national/items.csv", ",not_modelled,D", "school,service,D", "carried", "school is built for N1 already"),
    "added, but of 2021": ("national/items.csv", "2023,added", "2021,added", "from_year", "2023 for an item added by that edition"),
    "unknown domain": ("national/items.csv", "N2,health", "N2,helth", "domain", "did you mean 'health'?"),
    "unknown national item": ("tiny/plan_items.csv", "listed,N1", "listed,N9", "items", "items of items.csv"),
    "unknown heading": ("tiny/plan_items.csv", "P1,first", "P1,frist", "heading", "did you mean 'first'?"),
    "own, though national": ("tiny/plan_items.csv", "N1,,no", "N1,,yes", "own", "yes where no national item matches"),
    "neither own nor national": ("tiny/plan_items.csv", ",,yes", ",,no", "own", "yes where no national item matches"),
    "a reference with items": ("tiny/plan_items.csv", "reference,,", "reference,N1,", "items", "for a reference to a list"),
    "another count than the plan states": ("tiny/plan_headings.csv", "First,2", "First,3", "stated_items", "as many items as the list has: 2"),
    "grade A without words": ("tiny/plan_items.csv", "no,D,assumption\nP2", "no,A,assumption\nP2", "quote", "which grade A needs"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_spoiled_catalogue_is_refused(tmp_path, case):
    file, old, new, column, allowed = BAD[case]
    files = with_catalogue()
    assert old in files[file]
    found = check_pack("tiny", write(tmp_path, files | {file: files[file].replace(old, new, 1)}))
    assert any(problem.file == file and problem.column == column and allowed in str(problem) for problem in found), [str(problem) for problem in found]
