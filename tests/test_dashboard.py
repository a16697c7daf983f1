"""The desk without a browser: each page in both languages, levers, links, saving, failures, and the engine behind it."""

import json
import os
import re
import signal
import time
from collections import OrderedDict
from dataclasses import replace

import pytest

pytest.importorskip("streamlit")
from streamlit.testing.v1 import AppTest

from fiscalsim import charts, text
from fiscalsim.dashboard import engine as engine_module
from fiscalsim.dashboard import frame, headlines, session, show
from fiscalsim.dashboard.engine import Answer, Engine, Failure, Job, Look
from fiscalsim.dashboard.state import BadLink, State, World, decode, from_query, overrides, scenario_yaml, to_query, with_end_value
from fiscalsim.pipeline import run
from fiscalsim.quantities import PackInfo
from fiscalsim.report import headline as report_headline
from fiscalsim.scenario import FAMILY_NAMES, POLICIES, home, load_scenario
from fiscalsim.store import RunStore
from tests.desk_run import desk_result

BASE = "two-counties-baseline"
PAGES = frame.PAGES
WORLD = World(home())


class DirectEngine:
    """Stands for the engine: answers at once, in this process, and remembers what it was asked."""

    answers: dict[str, Answer] = {}

    def __init__(self, runs):
        self.runs, self.asked, self.failure = runs, [], None

    def ask(self, session, job):
        self.asked.append(job)
        if self.failure is not None or job.key in self.answers:
            return
        scenario = load_scenario(job.base, home(), job.overrides)
        if job.repairs or job.near:
            head, raw = engine_module._compute(job, home(), self.runs, OrderedDict(), lambda *_: None)
            tables = dict(zip(head["tables"], map(engine_module._read_table, raw), strict=True))
            self.answers[job.key] = Answer(job.key, PackInfo(**head["info"], region_names=tables["regions"]), tables, head["record"])
            return
        if job.save:
            scenario = replace(scenario, name_zh=job.save[0], name_en=job.save[1])
        result = run(scenario, replay=job.replay or bool(job.save))
        folder = RunStore(self.runs).save(result).name if job.save else ""
        record = {name: getattr(result, name) for name in ("passes", "timings", "versions", "solver_options", "pack_digest")} | {"run": folder}
        answer = Answer(job.key, result.info, result.tables, record)
        if job.save:
            self.saved = answer
        else:
            self.answers[job.key] = answer

    def look(self, session, job):
        if self.failure is not None:
            return Look(failure=replace(self.failure, key=job.key))
        if job.save:
            return Look(answer=getattr(self, "saved", None))
        return Look(answer=self.answers.get(job.key))

    def wait(self, session, job, seconds):
        return self.look(session, job)

    def forget_failure(self, session):
        self.failure = None


@pytest.fixture
def engine(monkeypatch, tmp_path):
    monkeypatch.setenv("FISCALSIM_RUNS", str(tmp_path / "runs"))
    direct = DirectEngine(tmp_path / "runs")
    monkeypatch.setattr(session, "the_engine", lambda: direct)
    return direct


def link(lang="zh", base=BASE, **more):
    return json.dumps({"v": 1, "base": base, "lang": lang, **more})


def opened(page="overview", lang="zh", query=None):
    app = AppTest.from_string(f"from fiscalsim.dashboard.frame import main\nmain({page!r})\n", default_timeout=120)
    for key, value in (query if query is not None else {"s": link(lang)}).items():
        app.query_params[key] = value
    return app.run()


