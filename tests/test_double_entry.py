"""Law values typed a second time, from the words of the documents, and compared with the pack's: amounts a head, central shares, legal days, bounds,
tiers, ages.

Every second entry holds the words it was typed from; its numbers must stand in them. A value of grade A or B without a second entry fails.
"""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from fiscalsim import demography
from fiscalsim.assumptions import load_pack, stage_inputs
from fiscalsim.scenario import load_scenario

REPOSITORY = Path(__file__).resolve().parents[1]
NATIONAL = REPOSITORY / "assumptions" / "national"
SECOND = REPOSITORY / "tests" / "double_entry"
LAW_GRADES = ("A", "B")
NO_WORDS_KEPT = {("public_health", "2021")}  # the figure was read, its sentence was not kept
NOT_A_LAW = {"census2020"}
DIGITS = dict(zip("零一二三四五六七八九", range(10), strict=True))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def chinese(words: str) -> float:
    """The number of 三十日, 百分之三, 90%, 10月."""
    share = 100.0 if words.startswith("百分之") or words.endswith("%") else 1.0
    text = words.removeprefix("百分之")
    if plain := re.match(r"\d+", text):
        return float(plain.group()) / share
    text = re.match(f"[十{''.join(DIGITS)}]+", text).group()
    tens, _, ones = text.partition("十") if "十" in text else ("零", "", text)
    return (DIGITS[tens or "一"] * 10 + (DIGITS[ones] if ones else 0)) / share


def numbers(words: str) -> set[float]:
    return {float(found) for found in re.findall(r"\d+(?:\.\d+)?", words)}


@pytest.mark.parametrize(("words", "value"), [("三十日", 30), ("九十日", 90), ("十五日", 15), ("百分之一", 0.01), ("90%", 0.9), ("31日", 31), ("二十日", 20)])
def test_words_are_read_as_numbers(words, value):
    assert chinese(words) == pytest.approx(value)


# --- amounts a client and year --------------------------------------------------------------------------------------


def second_standards() -> dict[tuple[str, str], float]:
    return {(row["service"], row["year"]): float(row["first"]) + float(row["change"]) for row in rows(SECOND / "standards.csv")}


def test_every_typed_amount_stands_in_its_words():
    for row in rows(SECOND / "standards.csv"):
        if (row["service"], row["year"]) in NO_WORDS_KEPT:
            assert row["fact"] and not row["words"]
            continue
        found = numbers(row["words"]) | numbers(row["fact_note"])
        assert float(row["first"]) in found, row
        assert float(row["change"]) == 0 or abs(float(row["change"])) in found, row


def test_amounts_a_client_agree_with_the_second_entry():
    second = second_standards()
    first = {(row["service"], row["year"]): float(row["yuan"]) for row in rows(NATIONAL / "standards.csv")}
    assert {key: (first.get(key), yuan) for key, yuan in second.items() if first.get(key) != yuan} == {}
    law = {(row["service"], row["year"]) for row in rows(NATIONAL / "standards.csv") if row["grade"] in LAW_GRADES}
    assert law - set(second) == set()
    assert len(law) >= 20


def test_the_pension_of_a_year_is_the_mean_of_its_months():
    steps = sorted((int(row["since"][:4]) * 12 + int(row["since"][5:]) - 1, float(row["yuan_a_month"])) for row in rows(SECOND / "pension_months.csv"))

    def of_year(year: int) -> float:
        return sum([yuan for since, yuan in steps if since <= year * 12 + month][-1] for month in range(12))

    first = {int(row["year"]): float(row["yuan"]) for row in rows(NATIONAL / "standards.csv") if row["service"] == "pension_residents"}
    for year in range(2015, 2027):
        in_force = first[max(since for since in first if since <= year)]
        assert in_force == pytest.approx(of_year(year)), year


