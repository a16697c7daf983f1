"""What an analysis of risk says: sentences, tables, charts, files, the command and the page, on an analysis in arithmetic."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from fiscalsim import charts, cli
from fiscalsim.report import risk_boards
from fiscalsim.report.risk import risk_html, risk_xlsx
from fiscalsim.scenario import load_scenario
from fiscalsim.text import has
from fiscalsim.uncertainty import check_risk, open_risk, risk, save_risk
from tests.test_uncertainty import BASE, fake, fake_without_seventh


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return open_risk(save_risk(risk(load_scenario(BASE), futures=60, workers=0, task=fake), tmp_path_factory.mktemp("runs")))


@pytest.fixture(params=["zh", "en"])
def lang(request):
    return request.param


def test_the_headline_holds_the_figures_of_its_tables(saved, lang):
    tables = saved.tables()
    words = risk_boards.headline(saved.record, tables, lang)
    likely = risk_boards.likelihood_board(saved.record, tables, lang).table
    assert likely.iloc[0, 1] in words
    gap = risk_boards.fan_board(tables, lang).table
    last = gap[gap.iloc[:, 0] == str(saved.record["summary"]["last"])].iloc[0]
    columns = list(tables["fan"].columns.drop("measure"))
    assert last.iloc[columns.index("p10")] in words and last.iloc[columns.index("p90")] in words
    assert risk_boards.fear(saved.record, tables, lang) in words


def test_the_rule_is_said_against_the_scenarios_own_path(lang):
    driver = {"how": "plus", "shown_as": "points", "name_zh": "甲", "name_en": "A", "unit_zh": "孩", "unit_en": "children"}
    told = {
        (side, change): risk_boards.limit_words({"side": side, "change": change, "base": 1.0}, driver, lang)
        for side in ("below", "above")
        for change in (-0.01, 0.01)
    }
    assert len(set(told.values())) == 4 and all("1.0" in words for words in told.values())
    assert "5.0%" in risk_boards.limit_words({"side": "below", "change": -0.1, "base": 2.0}, driver | {"how": "times"}, lang)
    assert "0.13" in risk_boards.limit_words({"side": "below", "change": -0.13, "base": 1.2}, driver | {"shown_as": "number"}, lang)


def test_where_no_rule_is_found_that_is_said(saved, lang):
    tables = saved.tables() | {"rule": saved.table("rule").iloc[:0]}
    assert str(saved.record["summary"]["solved"]) in risk_boards.fear(saved.record, tables, lang)
    record = dict(saved.record) | {"summary": saved.record["summary"] | {"rule_coverage": None}}
    assert len(risk_boards.fear_note(record, lang)) < len(risk_boards.fear_note(saved.record, lang))


def test_futures_without_a_plan_are_told_with_their_number_and_reason(tmp_path, lang):
    found = open_risk(save_risk(risk(load_scenario(BASE), futures=20, workers=0, task=fake_without_seventh), tmp_path))
    lines = risk_boards.notes(found.record, found.tables(), lang)
    assert len(lines) == 2 and "1" in lines[0] and "pass 1b: Infeasible" in lines[0]


def test_the_fan_is_as_wide_as_its_table_and_the_bars_are_the_shares(saved, lang):
    tables = saved.tables()
    fan = charts.gap_fan(tables, lang)
    rows = tables["fan"].query("measure == 'gap_yuan'")
    by_name = {trace.name: trace for trace in fan.figure.data if trace.name}
    assert len(fan.figure.data) == 6 and len(by_name) == 4
    unit = rows["median"].max() / max(by_name[[*by_name][2]].y)
    assert max(fan.figure.data[1].y) * unit == pytest.approx(rows["p95"].max())
    bars = charts.share_bars(tables, lang)
    assert list(bars.figure.data[0].x) == pytest.approx(list(tables["shares"]["share"] * 100))
    assert has(fan.finding[0]) and has(bars.finding[0])


def test_without_a_gap_the_fan_says_so(saved, lang):
    tables = saved.tables()
    fan = tables["fan"].copy()
    fan[[column for column in fan.columns if column not in ("year", "measure")]] = 0.0
    assert charts.gap_fan(tables | {"fan": fan}, lang).figure is None


def test_the_report_is_one_page_with_both_charts_and_a_spreadsheet_with_every_table(saved, lang, tmp_path):
    page = risk_html(saved, tmp_path / "a.html", lang).read_text(encoding="utf-8")
    assert risk_boards.fear(saved.record, saved.tables(), lang) in page and page.count("plotly-graph-div") == 2
    book = pd.read_excel(risk_xlsx(saved, tmp_path / "a.xlsx", lang), sheet_name=None)
    assert len(book) == 1 + 5 + 1 + len(saved.record["tables"])
    again = risk_xlsx(saved, tmp_path / "b.xlsx", lang).read_bytes()
    assert risk_xlsx(saved, tmp_path / "a.xlsx", lang).read_bytes()[:2000] == again[:2000]


def test_the_command_files_the_analysis_and_check_proves_it(capsys, tmp_path, monkeypatch):
    import fiscalsim.uncertainty as room

    monkeypatch.setattr(room, "risk", lambda scenario, **given: risk(scenario, **{**given, "workers": 0, "task": fake}))
    monkeypatch.chdir(tmp_path)

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        return int(ended.value.code or 0), capsys.readouterr().out

    code, out = call("risk", BASE, "--futures", "20", "--lang", "en")
    folder = tmp_path / out.splitlines()[-1]
    assert code == 0 and check_risk(folder) == [] and "20 futures" in out
    code, out = call("risk", BASE, "--futures", "20", "--json")
    told = json.loads(out)
    assert code == 0 and told["summary"]["futures"] == 20 and len(told["fan"]) == 30
    assert call("check", str(folder))[0] == 0
    (folder / "draws.parquet").write_bytes(b"")
    code, out = call("check", str(folder))
    assert code == 4 and "draws.parquet" in out
    assert call("risk", BASE, "--futures", "5")[0] == 2


def test_a_chinese_analysis_holds_no_english_word(saved):
    tables = saved.tables()
    words = [risk_boards.headline(saved.record, tables, "zh"), risk_boards.fear_note(saved.record, "zh"), *risk_boards.notes(saved.record, tables, "zh")]
    for board in (*risk_boards.boards(saved.record, tables, "zh"), risk_boards.shares_board(tables, "zh")):
        words += [board.title, board.note, *map(str, board.table.columns), *map(str, board.table.to_numpy().ravel())]
    assert [word for word in words if re.search(r"[A-Za-z]{2,}", word)] == []


def test_a_job_of_the_desk_files_the_analysis_and_names_it(tmp_path, monkeypatch):
    from collections import OrderedDict

    import fiscalsim.uncertainty as room
    from fiscalsim.dashboard.engine import Job, _compute
    from fiscalsim.scenario import home

    told = []
    monkeypatch.setattr(room, "risk", lambda scenario, **given: risk(scenario, **{**given, "task": fake}))
    scenario = load_scenario(BASE)
    job = Job(scenario.digest, BASE, risk=20)
    head, tables = _compute(job, home(), tmp_path, OrderedDict(), lambda fraction, stage: told.append((fraction, stage)))
    assert check_risk(tmp_path / "risk" / head["record"]["risk"]) == [] and len(tables) == 1
    assert told[-1] == (1.0, "future") and len(told) == 22
    assert Job(scenario.digest, BASE).key != job.key != Job(scenario.digest, BASE, risk=40).key


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page of risk over a folder of runs, with an engine that answers in this process."""
    testing = pytest.importorskip("streamlit.testing.v1")
    import streamlit as st

    from fiscalsim.dashboard import session
    from tests.test_dashboard import DirectEngine

    monkeypatch.setenv("FISCALSIM_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(session, "the_engine", lambda: DirectEngine(tmp_path / "runs"))

    def shown(lang="zh", lever=""):
        st.cache_data.clear()
        app = testing.AppTest.from_string("from fiscalsim.dashboard.frame import main\nmain('risk')\n", default_timeout=120)
        app.query_params["s"] = json.dumps({"v": 1, "pack": "two-counties", "base": BASE, "set": {lever: 1.5} if lever else {}, "view": {}, "lang": lang})
        app.run()
        assert not app.exception and not app.error
        return app

    return shown


def words_of(app):
    return " ".join(str(element.proto.body) for element in app.get("html"))


def test_the_page_without_an_analysis_says_how_to_get_one(page):
    app = page()
    assert "未做风险分析" in words_of(app) and any(button.label == "分析" for button in app.button)


def test_the_page_shows_what_is_filed_and_greys_it_when_the_scenario_has_moved(page, tmp_path, lang):
    folder = save_risk(risk(load_scenario(BASE), futures=20, workers=0, task=fake), tmp_path / "runs")
    filed = open_risk(folder)
    app = page(lang)
    assert risk_boards.fear(filed.record, filed.tables(), lang) in words_of(app) and not app.warning
    moved = page(lang, "demography.tfr")
    assert filed.record["scenario"]["digest"][:8] in moved.warning[0].value
