"""Scenario files: merged, checked, resolved, named by a digest."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiscalsim import scenario as module
from fiscalsim.errors import InputError
from fiscalsim.levers import read_yaml
from fiscalsim.parameters import PARAMETERS, levers_of, name_problem
from fiscalsim.scenario import FAMILY_NAMES, POLICIES, canonical, json_schema, load_scenario, pack_names, scenario_ids, to_yaml

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULTS = {
    "demography.life_expectancy": 78,
    "demography.life_expectancy_gap": 5,
    "demography.srb": 1.08,
    "demography.schooling_years": 11,
    "demography.schooling_years_entrants": 14,
    "demography.schooling_years_leavers": 9,
    "allocation.tail_years": 3,
    "allocation.whole_projects": 0,
    "execution.replications": 10,
    "execution.release_delay": 30,
    "costs.wage_growth": 0.05,
    "costs.price_growth": 0.02,
    "fiscal.reserve_share": 0.01,
}


def lever(path: str, lowest: float, highest: float, unit: str = "x") -> str:
    words = "".join(f"  {key}: text\n" for key in ("group", "name_zh", "name_en", "unit_zh", "meaning_zh", "meaning_en", "source"))
    return f"- path: '{path}'\n{words}  unit_en: {unit}\n  lowest: {lowest}\n  highest: {highest}\n  step: 0.1\n  shown_as: number\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with the pack `tiny`, two services, one indicator and a scenario `base`."""
    files = {
        "assumptions/national/levers.yaml": lever("demography.tfr", 0.5, 2.5, "children")
        + lever("fiscal.reserve_share", 0.01, 0.03)
        + lever("standards.*", 0.8, 1.5)
        + lever("targets.*", 0.5, 2)
        + lever("allocation.tail_years", 0, 20),
        "assumptions/national/parameters.yaml": "".join(
            f"{path}: {{value: {DEFAULTS.get(path, 1 if limits[1] != 1.0 else 0.5)}, unit: x, grade: D, source: assumption}}\n"
            for path, (_, limits) in PARAMETERS.items()
        ),
        "assumptions/national/services.csv": "service,name_zh,name_en\ncare,护理,care\nschool,学校,school\nother,其他,other\n",
        "assumptions/tiny/pack.yaml": "id: tiny\nservices: [care, school]\n",
        "assumptions/tiny/indicators.csv": "indicator,name_zh,name_en,unit_zh,unit_en,target_value,nature,measure\n"
        "beds,床位,beds,张,beds,40,binding,capacity_per\nlist,名单,list,,,,stated,stated\n",
        "assumptions/wide/pack.yaml": "id: wide\nservices: all\n",
        "scenarios/base.yaml": "pack: tiny\nname: {zh: 基准, en: Baseline}\nwhy: as it stands\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def put(place: Path, name: str, text: str | bytes) -> None:
    (place / "scenarios" / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())


def test_a_short_patch_reads_with_everything_else_at_its_default(place):
    found = load_scenario("base", place)
    assert (found.id, found.pack, found.name_zh, found.name_en, found.why_zh, found.policy, found.seed) == (
        "base",
        "tiny",
        "基准",
        "Baseline",
        "as it stands",
        "optimal",
        0,
    )
    assert found.set == {} and found.limits == dict.fromkeys(FAMILY_NAMES, True)
    assert found.value("demography.tfr") == 1 and found.value("standards.care") == 1 and found.value("targets.beds") == 40


def test_the_levers_of_a_pack_are_those_of_its_own_catalogue(place):
    assert [lever.path for lever in levers_of("tiny", place)] == [
        "demography.tfr",
        "fiscal.reserve_share",
        "standards.care",
        "standards.school",
        "targets.beds",
        "allocation.tail_years",
    ]
    assert "standards.other" in [lever.path for lever in levers_of("wide", place)]


def test_what_is_extended_is_applied_in_order_and_the_later_wins(place):
    put(place, "one", "extends: base\nset: {demography.tfr: 0.9, standards.care: 1.1}\nseed: 5\nlimits: {reserve_kept: false}\n")
    put(place, "two", "pack: tiny\nset: {demography.tfr: 0.8}\npolicy: formula\n")
    put(place, "both", "extends: [one, two]\nset: {standards.school: 1.2}\nlimits: {debt_within_limit: false}\n")
    found = load_scenario("both", place)
    assert found.set == {"demography.tfr": 0.8, "standards.care": 1.1, "standards.school": 1.2}
    assert (found.policy, found.seed, found.extends, found.name_zh, found.why_zh) == ("formula", 5, ("one", "two"), "both", "")
    assert [family for family, holds in found.limits.items() if not holds] == ["reserve_kept", "debt_within_limit"]


def test_a_file_that_is_extended_twice_is_applied_once(place):
    put(place, "left", "extends: base\nset: {demography.tfr: 0.9}\n")
    put(place, "right", "extends: base\nset: {standards.care: 1.1}\n")
    put(place, "diamond", "extends: [left, right]\n")
    assert load_scenario("diamond", place).set == {"demography.tfr": 0.9, "standards.care": 1.1}


def test_overrides_win_over_the_files(place):
    overrides = ["demography.tfr = {2030: 1.2, 2025: 1.1}", "policy=per-head", "seed=7", "limits.reserve_kept=false", "targets.beds=50"]
    found = load_scenario("base", place, overrides)
    assert found.set == {"demography.tfr": {2025: 1.1, 2030: 1.2}, "targets.beds": 50}
    assert (found.policy, found.seed, found.limits["reserve_kept"]) == ("per-head", 7, False)


def test_a_parameter_that_is_no_lever_can_be_set(place):
    assert load_scenario("base", place, ["costs.wage_growth={2021: 0.04, 2030: 0.03}"]).value("costs.wage_growth") == {2021: 0.04, 2030: 0.03}


def test_the_resolved_form_names_every_path_and_limit_and_resolves_to_itself(place):
    put(place, "one", "extends: base\nset: {demography.tfr: {2025: 1.0, 2021: 0.9}, standards.care: 1.1}\npolicy: formula\nlimits: {reserve_kept: false}\n")
    found = load_scenario("one", place)
    resolved = found.resolved()
    assert set(PARAMETERS) | {"standards.care", "standards.school", "targets.beds"} == set(resolved["set"])
    assert set(resolved["limits"]) == set(FAMILY_NAMES) and resolved["extends"] == []
    put(place, "again", json.dumps(resolved, ensure_ascii=False))  # JSON is YAML, years come back as text keys
    again = load_scenario("again", place)
    assert again.resolved() == resolved and again.digest == found.digest


@pytest.mark.parametrize(
    "variant",
    [
        "set: {standards.care: 1.10, demography.tfr: 1}\npack: tiny\n",
        "pack: tiny\nset:\n  demography.tfr: 1.0\n  standards.care: 11e-1\n",
        "pack: tiny\r\nset: {demography.tfr: 1, standards.care: 1.1}\r\n",
        "\ufeffpack: tiny\nset: {demography.tfr: 1, standards.care: 1.1}\n",
        "pack: tiny\nname: 别的名字\nwhy: another reason\nset: {standards.care: 1.1}\n",  # 1 is the pack's own tfr
        "pack: tiny\npolicy: optimal\nseed: 0\nlimits: {reserve_kept: true}\nset: {demography.tfr: 1, standards.care: 1.1}\n",
        "extends: base\nset: {demography.tfr: 1, standards.care: 1.1}\n",
    ],
)
def test_another_way_to_write_the_same_numbers_has_the_same_digest(place, variant):
    put(place, "plain", "pack: tiny\nset: {demography.tfr: 1, standards.care: 1.1}\n")
    put(place, "variant", variant)
    assert load_scenario("variant", place).digest == load_scenario("plain", place).digest


@pytest.mark.parametrize(
    "change",
    [
        "demography.tfr=1.0000001",
        "standards.care=1.2",
        "policy=formula",
        "seed=1",
        "limits.reserve_kept=false",
        "demography.tfr={2025: 1, 2030: 1.1}",
        "costs.wage_growth=0.051",
        "targets.beds=41",
    ],
)
def test_any_change_of_a_number_or_switch_changes_the_digest(place, change):
    assert load_scenario("base", place, [change]).digest != load_scenario("base", place).digest


def test_a_changed_pack_parameter_changes_the_digest(place):
    before = load_scenario("base", place).digest
    own = "fiscal.bond_rate: {value: 0.031, unit: share, grade: D, source: assumption}\n"
    (place / "assumptions/tiny/parameters.yaml").write_text(own, encoding="utf-8")
    assert load_scenario("base", place).digest != before


def test_canonical_json_is_one_text_for_equal_data():
    assert canonical({"b": 60.0, "a": {2025: 1, 2024: -0.0}, "c": "e\u0301"}) == '{"a":{"2024":0,"2025":1},"b":60,"c":"é"}'
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


def test_the_digest_is_the_sha256_of_the_canonical_numbers(place):
    found = load_scenario("base", place)
    assert re.fullmatch("[0-9a-f]{64}", found.digest) and found.digest8 == found.digest[:8]


def test_a_saved_file_reads_back_to_the_same_scenario(place):
    put(place, "one", 'extends: base\nname: {zh: "他说：“好”", en: "1e5: yes"}\nset: {demography.tfr: {2025: 1.0, 2021: 0.9}}\nlimits: {reserve_kept: false}\n')
    found = load_scenario("one", place)
    put(place, "saved", to_yaml(found))
    saved = load_scenario("saved", place)
    assert (saved.digest, saved.set, saved.name_zh, saved.name_en, saved.limits) == (found.digest, found.set, found.name_zh, found.name_en, found.limits)


BAD_FILES = {
    "unknown key": ("pack: tiny\npolcy: formula\n", 2, "polcy", "'polcy'", "did you mean 'policy'?"),
    "unknown lever": ("pack: tiny\nset:\n  demografy.tfr: 1\n", 3, "set.demografy.tfr", "demografy.tfr", "did you mean 'demography.tfr'?"),
    "service not in the pack": ("pack: tiny\nset:\n  standards.other: 1.1\n", 3, "set.standards.other", "standards.other", "a lever or parameter of the pack"),
    "lever out of range": ("pack: tiny\nset:\n  demography.tfr: 9\n", 3, "set.demography.tfr", "'9'", "outside 0.5 .. 2.5 children"),
    "one year out of range": ("pack: tiny\nset:\n  demography.tfr: {2025: 1, 2030: 9}\n", 3, "set.demography.tfr", "2030: 9", "outside 0.5 .. 2.5"),
    "year 20205": ("pack: tiny\nset:\n  demography.tfr: {20205: 1}\n", 3, "set.demography.tfr", "20205", "a year between 1990 and 2100"),
    "text for a number": ("pack: tiny\nset:\n  demography.tfr: about one\n", 3, "set.demography.tfr", "about one", "a number"),
    "octal": ("pack: tiny\nset:\n  targets.beds: 010\n", 3, "set.targets.beds", "'010'", "a number"),
    "underscores": ("pack: tiny\nset:\n  targets.beds: 4_0\n", 3, "set.targets.beds", "'4_0'", "a number"),
    "sexagesimal": ("pack: tiny\nset:\n  targets.beds: 12:30:45\n", 3, "set.targets.beds", "12:30:45", "a number"),
    "true for a number": ("pack: tiny\nset:\n  demography.tfr: true\n", 3, "set.demography.tfr", "True", "a number"),
    "full-width digits": ("pack: tiny\nset:\n  targets.beds: ４０\n", 3, "set.targets.beds", "４０", "a number"),
    "no value": ("pack: tiny\nset:\n  demography.tfr:\n", 3, "set.demography.tfr", "''", "a number"),
    "path where one number stands": (
        "pack: tiny\nset:\n  allocation.tail_years: {2025: 3}\n",
        3,
        "set.allocation.tail_years",
        "2025",
        "one number for all years",
    ),
    "half a year": ("pack: tiny\nset:\n  allocation.tail_years: 2.5\n", 3, "set.allocation.tail_years", "2.5", "a whole number"),
    "share above one": ("pack: tiny\nset:\n  fiscal.catalogue_share: 1.2\n", 3, "set.fiscal.catalogue_share", "1.2", "outside 0 .. 1"),
    "unknown pack": ("pack: tinny\n", 1, "pack", "'tinny'", "did you mean 'tiny'?"),
    "no pack": ("seed: 1\n", None, "pack", "''", "one of tiny, wide"),
    "unknown policy": ("pack: tiny\npolicy: formulae\n", 2, "policy", "formulae", "did you mean 'formula'?"),
    "unknown family": (
        "pack: tiny\nlimits:\n  debt_within_limits: false\n",
        3,
        "limits.debt_within_limits",
        "debt_within_limits",
        "did you mean 'debt_within_limit'?",
    ),
    "family switched by yes": ("pack: tiny\nlimits:\n  debt_within_limit: no\n", 3, "limits.debt_within_limit", "'no'", "true or false"),
    "negative seed": ("pack: tiny\nseed: -1\n", 2, "seed", "-1", "a whole number from 0"),
    "seed with a fraction": ("pack: tiny\nseed: 1.5\n", 2, "seed", "1.5", "a whole number from 0"),
    "set is a list": ("pack: tiny\nset: [1]\n", 2, "set", "[1]", "path: value"),
    "limits is text": ("pack: tiny\nlimits: none\n", 2, "limits", "none", "family: true or false"),
    "unknown parent": ("extends: bas\n", 1, "extends", "'bas'", "did you mean 'base'?"),
    "parent outside": ("extends: ../base\n", 1, "extends", "../base", "not '/'"),
    "its own parent": ("extends: bad\n", 1, "extends", "'bad'", "no circle: bad -> bad"),
    "a number as parent": ("extends: 5\n", 1, "extends", "'5'", "a name"),
    "name with a right-to-left sign": ('pack: tiny\nname_zh: "\\u202eabc"\n', 2, "name_zh", "abc", "U+202E"),
    "name as formula": ("pack: tiny\nname_en: =cmd()\n", 2, "name_en", "=cmd()", "begins with a letter or digit"),
    "long name": (f"pack: tiny\nname_en: {'x' * 81}\n", 2, "name_en", "xxx", "at most 80 characters"),
    "name in a third language": ("pack: tiny\nname: {fr: nom}\n", 2, "name.fr", "fr", "zh and en"),
    "name as a list": ("pack: tiny\nname: [a]\n", 2, "name", "['a']", "text, or {zh: text, en: text}"),
    "why is a number": ("pack: tiny\nwhy_en: 5\n", 2, "why_en", "'5'", "text of at most"),
    "duplicate key": ("pack: tiny\nseed: 1\nseed: 2\n", 3, "seed", "seed", "each key once"),
    "a list": ("- pack: tiny\n", 1, "", "pack", "the keys"),
    "alias": ("pack: tiny\nset: {demography.tfr: &a 1, targets.beds: *a}\n", 2, "", "anchor a", "no anchors or aliases"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_with_file_row_column_value_and_what_is_allowed(place, case):
    text, row, column, value, allowed = BAD_FILES[case]
    put(place, "bad", text)
    with pytest.raises(InputError) as refused:
        load_scenario("bad", place)
    (problem,) = refused.value.problems
    assert (problem.file, problem.row, problem.column) == ("bad.yaml", row, column)
    said = str(problem)
    assert said.startswith("bad.yaml") and value in said and allowed in said


def test_all_mistakes_of_a_file_its_parents_and_the_overrides_are_said_at_once(place):
    put(place, "parent", "pack: tiny\nset: {demography.tfr: 9}\n")
    put(place, "bad", "extends: [parent, absent]\npolicy: x\nset: {nothing.here: 1}\nlimits: {reserve_kept: 1}\n")
    with pytest.raises(InputError) as refused:
        load_scenario("bad", place, ["targets.beds=1", "noequals", "seed=x", "fiscal.bond_rate=[1"])
    said = str(refused.value)
    for part in (
        "parent.yaml, row 2, set.demography.tfr: '9'",
        "bad.yaml, row 1, extends: 'absent'",
        "policy: 'x'",
        "nothing.here",
        "limits.reserve_kept: '1'",
        "--set, set.targets.beds: '1'",
        "--set: 'noequals' - PATH=VALUE",
        "--set, seed: 'x'",
        "--set, fiscal.bond_rate",
    ):
        assert part in said, part


def test_a_circle_of_files_is_refused_and_spelt_out(place):
    put(place, "a", "extends: b\n")
    put(place, "b", "extends: c\n")
    put(place, "c", "extends: a\npack: tiny\n")
    with pytest.raises(InputError, match=re.escape("c.yaml, row 1, extends: 'a' - no circle: a -> b -> c -> a")):
        load_scenario("a", place)


@pytest.mark.parametrize(
    "name",
    [
        "../base",
        "..",
        ".",
        "",
        " ",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "a\0b",
        "x" * 81,
        "=cmd()",
        "+1",
        "-x",
        "@x",
        "a\nb",
        "a\tb",
        "a\u202eb",
        "a\u200bb",
        "a:b",
        "a*b",
        "a?b",
        'a"b',
        "a<b",
        "a>b",
        "a|b",
        "e\u0301",
        "~x",
        ".hidden",
        "a..b",
        "a.",
        "a ",
        "＝cmd",
        "a\u2028b",
        "\ud800",
        "😀",
        "a$b",
        "a`b",
        "a;b",
    ],
)
def test_an_unsafe_name_is_refused_before_any_file_is_looked_for(place, name):
    assert name_problem(name)
    with pytest.raises(InputError, match="scenario"):
        load_scenario(name, place)


@pytest.mark.parametrize("name", ["base", "辽宁-基准", "国发〔2025〕1号", "方案（二）", "low fertility 0.9", "“十五五”方案", "2026_v1.2", "甲、乙"])
def test_a_common_name_is_accepted(name):
    assert name_problem(name) == ""


def test_an_unknown_scenario_names_the_nearest(place):
    with pytest.raises(InputError, match="did you mean 'base'"):
        load_scenario("basse", place)


def test_a_path_is_read_where_it_stands_and_finds_its_parents_beside_it_or_in_scenarios(place, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "near.yaml").write_text("extends: base\nseed: 3\n", encoding="utf-8")
    (folder / "mine.yaml").write_text("extends: near\n", encoding="utf-8")
    assert load_scenario(folder / "mine.yaml", place).seed == 3
    assert load_scenario(str(folder / "mine.yaml"), place).pack == "tiny"


def test_gbk_files_are_read(place):
    put(place, "gbk", "pack: tiny\nname_zh: 低生育\n".encode("gbk"))
    assert load_scenario("gbk", place).name_zh == "低生育"


def test_mistakes_in_parameters_are_said_with_their_place(place):
    text = (
        "costs.wage_growth: {value: fast, unit: x, grade: D, source: assumption}\nfiscal.bond_rate:\n  value: 3\n  unit: x\n  grade: E\n"
        "  source: assumption\n"
        "a.b: {value: 1, unit: x, grade: A, source: plan}\na.c: 5\nNoDot: {value: 1}\na.d: {value: {20205: 1}, unit: x, grade: D, sorce: y, source: z}\n"
    )
    (place / "assumptions/tiny/parameters.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_scenario("base", place)
    said = str(refused.value)
    for part in (
        "tiny/parameters.yaml, row 1, costs.wage_growth.value: 'fast' - a number",
        "row 3, fiscal.bond_rate.value: '3' - 3 is outside 0 .. 1",
        "row 5, fiscal.bond_rate.grade: 'E'",
        "a.b.quote",
        "a.c: '5'",
        "NoDot",
        "20205",
        "sorce' - a key of a parameter (did you mean 'source'?)",
    ):
        assert part in said, part


def test_a_parameter_that_no_file_gives_is_missed_by_name(place):
    path = place / "assumptions/national/parameters.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("fiscal.bond_rate")))
    with pytest.raises(InputError, match="national/parameters.yaml, fiscal.bond_rate"):
        load_scenario("base", place)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_file_is_refused_or_read_and_nothing_else(place, data):
    good = "pack: tiny\nname: {zh: 基准, en: Base}\nextends: [base]\n"
    good += "set:\n  demography.tfr: {2025: 1.1, 2030: 1.2}\n  standards.care: 1.1\nlimits:\n  reserve_kept: false\nseed: 3\n"
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 12))
    put(place, "mutant", (good[:at] + data.draw(st.text(max_size=6)) + good[at + cut :]).encode("utf-8", "surrogatepass"))
    try:
        assert load_scenario("mutant", place).resolved()["pack"] in ("tiny", "wide")
    except InputError as error:
        assert error.problems and all(problem.file for problem in error.problems)


# --- where things are -----------------------------------------------------------------------------------------------


def test_home_is_the_named_folder_then_the_nearest_above_then_the_checkout(place, monkeypatch, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.delenv("FISCALSIM_HOME", raising=False)
    monkeypatch.chdir(outside)
    assert module.home() == REPOSITORY
    (place / "scenarios" / "deep").mkdir()
    monkeypatch.chdir(place / "scenarios" / "deep")
    assert module.home() == place
    monkeypatch.setenv("FISCALSIM_HOME", str(REPOSITORY))
    assert module.home() == REPOSITORY
    monkeypatch.setenv("FISCALSIM_HOME", str(outside))
    with pytest.raises(InputError, match="FISCALSIM_HOME"):
        module.home()


def test_lists_of_packs_and_scenarios_are_sorted_names(place):
    put(place, "alpha", "pack: tiny\n")
    assert (pack_names(place), scenario_ids(place)) == (("tiny", "wide"), ("alpha", "base"))


# --- schema ---------------------------------------------------------------------------------------------------------


def test_the_published_schema_is_the_one_the_code_builds():
    published = (REPOSITORY / "docs/how-to/scenario.schema.json").read_text(encoding="utf-8")
    assert published == json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"


def test_the_schema_accepts_what_the_reader_accepts_and_refuses_unknown_words(place):
    jsonschema.Draft202012Validator.check_schema(json_schema())
    check = jsonschema.Draft202012Validator(json_schema())

    def as_json(text: str) -> object:
        return json.loads(json.dumps(read_yaml(text)))

    good = to_yaml(load_scenario("base", place, ["demography.tfr={2025: 1.1}", "limits.reserve_kept=false", "standards.care=1.1"]))
    assert check.is_valid(as_json(good)) and check.is_valid(as_json("pack: tiny\nname: {zh: a, en: b}\nextends: [base]\n"))
    assert check.is_valid(json.loads(json.dumps(load_scenario("base", place).resolved())))
    for bad in ("polcy: x", "policy: x", "limits: {x: true}", "seed: -1", "set: {tfr: 1}", "set: {a.b: text}", "set: {a.b: {20205: 1}}"):
        assert not check.is_valid(as_json(bad)), bad


def test_every_published_scenario_is_read_and_fits_the_schema():
    check = jsonschema.Draft202012Validator(json_schema())
    for name in scenario_ids(REPOSITORY):
        assert load_scenario(name, REPOSITORY).pack in pack_names(REPOSITORY)
        assert check.is_valid(json.loads(json.dumps(read_yaml(REPOSITORY / "scenarios" / f"{name}.yaml")))), name


def test_policies_are_those_of_the_contract():
    assert POLICIES == ("optimal", "status-quo", "per-head", "formula")


def test_the_digest_does_not_depend_on_the_process(place):
    code = f"from pathlib import Path; from fiscalsim.scenario import load_scenario; print(load_scenario('base', Path({str(place)!r})).digest)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    assert run.stdout.strip() == load_scenario("base", place).digest