@pytest.mark.parametrize("name", ["two-counties", "liaoning"])
def test_amounts_before_the_base_year_change_nothing_for_a_later_base(name):
    pack = load_pack(name, REPOSITORY)
    scenario = load_scenario(f"{name}-baseline", REPOSITORY)
    in_force = {row["service"]: row["year"] for row in sorted(pack.tables["standards.csv"], key=lambda row: row["year"]) if row["year"] <= pack.info.base_year}
    kept = [row for row in pack.tables["standards.csv"] if row["year"] >= in_force[row["service"]]]
    if name == "liaoning":
        assert len(pack.tables["standards.csv"]) - len(kept) >= 14
    bare = replace(pack, tables=pack.tables | {"standards.csv": kept})
    whole, less = (stage_inputs(one, scenario, demography.base_population).demand.standard for one in (pack, bare))
    assert np.array_equal(whole, less)


# figures of the notices, by row of the gathered facts: SS-041..048, SS-050, SS-051, SS-022, SS-023, SS-038, SS-039
POOR_PUPILS = {2020: ((1000, 1250), (500, 625)), 2024: ((1250, 1500), (625, 750))}  # (primary, junior) boarders, and the others
BOARDERS = 0.6
MEAL_DAYS, MEALS = 200, {2015: 12 * [4], 2020: 12 * [4], 2021: 8 * [4] + 4 * [5], 2022: 12 * [5]}  # yuan a day in each month
QUOTA, BOOKS, PRIMARY = (650, 850), (105, 180), 2 / 3  # yuan a pupil and year in primary and junior schools; primary pupils


def test_reckoned_amounts_follow_from_the_figures_of_the_notices():
    first = {(row["service"], int(row["year"])): float(row["yuan"]) for row in rows(NATIONAL / "standards.csv")}
    for year, (boarders, others) in POOR_PUPILS.items():
        assert first["poor_pupil_aid", year] == pytest.approx(BOARDERS * sum(boarders) / 2 + (1 - BOARDERS) * sum(others) / 2)
    for year, months in MEALS.items():
        assert first["school_meals", year] == pytest.approx(MEAL_DAYS * sum(months) / 12, abs=0.5)


def test_the_share_of_what_a_school_costs_is_the_shared_quota_and_the_books():
    shares = {(row["rule"], row["tier"]): float(row["central_share"]) for row in rows(NATIONAL / "sharing.csv")}
    cost = next(float(row["yuan"]) for row in rows(NATIONAL / "standards.csv") if (row["service"], row["year"]) == ("compulsory_education", "2020"))
    quota, books = (PRIMARY * primary + (1 - PRIMARY) * junior for primary, junior in (QUOTA, BOOKS))
    for tier in "12345":
        assert shares["school_running", tier] == pytest.approx((shares["school_quota", tier] * quota + shares["textbooks", "all"] * books) / cost, abs=6e-4)


# --- central shares -------------------------------------------------------------------------------------------------


def test_every_typed_share_stands_in_its_words():
    for row in rows(SECOND / "sharing.csv"):
        if row["of"] == row["over"]:
            assert "全额" in row["words"], row
            continue
        found = numbers(row["words"].replace("∶", " ").replace("比", " ")) | numbers(row["fact_note"])
        assert float(row["of"]) in found or f"{row['of']}" in row["words"], row
        by_ratio = row["over"] == "10" and str(10 - int(row["of"])) in row["words"]
        assert by_ratio or row["over"] == "100" or float(row["over"]) in found, row


def test_central_shares_agree_with_the_second_entry():
    first = {(row["rule"], row["tier"]): float(row["central_share"]) for row in rows(NATIONAL / "sharing.csv")}
    second = {}
    for row in rows(SECOND / "sharing.csv"):
        share = float(row["of"]) / float(row["over"])
        key = (row["rule"], row["tier"])
        assert second.setdefault(key, share) == pytest.approx(share), f"two second entries of {key} differ"
    assert {key: (first.get(key), share) for key, share in second.items() if first.get(key) != pytest.approx(share)} == {}
    law = {(row["rule"], row["tier"]) for row in rows(NATIONAL / "sharing.csv") if row["grade"] in LAW_GRADES}
    assert law - set(second) == set()
    assert len(law) >= 9


