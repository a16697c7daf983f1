"""`project`: anybody's tables, the contract's columns, every mistake named, the answer whole or not at all."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiscalsim import demography
from fiscalsim.errors import InputError
from tests.plain_cohort import one_year, ratios, survivors

SEXES = ("male", "female")


def tables(seed=0, open_age=100, base_year=2020, years=3):
    """Random tables of a country of two sexes: population, mortality, fertility, migration, srb."""
    draw = np.random.default_rng(seed)
    ages = range(open_age + 1)
    population = pd.DataFrame([(base_year, s, a, draw.uniform(50, 500)) for s in SEXES for a in ages], columns=["year", "sex", "age", "persons"])
    later = range(base_year + 1, base_year + years + 1)
    rows = [(y, s, a, min(1.5, 3e-4 * np.exp(0.08 * a) * draw.uniform(0.8, 1.2) + 0.004 * (a == 0))) for y in later for s in SEXES for a in ages]
    mortality = pd.DataFrame(rows, columns=["year", "sex", "age", "mx"])
    fertility = pd.DataFrame([(y, a, draw.uniform(0, 0.12)) for y in later for a in range(15, 50)], columns=["year", "age", "asfr"])
    migration = pd.DataFrame(
        [(y, s, a, draw.uniform(-3, 3) * (a < 70)) for y in later for s in SEXES for a in ages], columns=["year", "sex", "age", "net_migrants"]
    )
    srb = pd.DataFrame([(y, draw.uniform(1.03, 1.12)) for y in later], columns=["year", "srb"])
    return population, mortality, fertility, migration, srb


def column(table, year, name, sex=None):
    rows = table["year"] == year if sex is None else (table["year"] == year) & (table["sex"] == sex)
    return table.loc[rows, name].tolist()


@pytest.mark.parametrize("timing", ["even", "end"])
@pytest.mark.parametrize(("seed", "open_age"), [(1, 100), (2, 85), (3, 110)])
def test_project_agrees_with_plain_loops(seed, open_age, timing):
    population, mortality, fertility, migration, srb = tables(seed, open_age)
    people, flows = demography.project(population, mortality, fertility, migration, srb, 2023, timing)
    P = [[[population.loc[population["sex"] == s, "persons"].tolist() for s in SEXES]]]
    for year in range(2021, 2024):
        S = [[ratios(survivors(column(mortality, year, "mx", s), s)[1]) for s in SEXES]]
        schedule = [0.0] * (open_age + 1)
        schedule[15:50] = column(fertility, year, "asfr")
        M = [[[column(migration, year, "net_migrants", s) for s in SEXES]]]
        P, births, deaths, _ = one_year(P, S, [[1.0]], [schedule], column(srb, year, "srb"), M, timing)
        np.testing.assert_allclose(column(people, year, "persons"), np.array(P).reshape(-1), rtol=1e-9)
        row = flows[flows["year"] == year].iloc[0]
        np.testing.assert_allclose([row["births"], row["deaths"], row["net_migration"]], [births[0][0], deaths[0][0], np.sum(M)], rtol=1e-9)


def test_the_answer_has_the_contracts_columns_and_every_year_end():
    people, flows = demography.project(*tables(), 2030)
    assert list(people) == ["year", "sex", "age", "persons"]
    assert list(flows) == ["year", "births", "deaths", "net_migration"]
    assert sorted(people["year"].unique()) == list(range(2020, 2031))
    assert flows["year"].tolist() == list(range(2021, 2031))
    pd.testing.assert_frame_equal(people[people["year"] == 2020].reset_index(drop=True), tables()[0])
    total = people.groupby("year")["persons"].sum()
    change = flows.set_index("year")
    np.testing.assert_allclose(total.diff().dropna(), change["births"] - change["deaths"] + change["net_migration"], rtol=1e-9)


def test_the_last_year_given_stays_when_later_years_are_missing():
    population, mortality, fertility, migration, srb = tables(years=1)
    held = demography.project(population, mortality, fertility, migration, srb, 2023)
    full = [pd.concat([table.assign(year=year) for year in (2021, 2022, 2023)]) for table in (mortality, fertility, migration, srb)]
    for left, right in zip(held, demography.project(population, *full, 2023), strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_a_table_that_starts_too_late_is_refused():
    population, mortality, fertility, migration, srb = tables()
    with pytest.raises(InputError, match=r"migration, year: 'starts in 2023'"):
        demography.project(population, mortality, fertility, migration[migration["year"] == 2023], srb, 2025)


def test_a_negative_cell_is_refused_by_year_sex_and_age():
    population, mortality, fertility, migration, srb = tables()
    migration.loc[(migration["year"] == 2022) & (migration["sex"] == "female") & (migration["age"] == 40), "net_migrants"] = -1e6
    for timing in ("even", "end"):
        with pytest.raises(InputError, match="female, age 40, year 2022"):
            demography.project(population, mortality, fertility, migration, srb, 2023, timing)


def break_it(name, table):
    """One mistake per name, and words that the error must say."""
    table = table.astype(object)
    if name == "sex":
        table.loc[7, "sex"] = "femal"
        return table, ("row 9", "sex", "femal", "did you mean 'female'")
    if name == "age":
        table.loc[4, "age"] = 3.5
        return table, ("row 6", "age", "3.5")
    if name == "year":
        table.loc[0, "year"] = "twenty"
        return table, ("row 2", "year", "twenty")
    if name == "missing":
        return table.drop(index=11), ("no row for",)
    if name == "twice":
        return pd.concat([table, table.iloc[[5]]], ignore_index=True), ("repeats one",)
    if name == "negative":
        table.iloc[2, -1] = -1
        return table, ("row 4", "-1")
    if name == "nan":
        table.iloc[3, -1] = float("nan")
        return table, ("row 5", "nan")
    if name == "infinite":
        table.iloc[3, -1] = float("inf")
        return table, ("row 5", "inf")
    return table.rename(columns={table.columns[-1]: "valu"}), ("missing column",)


@pytest.mark.parametrize("name", ["sex", "age", "year", "missing", "twice", "negative", "nan", "infinite", "column"])
@pytest.mark.parametrize("which", [0, 1])
def test_each_mistake_in_a_table_is_named_with_its_row_and_column(which, name):
    given = list(tables())
    given[which], words = break_it(name, given[which])
    with pytest.raises(InputError) as caught:
        demography.project(*given, 2023)
    for word in words:
        assert word in str(caught.value)


def test_rates_per_thousand_and_boys_per_hundred_girls_are_refused():
    population, mortality, fertility, migration, srb = tables()
    with pytest.raises(InputError) as caught:
        demography.project(population, mortality.assign(mx=mortality["mx"] * 1000), fertility.assign(asfr=90.0), migration, srb.assign(srb=106), 2023)
    assert "mortality" in str(caught.value) and "not per 1000" in str(caught.value) and "not 105" in str(caught.value)


def write(folder, given):
    paths = []
    for name, table in zip(("population", "mortality", "fertility", "migration", "srb"), given, strict=True):
        path = folder / f"in_{name}.csv"
        table.to_csv(path, index=False)
        paths.append(path)
    return paths


def test_files_give_the_same_answer_as_tables_and_say_what_was_assumed(tmp_path):
    given = tables()
    paths = write(tmp_path, given)
    out = demography.project_files(*paths, 2026, tmp_path / "out", "end")
    assert sorted(path.name for path in out.iterdir()) == ["components.csv", "notes.txt", "population.csv"]
    people, flows = demography.project(*given, 2026, "end")
    pd.testing.assert_frame_equal(pd.read_csv(out / "population.csv"), people, rtol=0, atol=0)
    pd.testing.assert_frame_equal(pd.read_csv(out / "components.csv"), flows, rtol=0, atol=0)
    notes = (out / "notes.txt").read_text(encoding="utf-8")
    assert "timing of migration: end" in notes and "mortality: 2024..2026 use the rows of 2023" in notes


def test_without_srb_and_migration_the_notes_say_so(tmp_path):
    population, mortality, fertility, _, _ = write(tmp_path, tables())
    out = demography.project_files(population, mortality, fertility, None, None, 2022, tmp_path / "out")
    notes = (out / "notes.txt").read_text(encoding="utf-8")
    assert "1.05 boys per girl" in notes and "nobody moves" in notes


def test_a_bad_file_leaves_no_folder_behind(tmp_path):
    paths = write(tmp_path, tables())
    paths[1].write_text("year,sex,age,mx\n2021,male,0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"in_mortality\.csv"):
        demography.project_files(*paths, 2023, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)


def test_the_problems_of_all_files_are_told_at_once(tmp_path):
    paths = write(tmp_path, tables())
    paths[0].write_text("year,sex,age\n2020,male,0\n", encoding="utf-8")
    paths[2].write_bytes(b"\xff\xfe\x00\x01")
    paths[3].unlink()
    with pytest.raises(InputError) as caught:
        demography.read_project_tables(dict(zip(("population", "mortality", "fertility", "migration", "srb"), paths, strict=True)))
    assert {problem.file for problem in caught.value.problems} == {str(paths[0]), str(paths[2]), str(paths[3])}


def test_a_gbk_file_is_read_and_said(tmp_path):
    paths = write(tmp_path, tables())
    text = paths[4].read_text(encoding="utf-8").replace("\n", ",备注\n", 1)
    lines = text.splitlines()
    paths[4].write_bytes("\n".join([lines[0], *(line + ",省统计局" for line in lines[1:])]).encode("gb18030"))
    out = demography.project_files(*paths, 2023, tmp_path / "out")
    assert "in_srb.csv: not UTF-8, read as GB18030" in (out / "notes.txt").read_text(encoding="utf-8")


def test_an_input_file_is_never_overwritten(tmp_path):
    paths = write(tmp_path, tables())
    source = tmp_path / "population.csv"
    paths[0].rename(source)
    with pytest.raises(InputError, match="is an input file"):
        demography.project_files(source, *paths[1:], 2023, tmp_path)
    assert source.read_text(encoding="utf-8").startswith("year,sex,age,persons")


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_mangled_cell_is_a_clear_error_or_a_finite_answer(data):
    given = list(tables(open_age=90))
    which = data.draw(st.integers(0, 4))
    table = given[which].astype(object)
    row, column = data.draw(st.integers(0, len(table) - 1)), data.draw(st.integers(0, len(table.columns) - 1))
    poisons = [None, "", "x", -1, 0, 1e9, 1e15, 1e308, float("nan"), float("inf"), True, "12 000", "1,5", "2021-01-01", -0.0, 10**30]
    table.iloc[row, column] = data.draw(st.sampled_from(poisons))
    given[which] = table
    try:
        people, flows = demography.project(*given, 2023)
    except InputError as error:
        assert error.problems and str(error)
    else:
        assert np.isfinite(people["persons"]).all() and (people["persons"] >= 0).all()
        assert np.isfinite(flows.to_numpy()).all()
