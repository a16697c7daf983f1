"""What the desk's pages promise, line by line of the acceptance list: figures and their tables, totals, words for nothing, keys of every table."""

import re

import pytest

pytest.importorskip("streamlit")

from fiscalsim import charts
from fiscalsim.dashboard import headlines, tallies
from fiscalsim.pipeline import run
from fiscalsim.scenario import load_scenario
from fiscalsim.text import LANGS, t
from tests.test_dashboard import engine, fine, headline_of, link, opened, said  # noqa: F401  (engine is a fixture)

PACKS = ("two-counties-baseline", "panjin-baseline")
NUMBER = re.compile(r"[+\-−]?\d[\d,]*(?:\.\d+)?")
SCALES = {"亿元": 1e8, "万元": 1e4, "万人": 1e4, "bn yuan": 1e9, "m yuan": 1e6, "thousand": 1e3}


@pytest.fixture(scope="module", params=PACKS)
def result(request):
    return run(load_scenario(request.param), replay=False)


def boards_of(result, year, lang):
    """Every table that a headline leads to, by its key."""
    tables, info = result.tables, result.info
    return {
        "counts": tallies.counts_board(tables, info.plan_target_year, lang),
        "areas": tallies.areas_board(tables, info, year, lang),
        "means": tallies.means_board(tables, year, lang),
        "transfers": tallies.transfers_board(tables, info, year, lang),
        "balance": tallies.balance_board(tables, info, lang, None),
        "needs": tallies.needs_board(tables, year, lang, None),
        "medium": tallies.medium_term_board(tables, year, lang, None),
        "grades": tallies.grades_board(tables, lang),
    }


def sentences_of(result, year, lang):
    tables, info = result.tables, result.info
    return [
        headlines.overview(tables, info, year, lang),
        headlines.allocation(tables, info, year, lang),
        headlines.indicators(tables, info, lang),
        headlines.people_(tables, info, year, None, lang),
        headlines.fiscal(tables, info, year, None, lang),
        headlines.sources(tables, lang),
    ]


def scale_in(words):
    """What a figure is multiplied by, as its unit says."""
    return next((scale for unit, scale in SCALES.items() if unit in words), 1.0)


def numbers_in(text):
    """Each number in `text` with half a unit of its last digit."""
    found = []
    for word in NUMBER.findall(text):
        digits = len(word.partition(".")[2])
        found.append((float(word.replace(",", "").replace("−", "-")), 0.5 * 10.0**-digits))
    return found


def in_its_table(text, cell, board):
    """The figure of the headline and the one of its cell, both in plain units, and by how much rounding may part them."""
    rows = board.table[board.table.iloc[:, 0] == cell.row]
    assert len(rows) == 1, f"{cell} is not a row of {board.title}"
    there, its_half = numbers_in(str(rows.iloc[0][cell.column]))[cell.part]
    said_, half = numbers_in(text)[0]
    mine, its = scale_in(text), scale_in(board.unit) if scale_in(text) != 1.0 else 1.0
    return said_ * mine, there * its, 1.000001 * (half * mine + its_half * its)


@pytest.mark.parametrize("lang", LANGS)
def test_every_number_of_a_headline_is_the_number_of_the_cell_it_leads_to(result, lang):
    years = charts.years_of(result.tables)
    seen = 0
    for year in (years[0], result.info.plan_target_year, years[-1]):
        boards = boards_of(result, year, lang)
        for sentence in sentences_of(result, year, lang):
            for text, cell in sentence.cells:
                told, there, rounding = in_its_table(text, cell, boards[cell.table])
                assert abs(abs(told) - abs(there)) <= rounding, (sentence, text, cell)
                seen += 1
    assert seen > 60


@pytest.mark.parametrize("lang", LANGS)
def test_a_headline_has_no_number_without_a_table_but_years_and_hundreds(result, lang):
    year = result.info.plan_target_year
    for sentence in sentences_of(result, year, lang):
        plain = "".join(text for text, cell in sentence.pieces if cell is None)
        for name in (*charts.service_names(result.tables, lang).values(), *headlines.indicator_names(result.tables, lang).values()):
            plain = plain.replace(name, "")
        loose = {word for word in (found.rstrip(",") for found in NUMBER.findall(plain)) if not re.fullmatch(r"-?(19|20)\d\d", word)}
        assert loose <= {"65", "100", "1"}, sentence  # the age limit, and of each 100 yuan


def test_a_headline_is_its_pieces(result):
    for lang in LANGS:
        for sentence in sentences_of(result, result.info.plan_target_year, lang):
            assert "".join(text for text, _ in sentence.pieces) == sentence