def said(app):
    """Text of every own HTML block of the page, one string each."""
    blocks = [block.proto.body for block in app.get("html")]
    return [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", body)).strip() for body in blocks if "<style" not in body]


def headline_of(app):
    found = [block.proto.body for block in app.get("html") if "fs-headline" in block.proto.body and "<style" not in block.proto.body]
    return re.sub("<[^>]+>", "", found[0])


def fine(app):
    assert not app.exception
    assert [error.value for error in app.error] == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_of_reasons_shows_the_gap_in_parts_the_limits_and_repairs_that_were_solved_again(engine, lang):
    app = opened("why", lang, {"s": link(lang, view={"region": "B1", "service": "childcare_places", "year": 2025})})
    fine(app)
    words = " ".join(said(app))
    assert text.t("repairs.one", lang) in words and text.t("repairs.verified", lang) in words
    assert text.t("finding.gap_parts", lang, n="1") in words and text.t("limit.served_within_capacity.tag", lang) in words
    assert text.t("headline.why_repair", lang, repair="").rstrip("。.") in headline_of(app)
    assert "supply." not in words  # the command prints the patch; an official reads its size


def test_a_repair_on_the_page_is_applied_as_a_preview_and_closes_the_shortfall(engine):
    app = opened("why", "zh", {"s": link(view={"region": "B1", "service": "childcare_places", "year": 2025})})
    app.button(key="try:1").click().run()
    fine(app)
    assert "supply.building_rate" in app.session_state["state"].set and app.session_state["past"]
    assert app.session_state["state"].view["service"] == "childcare_places"
    names = app.session_state["shown"].tables["services"].set_index("service")["name_zh"]
    assert text.t("headline.why_none", "zh", region="乙县", service=names["childcare_places"]) in headline_of(app)


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_a_headline_and_no_error(engine, page, lang):
    app = opened(page, lang)
    fine(app)
    assert len(headline_of(app)) > 5


@pytest.fixture(scope="module")
def saved_runs(tmp_path_factory):
    """A real place with a plan's own list, zones and contradictions, run and saved once."""
    runs = tmp_path_factory.mktemp("saved")
    return runs, RunStore(runs).save(run(load_scenario("panjin-baseline"))).name[-8:]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_saved_run_opens(monkeypatch, saved_runs, page, lang):
    runs, digest = saved_runs
    monkeypatch.setenv("FISCALSIM_RUNS", str(runs))
    monkeypatch.setattr(session, "the_engine", lambda: DirectEngine(runs))
    app = opened(page, query={"run": digest, "lang": lang})
    fine(app)
    words = " ".join(said(app))
    if page == "people":
        assert ("功能区" if lang == "zh" else "Functional zones") in words
    if page == "sources":
        assert ("规划列出81个服务项目" if lang == "zh" else "names 81 services") in words


@pytest.mark.parametrize("page", [page for page in PAGES if page != "sources"])
def test_chinese_pages_hold_no_english_words(engine, page):
    app = opened(page)
    words = " ".join(said(app))
    words = re.sub(r"\b[0-9a-f]{8}\b", "", words)
    assert re.findall(r"[A-Za-z]{2,}", words.replace("assumption", "")) == []
    labels = [w.label for kind in ("button", "selectbox", "slider", "toggle", "metric") for w in getattr(app, kind)]
    assert [label for label in labels if re.search(r"[A-Za-z]{2,}", label)] == []


def test_the_headline_counts_the_same_targets_as_the_table(engine):
    app = opened("indicators")
    counts = charts.indicator_counts(next(iter(engine.answers.values())).tables)
    found = [int(n) for n in re.findall(r"(\d+)项", headline_of(app))]
    assert found[:4] == [counts["n"], counts["m"], counts["k"], counts["j"]]


def test_transfers_add_up_to_the_total_row_without_a_difference(engine):
    assert any("差额0.0" in block for block in said(opened("allocation")))


def test_income_equals_spending_on_the_budget_page(engine):
    assert any("收入总计−支出总计＝0.0" in block for block in said(opened("fiscal")))


def test_the_delivery_page_asks_before_it_replays(engine):
    app = opened("delivery")
    assert not any(job.replay for job in engine.asked)
    app.button(key="w:replay").click().run()
    fine(app)
    assert engine.asked[-1].replay
    assert "启用" in headline_of(app) or "兑现" in headline_of(app)


def test_a_page_that_breaks_shows_a_number_and_nothing_of_the_code(engine, monkeypatch, capsys):
    monkeypatch.setattr("fiscalsim.dashboard.pages.overview.show_page", lambda desk: 1 / 0)
    app = opened()
    assert not app.exception
    text = app.error[0].value
    number = re.search(r"编号([0-9a-f]{8})", text)[1]
    assert "Traceback" not in text and "division" not in text
    assert number in capsys.readouterr().err


# --- levers ---------------------------------------------------------------------------------------------------------


def test_a_moved_lever_asks_for_another_result_and_says_what_it_was(engine):
    app = opened()
    app.slider(key="l:fiscal.transfer_pool").set_value(1.1).run()
    fine(app)
    assert engine.asked[-1].overrides == ("fiscal.transfer_pool=1.1",)
    assert "1.00→1.10" in app.button(key="undo:fiscal.transfer_pool").label


def test_a_lever_moved_back_is_no_change(engine):
    app = opened()
    app.slider(key="l:fiscal.transfer_pool").set_value(1.1).run()
    app.slider(key="l:fiscal.transfer_pool").set_value(1.0).run()
    assert app.session_state["state"].set == {}


def test_undo_steps_back_exactly_five_times(engine):
    app = opened()
    states = [app.session_state["state"]]
    for value in (1.1, 1.2, 1.05, 1.15, 1.3):
        app.slider(key="l:fiscal.transfer_pool").set_value(value).run()
        states.append(app.session_state["state"])
    for before in reversed(states[:-1]):
        app.button(key="w:undo").click().run()
        assert app.session_state["state"].same_question(before)
        assert app.slider(key="l:fiscal.transfer_pool").value == before.set.get("fiscal.transfer_pool", 1.0)


def test_reset_returns_to_the_scenario(engine):
    app = opened(query={"s": link(set={"fiscal.transfer_pool": 1.2, "costs.wage_growth": 0.06})})
    app.button(key="w:reset").click().run()
    assert app.session_state["state"].same_question(State(BASE))
    assert app.slider(key="l:fiscal.transfer_pool").value == 1.0


def test_one_lever_can_be_put_back_alone(engine):
    app = opened(query={"s": link(set={"fiscal.transfer_pool": 1.2, "fiscal.revenue_growth": 0.01})})
    app.button(key="undo:fiscal.transfer_pool").click().run()
    assert app.session_state["state"].set == {"fiscal.revenue_growth": 0.01}


def test_the_language_changes_and_the_scenario_stays(engine):
    app = opened(query={"s": link(set={"fiscal.transfer_pool": 1.2})})
    app.segmented_control(key="w:lang").set_value("en").run()
    fine(app)
    assert app.session_state["state"].lang == "en"
    assert app.session_state["state"].set == {"fiscal.transfer_pool": 1.2}
    assert "targets are met" in headline_of(app)


def test_a_transfer_rule_is_chosen_on_the_allocation_page(engine):
    app = opened("allocation")
    app.segmented_control(key="w:policy").set_value("per-head").run()
    fine(app)
    assert "policy=per-head" in engine.asked[-1].overrides


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_four_rules_are_set_side_by_side_on_request(engine, lang):
    app = opened("allocation", query={"lang": lang})
    asked = len(engine.asked)
    app.button(key="rules:start").click().run()
    fine(app)
    policies = [next((change for change in job.overrides if change.startswith("policy=")), "policy=optimal") for job in engine.asked[asked:]]
    assert set(policies) >= {"policy=formula", "policy=per-head", "policy=status-quo"}
    table = next(block.proto.body for block in app.get("html") if text.t("rules.lowest_coverage", lang) in block.proto.body)
    assert all(text.t(f"policy.{rule}", lang) in table for rule in POLICIES)


def test_a_path_drifts_from_the_base_year_and_keeps_it():
    lever = WORLD.levers("two-counties")["demography.tfr"]
    moved = with_end_value({2020: 1.0, 2025: 0.9, 2035: 0.8}, 2035, 2020, 0.6, lever)
    assert moved == pytest.approx({2020: 1.0, 2025: 0.9 - 0.2 / 3, 2035: 0.6})


# --- saving and comparing -------------------------------------------------------------------------------------------


def test_saving_writes_a_run_that_its_link_opens_again(engine):
    app = opened(query={"s": link(set={"fiscal.transfer_pool": 1.1})})
    before = headline_of(app)
    app.button(key="w:save").click().run()
    fine(app)
    run_ = RunStore(engine.runs).list()[0]
    assert run_.digest8 in app.success[0].value
    assert any(f"已保存 {run_.digest8}" in block for block in said(app))
    again = opened(query={"run": run_.digest8, "lang": "zh"})
    fine(again)
    assert headline_of(again) == before
    assert again.session_state["state"].set == {"fiscal.transfer_pool": 1.1}


def test_a_saved_run_gives_a_report_and_a_spreadsheet_and_a_preview_does_not(engine):
    app = opened()
    assert not any(button.key == "dl:prepare" for button in app.button)
    app.button(key="w:save").click().run()
    app.button(key="dl:prepare").click().run()
    fine(app)
    *_, files = app.session_state["files"]
    assert files["download_report"][1].startswith(b"<!")
    assert files["download_xlsx"][1].startswith(b"PK")


def test_preview_and_saved_run_agree(engine):
    app = opened()
    app.button(key="w:save").click().run()
    assert [warning.value for warning in app.warning] == []
    assert frame.same_figures(next(iter(engine.answers.values())), engine.saved)


def test_a_preview_that_differs_from_the_saved_run_is_told():
    result = desk_result()
    a = Answer("x", result.info, result.tables, {})
    other = {**result.tables, "allocation": result.tables["allocation"].assign(provided=lambda table: table["provided"] * 1.001)}
    assert frame.same_figures(a, a)
    assert not frame.same_figures(a, Answer("y", result.info, other, {}))


def test_two_saved_runs_are_compared_with_parts_that_add_up(engine):
    for settings in ({}, {"fiscal.transfer_pool": 1.1}):
        opened(query={"s": link(**({"set": settings} if settings else {}))}).button(key="w:save").click().run()
    app = opened("compare")
    fine(app)
    assert any("转移支付总量" in block for block in said(app))
    assert "支出" in headline_of(app) or "结果相同" in headline_of(app)


def test_compare_without_runs_says_what_to_do(engine):
    assert "先保存至少两个方案" in headline_of(opened("compare"))


def test_a_damaged_run_is_not_shown(engine):
    app = opened()
    app.button(key="w:save").click().run()
    run_ = RunStore(engine.runs).list()[0]
    raw = bytearray((run_.path / "manifest.json").read_bytes())
    raw[len(raw) // 2] ^= 1
    os.chmod(run_.path / "manifest.json", 0o644)
    (run_.path / "manifest.json").write_bytes(bytes(raw))
    again = opened(query={"run": run_.digest8})
    assert not again.exception
    assert f"运行{run_.digest8}与保存时不一致（manifest.json），已停止显示" in again.error[0].value
    beside = (text.t("files.help", "zh"), text.t("files.limit", "zh", size=1))
    assert [block for block in said(again) if block not in beside] == [] and len(again.metric) == 0
    again.button(key="w:baseline").click().run()
    fine(again)
    assert headline_of(again)


def test_a_scenario_file_from_the_desk_has_the_same_digest(engine, tmp_path):
    state = State(BASE, "zh", {"fiscal.transfer_pool": 1.1, "demography.tfr": {2021: 0.9, 2030: 0.7}}, "per-head")
    scenario = WORLD.scenario(state)
    path = tmp_path / "mine.yaml"
    path.write_text(scenario_yaml(state, scenario, "我的：方案"), encoding="utf-8")
    assert load_scenario(path, home()).digest == scenario.digest


# --- links ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        State(BASE),
        State(BASE, "en", {"fiscal.transfer_pool": 1.1}),
        State(BASE, "zh", {"demography.tfr": {2021: 0.9, 2030: 0.7}}, "formula", {"region": "a", "year": 2025}),
        State(BASE, "en", run="0123abcd"),
    ],
)
def test_a_state_survives_its_own_address(state):
    again = from_query(to_query(state, WORLD), WORLD)
    assert (again.lang, again.run) == (state.lang, state.run)
    assert state.run or again == state


