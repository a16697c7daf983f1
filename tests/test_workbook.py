"""A pack through a spreadsheet and back: nothing changes by itself, an edit arrives, a mistake names its cell and changes nothing."""

from __future__ import annotations

import datetime
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from fiscalsim.assumptions import check_pack, load_pack, packs
from fiscalsim.assumptions.tables import local_number
from fiscalsim.assumptions.workbook import export_pack, import_pack, new_pack
from fiscalsim.errors import InputError
from fiscalsim.scenario import home

ROOT = home()


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A home of its own with national and the small pack."""
    for name in ("national", "two-counties"):
        shutil.copytree(ROOT / "assumptions" / name, tmp_path / "assumptions" / name)
    return tmp_path


def edited(here: Path, change: Callable[[Any], None], pack: str = "two-counties") -> Path:
    path = here / "book.xlsx"
    export_pack(pack, here, path)
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return path


def cell(book: Any, sheet: str, row: int, column: str) -> Any:
    heads = [one.value for one in book[sheet][1]]
    return book[sheet].cell(row, heads.index(column) + 1)


@pytest.mark.parametrize("pack", packs(ROOT))
def test_what_nobody_touched_comes_back_byte_by_byte(pack: str, tmp_path: Path) -> None:
    for name in ("national", pack):
        shutil.copytree(ROOT / "assumptions" / name, tmp_path / "assumptions" / name)
    before = bytes_of(tmp_path / "assumptions")
    export_pack(pack, tmp_path, tmp_path / "book.xlsx")
    assert import_pack(tmp_path / "book.xlsx", tmp_path) == (pack, [])
    assert bytes_of(tmp_path / "assumptions") == before


def test_an_edit_changes_its_file_and_no_other(here: Path) -> None:
    before = bytes_of(here / "assumptions")

    def change(book: Any) -> None:
        cell(book, "capacity", 2, "value").value = 4321

    path = edited(here, change)
    assert import_pack(path, here) == ("two-counties", ["capacity.csv"])
    after = bytes_of(here / "assumptions")
    assert {name for name in after if after[name] != before.get(name)} == {"two-counties/capacity.csv"}
    old, new = (text["two-counties/capacity.csv"].decode().splitlines() for text in (before, after))
    assert [i for i in range(len(old)) if old[i] != new[i]] == [1] and ",4321," in new[1]


def test_a_parameter_by_year_and_a_new_row(here: Path) -> None:
    def change(book: Any) -> None:
        sheet = book["parameters.yaml"]
        rows = [row[0].value for row in sheet.iter_rows(min_row=2)]
        cell(book, "parameters.yaml", rows.index("demography.tfr") + 2, "value").value = 1.35
        sheet.append(["demography.tfr", 2030, 1.5])
        cell(book, "parameters.yaml", rows.index("demography.tfr") + 2, "year").value = 2020

    _, changed = import_pack(edited(here, change), here)
    assert changed == ["parameters.yaml"]
    assert load_pack("two-counties", here).parameters["demography.tfr"].value == {2020: 1.35, 2030: 1.5}


def test_another_id_makes_a_new_pack(here: Path) -> None:
    def change(book: Any) -> None:
        book["pack.yaml"]["B2"].value = "my-place"

    name, changed = import_pack(edited(here, change), here)
    assert name == "my-place" and "population.csv" in changed
    assert check_pack("my-place", here) == [] and "two-counties" in packs(here)


def test_a_new_pack_is_all_assumption_until_replaced(here: Path) -> None:
    new_pack("my-place", "two-counties", here)
    assert check_pack("my-place", here) == []
    pack = load_pack("my-place", here)
    own = [row for file, rows in pack.tables.items() if file != "pack.yaml" for row in rows if row["file"].startswith("my-place/") and "grade" in row]
    assert own and {row["grade"] for row in own} == {"D"}
    with pytest.raises(InputError, match="a name that no pack has yet"):
        new_pack("my-place", "two-counties", here)
    with pytest.raises(InputError, match="did you mean 'two-counties'"):
        new_pack("other", "two-countries", here)


def a_share_of_90(book: Any) -> None:
    cell(book, "coverage", 3, "value").value = 90


def an_unknown_region(book: Any) -> None:
    cell(book, "capacity", 2, "region").value = "A9"


def text_in_a_number(book: Any) -> None:
    cell(book, "population", 5, "persons").value = "约3000"


def a_date_for_a_year(book: Any) -> None:
    cell(book, "fiscal", 2, "year").value = datetime.date(2020, 12, 31)


def a_missing_column(book: Any) -> None:
    book["vital"].delete_cols(3)


def a_sheet_of_another_name(book: Any) -> None:
    book["capacity"].title = "capacities"


def a_formula_never_computed(book: Any) -> None:
    cell(book, "capacity", 2, "value").value = "=1+1"


def an_error_value(book: Any) -> None:
    cell(book, "capacity", 2, "value").value = "#REF!"


def a_value_outside_its_lever(book: Any) -> None:
    rows = [row[0].value for row in book["parameters.yaml"].iter_rows(min_row=2)]
    cell(book, "parameters.yaml", rows.index("demography.tfr") + 2, "value").value = 40


def no_pack_sheet(book: Any) -> None:
    del book["pack.yaml"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (a_share_of_90, ["book.xlsx[coverage], row 3, value: '90'"]),
        (an_unknown_region, ["book.xlsx[capacity], row 2, region: 'A9'"]),
        (text_in_a_number, ["book.xlsx[population], row 5, persons: '约3000'"]),
        (a_date_for_a_year, ["book.xlsx[fiscal], row 2, year: '2020-12-31'"]),
        (a_missing_column, ["book.xlsx[vital], row 1, value"]),
        (a_sheet_of_another_name, ["'capacities' - a table of the pack format (did you mean 'capacity'?)"]),
        (a_formula_never_computed, ["book.xlsx[capacity], row 2, value: '=1+1'", "never computed"]),
        (an_error_value, ["book.xlsx[capacity], row 2, value: '#REF!'"]),
        (a_value_outside_its_lever, ["book.xlsx[parameters.yaml], row", "demography.tfr", "40"]),
        (no_pack_sheet, ["a sheet pack.yaml"]),
    ],
)
def test_a_mistake_names_its_cell_and_changes_nothing(here: Path, change: Callable[[Any], None], words: list[str]) -> None:
    before = bytes_of(here / "assumptions")
    with pytest.raises(InputError) as caught:
        import_pack(edited(here, change), here)
    for word in words:
        assert word in str(caught.value)
    assert bytes_of(here / "assumptions") == before


def test_rows_keep_their_numbers_when_some_are_empty(here: Path) -> None:
    def change(book: Any) -> None:
        book["capacity"].insert_rows(3, 2)
        cell(book, "capacity", 5, "region").value = "A9"

    with pytest.raises(InputError, match=r"book.xlsx\[capacity\], row 5, region: 'A9'"):
        import_pack(edited(here, change), here)


def test_what_is_no_workbook_is_refused(here: Path) -> None:
    (here / "a.xlsx").write_bytes(b"region,value\n")
    with pytest.raises(InputError, match="a workbook in .xlsx form"):
        import_pack(here / "a.xlsx", here)
    with zipfile.ZipFile(here / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 210_000_000)
    with pytest.raises(InputError, match="bytes unpacked"):
        import_pack(here / "bomb.xlsx", here)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234.5", 1234.5), ("１２３４", 1234.0), ("１，２３４．５", 1234.5), ("1.2万", 12_000.0), ("3.5 亿", 3.5e8), ("-2", -2.0), ("1e5", 1e5)],
)
def test_numbers_as_a_bureau_writes_them(text: str, value: float) -> None:
    assert local_number(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["95%", "９５％", "1.2.3", "约3000", "12,34", "nan", "", "万"])
def test_what_is_no_number(text: str) -> None:
    assert local_number(text) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_tables_in_the_encodings_of_office_machines(here: Path, encoding: str) -> None:
    path = here / "assumptions" / "two-counties" / "regions.csv"
    whole = load_pack("two-counties", here)
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    again = load_pack("two-counties", here)
    assert again.info.region_names.equals(whole.info.region_names)
    assert any("GBK" in note for note in again.notes) == (encoding == "gbk")


def test_ten_thousands_in_figure_and_unit_are_refused(here: Path) -> None:
    path = here / "assumptions" / "two-counties" / "fiscal.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = lines[1].split(",")
    value = lines[0].split(",").index("value")
    cells[value] += "万"
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="not both"):
        load_pack("two-counties", here)
