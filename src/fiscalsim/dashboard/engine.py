"""Worker processes that hold warm models, and the queue in front of them; a page's thread never computes.

Knows jobs, tickets and processes. Must not know pages, widgets or words. Jobs go out and tables come back as JSON and Arrow bytes.
Of one session at most one job runs and one waits: a newer one replaces the waiting one and asks the running one to stop.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import threading
import time
import traceback
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from fiscalsim.errors import FiscalsimError, InputError, IntegrityError, NoSolution, Problem
from fiscalsim.quantities import PackInfo

KEPT_ANSWERS = 24  # results kept in memory for all sessions together; an undo finds its result here
KEPT_SESSIONS = 200
KEPT_PACKS = 4  # warm models a worker holds at most
ATTEMPTS = 2  # a job is repeated once when its worker died


@dataclass(frozen=True)
class Job:
    """What to compute: a scenario file and overrides as the command line takes them; `save` solves afresh and writes a run."""

    digest: str  # of the scenario, so that equal questions share one answer
    base: str
    overrides: tuple[str, ...] = ()
    replay: bool = False
    save: tuple[str, ...] = ()  # Chinese and English name under which to save, empty for a preview
    repairs: int = 0  # the year whose shortfalls are to be mended; 0: the scenario itself is computed
    about: tuple[str, ...] = ()  # of that year only one: region, service, residence, indicator; none: the largest
    why: bool = False  # of that one not what mends it but why it is not smaller
    near: int = 0  # the year whose near-optimal alternatives are wanted
    risk: int = 0  # how many futures are to be drawn, solved and filed
    proposal: str = ""  # as JSON: whether it is affordable is to be assessed and filed

    @property
    def key(self) -> str:
        """Equal keys mean equal answers."""
        mended = f"{self.repairs or ''}{'?' if self.why else ''}{'/'.join(self.about)}"
        return (
            f"{self.digest}|{'replay' if self.replay else ''}|{'/'.join(self.save)}|{mended}"
            + (f"~{self.near}" if self.near else "")
            + (f"!{self.risk}" if self.risk else "")
            + (f"${self.proposal}" if self.proposal else "")
        )


@dataclass(frozen=True)
class Answer:
    """The tables of one job, and how it went."""

    key: str
    info: PackInfo
    tables: Mapping[str, pd.DataFrame]
    record: Mapping[str, Any]  # passes, timings, versions, solver_options, pack_digest, run (folder name when saved)


@dataclass(frozen=True)
class Failure:
    """Why a job has no answer: kind (input, no_solution, integrity, disk, lost, error), the reason in words and the id under which it was logged."""

    key: str
    kind: str
    text: str
    id: str
    problems: tuple[Problem, ...] = ()  # of bad input, each with its place


@dataclass(frozen=True)
class Look:
    """How a job stands: its answer or failure, else how long it has run, how far it is and how many jobs are ahead."""

    answer: Answer | None = None
    failure: Failure | None = None
    seconds: float = 0.0
    fraction: float = 0.0
    stage: str = ""
    ahead: int = 0
    repeated: bool = False  # its worker died and it is computed once more


@dataclass
class _Session:
    waiting: Job | None = None
    running: Job | None = None
    stopping: bool = False
    ticket: int = 0
    asked: float = 0.0
    fraction: float = 0.0
    stage: str = ""
    failure: Failure | None = None
    repeated: bool = False


@dataclass
class _Worker:
    number: int
    process: Any = None
    pipe: Any = None
    stop: Any = None  # shared counter: tickets up to it are to stop
    ticket: int = 0
    packs: set[str] = field(default_factory=set)


class Engine:
    """The only owner of worker processes; one per server. Thread-safe."""

    def __init__(self, home: Path, runs: Path, workers: int = 2):
        self.home, self.runs = home, runs
        self._context = multiprocessing.get_context("spawn")
        self._lock = threading.Condition()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._order: list[str] = []  # sessions with a waiting job, first come first served
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._tickets = 0
        self._closed = False
        self._workers = [_Worker(number) for number in range(workers)]
        for worker in self._workers:
            threading.Thread(target=self._serve, args=(worker,), daemon=True, name=f"fiscalsim-worker-{worker.number}").start()

    def ask(self, session: str, job: Job) -> None:
        """Put `job` in the place of the session's waiting one; a running one that is another job is told to stop."""
        with self._lock:
            mine = self._sessions.setdefault(session, _Session())
            self._sessions.move_to_end(session)
            self._forget_sessions()
            if job.key in self._answers or job == mine.waiting or (job == mine.running and mine.waiting is None and not mine.stopping):
                return
            mine.failure, mine.asked, mine.fraction, mine.stage = None, time.monotonic(), 0.0, ""
            if job == mine.running and not mine.stopping:
                mine.waiting = None
                self._drop(session)
                return
            mine.waiting = job
            if session not in self._order:
                self._order.append(session)
            if mine.running is not None and not mine.running.save:  # a save is never cut short
                mine.stopping = True
                for worker in self._workers:
                    if worker.ticket == mine.ticket and worker.stop is not None:
                        worker.stop.value = mine.ticket
            self._lock.notify_all()

    def look(self, session: str, job: Job) -> Look:
        """How `job` stands for this session."""
        with self._lock:
            answer = self._answers.get(job.key)
            if answer is not None:
                self._answers.move_to_end(job.key)
                return Look(answer=answer)
            mine = self._sessions.get(session)
            if mine is None:
                return Look()
            if mine.failure is not None and mine.failure.key == job.key:
                return Look(failure=mine.failure)
            ahead = self._order.index(session) if session in self._order else 0
            return Look(seconds=time.monotonic() - mine.asked, fraction=mine.fraction, stage=mine.stage, ahead=ahead, repeated=mine.repeated)

    def wait(self, session: str, job: Job, seconds: float) -> Look:
        """`look` as soon as there is an answer or a failure, at the latest after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            found = self.look(session, job)
            left = end - time.monotonic()
            if found.answer is not None or found.failure is not None or left <= 0:
                return found
            with self._lock:
                self._lock.wait(min(left, 0.05))

    def forget_failure(self, session: str) -> None:
        """The user asks again for a job that failed."""
        with self._lock:
            if session in self._sessions:
                self._sessions[session].failure = None

    def close(self) -> None:
        """Stop all workers; for tests and the end of the server."""
        with self._lock:
            self._closed = True
            for worker in self._workers:
                if worker.process is not None and worker.process.is_alive():
                    worker.process.terminate()
            self._lock.notify_all()

    # --- threads, one per worker

    def _forget_sessions(self) -> None:
        for name in [name for name, s in self._sessions.items() if s.waiting is None and s.running is None][: max(0, len(self._sessions) - KEPT_SESSIONS)]:
            del self._sessions[name]

    def _drop(self, session: str) -> None:
        if session in self._order:
            self._order.remove(session)

    def _next(self, worker: _Worker) -> tuple[str, Job] | None:
        """The first waiting job whose session has none running; one that another idle worker holds warm is left to that one."""
        for session in self._order:
            mine = self._sessions[session]
            if mine.running is None and mine.waiting is not None:
                warm = [w for w in self._workers if w.ticket == 0 and mine.waiting.base in w.packs]
                if not warm or worker in warm:
                    return session, mine.waiting
        return None

    def _serve(self, worker: _Worker) -> None:
        while True:
            with self._lock:
                chosen = self._next(worker)
                while chosen is None and not self._closed:
                    self._lock.wait(1.0)
                    chosen = self._next(worker)
                if self._closed or chosen is None:
                    return
                session, job = chosen
                mine = self._sessions[session]
                self._tickets += 1
                worker.ticket = mine.ticket = self._tickets
                mine.running, mine.waiting, mine.stopping, mine.repeated = job, None, False, False
                self._drop(session)
            outcome = self._attempt(worker, mine, job)
            with self._lock:
                mine.running, worker.ticket = None, 0
                if isinstance(outcome, Answer):
                    self._answers[job.key] = outcome
                    if job.save:  # what was solved afresh also answers previews of the same scenario
                        for replay in (True, False):
                            self._answers[replace(job, save=(), replay=replay).key] = outcome
                    while len(self._answers) > KEPT_ANSWERS:
                        self._answers.popitem(last=False)
                    worker.packs.add(job.base)
                elif isinstance(outcome, Failure) and mine.waiting is None:
                    mine.failure = outcome
                self._lock.notify_all()

    def _attempt(self, worker: _Worker, mine: _Session, job: Job) -> Answer | Failure | None:
        """The answer of the worker, a failure, or None when it was told to stop. A worker that dies is replaced, the job repeated once."""
        for _ in range(ATTEMPTS):
            try:
                if worker.process is None or not worker.process.is_alive():
                    self._start(worker)
                worker.pipe.send_bytes(json.dumps({"ticket": worker.ticket, **asdict(job)}).encode())
                while True:
                    head = json.loads(worker.pipe.recv_bytes())
                    if "fraction" in head:
                        with self._lock:
                            mine.fraction, mine.stage = head["fraction"], head["stage"]
                    elif "stopped" in head:
                        return None
                    elif "failure" in head:
                        return Failure(job.key, head["failure"], head["text"], head["id"], tuple(Problem(**one) for one in head["problems"]))
                    else:
                        tables = {name: _read_table(worker.pipe.recv_bytes()) for name in head["tables"]}
                        return Answer(job.key, PackInfo(**head["info"], region_names=tables["regions"]), tables, head["record"])
            except (EOFError, OSError, BrokenPipeError):
                if self._closed:
                    return None
                worker.process = None
                worker.packs.clear()
                with self._lock:
                    mine.repeated, mine.fraction = True, 0.0
        return Failure(job.key, "lost", "", _log(f"worker lost twice at {job.key}"))

    def _start(self, worker: _Worker) -> None:
        worker.stop = self._context.Value("q", 0, lock=False)
        worker.pipe, far = self._context.Pipe()
        worker.process = self._context.Process(target=work, args=(far, worker.stop, str(self.home), str(self.runs)), daemon=True)
        worker.process.start()
        far.close()


def _log(text: str) -> str:
    """Write `text` to the server's log under a short id, which is all that a user is shown."""
    number = uuid.uuid4().hex[:8]
    print(f"[{number}] {text}", file=sys.stderr, flush=True)
    return number