@pytest.mark.parametrize("lang", LANGS)
def test_the_total_row_of_a_table_is_the_sum_of_the_rows_below_it(result, lang):
    year = result.info.plan_target_year
    boards = boards_of(result, year, lang) | {"detail": tallies.detail_board(result.tables, result.info, year, lang, None)}
    for key in ("areas", "transfers", "detail", "counts"):
        table = boards[key].table
        for column in table.columns[1:]:
            cells = [numbers_in(str(cell)) for cell in table[column]]
            if any(len(cell) != 1 or "%" in str(text) for cell, text in zip(cells, table[column], strict=True)) or column.startswith(t("col.per_head", lang)):
                continue  # words, shares and averages do not add up
            total, parts = cells[0][0], [cell[0] for cell in cells[1:]]
            assert abs(total[0] - sum(value for value, _ in parts)) <= total[1] + sum(half for _, half in parts), (key, column)


def test_transfers_say_that_nothing_is_left_over(result):
    year = result.info.plan_target_year
    assert "差额0" in tallies.transfers_board(result.tables, result.info, year, "zh").note


# --- pages ----------------------------------------------------------------------------------------------------------


def html_of(app):
    return " ".join(block.proto.body for block in app.get("html") if "<style" not in block.proto.body)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("page", ["overview", "allocation", "indicators", "people", "fiscal", "sources"])
def test_every_link_of_a_headline_opens_a_table_of_its_page(engine, page, lang):  # noqa: F811
    app = opened(page, lang)
    fine(app)
    body = html_of(app)
    anchors = set(re.findall(r'href="#([^"]+)"', body))
    assert anchors
    assert all(f'id="{anchor}"' in body for anchor in anchors)


@pytest.mark.parametrize("page", ["overview", "allocation", "indicators", "people", "fiscal", "delivery"])
def test_every_table_and_figure_brings_its_data_and_source(engine, page):  # noqa: F811
    app = opened(page)
    if page == "delivery":
        app.button(key="w:replay").click().run()
    fine(app)
    drawn = len(re.findall(r'<table class="fs">', html_of(app))) + len(app.get("plotly_chart"))
    assert drawn > 0
    words = " ".join(said(app))
    assert words.count("来源：") >= drawn


def test_one_more_yuan_is_said_on_the_overview_without_a_click(engine):  # noqa: F811
    app = opened()
    metric = app.metric[3]
    assert metric.label == t("metric.marginal", "zh")
    assert metric.value != "—" and re.search(r"\d", metric.value)
    assert metric.delta


@pytest.mark.parametrize("lang", LANGS)
def test_where_money_does_not_hold_the_overview_names_place_service_persons_and_limit(result, lang):
    from fiscalsim.dashboard.pages.overview import yuan_words

    year = result.info.plan_target_year
    value, sub, about = yuan_words(result.tables, year, lang)
    cell = headlines.neediest(result.tables, year, of_money=False)
    assert value == "0" and cell is not None
    region, service, _ = cell
    for words in (sub, about):
        assert charts.region_names(result.tables, lang)[region] in words
        assert charts.service_names(result.tables, lang, "short")[service] in words
    limits = headlines.cell_limits(result.tables, region, service, "both", year)
    assert charts.limit_tag(limits[0], lang) in about


def test_missed_targets_are_listed_by_name(result):
    board = tallies.counts_board(result.tables, result.info.plan_target_year, "zh")
    counts = charts.indicator_counts(result.tables)
    assert board.table.iloc[0, 4] == str(counts["k"])
    names = headlines.indicator_names(result.tables, "zh")
    missed = [names[row.code] for row in charts.indicator_rows(result.tables) if row.status == "missed"]
    words = " ".join(board.table.iloc[:, -1])
    assert all(name in words for name in missed[:2])


def test_rules_are_drawn_only_where_there_is_something_to_compare(result):
    from fiscalsim.before_after import before_and_after

    rules = before_and_after({"optimal": result.tables}, result.info.plan_target_year).rules
    alone = charts.rules_dumbbell(rules, "optimal", "zh")
    assert alone.figure is None and alone.title == "只有一种办法的结果"
    two = charts.rules_dumbbell(rules.loc[[0, 0]].assign(rule=["optimal", "status-quo"], lowest_coverage=[0.8, 0.7]), "optimal", "zh")
    assert "提高10.0个百分点" in two.title
    less = charts.rules_dumbbell(rules.loc[[0, 0]].assign(rule=["formula", "status-quo"], lowest_coverage=[0.6, 0.7]), "formula", "zh")
    assert "降低10.0个百分点" in less.title