SPOILED = [
    ("x", {"q": "1"}),
    ("fr", {"lang": "fr"}),
    ("zzzzzzzz", {"run": "zzzzzzzz"}),
    ("../../etc", {"run": "../../etc"}),
    ("not json", {"s": "{"}),
    ("[]", {"s": "[]"}),
    ("null", {"s": "null"}),
    ("version", {"s": json.dumps({"v": 2, "base": BASE})}),
    ("true", {"s": json.dumps({"v": True, "base": BASE})}),
    ("no base", {"s": json.dumps({"v": 1})}),
    ("wrong base", {"s": json.dumps({"v": 1, "base": "two-counties-baselin"})}),
    ("path base", {"s": json.dumps({"v": 1, "base": "../secrets"})}),
    ("other pack", {"s": json.dumps({"v": 1, "base": BASE, "pack": "liaoning"})}),
    ("unknown key", {"s": json.dumps({"v": 1, "base": BASE, "sett": {}})}),
    ("set list", {"s": link(set=[1])}),
    ("lever", {"s": link(set={"fiscal.transfer_poll": 1.1})}),
    ("range", {"s": link(set={"fiscal.transfer_pool": 99})}),
    ("text", {"s": link(set={"fiscal.transfer_pool": "1.1"})}),
    ("bool", {"s": link(set={"fiscal.transfer_pool": True})}),
    ("nan", {"s": '{"v":1,"base":"two-counties-baseline","set":{"fiscal.transfer_pool":NaN}}'}),
    ("year", {"s": link(set={"demography.tfr": {"20x5": 1}})}),
    ("policy", {"s": link(policy="best")}),
    ("view key", {"s": link(view={"colour": "red"})}),
    ("view code", {"s": link(view={"region": "<script>"})}),
    ("view year", {"s": link(view={"year": "2025"})}),
    ("long", {"s": link(view={"region": "x" * 3000})}),
    ("deep", {"s": "[" * 1500}),
]


