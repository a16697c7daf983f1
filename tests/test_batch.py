"""A batch: one failure is one result, a dead worker blames nobody else, and the folder of runs is the only memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest

from fiscalsim import batch as batch_module
from fiscalsim import store as store_module
from fiscalsim.batch import DONE, FAILED, SKIPPED, read_sweep, run_batch, worst
from fiscalsim.errors import InputError
from fiscalsim.store import RunStore, check_run
from tests.fake_run import CODE, FakeScenario, fake_result, save_task, slow_task, threads_task, troubled_task


def scenarios(*names: str) -> list[FakeScenario]:
    return [FakeScenario(id=name, set={"number": i}) for i, name in enumerate(names)]


def all_bytes(runs: Path) -> dict[str, bytes]:
    return {str(path.relative_to(runs)): path.read_bytes() for path in sorted(runs.glob("*/*.parquet"))}


def test_a_batch_gives_the_same_bytes_on_one_worker_and_on_two(tmp_path):
    wanted = scenarios("a", "b", "c")
    one = run_batch(wanted, tmp_path / "one", workers=1, task=save_task)
    two = run_batch(wanted, tmp_path / "two", workers=2, task=save_task)
    assert [o.state for o in one] == [o.state for o in two] == [DONE] * 3
    assert all_bytes(tmp_path / "one") == all_bytes(tmp_path / "two")
    assert len(all_bytes(tmp_path / "one")) > 30


def test_outcomes_stand_in_the_order_of_the_scenarios(tmp_path):
    seen = []
    outcomes = run_batch(scenarios("a", "b", "c"), tmp_path, workers=2, task=save_task, progress=lambda n, of, o: seen.append((n, of)))
    assert [o.name for o in outcomes] == ["a", "b", "c"]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_scenario_that_fails_is_a_recorded_result_and_the_others_go_on(tmp_path):
    outcomes = run_batch(scenarios("a", "unsolved", "broken", "b"), tmp_path, workers=2, task=troubled_task)
    assert [o.state for o in outcomes] == [DONE, FAILED, FAILED, DONE]
    assert outcomes[1].exit_code == 3
    assert "gap 24%" in outcomes[1].reason
    assert outcomes[1].settings == {"number": 1}
    assert worst(outcomes) == 5
    assert {failure["name"]: failure["kind"] for failure in RunStore(tmp_path).failures()} == {"unsolved": "NoSolution", "broken": "ZeroDivisionError"}


def test_a_killed_worker_is_replaced_and_its_scenario_finished(tmp_path):
    outcomes = run_batch(scenarios("a", "once", "b"), tmp_path, workers=2, task=troubled_task)
    assert [o.state for o in outcomes] == [DONE] * 3
    assert all(check_run(o.path) == [] for o in outcomes)


def test_a_scenario_that_always_kills_its_worker_fails_after_three_attempts_and_alone(tmp_path):
    outcomes = run_batch(scenarios("a", "killer", "b", "c"), tmp_path, workers=2, task=troubled_task)
    assert [o.state for o in outcomes] == [DONE, FAILED, DONE, DONE]
    assert outcomes[1].attempts == 3
    assert "3 times" in outcomes[1].reason


def test_every_worker_has_one_blas_thread_and_the_parent_keeps_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    (outcome,) = run_batch(scenarios("a"), tmp_path, workers=1, task=threads_task)
    assert outcome.path == "1"
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"


def test_resume_skips_whole_runs_and_reports_a_damaged_one(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_module, "inputs_today", lambda scenario, home: (fake_result().pack_digest, fake_result().versions))
    monkeypatch.setattr(store_module, "_code_digest", lambda: CODE)
    wanted = scenarios("a", "b")
    run_batch(wanted, tmp_path, workers=1, task=save_task)
    before = all_bytes(tmp_path)
    outcomes = run_batch([*wanted, *scenarios("x", "y", "c")[2:]], tmp_path, workers=1, resume=True, task=save_task)
    assert [o.state for o in outcomes] == [SKIPPED, SKIPPED, DONE]
    assert before.items() <= all_bytes(tmp_path).items()
    Path(outcomes[0].path, "demand.parquet").write_bytes(b"")
    again = run_batch(wanted, tmp_path, workers=1, resume=True, task=save_task)
    assert [o.state for o in again] == [FAILED, SKIPPED]
    assert again[0].exit_code == 4


def test_zero_workers_are_refused(tmp_path):
    with pytest.raises(InputError, match="--workers"):
        run_batch(scenarios("a"), tmp_path, workers=0, task=save_task)


def test_a_cluster_without_dask_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="dask"):
        run_batch(scenarios("a"), tmp_path, scheduler="tcp://127.0.0.1:1", task=save_task)


class Cluster:
    """Stands for dask's Client: the same calls, each task run at once in this process."""

    def __init__(self, address, timeout):
        if address != "tcp://there:1":
            raise OSError("timed out")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def submit(self, task, *words, pure, retries):
        future = Future()
        try:
            future.set_result(task(*words))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def dask(monkeypatch):
    monkeypatch.setattr(store_module, "_code_digest", store_module._code_digest)  # tasks here replace it in this process: put it back
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=Cluster, as_completed=list))


