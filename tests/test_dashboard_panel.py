"""The panel of all parameters: found by name, moved as a number, a path or a mark, put back one by one; undo and redo are exact."""

import pytest

pytest.importorskip("streamlit")

from fiscalsim.dashboard import panel, sidebar
from fiscalsim.dashboard.session import bounds
from fiscalsim.dashboard.state import State, along
from fiscalsim.levers import check_value, load_levers
from fiscalsim.parameters import PARAMETERS
from fiscalsim.scenario import home, pack_names
from fiscalsim.text import has
from tests.test_dashboard import BASE, WORLD, engine, fine, link, opened, said  # noqa: F401


def at(path, **query):
    app = opened("fiscal", query={"s": link(**query)})
    app.button(key="w:all").click().run()
    app.selectbox(key="w:any").set_value(path).run()
    fine(app)
    return app


def test_every_lever_and_parameter_has_a_name_in_the_panel():
    for pack in pack_names(home()):
        levers = WORLD.levers(pack)
        assert [path for path in PARAMETERS if path not in levers and not has(f"parameter.{path}")] == []


def test_slider_and_number_box_share_their_bounds(engine):  # noqa: F811
    app = at("fiscal.transfer_pool")
    slider, box = app.slider(key="l:fiscal.transfer_pool"), app.number_input(key="n:fiscal.transfer_pool")
    assert (slider.min, slider.max, slider.value, slider.step) == (box.min, box.max, box.value, box.step)


def test_a_value_outside_the_range_stays_reachable():
    lever = WORLD.levers("two-counties")["fiscal.transfer_pool"]
    assert bounds(lever, 9.0) == (lever.lowest, 9.0)


def test_a_number_moves_the_lever_and_its_slider(engine):  # noqa: F811
    app = at("fiscal.transfer_pool")
    app.number_input(key="n:fiscal.transfer_pool").set_value(1.15).run()
    assert app.session_state["state"].set == {"fiscal.transfer_pool": 1.15}
    assert app.slider(key="l:fiscal.transfer_pool").value == 1.15


def test_a_parameter_without_lever_is_moved_and_its_grade_and_source_stand_beside_it(engine):  # noqa: F811
    app = at("demography.srb")
    assert any("等级" in block and "来源" in block for block in said(app))
    app.number_input(key="n:demography.srb").set_value(1.09).run()
    fine(app)
    assert app.session_state["state"].set == {"demography.srb": 1.09}
    assert engine.asked[-1].overrides == ("demography.srb=1.09",)
    assert app.button(key="diff:demography.srb").label.startswith("出生性别比 ")


@pytest.mark.parametrize("path", ["demography.tfr", "demography.life_expectancy", "fiscal.transfer_pool", "costs.wage_growth"])
def test_the_four_marks_stand_in_order_within_the_range(engine, path):  # noqa: F811
    lever, base = WORLD.levers("two-counties")[path], WORLD.base(BASE)
    values = [panel.mark_value(lever, mark, base, 2030) for mark in panel.MARKS]
    assert len(set(values)) == 4
    assert values in (sorted(values), sorted(values, reverse=True))
    assert all(check_value(lever, value) == [] for value in values)
    app = at(path)
    app.button(key=f"m:ambitious:{path}").click().run()
    fine(app)
    moved = app.session_state["state"].set[path]
    assert (moved if not isinstance(moved, dict) else moved[max(moved)]) == pytest.approx(values[2])
    app.button(key=f"m:baseline:{path}").click().run()
    assert app.session_state["state"].set == {}


def test_marks_of_every_lever_are_ours_and_lie_within_its_range():
    marked = [lever for lever in load_levers(home()) if lever.marks]
    assert len(marked) >= 8
    for lever in marked:
        assert all(abs(mark) <= lever.highest - lever.lowest for mark in lever.marks)


def test_a_path_of_years_is_taken_as_it_was_written(engine):  # noqa: F811
    app = at("fiscal.transfer_pool")
    app.toggle(key="w:by_year:fiscal.transfer_pool").set_value(True).run()
    fine(app)
    assert len(app.dataframe) or app.get("arrow_data_frame") is not None
    assert along(1.0, (2020, 2030)) == {2020: 1.0, 2030: 1.0}
    assert along({2025: 1.0, 2027: 2.0}, (2020, 2030)) == {2025: 1.0, 2027: 2.0}


def test_a_path_with_a_year_out_of_range_is_told_and_left_out(engine, monkeypatch):  # noqa: F811
    app = at("demography.tfr", set={"demography.tfr": {"2021": 0.9, "2030": 0.7}})
    assert app.toggle(key="w:by_year:demography.tfr").value
    kept = {}
    monkeypatch.setattr(panel.st, "session_state", kept)
    monkeypatch.setattr(panel, "state", lambda: State(BASE))
    assert not panel.take("demography.tfr", {2021: 0.9, 2030: 9.0}, "zh")
    assert kept["notice"] == "“总和生育率”应在0.30～2.50孩/妇女之间，现为9.00。已恢复为1.20。"


def test_undo_and_redo_are_exact_five_times(engine):  # noqa: F811
    app = opened("fiscal")
    states = [app.session_state["state"]]
    for value in (1.1, 1.2, 1.05, 1.15, 1.3):
        app.slider(key="l:fiscal.transfer_pool").set_value(value).run()
        states.append(app.session_state["state"])
    for before in reversed(states[:-1]):
        app.button(key="w:undo").click().run()
        assert app.session_state["state"] == before
    for after in states[1:]:
        app.button(key="w:redo").click().run()
        assert app.session_state["state"] == after
    assert app.button(key="w:redo").disabled
    app.button(key="w:undo").click().run()
    app.slider(key="l:fiscal.transfer_pool").set_value(0.95).run()
    assert app.button(key="w:redo").disabled  # a new change ends what could be done again


def test_a_slider_of_a_scenario_that_was_left_moves_nothing(monkeypatch):
    monkeypatch.setattr(sidebar, "state", lambda: State(BASE))
    monkeypatch.setattr(sidebar, "set_lever", lambda *_: pytest.fail("moved"))
    sidebar._moved("standards.prepregnancy_check", "generic-city-baseline")
    sidebar._moved("fiscal.transfer_pool", "generic-city-baseline")


def test_one_difference_is_put_back_by_one_click_and_the_rule_is_one(engine):  # noqa: F811
    app = opened("fiscal", query={"s": link(set={"fiscal.transfer_pool": 1.1, "demography.tfr": {"2021": 0.9, "2030": 0.7}}, policy="per-head")})
    keys = {button.key for button in app.button if (button.key or "").startswith("diff:")}
    assert keys == {"diff:fiscal.transfer_pool", "diff:demography.tfr", "diff:policy"}
    app.button(key="diff:policy").click().run()
    app.button(key="diff:demography.tfr").click().run()
    assert app.session_state["state"].same_question(State(BASE, set={"fiscal.transfer_pool": 1.1}))
