"""Reports: nothing fetched, nothing executed from data, every figure from the tables, totals that add up."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import openpyxl
import pandas as pd
import pytest

import fiscalsim as fs
from fiscalsim import charts
from fiscalsim.compare import compare
from fiscalsim.errors import IntegrityError
from fiscalsim.report import boards as boards_module
from fiscalsim.report import compare_boards, comparison_html, comparison_xlsx, file_name, headline, plan_boards, report_html, report_xlsx
from fiscalsim.report.boards import Board
from fiscalsim.report.html import board_html
from fiscalsim.store import RunStore, open_run
from fiscalsim.text import LANGS, money, money_unit

NASTY = '=HYPERLINK("http://x.example","y")<script>alert(1)</script>'


class Page(HTMLParser):
    """Tags with their attributes, and the text outside scripts and styles."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.words.append(data)


@pytest.fixture(scope="module")
def results():
    return [fs.run(fs.load_scenario("two-counties-baseline", overrides=words)) for words in ((), ("demography.tfr=0.9", "costs.wage_growth=0.06"))]


@pytest.fixture(scope="module")
def runs(results, tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("runs"))
    return [open_run(store.save(result)) for result in results]


@pytest.fixture(scope="module")
def nasty_run(results, tmp_path_factory):
    """A run whose words try to become code in a page or a formula in a sheet."""
    result = results[0]
    tables = dict(result.tables)
    tables["regions"] = tables["regions"].assign(name_zh=NASTY, name_en=NASTY, short_zh=NASTY, short_en=NASTY)
    tables["sources"] = tables["sources"].assign(note="=1+1", quote="@SUM(A1)", value="+1")
    scenario = replace(result.scenario, name_zh=NASTY, name_en=NASTY)
    return open_run(RunStore(tmp_path_factory.mktemp("nasty")).save(replace(result, tables=tables, scenario=scenario)))


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
def test_a_report_asks_nothing_of_the_network(runs, lang):
    for text in (report_html(runs[0], lang), comparison_html(compare(runs), runs, lang)):
        page = Page(text)
        assert [attrs for _, attrs in page.tags if attrs.keys() & {"src", "href", "srcset", "action", "poster"}] == []
        policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy")
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy


def test_plotly_is_in_the_page_exactly_once(runs):
    text = report_html(runs[0], "zh")
    assert len(re.findall(r"plotly\.js v\d", text)) == 1


def test_charts_have_no_logo_and_no_button_that_sends_them_away(runs):
    text = report_html(runs[0], "en")
    drawn = text.count("Plotly.newPlot(")
    assert drawn >= 4
    assert text.count('"displaylogo": false') == text.count('"showSendToCloud": false') == drawn


@pytest.mark.parametrize("lang", LANGS)
def test_a_report_says_who_made_it_of_what_and_that_nobody_reviewed_it(runs, lang):
    words = " ".join(Page(report_html(runs[0], lang)).words)
    manifest = runs[0].manifest
    assert all(word in words for word in (manifest["digest"], manifest["pack_digest"], runs[0].name, manifest["versions"]["fiscalsim"]))
    assert {"zh": "未复核", "en": "not reviewed"}[lang] in words
    counts = boards_module.grade_counts(runs[0].tables())
    assert f"D{'级' if lang == 'zh' else ' '}{counts['D']}" in words


def test_a_chinese_report_has_no_english_word_but_names_of_programs_and_files(runs):
    words = " ".join(Page(report_html(runs[0], "zh")).words)
    manifest = runs[0].manifest
    for name in (
        runs[0].name,
        manifest["digest"],
        manifest["pack_digest"],
        *manifest["versions"],
        *manifest["versions"].values(),
        *set(runs[0].table("sources")["file"]),
    ):
        words = words.replace(name, " ")
    assert set(re.findall(r"[A-Za-z]{3,}", words)) == set()


def test_every_check_of_a_run_has_a_name_in_both_languages(runs):
    for name in runs[0].table("checks")["name"]:
        assert boards_module.check_name(name, "zh") != name
        assert boards_module.check_name(name, "en") == name


def test_the_same_run_gives_the_same_page(runs):
    assert report_html(runs[0], "zh") == report_html(runs[0], "zh")


def test_words_of_a_run_never_become_markup(nasty_run):
    page = Page(report_html(nasty_run, "en"))
    assert not any("alert(1)" in str(attrs) for tag, attrs in page.tags if tag == "script")
    assert sum(tag == "script" for tag, _ in page.tags) == sum(tag == "script" for tag, _ in Page(report_html(nasty_run, "zh")).tags)
    assert "<script>alert(1)</script>" in "".join(page.words)


