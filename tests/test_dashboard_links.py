"""Links to the desk: every spoiled one gives the message and the baseline; a shared one is looked at, then taken over."""

import json
import re

import pytest

pytest.importorskip("streamlit")

from fiscalsim.dashboard import strip
from fiscalsim.dashboard.state import LONGEST_LINK, State, World, command, from_query, in_python, overrides, to_query
from fiscalsim.scenario import home, load_scenario
from fiscalsim.store import RunStore
from tests.test_dashboard import BASE, SPOILED, WORLD, engine, fine, headline_of, link, opened, said  # noqa: F401

MORE = [
    ("share", {"s": link(), "ro": "2"}),
    ("other list", {"s": link(other=[])}),
    ("other key", {"s": link(other={"sede": 1})}),
    ("seed text", {"s": link(other={"seed": "1"})}),
    ("seed negative", {"s": link(other={"seed": -1})}),
    ("resolution path", {"s": link(other={"resolution": "../county"})}),
    ("limit number", {"s": link(other={"limits.reserve_kept": 0})}),
    ("limit unknown", {"s": link(other={"limits.reserves_kept": False})}),
    ("parameter range", {"s": link(set={"fiscal.province_share": 1.5})}),
    ("parameter path", {"s": link(set={"demography.srb": {"2020": 1.1, "2030": 1.05}})}),
    ("infinity", {"s": '{"v":1,"base":"two-counties-baseline","set":{"demography.srb":1e999}}'}),
    ("empty path", {"s": link(set={"demography.tfr": {}})}),
    ("far year", {"s": link(set={"demography.tfr": {"2300": 1.0}})}),
    ("markup", {"s": link(set={"[here](http://example.org)": 1})}),
    ("surrogate", {"s": link(view={"region": "\ud800"})}),
]
ALL = [*SPOILED, *MORE]


def test_forty_links_are_spoiled():
    assert len(ALL) >= 40


@pytest.mark.parametrize("query", [query for _, query in ALL], ids=[name for name, _ in ALL])
def test_a_spoiled_link_opens_the_baseline_and_says_what_it_did_not_know(engine, monkeypatch, query):  # noqa: F811
    monkeypatch.setattr(World, "scenarios", lambda self: (BASE,))
    app = opened("fiscal", query=query)
    fine(app)
    assert re.match("链接中的“.*”无法识别.*(打开基准方案)", app.warning[0].value, re.DOTALL) or app.warning[0].value.startswith("“")
    assert "](http" not in app.warning[0].value.replace("\\", "") or "\\]" in app.warning[0].value
    assert app.session_state["state"].same_question(State(BASE))
    assert headline_of(app)


def test_no_link_is_longer_than_it_may_be(engine):  # noqa: F811
    many = {lever.path: lever.highest for lever in WORLD.levers("two-counties").values()}
    assert len(to_query(State(BASE, set=many), WORLD)["s"]) < LONGEST_LINK


@pytest.mark.parametrize(
    "state",
    [
        State(BASE, "zh", {"demography.srb": 1.08}, other={"seed": 7, "limits.reserve_kept": False}),
        State(BASE, "en", {"fiscal.transfer_pool": 0.1 + 0.2 + 0.7}, "per-head"),
    ],
)
def test_parameters_seed_and_limits_survive_link_and_command(state):
    assert from_query(to_query(state, WORLD), WORLD) == state
    assert load_scenario(BASE, home(), overrides(state)).digest == WORLD.scenario(state).digest


def test_the_copied_command_and_the_copied_python_give_the_same_digest():
    import shlex

    state = State(BASE, "zh", {"demography.tfr": {2020: 1.2, 2030: 0.7}, "demography.srb": 1.08}, "formula", other={"seed": 7})
    words = shlex.split(command(state))
    assert words[:3] == ["fiscalsim", "run", BASE]
    changes = [word for word in words[3:] if word != "--set"]
    assert load_scenario(BASE, home(), changes).digest == WORLD.scenario(state).digest
    names: dict[str, object] = {}
    lines = in_python(state, WORLD.scenario(state).digest8).replace("fs.run(", "Asked(").splitlines()
    asked = type("Asked", (), {"__init__": lambda self, scenario: setattr(self, "scenario", scenario)})
    exec("\n".join(lines), {"Asked": asked}, names)  # the last line asserts the digest
    assert "fs" in names


def test_a_shared_link_is_looked_at_and_taken_over_under_a_name(engine):  # noqa: F811
    app = opened("fiscal", query={"s": link(set={"fiscal.transfer_pool": 1.1}), "ro": "1"})
    fine(app)
    assert any("只读查看" in block for block in said(app))
    assert app.slider(key="l:fiscal.transfer_pool").disabled
    assert not any(button.key in ("w:save", "w:reset", "w:undo") for button in app.button)
    assert app.query_params["ro"] in ("1", ["1"])
    app.text_input(key="w:name").set_value("我的方案").run()
    app.button(key="w:own").click().run()
    fine(app)
    assert not app.slider(key="l:fiscal.transfer_pool").disabled
    assert app.session_state["state"].set == {"fiscal.transfer_pool": 1.1}
    app.button(key="w:save").click().run()
    assert RunStore(engine.runs).list()[0].manifest["scenario_names"]["zh"] == "我的方案"


@pytest.mark.parametrize("name", ["../../etc", "=cmd()", "a\x00b", "x" * 300, "/etc/passwd", "@SUM(A1)", "\u202eabc"])
def test_a_hostile_name_is_not_taken(engine, name):  # noqa: F811
    app = opened("fiscal")
    app.text_input(key="w:name").set_value(name).run()
    fine(app)
    if len(name) > 80:  # the box itself takes no more than 80 characters
        assert "my_name" not in app.session_state or len(app.session_state["my_name"]) <= 80
        return
    assert "my_name" not in app.session_state
    assert app.warning[0].value.endswith("未采用。")


def test_a_shared_address_says_that_it_is_to_look_at(engine):  # noqa: F811
    app = opened("fiscal", query={"s": link(set={"fiscal.transfer_pool": 1.1})})
    shared = next(code.value for code in app.code if "://" in code.value or code.value.startswith("?"))
    assert shared.endswith("ro=1")
    assert json.dumps("fiscal.transfer_pool").strip('"') in shared
    assert strip.link