@pytest.mark.parametrize("query", [query for _, query in SPOILED], ids=[name for name, _ in SPOILED])
def test_a_spoiled_link_is_refused(query):
    with pytest.raises(BadLink):
        from_query(query, WORLD)


def test_a_refused_link_names_the_nearest_lever_and_opens_the_baseline(engine, monkeypatch):
    monkeypatch.setattr(World, "scenarios", lambda self: (BASE,))
    app = opened(query={"s": link(set={"fiscal.transfer_poll": 1.1})})
    fine(app)
    assert "fiscal.transfer_poll" in app.warning[0].value.replace("\\", "")  # an underline of a link's key is no markup
    assert "fiscal.transfer_pool" in app.warning[0].value
    assert app.session_state["state"] == State(BASE)


def test_a_link_is_never_run_as_markup(engine, monkeypatch):
    monkeypatch.setattr(World, "scenarios", lambda self: (BASE,))
    app = opened(query={"s": link(view={"region": "<img src=x onerror=alert(1)>"})})
    assert all("<img" not in block.proto.body for block in app.get("html"))


def test_what_a_link_picks_travels_to_the_page(engine):
    regions = decode(link(view={"year": 2028}), WORLD).view
    assert regions == {"year": 2028}
    app = opened("fiscal", query={"s": link(view={"year": 2028})})
    assert headline_of(app).startswith("2028年")


