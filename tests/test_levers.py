"""The strict reader of YAML and CSV, and the one list of levers."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim.errors import InputError
from fiscalsim.levers import Lever, check_value, clean_value, expand, load_levers, number, path_at, read_csv, read_document, read_yaml

LEVER = Lever("demography.tfr", "people", "生育率", "Fertility", "孩", "children", 0.5, 2.5, 0.05, "number", "含义", "Meaning", "ours")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("010", "010"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2025-01-01", "2025-01-01"),
        ("1e5", 1e5),
        ("-1.5E-3", -0.0015),
        (".5", ".5"),
        ("5.", "5."),
        ("+5", "+5"),
        ("0x10", "0x10"),
        ("0o10", "0o10"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("１２", "１２"),
        ("null", None),
        ("~", None),
        ("", None),
        ('"5"', "5"),
        ("'true'", "true"),
        ("-0", 0),
        ("-0.0", 0.0),
        ("60", 60),
        ("<<", "<<"),
        ("9" * 16, float("9" * 16)),
    ],
)
def test_a_scalar_is_a_number_only_when_written_in_full(text, value):
    found = read_yaml(f"key: {text}")["key"]
    assert found == value and type(found) is type(value)
    assert not (isinstance(found, float) and str(found) == "-0.0")


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        ("a: 1\nb: 2\na: 3", 3, "each key once; it stands already in row 1"),
        ("a:\n  b: 1\n  b: 2", 3, "a.b"),
        ("a: &x 1", 1, "no anchors or aliases"),
        ("a: *x", 1, "no anchors or aliases"),
        ("a: !!python/object/apply:os.system ['true']", 1, "no tags"),
        ("a: !!str 5", 1, "no tags"),
        ("a: ! 5", 1, "no tags"),
        ("a: 1\n---\nb: 2", 2, "one document a file"),
        ("a: [1", 2, "not YAML"),
        ("a: 1\n b: 2", 2, "not YAML"),
        ("\ta: 1", 1, "not YAML"),
        ("[" * 5000, 1, "at most 20 levels"),
        ("a: " + "{b: " * 30 + "1" + "}" * 30, 1, "at most 20 levels"),
        ("? [1, 2]\n: 3", 1, "a key is a word or a year"),
        ("true: 3", 1, "a key is a word or a year"),
        ("1.5: 3", 1, "a key is a word or a year"),
        ("a: 1\nb: x\x00y", 2, "U+0000"),
        ("a: 1\nb: x\u202ey", 2, "U+202E"),
        ("a: x\u200by", 1, "U+200B"),
    ],
)
def test_yaml_that_hides_something_is_refused_with_its_row(text, row, said):
    with pytest.raises(InputError) as refused:
        read_yaml(text, "case.yaml")
    assert f"case.yaml, row {row}" in str(refused.value) and said in str(refused.value)


def test_yaml_of_more_than_a_megabyte_is_refused():
    with pytest.raises(InputError, match="at most 1000000 bytes"):
        read_yaml("a: " + "x" * 1_000_001)


def test_encodings_line_ends_and_accents_do_not_change_what_is_read(tmp_path):
    plain = "name: 辽宁é\nlist:\n- 1\n- 2\n"
    variants = {
        "utf8": plain.encode(),
        "bom": b"\xef\xbb\xbf" + plain.encode(),
        "crlf": plain.replace("\n", "\r\n").encode(),
        "cr": plain.replace("\n", "\r").encode(),
        "gb18030": plain.encode("gb18030"),
        "nfd": plain.replace("é", "e\u0301").encode(),
    }
    for name, raw in variants.items():
        (tmp_path / f"{name}.yaml").write_bytes(raw)
        document = read_document(tmp_path / f"{name}.yaml")
        assert document.data == {"name": "辽宁é", "list": [1, 2]}, name
        assert ("read as GBK" in document.note) == (name == "gb18030")


def test_utf16_and_binary_are_refused_by_name(tmp_path):
    for name, raw, said in (("wide.yaml", "a: 1".encode("utf-16"), "UTF-16"), ("picture.yaml", b"\x89PNG\xff\xff\xff", "neither UTF-8 nor GBK")):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(InputError, match=said) as refused:
            read_yaml(tmp_path / name)
        assert name in str(refused.value)
    with pytest.raises(InputError, match="a file that can be read"):
        read_yaml(tmp_path / "absent.yaml")


def test_rows_of_keys_are_kept_for_messages():
    document = read_document("a: 1\nset:\n  x.y: 2\n  z: {2025: 1}\nlist:\n- k: 1\n")
    assert (document.row("a"), document.row("set", "x.y"), document.row("set", "z", 2025), document.row("list", 0, "k")) == (1, 3, 4, 6)
    assert document.row("set", "absent") == 2 and document.row("absent") is None


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_or_bytes_are_read_or_refused(source):
    for reader in (read_yaml, read_csv):
        try:
            reader(source)
        except InputError as error:
            assert error.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-1.5", -1.5),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567),
        ("1e3", 1000),
        ("0", 0),
        ("-0", 0),
        ("1,23", None),
        ("12,34,567", None),
        ("1_000", None),
        ("１２３", None),
        ("٣", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("--", None),
        ("3.2亿", None),
        ("5%", None),
        ("", None),
        ("010", None),
        ("1 000", None),
        ("0x1F", None),
        ("1.", None),
        (".5", None),
        ("=1+1", None),
    ],
)
def test_a_cell_is_a_number_only_in_plain_digits(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        ("a,b\n1,2,3\n", 2, "2 cells as in the header, not 3"),
        ("a,b\n1\n", 2, "2 cells as in the header, not 1"),
        ("a,a\n1,2\n", 1, "each column once"),
        ("a,\n1,2\n", 1, "a column name"),
        ("", 1, "a header"),
        ('a,b\n"1,2\n', None, "not CSV"),
        ("a\nx\x07\n", 2, "U+0007"),
    ],
)
def test_csv_that_does_not_fit_its_header_is_refused_with_its_row(text, row, said):
    with pytest.raises(InputError) as refused:
        read_csv(text, "case.csv")
    assert said in str(refused.value)
    assert row is None or f"case.csv, row {row}" in str(refused.value)


def test_csv_cells_stay_text_and_rows_keep_their_spreadsheet_number():
    table = read_csv("code,v\n001, 1 \n\n002,NA\n")
    assert table.rows == ((2, {"code": "001", "v": "1"}), (4, {"code": "002", "v": "NA"}))


# --- levers ---------------------------------------------------------------------------------------------------------


def lever_text(**changes: object) -> str:
    cells = {
        "path": "demography.tfr",
        "group": "people",
        "name_zh": "生育率",
        "name_en": "TFR",
        "unit_zh": "孩",
        "unit_en": "children",
        "lowest": 0.5,
        "highest": 2.5,
        "step": 0.05,
        "shown_as": "number",
        "meaning_zh": "含义",
        "meaning_en": "Meaning",
        "source": "ours",
    } | changes
    return "".join(f"{'- ' if i == 0 else '  '}{key}: {value}\n" for i, (key, value) in enumerate((k, v) for k, v in cells.items() if v is not None))


def write_levers(home: Path, text: str) -> Path:
    (home / "assumptions" / "national").mkdir(parents=True)
    (home / "assumptions" / "national" / "levers.yaml").write_text(text, encoding="utf-8")
    return home


def test_levers_are_read_as_declared(tmp_path):
    (lever,) = load_levers(write_levers(tmp_path, lever_text()))
    assert (lever.path, lever.lowest, lever.highest, lever.step, lever.source) == ("demography.tfr", 0.5, 2.5, 0.05, "ours")


def test_every_mistake_in_the_list_of_levers_is_said_at_once(tmp_path):
    text = lever_text(lowest="low") + lever_text(path="a.b", shown_as="percentage") + lever_text(path="a.c", lowest=3) + lever_text(path="a.*", colour="red")
    text += lever_text(path="a.d", unit_zh=None) + lever_text(path="a.e", highest="010") + lever_text() + lever_text() + lever_text(path="b.*") + "- 5\n"
    with pytest.raises(InputError) as refused:
        load_levers(write_levers(tmp_path, text))
    said = str(refused.value)
    for part in (
        "row 7, lowest: 'low'",
        "'percentage' - number or percent or points (did you mean 'percent'?)",
        "lowest below highest",
        "colour: 'colour'",
        "unit_zh: ''",
        "highest: '010' - a number",
        "each lever once",
        "b.*",
        "'5'",
    ):
        assert part in said, part


def test_templates_become_one_lever_per_service_and_per_target(tmp_path):
    text = lever_text(path="standards.*", name_zh="提标", name_en="Standard of {name}", lowest=0.8, highest=1.5)
    text += lever_text(path="targets.*", unit_zh="x", unit_en="x", lowest=0.5, highest=2, step=0.01) + lever_text()
    services = [SimpleNamespace(code="care", name_zh="护理", name_en="care")]
    indicators = [
        SimpleNamespace(
            code="beds", name_zh="床位", name_en="beds", unit_zh="张", unit_en="per 1,000", target_value=38.0, nature="binding", measure="capacity_per"
        ),
        SimpleNamespace(code="full", name_zh="全", name_en="full", unit_zh="", unit_en="", target_value=None, nature="binding", measure="coverage"),
        SimpleNamespace(code="text", name_zh="正文", name_en="text", unit_zh="", unit_en="", target_value=1.0, nature="stated", measure="coverage"),
        SimpleNamespace(code="age", name_zh="寿命", name_en="age", unit_zh="", unit_en="", target_value=80.0, nature="expected", measure="reported"),
    ]
    care, beds, tfr = expand(load_levers(write_levers(tmp_path, text)), services, indicators)
    assert (care.path, care.name_zh, care.name_en, care.lowest, care.highest) == ("standards.care", "提标 护理", "Standard of care", 0.8, 1.5)
    assert (beds.path, beds.lowest, beds.highest, beds.step, beds.unit_zh, beds.unit_en) == ("targets.beds", 19.0, 76.0, 0.4, "张", "per 1,000")
    assert tfr.path == "demography.tfr"


@pytest.mark.parametrize("value", [1, 0.5, 2.5, {2025: 1.0}, {2020: 0.9, 2035: 1.2}])
def test_a_value_inside_the_range_has_no_problem(value):
    assert check_value(LEVER, value) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3, "3 is outside 0.5 .. 2.5 children"),
        (0.49, "outside"),
        (float("nan"), "a number"),
        (float("inf"), "a number"),
        (True, "a number"),
        ("1", "a number"),
        (None, "a number"),
        ([1], "a number"),
        ({}, "at least one year"),
        ({20205: 1.0}, "20205: a year between 1990 and 2100"),
        ({"soon": 1.0}, "a year between"),
        ({True: 1.0}, "a year between"),
        ({2025: 9}, "2025: 9 is outside"),
        ({2025: "x"}, "2025: a number"),
        ({2025: {2026: 1}}, "2025: a number"),
    ],
)
def test_a_value_that_is_no_number_year_or_in_range_is_described(value, said):
    assert any(said in text for text in check_value(LEVER, value))


def test_a_path_is_straight_between_its_years_and_constant_outside():
    assert path_at({2030: 2.0, 2020: 1.0}, [2010, 2020, 2025, 2030, 2040]) == pytest.approx([1.0, 1.0, 1.5, 2.0, 2.0])
    assert (path_at(1.3, range(2020, 2023)) == 1.3).all()


@given(st.dictionaries(st.integers(1990, 2100), st.floats(-10, 10), min_size=1, max_size=6))
def test_a_path_passes_through_every_year_given_and_never_leaves_their_range(value):
    assert path_at(value, value) == pytest.approx(list(value.values()))
    everywhere = path_at(value, range(1990, 2101))
    assert everywhere.min() >= min(value.values()) - 1e-12 and everywhere.max() <= max(value.values()) + 1e-12
    assert np.isfinite(everywhere).all()


def test_equal_values_are_kept_alike():
    assert clean_value(60.0) == 60 and isinstance(clean_value(60.0), int)
    assert clean_value({"2030": 1.0, 2025: 2.5}) == {2025: 2.5, 2030: 1}
    assert clean_value(-0.0) == 0 and str(clean_value(-0.0)) == "0"
