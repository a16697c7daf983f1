"""Many users of one server: no crossed figures, a lost worker replaced, no superseded answer, no chart without a plan, equal bytes everywhere."""

import os
import re
import resource
import signal
import threading
import time
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit")

from fiscalsim.allocation import solver
from fiscalsim.batch import run_batch
from fiscalsim.dashboard import engine as engine_module
from fiscalsim.dashboard import jobs
from fiscalsim.dashboard.engine import Engine, Failure
from fiscalsim.dashboard.state import State, overrides, scenario_yaml
from fiscalsim.pipeline import run
from fiscalsim.scenario import home, load_scenario
from fiscalsim.store import RunStore
from tests.test_dashboard import BASE, WORLD, engine, fine, headline_of, link, opened  # noqa: F401

SESSIONS = 20
LEVERS = ("fiscal.transfer_pool", "demography.external_migration", "costs.wage_growth", "fiscal.revenue_growth")


def job_of(path, value, **more):
    return WORLD.job(State(BASE, set={path: value}), **more)


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    both = Engine(home(), tmp_path_factory.mktemp("runs"), workers=2)
    yield both
    both.close()


def a_move(session):
    """The lever that a session moves and its value: no two sessions ask the same."""
    path = LEVERS[session % len(LEVERS)]
    lever = WORLD.levers("two-counties")[path]
    return path, round(lever.lowest + (lever.highest - lever.lowest) * (session + 1) / (SESSIONS + 2), 4)


