"""Reports on paper: Chinese text as it was written, the run and its review state on every page, and one clear line where a machine lacks something."""

from __future__ import annotations

import re
import shutil
import unicodedata

import pytest

import fiscalsim as fs
from fiscalsim.charts import Chart
from fiscalsim.compare import compare
from fiscalsim.errors import InputError, IntegrityError
from fiscalsim.report import comparison_pdf, figures, pdf, report_pdf
from fiscalsim.report.html import css_text
from fiscalsim.report.outline import comparison_outline, run_outline
from fiscalsim.reviews import ReviewBook
from fiscalsim.store import RunStore, open_run

lacking = pdf.missing()
needs_pdf = pytest.mark.skipif(bool(lacking), reason=f"no PDF on this machine: {lacking} missing (see the extra `pdf` and the system's packages in .ci/run)")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("runs"))
    found = [fs.run(fs.load_scenario("two-counties-baseline", overrides=words)) for words in ((), ("demography.tfr=0.9",))]
    saved = [open_run(store.save(result)) for result in found]
    ReviewBook(store.path).add(saved[0], who="王敏", remark="基准数与决算一致", decision="reviewed", who_known=True)
    return saved


@pytest.fixture
def without_browser(monkeypatch):
    monkeypatch.setattr(figures, "drawn", lambda charts: ({}, "Chromium"))


def pages_of(path) -> list[str]:
    pypdf = pytest.importorskip("pypdf", reason="pypdf (extra `test`) reads the PDF back")
    return [re.sub(r"\s+", "", page.extract_text()) for page in pypdf.PdfReader(path).pages]


def tight(text: str) -> str:
    return re.sub(r"\s+", "", text)


@needs_pdf
def test_chinese_text_can_be_searched_and_copied_as_it_was_written(runs, tmp_path, without_browser):
    pages = pages_of(report_pdf(runs[0], tmp_path / "r.pdf", "zh"))
    outline = run_outline(runs[0], "zh")
    whole = "".join(pages)
    assert tight(outline.title) in pages[0]
    assert tight(outline.headline) in pages[0]
    odd = {c for c in whole if "RADICAL" in unicodedata.name(c, "") or unicodedata.category(c) == "Co"}
    assert odd == set()  # Kangxi radicals look alike and are not found by a search


@needs_pdf
def test_every_page_names_run_version_date_review_state_grades_and_its_number(runs, tmp_path, without_browser):
    pages = pages_of(report_pdf(runs[0], tmp_path / "r.pdf", "zh"))
    line = tight(run_outline(runs[0], "zh").page_lines[0])
    assert all(word in line for word in (runs[0].digest8, "fiscalsim", "已复核（王敏，", "D级"))
    assert len(pages) > 3
    for number, page in enumerate(pages, start=1):
        assert line in page
        assert f"第{number}页，共{len(pages)}页" in page


@needs_pdf
def test_a_comparison_on_paper_carries_the_line_of_every_run_on_every_page(runs, tmp_path, without_browser):
    pages = pages_of(comparison_pdf(compare(runs), runs, tmp_path / "c.pdf", "zh"))
    first, second = comparison_outline(compare(runs), runs, "zh").page_lines
    assert "已复核" in first
    assert "未复核" in second
    assert all(tight(line) in page for page in pages for line in (first, second))
    headings = [
        "主要结论",
        "一、比较的方案和口径",
        "二、参数差异",
        "三、主要结果差异",
        "四、",
        "五、分地区增减",
        "六、规划指标完成情况变化",
        "七、缺口和原因变化",
    ]
    headings += ["八、不确定性", "九、建议", "附表", "附方案的编号和复现命令"]
    whole = "".join(pages)
    places = [whole.index(heading) for heading in headings]
    assert places == sorted(places)


@needs_pdf
def test_heads_of_a_table_stand_again_on_each_of_its_pages(runs, tmp_path, without_browser):
    pages = pages_of(comparison_pdf(compare(runs), runs, tmp_path / "c.pdf", "zh"))
    held = [page for page in pages if "保障率（%）·" in page]
    table = next(block for section in comparison_outline(compare(runs), runs, "zh").sections if section.key == "appendix_cells" for block in section.blocks)
    last = tight(f"{table.table.iloc[-1, 0]}{table.table.iloc[-1, 1]}")
    assert held
    assert last in held[-1]


@needs_pdf
def test_the_same_run_gives_the_same_pdf(runs, tmp_path, without_browser):
    first, second = (report_pdf(runs[0], tmp_path / name, "en").read_bytes() for name in ("a.pdf", "b.pdf"))
    assert first == second


@needs_pdf
def test_without_a_browser_tables_stand_in_for_figures_and_a_line_says_so(runs, without_browser):
    outline = run_outline(runs[0], "zh")
    page = pdf.document(outline, "zh")
    drawn = [block for section in outline.sections for block in section.blocks if isinstance(block, Chart) and block.figure is not None]
    assert "本机不能绘图（Chromium）" in page
    assert "<img" not in page
    assert drawn
    assert all(page.count(f"{block.title}</caption>") >= 1 for block in drawn)


@needs_pdf
@pytest.mark.browser
def test_figures_are_drawn_alike_each_time_and_hold_their_words(runs):
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium on this machine: figures are not drawn")
    outline = run_outline(runs[0], "zh")
    chart = next(block for section in outline.sections for block in section.blocks if isinstance(block, Chart) and block.figure is not None)
    (first, why), (second, _) = figures.drawn({"c": chart}), figures.drawn({"c": chart})
    assert why == ""
    assert first["c"].startswith("<svg")
    assert first == second


@pytest.mark.parametrize(("what", "words"), [("library", "pip install"), ("system", "libpango"), ("font", "fonts-wqy-zenhei")])
def test_a_machine_that_lacks_something_is_told_what_to_install_and_nothing_is_written(runs, tmp_path, monkeypatch, what, words):
    monkeypatch.setattr(pdf, "missing", lambda: what)
    with pytest.raises(InputError, match=words):
        report_pdf(runs[0], tmp_path / "r.pdf", "en")
    assert not (tmp_path / "r.pdf").exists()


@needs_pdf
def test_a_damaged_run_is_never_put_on_paper(runs, tmp_path):
    folder = shutil.copytree(runs[0].path, tmp_path / runs[0].name)
    (folder / "capacity.parquet").write_bytes(b"PAR1")
    with pytest.raises(IntegrityError, match="capacity"):
        report_pdf(open_run(folder), tmp_path / "r.pdf", "zh")


@pytest.mark.parametrize("words", ['x"; } body { display:none', "</style><script>alert(1)</script>", "a\\b\nc"])
def test_words_at_the_head_of_a_page_never_become_style_or_markup(words):
    assert not set(css_text(words)) & set('"<>{}\n')
    assert re.sub(r"\\([0-9a-f]+) ", lambda found: chr(int(found[1], 16)), css_text(words)) == words
