"""The reviewer's table of the desk: the strip, the form, whose name is believed, and two to four runs side by side."""

import re
from dataclasses import replace

import pytest

pytest.importorskip("streamlit")

import fiscalsim as fs
from fiscalsim.dashboard import reviewing
from fiscalsim.reviews import FOLDER, ReviewBook
from fiscalsim.store import RunStore, open_run
from tests.fake_run import fake_result
from tests.test_dashboard import BASE, engine, fine, headline_of, link, opened, said  # noqa: F401


@pytest.fixture(scope="module")
def results():
    changes = ((), ("demography.tfr=0.9",), ("costs.wage_growth=0.05",))
    return [fs.run(fs.load_scenario(BASE, overrides=words), replay=True) for words in changes]


@pytest.fixture
def saved(engine, results):  # noqa: F811
    store = RunStore(engine.runs)
    return [open_run(store.save(result)) for result in results]


def strip_of(app) -> str:
    return next(block for block in said(app) if "2021—2030年" in block or "2021–2030" in block)


def review(app, who, remark, decision):
    if who:
        next(one for one in app.text_input if one.label == "复核人").set_value(who)
    app.text_area[0].set_value(remark)
    next(one for one in app.get("button_group") if one.label == "结论").set_value(decision)
    return next(one for one in app.button if one.label == "记入").click().run()


def test_the_strip_says_who_signed_a_run_off_and_when(saved):
    query = {"run": saved[0].digest8, "lang": "zh"}
    assert "未复核" in strip_of(opened(query=query))
    ReviewBook(saved[0].path.parent).add(saved[0], who="王敏", remark="同意", decision="reviewed", who_known=True)
    app = opened(query=query)
    fine(app)
    assert re.search(r"已复核（王敏，\d{4}-\d\d-\d\d）", strip_of(app))
    assert "未复核" in strip_of(opened(query={"run": saved[1].digest8, "lang": "zh"}))


def test_a_preview_is_saved_before_it_is_reviewed(engine):  # noqa: F811
    app = opened("sources")
    fine(app)
    assert any("先保存方案" in block for block in said(app))
    assert "记入" not in [one.label for one in app.button]


def test_a_typed_name_is_recorded_as_typed(saved):
    app = opened("sources", query={"run": saved[0].digest8, "lang": "zh"})
    fine(app)
    app = review(app, "李强", "收支与决算一致", "reviewed")
    fine(app)
    (record,), problems = ReviewBook(saved[0].path.parent).read()
    assert problems == ()
    assert (record.who, record.who_known, record.remark, record.decision) == ("李强", False, "收支与决算一致", "reviewed")
    assert record.digest == saved[0].manifest["digest"]
    assert any("李强（姓名自填）" in block for block in said(app))


def test_the_name_of_the_login_is_taken_and_cannot_be_typed_over(saved, monkeypatch):
    monkeypatch.setattr(reviewing, "signed_in", lambda: "王敏")
    app = opened("sources", query={"run": saved[0].digest8, "lang": "zh"})
    box = next(one for one in app.text_input if one.label == "复核人")
    assert (box.value, box.disabled) == ("王敏", True)
    review(app, "", "同意", "reviewed")
    (record,), _ = ReviewBook(saved[0].path.parent).read()
    assert (record.who, record.who_known) == ("王敏", True)


def test_a_review_without_words_is_refused(saved):
    app = opened("sources", query={"run": saved[0].digest8, "lang": "zh"})
    app = review(app, "李强", " ", "reviewed")
    assert [error.value for error in app.error] == ["请填写复核人和意见。"]
    assert not (saved[0].path.parent / FOLDER).exists()


def test_a_damaged_record_is_told_and_the_run_counts_as_not_reviewed(saved):
    ReviewBook(saved[0].path.parent).add(saved[0], who="王敏", remark="同意", decision="reviewed")
    (path,) = (saved[0].path.parent / FOLDER).iterdir()
    path.write_text(path.read_text(encoding="utf-8").replace("同意", "不同意"), encoding="utf-8")
    app = opened("sources", query={"run": saved[0].digest8, "lang": "zh"})
    assert "按未复核处理" in strip_of(app)
    assert any(path.name in error.value for error in app.error)


# --- comparing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_up_to_four_runs_stand_side_by_side_with_their_review_state(saved, lang):
    ReviewBook(saved[0].path.parent).add(saved[0], who="Wang", remark="agreed", decision="reviewed")
    app = opened("compare", lang, query={"run": saved[0].digest8, "lang": lang})
    fine(app)
    app.selectbox(key="w:a").set_value(saved[0].name).run()
    app.selectbox(key="w:b").set_value(saved[1].name).run()
    app.multiselect(key="w:also").set_value([saved[2].name]).run()
    fine(app)
    words = " ".join(said(app))
    assert all(run.digest8 in words for run in saved)
    assert {"zh": "已复核（Wang", "en": "reviewed (Wang"}[lang] in words
    heads = next(block.proto.body for block in app.get("html") if {"zh": "主要结果对照", "en": "Main results"}[lang] in block.proto.body)
    assert len(re.findall("<th ", heads)) == 4


def test_all_inputs_are_shown_when_not_only_the_different_ones_are_asked_for(saved):
    app = opened("compare", query={"run": saved[0].digest8, "lang": "zh"})
    assert not [one for one in app.dataframe if len(one.value) > 30]
    app.toggle(key="w:only_different").set_value(False).run()
    fine(app)
    assert [one for one in app.dataframe if len(one.value) > 30]


def test_runs_that_mean_different_things_are_refused_with_every_reason_in_words(engine, saved):  # noqa: F811
    other = fake_result(name="toy")
    folder = RunStore(engine.runs).save(replace(other))
    app = opened("compare", query={"run": saved[0].digest8, "lang": "zh"})
    app.selectbox(key="w:a").set_value(saved[0].name).run()
    app.selectbox(key="w:b").set_value(folder.name).run()
    assert not app.exception
    assert headline_of(app) == "所选方案不能直接比较，原因如下。"
    told = " ".join(error.value for error in app.error)
    assert all(word in told for word in ("地区不同", "年份不同", "价格基年不同", saved[0].digest8))