def test_a_damaged_run_is_never_shown(runs, tmp_path):
    folder = shutil.copytree(runs[0].path, tmp_path / runs[0].name)
    (folder / "capacity.parquet").write_bytes(b"PAR1")
    with pytest.raises(IntegrityError, match="capacity"):
        report_html(open_run(folder), "zh")
    with pytest.raises(IntegrityError, match="capacity"):
        report_xlsx(open_run(folder), tmp_path / "x.xlsx", "zh")
    assert not (tmp_path / "x.xlsx").exists()


def test_a_missing_number_is_a_dash_and_zero_is_zero():
    text = board_html(Board("t", pd.DataFrame({"a": [1234.5, 0.0, float("nan")]}), digits={"a": 1}))
    assert re.findall(r"<td class='n'>([^<]*)</td>", text) == ["1,234.5", "0.0", "—"]


# --- what it says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
def test_the_headline_counts_the_targets_of_the_table(runs, lang):
    tables = runs[0].tables()
    counts = charts.indicator_counts(tables)
    words = headline(tables, runs[0].manifest["pack"], lang)
    assert str(counts["m"]) in words
    assert str(runs[0].manifest["pack"]["plan_target_year"]) in words


def test_transfers_add_up_to_their_total_row(runs):
    tables, pack = runs[0].tables(), runs[0].manifest["pack"]
    year = boards_module.report_year(tables, pack)
    table = boards_module.transfers_board(tables, pack, year, "en").table
    assert table.iloc[0, 3] == pytest.approx(table.iloc[1:, 3].sum(), rel=1e-12)
    whole = tables["transfers"].query("year == @year")["yuan"].sum()
    unit = money_unit(whole, "en")
    assert table.iloc[0, 3] * unit.divisor == pytest.approx(whole, rel=1e-12)


def test_drivers_of_a_comparison_add_up_to_the_spending_of_the_runs(runs):
    comparison = compare(runs)
    table = boards_module.drivers_board(comparison, runs[0], runs[1], "en").table
    assert table.iloc[0, 1] == pytest.approx(table.iloc[1:, 1].sum(), rel=1e-9)
    regions = boards_module.regions_board(comparison, runs[0], runs[1], {run.name: run.tables() for run in runs}, "en").table
    assert regions.iloc[0, -1] == pytest.approx(regions.iloc[1:, -1].sum(), rel=1e-9)


@pytest.mark.parametrize("lang", LANGS)
def test_the_sentence_on_a_split_names_the_change_and_says_that_its_parts_add_up(runs, lang):
    comparison = compare(runs)
    words = compare_boards.drivers_sentence(comparison, runs[0], runs[1], lang)
    change = sum(total_cost(run) * sign for run, sign in zip(runs, (-1, 1), strict=True))
    assert money(abs(change), lang) in words
    assert {"zh": "等于总差异", "en": "add up to the whole"}[lang] in words
    short = replace(comparison, drivers=comparison.drivers.assign(yuan=comparison.drivers["yuan"] * 1.001))
    assert {"zh": "不符", "en": "do not add up"}[lang] in compare_boards.drivers_sentence(short, runs[0], runs[1], lang)


def total_cost(run) -> float:
    return float(run.table("allocation")[["recurrent_yuan", "capital_yuan"]].to_numpy().sum())


def test_the_command_of_a_run_gives_the_same_scenario(runs):
    import shlex

    for run in runs:
        words = shlex.split(compare_boards.command_of(run))
        changes = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
        assert fs.load_scenario(words[2], overrides=changes).digest == run.manifest["digest"]


@pytest.mark.parametrize("lang", LANGS)
def test_a_comparison_says_reasons_uncertainty_advice_and_who_must_still_review(runs, lang):
    words = " ".join(Page(comparison_html(compare(runs), runs, lang)).words)
    wanted = {
        "zh": ("缺口和原因变化", "不确定性", "建议", "附表", "签署", "未复核，不作为决策依据"),
        "en": ("Uncertainty", "Suggestions", "Signatures", "not reviewed; it is no"),
    }
    assert all(word in words for word in wanted[lang])