# --- failures -------------------------------------------------------------------------------------------------------

FAILURES = [
    (Failure("", "lost", "", "1234abcd"), "1234abcd"),
    (Failure("", "error", "secret path", "1234abcd"), "1234abcd"),
    (Failure("", "no_solution", "pass 2: Time limit reached; not shown as a result", "1234abcd"), "未求得最优"),
    (Failure("", "no_solution", "pass 1a: Infeasible; not shown as a result", "1234abcd"), "没有可行方案"),
    (Failure("", "no_solution", "pass 4: Unbounded; not shown as a result", "1234abcd"), "缺少上限"),
    (Failure("", "input", "a: wrong\nb: wrong", "1234abcd"), "2处问题"),
    (Failure("", "disk", "", "1234abcd"), "存储空间不足"),
]


@pytest.mark.parametrize(("failure", "words"), FAILURES, ids=[failure.kind for failure, _ in FAILURES])
def test_a_job_without_result_says_why_and_shows_no_chart(engine, failure, words):
    engine.failure = failure
    app = opened()
    assert not app.exception
    assert words in app.error[0].value
    assert "secret" not in app.error[0].value
    assert app.metric == [] or len(app.metric) == 0


def test_a_failed_job_can_be_asked_again(engine):
    engine.failure = Failure("", "lost", "", "1234abcd")
    app = opened()
    next(button for button in app.button if button.label == "重试").click().run()
    fine(app)
    assert headline_of(app)


# --- words and tables -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("family", [*FAMILY_NAMES, "unknown"])
def test_the_reason_of_every_limit_is_filled_from_the_tables(family, lang):
    result = desk_result()
    words = headlines.reason(result.tables, load_scenario(BASE), family, "tieling", "nursing_care", "rural", 2030, lang)
    assert words and "{" not in words


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_page_and_report_say_the_same_headline(lang):
    result = desk_result()
    pack = {name: getattr(result.info, name) for name in ("name_zh", "name_en", "plan_target_year")}
    assert headlines.overview(result.tables, result.info, 2025, lang) == report_headline(result.tables, pack, lang)


def test_a_cell_without_gap_says_so():
    tables = desk_result().tables
    assert headlines.why(tables, "shenyang", "dibao", "both", 2030, "zh") == "沈阳市最低生活保障已达到标准，没有缺口。"


def test_downloads_open_in_a_spreadsheet_and_run_nothing():
    import pandas as pd

    raw = show.csv(pd.DataFrame({"甲": ["=1+1", "-5", "−3.2", "@x", "+a"], "乙": [1, 2, 3, 4, 5]}))
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.decode("utf-8-sig").splitlines()[1:] == ["'=1+1,1", "-5,2", "−3.2,3", "'@x,4", "'+a,5"]
    assert b"\r\n" in raw


