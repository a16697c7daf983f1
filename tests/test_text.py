"""One text table, two languages, no words anywhere else."""

import ast
import re
import string
from pathlib import Path

import pytest

import fiscalsim
from fiscalsim import text
from fiscalsim.scenario import FAMILY_NAMES

SOURCE = Path(fiscalsim.__file__).parent
CJK = re.compile(r"[\u3400-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2,}")


def test_both_languages_hold_the_same_keys():
    assert set(text.table("zh")) == set(text.table("en"))


@pytest.mark.parametrize("key", sorted(text.table("zh")))
def test_a_text_asks_for_the_same_values_in_both_languages(key):
    assert text.placeholders(key, "zh") == text.placeholders(key, "en")


def test_no_text_is_empty():
    assert [key for lang in text.LANGS for key, words in text.table(lang).items() if not words.strip() and key != "format.between_sentences"] == []


def test_chinese_texts_hold_no_english_words():
    allowed = {"GBK", "PDF", "scenarios", "EN", "xlsx"}
    naming = {"workbook.notes"}  # tells which columns and commands to use, by their names
    found = {
        key: word
        for key, words in text.table("zh").items()
        if key not in naming
        for word in ENGLISH.findall(re.sub(r"\{\w+\}", "", words))
        if word not in allowed
    }
    assert found == {}


def test_no_chinese_string_stands_in_code():
    found = []
    readers = {SOURCE / "assumptions" / "tables.py"}  # unit words there belong to the format of a pack, nobody is shown them
    for path in sorted(set(SOURCE.rglob("*.py")) - readers):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr | ast.Module | ast.FunctionDef | ast.ClassDef):
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CJK.search(node.value) and not _is_docstring(path, node):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def _is_docstring(path, wanted):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and node.body and isinstance(node.body[0], ast.Expr):
            first = node.body[0].value
            if isinstance(first, ast.Constant) and first.lineno == wanted.lineno:
                return True
    return False


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_every_limit_has_tag_reason_and_repair(family):
    assert all(text.has(f"limit.{family}.{part}") for part in ("tag", "brief", "why", "more", "repair", "repair_brief"))


REASON = {"region", "service", "year", "unit", "claims", "means", "reserve", "pool", "margin", "change", "tail", "end", "served", "need"}  # headlines.reason


@pytest.mark.parametrize("lang", text.LANGS)
@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_the_texts_of_a_limit_ask_only_for_figures_that_are_supplied(family, lang):
    def asked(part):
        return {name for _, name, _, _ in string.Formatter().parse(text.table(lang)[f"limit.{family}.{part}"]) if name}

    assert asked("why") <= REASON and asked("more") == {"gain", "loss"}
    assert not (asked("tag") | asked("brief") | asked("repair") | asked("repair_brief"))


def test_an_unknown_key_is_named_with_the_nearest_one():
    with pytest.raises(KeyError, match="page.why.name"):
        text.t("page.wy.name", "zh")


def test_a_missing_value_is_named():
    with pytest.raises(KeyError, match="'year'"):
        text.t("format.year", "en")


def test_a_language_that_is_not_spoken_is_refused():
    with pytest.raises(ValueError, match="zh, en"):
        text.t("app.title", "fr")


@pytest.mark.parametrize(
    ("yuan", "zh", "en"),
    [
        (5_670_000_000, "56.7亿元", "5.67 bn yuan"),
        (98_760_000, "9,876万元", "98.76 m yuan"),
        (-5_670_000_000, "−56.7亿元", "−5.67 bn yuan"),
        (0, "0万元", "0.00 m yuan"),
    ],
)
def test_money_is_written_as_a_bureau_writes_it(yuan, zh, en):
    assert (text.money(yuan, "zh"), text.money(yuan, "en")) == (zh, en)


@pytest.mark.parametrize(("persons", "zh", "en"), [(4_012_345, "401.2万人", "4,012.3 thousand"), (9_999, "9,999人", "9,999 people")])
def test_people_are_counted_in_ten_thousands_from_ten_thousand_up(persons, zh, en):
    assert (text.people(persons, "zh"), text.people(persons, "en")) == (zh, en)


def test_a_negative_zero_prints_as_zero():
    assert text.number(-0.04, 1) == "0.0"


def test_a_minus_is_a_true_minus_sign():
    assert text.number(-1234.5, 1) == "\u22121,234.5"
    assert text.percent(-0.031, signed=True) == "\u22123.1%"
    assert text.number(3, 0, signed=True) == "+3"


def test_a_long_list_names_three_and_counts_all():
    assert text.listed(["A", "B", "C", "D"], "en") == "A, B, C and others (4 in all)"
    assert text.listed([], "en") == text.NONE