def test_twenty_sessions_that_move_different_levers_at_once_each_get_their_own_figures(workers):
    found, before = {}, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def use(session):
        path, value = a_move(session)
        job = job_of(path, value)
        workers.ask(f"s{session}", job)
        began = time.monotonic()
        while (look := workers.wait(f"s{session}", job, 1.0)).answer is None and look.failure is None and time.monotonic() - began < 300:
            workers.ask(f"s{session}", job)
        found[session] = look

    threads = [threading.Thread(target=use, args=(session,)) for session in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [session for session, look in found.items() if look.answer is None] == []
    for session in (0, 1, 2, 3, 19):
        path, value = a_move(session)
        own = run(WORLD.scenario(State(BASE, set={path: value})), replay=False).tables
        shown = found[session].answer.tables
        for table, column in (("allocation", "provided"), ("transfers", "yuan")):
            assert shown[table][column].sum() == pytest.approx(own[table][column].sum(), rel=1e-6)
    assert len(workers._answers) <= engine_module.KEPT_ANSWERS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kilobytes; what the server's own process holds


def kill_when_busy(workers, session, times):
    """Kill the worker that computes for `session` as soon as it says how far it is; as often as `times`."""
    killed = 0
    for _ in range(12_000):
        busy = next((worker for worker in workers._workers if worker.ticket and workers._sessions[session].ticket == worker.ticket), None)
        if busy is not None and busy.process is not None and workers._sessions[session].fraction > 0:
            os.kill(busy.process.pid, signal.SIGKILL)
            busy.process.join(10)
            workers._sessions[session].fraction = 0.0
            killed += 1
            if killed == times:
                return
        time.sleep(0.005)
    pytest.fail(f"only {killed} kills")


def test_a_worker_killed_while_it_solves_is_replaced_and_its_job_repeated_once(workers):
    job = job_of("fiscal.transfer_pool", 1.234)
    workers.ask("killed once", job)
    kill_when_busy(workers, "killed once", 1)
    look = workers.wait("killed once", job, 120)
    assert look.answer is not None
    assert workers._sessions["killed once"].repeated


def test_a_job_whose_worker_dies_twice_is_a_failure_with_a_number_and_nothing_is_saved(workers, capsys):
    job = job_of("fiscal.transfer_pool", 1.235, save=("名", "name"))
    workers.ask("killed twice", job)
    kill_when_busy(workers, "killed twice", 2)
    failure = workers.wait("killed twice", job, 120).failure
    assert failure.kind == "lost"
    assert jobs.failure_words(failure, "zh") == f"本次试算中断，没有保存任何内容。请重试；如再出现，请把编号{failure.id}告诉管理员。"
    assert failure.id in capsys.readouterr().err
    assert RunStore(workers.runs).list() == []


def test_a_superseded_answer_never_appears(workers):
    asked = [job_of("fiscal.transfer_pool", round(1.4 + k / 1000, 4)) for k in range(12)]
    shown = []
    for job in asked:
        workers.ask("quick", job)
        look = workers.wait("quick", job, 0.05)
        shown += [(job.key, look.answer.key)] if look.answer else []
    look = workers.wait("quick", asked[-1], 120)
    assert look.answer.key == asked[-1].key
    assert all(wanted == got for wanted, got in shown)
    assert all(workers.look("another", job).answer is None or workers.look("another", job).answer.key == job.key for job in asked)


# --- no plan, no chart ----------------------------------------------------------------------------------------------


def forced(monkeypatch, kind):
    """A real failure of the real solver: a time limit of nothing, or rows that nothing can hold."""
    if kind == "limit":
        monkeypatch.setitem(solver.OPTIONS, "time_limit", 0.0)
    else:
        whole = solver.PassSolver.load

        def impossible(self, lo, hi, col_lo, col_hi):
            return whole(self, np.full_like(lo, 777.0), np.full_like(hi, 777.0), col_lo, col_hi)

        monkeypatch.setattr(solver.PassSolver, "load", impossible)
    with pytest.raises(Exception) as raised:
        engine_module._compute(job_of("fiscal.transfer_pool", 1.31), home(), home() / "nowhere", OrderedDict(), lambda *_: None)
    head = engine_module._failure(raised.value)
    return Failure("", head["failure"], head["text"], head["id"])


@pytest.mark.parametrize(("kind", "words"), [("limit", "到规定的求解时限仍未求得最优"), ("no plan", "按现有规则没有可行方案")])
def test_a_solver_without_optimum_gives_a_chinese_message_with_the_next_step_and_no_chart(engine, monkeypatch, kind, words):  # noqa: F811
    failure = forced(monkeypatch, kind)
    assert failure.kind == "no_solution"
    engine.failure = failure
    app = opened("fiscal")
    assert not app.exception
    assert app.error[0].value.startswith(words) and "请" in app.error[0].value
    assert re.findall("[A-Za-z]{3,}", app.error[0].value) == []
    assert len(app.get("plotly_chart")) == 0 and len(app.metric) == 0
    assert app.button(key="w:retry").label == "重试"


def test_a_run_with_a_damaged_table_is_not_shown(engine):  # noqa: F811
    opened("fiscal").button(key="w:save").click().run()
    saved = RunStore(engine.runs).list()[0]
    path = saved.path / "allocation.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(bytes(raw))
    jobs._run_answer.clear()
    app = opened("fiscal", query={"run": saved.digest8, "lang": "zh"})
    assert not app.exception
    assert app.error[0].value == f"运行{saved.digest8}与保存时不一致（allocation.parquet），已停止显示。请改用备份或重新计算。"
    assert len(app.get("plotly_chart")) == 0


# --- equal bytes ----------------------------------------------------------------------------------------------------


def tables_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


def test_app_command_line_and_batch_save_the_same_bytes(workers, tmp_path):
    state = State(BASE, "zh", {"fiscal.transfer_pool": 1.11, "demography.tfr": {2020: 1.2, 2030: 0.9}})
    job = WORLD.job(state, save=("名", "name"))
    workers.ask("saves", job)
    answer = workers.wait("saves", job, 120).answer
    from_app = tables_of(workers.runs / answer.record["run"])
    assert len(from_app) > 20
    by_hand = RunStore(tmp_path / "cli").save(run(load_scenario(BASE, home(), overrides(state))))
    path = tmp_path / "mine.yaml"
    path.write_text(scenario_yaml(state, WORLD.scenario(state), "名"), encoding="utf-8")
    by_batch = run_batch([load_scenario(path, home())], tmp_path / "batch", workers=1)
    assert tables_of(by_hand) == from_app
    assert tables_of(Path(by_batch[0].path)) == from_app
