"""Scenario files on the desk: what is downloaded opens again everywhere; what is hostile or wrong is refused in plain words."""

import io
import re
import zipfile

import pytest

pytest.importorskip("streamlit")

from fiscalsim.dashboard import files
from fiscalsim.dashboard.state import State, scenario_yaml
from fiscalsim.errors import InputError
from fiscalsim.scenario import home, load_scenario, to_yaml
from tests.test_dashboard import BASE, WORLD, engine, fine, headline_of, opened, said  # noqa: F401

MINE = State(BASE, "zh", {"fiscal.transfer_pool": 1.1, "demography.tfr": {2021: 0.9, 2030: 0.7}, "demography.srb": 1.08}, "per-head")


def given(app, raw, name="方案.yaml"):
    app.file_uploader[0].set_value((name, raw, "application/yaml")).run()
    return app


def bomb():
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.yaml", b"0" * 50_000_000)
    return raw.getvalue()


def test_a_downloaded_scenario_opens_as_the_same_state(engine):  # noqa: F811
    scenario = WORLD.scenario(MINE)
    app = given(opened("fiscal"), scenario_yaml(MINE, scenario, "我的方案").encode())
    fine(app)
    state = app.session_state["state"]
    assert WORLD.scenario(state).digest == scenario.digest
    assert (dict(state.set), state.policy) == (dict(MINE.set), "per-head")
    assert "已打开“方案.yaml”" in app.success[0].value
    before = State(app.session_state["past"][-1].base)
    app.button(key="w:undo").click().run()
    assert app.session_state["state"].same_question(before)


def test_a_file_that_stands_alone_keeps_its_seed_and_limits(engine):  # noqa: F811
    scenario = load_scenario(BASE, home(), ["seed=9", "limits.reserve_kept=false", "fiscal.transfer_pool=1.2"])
    app = given(opened("fiscal"), to_yaml(scenario).encode())
    fine(app)
    state = app.session_state["state"]
    assert WORLD.scenario(state).digest == scenario.digest
    assert dict(state.other) == {"seed": 9, "limits.reserve_kept": False}
    labels = [button.label for button in app.button if (button.key or "").startswith("diff:")]
    assert any("随机数种子" in label for label in labels) and any("预备费" in label for label in labels)
    app.button(key="diff:seed").click().run()
    assert dict(app.session_state["state"].other) == {"limits.reserve_kept": False}


def test_what_the_desk_writes_runs_on_the_command_line_to_the_same_digest(engine, tmp_path):  # noqa: F811
    state = State(BASE, "zh", {"fiscal.transfer_pool": 1.05}, other={"seed": 3, "limits.reserve_kept": False})
    path = tmp_path / "mine.yaml"
    path.write_text(scenario_yaml(state, WORLD.scenario(state), "名"), encoding="utf-8")
    assert load_scenario(path, home()).digest == WORLD.scenario(state).digest


def test_gbk_is_read_and_said(engine):  # noqa: F811
    app = given(opened("fiscal"), f"extends: [{BASE}]\nname_zh: 穷县多给\nset:\n  fiscal.transfer_pool: 1.1\n".encode("gb18030"))
    fine(app)
    assert "已按GBK编码读取" in app.success[0].value
    assert app.session_state["my_name"] == "穷县多给"


BAD = {
    "200 MB": b"#" * 200_000_000,
    "zip bomb": bomb(),
    "program": b"\x7fELF" + bytes(range(256)) * 4,
    "UTF-16": f"extends: [{BASE}]\n".encode("utf-16"),
    "NUL": f"extends: [{BASE}]\nname_zh: 'a\x00b'\n".encode(),
    "tag": b"!!python/object/apply:os.system ['true']",
    "aliases": b"a: &a [1]\nb: [*a, *a]\n",
    "deep": b"[" * 5000,
    "a list": b"- 1\n",
    "empty": b"",
    "no pack": b"name_zh: x\n",
    "unknown pack": b"pack: two-countries\n",
    "unknown key": f"extends: [{BASE}]\nsett: {{}}\n".encode(),
    "unknown lever": f"extends: [{BASE}]\nset:\n  fiscal.transfer_poll: 1\n".encode(),
    "out of range": f"extends: [{BASE}]\nset:\n  fiscal.transfer_pool: 99\n".encode(),
    "not a number": f"extends: [{BASE}]\nset:\n  fiscal.transfer_pool: '1,1'\n".encode(),
    "twice": f"extends: [{BASE}]\nset:\n  fiscal.transfer_pool: 1\n  fiscal.transfer_pool: 2\n".encode(),
    "outside": b"extends: [../../etc/passwd]\n",
    "absolute": b"extends: [/etc/passwd]\n",
    "itself": b"extends: [opened-file]\n",
    "formula name": f"extends: [{BASE}]\nname_zh: '=cmd()'\n".encode(),
    "long name": f"extends: [{BASE}]\nname_zh: {'x' * 300}\n".encode(),
}


@pytest.mark.parametrize("raw", BAD.values(), ids=list(BAD))
def test_a_bad_file_is_refused_with_its_places(raw):
    with pytest.raises(InputError) as refused:
        files.read_scenario(raw)
    assert refused.value.problems
    assert all("/tmp" not in str(problem) for problem in refused.value.problems)
    for lang in ("zh", "en"):
        assert files.upload_words("方案.yaml", refused.value.problems, lang)
    if raw is not BAD["unknown pack"]:
        words = [files.allowed_words(problem, "zh") for problem in refused.value.problems]
        assert [word for word in words if re.search("[A-Za-z]{4,}", re.sub("“.*”", "", word))] == []


@pytest.mark.parametrize("kind", ["zip bomb", "unknown lever", "out of range", "formula name", "outside"])
def test_the_page_says_what_is_wrong_in_a_file_and_keeps_its_state(engine, kind):  # noqa: F811
    app = opened("fiscal")
    before = app.session_state["state"]
    given(app, BAD[kind], "../../etc/<b>x.yaml")
    assert not app.exception
    assert re.match(r"\\<b\\>x\.yaml第\d+行", app.error[0].value)
    assert "etc/" not in app.error[0].value
    assert any("文件中的问题" in block for block in said(app))
    assert app.session_state["state"] == before
    assert headline_of(app)


def test_an_unknown_lever_in_a_file_names_the_nearest(engine):  # noqa: F811
    app = given(opened("fiscal"), BAD["unknown lever"])
    assert "fiscal.transfer" in app.error[0].value.replace("\\", "")
    assert "转移支付" not in app.error[0].value


@pytest.mark.parametrize("name", ["a/b\\c", "..", "x" * 300, "con\x00", "汉" * 100, "=1+1"])
def test_a_downloaded_file_has_a_harmless_name(name):
    made = files.file_name(name)
    assert "/" not in made and "\\" not in made and "\x00" not in made and ".." not in made
    assert len(made.encode()) <= 120