def _read_table(raw: bytes) -> pd.DataFrame:
    return pa.ipc.open_stream(pa.py_buffer(raw)).read_all().to_pandas()


# --- inside a worker ------------------------------------------------------------------------------------------------


class _Superseded(Exception):
    """A newer job of the same session has arrived."""


def work(pipe: Connection, stop: Any, home: str, runs: str) -> None:
    """A worker's life: one job after another, models kept warm by pack and resolution. Ends when the other side of the pipe is closed."""
    from fiscalsim.pipeline import WarmModels

    models: OrderedDict[tuple[str, str], WarmModels] = OrderedDict()
    while True:
        try:
            asked = json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        ticket = asked.pop("ticket")
        job = Job(**{**asked, "overrides": tuple(asked["overrides"]), "save": tuple(asked["save"]), "about": tuple(asked["about"])})

        def progress(fraction: float, stage: str, ticket: int = ticket) -> None:
            if stop.value >= ticket:
                raise _Superseded
            pipe.send_bytes(json.dumps({"fraction": fraction, "stage": stage}).encode())

        try:
            head, tables = _compute(job, Path(home), Path(runs), models, progress)
        except _Superseded:
            pipe.send_bytes(json.dumps({"stopped": ticket}).encode())
        except Exception as error:
            models.clear()  # whatever state a failed run left behind must not answer the next one
            pipe.send_bytes(json.dumps(_failure(error)).encode())
        else:
            pipe.send_bytes(json.dumps(head).encode())
            for table in tables:
                pipe.send_bytes(table)