def test_the_tier_of_every_region_is_the_one_that_names_its_province():
    tiers = rows(SECOND / "tiers.csv")
    assert all(row["name"] in row["words"] and f"第{'零一二三四五'[int(row['tier'])]}档" in row["words"] for row in tiers)
    seen = 0
    home = REPOSITORY / "assumptions"
    for path in sorted(home.glob("*/**/regions.csv")):
        pack = path.relative_to(home).parts[0]
        if yaml.safe_load((home / pack / "pack.yaml").read_text(encoding="utf-8"))["made_up"]:
            continue
        for region in rows(path):
            starting = [row for row in tiers if region["region"].startswith(row["code_starts"])]
            assert starting, f"no second entry for {pack} {region['region']}"
            assert region["tier"] == max(starting, key=lambda row: len(row["code_starts"]))["tier"], (pack, region["region"])
            seen += 1
    assert seen >= 15


# --- ages of the standard's items -----------------------------------------------------------------------------------


def test_ages_of_items_that_quote_a_law_agree_with_the_second_entry():
    second = {row["item"]: row for row in rows(SECOND / "items.csv")}
    first = {row["item"]: row for row in rows(NATIONAL / "items.csv") if row["grade"] in LAW_GRADES}
    assert set(first) == set(second)
    for code, row in second.items():
        mine = first[code]
        assert mine["age_from"] == row["age_from"], code
        last = str(int(row["age_from"]) + int(row["years"]) - 1) if row["years"] else ""
        assert mine["age_to"] == last, code
        for number, words in (("age_from", "age_from_in_words"), ("years", "years_in_words")):
            if row[words]:
                assert chinese(row[words]) == float(row[number]), code
                assert row[words] in row["words"] and row[words] in mine["quote"], code


# --- legal days, advance shares, bounds -----------------------------------------------------------------------------


def test_legal_days_agree_with_the_second_entry():
    second = {}
    for row in rows(SECOND / "release.csv"):
        assert row["in_words"] in row["words"], row
        assert chinese(row["in_words"]) == pytest.approx(float(row["value"])), row
        second[row["item"]] = float(row["value"])
    first = {row["item"]: float(row["value"]) for row in rows(NATIONAL / "release.csv")}
    assert {item: (first.get(item), value) for item, value in second.items() if first.get(item) != value} == {}
    law = {row["item"] for row in rows(NATIONAL / "release.csv") if row["grade"] in LAW_GRADES}
    assert law - set(second) == set()


def test_bounds_by_law_agree_with_the_second_entry():
    levers = {lever["path"]: lever for lever in yaml.safe_load((NATIONAL / "levers.yaml").read_text(encoding="utf-8"))}
    second = {row["path"]: row for row in rows(SECOND / "bounds.csv")}
    for path, row in second.items():
        for end in ("lowest", "highest"):
            assert chinese(row[f"{end}_in_words"]) == pytest.approx(float(row[end]))
            assert row[f"{end}_in_words"] in row["words"]
            assert levers[path][end] == pytest.approx(float(row[end]))
    by_law = {path for path, lever in levers.items() if lever["source"] != "assumption" and path.split(".")[0] not in ("standards", "targets")}
    assert by_law - set(second) == set()


def test_parameters_of_grade_a_or_b_are_statistics_or_have_a_second_entry():
    parameters = yaml.safe_load((NATIONAL / "parameters.yaml").read_text(encoding="utf-8"))
    typed = {row["path"] for row in rows(SECOND / "bounds.csv")}
    law = {path for path, entry in parameters.items() if entry["grade"] in LAW_GRADES and entry["source"] not in NOT_A_LAW}
    assert law - typed == set()