def test_names_from_packs_are_never_markup(monkeypatch):
    import pandas as pd

    drawn = []
    monkeypatch.setattr(show.st, "html", drawn.append)
    show.headline("<b>x</b>")
    show.bureau(pd.DataFrame({"<i>": ["<script>"]}), "<u>", "zh", note_text="<s>")
    show.tags([("<img>", "")])
    assert not re.search("<(b>x|script|i>|u>|s>|img)", "".join(drawn))


# --- the engine -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    engine = Engine(home(), tmp_path_factory.mktemp("runs"), workers=1)
    yield engine
    engine.close()


def job_of(pool, **more):
    return WORLD.job(State(BASE, set={"fiscal.transfer_pool": pool} if pool != 1 else {}), **more)


def test_a_worker_gives_what_the_pipeline_gives(workers):
    job = job_of(1.07)
    workers.ask("a", job)
    found = workers.wait("a", job, 60).answer
    direct = run(WORLD.scenario(State(BASE, set={"fiscal.transfer_pool": 1.07})), replay=False)
    assert set(found.tables) == set(direct.tables)
    for name in ("population", "demand", "transfers", "allocation"):
        assert len(found.tables[name]) == len(direct.tables[name])
    assert found.tables["allocation"]["provided"].sum() == pytest.approx(direct.tables["allocation"]["provided"].sum(), rel=1e-6)
    assert found.info.name_zh == direct.info.name_zh


def test_a_newer_question_replaces_the_waiting_one(workers):
    jobs = [job_of(1.2 + k / 100) for k in range(5)]
    for job in jobs:
        workers.ask("b", job)
    assert workers.wait("b", jobs[-1], 60).answer is not None
    answered = [job for job in jobs if workers.look("b", job).answer is not None]
    assert jobs[-1] in answered
    assert len(answered) <= 2


def test_sessions_get_their_own_answers(workers):
    jobs = {name: job_of(0.9 + k / 50) for k, name in enumerate("xyz")}
    for name, job in jobs.items():
        workers.ask(name, job)
    for name, job in jobs.items():
        assert workers.wait(name, job, 60).answer.key == job.key


def test_a_killed_worker_is_replaced_and_the_question_answered(workers):
    first = job_of(1.29)  # the worker is started by its first question
    workers.ask("c", first)
    assert workers.wait("c", first, 90).answer is not None
    process = workers._workers[0].process
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    job = job_of(1.31)
    workers.ask("c", job)
    assert workers.wait("c", job, 90).answer is not None
    assert workers._workers[0].process.pid != process.pid


def test_bad_input_is_a_failure_with_its_reason(workers):
    job = Job("0" * 64, BASE, ("fiscal.transfer_pool=99",))
    workers.ask("d", job)
    failure = workers.wait("d", job, 60).failure
    assert failure.kind == "input"
    assert "fiscal.transfer_pool" in failure.text


def test_a_save_is_a_fresh_solve_in_the_store(workers):
    state = State(BASE, set={"fiscal.transfer_pool": 1.11})
    job = WORLD.job(state, save=("名", "name"))
    workers.ask("e", job)
    answer = workers.wait("e", job, 120).answer
    run_ = RunStore(workers.runs).open(answer.record["run"])
    assert run_.manifest["scenario_names"]["zh"] == "名"
    assert run_.digest8 == WORLD.scenario(state).digest8
    assert RunStore(workers.runs).check(run_.name) == []


def test_the_command_to_reproduce_names_every_change():
    state = State(BASE, set={"fiscal.transfer_pool": 1.11}, policy="per-head")
    assert load_scenario(BASE, home(), overrides(state)).digest == WORLD.scenario(state).digest


def test_app_file_computes_nothing_when_a_worker_imports_it():
    source = (home() / "app.py").read_text(encoding="utf-8")
    body = source.split('"""')[2].strip()
    assert body.startswith('if __name__ == "__main__":')


def test_time_is_not_wasted_on_an_answer_that_is_there(workers):
    job = job_of(1.07)
    workers.ask("f", job)
    began = workers._tickets
    assert workers.wait("f", job, 30).answer is not None
    workers.ask("f", job)
    time.sleep(0.1)
    assert workers._tickets == began