def test_a_cluster_gives_the_same_bytes_and_records_failures_alike(tmp_path, dask):
    here = run_batch(scenarios("a", "unsolved", "b"), tmp_path / "here", workers=1, task=troubled_task)
    there = run_batch(scenarios("a", "unsolved", "b"), tmp_path / "there", scheduler="tcp://there:1", task=troubled_task)
    assert [(o.state, o.exit_code) for o in there] == [(o.state, o.exit_code) for o in here]
    assert all_bytes(tmp_path / "here") == all_bytes(tmp_path / "there")


def test_a_cluster_that_does_not_answer_is_bad_input(tmp_path, dask):
    with pytest.raises(InputError, match="running dask scheduler"):
        run_batch(scenarios("a"), tmp_path, scheduler="tcp://nowhere:1", task=save_task)


ORPHANS = """
import sys
sys.path.insert(0, {top!r})
from pathlib import Path
from tests.fake_run import CODE, FakeScenario, slow_task
from fiscalsim.batch import run_batch
if __name__ == "__main__":
    run_batch([FakeScenario(id="a"), FakeScenario(id="b")], Path({runs!r}), workers=2, task=slow_task)
"""


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the death signal of a parent is Linux's")
def test_workers_die_with_a_killed_parent(tmp_path):
    assert slow_task
    runs, script = tmp_path / "runs", tmp_path / "parent.py"
    script.write_text(ORPHANS.format(top=str(Path(__file__).parents[1]), runs=str(runs)))
    parent = subprocess.Popen([sys.executable, str(script)])
    for _ in range(300):
        marks = list(runs.glob("pid-*")) if runs.is_dir() else []
        if marks:
            break
        time.sleep(0.1)
    workers = [int(mark.name.removeprefix("pid-")) for mark in marks]
    assert workers
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        if not any(lives(pid) for pid in workers):
            return
        time.sleep(0.1)
    pytest.fail(f"workers {workers} outlived their parent")


# --- sweeps ---------------------------------------------------------------------------------------------------------


def test_a_sweep_is_every_point_of_its_grid(tmp_path):
    file = tmp_path / "sweep.yaml"
    file.write_text("scenario: liaoning-baseline\nover:\n  demography.tfr: [0.8, 1]\n  fiscal.transfer_pool: [1.0, {2026: 1.1, 2030: 1.2}]\n")
    assert read_sweep(file) == [
        ("liaoning-baseline", ("demography.tfr=0.8", "fiscal.transfer_pool=1.0")),
        ("liaoning-baseline", ("demography.tfr=0.8", "fiscal.transfer_pool={2026: 1.1, 2030: 1.2}")),
        ("liaoning-baseline", ("demography.tfr=1", "fiscal.transfer_pool=1.0")),
        ("liaoning-baseline", ("demography.tfr=1", "fiscal.transfer_pool={2026: 1.1, 2030: 1.2}")),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "scenario: a",
        "over: {x.y: [1]}",
        "scenario: a\nover: {}",
        "scenario: a\nover: {x.y: []}",
        "scenario: a\nover: {x.y: 1}",
        "scenario: a\nextra: 1\nover: {x.y: [1]}",
        "scenario: a\nover: {x.y: [1], x.z: [" + "1, " * 20_000 + "1]}",
        "scenario: &a a\nover: {x.y: [*a]}",
    ],
)
def test_a_wrong_sweep_is_refused_and_its_file_named(tmp_path, text):
    file = tmp_path / "sweep.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"sweep\.yaml"):
        read_sweep(file)
