"""The command line: what it prints where, which code it exits with, and what it leaves unimported."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fiscalsim import cli
from fiscalsim.allocation import FAMILIES
from fiscalsim.batch import load_batch
from fiscalsim.errors import IntegrityError, ModelError, NoSolution
from fiscalsim.scenario import FAMILY_NAMES
from fiscalsim.store import RunStore, check_run, open_run
from tests.fake_run import fake_result

TWO = "two-counties-baseline"


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.setenv("FISCALSIM_LANG", "en")
    monkeypatch.delenv("FISCALSIM_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def run_in_child(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "fiscalsim.cli", *words], cwd=cwd, capture_output=True, text=True, env={**os.environ, "FISCALSIM_LANG": "en"})


# --- help -----------------------------------------------------------------------------------------------------------

HEAVY = ("pandas", "pyomo", "streamlit", "scipy", "numpy", "pyarrow", "plotly", "highspy", "simpy")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["batch", "--help"], ["demo", "--help"]])
def test_help_imports_nothing_heavy(words):
    code = f"import sys; sys.argv = ['fiscalsim', *{words}]\nfrom fiscalsim.cli import main\ntry:\n    main()\nexcept SystemExit as e:\n    assert not e.code\n"
    code += f"print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_help_names_every_command(call):
    code, out, _ = call("--help")
    assert code == 0
    assert all(f"  {name} " in out for name in ("run", "batch", "compare", "check", "report", "list", "project", "app", "demo"))


# --- run ------------------------------------------------------------------------------------------------------------


def test_the_last_line_on_stdout_is_the_folder_of_the_run(call, tmp_path):
    code, out, err = call("run", TWO)
    assert code == 0
    folder = tmp_path / out.splitlines()[-1]
    assert check_run(folder) == []
    assert "optimal" in err


def test_two_runs_of_the_command_give_the_same_bytes(call, tmp_path):
    folders = [tmp_path / call("run", TWO, "--runs", name)[1].splitlines()[-1] for name in ("a", "b")]
    first, second = ({path.name: path.read_bytes() for path in folder.glob("*.parquet")} for folder in folders)
    assert len(first) >= 12
    assert first == second


def test_the_command_and_the_python_door_give_the_same_tables(call, tmp_path):
    import fiscalsim as fs

    saved = open_run(tmp_path / call("run", TWO, "--set", "demography.tfr=1.1")[1].splitlines()[-1])
    result = fs.run(fs.load_scenario(TWO, overrides=("demography.tfr=1.1",)))
    assert set(saved.table_names) == set(result.tables)
    other = open_run(fs.RunStore(tmp_path / "door").save(result))
    assert saved.manifest["files"] == other.manifest["files"]


def test_json_stands_alone_on_stdout(call):
    code, out, _ = call("run", TWO, "--json", "--lang", "zh")
    assert code == 0
    content = json.loads(out)
    assert content["checks_passed"] is True
    assert "规划期末" in content["headline"]


def test_language_may_stand_before_or_after_the_command(call):
    assert call("list", "packs", "--lang=zh")[1] == call("--lang", "zh", "list", "packs")[1]
    assert "辽宁省" in call("list", "packs", "--lang", "zh")[1]


def test_mps_files_are_written_with_the_objective_beside_them(call, tmp_path):
    code, _, _ = call("run", TWO, "--write-mps", "mps")
    assert code == 0
    passes = pd.read_csv(tmp_path / "mps" / "passes.csv")
    assert list(passes.columns[:3]) == ["pass", "file", "objective"]
    assert all((tmp_path / "mps" / name).stat().st_size > 100 for name in passes["file"])


# --- exit codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "no-such-scenario"],
        ["run", "../../etc/passwd"],
        ["run", "a\0b"],
        ["run", "x" * 300],
        ["run", "missing.yaml"],
        ["run", TWO, "--set", "demography.trf=1"],
        ["run", TWO, "--set", "demography.tfr"],
        ["run", TWO, "--set", "demography.tfr=99"],
        ["run", TWO, "--set", "demography.tfr=nan"],
        ["run", TWO, "--lang", "fr"],
        ["nosuch"],
        ["list", "nothing"],
        ["list", "levers", "--pack", "../national"],
        ["compare", "a"],
        ["compare", "a", "b"],
        ["report", "../x"],
        ["report", "a\0b"],
        ["report", TWO],
        ["check", "nothing"],
        ["batch"],
        ["batch", TWO, "--workers", "0"],
        ["batch", TWO, "--workers", "1", "--scheduler", "tcp://x:1"],
        ["project", "--population", "p.csv", "--mortality", "m.csv", "--fertility", "f.csv", "--until", "2030", "--out", "o"],
        ["app", "--port", "0"],
    ],
)
def test_bad_input_and_usage_exit_with_two_and_no_traceback(call, tmp_path, words):
    code, _, err = call(*words)
    assert code == 2
    assert err.strip()
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == []


def test_all_problems_are_printed_at_once(call):
    code, _, err = call("run", TWO, "--set", "demography.trf=1", "--set", "fiscal.transfer_pool=99")
    assert code == 2
    assert "demography.tfr" in err
    assert "99" in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    ("error", "expected"), [(NoSolution("time limit, gap 24%"), 3), (IntegrityError("damaged"), 4), (ModelError("cell"), 5), (ZeroDivisionError("x"), 5)]
)
def test_each_kind_of_failure_has_its_exit_code_and_leaves_no_run(call, tmp_path, monkeypatch, error, expected):
    def fail(*_args, **_values):
        raise error

    monkeypatch.setattr("fiscalsim.pipeline.run", fail)
    code, out, err = call("run", TWO)
    assert code == expected
    assert str(error) in err
    assert "Traceback" not in err
    assert out == ""
    assert RunStore(tmp_path / "runs").names() == ()


def test_a_scenario_without_solution_is_a_recorded_result(call, tmp_path, monkeypatch):
    def fail(*_args, **_values):
        raise NoSolution("pass 4: infeasible")

    monkeypatch.setattr("fiscalsim.pipeline.run", fail)
    assert call("run", TWO, "--set", "demography.tfr=1.1")[0] == 3
    (failure,) = RunStore(tmp_path / "runs").failures()
    assert failure["reason"] == "pass 4: infeasible"
    assert failure["set"]["demography.tfr"] == 1.1


def test_a_port_that_is_taken_is_told_before_the_app_starts(call):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = call("app", "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert "free port" in err


def test_the_commands_of_the_readme_are_the_same_in_both_languages_and_name_real_files():
    root = Path(cli.__file__).parents[3]
    blocks = [re.findall(r"```bash\n(.*?)```", (root / name).read_text(encoding="utf-8"), re.S)[:2] for name in ("README.md", "README.zh-CN.md")]
    assert blocks[0] == blocks[1]
    start, test = (block.strip() for block in blocks[0])
    assert start == 'python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e ".[app,test]" && .venv/bin/fiscalsim demo'
    assert test == ".venv/bin/python -m pytest"
    pins = (root / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.]+", line) for line in pins)


def test_the_examples_of_getting_started_are_valid(call, tmp_path):
    page = (Path(cli.__file__).parents[3] / "docs" / "getting-started.md").read_text(encoding="utf-8")
    scenario, sweep = re.findall(r"```yaml\n(.*?)```", page, re.S)
    (tmp_path / "my-idea.yaml").write_text(scenario, encoding="utf-8")
    (tmp_path / "sweep.yaml").write_text(sweep, encoding="utf-8")
    assert call("check", "my-idea.yaml")[0] == 0
    loaded, failed = load_batch([], [tmp_path / "sweep.yaml"])
    assert (len(loaded), failed) == (9, [])


def test_debug_shows_the_traceback(tmp_path):
    done = run_in_child("--debug", "run", "no-such-scenario", cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_an_error_is_json_too_when_asked(call):
    code, out, _ = call("run", "no-such-scenario", "--json")
    assert code == 2
    assert json.loads(out)["exit_code"] == 2


# --- check ----------------------------------------------------------------------------------------------------------


def test_check_exits_with_four_for_a_damaged_run_and_names_the_file(call, tmp_path):
    folder = RunStore(tmp_path / "runs").save(fake_result())
    assert call("check", str(folder))[0] == 0
    content = bytearray((folder / "demand.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "demand.parquet").write_bytes(bytes(content))
    for named in (str(folder), folder.name, folder.name[-8:], "runs"):
        code, out, _ = call("check", named)
        assert code == 4
        assert "demand.parquet" in out


def test_check_accepts_every_pack_and_scenario_that_is_shipped(call):
    packs = [line.split("\t")[0] for line in call("list", "packs")[1].splitlines()[1:]]
    scenarios = [line.split("\t")[0] for line in call("list", "scenarios")[1].splitlines()[1:]]
    code, out, _ = call("check", *packs, *scenarios)
    assert code == 0, out
    assert len(out.splitlines()) == 2 * len(packs) + len(scenarios) >= 8  # a pack also says its grades


def test_check_of_a_spoiled_pack_names_file_and_column(call, tmp_path):
    from fiscalsim.scenario import home

    shutil.copytree(home() / "assumptions", tmp_path / "home" / "assumptions")
    table = tmp_path / "home" / "assumptions" / "two-counties" / "residence.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("urban", "urbn", 1), encoding="utf-8")
    code, out, _ = call("check", str(table.parent))
    assert code == 2
    assert "residence.csv" in out
    assert "urbn" in out


# --- lists ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["packs", "scenarios", "levers", "services", "items", "indicators", "sources", "limits"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_list_has_rows_in_both_languages(call, what, lang):
    code, out, _ = call("list", what, "--json", "--lang", lang)
    assert code == 0
    rows = json.loads(out)
    assert len(rows) >= 2
    assert all(str(next(iter(row.values()))) for row in rows)


def test_the_list_of_limits_is_the_model_s_own(call):
    rows = json.loads(call("list", "limits", "--json")[1])
    assert [row["name"] for row in rows] == [family.name for family in FAMILIES]
    assert set(FAMILY_NAMES) <= {row["name"] for row in rows}


def test_the_list_of_limits_says_which_a_scenario_holds(call, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("extends: [two-counties-baseline]\nlimits: {reserve_kept: false}\n", encoding="utf-8")
    rows = {row["name"]: row for row in json.loads(call("list", "limits", "--scenario", str(file), "--json", "--lang", "en")[1])}
    assert rows["reserve_kept"]["held"] == "switched off"
    assert {row["held"] for name, row in rows.items() if name != "reserve_kept"} == {"on"}
    assert rows["own_share_paid"]["sentence"] and rows["own_share_paid"]["source"] == "budget-law"
    code, _, err = call("list", "levers", "--scenario", str(file))
    assert code == 2 and "only they are switched" in err


def test_list_runs_tells_of_damaged_and_failed_ones(call, tmp_path):
    store = RunStore(tmp_path / "runs")
    folder = store.save(fake_result())
    store.record_failure("other", "ab" * 32, {}, NoSolution("stopped at a limit"))
    broken = store.save(fake_result(name="broken"))
    (broken / "manifest.json").write_text("{")
    code, out, err = call("list", "runs")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == [folder.name]
    assert "stopped at a limit" in err
    assert broken.name in err


# --- batch, compare, report, project, demo --------------------------------------------------------------------------


def test_a_batch_saves_each_scenario_and_resume_skips_them(call, tmp_path):
    (tmp_path / "sweep.yaml").write_text(f"scenario: {TWO}\nover:\n  demography.tfr: [1.0, 1.1]\n")
    words = ("batch", TWO, "no-such", "--sweep", "sweep.yaml", "--workers", "1", "--json")
    code, out, _ = call(*words)
    content = json.loads(out)
    assert code == 2
    assert (content["done"], content["failed"]) == (3, 1)
    assert len(RunStore(tmp_path / "runs").names()) == 3


def test_comparing_in_each_format(call, tmp_path):
    store = RunStore(tmp_path / "runs")
    runs = [call("run", TWO, *words)[1].splitlines()[-1] for words in ((), ("--set", "demography.tfr=1.0"))]
    code, out, _ = call("compare", *runs)
    assert code == 0
    assert "demography.tfr" in out
    assert json.loads(call("compare", *runs, "--format", "json")[1])["runs"] == [Path(run).name for run in runs]
    for form in ("html", "xlsx"):
        code, out, _ = call("compare", *runs, "--format", form, "--out", str(tmp_path))
        assert code == 0
        assert Path(out.splitlines()[-1]).stat().st_size > 5_000
    assert len(store.names()) == 2


def test_a_report_of_a_damaged_run_is_refused(call, tmp_path):
    folder = tmp_path / call("run", TWO)[1].splitlines()[-1]
    (folder / "fiscal.parquet").write_bytes(b"PAR1")
    for to in ("html", "xlsx"):
        code, out, err = call("report", folder.name, "--to", to)
        assert (code, out) == (4, "")
        assert "fiscal.parquet" in err
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_project_writes_every_year_end(call, tmp_path):
    ages = range(4)
    rows = [(sex, age) for sex in ("male", "female") for age in ages]
    pd.DataFrame([(2020, s, a, 100.0) for s, a in rows], columns=["year", "sex", "age", "persons"]).to_csv("p.csv", index=False)
    pd.DataFrame([(2021, s, a, 0.1) for s, a in rows], columns=["year", "sex", "age", "mx"]).to_csv("m.csv", index=False)
    pd.DataFrame([(2021, 2, 0.5)], columns=["year", "age", "asfr"]).to_csv("f.csv", index=False)
    code, out, _ = call("project", "--population", "p.csv", "--mortality", "m.csv", "--fertility", "f.csv", "--until", "2023", "--out", "out")
    assert code == 0
    assert out.splitlines()[-1] == "out"
    assert sorted(set(pd.read_csv(tmp_path / "out" / "population.csv")["year"])) == [2020, 2021, 2022, 2023]
    assert list(pd.read_csv(tmp_path / "out" / "components.csv").columns) == ["year", "births", "deaths", "net_migration"]


def test_demo_prints_a_headline_and_computes_only_once(call, tmp_path, monkeypatch):
    monkeypatch.setattr(cli.serving, "DEMO", TWO)
    code, first, _ = call("demo", "--no-browser")
    assert code == 0
    headline, folder = first.splitlines()[-2:]
    assert "targets are met" in headline
    assert check_run(tmp_path / folder) == []
    monkeypatch.setattr("fiscalsim.pipeline.run", lambda *_args, **_values: pytest.fail("computed again"))
    assert call("demo", "--no-browser")[1] == first


def test_a_machine_without_streamlit_is_told_what_to_install(call, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = call("app")
    assert code == 2
    assert "pip install" in err


# --- reviews --------------------------------------------------------------------------------------------------------


def test_a_review_is_recorded_listed_shown_and_checked(call, tmp_path):
    runs = ("--runs", str(tmp_path))
    folder = Path(call("run", "two-counties-baseline", *runs)[1].splitlines()[-1])
    assert "not reviewed" in call("list", "runs", *runs)[1]
    done = call("review", folder.name[-8:], "--who", "Wang", "--remark", "sums checked", "--decision", "reviewed", *runs)
    assert done[0] == 0
    record = Path(done[1].splitlines()[-1])
    assert json.loads(record.read_text())["who_known"] is False
    assert "reviewed (Wang, " in call("list", "runs", *runs)[1]
    assert "name as typed" in call("review", folder.name, *runs)[1]
    report = tmp_path / "report.html"
    assert call("report", folder.name, "--out", str(report), *runs)[0] == 0
    assert "This run was reviewed by Wang" in report.read_text(encoding="utf-8")
    record.write_text(record.read_text().replace("sums", "some"))
    for asked in (folder.name, str(tmp_path)):
        found = call("check", asked, *runs)
        assert (found[0], record.name in found[1]) == (4, True)
    assert "damaged" in call("list", "runs", *runs)[1]


def test_a_review_without_a_name_or_of_an_unknown_value_is_refused(call, tmp_path):
    runs = ("--runs", str(tmp_path))
    folder = Path(call("run", "two-counties-baseline", *runs)[1].splitlines()[-1])
    assert call("review", folder.name, "--remark", "x", *runs)[0] == 2
    found = call("review", folder.name, "--who", "Wang", "--remark", "x", "--on", "demography.tfrr", *runs)
    assert (found[0], "demography.tfr" in found[2]) == (2, True)
    assert not (tmp_path / "reviews").exists()