def _compute(job: Job, home: Path, runs: Path, models: OrderedDict[tuple[str, str], Any], progress: Any) -> tuple[dict[str, Any], list[bytes]]:
    from fiscalsim.pipeline import run
    from fiscalsim.scenario import load_scenario
    from fiscalsim.store import RunStore

    scenario = load_scenario(job.base, home, job.overrides)
    if job.repairs:
        return _mended(scenario, home, job, models, progress)
    if job.near:
        return _near(scenario, home, job.near)
    if job.risk:
        return _risk(scenario, home, runs, job.risk, progress)
    if job.proposal:
        return _assess(scenario, home, runs, job.proposal, progress)
    if job.save:
        result = run(replace(scenario, name_zh=job.save[0], name_en=job.save[1]), home=home, progress=progress)
        folder = RunStore(runs).save(result).name
    else:
        result, folder = run(scenario, home=home, progress=progress, warm=_warm(models, scenario), replay=job.replay), ""
    record = {
        "passes": result.passes,
        "timings": result.timings,
        "versions": result.versions,
        "solver_options": result.solver_options,
        "pack_digest": result.pack_digest,
        "run": folder,
    }
    return _message(result.info, record, result.tables)


def _mended(scenario: Any, home: Path, job: Job, models: OrderedDict[tuple[str, str], Any], progress: Any) -> tuple[dict[str, Any], list[bytes]]:
    """Why a shortfall is not smaller, or what mends it (or the largest ones), as tables; solved on the warm model of the pack."""
    from fiscalsim.assumptions import load_pack
    from fiscalsim.repairs import Picked, limits_table, parts_table, repairs, why

    warm = _warm(models, scenario)
    place = (scenario.pack, scenario.resolution)
    if place not in warm.packs:
        warm.packs[place] = load_pack(scenario.pack, home, scenario.resolution)
    pack = warm.packs[place]
    picked = Picked(*job.about) if job.about else None
    record = {"year": job.repairs}
    if job.why and picked is not None:
        short, told = why(scenario, picked, year=job.repairs, warm=warm, pack=pack, progress=progress)
        told_as = {"why_shortfall": short, "why_parts": parts_table(told), "why_limits": limits_table(told)}
        return _message(pack.info, record, {**told_as, "regions": pack.info.region_names})
    found = repairs(scenario, year=job.repairs, picked=picked, warm=warm, pack=pack, progress=progress)
    tables = {"repair_shortfalls": found.shortfalls, "repairs": found.repairs, "regions": found.places, "services": found.services}
    return _message(pack.info, record, tables)