@pytest.mark.parametrize("lang", LANGS)
def test_other_ways_to_share_are_found_on_request(engine, lang):  # noqa: F811
    for key in [key for key in engine.answers if "~" in key]:
        del engine.answers[key]  # those of the other language
    app = opened("allocation", lang)
    app.button(key="w:near").click().run()
    fine(app)
    words = " ".join(said(app))
    assert t("alternatives.as_today", lang) in words and t("alternatives.most_equal", lang) in words


def test_a_moved_lever_greys_the_replay_and_names_the_digest_it_belongs_to(engine):  # noqa: F811
    app = opened("delivery")
    app.button(key="w:replay").click().run()
    fine(app)
    digest = app.session_state["replayed"].digest8
    assert not app.warning
    app.slider(key="l:fiscal.transfer_pool").set_value(1.1).run()
    fine(app)
    assert digest in app.warning[0].value and "推演" in app.warning[0].value


def test_the_replay_form_moves_its_levers(engine):  # noqa: F811
    app = opened("delivery")
    app.number_input(key="d:execution.release_delay").set_value(30.0)
    app.button(key="w:replay").click().run()
    fine(app)
    assert app.session_state["state"].set["execution.release_delay"] == 30
    assert "计划" in headline_of(app) or "没有需要建设" in headline_of(app)


@pytest.mark.parametrize("lang", LANGS)
def test_the_replay_headline_says_the_numbers_of_its_table(engine, lang):  # noqa: F811
    from fiscalsim.dashboard.pages import delivery

    app = opened("delivery", lang, {"s": link(lang)})
    app.button(key="w:replay").click().run()
    fine(app)
    body = html_of(app)
    linked = re.findall(r'<a href="#t-late">([^<]+)</a>', body)
    table = re.sub("<[^>]+>", " ", body[body.index('id="t-late"') :])
    assert linked
    for figure in linked:
        number = NUMBER.findall(figure)[0]
        assert number in table, figure
    assert delivery.FORM


def test_the_price_of_each_basis_rises_from_registered_people_to_all_residents(engine):  # noqa: F811
    app = opened("people")
    app.button(key="w:bases").click().run()
    fine(app)
    body = html_of(app)
    table = body[body.index('id="t-bases"') :].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr")[2:]]
    needs = [float(row[1].replace(",", "")) for row in rows]
    assert [row[0][:2] for row in rows] == ["户籍", "现行", "常住"]
    assert needs == sorted(needs) and needs[0] < needs[2]
    assert rows[1][2] in ("0", "0.0")


@pytest.mark.parametrize("lang", LANGS)
def test_the_sources_page_lists_saved_runs_and_names_a_damaged_one(engine, lang):  # noqa: F811
    app = opened("overview", lang)
    app.button(key="w:save").click().run()
    name = next(iter(engine.runs.glob("*-????????"))).name
    app = opened("sources", lang)
    fine(app)
    assert name[-8:] in html_of(app)
    damaged = engine.runs / name / "manifest.json"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes().replace(b"a", b"b", 1))
    app = opened("sources", lang, {"s": link(lang, set={"fiscal.transfer_pool": 1.1})})
    fine(app)
    assert t("tally.damaged", lang) in html_of(app)


def test_the_overview_leads_to_the_targets_and_a_picked_cell_to_its_repairs(engine, monkeypatch):  # noqa: F811
    from fiscalsim.dashboard.pages import overview

    monkeypatch.setattr(overview, "show_grid", lambda desk, year: (str(desk.tables["regions"]["region"].iloc[0]), "nursing_care"))
    app = opened()
    fine(app)
    links = [block.proto.page for block in app.get("page_link")]
    assert links == ["why", "indicators"]
    assert app.session_state["state"].view["service"] == "nursing_care"


def test_a_picked_cell_without_shortfall_says_so(engine, monkeypatch):  # noqa: F811
    from fiscalsim.dashboard.pages import overview

    def picked(desk, year):
        cells = charts.coverage(desk.tables, year)
        whole = cells[cells["gap"] < charts.CLASSES[1][0]].iloc[0]
        return str(whole["region"]), str(whole["service"])

    monkeypatch.setattr(overview, "show_grid", picked)
    app = opened()
    fine(app)
    assert "没有缺口" in " ".join(said(app))
    assert len([block for block in app.get("page_link") if block.proto.page == "why"]) == 0


def test_no_two_ticks_of_the_pyramid_say_the_same_on_one_side(result):
    figure = charts.pyramid(result.tables, result.info.plan_target_year, result.info.base_year, "zh").figure
    ticks = list(figure.layout.xaxis.ticktext)
    side = ticks[len(ticks) // 2 :]
    assert side[0] == "0" and len(set(side)) == len(side)