def test_the_middle_of_a_plan_is_told_by_the_path_to_each_target(runs):
    tables, pack = runs[0].tables(), runs[0].manifest["pack"]
    year = plan_boards.middle_year(pack)
    found = plan_boards.progress(tables, year).set_index("indicator")
    assert year == 2023
    beds, nursery = found.loc["nursing_beds"] if "nursing_beds" in found.index else found.iloc[2], found.loc["nursery_places"]
    assert nursery["pace"] == "early"
    assert (beds["pace"] == "behind") == (beds["value"] < beds["due"])


def test_income_equals_spending_in_each_of_the_three_rolling_years(runs):
    (board,) = plan_boards.medium_term_blocks(runs[0].tables(), "zh")
    rows = board.table.set_index(board.table.columns[0])
    assert (rows.loc["收入总计"] - rows.loc["支出总计"]).abs().max() < 1e-9 * rows.loc["收入总计"].max()
    assert len(board.table.columns) == 4


def test_places_opened_lie_between_nothing_and_the_plan(runs):
    table = boards_module.opened(runs[0].tables())
    assert len(table) > 0
    assert (table["low"] <= table["median"]).all()
    assert (table["median"] <= table["high"]).all()
    region = runs[0].table("regions")["region"].iloc[0]
    alone = boards_module.opened(runs[0].tables(), region)
    assert (alone["planned"].sum() > 0) and (alone["planned"].sum() < table["planned"].sum())


def test_waits_are_the_mean_weighted_by_who_got_a_place(results):
    tables = dict(results[0].tables)
    region, other = tables["regions"]["region"].iloc[:2]
    rows = [(0, region, "placed", 30.0), (0, region, "wait_median_months", 2.0), (0, region, "wait_p90_months", 4.0)]
    rows += [(0, other, "placed", 10.0), (0, other, "wait_median_months", 6.0), (0, other, "wait_p90_months", 8.0), (1, other, "placed", 0.0)]
    service = str(tables["services"]["service"].iloc[0])
    frame = pd.DataFrame(rows, columns=["replication", "region", "measure", "value"]).assign(year=2025, month=12, service=service)
    tables["execution"] = frame
    (row,) = boards_module.waits(tables, 2025, "en").to_dict("records")
    assert (row["median"], row["p90"]) == ((30 * 2 + 10 * 6) / 40, (30 * 4 + 10 * 8) / 40)


def test_a_run_without_replay_still_has_a_report(results, tmp_path):
    empty = results[0].tables["execution"].iloc[:0]
    tables = {name: table for name, table in results[0].tables.items() if not name.startswith("replay_")} | {"execution": empty}
    saved = open_run(RunStore(tmp_path).save(replace(results[0], tables=tables)))
    for lang in LANGS:
        assert "Plotly.newPlot" in report_html(saved, lang)


def test_a_shortfall_of_a_hair_is_not_called_one(results):
    tables = dict(results[0].tables)
    year = boards_module.report_year(tables, vars(results[0].info))
    cell = tables["demand"].query("year == @year and clients > 1000").iloc[0]
    row = {"year": year, "region": cell["region"], "residence": cell["residence"], "goal": "floor", "what": cell["service"], "yuan": 1.0, "limited_by": ""}
    for units, shown in ((1e-4 * cell["clients"], 0), (0.2 * cell["clients"], 1)):
        tables["shortfalls"] = pd.DataFrame([{**row, "units": units}])
        assert len(boards_module.shortfalls(tables, year)) == shown


# --- spreadsheets ---------------------------------------------------------------------------------------------------


def cells_of(path):
    book = openpyxl.load_workbook(path)
    return [(sheet, cell) for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]


def test_nothing_in_a_spreadsheet_is_a_formula_or_a_link(nasty_run, tmp_path):
    path = report_xlsx(nasty_run, tmp_path / "x.xlsx", "en")
    cells = cells_of(path)
    assert [cell.coordinate for _, cell in cells if cell.data_type == "f" or cell.hyperlink] == []
    values = {cell.value for _, cell in cells}
    assert {"=1+1", "@SUM(A1)", NASTY} <= values
    with zipfile.ZipFile(path) as archive:
        assert not any(re.search(rb"<f[ >]", archive.read(name)) for name in archive.namelist() if name.startswith("xl/worksheets/"))


@pytest.mark.parametrize("lang", LANGS)
def test_the_same_run_gives_the_same_spreadsheet(runs, tmp_path, lang):
    first, second = (report_xlsx(runs[0], tmp_path / name / "x.xlsx", lang).read_bytes() for name in ("a", "b"))
    assert first == second


