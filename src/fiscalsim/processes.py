"""Tasks in spawned processes of this machine: no more at once than workers, a process that dies blamed on its own task only.

Knows processes and attempts; must not know what a task computes.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from fiscalsim.errors import FiscalsimError

MOST_ATTEMPTS = 3
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class WorkerLost(FiscalsimError):
    """The process that computed a task ended without an answer, more often than is tried."""


def lost() -> WorkerLost:
    """The error of a task whose process died in every attempt."""
    return WorkerLost(f"the process that computed it ended {MOST_ATTEMPTS} times without an answer")


def ended(task: Callable[..., Any], items: Sequence[tuple[Any, ...]], workers: int) -> Iterator[tuple[int, Future[Any] | None, int]]:
    """(position, future that ended, attempts) of `task(*item)` for every item, as they end; no future where the process died every time.

    Never more tasks in the pool than workers: when it breaks, only those in it can be to blame, and they are then tried alone.
    """
    waiting = list(reversed(range(len(items))))
    suspects: list[int] = []
    while waiting:
        running: dict[Future[Any], int] = {}
        with pool(min(workers, len(waiting))) as processes:
            try:
                while waiting or running:
                    while waiting and len(running) < workers:
                        running[processes.submit(task, *items[waiting[-1]])] = waiting[-1]
                        waiting.pop()
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in sorted(done, key=lambda f: isinstance(f.exception(), BrokenProcessPool)):  # answers first, then losses
                        if isinstance(future.exception(), BrokenProcessPool):
                            raise BrokenProcessPool
                        yield running.pop(future), future, 1
            except BrokenProcessPool:
                suspects += running.values()
    for position in suspects:
        yield position, *_alone(task, items[position])


def _alone(task: Callable[..., Any], item: tuple[Any, ...]) -> tuple[Future[Any] | None, int]:
    for attempt in range(2, MOST_ATTEMPTS + 1):
        with pool(1) as processes:
            future = processes.submit(task, *item)
            if not isinstance(future.exception(), BrokenProcessPool):
                return future, attempt
    return None, MOST_ATTEMPTS


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Spawned workers with one BLAS thread each: the same bits everywhere, and no more threads than workers."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # read by a worker when it imports numpy, before any initializer runs
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_in_worker, initargs=(os.getpid(),)) as processes:
            yield processes
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _in_worker(parent: int) -> None:
    """End at once on Ctrl-C or when the parent dies: a run is saved whole or not at all, so nothing is lost."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)