def _warm(models: OrderedDict[tuple[str, str], Any], scenario: Any) -> Any:
    """The warm models of the scenario's pack, made when first needed; the oldest are forgotten."""
    from fiscalsim.pipeline import WarmModels

    place = (scenario.pack, scenario.resolution)
    warm = models.setdefault(place, WarmModels())
    models.move_to_end(place)
    while len(models) > KEPT_PACKS:
        models.popitem(last=False)
    return warm


def _near(scenario: Any, home: Path, year: int) -> tuple[dict[str, Any], list[bytes]]:
    """Other plans within a stated part of the best in one year, as tables."""
    from fiscalsim.assumptions import load_pack
    from fiscalsim.near_optimal import near_optimal

    found = near_optimal(scenario, home=home, year=year)
    tables = {"near_regions": found.regions, "near_whole": found.whole, "regions": found.places}
    return _message(load_pack(scenario.pack, home, scenario.resolution).info, {"year": found.year}, tables)


def _risk(scenario: Any, home: Path, runs: Path, futures: int, progress: Any) -> tuple[dict[str, Any], list[bytes]]:
    """So many futures of the scenario, solved in this process and filed; the answer names the folder."""
    from fiscalsim.assumptions import load_pack
    from fiscalsim.uncertainty import risk, save_risk

    folder = save_risk(risk(scenario, futures=futures, home=home, workers=0, runs=runs, progress=progress), runs)
    info = load_pack(scenario.pack, home, scenario.resolution).info
    return _message(info, {"risk": folder.name}, {"regions": info.region_names})


def _assess(scenario: Any, home: Path, runs: Path, proposal: str, progress: Any) -> tuple[dict[str, Any], list[bytes]]:
    """Whether a proposal is affordable on this scenario, filed; the answer names the folder."""
    from fiscalsim.assess import assess, from_json, save
    from fiscalsim.assumptions import load_pack

    folder = save(assess(scenario, from_json(proposal), home=home, progress=progress), scenario, runs)
    info = load_pack(scenario.pack, home, scenario.resolution).info
    return _message(info, {"assessment": folder.name}, {"regions": info.region_names})


def _message(info: PackInfo, record: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> tuple[dict[str, Any], list[bytes]]:
    """The head of an answer and its tables as bytes; names of the regions travel as a table."""
    plain = {f.name: getattr(info, f.name) for f in fields(info) if f.name != "region_names"}
    head = {"info": plain, "record": json.loads(json.dumps(record, default=str)), "tables": list(tables)}
    return head, [_write_table(table) for table in tables.values()]


def _write_table(table: pd.DataFrame) -> bytes:
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow.schema) as stream:
        stream.write_table(arrow)
    return sink.getvalue().to_pybytes()


def _failure(error: Exception) -> dict[str, Any]:
    kinds = ((InputError, "input"), (NoSolution, "no_solution"), (IntegrityError, "integrity"), (OSError, "disk"))
    kind = next((name for family, name in kinds if isinstance(error, family)), "error")
    text = str(error) if isinstance(error, FiscalsimError) else ""
    problems = [asdict(problem) for problem in error.problems] if isinstance(error, InputError) else []
    return {"failure": kind, "text": text, "id": _log("".join(traceback.format_exception(error))), "problems": problems}