def test_numbers_in_a_spreadsheet_are_numbers_and_heads_are_frozen(runs, tmp_path):
    book = openpyxl.load_workbook(report_xlsx(runs[0], tmp_path / "x.xlsx", "en"))
    sheet = book["Transfers"]
    assert sheet.freeze_panes == "B4"
    assert isinstance(sheet["D4"].value, float)
    data = book["data demand"]
    assert data.freeze_panes == "A2"
    table = runs[0].table("demand")
    assert data.max_row == len(table) + 1
    column = [cell.value for cell in data[1]].index("cost_yuan") + 1
    assert sum(data.cell(row, column).value for row in range(2, data.max_row + 1)) == pytest.approx(table["cost_yuan"].sum(), rel=1e-12)


def test_notes_stand_first_with_digest_units_and_review(runs, tmp_path):
    book = openpyxl.load_workbook(report_xlsx(runs[0], tmp_path / "x.xlsx", "zh"))
    assert book.sheetnames[0] == "封面说明"
    words = " ".join(str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row if cell.value)
    assert all(word in words for word in (runs[0].manifest["digest"], "未复核", "金额单位为元"))


def test_a_table_too_long_for_a_sheet_is_named_with_its_file(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("fiscalsim.report.spreadsheet.LARGEST_SHEET", 100)
    book = openpyxl.load_workbook(report_xlsx(runs[0], tmp_path / "x.xlsx", "en"))
    assert "data population" not in book.sheetnames
    assert any("population.parquet" in str(cell.value) for cell in book.worksheets[0]["B"])


def test_a_comparison_as_a_spreadsheet_holds_inputs_outputs_and_drivers(runs, tmp_path):
    comparison = compare(runs)
    book = openpyxl.load_workbook(comparison_xlsx(comparison, runs, tmp_path / "x.xlsx", "en"))
    assert {"Notes", "Inputs", "Outputs", "Drivers", "Statuses", "Areas and services", "Runs and commands"} == set(book.sheetnames)
    assert book["Drivers"].max_row >= len(comparison.drivers)


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_file_name_tells_place_scenario_content_and_digest(runs):
    assert file_name(runs[:1], "overview", "html", "zh") == f"两县示例（虚构）_两县基准_总览_{runs[0].digest8}.html"


def test_a_file_name_holds_nothing_that_leads_elsewhere(nasty_run):
    name = file_name([nasty_run], "overview", "html", "en")
    assert not set(name) & set('/\\<>:"|?*=\0')
    assert len(name.encode()) <= 255


@pytest.mark.browser
def test_a_report_draws_in_a_browser_without_a_request_or_an_error(runs, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    file = tmp_path / "r.html"
    file.write_text(report_html(runs[0], "zh"), encoding="utf-8")
    requests, errors = [], []
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        drawn = page.locator(".js-plotly-plot").count()
        titles = page.locator(".modebar-btn").evaluate_all("buttons => buttons.map(b => b.dataset.title || '')")
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []
    assert drawn >= 4
    assert not any("hare" in title for title in titles)
    assert width <= 0


def test_reading_back_a_spreadsheet_needs_no_engine_of_formulas(runs, tmp_path):
    content = report_xlsx(runs[0], tmp_path / "x.xlsx", "en").read_bytes()
    frame = pd.read_excel(io.BytesIO(content), sheet_name="data indicators", engine="openpyxl")
    assert len(frame) == len(runs[0].table("indicators"))


@pytest.mark.parametrize("lang", LANGS)
def test_a_plan_in_whole_projects_names_the_first_pass_that_any_amounts_would_better(lang):
    passes = [
        {"name": "1b", "any_amount": 0.0, "by_whole_projects": 0.0, "search_gap": 0.0},
        {"name": "2", "any_amount": 1.4758, "by_whole_projects": 0.793, "search_gap": 0.0125},
        {"name": "4", "any_amount": -12.68, "by_whole_projects": 0.34, "search_gap": None},
    ]
    said = boards_module.whole_projects_words(passes, lang)
    assert {"0.793", "1.4758", "0.013"} <= set(re.findall(r"\d+\.\d+", said)) and "0.34" not in said
    none = [one | {"by_whole_projects": 0.0} for one in passes]
    assert not re.search(r"\d", boards_module.whole_projects_words(none, lang)) and boards_module.whole_projects_words(none, lang)
    assert boards_module.whole_projects_words([{"name": "1b", "objective": 0.0}], lang) == ""
