"""Reviews beside saved runs: never overwritten, told when damaged, held only where the same digest or the same value stands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiscalsim.errors import InputError, IntegrityError
from fiscalsim.reviews import FOLDER, HOLDS, LAPSED, LONGEST_REMARK, ReviewBook, assumptions_of, find_assumption, reviews_of
from fiscalsim.store import RunStore, check_run, open_run
from tests.fake_run import fake_result, with_table


def sources(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """file, key, value, grade; the rest is the same for all."""
    columns = ["file", "key", "value", "grade"]
    return pd.DataFrame(list(rows), columns=columns).assign(unit="x", source="yearbook", title="", note="", quote="")


@pytest.fixture
def save(tmp_path):
    """Saves a made-up run whose table of sources has the given rows."""

    def saved(name, *rows, pack="toyland"):
        result = fake_result(name=name, settings={f"lever.{name}": 1.0})  # so that their digests differ
        result = with_table(result, "sources", sources(*rows)) if rows else result
        scenario = result.scenario.__class__(**{**vars(result.scenario), "pack": pack})
        return open_run(RunStore(tmp_path).save(result.__class__(**{**vars(result), "scenario": scenario})))

    return saved


TFR = ("toyland/parameters.yaml", "demography.tfr", "1.2", "D")


def test_a_run_that_nobody_looked_at_is_not_reviewed(save):
    assert reviews_of(save("a")).state == "none"


def test_a_remark_alone_signs_nothing(save, tmp_path):
    run = save("a")
    ReviewBook(tmp_path).add(run, who="Zhang", remark="look at the wages again")
    found = reviews_of(run)
    assert (found.state, found.signed, [one.remark for one in found.on_run]) == ("none", None, ["look at the wages again"])


def test_the_last_decision_on_a_run_holds(save, tmp_path):
    run, book = save("a"), ReviewBook(tmp_path)
    book.add(run, who="Zhang", remark="sums checked", decision="reviewed")
    assert reviews_of(run).state == "reviewed"
    book.add(run, who="Li", remark="bond quota is last year's", decision="returned")
    book.add(run, who="Li", remark="see the quota letter")
    found = reviews_of(run)
    assert (found.state, found.signed.who, len(found.on_run)) == ("returned", "Li", 3)


def test_a_sign_off_holds_for_its_own_digest_only(save, tmp_path):
    first, second = save("a"), save("b", TFR)
    ReviewBook(tmp_path).add(first, who="Zhang", remark="sums checked", decision="reviewed")
    assert reviews_of(second).state == "none"


def test_a_review_leaves_the_run_as_it_is(save, tmp_path):
    run = save("a")
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    ReviewBook(tmp_path).add(run, who="Zhang", remark="sums checked", decision="reviewed")
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before
    assert check_run(run.path) == []
    assert RunStore(tmp_path).names() == (run.name,)


def test_a_record_tells_who_when_on_which_digest_and_value(save, tmp_path):
    run = save("a", TFR)
    record = ReviewBook(tmp_path).add(run, who="张三", remark="低于统计公报", decision="returned", on="demography.tfr", who_known=True)
    told = json.loads((tmp_path / FOLDER / f"{run.digest8}-0001.json").read_text(encoding="utf-8"))
    assert (told["digest"], told["run"], told["who"], told["who_known"], told["decision"]) == (run.manifest["digest"], run.name, "张三", True, "returned")
    assert told["on"] == {"file": TFR[0], "key": TFR[1], "value": "1.2", "unit": "x", "grade": "D", "source": "yearbook"}
    assert told["when"].endswith("+00:00")
    assert record.sha256 == told["sha256"]


# --- carried to other runs ------------------------------------------------------------------------------------------


def test_a_remark_on_an_assumption_holds_where_value_source_and_grade_are_the_same(save, tmp_path):
    first, second = save("a", TFR), save("b", TFR, ("toyland/fiscal.csv", "north, revenue", "9", "B"))
    ReviewBook(tmp_path).add(first, who="Zhang", remark="agreed", on="demography.tfr")
    (found,) = reviews_of(second).on_values
    assert (found.state, found.now.value) == (HOLDS, "1.2")


@pytest.mark.parametrize(("column", "other"), [("value", "0.9"), ("source", "census"), ("grade", "B")])
def test_a_remark_lapses_where_the_assumption_moved_and_both_values_are_shown(save, tmp_path, column, other):
    first = save("a", TFR)
    moved = with_table(fake_result(name="b"), "sources", sources(TFR).assign(**{column: other}))
    second = open_run(RunStore(tmp_path).save(moved))
    ReviewBook(tmp_path).add(first, who="Zhang", remark="agreed", on="demography.tfr")
    (found,) = reviews_of(second).on_values
    assert (found.state, getattr(found.review.on, column), getattr(found.now, column)) == (LAPSED, getattr(reviews_of(first).on_values[0].now, column), other)


def test_a_lever_that_the_scenario_moves_lapses_the_remark_on_the_packs_value(save, tmp_path):
    first, second = save("a", TFR), save("b", TFR, ("scenario", "demography.tfr", "0.9", ""))
    ReviewBook(tmp_path).add(first, who="Zhang", remark="agreed", on="demography.tfr")
    (found,) = reviews_of(second).on_values
    assert (found.state, found.review.on.value, found.now.value) == (LAPSED, "1.2", "0.9")


def test_a_remark_on_a_value_that_a_later_run_lacks_has_lapsed(save, tmp_path):
    first, second = save("a", TFR), save("b")
    ReviewBook(tmp_path).add(first, who="Zhang", remark="agreed", on="demography.tfr")
    (found,) = reviews_of(second).on_values
    assert (found.state, found.now) == (LAPSED, None)


def test_a_remark_on_another_pack_is_carried_only_for_an_unchanged_national_value(save, tmp_path):
    national, own = ("national/standards.csv", "school, 2021", "650", "A"), TFR
    first, other = save("a", national, own), save("b", national, own, pack="elsewhere")
    moved = save("c", ("national/standards.csv", "school, 2021", "700", "A"), pack="elsewhere")
    book = ReviewBook(tmp_path)
    book.add(first, who="Zhang", remark="as printed", on="national/standards.csv: school, 2021")
    book.add(first, who="Zhang", remark="agreed", on="demography.tfr")
    assert [one.review.on.key for one in reviews_of(other).on_values] == ["school, 2021"]
    assert reviews_of(moved).on_values == ()


def test_an_assumption_is_found_by_code_or_by_a_key_that_only_one_file_has():
    table = sources(TFR, ("a.csv", "north", "1", "D"), ("b.csv", "north", "2", "D"), ("b.csv", "south", "3", "D"))
    assert find_assumption(table, "demography.tfr").value == "1.2"
    assert find_assumption(table, "south").file == "b.csv"
    assert find_assumption(table, "a.csv: north").value == "1"
    with pytest.raises(InputError, match="a.csv: north; b.csv: north"):
        find_assumption(table, "north")
    with pytest.raises(InputError, match="demography.tfr"):
        find_assumption(table, "demography.tfrr")


@given(st.permutations([("national/parameters.yaml", "k", "1", "D"), ("toyland/parameters.yaml", "k", "2", "D"), ("scenario", "k", "3", "")]))
def test_the_value_that_holds_is_the_last_one_given_whatever_the_order_of_rows(rows):
    assert assumptions_of(sources(*rows))["k"].value == "3"
    without = [row for row in rows if row[0] != "scenario"]
    assert assumptions_of(sources(*without))["k"].value == "2"


def test_the_years_of_a_parameters_path_are_one_assumption():
    rows = [("toyland/parameters.yaml", f"demography.tfr, {year}", value, grade) for year, value, grade in (("2020", "1.2", "B"), ("2030", "1.0", "D"))]
    one = assumptions_of(sources(*rows))["demography.tfr"]
    assert (one.value, one.grade, one.source) == ("2020: 1.2, 2030: 1.0", "B, D", "yearbook")
    moved = assumptions_of(sources(*rows, ("scenario", "demography.tfr", "0.9", "")))["demography.tfr"]
    assert not one.same_as(moved)


# --- damage and company ---------------------------------------------------------------------------------------------


def records(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob("*.json"))


def test_a_flipped_bit_in_a_record_is_named_and_no_sign_off_is_shown(save, tmp_path):
    run, book = save("a"), ReviewBook(tmp_path)
    book.add(run, who="Zhang", remark="sums checked", decision="reviewed")
    (path,) = records(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"Zhang", b"Zhong"))
    assert book.problems() == [f"{FOLDER}/{path.name}: differs from what was written"]
    assert (reviews_of(run).state, reviews_of(run).signed) == ("damaged", None)


def test_a_record_that_was_taken_away_is_named(save, tmp_path):
    run, book = save("a"), ReviewBook(tmp_path)
    for decision in ("reviewed", "returned", "reviewed"):
        book.add(run, who="Zhang", remark="x", decision=decision)
    records(tmp_path)[1].unlink()
    assert book.problems()[0] == f"{FOLDER}/{run.digest8}-0002.json: is missing"
    assert reviews_of(run).state == "damaged"


def test_a_record_rewritten_with_a_digest_that_fits_is_named_by_the_one_after_it(save, tmp_path):
    run, book = save("a"), ReviewBook(tmp_path)
    for remark in ("first", "second"):
        book.add(run, who="Zhang", remark=remark, decision="reviewed")
    from fiscalsim import reviews

    first = records(tmp_path)[0]
    forged = reviews._sealed(reviews._read(first).model_copy(update={"remark": "forged"}))
    first.write_bytes(reviews._bytes(forged))
    assert book.problems() == [f"{FOLDER}/{run.digest8}-0002.json: the record before it is not the one it was written after"]


def test_a_record_of_another_run_under_this_name_is_refused(save, tmp_path):
    first, second, book = save("a"), save("b", TFR), ReviewBook(tmp_path)
    book.add(first, who="Zhang", remark="x", decision="reviewed")
    records(tmp_path)[0].rename(tmp_path / FOLDER / f"{second.digest8}-0001.json")
    assert reviews_of(second).state == "damaged"


def test_damage_to_one_runs_records_leaves_the_other_runs_sign_off(save, tmp_path):
    first, second, book = save("a"), save("b", TFR), ReviewBook(tmp_path)
    for run in (first, second):
        book.add(run, who="Zhang", remark="x", decision="reviewed")
    (tmp_path / FOLDER / f"{first.digest8}-0001.json").write_text("{")
    assert (reviews_of(first).state, reviews_of(second).state) == ("damaged", "reviewed")


def test_a_link_in_place_of_a_record_is_refused(save, tmp_path):
    run, book = save("a"), ReviewBook(tmp_path)
    book.add(run, who="Zhang", remark="x", decision="reviewed")
    (path,) = records(tmp_path)
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert reviews_of(run).state == "damaged"


@pytest.mark.parametrize(
    "words",
    [
        {"who": " ", "remark": "x"},
        {"who": "Zhang", "remark": ""},
        {"who": "Zhang", "remark": "x" * (LONGEST_REMARK + 1)},
        {"who": "Zhang\u202e", "remark": "x"},
        {"who": "Zhang", "remark": "a\x00b"},
        {"who": "Zhang", "remark": "x", "decision": "approved"},
        {"who": "Zhang", "remark": "x", "on": "no.such.thing"},
    ],
)
def test_a_review_that_says_nothing_sound_is_refused_and_nothing_is_written(save, tmp_path, words):
    with pytest.raises(InputError):
        ReviewBook(tmp_path).add(save("a"), **words)
    assert not (tmp_path / FOLDER).exists()


def test_a_full_disk_is_one_clear_error_and_leaves_no_record(save, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    run = save("a")
    monkeypatch.setattr("fiscalsim.store._write_bytes", full)
    with pytest.raises(IntegrityError, match="No space left"):
        ReviewBook(tmp_path).add(run, who="Zhang", remark="x")
    assert records(tmp_path) == []


def test_reviewers_who_write_at_once_lose_nothing_and_keep_the_chain(save, tmp_path):
    run = save("a")
    code = (
        "import sys\nfrom fiscalsim.reviews import ReviewBook\nfrom fiscalsim.store import open_run\nfrom pathlib import Path\n"
        f"run = open_run({str(run.path)!r})\n"
        "for i in range(10):\n    ReviewBook(run.path.parent).add(run, who=sys.argv[1], remark=f'remark {i}')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, who]) for who in ("A", "B", "C")]
    assert [one.wait(120) for one in writers] == [0, 0, 0]
    found, problems = ReviewBook(tmp_path).read()
    assert problems == ()
    assert [one.number for one in found] == list(range(1, 31))
    assert sorted((one.who, one.remark) for one in found) == sorted((who, f"remark {i}") for who in "ABC" for i in range(10))
